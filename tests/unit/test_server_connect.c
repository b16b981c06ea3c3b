#include "server_notes.h"
#include "server_support.h"

#include <sio/middleware.h>

#include <stdio.h>

static server_test t;
static sio_namespace *root;
static sio_namespace *chat;
static raw_client c;
static sio_next *kept;
static sio_peer *kept_peer;

static void start_with(const sio_server_options *options) {
    notes[0] = '\0';
    kept = NULL;
    server_start(&t, options);
    root = sio_server_of(t.server, "/");
    chat = sio_server_of(t.server, "/chat");
}

static void start(void) {
    start_with(NULL);
}

static void stop(void) {
    server_stop(&t);
}

static void pass(sio_peer *peer, sio_next *next, void *user) {
    note(user);
    ck_assert(!sio_peer_connected(peer));
    ck_assert_ptr_eq(sio_next_peer(next), peer);
    ck_assert_int_eq(sio_next_replace(next, "no event", NULL), SIO_ERR_STATE);
    ck_assert_int_eq(sio_next_ok(next), 0);
    ck_assert_int_eq(sio_next_ok(next), SIO_ERR_STATE);
}

static void keep(sio_peer *peer, sio_next *next, void *user) {
    note(user);
    kept = next;
    kept_peer = peer;
}

static void refuse(sio_peer *peer, sio_next *next, void *user) {
    note("refuse");
    ck_assert_int_eq(sio_next_refuse(next, "go away", user), 0);
}

static void peer_note(sio_peer *peer, const sio_event *event, void *user) {
    note(user);
}

static void refused(const char *connect, const char *answer) {
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_text(&c, connect);
    ws_expect(&c, answer);
}

/* IO155 IO158 IO161 IO163 */
START_TEST(all_agree) {
    sio_namespace_use(chat, pass, tag("1"));
    sio_namespace_use(chat, pass, tag("2"));
    sio_namespace_use(root, pass, tag("root"));
    sio_namespace_on_connection(chat, peer_note, tag("connection"));
    ws_join(&c, &t, "40/chat,", NULL);
    ck_assert_str_eq(notes, "1 2 connection ");
    ws_join_more(&c, "40", NULL);
    ck_assert_str_eq(notes, "1 2 connection root ");
    raw_close(&c);
}
END_TEST

/* IO156 IO157 */
START_TEST(one_refuses) {
    sio_namespace_use(chat, pass, tag("1"));
    sio_namespace_use(chat, refuse, tag("{\"code\":\"E\"}"));
    sio_namespace_use(chat, pass, tag("3"));
    sio_namespace_on_connection(chat, peer_note, tag("connection"));
    refused("40/chat,", "44/chat,{\"message\":\"go away\",\"data\":{\"code\":\"E\"}}");
    ck_assert_str_eq(notes, "1 refuse ");
    ws_join_more(&c, "40", NULL); /* the connection goes on */
    ws_text(&c, "40/chat,");      /* and may ask again */
    ws_expect(&c, "44/chat,{\"message\":\"go away\",\"data\":{\"code\":\"E\"}}");
    raw_close(&c);
}
END_TEST

static void refuse_barely(sio_peer *peer, sio_next *next, void *user) {
    ck_assert_int_eq(sio_next_refuse(next, NULL, "{"), SIO_ERR_JSON_SYNTAX);
}

START_TEST(a_refusal_without_anything) {
    sio_namespace_use(chat, refuse_barely, NULL);
    refused("40/chat,", "44/chat,{\"message\":\"\"}");
    raw_close(&c);
}
END_TEST

/* IO159 IO162 IO164 */
START_TEST(connection_waits_for_the_answer) {
    sio_namespace_use(root, keep, tag("asked"));
    sio_namespace_on_connection(root, peer_note, tag("connection"));
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_text(&c, "40");
    server_until(&t, kept);
    server_settle(&t);
    ck_assert_uint_eq(sio_namespace_peer_count(root), 0);
    ck_assert(!sio_peer_connected(kept_peer));
    ck_assert_uint_eq(sio_namespace_joining_count(root), 1);
    ck_assert_int_eq(sio_next_ok(kept), 0);
    ws_expect_start(&c, "40{");
    ck_assert_str_eq(notes, "asked connection ");
    ck_assert_uint_eq(sio_namespace_peer_count(root), 1);
    ck_assert_uint_eq(sio_namespace_joining_count(root), 0);
    ck_assert(sio_peer_connected(kept_peer));
    raw_close(&c);
}
END_TEST

