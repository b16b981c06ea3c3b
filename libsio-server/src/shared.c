#include "shared.h"

#include "counters.h"
#include "mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

struct sio_shared {
    const sio_mem *mem; /* &mem_copy, or NULL for libc */
    sio_mem mem_copy;
    pthread_mutex_t lock; /* for all that is not constant */
    atomic_uint refs;
    sio_crowd *crowd;
    sio_counters left;
    size_t under_way; /* connections between two loops */
    unsigned count;
    sio_tally members[]; /* without a loop: not joined, or left */
};

/* ---- figures ---- */

enum { FIELDS = (sizeof(sio_counters) - sizeof(size_t)) / sizeof(uint64_t) };

static const uint64_t *field(const sio_counters *counters, size_t i) {
    const void *first = (const char *)counters + offsetof(sio_counters, connections_accepted);
    return (const uint64_t *)first + i;
}

static uint64_t *field_of(sio_counters *counters, size_t i) {
    void *first = (char *)counters + offsetof(sio_counters, connections_accepted);
    return (uint64_t *)first + i;
}

static size_t queued_on(const sio_tally *tally) {
    return sio_loop_queued(tally->loop) + SIO_FIGURE(tally->budget->waiting);
}

void sio_tally_read(const sio_tally *tally, sio_counters *out) {
    *out = (sio_counters)SIO_COUNTERS_INIT;
    for (size_t i = 0; i < FIELDS; i++) {
        *field_of(out, i) = SIO_FIGURE(*field(tally->counters, i));
    }
    out->handshakes_pending = SIO_FIGURE(tally->budget->pending);
    out->connections_open = sio_loop_stream_count(tally->loop);
    out->queued_bytes = queued_on(tally);
}

