#include "transport_ws.h"

#include "mem.h"

#include <net/random.h>
#include <sio/ws.h>

#include <stdio.h>
#include <string.h>

enum {
    LINGER_MS = 5000,
    HIGH_WATER = 262144, /* enough to keep the kernel busy */
    DIRECT_MAX = SIO_STREAM_ROOM_MAX - SIO_WS_HEADER_MAX - 1,
};

typedef enum ws_state { WS_CONNECTING, WS_OPEN, WS_ENDED } ws_state;

/* What only the handshake needs. */
typedef struct opening {
    sio_engine_request *request;
    sio_dial dial;
    sio_http1_parser *parser; /* of the response */
    sio_buf upgrade;          /* the request, until it is sent */
    uint8_t random[16];
} opening;

/* What only permessage-deflate needs. */
typedef struct packing {
    sio_ws_inflater *inflater;
    sio_ws_deflater *deflater; /* made for the first message that is compressed */
    sio_buf packed;
    sio_ws_deflate_params params;
} packing;

struct sio_ws_client {
    const sio_mem *mem;
    sio_loop *loop;
    const sio_ws_client_callbacks *callbacks;
    void *ctx;
    opening *opening;   /* NULL once it is open */
    sio_stream *stream; /* once it is open */
    uint64_t max_message;
    size_t compress_threshold;
    sio_ws *decoder;
    packing *packing;    /* NULL unless compression was agreed upon */
    const uint8_t *room; /* where the decoder asked the next bytes to be put */
    sio_ws_pong *pong;   /* made for the first ping */
    ws_state state;
    unsigned holds;
    uint8_t revision;
    bool base64; /* no binary frames */
    bool freed;
    bool offered;
};

static void opening_free(sio_ws_client *w) {
    if (w->opening) {
        sio_dial_cut(&w->opening->dial);
        sio_http1_parser_free(w->opening->parser);
        sio_buf_free(&w->opening->upgrade);
        sio_mem_release(w->mem, w->opening);
        w->opening = NULL;
    }
}

static void packing_free(sio_ws_client *w) {
    if (w->packing) {
        sio_ws_inflater_free(w->packing->inflater);
        sio_ws_deflater_free(w->packing->deflater);
        sio_buf_free(&w->packing->packed);
        sio_mem_release(w->mem, w->packing);
        w->packing = NULL;
    }
}

static void cut(sio_ws_client *w) {
    if (w->opening) {
        sio_dial_cut(&w->opening->dial);
    }
    sio_stream_free(w->stream);
    w->stream = NULL;
}

/* What was handed out may lie in the decoder, so it stays until the last callback has returned. */
static void release_parts(sio_ws_client *w) {
    opening_free(w);
    sio_ws_free(w->decoder);
    packing_free(w);
    sio_mem_release(w->mem, w->pong);
    w->pong = NULL;
    w->decoder = NULL;
}

static void hold(sio_ws_client *w) {
    w->holds++;
}

static void drop(sio_ws_client *w) {
    if (--w->holds > 0 || w->state != WS_ENDED) {
        return;
    }
    release_parts(w);
    if (w->freed) {
        sio_mem_release(w->mem, w);
    }
}

/* ---- the end ---- */

static void tell_end(sio_ws_client *w, const sio_transport_end *why) {
    sio_transport_end told = *why;
    bool broken = w->state != WS_OPEN || (told.close_code != 1006 && told.err != SIO_ERR_CLOSED);
    char text[SIO_TRANSPORT_DETAIL];
    snprintf(text, sizeof(text), "%s", why->detail);
    w->state = WS_ENDED;
    cut(w);
    told.message = broken ? "websocket error" : "websocket connection closed";
    told.detail = text;
    w->callbacks->on_end(w->ctx, w, &told, broken);
}

static void end(sio_ws_client *w, int err, int status, uint16_t code, const char *detail) {
    tell_end(w, &(sio_transport_end){
                    .err = err,
                    .http_status = status,
                    .stage = sio_client_stage_of(err, SIO_CLIENT_STAGE_WEBSOCKET),
                    .close_code = code,
                    .detail = detail,
                });
}

