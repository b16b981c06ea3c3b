#include "server_support.h"

#include "engine_session.h"

#include <sio/ws.h>

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

/* In place of the one of the fixture. */
static void restart_with(sio_engine_settings options) {
    engine_stop(&t);
    start_with(options);
}

static void echoes(raw_client *c, const char *packet) {
    ws_text(c, packet);
    ws_expect(c, packet);
}

/* The next frame has this beginning and length. */
static void expect_frame(raw_client *c, uint8_t first, const void *data, size_t len) {
    ws_frame frame;
    ck_assert(ws_receive(c, &frame));
    ck_assert_uint_eq(frame.first, first);
    ck_assert_uint_eq(frame.len, len);
    ck_assert_mem_eq(frame.data, data, len);
    ws_frame_free(&frame);
}

/* E22 E26 E27: T4-5 */
START_TEST(opens) {
    raw_client c;
    ws_frame frame;
    char sid[64];
    char want[256];
    ws_open(&c, &t, "EIO=4", "");
    ck_assert(ws_receive(&c, &frame));
    ck_assert_uint_eq(frame.first, 0x81);
    ck_assert_int_eq(sscanf((char *)frame.data, "0{\"sid\":\"%63[^\"]\"", sid), 1);
    snprintf(want, sizeof(want),
             "0{\"sid\":\"%s\",\"upgrades\":[],\"pingInterval\":25000,\"pingTimeout\":20000,"
             "\"maxPayload\":1000000}",
             sid);
    ck_assert_str_eq((char *)frame.data, want);
    ws_frame_free(&frame);
    raw_close(&c);
}
END_TEST

/* E73 E81: T4-14, T4-15 */
START_TEST(carries_messages_both_ways) {
    raw_client c;
    ws_connect(&c, &t, "EIO=4", NULL);
    echoes(&c, "4hello");
    echoes(&c, "4");
    echoes(&c, "4\xe2\x82\xac");
    ws_binary(&c, "\1\2\3\4", 4);
    ws_expect_binary(&c, "\1\2\3\4", 4);
    ws_binary(&c, "4", 1); /* a binary frame is always a message */
    ws_expect_binary(&c, "4", 1);
    ws_binary(&c, "", 0);
    ws_expect_binary(&c, "", 0);
    ws_text(&c, "bAQIDBA=="); /* base64 is understood here, too */
    ws_expect_binary(&c, "\1\2\3\4", 4);
    raw_close(&c);
}
END_TEST

START_TEST(carries_large_messages) {
    static const size_t sizes[] = {125, 126, 4096, 4097, 65535, 65536, 1000000};
    raw_client c;
    ws_connect(&c, &t, "EIO=4", NULL);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char *data = malloc(sizes[i]);
        memset(data, 'a' + (int)i, sizes[i]);
        data[0] = '4';
        ws_send(&c, 0x81, data, sizes[i]);
        expect_frame(&c, 0x81, data, sizes[i]);
        free(data);
    }
    raw_close(&c);
}
END_TEST

START_TEST(puts_fragments_together) {
    raw_client c;
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_send(&c, 0x01, "4he", 3);
    ws_send(&c, 0x89, "p", 1); /* a ping in between */
    ws_send(&c, 0x00, "l", 1);
    ws_send(&c, 0x00, "", 0);
    ws_send(&c, 0x80, "lo", 2);
    expect_frame(&c, 0x8a, "p", 1);
    ws_expect(&c, "4hello");
    raw_close(&c);
}
END_TEST

START_TEST(reads_frames_byte_by_byte) {
    static const uint8_t frame[] = {0x81,    0x86,    1,       2,       3,       4,
                                    '4' ^ 1, 'h' ^ 2, 'e' ^ 3, 'l' ^ 4, 'l' ^ 1, 'o' ^ 2};
    raw_client c;
    ws_connect(&c, &t, "EIO=4", NULL);
    for (size_t i = 0; i < sizeof(frame); i++) {
        raw_send(&c, frame + i, 1);
        server_turn(&t);
    }
    ws_expect(&c, "4hello");
    raw_close(&c);
}
END_TEST

