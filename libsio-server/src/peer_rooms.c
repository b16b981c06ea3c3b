/* The rooms of a peer, and what is told about them. */
#include "peer.h"

#include "mem.h"

#include <net/log.h>

#include <string.h>

/* ---- events ---- */

static bool is_observed(const sio_namespace *ns) {
    return ns->on_room.any.live > 0 && !ns->server->dead;
}

static void tell(sio_namespace *ns, sio_room_change change, const char *room, const char *id) {
    sio_server *server = ns->server;
    sio_handler_walk walk;
    sio_handler handler;
    sio_handlers_begin(&walk, &ns->on_room.any);
    while (!server->dead && sio_handlers_next(&walk, &handler)) {
        ((sio_room_fn)handler.fn)(ns, change, room, id, handler.user);
    }
    sio_handlers_end(&walk, &ns->on_room);
}

int sio_namespace_on_room(sio_namespace *ns, sio_room_fn fn, void *user) {
    return sio_handlers_add(&ns->on_room, NULL, (sio_handler_fn)fn, user, false);
}

int sio_namespace_off_room(sio_namespace *ns, sio_room_fn fn, void *user) {
    return sio_handlers_remove(&ns->on_room, NULL, (sio_handler_fn)fn, user);
}

/* ---- joining ---- */

static bool is_own_room(const sio_peer *peer, const char *room) {
    return strcmp(peer->id, room) == 0;
}

static bool is_in_own_room(const sio_peer *peer) {
    return peer->connected && !peer->left_own_room;
}

/* Whether anybody is in it: somebody who joined it, or the peer whose own room it is. */
static bool room_exists(const sio_namespace *ns, const char *room) {
    const sio_peer *owner = sio_namespace_find(ns, room);
    return (owner && is_in_own_room(owner)) || sio_room_find(&ns->rooms, room) != NULL;
}

static int join(sio_peer *peer, const char *room) {
    if (is_own_room(peer, room)) {
        peer->left_own_room = false;
        return 0;
    }
    return sio_room_join(&peer->ns->rooms, &peer->rooms, room);
}

static void tell_joined(sio_peer *peer, const char *room, bool created) {
    sio_namespace *ns = peer->ns;
    if (created) {
        tell(ns, SIO_ROOM_CREATE, room, NULL);
    }
    if (sio_peer_in_room(peer, room)) { /* still */
        tell(ns, SIO_ROOM_JOIN, room, peer->id);
    }
}

/* `room` is the caller's and may go in a callback. */
static int join_and_tell(sio_peer *peer, const char *room) {
    sio_namespace *ns = peer->ns;
    sio_server *server = ns->server;
    if (sio_peer_in_room(peer, room)) {
        return 0;
    }
    char *name = sio_mem_strndup(server->mem, room, strlen(room));
    if (!name) {
        return SIO_ERR_NOMEM;
    }
    bool created = !room_exists(ns, name);
    int rc = join(peer, name);
    if (rc == 0) {
        sio_server_enter(server);
        sio_peer_ref(peer);
        tell_joined(peer, name, created);
        sio_peer_unref(peer);
        sio_mem_release(server->mem, name);
        sio_server_leave(server);
        return 0;
    }
    sio_mem_release(server->mem, name);
    return rc;
}

/* Its own room, and those it is in, are no further ones. */
static int check_limits(const sio_peer *peer, const char *room) {
    sio_server *server = peer->ns->server;
    bool too_many =
        server->max_rooms_per_peer > 0 && peer->rooms.count >= server->max_rooms_per_peer;
    bool too_long = server->max_room_name > 0 && strlen(room) > server->max_room_name;
    if ((!too_many && !too_long) || sio_peer_in_room(peer, room) || is_own_room(peer, room)) {
        return 0;
    }
    SIO_COUNT(server->counters.rooms_refused);
    SIO_LOG(&server->log, SIO_LOG_INFO, "socket.io:socket", "%s may not join a room: %s", peer->id,
            too_long ? "its name is longer than max_room_name" : "it is in max_rooms_per_peer");
    return SIO_ERR_LIMIT;
}

int sio_adapter_local_join(sio_peer *peer, const char *room) {
    if (!peer->connected && !peer->joining) {
        return SIO_ERR_DISCONNECTED;
    }
    int rc = check_limits(peer, room);
    if (rc != 0) {
        return rc;
    }
    return is_observed(peer->ns) ? join_and_tell(peer, room) : join(peer, room);
}

