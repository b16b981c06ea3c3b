#include "server_notes.h"
#include "server_support.h"

#include "namespace.h"

#include <stdio.h>

static server_test t;

static void start(void) {
    notes[0] = '\0';
    server_start(&t, NULL);
}

static void stop(void) {
    server_stop(&t);
}

static void peer_note(sio_peer *peer, const sio_event *event, void *user) {
    note(user);
}

/* IO35 IO42 */
START_TEST(names_begin_with_a_slash) {
    sio_namespace *root = sio_server_of(t.server, "/");
    ck_assert_ptr_nonnull(root);
    ck_assert_ptr_eq(sio_server_of(t.server, ""), root);
    ck_assert_str_eq(sio_namespace_name(root), "/");
    sio_namespace *abc = sio_server_of(t.server, "abc");
    ck_assert_ptr_ne(abc, root);
    ck_assert_ptr_eq(sio_server_of(t.server, "/abc"), abc);
    ck_assert_str_eq(sio_namespace_name(abc), "/abc");
    ck_assert_ptr_eq(sio_namespace_server(abc), t.server);
    ck_assert_ptr_ne(sio_server_of(t.server, "//abc"), abc);
}
END_TEST

START_TEST(refuses_names_that_cannot_be_sent) {
    ck_assert_ptr_null(sio_server_of(t.server, "a,b"));
    ck_assert_ptr_null(sio_server_of(t.server, "/a,b"));
    ck_assert_ptr_null(sio_server_of(t.server, "/a\nb"));
    ck_assert_ptr_null(sio_server_of(t.server, "a\x1e"));
    ck_assert_ptr_nonnull(sio_server_of(t.server, "/\xc3\xa4"));
}
END_TEST

START_TEST(lookup_makes_none) {
    ck_assert_ptr_null(sio_namespace_lookup(t.server, SIO_STR("/x")));
    sio_namespace *x = sio_server_of(t.server, "/x");
    ck_assert_ptr_eq(sio_namespace_lookup(t.server, SIO_STR("/x")), x);
    ck_assert_ptr_null(sio_namespace_lookup(t.server, SIO_STR("x")));
}
END_TEST

START_TEST(knows_its_peers) {
    raw_client a, b, c;
    char ida[64], idb[64], idc[64];
    sio_namespace *root = sio_server_of(t.server, "/");
    sio_namespace *chat = sio_server_of(t.server, "/chat");
    ws_join(&a, &t, "40", ida);
    ws_join(&b, &t, "40", idb);
    ws_join(&c, &t, "40/chat,", idc);
    ck_assert_uint_eq(sio_namespace_peer_count(root), 2);
    ck_assert_uint_eq(sio_namespace_peer_count(chat), 1);
    ck_assert_str_eq(sio_peer_id(sio_namespace_find(root, ida)), ida);
    ck_assert_ptr_null(sio_namespace_find(root, idc));
    ck_assert_ptr_null(sio_namespace_find(root, ""));
    ck_assert_ptr_eq(sio_peer_namespace(sio_namespace_find(chat, idc)), chat);
    raw_close(&a);
    server_until(&t, sio_namespace_peer_count(root) == 1);
    ck_assert_ptr_null(sio_namespace_find(root, ida));
    raw_close(&b);
    raw_close(&c);
}
END_TEST

static void disconnect_others(sio_peer *peer, void *user) {
    sio_target others = sio_peer_broadcast(peer);
    note("each");
    ck_assert(sio_peer_connected(peer));
    sio_peer_join(peer, "room");
    ck_assert_int_eq(sio_target_disconnect(&others, false), 0);
}

START_TEST(walks_a_snapshot) {
    raw_client c[3];
    sio_namespace *root = sio_server_of(t.server, "/");
    ck_assert_int_eq(sio_namespace_each(root, disconnect_others, NULL), 0);
    for (int i = 0; i < 3; i++) {
        ws_join(&c[i], &t, "40", NULL);
    }
    ck_assert_int_eq(sio_namespace_each(root, disconnect_others, NULL), 0);
    ck_assert_str_eq(notes, "each "); /* those that are gone are not shown */
    ck_assert_uint_eq(sio_namespace_peer_count(root), 1);
    for (int i = 0; i < 3; i++) {
        raw_close(&c[i]);
    }
}
END_TEST

/* IO44 IO45 */
START_TEST(handlers_run_in_their_order) {
    raw_client c;
    sio_namespace *root = sio_server_of(t.server, "/");
    sio_namespace_on_connection(root, peer_note, tag("c1"));
    sio_namespace_on_connection(root, peer_note, tag("c2"));
    sio_namespace_on(root, "x", peer_note, tag("x1"));
    sio_namespace_on_any(root, peer_note, tag("any"));
    sio_namespace_on(root, "x", peer_note, tag("x2"));
    sio_namespace_on(root, "connection", peer_note, tag("named"));
    ws_join(&c, &t, "40", NULL);
    ws_text(&c, "42[\"x\"]");
    ws_text(&c, "42[\"y\"]");
    ws_text(&c, "42[\"connection\"]"); /* an event like any other */
    server_until(&t, strstr(notes, "named"));
    ck_assert_str_eq(notes, "c1 c2 any any any x1 x2 named ");
    raw_close(&c);
}
END_TEST

static void remove_later(sio_peer *peer, const sio_event *event, void *user) {
    sio_namespace *ns = sio_peer_namespace(peer);
    note("remove");
    ck_assert_int_eq(sio_namespace_off(ns, "x", peer_note, tag("x2")), SIO_ERR_NOT_FOUND);
    ck_assert_int_eq(sio_namespace_off(ns, "x", peer_note, user), 0);
    ck_assert_int_eq(sio_namespace_off(ns, "x", remove_later, user), 0); /* itself */
}

START_TEST(handlers_can_be_removed) {
    static char mine;
    raw_client c;
    sio_namespace *root = sio_server_of(t.server, "/");
    ck_assert_int_eq(sio_namespace_off(root, "x", peer_note, NULL), SIO_ERR_NOT_FOUND);
    sio_namespace_on(root, "x", remove_later, &mine);
    sio_namespace_on(root, "x", peer_note, &mine);
    sio_namespace_on(root, "x", peer_note, tag("kept"));
    sio_namespace_on_any(root, peer_note, tag("any"));
    ws_join(&c, &t, "40", NULL);
    ws_text(&c, "42[\"x\"]");
    server_until(&t, strstr(notes, "kept"));
    ck_assert_str_eq(notes, "any remove kept ");
    notes[0] = '\0';
    static char again[] = "any";
    ck_assert_int_eq(sio_namespace_off(root, NULL, peer_note, again), SIO_ERR_NOT_FOUND);
    ws_text(&c, "42[\"x\"]");
    server_until(&t, strstr(notes, "kept"));
    ck_assert_str_eq(notes, "any kept ");
    raw_close(&c);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("namespace");
    TCase *tc = tcase_create("namespace");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, names_begin_with_a_slash);
    tcase_add_test(tc, refuses_names_that_cannot_be_sent);
    tcase_add_test(tc, lookup_makes_none);
    tcase_add_test(tc, knows_its_peers);
    tcase_add_test(tc, walks_a_snapshot);
    tcase_add_test(tc, handlers_run_in_their_order);
    tcase_add_test(tc, handlers_can_be_removed);
    return test_run(suite);
}
