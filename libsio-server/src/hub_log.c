#include "hub_log.h"

#include "mem.h"

#include <string.h>

enum { EPOCH_LEN = 8, NUMBER_DIGITS = 14, FIRST_CAP = 64 };

_Static_assert(EPOCH_LEN + 1 + NUMBER_DIGITS <= SIO_OFFSET_MAX, "an offset has room");

typedef struct entry {
    sio_cluster_message *message; /* a reference */
    uint64_t low;
    sio_time at;
    uint8_t member;
    bool here_only;
    bool not_sent;
} entry;

/* Where a client that was restored, and is connected, has been before. */
typedef struct trace {
    sio_hub_chain chain;
    sio_str pid;
    char text[];
} trace;

struct sio_hub_log {
    const sio_mem *mem;
    sio_recovery_limits limits;
    uint64_t seed[2];
    char epoch[EPOCH_LEN]; /* begins each offset: those of another life are not taken for ours */
    entry *entries;        /* a ring: event `number` is at number & (cap - 1) */
    size_t cap;
    uint64_t first; /* of those that are kept; they are all there up to `last` */
    uint64_t last;
    sio_list sessions;
    sio_table by_pid;
    sio_table traces; /* by pid */
    uint64_t bytes;
};

/* ---- letting go ---- */

static entry *at_number(const sio_hub_log *log, uint64_t number) {
    return &log->entries[number & (log->cap - 1)];
}

static size_t event_cost(const sio_cluster_message *message) {
    return message->bytes + sizeof(entry);
}

static bool has_events(const sio_hub_log *log) {
    return log->first <= log->last;
}

static void drop_first_event(sio_hub_log *log) {
    entry *oldest = at_number(log, log->first);
    log->bytes -= event_cost(oldest->message);
    sio_cluster_message_unref(oldest->message);
    oldest->message = NULL;
    log->first++;
}

static sio_hub_session *first_session(const sio_hub_log *log) {
    return sio_list_empty(&log->sessions)
               ? NULL
               : SIO_CONTAINER(log->sessions.next, sio_hub_session, link);
}

static void take_session(sio_hub_log *log, sio_hub_session *session) {
    sio_table_remove(&log->by_pid, session->pid.ptr, session->pid.len);
    sio_list_remove(&session->link);
    log->bytes -= session->bytes;
}

static void drop_session(sio_hub_log *log, sio_hub_session *session) {
    take_session(log, session);
    sio_mem_release(log->mem, session);
}

static bool is_old(const sio_hub_log *log, sio_time at, sio_time now) {
    return now > at && now - at > log->limits.keep_ms;
}

static void drop_old(sio_hub_log *log, sio_time now) {
    sio_hub_session *session;
    while (has_events(log) && is_old(log, at_number(log, log->first)->at, now)) {
        drop_first_event(log);
    }
    while ((session = first_session(log)) != NULL && is_old(log, session->at, now)) {
        drop_session(log, session);
    }
}

bool sio_hub_log_sweep(sio_hub_log *log, sio_time now) {
    drop_old(log, now);
    sio_table_trim(&log->by_pid);
    sio_table_trim(&log->traces);
    if (!has_events(log)) {
        sio_mem_release(log->mem, log->entries);
        log->entries = NULL;
        log->cap = 0;
    }
    return has_events(log) || first_session(log);
}

/* Events first, a session without them being worth as much as none. */
static int make_room(sio_hub_log *log, size_t bytes) {
    if (bytes > log->limits.max_bytes) {
        return SIO_ERR_LIMIT;
    }
    while (log->bytes + bytes > log->limits.max_bytes) {
        if (has_events(log)) {
            drop_first_event(log);
        } else {
            drop_session(log, first_session(log));
        }
    }
    return 0;
}

/* ---- life ---- */

