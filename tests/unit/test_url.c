#include "support.h"

#include <sio/url.h>

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

/* EU-02 EU-03 EU-04 EU-05 EU-09 EU-10 PU-01 */
START_TEST(test_urls) {
    static const struct {
        const char *text, *scheme, *host;
        uint16_t port;
        bool tls, has_port, ipv6;
        const char *path, *query;
    } cases[] = {
        {"http://localhost", "http", "localhost", 80, false, false, false, "/", ""},
        {"https://localhost", "https", "localhost", 443, true, false, false, "/", ""},
        {"wss://a.b", "wss", "a.b", 443, true, false, false, "/", ""},
        {"ws://a.b:", "ws", "a.b", 80, false, false, false, "/", ""},
        {"wss://a.b:81/", "wss", "a.b", 81, true, true, false, "/", ""},
        {"http://h:80/Nsp/?a=b&c#f?g", "http", "h", 80, false, true, false, "/Nsp/", "a=b&c"},
        {"http://h?x=/y@z#", "http", "h", 80, false, false, false, "/", "x=/y@z"},
        {"http://h#/x", "http", "h", 80, false, false, false, "/", ""},
        {"http://u:p@h:9/x", "http", "h", 9, false, true, false, "/x", ""},
        {"http://u@v@h", "http", "h", 80, false, false, false, "/", ""},
        {"http://h/%41@b", "http", "h", 80, false, false, false, "/%41@b", ""},
        {"http://[::1]", "http", "::1", 80, false, false, true, "/", ""},
        {"http://[::1]:3000/n", "http", "::1", 3000, false, true, true, "/n", ""},
        {"https://u@[fe80::1:2]:/n", "https", "fe80::1:2", 443, true, false, true, "/n", ""},
        {"http://::1", "http", "::1", 80, false, false, true, "/", ""},
        {"http://1:2:3:4:5:6:7:8", "http", "1:2:3:4:5:6:7:8", 80, false, false, true, "/", ""},
        {"http://1:2:3:4:5:6:7:8:99/", "http", "1:2:3:4:5:6:7:8", 99, false, true, true, "/", ""},
        {"http://1:2:3:4:5:6:7:8:", "http", "1:2:3:4:5:6:7:8", 80, false, false, true, "/", ""},
        {"http://h/\xc3\xa4", "http", "h", 80, false, false, false, "/\xc3\xa4", ""},
        {"http://h:65535", "http", "h", 65535, false, true, false, "/", ""},
        {"http://h:00080", "http", "h", 80, false, true, false, "/", ""},
        {"http://h:0", "http", "h", 0, false, true, false, "/", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        sio_url url;
        ck_assert_msg(sio_url_parse(&url, view(cases[i].text)) == 0, "%s", cases[i].text);
        is_text(url.scheme, cases[i].scheme);
        is_text(url.host, cases[i].host);
        is_text(url.path, cases[i].path);
        is_text(url.query, cases[i].query);
        ck_assert_uint_eq(url.port, cases[i].port);
        ck_assert_int_eq(url.tls, cases[i].tls);
        ck_assert_int_eq(url.has_port, cases[i].has_port);
        ck_assert_int_eq(url.ipv6, cases[i].ipv6);
    }
}
END_TEST

START_TEST(test_bad_urls) {
    static const char *const bad[] = {"",
                                      "/",
                                      "localhost",
                                      "localhost:3000",
                                      "//localhost",
                                      "http:",
                                      "http:/",
                                      "http://",
                                      "http:///x",
                                      "http://?x",
                                      "http://#",
                                      "http://:80",
                                      "HTTP://h",
                                      "ftp://h",
                                      "httpx://h",
                                      "http://h:65536",
                                      "http://h:-1",
                                      "http://h:+1",
                                      "http://h:8a",
                                      "http://h:99999999999999999",
                                      "http://a b",
                                      "http://h/ b",
                                      "http://h/\r\nX:",
                                      "http://h\t",
                                      "http://h\x7f",
                                      "http://h%41",
                                      "http://h\\x",
                                      "http://evil\\@h",
                                      "http://[::1",
                                      "http://[::1]x",
                                      "http://[]",
                                      "http://[g::]",
                                      "http://[1:2:3:4:5:6:7]",
                                      "http://[::1]:x",
                                      "http://[fe80::1%25eth0]",
                                      "http://]",
                                      "http://a:b:c",
                                      "http://1:2:3:4:5:6:7:8:70000",
                                      "http://h\xff",
                                      "http://\xc3\xa4",
                                      "http://u@",
                                      "http://h,i",
                                      "http://h;i"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        sio_url url = {.port = 7};
        ck_assert_msg(sio_url_parse(&url, view(bad[i])) == SIO_ERR_URL, "%s", bad[i]);
        ck_assert_uint_eq(url.port, 7);
    }
    sio_url url;
    ck_assert_int_eq(sio_url_parse(&url, SIO_STR("http://h/\0")), SIO_ERR_URL);
}
END_TEST

START_TEST(test_long_urls) {
    char text[SIO_URL_MAX + 1] = "http://h/";
    memset(text + 9, 'a', sizeof(text) - 9);
    sio_url url;
    ck_assert_int_eq(sio_url_parse(&url, (sio_str){text, SIO_URL_MAX}), 0);
    ck_assert_int_eq(sio_url_parse(&url, (sio_str){text, SIO_URL_MAX + 1}), SIO_ERR_LIMIT);
}
END_TEST

START_TEST(test_ipv6) {
    static const char *const good[] = {"::",
                                       "::1",
                                       "1::",
                                       "1:2:3:4:5:6:7:8",
                                       "1::8",
                                       "1:2::7:8",
                                       "::ffff:1.2.3.4",
                                       "1:2:3:4:5:6:1.2.3.4",
                                       "1:2:3:4:5:6:7::",
                                       "::2:3:4:5:6:7:8",
                                       "ABCD:ef01::",
                                       "::0.0.0.0"};
    static const char *const bad[] = {"",
                                      ":",
                                      "1",
                                      ":::",
                                      "1:::2",
                                      "1::2::3",
                                      "1:2:3:4:5:6:7",
                                      "1:2:3:4:5:6:7:8:9",
                                      "1:2:3:4:5:6:7:8::",
                                      "12345::",
                                      ":1",
                                      "1:",
                                      "::1:",
                                      "::1.2.3",
                                      "::1.2.3.4.5",
                                      "::1.2.3.256",
                                      "::01.2.3.4",
                                      "1.2.3.4::",
                                      "::1.2.3.4:5",
                                      "1:2:3:4:5:6:7:1.2.3.4",
                                      "::g",
                                      "::1%eth0",
                                      "1.2.3.4"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ck_assert_msg(sio_url_is_ipv6(view(good[i])), "%s", good[i]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(!sio_url_is_ipv6(view(bad[i])), "%s", bad[i]);
    }
}
END_TEST

START_TEST(test_authority) {
    static const char *const good[] = {"a",      "a:",      "a:1",      "1.2.3.4:65535", "[::1]",
                                       "[::1]:", "[::1]:1", "a_b-c.d~", "%41!$&'()*+,;="};
    static const char *const bad[] = {"",    ":1",     "a:65536", "a:b", "a:1:2",   "[::1",
                                      "::1", "[::1]a", "[]",      "a b", "a/b",     "u@a",
                                      "%4",  "%4g",    "a?",      "[a]", "\xc3\xa4"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ck_assert_msg(sio_url_is_authority(view(good[i])), "%s", good[i]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(!sio_url_is_authority(view(bad[i])), "%s", bad[i]);
    }
}
END_TEST

static void authority_is(const char *host, uint16_t port, uint16_t without, const char *want) {
    sio_buf buf;
    sio_buf_init(&buf, strlen(want), NULL);
    ck_assert_int_eq(sio_url_write_authority(&buf, view(host), port, without), 0);
    ck_assert_uint_eq(buf.len, strlen(want));
    ck_assert_mem_eq(buf.data, want, buf.len);
    sio_buf_free(&buf);
    sio_buf_init(&buf, strlen(want) - 1, NULL);
    if (strlen(want) > 1) {
        ck_assert_int_eq(sio_url_write_authority(&buf, view(host), port, without), SIO_ERR_LIMIT);
    }
    ck_assert_uint_eq(buf.len, 0);
    sio_buf_free(&buf);
}

START_TEST(test_write_authority) {
    authority_is("host", 80, 80, "host");
    authority_is("host", 80, 443, "host:80");
    authority_is("host", 65535, 0, "host:65535");
    authority_is("host", 0, 0, "host:0");
    authority_is("::1", 80, 80, "[::1]");
    authority_is("::1", 81, 80, "[::1]:81");
}
END_TEST

static void target(const char *text, const char *path, const char *query, bool bad, bool control) {
    sio_url_target t;
    sio_url_split_target(&t, view(text));
    is_text(t.path, path);
    is_text(t.query, query);
    ck_assert_msg(t.bad_escape == bad && t.control == control, "%s", text);
}

START_TEST(test_targets) {
    target("/a/b?c=d?e", "/a/b", "c=d?e", false, false);
    target("/", "/", "", false, false);
    target("/?", "/", "", false, false);
    target("*", "*", "", false, false);
    target("/%20%41", "/%20%41", "", false, false);
    target("/%00", "/%00", "", false, true);
    target("/?a=%0d%0AX:", "/", "a=%0d%0AX:", false, true);
    target("/?%7F", "/", "%7F", false, true);
    target("/%", "/%", "", true, false);
    target("/%4", "/%4", "", true, false);
    target("/%zz%1f", "/%zz%1f", "", true, true);
}
END_TEST

static int decode(const char *text, const char *want) {
    sio_buf buf;
    sio_buf_init(&buf, 0, NULL);
    sio_buf_add(&buf, "x", 1);
    int rc = sio_url_decode_path(&buf, view(text));
    ck_assert_uint_eq(buf.len, rc == 0 ? 1 + strlen(want) : 1);
    if (rc == 0) {
        ck_assert_mem_eq(buf.data + 1, want, buf.len - 1);
    }
    sio_buf_free(&buf);
    return rc;
}

START_TEST(test_decode_path) {
    ck_assert_int_eq(decode("", ""), 0);
    ck_assert_int_eq(decode("/a+b/%C3%a4%20.c", "/a+b/\xc3\xa4 .c"), 0);
    ck_assert_int_eq(decode("/..a/.b/c..", "/..a/.b/c.."), 0);
    static const char *const bad[] = {"/..",    "/../x", "/a/%2e%2E/b", "/.",   "/a/./b", "/a%2fb",
                                      "/a%5cb", "/a\\b", "/%00",        "/%0a", "/%09",   "/%7f",
                                      "/%",     "/%4",   "/%xx",        "/%ff", "/%C3",   ".."};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(decode(bad[i], "") == SIO_ERR_URL, "%s", bad[i]);
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("url");
    TCase *tc = tcase_create("all");
    tcase_add_test(tc, test_urls);
    tcase_add_test(tc, test_bad_urls);
    tcase_add_test(tc, test_long_urls);
    tcase_add_test(tc, test_ipv6);
    tcase_add_test(tc, test_authority);
    tcase_add_test(tc, test_write_authority);
    tcase_add_test(tc, test_targets);
    tcase_add_test(tc, test_decode_path);
    suite_add_tcase(s, tc);
    return test_run(s);
}
