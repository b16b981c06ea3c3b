/* TLS settings, made once and shared by any number of streams and threads. Peers are verified
 * unless `insecure` says otherwise. Without TLS in the build every constructor returns
 * SIO_ERR_UNSUPPORTED. */
#ifndef SIO_NET_TLS_H
#define SIO_NET_TLS_H

#include <sio/error.h>
#include <sio/types.h>

struct ssl_ctx_st;
struct ssl_st;

typedef struct sio_tls sio_tls;

/* A server's settings for one host name: "example.org", or "*.example.org" for one more label. */
typedef struct sio_tls_name {
    const char *name; /* borrowed for the call */
    sio_tls *tls;     /* of a server; referenced */
} sio_tls_name;

/* All texts are borrowed for the call. PEM texts are NUL-terminated. Zero is the default. */
typedef struct sio_tls_options {
    struct ssl_ctx_st *context; /* a ready SSL_CTX, referenced, used as it is: no other field
                                 * counts except `insecure` and `pins` */
    const char *ca_file;        /* none of the three: the system's trust store (client) */
    const char *ca_dir;
    const char *ca_pem;
    const char *cert_file; /* chain, leaf first */
    const char *cert_pem;
    const char *key_file;
    const char *key_pem;
    const char *passphrase;
    const char *ciphers; /* OpenSSL cipher list up to TLS 1.2; NULL: AEAD with forward secrecy */
    const char *alpn;    /* comma-separated, in order of preference: "http/1.1" */
    const char *pins;    /* client: SHA-256 of the keys (SubjectPublicKeyInfo) of which the server's
                          * must be one, in base64, separated by commas or white space; a prefix
                          * "sha256/" or "sha256//" counts nothing. Checked also when `insecure` */
    int min_version;     /* 12 or 13; 0 means 12 */
    bool insecure;       /* client: accept any certificate and host */
    bool request_cert;   /* server: ask for a client certificate, verify it if there is one */
    bool require_cert;   /* server: and refuse clients without */
    const char *pkcs12_file; /* certificate, chain and key, opened with `passphrase` */
    const sio_tls_name *names;
    size_t name_count;
    /* Server: asked first, with a name in lower case or NULL; borrowed, NULL for "none of mine". */
    struct ssl_ctx_st *(*choose)(const char *name, void *user);
    void *choose_user;
    bool refuse_unknown_names; /* server: whose name is none of `names` */
} sio_tls_options;

enum { SIO_TLS_DETAIL_MAX = 256 };

/* One reference, owned by the caller. `detail` (may be NULL) gets the reason of a failure.
 * Errors: SIO_ERR_TLS_CONFIG, SIO_ERR_NOMEM, SIO_ERR_UNSUPPORTED. */
int sio_tls_client_new(sio_tls **out, const sio_tls_options *options,
                       char detail[SIO_TLS_DETAIL_MAX], const sio_mem *mem);
int sio_tls_server_new(sio_tls **out, const sio_tls_options *options,
                       char detail[SIO_TLS_DETAIL_MAX], const sio_mem *mem);

/* Thread: any. NULL is allowed. */
sio_tls *sio_tls_ref(sio_tls *tls);
void sio_tls_unref(sio_tls *tls);

/* Whether nothing is verified. */
bool sio_tls_is_insecure(const sio_tls *tls);

/* Borrowed; for applications that set up more than the options offer. NULL without TLS. */
struct ssl_ctx_st *sio_tls_context(const sio_tls *tls);

#endif
