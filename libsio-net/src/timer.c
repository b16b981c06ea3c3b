#include "net/timer.h"

#include "loop_internal.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* All timers of a loop share one timerfd: libevent's own clock is coarse (up to 4 ms off), and its
 * precise one costs a system call in each turn. This one costs one when the earliest deadline
 * changes, is exact, and works on a borrowed base. */

enum { ARITY = 4, FIRST_CAP = 64 };

/* -- the heap -- */

static void place(sio_loop *loop, size_t at, sio_timer_slot slot) {
    loop->timers[at] = slot;
    slot.timer->index = (uint32_t)at + 1;
}

static void sift_up(sio_loop *loop, size_t at, sio_timer_slot slot) {
    while (at > 0) {
        size_t parent = (at - 1) / ARITY;
        if (loop->timers[parent].key <= slot.key) {
            break;
        }
        place(loop, at, loop->timers[parent]);
        at = parent;
    }
    place(loop, at, slot);
}

static size_t least_child(const sio_loop *loop, size_t at) {
    size_t first = at * ARITY + 1;
    size_t end = first + ARITY < loop->timer_count ? first + ARITY : loop->timer_count;
    size_t least = first;
    for (size_t child = first + 1; child < end; child++) {
        if (loop->timers[child].key < loop->timers[least].key) {
            least = child;
        }
    }
    return least;
}

static void sift_down(sio_loop *loop, size_t at, sio_timer_slot slot) {
    while (at * ARITY + 1 < loop->timer_count) {
        size_t child = least_child(loop, at);
        if (loop->timers[child].key >= slot.key) {
            break;
        }
        place(loop, at, loop->timers[child]);
        at = child;
    }
    place(loop, at, slot);
}

static void heap_remove(sio_loop *loop, sio_timer *timer) {
    size_t at = timer->index - 1;
    timer->index = 0;
    sio_timer_slot last = loop->timers[--loop->timer_count];
    if (at == loop->timer_count) {
        return;
    }
    if (at > 0 && last.key < loop->timers[(at - 1) / ARITY].key) {
        sift_up(loop, at, last);
    } else {
        sift_down(loop, at, last);
    }
}

/* -- the descriptor -- */

static void arm(sio_loop *loop) {
    if (loop->timer_count == 0 || loop->timers[0].key >= loop->timer_armed) {
        return; /* it fires early at worst, and is armed anew then */
    }
    sio_time key = loop->timers[0].key;
    struct itimerspec spec = {0};
    spec.it_value.tv_sec = (time_t)(key / 1000);
    spec.it_value.tv_nsec = (long)(key % 1000) * 1000000;
    if (key == 0) {
        spec.it_value.tv_nsec = 1; /* all-zero would disarm */
    }
    if (timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL) == 0) {
        loop->timer_armed = key;
    }
}

static sio_timer *next_due(sio_loop *loop, sio_time now) {
    while (loop->timer_count > 0 && loop->timers[0].key <= now) {
        sio_timer *timer = loop->timers[0].timer;
        if (timer->deadline <= now) {
            return timer;
        }
        sift_down(loop, 0, (sio_timer_slot){timer->deadline, timer});
    }
    return NULL;
}

static void on_timer(evutil_socket_t fd, short what, void *arg) {
    sio_loop *loop = arg;
    uint64_t count;
    ssize_t n = read(loop->timer_fd, &count, sizeof count);
    (void)n; /* EAGAIN: it was armed anew meanwhile */
    loop->timer_armed = SIO_TIME_NEVER;
    sio_loop_enter(loop);
    loop->now_valid = false;
    loop->timer_pass = sio_loop_now(loop);
    sio_timer *timer;
    while ((timer = next_due(loop, loop->timer_pass)) != NULL) {
        heap_remove(loop, timer);
        timer->deadline = SIO_TIME_NEVER;
        timer->fn(timer->ctx);
        sio_loop_run_tasks(loop);
    }
    loop->timer_pass = 0;
    sio_loop_leave(loop);
    arm(loop);
}

