#include "server_front_support.h"

#include "counters.h"

/* Two fronts on two loops of one base: `t.front` listens; "/engine/1..." belongs to the other. */
typedef struct move_test {
    front_test t; /* first: clients drive its base */
    sio_loop *loop;
    sio_front *front;
    sio_engine engine;
    sio_counters counters[2];
    unsigned asked;
    bool keeps;          /* parcels, instead of sending them */
    test_mem *starve[2]; /* has no memory from when a connection leaves, or arrives */
    sio_parcel *kept;
} move_test;

static void starve(test_mem *mem) {
    if (mem) {
        mem->fail_at = mem->calls + 1;
        mem->fail_rest = true;
    }
}

static void arrives_at_first(void *ctx, sio_parcel *parcel) {
    sio_front_arrive(((move_test *)ctx)->t.front, parcel);
}

static void arrives_at_other(void *ctx, sio_parcel *parcel) {
    move_test *m = ctx;
    starve(m->starve[1]);
    sio_front_arrive(m->front, parcel);
}

static int where(move_test *m, const sio_http1_head *head, int here) {
    ck_assert_uint_ge(head->target.len, 8);
    m->asked++;
    int there = head->target.len > 8 && head->target.ptr[8] == '1';
    starve(m->starve[0]);
    return there == here ? -1 : there;
}

static int where_from_first(void *ctx, const sio_engine *engine, const sio_http1_head *head) {
    move_test *m = ctx;
    ck_assert_ptr_eq(engine, &m->t.engine);
    return where(m, head, 0);
}

static int where_from_other(void *ctx, const sio_engine *engine, const sio_http1_head *head) {
    move_test *m = ctx;
    ck_assert_ptr_eq(engine, &m->engine);
    return where(m, head, 1);
}

static void send_parcel(void *ctx, int to, sio_parcel *parcel) {
    move_test *m = ctx;
    if (m->keeps) {
        m->kept = parcel;
    } else {
        sio_parcel_post(parcel, to ? m->loop : m->t.loop, to ? arrives_at_other : arrives_at_first,
                        m);
    }
}

/* "0" or "1" and the path, or the body. */
static void says_who(sio_engine *engine, sio_exchange *exchange) {
    char text[128];
    sio_str target = sio_exchange_head(exchange)->target;
    if (sio_exchange_has_body(exchange)) {
        engine_holds(engine, exchange);
        return;
    }
    snprintf(text, sizeof text, "%.*s", SIO_STR_ARG(target));
    sio_exchange_answer(exchange, 200, "text/plain", front_bytes(text), NULL);
}

static void wire_fronts(move_test *m) {
    m->t.engine.on_request = m->engine.on_request = says_who;
    m->t.engine.echo_body = m->engine.echo_body = true;
    sio_front_set_elsewhere(m->t.front, &(sio_front_elsewhere){where_from_first, send_parcel, m});
    sio_front_set_elsewhere(m->front, &(sio_front_elsewhere){where_from_other, send_parcel, m});
}

static void setup(move_test *m, sio_front_options options) {
    *m = (move_test){.keeps = false};
    options.counters = &m->counters[0];
    front_setup(&m->t, options);
    options.counters = &m->counters[1];
    options.engine = &m->engine;
    ck_assert_int_eq(sio_loop_new(&m->loop, &(sio_loop_options){.base = m->t.base}), 0);
    ck_assert_int_eq(sio_front_new(&m->front, m->loop, &options), 0);
    wire_fronts(m);
}

static void teardown(move_test *m) {
    sio_parcel_free(m->kept);
    sio_front_free(m->front);
    sio_loop_free(m->loop);
    front_teardown(&m->t);
}

static void answer(front_client *c, const char *text) {
    const char *got = client_answer(c, "HTTP/1.1 200");
    ck_assert_str_eq(strstr(got, "\r\n\r\n") + 4, text);
}

