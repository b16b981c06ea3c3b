#include "server_support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 8000 };

/* ---- turning ---- */

sio_time server_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (sio_time)now.tv_sec * 1000 + (sio_time)now.tv_nsec / 1000000;
}

sio_time server_deadline(void) {
    return server_clock() + PATIENCE_MS;
}

bool server_late(sio_time deadline) {
    return server_clock() >= deadline;
}

static void on_alarm(evutil_socket_t fd, short what, void *arg) {
}

static void turn_for(server_test *t, uint64_t ms) {
    struct timeval wait = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};
    struct event *alarm = event_new(t->base, -1, 0, on_alarm, NULL);
    ck_assert_ptr_nonnull(alarm);
    event_add(alarm, &wait);
    event_base_loop(t->base, EVLOOP_ONCE);
    event_free(alarm);
}

void server_turn(server_test *t) {
    turn_for(t, 500);
}

void server_run_for(server_test *t, uint64_t ms) {
    sio_time end = server_clock() + ms;
    sio_time now;
    while ((now = server_clock()) < end) {
        turn_for(t, end - now);
    }
}

void server_settle(server_test *t) {
    server_run_for(t, 20);
}

/* ---- the server's side ---- */

static void base_open(server_test *t) {
    t->base = event_base_new();
    ck_assert_ptr_nonnull(t->base);
}

void server_start(server_test *t, const sio_server_options *options) {
    sio_server_options mine = SIO_SERVER_OPTIONS_INIT;
    if (options) {
        mine = *options;
    }
    *t = (server_test){0};
    base_open(t);
    mine.base = t->base;
    ck_assert_int_eq(sio_server_new(&t->server, &mine), 0);
    ck_assert_int_eq(sio_server_listen(t->server, "127.0.0.1", 0), 0);
    t->port = sio_server_port(t->server);
    ck_assert_uint_ne(t->port, 0);
    sio_server_set_user(t->server, t);
}

void server_stop(server_test *t) {
    sio_server_free(t->server);
    t->server = NULL;
    event_base_free(t->base);
    t->base = NULL;
}

static void echo_connection(sio_peer *peer, const sio_event *event, void *user) {
    sio_str auth = sio_peer_handshake(peer)->auth;
    char text[256];
    ck_assert_uint_lt(auth.len, sizeof(text));
    memcpy(text, auth.ptr, auth.len);
    text[auth.len] = '\0';
    ck_assert_int_eq(sio_peer_emitf(peer, "auth", "r", text), 0);
}

static void echo_message(sio_peer *peer, const sio_event *event, void *user) {
    int rc = sio_peer_emit(peer, "message-back", event->args, NULL);
    ck_assert_msg(rc == 0 || rc == SIO_ERR_DISCONNECTED, "emit: %d", rc);
}

static void echo_ack(sio_peer *peer, const sio_event *event, void *user) {
    ck_assert_ptr_nonnull(event->ack);
    ck_assert_int_eq(sio_ack_send(event->ack, event->args), 0);
}

void server_echo(server_test *t, const char *name) {
    sio_namespace *ns = sio_server_of(t->server, name);
    ck_assert_ptr_nonnull(ns);
    ck_assert_int_eq(sio_namespace_on_connection(ns, echo_connection, t), 0);
    ck_assert_int_eq(sio_namespace_on(ns, "message", echo_message, t), 0);
    ck_assert_int_eq(sio_namespace_on(ns, "message-with-ack", echo_ack, t), 0);
}

/* ---- the engine alone ---- */

static void engine_on_open(sio_engine_session *session, void *user) {
    server_test *t = user;
    t->opens++;
    sio_engine_session_unref(t->session);
    t->session = sio_engine_session_ref(session);
    sio_engine_session_set_user(session, t);
}

static void engine_on_message(sio_engine_session *session, bool binary, uint8_t *data, size_t len,
                              void *user) {
    server_test *t = user;
    t->messages++;
    snprintf(t->last, sizeof(t->last), "%.*s", (int)(len < 60 ? len : 60), (const char *)data);
    if (t->silent) {
        return;
    }
    sio_eio_message *message;
    ck_assert_int_eq(sio_eio_message_new(&message, binary, data, len, NULL), 0);
    ck_assert_int_eq(sio_engine_session_send(session, message, SIO_EIO_COMPRESS), 0);
    sio_eio_message_unref(message);
}

