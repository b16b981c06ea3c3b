/**
 * @file client.h
 * @brief A Socket.IO client: one connection to a server, shared by any number of namespaces, over
 * HTTP long-polling and WebSocket, with automatic reconnection.
 *
 * ### Objects and who owns them
 * - `sio_client` (the JavaScript client's Manager) is created and freed by the application.
 * - `sio_socket` is one namespace of it. It belongs to the client and lives as long as it does.
 *
 * ### Five ways to run
 * - sio_client_run(): blocks until every socket is done, or sio_client_stop().
 * - sio_client_start(): the library's own thread; sio_client_stop() ends it.
 * - `options.base`: the application's event base; nothing needs to be called.
 * - `options.loop`: many clients on one loop, see client_loop.h.
 * - the core alone (`<sio/proto.h>`), in any other loop.
 *
 * ### Threads
 * A client and its sockets belong to the thread that runs the loop. From other threads only
 * sio_client_stop(), sio_client_post() and the functions that send (sio_socket_emit() and those
 * that are named after it) may be called, and none of them while the client is being freed.
 *
 * ### Callbacks
 * Every function of this header may be called from every callback, sio_client_free() included,
 * except sio_client_run(). No callback runs after sio_client_free() has returned. Nothing blocks.
 */
#ifndef SIO_CLIENT_H
#define SIO_CLIENT_H

#include <sio/client_error.h>
#include <sio/client_network.h>
#include <sio/client_types.h>
#include <sio/packet.h>
#include <sio/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

struct event_base;
struct ssl_ctx_st;

/** One line of log; see sio_client_options. Both texts are borrowed for the call. */
typedef void (*sio_client_log_fn)(const char *scope, const char *text, void *user);

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
    bool insecure;              /**< DANGEROUS: accept any certificate of any host. Every attempt
                                     logs a warning */
    const char *ca_pem;         /**< trusted authorities as text */
    const char *cert_pem;       /**< the client's certificate and chain as text */
    const char *key_pem;        /**< its private key as text */
    const char *pkcs12_file;    /**< certificate, chain and key in one, with `key_passphrase` */
    const char *pins;           /**< SHA-256 of the server's possible public keys
                                     (SubjectPublicKeyInfo) in base64, up to 16, separated by commas:
                                     the server's must be one of them, besides what is verified
                                     anyway. Also with `insecure`, which is how to trust one
                                     self-signed key and nothing else */
    uint32_t min_version;       /**< 12 (the default) or 13: TLS 1.2 or 1.3 */
    const char *ciphers;        /**< OpenSSL's list for TLS 1.2 */
} sio_client_tls;

#define SIO_CLIENT_TLS_INIT                                                                        \
    {                                                                                              \
        sizeof(sio_client_tls), NULL, NULL, NULL, NULL, NULL, NULL, NULL, false, NULL, NULL, NULL, \
            NULL, NULL, 0, NULL                                                                    \
    }

/** Which transport a client uses. */
typedef enum sio_client_transports {
    SIO_CLIENT_UPGRADE = 0,   /**< begin with polling, then upgrade to WebSocket (the default) */
    SIO_CLIENT_POLLING = 1,   /**< HTTP long-polling only */
    SIO_CLIENT_WEBSOCKET = 2, /**< WebSocket only */
} sio_client_transports;

/** For `connect_timeout_ms`: none at all. */
#define SIO_CLIENT_NO_TIMEOUT UINT32_MAX

/** For `reconnection_attempts`: none at all. */
#define SIO_CLIENT_NO_RECONNECTION UINT32_MAX

/**
 * Settings of a client. Start from SIO_CLIENT_OPTIONS_INIT; a field left zero means the default
 * given here. Everything pointed to is copied by sio_client_new(), except `base`, which must
 * outlive the client.
 */
