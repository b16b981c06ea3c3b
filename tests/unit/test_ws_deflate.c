#include "support.h"

#include "ws_deflate.h"

#include <stdlib.h>
#include <string.h>

#if SIO_HAVE_DEFLATE

#include <zlib.h>

/* Text with matches at many distances, and noise. */
static uint8_t *sample(size_t len, bool noise) {
    uint8_t *data = malloc(len ? len : 1);
    uint32_t x = 12345;
    for (size_t i = 0; i < len; i++) {
        x = x * 1664525 + 1013904223;
        data[i] = noise ? (uint8_t)(x >> 24) : (uint8_t)("abcdefgh"[x >> 29]);
        if (!noise && i > 700 && (x >> 20 & 3) != 0) {
            data[i] = data[i - 200 - (i / 97) % 500];
        }
    }
    return data;
}

static void round_trip(sio_ws_deflater *d, sio_ws_inflater *i, const uint8_t *data, size_t len) {
    sio_buf packed = {0};
    sio_buf plain = {0};
    ck_assert_int_eq(sio_ws_deflate(d, &packed, data, len), 0);
    ck_assert_uint_ge(packed.len, 1);
    int rc = sio_ws_inflate(i, &plain, packed.data, packed.len, len);
    ck_assert_msg(rc == 0, "%zu bytes: %d", len, rc);
    ck_assert_uint_eq(plain.len, len);
    if (len > 0) {
        ck_assert_mem_eq(plain.data, data, len);
    }
    plain.len = 0;
    sio_buf_free(&packed);
    sio_buf_free(&plain);
}

START_TEST(every_window_and_takeover) {
    static const size_t sizes[] = {1, 0, 0, 5, 100, 0, 300, 5000, 16384, 16385, 70000};
    for (int bits = 8; bits <= 15; bits++) {
        for (int mode = 0; mode < 4; mode++) {
            sio_ws_deflater *d;
            sio_ws_inflater *i;
            bool takeover = mode & 1;
            ck_assert_int_eq(sio_ws_deflater_new(&d, bits, takeover, 0, 1 + bits % 9, NULL), 0);
            ck_assert_int_eq(sio_ws_inflater_new(&i, bits, takeover, NULL), 0);
            for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
                uint8_t *data = sample(sizes[s], mode & 2);
                round_trip(d, i, data, sizes[s]);
                free(data);
            }
            sio_ws_deflater_free(d);
            sio_ws_inflater_free(i);
        }
    }
}
END_TEST

/* What we send for a window of 8 bits can be read by a receiver that has no more. */
START_TEST(eight_bits_are_kept) {
    enum { LEN = 20000 };
    uint8_t *data = sample(LEN, false);
    uint8_t *plain = malloc(LEN + 1);
    for (int level = 1; level <= 9; level++) {
        sio_ws_deflater *d;
        sio_buf packed = {0};
        ck_assert_int_eq(sio_ws_deflater_new(&d, 8, true, level, 9, NULL), 0);
        ck_assert_int_eq(sio_ws_deflate(d, &packed, data, LEN), 0);
        sio_buf_add(&packed, "\0\0\xff\xff", 4);
        z_stream z = {.next_in = packed.data,
                      .avail_in = (uInt)packed.len,
                      .next_out = plain,
                      .avail_out = LEN + 1};
        ck_assert_int_eq(inflateInit2(&z, -8), Z_OK);
        ck_assert_int_eq(inflate(&z, Z_SYNC_FLUSH), Z_OK);
        ck_assert_uint_eq(z.total_out, LEN);
        ck_assert_mem_eq(plain, data, LEN);
        inflateEnd(&z);
        sio_buf_free(&packed);
        sio_ws_deflater_free(d);
    }
    free(data);
    free(plain);
}
END_TEST

/* RFC 7692 §7.2.3.2: with takeover a repeated message gets shorter, without it is the same. */
START_TEST(takeover_refers_back) {
    for (int takeover = 0; takeover < 2; takeover++) {
        sio_ws_deflater *d;
        sio_buf first = {0};
        sio_buf second = {0};
        ck_assert_int_eq(sio_ws_deflater_new(&d, 15, takeover, 0, 0, NULL), 0);
        ck_assert_int_eq(sio_ws_deflate(d, &first, "Hello", 5), 0);
        ck_assert_int_eq(sio_ws_deflate(d, &second, "Hello", 5), 0);
        ck_assert_uint_eq(first.len, 7);
        ck_assert_mem_eq(first.data, "\xf2\x48\xcd\xc9\xc9\x07\x00", 7);
        ck_assert_uint_eq(second.len, takeover ? 5 : 7);
        sio_buf_free(&first);
        sio_buf_free(&second);
        sio_ws_deflater_free(d);
    }
}
END_TEST

