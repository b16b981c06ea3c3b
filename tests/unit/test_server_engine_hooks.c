#include "server_support.h"

#include <stdio.h>
#include <stdlib.h>

static server_test t;
static sio_engine *engine;

static struct {
    unsigned opens, errors, asked;
    int code;
    sio_engine_cause cause;
    char message[64], context[64], order[32];
    sio_engine_request *held;
} seen;

/* A hook's user pointer. */
static void *text(const char *literal) {
    return (void *)(uintptr_t)literal;
}

static const char POLL[] = "/engine.io/?EIO=4&transport=polling";
static const char WEBSOCKET[] = "/engine.io/?EIO=4&transport=websocket";

static void on_open(sio_engine_session *session, void *user) {
    ck_assert_ptr_eq(user, &seen);
    seen.opens++;
}

static void on_message(sio_engine_session *session, bool binary, uint8_t *data, size_t len,
                       void *user) {
    sio_str back = {(const char *)data, len};
    ck_assert_int_eq(sio_engine_session_send_text(session, back, NULL), 0);
}

static void on_connection_error(const sio_engine_refusal *refusal, void *user) {
    seen.errors++;
    seen.code = refusal->code;
    seen.cause = refusal->cause;
    ck_assert_ptr_nonnull(refusal->request);
    ck_assert_str_eq(refusal->remote, "127.0.0.1");
    snprintf(seen.message, sizeof(seen.message), "%s", refusal->message);
    snprintf(seen.context, sizeof(seen.context), "%.*s", (int)refusal->context.len,
             refusal->context.len > 0 ? refusal->context.ptr : "");
}

static void start_with(sio_engine_options options, const sio_mem *mem) {
    sio_server_options server = SIO_SERVER_OPTIONS_INIT;
    server.engine_only = true;
    server.mem = mem;
    server_start(&t, &server);
    t.path = "/engine.io/";
    options.callbacks.on_open = on_open;
    options.callbacks.on_message = on_message;
    options.callbacks.on_connection_error = on_connection_error;
    options.user = &seen;
    ck_assert_int_eq(sio_server_add_engine(&engine, t.server, &options), 0);
}

static void start(void) {
    memset(&seen, 0, sizeof(seen));
    start_with((sio_engine_options)SIO_ENGINE_OPTIONS_INIT, NULL);
}

static void stop(void) {
    server_stop(&t);
}

static void upgrade_gets_400(const char *target, const char *body) {
    raw_client c;
    raw_open(&c, &t);
    ws_request(&c, target, "");
    http_expect_answer(&c, 400, body);
    raw_expect_eof(&c);
    raw_close(&c);
}

static void upgrade_is_cut(const char *target) {
    raw_client c;
    raw_open(&c, &t);
    ws_request(&c, target, "");
    raw_expect_eof(&c);
    ck_assert_uint_eq(c.len, 0);
    raw_close(&c);
}

/* ---- middlewares ---- */

static void add_header(sio_engine_request *request, void *user) {
    (void)sio_engine_request_add_header(request, "X-Mine", "yes");
    ck_assert_int_eq(sio_engine_request_add_header(request, "X Bad", "yes"), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_engine_request_add_header(request, "X-Bad", "a\r\nb"), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_engine_request_add_header(request, NULL, "b"), SIO_ERR_INVALID);
    ck_assert_str_eq(sio_engine_request_remote(request), "127.0.0.1");
    ck_assert(!sio_engine_request_lost(request));
    sio_engine_request_accept(request);
}

static void note(sio_engine_request *request, void *user) {
    size_t len = strlen(seen.order);
    snprintf(seen.order + len, sizeof(seen.order) - len, "%s", (const char *)user);
    sio_engine_request_accept(request);
}

static void refuse(sio_engine_request *request, void *user) {
    seen.asked++;
    sio_engine_request_refuse(request, user);
}

static void end(sio_engine_request *request, void *user) {
    sio_engine_request_end(request, 503, "text/plain", "later", 5);
}

