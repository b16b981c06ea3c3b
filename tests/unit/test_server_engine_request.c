#include "server_support.h"

#include <stdio.h>

static server_test t;

static const char UNKNOWN_TRANSPORT[] = "{\"code\":0,\"message\":\"Transport unknown\"}";
static const char UNKNOWN_SID[] = "{\"code\":1,\"message\":\"Session ID unknown\"}";
static const char BAD_METHOD[] = "{\"code\":2,\"message\":\"Bad handshake method\"}";
static const char BAD_REQUEST[] = "{\"code\":3,\"message\":\"Bad request\"}";
static const char BAD_VERSION[] = "{\"code\":5,\"message\":\"Unsupported protocol version\"}";

static void start(void) {
    t = (server_test){0};
    engine_start(&t, &(sio_engine_settings){.polling = true, .websocket = true});
}

static void stop(void) {
    engine_stop(&t);
}

static void get(const char *query, int status, const char *body) {
    char target[512];
    snprintf(target, sizeof(target), "/engine.io/%s", query);
    http_expect(&t, "GET", target, "", NULL, status, body);
}

/* An upgrade that is refused: always 400, the plain text, and the connection ends. */
static void upgrade(const char *query, const char *headers, const char *body) {
    char target[512];
    raw_client c;
    http_answer answer;
    snprintf(target, sizeof(target), "/engine.io/%s", query);
    raw_open(&c, &t);
    ws_request(&c, target, headers);
    ck_assert(http_receive(&c, &answer));
    ck_assert_int_eq(answer.status, 400);
    ck_assert_str_eq(answer.body, body);
    ck_assert(http_has(&answer, "Content-Type: text/html"));
    ck_assert(http_has(&answer, "Connection: close"));
    http_answer_free(&answer);
    raw_expect_eof(&c);
    raw_close(&c);
}

/* E1 E2 E3 E50: T4-3 E135 */
START_TEST(refuses_unknown_transports) {
    get("", 400, UNKNOWN_TRANSPORT);
    get("?EIO=4", 400, UNKNOWN_TRANSPORT);
    get("?EIO=4&transport=", 400, UNKNOWN_TRANSPORT);
    get("?EIO=4&transport=tobi", 400, UNKNOWN_TRANSPORT);
    get("?EIO=4&transport=constructor", 400, UNKNOWN_TRANSPORT);
    get("?EIO=4&transport=__proto__", 400, UNKNOWN_TRANSPORT);
    get("?EIO=4&transport=webtransport", 400, UNKNOWN_TRANSPORT);
    get("?EIO=4&transport=Polling", 400, UNKNOWN_TRANSPORT);
    get("?EIO=4&transport=polling%00", 400, UNKNOWN_TRANSPORT);
    get("?EIO=4&transport=polling&transport=tobi", 400, UNKNOWN_TRANSPORT);
    upgrade("", "", "Transport unknown");
    upgrade("?EIO=4", "", "Transport unknown");
    upgrade("?EIO=4&transport=__proto__", "", "Transport unknown");
}
END_TEST

START_TEST(reads_parameters_as_a_form) {
    get("?EIO=4&transport=%70olling", 200, NULL);
    get("?EIO=4&transport=tobi&transport=polling", 200, NULL); /* the last one wins */
    get("?EIO=3&EIO=4&transport=polling&t=%zz&x", 200, NULL);
    get("?EIO=4&transport=polling&sid=", 200, NULL); /* an empty sid is none */
    get("anything/below?EIO=4&transport=polling", 200, NULL);
}
END_TEST

START_TEST(answers_errors_as_json) {
    raw_client c;
    http_answer answer;
    raw_open(&c, &t);
    for (int i = 0; i < 3; i++) { /* and keeps the connection */
        http_send(&c, "GET", "/engine.io/?EIO=4&transport=tobi", "", NULL, 0);
        ck_assert(http_receive(&c, &answer));
        ck_assert_int_eq(answer.status, 400);
        ck_assert(http_has(&answer, "Content-Type: application/json"));
        ck_assert(!http_has(&answer, "cache-control: no-store"));
        http_answer_free(&answer);
    }
    raw_close(&c);
}
END_TEST

/* E4 */
START_TEST(refuses_unknown_sessions) {
    get("?EIO=4&transport=polling&sid=nope", 400, UNKNOWN_SID);
    get("?EIO=4&transport=polling&sid=constructor", 400, UNKNOWN_SID);
    get("?EIO=4&transport=polling&sid=__proto__", 400, UNKNOWN_SID);
    get("?EIO=4&transport=polling&sid=%00", 400, UNKNOWN_SID);
    get("?EIO=4&transport=polling&sid=+", 400, UNKNOWN_SID);
    get("?EIO=3&transport=polling&sid=nope", 400, UNKNOWN_SID);
    http_expect(&t, "POST", "/engine.io/?EIO=4&transport=polling&sid=nope", "", "4a", 400,
                UNKNOWN_SID);
    upgrade("?EIO=4&transport=websocket&sid=nope", "", "Session ID unknown");
}
END_TEST

