/* The WebSocket decoder. The first byte chooses role, limit and compression, the second how the
 * rest, the bytes on the wire, is cut. Any cut gives the same events, and so does receiving
 * directly into the message. */
#include "require.h"

#include <sio/ws.h>

#include <stdlib.h>
#include <string.h>

enum { CLIENT = 1, DEFLATE = 2, TAKEOVER = 4, LIMIT_SHIFT = 4 };

typedef struct run {
    sio_ws *ws;
    sio_ws_options options;
    sio_buf log;
    int rc;
} run;

static bool valid_utf8(const uint8_t *at, size_t len) {
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    for (size_t i = 0; i < len;) {
        uint8_t first = at[i++];
        size_t more = first < 0x80 ? 0 : first < 0xC0 ? 4 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
        if (more == 4 || first >= 0xF8 || len - i < more) {
            return false;
        }
        uint32_t value = more == 0 ? first : first & (0x3Fu >> more);
        for (size_t k = 0; k < more; k++, i++) {
            if ((at[i] & 0xC0) != 0x80) {
                return false;
            }
            value = value << 6 | (at[i] & 0x3F);
        }
        if (value < least[more] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
            return false;
        }
    }
    return true;
}

static void log_event(run *r, const sio_ws_event *event) {
    bool control = event->kind >= SIO_WS_CLOSE;
    REQUIRE(!control || event->len <= SIO_WS_CONTROL_MAX);
    REQUIRE(control || event->len <= r->options.max_message);
    if (event->kind == SIO_WS_TEXT || event->kind == SIO_WS_CLOSE) {
        REQUIRE(valid_utf8(event->data, event->len));
    }
    if (event->kind == SIO_WS_CLOSE) {
        REQUIRE(event->code == SIO_WS_NO_CODE || sio_ws_close_code_valid(event->code));
    } else {
        REQUIRE(event->code == 0);
    }
    REQUIRE(sio_buf_add_byte(&r->log, (uint8_t)event->kind) == 0);
    REQUIRE(sio_buf_add_u64(&r->log, event->code) == 0);
    REQUIRE(sio_buf_add_u64(&r->log, event->len) == 0);
    REQUIRE(sio_buf_add(&r->log, event->data, event->len) == 0);
    /* Events are writable. */
    if (event->len > 0) {
        memset(event->data, 0xA5, event->len);
    }
}

static void pull(run *r) {
    sio_ws_event event;
    while ((r->rc = sio_ws_next(r->ws, &event)) == 1) {
        log_event(r, &event);
    }
}

/* One piece, into the message where there is room. Returns how much was taken. */
static size_t give(run *r, const uint8_t *data, size_t len, bool direct) {
    uint8_t *room;
    size_t room_len;
    if (direct && sio_ws_pending_room(r->ws, &room, &room_len) == 1) {
        REQUIRE(room_len > 0);
        len = len < room_len ? len : room_len;
        memcpy(room, data, len);
        REQUIRE(sio_ws_pending_filled(r->ws, len) == 0);
        pull(r);
        return len;
    }
    uint8_t *copy = malloc(len ? len : 1);
    REQUIRE(copy);
    memcpy(copy, data, len);
    REQUIRE(sio_ws_feed(r->ws, copy, len) == 0);
    pull(r);
    free(copy);
    return len;
}

static void start(run *r, uint8_t flags) {
    static const uint64_t limits[] = {1, 100, 70000, UINT64_MAX};
    *r = (run){.options = SIO_WS_OPTIONS_INIT};
    r->options.role = flags & CLIENT ? SIO_WS_CLIENT : SIO_WS_SERVER;
    r->options.max_message = limits[flags >> LIMIT_SHIFT & 3];
    if (flags & DEFLATE) {
        int rc = sio_ws_inflater_new(&r->options.inflater, 15, flags & TAKEOVER, NULL);
        REQUIRE(rc == 0 || rc == SIO_ERR_UNSUPPORTED);
        /* Without a real limit a few bytes could come to gigabytes. */
        if (r->options.max_message == UINT64_MAX) {
            r->options.max_message = 1000000;
        }
    }
    REQUIRE(sio_ws_new(&r->ws, &r->options, NULL) == 0);
}

/* Pieces of `step` bytes, or of changing sizes. */
static void play(run *r, uint8_t flags, const uint8_t *data, size_t len, size_t step, bool direct) {
    start(r, flags);
    uint32_t x = (uint32_t)step;
    bool random = step > 1 && step != SIZE_MAX;
    while (len > 0 && r->rc == 0) {
        size_t piece = step;
        if (random) {
            x = x * 1664525 + 1013904223;
            piece = 1 + (x >> 16) % (x >> 31 ? 7 : 5000);
        }
        piece = give(r, data, piece < len ? piece : len, direct);
        data += piece;
        len -= piece;
    }
    REQUIRE(r->rc <= 0);
    REQUIRE(sio_buf_add_text(&r->log, sio_error_name(r->rc)) == 0);
    if (r->rc == 0) {
        pull(r);
        REQUIRE(sio_buf_add_byte(&r->log, sio_ws_is_partial(r->ws)) == 0);
    } else {
        REQUIRE(sio_error_close_code(r->rc) != 0);
    }
    sio_ws_free(r->ws);
    sio_ws_inflater_free(r->options.inflater);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) {
        return 0;
    }
    run whole;
    play(&whole, data[0], data + 2, size - 2, SIZE_MAX, false);
    const size_t steps[] = {1, 2 + (size_t)data[1], 3 + (size_t)data[1]};
    for (int i = 0; i < 3; i++) {
        run cut;
        play(&cut, data[0], data + 2, size - 2, steps[i], i == 2);
        REQUIRE(cut.log.len == whole.log.len);
        REQUIRE(memcmp(cut.log.data, whole.log.data, cut.log.len) == 0);
        sio_buf_free(&cut.log);
    }
    sio_buf_free(&whole.log);
    return 0;
}
