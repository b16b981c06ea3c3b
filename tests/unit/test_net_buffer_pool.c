/* The pool of message buffers: what it keeps, for how long, and who may give back. */
#include "buffer_pool.h"
#include "mem.h"
#include "support.h"

#include <pthread.h>
#include <string.h>

typedef struct fixture {
    test_mem counter;
    sio_buffer_pool *pool;
    const sio_mem *mem;
    unsigned told;
} fixture;

static void on_kept(void *ctx) {
    fixture *f = ctx;
    f->told++;
}

static void start(fixture *f) {
    *f = (fixture){0};
    test_mem_init(&f->counter);
    ck_assert_int_eq(sio_buffer_pool_new(&f->pool, &f->counter.mem, on_kept, f), 0);
    f->mem = sio_buffer_pool_mem(f->pool);
}

static void stop(fixture *f) {
    sio_buffer_pool_free(f->pool);
    ck_assert_uint_eq(f->counter.live, 0);
}

static void *take(const fixture *f, size_t size) {
    void *at = sio_mem_alloc(f->mem, size);
    ck_assert_ptr_nonnull(at);
    memset(at, 0x5A, size);
    return at;
}

START_TEST(a_block_comes_back) {
    fixture f;
    start(&f);
    void *first = take(&f, 65700);
    sio_mem_release(f.mem, first);
    ck_assert_uint_ge(sio_buffer_pool_kept(f.pool), 65700);
    size_t calls = f.counter.calls;
    void *second = take(&f, 66000);
    ck_assert_ptr_eq(second, first);
    ck_assert_uint_eq(f.counter.calls, calls);
    ck_assert_uint_eq(sio_buffer_pool_kept(f.pool), 0);
    sio_mem_release(f.mem, second);
    ck_assert_uint_eq(f.told, 2);
    stop(&f);
}
END_TEST

/* Each size from below the smallest to above the largest, at the borders of the steps: a block is
 * large enough, at most a quarter of it is not used, and only its own size takes it again. */
START_TEST(every_size_has_its_shelf) {
    fixture f;
    start(&f);
    for (size_t power = POOL_BLOCK_MIN / 2; power <= POOL_BLOCK_MAX; power *= 2) {
        for (size_t quarter = 4; quarter < 8; quarter++) {
            for (int off = -1; off <= 1; off++) {
                size_t size = power / 4 * quarter + (size_t)off;
                bool pooled = size >= POOL_BLOCK_MIN && size <= POOL_BLOCK_MAX;
                void *at = take(&f, size);
                sio_mem_release(f.mem, at);
                size_t kept = sio_buffer_pool_kept(f.pool);
                ck_assert(pooled ? kept >= size && kept - size <= kept / 4 : kept == 0);
                void *again = take(&f, size);
                ck_assert_uint_eq(sio_buffer_pool_kept(f.pool), 0);
                sio_mem_release(f.mem, again);
                sio_buffer_pool_age(f.pool);
                sio_buffer_pool_age(f.pool);
                ck_assert_uint_eq(sio_buffer_pool_kept(f.pool), 0);
            }
        }
    }
    stop(&f);
}
END_TEST

START_TEST(no_more_is_kept_than_the_limit) {
    enum { BLOCKS = POOL_KEEP / (1 << 20) + 3 };
    fixture f;
    void *blocks[BLOCKS];
    start(&f);
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = take(&f, 1 << 20);
    }
    for (int i = 0; i < BLOCKS; i++) {
        sio_mem_release(f.mem, blocks[i]);
        ck_assert_uint_le(sio_buffer_pool_kept(f.pool), POOL_KEEP);
    }
    ck_assert_uint_eq(sio_buffer_pool_kept(f.pool), POOL_KEEP);
    stop(&f);
}
END_TEST

/* What is used between two ageings stays, the rest goes. */
START_TEST(what_is_not_used_goes) {
    fixture f;
    start(&f);
    void *a = take(&f, 20000);
    void *b = take(&f, 20000);
    sio_mem_release(f.mem, a);
    sio_mem_release(f.mem, b);
    size_t both = sio_buffer_pool_kept(f.pool);
    sio_buffer_pool_age(f.pool);
    ck_assert_uint_eq(sio_buffer_pool_kept(f.pool), both);
    sio_mem_release(f.mem, take(&f, 20000));
    sio_buffer_pool_age(f.pool);
    ck_assert_uint_eq(sio_buffer_pool_kept(f.pool), both / 2);
    sio_buffer_pool_age(f.pool);
    ck_assert_uint_eq(sio_buffer_pool_kept(f.pool), 0);
    stop(&f);
}
END_TEST