static uint64_t most(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

static void add(sio_counters *sum, const sio_counters *one) {
    sio_counters before = *sum;
    for (size_t i = 0; i < FIELDS; i++) {
        *field_of(sum, i) += *field(one, i);
    }
    sum->loop_lag_us = most(before.loop_lag_us, one->loop_lag_us);
    sum->loop_lag_max_us = most(before.loop_lag_max_us, one->loop_lag_max_us);
    sum->queue_bytes_max = most(before.queue_bytes_max, one->queue_bytes_max);
}

/* Of one who leaves what happened remains, not what is. */
static void forget_state(sio_counters *counters) {
    counters->connections_open = 0;
    counters->sessions_polling = 0;
    counters->sessions_websocket = 0;
    counters->queued_bytes = 0;
    counters->queued_messages = 0;
    counters->peers = 0;
    counters->rooms = 0;
    counters->loop_lag_us = 0;
    counters->sessions_slow = 0;
    counters->handshakes_pending = 0;
}

/* ---- life ---- */

int sio_shared_new(sio_shared **out, sio_loop *loop, unsigned count, uint32_t max_per_address) {
    const sio_mem *mem = sio_loop_mem(loop);
    sio_shared *shared = sio_mem_zalloc(mem, sizeof(*shared) + count * sizeof(shared->members[0]));
    if (!shared) {
        return SIO_ERR_NOMEM;
    }
    int rc = max_per_address > 0 ? sio_crowd_new(&shared->crowd, loop, max_per_address) : 0;
    if (rc == 0 && pthread_mutex_init(&shared->lock, NULL) != 0) {
        sio_crowd_release(shared->crowd);
        rc = SIO_ERR_NOMEM;
    }
    if (rc != 0) {
        sio_mem_release(mem, shared);
        return rc;
    }
    if (mem) {
        shared->mem_copy = *mem;
        shared->mem = &shared->mem_copy;
    }
    atomic_init(&shared->refs, 1);
    shared->count = count;
    *out = shared;
    return 0;
}

sio_shared *sio_shared_ref(sio_shared *shared) {
    atomic_fetch_add_explicit(&shared->refs, 1, memory_order_relaxed);
    return shared;
}

void sio_shared_unref(sio_shared *shared) {
    if (!shared || atomic_fetch_sub_explicit(&shared->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    sio_mem mem = shared->mem_copy;
    const sio_mem *owner = shared->mem ? &mem : NULL;
    sio_crowd_release(shared->crowd);
    pthread_mutex_destroy(&shared->lock);
    sio_mem_release(owner, shared);
}

static void share_locked(sio_shared *shared);

void sio_shared_join(sio_shared *shared, unsigned index, const sio_tally *tally) {
    pthread_mutex_lock(&shared->lock);
    shared->members[index] = *tally;
    share_locked(shared);
    pthread_mutex_unlock(&shared->lock);
}

void sio_shared_leave(sio_shared *shared, unsigned index) {
    pthread_mutex_lock(&shared->lock);
    if (shared->members[index].loop) {
        sio_counters last;
        sio_tally_read(&shared->members[index], &last);
        forget_state(&last);
        add(&shared->left, &last);
        shared->members[index] = (sio_tally){0};
        share_locked(shared);
    }
    pthread_mutex_unlock(&shared->lock);
}

unsigned sio_shared_count(const sio_shared *shared) {
    return shared->count;
}

sio_crowd *sio_shared_crowd(const sio_shared *shared) {
    return shared->crowd;
}

/* ---- sums ---- */

static size_t connections_on(const sio_tally *tally) {
    return sio_loop_stream_count(tally->loop);
}

static size_t sessions_on(const sio_tally *tally) {
    return SIO_FIGURE(tally->budget->sessions);
}

static size_t pending_on(const sio_tally *tally) {
    return SIO_FIGURE(tally->budget->pending);
}

static size_t sum_locked(const sio_shared *shared, size_t (*of)(const sio_tally *tally)) {
    size_t sum = 0;
    for (unsigned i = 0; i < shared->count; i++) {
        sum += shared->members[i].loop ? of(&shared->members[i]) : 0;
    }
    return sum;
}

static size_t sum_of(sio_shared *shared, size_t (*of)(const sio_tally *tally)) {
    pthread_mutex_lock(&shared->lock);
    size_t sum = sum_locked(shared, of);
    pthread_mutex_unlock(&shared->lock);
    return sum;
}

void sio_shared_depart(sio_shared *shared) {
    pthread_mutex_lock(&shared->lock);
    shared->under_way++;
    pthread_mutex_unlock(&shared->lock);
}

void sio_shared_arrive(sio_shared *shared) {
    pthread_mutex_lock(&shared->lock);
    shared->under_way--;
    pthread_mutex_unlock(&shared->lock);
}

size_t sio_shared_connections(sio_shared *shared) {
    pthread_mutex_lock(&shared->lock);
    size_t sum = sum_locked(shared, connections_on) + shared->under_way;
    pthread_mutex_unlock(&shared->lock);
    return sum;
}

size_t sio_shared_sessions(sio_shared *shared) {
    return sum_of(shared, sessions_on);
}

size_t sio_shared_queued(sio_shared *shared) {
    return sum_of(shared, queued_on);
}

void sio_shared_read(sio_shared *shared, sio_counters *out) {
    pthread_mutex_lock(&shared->lock);
    sio_counters sum = shared->left;
    for (unsigned i = 0; i < shared->count; i++) {
        sio_counters one;
        if (shared->members[i].loop) {
            sio_tally_read(&shared->members[i], &one);
            add(&sum, &one);
        }
    }
    pthread_mutex_unlock(&shared->lock);
    sum.size = sizeof(sum);
    *out = sum;
}

int sio_shared_read_one(sio_shared *shared, unsigned index, sio_counters *out) {
    int rc = SIO_ERR_NOT_FOUND;
    pthread_mutex_lock(&shared->lock);
    if (index < shared->count && shared->members[index].loop) {
        sio_tally_read(&shared->members[index], out);
        rc = 0;
    }
    pthread_mutex_unlock(&shared->lock);
    return rc;
}

/* ---- limits ---- */

bool sio_shared_begin_handshake(sio_shared *shared, sio_engine_budget *budget) {
    pthread_mutex_lock(&shared->lock);
    bool free = sum_locked(shared, pending_on) < budget->max_pending;
    if (free) {
        SIO_COUNT(budget->pending);
    }
    pthread_mutex_unlock(&shared->lock);
    return free;
}

/* Under the lock, so that of two changes the later one is what remains. */
static void share_locked(sio_shared *shared) {
    size_t sessions = sum_locked(shared, sessions_on);
    for (unsigned i = 0; i < shared->count; i++) {
        const sio_tally *tally = &shared->members[i];
        if (tally->loop) {
            sio_engine_budget_quiet(tally->budget, sessions,
                                    (size_t)SIO_FIGURE(tally->counters->queue_bytes_max));
        }
    }
}

void sio_shared_share(sio_shared *shared) {
    pthread_mutex_lock(&shared->lock);
    share_locked(shared);
    pthread_mutex_unlock(&shared->lock);
}
