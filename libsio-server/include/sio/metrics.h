/**
 * @file metrics.h
 * @brief What a server counts, to be read by the program or by Prometheus.
 *
 * Counting is always on: plain additions, without locks or system calls. docs/operations.md says
 * what the figures mean in operation. Of a server with several members
 * (sio_server_options.threads) any of them shows the sums of all.
 */
#ifndef SIO_METRICS_H
#define SIO_METRICS_H

#include <sio/buffer.h>
#include <sio/server_types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Everything that is counted, since the server was made; fields described with "now" are the
 * present state instead. Later versions append fields. */
typedef struct sio_counters {
    size_t size;                          /**< set by SIO_COUNTERS_INIT */
    uint64_t connections_accepted;        /**< taken by a listener */
    uint64_t connections_open;            /**< HTTP connections and WebSockets, now */
    uint64_t connections_refused_limit;   /**< over `max_connections`: 503 */
    uint64_t connections_refused_closing; /**< while the server closes */
    uint64_t tls_handshakes_failed;       /**< TLS handshakes that failed or took too long */
    uint64_t http_1xx;                    /**< answers with a status of 100 to 199 */
    uint64_t http_2xx;                    /**< 200 to 299 */
    uint64_t http_3xx;                    /**< 300 to 399 */
    uint64_t http_4xx;                    /**< 400 to 499 */
    uint64_t http_5xx;                    /**< 500 to 599 */
    uint64_t http_timeouts;        /**< requests whose head or body did not come in time: 408 */
    uint64_t http_faults;          /**< requests that broke HTTP or its limits: 400, 413, 431 ... */
    uint64_t handshakes_polling;   /**< sessions begun by long-polling */
    uint64_t handshakes_websocket; /**< sessions begun on a WebSocket */
    uint64_t refused_transport;    /**< code 0, Transport unknown */
    uint64_t refused_sid;          /**< code 1, Session ID unknown */
    uint64_t refused_method;       /**< code 2, Bad handshake method */
    uint64_t refused_request;      /**< code 3, Bad request */
    uint64_t refused_forbidden;    /**< code 4, Forbidden */
    uint64_t refused_version;      /**< code 5, Unsupported protocol version */
    uint64_t refused_closing;      /**< while the server closes: 503 */
    uint64_t refused_internal;     /**< for want of memory and the like: 500 */
    uint64_t sessions_polling;     /**< sessions on long-polling, now */
    uint64_t sessions_websocket;   /**< sessions on a WebSocket, now */
    uint64_t upgrades_started;     /**< probes begun */
    uint64_t upgrades_completed;   /**< probes that became the transport */
    uint64_t upgrades_failed;      /**< probes that did not */
    uint64_t packets_in_polling;   /**< Engine.IO packets received in POST requests */
    uint64_t packets_in_websocket; /**< and on WebSockets */
    uint64_t bytes_in_polling;     /**< bytes of their bodies */
    uint64_t bytes_in_websocket;   /**< bytes of data in WebSocket messages */
    uint64_t packets_out_polling;  /**< Engine.IO packets sent in answers to GET */
    uint64_t packets_out_websocket;  /**< and on WebSockets */
    uint64_t bytes_out_polling;      /**< bytes of their bodies */
    uint64_t bytes_out_websocket;    /**< bytes of data in WebSocket messages, before compression */
    uint64_t volatile_dropped;       /**< volatile messages that were not sent */
    uint64_t queued_bytes;           /**< bytes waiting on all connections, now */
    uint64_t queued_messages;        /**< packets waiting in the queues of all sessions, now */
    uint64_t slow_closed;            /**< sessions closed because they did not keep up */
    uint64_t closed_transport_close; /**< sessions ended with `transport close` */
    uint64_t closed_transport_error; /**< `transport error` */
    uint64_t closed_ping_timeout;    /**< `ping timeout` */
    uint64_t closed_parse_error;     /**< `parse error` */
    uint64_t closed_forced;          /**< `forced close` */
    uint64_t disconnects_transport_close;     /**< peers disconnected with `transport close` */
    uint64_t disconnects_transport_error;     /**< `transport error` */
    uint64_t disconnects_ping_timeout;        /**< `ping timeout` */
    uint64_t disconnects_parse_error;         /**< `parse error` */
    uint64_t disconnects_forced_close;        /**< `forced close` */
    uint64_t disconnects_forced_server_close; /**< `forced server close` */
    uint64_t disconnects_client;              /**< `client namespace disconnect` */
    uint64_t disconnects_server;              /**< `server namespace disconnect` */
    uint64_t disconnects_shutdown;            /**< `server shutting down` */
    uint64_t decode_errors;                   /**< packets that broke a protocol or its limits */
    uint64_t namespaces_joined;               /**< CONNECT packets accepted */
    uint64_t namespaces_refused;              /**< CONNECT packets refused */
    uint64_t peers;                           /**< peers in all namespaces, now */
    uint64_t rooms;          /**< rooms in all namespaces, those of single peers not counted, now */
    uint64_t acks_timed_out; /**< acknowledgements that did not come in time */
    uint64_t loop_lag_us;    /**< how late the loop was when last measured, microseconds; the
                                  latest of several loops */
    uint64_t loop_lag_max_us;    /**< the most so far */
    uint64_t loop_lag_sum_us;    /**< of all measurements */
    uint64_t loop_lag_count;     /**< measurements: one a second while a session is open */
    uint64_t slow_begun;         /**< times that a session passed the high watermark */
    uint64_t sessions_slow;      /**< sessions that have not caught up since, now */
    uint64_t slow_over_bytes;    /**< of `slow_closed`: over `max_queued_bytes` */
    uint64_t slow_over_messages; /**< over `max_queued_messages` */
    uint64_t slow_over_total;    /**< over their share of `max_total_queued_bytes` */
    uint64_t slow_timed_out;     /**< slow for `slow_timeout_ms` */
    uint64_t queue_bytes_max;    /**< the most bytes that have waited for one session, now */
    uint64_t connections_refused_address; /**< over `max_connections_per_address` */
    uint64_t refused_busy;                /**< over `max_pending_handshakes`: 503 */
    uint64_t handshakes_pending; /**< sessions without a namespace, undecided requests, now */
    uint64_t rooms_refused;      /**< joins over `max_rooms_per_peer` or `max_room_name` */
    uint64_t receive_timeouts;   /**< WebSocket messages that did not come in time */
    uint64_t connections_moved;  /**< sent to another loop, which has the session of a request */
    uint64_t connections_move_failed; /**< cut on the way there, for want of memory */
} sio_counters;

