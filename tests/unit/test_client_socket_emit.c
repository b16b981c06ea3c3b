/* Sending events: at once, kept while not connected, with acknowledgements, from other threads.
 * Ids in comments: the reference client's test suites (SC connection, SS socket). */
#include "client_fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static sio_emit_options with_ack(uint32_t timeout_ms, const char *name) {
    sio_emit_options o = SIO_EMIT_OPTIONS_INIT;
    o.on_ack = trace_reply;
    o.user = tag(name);
    o.timeout_ms = timeout_ms;
    return o;
}

/* ---- at once ---- */

START_TEST(all_kinds_of_arguments) { /* SC-09 SC-10 SC-39 SC-40 SS-10 SS-11 */
    sio_socket *socket = client_connected(NULL);
    sio_emit_options raw = SIO_EMIT_OPTIONS_INIT;
    raw.no_compress = true;
    ck_assert_int_eq(
        sio_socket_emitf(socket, "greet", "s i d b n r", "caf\xc3\xa9", 42, -1.5, 0, "{\"a\":[]}"),
        0);
    ck_assert_int_eq(sio_socket_emit(socket, "bare", NULL, NULL), 0);
    ck_assert_int_eq(
        sio_socket_emitf(socket, "b", "B s B", "\x00\xff", (size_t)2, "x", NULL, (size_t)0), 0);
    ck_assert_int_eq(sio_socket_emit(socket, "raw", NULL, &raw), 0);
    EXPECT("> 2[\"greet\",\"caf\xc3\xa9\",42,-1.5,false,null,{\"a\":[]}]", "> 2[\"bare\"]",
           "> 52-[\"b\",{\"_placeholder\":true,\"num\":0},\"x\",{\"_placeholder\":true,\"num\":1}]",
           "> <00ff>", "> <>", "> 2[\"raw\"] (raw)");
}
END_TEST

static void pass_on(sio_socket *socket, const sio_event *event, void *user) {
    ck_assert_int_eq(sio_socket_emit(socket, "again", event->args, NULL), 0);
}

static unsigned warnings;

static void count_warnings(const char *scope, const char *text, void *user) {
    warnings += strstr(text, "'many' has 11 attachments") != NULL;
}

/* Quirk 24: more than the ten that servers take by default are sent, with a warning. */
START_TEST(many_attachments) {
    sio_client_options o = client_options();
    o.log = count_warnings;
    warnings = 0;
    sio_socket *socket = client_connected(&o);
    sio_args *args = NULL;
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(sio_args_addf(args, "B", "x", (size_t)1), 0);
    }
    ck_assert_int_eq(sio_socket_emit(socket, "ten", args, NULL), 0);
    ck_assert_uint_eq(warnings, 0);
    ck_assert_int_eq(sio_args_addf(args, "B", "x", (size_t)1), 0);
    trace_clear();
    ck_assert_int_eq(sio_socket_emit(socket, "many", args, NULL), 0);
    ck_assert_uint_eq(warnings, 1);
    sio_args_unref(args);
    char *sent = trace_take();
    ck_assert_int_eq(strncmp(sent, "> 511-[\"many\"", 13), 0);
    free(sent);
}
END_TEST

START_TEST(received_arguments_are_passed_on) {
    sio_socket *socket = client_connected(NULL);
    ck_assert_int_eq(sio_socket_on(socket, "b", pass_on, NULL), 0);
    fake_text("51-[\"b\", 1.50 ,{\"x\":{\"_placeholder\":true,\"num\":0}}]");
    fake_binary("\x09", 1);
    EXPECT("> 51-[\"again\",1.50,{\"x\":{\"_placeholder\":true,\"num\":0}}]", "> <09>");
}
END_TEST

START_TEST(errors) { /* SS-22 */
    static const char *const reserved[] = {"connect",       "connect_error", "disconnect",
                                           "disconnecting", "newListener",   "removeListener"};
    sio_socket *socket = client_connected(NULL);
    sio_emit_options o = with_ack(0, "never");
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
        ck_assert_int_eq(sio_socket_emitf(socket, reserved[i], ""), SIO_ERR_RESERVED);
        ck_assert_int_eq(sio_socket_post_emitf(socket, reserved[i], ""), SIO_ERR_RESERVED);
    }
    ck_assert_int_eq(sio_socket_emit(socket, "connect", NULL, &o), SIO_ERR_RESERVED);
    ck_assert_int_eq(sio_socket_emitf(socket, "x", "?"), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_socket_emitf(socket, "x", "s", "\xff"), SIO_ERR_JSON_UTF8);
    ck_assert_int_eq(sio_socket_emitf(socket, "\xff", ""), SIO_ERR_JSON_UTF8);
    ck_assert_int_eq(sio_socket_post_emitf(socket, "x", "s", "\xff"), SIO_ERR_JSON_UTF8);
    fake_cut();
    EXPECT("client close transport close", "/ disconnect transport close");
}
END_TEST