static void hold(sio_engine_request *request, void *user) {
    ck_assert_ptr_null(seen.held);
    ck_assert_ptr_nonnull(sio_engine_request_head(request));
    seen.held = request;
}

static sio_engine_request *release(void) {
    sio_engine_request *request = seen.held;
    seen.held = NULL;
    return request;
}

/* E141 E144 E145 */
START_TEST(a_middleware_adds_headers) {
    http_answer answer;
    raw_client c;
    ck_assert_int_eq(sio_engine_use(engine, add_header, NULL), 0);
    raw_open(&c, &t);
    http_send(&c, "GET", POLL, "", NULL, 0);
    ck_assert(http_receive(&c, &answer));
    ck_assert_int_eq(answer.status, 200);
    ck_assert(http_has(&answer, "X-Mine: yes"));
    http_answer_free(&answer);
    http_send(&c, "GET", "/engine.io/?transport=tobi", "", NULL, 0); /* errors, too */
    ck_assert(http_receive(&c, &answer));
    ck_assert(http_has(&answer, "X-Mine: yes"));
    http_answer_free(&answer);
    raw_close(&c);
    raw_open(&c, &t);
    ws_request(&c, WEBSOCKET, "");
    ck_assert(http_receive(&c, &answer));
    ck_assert_int_eq(answer.status, 101);
    ck_assert(http_has(&answer, "X-Mine: yes"));
    http_answer_free(&answer);
    raw_close(&c);
}
END_TEST

/* E142 */
START_TEST(middlewares_run_in_order) {
    poller p;
    ck_assert_int_eq(sio_engine_use(engine, note, text("1")), 0);
    ck_assert_int_eq(sio_engine_use(engine, note, text("2")), 0);
    ck_assert_int_eq(sio_engine_use(engine, note, text("3")), 0);
    poller_open(&p, &t, "EIO=4");
    ck_assert_str_eq(seen.order, "123");
    poller_post(&p, "4a"); /* each request of the path */
    ck_assert_str_eq(seen.order, "123123");
    poller_get(&p, "4a");
    poller_close(&p);
}
END_TEST

/* E143 */
START_TEST(a_middleware_may_answer) {
    ck_assert_int_eq(sio_engine_use(engine, end, NULL), 0);
    ck_assert_int_eq(sio_engine_use(engine, note, text("never")), 0);
    http_expect(&t, "GET", POLL, "", NULL, 503, "later");
    http_expect(&t, "POST", POLL, "", "4abc", 503, "later");
    upgrade_is_cut(WEBSOCKET);
    ck_assert_uint_eq(seen.opens, 0);
    ck_assert_uint_eq(seen.errors, 0);
    ck_assert_str_eq(seen.order, "");
}
END_TEST

/* E146 */
START_TEST(a_middleware_may_fail) {
    ck_assert_int_eq(sio_engine_use(engine, refuse, text("why")), 0);
    http_expect(&t, "GET", POLL, "", NULL, 400, "{\"code\":3,\"message\":\"Bad request\"}");
    ck_assert_int_eq(seen.code, 3);
    ck_assert_str_eq(sio_engine_cause_name(seen.cause), "MIDDLEWARE_FAILURE");
    ck_assert_str_eq(seen.context, "why");
    upgrade_gets_400(WEBSOCKET, "Bad request");
    ck_assert_uint_eq(seen.errors, 2);
    ck_assert_uint_eq(seen.opens, 0);
}
END_TEST

