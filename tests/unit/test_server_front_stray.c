#include "server_support.h"

static server_test t;

static void start(uint32_t timeout_ms, bool keep) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.destroy_upgrade_timeout_ms = timeout_ms;
    options.keep_unhandled_upgrades = keep;
    options.idle_timeout_ms = 20;
    server_start(&t, &options);
}

/* E136 */
START_TEST(an_upgrade_of_nobody_is_ended) {
    raw_client c;
    start(30, false);
    raw_open(&c, &t);
    sio_time begin = server_clock();
    ws_request(&c, "/elsewhere", "");
    raw_expect_eof(&c);
    ck_assert_uint_eq(c.len, 0);
    ck_assert_uint_ge(server_clock() - begin, 28);
    raw_close(&c);
    server_stop(&t);
}
END_TEST

/* E138 */
START_TEST(also_when_the_client_goes_on_sending) {
    raw_client c;
    start(60, false);
    raw_open(&c, &t);
    ws_request(&c, "/elsewhere", "");
    for (int i = 0; i < 10; i++) {
        raw_text(&c, "more");
        server_run_for(&t, 2);
    }
    raw_expect_eof(&c);
    raw_close(&c);
    server_stop(&t);
}
END_TEST

/* E137 */
START_TEST(it_may_be_kept) {
    raw_client c;
    start(10, true);
    raw_open(&c, &t);
    ws_request(&c, "/elsewhere", "");
    server_run_for(&t, 80);
    ck_assert(!c.eof);
    raw_close(&c);
    server_settle(&t);
    raw_open(&c, &t);
    ws_request(&c, "/elsewhere", "");
    server_settle(&t);
    sio_server_free(t.server); /* with one that is kept */
    t.server = NULL;
    raw_expect_eof(&c);
    raw_close(&c);
    server_stop(&t);
}
END_TEST

static void on_closed(void *user) {
    *(bool *)user = true;
}

START_TEST(closing_the_server_ends_it) {
    raw_client c;
    bool closed = false;
    start(10, true);
    raw_open(&c, &t);
    ws_request(&c, "/elsewhere", "");
    server_settle(&t);
    ck_assert_int_eq(sio_server_close(t.server, 3600000, on_closed, &closed), 0);
    raw_expect_eof(&c);
    server_until(&t, closed);
    raw_close(&c);
    server_stop(&t);
}
END_TEST

static void handle(sio_request *request, void *user) {
    ck_assert_int_eq(sio_request_reply(request, 426, NULL, "no", 2), 0);
}

/* E139 E140 */
START_TEST(a_handler_gets_it_first) {
    raw_client c;
    start(10, false);
    sio_server_on_request(t.server, handle, NULL);
    raw_open(&c, &t);
    ws_request(&c, "/elsewhere", "");
    http_expect_answer(&c, 426, "no");
    raw_close(&c);
    server_stop(&t);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("stray upgrades");
    TCase *tc = tcase_create("stray");
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, an_upgrade_of_nobody_is_ended);
    tcase_add_test(tc, also_when_the_client_goes_on_sending);
    tcase_add_test(tc, it_may_be_kept);
    tcase_add_test(tc, closing_the_server_ends_it);
    tcase_add_test(tc, a_handler_gets_it_first);
    return test_run(suite);
}
