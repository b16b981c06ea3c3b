/* Everything the core does for a server: requests are parsed and routed, sessions open, poll, post
 * and upgrade, WebSocket frames become packets and Socket.IO packets, the application answers, and
 * all of it is written and read again. See connection.h for the input; the application's actions
 * are: 1 emit to every namespace, 2 accept what is pending and emit with an acknowledgement, 3
 * close the session of this connection. */
#include "connection.h"

enum { LINKS = 4, TALKS = 5 };

typedef struct world {
    ground ground;
    sio_decoder_options decoders[2]; /* protocol 5, 4 */
    sio_session_options sessions[2];
    sio_http1_scratch *http;
    link links[LINKS];
    talk talks[TALKS];
} world;

static world *the_world; /* of the link in hand: links know no world */

/* ---- sessions ---- */

static const char *sid_of(const talk *t) {
    static const char *const sids[TALKS] = {"S0", "S1", "S2", "S3", "S4"};
    return sids[t->index];
}

static link *link_with(const talk *t, link_duty duty) {
    for (unsigned i = 0; i < LINKS; i++) {
        link *l = &the_world->links[i];
        bool held = duty != DUTY_GET || l->busy;
        if (l->talk == t && l->duty == duty && held) {
            return l;
        }
    }
    return NULL;
}

static void talk_event_came(talk *t, const sio_eio_event *event) {
    if (event->kind == SIO_EIO_EVENT_UPGRADE) {
        link *probe = link_with(t, DUTY_PROBE);
        REQUIRE(probe);
        probe->duty = DUTY_WS;
    }
}

static talk *talk_new(world *w, sio_eio_transport transport, int revision) {
    talk *t = w->talks;
    while (t < w->talks + TALKS && t->used) {
        t++;
    }
    if (t == w->talks + TALKS) {
        return NULL;
    }
    unsigned old = revision == 3;
    talk_init(t, (unsigned)(t - w->talks), &w->ground, SIO_EIO_SERVER, transport, revision,
              &w->decoders[old], &w->sessions[old]);
    const char *sid = sid_of(t);
    REQUIRE(sio_eio_session_open(&t->eio, (sio_str){sid, strlen(sid)}, w->ground.now) == 0);
    if (old) {
        uint16_t slot;
        REQUIRE(sio_session_connect_implicit(&t->names, SIO_STR("/"), &slot) == 0);
        talk_accept(t, slot);
    }
    note(&w->ground.log, "new session ", t->index);
    return t;
}

static void talk_feed(talk *t, const sio_eio_packet *packet) {
    if (sio_eio_session_packet(&t->eio, packet, t->now) == SIO_EIO_EVENT_MESSAGE) {
        talk_message(t, packet);
    }
    talk_pull_events(t);
}

/* The connection is gone, through the peer or a fault of its. */
static void link_lost(link *l, int error) {
    talk *t = l->talk;
    link_duty duty = l->duty;
    bool held = l->busy;
    link_end(l);
    if (!t) {
        return;
    }
    if (duty == DUTY_GET && held) {
        sio_eio_session_poll_aborted(&t->eio, t->now);
    } else if (duty == DUTY_POST) {
        sio_eio_session_post_aborted(&t->eio, t->now);
    } else if (duty == DUTY_WS) {
        sio_eio_session_transport_closed(&t->eio, error, t->now);
    } else if (duty == DUTY_PROBE) {
        sio_eio_session_probe_closed(&t->eio, error, t->now);
    }
    talk_pull_events(t);
}

/* ---- HTTP ---- */

/* What we answer must be an answer. */
static void check_response(const sio_buf *bytes) {
    sio_http1_parser *parser;
    sio_http1_event event;
    int rc;
    bool ended = false;
    REQUIRE(sio_http1_parser_new(&parser, SIO_HTTP1_RESPONSES, NULL, NULL) == 0);
    REQUIRE(sio_http1_response_to(parser, SIO_HTTP1_ASKED_PLAIN) == 0);
    REQUIRE(sio_http1_feed(parser, bytes->data, bytes->len) == 0);
    while ((rc = sio_http1_next(parser, &event)) == 1) {
        REQUIRE(!ended);
        ended = event.type == SIO_HTTP1_END;
    }
    REQUIRE(rc == 0 && ended && sio_http1_pending(parser) == 0);
    sio_http1_parser_free(parser);
}

