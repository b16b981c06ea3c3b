/**
 * @file server.h
 * @brief A Socket.IO server: namespaces, peers, rooms, broadcasting, acknowledgements, over
 * WebSocket and HTTP long-polling, with the HTTP front they need.
 *
 * ### Objects and who owns them
 * - `sio_server` is created and freed by the application. Freeing it frees everything below.
 * - `sio_namespace` belongs to the server and lives as long as it does.
 * - `sio_peer` is one client in one namespace (the JavaScript server's Socket). It belongs to the
 *   server and lives until its `disconnect` handlers have returned; sio_peer_ref() keeps the object
 *   (not the connection) longer.
 * - `sio_target` is a plain struct that says who gets a broadcast.
 *
 * ### Threads
 * A server and everything below it belong to the thread that runs its loop. Only
 * sio_server_stop() and sio_server_post() may be called from other threads.
 *
 * ### Callbacks
 * Every function of this header may be called from every callback, freeing the server included,
 * except sio_server_run(). No callback runs after sio_server_free() has returned.
 */
#ifndef SIO_SERVER_H
#define SIO_SERVER_H

#include <sio/event.h>

#ifdef __cplusplus
extern "C" {
#endif

struct event_base;
struct ssl_ctx_st;

typedef struct sio_server sio_server;
typedef struct sio_namespace sio_namespace;
typedef struct sio_peer sio_peer;

/** An event for a peer. `event` is borrowed for the call. */
typedef void (*sio_peer_fn)(sio_peer *peer, const sio_event *event, void *user);

/** One line of log. `scope` is named as in the JavaScript `debug` convention, such as
 * "engine:ws"; `text` has no line end. Both are borrowed for the call. */
typedef void (*sio_server_log_fn)(const char *scope, const char *text, void *user);

/** Certificate and key of a TLS server. Paths are borrowed for the call that takes the struct. */
typedef struct sio_server_tls {
    size_t size;                /**< set by SIO_SERVER_TLS_INIT */
    const char *cert_file;      /**< PEM: the certificate, then its chain */
    const char *key_file;       /**< PEM: the private key */
    const char *key_passphrase; /**< NULL if the key is not encrypted */
    const char *client_ca_file; /**< PEM: when set, clients must show a certificate it signed */
    struct ssl_ctx_st *ctx;     /**< a ready SSL_CTX instead of the files; the server takes its own
                                     reference */
} sio_server_tls;

#define SIO_SERVER_TLS_INIT                                                                        \
    { sizeof(sio_server_tls), NULL, NULL, NULL, NULL, NULL }

/** Which web pages may use the server (Cross-Origin Resource Sharing). */
typedef struct sio_server_cors {
    size_t size;                /**< set by SIO_SERVER_CORS_INIT */
    const char *const *origins; /**< allowed values of Origin; the single entry "*" allows all */
    size_t origin_count;        /**< 0: no CORS header is ever sent */
    bool credentials;           /**< allow cookies; refused together with "*" */
} sio_server_cors;

#define SIO_SERVER_CORS_INIT                                                                       \
    { sizeof(sio_server_cors), NULL, 0, false }

/**
 * Settings of a server. Start from SIO_SERVER_OPTIONS_INIT; a field left zero means the default
 * given here. Everything pointed to is copied by sio_server_new(), except `base`, which must
 * outlive the server.
 */
typedef struct sio_server_options {
    size_t size;             /**< set by SIO_SERVER_OPTIONS_INIT */
    const sio_mem *mem;      /**< NULL: the C library's allocator */
    struct event_base *base; /**< run on the application's event base instead of an own one */
    sio_server_log_fn log;   /**< NULL: silent */
    void *log_user;          /**< handed to `log` */

    const char *path;            /**< "/socket.io" */
    uint32_t ping_interval_ms;   /**< 25000 */
    uint32_t ping_timeout_ms;    /**< 20000 */
    uint32_t upgrade_timeout_ms; /**< 10000: for a WebSocket probe to complete */
    uint32_t connect_timeout_ms; /**< 45000: for a client to join a first namespace */
    uint64_t max_payload;        /**< 1,000,000: bytes of a request body or of a message */
    uint32_t max_attachments;    /**< 10: binary attachments of one packet */
    uint32_t max_json_depth;     /**< 256 */
    uint32_t max_namespaces;     /**< 64: namespaces one connection may join */
    uint32_t max_pending_acks;   /**< 1000: acknowledgements awaited from one peer */
    uint64_t max_queued_bytes;   /**< 4 MiB: unsent bytes of one connection; one that would pass it
                                      is closed with `transport error` */
    uint32_t max_connections;    /**< 0: as many as there are descriptors */
    uint32_t header_timeout_ms;  /**< 10000: for a request head to arrive */
    uint32_t body_timeout_ms;    /**< 30000: for a request body to arrive */
    uint32_t idle_timeout_ms;    /**< 5000: between the requests of a kept-alive connection */
    uint32_t compress_threshold; /**< 1024: smaller messages are never compressed */
    bool disable_polling;        /**< refuse HTTP long-polling */
    bool disable_websocket;      /**< refuse WebSocket */
    bool disable_upgrades;       /**< sessions stay on the transport they began with */
    bool allow_eio3;             /**< accept clients of Socket.IO 2.x (Engine.IO protocol 3) */
    bool per_message_deflate;    /**< compress WebSocket messages when the client can */
    const sio_server_cors *cors; /**< NULL: no CORS headers */
    const sio_server_tls *tls;   /**< NULL: plain TCP */
    const char *client_dir;      /**< folder with the browser bundles (`socket.io.js` ...), served
                                      below `path`; NULL: none */
} sio_server_options;

#define SIO_SERVER_OPTIONS_INIT                                                                    \
    {                                                                                              \
        sizeof(sio_server_options), NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
            0, 0, 0, 0, false, false, false, false, false, NULL, NULL, NULL                        \
    }

/* ---- server -------------------------------------------------------------------------------- */

/** The version of the libsio-server that is linked in, which may differ from that of libsio-proto
 * (sio_version()).
 * @return static text, never freed. Callable from any thread. */
SIO_API const char *sio_server_version(void);

/** Create a server. Nothing listens yet.
 * @param out receives the server, owned by the caller, to be freed with sio_server_free()
 * @param options borrowed for the call; NULL: all defaults
 * @return 0; SIO_ERR_INVALID for an impossible setting; SIO_ERR_NOMEM; SIO_ERR_RANDOM;
 * SIO_ERR_TLS_CONFIG for an unusable certificate or key; SIO_ERR_UNSUPPORTED for a feature that
 * this build lacks */
SIO_API int sio_server_new(sio_server **out, const sio_server_options *options);

/** Free the server and everything below it: connections are cut, each connected peer gets its
 * `disconnect` event with reason "server shutting down", each awaited acknowledgement ends with
 * SIO_ERR_DISCONNECTED. Never blocks. NULL is allowed. */
SIO_API void sio_server_free(sio_server *server);

/** Listen on an address. May be called several times.
 * @param host a numeric address ("127.0.0.1", "::1"); "::" and NULL take IPv4 and IPv6 alike;
 * "unix:" and a path listen on a Unix socket
 * @param port 0 picks a free one, see sio_server_port()
 * @return 0; SIO_ERR_INVALID for a malformed address; SIO_ERR_LISTEN when it cannot be had;
 * SIO_ERR_STATE while it is closing; SIO_ERR_LIMIT for more than 16 listeners; SIO_ERR_NOMEM */
SIO_API int sio_server_listen(sio_server *server, const char *host, uint16_t port);

/** The port of the first TCP listener; 0 if there is none. */
SIO_API uint16_t sio_server_port(const sio_server *server);

/** Run the loop until sio_server_stop() or, after sio_server_close(), until all is closed. With an
 * event base of the application this runs that base.
 * @return 0, or SIO_ERR_STATE when it runs already */
SIO_API int sio_server_run(sio_server *server);

/** Make sio_server_run() return. Callable from any thread and from a libevent signal callback, not
 * from a raw signal handler. */
SIO_API void sio_server_stop(sio_server *server);

/** Call `fn` on the loop's thread. Callable from any thread while the server exists.
 * @param drop called instead of `fn` when the server is freed first, so that `user` can be
 * released; may be NULL. It may run after sio_server_free() has returned, if that was called inside
 * a callback
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_server_post(sio_server *server, void (*fn)(void *user), void (*drop)(void *user),
                            void *user);

/** Close gracefully: stop accepting, end every peer with reason "server shutting down", write what
 * was queued (bounded by `deadline_ms`), close the connections, then call `done`.
 * @param done called exactly once, also when the server is freed meanwhile; may be NULL
 * @return 0, SIO_ERR_STATE when it is closing already, SIO_ERR_NOMEM */
SIO_API int sio_server_close(sio_server *server, uint32_t deadline_ms, void (*done)(void *user),
                             void *user);

/** The namespace of that name, created if need be. A missing leading slash is added.
 * @return borrowed, lives as long as the server; NULL when out of memory, and when the name holds a
 * comma or a control character */
SIO_API sio_namespace *sio_server_of(sio_server *server, const char *name);

/** Engine.IO sessions that are open now. */
SIO_API size_t sio_server_session_count(const sio_server *server);

/** The application's pointer, borrowed. */
SIO_API void sio_server_set_user(sio_server *server, void *user);
/** The pointer given to sio_server_set_user(), or NULL. */
SIO_API void *sio_server_user(const sio_server *server);

/* ---- HTTP beside Socket.IO ----------------------------------------------------------------- */

/** An HTTP request outside the Socket.IO path that waits for its answer. Opaque. It lives until it
 * was answered or its connection was lost. */
typedef struct sio_request sio_request;

/** A request has arrived whole. Answer it with sio_request_reply(), before returning. */
typedef void (*sio_request_fn)(sio_request *request, void *user);

/** Handle every request outside the Socket.IO path and the served folders. Without a handler they
 * get 404. `fn` NULL removes the handler. */
SIO_API void sio_server_on_request(sio_server *server, sio_request_fn fn, void *user);

/** Serve the regular files of a folder below a URL prefix, with types, ETag and 304. Names that
 * lead outside the folder, hidden files and links out of it get 404.
 * @param prefix such as "/" or "/static/"; copied
 * @param dir copied
 * @return 0, SIO_ERR_INVALID, SIO_ERR_NOT_FOUND when there is no such folder, SIO_ERR_NOMEM */
SIO_API int sio_server_serve_dir(sio_server *server, const char *prefix, const char *dir);

/** The method, such as "GET". Valid until the request is answered or lost. */
SIO_API sio_str sio_request_method(const sio_request *request);
/** The path as sent, without the query. Valid until the request is answered or lost. */
SIO_API sio_str sio_request_path(const sio_request *request);
/** What stands behind the `?`; empty if nothing. Valid until the request is answered or lost. */
SIO_API sio_str sio_request_query(const sio_request *request);
/** The body. Valid until the request is answered or lost. */
SIO_API sio_bytes sio_request_body(const sio_request *request);
/** The first header of that name, whatever its case; `ptr` is NULL if there is none. Valid until
 * the request is answered or lost. */
SIO_API sio_str sio_request_header(const sio_request *request, const char *name);

/** Add a header to the answer. Both texts are copied.
 * @return 0, SIO_ERR_INVALID when name or value hold CR, LF, NUL or are otherwise malformed,
 * SIO_ERR_NOMEM */
SIO_API int sio_request_add_header(sio_request *request, const char *name, const char *value);

/** Answer, once. The request is gone afterwards, also on failure.
 * @param status such as 200
 * @param content_type NULL: none
 * @param body copied; may be NULL when `len` is 0
 * @return 0, SIO_ERR_INVALID, SIO_ERR_NOMEM (the connection is then closed) */
SIO_API int sio_request_reply(sio_request *request, int status, const char *content_type,
                              const void *body, size_t len);

/* ---- namespace ----------------------------------------------------------------------------- */

/** Its name, with the leading slash. Borrowed. */
SIO_API const char *sio_namespace_name(const sio_namespace *ns);

/** Its server. Borrowed. */
SIO_API sio_server *sio_namespace_server(const sio_namespace *ns);

/** Call `fn` for each peer that has joined. What it emits follows the CONNECT packet. Several
 * handlers run in the order they were added.
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_namespace_on_connection(sio_namespace *ns, sio_peer_fn fn, void *user);

/** Handle an event of every peer of the namespace. "disconnecting" and "disconnect" are events of
 * the library; `event->reason` is then the reason spelled as in JavaScript. Several handlers of
 * one event run in the order they were added.
 * @param event copied
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_namespace_on(sio_namespace *ns, const char *event, sio_peer_fn fn, void *user);

/** Handle every event the peers send, before the handlers of that event.
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_namespace_on_any(sio_namespace *ns, sio_peer_fn fn, void *user);

/** Remove every handler added with these same `event`, `fn` and `user`. One that is removed while
 * an event is being handed out does not run any more.
 * @param event NULL: those of sio_namespace_on_any()
 * @return 0 or SIO_ERR_NOT_FOUND */
SIO_API int sio_namespace_off(sio_namespace *ns, const char *event, sio_peer_fn fn, void *user);

/** Peers that are connected now. */
SIO_API size_t sio_namespace_peer_count(const sio_namespace *ns);

/** The connected peer with that id; NULL if there is none. Borrowed. */
SIO_API sio_peer *sio_namespace_find(const sio_namespace *ns, const char *id);

/** Call `fn` for each peer connected now; joining, leaving and disconnecting inside are allowed.
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_namespace_each(sio_namespace *ns, void (*fn)(sio_peer *peer, void *user),
                               void *user);

/* ---- peer ---------------------------------------------------------------------------------- */

/** What is known about the client since its first request. Borrowed from the peer. */
typedef struct sio_handshake {
    size_t size;         /**< sizeof(sio_handshake) of the library */
    const char *address; /**< the client's IP address as text */
    const char *url;     /**< request target of the handshake */
    const char *query;   /**< its query, undecoded, "" if none */
    sio_str auth;        /**< the auth payload of CONNECT as JSON text; `{}` if there was none */
    uint64_t issued_ms;  /**< wall clock of the handshake, ms since 1970 */
    bool secure;         /**< over TLS */
} sio_handshake;

/** The public id of the peer: 20 characters, or for a Socket.IO 2.x client its Engine.IO id,
 * behind the namespace's name and `#` where that is not "/". Borrowed. */
SIO_API const char *sio_peer_id(const sio_peer *peer);
/** Its namespace. Borrowed. */
SIO_API sio_namespace *sio_peer_namespace(const sio_peer *peer);
/** Its server. Borrowed. */
SIO_API sio_server *sio_peer_server(const sio_peer *peer);
/** Its handshake. Borrowed, never NULL. */
SIO_API const sio_handshake *sio_peer_handshake(sio_peer *peer);

/** A header of the handshake request, whatever its case; `ptr` is NULL if there was none. Borrowed
 * from the peer. */
SIO_API sio_str sio_peer_header(const sio_peer *peer, const char *name);

/** "polling" or "websocket": what the connection uses now. */
SIO_API const char *sio_peer_transport(const sio_peer *peer);
/** True from just before the `connection` handlers until just before the `disconnect` handlers. */
SIO_API bool sio_peer_connected(const sio_peer *peer);

/** Bytes that wait to be written on the peer's connection. */
SIO_API size_t sio_peer_queued_bytes(const sio_peer *peer);

/** Attach the application's pointer.
 * @param release called with the old pointer when it is replaced or the peer goes; may be NULL */
SIO_API void sio_peer_set_user(sio_peer *peer, void *user, void (*release)(void *user));
/** The pointer given to sio_peer_set_user(), or NULL. */
SIO_API void *sio_peer_user(const sio_peer *peer);

/** Keep the object beyond its disconnect, but not beyond the server: the reference must be given
 * back before sio_server_free(). @return its argument */
SIO_API sio_peer *sio_peer_ref(sio_peer *peer);
/** Give a reference of sio_peer_ref() back. NULL is allowed. */
SIO_API void sio_peer_unref(sio_peer *peer);

/** Handle an event of this peer only, after the namespace's handlers.
 * @param event copied
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_peer_on(sio_peer *peer, const char *event, sio_peer_fn fn, void *user);

/** Remove what sio_peer_on() added with the same arguments. @return 0 or SIO_ERR_NOT_FOUND */
SIO_API int sio_peer_off(sio_peer *peer, const char *event, sio_peer_fn fn, void *user);

/** Send an event (Socket.IO protocol 5, EVENT and BINARY_EVENT packets).
 * @param args borrowed for the call; NULL: none. What was received may be passed on untouched.
 * @param options borrowed for the call; NULL: all defaults
 * @return 0; SIO_ERR_RESERVED for a reserved name; SIO_ERR_DISCONNECTED; SIO_ERR_DISCARDED for a
 * volatile event that was dropped; SIO_ERR_EIO_QUEUE_FULL when the connection's queue is full (it
 * is then closed); SIO_ERR_LIMIT when too many acknowledgements are awaited; SIO_ERR_NOMEM.
 * `on_ack` is not called when an error is returned. */
SIO_API int sio_peer_emit(sio_peer *peer, const char *event, const sio_args *args,
                          const sio_emit_options *options);

/** Send an event with arguments as in sio_args_addf(), such as
 * `sio_peer_emitf(peer, "reply", "s i", text, number)`. Errors as sio_peer_emit(), and those of
 * sio_args_addf(). */
SIO_API int sio_peer_emitf(sio_peer *peer, const char *event, const char *format, ...);

/** Send an event and ask for its acknowledgement, with arguments as in sio_args_addf().
 * @param timeout_ms 0: wait until the disconnect
 * @param on_ack called exactly once, unless an error is returned
 * @return as sio_peer_emitf() */
SIO_API int sio_peer_emit_ackf(sio_peer *peer, const char *event, uint32_t timeout_ms,
                               sio_reply_fn on_ack, void *user, const char *format, ...);

/** Join a room. Joining twice is one membership. Each peer is in the room named by its id.
 * @param room copied
 * @return 0, SIO_ERR_DISCONNECTED, SIO_ERR_NOMEM */
SIO_API int sio_peer_join(sio_peer *peer, const char *room);

/** Leave a room; nothing happens when the peer is not in it. */
SIO_API void sio_peer_leave(sio_peer *peer, const char *room);
/** Whether the peer is in the room. */
SIO_API bool sio_peer_in_room(const sio_peer *peer, const char *room);

/** How many rooms the peer is in, the one named by its id included. */
SIO_API size_t sio_peer_room_count(const sio_peer *peer);
/** The name of the peer's room `index`, in no particular order; NULL beyond the count. Borrowed
 * until the next join or leave. */
SIO_API const char *sio_peer_room(const sio_peer *peer, size_t index);

/** Disconnect the peer from its namespace; its handlers see "server namespace disconnect".
 * @param close_connection also end every other namespace of the client and its connection */
SIO_API void sio_peer_disconnect(sio_peer *peer, bool close_connection);

/** Close the connection underneath gracefully, without a DISCONNECT packet: every namespace of the
 * client ends with reason "forced close". */
SIO_API void sio_peer_close_connection(sio_peer *peer);

/* ---- broadcasting -------------------------------------------------------------------------- */

enum { SIO_TARGET_ROOMS = 8 };

/**
 * Who gets a broadcast: the peers of a namespace that are in any of the rooms (all, if no room is
 * given) and in none of the excepted ones. A peer's id is a room. Make one with
 * sio_namespace_target() or sio_peer_broadcast(), narrow it with sio_target_to() and
 * sio_target_except(), and use it as often as wanted. Room names are borrowed until the last use.
 */
typedef struct sio_target {
    sio_namespace *ns;
    const char *rooms[SIO_TARGET_ROOMS];
    const char *except[SIO_TARGET_ROOMS];
    size_t room_count;
    size_t except_count;
    int error;        /**< what could not be added; every use then returns it */
    bool is_volatile; /**< drop the event for peers that cannot be written to right now */
    bool no_compress; /**< do not compress, even where compression was negotiated */
} sio_target;

/** Everyone in the namespace. */
SIO_API sio_target sio_namespace_target(sio_namespace *ns);

/** Everyone in the peer's namespace but the peer itself. */
SIO_API sio_target sio_peer_broadcast(sio_peer *peer);

/** Only those in this room, or in one of those named before. More than SIO_TARGET_ROOMS rooms make
 * every use fail with SIO_ERR_LIMIT.
 * @return its argument */
SIO_API sio_target *sio_target_to(sio_target *target, const char *room);

/** Not those in this room. Limit as in sio_target_to(). @return its argument */
SIO_API sio_target *sio_target_except(sio_target *target, const char *room);

/** Send an event to all of them. It is encoded and framed once.
 * @return 0, SIO_ERR_RESERVED, SIO_ERR_LIMIT, SIO_ERR_NOMEM. A peer whose queue is full is closed
 * and does not make the call fail. */
SIO_API int sio_target_emit(const sio_target *target, const char *event, const sio_args *args);

/** Send an event to all of them, with arguments as in sio_args_addf().
 * @return as sio_target_emit(), or an error of sio_args_addf() */
SIO_API int sio_target_emitf(const sio_target *target, const char *event, const char *format, ...);

/** Make all of them join a room. @return 0, SIO_ERR_LIMIT or SIO_ERR_NOMEM */
SIO_API int sio_target_join(const sio_target *target, const char *room);
/** Make all of them leave a room. @return 0, SIO_ERR_LIMIT or SIO_ERR_NOMEM */
SIO_API int sio_target_leave(const sio_target *target, const char *room);
/** Disconnect all of them, as sio_peer_disconnect(). @return 0, SIO_ERR_LIMIT or SIO_ERR_NOMEM */
SIO_API int sio_target_disconnect(const sio_target *target, bool close_connection);

/** How many peers the target names now. @return the count, SIO_ERR_NOMEM or SIO_ERR_LIMIT */
SIO_API int64_t sio_target_count(const sio_target *target);

#ifdef __cplusplus
}
#endif

#endif
