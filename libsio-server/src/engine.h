/* The Engine.IO server: sessions by id, their transports, the handshake and its rules. It sits on
 * the HTTP front, which hands it the requests of its path, and knows nothing of Socket.IO: whoever
 * is its user gets raw sessions with text and binary messages.
 *
 * Everything belongs to the loop's thread. Every function may be called from every callback. */
#ifndef SIO_SERVER_ENGINE_H
#define SIO_SERVER_ENGINE_H

#include <net/loop.h>
#include <sio/eio.h>
#include <sio/eio_session.h>
#include <sio/http1.h>

struct sio_exchange;

typedef struct sio_engine sio_engine;

/* One client: at first on polling or on a WebSocket, perhaps upgraded later. It lives until its
 * on_close has returned; sio_engine_session_ref keeps the memory longer. */
typedef struct sio_engine_session sio_engine_session;

typedef struct sio_engine_callbacks {
    /* A session is open; its handshake response was written already. Set its user pointer here. */
    void (*on_open)(void *ctx, sio_engine_session *session);
    /* A message. `data` may be changed in place and is valid for the call only; text is UTF-8. */
    void (*on_message)(void *user, sio_engine_session *session, bool binary, uint8_t *data,
                       size_t len);
    /* The queue has run empty and the transport has taken it. */
    void (*on_drain)(void *user, sio_engine_session *session);
    /* It is on a WebSocket now. */
    void (*on_upgrade)(void *user, sio_engine_session *session);
    /* Exactly once, the last call. `err` describes "transport error". */
    void (*on_close)(void *user, sio_engine_session *session, sio_eio_reason reason, int err);
} sio_engine_callbacks;

typedef struct sio_engine_options {
    const sio_eio_config *eio; /* borrowed for the engine's life: heartbeat, limits */
    const char *path;          /* copied: "/socket.io"; a trailing slash is added if missing */
    bool polling;
    bool websocket;
    bool allow_eio3;
    bool deflate;                           /* permessage-deflate on WebSockets */
    size_t compress_threshold;              /* messages below it are never compressed */
    uint64_t max_payload;                   /* request bodies and WebSocket messages */
    const struct sio_server_cookie *cookie; /* copied; NULL: none */
    bool http_compression;                  /* of answers to polls */
    size_t http_threshold;                  /* those below it are not compressed */
    const sio_engine_callbacks *callbacks;  /* borrowed */
    void *ctx;
} sio_engine_options;

/* Errors: SIO_ERR_INVALID, SIO_ERR_NOMEM, SIO_ERR_RANDOM. */
int sio_engine_new(sio_engine **out, sio_loop *loop, const sio_engine_options *options);

/* Close every session at once (on_close with "forced close"), then free. NULL is allowed. */
void sio_engine_free(sio_engine *engine);

/* Refuse handshakes from now on (503), and close every session: what is queued is written first,
 * unless `discard`. */
void sio_engine_close(sio_engine *engine, bool discard);
/* Take sessions again. */
void sio_engine_reopen(sio_engine *engine);

size_t sio_engine_session_count(const sio_engine *engine);

/* Whether a path is the engine's: it begins with the engine's path. */
bool sio_engine_has_path(const sio_engine *engine, sio_str path);

/* A request of the engine's path. Called when its head has arrived. */
void sio_engine_request(sio_engine *engine, struct sio_exchange *exchange);

/* ---- session ---- */

void sio_engine_session_set_user(sio_engine_session *session, void *user);
void *sio_engine_session_user(const sio_engine_session *session);
sio_engine_session *sio_engine_session_ref(sio_engine_session *session);
void sio_engine_session_unref(sio_engine_session *session);

const char *sio_engine_session_id(const sio_engine_session *session);
int sio_engine_session_revision(const sio_engine_session *session);
sio_eio_transport sio_engine_session_transport(const sio_engine_session *session);
sio_eio_state sio_engine_session_state(const sio_engine_session *session);

/* A message sent now would be handed to the transport at once (what "volatile" asks). */
bool sio_engine_session_writable(const sio_engine_session *session);

/* Bytes that wait in the session's queue and in its stream. */
size_t sio_engine_session_queued(const sio_engine_session *session);

/* The first request: its head is kept for the session's life. `remote` is the peer's address as
 * text, `issued_ms` the wall clock. */
const sio_http1_head *sio_engine_session_request(const sio_engine_session *session);
const char *sio_engine_session_remote(const sio_engine_session *session);
uint64_t sio_engine_session_issued(const sio_engine_session *session);
bool sio_engine_session_secure(const sio_engine_session *session);

/* Send a message; the session takes a reference of its own. Flags as in sio_eio_session_send. A
 * session whose queue or stream would pass the limit is closed with "transport error" (from the
 * deferred queue, not from inside this call) and SIO_ERR_EIO_QUEUE_FULL returned.
 * Errors: those of sio_eio_session_send. */
int sio_engine_session_send(sio_engine_session *session, sio_eio_message *message, unsigned flags);

/* As above for a message encoded into `buf`, begun with sio_eio_message_begin. A small message for
 * a WebSocket is framed in place and copied into the stream, nothing is allocated, and the caller
 * goes on using the buffer's memory for the next (it comes back empty, but keeps its capacity);
 * otherwise the buffer is taken over. Either way it is empty afterwards. */
int sio_engine_session_send_buf(sio_engine_session *session, sio_buf *buf, bool binary,
                                unsigned flags);

/* Close with "transport error" and this description, from the deferred queue: no callback comes
 * from inside this call. For a client that was sent half a packet. */
void sio_engine_session_fail(sio_engine_session *session, int err);

/* Reason "forced close"; what is queued goes out first, unless `discard`. on_close may come from
 * inside this call. */
void sio_engine_session_close(sio_engine_session *session, bool discard);

#endif
