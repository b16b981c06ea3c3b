#include "server_notes.h"
#include "server_support.h"

#include "parent.h"
#include "peer.h"

#include <stdio.h>

static server_test t;
static raw_client c;
static raw_client d;
static sio_next *kept[2];
static unsigned kept_count;
static sio_namespace *made;
static sio_peer *last_peer;

static void start_with(bool cleanup, uint32_t max) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.cleanup_empty_child_namespaces = cleanup;
    options.max_child_namespaces = max;
    notes[0] = '\0';
    kept_count = 0;
    made = NULL;
    last_peer = NULL;
    server_start(&t, &options);
}

static void start(void) {
    start_with(true, 0);
}

static void stop(void) {
    server_stop(&t);
}

static void restart(bool cleanup, uint32_t max) {
    stop();
    start_with(cleanup, max);
}

static bool exists(const char *name) {
    return sio_namespace_lookup(t.server, (sio_str){name, strlen(name)}) != NULL;
}

static void refused(const char *connect, const char *answer) {
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_text(&c, connect);
    ws_expect(&c, answer);
    raw_close(&c);
}

static void agree(sio_peer *peer, sio_next *next, void *user) {
    note(user);
    sio_next_ok(next);
}

static void refuse(sio_peer *peer, sio_next *next, void *user) {
    sio_next_refuse(next, "go away", NULL);
}

static void peer_note(sio_peer *peer, const sio_event *event, void *user) {
    note(user);
    last_peer = peer;
}

static void namespace_note(sio_namespace *ns, void *user) {
    note(user);
    note(sio_namespace_name(ns));
    made = ns;
}

/* ---- patterns ---- */

/* IO64 IO68 */
START_TEST(a_pattern_makes_children) {
    sio_namespace *parent = sio_server_of_pattern(t.server, "^/room-[0-9]+$");
    ck_assert_ptr_nonnull(parent);
    ck_assert_str_eq(sio_namespace_name(parent), "/_0");
    sio_namespace_use(parent, agree, tag("use"));
    sio_namespace_on_connect(parent, peer_note, tag("connect"));
    sio_namespace_on_connection(parent, peer_note, tag("connection"));
    sio_namespace_on(parent, "x", peer_note, tag("x"));
    sio_server_on_new_namespace(t.server, namespace_note, tag("new"));
    ws_join(&c, &t, "40/room-101,", NULL);
    ck_assert_str_eq(notes, "new /room-101 use connect connection ");
    ws_text(&c, "42/room-101,[\"x\"]");
    server_until(&t, strstr(notes, "x "));
    ck_assert_ptr_eq(sio_namespace_parent(made), parent);
    ck_assert_ptr_eq(sio_server_of(t.server, "room-101"), made);
    ck_assert_uint_eq(sio_namespace_child_count(parent), 1);
    ck_assert_uint_eq(sio_namespace_peer_count(parent), 0);
    ck_assert_uint_eq(sio_namespace_peer_count(made), 1);
    raw_close(&c);
}
END_TEST

/* IO67 */
START_TEST(nobody_takes_the_name) {
    sio_namespace *parent = sio_server_of_pattern(t.server, "^/room-[0-9]+$");
    char connect[400] = "40/room-";
    refused("40/room-x,", "44/room-x,{\"message\":\"Invalid namespace\"}");
    refused("40/_0,", "44/_0,{\"message\":\"Invalid namespace\"}"); /* nor is the parent one */
    memset(connect + 8, '1', 250);
    connect[258] = ','; /* behind a name of 256 bytes */
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_text(&c, connect);
    ws_expect_start(&c, "44/room-111");
    raw_close(&c);
    ck_assert_uint_eq(sio_namespace_child_count(parent), 0);
}
END_TEST

START_TEST(a_pattern_that_is_none) {
    ck_assert_ptr_null(sio_server_of_pattern(t.server, "("));
    ck_assert_ptr_null(sio_server_of_pattern(t.server, "["));
    ck_assert_ptr_null(sio_parent_after(t.server, &t.server->parents));
}
END_TEST

