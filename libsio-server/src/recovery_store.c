#include "recovery_store.h"

#include "mem.h"

#include <net/clock.h>
#include <net/loop.h>

#include <string.h>

enum { SWEEP_MS = 60000 };

struct sio_recovery_store {
    const sio_mem *mem;
    sio_loop *loop;
    sio_recovery_limits limits;
    sio_timer sweep; /* runs while anything is kept */
    sio_offset_clock clock;
    sio_list events;
    sio_list sessions;
    sio_table by_offset;
    sio_table by_pid;
    uint64_t bytes;
};

/* ---- letting go ---- */

static sio_stored_event *first_event(const sio_recovery_store *store) {
    return sio_list_empty(&store->events)
               ? NULL
               : SIO_CONTAINER(store->events.next, sio_stored_event, link);
}

static sio_stored_session *first_session(const sio_recovery_store *store) {
    return sio_list_empty(&store->sessions)
               ? NULL
               : SIO_CONTAINER(store->sessions.next, sio_stored_session, link);
}

static void drop_event(sio_recovery_store *store, sio_stored_event *event) {
    sio_table_remove(&store->by_offset, event->offset, event->offset_len);
    sio_list_remove(&event->link);
    store->bytes -= event->bytes;
    sio_args_unref(event->args);
    sio_mem_release(store->mem, event);
}

static void take_session(sio_recovery_store *store, sio_stored_session *session) {
    sio_table_remove(&store->by_pid, session->pid.ptr, session->pid.len);
    sio_list_remove(&session->link);
    store->bytes -= session->bytes;
}

static void drop_session(sio_recovery_store *store, sio_stored_session *session) {
    take_session(store, session);
    sio_mem_release(store->mem, session);
}

void sio_stored_session_free(sio_recovery_store *store, sio_stored_session *session) {
    if (session) {
        sio_table_done(&session->by_room);
        sio_mem_release(store->mem, session);
    }
}

static bool is_old(const sio_recovery_store *store, sio_time at) {
    sio_time now = sio_loop_now(store->loop);
    return now - at > store->limits.keep_ms;
}

static void drop_old(sio_recovery_store *store) {
    sio_stored_event *event;
    sio_stored_session *session;
    while ((event = first_event(store)) != NULL && is_old(store, event->at)) {
        drop_event(store, event);
    }
    while ((session = first_session(store)) != NULL && is_old(store, session->at)) {
        drop_session(store, session);
    }
}

static void on_sweep(void *ctx) {
    sio_recovery_store *store = ctx;
    drop_old(store);
    sio_table_trim(&store->by_offset);
    sio_table_trim(&store->by_pid);
    if (first_event(store) || first_session(store)) {
        sio_timer_start(&store->sweep, SWEEP_MS);
    }
}

/* Make room for `bytes` more: events first, a session without them being worth as much as none. */
static int make_room(sio_recovery_store *store, size_t bytes) {
    if (bytes > store->limits.max_bytes) {
        return SIO_ERR_LIMIT;
    }
    while (store->bytes + bytes > store->limits.max_bytes) {
        sio_stored_event *event = first_event(store);
        if (event) {
            drop_event(store, event);
        } else {
            drop_session(store, first_session(store));
        }
    }
    if (!sio_timer_running(&store->sweep)) {
        sio_timer_start(&store->sweep, SWEEP_MS);
    }
    return 0;
}

/* ---- life ---- */

int sio_recovery_store_new(sio_recovery_store **out, sio_loop *loop,
                           const sio_recovery_limits *limits) {
    const sio_mem *mem = sio_loop_mem(loop);
    sio_recovery_store *store = sio_mem_zalloc(mem, sizeof(*store));
    if (!store) {
        return SIO_ERR_NOMEM;
    }
    store->mem = mem;
    store->loop = loop;
    store->limits = *limits;
    sio_list_init(&store->events);
    sio_list_init(&store->sessions);
    int rc = sio_table_init(&store->by_offset, loop);
    if (rc == 0) {
        rc = sio_table_init(&store->by_pid, loop);
    }
    if (rc == 0) {
        rc = sio_timer_init(&store->sweep, loop, on_sweep, store);
    }
    if (rc != 0) {
        sio_mem_release(mem, store);
        return rc;
    }
    *out = store;
    return 0;
}

void sio_recovery_store_free(sio_recovery_store *store) {
    if (!store) {
        return;
    }
    while (first_event(store)) {
        drop_event(store, first_event(store));
    }
    while (first_session(store)) {
        drop_session(store, first_session(store));
    }
    sio_timer_done(&store->sweep);
    sio_table_done(&store->by_offset);
    sio_table_done(&store->by_pid);
    sio_mem_release(store->mem, store);
}

