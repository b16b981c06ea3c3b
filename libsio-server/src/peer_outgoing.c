/* Handlers of the events that are sent: those of the namespace, then those of the peer. */
#include "peer.h"

#include "mem.h"

static void run(sio_peer *peer, const sio_event *event, sio_handlers *handlers) {
    sio_handler_walk walk;
    sio_handler handler;
    sio_handlers_begin(&walk, &handlers->any);
    while (!peer->ns->server->dead && sio_handlers_next(&walk, &handler)) {
        ((sio_peer_fn)handler.fn)(peer, event, handler.user);
    }
    sio_handlers_end(&walk, handlers);
}

void sio_peer_announce_outgoing(sio_peer *peer, sio_str name, const sio_args *args) {
    sio_server *server = peer->ns->server;
    sio_event event = {.size = sizeof(event), .name = name, .args = args ? args : server->no_args};
    if (!peer->connected) {
        return;
    }
    sio_server_enter(server);
    sio_peer_ref(peer);
    run(peer, &event, &peer->ns->outgoing);
    if (peer->extra->outgoing) {
        run(peer, &event, peer->extra->outgoing);
    }
    sio_peer_unref(peer);
    sio_server_leave(server);
}

int sio_namespace_on_any_outgoing(sio_namespace *ns, sio_peer_fn fn, void *user) {
    return sio_handlers_add(&ns->outgoing, NULL, (sio_handler_fn)fn, user, false);
}

int sio_namespace_prepend_any_outgoing(sio_namespace *ns, sio_peer_fn fn, void *user) {
    return sio_handlers_prepend(&ns->outgoing, NULL, (sio_handler_fn)fn, user, false);
}

int sio_namespace_off_any_outgoing(sio_namespace *ns, sio_peer_fn fn, void *user) {
    return sio_handlers_remove(&ns->outgoing, NULL, (sio_handler_fn)fn, user);
}

/* The namespace knows how many peers have some, so that broadcasts need not look. */
static int make_outgoing(sio_peer *peer) {
    sio_server *server = peer->ns->server;
    if (peer->extra->outgoing) {
        return 0;
    }
    sio_peer_extra *extra = sio_peer_extras(peer);
    sio_handlers *handlers = extra ? sio_mem_alloc(server->mem, sizeof(*handlers)) : NULL;
    if (!handlers || sio_handlers_init(handlers, server->loop) != 0) {
        sio_mem_release(server->mem, handlers);
        return SIO_ERR_NOMEM;
    }
    extra->outgoing = handlers;
    peer->ns->outgoing_peers++;
    return 0;
}

void sio_peer_drop_outgoing(sio_peer *peer) {
    if (peer->extra->outgoing) {
        sio_handlers_done(peer->extra->outgoing);
        sio_mem_release(peer->ns->server->mem, peer->extra->outgoing);
        sio_peer_extras(peer)->outgoing = NULL;
        peer->ns->outgoing_peers--;
    }
}

int sio_peer_on_any_outgoing(sio_peer *peer, sio_peer_fn fn, void *user) {
    int rc = make_outgoing(peer);
    return rc != 0 ? rc
                   : sio_handlers_add(peer->extra->outgoing, NULL, (sio_handler_fn)fn, user, false);
}

int sio_peer_prepend_any_outgoing(sio_peer *peer, sio_peer_fn fn, void *user) {
    int rc = make_outgoing(peer);
    return rc != 0
               ? rc
               : sio_handlers_prepend(peer->extra->outgoing, NULL, (sio_handler_fn)fn, user, false);
}

int sio_peer_off_any_outgoing(sio_peer *peer, sio_peer_fn fn, void *user) {
    if (!peer->extra->outgoing) {
        return SIO_ERR_NOT_FOUND;
    }
    return sio_handlers_remove(peer->extra->outgoing, NULL, (sio_handler_fn)fn, user);
}
