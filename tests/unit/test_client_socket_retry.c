/* Events that are sent again until they are acknowledged. */
#include "client_fixture.h"

static sio_client_options retrying(uint32_t retries) {
    sio_client_options o = client_options();
    o.retries = retries;
    o.ack_timeout_ms = 20;
    return o;
}

static void never(int status, void *user) {
    ck_abort_msg("called");
}

static int queue(sio_socket *socket, const char *event, const char *name) {
    return sio_socket_emit_ackf(socket, event, 0, trace_reply, tag(name), "i", 1);
}

START_TEST(one_at_a_time_in_order) { /* SR-01, quirk 9: options belong to one call */
    sio_client_options o = retrying(10);
    sio_socket *socket = client_connected(&o);
    sio_emit_options raw = SIO_EMIT_OPTIONS_INIT;
    raw.no_compress = true;
    ck_assert_int_eq(queue(socket, "a", "a"), 0);
    ck_assert_int_eq(sio_socket_emit(socket, "b", NULL, &raw), 0);
    ck_assert_int_eq(queue(socket, "c", "c"), 0);
    ck_assert_uint_eq(sio_socket_queue_length(socket), 3);
    EXPECT("> 20[\"a\",1]");
    fake_text("30[\"x\"]");
    EXPECT("a ok [\"x\"]", "> 21[\"b\"] (raw)");
    fake_text("31[]");
    EXPECT("> 22[\"c\",1]");
    fake_text("32[]");
    EXPECT("c ok []");
    ck_assert_uint_eq(sio_socket_queue_length(socket), 0);
}
END_TEST

static void on_lost(sio_client *client, const sio_event *event, void *user) {
    trace("lost %s %s %s", sio_event_string(event, 0), sio_event_string(event, 1),
          sio_error_name(event->status));
}

START_TEST(gives_up_after_the_last_try) { /* SR-02 */
    sio_client_options o = retrying(3);
    sio_socket *socket = client_connected(&o);
    ck_assert_int_eq(sio_client_on(sio_socket_client(socket), "lost", on_lost, NULL), 0);
    ck_assert_int_eq(queue(socket, "a", "a"), 0);
    ck_assert_int_eq(sio_socket_emitf(socket, "b", ""), 0);
    pass(21);
    pass(21);
    pass(21);
    EXPECT("> 20[\"a\",1]", "> 21[\"a\",1]", "> 22[\"a\",1]", "> 23[\"a\",1]");
    pass(21);
    EXPECT("a TIMEOUT", "> 24[\"b\"]");
    for (int i = 0; i < 4; i++) {
        pass(21);
    }
    EXPECT("> 25[\"b\"]", "> 26[\"b\"]", "> 27[\"b\"]", "lost / b TIMEOUT");
}
END_TEST

START_TEST(nothing_happens_while_not_connected) { /* SR-03 */
    sio_client_options o = retrying(1);
    sio_socket *socket = client_socket(client_make(&o), "/");
    ck_assert_int_eq(queue(socket, "a", "a"), 0);
    pass(1000);
    EXPECT("attempt");
    ck_assert_uint_eq(sio_socket_kept(socket), 0);
    fake_open();
    client_accept("/", "id");
    EXPECT("client open", "> 0", "> 20[\"a\",1]", "/ connect");
    fake_text("30[]");
    EXPECT("a ok []");
}
END_TEST

static void emit_in_connect(sio_socket *socket, const sio_event *event, void *user) {
    ck_assert_int_eq(queue(socket, "a", "a"), 0);
}

START_TEST(emitted_in_connect_is_sent_once) { /* SR-04 */
    sio_client_options o = retrying(3);
    sio_socket *socket = client_socket(client_make(&o), "/");
    ck_assert_int_eq(sio_socket_on(socket, "connect", emit_in_connect, NULL), 0);
    fake_open();
    client_accept("/", "id");
    EXPECT("attempt", "client open", "> 0", "/ connect", "> 20[\"a\",1]");
}
END_TEST