static void respond(link *l, int status, const char *type, const void *body, size_t len) {
    sio_buf out;
    sio_buf_init(&out, 0, l->mem);
    REQUIRE(sio_http1_write_status(&out, status, NULL) == 0);
    REQUIRE(sio_http1_write_header(&out, SIO_STR("Content-Type"), (sio_str){type, strlen(type)}) ==
            0);
    REQUIRE(sio_http1_write_header_u64(&out, SIO_STR("Content-Length"), len) == 0);
    REQUIRE(sio_http1_write_end(&out) == 0);
    REQUIRE(sio_buf_add(&out, body, len) == 0);
    note_bytes(l->log, "response ", out.data, out.len);
    check_response(&out);
    sio_buf_free(&out);
    l->busy = false;
    l->duty = DUTY_NONE;
    l->talk = NULL;
    l->body.len = 0;
    if (l->last) {
        link_end(l);
    }
}

static void respond_text(link *l, int status, const char *text) {
    respond(l, status, "text/plain; charset=UTF-8", text, strlen(text));
}

typedef struct route {
    bool ours;
    bool has_sid;
    bool base64;
    bool jsonp;
    int transport; /* a sio_eio_transport, or -1 */
    int revision;
    talk *talk;
} route;

static bool has_value(sio_str query, sio_str name) {
    sio_str raw;
    return sio_query_find(query, SIO_QUERY_FORM, name, &raw) && raw.len > 0;
}

static bool equals(sio_str query, sio_str name, const char *value) {
    sio_str raw;
    return sio_query_find(query, SIO_QUERY_FORM, name, &raw) &&
           sio_query_equals(raw, SIO_QUERY_FORM, (sio_str){value, strlen(value)});
}

static route find_route(world *w, const sio_http1_head *head) {
    sio_url_target target;
    route r = {.transport = -1};
    sio_url_split_target(&target, head->target);
    sio_str query = target.query;
    r.ours = target.path.len >= 11 && memcmp(target.path.ptr, "/socket.io/", 11) == 0;
    r.revision = equals(query, SIO_STR("EIO"), "4") ? 4 : 3;
    r.base64 = has_value(query, SIO_STR("b64"));
    r.jsonp = has_value(query, SIO_STR("j"));
    r.has_sid = has_value(query, SIO_STR("sid"));
    for (int i = SIO_EIO_POLLING; i <= SIO_EIO_WEBSOCKET; i++) {
        if (equals(query, SIO_STR("transport"), sio_eio_transport_name((sio_eio_transport)i))) {
            r.transport = i;
        }
    }
    for (unsigned i = 0; i < TALKS; i++) {
        if (w->talks[i].used && !w->talks[i].closed &&
            equals(query, SIO_STR("sid"), sid_of(&w->talks[i]))) {
            r.talk = &w->talks[i];
        }
    }
    return r;
}

/* 0, or the status that refuses the request. */
static int judge(const route *r, const sio_http1_head *head) {
    bool get = head->method.len == 3 && memcmp(head->method.ptr, "GET", 3) == 0;
    bool post = head->method.len == 4 && memcmp(head->method.ptr, "POST", 4) == 0;
    if (!r->ours) {
        return 404;
    }
    if (r->transport < 0 || (!get && !post) || (r->has_sid && !r->talk)) {
        return 400;
    }
    if (!r->has_sid && !get) {
        return 400;
    }
    if (r->talk && sio_eio_session_revision(&r->talk->eio) != r->revision) {
        return 400;
    }
    return (r->transport == SIO_EIO_WEBSOCKET) == head->upgrade ? 0 : 400;
}

static void write_101(link *l, const sio_ws_agreement *agreed) {
    sio_buf out;
    sio_buf_init(&out, 0, l->mem);
    REQUIRE(sio_http1_write_status(&out, 101, NULL) == 0);
    REQUIRE(sio_ws_handshake_respond(&out, agreed) == 0);
    REQUIRE(sio_http1_write_end(&out) == 0);
    note_bytes(l->log, "switched ", out.data, out.len);
    sio_buf_free(&out);
}

static bool accept_ws(link *l, const sio_http1_head *head, sio_ws_agreement *agreed) {
    sio_ws_deflate_options deflate = SIO_WS_DEFLATE_OPTIONS_INIT;
    sio_ws_handshake_options options = SIO_WS_HANDSHAKE_OPTIONS_INIT;
    sio_ws_refusal refusal;
    sio_ws_request request = {.method = head->method,
                              .upgrade = head_field(head, "Upgrade"),
                              .connection = head_field(head, "Connection"),
                              .key = head_field(head, "Sec-WebSocket-Key"),
                              .version = head_field(head, "Sec-WebSocket-Version"),
                              .protocol = head_field(head, "Sec-WebSocket-Protocol"),
                              .extensions = head_field(head, "Sec-WebSocket-Extensions")};
    options.deflate = &deflate;
    if (sio_ws_handshake_accept(agreed, &refusal, &request, &options) == 0) {
        return true;
    }
    l->last = true;
    respond_text(l, refusal.status, refusal.body);
    return false;
}