/* IO160 */
START_TEST(a_client_that_leaves_meanwhile_does_not_connect) {
    sio_namespace_use(root, keep, tag("asked"));
    sio_namespace_on_connection(root, peer_note, tag("connection"));
    sio_namespace_on(root, "disconnect", peer_note, tag("disconnect"));
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_text(&c, "40");
    server_until(&t, kept);
    ck_assert_int_eq(sio_peer_join(kept_peer, "room"), 0);
    raw_close(&c);
    server_until(&t, sio_server_session_count(t.server) == 0);
    ck_assert_uint_eq(sio_namespace_joining_count(root), 0);
    ck_assert_ptr_eq(sio_next_peer(kept), kept_peer); /* valid until the answer */
    ck_assert_int_eq(sio_peer_emitf(kept_peer, "x", NULL), SIO_ERR_DISCONNECTED);
    ck_assert_int_eq(sio_peer_join(kept_peer, "room"), SIO_ERR_DISCONNECTED);
    ck_assert_int_eq(sio_next_ok(kept), 0);
    server_settle(&t);
    ck_assert_str_eq(notes, "asked ");
}
END_TEST

/* IO160: gone in the same batch, before the decision is carried out. */
START_TEST(a_client_that_leaves_at_once_does_not_connect) {
    poller p;
    sio_namespace_on_connection(root, peer_note, tag("connection"));
    poller_open(&p, &t, "EIO=4");
    poller_post(&p, "40\x1e"
                    "1");
    server_settle(&t);
    ck_assert_str_eq(notes, "");
    poller_close(&p);
}
END_TEST

static void close_first(sio_peer *peer, sio_next *next, void *user) {
    sio_peer_disconnect(peer, false); /* does nothing: it is not connected */
    sio_peer_disconnect(peer, true);
    sio_peer_close_connection(peer);
    ck_assert_int_eq(sio_next_ok(next), 0);
    note("closed");
}

START_TEST(a_middleware_may_close_the_connection) {
    sio_namespace_use(root, close_first, NULL);
    sio_namespace_use(root, pass, tag("later"));
    sio_namespace_on_connection(root, peer_note, tag("connection"));
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_text(&c, "40");
    ws_expect_close(&c, 0);
    ck_assert_str_eq(notes, "closed ");
    raw_close(&c);
}
END_TEST

START_TEST(a_handle_outlives_the_server) {
    sio_namespace_use(root, keep, tag("asked"));
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_text(&c, "40");
    server_until(&t, kept);
    sio_server_free(t.server);
    t.server = NULL;
    ck_assert_ptr_null(sio_next_peer(kept));
    ck_assert_int_eq(sio_next_refuse(kept, "too late", "{}"), 0);
    raw_close(&c);
}
END_TEST

static void free_first(sio_peer *peer, sio_next *next, void *user) {
    sio_server_free(t.server);
    t.server = NULL;
    ck_assert_int_eq(sio_next_ok(next), 0);
}

START_TEST(a_middleware_may_free_the_server) {
    sio_namespace_use(root, free_first, NULL);
    sio_namespace_use(root, pass, tag("later"));
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_text(&c, "40");
    server_until(&t, t.server == NULL);
    server_settle(&t);
    ck_assert_str_eq(notes, "");
    raw_close(&c);
}
END_TEST

static void join_and_emit(sio_peer *peer, sio_next *next, void *user) {
    ck_assert_int_eq(sio_peer_join(peer, "room"), 0);
    ck_assert_int_eq(sio_peer_emitf(peer, "early", "i", 1), 0);
    sio_target room = sio_namespace_target(root);
    ck_assert_int_eq(sio_target_emitf(sio_target_to(&room, "room"), "not yet", NULL), 0);
    if (user) {
        sio_next_refuse(next, user, NULL);
    } else {
        sio_next_ok(next);
    }
}

static void check_room(sio_peer *peer, const sio_event *event, void *user) {
    ck_assert(sio_peer_in_room(peer, "room"));
    note("in");
}

START_TEST(what_a_middleware_sends_comes_before_the_reply) {
    sio_namespace_use(root, join_and_emit, NULL);
    sio_namespace_on_connection(root, check_room, NULL);
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_text(&c, "40");
    ws_expect(&c, "42[\"early\",1]");
    ws_expect_start(&c, "40{");
    ck_assert_str_eq(notes, "in ");
    raw_close(&c);
}
END_TEST

/* IO124 */
START_TEST(rooms_are_left_upon_a_refusal) {
    sio_namespace_use(root, join_and_emit, tag("no"));
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_text(&c, "40");
    ws_expect(&c, "42[\"early\",1]");
    ws_expect(&c, "44{\"message\":\"no\"}");
    sio_target room = sio_namespace_target(root);
    ck_assert_int_eq(sio_target_count(sio_target_to(&room, "room")), 0);
    raw_close(&c);
}
END_TEST

static void add_one(sio_peer *peer, sio_next *next, void *user) {
    note("first");
    sio_namespace_use(root, pass, tag("added"));
    sio_next_ok(next);
}

START_TEST(the_middlewares_are_those_of_the_beginning) {
    sio_namespace_use(root, add_one, NULL);
    ws_join(&c, &t, "40", NULL);
    ck_assert_str_eq(notes, "first ");
    raw_close(&c);
    ws_join(&c, &t, "40", NULL);
    ck_assert_str_eq(notes, "first first added ");
    raw_close(&c);
}
END_TEST