START_TEST(answers_pings_and_ignores_pongs) {
    raw_client c;
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_send(&c, 0x89, "", 0);
    ws_send(&c, 0x8a, "unasked", 7);
    char most[125];
    memset(most, 'm', sizeof(most));
    ws_send(&c, 0x89, most, sizeof(most));
    expect_frame(&c, 0x8a, "", 0);
    expect_frame(&c, 0x8a, most, sizeof(most));
    echoes(&c, "4hello");
    raw_close(&c);
}
END_TEST

/* The WebSocket is broken off with `code`; the session ends with transport error. */
static void breaks(uint8_t first, const char *data, size_t len, unsigned code) {
    raw_client c;
    unsigned closes = t.closes;
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_send(&c, first, data, len);
    ws_expect_close(&c, code);
    ck_assert_uint_eq(t.closes, closes + 1);
    ck_assert_int_eq(t.reason, SIO_EIO_REASON_TRANSPORT_ERROR);
    ck_assert_int_ne(t.error, 0);
    raw_close(&c);
}

START_TEST(breaks_off_with_the_right_code) {
    char large[126] = "";
    breaks(0xc1, "4a", 2, 1002);              /* RSV1 without the extension */
    breaks(0xa1, "4a", 2, 1002);              /* RSV2 */
    breaks(0x83, "4a", 2, 1002);              /* opcode */
    breaks(0x80, "4a", 2, 1002);              /* nothing to continue */
    breaks(0x89, large, sizeof(large), 1002); /* control frame over 125 bytes */
    breaks(0x09, "a", 1, 1002);               /* fragmented control frame */
    breaks(0x88, "\x03", 1, 1002);            /* half a close code */
    breaks(0x88, "\x03\xed", 2, 1002);        /* 1005 must not be sent */
    breaks(0x88, "\x03\xe8\xff", 3, 1007);    /* reason is not UTF-8 */
    breaks(0x81, "4\xff", 2, 1007);           /* text is not UTF-8 */
    breaks(0x81, "4\xed\xa0\x80", 4, 1007);   /* a surrogate */
}
END_TEST

START_TEST(wants_masked_frames) {
    raw_client c;
    ws_connect(&c, &t, "EIO=4", NULL);
    raw_send(&c,
             "\x81\x02"
             "4a",
             4);
    ws_expect_close(&c, 1002);
    raw_close(&c);
}
END_TEST

/* E76 E77 */
START_TEST(limits_messages) {
    restart_with((sio_engine_settings){.max_payload = 100});
    raw_client c;
    char data[101];
    memset(data, 'x', sizeof(data));
    data[0] = '4';
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_send(&c, 0x81, data, 100);
    expect_frame(&c, 0x81, data, 100);
    raw_close(&c);
    server_until(&t, t.closes == 1);
    breaks(0x81, data, 101, 1009);
    breaks(0x82, data, 101, 1009);
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_send(&c, 0x01, data, 60);
    ws_send(&c, 0x80, data, 60);
    ws_expect_close(&c, 1009);
    raw_close(&c);
}
END_TEST

