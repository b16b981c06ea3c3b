/* What the members of a server with several loops have in common: sums and limits. */
#include "server_support.h"

#include "counters.h"
#include "metrics.h"
#include "shared.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MEMBERS = 3 };

/* Members without servers: what a shared object knows of one. */
typedef struct group {
    sio_shared *shared;
    sio_loop *loops[MEMBERS];
    sio_counters counters[MEMBERS];
    sio_engine_budget budgets[MEMBERS];
} group;

static int group_new(group *g, uint32_t max_per_address, const sio_mem *mem) {
    int rc = 0;
    *g = (group){0};
    for (int i = 0; rc == 0 && i < MEMBERS; i++) {
        rc = sio_loop_new(&g->loops[i], &(sio_loop_options){.mem = mem});
    }
    if (rc == 0) {
        rc = sio_shared_new(&g->shared, g->loops[0], MEMBERS, max_per_address);
    }
    for (unsigned i = 0; rc == 0 && i < MEMBERS; i++) {
        sio_tally tally = {g->loops[i], &g->counters[i], &g->budgets[i]};
        g->counters[i] = (sio_counters)SIO_COUNTERS_INIT;
        g->budgets[i].shared = sio_shared_ref(g->shared);
        sio_shared_join(g->shared, i, &tally);
    }
    return rc;
}

static void group_leave(group *g, unsigned i) {
    sio_shared_leave(g->shared, i);
    sio_shared_unref(g->budgets[i].shared);
    sio_loop_free(g->loops[i]);
    g->loops[i] = NULL;
    g->budgets[i].shared = NULL;
}

static void group_free(group *g) {
    for (unsigned i = 0; i < MEMBERS; i++) {
        if (g->budgets[i].shared) {
            group_leave(g, i);
        } else {
            sio_loop_free(g->loops[i]);
        }
    }
    sio_shared_unref(g->shared);
}

static void begin(group *g) {
    ck_assert_int_eq(group_new(g, 0, NULL), 0);
}

static sio_counters sum_of(const group *g) {
    sio_counters sum;
    sio_shared_read(g->shared, &sum);
    return sum;
}

/* ---- sums ---- */

START_TEST(counters_are_added_up) {
    group g;
    begin(&g);
    for (unsigned i = 0; i < MEMBERS; i++) {
        g.counters[i].packets_in_websocket = 10 + i;
        g.counters[i].receive_timeouts = 1;
        g.counters[i].connections_accepted = 2;
        g.counters[i].loop_lag_max_us = 100 * (3 - i);
        g.counters[i].queue_bytes_max = 7 * i;
        g.counters[i].loop_lag_us = i;
        g.budgets[i].sessions = 2;
        g.budgets[i].pending = i;
        g.budgets[i].waiting = 1000;
    }
    sio_counters sum = sum_of(&g);
    ck_assert_uint_eq(sum.size, sizeof(sum));
    ck_assert_uint_eq(sum.packets_in_websocket, 33);
    ck_assert_uint_eq(sum.receive_timeouts, 3);
    ck_assert_uint_eq(sum.connections_accepted, 6);
    ck_assert_uint_eq(sum.loop_lag_max_us, 300);
    ck_assert_uint_eq(sum.queue_bytes_max, 14);
    ck_assert_uint_eq(sum.loop_lag_us, 2);
    ck_assert_uint_eq(sum.handshakes_pending, 3);
    ck_assert_uint_eq(sum.queued_bytes, 3000);
    ck_assert_uint_eq(sio_shared_sessions(g.shared), 6);
    ck_assert_uint_eq(sio_shared_queued(g.shared), 3000);
    ck_assert_uint_eq(sio_shared_count(g.shared), MEMBERS);
    sio_counters one;
    ck_assert_int_eq(sio_shared_read_one(g.shared, 1, &one), 0);
    ck_assert_uint_eq(one.packets_in_websocket, 11);
    ck_assert_uint_eq(one.queued_bytes, 1000);
    ck_assert_int_eq(sio_shared_read_one(g.shared, MEMBERS, &one), SIO_ERR_NOT_FOUND);
    group_free(&g);
}
END_TEST

