#include "support.h"

#include "file_cache.h"
#include "static_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if SIO_HAVE_DEFLATE

static char dir_name[64];
static int dir;

static void setup(void) {
    memcpy(dir_name, "/tmp/sio-cache-XXXXXX", sizeof("/tmp/sio-cache-XXXXXX"));
    ck_assert_ptr_nonnull(mkdtemp(dir_name));
    ck_assert_int_eq(sio_static_dir_open(&dir, dir_name), 0);
}

static void teardown(void) {
    char command[128];
    close(dir);
    snprintf(command, sizeof(command), "rm -rf '%s'", dir_name);
    ck_assert_int_eq(system(command), 0);
}

/* Noise, so that it stays as long as it is. */
static sio_file make(const char *name, size_t len) {
    sio_file file;
    uint8_t *data = malloc(len ? len : 1);
    uint32_t x = (uint32_t)len + (uint32_t)name[0];
    for (size_t i = 0; i < len; i++) {
        x = x * 1664525 + 1013904223;
        data[i] = (uint8_t)(x >> 24);
    }
    int fd = openat(dir, name, O_CREAT | O_WRONLY | O_TRUNC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, data, len), (ssize_t)len);
    close(fd);
    free(data);
    ck_assert_int_eq(sio_file_open(&file, dir, name), 0);
    return file;
}

START_TEST(compresses_once) {
    sio_file_cache cache;
    setup();
    sio_file file = make("a", 5000);
    sio_file_cache_init(&cache, NULL);
    const sio_blob *gzip = sio_file_cache_get(&cache, &file, SIO_HTTP_GZIP);
    ck_assert_ptr_nonnull(gzip);
    ck_assert_uint_eq(gzip->data[0], 0x1f);
    ck_assert_ptr_eq(sio_file_cache_get(&cache, &file, SIO_HTTP_GZIP), gzip);
    const sio_blob *deflate = sio_file_cache_get(&cache, &file, SIO_HTTP_DEFLATE);
    ck_assert_uint_eq(deflate->data[0], 0x78);
    sio_file changed = file;
    changed.id.modified_ns++;
    ck_assert_ptr_ne(sio_file_cache_get(&cache, &changed, SIO_HTTP_GZIP), gzip);
    ck_assert_ptr_eq(sio_file_cache_get(&cache, &file, SIO_HTTP_GZIP), gzip);
    sio_file_close(&file);
    sio_file_cache_done(&cache);
    teardown();
}
END_TEST

START_TEST(keeps_within_its_bound) {
    enum { FILES = 10 };
    sio_file files[FILES];
    sio_file_cache cache;
    setup();
    sio_file_cache_init(&cache, NULL);
    for (int i = 0; i < FILES; i++) {
        char name[2] = {(char)('a' + i), 0};
        files[i] = make(name, SIO_FILE_CACHE_SOURCE_MAX);
        ck_assert_ptr_nonnull(sio_file_cache_get(&cache, &files[i], SIO_HTTP_GZIP));
        ck_assert_uint_le(cache.bytes, SIO_FILE_CACHE_BYTES_MAX);
        /* The first is asked for again and again, so it stays. */
        size_t before = cache.bytes;
        ck_assert_ptr_nonnull(sio_file_cache_get(&cache, &files[0], SIO_HTTP_GZIP));
        ck_assert_uint_eq(cache.bytes, before);
    }
    for (int i = 0; i < FILES; i++) {
        sio_file_close(&files[i]);
    }
    sio_file large = make("z", SIO_FILE_CACHE_SOURCE_MAX + 1);
    ck_assert_ptr_null(sio_file_cache_get(&cache, &large, SIO_HTTP_GZIP));
    sio_file_close(&large);
    sio_file_cache_done(&cache);
    teardown();
}
END_TEST

/* It became shorter behind our back. */
START_TEST(a_file_that_shrinks_is_not_had) {
    sio_file_cache cache;
    setup();
    sio_file file = make("a", 5000);
    make("a", 10);
    sio_file_cache_init(&cache, NULL);
    ck_assert_ptr_null(sio_file_cache_get(&cache, &file, SIO_HTTP_GZIP));
    ck_assert_uint_eq(cache.bytes, 0);
    sio_file_close(&file);
    sio_file_cache_done(&cache);
    teardown();
}
END_TEST

static int scenario(const sio_mem *mem, void *arg) {
    sio_file_cache cache;
    sio_file_cache_init(&cache, mem);
    bool fine = sio_file_cache_get(&cache, arg, SIO_HTTP_GZIP) != NULL;
    sio_file_cache_done(&cache);
    return fine ? 0 : SIO_ERR_NOMEM;
}

START_TEST(without_memory_it_is_not_had) {
    setup();
    sio_file file = make("a", 5000);
    test_mem_sweep(scenario, &file);
    sio_file_close(&file);
    teardown();
}
END_TEST

#endif

START_TEST(an_empty_cache_ends) {
    sio_file_cache cache;
    sio_file_cache_init(&cache, NULL);
    ck_assert_uint_eq(cache.bytes, 0);
    sio_file_cache_done(&cache);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server_file_cache");
    TCase *tc = tcase_create("all");
#if SIO_HAVE_DEFLATE
    tcase_add_test(tc, compresses_once);
    tcase_add_test(tc, keeps_within_its_bound);
    tcase_add_test(tc, a_file_that_shrinks_is_not_had);
    tcase_add_test(tc, without_memory_it_is_not_had);
#endif
    tcase_add_test(tc, an_empty_cache_ends);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
