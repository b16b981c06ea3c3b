#include "server_front_support.h"

#include "cors.h"

static const char *const list[] = {"http://a.b", "https://c.d:8443"};
static const char *const all[] = {"*"};

static sio_server_cors settings(const char *const *origins, size_t count, bool credentials) {
    sio_server_cors cors = SIO_SERVER_CORS_INIT;
    cors.origins = origins;
    cors.origin_count = count;
    cors.credentials = credentials;
    return cors;
}

/* ---- the headers ---- */

typedef struct row {
    const char *const *origins;
    size_t count;
    bool credentials;
    const char *method;
    const char *origin;
    const char *asked;
    const char *expected;
} row;

#define METHODS "Access-Control-Allow-Methods: GET,HEAD,PUT,PATCH,POST,DELETE\r\n"
#define CREDENTIALS "Access-Control-Allow-Credentials: true\r\n"

static const row rows[] = {
    {NULL, 0, false, "GET", "http://a.b", NULL, ""},
    {NULL, 0, false, "OPTIONS", "http://a.b", "x-y", ""},
    {all, 1, false, "GET", "http://a.b", NULL, "Access-Control-Allow-Origin: *\r\n"},
    {all, 1, false, "GET", NULL, NULL, "Access-Control-Allow-Origin: *\r\n"},
    {all, 1, false, "OPTIONS", "http://a.b", "x-y",
     "Access-Control-Allow-Origin: *\r\nVary: Access-Control-Request-Headers\r\n" METHODS
     "Access-Control-Allow-Headers: x-y\r\n"},
    {list, 2, false, "GET", "http://a.b", NULL,
     "Access-Control-Allow-Origin: http://a.b\r\nVary: Origin\r\n"},
    {list, 2, true, "POST", "https://c.d:8443", NULL,
     "Access-Control-Allow-Origin: https://c.d:8443\r\nVary: Origin\r\n" CREDENTIALS},
    {list, 2, false, "GET", "http://a.bc", NULL, "Vary: Origin\r\n"},
    {list, 2, false, "GET", "http://a", NULL, "Vary: Origin\r\n"},
    {list, 2, false, "GET", "HTTP://A.B", NULL, "Vary: Origin\r\n"},
    {list, 2, false, "GET", "null", NULL, "Vary: Origin\r\n"},
    {list, 2, false, "GET", "", NULL, "Vary: Origin\r\n"},
    {list, 2, false, "GET", NULL, NULL, "Vary: Origin\r\n"},
    {list, 1, false, "GET", "https://c.d:8443", NULL, "Vary: Origin\r\n"},
    {list, 2, true, "OPTIONS", "http://a.b", "x-y",
     "Access-Control-Allow-Origin: http://a.b\r\nVary: Origin, "
     "Access-Control-Request-Headers\r\n" CREDENTIALS METHODS
     "Access-Control-Allow-Headers: x-y\r\n"},
    {list, 2, false, "OPTIONS", "http://evil", NULL,
     "Vary: Origin, Access-Control-Request-Headers\r\n" METHODS},
};

START_TEST(headers_follow_the_settings) {
    const row *r = &rows[_i];
    sio_server_cors options = settings(r->origins, r->count, r->credentials);
    sio_cors cors;
    ck_assert_int_eq(sio_cors_init(&cors, &options, NULL), 0);
    sio_http1_header headers[2];
    size_t count = 0;
    if (r->origin) {
        headers[count++] = (sio_http1_header){SIO_STR("origin"), {r->origin, strlen(r->origin)}};
    }
    if (r->asked) {
        headers[count++] = (sio_http1_header){SIO_STR("Access-Control-Request-Headers"),
                                              {r->asked, strlen(r->asked)}};
    }
    sio_http1_head head = {
        .method = {r->method, strlen(r->method)}, .headers = headers, .header_count = count};
    sio_buf out = {0};
    ck_assert_int_eq(sio_cors_write(&out, &cors, &head), 0);
    ck_assert_int_eq(sio_buf_add_byte(&out, 0), 0);
    ck_assert_str_eq((const char *)out.data, r->expected);
    ck_assert(sio_cors_is_preflight(&cors, &head) ==
              (r->count > 0 && strcmp(r->method, "OPTIONS") == 0));
    sio_buf_free(&out);
    sio_cors_done(&cors, NULL);
}
END_TEST