/* A head alone, half a frame, and a message whose last fragment does not come. */
START_TEST(a_message_must_come_in_time) {
    static const uint8_t head[] = {0x81, 0x85, 1, 2, 3, 4};
    static const uint8_t half[] = {0x81, 0x85, 1, 2, 3, 4, 5, 6};
    restart_with((sio_engine_settings){.message_timeout_ms = 50});
    raw_client c, other;
    ws_connect(&other, &t, "EIO=4", NULL);
    for (unsigned i = 0; i < 4; i++) {
        ws_connect(&c, &t, "EIO=4", NULL);
        if (i == 0) {
            raw_send(&c, head, 1);
        } else if (i == 1) {
            raw_send(&c, head, sizeof(head));
        } else if (i == 2) {
            raw_send(&c, half, sizeof(half));
        } else {
            ws_send(&c, 0x01, "4half", 5);
            ws_send(&c, 0x89, "", 0); /* a ping is no progress */
            expect_frame(&c, 0x8a, "", 0);
        }
        ws_expect_close(&c, 1008);
        raw_close(&c);
        server_until(&t, t.closes == i + 1);
        ck_assert_int_eq(t.reason, SIO_EIO_REASON_TRANSPORT_ERROR);
        ck_assert_int_eq(t.error, SIO_ERR_TIMEOUT);
    }
    ck_assert_uint_eq(t.engine->counters->receive_timeouts, 4);
    ws_text(&other, "4still here");
    ws_expect(&other, "4still here");
    raw_close(&other);
}
END_TEST

/* Who sends enough, or one message after the other, goes on. */
START_TEST(a_large_message_has_its_time_again) {
    char piece[100];
    restart_with((sio_engine_settings){.message_timeout_ms = 50, .min_receive_rate = 1000});
    raw_client c;
    memset(piece, 'x', sizeof(piece));
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_send(&c, 0x01, "4", 1);
    for (int i = 0; i < 10; i++) {
        ws_send(&c, 0x00, piece, sizeof(piece));
        server_run_for(&t, 15);
    }
    ws_send(&c, 0x80, "", 0);
    ws_frame frame;
    ck_assert(ws_receive(&c, &frame));
    ck_assert_uint_eq(frame.len, 1001);
    ws_frame_free(&frame);
    for (int i = 0; i < 10; i++) {
        ws_send(&c, 0x01, "4", 1);
        server_run_for(&t, 15);
        ws_send(&c, 0x80, "x", 1);
        ws_expect(&c, "4x");
    }
    ck_assert_uint_eq(t.engine->counters->receive_timeouts, 0);
    raw_close(&c);
}
END_TEST

/* E62: T4-16: an undecodable packet */
START_TEST(a_malformed_packet_ends_the_session) {
    static const char *const packets[] = {"abc", "7", "{", ""};
    for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
        raw_client c;
        ws_connect(&c, &t, "EIO=4", NULL);
        ws_text(&c, packets[i]);
        ws_expect_close(&c, 0);
        ck_assert_int_eq(t.reason, SIO_EIO_REASON_PARSE_ERROR);
        raw_close(&c);
    }
    ck_assert_uint_eq(t.closes, 4);
}
END_TEST

/* E47: T4-22 */
START_TEST(the_client_closes) {
    raw_client c;
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_text(&c, "1");
    ws_expect_close(&c, 0);
    ck_assert_int_eq(t.reason, SIO_EIO_REASON_TRANSPORT_CLOSE);
    raw_close(&c);
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_send(&c, 0x88,
            "\x03\xe8"
            "bye",
            5);
    ws_expect_close(&c, 1000); /* the code comes back */
    ck_assert_int_eq(t.reason, SIO_EIO_REASON_TRANSPORT_CLOSE);
    ck_assert_int_eq(t.error, 0);
    raw_close(&c);
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_send(&c, 0x88, "", 0);
    ws_expect_close(&c, 0);
    raw_close(&c);
    ws_connect(&c, &t, "EIO=4", NULL);
    raw_close(&c);
    server_until(&t, t.closes == 4);
    ck_assert_int_eq(t.reason, SIO_EIO_REASON_TRANSPORT_CLOSE);
    ws_connect(&c, &t, "EIO=4", NULL);
    raw_reset(&c);
    server_until(&t, t.closes == 5);
    ck_assert_int_eq(t.reason, SIO_EIO_REASON_TRANSPORT_CLOSE);
}
END_TEST

START_TEST(nothing_behind_a_close_is_handled) {
    raw_client c;
    ws_connect(&c, &t, "EIO=4", NULL);
    raw_send(&c, "\x88\x80\1\2\3\4\x81\x82\1\2\3\4\x35\x63", 14);
    ws_expect_close(&c, 0);
    ck_assert_uint_eq(t.messages, 0);
    raw_close(&c);
}
END_TEST