int sio_hub_log_new(sio_hub_log **out, const sio_recovery_limits *limits, const uint64_t seed[2],
                    const sio_mem *mem) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    sio_hub_log *log = sio_mem_zalloc(mem, sizeof(*log));
    if (!log) {
        return SIO_ERR_NOMEM;
    }
    log->mem = mem;
    log->limits = *limits;
    log->first = 1;
    sio_list_init(&log->sessions);
    sio_table_init_seeded(&log->by_pid, mem, seed);
    sio_table_init_seeded(&log->traces, mem, seed);
    /* The seed stays secret. */
    uint64_t epoch = sio_siphash13(seed, "epoch", 5);
    for (int i = 0; i < EPOCH_LEN; i++) {
        log->epoch[i] = digits[epoch >> (6 * i) & 63];
    }
    log->seed[0] = seed[0];
    log->seed[1] = seed[1];
    *out = log;
    return 0;
}

void sio_hub_log_free(sio_hub_log *log) {
    if (!log) {
        return;
    }
    while (has_events(log)) {
        drop_first_event(log);
    }
    while (first_session(log)) {
        drop_session(log, first_session(log));
    }
    sio_table_iter it = sio_table_iter_start(&log->traces);
    trace *left;
    while ((left = sio_table_next(&log->traces, &it)) != NULL) {
        sio_table_remove(&log->traces, left->pid.ptr, left->pid.len);
        sio_mem_release(log->mem, left);
    }
    sio_table_done(&log->by_pid);
    sio_table_done(&log->traces);
    sio_mem_release(log->mem, log->entries);
    sio_mem_release(log->mem, log);
}

size_t sio_hub_log_event_count(const sio_hub_log *log) {
    return (size_t)(log->last + 1 - log->first);
}

size_t sio_hub_log_session_count(const sio_hub_log *log) {
    return log->by_pid.count;
}

uint64_t sio_hub_log_bytes(const sio_hub_log *log) {
    return log->bytes;
}

uint64_t sio_hub_log_last(const sio_hub_log *log) {
    return log->last;
}

/* ---- offsets ---- */

static void write_offset(const sio_hub_log *log, sio_cluster_message *message) {
    static const char digits[] = "0123456789abcdef";
    char *at = message->offset + EPOCH_LEN;
    int shift = 4 * (NUMBER_DIGITS - 1);
    memcpy(message->offset, log->epoch, EPOCH_LEN);
    *at++ = '.';
    while (shift > 0 && message->number >> shift == 0) {
        shift -= 4;
    }
    for (; shift >= 0; shift -= 4) {
        *at++ = digits[message->number >> shift & 15];
    }
    message->offset_len = (uint8_t)(at - message->offset);
}

