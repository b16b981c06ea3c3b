#include "support.h"

#include "chars.h"

#include <stdlib.h>

/* The table again, from the grammar. */
START_TEST(test_table) {
    for (int c = 0; c < 256; c++) {
        bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        bool given = c != 0;
        unsigned want = 0;
        want |= alnum || (given && strchr("!#$%&'*+-.^_`|~", c)) ? SIO_CHAR_TOKEN : 0;
        want |= c > 0x20 && c < 0x7f && c != '#' ? SIO_CHAR_TARGET : 0;
        want |= alnum || (given && strchr("-._~", c)) ? SIO_CHAR_UNRESERVED : 0;
        want |= alnum || (given && strchr("-._~!$&'()*+,;=", c)) ? SIO_CHAR_HOST : 0;
        want |= alnum || (given && strchr("-_.!~*'()", c)) ? SIO_CHAR_COMPONENT : 0;
        want |= c == '\t' || (c >= 0x20 && c != 0x7f) ? SIO_CHAR_VALUE : 0;
        ck_assert_msg(sio_chars[c] == want, "character %d", c);
    }
}
END_TEST

/* Each byte at each place of texts of each length up to three words. */
START_TEST(test_value_span) {
    for (size_t len = 0; len <= 24; len++) {
        char *text = malloc(len + 1);
        for (size_t at = 0; at < len; at++) {
            memset(text, 0x80 + (int)at, len);
            for (int c = 0; c < 256; c++) {
                text[at] = (char)c;
                size_t want = sio_chars[c] & SIO_CHAR_VALUE ? len : at;
                ck_assert_uint_eq(sio_char_value_span(text, len), want);
            }
        }
        memset(text, '\t', len);
        ck_assert_uint_eq(sio_char_value_span(text, len), len);
        free(text);
    }
}
END_TEST

START_TEST(test_hex_and_case) {
    ck_assert_int_eq(sio_char_hex('0'), 0);
    ck_assert_int_eq(sio_char_hex('9'), 9);
    ck_assert_int_eq(sio_char_hex('a'), 10);
    ck_assert_int_eq(sio_char_hex('F'), 15);
    ck_assert_int_eq(sio_char_hex('g'), -1);
    ck_assert_int_eq(sio_char_hex('@'), -1);
    ck_assert_int_eq(sio_char_hex('\0'), -1);
    ck_assert_int_eq(sio_char_lower('Z'), 'z');
    ck_assert_int_eq(sio_char_lower('['), '[');
    ck_assert_int_eq(sio_char_lower('@'), '@');
    ck_assert(sio_text_equal_nocase(SIO_STR("Content-Length"), SIO_STR("cONTENT-lENGTH")));
    ck_assert(!sio_text_equal_nocase(SIO_STR("a@"), SIO_STR("a`")));
    ck_assert(!sio_text_equal_nocase(SIO_STR("a"), SIO_STR("ab")));
    ck_assert(sio_text_equal((sio_str){NULL, 0}, SIO_STR("")));
}
END_TEST

START_TEST(test_trim_and_cut) {
    ck_assert(sio_text_equal(sio_text_trim(SIO_STR(" \ta b\t ")), SIO_STR("a b")));
    ck_assert_uint_eq(sio_text_trim(SIO_STR(" \t ")).len, 0);
    sio_str rest = SIO_STR("a,,b");
    ck_assert(sio_text_equal(sio_text_cut(&rest, ','), SIO_STR("a")));
    ck_assert(sio_text_equal(sio_text_cut(&rest, ','), SIO_STR("")));
    ck_assert(sio_text_equal(sio_text_cut(&rest, ','), SIO_STR("b")));
    ck_assert_ptr_null(rest.ptr);
    rest = SIO_STR("a,");
    sio_text_cut(&rest, ',');
    ck_assert_ptr_nonnull(rest.ptr);
    ck_assert_uint_eq(rest.len, 0);
}
END_TEST

START_TEST(test_numbers) {
    uint64_t value = 7;
    ck_assert(sio_text_to_u64(&value, SIO_STR("18446744073709551615")));
    ck_assert_uint_eq(value, UINT64_MAX);
    ck_assert(sio_text_to_u64(&value, SIO_STR("000000000000000000000000042")));
    ck_assert_uint_eq(value, 42);
    static const char *const bad[] = {"",
                                      "+4",
                                      "-1",
                                      " 1",
                                      "1 ",
                                      "1a",
                                      "18446744073709551616",
                                      "99999999999999999999",
                                      "18446744073709551620"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert(!sio_text_to_u64(&value, (sio_str){bad[i], strlen(bad[i])}));
    }
    ck_assert_uint_eq(value, 42);
}
END_TEST

int main(void) {
    Suite *s = suite_create("chars");
    TCase *tc = tcase_create("all");
    tcase_add_test(tc, test_table);
    tcase_add_test(tc, test_value_span);
    tcase_add_test(tc, test_hex_and_case);
    tcase_add_test(tc, test_trim_and_cut);
    tcase_add_test(tc, test_numbers);
    suite_add_tcase(s, tc);
    return test_run(s);
}