START_TEST(two_origins_are_none) {
    sio_server_cors options = settings(list, 2, false);
    sio_cors cors;
    ck_assert_int_eq(sio_cors_init(&cors, &options, NULL), 0);
    sio_http1_header headers[] = {{SIO_STR("Origin"), SIO_STR("http://a.b")},
                                  {SIO_STR("Origin"), SIO_STR("http://evil")}};
    sio_http1_head head = {.method = SIO_STR("GET"), .headers = headers, .header_count = 2};
    sio_buf out = {0};
    ck_assert_int_eq(sio_cors_write(&out, &cors, &head), 0);
    ck_assert_uint_eq(out.len, 14);
    ck_assert_mem_eq(out.data, "Vary: Origin\r\n", 14);
    sio_buf_free(&out);
    sio_cors_done(&cors, NULL);
}
END_TEST

START_TEST(dangerous_settings_are_refused) {
    static const char *const broken[] = {"http://a\r\nX: y"};
    static const char *const missing[] = {NULL};
    sio_cors cors;
    sio_server_cors options = settings(all, 1, true);
    ck_assert_int_eq(sio_cors_init(&cors, &options, NULL), SIO_ERR_INVALID);
    options = settings(broken, 1, false);
    ck_assert_int_eq(sio_cors_init(&cors, &options, NULL), SIO_ERR_INVALID);
    options = settings(missing, 1, false);
    ck_assert_int_eq(sio_cors_init(&cors, &options, NULL), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_cors_init(&cors, NULL, NULL), 0);
    ck_assert(!sio_cors_enabled(&cors));
    sio_cors_done(&cors, NULL);
}
END_TEST

/* ---- at the front ---- */

static void setup(front_test *t, front_client *c, const sio_server_cors *cors) {
    sio_front_options options = front_options();
    options.cors = cors;
    front_setup(t, options);
    client_open(c, t);
}

START_TEST(a_preflight_is_answered_for_the_engine) {
    front_test t;
    front_client c;
    sio_server_cors cors = settings(list, 1, true);
    setup(&t, &c, &cors);
    client_send(&c, "OPTIONS /engine/?EIO=4 HTTP/1.1\r\nHost: h\r\nOrigin: http://a.b\r\n"
                    "Access-Control-Request-Headers: x-y\r\n\r\n");
    client_take(&c, "HTTP/1.1 204 No Content\r\n"
                    "Access-Control-Allow-Origin: http://a.b\r\n"
                    "Vary: Origin, Access-Control-Request-Headers\r\n" CREDENTIALS METHODS
                    "Access-Control-Allow-Headers: x-y\r\n"
                    "Content-Length: 0\r\n\r\n");
    ck_assert_uint_eq(t.engine.requests, 0);
    client_ask(&c, "OPTIONS /x HTTP/1.1\r\nHost: h\r\nOrigin: http://a.b\r\n\r\n", "HTTP/1.1 404");
    client_close(&c);
    front_teardown(&t);
}
END_TEST

START_TEST(engine_answers_carry_the_headers) {
    front_test t;
    front_client c;
    sio_server_cors cors = settings(list, 2, false);
    setup(&t, &c, &cors);
    const char *answer = client_ask(
        &c, "GET /engine/ HTTP/1.1\r\nHost: h\r\nOrigin: http://a.b\r\n\r\n", "HTTP/1.1 200");
    ck_assert(has(answer, "\r\nAccess-Control-Allow-Origin: http://a.b\r\nVary: Origin\r\n"));
    answer = client_ask(&c, "GET /engine/ HTTP/1.1\r\nHost: h\r\nOrigin: http://e\r\n\r\n",
                        "HTTP/1.1 200");
    ck_assert(!has(answer, "Allow-Origin"));
    answer =
        client_ask(&c, "GET /x HTTP/1.1\r\nHost: h\r\nOrigin: http://a.b\r\n\r\n", "HTTP/1.1 404");
    ck_assert(!has(answer, "Allow-Origin"));
    client_close(&c);
    front_teardown(&t);
}
END_TEST

START_TEST(without_cors_options_reach_the_engine) {
    front_test t;
    front_client c;
    setup(&t, &c, NULL);
    const char *answer = client_ask(
        &c, "OPTIONS /engine/ HTTP/1.1\r\nHost: h\r\nOrigin: http://a.b\r\n\r\n", "HTTP/1.1 200");
    ck_assert(!has(answer, "Access-Control") && !has(answer, "Vary"));
    ck_assert_uint_eq(t.engine.requests, 1);
    client_close(&c);
    front_teardown(&t);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server_cors");
    TCase *tc = tcase_create("all");
    tcase_add_loop_test(tc, headers_follow_the_settings, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(tc, two_origins_are_none);
    tcase_add_test(tc, dangerous_settings_are_refused);
    tcase_add_test(tc, a_preflight_is_answered_for_the_engine);
    tcase_add_test(tc, engine_answers_carry_the_headers);
    tcase_add_test(tc, without_cors_options_reach_the_engine);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
