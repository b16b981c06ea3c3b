#include "crowd_support.h"

static crowd w;

static void start(void) {
    crowd_start(&w, NULL);
}

static void stop(void) {
    crowd_stop(&w);
}

static void *tag(const char *text) {
    return (void *)(uintptr_t)text;
}

static void on_out(sio_peer *peer, const sio_event *event, void *user) {
    int i = 0;
    while (i < CROWD && strcmp(w.ids[i], sio_peer_id(peer)) != 0) {
        i++;
    }
    crowd_note(&w, "%s%d:%.*s:%zu ", (const char *)user, i, (int)event->name.len, event->name.ptr,
               sio_event_count(event));
}

static void ignore_reply(const sio_event *reply, void *user) {
}

/* IO129 */
START_TEST(sees_what_is_emitted) {
    ck_assert_int_eq(sio_peer_on_any_outgoing(crowd_peer(&w, 0), on_out, tag("p")), 0);
    ck_assert_int_eq(sio_namespace_on_any_outgoing(w.root, on_out, tag("n")), 0);
    ck_assert_int_eq(sio_peer_emitf(crowd_peer(&w, 0), "x", "i i", 1, 2), 0);
    crowd_expect(&w, "n0:x:2 p0:x:2 ");
    ck_assert_int_eq(sio_peer_emit_ackf(crowd_peer(&w, 1), "ask", 0, ignore_reply, NULL, "n"), 0);
    crowd_expect(&w, "n1:ask:1 ");
    ck_assert_int_eq(sio_peer_emitf(crowd_peer(&w, 0), "connect", NULL), SIO_ERR_RESERVED);
    crowd_expect(&w, "");
    ws_expect(&w.c[0], "42[\"x\",1,2]");
}
END_TEST

/* IO130 */
START_TEST(sees_what_is_broadcast) {
    sio_target a = crowd_target(&w, "a");
    ck_assert_int_eq(sio_peer_on_any_outgoing(crowd_peer(&w, 0), on_out, tag("p")), 0);
    ck_assert_int_eq(sio_target_emitf(&a, "x", "i", 1), 0);
    crowd_expect(&w, "p0:x:1 ");
    ws_expect(&w.c[0], "42[\"x\",1]");
    ws_expect(&w.c[1], "42[\"x\",1]");
}
END_TEST

static void on_binary(sio_peer *peer, const sio_event *event, void *user) {
    sio_bytes data = sio_event_binary(event, 0);
    ck_assert_uint_eq(data.len, 3);
    ck_assert_mem_eq(data.ptr, "\1\2\3", 3);
    crowd_note(&w, "binary ");
}

/* IO131 */
START_TEST(sees_binary_as_it_is) {
    sio_target everyone = crowd_target(&w, NULL);
    ck_assert_int_eq(sio_peer_on_any_outgoing(crowd_peer(&w, 3), on_binary, NULL), 0);
    ck_assert_int_eq(sio_target_emitf(&everyone, "x", "B", "\1\2\3", (size_t)3), 0);
    crowd_expect(&w, "binary ");
}
END_TEST

/* IO132 IO133 */
START_TEST(has_an_order_and_an_end) {
    sio_peer *peer = crowd_peer(&w, 0);
    ck_assert_int_eq(sio_peer_off_any_outgoing(peer, on_out, tag("1")), SIO_ERR_NOT_FOUND);
    static char one[] = "1", two[] = "2", three[] = "3", four[] = "4";
    ck_assert_int_eq(sio_peer_on_any_outgoing(peer, on_out, one), 0);
    ck_assert_int_eq(sio_peer_prepend_any_outgoing(peer, on_out, two), 0);
    ck_assert_int_eq(sio_namespace_on_any_outgoing(w.root, on_out, three), 0);
    ck_assert_int_eq(sio_namespace_prepend_any_outgoing(w.root, on_out, four), 0);
    ck_assert_int_eq(sio_peer_send(peer, NULL), 0);
    crowd_expect(&w, "40:message:0 30:message:0 20:message:0 10:message:0 ");
    ck_assert_int_eq(sio_peer_off_any_outgoing(peer, on_out, two), 0);
    ck_assert_int_eq(sio_namespace_off_any_outgoing(w.root, on_out, four), 0);
    ck_assert_int_eq(sio_peer_send(peer, NULL), 0);
    crowd_expect(&w, "30:message:0 10:message:0 ");
}
END_TEST

static void disconnect(sio_peer *peer, const sio_event *event, void *user) {
    if (sio_event_is(event, "x")) {
        sio_peer_disconnect(crowd_peer(&w, *(int *)user), false);
    }
}

START_TEST(may_disconnect_anybody) {
    static int own = 0, other = 1;
    ck_assert_int_eq(sio_peer_on_any_outgoing(crowd_peer(&w, 0), disconnect, &own), 0);
    ck_assert_int_eq(sio_peer_emitf(crowd_peer(&w, 0), "x", NULL), SIO_ERR_DISCONNECTED);
    ws_expect(&w.c[0], "41");
    sio_target everyone = crowd_target(&w, NULL);
    ck_assert_int_eq(sio_peer_on_any_outgoing(crowd_peer(&w, 2), disconnect, &other), 0);
    ck_assert_int_eq(sio_target_emitf(&everyone, "x", NULL), 0);
    ws_expect(&w.c[3], "42[\"x\"]");
    ws_expect(&w.c[2], "42[\"x\"]");
    ck_assert_uint_eq(sio_namespace_peer_count(w.root), 2);
}
END_TEST

static void free_server(sio_peer *peer, const sio_event *event, void *user) {
    sio_server *server = w.t.server;
    w.t.server = NULL;
    sio_server_free(server);
}

START_TEST(may_free_the_server) {
    sio_target everyone = crowd_target(&w, NULL);
    ck_assert_int_eq(sio_peer_on_any_outgoing(crowd_peer(&w, 1), free_server, NULL), 0);
    sio_target_emitf(&everyone, "x", NULL);
    ck_assert_ptr_null(w.t.server);
}
END_TEST

/* What has gone costs the others nothing any more. */
START_TEST(goes_with_the_peer) {
    ck_assert_int_eq(sio_peer_on_any_outgoing(crowd_peer(&w, 0), on_out, tag("p")), 0);
    sio_peer_disconnect(crowd_peer(&w, 0), false);
    sio_target everyone = crowd_target(&w, NULL);
    ck_assert_int_eq(sio_target_emitf(&everyone, "x", NULL), 0);
    crowd_expect(&w, "");
}
END_TEST

static int add(crowd *c, void *arg) {
    return sio_peer_on_any_outgoing(crowd_peer(c, 0), on_out, tag("p"));
}

static int emit(crowd *c, void *arg) {
    sio_target everyone = crowd_target(c, NULL);
    return sio_target_emitf(&everyone, "x", "B", "\1", (size_t)1);
}

START_TEST(survives_short_memory) {
    crowd_sweep(&w, add, NULL);
    sio_target everyone = crowd_target(&w, "b");
    crowd_sweep(&w, emit, &everyone);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("peer_outgoing");
    TCase *tc = tcase_create("peer_outgoing");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, sees_what_is_emitted);
    tcase_add_test(tc, sees_what_is_broadcast);
    tcase_add_test(tc, sees_binary_as_it_is);
    tcase_add_test(tc, has_an_order_and_an_end);
    tcase_add_test(tc, may_disconnect_anybody);
    tcase_add_test(tc, may_free_the_server);
    tcase_add_test(tc, goes_with_the_peer);
    tcase_add_test(tc, survives_short_memory);
    return test_run(suite);
}
