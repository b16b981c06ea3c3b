/* What the two whole-connection targets share: memory that is counted, connections with their HTTP
 * parser or WebSocket decoder, what these take out of bytes, and what stands above an Engine.IO
 * session.
 *
 * The input is a sequence of chunks: a control byte, a length (two bytes, big endian), the bytes.
 *   bits 0-1  which connection
 *   bit  2    the connection ends behind the bytes
 *   bits 3-4  what the application does first, see the targets
 *   bits 5-7  how much time passes first
 * A chunk is one turn: what is to be written is asked for at its end. So bytes cut into pieces must
 * have the same effect as whole ones, and every input is played both ways. */
#ifndef TESTS_FUZZ_CONNECTION_H
#define TESTS_FUZZ_CONNECTION_H

#include "require.h"

#include <sio/ack_table.h>
#include <sio/eio_session.h>
#include <sio/http1.h>
#include <sio/json.h>
#include <sio/packet.h>
#include <sio/session.h>
#include <sio/url.h>
#include <sio/ws.h>

#include <stdlib.h>
#include <string.h>

enum {
    MAX_MESSAGE = 4096,
    MAX_QUEUE = 40,
    MAX_MEMORY = 8 << 20, /* of everything together, compression included */
    MAX_OUTPUTS = 400,    /* that one turn of one session can cause */
    MAX_SPLIT = 7
};

/* ---- memory ---- */

typedef struct memory {
    sio_mem mem;
    long live;
    size_t size;
} memory;

enum { BLOCK_HEAD = 16 }; /* keeps the alignment; holds the size */

static inline void *memory_resize(void *user, void *old, size_t size) {
    memory *m = user;
    uint8_t *block = old ? (uint8_t *)old - BLOCK_HEAD : NULL;
    size_t before = 0;
    if (block) {
        memcpy(&before, block, sizeof(before));
    }
    block = realloc(block, size + BLOCK_HEAD);
    REQUIRE(block);
    memcpy(block, &size, sizeof(size));
    m->live += old == NULL;
    m->size += size - before;
    REQUIRE(m->size <= MAX_MEMORY);
    return block + BLOCK_HEAD;
}

static inline void *memory_alloc(void *user, size_t size) {
    return memory_resize(user, NULL, size);
}

static inline void memory_release(void *user, void *old) {
    memory *m = user;
    size_t size;
    if (!old) {
        return;
    }
    memcpy(&size, (uint8_t *)old - BLOCK_HEAD, sizeof(size));
    m->live--;
    m->size -= size;
    free((uint8_t *)old - BLOCK_HEAD);
}

static inline void memory_init(memory *m) {
    *m = (memory){{memory_alloc, memory_resize, memory_release, m}, 0, 0};
}

/* ---- what one side sent and noticed, to be compared between runs ---- */

static inline void note(sio_buf *log, const char *what, uint64_t number) {
    REQUIRE(sio_buf_add_text(log, what) == 0);
    REQUIRE(sio_buf_add_u64(log, number) == 0);
    REQUIRE(sio_buf_add_byte(log, '\n') == 0);
}

static inline void note_bytes(sio_buf *log, const char *what, const void *data, size_t len) {
    note(log, what, len);
    REQUIRE(sio_buf_add(log, data, len) == 0);
}

/* What the two runs noticed must be the same. */
static inline void logs_compare(sio_buf *whole, sio_buf *cut) {
    REQUIRE(whole->len == cut->len);
    REQUIRE(cut->len == 0 || memcmp(whole->data, cut->data, cut->len) == 0);
    sio_buf_free(whole);
    sio_buf_free(cut);
}

/* ---- what a run stands on ---- */

typedef struct ground {
    memory memory;
    const sio_mem *mem; /* counted */
    sio_eio_config eio;
    sio_args *scratch;
    sio_buf log;
    sio_time now;
} ground;

