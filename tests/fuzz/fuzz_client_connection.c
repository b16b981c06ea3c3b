/* Everything the core does for a client, against a server that may send anything: responses and
 * WebSocket frames are parsed, the session opens, polls, posts and upgrades, packets are judged and
 * the application answers. The first byte of the input chooses: bit 0 begin on a WebSocket, bit 1
 * revision 3, bit 2 no upgrade, bit 3 compression. Then see connection.h; connections 0 to 2 are
 * the GET, the POST and the WebSocket, 3 is none; the application's actions are: 1 emit to every
 * namespace, 2 join a namespace and emit with an acknowledgement, 3 close. A session that closed is
 * opened anew. */
#include "connection.h"

enum { LINKS = 3, GET_LINK = 0, POST_LINK = 1, WS_LINK = 2, MAX_TURNS = 200 };

typedef struct world {
    memory memory;
    uint8_t flags;
    sio_eio_config eio;
    sio_decoder_options decoder;
    sio_session_options session;
    sio_http1_limits limits;
    sio_args *scratch;
    sio_buf log;
    sio_time now;
    link links[LINKS];
    talk talk;
} world;

static world *the_world; /* of the link in hand: links know no world */
static const uint8_t key_random[16];

static bool flag(const world *w, unsigned bit) {
    return (w->flags >> bit & 1) != 0;
}

/* ---- sessions ---- */

static void want_ws(world *w, link_duty duty);

static void pull_events(talk *t) {
    sio_eio_event event;
    while (sio_eio_session_next(&t->eio, &event)) {
        REQUIRE(!t->closed); /* the close is the last and comes once */
        note(t->log, "event ", (uint64_t)event.kind * 10 + event.reason);
        if (event.kind == SIO_EIO_EVENT_CLOSE) {
            t->closed = true;
            talk_drop(t);
        } else if (event.kind == SIO_EIO_EVENT_PROBE_START) {
            t->wants_probe = true;
        } else if (event.kind == SIO_EIO_EVENT_UPGRADE) {
            link *probe = &the_world->links[WS_LINK];
            REQUIRE(probe->duty == DUTY_PROBE && probe->state == LINK_WS);
            probe->duty = DUTY_WS;
        }
    }
    talk_check(t);
}

static void talk_open(world *w) {
    talk *t = &w->talk;
    sio_eio_transport transport = flag(w, 0) ? SIO_EIO_WEBSOCKET : SIO_EIO_POLLING;
    *t = (talk){
        .used = true, .mem = &w->memory.mem, .scratch = w->scratch, .log = &w->log, .now = w->now};
    sio_eio_session_init(&t->eio, SIO_EIO_CLIENT, transport, flag(w, 1) ? 3 : 4, &w->eio);
    REQUIRE(sio_decoder_init(&t->decoder, &w->decoder) == 0);
    REQUIRE(sio_session_init(&t->names, &w->session, w->now) == 0);
    sio_ack_table_init(&t->acks, 8, t->mem);
    note(&w->log, "new session ", transport);
    if (transport == SIO_EIO_WEBSOCKET) {
        want_ws(w, DUTY_WS);
    }
}

static void on_open(talk *t, const sio_eio_packet *packet) {
    sio_eio_handshake handshake;
    REQUIRE(sio_eio_handshake_read(&handshake, t->sid, packet->data) == 0);
    REQUIRE(handshake.sid.len > 0 && handshake.sid.len <= SIO_EIO_SID_MAX);
    t->sid_len = handshake.sid.len;
    talk_join(t, SIO_STR("/"));
    talk_join(t, SIO_STR("/admin"));
}

static void feed_packet(talk *t, const sio_eio_packet *packet) {
    sio_eio_event_kind kind = sio_eio_session_packet(&t->eio, packet, t->now);
    if (kind == SIO_EIO_EVENT_MESSAGE) {
        talk_message(t, packet);
    } else if (kind == SIO_EIO_EVENT_OPEN) {
        on_open(t, packet);
    }
    pull_events(t);
}

static void link_lost(link *l, int error) {
    talk *t = &the_world->talk;
    link_duty duty = l->duty;
    link_end(l);
    if (duty == DUTY_PROBE) {
        sio_eio_session_probe_closed(&t->eio, error, t->now);
    } else if (duty != DUTY_NONE) {
        sio_eio_session_transport_closed(&t->eio, error, t->now);
    }
    pull_events(t);
}

