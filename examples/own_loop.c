/* The server on the program's own event base: a timer of the program and the clients share it. */
#include "debug_log.h"

#include <sio/server.h>

#include <event2/event.h>

static void on_second(evutil_socket_t fd, short what, void *user) {
    static int seconds;
    sio_target all = sio_namespace_target(user);
    sio_target_emitf(&all, "seconds", "i", ++seconds);
}

int main(void) {
    struct event_base *base = event_base_new();
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.base = base;
    options.log = debug_log;
    sio_server *server;
    if (!base || sio_server_new(&server, &options) != 0) {
        return 1;
    }
    struct event *timer = event_new(base, -1, EV_PERSIST, on_second, sio_server_of(server, "/"));
    const struct timeval second = {1, 0};
    int rc = timer ? event_add(timer, &second) : -1;
    if (rc == 0) {
        rc = sio_server_listen(server, "::", 3000);
    }
    if (rc == 0) {
        rc = event_base_dispatch(base);
    }
    if (timer) {
        event_free(timer);
    }
    sio_server_free(server);
    event_base_free(base);
    return rc != 0;
}
