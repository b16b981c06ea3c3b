/* What the members of a server with several loops have in common: sums and limits. */
#include "support.h"

#include "counters.h"
#include "metrics.h"
#include "shared.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
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
        self->entered += sio_crowd_enter(self->crowd, stream, address, true) == 0;
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

/* ---- memory ---- */

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
    return test_run(suite);
}
