/* One HTTP request on a connection of the front, and its answer, which may come later. The front
 * makes it when a head has arrived, and whoever it is routed to answers it, keeps it, or takes the
 * connection over. It is gone once it was answered, destroyed, taken over, or on_abort was called.
 */
#ifndef SIO_SERVER_EXCHANGE_H
#define SIO_SERVER_EXCHANGE_H

#include <net/stream.h>
#include <sio/http1.h>

typedef struct sio_exchange sio_exchange;

typedef struct sio_exchange_callbacks {
    /* The whole body is here; valid for the call, also after the answer. Not called for a request
     * without one: neither chunked nor of a length above 0. */
    void (*on_body)(void *ctx, sio_exchange *exchange, sio_bytes body);
    /* The connection was lost, or (SIO_ERR_HTTP_BODY_TOO_LARGE and other errors of the body) the
     * front has answered by itself. The exchange is gone when this returns. */
    void (*on_abort)(void *ctx, sio_exchange *exchange, int err);
    /* All that sio_exchange_write queued is with the kernel. */
    void (*on_drain)(void *ctx, sio_exchange *exchange);
} sio_exchange_callbacks;

/* Valid as long as the exchange, but it may move between two callbacks: ask again. */
const sio_http1_head *sio_exchange_head(const sio_exchange *exchange);
/* The peer's address as text, "" if it is not known any more. Valid until the next call. */
const char *sio_exchange_remote(const sio_exchange *exchange);
bool sio_exchange_is_tls(const sio_exchange *exchange);
/* The certificate that the client has shown on this very connection, as sio_stream_certificate. */
int sio_exchange_certificate(char **subject, bool *verified, const sio_exchange *exchange);
/* A body follows or has begun to arrive: on_body will be called, or on_abort. Whoever claims such
 * an exchange in the routing call gets the body; answered there, it is read and thrown away. */
bool sio_exchange_has_body(const sio_exchange *exchange);

/* Header lines that whoever gives the answer adds: to the ones that come before those of the answer
 * itself, and to the ones behind them. */
sio_buf *sio_exchange_headers(sio_exchange *exchange);
sio_buf *sio_exchange_late_headers(sio_exchange *exchange);

/* Keep it beyond the routing call: `callbacks` tell what becomes of it. May be called again; NULL:
 * nothing is to be told any more. An exchange that was neither claimed nor answered gets 500. */
void sio_exchange_claim(sio_exchange *exchange, const sio_exchange_callbacks *callbacks, void *ctx);

/* Answer, with the headers that routing has collected (CORS), Content-Type, Content-Length, then
 * `extra`: whole header lines, each with CRLF; may be NULL. What is still missing of the request's
 * body is read and thrown away, or the connection closed, as HTTP demands. A HEAD request gets no
 * body. When memory is short the connection is closed instead. */
void sio_exchange_answer(sio_exchange *exchange, int status, const char *content_type,
                         sio_bytes body, const char *extra);

/* As above with `Connection: close`, closing the connection afterwards (refused upgrades). */
void sio_exchange_answer_and_close(sio_exchange *exchange, int status, const char *content_type,
                                   sio_bytes body, const char *extra);

/* Answer piece by piece: the head now, chunked, or until the connection ends for HTTP/1.0; then any
 * number of writes; then the end, and the exchange is gone. The status is none that has no body.
 * A HEAD request's writes go nowhere. Errors: SIO_ERR_NOMEM, and the connection is closed. */
int sio_exchange_start(sio_exchange *exchange, int status, const char *content_type,
                       const char *extra);
int sio_exchange_write(sio_exchange *exchange, sio_bytes piece);
void sio_exchange_end(sio_exchange *exchange);
/* Bytes of the answer that the kernel has not taken. */
size_t sio_exchange_queued(const sio_exchange *exchange);

/* Close the connection without an answer. */
void sio_exchange_destroy(sio_exchange *exchange);

/* The connection changes its protocol: `head` is the rest of a 101 response's head (lines with
 * CRLF, no empty line); the front writes status line, collected headers, these and the empty line,
 * and gives up the stream, whose callbacks are the caller's to set. `rest` are the bytes behind the
 * request, mutable, valid for the present callback.
 * Errors: SIO_ERR_NOMEM, SIO_ERR_STATE for a request with a body; the exchange is then gone and its
 * connection closed. */
int sio_exchange_upgrade(sio_exchange *exchange, sio_bytes head, sio_stream **stream,
                         uint8_t **rest, size_t *rest_len);

#endif
