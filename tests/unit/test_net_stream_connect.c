#include "net_support.h"

#include "net/listener.h"

#include <errno.h>

typedef struct connect_test {
    sio_loop *loop;
    sio_listener *listener;
    net_peer client, server;
} connect_test;

static void on_accept(void *ctx, sio_stream *stream) {
    connect_test *t = ctx;
    sio_stream_free(t->server.stream);
    t->server.stream = stream;
    sio_stream_set_callbacks(stream, &net_peer_callbacks, &t->server);
}

static void setup(connect_test *t) {
    *t = (connect_test){.loop = net_loop(NULL)};
    sio_listener_options options = {.host = "127.0.0.1", .on_accept = on_accept, .ctx = t};
    ck_assert_int_eq(sio_listener_new(&t->listener, t->loop, &options, NULL), 0);
}

static void teardown(connect_test *t) {
    net_peer_free(&t->client);
    net_peer_free(&t->server);
    sio_listener_free(t->listener);
    ck_assert_uint_eq(sio_loop_stream_count(t->loop), 0);
    sio_loop_free(t->loop);
}

static int begin(connect_test *t, const sio_address *list, size_t count, uint64_t timeout_ms) {
    sio_stream_connect_options options = {.addresses = list,
                                          .address_count = count,
                                          .timeout_ms = timeout_ms,
                                          .callbacks = &net_peer_callbacks,
                                          .ctx = &t->client};
    return sio_stream_connect(&t->client.stream, t->loop, &options);
}

/* A port on which nobody listens: bound, so that no other process gets it meanwhile. */
static int closed_port(sio_address *out) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(sio_address_literal(out, "127.0.0.1", 0), 0);
    ck_assert_int_eq(bind(fd, &out->u.any, out->len), 0);
    ck_assert_int_eq(getsockname(fd, &out->u.any, &out->len), 0);
    return fd;
}

START_TEST(connects_and_sends_what_was_written_before) {
    connect_test t;
    setup(&t);
    sio_address address;
    sio_address peer;
    ck_assert_int_eq(sio_listener_address(t.listener, &address), 0);
    ck_assert_int_eq(begin(&t, &address, 1, 10000), 0);
    ck_assert_int_eq(sio_stream_peer(t.client.stream, &peer), SIO_ERR_STATE);
    ck_assert_int_eq(sio_stream_write(t.client.stream, "early", 5), 0);
    ck_assert_uint_eq(t.client.connects, 0);
    t.server.stop_len = 5;
    net_run(t.loop);
    ck_assert_mem_eq(t.server.bytes, "early", 5);
    ck_assert_uint_eq(t.client.connects, 1);
    ck_assert_uint_eq(t.server.connects, 0);
    ck_assert_int_eq(sio_stream_peer(t.client.stream, &peer), 0);
    ck_assert_uint_eq(sio_address_port(&peer), sio_listener_port(t.listener));
    ck_assert_int_eq(sio_stream_local(t.client.stream, &peer), 0);
    teardown(&t);
}
END_TEST

START_TEST(a_refusal_says_who_and_why) {
    connect_test t;
    setup(&t);
    sio_address address;
    int fd = closed_port(&address);
    ck_assert_int_eq(begin(&t, &address, 1, 0), 0);
    t.client.stop_error = true;
    net_run(t.loop);
    ck_assert_int_eq(t.client.err, SIO_ERR_CONNECT);
    ck_assert_int_eq(t.client.sys, ECONNREFUSED);
    ck_assert_ptr_nonnull(strstr(t.client.detail, "127.0.0.1"));
    close(fd);
    teardown(&t);
}
END_TEST

START_TEST(the_next_address_is_tried_at_once_when_one_fails) {
    connect_test t;
    setup(&t);
    sio_address list[4];
    int fd = closed_port(&list[0]);
    list[1] = list[0];
    list[2] = list[0];
    ck_assert_int_eq(sio_listener_address(t.listener, &list[3]), 0);
    ck_assert_int_eq(begin(&t, list, 4, 0), 0);
    t.client.stop_connect = true;
    net_run(t.loop);
    ck_assert_uint_eq(t.client.connects, 1);
    ck_assert_uint_eq(t.client.errors, 0);
    close(fd);
    teardown(&t);
}
END_TEST

