/* Two WebSocket ends that talk: one writes what is drawn, whole messages and fragments, pings in
 * between, compressed or not, masked when it is the client; the wire is cut at random; the other
 * reads exactly what was written.
 *
 * The first byte chooses who writes and the compression. Then each message is a byte for its kind
 * and fragments, two for its length, and its bytes; where they run out, they repeat. */
#include <sio/ws.h>

#include "draw.h"

enum { MESSAGES_MAX = 24, LENGTH_MAX = 70000, TEXT_ALPHABET = 64 };

typedef struct sent {
    sio_ws_opcode kind;
    uint8_t *data;
    size_t len;
    uint16_t code;
} sent;

typedef struct talk {
    draw in;
    bool client; /* the writer's role */
    sio_ws_deflater *deflater;
    sio_ws_inflater *inflater;
    sio_buf wire;
    sent list[MESSAGES_MAX * 2];
    size_t count;
    uint32_t random;
} talk;

static uint32_t next_random(talk *t) {
    t->random = t->random * 1664525 + 1013904223;
    return t->random >> 8;
}

static const uint8_t *mask_of(talk *t, uint8_t key[4]) {
    uint32_t value = next_random(t);
    memcpy(key, &value, 4);
    return t->client ? key : NULL;
}

static void remember(talk *t, sio_ws_opcode kind, const uint8_t *data, size_t len, uint16_t code) {
    t->list[t->count++] = (sent){kind, (uint8_t *)draw_copy(data, len), len, code};
}

static void write_control(talk *t, sio_ws_opcode kind, const uint8_t *data, size_t len) {
    uint8_t key[4];
    len = len < SIO_WS_CONTROL_MAX ? len : SIO_WS_CONTROL_MAX;
    REQUIRE(sio_ws_write_frame(&t->wire, kind, data, len, false, mask_of(t, key)) == 0);
    remember(t, kind, data, len, 0);
}

/* One frame by its parts, as sio_ws_write_frame does not make them. */
static void write_part(talk *t, sio_ws_opcode opcode, bool fin, bool rsv1, const uint8_t *data,
                       size_t len) {
    uint8_t head[SIO_WS_HEADER_MAX];
    uint8_t key[4];
    const uint8_t *mask = mask_of(t, key);
    size_t head_len = sio_ws_write_header(head, opcode, fin, rsv1, len, mask);
    REQUIRE(sio_buf_add(&t->wire, head, head_len) == 0);
    size_t start = t->wire.len;
    REQUIRE(sio_buf_add(&t->wire, data, len) == 0);
    if (mask) {
        sio_ws_mask(t->wire.data + start, len, mask, 0);
    }
}

static void write_fragments(talk *t, sio_ws_opcode kind, bool rsv1, const uint8_t *data, size_t len,
                            unsigned fragments) {
    size_t at = 0;
    for (unsigned i = 0; i <= fragments; i++) {
        bool last = i == fragments;
        size_t piece = last ? len - at : next_random(t) % (len - at + 1);
        write_part(t, i == 0 ? kind : SIO_WS_CONTINUATION, last, rsv1 && i == 0, data + at, piece);
        at += piece;
        if (!last && next_random(t) % 4 == 0) {
            write_control(t, SIO_WS_PING, data, len % 130);
        }
    }
}

static void write_message(talk *t, sio_ws_opcode kind, const uint8_t *data, size_t len,
                          bool compress, unsigned fragments) {
    sio_buf packed = {0};
    compress = compress && t->deflater;
    /* Pings in between are read before the message: so their order is kept here too. */
    if (compress) {
        REQUIRE(sio_ws_deflate(t->deflater, &packed, data, len) == 0);
    }
    const uint8_t *payload = compress ? packed.data : data;
    size_t payload_len = compress ? packed.len : len;
    if (fragments == 0) {
        uint8_t key[4];
        REQUIRE(sio_ws_write_frame(&t->wire, kind, payload, payload_len, compress,
                                   mask_of(t, key)) == 0);
    } else {
        write_fragments(t, kind, compress, payload, payload_len, fragments);
    }
    remember(t, kind, data, len, 0);
    sio_buf_free(&packed);
}

