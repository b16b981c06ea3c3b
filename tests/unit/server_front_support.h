/* What the tests of the HTTP front share: a front on a loop, an engine made of one function, and
 * clients that are plain sockets. All in one thread: a client that waits drives the loop. */
#ifndef TESTS_UNIT_SERVER_FRONT_SUPPORT_H
#define TESTS_UNIT_SERVER_FRONT_SUPPORT_H

#include "support.h"

#include "exchange.h"
#include "front.h"
#include "net/listener.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* ---- the engine: linked instead of the real one ---- */

struct sio_engine {
    void (*on_request)(sio_engine *engine, sio_exchange *exchange);
    sio_exchange *held;
    unsigned requests;
    unsigned bodies;
    unsigned aborts;
    int abort_err;
    bool echo_body; /* answer with the body, else "ok" */
    char body[64];
    size_t body_len; /* of the last body */
};

static inline sio_bytes front_bytes(const char *text) {
    return (sio_bytes){(const uint8_t *)text, strlen(text)};
}

bool sio_engine_has_path(const sio_engine *engine, sio_str path) {
    return path.len >= 8 && memcmp(path.ptr, "/engine/", 8) == 0;
}

const char *sio_engine_path(const sio_engine *engine) {
    return "/engine/";
}

void sio_engine_handle(sio_engine *engine, sio_exchange *exchange) {
    engine->requests++;
    engine->on_request(engine, exchange);
}

void sio_engine_refuse_origin(sio_engine *engine, sio_exchange *exchange) {
    sio_exchange_answer(exchange, 400, NULL, front_bytes(""), NULL);
}

static inline void engine_answers(sio_engine *engine, sio_exchange *exchange) {
    sio_exchange_answer(exchange, 200, "text/plain", front_bytes("engine"), "X-Extra: 1\r\n");
}

static inline void engine_aborted(void *ctx, sio_exchange *exchange, int err) {
    sio_engine *engine = ctx;
    engine->aborts++;
    engine->abort_err = err;
    engine->held = NULL;
    /* To be borne: it has no effect any more. */
    sio_exchange_answer(exchange, 200, NULL, (sio_bytes){NULL, 0}, NULL);
}

static inline void engine_body(void *ctx, sio_exchange *exchange, sio_bytes body) {
    sio_engine *engine = ctx;
    engine->bodies++;
    engine->held = NULL;
    engine->body_len = body.len;
    if (body.len > 0) {
        memcpy(engine->body, body.ptr, body.len < sizeof engine->body ? body.len : 64);
    }
    ck_assert_ptr_nonnull(sio_exchange_head(exchange));
    sio_exchange_answer(exchange, 200, "text/html", engine->echo_body ? body : front_bytes("ok"),
                        NULL);
    /* The body outlives the answer. */
    ck_assert(body.len == 0 || memcmp(engine->body, body.ptr, body.len < 64 ? body.len : 64) == 0);
}

static const sio_exchange_callbacks engine_exchange_callbacks = {.on_body = engine_body,
                                                                 .on_abort = engine_aborted};

static inline void engine_holds(sio_engine *engine, sio_exchange *exchange) {
    engine->held = exchange;
    sio_exchange_claim(exchange, &engine_exchange_callbacks, engine);
}

/* ---- the front ---- */

typedef struct front_test {
    struct event_base *base;
    sio_loop *loop;
    sio_front *front;
    sio_listener *listener;
    sio_engine engine;
} front_test;

static inline void front_accepted(void *ctx, sio_stream *stream) {
    sio_front_accept(((front_test *)ctx)->front, stream);
}

static inline sio_front_options front_options(void) {
    return (sio_front_options){.max_body = 1000,
                               .header_timeout_ms = 10000,
                               .body_timeout_ms = 10000,
                               .idle_timeout_ms = 10000};
}

static inline void front_setup(front_test *t, sio_front_options options) {
    *t = (front_test){.engine = {.on_request = engine_answers}};
    t->base = event_base_new();
    options.engine = &t->engine;
    ck_assert_int_eq(sio_loop_new(&t->loop, &(sio_loop_options){.base = t->base}), 0);
    ck_assert_int_eq(sio_front_new(&t->front, t->loop, &options), 0);
    sio_listener_options listen_options = {
        .host = "127.0.0.1", .on_accept = front_accepted, .ctx = t};
    ck_assert_int_eq(sio_listener_new(&t->listener, t->loop, &listen_options, NULL), 0);
}

static inline void front_teardown(front_test *t) {
    sio_listener_free(t->listener);
    sio_front_free(t->front);
    sio_loop_free(t->loop);
    event_base_free(t->base);
}

