/* An allocator that knows what is out, and can run short. */
#ifndef TESTS_SIM_MEMORY_H
#define TESTS_SIM_MEMORY_H

#include "rng.h"

#include <sio/types.h>

#include <net/list.h>

typedef struct sim_memory {
    sio_mem mem; /* to be handed to a library */
    sio_list blocks;
    size_t count; /* blocks */
    size_t bytes;
    size_t peak;
    uint64_t serial; /* of allocations */
    unsigned fail_permille;
    uint64_t failed; /* allocations that were refused so far */
    sim_rng rng;
} sim_memory;

void sim_memory_init(sim_memory *memory, uint64_t seed);
/* Let this part of the allocations fail, until it is set to 0. */
void sim_memory_fail(sim_memory *memory, unsigned permille);
/* Fails the run when something is still out. */
void sim_memory_check_empty(const sim_memory *memory, const char *whose);

#endif
