/* Cross-Origin Resource Sharing: the headers that let web pages of other origins use the server
 * (Fetch standard, "CORS protocol"). */
#ifndef SIO_SERVER_CORS_H
#define SIO_SERVER_CORS_H

#include <sio/buffer.h>
#include <sio/http1.h>
#include <sio/server.h>

/* A copy of the settings. All-zero: no CORS at all. */
typedef struct sio_cors {
    sio_str *origins; /* one block, the texts behind the views */
    size_t origin_count;
    bool any; /* "*" */
    bool credentials;
} sio_cors;

/* `options` may be NULL. Errors: SIO_ERR_INVALID for an origin that is no header value, and for
 * credentials with "*"; SIO_ERR_NOMEM. */
int sio_cors_init(sio_cors *cors, const sio_server_cors *options, const sio_mem *mem);
void sio_cors_done(sio_cors *cors, const sio_mem *mem);

static inline bool sio_cors_enabled(const sio_cors *cors) {
    return cors->origin_count > 0;
}

/* A request that CORS answers by itself, with 204: any OPTIONS. */
bool sio_cors_is_preflight(const sio_cors *cors, const sio_http1_head *head);

/* Append the header lines for the answer to this request. Errors: SIO_ERR_NOMEM. */
int sio_cors_write(sio_buf *buf, const sio_cors *cors, const sio_http1_head *head);

#endif
