/* What is done to the peers of all servers of a cluster, over the hub. */
#include "hub_support.h"

#include "adapter_cluster.h"

#include <stdio.h>

static town w;

static void start(void) {
    town_start(&w, NULL, 0);
}

static void stop(void) {
    town_stop(&w);
}

/* Nothing has come that was not expected. */
static void expect_silence(void) {
    town_settle(&w);
    for (int i = 0; i < TOWN; i++) {
        ck_assert_msg(w.c[i].len == 0, "client %d got %s", i, (const char *)w.c[i].in);
    }
}

/* ---- broadcasts ---- */

/* AD22: all */
START_TEST(an_event_reaches_all) {
    for (int i = 0; i < TOWN; i++) {
        sio_target all = town_target(&w, i, NULL);
        ck_assert_int_eq(sio_target_emitf(&all, "e", "i s b", i, "text", 1), 0);
        for (int k = 0; k < TOWN; k++) {
            char text[64];
            snprintf(text, sizeof(text), "42[\"e\",%d,\"text\",true]", i);
            ws_expect(&w.c[k], text);
        }
    }
    expect_silence();
}
END_TEST

/* AD22: namespace */
START_TEST(namespaces_are_apart) {
    sio_namespace *chat[TOWN];
    raw_client c[2];
    for (int i = 0; i < TOWN; i++) {
        chat[i] = sio_server_of(w.t[i].server, "/chat");
    }
    ws_join(&c[0], &w.t[1], "40/chat,", NULL);
    ws_join(&c[1], &w.t[2], "40/chat,", NULL);
    sio_target all = sio_namespace_target(chat[0]);
    ck_assert_int_eq(sio_target_emitf(&all, "e", NULL), 0);
    ws_expect(&c[0], "42/chat,[\"e\"]");
    ws_expect(&c[1], "42/chat,[\"e\"]");
    expect_silence();
    raw_close(&c[0]);
    raw_close(&c[1]);
}
END_TEST

/* AD22: room, except */
START_TEST(rooms_and_exceptions_travel) {
    sio_target b = town_target(&w, 0, "b");
    ck_assert_int_eq(sio_target_emitf(&b, "b", NULL), 0);
    ws_expect(&w.c[1], "42[\"b\"]");
    ws_expect(&w.c[2], "42[\"b\"]");
    sio_target not_b = town_target(&w, 1, NULL);
    ck_assert_int_eq(sio_target_emitf(sio_target_except(&not_b, "b"), "n", NULL), 0);
    ws_expect(&w.c[0], "42[\"n\"]");
    sio_target one = town_target(&w, 2, w.ids[0]);
    ck_assert_int_eq(sio_target_emitf(&one, "o", NULL), 0);
    ws_expect(&w.c[0], "42[\"o\"]");
    sio_target others = sio_peer_broadcast(town_peer(&w, 0));
    ck_assert_int_eq(sio_target_emitf(&others, "p", NULL), 0);
    ws_expect(&w.c[1], "42[\"p\"]");
    ws_expect(&w.c[2], "42[\"p\"]");
    expect_silence();
}
END_TEST

START_TEST(any_number_of_rooms_travels) {
    const char *rooms[20];
    const char *except[20];
    char names[40][16];
    for (int i = 0; i < 20; i++) {
        snprintf(names[i], 16, "r%d", i);
        snprintf(names[20 + i], 16, "x%d", i);
        rooms[i] = names[i];
        except[i] = names[20 + i];
    }
    ck_assert_int_eq(sio_peer_join(town_peer(&w, 0), "r19"), 0);
    ck_assert_int_eq(sio_peer_join(town_peer(&w, 1), "r0"), 0);
    ck_assert_int_eq(sio_peer_join(town_peer(&w, 1), "x19"), 0);
    sio_target many = town_target(&w, 2, "a");
    sio_target_to_all(&many, rooms, 20);
    sio_target_except(&many, "b");
    sio_target_except_all(&many, except, 20);
    ck_assert_int_eq(sio_target_emitf(&many, "e", NULL), 0);
    ws_expect(&w.c[0], "42[\"e\"]");
    expect_silence();
}
END_TEST

/* AD22: local only */
START_TEST(local_events_stay) {
    sio_target local = town_target(&w, 1, NULL);
    local.is_local = true;
    ck_assert_int_eq(sio_target_emitf(&local, "e", NULL), 0);
    ws_expect(&w.c[1], "42[\"e\"]");
    expect_silence();
}
END_TEST

START_TEST(binary_arguments_travel) {
    sio_target all = town_target(&w, 0, NULL);
    ck_assert_int_eq(sio_target_emitf(&all, "e", "s B B", "x", "abc", (size_t)3, "", (size_t)0), 0);
    for (int i = 0; i < TOWN; i++) {
        ws_expect(&w.c[i], "452-[\"e\",\"x\",{\"_placeholder\":true,\"num\":0},"
                           "{\"_placeholder\":true,\"num\":1}]");
        ws_expect_binary(&w.c[i], "abc", 3);
        ws_expect_binary(&w.c[i], "", 0);
    }
}
END_TEST

