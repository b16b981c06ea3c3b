/* Everything the core does for a server: requests are parsed and routed, sessions open, poll, post
 * and upgrade, WebSocket frames become packets and Socket.IO packets, the application answers, and
 * all of it is written and read again. See connection.h for the input; the application's actions
 * are: 1 emit to every namespace, 2 accept what is pending and emit with an acknowledgement, 3
 * close the session of this connection. */
#include "connection.h"

enum { LINKS = 4, TALKS = 5 };

typedef struct world {
    memory memory;
    sio_eio_config eio;
    sio_decoder_options decoders[2]; /* protocol 5, 4 */
    sio_session_options sessions[2];
    sio_http1_scratch *http;
    sio_args *scratch;
    sio_buf log;
    sio_time now;
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

static void pull_events(talk *t) {
    sio_eio_event event;
    while (sio_eio_session_next(&t->eio, &event)) {
        REQUIRE(!t->closed); /* the close is the last and comes once */
        note(t->log, "event ", (uint64_t)event.kind * 10 + event.reason);
        if (event.kind == SIO_EIO_EVENT_CLOSE) {
            t->closed = true;
            talk_drop(t);
        } else if (event.kind == SIO_EIO_EVENT_UPGRADE) {
            link *probe = link_with(t, DUTY_PROBE);
            REQUIRE(probe);
            probe->duty = DUTY_WS;
        }
    }
    talk_check(t);
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
    *t = (talk){.used = true,
                .index = (unsigned)(t - w->talks),
                .mem = &w->memory.mem,
                .scratch = w->scratch,
                .log = &w->log,
                .now = w->now};
    sio_eio_session_init(&t->eio, SIO_EIO_SERVER, transport, revision, &w->eio);
    REQUIRE(sio_decoder_init(&t->decoder, &w->decoders[old]) == 0);
    REQUIRE(sio_session_init(&t->names, &w->sessions[old], w->now) == 0);
    sio_ack_table_init(&t->acks, 8, t->mem);
    const char *sid = sid_of(t);
    REQUIRE(sio_eio_session_open(&t->eio, (sio_str){sid, strlen(sid)}, w->now) == 0);
    if (old) {
        uint16_t slot;
        REQUIRE(sio_session_connect_implicit(&t->names, SIO_STR("/"), &slot) == 0);
        talk_accept(t, slot);
    }
    note(&w->log, "new session ", t->index);
    return t;
}

static void feed_packet(talk *t, const sio_eio_packet *packet) {
    if (sio_eio_session_packet(&t->eio, packet, t->now) == SIO_EIO_EVENT_MESSAGE) {
        talk_message(t, packet);
    }
    pull_events(t);
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
    pull_events(t);
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

static sio_str field(const sio_http1_head *head, const char *name) {
    return sio_http1_find(head, (sio_str){name, strlen(name)});
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
                              .upgrade = field(head, "Upgrade"),
                              .connection = field(head, "Connection"),
                              .key = field(head, "Sec-WebSocket-Key"),
                              .version = field(head, "Sec-WebSocket-Version"),
                              .protocol = field(head, "Sec-WebSocket-Protocol"),
                              .extensions = field(head, "Sec-WebSocket-Extensions")};
    options.deflate = &deflate;
    if (sio_ws_handshake_accept(agreed, &refusal, &request, &options) == 0) {
        return true;
    }
    l->last = true;
    respond_text(l, refusal.status, refusal.body);
    return false;
}

static void feed_ws(link *l, uint8_t *data, size_t len);

static void start_ws(world *w, link *l, const sio_http1_head *head, const route *r) {
    sio_ws_agreement agreed;
    if (!accept_ws(l, head, &agreed)) {
        return;
    }
    talk *t = r->talk;
    link_duty duty = DUTY_PROBE;
    if (t && sio_eio_session_probe_open(&t->eio, w->now) != 0) {
        pull_events(t);
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
    sio_bytes rest = sio_http1_rest(l->http);
    uint8_t *copy = malloc(rest.len ? rest.len : 1);
    REQUIRE(copy);
    if (rest.len > 0) {
        memcpy(copy, rest.ptr, rest.len);
    }
    size_t len = rest.len;
    sio_http1_parser_free(l->http);
    l->http = NULL;
    l->talk = t;
    l->duty = duty;
    link_become_ws(l, &agreed);
    pull_events(t);
    if (len > 0) {
        feed_ws(l, copy, len);
    }
    free(copy);
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
        sio_str type = field(head, "Content-Type");
        l->octets = type.len == 24 && memcmp(type.ptr, "application/octet-stream", 24) == 0;
        if (sio_eio_session_post(&l->talk->eio, w->now) == 0) {
            l->duty = DUTY_POST;
        } else {
            l->duty = DUTY_NONE;
            l->status = 400;
        }
        pull_events(l->talk);
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
    pull_events(t);
}

static void feed_payload(link *l, talk *t) {
    int revision = sio_eio_session_revision(&t->eio);
    sio_eio_layout text = revision == 4 ? SIO_EIO_LAYOUT_V4 : SIO_EIO_LAYOUT_V3_TEXT;
    sio_eio_reader reader;
    sio_eio_packet packet;
    sio_buf plain;
    sio_bytes body = {l->body.data, l->body.len};
    sio_buf_init(&plain, 0, l->mem);
    if (t->jsonp) {
        if (sio_eio_jsonp_read(&plain, body) != 0) {
            return;
        }
        body = (sio_bytes){plain.data, plain.len};
    }
    sio_eio_reader_init(&reader, l->octets ? SIO_EIO_LAYOUT_V3_BINARY : text, body, l->mem);
    int rc;
    size_t count = 0;
    while ((rc = sio_eio_reader_next(&reader, &packet)) == 1) {
        REQUIRE(++count <= body.len + 1);
        feed_packet(t, &packet);
    }
    REQUIRE(rc == 0);
    sio_eio_reader_free(&reader);
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
    pull_events(t);
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
        pull_events(t);
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

/* ---- WebSocket ---- */

static void on_frame(link *l, const sio_ws_event *event) {
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

static void carry_out(talk *t, const sio_eio_output *out) {
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

static void flush_talk(talk *t) {
    sio_eio_output out;
    unsigned rounds = 0;
    while (sio_eio_session_output(&t->eio, &out)) {
        REQUIRE(++rounds < MAX_OUTPUTS);
        bool frames = out.kind == SIO_EIO_OUTPUT_FRAMES;
        carry_out(t, &out);
        sio_eio_session_consume(&t->eio, &out, t->now);
        if (frames) {
            sio_eio_session_written(&t->eio, t->now);
        }
        pull_events(t);
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
                flush_talk(&w->talks[i]);
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
    sio_ack_entry entry;
    sio_time deadline = sio_eio_session_deadline(&t->eio);
    sio_eio_session_elapsed(&t->eio, t->now);
    REQUIRE(deadline <= t->now || sio_eio_session_deadline(&t->eio) == deadline);
    pull_events(t);
    if (t->closed) {
        return;
    }
    REQUIRE(sio_eio_session_deadline(&t->eio) > t->now);
    if (sio_session_deadline(&t->names) <= t->now) {
        talk_close(t, false);
    }
    while (sio_ack_table_expire(&t->acks, t->now, &entry)) {
        REQUIRE(entry.deadline <= t->now);
        note(t->log, "expired ack ", entry.id);
    }
    pull_events(t);
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
        pull_events(t);
    }
}

static void turn(world *w, const chunk *c, uint32_t seed) {
    link *l = &w->links[c->link];
    w->now += c->passed;
    note(&w->log, "turn ", w->now);
    for (unsigned i = 0; i < TALKS; i++) {
        w->talks[i].now = w->now;
        if (w->talks[i].used) {
            expire(&w->talks[i]);
        }
    }
    act(w, c);
    flush(w);
    if (l->state == LINK_NONE || l->state == LINK_DEAD) {
        *l = (link){.index = c->link,
                    .state = LINK_HTTP,
                    .role = SIO_WS_SERVER,
                    .mem = &w->memory.mem,
                    .log = &w->log};
        sio_buf_init(&l->body, 0, l->mem);
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
    *w = (world){.now = 1};
    memory_init(&w->memory);
    const sio_mem *mem = &w->memory.mem;
    sio_http1_limits limits = SIO_HTTP1_LIMITS_INIT;
    limits.max_body = MAX_MESSAGE;
    w->eio = (sio_eio_config)SIO_EIO_CONFIG_INIT;
    w->eio.max_payload = MAX_MESSAGE;
    w->eio.max_queue_messages = MAX_QUEUE;
    w->eio.max_queue_bytes = 65536;
    w->eio.mem = mem;
    for (unsigned old = 0; old < 2; old++) {
        w->decoders[old] = (sio_decoder_options)SIO_DECODER_OPTIONS_INIT;
        w->decoders[old].protocol = 5 - old;
        w->decoders[old].max_partial_bytes = 65536;
        w->decoders[old].mem = mem;
        w->sessions[old] = (sio_session_options)SIO_SESSION_OPTIONS_INIT;
        w->sessions[old].protocol = 5 - old;
        w->sessions[old].max_connected = 4;
        w->sessions[old].max_pending = 3;
        w->sessions[old].mem = mem;
    }
    REQUIRE(sio_http1_scratch_new(&w->http, &limits, mem) == 0);
    REQUIRE(sio_args_new(&w->scratch, mem) == 0);
    for (unsigned i = 0; i < LINKS; i++) {
        w->links[i] = (link){.index = i, .mem = mem, .log = &w->log};
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
    sio_args_unref(w->scratch);
    REQUIRE(w->memory.live == 0 && w->memory.size == 0);
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
    REQUIRE(whole.log.len == cut.log.len);
    REQUIRE(cut.log.len == 0 || memcmp(whole.log.data, cut.log.data, cut.log.len) == 0);
    sio_buf_free(&whole.log);
    sio_buf_free(&cut.log);
    return 0;
}
