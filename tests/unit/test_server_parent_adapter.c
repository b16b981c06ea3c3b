#include "server_support.h"

#include "parent.h"

#include <stdio.h>

static server_test t;
static sio_namespace *parent;
static raw_client c;
static raw_client d;
static sio_target_reply reply;
static unsigned replies;
static char answers[128];

static void join_room(sio_peer *peer, const sio_event *event, void *user) {
    ck_assert_int_eq(sio_peer_join(peer, "cats"), 0);
}

static void start(void) {
    server_start(&t, NULL);
    replies = 0;
    answers[0] = '\0';
    parent = sio_server_of_pattern(t.server, "^/room-");
    sio_namespace_on(parent, "join", join_room, NULL);
}

static void stop(void) {
    server_stop(&t);
}

/* Two children with a peer each; that of the first is in a room. */
static void two(void) {
    ws_join(&c, &t, "40/room-1,", NULL);
    ws_text(&c, "42/room-1,0[\"join\"]");
    sio_namespace *first = sio_server_of(t.server, "/room-1");
    sio_target cats = sio_namespace_target(first);
    sio_target_to(&cats, "cats");
    server_until(&t, sio_target_count(&cats) == 1);
    ws_join(&d, &t, "40/room-2,", NULL);
}

static void leave(void) {
    raw_close(&c);
    raw_close(&d);
}

/* IO64 */
START_TEST(what_is_emitted_reaches_all_children) {
    two();
    sio_target all = sio_namespace_target(parent);
    ck_assert_int_eq(sio_target_count(&all), 2);
    ck_assert_int_eq(sio_target_emitf(&all, "x", "i", 1), 0);
    ws_expect(&c, "42/room-1,[\"x\",1]");
    ws_expect(&d, "42/room-2,[\"x\",1]");
    ck_assert_int_eq(sio_target_emit(&all, "connect", NULL), SIO_ERR_RESERVED);
    leave();
}
END_TEST

/* IO65 */
START_TEST(rooms_and_exceptions_hold_in_each) {
    two();
    sio_target cats = sio_namespace_target(parent);
    sio_target_to(&cats, "cats");
    ck_assert_int_eq(sio_target_emit(&cats, "to", NULL), 0);
    sio_target others = sio_namespace_target(parent);
    sio_target_except(&others, "cats");
    ck_assert_int_eq(sio_target_emit(&others, "except", NULL), 0);
    ws_expect(&c, "42/room-1,[\"to\"]");
    ws_expect(&d, "42/room-2,[\"except\"]");
    leave();
}
END_TEST

START_TEST(rooms_are_joined_and_left_in_each) {
    two();
    sio_target all = sio_namespace_target(parent);
    sio_target dogs = sio_namespace_target(parent);
    sio_target_to(&dogs, "dogs");
    ck_assert_int_eq(sio_target_join(&all, "dogs"), 0);
    ck_assert_int_eq(sio_target_count(&dogs), 2);
    ck_assert_int_eq(sio_target_leave(&all, "dogs"), 0);
    ck_assert_int_eq(sio_target_count(&dogs), 0);
    ck_assert_int_eq(sio_target_disconnect(&all, false), 0);
    ws_expect(&c, "41/room-1,");
    ws_expect(&d, "41/room-2,");
    leave();
}
END_TEST

static void on_reply(const sio_target_reply *got, void *user) {
    reply = *got;
    replies++;
    for (size_t i = 0; i < got->response_count; i++) {
        sio_str raw = sio_args_raw(got->responses[i].args, 0);
        snprintf(answers + strlen(answers), sizeof(answers) - strlen(answers), "%.*s ",
                 (int)raw.len, raw.ptr);
    }
}

START_TEST(acknowledgements_come_from_all) {
    two();
    sio_target all = sio_namespace_target(parent);
    ck_assert_int_eq(sio_target_emit_ack(&all, "q", NULL, 5000, on_reply, NULL), 0);
    ws_expect(&c, "42/room-1,0[\"q\"]");
    ws_expect(&d, "42/room-2,0[\"q\"]");
    ws_text(&d, "43/room-2,0[2]");
    ws_text(&c, "43/room-1,0[1]");
    server_until(&t, replies == 1);
    ck_assert_int_eq(reply.status, SIO_OK);
    ck_assert_uint_eq(reply.asked, 2);
    ck_assert(strcmp(answers, "2 1 ") == 0 || strcmp(answers, "1 2 ") == 0);
    leave();
}
END_TEST

