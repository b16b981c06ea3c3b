/* Counting: the helpers for what is more than an addition. */
#ifndef SIO_SERVER_COUNTERS_H
#define SIO_SERVER_COUNTERS_H

#include <net/figure.h>
#include <net/timer.h>
#include <sio/eio_session.h>
#include <sio/metrics.h>

/* How late the loop runs: a timer of one second, and how much later than that it is called. It
 * stops when `measured`, which is told of each time, says so, to let an idle program sleep. */
typedef struct sio_lag {
    sio_timer timer;
    sio_counters *counters;
    uint64_t due_us;
    bool (*measured)(void *ctx);
    void *ctx;
} sio_lag;

/* Errors: SIO_ERR_NOMEM. */
int sio_lag_init(sio_lag *lag, sio_loop *loop, sio_counters *counters, bool (*measured)(void *ctx),
                 void *ctx);
void sio_lag_done(sio_lag *lag);
/* Measure, unless it does. */
void sio_lag_start(sio_lag *lag);
/* What a measurement adds. */
void sio_lag_note(sio_counters *counters, uint64_t late_us);

/* What comes in that time at that rate; 0 and UINT32_MAX stand for a rate that nobody reaches. */
static inline uint64_t sio_rate_bytes(uint32_t rate, uint32_t ms) {
    bool none = rate == 0 || rate == UINT32_MAX;
    return none ? UINT64_MAX : (uint64_t)rate * ms / 1000;
}

/* An answer with this status. */
void sio_count_status(sio_counters *counters, int status);
/* A request that the engine refused with SIO_ERR_EIO_... or another error. */
void sio_count_refusal(sio_counters *counters, int err);
/* A session ended. */
void sio_count_close(sio_counters *counters, sio_eio_reason reason);
/* A peer ended. */
void sio_count_disconnect(sio_counters *counters, const char *reason);

#endif