/* An object that looks like a placeholder is one only where there are attachments. */
START_TEST(what_looks_like_an_attachment_travels) {
    sio_target all = town_target(&w, 0, NULL);
    const char *fake = "{\"_placeholder\":true,\"num\":7}";
    ck_assert_int_eq(sio_target_emitf(&all, "e", "r", fake), 0);
    ws_expect(&w.c[2], "42[\"e\",{\"_placeholder\":true,\"num\":7}]");
    ck_assert_int_eq(sio_target_emitf(&all, "e", "r B", fake, "x", (size_t)1),
                     SIO_ERR_SIO_PLACEHOLDER);
}
END_TEST

START_TEST(reserved_names_and_bad_targets_go_nowhere) {
    sio_target all = town_target(&w, 0, NULL);
    ck_assert_int_eq(sio_target_emitf(&all, "connect", NULL), SIO_ERR_RESERVED);
    for (int i = 0; i < SIO_TARGET_ROOMS + 1; i++) {
        sio_target_to(&all, "r");
    }
    ck_assert_int_eq(sio_target_emitf(&all, "e", NULL), SIO_ERR_LIMIT);
    ck_assert_int_eq(sio_target_disconnect(&all, false), SIO_ERR_LIMIT);
    expect_silence();
}
END_TEST

/* From each server they come in the order of sending, commands and events alike. */
START_TEST(everything_arrives_in_order) {
    sio_target all = town_target(&w, 0, NULL);
    sio_target c = town_target(&w, 0, "c");
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(sio_target_join(&all, "c"), 0);
        ck_assert_int_eq(sio_target_emitf(&c, "in", "i", i), 0);
        ck_assert_int_eq(sio_target_leave(&all, "c"), 0);
        ck_assert_int_eq(sio_target_emitf(&c, "out", "i", i), 0);
    }
    for (int k = 0; k < TOWN; k++) {
        for (int i = 0; i < 100; i++) {
            char text[32];
            snprintf(text, sizeof(text), "42[\"in\",%d]", i);
            ws_expect(&w.c[k], text);
        }
    }
    expect_silence();
}
END_TEST

/* ---- commands ---- */

/* AD23: join */
START_TEST(peers_of_all_servers_join_rooms) {
    sio_target all = town_target(&w, 0, NULL);
    sio_target b = town_target(&w, 0, "b");
    sio_target one = town_target(&w, 0, w.ids[2]);
    const char *two[] = {"y", "z"};
    ck_assert_int_eq(sio_target_join(&all, "x"), 0);
    ck_assert_int_eq(sio_target_join_all(&b, two, 2), 0);
    ck_assert_int_eq(sio_target_join(&one, "only"), 0);
    town_settle(&w);
    for (int i = 0; i < TOWN; i++) {
        ck_assert(sio_peer_in_room(town_peer(&w, i), "x"));
        ck_assert_int_eq(sio_peer_in_room(town_peer(&w, i), "y"), i > 0);
        ck_assert_int_eq(sio_peer_in_room(town_peer(&w, i), "z"), i > 0);
        ck_assert_int_eq(sio_peer_in_room(town_peer(&w, i), "only"), i == 2);
    }
}
END_TEST

/* AD23: leave */
START_TEST(and_leave_them) {
    sio_target all = town_target(&w, 0, NULL);
    sio_target a = town_target(&w, 2, "a");
    sio_target local = town_target(&w, 1, NULL);
    local.is_local = true;
    ck_assert_int_eq(sio_target_leave(&a, "a"), 0);
    ck_assert_int_eq(sio_target_leave(&local, "b"), 0);
    town_settle(&w);
    for (int i = 0; i < TOWN; i++) {
        ck_assert(!sio_peer_in_room(town_peer(&w, i), "a"));
        ck_assert_int_eq(sio_peer_in_room(town_peer(&w, i), "b"), i == 2);
    }
    const char *both[] = {"a", "b"};
    ck_assert_int_eq(sio_target_leave_all(&all, both, 2), 0);
    town_settle(&w);
    ck_assert(!sio_peer_in_room(town_peer(&w, 2), "b"));
}
END_TEST

/* AD23: disconnect all, packet before disconnect */
START_TEST(and_are_disconnected) {
    sio_target all = town_target(&w, 1, NULL);
    ck_assert_int_eq(sio_target_emitf(&all, "bye", NULL), 0);
    ck_assert_int_eq(sio_target_disconnect(&all, false), 0);
    for (int i = 0; i < TOWN; i++) {
        ws_expect(&w.c[i], "42[\"bye\"]");
        ws_expect(&w.c[i], "41");
        ck_assert_uint_eq(sio_namespace_peer_count(w.root[i]), 0);
    }
}
END_TEST