START_TEST(streams_of_all_loops_are_counted) {
    group g;
    sio_stream *streams[2];
    int fds[2];
    begin(&g);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(sio_stream_adopt(&streams[i], g.loops[i + 1], fds[i], NULL, 0, NULL, NULL),
                         0);
    }
    ck_assert_uint_eq(sio_shared_connections(g.shared), 2);
    ck_assert_uint_eq(sum_of(&g).connections_open, 2);
    ck_assert_int_eq(sio_stream_write(streams[0], "12345", 5), 0);
    ck_assert_uint_eq(sio_shared_queued(g.shared), 5);
    ck_assert_uint_eq(sum_of(&g).queued_bytes, 5);
    sio_stream_free(streams[0]);
    sio_stream_free(streams[1]);
    ck_assert_uint_eq(sio_shared_connections(g.shared), 0);
    ck_assert_uint_eq(sio_shared_queued(g.shared), 0);
    group_free(&g);
}
END_TEST

/* Which fields are the present state the table of metrics knows: TYPE gauge. Those that are a
 * maximum of all time stay. */
static void expect_what_stays(const sio_counters *sum) {
    sio_buf text;
    sio_buf_init(&text, 0, NULL);
    ck_assert_int_eq(sio_metrics_write(sum, &text), 0);
    ck_assert_int_eq(sio_buf_add_byte(&text, 0), 0);
    char *rest = NULL;
    char kind[16] = "";
    for (char *line = strtok_r((char *)text.data, "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest)) {
        char name[128];
        if (sscanf(line, "# TYPE %127s %15s", name, kind) != 2 && line[0] != '#') {
            bool goes = strcmp(kind, "gauge") == 0 && !strstr(line, "_max");
            ck_assert_msg(strcmp(strrchr(line, ' '), goes ? " 0" : " 1") == 0, "%s", line);
        }
    }
    sio_buf_free(&text);
}

START_TEST(of_who_leaves_the_past_remains) {
    group g;
    begin(&g);
    for (size_t at = offsetof(sio_counters, connections_accepted); at < sizeof(sio_counters);
         at += sizeof(uint64_t)) {
        uint64_t one = 1;
        memcpy((char *)&g.counters[1] + at, &one, sizeof(one));
    }
    g.budgets[1].pending = 1;
    g.budgets[1].waiting = 1;
    g.budgets[1].sessions = 1;
    group_leave(&g, 1);
    sio_counters sum = sum_of(&g);
    expect_what_stays(&sum);
    ck_assert_uint_eq(sio_shared_sessions(g.shared), 0);
    ck_assert_int_eq(sio_shared_read_one(g.shared, 1, &sum), SIO_ERR_NOT_FOUND);
    sio_shared_leave(g.shared, 1);
    ck_assert_uint_eq(sum_of(&g).connections_accepted, 1);
    group_free(&g);
}
END_TEST

/* ---- limits ---- */

START_TEST(handshakes_have_one_limit) {
    group g;
    begin(&g);
    for (unsigned i = 0; i < MEMBERS; i++) {
        g.budgets[i].max_pending = 4;
    }
    for (unsigned i = 0; i < 4; i++) {
        ck_assert(sio_shared_begin_handshake(g.shared, &g.budgets[i % MEMBERS]));
    }
    ck_assert(!sio_shared_begin_handshake(g.shared, &g.budgets[1]));
    ck_assert_uint_eq(g.budgets[0].pending, 2);
    ck_assert_uint_eq(g.budgets[1].pending, 1);
    g.budgets[2].pending--;
    ck_assert(sio_shared_begin_handshake(g.shared, &g.budgets[1]));
    ck_assert(!sio_shared_begin_handshake(g.shared, &g.budgets[2]));
    group_free(&g);
}
END_TEST

/* A session's fair share is that of all sessions, and every member learns of it. */
START_TEST(queues_have_one_limit) {
    group g;
    begin(&g);
    for (unsigned i = 0; i < MEMBERS; i++) {
        g.budgets[i].max = 12000;
        g.counters[i].queue_bytes_max = 5000 + i;
    }
    sio_shared_share(g.shared);
    for (unsigned i = 0; i < MEMBERS; i++) {
        ck_assert_uint_eq(g.budgets[i].quiet, 5000 + i);
    }
    g.budgets[0].sessions = 1;
    g.budgets[2].sessions = 3;
    sio_shared_share(g.shared);
    for (unsigned i = 0; i < MEMBERS; i++) {
        ck_assert_uint_eq(g.budgets[i].quiet, 3000);
    }
    group_leave(&g, 2);
    ck_assert_uint_eq(g.budgets[1].quiet, 5001);
    group_free(&g);
}
END_TEST

/* ---- threads ---- */

typedef struct worker {
    group *g;
    unsigned index;
    unsigned begun;
    bool wrong; /* it has read what cannot be */
} worker;

enum { TURNS = 2000 };

static atomic_bool done;

/* A member's thread: counts, begins handshakes, and is no slower to end some. */
static void *work(void *arg) {
    worker *self = arg;
    sio_counters *counters = &self->g->counters[self->index];
    sio_engine_budget *budget = &self->g->budgets[self->index];
    for (unsigned i = 0; i < TURNS; i++) {
        SIO_COUNT(counters->packets_in_websocket);
        SIO_FIGURE_ADD(counters->bytes_in_websocket, 100);
        sio_count_close(counters, SIO_EIO_REASON_PING_TIMEOUT);
        sio_lag_note(counters, i);
        SIO_COUNT(budget->sessions);
        sio_shared_share(self->g->shared);
        if (sio_shared_begin_handshake(self->g->shared, budget)) {
            self->begun++;
        }
        sio_counters sum = sum_of(self->g);
        self->wrong |= sum.handshakes_pending > 100 || sum.packets_in_websocket <= i;
    }
    return NULL;
}

static void *watch(void *arg) {
    worker *self = arg;
    uint64_t before = 0;
    while (!atomic_load(&done)) {
        uint64_t now = sum_of(self->g).closed_ping_timeout;
        self->wrong |= now < before;
        before = now;
    }
    return NULL;
}

START_TEST(members_count_while_others_read) {
    group g;
    worker workers[MEMBERS + 1] = {0};
    pthread_t threads[MEMBERS + 1];
    begin(&g);
    atomic_store(&done, false);
    for (unsigned i = 0; i < MEMBERS; i++) {
        g.budgets[i].max_pending = 100;
        g.budgets[i].max = 1 << 20;
    }
    for (unsigned i = 0; i <= MEMBERS; i++) {
        workers[i] = (worker){.g = &g, .index = i};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, i < MEMBERS ? work : watch, &workers[i]),
                         0);
    }
    unsigned begun = 0;
    for (unsigned i = 0; i < MEMBERS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        begun += workers[i].begun;
        ck_assert(!workers[i].wrong);
    }
    atomic_store(&done, true);
    ck_assert_int_eq(pthread_join(threads[MEMBERS], NULL), 0);
    ck_assert(!workers[MEMBERS].wrong);
    ck_assert_uint_eq(begun, 100);
    sio_counters sum = sum_of(&g);
    ck_assert_uint_eq(sum.packets_in_websocket, MEMBERS * TURNS);
    ck_assert_uint_eq(sum.bytes_in_websocket, 100 * MEMBERS * TURNS);
    ck_assert_uint_eq(sum.closed_ping_timeout, MEMBERS * TURNS);
    ck_assert_uint_eq(sum.loop_lag_max_us, TURNS - 1);
    ck_assert_uint_eq(sum.handshakes_pending, 100);
    group_free(&g);
}
END_TEST