START_TEST(an_empty_message_is_one_byte) {
    sio_ws_deflater *d;
    sio_buf out = {0};
    ck_assert_int_eq(sio_ws_deflater_new(&d, 15, true, 0, 0, NULL), 0);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(sio_ws_deflate(d, &out, NULL, 0), 0);
    }
    ck_assert_uint_eq(out.len, 3);
    ck_assert_mem_eq(out.data, "\0\0\0", 3);
    sio_buf_free(&out);
    sio_ws_deflater_free(d);
}
END_TEST

/* A failed message is not sent, so the next one may not refer to it. */
START_TEST(after_a_failure_the_context_is_fresh) {
    sio_ws_deflater *d;
    sio_ws_inflater *i;
    ck_assert_int_eq(sio_ws_deflater_new(&d, 15, true, 0, 0, NULL), 0);
    ck_assert_int_eq(sio_ws_inflater_new(&i, 15, true, NULL), 0);
    uint8_t *noise = sample(5000, true);
    round_trip(d, i, noise, 1000);
    sio_buf small;
    sio_buf_init(&small, 100, NULL);
    sio_buf_add_text(&small, "before");
    ck_assert_int_eq(sio_ws_deflate(d, &small, noise, 5000), SIO_ERR_LIMIT);
    ck_assert_uint_eq(small.len, 6);
    sio_buf_free(&small);
    round_trip(d, i, noise, 5000);
    ck_assert_int_eq(sio_ws_deflate(d, &small, noise, SIZE_MAX), SIO_ERR_LIMIT);
    ck_assert_int_eq(sio_ws_deflate(d, &small, noise, (size_t)PTRDIFF_MAX + 1), SIO_ERR_LIMIT);
    free(noise);
    sio_ws_deflater_free(d);
    sio_ws_inflater_free(i);
}
END_TEST

START_TEST(output_limits_are_exact) {
    enum { LEN = 40000 };
    uint8_t *data = sample(LEN, false);
    sio_ws_deflater *d;
    sio_ws_inflater *i;
    sio_buf packed = {0};
    ck_assert_int_eq(sio_ws_deflater_new(&d, 15, false, 0, 0, NULL), 0);
    ck_assert_int_eq(sio_ws_inflater_new(&i, 15, false, NULL), 0);
    ck_assert_int_eq(sio_ws_deflate(d, &packed, data, LEN), 0);
    static const size_t limits[] = {0, 1, 16383, 16384, 16385, LEN - 1, LEN, LEN + 1};
    for (size_t at = 0; at < sizeof(limits) / sizeof(limits[0]); at++) {
        sio_buf plain = {0};
        sio_buf_add_text(&plain, "before");
        int rc = sio_ws_inflate(i, &plain, packed.data, packed.len, limits[at]);
        ck_assert_int_eq(rc, limits[at] >= LEN ? 0 : SIO_ERR_WS_TOO_LARGE);
        ck_assert_uint_eq(plain.len, 6 + (rc == 0 ? LEN : 0));
        sio_buf_free(&plain);
    }
    sio_buf plain;
    sio_buf_init(&plain, 1000, NULL);
    ck_assert_int_eq(sio_ws_inflate(i, &plain, packed.data, packed.len, LEN), SIO_ERR_LIMIT);
    ck_assert_uint_eq(plain.len, 0);
    sio_buf_free(&plain);
    sio_buf_free(&packed);
    sio_ws_deflater_free(d);
    sio_ws_inflater_free(i);
    free(data);
}
END_TEST

START_TEST(steps_are_small) {
    uint8_t *zeros = calloc(1, 1000000);
    sio_ws_deflater *d;
    sio_ws_inflater *i;
    sio_buf packed = {0};
    sio_buf plain = {0};
    ck_assert_int_eq(sio_ws_deflater_new(&d, 15, false, 0, 0, NULL), 0);
    ck_assert_int_eq(sio_ws_inflater_new(&i, 15, false, NULL), 0);
    ck_assert_int_eq(sio_ws_deflate(d, &packed, zeros, 1000000), 0);
    ck_assert_int_eq(sio_ws_inflate_begin(i, packed.data, packed.len, 2000000), 0);
    int rc;
    do {
        size_t before = plain.len;
        rc = sio_ws_inflate_step(i, &plain);
        ck_assert_uint_le(plain.len - before, SIO_WS_INFLATE_STEP);
    } while (rc > 0);
    ck_assert_int_eq(rc, 0);
    ck_assert_uint_eq(plain.len, 1000000);
    sio_buf_free(&packed);
    sio_buf_free(&plain);
    sio_ws_deflater_free(d);
    sio_ws_inflater_free(i);
    free(zeros);
}
END_TEST

