/* What the requests of one attempt have in common: where they go, their target and header lines. */
#ifndef SIO_CLIENT_ENGINE_REQUEST_H
#define SIO_CLIENT_ENGINE_REQUEST_H

#include "dial.h"
#include "engine.h"
#include "network.h"

#include <sio/http_fields.h>

/* What the requests of one transport have in common. */
typedef struct sio_engine_head {
    sio_buf target;  /* "/socket.io/?a=b&EIO=4&transport=" */
    size_t path_len; /* of the target: up to the `?` */
    sio_buf lines;   /* header lines without Cookie */
    sio_buf cookie;  /* what the application sends as Cookie; may be empty */
    bool has_accept;
} sio_engine_head;

typedef struct sio_engine_request {
    const sio_mem *mem;
    sio_dial_target to;
    char *server_name;
    sio_engine_head of[2]; /* by sio_eio_transport */
    sio_cookie_jar *jar;   /* NULL: cookies of the server are not kept */
    sio_buf protocol_text;
    sio_str *protocols; /* views of it; NULL: none */
    size_t protocol_count;
    sio_buf stamp_name; /* "&t=" */
    uint64_t stamp;
    sio_http1_scratch *heads; /* see sio_cengine_options */
    uint32_t timeout_ms;      /* of a polling request; 0: none */
    int revision;
    bool stamps[2]; /* by transport: whether its requests get one */
    bool base64;    /* no binary frames */
} sio_engine_request;

/* On failure it is as after sio_engine_request_done.
 * Errors: SIO_ERR_INVALID, SIO_ERR_LIMIT, SIO_ERR_URL (proxy), SIO_ERR_NOMEM, SIO_ERR_RANDOM. */
int sio_engine_request_init(sio_engine_request *request, sio_loop *loop,
                            const sio_cengine_options *options);
void sio_engine_request_done(sio_engine_request *request);

/* There will be no more requests of this transport. */
void sio_engine_request_drop(sio_engine_request *request, sio_eio_transport transport);

/* Keep what the server sets in the head of a response, if cookies are kept at all. */
void sio_engine_request_take_cookies(sio_engine_request *request, sio_eio_transport transport,
                                     const sio_http1_head *head);

/* Append a head up to its common lines; the caller adds its own and the empty line. `sid` is empty
 * before the handshake. Every polling request gets a target of its own, so that no cache on the way
 * answers it.
 * Errors: SIO_ERR_INVALID, SIO_ERR_NOMEM; then nothing was appended. */
int sio_engine_request_write(sio_engine_request *request, sio_buf *out, const char *method,
                             sio_eio_transport transport, const char *sid);

#endif