/* Send a Close frame behind what was written and leave the connection to the loop. */
static void say_goodbye(sio_ws_client *w, uint16_t code) {
    uint8_t key[4];
    uint8_t storage[SIO_WS_HEADER_MAX + 2];
    const uint8_t text[2] = {(uint8_t)(code >> 8), (uint8_t)code};
    size_t len = code ? sizeof(text) : 0;
    if (sio_random_fill(w->loop, key, sizeof(key)) != 0) {
        return; /* unmasked it would be a fault; the connection is merely cut */
    }
    size_t head = sio_ws_write_header(storage, SIO_WS_CLOSE, true, false, len, key);
    memcpy(storage + head, text, len);
    sio_ws_mask(storage + head, len, key, 0);
    if (sio_stream_write(w->stream, storage, head + len) == 0) {
        sio_stream_close(w->stream, LINGER_MS);
        w->stream = NULL;
    }
}

/* The peer broke the protocol, or we cannot go on. */
static void break_off(sio_ws_client *w, int err) {
    uint16_t code = sio_error_close_code(err);
    say_goodbye(w, code);
    end(w, err, 0, code, sio_error_text(err));
}

static void end_error(sio_ws_client *w, int err) {
    end(w, err, 0, 0, sio_error_text(err));
}

/* ---- frames out ---- */

typedef struct frame {
    sio_ws_opcode opcode;
    bool compressed;
    bool typed; /* `type` stands in front of the data */
    uint8_t type;
    const uint8_t *data;
    size_t len;
} frame;

/* `out` has room for SIO_WS_HEADER_MAX + 1 + len bytes. @return the bytes used */
static size_t encode(uint8_t *out, const frame *f, const uint8_t key[4]) {
    uint64_t len = (uint64_t)f->len + f->typed;
    size_t head = sio_ws_write_header(out, f->opcode, true, f->compressed, len, key);
    uint8_t *payload = out + head;
    if (f->typed) {
        payload[0] = f->type;
    }
    if (f->len > 0) {
        memcpy(payload + f->typed, f->data, f->len);
    }
    sio_ws_mask(payload, (size_t)len, key, 0);
    return head + (size_t)len;
}

typedef struct block {
    const sio_mem *mem;
    uint8_t bytes[];
} block;

static void block_release(void *owner) {
    block *b = owner;
    sio_mem_release(b->mem, b);
}

static int write_large(sio_ws_client *w, const frame *f, const uint8_t key[4]) {
    if (f->len > SIZE_MAX - sizeof(block) - SIO_WS_HEADER_MAX - 1) {
        return SIO_ERR_NOMEM;
    }
    block *b = sio_mem_alloc(w->mem, sizeof(*b) + SIO_WS_HEADER_MAX + 1 + f->len);
    if (!b) {
        return SIO_ERR_NOMEM;
    }
    b->mem = w->mem;
    size_t used = encode(b->bytes, f, key);
    return sio_stream_write_ref(w->stream, b->bytes, used, block_release, b);
}

static int write_frame(sio_ws_client *w, const frame *f) {
    if (w->state != WS_OPEN) {
        return SIO_ERR_CLOSED;
    }
    uint8_t key[4];
    int rc = sio_random_fill(w->loop, key, sizeof(key));
    if (rc != 0) {
        return rc;
    }
    if (f->len > DIRECT_MAX) {
        return write_large(w, f, key);
    }
    uint8_t *room = sio_stream_room(w->stream, SIO_WS_HEADER_MAX + 1 + f->len);
    if (!room) {
        return SIO_ERR_NOMEM;
    }
    sio_stream_commit(w->stream, encode(room, f, key));
    return 0;
}

static bool wants_compression(const sio_ws_client *w, size_t len, unsigned flags) {
    return w->packing && (flags & SIO_EIO_COMPRESS) != 0 && len >= w->compress_threshold;
}

static sio_ws_opcode opcode_of(const sio_ws_client *w, const sio_eio_item *item) {
    return sio_eio_item_is_binary(item) && !w->base64 ? SIO_WS_BINARY : SIO_WS_TEXT;
}