typedef struct comer {
    sio_crowd *crowd;
    unsigned entered;
    bool failed;
} comer;

/* Connections of one address come and go on a loop of the thread, the last reference at the end. */
static bool come_once(comer *self, sio_loop *loop, const sio_address *address, bool enter) {
    sio_stream *stream;
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) {
        return false;
    }
    close(fds[1]);
    if (sio_stream_adopt(&stream, loop, fds[0], NULL, 0, NULL, NULL) != 0) {
        return false;
    }
    if (enter) {
        self->entered += sio_crowd_enter(self->crowd, stream, address) == 0;
    } else {
        sio_crowd_release(self->crowd);
    }
    sio_stream_free(stream);
    return true;
}

static void *come(void *arg) {
    comer *self = arg;
    sio_loop *loop;
    sio_address address;
    self->failed =
        sio_loop_new(&loop, NULL) != 0 || sio_address_literal(&address, "10.0.0.1", 1) != 0;
    for (unsigned i = 0; !self->failed && i <= TURNS; i++) {
        self->failed = !come_once(self, loop, &address, i < TURNS);
    }
    sio_loop_free(loop);
    return NULL;
}

START_TEST(connections_come_and_go_on_all_threads) {
    group g;
    comer comers[MEMBERS] = {0};
    pthread_t threads[MEMBERS];
    ck_assert_int_eq(group_new(&g, 2, NULL), 0);
    for (unsigned i = 0; i < MEMBERS; i++) {
        comers[i].crowd = sio_crowd_ref(sio_shared_crowd(g.shared));
        ck_assert_int_eq(pthread_create(&threads[i], NULL, come, &comers[i]), 0);
    }
    group_free(&g); /* while they do */
    unsigned entered = 0;
    for (unsigned i = 0; i < MEMBERS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        entered += comers[i].entered;
        ck_assert(!comers[i].failed);
    }
    ck_assert_uint_gt(entered, 0);
}
END_TEST

