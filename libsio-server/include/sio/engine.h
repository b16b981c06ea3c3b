/**
 * @file engine.h
 * @brief Engine.IO sessions without Socket.IO, and what can be hooked into the engine below
 * Socket.IO.
 *
 * An engine is one path of a server's HTTP front. The server makes one for Socket.IO, which
 * sio_server_engine() gives; sio_server_add_engine() mounts further ones, whose sessions carry
 * plain text and binary messages. All of them share the server's listeners, and several paths
 * coexist, upgrades included. A server with the option `engine_only` has no Socket.IO at all.
 *
 * Threads and callbacks: as said in <sio/server.h>. Engines belong to their server and live as long
 * as it does. A sio_engine_session belongs to its engine and lives until its `on_close` has
 * returned; sio_engine_session_ref() keeps the object longer.
 */
#ifndef SIO_ENGINE_H
#define SIO_ENGINE_H

#include <sio/eio.h>
#include <sio/eio_session.h>
#include <sio/http1.h>
#include <sio/server_types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sio_engine sio_engine;

/** One client: at first on polling or on a WebSocket, perhaps upgraded later. */
typedef struct sio_engine_session sio_engine_session;

/* ---- refused requests ---------------------------------------------------------------------- */

/** Why a request was refused. */
typedef enum sio_engine_cause {
    SIO_ENGINE_UNKNOWN_TRANSPORT = 1, /**< code 0; `context` is the transport asked for */
    SIO_ENGINE_UNKNOWN_SID,           /**< code 1; `context` is the session id */
    SIO_ENGINE_BAD_METHOD,            /**< code 2; `context` is the method */
    SIO_ENGINE_MIDDLEWARE_FAILURE,    /**< code 3; `context` is the middleware's text, if any */
    SIO_ENGINE_INVALID_ORIGIN,        /**< code 3; `context` is the Origin header */
    SIO_ENGINE_TRANSPORT_MISMATCH,    /**< code 3; `context` is the transport asked for, `previous`
                                           that of the session */
    SIO_ENGINE_PROTOCOL_MISMATCH,     /**< code 3; `protocol` and `previous_protocol` */
    SIO_ENGINE_HANDSHAKE_ERROR,       /**< code 3, TRANSPORT_HANDSHAKE_ERROR */
    SIO_ENGINE_ID_GENERATION_ERROR,   /**< code 3; `context` is the hook's text, if any */
    SIO_ENGINE_FORBIDDEN,             /**< code 4; `context` is the text of allow_request, if any */
    SIO_ENGINE_UNSUPPORTED_PROTOCOL   /**< code 5; `protocol` */
} sio_engine_cause;

/** The reference's name of a cause of code 3, such as "TRANSPORT_MISMATCH"; "" for the others.
 * Static text. */
SIO_API const char *sio_engine_cause_name(sio_engine_cause cause);

/** A refused request (Engine.IO protocol, error responses). Borrowed for the call. */
typedef struct sio_engine_refusal {
    size_t size;         /**< sizeof(sio_engine_refusal) of the library */
    int code;            /**< 0 to 5 */
    const char *message; /**< the standard text of the code */
    sio_engine_cause cause;
    sio_str context;  /**< see the cause; as sent, not decoded; empty if there is none */
    sio_str previous; /**< see the cause */
    int protocol;     /**< Engine.IO revision that the request asked for: 4, else 3 */
    int previous_protocol;
    const sio_http1_head *request;
    const char *remote; /**< the peer's IP address as text, "" if unknown */
} sio_engine_refusal;

/* ---- events -------------------------------------------------------------------------------- */

/** Headers of a response that is about to be written. Borrowed for the call. */
typedef struct sio_engine_headers sio_engine_headers;

/** Add a header line. A name that is there already gets a second line.
 * @return 0, SIO_ERR_INVALID for a malformed name or value, SIO_ERR_NOMEM */
SIO_API int sio_engine_headers_add(sio_engine_headers *headers, const char *name,
                                   const char *value);