/* IO76 */
START_TEST(of_a_matching_name_is_a_child) {
    sio_namespace *parent = sio_server_of_pattern(t.server, "^/room-");
    sio_server_on_new_namespace(t.server, namespace_note, tag("new"));
    sio_namespace_on_connection(parent, peer_note, tag("connection"));
    sio_namespace *ns = sio_server_of(t.server, "room-1");
    ck_assert_ptr_eq(sio_namespace_parent(ns), parent);
    ck_assert_ptr_eq(sio_server_of(t.server, "/room-1"), ns);
    ck_assert_ptr_null(sio_namespace_parent(sio_server_of(t.server, "/other")));
    ws_join(&c, &t, "40/room-1,", NULL);
    ck_assert_str_eq(notes, "new /room-1 new /other connection ");
    raw_close(&c);
    server_until(&t, !exists("/room-1"));
    ck_assert(exists("/other"));
}
END_TEST

/* IO62 */
START_TEST(new_namespaces_are_told) {
    ck_assert_int_eq(sio_server_on_new_namespace(t.server, namespace_note, tag("a")), 0);
    sio_namespace *ns = sio_server_of(t.server, "/x");
    ck_assert_ptr_eq(made, ns);
    sio_server_of(t.server, "/x");
    ck_assert_int_eq(sio_server_off_new_namespace(t.server, namespace_note, tag("a")), 0);
    ck_assert_int_eq(sio_server_off_new_namespace(t.server, namespace_note, tag("a")),
                     SIO_ERR_NOT_FOUND);
    sio_server_of(t.server, "/y");
    ck_assert_str_eq(notes, "a /x ");
}
END_TEST

START_TEST(what_is_set_later_concerns_later_children) {
    sio_namespace *parent = sio_server_of_pattern(t.server, "^/room-");
    sio_server_of(t.server, "/room-1");
    sio_namespace_use(parent, agree, tag("use"));
    sio_namespace_on_connection(parent, peer_note, tag("connection"));
    ws_join(&c, &t, "40/room-1,", NULL);
    ck_assert_str_eq(notes, "");
    ws_join_more(&c, "40/room-2,", NULL);
    ck_assert_str_eq(notes, "use connection ");
    raw_close(&c);
}
END_TEST

/* ---- functions ---- */

static void match(const char *name, sio_str auth, sio_next *next, void *user) {
    note(name);
    ck_assert_ptr_null(sio_next_peer(next));
    if (auth.len == strlen(user) && memcmp(auth.ptr, user, auth.len) == 0) {
        sio_next_ok(next);
    } else {
        sio_next_refuse(next, "ignored", "{}");
    }
}

static void keep(const char *name, sio_str auth, sio_next *next, void *user) {
    ck_assert_uint_lt(kept_count, 2);
    kept[kept_count++] = next;
}

/* IO66 */
START_TEST(a_function_decides) {
    sio_namespace *first = sio_server_of_match(t.server, match, tag("{\"token\":1}"));
    sio_namespace *second = sio_server_of_match(t.server, match, tag("{}"));
    sio_namespace *third = sio_server_of_pattern(t.server, "^/p");
    ws_join(&c, &t, "40/a,{\"token\":1}", NULL);
    ws_join_more(&c, "40/b,", NULL);
    ws_join_more(&c, "40/p,{\"token\":2}", NULL);
    ws_text(&c, "40/q,{\"token\":2}");
    ws_expect(&c, "44/q,{\"message\":\"Invalid namespace\"}");
    ck_assert_str_eq(notes, "/a /b /b /p /p /q /q ");
    ck_assert_ptr_eq(sio_namespace_parent(sio_server_of(t.server, "/a")), first);
    ck_assert_ptr_eq(sio_namespace_parent(sio_server_of(t.server, "/b")), second);
    ck_assert_ptr_eq(sio_namespace_parent(sio_server_of(t.server, "/p")), third);
    raw_close(&c);
}
END_TEST

/* IO69 */
START_TEST(two_that_ask_at_once_join_one_namespace) {
    sio_namespace *parent = sio_server_of_match(t.server, keep, NULL);
    sio_server_on_new_namespace(t.server, namespace_note, tag("new"));
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_connect(&d, &t, "EIO=4", NULL);
    ws_text(&c, "40/a,");
    ws_text(&d, "40/a,");
    server_until(&t, kept_count == 2);
    sio_next_ok(kept[1]);
    sio_next_ok(kept[0]);
    ws_expect_start(&c, "40/a,{");
    ws_expect_start(&d, "40/a,{");
    ck_assert_str_eq(notes, "new /a ");
    ck_assert_uint_eq(sio_namespace_child_count(parent), 1);
    ck_assert_uint_eq(sio_namespace_peer_count(made), 2);
    raw_close(&c);
    raw_close(&d);
}
END_TEST

