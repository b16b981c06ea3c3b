/* What a server asks the others, over the hub. */
#include "hub_support.h"

#include <stdio.h>

static town w;
static sio_ack *kept;

static void start(void) {
    town_start(&w, NULL, 0);
    kept = NULL;
}

static void stop(void) {
    town_stop(&w);
    sio_ack_unref(kept);
}

/* ---- describing peers ---- */

static void on_fetched(const sio_fetch_reply *reply, void *user) {
    town_note(&w, "fetched%d:", reply->status);
    for (int i = 0; i < TOWN; i++) {
        for (size_t k = 0; k < reply->count; k++) {
            const sio_remote_peer *peer = &reply->peers[k];
            if (strcmp(peer->id, w.ids[i]) != 0) {
                continue;
            }
            ck_assert(w.ran_out || strcmp(peer->handshake->address, "127.0.0.1") == 0);
            ck_assert_ptr_eq(peer->ns, user);
            town_note(&w, "%d%s%s%zu ", i, peer->local ? "L" : "R", peer->data, peer->room_count);
        }
    }
    town_note(&w, ". ");
}

static void fetch(int from, const char *room) {
    sio_target target = town_target(&w, from, room);
    ck_assert_int_eq(sio_target_fetch(&target, on_fetched, w.root[from]), 0);
    town_expect(&w, "");
    town_until(&w, ". ");
}

/* AD23: fetchSockets all, one */
START_TEST(peers_of_all_servers_are_described) {
    ck_assert_int_eq(sio_peer_set_data(town_peer(&w, 2), "[7]"), 0);
    fetch(0, NULL);
    town_expect(&w, "fetched0:0L{}2 1R{}3 2R[7]2 . ");
    fetch(1, "b");
    town_expect(&w, "fetched0:1L{}3 2R[7]2 . ");
    fetch(1, w.ids[0]);
    town_expect(&w, "fetched0:0R{}2 . ");
    fetch(1, "nobody");
    town_expect(&w, "fetched0:. ");
}
END_TEST

/* AD23: fetchSockets local */
START_TEST(or_only_those_of_this_one) {
    sio_target local = town_target(&w, 1, NULL);
    local.is_local = true;
    ck_assert_int_eq(sio_target_fetch(&local, on_fetched, w.root[1]), 0);
    town_until(&w, ". ");
    town_expect(&w, "fetched0:1L{}3 . ");
}
END_TEST

static void use_remote(const sio_fetch_reply *reply, void *user) {
    ck_assert_uint_eq(reply->count, 1);
    const sio_remote_peer *peer = reply->peers;
    ck_assert_ptr_null(peer->local);
    ck_assert_int_eq(sio_remote_peer_join(peer, "joined"), 0);
    ck_assert_int_eq(sio_remote_peer_emit(peer, "hello", NULL), 0);
    ck_assert_int_eq(sio_remote_peer_leave(peer, "b"), 0);
    ck_assert_int_eq(sio_remote_peer_disconnect(peer, false), 0);
    town_note(&w, "used ");
}

/* IO177: one of another server is used like any other. */
START_TEST(remote_peers_can_be_used) {
    sio_target one = town_target(&w, 0, w.ids[2]);
    ck_assert_int_eq(sio_target_fetch(&one, use_remote, NULL), 0);
    town_until(&w, "used");
    ws_expect(&w.c[2], "42[\"hello\"]");
    ws_expect(&w.c[2], "41");
}
END_TEST

static void on_reply(const sio_event *event, void *user) {
    town_note(&w, "reply%d:%.*s ", event->status, SIO_STR_ARG(sio_args_raw(event->args, 0)));
}

static void ask_remote(const sio_fetch_reply *reply, void *user) {
    ck_assert_uint_eq(reply->count, 1);
    ck_assert_int_eq(
        sio_remote_peer_emit_ack(reply->peers, "q", NULL, *(uint32_t *)user, on_reply, NULL), 0);
}

