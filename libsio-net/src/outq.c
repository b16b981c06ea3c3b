#include "outq.h"

#include "mem.h"
#include "net/figure.h"

#include <sio/error.h>

#include <string.h>

struct sio_chunk {
    sio_chunk *next;
    const uint8_t *data; /* the first byte that was not consumed */
    size_t len;          /* how many follow */
    void (*release)(void *owner);
    void *owner;
    uint32_t used; /* of `bytes`; 0 for references */
    uint32_t size;
    uint8_t kind;
    uint8_t bytes[];
};

/* A large chunk holds a TLS record of 2^14 bytes with its header and tag. */
static const uint32_t kind_size[CHUNK_CLASSES] = {512, 4096, 17408, sizeof(sio_chunk)};
static const unsigned kind_keep[CHUNK_CLASSES] = {512, 64, 32, 4096};

/* Below this a reference costs more than a copy: an entry for the kernel, a node, a release. */
enum { REF_MIN = 512 };

void sio_chunk_pool_init(sio_chunk_pool *pool, const sio_mem *mem) {
    *pool = (sio_chunk_pool){.mem = mem};
}

void sio_chunk_pool_free(sio_chunk_pool *pool) {
    for (int kind = 0; kind < CHUNK_CLASSES; kind++) {
        while (pool->free[kind]) {
            sio_chunk *chunk = pool->free[kind];
            pool->free[kind] = chunk->next;
            sio_mem_release(pool->mem, chunk);
        }
        pool->count[kind] = 0;
    }
}

static sio_chunk *chunk_take(sio_chunk_pool *pool, int kind, size_t unpooled_size) {
    sio_chunk *chunk;
    size_t size = kind == CHUNK_UNPOOLED ? unpooled_size : kind_size[kind];
    if (kind != CHUNK_UNPOOLED && pool->free[kind]) {
        chunk = pool->free[kind];
        pool->free[kind] = chunk->next;
        pool->count[kind]--;
    } else {
        chunk = sio_mem_alloc(pool->mem, size);
        if (!chunk) {
            return NULL;
        }
    }
    *chunk = (sio_chunk){.data = chunk->bytes, .kind = (uint8_t)kind};
    chunk->size = kind == CHUNK_REF ? 0 : (uint32_t)(size - sizeof *chunk);
    return chunk;
}

static void chunk_give(sio_chunk_pool *pool, sio_chunk *chunk) {
    int kind = chunk->kind;
    if (chunk->release) {
        chunk->release(chunk->owner);
    }
    if (kind == CHUNK_UNPOOLED || pool->count[kind] >= kind_keep[kind]) {
        sio_mem_release(pool->mem, chunk);
        return;
    }
    chunk->next = pool->free[kind];
    pool->free[kind] = chunk;
    pool->count[kind]++;
}

static void append(sio_outq *q, sio_chunk *chunk) {
    if (q->tail) {
        q->tail->next = chunk;
    } else {
        q->head = chunk;
    }
    q->tail = chunk;
}

static size_t tail_room(const sio_outq *q) {
    return q->tail ? q->tail->size - q->tail->used : 0;
}

static void tail_fill(sio_outq *q, sio_chunk_pool *pool, const void *data, size_t len) {
    sio_chunk *tail = q->tail;
    memcpy(tail->bytes + tail->used, data, len);
    tail->used += (uint32_t)len;
    tail->len += len;
    q->bytes += len;
    SIO_FIGURE_ADD(pool->queued, len);
}

/* An empty chunk for at least `len` bytes, one kind above the last one: a queue that keeps growing
 * needs ever fewer of them. NULL when memory is short or `len` is absurd. */
static sio_chunk *next_chunk(const sio_outq *q, sio_chunk_pool *pool, size_t len) {
    int kind = CHUNK_SMALL;
    if (q->tail && q->tail->kind < CHUNK_LARGE) {
        kind = q->tail->kind + 1;
    } else if (q->tail && q->tail->kind == CHUNK_LARGE) {
        kind = CHUNK_LARGE;
    }
    while (kind <= CHUNK_LARGE && kind_size[kind] - sizeof(sio_chunk) < len) {
        kind++;
    }
    if (kind <= CHUNK_LARGE) {
        return chunk_take(pool, kind, 0);
    }
    if (len > UINT32_MAX - sizeof(sio_chunk)) {
        return NULL;
    }
    return chunk_take(pool, CHUNK_UNPOOLED, sizeof(sio_chunk) + len);
}

