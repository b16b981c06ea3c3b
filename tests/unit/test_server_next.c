#include "support.h"

#include "next.h"

#include <string.h>

static sio_server *server;
static sio_waiter waiter;
static unsigned woken;

static void on_wake(sio_waiter *w) {
    ck_assert_ptr_eq(w, &waiter);
    woken++;
}

static void begin(void) {
    ck_assert_int_eq(sio_server_new(&server, NULL), 0);
    waiter = (sio_waiter){.wake = on_wake, .for_event = true};
    woken = 0;
}

static void end(void) {
    sio_waiter_clear(&waiter);
    sio_server_free(server);
}

START_TEST(an_answer_inside_the_call_wakes_nobody) {
    sio_next *next = sio_waiter_ask(&waiter, server, NULL);
    ck_assert_int_eq(sio_next_ok(next), 0);
    ck_assert_int_eq(sio_next_ok(next), SIO_ERR_STATE);
    ck_assert_int_eq(sio_next_refuse(next, "late", NULL), SIO_ERR_STATE);
    ck_assert_int_eq(sio_next_replace(next, "late", NULL), SIO_ERR_STATE);
    ck_assert(sio_next_returned(next));
    ck_assert_uint_eq(woken, 0);
    ck_assert_int_eq(waiter.status, 0);
    ck_assert_ptr_null(waiter.next);
}
END_TEST

START_TEST(a_later_answer_wakes) {
    sio_next *next = sio_waiter_ask(&waiter, server, NULL);
    ck_assert(!sio_next_returned(next));
    ck_assert_int_eq(sio_next_refuse(next, "no", "[1]"), 0);
    ck_assert_uint_eq(woken, 1);
    ck_assert_int_ne(waiter.status, 0);
    ck_assert_str_eq(waiter.message, "no");
    ck_assert_str_eq(waiter.data, "[1]");
}
END_TEST

START_TEST(what_is_no_json_is_refused_without) {
    sio_next *next = sio_waiter_ask(&waiter, server, NULL);
    ck_assert_int_lt(sio_next_refuse(next, "no", "{"), 0);
    ck_assert(sio_next_returned(next));
    ck_assert_int_ne(waiter.status, 0);
    ck_assert_str_eq(waiter.message, "no");
    ck_assert_ptr_null(waiter.data);
}
END_TEST

START_TEST(nobody_hears_an_answer_after_all_is_over) {
    sio_next *next = sio_waiter_ask(&waiter, server, NULL);
    ck_assert(!sio_next_returned(next));
    sio_waiter_abandon(&waiter);
    ck_assert_int_eq(sio_next_replace(next, "x", NULL), SIO_ERR_DISCONNECTED);
    ck_assert_int_eq(sio_next_ok(next), 0);
    ck_assert_uint_eq(woken, 0);
    sio_waiter_abandon(&waiter);
}
END_TEST

START_TEST(abandoned_and_answered_inside_the_call) {
    sio_next *next = sio_waiter_ask(&waiter, server, NULL);
    sio_waiter_abandon(&waiter);
    ck_assert_int_eq(sio_next_ok(next), 0);
    ck_assert(!sio_next_returned(next));
    ck_assert_uint_eq(woken, 0);
}
END_TEST

START_TEST(only_events_can_be_replaced) {
    sio_args *args;
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    sio_next *next = sio_waiter_ask(&waiter, server, NULL);
    ck_assert_int_eq(sio_next_replace(next, "first", NULL), 0);
    ck_assert_int_eq(sio_next_replace(next, "second", args), 0);
    ck_assert_str_eq(waiter.name, "second");
    ck_assert_ptr_eq(waiter.args, args);
    waiter.for_event = false;
    ck_assert_int_eq(sio_next_replace(next, "third", NULL), SIO_ERR_STATE);
    ck_assert_int_eq(sio_next_ok(next), 0);
    ck_assert(sio_next_returned(next));
    sio_args_unref(args);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server_next");
    TCase *tc = tcase_create("server_next");
    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, an_answer_inside_the_call_wakes_nobody);
    tcase_add_test(tc, a_later_answer_wakes);
    tcase_add_test(tc, what_is_no_json_is_refused_without);
    tcase_add_test(tc, nobody_hears_an_answer_after_all_is_over);
    tcase_add_test(tc, abandoned_and_answered_inside_the_call);
    tcase_add_test(tc, only_events_can_be_replaced);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