START_TEST(the_server_closes) {
    raw_client c;
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_text(&c, "4last words");
    server_until(&t, t.messages == 1);
    sio_engine_session_close(t.session, false);
    ck_assert_int_eq(t.reason, SIO_EIO_REASON_FORCED_CLOSE);
    ws_expect(&c, "4last words");
    ws_expect_close(&c, 0);
    raw_close(&c);
}
END_TEST

START_TEST(other_packets_do_nothing) {
    raw_client c;
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_text(&c, "0{}");
    ws_text(&c, "5");
    ws_text(&c, "6");
    ws_text(&c, "3");
    echoes(&c, "4hello");
    ck_assert_uint_eq(t.upgrades, 0);
    raw_close(&c);
}
END_TEST

START_TEST(a_ping_of_the_client_is_an_error) {
    raw_client c;
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_text(&c, "2");
    ws_expect_close(&c, 0);
    ck_assert_int_eq(t.reason, SIO_EIO_REASON_TRANSPORT_ERROR);
    ck_assert_int_eq(t.error, SIO_ERR_EIO_HEARTBEAT);
    raw_close(&c);
}
END_TEST

/* ---- what comes behind the handshake in the same piece ---- */

/* An upgrade and what comes right behind it. */
static void open_with_rest(raw_client *c, const char *query, const char *rest, size_t len) {
    char request[1024];
    http_answer answer;
    int n = snprintf(request, sizeof(request),
                     "GET /engine.io/?%s&transport=websocket HTTP/1.1\r\nHost: x\r\n"
                     "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                     query);
    memcpy(request + n, rest, len);
    raw_open(c, &t);
    raw_send(c, request, (size_t)n + len);
    ck_assert(http_receive(c, &answer));
    ck_assert_int_eq(answer.status, 101);
    http_answer_free(&answer);
}

START_TEST(reads_what_came_behind_the_handshake) {
    raw_client c;
    open_with_rest(&c, "EIO=4", "\x81\x82\1\2\3\4\x35\x63", 8); /* "4a" */
    ws_expect_start(&c, "0{");
    ws_expect(&c, "4a");
    raw_close(&c);
}
END_TEST

/* E7 */
START_TEST(survives_garbage_behind_the_handshake) {
    raw_client c;
    open_with_rest(&c, "EIO=4", "garbage that is no frame", 24);
    ws_expect_start(&c, "0{");
    ws_expect_close(&c, 1002);
    ck_assert_uint_eq(t.closes, 1);
    raw_close(&c);
}
END_TEST

/* ---- upgrade ---- */

static void probe_query(char query[256], const poller *p) {
    snprintf(query, 256, "%s&sid=%s", p->query, p->sid);
}

static void probe(raw_client *c, const poller *p) {
    char query[256];
    probe_query(query, p);
    ws_open(c, &t, query, "");
}

static void say_probe(raw_client *c) {
    ws_text(c, "2probe");
    ws_expect(c, "3probe");
}

/* A session over polling, and the WebSocket that it may move to. */
static void begin_upgrade(poller *p, raw_client *c) {
    poller_open(p, &t, "EIO=4");
    probe(c, p);
}

static void end_upgrade(poller *p, raw_client *c) {
    raw_close(c);
    poller_close(p);
}

static void still_polls(poller *p) {
    poller_post(p, "4a");
    poller_get(p, "4a");
}

/* T4-23, T4-24, T4-25 */
START_TEST(upgrades) {
    poller p;
    raw_client c, second;
    poller_open(&p, &t, "EIO=4");
    poller_poll(&p);
    probe(&c, &p);
    say_probe(&c);
    poller_expect(&p, "6");
    ws_text(&c, "5");
    echoes(&c, "4hello");
    ck_assert_uint_eq(t.upgrades, 1);
    http_expect(&t, "GET", poller_target(&p), "", NULL, 400,
                "{\"code\":3,\"message\":\"Bad request\"}");
    probe(&second, &p);
    ws_expect_close(&second, 0);
    echoes(&c, "4still");
    raw_close(&second);
    raw_close(&c);
    server_until(&t, t.closes == 1);
    ck_assert_int_eq(t.reason, SIO_EIO_REASON_TRANSPORT_CLOSE);
    poller_close(&p);
}
END_TEST

START_TEST(a_poll_after_the_probe_gets_its_noop) {
    poller p;
    raw_client c;
    begin_upgrade(&p, &c);
    say_probe(&c);
    poller_get(&p, "6");
    say_probe(&c); /* may be repeated */
    ws_text(&c, "5");
    echoes(&c, "4hello");
    end_upgrade(&p, &c);
}
END_TEST

START_TEST(handles_what_follows_the_upgrade_at_once) {
    poller p;
    raw_client c;
    begin_upgrade(&p, &c);
    say_probe(&c);
    raw_send(&c,
             "\x81\x81\0\0\0\0"
             "5"
             "\x81\x82\0\0\0\0"
             "4a",
             15);
    ws_expect(&c, "4a");
    end_upgrade(&p, &c);
}
END_TEST

/* Messages that are queued when the switch comes are lost in neither direction. */
START_TEST(loses_nothing_in_an_upgrade) {
    poller p;
    raw_client c;
    poller_open(&p, &t, "EIO=4");
    poller_post(&p, "4one");
    poller_get(&p, "4one");
    probe(&c, &p);
    say_probe(&c);
    poller_post(&p, "4two\x1e"
                    "bAQI="); /* still by polling; the answer is not fetched */
    ws_text(&c, "5");
    ws_text(&c, "4three");
    ws_expect(&c, "4two");
    ws_expect_binary(&c, "\1\2", 2);
    ws_expect(&c, "4three");
    ck_assert_uint_eq(t.messages, 4);
    end_upgrade(&p, &c);
}
END_TEST

START_TEST(answers_a_poll_that_is_held_at_the_switch) {
    poller p;
    raw_client c;
    begin_upgrade(&p, &c);
    poller_poll(&p);
    server_settle(&t);
    ws_text(&c, "5"); /* a probe before is not required */
    poller_expect(&p, "1");
    echoes(&c, "4hello");
    end_upgrade(&p, &c);
}
END_TEST

START_TEST(cuts_a_post_that_runs_at_the_switch) {
    poller p;
    raw_client c;
    begin_upgrade(&p, &c);
    http_send(&p.post, "POST", poller_target(&p), "Content-Length: 100\r\n", NULL, 0);
    raw_text(&p.post, "4half");
    server_settle(&t);
    ws_text(&c, "5");
    raw_expect_eof(&p.post);
    echoes(&c, "4hello");
    ck_assert_uint_eq(t.closes, 0);
    end_upgrade(&p, &c);
}
END_TEST

/* Anything else on a probing WebSocket ends it; the session stays on polling. */
START_TEST(a_bad_probe_leaves_the_session_alone) {
    static const char *const packets[] = {"2", "4hello", "abc", "1", "3probe", "2prob", "0"};
    poller p;
    poller_open(&p, &t, "EIO=4");
    for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
        raw_client c;
        probe(&c, &p);
        ws_text(&c, packets[i]);
        ws_expect_close(&c, 0);
        raw_close(&c);
    }
    raw_client c;
    probe(&c, &p);
    ws_binary(&c, "2probe", 6);
    ws_expect_close(&c, 0);
    raw_close(&c);
    probe(&c, &p);
    raw_text(&c, "garbage that is no frame");
    ws_expect_close(&c, 1002);
    raw_close(&c);
    probe(&c, &p);
    raw_close(&c);
    probe(&c, &p);
    raw_reset(&c);
    server_settle(&t);
    ck_assert_uint_eq(t.closes, 0);
    ck_assert_uint_eq(t.messages, 0);
    still_polls(&p);
    probe(&c, &p); /* and may try again */
    say_probe(&c);
    ws_text(&c, "5");
    echoes(&c, "4hello");
    end_upgrade(&p, &c);
}
END_TEST

