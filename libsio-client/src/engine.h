/* One Engine.IO session from the client's side: made for one connection attempt, never used again.
 * Begins on polling or on a WebSocket, upgrades when the server offers it. Knows nothing of
 * Socket.IO.
 *
 * Everything belongs to the loop's thread. Every function may be called from every callback; no
 * callback comes from inside sio_cengine_new, nor after sio_cengine_free. */
#ifndef SIO_CLIENT_ENGINE_H
#define SIO_CLIENT_ENGINE_H

#include <net/loop.h>
#include <net/tls.h>
#include <sio/client_error.h>
#include <sio/client_network.h>
#include <sio/eio.h>
#include <sio/eio_session.h>
#include <sio/http1.h>
#include <sio/url.h>

typedef struct sio_cengine sio_cengine;

typedef sio_client_error sio_cengine_error;

typedef struct sio_cengine_callbacks {
    void (*on_open)(void *ctx);
    /* `data` may be changed in place and is valid for the call only; text is UTF-8. */
    void (*on_message)(void *ctx, bool binary, uint8_t *data, size_t len);
    void (*on_ping)(void *ctx);
    void (*on_upgrade)(void *ctx);
    void (*on_drain)(void *ctx);
    /* Exactly once, the last call, also for an attempt that never opened. `error` is NULL for
     * "forced close" and "ping timeout". */
    void (*on_close)(void *ctx, sio_eio_reason reason, const sio_cengine_error *error);
} sio_cengine_callbacks;

typedef struct sio_cengine_options {
    const sio_url *url; /* copied: scheme, host, port */
    const char *path;   /* copied: "/socket.io"; a trailing slash is added if missing */
    const char *query;  /* copied: percent-encoded, without `?`; may be NULL. EIO, transport and sid
                         * are left out, they are ours */
    const sio_http1_header *headers; /* copied; Host and User-Agent replace ours, those that frame
                                      * the messages of a connection are left out */
    size_t header_count;
    sio_eio_transport transport; /* what to begin with */
    bool upgrade;
    int revision;             /* 4 or 3 */
    uint64_t max_message;     /* of a WebSocket message or a poll response */
    uint64_t max_queued;      /* unsent bytes */
    uint64_t connect_timeout; /* ms until on_open; 0: none */
    bool deflate;             /* offer permessage-deflate */
    size_t compress_threshold;
    sio_tls *tls;            /* referenced; needed for https and wss */
    const char *server_name; /* copied: to verify and send as SNI; NULL: the URL's host */
    /* As sio_network_copy made it, borrowed for the call; NULL: all defaults. Its order of
     * transports takes the place of `transport` and `upgrade`. */
    const sio_client_network *network;
    /* To parse responses in; borrowed, shared with the other engines of the thread; NULL: each of
     * its connections has an own one. */
    sio_http1_scratch *heads;
    /* Whether a WebSocket worked the last time, borrowed for the engine's life; may be NULL. */
    bool *websocket_worked;
    const sio_cengine_callbacks *callbacks; /* borrowed */
    void *ctx;
} sio_cengine_options;

/* Start an attempt. Errors: SIO_ERR_INVALID, SIO_ERR_NOMEM, SIO_ERR_RANDOM, SIO_ERR_UNSUPPORTED.
 * All else comes through on_close. */
int sio_cengine_new(sio_cengine **out, sio_loop *loop, const sio_cengine_options *options);

/* End it without a word: connections are cut, no callback. NULL is allowed. */
void sio_cengine_free(sio_cengine *engine);

/* "forced close": what is queued goes out first, then the server is told, at most two seconds for a
 * poll's last POST. No callback comes from inside this call; on_close follows in any case. */
void sio_cengine_close(sio_cengine *engine);

/* Close with "transport error" and this description, from the deferred queue: no callback comes
 * from inside this call. For a server that was sent half a packet. */
void sio_cengine_fail(sio_cengine *engine, int err);

/* As sio_engine_session_send and _send_buf of the server; frames are masked. */
int sio_cengine_send(sio_cengine *engine, sio_eio_message *message, unsigned flags);
int sio_cengine_send_buf(sio_cengine *engine, sio_buf *buf, bool binary, unsigned flags);

const char *sio_cengine_id(const sio_cengine *engine); /* "" before on_open */
sio_eio_transport sio_cengine_transport(const sio_cengine *engine);
sio_eio_state sio_cengine_state(const sio_cengine *engine);
bool sio_cengine_writable(const sio_cengine *engine);
/* The server's ping is overdue: what is sent now would be lost. */
bool sio_cengine_overdue(const sio_cengine *engine);

#endif
