#include "server_support.h"

#include <stdio.h>

enum { PEERS = 4 };

static server_test t;
static sio_namespace *root;
static raw_client c[PEERS];
static char ids[PEERS][64];
static unsigned gone;

static sio_peer *peer(int i) {
    return sio_namespace_find(root, ids[i]);
}

/* Rooms: 0 and 1 in "a"; 1 and 2 in "b"; 3 in none. */
static void start_with(sio_server_options options) {
    gone = 0;
    server_start(&t, &options);
    root = sio_server_of(t.server, "/");
    for (int i = 0; i < PEERS; i++) {
        ws_join(&c[i], &t, "40", ids[i]);
    }
    ck_assert_int_eq(sio_peer_join(peer(0), "a"), 0);
    ck_assert_int_eq(sio_peer_join(peer(1), "a"), 0);
    ck_assert_int_eq(sio_peer_join(peer(1), "b"), 0);
    ck_assert_int_eq(sio_peer_join(peer(2), "b"), 0);
    server_settle(&t);
}

static void start(void) {
    start_with((sio_server_options)SIO_SERVER_OPTIONS_INIT);
}

static void stop(void) {
    for (int i = 0; i < PEERS; i++) {
        raw_close(&c[i]);
    }
    server_stop(&t);
}

/* Exactly those of `who` (one character a peer, 'x' or '-') get the event, once. */
static void reaches(sio_target *target, const char *who) {
    sio_target everyone = sio_namespace_target(root);
    int64_t count = 0;
    for (int i = 0; i < PEERS; i++) {
        count += who[i] == 'x';
    }
    ck_assert_int_eq(sio_target_count(target), count);
    ck_assert_int_eq(sio_target_emitf(target, "hit", "i", 1), 0);
    ck_assert_int_eq(sio_target_emitf(&everyone, "end", NULL), 0);
    for (int i = 0; i < PEERS; i++) {
        if (who[i] == 'x') {
            ws_expect(&c[i], "42[\"hit\",1]");
        }
        ws_expect(&c[i], "42[\"end\"]");
    }
}

/* IO59 IO60 IO61 IO137 IO138 IO139 IO140 IO146 IO147 */
START_TEST(names_who_gets_it) {
    sio_target target = sio_namespace_target(root);
    reaches(&target, "xxxx");
    reaches(sio_target_to(&target, "a"), "xx--");
    reaches(sio_target_to(&target, "b"), "xxx-"); /* one copy for who is in both */
    reaches(sio_target_except(&target, "b"), "x---");
    target = sio_peer_broadcast(peer(3));
    reaches(&target, "xxx-");
    target = sio_peer_broadcast(peer(0));
    reaches(sio_target_to(&target, "a"), "-x--");
    target = sio_namespace_target(root);
    reaches(sio_target_to(&target, ids[3]), "---x"); /* an id is a room */
    target = sio_namespace_target(root);
    reaches(sio_target_except(&target, ids[3]), "xxx-");
    target = sio_namespace_target(root);
    reaches(sio_target_to(&target, "nobody"), "----");
    target = sio_namespace_target(root);
    sio_target_to(&target, ids[0]);
    reaches(sio_target_to(&target, "a"), "xx--");
    target = sio_namespace_target(root);
    reaches(sio_target_except(sio_target_except(&target, "a"), "b"), "---x");
}
END_TEST

START_TEST(can_be_used_again) {
    sio_target target = sio_namespace_target(root);
    sio_target_to(&target, "a");
    reaches(&target, "xx--");
    sio_peer_leave(peer(0), "a");
    sio_peer_join(peer(3), "a");
    reaches(&target, "-x-x");
    sio_peer_leave(peer(3), ids[3]);
    target = sio_namespace_target(root);
    reaches(sio_target_to(&target, ids[3]), "----"); /* it left its own room */
    sio_peer_join(peer(2), ids[3]); /* and somebody else is in a room of that name */
    reaches(&target, "--x-");
    sio_peer_join(peer(3), ids[3]);
    reaches(&target, "--xx");
}
END_TEST

