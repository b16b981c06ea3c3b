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
    bool keeps; /* parcels, instead of sending them */
    sio_parcel *kept;
} move_test;

static void arrives(void *ctx, sio_parcel *parcel) {
    sio_front_arrive(ctx, parcel);
}

static int where(move_test *m, const sio_http1_head *head, int here) {
    ck_assert_uint_ge(head->target.len, 8);
    m->asked++;
    int there = head->target.len > 8 && head->target.ptr[8] == '1';
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
        sio_parcel_post(parcel, to ? m->loop : m->t.loop, arrives, to ? m->front : m->t.front);
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

static void setup(move_test *m, sio_front_options options) {
    *m = (move_test){.keeps = false};
    options.counters = &m->counters[0];
    front_setup(&m->t, options);
    options.counters = &m->counters[1];
    options.engine = &m->engine;
    ck_assert_int_eq(sio_loop_new(&m->loop, &(sio_loop_options){.base = m->t.base}), 0);
    ck_assert_int_eq(sio_front_new(&m->front, m->loop, &options), 0);
    m->t.engine.on_request = m->engine.on_request = says_who;
    m->t.engine.echo_body = m->engine.echo_body = true;
    sio_front_set_elsewhere(m->t.front, &(sio_front_elsewhere){where_from_first, send_parcel, m});
    sio_front_set_elsewhere(m->front, &(sio_front_elsewhere){where_from_other, send_parcel, m});
}

static void teardown(move_test *m) {
    sio_parcel_free(m->kept);
    sio_front_free(m->front);
    ck_assert_uint_eq(sio_loop_stream_count(m->loop), 0);
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

int main(void) {
    Suite *suite = suite_create("server_front_move");
    TCase *tc = tcase_create("all");
    tcase_add_test(tc, a_request_goes_to_its_session);
    tcase_add_test(tc, pipelined_requests_are_answered_in_order);
    tcase_add_test(tc, byte_by_byte_is_the_same);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
