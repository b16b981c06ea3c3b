/* A server and a client session connected in memory, through polling, a WebSocket or both. What
 * happens next is the caller's choice, so that a random one walks through the interleavings. */
#ifndef TESTS_UNIT_EIO_PAIR_H
#define TESTS_UNIT_EIO_PAIR_H

#include "eio_support.h"

#include <stdlib.h>

enum { PAIR_WIRE_MAX = 4096 };

/* Frames under way in one direction; `len` SIZE_MAX is the end of the connection. */
typedef struct pair_wire {
    struct {
        uint8_t *bytes;
        size_t len;
        bool binary;
    } frames[PAIR_WIRE_MAX];
    size_t head;
    size_t count;
} pair_wire;

enum { WIRE_IDLE, WIRE_GOING, WIRE_THERE, WIRE_BACK }; /* a request on its way */

typedef struct pair {
    sio_eio_session server;
    sio_eio_session client;
    sio_eio_config config;
    sio_eio_config
        impatient; /* the client's: a server that gives up may cross the upgrade packet */
    int revision;
    bool base64;
    sio_time now;
    uint32_t seed;
    int get;
    int post;
    sio_buf get_body;
    sio_eio_layout get_layout;
    sio_buf post_body;
    sio_eio_layout post_layout;
    bool ws_wanted; /* the client is opening it */
    bool ws_server_open;
    bool ws_client_open;
    pair_wire up;
    pair_wire down;
    unsigned sent[2]; /* by the server, by the client */
    unsigned got[2];  /* from the server, from the client */
    unsigned upgrades;
    unsigned cancelled;
    sio_eio_reason reason[2];
} pair;

static inline uint32_t pair_random(pair *p, uint32_t below) {
    p->seed ^= p->seed << 13;
    p->seed ^= p->seed >> 17;
    p->seed ^= p->seed << 5;
    return p->seed % below;
}

static inline void wire_put(pair_wire *w, const sio_eio_item *item, int revision) {
    sio_bytes bytes;
    ck_assert_int_eq(sio_eio_item_bytes(&bytes, item, SIO_EIO_FORM_PACKET, revision), 0);
    ck_assert_uint_lt(w->count, PAIR_WIRE_MAX);
    size_t at = (w->head + w->count++) % PAIR_WIRE_MAX;
    w->frames[at].bytes = malloc(bytes.len ? bytes.len : 1);
    ck_assert_ptr_nonnull(w->frames[at].bytes);
    if (bytes.len > 0) {
        memcpy(w->frames[at].bytes, bytes.ptr, bytes.len);
    }
    w->frames[at].len = bytes.len;
    w->frames[at].binary = sio_eio_item_is_binary(item);
}

static inline void wire_end(pair_wire *w) {
    ck_assert_uint_lt(w->count, PAIR_WIRE_MAX);
    size_t at = (w->head + w->count++) % PAIR_WIRE_MAX;
    w->frames[at].bytes = NULL;
    w->frames[at].len = SIZE_MAX;
}

static inline void wire_clear(pair_wire *w) {
    while (w->count > 0) {
        free(w->frames[w->head].bytes);
        w->head = (w->head + 1) % PAIR_WIRE_MAX;
        w->count--;
    }
}

/* Messages are numbered: even ones are binary, and each must be the one after the last. */
static inline void pair_send(pair *p, bool from_client) {
    sio_eio_session *s = from_client ? &p->client : &p->server;
    uint8_t data[24];
    unsigned n = p->sent[from_client] + 1;
    size_t len = 4 + n % 20;
    memset(data, 'x', sizeof(data));
    for (int i = 0; i < 4; i++) {
        data[i] = (uint8_t)('a' + (n >> (4 * i) & 15));
    }
    sio_eio_message *m;
    ck_assert_int_eq(sio_eio_message_new(&m, n % 2 == 0, data, len, NULL), 0);
    if (sio_eio_session_send(s, m, 0, n) == 0) {
        p->sent[from_client] = n;
    }
    sio_eio_message_unref(m);
}

static inline void pair_got(pair *p, bool from_client, const sio_eio_packet *packet) {
    unsigned n = ++p->got[from_client];
    ck_assert_int_eq(packet->binary, n % 2 == 0);
    ck_assert_uint_eq(packet->data.len, 4 + n % 20);
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        value |= (unsigned)(packet->data.ptr[i] - 'a') << (4 * i);
    }
    ck_assert_uint_eq(value, n);
}

static inline void pair_events(pair *p, bool client) {
    sio_eio_event event;
    while (sio_eio_session_next(client ? &p->client : &p->server, &event)) {
        ck_assert_int_eq(p->reason[client], SIO_EIO_REASON_NONE);
        if (event.kind == SIO_EIO_EVENT_CLOSE) {
            p->reason[client] = event.reason;
        } else if (event.kind == SIO_EIO_EVENT_PROBE_START) {
            p->ws_wanted = true;
        } else if (event.kind == SIO_EIO_EVENT_UPGRADE) {
            p->upgrades++;
        } else if (event.kind == SIO_EIO_EVENT_PROBE_END) {
            p->cancelled++;
        }
    }
}

