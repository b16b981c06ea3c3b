/* Socket.IO beside an existing evhttp server, on one port: evhttp answers what it always did, and
 * hands over what belongs to Socket.IO. The port is the argument, else 3000. */
#include "debug_log.h"

#include <sio/evhttp.h>

#include <event2/event.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>

static void on_echo(sio_peer *peer, const sio_event *event, void *user) {
    sio_peer_emitf(peer, "echo", "s", sio_event_string(event, 0));
}

static void on_page(struct evhttp_request *request, void *user) {
    struct evbuffer *body = evbuffer_new();
    evbuffer_add_printf(body, "evhttp\n");
    evhttp_send_reply(request, 200, "OK", body);
    evbuffer_free(body);
}

static void on_socket_io(struct evhttp_request *request, void *user) {
    if (sio_evhttp_adopt(user, request) != 0) {
        fputs("a connection was lost\n", stderr);
    }
}

int main(int argc, char **argv) {
    struct event_base *base = event_base_new();
    struct evhttp *http = base ? evhttp_new(base) : NULL;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.base = base;
    options.log = debug_log;
    sio_server *server;
    if (!http || sio_server_new(&server, &options) != 0) {
        return 1;
    }
    sio_namespace_on(sio_server_of(server, "/"), "echo", on_echo, NULL);
    evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_OPTIONS);
    evhttp_set_cb(http, "/socket.io/", on_socket_io, server);
    evhttp_set_gencb(http, on_page, NULL);
    int port = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 3000;
    struct evhttp_bound_socket *bound =
        evhttp_bind_socket_with_handle(http, "127.0.0.1", (ev_uint16_t)port);
    if (!bound) {
        return 1;
    }
    event_base_dispatch(base);
    evhttp_free(http);
    sio_server_free(server);
    event_base_free(base);
    return 0;
}
