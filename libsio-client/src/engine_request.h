/* What the requests of one attempt have in common: where they go, their target and header lines. */
#ifndef SIO_CLIENT_ENGINE_REQUEST_H
#define SIO_CLIENT_ENGINE_REQUEST_H

#include "dial.h"
#include "engine.h"

typedef struct sio_engine_request {
    const sio_mem *mem;
    sio_dial_target to;
    char *server_name;
    sio_buf target; /* "/socket.io/?a=b&EIO=4&transport=" */
    sio_buf lines;  /* the header lines of every request */
    uint64_t stamp;
    int revision;
    bool has_accept;
} sio_engine_request;

/* On failure it is as after sio_engine_request_done.
 * Errors: SIO_ERR_INVALID, SIO_ERR_NOMEM, SIO_ERR_RANDOM. */
int sio_engine_request_init(sio_engine_request *request, sio_loop *loop,
                            const sio_cengine_options *options);
void sio_engine_request_done(sio_engine_request *request);

/* Append a head up to its common lines; the caller adds its own and the empty line. `sid` is empty
 * before the handshake. Every polling request gets a target of its own, so that no cache on the way
 * answers it.
 * Errors: SIO_ERR_INVALID, SIO_ERR_NOMEM; then nothing was appended. */
int sio_engine_request_write(sio_engine_request *request, sio_buf *out, const char *method,
                             sio_eio_transport transport, const char *sid);

#endif