START_TEST(a_request_goes_to_its_session) {
    move_test m;
    front_client c;
    setup(&m, front_options());
    client_open(&c, &m.t);
    client_send(&c, GET("/engine/0"));
    answer(&c, "/engine/0");
    ck_assert_uint_eq(sio_front_count(m.t.front), 1);
    client_send(&c, GET("/engine/1"));
    answer(&c, "/engine/1");
    ck_assert_uint_eq(sio_front_count(m.t.front), 0);
    ck_assert_uint_eq(sio_front_count(m.front), 1);
    ck_assert_uint_eq(sio_loop_stream_count(m.t.loop), 0);
    ck_assert_uint_eq(m.t.engine.requests, 1);
    ck_assert_uint_eq(m.engine.requests, 1);
    /* It stays there until somebody else is asked for; what is no engine's is answered anywhere. */
    client_send(&c, GET("/engine/1again"));
    answer(&c, "/engine/1again");
    client_ask(&c, GET("/none"), "HTTP/1.1 404");
    ck_assert_uint_eq(m.asked, 4);
    client_send(&c, GET("/engine/0back"));
    answer(&c, "/engine/0back");
    ck_assert_uint_eq(m.counters[0].connections_accepted, 1);
    ck_assert_uint_eq(m.counters[1].connections_accepted, 0);
    ck_assert_uint_eq(m.counters[0].connections_moved, 1);
    ck_assert_uint_eq(m.counters[1].connections_moved, 1);
    ck_assert_uint_eq(m.counters[0].http_2xx, 2);
    ck_assert_uint_eq(m.counters[1].http_2xx, 2);
    sio_front_set_elsewhere(m.t.front, NULL);
    client_send(&c, GET("/engine/1here"));
    answer(&c, "/engine/1here");
    ck_assert_uint_eq(m.t.engine.requests, 3);
    client_close(&c);
    teardown(&m);
}
END_TEST

/* Bodies of both framings, answers of both fronts, and the order of asking, for each way in which
 * the bytes may be cut. */
static const char mixed[] =
    GET("/engine/0a") "POST /engine/1 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello" GET(
        "/engine/1b") "POST /engine/0 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "3\r\nwor\r\n2\r\nld\r\n0\r\n\r\n" GET("/engine/1c") GET("/engine/0d");

static void takes_mixed(front_client *c) {
    static const char *const answers[] = {"/engine/0a", "hello",      "/engine/1b",
                                          "world",      "/engine/1c", "/engine/0d"};
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        answer(c, answers[i]);
    }
}

START_TEST(pipelined_requests_are_answered_in_order) {
    move_test m;
    setup(&m, front_options());
    for (size_t cut = 0; cut < sizeof mixed; cut++) {
        front_client c;
        client_open(&c, &m.t);
        client_send_bytes(&c, mixed, cut);
        for (int i = 0; i < 6; i++) {
            front_turn(&m.t);
        }
        client_send_bytes(&c, mixed + cut, sizeof mixed - 1 - cut);
        takes_mixed(&c);
        client_close(&c);
    }
    ck_assert_uint_eq(m.t.engine.requests, m.engine.requests);
    teardown(&m);
}
END_TEST

START_TEST(byte_by_byte_is_the_same) {
    move_test m;
    front_client c;
    setup(&m, front_options());
    client_open(&c, &m.t);
    for (size_t i = 0; i < sizeof mixed - 1; i++) {
        client_send_bytes(&c, mixed + i, 1);
        front_turn(&m.t);
        front_turn(&m.t);
    }
    takes_mixed(&c);
    client_close(&c);
    teardown(&m);
}
END_TEST

/* Who waits to be told to go on is told where the body is read. */
START_TEST(an_expected_100_comes_from_there) {
    move_test m;
    front_client c;
    setup(&m, front_options());
    client_open(&c, &m.t);
    client_send(&c, "POST /engine/1 HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
                    "Content-Length: 5\r\n\r\n");
    client_take(&c, "HTTP/1.1 100 Continue\r\n\r\n");
    ck_assert_uint_eq(sio_front_count(m.front), 1);
    client_send(&c, "hello");
    answer(&c, "hello");
    client_close(&c);
    teardown(&m);
}
END_TEST

/* ---- upgrades ---- */

static char behind[64];

