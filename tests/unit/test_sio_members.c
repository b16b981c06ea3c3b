#include "support.h"

#include "sio_members.h"

#include <stdlib.h>
#include <string.h>

static sio_str str(const char *text) {
    return (sio_str){text, strlen(text)};
}

static void check(const char *object, const char *name, const char *expected) {
    /* An exact copy, so that a read past the end is seen. */
    size_t len = strlen(object);
    char *copy = malloc(len ? len : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, object, len);
    sio_str value = {NULL, 0};
    bool found = sio_member_find((sio_str){copy, len}, name, &value);
    ck_assert_msg(found == (expected != NULL), "%s in %s", name, object);
    if (expected) {
        ck_assert_uint_eq(value.len, strlen(expected));
        ck_assert_mem_eq(value.ptr, expected, value.len);
    }
    free(copy);
}

START_TEST(finds_members_of_every_kind) {
    check("{\"sid\":\"x\"}", "sid", "\"x\"");
    check("{\"a\":1,\"sid\":-1.5e3}", "sid", "-1.5e3");
    check("{\"a\":[1,{\"sid\":2}],\"sid\":null}", "sid", "null");
    check("{\"sid\":[1,[2,\"]\"]],\"b\":0}", "sid", "[1,[2,\"]\"]]");
    check("{\"sid\":{\"a\":\"}\"}}", "sid", "{\"a\":\"}\"}");
    check(" {\t\"a\" :\n1 , \"sid\" : true } ", "sid", "true");
    check("{\"a\\\"\":1,\"sid\":\"q\\\"\"}", "sid", "\"q\\\"\"");
}
END_TEST

START_TEST(missing_members) {
    check("", "sid", NULL);
    check("{}", "sid", NULL);
    check(" { } ", "sid", NULL);
    check("{\"a\":{\"sid\":1}}", "sid", NULL);
    check("{\"si\":1,\"sidd\":1,\"a\":\"sid\"}", "sid", NULL);
}
END_TEST

START_TEST(the_last_of_equal_keys_counts_also_when_escaped) {
    check("{\"sid\":1,\"sid\":2}", "sid", "2");
    check("{\"sid\":1,\"s\\u0069d\":3}", "sid", "3");
}
END_TEST

START_TEST(walks_in_order) {
    sio_members members = sio_members_of(str("{\"a\":1,\"b\":[2],\"\":\"\"}"));
    sio_member member;
    ck_assert(sio_members_next(&members, &member));
    ck_assert_mem_eq(member.key.ptr, "a", 1);
    ck_assert(sio_members_next(&members, &member));
    ck_assert_mem_eq(member.value.ptr, "[2]", 3);
    ck_assert(sio_members_next(&members, &member));
    ck_assert_uint_eq(member.key.len, 0);
    ck_assert(!sio_members_next(&members, &member));
    ck_assert(!sio_members_next(&members, &member));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sio_members");
    TCase *tc = tcase_create("members");
    tcase_add_test(tc, finds_members_of_every_kind);
    tcase_add_test(tc, missing_members);
    tcase_add_test(tc, the_last_of_equal_keys_counts_also_when_escaped);
    tcase_add_test(tc, walks_in_order);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
