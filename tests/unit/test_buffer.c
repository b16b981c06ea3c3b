#include "support.h"

#include <sio/buffer.h>

START_TEST(grows_and_keeps_its_bytes) {
    sio_buf buf = {0};
    for (int i = 0; i < 1000; i++) {
        ck_assert_int_eq(sio_buf_add(&buf, "abc", 3), 0);
    }
    ck_assert_uint_eq(buf.len, 3000);
    for (size_t i = 0; i < buf.len; i++) {
        ck_assert_int_eq(buf.data[i], "abc"[i % 3]);
    }
    sio_buf_free(&buf);
    ck_assert_uint_eq(buf.len, 0);
}
END_TEST

START_TEST(never_passes_its_maximum) {
    sio_buf buf;
    sio_buf_init(&buf, 100, NULL);
    ck_assert_int_eq(sio_buf_reserve(&buf, 101), SIO_ERR_LIMIT);
    ck_assert_int_eq(sio_buf_reserve(&buf, SIZE_MAX), SIO_ERR_LIMIT);
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(sio_buf_add_byte(&buf, 'x'), 0);
    }
    ck_assert_int_eq(sio_buf_add_byte(&buf, 'x'), SIO_ERR_LIMIT);
    ck_assert_int_eq(sio_buf_reserve(&buf, SIZE_MAX), SIO_ERR_LIMIT);
    ck_assert_uint_eq(buf.len, 100);
    ck_assert_uint_le(buf.cap, 100);
    sio_buf_free(&buf);
}
END_TEST

START_TEST(writes_numbers_in_decimal) {
    sio_buf buf = {0};
    sio_buf_add_u64(&buf, 0);
    sio_buf_add_byte(&buf, ' ');
    sio_buf_add_u64(&buf, UINT64_MAX);
    ck_assert_mem_eq(buf.data, "0 18446744073709551615", buf.len);
    sio_buf_free(&buf);
}
END_TEST

START_TEST(drops_from_the_front) {
    sio_buf buf = {0};
    sio_buf_add_text(&buf, "hello world");
    sio_buf_drop(&buf, 6);
    ck_assert_uint_eq(buf.len, 5);
    ck_assert_mem_eq(buf.data, "world", 5);
    sio_buf_free(&buf);
}
END_TEST

static int blob_scenario(const sio_mem *mem, void *arg) {
    sio_blob *blob = NULL;
    int rc = sio_blob_new(&blob, "bytes", 5, mem);
    if (rc != 0) {
        return rc;
    }
    sio_blob *second = sio_blob_ref(blob);
    sio_blob_unref(blob);
    ck_assert_mem_eq(second->data, "bytes", 5);
    sio_blob_unref(second);

    sio_buf buf;
    sio_buf_init(&buf, 0, mem);
    rc = sio_buf_add_text(&buf, "taken over");
    if (rc != 0) {
        return rc;
    }
    rc = sio_blob_take(&blob, &buf);
    ck_assert_ptr_null(buf.data);
    if (rc != 0) {
        return rc;
    }
    ck_assert_uint_eq(blob->len, 10);
    sio_blob_unref(blob);
    return 0;
}

START_TEST(blobs_free_with_the_last_reference) {
    test_mem_sweep(blob_scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("buffer");
    TCase *tc = tcase_create("buffer");
    tcase_add_test(tc, grows_and_keeps_its_bytes);
    tcase_add_test(tc, never_passes_its_maximum);
    tcase_add_test(tc, writes_numbers_in_decimal);
    tcase_add_test(tc, drops_from_the_front);
    tcase_add_test(tc, blobs_free_with_the_last_reference);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
