/* Dynamic namespaces of servers that share a hub: what is sent to a parent reaches the children of
 * all of them once, whoever has them. */
#include "hub_support.h"

#include "parent.h"

#include <stdio.h>

static town w;
static sio_namespace *parent[TOWN];
static raw_client c[TOWN];

static void make_parents(void) {
    for (int i = 0; i < TOWN; i++) {
        ck_assert_ptr_nonnull(sio_server_of_pattern(w.t[i].server, "^/other-"));
        parent[i] = sio_server_of_pattern(w.t[i].server, "^/child-");
    }
}

static void start(void) {
    town_start_empty(&w, NULL, 0);
    make_parents();
}

static void stop(void) {
    for (int i = 0; i < TOWN; i++) {
        raw_close(&c[i]);
    }
    town_stop(&w);
}

/* Child 1 is on servers 1 and 2, child 2 on server 2 only, and none on server 0. */
static void open_clients(void) {
    ws_join(&c[0], &w.t[1], "40/child-1,", NULL);
    ws_join(&c[1], &w.t[2], "40/child-1,", NULL);
    ws_join(&c[2], &w.t[2], "40/child-2,", NULL);
}

static void expect_silence(void) {
    town_settle(&w);
    for (int i = 0; i < TOWN; i++) {
        ck_assert_msg(c[i].len == 0, "client %d got %s", i, (const char *)c[i].in);
    }
}

static void expect_all(const char *packet) {
    char text[64];
    for (int i = 0; i < TOWN; i++) {
        snprintf(text, sizeof(text), "42/child-%d,%s", i < 2 ? 1 : 2, packet);
        ws_expect(&c[i], text);
    }
}

/* IO64, on all servers */
START_TEST(what_is_emitted_reaches_all_children) {
    open_clients();
    for (int i = 0; i < TOWN; i++) {
        char text[16];
        sio_target all = sio_namespace_target(parent[i]);
        snprintf(text, sizeof(text), "[\"e\",%d]", i);
        ck_assert_int_eq(sio_target_emitf(&all, "e", "i", i), 0);
        expect_all(text);
    }
    expect_silence();
    sio_target reserved = sio_namespace_target(parent[0]);
    ck_assert_int_eq(sio_target_emit(&reserved, "connect", NULL), SIO_ERR_RESERVED);
}
END_TEST

START_TEST(local_events_stay) {
    open_clients();
    sio_target local = sio_namespace_target(parent[1]);
    local.is_local = true;
    ck_assert_int_eq(sio_target_emitf(&local, "e", NULL), 0);
    ws_expect(&c[0], "42/child-1,[\"e\"]");
    expect_silence();
    local = sio_namespace_target(parent[0]);
    local.is_local = true;
    ck_assert_int_eq(sio_target_emitf(&local, "e", NULL), 0);
    expect_silence();
}
END_TEST

START_TEST(other_parents_are_apart) {
    open_clients();
    sio_target all = sio_namespace_target(sio_namespace_parent(
        sio_server_of(w.t[0].server, "/other-1"))); /* a child of the first parent */
    ck_assert_ptr_ne(all.ns, parent[0]);
    ck_assert_int_eq(sio_target_emitf(&all, "e", NULL), 0);
    expect_silence();
}
END_TEST

START_TEST(commands_reach_all_children) {
    open_clients();
    sio_target all = sio_namespace_target(parent[0]);
    sio_target room = all;
    sio_target_to(&room, "room");
    ck_assert_int_eq(sio_target_join(&all, "room"), 0);
    ck_assert_int_eq(sio_target_emitf(&room, "in", NULL), 0);
    expect_all("[\"in\"]");
    ck_assert_int_eq(sio_target_leave(&all, "room"), 0);
    ck_assert_int_eq(sio_target_emitf(&room, "no", NULL), 0);
    ck_assert_int_eq(sio_target_disconnect(&all, false), 0);
    for (int i = 0; i < TOWN; i++) {
        ws_expect(&c[i], i < 2 ? "41/child-1," : "41/child-2,");
    }
    expect_silence();
}
END_TEST

static void on_reply(const sio_target_reply *reply, void *user) {
    town_note(&w, "acks%d:%u:%zu ", reply->status, (unsigned)reply->asked, reply->response_count);
}

static void answer(int i) {
    ws_frame frame;
    unsigned id;
    char text[64];
    int child = i < 2 ? 1 : 2;
    ck_assert(ws_receive(&c[i], &frame));
    snprintf(text, sizeof(text), "42/child-%d,%%u[\"q\"]", child);
    ck_assert_msg(strncmp((const char *)frame.data, text, 11) == 0, "%s", (char *)frame.data);
    ck_assert_int_eq(sscanf((const char *)frame.data + 11, "%u[", &id), 1);
    ws_frame_free(&frame);
    snprintf(text, sizeof(text), "43/child-%d,%u[]", child, id);
    ws_text(&c[i], text);
}

