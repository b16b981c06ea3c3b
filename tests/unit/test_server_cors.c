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
    int status;
    ck_assert_int_eq(sio_cors_write(&out, &status, &cors, &head), 0);
    ck_assert_int_eq(sio_buf_add_byte(&out, 0), 0);
    ck_assert_str_eq((const char *)out.data, r->expected);
    ck_assert_int_eq(status, r->count > 0 && strcmp(r->method, "OPTIONS") == 0 ? 204 : 0);
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
    int status;
    ck_assert_int_eq(sio_cors_write(&out, &status, &cors, &head), 0);
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
    ck_assert(!cors.enabled);
    sio_cors_done(&cors, NULL);
}
END_TEST

/* A browser asks nobody before a page opens a WebSocket, so the list applies to upgrades as well
 * (CVE-2019-13611, CVE-2020-28481). */
typedef struct upgrade_row {
    const char *const *origins;
    size_t count;
    bool open, same_host;
    const char *origin;
    bool foreign;
} upgrade_row;

static const upgrade_row upgrade_rows[] = {
    {list, 2, false, false, "http://a.b", false},
    {list, 2, false, false, "http://evil", true},
    {list, 2, false, false, "null", true},
    {list, 2, false, false, "", true},
    {list, 2, false, false, NULL, false},
    {list, 2, false, false, "https://Me.example:8080", false}, /* the request's Host */
    {list, 2, false, false, "https://me.example", true},
    {list, 2, false, false, "https://me.example:8080.evil", true},
    {list, 2, false, false, "me.example:8080", true},
    {list, 2, true, false, "http://evil", false},
    {all, 1, false, false, "http://evil", false},
    {NULL, 0, false, false, "http://evil", false},
    {NULL, 0, false, true, "http://evil", true},
    {NULL, 0, false, true, "http://me.example:8080", false},
    {NULL, 0, false, true, NULL, false},
    {NULL, 0, true, true, "http://evil", false},
};

static int upgrade_status(const sio_server_cors *options, const sio_http1_header *headers,
                          size_t count, bool upgrade) {
    sio_cors cors;
    sio_buf out = {0};
    int status;
    sio_http1_head head = {
        .method = SIO_STR("GET"), .headers = headers, .header_count = count, .upgrade = upgrade};
    ck_assert_int_eq(sio_cors_init(&cors, options, NULL), 0);
    ck_assert_int_eq(sio_cors_write(&out, &status, &cors, &head), 0);
    sio_buf_free(&out);
    sio_cors_done(&cors, NULL);
    return status;
}

START_TEST(websockets_are_for_allowed_origins_only) {
    const upgrade_row *r = &upgrade_rows[_i];
    sio_server_cors options = settings(r->origins, r->count, false);
    options.open_websockets = r->open;
    options.same_host_only = r->same_host;
    sio_http1_header headers[] = {
        {SIO_STR("Host"), SIO_STR("me.example:8080")},
        {SIO_STR("Origin"), {r->origin, r->origin ? strlen(r->origin) : 0}},
    };
    size_t count = r->origin ? 2 : 1;
    ck_assert_int_eq(upgrade_status(&options, headers, count, true),
                     r->foreign ? SIO_CORS_FOREIGN : 0);
    ck_assert_int_eq(upgrade_status(&options, headers, count, false), 0);
}
END_TEST

static sio_cors_verdict no_one(sio_str origin, const sio_http1_head *request, void *user) {
    return *(const sio_cors_verdict *)user;
}

START_TEST(a_callback_decides_on_websockets) {
    sio_cors_verdict verdict = SIO_CORS_REFUSE;
    sio_server_cors options = SIO_SERVER_CORS_INIT;
    options.decide = no_one;
    options.decide_user = &verdict;
    sio_http1_header headers[] = {{SIO_STR("Origin"), SIO_STR("http://a.b")},
                                  {SIO_STR("Origin"), SIO_STR("http://a.b")}};
    ck_assert_int_eq(upgrade_status(&options, headers, 1, true), SIO_CORS_FOREIGN);
    ck_assert_int_eq(upgrade_status(&options, headers, 2, true), SIO_CORS_FOREIGN);
    ck_assert_int_eq(upgrade_status(&options, headers, 0, true), 0);
    verdict = SIO_CORS_SKIP;
    ck_assert_int_eq(upgrade_status(&options, headers, 1, true), 0);
    verdict = SIO_CORS_ALLOW;
    ck_assert_int_eq(upgrade_status(&options, headers, 1, true), 0);
}
END_TEST

