/* The place where servers of one process meet: its limits, and servers that come and go. */
#include "hub_support.h"

#include "namespace.h"

#include <sio/parent.h>

#include <pthread.h>
#include <stdio.h>

static town w;

static void start(void) {
    town_start(&w, NULL, 0);
}

static void stop(void) {
    town_stop(&w);
}

START_TEST(has_one_to_sixty_four_members) {
    sio_hub *hub;
    ck_assert_int_eq(sio_hub_new(&hub, &(sio_hub_options){.members = 0}), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_hub_new(&hub, &(sio_hub_options){.members = 65}), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_hub_new(&hub, &(sio_hub_options){.members = 64}), 0);
    ck_assert_ptr_nonnull(sio_hub_adapter(hub, 63)->create);
    ck_assert_ptr_eq(sio_hub_ref(hub), hub);
    sio_hub_unref(hub);
    ck_assert_uint_eq(sio_hub_lost(hub), 0);
    sio_hub_unref(hub);
    sio_hub_unref(NULL);
}
END_TEST

static int make_servers(const sio_mem *mem, void *arg) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    static const sio_server_recovery recovery = SIO_SERVER_RECOVERY_INIT;
    sio_hub *hub;
    sio_server *one = NULL;
    sio_server *two = NULL;
    int rc = sio_hub_new(&hub, &(sio_hub_options){.members = 2, .mem = mem});
    if (rc != 0) {
        return rc;
    }
    options.mem = mem;
    options.recovery = &recovery;
    options.adapter = sio_hub_adapter(hub, 0);
    rc = sio_server_new(&one, &options);
    if (rc == 0) {
        options.adapter = sio_hub_adapter(hub, 1);
        rc = sio_server_new(&two, &options);
    }
    sio_hub_unref(hub);
    sio_server_free(one);
    sio_server_free(two);
    return rc;
}

START_TEST(survives_short_memory) {
    test_mem_sweep(make_servers, NULL);
}
END_TEST

/* The second one works on its own, and the log says why. */
START_TEST(a_member_is_one_server) {
    server_test second = {.base = w.t[0].base};
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.base = second.base;
    options.adapter = sio_hub_adapter(w.hub, 0);
    ck_assert_int_eq(sio_server_new(&second.server, &options), 0);
    sio_target all = sio_namespace_target(sio_server_of(second.server, "/"));
    ck_assert_int_eq(sio_target_emitf(&all, "e", NULL), 0);
    town_settle(&w);
    for (int i = 0; i < TOWN; i++) {
        ck_assert_uint_eq(w.c[i].len, 0);
    }
    sio_server_free(second.server);
}
END_TEST

/* ---- who is behind ---- */

static void flood(unsigned count) {
    static char text[1000];
    memset(text, 'x', sizeof(text) - 1);
    sio_target all = town_target(&w, 0, NULL);
    all.is_volatile = true; /* the own client need not read it */
    for (unsigned i = 0; i < count; i++) {
        ck_assert_int_eq(sio_target_emitf(&all, "flood", "i s", (int)i, text), 0);
    }
}

/* Client `i` gets events up to the gap at most, and then its connection ends. */
static unsigned read_until_cut(int i) {
    ws_frame frame;
    unsigned count = 0;
    while (ws_receive(&w.c[i], &frame)) {
        char text[32];
        if (frame.first == 0x81 && frame.data[0] == '4') {
            snprintf(text, sizeof(text), "42[\"flood\",%u,", count++);
            ck_assert_int_eq(strncmp((const char *)frame.data, text, strlen(text)), 0);
        }
        ws_frame_free(&frame);
    }
    return count;
}

START_TEST(who_is_too_far_behind_loses_its_clients) {
    char id[64];
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    town_stop(&w);
    town_start(&w, &options, 20000);
    flood(100);
    uint64_t lost = sio_hub_lost(w.hub);
    ck_assert_uint_gt(lost, 100);
    ck_assert_uint_lt(lost, 200);
    ck_assert_uint_le(read_until_cut(1) + read_until_cut(2), 200 - lost);
    server_until(&w.t[0], sio_namespace_peer_count(w.root[1]) == 0);
    /* Then all is well again. */
    raw_close(&w.c[1]);
    ws_join(&w.c[1], &w.t[1], "40", id);
    sio_target one = town_target(&w, 0, id);
    ck_assert_int_eq(sio_target_emitf(&one, "again", NULL), 0);
    ws_expect(&w.c[1], "42[\"again\"]");
    ck_assert_uint_eq(sio_hub_lost(w.hub), lost);
}
END_TEST

START_TEST(a_message_larger_than_the_limit_passes_alone) {
    static char text[50000];
    ws_frame frame;
    town_stop(&w);
    town_start(&w, NULL, 20000);
    memset(text, 'x', sizeof(text) - 1);
    sio_target all = town_target(&w, 0, NULL);
    ck_assert_int_eq(sio_target_emitf(&all, "big", "s", text), 0);
    ck_assert(ws_receive(&w.c[2], &frame));
    ck_assert_uint_gt(frame.len, 50000);
    ws_frame_free(&frame);
    ck_assert_uint_eq(sio_hub_lost(w.hub), 0);
}
END_TEST

static void on_fetched(const sio_fetch_reply *reply, void *user) {
    town_note(&w, "fetched%d:%zu ", reply->status, reply->count);
}

