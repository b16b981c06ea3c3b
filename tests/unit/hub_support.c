#include "hub_support.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static bool may_allocate(town *w) {
    if (w->allowed == 0) {
        w->ran_out = true;
        return false;
    }
    w->allowed -= w->allowed > 0;
    return true;
}

static void *town_alloc(void *user, size_t size) {
    return may_allocate(user) ? malloc(size) : NULL;
}

static void *town_resize(void *user, void *old, size_t size) {
    return may_allocate(user) ? realloc(old, size) : NULL;
}

static void town_release(void *user, void *old) {
    free(old);
}

static void start_one(town *w, int i, const sio_server_options *options) {
    server_test *t = &w->t[i];
    sio_server_options mine = *options;
    *t = (server_test){.base = w->t[0].base};
    mine.base = t->base;
    mine.adapter = sio_hub_adapter(w->hub, (unsigned)i);
    ck_assert_int_eq(sio_server_new(&t->server, &mine), 0);
    ck_assert_int_eq(sio_server_listen(t->server, "127.0.0.1", 0), 0);
    t->port = sio_server_port(t->server);
    sio_server_set_user(t->server, t);
    w->root[i] = sio_server_of(t->server, "/");
}

void town_start_empty(town *w, const sio_server_options *options, uint64_t inbox) {
    sio_server_options full = SIO_SERVER_OPTIONS_INIT;
    sio_mem mem = {town_alloc, town_resize, town_release, w};
    if (options) {
        full = *options;
    }
    *w = (town){.allowed = -1};
    full.mem = &mem;
    const sio_hub_options hub = {.mem = &mem, .members = TOWN, .max_inbox_bytes = inbox};
    ck_assert_int_eq(sio_hub_new(&w->hub, &hub), 0);
    w->t[0].base = event_base_new();
    for (int i = 0; i < TOWN; i++) {
        start_one(w, i, &full);
    }
    sio_hub_unref(w->hub); /* the servers keep it */
}

void town_start(town *w, const sio_server_options *options, uint64_t inbox) {
    static const char *const rooms[TOWN][3] = {{"a"}, {"a", "b"}, {"b"}};
    town_start_empty(w, options, inbox);
    for (int i = 0; i < TOWN; i++) {
        ws_join(&w->c[i], &w->t[i], "40", w->ids[i]);
        for (int k = 0; rooms[i][k]; k++) {
            ck_assert_int_eq(sio_peer_join(town_peer(w, i), rooms[i][k]), 0);
        }
    }
    server_settle(&w->t[0]);
}

void town_end_server(town *w, int i) {
    sio_server_free(w->t[i].server);
    w->t[i].server = NULL;
}

void town_stop(town *w) {
    for (int i = 0; i < TOWN; i++) {
        raw_close(&w->c[i]);
        town_end_server(w, i);
    }
    event_base_free(w->t[0].base);
}

sio_peer *town_peer(const town *w, int i) {
    return sio_namespace_find(w->root[i], w->ids[i]);
}

sio_target town_target(const town *w, int i, const char *room) {
    sio_target target = sio_namespace_target(w->root[i]);
    if (room) {
        sio_target_to(&target, room);
    }
    return target;
}

void town_note(town *w, const char *format, ...) {
    size_t len = strlen(w->notes);
    va_list values;
    va_start(values, format);
    vsnprintf(w->notes + len, sizeof(w->notes) - len, format, values);
    va_end(values);
}

void town_expect(town *w, const char *notes) {
    ck_assert_str_eq(w->notes, notes);
    w->notes[0] = '\0';
}

void town_until(town *w, const char *part) {
    server_until(&w->t[0], strstr(w->notes, part));
}

void town_settle(town *w) {
    server_settle(&w->t[0]);
}

void town_answer(town *w, int i, const char *args) {
    ws_frame frame;
    char text[256];
    ck_assert(ws_receive(&w->c[i], &frame));
    ck_assert_msg(strncmp((const char *)frame.data, "42", 2) == 0, "%s", (const char *)frame.data);
    unsigned long id = strtoul((const char *)frame.data + 2, NULL, 10);
    ws_frame_free(&frame);
    snprintf(text, sizeof(text), "43%lu[%s]", id, args);
    ws_text(&w->c[i], text);
}

void town_sweep(town *w, int (*fn)(town *w), void (*after)(town *w)) {
    for (long n = 0;; n++) {
        ck_assert_int_lt(n, 300);
        w->ran_out = false;
        w->allowed = n;
        int rc = fn(w);
        town_settle(w); /* the others run out of it, too */
        w->allowed = -1;
        if (after) {
            after(w);
        }
        if (!w->ran_out) {
            ck_assert_int_eq(rc, 0);
            return;
        }
        ck_assert(rc == SIO_ERR_NOMEM || rc == 0);
    }
}
