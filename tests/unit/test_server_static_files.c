#include "server_files_support.h"

#include "static_files.h"

#include <sys/stat.h>

/* A folder with a neighbour that must never be reached. */
static void make_tree(files_test *t) {
    files_make_root(t);
    static const char *const dirs[] = {"pub", "pub/sub", "pub/.git", "pub/noindex", "pubother"};
    for (size_t i = 0; i < 5; i++) {
        ck_assert_int_eq(mkdir(path_of(t, dirs[i]), 0700), 0);
    }
    put(t, "secret.txt", "SECRET", 1);
    put(t, "pubother/s.txt", "SECRET", 1);
    put(t, "pub/index.html", "<p>root", 1);
    put(t, "pub/a.txt", "hello", 1);
    put(t, "pub/with space.js", "js", 1);
    put(t, "pub/empty.css", "", 1);
    put(t, "pub/.hidden", "SECRET", 1);
    put(t, "pub/.git/config", "SECRET", 1);
    put(t, "pub/sub/index.html", "<p>sub", 1);
    ck_assert_int_eq(symlink("../secret.txt", path_of(t, "pub/up.txt")), 0);
    ck_assert_int_eq(symlink(t->root, path_of(t, "pub/out")), 0);
    ck_assert_int_eq(symlink("/etc/passwd", path_of(t, "pub/passwd")), 0);
    ck_assert_int_eq(symlink("/dev/null", path_of(t, "pub/null")), 0);
    ck_assert_int_eq(symlink("loop", path_of(t, "pub/loop")), 0);
    ck_assert_int_eq(mknod(path_of(t, "pub/socket"), S_IFSOCK | 0600, 0), 0);
    ck_assert_int_eq(mkfifo(path_of(t, "pub/fifo"), 0600), 0);
}

static void setup(files_test *t) {
    make_tree(t);
    files_serve(t, path_of(t, "pub"));
}

START_TEST(files_have_types_and_tags) {
    static const struct {
        const char *path;
        const char *type;
        const char *body;
    } rows[] = {
        {"/s/a.txt", "text/plain; charset=utf-8", "\r\n\r\nhello"},
        {"/s/a.txt?query", "text/plain; charset=utf-8", "\r\n\r\nhello"},
        {"/s/%61.txt", "text/plain; charset=utf-8", "\r\n\r\nhello"},
        {"/s/with%20space.js", "text/javascript; charset=utf-8", "\r\n\r\njs"},
        {"/s/empty.css", "text/css; charset=utf-8", "Content-Length: 0\r\n"},
        {"/s/", "text/html; charset=utf-8", "<p>root"},
        {"/s/sub/", "text/html; charset=utf-8", "<p>sub"},
        {"/s/sub/index.html", "text/html; charset=utf-8", "<p>sub"},
    };
    files_test t;
    setup(&t);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *answer = ask(&t, "GET", rows[i].path, "", "HTTP/1.1 200 OK\r\n");
        char line[128];
        snprintf(line, sizeof line, "\r\nContent-Type: %s\r\n", rows[i].type);
        ck_assert_msg(has(answer, line), "%s: %s", rows[i].path, answer);
        ck_assert_msg(has(answer, rows[i].body), "%s: %s", rows[i].path, answer);
        ck_assert(has(answer, "\r\nETag: \"") && has(answer, "X-Content-Type-Options: nosniff"));
    }
    teardown(&t);
}
END_TEST

static const char *const escapes[] = {
    "/s/../secret.txt",
    "/s/%2e%2e/secret.txt",
    "/s/.%2e/secret.txt",
    "/s/%2E./secret.txt",
    "/s/..%2fsecret.txt",
    "/s/sub/../../secret.txt",
    "/s/..%5csecret.txt",
    "/s/..\\secret.txt",
    "/s/%252e%252e/secret.txt",
    "/s//etc/passwd",
    "/s/%2fetc/passwd",
    "/s/up.txt",
    "/s/out/secret.txt",
    "/s/out",
    "/s/passwd",
    "/s/.hidden",
    "/s/%2ehidden",
    "/s/.git/config",
    "/s/sub/../.hidden",
    "/s/a.txt%00.html",
    "/s/a.txt/",
    "/s/a.txt/x",
    "/s/fifo",
    "/s/noindex/",
    "/s/sub//index.html",
    "/s/sub%2findex.html",
    "/s/sub%2F..%2f..%2fsecret.txt",
    "/s/sub/..%2f../secret.txt",
    "/s/%00",
    "/s/sub/%00/../../secret.txt",
    "/s/a.txt.",
    "/s/a.txt..",
    "/s/a.txt%20",
    "/s/a.txt::$DATA",
    "/s/.../secret.txt",
    "/s/%c0%ae%c0%ae/secret.txt",
    "/s/%e2%80%a4%e2%80%a4/secret.txt",
    "/s/null",
    "/s/loop",
    "/s/socket",
    "/s/none",
    "/s/%ff",
    "/s/%",
    "/sub/",
    "/spubother/s.txt",
    "/sother",
};

