/* An output queue: a list of chunks that own a copy of their bytes or borrow them. */
#ifndef SIO_NET_OUTQ_H
#define SIO_NET_OUTQ_H

#include <sio/types.h>

#include <sys/uio.h>

typedef struct sio_chunk sio_chunk;

/* Sizes of chunks by what they hold: a few small messages, many, one full TLS record; and a bare
 * reference. Each queue starts small and grows, so that ten thousand receivers of two short
 * messages do not each take a page. */
enum { CHUNK_SMALL, CHUNK_MEDIUM, CHUNK_LARGE, CHUNK_REF, CHUNK_CLASSES, CHUNK_UNPOOLED };

/* Free chunks for reuse, a bounded number of each class. One for each loop, and so the place where
 * the bytes of all its queues are added up. */
typedef struct sio_chunk_pool {
    const sio_mem *mem;
    sio_chunk *free[CHUNK_CLASSES];
    unsigned count[CHUNK_CLASSES];
    size_t queued; /* bytes in all queues, a figure */
} sio_chunk_pool;

void sio_chunk_pool_init(sio_chunk_pool *pool, const sio_mem *mem);
void sio_chunk_pool_free(sio_chunk_pool *pool);

/* All-zero is empty and holds no memory. */
typedef struct sio_outq {
    sio_chunk *head;
    sio_chunk *tail;
    size_t bytes;
} sio_outq;

/* Errors: SIO_ERR_NOMEM; then nothing was queued. */
int sio_outq_copy(sio_outq *q, sio_chunk_pool *pool, const void *data, size_t len);

/* `release(owner)` is called once in every case, also on failure. Errors: SIO_ERR_NOMEM. */
int sio_outq_ref(sio_outq *q, sio_chunk_pool *pool, const void *data, size_t len,
                 void (*release)(void *owner), void *owner);

/* Contiguous room at the end, at most 16384 bytes, then how many of them were used. */
uint8_t *sio_outq_room(sio_outq *q, sio_chunk_pool *pool, size_t len);
void sio_outq_commit(sio_outq *q, sio_chunk_pool *pool, size_t used);

/* Describe the first bytes. @return how many entries were filled; `*bytes` gets their sum. */
int sio_outq_iovec(const sio_outq *q, struct iovec *iov, int max, size_t *bytes);

/* Copy all of its bytes to `out`. */
void sio_outq_read(const sio_outq *q, uint8_t *out);

/* Drop `len` bytes at the front; at most `bytes`. */
void sio_outq_consume(sio_outq *q, sio_chunk_pool *pool, size_t len);

void sio_outq_clear(sio_outq *q, sio_chunk_pool *pool);

#endif
