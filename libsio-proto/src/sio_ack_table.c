/* Awaited acknowledgements. One block of memory holds three arrays of one capacity:
 *
 *   nodes    the entries, chained by age; unused ones are chained through `newer`
 *   buckets  twice as many: an open-addressed table from id to node, linear probing
 *   heap     nodes with a deadline, the earliest at 0
 *
 * Links are node numbers, so that the block can grow. Ids come from our own counter: a peer can
 * look up what it likes but not choose what is stored, so a plain multiplicative hash is safe. */
#include <sio/ack_table.h>

#include "mem.h"

#include <string.h>

enum { ACK_FIRST_CAP = 4, ACK_DEFAULT_MAX = 1000 };

#define ACK_NONE UINT32_MAX

struct sio_ack_node {
    sio_ack_entry entry;
    uint32_t older;
    uint32_t newer;
    uint32_t heap_at; /* ACK_NONE without a deadline */
};

typedef struct sio_ack_node ack_node;

/* Below this the block's size is far from overflowing on 32-bit systems, too. */
#define ACK_CAP_LIMIT (UINT32_C(1) << 24)

static uint32_t *ack_buckets(const sio_ack_table *table) {
    return (uint32_t *)(void *)(table->nodes + table->cap);
}

static uint32_t *ack_heap(const sio_ack_table *table) {
    return ack_buckets(table) + (size_t)table->cap * 2;
}

