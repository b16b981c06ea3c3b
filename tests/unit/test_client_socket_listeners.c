/* Handlers by event, of every event, and of what leaves. */
#include "client_fixture.h"

static void named(sio_socket *socket, const sio_event *event, void *user) {
    trace("%s %.*s/%zu", (const char *)user, (int)event->name.len, event->name.ptr,
          sio_event_count(event));
}

START_TEST(prepended_catch_alls_run_first) { /* SS-28 SS-29 SS-30 */
    sio_socket *socket = client_connected(NULL);
    ck_assert_int_eq(sio_socket_on(socket, "e", named, tag("named")), 0);
    ck_assert_int_eq(sio_socket_on_any(socket, named, tag("any")), 0);
    ck_assert_int_eq(sio_socket_prepend_any(socket, named, tag("first")), 0);
    ck_assert_int_eq(sio_socket_prepend_any(socket, named, tag("earlier")), 0);
    ck_assert_uint_eq(sio_socket_handler_count(socket, NULL), 3);
    fake_text("2[\"e\",1]");
    EXPECT("earlier e/1", "first e/1", "any e/1", "named e/1");
    ck_assert_int_eq(sio_socket_off(socket, NULL, named, tag("first")), 0);
    fake_text("2[\"e\"]");
    EXPECT("earlier e/0", "any e/0", "named e/0");
    sio_socket_off_event(socket, NULL);
    fake_text("2[\"e\"]");
    EXPECT("named e/0");
}
END_TEST

START_TEST(removing_and_counting) { /* EM-08 EM-09 EM-10 EM-11 EM-12 EM-13 EM-14 EM-15 */
    sio_socket *socket = client_connected(NULL);
    ck_assert_uint_eq(sio_socket_handler_count(socket, "a"), 0);
    ck_assert_int_eq(sio_socket_on(socket, "a", named, tag("1")), 0);
    ck_assert_int_eq(sio_socket_on(socket, "a", named, tag("2")), 0);
    ck_assert_int_eq(sio_socket_on(socket, "b", named, tag("3")), 0);
    ck_assert_uint_eq(sio_socket_handler_count(socket, "a"), 2);
    ck_assert_int_eq(sio_socket_off(socket, "a", named, tag("1")), 0);
    ck_assert_uint_eq(sio_socket_handler_count(socket, "a"), 1);
    sio_socket_off_event(socket, "a");
    sio_socket_off_event(socket, "unknown");
    ck_assert_uint_eq(sio_socket_handler_count(socket, "a"), 0);
    fake_text("2[\"a\"]");
    fake_text("2[\"b\"]");
    EXPECT("3 b/0");
    sio_socket_off_all(socket);
    fake_text("2[\"b\"]");
    EXPECT_NOTHING();
    ck_assert_int_eq(sio_socket_once(socket, "a", named, tag("once")), 0); /* EM-06 */
    ck_assert_int_eq(sio_socket_off(socket, "a", named, tag("once")), 0);
    ck_assert_int_eq(sio_socket_off(socket, "a", named, tag("once")), SIO_ERR_NOT_FOUND);
}
END_TEST

START_TEST(outgoing_catch_alls) { /* SS-31 SS-32 SS-33 SS-34 */
    sio_socket *socket = client_connected(NULL);
    ck_assert_int_eq(sio_socket_on_any_outgoing(socket, trace_event, NULL), 0);
    ck_assert_int_eq(sio_socket_on_any_outgoing(socket, named, tag("second")), 0);
    ck_assert_int_eq(sio_socket_prepend_any_outgoing(socket, named, tag("first")), 0);
    ck_assert_uint_eq(sio_socket_outgoing_handler_count(socket), 3);
    ck_assert_int_eq(sio_socket_emitf(socket, "e", "i B", 1, "\x01\x02", (size_t)2), 0);
    EXPECT("first e/2", "/ e [1,{\"_placeholder\":true,\"num\":0}<0102>]", "second e/2",
           "> 51-[\"e\",1,{\"_placeholder\":true,\"num\":0}]", "> <0102>");
    ck_assert_int_eq(sio_socket_off_any_outgoing(socket, trace_event, NULL), 0);
    ck_assert_int_eq(sio_socket_emit(socket, "bare", NULL, NULL), 0);
    EXPECT("first bare/0", "second bare/0", "> 2[\"bare\"]");
    ck_assert_int_eq(sio_socket_emitf(socket, "connect", ""), SIO_ERR_RESERVED);
    EXPECT_NOTHING();
    sio_socket_off_all_outgoing(socket);
    ck_assert_int_eq(sio_socket_sendf(socket, "s", "x"), 0);
    ck_assert_int_eq(sio_socket_send(socket, NULL, NULL), 0);
    EXPECT("> 2[\"message\",\"x\"]", "> 2[\"message\"]");
}
END_TEST