static inline void pair_packet(pair *p, bool to_client, const sio_eio_packet *packet) {
    sio_eio_session *s = to_client ? &p->client : &p->server;
    if (sio_eio_session_packet(s, packet, p->now) == SIO_EIO_EVENT_MESSAGE) {
        pair_got(p, !to_client, packet);
    }
    pair_events(p, to_client);
}

static inline void pair_body(pair *p, bool to_client) {
    sio_buf *body = to_client ? &p->get_body : &p->post_body;
    sio_eio_layout layout = to_client ? p->get_layout : p->post_layout;
    sio_eio_reader reader;
    sio_eio_reader_init(&reader, layout, (sio_bytes){body->data, body->len}, NULL);
    sio_eio_packet packet;
    while (sio_eio_reader_next(&reader, &packet) == 1) {
        ck_assert_int_ne(packet.type, SIO_EIO_ERROR);
        pair_packet(p, to_client, &packet);
    }
    sio_eio_reader_free(&reader);
}

static inline void pair_frame(pair *p, bool to_client) {
    pair_wire *w = to_client ? &p->down : &p->up;
    bool *open = to_client ? &p->ws_client_open : &p->ws_server_open;
    if (w->count == 0) {
        return;
    }
    uint8_t *bytes = w->frames[w->head].bytes;
    size_t len = w->frames[w->head].len;
    bool binary = w->frames[w->head].binary;
    w->head = (w->head + 1) % PAIR_WIRE_MAX;
    w->count--;
    sio_eio_session *s = to_client ? &p->client : &p->server;
    bool main = sio_eio_session_transport(s) == SIO_EIO_WEBSOCKET;
    if (!*open) {
        free(bytes);
        return;
    }
    if (len == SIZE_MAX) {
        *open = false;
        if (main) {
            sio_eio_session_transport_closed(s, 0, p->now);
        } else {
            sio_eio_session_probe_closed(s, 0, p->now);
        }
    } else {
        sio_eio_packet packet;
        sio_buf scratch = {0};
        if (binary) {
            sio_eio_decode_binary(&packet, p->revision, (sio_bytes){bytes, len});
        } else {
            sio_bytes text = {bytes, len};
            ck_assert_int_eq(sio_eio_decode_text(&packet, p->revision, text, &scratch), 0);
        }
        if (main) {
            pair_packet(p, to_client, &packet);
        } else {
            sio_eio_session_probe_packet(s, &packet, p->now);
        }
        sio_buf_free(&scratch);
    }
    free(bytes);
    pair_events(p, to_client);
}

static inline void pair_write_body(pair *p, sio_buf *body, sio_eio_layout *layout,
                                   const sio_eio_output *out) {
    body->len = 0;
    ck_assert_int_eq(
        sio_eio_payload_write(body, layout, out->items, out->count, p->revision, p->base64), 0);
}

static inline void pair_close_ws(pair *p, bool by_client) {
    *(by_client ? &p->ws_client_open : &p->ws_server_open) = false;
    wire_end(by_client ? &p->up : &p->down);
}

/* Carry out one output of one side. */
static inline bool pair_output(pair *p, bool client) {
    sio_eio_session *s = client ? &p->client : &p->server;
    sio_eio_output out;
    if (!sio_eio_session_output(s, &out)) {
        return false;
    }
    switch (out.kind) {
    case SIO_EIO_OUTPUT_POLL:
        ck_assert(!client && p->get == WIRE_THERE);
        p->get = WIRE_BACK;
        pair_write_body(p, &p->get_body, &p->get_layout, &out);
        break;
    case SIO_EIO_OUTPUT_DROP_POST:
        ck_assert(!client && p->post == WIRE_THERE);
        p->post = WIRE_IDLE;
        break;
    case SIO_EIO_OUTPUT_GET:
        ck_assert(client && p->get == WIRE_IDLE);
        p->get = WIRE_GOING;
        break;
    case SIO_EIO_OUTPUT_POST:
        ck_assert(client && p->post == WIRE_IDLE);
        p->post = WIRE_GOING;
        pair_write_body(p, &p->post_body, &p->post_layout, &out);
        break;
    case SIO_EIO_OUTPUT_FRAMES:
    case SIO_EIO_OUTPUT_PROBE:
        if (out.queued) {
            out.count = 1 + pair_random(p, (uint32_t)out.count);
        }
        for (size_t i = 0; i < out.count; i++) {
            wire_put(client ? &p->up : &p->down, &out.items[i], p->revision);
        }
        break;
    default:
        pair_close_ws(p, client);
        p->ws_wanted = p->ws_wanted && !client;
        break;
    }
    sio_eio_session_consume(s, &out, p->now);
    pair_events(p, client);
    return true;
}

