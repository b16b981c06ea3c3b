#include "eio_support.h"

static const char UPGRADABLE[] = EIO_HANDSHAKE("\"websocket\"", "1000000");

START_TEST(server_upgrades) { /* T4-23, T4-24, T4-25, T3-21, T3-22, T3-23 */
    for (int revision = 3; revision <= 4; revision++) {
        sio_eio_session s;
        eio_server(&s, SIO_EIO_POLLING, revision, NULL);
        ck_assert_int_eq(sio_eio_session_probe_open(&s, 0), 0);
        ck_assert(sio_eio_session_upgrading(&s));
        eio_feed_probe(&s, SIO_EIO_PING, "probe", 10);
        ck_assert_str_eq(eio_events(&s), "upgrading");
        ck_assert_str_eq(eio_output(&s, 10), "probe 3probe");
        ck_assert_int_eq(sio_eio_session_poll(&s, 20), 0);
        ck_assert_str_eq(eio_output(&s, 20), "");
        ck_assert_uint_eq(sio_eio_session_deadline(&s), 110);
        sio_eio_session_elapsed(&s, 110);
        ck_assert_str_eq(eio_output(&s, 110), "poll 6");
        ck_assert_str_eq(eio_output(&s, 110), "");
        /* The check goes on while the client has not finished. */
        ck_assert_int_eq(sio_eio_session_poll(&s, 120), 0);
        sio_eio_session_elapsed(&s, 210);
        ck_assert_str_eq(eio_output(&s, 210), "poll 6");
        ck_assert_int_eq(eio_send(&s, "late", 0), 0);
        eio_feed_probe(&s, SIO_EIO_UPGRADE, "", 220);
        ck_assert_str_eq(eio_events(&s), "upgrade");
        ck_assert(sio_eio_session_upgraded(&s) && !sio_eio_session_upgrading(&s));
        ck_assert_str_eq(eio_output(&s, 220), "frames 4late");
        ck_assert_int_eq(sio_eio_session_poll(&s, 230), SIO_ERR_STATE);
        ck_assert_int_eq(sio_eio_session_probe_open(&s, 230), SIO_ERR_STATE);
        ck_assert_int_eq(eio_feed(&s, SIO_EIO_MESSAGE, "x", 230), SIO_EIO_EVENT_MESSAGE);
        sio_eio_session_free(&s);
    }
}
END_TEST

