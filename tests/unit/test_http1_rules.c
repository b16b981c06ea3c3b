#include "support.h"

#include "http1_internal.h"

#include <stdio.h>
#include <string.h>

static const sio_http1_limits limits = {.max_head = 4096, .max_headers = 20, .max_body = 100};
static sio_http1_header slots[20];

static void read_head(sio_http1_head *head, sio_http1_kind kind, const char *text) {
    sio_http1_progress progress = {0};
    *head = (sio_http1_head){0};
    int rc = sio_http1_head_read(head, slots, kind, &limits, &progress, text, strlen(text));
    ck_assert_int_eq(rc, 1);
}

static int request(sio_http1_head *head, const char *text) {
    read_head(head, SIO_HTTP1_REQUESTS, text);
    return sio_http1_rules_request(head, &limits);
}

static void is_text(sio_str text, const char *want) {
    ck_assert_uint_eq(text.len, strlen(want));
    ck_assert_mem_eq(text.ptr, want, text.len);
}

START_TEST(test_keep_alive) {
    static const struct {
        const char *version;
        const char *lines;
        bool keep;
    } cases[] = {
        {"1.1", "", true},
        {"1.1", "Connection: close\r\n", false},
        {"1.1", "Connection: keep-alive, CLOSE\r\n", false},
        {"1.1", "Connection: a\r\nConnection: close\r\n", false},
        {"1.1", "Connection: closed\r\n", true},
        {"1.0", "", false},
        {"1.0", "Connection: Keep-Alive\r\n", true},
        {"1.0", "Connection: keep-alive, close\r\n", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[256];
        snprintf(text, sizeof(text), "GET / HTTP/%s\r\nHost: x\r\n%s\r\n", cases[i].version,
                 cases[i].lines);
        sio_http1_head head;
        ck_assert_int_eq(request(&head, text), 0);
        ck_assert_int_eq(head.keep_alive, cases[i].keep);
    }
}
END_TEST

START_TEST(test_upgrade) {
    sio_http1_head head;
    ck_assert_int_eq(request(&head, "GET / HTTP/1.1\r\nHost: x\r\nConnection: x , UPGRADE\r\n"
                                    "Upgrade: websocket\r\n\r\n"),
                     0);
    ck_assert(head.upgrade);
    ck_assert_int_eq(request(&head, "GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\n\r\n"), 0);
    ck_assert(!head.upgrade);
    ck_assert_int_eq(request(&head, "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n"), 0);
    ck_assert(!head.upgrade);
    ck_assert_int_eq(
        request(&head, "GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"), 0);
    ck_assert(!head.upgrade);
}
END_TEST

START_TEST(test_host) {
    sio_http1_head head;
    ck_assert_int_eq(request(&head, "GET / HTTP/1.1\r\nHOST: ex.am:81\r\n\r\n"), 0);
    is_text(head.host, "ex.am:81");
    ck_assert_int_eq(request(&head, "GET http://a:1/b?c HTTP/1.1\r\nHost: other\r\n\r\n"), 0);
    is_text(head.host, "a:1");
    is_text(head.target, "/b?c");
    ck_assert_int_eq(request(&head, "GET http://a HTTP/1.1\r\nHost: a\r\n\r\n"), 0);
    is_text(head.target, "/");
    ck_assert_int_eq(request(&head, "GET / HTTP/1.0\r\n\r\n"), 0);
    ck_assert_uint_eq(head.host.len, 0);
    /* Even when the target names the host, Host itself must be in order. */
    ck_assert_int_eq(request(&head, "GET http://a/ HTTP/1.1\r\n\r\n"), SIO_ERR_HTTP_HOST);
}
END_TEST

START_TEST(test_request_framing) {
    sio_http1_head head;
    ck_assert_int_eq(request(&head, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"), 0);
    ck_assert(head.has_length);
    ck_assert_uint_eq(head.length, 100);
    ck_assert_int_eq(sio_http1_framing_request(&head), SIO_HTTP1_BODY_LENGTH);
    ck_assert_int_eq(request(&head, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n"),
                     SIO_ERR_HTTP_BODY_TOO_LARGE);
    ck_assert_int_eq(request(&head, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"), 0);
    ck_assert(head.has_length);
    ck_assert_int_eq(sio_http1_framing_request(&head), SIO_HTTP1_BODY_NONE);
    ck_assert_int_eq(
        request(&head, "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: CHUNKED\r\n\r\n"), 0);
    ck_assert_int_eq(sio_http1_framing_request(&head), SIO_HTTP1_BODY_CHUNKED);
}
END_TEST

START_TEST(test_response_framing) {
    static const struct {
        const char *text;
        sio_http1_asked asked;
        sio_http1_framing framing;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", SIO_HTTP1_ASKED_PLAIN,
         SIO_HTTP1_BODY_LENGTH},
        {"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", SIO_HTTP1_ASKED_HEAD,
         SIO_HTTP1_BODY_NONE},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", SIO_HTTP1_ASKED_CONNECT,
         SIO_HTTP1_BODY_NONE},
        {"HTTP/1.1 407 No\r\nContent-Length: 5\r\n\r\n", SIO_HTTP1_ASKED_CONNECT,
         SIO_HTTP1_BODY_LENGTH},
        {"HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n", SIO_HTTP1_ASKED_PLAIN,
         SIO_HTTP1_BODY_NONE},
        {"HTTP/1.1 304 No\r\nContent-Length: 500\r\n\r\n", SIO_HTTP1_ASKED_PLAIN,
         SIO_HTTP1_BODY_NONE},
        {"HTTP/1.1 101 Up\r\n\r\n", SIO_HTTP1_ASKED_UPGRADE, SIO_HTTP1_BODY_NONE},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", SIO_HTTP1_ASKED_UPGRADE,
         SIO_HTTP1_BODY_CHUNKED},
        {"HTTP/1.1 200 OK\r\n\r\n", SIO_HTTP1_ASKED_PLAIN, SIO_HTTP1_BODY_UNTIL_CLOSE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        sio_http1_head head;
        sio_http1_framing framing;
        read_head(&head, SIO_HTTP1_RESPONSES, cases[i].text);
        ck_assert_int_eq(sio_http1_rules_response(&head, &framing, cases[i].asked, &limits), 0);
        ck_assert_int_eq(framing, cases[i].framing);
        ck_assert_int_eq(head.keep_alive, framing != SIO_HTTP1_BODY_UNTIL_CLOSE);
    }
    sio_http1_head head;
    sio_http1_framing framing;
    read_head(&head, SIO_HTTP1_RESPONSES, "HTTP/1.0 101 Up\r\nUpgrade: websocket\r\n\r\n");
    ck_assert_int_eq(sio_http1_rules_response(&head, &framing, SIO_HTTP1_ASKED_UPGRADE, &limits),
                     SIO_ERR_HTTP_STATUS);
}
END_TEST

int main(void) {
    Suite *s = suite_create("http1_rules");
    TCase *tc = tcase_create("all");
    tcase_add_test(tc, test_keep_alive);
    tcase_add_test(tc, test_upgrade);
    tcase_add_test(tc, test_host);
    tcase_add_test(tc, test_request_framing);
    tcase_add_test(tc, test_response_framing);
    suite_add_tcase(s, tc);
    return test_run(s);
}
