#include "eio_support.h"

START_TEST(answers_a_poll_with_the_whole_queue) { /* T4-8, T4-9, T3-7 */
    sio_eio_session s;
    eio_server(&s, SIO_EIO_POLLING, 4, NULL);
    ck_assert_int_eq(sio_eio_session_post(&s, 1), 0);
    sio_eio_session_post_complete(&s);
    ck_assert_int_eq(eio_feed(&s, SIO_EIO_MESSAGE, "hello", 1), SIO_EIO_EVENT_MESSAGE);
    ck_assert_int_eq(eio_send(&s, "test1", 0), 0);
    ck_assert_int_eq(eio_send(&s, "test2", SIO_EIO_COMPRESS), 0);
    ck_assert_int_eq(eio_send(&s, "test3", 0), 0);
    ck_assert_str_eq(eio_output(&s, 1), "");
    ck_assert_int_eq(sio_eio_session_poll(&s, 2), 0);
    sio_eio_output out;
    ck_assert(sio_eio_session_output(&s, &out));
    ck_assert(out.compress && out.queued);
    ck_assert_str_eq(eio_output(&s, 2), "poll 4test1+4test2+4test3");
    ck_assert_str_eq(eio_events(&s), "drain");
    ck_assert_str_eq(eio_output(&s, 2), "");
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(holds_a_poll_until_there_is_something) {
    sio_eio_session s;
    eio_server(&s, SIO_EIO_POLLING, 3, NULL);
    ck_assert(!sio_eio_session_writable(&s));
    ck_assert_int_eq(sio_eio_session_poll(&s, 1), 0);
    ck_assert_str_eq(eio_output(&s, 1), "");
    ck_assert(sio_eio_session_writable(&s));
    ck_assert_int_eq(eio_send(&s, "a", 0), 0);
    ck_assert(!sio_eio_session_writable(&s));
    ck_assert_str_eq(eio_output(&s, 1), "poll 4a");
    ck_assert(!sio_eio_session_writable(&s));
    ck_assert_int_eq(eio_send(&s, "b", SIO_EIO_VOLATILE), SIO_ERR_DISCARDED);
    ck_assert(!sio_eio_session_direct(&s));
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(second_poll_closes) { /* T4-12, T3-11 */
    sio_eio_session s;
    eio_server(&s, SIO_EIO_POLLING, 4, NULL);
    ck_assert_int_eq(sio_eio_session_poll(&s, 1), 0);
    ck_assert_int_eq(sio_eio_session_poll(&s, 1), SIO_ERR_EIO_OVERLAP);
    ck_assert_str_eq(eio_events(&s), "close(transport error:EIO_OVERLAP)");
    ck_assert_str_eq(eio_output(&s, 1), "poll 1");
    ck_assert_str_eq(eio_output(&s, 1), "");
    ck_assert_int_eq(sio_eio_session_poll(&s, 2), SIO_ERR_CLOSED);
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(second_post_closes_and_drops_the_first) {
    sio_eio_session s;
    eio_server(&s, SIO_EIO_POLLING, 4, NULL);
    ck_assert_int_eq(sio_eio_session_poll(&s, 1), 0);
    ck_assert_int_eq(sio_eio_session_post(&s, 1), 0);
    ck_assert_int_eq(sio_eio_session_post(&s, 1), SIO_ERR_EIO_POST_OVERLAP);
    ck_assert_str_eq(eio_events(&s), "close(transport error:EIO_POST_OVERLAP)");
    ck_assert_str_eq(eio_output(&s, 1), "poll 1");
    ck_assert_str_eq(eio_output(&s, 1), "drop-post");
    ck_assert_str_eq(eio_output(&s, 1), "");
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(lost_poll_closes) { /* T4-13, E51 */
    sio_eio_session s;
    eio_server(&s, SIO_EIO_POLLING, 4, NULL);
    sio_eio_session_poll_aborted(&s, 1);
    ck_assert_str_eq(eio_events(&s), "");
    ck_assert_int_eq(sio_eio_session_poll(&s, 1), 0);
    sio_eio_session_poll_aborted(&s, 1);
    ck_assert_str_eq(eio_events(&s), "close(transport error:EIO_POLL_ABORTED)");
    ck_assert_str_eq(eio_output(&s, 1), "");
    ck_assert_int_eq(sio_eio_session_poll(&s, 1), SIO_ERR_CLOSED);
    sio_eio_session_poll_aborted(&s, 1);
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(lost_post_closes) {
    sio_eio_session s;
    eio_server(&s, SIO_EIO_POLLING, 4, NULL);
    ck_assert_int_eq(sio_eio_session_poll(&s, 1), 0);
    ck_assert_int_eq(sio_eio_session_post(&s, 1), 0);
    sio_eio_session_post_aborted(&s, 1);
    ck_assert_str_eq(eio_events(&s), "close(transport error:EIO_POST_ABORTED)");
    ck_assert_str_eq(eio_output(&s, 1), "poll 1");
    ck_assert_str_eq(eio_output(&s, 1), "");
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(a_refused_post_changes_nothing) { /* 413 */
    sio_eio_session s;
    eio_server(&s, SIO_EIO_POLLING, 4, NULL);
    ck_assert_int_eq(sio_eio_session_post(&s, 1), 0);
    sio_eio_session_post_complete(&s);
    ck_assert_int_eq(sio_eio_session_post(&s, 1), 0);
    sio_eio_session_post_complete(&s);
    sio_eio_session_post_aborted(&s, 2);
    ck_assert_str_eq(eio_events(&s), "");
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(close_during_a_body_drops_it) { /* E57 */
    sio_eio_session s;
    eio_server(&s, SIO_EIO_POLLING, 4, NULL);
    ck_assert_int_eq(sio_eio_session_post(&s, 1), 0);
    sio_eio_session_close(&s, true, 1);
    ck_assert_str_eq(eio_output(&s, 1), "drop-post");
    ck_assert_str_eq(eio_output(&s, 1), "");
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(refuses_requests_of_others) {
    sio_eio_session s;
    sio_eio_session_init(&s, SIO_EIO_SERVER, SIO_EIO_POLLING, 4, NULL);
    ck_assert_int_eq(sio_eio_session_poll(&s, 1), SIO_ERR_STATE);
    sio_eio_session_free(&s);
    eio_server(&s, SIO_EIO_WEBSOCKET, 4, NULL);
    ck_assert_int_eq(sio_eio_session_poll(&s, 1), SIO_ERR_STATE);
    ck_assert_int_eq(sio_eio_session_post(&s, 1), SIO_ERR_STATE);
    ck_assert_int_eq(sio_eio_session_state(&s), SIO_EIO_STATE_OPEN);
    sio_eio_session_free(&s);
    eio_client(&s, SIO_EIO_POLLING, 4, NULL, EIO_HANDSHAKE("", "0"));
    ck_assert_int_eq(sio_eio_session_poll(&s, 1), SIO_ERR_STATE);
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(client_polls_again_after_each_answer) {
    sio_eio_session s;
    eio_client(&s, SIO_EIO_POLLING, 4, NULL, EIO_HANDSHAKE("", "0"));
    for (int i = 0; i < 3; i++) {
        ck_assert_str_eq(eio_output(&s, 1), "get");
        ck_assert_str_eq(eio_output(&s, 1), "");
        ck_assert_int_eq(eio_feed(&s, SIO_EIO_MESSAGE, "x", 1), SIO_EIO_EVENT_MESSAGE);
        sio_eio_session_polled(&s, 1);
    }
    sio_eio_session_free(&s);
}
END_TEST

START_TEST(client_runs_one_post_at_a_time) { /* E91 */
    sio_eio_session s;
    eio_client(&s, SIO_EIO_POLLING, 4, NULL, EIO_HANDSHAKE("", "0"));
    ck_assert(sio_eio_session_writable(&s));
    ck_assert_int_eq(eio_send(&s, "a", 0), 0);
    ck_assert_str_eq(eio_output(&s, 1), "post 4a");
    ck_assert_str_eq(eio_output(&s, 1), "get");
    ck_assert_int_eq(eio_send(&s, "b", 0), 0);
    ck_assert_str_eq(eio_output(&s, 1), "");
    ck_assert_uint_eq(sio_eio_session_queued(&s), 2);
    sio_eio_session_written(&s, 1);
    ck_assert_str_eq(eio_events(&s), "");
    ck_assert_str_eq(eio_output(&s, 1), "post 4b");
    sio_eio_session_written(&s, 1);
    ck_assert_str_eq(eio_events(&s), "drain");
    ck_assert_uint_eq(sio_eio_session_queued(&s), 0);
    sio_eio_session_free(&s);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("eio_polling");
    TCase *tc = tcase_create("eio_polling");
    tcase_add_test(tc, answers_a_poll_with_the_whole_queue);
    tcase_add_test(tc, holds_a_poll_until_there_is_something);
    tcase_add_test(tc, second_poll_closes);
    tcase_add_test(tc, second_post_closes_and_drops_the_first);
    tcase_add_test(tc, lost_poll_closes);
    tcase_add_test(tc, lost_post_closes);
    tcase_add_test(tc, a_refused_post_changes_nothing);
    tcase_add_test(tc, close_during_a_body_drops_it);
    tcase_add_test(tc, refuses_requests_of_others);
    tcase_add_test(tc, client_polls_again_after_each_answer);
    tcase_add_test(tc, client_runs_one_post_at_a_time);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
