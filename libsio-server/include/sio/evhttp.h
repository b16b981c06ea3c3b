/**
 * @file evhttp.h
 * @brief Socket.IO beside an existing evhttp server: hands a connection over with its first
 * request.
 *
 * Everything here is inline and needs libevent_extra, which the program links for its evhttp
 * already; libsio-server itself does not. Not included by <sio/server.h>.
 *
 * The connection is the Socket.IO server's from then on: later requests on it outside the Socket.IO
 * path go to the handler of sio_server_on_request(), not to evhttp. Both must run on the same event
 * base, which must not use EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST. evhttp over TLS cannot be handed
 * over, because the descriptor carries its TLS.
 *
 * Threads: that of the event base.
 */
#ifndef SIO_EVHTTP_H
#define SIO_EVHTTP_H

#include <sio/server.h>

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Whether a header must not be repeated: the body is whole, and evhttp has asked for it. */
static inline bool sio_evhttp_drops(const char *name) {
    return evutil_ascii_strcasecmp(name, "Content-Length") == 0 ||
           evutil_ascii_strcasecmp(name, "Transfer-Encoding") == 0 ||
           evutil_ascii_strcasecmp(name, "Expect") == 0;
}

/** The request as it was on the wire, as far as it matters, and the bytes behind it. */
static inline int sio_evhttp_rebuild(struct evbuffer *out, struct evhttp_request *request,
                                     const char *method) {
    struct evbuffer *body = evhttp_request_get_input_buffer(request);
    size_t length = evbuffer_get_length(body);
    int rc = evbuffer_add_printf(out, "%s %s HTTP/%d.%d\r\n", method,
                                 evhttp_request_get_uri(request), request->major, request->minor);
    struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
    for (struct evkeyval *at = headers->tqh_first; at && rc >= 0; at = at->next.tqe_next) {
        if (!sio_evhttp_drops(at->key)) {
            rc = evbuffer_add_printf(out, "%s: %s\r\n", at->key, at->value);
        }
    }
    if (rc >= 0 && length > 0) {
        rc = evbuffer_add_printf(out, "Content-Length: %zu\r\n", length);
    }
    if (rc >= 0) {
        rc = evbuffer_add(out, "\r\n", 2);
    }
    return rc >= 0 ? evbuffer_add_buffer(out, body) : -1;
}

/** Give the connection's socket a second number, and put another socket behind the first one, which
 * evhttp shuts down together with the connection. The socket leaves the event base before.
 * @return the second number; -1 on failure, when nothing has changed */
static inline int sio_evhttp_take_socket(struct bufferevent *events) {
    const int number = (int)bufferevent_getfd(events);
    const short enabled = bufferevent_get_enabled(events);
    int fd = fcntl(number, F_DUPFD, 0); /* strict C99 does not know F_DUPFD_CLOEXEC */
    if (fd >= 0) {
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    const int other = fd < 0 ? -1 : socket(AF_UNIX, SOCK_STREAM, 0);
    int rc = -1;
    if (other >= 0) {
        bufferevent_disable(events, EV_READ | EV_WRITE);
        do {
            rc = dup2(other, number);
        } while (rc < 0 && (errno == EINTR || errno == EBUSY));
        close(other);
    }
    if (rc < 0 && other >= 0) {
        bufferevent_enable(events, enabled);
    }
    if (rc < 0 && fd >= 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/** Take an evhttp request and its connection over, in the callback that evhttp_set_cb() or
 * evhttp_set_gencb() calls with it. The request and the connection are gone for evhttp afterwards:
 * neither may be touched.
 * @return 0; SIO_ERR_INVALID for a method other than GET, POST, HEAD and OPTIONS, SIO_ERR_NOMEM and
 * SIO_ERR_LIMIT (no descriptor): the request is still evhttp's, to be answered with an error; the
 * errors of sio_server_adopt():
 * the connection is closed */
static inline int sio_evhttp_adopt(sio_server *server, struct evhttp_request *request) {
    const enum evhttp_cmd_type command = evhttp_request_get_command(request);
    const char *method = command == EVHTTP_REQ_GET       ? "GET"
                         : command == EVHTTP_REQ_POST    ? "POST"
                         : command == EVHTTP_REQ_HEAD    ? "HEAD"
                         : command == EVHTTP_REQ_OPTIONS ? "OPTIONS"
                                                         : NULL;
    struct evhttp_connection *connection = evhttp_request_get_connection(request);
    if (!method || !connection) {
        return SIO_ERR_INVALID;
    }
    struct bufferevent *events = evhttp_connection_get_bufferevent(connection);
    struct evbuffer *text = evbuffer_new();
    if (!text || sio_evhttp_rebuild(text, request, method) != 0 ||
        evbuffer_add_buffer(text, bufferevent_get_input(events)) != 0 ||
        (evbuffer_get_length(text) > 0 && !evbuffer_pullup(text, -1))) {
        if (text) {
            evbuffer_free(text);
        }
        return SIO_ERR_NOMEM;
    }
    const int fd = sio_evhttp_take_socket(events);
    if (fd < 0) {
        evbuffer_free(text);
        return SIO_ERR_LIMIT;
    }
    evhttp_connection_free(connection);
    int rc =
        sio_server_adopt(server, fd, evbuffer_pullup(text, -1), evbuffer_get_length(text), false);
    evbuffer_free(text);
    return rc;
}

#ifdef __cplusplus
}
#endif

#endif