/* E147, and a body that comes while the middleware has not decided. */
START_TEST(bodies_wait_for_the_middleware) {
    poller p;
    static char large[1000001];
    poller_open(&p, &t, "EIO=4");
    ck_assert_int_eq(sio_engine_use(engine, hold, NULL), 0);
    http_send(&p.post, "POST", poller_target(&p), "",
              "4one\x1e"
              "4two",
              9);
    server_until(&t, seen.held);
    server_settle(&t);
    sio_engine_request_accept(release());
    http_expect_answer(&p.post, 200, "ok");
    http_send(&p.post, "POST", poller_target(&p), "Transfer-Encoding: chunked\r\n", NULL, 0);
    raw_text(&p.post, "3\r\n4th\r\n");
    server_until(&t, seen.held);
    sio_engine_request_accept(release()); /* before the body */
    server_settle(&t);
    raw_text(&p.post, "3\r\nree\r\n0\r\n\r\n");
    http_expect_answer(&p.post, 200, "ok");
    poller_poll(&p);
    server_until(&t, seen.held);
    sio_engine_request_accept(release());
    poller_expect(&p, "4one\x1e"
                      "4two\x1e"
                      "4three");
    memset(large, '4', sizeof(large));
    http_send(&p.post, "POST", poller_target(&p), "", large, sizeof(large));
    http_expect_answer(&p.post, 413, "");
    sio_engine_request *late = release();
    if (late) {
        sio_engine_request_accept(late);
    }
    poller_close(&p);
}
END_TEST

/* What comes behind the request of a WebSocket meanwhile is not lost. */
START_TEST(upgrades_wait_for_the_middleware) {
    raw_client c;
    ck_assert_int_eq(sio_engine_use(engine, hold, NULL), 0);
    raw_open(&c, &t);
    ws_request(&c, WEBSOCKET, "");
    ws_text(&c, "4early");
    server_until(&t, seen.held);
    server_settle(&t);
    sio_engine_request_accept(release());
    http_expect_answer(&c, 101, NULL);
    ws_expect_start(&c, "0{");
    ws_expect(&c, "4early");
    raw_close(&c);
}
END_TEST

/* ---- allow_request ---- */

/* E5 E6 IO26 */
START_TEST(handshakes_may_be_forbidden) {
    poller p;
    poller_open(&p, &t, "EIO=4");
    sio_engine_set_allow_request(engine, refuse, text("no \"entry\""));
    http_expect(&t, "GET", POLL, "", NULL, 403, "{\"code\":4,\"message\":\"no \\\"entry\\\"\"}");
    ck_assert_int_eq(seen.code, 4);
    ck_assert_int_eq(seen.cause, SIO_ENGINE_FORBIDDEN);
    ck_assert_str_eq(seen.message, "Forbidden");
    ck_assert_str_eq(seen.context, "no \"entry\"");
    upgrade_gets_400(WEBSOCKET, "no \"entry\"");
    sio_engine_set_allow_request(engine, refuse, NULL);
    http_expect(&t, "GET", POLL, "", NULL, 403, "{\"code\":4,\"message\":\"Forbidden\"}");
    upgrade_gets_400(WEBSOCKET, "Forbidden");
    ck_assert_uint_eq(seen.asked, 4);
    poller_post(&p, "4a"); /* only handshakes are asked about, and only those that may be one */
    poller_get(&p, "4a");
    http_expect(&t, "GET", "/engine.io/?EIO=4&transport=tobi", "", NULL, 400, NULL);
    http_expect(&t, "POST", POLL, "", "4a", 400, NULL);
    ck_assert_uint_eq(seen.asked, 4);
    poller_close(&p);
}
END_TEST

/* IO25 */
START_TEST(a_handshake_may_be_allowed_later) {
    raw_client c;
    sio_engine_set_allow_request(engine, hold, NULL);
    raw_open(&c, &t);
    http_send(&c, "GET", POLL, "", NULL, 0);
    server_until(&t, seen.held);
    ck_assert_uint_eq(seen.opens, 0);
    sio_engine_request_accept(release());
    http_expect_answer(&c, 200, NULL);
    ck_assert_uint_eq(seen.opens, 1);
    http_send(&c, "GET", POLL, "", NULL, 0);
    server_until(&t, seen.held);
    sio_engine_request_refuse(release(), "too late");
    http_expect_answer(&c, 403, "{\"code\":4,\"message\":\"too late\"}");
    raw_close(&c);
}
END_TEST

