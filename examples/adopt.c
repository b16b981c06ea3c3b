/* Two protocols on one port: the program accepts, reads the first bytes, and keeps what does not
 * look like HTTP. Here that is a line protocol that answers PING with PONG. */
#include "debug_log.h"

#include <sio/server.h>

#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct program {
    struct event_base *base;
    sio_server *server;
} program;

static void on_first_bytes(evutil_socket_t fd, short what, void *user) {
    program *p = user;
    char bytes[4096];
    ssize_t n = what == EV_READ ? recv(fd, bytes, sizeof(bytes), 0) : -1;
    if (n <= 0) {
        close(fd);
    } else if (n >= 4 && memcmp(bytes, "PING", 4) == 0) {
        (void)send(fd, "PONG\n", 5, MSG_NOSIGNAL);
        close(fd);
    } else {
        sio_server_adopt(p->server, fd, bytes, (size_t)n, false);
    }
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from,
                      int len, void *user) {
    program *p = user;
    const struct timeval patience = {10, 0};
    if (event_base_once(p->base, fd, EV_READ, on_first_bytes, p, &patience) != 0) {
        close(fd);
    }
}

int main(void) {
    program p = {.base = event_base_new()};
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.base = p.base;
    options.log = debug_log;
    if (!p.base || sio_server_new(&p.server, &options) != 0) {
        return 1;
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(3000)};
    struct evconnlistener *listener =
        evconnlistener_new_bind(p.base, on_accept, &p, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE,
                                -1, (struct sockaddr *)&address, sizeof(address));
    int rc = listener ? event_base_dispatch(p.base) : -1;
    if (listener) {
        evconnlistener_free(listener);
    }
    sio_server_free(p.server);
    event_base_free(p.base);
    return rc != 0;
}
