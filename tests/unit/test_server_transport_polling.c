#include "server_support.h"

#include <stdio.h>
#include <stdlib.h>

static server_test t;

static void start_with(sio_engine_settings options) {
    options.polling = options.websocket = true;
    engine_start(&t, &options);
}

static void start(void) {
    t = (server_test){0};
    start_with((sio_engine_settings){.allow_eio3 = true});
}

static void stop(void) {
    engine_stop(&t);
}

/* E22 E25 E29: T4-1 */
START_TEST(opens) {
    raw_client c;
    http_answer answer;
    char want[256];
    char sid[64];
    raw_open(&c, &t);
    http_send(&c, "GET", "/engine.io/?EIO=4&transport=polling", "", NULL, 0);
    ck_assert(http_receive(&c, &answer));
    ck_assert_int_eq(answer.status, 200);
    ck_assert(http_has(&answer, "Content-Type: text/plain; charset=UTF-8"));
    ck_assert(http_has(&answer, "cache-control: no-store"));
    ck_assert_int_eq(sscanf(answer.body, "0{\"sid\":\"%63[^\"]\"", sid), 1);
    ck_assert_uint_eq(strlen(sid), 20);
    snprintf(want, sizeof(want),
             "0{\"sid\":\"%s\",\"upgrades\":[\"websocket\"],\"pingInterval\":25000,"
             "\"pingTimeout\":20000,\"maxPayload\":1000000}",
             sid);
    ck_assert_str_eq(answer.body, want);
    http_answer_free(&answer);
    raw_close(&c);
}
END_TEST

/* E73 E81: T4-8, T4-9, T4-10 */
START_TEST(carries_messages_both_ways) {
    poller p;
    poller_open(&p, &t, "EIO=4");
    poller_post(&p, "4hello");
    poller_get(&p, "4hello");
    poller_post(&p, "4test1\x1e"
                    "4test2\x1e"
                    "4test3");
    poller_get(&p, "4test1\x1e"
                   "4test2\x1e"
                   "4test3");
    poller_post(&p, "4hello\x1e"
                    "bAQIDBA==");
    poller_get(&p, "4hello\x1e"
                   "bAQIDBA==");
    poller_post(&p, "4");
    poller_get(&p, "4");
    poller_post(&p, "4\xe2\x82\xac");
    poller_get(&p, "4\xe2\x82\xac");
    poller_close(&p);
}
END_TEST

START_TEST(holds_a_poll_until_there_is_something) {
    poller p;
    poller_open(&p, &t, "EIO=4");
    poller_poll(&p);
    server_settle(&t);
    ck_assert_uint_eq(p.get.len, 0);
    poller_post(&p, "4hello");
    poller_expect(&p, "4hello");
    poller_close(&p);
}
END_TEST

START_TEST(answers_posts_as_the_reference) {
    poller p;
    http_answer answer;
    poller_open(&p, &t, "EIO=4");
    http_send(&p.post, "POST", poller_target(&p), "", "4a", 2);
    ck_assert(http_receive(&p.post, &answer));
    ck_assert_int_eq(answer.status, 200);
    ck_assert_str_eq(answer.body, "ok");
    ck_assert(http_has(&answer, "Content-Type: text/html"));
    ck_assert(http_has(&answer, "Content-Length: 2"));
    ck_assert(http_has(&answer, "cache-control: no-store"));
    ck_assert(!http_has(&answer, "X-XSS-Protection: 0"));
    http_answer_free(&answer);
    http_send(&p.post, "POST", poller_target(&p), "User-Agent: x (Trident/7.0)\r\n", "4b", 2);
    ck_assert(http_receive(&p.post, &answer));
    ck_assert(http_has(&answer, "X-XSS-Protection: 0"));
    http_answer_free(&answer);
    poller_close(&p);
}
END_TEST

/* E84 */
START_TEST(takes_chunked_posts) {
    poller p;
    poller_open(&p, &t, "EIO=4");
    http_send(&p.post, "POST", poller_target(&p), "Transfer-Encoding: chunked\r\n", NULL, 0);
    raw_text(&p.post, "3\r\n4he\r\n");
    server_settle(&t);
    raw_text(&p.post, "3\r\nllo\r\n0\r\n\r\n");
    http_expect_answer(&p.post, 200, "ok");
    poller_get(&p, "4hello");
    poller_close(&p);
}
END_TEST