/* What the options write for one request; the result is valid until the next call. */
static const char *lines_for(const sio_server_cors *options, const char *method, const char *origin,
                             int *status) {
    static char text[1024];
    sio_cors cors;
    sio_buf out = {.data = (uint8_t *)text, .cap = sizeof(text), .max = sizeof(text) - 1};
    sio_http1_header headers[] = {
        {SIO_STR("Origin"), {origin, origin ? strlen(origin) : 0}},
        {SIO_STR("Access-Control-Request-Headers"), SIO_STR("x-y")},
    };
    sio_http1_head head = {.method = {method, strlen(method)},
                           .headers = origin ? headers : headers + 1,
                           .header_count = origin ? 2 : 1};
    ck_assert_int_eq(sio_cors_init(&cors, options, NULL), 0);
    ck_assert_int_eq(sio_cors_write(&out, status, &cors, &head), 0);
    sio_cors_done(&cors, NULL);
    text[out.len] = '\0';
    return text;
}

/* E125 */
START_TEST(all_options_are_honoured) {
    static const char *const methods[] = {"GET", "PUT"};
    static const char *const headers[] = {"x-a", "x-b"};
    static const char *const exposed[] = {"x-c", "x-d"};
    sio_server_cors options = settings(list, 2, true);
    int status;
    options.methods = methods;
    options.method_count = 2;
    options.allowed_headers = headers;
    options.allowed_header_count = 2;
    options.exposed_headers = exposed;
    options.exposed_header_count = 2;
    options.has_max_age = true;
    options.max_age = 123;
    options.options_success_status = 200;
    ck_assert_str_eq(lines_for(&options, "OPTIONS", "http://a.b", &status),
                     "Access-Control-Allow-Origin: http://a.b\r\nVary: Origin\r\n" CREDENTIALS
                     "Access-Control-Allow-Methods: GET,PUT\r\n"
                     "Access-Control-Allow-Headers: x-a,x-b\r\n"
                     "Access-Control-Max-Age: 123\r\n"
                     "Access-Control-Expose-Headers: x-c,x-d\r\n");
    ck_assert_int_eq(status, 200);
    ck_assert_str_eq(lines_for(&options, "GET", "http://a.b", &status),
                     "Access-Control-Allow-Origin: http://a.b\r\nVary: Origin\r\n" CREDENTIALS
                     "Access-Control-Expose-Headers: x-c,x-d\r\n");
    ck_assert_int_eq(status, 0);
    options.preflight_continue = true;
    ck_assert(has(lines_for(&options, "OPTIONS", "http://a.b", &status), "Max-Age: 123"));
    ck_assert_int_eq(status, 0);
}
END_TEST

/* Credentials and any origin go together only where that is asked for by name. */
START_TEST(any_origin_is_reflected) {
    sio_server_cors options = settings(NULL, 0, true);
    int status;
    options.any_origin = true;
    ck_assert_str_eq(lines_for(&options, "GET", "http://z", &status),
                     "Access-Control-Allow-Origin: http://z\r\nVary: Origin\r\n" CREDENTIALS);
    ck_assert_str_eq(lines_for(&options, "GET", NULL, &status), "Vary: Origin\r\n" CREDENTIALS);
}
END_TEST

static sio_cors_verdict decide(sio_str origin, const sio_http1_head *request, void *user) {
    ++*(int *)user;
    ck_assert(sio_http1_find(request, SIO_STR("Access-Control-Request-Headers")).len > 0);
    if (!origin.ptr) {
        return SIO_CORS_SKIP;
    }
    return origin.len == 8 && memcmp(origin.ptr, "http://a", 8) == 0 ? SIO_CORS_ALLOW
                                                                     : SIO_CORS_REFUSE;
}

