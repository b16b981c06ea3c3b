/* What adapters do with the peers of this server: finding those that a target names, sending to
 * them, acting on them. */
#include "adapter.h"
#include "parent.h"
#include "peer.h"
#include "pending.h"

#include "mem.h"

#include <string.h>

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
    if (peer->mark == v->mark || !peer->connected) {
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
    size_t except_count = sio_target_except_count(target);
    for (size_t i = 0; i < except_count; i++) {
        visit_room(ns, sio_target_except_room(target, i), &v); /* only marks them */
    }
    v.fn = fn;
    v.arg = arg;
    size_t room_count = sio_target_room_count(target);
    for (size_t i = 0; i < room_count; i++) {
        visit_room(ns, sio_target_room(target, i), &v);
    }
    if (room_count > 0) {
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
    if (target->ns->as_parent) {
        return sio_parent_count(target);
    }
    visit_target(target, count_peer, &count);
    return count;
}

static void remember_peer(sio_peer *peer, void *arg) {
    sio_peer_list *list = arg;
    list->peers[list->count++] = sio_peer_ref(peer);
}

int sio_peer_list_init(sio_peer_list *list, const sio_target *target) {
    int64_t count = sio_target_count(target);
    *list = (sio_peer_list){NULL, 0};
    if (count <= 0) {
        return (int)count;
    }
    const sio_mem *mem = target->ns->server->mem;
    list->peers = sio_mem_alloc_array(mem, (size_t)count, sizeof(sio_peer *));
    if (!list->peers) {
        return SIO_ERR_NOMEM;
    }
    visit_target(target, remember_peer, list);
    return 0;
}

void sio_peer_list_done(sio_peer_list *list, const sio_mem *mem) {
    for (size_t i = 0; i < list->count; i++) {
        sio_peer_unref(list->peers[i]);
    }
    sio_mem_release(mem, list->peers);
    *list = (sio_peer_list){NULL, 0};
}

/* ---- emitting ---- */

void sio_broadcast_done(sio_broadcast *b, const sio_mem *mem) {
    sio_eio_message_unref(b->text);
    for (uint32_t i = 0; i < b->attachment_count; i++) {
        sio_eio_message_unref(b->attachments[i]);
    }
    sio_mem_release(mem, b->attachments);
    *b = (sio_broadcast){0};
}

static int take_attachments(sio_broadcast *b, const sio_args *args, const sio_mem *mem) {
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

int sio_broadcast_init(sio_broadcast *b, const sio_target *target, const sio_adapter_event *event,
                       const uint64_t *ack_id) {
    sio_server *server = target->ns->server;
    *b = (sio_broadcast){.flags = sio_peer_send_flags(target->is_volatile, target->no_compress)};
    int rc = sio_peer_encode_event(target->ns, event, ack_id);
    if (rc == 0) {
        rc = sio_eio_message_take(&b->text, sio_parser_is_binary(server->parser), &server->encode);
    }
    if (rc == 0) {
        rc = sio_parser_is_binary(server->parser) ? 0
                                                  : take_attachments(b, event->args, server->mem);
    }
    if (rc != 0) {
        sio_broadcast_done(b, server->mem);
    }
    return rc;
}

static int send_all(const sio_broadcast *b, sio_engine_session *engine) {
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

void sio_broadcast_send(const sio_broadcast *b, sio_peer *peer) {
    sio_engine_session *engine = peer->conn->engine;
    int rc = peer->conn->open ? send_all(b, engine) : 0;
    if (rc != 0) {
        sio_engine_session_fail(engine, rc);
    }
}

static void send_to_peer(sio_peer *peer, void *arg) {
    sio_broadcast_send(arg, peer);
}

/* Its own room is one before it is connected, too. */
static bool will_be_in_room(const sio_peer *peer, const char *room) {
    return strcmp(peer->id, room) == 0 ? !peer->left_own_room : sio_peer_in_room(peer, room);
}

static bool in_any_room(const sio_peer *peer, const sio_target *target, size_t count,
                        const char *(*room)(const sio_target *target, size_t index)) {
    for (size_t i = 0; i < count; i++) {
        if (will_be_in_room(peer, room(target, i))) {
            return true;
        }
    }
    return false;
}

static bool is_target(const sio_peer *peer, const sio_target *target) {
    size_t rooms = sio_target_room_count(target);
    return (rooms == 0 || in_any_room(peer, target, rooms, sio_target_room)) &&
           !in_any_room(peer, target, sio_target_except_count(target), sio_target_except_room);
}

/* Clients that have been sent what they missed, and whose middlewares have not answered yet, must
 * not miss what is stored meanwhile. Like all the rest it comes before their CONNECT. */
static void send_to_returning(const sio_broadcast *b, const sio_target *target) {
    const sio_list *returning = &target->ns->returning;
    for (sio_list *at = returning->next; at != returning; at = at->next) {
        sio_peer *peer = SIO_CONTAINER(at, sio_peer, link);
        if (is_target(peer, target)) {
            sio_broadcast_send(b, peer);
        }
    }
}

/* With handlers of outgoing events, which may do anything, so on a list of its own. */
static int send_observed(const sio_broadcast *b, const sio_target *target,
                         const sio_adapter_event *event) {
    sio_server *server = target->ns->server;
    const sio_mem *mem = server->mem;
    sio_peer_list list;
    int rc = sio_peer_list_init(&list, target);
    sio_server_enter(server);
    for (size_t i = 0; i < list.count; i++) {
        sio_peer_announce_outgoing(list.peers[i], event->name, event->args);
        if (list.peers[i]->connected) {
            sio_broadcast_send(b, list.peers[i]);
        }
    }
    sio_peer_list_done(&list, mem);
    sio_server_leave(server);
    return rc;
}

int sio_adapter_local_emit(const sio_target *target, const sio_adapter_event *event) {
    if (target->error != 0) {
        return target->error;
    }
    sio_server *server = target->ns->server;
    sio_broadcast b;
    int rc = sio_broadcast_init(&b, target, event, NULL);
    if (rc != 0) {
        return rc;
    }
    sio_server_enter(server);
    if (event->offset.len > 0) {
        send_to_returning(&b, target);
    }
    if (sio_namespace_observed(target->ns)) {
        rc = send_observed(&b, target, event);
    } else {
        visit_target(target, send_to_peer, &b);
    }
    sio_broadcast_done(&b, server->mem);
    sio_server_leave(server);
    return rc;
}

/* ---- acting on all of them ---- */

typedef struct action {
    int (*act)(sio_peer *peer, const struct action *action);
    const char *const *rooms;
    size_t count;
    bool close_connection;
} action;

/* What is done may run code of the application. */
static int each_peer(const sio_target *target, const action *what) {
    sio_server *server = target->ns->server;
    const sio_mem *mem = server->mem;
    sio_peer_list list;
    int rc = sio_peer_list_init(&list, target);
    if (rc != 0) {
        return rc;
    }
    sio_server_enter(server);
    for (size_t i = 0; i < list.count; i++) {
        if (list.peers[i]->connected) {
            int failed = what->act(list.peers[i], what);
            rc = rc != 0 ? rc : failed;
        }
    }
    sio_peer_list_done(&list, mem);
    sio_server_leave(server);
    return rc;
}

/* Through the adapter: it may have to know. */
static int join_rooms(sio_peer *peer, const action *what) {
    int rc = sio_peer_join_all(peer, what->rooms, what->count);
    return rc == SIO_ERR_DISCONNECTED ? 0 : rc;
}

static int leave_rooms(sio_peer *peer, const action *what) {
    for (size_t i = 0; i < what->count; i++) {
        sio_peer_leave(peer, what->rooms[i]);
    }
    return 0;
}

static int disconnect_peer(sio_peer *peer, const action *what) {
    sio_peer_disconnect(peer, what->close_connection);
    return 0;
}

int sio_adapter_local_add(const sio_target *target, const char *const *rooms, size_t count) {
    return each_peer(target, &(action){.act = join_rooms, .rooms = rooms, .count = count});
}

int sio_adapter_local_del(const sio_target *target, const char *const *rooms, size_t count) {
    return each_peer(target, &(action){.act = leave_rooms, .rooms = rooms, .count = count});
}

int sio_adapter_local_disconnect(const sio_target *target, bool close_connection) {
    return each_peer(target,
                     &(action){.act = disconnect_peer, .close_connection = close_connection});
}