/** What the engine tells. Every member may be NULL. `user` is the pointer given with the struct; a
 * session's own pointer is sio_engine_session_user(). Start from SIO_ENGINE_CALLBACKS_INIT. */
typedef struct sio_engine_callbacks {
    size_t size; /**< set by SIO_ENGINE_CALLBACKS_INIT */
    /** A session is open; its handshake response was written already. */
    void (*on_open)(sio_engine_session *session, void *user);
    /** A message. `data` may be changed in place and is valid for the call only; text is UTF-8. */
    void (*on_message)(sio_engine_session *session, bool binary, uint8_t *data, size_t len,
                       void *user);
    /** Exactly once, the last call for a session. `err` describes "transport error", 0 else. What
     * was never handed over can still be read with sio_engine_session_queue(). */
    void (*on_close)(sio_engine_session *session, sio_eio_reason reason, int err, void *user);
    /** The queue is about to be handed to the transport. What is sent from here joins it. */
    void (*on_flush)(sio_engine_session *session, const sio_eio_item *items, size_t count,
                     void *user);
    /** The queue has run empty: the transport has taken all of it, but not yet written it. */
    void (*on_drain)(sio_engine_session *session, void *user);
    /** A packet came on an open session and has not had its effect yet. Borrowed for the call. */
    void (*on_packet)(sio_engine_session *session, const sio_eio_packet *packet, void *user);
    /** A message, a ping or (revision 3) a pong was queued. Borrowed for the call. */
    void (*on_packet_create)(sio_engine_session *session, const sio_eio_item *item, void *user);
    /** The peer's sign of life: a pong, in revision 3 a ping. */
    void (*on_heartbeat)(sio_engine_session *session, void *user);
    /** The probe of a WebSocket was answered. */
    void (*on_upgrading)(sio_engine_session *session, void *user);
    /** The session is on a WebSocket now. */
    void (*on_upgrade)(sio_engine_session *session, void *user);
    /** The first response of a session: polling 200 or WebSocket 101. */
    void (*on_initial_headers)(sio_engine_session *session, const sio_http1_head *request,
                               sio_engine_headers *headers, void *user);
    /** Every response that a session gives, the first included: polls, POSTs, the 101. Not those
     * that refuse. */
    void (*on_headers)(sio_engine_session *session, const sio_http1_head *request,
                       sio_engine_headers *headers, void *user);
    /** A request was refused. */
    void (*on_connection_error)(const sio_engine_refusal *refusal, void *user);
    /** More than `high_watermark_bytes` of sio_server_options wait for the session. Once, until
     * on_caught_up. Never from inside a sending function. */
    void (*on_slow)(sio_engine_session *session, void *user);
    /** No more than `low_watermark_bytes` wait for the session, which was slow. */
    void (*on_caught_up)(sio_engine_session *session, void *user);
} sio_engine_callbacks;

#define SIO_ENGINE_CALLBACKS_INIT                                                                  \
    {                                                                                              \
        sizeof(sio_engine_callbacks), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,  \
            NULL, NULL, NULL, NULL, NULL                                                           \
    }

/* ---- engines ------------------------------------------------------------------------------- */

/** Settings of a further engine. Start from SIO_ENGINE_OPTIONS_INIT; a field left zero means the
 * default given here. Everything is copied. */
