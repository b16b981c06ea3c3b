/* Rooms of one namespace and who is in them. A membership is one node on two lists, so that joining
 * costs the shorter of both, leaving nothing more than finding it, and a broadcast is a walk.
 *
 * The room that each peer has for itself, named by its id, is not kept here: it would double the
 * memory of an idle peer. sio_namespace_find() stands for it. */
#ifndef SIO_SERVER_ROOM_H
#define SIO_SERVER_ROOM_H

#include <net/list.h>
#include <net/table.h>

typedef struct sio_room {
    sio_list members; /* of sio_membership.in_room */
    size_t count;
    uint32_t holds; /* see sio_room_hold */
    uint32_t name_len;
    char name[]; /* NUL-terminated */
} sio_room;

/* The rooms of one peer. */
typedef struct sio_room_set {
    sio_list rooms; /* of sio_membership.in_set */
    size_t count;
} sio_room_set;

typedef struct sio_membership {
    sio_list in_room;
    sio_list in_set;
    sio_room *room;
    sio_room_set *set;
} sio_membership;

typedef struct sio_room_index {
    sio_table by_name;
    const sio_mem *mem;
    uint64_t *total; /* a figure: how many rooms there are, here and elsewhere; NULL: not kept */
} sio_room_index;

/* Errors: SIO_ERR_RANDOM. */
int sio_room_index_init(sio_room_index *index, sio_loop *loop);
/* All sets must be empty. */
void sio_room_index_done(sio_room_index *index);

void sio_room_set_init(sio_room_set *set);

/* NULL when nobody is in it and nobody holds it. */
sio_room *sio_room_find(const sio_room_index *index, const char *name);
bool sio_room_has(const sio_room *room, const sio_room_set *set);

/* Joining twice is one membership. Errors: SIO_ERR_NOMEM, SIO_ERR_LIMIT (name of 4 GiB). */
int sio_room_join(sio_room_index *index, sio_room_set *set, const char *name);
/* A room that nobody is in any more goes. False when the set was not in it. */
bool sio_room_leave(sio_room_index *index, sio_room_set *set, const char *name);
void sio_room_leave_all(sio_room_index *index, sio_room_set *set);

/* Keep a room, made if need be, although nobody may be in it. NULL: no memory. */
sio_room *sio_room_hold(sio_room_index *index, const char *name);
void sio_room_unhold(sio_room_index *index, sio_room *room);
/* A held room without members is not found any more: who joins makes another. False when that was
 * so already. */
bool sio_room_forget(sio_room_index *index, sio_room *room);

#endif