START_TEST(remote_peers_can_be_asked) {
    uint32_t long_time = 10000;
    uint32_t short_time = 20;
    sio_target one = town_target(&w, 0, w.ids[2]);
    ck_assert_int_eq(sio_target_fetch(&one, ask_remote, &long_time), 0);
    town_answer(&w, 2, "\"yes\"");
    town_until(&w, "reply");
    town_expect(&w, "reply0:\"yes\" ");
    ck_assert_int_eq(sio_target_fetch(&one, ask_remote, &short_time), 0);
    town_until(&w, "reply");
    char text[32];
    snprintf(text, sizeof(text), "reply%d: ", SIO_ERR_TIMEOUT);
    town_expect(&w, text);
}
END_TEST

/* ---- acknowledgements ---- */

static void on_target_reply(const sio_target_reply *reply, void *user) {
    town_note(&w, "acks%d:%u:%zu:%zu", reply->status, (unsigned)reply->asked, reply->response_count,
              reply->missing_count);
    for (size_t i = 0; i < reply->response_count; i++) {
        const sio_args *args = reply->responses[i].args;
        town_note(&w, " %.*s", SIO_STR_ARG(sio_args_raw(args, 0)));
        if (sio_args_attachment_count(args) > 0) {
            town_note(&w, "=%.*s", (int)sio_args_attachment(args, 0).len,
                      (const char *)sio_args_attachment(args, 0).ptr);
        }
        bool known = false;
        for (int k = 0; k < TOWN; k++) {
            known |= strcmp(reply->responses[i].from, w.ids[k]) == 0;
        }
        ck_assert(known);
    }
    town_note(&w, ". ");
}

static int ask_all(town *p) {
    sio_target all = town_target(p, 0, NULL);
    return sio_target_emit_ackf(&all, "q", 10000, on_target_reply, NULL, "i", 1);
}

/* AD22: acks: many */
START_TEST(all_are_asked_and_answer) {
    ck_assert_int_eq(ask_all(&w), 0);
    town_answer(&w, 2, "2");
    server_settle(&w.t[0]);
    town_answer(&w, 0, "0");
    server_settle(&w.t[0]);
    town_expect(&w, "");
    town_answer(&w, 1, "1");
    town_until(&w, ". ");
    town_expect(&w, "acks0:3:3:0 2 0 1. ");
}
END_TEST

/* AD22: acks: binary */
START_TEST(answers_may_be_binary) {
    sio_target one = town_target(&w, 0, w.ids[1]);
    ck_assert_int_eq(
        sio_target_emit_ackf(&one, "q", 10000, on_target_reply, NULL, "B", "in", (size_t)2), 0);
    ws_frame frame;
    ck_assert(ws_receive(&w.c[1], &frame));
    ck_assert_str_eq((const char *)frame.data, "451-0[\"q\",{\"_placeholder\":true,\"num\":0}]");
    ws_frame_free(&frame);
    ws_expect_binary(&w.c[1], "in", 2);
    ws_text(&w.c[1], "461-0[{\"_placeholder\":true,\"num\":0}]");
    ws_binary(&w.c[1], "out", 3);
    town_until(&w, ". ");
    town_expect(&w, "acks0:1:1:0 {\"_placeholder\":true,\"num\":0}=out. ");
}
END_TEST

/* AD22: acks: none */
START_TEST(nobody_may_be_asked) {
    sio_target nobody = town_target(&w, 0, "nobody");
    ck_assert_int_eq(sio_target_emit_ackf(&nobody, "q", 10000, on_target_reply, NULL, NULL), 0);
    town_expect(&w, "");
    town_until(&w, ". ");
    town_expect(&w, "acks0:0:0:0. ");
}
END_TEST

