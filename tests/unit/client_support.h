/* A small Engine.IO server made of raw sockets, in the same loop as the client under test: it does
 * what it is told, faults included. */
#ifndef TESTS_UNIT_CLIENT_SUPPORT_H
#define TESTS_UNIT_CLIENT_SUPPORT_H

#include "net_support.h"

#include "net/listener.h"

#include <sio/eio.h>
#include <sio/ws.h>

enum { SRV_CONNS = 32, SRV_TEXT = 8192 };

/* Where the server does something else than a good one. */
typedef enum srv_fault {
    SRV_GOOD,
    SRV_SILENT,        /* accepts, never answers */
    SRV_CLOSE_ACCEPT,  /* closes at once */
    SRV_CLOSE_REQUEST, /* closes when the handshake request came */
    SRV_CLOSE_POLL,    /* ... when the first poll behind it came */
    SRV_CLOSE_POST,
    SRV_CLOSE_PROBE, /* ... when the probe's request came */
    SRV_CLOSE_PROBE_PING,
    SRV_CLOSE_WS_OPEN, /* ... behind the 101 */
    SRV_CLOSE_WS_MESSAGE,
    SRV_STATUS,      /* 400 to the handshake request */
    SRV_STATUS_POST, /* 500 to a POST */
    SRV_RAW,         /* `raw` for an answer to the handshake request, then closes */
    SRV_RAW_POLL,    /* `raw` for an answer to the first poll */
    SRV_WRONG_ACCEPT,
    SRV_RAW_FRAME, /* `raw` behind the 101 */
    SRV_NO_KEEP,   /* closes each connection behind its answer, and says so */
} srv_fault;

struct srv;

typedef struct srv_conn {
    struct srv *srv;
    sio_stream *stream;
    char *in;
    size_t len;
    sio_ws *ws;
} srv_conn;

typedef struct srv {
    sio_loop *loop;
    sio_listener *listener;
    uint16_t port;
    srv_fault fault;
    int revision;
    bool upgrades;
    bool deflate;
    const char *raw;
    size_t raw_len;
    unsigned ping_interval, ping_timeout;
    srv_conn conns[SRV_CONNS];
    unsigned accepted;
    unsigned requests;
    srv_conn *held; /* the GET that waits */
    srv_conn *ws;
    sio_ws_inflater *inflater;
    char poll[SRV_TEXT];   /* what the next GET is answered with */
    char heads[SRV_TEXT];  /* of every request */
    char posted[SRV_TEXT]; /* bodies, each in brackets */
    char frames[SRV_TEXT]; /* what came by WebSocket, each in brackets; binary as <length> */
    unsigned ws_closes;
    uint16_t ws_code;
    unsigned probes, switches, close_posts;
    unsigned max_payload;   /* 0: 1000 */
    int post_status;        /* of SRV_STATUS_POST; 0: 500 */
    unsigned compressed;    /* messages that came by WebSocket */
    uint8_t frame_head[14]; /* of the frame that is coming */
    size_t frame_head_len;
    uint64_t frame_left;
} srv;

static inline void srv_note(char *log, const char *text, size_t len) {
    size_t used = strlen(log);
    ck_assert_uint_lt(used + len + 3, SRV_TEXT);
    snprintf(log + used, SRV_TEXT - used, "[%.*s]", (int)len, text);
}

static inline void srv_send(srv_conn *c, const void *data, size_t len) {
    if (c->stream) {
        (void)sio_stream_write(c->stream, data, len);
    }
}

static inline void srv_text(srv_conn *c, const char *text) {
    srv_send(c, text, strlen(text));
}

static inline void srv_close(srv_conn *c) {
    if (c->stream) {
        sio_stream_close(c->stream, 1000);
        c->stream = NULL;
    }
    sio_ws_free(c->ws);
    c->ws = NULL;
    if (c->srv->held == c) {
        c->srv->held = NULL;
    }
    if (c->srv->ws == c) {
        c->srv->ws = NULL;
    }
}

static inline void srv_reply(srv_conn *c, int status, const char *body) {
    char head[256];
    snprintf(head, sizeof head,
             "HTTP/1.1 %d X\r\n%sContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n", status,
             c->srv->fault == SRV_NO_KEEP ? "Connection: close\r\n" : "", strlen(body));
    srv_text(c, head);
    srv_text(c, body);
    if (c->srv->fault == SRV_NO_KEEP) {
        srv_close(c);
    }
}

