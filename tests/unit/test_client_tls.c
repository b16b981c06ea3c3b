#if SIO_HAVE_TLS
/* TLS settings that the clients of a loop share. */
#include "client_fixture.h"
#include "client_state.h"
#include "net_tls_support.h"

#include <stdio.h>
#include <unistd.h>

static sio_client_loop *loop;
static net_cert root;
static char path[32];

static void write_root(void) {
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(root.cert_pem, file);
    fclose(file);
}

static sio_client_loop *loop_make(const sio_mem *mem) {
    sio_client_loop_options o = SIO_CLIENT_LOOP_OPTIONS_INIT;
    o.base = client_base;
    o.mem = mem;
    sio_client_loop *made = NULL;
    return sio_client_loop_new(&made, &o) == 0 ? made : NULL;
}

static void setup(void) {
    client_setup();
    root = net_cert_make(NULL, NULL, 100);
    snprintf(path, sizeof(path), "/tmp/sio-tls-XXXXXX.pem");
    int fd = mkstemps(path, 4);
    ck_assert_int_ge(fd, 0);
    close(fd);
    write_root();
    loop = loop_make(NULL);
    ck_assert_ptr_nonnull(loop);
}

static void teardown(void) {
    sio_client_loop_free(loop);
    unlink(path);
    net_cert_free(&root);
    client_teardown();
}

static sio_client *make(const sio_client_tls *tls, sio_client_loop *on) {
    sio_client_options o = client_options();
    sio_client *client = NULL;
    o.base = on ? NULL : client_base;
    o.loop = on;
    o.tls = tls;
    return sio_client_new(&client, "https://localhost", &o) == 0 ? client : NULL;
}

static const sio_tls *settings_of(const sio_client_tls *tls) {
    const sio_client *client = make(tls, loop);
    ck_assert_ptr_nonnull(client);
    return client->tls;
}

START_TEST(the_same_are_shared) {
    sio_client_tls tls = SIO_CLIENT_TLS_INIT;
    const sio_tls *none = settings_of(NULL);
    ck_assert_ptr_eq(none, settings_of(&tls)); /* all defaults */
    tls.ca_file = path;
    const sio_tls *file = settings_of(&tls);
    ck_assert_ptr_ne(none, file);
    tls.server_name = "another"; /* of each client */
    ck_assert_ptr_eq(file, settings_of(&tls));
}
END_TEST

START_TEST(others_are_not) {
    sio_client_tls given[6];
    for (size_t i = 0; i < 6; i++) {
        given[i] = (sio_client_tls)SIO_CLIENT_TLS_INIT;
    }
    given[1].ca_pem = root.cert_pem;
    given[2].insecure = true;
    given[3].min_version = 13;
    given[4].ciphers = "ECDHE-RSA-AES128-GCM-SHA256";
    given[5].pins = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    /* One after the other: only the newest is kept, so that each is compared with the one before.
     */
    for (size_t i = 1; i < 6; i++) {
        const sio_tls *before = settings_of(&given[0]);
        ck_assert_ptr_ne(settings_of(&given[i]), before);
        ck_assert_ptr_ne(settings_of(&given[0]), before);
    }
}
END_TEST

START_TEST(a_file_that_was_replaced_is_read_again) {
    sio_client_tls tls = SIO_CLIENT_TLS_INIT;
    tls.ca_file = path;
    const sio_tls *before = settings_of(&tls);
    FILE *file = fopen(path, "a");
    fputs("\n", file);
    fclose(file);
    const sio_tls *after = settings_of(&tls);
    ck_assert_ptr_ne(before, after);
    ck_assert_ptr_eq(after, settings_of(&tls));
}
END_TEST

START_TEST(a_client_alone_has_its_own) {
    sio_client *a = make(NULL, NULL);
    sio_client *b = make(NULL, NULL);
    ck_assert_ptr_ne(a->tls, b->tls);
    sio_client_free(a);
    sio_client_free(b);
}
END_TEST

static int two_clients(const sio_mem *mem, void *arg) {
    sio_client_tls tls = SIO_CLIENT_TLS_INIT;
    tls.ca_file = path;
    sio_client_loop *on = loop_make(mem);
    bool fine = on && make(&tls, on) && make(&tls, on);
    sio_client_loop_free(on);
    return fine ? 0 : -1;
}

START_TEST(out_of_memory) {
    test_mem_sweep(two_clients, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("client_tls");
    TCase *tc = tcase_create("client_tls");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, the_same_are_shared);
    tcase_add_test(tc, others_are_not);
    tcase_add_test(tc, a_file_that_was_replaced_is_read_again);
    tcase_add_test(tc, a_client_alone_has_its_own);
    tcase_add_test(tc, out_of_memory);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}

#else

#include "support.h"

#include <sio/client.h>

START_TEST(a_build_without_tls_says_so) {
    sio_client *client = NULL;
    ck_assert_int_eq(sio_client_new(&client, "https://localhost", NULL), SIO_ERR_UNSUPPORTED);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("client_tls");
    TCase *tc = tcase_create("client_tls");
    tcase_add_test(tc, a_build_without_tls_says_so);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}

#endif