/* IO135 IO60 */
START_TEST(does_not_leave_its_namespace) {
    sio_namespace *chat = sio_server_of(t.server, "/chat");
    ws_join_more(&c[0], "40/chat,", NULL);
    sio_target target = sio_namespace_target(chat);
    ck_assert_int_eq(sio_target_emitf(&target, "hello", NULL), 0);
    ws_expect(&c[0], "42/chat,[\"hello\"]");
    sio_target_to(&target, "a");
    ck_assert_int_eq(sio_target_count(&target), 0);
    target = sio_namespace_target(root);
    reaches(&target, "xxxx");
}
END_TEST

START_TEST(takes_so_many_rooms) {
    sio_target target = sio_namespace_target(root);
    for (int i = 0; i < SIO_TARGET_ROOMS; i++) {
        sio_target_to(&target, "a");
        sio_target_except(&target, "nobody");
    }
    reaches(&target, "xx--");
    sio_target_to(&target, "b");
    ck_assert_int_eq(sio_target_count(&target), SIO_ERR_LIMIT);
    ck_assert_int_eq(sio_target_emitf(&target, "x", NULL), SIO_ERR_LIMIT);
    ck_assert_int_eq(sio_target_join(&target, "x"), SIO_ERR_LIMIT);
    ck_assert_int_eq(sio_target_leave(&target, "x"), SIO_ERR_LIMIT);
    ck_assert_int_eq(sio_target_disconnect(&target, true), SIO_ERR_LIMIT);
    target = sio_peer_broadcast(peer(0));
    for (int i = 0; i < SIO_TARGET_ROOMS; i++) {
        sio_target_except(&target, "nobody");
    }
    ck_assert_int_eq(sio_target_count(&target), SIO_ERR_LIMIT);
}
END_TEST

/* As many as wanted in an array; a small one is copied. */
START_TEST(takes_arrays_of_rooms) {
    const char *many[20];
    for (int i = 0; i < 20; i++) {
        many[i] = "nobody";
    }
    many[19] = "b";
    sio_target target = sio_namespace_target(root);
    reaches(sio_target_to_all(&target, many, 20), "-xx-");
    reaches(sio_target_to(&target, "a"), "xxx-");
    reaches(sio_target_except_all(&target, (const char *const[]){"a"}, 1), "--x-");
    ck_assert_uint_eq(sio_target_room_count(&target), 21);
    ck_assert_str_eq(sio_target_room(&target, 0), "a");
    ck_assert_str_eq(sio_target_room(&target, 20), "b");
    ck_assert_ptr_null(sio_target_room(&target, 21));
    ck_assert_uint_eq(sio_target_except_count(&target), 1);
    ck_assert_ptr_null(sio_target_except_room(&target, 1));
    sio_target copy = target;
    sio_target_to_all(&copy, many, 20);
    ck_assert_int_eq(sio_target_count(&copy), SIO_ERR_LIMIT);
    target = sio_namespace_target(root);
    reaches(sio_target_except_all(&target, many, 20), "x--x");
    ck_assert_str_eq(sio_target_except_room(&target, 19), "b");
    ck_assert_int_eq(sio_target_count(sio_target_except_all(&target, many, 20)), SIO_ERR_LIMIT);
}
END_TEST

/* IO37 IO148 */
START_TEST(copies_are_independent) {
    sio_target all = sio_namespace_target(root);
    sio_target a = all;
    sio_target_to(&a, "a")->is_volatile = true;
    ck_assert(!all.is_volatile);
    reaches(&all, "xxxx");
    sio_target others = sio_peer_broadcast(peer(0));
    sio_target in_b = others;
    sio_target_to(&in_b, "b");
    reaches(&others, "-xxx");
    reaches(&in_b, "-xx-");
}
END_TEST

/* IO36 */
START_TEST(sends_messages) {
    sio_target all = sio_namespace_target(root);
    ck_assert_int_eq(sio_target_send(&all, NULL), 0);
    ws_expect(&c[0], "42[\"message\"]");
}
END_TEST

/* IO136 IO141 */
START_TEST(sends_binary_to_all) {
    sio_target target = sio_namespace_target(root);
    ck_assert_int_eq(sio_target_emitf(&target, "bin", "B", "\1\2", (size_t)2), 0);
    for (int i = 0; i < PEERS; i++) {
        ws_expect(&c[i], "451-[\"bin\",{\"_placeholder\":true,\"num\":0}]");
        ws_expect_binary(&c[i], "\1\2", 2);
    }
    reaches(&target, "xxxx");
}
END_TEST