START_TEST(a_disconnect_counts_as_a_try) {
    sio_client_options o = retrying(1);
    sio_socket *socket = client_connected(&o);
    ck_assert_int_eq(queue(socket, "a", "a"), 0);
    trace_clear();
    for (int i = 0; i < 2; i++) {
        fake_cut();
        pass(101);
        fake_open();
        client_accept("/", "id");
    }
    EXPECT("client close transport close", "/ disconnect transport close",
           "client reconnect_attempt 1", "attempt", "client open", "> 0", "client reconnect 1",
           "> 21[\"a\",1]", "/ connect", "client close transport close",
           "/ disconnect transport close", "a DISCONNECTED", "client reconnect_attempt 1",
           "attempt", "client open", "> 0", "client reconnect 1", "/ connect");
}
END_TEST

START_TEST(volatile_events_pass_the_queue) {
    sio_client_options o = retrying(3);
    sio_socket *socket = client_connected(&o);
    sio_emit_options v = SIO_EMIT_OPTIONS_INIT;
    v.is_volatile = true;
    ck_assert_int_eq(queue(socket, "a", "a"), 0);
    ck_assert_int_eq(sio_socket_emit(socket, "v", NULL, &v), 0);
    EXPECT("> 20[\"a\",1]", "> 2[\"v\"]");
}
END_TEST

/* quirk 12: without a limit of time the reference takes an answer for an error */
START_TEST(a_time_limit_is_assumed) {
    sio_socket *socket = client_connected(NULL);
    sio_socket_set_retries(socket, 1);
    ck_assert_int_eq(queue(socket, "a", "a"), 0);
    ck_assert_int_eq(queue(socket, "b", "b"), 0);
    fake_text("30[\"looks like an error\"]");
    EXPECT("> 20[\"a\",1]", "a ok [\"looks like an error\"]", "> 21[\"b\",1]");
    pass(10001);
    EXPECT("> 22[\"b\",1]");
}
END_TEST

START_TEST(the_queue_is_limited_and_can_be_cleared) {
    sio_client_options o = retrying(3);
    o.max_retry_queue = 2;
    sio_socket *socket = client_connected(&o);
    ck_assert_int_eq(queue(socket, "connect", "never"), SIO_ERR_RESERVED);
    ck_assert_int_eq(queue(socket, "a", "a"), 0);
    ck_assert_int_eq(queue(socket, "b", "b"), 0);
    ck_assert_int_eq(queue(socket, "c", "never"), SIO_ERR_LIMIT);
    trace_clear();
    sio_socket_clear_queue(socket);
    EXPECT("a DISCARDED", "b DISCARDED");
    ck_assert_uint_eq(sio_socket_pending_acks(socket), 0);
    fake_text("30[]");
    EXPECT_NOTHING();
    sio_emit_options sent = SIO_EMIT_OPTIONS_INIT;
    sent.on_sent = never;
    ck_assert_int_eq(sio_socket_emit(socket, "a", NULL, &sent), SIO_ERR_INVALID);
}
END_TEST

START_TEST(a_full_connection_is_waited_for) {
    sio_client_options o = retrying(0);
    sio_socket *socket = client_connected(&o);
    sio_socket_set_retries(socket, 1);
    fake.fail_send = SIO_ERR_EIO_QUEUE_FULL;
    fake.not_writable = true;
    ck_assert_int_eq(queue(socket, "a", "a"), 0);
    EXPECT_NOTHING();
    fake.not_writable = false;
    fake_drain();
    EXPECT("> 21[\"a\",1]");
    /* One that an idle connection cannot take never fits. */
    ck_assert_int_eq(queue(socket, "b", "b"), 0);
    fake.fail_send = SIO_ERR_EIO_QUEUE_FULL;
    fake.fail_from = 0;
    fake_text("31[]");
    EXPECT("a ok []", "b EIO_QUEUE_FULL");
}
END_TEST

START_TEST(heartbeat_overdue) {
    sio_client_options o = retrying(3);
    sio_socket *socket = client_connected(&o);
    fake.overdue = true;
    ck_assert_int_eq(queue(socket, "a", "a"), 0);
    EXPECT_NOTHING();
    fake.overdue = false;
    fake_ping();
    EXPECT("> 20[\"a\",1]", "client ping");
}
END_TEST

