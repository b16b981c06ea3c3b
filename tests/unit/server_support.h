/* What the tests of libsio-server share: a server on an event base of the test, and raw clients
 * whose sockets live on the same base, so that one loop turns both sides. Nothing here sleeps;
 * every wait ends when what it waits for is there, and fails the test when it does not come. */
#ifndef TESTS_UNIT_SERVER_SUPPORT_H
#define TESTS_UNIT_SERVER_SUPPORT_H

#include "support.h"

#include "engine.h"
#include "front.h"

#include <net/listener.h>
#include <net/timer.h>
#include <sio/server.h>

#include <event2/event.h>
#include <stdint.h>
#include <string.h>

/* ---- the server's side ---- */

/* Either a whole server, or only the engine with its front, which then sends every message back. */
typedef struct server_test {
    struct event_base *base;
    sio_server *server;
    uint16_t port;

    const char *path; /* with its slash; NULL: /engine.io/ for the engine, else /socket.io/ */

    sio_loop *loop;
    sio_listener *listener;
    sio_front *front;
    sio_engine *engine;
    sio_eio_config eio;
    sio_engine_session *session; /* the last one that was opened, a reference */
    bool silent;                 /* do not send messages back */
    unsigned opens, messages, upgrades, closes;
    sio_eio_reason reason; /* of the last that closed */
    int error;
    char last[64]; /* the last message */

    unsigned handlers_run; /* for the tests' own use */
} server_test;

/* `options` NULL: all defaults. Its base is set here. */
void server_start(server_test *t, const sio_server_options *options);
/* Free the server, unless a test has, and the base. */
void server_stop(server_test *t);

/* A namespace that behaves as in the Socket.IO protocol's suite: sends `auth` to who connects,
 * `message-back` for `message`, and acknowledges `message-with-ack` with its arguments. */
void server_echo(server_test *t, const char *name);

/* `options` may leave eio, path, callbacks and ctx unset; set t->eio first to change it. */
void engine_start(server_test *t, const sio_engine_settings *options);
void engine_stop(server_test *t);

/* Turn the base once; blocks until something happens, for some seconds at most. */
void server_turn(server_test *t);
/* Turn while `condition` does not hold. */
#define server_until(t, condition)                                                                 \
    do {                                                                                           \
        sio_time until_end = server_deadline();                                                    \
        while (!(condition)) {                                                                     \
            ck_assert_msg(!server_late(until_end), "in vain: %s", #condition);                     \
            server_turn(t);                                                                        \
        }                                                                                          \
    } while (0)
sio_time server_clock(void);
sio_time server_deadline(void);
bool server_late(sio_time deadline);
/* Turn until `ms` have passed. */
void server_run_for(server_test *t, uint64_t ms);
/* Turn until nothing is ready. */
void server_settle(server_test *t);

/* ---- the clients' side ---- */

typedef struct raw_client {
    server_test *test;
    struct event *event;
    int fd;
    uint8_t *in; /* NUL-terminated for the tests' comfort */
    size_t len;
    bool eof;
} raw_client;

void raw_open(raw_client *c, server_test *t);
/* Over a connected descriptor, which is owned from now on. */
void raw_adopt(raw_client *c, server_test *t, int fd);
/* Closes the connection. May be called twice. */
void raw_close(raw_client *c);
/* Send a reset instead of an orderly end. */
void raw_reset(raw_client *c);
void raw_send(raw_client *c, const void *data, size_t len);
void raw_text(raw_client *c, const char *text);
/* Until the server has closed the connection; what came before stays readable. */
void raw_expect_eof(raw_client *c);
void raw_drop(raw_client *c, size_t count);

typedef struct http_answer {
    int status;
    char head[2048];
    char *body; /* NUL-terminated, freed with http_answer_free */
    size_t len;
} http_answer;

/* Path and query such as "/socket.io/?EIO=4"; `headers` whole lines or ""; `body` NULL: none. */
void http_send(raw_client *c, const char *method, const char *target, const char *headers,
               const void *body, size_t len);
/* False when the connection ended before a whole answer. */
bool http_receive(raw_client *c, http_answer *out);
void http_answer_free(http_answer *answer);
/* Whether the answer has this header with exactly this value. */
bool http_has(const http_answer *answer, const char *line);

/* Send a request on a connection of its own, and compare. `body` NULL: not compared. */
void http_expect(server_test *t, const char *method, const char *target, const char *headers,
                 const char *send, int status, const char *body);
/* Compare the next answer of a connection. */
void http_expect_answer(raw_client *c, int status, const char *body);

/* A polling session: one connection to poll, one to post. */
typedef struct poller {
    server_test *test;
    raw_client get, post;
    char sid[64];
    char query[96]; /* what goes into each request, without the sid */
    char open[512]; /* the body of the handshake's answer */
} poller;

/* `query` such as "EIO=4" */
void poller_open(poller *p, server_test *t, const char *query);
void poller_close(poller *p);
const char *poller_target(const poller *p);
void poller_poll(poller *p);                      /* send a GET */
void poller_expect(poller *p, const char *body);  /* its answer is 200 and this */
void poller_expect_status(poller *p, int status); /* its answer has this status */
void poller_get(poller *p, const char *body);     /* both */
void poller_post(poller *p, const char *body);    /* 200 "ok" */
/* A fresh GET gets 400 with code 1: the session is gone. */
void poller_expect_gone(poller *p);

/* ---- WebSocket ---- */

typedef struct ws_frame {
    uint8_t first; /* FIN, RSV and opcode */
    uint8_t *data; /* NUL-terminated, freed with ws_frame_free */
    size_t len;
} ws_frame;

/* Send the upgrade request; `headers` whole lines or "". */
void ws_request(raw_client *c, const char *target, const char *headers);
/* A connection, its upgrade, and the 101. Head of the answer into `head` unless NULL. */
void ws_open(raw_client *c, server_test *t, const char *query, const char *headers);
/* The same, then the open packet; the session's id into `sid` unless NULL. */
void ws_connect(raw_client *c, server_test *t, const char *query, char sid[64]);
/* One masked frame. */
void ws_send(raw_client *c, uint8_t first, const void *data, size_t len);
void ws_text(raw_client *c, const char *text);
void ws_binary(raw_client *c, const void *data, size_t len);
/* False when the connection ended before a whole frame. */
bool ws_receive(raw_client *c, ws_frame *out);
void ws_frame_free(ws_frame *frame);
void ws_expect(raw_client *c, const char *text);
void ws_expect_start(raw_client *c, const char *text); /* a text frame that begins so */
void ws_expect_binary(raw_client *c, const void *data, size_t len);
/* A Close frame with that code (0: none), then, answered, the end of the connection. */
void ws_expect_close(raw_client *c, unsigned code);

/* Connect to the server and join a namespace: "40" or "40/chat,{...}". The id from the answer goes
 * into `id` unless NULL. */
void ws_join(raw_client *c, server_test *t, const char *connect, char id[64]);
/* Send CONNECT on an open session and read the answer. */
void ws_join_more(raw_client *c, const char *connect, char id[64]);

#endif
