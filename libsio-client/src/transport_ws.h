/* A WebSocket from connecting to closing. Knows packets only as what it writes. */
#ifndef SIO_CLIENT_TRANSPORT_WS_H
#define SIO_CLIENT_TRANSPORT_WS_H

#include "engine_request.h"
#include "transport.h"

typedef struct sio_ws_client sio_ws_client;

/* Everything is legal inside, freeing included. */
typedef struct sio_ws_client_callbacks {
    void (*on_open)(void *ctx, sio_ws_client *ws);
    /* `data` may be changed in place, is valid for the call; text is UTF-8. */
    void (*on_message)(void *ctx, sio_ws_client *ws, bool binary, uint8_t *data, size_t len);
    /* All that was written is with the kernel. */
    void (*on_written)(void *ctx, sio_ws_client *ws);
    /* The last call: it is closed, or was never opened. Once open, `end->err` tells an end by the
     * peer or the network (SIO_ERR_CLOSED, SIO_ERR_RESET ...; not `broken`) from a fault in what
     * the peer sent. */
    void (*on_end)(void *ctx, sio_ws_client *ws, const sio_transport_end *end, bool broken);
} sio_ws_client_callbacks;

typedef struct sio_ws_client_options {
    sio_engine_request *request; /* borrowed */
    const char *sid;             /* borrowed for the call; empty without a session */
    uint64_t max_message;
    bool deflate; /* offer permessage-deflate */
    size_t compress_threshold;
    const sio_ws_client_callbacks *callbacks; /* borrowed */
    void *ctx;
} sio_ws_client_options;

/* Start connecting; nothing is called from inside.
 * Errors: SIO_ERR_NOMEM, SIO_ERR_INVALID, SIO_ERR_RANDOM. */
int sio_ws_client_new(sio_ws_client **out, sio_loop *loop, const sio_ws_client_options *options);

/* Cut it. NULL is allowed. */
void sio_ws_client_free(sio_ws_client *ws);

/* What was written goes out, then a Close frame without a status code; the rest is the loop's
 * matter. Consumes the handle; no callback any more. */
void sio_ws_client_close(sio_ws_client *ws);

/* Write packets, one frame each, stopping early when much waits in the connection.
 * @return how many were written, at least one; SIO_ERR_NOMEM, SIO_ERR_RANDOM, SIO_ERR_CLOSED */
int sio_ws_client_write(sio_ws_client *ws, const sio_eio_item *items, size_t count);

/* Whether a message of `len` bytes can be written by the next function. */
bool sio_ws_client_takes(const sio_ws_client *ws, size_t len, unsigned flags);
/* Write a message (flags as of sio_eio_item) as a frame without allocating. Errors as above. */
int sio_ws_client_write_message(sio_ws_client *ws, const uint8_t *data, size_t len, bool binary);

/* Bytes that the kernel has not taken yet. */
size_t sio_ws_client_queued(const sio_ws_client *ws);

#endif
