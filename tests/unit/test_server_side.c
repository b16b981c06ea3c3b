#include "crowd_support.h"

#include <sio/sys/ack.h>

static crowd w;
static unsigned replies;

static void start(void) {
    crowd_start(&w, NULL);
    replies = 0;
}

static void stop(void) {
    crowd_stop(&w);
}

static void on_reply(const sio_server_side_reply *reply, void *user) {
    replies++;
    crowd_note(&w, "%d:%zu ", reply->status, reply->count);
}

START_TEST(has_nobody_to_talk_to) {
    ck_assert_int_eq(sio_namespace_server_side_emit(w.root, "hello", NULL, 0, NULL, NULL),
                     SIO_ERR_UNSUPPORTED);
    ck_assert_int_eq(sio_namespace_server_side_emit(w.root, "hello", NULL, 0, on_reply, NULL), 0);
    ck_assert_uint_eq(replies, 0);
    server_until(&w.t, replies == 1);
    crowd_expect(&w, "0:0 ");
}
END_TEST

START_TEST(refuses_reserved_names) {
    static const char *const names[] = {"connect", "connection", "new_namespace"};
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(sio_namespace_server_side_emit(w.root, names[i], NULL, 0, on_reply, NULL),
                         SIO_ERR_RESERVED);
    }
    ck_assert_int_eq(sio_namespace_server_side_emit(w.root, "connections", NULL, 0, on_reply, NULL),
                     0);
}
END_TEST

START_TEST(ends_with_the_server) {
    ck_assert_int_eq(sio_namespace_server_side_emit(w.root, "hello", NULL, 0, on_reply, NULL), 0);
    sio_server_free(w.t.server);
    w.t.server = NULL;
    crowd_expect(&w, "-9:0 ");
}
END_TEST

static void on_event(sio_namespace *ns, const sio_event *event, void *user) {
    ck_assert_ptr_eq(ns, w.root);
    crowd_note(&w, "%.*s:%zu%s ", (int)event->name.len, event->name.ptr, sio_event_count(event),
               event->ack ? "?" : "");
    if (event->ack) {
        ck_assert_int_eq(sio_ack_sendf(event->ack, "s", "answer"), 0);
    }
}

static int send_ack(void *owner, uint64_t id, const sio_args *args) {
    crowd_note(&w, "ack%d:%s ", (int)id, sio_args_string(args, 0));
    return 0;
}

static void keep(void *owner) {
}

/* What an adapter does with the event of another server. */
START_TEST(hands_out_events_of_others) {
    static const sio_ack_source source = {send_ack, keep, keep};
    sio_adapter_event event = {.size = sizeof(event), .name = SIO_STR("hello")};
    sio_ack ack;
    ck_assert_int_eq(sio_namespace_on_server_side(w.root, "hello", on_event, NULL), 0);
    sio_adapter_local_server_side(w.root, &event, NULL);
    crowd_expect(&w, "hello:0 ");
    sio_args *args = NULL;
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    ck_assert_int_eq(sio_args_addf(args, "i i", 1, 2), 0);
    event.args = args;
    sio_ack_begin(&ack, &source, &w, 9, NULL);
    sio_adapter_local_server_side(w.root, &event, &ack);
    sio_ack_end(&ack);
    crowd_expect(&w, "hello:2? ack9:answer ");
    sio_args_unref(args);
    event.name = SIO_STR("other");
    event.args = NULL;
    sio_adapter_local_server_side(w.root, &event, NULL);
    ck_assert_int_eq(sio_namespace_off_server_side(w.root, "other", on_event, NULL),
                     SIO_ERR_NOT_FOUND);
    ck_assert_int_eq(sio_namespace_off_server_side(w.root, "hello", on_event, NULL), 0);
    event.name = SIO_STR("hello");
    sio_adapter_local_server_side(w.root, &event, NULL);
    crowd_expect(&w, "");
}
END_TEST

static int ask(crowd *c, void *arg) {
    return sio_namespace_server_side_emit(c->root, "hello", NULL, 0, on_reply, NULL);
}

START_TEST(survives_short_memory) {
    crowd_sweep(&w, ask, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server_side");
    TCase *tc = tcase_create("server_side");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, has_nobody_to_talk_to);
    tcase_add_test(tc, refuses_reserved_names);
    tcase_add_test(tc, ends_with_the_server);
    tcase_add_test(tc, hands_out_events_of_others);
    tcase_add_test(tc, survives_short_memory);
    return test_run(suite);
}