typedef struct sio_engine_options {
    size_t size;                 /**< set by SIO_ENGINE_OPTIONS_INIT */
    const char *path;            /**< "/engine.io"; a slash is added unless there is one */
    uint32_t ping_interval_ms;   /**< 25000 */
    uint32_t ping_timeout_ms;    /**< 20000 */
    uint32_t upgrade_timeout_ms; /**< 10000: for a WebSocket probe to complete */
    uint64_t max_payload;        /**< that of the server, which is also the most: bytes of a
                                      request body or of a message */
    uint64_t max_queued_bytes;   /**< 4 MiB: unsent bytes of one session; one that would pass it
                                      is closed with "transport error" */
    uint32_t compress_threshold; /**< 1024: smaller messages are never compressed */
    bool no_trailing_slash;      /**< take the path as it is, and what is below it */
    bool disable_polling;        /**< refuse HTTP long-polling */
    bool disable_websocket;      /**< refuse WebSocket */
    bool disable_upgrades;       /**< announce and accept no upgrade */
    bool allow_eio3;             /**< accept Engine.IO protocol 3 */
    bool per_message_deflate;    /**< compress WebSocket messages when the client can */
    const struct sio_server_cookie *cookie; /**< as in sio_server_options; NULL: none */
    bool disable_http_compression;          /**< never compress answers to polls */
    uint32_t http_compress_threshold; /**< 1024: answers to polls below it are not compressed */
    sio_engine_callbacks callbacks;   /**< the owner's */
    void *user;                       /**< handed to them */
} sio_engine_options;

#define SIO_ENGINE_OPTIONS_INIT                                                                    \
    {                                                                                              \
        sizeof(sio_engine_options), NULL, 0, 0, 0, 0, 0, 0, false, false, false, false, false,     \
            false, NULL, false, 0, SIO_ENGINE_CALLBACKS_INIT, NULL                                 \
    }

/** Mount a further engine on the server's HTTP front. It is freed with the server, which closes its
 * sessions first (`on_close` with "forced close").
 * @param out receives the engine, borrowed from the server
 * @param options borrowed for the call; NULL: all defaults, which makes sense for tests only
 * @return 0; SIO_ERR_INVALID for an impossible setting; SIO_ERR_EXISTS when the path has an engine;
 * SIO_ERR_STATE while the server is closing; SIO_ERR_NOMEM; SIO_ERR_RANDOM */
SIO_API int sio_server_add_engine(sio_engine **out, sio_server *server,
                                  const sio_engine_options *options);

/** The engine below Socket.IO: its sessions are those of Socket.IO's clients, to be watched, not to
 * be written to. Borrowed; NULL with the option `engine_only`. */
SIO_API sio_engine *sio_server_engine(const sio_server *server);

/** The Engine.IO session of a peer. Borrowed until the peer's connection closes. */
SIO_API sio_engine_session *sio_peer_session(const sio_peer *peer);

/** Be told what an engine does, besides its owner and before it, in the order of these calls, for
 * the engine's life.
 * @param callbacks copied; `data` of on_message must not be changed here
 * @return 0, SIO_ERR_INVALID, SIO_ERR_NOMEM */
SIO_API int sio_engine_watch(sio_engine *engine, const sio_engine_callbacks *callbacks, void *user);

/** Send this as the first message of every session, directly behind the open packet.
 * @param data copied; NULL with `len` 0: none any more
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_engine_set_initial_message(sio_engine *engine, bool binary, const void *data,
                                           size_t len);

/** Its path as requests must begin with it. Borrowed. */
SIO_API const char *sio_engine_path(const sio_engine *engine);
/** Sessions from before `on_open` to before `on_close`. */
SIO_API size_t sio_engine_session_count(const sio_engine *engine);
/** The session of that id, or NULL. Borrowed. */
SIO_API sio_engine_session *sio_engine_session_find(const sio_engine *engine, const char *id);
/** Walk the sessions: NULL gives the first, a session the one behind it; NULL is the end. Nothing
 * may be closed on the way. */
SIO_API sio_engine_session *sio_engine_session_next(const sio_engine *engine,
                                                    const sio_engine_session *session);
/** Refuse handshakes from now on (503), and close every session: what is queued is written first,
 * unless `discard`. */
SIO_API void sio_engine_close(sio_engine *engine, bool discard);

/* ---- requests on their way in -------------------------------------------------------------- */

/** A request that a hook decides upon: exactly one of sio_engine_request_accept(), _accept_id(),
 * _refuse() and _end() must be called, once for each call of the hook, now or later; it stays valid
 * until then, also when its client has gone or the server was freed. */
typedef struct sio_engine_request sio_engine_request;

