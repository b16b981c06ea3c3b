#include "server_files_support.h"

#include "static_files.h"

#include <sys/stat.h>
#include <utime.h>

#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"
enum { DATE_SECONDS = 784111777 };

static void put_at(const files_test *t, const char *name, const char *text, size_t times,
                   time_t modified) {
    struct utimbuf when = {modified, modified};
    put(t, name, text, times);
    ck_assert_int_eq(utime(path_of(t, name), &when), 0);
}

/* A folder with digits.txt (ten bytes), long.js (compressible) and photo.png (not). */
static void setup(files_test *t) {
    files_make_root(t);
    put_at(t, "digits.txt", "0123456789", 1, DATE_SECONDS);
    put_at(t, "empty.txt", "", 1, DATE_SECONDS);
    put_at(t, "long.js", "var x;\n", 500, DATE_SECONDS);
    put_at(t, "photo.png", "pixels", 500, DATE_SECONDS);
    files_serve(t, t->root);
}

static const char *get(files_test *t, const char *path, const char *headers, const char *begins) {
    return ask(t, "GET", path, headers, begins);
}

static const char *body_of(const char *answer) {
    return strstr(answer, "\r\n\r\n") + 4;
}

static void etag_of(const char *answer, char etag[64]) {
    ck_assert_int_eq(sscanf(strstr(answer, "ETag: "), "ETag: %63s", etag), 1);
}

START_TEST(parts_are_served) {
    static const struct {
        const char *range;
        const char *content_range;
        const char *body;
    } rows[] = {
        {"bytes=0-0", "bytes 0-0/10", "0"},           {"bytes=2-5", "bytes 2-5/10", "2345"},
        {"bytes=7-", "bytes 7-9/10", "789"},          {"bytes=-2", "bytes 8-9/10", "89"},
        {"bytes=0-99", "bytes 0-9/10", "0123456789"},
    };
    files_test t;
    char line[128];
    setup(&t);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(line, sizeof line, "Range: %s\r\n", rows[i].range);
        const char *answer = get(&t, "/s/digits.txt", line, "HTTP/1.1 206 Partial Content\r\n");
        snprintf(line, sizeof line, "\r\nContent-Range: %s\r\n", rows[i].content_range);
        ck_assert_msg(has(answer, line), "%s", answer);
        ck_assert(has(answer, "\r\nETag: \"") && has(answer, "\r\nLast-Modified: " DATE "\r\n"));
        ck_assert_str_eq(body_of(answer), rows[i].body);
    }
    teardown(&t);
}
END_TEST

START_TEST(what_is_no_part_is_the_whole) {
    static const char *const rows[] = {
        "",
        "Range: bytes=5-2\r\n",
        "Range: bytes=0-1,4-5\r\n", /* several: as a server may */
        "Range: lines=0-1\r\n",
        "Range: bytes=0-1\r\nRange: bytes=2-3\r\n",
    };
    files_test t;
    setup(&t);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *answer = get(&t, "/s/digits.txt", rows[i], "HTTP/1.1 200");
        ck_assert(has(answer, "\r\nAccept-Ranges: bytes\r\n") && !has(answer, "Content-Range"));
        ck_assert_str_eq(body_of(answer), "0123456789");
    }
    get(&t, "/s/empty.txt", "Range: bytes=0-\r\n", "HTTP/1.1 200");
    teardown(&t);
}
END_TEST

START_TEST(parts_behind_the_end_are_416) {
    files_test t;
    setup(&t);
    const char *answer =
        get(&t, "/s/digits.txt", "Range: bytes=10-\r\n", "HTTP/1.1 416 Range Not Satisfiable\r\n");
    ck_assert(has(answer, "\r\nContent-Range: bytes */10\r\n"));
    get(&t, "/s/digits.txt", "Range: bytes=-0\r\n", "HTTP/1.1 416");
    get(&t, "/s/digits.txt", "", "HTTP/1.1 200");
    teardown(&t);
}
END_TEST