size_t sio_recovery_store_session_count(const sio_recovery_store *store) {
    return store->by_pid.count;
}

size_t sio_recovery_store_event_count(const sio_recovery_store *store) {
    return store->by_offset.count;
}

uint64_t sio_recovery_store_bytes(const sio_recovery_store *store) {
    return store->bytes;
}

/* ---- one block for a struct, its arrays and its texts ---- */

typedef struct block {
    char *at; /* where the next text goes */
    size_t size;
    bool overflow;
} block;

static void block_count(block *b, size_t bytes) {
    b->overflow |= __builtin_add_overflow(b->size, bytes, &b->size);
}

static sio_str block_text(block *b, sio_str text) {
    sio_str copy = {b->at, text.len};
    if (text.len > 0) {
        memcpy(b->at, text.ptr, text.len);
    }
    b->at[text.len] = '\0';
    b->at += text.len + 1;
    return copy;
}

static sio_str str_of(const char *text) {
    return (sio_str){text, strlen(text)};
}

/* ---- events ---- */

static size_t event_size(sio_str name, const sio_target *target, bool *overflow) {
    size_t rooms = sio_target_room_count(target);
    size_t except = sio_target_except_count(target);
    block b = {.size = sizeof(sio_stored_event)};
    block_count(&b, (rooms + except) * sizeof(char *));
    block_count(&b, name.len);
    block_count(&b, 1);
    for (size_t i = 0; i < rooms; i++) {
        block_count(&b, strlen(sio_target_room(target, i)) + 1);
    }
    for (size_t i = 0; i < except; i++) {
        block_count(&b, strlen(sio_target_except_room(target, i)) + 1);
    }
    *overflow = b.overflow;
    return b.size;
}

static void event_fill(sio_stored_event *event, sio_str name, const sio_target *target) {
    event->room_count = sio_target_room_count(target);
    event->except_count = sio_target_except_count(target);
    event->rooms = (const char **)(event + 1);
    event->except = event->rooms + event->room_count;
    block b = {.at = (char *)(event->except + event->except_count)};
    event->name = block_text(&b, name);
    for (size_t i = 0; i < event->room_count; i++) {
        event->rooms[i] = block_text(&b, str_of(sio_target_room(target, i))).ptr;
    }
    for (size_t i = 0; i < event->except_count; i++) {
        event->except[i] = block_text(&b, str_of(sio_target_except_room(target, i))).ptr;
    }
    event->no_compress = target->no_compress;
}

/* What the arguments hold, as far as it grows with what they say. */
static size_t args_bytes(const sio_args *args) {
    size_t bytes = 0;
    for (size_t i = 0; args && i < sio_args_count(args); i++) {
        bytes += sio_args_raw(args, i).len;
    }
    for (uint32_t i = 0; args && i < sio_args_attachment_count(args); i++) {
        bytes += sio_args_attachment(args, i).len;
    }
    return bytes;
}

static int event_new(sio_stored_event **out, sio_recovery_store *store, sio_str name,
                     const sio_args *args, const sio_target *target) {
    bool overflow;
    size_t size = event_size(name, target, &overflow);
    size_t bytes = size + args_bytes(args);
    int rc = overflow ? SIO_ERR_LIMIT : make_room(store, bytes);
    if (rc != 0) {
        return rc;
    }
    sio_stored_event *event = sio_mem_alloc(store->mem, size);
    if (!event) {
        return SIO_ERR_NOMEM;
    }
    memset(event, 0, sizeof(*event));
    if (args && sio_args_ref(&event->args, args) != 0) {
        sio_mem_release(store->mem, event);
        return SIO_ERR_NOMEM;
    }
    event_fill(event, name, target);
    event->bytes = bytes;
    event->at = sio_loop_now(store->loop);
    event->offset_len = (uint8_t)sio_offset_next(&store->clock, sio_clock_wall_ms(), event->offset);
    *out = event;
    return 0;
}

int sio_recovery_store_add(sio_recovery_store *store, sio_str name, const sio_args *args,
                           const sio_target *target, sio_str *offset) {
    sio_stored_event *event;
    if (store->by_offset.count == store->limits.max_events && first_event(store)) {
        drop_event(store, first_event(store));
    }
    int rc = event_new(&event, store, name, args, target);
    if (rc != 0) {
        return rc;
    }
    rc = sio_table_put(&store->by_offset, event->offset, event->offset_len, event);
    if (rc != 0) {
        sio_args_unref(event->args);
        sio_mem_release(store->mem, event);
        return rc;
    }
    sio_list_push(&store->events, &event->link);
    store->bytes += event->bytes;
    *offset = (sio_str){event->offset, event->offset_len};
    return 0;
}