START_TEST(serves_both_kinds_on_one_connection) {
    poller p;
    poller_open(&p, &t, "EIO=4");
    char both[1024];
    int n =
        snprintf(both, sizeof(both), "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n4a",
                 poller_target(&p));
    n += snprintf(both + n, sizeof(both) - (size_t)n, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n",
                  poller_target(&p));
    raw_send(&p.get, both, (size_t)n); /* pipelined */
    http_expect_answer(&p.get, 200, "ok");
    http_expect_answer(&p.get, 200, "4a");
    poller_close(&p);
}
END_TEST

/* E62: T4-11, and the rows of what an undecodable payload does */
START_TEST(a_malformed_payload_ends_the_session) {
    static const char *const payloads[] = {"abc",     "",  "\x1e", "4a\x1e",
                                           "7\0364b", "7", "{}",   "b!!!!"};
    for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
        poller p;
        unsigned closes = t.closes;
        poller_open(&p, &t, "EIO=4");
        poller_post(&p, payloads[i]);
        ck_assert_uint_eq(t.closes, closes + 1);
        ck_assert_int_eq(t.reason, SIO_EIO_REASON_PARSE_ERROR);
        poller_expect_gone(&p);
        poller_close(&p);
    }
    ck_assert_uint_eq(t.messages, 1); /* the one in front of the error */
}
END_TEST

START_TEST(a_parse_error_answers_a_held_poll) {
    poller p;
    poller_open(&p, &t, "EIO=4");
    poller_poll(&p);
    server_settle(&t);
    poller_post(&p, "abc");
    poller_expect(&p, "1");
    poller_expect_gone(&p);
    poller_close(&p);
}
END_TEST

/* T4-12 */
START_TEST(two_polls_at_once_end_the_session) {
    poller p;
    poller_open(&p, &t, "EIO=4");
    poller_poll(&p);
    server_settle(&t);
    http_expect(&t, "GET", poller_target(&p), "", NULL, 400, "");
    poller_expect(&p, "1");
    ck_assert_int_eq(t.reason, SIO_EIO_REASON_TRANSPORT_ERROR);
    ck_assert_int_eq(t.error, SIO_ERR_EIO_OVERLAP);
    poller_expect_gone(&p);
    poller_close(&p);
}
END_TEST

START_TEST(two_posts_at_once_end_the_session) {
    poller p;
    poller_open(&p, &t, "EIO=4");
    http_send(&p.post, "POST", poller_target(&p), "Content-Length: 100\r\n", NULL, 0);
    raw_text(&p.post, "4half");
    server_settle(&t);
    http_expect(&t, "POST", poller_target(&p), "", "4a", 400, "");
    raw_expect_eof(&p.post); /* the first one is cut, without an answer */
    ck_assert_uint_eq(p.post.len, 0);
    ck_assert_int_eq(t.reason, SIO_EIO_REASON_TRANSPORT_ERROR);
    ck_assert_int_eq(t.error, SIO_ERR_EIO_POST_OVERLAP);
    ck_assert_uint_eq(t.messages, 0);
    poller_expect_gone(&p);
    poller_close(&p);
}
END_TEST

/* E51: T4-13 */
START_TEST(a_lost_poll_ends_the_session) {
    for (int reset = 0; reset < 2; reset++) {
        poller p;
        unsigned closes = t.closes;
        poller_open(&p, &t, "EIO=4");
        poller_poll(&p);
        server_settle(&t);
        if (reset) {
            raw_reset(&p.get);
        } else {
            raw_close(&p.get);
        }
        server_until(&t, t.closes == closes + 1);
        ck_assert_int_eq(t.reason, SIO_EIO_REASON_TRANSPORT_ERROR);
        ck_assert_int_eq(t.error, SIO_ERR_EIO_POLL_ABORTED);
        poller_expect_gone(&p);
        poller_close(&p);
    }
}
END_TEST

START_TEST(a_lost_post_ends_the_session) {
    poller p;
    poller_open(&p, &t, "EIO=4");
    http_send(&p.post, "POST", poller_target(&p), "Content-Length: 100\r\n", NULL, 0);
    raw_text(&p.post, "4half");
    server_settle(&t);
    raw_close(&p.post);
    server_until(&t, t.closes == 1);
    ck_assert_int_eq(t.reason, SIO_EIO_REASON_TRANSPORT_ERROR);
    ck_assert_int_eq(t.error, SIO_ERR_EIO_POST_ABORTED);
    poller_expect_gone(&p);
    poller_close(&p);
}
END_TEST

START_TEST(an_idle_connection_may_go) {
    poller p;
    poller_open(&p, &t, "EIO=4");
    raw_close(&p.get);
    raw_close(&p.post);
    server_settle(&t);
    ck_assert_uint_eq(t.closes, 0);
    raw_open(&p.get, &t);
    raw_open(&p.post, &t);
    poller_post(&p, "4a");
    poller_get(&p, "4a");
    poller_close(&p);
}
END_TEST

