#include "server_peer_support.h"

#include <sio/middleware.h>

static sio_next *kept;
static sio_peer *kept_peer;

static void start_with(const sio_server_options *options) {
    kept = NULL;
    peer_start(options, "EIO=4", "40");
}

static void start(void) {
    start_with(NULL);
}

static void peer_note(sio_peer *from, const sio_event *event, void *user) {
    note(user);
}

static void show(sio_peer *from, const sio_event *event, void *user) {
    char text[96];
    snprintf(text, sizeof(text), "%s%.*s(%s,%zu)", (const char *)user, (int)event->name.len,
             event->name.ptr, sio_event_string(event, 0), sio_event_count(event));
    note(text);
}

static void show_error(sio_peer *from, const sio_event *event, void *user) {
    char text[96];
    snprintf(text, sizeof(text), "error:%d:%s:%.*s", event->status, event->reason,
             (int)event->data.len, event->data.ptr);
    note(text);
}

static void pass(sio_peer *from, const sio_event *event, sio_next *next, void *user) {
    ck_assert_ptr_eq(sio_next_peer(next), from);
    show(from, event, user);
    ck_assert_int_eq(sio_next_ok(next), 0);
    ck_assert_int_eq(sio_next_ok(next), SIO_ERR_STATE);
    ck_assert_int_eq(sio_next_refuse(next, "late", NULL), SIO_ERR_STATE);
    ck_assert_int_eq(sio_next_replace(next, "late", NULL), SIO_ERR_STATE);
}

static void keep(sio_peer *from, const sio_event *event, sio_next *next, void *user) {
    note(user);
    kept = next;
    kept_peer = from;
}

/* ---- what arrived together ---- */

/* IO123 */
START_TEST(an_event_behind_which_a_disconnect_came_is_not_handled) {
    poller p;
    sio_namespace_on_any(root, peer_note, tag("any"));
    sio_namespace_use_events(root, pass, tag("mw:"));
    sio_namespace_on(root, "x", peer_note, tag("x"));
    sio_namespace_on(root, "disconnect", peer_note, tag("disconnect"));
    poller_open(&p, &t, "EIO=4");
    poller_post(&p, "40");
    poller_post(&p, "42[\"x\"]\x1e"
                    "41");
    ck_assert_str_eq(notes, "any mw:x(,0) disconnect ");
    poller_close(&p);
}
END_TEST

/* IO123 */
START_TEST(the_same_without_middlewares) {
    poller p;
    sio_namespace_on_any(root, peer_note, tag("any"));
    sio_namespace_on(root, "x", peer_note, tag("x"));
    sio_namespace_on(root, "disconnect", peer_note, tag("disconnect"));
    poller_open(&p, &t, "EIO=4");
    poller_post(&p, "40");
    poller_post(&p, "42[\"x\"]\x1e"
                    "42[\"x\"]\x1e"
                    "41");
    ck_assert_str_eq(notes, "any any disconnect ");
    poller_close(&p);
}
END_TEST

/* IO97: those of one read are shown to all first, and handled in order with their own arguments. */
START_TEST(events_of_one_read_keep_their_arguments) {
    poller p;
    sio_namespace_on_any(root, show, tag("any:"));
    sio_namespace_on(root, "x", show, tag(""));
    sio_namespace_on(root, "y", show, tag(""));
    poller_open(&p, &t, "EIO=4");
    poller_post(&p, "40");
    poller_post(&p, "42[\"x\",\"one\"]\x1e"
                    "451-[\"y\",\"two\",{\"_placeholder\":true,\"num\":0}]\x1e"
                    "bAQ==\x1e"
                    "42[\"x\",\"three\"]");
    ck_assert_str_eq(notes, "any:x(one,1) any:y(two,2) any:x(three,1) x(one,1) y(two,2) "
                            "x(three,1) ");
    poller_close(&p);
}
END_TEST

static void answer(sio_peer *from, const sio_event *event, void *user) {
    note("handler");
    int rc = event->ack ? sio_ack_sendf(event->ack, "s", user) : 0;
    ck_assert(rc == 0 || rc == SIO_ERR_STATE);
}

START_TEST(the_right_to_acknowledge_waits_with_its_event) {
    poller p;
    sio_namespace_on(root, "x", answer, tag("handled"));
    poller_open(&p, &t, "EIO=4");
    poller_post(&p, "40");
    poller_poll(&p);
    server_settle(&t);
    raw_drop(&p.get, p.get.len);
    poller_post(&p, "421[\"x\"]\x1e"
                    "422[\"x\"]");
    poller_get(&p, "431[\"handled\"]\x1e"
                   "432[\"handled\"]");
    sio_namespace_on_any(root, answer, tag("caught"));
    poller_post(&p, "423[\"x\"]\x1e"
                    "424[\"x\"]");
    poller_get(&p, "433[\"caught\"]\x1e"
                   "434[\"caught\"]"); /* once */
    poller_close(&p);
}
END_TEST

