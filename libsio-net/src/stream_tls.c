#include "stream_internal.h"

#include <stdio.h>
#include <string.h>

#if SIO_HAVE_TLS

#include "tls_internal.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

/* OpenSSL works between memory and memory: what one recv brought is fed in, what it makes is
 * appended to the stream's wire queue and leaves in one send. Sockets, SIGPIPE and blocking are the
 * stream's business, so that WANT_WRITE cannot occur and WANT_READ means "feed more". */
struct stream_tls {
    SSL *ssl;
    sio_tls *settings;
    sio_stream *stream;
    sio_outq plain;
    const uint8_t *in; /* of the read buffer, during one event */
    size_t in_len;
    uint8_t *early; /* what was read before the stream was made; comes first */
    size_t early_len;
    size_t early_at;
    char *host; /* a client's; NULL for a server's */
    unsigned long fault_code;
    bool ready;  /* the handshake is complete */
    bool closed; /* our end was put on the queue */
    bool failed;
    bool no_memory;
    bool wrong_key; /* not a pinned one */
};

/* Pieces of output shorter than JOIN_BELOW go into one record together, up to a full one (RFC 8446
 * §5.1): a record costs as much as copying several KiB. */
enum {
    WIRE_ENOUGH = 256 * 1024,
    RECORD_MAX = 16384,
    JOIN_BELOW = 8192,
    JOIN_PIECES = 32,
    HOST_MAX = 255,
};

/* -- what OpenSSL sees of the stream -- */

static int bio_read(BIO *bio, char *out, size_t room, size_t *got) {
    stream_tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (tls->early_at < tls->early_len) {
        size_t left = tls->early_len - tls->early_at;
        *got = room < left ? room : left;
        memcpy(out, tls->early + tls->early_at, *got);
        tls->early_at += *got;
        return 1;
    }
    if (tls->in_len == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    size_t n = room < tls->in_len ? room : tls->in_len;
    memcpy(out, tls->in, n);
    tls->in += n;
    tls->in_len -= n;
    *got = n;
    return 1;
}

static int bio_write(BIO *bio, const char *data, size_t len, size_t *written) {
    stream_tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (sio_outq_copy(&tls->stream->wire, &tls->stream->loop->pool, data, len) != 0) {
        tls->no_memory = true;
        return 0;
    }
    *written = len;
    return 1;
}

static long bio_ctrl(BIO *bio, int command, long number, void *ptr) {
    return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DUP;
}

static int bio_create(BIO *bio) {
    BIO_set_init(bio, 1);
    return 1;
}

BIO_METHOD *sio_tls_bio_method(void) {
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "libsio stream");
    if (method && (BIO_meth_set_read_ex(method, bio_read) != 1 ||
                   BIO_meth_set_write_ex(method, bio_write) != 1 ||
                   BIO_meth_set_ctrl(method, bio_ctrl) != 1 ||
                   BIO_meth_set_create(method, bio_create) != 1)) {
        BIO_meth_free(method);
        method = NULL;
    }
    return method;
}

/* -- setting up -- */

/* The macro of OpenSSL for this casts const away in a way that clang refuses. */
static bool set_server_name(SSL *ssl, const char *host) {
    return SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                    (void *)(uintptr_t)host) == 1;
}

/* Verify against the host, and name it to the server unless it is an address (RFC 6066 §3). */
static int set_host(stream_tls *tls) {
    X509_VERIFY_PARAM *param = SSL_get0_param(tls->ssl);
    const char *host = tls->host;
    SSL_set_verify(tls->ssl, tls->settings->insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1) {
        return 0;
    }
    ERR_clear_error();
    if (SSL_set1_host(tls->ssl, host) != 1 || !set_server_name(tls->ssl, host)) {
        ERR_clear_error();
        return SIO_ERR_TLS;
    }
    return 0;
}

/* Without brackets of a literal and without the root's dot, neither of which is in certificates. */
static int copy_host(stream_tls *tls, const char *host) {
    size_t len = strlen(host);
    if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
        host++;
        len -= 2;
    } else if (len > 1 && host[len - 1] == '.') {
        len--;
    }
    if (len == 0 || len > HOST_MAX) {
        return SIO_ERR_INVALID;
    }
    tls->host = sio_mem_strndup(tls->stream->loop->mem, host, len);
    return tls->host ? 0 : SIO_ERR_NOMEM;
}

