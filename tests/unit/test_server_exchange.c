#include "server_front_support.h"

static front_test t;
static front_client c;

static void reconnect(void) {
    client_close(&c);
    client_open(&c, &t);
}

static void setup(void) {
    front_setup(&t, front_options());
    client_open(&c, &t);
}

static void teardown(void) {
    client_close(&c);
    front_teardown(&t);
}

/* Ask for something that the engine holds. */
static sio_exchange *held(void) {
    t.engine.on_request = engine_holds;
    client_send(&c, GET("/engine/"));
    CLIENT_UNTIL(&c, t.engine.held);
    return t.engine.held;
}

static void expect_end(void) {
    client_eof(&c);
    ck_assert_uint_eq(c.len, 0);
}

START_TEST(head_gets_the_head_only) {
    client_send(&c, "HEAD /engine/ HTTP/1.1\r\nHost: h\r\n\r\n" GET("/x"));
    client_take(&c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n"
                    "X-Extra: 1\r\n\r\nHTTP/1.1 404 Not Found\r\n");
}
END_TEST

START_TEST(the_client_decides_whether_it_stays) {
    client_send(&c, "GET /engine/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    ck_assert(has(client_answer(&c, "HTTP/1.1 200"), "\r\nConnection: keep-alive\r\n\r\n"));
    client_send(&c, "GET /engine/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" GET("/x"));
    ck_assert(has(client_answer(&c, "HTTP/1.1 200"), "\r\nConnection: close\r\n\r\n"));
    expect_end();
    reconnect();
    client_send(&c, "GET /engine/ HTTP/1.0\r\n\r\n");
    ck_assert(has(client_answer(&c, "HTTP/1.1 200"), "\r\nConnection: close\r\n\r\n"));
    client_eof(&c);
}
END_TEST

static void says_nothing(sio_engine *engine, sio_exchange *exchange) {
}

START_TEST(nobody_answering_is_500) {
    t.engine.on_request = says_nothing;
    client_ask(&c, GET("/engine/"), "HTTP/1.1 500");
    client_ask(&c, GET("/engine/"), "HTTP/1.1 500");
}
END_TEST

static void closes(sio_engine *engine, sio_exchange *exchange) {
    sio_exchange_answer_and_close(exchange, 400, "text/html", front_bytes("no"), NULL);
}

static void destroys(sio_engine *engine, sio_exchange *exchange) {
    sio_exchange_destroy(exchange);
}

START_TEST(the_answerer_may_close) {
    t.engine.on_request = closes;
    client_send(&c, GET("/engine/") GET("/engine/"));
    client_take(&c, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: 2\r\n"
                    "Connection: close\r\n\r\nno");
    expect_end();
    ck_assert_uint_eq(t.engine.requests, 1);
    reconnect();
    t.engine.on_request = destroys;
    client_send(&c, GET("/engine/"));
    expect_end();
    reconnect();
    sio_exchange_destroy(held());
    client_eof(&c);
    ck_assert_uint_eq(t.engine.aborts, 0);
}
END_TEST

START_TEST(no_content_has_no_length) {
    sio_exchange_answer(held(), 204, NULL, front_bytes("dropped"), NULL);
    client_take(&c, "HTTP/1.1 204 No Content\r\n\r\n");
    client_send(&c, GET("/x"));
    client_answer(&c, "HTTP/1.1 404");
}
END_TEST

static void answers_bad_status(sio_engine *engine, sio_exchange *exchange) {
    sio_exchange_answer(exchange, 42, NULL, (sio_bytes){NULL, 0}, NULL);
}

START_TEST(what_cannot_be_written_closes) {
    t.engine.on_request = answers_bad_status;
    client_send(&c, GET("/engine/"));
    expect_end();
}
END_TEST

/* ---- bodies ---- */

START_TEST(expectations_are_met) {
    const char *head = "POST /engine/ HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n"
                       "Expect: 100-continue\r\n\r\n";
    t.engine.on_request = engine_holds;
    client_send(&c, head);
    client_take(&c, "HTTP/1.1 100 Continue\r\n\r\n");
    client_send(&c, "abc");
    client_answer(&c, "HTTP/1.1 200");
    ck_assert_mem_eq(t.engine.body, "abc", 3);

    /* Refused: the body may come or not, so the connection cannot go on. */
    t.engine.on_request = engine_answers;
    client_send(&c, head);
    ck_assert(has(client_answer(&c, "HTTP/1.1 200"), "Connection: close\r\n"));
    client_eof(&c);

    /* Too large by its announcement. */
    reconnect();
    client_send(&c, "POST /engine/ HTTP/1.1\r\nHost: h\r\nContent-Length: 5000\r\n"
                    "Expect: 100-continue\r\n\r\n");
    client_answer(&c, "HTTP/1.1 413");
}
END_TEST

START_TEST(the_rest_of_a_body_is_passed_over) {
    client_send(&c, "POST /engine/ HTTP/1.1\r\nHost: h\r\nContent-Length: 30\r\n\r\nGET / ");
    client_answer(&c, "HTTP/1.1 200");
    client_send(&c, "HTTP/1.1\r\nHost: h\r\n\r\n...");
    client_send(&c, GET("/x"));
    client_answer(&c, "HTTP/1.1 404");
    ck_assert_uint_eq(t.engine.requests, 1);
}
END_TEST

START_TEST(a_length_of_zero_is_no_body) {
    t.engine.on_request = engine_holds;
    client_send(&c, "POST /engine/ HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
    CLIENT_UNTIL(&c, t.engine.held);
    ck_assert(!sio_exchange_has_body(t.engine.held));
    sio_exchange_answer(t.engine.held, 200, NULL, front_bytes("ok"), NULL);
    client_answer(&c, "HTTP/1.1 200");

    t.engine.on_request = engine_holds;
    client_send(&c, "POST /engine/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "0\r\n\r\n");
    client_answer(&c, "HTTP/1.1 200");
    ck_assert_uint_eq(t.engine.bodies, 1);
    ck_assert_uint_eq(t.engine.body_len, 0);
}
END_TEST

/* The answer comes after on_body has returned. */
static void keeps(void *ctx, sio_exchange *exchange, sio_bytes body) {
    sio_engine *engine = ctx;
    engine->bodies++;
}

static const sio_exchange_callbacks keep_callbacks = {.on_body = keeps, .on_abort = engine_aborted};

static void holds_beyond(sio_engine *engine, sio_exchange *exchange) {
    engine->held = exchange;
    sio_exchange_claim(exchange, &keep_callbacks, engine);
}

#define CHUNKED_POST                                                                               \
    "POST /engine/?a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n"          \
    "1\r\na\r\n0\r\n\r\n"

START_TEST(the_head_stays_as_long_as_the_exchange) {
    static const char *const posts[] = {
        "POST /engine/?a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nX-A: b\r\n\r\nab",
        CHUNKED_POST,
        "GET /engine/?a HTTP/1.1\r\nHost: h\r\nX-A: b\r\n\r\n",
    };
    front_client other;
    t.engine.on_request = holds_beyond;
    client_open(&other, &t);
    for (size_t i = 0; i < 3; i++) {
        t.engine.bodies = 0;
        client_send(&c, posts[i]);
        CLIENT_UNTIL(&c, i == 2 ? t.engine.held != NULL : t.engine.bodies == 1);
        client_send(&c, GET("/y"));
        /* Others use the same room for their heads. */
        client_ask(&other, GET("/something/else"), "HTTP/1.1 404");
        const sio_http1_head *head = sio_exchange_head(t.engine.held);
        ck_assert_ptr_nonnull(head);
        ck_assert_int_eq(strncmp(head->target.ptr, "/engine/?a", head->target.len), 0);
        ck_assert_mem_eq(sio_http1_find(head, SIO_STR("x-a")).ptr, "b", 1);
        ck_assert_str_eq(sio_exchange_remote(t.engine.held), "127.0.0.1");
        ck_assert(!sio_exchange_is_tls(t.engine.held));
        sio_exchange *exchange = t.engine.held;
        t.engine.held = NULL;
        sio_exchange_answer(exchange, 200, NULL, front_bytes("ok"), NULL);
        client_answer(&c, "HTTP/1.1 200");
        client_answer(&c, "HTTP/1.1 404");
    }
    client_close(&other);
}
END_TEST

START_TEST(without_callbacks_nothing_is_told) {
    sio_exchange_claim(held(), NULL, NULL);
    shutdown(c.fd, SHUT_WR);
    CLIENT_UNTIL(&c, sio_front_count(t.front) == 0);
    ck_assert_uint_eq(t.engine.aborts, 0);
}
END_TEST

/* ---- upgrades ---- */

typedef struct tunnel {
    sio_engine engine; /* first: found from it */
    sio_stream *stream;
    char text[32];
    size_t len;
    int rc;
} tunnel;

static tunnel *the_tunnel;

static void tunnel_read(void *ctx, uint8_t *data, size_t len) {
    tunnel *u = ctx;
    memcpy(u->text + u->len, data, len);
    u->len += len;
}

static const sio_stream_callbacks tunnel_callbacks = {.on_read = tunnel_read};

static void upgrades(sio_engine *engine, sio_exchange *exchange) {
    tunnel *u = the_tunnel;
    uint8_t *rest;
    size_t len;
    u->rc =
        sio_exchange_upgrade(exchange, front_bytes("Upgrade: websocket\r\nConnection: Upgrade\r\n"),
                             &u->stream, &rest, &len);
    if (u->rc == 0) {
        for (size_t i = 0; i < len; i++) {
            rest[i] ^= 0; /* mutable */
        }
        sio_stream_set_callbacks(u->stream, &tunnel_callbacks, u);
        if (len > 0) {
            tunnel_read(u, rest, len);
        }
        ck_assert_int_eq(sio_stream_write(u->stream, "raw", 3), 0);
    }
}

#define UPGRADE                                                                                    \
    "GET /engine/ HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"

static void upgrade_case(const char *before, const char *behind) {
    tunnel u = {.stream = NULL};
    the_tunnel = &u;
    t.engine.on_request = upgrades;
    char text[512];
    snprintf(text, sizeof text, "%s" UPGRADE "%s", before, behind);
    client_send(&c, text);
    if (before[0] != '\0') {
        client_answer(&c, "HTTP/1.1 404");
    }
    client_take(&c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                    "Connection: Upgrade\r\n\r\nraw");
    ck_assert_uint_eq(sio_front_count(t.front), 0);
    client_send(&c, "later");
    CLIENT_UNTIL(&c, u.len == strlen(behind) + 5);
    ck_assert_mem_eq(u.text, behind, strlen(behind));
    ck_assert_mem_eq(u.text + strlen(behind), "later", 5);
    sio_stream_free(u.stream);
    reconnect();
}

START_TEST(an_upgrade_hands_over_the_stream) {
    upgrade_case("", "");
    upgrade_case("", "\x81\x85"
                     "frame");
    upgrade_case(GET("/x"), "GET / HTTP");
}
END_TEST

START_TEST(a_late_upgrade_gets_what_was_held) {
    tunnel u = {.stream = NULL};
    the_tunnel = &u;
    t.engine.on_request = engine_holds;
    client_send(&c, UPGRADE "be");
    CLIENT_UNTIL(&c, t.engine.held);
    client_send(&c, "hind");
    for (int i = 0; i < 5; i++) {
        front_turn(&t);
    }
    upgrades(&t.engine, t.engine.held);
    ck_assert_int_eq(u.rc, 0);
    ck_assert_uint_eq(u.len, 6);
    ck_assert_mem_eq(u.text, "behind", 6);
    client_answer(&c, "HTTP/1.1 101");
    sio_stream_free(u.stream);
}
END_TEST

START_TEST(a_request_with_a_body_is_not_upgraded) {
    tunnel u = {.stream = NULL};
    the_tunnel = &u;
    t.engine.on_request = upgrades;
    client_send(&c, "GET /engine/ HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n"
                    "Upgrade: websocket\r\nContent-Length: 2\r\n\r\nab");
    client_eof(&c);
    ck_assert_int_eq(u.rc, SIO_ERR_STATE);
    ck_assert_uint_eq(c.len, 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server_exchange");
    TCase *tc = tcase_create("all");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, head_gets_the_head_only);
    tcase_add_test(tc, the_client_decides_whether_it_stays);
    tcase_add_test(tc, nobody_answering_is_500);
    tcase_add_test(tc, the_answerer_may_close);
    tcase_add_test(tc, no_content_has_no_length);
    tcase_add_test(tc, what_cannot_be_written_closes);
    tcase_add_test(tc, expectations_are_met);
    tcase_add_test(tc, the_rest_of_a_body_is_passed_over);
    tcase_add_test(tc, a_length_of_zero_is_no_body);
    tcase_add_test(tc, the_head_stays_as_long_as_the_exchange);
    tcase_add_test(tc, without_callbacks_nothing_is_told);
    tcase_add_test(tc, an_upgrade_hands_over_the_stream);
    tcase_add_test(tc, a_late_upgrade_gets_what_was_held);
    tcase_add_test(tc, a_request_with_a_body_is_not_upgraded);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