START_TEST(a_silent_address_does_not_hold_up_the_next) {
    connect_test t;
    setup(&t);
    /* A full backlog drops what knocks: as silent as an unplugged host. */
    sio_address list[2];
    int full = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int knock[4];
    ck_assert_int_eq(sio_address_literal(&list[0], "127.0.0.1", 0), 0);
    ck_assert_int_eq(bind(full, &list[0].u.any, list[0].len), 0);
    ck_assert_int_eq(listen(full, 0), 0);
    ck_assert_int_eq(getsockname(full, &list[0].u.any, &list[0].len), 0);
    for (int i = 0; i < 4; i++) {
        knock[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(knock[i], &list[0].u.any, list[0].len);
    }
    ck_assert_int_eq(sio_listener_address(t.listener, &list[1]), 0);
    ck_assert_int_eq(begin(&t, list, 2, 0), 0);
    t.client.stop_connect = true;
    net_run(t.loop);
    sio_address peer;
    ck_assert_int_eq(sio_stream_peer(t.client.stream, &peer), 0);
    ck_assert_uint_eq(sio_address_port(&peer), sio_listener_port(t.listener));
    net_peer_free(&t.client);
    t.client = (net_peer){.stop_error = true};
    ck_assert_int_eq(begin(&t, list, 1, 20), 0);
    net_run(t.loop);
    ck_assert_int_eq(t.client.err, SIO_ERR_TIMEOUT);
    for (int i = 0; i < 4; i++) {
        close(knock[i]);
    }
    close(full);
    teardown(&t);
}
END_TEST

START_TEST(another_familys_addresses_are_skipped_with_a_local_one) {
    connect_test t;
    setup(&t);
    sio_address list[2];
    sio_address local;
    ck_assert_int_eq(sio_address_literal(&list[0], "::1", 1), 0);
    ck_assert_int_eq(sio_listener_address(t.listener, &list[1]), 0);
    ck_assert_int_eq(sio_address_literal(&local, "127.0.0.3", 0), 0);
    sio_stream_connect_options options = {.addresses = list,
                                          .address_count = 2,
                                          .local = &local,
                                          .callbacks = &net_peer_callbacks,
                                          .ctx = &t.client};
    ck_assert_int_eq(sio_stream_connect(&t.client.stream, t.loop, &options), 0);
    t.client.stop_connect = true;
    net_run(t.loop);
    char host[SIO_ADDRESS_TEXT_MAX];
    ck_assert_int_eq(sio_stream_local(t.client.stream, &local), 0);
    ck_assert_str_eq(sio_address_host(&local, host), "127.0.0.3");
    teardown(&t);
}
END_TEST

static void free_client(void *ctx) {
    connect_test *t = ctx;
    sio_stream_free(t->client.stream);
    t->client.stream = NULL;
    sio_loop_stop(t->loop);
}

static void free_on_error(void *ctx, const sio_stream_error *error) {
    free_client(ctx);
}

START_TEST(it_may_be_freed_while_connecting_and_in_its_callbacks) {
    static const sio_stream_callbacks callbacks = {.on_connected = free_client,
                                                   .on_error = free_on_error};
    connect_test t;
    setup(&t);
    sio_address good;
    sio_address bad;
    int fd = closed_port(&bad);
    ck_assert_int_eq(sio_listener_address(t.listener, &good), 0);
    ck_assert_int_eq(begin(&t, &good, 1, 1000), 0);
    sio_stream_free(t.client.stream);
    sio_stream_connect_options options = {
        .addresses = &good, .address_count = 1, .callbacks = &callbacks, .ctx = &t};
    ck_assert_int_eq(sio_stream_connect(&t.client.stream, t.loop, &options), 0);
    net_run(t.loop);
    options.addresses = &bad;
    ck_assert_int_eq(sio_stream_connect(&t.client.stream, t.loop, &options), 0);
    net_run(t.loop);
    ck_assert_ptr_null(t.client.stream);
    options.address_count = 0;
    ck_assert_int_eq(sio_stream_connect(&t.client.stream, t.loop, &options), SIO_ERR_INVALID);
    close(fd);
    teardown(&t);
}
END_TEST

static int connect_scenario(const sio_mem *mem, void *arg) {
    sio_loop *loop;
    int rc = sio_loop_new(&loop, &(sio_loop_options){.mem = mem});
    if (rc != 0) {
        return rc;
    }
    sio_address address;
    sio_stream *stream = NULL;
    ck_assert_int_eq(sio_address_literal(&address, "127.0.0.1", 1), 0);
    sio_stream_connect_options options = {
        .addresses = &address, .address_count = 1, .timeout_ms = 1000};
    rc = sio_stream_connect(&stream, loop, &options);
    sio_stream_free(stream);
    sio_loop_free(loop);
    return rc;
}

START_TEST(no_allocation_is_taken_for_granted) {
    test_mem_sweep(connect_scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("net_stream_connect");
    TCase *tc = tcase_create("net_stream_connect");
    tcase_set_timeout(tc, 40);
    tcase_add_test(tc, connects_and_sends_what_was_written_before);
    tcase_add_test(tc, a_refusal_says_who_and_why);
    tcase_add_test(tc, the_next_address_is_tried_at_once_when_one_fails);
    tcase_add_test(tc, a_silent_address_does_not_hold_up_the_next);
    tcase_add_test(tc, another_familys_addresses_are_skipped_with_a_local_one);
    tcase_add_test(tc, it_may_be_freed_while_connecting_and_in_its_callbacks);
    tcase_add_test(tc, no_allocation_is_taken_for_granted);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