/* E57 */
START_TEST(a_session_that_ends_cuts_its_running_post) {
    poller p;
    poller_open(&p, &t, "EIO=4");
    poller_poll(&p);
    http_send(&p.post, "POST", poller_target(&p), "Content-Length: 100\r\n", NULL, 0);
    raw_text(&p.post, "4half");
    server_settle(&t);
    raw_close(&p.get);
    raw_expect_eof(&p.post);
    ck_assert_uint_eq(t.closes, 1);
    poller_close(&p);
}
END_TEST

/* E58 */
START_TEST(an_octet_stream_ends_the_session) {
    poller p;
    poller_open(&p, &t, "EIO=4");
    poller_poll(&p);
    server_settle(&t);
    http_send(&p.post, "POST", poller_target(&p), "Content-Type: application/octet-stream\r\n",
              "4a", 2);
    http_expect_answer(&p.post, 400, "");
    poller_expect(&p, "1");
    ck_assert_int_eq(t.reason, SIO_EIO_REASON_TRANSPORT_ERROR);
    ck_assert_int_eq(t.error, SIO_ERR_EIO_CONTENT);
    ck_assert_uint_eq(t.messages, 0);
    poller_expect_gone(&p);
    poller_close(&p);
}
END_TEST

START_TEST(other_content_types_are_not_looked_at) {
    poller p;
    poller_open(&p, &t, "EIO=4");
    http_send(&p.post, "POST", poller_target(&p), "Content-Type: application/octet-stream; x=y\r\n",
              "4a", 2);
    http_expect_answer(&p.post, 200, "ok");
    poller_get(&p, "4a");
    poller_close(&p);
}
END_TEST

/* E77 */
START_TEST(a_large_body_leaves_the_session_alive) {
    engine_stop(&t);
    start_with((sio_engine_settings){.max_payload = 100});
    poller p;
    char body[102];
    memset(body, 'x', sizeof(body));
    body[0] = '4';
    poller_open(&p, &t, "EIO=4");
    raw_client c;
    raw_open(&c, &t);
    http_send(&c, "POST", poller_target(&p), "", body, 101);
    http_expect_answer(&c, 413, "");
    raw_close(&c);
    raw_open(&c, &t);
    http_send(&c, "POST", poller_target(&p), "Transfer-Encoding: chunked\r\n", NULL, 0);
    raw_text(&c, "40\r\n");
    raw_send(&c, body, 64);
    raw_text(&c, "\r\n40\r\n");
    raw_send(&c, body, 64);
    raw_text(&c, "\r\n0\r\n\r\n");
    http_expect_answer(&c, 413, "");
    raw_close(&c);
    ck_assert_uint_eq(t.closes, 0);
    ck_assert_uint_eq(t.messages, 0);
    raw_open(&c, &t);
    http_send(&c, "POST", poller_target(&p), "", body, 100);
    http_expect_answer(&c, 200, "ok");
    raw_close(&c);
    ck_assert_uint_eq(t.messages, 1);
    poller_close(&p);
}
END_TEST

/* E47: T4-21 */
START_TEST(the_client_closes) {
    poller p;
    poller_open(&p, &t, "EIO=4");
    poller_poll(&p);
    server_settle(&t);
    poller_post(&p, "4a\x1e"
                    "1\x1e"
                    "4b");
    ck_assert_uint_eq(t.messages, 1);
    ck_assert_int_eq(t.reason, SIO_EIO_REASON_TRANSPORT_CLOSE);
    http_answer answer;
    ck_assert(http_receive(&p.get, &answer));
    ck_assert_int_eq(answer.status, 200);
    http_answer_free(&answer);
    poller_expect_gone(&p);
    poller_close(&p);
    poller_open(&p, &t, "EIO=4");
    poller_poll(&p);
    server_settle(&t);
    poller_post(&p, "1");
    poller_expect(&p, "6");
    poller_expect_gone(&p);
    poller_close(&p);
}
END_TEST

START_TEST(the_server_closes) {
    poller p;
    poller_open(&p, &t, "EIO=4");
    poller_poll(&p);
    server_settle(&t);
    sio_engine_session_close(t.session, false); /* a poll is held */
    ck_assert_int_eq(t.reason, SIO_EIO_REASON_FORCED_CLOSE);
    poller_expect(&p, "1");
    poller_expect_gone(&p);
    poller_close(&p);
    poller_open(&p, &t, "EIO=4");
    sio_engine_session_close(t.session, false); /* none is */
    poller_get(&p, "6\x1e"
                   "1");
    poller_expect_gone(&p);
    poller_close(&p);
    poller_open(&p, &t, "EIO=4");
    poller_post(&p, "4a");
    sio_engine_session_close(t.session, false); /* and something is queued */
    poller_post(&p, "4ignored");
    poller_get(&p, "4a");
    poller_get(&p, "6\x1e"
                   "1");
    poller_expect_gone(&p);
    poller_close(&p);
}
END_TEST