int sio_loop_timers_open(sio_loop *loop) {
    loop->timer_armed = SIO_TIME_NEVER;
    loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (loop->timer_fd < 0) {
        return SIO_ERR_NET;
    }
    event_assign(&loop->timer_event, loop->base, loop->timer_fd, EV_READ | EV_PERSIST, on_timer,
                 loop);
    return event_add(&loop->timer_event, NULL) == 0 ? 0 : SIO_ERR_NOMEM;
}

void sio_loop_timers_close(sio_loop *loop) {
    if (loop->timer_fd >= 0) {
        event_del(&loop->timer_event);
        close(loop->timer_fd);
    }
    sio_mem_release(loop->mem, loop->timers);
    loop->timers = NULL;
}

/* -- timers -- */

static int reserve(sio_loop *loop) {
    if (loop->timer_reserved == loop->timer_cap) {
        size_t cap = loop->timer_cap ? loop->timer_cap * 2 : FIRST_CAP;
        if (cap > UINT32_MAX) {
            return SIO_ERR_NOMEM;
        }
        sio_timer_slot *slots = sio_mem_resize_array(loop->mem, loop->timers, cap, sizeof *slots);
        if (!slots) {
            return SIO_ERR_NOMEM;
        }
        loop->timers = slots;
        loop->timer_cap = cap;
    }
    loop->timer_reserved++;
    return 0;
}

/* Best effort: what a crowd has left behind goes with it. */
static void unreserve(sio_loop *loop) {
    loop->timer_reserved--;
    if (loop->timer_cap <= FIRST_CAP || loop->timer_reserved > loop->timer_cap / 4) {
        return;
    }
    size_t cap = loop->timer_cap / 2;
    sio_timer_slot *slots = sio_mem_resize_array(loop->mem, loop->timers, cap, sizeof *slots);
    if (slots) {
        loop->timers = slots;
        loop->timer_cap = cap;
    }
}

int sio_timer_init(sio_timer *timer, sio_loop *loop, void (*fn)(void *ctx), void *ctx) {
    *timer = (sio_timer){.deadline = SIO_TIME_NEVER};
    int rc = reserve(loop);
    if (rc == 0) {
        timer->loop = loop;
        timer->fn = fn;
        timer->ctx = ctx;
    }
    return rc;
}

void sio_timer_done(sio_timer *timer) {
    if (!timer->loop) {
        return;
    }
    sio_timer_stop(timer);
    unreserve(timer->loop);
    timer->loop = NULL;
}

void sio_timer_start_at(sio_timer *timer, sio_time deadline) {
    sio_loop *loop = timer->loop;
    if (deadline == SIO_TIME_NEVER) {
        sio_timer_stop(timer);
        return;
    }
    if (deadline <= loop->timer_pass) {
        deadline = loop->timer_pass + 1;
    }
    timer->deadline = deadline;
    if (timer->index == 0) {
        loop->timer_count++;
        sift_up(loop, loop->timer_count - 1, (sio_timer_slot){deadline, timer});
    } else if (deadline < loop->timers[timer->index - 1].key) {
        sift_up(loop, timer->index - 1, (sio_timer_slot){deadline, timer});
    } else {
        return; /* later than the heap has it: seen when that moment comes */
    }
    if (timer->index == 1 && loop->timer_pass == 0) {
        arm(loop);
    }
}

void sio_timer_start(sio_timer *timer, uint64_t ms) {
    sio_time now = sio_loop_now(timer->loop);
    /* The clock was rounded down: one more, so that never less than `ms` passes. */
    sio_time wait = ms == 0 ? 0 : ms + 1;
    sio_time deadline = wait < ms || now > SIO_TIME_NEVER - 1 - wait ? SIO_TIME_NEVER : now + wait;
    sio_timer_start_at(timer, deadline);
}

void sio_timer_stop(sio_timer *timer) {
    timer->deadline = SIO_TIME_NEVER;
    if (timer->index != 0) {
        heap_remove(timer->loop, timer);
    }
}