static inline void ground_init(ground *g) {
    *g = (ground){.now = 1};
    memory_init(&g->memory);
    g->mem = &g->memory.mem;
    g->eio = (sio_eio_config)SIO_EIO_CONFIG_INIT;
    g->eio.max_queue_messages = MAX_QUEUE;
    g->eio.max_queue_bytes = 65536;
    g->eio.mem = g->mem;
    REQUIRE(sio_args_new(&g->scratch, g->mem) == 0);
}

static inline sio_decoder_options ground_decoder(const ground *g, unsigned protocol) {
    sio_decoder_options options = SIO_DECODER_OPTIONS_INIT;
    options.protocol = protocol;
    options.max_partial_bytes = 65536;
    options.mem = g->mem;
    return options;
}

static inline void ground_done(ground *g) {
    sio_args_unref(g->scratch);
    REQUIRE(g->memory.live == 0 && g->memory.size == 0);
}

/* ---- above an Engine.IO session ---- */

typedef struct talk {
    bool used;
    bool closed; /* the CLOSE event came */
    bool wants_probe;
    unsigned index;
    sio_eio_state last_state;
    sio_eio_session eio;
    sio_decoder decoder;
    sio_session names;
    sio_ack_table acks;
    uint64_t next_id;
    const sio_mem *mem;
    sio_args *scratch; /* shared */
    sio_buf *log;      /* shared */
    sio_time now;
    bool base64;
    bool jsonp;
    char sid[SIO_EIO_SID_MAX]; /* client */
    size_t sid_len;
} talk;

/* The session's event, but for its close; each target's own. */
static void talk_event_came(talk *t, const sio_eio_event *event);
/* Write it out; each target's own. */
static void talk_carry_out(talk *t, const sio_eio_output *out);
/* A packet came over the session's transport; each target's own. */
static void talk_feed(talk *t, const sio_eio_packet *packet);

static inline void talk_init(talk *t, unsigned index, ground *g, sio_eio_role role,
                             sio_eio_transport transport, int revision,
                             const sio_decoder_options *decoder,
                             const sio_session_options *session) {
    *t = (talk){.used = true,
                .index = index,
                .mem = g->mem,
                .scratch = g->scratch,
                .log = &g->log,
                .now = g->now};
    sio_eio_session_init(&t->eio, role, transport, revision, &g->eio);
    REQUIRE(sio_decoder_init(&t->decoder, decoder) == 0);
    REQUIRE(sio_session_init(&t->names, session, g->now) == 0);
    sio_ack_table_init(&t->acks, 8, t->mem);
}

static inline void talk_close(talk *t, bool discard) {
    sio_eio_session_close(&t->eio, discard, t->now);
}

static inline void talk_send(talk *t, sio_eio_message *message) {
    int rc = sio_eio_session_send(&t->eio, message, SIO_EIO_COMPRESS, 0);
    sio_eio_message_unref(message);
    REQUIRE(rc == 0 || rc == SIO_ERR_CLOSED || rc == SIO_ERR_EIO_QUEUE_FULL || rc == SIO_ERR_STATE);
    if (rc == SIO_ERR_EIO_QUEUE_FULL) {
        talk_close(t, true); /* a peer that does not take its messages */
    }
}

/* A written packet with its attachments; `rc` is the encoder's. */
static inline void talk_send_packet(talk *t, int rc, sio_buf *text, const sio_args *args) {
    sio_eio_message *message;
    if (rc != 0) {
        sio_buf_free(text);
        return;
    }
    REQUIRE(sio_eio_message_take(&message, false, text) == 0);
    talk_send(t, message);
    for (uint32_t i = 0; args && i < sio_args_attachment_count(args); i++) {
        sio_bytes data = sio_args_attachment(args, i);
        REQUIRE(sio_eio_message_new(&message, true, data.ptr, data.len, t->mem) == 0);
        talk_send(t, message);
    }
}

static inline void talk_begin(const talk *t, sio_buf *text) {
    sio_buf_init(text, 0, t->mem);
    REQUIRE(sio_eio_message_begin(text) == 0);
}

