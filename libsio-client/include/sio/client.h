/**
 * @file client.h
 * @brief A Socket.IO client: one connection to a server, shared by any number of namespaces, over
 * HTTP long-polling and WebSocket, with automatic reconnection.
 *
 * ### Objects and who owns them
 * - `sio_client` (the JavaScript client's Manager) is created and freed by the application.
 * - `sio_socket` is one namespace of it. It belongs to the client and lives as long as it does.
 *
 * ### Four ways to run
 * - sio_client_run(): blocks until every socket is done, or sio_client_stop().
 * - sio_client_start(): the library's own thread; sio_client_stop() ends it.
 * - `options.base`: the application's event base; nothing needs to be called.
 * - the core alone (`<sio/proto.h>`), in any other loop.
 *
 * ### Threads
 * A client and its sockets belong to the thread that runs the loop. From other threads only
 * sio_client_stop(), sio_client_post() and sio_socket_post_emitf() may be called.
 *
 * ### Callbacks
 * Every function of this header may be called from every callback, sio_client_free() included,
 * except sio_client_run(). No callback runs after sio_client_free() has returned. Nothing blocks.
 */
#ifndef SIO_CLIENT_H
#define SIO_CLIENT_H

#include <sio/client_error.h>
#include <sio/client_types.h>
#include <sio/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

struct event_base;
struct ssl_ctx_st;

/** One line of log; see sio_client_options. Both texts are borrowed for the call. */
typedef void (*sio_client_log_fn)(const char *scope, const char *text, void *user);

/** A request header. */
typedef struct sio_client_header {
    const char *name;
    const char *value;
} sio_client_header;

/** TLS of a client. The server's certificate chain and host name are verified unless `insecure`
 * says otherwise. Paths are borrowed for the call that takes the struct. */
typedef struct sio_client_tls {
    size_t size;                /**< set by SIO_CLIENT_TLS_INIT */
    const char *ca_file;        /**< PEM file of trusted authorities instead of the system's */
    const char *ca_dir;         /**< folder of hashed certificates instead of the system's */
    const char *cert_file;      /**< PEM: the client's certificate, then its chain */
    const char *key_file;       /**< PEM: its private key */
    const char *key_passphrase; /**< NULL if the key is not encrypted */
    const char *server_name;    /**< name to verify and to send as SNI; NULL: the URL's host */
    struct ssl_ctx_st *ctx;     /**< a ready SSL_CTX instead; the client takes its own reference */
    bool insecure;              /**< DANGEROUS: accept any certificate of any host */
} sio_client_tls;

#define SIO_CLIENT_TLS_INIT                                                                        \
    { sizeof(sio_client_tls), NULL, NULL, NULL, NULL, NULL, NULL, NULL, false }

/** Which transport a client uses. */
typedef enum sio_client_transports {
    SIO_CLIENT_UPGRADE = 0,   /**< begin with polling, then upgrade to WebSocket (the default) */
    SIO_CLIENT_POLLING = 1,   /**< HTTP long-polling only */
    SIO_CLIENT_WEBSOCKET = 2, /**< WebSocket only */
} sio_client_transports;

/** For `reconnection_attempts`: none at all. */
#define SIO_CLIENT_NO_RECONNECTION UINT32_MAX

/**
 * Settings of a client. Start from SIO_CLIENT_OPTIONS_INIT; a field left zero means the default
 * given here. Everything pointed to is copied by sio_client_new(), except `base`, which must
 * outlive the client.
 */
typedef struct sio_client_options {
    size_t size;             /**< set by SIO_CLIENT_OPTIONS_INIT */
    const sio_mem *mem;      /**< NULL: the C library's allocator */
    struct event_base *base; /**< run on the application's event base instead of an own one */
    sio_client_log_fn log;   /**< NULL: silent */
    void *log_user;          /**< handed to `log` */

    const char *path;                   /**< "/socket.io" */
    sio_client_transports transports;   /**< SIO_CLIENT_UPGRADE */
    uint32_t eio_version;               /**< 4; 3 for servers of Socket.IO 2.x */
    uint32_t connect_timeout_ms;        /**< 20000: from the attempt's start to an open session */
    uint32_t reconnection_attempts;     /**< 0: endless; or SIO_CLIENT_NO_RECONNECTION */
    uint32_t reconnection_delay_ms;     /**< 1000: before the first attempt */
    uint32_t reconnection_delay_max_ms; /**< 5000 */
    double randomization_factor; /**< 0.5: the delay varies by up to this part of itself; negative
                                      means no variation */
    uint64_t max_message;        /**< 100 MiB: the largest message that is accepted */
    uint32_t max_attachments;    /**< 10: binary attachments of one packet */
    uint32_t max_json_depth;     /**< 256 */
    uint32_t max_buffered;       /**< 10000: events kept while not connected, over all sockets */
    uint32_t max_pending_acks;   /**< 10000: acknowledgements awaited by one socket */
    uint64_t max_queued_bytes;   /**< 64 MiB: unsent bytes of the connection. Events kept
 while not connected may take half of it */
    const char *query;           /**< `a=b&c=d`, percent-encoded, added to every request */
    const char *auth;            /**< JSON object sent with CONNECT of every namespace */
    const sio_client_header *headers; /**< sent with every request */
    size_t header_count;
    const sio_client_tls *tls; /**< NULL: the system's authorities, verification on */
} sio_client_options;