/* A Close frame in the same read is no DISCONNECT: the reference hands out what came before. */
START_TEST(a_closed_websocket_is_heard_out) {
    uint8_t bytes[64];
    const char *event = "42[\"x\"]";
    size_t len = strlen(event);
    sio_namespace_on(root, "x", peer_note, tag("x"));
    sio_namespace_on(root, "disconnect", peer_note, tag("disconnect"));
    memset(bytes, 0, sizeof(bytes));
    bytes[0] = 0x81;
    bytes[1] = (uint8_t)(0x80 | len);
    memcpy(bytes + 6, event, len);
    bytes[6 + len] = 0x88;
    bytes[7 + len] = 0x80;
    raw_send(&c, bytes, 12 + len);
    server_until(&t, strstr(notes, "disconnect"));
    ck_assert_str_eq(notes, "x disconnect ");
}
END_TEST

static void kick(sio_peer *from, const sio_event *event, void *user) {
    note("kick");
    sio_peer_disconnect(from, false);
}

START_TEST(a_handler_may_disconnect_before_the_next_event) {
    poller p;
    sio_namespace_on(root, "x", kick, NULL);
    poller_open(&p, &t, "EIO=4");
    poller_post(&p, "40");
    poller_post(&p, "42[\"x\"]\x1e"
                    "42[\"x\"]");
    ck_assert_str_eq(notes, "kick ");
    poller_close(&p);
}
END_TEST

/* ---- middlewares ---- */

static void rewrite(sio_peer *from, const sio_event *event, sio_next *next, void *user) {
    sio_args *args;
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    ck_assert_int_eq(sio_args_addf(args, "s s", "new", sio_event_string(event, 0)), 0);
    ck_assert_int_eq(sio_next_replace(next, "y", NULL), 0);
    ck_assert_int_eq(sio_next_replace(next, NULL, args), 0);
    ck_assert_int_eq(sio_next_replace(next, "renamed", args), 0);
    sio_args_unref(args);
    ck_assert_int_eq(sio_next_ok(next), 0);
}

/* IO165 */
START_TEST(middlewares_see_and_rewrite) {
    sio_namespace_use_events(root, pass, tag("1:"));
    sio_namespace_use_events(root, rewrite, NULL);
    sio_peer_use(peer, pass, tag("2:"));
    sio_namespace_on_any(root, show, tag("any:"));
    sio_namespace_on(root, "x", show, tag(""));
    sio_namespace_on(root, "renamed", show, tag(""));
    ws_text(&c, "42[\"x\",\"old\"]");
    server_until(&t, strstr(notes, " renamed"));
    ck_assert_str_eq(notes, "any:x(old,1) 1:x(old,1) 2:renamed(new,2) renamed(new,2) ");
}
END_TEST

static void refuse(sio_peer *from, const sio_event *event, sio_next *next, void *user) {
    ck_assert_int_eq(sio_next_refuse(next, "no", "{\"code\":7}"), 0);
}

/* IO166 */
START_TEST(a_refusal_is_an_error_event) {
    char want[64];
    sio_peer_use(peer, refuse, NULL);
    sio_peer_use(peer, pass, tag("later:"));
    sio_peer_on(peer, "x", peer_note, tag("x"));
    ws_text(&c, "42[\"x\"]"); /* nobody listens to "error": nothing happens */
    server_settle(&t);
    ck_assert_str_eq(notes, "");
    sio_peer_on(peer, "error", show_error, NULL);
    ws_text(&c, "42[\"x\"]");
    server_until(&t, notes[0]);
    snprintf(want, sizeof(want), "error:%d:no:{\"code\":7} ", SIO_ERR_SIO_REFUSED);
    ck_assert_str_eq(notes, want);
    ck_assert_int_eq(sio_peer_emitf(peer, "still here", NULL), 0);
    ws_expect(&c, "42[\"still here\"]");
}
END_TEST

static void later(sio_peer *from, const sio_event *event, void *user) {
    ck_assert_int_eq(sio_next_ok(kept), 0);
    note("answered");
}

START_TEST(an_answer_may_come_later) {
    sio_peer_use(peer, keep, tag("asked"));
    sio_namespace_on_any(root, peer_note, tag("any"));
    sio_namespace_on(root, "x", show, tag(""));
    ws_text(&c, "42[\"x\",\"kept\"]");
    server_until(&t, kept);
    ck_assert_int_eq(sio_next_replace(kept, "y", NULL), 0);
    ck_assert_int_eq(sio_next_replace(kept, "x", NULL), 0);
    server_settle(&t);
    ck_assert_str_eq(notes, "any asked ");
    ck_assert_int_eq(sio_next_ok(kept), 0);
    server_until(&t, strstr(notes, "x("));
    ck_assert_str_eq(notes, "any asked x(kept,1) ");
    kept = NULL;
    ws_text(&c, "42[\"x\",\"again\"]");
    server_until(&t, kept);
    sio_namespace_on_any(root, later, NULL);
    ck_assert_int_eq(sio_next_refuse(kept, NULL, "no JSON"), SIO_ERR_JSON_SYNTAX);
}
END_TEST

