/* Broadcasting: a target names peers by rooms; each packet is encoded and framed once. */
#include "peer.h"

#include "mem.h"

#include <string.h>

sio_target sio_namespace_target(sio_namespace *ns) {
    return (sio_target){.ns = ns};
}

sio_target sio_peer_broadcast(sio_peer *peer) {
    return (sio_target){.ns = peer->ns, .except = {peer->id}, .except_count = 1};
}

static void add_name(sio_target *target, const char **names, size_t *count, const char *name) {
    if (*count == SIO_TARGET_ROOMS) {
        target->error = SIO_ERR_LIMIT;
    } else {
        names[(*count)++] = name;
    }
}

sio_target *sio_target_to(sio_target *target, const char *room) {
    add_name(target, target->rooms, &target->room_count, room);
    return target;
}

sio_target *sio_target_except(sio_target *target, const char *room) {
    add_name(target, target->except, &target->except_count, room);
    return target;
}

/* ---- who it is ---- */

/* Called for each peer once. It must not run code of the application: rooms and lists are being
 * walked. */
typedef void (*visit_fn)(sio_peer *peer, void *arg);

typedef struct visit {
    uint64_t mark; /* peers that carry it were visited, or are left out */
    visit_fn fn;
    void *arg;
} visit;

static void visit_peer(sio_peer *peer, const visit *v) {
    if (peer->mark == v->mark) {
        return;
    }
    peer->mark = v->mark;
    if (v->fn) {
        v->fn(peer, v->arg);
    }
}

static void visit_room(const sio_namespace *ns, const char *name, const visit *v) {
    sio_peer *owner = sio_namespace_find(ns, name);
    if (owner && !owner->left_own_room) {
        visit_peer(owner, v);
    }
    sio_room *room = sio_room_find(&ns->rooms, name);
    if (!room) {
        return;
    }
    for (sio_list *at = room->members.next; at != &room->members; at = at->next) {
        sio_room_set *set = SIO_CONTAINER(at, sio_membership, in_room)->set;
        visit_peer(SIO_CONTAINER(set, sio_peer, rooms), v);
    }
}

static void visit_target(const sio_target *target, visit_fn fn, void *arg) {
    sio_namespace *ns = target->ns;
    visit v = {.mark = ++ns->last_mark};
    for (size_t i = 0; i < target->except_count; i++) {
        visit_room(ns, target->except[i], &v); /* without a function: only marks them */
    }
    v.fn = fn;
    v.arg = arg;
    for (size_t i = 0; i < target->room_count; i++) {
        visit_room(ns, target->rooms[i], &v);
    }
    if (target->room_count > 0) {
        return;
    }
    for (sio_list *at = ns->peers.next; at != &ns->peers; at = at->next) {
        visit_peer(SIO_CONTAINER(at, sio_peer, link), &v);
    }
}

static void count_peer(sio_peer *peer, void *arg) {
    ++*(int64_t *)arg;
}

int64_t sio_target_count(const sio_target *target) {
    int64_t count = 0;
    if (target->error != 0) {
        return target->error;
    }
    visit_target(target, count_peer, &count);
    return count;
}

/* ---- emitting ---- */

typedef struct broadcast {
    sio_eio_message *text;
    sio_eio_message **attachments;
    uint32_t attachment_count;
    unsigned flags;
} broadcast;

static void broadcast_done(broadcast *b, const sio_mem *mem) {
    sio_eio_message_unref(b->text);
    for (uint32_t i = 0; i < b->attachment_count; i++) {
        sio_eio_message_unref(b->attachments[i]);
    }
    sio_mem_release(mem, b->attachments);
}

static int broadcast_attachments(broadcast *b, const sio_args *args, const sio_mem *mem) {
    uint32_t count = args ? sio_args_attachment_count(args) : 0;
    if (count == 0) {
        return 0;
    }
    b->attachments = sio_mem_alloc_array(mem, count, sizeof(sio_eio_message *));
    if (!b->attachments) {
        return SIO_ERR_NOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        sio_bytes data = sio_args_attachment(args, i);
        int rc = sio_eio_message_new(&b->attachments[i], true, data.ptr, data.len, mem);
        if (rc != 0) {
            return rc;
        }
        b->attachment_count++;
    }
    return 0;
}

