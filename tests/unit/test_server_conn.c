#include "server_support.h"

#include <stdio.h>

/* Blocks and bytes for one WebSocket in one namespace, without the places in tables. */
enum { IDLE_BLOCKS = 5, IDLE_BYTES = 920 };

static server_test t;
static char reasons[512]; /* of disconnects, each with its namespace */

static void note_reason(sio_peer *peer, const sio_event *event, void *user) {
    const char *name = sio_namespace_name(sio_peer_namespace(peer));
    ck_assert(!sio_peer_connected(peer));
    snprintf(reasons + strlen(reasons), sizeof(reasons) - strlen(reasons), "%s: %s\n", name,
             event->reason);
}

static void start_with(sio_server_options options) {
    static const char *const names[] = {"/", "/custom"};
    reasons[0] = '\0';
    server_start(&t, &options);
    for (size_t i = 0; i < 2; i++) {
        server_echo(&t, names[i]);
        sio_namespace_on(sio_server_of(t.server, names[i]), "disconnect", note_reason, NULL);
    }
}

static void start(void) {
    start_with((sio_server_options)SIO_SERVER_OPTIONS_INIT);
}

static void stop(void) {
    server_stop(&t);
}

/* In place of the one of the fixture. */
static void restart_with(sio_server_options options) {
    stop();
    start_with(options);
}

static void restart_with_connect_timeout(uint32_t ms) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.connect_timeout_ms = ms;
    restart_with(options);
}

static size_t peers(const char *name) {
    return sio_namespace_peer_count(sio_server_of(t.server, name));
}

/* Of the server's echo; its first event is taken. */
static void join_root(raw_client *c) {
    ws_join(c, &t, "40", NULL);
    ws_expect(c, "42[\"auth\",{}]");
}

static void join_custom(raw_client *c) {
    ws_join_more(c, "40/custom,", NULL);
    ws_expect(c, "42/custom,[\"auth\",{}]");
}

/* ---- memory ---- */

/* What is allocated for one more idle client, after as many as the tables have grown for. The table
 * in docs/performance.md says what it is. */
START_TEST(an_idle_connection_is_small) {
    enum { CLIENTS = 40 };
    stop();
    test_mem memory;
    test_mem_init(&memory);
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.mem = &memory.mem;
    server_start(&t, &options);
    static raw_client c[CLIENTS];
    size_t size = 0, blocks = 0;
    for (int i = 0; i < CLIENTS; i++) {
        size = memory.live_size;
        blocks = memory.live;
        ws_join(&c[i], &t, "40", NULL);
        server_settle(&t);
    }
    ck_assert_uint_le(memory.live - blocks, IDLE_BLOCKS);
    ck_assert_uint_le(memory.live_size - size, IDLE_BYTES);
    for (int i = 0; i < CLIENTS; i++) {
        raw_close(&c[i]);
    }
    server_until(&t, peers("/") == 0);
    stop();
    ck_assert_uint_eq(memory.live, 0);
    start();
}
END_TEST

/* ---- connecting ---- */

/* T5-17 IO38 */
START_TEST(connects) {
    raw_client c;
    ws_frame frame;
    char id[64];
    char want[128];
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_text(&c, "40");
    ck_assert(ws_receive(&c, &frame));
    ck_assert_int_eq(sscanf((char *)frame.data, "40{\"sid\":\"%63[^\"]\"}", id), 1);
    ck_assert_uint_eq(strlen(id), 20);
    snprintf(want, sizeof(want), "40{\"sid\":\"%s\"}", id);
    ck_assert_str_eq((char *)frame.data, want);
    ws_frame_free(&frame);
    ws_expect(&c, "42[\"auth\",{}]");
    ck_assert_ptr_nonnull(sio_namespace_find(sio_server_of(t.server, "/"), id));
    raw_close(&c);
}
END_TEST

