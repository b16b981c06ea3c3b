#include "dial.h"

#include <stdio.h>
#include <string.h>

/* ---- failing ---- */

/* Whose fault it is stands in front, unless the text names it already. */
static void fail(sio_dial *dial, const sio_transport_end *why, const char *whose) {
    char text[SIO_TRANSPORT_DETAIL];
    sio_transport_end end = *why;
    if (whose) {
        snprintf(text, sizeof(text), "%s: %s", whose, why->detail);
        end.detail = text;
    }
    dial->on_failed(dial->ctx, &end);
}

static const char *first_host(const sio_dial *dial) {
    const sio_dial_target *target = dial->target;
    return target->proxy.host ? target->proxy.host : target->host;
}

static void fail_proxy(sio_dial *dial, int err) {
    const char *said = dial->proxy ? sio_proxy_detail(dial->proxy) : "";
    sio_transport_end end = {
        .err = err,
        .stage = SIO_CLIENT_STAGE_PROXY,
        .detail = said[0] ? said : sio_error_text(err),
    };
    if (dial->target->proxy.kind == SIO_PROXY_HTTP && dial->proxy) {
        end.http_status = sio_proxy_status(dial->proxy);
    }
    fail(dial, &end, dial->target->proxy.host);
}

/* ---- ready ---- */

static void ready(sio_dial *dial) {
    sio_dial_target *target = dial->target;
    if (!target->has_peer) {
        target->has_peer = sio_stream_peer(dial->stream, &target->peer) == 0;
    }
    sio_stream_set_callbacks(dial->stream, dial->callbacks, dial->ctx);
    if (dial->callbacks->on_connected) {
        dial->callbacks->on_connected(dial->ctx);
    }
}

/* ---- the proxy ---- */

static void send_wire(sio_dial *dial, sio_buf *wire) {
    int rc = wire->len > 0 ? sio_stream_write(dial->stream, wire->data, wire->len) : 0;
    sio_buf_free(wire);
    if (rc != 0) {
        fail_proxy(dial, rc);
    }
}

static void ask_proxy(sio_dial *dial) {
    const sio_dial_target *target = dial->target;
    const sio_dial_proxy *way = &target->proxy;
    sio_proxy_request request = {
        .kind = way->kind,
        .host = {target->host, strlen(target->host)},
        .port = target->port,
        .has_user = way->has_user,
        .user = {(const char *)way->user.data, way->user.len},
        .password = {(const char *)way->password.data, way->password.len},
    };
    const sio_mem *mem = sio_loop_mem(dial->loop);
    sio_buf wire;
    sio_buf_init(&wire, 0, mem);
    int rc = sio_proxy_new(&dial->proxy, &request, &wire, mem);
    if (rc != 0) {
        sio_buf_free(&wire);
        fail_proxy(dial, rc);
        return;
    }
    send_wire(dial, &wire);
}

static void pass_proxy(sio_dial *dial) {
    const sio_dial_target *target = dial->target;
    sio_proxy_free(dial->proxy);
    dial->proxy = NULL;
    dial->passed = true;
    if (!target->tls) {
        ready(dial);
        return;
    }
    int rc = sio_stream_start_tls(dial->stream, target->tls, target->server_name, 0);
    if (rc != 0) {
        fail(dial,
             &(sio_transport_end){
                 .err = rc, .stage = SIO_CLIENT_STAGE_TLS, .detail = sio_error_text(rc)},
             target->host);
    }
}

/* ---- the stream, until it is ready ---- */

static void on_connected(void *ctx) {
    sio_dial *dial = ctx;
    if (dial->target->proxy.host && !dial->passed) {
        ask_proxy(dial);
    } else {
        ready(dial);
    }
}

static void on_read(void *ctx, uint8_t *data, size_t len) {
    sio_dial *dial = ctx;
    if (!dial->proxy) {
        return;
    }
    sio_buf wire;
    sio_buf_init(&wire, 0, sio_loop_mem(dial->loop));
    int rc = sio_proxy_feed(dial->proxy, data, len, &wire);
    if (rc == 0) {
        send_wire(dial, &wire);
        return;
    }
    sio_buf_free(&wire);
    if (rc == 1) {
        pass_proxy(dial);
    } else {
        fail_proxy(dial, rc);
    }
}

static void on_eof(void *ctx) {
    sio_dial *dial = ctx;
    fail(dial,
         &(sio_transport_end){
             .err = SIO_ERR_PROXY_ANSWER,
             .stage = SIO_CLIENT_STAGE_PROXY,
             .detail = "the proxy closed the connection",
         },
         dial->target->proxy.host);
}

/* What a connection is good for when it is merely cut. */
static sio_client_stage carried(const sio_dial *dial) {
    if (dial->proxy) {
        return SIO_CLIENT_STAGE_PROXY;
    }
    return dial->target->tls ? SIO_CLIENT_STAGE_TLS : SIO_CLIENT_STAGE_CONNECT;
}

static void on_error(void *ctx, const sio_stream_error *error) {
    sio_dial *dial = ctx;
    bool to_proxy = dial->target->proxy.host && !dial->passed;
    fail(dial,
         &(sio_transport_end){
             .err = error->err,
             .stage = sio_client_stage_of(error->err, carried(dial)),
             .sys = error->sys,
             .detail = error->detail,
         },
         to_proxy ? "proxy" : NULL);
}

static const sio_stream_callbacks own_callbacks = {
    .on_connected = on_connected,
    .on_read = on_read,
    .on_eof = on_eof,
    .on_error = on_error,
};

/* ---- connecting ---- */

static int connect_to(sio_dial *dial, const sio_address *list, size_t count) {
    const sio_dial_target *target = dial->target;
    bool direct = !target->proxy.host;
    sio_stream_connect_options options = {
        .addresses = list,
        .address_count = count,
        .local = target->local.len > 0 ? &target->local : NULL,
        .tls = direct ? target->tls : NULL,
        .host = direct ? target->server_name : NULL,
        .callbacks = &own_callbacks,
        .ctx = dial,
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
        sio_client_stage stage = sio_client_stage_of(err, SIO_CLIENT_STAGE_CONNECT);
        fail(dial, &(sio_transport_end){.err = err, .stage = stage, .detail = detail},
             first_host(dial));
    }
}

int sio_dial_start(sio_dial *dial) {
    sio_dial_target *target = dial->target;
    dial->passed = false;
    if (target->has_peer) {
        return connect_to(dial, &target->peer, 1);
    }
    uint16_t port = target->proxy.host ? target->proxy.port : target->port;
    return sio_lookup_start(&dial->lookup, dial->loop, first_host(dial), port, resolved, dial);
}

void sio_dial_cut(sio_dial *dial) {
    sio_lookup_cancel(dial->lookup);
    dial->lookup = NULL;
    sio_proxy_free(dial->proxy);
    dial->proxy = NULL;
    sio_stream_free(dial->stream);
    dial->stream = NULL;
}