START_TEST(kept_events_are_told_when_they_leave) {
    sio_socket *socket = client_socket(client_make(NULL), "/");
    ck_assert_int_eq(sio_socket_on_any_outgoing(socket, trace_event, NULL), 0);
    ck_assert_int_eq(sio_socket_emitf(socket, "a", "s", "x"), 0);
    ck_assert_int_eq(sio_socket_emitf(socket, "b", "B B", "\x01", (size_t)1, "\x02", (size_t)1), 0);
    fake_open();
    trace_clear();
    client_accept("/", "id");
    EXPECT("/ a [\"x\"]", "> 2[\"a\",\"x\"]",
           "/ b [{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}<01><02>]",
           "> 52-[\"b\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]",
           "> <01>", "> <02>", "/ connect");
}
END_TEST

static int what;

static void act(sio_socket *socket, const sio_event *event, void *user) {
    trace("watching %.*s", (int)event->name.len, event->name.ptr);
    if (what == 0) {
        sio_socket_disconnect(socket);
    } else if (what == 1) {
        sio_client_close(sio_socket_client(socket));
    } else if (what == 2) {
        sio_socket_clear_kept(socket);
    } else {
        client_forget(sio_socket_client(socket));
        sio_client_free(sio_socket_client(socket));
    }
}

/* A handler of what leaves may end everything, also while what was kept is sent. */
START_TEST(a_watcher_that_ends_it) {
    sio_emit_options o = SIO_EMIT_OPTIONS_INIT;
    o.on_ack = trace_reply;
    what = _i;
    sio_socket *socket = client_socket(client_make(NULL), "/");
    ck_assert_int_eq(sio_socket_on_any_outgoing(socket, act, NULL), 0);
    ck_assert_int_eq(sio_socket_emit(socket, "kept", NULL, &o), 0);
    fake_open();
    trace_clear();
    client_accept("/", "id");
    if (what == 0 || what == 1) { /* it stays kept */
        ck_assert_uint_eq(sio_socket_kept(socket), 1);
        ck_assert(!sio_socket_connected(socket));
    } else if (what == 2) {
        EXPECT("watching kept", "ack DISCARDED", "/ connect");
        ck_assert_int_eq(sio_socket_emit(socket, "now", NULL, &o), 0);
        EXPECT("watching now", "> 21[\"now\"]");
    } else {
        EXPECT("watching kept", "ack DISCONNECTED");
    }
    turn();
    trace_clear();
}
END_TEST

START_TEST(a_watcher_that_ends_an_emit) {
    sio_emit_options o = SIO_EMIT_OPTIONS_INIT;
    o.on_ack = trace_reply;
    sio_socket *socket = client_connected(NULL);
    ck_assert_int_eq(sio_socket_on_any_outgoing(socket, act, NULL), 0);
    what = _i;
    int rc = sio_socket_emit(socket, "now", NULL, &o);
    ck_assert_int_eq(rc, what == 3 ? SIO_ERR_DISCONNECTED : 0);
    if (what < 2) {
        ck_assert_uint_eq(sio_socket_kept(socket), 1);
    } else if (what == 3) {
        EXPECT("watching now");
    }
    turn();
    trace_clear();
}
END_TEST

static void client_event(sio_client *client, const sio_event *event, void *user) {
    trace("client's %.*s %s", (int)event->name.len, event->name.ptr,
          event->reason ? event->reason : "");
}

START_TEST(handlers_of_the_client) {
    sio_client *client = client_make(NULL);
    ck_assert_int_eq(sio_client_once(client, "open", client_event, NULL), 0);
    ck_assert_int_eq(sio_client_on(client, "upgrade", client_event, NULL), 0);
    ck_assert_uint_eq(sio_client_handler_count(client, "open"), 2);
    client_socket(client, "/");
    fake_open();
    fake_upgrade();
    EXPECT("attempt", "client open", "client's open ", "> 0", "client's upgrade websocket");
    ck_assert_uint_eq(sio_client_handler_count(client, "open"), 1);
    sio_client_off_event(client, "upgrade");
    fake_upgrade();
    EXPECT_NOTHING();
    sio_client_off_all(client);
    fake_cut();
    EXPECT_NOTHING();
}
END_TEST

int main(void) {
    Suite *suite = suite_create("client_socket_listeners");
    TCase *tc = tcase_create("listeners");
    tcase_add_checked_fixture(tc, client_setup, client_teardown);
    tcase_add_test(tc, prepended_catch_alls_run_first);
    tcase_add_test(tc, removing_and_counting);
    tcase_add_test(tc, outgoing_catch_alls);
    tcase_add_test(tc, kept_events_are_told_when_they_leave);
    tcase_add_loop_test(tc, a_watcher_that_ends_it, 0, 4);
    tcase_add_loop_test(tc, a_watcher_that_ends_an_emit, 0, 4);
    tcase_add_test(tc, handlers_of_the_client);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
