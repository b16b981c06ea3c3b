#include "server_peer_support.h"

static sio_ack *kept;

static void start(void) {
    peer_start(NULL, "EIO=4", "40");
}

static void peer_note(sio_peer *from, const sio_event *event, void *user) {
    ck_assert_ptr_eq(from, peer);
    note(user);
}

/* ---- handlers ---- */

START_TEST(its_own_handlers_come_last) {
    ck_assert_int_eq(sio_peer_off(peer, "x", peer_note, NULL), SIO_ERR_NOT_FOUND);
    ck_assert_int_eq(sio_peer_on(peer, "x", peer_note, tag("own")), 0);
    sio_namespace_on(root, "x", peer_note, tag("namespace"));
    sio_namespace_on_any(root, peer_note, tag("any"));
    ws_text(&c, "42[\"x\"]");
    server_until(&t, strstr(notes, "own"));
    ck_assert_str_eq(notes, "any namespace own ");
}
END_TEST

START_TEST(its_own_handlers_can_be_removed) {
    static char one, two;
    one = two = '\0';
    ck_assert_int_eq(sio_peer_on(peer, "x", peer_note, &one), 0);
    ck_assert_int_eq(sio_peer_off(peer, "x", peer_note, &two), SIO_ERR_NOT_FOUND);
    ck_assert_int_eq(sio_peer_off(peer, "y", peer_note, &one), SIO_ERR_NOT_FOUND);
    ck_assert_int_eq(sio_peer_off(peer, "x", peer_note, &one), 0);
    ck_assert_int_eq(sio_peer_off(peer, "x", peer_note, &one), SIO_ERR_NOT_FOUND);
    ck_assert_int_eq(sio_peer_on(peer, "y", peer_note, tag("y")), 0);
    ws_text(&c, "42[\"x\"]");
    ws_text(&c, "42[\"y\"]");
    server_until(&t, notes[0]);
    ck_assert_str_eq(notes, "y ");
}
END_TEST

START_TEST(its_own_handlers_hear_its_end) {
    sio_peer_on(peer, "disconnecting", peer_note, tag("disconnecting"));
    sio_peer_on(peer, "disconnect", peer_note, tag("disconnect"));
    ws_text(&c, "41");
    server_until(&t, strstr(notes, "disconnect "));
    ck_assert_str_eq(notes, "disconnecting disconnect ");
}
END_TEST

static void kick(sio_peer *from, const sio_event *event, void *user) {
    note("kick");
    sio_peer_disconnect(from, false);
}

/* What stands behind a disconnect is not handed to the listeners of the name. */
START_TEST(nothing_is_handed_out_after_the_end) {
    sio_namespace_on_any(root, kick, NULL);
    sio_namespace_on(root, "x", peer_note, tag("x"));
    sio_namespace_on(root, "disconnect", peer_note, tag("disconnect"));
    ws_text(&c, "421[\"x\"]");
    ws_expect(&c, "41");
    ck_assert_str_eq(notes, "kick disconnect ");
    ws_text(&c, "42[\"x\"]"); /* now a violation */
    ws_expect_close(&c, 0);
    ck_assert_str_eq(notes, "kick disconnect ");
}
END_TEST

static void show(sio_peer *from, const sio_event *event, void *user) {
    char text[64];
    snprintf(text, sizeof(text), "%.*s/%zu/%d/%d", (int)event->name.len, event->name.ptr,
             sio_event_count(event), (int)sio_event_int(event, 0), event->ack != NULL);
    note(text);
}

START_TEST(shows_the_event) {
    sio_namespace_on_any(root, show, NULL);
    ws_text(&c, "42[\"a\",7]");
    ws_text(&c, "425[\"b\"]");
    ws_text(&c, "42[12,3]"); /* a numeric name is its text */
    server_until(&t, strstr(notes, "12/"));
    ck_assert_str_eq(notes, "a/1/7/0 b/0/0/1 12/1/3/0 ");
}
END_TEST

/* ---- acknowledging ---- */

static void answer_twice(sio_peer *from, const sio_event *event, void *user) {
    ck_assert_int_eq(sio_ack_sendf(event->ack, "s B", "yes", "\1", (size_t)1), 0);
    ck_assert_int_eq(sio_ack_send(event->ack, NULL), SIO_ERR_STATE);
}