static inline void front_turn(front_test *t) {
    event_base_loop(t->base, EVLOOP_NONBLOCK);
}

/* ---- clients ---- */

enum { FRONT_TEXT_MAX = 1 << 20 };

typedef struct front_client {
    front_test *test;
    int fd;
    char *text; /* all that has arrived and was not taken; NUL-terminated */
    size_t len;
    bool eof; /* or reset */
} front_client;

static inline void client_open(front_client *c, front_test *t) {
    *c = (front_client){.test = t, .fd = socket(AF_INET, SOCK_STREAM, 0)};
    c->text = calloc(1, FRONT_TEXT_MAX + 1);
    sio_address address;
    ck_assert_int_eq(sio_address_literal(&address, "127.0.0.1", sio_listener_port(t->listener)), 0);
    ck_assert_int_eq(connect(c->fd, &address.u.any, address.len), 0);
    ck_assert_int_eq(fcntl(c->fd, F_SETFL, O_NONBLOCK), 0);
}

static inline void client_close(front_client *c) {
    if (c->fd >= 0) {
        close(c->fd);
    }
    free(c->text);
    *c = (front_client){.fd = -1};
}

static inline bool client_wants(front_client *c) {
    ssize_t n = recv(c->fd, c->text + c->len, FRONT_TEXT_MAX - c->len, 0);
    if (n > 0) {
        c->len += (size_t)n;
        c->text[c->len] = '\0';
    }
    c->eof = c->eof || n == 0 || (n < 0 && errno == ECONNRESET);
    return !c->eof;
}

static inline int64_t front_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* One turn for all; waits for the client a moment when there is nothing. */
static inline void client_step(front_client *c) {
    front_turn(c->test);
    struct pollfd ready = {.fd = c->fd, .events = POLLIN};
    if (!c->eof && poll(&ready, 1, 1) > 0) {
        client_wants(c);
    }
}

#define CLIENT_UNTIL(c, condition)                                                                 \
    do {                                                                                           \
        int64_t end_ = front_ms() + 20000;                                                         \
        while (!(condition)) {                                                                     \
            ck_assert_msg(front_ms() < end_, "waited in vain for %s, got: %s", #condition,         \
                          (c)->text);                                                              \
            client_step(c);                                                                        \
        }                                                                                          \
    } while (0)

static inline void client_send_bytes(front_client *c, const void *data, size_t len) {
    const char *at = data;
    while (len > 0) {
        ssize_t n = send(c->fd, at, len, MSG_NOSIGNAL);
        if (n < 0 && (errno == EPIPE || errno == ECONNRESET)) {
            return;
        }
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        }
        front_turn(c->test);
    }
}

static inline void client_send(front_client *c, const char *text) {
    client_send_bytes(c, text, strlen(text));
}

static inline void client_eof(front_client *c) {
    CLIENT_UNTIL(c, c->eof);
}

/* Wait for exactly this as the next bytes, and take them. */
static inline void client_take(front_client *c, const char *expected) {
    size_t len = strlen(expected);
    CLIENT_UNTIL(c, c->len >= len || c->eof);
    ck_assert_msg(strncmp(c->text, expected, len) == 0, "expected:\n%s\ngot:\n%s", expected,
                  c->text);
    memmove(c->text, c->text + len, c->len - len + 1);
    c->len -= len;
}

/* Wait for a whole answer that begins like this and take it off; its head and body stay readable
 * in the result until the next call. */
static inline const char *client_answer(front_client *c, const char *begins) {
    static char answer[FRONT_TEXT_MAX + 1];
    CLIENT_UNTIL(c, strstr(c->text, "\r\n\r\n") != NULL || c->eof);
    const char *end = strstr(c->text, "\r\n\r\n");
    ck_assert_msg(end != NULL, "expected %s, got only: %s", begins, c->text);
    size_t head = (size_t)(end - c->text) + 4;
    const char *length = strstr(c->text, "Content-Length: ");
    size_t len = head;
    if (length && length < end) {
        len += strtoul(length + 16, NULL, 10);
    }
    CLIENT_UNTIL(c, c->len >= len || c->eof);
    ck_assert_uint_ge(c->len, len);
    memcpy(answer, c->text, len);
    answer[len] = '\0';
    memmove(c->text, c->text + len, c->len - len + 1);
    c->len -= len;
    ck_assert_msg(strncmp(answer, begins, strlen(begins)) == 0, "expected %s, got %s", begins,
                  answer);
    return answer;
}

static inline const char *client_ask(front_client *c, const char *request, const char *begins) {
    client_send(c, request);
    return client_answer(c, begins);
}

static inline bool has(const char *answer, const char *line) {
    return strstr(answer, line) != NULL;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

#endif