static void engine_on_upgrade(sio_engine_session *session, void *user) {
    ((server_test *)user)->upgrades++;
}

static void engine_on_close(sio_engine_session *session, sio_eio_reason reason, int err,
                            void *user) {
    server_test *t = user;
    t->closes++;
    t->reason = reason;
    t->error = err;
}

static const sio_engine_callbacks engine_callbacks = {
    .size = sizeof(sio_engine_callbacks),
    .on_open = engine_on_open,
    .on_message = engine_on_message,
    .on_upgrade = engine_on_upgrade,
    .on_close = engine_on_close,
};

static void engine_accept(void *ctx, sio_stream *stream) {
    sio_front_accept(((server_test *)ctx)->front, stream);
}

void engine_start(server_test *t, const sio_engine_settings *options) {
    sio_engine_settings mine = *options;
    base_open(t);
    ck_assert_int_eq(sio_loop_new(&t->loop, &(sio_loop_options){.base = t->base}), 0);
    t->eio.size = sizeof(t->eio);
    mine.eio = &t->eio;
    mine.path = mine.path ? mine.path : "/engine.io";
    mine.max_payload = mine.max_payload ? mine.max_payload : 1000000;
    mine.callbacks = &engine_callbacks;
    mine.user = t;
    ck_assert_int_eq(sio_engine_new(&t->engine, t->loop, &mine), 0);
    sio_front_options front = {
        .engine = t->engine,
        .max_body = mine.max_payload,
        .header_timeout_ms = 10000,
        .body_timeout_ms = 30000,
        .idle_timeout_ms = 5000,
    };
    ck_assert_int_eq(sio_front_new(&t->front, t->loop, &front), 0);
    sio_listener_options listen = {.host = "127.0.0.1", .on_accept = engine_accept, .ctx = t};
    ck_assert_int_eq(sio_listener_new(&t->listener, t->loop, &listen, NULL), 0);
    t->port = sio_listener_port(t->listener);
}

void engine_stop(server_test *t) {
    sio_listener_free(t->listener);
    sio_front_free(t->front);
    sio_engine_session_unref(t->session);
    sio_engine_free(t->engine);
    sio_loop_free(t->loop);
    event_base_free(t->base);
    *t = (server_test){0};
}

/* ---- raw clients ---- */

static void raw_append(raw_client *c, const uint8_t *data, size_t len) {
    c->in = realloc(c->in, c->len + len + 1);
    ck_assert_ptr_nonnull(c->in);
    memcpy(c->in + c->len, data, len);
    c->len += len;
    c->in[c->len] = '\0';
}

static void raw_ended(raw_client *c) {
    c->eof = true;
    event_del(c->event);
}

static void raw_readable(evutil_socket_t fd, short what, void *arg) {
    raw_client *c = arg;
    static uint8_t piece[65536];
    ssize_t n;
    while ((n = recv(c->fd, piece, sizeof(piece), 0)) > 0) {
        raw_append(c, piece, (size_t)n);
    }
    if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        raw_ended(c);
    }
}

void raw_adopt(raw_client *c, server_test *t, int fd) {
    *c = (raw_client){.test = t, .fd = fd};
    ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    c->event = event_new(t->base, fd, EV_READ | EV_PERSIST, raw_readable, c);
    ck_assert_ptr_nonnull(c->event);
    event_add(c->event, NULL);
    raw_append(c, (const uint8_t *)"", 0);
}

void raw_open(raw_client *c, server_test *t) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(t->port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    int on = 1; /* else each second small piece waits for a delayed acknowledgement */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    raw_adopt(c, t, fd);
}

void raw_close(raw_client *c) {
    if (c->event) {
        event_free(c->event);
        close(c->fd);
        free(c->in);
    }
    *c = (raw_client){.fd = -1};
}

void raw_reset(raw_client *c) {
    struct linger at_once = {1, 0};
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    raw_close(c);
}