START_TEST(a_late_no_asks_the_next_parent) {
    sio_server_of_match(t.server, keep, NULL);
    sio_server_of_match(t.server, keep, NULL);
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_text(&c, "40/a,");
    server_until(&t, kept_count == 1);
    sio_next_refuse(kept[0], NULL, NULL);
    server_until(&t, kept_count == 2);
    sio_next_refuse(kept[1], NULL, NULL);
    ws_expect(&c, "44/a,{\"message\":\"Invalid namespace\"}");
    raw_close(&c);
}
END_TEST

START_TEST(a_client_that_goes_meanwhile_makes_none) {
    sio_server_of_match(t.server, keep, NULL);
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_text(&c, "40/a,");
    server_until(&t, kept_count == 1);
    raw_close(&c);
    server_until(&t, sio_server_session_count(t.server) == 0);
    ck_assert_int_eq(sio_next_ok(kept[0]), 0);
    server_settle(&t);
    ck_assert(!exists("/a"));
}
END_TEST

START_TEST(the_server_goes_before_the_answer) {
    sio_server_of_match(t.server, keep, NULL);
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_text(&c, "40/a,");
    server_until(&t, kept_count == 1);
    sio_server_free(t.server);
    t.server = NULL;
    ck_assert_int_eq(sio_next_ok(kept[0]), 0);
    raw_close(&c);
}
END_TEST

static void free_server(sio_namespace *ns, void *user) {
    sio_server_free(t.server);
    t.server = NULL;
}

START_TEST(who_hears_of_it_may_free_the_server) {
    sio_server_of_pattern(t.server, "^/a");
    sio_server_on_new_namespace(t.server, free_server, NULL);
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_text(&c, "40/a,");
    raw_expect_eof(&c);
    raw_close(&c);
}
END_TEST

START_TEST(of_in_a_server_that_is_freed_is_nothing) {
    sio_server_on_new_namespace(t.server, free_server, NULL);
    ck_assert_ptr_null(sio_server_of(t.server, "/a"));
}
END_TEST

static void cut_all(sio_namespace *ns, void *user) {
    sio_engine_session_close(sio_engine_session_next(sio_server_engine(t.server), NULL), true);
}

START_TEST(who_hears_of_it_may_end_the_connection) {
    sio_server_of_pattern(t.server, "^/a");
    sio_server_on_new_namespace(t.server, cut_all, NULL);
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_text(&c, "40/a,");
    raw_expect_eof(&c);
    raw_close(&c);
    ck_assert(exists("/a"));
    ck_assert_uint_eq(sio_namespace_joining_count(sio_server_of(t.server, "/a")), 0);
}
END_TEST

START_TEST(children_are_limited) {
    restart(true, 2);
    sio_server_of_pattern(t.server, "^/n");
    ws_join(&c, &t, "40/n1,", NULL);
    ws_join_more(&c, "40/n2,", NULL);
    ws_text(&c, "40/n3,");
    ws_expect(&c, "44/n3,{\"message\":\"Invalid namespace\"}");
    ck_assert_ptr_nonnull(sio_server_of(t.server, "/n4")); /* this is the application's own */
    ws_text(&c, "41/n1,");
    server_until(&t, !exists("/n1"));
    ws_text(&c, "41/n2,");
    server_until(&t, !exists("/n2"));
    ws_join_more(&c, "40/n3,", NULL);
    raw_close(&c);
}
END_TEST

/* ---- their end ---- */

/* IO70 IO71 */
START_TEST(a_child_goes_with_its_last_peer) {
    sio_namespace *parent = sio_server_of_pattern(t.server, "^/room-");
    sio_namespace_on_connection(parent, peer_note, tag("connection"));
    sio_namespace_on(parent, "disconnect", peer_note, tag("disconnect"));
    ws_join(&c, &t, "40/room-1,", NULL);
    ws_text(&c, "41/room-1,");
    server_until(&t, !exists("/room-1"));
    ck_assert_uint_eq(sio_namespace_child_count(parent), 0);
    ws_join_more(&c, "40/room-1,", NULL);
    ck_assert_uint_eq(sio_namespace_child_count(parent), 1);
    ck_assert_str_eq(notes, "connection disconnect connection ");
    raw_close(&c);
    server_until(&t, !exists("/room-1"));
}
END_TEST

static void on_reply(const sio_event *reply, void *user) {
    note(sio_error_text(reply->status));
}