typedef struct sio_client_options {
    size_t size;        /**< set by SIO_CLIENT_OPTIONS_INIT */
    const sio_mem *mem; /**< NULL: the C library's allocator. Where other threads emit or post it
                             is called on them too */
    struct event_base *base; /**< run on the application's event base instead of an own one */
    sio_client_log_fn log;   /**< NULL: silent */
    void *log_user;          /**< handed to `log` */

    const char *path;                   /**< "/socket.io" */
    sio_client_transports transports;   /**< SIO_CLIENT_UPGRADE */
    uint32_t eio_version;               /**< 4; 3 for servers of Socket.IO 2.x */
    uint32_t connect_timeout_ms;        /**< 20000: from the attempt's start to an open session;
                                             or SIO_CLIENT_NO_TIMEOUT */
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
    uint64_t max_queued_bytes;   /**< 64 MiB: unsent bytes of the connection */
    const char *query;           /**< `a=b&c=d`, percent-encoded, added to every request */
    const char *auth;            /**< JSON object sent with CONNECT of every namespace */
    const sio_client_header *headers; /**< sent with every request */
    size_t header_count;
    const sio_client_tls *tls; /**< NULL: the system's authorities, verification on */
    bool no_auto_connect;      /**< sockets connect with sio_socket_connect(), not by themselves */
    uint32_t retries;          /**< 0: none; see sio_socket_set_retries() */
    uint32_t ack_timeout_ms;   /**< 0: none; see sio_socket_set_ack_timeout() */
    uint32_t max_retry_queue;  /**< 10000: events of one socket that are queued for being
                                    acknowledged */
    uint64_t max_buffered_bytes; /**< half of max_queued_bytes, and not more: bytes of the events
                                      kept while not connected, over all sockets */
    const sio_client_network *network; /**< proxy, cookies, order of transports ...; NULL:
                                            defaults */
    sio_parser parser; /**< SIO_PARSER_DEFAULT; the server must have been told the same.
                            SIO_PARSER_MSGPACK only with `eio_version` 4 */
    bool log_packets;  /**< show `log` every packet too (scope "socket.io-client:packet"), users'
                          data included, but not what CONNECT carries */
    sio_client_loop *loop; /**< one that several clients share (client_loop.h) and that outlives
                                them; `mem`, `base` and `log` are then its own and must be NULL
                                here. NULL: a loop of the client's own */
} sio_client_options;

