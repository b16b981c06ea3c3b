#include "crowd.h"

#include "mem.h"

#include <net/table.h>

#include <pthread.h>
#include <string.h>

enum { V6_NETWORK = 8 };

struct sio_crowd {
    const sio_mem *mem; /* &mem_copy, or NULL for libc */
    sio_mem mem_copy;
    pthread_mutex_t lock;
    sio_table table; /* of members, by key */
    uint32_t max;
    uint32_t refs;
};

/* One address. */
typedef struct member {
    sio_crowd *crowd;
    uint32_t count;
    uint8_t len;
    uint8_t key[V6_NETWORK];
} member;

int sio_crowd_new(sio_crowd **out, sio_loop *loop, uint32_t max) {
    const sio_mem *mem = sio_loop_mem(loop);
    sio_crowd *crowd = sio_mem_zalloc(mem, sizeof(*crowd));
    if (!crowd) {
        return SIO_ERR_NOMEM;
    }
    int rc = sio_table_init(&crowd->table, loop);
    if (rc == 0 && pthread_mutex_init(&crowd->lock, NULL) != 0) {
        rc = SIO_ERR_NOMEM;
    }
    if (rc != 0) {
        sio_mem_release(mem, crowd);
        return rc;
    }
    if (mem) {
        crowd->mem_copy = *mem;
        crowd->mem = &crowd->mem_copy;
    }
    crowd->table.mem = crowd->mem; /* the loop may be gone before */
    crowd->max = max;
    crowd->refs = 1;
    *out = crowd;
    return 0;
}

/* Unlock, and free it when nobody is left who could lock it again. */
static void unlock(sio_crowd *crowd) {
    bool over = crowd->refs == 0 && crowd->table.count == 0;
    pthread_mutex_unlock(&crowd->lock);
    if (over) {
        sio_mem mem = crowd->mem_copy;
        const sio_mem *owner = crowd->mem ? &mem : NULL;
        sio_table_done(&crowd->table);
        pthread_mutex_destroy(&crowd->lock);
        sio_mem_release(owner, crowd);
    }
}

sio_crowd *sio_crowd_ref(sio_crowd *crowd) {
    if (crowd) {
        pthread_mutex_lock(&crowd->lock);
        crowd->refs++;
        unlock(crowd);
    }
    return crowd;
}

void sio_crowd_release(sio_crowd *crowd) {
    if (crowd) {
        pthread_mutex_lock(&crowd->lock);
        crowd->refs--;
        unlock(crowd);
    }
}

static void leave(void *ctx) {
    member *self = ctx;
    sio_crowd *crowd = self->crowd;
    pthread_mutex_lock(&crowd->lock);
    if (--self->count == 0) {
        sio_table_remove(&crowd->table, self->key, self->len);
        sio_table_settle(&crowd->table);
        sio_mem_release(crowd->mem, self);
    }
    unlock(crowd);
}

/* IPv4 may come as IPv6. @return its length, 0: it is not to be counted */
static uint8_t key_of(uint8_t key[V6_NETWORK], const sio_address *address) {
    const struct in6_addr *v6 = &address->u.v6.sin6_addr;
    switch (address->u.any.sa_family) {
    case AF_INET:
        memcpy(key, &address->u.v4.sin_addr, 4);
        return 4;
    case AF_INET6:
        if (IN6_IS_ADDR_V4MAPPED(v6)) {
            memcpy(key, v6->s6_addr + 12, 4);
            return 4;
        }
        memcpy(key, v6->s6_addr, V6_NETWORK);
        return V6_NETWORK;
    default:
        return 0;
    }
}

static member *add(sio_crowd *crowd, const uint8_t *key, uint8_t len) {
    member *fresh = sio_mem_zalloc(crowd->mem, sizeof(*fresh));
    if (!fresh) {
        return NULL;
    }
    fresh->crowd = crowd;
    fresh->len = len;
    memcpy(fresh->key, key, len);
    if (sio_table_put(&crowd->table, fresh->key, len, fresh) != 0) {
        sio_mem_release(crowd->mem, fresh);
        return NULL;
    }
    return fresh;
}

static int count_in(member **out, sio_crowd *crowd, const uint8_t *key, uint8_t len) {
    member *self = sio_table_get(&crowd->table, key, len);
    if (self && self->count >= crowd->max) {
        return SIO_ERR_LIMIT;
    }
    self = self ? self : add(crowd, key, len);
    if (!self) {
        return SIO_ERR_NOMEM;
    }
    self->count++;
    *out = self;
    return 0;
}

int sio_crowd_enter(sio_crowd *crowd, sio_stream *stream, const sio_address *address) {
    uint8_t key[V6_NETWORK];
    uint8_t len = key_of(key, address);
    if (len == 0) {
        return 0;
    }
    member *self = NULL;
    pthread_mutex_lock(&crowd->lock);
    int rc = count_in(&self, crowd, key, len);
    unlock(crowd);
    if (rc == 0) {
        sio_stream_on_gone(stream, leave, self);
    }
    return rc;
}
