/* Lists of middlewares. A list is never changed once it is there: adding makes a new one, so that
 * whoever goes through the old one keeps what was there when it began. */
#ifndef SIO_SERVER_MIDDLEWARE_H
#define SIO_SERVER_MIDDLEWARE_H

#include <sio/middleware.h>

typedef struct sio_middleware {
    void (*fn)(void); /* cast back to its real type before the call */
    void *user;
} sio_middleware;

typedef struct sio_chain {
    const sio_mem *mem;
    uint32_t refs;
    uint32_t count;
    sio_middleware items[];
} sio_chain;

/* Replace `*chain`, which may be NULL, by a longer one. Errors: SIO_ERR_NOMEM. */
int sio_chain_add(sio_chain **chain, void (*fn)(void), void *user, const sio_mem *mem);
/* NULL is allowed. */
sio_chain *sio_chain_ref(sio_chain *chain);
void sio_chain_unref(sio_chain *chain);

static inline uint32_t sio_chain_count(const sio_chain *chain) {
    return chain ? chain->count : 0;
}

#endif
