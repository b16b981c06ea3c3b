/* What the members of a hub keep of one namespace for clients that come back, on whichever member:
 * the events of the last minutes and the sessions of clients that were cut off. It belongs to no
 * thread: who calls holds the channel's lock.
 *
 * ### What a client has received
 * Events are numbered as they are added, and each member hands them to its clients in an order of
 * its own: those of other members in the order of the numbers, its own at once, before those of
 * others that are on their way. So each event of its own has a second number, `low`: all of others
 * below were handed out before it, and none of those from there on. The two numbers, and the member
 * where a client has received an event, tell which ones it received before.
 *
 * A client may be cut off again while it is being sent what it missed. What it has received is then
 * what it had received before and what it was sent on the new member, which is remembered as a
 * chain of places. What was missed is sent in the new member's order, so that the last event that
 * has arrived says it all. */
#ifndef SIO_SERVER_HUB_LOG_H
#define SIO_SERVER_HUB_LOG_H

#include "cluster_message.h"
#include "recovery_store.h"

#include <sio/sys/adapter.h>

typedef struct sio_hub_log sio_hub_log;

enum { SIO_HUB_MAX_PLACES = 8 };

/* A client was on a member, and there the last one that it received is event `number`; 0: none. */
typedef struct sio_hub_place {
    uint64_t number;
    uint64_t low;   /* of that event; 0 when it is of another member */
    uint64_t since; /* events with numbers above, up to `until`, were sent while it was there */
    uint64_t until;
    unsigned member;
} sio_hub_place;

typedef struct sio_hub_chain {
    sio_hub_place places[SIO_HUB_MAX_PLACES];
    unsigned count;
    uint64_t restored_at; /* the last number when the present place began */
} sio_hub_chain;

typedef struct sio_hub_session {
    sio_list link; /* in the order of their disconnects */
    sio_time at;
    size_t bytes;
    unsigned member; /* where it was cut off */
    sio_hub_chain chain;
    sio_str pid;
    sio_adapter_session session; /* its texts are in the same block */
} sio_hub_session;

/* Errors: SIO_ERR_NOMEM. `seed` is random. */
int sio_hub_log_new(sio_hub_log **out, const sio_recovery_limits *limits, const uint64_t seed[2],
                    const sio_mem *mem);
/* NULL is allowed. */
void sio_hub_log_free(sio_hub_log *log);

/* Keep a message that is about to be sent, with a reference, and give it number and offset.
 * @param member whose event it is
 * @param low 0: the same as its number
 * @param here_only only for clients that are, or were then, on that member
 * Errors: SIO_ERR_NOMEM, SIO_ERR_LIMIT for one larger than all that may be kept. */
int sio_hub_log_add(sio_hub_log *log, sio_cluster_message *message, unsigned member, uint64_t low,
                    bool here_only, sio_time now);
/* Its member could not send it to its own clients. */
void sio_hub_log_not_sent(sio_hub_log *log, uint64_t number);
/* The number of the last one. */
uint64_t sio_hub_log_last(const sio_hub_log *log);

/* Keep a session; one of the same pid is replaced. Errors: as sio_hub_log_add. */
int sio_hub_log_persist(sio_hub_log *log, const sio_adapter_session *session, unsigned member,
                        sio_time now);
bool sio_hub_log_has_session(const sio_hub_log *log, sio_str pid);
bool sio_hub_log_has_offset(const sio_hub_log *log, sio_str offset);

typedef struct sio_hub_restored {
    sio_hub_session *session;
    sio_cluster_message **missed; /* a reference to each, in order */
    size_t count;
} sio_hub_restored;

/* Take a session out for a client that comes back to `member`, where all events of others up to
 * number `seen` were handed out. Errors: SIO_ERR_NOT_FOUND, SIO_ERR_NOMEM; then nothing changes. */
int sio_hub_log_restore(sio_hub_log *log, sio_hub_restored *out, sio_str pid, sio_str offset,
                        unsigned member, uint64_t seen, sio_time now);
/* Needs no lock. */
void sio_hub_restored_free(sio_hub_restored *restored, const sio_mem *mem);

/* A client that was restored has left for good. */
void sio_hub_log_forget(sio_hub_log *log, sio_str pid);

/* Let go of what is too old. False when nothing is kept any more. */
bool sio_hub_log_sweep(sio_hub_log *log, sio_time now);

size_t sio_hub_log_event_count(const sio_hub_log *log);
size_t sio_hub_log_session_count(const sio_hub_log *log);
uint64_t sio_hub_log_bytes(const sio_hub_log *log);

#endif
