#include "tls.h"

#if SIO_HAVE_TLS

#include <openssl/err.h>
#include <openssl/ssl.h>

static SSL_CTX *context;
/* Sessions that can be resumed, the newest last. Each is offered once: OpenSSL wants it so. */
enum { SESSIONS_MAX = 64 };
static SSL_SESSION *sessions[SESSIONS_MAX];
static unsigned session_count;
static tls_counts counts;
/* All connections share them: what is fed is used up, what is made is taken, in each call. */
static BIO *feed;
static BIO *made;

static void must(bool holds, const char *what) {
    if (!holds) {
        const char *reason = ERR_reason_error_string(ERR_peek_last_error());
        die("TLS: %s: %s", what, reason ? reason : "no reason");
    }
}

static int keep_session(SSL *ssl, SSL_SESSION *session) {
    (void)ssl;
    if (session_count == SESSIONS_MAX) {
        return 0; /* theirs to free */
    }
    sessions[session_count++] = session;
    return 1;
}

static void offer_session(SSL *ssl) {
    if (session_count > 0) {
        SSL_SESSION *session = sessions[--session_count];
        SSL_set_session(ssl, session);
        SSL_SESSION_free(session);
    }
}

void tls_set_up(const char *certificate, bool resume) {
    int groups[] = {NID_X25519};
    context = SSL_CTX_new(TLS_client_method());
    feed = BIO_new(BIO_s_mem());
    made = BIO_new(BIO_s_mem());
    must(context && feed && made, "no memory");
    BIO_set_mem_eof_return(feed, -1);
    must(SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
             SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") == 1 &&
             SSL_CTX_set1_groups(context, groups, 1) == 1,
         "TLS 1.3");
    must(SSL_CTX_load_verify_file(context, certificate) == 1, certificate);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    if (resume) {
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(context, keep_session);
    }
}

bool tls_is_on(void) {
    return context != NULL;
}

static void take_made(bytes *wire) {
    char *data;
    long len = BIO_get_mem_data(made, &data);
    bytes_add(wire, data, len > 0 ? (size_t)len : 0);
    (void)BIO_reset(made);
}

static bool shake_hands(SSL *ssl) {
    int rc = SSL_do_handshake(ssl);
    if (rc != 1) {
        must(SSL_get_error(ssl, rc) == SSL_ERROR_WANT_READ, "handshake");
        return false;
    }
    counts.handshakes++;
    counts.resumed += SSL_session_reused(ssl) == 1;
    return true;
}

tls *tls_new(bytes *wire) {
    SSL *ssl = SSL_new(context);
    must(ssl && BIO_up_ref(feed) == 1 && BIO_up_ref(made) == 1, "no memory");
    SSL_set_bio(ssl, feed, made);
    SSL_set_connect_state(ssl);
    must(X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), "127.0.0.1") == 1, "host");
    offer_session(ssl);
    (void)shake_hands(ssl);
    take_made(wire);
    return ssl;
}

bool tls_take(tls *t, const char *data, size_t len, bytes *plain, bytes *wire) {
    enum { STEP = 65536 };
    size_t got = 0;
    int rc;
    must(BIO_write(feed, data, (int)len) == (int)len, "no memory");
    if (!SSL_is_init_finished(t) && !shake_hands(t)) {
        take_made(wire);
        return false;
    }
    do {
        plain->len += got;
        bytes_reserve(plain, STEP);
        rc = SSL_read_ex(t, plain->data + plain->len, STEP, &got);
    } while (rc == 1);
    must(SSL_get_error(t, rc) == SSL_ERROR_WANT_READ, "read");
    must(BIO_pending(feed) == 0, "something was not taken");
    take_made(wire);
    return true;
}

void tls_put(tls *t, const char *data, size_t len, bytes *wire) {
    size_t written = 0;
    must(len == 0 || (SSL_write_ex(t, data, len, &written) == 1 && written == len), "write");
    take_made(wire);
}

void tls_end(tls *t, bytes *wire) {
    if (SSL_is_init_finished(t)) {
        (void)SSL_shutdown(t);
    }
    take_made(wire);
    SSL_free(t);
}

#else

void tls_set_up(const char *certificate, bool resume) {
    (void)resume;
    die("built without TLS: %s", certificate);
}

bool tls_is_on(void) {
    return false;
}

tls *tls_new(bytes *wire) {
    (void)wire;
    return NULL;
}

bool tls_take(tls *t, const char *data, size_t len, bytes *plain, bytes *wire) {
    (void)t, (void)data, (void)len, (void)plain, (void)wire;
    return false;
}

void tls_put(tls *t, const char *data, size_t len, bytes *wire) {
    (void)t, (void)data, (void)len, (void)wire;
}

void tls_end(tls *t, bytes *wire) {
    (void)t, (void)wire;
}

#endif

tls_counts tls_count(void) {
#if SIO_HAVE_TLS
    return counts;
#else
    return (tls_counts){0};
#endif
}