static inline void talk_emit(talk *t, uint16_t slot, sio_str name, const sio_args *args,
                             bool wants_ack) {
    sio_packet_head head = {.type = SIO_PACKET_EVENT,
                            .has_id = wants_ack,
                            .name_is_number = name.ptr == NULL,
                            .nsp = sio_session_nsp(&t->names, slot)};
    sio_buf text;
    if (wants_ack) {
        sio_ack_entry entry = {.id = t->next_id, .deadline = t->now + 5000};
        int rc = sio_ack_table_add(&t->acks, &entry);
        REQUIRE(rc == 0 || rc == SIO_ERR_LIMIT);
        head.has_id = rc == 0;
        head.id = rc == 0 ? t->next_id++ : 0;
    }
    talk_begin(t, &text);
    int rc = sio_packet_encode(&text, &head, name, args, (sio_str){NULL, 0});
    REQUIRE(rc == 0 || (rc == SIO_ERR_INVALID && head.name_is_number));
    talk_send_packet(t, rc, &text, args);
}

/* What the application says of itself. */
static inline void talk_news(talk *t, bool wants_ack) {
    sio_args *args;
    REQUIRE(sio_args_new(&args, t->mem) == 0);
    REQUIRE(sio_args_addf(args, "s B i", "tidings", "\001\002\003", (size_t)3, 42) == 0);
    uint16_t slot = SIO_SLOT_NONE;
    while ((slot = sio_session_next(&t->names, slot)) != SIO_SLOT_NONE) {
        if (sio_session_is_connected(&t->names, slot)) {
            talk_emit(t, slot, SIO_STR("news"), args, wants_ack);
        }
    }
    sio_args_unref(args);
}

static inline void talk_leave(talk *t, uint16_t slot) {
    sio_buf text;
    talk_begin(t, &text);
    int rc = sio_packet_encode_disconnect(&text, sio_session_nsp(&t->names, slot));
    REQUIRE(rc == 0);
    REQUIRE(sio_session_leave(&t->names, slot) >= 0);
    talk_send_packet(t, rc, &text, NULL);
}

static inline void talk_accept(talk *t, uint16_t slot) {
    sio_str nsp = sio_session_nsp(&t->names, slot);
    bool old = sio_eio_session_revision(&t->eio) == 3;
    sio_buf text;
    talk_begin(t, &text);
    if (nsp.len > 8 || sio_session_accept(&t->names, slot, t) != 0) {
        int rc = old ? sio_packet_encode_error_v4(&text, nsp, SIO_STR("no"), SIO_STR(""))
                     : sio_packet_encode_connect_error(&text, nsp, SIO_STR("no"), SIO_STR("{}"));
        REQUIRE(rc == 0 && sio_session_refuse(&t->names, slot) == 0);
        talk_send_packet(t, rc, &text, NULL);
        return;
    }
    int rc = sio_packet_encode_connected(&text, nsp, old ? SIO_STR("") : SIO_STR("socket"),
                                         old ? SIO_STR("") : SIO_STR("private"));
    REQUIRE(rc == 0);
    talk_send_packet(t, rc, &text, NULL);
}

/* Pending namespaces wait for the application. */
static inline void talk_accept_all(talk *t) {
    uint16_t slot = SIO_SLOT_NONE;
    while ((slot = sio_session_next(&t->names, slot)) != SIO_SLOT_NONE) {
        if (sio_session_is_pending(&t->names, slot)) {
            talk_accept(t, slot);
        }
    }
}

static inline void talk_join(talk *t, sio_str nsp) {
    uint16_t slot;
    sio_buf text;
    int rc = sio_session_open(&t->names, nsp, t, &slot);
    REQUIRE(rc >= 0 || rc == SIO_ERR_EXISTS || rc == SIO_ERR_LIMIT);
    if (rc == SIO_OPENING_SEND) {
        talk_begin(t, &text);
        rc = sio_packet_encode_connect(&text, nsp, SIO_STR(""), SIO_STR("{\"token\":1}"));
        REQUIRE(rc == 0);
        talk_send_packet(t, rc, &text, NULL);
    }
}

