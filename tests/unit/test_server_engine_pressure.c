/* What waits for clients that do not keep up: a polling client that does not ask, and a WebSocket
 * that is not read. */
#include "server_support.h"

#include "engine_session.h"

#include <stdio.h>

enum { HIGH = 50000, LOW = 10000, LEN = 10000 };

static server_test t;
static char text[LEN + 1];
static unsigned slow, caught_up;
static size_t queued_then; /* when it was told last */

static void on_slow(sio_engine_session *session, void *user) {
    slow++;
    queued_then = sio_engine_session_queued(session);
}

static void on_caught_up(sio_engine_session *session, void *user) {
    caught_up++;
    queued_then = sio_engine_session_queued(session);
}

static void begin(const sio_engine_settings *more, size_t max_bytes) {
    static const sio_engine_callbacks callbacks = {
        .size = sizeof(callbacks), .on_slow = on_slow, .on_caught_up = on_caught_up};
    sio_engine_settings settings = *more;
    settings.polling = true;
    settings.websocket = true;
    if (settings.queue.high == 0) {
        settings.queue.high = HIGH;
        settings.queue.low = LOW;
    }
    t = (server_test){.silent = true};
    t.eio.max_queue_bytes = max_bytes;
    engine_start(&t, &settings);
    ck_assert_int_eq(sio_engine_watch(t.engine, &callbacks, NULL), 0);
    memset(text, 'x', LEN);
    slow = 0;
    caught_up = 0;
}

static int send_some(sio_engine_session *session) {
    return sio_engine_session_send_text(session, (sio_str){text, LEN}, NULL);
}

static const sio_counters *counters(void) {
    return t.engine->counters;
}

static void drain(poller *p) {
    poller_poll(p);
    poller_expect_status(p, 200);
}

/* Each crossing is told once, and not from inside the call that brought it about. */
START_TEST(a_polling_client_is_slow_until_it_asks) {
    poller p;
    begin(&(sio_engine_settings){0}, 0);
    poller_open(&p, &t, "EIO=4");
    for (unsigned round = 1; round <= 2; round++) {
        for (int i = 0; i < 8; i++) {
            ck_assert_int_eq(send_some(t.session), 0);
        }
        ck_assert_uint_eq(slow, round - 1);
        server_until(&t, slow == round);
        ck_assert_uint_eq(queued_then, 8 * LEN);
        ck_assert_uint_eq(sio_engine_session_queued_messages(t.session), 8);
        ck_assert_int_eq(send_some(t.session), 0);
        server_settle(&t);
        ck_assert_uint_eq(slow, round);
        ck_assert_uint_eq(caught_up, round - 1);
        drain(&p);
        server_until(&t, caught_up == round);
        ck_assert_uint_le(queued_then, LOW);
    }
    ck_assert_uint_eq(counters()->slow_begun, 2);
    ck_assert_uint_eq(counters()->queue_bytes_max, 9 * LEN);
    ck_assert_uint_eq(t.engine->budget->waiting, 0);
    poller_close(&p);
    engine_stop(&t);
}
END_TEST

/* Who catches up before it was told has not been slow for the application. */
START_TEST(what_is_over_at_once_is_not_told) {
    raw_client c;
    begin(&(sio_engine_settings){0}, 0);
    ws_connect(&c, &t, "EIO=4", NULL);
    for (int i = 0; i < 6; i++) {
        ck_assert_int_eq(send_some(t.session), 0);
    }
    ck_assert_uint_eq(counters()->slow_begun, 1);
    server_until(&t, sio_engine_session_queued(t.session) == 0);
    server_settle(&t);
    ck_assert_uint_eq(slow, caught_up);
    raw_close(&c);
    engine_stop(&t);
}
END_TEST

/* Send until the kernel takes no more. */
static void stuff(raw_client *c) {
    event_del(c->event);
    for (unsigned i = 0; slow == 0 && i < 4000; i++) {
        ck_assert_int_eq(send_some(t.session), 0);
        event_base_loop(t.base, EVLOOP_NONBLOCK);
    }
    ck_assert_uint_eq(slow, 1);
}

START_TEST(a_websocket_is_slow_until_it_reads) {
    raw_client c;
    begin(&(sio_engine_settings){0}, 0);
    ws_connect(&c, &t, "EIO=4", NULL);
    stuff(&c);
    ck_assert_uint_gt(queued_then, HIGH);
    size_t messages = sio_engine_session_queued_messages(t.session);
    ck_assert_uint_ge(messages, queued_then / (LEN + 5));
    ck_assert_uint_le(messages, 2 * (queued_then / LEN + 2));
    ck_assert(!sio_engine_session_writable(t.session));
    ck_assert_uint_eq(sio_loop_queued(t.loop), sio_engine_session_queued(t.session));
    event_add(c.event, NULL);
    server_until(&t, caught_up == 1);
    ck_assert_uint_le(queued_then, LOW);
    server_until(&t, sio_engine_session_queued_messages(t.session) == 0);
    ck_assert_uint_eq(sio_loop_queued(t.loop), 0);
    raw_close(&c);
    engine_stop(&t);
}
END_TEST

