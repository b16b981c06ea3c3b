#include "support.h"

#include "net/log_limit.h"

#include <stdio.h>

enum { PER_SECOND = 10 };

static unsigned written(sio_log_limit *limit, const char *scope, sio_time now, unsigned lines) {
    unsigned count = 0;
    for (unsigned i = 0; i < lines; i++) {
        count += sio_log_limit_take(limit, scope, now);
    }
    return count;
}

START_TEST(each_scope_has_so_many_lines_a_second) {
    sio_log_limit limit = {.per_second = PER_SECOND};
    uint32_t left_out = 0;
    ck_assert_uint_eq(written(&limit, "engine", 5000, 1000), PER_SECOND);
    ck_assert_uint_eq(written(&limit, "engine:ws", 5000, 5), 5);
    ck_assert_uint_eq(written(&limit, "engine", 5999, 1), 0);
    ck_assert_uint_eq(written(&limit, "engine", 6000, 1000), PER_SECOND);
    ck_assert_str_eq(sio_log_limit_report(&limit, &left_out), "engine");
    ck_assert_uint_eq(left_out, 990 + 1 + 990);
    ck_assert_ptr_null(sio_log_limit_report(&limit, &left_out));
}
END_TEST

START_TEST(without_a_limit_all_are_written) {
    sio_log_limit limit = {0};
    uint32_t left_out = 0;
    ck_assert_uint_eq(written(&limit, "engine", 0, 100000), 100000);
    ck_assert_ptr_null(sio_log_limit_report(&limit, &left_out));
}
END_TEST

/* Scopes are equal by their text, as each file may have its own copy of the literal. */
START_TEST(scopes_are_told_apart_by_their_text) {
    sio_log_limit limit = {.per_second = PER_SECOND};
    static const char one[] = "net";
    static const char other[] = "net";
    ck_assert_uint_eq(written(&limit, one, 1, PER_SECOND), PER_SECOND);
    ck_assert_uint_eq(written(&limit, other, 1, 1), 0);
}
END_TEST

START_TEST(more_scopes_than_places_share_the_last) {
    sio_log_limit limit = {.per_second = PER_SECOND};
    char names[100][8];
    unsigned count = 0;
    uint32_t left_out = 0;
    uint32_t all = 0;
    for (int i = 0; i < 100; i++) {
        snprintf(names[i], sizeof(names[i]), "s%d", i);
        count += written(&limit, names[i], 1, 20);
    }
    ck_assert_uint_eq(count, SIO_LOG_LIMIT_SCOPES * PER_SECOND);
    while (sio_log_limit_report(&limit, &left_out)) {
        all += left_out;
    }
    ck_assert_uint_eq(all, 2000 - count);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("net_log_limit");
    TCase *tc = tcase_create("net_log_limit");
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, each_scope_has_so_many_lines_a_second);
    tcase_add_test(tc, without_a_limit_all_are_written);
    tcase_add_test(tc, scopes_are_told_apart_by_their_text);
    tcase_add_test(tc, more_scopes_than_places_share_the_last);
    return test_run(suite);
}
