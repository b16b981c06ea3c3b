#include "server_support.h"

#include "engine_session.h"

#include <stdio.h>

static server_test t;

/* Short enough to wait for, long enough for a busy machine: nothing here measures a duration. */
static void start_with(uint32_t interval, uint32_t timeout) {
    t = (server_test){0};
    t.eio.ping_interval = interval;
    t.eio.ping_timeout = timeout;
    engine_start(&t,
                 &(sio_engine_settings){.polling = true, .websocket = true, .allow_eio3 = true});
}

static void start(void) {
    start_with(0, 0);
}

static void stop(void) {
    engine_stop(&t);
}

static int send_text(const char *text, unsigned flags) {
    sio_eio_message *message;
    ck_assert_int_eq(sio_eio_message_new(&message, false, text, strlen(text), NULL), 0);
    int rc = sio_engine_session_send(t.session, message, flags);
    sio_eio_message_unref(message);
    return rc;
}

/* ---- heartbeat ---- */

/* T4-17 */
START_TEST(pings_over_polling) {
    stop();
    start_with(20, 5000);
    poller p;
    poller_open(&p, &t, "EIO=4");
    for (int i = 0; i < 3; i++) {
        poller_get(&p, "2");
        poller_post(&p, "3");
    }
    ck_assert_uint_eq(t.closes, 0);
    poller_close(&p);
}
END_TEST

/* T4-19 */
START_TEST(pings_over_a_websocket) {
    stop();
    start_with(20, 5000);
    raw_client c;
    ws_connect(&c, &t, "EIO=4", NULL);
    for (int i = 0; i < 3; i++) {
        ws_expect(&c, "2");
        ws_text(&c, "3");
    }
    raw_close(&c);
}
END_TEST

/* E41 E61: T4-18 */
START_TEST(ends_without_a_pong_over_polling) {
    stop();
    start_with(20, 300);
    poller p;
    poller_open(&p, &t, "EIO=4");
    poller_get(&p, "2");
    poller_poll(&p);
    poller_expect(&p, "1"); /* the held poll learns of it */
    ck_assert_int_eq(t.reason, SIO_EIO_REASON_PING_TIMEOUT);
    poller_expect_gone(&p);
    poller_close(&p);
    poller_open(&p, &t, "EIO=4"); /* a client that vanished */
    server_until(&t, t.closes == 2);
    ck_assert_int_eq(t.reason, SIO_EIO_REASON_PING_TIMEOUT);
    poller_close(&p);
}
END_TEST

/* E41 E61: T4-20 */
START_TEST(ends_without_a_pong_over_a_websocket) {
    stop();
    start_with(20, 300);
    raw_client c;
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_expect(&c, "2");
    ws_expect_close(&c, 0);
    ck_assert_int_eq(t.reason, SIO_EIO_REASON_PING_TIMEOUT);
    raw_close(&c);
}
END_TEST

START_TEST(the_heartbeat_survives_an_upgrade) {
    stop();
    start_with(20, 400);
    poller p;
    raw_client c;
    char query[128];
    poller_open(&p, &t, "EIO=4");
    poller_get(&p, "2"); /* its pong never comes */
    snprintf(query, sizeof(query), "EIO=4&sid=%s", p.sid);
    ws_open(&c, &t, query, "");
    ws_text(&c, "5");
    ws_expect_close(&c, 0);
    ck_assert_int_eq(t.reason, SIO_EIO_REASON_PING_TIMEOUT);
    raw_close(&c);
    poller_close(&p);
}
END_TEST

/* T3-16, T3-18 */
START_TEST(revision_3_wants_pings) {
    stop();
    start_with(20, 300);
    poller p;
    raw_client c;
    poller_open(&p, &t, "EIO=3");
    server_until(&t, t.closes == 1);
    ck_assert_int_eq(t.reason, SIO_EIO_REASON_PING_TIMEOUT);
    http_expect(&t, "POST", poller_target(&p), "", "1:2", 400, NULL);
    poller_close(&p);
    ws_connect(&c, &t, "EIO=3", NULL);
    ws_expect_close(&c, 0);
    ck_assert_int_eq(t.reason, SIO_EIO_REASON_PING_TIMEOUT);
    raw_close(&c);
}
END_TEST

START_TEST(heartbeats_in_the_wrong_direction_end_it) {
    poller p;
    poller_open(&p, &t, "EIO=4");
    poller_post(&p, "2");
    ck_assert_int_eq(t.reason, SIO_EIO_REASON_TRANSPORT_ERROR);
    ck_assert_int_eq(t.error, SIO_ERR_EIO_HEARTBEAT);
    poller_expect_gone(&p);
    poller_close(&p);
    poller_open(&p, &t, "EIO=3");
    poller_post(&p, "1:3");
    ck_assert_int_eq(t.error, SIO_ERR_EIO_HEARTBEAT);
    poller_close(&p);
}
END_TEST

