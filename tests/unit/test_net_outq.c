#include "support.h"

#include "outq.h"

#include <sio/error.h>

#include <stdlib.h>
#include <string.h>

static void count_release(void *owner) {
    ++*(unsigned *)owner;
}

/* Everything that was put in comes out in order, whatever the mix and the amounts consumed. */
START_TEST(bytes_come_out_as_they_went_in) {
    enum { TOTAL = 400000 };
    test_mem t;
    test_mem_init(&t);
    sio_chunk_pool pool;
    sio_chunk_pool_init(&pool, &t.mem);
    sio_outq q = {0};
    uint8_t *data = malloc(TOTAL);
    for (size_t i = 0; i < TOTAL; i++) {
        data[i] = (uint8_t)(i ^ i >> 8);
    }
    size_t in = 0;
    size_t out = 0;
    unsigned random = 3;
    unsigned refs = 0;
    unsigned released = 0;
    while (out < TOTAL) {
        random = random * 1103515245 + 12345;
        unsigned pick = random / 65536;
        size_t len = pick % 7 == 0 ? pick % 20000 : pick % 300;
        len = len < TOTAL - in ? len : TOTAL - in;
        if (pick % 3 == 0) {
            ck_assert_int_eq(sio_outq_copy(&q, &pool, data + in, len), 0);
        } else if (pick % 3 == 1) {
            refs++;
            ck_assert_int_eq(sio_outq_ref(&q, &pool, data + in, len, count_release, &released), 0);
        } else {
            len = len < 16384 ? len : 16384;
            uint8_t *room = sio_outq_room(&q, &pool, len + 5 < 16384 ? len + 5 : 16384);
            memcpy(room, data + in, len);
            sio_outq_commit(&q, &pool, len);
        }
        in += len;
        ck_assert_uint_eq(q.bytes, in - out);
        struct iovec iov[8];
        size_t bytes;
        int count = sio_outq_iovec(&q, iov, 8, &bytes);
        size_t at = out;
        for (int i = 0; i < count; i++) {
            ck_assert_mem_eq(iov[i].iov_base, data + at, iov[i].iov_len);
            at += iov[i].iov_len;
        }
        ck_assert_uint_eq(at - out, bytes);
        if (pick % 64 == 0) {
            uint8_t *all = malloc(q.bytes);
            sio_outq_read(&q, all);
            ck_assert_mem_eq(all, data + out, q.bytes);
            free(all);
        }
        size_t take = in == TOTAL ? bytes : pick / 8 % (bytes + 1);
        sio_outq_consume(&q, &pool, take);
        out += take;
    }
    ck_assert_uint_eq(refs, released);
    ck_assert_ptr_null(q.head);
    free(data);
    sio_chunk_pool_free(&pool);
    ck_assert_uint_eq(t.live, 0);
}
END_TEST

START_TEST(small_references_are_merged_but_a_single_one_is_not_copied) {
    sio_chunk_pool pool;
    sio_chunk_pool_init(&pool, NULL);
    sio_outq q = {0};
    unsigned released = 0;
    struct iovec iov[300];
    size_t bytes;
    ck_assert_int_eq(sio_outq_ref(&q, &pool, "0123456789", 10, count_release, &released), 0);
    ck_assert_uint_eq(released, 0);
    for (int i = 0; i < 200; i++) {
        ck_assert_int_eq(sio_outq_ref(&q, &pool, "0123456789", 10, count_release, &released), 0);
    }
    ck_assert_uint_eq(released, 200);
    ck_assert_int_le(sio_outq_iovec(&q, iov, 300, &bytes), 4);
    ck_assert_uint_eq(bytes, 2010);
    sio_outq_clear(&q, &pool);
    ck_assert_uint_eq(released, 201);
    ck_assert_int_eq(sio_outq_ref(&q, &pool, "", 0, count_release, &released), 0);
    ck_assert_uint_eq(released, 202);
    ck_assert_ptr_null(q.head);
    sio_chunk_pool_free(&pool);
}
END_TEST

static int outq_scenario(const sio_mem *mem, void *arg) {
    static uint8_t big[100000];
    sio_chunk_pool pool;
    sio_chunk_pool_init(&pool, mem);
    sio_outq q = {0};
    unsigned released = 0;
    int rc = sio_outq_copy(&q, &pool, big, 600);
    for (int i = 0; i < 3 && rc == 0; i++) {
        size_t before = q.bytes;
        rc = sio_outq_copy(&q, &pool, big, 30000);
        ck_assert_uint_eq(q.bytes, rc == 0 ? before + 30000 : before);
    }
    int ref = sio_outq_ref(&q, &pool, big, sizeof big, count_release, &released);
    ck_assert_uint_eq(released, ref == 0 ? 0 : 1);
    if (sio_outq_room(&q, &pool, 16384)) {
        sio_outq_commit(&q, &pool, 1);
    } else {
        ref = SIO_ERR_NOMEM;
    }
    sio_outq_clear(&q, &pool);
    ck_assert_uint_eq(released, 1);
    sio_chunk_pool_free(&pool);
    return rc != 0 ? rc : ref;
}

START_TEST(a_failed_append_leaves_the_queue_as_it_was) {
    test_mem_sweep(outq_scenario, NULL);
}
END_TEST

START_TEST(the_pool_keeps_a_bounded_number) {
    test_mem t;
    test_mem_init(&t);
    sio_chunk_pool pool;
    sio_chunk_pool_init(&pool, &t.mem);
    static sio_outq queues[2000];
    static uint8_t data[3000];
    for (size_t i = 0; i < 2000; i++) {
        queues[i] = (sio_outq){0};
        ck_assert_int_eq(sio_outq_copy(&queues[i], &pool, data, sizeof data), 0);
    }
    for (size_t i = 0; i < 2000; i++) {
        sio_outq_clear(&queues[i], &pool);
    }
    ck_assert_uint_le(t.live_size, 1 << 20);
    ck_assert_uint_gt(t.live, 0);
    size_t calls = t.calls;
    ck_assert_int_eq(sio_outq_copy(&queues[0], &pool, data, sizeof data), 0);
    ck_assert_uint_eq(t.calls, calls);
    sio_outq_clear(&queues[0], &pool);
    sio_chunk_pool_free(&pool);
    ck_assert_uint_eq(t.live, 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("net_outq");
    TCase *tc = tcase_create("net_outq");
    tcase_add_test(tc, bytes_come_out_as_they_went_in);
    tcase_add_test(tc, small_references_are_merged_but_a_single_one_is_not_copied);
    tcase_add_test(tc, a_failed_append_leaves_the_queue_as_it_was);
    tcase_add_test(tc, the_pool_keeps_a_bounded_number);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
