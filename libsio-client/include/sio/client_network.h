/**
 * @file client_network.h
 * @brief How a client reaches its server: proxy, Unix socket, local address, order of transports,
 * cookies, and what the requests of each transport carry.
 */
#ifndef SIO_CLIENT_NETWORK_H
#define SIO_CLIENT_NETWORK_H

#include <sio/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A request header. Headers that say where a message ends, or that belong to a handshake, are the
 * library's: Host, Connection, Content-Length, Content-Type, Transfer-Encoding, TE, Trailer,
 * Upgrade, Expect, Keep-Alive, Accept-Encoding and everything that begins with Sec-WebSocket- is
 * refused with SIO_ERR_INVALID. */
typedef struct sio_client_header {
    const char *name;
    const char *value;
} sio_client_header;

/** What the requests of one transport have instead of what the client's options say. A field left
 * NULL changes nothing. */
typedef struct sio_client_transport_options {
    size_t size;                      /**< set by SIO_CLIENT_TRANSPORT_OPTIONS_INIT */
    const char *path;                 /**< "/socket.io" */
    const char *query;                /**< as in sio_client_options */
    const sio_client_header *headers; /**< replace all others */
    size_t header_count;
} sio_client_transport_options;

#define SIO_CLIENT_TRANSPORT_OPTIONS_INIT                                                          \
    { sizeof(sio_client_transport_options), NULL, NULL, NULL, 0 }

/** Whether a request gets a parameter with a value of its own, so that no cache answers it. */
typedef enum sio_client_timestamps {
    SIO_CLIENT_TIMESTAMPS_DEFAULT, /**< polling has it, a WebSocket has not */
    SIO_CLIENT_TIMESTAMPS_NEVER,
    SIO_CLIENT_TIMESTAMPS_ALWAYS,
} sio_client_timestamps;

/** Settings; a zero field means the default. Everything pointed to is copied. */
typedef struct sio_client_network {
    size_t size; /**< set by SIO_CLIENT_NETWORK_INIT */

    /** `http://[user:password@]host[:port]` (CONNECT, for every scheme and transport) or
     * `socks5://...`; user and password percent-encoded. The proxy resolves the server's name.
     * NULL: none. The environment is not read. */
    const char *proxy;
    /** Servers that are reached without the proxy: `.example.org, 10.0.0.0/8, [::1]:3000, *`. */
    const char *no_proxy;
    /** Connect to this Unix socket ("@name": abstract); the URL still says what is asked for. */
    const char *unix_path;
    /** Numeric address to connect from. */
    const char *local_address;

    /** "polling", "websocket", or both in order, separated by a comma: the first is tried; a
     * WebSocket behind polling is what is upgraded to. NULL: sio_client_options.transports. */
    const char *transports;
    bool no_upgrade;         /**< stay with the transport the session began on */
    bool try_all_transports; /**< when the first cannot open a session, try the next */
    bool remember_upgrade;   /**< begin with the WebSocket if one worked the last time */

    uint32_t request_timeout_ms; /**< of one polling request, the held GET included; 0: none */
    sio_client_timestamps timestamps;
    const char *timestamp_param; /**< "t" */
    bool no_trailing_slash;      /**< leave the path as it is */
    bool force_base64;           /**< binary as base64 text on a WebSocket, in both directions */
    bool with_credentials;       /**< keep the cookies of the server during a session */

    const char *protocols;       /**< WebSocket subprotocols to ask for, separated by commas */
    bool no_deflate;             /**< do not offer permessage-deflate */
    uint32_t compress_threshold; /**< 1024: shorter packets are not compressed */

    const sio_client_transport_options *polling;   /**< for requests of polling only */
    const sio_client_transport_options *websocket; /**< for the WebSocket's handshake only */
} sio_client_network;

#define SIO_CLIENT_NETWORK_INIT                                                                    \
    {                                                                                              \
        sizeof(sio_client_network), NULL, NULL, NULL, NULL, NULL, false, false, false, 0,          \
            SIO_CLIENT_TIMESTAMPS_DEFAULT, NULL, false, false, false, NULL, false, 0, NULL, NULL   \
    }

#ifdef __cplusplus
}
#endif

#endif