/* IO41 IO110 T5-18 T5-19 T5-20 */
START_TEST(connects_with_auth_and_to_others) {
    raw_client c;
    ws_join(&c, &t, "40{\"token\":\"123\"}", NULL);
    ws_expect(&c, "42[\"auth\",{\"token\":\"123\"}]");
    join_custom(&c);
    raw_close(&c);
    ws_join(&c, &t, "40/custom,{\"token\":\"abc\"}", NULL);
    ws_expect(&c, "42/custom,[\"auth\",{\"token\":\"abc\"}]");
    raw_close(&c);
}
END_TEST

/* T5-21 IO48 */
START_TEST(refuses_unknown_namespaces) {
    raw_client c;
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_text(&c, "40/random");
    ws_expect(&c, "44/random,{\"message\":\"Invalid namespace\"}");
    ws_text(&c, "40/random?a=b,{\"x\":1}");
    ws_expect(&c, "44/random?a=b,{\"message\":\"Invalid namespace\"}");
    ws_join_more(&c, "40", NULL); /* the connection goes on */
    ws_expect(&c, "42[\"auth\",{}]");
    raw_close(&c);
}
END_TEST

START_TEST(refuses_too_many_namespaces) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.max_namespaces = 1;
    restart_with(options);
    raw_client c;
    join_root(&c);
    ws_text(&c, "40/custom,");
    ws_expect(&c, "44/custom,{\"message\":\"Too many namespaces\"}");
    ws_text(&c, "41");
    ws_join_more(&c, "40/custom,", NULL); /* there is room again */
    raw_close(&c);
}
END_TEST

START_TEST(long_names_are_of_no_namespace) {
    enum { LONGEST = 1024 };
    raw_client c;
    char connect[LONGEST + 16] = "40/";
    char answer[LONGEST + 64];
    join_root(&c);
    for (size_t len = LONGEST; len <= LONGEST + 1; len++) {
        memset(connect + 3, 'n', len - 1);
        memcpy(connect + 2 + len, ",", 2);
        snprintf(answer, sizeof(answer), "44%s{\"message\":\"Invalid namespace\"}", connect + 2);
        ws_text(&c, connect);
        ws_expect(&c, answer);
    }
    raw_close(&c);
}
END_TEST

/* Nothing is kept of a packet that could be for nobody. */
START_TEST(attachments_need_a_namespace) {
    raw_client c;
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_text(&c, "451-[\"message\",{\"_placeholder\":true,\"num\":0}]");
    ws_expect_close(&c, 0);
    raw_close(&c);
    join_root(&c);
    ws_text(&c, "41");
    ws_text(&c, "451-[\"message\",{\"_placeholder\":true,\"num\":0}]");
    ws_expect_close(&c, 0);
    raw_close(&c);
}
END_TEST

START_TEST(connects_over_polling) {
    poller p;
    poller_open(&p, &t, "EIO=4");
    poller_post(&p, "40");
    poller_poll(&p);
    http_answer answer;
    ck_assert(http_receive(&p.get, &answer));
    ck_assert_msg(strncmp(answer.body, "40{\"sid\":\"", 10) == 0, "%s", answer.body);
    ck_assert_ptr_nonnull(strstr(answer.body, "\"}\x1e"
                                              "42[\"auth\",{}]"));
    http_answer_free(&answer);
    poller_post(&p, "42[\"message\",1]");
    poller_get(&p, "42[\"message-back\",1]");
    poller_post(&p, "452-[\"message\",{\"_placeholder\":true,\"num\":0},"
                    "{\"_placeholder\":true,\"num\":1}]\x1e"
                    "bAQID\x1e"
                    "bBAUG");
    poller_get(&p, "452-[\"message-back\",{\"_placeholder\":true,\"num\":0},"
                   "{\"_placeholder\":true,\"num\":1}]\x1e"
                   "bAQID\x1e"
                   "bBAUG");
    poller_close(&p);
}
END_TEST

/* T5-23 IO58 */
START_TEST(wants_a_namespace_in_time) {
    restart_with_connect_timeout(400);
    raw_client never, once;
    join_root(&once);
    ws_text(&once, "41"); /* joined once is enough */
    ws_connect(&never, &t, "EIO=4", NULL);
    ws_text(&never, "40/random,");
    ws_expect(&never, "44/random,{\"message\":\"Invalid namespace\"}");
    ws_expect_close(&never, 0);
    server_run_for(&t, 450);
    ws_join_more(&once, "40", NULL);
    raw_close(&never);
    raw_close(&once);
}
END_TEST

