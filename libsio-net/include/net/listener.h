/* Listening sockets. At most 64 connections are accepted in a turn, so that an accept storm does
 * not starve those that are open; out of descriptors, accepting pauses and is tried again. */
#ifndef SIO_NET_LISTENER_H
#define SIO_NET_LISTENER_H

#include "net/stream.h"

typedef struct sio_listener sio_listener;

/* A connection arrived; the stream is the callee's: give it callbacks, or free it. With TLS the
 * handshake has not begun to be read; on_connected tells when it is done. The listener may be
 * freed inside. */
typedef void (*sio_accept_fn)(void *ctx, sio_stream *stream);

/* The same for who gives connections to several loops: `fd` is the callee's, connected and
 * non-blocking; `tls` is what the listener has at present, borrowed for the call. */
typedef void (*sio_accept_fd_fn)(void *ctx, int fd, sio_tls *tls);

typedef struct sio_listener_options {
    const char *host; /* numeric, or NULL / "" for all addresses of both families; "::" takes IPv4
                       * as well unless `ipv6_only` */
    uint16_t port;    /* 0: the kernel chooses, see sio_listener_port */
    bool ipv6_only;
    bool reuse_port;         /* share the port among several listeners (SO_REUSEPORT) */
    const char *unix_path;   /* instead of host and port; '@' first for the abstract namespace. A
                              * stale socket file is replaced, a live one is SIO_ERR_LISTEN */
    unsigned unix_mode;      /* permissions of the socket file; 0 leaves the umask's */
    bool inherited;          /* use `fd`, bound and listening already; it is owned from now on,
                              * also on failure */
    int fd;                  /* with `inherited` */
    int backlog;             /* 0 means 1024 */
    sio_tls *tls;            /* referenced; NULL for plain */
    uint64_t tls_timeout_ms; /* for a TLS handshake; 0 means 10000 */
    sio_accept_fn on_accept;
    sio_accept_fd_fn on_descriptor; /* instead of on_accept */
    void *ctx;
} sio_listener_options;

/* `detail_errno` (may be NULL) gets errno with SIO_ERR_LISTEN.
 * Errors: SIO_ERR_INVALID, SIO_ERR_LISTEN, SIO_ERR_NOMEM. */
int sio_listener_new(sio_listener **out, sio_loop *loop, const sio_listener_options *options,
                     int *detail_errno);

/* Stop listening; a Unix socket file made by it is removed. NULL is allowed. */
void sio_listener_free(sio_listener *listener);

/* The actual port; 0 for a Unix socket. */
uint16_t sio_listener_port(const sio_listener *listener);
int sio_listener_address(const sio_listener *listener, sio_address *out);

/* New TLS settings for connections accepted from now on; both old and new must be set. */
void sio_listener_set_tls(sio_listener *listener, sio_tls *tls);

void sio_listener_pause(sio_listener *listener);
void sio_listener_resume(sio_listener *listener);

#endif
