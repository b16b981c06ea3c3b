/**
 * @file server.h
 * @brief A Socket.IO server: namespaces, peers, rooms, broadcasting, acknowledgements, over
 * WebSocket and HTTP long-polling, with the HTTP front they need.
 *
 * ### Objects and who owns them
 * - `sio_server` is created and freed by the application. Freeing it frees everything below.
 * - `sio_namespace` belongs to the server and lives as long as it does, unless it is a child of a
 *   parent (<sio/parent.h>) and sio_server_options.cleanup_empty_child_namespaces is set.
 * - `sio_peer` is one client in one namespace (the JavaScript server's Socket). It belongs to the
 *   server and lives until its `disconnect` handlers have returned; sio_peer_ref() keeps the object
 *   (not the connection) longer.
 * - `sio_target` is a plain struct that says who gets a broadcast.
 *
 * ### Threads
 * A server and everything below it belong to the thread that runs its loop. Only
 * sio_server_stop(), sio_server_post(), sio_server_index() and sio_server_member() may be called
 * from other threads. With sio_server_options.threads a server has members, which are servers with
 * loops of their own: each belongs to its thread in the same way.
 *
 * ### Callbacks
 * Every function of this header may be called from every callback, freeing the server included,
 * except sio_server_run(). No callback runs after sio_server_free() has returned.
 */
#ifndef SIO_SERVER_H
#define SIO_SERVER_H

#include <sio/http1.h>
#include <sio/http_fields.h>
#include <sio/listen.h>
#include <sio/metrics.h>
#include <sio/middleware.h>
#include <sio/namespace.h>
#include <sio/parent.h>
#include <sio/parser.h>
#include <sio/peer.h>
#include <sio/request.h>
#include <sio/target.h>

