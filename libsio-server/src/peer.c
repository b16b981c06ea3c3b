#include "recovery.h"
#include "delivery.h"
#include "parent.h"

#include "mem.h"

#include <net/random.h>

#include <string.h>

/* ---- life ---- */

static const sio_peer_extra no_extra;

static sio_peer_extra *own_extras(const sio_peer *peer) {
    return peer->extra == &no_extra ? NULL : (sio_peer_extra *)(uintptr_t)peer->extra;
}

sio_peer_extra *sio_peer_extras(sio_peer *peer) {
    sio_peer_extra *extra = own_extras(peer);
    if (!extra) {
        extra = sio_mem_zalloc(peer->ns->server->mem, sizeof(*extra));
        peer->extra = extra ? extra : &no_extra;
    }
    return extra;
}

static void drop_extras(sio_peer *peer) {
    const sio_mem *mem = peer->ns->server->mem;
    sio_peer_extra *extra = own_extras(peer);
    if (!extra) {
        return;
    }
    sio_peer_drop_outgoing(peer);
    sio_chain_unref(extra->event_chain);
    sio_weak_end(&extra->ack_owner);
    sio_mem_release(mem, extra->data);
    sio_mem_release(mem, extra->pid);
    sio_mem_release(mem, extra->handshake);
    sio_mem_release(mem, extra);
}

/* In protocol 4 the client makes its id from that of the connection. */
static int old_id(sio_peer *peer) {
    const char *sid = sio_engine_session_id(peer->conn->engine);
    bool root = peer->ns->name_len == 1;
    sio_buf id;
    sio_buf_init(&id, 0, peer->ns->server->mem);
    int rc = root ? 0 : sio_buf_add(&id, peer->ns->name, peer->ns->name_len);
    if (rc == 0 && !root) {
        rc = sio_buf_add_byte(&id, '#');
    }
    if (rc == 0) {
        rc = sio_buf_add(&id, sid, strlen(sid) + 1);
    }
    if (rc != 0) {
        sio_buf_free(&id);
        return rc;
    }
    peer->id = (char *)id.data;
    peer->id_len = (uint32_t)id.len - 1;
    return 0;
}

static int make_id(sio_peer *peer) {
    if (sio_engine_session_revision(peer->conn->engine) == 3) {
        return old_id(peer);
    }
    int rc = sio_random_sid(peer->ns->server->loop, peer->id_inline);
    if (rc != 0) {
        return rc;
    }
    peer->id_inline[SIO_PEER_ID_INLINE] = '\0';
    peer->id = peer->id_inline;
    peer->id_len = SIO_PEER_ID_INLINE;
    return 0;
}

int sio_peer_new(sio_peer **out, sio_namespace *ns, sio_conn *conn, uint16_t slot, sio_str auth) {
    const sio_mem *mem = ns->server->mem;
    sio_peer *peer = sio_mem_zalloc(mem, sizeof(*peer));
    if (!peer) {
        return SIO_ERR_NOMEM;
    }
    peer->ns = ns;
    peer->extra = &no_extra;
    ns->peer_objects++;
    peer->conn = sio_conn_ref(conn);
    peer->slot = slot;
    peer->refs = 1;
    sio_list_init(&peer->link);
    sio_room_set_init(&peer->rooms);
    int rc = make_id(peer);
    if (rc == 0 && auth.len > UINT32_MAX) {
        rc = SIO_ERR_LIMIT;
    } else if (rc == 0 && auth.len > 0) {
        peer->auth = sio_mem_strndup(mem, auth.ptr, auth.len);
        peer->auth_len = (uint32_t)auth.len;
        rc = peer->auth ? 0 : SIO_ERR_NOMEM;
    }
    if (rc != 0) {
        sio_peer_unref(peer);
        return rc;
    }
    *out = peer;
    return 0;
}

sio_peer *sio_peer_ref(sio_peer *peer) {
    peer->refs++;
    return peer;
}