/* AD22: acks: timeout */
START_TEST(not_all_may_answer) {
    char text[64];
    sio_target all = town_target(&w, 0, NULL);
    ck_assert_int_eq(sio_target_emit_ackf(&all, "q", 1000, on_target_reply, NULL, NULL), 0);
    town_answer(&w, 1, "1");
    town_until(&w, ". ");
    /* The own one is missing by name. */
    snprintf(text, sizeof(text), "acks%d:3:1:1 1. ", SIO_ERR_TIMEOUT);
    town_expect(&w, text);
    town_answer(&w, 2, "2"); /* too late */
    town_answer(&w, 0, "0");
    town_settle(&w);
    town_expect(&w, "");
}
END_TEST

/* AD22: acks: single local, single remote */
START_TEST(one_may_be_asked) {
    sio_target own = town_target(&w, 0, w.ids[0]);
    ck_assert_int_eq(sio_target_emit_ackf(&own, "q", 10000, on_target_reply, NULL, NULL), 0);
    town_answer(&w, 0, "\"o\"");
    town_until(&w, ". ");
    town_expect(&w, "acks0:1:1:0 \"o\". ");
    sio_target other = town_target(&w, 0, w.ids[2]);
    ck_assert_int_eq(sio_target_emit_ackf(&other, "q", 10000, on_target_reply, NULL, NULL), 0);
    town_answer(&w, 2, "\"p\"");
    town_until(&w, ". ");
    town_expect(&w, "acks0:1:1:0 \"p\". ");
}
END_TEST

START_TEST(answers_are_limited) {
    char big[220];
    char text[64];
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.max_reply_bytes = 1200;
    town_stop(&w);
    town_start(&w, &options, 0);
    ck_assert_int_eq(ask_all(&w), 0);
    memset(big, '7', sizeof(big));
    big[sizeof(big) - 1] = '\0';
    for (int i = TOWN - 1; i >= 0; i--) {
        town_answer(&w, i, big);
        server_settle(&w.t[0]);
    }
    town_until(&w, ". ");
    snprintf(text, sizeof(text), "acks%d:3:1:0 %.*s", SIO_ERR_LIMIT, 3, big);
    ck_assert_msg(strncmp(w.notes, text, strlen(text)) == 0, "%s", w.notes);
}
END_TEST

START_TEST(requests_are_limited) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.max_pending_acks = 2;
    town_stop(&w);
    town_start(&w, &options, 0);
    ck_assert_int_eq(ask_all(&w), 0);
    ck_assert_int_eq(ask_all(&w), 0);
    ck_assert_int_eq(ask_all(&w), SIO_ERR_LIMIT);
    sio_target all = town_target(&w, 0, NULL);
    ck_assert_int_eq(sio_target_fetch(&all, on_fetched, w.root[0]), SIO_ERR_LIMIT);
}
END_TEST

/* ---- events between servers ---- */

static void on_server_event(sio_namespace *ns, const sio_event *event, void *user) {
    int i = *(int *)user;
    town_note(&w, "%d:%.*s%s ", i, SIO_STR_ARG(sio_args_raw(event->args, 0)),
              event->ack ? "?" : "");
    if (event->ack && i != 2) {
        ck_assert_int_eq(sio_ack_sendf(event->ack, "i", i), 0);
    } else if (event->ack) {
        ck_assert_int_eq(sio_ack_ref(&kept, event->ack), 0);
    }
}

static void listen_all(void) {
    static int numbers[TOWN] = {0, 1, 2};
    for (int i = 0; i < TOWN; i++) {
        ck_assert_int_eq(sio_namespace_on_server_side(w.root[i], "s", on_server_event, &numbers[i]),
                         0);
    }
}

/* AD23: serverSideEmit plain */
START_TEST(servers_send_each_other_events) {
    sio_args *args;
    listen_all();
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    ck_assert_int_eq(sio_args_add_string(args, "x"), 0);
    ck_assert_int_eq(sio_namespace_server_side_emit(w.root[0], "s", args, 0, NULL, NULL), 0);
    ck_assert_int_eq(sio_namespace_server_side_emit(w.root[1], "s", args, 0, NULL, NULL), 0);
    sio_args_unref(args);
    town_settle(&w);
    ck_assert_uint_eq(strlen(w.notes), strlen("1:\"x\" 2:\"x\" 0:\"x\" 2:\"x\" "));
    ck_assert_ptr_nonnull(strstr(w.notes, "0:\"x\""));
    ck_assert_ptr_nonnull(strstr(w.notes, "1:\"x\""));
}
END_TEST

