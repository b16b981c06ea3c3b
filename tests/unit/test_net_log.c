#include "support.h"

#include "net/log.h"

#include <string.h>

typedef struct record {
    unsigned count;
    int level;
    char scope[32];
    char text[2000];
} record;

static void keep(void *user, int level, const char *scope, const char *text) {
    record *r = user;
    r->count++;
    r->level = level;
    memcpy(r->scope, scope, strlen(scope) + 1);
    memcpy(r->text, text, strlen(text) + 1);
}

static int evaluated(void) {
    ck_abort_msg("an argument was evaluated for nothing");
    return 0;
}

START_TEST(it_is_silent_and_free_unless_wanted) {
    record r = {0};
    sio_log log = {.fn = keep, .user = &r, .level = SIO_LOG_INFO};
    sio_log none = {0};
    SIO_LOG(&log, SIO_LOG_DEBUG, "engine", "%d", evaluated());
    SIO_LOG(&none, SIO_LOG_ERROR, "engine", "%d", evaluated());
    SIO_LOG((const sio_log *)NULL, SIO_LOG_ERROR, "engine", "%d", evaluated());
    ck_assert_uint_eq(r.count, 0);
    SIO_LOG(&log, SIO_LOG_INFO, "socket.io:client", "%s is %d", "x", 5);
    ck_assert_uint_eq(r.count, 1);
    ck_assert_int_eq(r.level, SIO_LOG_INFO);
    ck_assert_str_eq(r.scope, "socket.io:client");
    ck_assert_str_eq(r.text, "x is 5");
}
END_TEST

START_TEST(control_bytes_are_escaped_and_length_is_bounded) {
    record r = {0};
    sio_log log = {.fn = keep, .user = &r, .level = SIO_LOG_DEBUG};
    SIO_LOG(&log, SIO_LOG_DEBUG, "engine", "%s", "a\r\n\x1b[31m\x7f\xc3\xa4");
    ck_assert_str_eq(r.text, "a\\x0d\\x0a\\x1b[31m\\x7f\xc3\xa4");
    char lots[5000];
    memset(lots, '\n', sizeof lots - 1);
    lots[sizeof lots - 1] = '\0';
    SIO_LOG(&log, SIO_LOG_DEBUG, "engine", "%s", lots);
    ck_assert_uint_gt(strlen(r.text), 900);
    ck_assert_uint_lt(strlen(r.text), 1024);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("net_log");
    TCase *tc = tcase_create("net_log");
    tcase_add_test(tc, it_is_silent_and_free_unless_wanted);
    tcase_add_test(tc, control_bytes_are_escaped_and_length_is_bounded);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
