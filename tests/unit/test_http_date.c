#include "support.h"

#include <sio/http_fields.h>

#include <string.h>
#include <time.h>

static void formats(int64_t when, const char *want) {
    char text[SIO_HTTP_DATE_LEN + 1];
    text[SIO_HTTP_DATE_LEN] = '\0';
    sio_http_date_format(text, when);
    ck_assert_str_eq(text, want);
}

START_TEST(test_format) {
    formats(0, "Thu, 01 Jan 1970 00:00:00 GMT");
    formats(784111777, "Sun, 06 Nov 1994 08:49:37 GMT");
    formats(951782400, "Tue, 29 Feb 2000 00:00:00 GMT");
    formats(-1, "Wed, 31 Dec 1969 23:59:59 GMT");
    formats(4102444799, "Thu, 31 Dec 2099 23:59:59 GMT");
    formats(253402300799, "Fri, 31 Dec 9999 23:59:59 GMT");
    formats(INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT");
    formats(INT64_MIN, "Mon, 01 Jan 0001 00:00:00 GMT");
}
END_TEST

/* The C library is the oracle, and what was written is read back. */
START_TEST(test_against_libc) {
    for (int64_t when = -11644473600; when < 253402300799; when += 86400 * 97 + 12345) {
        char text[SIO_HTTP_DATE_LEN + 1] = "";
        char want[64];
        struct tm tm;
        time_t t = (time_t)when;
        gmtime_r(&t, &tm);
        strftime(want, sizeof(want), "%a, %d %b %Y %H:%M:%S GMT", &tm);
        sio_http_date_format(text, when);
        ck_assert_str_eq(text, want);
        int64_t again = 0;
        ck_assert_int_eq(sio_http_date_parse(&again, (sio_str){text, SIO_HTTP_DATE_LEN}), 0);
        ck_assert_int_eq(again, when);
        ck_assert_int_eq(sio_http_date_parse_cookie(&again, (sio_str){text, SIO_HTTP_DATE_LEN}), 0);
        ck_assert_int_eq(again, when);
    }
}
END_TEST

START_TEST(test_strict) {
    static const char *const bad[] = {
        "",
        "Mon, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:60 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Thu, 31 Nov 1994 08:49:37 GMT",
        "Tue, 29 Feb 1994 08:49:37 GMT",
        "Sun, 06 Xxx 1994 08:49:37 GMT",
        "Sun, 06 Nov 199a 08:49:37 GMT",
        "Sun, -6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 06-Nov-1994 08:49:37 GMT",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t when = 7;
        ck_assert_msg(sio_http_date_parse(&when, (sio_str){bad[i], strlen(bad[i])}) != 0, "%s",
                      bad[i]);
        ck_assert_int_eq(when, 7);
    }
}
END_TEST

START_TEST(test_cookie_forms) {
    static const char *const good[] = {
        "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
        "Sun, 06-Nov-1994 08:49:37 GMT",  "6 november 1994 8:49:37",
        "1994 Nov 06 08:49:37x",
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        int64_t when = 0;
        ck_assert_msg(sio_http_date_parse_cookie(&when, (sio_str){good[i], strlen(good[i])}) == 0,
                      "%s", good[i]);
        ck_assert_int_eq(when, 784111777);
    }
    static const char *const bad[] = {"",
                                      "Sun",
                                      "06 Nov 1994",
                                      "Nov 1994 08:49:37",
                                      "06 1994 08:49:37",
                                      "06 Nov 08:49:37",
                                      "32 Nov 1994 08:49:37",
                                      "06 Nov 1600 08:49:37",
                                      "06 Nov 1994 25:49:37",
                                      "06 Nov 1994 08:60:37",
                                      "06 Nov 1994 08:49:61",
                                      "06 Nov 199 08:49:37",
                                      "06 Nov 19941 08:49:37",
                                      "06 Nov 1994 08:49:370",
                                      "30 Feb 1994 08:49:37"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t when = 7;
        ck_assert_msg(sio_http_date_parse_cookie(&when, (sio_str){bad[i], strlen(bad[i])}) ==
                          SIO_ERR_HTTP_HEADER,
                      "%s", bad[i]);
        ck_assert_int_eq(when, 7);
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("http_date");
    TCase *tc = tcase_create("all");
    tcase_add_test(tc, test_format);
    tcase_add_test(tc, test_against_libc);
    tcase_add_test(tc, test_strict);
    tcase_add_test(tc, test_cookie_forms);
    suite_add_tcase(s, tc);
    return test_run(s);
}
