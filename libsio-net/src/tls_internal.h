/* What the TLS context keeps for its streams. */
#ifndef SIO_NET_TLS_INTERNAL_H
#define SIO_NET_TLS_INTERNAL_H

#include "net/tls.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>

enum { SIO_TLS_SESSION_CONTEXT = 16 };

enum { SIO_TLS_PINS_MAX = 16, SIO_TLS_PIN_LEN = 32 };

struct sio_tls {
    atomic_uint refs;
    sio_mem mem_copy;
    const sio_mem *mem;
    SSL_CTX *context;
    BIO_METHOD *bio_method;
    bool server;
    bool insecure;
    size_t pin_count;
    unsigned char pins[SIO_TLS_PINS_MAX][SIO_TLS_PIN_LEN];
    unsigned alpn_len;
    unsigned char alpn[256]; /* as on the wire, a server's choice is made from it */
    /* A client's last session, for the host it was made with. Streams of several loops may share
     * the settings. */
    pthread_mutex_t session_lock;
    SSL_SESSION *session;
    char *session_host;
    /* A server's other settings: see tls_names.c. */
    struct ssl_ctx_st *(*choose)(const char *name, void *user);
    void *choose_user;
    sio_tls_name *names; /* the texts are its own */
    size_t name_count;
    bool refuse_unknown_names;
    unsigned char
        session_context[SIO_TLS_SESSION_CONTEXT]; /* a session of other settings is void */
};

/* stream_tls.c: how OpenSSL reads from and writes to a stream. */
BIO_METHOD *sio_tls_bio_method(void);

/* The text of the oldest error in the thread's queue, which is emptied. */
void sio_tls_error_text(char out[SIO_TLS_DETAIL_MAX], const char *prefix);

/* tls_names.c: choose settings by the name that the client asks for.
 * Errors: SIO_ERR_INVALID, SIO_ERR_NOMEM. */
int sio_tls_names_open(sio_tls *tls, const sio_tls_options *options);
void sio_tls_names_close(sio_tls *tls);

/* Errors: SIO_ERR_TLS_CONFIG: one is no SHA-256 in base64, there are too many, or none. */
int sio_tls_pins_read(sio_tls *tls, const char *list);

/* Whether the peer's key is a pinned one; true when none is pinned. */
bool sio_tls_pin_matches(const sio_tls *tls, const SSL *ssl);

/* Remember, and use, a session of that host. */
void sio_tls_keep_session(sio_tls *tls, const char *host, SSL *ssl);
void sio_tls_use_session(sio_tls *tls, const char *host, SSL *ssl);

#endif
