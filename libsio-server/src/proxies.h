/* Who asks, when a proxy stands between: it says so in X-Forwarded-For and X-Forwarded-Proto, or in
 * Forwarded (RFC 7239). Anyone can write these headers, so only proxies that the application has
 * named are believed. */
#ifndef SIO_SERVER_PROXIES_H
#define SIO_SERVER_PROXIES_H

#include <net/address.h>
#include <sio/http1.h>

typedef struct sio_proxy_range {
    uint8_t bits[16]; /* IPv4 as mapped IPv6 */
    unsigned prefix;  /* how many of them count */
} sio_proxy_range;

typedef struct sio_proxies {
    sio_proxy_range *ranges;
    size_t count;
    bool local; /* whoever comes over a Unix socket */
} sio_proxies;

/* `texts`: addresses, with or without "/length", and "unix:". Errors: SIO_ERR_INVALID,
 * SIO_ERR_NOMEM. */
int sio_proxies_init(sio_proxies *proxies, const char *const *texts, size_t count,
                     const sio_mem *mem);
void sio_proxies_done(sio_proxies *proxies, const sio_mem *mem);

bool sio_proxies_trust(const sio_proxies *proxies, const sio_address *address);

/* The nearest address that is none of the proxies', from right to left, as text.
 * @return false when the headers say nothing, or nothing that can be read: `malformed` then tells
 * which; `out` is untouched */
bool sio_proxies_client(const sio_proxies *proxies, const sio_http1_head *head,
                        char out[SIO_ADDRESS_TEXT_MAX], bool *malformed);

/* Whether the client came over TLS to the nearest proxy. @return false when the headers say
 * nothing */
bool sio_proxies_secure(const sio_http1_head *head, bool *secure);

#endif