typedef void (*sio_engine_request_fn)(sio_engine_request *request, void *user);

/** Run `fn` for every request of the engine's path before the engine looks at it, upgrades
 * included; several in the order of these calls. Accepting goes on, refusing answers code 3 with
 * cause MIDDLEWARE_FAILURE, ending answers as the hook likes.
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_engine_use(sio_engine *engine, sio_engine_request_fn fn, void *user);

/** Ask `fn` about each handshake (a request without session id) that passed the other checks.
 * Refusing answers code 4, over polling with status 403 and the text as message. NULL: none. */
SIO_API void sio_engine_set_allow_request(sio_engine *engine, sio_engine_request_fn fn, void *user);

/** Let `fn` choose the id of each session with sio_engine_request_accept_id();
 * sio_engine_request_accept() leaves it to the engine. Refusing answers code 3 with cause
 * ID_GENERATION_ERROR, and so does an id that is taken or cannot be one. NULL: none. */
SIO_API void sio_engine_set_generate_id(sio_engine *engine, sio_engine_request_fn fn, void *user);

/** Its head; NULL once the client has gone. Valid until the hook returns or, asked for later, until
 * the caller returns. */
SIO_API const sio_http1_head *sio_engine_request_head(const sio_engine_request *request);
/** The peer's IP address as text; "" once the client has gone. Valid as the head. */
SIO_API const char *sio_engine_request_remote(const sio_engine_request *request);
/** Whether its client has gone; then what is decided has no effect. */
SIO_API bool sio_engine_request_lost(const sio_engine_request *request);

/** Add a header to whatever answer the request gets, also to the 101 of an upgrade.
 * @return 0, SIO_ERR_INVALID for a malformed name or value, SIO_ERR_CLOSED when the client has
 * gone, SIO_ERR_NOMEM */
SIO_API int sio_engine_request_add_header(sio_engine_request *request, const char *name,
                                          const char *value);

/** Go on. */
SIO_API void sio_engine_request_accept(sio_engine_request *request);
/** Go on with this session id (generate_id only; elsewhere as sio_engine_request_accept()).
 * @param id copied: 1 to 255 letters, digits, `-`, `_`, `.`, `~` */
SIO_API void sio_engine_request_accept_id(sio_engine_request *request, const char *id);
/** Refuse it. @param text copied; NULL: none */
SIO_API void sio_engine_request_refuse(sio_engine_request *request, const char *text);
/** Answer it otherwise. An upgrade gets no answer, its connection is destroyed.
 * @param status 200 to 599; another one is sent as 500
 * @param content_type NULL: none
 * @param body copied; may be NULL when `len` is 0 */
SIO_API void sio_engine_request_end(sio_engine_request *request, int status,
                                    const char *content_type, const void *body, size_t len);

/* ---- sessions ------------------------------------------------------------------------------ */

/** The application's pointer; Socket.IO's sessions have one already. */
SIO_API void sio_engine_session_set_user(sio_engine_session *session, void *user);
/** The pointer given to sio_engine_session_set_user(), or NULL. */
SIO_API void *sio_engine_session_user(const sio_engine_session *session);

/** Keep the object beyond its close, but not beyond the server. @return its argument */
SIO_API sio_engine_session *sio_engine_session_ref(sio_engine_session *session);
/** NULL is allowed. */
SIO_API void sio_engine_session_unref(sio_engine_session *session);

/** The session id. Borrowed from the session. */
SIO_API const char *sio_engine_session_id(const sio_engine_session *session);
/** Revision of the protocol: 4 or 3. */
SIO_API int sio_engine_session_revision(const sio_engine_session *session);
/** What it is on now. */
SIO_API sio_eio_transport sio_engine_session_transport(const sio_engine_session *session);
/** Opening, open, closing or closed. */
SIO_API sio_eio_state sio_engine_session_state(const sio_engine_session *session);
/** A WebSocket is probing. */
SIO_API bool sio_engine_session_upgrading(const sio_engine_session *session);
/** It began on polling and is on a WebSocket now. */
SIO_API bool sio_engine_session_upgraded(const sio_engine_session *session);
/** A message sent now would be handed to the transport at once. */
SIO_API bool sio_engine_session_writable(const sio_engine_session *session);
/** Bytes that wait in the session's queue and in its connection. */
SIO_API size_t sio_engine_session_queued(const sio_engine_session *session);
/** Packets that these bytes are. On a WebSocket that has had something to send for long it may be
 * up to twice as many as there really are, never fewer. */