/* ---- sending ---- */

START_TEST(knows_when_it_is_writable) {
    poller p;
    poller_open(&p, &t, "EIO=4");
    ck_assert(!sio_engine_session_writable(t.session));
    ck_assert_int_eq(send_text("dropped", SIO_EIO_VOLATILE), SIO_ERR_DISCARDED);
    poller_poll(&p);
    server_until(&t, sio_engine_session_writable(t.session));
    ck_assert_int_eq(send_text("one", 0), 0);
    ck_assert(!sio_engine_session_writable(t.session));
    ck_assert_int_eq(send_text("dropped", SIO_EIO_VOLATILE), SIO_ERR_DISCARDED);
    ck_assert_int_eq(send_text("two", 0), 0);
    poller_expect(&p, "4one\x1e"
                      "4two");
    poller_close(&p);
    raw_client c;
    ws_connect(&c, &t, "EIO=4", NULL);
    server_until(&t, sio_engine_session_writable(t.session));
    ck_assert_int_eq(send_text("a", SIO_EIO_VOLATILE), 0);
    ck_assert_int_eq(send_text("b", SIO_EIO_VOLATILE), SIO_ERR_DISCARDED);
    ck_assert_int_eq(send_text("c", 0), 0);
    ws_expect(&c, "4a");
    ws_expect(&c, "4c");
    raw_close(&c);
}
END_TEST

START_TEST(sends_nothing_after_the_end) {
    raw_client c;
    ws_connect(&c, &t, "EIO=4", NULL);
    sio_engine_session_close(t.session, false);
    ck_assert_int_eq(send_text("late", 0), SIO_ERR_CLOSED);
    ck_assert_int_eq(sio_engine_session_state(t.session), SIO_EIO_STATE_CLOSED);
    ck_assert_uint_eq(sio_engine_session_queued(t.session), 0);
    sio_engine_session_close(t.session, true);
    sio_engine_session_fail(t.session, SIO_ERR_NOMEM);
    ck_assert_uint_eq(t.closes, 1);
    ws_expect_close(&c, 0);
    raw_close(&c);
}
END_TEST

START_TEST(sends_nothing_while_closing) {
    poller p;
    poller_open(&p, &t, "EIO=4");
    sio_engine_session_close(t.session, false);
    ck_assert_int_eq(sio_engine_session_state(t.session), SIO_EIO_STATE_CLOSING);
    ck_assert_int_lt(send_text("late", 0), 0);
    sio_engine_session_close(t.session, true); /* discards what it still waits for */
    ck_assert_uint_eq(t.closes, 1);
    ck_assert_int_eq(t.reason, SIO_EIO_REASON_FORCED_CLOSE);
    poller_expect_gone(&p);
    poller_close(&p);
}
END_TEST

START_TEST(fails_from_the_deferred_queue) {
    raw_client c;
    ws_connect(&c, &t, "EIO=4", NULL);
    sio_engine_session_fail(t.session, SIO_ERR_NOMEM);
    ck_assert_uint_eq(t.closes, 0);
    ck_assert_int_eq(send_text("late", 0), SIO_ERR_CLOSED);
    server_until(&t, t.closes == 1);
    ck_assert_int_eq(t.reason, SIO_EIO_REASON_TRANSPORT_ERROR);
    ck_assert_int_eq(t.error, SIO_ERR_NOMEM);
    raw_expect_eof(&c);
    raw_close(&c);
}
END_TEST

/* What comes behind a message that was lost is not delivered, as if that had not been. */
START_TEST(delivers_nothing_after_a_failure) {
    raw_client c;
    char text[] = "behind";
    sio_eio_packet packet = {.type = SIO_EIO_MESSAGE, .data = {(const uint8_t *)text, 6}};
    ws_connect(&c, &t, "EIO=4", NULL);
    sio_engine_session_receive(t.session, &packet, false);
    ck_assert_uint_eq(t.messages, 1);
    sio_engine_session_fail(t.session, SIO_ERR_NOMEM);
    sio_engine_session_receive(t.session, &packet, false);
    ck_assert_uint_eq(t.messages, 1);
    server_until(&t, t.closes == 1);
    raw_close(&c);
}
END_TEST