START_TEST(if_range_guards_the_part) {
    files_test t;
    char etag[64], line[256];
    setup(&t);
    etag_of(get(&t, "/s/digits.txt", "", "HTTP/1.1 200"), etag);
    snprintf(line, sizeof line, "Range: bytes=1-2\r\nIf-Range: %s\r\n", etag);
    get(&t, "/s/digits.txt", line, "HTTP/1.1 206");
    snprintf(line, sizeof line, "Range: bytes=1-2\r\nIf-Range: W/%s\r\n", etag);
    get(&t, "/s/digits.txt", line, "HTTP/1.1 200");
    get(&t, "/s/digits.txt", "Range: bytes=1-2\r\nIf-Range: \"other\"\r\n", "HTTP/1.1 200");
    get(&t, "/s/digits.txt", "Range: bytes=1-2\r\nIf-Range: " DATE "\r\n", "HTTP/1.1 206");
    get(&t, "/s/digits.txt", "Range: bytes=1-2\r\nIf-Range: Sun, 06 Nov 1994 08:49:38 GMT\r\n",
        "HTTP/1.1 200");
    get(&t, "/s/digits.txt", "Range: bytes=99-\r\nIf-Range: \"other\"\r\n", "HTTP/1.1 200");
    get(&t, "/s/digits.txt", "Range: bytes=1-2\r\nIf-Range:\r\n", "HTTP/1.1 200");
    teardown(&t);
}
END_TEST

START_TEST(dates_are_compared_without_tags) {
    files_test t;
    setup(&t);
    const char *answer =
        get(&t, "/s/digits.txt", "If-Modified-Since: " DATE "\r\n", "HTTP/1.1 304");
    ck_assert(has(answer, "\r\nLast-Modified: " DATE "\r\n") && has(answer, "\r\nETag: "));
    get(&t, "/s/digits.txt", "If-Modified-Since: Sun, 06 Nov 1994 08:49:38 GMT\r\n",
        "HTTP/1.1 304");
    get(&t, "/s/digits.txt", "If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n",
        "HTTP/1.1 200");
    get(&t, "/s/digits.txt", "If-Modified-Since: yesterday\r\n", "HTTP/1.1 200");
    get(&t, "/s/digits.txt", "If-None-Match: \"other\"\r\nIf-Modified-Since: " DATE "\r\n",
        "HTTP/1.1 200");
    /* What the client has comes before what part it wants. */
    get(&t, "/s/digits.txt", "If-Modified-Since: " DATE "\r\nRange: bytes=0-1\r\n", "HTTP/1.1 304");
    teardown(&t);
}
END_TEST

START_TEST(head_has_no_parts_and_no_body) {
    files_test t;
    setup(&t);
    client_send(&t.client, "HEAD /s/digits.txt HTTP/1.1\r\nHost: h\r\nRange: bytes=1-2\r\n\r\n");
    CLIENT_UNTIL(&t.client, has(t.client.text, "\r\n\r\n"));
    ck_assert(has(t.client.text, "HTTP/1.1 200") && has(t.client.text, "Content-Length: 10\r\n"));
    ck_assert_str_eq(body_of(t.client.text), "");
    teardown(&t);
}
END_TEST

START_TEST(large_parts_come_in_order) {
    files_test t;
    setup(&t);
    put_at(&t, "big.bin", "0123456789abcdef", 30000, DATE_SECONDS);
    const char *answer =
        get(&t, "/s/big.bin", "Range: bytes=160001-400000\r\n", "HTTP/1.1 206 Partial");
    const char *body = body_of(answer);
    ck_assert_uint_eq(strlen(body), 240000);
    for (size_t i = 0; i < 240000; i++) {
        ck_assert_int_eq(body[i], "0123456789abcdef"[(i + 1) % 16]);
    }
    teardown(&t);
}
END_TEST

#define GZIP "Accept-Encoding: gzip\r\n"