/* ---- events ---- */

/* T5-26, T5-28 IO79 IO80 IO99 */
START_TEST(carries_events) {
    raw_client c;
    join_root(&c);
    ws_text(&c, "42[\"message\",1,\"2\",{\"3\":[true]}]");
    ws_expect(&c, "42[\"message-back\",1,\"2\",{\"3\":[true]}]");
    ws_text(&c, "42456[\"message-with-ack\",1,\"2\",{\"3\":[false]}]");
    ws_expect(&c, "43456[1,\"2\",{\"3\":[false]}]");
    ws_text(&c, "420[\"message-with-ack\"]");
    ws_expect(&c, "430[]");
    ws_text(&c, "42[\"nobody listens\"]");
    ws_text(&c, "421[\"nobody listens\"]");
    ws_text(&c, "42[7]");
    ws_text(&c, "4399[\"unknown\"]"); /* an ack that nobody waits for */
    ws_text(&c, "43[]");
    ws_text(&c, "42[\"message\"]");
    ws_expect(&c, "42[\"message-back\"]");
    raw_close(&c);
}
END_TEST

/* T5-27, T5-29 IO87 IO101 IO104 */
START_TEST(carries_attachments) {
    raw_client c;
    join_root(&c);
    ws_text(&c, "452-[\"message\",{\"_placeholder\":true,\"num\":0},"
                "{\"_placeholder\":true,\"num\":1}]");
    ws_binary(&c, "\1\2\3", 3);
    ws_binary(&c, "\4\5\6", 3);
    ws_expect(&c, "452-[\"message-back\",{\"_placeholder\":true,\"num\":0},"
                  "{\"_placeholder\":true,\"num\":1}]");
    ws_expect_binary(&c, "\1\2\3", 3);
    ws_expect_binary(&c, "\4\5\6", 3);
    ws_text(&c, "452-789[\"message-with-ack\",{\"_placeholder\":true,\"num\":0},"
                "{\"_placeholder\":true,\"num\":1}]");
    ws_binary(&c, "", 0);
    ws_binary(&c, "\4", 1);
    ws_expect(&c, "462-789[{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]");
    ws_expect_binary(&c, "", 0);
    ws_expect_binary(&c, "\4", 1);
    raw_close(&c);
}
END_TEST

/* T5-24, T5-25 */
START_TEST(disconnects_one_namespace) {
    raw_client c;
    join_root(&c);
    join_custom(&c);
    ws_text(&c, "41/custom");
    ws_text(&c, "42[\"message\",\"message to main namespace\"]");
    ws_expect(&c, "42[\"message-back\",\"message to main namespace\"]");
    ck_assert_str_eq(reasons, "/custom: client namespace disconnect\n");
    ck_assert_uint_eq(peers("/custom"), 0);
    ws_text(&c, "41");
    char first[64], second[64];
    ws_join_more(&c, "40", first); /* may come back, as somebody else */
    ws_expect(&c, "42[\"auth\",{}]");
    ws_text(&c, "41");
    ws_join_more(&c, "40", second);
    ck_assert_str_ne(first, second);
    raw_close(&c);
}
END_TEST

/* ---- violations ---- */

/* IO33 IO117 IO118 T5-22 T5-30 T5-31 T5-32, and the table of the namespace exchange. The first
 * `joined` bytes of each text connect. */
