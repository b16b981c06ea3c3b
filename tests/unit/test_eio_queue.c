#include "eio_support.h"

#include "eio_state.h"

START_TEST(a_session_is_small) {
    ck_assert_uint_le(sizeof(sio_eio_session), 160);
}
END_TEST

START_TEST(one_packet_needs_no_memory) {
    test_mem t;
    test_mem_init(&t);
    sio_eio_config config = {.size = sizeof(config), .mem = &t.mem, .ping_interval = 1};
    sio_eio_session s;
    eio_server(&s, SIO_EIO_WEBSOCKET, 4, &config);
    t.fail_at = t.calls + 1;
    sio_eio_session_elapsed(&s, 1);
    ck_assert_str_eq(eio_output(&s, 1), "frames 2");
    ck_assert_uint_eq(t.live, 0);
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(memory_only_while_packets_are_queued) {
    test_mem t;
    test_mem_init(&t);
    sio_eio_config config = {.size = sizeof(config), .mem = &t.mem};
    sio_eio_session s;
    eio_server(&s, SIO_EIO_WEBSOCKET, 4, &config);
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(eio_send(&s, "abc", 0), 0);
    }
    ck_assert_uint_eq(sio_eio_session_queued(&s), 100);
    ck_assert_uint_eq(sio_eio_session_queued_bytes(&s), 300);
    (void)eio_output(&s, 1);
    ck_assert_uint_eq(sio_eio_session_queued_bytes(&s), 0);
    ck_assert_uint_eq(t.live, 0);
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(keeps_the_order_when_handed_over_in_parts) {
    sio_eio_session s;
    eio_server(&s, SIO_EIO_WEBSOCKET, 4, NULL);
    unsigned sent = 0;
    unsigned taken = 0;
    for (unsigned round = 1; round < 200; round++) {
        for (unsigned i = 0; i < round % 13; i++) {
            sio_eio_message *m;
            ck_assert_int_eq(sio_eio_message_new(&m, false, "x", 1, NULL), 0);
            ck_assert_int_eq(sio_eio_session_send(&s, m, 0, ++sent), 0);
            sio_eio_message_unref(m);
        }
        sio_eio_output out;
        if (!sio_eio_session_output(&s, &out)) {
            continue;
        }
        out.count = out.count > round % 7 + 1 ? round % 7 + 1 : out.count;
        for (size_t i = 0; i < out.count; i++) {
            ck_assert_uint_eq(out.items[i].tag, ++taken);
        }
        sio_eio_session_consume(&s, &out, round);
        ck_assert(!sio_eio_session_output(&s, &out));
        sio_eio_session_written(&s, round);
        ck_assert_uint_eq(sio_eio_session_queued(&s), sent - taken);
    }
    ck_assert_uint_gt(taken, 500);
    size_t count;
    const sio_eio_item *items = sio_eio_session_queue(&s, &count);
    ck_assert_uint_eq(count, sent - taken);
    ck_assert(count == 0 || items[0].tag == taken + 1);
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(limits) {
    sio_eio_config config = {
        .size = sizeof(config), .max_queue_messages = 2, .max_queue_bytes = 10};
    sio_eio_session s;
    eio_server(&s, SIO_EIO_WEBSOCKET, 4, &config);
    ck_assert_int_eq(eio_send(&s, "12345678901", 0), SIO_ERR_EIO_QUEUE_FULL);
    ck_assert_int_eq(eio_send(&s, "1234567890", 0), 0);
    ck_assert_int_eq(eio_send(&s, "1", 0), SIO_ERR_EIO_QUEUE_FULL);
    ck_assert_int_eq(eio_send(&s, "", 0), 0);
    ck_assert_int_eq(eio_send(&s, "", 0), SIO_ERR_EIO_QUEUE_FULL);
    /* The heartbeat is not held up. */
    sio_eio_session_elapsed(&s, 25000);
    ck_assert_str_eq(eio_events(&s), "ping");
    ck_assert_uint_eq(sio_eio_session_queued(&s), 3);
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(volatile_needs_a_writable_transport) { /* server.md: writable */
    sio_eio_session s;
    eio_server(&s, SIO_EIO_WEBSOCKET, 4, NULL);
    ck_assert_int_eq(eio_send(&s, "a", SIO_EIO_VOLATILE), 0);
    ck_assert_int_eq(eio_send(&s, "b", SIO_EIO_VOLATILE), SIO_ERR_DISCARDED);
    ck_assert_str_eq(eio_output(&s, 1), "frames 4a");
    ck_assert_int_eq(eio_send(&s, "c", SIO_EIO_VOLATILE), SIO_ERR_DISCARDED);
    sio_eio_session_written(&s, 1);
    ck_assert_int_eq(eio_send(&s, "d", SIO_EIO_VOLATILE), 0);
    ck_assert_str_eq(eio_output(&s, 1), "frames 4d");
    sio_eio_session_written(&s, 1);
    sio_eio_session_busy(&s);
    ck_assert_int_eq(eio_send(&s, "e", SIO_EIO_VOLATILE), SIO_ERR_DISCARDED);
    ck_assert(sio_eio_session_direct(&s));
    sio_eio_session_free(&s);
}
END_TEST

/* What a client writes past the queue drains it too: who waits for it to be written is told. */
START_TEST(direct_writes_of_a_client_drain) {
    sio_eio_session s;
    eio_client(&s, SIO_EIO_WEBSOCKET, 4, NULL, EIO_HANDSHAKE("", "100"));
    (void)eio_events(&s);
    sio_eio_session_busy(&s);
    ck_assert(!sio_eio_session_writable(&s));
    sio_eio_session_written(&s, 1);
    ck_assert_str_eq(eio_events(&s), "drain");
    ck_assert(sio_eio_session_writable(&s));
    sio_eio_session_written(&s, 1);
    ck_assert_str_eq(eio_events(&s), "");
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(sends_only_in_its_states) {
    sio_eio_session s;
    sio_eio_session_init(&s, SIO_EIO_SERVER, SIO_EIO_POLLING, 4, NULL);
    ck_assert_int_eq(eio_send(&s, "a", 0), SIO_ERR_STATE);
    sio_eio_session_free(&s);
    sio_eio_session_init(&s, SIO_EIO_CLIENT, SIO_EIO_POLLING, 4, NULL);
    ck_assert_int_eq(eio_send(&s, "a", 0), 0);
    sio_eio_session_close(&s, true, 0);
    ck_assert_int_eq(eio_send(&s, "b", 0), SIO_ERR_CLOSED);
    sio_eio_session_free(&s);
    sio_eio_session_free(NULL);
}
END_TEST

START_TEST(direct_only_past_an_empty_queue) {
    sio_eio_session s;
    eio_server(&s, SIO_EIO_WEBSOCKET, 4, NULL);
    ck_assert(sio_eio_session_direct(&s));
    ck_assert_int_eq(eio_send(&s, "a", 0), 0);
    ck_assert(!sio_eio_session_direct(&s));
    (void)eio_output(&s, 1);
    ck_assert(sio_eio_session_direct(&s));
    sio_eio_session_close(&s, false, 1);
    ck_assert(!sio_eio_session_direct(&s));
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(queue_is_readable_after_the_close) { /* E39 */
    sio_eio_session s;
    eio_server(&s, SIO_EIO_POLLING, 4, NULL);
    ck_assert_int_eq(eio_send(&s, "a", 0), 0);
    sio_eio_session_clear(&s);
    ck_assert_uint_eq(sio_eio_session_queued(&s), 1);
    eio_feed(&s, SIO_EIO_ERROR, "", 1);
    ck_assert_str_eq(eio_events(&s), "close(parse error:EIO_PACKET)");
    size_t count;
    ck_assert_ptr_nonnull(sio_eio_session_queue(&s, &count));
    ck_assert_uint_eq(count, 1);
    sio_eio_session_clear(&s);
    ck_assert_ptr_null(sio_eio_session_queue(&s, &count));
    ck_assert_uint_eq(count, 0);
    sio_eio_session_free(&s);
}
END_TEST

static int scenario(const sio_mem *mem, void *arg) {
    sio_eio_config config = {.size = sizeof(config), .mem = mem, .ping_interval = 10};
    sio_eio_session s;
    sio_eio_session_init(&s, SIO_EIO_SERVER, SIO_EIO_WEBSOCKET, 4, &config);
    int rc = sio_eio_session_open(&s, SIO_STR("SID"), 0);
    ck_assert(rc == 0 || sio_eio_session_state(&s) == SIO_EIO_STATE_OPENING);
    for (int i = 0; i < 20 && rc == 0; i++) {
        size_t before = sio_eio_session_queued(&s);
        rc = eio_send(&s, "abc", 0);
        ck_assert_uint_eq(sio_eio_session_queued(&s), before + (rc == 0));
    }
    sio_eio_session_free(&s);
    return rc;
}

START_TEST(survives_without_memory) {
    test_mem_sweep(scenario, NULL);
}
END_TEST

START_TEST(closes_when_its_own_packet_finds_no_memory) {
    test_mem t;
    test_mem_init(&t);
    sio_eio_config config = {.size = sizeof(config), .mem = &t.mem};
    sio_eio_session s;
    eio_server(&s, SIO_EIO_POLLING, 4, &config);
    ck_assert_int_eq(eio_send(&s, "a", 0), 0);
    t.fail_at = t.calls + 1;
    sio_eio_session_elapsed(&s, 25000);
    ck_assert_str_eq(eio_events(&s), "close(transport error:NOMEM)");
    sio_eio_session_free(&s);
    ck_assert_uint_eq(t.live, 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("eio_queue");
    TCase *tc = tcase_create("eio_queue");
    tcase_add_test(tc, a_session_is_small);
    tcase_add_test(tc, one_packet_needs_no_memory);
    tcase_add_test(tc, memory_only_while_packets_are_queued);
    tcase_add_test(tc, keeps_the_order_when_handed_over_in_parts);
    tcase_add_test(tc, limits);
    tcase_add_test(tc, volatile_needs_a_writable_transport);
    tcase_add_test(tc, direct_writes_of_a_client_drain);
    tcase_add_test(tc, sends_only_in_its_states);
    tcase_add_test(tc, direct_only_past_an_empty_queue);
    tcase_add_test(tc, queue_is_readable_after_the_close);
    tcase_add_test(tc, survives_without_memory);
    tcase_add_test(tc, closes_when_its_own_packet_finds_no_memory);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
