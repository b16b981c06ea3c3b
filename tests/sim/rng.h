/* Random numbers of a run: splitmix64, so that one word is the whole state. Each part of the
 * simulation draws from a generator of its own, and so does not disturb the others. */
#ifndef TESTS_SIM_RNG_H
#define TESTS_SIM_RNG_H

#include <stdbool.h>
#include <stdint.h>

typedef struct sim_rng {
    uint64_t state;
} sim_rng;

static inline uint64_t sim_mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline uint64_t sim_next(sim_rng *rng) {
    rng->state += 0x9e3779b97f4a7c15u;
    return sim_mix(rng->state);
}

/* A generator of its own for one purpose. */
static inline sim_rng sim_rng_for(uint64_t seed, uint64_t purpose) {
    return (sim_rng){sim_mix(seed ^ sim_mix(purpose * 0x9e3779b97f4a7c15u))};
}

/* 0 to `n` - 1; 0 for 0. */
static inline uint64_t sim_below(sim_rng *rng, uint64_t n) {
    return n == 0 ? 0 : sim_next(rng) % n;
}

static inline uint64_t sim_between(sim_rng *rng, uint64_t least, uint64_t most) {
    return least + sim_below(rng, most - least + 1);
}

static inline bool sim_chance(sim_rng *rng, unsigned percent) {
    return sim_below(rng, 100) < percent;
}

#endif