START_TEST(violations_close_the_connection) {
    static const struct {
        bool join;
        const char *packet;
    } rows[] = {
        {false, "4abc"},
        {false, "42[\"x\"]"},
        {false, "42/custom,[\"x\"]"},
        {false, "430[]"},
        {false, "41"},
        {false, "44{\"message\":\"x\"}"},
        {false, "40[]"},
        {false, "40{\"a\":"},
        {false, "451-[\"x\",{\"_placeholder\":true,\"num\":0}]\0"},
        {true, "4abc"},
        {true, "4"},
        {true, "42{}"},
        {true, "42abc[\"message-with-ack\"]"},
        {true, "42"},
        {true, "42[]"},
        {true, "42[\"connect\"]"},
        {true, "42[\"disconnecting\"]"},
        {true, "42[null]"},
        {true, "42[\"a\"]x"},
        {true, "41{}"},
        {true, "40"},
        {true, "44{\"message\":\"x\"}"},
        {true, "42/custom,[\"x\"]"},
        {true, "41/custom,"},
        {true, "45-[\"x\"]"},
        {true, "450-[\"x\"]"},
        {true, "4511-[\"x\"]"},
        {true, "451-[\"x\",{\"_placeholder\":true,\"num\":1}]"},
        {true, "47"},
        {true, "45woooot"}, /* without a handler of "error" */
        {true, "bAQID"},    /* binary that nobody announced */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        raw_client c;
        reasons[0] = '\0';
        ws_connect(&c, &t, "EIO=4", NULL);
        if (rows[i].join) {
            ws_join_more(&c, "40", NULL);
            ws_expect(&c, "42[\"auth\",{}]");
        }
        ws_text(&c, rows[i].packet);
        if (rows[i].packet[1] == '5' && rows[i].packet[2] == '1' && !rows[i].join) {
            ws_binary(&c, "x", 1);
        }
        ws_frame frame;
        ck_assert_msg(ws_receive(&c, &frame), "%s", rows[i].packet);
        ck_assert_msg(frame.first == 0x88 && frame.len == 0, "%s: %s", rows[i].packet, frame.data);
        ws_frame_free(&frame);
        raw_close(&c);
        ck_assert_str_eq(reasons, rows[i].join ? "/: forced close\n" : "");
    }
    server_until(&t, sio_server_session_count(t.server) == 0);
    ck_assert_uint_eq(peers("/"), 0);
}
END_TEST

START_TEST(text_while_attachments_are_awaited_is_a_violation) {
    raw_client c;
    join_root(&c);
    ws_text(&c, "451-[\"message\",{\"_placeholder\":true,\"num\":0}]");
    ws_text(&c, "42[\"message\"]");
    ws_expect_close(&c, 0);
    raw_close(&c);
}
END_TEST

/* IO32 IO33 IO34: over polling the close is graceful. */
START_TEST(violations_over_polling) {
    poller p;
    http_answer answer;
    for (int i = 0; i < 3; i++) {
        poller_open(&p, &t, "EIO=4");
        if (i > 0) {
            poller_post(&p, "40");
        }
        poller_post(&p, i == 0 ? "42[\"x\"]" : i == 1 ? "40" : "4abc");
        if (i > 0) {
            poller_poll(&p);
            ck_assert(http_receive(&p.get, &answer));
            ck_assert_msg(strncmp(answer.body, "40{", 3) == 0, "%s", answer.body);
            http_answer_free(&answer);
        }
        poller_get(&p, "6\x1e"
                       "1");
        poller_expect_gone(&p);
        poller_close(&p);
    }
    ck_assert_str_eq(reasons, "/: forced server close\n/: forced close\n");
}
END_TEST

START_TEST(an_event_right_behind_connect_is_handled_in_order) {
    raw_client c;
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_text(&c, "40");
    ws_text(&c, "40/custom,");
    ws_expect_start(&c, "40{");
    ws_expect(&c, "42[\"auth\",{}]");
    ws_expect_start(&c, "40/custom,{");
    ws_expect(&c, "42/custom,[\"auth\",{}]");
    raw_close(&c);
}
END_TEST

START_TEST(attachments_must_come_in_time) {
    restart_with_connect_timeout(400);
    raw_client slow, quick;
    const char *packet = "451-[\"message\",{\"_placeholder\":true,\"num\":0}]";
    join_root(&quick);
    ws_text(&quick, packet);
    ws_binary(&quick, "a", 1);
    join_root(&slow);
    ws_text(&slow, packet);
    ws_expect_close(&slow, 0);
    ws_expect(&quick, "451-[\"message-back\",{\"_placeholder\":true,\"num\":0}]");
    ws_expect_binary(&quick, "a", 1);
    server_run_for(&t, 450);
    ws_text(&quick, "42[\"message\"]");
    ws_expect(&quick, "42[\"message-back\"]");
    raw_close(&slow);
    raw_close(&quick);
}
END_TEST

