#include <sio/backoff.h>

enum { BACKOFF_MIN_MS = 100, BACKOFF_MAX_MS = 10000, BACKOFF_EXACT_DOUBLINGS = 40 };

void sio_backoff_init(sio_backoff *backoff, uint32_t min_ms, uint32_t max_ms, double jitter) {
    *backoff = (sio_backoff){
        .min_ms = min_ms != 0 ? min_ms : BACKOFF_MIN_MS,
        .max_ms = max_ms != 0 ? max_ms : BACKOFF_MAX_MS,
        .jitter = jitter > 0 && jitter <= 1 ? jitter : 0,
    };
}

/* The reference lets the first decimal digit of the random number decide on the direction, and the
 * number itself on the amount: an odd digit adds. */
static double backoff_jittered(const sio_backoff *backoff, double base, uint64_t random) {
    double share = (double)(random >> 11) * 0x1p-53;
    uint64_t deviation = (uint64_t)(share * backoff->jitter * base);
    bool add = ((unsigned)(share * 10) & 1) != 0;
    return add ? base + (double)deviation : base - (double)deviation;
}

uint32_t sio_backoff_next(sio_backoff *backoff, uint64_t random) {
    /* Past 40 doublings even 1 ms less the largest deviation (an even digit takes off at most
     * 0.9 of it) is above any 32-bit ceiling, so the exponent stops there. */
    uint32_t doublings = backoff->attempts;
    if (doublings > BACKOFF_EXACT_DOUBLINGS) {
        doublings = BACKOFF_EXACT_DOUBLINGS;
    }
    if (backoff->attempts != UINT32_MAX) {
        backoff->attempts++;
    }
    double delay = (double)backoff->min_ms * (double)(UINT64_C(1) << doublings);
    if (backoff->jitter > 0) {
        delay = backoff_jittered(backoff, delay, random);
    }
    return delay < (double)backoff->max_ms ? (uint32_t)delay : backoff->max_ms;
}

void sio_backoff_reset(sio_backoff *backoff) {
    backoff->attempts = 0;
}
