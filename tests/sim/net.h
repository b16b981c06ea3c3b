/* The simulated world below the libraries: one clock, one queue of events, a network, a source of
 * randomness. The files net_*.c implement libsio-net's headers on it. There is one world at a time,
 * and everything in it follows from the seed. */
#ifndef TESTS_SIM_NET_H
#define TESTS_SIM_NET_H

#include "rng.h"

#include <sio/types.h>

#include <net/list.h>

#include <stdio.h>

typedef struct sim_conn sim_conn;
struct sio_loop;

/* ---- time and events ---- */

/* Lives in its owner; cancelled before its memory goes. */
typedef struct sim_event {
    uint32_t index; /* of its place in the queue, from 1; 0: not queued */
    void (*fn)(void *ctx);
    void *ctx;
} sim_event;

void sim_event_init(sim_event *event, void (*fn)(void *ctx), void *ctx);
/* Queue it, or move it. Events of one instant run in an order that the seed decides. */
void sim_event_at(sim_event *event, uint64_t at_us);
void sim_event_after(sim_event *event, uint64_t us);
void sim_event_cancel(sim_event *event);
static inline bool sim_event_queued(const sim_event *event) {
    return event->index != 0;
}

uint64_t sim_now_us(void);
/* Run the next event. @return false when there is none */
bool sim_step(void);

/* ---- life ---- */

void sim_net_begin(uint64_t seed);
/* Fails the run when something is still there. */
void sim_net_end(void);

typedef struct sim_net_stats {
    uint64_t events;
    uint64_t connections;
    uint64_t bytes;
    uint64_t reads;
    uint64_t timers;
    uint64_t hash; /* of everything that happened */
} sim_net_stats;
sim_net_stats sim_net_read_stats(void);

/* ---- the network ---- */

/* How connections behave; each draws its own values up to these. */
typedef struct sim_link {
    uint32_t latency_us;
    uint32_t jitter_us;
    uint32_t window;        /* bytes on their way and unread, at least */
    uint32_t read_max;      /* the most that one read brings; 0: no limit */
    uint32_t read_delay_us; /* until a reader looks */
    unsigned short_sends;   /* percent of the sends that take only a part */
} sim_link;

/* For connections made from now on. */
void sim_net_set_link(const sim_link *link);

/* Whoever reads, reads at once and all there is, and there is room for much, on the connections
 * that are open, too. */
void sim_net_read_fast(void);

typedef enum sim_dns {
    SIM_DNS_GOOD,
    SIM_DNS_MIXED, /* addresses that refuse and such that are silent before the right one */
    SIM_DNS_FAILS
} sim_dns;
void sim_net_set_dns(sim_dns dns, uint64_t delay_us);

/* Nothing arrives before then; what was sent arrives later, as TCP repeats it. */
void sim_net_outage(uint64_t until_us);
/* New connections are not answered at all. */
void sim_net_drop_syns(bool on);
/* The process that listens is out of descriptors. */
void sim_net_refuse_accepts(uint64_t until_us);
/* The system gives no random bytes. */
void sim_net_no_random(bool on);

/* The address where everything listens, in numbers and as a name. */
#define SIM_ADDRESS "10.0.0.1"
#define SIM_NAME "server.test"

/* An open connection by chance; NULL when there is none. */
sim_conn *sim_conn_pick(sim_rng *rng);
/* Both ends get a reset. */
void sim_conn_reset(sim_conn *conn);
/* Something in between closes it: both ends get an end of stream, behind what was sent. */
void sim_conn_finish(sim_conn *conn);
typedef enum sim_silence { SIM_SILENT_BOTH, SIM_SILENT_UP, SIM_SILENT_DOWN } sim_silence;
/* Nothing arrives any more, and nobody is told: to the server (UP), from it (DOWN), or both. */
void sim_conn_silence(sim_conn *conn, sim_silence what);
/* What is under way takes so much longer. */
void sim_conn_delay(sim_conn *conn, uint64_t us);
/* The connection that has been silent for longest and that both processes still hold:
 * @return since when, or UINT64_MAX */
uint64_t sim_conn_oldest_silence(void);

/* The processes that `pick` names do not run until then: no reads, no timers. */
void sim_stall_all(bool (*pick)(const struct sio_loop *loop, void *user), void *user,
                   uint64_t until_us);

/* ---- what happened ---- */

/* Goes into the hash of the run, and onto the standard output when it is to be shown. */
void sim_trace(const char *format, ...) SIO_PRINTF(1, 2);
void sim_note(uint64_t value);
void sim_set_verbose(bool on);
bool sim_is_verbose(void);

/* An invariant does not hold: prints what and ends the process of the run. */
void sim_fail(const char *format, ...) SIO_PRINTF(1, 2) __attribute__((noreturn));
/* Called by sim_fail() to say where. */
void sim_on_fail(void (*fn)(void));

#define SIM_CHECK(condition, ...)                                                                  \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            sim_fail(__VA_ARGS__);                                                                 \
        }                                                                                          \
    } while (0)

#endif
