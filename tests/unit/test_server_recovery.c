/* Connection state recovery as a client sees it; the adapter that keeps sessions is below it. */
#include "server_support.h"

#include <sio/middleware.h>

#include <stdio.h>
#include <sys/socket.h>

static server_test t;
static sio_namespace *root;
static raw_client c;
static sio_peer *peer; /* the one that connected last */
static unsigned connections;
static unsigned asked;

typedef struct identity {
    char sid[64];
    char pid[64];
    char offset[64];
} identity;

static void on_connection(sio_peer *p, const sio_event *event, void *user) {
    peer = p;
    connections++;
}

static void pass(sio_peer *p, sio_next *next, void *user) {
    asked++;
    sio_next_ok(next);
}

static void start_with(const sio_server_recovery *recovery) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.recovery = recovery;
    server_start(&t, &options);
    root = sio_server_of(t.server, "/");
    connections = asked = 0;
    peer = NULL;
    sio_namespace_on_connection(root, on_connection, NULL);
    sio_namespace_use(root, pass, NULL);
}

static void start(void) {
    static const sio_server_recovery recovery = SIO_SERVER_RECOVERY_INIT;
    start_with(&recovery);
}

static void stop(void) {
    server_stop(&t);
}

static void receive_text(char *out, size_t size) {
    ws_frame frame;
    ck_assert(ws_receive(&c, &frame));
    snprintf(out, size, "%.*s", (int)frame.len, (const char *)frame.data);
    ws_frame_free(&frame);
}

static void read_ids(const char *reply, identity *id) {
    ck_assert_msg(
        sscanf(reply, "40{\"sid\":\"%63[^\"]\",\"pid\":\"%63[^\"]\"}", id->sid, id->pid) == 2, "%s",
        reply);
}

/* Connects anew and gets one event, so that there is an offset to come back with. */
static void join(identity *id) {
    char text[512];
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_text(&c, "40");
    receive_text(text, sizeof(text));
    read_ids(text, id);
    ck_assert_int_eq(sio_peer_emitf(peer, "first", NULL), 0);
    receive_text(text, sizeof(text));
    ck_assert_msg(sscanf(text, "42[\"first\",\"%63[^\"]\"]", id->offset) == 1, "%s", text);
}

static void come_back(const identity *id) {
    char connect[256];
    snprintf(connect, sizeof(connect), "40{\"pid\":\"%s\",\"offset\":\"%s\"}", id->pid, id->offset);
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_text(&c, connect);
}

static void cut_off(void) {
    raw_reset(&c);
    server_until(&t, sio_namespace_peer_count(root) == 0);
}

static void expect_reply(const identity *id, bool same) {
    char text[512];
    identity now;
    receive_text(text, sizeof(text));
    read_ids(text, &now);
    ck_assert_int_eq(strcmp(now.sid, id->sid) == 0, same);
    ck_assert_int_eq(strcmp(now.pid, id->pid) == 0, same);
}

/* IO184 IO185 IO186: what was missed, in order, then CONNECT; id, rooms and data are back. */
START_TEST(a_client_comes_back) {
    identity id;
    join(&id);
    ck_assert(!sio_peer_recovered(peer));
    ck_assert_int_eq(sio_peer_join(peer, "room"), 0);
    ck_assert_int_eq(sio_peer_set_data(peer, "{\"n\":7}"), 0);
    cut_off();
    sio_target all = sio_namespace_target(root);
    sio_target room = all, own = all, other = all;
    sio_target_emitf(&all, "one", "i", 1);
    sio_target_emitf(sio_target_to(&room, "room"), "two", NULL);
    sio_target_emitf(sio_target_to(&other, "elsewhere"), "no", NULL);
    sio_target_emitf(sio_target_to(&own, id.sid), "three", "B", "xyz", (size_t)3);
    come_back(&id);
    ws_expect_start(&c, "42[\"one\",1,\"");
    ws_expect_start(&c, "42[\"two\",\"");
    ws_expect_start(&c, "451-[\"three\",{\"_placeholder\":true,\"num\":0},\"");
    ws_expect_binary(&c, "xyz", 3);
    expect_reply(&id, true);
    server_until(&t, connections == 2);
    ck_assert(sio_peer_recovered(peer));
    ck_assert_str_eq(sio_peer_id(peer), id.sid);
    ck_assert(sio_peer_in_room(peer, "room"));
    ck_assert(sio_peer_in_room(peer, id.sid));
    ck_assert_str_eq(sio_peer_data(peer), "{\"n\":7}");
    ck_assert_uint_eq(asked, 1);
    raw_close(&c);
}
END_TEST

/* IO187 */
START_TEST(middlewares_can_be_asked) {
    sio_server_recovery recovery = SIO_SERVER_RECOVERY_INIT;
    identity id;
    server_stop(&t);
    recovery.run_middlewares = true;
    start_with(&recovery);
    join(&id);
    cut_off();
    come_back(&id);
    expect_reply(&id, true);
    ck_assert(sio_peer_recovered(peer));
    ck_assert_uint_eq(asked, 2);
    raw_close(&c);
}
END_TEST