int sio_outq_copy(sio_outq *q, sio_chunk_pool *pool, const void *data, size_t len) {
    const uint8_t *bytes = data;
    size_t here = tail_room(q);
    if (here > len) {
        here = len;
    }
    sio_chunk *more = NULL;
    if (len > here) {
        more = next_chunk(q, pool, len - here);
        if (!more) {
            return SIO_ERR_NOMEM;
        }
    }
    if (here > 0) {
        tail_fill(q, pool, bytes, here);
    }
    if (more) {
        append(q, more);
        tail_fill(q, pool, bytes + here, len - here);
    }
    return 0;
}

static int queue_ref(sio_outq *q, sio_chunk_pool *pool, const void *data, size_t len,
                     void (*release)(void *owner), void *owner) {
    sio_chunk *chunk = chunk_take(pool, CHUNK_REF, 0);
    if (!chunk) {
        return SIO_ERR_NOMEM;
    }
    chunk->data = data;
    chunk->len = len;
    chunk->release = release;
    chunk->owner = owner;
    append(q, chunk);
    q->bytes += len;
    SIO_FIGURE_ADD(pool->queued, len);
    return 0;
}

int sio_outq_ref(sio_outq *q, sio_chunk_pool *pool, const void *data, size_t len,
                 void (*release)(void *owner), void *owner) {
    int rc;
    if (len >= REF_MIN || (!q->tail && len > 0)) {
        rc = queue_ref(q, pool, data, len, release, owner);
        if (rc == 0) {
            return 0;
        }
    } else {
        rc = sio_outq_copy(q, pool, data, len);
    }
    if (release) {
        release(owner);
    }
    return rc;
}

uint8_t *sio_outq_room(sio_outq *q, sio_chunk_pool *pool, size_t len) {
    if (!q->tail || tail_room(q) < len) {
        sio_chunk *chunk = next_chunk(q, pool, len);
        if (!chunk) {
            return NULL;
        }
        append(q, chunk);
    }
    return q->tail->bytes + q->tail->used;
}

void sio_outq_commit(sio_outq *q, sio_chunk_pool *pool, size_t used) {
    q->tail->used += (uint32_t)used;
    q->tail->len += used;
    q->bytes += used;
    SIO_FIGURE_ADD(pool->queued, used);
    if (q->bytes == 0) {
        sio_outq_clear(q, pool);
    }
}

int sio_outq_iovec(const sio_outq *q, struct iovec *iov, int max, size_t *bytes) {
    int count = 0;
    size_t sum = 0;
    for (const sio_chunk *chunk = q->head; chunk && count < max; chunk = chunk->next) {
        if (chunk->len > 0) {
            iov[count].iov_base = (void *)(uintptr_t)chunk->data;
            iov[count].iov_len = chunk->len;
            sum += chunk->len;
            count++;
        }
    }
    *bytes = sum;
    return count;
}

void sio_outq_read(const sio_outq *q, uint8_t *out) {
    for (const sio_chunk *chunk = q->head; chunk; chunk = chunk->next) {
        if (chunk->len > 0) {
            memcpy(out, chunk->data, chunk->len);
            out += chunk->len;
        }
    }
}

static void drop_head(sio_outq *q, sio_chunk_pool *pool) {
    sio_chunk *chunk = q->head;
    q->head = chunk->next;
    if (!q->head) {
        q->tail = NULL;
    }
    chunk_give(pool, chunk);
}

void sio_outq_consume(sio_outq *q, sio_chunk_pool *pool, size_t len) {
    q->bytes -= len;
    SIO_FIGURE_SUB(pool->queued, len);
    while (q->head && q->head->len <= len) {
        len -= q->head->len;
        drop_head(q, pool);
    }
    if (len > 0) {
        q->head->data += len;
        q->head->len -= len;
    }
}

void sio_outq_clear(sio_outq *q, sio_chunk_pool *pool) {
    SIO_FIGURE_SUB(pool->queued, q->bytes);
    q->bytes = 0;
    while (q->head) {
        drop_head(q, pool);
    }
}