START_TEST(volatile_events) { /* SS-25 SS-26 SS-27, quirks 10 and 21 */
    sio_emit_options o = with_ack(0, "never");
    sio_socket *socket = client_socket(client_make(NULL), "/");
    o.is_volatile = true;
    ck_assert_int_eq(sio_socket_emit(socket, "v", NULL, &o), SIO_ERR_DISCARDED);
    fake_open();
    ck_assert_int_eq(sio_socket_emit(socket, "v", NULL, &o), SIO_ERR_DISCARDED);
    client_accept("/", "id");
    trace_clear();
    fake.not_writable = true;
    ck_assert_int_eq(sio_socket_emit(socket, "v", NULL, &o), SIO_ERR_DISCARDED);
    EXPECT_NOTHING();
    fake.not_writable = false;
    o.user = NULL;
    ck_assert_int_eq(sio_socket_emit(socket, "v", NULL, &o), 0);
    fake.overdue = true;
    o.user = tag("never");
    ck_assert_int_eq(sio_socket_emit(socket, "v", NULL, &o), SIO_ERR_DISCARDED);
    EXPECT("> 20[\"v\"]");
    fake_text("30[]");
    EXPECT("ack ok []");
}
END_TEST

START_TEST(a_full_connection) {
    sio_socket *socket = client_connected(NULL);
    sio_emit_options o = with_ack(0, "never");
    fake.fail_send = SIO_ERR_EIO_QUEUE_FULL;
    ck_assert_int_eq(sio_socket_emit(socket, "x", NULL, &o), SIO_ERR_EIO_QUEUE_FULL);
    EXPECT_NOTHING();
    /* Half a packet: the server would take what follows for its attachments. */
    fake.fail_send = SIO_ERR_NOMEM;
    fake.fail_from = 1;
    ck_assert_int_eq(sio_socket_emitf(socket, "b", "B", "x", (size_t)1), SIO_ERR_NOMEM);
    EXPECT("> 51-[\"b\",{\"_placeholder\":true,\"num\":0}]", "(failing)");
    turn();
    EXPECT("client close transport error", "/ disconnect transport error");
}
END_TEST

/* ---- kept ---- */

static void emit_in_connect(sio_socket *socket, const sio_event *event, void *user) {
    ck_assert_int_eq(sio_socket_emitf(socket, "in connect", ""), 0);
}

START_TEST(kept_in_order_and_sent_before_connect) { /* SC-01 SS-23 SS-47 */
    sio_emit_options o = with_ack(0, "early");
    sio_socket *socket = client_socket(client_make(NULL), "/");
    ck_assert_int_eq(sio_socket_on(socket, "connect", emit_in_connect, NULL), 0);
    watch(socket, "e");
    ck_assert_int_eq(sio_socket_emitf(socket, "a", "i", 1), 0);
    ck_assert_int_eq(sio_socket_emitf(socket, "b", "B", "\x01", (size_t)1), 0);
    fake_open();
    ck_assert_int_eq(sio_socket_emit(socket, "c", NULL, &o), 0);
    o.on_ack = NULL;
    o.no_compress = true;
    ck_assert_int_eq(sio_socket_emit(socket, "d", NULL, &o), 0);
    fake_text("2[\"e\"]");
    EXPECT("attempt", "client open", "> 0");
    client_accept("/", "id");
    EXPECT("/ e []", "> 2[\"a\",1]", "> 51-[\"b\",{\"_placeholder\":true,\"num\":0}]", "> <01>",
           "> 20[\"c\"]", "> 2[\"d\"] (raw)", "/ connect", "> 2[\"in connect\"]");
    fake_text("30[\"done\"]");
    EXPECT("early ok [\"done\"]");
}
END_TEST

