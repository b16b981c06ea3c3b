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
    ground ground;
    uint8_t flags;
    sio_decoder_options decoder;
    sio_session_options session;
    sio_http1_limits limits;
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

static void talk_event_came(talk *t, const sio_eio_event *event) {
    if (event->kind == SIO_EIO_EVENT_PROBE_START) {
        t->wants_probe = true;
    } else if (event->kind == SIO_EIO_EVENT_UPGRADE) {
        link *probe = &the_world->links[WS_LINK];
        REQUIRE(probe->duty == DUTY_PROBE && probe->state == LINK_WS);
        probe->duty = DUTY_WS;
    }
}

static void talk_open(world *w) {
    talk *t = &w->talk;
    sio_eio_transport transport = flag(w, 0) ? SIO_EIO_WEBSOCKET : SIO_EIO_POLLING;
    talk_init(t, 0, &w->ground, SIO_EIO_CLIENT, transport, flag(w, 1) ? 3 : 4, &w->decoder,
              &w->session);
    note(&w->ground.log, "new session ", transport);
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

static void talk_feed(talk *t, const sio_eio_packet *packet) {
    sio_eio_event_kind kind = sio_eio_session_packet(&t->eio, packet, t->now);
    if (kind == SIO_EIO_EVENT_MESSAGE) {
        talk_message(t, packet);
    } else if (kind == SIO_EIO_EVENT_OPEN) {
        on_open(t, packet);
    }
    talk_pull_events(t);
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
    talk_pull_events(t);
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
    sio_buf_init(out, 0, w->ground.mem);
    sio_buf_init(&target, 0, w->ground.mem);
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
    note_bytes(&w->ground.log, "request ", request->data, request->len);
    check_request(request);
    sio_buf_free(request);
    if (l->state != LINK_HTTP || asked == SIO_HTTP1_ASKED_UPGRADE) {
        link_end(l);
        link_open(l);
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
    sio_buf_init(&body, 0, w->ground.mem);
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

static void on_answer(link *l) {
    talk *t = &the_world->talk;
    link_duty duty = l->duty;
    l->duty = DUTY_NONE;
    if (l->status != 200) {
        sio_eio_session_transport_closed(&t->eio, SIO_ERR_HTTP_STATUS, t->now);
    } else if (duty == DUTY_GET) {
        talk_payload(t, (sio_bytes){l->body.data, l->body.len}, l->octets);
        sio_eio_session_polled(&t->eio, t->now);
    } else {
        REQUIRE(duty == DUTY_POST);
        sio_eio_session_written(&t->eio, t->now);
    }
    talk_pull_events(t);
    if (l->last) {
        link_end(l);
    }
}

static void start_ws(world *w, link *l, const sio_http1_head *head) {
    sio_ws_response response = {.status = head->status,
                                .upgrade = head_field(head, "Upgrade"),
                                .connection = head_field(head, "Connection"),
                                .accept = head_field(head, "Sec-WebSocket-Accept"),
                                .protocol = head_field(head, "Sec-WebSocket-Protocol"),
                                .extensions = head_field(head, "Sec-WebSocket-Extensions")};
    sio_ws_agreement agreed;
    int rc = sio_ws_handshake_check(&agreed, &response, key_random, ws_options(w));
    if (rc != 0) {
        link_lost(l, rc);
        return;
    }
    REQUIRE(head->status == 101 && (!agreed.deflate || flag(w, 3)));
    size_t len;
    uint8_t *rest = link_switch(l, &agreed, &len);
    if (l->duty == DUTY_PROBE && sio_eio_session_probe_open(&w->talk.eio, w->ground.now) != 0) {
        link_end(l);
    }
    talk_pull_events(&w->talk);
    link_feed_rest(l, rest, len);
}

static void on_http(world *w, link *l, const sio_http1_event *event) {
    if (event->type == SIO_HTTP1_HEAD) {
        l->status = event->head->status;
        l->last = !event->head->keep_alive;
        l->octets = head_says_octets(event->head);
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

/* ---- bytes ---- */

static void give(link *l, uint8_t *data, size_t len) {
    if (l->state == LINK_WS) {
        link_feed_ws(l, data, len);
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

static void talk_carry_out(talk *t, const sio_eio_output *out) {
    world *w = the_world;
    link *ws = &w->links[WS_LINK];
    (void)t;
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
    if (t->wants_probe && !t->closed) {
        t->wants_probe = false;
        want_ws(w, DUTY_PROBE);
    }
    talk_flush(t);
    if (w->links[WS_LINK].state == LINK_WS) {
        link_write_pong(&w->links[WS_LINK]);
    }
}

/* ---- time and the application ---- */

static void expire(talk *t) {
    talk_elapsed(t);
    talk_expire_acks(t);
    talk_pull_events(t);
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
    talk_pull_events(t);
}

static void end_session(world *w) {
    for (unsigned i = 0; i < LINKS; i++) {
        link_end(&w->links[i]);
    }
    talk_free(&w->talk);
}

static void turn(world *w, const chunk *c, uint32_t seed) {
    w->ground.now += c->passed;
    w->talk.now = w->ground.now;
    note(&w->ground.log, "turn ", w->ground.now);
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
    *w = (world){.flags = flags};
    ground_init(&w->ground);
    w->limits = (sio_http1_limits)SIO_HTTP1_LIMITS_INIT;
    w->limits.max_body = MAX_MESSAGE;
    w->ground.eio.no_upgrade = flag(w, 2);
    w->decoder = ground_decoder(&w->ground, flag(w, 1) ? 4 : 5);
    w->session = (sio_session_options)SIO_SESSION_OPTIONS_INIT;
    w->session.role = SIO_ROLE_CLIENT;
    w->session.protocol = w->decoder.protocol;
    w->session.mem = w->ground.mem;
    for (unsigned i = 0; i < LINKS; i++) {
        link_init(&w->links[i], i, SIO_WS_CLIENT, &w->ground);
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
    ground_done(&w->ground);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static world whole, cut;
    if (size == 0) {
        return 0;
    }
    play(&whole, data, size, 0);
    play(&cut, data, size, 1 + (uint32_t)size);
    logs_compare(&whole.ground.log, &cut.ground.log);
    return 0;
}
