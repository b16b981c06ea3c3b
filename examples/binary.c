/* Binary arguments, at the top and inside of JSON.
 *   client: emit("turn", bytes, ack)         gets the bytes in reverse
 *   client: emit("file", {name, data})       all others get it as it came */
#include "debug_log.h"

#include <sio/server.h>

#include <stdlib.h>

static void on_turn(sio_peer *peer, const sio_event *event, void *user) {
    sio_bytes in = sio_event_binary(event, 0); /* empty when it is not binary */
    unsigned char *out = malloc(in.len + 1);
    if (out && event->ack) {
        for (size_t i = 0; i < in.len; i++) {
            out[i] = in.ptr[in.len - 1 - i];
        }
        sio_ack_sendf(event->ack, "B", out, in.len);
    }
    free(out);
}

/* What came can be sent again without taking it apart. */
static void on_file(sio_peer *peer, const sio_event *event, void *user) {
    sio_target others = sio_peer_broadcast(peer);
    sio_target_emit(&others, "file", event->args);
}

int main(void) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.log = debug_log;
    sio_server *server;
    if (sio_server_new(&server, &options) != 0) {
        return 1;
    }
    sio_namespace *ns = sio_server_of(server, "/");
    sio_namespace_on(ns, "turn", on_turn, NULL);
    sio_namespace_on(ns, "file", on_file, NULL);
    int rc = sio_server_listen(server, "::", 3000);
    if (rc == 0) {
        rc = sio_server_run(server);
    }
    sio_server_free(server);
    return rc != 0;
}