START_TEST(a_closing_session_waits_for_a_poll_for_a_while) {
    engine_stop(&t);
    t.eio.close_timeout = 30;
    start_with((sio_engine_settings){0});
    poller p;
    poller_open(&p, &t, "EIO=4");
    sio_engine_session_close(t.session, false);
    ck_assert_uint_eq(t.closes, 0);
    server_until(&t, t.closes == 1);
    ck_assert_int_eq(t.reason, SIO_EIO_REASON_FORCED_CLOSE);
    poller_expect_gone(&p);
    poller_close(&p);
}
END_TEST

/* ---- JSONP ---- */

START_TEST(wraps_for_jsonp) {
    poller p;
    poller_open(&p, &t, "EIO=4&j=x3y4");
    ck_assert_msg(strncmp(p.open, "___eio[34](\"0{\\\"sid\\\":\\\"", 23) == 0, "%s", p.open);
    http_send(&p.post, "POST", poller_target(&p), "", "d=4a%5Cnb+c", 11);
    http_expect_answer(&p.post, 200, "ok");
    ck_assert_str_eq(t.last, "a\nb c");
    poller_get(&p, "___eio[34](\"4a\\nb c\");");
    http_send(&p.post, "POST", poller_target(&p), "", "d=bAQIDBA%3D%3D", 15);
    http_expect_answer(&p.post, 200, "ok");
    poller_get(&p, "___eio[34](\"bAQIDBA==\");"); /* binary goes as text */
    http_send(&p.post, "POST", poller_target(&p), "", "e=4a", 4);
    http_expect_answer(&p.post, 200, "ok"); /* no field `d`: ignored */
    ck_assert_uint_eq(t.closes, 0);
    http_send(&p.post, "POST", poller_target(&p), "", "d=abc", 5);
    http_expect_answer(&p.post, 200, "ok");
    ck_assert_int_eq(t.reason, SIO_EIO_REASON_PARSE_ERROR);
    poller_close(&p);
}
END_TEST

/* The same for clients of revision 3, which count characters. Binary goes as text here, too,
 * whether the client has said so or not. */
START_TEST(wraps_for_jsonp_of_revision_3) {
    poller p;
    poller_open(&p, &t, "EIO=3&j=0");
    ck_assert_msg(strncmp(p.open, "___eio[0](\"", 11) == 0, "%s", p.open);
    http_send(&p.post, "POST", poller_target(&p), "", "d=3%3A4%E2%82%ACx", 17);
    http_expect_answer(&p.post, 200, "ok");
    ck_assert_str_eq(t.last, "\xe2\x82\xacx");
    poller_get(&p, "___eio[0](\"3:4\xe2\x82\xacx\");");
    http_send(&p.post, "POST", poller_target(&p), "", "d=10%3Ab4AQIDBA%3D%3D", 21);
    http_expect_answer(&p.post, 200, "ok");
    poller_get(&p, "___eio[0](\"10:b4AQIDBA==\");");
    ck_assert_uint_eq(t.closes, 0);
    poller_close(&p);
}
END_TEST

/* ---- revision 3 ---- */

/* T3-1, T3-6, T3-7 */
START_TEST(carries_revision_3) {
    poller p;
    poller_open(&p, &t, "EIO=3");
    unsigned len;
    int at;
    ck_assert_int_eq(sscanf(p.open, "%u:%n0{\"sid\":", &len, &at), 1);
    ck_assert_uint_eq(strlen(p.open + at), len);
    poller_post(&p, "6:4hello");
    poller_get(&p, "6:4hello");
    poller_post(&p, "6:4test16:4test26:4test3");
    poller_get(&p, "6:4test16:4test26:4test3");
    poller_post(&p, "4:4\xe2\x82\xac\xf0\x9f\x98\x80"); /* counted in UTF-16 units */
    poller_get(&p, "4:4\xe2\x82\xac\xf0\x9f\x98\x80");
    poller_post(&p, "1:2"); /* T3-15 */
    poller_get(&p, "1:3");
    poller_close(&p);
}
END_TEST

/* T3-8 */
START_TEST(carries_revision_3_base64) {
    poller p;
    poller_open(&p, &t, "EIO=3&b64=1");
    poller_post(&p, "6:4hello10:b4AQIDBA==");
    poller_get(&p, "6:4hello10:b4AQIDBA==");
    poller_close(&p);
}
END_TEST

