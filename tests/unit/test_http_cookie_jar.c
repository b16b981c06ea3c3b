#include "support.h"

#include <sio/http_fields.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOW = 1700000000 };

static sio_str text(const char *s) {
    return (sio_str){s, strlen(s)};
}

static sio_cookie_jar *jar_of(const char *host, bool tls) {
    sio_cookie_jar *jar;
    ck_assert_int_eq(sio_cookie_jar_new(&jar, text(host), tls, NULL), 0);
    return jar;
}

static void take(sio_cookie_jar *jar, const char *header) {
    ck_assert_int_eq(sio_cookie_jar_take(jar, text(header), SIO_STR("/socket.io/"), NOW), 0);
}

static void expect_at(sio_cookie_jar *jar, const char *path, int64_t now, const char *expected) {
    sio_buf out = {0};
    ck_assert_int_eq(sio_buf_add_text(&out, ">"), 0);
    ck_assert_int_eq(sio_cookie_jar_write(jar, &out, text(path), now), 0);
    ck_assert_int_eq(sio_buf_add_byte(&out, '\0'), 0);
    ck_assert_str_eq((char *)out.data + 1, expected);
    sio_buf_free(&out);
}

static void expect(sio_cookie_jar *jar, const char *expected) {
    expect_at(jar, "/socket.io/", NOW, expected);
}

START_TEST(kept_in_order_and_replaced) {
    sio_cookie_jar *jar = jar_of("example.org", false);
    expect(jar, "");
    take(jar, "a=1; HttpOnly; SameSite=Strict");
    take(jar, "b=\"2\"");
    take(jar, "c=");
    expect(jar, "a=1; b=2; c=");
    take(jar, "b=3; Path=/socket.io");
    expect(jar, "a=1; b=3; c=");
    take(jar, "no cookie");
    take(jar, "x=\x01");
    expect(jar, "a=1; b=3; c=");
    sio_cookie_jar_free(jar);
    sio_cookie_jar_free(NULL);
}
END_TEST