/* IO188 */
START_TEST(an_unknown_session_begins_anew) {
    identity id;
    join(&id);
    cut_off();
    identity wrong = id;
    wrong.pid[0] = wrong.pid[0] == 'a' ? 'b' : 'a';
    come_back(&wrong);
    expect_reply(&id, false);
    ck_assert(!sio_peer_recovered(peer));
    raw_close(&c);
    wrong = id;
    snprintf(wrong.offset, sizeof(wrong.offset), "nonsense");
    come_back(&wrong);
    expect_reply(&id, false);
    raw_close(&c);
    come_back(&id); /* the session is still there */
    expect_reply(&id, true);
    raw_close(&c);
}
END_TEST

START_TEST(a_session_is_given_back_once) {
    identity id;
    join(&id);
    cut_off();
    come_back(&id);
    expect_reply(&id, true);
    ws_text(&c, "41");
    server_until(&t, sio_namespace_peer_count(root) == 0);
    raw_close(&c);
    come_back(&id);
    expect_reply(&id, false);
    raw_close(&c);
}
END_TEST

/* Only who was cut off comes back, not who left or was sent away. */
START_TEST(whoever_leaves_is_forgotten) {
    identity id;
    join(&id);
    ws_text(&c, "41");
    server_until(&t, sio_namespace_peer_count(root) == 0);
    raw_close(&c);
    come_back(&id);
    expect_reply(&id, false);
    sio_peer_disconnect(peer, false);
    raw_close(&c);
    come_back(&id);
    expect_reply(&id, false);
    raw_close(&c);
}
END_TEST

START_TEST(volatile_events_are_not_kept) {
    identity id;
    join(&id);
    sio_target all = sio_namespace_target(root);
    all.is_volatile = true;
    ck_assert_int_eq(sio_target_emitf(&all, "now", NULL), 0);
    ws_expect(&c, "42[\"now\"]");
    cut_off();
    sio_target_emitf(&all, "gone", NULL);
    come_back(&id);
    expect_reply(&id, true);
    raw_close(&c);
}
END_TEST

START_TEST(a_second_loss_misses_nothing) {
    identity id;
    join(&id);
    cut_off();
    sio_target all = sio_namespace_target(root);
    sio_target_emitf(&all, "one", NULL);
    come_back(&id);
    ws_expect_start(&c, "42[\"one\",\"");
    expect_reply(&id, true);
    server_until(&t, connections == 2);
    cut_off();
    sio_target_emitf(&all, "two", NULL);
    come_back(&id); /* with the offset of before: "one" is not known to have arrived */
    ws_expect_start(&c, "42[\"one\",\"");
    ws_expect_start(&c, "42[\"two\",\"");
    expect_reply(&id, true);
    raw_close(&c);
}
END_TEST

static sio_next *unanswered;

static void ask_later(sio_peer *p, sio_next *next, void *user) {
    unanswered = next;
}

/* Behind what it has missed, and before its CONNECT. */
START_TEST(nothing_is_missed_while_middlewares_are_asked) {
    sio_server_recovery recovery = SIO_SERVER_RECOVERY_INIT;
    identity id;
    server_stop(&t);
    recovery.run_middlewares = true;
    start_with(&recovery);
    join(&id);
    ck_assert_int_eq(sio_peer_join(peer, "room"), 0);
    cut_off();
    sio_target room = sio_namespace_target(root);
    sio_target own = room, not_in_room = room, elsewhere = room;
    sio_target_emitf(sio_target_to(&room, "room"), "missed", NULL);
    sio_namespace_use(root, ask_later, NULL);
    unanswered = NULL;
    come_back(&id);
    server_until(&t, unanswered);
    sio_target_emitf(&room, "meanwhile", NULL);
    sio_target_emitf(sio_target_to(&elsewhere, "elsewhere"), "no", NULL);
    sio_target_emitf(sio_target_except(&not_in_room, "room"), "no", NULL);
    sio_target_emitf(sio_target_to(&own, id.sid), "own", NULL);
    sio_next_ok(unanswered);
    ws_expect_start(&c, "42[\"missed\",\"");
    ws_expect_start(&c, "42[\"meanwhile\",\"");
    ws_expect_start(&c, "42[\"own\",\"");
    expect_reply(&id, true);
    raw_close(&c);
}
END_TEST

static void cut_connection(sio_namespace *ns, sio_room_change change, const char *room,
                           const char *who, void *user) {
    if (change == SIO_ROOM_JOIN && strcmp(room, "trap") == 0 && c.test) {
        ck_assert_int_eq(shutdown(c.fd, SHUT_RDWR), 0);
    }
}

