/* One-shot timers, in milliseconds of the loop's clock. A timer lives inside its owner; its place
 * in the loop's heap is reserved at init, so that starting cannot fail. */
#ifndef SIO_NET_TIMER_H
#define SIO_NET_TIMER_H

#include "net/loop.h"

typedef struct sio_timer {
    sio_loop *loop;
    void (*fn)(void *ctx);
    void *ctx;
    sio_time deadline; /* SIO_TIME_NEVER while stopped */
    uint32_t index;    /* of its heap entry, 1-based; 0 = none */
} sio_timer;

/* Errors: SIO_ERR_NOMEM; then the timer is as all-zero, which sio_timer_done accepts. */
int sio_timer_init(sio_timer *timer, sio_loop *loop, void (*fn)(void *ctx), void *ctx);

/* Stop it and give its reservation back. Also inside its own callback, and more than once. */
void sio_timer_done(sio_timer *timer);

/* (Re)start: `fn` is called once, not before `ms` milliseconds from sio_loop_now and at most one
 * later as far as the loop is free. With 0, in the next turn. Moving a running timer to a later
 * deadline only stores it. */
void sio_timer_start(sio_timer *timer, uint64_t ms);

/* As above at a time of sio_loop_now; SIO_TIME_NEVER stops. */
void sio_timer_start_at(sio_timer *timer, sio_time deadline);

void sio_timer_stop(sio_timer *timer);

static inline bool sio_timer_running(const sio_timer *timer) {
    return timer->deadline != SIO_TIME_NEVER && timer->loop != NULL;
}

#endif
