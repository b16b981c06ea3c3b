#include "net/tls.h"

#include "mem.h"

#include <sio/error.h>

#if SIO_HAVE_TLS

#include "tls_internal.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

/* TLS 1.2 suites with forward secrecy and authenticated encryption; those of 1.3 all are. */
static const char default_ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:"
                                      "!aNULL:!PSK:!SRP:!DSS";

/* Empty the queue; the errno of the last system call in it, 0 when there is none. */
static int take_system_error(void) {
    int sys = 0;
    unsigned long code;
    while ((code = ERR_get_error()) != 0) {
        sys = ERR_SYSTEM_ERROR(code) ? ERR_GET_REASON(code) : sys;
    }
    return sys;
}

void sio_tls_error_text(char out[SIO_TLS_DETAIL_MAX], const char *prefix) {
    const char *data = NULL;
    int flags = 0;
    unsigned long code = ERR_peek_last_error_all(NULL, NULL, NULL, &data, &flags);
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    bool has_data = data && (flags & ERR_TXT_STRING) != 0 && data[0] != '\0';
    snprintf(out, SIO_TLS_DETAIL_MAX, "%s%s%s%s%s", prefix, reason ? ": " : "",
             reason ? reason : "", has_data ? ": " : "", has_data ? data : "");
    /* OpenSSL's own word for it is "system lib". */
    bool of_system = ERR_SYSTEM_ERROR(code) || ERR_GET_REASON(code) == ERR_R_SYS_LIB;
    int sys = take_system_error();
    if (of_system && sys != 0) {
        char text[64];
        snprintf(out, SIO_TLS_DETAIL_MAX, "%s: %s", prefix, strerror_r(sys, text, sizeof text));
    }
}

/* -- loading -- */

static int refuse(char detail[SIO_TLS_DETAIL_MAX], const char *what) {
    sio_tls_error_text(detail, what);
    return SIO_ERR_TLS_CONFIG;
}

static int refuse_file(char detail[SIO_TLS_DETAIL_MAX], const char *what, const char *file) {
    char named[SIO_TLS_DETAIL_MAX / 2];
    snprintf(named, sizeof named, "%s %.100s", what, file);
    return refuse(detail, named);
}

static int give_passphrase(char *out, int size, int writing, void *user) {
    const char *passphrase = user;
    if (!passphrase) {
        return -1; /* never ask at a terminal */
    }
    size_t len = strlen(passphrase);
    if (len > (size_t)size) {
        return -1;
    }
    memcpy(out, passphrase, len);
    return (int)len;
}

static int add_ca_pem(SSL_CTX *context, const char *pem) {
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509_STORE *store = SSL_CTX_get_cert_store(context);
    int added = 0;
    X509 *cert;
    while (bio && (cert = PEM_read_bio_X509_AUX(bio, NULL, give_passphrase, NULL)) != NULL) {
        added += X509_STORE_add_cert(store, cert);
        X509_free(cert);
    }
    BIO_free(bio);
    ERR_clear_error(); /* the end of the text is an error too */
    return added > 0;
}

static int load_trust(SSL_CTX *context, const sio_tls_options *o, bool server,
                      char detail[SIO_TLS_DETAIL_MAX]) {
    if (o->ca_file && SSL_CTX_load_verify_file(context, o->ca_file) != 1) {
        return refuse_file(detail, "CA file", o->ca_file);
    }
    if (o->ca_dir && SSL_CTX_load_verify_dir(context, o->ca_dir) != 1) {
        return refuse_file(detail, "CA directory", o->ca_dir);
    }
    if (o->ca_pem && !add_ca_pem(context, o->ca_pem)) {
        return refuse(detail, "CA text holds no certificate");
    }
    if (!o->ca_file && !o->ca_dir && !o->ca_pem && !server &&
        SSL_CTX_set_default_verify_paths(context) != 1) {
        return refuse(detail, "system trust store");
    }
    if (server && o->ca_file) {
        SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(o->ca_file));
    }
    return 0;
}