static inline void srv_frame(srv_conn *c, sio_ws_opcode opcode, const void *data, size_t len) {
    sio_buf out = {0};
    ck_assert_int_eq(sio_ws_write_frame(&out, opcode, data, len, false, NULL), 0);
    srv_send(c, out.data, out.len);
    sio_buf_free(&out);
}

static inline void srv_frame_text(srv_conn *c, const char *text) {
    srv_frame(c, SIO_WS_TEXT, text, strlen(text));
}

static inline const char *srv_open_packet(const srv *s, char out[256]) {
    snprintf(out, 256,
             "0{\"sid\":\"S/1\",\"upgrades\":[%s],\"pingInterval\":%u,\"pingTimeout\":%u,"
             "\"maxPayload\":%u}",
             s->upgrades ? "\"websocket\"" : "", s->ping_interval, s->ping_timeout,
             s->max_payload ? s->max_payload : 1000);
    return out;
}

/* A poll's answer of one packet. */
static inline void srv_answer(srv_conn *c, const char *packet) {
    char body[SRV_TEXT];
    bool old = c->srv->revision == 3;
    snprintf(body, sizeof body, old ? "%zu:%s" : "%.0zu%s", old ? strlen(packet) : 0, packet);
    srv_reply(c, 200, body);
}

/* Answer the held GET, or the next. */
static inline void srv_poll(srv *s, const char *packet) {
    if (s->held) {
        srv_conn *c = s->held;
        s->held = NULL;
        srv_answer(c, packet);
    } else {
        snprintf(s->poll, sizeof s->poll, "%s", packet);
    }
}

static inline void srv_on_get(srv_conn *c, bool session) {
    srv *s = c->srv;
    char open[256];
    if (!session) {
        srv_answer(c, srv_open_packet(s, open));
        return;
    }
    ck_assert_msg(!s->held, "two polls at a time");
    if (s->fault == SRV_CLOSE_POLL) {
        srv_close(c);
    } else if (s->fault == SRV_RAW_POLL) {
        s->fault = SRV_GOOD;
        srv_send(c, s->raw, s->raw_len);
    } else if (s->poll[0]) {
        char packet[SRV_TEXT];
        memcpy(packet, s->poll, sizeof packet);
        s->poll[0] = '\0';
        srv_answer(c, packet);
    } else {
        s->held = c;
    }
}

static inline void srv_on_post(srv_conn *c, const char *body, size_t len) {
    srv *s = c->srv;
    srv_note(s->posted, body, len);
    if (s->fault == SRV_CLOSE_POST) {
        srv_close(c);
        return;
    }
    bool closing = (len == 1 && body[0] == '1') || (len == 3 && memcmp(body, "1:1", 3) == 0);
    s->close_posts += closing;
    if (s->fault == SRV_STATUS_POST && s->post_status) {
        srv_reply(c, s->post_status, "");
    } else {
        srv_reply(c, s->fault == SRV_STATUS_POST ? 500 : 200, "ok");
    }
    if (closing && s->held) {
        srv_poll(s, "6");
    }
}

static inline void srv_field(const char *head, const char *name, sio_str *out) {
    const char *at = strcasestr(head, name);
    if (at) {
        out->ptr = at + strlen(name);
        out->len = strcspn(out->ptr, "\r");
    }
}