static void emit_three(sio_socket *socket, const sio_event *event, void *user) {
    for (int i = 1; i <= 3; i++) {
        ck_assert_int_eq(sio_socket_emitf(socket, "buffered", "i", i), 0);
    }
}

START_TEST(kept_over_several_drops) {
    sio_socket *socket = client_connected(NULL);
    ck_assert_int_eq(sio_socket_once(socket, "disconnect", emit_three, NULL), 0);
    fake_cut();
    pass(101);
    fake_break(SIO_ERR_CONNECT, "x", "");
    pass(201);
    fake_open();
    fake_cut(); /* open, but the namespace was not connected */
    sio_socket_disconnect(socket);
    ck_assert_int_eq(sio_socket_connect(socket), 0);
    fake_open();
    trace_clear();
    client_accept("/", "id2");
    EXPECT("> 2[\"buffered\",1]", "> 2[\"buffered\",2]", "> 2[\"buffered\",3]", "/ connect");
    fake_cut();
    pass(101);
    fake_open();
    trace_clear();
    client_accept("/", "id3");
    EXPECT("/ connect"); /* once */
}
END_TEST

START_TEST(keeping_is_limited_over_all_sockets) { /* quirk 22 */
    sio_client_options o = client_options();
    o.max_buffered = 3;
    sio_client *client = client_make(&o);
    sio_socket *a = client_socket(client, "/a");
    sio_socket *b = client_socket(client, "/b");
    sio_emit_options never = with_ack(0, "never");
    ck_assert_int_eq(sio_socket_emitf(a, "1", ""), 0);
    ck_assert_int_eq(sio_socket_emitf(b, "2", ""), 0);
    ck_assert_int_eq(sio_socket_emitf(a, "3", ""), 0);
    ck_assert_int_eq(sio_socket_emitf(b, "4", ""), SIO_ERR_LIMIT);
    ck_assert_int_eq(sio_socket_emit(a, "5", NULL, &never), SIO_ERR_LIMIT);
    fake_open();
    client_accept("/a", "id");
    ck_assert_int_eq(sio_socket_emitf(b, "6", ""), 0);
    trace_clear();
    client_accept("/b", "id");
    EXPECT("> 2/b,[\"2\"]", "> 2/b,[\"6\"]", "/b connect");
}
END_TEST

/* What is kept fits the connection's queue when it leaves: nothing is lost then. */
START_TEST(kept_bytes_are_limited) {
    static const char text[] = "0123456789012345678901234567890123456789";
    sio_client_options o = client_options();
    o.max_queued_bytes = 180;
    sio_client *client = client_make(&o);
    sio_socket *socket = client_socket(client, "/");
    ck_assert_int_eq(sio_socket_emitf(socket, "a", "s", text), 0);
    ck_assert_int_eq(sio_socket_emitf(socket, "b", "s B", text, text, sizeof(text)), SIO_ERR_LIMIT);
    ck_assert_int_eq(sio_socket_emitf(socket, "c", "s", text), SIO_ERR_LIMIT);
    ck_assert_int_eq(sio_socket_emitf(socket, "d", "i", 1), 0);
    fake_open();
    trace_clear();
    client_accept("/", "id");
    EXPECT("> 2[\"a\",\"0123456789012345678901234567890123456789\"]", "> 2[\"d\",1]", "/ connect");
    fake_close(fake_engine(), SIO_EIO_REASON_TRANSPORT_CLOSE, NULL);
    ck_assert_int_eq(sio_socket_emitf(socket, "e", "s", text), 0);
}
END_TEST

START_TEST(heartbeat_overdue) { /* SS-48 */
    sio_socket *socket = client_connected(NULL);
    fake.overdue = true;
    ck_assert_int_eq(sio_socket_emitf(socket, "x", "i", 1), 0);
    EXPECT_NOTHING();
    fake_close(fake_engine(), SIO_EIO_REASON_PING_TIMEOUT, NULL);
    fake.overdue = false;
    pass(101);
    fake_open();
    trace_clear();
    client_accept("/", "id2");
    EXPECT("> 2[\"x\",1]", "/ connect");
}
END_TEST

START_TEST(heartbeat_that_comes_late_after_all) {
    sio_socket *socket = client_connected(NULL);
    sio_emit_options o = with_ack(0, NULL);
    fake.overdue = true;
    ck_assert_int_eq(sio_socket_emit(socket, "x", NULL, &o), 0);
    fake.overdue = false;
    ck_assert_int_eq(sio_socket_emitf(socket, "y", ""), 0);
    fake_ping();
    ck_assert_int_eq(sio_socket_emitf(socket, "z", ""), 0);
    EXPECT("> 20[\"x\"]", "> 2[\"y\"]", "client ping", "> 2[\"z\"]");
}
END_TEST