static void start_ws(world *w, link *l, const sio_http1_head *head, const route *r) {
    sio_ws_agreement agreed;
    if (!accept_ws(l, head, &agreed)) {
        return;
    }
    talk *t = r->talk;
    link_duty duty = DUTY_PROBE;
    if (t && sio_eio_session_probe_open(&t->eio, w->ground.now) != 0) {
        talk_pull_events(t);
        link_end(l);
        return;
    }
    if (!t) {
        t = talk_new(w, SIO_EIO_WEBSOCKET, r->revision);
        duty = DUTY_WS;
    }
    if (!t) {
        link_end(l);
        return;
    }
    t->base64 = duty == DUTY_WS ? r->base64 : t->base64;
    write_101(l, &agreed);
    l->talk = t;
    l->duty = duty;
    size_t len;
    uint8_t *rest = link_switch(l, &agreed, &len);
    talk_pull_events(t);
    link_feed_rest(l, rest, len);
}

static void on_head(world *w, link *l, const sio_http1_head *head) {
    route r = find_route(w, head);
    l->status = judge(&r, head);
    l->last = !head->keep_alive || head->upgrade;
    l->talk = NULL;
    l->duty = DUTY_NONE;
    l->body.len = 0;
    if (head->upgrade && l->status != 0) {
        respond_text(l, l->status, "no");
        return;
    }
    if (head->upgrade) {
        start_ws(w, l, head, &r);
        return;
    }
    if (l->status != 0) {
        return;
    }
    l->handshake = !r.has_sid;
    if (l->handshake) {
        l->talk = talk_new(w, SIO_EIO_POLLING, r.revision);
        l->status = l->talk ? 0 : 503;
        if (l->talk) {
            l->talk->base64 = r.base64 || r.jsonp;
            l->talk->jsonp = r.jsonp;
        }
    } else {
        l->talk = r.talk;
    }
    if (l->status != 0) {
        return;
    }
    l->duty = DUTY_GET;
    if (head->method.len == 4) {
        l->octets = head_says_octets(head);
        if (sio_eio_session_post(&l->talk->eio, w->ground.now) == 0) {
            l->duty = DUTY_POST;
        } else {
            l->duty = DUTY_NONE;
            l->status = 400;
        }
        talk_pull_events(l->talk);
        l->talk = l->duty == DUTY_POST ? l->talk : NULL;
    }
}

static void on_get(link *l) {
    talk *t = l->talk;
    int rc = sio_eio_session_poll(&t->eio, t->now);
    if (rc == 0) {
        l->busy = true;
    } else {
        respond_text(l, 400, "");
    }
    talk_pull_events(t);
}

static void feed_payload(link *l, talk *t) {
    sio_buf plain;
    sio_bytes body = {l->body.data, l->body.len};
    sio_buf_init(&plain, 0, l->mem);
    if (t->jsonp) {
        if (sio_eio_jsonp_read(&plain, body) != 0) {
            return;
        }
        body = (sio_bytes){plain.data, plain.len};
    }
    talk_payload(t, body, l->octets);
    sio_buf_free(&plain);
}

static void on_post(link *l) {
    talk *t = l->talk;
    bool refused = l->octets && sio_eio_session_revision(&t->eio) == 4;
    sio_eio_session_post_complete(&t->eio);
    if (refused) {
        sio_eio_session_transport_closed(&t->eio, SIO_ERR_EIO_CONTENT, t->now);
    } else {
        feed_payload(l, t);
    }
    talk_pull_events(t);
    respond_text(l, refused ? 400 : 200, "ok");
}

static void on_http(world *w, link *l, const sio_http1_event *event) {
    if (event->type == SIO_HTTP1_HEAD) {
        on_head(w, l, event->head);
    } else if (event->type == SIO_HTTP1_BODY) {
        REQUIRE(event->body.len > 0);
        if (l->duty == DUTY_POST) {
            REQUIRE(sio_buf_add(&l->body, event->body.ptr, event->body.len) == 0);
            REQUIRE(l->body.len <= MAX_MESSAGE);
        }
    } else if (l->duty == DUTY_GET) {
        on_get(l);
    } else if (l->duty == DUTY_POST) {
        on_post(l);
    } else {
        respond_text(l, l->status, "no");
    }
}