START_TEST(a_handle_outlives_the_peer) {
    sio_peer_use(peer, keep, tag("asked"));
    sio_peer_on(peer, "x", peer_note, tag("x"));
    sio_peer_on(peer, "error", peer_note, tag("error"));
    ws_text(&c, "42[\"x\"]");
    server_until(&t, kept);
    raw_close(&c);
    server_until(&t, sio_server_session_count(t.server) == 0);
    ck_assert_ptr_eq(sio_next_peer(kept), kept_peer);
    ck_assert(!sio_peer_connected(kept_peer));
    ck_assert_int_eq(sio_next_replace(kept, "y", NULL), SIO_ERR_DISCONNECTED);
    ck_assert_int_eq(sio_next_refuse(kept, "whatever", NULL), 0);
    server_settle(&t);
    ck_assert_str_eq(notes, "asked ");
}
END_TEST

START_TEST(a_handle_outlives_the_server) {
    sio_peer_use(peer, keep, tag("asked"));
    ws_text(&c, "42[\"x\"]");
    server_until(&t, kept);
    sio_server_free(t.server);
    t.server = NULL;
    ck_assert_ptr_null(sio_next_peer(kept));
    ck_assert_int_eq(sio_next_ok(kept), 0);
}
END_TEST

static void kick_first(sio_peer *from, const sio_event *event, sio_next *next, void *user) {
    sio_peer_disconnect(from, true);
    ck_assert_int_eq(sio_next_ok(next), 0);
    note("kicked");
}

START_TEST(a_middleware_may_disconnect) {
    sio_peer_use(peer, kick_first, NULL);
    sio_peer_use(peer, pass, tag("later"));
    sio_peer_on(peer, "x", peer_note, tag("x"));
    ws_text(&c, "42[\"x\"]");
    ws_expect(&c, "41");
    ck_assert_str_eq(notes, "kicked ");
}
END_TEST

static void free_server(sio_peer *from, const sio_event *event, sio_next *next, void *user) {
    sio_server_free(t.server);
    t.server = NULL;
    ck_assert_int_eq(sio_next_ok(next), 0);
    note("freed");
}

START_TEST(a_middleware_may_free_the_server) {
    sio_peer_use(peer, free_server, NULL);
    sio_peer_use(peer, pass, tag("later"));
    sio_peer_on(peer, "x", peer_note, tag("x"));
    ws_text(&c, "42[\"x\"]");
    server_until(&t, t.server == NULL);
    server_settle(&t);
    ck_assert_str_eq(notes, "freed ");
}
END_TEST

static sio_next *many[8];
static unsigned many_count;

static void keep_many(sio_peer *from, const sio_event *event, sio_next *next, void *user) {
    many[many_count++] = next;
}

START_TEST(waiting_events_are_limited) {
    peer_stop();
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.max_waiting_events = 3;
    start_with(&options);
    many_count = 0;
    sio_peer_use(peer, keep_many, NULL);
    sio_peer_on(peer, "x", peer_note, tag("x"));
    for (int i = 0; i < 3; i++) {
        ws_text(&c, "42[\"x\"]");
    }
    server_until(&t, many_count == 3);
    ck_assert_int_eq(sio_next_ok(many[1]), 0); /* makes room, and overtakes */
    server_until(&t, notes[0]);
    ws_text(&c, "42[\"x\"]");
    server_until(&t, many_count == 4);
    ws_text(&c, "42[\"x\"]");
    server_until(&t, sio_server_session_count(t.server) == 0);
    ck_assert_uint_eq(many_count, 4);
    ck_assert_str_eq(notes, "x ");
    for (unsigned i = 0; i < 4; i++) {
        if (i != 1) {
            sio_next_ok(many[i]);
        }
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("handing out events");
    TCase *tc = tcase_create("events");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, start, peer_stop);
    tcase_add_test(tc, an_event_behind_which_a_disconnect_came_is_not_handled);
    tcase_add_test(tc, the_same_without_middlewares);
    tcase_add_test(tc, events_of_one_read_keep_their_arguments);
    tcase_add_test(tc, the_right_to_acknowledge_waits_with_its_event);
    tcase_add_test(tc, a_closed_websocket_is_heard_out);
    tcase_add_test(tc, a_handler_may_disconnect_before_the_next_event);
    tcase_add_test(tc, middlewares_see_and_rewrite);
    tcase_add_test(tc, a_refusal_is_an_error_event);
    tcase_add_test(tc, an_answer_may_come_later);
    tcase_add_test(tc, a_handle_outlives_the_peer);
    tcase_add_test(tc, a_handle_outlives_the_server);
    tcase_add_test(tc, a_middleware_may_disconnect);
    tcase_add_test(tc, a_middleware_may_free_the_server);
    tcase_add_test(tc, waiting_events_are_limited);
    return test_run(suite);
}
