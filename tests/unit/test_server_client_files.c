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

int main(void) {
    Suite *suite = suite_create("server_client_files");
    TCase *tc = tcase_create("all");
    tcase_add_test(tc, bundles_are_served_below_the_path);
    tcase_add_test(tc, known_bundles_are_304);
    tcase_add_test(tc, all_else_is_the_engines);
    tcase_add_test(tc, without_a_folder_there_are_none);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