#define SIO_CLIENT_OPTIONS_INIT                                                                    \
    {                                                                                              \
        sizeof(sio_client_options), NULL, NULL, NULL, NULL, NULL, SIO_CLIENT_UPGRADE, 0, 0, 0, 0,  \
            0, 0.0, 0, 0, 0, 0, 0, 0, NULL, NULL, NULL, 0, NULL                                    \
    }

/* ---- client -------------------------------------------------------------------------------- */

/** The version of the libsio-client that is linked in, which may differ from that of libsio-proto
 * (sio_version()).
 * @return static text, never freed. Callable from any thread. */
SIO_API const char *sio_client_version(void);

/** Create a client. It connects once a socket exists and the loop runs.
 * @param out receives the client, owned by the caller, to be freed with sio_client_free()
 * @param url `http`, `https`, `ws` or `wss`; its query is used for every request (and replaces
 * `options->query`); its path is the namespace that sio_client_socket() takes for NULL
 * @param options borrowed for the call; NULL: all defaults
 * @return 0; SIO_ERR_URL; SIO_ERR_INVALID for an impossible setting; SIO_ERR_NOMEM; SIO_ERR_RANDOM;
 * SIO_ERR_TLS_CONFIG; SIO_ERR_UNSUPPORTED for https without TLS in this build */
SIO_API int sio_client_new(sio_client **out, const char *url, const sio_client_options *options);

/** Free the client and its sockets. The connection is closed; connected sockets get no `disconnect`
 * event, but every awaited acknowledgement ends with SIO_ERR_DISCONNECTED before this returns. A
 * thread of sio_client_start() is stopped first. Never blocks otherwise. NULL is allowed. */
SIO_API void sio_client_free(sio_client *client);

/** Run the loop until sio_client_stop(), or until no socket is active any more (each was
 * disconnected, refused, or given up) and everything queued was written. With an event base of the
 * application this runs that base.
 * @return 0, or SIO_ERR_STATE when it runs already */
SIO_API int sio_client_run(sio_client *client);

/** Run the loop in a thread of the library. From then on the client belongs to that thread.
 * @return 0, SIO_ERR_STATE, SIO_ERR_UNSUPPORTED with an event base of the application,
 * SIO_ERR_NOMEM */
SIO_API int sio_client_start(sio_client *client);

/** Make sio_client_run() return, or end the thread of sio_client_start() and wait for it (from that
 * thread itself it does not wait). Callable from any thread. */
SIO_API void sio_client_stop(sio_client *client);

/** Call `fn` on the loop's thread. Callable from any thread while the client exists.
 * @param drop called instead when the client is freed first; may be NULL. It may run after
 * sio_client_free() has returned, if that was called inside a callback
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_client_post(sio_client *client, void (*fn)(void *user), void (*drop)(void *user),
                            void *user);

/** The socket of a namespace, created if need be and then connecting at once (with the loop).
 * @param nsp NULL: the namespace of the URL. A missing leading slash is added.
 * @return borrowed, lives as long as the client; NULL when out of memory, and when the name holds a
 * comma or a control character */
SIO_API sio_socket *sio_client_socket(sio_client *client, const char *nsp);

/** Handle an event of the client: "open", "close" (`event->reason`), "error" (`event->status`),
 * "ping", "reconnect_attempt" and "reconnect" (argument 0 is the attempt's number),
 * "reconnect_error", "reconnect_failed".
 * @param event copied
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_client_on(sio_client *client, const char *event, sio_client_fn fn, void *user);

/** Remove what sio_client_on() added with the same arguments. @return 0 or SIO_ERR_NOT_FOUND */
SIO_API int sio_client_off(sio_client *client, const char *event, sio_client_fn fn, void *user);

/** Close the connection; every connected socket gets `disconnect` with reason "forced close" and
 * stays active: sio_client_open() connects it again. No reconnection by itself. */
SIO_API void sio_client_close(sio_client *client);

/** Connect now, without waiting for the back-off. @return 0, SIO_ERR_STATE when it is connected or
 * connecting already, SIO_ERR_NOMEM */
SIO_API int sio_client_open(sio_client *client);

/** Change what the next attempt sends. Texts are copied; NULL removes.
 * @return 0, SIO_ERR_INVALID (malformed), SIO_ERR_NOMEM */
SIO_API int sio_client_set_query(sio_client *client, const char *query);
/** As sio_client_set_query(), for a request header. */
SIO_API int sio_client_set_header(sio_client *client, const char *name, const char *value);

/** "polling" or "websocket": what is in use now; NULL when not connected. */
SIO_API const char *sio_client_transport(const sio_client *client);

/** The Engine.IO session id; "" when not connected. Borrowed until the next callback. */
SIO_API const char *sio_client_engine_id(const sio_client *client);

/** The failure that the newest "connect_error", "error", "reconnect_error", "close" or "disconnect"
 * told of: legal in the handlers of these, of the client and of its sockets, and afterwards.
 * @return borrowed until the next callback; NULL when nothing has failed, and for an end that was
 * no failure ("forced close", "io client disconnect") */
SIO_API const sio_client_error *sio_client_last_error(const sio_client *client);

/** A longer text about the last failure, for people: the system's or TLS's own words, the HTTP
 * status, the server's answer. "" if there is none. Borrowed until the next callback. */
SIO_API const char *sio_client_error_detail(const sio_client *client);

/** The application's pointer, borrowed. */
SIO_API void sio_client_set_user(sio_client *client, void *user);
/** The pointer given to sio_client_set_user(), or NULL. */
SIO_API void *sio_client_user(const sio_client *client);

#ifdef __cplusplus
}
#endif

#endif
