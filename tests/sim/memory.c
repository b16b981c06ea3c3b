#include "memory.h"

#include "net.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { MAGIC = 0x5107a110, FRESH = 0xa5, STALE = 0x5a, PAINT_MAX = 512 };

typedef struct block {
    _Alignas(max_align_t) sio_list link; /* and so what lies behind the block */
    uint64_t serial;
    size_t size;
    uint64_t magic;
} block;

static void paint(void *data, int with, size_t size) {
    memset(data, with, size < PAINT_MAX ? size : PAINT_MAX);
}

static bool runs_short(sim_memory *memory) {
    if (memory->fail_permille == 0 || sim_below(&memory->rng, 1000) >= memory->fail_permille) {
        return false;
    }
    memory->failed++;
    return true;
}

static void *sim_alloc(void *user, size_t size) {
    sim_memory *memory = user;
    SIM_CHECK(size > 0, "an allocation of no bytes");
    if (runs_short(memory)) {
        return NULL;
    }
    block *b = malloc(sizeof(*b) + size);
    SIM_CHECK(b, "the simulation is out of memory");
    *b = (block){.serial = ++memory->serial, .size = size, .magic = MAGIC};
    sio_list_push(&memory->blocks, &b->link);
    memory->count++;
    memory->bytes += size;
    memory->peak = memory->bytes > memory->peak ? memory->bytes : memory->peak;
    paint(b + 1, FRESH, size);
    return b + 1;
}

static block *block_of(void *data) {
    block *b = (block *)data - 1;
    SIM_CHECK(b->magic == MAGIC, "a block is released that was not allocated");
    return b;
}

static void sim_release(void *user, void *old) {
    sim_memory *memory = user;
    if (!old) {
        return;
    }
    block *b = block_of(old);
    sio_list_remove(&b->link);
    memory->count--;
    memory->bytes -= b->size;
    paint(old, STALE, b->size);
    b->magic = 0;
    free(b);
}

static void *sim_resize(void *user, void *old, size_t size) {
    if (!old) {
        return sim_alloc(user, size);
    }
    const block *b = block_of(old);
    void *fresh = sim_alloc(user, size);
    if (fresh) {
        memcpy(fresh, old, b->size < size ? b->size : size);
        sim_release(user, old);
    }
    return fresh;
}

void sim_memory_init(sim_memory *memory, uint64_t seed) {
    *memory = (sim_memory){
        .mem = {sim_alloc, sim_resize, sim_release, memory},
        .rng = sim_rng_for(seed, 4),
    };
    sio_list_init(&memory->blocks);
}

void sim_memory_fail(sim_memory *memory, unsigned permille) {
    memory->fail_permille = permille;
}

void sim_memory_check_empty(const sim_memory *memory, const char *whose) {
    if (memory->count == 0) {
        return;
    }
    const block *first = SIO_CONTAINER(memory->blocks.next, block, link);
    sim_fail("memory of %s: %zu blocks of %zu bytes are left, the first of %zu bytes, serial %llu",
             whose, memory->count, memory->bytes, first->size, (unsigned long long)first->serial);
}