/* Nothing that is awaited is lost in silence. */
START_TEST(lost_requests_time_out) {
    char text[64];
    town_stop(&w);
    town_start(&w, NULL, 20000);
    flood(100);
    sio_target all = town_target(&w, 0, NULL);
    all.timeout_ms = 50;
    ck_assert_int_eq(sio_target_fetch(&all, on_fetched, NULL), 0);
    town_until(&w, "fetched");
    snprintf(text, sizeof(text), "fetched%d:1 ", SIO_ERR_TIMEOUT);
    town_expect(&w, text);
}
END_TEST

/* Nor do clients suffer from answers that are too large together. */
START_TEST(large_answers_time_out_at_most) {
    static char data[30000];
    char text[64];
    town_stop(&w);
    town_start(&w, NULL, 20000);
    memset(data, '7', sizeof(data) - 1);
    for (int i = 0; i < TOWN; i++) {
        ck_assert_int_eq(sio_peer_set_data(town_peer(&w, i), data), 0);
    }
    sio_target all = town_target(&w, 0, NULL);
    all.timeout_ms = 200;
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(sio_target_fetch(&all, on_fetched, NULL), 0);
    }
    snprintf(text, sizeof(text), "fetched%d:", SIO_ERR_TIMEOUT);
    town_until(&w, text);
    ck_assert_uint_gt(sio_hub_lost(w.hub), 0);
    ck_assert_int_eq(sio_target_emitf(&all, "e", NULL), 0);
    for (int i = 0; i < TOWN; i++) {
        ws_expect(&w.c[i], "42[\"e\"]");
    }
}
END_TEST

/* A loop looks at its own connections in between. */
START_TEST(a_loop_is_not_kept_busy) {
    sio_target all = town_target(&w, 0, NULL);
    for (int i = 0; i < 2000; i++) {
        ck_assert_int_eq(sio_target_emitf(&all, "e", "i", i), 0);
    }
    for (int i = 0; i < 2000; i++) {
        char text[32];
        snprintf(text, sizeof(text), "42[\"e\",%d]", i);
        ws_expect(&w.c[1], text);
    }
}
END_TEST

/* ---- servers and namespaces that come and go ---- */

static void on_closed(void *user) {
    town_note(&w, "closed ");
}

START_TEST(a_server_closes_while_others_send) {
    sio_target all = town_target(&w, 0, NULL);
    ck_assert_int_eq(sio_target_emitf(&all, "before", NULL), 0);
    ck_assert_int_eq(sio_server_close(w.t[1].server, 1000, on_closed, NULL), 0);
    ck_assert_int_eq(sio_target_emitf(&all, "after", NULL), 0);
    raw_close(&w.c[1]);
    town_until(&w, "closed");
    ws_expect(&w.c[2], "42[\"before\"]");
    ws_expect(&w.c[2], "42[\"after\"]");
    town_end_server(&w, 1); /* with the post of "before" still there, perhaps */
    ck_assert_int_eq(sio_target_emitf(&all, "still", NULL), 0);
    ws_expect(&w.c[2], "42[\"still\"]");
}
END_TEST

START_TEST(a_server_goes_with_messages_waiting) {
    sio_target all = town_target(&w, 0, NULL);
    ck_assert_int_eq(sio_target_emitf(&all, "e", NULL), 0);
    town_end_server(&w, 1);
    town_end_server(&w, 0);
    ws_expect(&w.c[2], "42[\"e\"]");
}
END_TEST

/* Children of a parent are made and go on each server by themselves. */
START_TEST(child_namespaces_come_and_go) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    raw_client c[2];
    options.cleanup_empty_child_namespaces = true;
    town_stop(&w);
    town_start(&w, &options, 0);
    for (int i = 0; i < TOWN; i++) {
        ck_assert_ptr_nonnull(sio_server_of_pattern(w.t[i].server, "^/child-"));
    }
    for (int round = 0; round < 3; round++) {
        ws_join(&c[0], &w.t[0], "40/child-1,", NULL);
        ws_join(&c[1], &w.t[1], "40/child-1,", NULL);
        sio_target all = sio_namespace_target(sio_server_of(w.t[0].server, "/child-1"));
        ck_assert_int_eq(sio_target_emitf(&all, "e", NULL), 0);
        ws_expect(&c[1], "42/child-1,[\"e\"]");
        ck_assert_int_eq(sio_target_emitf(&all, "last", NULL), 0);
        raw_close(&c[0]);
        raw_close(&c[1]);
        town_settle(&w);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server hub");
    TCase *hubs = tcase_create("hubs");
    tcase_add_test(hubs, has_one_to_sixty_four_members);
    tcase_add_test(hubs, survives_short_memory);
    suite_add_tcase(suite, hubs);
    TCase *limits = tcase_create("limits");
    tcase_add_checked_fixture(limits, start, stop);
    tcase_add_test(limits, a_member_is_one_server);
    tcase_add_test(limits, who_is_too_far_behind_loses_its_clients);
    tcase_add_test(limits, a_message_larger_than_the_limit_passes_alone);
    tcase_add_test(limits, lost_requests_time_out);
    tcase_add_test(limits, large_answers_time_out_at_most);
    tcase_add_test(limits, a_loop_is_not_kept_busy);
    suite_add_tcase(suite, limits);
    TCase *life = tcase_create("life");
    tcase_add_checked_fixture(life, start, stop);
    tcase_add_test(life, a_server_closes_while_others_send);
    tcase_add_test(life, a_server_goes_with_messages_waiting);
    tcase_add_test(life, child_namespaces_come_and_go);
    suite_add_tcase(suite, life);
    return test_run(suite);
}
