#include "server_front_support.h"

#include <sys/stat.h>

static front_test t;
static front_client c;

static void start(sio_front_options options) {
    front_setup(&t, options);
    client_open(&c, &t);
}

static void stop(void) {
    client_close(&c);
    front_teardown(&t);
}

static void reconnect(void) {
    client_close(&c);
    client_open(&c, &t);
}

static void says_path(sio_request *request, void *user) {
    char text[128];
    sio_str path = sio_request_path(request);
    int len = snprintf(text, sizeof text, "app %.*s", SIO_STR_ARG(path));
    ck_assert_int_eq(sio_request_reply(request, 200, "text/plain", text, (size_t)len), 0);
}

/* ---- routing ---- */

START_TEST(requests_go_where_their_path_says) {
    start(front_options());
    client_send(&c, GET("/engine/?EIO=4"));
    client_take(&c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n"
                    "X-Extra: 1\r\n\r\nengine");
    client_send(&c, GET("/other"));
    client_take(&c, "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\n"
                    "Content-Length: 9\r\n\r\nNot Found");
    sio_front_on_request(t.front, says_path, NULL);
    ck_assert(has(client_ask(&c, GET("/other?x"), "HTTP/1.1 200"), "app /other"));
    ck_assert(has(client_ask(&c, GET("/engine/"), "HTTP/1.1 200"), "\r\nengine"));
    ck_assert_uint_eq(t.engine.requests, 2);
    ck_assert_uint_eq(sio_front_count(t.front), 1);
    stop();
}
END_TEST

START_TEST(the_longest_prefix_wins) {
    char dir[] = "/tmp/sio-front-XXXXXX";
    char name[64];
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(name, sizeof name, "%s/a", dir);
    ck_assert_int_eq(mkdir(name, 0700), 0);
    snprintf(name, sizeof name, "%s/a/f.txt", dir);
    FILE *f = fopen(name, "w");
    fputs("inner", f);
    fclose(f);
    front_setup(&t, front_options());
    ck_assert_int_eq(sio_front_serve_dir(t.front, "/", dir), 0);
    snprintf(name, sizeof name, "%s/a", dir);
    ck_assert_int_eq(sio_front_serve_dir(t.front, "/deep/b", name), 0);
    ck_assert_int_eq(sio_front_serve_dir(t.front, "/c/", name), 0);
    ck_assert_int_eq(sio_front_serve_dir(t.front, "c", name), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_front_serve_dir(t.front, "/d/", "/does/not/exist"), SIO_ERR_NOT_FOUND);
    sio_front_on_request(t.front, says_path, NULL);
    client_open(&c, &t);
    ck_assert(has(client_ask(&c, GET("/deep/b/f.txt"), "HTTP/1.1 200"), "inner"));
    ck_assert(has(client_ask(&c, GET("/c/f.txt"), "HTTP/1.1 200"), "inner"));
    ck_assert(has(client_ask(&c, GET("/a/f.txt"), "HTTP/1.1 200"), "inner"));
    client_ask(&c, GET("/deep/bf.txt"), "HTTP/1.1 404"); /* of "/" */
    client_ask(&c, GET("/f.txt"), "HTTP/1.1 404");
    ck_assert(has(client_ask(&c, GET("/engine/"), "HTTP/1.1 200"), "engine"));
    client_close(&c);
    front_teardown(&t);
    snprintf(name, sizeof name, "%s/a/f.txt", dir);
    unlink(name);
    snprintf(name, sizeof name, "%s/a", dir);
    rmdir(name);
    rmdir(dir);
}
END_TEST

START_TEST(bad_settings_are_refused) {
    front_setup(&t, front_options());
    sio_front_options options = front_options();
    sio_front *front;
    options.engine = &t.engine;
    options.client_dir = "/does/not/exist";
    ck_assert_int_eq(sio_front_new(&front, t.loop, &options), SIO_ERR_NOT_FOUND);
    options.client_dir = NULL;
    const char *all[] = {"*"};
    sio_server_cors cors = SIO_SERVER_CORS_INIT;
    cors.origins = all;
    cors.origin_count = 1;
    cors.credentials = true;
    options.cors = &cors;
    ck_assert_int_eq(sio_front_new(&front, t.loop, &options), SIO_ERR_INVALID);
    sio_front_free(NULL);
    front_teardown(&t);
}
END_TEST

/* ---- keep-alive and pipelining ---- */