START_TEST(who_stays_slow_is_closed) {
    poller p;
    raw_client c;
    sio_queue_limits limits = {.high = HIGH, .low = LOW, .slow_timeout_ms = 50};
    begin(&(sio_engine_settings){.queue = limits}, 0);
    poller_open(&p, &t, "EIO=4");
    for (int i = 0; i < 6; i++) {
        ck_assert_int_eq(send_some(t.session), 0);
    }
    server_until(&t, t.closes == 1);
    ck_assert_int_eq(t.reason, SIO_EIO_REASON_TRANSPORT_ERROR);
    ck_assert_int_eq(t.error, SIO_ERR_EIO_QUEUE_FULL);
    ck_assert_uint_eq(counters()->slow_timed_out, 1);
    poller_expect_gone(&p);
    poller_close(&p);
    slow = 0;
    ws_connect(&c, &t, "EIO=4", NULL);
    stuff(&c);
    server_until(&t, t.closes == 2);
    ck_assert_int_eq(t.reason, SIO_EIO_REASON_TRANSPORT_ERROR);
    ck_assert_uint_eq(counters()->slow_timed_out, 2);
    ck_assert_uint_eq(counters()->slow_closed, 2);
    server_until(&t, sio_loop_queued(t.loop) == 0);
    event_add(c.event, NULL);
    raw_close(&c);
    engine_stop(&t);
}
END_TEST

START_TEST(messages_have_a_limit) {
    poller p;
    raw_client c;
    sio_queue_limits limits = {.high = HIGH, .low = LOW, .max_messages = 3};
    begin(&(sio_engine_settings){.queue = limits}, 0);
    poller_open(&p, &t, "EIO=4");
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(sio_engine_session_send_text(t.session, SIO_STR("x"), NULL), 0);
    }
    ck_assert_int_eq(sio_engine_session_send_text(t.session, SIO_STR("x"), NULL),
                     SIO_ERR_EIO_QUEUE_FULL);
    server_until(&t, t.closes == 1);
    ck_assert_int_eq(t.reason, SIO_EIO_REASON_TRANSPORT_ERROR);
    ck_assert_uint_eq(counters()->slow_over_messages, 1);
    poller_close(&p);
    /* A WebSocket that reads may be sent any number. */
    ws_connect(&c, &t, "EIO=4", NULL);
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(sio_engine_session_send_text(t.session, SIO_STR("x"), NULL), 0);
        ws_expect(&c, "4x");
    }
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(sio_engine_session_send_text(t.session, SIO_STR("x"), NULL), 0);
    }
    ck_assert_int_eq(sio_engine_session_send_text(t.session, SIO_STR("x"), NULL),
                     SIO_ERR_EIO_QUEUE_FULL);
    server_until(&t, t.closes == 2);
    ck_assert_uint_eq(counters()->slow_over_messages, 2);
    raw_close(&c);
    engine_stop(&t);
}
END_TEST

START_TEST(bytes_have_a_limit) {
    poller p;
    begin(&(sio_engine_settings){0}, 2 * LEN);
    poller_open(&p, &t, "EIO=4");
    ck_assert_int_eq(send_some(t.session), 0);
    ck_assert_int_eq(send_some(t.session), 0);
    ck_assert_int_eq(send_some(t.session), SIO_ERR_EIO_QUEUE_FULL);
    server_until(&t, t.closes == 1);
    ck_assert_uint_eq(counters()->slow_over_bytes, 1);
    ck_assert_uint_eq(counters()->slow_closed, 1);
    ck_assert_uint_eq(t.engine->budget->waiting, 0);
    poller_close(&p);
    engine_stop(&t);
}
END_TEST

/* Two sessions share 100000 bytes: who has more than half of them goes, the other one stays. */
START_TEST(the_server_has_a_limit) {
    poller greedy, modest;
    sio_engine_budget budget = {.max = 10 * LEN};
    begin(&(sio_engine_settings){.budget = &budget, .queue = {.high = 1 << 20, .low = 1}}, 0);
    poller_open(&greedy, &t, "EIO=4");
    sio_engine_session *first = sio_engine_session_ref(t.session);
    poller_open(&modest, &t, "EIO=4");
    sio_engine_session *second = sio_engine_session_ref(t.session);
    for (int i = 0; i < 8; i++) {
        ck_assert_int_eq(send_some(first), 0);
    }
    ck_assert_uint_eq(budget.waiting, 8 * LEN);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(send_some(second), 0);
    }
    ck_assert_int_eq(send_some(first), SIO_ERR_EIO_QUEUE_FULL);
    server_until(&t, t.closes == 1);
    ck_assert_uint_eq(counters()->slow_over_total, 1);
    ck_assert_uint_eq(budget.waiting, 4 * LEN);
    ck_assert_int_eq(send_some(second), 0);
    drain(&modest);
    ck_assert_uint_eq(budget.waiting, 0);
    ck_assert_uint_eq(budget.sessions, 1);
    poller_expect_gone(&greedy);
    sio_engine_session_unref(first);
    sio_engine_session_unref(second);
    poller_close(&greedy);
    poller_close(&modest);
    engine_stop(&t);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("engine pressure");
    TCase *tc = tcase_create("pressure");
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, a_polling_client_is_slow_until_it_asks);
    tcase_add_test(tc, what_is_over_at_once_is_not_told);
    tcase_add_test(tc, a_websocket_is_slow_until_it_reads);
    tcase_add_test(tc, who_stays_slow_is_closed);
    tcase_add_test(tc, messages_have_a_limit);
    tcase_add_test(tc, bytes_have_a_limit);
    tcase_add_test(tc, the_server_has_a_limit);
    return test_run(suite);
}
