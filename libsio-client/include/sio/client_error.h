/**
 * @file client_error.h
 * @brief Why a connection of a client failed or ended: one value for every transport and event.
 */
#ifndef SIO_CLIENT_ERROR_H
#define SIO_CLIENT_ERROR_H

#include <sio/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How far a connection had come when it failed. */
typedef enum sio_client_stage {
    SIO_CLIENT_STAGE_NONE,      /**< nothing failed */
    SIO_CLIENT_STAGE_LOCAL,     /**< here: no memory, an impossible setting, a full queue */
    SIO_CLIENT_STAGE_RESOLVE,   /**< looking up the host name, the proxy's or the server's */
    SIO_CLIENT_STAGE_CONNECT,   /**< TCP or Unix connect */
    SIO_CLIENT_STAGE_PROXY,     /**< the proxy's answer */
    SIO_CLIENT_STAGE_TLS,       /**< TLS handshake, certificate included */
    SIO_CLIENT_STAGE_HTTP,      /**< an HTTP request or its response */
    SIO_CLIENT_STAGE_WEBSOCKET, /**< the WebSocket's handshake, frames, or its end */
    SIO_CLIENT_STAGE_HANDSHAKE, /**< the Engine.IO handshake */
    SIO_CLIENT_STAGE_PROTOCOL,  /**< an Engine.IO or Socket.IO packet that makes no sense */
    SIO_CLIENT_STAGE_NAMESPACE, /**< the server refused the namespace */
    SIO_CLIENT_STAGE_TIMEOUT,   /**< a deadline of the client's own passed */
} sio_client_stage;

/** "none", "local", "resolve", "connect", "proxy", "tls", "http", "websocket", "handshake",
 * "protocol", "namespace", "timeout"; "unknown" for any other number.
 * @return static text, never NULL. Callable from any thread. */
SIO_API const char *sio_client_stage_name(sio_client_stage stage);

/** A failure. Fields are only ever appended; one that does not apply is zero. The texts live as
 * long as the struct they were found in. */
typedef struct sio_client_error {
    size_t size; /**< sizeof(sio_client_error) of the library that made it */
    int err;     /**< SIO_ERR_*. SIO_ERR_TLS_* says which check of a certificate failed */
    sio_client_stage stage;
    int http_status;     /**< the server's or the proxy's; 0 when none was received */
    int sys;             /**< errno of the system call that failed */
    uint16_t close_code; /**< WebSocket close code; 1006 for an end without one; 0: no WebSocket */
    const char *transport; /**< "polling" or "websocket"; NULL when neither had begun */
    const char *message; /**< as the JavaScript client words it: "xhr poll error", "timeout" ... */
    const char *detail;  /**< the system's, TLS's, the proxy's or the server's own words, such as
                              the beginning of an HTTP error page; never NULL */
} sio_client_error;

#ifdef __cplusplus
}
#endif

#endif
