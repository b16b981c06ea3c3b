/* What every unit test shares: the runner, an allocator that can fail and count, and ways to cut
 * an input into pieces. */
#ifndef TESTS_UNIT_SUPPORT_H
#define TESTS_UNIT_SUPPORT_H

#include <sio/types.h>

#include <check.h>

/* Run one suite and return the exit status for main. */
int test_run(Suite *suite);

/* How many random steps to take: `all`, or a twentieth of them where each is slow (valgrind). */
unsigned test_steps(unsigned all);

/* An allocator over malloc that counts live blocks and can fail one allocation. Every block is
 * exactly as large as asked for, so that ASan sees each byte read past its end. */
typedef struct test_mem {
    sio_mem mem;      /* hand out &t->mem */
    size_t calls;     /* alloc and resize calls so far */
    size_t fail_at;   /* this call (1-based) fails; 0 = none */
    bool fail_rest;   /* and so does every later one */
    size_t live;      /* blocks not released */
    size_t live_size; /* bytes in them */
    size_t peak_size; /* largest live_size so far */
} test_mem;

void test_mem_init(test_mem *t);

/* Run `scenario` once to count its allocations, then once for each of them with that one failing,
 * and once more for each with all later ones failing too. The scenario must release everything it
 * made, whatever failed; it returns 0 when it ran through. Fails the test on a leak, and when a run
 * without failures does not return 0. */
void test_mem_sweep(int (*scenario)(const sio_mem *mem, void *arg), void *arg);

/* Feed `len` bytes in pieces. `feed` gets a heap copy of exactly the piece (mutable, freed when it
 * returns) and returns true to go on. */
typedef bool (*test_feed_fn)(void *arg, uint8_t *piece, size_t len);
void test_feed_whole(const void *data, size_t len, test_feed_fn feed, void *arg);
void test_feed_bytes(const void *data, size_t len, test_feed_fn feed, void *arg);
void test_feed_split(const void *data, size_t len, size_t at, test_feed_fn feed, void *arg);

/* Call `run` with every way of cutting: whole, byte by byte, and at each split point. `run` makes
 * a fresh decoder, feeds it through `test_feed`, and checks the outcome. */
typedef struct test_cut {
    int mode; /* 0 whole, 1 bytes, 2 split at `at` */
    size_t at;
} test_cut;
void test_feed(const test_cut *cut, const void *data, size_t len, test_feed_fn feed, void *arg);
void test_each_cut(size_t len, void (*run)(const test_cut *cut, void *arg), void *arg);

#endif
