#include "net/table.h"

#include "loop_internal.h"
#include "net/random.h"

#include <string.h>

/* Linear probing, at most 3/4 full, removal by shifting back: no tombstones, so that a table whose
 * entries come and go for years stays as fast as a new one. */

enum { FIRST_CAP = 4, SMALL_CAP = 8, LARGE_CAP = 1024 };

int sio_table_init(sio_table *table, sio_loop *loop) {
    *table = (sio_table){.mem = loop->mem};
    return sio_random_fill(loop, table->seed, sizeof table->seed);
}

void sio_table_init_seeded(sio_table *table, const sio_mem *mem, const uint64_t seed[2]) {
    *table = (sio_table){.mem = mem, .seed = {seed[0], seed[1]}};
}

void sio_table_done(sio_table *table) {
    sio_mem_release(table->mem, table->entries);
    table->entries = NULL;
    table->count = 0;
    table->cap = 0;
}

static size_t home(const sio_table *table, uint32_t hash) {
    return hash & (table->cap - 1);
}

/* The entry of the key, or the free one where it would go. The table has entries and is never
 * full. */
static size_t find(const sio_table *table, const void *key, size_t len, uint32_t hash) {
    size_t at = home(table, hash);
    for (;; at = (at + 1) & (table->cap - 1)) {
        const sio_table_entry *entry = &table->entries[at];
        if (!entry->value) {
            return at;
        }
        if (entry->hash == hash && entry->key_len == len &&
            (len == 0 || memcmp(entry->key, key, len) == 0)) {
            return at;
        }
    }
}

static int set_cap(sio_table *table, size_t cap) {
    sio_table_entry *old = table->entries;
    size_t old_cap = table->cap;
    if (cap > (size_t)1 << 31 || cap > SIZE_MAX / sizeof *old) {
        return SIO_ERR_LIMIT;
    }
    sio_table_entry *entries = sio_mem_zalloc(table->mem, cap * sizeof *entries);
    if (!entries) {
        return SIO_ERR_NOMEM;
    }
    table->entries = entries;
    table->cap = cap;
    for (size_t i = 0; i < old_cap; i++) {
        if (!old[i].value) {
            continue;
        }
        size_t at = home(table, old[i].hash);
        while (entries[at].value) {
            at = (at + 1) & (cap - 1);
        }
        entries[at] = old[i];
    }
    sio_mem_release(table->mem, old);
    return 0;
}

/* A handful of keys is compared sooner than hashed. */
static void *find_small(const sio_table *table, const void *key, size_t len) {
    for (size_t i = 0; i < table->cap; i++) {
        const sio_table_entry *entry = &table->entries[i];
        if (entry->value && entry->key_len == len &&
            (len == 0 || memcmp(entry->key, key, len) == 0)) {
            return entry->value;
        }
    }
    return NULL;
}

void *sio_table_get(const sio_table *table, const void *key, size_t len) {
    if (table->count == 0) {
        return NULL;
    }
    if (table->cap <= SMALL_CAP) {
        return find_small(table, key, len);
    }
    uint32_t hash = (uint32_t)sio_siphash13(table->seed, key, len);
    return table->entries[find(table, key, len, hash)].value;
}

int sio_table_put(sio_table *table, const void *key, size_t len, void *value) {
    if (!value || (!key && len > 0)) {
        return SIO_ERR_INVALID;
    }
    if (len > UINT32_MAX) {
        return SIO_ERR_LIMIT;
    }
    uint32_t hash = (uint32_t)sio_siphash13(table->seed, key, len);
    if (table->cap > 0 && table->entries[find(table, key, len, hash)].value) {
        return SIO_ERR_EXISTS;
    }
    if (table->count >= table->cap / 4 * 3) {
        int rc = set_cap(table, table->cap ? table->cap * 2 : FIRST_CAP);
        if (rc != 0) {
            return rc;
        }
    }
    table->entries[find(table, key, len, hash)] =
        (sio_table_entry){.key = key, .value = value, .key_len = (uint32_t)len, .hash = hash};
    table->count++;
    return 0;
}

/* Close the gap: move each following entry back unless that would put it before its home. */
static void shift_back(sio_table *table, size_t gap) {
    size_t mask = table->cap - 1;
    for (size_t at = (gap + 1) & mask; table->entries[at].value; at = (at + 1) & mask) {
        size_t from_home = (at - home(table, table->entries[at].hash)) & mask;
        if (from_home >= ((at - gap) & mask)) {
            table->entries[gap] = table->entries[at];
            gap = at;
        }
    }
    table->entries[gap] = (sio_table_entry){0};
}

void *sio_table_remove(sio_table *table, const void *key, size_t len) {
    if (table->count == 0) {
        return NULL;
    }
    size_t at = find(table, key, len, (uint32_t)sio_siphash13(table->seed, key, len));
    void *value = table->entries[at].value;
    if (value) {
        table->count--;
        shift_back(table, at);
    }
    return value;
}

void sio_table_trim(sio_table *table) {
    if (table->count == 0) {
        sio_table_done(table);
        return;
    }
    size_t cap = FIRST_CAP;
    while (table->count > cap / 4 * 3) {
        cap *= 2;
    }
    if (cap < table->cap) {
        (void)set_cap(table, cap);
    }
}

void sio_table_settle(sio_table *table) {
    if (table->cap >= LARGE_CAP && table->count <= table->cap / 8) {
        sio_table_trim(table);
    }
}

/* From a free entry backwards: removing the one just returned moves only entries that were
 * returned before it, because no run of used entries crosses the start. */
sio_table_iter sio_table_iter_start(const sio_table *table) {
    sio_table_iter it = {.left = table->cap};
    if (table->cap > 0) {
        while (table->entries[it.at].value) {
            it.at++;
        }
    }
    return it;
}

void *sio_table_next(const sio_table *table, sio_table_iter *it) {
    while (it->left > 0) {
        it->left--;
        it->at = (it->at - 1) & (table->cap - 1);
        if (table->entries[it->at].value) {
            return table->entries[it->at].value;
        }
    }
    return NULL;
}