#define SIO_CLIENT_OPTIONS_INIT                                                                    \
    {                                                                                              \
        sizeof(sio_client_options), NULL, NULL, NULL, NULL, NULL, SIO_CLIENT_UPGRADE, 0, 0, 0, 0,  \
            0, 0.0, 0, 0, 0, 0, 0, 0, NULL, NULL, NULL, 0, NULL, false, 0, 0, 0, 0, NULL,          \
            SIO_PARSER_DEFAULT, false, NULL                                                        \
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
 * @return 0; SIO_ERR_STATE when it runs already; SIO_ERR_UNSUPPORTED on a loop that clients share
 */
SIO_API int sio_client_run(sio_client *client);

/** Run the loop in a thread of the library. From then on the client belongs to that thread.
 * @return 0, SIO_ERR_STATE, SIO_ERR_UNSUPPORTED with an event base of the application and on a loop
 * that clients share, SIO_ERR_NOMEM */
SIO_API int sio_client_start(sio_client *client);

/** Make sio_client_run() return, or end the thread of sio_client_start() and wait for it (from that
 * thread itself it does not wait). No effect on a loop that clients share. Callable from any
 * thread.
 */
SIO_API void sio_client_stop(sio_client *client);

/** Call `fn` on the loop's thread. Callable from any thread while the client exists.
 * @param drop called instead when the client is freed first; may be NULL. It may run after
 * sio_client_free() has returned, if that was called inside a callback or on a loop that clients
 * share
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_client_post(sio_client *client, void (*fn)(void *user), void (*drop)(void *user),
                            void *user);

/** The socket of a namespace, created if need be and then connecting at once (with the loop).
 * @param nsp NULL: the namespace of the URL. A missing leading slash is added.
 * @return borrowed, lives as long as the client; NULL when out of memory, and when the name holds a
 * comma or a control character */
SIO_API sio_socket *sio_client_socket(sio_client *client, const char *nsp);

/** Handle an event of the client: "open", "close" (`event->reason`), "error" (`event->status`),
 * "ping", "upgrade", "reconnect_scheduled" (the attempt's number, then the delay in ms),
 * "reconnect_attempt" and "reconnect" (the attempt's number), "reconnect_error",
 * "reconnect_failed"; and "lost" (`event->status`, the namespace, the event's name, which may be
 * empty), see sio_socket_emit().
 * @param event copied
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_client_on(sio_client *client, const char *event, sio_client_fn fn, void *user);

/** Remove what sio_client_on() added with the same arguments. @return 0 or SIO_ERR_NOT_FOUND */
SIO_API int sio_client_off(sio_client *client, const char *event, sio_client_fn fn, void *user);

/** As sio_client_on(), removed before its first run. @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_client_once(sio_client *client, const char *event, sio_client_fn fn, void *user);

/** Remove every handler of an event of the client. */
SIO_API void sio_client_off_event(sio_client *client, const char *event);

/** Remove every handler of the client's events. */
SIO_API void sio_client_off_all(sio_client *client);

/** How many handlers an event of the client has. */
SIO_API size_t sio_client_handler_count(const sio_client *client, const char *event);

/** Close the connection; every connected socket gets `disconnect` with reason "forced close" and
 * stays active: sio_client_open() connects it again. No reconnection by itself. */
SIO_API void sio_client_close(sio_client *client);

/** Connect now, without waiting for the back-off. @return 0, SIO_ERR_STATE when it is connected or
 * connecting already, SIO_ERR_NOMEM */
SIO_API int sio_client_open(sio_client *client);

/** As sio_client_open(), and be told of the result: 0, or the error that ended the attempt. A
 * client that is connecting already joins that attempt; one that is connected says so from the
 * loop. An attempt that this call began and that fails is not followed by others by itself.
 * @param fn called exactly once unless an error is returned; with SIO_ERR_CLOSED by a close, with
 * SIO_ERR_DISCONNECTED by sio_client_free()
 * @return 0, SIO_ERR_NOMEM, SIO_ERR_STATE while the client is being freed */
SIO_API int sio_client_open_then(sio_client *client, sio_done_fn fn, void *user);

/** The application knows that the network is gone: the connection ends now with reason "transport
 * close", without waiting for the heartbeat, and is made anew. Nothing happens when there is none.
 */
SIO_API void sio_client_network_lost(sio_client *client);

/** Whether lost connections are made anew. Turning it off ends a wait for the next attempt, but not
 * an attempt that is being made. */
SIO_API void sio_client_set_reconnection(sio_client *client, bool on);
/** See sio_client_set_reconnection(). */
SIO_API bool sio_client_reconnection(const sio_client *client);
/** How many attempts are made in a row. @param attempts as in sio_client_options */
SIO_API void sio_client_set_reconnection_attempts(sio_client *client, uint32_t attempts);
/** See sio_client_set_reconnection_attempts(); 0: endless. */
SIO_API uint32_t sio_client_reconnection_attempts(const sio_client *client);
/** The delays from the next attempt on, in ms. @param delay_ms 0: unchanged
 * @param delay_max_ms 0: unchanged */
SIO_API void sio_client_set_reconnection_delay(sio_client *client, uint32_t delay_ms,
                                               uint32_t delay_max_ms);
/** See sio_client_set_reconnection_delay(); both are set. */
SIO_API void sio_client_reconnection_delay(const sio_client *client, uint32_t *delay_ms,
                                           uint32_t *delay_max_ms);
/** By which part of itself a delay varies. @param factor above 0 to 1; anything else: not at all */
SIO_API void sio_client_set_randomization_factor(sio_client *client, double factor);
/** See sio_client_set_randomization_factor(). */
SIO_API double sio_client_randomization_factor(const sio_client *client);
/** The time limit of the next attempt. @param ms SIO_CLIENT_NO_TIMEOUT: none; 0: at once */
SIO_API void sio_client_set_connect_timeout(sio_client *client, uint32_t ms);
/** See sio_client_set_connect_timeout(). */
SIO_API uint32_t sio_client_connect_timeout(const sio_client *client);

/** Where the connection stands. */
typedef enum sio_client_state {
    SIO_CLIENT_STATE_CLOSED = 0,
    SIO_CLIENT_STATE_OPENING = 1,
    SIO_CLIENT_STATE_OPEN = 2,
} sio_client_state;

/** Where the connection stands. */
SIO_API sio_client_state sio_client_get_state(const sio_client *client);
/** Whether the loop of attempts is on, waiting or trying. */
SIO_API bool sio_client_reconnecting(const sio_client *client);

/** How much is kept by all sockets because they are not connected: events, early ones that came
 * before the answer to CONNECT included.
 * @param bytes receives the bytes of those that wait to be sent; may be NULL */
SIO_API uint32_t sio_client_kept(const sio_client *client, uint64_t *bytes);

/** The payload of every CONNECT from the next one on, where a socket has none of its own.
 * @param auth a JSON object, copied; NULL: none
 * @return as sio_socket_set_auth() */
SIO_API int sio_client_set_auth(sio_client *client, const char *auth);
/** Have it asked for instead, see sio_socket_set_auth_fn(). @param fn NULL: no longer */
SIO_API void sio_client_set_auth_fn(sio_client *client, sio_auth_fn fn, void *user);

/** Where the next attempt goes. The namespaces stay as they are; a query in the URL replaces that
 * of the client. TLS is set up as for the URL before if that had it, otherwise by default: verified
 * with the system's authorities.
 * @return 0, SIO_ERR_URL, SIO_ERR_NOMEM, SIO_ERR_TLS_CONFIG, SIO_ERR_UNSUPPORTED */
SIO_API int sio_client_set_url(sio_client *client, const char *url);

/** Which transport the next attempt uses. @return 0 or SIO_ERR_INVALID */
SIO_API int sio_client_set_transports(sio_client *client, sio_client_transports transports);

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
