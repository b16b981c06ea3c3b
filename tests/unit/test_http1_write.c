#include "support.h"

#include <sio/http1.h>

#include <string.h>

static sio_buf buf;

static void setup(void) {
    sio_buf_init(&buf, 0, NULL);
}

static void teardown(void) {
    sio_buf_free(&buf);
}

static void buf_is(const char *want) {
    ck_assert_uint_eq(buf.len, strlen(want));
    ck_assert_mem_eq(buf.data, want, buf.len);
}

START_TEST(test_request) {
    ck_assert_int_eq(sio_http1_write_request(&buf, SIO_STR("GET"), SIO_STR("/a?b=c")), 0);
    ck_assert_int_eq(sio_http1_write_header(&buf, SIO_STR("Host"), SIO_STR("x")), 0);
    ck_assert_int_eq(sio_http1_write_header_u64(&buf, SIO_STR("N"), UINT64_MAX), 0);
    ck_assert_int_eq(sio_http1_write_header_u64(&buf, SIO_STR("Z"), 0), 0);
    ck_assert_int_eq(sio_http1_write_header(&buf, SIO_STR("E"), (sio_str){NULL, 0}), 0);
    ck_assert_int_eq(sio_http1_write_end(&buf), 0);
    buf_is("GET /a?b=c HTTP/1.1\r\nHost: x\r\nN: 18446744073709551615\r\nZ: 0\r\nE: \r\n\r\n");
}
END_TEST

START_TEST(test_status) {
    ck_assert_int_eq(sio_http1_write_status(&buf, 404, NULL), 0);
    ck_assert_int_eq(sio_http1_write_status(&buf, 299, NULL), 0);
    ck_assert_int_eq(sio_http1_write_status(&buf, 200, "Fine"), 0);
    ck_assert_int_eq(sio_http1_write_status(&buf, 200, ""), 0);
    buf_is("HTTP/1.1 404 Not Found\r\nHTTP/1.1 299 Unknown\r\nHTTP/1.1 200 Fine\r\n"
           "HTTP/1.1 200 \r\n");
}
END_TEST

START_TEST(test_injection) {
    static const sio_str bad_values[] = {{"a\r\nb: c", 7}, {"a\nb", 3}, {"a\rb", 3},
                                         {"a\0b", 3},      {"\x1b", 1}, {"\x7f", 1}};
    for (size_t i = 0; i < 6; i++) {
        ck_assert_int_eq(sio_http1_write_header(&buf, SIO_STR("A"), bad_values[i]),
                         SIO_ERR_INVALID);
        ck_assert_int_eq(sio_http1_write_header(&buf, bad_values[i], SIO_STR("a")),
                         SIO_ERR_INVALID);
        ck_assert_int_eq(sio_http1_write_request(&buf, SIO_STR("GET"), bad_values[i]),
                         SIO_ERR_INVALID);
        ck_assert_int_eq(sio_http1_write_request(&buf, bad_values[i], SIO_STR("/")),
                         SIO_ERR_INVALID);
    }
    ck_assert_int_eq(sio_http1_write_header(&buf, SIO_STR(""), SIO_STR("a")), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_http1_write_header(&buf, SIO_STR("a:"), SIO_STR("a")), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_http1_write_header(&buf, SIO_STR("a "), SIO_STR("a")), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_http1_write_request(&buf, SIO_STR("GET"), SIO_STR("/a b")),
                     SIO_ERR_INVALID);
    ck_assert_int_eq(sio_http1_write_request(&buf, SIO_STR("GET"), SIO_STR("")), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_http1_write_status(&buf, 200, "a\r\nb"), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_http1_write_status(&buf, 99, NULL), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_http1_write_status(&buf, 600, NULL), SIO_ERR_INVALID);
    ck_assert_uint_eq(buf.len, 0);
}
END_TEST

START_TEST(test_failure_appends_nothing) {
    sio_buf_init(&buf, 20, NULL);
    ck_assert_int_eq(sio_http1_write_header(&buf, SIO_STR("A"), SIO_STR("0123456789")), 0);
    size_t len = buf.len;
    ck_assert_int_eq(sio_http1_write_header(&buf, SIO_STR("A"), SIO_STR("b")), SIO_ERR_LIMIT);
    ck_assert_int_eq(sio_http1_write_status(&buf, 200, NULL), SIO_ERR_LIMIT);
    ck_assert_int_eq(sio_http1_write_request(&buf, SIO_STR("A"), SIO_STR("/")), SIO_ERR_LIMIT);
    ck_assert_uint_eq(buf.len, len);
}
END_TEST

static int write_all(const sio_mem *mem, void *arg) {
    sio_buf b;
    sio_buf_init(&b, 0, mem);
    int rc = sio_http1_write_status(&b, 200, NULL);
    if (rc == 0) {
        rc = sio_http1_write_header(&b, SIO_STR("Content-Type"),
                                    SIO_STR("text/plain; charset=UTF-8; and so on and on"));
    }
    sio_buf_free(&b);
    return rc;
}

START_TEST(test_out_of_memory) {
    test_mem_sweep(write_all, NULL);
}
END_TEST

START_TEST(test_reasons) {
    ck_assert_str_eq(sio_http1_reason(200), "OK");
    ck_assert_str_eq(sio_http1_reason(413), "Payload Too Large");
    ck_assert_str_eq(sio_http1_reason(505), "HTTP Version Not Supported");
    ck_assert_str_eq(sio_http1_reason(-1), "Unknown");
}
END_TEST

int main(void) {
    Suite *s = suite_create("http1_write");
    TCase *tc = tcase_create("all");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, test_request);
    tcase_add_test(tc, test_status);
    tcase_add_test(tc, test_injection);
    tcase_add_test(tc, test_failure_appends_nothing);
    tcase_add_test(tc, test_out_of_memory);
    tcase_add_test(tc, test_reasons);
    suite_add_tcase(s, tc);
    return test_run(s);
}
