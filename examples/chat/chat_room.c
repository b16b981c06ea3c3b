#include "chat_room.h"

#include <stdio.h>
#include <string.h>

static bool in_use(const struct chat_room *room) {
    return room->channel[0] != '\0';
}

const char *chat_room_name(const struct chat_room *room) {
    return room->channel + strlen(CHAT_CHANNEL_PREFIX);
}

/* Free places come before forgotten rooms, because those were never used. */
static bool is_better_place(const struct chat_room *room, const struct chat_room *than) {
    return room->member_count == 0 && (!than || room->used < than->used);
}

struct chat_room *chat_rooms_open(struct chat_rooms *rooms, const char *name) {
    struct chat_room *place = NULL;

    for (size_t i = 0; i < CHAT_MAX_ROOMS; i++) {
        struct chat_room *room = &rooms->rooms[i];
        if (in_use(room) && strcmp(chat_room_name(room), name) == 0) {
            return room;
        }
        if (is_better_place(room, place)) {
            place = room;
        }
    }
    if (place) {
        chat_history_clear(&place->history);
        snprintf(place->channel, sizeof(place->channel), "%s%s", CHAT_CHANNEL_PREFIX, name);
        place->used = ++rooms->uses;
    }
    return place;
}

int chat_rooms_list(const struct chat_rooms *rooms, sio_args *out) {
    int rc = 0;

    for (size_t i = 0; i < CHAT_MAX_ROOMS && rc == 0; i++) {
        const struct chat_room *room = &rooms->rooms[i];
        if (room->member_count > 0) {
            rc = sio_args_addf(out, "s U", chat_room_name(room), (uint64_t)room->member_count);
        }
    }
    return rc;
}

void chat_rooms_clear(struct chat_rooms *rooms) {
    for (size_t i = 0; i < CHAT_MAX_ROOMS; i++) {
        chat_history_clear(&rooms->rooms[i].history);
    }
}

bool chat_room_full(const struct chat_room *room) {
    return room->member_count >= CHAT_MAX_MEMBERS;
}

static bool nick_taken(const struct chat_room *room, const char *nick) {
    for (const struct chat_member *m = room->members; m; m = m->next) {
        if (strcmp(m->nick, nick) == 0) {
            return true;
        }
    }
    return false;
}

/* Cut so that the number fits behind it, never inside a character. */
static size_t base_length(const char *nick, size_t room_for) {
    size_t len = strlen(nick);

    if (len <= room_for) {
        return len;
    }
    for (len = room_for; len > 0 && ((uint8_t)nick[len] & 0xc0) == 0x80; len--) {
    }
    return len;
}

static void choose_nick(const struct chat_room *room, struct chat_member *member,
                        const char *nick) {
    enum { NUMBER_SIZE = sizeof("-999") };
    int base = (int)base_length(nick, sizeof(member->nick) - NUMBER_SIZE);

    snprintf(member->nick, sizeof(member->nick), "%s", nick);
    for (unsigned n = 2; nick_taken(room, member->nick) && n <= CHAT_MAX_MEMBERS; n++) {
        snprintf(member->nick, sizeof(member->nick), "%.*s-%u", base, nick, n);
    }
}

void chat_room_add(struct chat_rooms *rooms, struct chat_room *room, struct chat_member *member,
                   const char *nick) {
    struct chat_member **end = &room->members;

    choose_nick(room, member, nick);
    while (*end) {
        end = &(*end)->next;
    }
    *end = member;
    member->next = NULL;
    member->room = room;
    room->member_count++;
    room->used = ++rooms->uses;
}

void chat_room_remove(struct chat_rooms *rooms, struct chat_member *member) {
    struct chat_room *room = member->room;
    struct chat_member **at = &room->members;

    while (*at != member) {
        at = &(*at)->next;
    }
    *at = member->next;
    member->room = NULL;
    room->member_count--;
    room->used = ++rooms->uses;
}

int chat_room_list(const struct chat_room *room, sio_args *out) {
    int rc = 0;

    for (const struct chat_member *m = room->members; m && rc == 0; m = m->next) {
        rc = sio_args_add_string(out, m->nick);
    }
    return rc;
}