static void upgrades(sio_engine *engine, sio_exchange *exchange) {
    sio_stream *stream;
    uint8_t *rest;
    size_t len;
    ck_assert(sio_exchange_head(exchange)->upgrade);
    ck_assert_int_eq(sio_exchange_upgrade(exchange, front_bytes("X: y\r\n"), &stream, &rest, &len),
                     0);
    snprintf(behind, sizeof behind, "%.*s", (int)len, (const char *)rest);
    sio_stream_close(stream, 1000);
}

START_TEST(what_lies_behind_an_upgrade_goes_along) {
    move_test m;
    front_client c;
    setup(&m, front_options());
    m.engine.on_request = upgrades;
    client_open(&c, &m.t);
    client_send(&c, GET("/engine/0") "GET /engine/1 HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n"
                                     "Upgrade: websocket\r\n\r\nfirst frames");
    answer(&c, "/engine/0");
    client_take(&c, "HTTP/1.1 101 Switching Protocols\r\n");
    ck_assert_str_eq(behind, "first frames");
    client_eof(&c);
    client_close(&c);
    teardown(&m);
}
END_TEST

/* ---- ends ---- */

static void keep_one(move_test *m, front_client *c, const char *text) {
    client_open(c, &m->t);
    m->keeps = true;
    client_send(c, text);
    CLIENT_UNTIL(c, m->kept != NULL);
    ck_assert_uint_eq(sio_front_count(m->t.front), 0);
}

static void deliver(move_test *m) {
    sio_parcel *parcel = m->kept;
    m->kept = NULL;
    m->keeps = false;
    sio_front_arrive(m->front, parcel);
}

START_TEST(a_client_may_leave_while_it_is_moved) {
    move_test m;
    front_client c;
    setup(&m, front_options());
    m.engine.on_request = engine_holds;
    keep_one(&m, &c, GET("/engine/1"));
    client_close(&c);
    deliver(&m);
    int64_t end = front_ms() + 20000;
    while (sio_front_count(m.front) > 0) {
        ck_assert(front_ms() < end);
        front_turn(&m.t);
    }
    ck_assert_uint_eq(m.engine.aborts, m.engine.requests);
    ck_assert_uint_eq(sio_loop_stream_count(m.loop), 0);
    teardown(&m);
}
END_TEST

/* A front whose sessions are ending still takes their polls; behind that nobody may come. */
START_TEST(a_front_that_closes_takes_polls_until_it_has_closed) {
    move_test m;
    front_client c;
    setup(&m, front_options());
    keep_one(&m, &c, GET("/engine/1"));
    sio_front_close(m.front, true);
    deliver(&m);
    answer(&c, "/engine/1");
    client_close(&c);
    keep_one(&m, &c, GET("/engine/1"));
    sio_front_close(m.front, false);
    deliver(&m);
    client_eof(&c);
    ck_assert_uint_eq(c.len, 0);
    ck_assert_uint_eq(m.counters[1].connections_refused_closing, 1);
    ck_assert_uint_eq(sio_front_count(m.front), 0);
    client_close(&c);
    teardown(&m);
}
END_TEST

START_TEST(what_is_under_way_when_all_ends_is_freed) {
    move_test m;
    front_client c;
    setup(&m, front_options());
    keep_one(&m, &c, GET("/engine/1"));
    teardown(&m);
    c.eof = false;
    char byte;
    ck_assert_int_eq(recv(c.fd, &byte, 1, 0), 0);
    client_close(&c);
}
END_TEST

/* ---- limits and deadlines ---- */

START_TEST(limits_hold_where_a_connection_was_accepted) {
    move_test m;
    front_client one;
    front_client two;
    sio_front_options options = front_options();
    options.max_per_address = 1;
    options.max_connections = 1;
    setup(&m, options);
    client_open(&one, &m.t);
    client_send(&one, GET("/engine/1"));
    answer(&one, "/engine/1");
    /* The first front has none any more, but still counts it for its address. */
    client_open(&two, &m.t);
    client_answer(&two, "HTTP/1.1 503");
    ck_assert_uint_eq(m.counters[0].connections_refused_address, 1);
    ck_assert_uint_eq(sio_front_count(m.front), 1);
    client_send(&one, GET("/engine/0"));
    answer(&one, "/engine/0");
    client_close(&two);
    client_open(&two, &m.t);
    client_answer(&two, "HTTP/1.1 503");
    ck_assert_uint_eq(m.counters[0].connections_refused_limit, 1);
    ck_assert_uint_eq(m.counters[1].connections_refused_limit, 0);
    ck_assert_uint_eq(m.counters[1].connections_refused_address, 0);
    client_close(&one);
    client_close(&two);
    teardown(&m);
}
END_TEST

