/* net/timer.h: timers stand in the world's queue. */
#include "net_internal.h"

#include "mem.h"

/* Timers that one process may see within a second before it counts as turning in circles: a timer
 * that starts itself anew each millisecond makes a thousand. */
enum { FIRED_MAX = 20000, FIRED_ONE_MAX = 800 };

static void fire(void *ctx);

static void queue(sio_timer *timer) {
    uint64_t late = sim_below(&sim_the.order, 1000);
    uint64_t at = timer->deadline >= UINT64_MAX / 1000 - 1 ? UINT64_MAX : timer->deadline * 1000;
    sim_queue_at(&timer->index, at > sim_the.now_us ? at + late : sim_the.now_us, fire, timer);
}

static void count(sio_loop *loop) {
    uint64_t second = sim_the.now_us / 1000000;
    if (second != loop->second) {
        loop->second = second;
        loop->fired = 0;
    }
    loop->fired++;
    sim_the.stats.timers++;
    SIM_CHECK(loop->fired < FIRED_MAX && loop->fired < FIRED_ONE_MAX + loop->timers * 20,
              "busy loop: loop %u fires %llu timers in a second", loop->id,
              (unsigned long long)loop->fired);
}

static void fire(void *ctx) {
    sio_timer *timer = ctx;
    sio_loop *loop = timer->loop;
    if (loop->stalled_until > sim_the.now_us) {
        sim_queue_at(&timer->index, loop->stalled_until, fire, timer);
        return;
    }
    sio_time now = sio_loop_now(loop);
    if (timer->deadline > now) {
        queue(timer); /* it was moved to later meanwhile */
        return;
    }
    timer->deadline = SIO_TIME_NEVER;
    count(loop);
    sim_loop_enter(loop);
    loop->timer_pass = now;
    timer->fn(timer->ctx);
    loop->timer_pass = 0;
    sim_loop_leave(loop);
}

int sio_timer_init(sio_timer *timer, sio_loop *loop, void (*fn)(void *ctx), void *ctx) {
    *timer = (sio_timer){.deadline = SIO_TIME_NEVER};
    /* Where memory can run out, it can here. */
    void *place = sio_mem_alloc(loop->mem, 1);
    if (!place) {
        return SIO_ERR_NOMEM;
    }
    sio_mem_release(loop->mem, place);
    loop->timers++;
    timer->loop = loop;
    timer->fn = fn;
    timer->ctx = ctx;
    return 0;
}

void sio_timer_done(sio_timer *timer) {
    if (timer->loop) {
        sio_timer_stop(timer);
        timer->loop->timers--;
        timer->loop = NULL;
    }
}

void sio_timer_start_at(sio_timer *timer, sio_time deadline) {
    if (deadline == SIO_TIME_NEVER) {
        sio_timer_stop(timer);
        return;
    }
    if (deadline <= timer->loop->timer_pass) {
        deadline = timer->loop->timer_pass + 1;
    }
    timer->deadline = deadline;
    if (timer->index == 0 || deadline * 1000 < sim_queue_when(timer->index)) {
        queue(timer);
    }
}

void sio_timer_start(sio_timer *timer, uint64_t ms) {
    sio_time now = sio_loop_now(timer->loop);
    sio_time wait = ms == 0 ? 0 : ms + 1;
    sio_time deadline = wait < ms || now > SIO_TIME_NEVER - 1 - wait ? SIO_TIME_NEVER : now + wait;
    sio_timer_start_at(timer, deadline);
}

void sio_timer_stop(sio_timer *timer) {
    timer->deadline = SIO_TIME_NEVER;
    sim_queue_cancel(&timer->index);
}