void sio_peer_unref(sio_peer *peer) {
    if (!peer || --peer->refs != 0) {
        return;
    }
    sio_namespace *ns = peer->ns;
    const sio_mem *mem = ns->server->mem;
    sio_peer_set_user(peer, NULL, NULL);
    if (peer->handlers) {
        sio_handlers_done(peer->handlers);
        sio_mem_release(mem, peer->handlers);
    }
    drop_extras(peer);
    if (peer->id != peer->id_inline) {
        sio_mem_release(mem, peer->id);
    }
    sio_mem_release(mem, peer->auth);
    sio_conn_unref(peer->conn);
    sio_mem_release(mem, peer);
    sio_child_unref(ns);
}

void sio_peer_wait(sio_peer *peer) {
    peer->joining = true;
    peer->ns->joining_count++;
    sio_list_push(&peer->ns->joining, &peer->link);
}

void sio_peer_return(sio_peer *peer) {
    sio_list_remove(&peer->link);
    sio_list_push(&peer->ns->returning, &peer->link);
}

static void stop_joining(sio_peer *peer) {
    peer->joining = false;
    peer->ns->joining_count--;
    sio_list_remove(&peer->link);
}

void sio_peer_give_up(sio_peer *peer) {
    stop_joining(peer);
    peer->left_own_room = true; /* it never was in it */
    peer->ns->ops.leave_all(peer->ns->adapter, peer);
    sio_list_push(&peer->ns->server->ending, &peer->link);
    sio_peer_end_acks(peer);
    sio_list_remove(&peer->link);
    sio_child_left(peer->ns);
}

int sio_peer_enter(sio_peer *peer) {
    sio_namespace *ns = peer->ns;
    int rc = sio_table_put(&ns->by_id, peer->id, peer->id_len, peer);
    if (rc == 0 && peer->extra->pid) {
        rc = sio_table_put(&ns->by_pid, peer->extra->pid, strlen(peer->extra->pid), peer);
        if (rc != 0) {
            sio_table_remove(&ns->by_id, peer->id, peer->id_len);
        }
    }
    if (rc != 0) {
        return rc;
    }
    stop_joining(peer);
    sio_list_push(&ns->peers, &peer->link);
    ns->peer_count++;
    SIO_COUNT(ns->server->counters.peers);
    peer->connected = true;
    sio_peer_joined_own_room(peer);
    return 0;
}

static void leave_namespace(sio_peer *peer) {
    sio_namespace *ns = peer->ns;
    sio_table_remove(&ns->by_id, peer->id, peer->id_len);
    sio_table_settle(&ns->by_id);
    if (peer->extra->pid) {
        sio_table_remove(&ns->by_pid, peer->extra->pid, strlen(peer->extra->pid));
        sio_table_settle(&ns->by_pid);
    }
    sio_list_remove(&peer->link);
    ns->peer_count--;
    SIO_FIGURE_SUB(ns->server->counters.peers, 1);
    peer->connected = false;
    if (peer->extra->ack_owner) {
        peer->extra->ack_owner->object =
            NULL; /* who hands an event out still needs the rest of it */
    }
}

/* A callback may free the server, which comes back to this for those that are still waiting. */
void sio_peer_end_acks(sio_peer *peer) {
    sio_ack_entry entry;
    while (peer->extra->acks && sio_ack_table_drop(&peer->extra->acks->table, &entry)) {
        sio_event event = {.size = sizeof(event),
                           .args = peer->ns->server->no_args,
                           .status = SIO_ERR_DISCONNECTED};
        ((sio_reply_fn)entry.fn)(&event, entry.user);
    }
    sio_peer_extra *extra = own_extras(peer);
    sio_peer_acks *acks = extra ? extra->acks : NULL;
    if (acks) {
        extra->acks = NULL;
        sio_timer_done(&acks->timer);
        sio_ack_table_free(&acks->table);
        sio_mem_release(peer->ns->server->mem, acks);
    }
}

static void say_goodbye(sio_peer *peer, const char *name, const char *reason, int err) {
    sio_event event = {.size = sizeof(event),
                       .name = {name, strlen(name)},
                       .args = peer->ns->server->no_args,
                       .status = err,
                       .reason = reason};
    sio_peer_hand_out(peer, &event);
}