SIO_API size_t sio_engine_session_queued_messages(const sio_engine_session *session);
/** What was not handed over yet, in order, also inside on_close. Borrowed until the next call. */
SIO_API const sio_eio_item *sio_engine_session_queue(const sio_engine_session *session,
                                                     size_t *count);
/** The first request, kept for the session's life. Borrowed from the session. It is made of what is
 * kept when it is asked for; without memory for that it has no texts. */
SIO_API const sio_http1_head *sio_engine_session_request(const sio_engine_session *session);
/** The peer's IP address as text at the handshake. Borrowed from the session. */
SIO_API const char *sio_engine_session_remote(const sio_engine_session *session);
/** Wall clock of the handshake, ms since 1970. */
SIO_API uint64_t sio_engine_session_issued(const sio_engine_session *session);
/** Whether the first request came over TLS. */
SIO_API bool sio_engine_session_secure(const sio_engine_session *session);

/** The subject of the certificate that the client showed in the TLS handshake, as RFC 4514 writes
 * it, such as "CN=someone,O=Example". Behind a proxy that speaks TLS it is the proxy's. Borrowed
 * from the session.
 * @param verified set to whether the authorities of `client_ca_file` vouch for it: not so only if a
 * ready SSL_CTX lets it pass; may be NULL
 * @return NULL when the client showed none */
SIO_API const char *sio_engine_session_certificate(const sio_engine_session *session,
                                                   bool *verified);

/** How to send. Start from SIO_ENGINE_SEND_INIT. */
typedef struct sio_engine_send_options {
    size_t size;      /**< set by SIO_ENGINE_SEND_INIT */
    bool no_compress; /**< do not compress it, even if compression was negotiated */
    bool is_volatile; /**< drop it if it cannot be handed over right now */
    /** Called exactly once, unless an error was returned, never from inside the call: `status` 0
     * when the batch that holds the message was written, SIO_ERR_CLOSED when the session closed
     * before. (The JavaScript engine forgets the callback then.) */
    void (*done)(void *user, int status);
    void *user;
} sio_engine_send_options;

#define SIO_ENGINE_SEND_INIT                                                                       \
    { sizeof(sio_engine_send_options), false, false, NULL, NULL }

/** Send a message.
 * @param text borrowed for the call, UTF-8
 * @param options borrowed for the call; NULL: all defaults
 * @return 0; SIO_ERR_CLOSED while closing or closed; SIO_ERR_DISCARDED for a volatile message that
 * was dropped; SIO_ERR_EIO_QUEUE_FULL when it would pass the limit (the session is then closed);
 * SIO_ERR_NOMEM */
SIO_API int sio_engine_session_send_text(sio_engine_session *session, sio_str text,
                                         const sio_engine_send_options *options);
/** The same for bytes. */
SIO_API int sio_engine_session_send_binary(sio_engine_session *session, sio_bytes data,
                                           const sio_engine_send_options *options);
/** The same for a message made with sio_eio_message_new(), which is framed once for all sessions
 * that get it; each takes a reference of its own. */
SIO_API int sio_engine_session_send_shared(sio_engine_session *session, sio_eio_message *message,
                                           const sio_engine_send_options *options);

/** Close with reason "forced close". What is queued goes out first, a polling client is waited for
 * up to 30 s; with `discard` the queue is dropped and the session closes at once, also when a
 * graceful close is under way. on_close may come from inside this call. */
SIO_API void sio_engine_session_close(sio_engine_session *session, bool discard);

#ifdef __cplusplus
}
#endif

#endif
