#include "crowd_support.h"

static crowd w;
static sio_remote_peer view;
static unsigned replies;

static void start(void) {
    crowd_start(&w, NULL);
    view = (sio_remote_peer){.size = sizeof(view), .ns = w.root, .id = w.ids[2]};
    replies = 0;
}

static void stop(void) {
    crowd_stop(&w);
}

static void on_reply(const sio_event *reply, void *user) {
    replies++;
    crowd_note(&w, "%d:%zu:%s ", reply->status, sio_event_count(reply), sio_event_string(reply, 0));
}

/* IO177: nothing but the id is needed */
START_TEST(is_reached_by_its_id) {
    sio_args *args;
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    ck_assert_int_eq(sio_args_addf(args, "i", 1), 0);
    ck_assert_int_eq(sio_remote_peer_emit(&view, "x", args), 0);
    ws_expect(&w.c[2], "42[\"x\",1]");
    sio_args_unref(args);
    ck_assert_int_eq(sio_remote_peer_join(&view, "c"), 0);
    ck_assert(sio_peer_in_room(crowd_peer(&w, 2), "c"));
    sio_target c = crowd_target(&w, "c");
    ck_assert_int_eq(sio_target_count(&c), 1);
    ck_assert_int_eq(sio_remote_peer_leave(&view, "c"), 0);
    ck_assert_int_eq(sio_target_count(&c), 0);
    ck_assert_int_eq(sio_remote_peer_disconnect(&view, true), 0);
    ws_expect(&w.c[2], "41");
    ws_expect_close(&w.c[2], 0);
    ck_assert_uint_eq(sio_namespace_peer_count(w.root), 3);
}
END_TEST

START_TEST(acknowledges) {
    ck_assert_int_eq(sio_remote_peer_emit_ack(&view, "q", NULL, 10000, on_reply, NULL), 0);
    crowd_answer(&w, 2, "\"yes\",2");
    server_until(&w.t, replies == 1);
    crowd_expect(&w, "0:2:yes ");
    ck_assert_int_eq(sio_remote_peer_emit_ack(&view, "q", NULL, 20, on_reply, NULL), 0);
    server_until(&w.t, replies == 2);
    crowd_expect(&w, "-8:0: ");
}
END_TEST

START_TEST(may_be_gone) {
    sio_peer_disconnect(crowd_peer(&w, 2), false);
    ck_assert_int_eq(sio_remote_peer_emit(&view, "x", NULL), 0);
    ck_assert_int_eq(sio_remote_peer_emit_ack(&view, "q", NULL, 10000, on_reply, NULL), 0);
    server_until(&w.t, replies == 1);
    crowd_expect(&w, "-9:0: ");
    ck_assert_int_eq(sio_remote_peer_emit_ack(&view, "connect", NULL, 10000, on_reply, NULL),
                     SIO_ERR_RESERVED);
}
END_TEST

START_TEST(ends_with_the_server) {
    ck_assert_int_eq(sio_remote_peer_emit_ack(&view, "q", NULL, 10000, on_reply, NULL), 0);
    sio_server_free(w.t.server);
    w.t.server = NULL;
    crowd_expect(&w, "-9:0: ");
}
END_TEST

static int ask(crowd *c, void *arg) {
    return sio_remote_peer_emit_ack(&view, "q", NULL, 10000, on_reply, NULL);
}

START_TEST(survives_short_memory) {
    crowd_sweep(&w, ask, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("remote_peer");
    TCase *tc = tcase_create("remote_peer");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, is_reached_by_its_id);
    tcase_add_test(tc, acknowledges);
    tcase_add_test(tc, may_be_gone);
    tcase_add_test(tc, ends_with_the_server);
    tcase_add_test(tc, survives_short_memory);
    return test_run(suite);
}