/* While the answer is awaited, the namespace is not joined. */
START_TEST(violations_meanwhile) {
    static const char *const packets[] = {"40", "42[\"x\"]", "41", "430[]"};
    sio_namespace_use(root, keep, tag("asked"));
    for (size_t i = 0; i < 4; i++) {
        kept = NULL;
        ws_connect(&c, &t, "EIO=4", NULL);
        ws_text(&c, "40");
        server_until(&t, kept);
        ws_text(&c, packets[i]);
        ws_expect_close(&c, 0);
        sio_next_ok(kept);
        raw_close(&c);
    }
}
END_TEST

static unsigned asked;
static sio_next *many[32];

static void keep_many(sio_peer *peer, sio_next *next, void *user) {
    ck_assert_uint_lt(asked, 32);
    many[asked++] = next;
}

START_TEST(pending_ones_are_limited) {
    char name[32];
    asked = 0;
    ws_connect(&c, &t, "EIO=4", NULL);
    for (int i = 0; i < 17; i++) {
        snprintf(name, sizeof(name), "/n%d", i);
        sio_namespace_use(sio_server_of(t.server, name), keep_many, NULL);
        snprintf(name, sizeof(name), "40/n%d,", i);
        ws_text(&c, name);
    }
    ws_expect(&c, "44/n16,{\"message\":\"Too many namespaces\"}");
    ck_assert_uint_eq(asked, 16);
    for (unsigned i = 0; i < 16; i++) {
        sio_next_ok(many[i]);
    }
    ws_expect_start(&c, "40/n0,{");
    raw_close(&c);
}
END_TEST

/* IO58 */
START_TEST(a_slow_answer_does_not_stop_the_clock) {
    stop();
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.connect_timeout_ms = 300;
    start_with(&options);
    sio_namespace_use(root, keep, tag("asked"));
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_text(&c, "40");
    ws_expect_close(&c, 0);
    sio_next_ok(kept);
    raw_close(&c);
}
END_TEST

/* Socket.IO 2.x: the data, or else the message, is the payload of ERROR; "/" is asked for by the
 * connection itself. */
START_TEST(old_clients_are_refused_in_their_way) {
    stop();
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.allow_eio3 = true;
    start_with(&options);
    sio_namespace_use(chat, refuse, tag("{\"code\":1}"));
    ws_connect(&c, &t, "EIO=3", NULL);
    ws_expect(&c, "40");
    ws_text(&c, "40/chat");
    ws_expect(&c, "44/chat,{\"code\":1}");
    raw_close(&c);
    sio_namespace_use(root, refuse, NULL);
    ws_connect(&c, &t, "EIO=3", NULL);
    ws_expect(&c, "44\"go away\"");
    raw_close(&c);
}
END_TEST

static int scenario(const sio_mem *mem, void *arg) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.mem = mem;
    server_test own = {0};
    own.base = event_base_new();
    options.base = own.base;
    int rc = sio_server_new(&own.server, &options);
    if (rc == 0) {
        sio_namespace *ns = sio_server_of(own.server, "/");
        rc = sio_namespace_use(ns, pass, tag("a"));
        rc = rc != 0 ? rc : sio_namespace_use(ns, refuse, tag("b"));
        rc = rc != 0 ? rc : sio_namespace_use_events(ns, NULL, NULL);
        sio_server_free(own.server);
    }
    event_base_free(own.base);
    return rc;
}

START_TEST(survives_failing_allocations) {
    test_mem_sweep(scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("joining a namespace");
    TCase *tc = tcase_create("joining");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, all_agree);
    tcase_add_test(tc, one_refuses);
    tcase_add_test(tc, a_refusal_without_anything);
    tcase_add_test(tc, connection_waits_for_the_answer);
    tcase_add_test(tc, a_client_that_leaves_meanwhile_does_not_connect);
    tcase_add_test(tc, a_client_that_leaves_at_once_does_not_connect);
    tcase_add_test(tc, a_middleware_may_close_the_connection);
    tcase_add_test(tc, a_handle_outlives_the_server);
    tcase_add_test(tc, a_middleware_may_free_the_server);
    tcase_add_test(tc, what_a_middleware_sends_comes_before_the_reply);
    tcase_add_test(tc, rooms_are_left_upon_a_refusal);
    tcase_add_test(tc, the_middlewares_are_those_of_the_beginning);
    tcase_add_test(tc, violations_meanwhile);
    tcase_add_test(tc, pending_ones_are_limited);
    tcase_add_test(tc, a_slow_answer_does_not_stop_the_clock);
    tcase_add_test(tc, old_clients_are_refused_in_their_way);
    TCase *memory = tcase_create("memory");
    tcase_add_test(memory, survives_failing_allocations);
    suite_add_tcase(suite, memory);
    return test_run(suite);
}