START_TEST(acknowledgements_come_from_all_children) {
    open_clients();
    for (int from = 0; from < TOWN; from++) {
        sio_target all = sio_namespace_target(parent[from]);
        ck_assert_int_eq(sio_target_emit_ackf(&all, "q", 10000, on_reply, NULL, NULL), 0);
        for (int i = 0; i < TOWN; i++) {
            town_settle(&w);
            town_expect(&w, "");
            answer(i);
        }
        town_until(&w, "acks");
        town_expect(&w, "acks0:3:3 ");
    }
}
END_TEST

START_TEST(or_do_not_in_time) {
    char text[32];
    open_clients();
    sio_target all = sio_namespace_target(parent[0]);
    ck_assert_int_eq(sio_target_emit_ackf(&all, "q", 1000, on_reply, NULL, NULL), 0);
    answer(1);
    town_until(&w, "acks");
    snprintf(text, sizeof(text), "acks%d:3:1 ", SIO_ERR_TIMEOUT);
    town_expect(&w, text);
}
END_TEST

START_TEST(the_end_completes_it) {
    char text[32];
    open_clients();
    sio_target all = sio_namespace_target(parent[0]);
    ck_assert_int_eq(sio_target_emit_ackf(&all, "q", 10000, on_reply, NULL, NULL), 0);
    town_end_server(&w, 0);
    snprintf(text, sizeof(text), "acks%d:0:0 ", SIO_ERR_DISCONNECTED);
    town_expect(&w, text);
    answer(0);
    town_settle(&w);
    town_expect(&w, "");
}
END_TEST

START_TEST(what_is_missed_is_kept_for_children_of_others) {
    static const sio_server_recovery recovery = SIO_SERVER_RECOVERY_INIT;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    ws_frame frame;
    char pid[64];
    char offset[64];
    char connect[256];
    options.recovery = &recovery;
    town_stop(&w);
    town_start_empty(&w, &options, 0);
    make_parents();
    ws_connect(&c[0], &w.t[1], "EIO=4", NULL);
    ws_text(&c[0], "40/child-1,");
    ck_assert(ws_receive(&c[0], &frame));
    ck_assert_int_eq(
        sscanf(strstr((const char *)frame.data, "\"pid\""), "\"pid\":\"%63[^\"]\"", pid), 1);
    ws_frame_free(&frame);
    sio_target all = sio_namespace_target(parent[0]);
    ck_assert_int_eq(sio_target_emitf(&all, "e", "i", 1), 0);
    ck_assert(ws_receive(&c[0], &frame));
    ck_assert_int_eq(sscanf((const char *)frame.data, "42/child-1,[\"e\",1,\"%63[^\"]\"]", offset),
                     1);
    ws_frame_free(&frame);
    raw_reset(&c[0]);
    town_settle(&w);
    ck_assert_int_eq(sio_target_emitf(&all, "missed", NULL), 0);
    town_settle(&w);
    snprintf(connect, sizeof(connect), "40/child-1,{\"pid\":\"%s\",\"offset\":\"%s\"}", pid,
             offset);
    ws_connect(&c[0], &w.t[0], "EIO=4", NULL); /* which has no such child yet */
    ws_text(&c[0], connect);
    ws_expect_start(&c[0], "42/child-1,[\"missed\",\"");
    ws_expect_start(&c[0], "40/child-1,{");
    ck_assert_int_eq(sio_target_emitf(&all, "after", NULL), 0);
    ws_expect_start(&c[0], "42/child-1,[\"after\",\"");
    expect_silence();
}
END_TEST

static int everything(town *p) {
    sio_target all = sio_namespace_target(parent[0]);
    int rc = sio_target_emitf(&all, "e", NULL);
    if (rc == 0) {
        rc = sio_target_join(&all, "r");
    }
    if (rc == 0) {
        rc = sio_target_emit_ackf(&all, "q", 20, on_reply, NULL, NULL);
    }
    return rc;
}

static void again(town *p) {
    bool ran_out = p->ran_out;
    stop();
    start();
    open_clients();
    p->ran_out = ran_out;
}

START_TEST(survives_short_memory) {
    open_clients();
    town_sweep(&w, everything, again);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server hub parent");
    TCase *tc = tcase_create("parents");
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, what_is_emitted_reaches_all_children);
    tcase_add_test(tc, local_events_stay);
    tcase_add_test(tc, other_parents_are_apart);
    tcase_add_test(tc, commands_reach_all_children);
    tcase_add_test(tc, acknowledgements_come_from_all_children);
    tcase_add_test(tc, or_do_not_in_time);
    tcase_add_test(tc, the_end_completes_it);
    tcase_add_test(tc, what_is_missed_is_kept_for_children_of_others);
    tcase_add_test(tc, survives_short_memory);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
