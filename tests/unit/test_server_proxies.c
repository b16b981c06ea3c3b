#include "support.h"

#include "proxies.h"
#include "server_support.h"

#include <stdio.h>
#include <unistd.h>

static sio_address address_of(const char *text) {
    sio_address address;
    ck_assert_int_eq(sio_address_literal(&address, text, 0), 0);
    return address;
}

START_TEST(ranges_are_compared_bit_by_bit) {
    static const char *const texts[] = {"10.1.2.3", "192.168.0.0/17", "fd00::/9", "::1", "unix:"};
    static const struct {
        const char *address;
        bool trusted;
    } cases[] = {
        {"10.1.2.3", true},
        {"10.1.2.4", false},
        {"192.168.127.255", true},
        {"192.168.128.0", false},
        {"fd7f::1", true},
        {"fd80::1", false},
        {"::1", true},
        {"::2", false},
        {"::ffff:10.1.2.3", true},
        {"::ffff:9.1.2.3", false},
        {"::10.1.2.3", false},
    };
    sio_proxies proxies;
    ck_assert_int_eq(sio_proxies_init(&proxies, texts, 5, NULL), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        sio_address address = address_of(cases[i].address);
        ck_assert_msg(sio_proxies_trust(&proxies, &address) == cases[i].trusted, "%s",
                      cases[i].address);
    }
    sio_address local = {.u.any.sa_family = AF_UNIX};
    ck_assert(sio_proxies_trust(&proxies, &local));
    sio_proxies_done(&proxies, NULL);
    ck_assert(!sio_proxies_trust(&proxies, &local));
}
END_TEST

START_TEST(everybody_is_a_range_too) {
    sio_proxies proxies;
    const char *all = "0.0.0.0/0";
    sio_address v4 = address_of("1.2.3.4");
    sio_address v6 = address_of("fd00::1");
    ck_assert_int_eq(sio_proxies_init(&proxies, &all, 1, NULL), 0);
    ck_assert(sio_proxies_trust(&proxies, &v4));
    ck_assert(!sio_proxies_trust(&proxies, &v6));
    sio_proxies_done(&proxies, NULL);
}
END_TEST

START_TEST(bad_ranges_are_refused) {
    static const char *const bad[] = {
        "",     "localhost",   "10.0.0.0/33", "::1/129",       "10.0.0.0/", "10.0.0.0/-1",
        "10/8", "10.0.0.0/8 ", "/8",          "10.0.0.0/0008", NULL,
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        sio_proxies proxies;
        ck_assert_int_eq(sio_proxies_init(&proxies, &bad[i], 1, NULL), SIO_ERR_INVALID);
    }
}
END_TEST

/* ---- through a server ---- */

typedef struct seen {
    char address[128];
    bool secure;
} seen;

static void on_request(sio_request *request, void *user) {
    seen *s = user;
    snprintf(s->address, sizeof s->address, "%s", sio_request_address(request));
    s->secure = sio_request_secure(request);
    ck_assert_int_eq(sio_request_reply(request, 200, NULL, NULL, 0), 0);
}

static void expect(server_test *t, seen *s, const char *headers, const char *address, bool secure) {
    *s = (seen){0};
    http_expect(t, "GET", "/", headers, NULL, 200, NULL);
    ck_assert_msg(strcmp(s->address, address) == 0, "%s gave %s", headers, s->address);
    ck_assert_msg(s->secure == secure, "%s", headers);
}

static void start(server_test *t, seen *s, const char *const *proxies, size_t count) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.trusted_proxies = proxies;
    options.trusted_proxy_count = count;
    server_start(t, &options);
    sio_server_on_request(t->server, on_request, s);
}

