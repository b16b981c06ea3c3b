#include "support.h"

#include <sio/eio.h>

#include <string.h>

static void check_read(const char *body, const char *want) {
    sio_buf out = {0};
    sio_buf_add_text(&out, "#");
    int rc = sio_eio_jsonp_read(&out, (sio_bytes){(const uint8_t *)body, strlen(body)});
    if (!want) {
        ck_assert_int_eq(rc, SIO_ERR_NOT_FOUND);
        ck_assert_uint_eq(out.len, 1);
    } else {
        ck_assert_int_eq(rc, 0);
        ck_assert_uint_eq(out.len, strlen(want) + 1);
        ck_assert_mem_eq(out.data + 1, want, strlen(want));
    }
    sio_buf_free(&out);
}

START_TEST(reads_forms) {
    check_read("d=4a\\nb\\\\nc+d", "4a\nb\\nc d");
    check_read("d=4a%5Cnb%5C%5Cnc%2Bd", "4a\nb\\nc+d");
    check_read("%64=4x", "4x");
    check_read("a=1&d=4x&b", "4x");
    check_read("d=", "");
    check_read("d", "");
    check_read("d=4a=b", "4a=b");
    check_read("d=4%zz%4", "4%zz%4");
    check_read("d=%E2%82%AC", "\xE2\x82\xAC");
    check_read("d=\\\\\\n\\\\\\\\n\\\\x\\t", "\\\\n\\\\\\n\\\\x\\t");
    check_read("d=n\\nn", "n\nn");
}
END_TEST

START_TEST(ignores_forms_without_one_d) {
    check_read("", NULL);
    check_read("&&", NULL);
    check_read("e=4a", NULL);
    check_read("dd=4a", NULL);
    check_read("=4a", NULL);
    check_read("d=4a&d=4b", NULL);
}
END_TEST

START_TEST(reads_a_thousand_fields) {
    sio_buf body = {0};
    for (int i = 0; i < 999; i++) {
        sio_buf_add_text(&body, "a=b&");
    }
    sio_buf_add_text(&body, "d=4");
    sio_buf out = {0};
    ck_assert_int_eq(sio_eio_jsonp_read(&out, (sio_bytes){body.data, body.len}), 0);
    body.len -= 3;
    sio_buf_add_text(&body, "a=b&d=4");
    ck_assert_int_eq(sio_eio_jsonp_read(&out, (sio_bytes){body.data, body.len}), SIO_ERR_NOT_FOUND);
    sio_buf_free(&out);
    sio_buf_free(&body);
}
END_TEST

static void check_write(const char *j, const char *payload, const char *want) {
    sio_buf out = {0};
    ck_assert_int_eq(sio_eio_jsonp_write(&out, (sio_str){j, strlen(j)},
                                         (sio_bytes){(const uint8_t *)payload, strlen(payload)}),
                     0);
    sio_buf_add_byte(&out, 0);
    ck_assert_str_eq((const char *)out.data, want);
    sio_buf_free(&out);
}

START_TEST(writes_calls) {
    check_write("7", "0{\"sid\":\"X\"}", "___eio[7](\"0{\\\"sid\\\":\\\"X\\\"}\");");
    check_write("x3y4", "4a\xE2\x80\xA8\"\n\xE2\x82\xAC",
                "___eio[34](\"4a\\u2028\\\"\\n\xE2\x82\xAC\");");
    check_write("", "\xE2\x80\xA9\xE2\x80\xAA\\", "___eio[](\"\\u2029\xE2\x80\xAA\\\\\");");
    check_write("1", "4\x1E\b\f\r\t\x01\x7F", "___eio[1](\"4\\u001e\\b\\f\\r\\t\\u0001\x7F\");");
    check_write("1", "", "___eio[1](\"\");");
    check_write("1", "\xE2", "___eio[1](\"\xE2\");");
}
END_TEST

static int scenario(const sio_mem *mem, void *arg) {
    static const char text[] = "d=4\n\"\xE2\x80\xA8 some text that is long enough to make it grow";
    sio_bytes bytes = {(const uint8_t *)text, sizeof(text) - 1};
    sio_buf in;
    sio_buf out;
    sio_buf_init(&in, 0, mem);
    sio_buf_init(&out, 0, mem);
    int rc = sio_eio_jsonp_read(&in, bytes);
    if (rc == 0) {
        rc = sio_eio_jsonp_write(&out, SIO_STR("1"), bytes);
        ck_assert(rc == 0 || out.len == 0);
    }
    sio_buf_free(&in);
    sio_buf_free(&out);
    return rc;
}

START_TEST(survives_without_memory) {
    test_mem_sweep(scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("eio_jsonp");
    TCase *tc = tcase_create("eio_jsonp");
    tcase_add_test(tc, reads_forms);
    tcase_add_test(tc, ignores_forms_without_one_d);
    tcase_add_test(tc, reads_a_thousand_fields);
    tcase_add_test(tc, writes_calls);
    tcase_add_test(tc, survives_without_memory);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