START_TEST(reaches_every_transport) {
    poller p;
    poller_open(&p, &t, "EIO=4");
    poller_post(&p, "40");
    poller_poll(&p);
    http_expect_answer(&p.get, 200, NULL);
    sio_target target = sio_namespace_target(root);
    ck_assert_int_eq(sio_target_emitf(&target, "all", "B", "\1\2", (size_t)2), 0);
    poller_get(&p, "451-[\"all\",{\"_placeholder\":true,\"num\":0}]\x1e"
                   "bAQI=");
    ws_expect(&c[0], "451-[\"all\",{\"_placeholder\":true,\"num\":0}]");
    poller_close(&p);
}
END_TEST

/* IO57 */
START_TEST(refuses_reserved_names) {
    sio_target target = sio_namespace_target(root);
    ck_assert_int_eq(sio_target_emitf(&target, "disconnect", NULL), SIO_ERR_RESERVED);
    ck_assert_int_eq(sio_target_emit(&target, "connect", NULL), SIO_ERR_RESERVED);
    ck_assert_int_eq(sio_target_emitf(&target, "x", "?", 0), SIO_ERR_INVALID);
    reaches(&target, "xxxx");
}
END_TEST

/* IO53 IO54 IO93 */
START_TEST(volatile_events_are_dropped_for_who_is_busy) {
    sio_target target = sio_namespace_target(root);
    target.is_volatile = true;
    ck_assert_int_eq(sio_peer_emitf(peer(0), "busy", NULL), 0);
    ck_assert_int_eq(sio_target_emitf(&target, "v", "B", "\1", (size_t)1), 0);
    ck_assert_int_eq(sio_target_emitf(&target, "v2", "B", "\1", (size_t)1), 0);
    target.is_volatile = false;
    ws_expect(&c[0], "42[\"busy\"]");
    for (int i = 1; i < PEERS; i++) {
        ws_expect(&c[i], "451-[\"v\",{\"_placeholder\":true,\"num\":0}]");
        ws_expect_binary(&c[i], "\1", 1);
    }
    reaches(&target, "xxxx");
}
END_TEST

