/* What a server counts while clients do this and that. */
#include "server_support.h"

#include "counters.h"

#include <stddef.h>
#include <stdio.h>

static sio_counters counted(const server_test *t) {
    sio_counters c = SIO_COUNTERS_INIT;
    ck_assert_int_eq(sio_server_read_counters(t->server, &c), 0);
    return c;
}

static void on_join(sio_peer *peer, const sio_event *event, void *user) {
    ck_assert_int_eq(sio_peer_join(peer, "hall"), 0);
}

START_TEST(sessions_packets_and_peers) {
    server_test t;
    raw_client c;
    server_start(&t, NULL);
    server_echo(&t, "/");
    sio_namespace_on(sio_server_of(t.server, "/"), "join", on_join, NULL);
    ws_join(&c, &t, "40", NULL);
    ws_expect(&c, "42[\"auth\",{}]");
    ws_text(&c, "42[\"join\"]");
    ws_text(&c, "42[\"message\",1]");
    ws_expect(&c, "42[\"message-back\",1]");
    sio_counters now = counted(&t);
    ck_assert_uint_eq(now.connections_accepted, 1);
    ck_assert_uint_eq(now.connections_open, 1);
    ck_assert_uint_eq(now.http_1xx, 1);
    ck_assert_uint_eq(now.handshakes_websocket, 1);
    ck_assert_uint_eq(now.sessions_websocket, 1);
    ck_assert_uint_eq(now.sessions_polling, 0);
    ck_assert_uint_eq(now.packets_in_websocket, 3);
    ck_assert_uint_eq(now.bytes_in_websocket, 2 + 10 + 15);
    ck_assert_uint_eq(now.packets_out_websocket, 4); /* open, CONNECT, auth, message-back */
    ck_assert_uint_eq(now.namespaces_joined, 1);
    ck_assert_uint_eq(now.peers, 1);
    ck_assert_uint_eq(now.rooms, 1);
    ck_assert_uint_eq(now.queued_bytes, 0);
    ws_text(&c, "40/none");
    ws_expect_start(&c, "44/none,");
    ck_assert_uint_eq(counted(&t).namespaces_refused, 1);
    ws_text(&c, "41");
    server_until(&t, counted(&t).disconnects_client == 1);
    raw_close(&c);
    server_until(&t, sio_server_session_count(t.server) == 0);
    now = counted(&t);
    ck_assert_uint_eq(now.closed_transport_close, 1);
    ck_assert_uint_eq(now.peers, 0);
    ck_assert_uint_eq(now.rooms, 0);
    ck_assert_uint_eq(now.sessions_websocket, 0);
    server_stop(&t);
}
END_TEST

START_TEST(polling_and_its_upgrade) {
    server_test t;
    poller p;
    raw_client c;
    server_start(&t, NULL);
    poller_open(&p, &t, "EIO=4");
    poller_post(&p, "40");
    sio_counters now = counted(&t);
    ck_assert_uint_eq(now.handshakes_polling, 1);
    ck_assert_uint_eq(now.sessions_polling, 1);
    ck_assert_uint_eq(now.packets_in_polling, 1);
    ck_assert_uint_eq(now.bytes_in_polling, 2);
    ck_assert_uint_eq(now.packets_out_polling, 1); /* open */
    ck_assert_uint_ge(now.bytes_out_polling, 50);
    ck_assert_uint_eq(now.queued_messages, 1); /* the answer to CONNECT */
    ck_assert_uint_gt(now.queued_bytes, 0);
    ck_assert_uint_eq(now.http_2xx, 2);
    char query[128];
    snprintf(query, sizeof(query), "EIO=4&sid=%s", p.sid);
    ws_open(&c, &t, query, "");
    server_settle(&t);
    ck_assert_uint_eq(counted(&t).upgrades_started, 1);
    raw_close(&c);
    server_until(&t, counted(&t).upgrades_failed == 1);
    ws_open(&c, &t, query, "");
    ws_text(&c, "2probe");
    ws_expect(&c, "3probe");
    ws_text(&c, "5");
    server_until(&t, counted(&t).upgrades_completed == 1);
    now = counted(&t);
    ck_assert_uint_eq(now.upgrades_started, 2);
    ck_assert_uint_eq(now.sessions_polling, 0);
    ck_assert_uint_eq(now.sessions_websocket, 1);
    raw_close(&c);
    poller_close(&p);
    server_stop(&t);
}
END_TEST

