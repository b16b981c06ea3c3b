#include "support.h"

#include <stdlib.h>
#include <string.h>

unsigned test_steps(unsigned all) {
    return getenv("SIO_TEST_SLOW") ? all / 20 + 1 : all;
}

int test_run(Suite *suite) {
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The size stands in front of each block, so that the live bytes can be counted. */
typedef union block_head {
    size_t size;
    max_align_t align;
} block_head;

static bool mem_must_fail(test_mem *t) {
    t->calls++;
    if (t->fail_at == 0) {
        return false;
    }
    return t->calls == t->fail_at || (t->fail_rest && t->calls > t->fail_at);
}

static void mem_count(test_mem *t, size_t size) {
    t->live++;
    t->live_size += size;
    if (t->live_size > t->peak_size) {
        t->peak_size = t->live_size;
    }
}

static void *mem_alloc(void *user, size_t size) {
    test_mem *t = user;
    ck_assert_msg(size > 0, "an allocation of 0 bytes was asked for");
    if (mem_must_fail(t)) {
        return NULL;
    }
    block_head *head = malloc(sizeof(*head) + size);
    if (!head) {
        return NULL;
    }
    head->size = size;
    mem_count(t, size);
    return head + 1;
}

static void mem_release(void *user, void *old) {
    test_mem *t = user;
    if (!old) {
        return;
    }
    block_head *head = (block_head *)old - 1;
    t->live--;
    t->live_size -= head->size;
    free(head);
}

static void *mem_resize(void *user, void *old, size_t size) {
    test_mem *t = user;
    void *fresh = mem_alloc(t, size);
    if (!fresh || !old) {
        return fresh;
    }
    size_t old_size = ((block_head *)old - 1)->size;
    memcpy(fresh, old, old_size < size ? old_size : size);
    mem_release(t, old);
    return fresh;
}

void test_mem_init(test_mem *t) {
    *t = (test_mem){.mem = {mem_alloc, mem_resize, mem_release, t}};
}

static void sweep_once(int (*scenario)(const sio_mem *, void *), void *arg, size_t at, bool rest) {
    test_mem t;
    test_mem_init(&t);
    t.fail_at = at;
    t.fail_rest = rest;
    (void)scenario(&t.mem, arg);
    ck_assert_msg(t.live == 0, "%zu blocks leaked when allocation %zu failed", t.live, at);
}

void test_mem_sweep(int (*scenario)(const sio_mem *mem, void *arg), void *arg) {
    test_mem t;
    test_mem_init(&t);
    int rc = scenario(&t.mem, arg);
    ck_assert_msg(rc == 0, "the scenario failed with %d although nothing was made to fail", rc);
    ck_assert_msg(t.live == 0, "%zu blocks leaked", t.live);
    for (size_t at = 1; at <= t.calls; at++) {
        sweep_once(scenario, arg, at, false);
        sweep_once(scenario, arg, at, true);
    }
}

static bool feed_copy(const uint8_t *data, size_t len, test_feed_fn feed, void *arg) {
    uint8_t *piece = malloc(len ? len : 1);
    ck_assert_ptr_nonnull(piece);
    memcpy(piece, data, len);
    bool more = feed(arg, piece, len);
    free(piece);
    return more;
}

void test_feed_whole(const void *data, size_t len, test_feed_fn feed, void *arg) {
    feed_copy(data, len, feed, arg);
}

void test_feed_bytes(const void *data, size_t len, test_feed_fn feed, void *arg) {
    const uint8_t *bytes = data;
    for (size_t i = 0; i < len; i++) {
        if (!feed_copy(bytes + i, 1, feed, arg)) {
            return;
        }
    }
}

void test_feed_split(const void *data, size_t len, size_t at, test_feed_fn feed, void *arg) {
    const uint8_t *bytes = data;
    if (feed_copy(bytes, at, feed, arg)) {
        feed_copy(bytes + at, len - at, feed, arg);
    }
}

void test_feed(const test_cut *cut, const void *data, size_t len, test_feed_fn feed, void *arg) {
    if (cut->mode == 0) {
        test_feed_whole(data, len, feed, arg);
    } else if (cut->mode == 1) {
        test_feed_bytes(data, len, feed, arg);
    } else {
        test_feed_split(data, len, cut->at < len ? cut->at : len, feed, arg);
    }
}

void test_each_cut(size_t len, void (*run)(const test_cut *cut, void *arg), void *arg) {
    run(&(test_cut){.mode = 0}, arg);
    run(&(test_cut){.mode = 1}, arg);
    for (size_t at = 1; at < len; at++) {
        run(&(test_cut){.mode = 2, .at = at}, arg);
    }
}