static void ask(sio_peer *peer, const sio_event *event, void *user) {
    ck_assert_int_eq(sio_peer_emit_ackf(peer, "ask", 0, on_reply, NULL, ""), 0);
}

/* What a client answers to a child that is gone must not answer the next one of that name. */
START_TEST(ids_of_a_child_that_is_gone_do_not_come_again) {
    sio_namespace *parent = sio_server_of_pattern(t.server, "^/room-");
    sio_namespace_on_connection(parent, ask, NULL);
    ws_join(&c, &t, "40/room-1,", NULL);
    ws_expect(&c, "42/room-1,0[\"ask\"]");
    ws_text(&c, "41/room-1,");
    server_until(&t, !exists("/room-1"));
    ws_join_more(&c, "40/room-1,", NULL);
    ws_expect(&c, "42/room-1,1[\"ask\"]");
    raw_close(&c);
    server_until(&t, !exists("/room-1"));
}
END_TEST

/* IO72 IO73 */
START_TEST(without_the_option_it_stays) {
    restart(false, 0);
    sio_namespace *parent = sio_server_of_pattern(t.server, "^/room-");
    ws_join(&c, &t, "40/room-1,", NULL);
    sio_namespace_use(parent, refuse, NULL);
    ws_text(&c, "40/room-2,");
    ws_expect(&c, "44/room-2,{\"message\":\"go away\"}");
    raw_close(&c);
    server_until(&t, sio_server_session_count(t.server) == 0);
    server_settle(&t);
    ck_assert(exists("/room-1"));
    ck_assert(exists("/room-2"));
}
END_TEST

/* IO74 */
START_TEST(a_child_goes_with_a_refusal) {
    sio_namespace *parent = sio_server_of_pattern(t.server, "^/room-");
    sio_namespace_use(parent, refuse, NULL);
    refused("40/room-1,", "44/room-1,{\"message\":\"go away\"}");
    server_until(&t, !exists("/room-1"));
}
END_TEST

/* IO75 */
START_TEST(a_child_stays_while_somebody_is_in) {
    sio_server_of_pattern(t.server, "^/room-");
    ws_join(&d, &t, "40/room-1,", NULL);
    sio_namespace *child = sio_server_of(t.server, "/room-1");
    ws_join(&c, &t, "40/room-1,", NULL);
    raw_close(&c);
    server_until(&t, sio_namespace_peer_count(child) == 1);
    sio_namespace_use(child, refuse, NULL);
    refused("40/room-1,", "44/room-1,{\"message\":\"go away\"}");
    server_settle(&t);
    ck_assert(exists("/room-1"));
    raw_close(&d);
    server_until(&t, !exists("/room-1"));
}
END_TEST

static void keep_joining(sio_peer *peer, sio_next *next, void *user) {
    ck_assert_uint_lt(kept_count, 2);
    kept[kept_count++] = next;
}

/* The reference forgets those. */
START_TEST(a_child_stays_while_somebody_is_joining) {
    sio_namespace *parent = sio_server_of_pattern(t.server, "^/room-");
    sio_namespace_use(parent, keep_joining, NULL);
    ws_connect(&d, &t, "EIO=4", NULL);
    ws_text(&d, "40/room-1,");
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_text(&c, "40/room-1,");
    server_until(&t, kept_count == 2);
    raw_close(&c);
    server_until(&t, sio_namespace_joining_count(sio_server_of(t.server, "/room-1")) == 1);
    server_settle(&t);
    ck_assert(exists("/room-1"));
    sio_next_ok(kept[0]);
    sio_next_ok(kept[1]);
    ws_expect_start(&d, "40/room-1,{");
    raw_close(&d);
    server_until(&t, !exists("/room-1"));
}
END_TEST

static void use_after_the_end(sio_peer *peer, const sio_event *event, void *user) {
    sio_namespace *ns = sio_peer_namespace(peer);
    sio_target all = sio_namespace_target(ns);
    ck_assert_int_eq(sio_target_emit(&all, "x", NULL), 0);
    ck_assert_str_eq(sio_namespace_name(ns), "/room-1");
    ck_assert_ptr_eq(sio_server_of(t.server, "/room-1"), ns);
}

START_TEST(handlers_of_the_last_peer_may_use_it) {
    sio_namespace *parent = sio_server_of_pattern(t.server, "^/room-");
    sio_namespace_on(parent, "disconnect", use_after_the_end, NULL);
    ws_join(&c, &t, "40/room-1,", NULL);
    raw_close(&c);
    server_until(&t, !exists("/room-1"));
}
END_TEST

