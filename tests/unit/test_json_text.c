#include "support.h"

#include "json_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void expect_quoted(const char *text, size_t len, const char *expected) {
    sio_buf out = {0};
    ck_assert_int_eq(sio_json_add_string(&out, text, len), 0);
    ck_assert_uint_eq(out.len, strlen(expected));
    ck_assert_mem_eq(out.data, expected, out.len);
    sio_buf_free(&out);
}

START_TEST(escapes_only_what_javascript_escapes) {
    expect_quoted("", 0, "\"\"");
    expect_quoted(NULL, 0, "\"\"");
    expect_quoted("plain text / with more than sixteen bytes", 41,
                  "\"plain text / with more than sixteen bytes\"");
    expect_quoted("a\"b\\c", 5, "\"a\\\"b\\\\c\"");
    expect_quoted("\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\"");
    expect_quoted("\0\x01\x0b\x1f", 4, "\"\\u0000\\u0001\\u000b\\u001f\"");
    expect_quoted("\x7F\xC3\xA9\xE2\x80\xA8\xF0\x9F\x98\x80", 10,
                  "\"\x7F\xC3\xA9\xE2\x80\xA8\xF0\x9F\x98\x80\"");
}
END_TEST

START_TEST(every_byte_at_every_place) {
    for (unsigned byte = 0; byte < 0x80; byte++) {
        for (size_t len = 1; len < 40; len++) {
            char *text = malloc(len);
            ck_assert_ptr_nonnull(text);
            memset(text, 'x', len);
            text[len / 2] = (char)byte;
            sio_buf out = {0};
            ck_assert_int_eq(sio_json_add_string(&out, text, len), 0);
            char *back = malloc(out.len);
            ck_assert_ptr_nonnull(back);
            size_t back_len = sio_json_unescape(back, (char *)out.data + 1, out.len - 2);
            bool same = back_len == len && memcmp(back, text, len) == 0;
            bool valid = sio_json_validate((char *)out.data, out.len, 0) == 0;
            if (!same || !valid) {
                ck_abort_msg("byte %u in %zu is not kept", byte, len);
            }
            free(back);
            free(text);
            sio_buf_free(&out);
        }
    }
}
END_TEST

START_TEST(what_is_not_utf8_is_refused_whole) {
    sio_buf out = {0};
    ck_assert_int_eq(sio_buf_add_text(&out, "before"), 0);
    ck_assert_int_eq(sio_json_add_string(&out, "long enough to be copied \n\xFF\xFE", 28),
                     SIO_ERR_JSON_UTF8);
    ck_assert_int_eq(sio_json_add_string(&out, "\xE2\x82", 2), SIO_ERR_JSON_UTF8);
    ck_assert_int_eq(sio_json_add_string(&out, "\xED\xA0\x80", 3), SIO_ERR_JSON_UTF8);
    ck_assert_uint_eq(out.len, 6);
    sio_buf_free(&out);
    sio_buf_init(&out, 6, NULL);
    ck_assert_int_eq(sio_json_add_string(&out, "12345", 5), SIO_ERR_LIMIT);
    ck_assert_int_eq(sio_json_add_string(&out, "123\n", 4), SIO_ERR_LIMIT);
    ck_assert_uint_eq(out.len, 0);
    ck_assert_int_eq(sio_json_add_string(&out, "1234", 4), 0);
    sio_buf_free(&out);
}
END_TEST

static void expect_decoded(const char *raw, const char *expected, size_t len) {
    size_t raw_len = strlen(raw);
    char *out = malloc(raw_len + 1);
    ck_assert_ptr_nonnull(out);
    memcpy(out, raw, raw_len);
    size_t got = sio_json_unescape(out, out, raw_len); /* in place */
    ck_assert_uint_eq(got, len);
    ck_assert_mem_eq(out, expected, len);
    free(out);
}

START_TEST(decodes_every_escape) {
    expect_decoded("plain", "plain", 5);
    expect_decoded("\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t", 8);
    expect_decoded("\\u0041\\u00e9\\u20AC\\u0000x", "A\xC3\xA9\xE2\x82\xAC\0x", 8);
    expect_decoded("\\ud83d\\ude00", "\xF0\x9F\x98\x80", 4);
    expect_decoded("\\uDBFF\\uDFFF", "\xF4\x8F\xBF\xBF", 4);
}
END_TEST

START_TEST(lone_surrogates_are_replaced) {
    expect_decoded("\\ud83d", "\xEF\xBF\xBD", 3);
    expect_decoded("\\ude00", "\xEF\xBF\xBD", 3);
    expect_decoded("\\ud83dx", "\xEF\xBF\xBDx", 4);
    expect_decoded("\\ud83d\\n", "\xEF\xBF\xBD\n", 4);
    expect_decoded("\\ud83d\\u0041",
                   "\xEF\xBF\xBD"
                   "A",
                   4);
    expect_decoded("\\ud83d\\ud83d\\ude00", "\xEF\xBF\xBD\xF0\x9F\x98\x80", 7);
    expect_decoded("\\ude00\\ud83d", "\xEF\xBF\xBD\xEF\xBF\xBD", 6);
}
END_TEST

START_TEST(raw_text_is_compared_decoded) {
    ck_assert(sio_json_raw_equals("num", 3, "num"));
    ck_assert(sio_json_raw_equals("\\u006eum", 8, "num"));
    ck_assert(sio_json_raw_equals("", 0, ""));
    ck_assert(!sio_json_raw_equals("nu", 2, "num"));
    ck_assert(!sio_json_raw_equals("numb", 4, "num"));
    ck_assert(!sio_json_raw_equals("\\u016eum", 8, "num"));
    ck_assert(!sio_json_raw_equals("n\\u0000m", 8, "num"));
    ck_assert(!sio_json_raw_equals("\\num", 4, "num"));
}
END_TEST

START_TEST(doubles_that_are_no_json_are_null) {
    static const struct {
        double value;
        const char *text;
    } cases[] = {{NAN, "null"},  {INFINITY, "null"}, {-INFINITY, "null"},
                 {-0.5, "-0.5"}, {1e21, "1e+21"},    {-0.0, "0"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        sio_buf out = {0};
        ck_assert_int_eq(sio_json_add_double(&out, cases[i].value), 0);
        ck_assert_uint_eq(out.len, strlen(cases[i].text));
        ck_assert_mem_eq(out.data, cases[i].text, out.len);
        sio_buf_free(&out);
    }
}
END_TEST

static int quote_scenario(const sio_mem *mem, void *arg) {
    sio_buf out;
    sio_buf_init(&out, 0, mem);
    static const char text[] = "\1\2\3\4\5\6 many escapes make it longer than it was \1\2\3\4\5\6";
    int rc = sio_json_add_string(&out, text, sizeof(text) - 1);
    ck_assert(rc == 0 || out.len == 0);
    sio_buf_free(&out);
    return rc;
}

START_TEST(quoting_survives_every_failed_allocation) {
    test_mem_sweep(quote_scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("json_text");
    TCase *tc = tcase_create("json_text");
    tcase_add_test(tc, escapes_only_what_javascript_escapes);
    tcase_add_test(tc, every_byte_at_every_place);
    tcase_add_test(tc, what_is_not_utf8_is_refused_whole);
    tcase_add_test(tc, decodes_every_escape);
    tcase_add_test(tc, lone_surrogates_are_replaced);
    tcase_add_test(tc, raw_text_is_compared_decoded);
    tcase_add_test(tc, doubles_that_are_no_json_are_null);
    tcase_add_test(tc, quoting_survives_every_failed_allocation);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
