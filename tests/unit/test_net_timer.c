#include "net_support.h"

#include "loop_internal.h"

#include <time.h>

typedef struct probe {
    sio_timer timer;
    sio_loop *loop;
    unsigned fired;
    sio_time at;
} probe;

static void on_probe(void *ctx) {
    probe *p = ctx;
    p->fired++;
    p->at = sio_loop_now(p->loop);
    ck_assert(!sio_timer_running(&p->timer));
}

static void probe_init(probe *p, sio_loop *loop) {
    *p = (probe){.loop = loop};
    ck_assert_int_eq(sio_timer_init(&p->timer, loop, on_probe, p), 0);
}

static uint64_t real_us(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

START_TEST(it_never_fires_early) {
    sio_loop *loop = net_loop(NULL);
    for (uint64_t ms = 0; ms < 12; ms++) {
        uint64_t start = real_us();
        net_run_for(loop, ms);
        ck_assert_uint_ge(real_us() - start, ms * 1000);
    }
    sio_loop_free(loop);
}
END_TEST

/* A few hundred timers, started, moved and stopped at random, against a model: at any virtual
 * moment exactly those that are due are the first of the heap. The heap's own clock is not waited
 * for: deadlines lie in the past. */
enum { MANY = 300 };

static bool is_heap(const sio_loop *loop) {
    for (size_t i = 1; i < loop->timer_count; i++) {
        const sio_timer_slot *slot = &loop->timers[i];
        if (slot->key < loop->timers[(i - 1) / 4].key || slot->key > slot->timer->deadline ||
            slot->timer->index != i + 1) {
            return false;
        }
    }
    return true;
}

START_TEST(they_fire_in_the_order_of_their_deadlines) {
    sio_loop *loop = net_loop(NULL);
    static probe probes[MANY];
    sio_time now = sio_loop_now(loop);
    unsigned seed = 7;
    for (size_t i = 0; i < MANY; i++) {
        probe_init(&probes[i], loop);
    }
    for (size_t step = 0; step < 5000; step++) {
        seed = seed * 1103515245 + 12345;
        probe *p = &probes[seed / 65536 % MANY];
        seed = seed * 1103515245 + 12345;
        if (seed / 65536 % 5 == 0) {
            sio_timer_stop(&p->timer);
        } else {
            sio_timer_start_at(&p->timer, now + 1 + seed / 65536 % 10);
        }
        ck_assert(is_heap(loop));
    }
    sio_time deadlines[MANY];
    for (size_t i = 0; i < MANY; i++) {
        deadlines[i] = probes[i].timer.deadline;
    }
    net_run_for(loop, 30);
    for (size_t i = 0; i < MANY; i++) {
        bool started = deadlines[i] != SIO_TIME_NEVER;
        ck_assert_uint_eq(probes[i].fired, started ? 1 : 0);
        if (started) {
            ck_assert_uint_ge(probes[i].at, deadlines[i]);
        }
        sio_timer_done(&probes[i].timer);
    }
    sio_loop_free(loop);
}
END_TEST

static char fired_order[8];

static void on_letter(void *ctx) {
    size_t len = strlen(fired_order);
    fired_order[len] = *(const char *)ctx;
}

START_TEST(a_late_loop_still_fires_them_in_order) {
    sio_loop *loop = net_loop(NULL);
    static char letters[] = "cabd";
    static const uint64_t after[] = {3, 1, 2, 4};
    sio_timer timers[4];
    sio_time base = sio_loop_now(loop);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(sio_timer_init(&timers[i], loop, on_letter, &letters[i]), 0);
        sio_timer_start_at(&timers[i], base + after[i]);
    }
    while (sio_loop_now(loop) < base + 6) {
    }
    net_run_for(loop, 0);
    ck_assert_str_eq(fired_order, "abcd");
    for (int i = 0; i < 4; i++) {
        sio_timer_done(&timers[i]);
    }
    sio_loop_free(loop);
}
END_TEST

