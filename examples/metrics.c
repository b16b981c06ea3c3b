/* An echo server that shows its counters to Prometheus at /metrics, and prints a line of them
 * itself when it ends (Ctrl-C). */
#include "debug_log.h"

#include <sio/server.h>

#include <event2/event.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

static void on_any(sio_peer *peer, const sio_event *event, void *user) {
    if (event->ack) {
        sio_ack_send(event->ack, event->args);
    }
}

static void on_signal(evutil_socket_t signal, short what, void *user) {
    sio_server_close(user, 5000, NULL, NULL);
}

static void print_summary(const sio_server *server) {
    sio_counters c = SIO_COUNTERS_INIT;
    if (sio_server_read_counters(server, &c) == 0) {
        printf("%" PRIu64 " handshakes, %" PRIu64 " packets in, %" PRIu64 " packets out\n",
               c.handshakes_polling + c.handshakes_websocket,
               c.packets_in_polling + c.packets_in_websocket,
               c.packets_out_polling + c.packets_out_websocket);
    }
}

int main(void) {
    struct event_base *base = event_base_new();
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.base = base;
    options.metrics_path = "/metrics";
    options.log = debug_log;
    sio_server *server = NULL;
    if (!base || sio_server_new(&server, &options) != 0) {
        return 1;
    }
    sio_namespace_on_any(sio_server_of(server, "/"), on_any, NULL);
    struct event *interrupt = evsignal_new(base, SIGINT, on_signal, server);
    event_add(interrupt, NULL);
    int rc = sio_server_listen(server, "::", 3000);
    if (rc == 0) {
        rc = sio_server_run(server);
    }
    print_summary(server);
    event_free(interrupt);
    sio_server_free(server);
    event_base_free(base);
    return rc != 0;
}