START_TEST(resizing_keeps_the_bytes) {
    static const size_t sizes[] = {100,   300,     16384,   20000,   40000, 30000, 2097152,
                                   50000, 3000000, 5000000, 2097153, 64,    16383, 20480};
    fixture f;
    start(&f);
    uint8_t *at = NULL;
    size_t before = 0;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        at = sio_mem_resize(f.mem, at, sizes[i]);
        ck_assert_ptr_nonnull(at);
        size_t common = before < sizes[i] ? before : sizes[i];
        bool kept = true;
        for (size_t k = 0; k < common; k++) {
            kept = kept && at[k] == (uint8_t)(k % 251);
        }
        ck_assert(kept);
        for (size_t k = 0; k < sizes[i]; k++) {
            at[k] = (uint8_t)(k % 251);
        }
        before = sizes[i];
    }
    sio_mem_release(f.mem, at);
    stop(&f);
}
END_TEST

/* A little less is not worth a copy; with a quarter or more it is. */
START_TEST(shrinking_gives_back_what_is_much) {
    fixture f;
    start(&f);
    void *at = take(&f, 65536);
    ck_assert_ptr_eq(sio_mem_resize(f.mem, at, 50000), at);
    void *smaller = sio_mem_resize(f.mem, at, 49152);
    ck_assert_ptr_ne(smaller, at);
    ck_assert_uint_eq(sio_buffer_pool_kept(f.pool), 65536);
    sio_mem_release(f.mem, smaller);
    stop(&f);
}
END_TEST

START_TEST(failure_leaves_the_old_block) {
    fixture f;
    start(&f);
    uint8_t *at = take(&f, 20000);
    f.counter.fail_at = f.counter.calls + 1;
    ck_assert_ptr_null(sio_mem_resize(f.mem, at, 100000));
    f.counter.fail_at = f.counter.calls + 1;
    ck_assert_ptr_null(sio_mem_alloc(f.mem, 100000));
    ck_assert_ptr_null(sio_mem_alloc(f.mem, SIZE_MAX - 4));
    ck_assert_ptr_null(sio_mem_resize(f.mem, at, SIZE_MAX - 4));
    ck_assert_uint_eq(at[19999], 0x5A);
    sio_mem_release(f.mem, at);
    uint8_t *small = take(&f, 10);
    f.counter.fail_at = f.counter.calls + 1;
    ck_assert_ptr_null(sio_mem_resize(f.mem, small, 20));
    ck_assert_ptr_null(sio_mem_resize(f.mem, small, SIZE_MAX - 4));
    sio_mem_release(f.mem, small);
    stop(&f);
}
END_TEST

typedef struct other {
    const sio_mem *mem;
    void *block;
} other;

static void *give_back(void *arg) {
    other *o = arg;
    sio_mem_release(o->mem, o->block);
    return NULL;
}

static void give_back_elsewhere(const sio_mem *mem, void *block) {
    other o = {mem, block};
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, give_back, &o), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

START_TEST(other_threads_give_back_only) {
    fixture f;
    start(&f);
    void *kept = take(&f, 65536);
    give_back_elsewhere(f.mem, take(&f, 65536));
    ck_assert_uint_eq(sio_buffer_pool_kept(f.pool), 0);
    sio_mem_release(f.mem, kept);
    ck_assert_uint_eq(sio_buffer_pool_kept(f.pool), 65536);
    stop(&f);
}
END_TEST

/* A message may outlive its loop. */
START_TEST(blocks_outlive_the_pool) {
    fixture f;
    start(&f);
    void *large = take(&f, 65536);
    void *small = take(&f, 65);
    sio_mem copy = *f.mem;
    sio_mem_release(f.mem, take(&f, 65536));
    sio_buffer_pool_free(f.pool);
    ck_assert_uint_eq(f.counter.live, 3);
    sio_mem_release(&copy, large);
    give_back_elsewhere(&copy, small);
    ck_assert_uint_eq(f.counter.live, 0);
}
END_TEST

static int make(const sio_mem *mem, void *arg) {
    sio_buffer_pool *pool = NULL;
    int rc = sio_buffer_pool_new(&pool, mem, on_kept, arg);
    sio_buffer_pool_free(pool);
    return rc;
}

START_TEST(making_one_without_memory) {
    fixture f = {0};
    test_mem_sweep(make, &f);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("net_buffer_pool");
    TCase *tc = tcase_create("net_buffer_pool");
    tcase_add_test(tc, a_block_comes_back);
    tcase_add_test(tc, every_size_has_its_shelf);
    tcase_add_test(tc, no_more_is_kept_than_the_limit);
    tcase_add_test(tc, what_is_not_used_goes);
    tcase_add_test(tc, resizing_keeps_the_bytes);
    tcase_add_test(tc, shrinking_gives_back_what_is_much);
    tcase_add_test(tc, failure_leaves_the_old_block);
    tcase_add_test(tc, other_threads_give_back_only);
    tcase_add_test(tc, blocks_outlive_the_pool);
    tcase_add_test(tc, making_one_without_memory);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
