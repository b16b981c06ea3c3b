/* Adding, removing and counting the handlers of namespaces and of single peers. */
#include "peer.h"

#include "mem.h"

#include <string.h>

/* ---- of a namespace ---- */

int sio_namespace_on_connection(sio_namespace *ns, sio_peer_fn fn, void *user) {
    return sio_handlers_add(&ns->on_connection, "connection", (sio_handler_fn)fn, user, false);
}

int sio_namespace_on_connect(sio_namespace *ns, sio_peer_fn fn, void *user) {
    return sio_handlers_add(&ns->on_connection, "connect", (sio_handler_fn)fn, user, false);
}

int sio_namespace_once_connection(sio_namespace *ns, sio_peer_fn fn, void *user) {
    return sio_handlers_add(&ns->on_connection, "connection", (sio_handler_fn)fn, user, true);
}

int sio_namespace_off_connection(sio_namespace *ns, sio_peer_fn fn, void *user) {
    sio_handlers *handlers = &ns->on_connection;
    int first = sio_handlers_remove(handlers, "connect", (sio_handler_fn)fn, user);
    int second = sio_handlers_remove(handlers, "connection", (sio_handler_fn)fn, user);
    return first == 0 ? 0 : second;
}

int sio_namespace_on(sio_namespace *ns, const char *event, sio_peer_fn fn, void *user) {
    return sio_handlers_add(&ns->handlers, event, (sio_handler_fn)fn, user, false);
}

int sio_namespace_once(sio_namespace *ns, const char *event, sio_peer_fn fn, void *user) {
    return sio_handlers_add(&ns->handlers, event, (sio_handler_fn)fn, user, true);
}

int sio_namespace_on_any(sio_namespace *ns, sio_peer_fn fn, void *user) {
    return sio_handlers_add(&ns->handlers, NULL, (sio_handler_fn)fn, user, false);
}

int sio_namespace_prepend_any(sio_namespace *ns, sio_peer_fn fn, void *user) {
    return sio_handlers_prepend(&ns->handlers, NULL, (sio_handler_fn)fn, user, false);
}

int sio_namespace_off(sio_namespace *ns, const char *event, sio_peer_fn fn, void *user) {
    return sio_handlers_remove(&ns->handlers, event, (sio_handler_fn)fn, user);
}

void sio_namespace_off_event(sio_namespace *ns, const char *event) {
    sio_handlers_remove_name(&ns->handlers, event);
}

void sio_namespace_off_all(sio_namespace *ns) {
    sio_handlers_remove_all(&ns->handlers);
}

size_t sio_namespace_handler_count(const sio_namespace *ns, const char *event) {
    return sio_handlers_count(&ns->handlers, event);
}

void sio_namespace_event_names(const sio_namespace *ns, void (*fn)(sio_str name, void *user),
                               void *user) {
    sio_handlers_names(&ns->handlers, fn, user);
}

/* ---- of a peer ---- */

/* Most peers have none of their own. */
static int make_handlers(sio_peer *peer) {
    sio_server *server = peer->ns->server;
    if (peer->handlers) {
        return 0;
    }
    sio_handlers *handlers = sio_mem_alloc(server->mem, sizeof(*handlers));
    int rc = handlers ? sio_handlers_init(handlers, server->loop) : SIO_ERR_NOMEM;
    if (rc != 0) {
        sio_mem_release(server->mem, handlers);
        return rc;
    }
    peer->handlers = handlers;
    return 0;
}

static int peer_add(sio_peer *peer, const char *event, sio_peer_fn fn, void *user, bool once) {
    int rc = make_handlers(peer);
    return rc != 0 ? rc : sio_handlers_add(peer->handlers, event, (sio_handler_fn)fn, user, once);
}

int sio_peer_on(sio_peer *peer, const char *event, sio_peer_fn fn, void *user) {
    return peer_add(peer, event, fn, user, false);
}

int sio_peer_once(sio_peer *peer, const char *event, sio_peer_fn fn, void *user) {
    return peer_add(peer, event, fn, user, true);
}

int sio_peer_on_any(sio_peer *peer, sio_peer_fn fn, void *user) {
    return peer_add(peer, NULL, fn, user, false);
}

int sio_peer_prepend_any(sio_peer *peer, sio_peer_fn fn, void *user) {
    int rc = make_handlers(peer);
    return rc != 0 ? rc
                   : sio_handlers_prepend(peer->handlers, NULL, (sio_handler_fn)fn, user, false);
}

int sio_peer_off(sio_peer *peer, const char *event, sio_peer_fn fn, void *user) {
    if (!peer->handlers) {
        return SIO_ERR_NOT_FOUND;
    }
    return sio_handlers_remove(peer->handlers, event, (sio_handler_fn)fn, user);
}

void sio_peer_off_event(sio_peer *peer, const char *event) {
    if (peer->handlers) {
        sio_handlers_remove_name(peer->handlers, event);
    }
}

void sio_peer_off_all(sio_peer *peer) {
    if (peer->handlers) {
        sio_handlers_remove_all(peer->handlers);
    }
}

size_t sio_peer_handler_count(const sio_peer *peer, const char *event) {
    return peer->handlers ? sio_handlers_count(peer->handlers, event) : 0;
}

void sio_peer_event_names(const sio_peer *peer, void (*fn)(sio_str name, void *user), void *user) {
    if (peer->handlers) {
        sio_handlers_names(peer->handlers, fn, user);
    }
}