START_TEST(server_ends_polling_requests_at_the_switch) {
    sio_eio_session s;
    eio_server(&s, SIO_EIO_POLLING, 4, NULL);
    ck_assert_int_eq(sio_eio_session_poll(&s, 0), 0);
    ck_assert_int_eq(sio_eio_session_post(&s, 0), 0);
    ck_assert_int_eq(sio_eio_session_probe_open(&s, 0), 0);
    eio_feed_probe(&s, SIO_EIO_UPGRADE, "", 1); /* a probe is not required */
    ck_assert_str_eq(eio_events(&s), "upgrade");
    ck_assert_int_eq(eio_send(&s, "a", 0), 0);
    ck_assert_str_eq(eio_output(&s, 1), "poll 1");
    ck_assert_str_eq(eio_output(&s, 1), "drop-post");
    ck_assert_str_eq(eio_output(&s, 1), "frames 4a");
    sio_eio_session_poll_aborted(&s, 2);
    sio_eio_session_post_aborted(&s, 2);
    ck_assert_int_eq(sio_eio_session_state(&s), SIO_EIO_STATE_OPEN);
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(server_keeps_flushing_on_polling_and_answers_each_probe) {
    sio_eio_session s;
    eio_server(&s, SIO_EIO_POLLING, 4, NULL);
    ck_assert_int_eq(sio_eio_session_probe_open(&s, 0), 0);
    eio_feed_probe(&s, SIO_EIO_PING, "probe", 0);
    eio_feed_probe(&s, SIO_EIO_PING, "probe", 0);
    ck_assert_str_eq(eio_output(&s, 0), "probe 3probe");
    ck_assert_str_eq(eio_output(&s, 0), "probe 3probe");
    ck_assert_int_eq(sio_eio_session_poll(&s, 1), 0);
    ck_assert_int_eq(eio_send(&s, "a", 0), 0);
    sio_eio_session_elapsed(&s, 100);
    ck_assert_str_eq(eio_output(&s, 100), "poll 4a");
    ck_assert_int_eq(sio_eio_session_poll(&s, 101), 0);
    ck_assert_str_eq(eio_output(&s, 101), "");
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(server_answers_a_hasty_client_behind_the_switch) {
    sio_eio_session s;
    eio_server(&s, SIO_EIO_POLLING, 4, NULL);
    ck_assert_int_eq(sio_eio_session_probe_open(&s, 0), 0);
    eio_feed_probe(&s, SIO_EIO_PING, "probe", 0);
    eio_feed_probe(&s, SIO_EIO_UPGRADE, "", 0);
    ck_assert_int_eq(eio_send(&s, "a", 0), 0);
    ck_assert_str_eq(eio_output(&s, 0), "frames 3probe");
    ck_assert_str_eq(eio_output(&s, 0), "frames 4a");
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(server_cancels_on_any_other_packet) {
    static const struct {
        sio_eio_type type;
        const char *data;
    } packets[] = {{SIO_EIO_PING, ""},     {SIO_EIO_PING, "Probe"}, {SIO_EIO_PONG, "probe"},
                   {SIO_EIO_MESSAGE, "x"}, {SIO_EIO_CLOSE, ""},     {SIO_EIO_ERROR, ""}};
    for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
        sio_eio_session s;
        eio_server(&s, SIO_EIO_POLLING, 4, NULL);
        ck_assert_int_eq(sio_eio_session_probe_open(&s, 0), 0);
        eio_feed_probe(&s, packets[i].type, packets[i].data, 1);
        ck_assert_str_eq(eio_events(&s), "probe-end(EIO_PROBE)");
        ck_assert_int_eq(sio_eio_session_probe_open(&s, 1), SIO_ERR_STATE);
        ck_assert_str_eq(eio_output(&s, 1), "close-probe");
        ck_assert_int_eq(sio_eio_session_state(&s), SIO_EIO_STATE_OPEN);
        ck_assert_uint_eq(sio_eio_session_deadline(&s), 25000);
        eio_feed_probe(&s, SIO_EIO_UPGRADE, "", 2); /* what was on its way has no effect */
        ck_assert_int_eq(sio_eio_session_transport(&s), SIO_EIO_POLLING);
        ck_assert_int_eq(sio_eio_session_probe_open(&s, 2), 0);
        sio_eio_session_free(&s);
    }
}
END_TEST

START_TEST(server_limits_the_upgrade) { /* E64 */
    sio_eio_session s;
    sio_eio_config config = {.size = sizeof(config), .upgrade_timeout = 500};
    eio_server(&s, SIO_EIO_POLLING, 4, &config);
    ck_assert_int_eq(sio_eio_session_probe_open(&s, 100), 0);
    ck_assert_int_eq(sio_eio_session_probe_open(&s, 100), SIO_ERR_STATE);
    eio_feed_probe(&s, SIO_EIO_PING, "probe", 100);
    for (sio_time now = 200; now < 600; now += 100) {
        sio_eio_session_elapsed(&s, now);
    }
    ck_assert_str_eq(eio_events(&s), "upgrading");
    sio_eio_session_elapsed(&s, 600);
    ck_assert_str_eq(eio_events(&s), "probe-end(TIMEOUT)");
    ck_assert_str_eq(eio_output(&s, 600), "close-probe");
    ck_assert_str_eq(eio_output(&s, 600), "");
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(server_loses_the_probe) {
    sio_eio_session s;
    eio_server(&s, SIO_EIO_POLLING, 4, NULL);
    ck_assert_int_eq(sio_eio_session_probe_open(&s, 0), 0);
    sio_eio_session_probe_closed(&s, SIO_ERR_RESET, 1);
    ck_assert_str_eq(eio_events(&s), "probe-end(RESET)");
    ck_assert_str_eq(eio_output(&s, 1), "");
    sio_eio_session_probe_closed(&s, 0, 1);
    ck_assert_str_eq(eio_events(&s), "");
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(server_closes_the_probe_with_the_session) { /* E63 */
    sio_eio_session s;
    eio_server(&s, SIO_EIO_POLLING, 4, NULL);
    ck_assert_int_eq(sio_eio_session_probe_open(&s, 0), 0);
    eio_feed_probe(&s, SIO_EIO_PING, "probe", 1);
    sio_eio_session_close(&s, true, 1);
    ck_assert_str_eq(eio_events(&s), "upgrading probe-end(CLOSED) close(forced close:OK)");
    ck_assert_str_eq(eio_output(&s, 1), "close-probe");
    ck_assert_str_eq(eio_output(&s, 1), "");
    ck_assert_int_eq(sio_eio_session_probe_open(&s, 1), SIO_ERR_CLOSED);
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(server_finishes_the_upgrade_of_a_closing_session) {
    sio_eio_session s;
    eio_server(&s, SIO_EIO_POLLING, 4, NULL);
    ck_assert_int_eq(sio_eio_session_probe_open(&s, 0), 0);
    ck_assert_int_eq(eio_send(&s, "last", 0), 0);
    sio_eio_session_close(&s, false, 1);
    eio_feed_probe(&s, SIO_EIO_UPGRADE, "", 2);
    ck_assert_str_eq(eio_events(&s), "upgrade");
    ck_assert_str_eq(eio_output(&s, 2), "frames 4last");
    ck_assert_str_eq(eio_events(&s), "drain close(forced close:OK)");
    ck_assert_str_eq(eio_output(&s, 2), "close");
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(server_refuses_where_there_is_nothing_to_upgrade) { /* T4-25 */
    sio_eio_session s;
    eio_server(&s, SIO_EIO_WEBSOCKET, 4, NULL);
    ck_assert_int_eq(sio_eio_session_probe_open(&s, 0), SIO_ERR_STATE);
    sio_eio_session_free(&s);
    sio_eio_config config = {.size = sizeof(config), .no_upgrade = true};
    eio_server(&s, SIO_EIO_POLLING, 4, &config);
    ck_assert_int_eq(sio_eio_session_probe_open(&s, 0), SIO_ERR_STATE);
    eio_feed_probe(&s, SIO_EIO_UPGRADE, "", 0);
    ck_assert_int_eq(sio_eio_session_transport(&s), SIO_EIO_POLLING);
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(pong_deadline_survives_the_switch) {
    sio_eio_session s;
    sio_eio_config config = {.size = sizeof(config), .ping_interval = 300, .ping_timeout = 200};
    eio_server(&s, SIO_EIO_POLLING, 4, &config);
    ck_assert_int_eq(sio_eio_session_probe_open(&s, 0), 0);
    sio_eio_session_elapsed(&s, 300);
    eio_feed_probe(&s, SIO_EIO_UPGRADE, "", 310);
    ck_assert_str_eq(eio_output(&s, 310), "frames 2");
    ck_assert_uint_eq(sio_eio_session_deadline(&s), 500);
    sio_eio_session_elapsed(&s, 500);
    ck_assert_str_eq(eio_events(&s), "ping upgrade drain close(ping timeout:TIMEOUT)");
    ck_assert_str_eq(eio_output(&s, 500), "close");
    sio_eio_session_free(&s);
}
END_TEST

/* ---- client ---- */

static void client_probing(sio_eio_session *s) {
    eio_client(s, SIO_EIO_POLLING, 4, NULL, UPGRADABLE);
    ck_assert_str_eq(eio_events(s), "probe-start");
    ck_assert_str_eq(eio_output(s, 0), "get");
    ck_assert_int_eq(sio_eio_session_probe_open(s, 0), 0);
    ck_assert_str_eq(eio_output(s, 0), "probe 2probe");
    ck_assert_str_eq(eio_output(s, 0), "");
}

START_TEST(client_upgrades_when_its_requests_are_done) {
    sio_eio_session s;
    client_probing(&s);
    ck_assert_int_eq(eio_send(&s, "a", 0), 0);
    ck_assert_str_eq(eio_output(&s, 0), "post 4a");
    eio_feed_probe(&s, SIO_EIO_PONG, "probe", 1);
    ck_assert_str_eq(eio_events(&s), "upgrading");
    ck_assert(sio_eio_session_upgrading(&s));
    ck_assert_int_eq(eio_send(&s, "b", 0), 0);
    ck_assert_str_eq(eio_output(&s, 1), "");
    ck_assert_int_eq(eio_feed(&s, SIO_EIO_MESSAGE, "last", 2), SIO_EIO_EVENT_MESSAGE);
    eio_feed(&s, SIO_EIO_NOOP, "", 2);
    sio_eio_session_polled(&s, 2);
    ck_assert_str_eq(eio_output(&s, 2), "");
    sio_eio_session_written(&s, 3);
    ck_assert_str_eq(eio_output(&s, 3), "probe 5");
    ck_assert_str_eq(eio_events(&s), "upgrade");
    ck_assert_str_eq(eio_output(&s, 3), "frames 4b");
    sio_eio_session_written(&s, 4);
    ck_assert_str_eq(eio_events(&s), "drain");
    ck_assert(sio_eio_session_direct(&s));
    sio_eio_session_free(&s);
}
END_TEST

/* Quirk 17: the WebSocket is closed. */
START_TEST(client_goes_on_polling_after_a_bad_answer) {
    sio_eio_session s;
    client_probing(&s);
    eio_feed_probe(&s, SIO_EIO_PONG, "", 1);
    ck_assert_str_eq(eio_events(&s), "probe-end(EIO_PROBE)");
    ck_assert_str_eq(eio_output(&s, 1), "close-probe");
    sio_eio_session_polled(&s, 1);
    ck_assert_str_eq(eio_output(&s, 1), "get");
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(client_resumes_polling_when_a_paused_probe_is_lost) {
    sio_eio_session s;
    client_probing(&s);
    eio_feed_probe(&s, SIO_EIO_PONG, "probe", 1);
    sio_eio_session_polled(&s, 1);
    sio_eio_session_probe_closed(&s, 0, 1);
    ck_assert_str_eq(eio_events(&s), "upgrading probe-end(CLOSED)");
    ck_assert_str_eq(eio_output(&s, 1), "get");
    ck_assert_int_eq(sio_eio_session_probe_open(&s, 2), SIO_ERR_STATE);
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(client_limits_the_upgrade) {
    sio_eio_session s;
    eio_client(&s, SIO_EIO_POLLING, 4, NULL, UPGRADABLE);
    ck_assert_str_eq(eio_events(&s), "probe-start");
    ck_assert_uint_eq(sio_eio_session_deadline(&s), 10000);
    sio_eio_session_elapsed(&s, 10000);
    ck_assert_str_eq(eio_events(&s), "probe-end(TIMEOUT)");
    ck_assert_str_eq(eio_output(&s, 10000), "close-probe");
    ck_assert_int_eq(sio_eio_session_probe_open(&s, 10001), SIO_ERR_STATE);
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(client_does_not_probe_without_an_offer) {
    sio_eio_session s;
    eio_client(&s, SIO_EIO_POLLING, 4, NULL, EIO_HANDSHAKE("\"webtransport\"", "1"));
    ck_assert_str_eq(eio_events(&s), "");
    sio_eio_session_free(&s);
    sio_eio_config config = {.size = sizeof(config), .no_upgrade = true};
    eio_client(&s, SIO_EIO_POLLING, 4, &config, UPGRADABLE);
    ck_assert_str_eq(eio_events(&s), "");
    sio_eio_session_free(&s);
    eio_client(&s, SIO_EIO_WEBSOCKET, 4, NULL, UPGRADABLE);
    ck_assert_str_eq(eio_events(&s), "");
    sio_eio_session_free(&s);
}
END_TEST

/* EC-09 EC-10 */
START_TEST(client_close_waits_for_the_upgrade) {
    sio_eio_session s;
    client_probing(&s);
    eio_feed_probe(&s, SIO_EIO_PONG, "probe", 1);
    sio_eio_session_close(&s, false, 1);
    ck_assert_str_eq(eio_events(&s), "upgrading");
    sio_eio_session_polled(&s, 2);
    ck_assert_str_eq(eio_output(&s, 2), "probe 5");
    ck_assert_str_eq(eio_events(&s), "upgrade close(forced close:OK)");
    ck_assert_str_eq(eio_output(&s, 2), "close");
    sio_eio_session_free(&s);

    client_probing(&s);
    eio_feed_probe(&s, SIO_EIO_PONG, "probe", 1);
    sio_eio_session_close(&s, false, 1);
    sio_eio_session_probe_closed(&s, 0, 2);
    ck_assert_str_eq(eio_events(&s), "upgrading probe-end(CLOSED) close(forced close:OK)");
    ck_assert_str_eq(eio_output(&s, 2), "post 1");
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(client_close_gives_an_unanswered_probe_up) { /* E49 */
    sio_eio_session s;
    eio_client(&s, SIO_EIO_POLLING, 4, NULL, UPGRADABLE);
    sio_eio_session_close(&s, false, 1);
    ck_assert_str_eq(eio_events(&s), "close(forced close:OK)");
    ck_assert_str_eq(eio_output(&s, 1), "post 1");
    ck_assert_str_eq(eio_output(&s, 1), "");
    sio_eio_session_free(&s);
    client_probing(&s);
    sio_eio_session_close(&s, false, 1);
    ck_assert_str_eq(eio_events(&s), "probe-end(CLOSED) close(forced close:OK)");
    ck_assert_str_eq(eio_output(&s, 1), "close-probe");
    ck_assert_str_eq(eio_output(&s, 1), "post 1");
    sio_eio_session_free(&s);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("eio_upgrade");
    TCase *tc = tcase_create("eio_upgrade");
    tcase_add_test(tc, server_upgrades);
    tcase_add_test(tc, server_ends_polling_requests_at_the_switch);
    tcase_add_test(tc, server_keeps_flushing_on_polling_and_answers_each_probe);
    tcase_add_test(tc, server_answers_a_hasty_client_behind_the_switch);
    tcase_add_test(tc, server_cancels_on_any_other_packet);
    tcase_add_test(tc, server_limits_the_upgrade);
    tcase_add_test(tc, server_loses_the_probe);
    tcase_add_test(tc, server_closes_the_probe_with_the_session);
    tcase_add_test(tc, server_finishes_the_upgrade_of_a_closing_session);
    tcase_add_test(tc, server_refuses_where_there_is_nothing_to_upgrade);
    tcase_add_test(tc, pong_deadline_survives_the_switch);
    tcase_add_test(tc, client_upgrades_when_its_requests_are_done);
    tcase_add_test(tc, client_goes_on_polling_after_a_bad_answer);
    tcase_add_test(tc, client_resumes_polling_when_a_paused_probe_is_lost);
    tcase_add_test(tc, client_limits_the_upgrade);
    tcase_add_test(tc, client_does_not_probe_without_an_offer);
    tcase_add_test(tc, client_close_waits_for_the_upgrade);
    tcase_add_test(tc, client_close_gives_an_unanswered_probe_up);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
