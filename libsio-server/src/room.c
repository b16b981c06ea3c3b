#include "room.h"

#include <net/figure.h>
#include <net/loop.h>

#include "mem.h"

#include <string.h>

int sio_room_index_init(sio_room_index *index, sio_loop *loop) {
    index->mem = sio_loop_mem(loop);
    index->total = NULL;
    return sio_table_init(&index->by_name, loop);
}

void sio_room_index_done(sio_room_index *index) {
    sio_table_done(&index->by_name);
}

void sio_room_set_init(sio_room_set *set) {
    sio_list_init(&set->rooms);
    set->count = 0;
}

sio_room *sio_room_find(const sio_room_index *index, const char *name) {
    return sio_table_get(&index->by_name, name, strlen(name));
}

/* Walks the shorter list: a peer in few rooms, or a room with few peers. */
static sio_membership *membership_find(const sio_room *room, const sio_room_set *set) {
    if (room->count < set->count) {
        for (sio_list *at = room->members.next; at != &room->members; at = at->next) {
            sio_membership *member = SIO_CONTAINER(at, sio_membership, in_room);
            if (member->set == set) {
                return member;
            }
        }
        return NULL;
    }
    for (sio_list *at = set->rooms.next; at != &set->rooms; at = at->next) {
        sio_membership *member = SIO_CONTAINER(at, sio_membership, in_set);
        if (member->room == room) {
            return member;
        }
    }
    return NULL;
}

bool sio_room_has(const sio_room *room, const sio_room_set *set) {
    return membership_find(room, set) != NULL;
}

static sio_room *room_new(sio_room_index *index, const char *name) {
    size_t len = strlen(name);
    if (len >= UINT32_MAX) {
        return NULL;
    }
    sio_room *room = sio_mem_alloc(index->mem, sizeof(*room) + len + 1);
    if (!room) {
        return NULL;
    }
    sio_list_init(&room->members);
    room->count = 0;
    room->holds = 0;
    room->name_len = (uint32_t)len;
    memcpy(room->name, name, len + 1);
    if (sio_table_put(&index->by_name, room->name, len, room) != 0) {
        sio_mem_release(index->mem, room);
        return NULL;
    }
    if (index->total) {
        SIO_COUNT(*index->total);
    }
    return room;
}

bool sio_room_forget(sio_room_index *index, sio_room *room) {
    if (sio_table_get(&index->by_name, room->name, room->name_len) != room) {
        return false;
    }
    sio_table_remove(&index->by_name, room->name, room->name_len);
    sio_table_settle(&index->by_name);
    if (index->total) {
        SIO_FIGURE_SUB(*index->total, 1);
    }
    return true;
}

static void release_if_unused(sio_room_index *index, sio_room *room) {
    if (room->count == 0 && room->holds == 0) {
        sio_room_forget(index, room);
        sio_mem_release(index->mem, room);
    }
}

sio_room *sio_room_hold(sio_room_index *index, const char *name) {
    sio_room *room = sio_room_find(index, name);
    if (!room) {
        room = room_new(index, name);
    }
    if (room) {
        room->holds++;
    }
    return room;
}

void sio_room_unhold(sio_room_index *index, sio_room *room) {
    room->holds--;
    release_if_unused(index, room);
}

int sio_room_join(sio_room_index *index, sio_room_set *set, const char *name) {
    sio_room *room = sio_room_find(index, name);
    if (room && membership_find(room, set)) {
        return 0;
    }
    sio_membership *member = sio_mem_alloc(index->mem, sizeof(*member));
    if (member && !room) {
        room = room_new(index, name);
    }
    if (!member || !room) {
        sio_mem_release(index->mem, member);
        return SIO_ERR_NOMEM;
    }
    member->room = room;
    member->set = set;
    sio_list_init(&member->in_room);
    sio_list_init(&member->in_set);
    sio_list_push(&room->members, &member->in_room);
    sio_list_push(&set->rooms, &member->in_set);
    room->count++;
    set->count++;
    return 0;
}

static void membership_end(sio_room_index *index, sio_membership *member) {
    sio_room *room = member->room;
    sio_list_remove(&member->in_room);
    sio_list_remove(&member->in_set);
    member->set->count--;
    sio_mem_release(index->mem, member);
    room->count--;
    release_if_unused(index, room);
}

bool sio_room_leave(sio_room_index *index, sio_room_set *set, const char *name) {
    sio_room *room = sio_room_find(index, name);
    sio_membership *member = room ? membership_find(room, set) : NULL;
    if (!member) {
        return false;
    }
    membership_end(index, member);
    return true;
}

void sio_room_leave_all(sio_room_index *index, sio_room_set *set) {
    while (!sio_list_empty(&set->rooms)) {
        membership_end(index, SIO_CONTAINER(set->rooms.next, sio_membership, in_set));
    }
}