static int write_compressed(sio_ws_client *w, const sio_eio_item *item, sio_bytes bytes) {
    packing *p = w->packing;
    int rc = 0;
    if (!p->deflater) {
        rc = sio_ws_deflater_new(&p->deflater, p->params.client_max_window_bits,
                                 !p->params.client_no_context_takeover, 0, 0, w->mem);
    }
    p->packed.len = 0;
    if (rc == 0) {
        rc = sio_ws_deflate(p->deflater, &p->packed, bytes.ptr, bytes.len);
    }
    if (rc != 0) {
        return rc;
    }
    frame f = {
        .opcode = opcode_of(w, item),
        .compressed = true,
        .data = p->packed.data,
        .len = p->packed.len,
    };
    rc = write_frame(w, &f);
    if (p->packed.cap > SIO_STREAM_ROOM_MAX) {
        sio_buf_free(&p->packed);
    }
    return rc;
}

static int write_item(sio_ws_client *w, const sio_eio_item *item) {
    sio_bytes bytes;
    sio_eio_form form = w->base64 ? SIO_EIO_FORM_TEXT : SIO_EIO_FORM_PACKET;
    int rc = sio_eio_item_bytes(&bytes, item, form, w->revision);
    if (rc != 0) {
        return rc;
    }
    if (wants_compression(w, bytes.len, item->flags)) {
        return write_compressed(w, item, bytes);
    }
    frame f = {
        .opcode = opcode_of(w, item),
        .data = bytes.ptr,
        .len = bytes.len,
    };
    return write_frame(w, &f);
}

int sio_ws_client_write(sio_ws_client *ws, const sio_eio_item *items, size_t count) {
    size_t done = 0;
    do {
        int rc = write_item(ws, &items[done]);
        if (rc != 0) {
            return rc;
        }
        done++;
    } while (done < count && done < INT32_MAX && sio_ws_client_queued(ws) < HIGH_WATER);
    return (int)done;
}

bool sio_ws_client_takes(const sio_ws_client *ws, size_t len, unsigned flags) {
    return ws->state == WS_OPEN && len <= DIRECT_MAX && !wants_compression(ws, len + 1, flags) &&
           sio_ws_client_queued(ws) < HIGH_WATER;
}

int sio_ws_client_write_message(sio_ws_client *ws, const uint8_t *data, size_t len, bool binary) {
    bool old = ws->revision == 3;
    frame f = {
        .opcode = binary ? SIO_WS_BINARY : SIO_WS_TEXT,
        .typed = !binary || old,
        .type = binary ? SIO_EIO_MESSAGE : '0' + SIO_EIO_MESSAGE,
        .data = data,
        .len = len,
    };
    return write_frame(ws, &f);
}

size_t sio_ws_client_queued(const sio_ws_client *ws) {
    return ws->stream ? sio_stream_queued(ws->stream) : 0;
}

/* Only the newest ping is answered, and only while the peer takes what it is sent. */
static int answer_ping(sio_ws_client *w) {
    if (!w->pong || !w->pong->pending || sio_ws_client_queued(w) >= HIGH_WATER) {
        return 0;
    }
    frame f = {.opcode = SIO_WS_PONG, .data = w->pong->data, .len = w->pong->len};
    int rc = write_frame(w, &f);
    if (rc == 0) {
        w->pong->pending = false;
    }
    return rc;
}

/* ---- frames in ---- */

static void closed_by_peer(sio_ws_client *w, const sio_ws_event *event) {
    char reason[SIO_WS_REASON_MAX + 1];
    size_t len = event->len < sizeof(reason) ? event->len : sizeof(reason) - 1;
    if (len > 0) {
        memcpy(reason, event->data, len);
    }
    reason[len] = '\0';
    uint16_t code = event->code;
    say_goodbye(w, code == SIO_WS_NO_CODE ? 0 : code);
    end(w, SIO_ERR_CLOSED, 0, code, len > 0 ? reason : "the server closed the WebSocket");
}

/* Peers that ping at all ping on. */
static void take_ping(sio_ws_client *w, const sio_ws_event *event) {
    if (!w->pong) {
        w->pong = sio_mem_zalloc(w->mem, sizeof(*w->pong));
    }
    if (w->pong) {
        sio_ws_pong_set(w->pong, event);
    } else {
        break_off(w, SIO_ERR_NOMEM);
    }
}

