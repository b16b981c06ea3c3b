#include "server_front_support.h"

static const char *const names[] = {
    "socket.io.js",
    "socket.io.js.map",
    "socket.io.min.js",
    "socket.io.min.js.map",
    "socket.io.esm.min.js",
    "socket.io.esm.min.js.map",
    "socket.io.msgpack.min.js",
    "socket.io.msgpack.min.js.map",
};

typedef struct bundle_test {
    front_test front;
    front_client client;
    char dir[64];
} bundle_test;

static void each_file(bundle_test *t, bool make) {
    for (size_t i = 0; i < 8; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", t->dir, names[i]);
        if (!make) {
            unlink(path);
            continue;
        }
        FILE *f = fopen(path, "w");
        fprintf(f, "content of %s", names[i]);
        fclose(f);
    }
}

static void setup(bundle_test *t, bool with_dir) {
    static const char *const origins[] = {"*"};
    sio_server_cors cors = SIO_SERVER_CORS_INIT;
    cors.origins = origins;
    cors.origin_count = 1;
    memcpy(t->dir, "/tmp/sio-bundle-XXXXXX", sizeof("/tmp/sio-bundle-XXXXXX"));
    ck_assert_ptr_nonnull(mkdtemp(t->dir));
    each_file(t, true);
    sio_front_options options = front_options();
    options.client_dir = with_dir ? t->dir : NULL;
    options.cors = &cors;
    front_setup(&t->front, options);
    client_open(&t->client, &t->front);
}

static void teardown(bundle_test *t) {
    client_close(&t->client);
    front_teardown(&t->front);
    each_file(t, false);
    rmdir(t->dir);
}

static const char *ask(bundle_test *t, const char *path, const char *headers, const char *begins) {
    char text[512];
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: h\r\n%s\r\n", path, headers);
    return client_ask(&t->client, text, begins);
}

/* IO1 IO2 IO3 IO4 IO5 IO8 IO9 IO10 IO11 IO12 IO18 */
START_TEST(bundles_are_served_below_the_path) {
    bundle_test t;
    setup(&t, true);
    for (size_t i = 0; i < 8; i++) {
        char path[64], content[64];
        snprintf(path, sizeof path, "/engine/%s%s", names[i], i % 2 == 0 ? "?v=1" : "");
        snprintf(content, sizeof content, "\r\n\r\ncontent of %s", names[i]);
        const char *answer = ask(&t, path, "", "HTTP/1.1 200 OK\r\n");
        ck_assert(has(answer, content));
        ck_assert(has(answer, i % 2 == 0
                                  ? "\r\nContent-Type: application/javascript; charset=utf-8\r\n"
                                  : "\r\nContent-Type: application/json; charset=utf-8\r\n"));
        ck_assert(has(answer, "\r\nCache-Control: public, max-age=0\r\n"));
        ck_assert(has(answer, "\r\nAccess-Control-Allow-Origin: *\r\n"));
        ck_assert(has(answer, "\r\nETag: \"") && !has(answer, "SourceMap"));
    }
    ck_assert_uint_eq(t.front.engine.requests, 0);
    teardown(&t);
}
END_TEST

/* IO13 IO14 */
START_TEST(known_bundles_are_304) {
    bundle_test t;
    char etag[64], headers[128];
    setup(&t, true);
    const char *answer = ask(&t, "/engine/socket.io.js", "", "HTTP/1.1 200");
    ck_assert_int_eq(sscanf(strstr(answer, "ETag: "), "ETag: %63s", etag), 1);
    snprintf(headers, sizeof headers, "If-None-Match: %s\r\n", etag);
    ask(&t, "/engine/socket.io.js", headers, "HTTP/1.1 304");
    snprintf(headers, sizeof headers, "If-None-Match: W/%s\r\n", etag);
    ask(&t, "/engine/socket.io.js", headers, "HTTP/1.1 304");
    teardown(&t);
}
END_TEST

/* IO20; what the engine gets it answers with 400: IO19 */
START_TEST(all_else_is_the_engines) {
    static const char *const paths[] = {
        "/engine/",
        "/engine/other.js",
        "/engine/socket.io.jsx",
        "/engine/socket.io.js.ma",
        "/engine/socket.io.js.mapx",
        "/engine/socket.io.js.map.map",
        "/engine/socket.io",
        "/engine/x/socket.io.js",
        "/engine//socket.io.js",
        "/engine/socket.io.js/",
        "/engine/%73ocket.io.js",
    };
    bundle_test t;
    setup(&t, true);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        ck_assert_msg(has(ask(&t, paths[i], "", "HTTP/1.1 200"), "\r\nengine"), "%s", paths[i]);
    }
    ask(&t, "/socket.io.js", "", "HTTP/1.1 404");
    each_file(&t, false);
    ck_assert(has(ask(&t, "/engine/socket.io.js", "", "HTTP/1.1 200"), "\r\nengine"));
    teardown(&t);
}
END_TEST

START_TEST(without_a_folder_there_are_none) {
    bundle_test t;
    setup(&t, false);
    ck_assert(has(ask(&t, "/engine/socket.io.js", "", "HTTP/1.1 200"), "\r\nengine"));
    teardown(&t);
}
END_TEST

static void put(const bundle_test *t, const char *name, const char *text) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", t->dir, name);
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

static void drop(const bundle_test *t, const char *name) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", t->dir, name);
    unlink(path);
}