static void http_failed(link *l, int rc) {
    REQUIRE(rc < 0);
    talk *t = l->talk;
    if (l->duty == DUTY_POST && rc == SIO_ERR_HTTP_BODY_TOO_LARGE) {
        sio_eio_session_post_complete(&t->eio);
        talk_pull_events(t);
        l->duty = DUTY_NONE;
    }
    if (l->duty == DUTY_NONE) {
        l->last = true;
        respond_text(l, sio_error_http_status(rc), "");
    } else {
        link_lost(l, rc);
    }
}

static void pull_http(link *l) {
    world *w = the_world;
    int rc = 1;
    while (l->state == LINK_HTTP && !l->busy && rc == 1) {
        sio_http1_event event;
        rc = sio_http1_next(l->http, &event);
        if (rc == 1) {
            on_http(w, l, &event);
        }
    }
    if (rc < 0) {
        http_failed(l, rc);
    } else if (l->state == LINK_HTTP && l->busy && sio_http1_hold(l->http) != 0) {
        link_lost(l, SIO_ERR_LIMIT);
    }
}

/* ---- bytes ---- */

static void give(link *l, uint8_t *data, size_t len) {
    if (l->state == LINK_WS) {
        link_feed_ws(l, data, len);
        return;
    }
    if (sio_http1_feed(l->http, data, len) != 0) {
        REQUIRE(l->busy); /* only held bytes have a limit */
        link_lost(l, SIO_ERR_LIMIT);
        return;
    }
    pull_http(l);
}

/* ---- output ---- */

/* What a poll is answered with must be readable. */
static void check_payload(const sio_buf *body, sio_eio_layout layout, size_t count) {
    sio_eio_reader reader;
    sio_eio_packet packet;
    size_t got = 0;
    sio_eio_reader_init(&reader, layout, (sio_bytes){body->data, body->len}, NULL);
    while (sio_eio_reader_next(&reader, &packet) == 1) {
        REQUIRE(packet.type != SIO_EIO_ERROR);
        got++;
    }
    REQUIRE(got == count);
    sio_eio_reader_free(&reader);
}

static void answer_poll(talk *t, const sio_eio_output *out) {
    link *l = link_with(t, DUTY_GET);
    sio_eio_layout layout;
    sio_buf body;
    sio_buf wrapped;
    REQUIRE(l);
    sio_buf_init(&body, 0, l->mem);
    sio_buf_init(&wrapped, 0, l->mem);
    REQUIRE(sio_eio_payload_write(&body, &layout, out->items, out->count,
                                  sio_eio_session_revision(&t->eio), t->base64) == 0);
    check_payload(&body, layout, out->count);
    sio_bytes bytes = {body.data, body.len};
    if (t->jsonp) {
        REQUIRE(sio_eio_jsonp_write(&wrapped, SIO_STR("0"), bytes) == 0);
        bytes = (sio_bytes){wrapped.data, wrapped.len};
    }
    respond(l, 200,
            layout == SIO_EIO_LAYOUT_V3_BINARY ? "application/octet-stream"
                                               : "text/plain; charset=UTF-8",
            bytes.ptr, bytes.len);
    sio_buf_free(&body);
    sio_buf_free(&wrapped);
}

static void talk_carry_out(talk *t, const sio_eio_output *out) {
    bool probe = out->kind == SIO_EIO_OUTPUT_PROBE || out->kind == SIO_EIO_OUTPUT_CLOSE_PROBE;
    link *l = link_with(t, probe ? DUTY_PROBE : DUTY_WS);
    switch (out->kind) {
    case SIO_EIO_OUTPUT_POLL:
        answer_poll(t, out);
        break;
    case SIO_EIO_OUTPUT_DROP_POST:
        l = link_with(t, DUTY_POST);
        REQUIRE(l);
        link_end(l);
        break;
    case SIO_EIO_OUTPUT_FRAMES:
    case SIO_EIO_OUTPUT_PROBE:
        REQUIRE(l);
        link_write_items(l, out);
        break;
    default:
        REQUIRE(out->kind == SIO_EIO_OUTPUT_CLOSE || out->kind == SIO_EIO_OUTPUT_CLOSE_PROBE);
        if (l) {
            link_write_close(l, 0);
            link_end(l);
        }
        break;
    }
}

static void end_talk(world *w, talk *t) {
    for (unsigned i = 0; i < LINKS; i++) {
        if (w->links[i].talk == t) {
            link_end(&w->links[i]);
        }
    }
    talk_free(t);
}

