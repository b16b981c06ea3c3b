/* One HTTP/1.1 connection that is kept alive and used for one request at a time. When the server
 * closed it between two requests, the next one makes it anew. A request is never sent twice: what a
 * POST carries would be doubled when the first one had arrived (RFC 9110 §9.2.2), and a poll would
 * skip what was in the answer that got lost. So that a server's closing rarely meets a request, a
 * connection that has waited for 4 s, or nearly as long as the server said, is not used again. */
#ifndef SIO_CLIENT_HTTP_CLIENT_H
#define SIO_CLIENT_HTTP_CLIENT_H

#include "dial.h"
#include "transport.h"

#include <net/timer.h>
#include <sio/buffer.h>
#include <sio/http1.h>

typedef struct sio_http_client sio_http_client;

typedef struct sio_http_response {
    int status;
    bool octets;   /* Content-Type: application/octet-stream */
    uint8_t *body; /* may be changed in place, valid for the call */
    size_t len;
} sio_http_response;

/* One of the two for each request. Everything is legal inside, freeing and the next request
 * included. */
typedef struct sio_http_client_callbacks {
    void (*on_response)(void *ctx, const sio_http_response *response);
    void (*on_failed)(void *ctx, const sio_transport_end *end); /* without `message` */
    /* Before on_response; may be NULL. Only looks. */
    void (*on_head)(void *ctx, const sio_http1_head *head);
} sio_http_client_callbacks;

typedef struct sio_http_client_limits {
    uint64_t max_body;   /* of a response */
    uint32_t timeout_ms; /* of a request, connecting included; 0: none */
    /* To parse responses in, borrowed; its own limit of bodies counts then. NULL: an own one. */
    sio_http1_scratch *heads;
} sio_http_client_limits;

/* `target` and `callbacks` are borrowed. Errors: SIO_ERR_NOMEM. */
int sio_http_client_new(sio_http_client **out, sio_loop *loop, sio_dial_target *target,
                        const sio_http_client_limits *limits,
                        const sio_http_client_callbacks *callbacks, void *ctx);

/* Cut the connection; no callback any more. NULL is allowed. With `linger_ms`, a small request that
 * is being sent still goes out, and its answer is awaited that long by nobody. */
void sio_http_client_free(sio_http_client *client, uint64_t linger_ms);

/* The empty buffer to write the next request into, head and body; only while none runs. */
sio_buf *sio_http_client_begin(sio_http_client *client);
/* Send it. Nothing is called from inside. Errors: SIO_ERR_NOMEM, SIO_ERR_INVALID. */
int sio_http_client_send(sio_http_client *client);
bool sio_http_client_busy(const sio_http_client *client);

#endif
