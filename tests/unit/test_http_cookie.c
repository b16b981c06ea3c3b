#include "support.h"

#include <sio/http_fields.h>

#include <string.h>

static sio_str view(const char *text) {
    return (sio_str){text, strlen(text)};
}

static void is_text(sio_str text, const char *want) {
    ck_assert_uint_eq(text.len, strlen(want));
    if (text.len > 0) {
        ck_assert_mem_eq(text.ptr, want, text.len);
    }
}

START_TEST(test_request_cookies) {
    sio_str rest = SIO_STR("a=1; b = \"two\" ;junk;=x; c=d=e;a=2; q=\"");
    static const char *const want[] = {"a", "1", "b", "two", "c", "d=e", "a", "2", "q", "\""};
    sio_str name;
    sio_str value;
    for (size_t i = 0; i < 10; i += 2) {
        ck_assert(sio_cookie_next(&rest, &name, &value));
        is_text(name, want[i]);
        is_text(value, want[i + 1]);
    }
    ck_assert(!sio_cookie_next(&rest, &name, &value));
    ck_assert(sio_cookie_find(SIO_STR("x=1; a=2; a=3"), SIO_STR("a"), &value));
    is_text(value, "2");
    ck_assert(!sio_cookie_find(SIO_STR("ab=1; A=2"), SIO_STR("a"), &value));
    is_text(value, "2");
}
END_TEST

static void written(const sio_cookie *cookie, const char *want) {
    sio_buf buf = {0};
    ck_assert_int_eq(sio_cookie_write(&buf, cookie), 0);
    is_text((sio_str){(const char *)buf.data, buf.len}, want);
    sio_buf_free(&buf);
}

static sio_cookie basic(void) {
    sio_cookie cookie = SIO_COOKIE_INIT;
    cookie.name = SIO_STR("io");
    cookie.value = SIO_STR("SID1");
    return cookie;
}

START_TEST(test_write) {
    sio_cookie cookie = basic();
    written(&cookie, "io=SID1");
    cookie.path = SIO_STR("/");
    cookie.http_only = true;
    cookie.same_site = SIO_COOKIE_SAME_SITE_LAX;
    written(&cookie, "io=SID1; Path=/; HttpOnly; SameSite=Lax");
    cookie.value = SIO_STR("a;b c,\xc3\xa4");
    cookie.has_max_age = true;
    cookie.max_age = 3600;
    cookie.domain = SIO_STR("ex.am");
    cookie.has_expires = true;
    cookie.expires = 784111777;
    cookie.secure = true;
    cookie.partitioned = true;
    cookie.priority = SIO_COOKIE_PRIORITY_HIGH;
    cookie.same_site = SIO_COOKIE_SAME_SITE_NONE;
    written(&cookie, "io=a%3Bb%20c%2C%C3%A4; Max-Age=3600; Domain=ex.am; Path=/; "
                     "Expires=Sun, 06 Nov 1994 08:49:37 GMT; HttpOnly; Secure; Partitioned; "
                     "Priority=High; SameSite=None");
    cookie = basic();
    cookie.has_max_age = true;
    cookie.max_age = INT64_MIN;
    written(&cookie, "io=SID1; Max-Age=-9223372036854775808");
}
END_TEST

START_TEST(test_refused) {
    static const sio_str bad[] = {{"a;b", 3},  {"a,b", 3},  {"a\rb", 3}, {"a\nb", 3},
                                  {"a\0b", 3}, {"a\tb", 3}, {"\x7f", 1}};
    sio_buf buf = {0};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        sio_cookie cookie = basic();
        cookie.name = bad[i];
        ck_assert_int_eq(sio_cookie_write(&buf, &cookie), SIO_ERR_INVALID);
        cookie = basic();
        cookie.path = bad[i];
        ck_assert_int_eq(sio_cookie_write(&buf, &cookie), SIO_ERR_INVALID);
        cookie = basic();
        cookie.domain = bad[i];
        ck_assert_int_eq(sio_cookie_check(&cookie), SIO_ERR_INVALID);
        cookie = basic();
        cookie.value = bad[i];
        /* In the value a separator is encoded; a control character is refused. */
        ck_assert_int_eq(sio_cookie_check(&cookie), i < 2 ? 0 : SIO_ERR_INVALID);
    }
    sio_cookie cookie = basic();
    cookie.name = SIO_STR("");
    ck_assert_int_eq(sio_cookie_check(&cookie), SIO_ERR_INVALID);
    cookie.name = SIO_STR("a=b");
    ck_assert_int_eq(sio_cookie_check(&cookie), SIO_ERR_INVALID);
    ck_assert_uint_eq(buf.len, 0);
    sio_buf_free(&buf);
}
END_TEST