void raw_send(raw_client *c, const void *data, size_t len) {
    const uint8_t *bytes = data;
    sio_time end = server_deadline();
    while (len > 0 && !c->eof) {
        ssize_t n = send(c->fd, bytes, len, MSG_NOSIGNAL);
        if (n > 0) {
            bytes += n;
            len -= (size_t)n;
        } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
            return; /* the server has closed: reading will tell */
        } else {
            ck_assert_msg(!server_late(end), "the server does not read");
            turn_for(c->test, 5);
        }
    }
}

void raw_text(raw_client *c, const char *text) {
    raw_send(c, text, strlen(text));
}

void raw_drop(raw_client *c, size_t count) {
    memmove(c->in, c->in + count, c->len - count + 1);
    c->len -= count;
}

void raw_expect_eof(raw_client *c) {
    server_until(c->test, c->eof);
}

/* ---- HTTP ---- */

void http_send(raw_client *c, const char *method, const char *target, const char *headers,
               const void *body, size_t len) {
    char head[2048];
    char length[48] = "";
    if (body) {
        snprintf(length, sizeof(length), "Content-Length: %zu\r\n", len);
    }
    int n = snprintf(head, sizeof(head), "%s %s HTTP/1.1\r\nHost: test\r\n%s%s\r\n", method, target,
                     headers, length);
    ck_assert_int_lt(n, (int)sizeof(head));
    raw_send(c, head, (size_t)n);
    if (len > 0) {
        raw_send(c, body, len);
    }
}

static size_t content_length(const char *head) {
    const char *at = strcasestr(head, "\r\ncontent-length:");
    return at ? strtoul(at + 17, NULL, 10) : 0;
}

static bool http_whole(const raw_client *c, size_t *head_len) {
    const uint8_t *end = memmem(c->in, c->len, "\r\n\r\n", 4);
    if (!end) {
        return false;
    }
    *head_len = (size_t)(end - c->in) + 4;
    return c->len >= *head_len + content_length((const char *)c->in);
}

bool http_receive(raw_client *c, http_answer *out) {
    size_t head_len = 0;
    server_until(c->test, http_whole(c, &head_len) || c->eof);
    if (!http_whole(c, &head_len)) {
        return false;
    }
    ck_assert_uint_lt(head_len, sizeof(out->head));
    memcpy(out->head, c->in, head_len);
    out->head[head_len] = '\0';
    ck_assert_int_eq(sscanf(out->head, "HTTP/1.1 %d", &out->status), 1);
    out->len = content_length(out->head);
    out->body = malloc(out->len + 1);
    memcpy(out->body, c->in + head_len, out->len);
    out->body[out->len] = '\0';
    raw_drop(c, head_len + out->len);
    return true;
}

void http_answer_free(http_answer *answer) {
    free(answer->body);
    answer->body = NULL;
}

bool http_has(const http_answer *answer, const char *line) {
    char whole[256];
    snprintf(whole, sizeof(whole), "\r\n%s\r\n", line);
    return strcasestr(answer->head, whole) != NULL;
}

void http_expect_answer(raw_client *c, int status, const char *body) {
    http_answer answer;
    ck_assert_msg(http_receive(c, &answer), "the connection ended without an answer");
    ck_assert_msg(answer.status == status, "status %d, not %d: %s", answer.status, status,
                  answer.body);
    if (body) {
        ck_assert_str_eq(answer.body, body);
    }
    http_answer_free(&answer);
}

void http_expect(server_test *t, const char *method, const char *target, const char *headers,
                 const char *send, int status, const char *body) {
    raw_client c;
    raw_open(&c, t);
    http_send(&c, method, target, headers, send, send ? strlen(send) : 0);
    http_expect_answer(&c, status, body);
    raw_close(&c);
}

/* ---- polling ---- */

static const char *path_of(const server_test *t) {
    const char *usual = t->engine ? "/engine.io/" : "/socket.io/";
    return t->path ? t->path : usual;
}

static void copy_sid(char sid[64], const char *open) {
    const char *at = strstr(open, "\"sid\":\"");
    ck_assert_msg(at != NULL, "no id in %s", open);
    ck_assert_int_eq(sscanf(at + 7, "%63[^\"]", sid), 1);
}