START_TEST(nothing_else_can_be_reached) {
    files_test t;
    setup(&t);
    for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++) {
        const char *answer = ask(&t, "GET", escapes[i], "", "HTTP/1.1 4");
        ck_assert_msg(has(answer, "HTTP/1.1 404") && !has(answer, "SECRET"), "%s: %s", escapes[i],
                      answer);
    }
    char long_name[600] = "/s/";
    memset(long_name + 3, 'x', 500);
    ask(&t, "GET", long_name, "", "HTTP/1.1 404");
    teardown(&t);
}
END_TEST

START_TEST(links_inside_the_folder_may_be_followed) {
    files_test t;
    setup(&t);
    ck_assert_int_eq(symlink("../a.txt", path_of(&t, "pub/sub/link.txt")), 0);
    /* Kernels that cannot tell a link's way do not follow any. */
    const char *answer = ask(&t, "GET", "/s/sub/link.txt", "", "HTTP/1.1 ");
    ck_assert(has(answer, "hello") || has(answer, " 404 "));
    teardown(&t);
}
END_TEST

START_TEST(folders_get_their_slash) {
    files_test t;
    setup(&t);
    ck_assert(has(ask(&t, "GET", "/s/sub", "", "HTTP/1.1 301"), "\r\nLocation: /s/sub/\r\n"));
    ck_assert(
        has(ask(&t, "GET", "/s/sub?a=b", "", "HTTP/1.1 301"), "\r\nLocation: /s/sub/?a=b\r\n"));
    ck_assert(has(ask(&t, "GET", "/s", "", "HTTP/1.1 301"), "\r\nLocation: /s/\r\n"));
    teardown(&t);
}
END_TEST

START_TEST(methods_are_get_and_head) {
    files_test t;
    setup(&t);
    client_send(&t.client, "HEAD /s/a.txt HTTP/1.1\r\nHost: h\r\n\r\n");
    CLIENT_UNTIL(&t.client, strstr(t.client.text, "\r\n\r\n") != NULL);
    ck_assert(has(t.client.text, "HTTP/1.1 200") && has(t.client.text, "Content-Length: 5\r\n"));
    ck_assert_str_eq(strstr(t.client.text, "\r\n\r\n"), "\r\n\r\n");
    t.client.len = 0;
    t.client.text[0] = '\0';
    static const char *const others[] = {"POST", "PUT", "DELETE", "OPTIONS", "get"};
    for (size_t i = 0; i < 5; i++) {
        ck_assert(
            has(ask(&t, others[i], "/s/a.txt", "", "HTTP/1.1 405"), "\r\nAllow: GET, HEAD\r\n"));
    }
    teardown(&t);
}
END_TEST

static void with_etag(char out[512], const char *const around[2], const char *etag) {
    snprintf(out, 512, "%s%s%s", around[0], etag, around[1]);
}

