#include "support.h"

#include "http1_internal.h"

#include <string.h>

static const sio_http1_limits limits = {.max_body = 20, .max_discard = 30};

typedef struct reading {
    sio_http1_body body;
    char data[64];
    size_t len;
    int rc;
    size_t consumed;
} reading;

static bool feed(void *arg, uint8_t *piece, size_t len) {
    reading *r = arg;
    size_t at = 0;
    do {
        size_t used;
        sio_bytes out;
        r->rc = sio_http1_body_read(&r->body, piece + at, len - at, &used, &out);
        if (r->rc < 0) {
            return false;
        }
        at += used;
        r->consumed += used;
        if (r->rc == SIO_HTTP1_BODY_PIECE) {
            ck_assert_ptr_eq(out.ptr + out.len, piece + at);
            memcpy(r->data + r->len, out.ptr, out.len);
            r->len += out.len;
        }
    } while (r->rc != SIO_HTTP1_BODY_DONE && at < len);
    return r->rc != SIO_HTTP1_BODY_DONE;
}

typedef struct expectation {
    sio_http1_framing framing;
    uint64_t length;
    const char *text;
    const char *data;
    int rc;
} expectation;

static void check(const test_cut *cut, void *arg) {
    const expectation *e = arg;
    reading r = {.rc = 0};
    sio_http1_body_start(&r.body, e->framing, e->length, &limits);
    test_feed(cut, e->text, strlen(e->text), feed, &r);
    /* A body whose data ends its input is done when it is asked for more. */
    if (r.rc == SIO_HTTP1_BODY_PIECE) {
        size_t used;
        sio_bytes out;
        r.rc = sio_http1_body_read(&r.body, NULL, 0, &used, &out);
    }
    ck_assert_int_eq(r.rc, e->rc);
    ck_assert_uint_eq(r.len, strlen(e->data));
    ck_assert_mem_eq(r.data, e->data, r.len);
}

static void expect(sio_http1_framing framing, uint64_t length, const char *text, const char *data,
                   int rc) {
    expectation e = {framing, length, text, data, rc};
    test_each_cut(strlen(text), check, &e);
}

START_TEST(test_length) {
    expect(SIO_HTTP1_BODY_LENGTH, 5, "hello", "hello", SIO_HTTP1_BODY_DONE);
    expect(SIO_HTTP1_BODY_LENGTH, 6, "hello", "hello", SIO_HTTP1_BODY_MORE);
    expect(SIO_HTTP1_BODY_LENGTH, 3, "hello", "hel", SIO_HTTP1_BODY_DONE);
    expect(SIO_HTTP1_BODY_NONE, 0, "hello", "", SIO_HTTP1_BODY_DONE);
}
END_TEST

START_TEST(test_chunks) {
    sio_http1_framing c = SIO_HTTP1_BODY_CHUNKED;
    expect(c, 0, "0\r\n\r\n", "", SIO_HTTP1_BODY_DONE);
    expect(c, 0, "5\r\nhello\r\n00A;n=v;m\r\n1234567890\r\n0\r\n\r\n", "hello1234567890",
           SIO_HTTP1_BODY_DONE);
    expect(c, 0, "1\r\na\r\n0\r\nName: value\r\nB:\r\n\r\n", "a", SIO_HTTP1_BODY_DONE);
    expect(c, 0, "14\r\n12345678901234567890\r\n0\r\n", "12345678901234567890",
           SIO_HTTP1_BODY_MORE);
    expect(c, 0, "15\r\n", "", SIO_ERR_HTTP_BODY_TOO_LARGE);
    expect(c, 0, "14\r\n12345678901234567890\r\n1\r\n", "12345678901234567890",
           SIO_ERR_HTTP_BODY_TOO_LARGE);
    expect(c, 0, "1;123456789012345678901234567890\r\na", "a", SIO_HTTP1_BODY_MORE);
    expect(c, 0, "1;1234567890123456789012345678901\r\na", "", SIO_ERR_HTTP_CHUNK);
    expect(c, 0, "0\r\nName: 12345678901234567890123456\r\n", "", SIO_ERR_HTTP_HEAD_TOO_LARGE);
    expect(c, 0, "ffffffffffffffff0\r\n", "", SIO_ERR_HTTP_CHUNK);
    expect(c, 0, "\r\n", "", SIO_ERR_HTTP_CHUNK);
    expect(c, 0, ";a\r\n", "", SIO_ERR_HTTP_CHUNK);
    expect(c, 0, "-1\r\n", "", SIO_ERR_HTTP_CHUNK);
    expect(c, 0, "1;a;b=c;d=\"x\\\";=\"\r\na", "a", SIO_HTTP1_BODY_MORE);
    static const char *const bad[] = {
        "1;\r\na",      "1; b\r\na",  "1;=x\r\na",    "1;;\r\na",        "1;a=\r\na",
        "1;a=;b\r\na",  "1;a\"\r\na", "1;a=b\"\r\na", "1;a=\"b\r\na",    "1;a=\"b\"c\r\na",
        "1;a=b=c\r\na", "1 ;a\r\na",  "1;a\xe9\r\na", "1;a=\"\n\"\r\na",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        expect(c, 0, bad[i], "", SIO_ERR_HTTP_CHUNK);
    }
    expect(c, 0, "1\r\nab", "a", SIO_ERR_HTTP_CHUNK);
}
END_TEST

START_TEST(test_until_close) {
    sio_http1_framing u = SIO_HTTP1_BODY_UNTIL_CLOSE;
    expect(u, 0, "anything", "anything", SIO_HTTP1_BODY_MORE);
    expect(u, 0, "123456789012345678901", "12345678901234567890", SIO_ERR_HTTP_BODY_TOO_LARGE);
    sio_http1_body body;
    sio_http1_body_start(&body, u, 0, &limits);
    ck_assert(sio_http1_body_ends_at_close(&body));
    sio_http1_body_start(&body, SIO_HTTP1_BODY_LENGTH, 3, &limits);
    ck_assert(!sio_http1_body_ends_at_close(&body));
}
END_TEST

int main(void) {
    Suite *s = suite_create("http1_body");
    TCase *tc = tcase_create("all");
    tcase_add_test(tc, test_length);
    tcase_add_test(tc, test_chunks);
    tcase_add_test(tc, test_until_close);
    suite_add_tcase(s, tc);
    return test_run(s);
}