/* ---- requests ---- */

/* What we ask must be a request. */
static void check_request(const sio_buf *bytes) {
    sio_http1_parser *parser;
    sio_http1_event event;
    int rc;
    bool upgrade = false;
    bool ended = false;
    REQUIRE(sio_http1_parser_new(&parser, SIO_HTTP1_REQUESTS, NULL, NULL) == 0);
    REQUIRE(sio_http1_feed(parser, bytes->data, bytes->len) == 0);
    while (!upgrade && (rc = sio_http1_next(parser, &event)) == 1) {
        upgrade = event.type == SIO_HTTP1_HEAD && event.head->upgrade;
        ended = event.type == SIO_HTTP1_END;
    }
    REQUIRE(upgrade || (rc == 0 && ended));
    REQUIRE(upgrade ? sio_http1_rest(parser).len == 0 : sio_http1_pending(parser) == 0);
    sio_http1_parser_free(parser);
}

static void write_target(world *w, sio_buf *out, const char *transport) {
    talk *t = &w->talk;
    bool first = true;
    REQUIRE(sio_buf_add_text(out, "/socket.io/?") == 0);
    REQUIRE(sio_query_add(out, &first, SIO_STR("EIO"), flag(w, 1) ? SIO_STR("3") : SIO_STR("4")) ==
            0);
    REQUIRE(sio_query_add(out, &first, SIO_STR("transport"),
                          (sio_str){transport, strlen(transport)}) == 0);
    if (t->sid_len > 0) {
        REQUIRE(sio_query_add(out, &first, SIO_STR("sid"), (sio_str){t->sid, t->sid_len}) == 0);
    }
}

static void write_start(world *w, sio_buf *out, sio_str method, const char *transport) {
    sio_buf target;
    sio_buf_init(out, 0, &w->memory.mem);
    sio_buf_init(&target, 0, &w->memory.mem);
    write_target(w, &target, transport);
    REQUIRE(sio_http1_write_request(out, method,
                                    (sio_str){(const char *)target.data, target.len}) == 0);
    REQUIRE(sio_http1_write_header(out, SIO_STR("Host"), SIO_STR("x")) == 0);
    sio_buf_free(&target);
}

/* A connection lives as long as it can; a request on a lost one opens it again. */
static link *ask(world *w, unsigned index, link_duty duty, sio_http1_asked asked,
                 sio_buf *request) {
    link *l = &w->links[index];
    note_bytes(&w->log, "request ", request->data, request->len);
    check_request(request);
    sio_buf_free(request);
    if (l->state != LINK_HTTP || asked == SIO_HTTP1_ASKED_UPGRADE) {
        link_end(l);
        *l = (link){.index = index,
                    .state = LINK_HTTP,
                    .role = SIO_WS_CLIENT,
                    .mem = &w->memory.mem,
                    .log = &w->log};
        sio_buf_init(&l->body, 0, l->mem);
        REQUIRE(sio_http1_parser_new(&l->http, SIO_HTTP1_RESPONSES, &w->limits, l->mem) == 0);
    }
    REQUIRE(sio_http1_response_to(l->http, asked) == 0);
    l->duty = duty;
    l->talk = &w->talk;
    l->body.len = 0;
    return l;
}

static void ask_get(world *w) {
    sio_buf out;
    write_start(w, &out, SIO_STR("GET"), "polling");
    REQUIRE(sio_http1_write_end(&out) == 0);
    (void)ask(w, GET_LINK, DUTY_GET, SIO_HTTP1_ASKED_PLAIN, &out);
}

