#include "support.h"

#include <sio/proxy.h>

#include <stdlib.h>
#include <string.h>

static sio_str text(const char *s) {
    return (sio_str){s, strlen(s)};
}

static sio_proxy_request request(sio_proxy_kind kind, const char *host, const char *user,
                                 const char *password) {
    return (sio_proxy_request){
        .kind = kind,
        .host = text(host),
        .port = 443,
        .has_user = user != NULL,
        .user = text(user ? user : ""),
        .password = text(password ? password : ""),
    };
}

/* ---- one conversation, cut at every place ---- */

typedef struct talk {
    sio_proxy_request request;
    const uint8_t *in;
    size_t in_len;
    const uint8_t *out;
    size_t out_len;
    int rc;
    int status;
    sio_proxy *proxy;
    sio_buf wire;
    int got;
} talk;

static bool feed(void *arg, uint8_t *piece, size_t len) {
    talk *t = arg;
    t->got = sio_proxy_feed(t->proxy, piece, len, &t->wire);
    return t->got == 0;
}

static void run(const test_cut *cut, void *arg) {
    talk *t = arg;
    t->wire = (sio_buf){0};
    t->got = 0;
    ck_assert_int_eq(sio_proxy_new(&t->proxy, &t->request, &t->wire, NULL), 0);
    ck_assert_str_eq(sio_proxy_detail(t->proxy), "");
    test_feed(cut, t->in, t->in_len, feed, t);
    ck_assert_str_eq(sio_error_name(t->got < 0 ? t->got : 0),
                     sio_error_name(t->rc < 0 ? t->rc : 0));
    ck_assert_int_eq(t->got, t->rc);
    ck_assert_int_eq(sio_proxy_status(t->proxy), t->status);
    ck_assert((t->rc < 0) == (sio_proxy_detail(t->proxy)[0] != '\0'));
    if (t->out) {
        ck_assert_uint_eq(t->wire.len, t->out_len);
        ck_assert_mem_eq(t->wire.data, t->out, t->out_len);
    }
    if (t->rc != 0) {
        ck_assert_int_eq(sio_proxy_feed(t->proxy, (const uint8_t *)"x", 1, &t->wire),
                         SIO_ERR_STATE);
    }
    sio_proxy_free(t->proxy);
    sio_buf_free(&t->wire);
}

static void expect(sio_proxy_request asked, const void *in, size_t in_len, const void *out,
                   size_t out_len, int rc, int status) {
    talk t = {.request = asked,
              .in = in,
              .in_len = in_len,
              .out = out,
              .out_len = out_len,
              .rc = rc,
              .status = status};
    test_each_cut(in_len, run, &t);
}

#define EXPECT(asked, in, out, rc, status)                                                         \
    expect(asked, in, sizeof(in) - 1, out, sizeof(out) - 1, rc, status)

/* ---- HTTP ---- */

START_TEST(http_connect) {
    EXPECT(request(SIO_PROXY_HTTP, "example.org", NULL, NULL),
           "HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n",
           "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n", 1, 200);
    EXPECT(request(SIO_PROXY_HTTP, "::1", "user", "pass"), "HTTP/1.0 200 OK\r\n\r\n",
           "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n"
           "Proxy-Authorization: Basic dXNlcjpwYXNz\r\n\r\n",
           1, 200);
}
END_TEST

