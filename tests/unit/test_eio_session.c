#include "eio_pair.h"

static const char PLAIN[] = EIO_HANDSHAKE("", "1000000");

START_TEST(texts) {
    ck_assert_str_eq(sio_eio_reason_text(SIO_EIO_REASON_TRANSPORT_CLOSE), "transport close");
    ck_assert_str_eq(sio_eio_reason_text(SIO_EIO_REASON_TRANSPORT_ERROR), "transport error");
    ck_assert_str_eq(sio_eio_reason_text(SIO_EIO_REASON_PING_TIMEOUT), "ping timeout");
    ck_assert_str_eq(sio_eio_reason_text(SIO_EIO_REASON_PARSE_ERROR), "parse error");
    ck_assert_str_eq(sio_eio_reason_text(SIO_EIO_REASON_FORCED_CLOSE), "forced close");
    ck_assert_str_eq(sio_eio_state_name(SIO_EIO_STATE_CLOSING), "closing");
    ck_assert_str_eq(sio_eio_state_name((sio_eio_state)9), "closed");
    ck_assert_str_eq(sio_eio_transport_name(SIO_EIO_WEBSOCKET), "websocket");
    ck_assert_str_eq(sio_eio_transport_name(SIO_EIO_POLLING), "polling");
}
END_TEST