static void take_event(sio_ws_client *w, const sio_ws_event *event) {
    switch (event->kind) {
    case SIO_WS_TEXT:
    case SIO_WS_BINARY:
        w->callbacks->on_message(w->ctx, w, event->kind == SIO_WS_BINARY, event->data, event->len);
        break;
    case SIO_WS_PING:
        take_ping(w, event);
        break;
    case SIO_WS_CLOSE:
        closed_by_peer(w, event);
        break;
    default:
        break;
    }
}

static void pull(sio_ws_client *w) {
    sio_ws_event event;
    int rc = 0;
    while (w->state == WS_OPEN && (rc = sio_ws_next(w->decoder, &event)) == 1) {
        take_event(w, &event);
    }
    if (w->state != WS_OPEN) {
        return;
    }
    if (rc == 0) {
        rc = answer_ping(w);
    }
    if (rc != 0) {
        break_off(w, rc);
    }
}

static void read_frames(sio_ws_client *w, uint8_t *data, size_t len) {
    int rc = data == w->room ? sio_ws_pending_filled(w->decoder, len)
                             : sio_ws_feed(w->decoder, data, len);
    w->room = NULL;
    if (rc != 0) {
        break_off(w, rc);
        return;
    }
    pull(w);
}

static uint8_t *want_room(void *ctx, size_t *len) {
    sio_ws_client *w = ctx;
    uint8_t *room = NULL;
    if (w->state == WS_OPEN && sio_ws_pending_room(w->decoder, &room, len) != 1) {
        room = NULL;
    }
    w->room = room;
    return room;
}

/* ---- handshake ---- */

static sio_ws_handshake_options handshake_options(const sio_ws_client *w) {
    static const sio_ws_deflate_options lean = SIO_WS_DEFLATE_OPTIONS_INIT;
    sio_ws_handshake_options options = SIO_WS_HANDSHAKE_OPTIONS_INIT;
    options.deflate = w->offered ? &lean : NULL;
    options.protocols = w->opening->request->protocols;
    options.protocol_count = w->opening->request->protocol_count;
    return options;
}

static int build_upgrade(sio_ws_client *w, const char *sid) {
    sio_buf *out = &w->opening->upgrade;
    sio_ws_handshake_options options = handshake_options(w);
    int rc = sio_engine_request_write(w->opening->request, out, "GET", SIO_EIO_WEBSOCKET, sid);
    if (rc == 0) {
        rc = sio_ws_handshake_request(out, w->opening->random, &options);
    }
    return rc == 0 ? sio_http1_write_end(out) : rc;
}

static int check_head(sio_ws_client *w, sio_ws_agreement *agreed, const sio_http1_head *head) {
    sio_buf joined[2];
    sio_buf_init(&joined[0], 0, w->mem);
    sio_buf_init(&joined[1], 0, w->mem);
    sio_ws_response response = {
        .status = head->status,
        .upgrade = sio_http1_find(head, SIO_STR("Upgrade")),
        .accept = sio_http1_find(head, SIO_STR("Sec-WebSocket-Accept")),
        .protocol = sio_http1_find(head, SIO_STR("Sec-WebSocket-Protocol")),
    };
    int rc = sio_http1_join(&response.connection, head, SIO_STR("Connection"), &joined[0]);
    if (rc == 0) {
        rc = sio_http1_join(&response.extensions, head, SIO_STR("Sec-WebSocket-Extensions"),
                            &joined[1]);
    }
    if (rc == 0) {
        sio_ws_handshake_options options = handshake_options(w);
        rc = sio_ws_handshake_check(agreed, &response, w->opening->random, &options);
    }
    sio_buf_free(&joined[0]);
    sio_buf_free(&joined[1]);
    return rc;
}

