/* The Engine.IO server, as its front and its owner see it beyond <sio/engine.h>: making engines,
 * handing them requests, and the ways of sending that Socket.IO needs to be fast. An engine knows
 * nothing of Socket.IO: conn.c is a user like any other.
 *
 * Everything belongs to the loop's thread. Every function may be called from every callback. */
#ifndef SIO_SERVER_ENGINE_H
#define SIO_SERVER_ENGINE_H

#include <net/loop.h>
#include <sio/engine.h>
#include <sio/metrics.h>

struct sio_exchange;

/* How much may wait for one session; all zero: anything. */
typedef struct sio_queue_limits {
    size_t high; /* bytes beyond which a session is slow */
    size_t low;  /* and down to which it is */
    uint32_t max_messages;
    uint32_t slow_timeout_ms; /* how long it may be slow; 0: for ever */
} sio_queue_limits;

/* What the engines of a server share: what waits for their sessions, and the
 * sessions that have yet to show what they are. What is counted are figures (net/figure.h). With
 * `shared` the limits are those of all members together. */
typedef struct sio_engine_budget {
    size_t max; /* bytes; 0: no limit */
    size_t sessions;
    size_t waiting;     /* bytes in the queues of sessions; the loop knows what streams hold */
    size_t quiet;       /* a session's queue up to this concerns nobody: see engine_pressure.c. A
                           figure, too, written under the lock of `shared` */
    size_t pending;     /* sessions that are not settled, and requests that are not decided */
    size_t max_pending; /* 0: no limit */
    struct sio_shared *shared; /* NULL: there is one loop */
    sio_task *empty; /* run when a closing engine has ended the last session; NULL: nothing */
} sio_engine_budget;

/* Anew, with so many sessions in all, and the largest queue that this loop has seen. */
void sio_engine_budget_quiet(sio_engine_budget *budget, size_t sessions, size_t largest);

typedef struct sio_engine_settings {
    const sio_eio_config *eio; /* copied: heartbeat, limits */
    const char *path;          /* copied: "/socket.io"; a trailing slash is added if missing */
    bool no_trailing_slash;    /* it is not */
    bool polling;
    bool websocket;
    bool allow_eio3;
    bool deflate;                           /* permessage-deflate on WebSockets */
    size_t compress_threshold;              /* messages below it are never compressed */
    uint64_t max_payload;                   /* request bodies and WebSocket messages */
    const struct sio_server_cookie *cookie; /* copied; NULL: none */
    bool http_compression;                  /* of answers to polls */
    size_t http_threshold;                  /* those below it are not compressed */
    const sio_engine_callbacks *callbacks;  /* copied: the owner's */
    void *user;
    sio_counters *counters;      /* borrowed; NULL: the engine counts for itself */
    uint32_t message_timeout_ms; /* for a WebSocket message to arrive; 0: any */
    uint32_t min_receive_rate;   /* bytes per second that win it as long again; 0: none do */
    bool settles_later;          /* the owner says when a session is settled, else on_open does */
    sio_queue_limits queue;      /* besides eio->max_queue_bytes */
    sio_engine_budget *budget;   /* borrowed; NULL: the engine has one for itself */
    char tag;                    /* what every session's id begins with; '\0': anything */
} sio_engine_settings;

/* Errors: SIO_ERR_INVALID, SIO_ERR_NOMEM, SIO_ERR_RANDOM. */
int sio_engine_new(sio_engine **out, sio_loop *loop, const sio_engine_settings *settings);

/* Close every session at once (on_close with "forced close"), then free. NULL is allowed. */
void sio_engine_free(sio_engine *engine);

/* Take sessions again. */
void sio_engine_reopen(sio_engine *engine);

/* No callback and no hook any more: whoever would be called has freed the server. Those of the
 * owner stay unless `owner_too`. */
void sio_engine_silence(sio_engine *engine, bool owner_too);

/* As sio_engine_close without `discard`, but a polling client that holds no GET is not waited for
 * unless messages are queued for it: it learns of the end when it asks next (closing the server).
 */
void sio_engine_shut_down(sio_engine *engine);

/* Every session gets its on_close now, also those whose end is under way further up the stack. */
void sio_engine_close_now(sio_engine *engine);

/* Whether a path is the engine's: it begins with the engine's path. */
bool sio_engine_has_path(const sio_engine *engine, sio_str path);

/* A request of the engine's path. Called when its head has arrived. */
void sio_engine_handle(sio_engine *engine, struct sio_exchange *exchange);

/* The same, when it comes from a page that may not use the server. */
void sio_engine_refuse_origin(sio_engine *engine, struct sio_exchange *exchange);

/* ---- session ---- */

/* Inside on_message: more has arrived together with this message. */
bool sio_engine_session_more(const sio_engine_session *session);

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

/* The client is one of ours, not one that may open sessions without end: it counts no longer as a
 * handshake in progress. */
void sio_engine_session_settle(sio_engine_session *session);

/* Close with "transport error" and this description, from the deferred queue: no callback comes
 * from inside this call. For a client that was sent half a packet. */
void sio_engine_session_fail(sio_engine_session *session, int err);

#endif