static int use_cert_pem(SSL_CTX *context, const char *pem) {
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *cert = bio ? PEM_read_bio_X509_AUX(bio, NULL, give_passphrase, NULL) : NULL;
    int ok = cert && SSL_CTX_use_certificate(context, cert) == 1;
    X509_free(cert);
    while (ok && (cert = PEM_read_bio_X509(bio, NULL, give_passphrase, NULL)) != NULL) {
        ok = SSL_CTX_add0_chain_cert(context, cert) == 1;
        if (!ok) {
            X509_free(cert);
        }
    }
    BIO_free(bio);
    if (ok) {
        ERR_clear_error();
    }
    return ok;
}

static int use_key_pem(SSL_CTX *context, const char *pem, const char *passphrase) {
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key =
        bio ? PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, (void *)(uintptr_t)passphrase)
            : NULL;
    int ok = key && SSL_CTX_use_PrivateKey(context, key) == 1;
    EVP_PKEY_free(key);
    BIO_free(bio);
    return ok;
}

static PKCS12 *read_pkcs12(const char *file) {
    BIO *bio = BIO_new_file(file, "rb");
    PKCS12 *box = bio ? d2i_PKCS12_bio(bio, NULL) : NULL;
    BIO_free(bio);
    return box;
}

static int use_pkcs12(SSL_CTX *context, const char *file, const char *passphrase) {
    EVP_PKEY *key = NULL;
    X509 *cert = NULL;
    STACK_OF(X509) *chain = NULL;
    PKCS12 *box = read_pkcs12(file);
    int ok = box && PKCS12_parse(box, passphrase, &key, &cert, &chain) == 1 && key && cert &&
             SSL_CTX_use_cert_and_key(context, cert, key, chain, 1) == 1;
    sk_X509_pop_free(chain, X509_free);
    X509_free(cert);
    EVP_PKEY_free(key);
    PKCS12_free(box);
    return ok;
}

static int load_identity(SSL_CTX *context, const sio_tls_options *o,
                         char detail[SIO_TLS_DETAIL_MAX]) {
    if (o->pkcs12_file && !use_pkcs12(context, o->pkcs12_file, o->passphrase)) {
        return refuse_file(detail, "PKCS #12 file", o->pkcs12_file);
    }
    if (o->cert_file && SSL_CTX_use_certificate_chain_file(context, o->cert_file) != 1) {
        return refuse_file(detail, "certificate file", o->cert_file);
    }
    if (o->cert_pem && !use_cert_pem(context, o->cert_pem)) {
        return refuse(detail, "certificate text");
    }
    if (o->key_file && SSL_CTX_use_PrivateKey_file(context, o->key_file, SSL_FILETYPE_PEM) != 1) {
        return refuse_file(detail, "key file", o->key_file);
    }
    if (o->key_pem && !use_key_pem(context, o->key_pem, o->passphrase)) {
        return refuse(detail, "key text");
    }
    bool any = o->pkcs12_file || o->cert_file || o->cert_pem || o->key_file || o->key_pem;
    if (any && SSL_CTX_check_private_key(context) != 1) {
        return refuse(detail, "certificate and key do not fit together");
    }
    return 0;
}

/* -- ALPN (RFC 7301): the list as on the wire, each name behind its length -- */