/* E8 */
START_TEST(a_second_probe_is_refused) {
    poller p;
    raw_client first, second, third;
    begin_upgrade(&p, &first);
    probe(&second, &p);
    ws_expect_close(&second, 0);
    say_probe(&first);
    ws_text(&first, "5");
    echoes(&first, "4hello");
    probe(&third, &p); /* upgraded already */
    ws_expect_close(&third, 0);
    echoes(&first, "4still mine");
    raw_close(&first);
    raw_close(&second);
    raw_close(&third);
    poller_close(&p);
}
END_TEST

START_TEST(a_session_born_on_a_websocket_cannot_be_taken_over) {
    raw_client c, other;
    char sid[64];
    char query[256];
    ws_connect(&c, &t, "EIO=4", sid);
    snprintf(query, sizeof(query), "EIO=4&sid=%s", sid);
    ws_open(&other, &t, query, "");
    ws_expect_close(&other, 0);
    echoes(&c, "4mine");
    raw_close(&other);
    raw_close(&c);
}
END_TEST

START_TEST(upgrades_can_be_off) {
    stop();
    t.eio.no_upgrade = true;
    start_with((sio_engine_settings){0});
    poller p;
    raw_client c;
    poller_open(&p, &t, "EIO=4");
    ck_assert_ptr_nonnull(strstr(p.open, "\"upgrades\":[]"));
    probe(&c, &p);
    ws_expect_close(&c, 0);
    still_polls(&p);
    end_upgrade(&p, &c);
}
END_TEST

