#include "dial.h"

#include <stdio.h>

static int connect_to(sio_dial *dial, const sio_address *list, size_t count) {
    const sio_dial_target *target = dial->target;
    sio_stream_connect_options options = {
        .addresses = list,
        .address_count = count,
        .tls = target->tls,
        .host = target->server_name,
        .callbacks = dial->callbacks,
        .ctx = dial->ctx,
    };
    return sio_stream_connect(&dial->stream, dial->loop, &options);
}

static void resolved(void *ctx, int err, const char *detail, const sio_address *list,
                     size_t count) {
    sio_dial *dial = ctx;
    dial->lookup = NULL;
    if (err == 0) {
        err = connect_to(dial, list, count);
        detail = sio_error_text(err);
    }
    if (err != 0) {
        char text[512];
        snprintf(text, sizeof(text), "%s: %s", dial->target->host, detail);
        dial->on_failed(dial->ctx, err, text);
    }
}

int sio_dial_start(sio_dial *dial) {
    sio_dial_target *target = dial->target;
    if (target->has_peer) {
        return connect_to(dial, &target->peer, 1);
    }
    return sio_lookup_start(&dial->lookup, dial->loop, target->host, target->port, resolved, dial);
}

void sio_dial_connected(sio_dial *dial) {
    sio_dial_target *target = dial->target;
    if (!target->has_peer) {
        target->has_peer = sio_stream_peer(dial->stream, &target->peer) == 0;
    }
}

void sio_dial_cut(sio_dial *dial) {
    sio_lookup_cancel(dial->lookup);
    dial->lookup = NULL;
    sio_stream_free(dial->stream);
    dial->stream = NULL;
}
