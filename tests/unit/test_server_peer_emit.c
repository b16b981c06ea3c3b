#include "server_peer_support.h"

#include <stdlib.h>

static void start_with(sio_server_options options) {
    peer_start(&options, "EIO=4", "40");
}

static void start(void) {
    start_with((sio_server_options)SIO_SERVER_OPTIONS_INIT);
}

static void reply_note(const sio_event *reply, void *user) {
    char text[64];
    snprintf(text, sizeof(text), "%s:%d:%zu:%s", (const char *)user, reply->status,
             sio_event_count(reply), sio_event_string(reply, 0));
    note(text);
}

/* ---- events ---- */

/* IO83 IO84 IO95 */
START_TEST(sends_events) {
    sio_args *args;
    ck_assert_int_eq(sio_peer_emitf(peer, "a", NULL), 0);
    ck_assert_int_eq(sio_peer_emitf(peer, "a", "s i b n", "x\"", 5, 1), 0);
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    ck_assert_int_eq(sio_args_addf(args, "r", "{\"k\":[1]}"), 0);
    ck_assert_int_eq(sio_peer_emit(peer, "b", args, NULL), 0);
    ck_assert_int_eq(sio_peer_emit(peer, "b", NULL, NULL), 0);
    ck_assert_int_eq(sio_peer_emitf(peer, "c", "s", "\u00e9\u20ac"), 0);
    ck_assert_int_eq(sio_peer_send(peer, args), 0);
    sio_args_unref(args);
    ws_expect(&c, "42[\"a\"]");
    ws_expect(&c, "42[\"a\",\"x\\\"\",5,true,null]");
    ws_expect(&c, "42[\"b\",{\"k\":[1]}]");
    ws_expect(&c, "42[\"b\"]");
    ws_expect(&c, "42[\"c\",\"\u00e9\u20ac\"]");
    ws_expect(&c, "42[\"message\",{\"k\":[1]}]");
}
END_TEST

/* IO85 IO86 */
START_TEST(sends_binary) {
    ck_assert_int_eq(sio_peer_emitf(peer, "bin", "B s B", "\1\2", (size_t)2, "x", NULL, (size_t)0),
                     0);
    ck_assert_int_eq(sio_peer_emitf(peer, "after", NULL), 0);
    ws_expect(&c, "452-[\"bin\",{\"_placeholder\":true,\"num\":0},\"x\","
                  "{\"_placeholder\":true,\"num\":1}]");
    ws_expect_binary(&c, "\1\2", 2);
    ws_expect_binary(&c, "", 0);
    ws_expect(&c, "42[\"after\"]");
}
END_TEST

START_TEST(sends_large_events) {
    size_t len = 500000;
    char *text = malloc(len + 1);
    memset(text, 'x', len);
    text[len] = '\0';
    ck_assert_int_eq(sio_peer_emitf(peer, "large", "s", text), 0);
    ck_assert_uint_gt(sio_peer_queued_bytes(peer), 0);
    ws_frame frame;
    ck_assert(ws_receive(&c, &frame));
    ck_assert_uint_eq(frame.len, len + strlen("42[\"large\",\"\"]"));
    ws_frame_free(&frame);
    free(text);
}
END_TEST