static int scenario(const sio_mem *mem, void *arg) {
    sio_cookie cookie = basic();
    cookie.path = SIO_STR("/a/path/that/takes/more/than/one/allocation/of/the/buffer/to/hold/it");
    cookie.has_expires = true;
    sio_buf buf;
    sio_buf_init(&buf, 0, mem);
    int rc = sio_cookie_write(&buf, &cookie);
    ck_assert(rc == 0 || buf.len == 0);
    sio_buf_free(&buf);
    return rc;
}

START_TEST(test_out_of_memory) {
    test_mem_sweep(scenario, NULL);
}
END_TEST

/* EN-08 EN-09 EN-10 */
START_TEST(test_received) {
    static const struct {
        const char *header, *name, *value;
        sio_cookie_life life;
        int64_t seconds;
    } cases[] = {
        {"a=b", "a", "b", SIO_COOKIE_SESSION, 0},
        {"a=\"b c\"; Path=/; Secure", "a", "b c", SIO_COOKIE_SESSION, 0},
        {"a=; HttpOnly", "a", "", SIO_COOKIE_SESSION, 0},
        {"a=b=c;max-age=10", "a", "b=c", SIO_COOKIE_MAX_AGE, 10},
        {"a=b; Max-Age=0", "a", "b", SIO_COOKIE_EXPIRED, 0},
        {"a=b; Max-Age=-5", "a", "b", SIO_COOKIE_EXPIRED, 0},
        {"a=b; Max-Age=x", "a", "b", SIO_COOKIE_EXPIRED, 0},
        {"a=b; Max-Age=", "a", "b", SIO_COOKIE_EXPIRED, 0},
        {"a=b; Max-Age=99999999999999999999", "a", "b", SIO_COOKIE_MAX_AGE, INT64_MAX},
        {"a=b; Expires=Sun, 06 Nov 1994 08:49:37 GMT", "a", "b", SIO_COOKIE_EXPIRES, 784111777},
        {"a=b; Expires=nonsense", "a", "b", SIO_COOKIE_EXPIRED, 0},
        {"a=b; Max-Age=10; Expires=Sun, 06 Nov 1994 08:49:37 GMT", "a", "b", SIO_COOKIE_EXPIRES,
         784111777},
        {"a=b; Expires=Sun, 06 Nov 1994 08:49:37 GMT; MAX-AGE=10", "a", "b", SIO_COOKIE_MAX_AGE,
         10},
        {"a=b;;;Expires", "a", "b", SIO_COOKIE_EXPIRED, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        sio_cookie_received cookie;
        ck_assert_int_eq(sio_cookie_parse(&cookie, view(cases[i].header)), 0);
        is_text(cookie.name, cases[i].name);
        is_text(cookie.value, cases[i].value);
        ck_assert_msg(cookie.life == cases[i].life, "%s", cases[i].header);
        ck_assert_int_eq(cookie.seconds, cases[i].seconds);
    }
    static const char *const bad[] = {"", "a", "=b", " =b", ";a=b", "a; b=c", "a=\x01", "a\tb=c"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        sio_cookie_received cookie = {.seconds = 7};
        ck_assert_msg(sio_cookie_parse(&cookie, view(bad[i])) == SIO_ERR_HTTP_HEADER, "%s", bad[i]);
        ck_assert_int_eq(cookie.seconds, 7);
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("http_cookie");
    TCase *tc = tcase_create("all");
    tcase_add_test(tc, test_request_cookies);
    tcase_add_test(tc, test_write);
    tcase_add_test(tc, test_refused);
    tcase_add_test(tc, test_out_of_memory);
    tcase_add_test(tc, test_received);
    suite_add_tcase(s, tc);
    return test_run(s);
}