START_TEST(a_trusted_proxy_is_believed) {
    static const char *const proxies[] = {"127.0.0.0/8", "10.0.0.0/8"};
    server_test t;
    seen s;
    start(&t, &s, proxies, 2);
    expect(&t, &s, "", "127.0.0.1", false);
    expect(&t, &s, "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\n", "1.2.3.4", true);
    expect(&t, &s, "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: http\r\n", "1.2.3.4", false);
    expect(&t, &s, "X-Forwarded-Proto: WSS\r\n", "127.0.0.1", true);
    /* What the client itself wrote stands on the left. */
    expect(&t, &s, "X-Forwarded-For: 6.6.6.6, 1.2.3.4,10.0.0.1\r\n", "1.2.3.4", false);
    expect(&t, &s, "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 1.2.3.4\r\n", "1.2.3.4", false);
    expect(&t, &s, "X-Forwarded-For: 10.0.0.2, 10.0.0.1\r\n", "10.0.0.2", false);
    expect(&t, &s, "X-Forwarded-Proto: https, http\r\n", "127.0.0.1", false);
    expect(&t, &s, "X-Forwarded-For: 1.2.3.4:567\r\n", "1.2.3.4", false);
    expect(&t, &s, "X-Forwarded-For: 2001:db8::1\r\n", "2001:db8::1", false);
    expect(&t, &s, "X-Forwarded-For: [2001:db8::1]:567\r\n", "2001:db8::1", false);
    expect(&t, &s, "Forwarded: for=6.6.6.6, for=\"[2001:db8::1]:5\"; proto=https\r\n",
           "2001:db8::1", true);
    expect(&t, &s, "Forwarded: proto=http;By=x;FOR=1.2.3.4\r\n", "1.2.3.4", false);
    server_stop(&t);
}
END_TEST

START_TEST(nonsense_is_not_believed) {
    static const char *const proxies[] = {"127.0.0.1", "10.0.0.0/8"};
    static const char *const bad[] = {
        "X-Forwarded-For: \r\n",         "X-Forwarded-For: unknown\r\n",
        "X-Forwarded-For: 1.2.3.4,\r\n", "X-Forwarded-For: 1.2.3.4, nonsense\r\n",
        "X-Forwarded-For: [::1\r\n",     "X-Forwarded-For: [::1]x\r\n",
        "X-Forwarded-For: ::1%lo\r\n",   "X-Forwarded-For: <script>\r\n",
        "Forwarded: for=_hidden\r\n",    "Forwarded: =;;=\"\r\n",
        "X-Forwarded-Proto: ftp\r\n",    "X-Forwarded-Proto: \r\n",
    };
    server_test t;
    seen s;
    start(&t, &s, proxies, 2);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        expect(&t, &s, bad[i], "127.0.0.1", false);
    }
    /* The nearest proxy is believed as far as it can be read. */
    expect(&t, &s, "X-Forwarded-For: x, 10.0.0.1\r\n", "10.0.0.1", false);
    server_stop(&t);
}
END_TEST

START_TEST(others_are_not_believed) {
    static const char *const proxies[] = {"10.0.0.0/8", "unix:"};
    server_test t;
    seen s;
    start(&t, &s, proxies, 2);
    expect(&t, &s, "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\n", "127.0.0.1", false);
    server_stop(&t);
    start(&t, &s, NULL, 0);
    expect(&t, &s, "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\n", "127.0.0.1", false);
    server_stop(&t);
    sio_server *server;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    const char *bad = "nonsense";
    options.trusted_proxies = &bad;
    options.trusted_proxy_count = 1;
    ck_assert_int_eq(sio_server_new(&server, &options), SIO_ERR_INVALID);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server_proxies");
    TCase *tc = tcase_create("all");
    tcase_add_test(tc, ranges_are_compared_bit_by_bit);
    tcase_add_test(tc, everybody_is_a_range_too);
    tcase_add_test(tc, bad_ranges_are_refused);
    tcase_add_test(tc, a_trusted_proxy_is_believed);
    tcase_add_test(tc, nonsense_is_not_believed);
    tcase_add_test(tc, others_are_not_believed);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
