#include "net_support.h"

#include "dial.h"

#include "net/listener.h"

typedef struct world {
    sio_loop *loop;
    sio_listener *listener;
    sio_stream *server;
    char host[64];
    sio_dial_target target;
    sio_dial dial;
    unsigned connects, errors, failures;
    int err;
    char detail[300];
} world;

static void accept_one(void *ctx, sio_stream *stream) {
    world *w = ctx;
    sio_stream_free(w->server);
    w->server = stream;
}

static void on_connected(void *ctx) {
    world *w = ctx;
    w->connects++;
    sio_dial_connected(&w->dial);
    sio_loop_stop(w->loop);
}

static void on_error(void *ctx, const sio_stream_error *error) {
    world *w = ctx;
    w->errors++;
    w->err = error->err;
    sio_loop_stop(w->loop);
}

static void on_failed(void *ctx, int err, const char *detail) {
    world *w = ctx;
    w->failures++;
    w->err = err;
    snprintf(w->detail, sizeof w->detail, "%s", detail);
    sio_loop_stop(w->loop);
}

static const sio_stream_callbacks callbacks = {.on_connected = on_connected, .on_error = on_error};

static void begin(world *w, const char *host) {
    memset(w, 0, sizeof *w);
    w->loop = net_loop(NULL);
    sio_listener_options options = {.host = "127.0.0.1", .on_accept = accept_one, .ctx = w};
    ck_assert_int_eq(sio_listener_new(&w->listener, w->loop, &options, NULL), 0);
    snprintf(w->host, sizeof w->host, "%s", host);
    w->target = (sio_dial_target){.host = w->host, .port = sio_listener_port(w->listener)};
    w->dial = (sio_dial){.loop = w->loop,
                         .target = &w->target,
                         .callbacks = &callbacks,
                         .on_failed = on_failed,
                         .ctx = w};
}

static void end(world *w) {
    sio_dial_cut(&w->dial);
    sio_stream_free(w->server);
    sio_listener_free(w->listener);
    sio_loop_free(w->loop);
}

/* The second connection asks nobody where the first one went. */
START_TEST(stays_with_the_first_server) {
    world w;
    begin(&w, "127.0.0.1");
    ck_assert_int_eq(sio_dial_start(&w.dial), 0);
    net_run(w.loop);
    ck_assert_uint_eq(w.connects, 1);
    ck_assert(w.target.has_peer);
    sio_dial_cut(&w.dial);
    ck_assert_ptr_null(w.dial.stream);
    snprintf(w.host, sizeof w.host, "no_such_host.invalid");
    ck_assert_int_eq(sio_dial_start(&w.dial), 0);
    net_run(w.loop);
    ck_assert_uint_eq(w.connects, 2);
    end(&w);
}
END_TEST

START_TEST(name_without_address) {
    world w;
    begin(&w, "no_such_host.invalid");
    ck_assert_int_eq(sio_dial_start(&w.dial), 0);
    ck_assert_uint_eq(w.failures, 0);
    net_run(w.loop);
    ck_assert_uint_eq(w.failures, 1);
    ck_assert_int_eq(w.err, SIO_ERR_RESOLVE);
    ck_assert_ptr_nonnull(strstr(w.detail, "no_such_host.invalid: "));
    ck_assert(!w.target.has_peer);
    end(&w);
}
END_TEST

START_TEST(nobody_listens) {
    world w;
    begin(&w, "127.0.0.1");
    sio_listener_free(w.listener);
    w.listener = NULL;
    ck_assert_int_eq(sio_dial_start(&w.dial), 0);
    net_run(w.loop);
    ck_assert_uint_eq(w.errors, 1);
    ck_assert_int_eq(w.err, SIO_ERR_CONNECT);
    end(&w);
}
END_TEST

START_TEST(cut_at_once) {
    world w;
    begin(&w, "127.0.0.1");
    ck_assert_int_eq(sio_dial_start(&w.dial), 0);
    sio_dial_cut(&w.dial);
    net_run_for(w.loop, 1);
    ck_assert_uint_eq(w.connects + w.errors + w.failures, 0);
    end(&w);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("client_dial");
    TCase *tc = tcase_create("dial");
    tcase_add_test(tc, stays_with_the_first_server);
    tcase_add_test(tc, name_without_address);
    tcase_add_test(tc, nobody_listens);
    tcase_add_test(tc, cut_at_once);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
