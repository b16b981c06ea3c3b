/* The clock and the queue of events. Time goes on only from one event to the next. */
#include "net_internal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    /* Events at one instant. A crowd that is told of one thing needs tens for each of its
     * members; what goes round in a circle needs any number. */
    INSTANT_MAX = 200000,
    EPOCH_US = 1000000,
};

typedef struct slot {
    uint64_t at;
    uint64_t order;
    uint32_t *index;
    void (*fn)(void *ctx);
    void *ctx;
} slot;

sim_net sim_the;
static bool verbose;
static void (*fail_hook)(void);

/* ---- the heap ---- */

static bool before(const slot *a, const slot *b) {
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void place(size_t at, slot s) {
    sim_the.slots[at] = s;
    *s.index = (uint32_t)at + 1;
}

static void sift_up(size_t at, slot s) {
    while (at > 0 && before(&s, &sim_the.slots[(at - 1) / 2])) {
        place(at, sim_the.slots[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    place(at, s);
}

static void sift_down(size_t at, slot s) {
    for (;;) {
        size_t child = at * 2 + 1;
        if (child >= sim_the.count) {
            break;
        }
        if (child + 1 < sim_the.count && before(&sim_the.slots[child + 1], &sim_the.slots[child])) {
            child++;
        }
        if (before(&s, &sim_the.slots[child])) {
            break;
        }
        place(at, sim_the.slots[child]);
        at = child;
    }
    place(at, s);
}

static void take_out(size_t at) {
    *sim_the.slots[at].index = 0;
    slot last = sim_the.slots[--sim_the.count];
    if (at == sim_the.count) {
        return;
    }
    if (at > 0 && before(&last, &sim_the.slots[(at - 1) / 2])) {
        sift_up(at, last);
    } else {
        sift_down(at, last);
    }
}

void sim_queue_at(uint32_t *index, uint64_t at_us, void (*fn)(void *ctx), void *ctx) {
    if (*index != 0) {
        take_out(*index - 1);
    }
    if (sim_the.count == sim_the.cap) {
        sim_the.cap = sim_the.cap ? sim_the.cap * 2 : 1024;
        sim_the.slots = realloc(sim_the.slots, sim_the.cap * sizeof(slot));
        SIM_CHECK(sim_the.slots, "the simulation is out of memory");
    }
    if (at_us < sim_the.now_us) {
        at_us = sim_the.now_us;
    }
    uint64_t order = (sim_next(&sim_the.order) << 32) | sim_the.sequence++;
    sim_the.count++;
    sift_up(sim_the.count - 1, (slot){at_us, order, index, fn, ctx});
}

void sim_queue_cancel(uint32_t *index) {
    if (*index != 0) {
        take_out(*index - 1);
    }
}

uint64_t sim_queue_when(uint32_t index) {
    return sim_the.slots[index - 1].at;
}

/* ---- events ---- */

void sim_event_init(sim_event *event, void (*fn)(void *ctx), void *ctx) {
    *event = (sim_event){0, fn, ctx};
}

void sim_event_at(sim_event *event, uint64_t at_us) {
    sim_queue_at(&event->index, at_us, event->fn, event->ctx);
}

void sim_event_after(sim_event *event, uint64_t us) {
    sim_event_at(event, sim_the.now_us + us);
}

void sim_event_cancel(sim_event *event) {
    sim_queue_cancel(&event->index);
}

uint64_t sim_now_us(void) {
    return sim_the.now_us;
}

bool sim_step(void) {
    if (sim_the.count == 0) {
        return false;
    }
    slot next = sim_the.slots[0];
    take_out(0);
    if (next.at != sim_the.now_us) {
        sim_the.now_us = next.at;
        sim_the.instant = 0;
    }
    SIM_CHECK(++sim_the.instant < INSTANT_MAX, "busy loop: %d events at one instant", INSTANT_MAX);
    sim_the.stats.events++;
    sim_note(next.at);
    next.fn(next.ctx);
    return true;
}

/* ---- life ---- */

void sim_net_begin(uint64_t seed) {
    sim_the = (sim_net){
        .now_us = EPOCH_US,
        .order = sim_rng_for(seed, 1),
        .wire = sim_rng_for(seed, 2),
        .random = sim_rng_for(seed, 3),
        .link = {.latency_us = 1000, .window = 65536},
    };
    sio_list_init(&sim_the.conns);
    sio_list_init(&sim_the.listeners);
    sio_list_init(&sim_the.loops);
}

void sim_net_end(void) {
    SIM_CHECK(sio_list_empty(&sim_the.loops), "a loop is left");
    SIM_CHECK(sio_list_empty(&sim_the.listeners), "a listener is left");
    SIM_CHECK(sim_the.conn_count == 0, "%zu connections are left", sim_the.conn_count);
    SIM_CHECK(sim_the.count == 0, "%zu events are left", sim_the.count);
    free(sim_the.slots);
    sim_the.slots = NULL;
    sim_the.cap = 0;
}

sim_net_stats sim_net_read_stats(void) {
    return sim_the.stats;
}

/* ---- what happened ---- */

void sim_note(uint64_t value) {
    sim_the.stats.hash = sim_mix(sim_the.stats.hash ^ value) + 0x9e3779b97f4a7c15u;
}

void sim_set_verbose(bool on) {
    verbose = on;
}

bool sim_is_verbose(void) {
    return verbose;
}

void sim_trace(const char *format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    for (int i = 0; i < len && i < (int)sizeof(text) - 1; i += 8) {
        uint64_t word = 0;
        memcpy(&word, text + i, strnlen(text + i, 8));
        sim_note(word);
    }
    if (verbose) {
        printf("%12.6f %s\n", (double)sim_the.now_us / 1e6, text);
    }
}

void sim_on_fail(void (*fn)(void)) {
    fail_hook = fn;
}

void sim_fail(const char *format, ...) {
    va_list args;
    printf("# FAILED at %.6f s, event %llu: ", (double)sim_the.now_us / 1e6,
           (unsigned long long)sim_the.stats.events);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    if (fail_hook) {
        fail_hook();
    }
    fflush(stdout);
    _exit(1);
}