#ifdef __cplusplus
extern "C" {
#endif

struct event_base;

/** One line of log. `scope` is named as in the JavaScript `debug` convention, such as
 * "engine:ws"; `text` has no line end. Both are borrowed for the call. */
typedef void (*sio_server_log_fn)(const char *scope, const char *text, void *user);

/** What a server says to a web page of some origin. */
typedef enum sio_cors_verdict {
    SIO_CORS_REFUSE, /**< no Access-Control-Allow-Origin: the browser keeps the answer from the page
                      */
    SIO_CORS_ALLOW,  /**< this origin may use the server */
    SIO_CORS_SKIP    /**< no CORS header at all, and OPTIONS is the engine's to refuse */
} sio_cors_verdict;

/** Decide about one request, before anything else is done with it. May be called for every request
 * below the path; must not block.
 * @param origin the Origin header, borrowed for the call; `ptr` is NULL when there is none or more
 * than one
 * @param request borrowed for the call */
typedef sio_cors_verdict (*sio_server_cors_fn)(sio_str origin, const sio_http1_head *request,
                                               void *user);

/** Which web pages may use the server (Cross-Origin Resource Sharing). Without origins,
 * `any_origin` and `decide` no CORS header is ever sent. An origin that is not allowed gets the
 * answer without Access-Control-Allow-Origin, so it is the browser that refuses. Browsers do not
 * look at these headers when a page opens a WebSocket: there the server itself refuses an origin
 * that is not allowed, with 400, unless `open_websockets` is set. A page of the host that the
 * request's Host names is allowed always, as is who sends no Origin, which no browser leaves out
 * there. All texts that go into headers are checked by sio_server_new(). */
typedef struct sio_server_cors {
    size_t size;                /**< set by SIO_SERVER_CORS_INIT */
    const char *const *origins; /**< allowed values of Origin; the single entry "*" allows all */
    size_t origin_count;        /**< entries of `origins` */
    bool credentials;           /**< allow cookies; refused together with "*" */
    bool any_origin;            /**< every Origin is allowed and sent back, also with `credentials`:
                                     any page may then act as its visitor */
    sio_server_cors_fn decide;  /**< decides instead of `origins` and `any_origin`; NULL: none */
    void *decide_user;          /**< handed to `decide` */
    const char *const *methods; /**< Access-Control-Allow-Methods; NULL: "GET,HEAD,PUT,PATCH,POST,
                                     DELETE" */
    size_t method_count;        /**< entries of `methods` */
    const char *const *allowed_headers; /**< Access-Control-Allow-Headers; NULL: what the page asks
                                             for */
    size_t allowed_header_count;        /**< entries of `allowed_headers` */
    const char *const *exposed_headers; /**< Access-Control-Expose-Headers; NULL: none */
    size_t exposed_header_count;        /**< entries of `exposed_headers` */
    bool has_max_age;                   /**< send Access-Control-Max-Age */
    uint32_t max_age;                   /**< its seconds */
    uint16_t options_success_status;    /**< of the answer to OPTIONS, 200 to 299; 0: 204 */
    bool preflight_continue;            /**< hand OPTIONS on, with its headers, to the engine */
    bool open_websockets;               /**< let pages of every origin open WebSockets, as the
                                             JavaScript server does */
    bool same_host_only; /**< without origins: only pages of this host open WebSockets */
} sio_server_cors;

#define SIO_SERVER_CORS_INIT                                                                       \
    {                                                                                              \
        sizeof(sio_server_cors), NULL, 0, false, false, NULL, NULL, NULL, 0, NULL, 0, NULL, 0,     \
            false, 0, 0, false, false, false                                                       \
    }

/** A cookie with the session's id, set by the answer to a polling handshake, so that a proxy can
 * send all requests of a session to the same server. The engine itself never reads it.
 * SIO_SERVER_COOKIE_INIT gives `io=<id>; Path=/; HttpOnly; SameSite=Lax`. All texts are checked by
 * sio_server_new(): a cookie's name must be a token, and ";", "," and control characters are
 * refused. */
typedef struct sio_server_cookie {
    size_t size;                    /**< set by SIO_SERVER_COOKIE_INIT */
    const char *name;               /**< "io" */
    const char *path;               /**< "/"; NULL: no Path */
    const char *domain;             /**< NULL: no Domain */
    bool http_only;                 /**< true: scripts of the page cannot read it */
    bool secure;                    /**< false; over TLS only */
    bool partitioned;               /**< false; needs `secure` */
    bool has_max_age;               /**< false: as long as the browser's session */
    int64_t max_age;                /**< seconds */
    bool has_expires;               /**< false */
    int64_t expires;                /**< seconds since 1970-01-01 UTC */
    sio_cookie_priority priority;   /**< unset: no Priority */
    sio_cookie_same_site same_site; /**< lax; unset: no SameSite */
} sio_server_cookie;

#define SIO_SERVER_COOKIE_INIT                                                                     \
    {                                                                                              \
        sizeof(sio_server_cookie), "io", "/", NULL, true, false, false, false, 0, false, 0,        \
            SIO_COOKIE_PRIORITY_UNSET, SIO_COOKIE_SAME_SITE_LAX                                    \
    }

/** Where adapters come from, see <sio/sys/adapter.h>. */
typedef struct sio_server_adapter {
    size_t size; /**< set by SIO_SERVER_ADAPTER_INIT */
    /** Called for each namespace that is made. The object belongs to the namespace from now on.
     * @return 0, or an error, with which the namespace is not made */
    int (*create)(struct sio_adapter **out, sio_namespace *ns, void *user);
    void *user;
} sio_server_adapter;

#define SIO_SERVER_ADAPTER_INIT                                                                    \
    { sizeof(sio_server_adapter), NULL, NULL }

/** Connection state recovery: clients that were cut off come back as the same peers, with their id,
 * rooms and data, and get what they have missed. Events carry an offset as an additional last
 * argument then. Limits are those of each namespace; what is oldest goes first, and a client that
 * needs it begins anew. Start from SIO_SERVER_RECOVERY_INIT. */
typedef struct sio_server_recovery {
    size_t size;                   /**< set by SIO_SERVER_RECOVERY_INIT */
    uint32_t max_disconnection_ms; /**< 120000: how long a session and what it misses is kept */
    bool run_middlewares;          /**< ask the middlewares about recovered clients, too */
    size_t max_sessions;           /**< 10000 */
    size_t max_events;             /**< 100000 */
    uint64_t max_bytes;            /**< 64 MiB: of sessions and events together */
} sio_server_recovery;

#define SIO_SERVER_RECOVERY_INIT                                                                   \
    { sizeof(sio_server_recovery), 0, false, 0, 0, 0 }

/** Registers the handlers, namespaces, middlewares, folders and engines of one member: the same for
 * each, as a client may be served by any.
 * @param server the member
 * @param index its number, 0 for the server that the application gets
 * @return 0, or an error, which sio_server_new() then returns */
typedef int (*sio_server_setup_fn)(sio_server *server, unsigned index, void *user);

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
    uint32_t max_connections;    /**< 0: as many as there are descriptors. Connections open at once,
                                      WebSockets included; one more gets 503 (with TLS: is closed)
                                      and is counted */
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
    const char *client_version;  /**< the bundles' ETag without its quotes: letters, digits and
                                      "._+-", at most 61; NULL: the version that a bundle's first
                                      comment names, else that of `package.json` in the folder, else
                                      a hash of the bundles; looked up when the server is made */
    const sio_server_cookie *cookie;  /**< NULL: none */
    bool disable_http_compression;    /**< never compress answers to polls */
    uint32_t http_compress_threshold; /**< 1024: answers to polls below it are not compressed;
                                           1: every one is */
    bool engine_only;       /**< no Socket.IO: the server has the engines of sio_server_add_engine()
                                 only; `path` and what concerns Socket.IO is not looked at */
    bool no_trailing_slash; /**< take `path` as it is, and what is below it */
    bool keep_unhandled_upgrades;        /**< do not end upgrade requests that nobody handles */
    uint32_t destroy_upgrade_timeout_ms; /**< 1000: until an upgrade request that is neither for an
                                              engine nor for a handler is ended */
    const char *metrics_path;            /**< "/metrics" or such: GET shows the counters there in
                                              Prometheus' text format; NULL: nowhere. Everyone who
                                              reaches the port can read it */
    const char *const *trusted_proxies;  /**< addresses ("10.0.0.1"), ranges ("10.0.0.0/8") and
                                              "unix:" for Unix sockets: who comes from there is
                                              believed in what X-Forwarded-For and X-Forwarded-Proto,
                                              or Forwarded, say of the client */
    size_t trusted_proxy_count;          /**< at most 1024 */
    const sio_server_adapter *adapter;   /**< NULL: each namespace is on its own, in memory */
    uint64_t max_reply_bytes;    /**< 4 MiB: answers to one broadcast with acknowledgements */
    uint32_t max_waiting_events; /**< 256: events of one peer that wait for middlewares; one more
                                      closes its connection */
    const sio_server_recovery *recovery; /**< NULL: no connection state recovery. With an adapter of
                                              the application, that keeps sessions and events */
    sio_parser parser; /**< SIO_PARSER_DEFAULT; clients must use the same one. With MessagePack,
                            `allow_eio3` is not possible */
    uint64_t high_watermark_bytes; /**< a quarter of `max_queued_bytes`: more unsent bytes than this
                                        make a connection slow, see sio_namespace_on_slow() */
    uint64_t low_watermark_bytes;  /**< a quarter of the high watermark: a slow connection has
                                        caught up when no more are left */
    uint32_t max_queued_messages;  /**< 0: no limit. Unsent packets of one connection; one that
                                        would pass it is closed with `transport error` */
    uint32_t slow_timeout_ms;      /**< 60000: a connection that is slow for so long is closed with
                                        `transport error`; UINT32_MAX: none is */
    uint64_t max_total_queued_bytes; /**< 0: no limit. Unsent bytes of all connections; a message
                                        shared by many counts for each. While more wait, a
                                        connection that would pass its fair share, which is this
                                        divided by the sessions, is closed with
                                        `transport error` */
    bool cleanup_empty_child_namespaces; /**< a child of a parent (see <sio/parent.h>) goes when its
                                              last peer has left, by disconnecting or because it was
                                              refused, and none is joining. A pointer to it is valid
                                              until the loop goes on after that */
    uint32_t max_child_namespaces;       /**< 10000: children of all parents together. A client that
                                              would cause one more gets "Invalid namespace";
                                              sio_server_of() is not limited */
    uint32_t max_connections_per_address; /**< 0: no limit. Connections open at once from one IPv4
                                               address or one /64 of IPv6; one more gets 503 (with
                                               TLS: is closed). Trusted proxies are not counted */
    uint32_t max_pending_handshakes; /**< 0: no limit. Clients that have not joined a namespace yet,
                                          and requests that hooks decide upon; while there are so
                                          many a further handshake gets 503 */
    uint32_t max_rooms_per_peer;     /**< 0: no limit. Its own room does not count; joining one more
                                          is SIO_ERR_LIMIT */
    uint32_t max_room_name;          /**< 0: no limit. Bytes; a longer name is SIO_ERR_LIMIT */
    uint32_t tls_handshake_timeout_ms; /**< 10000: for a TLS handshake */
    uint32_t message_timeout_ms; /**< 30000: for a WebSocket message to arrive, from its first byte;
                                      else it is closed with 1008 and `transport error` */
    uint32_t min_receive_rate;   /**< 16384: bytes per second. A request body or WebSocket message
                                    that brings so many gets another `body_timeout_ms` or
                                      `message_timeout_ms`, and so on; UINT32_MAX: none does */
    uint32_t max_log_lines;      /**< 100: lines of log a second for each scope. Of more only the
                                      number is told, a second later; UINT32_MAX: no limit */
    uint32_t threads; /**< 0 and 1: one loop. More, at most 64: so many loops, each with a thread
                         and a member of the server; connections are shared among them, and events,
                           rooms and queries reach the clients of all. Needs `setup`; `mem` and
                           `log` are called on every thread then. See docs/threads.md */
    sio_server_setup_fn setup; /**< called by sio_server_new(), on its thread, for each member;
                                    NULL: there is nothing to register */
    void *setup_user;          /**< handed to `setup` */
} sio_server_options;