START_TEST(refuses_very_long_session_ids) {
    char target[1200] = "/engine.io/?EIO=4&transport=polling&sid=";
    memset(target + strlen(target), 'a', 1000);
    http_expect(&t, "GET", target, "", NULL, 400, UNKNOWN_SID);
}
END_TEST

/* E35: T4-4, and OPTIONS without CORS */
START_TEST(refuses_handshakes_by_other_methods) {
    const char *target = "/engine.io/?EIO=4&transport=polling";
    http_expect(&t, "POST", target, "", "4a", 400, BAD_METHOD);
    http_expect(&t, "PUT", target, "", "4a", 400, BAD_METHOD);
    http_expect(&t, "OPTIONS", target, "", NULL, 400, BAD_METHOD);
    http_expect(&t, "DELETE", target, "", NULL, 400, BAD_METHOD);
    http_expect(&t, "POST", "/engine.io/?EIO=3&transport=polling", "", "4a", 400, BAD_METHOD);
    http_expect(&t, "POST", "/engine.io/?EIO=4&transport=websocket", "", "4a", 400, BAD_METHOD);
    ck_assert_uint_eq(sio_engine_session_count(t.engine), 0);
}
END_TEST

START_TEST(wants_websockets_to_come_as_upgrades) {
    get("?EIO=4&transport=websocket", 400, BAD_REQUEST);
    get("?EIO=3&transport=websocket", 400, BAD_REQUEST); /* before the version is looked at */
}
END_TEST

/* E36: T4-2, T4-6 */
START_TEST(refuses_other_revisions) {
    get("?transport=polling", 400, BAD_VERSION);
    get("?EIO=abc&transport=polling", 400, BAD_VERSION);
    get("?EIO=3&transport=polling", 400, BAD_VERSION);
    get("?EIO=5&transport=polling", 400, BAD_VERSION);
    get("?EIO=04&transport=polling", 400, BAD_VERSION);
    upgrade("?transport=websocket", "", "Unsupported protocol version");
    upgrade("?EIO=abc&transport=websocket", "", "Unsupported protocol version");
}
END_TEST

/* E34 */
START_TEST(refuses_malformed_origins) {
    http_expect(&t, "GET", "/engine.io/?EIO=4&transport=polling", "Origin: http://a\x80\r\n", NULL,
                400, BAD_REQUEST);
    upgrade("?EIO=4&transport=websocket", "Origin: \x81\r\n", "Bad request");
    http_expect(&t, "GET", "/engine.io/?EIO=4&transport=polling", "Origin: http://a.b\r\n", NULL,
                200, NULL);
}
END_TEST

/* E30 */
START_TEST(refuses_another_transport_than_the_sessions) {
    poller p;
    char target[512];
    poller_open(&p, &t, "EIO=4");
    snprintf(target, sizeof(target), "/engine.io/?EIO=4&transport=websocket&sid=%s", p.sid);
    http_expect(&t, "GET", target, "", NULL, 400, BAD_REQUEST);
    poller_post(&p, "4hello"); /* the session goes on */
    poller_get(&p, "4hello");
    poller_close(&p);
    raw_client ws;
    char sid[64];
    ws_connect(&ws, &t, "EIO=4", sid);
    snprintf(target, sizeof(target), "/engine.io/?EIO=4&transport=polling&sid=%s", sid);
    http_expect(&t, "GET", target, "", NULL, 400, BAD_REQUEST);
    http_expect(&t, "POST", target, "", "4a", 400, BAD_REQUEST);
    ws_text(&ws, "4still here");
    ws_expect(&ws, "4still here");
    raw_close(&ws);
}
END_TEST

START_TEST(refuses_another_revision_than_the_sessions) {
    poller p;
    char query[256];
    poller_open(&p, &t, "EIO=4");
    snprintf(query, sizeof(query), "?EIO=3&transport=polling&sid=%s", p.sid);
    get(query, 400, BAD_REQUEST);
    snprintf(query, sizeof(query), "?transport=websocket&sid=%s", p.sid);
    upgrade(query, "", "Bad request");
    poller_post(&p, "4a");
    poller_get(&p, "4a");
    poller_close(&p);
}
END_TEST

START_TEST(answers_500_to_other_methods_of_a_session) {
    poller p;
    poller_open(&p, &t, "EIO=4");
    http_expect(&t, "PUT", poller_target(&p), "", "4a", 500, "");
    http_expect(&t, "OPTIONS", poller_target(&p), "", NULL, 500, "");
    http_expect(&t, "DELETE", poller_target(&p), "", NULL, 500, "");
    poller_post(&p, "4a");
    poller_get(&p, "4a");
    poller_close(&p);
}
END_TEST