START_TEST(its_client_may_go_meanwhile) {
    raw_client c;
    sio_engine_set_allow_request(engine, hold, NULL);
    for (int i = 0; i < 4; i++) {
        raw_open(&c, &t);
        http_send(&c, "GET", POLL, "", NULL, 0);
        server_until(&t, seen.held);
        raw_close(&c);
        server_until(&t, sio_engine_request_lost(seen.held));
        sio_engine_request *request = release();
        ck_assert_ptr_null(sio_engine_request_head(request));
        ck_assert_str_eq(sio_engine_request_remote(request), "");
        ck_assert_int_eq(sio_engine_request_add_header(request, "A", "b"), SIO_ERR_CLOSED);
        switch (i) {
        case 0:
            sio_engine_request_accept(request);
            break;
        case 1:
            sio_engine_request_refuse(request, "x");
            break;
        case 2:
            sio_engine_request_end(request, 200, NULL, NULL, 0);
            break;
        default:
            sio_engine_request_accept_id(request, "x");
            break;
        }
    }
    ck_assert_uint_eq(seen.opens, 0);
    ck_assert_uint_eq(seen.errors, 0);
}
END_TEST

START_TEST(the_server_may_go_meanwhile) {
    test_mem mem;
    raw_client c;
    server_stop(&t);
    test_mem_init(&mem);
    start_with((sio_engine_options)SIO_ENGINE_OPTIONS_INIT, &mem.mem);
    sio_engine_set_allow_request(engine, hold, NULL);
    raw_open(&c, &t);
    http_send(&c, "GET", POLL, "", NULL, 0);
    server_until(&t, seen.held);
    sio_server_free(t.server);
    t.server = NULL;
    ck_assert(sio_engine_request_lost(seen.held));
    sio_engine_request_accept(release());
    ck_assert_uint_eq(mem.live, 0);
    raw_close(&c);
}
END_TEST

START_TEST(the_server_may_close_meanwhile) {
    raw_client c;
    sio_engine_set_allow_request(engine, hold, NULL);
    raw_open(&c, &t);
    http_send(&c, "GET", POLL, "", NULL, 0);
    server_until(&t, seen.held);
    sio_engine_close(engine, false);
    sio_engine_request_accept(release());
    http_expect_answer(&c, 503, NULL);
    raw_close(&c);
}
END_TEST

/* ---- generate_id ---- */

static void name_it(sio_engine_request *request, void *user) {
    sio_engine_request_accept_id(request, user);
}

static char id_of_last[300];

static void remember_id(sio_engine_session *session, void *user) {
    snprintf(id_of_last, sizeof(id_of_last), "%s", sio_engine_session_id(session));
}

/* E19 E20 */
START_TEST(ids_may_be_the_applications) {
    poller p;
    char longest[257];
    sio_engine_callbacks watch = SIO_ENGINE_CALLBACKS_INIT;
    watch.on_open = remember_id;
    ck_assert_int_eq(sio_engine_watch(engine, &watch, NULL), 0);
    sio_engine_set_generate_id(engine, name_it, text("my-own_id.~1"));
    poller_open(&p, &t, "EIO=4");
    ck_assert_str_eq(p.sid, "my-own_id.~1");
    ck_assert_str_eq(id_of_last, "my-own_id.~1");
    poller_post(&p, "4a");
    poller_get(&p, "4a");
    poller_close(&p);
    memset(longest, 'x', 255);
    longest[255] = '\0';
    sio_engine_set_generate_id(engine, name_it, longest);
    http_expect(&t, "GET", POLL, "", NULL, 200, NULL);
    ck_assert_str_eq(id_of_last, longest);
    sio_engine_set_generate_id(engine, hold, NULL);
    raw_client c;
    raw_open(&c, &t);
    http_send(&c, "GET", POLL, "", NULL, 0);
    server_until(&t, seen.held);
    sio_engine_request_accept_id(release(), "later");
    http_expect_answer(&c, 200, NULL);
    ck_assert_ptr_nonnull(sio_engine_session_find(engine, "later"));
    http_send(&c, "GET", POLL, "", NULL, 0);
    server_until(&t, seen.held);
    sio_engine_request_accept(release()); /* the engine's own */
    http_expect_answer(&c, 200, NULL);
    ck_assert_uint_eq(strlen(id_of_last), 20);
    raw_close(&c);
}
END_TEST