static sio_stored_event *event_at(const sio_recovery_store *store, sio_str offset) {
    return sio_table_get(&store->by_offset, offset.ptr, offset.len);
}

void sio_recovery_store_forget(sio_recovery_store *store, sio_str offset) {
    sio_stored_event *event = event_at(store, offset);
    if (event) {
        drop_event(store, event);
    }
}

/* ---- sessions ---- */

static sio_stored_session *session_copy(const sio_recovery_store *store,
                                        const sio_stored_session *from) {
    block b = {.size = sizeof(*from)};
    block_count(&b, from->room_count * sizeof(char *));
    block_count(&b, from->pid.len + from->sid.len + 3);
    block_count(&b, from->data.len);
    for (size_t i = 0; i < from->room_count; i++) {
        block_count(&b, strlen(from->rooms[i]) + 1);
    }
    sio_stored_session *session = b.overflow ? NULL : sio_mem_alloc(store->mem, b.size);
    if (!session) {
        return NULL;
    }
    *session = (sio_stored_session){.bytes = b.size, .room_count = from->room_count};
    session->rooms = (const char **)(session + 1);
    b.at = (char *)(session->rooms + session->room_count);
    session->pid = block_text(&b, from->pid);
    session->sid = block_text(&b, from->sid);
    session->data = block_text(&b, from->data);
    for (size_t i = 0; i < from->room_count; i++) {
        session->rooms[i] = block_text(&b, str_of(from->rooms[i])).ptr;
    }
    sio_list_init(&session->link);
    session->at = sio_loop_now(store->loop);
    return session;
}

static void drop_pid(sio_recovery_store *store, sio_str pid) {
    sio_stored_session *session = sio_table_get(&store->by_pid, pid.ptr, pid.len);
    if (session) {
        drop_session(store, session);
    }
}

int sio_recovery_store_persist(sio_recovery_store *store, const sio_stored_session *session) {
    sio_stored_session *copy = session_copy(store, session);
    if (!copy) {
        return SIO_ERR_NOMEM;
    }
    drop_pid(store, copy->pid);
    if (store->by_pid.count == store->limits.max_sessions && first_session(store)) {
        drop_session(store, first_session(store));
    }
    int rc = make_room(store, copy->bytes);
    if (rc == 0) {
        rc = sio_table_put(&store->by_pid, copy->pid.ptr, copy->pid.len, copy);
    }
    if (rc != 0) {
        sio_mem_release(store->mem, copy);
        return rc;
    }
    sio_list_push(&store->sessions, &copy->link);
    store->bytes += copy->bytes;
    return 0;
}

static int index_rooms(const sio_recovery_store *store, sio_stored_session *session) {
    int rc = sio_table_init(&session->by_room, store->loop);
    for (size_t i = 0; rc == 0 && i < session->room_count; i++) {
        const char *room = session->rooms[i];
        rc = sio_table_put(&session->by_room, room, strlen(room), session);
    }
    if (rc != 0) {
        sio_table_done(&session->by_room);
    }
    return rc;
}

int sio_recovery_store_restore(sio_recovery_store *store, sio_str pid, sio_str offset,
                               sio_stored_session **out) {
    drop_old(store);
    sio_stored_session *session = sio_table_get(&store->by_pid, pid.ptr, pid.len);
    if (!session || !event_at(store, offset)) {
        return SIO_ERR_NOT_FOUND;
    }
    int rc = index_rooms(store, session);
    if (rc != 0) {
        return rc;
    }
    take_session(store, session);
    *out = session;
    return 0;
}

static bool in_any(const sio_stored_session *session, const char *const *rooms, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (sio_table_get(&session->by_room, rooms[i], strlen(rooms[i]))) {
            return true;
        }
    }
    return false;
}

static bool concerns(const sio_stored_event *event, const sio_stored_session *session) {
    bool meant = event->room_count == 0 || in_any(session, event->rooms, event->room_count);
    return meant && !in_any(session, event->except, event->except_count);
}

const sio_stored_event *sio_recovery_store_missed(sio_recovery_store *store,
                                                  const sio_stored_session *session,
                                                  sio_str offset) {
    sio_stored_event *event = event_at(store, offset);
    if (!event) {
        return NULL;
    }
    for (sio_list *at = event->link.next; at != &store->events; at = at->next) {
        event = SIO_CONTAINER(at, sio_stored_event, link);
        if (concerns(event, session)) {
            return event;
        }
    }
    return NULL;
}
