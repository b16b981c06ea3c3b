/* Latencies in buckets whose width is 1/64 of their value: from 64 ns on exact to 1.6 %. */
#ifndef TESTS_BENCH_HISTOGRAM_H
#define TESTS_BENCH_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_STEPS = 64, HISTOGRAM_BUCKETS = 60 * HISTOGRAM_STEPS };

typedef struct histogram {
    uint64_t count;
    uint64_t max;
    uint64_t buckets[HISTOGRAM_BUCKETS];
} histogram;

static inline unsigned histogram_bucket(uint64_t ns) {
    if (ns < HISTOGRAM_STEPS) {
        return (unsigned)ns;
    }
    unsigned shift = 57 - (unsigned)__builtin_clzll(ns);
    return (shift + 1) * HISTOGRAM_STEPS + (unsigned)(ns >> shift) - HISTOGRAM_STEPS;
}

static inline void histogram_add(histogram *h, uint64_t ns) {
    h->buckets[histogram_bucket(ns)]++;
    h->count++;
    h->max = ns > h->max ? ns : h->max;
}

/* The value that `share` of all are not above, in nanoseconds. */
static inline uint64_t histogram_at(const histogram *h, double share) {
    uint64_t rank = (uint64_t)(share * (double)h->count);
    uint64_t seen = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen > rank) {
            unsigned shift = i / HISTOGRAM_STEPS;
            uint64_t low = i % HISTOGRAM_STEPS;
            return shift == 0 ? low : (low + HISTOGRAM_STEPS) << (shift - 1);
        }
    }
    return h->max;
}

#endif