/* Every prefix of a message is damaged or, at a block's end, a shorter message; nothing hangs. */
START_TEST(cut_messages) {
    enum { LEN = 2000 };
    uint8_t *data = sample(LEN, false);
    sio_ws_deflater *d;
    sio_ws_inflater *i;
    sio_buf packed = {0};
    ck_assert_int_eq(sio_ws_deflater_new(&d, 15, false, 0, 0, NULL), 0);
    ck_assert_int_eq(sio_ws_inflater_new(&i, 15, false, NULL), 0);
    ck_assert_int_eq(sio_ws_deflate(d, &packed, data, LEN), 0);
    for (size_t len = 1; len < packed.len; len++) {
        sio_buf plain = {0};
        uint8_t *copy = malloc(len);
        memcpy(copy, packed.data, len);
        int rc = sio_ws_inflate(i, &plain, copy, len, LEN);
        ck_assert_msg(rc == SIO_ERR_WS_INFLATE || rc == SIO_ERR_WS_TOO_LARGE, "%zu of %zu: %d", len,
                      packed.len, rc);
        free(copy);
        sio_buf_free(&plain);
    }
    sio_buf_free(&packed);
    sio_ws_deflater_free(d);
    sio_ws_inflater_free(i);
    free(data);
}
END_TEST

/* Many last blocks (RFC 7692 §7.2.3.4), with and without the empty block behind them. */
START_TEST(last_blocks) {
    static const struct {
        const char *data;
        size_t len;
        int rc;
        const char *plain;
    } cases[] = {
        {"\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8, 0, "Hello"},
        {"\xf3\x48\xcd\xc9\xc9\x07\x00", 7, 0, "Hello"},
        {"\xf3\x48\xcd\xc9\xc9\x07\x00\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 15, 0, "HelloHello"},
        {"\x01\x00\x00\xff\xff\x01\x01\x00\xfe\xffx\x00", 12, 0, "x"},
        {"\x03\x00\x03\x00\x03\x00\x00", 7, 0, ""},
        {"\x03\x00\xff", 3, SIO_ERR_WS_INFLATE, ""},
    };
    sio_ws_inflater *i;
    ck_assert_int_eq(sio_ws_inflater_new(&i, 15, true, NULL), 0);
    for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
        sio_buf plain = {0};
        int rc = sio_ws_inflate(i, &plain, cases[at].data, cases[at].len, 100);
        ck_assert_msg(rc == cases[at].rc, "case %zu gave %d", at, rc);
        ck_assert_uint_eq(plain.len, strlen(cases[at].plain));
        if (plain.len > 0) {
            ck_assert_mem_eq(plain.data, cases[at].plain, plain.len);
        }
        sio_buf_free(&plain);
    }
    sio_ws_inflater_free(i);
}
END_TEST

START_TEST(idle_objects_are_small) {
    test_mem mem;
    test_mem_init(&mem);
    sio_ws_deflater *d;
    sio_ws_inflater *i;
    ck_assert_int_eq(sio_ws_deflater_new(&d, 15, true, 0, 0, &mem.mem), 0);
    ck_assert_int_eq(sio_ws_inflater_new(&i, 15, true, &mem.mem), 0);
    ck_assert_uint_lt(mem.live_size, 512);
    sio_ws_deflater_free(d);
    sio_ws_inflater_free(i);
    /* The bound of a connection that keeps both contexts with windows of 2^12 and level 5. */
    ck_assert_int_eq(sio_ws_deflater_new(&d, 12, true, 0, 5, &mem.mem), 0);
    ck_assert_int_eq(sio_ws_inflater_new(&i, 12, true, &mem.mem), 0);
    uint8_t *data = sample(20000, false);
    round_trip(d, i, data, 20000);
    ck_assert_uint_lt(mem.live_size, 56 * 1024);
    free(data);
    sio_ws_deflater_free(d);
    sio_ws_inflater_free(i);
    ck_assert_uint_eq(mem.live, 0);
}
END_TEST

static int scenario(const sio_mem *mem, void *arg) {
    sio_ws_deflater *d = NULL;
    sio_ws_inflater *i = NULL;
    sio_buf packed;
    sio_buf plain;
    sio_buf_init(&packed, 0, mem);
    sio_buf_init(&plain, 0, mem);
    int rc = sio_ws_deflater_new(&d, 15, true, 0, 0, mem);
    if (rc == 0) {
        rc = sio_ws_inflater_new(&i, 15, true, mem);
    }
    if (rc == 0) {
        rc = sio_ws_deflate(d, &packed, arg, 30000);
        ck_assert(rc == 0 || packed.len == 0);
    }
    if (rc == 0) {
        rc = sio_ws_inflate(i, &plain, packed.data, packed.len, 30000);
        ck_assert(rc == 0 || plain.len == 0);
    }
    sio_buf_free(&packed);
    sio_buf_free(&plain);
    sio_ws_deflater_free(d);
    sio_ws_inflater_free(i);
    ck_assert(rc == 0 || rc == SIO_ERR_NOMEM);
    return rc;
}

START_TEST(survives_failing_allocations) {
    uint8_t *data = sample(30000, false);
    test_mem_sweep(scenario, data);
    free(data);
}
END_TEST

/* Lengths near the end of the address space: an error before anything is read or written beyond
 * what there is (CVE-2026-102560). The allocator would tell of a size that wrapped. */
START_TEST(absurd_lengths_are_errors) {
    enum { READABLE = 8 << 20 };
    static const size_t lengths[] = {SIZE_MAX, SIZE_MAX - 4, SIZE_MAX / 2 + 1, SIZE_MAX / 2,
                                     ((size_t)1 << 32) + 5};
    uint8_t *zeros = calloc(1, READABLE);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        test_mem mem;
        sio_ws_deflater *d;
        sio_buf out;
        test_mem_init(&mem);
        ck_assert_int_eq(sio_ws_deflater_new(&d, 15, false, 0, 0, &mem.mem), 0);
        sio_buf_init(&out, 1000, &mem.mem);
        ck_assert_int_eq(sio_ws_deflate(d, &out, zeros, lengths[i]), SIO_ERR_LIMIT);
        ck_assert_uint_eq(out.len, 0);
        ck_assert_uint_le(out.cap, 1000);
        ck_assert_uint_le(mem.peak_size, 512 << 10);
        sio_buf_free(&out);
        sio_ws_deflater_free(d);
        ck_assert_uint_eq(mem.live, 0);
    }
    free(zeros);
}
END_TEST

