/* Crowds that want the server's time and memory, and handlers that pull the ground from under their
 * own feet. All allocations of the server are counted. */
#include "server_support.h"

#include "loop_internal.h"
#include "server_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static server_test t;
static test_mem mem;

static void start(sio_server_options options) {
    test_mem_init(&mem);
    options.mem = &mem.mem;
    server_start(&t, &options);
    server_echo(&t, "/");
}

static void stop(void) {
    server_stop(&t);
    ck_assert_uint_eq(mem.live, 0);
}

static sio_counters counted(void) {
    sio_counters now = SIO_COUNTERS_INIT;
    ck_assert_int_eq(sio_server_read_counters(t.server, &now), 0);
    return now;
}

static void join(raw_client *c, char id[64]) {
    ws_join(c, &t, "40", id);
    ws_expect(c, "42[\"auth\",{}]");
}

static void is_served(raw_client *c) {
    ws_text(c, "42[\"message\",1]");
    ws_expect(c, "42[\"message-back\",1]");
}

/* ---- slow requests ---- */

enum { CROWD = 200 };

static raw_client crowd[CROWD];

static void crowd_says(const char *text) {
    for (int i = 0; i < CROWD; i++) {
        if (!crowd[i].eof) {
            raw_text(&crowd[i], text);
        }
    }
}

static bool crowd_has_gone(void) {
    int gone = 0;
    for (int i = 0; i < CROWD; i++) {
        gone += crowd[i].eof;
    }
    return gone == CROWD;
}

static void close_crowd(void) {
    for (int i = 0; i < CROWD; i++) {
        raw_close(&crowd[i]);
    }
}

/* A byte now and then does not renew the time for a head: all are gone when it is over, though the
 * last byte came a moment ago. */
START_TEST(dripping_heads_are_ended_in_time) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    raw_client other;
    options.header_timeout_ms = 500;
    start(options);
    join(&other, NULL);
    sio_time began = server_clock();
    for (int i = 0; i < CROWD; i++) {
        raw_open(&crowd[i], &t);
    }
    crowd_says("GET /socket.io/ HTTP/1.1\r\nX: ");
    while (!crowd_has_gone()) {
        crowd_says("y");
        is_served(&other);
        ck_assert(server_clock() - began < 10000);
    }
    ck_assert(server_clock() - began >= 490);
    ck_assert_uint_eq(counted().http_timeouts, CROWD);
    close_crowd();
    raw_close(&other);
    stop();
}
END_TEST

START_TEST(who_never_says_a_word_is_ended_in_time) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.header_timeout_ms = 200;
    start(options);
    for (int i = 0; i < CROWD; i++) {
        raw_open(&crowd[i], &t);
    }
    server_until(&t, crowd_has_gone());
    close_crowd();
    server_until(&t, counted().connections_open == 0);
    stop();
}
END_TEST

/* What is announced is not allocated: a body that drips costs what has come of it. */
START_TEST(slow_bodies_cost_little_each) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    poller p;
    char request[512];
    start(options);
    poller_open(&p, &t, "EIO=4");
    poller_post(&p, "40");
    server_settle(&t);
    size_t before = mem.live_size;
    snprintf(request, sizeof(request),
             "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: 900000\r\n\r\n42[\"message\",\"",
             poller_target(&p));
    for (int i = 0; i < CROWD; i++) {
        raw_open(&crowd[i], &t);
    }
    crowd_says(request);
    for (int i = 0; i < 100; i++) {
        crowd_says("x");
        server_settle(&t);
    }
    ck_assert_uint_eq(counted().connections_open, CROWD + 1);
    ck_assert_uint_lt((mem.live_size - before) / CROWD, 4096);
    close_crowd();
    poller_close(&p);
    server_until(&t, counted().connections_open == 0);
    stop();
}
END_TEST

/* ---- no randomness ---- */

static ssize_t broken_source(void *out, size_t len, unsigned flags) {
    errno = ENOSYS;
    return -1;
}

