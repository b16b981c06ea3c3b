#if SIO_HAVE_TLS

#include "net_tls_support.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

static void expect_config_error(bool server, const sio_tls_options *options, const char *text) {
    char detail[SIO_TLS_DETAIL_MAX] = "";
    sio_tls *tls = NULL;
    int rc = server ? sio_tls_server_new(&tls, options, detail, NULL)
                    : sio_tls_client_new(&tls, options, detail, NULL);
    ck_assert_int_eq(rc, SIO_ERR_TLS_CONFIG);
    ck_assert_ptr_null(tls);
    ck_assert_msg(strstr(detail, text) != NULL, "%s", detail);
    ck_assert_uint_eq(ERR_peek_error(), 0);
}

START_TEST(bad_settings_are_named) {
    net_cert root = net_cert_make(NULL, NULL, 10);
    net_cert other = net_cert_make(NULL, NULL, 10);
    expect_config_error(true, NULL, "needs a certificate");
    expect_config_error(
        true, &(sio_tls_options){.cert_pem = root.cert_pem, .key_pem = other.key_pem}, "key");
    expect_config_error(true, &(sio_tls_options){.cert_pem = "nonsense"}, "certificate text");
    expect_config_error(true, &(sio_tls_options){.cert_pem = root.cert_pem, .key_pem = "nonsense"},
                        "key text");
    expect_config_error(true, &(sio_tls_options){.cert_file = "/nonexistent"}, "certificate file");
    expect_config_error(false, &(sio_tls_options){.ca_file = "/nonexistent"}, "CA file");
    /* What the system said, not that it was the system. */
    const char *missing = "/nonexistent: No such file or directory";
    expect_config_error(true, &(sio_tls_options){.cert_file = "/nonexistent"}, missing);
    expect_config_error(false, &(sio_tls_options){.ca_file = "/nonexistent"}, missing);
    expect_config_error(
        true, &(sio_tls_options){.cert_pem = root.cert_pem, .key_file = "/nonexistent"}, missing);
    expect_config_error(false, &(sio_tls_options){.ca_pem = "nonsense"}, "CA text");
    expect_config_error(false, &(sio_tls_options){.ciphers = "NO-SUCH"}, "cipher");
    expect_config_error(false, &(sio_tls_options){.min_version = 11}, "version");
    expect_config_error(false, &(sio_tls_options){.alpn = "a,,b"}, "ALPN");
    expect_config_error(false, &(sio_tls_options){.alpn = ""}, "ALPN");
    net_cert_free(&root);
    net_cert_free(&other);
}
END_TEST

START_TEST(files_and_a_passphrase_are_read) {
    net_cert root = net_cert_make(NULL, NULL, 10);
    char dir[] = "/tmp/sio-tls-XXXXXX";
    char cert[64];
    char key[64];
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(cert, sizeof cert, "%s/cert.pem", dir);
    snprintf(key, sizeof key, "%s/key.pem", dir);
    FILE *file = fopen(cert, "w");
    fputs(root.cert_pem, file);
    fclose(file);
    file = fopen(key, "w");
    PEM_write_PrivateKey(file, root.key, EVP_aes_128_cbc(), NULL, 0, NULL,
                         (void *)(uintptr_t) "pw");
    fclose(file);
    sio_tls_options options = {.ca_file = cert, .cert_file = cert, .key_file = key};
    expect_config_error(true, &options, "key file");
    options.passphrase = "wrong";
    expect_config_error(true, &options, "key file");
    options.passphrase = "pw";
    sio_tls *tls;
    ck_assert_int_eq(sio_tls_server_new(&tls, &options, NULL, NULL), 0);
    sio_tls_unref(tls);
    unlink(cert);
    unlink(key);
    rmdir(dir);
    net_cert_free(&root);
}
END_TEST

START_TEST(defaults_are_safe) {
    sio_tls *tls;
    ck_assert_int_eq(sio_tls_client_new(&tls, NULL, NULL, NULL), 0);
    SSL_CTX *context = sio_tls_context(tls);
    ck_assert_int_eq(SSL_CTX_get_verify_mode(context), SSL_VERIFY_PEER);
    ck_assert_int_eq(SSL_CTX_get_min_proto_version(context), TLS1_2_VERSION);
    ck_assert((SSL_CTX_get_options(context) & SSL_OP_NO_RENEGOTIATION) != 0);
    ck_assert((SSL_CTX_get_options(context) & SSL_OP_NO_COMPRESSION) != 0);
    STACK_OF(SSL_CIPHER) *ciphers = SSL_CTX_get_ciphers(context);
    for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); i++) {
        ck_assert(SSL_CIPHER_is_aead(sk_SSL_CIPHER_value(ciphers, i)));
    }
    ck_assert_ptr_eq(sio_tls_ref(tls), tls);
    sio_tls_unref(tls);
    sio_tls_unref(tls);
    sio_tls_unref(NULL);
}
END_TEST

static int tls_scenario(const sio_mem *mem, void *arg) {
    sio_tls *tls;
    int rc = sio_tls_client_new(&tls, NULL, NULL, mem);
    if (rc == 0) {
        sio_tls_unref(tls);
    }
    return rc;
}

START_TEST(no_allocation_is_taken_for_granted) {
    test_mem_sweep(tls_scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("net_tls_context");
    TCase *tc = tcase_create("net_tls_context");
    tcase_add_test(tc, bad_settings_are_named);
    tcase_add_test(tc, files_and_a_passphrase_are_read);
    tcase_add_test(tc, defaults_are_safe);
    tcase_add_test(tc, no_allocation_is_taken_for_granted);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}

#else

#include "support.h"

#include "net/tls.h"

START_TEST(a_build_without_tls_says_so) {
    sio_tls *tls;
    ck_assert_int_eq(sio_tls_client_new(&tls, NULL, NULL, NULL), SIO_ERR_UNSUPPORTED);
    ck_assert_int_eq(sio_tls_server_new(&tls, NULL, NULL, NULL), SIO_ERR_UNSUPPORTED);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("net_tls_context");
    TCase *tc = tcase_create("net_tls_context");
    tcase_add_test(tc, a_build_without_tls_says_so);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}

#endif