START_TEST(http_refusals) {
    static const struct {
        const char *in;
        int rc;
        int status;
    } rows[] = {
        {"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
         SIO_ERR_PROXY_AUTH, 407},
        {"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nbad", SIO_ERR_PROXY, 502},
        {"HTTP/1.1 302 Found\r\nLocation: http://x/\r\nContent-Length: 0\r\n\r\n", SIO_ERR_PROXY,
         302},
        {"SSH-2.0-OpenSSH\r\n\r\n", SIO_ERR_PROXY_ANSWER, 0},
        {"HTTP/1.1 200 OK\r\nBroken Header: 1\r\n\r\n", SIO_ERR_PROXY_ANSWER, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        expect(request(SIO_PROXY_HTTP, "a", NULL, NULL), rows[i].in, strlen(rows[i].in), NULL, 0,
               rows[i].rc, rows[i].status);
    }
}
END_TEST

/* Only in one piece: else the tunnel stands before the bytes come, and they are the server's. */
START_TEST(http_bytes_behind_the_answer) {
    static const char in[] = "HTTP/1.1 200 OK\r\n\r\n\x16";
    sio_proxy_request asked = request(SIO_PROXY_HTTP, "a", NULL, NULL);
    sio_buf wire = {0};
    sio_proxy *proxy;
    ck_assert_int_eq(sio_proxy_new(&proxy, &asked, &wire, NULL), 0);
    ck_assert_int_eq(sio_proxy_feed(proxy, (const uint8_t *)in, sizeof(in) - 1, &wire),
                     SIO_ERR_PROXY_ANSWER);
    sio_proxy_free(proxy);
    sio_buf_free(&wire);
}
END_TEST

START_TEST(http_endless_head) {
    static const char line[] = "X-Filler: 0123456789012345678901234567890123456789\r\n";
    sio_proxy_request asked = request(SIO_PROXY_HTTP, "a", NULL, NULL);
    sio_buf wire = {0};
    sio_proxy *proxy;
    ck_assert_int_eq(sio_proxy_new(&proxy, &asked, &wire, NULL), 0);
    int rc = sio_proxy_feed(proxy, (const uint8_t *)"HTTP/1.1 200 OK\r\n", 17, &wire);
    size_t fed = 0;
    while (rc == 0) {
        rc = sio_proxy_feed(proxy, (const uint8_t *)line, sizeof(line) - 1, &wire);
        fed += sizeof(line) - 1;
        ck_assert_uint_lt(fed, 20000);
    }
    ck_assert_int_eq(rc, SIO_ERR_PROXY_ANSWER);
    sio_proxy_free(proxy);
    sio_buf_free(&wire);
}
END_TEST

/* ---- SOCKS ---- */

START_TEST(socks_connect) {
    EXPECT(request(SIO_PROXY_SOCKS5, "example.org", NULL, NULL),
           "\x05\x00"
           "\x05\x00\x00\x01\x01\x02\x03\x04\x1f\x90",
           "\x05\x01\x00"
           "\x05\x01\x00\x03\x0b"
           "example.org\x01\xbb",
           1, 0);
    EXPECT(request(SIO_PROXY_SOCKS5, "10.1.2.3", "us", "pwd"),
           "\x05\x02"
           "\x01\x00"
           "\x05\x00\x00\x03\x04name\x00\x50",
           "\x05\x02\x00\x02"
           "\x01\x02us\x03pwd"
           "\x05\x01\x00\x01\x0a\x01\x02\x03\x01\xbb",
           1, 0);
    EXPECT(request(SIO_PROXY_SOCKS5, "fe80::1:2", NULL, NULL),
           "\x05\x00"
           "\x05\x00\x00\x04"
           "0123456789abcdef\x00\x50",
           "\x05\x01\x00"
           "\x05\x01\x00\x04\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\x01\0\x02\x01\xbb",
           1, 0);
}
END_TEST

START_TEST(socks_refusals) {
    static const struct {
        const char *in;
        size_t len;
        int rc;
        int status;
    } rows[] = {
        {"\x05\xff", 2, SIO_ERR_PROXY_AUTH, 0},
        {"\x05\x02\x01\x01", 4, SIO_ERR_PROXY_AUTH, 0},
        {"\x05\x02\x05\x00", 4, SIO_ERR_PROXY_ANSWER, 0},
        {"\x05\x01", 2, SIO_ERR_PROXY_ANSWER, 0},
        {"\x04\x00", 2, SIO_ERR_PROXY_ANSWER, 0},
        {"HTTP/1.1 400", 12, SIO_ERR_PROXY_ANSWER, 0},
        {"\x05\x00\x05\x05", 4, SIO_ERR_PROXY, 5},
        {"\x05\x00\x05\x77", 4, SIO_ERR_PROXY, 0x77},
        {"\x05\x00\x04\x00", 4, SIO_ERR_PROXY_ANSWER, 0},
        {"\x05\x00\x05\x00\x00\x07\x00", 7, SIO_ERR_PROXY_ANSWER, 0},
        {"\x05\x00\x05\x00\x01\x01\x00\x00\x00\x00\x00\x00", 12, SIO_ERR_PROXY_ANSWER, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        expect(request(SIO_PROXY_SOCKS5, "a", "u", "p"), rows[i].in, rows[i].len, NULL, 0,
               rows[i].rc, rows[i].status);
    }
}
END_TEST

START_TEST(socks_bytes_behind_the_reply) {
    static const uint8_t in[] = {5, 0, 5, 0, 0, 1, 1, 2, 3, 4, 0, 80, 'x'};
    sio_proxy_request asked = request(SIO_PROXY_SOCKS5, "a", NULL, NULL);
    sio_buf wire = {0};
    sio_proxy *proxy;
    ck_assert_int_eq(sio_proxy_new(&proxy, &asked, &wire, NULL), 0);
    ck_assert_int_eq(sio_proxy_feed(proxy, in, sizeof(in), &wire), SIO_ERR_PROXY_ANSWER);
    sio_proxy_free(proxy);
    sio_buf_free(&wire);
}
END_TEST

START_TEST(what_cannot_be_asked) {
    char longest[300];
    memset(longest, 'a', sizeof(longest));
    longest[256] = '\0';
    const sio_proxy_request rows[] = {
        request(SIO_PROXY_HTTP, "", NULL, NULL),
        request(SIO_PROXY_HTTP, "a\r\nb", NULL, NULL),
        request(SIO_PROXY_HTTP, "a b", NULL, NULL),
        request(SIO_PROXY_HTTP, "a", "u:x", ""),
        request(SIO_PROXY_HTTP, "a", "u", "p\r\n"),
        request(SIO_PROXY_SOCKS5, longest, NULL, NULL),
        request(SIO_PROXY_SOCKS5, "a", longest, "p"),
        request(SIO_PROXY_SOCKS5, "a", "u", longest),
        request(SIO_PROXY_SOCKS5, "a", "", "p"),
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        sio_buf wire = {0};
        sio_proxy *proxy = NULL;
        ck_assert_int_eq(sio_proxy_new(&proxy, &rows[i], &wire, NULL), SIO_ERR_INVALID);
        ck_assert_ptr_null(proxy);
        ck_assert_uint_eq(wire.len, 0);
        sio_buf_free(&wire);
    }
}
END_TEST

static int scenario(const sio_mem *mem, void *arg) {
    sio_proxy_request asked =
        request(arg ? SIO_PROXY_SOCKS5 : SIO_PROXY_HTTP, "example.org", "user", "password");
    static const char http[] = "HTTP/1.1 200 OK\r\nA: b\r\n\r\n";
    static const char socks[] = "\x05\x02\x01\x00\x05\x00\x00\x01\x01\x02\x03\x04\x00\x50";
    const char *in = arg ? socks : http;
    size_t len = arg ? sizeof(socks) - 1 : sizeof(http) - 1;
    sio_buf wire;
    sio_buf_init(&wire, 0, mem);
    sio_proxy *proxy = NULL;
    int rc = sio_proxy_new(&proxy, &asked, &wire, mem);
    for (size_t i = 0; i < len && rc == 0; i++) {
        rc = sio_proxy_feed(proxy, (const uint8_t *)in + i, 1, &wire);
    }
    sio_proxy_free(proxy);
    sio_buf_free(&wire);
    return rc == 1 ? 0 : rc;
}

START_TEST(no_memory) {
    test_mem_sweep(scenario, NULL);
    test_mem_sweep(scenario, &(int){1});
}
END_TEST

/* ---- URLs ---- */

START_TEST(urls) {
    static const struct {
        const char *url;
        sio_proxy_kind kind;
        const char *host;
        uint16_t port;
        const char *user;
        const char *password;
    } rows[] = {
        {"http://proxy", SIO_PROXY_HTTP, "proxy", 8080, NULL, ""},
        {"HTTP://proxy:3128/", SIO_PROXY_HTTP, "proxy", 3128, NULL, ""},
        {"http://u:p%40@10.0.0.1:1", SIO_PROXY_HTTP, "10.0.0.1", 1, "u", "p%40"},
        {"http://a@b@proxy", SIO_PROXY_HTTP, "proxy", 8080, "a@b", ""},
        {"socks5://proxy", SIO_PROXY_SOCKS5, "proxy", 1080, NULL, ""},
        {"socks5h://u@[::1]:9050/", SIO_PROXY_SOCKS5, "::1", 9050, "u", ""},
        {"http://[fe80::2]", SIO_PROXY_HTTP, "fe80::2", 8080, NULL, ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        sio_proxy_url url;
        ck_assert_int_eq(sio_proxy_url_parse(&url, text(rows[i].url)), 0);
        ck_assert_int_eq(url.kind, rows[i].kind);
        ck_assert_uint_eq(url.port, rows[i].port);
        ck_assert_uint_eq(url.host.len, strlen(rows[i].host));
        ck_assert_mem_eq(url.host.ptr, rows[i].host, url.host.len);
        ck_assert_int_eq(url.has_user, rows[i].user != NULL);
        if (rows[i].user) {
            ck_assert_uint_eq(url.user.len, strlen(rows[i].user));
            ck_assert_mem_eq(url.user.ptr, rows[i].user, url.user.len);
            ck_assert_uint_eq(url.password.len, strlen(rows[i].password));
        }
    }
}
END_TEST

START_TEST(bad_urls) {
    static const char *const rows[] = {
        "",           "proxy:8080",   "https://proxy", "ftp://proxy",    "http://",
        "http://:80", "http://a:",    "http://a:0",    "http://a:65536", "http://a:x",
        "http://a/b", "http://[::1",  "http://[::1]x", "http://[a]",     "http://a b",
        "http://a@",  "http://a:1:2", "socks4://a",    "http://a?b",     "http://a\r\nb",
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        sio_proxy_url url;
        ck_assert_msg(sio_proxy_url_parse(&url, text(rows[i])) == SIO_ERR_URL, "%s", rows[i]);
    }
    char *longest = calloc(1, 9000);
    memset(longest, 'a', 8999);
    sio_proxy_url url;
    ck_assert_int_eq(sio_proxy_url_parse(&url, text(longest)), SIO_ERR_LIMIT);
    free(longest);
}
END_TEST

START_TEST(exemptions) {
    static const struct {
        const char *rules;
        const char *host;
        uint16_t port;
        bool exempt;
    } rows[] = {
        {"", "a", 80, false},
        {"*", "a", 80, true},
        {"a", "a", 80, true},
        {"A.example", "a.EXAMPLE.", 80, true},
        {"example.org", "www.example.org", 80, true},
        {".example.org", "www.example.org", 80, true},
        {"*.example.org", "www.example.org", 80, true},
        {".example.org", "example.org", 80, true},
        {"example.org", "notexample.org", 80, false},
        {"x, ,y\tz", "z", 80, true},
        {"x, ,y\tz", "w", 80, false},
        {"host:8080", "host", 8080, true},
        {"host:8080", "host", 80, false},
        {"127.0.0.1", "127.0.0.1", 80, true},
        {"127.0.0.1:81", "127.0.0.1", 80, false},
        {"10.0.0.0/8", "10.200.1.1", 80, true},
        {"10.0.0.0/8", "11.0.0.1", 80, false},
        {"10.128.0.0/9", "10.127.0.1", 80, false},
        {"0.0.0.0/0", "8.8.8.8", 80, true},
        {"10.0.0.0/33", "10.0.0.1", 80, false},
        {"0.0.1", "127.0.0.1", 80, false},
        {"::1", "::1", 80, true},
        {"[::1]", "0:0:0:0:0:0:0:1", 80, true},
        {"[::1]:81", "::1", 81, true},
        {"[::1]:81", "::1", 80, false},
        {"fd00::/8", "fd12:3456::1", 80, true},
        {"fd00::/8", "fe12::1", 80, false},
        {"::ffff:1.2.3.4", "1.2.3.4", 80, true},
        {"[", "a", 80, false},
        {":", "a", 80, false},
        {"/", "1.2.3.4", 80, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_msg(sio_proxy_is_exempt(text(rows[i].rules), text(rows[i].host), rows[i].port) ==
                          rows[i].exempt,
                      "%s for %s", rows[i].rules, rows[i].host);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("proxy");
    TCase *tc = tcase_create("proxy");
    tcase_add_test(tc, http_connect);
    tcase_add_test(tc, http_refusals);
    tcase_add_test(tc, http_bytes_behind_the_answer);
    tcase_add_test(tc, http_endless_head);
    tcase_add_test(tc, socks_connect);
    tcase_add_test(tc, socks_refusals);
    tcase_add_test(tc, socks_bytes_behind_the_reply);
    tcase_add_test(tc, what_cannot_be_asked);
    tcase_add_test(tc, no_memory);
    tcase_add_test(tc, urls);
    tcase_add_test(tc, bad_urls);
    tcase_add_test(tc, exemptions);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