static void ask_post(world *w, const sio_eio_output *output) {
    sio_buf out;
    sio_buf body;
    sio_eio_layout layout;
    sio_buf_init(&body, 0, &w->memory.mem);
    REQUIRE(sio_eio_payload_write(&body, &layout, output->items, output->count, flag(w, 1) ? 3 : 4,
                                  false) == 0);
    write_start(w, &out, SIO_STR("POST"), "polling");
    REQUIRE(sio_http1_write_header(&out, SIO_STR("Content-Type"),
                                   layout == SIO_EIO_LAYOUT_V3_BINARY
                                       ? SIO_STR("application/octet-stream")
                                       : SIO_STR("text/plain;charset=UTF-8")) == 0);
    REQUIRE(sio_http1_write_header_u64(&out, SIO_STR("Content-Length"), body.len) == 0);
    REQUIRE(sio_http1_write_end(&out) == 0);
    REQUIRE(sio_buf_add(&out, body.data, body.len) == 0);
    sio_buf_free(&body);
    (void)ask(w, POST_LINK, DUTY_POST, SIO_HTTP1_ASKED_PLAIN, &out);
}

static const sio_ws_handshake_options *ws_options(const world *w) {
    static const sio_ws_deflate_options deflate = SIO_WS_DEFLATE_OPTIONS_INIT;
    static const sio_ws_handshake_options plain = SIO_WS_HANDSHAKE_OPTIONS_INIT;
    static const sio_ws_handshake_options packed = {sizeof(sio_ws_handshake_options), NULL, 0,
                                                    &deflate, false};
    return flag(w, 3) ? &packed : &plain;
}

static void want_ws(world *w, link_duty duty) {
    sio_buf out;
    write_start(w, &out, SIO_STR("GET"), "websocket");
    REQUIRE(sio_ws_handshake_request(&out, key_random, ws_options(w)) == 0);
    REQUIRE(sio_http1_write_end(&out) == 0);
    (void)ask(w, WS_LINK, duty, SIO_HTTP1_ASKED_UPGRADE, &out);
}

/* ---- responses ---- */

static sio_str field(const sio_http1_head *head, const char *name) {
    return sio_http1_find(head, (sio_str){name, strlen(name)});
}

static void feed_payload(link *l, talk *t) {
    bool old = sio_eio_session_revision(&t->eio) == 3;
    sio_eio_layout layout = !old        ? SIO_EIO_LAYOUT_V4
                            : l->octets ? SIO_EIO_LAYOUT_V3_BINARY
                                        : SIO_EIO_LAYOUT_V3_TEXT;
    sio_eio_reader reader;
    sio_eio_packet packet;
    int rc;
    size_t count = 0;
    sio_eio_reader_init(&reader, layout, (sio_bytes){l->body.data, l->body.len}, l->mem);
    while ((rc = sio_eio_reader_next(&reader, &packet)) == 1) {
        REQUIRE(++count <= l->body.len + 1);
        feed_packet(t, &packet);
    }
    REQUIRE(rc == 0);
    sio_eio_reader_free(&reader);
}

static void on_answer(link *l) {
    talk *t = &the_world->talk;
    link_duty duty = l->duty;
    l->duty = DUTY_NONE;
    if (l->status != 200) {
        sio_eio_session_transport_closed(&t->eio, SIO_ERR_HTTP_STATUS, t->now);
    } else if (duty == DUTY_GET) {
        feed_payload(l, t);
        sio_eio_session_polled(&t->eio, t->now);
    } else {
        REQUIRE(duty == DUTY_POST);
        sio_eio_session_written(&t->eio, t->now);
    }
    pull_events(t);
    if (l->last) {
        link_end(l);
    }
}

static void feed_ws(link *l, uint8_t *data, size_t len);

static void start_ws(world *w, link *l, const sio_http1_head *head) {
    sio_ws_response response = {.status = head->status,
                                .upgrade = field(head, "Upgrade"),
                                .connection = field(head, "Connection"),
                                .accept = field(head, "Sec-WebSocket-Accept"),
                                .protocol = field(head, "Sec-WebSocket-Protocol"),
                                .extensions = field(head, "Sec-WebSocket-Extensions")};
    sio_ws_agreement agreed;
    int rc = sio_ws_handshake_check(&agreed, &response, key_random, ws_options(w));
    if (rc != 0) {
        link_lost(l, rc);
        return;
    }
    REQUIRE(head->status == 101 && (!agreed.deflate || flag(w, 3)));
    sio_bytes rest = sio_http1_rest(l->http);
    uint8_t *copy = malloc(rest.len ? rest.len : 1);
    REQUIRE(copy);
    if (rest.len > 0) {
        memcpy(copy, rest.ptr, rest.len);
    }
    size_t len = rest.len;
    sio_http1_parser_free(l->http);
    l->http = NULL;
    link_become_ws(l, &agreed);
    if (l->duty == DUTY_PROBE && sio_eio_session_probe_open(&w->talk.eio, w->now) != 0) {
        link_end(l);
    }
    pull_events(&w->talk);
    if (len > 0 && l->state == LINK_WS) {
        feed_ws(l, copy, len);
    }
    free(copy);
}

