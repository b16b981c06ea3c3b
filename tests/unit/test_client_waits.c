/* Callbacks that wait for one thing: each is called exactly once. */
#include "support.h"
#include "waits.h"

static sio_waits waits;
static int called[4];
static int last_status;

static void note(int status, void *user) {
    called[*(const int *)user]++;
    last_status = status;
}

static int numbers[] = {0, 1, 2, 3};

static void push(sio_done_fn fn, int number) {
    sio_wait *wait = sio_wait_new(fn, &numbers[number], NULL);
    ck_assert_ptr_nonnull(wait);
    sio_waits_push(&waits, wait);
}

static void push_again(int status, void *user) {
    note(status, user);
    push(note, 3);
}

static void end_all(int status, void *user) {
    note(status, user);
    sio_waits_end(&waits, -2, NULL);
}

static void setup(void) {
    sio_waits_init(&waits);
    for (int i = 0; i < 4; i++) {
        called[i] = 0;
    }
}

START_TEST(those_added_by_a_callback_wait_for_the_next) {
    push(note, 0);
    push(push_again, 1);
    push(note, 2);
    ck_assert_uint_eq(waits.count, 3);
    sio_waits_end(&waits, -1, NULL);
    ck_assert(called[0] == 1 && called[1] == 1 && called[2] == 1 && called[3] == 0);
    ck_assert_uint_eq(waits.count, 1);
    sio_waits_end(&waits, 0, NULL);
    ck_assert(called[3] == 1 && last_status == 0 && waits.count == 0);
}
END_TEST

START_TEST(a_callback_may_end_the_others) {
    push(end_all, 0);
    push(note, 1);
    sio_waits_end(&waits, -1, NULL);
    ck_assert(called[0] == 1 && called[1] == 1 && last_status == -2);
}
END_TEST

START_TEST(one_that_was_not_pushed) {
    sio_wait_end(sio_wait_new(note, &numbers[2], NULL), -7, NULL);
    sio_wait_end(NULL, 0, NULL);
    ck_assert(called[2] == 1 && last_status == -7);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("client_waits");
    TCase *tc = tcase_create("waits");
    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, those_added_by_a_callback_wait_for_the_next);
    tcase_add_test(tc, a_callback_may_end_the_others);
    tcase_add_test(tc, one_that_was_not_pushed);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