/* E64 */
START_TEST(a_slow_probe_times_out) {
    stop();
    t.eio.upgrade_timeout = 400;
    start_with((sio_engine_settings){0});
    poller p;
    raw_client c;
    begin_upgrade(&p, &c);
    say_probe(&c);
    ws_expect_close(&c, 0);
    still_polls(&p);
    ck_assert_uint_eq(t.closes, 0);
    end_upgrade(&p, &c);
}
END_TEST

/* E63 */
START_TEST(the_end_of_the_session_ends_the_probe) {
    poller p;
    raw_client c;
    begin_upgrade(&p, &c);
    say_probe(&c);
    poller_post(&p, "1");
    ws_expect_close(&c, 0);
    end_upgrade(&p, &c);
}
END_TEST

/* E7 */
START_TEST(survives_garbage_behind_an_upgrade_request) {
    poller p;
    raw_client c;
    char query[256];
    poller_open(&p, &t, "EIO=4");
    probe_query(query, &p);
    open_with_rest(&c, query, "garbage, no frame", 17);
    ws_expect_close(&c, 1002);
    still_polls(&p);
    end_upgrade(&p, &c);
}
END_TEST

/* ---- base64, revision 3 ---- */

START_TEST(sends_binary_as_base64_where_asked) {
    raw_client c;
    ws_connect(&c, &t, "EIO=4&b64=1", NULL);
    ws_binary(&c, "\1\2", 2);
    ws_expect(&c, "bAQI=");
    raw_close(&c);
    ws_connect(&c, &t, "EIO=3&b64=1", NULL);
    ws_binary(&c, "\4\1\2", 3);
    ws_expect(&c, "b4AQI=");
    raw_close(&c);
}
END_TEST

