#include "support.h"

#include <sio/url.h>

#include <string.h>

static void is_text(sio_str text, const char *want) {
    ck_assert_uint_eq(text.len, strlen(want));
    if (text.len > 0) {
        ck_assert_mem_eq(text.ptr, want, text.len);
    }
}

START_TEST(test_next) {
    sio_str rest = SIO_STR("&&a=1&b&=c&d=e=f&&g=&");
    static const char *const want[] = {"a", "1", "b", "", "", "c", "d", "e=f", "g", ""};
    sio_str name = {NULL, 0};
    sio_str value = {NULL, 0};
    for (size_t i = 0; i < 10; i += 2) {
        ck_assert(sio_query_next(&rest, &name, &value));
        is_text(name, want[i]);
        is_text(value, want[i + 1]);
    }
    ck_assert(!sio_query_next(&rest, &name, &value));
    is_text(name, "g");
}
END_TEST

static void found(const char *query, const char *name, const char *want) {
    sio_str raw = SIO_STR("untouched");
    bool is = sio_query_find((sio_str){query, strlen(query)}, SIO_QUERY_FORM,
                             (sio_str){name, strlen(name)}, &raw);
    ck_assert_int_eq(is, want != NULL);
    is_text(raw, want ? want : "untouched");
}

START_TEST(test_find) {
    found("EIO=4&transport=polling&sid=abc", "transport", "polling");
    found("a=1&a=2&a=3", "a", "3");
    found("a=1&%61=2", "a", "2");
    found("a+b=1", "a b", "1");
    found("a", "a", "");
    found("", "a", NULL);
    found("A=1", "a", NULL);
    found("ab=1", "a", NULL);
    found("x=1", "constructor", NULL);
    found("x=1", "__proto__", NULL);
    found("__proto__=1&constructor=2", "__proto__", "1");
    found("=v", "", "v");
}
END_TEST

/* A view, behind which text goes on. */
static void decoded_part(const char *raw, size_t len, const char *want) {
    sio_buf buf = {0};
    ck_assert_int_eq(sio_query_decode(&buf, (sio_str){raw, len}, SIO_QUERY_FORM), 0);
    is_text((sio_str){(const char *)buf.data, buf.len}, want);
    sio_buf_free(&buf);
}

static void decoded(const char *raw, sio_query_rules rules, const char *want) {
    sio_buf buf = {0};
    sio_str text = {raw, strlen(raw)};
    ck_assert_int_eq(sio_query_decode(&buf, text, rules), 0);
    is_text((sio_str){(const char *)buf.data, buf.len}, want);
    sio_buf_free(&buf);
}