/* The peer object that the application keeps keeps the namespace. */
START_TEST(a_kept_peer_leads_to_it) {
    sio_namespace *parent = sio_server_of_pattern(t.server, "^/room-");
    sio_namespace_on_connection(parent, peer_note, tag("connection"));
    ws_join(&c, &t, "40/room-1,", NULL);
    sio_peer *peer = sio_peer_ref(last_peer);
    raw_close(&c);
    server_until(&t, !exists("/room-1"));
    ck_assert_str_eq(sio_namespace_name(sio_peer_namespace(peer)), "/room-1");
    ck_assert_ptr_null(sio_namespace_parent(sio_peer_namespace(peer)));
    ck_assert_int_eq(sio_peer_join(peer, "r"), SIO_ERR_DISCONNECTED);
    sio_target others = sio_peer_broadcast(peer);
    ck_assert_int_eq(sio_target_emit(&others, "x", NULL), 0);
    ck_assert_int_eq(sio_target_emit_ack(&others, "x", NULL, 0, NULL, NULL), SIO_ERR_DISCONNECTED);
    ws_join(&c, &t, "40/room-1,", NULL); /* another one of that name */
    ck_assert_ptr_ne(sio_server_of(t.server, "/room-1"), sio_peer_namespace(peer));
    ck_assert(!sio_list_empty(&t.server->removed_children));
    sio_peer_unref(peer);
    server_until(&t, sio_list_empty(&t.server->removed_children));
    raw_close(&c);
}
END_TEST

static void disconnect_all(sio_namespace *ns) {
    sio_target all = sio_namespace_target(ns);
    ck_assert_int_eq(sio_target_disconnect(&all, false), 0);
}

static void leave_and_come_back(sio_peer *peer, const sio_event *event, void *user) {
    disconnect_all(sio_peer_namespace(peer));
}

START_TEST(a_handler_may_end_the_last_peer) {
    sio_namespace *parent = sio_server_of_pattern(t.server, "^/room-");
    sio_namespace_on(parent, "end", leave_and_come_back, NULL);
    ws_join(&c, &t, "40/room-1,", NULL);
    ws_text(&c, "42/room-1,[\"end\"]");
    ws_expect(&c, "41/room-1,");
    server_until(&t, !exists("/room-1"));
    raw_close(&c);
}
END_TEST

/* ---- adapters ---- */

typedef struct slow_adapter {
    sio_adapter adapter;
    sio_adapter_done_fn done;
    void *user;
    bool freed;
} slow_adapter;

static slow_adapter slow;

static void slow_close(sio_adapter *adapter, sio_adapter_done_fn done, void *user) {
    slow.done = done;
    slow.user = user;
}

static void slow_free(sio_adapter *adapter) {
    slow.freed = true;
}

static int slow_create(sio_adapter **out, sio_namespace *ns, void *user) {
    static const sio_adapter_ops ops = {
        .size = sizeof(ops), .close = slow_close, .free = slow_free};
    if (strcmp(sio_namespace_name(ns), "/room-1") == 0) {
        slow = (slow_adapter){.adapter.ops = &ops};
        *out = &slow.adapter;
    }
    return 0;
}

static void start_with_slow_adapter(void) {
    stop();
    sio_server_adapter adapter = SIO_SERVER_ADAPTER_INIT;
    adapter.create = slow_create;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.cleanup_empty_child_namespaces = true;
    options.adapter = &adapter;
    server_start(&t, &options);
    sio_server_of_pattern(t.server, "^/room-");
    ws_join(&c, &t, "40/room-1,", NULL);
    raw_close(&c);
    server_until(&t, slow.done);
}

START_TEST(the_adapter_is_closed_and_then_freed) {
    slow.done = NULL;
    start_with_slow_adapter();
    server_settle(&t);
    ck_assert(!exists("/room-1"));
    ck_assert(!slow.freed);
    slow.done(0, slow.user);
    server_until(&t, slow.freed);
}
END_TEST

START_TEST(the_server_goes_while_an_adapter_closes) {
    slow.done = NULL;
    start_with_slow_adapter();
    sio_server_free(t.server);
    t.server = NULL;
    ck_assert(slow.freed);
}
END_TEST

/* ---- memory ---- */