static void on_http(world *w, link *l, const sio_http1_event *event) {
    if (event->type == SIO_HTTP1_HEAD) {
        sio_str type = field(event->head, "Content-Type");
        l->status = event->head->status;
        l->last = !event->head->keep_alive;
        l->octets = type.len == 24 && memcmp(type.ptr, "application/octet-stream", 24) == 0;
        if (l->index == WS_LINK) {
            start_ws(w, l, event->head);
        }
    } else if (event->type == SIO_HTTP1_BODY) {
        REQUIRE(event->body.len > 0);
        REQUIRE(sio_buf_add(&l->body, event->body.ptr, event->body.len) == 0);
        REQUIRE(l->body.len <= MAX_MESSAGE);
    } else {
        on_answer(l);
    }
}

static void pull_http(link *l) {
    int rc = 1;
    while (l->state == LINK_HTTP && rc == 1) {
        sio_http1_event event;
        rc = sio_http1_next(l->http, &event);
        if (rc == 1) {
            on_http(the_world, l, &event);
        }
    }
    if (rc < 0) {
        link_lost(l, rc); /* also bytes that nothing asked for */
    }
}

/* ---- WebSocket ---- */

static void on_frame(link *l, const sio_ws_event *event) {
    talk *t = &the_world->talk;
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
        feed_packet(t, &packet);
    } else {
        sio_eio_session_probe_packet(&t->eio, &packet, t->now);
        pull_events(t);
    }
    sio_buf_free(&scratch);
}

static void feed_ws(link *l, uint8_t *data, size_t len) {
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
            on_frame(l, &event);
        }
    }
}

static void give(link *l, uint8_t *data, size_t len) {
    if (l->state == LINK_WS) {
        feed_ws(l, data, len);
    } else if (l->state == LINK_HTTP) {
        REQUIRE(sio_http1_feed(l->http, data, len) == 0);
        pull_http(l);
    }
}

/* The server closes: this can end the body of a response. */
static void give_end(link *l) {
    if (l->state == LINK_HTTP && sio_http1_eof(l->http) == 0) {
        l->last = true;
        pull_http(l);
    }
    if (l->state == LINK_HTTP || l->state == LINK_WS) {
        link_lost(l, 0);
    }
}

/* ---- output ---- */

static void carry_out(world *w, const sio_eio_output *out) {
    link *ws = &w->links[WS_LINK];
    switch (out->kind) {
    case SIO_EIO_OUTPUT_GET:
        REQUIRE(w->links[GET_LINK].duty == DUTY_NONE);
        ask_get(w);
        break;
    case SIO_EIO_OUTPUT_POST:
        REQUIRE(w->links[POST_LINK].duty == DUTY_NONE);
        ask_post(w, out);
        break;
    case SIO_EIO_OUTPUT_FRAMES:
    case SIO_EIO_OUTPUT_PROBE:
        REQUIRE(ws->state == LINK_WS);
        link_write_items(ws, out);
        break;
    default:
        REQUIRE(out->kind == SIO_EIO_OUTPUT_CLOSE || out->kind == SIO_EIO_OUTPUT_CLOSE_PROBE);
        if (ws->state == LINK_WS) {
            link_write_close(ws, 0);
        }
        link_end(ws);
        break;
    }
}

static void flush(world *w) {
    talk *t = &w->talk;
    sio_eio_output out;
    unsigned rounds = 0;
    if (t->wants_probe && !t->closed) {
        t->wants_probe = false;
        want_ws(w, DUTY_PROBE);
    }
    while (sio_eio_session_output(&t->eio, &out)) {
        REQUIRE(++rounds < MAX_OUTPUTS);
        bool frames = out.kind == SIO_EIO_OUTPUT_FRAMES;
        carry_out(w, &out);
        sio_eio_session_consume(&t->eio, &out, t->now);
        if (frames) {
            sio_eio_session_written(&t->eio, t->now);
        }
        pull_events(t);
    }
    if (w->links[WS_LINK].state == LINK_WS) {
        link_write_pong(&w->links[WS_LINK]);
    }
}