/* EN-06 */
START_TEST(life) {
    sio_cookie_jar *jar = jar_of("example.org", false);
    take(jar, "a=1; Max-Age=10");
    take(jar, "b=2; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
    take(jar, "c=3; Expires=Thu, 01 Jan 2099 00:00:00 GMT");
    take(jar, "d=4; max-age=99999999999999999999");
    take(jar, "e=5; Max-Age=0");
    expect(jar, "a=1; c=3; d=4");
    expect_at(jar, "/socket.io/", NOW + 9, "a=1; c=3; d=4");
    expect_at(jar, "/socket.io/", NOW + 10, "c=3; d=4");
    expect(jar, "c=3; d=4"); /* gone for good */
    take(jar, "c=; Max-Age=-1");
    expect(jar, "d=4");
    sio_cookie_jar_free(jar);
}
END_TEST

START_TEST(paths) {
    static const struct {
        const char *header;
        const char *path;
        bool sent;
    } rows[] = {
        {"a=1; Path=/", "/x", true},          {"a=1; Path=/x", "/x", true},
        {"a=1; Path=/x", "/x/y", true},       {"a=1; Path=/x/", "/x/y", true},
        {"a=1; Path=/x", "/xy", false},       {"a=1; Path=/x/", "/x", false},
        {"a=1; Path=x", "/socket.io/", true}, {"a=1; Path=", "/other", false},
        {"a=1", "/socket.io", true},          {"a=1; Path=/y; Path=/", "/x", true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        sio_cookie_jar *jar = jar_of("h", false);
        take(jar, rows[i].header);
        expect_at(jar, rows[i].path, NOW, rows[i].sent ? "a=1" : "");
        sio_cookie_jar_free(jar);
    }
    sio_cookie_jar *jar = jar_of("h", false);
    ck_assert_int_eq(sio_cookie_jar_take(jar, SIO_STR("a=1"), SIO_STR("/x"), NOW), 0);
    expect_at(jar, "/", NOW, "a=1");
    sio_cookie_jar_free(jar);
}
END_TEST

START_TEST(domains) {
    static const struct {
        const char *host;
        const char *domain;
        bool kept;
    } rows[] = {
        {"a.example.org", "a.example.org", true},
        {"a.example.org", ".Example.ORG", true},
        {"a.example.org", "org", false},
        {"a.example.org", "b.example.org", false},
        {"a.example.org", "ple.org", false},
        {"example.org", "a.example.org", false},
        {"10.0.0.1", "0.0.1", false},
        {"10.0.0.1", "10.0.0.1", true},
        {"fe80::1.2.3.4", "3.4", false},
        {"localhost", "", true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        sio_cookie_jar *jar = jar_of(rows[i].host, false);
        char header[64];
        snprintf(header, sizeof(header), "a=1; Domain=%s", rows[i].domain);
        take(jar, header);
        expect(jar, rows[i].kept ? "a=1" : "");
        sio_cookie_jar_free(jar);
    }
}
END_TEST

START_TEST(secure_needs_tls) {
    for (int tls = 0; tls < 2; tls++) {
        sio_cookie_jar *jar = jar_of("h", tls);
        take(jar, "a=1; secure");
        take(jar, "b=2");
        expect(jar, tls ? "a=1; b=2" : "b=2");
        sio_cookie_jar_free(jar);
    }
}
END_TEST

START_TEST(bounds) {
    sio_cookie_jar *jar = jar_of("h", false);
    char header[SIO_COOKIE_JAR_BYTES + 16];
    for (int i = 0; i < SIO_COOKIE_JAR_COUNT + 10; i++) {
        snprintf(header, sizeof(header), "n%d=v", i);
        take(jar, header);
    }
    take(jar, "n3=w");
    sio_buf out = {0};
    ck_assert_int_eq(sio_cookie_jar_write(jar, &out, SIO_STR("/socket.io/"), NOW), 0);
    ck_assert_int_eq(sio_buf_add_byte(&out, '\0'), 0);
    ck_assert_ptr_nonnull(strstr((char *)out.data, "n63=v"));
    ck_assert_ptr_null(strstr((char *)out.data, "n64=v"));
    ck_assert_ptr_nonnull(strstr((char *)out.data, "n3=w"));
    sio_buf_free(&out);
    sio_cookie_jar_free(jar);
    jar = jar_of("h", false);
    memset(header, 'v', sizeof(header));
    memcpy(header, "a=", 2);
    header[SIO_COOKIE_JAR_BYTES + 1] = '\0';
    take(jar, header);
    ck_assert_uint_eq(strlen(header), SIO_COOKIE_JAR_BYTES + 1);
    expect(jar, header);
    memcpy(header, "bb=", 3);
    header[SIO_COOKIE_JAR_BYTES + 1] = 'v';
    header[SIO_COOKIE_JAR_BYTES + 2] = '\0';
    sio_cookie_jar_free(jar);
    jar = jar_of("h", false);
    take(jar, header);
    expect(jar, "");
    sio_cookie_jar_free(jar);
}
END_TEST

static int scenario(const sio_mem *mem, void *arg) {
    sio_cookie_jar *jar = NULL;
    sio_buf out;
    sio_buf_init(&out, 0, mem);
    int rc = sio_cookie_jar_new(&jar, SIO_STR("h"), true, mem);
    for (int i = 0; i < 3 && rc == 0; i++) {
        rc = sio_cookie_jar_take(jar, i == 1 ? SIO_STR("b=1") : SIO_STR("a=1"), SIO_STR("/"), NOW);
    }
    if (rc == 0) {
        rc = sio_cookie_jar_write(jar, &out, SIO_STR("/"), NOW);
        ck_assert_uint_eq(out.len, rc == 0 ? 8 : 0);
    }
    sio_cookie_jar_free(jar);
    sio_buf_free(&out);
    return rc;
}

START_TEST(no_memory) {
    test_mem_sweep(scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("http_cookie_jar");
    TCase *tc = tcase_create("http_cookie_jar");
    tcase_add_test(tc, kept_in_order_and_replaced);
    tcase_add_test(tc, life);
    tcase_add_test(tc, paths);
    tcase_add_test(tc, domains);
    tcase_add_test(tc, secure_needs_tls);
    tcase_add_test(tc, bounds);
    tcase_add_test(tc, no_memory);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