/* E21 */
START_TEST(failing_to_name_a_session_refuses_it) {
    char too_long[257];
    memset(too_long, 'x', 256);
    too_long[256] = '\0';
    const char *const bad[] = {"", "a b", "a+b", "a%b", "a/b", "\xc3\xa4", "taken", too_long, NULL};
    sio_engine_set_generate_id(engine, name_it, text("taken"));
    http_expect(&t, "GET", POLL, "", NULL, 200, NULL);
    unsigned errors = 0;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        sio_engine_set_generate_id(engine, name_it, text(bad[i]));
        http_expect(&t, "GET", POLL, "", NULL, 400, "{\"code\":3,\"message\":\"Bad request\"}");
        upgrade_gets_400(WEBSOCKET, "Bad request");
        errors += 2;
        ck_assert_uint_eq(seen.errors, errors);
        ck_assert_str_eq(sio_engine_cause_name(seen.cause), "ID_GENERATION_ERROR");
    }
    sio_engine_set_generate_id(engine, refuse, text("no ids left"));
    http_expect(&t, "GET", POLL, "", NULL, 400, NULL);
    ck_assert_int_eq(seen.cause, SIO_ENGINE_ID_GENERATION_ERROR);
    ck_assert_str_eq(seen.context, "no ids left");
    ck_assert_uint_eq(seen.opens, 1);
}
END_TEST

/* ---- memory ---- */

START_TEST(short_of_memory) {
    test_mem mem;
    server_stop(&t);
    test_mem_init(&mem);
    start_with((sio_engine_options)SIO_ENGINE_OPTIONS_INIT, &mem.mem);
    ck_assert_int_eq(sio_engine_use(engine, add_header, NULL), 0);
    sio_engine_set_allow_request(engine, note, text("a"));
    sio_engine_set_generate_id(engine, note, text("i"));
    for (size_t at = 1; at < 40; at++) {
        raw_client c;
        http_answer answer;
        raw_open(&c, &t);
        mem.calls = 0;
        mem.fail_at = at;
        seen.order[0] = '\0';
        http_send(&c, "GET", POLL, "", NULL, 0);
        if (http_receive(&c, &answer)) {
            ck_assert(answer.status == 200 || answer.status == 500);
            http_answer_free(&answer);
        }
        mem.fail_at = 0;
        raw_close(&c);
    }
    sio_server_free(t.server);
    t.server = NULL;
    ck_assert_uint_eq(mem.live, 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("engine hooks");
    TCase *tc = tcase_create("hooks");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, a_middleware_adds_headers);
    tcase_add_test(tc, middlewares_run_in_order);
    tcase_add_test(tc, a_middleware_may_answer);
    tcase_add_test(tc, a_middleware_may_fail);
    tcase_add_test(tc, bodies_wait_for_the_middleware);
    tcase_add_test(tc, upgrades_wait_for_the_middleware);
    tcase_add_test(tc, handshakes_may_be_forbidden);
    tcase_add_test(tc, a_handshake_may_be_allowed_later);
    tcase_add_test(tc, its_client_may_go_meanwhile);
    tcase_add_test(tc, the_server_may_go_meanwhile);
    tcase_add_test(tc, the_server_may_close_meanwhile);
    tcase_add_test(tc, ids_may_be_the_applications);
    tcase_add_test(tc, failing_to_name_a_session_refuses_it);
    tcase_add_test(tc, short_of_memory);
    return test_run(suite);
}