static void on_server_reply(const sio_server_side_reply *reply, void *user) {
    town_note(&w, "servers%d:", reply->status);
    for (size_t i = 0; i < reply->count; i++) {
        town_note(&w, "%.*s ", SIO_STR_ARG(sio_args_raw(reply->responses[i], 0)));
    }
    town_note(&w, ". ");
}

/* AD23: serverSideEmit ack */
START_TEST(and_answer_them) {
    listen_all();
    ck_assert_int_eq(sio_namespace_server_side_emit(w.root[0], "s", NULL, 0, on_server_reply, NULL),
                     0);
    server_until(&w.t[0], kept != NULL);
    server_settle(&w.t[0]);
    ck_assert_ptr_null(strstr(w.notes, "servers"));
    w.notes[0] = '\0';
    ck_assert_int_eq(sio_ack_sendf(kept, "s", "late"), 0);
    ck_assert_int_eq(sio_ack_sendf(kept, "s", "again"), SIO_ERR_STATE);
    town_until(&w, ". ");
    town_expect(&w, "servers0:1 \"late\" . ");
}
END_TEST

/* AD23: serverSideEmit timeout: what has come is told. */
START_TEST(or_do_not_in_time) {
    char text[64];
    listen_all();
    ck_assert_int_eq(
        sio_namespace_server_side_emit(w.root[0], "s", NULL, 500, on_server_reply, NULL), 0);
    town_until(&w, ". ");
    snprintf(text, sizeof(text), "servers%d:1 . ", SIO_ERR_TIMEOUT);
    ck_assert_ptr_nonnull(strstr(w.notes, text));
    w.notes[0] = '\0';
    ck_assert_int_eq(sio_ack_sendf(kept, NULL), 0); /* too late */
    town_settle(&w);
    town_expect(&w, "");
}
END_TEST

/* AD23: node leaving: who has gone is not waited for. */
START_TEST(or_go) {
    listen_all();
    ck_assert_int_eq(sio_namespace_server_side_emit(w.root[0], "s", NULL, 0, on_server_reply, NULL),
                     0);
    server_until(&w.t[0], kept != NULL);
    w.notes[0] = '\0';
    town_end_server(&w, 2);
    ck_assert_int_eq(sio_ack_sendf(kept, NULL), SIO_ERR_DISCONNECTED);
    town_until(&w, "servers");
    ck_assert_ptr_nonnull(strstr(w.notes, "servers0:1 . "));
}
END_TEST

START_TEST(a_fetch_does_not_wait_for_who_has_gone) {
    sio_target all = town_target(&w, 0, NULL);
    ck_assert_int_eq(sio_target_fetch(&all, on_fetched, w.root[0]), 0);
    town_end_server(&w, 1);
    town_until(&w, ". ");
    town_expect(&w, "fetched0:0L{}2 2R{}2 . ");
}
END_TEST

START_TEST(the_last_server_has_nobody_to_ask) {
    town_end_server(&w, 1);
    town_end_server(&w, 2);
    ck_assert_int_eq(sio_namespace_server_side_emit(w.root[0], "s", NULL, 0, on_server_reply, NULL),
                     0);
    town_expect(&w, "");
    town_until(&w, ". ");
    town_expect(&w, "servers0:. ");
    ck_assert_int_eq(sio_namespace_server_side_emit(w.root[0], "s", NULL, 0, NULL, NULL), 0);
    fetch(0, NULL);
    town_expect(&w, "fetched0:0L{}2 . ");
}
END_TEST

/* ---- the end ---- */

static int ask_everything(town *p) {
    sio_target all = town_target(p, 0, NULL);
    int rc = sio_target_fetch(&all, on_fetched, p->root[0]);
    if (rc == 0) {
        rc = ask_all(p);
    }
    if (rc == 0) {
        rc = sio_namespace_server_side_emit(p->root[0], "s", NULL, 10000, on_server_reply, NULL);
    }
    return rc;
}