static int make_packing(sio_ws_client *w, const sio_ws_deflate_params *params) {
    packing *p = sio_mem_zalloc(w->mem, sizeof(*p));
    if (!p) {
        return SIO_ERR_NOMEM;
    }
    w->packing = p;
    p->params = *params;
    sio_buf_init(&p->packed, 0, w->mem);
    return sio_ws_inflater_new(&p->inflater, params->server_max_window_bits,
                               !params->server_no_context_takeover, w->mem);
}

static int make_decoder(sio_ws_client *w, const sio_ws_agreement *agreed) {
    int rc = 0;
    if (agreed->deflate) {
        rc = make_packing(w, &agreed->deflate_params);
    }
    if (rc == 0) {
        sio_ws_options options = SIO_WS_OPTIONS_INIT;
        options.role = SIO_WS_CLIENT;
        options.max_message = w->max_message;
        options.inflater = w->packing ? w->packing->inflater : NULL;
        options.buffers = sio_loop_message_mem(w->loop);
        rc = sio_ws_new(&w->decoder, &options, w->mem);
    }
    return rc;
}

/* A server that refuses says why in the body, of which the beginning may be here already. */
static void refused(sio_ws_client *w, int status) {
    char text[SIO_TRANSPORT_DETAIL];
    sio_http1_event event;
    sio_bytes body = {NULL, 0};
    if (sio_http1_next(w->opening->parser, &event) == 1 && event.type == SIO_HTTP1_BODY) {
        body = event.body;
    }
    int shown = body.len < sizeof(text) ? (int)body.len : (int)sizeof(text);
    snprintf(text, sizeof(text), "Unexpected server response: %d%s%.*s", status,
             shown > 0 ? " " : "", shown, shown > 0 ? (const char *)body.ptr : "");
    end(w, SIO_ERR_HTTP_STATUS, status, 0, text);
}

static void accepted(sio_ws_client *w, const sio_http1_head *head, uint8_t *data, size_t len) {
    sio_ws_agreement agreed;
    int status = head->status;
    sio_engine_request_take_cookies(w->opening->request, SIO_EIO_WEBSOCKET, head);
    int rc = check_head(w, &agreed, head);
    if (rc == 0) {
        rc = make_decoder(w, &agreed);
    }
    if (rc != 0) {
        end(w, rc, status, 0, sio_error_text(rc));
        return;
    }
    /* The head ended in what was just read, so all that is behind it was read with it. */
    size_t rest = sio_http1_rest(w->opening->parser).len;
    w->stream = w->opening->dial.stream;
    w->opening->dial.stream = NULL;
    opening_free(w);
    w->state = WS_OPEN;
    w->callbacks->on_open(w->ctx, w);
    if (w->state == WS_OPEN && rest > 0) {
        read_frames(w, data + (len - rest), rest);
    }
}

static void read_response(sio_ws_client *w, uint8_t *data, size_t len) {
    sio_http1_event event;
    int rc = sio_http1_feed(w->opening->parser, data, len);
    if (rc == 0) {
        rc = sio_http1_next(w->opening->parser, &event);
    }
    if (rc < 0) {
        end_error(w, rc);
    } else if (rc == 1 && event.head->status == 101) {
        accepted(w, event.head, data, len);
    } else if (rc == 1) {
        refused(w, event.head->status);
    }
}

/* ---- the stream ---- */

static void on_connected(void *ctx) {
    sio_ws_client *w = ctx;
    hold(w);
    int rc = sio_http1_response_to(w->opening->parser, SIO_HTTP1_ASKED_UPGRADE);
    if (rc == 0) {
        const sio_buf *request = &w->opening->upgrade;
        rc = sio_stream_write(w->opening->dial.stream, request->data, request->len);
    }
    sio_buf_free(&w->opening->upgrade);
    if (rc != 0) {
        end_error(w, rc);
    }
    drop(w);
}

static void on_read(void *ctx, uint8_t *data, size_t len) {
    sio_ws_client *w = ctx;
    hold(w);
    if (w->state == WS_OPEN) {
        read_frames(w, data, len);
    } else {
        read_response(w, data, len);
    }
    drop(w);
}