/* What happens as the rooms are entered may end it all. */
START_TEST(the_connection_may_end_as_rooms_are_entered) {
    identity id;
    join(&id);
    ck_assert_int_eq(sio_peer_join(peer, "trap"), 0);
    cut_off();
    ck_assert_int_eq(sio_namespace_on_room(root, cut_connection, NULL), 0);
    come_back(&id);
    raw_expect_eof(&c);
    raw_close(&c);
    server_until(&t, sio_namespace_peer_count(root) == 0 && sio_namespace_joining_count(root) == 0);
    ck_assert_int_eq(sio_namespace_off_room(root, cut_connection, NULL), 0);
    come_back(&id);
    expect_reply(&id, true);
    raw_close(&c);
}
END_TEST

static char reason[64];

static void note_reason(sio_peer *p, const sio_event *event, void *user) {
    snprintf(reason, sizeof(reason), "%s", event->reason);
}

/* The server has not noticed yet that the old connection is of no use. */
START_TEST(a_client_takes_over_from_itself) {
    identity id;
    join(&id);
    raw_client old = c;
    sio_namespace_on(root, "disconnect", note_reason, NULL);
    ck_assert_int_eq(sio_peer_join(peer, "room"), 0);
    come_back(&id);
    expect_reply(&id, true);
    ck_assert_str_eq(reason, "forced close");
    ck_assert(sio_peer_recovered(peer));
    ck_assert(sio_peer_in_room(peer, "room"));
    ck_assert_uint_eq(sio_namespace_peer_count(root), 1);
    raw_client now = c;
    c = old;
    ws_expect_close(&c, 0);
    raw_close(&c);
    raw_close(&now);
}
END_TEST

static void free_server(sio_peer *p, const sio_event *event, void *user) {
    sio_server_free(t.server);
    t.server = NULL;
}

START_TEST(the_server_may_be_freed_meanwhile) {
    identity id;
    join(&id);
    raw_client old = c;
    sio_namespace_on(root, "disconnect", free_server, NULL);
    come_back(&id);
    server_until(&t, t.server == NULL);
    raw_close(&c);
    raw_close(&old);
}
END_TEST

/* The client goes before the answer: it can still come back. */
START_TEST(going_while_it_is_restored) {
    identity id;
    join(&id);
    cut_off();
    for (int i = 0; i < 5; i++) {
        come_back(&id);
        cut_off();
    }
    server_settle(&t);
    come_back(&id);
    expect_reply(&id, true);
    raw_close(&c);
}
END_TEST

/* IO189 */
START_TEST(off_by_default) {
    server_stop(&t);
    start_with(NULL);
    char sid[64];
    ws_join(&c, &t, "40", sid);
    ck_assert_int_eq(sio_peer_emitf(peer, "plain", NULL), 0);
    ws_expect(&c, "42[\"plain\"]");
    ck_assert(!sio_peer_recovered(peer));
    raw_close(&c);
}
END_TEST

START_TEST(settings_are_checked) {
    sio_server *server;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    sio_server_recovery recovery = SIO_SERVER_RECOVERY_INIT;
    recovery.size = 1;
    options.recovery = &recovery;
    ck_assert_int_eq(sio_server_new(&server, &options), SIO_ERR_INVALID);
}
END_TEST

static int scenario(const sio_mem *mem, void *arg) {
    sio_server_recovery recovery = SIO_SERVER_RECOVERY_INIT;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    sio_server *server = NULL;
    options.recovery = &recovery;
    options.mem = mem;
    int rc = sio_server_new(&server, &options);
    if (rc == 0) {
        sio_target all = sio_namespace_target(sio_server_of(server, "/"));
        rc = sio_target_emitf(&all, "kept", "s", "text");
        sio_server_free(server);
    }
    return rc;
}

START_TEST(memory_runs_out) {
    test_mem_sweep(scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server_recovery");
    TCase *tc = tcase_create("server_recovery");
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, a_client_comes_back);
    tcase_add_test(tc, middlewares_can_be_asked);
    tcase_add_test(tc, an_unknown_session_begins_anew);
    tcase_add_test(tc, a_session_is_given_back_once);
    tcase_add_test(tc, whoever_leaves_is_forgotten);
    tcase_add_test(tc, volatile_events_are_not_kept);
    tcase_add_test(tc, a_second_loss_misses_nothing);
    tcase_add_test(tc, nothing_is_missed_while_middlewares_are_asked);
    tcase_add_test(tc, the_connection_may_end_as_rooms_are_entered);
    tcase_add_test(tc, a_client_takes_over_from_itself);
    tcase_add_test(tc, the_server_may_be_freed_meanwhile);
    tcase_add_test(tc, going_while_it_is_restored);
    tcase_add_test(tc, off_by_default);
    suite_add_tcase(suite, tc);
    TCase *alone = tcase_create("without a server");
    tcase_add_test(alone, settings_are_checked);
    tcase_add_test(alone, memory_runs_out);
    suite_add_tcase(suite, alone);
    return test_run(suite);
}