static inline void srv_on_upgrade(srv_conn *c, const char *head, bool session) {
    srv *s = c->srv;
    if (session && s->fault == SRV_CLOSE_PROBE) {
        srv_close(c);
        return;
    }
    sio_ws_request request = {.method = SIO_STR("GET")};
    srv_field(head, "\r\nUpgrade: ", &request.upgrade);
    srv_field(head, "\r\nConnection: ", &request.connection);
    srv_field(head, "\r\nSec-WebSocket-Key: ", &request.key);
    srv_field(head, "\r\nSec-WebSocket-Version: ", &request.version);
    srv_field(head, "\r\nSec-WebSocket-Extensions: ", &request.extensions);
    static const sio_ws_deflate_options deflate = SIO_WS_DEFLATE_OPTIONS_INIT;
    sio_ws_handshake_options options = SIO_WS_HANDSHAKE_OPTIONS_INIT;
    options.deflate = s->deflate ? &deflate : NULL;
    sio_ws_agreement agreed;
    ck_assert_int_eq(sio_ws_handshake_accept(&agreed, NULL, &request, &options), 0);
    if (s->fault == SRV_WRONG_ACCEPT) {
        agreed.accept[0] = agreed.accept[0] == 'A' ? 'B' : 'A';
    }
    if (agreed.deflate && !s->inflater) {
        ck_assert_int_eq(sio_ws_inflater_new(&s->inflater,
                                             agreed.deflate_params.client_max_window_bits, false,
                                             NULL),
                         0);
    }
    sio_buf out = {0};
    sio_buf_add_text(&out, "HTTP/1.1 101 Switching Protocols\r\n");
    ck_assert_int_eq(sio_ws_handshake_respond(&out, &agreed), 0);
    sio_buf_add_text(&out, "\r\n");
    srv_send(c, out.data, out.len);
    sio_buf_free(&out);
    sio_ws_options ws = SIO_WS_OPTIONS_INIT;
    ws.inflater = agreed.deflate ? s->inflater : NULL;
    ck_assert_int_eq(sio_ws_new(&c->ws, &ws, NULL), 0);
    s->ws = c;
    char open[256];
    if (s->fault == SRV_RAW_FRAME) {
        srv_send(c, s->raw, s->raw_len);
    } else if (!session && s->fault != SRV_CLOSE_WS_OPEN) {
        srv_frame_text(c, srv_open_packet(s, open));
    }
    if (s->fault == SRV_CLOSE_WS_OPEN) {
        srv_close(c);
    }
}

static inline void srv_on_packet(srv_conn *c, const sio_ws_event *event) {
    srv *s = c->srv;
    char number[32];
    if (event->kind == SIO_WS_BINARY) {
        snprintf(number, sizeof number, "<%zu>", event->len);
        srv_note(s->frames, number, strlen(number));
        return;
    }
    const char *text = (const char *)event->data;
    if (event->len > 64) {
        snprintf(number, sizeof number, "%c..%zu", text[0], event->len);
        srv_note(s->frames, number, strlen(number));
    } else {
        srv_note(s->frames, text, event->len);
    }
    if (s->fault == SRV_CLOSE_WS_MESSAGE) {
        srv_close(c);
    } else if (event->len == 6 && memcmp(text, "2probe", 6) == 0) {
        s->probes++;
        if (s->fault == SRV_CLOSE_PROBE_PING) {
            srv_close(c);
            return;
        }
        srv_frame_text(c, "3probe");
        srv_poll(s, "6");
    } else if (event->len == 1 && text[0] == '5') {
        s->switches++;
        srv_frame_text(c, "4upgraded");
    }
}

/* The decoder does not say what was compressed; the first bytes of the (masked) frames do. */
static inline void srv_count_compressed(srv *s, const uint8_t *data, size_t len) {
    while (len > 0) {
        size_t taken = 1;
        if (s->frame_left > 0) {
            taken = len < s->frame_left ? len : (size_t)s->frame_left;
            s->frame_left -= taken;
        } else {
            s->frame_head[s->frame_head_len++] = *data;
            size_t size = s->frame_head_len < 2 ? 0 : s->frame_head[1] & 0x7f;
            size_t more = size < 126 ? 0 : size == 126 ? 2 : 8;
            if (s->frame_head_len == 2 + more + 4) {
                uint64_t left = more ? 0 : size;
                for (size_t i = 0; i < more; i++) {
                    left = left << 8 | s->frame_head[2 + i];
                }
                s->compressed += (s->frame_head[0] & 0x40) != 0;
                s->frame_left = left;
                s->frame_head_len = 0;
            }
        }
        data += taken;
        len -= taken;
    }
}

static inline void srv_on_frames(srv_conn *c, uint8_t *data, size_t len) {
    srv *s = c->srv;
    sio_ws_event event;
    srv_count_compressed(s, data, len);
    ck_assert_int_eq(sio_ws_feed(c->ws, data, len), 0);
    while (c->ws && sio_ws_next(c->ws, &event) == 1) {
        if (event.kind == SIO_WS_CLOSE) {
            s->ws_closes++;
            s->ws_code = event.code;
        } else if (event.kind == SIO_WS_PONG) {
            srv_note(s->frames, "pong", 4);
        } else {
            srv_on_packet(c, &event);
        }
    }
}

