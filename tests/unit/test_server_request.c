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

static front_test t;
static front_client c;

static void setup(app *a) {
    front_setup(&t, front_options());
    sio_front_on_request(t.front, handle, a);
    client_open(&c, &t);
}

static void teardown(void) {
    client_close(&c);
    front_teardown(&t);
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
    app a = {.fn = looks};
    setup(&a);
    for (int i = 0; i < 2; i++) {
        client_send(&c, "POST /a%20b?c=d?e HTTP/1.1\r\nHost: h\r\nX-Y: z\r\n");
        client_send(&c, bodies[i]);
        client_take(&c, "HTTP/1.1 201 Created\r\nContent-Type: text/x\r\nContent-Length: 5\r\n"
                        "X-B: c d\r\n\r\n12345");
    }
    ck_assert_uint_eq(a.calls, 2);
    teardown();
}
END_TEST

static void forgets(app *a, sio_request *request) {
    ck_assert_int_eq(sio_request_add_header(request, "X-Secret", "1"), 0);
}

START_TEST(forgetting_to_answer_is_500) {
    app a = {.fn = forgets};
    setup(&a);
    ck_assert(!has(client_ask(&c, GET("/"), "HTTP/1.1 500"), "X-Secret"));
    client_ask(&c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx", "HTTP/1.1 500");
    ck_assert_uint_eq(a.calls, 2);
    teardown();
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
    app a = {.fn = injects};
    setup(&a);
    client_send(&c, GET("/"));
    client_take(&c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    client_ask(&c, GET("/"), "HTTP/1.1 200");
    teardown();
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
    app a = {.fn = replies_badly};
    setup(&a);
    for (int i = 0; i < 5; i++) {
        client_ask(&c, GET("/"), "HTTP/1.1 500");
    }
    teardown();
}
END_TEST

START_TEST(the_handler_may_be_removed_meanwhile) {
    app a = {.fn = forgets};
    setup(&a);
    client_send(&c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nx");
    for (int i = 0; i < 5; i++) {
        client_step(&c);
    }
    sio_front_on_request(t.front, NULL, NULL);
    client_send(&c, "y");
    client_answer(&c, "HTTP/1.1 404");
    ck_assert_uint_eq(a.calls, 0);
    client_ask(&c, GET("/"), "HTTP/1.1 404");
    teardown();
}
END_TEST

/* ---- later ---- */

typedef struct later {
    app app;
    sio_request *kept;
    unsigned lost;
    unsigned drained;
    int err;
} later;

static void on_lost(sio_request *request, int err, void *user) {
    later *l = user;
    l->lost++;
    l->err = err;
    ck_assert_ptr_null(sio_request_method(request).ptr);
    ck_assert_str_eq(sio_request_address(request), "");
    ck_assert_int_eq(sio_request_reply(request, 200, NULL, NULL, 0), SIO_ERR_CLOSED);
    ck_assert_int_eq(sio_request_add_header(request, "A", "b"), SIO_ERR_CLOSED);
    ck_assert_int_eq(sio_request_write(request, "x", 1), SIO_ERR_CLOSED);
}

static void keeps(app *a, sio_request *request) {
    later *l = (later *)a;
    l->kept = sio_request_ref(request);
    sio_request_on_lost(request, on_lost, l);
}

static void wait_kept(const later *l) {
    for (int i = 0; i < 200 && !l->kept; i++) {
        client_step(&c);
    }
    ck_assert_ptr_nonnull(l->kept);
}

START_TEST(a_kept_request_is_answered_later) {
    static const char *const requests[] = {
        "POST /p?q HTTP/1.1\r\nHost: h\r\nX-Y: z\r\nContent-Length: 5\r\n\r\n12345",
        "POST /p?q HTTP/1.1\r\nHost: h\r\nX-Y: z\r\nTransfer-Encoding: chunked\r\n\r\n"
        "2\r\n12\r\n3\r\n345\r\n0\r\n\r\n",
    };
    for (int i = 0; i < 2; i++) {
        later l = {.app = {.fn = keeps}};
        setup(&l.app);
        client_send(&c, requests[i]);
        client_send(&c, GET("/next"));
        wait_kept(&l);
        for (int k = 0; k < 10; k++) {
            client_step(&c); /* more bytes come, and the head moves */
        }
        ck_assert_uint_eq(l.app.calls, 1);
        ck_assert(is(sio_request_path(l.kept), "/p"));
        ck_assert(is(sio_request_query(l.kept), "q"));
        ck_assert(is(sio_request_header(l.kept, "X-Y"), "z"));
        ck_assert_str_eq(sio_request_address(l.kept), "127.0.0.1");
        ck_assert(!sio_request_secure(l.kept));
        ck_assert_uint_eq(sio_request_body(l.kept).len, 5);
        ck_assert_mem_eq(sio_request_body(l.kept).ptr, "12345", 5);
        ck_assert_int_eq(sio_request_add_header(l.kept, "Set-Cookie", "a=1"), 0);
        ck_assert_int_eq(sio_request_add_header(l.kept, "Set-Cookie", "b=2"), 0);
        ck_assert_int_eq(sio_request_reply(l.kept, 200, NULL, "late", 4), 0);
        ck_assert_int_eq(sio_request_reply(l.kept, 200, NULL, "late", 4), SIO_ERR_STATE);
        sio_request_unref(l.kept);
        l.kept = NULL;
        client_take(&c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nSet-Cookie: a=1\r\n"
                        "Set-Cookie: b=2\r\n\r\nlate");
        wait_kept(&l);
        sio_request_unref(l.kept); /* forgotten */
        client_answer(&c, "HTTP/1.1 500");
        ck_assert_uint_eq(l.lost, 0);
        teardown();
    }
}
END_TEST

START_TEST(who_leaves_is_lost) {
    later l = {.app = {.fn = keeps}};
    setup(&l.app);
    client_send(&c, GET("/"));
    wait_kept(&l);
    client_close(&c);
    for (int i = 0; i < 200 && l.lost == 0; i++) {
        front_turn(&t);
    }
    ck_assert_uint_eq(l.lost, 1);
    front_teardown(&t);
    ck_assert_uint_eq(l.lost, 1);
    sio_request_unref(l.kept);
}
END_TEST

START_TEST(a_request_outlives_the_front) {
    later l = {.app = {.fn = keeps}};
    setup(&l.app);
    client_send(&c, GET("/"));
    wait_kept(&l);
    sio_front_lose_requests(t.front);
    ck_assert_uint_eq(l.lost, 1);
    ck_assert_int_eq(l.err, SIO_ERR_CLOSED);
    teardown();
    ck_assert_uint_eq(l.lost, 1);
    sio_request_unref(l.kept);
}
END_TEST

/* ---- piece by piece ---- */

static void on_drained(sio_request *request, void *user) {
    ((later *)user)->drained++;
}

static void begins(app *a, sio_request *request) {
    keeps(a, request);
    sio_request_on_drain(request, on_drained, a);
    ck_assert_int_eq(sio_request_write(request, "x", 1), SIO_ERR_STATE);
    ck_assert_int_eq(sio_request_end(request), SIO_ERR_STATE);
    ck_assert_int_eq(sio_request_start(request, 200, "text/x"), 0);
    ck_assert_int_eq(sio_request_start(request, 200, "text/x"), SIO_ERR_STATE);
    ck_assert_int_eq(sio_request_add_header(request, "A", "b"), SIO_ERR_STATE);
    ck_assert_int_eq(sio_request_write(request, "abc", 3), 0);
    ck_assert_int_eq(sio_request_write(request, "", 0), 0);
    ck_assert_int_eq(sio_request_write(request, NULL, 1), SIO_ERR_INVALID);
}

#define HEAD_OF_PIECES "HTTP/1.1 200 OK\r\nContent-Type: text/x\r\n"

START_TEST(an_answer_in_pieces) {
    later l = {.app = {.fn = begins}};
    setup(&l.app);
    client_send(&c, GET("/"));
    client_take(&c, HEAD_OF_PIECES "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    for (int i = 0; i < 200 && l.drained == 0; i++) {
        client_step(&c);
    }
    ck_assert_uint_gt(l.drained, 0);
    ck_assert_uint_eq(sio_request_queued(l.kept), 0);
    char big[300];
    memset(big, 'x', sizeof big);
    ck_assert_int_eq(sio_request_write(l.kept, big, sizeof big), 0);
    ck_assert_int_eq(sio_request_end(l.kept), 0);
    ck_assert_int_eq(sio_request_end(l.kept), SIO_ERR_STATE);
    sio_request_unref(l.kept);
    char expected[400];
    snprintf(expected, sizeof expected, "12c\r\n%.300s\r\n0\r\n\r\n", big);
    client_take(&c, expected);
    /* The connection goes on. */
    l.kept = NULL;
    client_send(&c, GET("/"));
    client_take(&c, HEAD_OF_PIECES "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    sio_request_unref(l.kept); /* cut off: the client sees that the end is missing */
    client_eof(&c);
    ck_assert_uint_eq(c.len, 0);
    teardown();
}
END_TEST

START_TEST(pieces_for_old_clients_and_heads) {
    later l = {.app = {.fn = begins}};
    setup(&l.app);
    client_send(&c, "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
    client_take(&c, HEAD_OF_PIECES "Transfer-Encoding: chunked\r\n\r\n");
    ck_assert_int_eq(sio_request_end(l.kept), 0);
    sio_request_unref(l.kept);
    client_send(&c, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    client_take(&c, HEAD_OF_PIECES "Connection: close\r\n\r\nabc");
    ck_assert_int_eq(sio_request_end(l.kept), 0);
    sio_request_unref(l.kept);
    client_eof(&c);
    teardown();
}
END_TEST

START_TEST(who_does_not_read_pieces_is_bounded_and_lost) {
    later l = {.app = {.fn = begins}};
    sio_front_options options = front_options();
    options.idle_timeout_ms = 50;
    front_setup(&t, options);
    sio_front_on_request(t.front, handle, &l.app);
    client_open(&c, &t);
    client_send(&c, GET("/"));
    while (!l.kept) {
        front_turn(&t);
    }
    static char block[65536];
    int rc = 0;
    for (int i = 0; i < 10000 && rc == 0; i++) {
        rc = sio_request_write(l.kept, block, sizeof block);
        front_turn(&t);
    }
    ck_assert_int_eq(rc, SIO_ERR_LIMIT);
    ck_assert_uint_le(sio_request_queued(l.kept), SIO_REQUEST_MAX_QUEUED + 1000);
    while (l.lost == 0) {
        event_base_loop(t.base, EVLOOP_ONCE);
    }
    ck_assert_int_eq(l.err, SIO_ERR_TIMEOUT);
    sio_request_unref(l.kept);
    teardown();
}
END_TEST

/* ---- files ---- */

static char file_path[64];

static void sends_file(app *a, sio_request *request) {
    ck_assert_int_eq(sio_request_send_file(request, "/nonexistent/x", NULL), SIO_ERR_NOT_FOUND);
    ck_assert_int_eq(sio_request_send_file(request, "/tmp", NULL), SIO_ERR_NOT_FOUND);
    ck_assert_int_eq(sio_request_send_file(request, NULL, NULL), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_request_add_header(request, "X-A", "b"), 0);
    ck_assert_int_eq(sio_request_send_file(request, file_path, NULL), 0);
    ck_assert_int_eq(sio_request_send_file(request, file_path, NULL), SIO_ERR_STATE);
}

START_TEST(a_file_is_sent) {
    app a = {.fn = sends_file};
    char dir[] = "/tmp/sio-request-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(file_path, sizeof file_path, "%s/a.json", dir);
    FILE *file = fopen(file_path, "w");
    fputs("[1]", file);
    fclose(file);
    setup(&a);
    client_send(&c, GET("/"));
    const char *answer = client_answer(&c, "HTTP/1.1 200 OK\r\n");
    ck_assert(has(answer, "\r\nContent-Type: application/json; charset=utf-8\r\n"));
    ck_assert(has(answer, "\r\nETag: \""));
    teardown();
    unlink(file_path);
    rmdir(dir);
}
END_TEST

/* ---- memory ---- */

/* One request for each way to answer, over a connection that is adopted with its first half. */
typedef struct row {
    const char *text;
    const char *expected;
    void (*fn)(sio_request *request);
    bool upgrade;
} row;

static sio_request *held;
static int taken;

static void holds(sio_request *request) {
    held = sio_request_ref(request);
}

static void streams(sio_request *request) {
    (void)sio_request_add_header(request, "X-A", "b");
    if (sio_request_start(request, 200, "text/plain") == 0) {
        (void)sio_request_write(request, "one", 3);
        (void)sio_request_write(request, "two", 3);
        (void)sio_request_end(request);
    }
}

static void sends(sio_request *request) {
    (void)sio_request_add_header(request, "X-A", "b");
    (void)sio_request_send_file(request, file_path, "text/plain");
}

static void takes(sio_request *request) {
    sio_bytes early;
    if (sio_request_take_connection(request, &taken, &early) == 0) {
        ck_assert_uint_eq(early.len, 5);
        ck_assert_mem_eq(early.ptr, "early", 5);
        (void)!send(taken, "mine", 4, MSG_NOSIGNAL);
        close(taken);
    }
}

static void leaves(sio_request *request) {
    (void)request;
}

#define FROM_PROXY "Host: h\r\nX-Forwarded-For: 1.2.3.4\r\n"

static const row rows[] = {
    {"POST / HTTP/1.1\r\n" FROM_PROXY "Content-Length: 4\r\n\r\nbody", "late body", holds, false},
    {"GET / HTTP/1.1\r\n" FROM_PROXY "\r\n", "two\r\n0\r\n", streams, false},
    {"GET / HTTP/1.1\r\n" FROM_PROXY "\r\n", "[1]", sends, false},
    {"GET / HTTP/1.1\r\n" FROM_PROXY "Connection: upgrade\r\nUpgrade: x\r\n\r\nearly", "mine",
     takes, true},
    {"GET / HTTP/1.1\r\n" FROM_PROXY "Connection: upgrade\r\nUpgrade: x\r\n\r\n", "", leaves, true},
};

static void call(sio_request *request, void *user) {
    ck_assert_str_eq(sio_request_address(request), "1.2.3.4");
    ((const row *)user)->fn(request);
}

static void turns(struct event_base *base) {
    for (int i = 0; i < 5; i++) {
        event_base_loop(base, EVLOOP_NONBLOCK);
    }
}

static void answer_held(void) {
    sio_bytes body = sio_request_body(held);
    char text[16] = "late ";
    ck_assert_uint_le(body.len, 4);
    if (body.len > 0) {
        memcpy(text + 5, body.ptr, body.len);
    }
    (void)sio_request_reply(held, 200, NULL, text, 5 + body.len);
    sio_request_unref(held);
    held = NULL;
}

static int talk_row(sio_front *front, sio_loop *loop, struct event_base *base, const row *r) {
    int fds[2];
    sio_stream *stream;
    size_t half = strlen(r->text) / 2;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    int rc = sio_stream_adopt(&stream, loop, fds[0], NULL, 0, NULL, NULL);
    if (rc == 0) {
        rc = sio_front_adopt(front, stream, (sio_bytes){(const uint8_t *)r->text, half});
    }
    (void)!send(fds[1], r->text + half, strlen(r->text) - half, MSG_NOSIGNAL);
    turns(base);
    if (held) {
        answer_held();
    }
    turns(base);
    char answer[2048];
    ssize_t n = recv(fds[1], answer, sizeof(answer) - 1, MSG_DONTWAIT);
    answer[n > 0 ? n : 0] = '\0';
    close(fds[1]);
    turns(base);
    return rc != 0 ? rc : has(answer, r->expected) ? 0 : -1;
}

static int sweep_front(sio_loop *loop, struct event_base *base, const row *r) {
    static const char *const proxies[] = {"unix:"};
    sio_front_options options = front_options();
    options.trusted_proxies = proxies;
    options.trusted_proxy_count = 1;
    sio_front *front;
    int rc = sio_front_new(&front, loop, &options);
    if (rc != 0) {
        return rc;
    }
    sio_front_on_request(front, call, (void *)(uintptr_t)r);
    if (r->upgrade) {
        sio_front_on_upgrade(front, call, (void *)(uintptr_t)r);
    }
    rc = talk_row(front, loop, base, r);
    sio_front_close(front, false);
    sio_front_free(front);
    return rc;
}

static int scenario(const sio_mem *mem, void *arg) {
    struct event_base *base = event_base_new();
    sio_loop *loop;
    int rc = sio_loop_new(&loop, &(sio_loop_options){.base = base, .mem = mem});
    if (rc == 0) {
        rc = sweep_front(loop, base, arg);
        sio_loop_free(loop);
    }
    event_base_free(base);
    return rc;
}

START_TEST(memory_may_run_out_anywhere) {
    char dir[] = "/tmp/sio-request-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(file_path, sizeof file_path, "%s/a.json", dir);
    FILE *file = fopen(file_path, "w");
    fputs("[1]", file);
    fclose(file);
    row r = rows[_i];
    test_mem_sweep(scenario, &r);
    unlink(file_path);
    rmdir(dir);
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
    tcase_add_test(tc, a_kept_request_is_answered_later);
    tcase_add_test(tc, who_leaves_is_lost);
    tcase_add_test(tc, a_request_outlives_the_front);
    tcase_add_test(tc, an_answer_in_pieces);
    tcase_add_test(tc, pieces_for_old_clients_and_heads);
    tcase_add_test(tc, who_does_not_read_pieces_is_bounded_and_lost);
    tcase_add_test(tc, a_file_is_sent);
    tcase_add_loop_test(tc, memory_may_run_out_anywhere, 0, sizeof(rows) / sizeof(rows[0]));
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