static inline void talk_event(talk *t, uint16_t slot, const sio_packet *packet) {
    sio_str name = sio_args_name(packet->args);
    for (size_t i = 0; i < sio_args_count(packet->args); i++) {
        (void)sio_args_str(packet->args, i);
        (void)sio_args_double(packet->args, i);
        (void)sio_args_binary(packet->args, i);
    }
    if (name.len == 5 && memcmp(name.ptr, "close", 5) == 0) {
        talk_close(t, false);
    } else if (name.len == 5 && memcmp(name.ptr, "leave", 5) == 0) {
        talk_leave(t, slot);
    } else if (name.len == 3 && memcmp(name.ptr, "ask", 3) == 0) {
        talk_emit(t, slot, SIO_STR("answer"), packet->args, true);
    } else if (packet->has_id) {
        sio_packet_head head = {.type = SIO_PACKET_ACK,
                                .has_id = true,
                                .id = packet->id,
                                .nsp = sio_session_nsp(&t->names, slot)};
        sio_buf text;
        talk_begin(t, &text);
        int rc =
            sio_packet_encode(&text, &head, (sio_str){NULL, 0}, packet->args, (sio_str){NULL, 0});
        REQUIRE(rc == 0);
        talk_send_packet(t, rc, &text, packet->args);
    } else if (packet->name_is_number) {
        talk_emit(t, slot, (sio_str){NULL, 0}, packet->args, false);
    } else {
        talk_emit(t, slot, name, packet->args, false);
    }
}

static inline void talk_refuse_limit(talk *t, const sio_packet *packet) {
    sio_buf text;
    talk_begin(t, &text);
    int rc = sio_packet_encode_connect_error(&text, packet->nsp, SIO_STR("full"), SIO_STR(""));
    talk_send_packet(t, rc, &text, NULL);
}

static inline void talk_connected(talk *t, uint16_t slot, const sio_packet *packet) {
    sio_connect_reply reply;
    sio_buf text;
    sio_buf_init(&text, 0, t->mem);
    int rc = sio_connect_reply_parse(packet->payload, &text, &reply);
    REQUIRE(rc == 0);
    note_bytes(t->log, "connected ", reply.sid.ptr, reply.sid.len);
    sio_buf_free(&text);
    if (slot != SIO_SLOT_NONE) {
        talk_emit(t, slot, SIO_STR("hello"), NULL, true);
    }
}

static inline void talk_packet(talk *t, const sio_packet *packet) {
    sio_session_action action;
    sio_ack_entry entry;
    int rc = sio_session_receive(&t->names, packet, &action);
    note(t->log, "packet ", packet->type);
    if (rc != 0) {
        REQUIRE(rc == SIO_ERR_SIO_VIOLATION);
        talk_close(t, false);
        return;
    }
    note(t->log, "action ", action.kind);
    switch (action.kind) {
    case SIO_SESSION_CONNECT:
        /* "/p..." is what the application takes its time for. */
        if (packet->nsp.len < 2 || packet->nsp.ptr[1] != 'p') {
            talk_accept(t, action.slot);
        }
        break;
    case SIO_SESSION_REFUSE:
        talk_refuse_limit(t, packet);
        break;
    case SIO_SESSION_CONNECTED:
        talk_connected(t, action.slot, packet);
        break;
    case SIO_SESSION_OLD_SERVER:
        REQUIRE(sio_session_leave(&t->names, action.slot) == 0);
        break;
    case SIO_SESSION_EVENT:
        REQUIRE(sio_session_is_connected(&t->names, action.slot));
        talk_event(t, action.slot, packet);
        break;
    case SIO_SESSION_ACK:
        if (packet->has_id && sio_ack_table_take(&t->acks, packet->id, &entry) == 0) {
            REQUIRE(entry.id == packet->id);
            note(t->log, "ack ", entry.id);
        }
        break;
    default:
        break;
    }
}