/* A client that does not read is cut off, whichever transport it uses. */
START_TEST(a_full_queue_ends_the_session) {
    stop();
    t = (server_test){0};
    t.eio.max_queue_bytes = 100000;
    t.silent = true;
    engine_start(&t, &(sio_engine_settings){.polling = true, .websocket = true});
    char text[10001];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    poller p;
    poller_open(&p, &t, "EIO=4");
    int rc = 0;
    unsigned sent = 0;
    while (rc == 0) {
        rc = send_text(text, 0);
        sent++;
    }
    ck_assert_int_eq(rc, SIO_ERR_EIO_QUEUE_FULL);
    ck_assert_uint_ge(sent, 10);
    ck_assert_uint_le(sent, 11);
    server_until(&t, t.closes == 1);
    ck_assert_int_eq(t.reason, SIO_EIO_REASON_TRANSPORT_ERROR);
    ck_assert_int_eq(t.error, SIO_ERR_EIO_QUEUE_FULL);
    poller_expect_gone(&p);
    poller_close(&p);
    raw_client c;
    ws_connect(&c, &t, "EIO=4", NULL);
    rc = 0;
    while (rc == 0) {
        rc = send_text(text, 0);
    }
    ck_assert_int_eq(rc, SIO_ERR_EIO_QUEUE_FULL);
    server_until(&t, t.closes == 2);
    ck_assert_int_eq(t.error, SIO_ERR_EIO_QUEUE_FULL);
    raw_close(&c);
}
END_TEST

START_TEST(counts_what_waits) {
    poller p;
    poller_open(&p, &t, "EIO=4");
    ck_assert_uint_eq(sio_engine_session_queued(t.session), 0);
    ck_assert_int_eq(send_text("12345", 0), 0);
    ck_assert_uint_eq(sio_engine_session_queued(t.session), 5);
    poller_get(&p, "412345");
    ck_assert_uint_eq(sio_engine_session_queued(t.session), 0);
    poller_close(&p);
}
END_TEST

/* ---- asking ---- */

START_TEST(remembers_its_first_request) {
    poller p;
    raw_client c;
    char query[128];
    poller_open(&p, &t, "EIO=4&token=abc");
    ck_assert_str_eq(sio_engine_session_id(t.session), p.sid);
    ck_assert_str_eq(sio_engine_session_remote(t.session), "127.0.0.1");
    ck_assert(!sio_engine_session_secure(t.session));
    ck_assert_uint_gt(sio_engine_session_issued(t.session), 1600000000000u);
    ck_assert_int_eq(sio_engine_session_revision(t.session), 4);
    ck_assert_int_eq(sio_engine_session_transport(t.session), SIO_EIO_POLLING);
    snprintf(query, sizeof(query), "EIO=4&sid=%s", p.sid);
    ws_open(&c, &t, query, "");
    ws_text(&c, "5");
    server_until(&t, t.upgrades == 1);
    ck_assert_int_eq(sio_engine_session_transport(t.session), SIO_EIO_WEBSOCKET);
    sio_str target = sio_engine_session_request(t.session)->target;
    ck_assert_uint_eq(target.len, strlen("/engine.io/?EIO=4&token=abc&transport=polling"));
    ck_assert_mem_eq(target.ptr, "/engine.io/?EIO=4&token=abc&transport=polling", target.len);
    sio_str host = sio_http1_find(sio_engine_session_request(t.session), SIO_STR("host"));
    ck_assert_uint_eq(host.len, 4);
    raw_close(&c);
    poller_close(&p);
}
END_TEST

START_TEST(ids_differ) {
    poller a, b;
    poller_open(&a, &t, "EIO=4");
    poller_open(&b, &t, "EIO=4");
    ck_assert_str_ne(a.sid, b.sid);
    poller_close(&a);
    poller_close(&b);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("engine session");
    TCase *tc = tcase_create("session");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, pings_over_polling);
    tcase_add_test(tc, pings_over_a_websocket);
    tcase_add_test(tc, ends_without_a_pong_over_polling);
    tcase_add_test(tc, ends_without_a_pong_over_a_websocket);
    tcase_add_test(tc, the_heartbeat_survives_an_upgrade);
    tcase_add_test(tc, revision_3_wants_pings);
    tcase_add_test(tc, heartbeats_in_the_wrong_direction_end_it);
    tcase_add_test(tc, knows_when_it_is_writable);
    tcase_add_test(tc, sends_nothing_after_the_end);
    tcase_add_test(tc, sends_nothing_while_closing);
    tcase_add_test(tc, fails_from_the_deferred_queue);
    tcase_add_test(tc, delivers_nothing_after_a_failure);
    tcase_add_test(tc, a_full_queue_ends_the_session);
    tcase_add_test(tc, counts_what_waits);
    tcase_add_test(tc, remembers_its_first_request);
    tcase_add_test(tc, ids_differ);
    return test_run(suite);
}