START_TEST(flush_that_fails_keeps_the_rest) {
    sio_socket *socket = client_socket(client_make(NULL), "/");
    sio_emit_options o = with_ack(0, "second");
    ck_assert_int_eq(sio_socket_emitf(socket, "1", ""), 0);
    ck_assert_int_eq(sio_socket_emit(socket, "2", NULL, &o), 0);
    ck_assert_int_eq(sio_socket_emitf(socket, "3", ""), 0);
    fake_open();
    trace_clear();
    fake.fail_send = SIO_ERR_EIO_QUEUE_FULL;
    fake.fail_from = 1;
    client_accept("/", "id");
    EXPECT("> 2[\"1\"]", "(failing)", "/ connect", "client close transport error",
           "/ disconnect transport error", "second DISCONNECTED");
    pass(101);
    fake_open();
    trace_clear();
    client_accept("/", "id2");
    EXPECT("> 2[\"3\"]", "/ connect"); /* the one that did not fit is given up */
}
END_TEST

/* ---- acknowledgements ---- */

START_TEST(replies_by_id) { /* SS-24 SS-38 SS-40 */
    sio_client *client = client_make(NULL);
    sio_socket *socket = client_socket(client, "/n");
    fake_open();
    client_accept("/n", "id");
    trace_clear();
    ck_assert_int_eq(sio_socket_emit_ackf(socket, "a", 0, trace_reply, tag("a"), "i", 1), 0);
    ck_assert_int_eq(sio_socket_emit_ackf(socket, "b", 50, trace_reply, tag("b"), ""), 0);
    ck_assert_int_eq(
        sio_socket_emit_ackf(socket, "c", 0, trace_reply, tag("c"), "B", "\x01", (size_t)1), 0);
    EXPECT("> 2/n,0[\"a\",1]", "> 2/n,1[\"b\"]",
           "> 51-/n,2[\"c\",{\"_placeholder\":true,\"num\":0}]", "> <01>");
    fake_text("3/n,1[true,\"x\"]");
    fake_text("3/n,7[]");
    fake_text("3/other,0[]");
    fake_text("61-/n,2[{\"_placeholder\":true,\"num\":0}]");
    fake_binary("\xfe", 1);
    fake_text("3/n,0[]");
    fake_text("3/n,0[]"); /* once */
    pass(1000);
    EXPECT("b ok [true,\"x\"]", "c ok [{\"_placeholder\":true,\"num\":0}<fe>]", "a ok []");
}
END_TEST

START_TEST(timeout) { /* SS-36 SS-37 SS-39 */
    sio_socket *socket = client_connected(NULL);
    ck_assert_int_eq(sio_socket_emit_ackf(socket, "a", 50, trace_reply, tag("a"), ""), 0);
    ck_assert_int_eq(sio_socket_emit_ackf(socket, "b", 20, trace_reply, tag("b"), ""), 0);
    ck_assert_int_eq(sio_socket_emit_ackf(socket, "c", 0, trace_reply, tag("c"), ""), 0);
    trace_clear();
    pass(19);
    EXPECT_NOTHING();
    pass(2);
    EXPECT("b TIMEOUT");
    fake_text("31[\"late\"]");
    EXPECT_NOTHING();
    pass(30);
    EXPECT("a TIMEOUT");
    fake_text("32[]");
    EXPECT("c ok []");
}
END_TEST

START_TEST(timeout_while_kept_drops_the_event) { /* SS-35 */
    sio_socket *socket = client_socket(client_make(NULL), "/");
    ck_assert_int_eq(sio_socket_emit_ackf(socket, "a", 50, trace_reply, tag("a"), ""), 0);
    ck_assert_int_eq(sio_socket_emitf(socket, "b", ""), 0);
    pass(51);
    EXPECT("attempt", "a TIMEOUT");
    fake_open();
    client_accept("/", "id");
    EXPECT("client open", "> 0", "> 2[\"b\"]", "/ connect");
}
END_TEST

