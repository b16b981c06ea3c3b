/* A hash table from byte strings to pointers: open addressing, keyed with SipHash under a random
 * key of its own, so that a peer who chooses keys cannot make them collide. */
#ifndef SIO_NET_TABLE_H
#define SIO_NET_TABLE_H

#include "net/loop.h"

typedef struct sio_table_entry {
    const void *key; /* borrowed from the value's owner until the entry is removed */
    void *value;     /* never NULL in a used entry */
    uint32_t key_len;
    uint32_t hash;
} sio_table_entry;

/* Members are read-only. All-zero is not usable: init first. */
typedef struct sio_table {
    sio_table_entry *entries; /* NULL while nothing was ever put in */
    size_t count;
    size_t cap; /* 0 or a power of two */
    uint64_t seed[2];
    const sio_mem *mem;
} sio_table;

/* The allocator is the loop's. Nothing is allocated. Errors: SIO_ERR_RANDOM. */
int sio_table_init(sio_table *table, sio_loop *loop);

/* For a table that belongs to no loop: `seed` is random, `mem` outlives the table. */
void sio_table_init_seeded(sio_table *table, const sio_mem *mem, const uint64_t seed[2]);

/* Values stay with their owners. */
void sio_table_done(sio_table *table);

/* The value, or NULL. */
void *sio_table_get(const sio_table *table, const void *key, size_t len);

/* Add. `value` is not NULL; `key` must stay in place as long as the entry.
 * Errors: SIO_ERR_EXISTS, SIO_ERR_NOMEM, SIO_ERR_LIMIT (key or table of 4 GiB), SIO_ERR_INVALID. */
int sio_table_put(sio_table *table, const void *key, size_t len, void *value);

/* Remove. The value, or NULL when there was none. Keeps the capacity. */
void *sio_table_remove(sio_table *table, const void *key, size_t len);

/* Shrink to what the present count needs; best effort. */
void sio_table_trim(sio_table *table);

/* The same when seven eighths of a large table are free: a crowd that has gone leaves nothing
 * behind. For after sio_table_remove(), outside of walks; what it costs is a constant for each
 * removal. */
void sio_table_settle(sio_table *table);

/* Walk in no particular order. Between two calls the value just returned may be removed; putting
 * and removing others is not allowed.
 *
 *     sio_table_iter it = sio_table_iter_start(&table);
 *     for (void *value; (value = sio_table_next(&table, &it)) != NULL;) */
typedef struct sio_table_iter {
    size_t at;
    size_t left;
} sio_table_iter;

sio_table_iter sio_table_iter_start(const sio_table *table);
void *sio_table_next(const sio_table *table, sio_table_iter *it);

/* SipHash-1-3 of `len` bytes. */
uint64_t sio_siphash13(const uint64_t seed[2], const void *data, size_t len);

#endif