/* 0: it is none of this log. */
static uint64_t read_offset(const sio_hub_log *log, sio_str offset) {
    uint64_t number = 0;
    if (offset.len <= EPOCH_LEN + 1 || offset.len > EPOCH_LEN + 1 + NUMBER_DIGITS ||
        memcmp(offset.ptr, log->epoch, EPOCH_LEN) != 0 || offset.ptr[EPOCH_LEN] != '.') {
        return 0;
    }
    for (size_t i = EPOCH_LEN + 1; i < offset.len; i++) {
        char c = offset.ptr[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f')) {
            return 0;
        }
        number = number << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return number >= log->first && number <= log->last ? number : 0;
}

bool sio_hub_log_has_offset(const sio_hub_log *log, sio_str offset) {
    return read_offset(log, offset) != 0;
}

/* ---- events ---- */

static int grow(sio_hub_log *log) {
    size_t cap = log->cap ? log->cap * 2 : FIRST_CAP;
    entry *wider = sio_mem_alloc_array(log->mem, cap, sizeof(*wider));
    if (!wider) {
        return SIO_ERR_NOMEM;
    }
    for (uint64_t number = log->first; number <= log->last; number++) {
        wider[number & (cap - 1)] = *at_number(log, number);
    }
    sio_mem_release(log->mem, log->entries);
    log->entries = wider;
    log->cap = cap;
    return 0;
}

int sio_hub_log_add(sio_hub_log *log, sio_cluster_message *message, unsigned member, uint64_t low,
                    bool here_only, sio_time now) {
    drop_old(log, now);
    int rc = make_room(log, event_cost(message));
    if (rc != 0) {
        return rc;
    }
    while (has_events(log) && sio_hub_log_event_count(log) >= log->limits.max_events) {
        drop_first_event(log);
    }
    if (sio_hub_log_event_count(log) >= log->cap && (rc = grow(log)) != 0) {
        return rc;
    }
    message->number = ++log->last;
    write_offset(log, message);
    *at_number(log, message->number) = (entry){.message = sio_cluster_message_ref(message),
                                               .low = low ? low : message->number,
                                               .at = now,
                                               .member = (uint8_t)member,
                                               .here_only = here_only};
    log->bytes += event_cost(message);
    return 0;
}

void sio_hub_log_not_sent(sio_hub_log *log, uint64_t number) {
    if (number >= log->first && number <= log->last) {
        at_number(log, number)->not_sent = true;
    }
}

/* ---- sessions ---- */

static char *copy_text(char **at, const char *text, size_t len) {
    char *copy = *at;
    if (len > 0) {
        memcpy(copy, text, len);
    }
    copy[len] = '\0';
    *at += len + 1;
    return copy;
}

static size_t session_size(const sio_adapter_session *from) {
    size_t size = sizeof(sio_hub_session) + from->room_count * sizeof(char *) + from->pid.len +
                  from->sid.len + strlen(from->data) + 3;
    for (size_t i = 0; i < from->room_count; i++) {
        size += strlen(from->rooms[i]) + 1;
    }
    return size;
}

static sio_hub_session *session_copy(const sio_hub_log *log, const sio_adapter_session *from) {
    size_t size = session_size(from);
    sio_hub_session *copy = sio_mem_zalloc(log->mem, size);
    if (!copy) {
        return NULL;
    }
    const char **rooms = (const char **)(copy + 1);
    char *at = (char *)(rooms + from->room_count);
    copy->bytes = size;
    copy->session = *from;
    copy->session.rooms = rooms;
    copy->session.pid.ptr = copy_text(&at, from->pid.ptr, from->pid.len);
    copy->session.sid.ptr = copy_text(&at, from->sid.ptr, from->sid.len);
    copy->session.data = copy_text(&at, from->data, strlen(from->data));
    for (size_t i = 0; i < from->room_count; i++) {
        rooms[i] = copy_text(&at, from->rooms[i], strlen(from->rooms[i]));
    }
    copy->pid = copy->session.pid;
    sio_list_init(&copy->link);
    return copy;
}

static void drop_pid(sio_hub_log *log, sio_str pid) {
    sio_hub_session *session = sio_table_get(&log->by_pid, pid.ptr, pid.len);
    if (session) {
        drop_session(log, session);
    }
}

void sio_hub_log_forget(sio_hub_log *log, sio_str pid) {
    sio_mem_release(log->mem, sio_table_remove(&log->traces, pid.ptr, pid.len));
}

int sio_hub_log_persist(sio_hub_log *log, const sio_adapter_session *session, unsigned member,
                        sio_time now) {
    drop_old(log, now);
    sio_hub_session *copy = session_copy(log, session);
    if (!copy) {
        return SIO_ERR_NOMEM;
    }
    const trace *before = sio_table_get(&log->traces, copy->pid.ptr, copy->pid.len);
    if (before) {
        copy->chain = before->chain;
    }
    copy->member = member;
    copy->at = now;
    drop_pid(log, copy->pid);
    if (log->by_pid.count >= log->limits.max_sessions && first_session(log)) {
        drop_session(log, first_session(log));
    }
    int rc = make_room(log, copy->bytes);
    if (rc == 0) {
        rc = sio_table_put(&log->by_pid, copy->pid.ptr, copy->pid.len, copy);
    }
    if (rc != 0) {
        sio_mem_release(log->mem, copy);
        return rc;
    }
    sio_list_push(&log->sessions, &copy->link);
    log->bytes += copy->bytes;
    sio_hub_log_forget(log, copy->pid);
    return 0;
}

bool sio_hub_log_has_session(const sio_hub_log *log, sio_str pid) {
    return sio_table_get(&log->by_pid, pid.ptr, pid.len) != NULL;
}

/* ---- what a client has received ---- */

static bool received_at(const sio_hub_place *place, const entry *event) {
    bool own = event->member == place->member;
    uint64_t number = event->message->number;
    if (own && event->not_sent) {
        return false;
    }
    if (place->low != 0) { /* the last one it received is the member's own */
        return own ? number <= place->number : number < place->low;
    }
    return own ? event->low <= place->number : number <= place->number;
}

static bool received(const sio_hub_chain *chain, const entry *event) {
    for (unsigned i = 0; i < chain->count; i++) {
        if (received_at(&chain->places[i], event)) {
            return true;
        }
    }
    return false;
}

/* Everything below was received. */
static uint64_t received_below(const sio_hub_chain *chain) {
    uint64_t bound = 0;
    for (unsigned i = 0; i < chain->count; i++) {
        const sio_hub_place *place = &chain->places[i];
        uint64_t below = place->low != 0 ? place->low : place->number;
        bound = below > bound ? below : bound;
    }
    return bound;
}

/* Whether the client was on the member when it sent an event to its own clients only. */
static bool was_there(const sio_hub_chain *chain, const entry *event) {
    for (unsigned i = 0; i < chain->count; i++) {
        const sio_hub_place *place = &chain->places[i];
        uint64_t number = event->message->number;
        if (place->member == event->member && number > place->since && number <= place->until) {
            return true;
        }
    }
    return false;
}

/* The place that a client has left, the last event it received there being `number`. Errors:
 * SIO_ERR_NOT_FOUND when it has been on too many in too short a time. */
static int add_place(const sio_hub_log *log, sio_hub_chain *chain, unsigned member, uint64_t number,
                     uint64_t until) {
    const entry *event = at_number(log, number);
    sio_hub_place place = {.number = number,
                           .low = event->member == member ? event->low : 0,
                           .since = chain->restored_at,
                           .until = until,
                           .member = member};
    if (number > chain->restored_at) {
        chain->count = 0; /* all that it was sent at first has arrived */
    } else if (received(chain, event)) {
        place.number = 0; /* it has received nothing there */
        place.low = 0;
    }
    if (chain->count == SIO_HUB_MAX_PLACES) {
        return SIO_ERR_NOT_FOUND;
    }
    chain->places[chain->count++] = place;
    return 0;
}

/* ---- restoring ---- */

typedef struct search {
    const sio_hub_log *log;
    const sio_hub_chain *chain;
    unsigned member;
    uint64_t seen;
    sio_table rooms; /* of the session */
} search;

static bool in_any(const search *s, const char *const *rooms, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (sio_table_get(&s->rooms, rooms[i], strlen(rooms[i]))) {
            return true;
        }
    }
    return false;
}