static int open_client(stream_tls *tls, const char *host) {
    int rc = copy_host(tls, host);
    if (rc == 0) {
        rc = set_host(tls);
    }
    if (rc == 0) {
        SSL_set_connect_state(tls->ssl);
        sio_tls_use_session(tls->settings, tls->host, tls->ssl);
    }
    return rc;
}

static int attach_bio(stream_tls *tls) {
    BIO *bio = BIO_new(tls->settings->bio_method);
    if (!bio) {
        return SIO_ERR_NOMEM;
    }
    BIO_set_data(bio, tls);
    SSL_set_bio(tls->ssl, bio, bio);
    /* For contexts that the user made, too. */
    SSL_set_mode(tls->ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                               SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_set_options(tls->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    return 0;
}

int sio_stream_tls_open(sio_stream *stream, sio_tls *settings, const char *host) {
    if (settings->server != (host == NULL)) {
        return SIO_ERR_INVALID;
    }
    stream_tls *tls = sio_mem_zalloc(stream->loop->mem, sizeof *tls);
    if (!tls) {
        return SIO_ERR_NOMEM;
    }
    tls->stream = stream;
    tls->settings = sio_tls_ref(settings);
    ERR_clear_error();
    tls->ssl = SSL_new(settings->context);
    int rc = tls->ssl ? attach_bio(tls) : SIO_ERR_NOMEM;
    if (rc == 0 && host) {
        rc = open_client(tls, host);
    } else if (rc == 0) {
        SSL_set_accept_state(tls->ssl);
    }
    if (rc != 0) {
        sio_stream_tls_free(tls, stream->loop->mem);
        return rc;
    }
    stream->tls = tls;
    return 0;
}

void sio_stream_tls_free(stream_tls *tls, const sio_mem *mem) {
    if (!tls) {
        return;
    }
    if (tls->ready && tls->host && !tls->failed) {
        sio_tls_keep_session(tls->settings, tls->host, tls->ssl);
    }
    if (tls->ssl && !tls->failed) {
        /* Else OpenSSL takes the missing farewell for an attack and spoils the session. */
        SSL_set_shutdown(tls->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    }
    SSL_free(tls->ssl);
    ERR_clear_error();
    sio_tls_unref(tls->settings);
    sio_mem_release(mem, tls->early);
    sio_mem_release(mem, tls->host);
    sio_mem_release(mem, tls);
}

int sio_stream_tls_early(stream_tls *tls, const uint8_t *data, size_t len) {
    tls->early = sio_mem_alloc(tls->stream->loop->mem, len);
    if (!tls->early) {
        return SIO_ERR_NOMEM;
    }
    memcpy(tls->early, data, len);
    tls->early_len = len;
    return 0;
}

/* ---- between two streams ---- */

/* What was fed and not read yet lies in the loop's buffer: it becomes what comes first. */
static int keep_input(stream_tls *tls) {
    const sio_mem *mem = tls->stream->loop->mem;
    size_t left = tls->early_len - tls->early_at;
    uint8_t *early = sio_mem_alloc(mem, left + tls->in_len);
    if (!early) {
        return SIO_ERR_NOMEM;
    }
    if (left > 0) {
        memcpy(early, tls->early + tls->early_at, left);
    }
    memcpy(early + left, tls->in, tls->in_len);
    sio_mem_release(mem, tls->early);
    tls->early = early;
    tls->early_len = left + tls->in_len;
    tls->early_at = 0;
    tls->in_len = 0;
    return 0;
}

int sio_stream_tls_leave(stream_tls *tls) {
    if (tls->failed) {
        return SIO_ERR_STATE;
    }
    int rc = tls->in_len > 0 ? keep_input(tls) : 0;
    if (rc == 0) {
        tls->in = NULL;
        tls->stream = NULL;
    }
    return rc;
}

void sio_stream_tls_enter(stream_tls *tls, sio_stream *stream) {
    tls->stream = stream;
    stream->tls = tls;
}

/* -- working -- */

static stream_tls_result fail(stream_tls *tls) {
    tls->failed = true;
    tls->fault_code = ERR_peek_last_error();
    ERR_clear_error();
    return TLS_FAILED;
}

/* What a call of OpenSSL that did not succeed means. */
static stream_tls_result outcome(stream_tls *tls, int rc) {
    switch (SSL_get_error(tls->ssl, rc)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return TLS_MORE;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_CLOSED;
    default:
        return fail(tls);
    }
}

void sio_stream_tls_feed(stream_tls *tls, const uint8_t *data, size_t len) {
    tls->in = data;
    tls->in_len = len;
}

stream_tls_result sio_stream_tls_handshake(stream_tls *tls) {
    ERR_clear_error();
    int rc = SSL_do_handshake(tls->ssl);
    if (rc == 1 && !sio_tls_pin_matches(tls->settings, tls->ssl)) {
        tls->wrong_key = true;
        return fail(tls);
    }
    if (rc == 1) {
        tls->ready = true;
        return TLS_DONE;
    }
    stream_tls_result result = outcome(tls, rc);
    return result == TLS_CLOSED ? fail(tls) : result;
}

stream_tls_result sio_stream_tls_decrypt(stream_tls *tls, uint8_t *out, size_t room, size_t *got) {
    size_t have = 0;
    int rc = 1;
    ERR_clear_error();
    while (rc == 1 && have < room) {
        size_t n = 0;
        rc = SSL_read_ex(tls->ssl, out + have, room - have, &n);
        have += n;
    }
    *got = have;
    return rc == 1 ? TLS_MORE : outcome(tls, rc);
}

/* What goes into the next record. `scratch` is for one that is joined; NULL when there is none. */
static const uint8_t *next_record(const sio_outq *plain, uint8_t *scratch, size_t *len) {
    struct iovec iov[JOIN_PIECES];
    size_t sum;
    int count = sio_outq_iovec(plain, iov, JOIN_PIECES, &sum);
    if (count == 1 || iov[0].iov_len >= JOIN_BELOW || !scratch) {
        *len = iov[0].iov_len < RECORD_MAX ? iov[0].iov_len : RECORD_MAX;
        return iov[0].iov_base;
    }
    size_t at = 0;
    for (int i = 0; i < count && at < RECORD_MAX; i++) {
        size_t room = RECORD_MAX - at;
        size_t piece = iov[i].iov_len < room ? iov[i].iov_len : room;
        memcpy(scratch + at, iov[i].iov_base, piece);
        at += piece;
    }
    *len = at;
    return scratch;
}

int sio_stream_tls_encrypt(stream_tls *tls) {
    sio_outq *wire = &tls->stream->wire;
    ERR_clear_error();
    while (tls->plain.bytes > 0 && wire->bytes < WIRE_ENOUGH) {
        size_t len;
        size_t written = 0;
        /* What was decrypted into that buffer has been read. */
        const uint8_t *record = next_record(&tls->plain, tls->stream->loop->tls_buffer, &len);
        if (SSL_write_ex(tls->ssl, record, len, &written) != 1) {
            fail(tls); /* with renegotiation off it never has to wait for input */
            return SIO_ERR_TLS;
        }
        sio_outq_consume(&tls->plain, &tls->stream->loop->pool, written);
    }
    return 0;
}

void sio_stream_tls_shutdown(stream_tls *tls) {
    if (!tls->closed && tls->ready) {
        tls->closed = true;
        (void)SSL_shutdown(tls->ssl);
        /* SSL_MODE_RELEASE_BUFFERS forgets the one that an alert was written from. */
        (void)SSL_free_buffers(tls->ssl);
        ERR_clear_error();
    }
}

/* -- what went wrong -- */

/* Which check of the certificate failed. */
static int verify_error(long verify) {
    switch (verify) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
    case X509_V_ERR_EMAIL_MISMATCH:
        return SIO_ERR_TLS_HOST;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return SIO_ERR_TLS_EXPIRED;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        return SIO_ERR_TLS_SELF_SIGNED;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE: /* another key under the name of the issuer */
    case X509_V_ERR_CERT_UNTRUSTED:
        return SIO_ERR_TLS_ISSUER;
    default:
        return SIO_ERR_TLS_VERIFY;
    }
}

static int protocol_error(int reason) {
    switch (reason) {
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
        return SIO_ERR_TLS_VERIFY;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_WRONG_SSL_VERSION:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
        return SIO_ERR_TLS_PROTOCOL;
    default:
        return SIO_ERR_TLS;
    }
}

void sio_stream_tls_fault(const stream_tls *tls, stream_tls_fault *out) {
    long verify = SSL_get_verify_result(tls->ssl);
    int reason = ERR_GET_REASON(tls->fault_code);
    if (tls->no_memory) {
        out->err = SIO_ERR_NOMEM;
        snprintf(out->text, sizeof out->text, "TLS: out of memory");
    } else if (tls->wrong_key) {
        out->err = SIO_ERR_TLS_PIN;
        snprintf(out->text, sizeof out->text, "none of the pinned keys: %s", tls->host);
    } else if (!tls->ready && reason == SSL_R_CERTIFICATE_VERIFY_FAILED && verify != X509_V_OK) {
        out->err = verify_error(verify);
        snprintf(out->text, sizeof out->text, "%s%s%s", X509_verify_cert_error_string(verify),
                 tls->host ? ": " : "", tls->host ? tls->host : "");
    } else {
        const char *text = ERR_reason_error_string(tls->fault_code);
        out->err = protocol_error(reason);
        snprintf(out->text, sizeof out->text, "TLS: %s", text ? text : "protocol failure");
    }
}

/* -- asking -- */

sio_outq *sio_stream_tls_plain(stream_tls *tls) {
    return &tls->plain;
}

struct ssl_st *sio_stream_tls_ssl(const stream_tls *tls) {
    return tls->ssl;
}

static char *subject_text(const sio_stream *stream, const X509 *cert) {
    char *copy = NULL;
    char *text;
    BIO *bio = BIO_new(BIO_s_mem());
    /* Control characters and bytes over 127 are escaped. */
    if (bio && X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0, XN_FLAG_RFC2253) >= 0) {
        long len = BIO_get_mem_data(bio, &text);
        copy = sio_mem_strndup(stream->loop->mem, text, len > 0 ? (size_t)len : 0);
    }
    BIO_free(bio);
    ERR_clear_error();
    return copy;
}

int sio_stream_certificate(char **subject, bool *verified, const sio_stream *stream) {
    const SSL *ssl = stream->tls ? stream->tls->ssl : NULL;
    const X509 *cert = ssl ? SSL_get0_peer_certificate(ssl) : NULL;
    char *text = cert ? subject_text(stream, cert) : NULL;
    if (cert && !text) {
        return SIO_ERR_NOMEM;
    }
    *subject = text;
    *verified = cert && SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE &&
                SSL_get_verify_result(ssl) == X509_V_OK;
    return 0;
}

sio_str sio_stream_alpn(const sio_stream *stream) {
    const unsigned char *name = NULL;
    unsigned len = 0;
    if (stream->tls) {
        SSL_get0_alpn_selected(stream->tls->ssl, &name, &len);
    }
    return (sio_str){(const char *)name, len};
}

#else

int sio_stream_tls_open(sio_stream *stream, sio_tls *settings, const char *host) {
    return SIO_ERR_UNSUPPORTED;
}

void sio_stream_tls_free(stream_tls *tls, const sio_mem *mem) {
}

int sio_stream_tls_leave(stream_tls *tls) {
    return SIO_ERR_UNSUPPORTED;
}

void sio_stream_tls_enter(stream_tls *tls, sio_stream *stream) {
}

int sio_stream_tls_early(stream_tls *tls, const uint8_t *data, size_t len) {
    return SIO_ERR_UNSUPPORTED;
}

sio_outq *sio_stream_tls_plain(stream_tls *tls) {
    return NULL;
}

struct ssl_st *sio_stream_tls_ssl(const stream_tls *tls) {
    return NULL;
}

void sio_stream_tls_feed(stream_tls *tls, const uint8_t *data, size_t len) {
}

stream_tls_result sio_stream_tls_handshake(stream_tls *tls) {
    return TLS_FAILED;
}

stream_tls_result sio_stream_tls_decrypt(stream_tls *tls, uint8_t *out, size_t room, size_t *got) {
    *got = 0;
    return TLS_FAILED;
}

int sio_stream_tls_encrypt(stream_tls *tls) {
    return SIO_ERR_UNSUPPORTED;
}

void sio_stream_tls_shutdown(stream_tls *tls) {
}

void sio_stream_tls_fault(const stream_tls *tls, stream_tls_fault *out) {
    out->err = SIO_ERR_UNSUPPORTED;
    snprintf(out->text, sizeof out->text, "built without TLS");
}

int sio_stream_certificate(char **subject, bool *verified, const sio_stream *stream) {
    *subject = NULL;
    *verified = false;
    return 0;
}

sio_str sio_stream_alpn(const sio_stream *stream) {
    return (sio_str){0};
}

#endif
