/* What the files of the Engine.IO session share. Each file holds one concept:
 *   eio_session    the states, packets of the transport, opening and closing
 *   eio_queue      packets waiting to be sent
 *   eio_heartbeat  pings, pongs and all deadlines
 *   eio_polling    which requests are outstanding
 *   eio_upgrade    the probing WebSocket
 *   eio_output     what is to be written next */
#ifndef SIO_SRC_EIO_STATE_H
#define SIO_SRC_EIO_STATE_H

#include <sio/eio_session.h>

/* sio_eio_session.flags */
enum {
    EIO_POLL_HELD = 1 << 0,   /* server: a GET waits for its answer */
    EIO_POST_RUNS = 1 << 1,   /* server: a body is arriving; client: a POST is not answered yet */
    EIO_GET_RUNS = 1 << 2,    /* client: a GET is not answered yet */
    EIO_BUSY = 1 << 3,        /* the WebSocket has not written its last batch */
    EIO_GRACE = 1 << 4,       /* the running pong deadline may be moved once */
    EIO_UPGRADED = 1 << 5,    /* began on polling, is on a WebSocket */
    EIO_NOOP_DUE = 1 << 6,    /* the held GET gets a noop, so that the client can upgrade */
    EIO_DROP_POST = 1 << 7,   /* output to come: as named in sio_eio_output_kind */
    EIO_CLOSE_PROBE = 1 << 8, /* output to come */
    EIO_CLOSE_WS = 1 << 9,    /* output to come */
    EIO_LAST_POST = 1 << 10   /* client, output to come: a POST of the close packet */
};

/* sio_eio_session.probe, in the order they are passed through */
enum {
    EIO_PROBE_NONE,
    EIO_PROBE_WANTED, /* client: the WebSocket is being opened */
    EIO_PROBE_OPEN,   /* it is open; the client's next output is the ping */
    EIO_PROBE_SENT,   /* client: the pong is awaited */
    EIO_PROBE_PAUSING /* client: outstanding requests are awaited, then the upgrade packet goes */
};

/* sio_eio_session.answer: how a session that is done with polling answers the held GET */
enum { EIO_ANSWER_NONE, EIO_ANSWER_CLOSE, EIO_ANSWER_NOOP, EIO_ANSWER_NOOP_CLOSE };

static inline void sio_eio_event_add(sio_eio_session *s, sio_eio_event_kind kind) {
    s->events |= (uint16_t)(1u << kind);
}

static inline sio_time sio_eio_after(sio_time now, uint64_t ms) {
    return ms > SIO_TIME_NEVER - now ? SIO_TIME_NEVER : now + ms;
}

/* ---- eio_session ---- */

/* Bring `plain` and `direct` up to date; the last thing every changing function does. */
void sio_eio_refresh(sio_eio_session *s);

/* Close. No effect when closed. `gone`: there is no transport left to tell the peer on. */
void sio_eio_finish(sio_eio_session *s, sio_eio_reason reason, int error, bool gone);

/* A closing session closes once nothing is left to be sent. */
void sio_eio_close_when_drained(sio_eio_session *s);

/* ---- eio_queue ---- */

const sio_eio_item *sio_eio_queue_items(const sio_eio_session *s);
int sio_eio_queue_push(sio_eio_session *s, const sio_eio_item *item);
/* Queue a packet of the session itself. Without memory for it the session closes: false. */
bool sio_eio_queue_bare(sio_eio_session *s, sio_eio_type type);
/* Drop packets at the head. */
void sio_eio_queue_drop(sio_eio_session *s, size_t count);

/* ---- eio_heartbeat ---- */

void sio_eio_heartbeat_start(sio_eio_session *s, sio_time now);
/* A packet came from the peer, on an open session. */
void sio_eio_heartbeat_heard(sio_eio_session *s, sio_eio_type type, sio_time now);
void sio_eio_heartbeat_ping(sio_eio_session *s, sio_time now);
void sio_eio_heartbeat_pong(sio_eio_session *s, sio_time now);
void sio_eio_timers_stop(sio_eio_session *s);
/* Limit how long a closing polling session of the server waits for its client. */
void sio_eio_linger(sio_eio_session *s, sio_time now);

/* ---- eio_upgrade ---- */

/* Client: ask for the probing WebSocket. */
void sio_eio_upgrade_start(sio_eio_session *s, sio_time now);
/* The probing WebSocket becomes the transport. */
void sio_eio_upgrade_switch(sio_eio_session *s);
/* Give the probe up. `gone`: its WebSocket is closed already. */
void sio_eio_upgrade_cancel(sio_eio_session *s, int error, bool gone);
void sio_eio_upgrade_elapsed(sio_eio_session *s, sio_time now);

#endif