START_TEST(refusals_by_code) {
    server_test t;
    server_start(&t, NULL);
    http_expect(&t, "GET", "/socket.io/?EIO=4&transport=x", "", NULL, 400, NULL);
    http_expect(&t, "GET", "/socket.io/?EIO=4&transport=polling&sid=x", "", NULL, 400, NULL);
    http_expect(&t, "POST", "/socket.io/?EIO=4&transport=polling", "", "1", 400, NULL);
    http_expect(&t, "GET", "/socket.io/?EIO=4&transport=websocket", "", NULL, 400, NULL);
    http_expect(&t, "GET", "/socket.io/?EIO=3&transport=polling", "", NULL, 400, NULL);
    http_expect(&t, "GET", "/elsewhere", "", NULL, 404, NULL);
    sio_counters now = counted(&t);
    ck_assert_uint_eq(now.refused_transport, 1);
    ck_assert_uint_eq(now.refused_sid, 1);
    ck_assert_uint_eq(now.refused_method, 1);
    ck_assert_uint_eq(now.refused_request, 1);
    ck_assert_uint_eq(now.refused_version, 1);
    ck_assert_uint_eq(now.refused_internal, 0);
    ck_assert_uint_eq(now.http_4xx, 6);
    server_stop(&t);
}
END_TEST

