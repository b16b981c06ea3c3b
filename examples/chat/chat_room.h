/* The rooms of the chat and who is in them. Nothing here sends anything. */
#ifndef CHAT_ROOM_H
#define CHAT_ROOM_H

#include "chat_history.h"
#include "chat_text.h"

#include <sio/args.h>

enum { CHAT_MAX_ROOMS = 64, CHAT_MAX_MEMBERS = 200 };

/** Names of libsio's rooms start with this. Each peer is also in a room named by its own id, so
 * without a prefix somebody could listen to a peer by joining a room of that name. */
#define CHAT_CHANNEL_PREFIX "room:"

/** Somebody in a room. */
struct chat_member {
    struct chat_member *next;
    struct chat_room *room; /**< NULL: in none */
    char nick[CHAT_UTF8_SIZE(CHAT_NICK_CHARS)];
};

struct chat_room {
    char channel[sizeof(CHAT_CHANNEL_PREFIX) + CHAT_UTF8_SIZE(CHAT_ROOM_CHARS)];
    struct chat_member *members; /**< in the order they came */
    size_t member_count;
    struct chat_history history;
    uint64_t used; /**< when somebody was last here, to find the room forgotten longest */
};

/** All rooms; all zero is none. A room without a name is free, one without members is kept with
 * its history until its place is needed. */
struct chat_rooms {
    struct chat_room rooms[CHAT_MAX_ROOMS];
    uint64_t uses;
};

/** The room of that name, opened if need be; NULL when all places are taken by rooms with people
 * in them. */
struct chat_room *chat_rooms_open(struct chat_rooms *rooms, const char *name);

/** Append name and number of members of each room that has any to an argument list.
 * @return 0 or an error of sio_args_addf() */
int chat_rooms_list(const struct chat_rooms *rooms, sio_args *out);

/** Forget all histories. */
void chat_rooms_clear(struct chat_rooms *rooms);

/** Its name as people know it. */
const char *chat_room_name(const struct chat_room *room);

/** Whether another member fits. */
bool chat_room_full(const struct chat_room *room);

/** Put somebody who is in no room into this one. A nick that is taken gets a number. */
void chat_room_add(struct chat_rooms *rooms, struct chat_room *room, struct chat_member *member,
                   const char *nick);

/** Take somebody out of the room he is in. */
void chat_room_remove(struct chat_rooms *rooms, struct chat_member *member);

/** Append the nick of each member to an argument list.
 * @return 0 or an error of sio_args_add_string() */
int chat_room_list(const struct chat_room *room, sio_args *out);

#endif