/* T3-4, T3-12 to T3-14, T3-17, T3-20 to T3-23 */
START_TEST(carries_revision_3) {
    raw_client c;
    ws_connect(&c, &t, "EIO=3", NULL);
    echoes(&c, "4hello");
    ws_binary(&c, "\4\1\2\3\4", 5);
    ws_expect_binary(&c, "\4\1\2\3\4", 5);
    ws_text(&c, "2");
    ws_expect(&c, "3");
    ws_text(&c, "abc");
    ws_expect_close(&c, 0);
    raw_close(&c);
    ws_connect(&c, &t, "b64=", NULL); /* without EIO it is 3 */
    ws_text(&c, "1");
    ws_expect_close(&c, 0);
    raw_close(&c);
    poller p;
    poller_open(&p, &t, "EIO=3");
    poller_poll(&p);
    probe(&c, &p);
    say_probe(&c);
    poller_expect(&p, "1:6");
    ws_text(&c, "5");
    echoes(&c, "4hello");
    raw_client second;
    probe(&second, &p);
    ws_expect_close(&second, 0);
    raw_close(&second);
    end_upgrade(&p, &c);
}
END_TEST

/* ---- compression ---- */

#if SIO_HAVE_DEFLATE
static const char OFFER[] =
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";

static void inflate_frame(const ws_frame *frame, const char *want) {
    sio_ws_inflater *inflater;
    sio_buf out;
    sio_buf_init(&out, 0, NULL);
    ck_assert_int_eq(sio_ws_inflater_new(&inflater, 15, false, NULL), 0);
    ck_assert_int_eq(sio_ws_inflate(inflater, &out, frame->data, frame->len, 100000), 0);
    ck_assert_uint_eq(out.len, strlen(want));
    ck_assert_mem_eq(out.data, want, out.len);
    sio_buf_free(&out);
    sio_ws_inflater_free(inflater);
}

static void open_offering(raw_client *c, const char *query) {
    ws_open(c, &t, query, OFFER);
    ws_expect_start(c, "0{");
}

START_TEST(compresses_from_the_threshold_on) {
    restart_with((sio_engine_settings){.deflate = true, .compress_threshold = 20});
    raw_client c;
    ws_frame frame;
    char large[100] = "4";
    memset(large + 1, 'z', 60);
    open_offering(&c, "EIO=4");
    echoes(&c, "4small");
    ws_text(&c, large);
    ck_assert(ws_receive(&c, &frame));
    ck_assert_uint_eq(frame.first, 0xc1);
    ck_assert_uint_lt(frame.len, 30);
    inflate_frame(&frame, large);
    ws_send(&c, 0xc1, frame.data, frame.len); /* back to the server, compressed */
    ws_frame_free(&frame);
    ck_assert(ws_receive(&c, &frame));
    ck_assert_uint_eq(frame.first, 0xc1);
    inflate_frame(&frame, large);
    ws_frame_free(&frame);
    ck_assert_str_eq(t.last, large + 1);
    raw_close(&c);
    ws_connect(&c, &t, "EIO=4", NULL); /* not negotiated */
    echoes(&c, large);
    raw_close(&c);
}
END_TEST

static void expect_compressed(raw_client *c, const char *want) {
    ws_frame frame;
    ck_assert(ws_receive(c, &frame));
    ck_assert_uint_eq(frame.first, 0xc2);
    inflate_frame(&frame, want);
    ws_frame_free(&frame);
}

/* Revision 3 has the packet's type in front of binary data, revision 4 has not: what was compressed
 * for one is not for the other. */
START_TEST(revisions_do_not_share_what_is_compressed) {
    stop();
    t.silent = true;
    start_with((sio_engine_settings){.deflate = true, .compress_threshold = 1, .allow_eio3 = true});
    static const char data[] = "\4zzzzzzzzzzzzzzzzzzzz";
    raw_client c[2];
    sio_engine_session *sessions[2];
    for (int i = 0; i < 2; i++) {
        open_offering(&c[i], i == 0 ? "EIO=3" : "EIO=4");
        sessions[i] = t.session;
    }
    for (int first = 0; first < 2; first++) {
        sio_eio_message *message;
        ck_assert_int_eq(sio_eio_message_new(&message, true, data + 1, sizeof(data) - 2, NULL), 0);
        for (int i = 0; i < 2; i++) {
            int rc = sio_engine_session_send(sessions[first ^ i], message, SIO_EIO_COMPRESS);
            ck_assert_int_eq(rc, 0);
        }
        sio_eio_message_unref(message);
        expect_compressed(&c[0], data);
        expect_compressed(&c[1], data + 1);
    }
    raw_close(&c[0]);
    raw_close(&c[1]);
}
END_TEST