static bool concerns(const search *s, const entry *event) {
    const sio_cluster_opts *opts = &event->message->content.opts;
    bool meant = opts->room_count == 0 || in_any(s, opts->rooms, opts->room_count);
    return meant && !in_any(s, opts->except, opts->except_count);
}

/* What is on its way to the member comes by itself. */
static bool is_missed(const search *s, const entry *event) {
    bool there = event->member == s->member || event->message->number <= s->seen;
    return there && (!event->here_only || was_there(s->chain, event)) &&
           !received(s->chain, event) && concerns(s, event);
}

static int index_rooms(search *s, const sio_hub_session *session) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < session->session.room_count; i++) {
        const char *room = session->session.rooms[i];
        rc = sio_table_put(&s->rooms, room, strlen(room), (void *)(uintptr_t)room);
        rc = rc == SIO_ERR_EXISTS ? 0 : rc;
    }
    return rc;
}

/* By their numbers. */
static int gather(const search *s, uint64_t from, sio_cluster_message ***out, size_t *count) {
    const sio_hub_log *log = s->log;
    size_t cap = 0;
    for (uint64_t number = from; number <= log->last; number++) {
        const entry *event = at_number(log, number);
        if (!is_missed(s, event)) {
            continue;
        }
        if (*count == cap) {
            size_t wider = cap ? cap * 2 : 16;
            sio_cluster_message **more =
                sio_mem_resize_array(log->mem, *out, wider, sizeof(sio_cluster_message *));
            if (!more) {
                return SIO_ERR_NOMEM;
            }
            *out = more;
            cap = wider;
        }
        (*out)[(*count)++] = event->message;
    }
    return 0;
}

typedef struct cursor {
    sio_cluster_message *const *items;
    size_t count;
    size_t at;
} cursor;

/* On to the next event that is, or is not, of the member. */
static const entry *seek(const search *s, cursor *c, bool own) {
    for (; c->at < c->count; c->at++) {
        const entry *event = at_number(s->log, c->items[c->at]->number);
        if ((event->member == s->member) == own) {
            return event;
        }
    }
    return NULL;
}