/* The network's part of a GET and of a POST. */
static inline void pair_step_get(pair *p) {
    if (p->get == WIRE_GOING) {
        p->get = sio_eio_session_poll(&p->server, p->now) == 0 ? WIRE_THERE : WIRE_IDLE;
        if (p->get == WIRE_IDLE) {
            sio_eio_session_transport_closed(&p->client, SIO_ERR_HTTP_STATUS, p->now);
        }
        pair_events(p, false);
    } else if (p->get == WIRE_BACK) {
        p->get = WIRE_IDLE;
        pair_body(p, true);
        sio_eio_session_polled(&p->client, p->now);
    }
    pair_events(p, true);
}

static inline void pair_step_post(pair *p) {
    if (p->post == WIRE_GOING) {
        p->post = sio_eio_session_post(&p->server, p->now) == 0 ? WIRE_THERE : WIRE_IDLE;
        if (p->post == WIRE_IDLE) {
            sio_eio_session_transport_closed(&p->client, SIO_ERR_HTTP_STATUS, p->now);
        }
    } else if (p->post == WIRE_THERE) {
        p->post = WIRE_BACK;
        sio_eio_session_post_complete(&p->server);
        pair_body(p, false);
    } else if (p->post == WIRE_BACK) {
        p->post = WIRE_IDLE;
        sio_eio_session_written(&p->client, p->now);
    }
    pair_events(p, false);
    pair_events(p, true);
}

static inline void pair_connect(pair *p) {
    if (!p->ws_wanted) {
        return;
    }
    p->ws_wanted = false;
    wire_clear(&p->up);
    wire_clear(&p->down);
    if (sio_eio_session_probe_open(&p->server, p->now) != 0) {
        sio_eio_session_probe_closed(&p->client, SIO_ERR_WS_HANDSHAKE, p->now);
    } else if (sio_eio_session_probe_open(&p->client, p->now) == 0) {
        p->ws_client_open = true;
        p->ws_server_open = true;
    } else {
        sio_eio_session_probe_closed(&p->server, 0, p->now);
    }
    pair_events(p, false);
    pair_events(p, true);
}

static inline void pair_time(pair *p, sio_time ms) {
    p->now += ms;
    sio_eio_session_elapsed(&p->server, p->now);
    pair_events(p, false);
    sio_eio_session_elapsed(&p->client, p->now);
    pair_events(p, true);
}

/* One random thing that keeps the connection going. */
static inline void pair_step(pair *p) {
    bool side = pair_random(p, 2);
    switch (pair_random(p, 8)) {
    case 0:
    case 1:
        (void)pair_output(p, side);
        break;
    case 2:
        pair_step_get(p);
        break;
    case 3:
        pair_step_post(p);
        break;
    case 4:
        pair_frame(p, side);
        break;
    case 5:
        if (sio_eio_session_transport(side ? &p->client : &p->server) == SIO_EIO_WEBSOCKET) {
            sio_eio_session_written(side ? &p->client : &p->server, p->now);
            pair_events(p, side);
        }
        break;
    case 6:
        pair_connect(p);
        break;
    default:
        pair_time(p, pair_random(p, 5));
        break;
    }
}

static inline pair *pair_new(sio_eio_transport transport, int revision, uint32_t seed) {
    pair *p = calloc(1, sizeof(*p));
    ck_assert_ptr_nonnull(p);
    p->seed = seed;
    p->revision = revision;
    p->base64 = seed % 3 == 0;
    p->config = (sio_eio_config){.size = sizeof(p->config),
                                 .ping_interval = 200,
                                 .ping_timeout = 100000,
                                 .upgrade_timeout = 100000,
                                 .close_timeout = 100000};
    p->impatient = p->config;
    p->impatient.upgrade_timeout = seed % 4 == 0 ? 12 : 100000;
    sio_eio_session_init(&p->server, SIO_EIO_SERVER, transport, revision, &p->config);
    sio_eio_session_init(&p->client, SIO_EIO_CLIENT, transport, revision, &p->impatient);
    ck_assert_int_eq(sio_eio_session_open(&p->server, SIO_STR("SID"), 0), 0);
    p->ws_client_open = p->ws_server_open = transport == SIO_EIO_WEBSOCKET;
    return p;
}

static inline void pair_free(pair *p) {
    sio_eio_session_free(&p->server);
    sio_eio_session_free(&p->client);
    sio_buf_free(&p->get_body);
    sio_buf_free(&p->post_body);
    wire_clear(&p->up);
    wire_clear(&p->down);
    free(p);
}

#endif
