/* Certificates made on the spot, so that none in the tree can expire. */
#ifndef TESTS_UNIT_NET_TLS_SUPPORT_H
#define TESTS_UNIT_NET_TLS_SUPPORT_H

#include "net_support.h"

#include "net/tls.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

typedef struct net_cert {
    EVP_PKEY *key;
    X509 *cert;
    char *cert_pem;
    char *key_pem;
} net_cert;

static inline char *net_pem_take(BIO *bio) {
    char *data;
    long len = BIO_get_mem_data(bio, &data);
    char *text = strndup(data, (size_t)len);
    BIO_free(bio);
    return text;
}

static inline void net_cert_extend(X509 *cert, X509 *issuer, int nid, const char *value) {
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    ck_assert_ptr_nonnull(ext);
    X509_add_ext(cert, ext, -1);
    X509_EXTENSION_free(ext);
}

/* `issuer` NULL: self-signed, and a CA when `names` is NULL. `days` may be negative: expired. */
static inline net_cert net_cert_make(const net_cert *issuer, const char *names, long days) {
    net_cert made = {.key = EVP_EC_gen("P-256"), .cert = X509_new()};
    X509 *cert = made.cert;
    X509_set_version(cert, 2);
    static long serial;
    ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(cert), -86400L * 100);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400L * days);
    X509_set_pubkey(cert, made.key);
    X509_NAME *name = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               (const unsigned char *)(names ? "leaf" : "test root"), -1, -1, 0);
    X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer->cert) : name);
    X509 *by = issuer ? issuer->cert : cert;
    net_cert_extend(cert, by, NID_basic_constraints, names ? "CA:FALSE" : "critical,CA:TRUE");
    if (names) {
        net_cert_extend(cert, by, NID_subject_alt_name, names);
    }
    ck_assert_int_gt(X509_sign(cert, issuer ? issuer->key : made.key, EVP_sha256()), 0);
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, cert);
    made.cert_pem = net_pem_take(bio);
    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, made.key, NULL, NULL, 0, NULL, NULL);
    made.key_pem = net_pem_take(bio);
    return made;
}

static inline void net_cert_free(net_cert *c) {
    EVP_PKEY_free(c->key);
    X509_free(c->cert);
    free(c->cert_pem);
    free(c->key_pem);
}

#endif
