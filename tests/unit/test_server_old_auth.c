#include "support.h"

#include "old_auth.h"

#include <sio/error.h>

#include <stdlib.h>
#include <string.h>

static void expect(const char *query, const char *json) {
    sio_buf out = {0};
    ck_assert_int_eq(sio_old_auth_write(&out, (sio_str){query, strlen(query)}), 0);
    ck_assert_uint_eq(out.len, strlen(json));
    ck_assert_mem_eq(out.data, json, out.len);
    sio_buf_free(&out);
}

START_TEST(a_query_becomes_an_object_of_strings) {
    expect("", "{}");
    expect("token=abc&uid=1%20x", "{\"token\":\"abc\",\"uid\":\"1 x\"}");
    expect("a=1+2&&b", "{\"a\":\"1 2\",\"b\":\"\"}");
    expect("q=%22%5C%00", "{\"q\":\"\\\"\\\\\\u0000\"}");
}
END_TEST

START_TEST(the_last_of_a_name_counts) {
    expect("a=1&b=2&a=3", "{\"a\":\"3\",\"b\":\"2\"}");
    expect("%61=1&a=2", "{\"a\":\"2\"}");
    expect("=1&=2&x", "{\"\":\"2\",\"x\":\"\"}");
    expect("bad=%ff%zz", "{\"bad\":\"\xef\xbf\xbd%zz\"}");
}
END_TEST

/* A query of a million parameters fits into one message. */
START_TEST(so_many_parameters_are_read) {
    enum { COUNT = 500000 };
    char *query = malloc(2 * COUNT);
    ck_assert_ptr_nonnull(query);
    for (size_t i = 0; i < COUNT; i++) {
        query[2 * i] = (char)(i == SIO_OLD_AUTH_MAX ? 'y' : 'x');
        query[2 * i + 1] = '&';
    }
    sio_buf out = {0};
    ck_assert_int_eq(sio_old_auth_write(&out, (sio_str){query, 2 * COUNT}), 0);
    ck_assert_uint_eq(out.len, 8);
    ck_assert_mem_eq(out.data, "{\"x\":\"\"}", 8);
    sio_buf_free(&out);
    free(query);
}
END_TEST

static int scenario(const sio_mem *mem, void *arg) {
    sio_buf out;
    sio_buf_init(&out, 0, mem);
    int rc = sio_old_auth_write(&out, SIO_STR("a=1&bb=%20%20%20&a=3"));
    sio_buf_free(&out);
    return rc;
}

START_TEST(survives_failing_allocations) {
    test_mem_sweep(scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("old_auth");
    TCase *tc = tcase_create("old_auth");
    tcase_add_test(tc, a_query_becomes_an_object_of_strings);
    tcase_add_test(tc, the_last_of_a_name_counts);
    tcase_add_test(tc, so_many_parameters_are_read);
    tcase_add_test(tc, survives_failing_allocations);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
