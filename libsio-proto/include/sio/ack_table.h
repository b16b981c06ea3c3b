/**
 * @file ack_table.h
 * @brief Acknowledgements that are awaited: a table from id to callback, with deadlines.
 *
 * An empty table owns no memory. Adding and taking are O(1), with a deadline O(log n). Entries
 * leave the table one at a time before the caller acts on them, so callbacks may change it.
 */
#ifndef SIO_ACK_TABLE_H
#define SIO_ACK_TABLE_H

#include <sio/error.h>
#include <sio/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Any function; cast it back to its real type before the call. */
typedef void (*sio_ack_fn)(void);

/** One awaited acknowledgement. All but `id` and `deadline` belongs to the caller. */
typedef struct sio_ack_entry {
    uint64_t id;
    sio_time deadline; /**< SIO_TIME_NEVER for none */
    sio_ack_fn fn;
    void *user;
    uint32_t kind; /**< the caller's */
} sio_ack_entry;

/** The caller's struct. Its members are private. */
typedef struct sio_ack_table {
    const sio_mem *mem;
    struct sio_ack_node *nodes; /**< one block: nodes, then buckets, then the heap; NULL if empty */
    uint32_t cap;
    uint32_t count;
    uint32_t max;
    uint32_t timed;  /**< entries with a deadline */
    uint32_t first;  /**< oldest entry */
    uint32_t last;   /**< newest entry */
    uint32_t vacant; /**< first unused node */
} sio_ack_table;

/** Prepare a table. Nothing is allocated.
 * @param max entries at most; 0 means 1000
 * @param mem borrowed for the table's life; NULL means the C library's */
SIO_API void sio_ack_table_init(sio_ack_table *table, uint32_t max, const sio_mem *mem);

/** Drop everything and release the memory; the table is empty and usable. NULL is allowed. */
SIO_API void sio_ack_table_free(sio_ack_table *table);

/** Await an acknowledgement.
 * @param entry copied. Its id must be unused: callers count upwards
 * @return 0; SIO_ERR_EXISTS; SIO_ERR_LIMIT when `max` are awaited; SIO_ERR_NOMEM */
SIO_API int sio_ack_table_add(sio_ack_table *table, const sio_ack_entry *entry);

/** Take an entry out: its acknowledgement came, or it is cancelled.
 * @param out set when found
 * @return 0, or SIO_ERR_NOT_FOUND: unknown, answered before or expired; ignore it silently */
SIO_API int sio_ack_table_take(sio_ack_table *table, uint64_t id, sio_ack_entry *out);

/** The number of entries. */
SIO_API uint32_t sio_ack_table_count(const sio_ack_table *table);

/** The earliest deadline; SIO_TIME_NEVER when there is none. O(1). */
SIO_API sio_time sio_ack_table_deadline(const sio_ack_table *table);

/** Take out the entry with the earliest deadline that is not after `now`; of equal deadlines the
 * oldest. Call it until it returns false.
 * @return whether `out` was set */
SIO_API bool sio_ack_table_expire(sio_ack_table *table, sio_time now, sio_ack_entry *out);

/** Take out the oldest entry, whatever its deadline: for a disconnect. Call it until it returns
 * false. Entries added meanwhile come last.
 * @return whether `out` was set */
SIO_API bool sio_ack_table_drop(sio_ack_table *table, sio_ack_entry *out);

/** Walk the entries from the oldest without taking them out: pass 0 to begin, then the cursor as
 * it was left. The table must not change in between, except that the entry just returned may be
 * taken out.
 * @return whether `out` was set */
SIO_API bool sio_ack_table_walk(const sio_ack_table *table, uint32_t *cursor, sio_ack_entry *out);

#ifdef __cplusplus
}
#endif

#endif