static void complete_end(sio_peer *peer, const char *reason, int err) {
    sio_recovery_keep(peer, reason);
    leave_namespace(peer);
    sio_count_disconnect(&peer->ns->server->counters, reason);
    sio_delivery_forget(peer);
    sio_list_push(&peer->ns->server->ending, &peer->link);
    peer->ns->ops.leave_all(peer->ns->adapter, peer);
    sio_child_left(peer->ns);
    say_goodbye(peer, "disconnect", reason, err);
    sio_peer_end_acks(peer);
    sio_list_remove(&peer->link);
    sio_peer_unref(peer);
}

void sio_peer_end(sio_peer *peer, const char *reason, int err) {
    sio_peer_ref(peer);
    if (peer->connected && !peer->leaving) {
        peer->leaving = true;
        sio_conn_forget(peer->conn, peer->slot, peer);
        say_goodbye(peer, "disconnecting", reason, err);
    }
    if (peer->connected) {
        complete_end(peer, reason, err);
    }
    sio_peer_unref(peer);
}

/* ---- what is known about it ---- */

const char *sio_peer_id(const sio_peer *peer) {
    return peer->id;
}

sio_namespace *sio_peer_namespace(const sio_peer *peer) {
    return peer->ns;
}

sio_server *sio_peer_server(const sio_peer *peer) {
    return peer->ns->server;
}

sio_engine_session *sio_peer_session(const sio_peer *peer) {
    return peer->conn->engine;
}

const char *sio_peer_transport(const sio_peer *peer) {
    return sio_eio_transport_name(sio_engine_session_transport(peer->conn->engine));
}

bool sio_peer_connected(const sio_peer *peer) {
    return peer->connected;
}

size_t sio_peer_queued_bytes(const sio_peer *peer) {
    return peer->conn->open ? sio_engine_session_queued(peer->conn->engine) : 0;
}

size_t sio_peer_queued_messages(const sio_peer *peer) {
    return peer->conn->open ? sio_engine_session_queued_messages(peer->conn->engine) : 0;
}

void sio_peer_set_user(sio_peer *peer, void *user, void (*release)(void *user)) {
    void *old = peer->user;
    void (*old_release)(void *) = peer->release_user;
    peer->user = user;
    peer->release_user = release;
    if (old_release) {
        old_release(old);
    }
}

void *sio_peer_user(const sio_peer *peer) {
    return peer->user;
}

int sio_peer_set_data(sio_peer *peer, const char *json) {
    const sio_mem *mem = peer->ns->server->mem;
    char *copy = NULL;
    if (json) {
        int rc = sio_json_validate(json, strlen(json), 0);
        copy = rc == 0 ? sio_mem_strndup(mem, json, strlen(json)) : NULL;
        if (!copy) {
            return rc != 0 ? rc : SIO_ERR_NOMEM;
        }
    }
    if (!json && !peer->extra->data) {
        return 0;
    }
    sio_peer_extra *extra = sio_peer_extras(peer);
    if (!extra) {
        sio_mem_release(mem, copy);
        return SIO_ERR_NOMEM;
    }
    sio_mem_release(mem, extra->data);
    extra->data = copy;
    return 0;
}

const char *sio_peer_data(const sio_peer *peer) {
    return peer->extra->data ? peer->extra->data : "{}";
}

/* ---- ending ---- */

void sio_peer_disconnect(sio_peer *peer, bool close_connection) {
    if (!peer->connected || peer->leaving) {
        return;
    }
    sio_server *server = peer->ns->server;
    sio_server_enter(server);
    if (close_connection) {
        sio_conn_disconnect_all(peer->conn);
    } else {
        sio_conn_leave(peer->conn, peer->slot);
        sio_peer_end(peer, "server namespace disconnect", 0);
    }
    sio_server_leave(server);
}

void sio_peer_close_connection(sio_peer *peer) {
    sio_server *server = peer->ns->server;
    sio_server_enter(server);
    if (peer->conn->open) {
        sio_engine_session_close(peer->conn->engine, false);
    }
    sio_server_leave(server);
}