static int children(sio_server *server) {
    sio_namespace *parent = sio_server_of_pattern(server, "^/n");
    if (!parent || !sio_server_of_match(server, match, NULL)) {
        return SIO_ERR_NOMEM;
    }
    int rc = sio_namespace_on_connection(parent, peer_note, NULL);
    rc = rc != 0 ? rc : sio_namespace_on(parent, "x", peer_note, NULL);
    rc = rc != 0 ? rc : sio_namespace_on_any(parent, peer_note, NULL);
    rc = rc != 0 ? rc : sio_namespace_use(parent, agree, NULL);
    rc = rc != 0 ? rc : sio_server_on_new_namespace(server, namespace_note, tag("new"));
    sio_namespace *child;
    sio_parent *of = sio_parent_matching(server, SIO_STR("/n1"));
    rc = rc != 0 ? rc : sio_parent_provide(&child, of, "/n1");
    if (rc == 0) {
        ck_assert_uint_eq(sio_namespace_handler_count(child, "x"), 1);
        sio_child_left(child);
    }
    return rc != 0 || sio_server_of(server, "/n2") ? rc : SIO_ERR_NOMEM;
}

static int scenario(const sio_mem *mem, void *arg) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.mem = mem;
    options.cleanup_empty_child_namespaces = true;
    options.base = event_base_new();
    notes[0] = '\0';
    sio_server *server;
    int rc = sio_server_new(&server, &options);
    if (rc == 0) {
        rc = children(server);
        event_base_loop(options.base, EVLOOP_NONBLOCK);
        ck_assert(sio_list_empty(&server->idle_children));
        ck_assert_ptr_null(sio_namespace_lookup(server, SIO_STR("/n1")));
        sio_server_free(server);
    }
    event_base_free(options.base);
    return rc;
}

START_TEST(survives_failing_allocations) {
    test_mem_sweep(scenario, NULL);
}
END_TEST

/* IO63 */
START_TEST(others_stay) {
    sio_server_of_pattern(t.server, "^/room-");
    sio_server_of(t.server, "/chat");
    ws_join(&c, &t, "40/chat,", NULL);
    raw_close(&c);
    server_until(&t, sio_server_session_count(t.server) == 0);
    server_settle(&t);
    ck_assert(exists("/chat"));
    ck_assert(exists("/"));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server_parent");
    TCase *tc = tcase_create("server_parent");
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, a_pattern_makes_children);
    tcase_add_test(tc, nobody_takes_the_name);
    tcase_add_test(tc, a_pattern_that_is_none);
    tcase_add_test(tc, of_a_matching_name_is_a_child);
    tcase_add_test(tc, new_namespaces_are_told);
    tcase_add_test(tc, what_is_set_later_concerns_later_children);
    tcase_add_test(tc, a_function_decides);
    tcase_add_test(tc, two_that_ask_at_once_join_one_namespace);
    tcase_add_test(tc, a_late_no_asks_the_next_parent);
    tcase_add_test(tc, a_client_that_goes_meanwhile_makes_none);
    tcase_add_test(tc, the_server_goes_before_the_answer);
    tcase_add_test(tc, who_hears_of_it_may_free_the_server);
    tcase_add_test(tc, of_in_a_server_that_is_freed_is_nothing);
    tcase_add_test(tc, who_hears_of_it_may_end_the_connection);
    tcase_add_test(tc, children_are_limited);
    tcase_add_test(tc, a_child_goes_with_its_last_peer);
    tcase_add_test(tc, ids_of_a_child_that_is_gone_do_not_come_again);
    tcase_add_test(tc, without_the_option_it_stays);
    tcase_add_test(tc, a_child_goes_with_a_refusal);
    tcase_add_test(tc, a_child_stays_while_somebody_is_in);
    tcase_add_test(tc, a_child_stays_while_somebody_is_joining);
    tcase_add_test(tc, handlers_of_the_last_peer_may_use_it);
    tcase_add_test(tc, a_kept_peer_leads_to_it);
    tcase_add_test(tc, a_handler_may_end_the_last_peer);
    tcase_add_test(tc, the_adapter_is_closed_and_then_freed);
    tcase_add_test(tc, the_server_goes_while_an_adapter_closes);
    tcase_add_test(tc, others_stay);
    suite_add_tcase(suite, tc);
    TCase *memory = tcase_create("memory");
    tcase_add_test(memory, survives_failing_allocations);
    suite_add_tcase(suite, memory);
    return test_run(suite);
}
