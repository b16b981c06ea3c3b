/* What the tests of files that a front serves share: a folder that is made anew, and a client of
 * the front that serves it. */
#ifndef TESTS_UNIT_SERVER_FILES_SUPPORT_H
#define TESTS_UNIT_SERVER_FILES_SUPPORT_H

#include "server_front_support.h"

typedef struct files_test {
    front_test front;
    front_client client;
    char root[64];
} files_test;

static inline void files_make_root(files_test *t) {
    memcpy(t->root, "/tmp/sio-files-XXXXXX", sizeof("/tmp/sio-files-XXXXXX"));
    ck_assert_ptr_nonnull(mkdtemp(t->root));
}

/* In the folder; borrowed until the next call. */
static inline const char *path_of(const files_test *t, const char *name) {
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", t->root, name);
    return path;
}

/* A file that holds this text so many times. */
static inline void put(const files_test *t, const char *name, const char *text, size_t times) {
    FILE *f = fopen(path_of(t, name), "w");
    ck_assert_ptr_nonnull(f);
    for (size_t i = 0; i < times; i++) {
        fputs(text, f);
    }
    fclose(f);
}

/* Serve the folder or one in it below /s. */
static inline void files_serve(files_test *t, const char *dir) {
    front_setup(&t->front, front_options());
    ck_assert_int_eq(sio_front_serve_dir(t->front.front, "/s", dir), 0);
    client_open(&t->client, &t->front);
}

static inline void teardown(files_test *t) {
    client_close(&t->client);
    front_teardown(&t->front);
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", t->root);
    ck_assert_int_eq(system(command), 0);
}

/* `headers` whole lines or "". Returns the answer, which begins so; see client_ask(). */
static inline const char *ask(files_test *t, const char *method, const char *path,
                              const char *headers, const char *begins) {
    char text[1024];
    snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: h\r\n%s\r\n", method, path, headers);
    return client_ask(&t->client, text, begins);
}

#endif