/* Rather no session than one whose id can be guessed; who is there is served. */
START_TEST(without_randomness_there_are_no_sessions) {
    raw_client other, early, c;
    start((sio_server_options)SIO_SERVER_OPTIONS_INIT);
    sio_loop *loop = t.server->loop;
    ssize_t (*source)(void *, size_t, unsigned) = loop->random_source;
    join(&other, NULL);
    ws_connect(&early, &t, "EIO=4", NULL);
    loop->random_source = broken_source;
    loop->random_left = 0;
    http_expect(&t, "GET", "/socket.io/?EIO=4&transport=polling", "", NULL, 500, NULL);
    raw_open(&c, &t);
    ws_request(&c, "/socket.io/?EIO=4&transport=websocket", "");
    http_answer answer;
    ck_assert(http_receive(&c, &answer));
    ck_assert_int_eq(answer.status, 500);
    http_answer_free(&answer);
    raw_close(&c);
    ws_text(&early, "40"); /* no id for a peer either */
    raw_expect_eof(&early);
    raw_close(&early);
    is_served(&other);
    ck_assert_uint_eq(counted().peers, 1);
    ck_assert_uint_eq(sio_server_session_count(t.server), 1);
    loop->random_source = source;
    join(&c, NULL);
    is_served(&c);
    raw_close(&c);
    raw_close(&other);
    stop();
}
END_TEST

/* ---- who does not read ---- */

/* Ten megabytes for each of those that do not read: no more than the hard mark is kept for each,
 * and what the sizes of buffers are rounded up by, then they are closed, and who reads is served.
 */
START_TEST(stalled_clients_have_a_hard_mark) {
    enum { STALLED = 12, MESSAGE = 100000, MESSAGES = 100 };
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    raw_client c[STALLED], other;
    sio_peer *peers[STALLED];
    char id[64];
    char *text = malloc(MESSAGE + 1);
    ck_assert_ptr_nonnull(text);
    memset(text, 'x', MESSAGE);
    text[MESSAGE] = '\0';
    start(options);
    join(&other, NULL);
    sio_namespace *root = sio_server_of(t.server, "/");
    for (int i = 0; i < STALLED; i++) {
        join(&c[i], id);
        event_del(c[i].event);
        peers[i] = sio_peer_ref(sio_namespace_find(root, id));
    }
    server_settle(&t);
    mem.peak_size = mem.live_size;
    size_t before = mem.live_size;
    for (int m = 0; m < MESSAGES; m++) {
        for (int i = 0; i < STALLED; i++) {
            (void)sio_peer_emitf(peers[i], "news", "s i", text, m * STALLED + i);
        }
        is_served(&other);
    }
    ck_assert_uint_le(mem.peak_size - before, STALLED * (size_t)(4.75 * 1048576));
    for (int i = 0; i < STALLED; i++) {
        ck_assert_int_ne(sio_peer_emitf(peers[i], "news", ""), 0);
        sio_peer_unref(peers[i]);
    }
    ck_assert_uint_eq(counted().slow_over_bytes, STALLED);
    ck_assert_uint_eq(sio_namespace_peer_count(root), 1);
    for (int i = 0; i < STALLED; i++) {
        raw_close(&c[i]);
    }
    is_served(&other);
    raw_close(&other);
    free(text);
    stop();
}
END_TEST

/* ---- rooms and namespaces ---- */

static void join_rooms(sio_peer *peer, unsigned from, unsigned to) {
    char name[16];
    for (unsigned i = from; i < to; i++) {
        snprintf(name, sizeof(name), "r%u", i);
        ck_assert_int_eq(sio_peer_join(peer, name), 0);
    }
}

/* Memory grows with the number of rooms and not faster, and is back when the peer has gone. */
START_TEST(rooms_cost_memory_in_proportion) {
    enum { ROOMS = 200000 };
    raw_client c;
    char id[64];
    start((sio_server_options)SIO_SERVER_OPTIONS_INIT);
    sio_namespace *root = sio_server_of(t.server, "/");
    join(&c, id);
    sio_peer *peer = sio_namespace_find(root, id);
    server_settle(&t);
    size_t before = mem.live_size;
    join_rooms(peer, 0, ROOMS / 4);
    size_t quarter = mem.live_size - before;
    join_rooms(peer, ROOMS / 4, ROOMS);
    ck_assert_uint_le(mem.live_size - before, quarter * 6);
    ck_assert_uint_le((mem.live_size - before) / ROOMS, 400);
    ck_assert_uint_eq(counted().rooms, ROOMS);
    raw_close(&c);
    server_until(&t, sio_server_session_count(t.server) == 0);
    server_settle(&t);
    ck_assert_uint_eq(counted().rooms, 0);
    ck_assert_uint_le(mem.live_size, before + 65536);
    stop();
}
END_TEST