static void on_eof(void *ctx) {
    sio_ws_client *w = ctx;
    hold(w);
    if (w->state == WS_OPEN) {
        end(w, SIO_ERR_CLOSED, 0, 1006, "the server closed the connection");
    } else {
        end(w, SIO_ERR_HTTP_TRUNCATED, 0, 0,
            "the server closed the connection before it answered the handshake");
    }
    drop(w);
}

static void on_error(void *ctx, const sio_stream_error *error) {
    sio_ws_client *w = ctx;
    hold(w);
    tell_end(w, &(sio_transport_end){
                    .err = error->err,
                    .stage = sio_client_stage_of(error->err, SIO_CLIENT_STAGE_WEBSOCKET),
                    .sys = error->sys,
                    .close_code = w->state == WS_OPEN ? 1006 : 0,
                    .detail = error->detail,
                });
    drop(w);
}

static void on_drain(void *ctx) {
    sio_ws_client *w = ctx;
    if (w->state != WS_OPEN) {
        return;
    }
    hold(w);
    int rc = answer_ping(w);
    if (rc != 0) {
        break_off(w, rc);
    } else {
        w->callbacks->on_written(w->ctx, w);
    }
    drop(w);
}

static void on_dial_failed(void *ctx, const sio_transport_end *why) {
    sio_ws_client *w = ctx;
    hold(w);
    tell_end(w, why);
    drop(w);
}

static const sio_stream_callbacks stream_callbacks = {
    .on_connected = on_connected,
    .on_read = on_read,
    .on_eof = on_eof,
    .on_error = on_error,
    .on_drain = on_drain,
    .want_room = want_room,
};

/* ---- life ---- */

static int make_opening(sio_ws_client *w, const sio_ws_client_options *options) {
    opening *o = sio_mem_zalloc(w->mem, sizeof(*o));
    if (!o) {
        return SIO_ERR_NOMEM;
    }
    w->opening = o;
    o->request = options->request;
    o->dial = (sio_dial){
        .loop = w->loop,
        .target = &options->request->to,
        .callbacks = &stream_callbacks,
        .on_failed = on_dial_failed,
        .ctx = w,
    };
    sio_buf_init(&o->upgrade, 0, w->mem);
    return 0;
}

static int make_parser(opening *o, const sio_mem *mem) {
    sio_http1_scratch *heads = o->request->heads;
    return heads ? sio_http1_parser_new_shared(&o->parser, SIO_HTTP1_RESPONSES, heads)
                 : sio_http1_parser_new(&o->parser, SIO_HTTP1_RESPONSES, NULL, mem);
}

static int start(sio_ws_client *w, const char *sid) {
    int rc = sio_random_fill(w->loop, w->opening->random, sizeof(w->opening->random));
    if (rc == 0) {
        rc = build_upgrade(w, sid);
    }
    if (rc == 0) {
        rc = make_parser(w->opening, w->mem);
    }
    return rc == 0 ? sio_dial_start(&w->opening->dial) : rc;
}

int sio_ws_client_new(sio_ws_client **out, sio_loop *loop, const sio_ws_client_options *options) {
    const sio_mem *mem = sio_loop_mem(loop);
    sio_ws_client *w = sio_mem_zalloc(mem, sizeof(*w));
    if (!w) {
        return SIO_ERR_NOMEM;
    }
    w->mem = mem;
    w->loop = loop;
    w->revision = (uint8_t)options->request->revision;
    w->base64 = options->request->base64;
    w->callbacks = options->callbacks;
    w->ctx = options->ctx;
    w->max_message = options->max_message;
    w->compress_threshold = options->compress_threshold;
    w->offered = options->deflate;
    int rc = make_opening(w, options);
    if (rc == 0) {
        rc = start(w, options->sid);
    }
    if (rc != 0) {
        sio_ws_client_free(w);
        return rc;
    }
    *out = w;
    return 0;
}

void sio_ws_client_free(sio_ws_client *ws) {
    if (!ws) {
        return;
    }
    ws->state = WS_ENDED;
    ws->freed = true;
    cut(ws);
    hold(ws);
    drop(ws);
}

void sio_ws_client_close(sio_ws_client *ws) {
    if (ws && ws->state == WS_OPEN) {
        say_goodbye(ws, 0);
    }
    sio_ws_client_free(ws);
}
