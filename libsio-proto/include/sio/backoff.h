/**
 * @file backoff.h
 * @brief How long a client waits before it tries to connect again: doubling, with jitter and a
 * ceiling, as the JavaScript client does.
 */
#ifndef SIO_BACKOFF_H
#define SIO_BACKOFF_H

#include <sio/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The caller's struct. `attempts` may be read and is the number shown to applications. */
typedef struct sio_backoff {
    uint32_t min_ms;
    uint32_t max_ms;
    double jitter;
    uint32_t attempts; /**< delays handed out since the last reset */
} sio_backoff;

/** Prepare a back-off.
 * @param min_ms first delay before jitter; 0 means 100
 * @param max_ms ceiling, applied after the jitter; 0 means 10000
 * @param jitter share of the delay by which it may deviate, above 0 to 1; anything else means
 *        none */
SIO_API void sio_backoff_init(sio_backoff *backoff, uint32_t min_ms, uint32_t max_ms,
                              double jitter);

/** The next delay in milliseconds: min * 2^attempts, deviating by up to `jitter` of it, at most
 * `max_ms`. Counts the attempt.
 * @param random 64 uniformly random bits */
SIO_API uint32_t sio_backoff_next(sio_backoff *backoff, uint64_t random);

/** Begin again with the shortest delay: a connection was made. */
SIO_API void sio_backoff_reset(sio_backoff *backoff);

#ifdef __cplusplus
}
#endif

#endif
