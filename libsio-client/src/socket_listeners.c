/* The handlers of a socket: by event, for every event that comes, for every event that leaves. */
#include "socket.h"

#include "mem.h"

#include <string.h>

/* ---- handing out ---- */

static void run(sio_socket *socket, const sio_event *event, sio_handlers *handlers,
                sio_handler_list *list) {
    sio_handler_walk walk;
    sio_handler handler;
    sio_handlers_begin(&walk, list);
    while (!socket->client->dead && sio_handlers_next(&walk, &handler)) {
        ((sio_socket_fn)handler.fn)(socket, event, handler.user);
    }
    sio_handlers_end(&walk, handlers);
}

void sio_socket_hand_out(sio_socket *socket, const sio_event *event) {
    run(socket, event, &socket->handlers,
        sio_handlers_named(&socket->handlers, event->name.ptr, event->name.len));
}

void sio_socket_hand_out_any(sio_socket *socket, const sio_event *event) {
    if (socket->handlers.any.live > 0) {
        run(socket, event, &socket->handlers, &socket->handlers.any);
    }
}

void sio_socket_hand_out_outgoing(sio_socket *socket, const sio_event *event) {
    if (sio_socket_is_watched(socket)) {
        run(socket, event, socket->outgoing_handlers, &socket->outgoing_handlers->any);
    }
}

bool sio_socket_is_watched(const sio_socket *socket) {
    return socket->outgoing_handlers && socket->outgoing_handlers->any.live > 0;
}

/* ---- by event, and for every event that comes ---- */

int sio_socket_on(sio_socket *socket, const char *event, sio_socket_fn fn, void *user) {
    return sio_handlers_add(&socket->handlers, event, (sio_handler_fn)fn, user, false);
}

int sio_socket_once(sio_socket *socket, const char *event, sio_socket_fn fn, void *user) {
    return sio_handlers_add(&socket->handlers, event, (sio_handler_fn)fn, user, true);
}

int sio_socket_on_any(sio_socket *socket, sio_socket_fn fn, void *user) {
    return sio_handlers_add(&socket->handlers, NULL, (sio_handler_fn)fn, user, false);
}

int sio_socket_prepend_any(sio_socket *socket, sio_socket_fn fn, void *user) {
    return sio_handlers_prepend(&socket->handlers, NULL, (sio_handler_fn)fn, user, false);
}

int sio_socket_off(sio_socket *socket, const char *event, sio_socket_fn fn, void *user) {
    return sio_handlers_remove(&socket->handlers, event, (sio_handler_fn)fn, user);
}

void sio_socket_off_event(sio_socket *socket, const char *event) {
    sio_handlers_remove_name(&socket->handlers, event);
}

void sio_socket_off_all(sio_socket *socket) {
    sio_handlers_remove_all(&socket->handlers);
}

size_t sio_socket_handler_count(const sio_socket *socket, const char *event) {
    return sio_handlers_count(&socket->handlers, event);
}

/* ---- for every event that leaves ---- */

/* Few sockets have any. Errors: SIO_ERR_NOMEM, SIO_ERR_RANDOM. */
static int need_outgoing(sio_socket *socket) {
    if (socket->outgoing_handlers) {
        return 0;
    }
    const sio_mem *mem = socket->client->mem;
    sio_handlers *handlers = sio_mem_alloc(mem, sizeof(*handlers));
    int rc = handlers ? sio_handlers_init(handlers, socket->client->loop) : SIO_ERR_NOMEM;
    if (rc != 0) {
        sio_mem_release(mem, handlers);
        return rc;
    }
    socket->outgoing_handlers = handlers;
    return 0;
}

int sio_socket_on_any_outgoing(sio_socket *socket, sio_socket_fn fn, void *user) {
    int rc = need_outgoing(socket);
    return rc != 0
               ? rc
               : sio_handlers_add(socket->outgoing_handlers, NULL, (sio_handler_fn)fn, user, false);
}

int sio_socket_prepend_any_outgoing(sio_socket *socket, sio_socket_fn fn, void *user) {
    int rc = need_outgoing(socket);
    return rc != 0 ? rc
                   : sio_handlers_prepend(socket->outgoing_handlers, NULL, (sio_handler_fn)fn, user,
                                          false);
}

int sio_socket_off_any_outgoing(sio_socket *socket, sio_socket_fn fn, void *user) {
    return socket->outgoing_handlers
               ? sio_handlers_remove(socket->outgoing_handlers, NULL, (sio_handler_fn)fn, user)
               : SIO_ERR_NOT_FOUND;
}

void sio_socket_off_all_outgoing(sio_socket *socket) {
    if (socket->outgoing_handlers) {
        sio_handlers_remove_all(socket->outgoing_handlers);
    }
}

size_t sio_socket_outgoing_handler_count(const sio_socket *socket) {
    return socket->outgoing_handlers ? sio_handlers_count(socket->outgoing_handlers, NULL) : 0;
}