/* 64 namespaces, and no more, with the defaults. */
START_TEST(a_client_has_so_many_namespaces) {
    enum { LIMIT = 64 };
    raw_client c;
    char text[64];
    start((sio_server_options)SIO_SERVER_OPTIONS_INIT);
    for (int i = 0; i < LIMIT + 10; i++) {
        snprintf(text, sizeof(text), "/n%d", i);
        ck_assert_ptr_nonnull(sio_server_of(t.server, text));
    }
    join(&c, NULL);
    for (int i = 0; i < LIMIT + 10; i++) {
        snprintf(text, sizeof(text), "40/n%d,", i);
        ws_text(&c, text);
        snprintf(text, sizeof(text),
                 i < LIMIT - 1 ? "40/n%d,{\"sid\":\"" : "44/n%d,{\"message\":\"Too", i);
        ws_expect_start(&c, text);
    }
    is_served(&c);
    ck_assert_uint_eq(counted().peers, LIMIT);
    raw_close(&c);
    server_until(&t, sio_server_session_count(t.server) == 0);
    stop();
}
END_TEST

/* ---- every handler may end its own peer, its connection, or the server ---- */

typedef enum place {
    ON_CONNECT,
    ON_CONNECTION,
    ON_EVENT,
    ON_PEER_EVENT,
    ON_ANY,
    ON_ANY_OUTGOING,
    ON_REPLY,
    ON_JOIN,
    ON_LEAVE,
    ON_ERROR,
    ON_DISCONNECTING,
    ON_DISCONNECT,
    IN_MIDDLEWARE,
    IN_EVENT_MIDDLEWARE,
    PLACES
} place;

typedef enum action { DISCONNECT, DISCONNECT_AND_CLOSE, CLOSE, CLOSE_ALL, FREE, ACTIONS } action;

static struct {
    place where;
    action what;
    unsigned calls;
} plot;

static sio_peer *asked; /* a reference */

static void act(sio_peer *peer) {
    plot.calls++;
    sio_peer *all = sio_peer_ref(peer);
    switch (plot.what) {
    case DISCONNECT:
    case DISCONNECT_AND_CLOSE:
        sio_peer_disconnect(peer, plot.what == DISCONNECT_AND_CLOSE);
        break;
    case CLOSE:
        sio_peer_close_connection(peer);
        break;
    case CLOSE_ALL: {
        sio_target everyone = sio_namespace_target(sio_server_of(t.server, "/"));
        sio_target_disconnect(&everyone, true);
        break;
    }
    default:
        sio_peer_unref(asked);
        asked = NULL;
        sio_server_free(t.server);
        t.server = NULL;
        break;
    }
    if (t.server) {
        /* Nothing of this may be a surprise. */
        (void)sio_peer_emitf(all, "late", "i", 1);
        (void)sio_peer_join(all, "late");
        sio_peer_leave(all, "late");
        (void)sio_peer_connected(all);
    }
    sio_peer_unref(all);
}

#define HANDLER(name, place)                                                                       \
    static void name(sio_peer *peer, const sio_event *ev, void *user) {                            \
        if (plot.where == (place) && plot.calls == 0) {                                            \
            act(peer);                                                                             \
        }                                                                                          \
    }

HANDLER(on_connect, ON_CONNECT)
HANDLER(on_event, ON_EVENT)
HANDLER(on_peer_event, ON_PEER_EVENT)
HANDLER(on_any, ON_ANY)
HANDLER(on_any_outgoing, ON_ANY_OUTGOING)
HANDLER(on_error, ON_ERROR)
HANDLER(on_disconnecting, ON_DISCONNECTING)
HANDLER(on_disconnect, ON_DISCONNECT)

static void on_reply(const sio_event *reply, void *user) {
    if (plot.where == ON_REPLY && plot.calls == 0) {
        act(asked);
    }
}

static void on_connection(sio_peer *peer, const sio_event *ev, void *user) {
    ck_assert_int_eq(sio_peer_on(peer, "x", on_peer_event, NULL), 0);
    ck_assert_int_eq(sio_peer_on(peer, "error", on_error, NULL), 0);
    ck_assert_int_eq(sio_peer_on(peer, "disconnecting", on_disconnecting, NULL), 0);
    ck_assert_int_eq(sio_peer_on(peer, "disconnect", on_disconnect, NULL), 0);
    if (plot.where == ON_CONNECTION && plot.calls == 0) {
        act(peer);
    }
}