#if SIO_HAVE_DEFLATE
/* IO55 IO56 E101 */
START_TEST(compresses_once_for_all) {
    stop();
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.per_message_deflate = true;
    options.compress_threshold = 50;
    start_with(options);
    static const char offer[] = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
    raw_client deflated[2];
    for (int i = 0; i < 2; i++) {
        ws_open(&deflated[i], &t, "EIO=4", offer);
        ws_expect_start(&deflated[i], "0{");
        ws_join_more(&deflated[i], "40", NULL);
    }
    char text[200];
    char want[256];
    memset(text, 'y', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    snprintf(want, sizeof(want), "42[\"x\",\"%s\"]", text);
    sio_target target = sio_namespace_target(root);
    ck_assert_int_eq(sio_target_emitf(&target, "x", "s", text), 0);
    target.no_compress = true;
    ck_assert_int_eq(sio_target_emitf(&target, "x", "s", text), 0);
    ws_frame frames[2];
    for (int i = 0; i < 2; i++) {
        ck_assert(ws_receive(&deflated[i], &frames[i]));
        ck_assert_uint_eq(frames[i].first, 0xc1);
        ws_expect(&deflated[i], want);
    }
    ck_assert_uint_eq(frames[0].len, frames[1].len);
    ck_assert_mem_eq(frames[0].data, frames[1].data, frames[0].len);
    for (int i = 0; i < PEERS; i++) {
        ws_expect(&c[i], want);
        ws_expect(&c[i], want);
    }
    for (int i = 0; i < 2; i++) {
        ws_frame_free(&frames[i]);
        raw_close(&deflated[i]);
    }
}
END_TEST
#endif

/* ---- acting on many ---- */

/* IO178 IO179 IO180 IO181 */
START_TEST(makes_them_join_and_leave) {
    sio_target a = sio_namespace_target(root);
    sio_target_to(&a, "a");
    ck_assert_int_eq(sio_target_join(&a, "c"), 0);
    sio_target in_c = sio_namespace_target(root);
    reaches(sio_target_to(&in_c, "c"), "xx--");
    ck_assert_int_eq(sio_target_leave(&in_c, "c"), 0); /* the room goes while it is walked */
    reaches(&in_c, "----");
    ck_assert_int_eq(sio_target_leave(&a, "a"), 0);
    ck_assert_int_eq(sio_target_count(&a), 0);
    ck_assert_int_eq(sio_target_join(&a, "d"), 0);
}
END_TEST

/* IO182 IO183 */
START_TEST(disconnects_them) {
    sio_target a = sio_namespace_target(root);
    sio_target_to(&a, "a");
    ck_assert_int_eq(sio_target_disconnect(&a, false), 0);
    ws_expect(&c[0], "41");
    ws_expect(&c[1], "41");
    ck_assert_uint_eq(sio_namespace_peer_count(root), 2);
    sio_target rest = sio_namespace_target(root);
    ck_assert_int_eq(sio_target_disconnect(&rest, true), 0);
    for (int i = 2; i < PEERS; i++) {
        ws_expect(&c[i], "41");
        ws_expect_close(&c[i], 0);
    }
    ck_assert_uint_eq(sio_namespace_peer_count(root), 0);
    ck_assert_int_eq(sio_target_disconnect(&rest, true), 0);
}
END_TEST

static void disconnect_next(sio_peer *leaving, const sio_event *event, void *user) {
    sio_target everyone = sio_namespace_target(root);
    gone++;
    ck_assert_int_eq(sio_target_emitf(&everyone, "left", "s", sio_peer_id(leaving)), 0);
    ck_assert_int_eq(sio_target_disconnect(&everyone, gone % 2 == 0), 0);
}

/* Handlers that disconnect the others while they are being disconnected. */
START_TEST(disconnects_inside_disconnects) {
    sio_namespace_on(root, "disconnect", disconnect_next, NULL);
    sio_target everyone = sio_namespace_target(root);
    ck_assert_int_eq(sio_target_disconnect(&everyone, true), 0);
    ck_assert_uint_eq(gone, PEERS);
    ck_assert_uint_eq(sio_namespace_peer_count(root), 0);
    for (int i = 0; i < PEERS; i++) {
        server_until(&t, c[i].len > 0);
    }
}
END_TEST

/* One that does not read is closed; the others get everything. */
START_TEST(a_full_queue_hurts_nobody_else) {
    stop();
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.max_queued_bytes = 30000;
    start_with(options);
    char text[20001];
    memset(text, 'x', 20000);
    text[20000] = '\0';
    ck_assert_int_eq(sio_peer_emitf(peer(0), "fill", "s", text), 0);
    sio_target everyone = sio_namespace_target(root);
    ck_assert_int_eq(sio_target_emitf(&everyone, "x", "s", text), 0);
    server_until(&t, sio_namespace_peer_count(root) == PEERS - 1);
    for (int i = 1; i < PEERS; i++) {
        ws_expect_start(&c[i], "42[\"x\",\"xxx");
    }
    ck_assert_ptr_null(peer(0));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("target");
    TCase *tc = tcase_create("target");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, names_who_gets_it);
    tcase_add_test(tc, can_be_used_again);
    tcase_add_test(tc, does_not_leave_its_namespace);
    tcase_add_test(tc, takes_so_many_rooms);
    tcase_add_test(tc, takes_arrays_of_rooms);
    tcase_add_test(tc, copies_are_independent);
    tcase_add_test(tc, sends_messages);
    tcase_add_test(tc, sends_binary_to_all);
    tcase_add_test(tc, reaches_every_transport);
    tcase_add_test(tc, refuses_reserved_names);
    tcase_add_test(tc, volatile_events_are_dropped_for_who_is_busy);
#if SIO_HAVE_DEFLATE
    tcase_add_test(tc, compresses_once_for_all);
#endif
    tcase_add_test(tc, makes_them_join_and_leave);
    tcase_add_test(tc, disconnects_them);
    tcase_add_test(tc, disconnects_inside_disconnects);
    tcase_add_test(tc, a_full_queue_hurts_nobody_else);
    return test_run(suite);
}
