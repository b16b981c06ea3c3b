#include "crowd_support.h"

#include "pending.h"

static crowd w;

static void start(void) {
    crowd_start(&w, NULL);
}

static void stop(void) {
    crowd_stop(&w);
}

static void on_finish(sio_pending *pending, int status) {
    sio_pending_done(pending);
    crowd_note(&w, "%d ", status);
}

START_TEST(is_finished_once_and_later) {
    sio_pending first, second;
    sio_pending_init(&first, w.root, on_finish);
    sio_pending_init(&second, w.root, on_finish);
    sio_pending_defer(&first);
    crowd_expect(&w, "");
    server_until(&w.t, w.notes[0]);
    crowd_expect(&w, "0 ");
    server_settle(&w.t);
    sio_pending_cancel_all(w.root);
    crowd_expect(&w, "-9 ");
    sio_pending_cancel_all(w.root);
    server_settle(&w.t);
    crowd_expect(&w, "");
}
END_TEST

START_TEST(may_be_cancelled_while_it_waits) {
    sio_pending pending;
    sio_pending_init(&pending, w.root, on_finish);
    sio_pending_defer(&pending);
    sio_pending_cancel_all(w.root);
    server_settle(&w.t);
    crowd_expect(&w, "-9 ");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("pending");
    TCase *tc = tcase_create("pending");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, is_finished_once_and_later);
    tcase_add_test(tc, may_be_cancelled_while_it_waits);
    return test_run(suite);
}