static void on_ask(sio_peer *peer, const sio_event *ev, void *user) {
    sio_peer_unref(asked);
    asked = sio_peer_ref(peer);
    (void)sio_peer_emit_ackf(peer, "question", 5000, on_reply, NULL, "");
    if (t.server) {
        (void)sio_peer_join(asked, "room");
    }
    if (t.server) {
        sio_peer_leave(asked, "room");
    }
}

static void on_room(sio_namespace *ns, sio_room_change change, const char *room, const char *id,
                    void *user) {
    sio_peer *peer = id ? sio_namespace_find(ns, id) : NULL;
    bool now = peer && strcmp(room, id) != 0 && plot.calls == 0;
    if (now && plot.where == (change == SIO_ROOM_JOIN ? ON_JOIN : ON_LEAVE)) {
        act(peer);
    }
}

static void go_on(sio_peer *peer, sio_next *next, place here) {
    if (plot.where == here && plot.calls == 0) {
        act(peer);
    }
    ck_assert_int_eq(sio_next_ok(next), 0);
}

static void middleware(sio_peer *peer, sio_next *next, void *user) {
    go_on(peer, next, IN_MIDDLEWARE);
}

static void event_middleware(sio_peer *peer, const sio_event *ev, sio_next *next, void *user) {
    go_on(peer, next, IN_EVENT_MIDDLEWARE);
}

static void watch(sio_namespace *root) {
    ck_assert_int_eq(sio_namespace_on_connect(root, on_connect, NULL), 0);
    ck_assert_int_eq(sio_namespace_on_connection(root, on_connection, NULL), 0);
    ck_assert_int_eq(sio_namespace_on(root, "x", on_event, NULL), 0);
    ck_assert_int_eq(sio_namespace_on(root, "ask", on_ask, NULL), 0);
    ck_assert_int_eq(sio_namespace_on_any(root, on_any, NULL), 0);
    ck_assert_int_eq(sio_namespace_on_any_outgoing(root, on_any_outgoing, NULL), 0);
    ck_assert_int_eq(sio_namespace_on_room(root, on_room, NULL), 0);
    ck_assert_int_eq(sio_namespace_use(root, middleware, NULL), 0);
    ck_assert_int_eq(sio_namespace_use_events(root, event_middleware, NULL), 0);
}

static void send_if_open(raw_client *c, const char *text) {
    if (!c->eof) {
        ws_text(c, text);
    }
}

START_TEST(any_handler_may_end_anything) {
    raw_client other, c;
    plot.where = (place)(_i / ACTIONS);
    plot.what = (action)(_i % ACTIONS);
    plot.calls = 0;
    asked = NULL;
    test_mem_init(&mem);
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.mem = &mem.mem;
    server_start(&t, &options);
    ws_join(&other, &t, "40", NULL);
    watch(sio_server_of(t.server, "/"));
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_text(&c, "40");
    server_settle(&t);
    send_if_open(&c, "42[\"ask\"]");
    send_if_open(&c, "42[\"x\",1]");
    server_settle(&t);
    send_if_open(&c, "430[]");
    server_settle(&t);
    send_if_open(&c, "42[\"x\",1]");
    server_settle(&t);
    send_if_open(&c, "42[");
    server_settle(&t);
    raw_close(&c);
    server_settle(&t);
    ck_assert_msg(plot.calls == 1, "handler %d was not called", plot.where);
    sio_peer_unref(asked);
    raw_close(&other);
    stop();
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server_attacks");
    TCase *tc = tcase_create("attacks");
    suite_add_tcase(suite, tc);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, dripping_heads_are_ended_in_time);
    tcase_add_test(tc, who_never_says_a_word_is_ended_in_time);
    tcase_add_test(tc, slow_bodies_cost_little_each);
    tcase_add_test(tc, without_randomness_there_are_no_sessions);
    tcase_add_test(tc, stalled_clients_have_a_hard_mark);
    tcase_add_test(tc, rooms_cost_memory_in_proportion);
    tcase_add_test(tc, a_client_has_so_many_namespaces);
    tcase_add_loop_test(tc, any_handler_may_end_anything, 0, PLACES * ACTIONS);
    return test_run(suite);
}
