#include "crowd_support.h"

static crowd w;
static unsigned replies;

static void start_with(const sio_server_options *options) {
    crowd_start(&w, options);
    replies = 0;
}

static void start(void) {
    start_with(NULL);
}

static void stop(void) {
    crowd_stop(&w);
}

static int index_of(const char *id) {
    int i = 0;
    while (i < CROWD && strcmp(w.ids[i], id) != 0) {
        i++;
    }
    return i;
}

/* status:asked [who=first argument]... missing who... */
static void on_reply(const sio_target_reply *reply, void *user) {
    replies++;
    crowd_note(&w, "%d:%d ", reply->status, (int)reply->asked);
    for (size_t i = 0; i < reply->response_count; i++) {
        crowd_note(&w, "%d=%s ", index_of(reply->responses[i].from),
                   sio_args_string(reply->responses[i].args, 0));
    }
    bool missing[CROWD + 1] = {false};
    for (size_t i = 0; i < reply->missing_count; i++) {
        missing[index_of(reply->missing[i])] = true;
    }
    for (int i = 0; i <= CROWD; i++) {
        if (missing[i]) {
            crowd_note(&w, "!%d ", i);
        }
    }
}

static void ask(const sio_target *target, uint32_t timeout_ms) {
    ck_assert_int_eq(sio_target_emit_ackf(target, "q", timeout_ms, on_reply, NULL, "i", 7), 0);
    crowd_expect(&w, "");
}

/* IO149 IO151 */
START_TEST(gathers_all_answers) {
    sio_target a = crowd_target(&w, "a");
    ask(&a, 10000);
    crowd_answer(&w, 1, "\"one\",2");
    server_settle(&w.t);
    crowd_answer(&w, 0, "\"zero\"");
    server_until(&w.t, replies == 1);
    crowd_expect(&w, "0:2 1=one 0=zero ");
    ws_text(&w.c[0], "430[\"again\"]");
    server_settle(&w.t);
    crowd_expect(&w, "");
}
END_TEST

static void on_binary_reply(const sio_target_reply *reply, void *user) {
    ck_assert_int_eq(reply->status, 0);
    ck_assert_uint_eq(reply->response_count, 1);
    sio_bytes data = sio_args_binary(reply->responses[0].args, 0);
    ck_assert_uint_eq(data.len, 2);
    ck_assert_mem_eq(data.ptr, "\1\2", 2);
    replies++;
}

START_TEST(takes_binary_answers) {
    sio_target one = crowd_target(&w, w.ids[3]);
    ck_assert_int_eq(sio_target_emit_ack(&one, "q", NULL, 10000, on_binary_reply, NULL), 0);
    ws_expect(&w.c[3], "420[\"q\"]");
    ws_text(&w.c[3], "461-0[{\"_placeholder\":true,\"num\":0}]");
    ws_binary(&w.c[3], "\1\2", 2);
    server_until(&w.t, replies == 1);
}
END_TEST

/* IO150 IO152: nothing is kept by peers, so their tables have nothing to lose */
START_TEST(gives_up_in_time) {
    sio_target everyone = crowd_target(&w, NULL);
    ask(&everyone, 60);
    crowd_answer(&w, 2, "\"two\"");
    server_until(&w.t, replies == 1);
    crowd_expect(&w, "-8:4 2=two !0 !1 !3 ");
    for (int i = 0; i < CROWD; i += 3) {
        crowd_answer(&w, i, "\"late\"");
    }
    server_settle(&w.t);
    crowd_expect(&w, "");
    ck_assert_uint_eq(replies, 1);
}
END_TEST

START_TEST(the_target_may_say_how_long) {
    sio_target everyone = crowd_target(&w, NULL);
    everyone.timeout_ms = 20;
    ask(&everyone, 0);
    server_until(&w.t, replies == 1);
    crowd_expect(&w, "-8:4 !0 !1 !2 !3 ");
}
END_TEST

/* IO153 */
START_TEST(nobody_is_no_failure) {
    sio_target nobody = crowd_target(&w, "nobody");
    ask(&nobody, 10000);
    server_until(&w.t, replies == 1);
    crowd_expect(&w, "0:0 ");
}
END_TEST

START_TEST(who_goes_does_not_answer) {
    sio_target a = crowd_target(&w, "a");
    ask(&a, 60);
    sio_peer_disconnect(crowd_peer(&w, 0), false);
    crowd_answer(&w, 1, "\"one\"");
    server_until(&w.t, replies == 1);
    crowd_expect(&w, "-8:2 1=one !0 ");
}
END_TEST

/* The ids come from one counter, but each answer counts only for who was asked. */
START_TEST(only_those_asked_may_answer) {
    sio_target a = crowd_target(&w, "a");
    ask(&a, 10000);
    ws_text(&w.c[3], "430[\"forged\"]");
    server_settle(&w.t);
    crowd_answer(&w, 0, "");
    crowd_answer(&w, 1, "null");
    server_until(&w.t, replies == 1);
    crowd_expect(&w, "0:2 0= 1= ");
}
END_TEST

START_TEST(ends_with_the_server) {
    sio_target a = crowd_target(&w, "a");
    sio_target nobody = crowd_target(&w, "nobody");
    ask(&a, 10000);
    ask(&nobody, 10000);
    sio_server_free(w.t.server);
    w.t.server = NULL;
    ck_assert_uint_eq(replies, 2);
    crowd_expect(&w, "-9:2 !0 !1 -9:0 ");
}
END_TEST

static void on_closed(void *user) {
    crowd_note(&w, "closed ");
}

