#include "crowd_support.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static bool may_allocate(crowd *w) {
    if (w->allowed == 0) {
        w->ran_out = true;
        return false;
    }
    w->allowed -= w->allowed > 0;
    return true;
}

static void *crowd_alloc(void *user, size_t size) {
    return may_allocate(user) ? malloc(size) : NULL;
}

static void *crowd_resize(void *user, void *old, size_t size) {
    return may_allocate(user) ? realloc(old, size) : NULL;
}

static void crowd_release(void *user, void *old) {
    free(old);
}

void crowd_start(crowd *w, const sio_server_options *options) {
    sio_server_options full = SIO_SERVER_OPTIONS_INIT;
    sio_mem mem = {crowd_alloc, crowd_resize, crowd_release, w};
    if (options) {
        full = *options;
    }
    *w = (crowd){.allowed = -1};
    full.mem = &mem;
    server_start(&w->t, &full);
    w->root = sio_server_of(w->t.server, "/");
    for (int i = 0; i < CROWD; i++) {
        ws_join(&w->c[i], &w->t, "40", w->ids[i]);
    }
    ck_assert_int_eq(sio_peer_join(crowd_peer(w, 0), "a"), 0);
    ck_assert_int_eq(sio_peer_join(crowd_peer(w, 1), "a"), 0);
    ck_assert_int_eq(sio_peer_join(crowd_peer(w, 1), "b"), 0);
    ck_assert_int_eq(sio_peer_join(crowd_peer(w, 2), "b"), 0);
    server_settle(&w->t);
}

void crowd_stop(crowd *w) {
    for (int i = 0; i < CROWD; i++) {
        raw_close(&w->c[i]);
    }
    server_stop(&w->t);
}

sio_peer *crowd_peer(const crowd *w, int i) {
    return sio_namespace_find(w->root, w->ids[i]);
}

void crowd_note(crowd *w, const char *format, ...) {
    size_t len = strlen(w->notes);
    va_list values;
    va_start(values, format);
    vsnprintf(w->notes + len, sizeof(w->notes) - len, format, values);
    va_end(values);
}

void crowd_expect(crowd *w, const char *notes) {
    ck_assert_str_eq(w->notes, notes);
    w->notes[0] = '\0';
}

sio_target crowd_target(const crowd *w, const char *room) {
    sio_target target = sio_namespace_target(w->root);
    if (room) {
        sio_target_to(&target, room);
    }
    return target;
}

void crowd_sweep(crowd *w, int (*fn)(crowd *w, void *arg), void *arg) {
    for (long n = 0;; n++) {
        ck_assert_int_lt(n, 200);
        w->ran_out = false;
        w->allowed = n;
        int rc = fn(w, arg);
        w->allowed = -1;
        if (!w->ran_out) {
            ck_assert_int_eq(rc, 0);
            return;
        }
        ck_assert(rc == SIO_ERR_NOMEM || rc == 0);
    }
}

void crowd_answer(crowd *w, int i, const char *args) {
    ws_frame frame;
    char text[256];
    ck_assert(ws_receive(&w->c[i], &frame));
    unsigned long id = strtoul((const char *)frame.data + 2, NULL, 10);
    ws_frame_free(&frame);
    snprintf(text, sizeof(text), "43%lu[%s]", id, args);
    ws_text(&w->c[i], text);
}
