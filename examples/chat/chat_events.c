/* Whoever sends an event may be hostile or simply broken, so each handler checks what it got. The
 * getters help: a missing argument, or one of another type, is the empty value.
 *
 * Results of emitting are not looked at. A peer that cannot be written to is disconnected by the
 * library, and on_disconnect() is the one place that deals with that. It may run within an emit,
 * therefore handlers change the rooms first, send afterwards, and do not touch a member again once
 * something was sent to it. */
#include "chat_events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    RATE_BURST = 60,        /* events that may come at once */
    RATE_REFILL_MS = 100,   /* and then one in so many ms */
    MESSAGE_OVERHEAD = 256, /* what a kept message costs beside its bytes */
    TYPE_SIZE = 80
};

/** What hangs on each peer. `member` comes first, so that a room's list leads here as well. */
struct person {
    struct chat_member member;
    uint64_t tokens_at; /**< when the bucket was last full, ms; see may_act() */
};

static uint64_t wall_clock_ms(void) {
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The time of a message also identifies it: no two have the same. */
static int64_t next_stamp(struct chat *chat) {
    uint64_t now = wall_clock_ms();

    chat->last_stamp = now > chat->last_stamp ? now : chat->last_stamp + 1;
    return (int64_t)chat->last_stamp;
}

/* A token bucket without a counter: each event moves the mark one refill into the future, and the
 * mark may be at most a burst ahead of the clock. */
static bool may_act(struct person *person) {
    uint64_t now = wall_clock_ms();
    uint64_t mark = person->tokens_at > now ? person->tokens_at : now;

    if (mark - now > (uint64_t)RATE_BURST * RATE_REFILL_MS) {
        return false;
    }
    person->tokens_at = mark + RATE_REFILL_MS;
    return true;
}

/* ---- answers ------------------------------------------------------------------------------- */

/* As Node programs do: the first value of an acknowledgement is an error text or null. */
static void refuse(const sio_event *ev, const char *why) {
    if (ev->ack) {
        sio_ack_sendf(ev->ack, "s", why);
    }
}

static void accept(const sio_event *ev) {
    if (ev->ack) {
        sio_ack_sendf(ev->ack, "n");
    }
}

/* The sender, if he is in a room and not too fast; otherwise the event has been refused. */
static struct chat_member *speaker(sio_peer *peer, const sio_event *ev) {
    struct person *person = sio_peer_user(peer);

    if (!person || !person->member.room) {
        refuse(ev, "Join a room first.");
        return NULL;
    }
    if (!may_act(person)) {
        refuse(ev, "Slow down, please.");
        return NULL;
    }
    return &person->member;
}

/* ---- sending ------------------------------------------------------------------------------- */

static void tell_room(struct chat *chat, const char *channel, const char *event,
                      const sio_args *args) {
    sio_target target = sio_namespace_target(chat->ns);

    sio_target_emit(sio_target_to(&target, channel), event, args);
}

static void tell_members(struct chat *chat, const struct chat_room *room) {
    sio_args *args;

    if (sio_args_new(&args, NULL) != 0) {
        return;
    }
    if (chat_room_list(room, args) == 0) {
        tell_room(chat, room->channel, "users", args);
    }
    sio_args_unref(args);
}

static void tell_rooms(struct chat *chat) {
    sio_target everyone = sio_namespace_target(chat->ns);
    sio_args *args;

    if (sio_args_new(&args, NULL) != 0) {
        return;
    }
    if (chat_rooms_list(&chat->rooms, args) == 0) {
        sio_target_emit(&everyone, "rooms", args);
    }
    sio_args_unref(args);
}

/* For everybody in the room but the one it is about. */
static void tell_notice(struct chat *chat, sio_peer *about, const char *channel, const char *nick,
                        const char *what) {
    char text[CHAT_UTF8_SIZE(CHAT_NICK_CHARS) + 32];
    sio_target others = sio_peer_broadcast(about);

    snprintf(text, sizeof(text), "%s %s", nick, what);
    sio_target_emitf(sio_target_to(&others, channel), "notice", "I s", next_stamp(chat), text);
}

/* Everybody gets the same list, the sender too, and later the newcomers.
 * `args` is NULL when it could not be built. */
static void publish(struct chat *chat, struct chat_room *room, const sio_event *ev,
                    const char *event, const sio_args *args, size_t bytes) {
    if (!args) {
        refuse(ev, "Out of memory.");
        return;
    }
    chat_history_add(&room->history, event, args, bytes + MESSAGE_OVERHEAD);
    tell_room(chat, room->channel, event, args);
    accept(ev);
}

/* ---- coming and going ---------------------------------------------------------------------- */

static void leave_room(struct chat *chat, sio_peer *peer, struct chat_member *member) {
    struct chat_room *room = member->room;
    char nick[sizeof(member->nick)];

    if (!room) {
        return;
    }
    memcpy(nick, member->nick, sizeof(nick));
    chat_room_remove(&chat->rooms, member);
    sio_peer_leave(peer, room->channel);
    tell_notice(chat, peer, room->channel, nick, "left");
    tell_members(chat, room);
}

static struct person *person_of(sio_peer *peer) {
    struct person *person = sio_peer_user(peer);

    if (!person) {
        person = calloc(1, sizeof(*person));
        sio_peer_set_user(peer, person, free);
    }
    return person;
}

/* The room somebody wants to go to, if there is one for him; otherwise he has been told. */
static struct chat_room *wanted_room(struct chat *chat, const sio_event *ev, const char *name,
                                     const struct chat_member *member) {
    struct chat_room *room = chat_rooms_open(&chat->rooms, name);

    if (!room) {
        refuse(ev, "There are too many rooms.");
        return NULL;
    }
    if (chat_room_full(room) && member->room != room) {
        refuse(ev, "That room is full.");
        return NULL;
    }
    return room;
}

static void enter_room(struct chat *chat, sio_peer *peer, const sio_event *ev,
                       struct chat_member *member, const char *nick, struct chat_room *room) {
    char given[sizeof(member->nick)];

    chat_room_add(&chat->rooms, room, member, nick);
    memcpy(given, member->nick, sizeof(given));
    if (ev->ack) {
        sio_ack_sendf(ev->ack, "n s s", given, chat_room_name(room));
    }
    sio_peer_join(peer, room->channel);
    tell_notice(chat, peer, room->channel, given, "joined");
    tell_members(chat, room);
    tell_rooms(chat);
    chat_history_replay(&room->history, peer);
}

static void on_join(sio_peer *peer, const sio_event *ev, void *user) {
    struct chat *chat = user;
    struct person *person = person_of(peer);
    char nick[CHAT_UTF8_SIZE(CHAT_NICK_CHARS)];
    char name[CHAT_UTF8_SIZE(CHAT_ROOM_CHARS)];

    if (!person || !may_act(person)) {
        refuse(ev, "Slow down, please.");
    } else if (!chat_text_clean(nick, sio_event_str(ev, 0), CHAT_NICK_CHARS, CHAT_ONE_LINE)) {
        refuse(ev, "A name has 1 to 24 visible characters.");
    } else if (!chat_text_clean(name, sio_event_str(ev, 1), CHAT_ROOM_CHARS, CHAT_ONE_LINE)) {
        refuse(ev, "A room's name has 1 to 32 visible characters.");
    } else {
        struct chat_room *room = wanted_room(chat, ev, name, &person->member);
        if (room) {
            leave_room(chat, peer, &person->member);
            enter_room(chat, peer, ev, &person->member, nick, room);
        }
    }
}

static void on_leave(sio_peer *peer, const sio_event *ev, void *user) {
    struct chat *chat = user;
    struct chat_member *member = speaker(peer, ev);

    if (member) {
        leave_room(chat, peer, member);
        accept(ev);
        tell_rooms(chat);
    }
}

static void on_disconnect(sio_peer *peer, const sio_event *ev, void *user) {
    struct chat *chat = user;
    struct person *person = sio_peer_user(peer);

    if (person && person->member.room) {
        leave_room(chat, peer, &person->member);
        tell_rooms(chat);
    }
}

static void on_rooms(sio_peer *peer, const sio_event *ev, void *user) {
    const struct chat *chat = user;
    struct person *person = person_of(peer);
    sio_args *args;

    if (!ev->ack || !person) {
        return;
    }
    if (!may_act(person) || sio_args_new(&args, NULL) != 0) {
        refuse(ev, "Slow down, please.");
        return;
    }
    if (sio_args_add_null(args) == 0 && chat_rooms_list(&chat->rooms, args) == 0) {
        sio_ack_send(ev->ack, args);
    }
    sio_args_unref(args);
}

/* ---- talking ------------------------------------------------------------------------------- */

static void on_say(sio_peer *peer, const sio_event *ev, void *user) {
    struct chat *chat = user;
    struct chat_member *member = speaker(peer, ev);
    char text[CHAT_UTF8_SIZE(CHAT_TEXT_CHARS)];
    sio_args *args = NULL;
    int rc;

    if (!member) {
        return;
    }
    if (!chat_text_clean(text, sio_event_str(ev, 0), CHAT_TEXT_CHARS, CHAT_MANY_LINES)) {
        refuse(ev, "A message has 1 to 2000 characters of plain text.");
        return;
    }
    rc = sio_args_new(&args, NULL);
    if (rc == 0) {
        rc = sio_args_addf(args, "I s s", next_stamp(chat), member->nick, text);
    }
    publish(chat, member->room, ev, "message", rc == 0 ? args : NULL, strlen(text));
    sio_args_unref(args);
}

static void on_typing(sio_peer *peer, const sio_event *ev, void *user) {
    struct chat_member *member = speaker(peer, ev);
    sio_target others = sio_peer_broadcast(peer);

    if (!member) {
        return;
    }
    /* Not worth queueing for somebody whose connection is busy. */
    others.is_volatile = true;
    sio_target_emitf(sio_target_to(&others, member->room->channel), "typing", "s b", member->nick,
                     (int)sio_event_bool(ev, 0));
}

/* Some browsers send the whole path. */
static sio_str last_path_part(sio_str path) {
    for (size_t i = path.len; i > 0; i--) {
        if (path.ptr[i - 1] == '/' || path.ptr[i - 1] == '\\') {
            return (sio_str){path.ptr + i, path.len - i};
        }
    }
    return path;
}

/* A media type as RFC 6838 §4.2 spells it, or the one that says nothing. */
static const char *media_type(char out[TYPE_SIZE], sio_str type) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789.+-_/";
    const char *slash =
        type.len > 0 && type.len < TYPE_SIZE ? memchr(type.ptr, '/', type.len) : NULL;

    if (!slash) {
        return "application/octet-stream";
    }
    memcpy(out, type.ptr, type.len);
    out[type.len] = '\0';
    return strspn(out, allowed) == type.len ? out : "application/octet-stream";
}