static inline void talk_message(talk *t, const sio_eio_packet *in) {
    sio_packet packet;
    int rc = in->binary
                 ? sio_decoder_binary(&t->decoder, t->scratch, in->data.ptr, in->data.len, &packet)
                 : sio_decoder_text(&t->decoder, t->scratch, (const char *)in->data.ptr,
                                    in->data.len, &packet);
    REQUIRE(rc <= 1 && sio_decoder_is_partial(&t->decoder) == (rc == 0));
    if (rc < 0) {
        note_bytes(t->log, "bad packet ", sio_error_name(rc), 3);
        talk_close(t, false);
    } else if (rc == 1) {
        talk_packet(t, &packet);
    }
}

static inline void talk_drop(talk *t) {
    sio_ack_entry entry;
    sio_decoder_reset(&t->decoder);
    while (sio_ack_table_drop(&t->acks, &entry)) {
        note(t->log, "dropped ack ", entry.id);
    }
    sio_session_free(&t->names);
    sio_ack_table_free(&t->acks);
}

static inline void talk_free(talk *t) {
    talk_drop(t);
    sio_eio_session_free(&t->eio);
    t->used = false;
}

static inline void talk_check(talk *t) {
    const sio_eio_session *s = &t->eio;
    sio_eio_state state = sio_eio_session_state(s);
    REQUIRE(state >= t->last_state); /* there is no way back */
    t->last_state = state;
    REQUIRE(sio_eio_session_queued(s) <= MAX_QUEUE);
    REQUIRE(t->closed == (state == SIO_EIO_STATE_CLOSED));
    REQUIRE(!t->closed || sio_eio_session_deadline(s) == SIO_TIME_NEVER);
    REQUIRE(sio_ack_table_count(&t->acks) <= MAX_QUEUE);
}

static inline void talk_pull_events(talk *t) {
    sio_eio_event event;
    while (sio_eio_session_next(&t->eio, &event)) {
        REQUIRE(!t->closed); /* the close is the last and comes once */
        note(t->log, "event ", (uint64_t)event.kind * 10 + event.reason);
        if (event.kind == SIO_EIO_EVENT_CLOSE) {
            t->closed = true;
            talk_drop(t);
        } else {
            talk_event_came(t, &event);
        }
    }
    talk_check(t);
}

static inline void talk_elapsed(talk *t) {
    sio_time deadline = sio_eio_session_deadline(&t->eio);
    sio_eio_session_elapsed(&t->eio, t->now);
    REQUIRE(deadline <= t->now || sio_eio_session_deadline(&t->eio) == deadline);
}

static inline void talk_expire_acks(talk *t) {
    sio_ack_entry entry;
    while (sio_ack_table_expire(&t->acks, t->now, &entry)) {
        REQUIRE(entry.deadline <= t->now);
        note(t->log, "expired ack ", entry.id);
    }
}

static inline void talk_flush(talk *t) {
    sio_eio_output out;
    unsigned rounds = 0;
    while (sio_eio_session_output(&t->eio, &out)) {
        REQUIRE(++rounds < MAX_OUTPUTS);
        bool frames = out.kind == SIO_EIO_OUTPUT_FRAMES;
        talk_carry_out(t, &out);
        sio_eio_session_consume(&t->eio, &out, t->now);
        if (frames) {
            sio_eio_session_written(&t->eio, t->now);
        }
        talk_pull_events(t);
    }
}

/* The packets of a body. */
static inline void talk_payload(talk *t, sio_bytes body, bool octets) {
    bool old = sio_eio_session_revision(&t->eio) == 3;
    sio_eio_layout layout = !old     ? SIO_EIO_LAYOUT_V4
                            : octets ? SIO_EIO_LAYOUT_V3_BINARY
                                     : SIO_EIO_LAYOUT_V3_TEXT;
    sio_eio_reader reader;
    sio_eio_packet packet;
    int rc;
    size_t count = 0;
    sio_eio_reader_init(&reader, layout, body, t->mem);
    while ((rc = sio_eio_reader_next(&reader, &packet)) == 1) {
        REQUIRE(++count <= body.len + 1);
        talk_feed(t, &packet);
    }
    REQUIRE(rc == 0);
    sio_eio_reader_free(&reader);
}

/* ---- connections ---- */

