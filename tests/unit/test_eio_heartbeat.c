#include "eio_support.h"

static const sio_eio_config FAST = {
    .size = sizeof(FAST), .ping_interval = 300, .ping_timeout = 200};
#define FAST_HANDSHAKE "{\"sid\":\"S\",\"pingInterval\":300,\"pingTimeout\":200}"

START_TEST(server_4_pings_and_restarts_after_each_pong) { /* T4-17, T4-19 */
    for (int transport = 0; transport < 2; transport++) {
        sio_eio_session s;
        eio_server(&s, (sio_eio_transport)transport, 4, &FAST);
        sio_time now = 0;
        for (int round = 0; round < 3; round++) {
            ck_assert_uint_eq(sio_eio_session_deadline(&s), now + 300);
            sio_eio_session_elapsed(&s, now + 299);
            ck_assert_str_eq(eio_events(&s), "");
            now += 300;
            sio_eio_session_elapsed(&s, now);
            ck_assert_str_eq(eio_events(&s), "ping");
            ck_assert_uint_eq(sio_eio_session_deadline(&s), now + 200);
            sio_eio_session_poll(&s, now);
            ck_assert_str_eq(eio_output(&s, now), transport ? "frames 2" : "poll 2");
            sio_eio_session_written(&s, now);
            now += 50;
            ck_assert_int_eq(eio_feed(&s, SIO_EIO_PONG, "", now), SIO_EIO_EVENT_NONE);
            ck_assert_str_eq(eio_events(&s), "heartbeat drain");
        }
        sio_eio_session_free(&s);
    }
}
END_TEST

START_TEST(server_4_closes_without_a_pong) { /* T4-18, T4-20 */
    for (int transport = 0; transport < 2; transport++) {
        sio_eio_session s;
        eio_server(&s, (sio_eio_transport)transport, 4, &FAST);
        sio_eio_session_elapsed(&s, 300);
        sio_eio_session_elapsed(&s, 499);
        ck_assert_str_eq(eio_events(&s), "ping");
        sio_eio_session_elapsed(&s, 500);
        ck_assert_str_eq(eio_events(&s), "close(ping timeout:TIMEOUT)");
        ck_assert_uint_eq(sio_eio_session_deadline(&s), SIO_TIME_NEVER);
        ck_assert_int_eq(sio_eio_session_poll(&s, 500), SIO_ERR_CLOSED);
        ck_assert_str_eq(eio_output(&s, 500), transport ? "close" : "");
        sio_eio_session_free(&s);
    }
}
END_TEST

START_TEST(small_delays_of_the_ping_do_not_add_up) {
    static const struct {
        sio_time sent, dead;
    } cases[] = {{300, 500}, {305, 500}, {320, 500}, {321, 521}, {5000, 5200}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        sio_eio_session s;
        eio_server(&s, SIO_EIO_WEBSOCKET, 4, &FAST);
        sio_eio_session_elapsed(&s, cases[i].sent);
        ck_assert_uint_eq(sio_eio_session_deadline(&s), cases[i].dead);
        sio_eio_session_free(&s);
    }
}
END_TEST