START_TEST(disconnect_ends_what_has_left) { /* SS-42 SS-43 SS-44 SS-45 SS-46 SS-47, quirk 20 */
    sio_socket *socket = client_connected(NULL);
    ck_assert_int_eq(sio_socket_emit_ackf(socket, "sent", 0, trace_reply, tag("sent"), ""), 0);
    ck_assert_int_eq(sio_socket_emit_ackf(socket, "timed", 500, trace_reply, tag("timed"), ""), 0);
    fake.overdue = true;
    ck_assert_int_eq(sio_socket_emit_ackf(socket, "kept", 0, trace_reply, tag("kept"), ""), 0);
    ck_assert_int_eq(sio_socket_emit_ackf(socket, "both", 50, trace_reply, tag("both"), ""), 0);
    fake.overdue = false;
    trace_clear();
    fake_cut();
    EXPECT("client close transport close", "/ disconnect transport close", "sent DISCONNECTED",
           "timed DISCONNECTED");
    pass(51);
    EXPECT("both TIMEOUT");
    pass(50);
    fake_open();
    trace_clear();
    client_accept("/", "id2");
    EXPECT("> 22[\"kept\"]", "/ connect");
    fake_text("30[]");
    fake_text("32[\"late\"]");
    EXPECT("kept ok [\"late\"]");
    sio_socket_disconnect(socket);
    ck_assert_int_eq(sio_socket_emit_ackf(socket, "off", 0, trace_reply, tag("off"), ""), 0);
    trace_clear();
    client_forget(sio_socket_client(socket));
    sio_client_free(sio_socket_client(socket));
    EXPECT("off DISCONNECTED");
}
END_TEST

START_TEST(awaiting_is_limited) {
    sio_client_options o = client_options();
    o.max_pending_acks = 2;
    sio_socket *socket = client_connected(&o);
    ck_assert_int_eq(sio_socket_emit_ackf(socket, "a", 0, trace_reply, tag("a"), ""), 0);
    ck_assert_int_eq(sio_socket_emit_ackf(socket, "b", 0, trace_reply, tag("b"), ""), 0);
    ck_assert_int_eq(sio_socket_emit_ackf(socket, "c", 0, trace_reply, tag("never"), ""),
                     SIO_ERR_LIMIT);
    EXPECT("> 20[\"a\"]", "> 21[\"b\"]");
    fake_text("30[]");
    ck_assert_int_eq(sio_socket_emit_ackf(socket, "d", 0, trace_reply, tag("d"), ""), 0);
    EXPECT("a ok []", "> 22[\"d\"]");
}
END_TEST

/* ---- callbacks that go on ---- */

static sio_socket *subject;
static int chain;

static void emit_again(const sio_event *reply, void *user) {
    trace_reply(reply, tag("chain"));
    if (chain-- > 0) {
        int rc = sio_socket_emit_ackf(subject, "more", 10, emit_again, NULL, "");
        trace("%s", rc == 0 ? "more" : sio_error_name(rc));
    }
}

START_TEST(replies_that_emit_again) {
    subject = client_connected(NULL);
    chain = 1;
    ck_assert_int_eq(sio_socket_emit_ackf(subject, "a", 10, emit_again, NULL, ""), 0);
    pass(11);
    EXPECT("> 20[\"a\"]", "chain TIMEOUT", "> 21[\"more\"]", "more");
    fake_text("31[1]");
    EXPECT("chain ok [1]");
    chain = 1;
    ck_assert_int_eq(sio_socket_emit_ackf(subject, "b", 0, emit_again, NULL, ""), 0);
    trace_clear();
    fake_cut(); /* what the callback emits is for the next connection */
    EXPECT("client close transport close", "/ disconnect transport close", "chain DISCONNECTED",
           "more");
    pass(11);
    EXPECT("chain TIMEOUT");
}
END_TEST

START_TEST(replies_that_emit_while_the_client_is_freed) {
    subject = client_connected(NULL);
    chain = 3;
    ck_assert_int_eq(sio_socket_emit_ackf(subject, "a", 0, emit_again, NULL, ""), 0);
    trace_clear();
    client_forget(sio_socket_client(subject));
    sio_client_free(sio_socket_client(subject));
    EXPECT("chain DISCONNECTED", "DISCONNECTED");
}
END_TEST

static void free_in_reply(const sio_event *reply, void *user) {
    trace_reply(reply, tag("freeing"));
    client_forget(sio_socket_client(subject));
    sio_client_free(sio_socket_client(subject));
}

