/* What the members of a server with several loops have in common: the sums of what each of them
 * counts, and the limits that hold for all together.
 *
 * A member writes its figures without a lock (net/figure.h), and the others read them there. The
 * lock is for who is a member, so that nothing is read that has gone, and for limits, so that of
 * two members that find one place free only one takes it. It is held for a few reads of each
 * member, and never for a message.
 *
 * Functions may be called on any thread unless said otherwise. */
#ifndef SIO_SERVER_SHARED_H
#define SIO_SERVER_SHARED_H

#include "crowd.h"
#include "engine.h"

#include <sio/metrics.h>

typedef struct sio_shared sio_shared;

/* Where the figures of one member are. All are written on its thread only. */
typedef struct sio_tally {
    const sio_loop *loop;
    const sio_counters *counters;
    sio_engine_budget *budget;
} sio_tally;

/* All counters. Those that are the present state are as the member keeps them: the packets that
 * wait are counted when sio_server_note_queues() is called, the rest is up to date. */
void sio_tally_read(const sio_tally *tally, sio_counters *out);

/* For `count` members, of which none has joined. `max_per_address` as in sio_crowd_new, 0: no
 * limit. The loop gives randomness and an allocator, which is copied. One reference.
 * Errors: SIO_ERR_NOMEM, SIO_ERR_RANDOM. */
int sio_shared_new(sio_shared **out, sio_loop *loop, unsigned count, uint32_t max_per_address);
sio_shared *sio_shared_ref(sio_shared *shared);
/* NULL is allowed. */
void sio_shared_unref(sio_shared *shared);

/* Member `index`, whose figures must stand until it leaves. Before its first session. */
void sio_shared_join(sio_shared *shared, unsigned index, const sio_tally *tally);
/* On the member's thread, or when that has ended. What it has counted stays in the sums. No effect
 * when it has not joined. */
void sio_shared_leave(sio_shared *shared, unsigned index);

unsigned sio_shared_count(const sio_shared *shared);
/* NULL: addresses have no limit. */
sio_crowd *sio_shared_crowd(const sio_shared *shared);

/* A connection is about to leave its loop for another; it is there, or lost. In between it counts,
 * so that nobody gets its place. */
void sio_shared_depart(sio_shared *shared);
void sio_shared_arrive(sio_shared *shared);

/* Of all members. Connections never less than there are: at times one that moves counts twice. */
size_t sio_shared_connections(sio_shared *shared);
size_t sio_shared_sessions(sio_shared *shared);
size_t sio_shared_queued(sio_shared *shared);

/* The sum of all, with the most of what is no sum. */
void sio_shared_read(sio_shared *shared, sio_counters *out);
/* One. Errors: SIO_ERR_NOT_FOUND. */
int sio_shared_read_one(sio_shared *shared, unsigned index, sio_counters *out);

/* Another handshake in progress on this member, for whose own budget it is called on its thread:
 * counted, unless all members together have `max_pending`. False: they do. */
bool sio_shared_begin_handshake(sio_shared *shared, sio_engine_budget *budget);

/* The number of sessions of a member, or what concerns it, has changed: see engine_pressure.c. */
void sio_shared_share(sio_shared *shared);

#endif
