#include "buffer_pool.h"

#include "mem.h"

#include <sio/error.h>

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define POOL_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POOL_POISONS 1
#endif
#endif

#ifdef POOL_POISONS
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#endif

/* In front of each block. */
typedef union block {
    struct {
        size_t size;       /* of the block without this */
        union block *next; /* of those that are kept */
    };
    max_align_t align;
} block;

/* The blocks of one size that are kept, the one used last first: it is in the cache. */
typedef struct shelf {
    block *first;
    unsigned count;
    unsigned least; /* of `count` since the last ageing: so many were not needed */
} shelf;

struct sio_buffer_pool {
    sio_mem as_mem;
    sio_mem mem_copy;
    const sio_mem *mem; /* &mem_copy, or NULL for libc */
    atomic_uintptr_t thread;
    atomic_size_t refs; /* blocks in use, and the owner */
    void (*on_kept)(void *ctx);
    void *ctx;
    size_t kept;
    shelf shelves[POOL_SIZES];
};

/* ---- sizes ---- */

static bool is_pooled(size_t size) {
    return size >= POOL_BLOCK_MIN && size <= POOL_BLOCK_MAX;
}

/* The lowest power of two above half of `size`, over POOL_STEPS. */
static size_t step_of(size_t size) {
    unsigned top = 63 - (unsigned)__builtin_clzll((unsigned long long)size - 1);
    return ((size_t)1 << top) / POOL_STEPS;
}

/* So that at most a quarter of a block is not used. */
static size_t round_up(size_t size) {
    if (!is_pooled(size)) {
        return size;
    }
    size_t step = step_of(size);
    return (size + step - 1) / step * step;
}

/* Of a size that round_up has made. */
static shelf *shelf_of(sio_buffer_pool *pool, size_t size) {
    size_t step = step_of(size);
    size_t place = size / step;
    for (; step > POOL_BLOCK_MIN / (2 * POOL_STEPS); step /= 2) {
        place += POOL_STEPS;
    }
    return &pool->shelves[place - (size_t)2 * POOL_STEPS];
}

/* ---- blocks ---- */

static bool in_thread(const sio_buffer_pool *pool) {
    return atomic_load_explicit(&pool->thread, memory_order_relaxed) == (uintptr_t)pthread_self();
}

static void pool_unref(sio_buffer_pool *pool) {
    if (atomic_fetch_sub_explicit(&pool->refs, 1, memory_order_acq_rel) == 1) {
        sio_mem mem = pool->mem_copy;
        sio_mem_release(pool->mem ? &mem : NULL, pool);
    }
}

static void *body(block *b) {
    return b + 1;
}

static block *block_of(void *at) {
    return (block *)at - 1;
}

static block *shelf_take(sio_buffer_pool *pool, size_t size) {
    shelf *s = shelf_of(pool, size);
    block *b = s->first;
    if (b) {
        s->first = b->next;
        s->count--;
        s->least = s->count < s->least ? s->count : s->least;
        pool->kept -= size;
        ASAN_UNPOISON_MEMORY_REGION(body(b), size);
    }
    return b;
}

static void shelf_put(sio_buffer_pool *pool, block *b) {
    shelf *s = shelf_of(pool, b->size);
    bool first = pool->kept == 0;
    b->next = s->first;
    s->first = b;
    s->count++;
    pool->kept += b->size;
    ASAN_POISON_MEMORY_REGION(body(b), b->size);
    if (first) {
        pool->on_kept(pool->ctx);
    }
}

static void *pool_alloc(void *user, size_t size) {
    sio_buffer_pool *pool = user;
    if (size > SIZE_MAX - sizeof(block)) {
        return NULL;
    }
    size = round_up(size);
    block *b = is_pooled(size) && in_thread(pool) ? shelf_take(pool, size) : NULL;
    if (!b) {
        b = sio_mem_alloc(pool->mem, sizeof(*b) + size);
        if (!b) {
            return NULL;
        }
        b->size = size;
    }
    atomic_fetch_add_explicit(&pool->refs, 1, memory_order_relaxed);
    return body(b);
}

