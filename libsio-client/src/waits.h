/* Callbacks that wait for one thing and are called exactly once. */
#ifndef SIO_CLIENT_WAITS_H
#define SIO_CLIENT_WAITS_H

#include <net/list.h>
#include <sio/event.h>

typedef struct sio_wait {
    sio_list link;
    uint64_t number;
    sio_done_fn fn;
    void *user;
} sio_wait;

typedef struct sio_waits {
    sio_list list;
    uint64_t last; /* number */
    uint32_t count;
} sio_waits;

void sio_waits_init(sio_waits *waits);

/* Made ahead, so that pushing cannot fail. NULL without memory. */
sio_wait *sio_wait_new(sio_done_fn fn, void *user, const sio_mem *mem);
void sio_waits_push(sio_waits *waits, sio_wait *wait);

/* End one that was not pushed; NULL is allowed. */
void sio_wait_end(sio_wait *wait, int status, const sio_mem *mem);

/* End all that wait now. A callback may end them as well, by freeing the client; `waits` itself
 * must stay until this returns. */
void sio_waits_end(sio_waits *waits, int status, const sio_mem *mem);

#endif
