/* The page with the counters. */
#include "server_support.h"

static void start(server_test *t) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.metrics_path = "/metrics";
    server_start(t, &options);
}

START_TEST(shows_the_counters) {
    server_test t;
    raw_client c;
    http_answer answer;
    start(&t);
    raw_open(&c, &t);
    for (int i = 0; i < 2; i++) {
        http_send(&c, "GET", "/metrics?any=query", "", NULL, 0);
        ck_assert(http_receive(&c, &answer));
        ck_assert_int_eq(answer.status, 200);
        ck_assert(http_has(&answer, "Content-Type: text/plain; version=0.0.4; charset=utf-8"));
        ck_assert(http_has(&answer, "Cache-Control: no-store"));
        ck_assert_ptr_nonnull(strstr(answer.body, i == 0
                                                      ? "\nsio_server_http_responses_total{class="
                                                        "\"2xx\"} 0\n"
                                                      : "\nsio_server_http_responses_total{class="
                                                        "\"2xx\"} 1\n"));
        http_answer_free(&answer);
    }
    raw_close(&c);
    server_stop(&t);
}
END_TEST

START_TEST(takes_no_other_method_and_no_other_path) {
    server_test t;
    start(&t);
    http_expect(&t, "DELETE", "/metrics", "", NULL, 405, NULL);
    http_expect(&t, "POST", "/metrics", "", "x", 405, NULL);
    http_expect(&t, "GET", "/metrics/", "", NULL, 404, NULL);
    http_expect(&t, "GET", "/metric", "", NULL, 404, NULL);
    server_stop(&t);
    server_start(&t, NULL);
    http_expect(&t, "GET", "/metrics", "", NULL, 404, NULL);
    server_stop(&t);
}
END_TEST

START_TEST(needs_an_absolute_path) {
    sio_server *server = NULL;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.metrics_path = "metrics";
    ck_assert_int_eq(sio_server_new(&server, &options), SIO_ERR_INVALID);
    ck_assert_ptr_null(server);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("page");
    TCase *tc = tcase_create("page");
    tcase_add_test(tc, shows_the_counters);
    tcase_add_test(tc, takes_no_other_method_and_no_other_path);
    tcase_add_test(tc, needs_an_absolute_path);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
