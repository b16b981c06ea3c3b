#include "server_support.h"

#include <stdio.h>

static server_test t;
static sio_namespace *root;
static raw_client c;
static sio_peer *peer;
static char notes[256];

static void note(sio_peer *from, const sio_event *event, void *user) {
    snprintf(notes + strlen(notes), sizeof(notes) - strlen(notes), "%s ", (const char *)user);
}

static void *tag(const char *text) {
    return (void *)(uintptr_t)text;
}

static void join(void) {
    char id[64];
    ws_join(&c, &t, "40", id);
    peer = sio_namespace_find(root, id);
    ck_assert_ptr_nonnull(peer);
}

static void start(void) {
    notes[0] = '\0';
    server_start(&t, NULL);
    root = sio_server_of(t.server, "/");
}

static void stop(void) {
    server_stop(&t);
}

/* Send an event, and wait until it was handed out. */
static void deliver(const char *packet) {
    char mark[] = "mark ";
    ws_text(&c, packet);
    sio_namespace_once(root, "mark", note, tag("mark"));
    ws_text(&c, "42[\"mark\"]");
    server_until(&t, strstr(notes, mark));
    *strstr(notes, mark) = '\0';
}

/* IO39 IO40 IO44 */
START_TEST(connect_comes_before_connection) {
    sio_namespace_on_connection(root, note, tag("connection"));
    sio_namespace_on_connection(root, note, tag("second"));
    sio_namespace_on_connect(root, note, tag("connect"));
    sio_namespace_once_connection(root, note, tag("once"));
    join();
    ck_assert_str_eq(notes, "connect connection second once ");
    raw_close(&c);
    notes[0] = '\0';
    ck_assert_int_eq(sio_namespace_off_connection(root, note, tag("second")), 0);
    ck_assert_int_eq(sio_namespace_off_connection(root, note, tag("second")), SIO_ERR_NOT_FOUND);
    ck_assert_int_eq(sio_namespace_off_connection(root, note, tag("connect")), 0);
    join();
    ck_assert_str_eq(notes, "connection ");
    raw_close(&c);
}
END_TEST

START_TEST(once_is_for_one_event) {
    join();
    sio_namespace_once(root, "x", note, tag("namespace"));
    sio_peer_once(peer, "x", note, tag("peer"));
    deliver("42[\"x\"]");
    deliver("42[\"x\"]");
    ck_assert_str_eq(notes, "namespace peer ");
    raw_close(&c);
}
END_TEST

/* IO126 IO127 */
START_TEST(catch_alls_come_first_and_may_be_prepended) {
    join();
    sio_namespace_on(root, "x", note, tag("x"));
    sio_namespace_on_any(root, note, tag("2"));
    sio_namespace_prepend_any(root, note, tag("1"));
    sio_peer_on_any(peer, note, tag("4"));
    sio_peer_prepend_any(peer, note, tag("3"));
    ws_text(&c, "42[\"x\"]");
    server_until(&t, strstr(notes, "x "));
    ck_assert_str_eq(notes, "1 2 3 4 x ");
    raw_close(&c);
}
END_TEST

/* IO128 */
START_TEST(catch_alls_can_be_removed) {
    join();
    sio_namespace_on_any(root, note, tag("1"));
    sio_namespace_on_any(root, note, tag("2"));
    sio_peer_on_any(peer, note, tag("3"));
    ck_assert_uint_eq(sio_namespace_handler_count(root, NULL), 2);
    ck_assert_uint_eq(sio_peer_handler_count(peer, NULL), 1);
    ck_assert_int_eq(sio_namespace_off(root, NULL, note, tag("1")), 0);
    ck_assert_int_eq(sio_peer_off(peer, NULL, note, tag("3")), 0);
    ck_assert_int_eq(sio_peer_off(peer, NULL, note, tag("3")), SIO_ERR_NOT_FOUND);
    sio_namespace_on(root, "x", note, tag("x"));
    ws_text(&c, "42[\"x\"]");
    server_until(&t, strstr(notes, "x "));
    ck_assert_str_eq(notes, "2 x ");
    sio_namespace_off_event(root, NULL);
    ck_assert_uint_eq(sio_namespace_handler_count(root, NULL), 0);
    raw_close(&c);
}
END_TEST

static void count_name(sio_str name, void *user) {
    ++*(unsigned *)user;
}

START_TEST(handlers_are_counted_named_and_removed) {
    unsigned names = 0;
    join();
    sio_peer_off_event(peer, "x");
    sio_peer_off_all(peer);
    sio_peer_event_names(peer, count_name, &names);
    ck_assert_uint_eq(sio_peer_handler_count(peer, "x") + names, 0);
    sio_namespace_on(root, "x", note, NULL);
    sio_namespace_on(root, "y", note, NULL);
    sio_peer_on(peer, "x", note, NULL);
    sio_peer_on(peer, "x", note, NULL);
    sio_peer_event_names(peer, count_name, &names);
    sio_namespace_event_names(root, count_name, &names);
    ck_assert_uint_eq(names, 3);
    ck_assert_uint_eq(sio_peer_handler_count(peer, "x"), 2);
    sio_peer_off_event(peer, "x");
    ck_assert_uint_eq(sio_peer_handler_count(peer, "x"), 0);
    sio_peer_on(peer, "x", note, NULL);
    sio_peer_off_all(peer);
    sio_namespace_off_event(root, "x");
    ck_assert_uint_eq(sio_namespace_handler_count(root, "x"), 0);
    ck_assert_uint_eq(sio_namespace_handler_count(root, "y"), 1);
    sio_namespace_off_all(root);
    deliver("42[\"x\"]");
    deliver("42[\"y\"]");
    ck_assert_str_eq(notes, "");
    raw_close(&c);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("handlers of namespaces and peers");
    TCase *tc = tcase_create("handlers");
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, connect_comes_before_connection);
    tcase_add_test(tc, once_is_for_one_event);
    tcase_add_test(tc, catch_alls_come_first_and_may_be_prepended);
    tcase_add_test(tc, catch_alls_can_be_removed);
    tcase_add_test(tc, handlers_are_counted_named_and_removed);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
