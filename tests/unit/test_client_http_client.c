#include "net_support.h"

#include "http_client.h"

#include "net/listener.h"

enum { MAX_ANSWERS = 8 };

/* A server that answers each request it gets with the next text, and may then close. */
typedef struct world {
    sio_loop *loop;
    sio_listener *listener;
    sio_stream *conns[MAX_ANSWERS];
    unsigned accepted, answered;
    const char *answers[MAX_ANSWERS]; /* NULL: close without one */
    bool close_behind[MAX_ANSWERS];
    sio_dial_target target;
    sio_http_client *client;
    unsigned responses, failures;
    int status, err;
    bool octets, free_inside, again_inside;
    char body[256], detail[300];
    size_t body_len;
} world;

static void serve(world *w, sio_stream *conn);

typedef struct peer {
    world *w;
    unsigned index;
} peer;
static peer peers[MAX_ANSWERS];

static void server_read(void *ctx, uint8_t *data, size_t len) {
    peer *p = ctx;
    if (len >= 4 && memcmp(data + len - 4, "\r\n\r\n", 4) == 0) {
        serve(p->w, p->w->conns[p->index]);
    }
}

static void server_eof(void *ctx) {
    peer *p = ctx;
    sio_stream_free(p->w->conns[p->index]);
    p->w->conns[p->index] = NULL;
}

static void server_error(void *ctx, const sio_stream_error *error) {
    server_eof(ctx);
}

static const sio_stream_callbacks server_callbacks = {
    .on_read = server_read, .on_eof = server_eof, .on_error = server_error};

static void forget(world *w, sio_stream *conn) {
    for (unsigned i = 0; i < w->accepted; i++) {
        if (w->conns[i] == conn) {
            w->conns[i] = NULL;
        }
    }
}

static void serve(world *w, sio_stream *conn) {
    unsigned at = w->answered++;
    ck_assert_uint_lt(at, MAX_ANSWERS);
    const char *text = w->answers[at];
    size_t len = text ? strlen(text) : 0;
    if (len > 0) {
        ck_assert_int_eq(sio_stream_write(conn, text, len), 0);
    }
    if (!text || w->close_behind[at]) {
        forget(w, conn);
        sio_stream_close(conn, 1000);
    }
}

static void accept_one(void *ctx, sio_stream *stream) {
    world *w = ctx;
    ck_assert_uint_lt(w->accepted, MAX_ANSWERS);
    unsigned index = w->accepted++;
    w->conns[index] = stream;
    peers[index] = (peer){w, index};
    sio_stream_set_callbacks(stream, &server_callbacks, &peers[index]);
}

