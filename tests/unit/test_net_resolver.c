#include "net_support.h"

#include "net/resolver.h"

#include <dirent.h>
#include <sched.h>

typedef struct answer {
    sio_loop *loop;
    unsigned calls;
    unsigned *stop_total; /* counts down over several */
    int err;
    size_t count;
    sio_address first;
    bool detail;
} answer;

static void on_answer(void *ctx, int err, const char *detail, const sio_address *list,
                      size_t count) {
    answer *a = ctx;
    a->calls++;
    a->err = err;
    a->count = count;
    a->detail = detail != NULL;
    ck_assert(sio_loop_in_thread(a->loop));
    if (count > 0) {
        a->first = list[0];
    }
    if (!a->stop_total || --*a->stop_total == 0) {
        sio_loop_stop(a->loop);
    }
}

static unsigned thread_count(void) {
    unsigned count = 0;
    DIR *tasks = opendir("/proc/self/task");
    ck_assert_ptr_nonnull(tasks);
    for (const struct dirent *d = readdir(tasks); d; d = readdir(tasks)) {
        count += d->d_name[0] != '.';
    }
    closedir(tasks);
    return count;
}

static unsigned own_threads; /* a sanitizer may have one too */

static void count_threads(void) {
    own_threads = thread_count();
}

/* Threads that were let go give no sign when they end. */
static void await_threads(void) {
    while (thread_count() > own_threads) {
        sched_yield();
    }
}

START_TEST(literals_are_answered_later_and_alone) {
    static const char *const hosts[] = {"127.0.0.1", "::1", "[::1]"};
    sio_loop *loop = net_loop(NULL);
    for (size_t i = 0; i < 3; i++) {
        answer a = {.loop = loop};
        sio_lookup *lookup;
        ck_assert_int_eq(sio_lookup_start(&lookup, loop, hosts[i], 443, on_answer, &a), 0);
        ck_assert_uint_eq(a.calls, 0);
        net_run(loop);
        ck_assert_uint_eq(a.calls, 1);
        ck_assert_int_eq(a.err, 0);
        ck_assert_uint_eq(a.count, 1);
        ck_assert(!a.detail);
        ck_assert_uint_eq(sio_address_port(&a.first), 443);
    }
    sio_loop_free(loop);
}
END_TEST

START_TEST(names_are_asked_for_many_at_once) {
    enum { COUNT = 20 };
    sio_loop *loop = net_loop(NULL);
    unsigned left = COUNT;
    answer answers[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        sio_lookup *lookup;
        answers[i] = (answer){.loop = loop, .stop_total = &left};
        ck_assert_int_eq(sio_lookup_start(&lookup, loop, "localhost", 80, on_answer, &answers[i]),
                         0);
    }
    net_run(loop);
    for (size_t i = 0; i < COUNT; i++) {
        ck_assert_uint_eq(answers[i].calls, 1);
        ck_assert_int_eq(answers[i].err, 0);
        ck_assert_uint_ge(answers[i].count, 1);
        ck_assert_uint_eq(sio_address_port(&answers[i].first), 80);
    }
    sio_loop_free(loop);
}
END_TEST

START_TEST(bad_names_are_errors) {
    sio_loop *loop = net_loop(NULL);
    char long_name[300];
    memset(long_name, 'a', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    answer a = {.loop = loop};
    sio_lookup *lookup;
    ck_assert_int_eq(sio_lookup_start(&lookup, loop, "", 1, on_answer, &a), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_lookup_start(&lookup, loop, long_name, 1, on_answer, &a), SIO_ERR_INVALID);
    /* Not a name at all, so that no name server is asked. */
    ck_assert_int_eq(sio_lookup_start(&lookup, loop, "a..b", 1, on_answer, &a), 0);
    net_run(loop);
    ck_assert_int_eq(a.err, SIO_ERR_RESOLVE);
    ck_assert(a.detail);
    sio_loop_free(loop);
}
END_TEST

START_TEST(a_cancelled_lookup_is_not_heard_of) {
    sio_loop *loop = net_loop(NULL);
    answer a = {.loop = loop};
    sio_lookup *lookups[12];
    for (size_t i = 0; i < 12; i++) {
        const char *host = i % 3 == 0 ? "127.0.0.1" : "localhost";
        ck_assert_int_eq(sio_lookup_start(&lookups[i], loop, host, 1, on_answer, &a), 0);
    }
    for (size_t i = 0; i < 12; i++) {
        sio_lookup_cancel(lookups[i]);
    }
    sio_lookup_cancel(NULL);
    net_run_for(loop, 20);
    ck_assert_uint_eq(a.calls, 0);
    sio_loop_free(loop);
    await_threads();
}
END_TEST

START_TEST(the_loop_may_go_while_threads_ask) {
    answer a = {0};
    for (int round = 0; round < 20; round++) {
        sio_loop *loop = net_loop(NULL);
        sio_lookup *lookup;
        for (int i = 0; i < 6; i++) {
            ck_assert_int_eq(sio_lookup_start(&lookup, loop, "localhost", 1, on_answer, &a), 0);
        }
        sio_loop_free(loop);
    }
    await_threads();
    ck_assert_uint_eq(a.calls, 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("net_resolver");
    TCase *tc = tcase_create("net_resolver");
    tcase_set_timeout(tc, 30);
    tcase_add_checked_fixture(tc, count_threads, NULL);
    tcase_add_test(tc, literals_are_answered_later_and_alone);
    tcase_add_test(tc, names_are_asked_for_many_at_once);
    tcase_add_test(tc, bad_names_are_errors);
    tcase_add_test(tc, a_cancelled_lookup_is_not_heard_of);
    tcase_add_test(tc, the_loop_may_go_while_threads_ask);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
