#include "support.h"

#include <sio/http_coding.h>

#include <stdlib.h>
#include <string.h>

#if SIO_HAVE_DEFLATE

#include <zlib.h>

static const sio_http_encoding both[] = {SIO_HTTP_GZIP, SIO_HTTP_DEFLATE};

/* Unpack with zlib, which finds out by itself whether it is gzip or zlib format; the end of the
 * format must be the end of the bytes. */
static void expect_unpacked(const sio_buf *packed, const void *data, size_t len) {
    uint8_t *plain = malloc(len + 1);
    z_stream z = {.next_in = packed->data,
                  .avail_in = (uInt)packed->len,
                  .next_out = plain,
                  .avail_out = (uInt)len + 1};
    ck_assert_int_eq(inflateInit2(&z, 15 + 32), Z_OK);
    ck_assert_int_eq(inflate(&z, Z_FINISH), Z_STREAM_END);
    ck_assert_uint_eq(z.total_out, len);
    ck_assert_uint_eq(z.avail_in, 0);
    ck_assert(len == 0 || memcmp(plain, data, len) == 0);
    inflateEnd(&z);
    free(plain);
}

static uint8_t *sample(size_t len, bool noise) {
    uint8_t *data = malloc(len ? len : 1);
    uint32_t x = 4711;
    for (size_t i = 0; i < len; i++) {
        x = x * 1664525 + 1013904223;
        data[i] = noise ? (uint8_t)(x >> 24) : (uint8_t)("abcd"[x >> 30]);
    }
    return data;
}

START_TEST(test_round_trips) {
    static const size_t sizes[] = {0, 1, 10, 1024, 16384, 16385, 100000, 0, 300000};
    for (size_t e = 0; e < 2; e++) {
        sio_http_coder *coder;
        ck_assert_int_eq(sio_http_coder_new(&coder, both[e], 0, NULL), 0);
        for (size_t i = 0; i < 2 * sizeof(sizes) / sizeof(sizes[0]); i++) {
            sio_buf out = {0};
            size_t len = sizes[i / 2];
            uint8_t *data = sample(len, i % 2);
            ck_assert_int_eq(sio_http_coder_write(coder, &out, len ? data : NULL, len, true), 0);
            ck_assert_uint_gt(out.len, 0);
            ck_assert_int_eq(out.data[0], e == 0 ? 0x1f : 0x78);
            expect_unpacked(&out, data, len);
            free(data);
            sio_buf_free(&out);
        }
        sio_http_coder_free(coder);
    }
}
END_TEST

typedef struct stream {
    sio_http_coder *coder;
    sio_buf out;
} stream;

static bool feed(void *arg, uint8_t *piece, size_t len) {
    stream *s = arg;
    ck_assert_int_eq(sio_http_coder_write(s->coder, &s->out, piece, len, false), 0);
    return true;
}

static void run_cut(const test_cut *cut, void *arg) {
    static const char text[] = "the same words, and the same words, and the same words again";
    stream *s = arg;
    s->out.len = 0;
    test_feed(cut, text, sizeof(text), feed, s);
    ck_assert_int_eq(sio_http_coder_write(s->coder, &s->out, NULL, 0, true), 0);
    expect_unpacked(&s->out, text, sizeof(text));
}

START_TEST(test_streams_in_pieces) {
    stream s = {0};
    ck_assert_int_eq(sio_http_coder_new(&s.coder, both[_i], 9, NULL), 0);
    test_each_cut(61, run_cut, &s);
    sio_http_coder_free(s.coder);
    sio_buf_free(&s.out);
}
END_TEST

/* The output never passes its maximum, an exact one is enough, and the next body is fine. */
START_TEST(test_the_maximum_holds) {
    sio_http_coder *coder;
    sio_buf whole = {0};
    uint8_t *noise = sample(40000, true);
    ck_assert_int_eq(sio_http_coder_new(&coder, SIO_HTTP_GZIP, 0, NULL), 0);
    ck_assert_int_eq(sio_http_coder_write(coder, &whole, noise, 40000, true), 0);
    for (size_t less = 0; less < 40000; less += less < 30 ? 1 : 4999) {
        sio_buf out;
        sio_buf_init(&out, 6 + whole.len - less, NULL);
        ck_assert_int_eq(sio_buf_add_text(&out, "before"), 0);
        int rc = sio_http_coder_write(coder, &out, noise, 40000, true);
        ck_assert_int_eq(rc, less == 0 ? 0 : SIO_ERR_LIMIT);
        ck_assert_uint_eq(out.len, less == 0 ? 6 + whole.len : 6);
        sio_buf_free(&out);
    }
    sio_buf again = {0};
    ck_assert_int_eq(sio_http_coder_write(coder, &again, noise, 40000, true), 0);
    ck_assert_uint_eq(again.len, whole.len);
    ck_assert_mem_eq(again.data, whole.data, whole.len);
    sio_buf_free(&again);
    sio_buf_free(&whole);
    sio_http_coder_free(coder);
    free(noise);
}
END_TEST

START_TEST(test_settings) {
    sio_http_coder *coder = NULL;
    ck_assert_int_eq(sio_http_coder_new(&coder, SIO_HTTP_IDENTITY, 0, NULL), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_http_coder_new(&coder, SIO_HTTP_BROTLI, 0, NULL), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_http_coder_new(&coder, SIO_HTTP_GZIP, 10, NULL), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_http_coder_new(&coder, SIO_HTTP_GZIP, -1, NULL), SIO_ERR_INVALID);
    ck_assert_ptr_null(coder);
    sio_http_coder_free(NULL);
}
END_TEST

static int scenario(const sio_mem *mem, void *arg) {
    sio_http_coder *coder;
    sio_buf out;
    uint8_t *data = arg;
    int rc = sio_http_coder_new(&coder, SIO_HTTP_DEFLATE, 1, mem);
    if (rc != 0) {
        return rc;
    }
    sio_buf_init(&out, 0, mem);
    rc = sio_http_coder_write(coder, &out, data, 30000, false);
    if (rc == 0) {
        rc = sio_http_coder_write(coder, &out, data, 30000, true);
    }
    sio_buf_free(&out);
    sio_http_coder_free(coder);
    return rc;
}

START_TEST(test_no_memory) {
    uint8_t *data = sample(30000, true);
    test_mem_sweep(scenario, data);
    free(data);
}
END_TEST

#else

START_TEST(test_settings) {
    sio_http_coder *coder;
    ck_assert_int_eq(sio_http_coder_new(&coder, SIO_HTTP_GZIP, 0, NULL), SIO_ERR_UNSUPPORTED);
    ck_assert_int_eq(sio_http_coder_new(&coder, SIO_HTTP_BROTLI, 0, NULL), SIO_ERR_INVALID);
    sio_http_coder_free(NULL);
}
END_TEST

#endif

int main(void) {
    Suite *s = suite_create("http_coding");
    TCase *tc = tcase_create("all");
#if SIO_HAVE_DEFLATE
    tcase_add_test(tc, test_round_trips);
    tcase_add_loop_test(tc, test_streams_in_pieces, 0, 2);
    tcase_add_test(tc, test_the_maximum_holds);
    tcase_add_test(tc, test_no_memory);
#endif
    tcase_add_test(tc, test_settings);
    suite_add_tcase(s, tc);
    return test_run(s);
}