START_TEST(arguments_are_checked) {
    sio_ws_deflater *d = NULL;
    sio_ws_inflater *i = NULL;
    ck_assert_int_eq(sio_ws_deflater_new(&d, 7, true, 0, 0, NULL), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_ws_deflater_new(&d, 16, true, 0, 0, NULL), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_ws_deflater_new(&d, 15, true, 10, 0, NULL), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_ws_deflater_new(&d, 15, true, 0, 10, NULL), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_ws_inflater_new(&i, 7, true, NULL), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_ws_inflater_new(&i, 16, true, NULL), SIO_ERR_INVALID);
    ck_assert(!d && !i);
    sio_ws_deflater_free(NULL);
    sio_ws_inflater_free(NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("ws_deflate");
    TCase *tc = tcase_create("ws_deflate");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, every_window_and_takeover);
    tcase_add_test(tc, eight_bits_are_kept);
    tcase_add_test(tc, takeover_refers_back);
    tcase_add_test(tc, an_empty_message_is_one_byte);
    tcase_add_test(tc, after_a_failure_the_context_is_fresh);
    tcase_add_test(tc, output_limits_are_exact);
    tcase_add_test(tc, steps_are_small);
    tcase_add_test(tc, cut_messages);
    tcase_add_test(tc, last_blocks);
    tcase_add_test(tc, idle_objects_are_small);
    tcase_add_test(tc, survives_failing_allocations);
    tcase_add_test(tc, absurd_lengths_are_errors);
    tcase_add_test(tc, arguments_are_checked);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}

#else

START_TEST(a_build_without_zlib_says_so) {
    sio_ws_deflater *d = NULL;
    sio_ws_inflater *i = NULL;
    ck_assert_int_eq(sio_ws_deflater_new(&d, 15, true, 0, 0, NULL), SIO_ERR_UNSUPPORTED);
    ck_assert_int_eq(sio_ws_inflater_new(&i, 15, true, NULL), SIO_ERR_UNSUPPORTED);
    sio_ws_deflater_free(NULL);
    sio_ws_inflater_free(NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("ws_deflate");
    TCase *tc = tcase_create("ws_deflate");
    tcase_add_test(tc, a_build_without_zlib_says_so);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}

#endif