START_TEST(ends_with_the_close) {
    sio_target a = crowd_target(&w, "a");
    ask(&a, 10000);
    ck_assert_int_eq(sio_server_close(w.t.server, 1000, on_closed, NULL), 0);
    crowd_expect(&w, "-9:2 !0 !1 ");
    ck_assert_int_eq(sio_target_emit_ackf(&a, "q", 1, on_reply, NULL, NULL), SIO_ERR_DISCONNECTED);
    ck_assert_int_eq(sio_target_fetch(&a, NULL, NULL), SIO_ERR_DISCONNECTED);
    for (int i = 0; i < CROWD; i++) {
        raw_close(&w.c[i]);
    }
    server_until(&w.t, w.notes[0]);
    crowd_expect(&w, "closed ");
}
END_TEST

static void free_server(const sio_target_reply *reply, void *user) {
    sio_server *server = w.t.server;
    w.t.server = NULL;
    replies++;
    sio_server_free(server);
}

START_TEST(may_free_the_server) {
    sio_target one = crowd_target(&w, w.ids[3]);
    sio_target a = crowd_target(&w, "a");
    ask(&a, 10000);
    ck_assert_int_eq(sio_target_emit_ack(&one, "q", NULL, 10000, free_server, NULL), 0);
    crowd_answer(&w, 3, "");
    server_until(&w.t, replies == 2);
    crowd_expect(&w, "-9:2 !0 !1 ");
}
END_TEST

static void ask_again(const sio_target_reply *reply, void *user) {
    if (++replies < 3) {
        sio_target nobody = crowd_target(&w, "nobody");
        ck_assert_int_eq(sio_target_emit_ack(&nobody, "q", NULL, 1000, ask_again, NULL), 0);
    }
}

START_TEST(may_ask_again) {
    sio_target nobody = crowd_target(&w, "nobody");
    ck_assert_int_eq(sio_target_emit_ack(&nobody, "q", NULL, 1000, ask_again, NULL), 0);
    server_until(&w.t, replies == 3);
}
END_TEST

START_TEST(limits_what_is_kept) {
    stop();
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.max_pending_acks = 2;
    options.max_reply_bytes = 1000;
    start_with(&options);
    sio_target a = crowd_target(&w, "a");
    ask(&a, 10000);
    ask(&a, 10000);
    ck_assert_int_eq(sio_target_emit_ackf(&a, "q", 1, on_reply, NULL, NULL), SIO_ERR_LIMIT);
    crowd_answer(&w, 0, "\"small\"");
    server_settle(&w.t);
    crowd_answer(&w, 1, "\"the next one would pass the limit of what is kept\"");
    server_until(&w.t, replies == 1);
    crowd_expect(&w, "-4:2 0=small ");
}
END_TEST

START_TEST(refuses_what_cannot_be_sent) {
    sio_target a = crowd_target(&w, "a");
    ck_assert_int_eq(sio_target_emit_ackf(&a, "disconnect", 1, on_reply, NULL, NULL),
                     SIO_ERR_RESERVED);
    ck_assert_int_eq(sio_target_emit_ackf(&a, "q", 1, on_reply, NULL, "?", 1), SIO_ERR_INVALID);
    a.error = SIO_ERR_LIMIT;
    ck_assert_int_eq(sio_target_emit_ackf(&a, "q", 1, on_reply, NULL, NULL), SIO_ERR_LIMIT);
    server_settle(&w.t);
    ck_assert_uint_eq(replies, 0);
}
END_TEST

static int ask_quietly(crowd *c, void *arg) {
    sio_target everyone = crowd_target(c, NULL);
    unsigned *asked = arg;
    int rc = sio_target_emit_ackf(&everyone, "q", 10000, on_reply, NULL, "B", "\1", (size_t)1);
    *asked += rc == 0;
    ck_assert_uint_eq(replies, 0);
    return rc;
}

START_TEST(survives_short_memory_when_asking) {
    unsigned asked = 0;
    crowd_sweep(&w, ask_quietly, &asked);
    sio_server_free(w.t.server);
    w.t.server = NULL;
    ck_assert_uint_eq(replies, asked);
}
END_TEST

/* Whatever fails while answers come in, the reply comes once. */
START_TEST(survives_short_memory_when_answered) {
    for (long n = 0; n < 12; n++) {
        sio_target a = crowd_target(&w, "a");
        ask(&a, 10000);
        server_settle(&w.t);
        unsigned before = replies;
        w.allowed = n;
        crowd_answer(&w, 0, "\"zero\"");
        server_settle(&w.t);
        w.allowed = -1;
        crowd_answer(&w, 1, "\"one\"");
        server_settle(&w.t);
        ck_assert_uint_eq(replies, before + 1);
        ck_assert(strncmp(w.notes, "0:2", 3) == 0 || strncmp(w.notes, "-1:2", 4) == 0);
        w.notes[0] = '\0';
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("target_ack");
    TCase *tc = tcase_create("target_ack");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, gathers_all_answers);
    tcase_add_test(tc, takes_binary_answers);
    tcase_add_test(tc, gives_up_in_time);
    tcase_add_test(tc, the_target_may_say_how_long);
    tcase_add_test(tc, nobody_is_no_failure);
    tcase_add_test(tc, who_goes_does_not_answer);
    tcase_add_test(tc, only_those_asked_may_answer);
    tcase_add_test(tc, ends_with_the_server);
    tcase_add_test(tc, ends_with_the_close);
    tcase_add_test(tc, may_free_the_server);
    tcase_add_test(tc, may_ask_again);
    tcase_add_test(tc, limits_what_is_kept);
    tcase_add_test(tc, refuses_what_cannot_be_sent);
    tcase_add_test(tc, survives_short_memory_when_asking);
    tcase_add_test(tc, survives_short_memory_when_answered);
    return test_run(suite);
}