/* The end of a turn: write, then go on with what was pipelined behind an answered request. */
static void flush(world *w) {
    bool again = true;
    for (unsigned rounds = 0; again; rounds++) {
        REQUIRE(rounds < MAX_OUTPUTS * TALKS);
        again = false;
        for (unsigned i = 0; i < TALKS; i++) {
            if (w->talks[i].used) {
                talk_flush(&w->talks[i]);
            }
        }
        for (unsigned i = 0; i < TALKS; i++) {
            if (w->talks[i].used && w->talks[i].closed) {
                end_talk(w, &w->talks[i]);
            }
        }
        for (unsigned i = 0; i < LINKS; i++) {
            link *l = &w->links[i];
            if (l->state == LINK_HTTP && !l->busy && sio_http1_pending(l->http) > 0) {
                size_t before = sio_http1_pending(l->http);
                pull_http(l);
                again = again || l->state != LINK_HTTP || sio_http1_pending(l->http) != before;
            }
        }
    }
    for (unsigned i = 0; i < LINKS; i++) {
        if (w->links[i].state == LINK_WS) {
            link_write_pong(&w->links[i]);
        }
    }
}

/* ---- time and the application ---- */

static void expire(talk *t) {
    talk_elapsed(t);
    talk_pull_events(t);
    if (t->closed) {
        return;
    }
    REQUIRE(sio_eio_session_deadline(&t->eio) > t->now);
    if (sio_session_deadline(&t->names) <= t->now) {
        talk_close(t, false);
    }
    talk_expire_acks(t);
    talk_pull_events(t);
}

static void act(world *w, const chunk *c) {
    talk *mine = w->links[c->link].talk;
    for (unsigned i = 0; i < TALKS; i++) {
        talk *t = &w->talks[i];
        if (!t->used || t->closed) {
            continue;
        }
        if (c->act == 1) {
            talk_news(t, false);
        } else if (c->act == 2) {
            talk_accept_all(t);
            talk_news(t, true);
        } else if (c->act == 3 && t == mine) {
            talk_close(t, false);
        }
        talk_pull_events(t);
    }
}

static void turn(world *w, const chunk *c, uint32_t seed) {
    link *l = &w->links[c->link];
    w->ground.now += c->passed;
    note(&w->ground.log, "turn ", w->ground.now);
    for (unsigned i = 0; i < TALKS; i++) {
        w->talks[i].now = w->ground.now;
        if (w->talks[i].used) {
            expire(&w->talks[i]);
        }
    }
    act(w, c);
    flush(w);
    if (l->state == LINK_NONE || l->state == LINK_DEAD) {
        link_open(l);
        REQUIRE(sio_http1_parser_new_shared(&l->http, SIO_HTTP1_REQUESTS, w->http) == 0);
    }
    chunk_play(c, seed, l, give);
    flush(w);
    if (c->ends && l->state != LINK_DEAD) {
        link_lost(l, 0);
        flush(w);
    }
}

/* ---- a run ---- */

static void start(world *w) {
    sio_http1_limits limits = SIO_HTTP1_LIMITS_INIT;
    *w = (world){.http = NULL};
    ground_init(&w->ground);
    limits.max_body = MAX_MESSAGE;
    w->ground.eio.max_payload = MAX_MESSAGE;
    for (unsigned old = 0; old < 2; old++) {
        w->decoders[old] = ground_decoder(&w->ground, 5 - old);
        w->sessions[old] = (sio_session_options)SIO_SESSION_OPTIONS_INIT;
        w->sessions[old].protocol = 5 - old;
        w->sessions[old].max_connected = 4;
        w->sessions[old].max_pending = 3;
        w->sessions[old].mem = w->ground.mem;
    }
    REQUIRE(sio_http1_scratch_new(&w->http, &limits, w->ground.mem) == 0);
    for (unsigned i = 0; i < LINKS; i++) {
        link_init(&w->links[i], i, SIO_WS_SERVER, &w->ground);
    }
    the_world = w;
}

static void finish(world *w) {
    for (unsigned i = 0; i < TALKS; i++) {
        if (w->talks[i].used) {
            end_talk(w, &w->talks[i]);
        }
    }
    for (unsigned i = 0; i < LINKS; i++) {
        link_end(&w->links[i]);
    }
    sio_http1_scratch_free(w->http);
    ground_done(&w->ground);
}

static void play(world *w, const uint8_t *data, size_t size, uint32_t seed) {
    chunk c;
    start(w);
    for (unsigned i = 0; chunk_next(&c, &data, &size); i++) {
        turn(w, &c, seed == 0 ? 0 : seed + i);
    }
    finish(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static world whole, cut;
    play(&whole, data, size, 0);
    play(&cut, data, size, 1 + (uint32_t)size);
    logs_compare(&whole.ground.log, &cut.ground.log);
    return 0;
}