/* The wait for a namespace ends, that for the attachment does not. */
START_TEST(also_those_of_a_packet_that_comes_before_the_namespace_is_joined) {
    restart_with_connect_timeout(400);
    raw_client c;
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_text(&c, "40");
    ws_text(&c, "451-[\"message\",{\"_placeholder\":true,\"num\":0}]");
    ws_expect_start(&c, "40{");
    ws_expect(&c, "42[\"auth\",{}]");
    ws_expect_close(&c, 0);
    raw_close(&c);
}
END_TEST

START_TEST(limits_attachments_and_depth) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.max_attachments = 1;
    options.max_json_depth = 3;
    restart_with(options);
    raw_client c;
    join_root(&c);
    ws_text(&c, "42[\"message\",[[1]]]");
    ws_expect(&c, "42[\"message-back\",[[1]]]");
    ws_text(&c, "42[\"message\",[[[1]]]]");
    ws_expect_close(&c, 0);
    raw_close(&c);
    join_root(&c);
    ws_text(&c, "452-[\"message\",{\"_placeholder\":true,\"num\":0}]");
    ws_expect_close(&c, 0);
    raw_close(&c);
}
END_TEST

/* ---- how the connection ends ---- */

START_TEST(tells_every_namespace_why) {
    raw_client c;
    join_root(&c);
    ws_join_more(&c, "40/custom,", NULL);
    raw_close(&c);
    server_until(&t, sio_server_session_count(t.server) == 0);
    ck_assert_str_eq(reasons, "/: transport close\n/custom: transport close\n");
    reasons[0] = '\0';
    poller p;
    poller_open(&p, &t, "EIO=4");
    poller_post(&p, "40");
    poller_post(&p, "abc");
    ck_assert_str_eq(reasons, "/: parse error\n");
    poller_close(&p);
    reasons[0] = '\0';
    join_root(&c);
    ws_send(&c, 0x83, "", 0);
    server_until(&t, reasons[0] != '\0');
    ck_assert_str_eq(reasons, "/: transport error\n");
    raw_close(&c);
}
END_TEST

static void ends_with(raw_client *c, const char *want) {
    server_until(&t, reasons[0] != '\0');
    ck_assert_str_eq(reasons, want);
    raw_close(c);
}

/* The last of these POSTs ends the peer of the root namespace. */
static void polling_ends_with(const char *last, const char *want) {
    poller p;
    poller_open(&p, &t, "EIO=4");
    poller_post(&p, "40");
    poller_post(&p, last);
    ck_assert_str_eq(reasons, want);
    poller_close(&p);
}

START_TEST(ends_with_client_namespace_disconnect) {
    raw_client c;
    join_root(&c);
    ws_text(&c, "41");
    ends_with(&c, "/: client namespace disconnect\n");
}
END_TEST

static void disconnect(sio_peer *peer, void *user) {
    sio_peer_disconnect(peer, user != NULL);
}

START_TEST(ends_with_server_namespace_disconnect) {
    raw_client c;
    join_root(&c);
    ck_assert_int_eq(sio_namespace_each(sio_server_of(t.server, "/"), disconnect, NULL), 0);
    ends_with(&c, "/: server namespace disconnect\n");
    reasons[0] = '\0';
    join_root(&c);
    ck_assert_int_eq(sio_namespace_each(sio_server_of(t.server, "/"), disconnect, &c), 0);
    ends_with(&c, "/: server namespace disconnect\n");
    reasons[0] = '\0';
    join_root(&c);
    sio_target all = sio_namespace_target(sio_server_of(t.server, "/"));
    ck_assert_int_eq(sio_target_disconnect(&all, false), 0);
    ends_with(&c, "/: server namespace disconnect\n");
}
END_TEST

