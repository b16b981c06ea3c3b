/* What connection state recovery keeps of one namespace: the events of the last minutes in order,
 * and the sessions of clients that were cut off. Both are bounded in time, number and bytes; what
 * is oldest goes first, and a client that needs it begins anew. */
#ifndef SIO_SERVER_RECOVERY_STORE_H
#define SIO_SERVER_RECOVERY_STORE_H

#include <net/list.h>
#include <net/table.h>
#include <net/timer.h>
#include <sio/recovery.h>
#include <sio/target.h>

typedef struct sio_recovery_store sio_recovery_store;

typedef struct sio_recovery_limits {
    uint64_t keep_ms;    /* events, and sessions after their disconnect */
    size_t max_sessions; /* of each namespace */
    size_t max_events;
    uint64_t max_bytes; /* of both together */
} sio_recovery_limits;

/* An event that was sent, and to whom. */
typedef struct sio_stored_event {
    sio_list link; /* in the order of sending */
    sio_time at;
    size_t bytes;   /* counted against the limit */
    sio_args *args; /* a reference; without the offset */
    const char **rooms;
    const char **except;
    size_t room_count;
    size_t except_count;
    sio_str name;
    uint8_t offset_len;
    bool no_compress;
    char offset[SIO_OFFSET_MAX];
} sio_stored_event;

/* A client that was cut off. */
typedef struct sio_stored_session {
    sio_list link; /* in the order of their disconnects */
    sio_time at;
    size_t bytes;
    sio_str pid;
    sio_str sid;
    sio_str data;
    const char **rooms;
    size_t room_count;
    sio_table by_room; /* its rooms, once it was restored */
} sio_stored_session;

/* Errors: SIO_ERR_NOMEM, SIO_ERR_RANDOM. */
int sio_recovery_store_new(sio_recovery_store **out, sio_loop *loop,
                           const sio_recovery_limits *limits);
/* NULL is allowed. */
void sio_recovery_store_free(sio_recovery_store *store);

/* Keep an event that is about to be sent, and give it its offset, borrowed until the next call.
 * Errors: SIO_ERR_NOMEM, SIO_ERR_LIMIT for one larger than all that may be kept. */
int sio_recovery_store_add(sio_recovery_store *store, sio_str name, const sio_args *args,
                           const sio_target *target, sio_str *offset);

/* Keep it no longer. A client whose last event it was begins anew. */
void sio_recovery_store_forget(sio_recovery_store *store, sio_str offset);

/* Keep a session; one of the same pid is replaced. Names and texts are copied. Errors: as above. */
int sio_recovery_store_persist(sio_recovery_store *store, const sio_stored_session *session);

/* Take a session out, for which everything since `offset` is still there. It is the caller's, to be
 * freed with sio_stored_session_free. Errors: SIO_ERR_NOT_FOUND, SIO_ERR_NOMEM, SIO_ERR_RANDOM. */
int sio_recovery_store_restore(sio_recovery_store *store, sio_str pid, sio_str offset,
                               sio_stored_session **out);
void sio_stored_session_free(sio_recovery_store *store, sio_stored_session *session);

/* The next event the session has missed behind the one with this offset; NULL at the end. Borrowed
 * until the store changes. */
const sio_stored_event *sio_recovery_store_missed(sio_recovery_store *store,
                                                  const sio_stored_session *session,
                                                  sio_str offset);

size_t sio_recovery_store_session_count(const sio_recovery_store *store);
size_t sio_recovery_store_event_count(const sio_recovery_store *store);
uint64_t sio_recovery_store_bytes(const sio_recovery_store *store);

#endif