#define SIO_COUNTERS_INIT                                                                          \
    {                                                                                              \
        sizeof(sio_counters), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0              \
    }

/** Read the counters, those of all members in one. The cost grows with the number of open sessions
 * on this loop, whose waiting packets are counted. All figures are up to date, except that the
 * packets waiting on other loops are those of at most a second ago.
 * Thread: the loop's, of any member.
 * @param out its `size` must be set; as much of the struct as it has is filled in
 * @return 0; SIO_ERR_INVALID for an impossible size */
SIO_API int sio_server_read_counters(const sio_server *server, sio_counters *out);

/** The same of one member alone.
 * @param server any member; its loop's thread is that of the call
 * @param index of the member to be read, see sio_server_index()
 * @return 0; SIO_ERR_INVALID for an impossible size; SIO_ERR_NOT_FOUND when there is no such member
 */
SIO_API int sio_server_read_member_counters(const sio_server *server, unsigned index,
                                            sio_counters *out);

/** Append the counters in Prometheus' text format 0.0.4. All names begin with `sio_server_`. With
 * several members some figures are there once more for each, as `sio_server_member_...`.
 * Thread: the loop's, of any member.
 * @return 0; SIO_ERR_NOMEM and SIO_ERR_LIMIT of the buffer, which then holds a part */
SIO_API int sio_server_write_metrics(const sio_server *server, sio_buf *out);

#ifdef __cplusplus
}
#endif

#endif