START_TEST(ends_with_server_shutting_down) {
    raw_client c;
    join_root(&c);
    ck_assert_int_eq(sio_server_close(t.server, 1000, NULL, NULL), 0);
    ends_with(&c, "/: server shutting down\n");
}
END_TEST

/* The graceful close of a polling session does not end it at once. */
START_TEST(ends_with_forced_server_close) {
    polling_ends_with("40", "/: forced server close\n");
}
END_TEST

static void close_connection(sio_peer *peer, void *user) {
    sio_peer_close_connection(peer);
}

START_TEST(ends_with_forced_close) {
    raw_client c;
    join_root(&c);
    ck_assert_int_eq(sio_namespace_each(sio_server_of(t.server, "/"), close_connection, NULL), 0);
    ends_with(&c, "/: forced close\n");
    reasons[0] = '\0';
    join_root(&c);
    ws_text(&c, "40");
    ends_with(&c, "/: forced close\n");
}
END_TEST

START_TEST(ends_with_transport_close) {
    raw_client c;
    join_root(&c);
    raw_close(&c);
    ends_with(&c, "/: transport close\n");
}
END_TEST

START_TEST(ends_with_transport_error) {
    raw_client c;
    join_root(&c);
    ws_send(&c, 0x83, "", 0);
    ends_with(&c, "/: transport error\n");
}
END_TEST

START_TEST(ends_with_parse_error) {
    polling_ends_with("abc", "/: parse error\n");
}
END_TEST

static void note_error(sio_peer *peer, const sio_event *event, void *user) {
    ck_assert(sio_peer_connected(peer));
    ck_assert_int_lt(event->status, 0);
    snprintf(reasons + strlen(reasons), sizeof(reasons) - strlen(reasons), "error: %s\n",
             event->reason);
}

static void raises(const char *packet, const char *want) {
    raw_client c;
    reasons[0] = '\0';
    join_root(&c);
    ws_text(&c, packet);
    server_until(&t, strstr(reasons, "/: "));
    ck_assert_str_eq(reasons, want);
    raw_close(&c);
}

/* IO82 IO119 IO120 */
START_TEST(what_cannot_be_decoded_is_an_error_event) {
    sio_namespace_on(sio_server_of(t.server, "/"), "error", note_error, NULL);
    raises("45woooot", "error: Illegal attachments\n/: forced close\n");
    raises("45", "error: Illegal attachments\n/: forced close\n");
    raises("4", "error: unknown packet type NaN\n/: forced close\n");
    raises("42{}", "error: invalid payload\n/: forced close\n");
}
END_TEST

START_TEST(ping_timeouts_reach_the_peers) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.ping_interval_ms = 20;
    options.ping_timeout_ms = 300;
    restart_with(options);
    raw_client c;
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_text(&c, "40");
    server_until(&t, reasons[0] != '\0');
    ck_assert_str_eq(reasons, "/: ping timeout\n");
    raw_close(&c);
}
END_TEST

/* ---- Socket.IO 2.x ---- */

static void restart_old(void) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.allow_eio3 = true;
    restart_with(options);
}

static void connect_old(raw_client *c, char sid[64]) {
    ws_connect(c, &t, "EIO=3", sid);
    ws_expect(c, "40");
    ws_expect(c, "42[\"auth\",{}]");
}

START_TEST(old_clients_are_in_the_root_at_once) {
    restart_old();
    raw_client c;
    char sid[64];
    connect_old(&c, sid);
    ck_assert_ptr_nonnull(sio_namespace_find(sio_server_of(t.server, "/"), sid));
    ws_text(&c, "40/custom,");
    ws_expect(&c, "40/custom,");
    ws_expect(&c, "42/custom,[\"auth\",{}]");
    char id[128];
    snprintf(id, sizeof(id), "/custom#%s", sid);
    ck_assert_ptr_nonnull(sio_namespace_find(sio_server_of(t.server, "/custom"), id));
    ws_text(&c, "42/custom,[\"message\",1]");
    ws_expect(&c, "42/custom,[\"message-back\",1]");
    ws_text(&c, "40/nope,");
    ws_expect(&c, "44/nope,{\"message\":\"Invalid namespace\"}");
    ws_text(&c, "41");
    ws_text(&c, "42/custom,[\"message\",2]");
    ws_expect(&c, "42/custom,[\"message-back\",2]");
    ck_assert_str_eq(reasons, "/: client namespace disconnect\n");
    raw_close(&c);
}
END_TEST

