#include "support.h"

#include "net/address.h"

#include <string.h>

START_TEST(literals_go_there_and_back) {
    static const char *const texts[][2] = {
        {"127.0.0.1", "127.0.0.1"},
        {"::1", "::1"},
        {"[::1]", "::1"},
        {"2001:DB8::0:1", "2001:db8::1"},
        {"::ffff:1.2.3.4", "1.2.3.4"},
        {"fe80::1%7", "fe80::1%7"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        sio_address address;
        char host[SIO_ADDRESS_TEXT_MAX];
        ck_assert_int_eq(sio_address_literal(&address, texts[i][0], 65535), 0);
        ck_assert_str_eq(sio_address_host(&address, host), texts[i][1]);
        ck_assert_uint_eq(sio_address_port(&address), 65535);
    }
}
END_TEST

START_TEST(what_is_no_literal_is_refused) {
    static const char *const texts[] = {"",          "[]",        "localhost", "1.2.3",
                                        "1.2.3.4.5", "[1.2.3.4]", "::1%",      "::1%nosuchif0",
                                        "[::1",      "::g",       " ::1",      "01.2.3.4x"};
    char lots[10000];
    memset(lots, ':', sizeof lots);
    lots[0] = '[';
    lots[sizeof lots - 2] = ']';
    lots[sizeof lots - 1] = '\0';
    sio_address address;
    ck_assert_int_eq(sio_address_literal(&address, lots, 1), SIO_ERR_INVALID);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        ck_assert_msg(sio_address_literal(&address, texts[i], 1) == SIO_ERR_INVALID, "%s",
                      texts[i]);
    }
}
END_TEST

START_TEST(unix_paths_may_be_files_or_abstract) {
    sio_address address;
    char host[SIO_ADDRESS_TEXT_MAX];
    char path[200];
    memset(path, 'p', sizeof path);
    ck_assert_int_eq(sio_address_unix(&address, "/run/x.sock"), 0);
    ck_assert_str_eq(sio_address_host(&address, host), "/run/x.sock");
    ck_assert_uint_eq(sio_address_port(&address), 0);
    ck_assert_int_eq(sio_address_unix(&address, "@name"), 0);
    ck_assert_int_eq(address.u.local.sun_path[0], 0);
    ck_assert_str_eq(sio_address_host(&address, host), "@name");
    ck_assert_int_eq(sio_address_unix(&address, ""), SIO_ERR_INVALID);
    path[sizeof address.u.local.sun_path] = '\0';
    ck_assert_int_eq(sio_address_unix(&address, path), SIO_ERR_LIMIT);
    path[sizeof address.u.local.sun_path - 1] = '\0';
    ck_assert_int_eq(sio_address_unix(&address, path), 0);
    ck_assert_str_eq(sio_address_host(&address, host), path);
    ck_assert_str_eq(sio_address_host(&(sio_address){0}, host), "");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("net_address");
    TCase *tc = tcase_create("net_address");
    tcase_add_test(tc, literals_go_there_and_back);
    tcase_add_test(tc, what_is_no_literal_is_refused);
    tcase_add_test(tc, unix_paths_may_be_files_or_abstract);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