START_TEST(test_decode) {
    decoded("", SIO_QUERY_FORM, "");
    decoded("a+b%2B%20c", SIO_QUERY_FORM, "a b+ c");
    decoded("a+b%2B%20c", SIO_QUERY_PERCENT, "a+b+ c");
    decoded("%", SIO_QUERY_FORM, "%");
    decoded("%4", SIO_QUERY_FORM, "%4");
    decoded("%g1%1g%%41", SIO_QUERY_FORM, "%g1%1g%A");
    decoded_part("a%41", 2, "a%");
    decoded_part("a%41", 3, "a%4");
    decoded_part("a%41", 4, "aA");
    decoded("%E2%82%AC", SIO_QUERY_FORM, "\xe2\x82\xac");
    decoded("\xe2\x82\xac", SIO_QUERY_FORM, "\xe2\x82\xac");
    /* What is not UTF-8, as a browser's TextDecoder repairs it. */
    decoded("a%FFb", SIO_QUERY_FORM,
            "a\xef\xbf\xbd"
            "b");
    decoded("%E2%82", SIO_QUERY_FORM, "\xef\xbf\xbd");
    decoded("%E2%82x%C3%A4", SIO_QUERY_FORM, "\xef\xbf\xbdx\xc3\xa4");
    decoded("%C0%80", SIO_QUERY_FORM, "\xef\xbf\xbd\xef\xbf\xbd");
    decoded("%ED%A0%80", SIO_QUERY_FORM, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    decoded("%F0%9F%98%F0%9F%98%80", SIO_QUERY_FORM, "\xef\xbf\xbd\xf0\x9f\x98\x80");
}
END_TEST

START_TEST(test_equals) {
    ck_assert(sio_query_equals(SIO_STR("p%6Flling"), SIO_QUERY_FORM, SIO_STR("polling")));
    ck_assert(!sio_query_equals(SIO_STR("pollin"), SIO_QUERY_FORM, SIO_STR("polling")));
    ck_assert(!sio_query_equals(SIO_STR("pollings"), SIO_QUERY_FORM, SIO_STR("polling")));
    ck_assert(sio_query_equals(SIO_STR("a+b"), SIO_QUERY_FORM, SIO_STR("a b")));
    ck_assert(!sio_query_equals(SIO_STR("a+b"), SIO_QUERY_PERCENT, SIO_STR("a b")));
    ck_assert(sio_query_equals(SIO_STR("%00"), SIO_QUERY_FORM, SIO_STR("\0")));
    ck_assert(sio_query_equals((sio_str){NULL, 0}, SIO_QUERY_FORM, SIO_STR("")));
}
END_TEST

START_TEST(test_encode) {
    sio_buf buf = {0};
    bool first = true;
    ck_assert_int_eq(sio_query_add(&buf, &first, SIO_STR("a b"), SIO_STR("-_.!~*'()&=+\xc3\xa4")),
                     0);
    ck_assert_int_eq(sio_query_add(&buf, &first, SIO_STR("EIO"), SIO_STR("4")), 0);
    ck_assert_int_eq(sio_query_add(&buf, &first, SIO_STR(""), (sio_str){NULL, 0}), 0);
    is_text((sio_str){(const char *)buf.data, buf.len}, "a%20b=-_.!~*'()%26%3D%2B%C3%A4&EIO=4&=");
    sio_buf_free(&buf);
}
END_TEST

/* Every byte comes back. */
START_TEST(test_round_trip) {
    char all[256];
    for (int i = 0; i < 256; i++) {
        all[i] = (char)i;
    }
    sio_buf buf = {0};
    ck_assert_int_eq(sio_query_encode(&buf, (sio_str){all, 256}), 0);
    sio_str raw = {(const char *)buf.data, buf.len};
    ck_assert(sio_query_equals(raw, SIO_QUERY_FORM, (sio_str){all, 256}));
    ck_assert(sio_query_equals(raw, SIO_QUERY_PERCENT, (sio_str){all, 256}));
    sio_buf_free(&buf);
}
END_TEST

START_TEST(test_failure_appends_nothing) {
    sio_buf buf;
    bool first = false;
    sio_buf_init(&buf, 8, NULL);
    ck_assert_int_eq(sio_query_add(&buf, &first, SIO_STR("ab"), SIO_STR("cdefg")), SIO_ERR_LIMIT);
    ck_assert_uint_eq(buf.len, 0);
    ck_assert_int_eq(sio_query_decode(&buf, SIO_STR("\xff\xff\xff"), SIO_QUERY_FORM),
                     SIO_ERR_LIMIT);
    ck_assert_uint_eq(buf.len, 0);
    ck_assert_int_eq(sio_query_decode(&buf, SIO_STR("\xff\xff"), SIO_QUERY_FORM), 0);
    ck_assert_uint_eq(buf.len, 6);
    sio_buf_free(&buf);
}
END_TEST

static int scenario(const sio_mem *mem, void *arg) {
    sio_buf buf;
    sio_buf_init(&buf, 0, mem);
    bool first = true;
    sio_str many = SIO_STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff");
    int rc = sio_query_add(&buf, &first, many, many);
    if (rc == 0) {
        rc = sio_query_decode(&buf, many, SIO_QUERY_FORM);
    }
    sio_buf_free(&buf);
    return rc;
}

START_TEST(test_out_of_memory) {
    test_mem_sweep(scenario, NULL);
}
END_TEST

int main(void) {
    Suite *s = suite_create("query");
    TCase *tc = tcase_create("all");
    tcase_add_test(tc, test_next);
    tcase_add_test(tc, test_find);
    tcase_add_test(tc, test_decode);
    tcase_add_test(tc, test_equals);
    tcase_add_test(tc, test_encode);
    tcase_add_test(tc, test_round_trip);
    tcase_add_test(tc, test_failure_appends_nothing);
    tcase_add_test(tc, test_out_of_memory);
    suite_add_tcase(s, tc);
    return test_run(s);
}
