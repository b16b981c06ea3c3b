#if SIO_HAVE_TLS

#include "net_tls_support.h"

#include "net/listener.h"
#include "net/stream.h"

#include <stdio.h>
#include <string.h>

static const char PIN_A[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

static void pin_of(const net_cert *cert, char out[64]) {
    unsigned char digest[32];
    unsigned char *key = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert->cert), &key);
    ck_assert_int_gt(len, 0);
    EVP_Digest(key, (size_t)len, digest, NULL, EVP_sha256(), NULL);
    OPENSSL_free(key);
    EVP_EncodeBlock((unsigned char *)out, digest, sizeof digest);
}

START_TEST(lists) {
    static const struct {
        const char *pins;
        int rc;
    } rows[] = {
        {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", 0},
        {" sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,\n"
         "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA ",
         0},
        {"sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=, " /* digests with a slash first */
         "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA, "
         "sha256///AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=, "
         "sha256///AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
         0},
        {"", SIO_ERR_TLS_CONFIG},
        {" , ", SIO_ERR_TLS_CONFIG},
        {"AAAA", SIO_ERR_TLS_CONFIG},
        {"sha256/", SIO_ERR_TLS_CONFIG},
        {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", SIO_ERR_TLS_CONFIG},
        {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", SIO_ERR_TLS_CONFIG},
        {"sha1/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA!", SIO_ERR_TLS_CONFIG},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char detail[SIO_TLS_DETAIL_MAX] = "";
        sio_tls *tls = NULL;
        sio_tls_options options = {.pins = rows[i].pins};
        ck_assert_msg(sio_tls_client_new(&tls, &options, detail, NULL) == rows[i].rc, "%s",
                      rows[i].pins);
        ck_assert((rows[i].rc == 0) == (detail[0] == '\0'));
        sio_tls_unref(tls);
    }
    char many[17 * 45 + 1] = "";
    for (int i = 0; i < 17; i++) {
        memcpy(many + i * 45, PIN_A, 44);
        many[i * 45 + 44] = ',';
    }
    sio_tls *tls = NULL;
    sio_tls_options options = {.pins = many};
    ck_assert_int_eq(sio_tls_client_new(&tls, &options, NULL, NULL), SIO_ERR_TLS_CONFIG);
    many[16 * 45] = '\0';
    ck_assert_int_eq(sio_tls_client_new(&tls, &options, NULL, NULL), 0);
    sio_tls_unref(tls);
}
END_TEST

typedef struct peers {
    net_peer client;
    net_peer server;
} peers;

static void on_accept(void *ctx, sio_stream *stream) {
    peers *p = ctx;
    p->server.stream = stream;
    sio_stream_set_callbacks(stream, &net_peer_callbacks, &p->server);
}

static int connect_with(const net_cert *cert, const sio_tls_options *client) {
    peers p = {0};
    sio_loop *loop = net_loop(NULL);
    sio_tls *server_tls;
    sio_tls *client_tls;
    sio_tls_options server = {.cert_pem = cert->cert_pem, .key_pem = cert->key_pem};
    ck_assert_int_eq(sio_tls_server_new(&server_tls, &server, NULL, NULL), 0);
    ck_assert_int_eq(sio_tls_client_new(&client_tls, client, NULL, NULL), 0);
    sio_listener *listener;
    sio_listener_options listen = {
        .host = "127.0.0.1", .tls = server_tls, .on_accept = on_accept, .ctx = &p};
    ck_assert_int_eq(sio_listener_new(&listener, loop, &listen, NULL), 0);
    sio_address address;
    ck_assert_int_eq(sio_address_literal(&address, "127.0.0.1", sio_listener_port(listener)), 0);
    sio_stream_connect_options options = {.addresses = &address,
                                          .address_count = 1,
                                          .tls = client_tls,
                                          .host = "good.test",
                                          .callbacks = &net_peer_callbacks,
                                          .ctx = &p.client};
    p.client.stop_connect = p.client.stop_error = true;
    ck_assert_int_eq(sio_stream_connect(&p.client.stream, loop, &options), 0);
    net_run(loop);
    int err = p.client.connects == 1 ? 0 : p.client.err;
    net_peer_free(&p.client);
    net_peer_free(&p.server);
    sio_listener_free(listener);
    sio_tls_unref(server_tls);
    sio_tls_unref(client_tls);
    sio_loop_free(loop);
    return err;
}

START_TEST(only_pinned_keys_are_accepted) {
    net_cert cert = net_cert_make(NULL, "DNS:good.test", 100);
    net_cert other = net_cert_make(NULL, "DNS:good.test", 100);
    char pin[64];
    char wrong[64];
    char both[160];
    pin_of(&cert, pin);
    pin_of(&other, wrong);
    snprintf(both, sizeof both, "sha256/%s, sha256//%s", wrong, pin);
    sio_tls_options options = {.ca_pem = cert.cert_pem, .pins = pin};
    ck_assert_int_eq(connect_with(&cert, &options), 0);
    options.pins = both;
    ck_assert_int_eq(connect_with(&cert, &options), 0);
    options.pins = wrong;
    ck_assert_int_eq(connect_with(&cert, &options), SIO_ERR_TLS_PIN);
    options.insecure = true; /* a self-signed certificate, known by its key */
    ck_assert_int_eq(connect_with(&cert, &options), SIO_ERR_TLS_PIN);
    options.ca_pem = NULL;
    options.pins = pin;
    ck_assert_int_eq(connect_with(&cert, &options), 0);
    options.insecure = false; /* a pin adds to the verification, it does not replace it */
    ck_assert_int_eq(connect_with(&cert, &options), SIO_ERR_TLS_SELF_SIGNED);
    net_cert_free(&cert);
    net_cert_free(&other);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("net_tls_pins");
    TCase *tc = tcase_create("net_tls_pins");
    tcase_add_test(tc, lists);
    tcase_add_test(tc, only_pinned_keys_are_accepted);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}

#else

#include "support.h"

#include "net/tls.h"

START_TEST(a_build_without_tls_says_so) {
    sio_tls *tls;
    const sio_tls_options options = {.pins = "sha256/AAAA"};
    ck_assert_int_eq(sio_tls_client_new(&tls, &options, NULL, NULL), SIO_ERR_UNSUPPORTED);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("net_tls_pins");
    TCase *tc = tcase_create("net_tls_pins");
    tcase_add_test(tc, a_build_without_tls_says_so);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}

#endif