START_TEST(pipelined_requests_are_answered_in_order) {
    start(front_options());
    sio_front_on_request(t.front, says_path, NULL);
    client_send(&c, GET("/1") GET("/engine/") "POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 3"
                                              "\r\n\r\nabc" GET("/3"));
    ck_assert(has(client_answer(&c, "HTTP/1.1 200"), "app /1"));
    ck_assert(has(client_answer(&c, "HTTP/1.1 200"), "engine"));
    ck_assert(has(client_answer(&c, "HTTP/1.1 200"), "app /2"));
    ck_assert(has(client_answer(&c, "HTTP/1.1 200"), "app /3"));
    stop();
}
END_TEST

START_TEST(byte_by_byte_is_the_same) {
    start(front_options());
    t.engine.on_request = engine_holds;
    const char *text =
        "POST /engine/ HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc" GET("/x");
    for (size_t i = 0; i < strlen(text); i++) {
        client_send_bytes(&c, text + i, 1);
        front_turn(&t);
    }
    client_answer(&c, "HTTP/1.1 200");
    client_answer(&c, "HTTP/1.1 404");
    ck_assert_uint_eq(t.engine.bodies, 1);
    ck_assert_mem_eq(t.engine.body, "abc", 3);
    stop();
}
END_TEST

START_TEST(a_held_request_makes_later_ones_wait) {
    start(front_options());
    sio_front_on_request(t.front, says_path, NULL);
    t.engine.on_request = engine_holds;
    client_send(&c, GET("/engine/") GET("/1"));
    client_send(&c, GET("/2"));
    CLIENT_UNTIL(&c, t.engine.held);
    for (int i = 0; i < 10; i++) {
        client_step(&c);
    }
    ck_assert_uint_eq(c.len, 0);
    ck_assert(sio_http1_find(sio_exchange_head(t.engine.held), SIO_STR("host")).ptr != NULL);
    sio_exchange_answer(t.engine.held, 200, NULL, front_bytes("late"), NULL);
    ck_assert(has(client_answer(&c, "HTTP/1.1 200"), "late"));
    ck_assert(has(client_answer(&c, "HTTP/1.1 200"), "app /1"));
    ck_assert(has(client_answer(&c, "HTTP/1.1 200"), "app /2"));
    stop();
}
END_TEST