/* Closing completes all that is awaited, once. */
START_TEST(the_end_completes_everything) {
    char text[96];
    ck_assert_int_eq(ask_everything(&w), 0);
    town_end_server(&w, 0);
    snprintf(text, sizeof(text), "fetched%d:. acks%d:1:0:1. servers%d:. ", SIO_ERR_DISCONNECTED,
             SIO_ERR_DISCONNECTED, SIO_ERR_DISCONNECTED);
    town_expect(&w, text);
    town_settle(&w);
    town_expect(&w, "");
}
END_TEST

START_TEST(who_is_asked_may_end) {
    ck_assert_int_eq(ask_everything(&w), 0);
    server_turn(&w.t[0]);
    town_end_server(&w, 1);
    town_end_server(&w, 2);
    town_until(&w, "servers0");
    town_until(&w, "fetched0");
}
END_TEST

static void free_in_reply(const sio_fetch_reply *reply, void *user) {
    town_end_server(&w, 0);
    town_note(&w, "freed ");
}

START_TEST(the_callback_may_free_the_server) {
    sio_target all = town_target(&w, 0, NULL);
    ck_assert_int_eq(sio_target_fetch(&all, free_in_reply, NULL), 0);
    ck_assert_int_eq(
        sio_namespace_server_side_emit(w.root[0], "s", NULL, 20, on_server_reply, NULL), 0);
    town_until(&w, "freed");
    ck_assert_ptr_nonnull(strstr(w.notes, "servers"));
}
END_TEST

/* ---- short of memory ---- */

static void after(town *p) {
    p->notes[0] = '\0';
    bool ran_out = p->ran_out;
    town_stop(p);
    town_start(p, NULL, 0);
    p->ran_out = ran_out;
    p->notes[0] = '\0';
}

START_TEST(survives_short_memory) {
    listen_all();
    town_sweep(&w, ask_everything, after);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server adapter cluster ask");
    TCase *peers = tcase_create("peers");
    tcase_add_checked_fixture(peers, start, stop);
    tcase_add_test(peers, peers_of_all_servers_are_described);
    tcase_add_test(peers, or_only_those_of_this_one);
    tcase_add_test(peers, remote_peers_can_be_used);
    tcase_add_test(peers, remote_peers_can_be_asked);
    tcase_add_test(peers, a_fetch_does_not_wait_for_who_has_gone);
    suite_add_tcase(suite, peers);
    TCase *acks = tcase_create("acks");
    tcase_add_checked_fixture(acks, start, stop);
    tcase_add_test(acks, all_are_asked_and_answer);
    tcase_add_test(acks, answers_may_be_binary);
    tcase_add_test(acks, nobody_may_be_asked);
    tcase_add_test(acks, not_all_may_answer);
    tcase_add_test(acks, one_may_be_asked);
    tcase_add_test(acks, answers_are_limited);
    tcase_add_test(acks, requests_are_limited);
    suite_add_tcase(suite, acks);
    TCase *servers = tcase_create("servers");
    tcase_add_checked_fixture(servers, start, stop);
    tcase_add_test(servers, servers_send_each_other_events);
    tcase_add_test(servers, and_answer_them);
    tcase_add_test(servers, or_do_not_in_time);
    tcase_add_test(servers, or_go);
    tcase_add_test(servers, the_last_server_has_nobody_to_ask);
    suite_add_tcase(suite, servers);
    TCase *ends = tcase_create("ends");
    tcase_add_checked_fixture(ends, start, stop);
    tcase_add_test(ends, the_end_completes_everything);
    tcase_add_test(ends, who_is_asked_may_end);
    tcase_add_test(ends, the_callback_may_free_the_server);
    tcase_add_test(ends, survives_short_memory);
    suite_add_tcase(suite, ends);
    return test_run(suite);
}
