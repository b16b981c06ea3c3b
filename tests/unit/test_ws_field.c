#include "support.h"

#include "ws_field.h"

#include <string.h>

static sio_str str(const char *text) {
    return (sio_str){text, strlen(text)};
}

/* RFC 9110 §5.6.2. */
START_TEST(tokens) {
    static const char allowed[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (int c = 0; c < 256; c++) {
        char text[1] = {(char)c};
        bool expected = c != 0 && strchr(allowed, c) != NULL;
        ck_assert_int_eq(sio_ws_is_token((sio_str){text, 1}), expected);
    }
    ck_assert(!sio_ws_is_token((sio_str){NULL, 0}));
    ck_assert(!sio_ws_is_token(SIO_STR("a b")));
}
END_TEST

START_TEST(the_cursor_stops_at_its_end) {
    char text[4] = {' ', '\t', 'a', 'b'};
    sio_ws_cursor cursor = sio_ws_cursor_of((sio_str){text, 3});
    sio_ws_skip_space(&cursor);
    sio_str token = sio_ws_take_token(&cursor);
    ck_assert_uint_eq(token.len, 1);
    ck_assert(!sio_ws_take_char(&cursor, 'b'));
    sio_ws_skip_space(&cursor);
    ck_assert_uint_eq(sio_ws_take_token(&cursor).len, 0);
    cursor = sio_ws_cursor_of((sio_str){NULL, 0});
    sio_ws_skip_space(&cursor);
    ck_assert(cursor.at == cursor.end);
}
END_TEST

START_TEST(comparing) {
    ck_assert(sio_ws_equal(SIO_STR("abc"), SIO_STR("abc")));
    ck_assert(!sio_ws_equal(SIO_STR("abc"), SIO_STR("Abc")));
    ck_assert(!sio_ws_equal(SIO_STR("abc"), SIO_STR("ab")));
    ck_assert(sio_ws_equal((sio_str){NULL, 0}, SIO_STR("")));
    ck_assert(sio_ws_equal_nocase(SIO_STR("WebSocket"), SIO_STR("websocket")));
    ck_assert(!sio_ws_equal_nocase(SIO_STR("[\\]"), SIO_STR("{|}")));
    ck_assert(!sio_ws_equal_nocase(SIO_STR("websockets"), SIO_STR("websocket")));
    ck_assert(!sio_ws_equal_nocase((sio_str){NULL, 0}, SIO_STR("websocket")));
}
END_TEST

START_TEST(lists) {
    static const char *const yes[] = {"Upgrade",      "upgrade",         "keep-alive, Upgrade",
                                      " UPGRADE ",    "a,b,c,upgrade,d", ",,upgrade",
                                      "a b, upgrade", "upgrade,"};
    static const char *const no[] = {"",          "keep-alive", "upgrades",    "upgrade x",
                                     "x upgrade", "up grade",   "\"upgrade\"", ",",
                                     ",,",        "upgrade;q=1"};
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        ck_assert_msg(sio_ws_list_has(str(yes[i]), SIO_STR("upgrade")), "%s", yes[i]);
    }
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        ck_assert_msg(!sio_ws_list_has(str(no[i]), SIO_STR("upgrade")), "%s", no[i]);
    }
    ck_assert(!sio_ws_list_has((sio_str){NULL, 0}, SIO_STR("upgrade")));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("ws_field");
    TCase *tc = tcase_create("ws_field");
    tcase_add_test(tc, tokens);
    tcase_add_test(tc, the_cursor_stops_at_its_end);
    tcase_add_test(tc, comparing);
    tcase_add_test(tc, lists);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