void poller_open(poller *p, server_test *t, const char *query) {
    http_answer answer;
    *p = (poller){.test = t};
    snprintf(p->query, sizeof(p->query), "%s", query);
    raw_open(&p->get, t);
    raw_open(&p->post, t);
    http_send(&p->get, "GET", poller_target(p), "", NULL, 0);
    ck_assert(http_receive(&p->get, &answer));
    ck_assert_msg(answer.status == 200, "handshake: %d %s", answer.status, answer.body);
    snprintf(p->open, sizeof(p->open), "%s", answer.body);
    char plain[512];
    size_t n = 0;
    for (const char *at = p->open; *at; at++) { /* JSONP escapes the quotes */
        if (*at != '\\') {
            plain[n++] = *at;
        }
    }
    plain[n] = '\0';
    copy_sid(p->sid, plain);
    http_answer_free(&answer);
}

void poller_close(poller *p) {
    raw_close(&p->get);
    raw_close(&p->post);
}

const char *poller_target(const poller *p) {
    static char target[256];
    snprintf(target, sizeof(target), "%s?%s&transport=polling%s%s", path_of(p->test), p->query,
             p->sid[0] ? "&sid=" : "", p->sid);
    return target;
}

void poller_poll(poller *p) {
    http_send(&p->get, "GET", poller_target(p), "", NULL, 0);
}

void poller_expect(poller *p, const char *body) {
    http_expect_answer(&p->get, 200, body);
}

void poller_expect_status(poller *p, int status) {
    http_expect_answer(&p->get, status, NULL);
}

void poller_get(poller *p, const char *body) {
    poller_poll(p);
    poller_expect(p, body);
}

void poller_post(poller *p, const char *body) {
    http_send(&p->post, "POST", poller_target(p), "Content-Type: text/plain;charset=UTF-8\r\n",
              body, strlen(body));
    http_expect_answer(&p->post, 200, "ok");
}

void poller_expect_gone(poller *p) {
    http_expect(p->test, "GET", poller_target(p), "", NULL, 400,
                "{\"code\":1,\"message\":\"Session ID unknown\"}");
}

/* ---- WebSocket ---- */

void ws_request(raw_client *c, const char *target, const char *headers) {
    char lines[512];
    snprintf(lines, sizeof(lines),
             "Upgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s",
             headers);
    http_send(c, "GET", target, lines, NULL, 0);
}