START_TEST(a_flood_behind_a_held_request_is_not_read) {
    start(front_options());
    sio_front_on_request(t.front, says_path, NULL);
    t.engine.on_request = engine_holds;
    client_send(&c, GET("/engine/"));
    CLIENT_UNTIL(&c, t.engine.held);
    /* More than front and kernel hold: the rest goes when the first is answered. */
    const char *one = GET("/abcdefghijklmnopqrstuvwxyz");
    size_t count = 20000;
    size_t len = strlen(one);
    char *all = malloc(count * len);
    for (size_t i = 0; i < count; i++) {
        memcpy(all + i * len, one, len);
    }
    size_t sent = 0;
    for (int idle = 0; idle < 20 && sent < count * len;) {
        ssize_t n = send(c.fd, all + sent, count * len - sent, MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        idle = n > 0 ? 0 : idle + 1;
        client_step(&c);
    }
    ck_assert_uint_eq(c.len, 0);
    ck_assert(!c.eof);
    sio_exchange_answer(t.engine.held, 200, NULL, front_bytes("late"), NULL);
    client_answer(&c, "HTTP/1.1 200");
    size_t answers = 0;
    while (answers < 200) {
        ck_assert(has(client_answer(&c, "HTTP/1.1 200"), "app /abc"));
        answers++;
    }
    free(all);
    stop();
}
END_TEST

/* As much as one read brings, behind a request that is held, is all answered in its turn. */
START_TEST(a_large_read_behind_a_held_request_is_kept) {
    enum { MANY = 220 };
    static const char one[] = "POST /engine/ HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n";
    const int room = 400000;
    front_setup(&t, front_options());
    t.engine.on_request = engine_holds;
    int fds[2];
    sio_stream *stream;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    ck_assert_int_eq(setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room), 0);
    ck_assert_int_eq(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
    ck_assert_int_eq(sio_stream_adopt(&stream, t.loop, fds[0], NULL, 0, NULL, NULL), 0);
    sio_front_accept(t.front, stream);
    c = (front_client){.test = &t, .fd = fds[1], .text = calloc(1, FRONT_TEXT_MAX + 1)};
    client_send(&c, GET("/engine/"));
    CLIENT_UNTIL(&c, t.engine.held);
    size_t len = sizeof one - 1;
    char *all = calloc(MANY, len + 1000);
    for (size_t i = 0; i < MANY; i++) {
        memcpy(all + i * (len + 1000), one, len);
        memset(all + i * (len + 1000) + len, 'b', 1000);
    }
    ck_assert_int_eq(send(c.fd, all, MANY * (len + 1000), 0), (int)(MANY * (len + 1000)));
    for (int i = 0; i < 10; i++) {
        client_step(&c);
    }
    sio_exchange_answer(t.engine.held, 200, NULL, front_bytes("late"), NULL);
    ck_assert(has(client_answer(&c, "HTTP/1.1 200"), "late"));
    for (int i = 0; i < MANY; i++) {
        ck_assert(has(client_answer(&c, "HTTP/1.1 200"), "ok"));
    }
    free(all);
    stop();
}
END_TEST

static void says_much(sio_request *request, void *user) {
    static char text[50000];
    unsigned *count = user;
    (*count)++;
    memset(text, 'x', sizeof text);
    ck_assert_int_eq(sio_request_reply(request, 200, NULL, text, sizeof text), 0);
}

START_TEST(who_does_not_read_its_answers_gets_no_more) {
    unsigned count = 0;
    start(front_options());
    sio_front_on_request(t.front, says_much, &count);
    enum { ASKED = 600 };
    for (int i = 0; i < ASKED; i++) {
        client_send(&c, GET("/"));
    }
    for (int i = 0; i < 200; i++) {
        front_turn(&t);
    }
    ck_assert_uint_lt(count, ASKED - 50);
    for (int i = 0; i < ASKED; i++) {
        client_answer(&c, "HTTP/1.1 200");
    }
    ck_assert_uint_eq(count, ASKED);
    stop();
}
END_TEST

START_TEST(half_closed_after_asking_is_answered) {
    start(front_options());
    client_send(&c, GET("/a") GET("/engine/"));
    shutdown(c.fd, SHUT_WR);
    client_answer(&c, "HTTP/1.1 404");
    client_answer(&c, "HTTP/1.1 200");
    client_eof(&c);
    CLIENT_UNTIL(&c, sio_front_count(t.front) == 0);
    stop();
}
END_TEST

/* ---- lost connections ---- */

static void abort_case(bool reset, bool body) {
    start(front_options());
    t.engine.on_request = engine_holds;
    client_send(&c, body ? "POST /engine/ HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc"
                         : GET("/engine/") GET("/x"));
    CLIENT_UNTIL(&c, t.engine.held);
    if (reset) {
        struct linger now = {.l_onoff = 1};
        setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    close(c.fd);
    c.fd = -1;
    c.eof = true;
    CLIENT_UNTIL(&c, t.engine.aborts == 1);
    ck_assert_int_ne(t.engine.abort_err, 0);
    ck_assert_uint_eq(sio_front_count(t.front), 0);
    client_close(&c);
    front_teardown(&t);
    ck_assert_uint_eq(t.engine.aborts, 1);
}

START_TEST(a_lost_connection_aborts_its_request) {
    abort_case(false, false);
    abort_case(false, true);
    abort_case(true, false);
    abort_case(true, true);
}
END_TEST

START_TEST(freeing_aborts_what_is_held) {
    front_client a, b;
    front_setup(&t, front_options());
    t.engine.on_request = engine_holds;
    client_open(&a, &t);
    client_open(&b, &t);
    client_send(&a, GET("/engine/"));
    client_send(&b, "GET /par");
    CLIENT_UNTIL(&a, t.engine.held && sio_front_count(t.front) == 2);
    front_teardown(&t);
    ck_assert_uint_eq(t.engine.aborts, 1);
    client_close(&a);
    client_close(&b);
}
END_TEST

/* ---- deadlines ---- */

START_TEST(a_slow_head_ends_in_408_whatever_arrives) {
    sio_front_options options = front_options();
    options.header_timeout_ms = 80;
    start(options);
    client_send(&c, "GET / HTTP/1.1\r\nX: ");
    while (c.len == 0 && !c.eof) {
        (void)send(c.fd, "x", 1, MSG_NOSIGNAL);
        client_step(&c);
    }
    ck_assert(has(client_answer(&c, "HTTP/1.1 408"), "Connection: close\r\n"));
    client_eof(&c);

    /* Also for a later request, behind one in the same bytes. */
    reconnect();
    client_send(&c, GET("/x") "GET / HTT");
    client_answer(&c, "HTTP/1.1 404");
    client_answer(&c, "HTTP/1.1 408");
    client_eof(&c);

    /* One that says nothing is closed without a word. */
    reconnect();
    client_eof(&c);
    ck_assert_uint_eq(c.len, 0);
    stop();
}
END_TEST

START_TEST(a_slow_body_ends_in_408) {
    sio_front_options options = front_options();
    options.body_timeout_ms = 50;
    start(options);
    t.engine.on_request = engine_holds;
    client_send(&c, "POST /engine/ HTTP/1.1\r\nHost: h\r\nContent-Length: 500\r\n\r\nx");
    while (c.len == 0 && !c.eof) {
        (void)send(c.fd, "x", 1, MSG_NOSIGNAL);
        client_step(&c);
    }
    client_answer(&c, "HTTP/1.1 408");
    ck_assert_int_eq(t.engine.abort_err, SIO_ERR_TIMEOUT);
    client_eof(&c);
    client_close(&c);

    /* Answered already: nothing more is said. */
    t.engine.on_request = engine_answers;
    client_open(&c, &t);
    client_send(&c, "POST /engine/ HTTP/1.1\r\nHost: h\r\nContent-Length: 500\r\n\r\nx");
    client_answer(&c, "HTTP/1.1 200");
    client_eof(&c);
    ck_assert_uint_eq(c.len, 0);
    stop();
}
END_TEST

/* 1000 bytes per second win 50 ms with every 50 bytes. */
START_TEST(a_large_body_has_its_time_again) {
    char piece[101];
    sio_front_options options = front_options();
    options.body_timeout_ms = 50;
    options.min_receive_rate = 1000;
    front_setup(&t, options);
    t.engine.on_request = engine_holds;
    memset(piece, 'x', 100);
    piece[100] = '\0';
    client_open(&c, &t);
    client_send(&c, "POST /engine/ HTTP/1.1\r\nHost: h\r\nContent-Length: 900\r\n\r\n");
    int64_t begun = front_ms();
    for (int i = 0; i < 8; i++) {
        client_send(&c, piece);
        int64_t next = front_ms() + 15;
        while (front_ms() < next) {
            client_step(&c);
        }
    }
    ck_assert_int_ge(front_ms() - begun, 100);
    client_send(&c, piece);
    client_answer(&c, "HTTP/1.1 200");
    client_send(&c, "POST /engine/ HTTP/1.1\r\nHost: h\r\nContent-Length: 900\r\n\r\n");
    client_send(&c, piece);
    client_answer(&c, "HTTP/1.1 408"); /* once more, but not for ever */
    stop();
}
END_TEST

START_TEST(idle_connections_are_closed_but_held_ones_are_not) {
    front_client held;
    sio_front_options options = front_options();
    options.idle_timeout_ms = options.header_timeout_ms = options.body_timeout_ms = 40;
    front_setup(&t, options);
    t.engine.on_request = engine_holds;
    client_open(&held, &t);
    client_send(&held, GET("/engine/"));
    CLIENT_UNTIL(&held, t.engine.held);
    client_open(&c, &t);
    client_ask(&c, GET("/x"), "HTTP/1.1 404");
    client_eof(&c);
    ck_assert_uint_eq(c.len, 0);
    ck_assert_uint_eq(t.engine.aborts, 0);
    sio_exchange_answer(t.engine.held, 204, NULL, (sio_bytes){NULL, 0}, NULL);
    client_answer(&held, "HTTP/1.1 204");
    client_close(&c);
    client_close(&held);
    front_teardown(&t);
}
END_TEST

START_TEST(who_stops_reading_is_cut) {
    unsigned count = 0;
    sio_front_options options = front_options();
    options.idle_timeout_ms = 40;
    start(options);
    sio_front_on_request(t.front, says_much, &count);
    for (int i = 0; i < 400; i++) {
        client_send(&c, GET("/"));
    }
    int64_t end = front_ms() + 20000;
    while (sio_front_count(t.front) > 0) {
        ck_assert(front_ms() < end);
        poll(NULL, 0, 1);
        front_turn(&t);
    }
    ck_assert_uint_lt(count, 400);
    stop();
}
END_TEST

/* What it reads makes room in the kernel, but long not enough for the kernel to ask for more. */
START_TEST(who_reads_slowly_is_not_cut) {
    static char piece[32768];
    unsigned count = 0;
    sio_front_options options = front_options();
    options.idle_timeout_ms = 200;
    start(options);
    sio_front_on_request(t.front, says_much, &count);
    for (int i = 0; i < 600; i++) {
        client_send(&c, GET("/"));
    }
    for (int i = 0; i < 200; i++) {
        front_turn(&t);
    }
    for (int64_t end = front_ms() + 600, next = 0; front_ms() < end;) {
        if (front_ms() >= next) {
            ck_assert_int_gt(recv(c.fd, piece, sizeof piece, 0), 0);
            next = front_ms() + 20;
        }
        poll(NULL, 0, 1);
        front_turn(&t);
        ck_assert_uint_eq(sio_front_count(t.front), 1);
    }
    stop();
}
END_TEST

/* ---- limits and damaged requests ---- */

START_TEST(an_announced_body_over_the_limit_is_refused_early) {
    start(front_options());
    t.engine.on_request = engine_holds;
    client_send(&c, "POST /engine/ HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n");
    client_take(&c, "HTTP/1.1 413 Payload Too Large\r\nContent-Length: 0\r\n"
                    "Connection: close\r\n\r\n");
    client_eof(&c);
    ck_assert_uint_eq(t.engine.requests, 0);

    reconnect();
    client_send(&c, "POST /engine/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 11; i++) {
        char piece[107];
        memcpy(piece, "64\r\n", 4);
        memset(piece + 4, 'x', 100);
        memcpy(piece + 104, "\r\n", 2);
        client_send_bytes(&c, piece, 106);
    }
    client_answer(&c, "HTTP/1.1 413");
    client_eof(&c);
    ck_assert_int_eq(t.engine.abort_err, SIO_ERR_HTTP_BODY_TOO_LARGE);
    ck_assert_uint_eq(t.engine.bodies, 0);
    stop();
}
END_TEST

START_TEST(a_body_of_the_limit_is_taken) {
    char body[1001];
    memset(body, 'b', 1000);
    body[1000] = '\0';
    start(front_options());
    t.engine.on_request = engine_holds;
    t.engine.echo_body = true;
    client_send(&c, "POST /engine/ HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n");
    client_send_bytes(&c, body, 400);
    CLIENT_UNTIL(&c, t.engine.held);
    client_send_bytes(&c, body, 600);
    ck_assert(has(client_answer(&c, "HTTP/1.1 200"), body));
    client_send(&c, "POST /engine/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "3e8\r\n");
    client_send_bytes(&c, body, 1000);
    client_send(&c, "\r\n0\r\n\r\n");
    ck_assert(has(client_answer(&c, "HTTP/1.1 200"), body));
    stop();
}
END_TEST

static const struct {
    const char *text;
    const char *status;
} damaged[] = {
    {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400"},
    {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "HTTP/1.1 400"},
    {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "HTTP/1.1 505"},
    {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400"},
    {"GET / HTTP/1.1\nHost: a\n\n", "HTTP/1.1 400"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
     "0\r\n\r\nGET /engine/ HTTP/1.1\r\nHost: a\r\n\r\n",
     "HTTP/1.1 400"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
     "HTTP/1.1 400"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc", "HTTP/1.1 400"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", "HTTP/1.1 501"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 400"},
    {"GET / HTTP/1.1\r\nHost: a\r\n X: folded\r\n\r\n", "HTTP/1.1 400"},
    {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "HTTP/1.1 400"},
};

START_TEST(what_could_be_read_in_two_ways_is_refused) {
    start(front_options());
    client_send(&c, damaged[_i].text);
    if (damaged[_i].text[0] == '\x16') { /* ends at its NUL otherwise */
        client_send(&c, "\r\n\r\n");
    }
    ck_assert(has(client_answer(&c, damaged[_i].status), "Connection: close\r\n"));
    client_eof(&c);
    ck_assert_uint_eq(c.len, 0);
    ck_assert_uint_eq(t.engine.requests, 0);
    stop();
}
END_TEST

START_TEST(a_damaged_body_is_answered_once) {
    const char *text = "POST /engine/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "zz\r\n";
    start(front_options());
    t.engine.on_request = engine_holds;
    client_send(&c, text);
    client_answer(&c, "HTTP/1.1 400");
    client_eof(&c);
    ck_assert_int_eq(t.engine.abort_err, SIO_ERR_HTTP_CHUNK);
    client_close(&c);
    t.engine.on_request = engine_answers;
    client_open(&c, &t);
    client_send(&c, text);
    client_answer(&c, "HTTP/1.1 200");
    client_eof(&c);
    ck_assert_uint_eq(c.len, 0);
    stop();
}
END_TEST

START_TEST(heads_have_a_limit) {
    start(front_options());
    client_send(&c, "GET / HTTP/1.1\r\nHost: h\r\nX: ");
    char *long_line = malloc(65536);
    memset(long_line, 'x', 65536);
    client_send_bytes(&c, long_line, 65536);
    client_answer(&c, "HTTP/1.1 431");
    client_eof(&c);
    client_close(&c);
    free(long_line);
    client_open(&c, &t);
    client_send(&c, "GET / HTTP/1.1\r\nHost: h\r\n");
    for (int i = 0; i < 100; i++) {
        client_send(&c, "A: b\r\n");
    }
    client_send(&c, "\r\n");
    client_answer(&c, "HTTP/1.1 431");
    client_eof(&c);
    stop();
}
END_TEST

START_TEST(connections_have_a_limit) {
    front_client a, b;
    sio_front_options options = front_options();
    options.max_connections = 1;
    front_setup(&t, options);
    client_open(&a, &t);
    client_ask(&a, GET("/"), "HTTP/1.1 404");
    client_open(&b, &t);
    client_eof(&b);
    client_close(&b);
    shutdown(a.fd, SHUT_WR);
    CLIENT_UNTIL(&a, sio_front_count(t.front) == 0);
    client_close(&a);
    client_open(&b, &t);
    client_ask(&b, GET("/"), "HTTP/1.1 404");
    client_close(&b);
    front_teardown(&t);
}
END_TEST

/* ---- closing ---- */

START_TEST(closing_waits_for_answers_only) {
    front_client idle, held, late;
    front_setup(&t, front_options());
    t.engine.on_request = engine_holds;
    client_open(&idle, &t);
    client_ask(&idle, GET("/"), "HTTP/1.1 404");
    client_open(&held, &t);
    client_send(&held, GET("/engine/") GET("/"));
    CLIENT_UNTIL(&held, t.engine.held);
    sio_front_close(t.front, false);
    client_eof(&idle);
    client_open(&late, &t);
    client_eof(&late);
    ck_assert_uint_eq(sio_front_count(t.front), 1);
    sio_exchange_answer(t.engine.held, 200, NULL, front_bytes("last"), NULL);
    ck_assert(has(client_answer(&held, "HTTP/1.1 200"), "Connection: close\r\n"));
    client_eof(&held);
    ck_assert_uint_eq(held.len, 0);
    ck_assert_uint_eq(sio_front_count(t.front), 0);
    client_close(&idle);
    client_close(&held);
    client_close(&late);
    front_teardown(&t);
}
END_TEST

static void closes_front(sio_request *request, void *user) {
    sio_front_close(t.front, false);
    ck_assert_int_eq(sio_request_reply(request, 200, NULL, "bye", 3), 0);
    sio_front_close(t.front, false);
}

START_TEST(a_handler_may_close_the_front) {
    start(front_options());
    sio_front_on_request(t.front, closes_front, NULL);
    ck_assert(has(client_ask(&c, GET("/") GET("/"), "HTTP/1.1 200"), "bye"));
    client_eof(&c);
    ck_assert_uint_eq(c.len, 0);
    stop();
}
END_TEST

/* ---- memory ---- */

typedef struct cycle {
    sio_engine engine;
    sio_loop *loop;
    sio_front *front;
    struct event_base *base;
} cycle;

static int talk(cycle *run, int fd) {
    static const char text[] = GET(
        "/engine/") "POST /engine/ HTTP/1.1\r\nHost: h\r\nOrigin: http://a\r\n"
                    "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n" GET("/x");
    size_t half = sizeof(text) / 2;
    (void)!send(fd, text, half, MSG_NOSIGNAL);
    for (int i = 0; i < 4; i++) {
        event_base_loop(run->base, EVLOOP_NONBLOCK);
    }
    if (run->engine.held && run->engine.requests == 1) {
        sio_exchange *held = run->engine.held;
        run->engine.held = NULL;
        sio_exchange_answer(held, 200, "text/plain", front_bytes("late"), NULL);
    }
    (void)!send(fd, text + half, sizeof(text) - 1 - half, MSG_NOSIGNAL);
    for (int i = 0; i < 6; i++) {
        event_base_loop(run->base, EVLOOP_NONBLOCK);
    }
    char answer[2048];
    ssize_t n = recv(fd, answer, sizeof(answer) - 1, MSG_DONTWAIT);
    answer[n > 0 ? n : 0] = '\0';
    return has(answer, "late") && has(answer, "Allow-Origin: http://a") && has(answer, "ok") &&
                   has(answer, "app /x")
               ? 0
               : -1;
}

static void replies(sio_request *request, void *user) {
    (void)sio_request_add_header(request, "X-A", "b");
    (void)sio_request_reply(request, 200, "text/plain", "app /x", 6);
}

static int with_front(cycle *run, const sio_mem *mem) {
    const char *origins[] = {"http://a"};
    sio_server_cors cors = SIO_SERVER_CORS_INIT;
    cors.origins = origins;
    cors.origin_count = 1;
    sio_front_options options = front_options();
    options.engine = &run->engine;
    options.cors = &cors;
    int rc = sio_front_new(&run->front, run->loop, &options);
    if (rc == 0) {
        rc = sio_front_serve_dir(run->front, "/static", "/");
        sio_front_on_request(run->front, replies, NULL);
    }
    int fds[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    sio_stream *stream;
    if (rc == 0) {
        rc = sio_stream_adopt(&stream, run->loop, fds[0], NULL, 0, NULL, NULL);
    } else {
        close(fds[0]);
    }
    if (rc == 0) {
        sio_front_accept(run->front, stream);
        rc = talk(run, fds[1]);
    }
    close(fds[1]);
    sio_front_free(run->front);
    return rc;
}

static int scenario(const sio_mem *mem, void *arg) {
    cycle run = {.engine = {.on_request = engine_holds}, .base = event_base_new()};
    int rc = sio_loop_new(&run.loop, &(sio_loop_options){.base = run.base, .mem = mem});
    if (rc == 0) {
        rc = with_front(&run, mem);
        sio_loop_free(run.loop);
    }
    event_base_free(run.base);
    ck_assert_ptr_null(run.engine.held);
    return rc;
}

START_TEST(memory_may_run_out_anywhere) {
    test_mem_sweep(scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server_front");
    TCase *tc = tcase_create("all");
    tcase_add_test(tc, requests_go_where_their_path_says);
    tcase_add_test(tc, the_longest_prefix_wins);
    tcase_add_test(tc, bad_settings_are_refused);
    tcase_add_test(tc, pipelined_requests_are_answered_in_order);
    tcase_add_test(tc, byte_by_byte_is_the_same);
    tcase_add_test(tc, a_held_request_makes_later_ones_wait);
    tcase_add_test(tc, a_flood_behind_a_held_request_is_not_read);
    tcase_add_test(tc, a_large_read_behind_a_held_request_is_kept);
    tcase_add_test(tc, who_does_not_read_its_answers_gets_no_more);
    tcase_add_test(tc, half_closed_after_asking_is_answered);
    tcase_add_test(tc, a_lost_connection_aborts_its_request);
    tcase_add_test(tc, freeing_aborts_what_is_held);
    tcase_add_test(tc, a_slow_head_ends_in_408_whatever_arrives);
    tcase_add_test(tc, a_slow_body_ends_in_408);
    tcase_add_test(tc, a_large_body_has_its_time_again);
    tcase_add_test(tc, idle_connections_are_closed_but_held_ones_are_not);
    tcase_add_test(tc, who_reads_slowly_is_not_cut);
    tcase_add_test(tc, who_stops_reading_is_cut);
    tcase_add_test(tc, an_announced_body_over_the_limit_is_refused_early);
    tcase_add_test(tc, a_body_of_the_limit_is_taken);
    tcase_add_loop_test(tc, what_could_be_read_in_two_ways_is_refused, 0,
                        sizeof(damaged) / sizeof(damaged[0]));
    tcase_add_test(tc, a_damaged_body_is_answered_once);
    tcase_add_test(tc, heads_have_a_limit);
    tcase_add_test(tc, connections_have_a_limit);
    tcase_add_test(tc, closing_waits_for_answers_only);
    tcase_add_test(tc, a_handler_may_close_the_front);
    tcase_add_test(tc, memory_may_run_out_anywhere);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