static int alpn_wire(const char *list, unsigned char *out, size_t room) {
    size_t at = 0;
    for (const char *name = list;;) {
        size_t len = strcspn(name, ",");
        if (len == 0 || len > 255 || at + 1 + len > room) {
            return -1;
        }
        out[at++] = (unsigned char)len;
        memcpy(out + at, name, len);
        at += len;
        if (name[len] == '\0') {
            return (int)at;
        }
        name += len + 1;
    }
}

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                       const unsigned char *offered, unsigned offered_len, void *arg) {
    const sio_tls *tls = arg;
    unsigned char *chosen;
    if (SSL_select_next_proto(&chosen, out_len, tls->alpn, tls->alpn_len, offered, offered_len) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static int set_alpn(sio_tls *tls, const char *list, char detail[SIO_TLS_DETAIL_MAX]) {
    int len = alpn_wire(list, tls->alpn, sizeof tls->alpn);
    if (len < 0) {
        return refuse(detail, "ALPN list");
    }
    tls->alpn_len = (unsigned)len;
    if (tls->server) {
        SSL_CTX_set_alpn_select_cb(tls->context, choose_alpn, tls);
    } else if (SSL_CTX_set_alpn_protos(tls->context, tls->alpn, tls->alpn_len) != 0) {
        return refuse(detail, "ALPN list");
    }
    return 0;
}

/* -- the context -- */

static void set_modes(sio_tls *tls) {
    SSL_CTX *context = tls->context;
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (tls->server) {
        /* Tickets resume sessions; a table of them would only grow with hostile clients. */
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_session_id_context(context, tls->session_context, sizeof tls->session_context);
    } else {
        /* Ours holds the one session worth having: see sio_tls_keep_session. */
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    }
}

static void set_verify(SSL_CTX *context, const sio_tls_options *o, bool server) {
    int mode = SSL_VERIFY_PEER;
    if (server) {
        mode = o->request_cert || o->require_cert ? SSL_VERIFY_PEER : SSL_VERIFY_NONE;
        mode |= o->require_cert ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
    } else if (o->insecure) {
        mode = SSL_VERIFY_NONE;
    }
    SSL_CTX_set_verify(context, mode, NULL);
}

static int configure(sio_tls *tls, const sio_tls_options *o, char detail[SIO_TLS_DETAIL_MAX]) {
    SSL_CTX *context = tls->context;
    bool server = tls->server;
    int version = o->min_version == 13 ? TLS1_3_VERSION : TLS1_2_VERSION;
    if (o->min_version != 0 && o->min_version != 12 && o->min_version != 13) {
        return refuse(detail, "minimum version is neither 12 nor 13");
    }
    if (SSL_CTX_set_min_proto_version(context, version) != 1) {
        return refuse(detail, "minimum version");
    }
    if (SSL_CTX_set_cipher_list(context, o->ciphers ? o->ciphers : default_ciphers) != 1) {
        return refuse(detail, "cipher list");
    }
    set_modes(tls);
    set_verify(context, o, server);
    SSL_CTX_set_default_passwd_cb(context, give_passphrase);
    SSL_CTX_set_default_passwd_cb_userdata(context, (void *)(uintptr_t)o->passphrase);
    int rc = load_trust(context, o, server, detail);
    if (rc == 0) {
        rc = load_identity(context, o, detail);
    }
    if (rc == 0 && o->alpn) {
        rc = set_alpn(tls, o->alpn, detail);
    }
    SSL_CTX_set_default_passwd_cb_userdata(context, NULL);
    return rc;
}

static int open_context(sio_tls *tls, const sio_tls_options *o, char detail[SIO_TLS_DETAIL_MAX]) {
    ERR_clear_error();
    if (o->pins && sio_tls_pins_read(tls, o->pins) != 0) {
        return refuse(detail, "pinned keys: not SHA-256 in base64, too many, or none");
    }
    if (o->context) {
        SSL_CTX_up_ref(o->context);
        tls->context = o->context;
        return 0;
    }
    if (tls->server && !o->cert_file && !o->cert_pem && !o->pkcs12_file) {
        return refuse(detail, "a server needs a certificate and a key");
    }
    tls->context = SSL_CTX_new(tls->server ? TLS_server_method() : TLS_client_method());
    if (!tls->context) {
        ERR_clear_error();
        return SIO_ERR_NOMEM;
    }
    return configure(tls, o, detail);
}

static int tls_new(sio_tls **out, const sio_tls_options *options, bool server,
                   char detail[SIO_TLS_DETAIL_MAX], const sio_mem *mem) {
    static const sio_tls_options defaults;
    char unwanted[SIO_TLS_DETAIL_MAX];
    sio_tls *tls = sio_mem_zalloc(mem, sizeof *tls);
    if (!tls) {
        return SIO_ERR_NOMEM;
    }
    if (pthread_mutex_init(&tls->session_lock, NULL) != 0) {
        sio_mem_release(mem, tls);
        return SIO_ERR_NOMEM;
    }
    if (mem) {
        tls->mem_copy = *mem;
        tls->mem = &tls->mem_copy;
    }
    options = options ? options : &defaults;
    atomic_init(&tls->refs, 1);
    tls->server = server;
    tls->insecure = options->insecure && !server;
    tls->bio_method = sio_tls_bio_method();
    bool ready = tls->bio_method && RAND_bytes(tls->session_context, SIO_TLS_SESSION_CONTEXT) == 1;
    int rc = ready ? open_context(tls, options, detail ? detail : unwanted) : SIO_ERR_NOMEM;
    if (rc == 0 && server) {
        rc = sio_tls_names_open(tls, options);
    }
    if (rc != 0) {
        sio_tls_unref(tls);
        return rc;
    }
    *out = tls;
    return 0;
}

int sio_tls_client_new(sio_tls **out, const sio_tls_options *options,
                       char detail[SIO_TLS_DETAIL_MAX], const sio_mem *mem) {
    return tls_new(out, options, false, detail, mem);
}

int sio_tls_server_new(sio_tls **out, const sio_tls_options *options,
                       char detail[SIO_TLS_DETAIL_MAX], const sio_mem *mem) {
    return tls_new(out, options, true, detail, mem);
}

sio_tls *sio_tls_ref(sio_tls *tls) {
    if (tls) {
        atomic_fetch_add_explicit(&tls->refs, 1, memory_order_relaxed);
    }
    return tls;
}

void sio_tls_unref(sio_tls *tls) {
    if (!tls || atomic_fetch_sub_explicit(&tls->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    sio_tls_names_close(tls);
    SSL_SESSION_free(tls->session);
    SSL_CTX_free(tls->context);
    BIO_meth_free(tls->bio_method);
    pthread_mutex_destroy(&tls->session_lock);
    sio_mem mem = tls->mem_copy;
    const sio_mem *with = tls->mem ? &mem : NULL;
    sio_mem_release(with, tls->session_host);
    sio_mem_release(with, tls);
}

bool sio_tls_is_insecure(const sio_tls *tls) {
    return tls->insecure;
}

struct ssl_ctx_st *sio_tls_context(const sio_tls *tls) {
    return tls->context;
}

/* -- resumption: the newest session of the host that was connected to last -- */

void sio_tls_keep_session(sio_tls *tls, const char *host, SSL *ssl) {
    SSL_SESSION *session = SSL_get1_session(ssl);
    if (!session || !SSL_SESSION_is_resumable(session)) {
        SSL_SESSION_free(session);
        return;
    }
    pthread_mutex_lock(&tls->session_lock);
    if (!tls->session_host || strcmp(tls->session_host, host) != 0) {
        sio_mem_release(tls->mem, tls->session_host);
        tls->session_host = sio_mem_strndup(tls->mem, host, strlen(host));
    }
    SSL_SESSION *old = tls->session;
    tls->session = session;
    pthread_mutex_unlock(&tls->session_lock);
    SSL_SESSION_free(old);
}

void sio_tls_use_session(sio_tls *tls, const char *host, SSL *ssl) {
    pthread_mutex_lock(&tls->session_lock);
    if (tls->session && tls->session_host && strcmp(tls->session_host, host) == 0) {
        SSL_set_session(ssl, tls->session);
    }
    pthread_mutex_unlock(&tls->session_lock);
    ERR_clear_error();
}

#else

int sio_tls_client_new(sio_tls **out, const sio_tls_options *options,
                       char detail[SIO_TLS_DETAIL_MAX], const sio_mem *mem) {
    return SIO_ERR_UNSUPPORTED;
}

int sio_tls_server_new(sio_tls **out, const sio_tls_options *options,
                       char detail[SIO_TLS_DETAIL_MAX], const sio_mem *mem) {
    return SIO_ERR_UNSUPPORTED;
}

sio_tls *sio_tls_ref(sio_tls *tls) {
    return tls;
}

void sio_tls_unref(sio_tls *tls) {
}

bool sio_tls_is_insecure(const sio_tls *tls) {
    return false;
}

struct ssl_ctx_st *sio_tls_context(const sio_tls *tls) {
    return NULL;
}

#endif