void ws_open(raw_client *c, server_test *t, const char *query, const char *headers) {
    char target[256];
    http_answer answer;
    snprintf(target, sizeof(target), "%s?%s&transport=websocket", path_of(t), query);
    raw_open(c, t);
    ws_request(c, target, headers);
    ck_assert(http_receive(c, &answer));
    ck_assert_msg(answer.status == 101, "upgrade: %d %s", answer.status, answer.body);
    ck_assert(http_has(&answer, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    http_answer_free(&answer);
}

void ws_connect(raw_client *c, server_test *t, const char *query, char sid[64]) {
    ws_frame frame;
    ws_open(c, t, query, "");
    ck_assert(ws_receive(c, &frame));
    ck_assert_uint_eq(frame.first, 0x81);
    ck_assert_int_eq(frame.data[0], '0');
    if (sid) {
        copy_sid(sid, (const char *)frame.data);
    }
    ws_frame_free(&frame);
}

void ws_send(raw_client *c, uint8_t first, const void *data, size_t len) {
    static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d};
    uint8_t head[14] = {first};
    size_t n = 2;
    if (len < 126) {
        head[1] = (uint8_t)(0x80 | len);
    } else if (len < 65536) {
        head[1] = 0x80 | 126;
        head[2] = (uint8_t)(len >> 8);
        head[3] = (uint8_t)len;
        n = 4;
    } else {
        head[1] = 0x80 | 127;
        for (int i = 0; i < 8; i++) {
            head[2 + i] = (uint8_t)((uint64_t)len >> (56 - 8 * i));
        }
        n = 10;
    }
    memcpy(head + n, key, 4);
    n += 4;
    uint8_t *whole = malloc(n + len);
    memcpy(whole, head, n);
    for (size_t i = 0; i < len; i++) {
        whole[n + i] = ((const uint8_t *)data)[i] ^ key[i % 4];
    }
    raw_send(c, whole, n + len);
    free(whole);
}

void ws_text(raw_client *c, const char *text) {
    ws_send(c, 0x81, text, strlen(text));
}

void ws_binary(raw_client *c, const void *data, size_t len) {
    ws_send(c, 0x82, data, len);
}

static bool ws_whole(const raw_client *c, size_t *head_len, size_t *len) {
    if (c->len < 2) {
        return false;
    }
    ck_assert_msg((c->in[1] & 0x80) == 0, "a frame of the server is masked");
    size_t extra = c->in[1] == 127 ? 8 : c->in[1] == 126 ? 2 : 0;
    *head_len = 2 + extra;
    if (c->len < *head_len) {
        return false;
    }
    *len = extra ? 0 : c->in[1];
    for (size_t i = 0; i < extra; i++) {
        *len = *len << 8 | c->in[2 + i];
    }
    return c->len >= *head_len + *len;
}

bool ws_receive(raw_client *c, ws_frame *out) {
    size_t head_len = 0;
    size_t len = 0;
    server_until(c->test, ws_whole(c, &head_len, &len) || c->eof);
    if (!ws_whole(c, &head_len, &len)) {
        return false;
    }
    out->first = c->in[0];
    out->len = len;
    out->data = malloc(len + 1);
    memcpy(out->data, c->in + head_len, len);
    out->data[len] = '\0';
    raw_drop(c, head_len + len);
    return true;
}

void ws_frame_free(ws_frame *frame) {
    free(frame->data);
    frame->data = NULL;
}

void ws_expect(raw_client *c, const char *text) {
    ws_frame frame;
    ck_assert_msg(ws_receive(c, &frame), "the connection ended before %s", text);
    ck_assert_str_eq((const char *)frame.data, text);
    ck_assert_uint_eq(frame.first, 0x81);
    ws_frame_free(&frame);
}

void ws_expect_start(raw_client *c, const char *text) {
    ws_frame frame;
    ck_assert_msg(ws_receive(c, &frame), "the connection ended before %s", text);
    ck_assert_uint_eq(frame.first, 0x81);
    ck_assert_msg(strncmp((const char *)frame.data, text, strlen(text)) == 0, "%s, not %s",
                  (const char *)frame.data, text);
    ws_frame_free(&frame);
}

void ws_expect_binary(raw_client *c, const void *data, size_t len) {
    ws_frame frame;
    ck_assert(ws_receive(c, &frame));
    ck_assert_uint_eq(frame.first, 0x82);
    ck_assert_uint_eq(frame.len, len);
    ck_assert_mem_eq(frame.data, data, len);
    ws_frame_free(&frame);
}

void ws_expect_close(raw_client *c, unsigned code) {
    ws_frame frame;
    ck_assert_msg(ws_receive(c, &frame), "the connection ended without a Close frame");
    ck_assert_msg(frame.first == 0x88, "frame %02x %s, not Close", frame.first,
                  (const char *)frame.data);
    unsigned got = frame.len >= 2 ? (unsigned)frame.data[0] << 8 | frame.data[1] : 0;
    ck_assert_uint_eq(got, code);
    ck_assert_uint_eq(frame.len, code ? 2 : 0);
    ws_send(c, 0x88, frame.data, frame.len);
    ws_frame_free(&frame);
    raw_expect_eof(c);
    ck_assert_msg(c->len == 0, "bytes behind the Close frame");
}

void ws_join_more(raw_client *c, const char *connect, char id[64]) {
    ws_frame frame;
    ws_text(c, connect);
    ck_assert(ws_receive(c, &frame));
    size_t prefix = strcspn(connect, "{");
    ck_assert_msg(strncmp((const char *)frame.data, connect, prefix) == 0, "%s answered with %s",
                  connect, (const char *)frame.data);
    char own[64];
    copy_sid(id ? id : own, (const char *)frame.data);
    ws_frame_free(&frame);
}

void ws_join(raw_client *c, server_test *t, const char *connect, char id[64]) {
    ws_connect(c, t, "EIO=4", NULL);
    ws_join_more(c, connect, id);
}
