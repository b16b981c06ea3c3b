/* Cross-Origin Resource Sharing: the headers that let web pages of other origins use the server
 * (Fetch standard, "CORS protocol"). */
#ifndef SIO_SERVER_CORS_H
#define SIO_SERVER_CORS_H

#include <sio/buffer.h>
#include <sio/http1.h>
#include <sio/server.h>

/* A copy of the settings, with the lines that do not depend on the request. All-zero: no CORS at
 * all. */
typedef struct sio_cors {
    sio_str *origins; /* one block, the texts behind the views */
    size_t origin_count;
    sio_server_cors_fn decide;
    void *decide_user;
    sio_buf preflight; /* lines of the answer to OPTIONS only */
    sio_buf common;    /* of every answer */
    int status;        /* of the answer to OPTIONS */
    bool enabled;
    bool any;     /* "*" */
    bool reflect; /* any origin, by its name */
    bool credentials;
    bool echo_headers; /* allow the headers that are asked for */
    bool go_on;        /* OPTIONS is not answered here */
    bool guards;       /* WebSockets too are for allowed origins only */
} sio_cors;

/* Whether these can be had: SIO_ERR_INVALID for a struct of another size, an origin that is no
 * header value, methods and header names that are no tokens, credentials with "*", and a status
 * that says no success. NULL is fine. */
int sio_cors_check(const sio_server_cors *options);

/* `options` may be NULL. Errors: those of sio_cors_check; SIO_ERR_NOMEM. */
int sio_cors_init(sio_cors *cors, const sio_server_cors *options, const sio_mem *mem);
void sio_cors_done(sio_cors *cors, const sio_mem *mem);

/* What `status` says of an upgrade request whose origin is not allowed. */
enum { SIO_CORS_FOREIGN = 403 };

/* Append the header lines for the answer to this request. `status`: 0; that of the empty answer
 * that the request gets at once, being a preflight: any OPTIONS; SIO_CORS_FOREIGN.
 * Errors: SIO_ERR_NOMEM. */
int sio_cors_write(sio_buf *buf, int *status, const sio_cors *cors, const sio_http1_head *head);

#endif
