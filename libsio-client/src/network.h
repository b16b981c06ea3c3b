/* The settings of sio/client_network.h, checked and copied. */
#ifndef SIO_CLIENT_NETWORK_INTERNAL_H
#define SIO_CLIENT_NETWORK_INTERNAL_H

#include <net/address.h>
#include <sio/client_network.h>
#include <sio/eio_session.h>
#include <sio/proxy.h>

typedef struct sio_network_order {
    sio_eio_transport first[2];
    size_t count;
} sio_network_order;

enum { SIO_NETWORK_PROTOCOLS_MAX = 16 };

/* A deep copy with the defaults filled in; `network` may be NULL. Errors: SIO_ERR_INVALID,
 * SIO_ERR_LIMIT, SIO_ERR_URL (proxy), SIO_ERR_NOMEM. */
int sio_network_copy(sio_client_network *out, const sio_client_network *network,
                     const sio_mem *mem);
void sio_network_free(sio_client_network *network, const sio_mem *mem);

/* Whether the application may set this header. */
bool sio_network_header_is_free(sio_str name);

/* Errors: SIO_ERR_INVALID. */
int sio_network_read_order(sio_network_order *out, const char *text);

/* Views into the text. @return how many; SIO_ERR_INVALID for an empty one or too many */
int sio_network_read_protocols(sio_str out[SIO_NETWORK_PROTOCOLS_MAX], const char *text);

/* Errors: SIO_ERR_INVALID, SIO_ERR_LIMIT. */
int sio_network_read_unix(sio_address *out, const char *text);

#endif