/* T3-9 */
START_TEST(carries_revision_3_binary) {
    static const uint8_t bytes[] = {0, 6, 0xff, '4', 'h', 'e', 'l', 'l', 'o',
                                    1, 5, 0xff, 4,   1,   2,   3,   4};
    poller p;
    http_answer answer;
    poller_open(&p, &t, "EIO=3");
    poller_post(&p, "6:4hello10:b4AQIDBA==");
    for (int i = 0; i < 2; i++) {
        poller_poll(&p);
        ck_assert(http_receive(&p.get, &answer));
        ck_assert(http_has(&answer, "Content-Type: application/octet-stream"));
        ck_assert_uint_eq(answer.len, sizeof(bytes));
        ck_assert_mem_eq(answer.body, bytes, sizeof(bytes));
        http_answer_free(&answer);
        if (i == 0) {
            http_send(&p.post, "POST", poller_target(&p),
                      "Content-Type: application/octet-stream\r\n", bytes, sizeof(bytes));
            http_expect_answer(&p.post, 200, "ok");
        }
    }
    poller_close(&p);
}
END_TEST

/* T3-10, T3-11, T3-19 */
START_TEST(closes_revision_3) {
    poller p;
    poller_open(&p, &t, "EIO=3");
    poller_post(&p, "abc");
    ck_assert_int_eq(t.reason, SIO_EIO_REASON_PARSE_ERROR);
    poller_expect_gone(&p);
    poller_close(&p);
    poller_open(&p, &t, "EIO=3");
    poller_poll(&p);
    server_settle(&t);
    http_expect(&t, "GET", poller_target(&p), "", NULL, 400, "");
    poller_expect(&p, "1:1");
    poller_close(&p);
    poller_open(&p, &t, "EIO=3");
    poller_poll(&p);
    server_settle(&t);
    poller_post(&p, "1:1");
    poller_expect(&p, "1:6");
    poller_expect_gone(&p);
    poller_close(&p);
    poller_open(&p, &t, "EIO=3");
    sio_engine_session_close(t.session, false);
    poller_get(&p, "1:61:1");
    poller_close(&p);
}
END_TEST

START_TEST(an_empty_body_is_an_error_in_text_only) {
    poller p;
    poller_open(&p, &t, "EIO=3");
    http_send(&p.post, "POST", poller_target(&p), "Content-Type: application/octet-stream\r\n", "",
              0);
    http_expect_answer(&p.post, 200, "ok");
    ck_assert_uint_eq(t.closes, 0);
    poller_post(&p, "");
    ck_assert_uint_eq(t.closes, 1);
    poller_close(&p);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("polling transport");
    TCase *tc = tcase_create("polling");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, opens);
    tcase_add_test(tc, carries_messages_both_ways);
    tcase_add_test(tc, holds_a_poll_until_there_is_something);
    tcase_add_test(tc, answers_posts_as_the_reference);
    tcase_add_test(tc, takes_chunked_posts);
    tcase_add_test(tc, serves_both_kinds_on_one_connection);
    tcase_add_test(tc, a_malformed_payload_ends_the_session);
    tcase_add_test(tc, a_parse_error_answers_a_held_poll);
    tcase_add_test(tc, two_polls_at_once_end_the_session);
    tcase_add_test(tc, two_posts_at_once_end_the_session);
    tcase_add_test(tc, a_lost_poll_ends_the_session);
    tcase_add_test(tc, a_lost_post_ends_the_session);
    tcase_add_test(tc, an_idle_connection_may_go);
    tcase_add_test(tc, a_session_that_ends_cuts_its_running_post);
    tcase_add_test(tc, an_octet_stream_ends_the_session);
    tcase_add_test(tc, other_content_types_are_not_looked_at);
    tcase_add_test(tc, a_large_body_leaves_the_session_alive);
    tcase_add_test(tc, the_client_closes);
    tcase_add_test(tc, the_server_closes);
    tcase_add_test(tc, a_closing_session_waits_for_a_poll_for_a_while);
    tcase_add_test(tc, wraps_for_jsonp);
    tcase_add_test(tc, wraps_for_jsonp_of_revision_3);
    tcase_add_test(tc, carries_revision_3);
    tcase_add_test(tc, carries_revision_3_base64);
    tcase_add_test(tc, carries_revision_3_binary);
    tcase_add_test(tc, closes_revision_3);
    tcase_add_test(tc, an_empty_body_is_an_error_in_text_only);
    return test_run(suite);
}
