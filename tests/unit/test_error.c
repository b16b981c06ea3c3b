#include "support.h"

#include <sio/error.h>

#include <string.h>

#define SIO_ERROR_ROW(name, value, text) {value, #name, text},
static const struct {
    int code;
    const char *name;
    const char *text;
} rows[] = {SIO_ERROR_MAP(SIO_ERROR_ROW)};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

START_TEST(codes_are_negative_and_in_their_hundreds) {
    static const struct {
        const char *prefix;
        int first;
        int last;
    } groups[] = {
        {"JSON_", -100, -109}, {"MSGPACK_", -110, -199}, {"HTTP_", -200, -219}, {"WS_", -300, -399},
        {"EIO_", -400, -499},  {"SIO_", -500, -599},     {"TLS_", -610, -699},
    };
    for (size_t i = 0; i < ROWS; i++) {
        ck_assert_int_lt(rows[i].code, 0);
        for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
            if (strncmp(rows[i].name, groups[g].prefix, strlen(groups[g].prefix)) == 0) {
                ck_assert_msg(rows[i].code <= groups[g].first && rows[i].code >= groups[g].last,
                              "%s has the code %d", rows[i].name, rows[i].code);
            }
        }
    }
}
END_TEST

START_TEST(every_code_has_its_name_and_text) {
    for (size_t i = 0; i < ROWS; i++) {
        ck_assert_str_eq(sio_error_name(rows[i].code), rows[i].name);
        ck_assert_str_eq(sio_error_text(rows[i].code), rows[i].text);
        ck_assert_uint_gt(strlen(rows[i].text), 0);
    }
}
END_TEST

START_TEST(other_numbers_are_unknown) {
    static const int others[] = {1, 42, -99, -9999, INT32_MIN, INT32_MAX};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        ck_assert_str_eq(sio_error_name(others[i]), "UNKNOWN");
        ck_assert_str_eq(sio_error_text(others[i]), "unknown error");
    }
    ck_assert_str_eq(sio_error_name(SIO_OK), "OK");
    ck_assert_str_eq(sio_error_text(SIO_OK), "success");
}
END_TEST

START_TEST(websocket_faults_have_close_codes) {
    ck_assert_uint_eq(sio_error_close_code(SIO_ERR_WS_MASK), 1002);
    ck_assert_uint_eq(sio_error_close_code(SIO_ERR_WS_UTF8), 1007);
    ck_assert_uint_eq(sio_error_close_code(SIO_ERR_LIMIT), 1008);
    ck_assert_uint_eq(sio_error_close_code(SIO_ERR_WS_TOO_LARGE), 1009);
    ck_assert_uint_eq(sio_error_close_code(SIO_ERR_NOMEM), 1011);
    ck_assert_uint_eq(sio_error_close_code(SIO_OK), 0);
    for (size_t i = 0; i < ROWS; i++) {
        uint16_t code = sio_error_close_code(rows[i].code);
        ck_assert(code == 0 || (code >= 1002 && code <= 1011 && code != 1005 && code != 1006));
    }
}
END_TEST

START_TEST(every_error_has_an_http_error_status) {
    ck_assert_int_eq(sio_error_http_status(SIO_ERR_EIO_SID_UNKNOWN), 400);
    ck_assert_int_eq(sio_error_http_status(SIO_ERR_EIO_FORBIDDEN), 403);
    ck_assert_int_eq(sio_error_http_status(SIO_ERR_HTTP_BODY_TOO_LARGE), 413);
    ck_assert_int_eq(sio_error_http_status(SIO_ERR_HTTP_TOO_MANY_HEADERS), 431);
    for (size_t i = 0; i < ROWS; i++) {
        int status = sio_error_http_status(rows[i].code);
        ck_assert_int_ge(status, 400);
        ck_assert_int_lt(status, 600);
    }
}
END_TEST

START_TEST(the_version_is_that_of_the_header) {
    ck_assert_str_eq(sio_version(), SIO_VERSION_STRING);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("error");
    TCase *tc = tcase_create("error");
    tcase_add_test(tc, codes_are_negative_and_in_their_hundreds);
    tcase_add_test(tc, every_code_has_its_name_and_text);
    tcase_add_test(tc, other_numbers_are_unknown);
    tcase_add_test(tc, websocket_faults_have_close_codes);
    tcase_add_test(tc, every_error_has_an_http_error_status);
    tcase_add_test(tc, the_version_is_that_of_the_header);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
