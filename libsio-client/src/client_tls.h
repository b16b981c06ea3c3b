#ifndef SIO_CLIENT_TLS_H
#define SIO_CLIENT_TLS_H

#include <net/tls.h>
#include <sio/client_types.h>

#include <stdint.h>

/* The settings that a loop's clients were given last. All-zero is empty. */
typedef struct sio_client_tls_cache {
    sio_tls *newest; /* a reference */
    uint64_t tag[2];
    uint64_t keys[2][2];
} sio_client_tls_cache;

/* A reference for the caller. Errors: as sio_tls_client_new; SIO_ERR_RANDOM, SIO_ERR_LIMIT. */
int sio_client_tls_get(sio_tls **out, sio_client *client, const sio_tls_options *options,
                       char detail[SIO_TLS_DETAIL_MAX]);

#endif