#define SIO_SERVER_OPTIONS_INIT                                                                    \
    {                                                                                              \
        sizeof(sio_server_options), NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
            0, 0, 0, 0, false, false, false, false, false, NULL, NULL, NULL, NULL, NULL, false, 0, \
            false, false, false, 0, NULL, NULL, 0, NULL, 0, 0, NULL, SIO_PARSER_DEFAULT, 0, 0, 0,  \
            0, 0, false, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL                                  \
    }

/* ---- server -------------------------------------------------------------------------------- */

/** The version of the libsio-server that is linked in, which may differ from that of libsio-proto
 * (sio_version()).
 * @return static text, never freed. Callable from any thread. */
SIO_API const char *sio_server_version(void);

/** Create a server. Nothing listens yet.
 * @param out receives the server, owned by the caller, to be freed with sio_server_free(). With
 * sio_server_options.threads this is member 0; the other members belong to it, and their threads
 * start with the first call that listens, adopts, runs or closes
 * @param options borrowed for the call; NULL: all defaults
 * @return 0; SIO_ERR_INVALID for an impossible setting; SIO_ERR_NOMEM; SIO_ERR_RANDOM;
 * SIO_ERR_TLS_CONFIG for an unusable certificate or key; SIO_ERR_UNSUPPORTED for a feature that
 * this build lacks; what `setup` returned */