/* Half a body, half of the next head, or nothing: each wait begins when the connection arrives. */
START_TEST(deadlines_begin_anew) {
    static const struct {
        const char *text;
        const char *last;
    } cases[] = {
        {"POST /engine/1 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe", "HTTP/1.1 408"},
        {GET("/engine/1") "GET /engine/1 HT", "HTTP/1.1 408"},
        {GET("/engine/1"), NULL},
    };
    move_test m;
    front_client c;
    sio_front_options options = front_options();
    options.header_timeout_ms = options.body_timeout_ms = options.idle_timeout_ms = 40;
    setup(&m, options);
    m.keeps = true;
    keep_one(&m, &c, cases[_i].text);
    int64_t end = front_ms() + 100;
    while (front_ms() < end) {
        client_step(&c);
    }
    ck_assert(!c.eof);
    deliver(&m);
    if (_i > 0) {
        answer(&c, "/engine/1");
    }
    if (cases[_i].last) {
        client_answer(&c, cases[_i].last);
    }
    client_eof(&c);
    ck_assert_uint_eq(m.counters[1].http_timeouts, cases[_i].last != NULL);
    client_close(&c);
    teardown(&m);
}
END_TEST

/* A large answer is still on its way when the next request is for the other front. */
static void says_much(sio_engine *engine, sio_exchange *exchange) {
    static char text[500000];
    memset(text, 'x', sizeof text);
    sio_exchange_answer(exchange, 200, "text/plain", (sio_bytes){(uint8_t *)text, sizeof text},
                        NULL);
}

START_TEST(an_answer_under_way_is_sent_to_its_end) {
    move_test m;
    front_client c;
    setup(&m, front_options());
    m.t.engine.on_request = says_much;
    client_open(&c, &m.t);
    client_send(&c, GET("/engine/0") GET("/engine/1") GET("/engine/0"));
    const char *got = client_answer(&c, "HTTP/1.1 200");
    ck_assert_uint_gt(strlen(got), 500000);
    answer(&c, "/engine/1");
    got = client_answer(&c, "HTTP/1.1 200");
    ck_assert_uint_gt(strlen(got), 500000);
    client_close(&c);
    teardown(&m);
}
END_TEST

/* A chain of moves in one read, each of which hands on what lies behind. */
START_TEST(many_moves_in_one_read) {
    enum { MANY = 500 };
    static const char *const texts[] = {GET("/engine/0"), GET("/engine/1")};
    move_test m;
    front_client c;
    setup(&m, front_options());
    client_open(&c, &m.t);
    size_t len = strlen(texts[0]);
    char *all = malloc(MANY * len);
    for (size_t i = 0; i < MANY; i++) {
        memcpy(all + i * len, texts[i % 2], len);
    }
    client_send_bytes(&c, all, MANY * len);
    for (int i = 0; i < MANY; i++) {
        answer(&c, i % 2 ? "/engine/1" : "/engine/0");
    }
    ck_assert_uint_eq(m.counters[0].connections_moved, MANY / 2);
    ck_assert_uint_eq(m.counters[1].connections_moved, MANY / 2 - 1);
    free(all);
    client_close(&c);
    teardown(&m);
}
END_TEST

/* ---- memory ---- */

static int talk(move_test *m, int fd) {
    char got[4096];
    (void)!send(fd, mixed, sizeof mixed - 1, MSG_NOSIGNAL);
    for (int i = 0; i < 30; i++) {
        event_base_loop(m->t.base, EVLOOP_NONBLOCK);
    }
    ssize_t n = recv(fd, got, sizeof got - 1, MSG_DONTWAIT);
    got[n > 0 ? n : 0] = '\0';
    if (n == 0) { /* cut: and nothing is left of it */
        ck_assert_uint_eq(sio_front_count(m->t.front) + sio_front_count(m->front), 0);
    }
    return has(got, "hello") && has(got, "world") && has(got, "/engine/0d") ? 0 : -1;
}

