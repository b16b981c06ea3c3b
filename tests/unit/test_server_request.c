#include "server_front_support.h"

typedef struct app {
    void (*fn)(struct app *app, sio_request *request);
    unsigned calls;
} app;

static void handle(sio_request *request, void *user) {
    app *a = user;
    a->calls++;
    a->fn(a, request);
}

static void setup(front_test *t, front_client *c, app *a) {
    front_setup(t, front_options());
    sio_front_on_request(t->front, handle, a);
    client_open(c, t);
}

static void teardown(front_test *t, front_client *c) {
    client_close(c);
    front_teardown(t);
}

static bool is(sio_str text, const char *expected) {
    return text.len == strlen(expected) && memcmp(text.ptr, expected, text.len) == 0;
}

static void looks(app *a, sio_request *request) {
    ck_assert(is(sio_request_method(request), "POST"));
    ck_assert(is(sio_request_path(request), "/a%20b"));
    ck_assert(is(sio_request_query(request), "c=d?e"));
    ck_assert(is(sio_request_header(request, "x-y"), "z"));
    ck_assert_ptr_null(sio_request_header(request, "none").ptr);
    sio_bytes body = sio_request_body(request);
    ck_assert_uint_eq(body.len, 5);
    ck_assert_mem_eq(body.ptr, "12345", 5);
    ck_assert_int_eq(sio_request_add_header(request, "X-B", "c d"), 0);
    ck_assert_int_eq(sio_request_reply(request, 201, "text/x", body.ptr, body.len), 0);
    ck_assert_int_eq(sio_request_reply(request, 200, NULL, NULL, 0), SIO_ERR_STATE);
    ck_assert_int_eq(sio_request_add_header(request, "X-B", "c d"), SIO_ERR_STATE);
    ck_assert_mem_eq(body.ptr, "12345", 5);
}

START_TEST(a_request_is_whole) {
    static const char *const bodies[] = {
        "Content-Length: 5\r\n\r\n12345",
        "Transfer-Encoding: chunked\r\n\r\n2\r\n12\r\n3\r\n345\r\n0\r\n\r\n",
    };
    front_test t;
    front_client c;
    app a = {.fn = looks};
    setup(&t, &c, &a);
    for (int i = 0; i < 2; i++) {
        client_send(&c, "POST /a%20b?c=d?e HTTP/1.1\r\nHost: h\r\nX-Y: z\r\n");
        client_send(&c, bodies[i]);
        client_take(&c, "HTTP/1.1 201 Created\r\nContent-Type: text/x\r\nContent-Length: 5\r\n"
                        "X-B: c d\r\n\r\n12345");
    }
    ck_assert_uint_eq(a.calls, 2);
    teardown(&t, &c);
}
END_TEST

static void forgets(app *a, sio_request *request) {
    ck_assert_int_eq(sio_request_add_header(request, "X-Secret", "1"), 0);
}

START_TEST(forgetting_to_answer_is_500) {
    front_test t;
    front_client c;
    app a = {.fn = forgets};
    setup(&t, &c, &a);
    ck_assert(!has(client_ask(&c, GET("/"), "HTTP/1.1 500"), "X-Secret"));
    client_ask(&c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx", "HTTP/1.1 500");
    ck_assert_uint_eq(a.calls, 2);
    teardown(&t, &c);
}
END_TEST

static void injects(app *a, sio_request *request) {
    static const char *const bad[][2] = {
        {"X-A", "b\r\nSet-Cookie: c"},
        {"X-A", "b\nc"},
        {"X-A", "b\rc"},
        {"X\r\nY", "b"},
        {"X A", "b"},
        {"", "b"},
        {"X:A", "b"},
        {"content-length", "1"},
        {"Connection", "close"},
        {"Content-Type", "text/x"},
        {"Transfer-Encoding", ""},
        {"X-A", NULL},
        {NULL, "b"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_int_eq(sio_request_add_header(request, bad[i][0], bad[i][1]), SIO_ERR_INVALID);
    }
    ck_assert_int_eq(sio_request_reply(request, 200, NULL, NULL, 0), 0);
}

START_TEST(headers_cannot_be_injected) {
    front_test t;
    front_client c;
    app a = {.fn = injects};
    setup(&t, &c, &a);
    client_send(&c, GET("/"));
    client_take(&c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    client_ask(&c, GET("/"), "HTTP/1.1 200");
    teardown(&t, &c);
}
END_TEST

static void replies_badly(app *a, sio_request *request) {
    static const char injected[] = "text/x\r\nX: y";
    int rc = 0;
    switch (a->calls) {
    case 1:
        rc = sio_request_reply(request, 99, NULL, NULL, 0);
        break;
    case 2:
        rc = sio_request_reply(request, 101, NULL, NULL, 0);
        break;
    case 3:
        rc = sio_request_reply(request, 600, NULL, NULL, 0);
        break;
    case 4:
        rc = sio_request_reply(request, 200, injected, NULL, 0);
        break;
    default:
        rc = sio_request_reply(request, 200, NULL, NULL, 1);
        break;
    }
    ck_assert_int_eq(rc, SIO_ERR_INVALID);
    ck_assert_int_eq(sio_request_reply(request, 200, NULL, NULL, 0), SIO_ERR_STATE);
}

START_TEST(bad_replies_are_500) {
    front_test t;
    front_client c;
    app a = {.fn = replies_badly};
    setup(&t, &c, &a);
    for (int i = 0; i < 5; i++) {
        client_ask(&c, GET("/"), "HTTP/1.1 500");
    }
    teardown(&t, &c);
}
END_TEST

START_TEST(the_handler_may_be_removed_meanwhile) {
    front_test t;
    front_client c;
    app a = {.fn = forgets};
    setup(&t, &c, &a);
    client_send(&c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nx");
    for (int i = 0; i < 5; i++) {
        client_step(&c);
    }
    sio_front_on_request(t.front, NULL, NULL);
    client_send(&c, "y");
    client_answer(&c, "HTTP/1.1 404");
    ck_assert_uint_eq(a.calls, 0);
    client_ask(&c, GET("/"), "HTTP/1.1 404");
    teardown(&t, &c);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server_request");
    TCase *tc = tcase_create("all");
    tcase_add_test(tc, a_request_is_whole);
    tcase_add_test(tc, forgetting_to_answer_is_500);
    tcase_add_test(tc, headers_cannot_be_injected);
    tcase_add_test(tc, bad_replies_are_500);
    tcase_add_test(tc, the_handler_may_be_removed_meanwhile);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