/* `cap` is a power of two. */
static uint32_t ack_home(const sio_ack_table *table, uint64_t id) {
    uint32_t mask = table->cap * 2 - 1;
    return (uint32_t)((id * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & mask;
}

/* The bucket that holds `id`, or the empty one where it belongs. Half of them are always empty. */
static uint32_t ack_bucket(const sio_ack_table *table, uint64_t id) {
    const uint32_t *buckets = ack_buckets(table);
    uint32_t mask = table->cap * 2 - 1;
    uint32_t at = ack_home(table, id);
    while (buckets[at] != ACK_NONE && table->nodes[buckets[at]].entry.id != id) {
        at = (at + 1) & mask;
    }
    return at;
}

/* Empty a bucket and move later ones of the same run back, so that no run is broken. */
static void ack_bucket_clear(sio_ack_table *table, uint32_t hole) {
    uint32_t *buckets = ack_buckets(table);
    uint32_t mask = table->cap * 2 - 1;
    for (uint32_t at = (hole + 1) & mask; buckets[at] != ACK_NONE; at = (at + 1) & mask) {
        uint32_t home = ack_home(table, table->nodes[buckets[at]].entry.id);
        /* May stay when its home lies behind the hole, counted along the run. */
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            buckets[hole] = buckets[at];
            hole = at;
        }
    }
    buckets[hole] = ACK_NONE;
}

/* Deadlines are equal for most entries, and then the older one goes first. Ids count upwards. */
static bool ack_is_before(const sio_ack_table *table, uint32_t a, uint32_t b) {
    const sio_ack_entry *x = &table->nodes[a].entry;
    const sio_ack_entry *y = &table->nodes[b].entry;
    return x->deadline != y->deadline ? x->deadline < y->deadline : x->id < y->id;
}

static void ack_heap_put(sio_ack_table *table, uint32_t at, uint32_t node) {
    ack_heap(table)[at] = node;
    table->nodes[node].heap_at = at;
}

static void ack_heap_up(sio_ack_table *table, uint32_t at, uint32_t node) {
    const uint32_t *heap = ack_heap(table);
    while (at > 0) {
        uint32_t parent = (at - 1) / 2;
        if (!ack_is_before(table, node, heap[parent])) {
            break;
        }
        ack_heap_put(table, at, heap[parent]);
        at = parent;
    }
    ack_heap_put(table, at, node);
}

static void ack_heap_down(sio_ack_table *table, uint32_t at, uint32_t node) {
    const uint32_t *heap = ack_heap(table);
    for (;;) {
        uint32_t child = at * 2 + 1;
        if (child >= table->timed) {
            break;
        }
        if (child + 1 < table->timed && ack_is_before(table, heap[child + 1], heap[child])) {
            child++;
        }
        if (!ack_is_before(table, heap[child], node)) {
            break;
        }
        ack_heap_put(table, at, heap[child]);
        at = child;
    }
    ack_heap_put(table, at, node);
}

static void ack_heap_remove(sio_ack_table *table, uint32_t at) {
    uint32_t moved = ack_heap(table)[--table->timed];
    if (at == table->timed) {
        return;
    }
    /* The last one may belong above or below the gap. */
    ack_heap_up(table, at, moved);
    ack_heap_down(table, table->nodes[moved].heap_at, moved);
}

void sio_ack_table_init(sio_ack_table *table, uint32_t max, const sio_mem *mem) {
    *table = (sio_ack_table){
        .mem = mem,
        .max = max != 0 ? max : ACK_DEFAULT_MAX,
        .first = ACK_NONE,
        .last = ACK_NONE,
        .vacant = ACK_NONE,
    };
}

void sio_ack_table_free(sio_ack_table *table) {
    if (table) {
        sio_mem_release(table->mem, table->nodes);
        sio_ack_table_init(table, table->max, table->mem);
    }
}

static void ack_link(sio_ack_table *table, const sio_ack_entry *entry) {
    uint32_t node = table->vacant;
    ack_node *fresh = &table->nodes[node];
    table->vacant = fresh->newer;
    *fresh = (ack_node){
        .entry = *entry,
        .older = table->last,
        .newer = ACK_NONE,
        .heap_at = ACK_NONE,
    };
    if (table->last == ACK_NONE) {
        table->first = node;
    } else {
        table->nodes[table->last].newer = node;
    }
    table->last = node;
    table->count++;
    ack_buckets(table)[ack_bucket(table, entry->id)] = node;
    if (entry->deadline != SIO_TIME_NEVER) {
        ack_heap_up(table, table->timed++, node);
    }
}

/* An empty table of a new capacity in place of `table`, whose block is left alone. */
static int ack_table_alloc(sio_ack_table *table, uint32_t cap) {
    size_t links = (size_t)cap * 3;
    ack_node *nodes = sio_mem_alloc(table->mem, cap * sizeof(ack_node) + links * sizeof(uint32_t));
    if (!nodes) {
        return SIO_ERR_NOMEM;
    }
    sio_ack_table_init(table, table->max, table->mem);
    table->nodes = nodes;
    table->cap = cap;
    memset(ack_buckets(table), 0xff, (size_t)cap * 2 * sizeof(uint32_t));
    for (uint32_t i = 0; i < cap; i++) {
        nodes[i].newer = i + 1 < cap ? i + 1 : ACK_NONE;
    }
    table->vacant = 0;
    return 0;
}

static int ack_grow(sio_ack_table *table) {
    if (table->cap >= ACK_CAP_LIMIT) {
        return SIO_ERR_LIMIT;
    }
    sio_ack_table old = *table;
    int rc = ack_table_alloc(table, old.cap != 0 ? old.cap * 2 : ACK_FIRST_CAP);
    if (rc != 0) {
        return rc;
    }
    for (uint32_t i = old.first; i != ACK_NONE; i = old.nodes[i].newer) {
        ack_link(table, &old.nodes[i].entry);
    }
    sio_mem_release(old.mem, old.nodes);
    return 0;
}

int sio_ack_table_add(sio_ack_table *table, const sio_ack_entry *entry) {
    if (table->count != 0 && ack_buckets(table)[ack_bucket(table, entry->id)] != ACK_NONE) {
        return SIO_ERR_EXISTS;
    }
    if (table->count >= table->max) {
        return SIO_ERR_LIMIT;
    }
    if (table->count == table->cap) {
        int rc = ack_grow(table);
        if (rc != 0) {
            return rc;
        }
    }
    ack_link(table, entry);
    return 0;
}

static void ack_unlink(sio_ack_table *table, uint32_t bucket) {
    uint32_t at = ack_buckets(table)[bucket];
    ack_node *node = &table->nodes[at];
    if (node->older == ACK_NONE) {
        table->first = node->newer;
    } else {
        table->nodes[node->older].newer = node->newer;
    }
    if (node->newer == ACK_NONE) {
        table->last = node->older;
    } else {
        table->nodes[node->newer].older = node->older;
    }
    if (node->heap_at != ACK_NONE) {
        ack_heap_remove(table, node->heap_at);
    }
    ack_bucket_clear(table, bucket);
    node->newer = table->vacant;
    table->vacant = at;
    if (--table->count == 0) {
        sio_ack_table_free(table);
    }
}

int sio_ack_table_take(sio_ack_table *table, uint64_t id, sio_ack_entry *out) {
    if (table->count == 0) {
        return SIO_ERR_NOT_FOUND;
    }
    uint32_t bucket = ack_bucket(table, id);
    uint32_t node = ack_buckets(table)[bucket];
    if (node == ACK_NONE) {
        return SIO_ERR_NOT_FOUND;
    }
    *out = table->nodes[node].entry;
    ack_unlink(table, bucket);
    return 0;
}

uint32_t sio_ack_table_count(const sio_ack_table *table) {
    return table->count;
}

sio_time sio_ack_table_deadline(const sio_ack_table *table) {
    return table->timed == 0 ? SIO_TIME_NEVER : table->nodes[ack_heap(table)[0]].entry.deadline;
}

bool sio_ack_table_expire(sio_ack_table *table, sio_time now, sio_ack_entry *out) {
    if (table->timed == 0 || sio_ack_table_deadline(table) > now) {
        return false;
    }
    return sio_ack_table_take(table, table->nodes[ack_heap(table)[0]].entry.id, out) == 0;
}

bool sio_ack_table_drop(sio_ack_table *table, sio_ack_entry *out) {
    return table->count != 0 &&
           sio_ack_table_take(table, table->nodes[table->first].entry.id, out) == 0;
}

/* The cursor is the number of the node to visit next, plus one; 0 begins. */
bool sio_ack_table_walk(const sio_ack_table *table, uint32_t *cursor, sio_ack_entry *out) {
    if (table->count == 0 || *cursor == ACK_NONE) {
        return false;
    }
    uint32_t at = *cursor == 0 ? table->first : *cursor - 1;
    const ack_node *node = &table->nodes[at];
    *out = node->entry;
    *cursor = node->newer == ACK_NONE ? ACK_NONE : node->newer + 1;
    return true;
}