typedef enum link_state { LINK_NONE, LINK_HTTP, LINK_WS, LINK_DEAD } link_state;
typedef enum link_duty { DUTY_NONE, DUTY_GET, DUTY_POST, DUTY_WS, DUTY_PROBE } link_duty;

typedef struct link {
    unsigned index;
    link_state state;
    link_duty duty;
    talk *talk;
    sio_ws_role role;
    const sio_mem *mem;
    sio_buf *log;
    sio_http1_parser *http;
    bool busy;      /* a request waits for its answer: no further one is read */
    bool last;      /* close behind the answer */
    bool octets;    /* Content-Type: application/octet-stream */
    bool handshake; /* the GET opens a session */
    bool deaf;      /* the POST's body is not wanted */
    int status;     /* of a response */
    sio_buf body;
    sio_ws *ws;
    sio_ws_inflater *inflater;
    sio_ws_deflater *deflater;
    sio_ws_pong pong;
    sio_ws *check; /* reads what we write */
    sio_ws_inflater *check_inflater;
} link;

static inline void link_init(link *l, unsigned index, sio_ws_role role, ground *g) {
    *l = (link){.index = index, .role = role, .mem = g->mem, .log = &g->log};
}

/* From here on it speaks HTTP; the parser is still to come. */
static inline void link_open(link *l) {
    REQUIRE(l->state == LINK_NONE || l->state == LINK_DEAD);
    l->state = LINK_HTTP;
    sio_buf_init(&l->body, 0, l->mem);
}

/* The connection is gone, through the peer or a fault of its; each target's own. */
static void link_lost(link *l, int error);

static inline void link_end(link *l) {
    if (l->state == LINK_NONE || l->state == LINK_DEAD) {
        return;
    }
    note(l->log, "end of ", l->index);
    sio_http1_parser_free(l->http);
    sio_ws_free(l->ws);
    sio_ws_free(l->check);
    sio_ws_inflater_free(l->inflater);
    sio_ws_inflater_free(l->check_inflater);
    sio_ws_deflater_free(l->deflater);
    sio_buf_free(&l->body);
    *l = (link){
        .index = l->index, .role = l->role, .mem = l->mem, .log = l->log, .state = LINK_DEAD};
}

static inline const uint8_t *link_mask(const link *l) {
    static const uint8_t key[4] = {0x11, 0x22, 0x33, 0x44};
    return l->role == SIO_WS_CLIENT ? key : NULL;
}

static inline void link_become_ws(link *l, const sio_ws_agreement *agreed) {
    sio_ws_options options = SIO_WS_OPTIONS_INIT;
    sio_ws_options opposite = SIO_WS_OPTIONS_INIT;
    bool client = l->role == SIO_WS_CLIENT;
    l->state = LINK_WS;
    l->busy = false;
    if (agreed->deflate) {
        const sio_ws_deflate_params *p = &agreed->deflate_params;
        int theirs = client ? p->server_max_window_bits : p->client_max_window_bits;
        int ours = client ? p->client_max_window_bits : p->server_max_window_bits;
        bool keep_theirs = client ? !p->server_no_context_takeover : !p->client_no_context_takeover;
        bool keep_ours = client ? !p->client_no_context_takeover : !p->server_no_context_takeover;
        REQUIRE(sio_ws_inflater_new(&l->inflater, theirs, keep_theirs, l->mem) == 0);
        REQUIRE(sio_ws_inflater_new(&l->check_inflater, ours, keep_ours, l->mem) == 0);
        REQUIRE(sio_ws_deflater_new(&l->deflater, ours, keep_ours, 1, 1, l->mem) == 0);
    }
    options.role = l->role;
    options.max_message = MAX_MESSAGE;
    options.inflater = l->inflater;
    opposite.role = client ? SIO_WS_SERVER : SIO_WS_CLIENT;
    opposite.inflater = l->check_inflater;
    REQUIRE(sio_ws_new(&l->ws, &options, l->mem) == 0);
    REQUIRE(sio_ws_new(&l->check, &opposite, l->mem) == 0);
}

