/* Namespaces hear of slow connections. */
#include "server_support.h"

#include <stdio.h>

typedef struct witness {
    server_test *t;
    unsigned slow, caught_up;
    bool free_server, disconnect;
} witness;

static void on_slow(sio_peer *peer, const sio_event *event, void *user) {
    witness *told = user;
    ck_assert_mem_eq(event->name.ptr, "slow", event->name.len);
    ck_assert_uint_gt(sio_peer_queued_bytes(peer), 3000);
    ck_assert_uint_gt(sio_peer_queued_messages(peer), 2);
    told->slow++;
    if (told->disconnect) {
        sio_peer_disconnect(peer, true);
    }
    if (told->free_server) {
        sio_server_free(told->t->server);
        told->t->server = NULL;
    }
}

static void on_caught_up(sio_peer *peer, const sio_event *event, void *user) {
    ((witness *)user)->caught_up++;
    ck_assert_mem_eq(event->name.ptr, "caught_up", event->name.len);
    ck_assert_uint_le(sio_peer_queued_bytes(peer), 500);
}

static void watch(server_test *t, const char *name, witness *told) {
    sio_namespace *ns = sio_server_of(t->server, name);
    ck_assert_int_eq(sio_namespace_on_slow(ns, on_slow, told), 0);
    ck_assert_int_eq(sio_namespace_on_caught_up(ns, on_caught_up, told), 0);
}

static void begin(server_test *t, witness *root, poller *p) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.high_watermark_bytes = 3000;
    options.low_watermark_bytes = 500;
    server_start(t, &options);
    root->t = t;
    watch(t, "/", root);
    poller_open(p, t, "EIO=4");
    poller_post(p, "40");
}

static void flood(server_test *t) {
    char text[101];
    memset(text, 'x', 100);
    text[100] = '\0';
    sio_target to = sio_namespace_target(sio_server_of(t->server, "/"));
    for (int i = 0; i < 40; i++) {
        ck_assert_int_eq(sio_target_emitf(&to, "news", "s", text), 0);
    }
}

/* Both namespaces of the client are told: they share its connection. */
START_TEST(each_namespace_is_told) {
    server_test t;
    poller p;
    witness root = {0}, chat = {0};
    begin(&t, &root, &p);
    watch(&t, "/chat", &chat);
    poller_post(&p, "40/chat");
    poller_poll(&p);
    poller_expect_status(&p, 200);
    flood(&t);
    ck_assert_uint_eq(root.slow, 0);
    server_until(&t, root.slow == 1 && chat.slow == 1);
    sio_counters now = SIO_COUNTERS_INIT;
    ck_assert_int_eq(sio_server_read_counters(t.server, &now), 0);
    ck_assert_uint_eq(now.sessions_slow, 1);
    ck_assert_uint_eq(now.slow_begun, 1);
    ck_assert_uint_gt(now.queue_bytes_max, 3000);
    poller_poll(&p);
    poller_expect_status(&p, 200);
    server_until(&t, root.caught_up == 1 && chat.caught_up == 1);
    sio_namespace *ns = sio_server_of(t.server, "/");
    ck_assert_int_eq(sio_namespace_off_slow(ns, on_slow, &root), 0);
    ck_assert_int_eq(sio_namespace_off_slow(ns, on_caught_up, &root), 0);
    ck_assert_int_eq(sio_namespace_off_slow(ns, on_slow, &root), SIO_ERR_NOT_FOUND);
    flood(&t);
    server_until(&t, chat.slow == 2);
    ck_assert_uint_eq(root.slow, 1);
    poller_close(&p);
    server_stop(&t);
}
END_TEST

START_TEST(a_handler_may_disconnect) {
    server_test t;
    poller p;
    witness root = {.disconnect = true}, chat = {0};
    begin(&t, &root, &p);
    watch(&t, "/chat", &chat);
    poller_post(&p, "40/chat");
    flood(&t);
    server_until(&t, root.slow == 1);
    server_settle(&t);
    ck_assert_uint_eq(chat.slow, 0); /* it has been disconnected, too */
    poller_close(&p);
    server_stop(&t);
}
END_TEST

START_TEST(a_handler_may_free_the_server) {
    server_test t;
    poller p;
    witness root = {.free_server = true};
    begin(&t, &root, &p);
    flood(&t);
    server_until(&t, root.slow == 1);
    poller_close(&p);
    server_stop(&t);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("peer pressure");
    TCase *tc = tcase_create("pressure");
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, each_namespace_is_told);
    tcase_add_test(tc, a_handler_may_disconnect);
    tcase_add_test(tc, a_handler_may_free_the_server);
    return test_run(suite);
}