START_TEST(old_clients_put_their_auth_into_the_namespace) {
    restart_old();
    raw_client c;
    connect_old(&c, NULL);
    ws_text(&c, "40/custom?token=abc&uid=1%20x&q=%22&token=last&flag,");
    ws_expect(&c, "40/custom,");
    ws_expect(&c, "42/custom,[\"auth\",{\"token\":\"last\",\"uid\":\"1 x\",\"q\":\"\\\"\","
                  "\"flag\":\"\"}]");
    ws_text(&c, "42/custom?token=abc,[\"message\",1]");
    ws_expect(&c, "42/custom,[\"message-back\",1]");
    raw_close(&c);
}
END_TEST

START_TEST(old_clients_over_polling) {
    restart_old();
    poller p;
    poller_open(&p, &t, "EIO=3");
    poller_get(&p, "2:4013:42[\"auth\",{}]");
    poller_close(&p);
}
END_TEST

START_TEST(old_clients_are_refused_by_default) {
    http_expect(&t, "GET", "/socket.io/?EIO=3&transport=polling", "", NULL, 400,
                "{\"code\":5,\"message\":\"Unsupported protocol version\"}");
}
END_TEST

/* ---- the other parser ---- */

static void start_msgpack(void) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.parser = SIO_PARSER_MSGPACK;
    start_with(options);
}

/* What the server sent as one binary message. */
static void receive_packet(raw_client *c, sio_decoder *decoder, sio_args *scratch,
                           sio_packet *packet, ws_frame *frame) {
    ck_assert(ws_receive(c, frame));
    ck_assert_uint_eq(frame->first, 0x82);
    ck_assert_int_eq(sio_decoder_binary(decoder, scratch, frame->data, frame->len, packet), 1);
}

START_TEST(packets_travel_as_msgpack) {
    raw_client c;
    ws_frame frame;
    sio_packet packet;
    sio_args *scratch;
    sio_args *sent;
    sio_buf wire;
    sio_buf text;
    sio_decoder decoder;
    sio_decoder_options options = SIO_DECODER_OPTIONS_INIT;
    sio_buf_init(&wire, 0, NULL);
    sio_buf_init(&text, 0, NULL);
    options.parser = SIO_PARSER_MSGPACK;
    options.text = &text;
    ck_assert_int_eq(sio_decoder_init(&decoder, &options), 0);
    ck_assert_int_eq(sio_args_new(&scratch, NULL), 0);
    ck_assert_int_eq(sio_args_new(&sent, NULL), 0);
    ck_assert_int_eq(sio_args_addf(sent, "s B", "text", "\1\2\3", (size_t)3), 0);

    ws_connect(&c, &t, "EIO=4", NULL);
    ck_assert_int_eq(sio_parser_encode_connect(SIO_PARSER_MSGPACK, &wire, SIO_STR("/custom"),
                                               (sio_str){NULL, 0}, SIO_STR("{\"a\":1}")),
                     0);
    ws_binary(&c, wire.data, wire.len);
    receive_packet(&c, &decoder, scratch, &packet, &frame);
    ck_assert_int_eq(packet.type, SIO_PACKET_CONNECT);
    ws_frame_free(&frame);
    receive_packet(&c, &decoder, scratch, &packet, &frame);
    ck_assert(sio_args_name(packet.args).len == 4); /* auth */
    ck_assert_int_eq(memcmp(sio_args_raw(packet.args, 0).ptr, "{\"a\":1}", 7), 0);
    ws_frame_free(&frame);

    wire.len = 0;
    sio_packet_head head = {
        .type = SIO_PACKET_EVENT, .has_id = true, .id = 9, .nsp = SIO_STR("/custom")};
    ck_assert_int_eq(sio_parser_encode(SIO_PARSER_MSGPACK, &wire, &head,
                                       SIO_STR("message-with-ack"), sent, (sio_str){NULL, 0}),
                     0);
    ws_binary(&c, wire.data, wire.len);
    receive_packet(&c, &decoder, scratch, &packet, &frame);
    ck_assert_int_eq(packet.type, SIO_PACKET_ACK);
    ck_assert_uint_eq(packet.id, 9);
    ck_assert_str_eq(sio_args_string(packet.args, 0), "text");
    ck_assert_uint_eq(sio_args_binary(packet.args, 1).len, 3);
    ws_frame_free(&frame);

    sio_target all = sio_namespace_target(sio_server_of(t.server, "/custom"));
    ck_assert_int_eq(sio_target_emit(&all, "news", sent), 0);
    receive_packet(&c, &decoder, scratch, &packet, &frame);
    ck_assert_uint_eq(sio_args_binary(packet.args, 1).len, 3);
    ws_frame_free(&frame);

    ws_text(&c, "42[\"message\"]"); /* the other parser's */
    ws_expect_close(&c, 0);
    ck_assert_str_eq(reasons, "/custom: forced close\n");
    raw_close(&c);
    sio_args_unref(sent);
    sio_args_unref(scratch);
    sio_buf_free(&wire);
    sio_buf_free(&text);
}
END_TEST