/* E28 */
START_TEST(refuses_transports_that_are_off) {
    engine_stop(&t);
    engine_start(&t, &(sio_engine_settings){.polling = true});
    poller p;
    poller_open(&p, &t, "EIO=4");
    ck_assert_ptr_nonnull(strstr(p.open, "\"upgrades\":[]"));
    poller_close(&p);
    get("?EIO=4&transport=websocket", 400, UNKNOWN_TRANSPORT);
    upgrade("?EIO=4&transport=websocket", "", "Transport unknown");
    engine_stop(&t);
    engine_start(&t, &(sio_engine_settings){.websocket = true});
    get("?EIO=4&transport=polling", 400, UNKNOWN_TRANSPORT);
    raw_client ws;
    ws_connect(&ws, &t, "EIO=4", NULL);
    raw_close(&ws);
}
END_TEST

START_TEST(refuses_malformed_websocket_handshakes) {
    static const struct {
        const char *headers, *body;
        int status;
    } rows[] = {
        {"Upgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
         "Sec-WebSocket-Version: 13\r\n",
         "Invalid Upgrade header", 400},
        {"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n",
         "Missing or invalid Sec-WebSocket-Key header", 400},
        {"Upgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 12\r\n",
         "Missing or invalid Sec-WebSocket-Version header", 426},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        raw_client c;
        raw_open(&c, &t);
        http_send(&c, "GET", "/engine.io/?EIO=4&transport=websocket", rows[i].headers, NULL, 0);
        http_expect_answer(&c, rows[i].status, rows[i].body);
        raw_expect_eof(&c);
        raw_close(&c);
    }
    ck_assert_uint_eq(t.opens, 0);
    ck_assert_uint_eq(t.closes, 0);
    ck_assert_uint_eq(sio_engine_session_count(t.engine), 0);
}
END_TEST

START_TEST(refuses_handshakes_while_closing) {
    poller p;
    poller_open(&p, &t, "EIO=4");
    sio_engine_close(t.engine, false);
    http_expect(&t, "GET", "/engine.io/?EIO=4&transport=polling", "", NULL, 503, NULL);
    raw_client c;
    raw_open(&c, &t);
    ws_request(&c, "/engine.io/?EIO=4&transport=websocket", "");
    http_expect_answer(&c, 503, "Service Unavailable");
    raw_close(&c);
    poller_get(&p, "6\x1e"
                   "1");
    poller_close(&p);
}
END_TEST

/* Whatever allocation fails, a handshake is answered with 200 or 500, or not at all. */
START_TEST(answers_500_when_memory_is_short) {
    test_mem mem;
    test_mem_init(&mem);
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.mem = &mem.mem;
    server_test s;
    server_start(&s, &options);
    unsigned refused = 0;
    for (size_t at = 1; at < 40; at++) {
        raw_client c;
        http_answer answer;
        raw_open(&c, &s);
        mem.calls = 0;
        mem.fail_at = at;
        http_send(&c, "GET", "/socket.io/?EIO=4&transport=polling", "", NULL, 0);
        if (http_receive(&c, &answer)) {
            ck_assert_msg(answer.status == 200 || answer.len == 0, "%d %s", answer.status,
                          answer.body);
            refused += answer.status == 500;
            http_answer_free(&answer);
        }
        mem.fail_at = 0;
        raw_close(&c);
    }
    ck_assert_uint_gt(refused, 0);
    server_stop(&s);
    ck_assert_uint_eq(mem.live, 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("engine request");
    TCase *tc = tcase_create("requests");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, refuses_unknown_transports);
    tcase_add_test(tc, reads_parameters_as_a_form);
    tcase_add_test(tc, answers_errors_as_json);
    tcase_add_test(tc, refuses_unknown_sessions);
    tcase_add_test(tc, refuses_very_long_session_ids);
    tcase_add_test(tc, refuses_handshakes_by_other_methods);
    tcase_add_test(tc, wants_websockets_to_come_as_upgrades);
    tcase_add_test(tc, refuses_other_revisions);
    tcase_add_test(tc, refuses_malformed_origins);
    tcase_add_test(tc, refuses_another_transport_than_the_sessions);
    tcase_add_test(tc, refuses_another_revision_than_the_sessions);
    tcase_add_test(tc, answers_500_to_other_methods_of_a_session);
    tcase_add_test(tc, refuses_transports_that_are_off);
    tcase_add_test(tc, refuses_malformed_websocket_handshakes);
    tcase_add_test(tc, refuses_handshakes_while_closing);
    tcase_add_test(tc, answers_500_when_memory_is_short);
    return test_run(suite);
}
