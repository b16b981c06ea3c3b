/* The server that load generators talk to: echo, acknowledge, broadcast (see README.md). The port
 * comes from PORT. */
#include <sio/server.h>

#include <stdio.h>
#include <stdlib.h>

static void on_echo(sio_peer *peer, const sio_event *event, void *user) {
    (void)user;
    (void)sio_peer_emit(peer, "echo", event->args, NULL);
}

static void on_ack(sio_peer *peer, const sio_event *event, void *user) {
    (void)peer;
    (void)user;
    if (event->ack) {
        (void)sio_ack_send(event->ack, event->args);
    }
}

static void on_bcast(sio_peer *peer, const sio_event *event, void *user) {
    sio_target everyone = sio_namespace_target(sio_peer_namespace(peer));
    (void)user;
    (void)sio_target_emit(&everyone, "bcast", event->args);
}

int main(void) {
    const char *port = getenv("PORT");
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    sio_server *server;
    if (sio_server_new(&server, &options) != 0) {
        return 1;
    }
    sio_namespace *root = sio_server_of(server, "/");
    if (sio_namespace_on(root, "echo", on_echo, NULL) != 0 ||
        sio_namespace_on(root, "ack", on_ack, NULL) != 0 ||
        sio_namespace_on(root, "bcast", on_bcast, NULL) != 0) {
        return 1;
    }
    int rc = sio_server_listen(server, "127.0.0.1", (uint16_t)(port ? strtoul(port, NULL, 10) : 0));
    if (rc != 0) {
        fprintf(stderr, "listen: %s\n", sio_error_text(rc));
        sio_server_free(server);
        return 1;
    }
    printf("listening on %u\n", (unsigned)sio_server_port(server));
    fflush(stdout);
    rc = sio_server_run(server);
    sio_server_free(server);
    return rc != 0;
}