/* ---- time and the application ---- */

static void expire(talk *t) {
    sio_ack_entry entry;
    sio_time deadline = sio_eio_session_deadline(&t->eio);
    sio_eio_session_elapsed(&t->eio, t->now);
    REQUIRE(deadline <= t->now || sio_eio_session_deadline(&t->eio) == deadline);
    while (sio_ack_table_expire(&t->acks, t->now, &entry)) {
        REQUIRE(entry.deadline <= t->now);
        note(t->log, "expired ack ", entry.id);
    }
    pull_events(t);
}

static void act(talk *t, unsigned what) {
    if (t->closed) {
        return;
    }
    if (what == 1) {
        talk_news(t, false);
    } else if (what == 2) {
        talk_join(t, SIO_STR("/x"));
        talk_news(t, true);
    } else if (what == 3) {
        talk_close(t, false);
    }
    pull_events(t);
}

static void end_session(world *w) {
    for (unsigned i = 0; i < LINKS; i++) {
        link_end(&w->links[i]);
    }
    talk_free(&w->talk);
}

static void turn(world *w, const chunk *c, uint32_t seed) {
    w->now += c->passed;
    w->talk.now = w->now;
    note(&w->log, "turn ", w->now);
    expire(&w->talk);
    act(&w->talk, c->act);
    flush(w);
    if (c->link < LINKS) {
        link *l = &w->links[c->link];
        if (l->state == LINK_HTTP || l->state == LINK_WS) {
            chunk_play(c, seed, l, give);
        }
        flush(w);
        if (c->ends) {
            give_end(l);
            flush(w);
        }
    }
    if (w->talk.closed) {
        end_session(w);
        talk_open(w);
        flush(w);
    }
}

/* ---- a run ---- */

static void start(world *w, uint8_t flags) {
    *w = (world){.now = 1, .flags = flags};
    memory_init(&w->memory);
    const sio_mem *mem = &w->memory.mem;
    w->limits = (sio_http1_limits)SIO_HTTP1_LIMITS_INIT;
    w->limits.max_body = MAX_MESSAGE;
    w->eio = (sio_eio_config)SIO_EIO_CONFIG_INIT;
    w->eio.no_upgrade = flag(w, 2);
    w->eio.max_queue_messages = MAX_QUEUE;
    w->eio.max_queue_bytes = 65536;
    w->eio.mem = mem;
    w->decoder = (sio_decoder_options)SIO_DECODER_OPTIONS_INIT;
    w->decoder.protocol = flag(w, 1) ? 4 : 5;
    w->decoder.max_partial_bytes = 65536;
    w->decoder.mem = mem;
    w->session = (sio_session_options)SIO_SESSION_OPTIONS_INIT;
    w->session.role = SIO_ROLE_CLIENT;
    w->session.protocol = w->decoder.protocol;
    w->session.mem = mem;
    REQUIRE(sio_args_new(&w->scratch, mem) == 0);
    for (unsigned i = 0; i < LINKS; i++) {
        w->links[i] = (link){.index = i, .mem = mem, .log = &w->log};
    }
    the_world = w;
    talk_open(w);
    flush(w);
}

static void play(world *w, const uint8_t *data, size_t size, uint32_t seed) {
    chunk c;
    start(w, data[0]);
    data++;
    size--;
    for (unsigned i = 0; i < MAX_TURNS && chunk_next(&c, &data, &size); i++) {
        turn(w, &c, seed == 0 ? 0 : seed + i);
    }
    end_session(w);
    sio_args_unref(w->scratch);
    REQUIRE(w->memory.live == 0 && w->memory.size == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static world whole, cut;
    if (size == 0) {
        return 0;
    }
    play(&whole, data, size, 0);
    play(&cut, data, size, 1 + (uint32_t)size);
    REQUIRE(whole.log.len == cut.log.len);
    REQUIRE(memcmp(whole.log.data, cut.log.data, cut.log.len) == 0);
    sio_buf_free(&whole.log);
    sio_buf_free(&cut.log);
    return 0;
}