START_TEST(damaged_compressed_data_breaks_off) {
    restart_with((sio_engine_settings){.deflate = true, .compress_threshold = 20});
    raw_client c;
    open_offering(&c, "EIO=4");
    ws_send(&c, 0xc1, "\xff\xff\xff\xff", 4);
    ws_expect_close(&c, 1007);
    ck_assert_int_eq(t.reason, SIO_EIO_REASON_TRANSPORT_ERROR);
    raw_close(&c);
}
END_TEST

START_TEST(does_not_offer_compression_by_default) {
    raw_client c;
    http_answer answer;
    raw_open(&c, &t);
    ws_request(&c, "/engine.io/?EIO=4&transport=websocket", OFFER);
    ck_assert(http_receive(&c, &answer));
    ck_assert_int_eq(answer.status, 101);
    ck_assert_ptr_null(strstr(answer.head, "permessage-deflate"));
    http_answer_free(&answer);
    raw_close(&c);
}
END_TEST
#endif

int main(void) {
    Suite *suite = suite_create("WebSocket transport");
    TCase *tc = tcase_create("frames");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, opens);
    tcase_add_test(tc, carries_messages_both_ways);
    tcase_add_test(tc, carries_large_messages);
    tcase_add_test(tc, puts_fragments_together);
    tcase_add_test(tc, reads_frames_byte_by_byte);
    tcase_add_test(tc, answers_pings_and_ignores_pongs);
    tcase_add_test(tc, breaks_off_with_the_right_code);
    tcase_add_test(tc, wants_masked_frames);
    tcase_add_test(tc, limits_messages);
    tcase_add_test(tc, a_message_must_come_in_time);
    tcase_add_test(tc, a_large_message_has_its_time_again);
    tcase_add_test(tc, a_malformed_packet_ends_the_session);
    tcase_add_test(tc, the_client_closes);
    tcase_add_test(tc, nothing_behind_a_close_is_handled);
    tcase_add_test(tc, the_server_closes);
    tcase_add_test(tc, other_packets_do_nothing);
    tcase_add_test(tc, a_ping_of_the_client_is_an_error);
    tcase_add_test(tc, reads_what_came_behind_the_handshake);
    tcase_add_test(tc, survives_garbage_behind_the_handshake);
    tcase_add_test(tc, sends_binary_as_base64_where_asked);
    tcase_add_test(tc, carries_revision_3);
    tc = tcase_create("upgrade");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, upgrades);
    tcase_add_test(tc, a_poll_after_the_probe_gets_its_noop);
    tcase_add_test(tc, handles_what_follows_the_upgrade_at_once);
    tcase_add_test(tc, loses_nothing_in_an_upgrade);
    tcase_add_test(tc, answers_a_poll_that_is_held_at_the_switch);
    tcase_add_test(tc, cuts_a_post_that_runs_at_the_switch);
    tcase_add_test(tc, a_bad_probe_leaves_the_session_alone);
    tcase_add_test(tc, a_second_probe_is_refused);
    tcase_add_test(tc, a_session_born_on_a_websocket_cannot_be_taken_over);
    tcase_add_test(tc, upgrades_can_be_off);
    tcase_add_test(tc, a_slow_probe_times_out);
    tcase_add_test(tc, the_end_of_the_session_ends_the_probe);
    tcase_add_test(tc, survives_garbage_behind_an_upgrade_request);
#if SIO_HAVE_DEFLATE
    tc = tcase_create("compression");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, compresses_from_the_threshold_on);
    tcase_add_test(tc, revisions_do_not_share_what_is_compressed);
    tcase_add_test(tc, damaged_compressed_data_breaks_off);
    tcase_add_test(tc, does_not_offer_compression_by_default);
#endif
    return test_run(suite);
}