SIO_API int sio_server_new(sio_server **out, const sio_server_options *options);

/** Free the server and everything below it: connections are cut, each connected peer gets its
 * `disconnect` event with reason "server shutting down", each awaited acknowledgement ends with
 * SIO_ERR_DISCONNECTED. With one loop it never blocks. With more, each member ends on its own
 * thread, and the call waits for the handlers that are running there: these must not wait for the
 * caller. NULL is allowed, and a member other than 0: then nothing happens. */
SIO_API void sio_server_free(sio_server *server);

/** Run the loop until sio_server_stop() or, after sio_server_close(), until all is closed. With an
 * event base of the application this runs that base. The other members run meanwhile; when the call
 * has returned none does, until the server is run or listens again.
 * @return 0; SIO_ERR_STATE when it runs already, and for a member other than 0; SIO_ERR_NOMEM when
 * the system has no thread for a member */
SIO_API int sio_server_run(sio_server *server);

/** Make sio_server_run() return. Callable from any thread and from a libevent signal callback, not
 * from a raw signal handler. For a member other than 0 nothing happens. */
SIO_API void sio_server_stop(sio_server *server);

/** Call `fn` on the loop's thread, which is the member's. Callable from any thread while the server
 * exists.
 * @param drop called instead of `fn` when the server is freed first, so that `user` can be
 * released; may be NULL. It may run after sio_server_free() has returned, if that was called inside
 * a callback
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_server_post(sio_server *server, void (*fn)(void *user), void (*drop)(void *user),
                            void *user);

/** Close gracefully: stop accepting, end every peer with reason "server shutting down", write what
 * was queued (bounded by `deadline_ms`), close the connections, then call `done`.
 * What the application handed in and owns, such as its event base, stays open. Once `done` was
 * called the server may listen again. All members close, each on its thread.
 * @param done called exactly once, when all members are through, on the thread of `server`, also
 * when the server is freed meanwhile; may be NULL
 * @return 0; SIO_ERR_STATE when it is closing already, and for a member other than 0;
 * SIO_ERR_NOMEM */
SIO_API int sio_server_close(sio_server *server, uint32_t deadline_ms, void (*done)(void *user),
                             void *user);

/** The namespace of that name, created if need be: as a child of the first parent with a pattern
 * that matches (<sio/parent.h>), else by itself. A missing leading slash is added.
 * @return borrowed, lives as long as the server, unless said otherwise for children; NULL when out
 * of memory, and when the name holds a comma or a control character */
SIO_API sio_namespace *sio_server_of(sio_server *server, const char *name);

/** Which member of its group the server is, beginning with 0. Callable from any thread. */
SIO_API unsigned sio_server_index(const sio_server *server);

/** Another member of the server's group, for sio_server_post(). Everything else that is done to a
 * member is done on its own thread. Callable from any thread.
 * @param server any member
 * @return borrowed, lives as long as member 0; NULL when `index` is not below
 * sio_server_options.threads */
SIO_API sio_server *sio_server_member(const sio_server *server, unsigned index);

/** Engine.IO sessions that are open now, on all members. */
SIO_API size_t sio_server_session_count(const sio_server *server);

/** The application's pointer, borrowed. */
SIO_API void sio_server_set_user(sio_server *server, void *user);
/** The pointer given to sio_server_set_user(), or NULL. */
SIO_API void *sio_server_user(const sio_server *server);

#ifdef __cplusplus
}
#endif

#endif