static void ask(world *w) {
    sio_buf *out = sio_http_client_begin(w->client);
    ck_assert_uint_eq(out->len, 0);
    ck_assert_int_eq(sio_buf_add_text(out, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"), 0);
    ck_assert_int_eq(sio_http_client_send(w->client), 0);
    ck_assert(sio_http_client_busy(w->client));
}

static void on_response(void *ctx, const sio_http_response *response) {
    world *w = ctx;
    sio_loop_stop(w->loop);
    w->responses++;
    w->status = response->status;
    w->octets = response->octets;
    w->body_len = response->len;
    ck_assert(!sio_http_client_busy(w->client));
    if (w->free_inside) {
        sio_http_client_free(w->client, 0);
        w->client = NULL;
    } else if (w->again_inside) {
        w->again_inside = false;
        ask(w);
    }
    snprintf(w->body, sizeof w->body, "%.*s", (int)response->len, (const char *)response->body);
}

static void on_failed(void *ctx, const sio_transport_end *end) {
    world *w = ctx;
    sio_loop_stop(w->loop);
    w->failures++;
    w->err = end->err;
    w->status = end->http_status;
    snprintf(w->detail, sizeof w->detail, "%s", end->detail);
    if (w->free_inside) {
        sio_http_client_free(w->client, 0);
        w->client = NULL;
    }
}

static const sio_http_client_callbacks callbacks = {.on_response = on_response,
                                                    .on_failed = on_failed};

static world t;

static void begin(void) {
    memset(&t, 0, sizeof t);
    t.loop = net_loop(NULL);
    sio_listener_options options = {.host = "127.0.0.1", .on_accept = accept_one, .ctx = &t};
    ck_assert_int_eq(sio_listener_new(&t.listener, t.loop, &options, NULL), 0);
    static char host[] = "127.0.0.1";
    t.target = (sio_dial_target){.host = host, .port = sio_listener_port(t.listener)};
    ck_assert_int_eq(sio_http_client_new(&t.client, t.loop, &t.target,
                                         &(sio_http_client_limits){.max_body = 100}, &callbacks,
                                         &t),
                     0);
}

static void end(void) {
    sio_http_client_free(t.client, 0);
    for (unsigned i = 0; i < t.accepted; i++) {
        sio_stream_free(t.conns[i]);
    }
    sio_listener_free(t.listener);
    sio_loop_free(t.loop);
}

static void wait_for(unsigned responses, unsigned failures) {
    while (t.responses < responses || t.failures < failures) {
        net_run(t.loop);
    }
    ck_assert_uint_eq(t.responses, responses);
    ck_assert_uint_eq(t.failures, failures);
}

/* The next request, and the body that it is answered with. */
static void get(const char *body) {
    ask(&t);
    wait_for(t.responses + 1, t.failures);
    ck_assert_str_eq(t.body, body);
}

#define OK "HTTP/1.1 200 OK\r\n"
#define OK_1 OK "Content-Length: 1\r\n\r\n"

START_TEST(kept_alive) {
    t.answers[0] = OK "Content-Length: 5\r\n\r\nfirst";
    t.answers[1] = OK "Content-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "3\r\nsec\r\n3\r\nond\r\n0\r\n\r\n";
    t.answers[2] = "HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n";
    get("first");
    get("second");
    ck_assert(t.octets);
    ask(&t);
    wait_for(3, 0);
    ck_assert_int_eq(t.status, 404);
    ck_assert(!t.octets);
    ck_assert_uint_eq(t.accepted, 1);
    ck_assert(t.target.has_peer);
}
END_TEST

START_TEST(next_request_inside_the_response) {
    t.again_inside = true;
    t.answers[0] = OK "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n";
    t.answers[1] = OK_1 "c";
    get("ab");
    wait_for(2, 0);
    ck_assert_str_eq(t.body, "c");
    ck_assert_uint_eq(t.accepted, 1);
}
END_TEST

START_TEST(closed_between_requests) {
    t.answers[0] = OK_1 "a";
    t.answers[1] = OK_1 "b";
    t.close_behind[0] = true;
    ask(&t);
    wait_for(1, 0);
    net_run_for(t.loop, 20);
    get("b");
    ck_assert_uint_eq(t.accepted, 2);
}
END_TEST

/* The server may have acted on it (RFC 9110 §9.2.2). */
START_TEST(a_request_is_never_sent_twice) {
    t.answers[0] = OK_1 "a";
    t.answers[2] = OK_1 "b";
    ask(&t);
    wait_for(1, 0);
    ask(&t);
    wait_for(1, 1);
    ck_assert_int_eq(t.err, SIO_ERR_HTTP_TRUNCATED);
    ck_assert_uint_eq(t.answered, 2);
    get("b");
    ck_assert_uint_eq(t.accepted, 2);
}
END_TEST

/* A connection that its server is about to close is not used again. */
START_TEST(what_the_server_says_of_waiting) {
    static const struct {
        const char *value;
        unsigned connections;
    } rows[] = {
        {"timeout=1", 2},          {"timeout=0", 2},     {"max=100, TIMEOUT=1", 2},
        {"timeout=5, max=100", 1}, {"timeout=600", 1},   {"timeout=99999999999999999999", 1},
        {"timeout=", 1},           {"timeout=1x, ,", 1},
    };
    char answer[200];
    snprintf(answer, sizeof answer, OK "Keep-Alive: %s\r\nContent-Length: 1\r\n\r\na",
             rows[_i].value);
    t.answers[0] = answer;
    t.answers[1] = OK_1 "b";
    ask(&t);
    wait_for(1, 0);
    get("b");
    ck_assert_uint_eq(t.accepted, rows[_i].connections);
}
END_TEST

/* A connection that never answered gets no second chance. */
START_TEST(closed_at_first) {
    t.free_inside = _i;
    ask(&t);
    wait_for(0, 1);
    ck_assert_int_eq(t.err, SIO_ERR_HTTP_TRUNCATED);
    ck_assert_int_eq(t.status, 0);
    ck_assert_str_ne(t.detail, "");
}
END_TEST

START_TEST(body_until_the_end) {
    t.answers[0] = OK "\r\nall there is";
    t.close_behind[0] = true;
    get("all there is");
}
END_TEST

START_TEST(connection_close) {
    t.answers[0] = OK "Connection: close\r\nContent-Length: 1\r\n\r\na";
    t.answers[1] = OK_1 "b";
    ask(&t);
    wait_for(1, 0);
    ask(&t);
    wait_for(2, 0);
    ck_assert_uint_eq(t.accepted, 2);
}
END_TEST

START_TEST(bytes_nobody_asked_for) {
    t.answers[0] = OK_1 "a" OK_1 "z";
    t.answers[1] = OK_1 "b";
    get("a");
    get("b");
    ck_assert_uint_eq(t.accepted, 2);
}
END_TEST

START_TEST(bad_responses) {
    static const struct {
        const char *answer;
        int err, status;
    } cases[] = {
        {"nonsense\r\n\r\n", SIO_ERR_HTTP_SYNTAX, 0},
        {OK "Content-Length: 101\r\n\r\n", SIO_ERR_HTTP_BODY_TOO_LARGE, 0},
        {OK "Content-Length: 9\r\n\r\nshort", SIO_ERR_HTTP_TRUNCATED, 200},
        {OK "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", SIO_ERR_HTTP_LENGTH, 0},
        {OK "Transfer-Encoding: chunked\r\n\r\nx\r\n", SIO_ERR_HTTP_CHUNK, 200},
        {OK "Content-Encoding: br\r\nContent-Length: 1\r\n\r\nx", SIO_ERR_HTTP_ENCODING, 200},
        {"HTTP/1.1 200", SIO_ERR_HTTP_TRUNCATED, 0},
    };
    t.answers[0] = cases[_i].answer;
    t.close_behind[0] = true;
    ask(&t);
    wait_for(0, 1);
    ck_assert_str_eq(sio_error_name(t.err), sio_error_name(cases[_i].err));
    ck_assert_int_eq(t.status, cases[_i].status);
    ck_assert_uint_eq(t.accepted, 1);
}
END_TEST

START_TEST(freed_inside_the_response) {
    t.free_inside = true;
    t.answers[0] = _i ? OK "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n"
                      : OK "Content-Length: 2\r\n\r\nab";
    get("ab"); /* read after it was freed */
}
END_TEST

START_TEST(freed_while_busy) {
    t.answers[0] = OK_1 "a";
    ask(&t);
    if (_i == 1) {
        net_run_for(t.loop, 0);
    }
    sio_http_client_free(t.client, _i == 2 ? 1000 : 0);
    t.client = NULL;
    net_run_for(t.loop, 1);
    ck_assert_uint_eq(t.responses + t.failures, 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("client_http_client");
    TCase *tc = tcase_create("requests");
    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, kept_alive);
    tcase_add_test(tc, next_request_inside_the_response);
    tcase_add_test(tc, closed_between_requests);
    tcase_add_test(tc, a_request_is_never_sent_twice);
    tcase_add_loop_test(tc, what_the_server_says_of_waiting, 0, 8);
    tcase_add_loop_test(tc, closed_at_first, 0, 2);
    tcase_add_test(tc, body_until_the_end);
    tcase_add_test(tc, connection_close);
    tcase_add_test(tc, bytes_nobody_asked_for);
    tcase_add_loop_test(tc, bad_responses, 0, 7);
    tcase_add_loop_test(tc, freed_inside_the_response, 0, 2);
    tcase_add_loop_test(tc, freed_while_busy, 0, 3);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