/* The server anew, which then looks at the folder again. */
static void restart(bundle_test *t, const char *version) {
    sio_front_options options = front_options();
    options.client_dir = t->dir;
    options.client_version = version;
    client_close(&t->client);
    front_teardown(&t->front);
    front_setup(&t->front, options);
    client_open(&t->client, &t->front);
}

START_TEST(the_tag_is_the_version) {
    bundle_test t;
    setup(&t, true);
    put(&t, "package.json", "{\"a\":{\"version\":\"1\"},\"version\":\"4.5.6\"}");
    restart(&t, NULL);
    ck_assert(has(ask(&t, "/engine/socket.io.js", "", "HTTP/1.1 200"), "\r\nETag: \"4.5.6\"\r\n"));
    put(&t, "socket.io.min.js", "/*!\n * Socket.IO v4.8.1-rc.2\n */ x");
    restart(&t, NULL);
    for (size_t i = 0; i < 8; i++) {
        char path[64];
        snprintf(path, sizeof path, "/engine/%s", names[i]);
        ck_assert(has(ask(&t, path, "", "HTTP/1.1 200"), "\r\nETag: \"4.8.1-rc.2\"\r\n"));
    }
    restart(&t, "mine");
    ck_assert(has(ask(&t, "/engine/socket.io.js", "", "HTTP/1.1 200"), "\r\nETag: \"mine\"\r\n"));
    ask(&t, "/engine/socket.io.js", "If-None-Match: \"4.8.1-rc.2\"\r\n", "HTTP/1.1 200");
    ask(&t, "/engine/socket.io.js", "If-None-Match: \"mine\"\r\n", "HTTP/1.1 304");
    drop(&t, "package.json");
    teardown(&t);
}
END_TEST

/* Banners and packages that say nothing fit to be a tag. */
START_TEST(without_a_version_the_content_decides) {
    static const char *const packages[] = {
        "{\"version\":\"a\\\"b\"}", "{\"version\":\"a\\r\\nX: y\"}", "{\"version\":7}", "[", "{}",
        "{\"version\":\"\"}"};
    bundle_test t;
    char first[64], second[64];
    setup(&t, true);
    put(&t, "socket.io.js", "/* Socket.IO v\"\r\n */");
    for (size_t i = 0; i < sizeof(packages) / sizeof(packages[0]); i++) {
        put(&t, "package.json", packages[i]);
        restart(&t, NULL);
        const char *answer = ask(&t, "/engine/socket.io.js", "", "HTTP/1.1 200");
        ck_assert_int_eq(sscanf(strstr(answer, "ETag: "), "ETag: %63s", first), 1);
        ck_assert_uint_eq(strlen(first), 18);
    }
    put(&t, "socket.io.msgpack.min.js", "changed");
    restart(&t, NULL);
    const char *answer = ask(&t, "/engine/socket.io.js", "", "HTTP/1.1 200");
    ck_assert_int_eq(sscanf(strstr(answer, "ETag: "), "ETag: %63s", second), 1);
    ck_assert_str_ne(first, second);
    drop(&t, "package.json");
    teardown(&t);
}
END_TEST

START_TEST(bad_versions_are_refused) {
    static const char *const bad[] = {
        "", "a b", "a\"b", "a\r\nX: y",
        "12345678901234567890123456789012345678901234567890123456789012"};
    bundle_test t;
    setup(&t, true);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        sio_front *front;
        sio_front_options options = front_options();
        options.engine = &t.front.engine;
        options.client_dir = t.dir;
        options.client_version = bad[i];
        ck_assert_int_eq(sio_front_new(&front, t.front.loop, &options), SIO_ERR_INVALID);
    }
    teardown(&t);
}
END_TEST

/* IO6 IO7 */
START_TEST(bundles_are_compressed) {
    bundle_test t;
    setup(&t, true);
    const char *answer =
        ask(&t, "/engine/socket.io.js", "Accept-Encoding: gzip, br\r\n", "HTTP/1.1 200");
#if SIO_HAVE_DEFLATE
    ck_assert(has(answer, "\r\nContent-Encoding: gzip\r\n"));
#endif
    ck_assert(has(answer, "\r\nVary: Accept-Encoding\r\n"));
    answer = ask(&t, "/engine/socket.io.js", "Accept-Encoding: br\r\n", "HTTP/1.1 200");
    ck_assert(!has(answer, "Content-Encoding"));
    put(&t, "socket.io.js.br", "BROTLI");
    answer = ask(&t, "/engine/socket.io.js", "Accept-Encoding: br\r\n", "HTTP/1.1 200");
    ck_assert(has(answer, "\r\nContent-Encoding: br\r\n") && has(answer, "\r\n\r\nBROTLI"));
    /* No dates and no parts, as in the reference. */
    answer = ask(&t, "/engine/socket.io.js", "Range: bytes=0-1\r\n", "HTTP/1.1 200");
    ck_assert(!has(answer, "Last-Modified") && !has(answer, "Accept-Ranges"));
    ck_assert(has(answer, "\r\n\r\ncontent of socket.io.js"));
    drop(&t, "socket.io.js.br");
    teardown(&t);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server_client_files");
    TCase *tc = tcase_create("all");
    tcase_add_test(tc, bundles_are_served_below_the_path);
    tcase_add_test(tc, known_bundles_are_304);
    tcase_add_test(tc, all_else_is_the_engines);
    tcase_add_test(tc, without_a_folder_there_are_none);
    tcase_add_test(tc, the_tag_is_the_version);
    tcase_add_test(tc, without_a_version_the_content_decides);
    tcase_add_test(tc, bad_versions_are_refused);
    tcase_add_test(tc, bundles_are_compressed);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
