/* Host names to addresses: numeric literals here, all else by getaddrinfo on a helper thread, so
 * that the system's own name services apply. Nothing is cached: each attempt asks anew. */
#ifndef SIO_NET_RESOLVER_H
#define SIO_NET_RESOLVER_H

#include "net/address.h"
#include "net/loop.h"

typedef struct sio_lookup sio_lookup;

enum { SIO_LOOKUP_MAX_ADDRESSES = 32 };

/* `err` is 0, SIO_ERR_RESOLVE or SIO_ERR_NOMEM; `detail` is the resolver's own text, NULL when
 * `err` is 0. `list` is valid for the call, in the resolver's order (RFC 6724). The lookup is gone
 * when this is called. */
typedef void (*sio_lookup_fn)(void *ctx, int err, const char *detail, const sio_address *list,
                              size_t count);

/* Start one. The callback never comes from inside this call, and exactly once unless cancelled.
 * `host` is copied; brackets around an IPv6 literal are allowed.
 * Errors: SIO_ERR_INVALID (empty, or over 255 bytes), SIO_ERR_NOMEM. */
int sio_lookup_start(sio_lookup **out, sio_loop *loop, const char *host, uint16_t port,
                     sio_lookup_fn fn, void *ctx);

/* No callback any more; a thread that is still asking finishes unheard. NULL is allowed. */
void sio_lookup_cancel(sio_lookup *lookup);

#endif