/* ---- whole servers ---- */

static server_test t;

static void join_hall(sio_peer *peer, const sio_event *event, void *user) {
    (void)sio_peer_join(peer, "hall");
}

static int setup(sio_server *server, unsigned index, void *user) {
    return sio_namespace_on_connection(sio_server_of(server, "/"), join_hall, NULL);
}

static sio_server_options options_for(unsigned count) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.threads = count;
    options.setup = setup;
    return options;
}

static void stop(void) {
    if (t.base) {
        server_stop(&t);
    }
}

static sio_counters counted(void) {
    sio_counters c = SIO_COUNTERS_INIT;
    ck_assert_int_eq(sio_server_read_counters(t.server, &c), 0);
    return c;
}

static sio_counters counted_by(unsigned index) {
    sio_counters c = SIO_COUNTERS_INIT;
    ck_assert_int_eq(sio_server_read_member_counters(t.server, index, &c), 0);
    return c;
}

/* Nothing of the other members wakes the test's loop. */
#define await(condition)                                                                           \
    do {                                                                                           \
        sio_time await_end = server_deadline();                                                    \
        while (!(condition)) {                                                                     \
            ck_assert_msg(!server_late(await_end), "in vain: %s", #condition);                     \
            server_run_for(&t, 1);                                                                 \
        }                                                                                          \
    } while (0)

static void expect_metrics(void) {
    sio_buf text;
    sio_buf_init(&text, 0, NULL);
    ck_assert_int_eq(sio_server_write_metrics(t.server, &text), 0);
    ck_assert_int_eq(sio_buf_add_byte(&text, 0), 0);
    ck_assert_ptr_nonnull(
        strstr((char *)text.data, "\nsio_server_sessions{transport=\"websocket\"} 3\n"));
    for (unsigned i = 0; i < MEMBERS; i++) {
        char line[128];
        snprintf(line, sizeof(line),
                 "\nsio_server_member_sessions{member=\"%u\",transport=\"websocket\"} 1\n", i);
        ck_assert_ptr_nonnull(strstr((char *)text.data, line));
    }
    sio_buf_free(&text);
}

START_TEST(any_member_shows_the_sums) {
    sio_server_options options = options_for(MEMBERS);
    raw_client clients[MEMBERS];
    server_start(&t, &options);
    for (unsigned i = 0; i < MEMBERS; i++) {
        ws_join(&clients[i], &t, "40", NULL);
    }
    await(counted().rooms == MEMBERS);
    sio_counters now = counted();
    ck_assert_uint_eq(now.connections_accepted, MEMBERS);
    ck_assert_uint_eq(now.connections_open, MEMBERS);
    ck_assert_uint_eq(now.sessions_websocket, MEMBERS);
    ck_assert_uint_eq(now.packets_in_websocket, MEMBERS);
    ck_assert_uint_eq(now.peers, MEMBERS);
    ck_assert_uint_eq(now.handshakes_pending, 0);
    ck_assert_uint_eq(sio_server_session_count(t.server), MEMBERS);
    for (unsigned i = 0; i < MEMBERS; i++) {
        now = counted_by(i);
        ck_assert_uint_eq(now.sessions_websocket, 1);
        ck_assert_uint_eq(now.packets_in_websocket, 1);
        ck_assert_uint_eq(now.peers, 1);
        ck_assert_uint_eq(now.rooms, 1);
    }
    sio_counters none = SIO_COUNTERS_INIT;
    ck_assert_int_eq(sio_server_read_member_counters(t.server, MEMBERS, &none), SIO_ERR_NOT_FOUND);
    none.size = sizeof(none) + 1;
    ck_assert_int_eq(sio_server_read_member_counters(t.server, 1, &none), SIO_ERR_INVALID);
    expect_metrics();
    for (unsigned i = 0; i < MEMBERS; i++) {
        raw_close(&clients[i]);
    }
    await(sio_server_session_count(t.server) == 0 && counted().connections_open == 0);
    now = counted();
    ck_assert_uint_eq(now.peers, 0);
    ck_assert_uint_eq(now.rooms, 0);
    ck_assert_uint_eq(now.sessions_websocket, 0);
    ck_assert_uint_eq(now.closed_transport_close, MEMBERS);
}
END_TEST

START_TEST(one_loop_is_its_own_member) {
    server_start(&t, NULL);
    sio_counters one = counted_by(0);
    ck_assert_uint_eq(one.sessions_websocket, 0);
    ck_assert_int_eq(sio_server_read_member_counters(t.server, 1, &one), SIO_ERR_NOT_FOUND);
}
END_TEST

static void expect_refusal(void) {
    raw_client c;
    raw_open(&c, &t);
    http_expect_answer(&c, 503, "");
    raw_expect_eof(&c);
    raw_close(&c);
}

/* The limit is reached though no loop has so many, and a place that comes free is given again,
 * wherever that is. */
START_TEST(connections_of_all_loops_have_one_limit) {
    for (unsigned by_address = 0; by_address < 2; by_address++) {
        sio_server_options options = options_for(MEMBERS);
        raw_client clients[4];
        *(by_address ? &options.max_connections_per_address : &options.max_connections) = 4;
        server_start(&t, &options);
        for (unsigned i = 0; i < 4; i++) {
            ws_join(&clients[i], &t, "40", NULL);
        }
        for (uint64_t i = 1; i <= 3; i++) {
            expect_refusal();
            await(counted().connections_open == 4);
            sio_counters now = counted();
            ck_assert_uint_eq(now.connections_refused_limit, by_address ? 0 : i);
            ck_assert_uint_eq(now.connections_refused_address, by_address ? i : 0);
        }
        for (unsigned i = 0; i < 4; i++) {
            raw_close(&clients[i]);
            await(counted().connections_open == 3);
            ws_join(&clients[i], &t, "40", NULL);
        }
        expect_refusal();
        for (unsigned i = 0; i < 4; i++) {
            raw_close(&clients[i]);
        }
        server_stop(&t);
    }
}
END_TEST

static void open_polling(raw_client *c, char sid[64]) {
    http_answer answer;
    raw_open(c, &t);
    http_send(c, "GET", "/socket.io/?EIO=4&transport=polling", "", NULL, 0);
    ck_assert(http_receive(c, &answer));
    ck_assert_int_eq(sscanf(answer.body, "0{\"sid\":\"%20[^\"]\"", sid), 1);
    http_answer_free(&answer);
}

static void post(raw_client *c, const char *sid, const char *packet) {
    char target[256];
    snprintf(target, sizeof(target), "/socket.io/?EIO=4&transport=polling&sid=%s", sid);
    http_send(c, "POST", target, "", packet, strlen(packet));
}

static void send_poll(raw_client *c, const char *sid) {
    post(c, sid, "3");
}

/* A connection that follows its requests from loop to loop keeps its place all the time. */
START_TEST(who_moves_keeps_its_place) {
    for (unsigned by_address = 0; by_address < 2; by_address++) {
        sio_server_options options = options_for(MEMBERS);
        raw_client sessions[2], c;
        char sids[2][64];
        *(by_address ? &options.max_connections_per_address : &options.max_connections) = 3;
        server_start(&t, &options);
        open_polling(&sessions[0], sids[0]);
        open_polling(&sessions[1], sids[1]);
        ck_assert_int_ne(sids[0][0], sids[1][0]);
        raw_open(&c, &t);
        for (unsigned i = 0; i < 10; i++) {
            send_poll(&c, sids[i % 2]);
            http_expect_answer(&c, 200, "ok");
            expect_refusal();
        }
        ck_assert_uint_ge(counted().connections_moved, 9);
        raw_close(&c);
        await(counted().connections_open == 2);
        raw_open(&c, &t);
        send_poll(&c, sids[0]);
        http_expect_answer(&c, 200, "ok");
        raw_close(&c);
        raw_close(&sessions[0]);
        raw_close(&sessions[1]);
        server_stop(&t);
    }
}
END_TEST

START_TEST(handshakes_on_all_loops_have_one_limit) {
    sio_server_options options = options_for(MEMBERS);
    raw_client clients[2];
    options.max_pending_handshakes = 2;
    server_start(&t, &options);
    ws_connect(&clients[0], &t, "EIO=4", NULL);
    ws_connect(&clients[1], &t, "EIO=4", NULL);
    http_expect(&t, "GET", "/socket.io/?EIO=4&transport=polling", "", NULL, 503,
                "Service Unavailable");
    ck_assert_uint_eq(counted().refused_busy, 1);
    ck_assert_uint_eq(counted().handshakes_pending, 2);
    ws_join_more(&clients[1], "40", NULL);
    http_expect(&t, "GET", "/socket.io/?EIO=4&transport=polling", "", NULL, 200, NULL);
    ck_assert_uint_eq(counted().handshakes_pending, 2);
    raw_close(&clients[0]);
    raw_close(&clients[1]);
}
END_TEST

static void fill(sio_peer *peer, const sio_event *event, void *user) {
    char text[1001];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (int64_t i = 0; i < sio_event_int(event, 0); i++) {
        (void)sio_peer_emitf(peer, "x", "s", text);
    }
}

static int setup_fill(sio_server *server, unsigned index, void *user) {
    return sio_namespace_on(sio_server_of(server, "/"), "fill", fill, NULL);
}

/* Two sessions on two loops, which do not fetch what is sent to them: the first has more than its
 * share, and with the second it is more than may wait. */
START_TEST(queues_on_all_loops_have_one_limit) {
    sio_server_options options = options_for(2);
    raw_client clients[2];
    char sids[2][64];
    options.setup = setup_fill;
    options.max_total_queued_bytes = 10000;
    server_start(&t, &options);
    for (unsigned i = 0; i < 2; i++) {
        open_polling(&clients[i], sids[i]);
        post(&clients[i], sids[i], "40");
        http_expect_answer(&clients[i], 200, "ok");
        post(&clients[i], sids[i], i == 0 ? "42[\"fill\",8]" : "42[\"fill\",4]");
        http_expect_answer(&clients[i], 200, "ok");
    }
    ck_assert_int_ne(sids[0][0], sids[1][0]);
    sio_counters now = counted();
    ck_assert_uint_ge(now.queued_bytes, 12000);
    ck_assert_uint_eq(now.slow_over_total, 0);
    post(&clients[0], sids[0], "42[\"fill\",1]");
    await(counted().slow_over_total == 1 && sio_server_session_count(t.server) == 1);
    now = counted();
    ck_assert_uint_lt(now.queued_bytes, 5000);
    ck_assert_uint_eq(now.sessions_polling, 1);
    post(&clients[1], sids[1], "42[\"fill\",1]");
    http_expect_answer(&clients[1], 200, "ok");
    raw_close(&clients[0]);
    raw_close(&clients[1]);
}
END_TEST

/* ---- memory ---- */

/* An allocator that any thread may call, and that sees what is given back to it. */
typedef struct noted_mem {
    atomic_size_t blocks;
    atomic_bool foreign; /* it got what it has not given */
} noted_mem;

typedef union noted {
    const noted_mem *owner;
    max_align_t align;
} noted;

static void *noted_alloc(void *user, size_t size) {
    noted_mem *self = user;
    noted *block = malloc(sizeof(*block) + size);
    if (!block) {
        return NULL;
    }
    block->owner = self;
    atomic_fetch_add(&self->blocks, 1);
    return block + 1;
}

static void noted_release(void *user, void *at) {
    noted_mem *self = user;
    noted *block = (noted *)at - 1;
    if (at) {
        atomic_store(&self->foreign, atomic_load(&self->foreign) || block->owner != self);
        atomic_fetch_sub(&self->blocks, 1);
        free(block);
    }
}

static void *noted_resize(void *user, void *at, size_t size) {
    if (!at) {
        return noted_alloc(user, size);
    }
    noted *block = realloc((noted *)at - 1, sizeof(*block) + size);
    return block ? block + 1 : NULL;
}

static void echo_all(sio_peer *peer, const sio_event *event, void *user) {
    sio_target target = sio_namespace_target(sio_peer_namespace(peer));
    (void)sio_target_emit(&target, "message", event->args);
}

static int setup_echo(sio_server *server, unsigned index, void *user) {
    return sio_namespace_on(sio_server_of(server, "/"), "message", echo_all, NULL);
}

/* Small messages and those that come from the pools, queued ones, requests on the move, and some of
 * each under way when the server is freed. */
static void make_traffic(raw_client *clients) {
    static char large[100000];
    char sids[2][64];
    memset(large, 'x', sizeof(large));
    memcpy(large, "42[\"message\",\"", 14);
    memcpy(large + sizeof(large) - 3, "\"]", 3);
    for (unsigned i = 0; i < MEMBERS; i++) {
        ws_join(&clients[i], &t, "40", NULL);
        open_polling(&clients[MEMBERS + i], sids[i % 2]);
    }
    for (unsigned i = 0; i < 4; i++) {
        for (unsigned k = 0; k < MEMBERS; k++) {
            ws_text(&clients[k], i % 2 == 0 ? large : "42[\"message\",1]");
            send_poll(&clients[MEMBERS + k], sids[(i + k) % 2]);
        }
    }
    for (unsigned k = 0; k < MEMBERS; k++) {
        for (unsigned i = 0; i < 4; i++) {
            ws_frame frame;
            ck_assert(ws_receive(&clients[k], &frame));
            ws_frame_free(&frame);
        }
        ws_text(&clients[k], large);
    }
}

START_TEST(memory_is_given_back_on_any_thread) {
    static noted_mem memory;
    sio_mem mem = {noted_alloc, noted_resize, noted_release, &memory};
    sio_server_options options = options_for(MEMBERS);
    raw_client clients[2 * MEMBERS];
    options.setup = setup_echo;
    options.mem = &mem;
    server_start(&t, &options);
    make_traffic(clients);
    ck_assert_uint_gt(atomic_load(&memory.blocks), 0);
    sio_server_free(t.server);
    t.server = NULL;
    for (unsigned i = 0; i < 2 * MEMBERS; i++) {
        raw_close(&clients[i]);
    }
    ck_assert_uint_eq(atomic_load(&memory.blocks), 0);
    ck_assert(!atomic_load(&memory.foreign));
}
END_TEST

static int scenario(const sio_mem *mem, void *arg) {
    group g;
    int rc = group_new(&g, 1, mem);
    group_free(&g);
    return rc;
}

START_TEST(short_memory) {
    test_mem_sweep(scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("shared");
    TCase *tc = tcase_create("shared");
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, counters_are_added_up);
    tcase_add_test(tc, streams_of_all_loops_are_counted);
    tcase_add_test(tc, of_who_leaves_the_past_remains);
    tcase_add_test(tc, handshakes_have_one_limit);
    tcase_add_test(tc, queues_have_one_limit);
    tcase_add_test(tc, members_count_while_others_read);
    tcase_add_test(tc, connections_come_and_go_on_all_threads);
    tcase_add_test(tc, short_memory);
    tc = tcase_create("servers");
    tcase_add_checked_fixture(tc, NULL, stop);
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, any_member_shows_the_sums);
    tcase_add_test(tc, one_loop_is_its_own_member);
    tcase_add_test(tc, connections_of_all_loops_have_one_limit);
    tcase_add_test(tc, who_moves_keeps_its_place);
    tcase_add_test(tc, handshakes_on_all_loops_have_one_limit);
    tcase_add_test(tc, queues_on_all_loops_have_one_limit);
    tcase_add_test(tc, memory_is_given_back_on_any_thread);
    return test_run(suite);
}