/* IO96, IO103 */
START_TEST(acknowledges_once) {
    sio_namespace_on(root, "q", answer_twice, NULL);
    ws_text(&c, "420[\"q\"]");
    ws_expect(&c, "461-0[\"yes\",{\"_placeholder\":true,\"num\":0}]");
    ws_expect_binary(&c, "\1", 1);
    ck_assert_int_eq(sio_peer_emitf(peer, "end", NULL), 0);
    ws_expect(&c, "42[\"end\"]");
}
END_TEST

static void keep(sio_peer *from, const sio_event *event, void *user) {
    ck_assert_int_eq(sio_ack_ref(&kept, event->ack), 0);
}

START_TEST(acknowledges_later) {
    sio_namespace_on(root, "q", keep, NULL);
    kept = NULL;
    ws_text(&c, "427[\"q\"]");
    server_until(&t, kept != NULL);
    ck_assert_int_eq(sio_ack_sendf(kept, "i", 1), 0);
    ck_assert_int_eq(sio_ack_send(kept, NULL), SIO_ERR_STATE);
    sio_ack_unref(kept);
    ws_expect(&c, "437[1]");
}
END_TEST

START_TEST(an_acknowledgement_may_outlive_its_peer) {
    sio_namespace_on(root, "q", keep, NULL);
    kept = NULL;
    ws_text(&c, "427[\"q\"]");
    server_until(&t, kept != NULL);
    raw_close(&c);
    server_until(&t, sio_server_session_count(t.server) == 0);
    ck_assert_int_eq(sio_ack_sendf(kept, "i", 1), SIO_ERR_DISCONNECTED);
    sio_ack_unref(kept);
}
END_TEST

START_TEST(an_acknowledgement_may_outlive_the_server) {
    sio_namespace_on(root, "q", keep, NULL);
    kept = NULL;
    ws_text(&c, "427[\"q\"]");
    server_until(&t, kept != NULL);
    peer_stop();
    ck_assert_int_eq(sio_ack_sendf(kept, "i", 1), SIO_ERR_DISCONNECTED);
    sio_ack_unref(kept);
    start(); /* for the fixture to stop */
}
END_TEST

static void kick_then_answer(sio_peer *from, const sio_event *event, void *user) {
    sio_peer_disconnect(from, true);
    ck_assert_int_eq(sio_ack_send(event->ack, NULL), SIO_ERR_DISCONNECTED);
    note("done");
}

START_TEST(no_acknowledgement_after_a_disconnect) {
    sio_namespace_on(root, "q", kick_then_answer, NULL);
    ws_text(&c, "427[\"q\"]");
    ws_expect(&c, "41");
    ws_expect_close(&c, 0);
    ck_assert_str_eq(notes, "done ");
}
END_TEST

/* A handler may pass on what it got, while more of it is being handed out. */
static void relay(sio_peer *from, const sio_event *event, void *user) {
    sio_target everyone = sio_namespace_target(root);
    ck_assert_int_eq(sio_target_emit(&everyone, "relayed", event->args), 0);
    ck_assert_int_eq(sio_peer_emit(from, "echoed", event->args, NULL), 0);
}

START_TEST(passes_on_what_came) {
    sio_namespace_on(root, "x", relay, NULL);
    sio_namespace_on(root, "x", show, NULL);
    ws_text(&c, "451-[\"x\",5,{\"deep\":[{\"_placeholder\":true,\"num\":0}]}]");
    ws_binary(&c, "\1\2", 2);
    ws_expect(&c, "451-[\"relayed\",5,{\"deep\":[{\"_placeholder\":true,\"num\":0}]}]");
    ws_expect_binary(&c, "\1\2", 2);
    ws_expect(&c, "451-[\"echoed\",5,{\"deep\":[{\"_placeholder\":true,\"num\":0}]}]");
    ws_expect_binary(&c, "\1\2", 2);
    ck_assert_str_eq(notes, "x/2/5/0 ");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("events of a peer");
    TCase *tc = tcase_create("events");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, start, peer_stop);
    tcase_add_test(tc, its_own_handlers_come_last);
    tcase_add_test(tc, its_own_handlers_can_be_removed);
    tcase_add_test(tc, its_own_handlers_hear_its_end);
    tcase_add_test(tc, nothing_is_handed_out_after_the_end);
    tcase_add_test(tc, shows_the_event);
    tcase_add_test(tc, acknowledges_once);
    tcase_add_test(tc, acknowledges_later);
    tcase_add_test(tc, an_acknowledgement_may_outlive_its_peer);
    tcase_add_test(tc, an_acknowledgement_may_outlive_the_server);
    tcase_add_test(tc, no_acknowledgement_after_a_disconnect);
    tcase_add_test(tc, passes_on_what_came);
    return test_run(suite);
}