static int add_file(sio_args *args, struct chat *chat, const char *nick, const char *name,
                    const sio_event *ev) {
    char type[TYPE_SIZE];
    int rc = sio_args_addf(args, "I s s s", next_stamp(chat), nick, name,
                           media_type(type, sio_event_str(ev, 1)));

    return rc ? rc : sio_args_add_arg(args, ev->args, 2);
}

static void on_file(sio_peer *peer, const sio_event *ev, void *user) {
    struct chat *chat = user;
    struct chat_member *member = speaker(peer, ev);
    sio_str sent_name = last_path_part(sio_event_str(ev, 0));
    size_t bytes = sio_event_binary(ev, 2).len;
    char name[CHAT_UTF8_SIZE(CHAT_FILE_CHARS)];
    sio_args *args = NULL;
    int rc;

    if (!member) {
        return;
    }
    if (!chat_text_clean(name, sent_name, CHAT_FILE_CHARS, CHAT_ONE_LINE)) {
        refuse(ev, "A file's name has 1 to 100 visible characters.");
        return;
    }
    if (bytes == 0 || bytes > CHAT_FILE_BYTES) {
        refuse(ev, "A file has 1 byte to 1 MiB.");
        return;
    }
    rc = sio_args_new(&args, NULL);
    if (rc == 0) {
        rc = add_file(args, chat, member->nick, name, ev);
    }
    publish(chat, member->room, ev, "file", rc == 0 ? args : NULL, bytes);
    sio_args_unref(args);
}

int chat_events_attach(struct chat *chat, sio_namespace *ns) {
    static const struct {
        const char *event;
        sio_peer_fn fn;
    } handlers[] = {
        {"disconnect", on_disconnect}, {"file", on_file},   {"join", on_join},
        {"leave", on_leave},           {"rooms", on_rooms}, {"say", on_say},
        {"typing", on_typing},
    };
    int rc = 0;

    chat->ns = ns;
    for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]) && rc == 0; i++) {
        rc = sio_namespace_on(ns, handlers[i].event, handlers[i].fn, chat);
    }
    return rc;
}