static void pool_release(void *user, void *at) {
    sio_buffer_pool *pool = user;
    if (!at) {
        return;
    }
    block *b = block_of(at);
    if (is_pooled(b->size) && in_thread(pool) && pool->kept + b->size <= POOL_KEEP) {
        shelf_put(pool, b);
    } else {
        sio_mem_release(pool->mem, b);
    }
    pool_unref(pool);
}

/* The block for `size` may as well be the present one. Queued messages keep theirs for long, so
 * that no more is lost in it than by rounding up. */
static bool fits(const block *b, size_t size) {
    return is_pooled(b->size) && size <= b->size && size > b->size - b->size / 4;
}

static void *pool_resize(void *user, void *at, size_t size) {
    sio_buffer_pool *pool = user;
    if (!at) {
        return pool_alloc(user, size);
    }
    block *b = block_of(at);
    if (fits(b, size)) {
        return at;
    }
    if (!is_pooled(b->size) && !is_pooled(size) && size <= SIZE_MAX - sizeof(*b)) {
        b = sio_mem_resize(pool->mem, b, sizeof(*b) + size);
        if (!b) {
            return NULL;
        }
        b->size = size;
        return body(b);
    }
    void *other = pool_alloc(user, size);
    if (other) {
        memcpy(other, at, size < b->size ? size : b->size);
        pool_release(user, at);
    }
    return other;
}

/* ---- the pool ---- */

int sio_buffer_pool_new(sio_buffer_pool **out, const sio_mem *mem, void (*on_kept)(void *ctx),
                        void *ctx) {
    sio_buffer_pool *pool = sio_mem_zalloc(mem, sizeof(*pool));
    if (!pool) {
        return SIO_ERR_NOMEM;
    }
    if (mem) {
        pool->mem_copy = *mem;
        pool->mem = &pool->mem_copy;
    }
    pool->on_kept = on_kept;
    pool->ctx = ctx;
    pool->as_mem = (sio_mem){
        .alloc = pool_alloc, .resize = pool_resize, .release = pool_release, .user = pool};
    atomic_init(&pool->thread, (uintptr_t)pthread_self());
    atomic_init(&pool->refs, 1);
    *out = pool;
    return 0;
}

static void shelf_drop(sio_buffer_pool *pool, shelf *s, unsigned count) {
    for (; count > 0; count--) {
        block *b = s->first;
        s->first = b->next;
        s->count--;
        pool->kept -= b->size;
        ASAN_UNPOISON_MEMORY_REGION(body(b), b->size);
        sio_mem_release(pool->mem, b);
    }
}

void sio_buffer_pool_free(sio_buffer_pool *pool) {
    if (!pool) {
        return;
    }
    for (int i = 0; i < POOL_SIZES; i++) {
        shelf_drop(pool, &pool->shelves[i], pool->shelves[i].count);
    }
    sio_buffer_pool_own(pool, 0);
    pool_unref(pool);
}

const sio_mem *sio_buffer_pool_mem(const sio_buffer_pool *pool) {
    return &pool->as_mem;
}

void sio_buffer_pool_own(sio_buffer_pool *pool, uintptr_t thread) {
    if (atomic_load_explicit(&pool->thread, memory_order_relaxed) != thread) {
        atomic_store_explicit(&pool->thread, thread, memory_order_relaxed);
    }
}

size_t sio_buffer_pool_kept(const sio_buffer_pool *pool) {
    return pool->kept;
}

void sio_buffer_pool_age(sio_buffer_pool *pool) {
    for (int i = 0; i < POOL_SIZES; i++) {
        shelf *s = &pool->shelves[i];
        shelf_drop(pool, s, s->least);
        s->least = s->count;
    }
}