static int make_fronts(move_test *m) {
    sio_front_options options = front_options();
    options.max_per_address = 10;
    options.engine = &m->t.engine;
    options.counters = &m->counters[0];
    int rc = sio_front_new(&m->t.front, m->t.loop, &options);
    options.engine = &m->engine;
    options.counters = &m->counters[1];
    if (rc == 0) {
        rc = sio_front_new(&m->front, m->loop, &options);
    }
    if (rc == 0) {
        wire_fronts(m);
    }
    return rc;
}

/* One client on a pair of sockets, and `talks` to it. */
static int with_fronts(move_test *m, const sio_mem *mem, int (*talks)(move_test *m, int fd)) {
    m->t.base = event_base_new();
    sio_loop_options options = {.base = m->t.base, .mem = mem};
    sio_stream *stream;
    int fds[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    int rc = sio_loop_new(&m->t.loop, &options);
    if (rc == 0) {
        rc = sio_loop_new(&m->loop, &options);
    }
    if (rc == 0) {
        rc = make_fronts(m);
    }
    if (rc == 0) {
        rc = sio_stream_adopt(&stream, m->t.loop, fds[0], NULL, 0, NULL, NULL);
    } else {
        close(fds[0]);
    }
    if (rc == 0) {
        sio_front_accept(m->t.front, stream);
        rc = talks(m, fds[1]);
    }
    close(fds[1]);
    sio_front_free(m->t.front);
    sio_front_free(m->front);
    sio_loop_free(m->t.loop);
    sio_loop_free(m->loop);
    event_base_free(m->t.base);
    return rc;
}

static int scenario(const sio_mem *mem, void *arg) {
    move_test m = {.keeps = false};
    return with_fronts(&m, mem, talk);
}

START_TEST(memory_may_run_out_anywhere) {
    test_mem_sweep(scenario, NULL);
}
END_TEST

static int talk_in_vain(move_test *m, int fd) {
    static const char text[] = GET("/engine/1");
    char byte;
    (void)!send(fd, text, sizeof text - 1, MSG_NOSIGNAL);
    for (int i = 0; i < 10; i++) {
        event_base_loop(m->t.base, EVLOOP_NONBLOCK);
    }
    ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT);
    ck_assert(n == 0 || (n < 0 && errno == ECONNRESET));
    return 0;
}

START_TEST(a_move_that_fails_cuts_and_is_counted) {
    test_mem mem;
    test_mem_init(&mem);
    move_test m = {.keeps = false};
    m.starve[_i] = &mem;
    ck_assert_int_eq(with_fronts(&m, &mem.mem, talk_in_vain), 0);
    ck_assert_uint_eq(m.counters[_i].connections_move_failed, 1);
    ck_assert_uint_eq(m.counters[0].connections_moved, (unsigned)_i);
    ck_assert_uint_eq(m.engine.requests, 0);
    ck_assert_uint_eq(mem.live, 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server_front_move");
    TCase *tc = tcase_create("all");
    tcase_add_test(tc, a_request_goes_to_its_session);
    tcase_add_test(tc, pipelined_requests_are_answered_in_order);
    tcase_add_test(tc, byte_by_byte_is_the_same);
    tcase_add_test(tc, an_expected_100_comes_from_there);
    tcase_add_test(tc, what_lies_behind_an_upgrade_goes_along);
    tcase_add_test(tc, a_client_may_leave_while_it_is_moved);
    tcase_add_test(tc, a_front_that_closes_takes_polls_until_it_has_closed);
    tcase_add_test(tc, what_is_under_way_when_all_ends_is_freed);
    tcase_add_test(tc, limits_hold_where_a_connection_was_accepted);
    tcase_add_loop_test(tc, deadlines_begin_anew, 0, 3);
    tcase_add_test(tc, an_answer_under_way_is_sent_to_its_end);
    tcase_add_test(tc, many_moves_in_one_read);
    tcase_add_test(tc, memory_may_run_out_anywhere);
    tcase_add_loop_test(tc, a_move_that_fails_cuts_and_is_counted, 0, 2);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
