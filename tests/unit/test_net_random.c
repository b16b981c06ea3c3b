#include "net_support.h"

#include "loop_internal.h"
#include "net/random.h"

#include <errno.h>

static int compare(const void *a, const void *b) {
    return memcmp(a, b, SIO_SID_LEN);
}

START_TEST(sids_are_base64url_and_differ) {
    size_t count = test_steps(1000000);
    sio_loop *loop = net_loop(NULL);
    char(*sids)[SIO_SID_LEN] = calloc(count, SIO_SID_LEN);
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(sio_random_sid(loop, sids[i]), 0);
        for (size_t c = 0; i < 1000 && c < SIO_SID_LEN; c++) {
            ck_assert_ptr_nonnull(
                memchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
                       sids[i][c], 64));
        }
    }
    qsort(sids, count, SIO_SID_LEN, compare);
    for (size_t i = 1; i < count; i++) {
        ck_assert_mem_ne(sids[i - 1], sids[i], SIO_SID_LEN);
    }
    free(sids);
    sio_loop_free(loop);
}
END_TEST

static unsigned source_calls;

static ssize_t broken_source(void *out, size_t len, unsigned flags) {
    source_calls++;
    errno = ENOSYS;
    return -1;
}

static ssize_t slow_source(void *out, size_t len, unsigned flags) {
    if (source_calls++ % 2 == 0) {
        errno = EINTR;
        return -1;
    }
    size_t n = len < 100 ? len : 100;
    memset(out, (int)source_calls, n);
    return (ssize_t)n;
}

START_TEST(a_failing_source_is_an_error_and_gives_nothing_away) {
    sio_loop *loop = net_loop(NULL);
    loop->random_source = broken_source;
    char sid[SIO_SID_LEN];
    uint8_t bytes[8] = {1, 2, 3};
    static const uint8_t zero[8];
    ck_assert_int_eq(sio_random_sid(loop, sid), SIO_ERR_RANDOM);
    ck_assert_int_eq(sio_random_fill(loop, bytes, sizeof bytes), SIO_ERR_RANDOM);
    ck_assert_mem_eq(bytes, zero, sizeof bytes);
    sio_loop_free(loop);
}
END_TEST

START_TEST(bytes_come_in_batches_and_are_wiped) {
    sio_loop *loop = net_loop(NULL);
    loop->random_source = slow_source;
    source_calls = 0;
    uint8_t bytes[3000];
    ck_assert_int_eq(sio_random_fill(loop, bytes, sizeof bytes), 0);
    unsigned calls = source_calls;
    ck_assert_int_eq(sio_random_fill(loop, bytes, 1000), 0);
    ck_assert_uint_eq(source_calls, calls);
    for (size_t i = 0; i < 4000; i++) {
        ck_assert_uint_eq(loop->random[i], 0);
    }
    ck_assert_int_eq(sio_random_fill(loop, bytes, 1000), 0); /* across the batch's end */
    ck_assert_uint_gt(source_calls, calls);
    for (size_t i = 0; i < 1000; i++) {
        ck_assert_uint_ne(bytes[i], 0);
    }
    sio_loop_free(loop);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("net_random");
    TCase *tc = tcase_create("net_random");
    tcase_set_timeout(tc, 30);
    tcase_add_test(tc, sids_are_base64url_and_differ);
    tcase_add_test(tc, a_failing_source_is_an_error_and_gives_nothing_away);
    tcase_add_test(tc, bytes_come_in_batches_and_are_wiped);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