START_TEST(known_files_are_304) {
    files_test t;
    char etag[64];
    char headers[512];
    setup(&t);
    const char *answer = ask(&t, "GET", "/s/a.txt", "", "HTTP/1.1 200");
    ck_assert_int_eq(sscanf(strstr(answer, "ETag: "), "ETag: %63s", etag), 1);
    static const char *const known[][2] = {
        {"If-None-Match: ", "\r\n"},
        {"If-None-Match: W/", "\r\n"},
        {"If-None-Match: \"x, y\" , W/\"z\",", "\r\n"},
        {"If-None-Match: \"a\"\r\nif-none-match: ", "\r\n"},
        {"If-None-Match: *\r\nX: ", "\r\n"},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        with_etag(headers, known[i], etag);
        answer = ask(&t, "GET", "/s/a.txt", headers, "HTTP/1.1 304 Not Modified\r\n");
        ck_assert(has(answer, etag) && !has(answer, "Content-Length"));
    }
    static const char *const unknown[][2] = {
        {"If-None-Match: \"", "\"\r\n"},
        {"If-None-Match: W/\r\nX: ", "\r\n"},
        {"If-None-Match: \"unclosed, ", "\r\n"},
        {"If-None-Match: \r\nX: ", "\r\n"},
        {"If-Match: ", "\r\n"},
    };
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        with_etag(headers, unknown[i], etag);
        ask(&t, "GET", "/s/a.txt", headers, "HTTP/1.1 200");
    }
    put(&t, "pub/a.txt", "changed!", 1);
    with_etag(headers, known[0], etag);
    ck_assert(has(ask(&t, "GET", "/s/a.txt", headers, "HTTP/1.1 200"), "changed!"));
    teardown(&t);
}
END_TEST

static void put_big(files_test *t, size_t size) {
    FILE *f = fopen(path_of(t, "pub/big.bin"), "w");
    for (size_t i = 0; i < size / 4; i++) {
        fprintf(f, "%04zu", i % 10000);
    }
    fclose(f);
}

START_TEST(big_files_come_in_order_and_later_requests_wait) {
    enum { SIZE = 600000 };
    files_test t;
    setup(&t);
    put_big(&t, SIZE);
    client_send(&t.client, GET("/s/big.bin") GET("/s/a.txt"));
    const char *answer = client_answer(&t.client, "HTTP/1.1 200");
    const char *body = strstr(answer, "\r\n\r\n") + 4;
    ck_assert_uint_eq(strlen(body), SIZE);
    for (size_t i = 0; i < SIZE / 4; i++) {
        char number[8];
        snprintf(number, sizeof number, "%04zu", i % 10000);
        ck_assert_mem_eq(body + 4 * i, number, 4);
    }
    ck_assert(has(client_answer(&t.client, "HTTP/1.1 200"), "hello"));
    /* And with the connection to be closed behind it. */
    ask(&t, "GET", "/s/big.bin", "Connection: close\r\n", "HTTP/1.1 200");
    client_eof(&t.client);
    ck_assert_uint_eq(t.client.len, 0);
    teardown(&t);
}
END_TEST

START_TEST(a_file_that_shrinks_closes_the_connection) {
    enum { SIZE = 40000000 };
    files_test t;
    setup(&t);
    FILE *f = fopen(path_of(&t, "pub/big.bin"), "w");
    fclose(f);
    ck_assert_int_eq(truncate(path_of(&t, "pub/big.bin"), SIZE), 0);
    client_send(&t.client, GET("/s/big.bin"));
    CLIENT_UNTIL(&t.client, strstr(t.client.text, "\r\n\r\n") != NULL);
    ck_assert_int_eq(truncate(path_of(&t, "pub/big.bin"), 10), 0);
    while (!t.client.eof) {
        t.client.len = 0;
        client_step(&t.client);
    }
    ck_assert_uint_eq(sio_front_count(t.front.front), 0);
    teardown(&t);
}
END_TEST

START_TEST(a_peer_may_go_in_the_middle_of_a_file) {
    files_test t;
    setup(&t);
    put_big(&t, 4000000);
    for (int i = 0; i < 3; i++) {
        front_client c;
        client_open(&c, &t.front);
        client_send(&c, GET("/s/big.bin"));
        CLIENT_UNTIL(&c, c.len > 0);
        client_close(&c);
    }
    CLIENT_UNTIL(&t.client, sio_front_count(t.front.front) == 1);
    teardown(&t);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server_static_files");
    TCase *tc = tcase_create("all");
    tcase_add_test(tc, files_have_types_and_tags);
    tcase_add_test(tc, nothing_else_can_be_reached);
    tcase_add_test(tc, links_inside_the_folder_may_be_followed);
    tcase_add_test(tc, folders_get_their_slash);
    tcase_add_test(tc, methods_are_get_and_head);
    tcase_add_test(tc, known_files_are_304);
    tcase_add_test(tc, big_files_come_in_order_and_later_requests_wait);
    tcase_add_test(tc, a_file_that_shrinks_closes_the_connection);
    tcase_add_test(tc, a_peer_may_go_in_the_middle_of_a_file);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