START_TEST(with_their_connections) {
    sio_target b = town_target(&w, 0, "b");
    ck_assert_int_eq(sio_target_disconnect(&b, true), 0);
    for (int i = 1; i < TOWN; i++) {
        ws_expect(&w.c[i], "41");
        ws_expect_close(&w.c[i], 0);
    }
    ck_assert_uint_eq(sio_namespace_peer_count(w.root[0]), 1);
}
END_TEST

/* A handler that runs on behalf of another server may end its own. */
static void end_server(sio_peer *peer, const sio_event *event, void *user) {
    town_end_server(&w, 2);
}

START_TEST(a_handler_may_end_the_server) {
    sio_namespace_on(w.root[2], "disconnect", end_server, NULL);
    sio_target one = town_target(&w, 0, w.ids[2]);
    sio_target all = town_target(&w, 0, NULL);
    ck_assert_int_eq(sio_target_disconnect(&one, false), 0);
    ck_assert_int_eq(sio_target_emitf(&all, "after", NULL), 0);
    server_until(&w.t[0], w.t[2].server == NULL);
    ws_expect(&w.c[0], "42[\"after\"]");
    ws_expect(&w.c[1], "42[\"after\"]");
    ck_assert_int_eq(sio_target_emitf(&all, "still", NULL), 0);
    ws_expect(&w.c[1], "42[\"still\"]");
}
END_TEST

/* ---- counting ---- */

static void on_servers(int status, uint32_t servers, void *user) {
    town_note(&w, "%d:%u ", status, servers);
}

static void count_from(int i) {
    sio_adapter *adapter = sio_namespace_adapter(w.root[i]);
    ck_assert_int_eq(adapter->ops->server_count(adapter, on_servers, NULL), 0);
    town_expect(&w, "");
    town_until(&w, " ");
}

START_TEST(servers_come_and_go) {
    count_from(0);
    town_expect(&w, "0:3 ");
    town_end_server(&w, 1);
    count_from(2);
    town_expect(&w, "0:2 ");
    sio_target all = town_target(&w, 0, NULL);
    ck_assert_int_eq(sio_target_emitf(&all, "e", NULL), 0);
    ws_expect(&w.c[2], "42[\"e\"]");
    town_end_server(&w, 2);
    count_from(0);
    town_expect(&w, "0:1 ");
    ck_assert_int_eq(sio_target_emitf(&all, "alone", NULL), 0);
    ws_expect(&w.c[0], "42[\"e\"]");
    ws_expect(&w.c[0], "42[\"alone\"]");
}
END_TEST

/* ---- short of memory ---- */

static int emit_to_all(town *p) {
    sio_target all = town_target(p, 0, NULL);
    return sio_target_emitf(&all, "e", "i B", 1, "abc", (size_t)3);
}

static int join_all(town *p) {
    sio_target all = town_target(p, 0, NULL);
    return sio_target_join(&all, "somewhere");
}

/* Peers that cannot be sent to are closed. */
static void anew(town *p) {
    bool gone = false;
    for (int i = 0; i < TOWN; i++) {
        gone |= !town_peer(p, i);
    }
    if (gone) {
        bool ran_out = p->ran_out;
        town_stop(p);
        town_start(p, NULL, 0);
        p->ran_out = ran_out;
    }
}

/* AD22: still local when publishing fails */
START_TEST(survives_short_memory) {
    town_sweep(&w, emit_to_all, anew);
    town_sweep(&w, join_all, anew);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server adapter cluster");
    TCase *broadcasts = tcase_create("broadcasts");
    tcase_add_checked_fixture(broadcasts, start, stop);
    tcase_add_test(broadcasts, an_event_reaches_all);
    tcase_add_test(broadcasts, namespaces_are_apart);
    tcase_add_test(broadcasts, rooms_and_exceptions_travel);
    tcase_add_test(broadcasts, any_number_of_rooms_travels);
    tcase_add_test(broadcasts, local_events_stay);
    tcase_add_test(broadcasts, binary_arguments_travel);
    tcase_add_test(broadcasts, what_looks_like_an_attachment_travels);
    tcase_add_test(broadcasts, reserved_names_and_bad_targets_go_nowhere);
    tcase_add_test(broadcasts, everything_arrives_in_order);
    suite_add_tcase(suite, broadcasts);
    TCase *commands = tcase_create("commands");
    tcase_add_checked_fixture(commands, start, stop);
    tcase_add_test(commands, peers_of_all_servers_join_rooms);
    tcase_add_test(commands, and_leave_them);
    tcase_add_test(commands, and_are_disconnected);
    tcase_add_test(commands, with_their_connections);
    tcase_add_test(commands, a_handler_may_end_the_server);
    tcase_add_test(commands, servers_come_and_go);
    tcase_add_test(commands, survives_short_memory);
    suite_add_tcase(suite, commands);
    return test_run(suite);
}
