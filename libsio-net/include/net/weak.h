/* A way to an object that may go first: whoever holds the way sees NULL from then on. It keeps an
 * allocator of its own, for it may outlive the object's owner too. One thread at a time. */
#ifndef SIO_NET_WEAK_H
#define SIO_NET_WEAK_H

#include <sio/types.h>

typedef struct sio_weak {
    void *object; /* NULL once it has gone */
    uint32_t refs;
    bool has_mem; /* or the C library's */
    sio_mem mem;
} sio_weak;

/* The way in `*place`, made when there is none yet: the place holds the first reference.
 * NULL: no memory. */
sio_weak *sio_weak_get(sio_weak **place, void *object, const sio_mem *mem);

/* `weak` as void *, for callers that keep an owner of any kind. */
void sio_weak_ref(void *weak);
void sio_weak_unref(void *weak);

const sio_mem *sio_weak_mem(const sio_weak *weak);

/* The object goes. No effect on an empty place. */
void sio_weak_end(sio_weak **place);

#endif
