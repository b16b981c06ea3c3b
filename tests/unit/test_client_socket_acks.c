/* Awaited acknowledgements: default time limits, and what a dropped event leaves behind. */
#include "client_fixture.h"

START_TEST(default_time_limit) { /* SS-41 SS-44 */
    sio_client_options o = client_options();
    o.ack_timeout_ms = 50;
    sio_socket *socket = client_connected(&o);
    ck_assert_int_eq(sio_socket_emit_ackf(socket, "a", 0, trace_reply, tag("a"), ""), 0);
    ck_assert_int_eq(sio_socket_emit_ackf(socket, "b", 90, trace_reply, tag("b"), ""), 0);
    ck_assert_int_eq(
        sio_socket_emit_ackf(socket, "c", SIO_EMIT_NO_TIMEOUT, trace_reply, tag("c"), ""), 0);
    ck_assert_uint_eq(sio_socket_pending_acks(socket), 3);
    trace_clear();
    pass(51);
    EXPECT("a TIMEOUT");
    sio_socket_set_ack_timeout(socket, 10);
    ck_assert_int_eq(sio_socket_emit_ackf(socket, "d", 0, trace_reply, tag("d"), ""), 0);
    sio_socket_set_ack_timeout(socket, 0);
    ck_assert_int_eq(sio_socket_emit_ackf(socket, "e", 0, trace_reply, tag("e"), ""), 0);
    trace_clear();
    pass(11);
    EXPECT("d TIMEOUT");
    pass(90);
    EXPECT("b TIMEOUT");
    fake_cut();
    EXPECT("client close transport close", "/ disconnect transport close", "c DISCONNECTED",
           "e DISCONNECTED");
    ck_assert_uint_eq(sio_socket_pending_acks(socket), 0);
}
END_TEST

START_TEST(a_late_or_unknown_answer_is_ignored) { /* SS-37 */
    sio_socket *socket = client_connected(NULL);
    ck_assert_int_eq(sio_socket_emit_ackf(socket, "a", 5, trace_reply, tag("a"), ""), 0);
    trace_clear();
    pass(6);
    EXPECT("a TIMEOUT");
    fake_text("30[1]");
    fake_text("399[1]");
    EXPECT_NOTHING();
}
END_TEST

START_TEST(a_dropped_volatile_event_leaves_no_entry) { /* quirk 21: a dropped volatile's slot */
    sio_socket *socket = client_connected(NULL);
    sio_emit_options o = SIO_EMIT_OPTIONS_INIT;
    o.is_volatile = true;
    o.on_ack = trace_reply;
    fake.not_writable = true;
    ck_assert_int_eq(sio_socket_emit(socket, "v", NULL, &o), SIO_ERR_DISCARDED);
    ck_assert_uint_eq(sio_socket_pending_acks(socket), 0);
    fake.not_writable = false;
    EXPECT_NOTHING();
}
END_TEST

int main(void) {
    Suite *suite = suite_create("client_socket_acks");
    TCase *tc = tcase_create("acks");
    tcase_add_checked_fixture(tc, client_setup, client_teardown);
    tcase_add_test(tc, default_time_limit);
    tcase_add_test(tc, a_late_or_unknown_answer_is_ignored);
    tcase_add_test(tc, a_dropped_volatile_event_leaves_no_entry);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