/* A peer of ours must understand each frame. */
static inline void link_wrote_frames(link *l, sio_buf *frames) {
    sio_ws_event event;
    int rc;
    note_bytes(l->log, "frames ", frames->data, frames->len);
    REQUIRE(sio_ws_feed(l->check, frames->data, frames->len) == 0);
    while ((rc = sio_ws_next(l->check, &event)) == 1) {
        sio_eio_packet packet;
        sio_buf scratch;
        sio_buf_init(&scratch, 0, l->mem);
        if (event.kind == SIO_WS_TEXT && l->talk) {
            sio_bytes text = {event.data, event.len};
            int revision = sio_eio_session_revision(&l->talk->eio);
            REQUIRE(sio_eio_decode_text(&packet, revision, text, &scratch) == 0);
            REQUIRE(packet.type != SIO_EIO_ERROR);
        }
        sio_buf_free(&scratch);
    }
    REQUIRE(rc == 0 && !sio_ws_is_partial(l->check));
    sio_buf_free(frames);
}

static inline void link_write_item(link *l, sio_buf *frames, const sio_eio_item *item) {
    int revision = sio_eio_session_revision(&l->talk->eio);
    bool server = l->role == SIO_WS_SERVER;
    bool binary = sio_eio_item_is_binary(item) && !l->talk->base64;
    sio_eio_form form = l->talk->base64 ? SIO_EIO_FORM_TEXT : SIO_EIO_FORM_PACKET;
    sio_bytes bytes;
    if (server && !l->deflater) {
        form = l->talk->base64 ? SIO_EIO_FORM_TEXT_FRAME : SIO_EIO_FORM_FRAME;
        REQUIRE(sio_eio_item_bytes(&bytes, item, form, revision) == 0);
        REQUIRE(sio_buf_add(frames, bytes.ptr, bytes.len) == 0);
        return;
    }
    sio_buf packed;
    sio_buf_init(&packed, 0, l->mem);
    REQUIRE(sio_eio_item_bytes(&bytes, item, form, revision) == 0);
    bool compress = l->deflater && (item->flags & SIO_EIO_COMPRESS) != 0;
    if (compress) {
        REQUIRE(sio_ws_deflate(l->deflater, &packed, bytes.ptr, bytes.len) == 0);
        bytes = (sio_bytes){packed.data, packed.len};
    }
    REQUIRE(sio_ws_write_frame(frames, binary ? SIO_WS_BINARY : SIO_WS_TEXT, bytes.ptr, bytes.len,
                               compress, link_mask(l)) == 0);
    sio_buf_free(&packed);
}

static inline void link_write_items(link *l, const sio_eio_output *out) {
    sio_buf frames;
    sio_buf_init(&frames, 0, l->mem);
    for (size_t i = 0; i < out->count; i++) {
        link_write_item(l, &frames, &out->items[i]);
    }
    link_wrote_frames(l, &frames);
}

static inline void link_write_close(link *l, uint16_t code) {
    sio_buf frames;
    sio_buf_init(&frames, 0, l->mem);
    REQUIRE(sio_ws_write_close(&frames, code, SIO_STR(""), link_mask(l)) == 0);
    link_wrote_frames(l, &frames);
}

static inline void link_write_pong(link *l) {
    sio_buf frames;
    sio_buf_init(&frames, 0, l->mem);
    if (sio_ws_pong_write(&l->pong, &frames, link_mask(l)) == 1) {
        link_wrote_frames(l, &frames);
    }
}

/* ---- what comes in over connections ---- */

static inline sio_str head_field(const sio_http1_head *head, const char *name) {
    return sio_http1_find(head, (sio_str){name, strlen(name)});
}

static inline bool head_says_octets(const sio_http1_head *head) {
    sio_str type = head_field(head, "Content-Type");
    return type.len == 24 && memcmp(type.ptr, "application/octet-stream", 24) == 0;
}