START_TEST(what_lies_compressed_beside_it_is_sent) {
    files_test t;
    char plain[64], packed[64], line[128];
    setup(&t);
    put_at(&t, "long.js.gz", "GZ", 1, DATE_SECONDS);
    put_at(&t, "long.js.br", "BR", 1, DATE_SECONDS + 5);
    etag_of(get(&t, "/s/long.js", "", "HTTP/1.1 200"), plain);
    const char *answer = get(&t, "/s/long.js", GZIP, "HTTP/1.1 200");
    ck_assert(has(answer, "\r\nContent-Encoding: gzip\r\n"));
    ck_assert(has(answer, "\r\nVary: Accept-Encoding\r\n"));
    ck_assert(has(answer, "\r\nContent-Type: text/javascript; charset=utf-8\r\n"));
    ck_assert_str_eq(body_of(answer), "GZ");
    etag_of(answer, packed);
    ck_assert_str_ne(plain, packed);
    snprintf(line, sizeof line, GZIP "If-None-Match: %s\r\n", packed);
    ck_assert(has(get(&t, "/s/long.js", line, "HTTP/1.1 304"), packed));
    snprintf(line, sizeof line, "If-None-Match: %s\r\n", packed);
    get(&t, "/s/long.js", line, "HTTP/1.1 200");
    answer = get(&t, "/s/long.js", "Accept-Encoding: br, gzip\r\n", "HTTP/1.1 200");
    ck_assert(has(answer, "\r\nContent-Encoding: br\r\n"));
    ck_assert_str_eq(body_of(answer), "BR");
    /* Parts are parts of the plain file. */
    answer = get(&t, "/s/long.js", GZIP "Range: bytes=0-2\r\n", "HTTP/1.1 206");
    ck_assert(!has(answer, "Content-Encoding"));
    ck_assert_str_eq(body_of(answer), "var");
    teardown(&t);
}
END_TEST

START_TEST(an_older_neighbour_is_not_taken) {
    files_test t;
    setup(&t);
    put_at(&t, "long.js.br", "OLD", 1, DATE_SECONDS - 1);
    const char *answer = get(&t, "/s/long.js", "Accept-Encoding: br\r\n", "HTTP/1.1 200");
    ck_assert(!has(answer, "Content-Encoding") && has(answer, "Vary: Accept-Encoding"));
    ck_assert(has(answer, "\r\nContent-Length: 3500\r\n"));
    teardown(&t);
}
END_TEST

START_TEST(neighbours_outside_are_not_reached) {
    files_test t;
    setup(&t);
    ck_assert_int_eq(symlink("/etc/passwd", path_of(&t, "long.js.br")), 0);
    ck_assert_int_eq(mkfifo(path_of(&t, "long.js.gz"), 0600), 0);
    const char *answer = get(&t, "/s/long.js", "Accept-Encoding: br\r\n", "HTTP/1.1 200");
    ck_assert(!has(answer, "root:") && !has(answer, "Content-Encoding"));
    get(&t, "/s/long.js", GZIP, "HTTP/1.1 200");
    teardown(&t);
}
END_TEST

#if SIO_HAVE_DEFLATE
START_TEST(files_are_compressed) {
    files_test t;
    setup(&t);
    const char *answer = get(&t, "/s/long.js", GZIP, "HTTP/1.1 200");
    ck_assert(has(answer, "\r\nContent-Encoding: gzip\r\n"));
    ck_assert_int_eq((uint8_t)body_of(answer)[0], 0x1f);
    answer = get(&t, "/s/long.js", "Accept-Encoding: deflate;q=1, gzip;q=0.9\r\n", "HTTP/1.1 200");
    ck_assert(has(answer, "\r\nContent-Encoding: deflate\r\n"));
    answer = get(&t, "/s/long.js", "Accept-Encoding: br, gzip;q=0.1\r\n", "HTTP/1.1 200");
    ck_assert(has(answer, "\r\nContent-Encoding: gzip\r\n"));
    ck_assert(!has(get(&t, "/s/photo.png", GZIP, "HTTP/1.1 200"), "Content-Encoding"));
    ck_assert(!has(get(&t, "/s/digits.txt", GZIP, "HTTP/1.1 200"), "Content-Encoding"));
    teardown(&t);
}
END_TEST
#endif

int main(void) {
    Suite *suite = suite_create("server_file_answer");
    TCase *tc = tcase_create("all");
    tcase_add_test(tc, parts_are_served);
    tcase_add_test(tc, what_is_no_part_is_the_whole);
    tcase_add_test(tc, parts_behind_the_end_are_416);
    tcase_add_test(tc, if_range_guards_the_part);
    tcase_add_test(tc, dates_are_compared_without_tags);
    tcase_add_test(tc, head_has_no_parts_and_no_body);
    tcase_add_test(tc, large_parts_come_in_order);
    tcase_add_test(tc, what_lies_compressed_beside_it_is_sent);
    tcase_add_test(tc, an_older_neighbour_is_not_taken);
    tcase_add_test(tc, neighbours_outside_are_not_reached);
#if SIO_HAVE_DEFLATE
    tcase_add_test(tc, files_are_compressed);
#endif
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