static inline void srv_on_request(srv_conn *c, const char *head, const char *body, size_t len) {
    srv *s = c->srv;
    s->requests++;
    srv_note(s->heads, head, strlen(head));
    bool session = strstr(head, "&sid=") != NULL;
    if (session) {
        ck_assert_ptr_nonnull(strstr(head, "&sid=S%2F1"));
    }
    if (!session && s->fault == SRV_SILENT) {
        return;
    }
    if (!session && s->fault == SRV_CLOSE_REQUEST) {
        srv_close(c);
    } else if (!session && s->fault == SRV_STATUS) {
        srv_reply(c, 400, "{\"code\":5,\"message\":\"Unsupported protocol version\"}");
    } else if (!session && s->fault == SRV_RAW) {
        srv_send(c, s->raw, s->raw_len);
        srv_close(c);
    } else if (strstr(head, "transport=websocket")) {
        srv_on_upgrade(c, head, session);
    } else if (strncmp(head, "POST ", 5) == 0) {
        srv_on_post(c, body, len);
    } else {
        srv_on_get(c, session);
    }
}

static inline size_t srv_body_length(const char *head) {
    sio_str length = {NULL, 0};
    srv_field(head, "\r\nContent-Length: ", &length);
    return length.ptr ? strtoul(length.ptr, NULL, 10) : 0;
}

static inline void srv_on_read(void *ctx, uint8_t *data, size_t len) {
    srv_conn *c = ctx;
    sio_loop *loop = c->srv->loop;
    sio_loop_stop(loop);
    if (c->ws) {
        srv_on_frames(c, data, len);
        return;
    }
    c->in = realloc(c->in, c->len + len + 1);
    memcpy(c->in + c->len, data, len);
    c->len += len;
    c->in[c->len] = '\0';
    char *end;
    while (!c->ws && c->stream && (end = strstr(c->in, "\r\n\r\n")) != NULL) {
        size_t head = (size_t)(end - c->in) + 4;
        *end = '\0';
        size_t body = srv_body_length(c->in);
        if (c->len < head + body) {
            *end = '\r';
            return;
        }
        srv_on_request(c, c->in, c->in + head, body);
        c->len -= head + body;
        memmove(c->in, c->in + head + body, c->len + 1);
    }
}

static inline void srv_on_eof(void *ctx) {
    srv_close(ctx);
}

static inline void srv_on_error(void *ctx, const sio_stream_error *error) {
    srv_conn *c = ctx;
    sio_stream_free(c->stream);
    c->stream = NULL;
    srv_close(c);
}

static const sio_stream_callbacks srv_callbacks = {
    .on_read = srv_on_read, .on_eof = srv_on_eof, .on_error = srv_on_error};

static inline void srv_accept(void *ctx, sio_stream *stream) {
    srv *s = ctx;
    ck_assert_uint_lt(s->accepted, SRV_CONNS);
    srv_conn *c = &s->conns[s->accepted++];
    *c = (srv_conn){.srv = s, .stream = stream};
    sio_stream_set_callbacks(stream, &srv_callbacks, c);
    if (s->fault == SRV_CLOSE_ACCEPT) {
        srv_close(c);
    }
}

static inline void srv_start(srv *s, sio_loop *loop) {
    *s = (srv){.loop = loop, .revision = 4, .ping_interval = 25000, .ping_timeout = 20000};
    sio_listener_options options = {.host = "127.0.0.1", .on_accept = srv_accept, .ctx = s};
    ck_assert_int_eq(sio_listener_new(&s->listener, loop, &options, NULL), 0);
    s->port = sio_listener_port(s->listener);
}

static inline void srv_stop(srv *s) {
    for (unsigned i = 0; i < s->accepted; i++) {
        sio_stream_free(s->conns[i].stream);
        sio_ws_free(s->conns[i].ws);
        free(s->conns[i].in);
    }
    sio_ws_inflater_free(s->inflater);
    sio_listener_free(s->listener);
}

#endif