static inline void link_frame(link *l, const sio_ws_event *event) {
    talk *t = l->talk;
    sio_eio_packet packet;
    sio_buf scratch;
    int revision = sio_eio_session_revision(&t->eio);
    sio_bytes data = {event->data, event->len};
    REQUIRE(event->len <= MAX_MESSAGE);
    sio_buf_init(&scratch, 0, l->mem);
    if (event->kind == SIO_WS_TEXT) {
        REQUIRE(sio_eio_decode_text(&packet, revision, data, &scratch) == 0);
    } else {
        sio_eio_decode_binary(&packet, revision, data);
    }
    if (l->duty == DUTY_WS) {
        talk_feed(t, &packet);
    } else {
        sio_eio_session_probe_packet(&t->eio, &packet, t->now);
        talk_pull_events(t);
    }
    sio_buf_free(&scratch);
}

static inline void link_feed_ws(link *l, uint8_t *data, size_t len) {
    sio_ws_event event;
    int rc = 1;
    REQUIRE(sio_ws_feed(l->ws, data, len) == 0);
    while (l->state == LINK_WS && rc == 1) {
        rc = sio_ws_next(l->ws, &event);
        if (rc < 0) {
            note_bytes(l->log, "bad frame ", sio_error_name(rc), 6);
            link_write_close(l, sio_error_close_code(rc));
            link_lost(l, rc);
        } else if (rc == 1 && event.kind == SIO_WS_CLOSE) {
            link_write_close(l, event.code == SIO_WS_NO_CODE ? 0 : event.code);
            link_lost(l, 0);
        } else if (rc == 1 && event.kind == SIO_WS_PING) {
            sio_ws_pong_set(&l->pong, &event);
        } else if (rc == 1 && event.kind != SIO_WS_PONG) {
            link_frame(l, &event);
        }
    }
}

/* From the handshake to frames. Returns what lies behind it, for link_feed_rest(). */
static inline uint8_t *link_switch(link *l, const sio_ws_agreement *agreed, size_t *len) {
    sio_bytes rest = sio_http1_rest(l->http);
    uint8_t *copy = malloc(rest.len ? rest.len : 1);
    REQUIRE(copy);
    if (rest.len > 0) {
        memcpy(copy, rest.ptr, rest.len);
    }
    *len = rest.len;
    sio_http1_parser_free(l->http);
    l->http = NULL;
    link_become_ws(l, agreed);
    return copy;
}

static inline void link_feed_rest(link *l, uint8_t *rest, size_t len) {
    if (len > 0 && l->state == LINK_WS) {
        link_feed_ws(l, rest, len);
    }
    free(rest);
}

/* ---- the input ---- */

typedef struct chunk {
    unsigned link;
    bool ends;
    unsigned act;
    sio_time passed;
    const uint8_t *data;
    size_t len;
} chunk;

static inline bool chunk_next(chunk *out, const uint8_t **data, size_t *size) {
    static const sio_time steps[8] = {0, 1, 100, 1000, 9000, 21000, 26000, 46000};
    if (*size < 3) {
        return false;
    }
    const uint8_t *at = *data;
    size_t len = (size_t)at[1] << 8 | at[2];
    *data += 3;
    *size -= 3;
    len = len < *size ? len : *size;
    *out = (chunk){at[0] & 3u, (at[0] & 4) != 0, at[0] >> 3 & 3u, steps[at[0] >> 5], *data, len};
    *data += len;
    *size -= len;
    return true;
}

/* Give the bytes in pieces of their own memory: all at once when `seed` is 0. */
static inline void chunk_play(const chunk *c, uint32_t seed, link *l,
                              void (*give)(link *l, uint8_t *data, size_t len)) {
    const uint8_t *data = c->data;
    size_t left = c->len;
    while (left > 0 && l->state != LINK_DEAD) {
        seed = seed * 1664525 + 1013904223 * (seed != 0);
        size_t len = seed == 0 ? left : 1 + (seed >> 16) % (seed >> 31 ? MAX_SPLIT : 200);
        len = len < left ? len : left;
        uint8_t *piece = malloc(len);
        REQUIRE(piece);
        memcpy(piece, data, len);
        give(l, piece, len);
        free(piece);
        data += len;
        left -= len;
    }
}

#endif
