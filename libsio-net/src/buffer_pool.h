/* Memory for messages: large blocks that live for part of a turn. From the C library each of them
 * would come as fresh pages and go back as such, and the faults would cost more than the message.
 * So a loop keeps some of those that were given back, and lets go of what it has not needed for a
 * while. */
#ifndef SIO_NET_BUFFER_POOL_H
#define SIO_NET_BUFFER_POOL_H

#include <sio/types.h>

#include <stdbool.h>

enum {
    POOL_BLOCK_MIN = 16 * 1024,       /* smaller ones are cheap as they are */
    POOL_BLOCK_MAX = 2 * 1024 * 1024, /* larger ones are worth their faults */
    POOL_KEEP = 4 * 1024 * 1024,      /* bytes that are kept, at most */
    POOL_STEPS = 4,                   /* sizes between one power of two and the next */
    POOL_SIZES = 29,                  /* from POOL_BLOCK_MIN to POOL_BLOCK_MAX */
};

typedef struct sio_buffer_pool sio_buffer_pool;

/* `on_kept` is called on the owner's thread when a pool that kept nothing keeps a block: it is time
 * to think of ageing. It must not use the pool. Errors: SIO_ERR_NOMEM. `mem` is copied. */
int sio_buffer_pool_new(sio_buffer_pool **out, const sio_mem *mem, void (*on_kept)(void *ctx),
                        void *ctx);

/* What was kept goes at once; the pool itself with the last block that is still in use. NULL is
 * allowed. */
void sio_buffer_pool_free(sio_buffer_pool *pool);

/* The pool as an allocator, as long as the pool or a block of it is there. Taking and resizing is
 * for the owner's thread. Blocks may be given back on any: elsewhere they are not kept. */
const sio_mem *sio_buffer_pool_mem(const sio_buffer_pool *pool);

/* The owner has moved to this thread; 0: it is in none, and nothing is taken or kept. */
void sio_buffer_pool_own(sio_buffer_pool *pool, uintptr_t thread);

/* Bytes that are kept. */
size_t sio_buffer_pool_kept(const sio_buffer_pool *pool);

/* Let go of what was kept since the last call and not used. */
void sio_buffer_pool_age(sio_buffer_pool *pool);

#endif