START_TEST(msgpack_is_not_for_old_clients) {
    sio_server *server;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.parser = SIO_PARSER_MSGPACK;
    options.allow_eio3 = true;
    ck_assert_int_eq(sio_server_new(&server, &options), SIO_ERR_INVALID);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("connection");
    TCase *tc = tcase_create("protocol 5");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, an_idle_connection_is_small);
    tcase_add_test(tc, connects);
    tcase_add_test(tc, connects_with_auth_and_to_others);
    tcase_add_test(tc, refuses_unknown_namespaces);
    tcase_add_test(tc, refuses_too_many_namespaces);
    tcase_add_test(tc, long_names_are_of_no_namespace);
    tcase_add_test(tc, attachments_need_a_namespace);
    tcase_add_test(tc, connects_over_polling);
    tcase_add_test(tc, wants_a_namespace_in_time);
    tcase_add_test(tc, carries_events);
    tcase_add_test(tc, carries_attachments);
    tcase_add_test(tc, disconnects_one_namespace);
    tcase_add_test(tc, violations_close_the_connection);
    tcase_add_test(tc, text_while_attachments_are_awaited_is_a_violation);
    tcase_add_test(tc, violations_over_polling);
    tcase_add_test(tc, an_event_right_behind_connect_is_handled_in_order);
    tcase_add_test(tc, attachments_must_come_in_time);
    tcase_add_test(tc, also_those_of_a_packet_that_comes_before_the_namespace_is_joined);
    tcase_add_test(tc, limits_attachments_and_depth);
    tcase_add_test(tc, tells_every_namespace_why);
    tcase_add_test(tc, ends_with_client_namespace_disconnect);
    tcase_add_test(tc, ends_with_server_namespace_disconnect);
    tcase_add_test(tc, ends_with_server_shutting_down);
    tcase_add_test(tc, ends_with_forced_server_close);
    tcase_add_test(tc, ends_with_forced_close);
    tcase_add_test(tc, ends_with_transport_close);
    tcase_add_test(tc, ends_with_transport_error);
    tcase_add_test(tc, ends_with_parse_error);
    tcase_add_test(tc, what_cannot_be_decoded_is_an_error_event);
    tcase_add_test(tc, ping_timeouts_reach_the_peers);
    tc = tcase_create("msgpack");
    tcase_add_checked_fixture(tc, start_msgpack, stop);
    tcase_add_test(tc, packets_travel_as_msgpack);
    tcase_add_test(tc, msgpack_is_not_for_old_clients);
    suite_add_tcase(suite, tc);
    tc = tcase_create("protocol 4");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, old_clients_are_in_the_root_at_once);
    tcase_add_test(tc, old_clients_put_their_auth_into_the_namespace);
    tcase_add_test(tc, old_clients_over_polling);
    tcase_add_test(tc, old_clients_are_refused_by_default);
    return test_run(suite);
}