START_TEST(a_callback_decides) {
    sio_server_cors options = settings(all, 1, false);
    int status;
    int calls = 0;
    options.decide = decide;
    options.decide_user = &calls;
    ck_assert_str_eq(lines_for(&options, "GET", "http://a", &status),
                     "Access-Control-Allow-Origin: http://a\r\nVary: Origin\r\n");
    ck_assert_str_eq(lines_for(&options, "GET", "http://b", &status), "Vary: Origin\r\n");
    ck_assert_str_eq(lines_for(&options, "OPTIONS", NULL, &status), "");
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(calls, 3);
}
END_TEST

/* Nothing that goes into a header may end its line. */
START_TEST(injections_are_refused) {
    static const char *const broken[] = {"GET", "PUT\r\nX: y"};
    static const char *const empty[] = {""};
    static const char *const space[] = {"x a"};
    sio_server_cors bad[12];
    size_t n = 0;
    for (size_t i = 0; i < 12; i++) {
        bad[i] = settings(list, 2, false);
    }
    bad[n].methods = broken;
    bad[n++].method_count = 2;
    bad[n].allowed_headers = space;
    bad[n++].allowed_header_count = 1;
    bad[n].exposed_headers = empty;
    bad[n++].exposed_header_count = 1;
    bad[n++].method_count = 1;
    bad[n++].allowed_header_count = 1;
    bad[n++].exposed_header_count = 1;
    bad[n++].options_success_status = 199;
    bad[n++].options_success_status = 300;
    bad[n++].origins = empty;
    bad[n++].origins = NULL;
    bad[n++].size = 0;
    bad[n++].size = sizeof(sio_server_cors) + 1;
    for (size_t i = 0; i < n; i++) {
        sio_cors cors;
        ck_assert_msg(sio_cors_check(&bad[i]) == SIO_ERR_INVALID, "row %zu", i);
        ck_assert_msg(sio_cors_init(&cors, &bad[i], NULL) == SIO_ERR_INVALID, "row %zu", i);
    }
    sio_server_cors fine = settings(list, 2, false);
    ck_assert_int_eq(sio_cors_check(&fine), 0);
    ck_assert_int_eq(sio_cors_check(NULL), 0);
}
END_TEST

static int init_scenario(const sio_mem *mem, void *arg) {
    sio_cors cors;
    int rc = sio_cors_init(&cors, arg, mem);
    if (rc == 0) {
        sio_cors_done(&cors, mem);
    }
    return rc;
}

START_TEST(settings_without_memory) {
    sio_server_cors options = settings(list, 2, true);
    static const char *const exposed[] = {"x-c"};
    options.exposed_headers = exposed;
    options.exposed_header_count = 1;
    test_mem_sweep(init_scenario, &options);
}
END_TEST

/* ---- at the front ---- */

static void setup(front_test *t, front_client *c, const sio_server_cors *cors) {
    sio_front_options options = front_options();
    options.cors = cors;
    front_setup(t, options);
    client_open(c, t);
}

/* E122 E124 IO23 */
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
    const char *foreign =
        client_ask(&c, "OPTIONS /engine/?EIO=4 HTTP/1.1\r\nHost: h\r\nOrigin: http://evil\r\n\r\n",
                   "HTTP/1.1 204");
    ck_assert(!has(foreign, "Access-Control-Allow-Origin"));
    ck_assert_uint_eq(t.engine.requests, 0);
    client_ask(&c, "OPTIONS /x HTTP/1.1\r\nHost: h\r\nOrigin: http://a.b\r\n\r\n", "HTTP/1.1 404");
    client_close(&c);
    front_teardown(&t);
}
END_TEST

/* E123 IO24 */
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
    tcase_add_loop_test(tc, websockets_are_for_allowed_origins_only, 0,
                        sizeof(upgrade_rows) / sizeof(upgrade_rows[0]));
    tcase_add_test(tc, a_callback_decides_on_websockets);
    tcase_add_test(tc, all_options_are_honoured);
    tcase_add_test(tc, any_origin_is_reflected);
    tcase_add_test(tc, a_callback_decides);
    tcase_add_test(tc, injections_are_refused);
    tcase_add_test(tc, settings_without_memory);
    tcase_add_test(tc, a_preflight_is_answered_for_the_engine);
    tcase_add_test(tc, engine_answers_carry_the_headers);
    tcase_add_test(tc, without_cors_options_reach_the_engine);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