START_TEST(server_opens_on_polling) { /* T4-1, T3-1 */
    sio_eio_session s;
    sio_eio_session_init(&s, SIO_EIO_SERVER, SIO_EIO_POLLING, 4, NULL);
    ck_assert_int_eq(sio_eio_session_open(&s, SIO_STR(""), 0), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_eio_session_open(&s, SIO_STR("lv_VI97HAXpY6yYWAAAC"), 0), 0);
    ck_assert_int_eq(sio_eio_session_open(&s, SIO_STR("twice"), 0), SIO_ERR_STATE);
    ck_assert_int_eq(eio_send(&s, "hey", 0), 0); /* an initial packet, E37 */
    ck_assert_int_eq(sio_eio_session_poll(&s, 0), 0);
    sio_eio_output out;
    ck_assert(sio_eio_session_output(&s, &out));
    sio_buf body = {0};
    sio_eio_layout layout;
    ck_assert_int_eq(sio_eio_payload_write(&body, &layout, out.items, out.count, 4, false), 0);
    sio_buf_add_byte(&body, 0);
    ck_assert_str_eq((const char *)body.data,
                     "0{\"sid\":\"lv_VI97HAXpY6yYWAAAC\",\"upgrades\":[\"websocket\"],"
                     "\"pingInterval\":25000,\"pingTimeout\":20000,\"maxPayload\":1000000}\x1E"
                     "4hey");
    body.len = 0;
    ck_assert_int_eq(sio_eio_payload_write(&body, &layout, out.items, out.count, 3, false), 0);
    ck_assert_mem_eq(body.data, "118:0{", 6);
    ck_assert_mem_eq(body.data + body.len - 7, "}4:4hey", 7);
    sio_buf_free(&body);
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(server_opens_on_a_websocket) { /* T4-5, T3-4 */
    sio_eio_session s;
    sio_eio_session_init(&s, SIO_EIO_SERVER, SIO_EIO_WEBSOCKET, 4, NULL);
    ck_assert_int_eq(sio_eio_session_open(&s, SIO_STR("lv_VI97HAXpY6yYWAAAC"), 0), 0);
    sio_eio_output out;
    ck_assert(sio_eio_session_output(&s, &out));
    sio_bytes frame;
    ck_assert_int_eq(sio_eio_item_bytes(&frame, out.items, SIO_EIO_FORM_FRAME, 4), 0);
    ck_assert_uint_eq(frame.len, 2 + 107);
    ck_assert_mem_eq(frame.ptr,
                     "\x81\x6B"
                     "0{\"sid\"",
                     9);
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(messages_come_straight_back) { /* T4-14, T4-15, T3-12, T3-13 */
    sio_eio_session s;
    eio_server(&s, SIO_EIO_WEBSOCKET, 4, NULL);
    sio_eio_packet packet;
    sio_eio_decode_binary(&packet, 4, (sio_bytes){(const uint8_t *)"\1\2", 2});
    ck_assert_int_eq(sio_eio_session_packet(&s, &packet, 1), SIO_EIO_EVENT_MESSAGE);
    ck_assert_str_eq(eio_events(&s), "");
    /* These have no effect on an established session. */
    eio_feed(&s, SIO_EIO_OPEN, "", 1);
    eio_feed(&s, SIO_EIO_UPGRADE, "", 1);
    eio_feed(&s, SIO_EIO_NOOP, "", 1);
    ck_assert_str_eq(eio_events(&s), "");
    sio_eio_session_free(&s);
}
END_TEST

/* ---- every row of "close", server ---- */

START_TEST(client_closes_on_polling) { /* T4-21, T3-19, E47, E48 */
    sio_eio_session s;
    eio_server(&s, SIO_EIO_POLLING, 4, NULL);
    ck_assert_int_eq(sio_eio_session_poll(&s, 1), 0);
    ck_assert_int_eq(sio_eio_session_post(&s, 1), 0);
    sio_eio_session_post_complete(&s);
    ck_assert_int_eq(eio_feed(&s, SIO_EIO_MESSAGE, "a", 1), SIO_EIO_EVENT_MESSAGE);
    eio_feed(&s, SIO_EIO_CLOSE, "", 1);
    ck_assert_int_eq(eio_feed(&s, SIO_EIO_MESSAGE, "b", 1), SIO_EIO_EVENT_NONE);
    ck_assert_str_eq(eio_events(&s), "close(transport close:OK)");
    ck_assert_str_eq(eio_output(&s, 1), "poll 6");
    ck_assert_str_eq(eio_output(&s, 1), "");
    ck_assert_int_eq(sio_eio_session_poll(&s, 1), SIO_ERR_CLOSED);
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(client_closes_on_a_websocket) { /* T4-22, T3-20 */
    sio_eio_session s;
    eio_server(&s, SIO_EIO_WEBSOCKET, 4, NULL);
    sio_eio_session_transport_closed(&s, 0, 1);
    ck_assert_str_eq(eio_events(&s), "close(transport close:OK)");
    ck_assert_str_eq(eio_output(&s, 1), "");
    sio_eio_session_free(&s);
    eio_server(&s, SIO_EIO_WEBSOCKET, 3, NULL);
    eio_feed(&s, SIO_EIO_CLOSE, "", 1);
    ck_assert_str_eq(eio_events(&s), "close(transport close:OK)");
    ck_assert_str_eq(eio_output(&s, 1), "close");
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(server_closes_with_a_poll_held) { /* E45 */
    sio_eio_session s;
    eio_server(&s, SIO_EIO_POLLING, 4, NULL);
    ck_assert_int_eq(sio_eio_session_poll(&s, 1), 0);
    sio_eio_session_close(&s, false, 1);
    ck_assert_str_eq(eio_events(&s), "close(forced close:OK)");
    ck_assert_str_eq(eio_output(&s, 1), "poll 1");
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(server_closes_without_a_poll) {
    sio_eio_session s;
    eio_server(&s, SIO_EIO_POLLING, 4, NULL);
    sio_eio_session_close(&s, false, 1);
    ck_assert_int_eq(sio_eio_session_state(&s), SIO_EIO_STATE_CLOSING);
    ck_assert_int_eq(eio_send(&s, "x", 0), SIO_ERR_CLOSED);
    ck_assert_int_eq(eio_feed(&s, SIO_EIO_MESSAGE, "x", 1), SIO_EIO_EVENT_NONE);
    eio_feed(&s, SIO_EIO_ERROR, "", 1);
    ck_assert_str_eq(eio_events(&s), "");
    ck_assert_int_eq(sio_eio_session_poll(&s, 2), 0);
    ck_assert_str_eq(eio_events(&s), "close(forced close:OK)");
    ck_assert_str_eq(eio_output(&s, 2), "poll 6+1");
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(server_closes_with_packets_queued) { /* E69, E74 */
    sio_eio_session s;
    eio_server(&s, SIO_EIO_POLLING, 4, NULL);
    ck_assert_int_eq(eio_send(&s, "last", 0), 0);
    sio_eio_session_close(&s, false, 1);
    ck_assert_int_eq(sio_eio_session_poll(&s, 10), 0);
    ck_assert_str_eq(eio_output(&s, 10), "poll 4last");
    ck_assert_str_eq(eio_events(&s), "drain");
    ck_assert_int_eq(sio_eio_session_poll(&s, 20), 0);
    ck_assert_str_eq(eio_output(&s, 20), "poll 6+1");
    ck_assert_str_eq(eio_events(&s), "close(forced close:OK)");
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(server_does_not_wait_for_ever) {
    sio_eio_session s;
    sio_eio_config config = {.size = sizeof(config), .ping_interval = 100000};
    eio_server(&s, SIO_EIO_POLLING, 4, &config);
    ck_assert_int_eq(eio_send(&s, "last", 0), 0);
    sio_eio_session_close(&s, false, 1000);
    ck_assert_uint_eq(sio_eio_session_deadline(&s), 31000);
    ck_assert_int_eq(sio_eio_session_poll(&s, 5000), 0);
    (void)eio_output(&s, 5000);
    ck_assert_uint_eq(sio_eio_session_deadline(&s), 35000);
    sio_eio_session_elapsed(&s, 35000);
    ck_assert_str_eq(eio_events(&s), "drain close(forced close:OK)");
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(server_closes_a_websocket) { /* E75 */
    sio_eio_session s;
    eio_server(&s, SIO_EIO_WEBSOCKET, 4, NULL);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(eio_send(&s, "x", 0), 0);
    }
    sio_eio_session_close(&s, false, 1);
    ck_assert_str_eq(eio_events(&s), "");
    ck_assert_str_eq(eio_output(&s, 1), "frames 4x+4x+4x");
    ck_assert_str_eq(eio_events(&s), "drain close(forced close:OK)");
    ck_assert_str_eq(eio_output(&s, 1), "close");
    ck_assert_str_eq(eio_output(&s, 1), "");
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(server_stop_discards) { /* E67, E68 */
    for (int closing = 0; closing < 2; closing++) {
        for (int held = 0; held < 2; held++) {
            sio_eio_session s;
            eio_server(&s, SIO_EIO_POLLING, 4, NULL);
            ck_assert_int_eq(eio_send(&s, "lost", 0), 0);
            if (closing) {
                sio_eio_session_close(&s, false, 1);
            }
            if (held) {
                ck_assert_int_eq(sio_eio_session_poll(&s, 1), 0);
            }
            sio_eio_session_close(&s, true, 1);
            sio_eio_session_close(&s, true, 1);
            ck_assert_str_eq(eio_events(&s), "close(forced close:OK)");
            ck_assert_str_eq(eio_output(&s, 1), held ? "poll 1" : "");
            sio_eio_session_free(&s);
        }
    }
    sio_eio_session s;
    eio_server(&s, SIO_EIO_WEBSOCKET, 4, NULL);
    ck_assert_int_eq(eio_send(&s, "lost", 0), 0);
    sio_eio_session_close(&s, true, 1);
    ck_assert_str_eq(eio_output(&s, 1), "close");
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(faults_answer_a_held_poll) { /* T4-11, T3-10, E58, E61, E62 */
    sio_eio_session s;
    eio_server(&s, SIO_EIO_POLLING, 4, NULL);
    ck_assert_int_eq(sio_eio_session_poll(&s, 1), 0);
    eio_feed(&s, SIO_EIO_ERROR, "", 1);
    ck_assert_str_eq(eio_events(&s), "close(parse error:EIO_PACKET)");
    ck_assert_str_eq(eio_output(&s, 1), "poll 1");
    sio_eio_session_free(&s);
    eio_server(&s, SIO_EIO_POLLING, 4, NULL);
    ck_assert_int_eq(sio_eio_session_poll(&s, 1), 0);
    sio_eio_session_transport_closed(&s, SIO_ERR_EIO_CONTENT, 1);
    ck_assert_str_eq(eio_events(&s), "close(transport error:EIO_CONTENT)");
    ck_assert_str_eq(eio_output(&s, 1), "poll 1");
    sio_eio_session_free(&s);
    eio_server(&s, SIO_EIO_POLLING, 4, NULL);
    ck_assert_int_eq(sio_eio_session_poll(&s, 1), 0);
    sio_eio_session_elapsed(&s, 25000);
    ck_assert_str_eq(eio_output(&s, 25000), "poll 2");
    ck_assert_int_eq(sio_eio_session_poll(&s, 25001), 0);
    sio_eio_session_elapsed(&s, 45000);
    ck_assert_str_eq(eio_output(&s, 45000), "poll 1");
    ck_assert_str_eq(eio_events(&s), "ping drain close(ping timeout:TIMEOUT)");
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(bad_packet_closes_a_websocket) { /* T4-16, T3-14 */
    sio_eio_session s;
    eio_server(&s, SIO_EIO_WEBSOCKET, 4, NULL);
    eio_feed(&s, SIO_EIO_ERROR, "", 1);
    ck_assert_str_eq(eio_output(&s, 1), "close");
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(client_may_end_a_closing_session) {
    sio_eio_session s;
    eio_server(&s, SIO_EIO_POLLING, 4, NULL);
    sio_eio_session_close(&s, false, 1);
    eio_feed(&s, SIO_EIO_CLOSE, "", 2);
    ck_assert_str_eq(eio_events(&s), "close(transport close:OK)");
    sio_eio_session_free(&s);
}
END_TEST

/* ---- client ---- */

START_TEST(client_refuses_a_bad_handshake) { /* E59 */
    static const struct {
        sio_eio_type type;
        const char *data;
        const char *events;
    } cases[] = {
        {SIO_EIO_OPEN, "", "close(transport error:EIO_HANDSHAKE)"},
        {SIO_EIO_OPEN, "{\"sid\":1}", "close(transport error:EIO_HANDSHAKE)"},
        {SIO_EIO_MESSAGE, "x", "close(transport error:EIO_HANDSHAKE)"},
        {SIO_EIO_ERROR, "", "close(transport error:EIO_PACKET)"},
        {SIO_EIO_CLOSE, "", "close(transport close:OK)"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        sio_eio_session s;
        sio_eio_session_init(&s, SIO_EIO_CLIENT, SIO_EIO_POLLING, 4, NULL);
        ck_assert_int_eq(eio_feed(&s, cases[i].type, cases[i].data, 0), SIO_EIO_EVENT_NONE);
        ck_assert_str_eq(eio_events(&s), cases[i].events);
        ck_assert_str_eq(eio_output(&s, 0), "");
        sio_eio_session_free(&s);
    }
}
END_TEST

START_TEST(client_close_before_open) { /* E60 */
    for (int transport = 0; transport < 2; transport++) {
        sio_eio_session s;
        sio_eio_session_init(&s, SIO_EIO_CLIENT, (sio_eio_transport)transport, 4, NULL);
        ck_assert_int_eq(eio_send(&s, "x", 0), 0);
        sio_eio_session_close(&s, false, 0);
        ck_assert_str_eq(eio_events(&s), "close(forced close:OK)");
        ck_assert_str_eq(eio_output(&s, 0), transport ? "close" : "");
        sio_eio_session_free(&s);
    }
}
END_TEST

START_TEST(client_close_delivers_its_queue) {
    sio_eio_session s;
    eio_client(&s, SIO_EIO_POLLING, 4, NULL, PLAIN);
    ck_assert_int_eq(eio_send(&s, "a", 0), 0);
    sio_eio_session_close(&s, false, 1);
    ck_assert_str_eq(eio_events(&s), "");
    ck_assert_str_eq(eio_output(&s, 1), "post 4a");
    ck_assert_str_eq(eio_output(&s, 1), "get");
    ck_assert_int_eq(eio_feed(&s, SIO_EIO_MESSAGE, "m", 1), SIO_EIO_EVENT_MESSAGE);
    sio_eio_session_written(&s, 2);
    ck_assert_str_eq(eio_events(&s), "drain close(forced close:OK)");
    ck_assert_str_eq(eio_output(&s, 2), "post 1");
    ck_assert_str_eq(eio_output(&s, 2), "");
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(client_hears_the_server_close) { /* E45, E55 */
    sio_eio_session s;
    eio_client(&s, SIO_EIO_POLLING, 4, NULL, PLAIN);
    eio_feed(&s, SIO_EIO_NOOP, "", 1);
    eio_feed(&s, SIO_EIO_CLOSE, "", 1);
    ck_assert_str_eq(eio_events(&s), "close(transport close:OK)");
    ck_assert_str_eq(eio_output(&s, 1), "");
    sio_eio_session_free(&s);
    eio_client(&s, SIO_EIO_WEBSOCKET, 4, NULL, PLAIN);
    eio_feed(&s, SIO_EIO_CLOSE, "", 1); /* only the WebSocket's own close counts */
    ck_assert_str_eq(eio_events(&s), "");
    sio_eio_session_transport_closed(&s, 0, 1);
    ck_assert_str_eq(eio_events(&s), "close(transport close:OK)");
    ck_assert_str_eq(eio_output(&s, 1), "");
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(client_fails_with_its_requests) {
    sio_eio_session s;
    eio_client(&s, SIO_EIO_POLLING, 4, NULL, PLAIN);
    sio_eio_session_transport_closed(&s, SIO_ERR_HTTP_STATUS, 1);
    sio_eio_session_transport_closed(&s, 0, 1);
    ck_assert_str_eq(eio_events(&s), "close(transport error:HTTP_STATUS)");
    ck_assert_str_eq(eio_output(&s, 1), "");
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(client_ignores_what_means_nothing) {
    sio_eio_session s;
    eio_client(&s, SIO_EIO_WEBSOCKET, 4, NULL, PLAIN);
    eio_feed(&s, SIO_EIO_OPEN, "{}", 1);
    eio_feed(&s, SIO_EIO_PONG, "", 1);
    eio_feed(&s, SIO_EIO_UPGRADE, "", 1);
    eio_feed(&s, SIO_EIO_NOOP, "", 1);
    ck_assert_str_eq(eio_events(&s), "");
    eio_feed(&s, SIO_EIO_ERROR, "", 1);
    ck_assert_str_eq(eio_events(&s), "close(transport error:EIO_PACKET)");
    ck_assert_str_eq(eio_output(&s, 1), "close");
    sio_eio_session_free(&s);
}
END_TEST

/* ---- both against each other ---- */

static unsigned total_upgrades;
static unsigned total_cancelled;

static void settle(pair *p) {
    for (int i = 0; i < 20000; i++) {
        pair_step(p);
        bool done = p->got[0] == p->sent[0] && p->got[1] == p->sent[1];
        if (done && i > 2000) {
            return;
        }
    }
}

static void walk(sio_eio_transport transport, int revision, uint32_t seed) {
    pair *p = pair_new(transport, revision, seed);
    for (int i = 0; i < 3000; i++) {
        pair_step(p);
        if (pair_random(p, 12) == 0) {
            pair_send(p, pair_random(p, 2));
        }
    }
    settle(p);
    ck_assert_int_eq(p->reason[0], SIO_EIO_REASON_NONE);
    ck_assert_int_eq(p->reason[1], SIO_EIO_REASON_NONE);
    ck_assert_uint_gt(p->sent[0], 20);
    ck_assert_uint_gt(p->sent[1], 20);
    ck_assert_uint_eq(p->got[0], p->sent[0]);
    ck_assert_uint_eq(p->got[1], p->sent[1]);
    ck_assert_int_eq(p->server.transport, p->client.transport);
    total_upgrades += p->upgrades;
    total_cancelled += p->cancelled;

    /* What the closing side has sent still arrives. */
    bool client_closes = pair_random(p, 2);
    for (int i = 0; i < 10; i++) {
        pair_send(p, client_closes);
    }
    sio_eio_session_close(client_closes ? &p->client : &p->server, false, p->now);
    pair_events(p, client_closes);
    for (int i = 0; i < 5000; i++) {
        pair_step(p);
    }
    ck_assert_uint_eq(p->got[client_closes], p->sent[client_closes]);
    ck_assert_int_eq(p->reason[client_closes], SIO_EIO_REASON_FORCED_CLOSE);
    ck_assert_int_eq(p->reason[!client_closes], SIO_EIO_REASON_TRANSPORT_CLOSE);
    pair_free(p);
}

START_TEST(nothing_is_lost_or_reordered) { /* E106 */
    total_upgrades = 0;
    total_cancelled = 0;
    for (uint32_t seed = 1; seed <= 60; seed++) {
        walk(SIO_EIO_POLLING, seed % 2 ? 4 : 3, seed * 2654435761u);
        walk(SIO_EIO_WEBSOCKET, seed % 2 ? 4 : 3, seed * 2654435761u);
    }
    /* Both ways out of a probe were taken. */
    ck_assert_uint_gt(total_upgrades, 20);
    ck_assert_uint_gt(total_cancelled, 5);
}
END_TEST

/* The session over a failing allocator: whatever fails, the close comes once and nothing leaks. */
static int sweep_scenario(const sio_mem *mem, void *arg) {
    sio_eio_config config = {.size = sizeof(config), .mem = mem, .ping_interval = 10};
    sio_eio_session s;
    sio_eio_session_init(&s, SIO_EIO_SERVER, SIO_EIO_POLLING, 4, &config);
    int rc = sio_eio_session_open(&s, SIO_STR("SID"), 0);
    for (sio_time now = 1; now < 40 && rc == 0; now++) {
        rc = eio_send(&s, "message", 0);
        sio_eio_session_elapsed(&s, now);
        eio_feed(&s, SIO_EIO_PONG, "", now);
        if (now % 8 == 0 && sio_eio_session_poll(&s, now) == 0) {
            (void)eio_output(&s, now);
        }
    }
    sio_eio_session_close(&s, true, 50);
    const char *events = eio_events(&s);
    const char *close = strstr(events, "close(");
    ck_assert(close && !strstr(close + 1, "close("));
    sio_eio_session_free(&s);
    return rc;
}

START_TEST(survives_without_memory) {
    test_mem_sweep(sweep_scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("eio_session");
    TCase *tc = tcase_create("eio_session");
    tcase_set_timeout(tc, 50);
    tcase_add_test(tc, texts);
    tcase_add_test(tc, server_opens_on_polling);
    tcase_add_test(tc, server_opens_on_a_websocket);
    tcase_add_test(tc, messages_come_straight_back);
    tcase_add_test(tc, client_closes_on_polling);
    tcase_add_test(tc, client_closes_on_a_websocket);
    tcase_add_test(tc, server_closes_with_a_poll_held);
    tcase_add_test(tc, server_closes_without_a_poll);
    tcase_add_test(tc, server_closes_with_packets_queued);
    tcase_add_test(tc, server_does_not_wait_for_ever);
    tcase_add_test(tc, server_closes_a_websocket);
    tcase_add_test(tc, server_stop_discards);
    tcase_add_test(tc, faults_answer_a_held_poll);
    tcase_add_test(tc, bad_packet_closes_a_websocket);
    tcase_add_test(tc, client_may_end_a_closing_session);
    tcase_add_test(tc, client_refuses_a_bad_handshake);
    tcase_add_test(tc, client_close_before_open);
    tcase_add_test(tc, client_close_delivers_its_queue);
    tcase_add_test(tc, client_hears_the_server_close);
    tcase_add_test(tc, client_fails_with_its_requests);
    tcase_add_test(tc, client_ignores_what_means_nothing);
    tcase_add_test(tc, nothing_is_lost_or_reordered);
    tcase_add_test(tc, survives_without_memory);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
