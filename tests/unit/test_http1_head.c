#include "support.h"

#include "http1_internal.h"

#include <stdlib.h>
#include <string.h>

static sio_http1_limits limits = {.max_head = 256, .max_headers = 3};

typedef struct reading {
    sio_http1_head head;
    sio_http1_header slots[3];
    sio_http1_progress progress;
} reading;

static int read_head(reading *r, sio_http1_kind kind, const char *text, size_t len) {
    *r = (reading){0};
    return sio_http1_head_read(&r->head, r->slots, kind, &limits, &r->progress, text, len);
}

static void is_text(sio_str text, const char *want) {
    ck_assert_uint_eq(text.len, strlen(want));
    ck_assert_mem_eq(text.ptr, want, text.len);
}

START_TEST(test_request_parts) {
    static const char text[] = "PATCH /a?b HTTP/1.1\r\nA: \t one two \t \r\nb:\r\n\r\nbody";
    reading r;
    ck_assert_int_eq(read_head(&r, SIO_HTTP1_REQUESTS, text, sizeof(text) - 1), 1);
    is_text(r.head.method, "PATCH");
    is_text(r.head.target, "/a?b");
    ck_assert_int_eq(r.head.minor, 1);
    ck_assert_uint_eq(r.head.header_count, 2);
    is_text(r.head.headers[0].name, "A");
    is_text(r.head.headers[0].value, "one two");
    is_text(r.head.headers[1].name, "b");
    is_text(r.head.headers[1].value, "");
    ck_assert_str_eq(text + r.progress.at, "body");
}
END_TEST

START_TEST(test_status_parts) {
    static const char text[] = "HTTP/1.0 503 Not \xc3\xa4 now\r\n\r\n";
    reading r;
    ck_assert_int_eq(read_head(&r, SIO_HTTP1_RESPONSES, text, sizeof(text) - 1), 1);
    ck_assert_int_eq(r.head.status, 503);
    is_text(r.head.reason, "Not \xc3\xa4 now");
    ck_assert_int_eq(r.head.minor, 0);
}
END_TEST

/* Every prefix, in a block of exactly its size, is incomplete; and reading goes on behind the last
 * complete line. */
START_TEST(test_prefixes) {
    static const char text[] = "\r\nGET / HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\n";
    for (size_t len = 0; len + 1 < sizeof(text) - 1; len++) {
        char *copy = malloc(len + 1);
        memcpy(copy, text, len);
        char *exact = realloc(copy, len ? len : 1);
        reading r;
        ck_assert_int_eq(read_head(&r, SIO_HTTP1_REQUESTS, exact, len), 0);
        ck_assert_uint_le(r.progress.at, len);
        ck_assert(r.progress.at == 0 || text[r.progress.at - 1] == '\n');
        sio_http1_progress before = r.progress;
        int rc = sio_http1_head_read(&r.head, r.slots, SIO_HTTP1_REQUESTS, &limits, &r.progress,
                                     text, sizeof(text) - 1);
        ck_assert_int_eq(rc, 1);
        ck_assert_uint_eq(r.progress.at, sizeof(text) - 1);
        ck_assert_uint_ge(r.progress.lines, before.lines);
        ck_assert_uint_eq(r.head.header_count, 2);
        free(exact);
    }
}
END_TEST

START_TEST(test_limits) {
    reading r;
    char text[512];
    memset(text, 'a', sizeof(text));
    ck_assert_int_eq(read_head(&r, SIO_HTTP1_REQUESTS, text, 255), 0);
    ck_assert_int_eq(read_head(&r, SIO_HTTP1_REQUESTS, text, 256), SIO_ERR_HTTP_HEAD_TOO_LARGE);
    ck_assert_int_eq(read_head(&r, SIO_HTTP1_REQUESTS, text, 512), SIO_ERR_HTTP_HEAD_TOO_LARGE);
    static const char four[] = "GET / HTTP/1.1\r\na:\r\nb:\r\nc:\r\nd:\r\n";
    ck_assert_int_eq(read_head(&r, SIO_HTTP1_REQUESTS, four, sizeof(four) - 5), 0);
    ck_assert_int_eq(read_head(&r, SIO_HTTP1_REQUESTS, four, sizeof(four) - 1),
                     SIO_ERR_HTTP_TOO_MANY_HEADERS);
}
END_TEST

/* An error counts when its line is complete, not before. */
START_TEST(test_errors_wait_for_their_line) {
    static const char text[] = "GET / HTTP/9.9 and more\r\n";
    reading r;
    for (size_t len = 0; len < sizeof(text) - 1; len++) {
        ck_assert_int_eq(read_head(&r, SIO_HTTP1_REQUESTS, text, len), 0);
    }
    ck_assert_int_eq(read_head(&r, SIO_HTTP1_REQUESTS, text, sizeof(text) - 1),
                     SIO_ERR_HTTP_VERSION);
}
END_TEST

START_TEST(test_method_length) {
    static const char longest[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF / HTTP/1.0\r\n\r\n";
    reading r;
    ck_assert_int_eq(read_head(&r, SIO_HTTP1_REQUESTS, longest, sizeof(longest) - 1), 1);
    ck_assert_uint_eq(r.head.method.len, 32);
}
END_TEST

int main(void) {
    Suite *s = suite_create("http1_head");
    TCase *tc = tcase_create("all");
    tcase_add_test(tc, test_request_parts);
    tcase_add_test(tc, test_status_parts);
    tcase_add_test(tc, test_prefixes);
    tcase_add_test(tc, test_limits);
    tcase_add_test(tc, test_errors_wait_for_their_line);
    tcase_add_test(tc, test_method_length);
    suite_add_tcase(s, tc);
    return test_run(s);
}