void sio_peer_joined_own_room(sio_peer *peer) {
    sio_namespace *ns = peer->ns;
    sio_server *server = ns->server;
    if (is_observed(ns)) {
        sio_server_enter(server);
        sio_peer_ref(peer);
        tell_joined(peer, peer->id, sio_room_find(&ns->rooms, peer->id) == NULL);
        sio_peer_unref(peer);
        sio_server_leave(server);
    }
}

/* ---- leaving ---- */

static void leave(sio_peer *peer, const char *room) {
    if (is_own_room(peer, room)) {
        peer->left_own_room = true;
    } else {
        sio_room_leave(&peer->ns->rooms, &peer->rooms, room);
    }
}

/* The room is held while the first callback runs, so that somebody who joins in it joins the same
 * room. */
static void tell_left(sio_namespace *ns, sio_room *room, const char *id) {
    tell(ns, SIO_ROOM_LEAVE, room->name, id);
    const sio_peer *owner = sio_namespace_find(ns, room->name);
    bool empty = room->count == 0 && !(owner && is_in_own_room(owner));
    if (empty && sio_room_forget(&ns->rooms, room)) {
        tell(ns, SIO_ROOM_DELETE, room->name, NULL);
    }
    sio_room_unhold(&ns->rooms, room);
}

/* Without memory for the hold the change is made and not told. */
static void leave_and_tell(sio_peer *peer, const char *name) {
    sio_namespace *ns = peer->ns;
    sio_server *server = ns->server;
    sio_room *room = sio_room_hold(&ns->rooms, name);
    if (!room) {
        leave(peer, name);
        return;
    }
    sio_server_enter(server);
    sio_peer_ref(peer);
    leave(peer, room->name);
    tell_left(ns, room, peer->id);
    sio_peer_unref(peer);
    sio_server_leave(server);
}

void sio_adapter_local_leave(sio_peer *peer, const char *room) {
    if (!is_observed(peer->ns)) {
        leave(peer, room);
    } else if (sio_peer_in_room(peer, room)) {
        leave_and_tell(peer, room);
    }
}

/* It is not connected any more, and so has left its own room and cannot join another. */
static void leave_all_and_tell(sio_peer *peer) {
    sio_namespace *ns = peer->ns;
    if (!peer->left_own_room) {
        leave_and_tell(peer, peer->id);
    }
    while (is_observed(ns) && !sio_list_empty(&peer->rooms.rooms)) {
        sio_list *first = peer->rooms.rooms.next;
        leave_and_tell(peer, SIO_CONTAINER(first, sio_membership, in_set)->room->name);
    }
}

void sio_adapter_local_leave_all(sio_peer *peer) {
    if (is_observed(peer->ns)) {
        leave_all_and_tell(peer);
    }
    sio_room_leave_all(&peer->ns->rooms, &peer->rooms);
}

/* ---- the application's functions ---- */

int sio_peer_join(sio_peer *peer, const char *room) {
    if (!peer->connected && !peer->joining) {
        return SIO_ERR_DISCONNECTED;
    }
    return peer->ns->ops.join(peer->ns->adapter, peer, room);
}

int sio_peer_join_all(sio_peer *peer, const char *const *rooms, size_t count) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = sio_peer_join(peer, rooms[i]);
    }
    return rc;
}

void sio_peer_leave(sio_peer *peer, const char *room) {
    peer->ns->ops.leave(peer->ns->adapter, peer, room);
}

bool sio_peer_in_room(const sio_peer *peer, const char *room) {
    if (is_own_room(peer, room)) {
        return is_in_own_room(peer);
    }
    const sio_room *found = sio_room_find(&peer->ns->rooms, room);
    return found && sio_room_has(found, &peer->rooms);
}

static size_t own_room_count(const sio_peer *peer) {
    return is_in_own_room(peer) ? 1 : 0;
}

size_t sio_peer_room_count(const sio_peer *peer) {
    return peer->rooms.count + own_room_count(peer);
}

const char *sio_peer_room(const sio_peer *peer, size_t index) {
    size_t own = own_room_count(peer);
    if (index < own) {
        return peer->id;
    }
    if (index - own >= peer->rooms.count) {
        return NULL;
    }
    sio_list *at = peer->rooms.rooms.next;
    for (size_t i = own; i < index; i++) {
        at = at->next;
    }
    return SIO_CONTAINER(at, sio_membership, in_set)->room->name;
}