static int send_all(const broadcast *b, sio_engine_session *engine) {
    int rc = sio_engine_session_send(engine, b->text, b->flags);
    if (rc != 0) {
        return rc == SIO_ERR_NOMEM ? rc : 0; /* dropped on purpose, or closed already */
    }
    for (uint32_t i = 0; rc == 0 && i < b->attachment_count; i++) {
        rc = sio_engine_session_send(engine, b->attachments[i],
                                     b->flags & ~(unsigned)SIO_EIO_VOLATILE);
    }
    return rc;
}

/* One that cannot get it all is closed, from the deferred queue; the others get theirs. */
static void send_to_peer(sio_peer *peer, void *arg) {
    sio_engine_session *engine = peer->conn->engine;
    int rc = peer->conn->open ? send_all(arg, engine) : 0;
    if (rc != 0) {
        sio_engine_session_fail(engine, rc);
    }
}

int sio_target_emit(const sio_target *target, const char *event, const sio_args *args) {
    if (target->error != 0) {
        return target->error;
    }
    sio_server *server = target->ns->server;
    broadcast b = {.flags = sio_peer_send_flags(target->is_volatile, target->no_compress)};
    int rc = sio_peer_encode_event(server, target->ns, event, args, NULL);
    if (rc == 0) {
        rc = sio_eio_message_take(&b.text, false, &server->encode);
    }
    if (rc == 0) {
        rc = broadcast_attachments(&b, args, server->mem);
    }
    if (rc == 0) {
        visit_target(target, send_to_peer, &b);
    }
    broadcast_done(&b, server->mem);
    return rc;
}

int sio_target_emitf(const sio_target *target, const char *event, const char *format, ...) {
    sio_args *args = NULL;
    int rc = sio_args_new(&args, target->ns->server->mem);
    if (rc != 0) {
        return rc;
    }
    va_list values;
    va_start(values, format);
    rc = sio_args_vaddf(args, format, values);
    va_end(values);
    if (rc == 0) {
        rc = sio_target_emit(target, event, args);
    }
    sio_args_unref(args);
    return rc;
}

/* ---- acting on all of them ---- */

typedef struct snapshot {
    sio_peer **peers;
    size_t count;
} snapshot;

static void remember_peer(sio_peer *peer, void *arg) {
    snapshot *all = arg;
    all->peers[all->count++] = sio_peer_ref(peer);
}

/* `act` may run code of the application, so it works on a list of its own. */
static int each_peer(const sio_target *target, int (*act)(sio_peer *peer, const void *arg),
                     const void *arg) {
    int64_t count = sio_target_count(target);
    if (count <= 0) {
        return (int)count;
    }
    sio_server *server = target->ns->server;
    const sio_mem *mem = server->mem;
    snapshot all = {.peers = sio_mem_alloc_array(mem, (size_t)count, sizeof(sio_peer *))};
    if (!all.peers) {
        return SIO_ERR_NOMEM;
    }
    sio_server_enter(server);
    visit_target(target, remember_peer, &all);
    int rc = 0;
    for (size_t i = 0; i < all.count; i++) {
        if (all.peers[i]->connected) {
            int failed = act(all.peers[i], arg);
            rc = rc != 0 ? rc : failed;
        }
        sio_peer_unref(all.peers[i]);
    }
    sio_mem_release(mem, all.peers);
    sio_server_leave(server);
    return rc;
}

static int join_peer(sio_peer *peer, const void *room) {
    return sio_peer_join(peer, room);
}

static int leave_peer(sio_peer *peer, const void *room) {
    sio_peer_leave(peer, room);
    return 0;
}

static int disconnect_peer(sio_peer *peer, const void *close_connection) {
    sio_peer_disconnect(peer, *(const bool *)close_connection);
    return 0;
}

int sio_target_join(const sio_target *target, const char *room) {
    return each_peer(target, join_peer, room);
}

int sio_target_leave(const sio_target *target, const char *room) {
    return each_peer(target, leave_peer, room);
}

int sio_target_disconnect(const sio_target *target, bool close_connection) {
    return each_peer(target, disconnect_peer, &close_connection);
}
