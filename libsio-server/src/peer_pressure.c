/* Telling the namespaces of a client that its connection has become slow, or has caught up. */
#include "peer.h"

static void tell(sio_peer *peer, sio_str name) {
    sio_server *server = peer->ns->server;
    sio_handlers *handlers = &peer->ns->on_pressure;
    sio_event event = {.size = sizeof(event), .name = name, .args = server->no_args};
    sio_handler_walk walk;
    sio_handler handler;
    sio_peer_ref(peer);
    sio_handlers_begin(&walk, sio_handlers_named(handlers, name.ptr, name.len));
    while (!server->dead && sio_handlers_next(&walk, &handler)) {
        ((sio_peer_fn)handler.fn)(peer, &event, handler.user);
    }
    sio_handlers_end(&walk, handlers);
    sio_peer_unref(peer);
}

/* A handler may do anything: each step looks afresh. */
static void tell_all(sio_conn *conn, sio_str name) {
    sio_server *server = conn->server;
    uint16_t slot = SIO_SLOT_NONE;
    sio_server_enter(server);
    sio_conn_ref(conn);
    while (conn->open && !server->dead &&
           (slot = sio_session_next(&conn->session, slot)) != SIO_SLOT_NONE) {
        sio_peer *peer = sio_session_user(&conn->session, slot);
        if (peer && peer->connected) {
            tell(peer, name);
        }
    }
    sio_conn_unref(conn);
    sio_server_leave(server);
}

void sio_conn_slow(sio_engine_session *engine, void *user) {
    sio_conn *conn = sio_engine_session_user(engine);
    if (conn) {
        tell_all(conn, SIO_STR("slow"));
    }
}

void sio_conn_caught_up(sio_engine_session *engine, void *user) {
    sio_conn *conn = sio_engine_session_user(engine);
    if (conn) {
        tell_all(conn, SIO_STR("caught_up"));
    }
}

int sio_namespace_on_slow(sio_namespace *ns, sio_peer_fn fn, void *user) {
    return sio_handlers_add(&ns->on_pressure, "slow", (sio_handler_fn)fn, user, false);
}

int sio_namespace_on_caught_up(sio_namespace *ns, sio_peer_fn fn, void *user) {
    return sio_handlers_add(&ns->on_pressure, "caught_up", (sio_handler_fn)fn, user, false);
}

int sio_namespace_off_slow(sio_namespace *ns, sio_peer_fn fn, void *user) {
    int slow = sio_handlers_remove(&ns->on_pressure, "slow", (sio_handler_fn)fn, user);
    int caught_up = sio_handlers_remove(&ns->on_pressure, "caught_up", (sio_handler_fn)fn, user);
    return slow == 0 ? 0 : caught_up;
}