#if SIO_HAVE_DEFLATE
/* IO115 IO116 */
START_TEST(compresses_unless_told_otherwise) {
    peer_stop();
    sio_server_options settings = SIO_SERVER_OPTIONS_INIT;
    settings.per_message_deflate = true;
    settings.compress_threshold = 50;
    start_with(settings);
    raw_client deflated;
    char id[64];
    ws_open(&deflated, &t, "EIO=4", "Sec-WebSocket-Extensions: permessage-deflate\r\n");
    ws_expect_start(&deflated, "0{");
    ws_join_more(&deflated, "40", id);
    sio_peer *other = sio_namespace_find(root, id);
    char text[200];
    char want[256];
    memset(text, 'y', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    snprintf(want, sizeof(want), "42[\"x\",\"%s\"]", text);
    ck_assert_int_eq(sio_peer_emitf(other, "x", "s", text), 0);
    ws_frame frame;
    ck_assert(ws_receive(&deflated, &frame));
    ck_assert_uint_eq(frame.first, 0xc1);
    ws_frame_free(&frame);
    sio_emit_options options = SIO_EMIT_OPTIONS_INIT;
    options.no_compress = true;
    sio_args *args;
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    ck_assert_int_eq(sio_args_add_string(args, text), 0);
    ck_assert_int_eq(sio_peer_emit(other, "x", args, &options), 0);
    sio_args_unref(args);
    ws_expect(&deflated, want);
    raw_close(&deflated);
}
END_TEST
#endif

/* IO57 IO122 */
START_TEST(refuses_reserved_names) {
    static const char *const names[] = {"connect",       "connect_error", "disconnect",
                                        "disconnecting", "newListener",   "removeListener"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        ck_assert_int_eq(sio_peer_emitf(peer, names[i], NULL), SIO_ERR_RESERVED);
        ck_assert_int_eq(sio_peer_emit_ackf(peer, names[i], 0, reply_note, tag("no"), NULL),
                         SIO_ERR_RESERVED);
    }
    ck_assert_int_eq(sio_peer_emitf(peer, "connection", NULL), 0);
    ck_assert_int_eq(sio_peer_emitf(peer, "x", "?", 1), SIO_ERR_INVALID);
    ws_expect(&c, "42[\"connection\"]");
    ck_assert_str_eq(notes, "");
}
END_TEST

/* IO89 IO90 IO91 IO92 IO94 */
START_TEST(drops_volatile_events_when_not_writable) {
    sio_emit_options options = SIO_EMIT_OPTIONS_INIT;
    options.is_volatile = true;
    server_settle(&t);
    ck_assert_int_eq(sio_peer_emit(peer, "v1", NULL, &options), 0);
    ck_assert_int_eq(sio_peer_emit(peer, "v2", NULL, &options), SIO_ERR_DISCARDED);
    ck_assert_int_eq(sio_peer_emitf(peer, "r", NULL), 0);
    options.on_ack = reply_note;
    options.user = tag("dropped");
    ck_assert_int_eq(sio_peer_emit(peer, "v3", NULL, &options), SIO_ERR_DISCARDED);
    ws_expect(&c, "42[\"v1\"]");
    ws_expect(&c, "42[\"r\"]");
    options.on_ack = NULL;
    sio_args *args;
    sio_args_new(&args, NULL);
    sio_args_addf(args, "B", "\1", (size_t)1);
    server_settle(&t);
    ck_assert_int_eq(sio_peer_emit(peer, "vb", args, &options), 0); /* whole, or not at all */
    ck_assert_int_eq(sio_peer_emit(peer, "vb", args, &options), SIO_ERR_DISCARDED);
    sio_args_unref(args);
    ws_expect(&c, "451-[\"vb\",{\"_placeholder\":true,\"num\":0}]");
    ws_expect_binary(&c, "\1", 1);
    ck_assert_int_eq(sio_peer_emitf(peer, "end", NULL), 0);
    ws_expect(&c, "42[\"end\"]");
    ck_assert_str_eq(notes, "");
}
END_TEST

START_TEST(a_client_that_does_not_read_is_closed) {
    peer_stop();
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.max_queued_bytes = 100000;
    start_with(options);
    char text[10001];
    memset(text, 'x', 10000);
    text[10000] = '\0';
    int rc = 0;
    while (rc == 0) {
        rc = sio_peer_emitf(peer, "x", "s", text);
    }
    ck_assert_int_eq(rc, SIO_ERR_EIO_QUEUE_FULL);
    ck_assert(sio_peer_connected(peer)); /* the end comes from the deferred queue */
    ck_assert_int_lt(sio_peer_emitf(peer, "x", NULL), 0);
    server_until(&t, sio_namespace_peer_count(root) == 0);
}
END_TEST

/* ---- acknowledgements ---- */

/* IO98 IO100 IO102 IO103 IO105 IO169 IO171: one counter for the namespace */
START_TEST(awaits_acknowledgements) {
    ck_assert_int_eq(sio_peer_emit_ackf(peer, "q", 0, reply_note, tag("a"), "i", 1), 0);
    ck_assert_int_eq(sio_peer_emit_ackf(peer, "q", 0, reply_note, tag("b"), NULL), 0);
    ck_assert_int_eq(sio_peer_emit_ackf(peer, "q", 0, reply_note, tag("c"), NULL), 0);
    ws_expect(&c, "420[\"q\",1]");
    ws_expect(&c, "421[\"q\"]");
    ws_expect(&c, "422[\"q\"]");
    ws_text(&c, "431[\"yes\",2]");
    ws_text(&c, "431[\"again\"]");
    ws_text(&c, "430");
    ws_text(&c, "4399[]");
    ws_text(&c, "461-2[{\"_placeholder\":true,\"num\":0}]");
    ws_binary(&c, "x", 1);
    server_until(&t, strstr(notes, "c:"));
    ck_assert_str_eq(notes, "b:0:2:yes a:0:0: c:0:1: ");
}
END_TEST

/* IO167 IO170 */
START_TEST(gives_up_in_time) {
    ck_assert_int_eq(sio_peer_emit_ackf(peer, "q", 30, reply_note, tag("late"), NULL), 0);
    ck_assert_int_eq(sio_peer_emit_ackf(peer, "q", 10, reply_note, tag("early"), NULL), 0);
    ck_assert_int_eq(sio_peer_emit_ackf(peer, "q", 0, reply_note, tag("never"), NULL), 0);
    server_until(&t, strstr(notes, "late"));
    ck_assert_str_eq(notes, "early:-8:0: late:-8:0: ");
    ws_text(&c, "430[]"); /* too late: ignored */
    ws_text(&c, "432[]");
    server_until(&t, strstr(notes, "never"));
    ck_assert_str_eq(notes, "early:-8:0: late:-8:0: never:0:0: ");
}
END_TEST

static void peer_note(sio_peer *gone, const sio_event *event, void *user) {
    note(user);
}

START_TEST(a_disconnect_ends_the_wait_once) {
    sio_namespace_on(root, "disconnect", peer_note, tag("disconnect"));
    ck_assert_int_eq(sio_peer_emit_ackf(peer, "q", 20, reply_note, tag("a"), NULL), 0);
    ck_assert_int_eq(sio_peer_emit_ackf(peer, "q", 0, reply_note, tag("b"), NULL), 0);
    sio_peer_ref(peer);
    sio_peer_disconnect(peer, false);
    ck_assert_str_eq(notes, "disconnect a:-9:0: b:-9:0: ");
    server_run_for(&t, 40);
    ck_assert_str_eq(notes, "disconnect a:-9:0: b:-9:0: ");
    ck_assert_int_eq(sio_peer_emit_ackf(peer, "q", 0, reply_note, tag("x"), NULL),
                     SIO_ERR_DISCONNECTED);
    sio_peer_unref(peer);
}
END_TEST

static void ask_again(const sio_event *reply, void *user) {
    note(user);
    if (reply->status == 0 && strlen(notes) < 20) {
        ck_assert_int_eq(sio_peer_emit_ackf(peer, "again", 0, ask_again, user, NULL), 0);
    } else if (reply->status != 0) {
        ck_assert_int_eq(sio_peer_emit_ackf(peer, "again", 0, ask_again, user, NULL),
                         SIO_ERR_DISCONNECTED);
    }
}

START_TEST(may_ask_again_in_the_reply) {
    ck_assert_int_eq(sio_peer_emit_ackf(peer, "q", 0, ask_again, tag("x"), NULL), 0);
    ws_expect(&c, "420[\"q\"]");
    ws_text(&c, "430[]");
    ws_expect(&c, "421[\"again\"]");
    ws_text(&c, "41");
    server_until(&t, strcmp(notes, "x x ") == 0);
}
END_TEST

START_TEST(limits_what_is_awaited) {
    peer_stop();
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.max_pending_acks = 2;
    start_with(options);
    ck_assert_int_eq(sio_peer_emit_ackf(peer, "q", 0, reply_note, tag("a"), NULL), 0);
    ck_assert_int_eq(sio_peer_emit_ackf(peer, "q", 0, reply_note, tag("b"), NULL), 0);
    ck_assert_int_eq(sio_peer_emit_ackf(peer, "q", 0, reply_note, tag("c"), NULL), SIO_ERR_LIMIT);
    ws_expect(&c, "420[\"q\"]");
    ws_text(&c, "430[]");
    server_until(&t, notes[0]);
    ck_assert_int_eq(sio_peer_emit_ackf(peer, "q", 0, reply_note, tag("c"), NULL), 0);
    ws_expect(&c, "421[\"q\"]");
    ws_expect(&c, "422[\"q\"]");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("emitting");
    TCase *tc = tcase_create("emit");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, start, peer_stop);
    tcase_add_test(tc, sends_events);
    tcase_add_test(tc, sends_binary);
    tcase_add_test(tc, sends_large_events);
#if SIO_HAVE_DEFLATE
    tcase_add_test(tc, compresses_unless_told_otherwise);
#endif
    tcase_add_test(tc, refuses_reserved_names);
    tcase_add_test(tc, drops_volatile_events_when_not_writable);
    tcase_add_test(tc, a_client_that_does_not_read_is_closed);
    tcase_add_test(tc, awaits_acknowledgements);
    tcase_add_test(tc, gives_up_in_time);
    tcase_add_test(tc, a_disconnect_ends_the_wait_once);
    tcase_add_test(tc, may_ask_again_in_the_reply);
    tcase_add_test(tc, limits_what_is_awaited);
    return test_run(suite);
}