START_TEST(free_in_each_reply) {
    subject = client_connected(NULL);
    ck_assert_int_eq(sio_socket_emit_ackf(subject, "a", 10, free_in_reply, NULL, ""), 0);
    ck_assert_int_eq(sio_socket_emit_ackf(subject, "b", 10, trace_reply, tag("b"), ""), 0);
    trace_clear();
    if (_i == 0) {
        pass(11);
        EXPECT("freeing TIMEOUT", "b DISCONNECTED");
    } else if (_i == 1) {
        fake_text("30[]");
        EXPECT("freeing ok []", "b DISCONNECTED");
    } else if (_i == 2) {
        fake_cut();
        EXPECT("client close transport close", "/ disconnect transport close",
               "freeing DISCONNECTED", "b DISCONNECTED");
    } else {
        sio_client *client = sio_socket_client(subject);
        client_forget(client);
        sio_client_free(client);
        EXPECT("freeing DISCONNECTED", "b DISCONNECTED");
    }
    turn();
    EXPECT_NOTHING();
    ck_assert_uint_eq(fake_live(), 0);
}
END_TEST

/* ---- from other threads ---- */

enum { THREADS = 8, EACH = 50 };

static void *post_some(void *arg) {
    for (int i = 0; i < EACH; i++) {
        ck_assert_int_eq(sio_socket_post_emitf(subject, "p", "i i", *(int *)arg, i), 0);
    }
    return NULL;
}

START_TEST(posted_from_threads) {
    pthread_t threads[THREADS];
    int numbers[THREADS], next[THREADS] = {0};
    subject = client_connected(NULL);
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, post_some, &numbers[i]), 0);
    }
    turn();
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    turn();
    char *text = trace_take();
    unsigned count = 0;
    for (char *at = text; *at; at++, count++) {
        static const char head[] = "> 2[\"p\",";
        ck_assert_int_eq(strncmp(at, head, sizeof head - 1), 0);
        long thread = strtol(at + sizeof head - 1, &at, 10);
        ck_assert(thread >= 0 && thread < THREADS && *at == ',');
        ck_assert_int_eq(strtol(at + 1, &at, 10), next[thread]++);
        ck_assert_int_eq(strncmp(at, "]\n", 2), 0);
        at++;
    }
    ck_assert_uint_eq(count, THREADS * EACH);
    free(text);
}
END_TEST

START_TEST(posted_and_then_freed) {
    test_mem mem;
    test_mem_init(&mem);
    sio_client_options o = client_options();
    o.mem = &mem.mem;
    subject = client_connected(&o);
    ck_assert_int_eq(sio_socket_post_emitf(subject, "p", "B", "x", (size_t)1), 0);
    client_forget(sio_socket_client(subject));
    sio_client_free(sio_socket_client(subject));
    EXPECT_NOTHING();
    ck_assert_uint_eq(mem.live, 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("client_socket_emit");
    TCase *tc = tcase_create("emit");
    tcase_add_checked_fixture(tc, client_setup, client_teardown);
    tcase_add_test(tc, all_kinds_of_arguments);
    tcase_add_test(tc, many_attachments);
    tcase_add_test(tc, received_arguments_are_passed_on);
    tcase_add_test(tc, errors);
    tcase_add_test(tc, volatile_events);
    tcase_add_test(tc, a_full_connection);
    tcase_add_test(tc, kept_in_order_and_sent_before_connect);
    tcase_add_test(tc, kept_over_several_drops);
    tcase_add_test(tc, keeping_is_limited_over_all_sockets);
    tcase_add_test(tc, kept_bytes_are_limited);
    tcase_add_test(tc, heartbeat_overdue);
    tcase_add_test(tc, heartbeat_that_comes_late_after_all);
    tcase_add_test(tc, flush_that_fails_keeps_the_rest);
    tcase_add_test(tc, replies_by_id);
    tcase_add_test(tc, timeout);
    tcase_add_test(tc, timeout_while_kept_drops_the_event);
    tcase_add_test(tc, disconnect_ends_what_has_left);
    tcase_add_test(tc, awaiting_is_limited);
    tcase_add_test(tc, replies_that_emit_again);
    tcase_add_test(tc, replies_that_emit_while_the_client_is_freed);
    tcase_add_loop_test(tc, free_in_each_reply, 0, 4);
    tcase_add_test(tc, posted_from_threads);
    tcase_add_test(tc, posted_and_then_freed);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