static void write_close(talk *t, uint16_t code, sio_str reason) {
    uint8_t key[4];
    size_t before = t->wire.len;
    int rc = sio_ws_write_close(&t->wire, code, reason, mask_of(t, key));
    if (rc == 0) {
        remember(t, SIO_WS_CLOSE, (const uint8_t *)reason.ptr, reason.len,
                 code != 0 ? code : SIO_WS_NO_CODE);
    } else {
        REQUIRE(rc == SIO_ERR_INVALID && t->wire.len == before);
    }
}

static void write_next(talk *t) {
    uint8_t what = draw_byte(&t->in);
    size_t len = (size_t)draw_number(&t->in, 2) << (what & 1);
    len = len < LENGTH_MAX ? len : LENGTH_MAX;
    sio_bytes seed = draw_bytes(&t->in, len);
    uint8_t *data = malloc(len + 1);
    REQUIRE(data);
    bool text = (what & 2) != 0;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = seed.len > 0 ? seed.ptr[i % seed.len] : (uint8_t)(i >> 8);
        data[i] = text ? (uint8_t)(' ' + c % TEXT_ALPHABET) : c;
    }
    if ((what & 0xf0) == 0xf0) {
        write_control(t, what & 4 ? SIO_WS_PONG : SIO_WS_PING, data, len);
    } else {
        write_message(t, text ? SIO_WS_TEXT : SIO_WS_BINARY, data, len, (what & 4) != 0, what >> 5);
    }
    free(data);
}

/* ---- the reader ---- */

static void expect(const talk *t, size_t *at, const sio_ws_event *event) {
    REQUIRE(*at < t->count);
    const sent *next = &t->list[(*at)++];
    REQUIRE(event->kind == next->kind && event->code == next->code);
    REQUIRE(same_bytes(event->data, event->len, next->data, next->len));
}

static void read_all(talk *t) {
    sio_ws_options options = SIO_WS_OPTIONS_INIT;
    sio_ws *ws;
    size_t seen = 0;
    options.role = t->client ? SIO_WS_SERVER : SIO_WS_CLIENT;
    options.inflater = t->inflater;
    REQUIRE(sio_ws_new(&ws, &options, NULL) == 0);
    unsigned style = next_random(t) % 4;
    for (size_t at = 0; at < t->wire.len;) {
        static const uint32_t most[] = {1, 7, 200, 100000};
        size_t piece = 1 + next_random(t) % most[style];
        piece = piece < t->wire.len - at ? piece : t->wire.len - at;
        char *copy = draw_copy(t->wire.data + at, piece);
        sio_ws_event event;
        REQUIRE(sio_ws_feed(ws, (uint8_t *)copy, piece) == 0);
        int rc;
        while ((rc = sio_ws_next(ws, &event)) == 1) {
            expect(t, &seen, &event);
        }
        REQUIRE(rc == 0);
        free(copy);
        at += piece;
    }
    REQUIRE(seen == t->count && !sio_ws_is_partial(ws));
    sio_ws_free(ws);
}

static void open_compression(talk *t, uint8_t how) {
    int bits = 8 + (how & 7);
    bool takeover = (how & 8) != 0;
    if (sio_ws_deflater_new(&t->deflater, bits, takeover, 1 + how % 9, 0, NULL) == 0) {
        REQUIRE(sio_ws_inflater_new(&t->inflater, bits, takeover, NULL) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static talk t; /* too large for the stack under a sanitizer */
    t = (talk){.in = {data, size}};
    uint8_t how = draw_byte(&t.in);
    t.client = (how & 0x80) != 0;
    t.random = (uint32_t)size + how;
    if (how & 0x40) {
        open_compression(&t, how);
    }
    for (unsigned i = 0; i < MESSAGES_MAX && t.in.left > 0 && t.count < MESSAGES_MAX; i++) {
        write_next(&t);
    }
    if (how & 0x20) {
        sio_bytes reason = draw_bytes(&t.in, 200);
        write_close(&t, (uint16_t)(how & 0x10 ? 0 : 1000 + 16 * (how & 15)),
                    (sio_str){(const char *)reason.ptr, reason.len});
    }
    read_all(&t);
    for (size_t i = 0; i < t.count; i++) {
        free(t.list[i].data);
    }
    sio_buf_free(&t.wire);
    sio_ws_deflater_free(t.deflater);
    sio_ws_inflater_free(t.inflater);
    return 0;
}