static sio_socket *subject;

static void free_it(sio_socket *socket, const sio_event *event, void *user) {
    client_forget(sio_socket_client(socket));
    sio_client_free(sio_socket_client(socket));
}

static void free_in_reply(const sio_event *reply, void *user) {
    trace_reply(reply, tag("freeing"));
    free_it(subject, NULL, NULL);
}

START_TEST(freed_with_a_queue) {
    sio_client_options o = retrying(3);
    subject = client_connected(&o);
    if (_i == 1) {
        ck_assert_int_eq(sio_socket_on_any_outgoing(subject, free_it, NULL), 0);
        ck_assert_int_eq(queue(subject, "a", "a"), 0);
        EXPECT("a DISCONNECTED");
        return;
    }
    ck_assert_int_eq(
        sio_socket_emit_ackf(subject, "a", 0, _i == 2 ? free_in_reply : trace_reply, tag("a"), ""),
        0);
    ck_assert_int_eq(queue(subject, "b", "b"), 0);
    trace_clear();
    if (_i == 0) {
        free_it(subject, NULL, NULL);
        EXPECT("a DISCONNECTED", "b DISCONNECTED");
    } else {
        fake_text("30[]");
        EXPECT("freeing ok []", "b DISCONNECTED");
    }
}
END_TEST

/* ---- without memory ---- */

static unsigned owed;

static void count_reply(const sio_event *reply, void *user) {
    owed--;
}

/* Each event whose emitting succeeded has its end told once. */
static int memory_scenario(const sio_mem *mem, void *arg) {
    sio_client_options o = retrying(2);
    sio_client *client = NULL;
    o.mem = mem;
    int rc = sio_client_new(&client, "http://localhost", &o);
    sio_socket *socket = rc == 0 ? sio_client_socket(client, "/") : NULL;
    if (rc == 0 && !socket) {
        rc = SIO_ERR_NOMEM;
    }
    for (int i = 0; i < 3 && rc == 0; i++) {
        rc = sio_socket_emit_ackf(socket, "e", 0, count_reply, NULL, "i B", i, "x", (size_t)1);
        owed += rc == 0;
    }
    if (fake_engine_or_null()) {
        fake_open();
    }
    if (fake_engine_or_null()) {
        client_accept("/", "id");
    }
    if (fake_engine_or_null()) {
        fake_text("30[1]");
    }
    pass(21); /* the second one is tried again */
    if (rc == 0) {
        rc = owed == 2 && sio_socket_queue_length(socket) == 2 ? 0 : SIO_ERR_NOMEM;
    }
    if (socket) {
        sio_socket_clear_queue(socket);
    }
    sio_client_free(client);
    ck_assert_uint_eq(owed, 0);
    turn();
    return rc;
}

START_TEST(without_memory) {
    test_mem_sweep(memory_scenario, NULL);
    trace_clear();
}
END_TEST

int main(void) {
    Suite *suite = suite_create("client_socket_retry");
    TCase *tc = tcase_create("retry");
    tcase_add_checked_fixture(tc, client_setup, client_teardown);
    tcase_add_test(tc, one_at_a_time_in_order);
    tcase_add_test(tc, gives_up_after_the_last_try);
    tcase_add_test(tc, nothing_happens_while_not_connected);
    tcase_add_test(tc, emitted_in_connect_is_sent_once);
    tcase_add_test(tc, a_disconnect_counts_as_a_try);
    tcase_add_test(tc, volatile_events_pass_the_queue);
    tcase_add_test(tc, a_time_limit_is_assumed);
    tcase_add_test(tc, the_queue_is_limited_and_can_be_cleared);
    tcase_add_test(tc, a_full_connection_is_waited_for);
    tcase_add_test(tc, heartbeat_overdue);
    tcase_add_loop_test(tc, freed_with_a_queue, 0, 3);
    tcase_add_test(tc, without_memory);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