START_TEST(a_later_deadline_does_not_touch_the_heap) {
    sio_loop *loop = net_loop(NULL);
    probe p;
    probe_init(&p, loop);
    sio_time now = sio_loop_now(loop);
    sio_timer_start_at(&p.timer, now + 2);
    sio_time armed = loop->timer_armed;
    for (sio_time later = 3; later < 20; later++) {
        sio_timer_start_at(&p.timer, now + later);
        ck_assert_uint_eq(loop->timers[0].key, now + 2);
        ck_assert_uint_eq(loop->timer_armed, armed);
    }
    net_run_for(loop, 8);
    ck_assert_uint_eq(p.fired, 0);
    net_run_for(loop, 30);
    ck_assert_uint_eq(p.fired, 1);
    ck_assert_uint_ge(p.at, now + 19);
    sio_timer_done(&p.timer);
    sio_loop_free(loop);
}
END_TEST

START_TEST(an_earlier_deadline_counts_at_once) {
    sio_loop *loop = net_loop(NULL);
    probe p;
    probe_init(&p, loop);
    sio_timer_start(&p.timer, 100000);
    sio_timer_start(&p.timer, 1);
    net_run_for(loop, 10);
    ck_assert_uint_eq(p.fired, 1);
    sio_timer_start(&p.timer, UINT64_MAX);
    ck_assert(!sio_timer_running(&p.timer));
    sio_timer_start(&p.timer, 1);
    sio_timer_stop(&p.timer);
    net_run_for(loop, 5);
    ck_assert_uint_eq(p.fired, 1);
    sio_timer_done(&p.timer);
    sio_timer_done(&p.timer);
    sio_loop_free(loop);
}
END_TEST

/* -- from inside -- */

typedef struct restless {
    sio_timer timer;
    sio_timer other;
    unsigned fired;
} restless;

static void on_restless(void *ctx) {
    restless *r = ctx;
    r->fired++;
    sio_timer_start(&r->timer, 0);
    sio_timer_done(&r->other);
}

static void must_not_fire(void *ctx) {
    ck_abort_msg("a timer that was given up fired");
}

START_TEST(one_that_restarts_itself_leaves_others_their_turn) {
    sio_loop *loop = net_loop(NULL);
    restless r = {0};
    ck_assert_int_eq(sio_timer_init(&r.timer, loop, on_restless, &r), 0);
    ck_assert_int_eq(sio_timer_init(&r.other, loop, must_not_fire, NULL), 0);
    sio_time now = sio_loop_now(loop);
    sio_timer_start_at(&r.timer, now);
    sio_timer_start_at(&r.other, now + 1);
    while (sio_loop_now(loop) < now + 2) {
    }
    net_run_for(loop, 5);
    ck_assert_uint_gt(r.fired, 1);
    sio_timer_done(&r.timer);
    ck_assert_uint_eq(loop->timer_count, 0);
    ck_assert_uint_eq(loop->timer_reserved, 1); /* the one of its own */
    sio_loop_free(loop);
}
END_TEST

static int timer_scenario(const sio_mem *mem, void *arg) {
    static sio_timer timers[200];
    sio_loop *loop;
    int rc = sio_loop_new(&loop, &(sio_loop_options){.mem = mem});
    if (rc != 0) {
        return rc;
    }
    for (size_t i = 0; i < 200; i++) {
        timers[i] = (sio_timer){0};
    }
    for (size_t i = 0; i < 200 && rc == 0; i++) {
        rc = sio_timer_init(&timers[i], loop, must_not_fire, NULL);
        if (rc == 0) {
            sio_timer_start(&timers[i], 100000);
        }
    }
    for (size_t i = 0; i < 200; i++) {
        sio_timer_done(&timers[i]);
    }
    sio_loop_free(loop);
    return rc;
}

START_TEST(only_making_one_can_fail) {
    test_mem_sweep(timer_scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("net_timer");
    TCase *tc = tcase_create("net_timer");
    tcase_set_timeout(tc, 30);
    tcase_add_test(tc, it_never_fires_early);
    tcase_add_test(tc, they_fire_in_the_order_of_their_deadlines);
    tcase_add_test(tc, a_late_loop_still_fires_them_in_order);
    tcase_add_test(tc, a_later_deadline_does_not_touch_the_heap);
    tcase_add_test(tc, an_earlier_deadline_counts_at_once);
    tcase_add_test(tc, one_that_restarts_itself_leaves_others_their_turn);
    tcase_add_test(tc, only_making_one_can_fail);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
