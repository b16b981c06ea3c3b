#include "net_support.h"

#include "stream_internal.h"

#include <errno.h>

static void fill(uint8_t *data, size_t len) {
    for (size_t i = 0; i < len; i++) {
        data[i] = (uint8_t)(i * 7 + i / 251);
    }
}

static void count_release(void *owner) {
    ++*(unsigned *)owner;
}

START_TEST(bytes_stay_in_order_through_a_tiny_socket_buffer) {
    sio_loop *loop = net_loop(NULL);
    int fds[2];
    net_pair(fds, SOCK_STREAM);
    int tiny = 1;
    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &tiny, sizeof tiny);
    static uint8_t data[200000];
    fill(data, sizeof data);
    net_peer a = {0};
    net_peer b = {.stop_len = sizeof data};
    net_adopt(&a, loop, fds[0]);
    net_adopt(&b, loop, fds[1]);
    unsigned released = 0;
    for (size_t at = 0, piece = 1; at < sizeof data; at += piece, piece = piece * 3 % 5003 + 1) {
        if (piece > sizeof data - at) {
            piece = sizeof data - at;
        }
        if (piece % 2 == 0) {
            ck_assert_int_eq(sio_stream_write(a.stream, data + at, piece), 0);
        } else {
            ck_assert_int_eq(
                sio_stream_write_ref(a.stream, data + at, piece, count_release, &released), 0);
        }
    }
    net_run(loop);
    ck_assert_mem_eq(b.bytes, data, sizeof data);
    ck_assert_uint_gt(released, 0);
    net_peer_free(&a);
    net_peer_free(&b);
    sio_loop_free(loop);
}
END_TEST

START_TEST(writing_to_a_dead_peer_is_an_error_not_a_signal) {
    sio_loop *loop = net_loop(NULL);
    int fds[2];
    net_pair(fds, SOCK_STREAM);
    net_peer a = {.stop_error = true};
    net_adopt(&a, loop, fds[0]);
    sio_stream_pause(a.stream);
    close(fds[1]);
    ck_assert_int_eq(sio_stream_write(a.stream, "anyone?", 7), 0);
    net_run(loop);
    ck_assert_int_eq(a.err, SIO_ERR_RESET);
    ck_assert_int_eq(a.sys, EPIPE);
    ck_assert_uint_eq(a.errors, 1);
    ck_assert_int_eq(sio_stream_write(a.stream, "x", 1), SIO_ERR_CLOSED);
    ck_assert_ptr_null(sio_stream_room(a.stream, 10));
    ck_assert_uint_eq(sio_loop_stream_count(loop), 0);
    net_peer_free(&a);
    sio_loop_free(loop);
}
END_TEST

START_TEST(errors_of_the_way_and_of_the_peer_are_told_apart) {
    ck_assert(sio_socket_is_reset(ECONNRESET));
    ck_assert(sio_socket_is_reset(EPIPE));
    ck_assert(sio_socket_is_reset(ETIMEDOUT));
    ck_assert(!sio_socket_is_reset(EBADF));
    ck_assert(!sio_socket_is_reset(ENOMEM));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("net_stream_plain");
    TCase *tc = tcase_create("net_stream_plain");
    tcase_set_timeout(tc, 30);
    tcase_add_test(tc, bytes_stay_in_order_through_a_tiny_socket_buffer);
    tcase_add_test(tc, writing_to_a_dead_peer_is_an_error_not_a_signal);
    tcase_add_test(tc, errors_of_the_way_and_of_the_peer_are_told_apart);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
