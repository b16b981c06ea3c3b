/* Which numbered events went through, as server and crowd both write it down: one bit each. */
#ifndef FAULTS_LEDGER_H
#define FAULTS_LEDGER_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { LEDGER_EVENTS = 1024, LEDGER_BYTES = LEDGER_EVENTS / 8 };

struct ledger {
    uint8_t bits[LEDGER_BYTES];
    int64_t last;  /* number, -1: none yet */
    int64_t count; /* of different numbers */
    int64_t wrong; /* came twice, or in disorder */
};

static inline void ledger_reset(struct ledger *l) {
    memset(l, 0, sizeof *l);
    l->last = -1;
}

static inline bool ledger_has(const struct ledger *l, int64_t n) {
    return n >= 0 && n < LEDGER_EVENTS && (l->bits[n / 8] >> (n % 8) & 1) != 0;
}

/* Without its place in the order. */
static inline void ledger_mark(struct ledger *l, int64_t n) {
    if (n < 0 || n >= LEDGER_EVENTS || ledger_has(l, n)) {
        l->wrong++;
    } else {
        l->bits[n / 8] = (uint8_t)(l->bits[n / 8] | 1u << (n % 8));
        l->count++;
    }
}

static inline void ledger_add(struct ledger *l, int64_t n) {
    ledger_mark(l, n);
    l->wrong += n < l->last;
    l->last = n;
}

static inline int64_t ledger_count(const uint8_t *bits) {
    int64_t count = 0;
    for (int i = 0; i < LEDGER_BYTES; i++) {
        count += __builtin_popcount(bits[i]);
    }
    return count;
}

/* How many of the events in `part` are not in `whole`. */
static inline int64_t ledger_lacks(const uint8_t *whole, const uint8_t *part) {
    int64_t lacking = 0;
    for (int i = 0; i < LEDGER_BYTES; i++) {
        lacking += __builtin_popcount((unsigned)part[i] & ~(unsigned)whole[i] & 0xffu);
    }
    return lacking;
}

#endif