/* What never was a session does not end as one. */
START_TEST(a_refused_websocket_is_no_session) {
    server_test t;
    raw_client c;
    server_start(&t, NULL);
    raw_open(&c, &t);
    raw_text(&c, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\n"
                 "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                 "Sec-WebSocket-Key: short\r\n\r\n");
    http_expect_answer(&c, 400, NULL);
    raw_close(&c);
    sio_counters now = counted(&t);
    ck_assert_uint_eq(now.handshakes_websocket, 0);
    ck_assert_uint_eq(now.closed_forced, 0);
    ck_assert_uint_eq(sio_server_session_count(t.server), 0);
    server_stop(&t);
}
END_TEST

START_TEST(faults) {
    server_test t;
    raw_client c;
    server_start(&t, NULL);
    raw_open(&c, &t);
    raw_text(&c, "no HTTP at all\r\n\r\n");
    http_expect_answer(&c, 400, NULL);
    raw_expect_eof(&c);
    raw_close(&c);
    ck_assert_uint_eq(counted(&t).http_faults, 1);
    ws_join(&c, &t, "40", NULL);
    ws_text(&c, "42{}");
    raw_expect_eof(&c);
    raw_close(&c);
    ck_assert_uint_eq(counted(&t).decode_errors, 1);
    ck_assert_uint_eq(counted(&t).closed_forced, 1);
    ck_assert_uint_eq(counted(&t).disconnects_forced_close, 1);
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_send(&c, 0x83, "x", 1); /* a reserved opcode */
    ws_expect_close(&c, 1002);
    raw_close(&c);
    ck_assert_uint_eq(counted(&t).decode_errors, 2);
    server_stop(&t);
}
END_TEST

/* A WebSocket counts as a connection; what is refused hears 503, and a place that comes free is
 * given again. */
START_TEST(refuses_connections_over_the_limit) {
    server_test t;
    raw_client ws;
    raw_client c;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.max_connections = 1;
    server_start(&t, &options);
    ws_connect(&ws, &t, "EIO=4", NULL);
    for (unsigned i = 1; i <= 3; i++) {
        raw_open(&c, &t);
        http_expect_answer(&c, 503, "");
        raw_expect_eof(&c);
        raw_close(&c);
        server_until(&t, counted(&t).connections_open == 1);
        ck_assert_uint_eq(counted(&t).connections_refused_limit, i);
    }
    raw_close(&ws);
    server_until(&t, counted(&t).connections_open == 0);
    ws_connect(&ws, &t, "EIO=4", NULL);
    raw_close(&ws);
    ck_assert_uint_eq(counted(&t).connections_refused_limit, 3);
    server_stop(&t);
}
END_TEST

START_TEST(every_reason_has_its_counter) {
    static const char *const reasons[] = {"transport close",
                                          "transport error",
                                          "ping timeout",
                                          "parse error",
                                          "forced close",
                                          "forced server close",
                                          "client namespace disconnect",
                                          "server namespace disconnect",
                                          "server shutting down"};
    sio_counters c = SIO_COUNTERS_INIT;
    for (size_t i = 0; i < 9; i++) {
        sio_count_disconnect(&c, reasons[i]);
        uint64_t value;
        memcpy(&value,
               (const char *)&c + offsetof(sio_counters, disconnects_transport_close) + i * 8,
               sizeof(value));
        ck_assert_uint_eq(value, 1);
    }
    sio_count_disconnect(&c, "no such reason");
    for (int r = SIO_EIO_REASON_TRANSPORT_CLOSE; r <= SIO_EIO_REASON_FORCED_CLOSE; r++) {
        sio_count_close(&c, (sio_eio_reason)r);
    }
    ck_assert(c.closed_transport_close == 1 && c.closed_transport_error == 1 &&
              c.closed_ping_timeout == 1 && c.closed_parse_error == 1 && c.closed_forced == 1);
    int statuses[] = {99, 101, 204, 304, 404, 503, 600};
    for (size_t i = 0; i < 7; i++) {
        sio_count_status(&c, statuses[i]);
    }
    ck_assert(c.http_1xx == 1 && c.http_2xx == 1 && c.http_3xx == 1 && c.http_4xx == 1 &&
              c.http_5xx == 1);
    sio_count_refusal(&c, SIO_ERR_EIO_FORBIDDEN);
    sio_count_refusal(&c, SIO_ERR_NOMEM);
    ck_assert(c.refused_forbidden == 1 && c.refused_internal == 1);
}
END_TEST

START_TEST(lateness_adds_up) {
    sio_counters c = SIO_COUNTERS_INIT;
    sio_lag_note(&c, 5);
    sio_lag_note(&c, 9);
    sio_lag_note(&c, 1);
    ck_assert_uint_eq(c.loop_lag_us, 1);
    ck_assert_uint_eq(c.loop_lag_max_us, 9);
    ck_assert_uint_eq(c.loop_lag_sum_us, 15);
    ck_assert_uint_eq(c.loop_lag_count, 3);
}
END_TEST

START_TEST(lateness_is_measured_while_a_session_is_open) {
    server_test t;
    raw_client c;
    server_start(&t, NULL);
    ck_assert_uint_eq(counted(&t).loop_lag_count, 0);
    ws_connect(&c, &t, "EIO=4", NULL);
    server_until(&t, counted(&t).loop_lag_count == 1);
    raw_close(&c);
    server_stop(&t);
}
END_TEST

START_TEST(an_older_struct_is_filled_as_far_as_it_goes) {
    server_test t;
    server_start(&t, NULL);
    sio_counters c;
    memset(&c, 0xff, sizeof(c));
    c.size = offsetof(sio_counters, http_1xx);
    ck_assert_int_eq(sio_server_read_counters(t.server, &c), 0);
    ck_assert_uint_eq(c.connections_accepted, 0);
    ck_assert_uint_eq(c.http_1xx, UINT64_MAX);
    ck_assert_uint_eq(c.size, offsetof(sio_counters, http_1xx));
    c.size = 0;
    ck_assert_int_eq(sio_server_read_counters(t.server, &c), SIO_ERR_INVALID);
    c.size = sizeof(c) + 1;
    ck_assert_int_eq(sio_server_read_counters(t.server, &c), SIO_ERR_INVALID);
    server_stop(&t);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("counters");
    TCase *tc = tcase_create("counters");
    tcase_add_test(tc, sessions_packets_and_peers);
    tcase_add_test(tc, polling_and_its_upgrade);
    tcase_add_test(tc, refusals_by_code);
    tcase_add_test(tc, a_refused_websocket_is_no_session);
    tcase_add_test(tc, faults);
    tcase_add_test(tc, refuses_connections_over_the_limit);
    tcase_add_test(tc, every_reason_has_its_counter);
    tcase_add_test(tc, lateness_adds_up);
    tcase_add_test(tc, lateness_is_measured_while_a_session_is_open);
    tcase_add_test(tc, an_older_struct_is_filled_as_far_as_it_goes);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
