#include "eio_support.h"

#include <stdlib.h>

static const char LIMIT_20[] = EIO_HANDSHAKE("", "20");

START_TEST(the_answer_stays_until_it_is_consumed) {
    sio_eio_session s;
    eio_server(&s, SIO_EIO_WEBSOCKET, 4, NULL);
    ck_assert_int_eq(eio_send(&s, "a", 0), 0);
    sio_eio_output first;
    sio_eio_output second;
    ck_assert(sio_eio_session_output(&s, &first));
    ck_assert(sio_eio_session_output(&s, &second));
    ck_assert_ptr_eq(first.items, second.items);
    ck_assert(first.queued && !first.compress && first.count == 1);
    sio_eio_session_consume(&s, &first, 1);
    ck_assert(!sio_eio_session_output(&s, &second));
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(frames_wait_until_the_last_ones_are_written) {
    sio_eio_session s;
    eio_server(&s, SIO_EIO_WEBSOCKET, 4, NULL);
    ck_assert_int_eq(eio_send(&s, "a", 0), 0);
    ck_assert_str_eq(eio_output(&s, 1), "frames 4a");
    ck_assert_int_eq(eio_send(&s, "b", 0), 0);
    ck_assert_int_eq(eio_send(&s, "c", 0), 0);
    ck_assert_str_eq(eio_output(&s, 1), "");
    sio_eio_session_written(&s, 1);
    ck_assert_str_eq(eio_output(&s, 1), "frames 4b+4c");
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(one_compressible_packet_makes_the_batch_so) {
    sio_eio_session s;
    eio_server(&s, SIO_EIO_WEBSOCKET, 4, NULL);
    ck_assert_int_eq(eio_send(&s, "a", 0), 0);
    ck_assert_int_eq(eio_send(&s, "b", SIO_EIO_COMPRESS), 0);
    sio_eio_output out;
    ck_assert(sio_eio_session_output(&s, &out));
    ck_assert(out.compress);
    sio_eio_session_free(&s);
}
END_TEST

/* Engine.IO protocol, client obligations: 1 for the type, the data, 2 for each further packet. */
/* EC-07 */
START_TEST(a_post_respects_max_payload) {
    sio_eio_session s;
    eio_client(&s, SIO_EIO_POLLING, 4, NULL, LIMIT_20);
    ck_assert_int_eq(eio_send(&s, "123456", 0), 0);
    ck_assert_int_eq(eio_send(&s, "12345", 0), 0);
    ck_assert_int_eq(eio_send(&s, "1234", 0), 0); /* 1 + 6 + 2 + 5 + 2 + 4 = 20 */
    ck_assert_int_eq(eio_send(&s, "", 0), 0);
    ck_assert_str_eq(eio_output(&s, 1), "post 4123456+412345+41234");
    sio_eio_session_written(&s, 1);
    ck_assert_str_eq(eio_output(&s, 1), "post 4");
    sio_eio_session_written(&s, 1);
    ck_assert_int_eq(eio_send(&s, "a packet that is longer than that", 0), 0);
    ck_assert_int_eq(eio_send(&s, "x", 0), 0);
    ck_assert_str_eq(eio_output(&s, 1), "post 4a packet that is longer than that");
    sio_eio_session_free(&s);
}
END_TEST

static void send_binary(sio_eio_session *s, size_t len) {
    uint8_t zeros[32] = {0};
    sio_eio_message *m;
    ck_assert_int_eq(sio_eio_message_new(&m, true, zeros, len, NULL), 0);
    ck_assert_int_eq(sio_eio_session_send(s, m, 0, 0), 0);
    sio_eio_message_unref(m);
}

START_TEST(a_post_counts_base64) {
    sio_eio_session s;
    eio_client(&s, SIO_EIO_POLLING, 4, NULL, LIMIT_20);
    send_binary(&s, 5);                                /* 9 */
    ck_assert_int_eq(eio_send(&s, "123456789", 0), 0); /* 1 + 10 = 20 */
    sio_eio_output out;
    ck_assert(sio_eio_session_output(&s, &out));
    ck_assert_uint_eq(out.count, 2);
    sio_eio_session_free(&s);
    eio_client(&s, SIO_EIO_POLLING, 4, NULL, LIMIT_20);
    send_binary(&s, 7); /* 13 */
    ck_assert_int_eq(eio_send(&s, "123456", 0), 0);
    ck_assert(sio_eio_session_output(&s, &out));
    ck_assert_uint_eq(out.count, 1);
    sio_eio_session_free(&s);
}
END_TEST

/* The batch that the size rule promises is the size that is written. */
START_TEST(batches_are_exactly_as_long_as_counted) {
    unsigned seed = 1;
    for (int round = 0; round < 300; round++) {
        sio_eio_session s;
        eio_client(&s, SIO_EIO_POLLING, 4, NULL, EIO_HANDSHAKE("", "50"));
        for (int i = 0; i < 12; i++) {
            seed = seed * 1103515245u + 12345u;
            size_t len = (seed >> 16) % 30;
            if ((seed >> 24) % 2) {
                send_binary(&s, len);
            } else {
                static const char text[] = "123456789012345678901234567890";
                ck_assert_int_eq(eio_send(&s, text + 30 - len, 0), 0);
            }
        }
        sio_eio_output out;
        ck_assert(sio_eio_session_output(&s, &out));
        sio_buf body = {0};
        sio_eio_layout layout;
        ck_assert_int_eq(sio_eio_payload_write(&body, &layout, out.items, out.count, 4, false), 0);
        ck_assert(body.len <= 50 || out.count == 1);
        body.len = 0;
        ck_assert(out.count == 12 ||
                  sio_eio_payload_write(&body, &layout, out.items, out.count + 1, 4, false) == 0);
        ck_assert(out.count == 12 || body.len > 50);
        sio_buf_free(&body);
        sio_eio_session_free(&s);
    }
}
END_TEST

START_TEST(a_client_does_not_write_before_its_handshake) {
    sio_eio_session s;
    sio_eio_session_init(&s, SIO_EIO_CLIENT, SIO_EIO_POLLING, 4, NULL);
    ck_assert_int_eq(eio_send(&s, "early", 0), 0);
    ck_assert_str_eq(eio_output(&s, 0), "get");
    ck_assert_str_eq(eio_output(&s, 0), "");
    ck_assert_int_eq(eio_feed(&s, SIO_EIO_OPEN, LIMIT_20, 0), SIO_EIO_EVENT_OPEN);
    ck_assert_str_eq(eio_output(&s, 0), "post 4early");
    sio_eio_session_free(&s);
    sio_eio_session_init(&s, SIO_EIO_CLIENT, SIO_EIO_WEBSOCKET, 4, NULL);
    ck_assert_int_eq(eio_send(&s, "early", 0), 0);
    ck_assert_str_eq(eio_output(&s, 0), "");
    ck_assert_int_eq(eio_feed(&s, SIO_EIO_OPEN, LIMIT_20, 0), SIO_EIO_EVENT_OPEN);
    ck_assert_str_eq(eio_output(&s, 0), "frames 4early");
    sio_eio_session_free(&s);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("eio_output");
    TCase *tc = tcase_create("eio_output");
    tcase_add_test(tc, the_answer_stays_until_it_is_consumed);
    tcase_add_test(tc, frames_wait_until_the_last_ones_are_written);
    tcase_add_test(tc, one_compressible_packet_makes_the_batch_so);
    tcase_add_test(tc, a_post_respects_max_payload);
    tcase_add_test(tc, a_post_counts_base64);
    tcase_add_test(tc, batches_are_exactly_as_long_as_counted);
    tcase_add_test(tc, a_client_does_not_write_before_its_handshake);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