START_TEST(server_4_takes_an_unsolicited_pong) {
    sio_eio_session s;
    eio_server(&s, SIO_EIO_WEBSOCKET, 4, &FAST);
    eio_feed(&s, SIO_EIO_PONG, "", 250);
    ck_assert_uint_eq(sio_eio_session_deadline(&s), 550);
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(server_4_moves_the_deadline_once_for_another_packet) {
    sio_eio_config config = {.size = sizeof(config), .ping_interval = 100, .ping_timeout = 100};
    sio_eio_session s;
    eio_server(&s, SIO_EIO_WEBSOCKET, 4, &config);
    ck_assert_int_eq(eio_feed(&s, SIO_EIO_MESSAGE, "x", 50), SIO_EIO_EVENT_MESSAGE);
    ck_assert_uint_eq(sio_eio_session_deadline(&s), 100);
    sio_eio_session_elapsed(&s, 100);
    ck_assert_uint_eq(sio_eio_session_deadline(&s), 200);
    ck_assert_int_eq(eio_feed(&s, SIO_EIO_MESSAGE, "x", 150), SIO_EIO_EVENT_MESSAGE);
    ck_assert_uint_eq(sio_eio_session_deadline(&s), 250);
    ck_assert_int_eq(eio_feed(&s, SIO_EIO_MESSAGE, "x", 160), SIO_EIO_EVENT_MESSAGE);
    ck_assert_uint_eq(sio_eio_session_deadline(&s), 250);
    /* Once for each ping. */
    eio_feed(&s, SIO_EIO_PONG, "", 170);
    sio_eio_session_elapsed(&s, 270);
    eio_feed(&s, SIO_EIO_MESSAGE, "x", 300);
    ck_assert_uint_eq(sio_eio_session_deadline(&s), 400);
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(server_3_answers_and_lives_by_pings) { /* T3-15, T3-16, T3-17, T3-18 */
    for (int transport = 0; transport < 2; transport++) {
        sio_eio_session s;
        eio_server(&s, (sio_eio_transport)transport, 3, &FAST);
        ck_assert_uint_eq(sio_eio_session_deadline(&s), 500);
        for (sio_time now = 100; now <= 300; now += 100) {
            eio_feed(&s, SIO_EIO_PING, "foo", now);
            ck_assert_str_eq(eio_events(&s), "pong heartbeat");
            sio_eio_session_poll(&s, now);
            ck_assert_str_eq(eio_output(&s, now), transport ? "frames 3" : "poll 3");
            sio_eio_session_written(&s, now);
            ck_assert_str_eq(eio_events(&s), "drain");
        }
        eio_feed(&s, SIO_EIO_MESSAGE, "x", 700);
        ck_assert_uint_eq(sio_eio_session_deadline(&s), 800);
        sio_eio_session_elapsed(&s, 800);
        ck_assert_str_eq(eio_events(&s), "close(ping timeout:TIMEOUT)");
        ck_assert_int_eq(sio_eio_session_post(&s, 800), SIO_ERR_CLOSED);
        sio_eio_session_free(&s);
    }
}
END_TEST

START_TEST(server_refuses_the_wrong_direction) {
    for (int revision = 3; revision <= 4; revision++) {
        sio_eio_session s;
        eio_server(&s, SIO_EIO_WEBSOCKET, revision, &FAST);
        eio_feed(&s, revision == 4 ? SIO_EIO_PING : SIO_EIO_PONG, "", 1);
        ck_assert_str_eq(eio_events(&s), "close(transport error:EIO_HEARTBEAT)");
        sio_eio_session_free(&s);
    }
}
END_TEST

START_TEST(server_4_times_a_closing_session_out) { /* E42 */
    sio_eio_session s;
    eio_server(&s, SIO_EIO_POLLING, 4, &FAST);
    sio_eio_session_close(&s, false, 10);
    sio_eio_session_elapsed(&s, 300);
    ck_assert_str_eq(eio_events(&s), "");
    ck_assert_uint_eq(sio_eio_session_queued(&s), 0);
    sio_eio_session_elapsed(&s, 500);
    ck_assert_str_eq(eio_events(&s), "close(ping timeout:TIMEOUT)");
    sio_eio_session_free(&s);
}
END_TEST

/* ES-09 ES-15 */
START_TEST(client_4_lives_by_pings_only) { /* E43, E53, E54, E56 */
    sio_eio_session s;
    eio_client(&s, SIO_EIO_WEBSOCKET, 4, NULL, FAST_HANDSHAKE);
    ck_assert_uint_eq(sio_eio_session_deadline(&s), 500);
    eio_feed(&s, SIO_EIO_PING, "", 300);
    ck_assert_str_eq(eio_events(&s), "pong heartbeat");
    ck_assert_str_eq(eio_output(&s, 300), "frames 3");
    sio_eio_session_written(&s, 300);
    eio_feed(&s, SIO_EIO_MESSAGE, "x", 700);
    eio_feed(&s, SIO_EIO_PONG, "", 700);
    ck_assert_uint_eq(sio_eio_session_deadline(&s), 800);
    ck_assert(!sio_eio_session_overdue(&s, 799));
    ck_assert(sio_eio_session_overdue(&s, 800));
    ck_assert_str_eq(eio_events(&s), "drain");
    sio_eio_session_elapsed(&s, 800);
    ck_assert_str_eq(eio_events(&s), "close(ping timeout:TIMEOUT)");
    ck_assert(!sio_eio_session_overdue(&s, 900));
    ck_assert_str_eq(eio_output(&s, 800), "close");
    sio_eio_session_free(&s);
}
END_TEST

/* E44: nothing passes between them. */
START_TEST(both_ends_give_up_by_themselves) {
    for (int transport = 0; transport < 2; transport++) {
        sio_eio_session server, client;
        eio_server(&server, (sio_eio_transport)transport, 4, &FAST);
        eio_client(&client, (sio_eio_transport)transport, 4, NULL, FAST_HANDSHAKE);
        sio_eio_session_elapsed(&server, 300);
        ck_assert_str_eq(eio_events(&server), "ping");
        sio_eio_session_elapsed(&server, 500);
        ck_assert_str_eq(eio_events(&server), "close(ping timeout:TIMEOUT)");
        sio_eio_session_elapsed(&client, 499);
        ck_assert_str_eq(eio_events(&client), "");
        sio_eio_session_elapsed(&client, 500);
        ck_assert_str_eq(eio_events(&client), "close(ping timeout:TIMEOUT)");
        sio_eio_session_free(&client);
        sio_eio_session_free(&server);
    }
}
END_TEST

START_TEST(client_3_pings_and_lives_by_any_packet) { /* E56 */
    sio_eio_session s;
    eio_client(&s, SIO_EIO_WEBSOCKET, 3, NULL, FAST_HANDSHAKE);
    ck_assert_uint_eq(sio_eio_session_deadline(&s), 300);
    sio_eio_session_elapsed(&s, 300);
    ck_assert_str_eq(eio_events(&s), "ping");
    ck_assert_str_eq(eio_output(&s, 300), "frames 2");
    sio_eio_session_written(&s, 300);
    ck_assert_str_eq(eio_events(&s), "drain");
    ck_assert_uint_eq(sio_eio_session_deadline(&s), 500);
    ck_assert_int_eq(eio_feed(&s, SIO_EIO_MESSAGE, "x", 450), SIO_EIO_EVENT_MESSAGE);
    ck_assert_uint_eq(sio_eio_session_deadline(&s), 950);
    eio_feed(&s, SIO_EIO_PONG, "", 500);
    ck_assert_str_eq(eio_events(&s), "heartbeat");
    ck_assert_uint_eq(sio_eio_session_deadline(&s), 800);
    eio_feed(&s, SIO_EIO_PING, "", 510);
    ck_assert_str_eq(eio_events(&s), "");
    sio_eio_session_elapsed(&s, 800);
    sio_eio_session_elapsed(&s, 1000);
    ck_assert_str_eq(eio_events(&s), "ping close(ping timeout:TIMEOUT)");
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(deadlines_do_not_wrap) {
    sio_eio_session s;
    sio_eio_session_init(&s, SIO_EIO_SERVER, SIO_EIO_WEBSOCKET, 3, &FAST);
    ck_assert_int_eq(sio_eio_session_open(&s, SIO_STR("SID"), SIO_TIME_NEVER - 10), 0);
    ck_assert_uint_eq(sio_eio_session_deadline(&s), SIO_TIME_NEVER);
    sio_eio_session_elapsed(&s, SIO_TIME_NEVER);
    ck_assert_str_eq(eio_events(&s), "");
    sio_eio_session_free(&s);
}
END_TEST

/* A flood of pings is answered once for each poll, and behind each message. */
START_TEST(server_3_keeps_one_answer) {
    sio_eio_session s;
    eio_server(&s, SIO_EIO_POLLING, 3, &FAST);
    for (int i = 0; i < 1000; i++) {
        eio_feed(&s, SIO_EIO_PING, "", 10);
    }
    ck_assert_uint_eq(sio_eio_session_queued(&s), 1);
    sio_eio_message *message;
    ck_assert_int_eq(sio_eio_message_new(&message, false, "x", 1, NULL), 0);
    ck_assert_int_eq(sio_eio_session_send(&s, message, 0, 0), 0);
    sio_eio_message_unref(message);
    eio_feed(&s, SIO_EIO_PING, "", 20);
    eio_feed(&s, SIO_EIO_PING, "", 20);
    ck_assert_uint_eq(sio_eio_session_queued(&s), 3);
    sio_eio_session_free(&s);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("eio_heartbeat");
    TCase *tc = tcase_create("eio_heartbeat");
    tcase_add_test(tc, server_4_pings_and_restarts_after_each_pong);
    tcase_add_test(tc, server_4_closes_without_a_pong);
    tcase_add_test(tc, small_delays_of_the_ping_do_not_add_up);
    tcase_add_test(tc, server_4_takes_an_unsolicited_pong);
    tcase_add_test(tc, server_4_moves_the_deadline_once_for_another_packet);
    tcase_add_test(tc, server_3_answers_and_lives_by_pings);
    tcase_add_test(tc, server_3_keeps_one_answer);
    tcase_add_test(tc, server_refuses_the_wrong_direction);
    tcase_add_test(tc, server_4_times_a_closing_session_out);
    tcase_add_test(tc, client_4_lives_by_pings_only);
    tcase_add_test(tc, both_ends_give_up_by_themselves);
    tcase_add_test(tc, client_3_pings_and_lives_by_any_packet);
    tcase_add_test(tc, deadlines_do_not_wrap);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