/* In the order in which the member has handed them out, with a reference to each. */
static int put_in_order(const search *s, sio_cluster_message *const *items, size_t count,
                        sio_cluster_message ***out) {
    if (count == 0) {
        return 0;
    }
    sio_cluster_message **ordered =
        sio_mem_alloc_array(s->log->mem, count, sizeof(sio_cluster_message *));
    if (!ordered) {
        return SIO_ERR_NOMEM;
    }
    cursor own = {items, count, 0};
    cursor foreign = {items, count, 0};
    const entry *mine = seek(s, &own, true);
    const entry *theirs = seek(s, &foreign, false);
    for (size_t i = 0; mine || theirs; i++) {
        if (mine && (!theirs || mine->low <= theirs->message->number)) {
            ordered[i] = sio_cluster_message_ref(mine->message);
            own.at++;
            mine = seek(s, &own, true);
        } else if (theirs) {
            ordered[i] = sio_cluster_message_ref(theirs->message);
            foreign.at++;
            theirs = seek(s, &foreign, false);
        }
    }
    *out = ordered;
    return 0;
}

static int find_missed(search *s, const sio_hub_session *session, sio_hub_restored *out) {
    sio_cluster_message **items = NULL;
    size_t count = 0;
    uint64_t from = received_below(s->chain);
    if (from < s->log->first) {
        return SIO_ERR_NOT_FOUND; /* what may be missed is not there any more */
    }
    sio_table_init_seeded(&s->rooms, s->log->mem, s->log->seed);
    int rc = index_rooms(s, session);
    if (rc == 0) {
        rc = gather(s, from, &items, &count);
    }
    if (rc == 0) {
        rc = put_in_order(s, items, count, &out->missed);
    }
    out->count = rc == 0 ? count : 0;
    sio_mem_release(s->log->mem, items);
    sio_table_done(&s->rooms);
    return rc;
}

static int leave_trace(sio_hub_log *log, const sio_hub_session *session,
                       const sio_hub_chain *chain) {
    trace *t = sio_mem_alloc(log->mem, sizeof(*t) + session->pid.len);
    if (!t) {
        return SIO_ERR_NOMEM;
    }
    t->chain = *chain;
    t->chain.restored_at = log->last;
    memcpy(t->text, session->pid.ptr, session->pid.len);
    t->pid = (sio_str){t->text, session->pid.len};
    sio_hub_log_forget(log, t->pid);
    int rc = sio_table_put(&log->traces, t->text, t->pid.len, t);
    if (rc != 0) {
        sio_mem_release(log->mem, t);
    }
    return rc;
}

int sio_hub_log_restore(sio_hub_log *log, sio_hub_restored *out, sio_str pid, sio_str offset,
                        unsigned member, uint64_t seen, sio_time now) {
    drop_old(log, now);
    sio_hub_session *session = sio_table_get(&log->by_pid, pid.ptr, pid.len);
    uint64_t number = read_offset(log, offset);
    if (!session || number == 0) {
        return SIO_ERR_NOT_FOUND;
    }
    sio_hub_restored restored = {.session = session};
    sio_hub_chain chain = session->chain;
    search s = {.log = log, .chain = &chain, .member = member, .seen = seen};
    /* It leaves its member when it asks for another one. */
    uint64_t until = session->member == member ? log->last : seen;
    int rc = add_place(log, &chain, session->member, number, until);
    if (rc == 0) {
        rc = find_missed(&s, session, &restored);
    }
    if (rc == 0) {
        rc = leave_trace(log, session, &chain);
    }
    if (rc != 0) {
        restored.session = NULL;
        sio_hub_restored_free(&restored, log->mem);
        return rc;
    }
    take_session(log, session);
    *out = restored;
    return 0;
}

void sio_hub_restored_free(sio_hub_restored *restored, const sio_mem *mem) {
    for (size_t i = 0; i < restored->count; i++) {
        sio_cluster_message_unref(restored->missed[i]);
    }
    sio_mem_release(mem, restored->missed);
    sio_mem_release(mem, restored->session);
    *restored = (sio_hub_restored){NULL, NULL, 0};
}
