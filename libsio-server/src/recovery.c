#include "recovery.h"

#include "mem.h"

#include <net/random.h>

#include <string.h>

int sio_recovery_begin(sio_peer *peer) {
    sio_peer_extra *extra = sio_peer_extras(peer);
    char *pid = extra ? sio_mem_alloc(peer->ns->server->mem, SIO_SID_LEN + 1) : NULL;
    if (!pid) {
        return SIO_ERR_NOMEM;
    }
    int rc = sio_random_sid(peer->ns->server->loop, pid);
    if (rc != 0) {
        sio_mem_release(peer->ns->server->mem, pid);
        return rc;
    }
    pid[SIO_SID_LEN] = '\0';
    extra->pid = pid;
    return 0;
}

/* ---- coming back ---- */

static int take_id(sio_peer *peer, sio_str id) {
    char *to = peer->id_inline;
    if (id.len > SIO_PEER_ID_INLINE) {
        to = sio_mem_alloc(peer->ns->server->mem, id.len + 1);
        if (!to) {
            return SIO_ERR_NOMEM;
        }
    }
    memcpy(to, id.ptr, id.len);
    to[id.len] = '\0';
    peer->id = to;
    peer->id_len = (uint32_t)id.len;
    return 0;
}

static bool was_in_own_room(const sio_peer *peer, const sio_adapter_session *session) {
    bool own = false;
    for (size_t i = 0; !own && i < session->room_count; i++) {
        own = strcmp(session->rooms[i], peer->id) == 0;
    }
    return own;
}

int sio_recovery_take_rooms(sio_peer *peer, const sio_adapter_session *session) {
    int rc = sio_peer_set_data(peer, session->data);
    for (size_t i = 0; rc == 0 && peer->joining && i < session->room_count; i++) {
        rc = sio_peer_join(peer, session->rooms[i]);
    }
    return rc;
}

int sio_recovery_take_ids(sio_peer *peer, const sio_adapter_session *session) {
    const sio_mem *mem = peer->ns->server->mem;
    sio_peer_extra *extra = sio_peer_extras(peer);
    char *pid = extra ? sio_mem_strndup(mem, session->pid.ptr, session->pid.len) : NULL;
    int rc = pid ? take_id(peer, session->sid) : SIO_ERR_NOMEM;
    if (rc != 0) {
        sio_mem_release(mem, pid);
        return rc;
    }
    sio_mem_release(mem, extra->pid);
    extra->pid = pid;
    peer->recovered = true;
    peer->left_own_room = !was_in_own_room(peer, session);
    return 0;
}

/* It has come back once already, and waits for its middlewares. */
static const sio_peer *returning_peer(const sio_namespace *ns, sio_str pid) {
    for (sio_list *at = ns->returning.next; at != &ns->returning; at = at->next) {
        const sio_peer *peer = SIO_CONTAINER(at, sio_peer, link);
        if (strlen(peer->extra->pid) == pid.len &&
            memcmp(peer->extra->pid, pid.ptr, pid.len) == 0) {
            return peer;
        }
    }
    return NULL;
}

void sio_recovery_take_over(sio_namespace *ns, sio_str pid, const sio_conn *by) {
    const sio_peer *peer = sio_table_get(&ns->by_pid, pid.ptr, pid.len);
    peer = peer ? peer : returning_peer(ns, pid);
    if (peer && peer->conn != by && peer->conn->open) {
        SIO_LOG(&ns->server->log, SIO_LOG_DEBUG, "socket.io:socket", "%s has come back", peer->id);
        sio_engine_session_close(peer->conn->engine, true);
    }
}

/* ---- going ---- */

static bool may_come_back(const char *reason) {
    static const char *const reasons[] = {
        "transport error", "transport close",      "forced close",
        "ping timeout",    "server shutting down", "forced server close",
    };
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (strcmp(reason, reasons[i]) == 0) {
            return true;
        }
    }
    return false;
}

static size_t list_rooms(sio_peer *peer, const char **rooms) {
    size_t count = 0;
    if (!peer->left_own_room) {
        rooms[count++] = peer->id;
    }
    for (sio_list *at = peer->rooms.rooms.next; at != &peer->rooms.rooms; at = at->next) {
        rooms[count++] = SIO_CONTAINER(at, sio_membership, in_set)->room->name;
    }
    return count;
}

void sio_recovery_keep_always(sio_peer *peer) {
    sio_namespace *ns = peer->ns;
    const sio_mem *mem = ns->server->mem;
    const char **rooms = sio_mem_alloc_array(mem, peer->rooms.count + 1, sizeof(*rooms));
    int rc = SIO_ERR_NOMEM;
    if (rooms) {
        sio_adapter_session session = {.size = sizeof(session),
                                       .pid = {peer->extra->pid, strlen(peer->extra->pid)},
                                       .sid = {peer->id, peer->id_len},
                                       .rooms = rooms,
                                       .data = sio_peer_data(peer)};
        session.room_count = list_rooms(peer, rooms);
        rc = ns->ops.persist_session(ns->adapter, &session, NULL, NULL);
        sio_mem_release(mem, rooms);
    }
    if (rc != 0) {
        SIO_LOG(&ns->server->log, SIO_LOG_WARN, "socket.io:socket", "%s cannot be recovered: %s",
                peer->id, sio_error_text(rc));
    }
}

void sio_recovery_keep(sio_peer *peer, const char *reason) {
    if (peer->extra->pid && may_come_back(reason)) {
        sio_recovery_keep_always(peer);
    }
}

bool sio_peer_recovered(const sio_peer *peer) {
    return peer->recovered;
}