START_TEST(one_that_does_not_answer_is_missing) {
    two();
    sio_target all = sio_namespace_target(parent);
    ck_assert_int_eq(sio_target_emit_ack(&all, "q", NULL, 50, on_reply, NULL), 0);
    ws_expect(&c, "42/room-1,0[\"q\"]");
    ws_text(&c, "43/room-1,0[1]");
    server_until(&t, replies == 1);
    ck_assert_int_eq(reply.status, SIO_ERR_TIMEOUT);
    ck_assert_uint_eq(reply.missing_count, 1);
    ck_assert_str_eq(answers, "1 ");
    leave();
}
END_TEST

START_TEST(without_children_nobody_answers) {
    sio_target all = sio_namespace_target(parent);
    ck_assert_int_eq(sio_target_emit_ack(&all, "q", NULL, 0, on_reply, NULL), 0);
    ck_assert_uint_eq(replies, 0);
    server_until(&t, replies == 1);
    ck_assert_int_eq(reply.status, SIO_OK);
    ck_assert_uint_eq(reply.asked, 0);
    ck_assert_int_eq(sio_target_emit_ack(&all, "connect", NULL, 0, on_reply, NULL),
                     SIO_ERR_RESERVED);
}
END_TEST

START_TEST(the_server_goes_before_the_answers) {
    sio_target all = sio_namespace_target(parent);
    ck_assert_int_eq(sio_target_emit_ack(&all, "q", NULL, 0, on_reply, NULL), 0);
    two();
    ck_assert_int_eq(sio_target_emit_ack(&all, "q", NULL, 0, on_reply, NULL), 0);
    replies = 0;
    sio_server_free(t.server);
    t.server = NULL;
    ck_assert_uint_eq(replies, 1);
    ck_assert_int_eq(reply.status, SIO_ERR_DISCONNECTED);
    leave();
}
END_TEST

static void on_fetch(const sio_fetch_reply *got, void *user) {
    ck_abort();
}

static void on_servers(const sio_server_side_reply *got, void *user) {
    ck_abort();
}

START_TEST(what_it_cannot) {
    sio_target all = sio_namespace_target(parent);
    ck_assert_int_eq(sio_target_fetch(&all, on_fetch, NULL), SIO_ERR_UNSUPPORTED);
    ck_assert_int_eq(sio_namespace_server_side_emit(parent, "x", NULL, 0, on_servers, NULL),
                     SIO_ERR_UNSUPPORTED);
}
END_TEST

static void free_server(sio_peer *peer, const sio_event *event, void *user) {
    sio_server_free(t.server);
    t.server = NULL;
}

START_TEST(a_handler_of_outgoing_events_may_free_the_server) {
    two();
    sio_target all = sio_namespace_target(parent);
    sio_namespace_on_any_outgoing(sio_server_of(t.server, "/room-1"), free_server, NULL);
    sio_target_emit_ack(&all, "q", NULL, 0, on_reply, NULL);
    ck_assert_uint_eq(replies, 1);
    leave();
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server_parent_adapter");
    TCase *tc = tcase_create("server_parent_adapter");
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, what_is_emitted_reaches_all_children);
    tcase_add_test(tc, rooms_and_exceptions_hold_in_each);
    tcase_add_test(tc, rooms_are_joined_and_left_in_each);
    tcase_add_test(tc, acknowledgements_come_from_all);
    tcase_add_test(tc, one_that_does_not_answer_is_missing);
    tcase_add_test(tc, without_children_nobody_answers);
    tcase_add_test(tc, the_server_goes_before_the_answers);
    tcase_add_test(tc, what_it_cannot);
    tcase_add_test(tc, a_handler_of_outgoing_events_may_free_the_server);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
