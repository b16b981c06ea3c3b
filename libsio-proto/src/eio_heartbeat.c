#include <sio/eio_session.h>

#include "eio_state.h"

enum { DEFAULT_CLOSE_TIMEOUT = 30000 };

/* A ping that leaves a little late is taken for one in time, so that delays of the loop do not add
 * up: by at most a tenth of the timeout, and this many milliseconds. One that is later was held up
 * by something longer, and the peer gets its whole time to answer. */
enum { LATE_AT_MOST = 20 };

/*
 * Who sends pings, and what keeps a session alive:
 *
 *              revision 4                              revision 3
 *   server     pings at ping_at, then must be          dead_at moves with each ping of the client
 *              answered by dead_at
 *   client     dead_at moves with each ping of the     pings at ping_at; dead_at moves with every
 *              server                                  packet
 */

static sio_time silence_ends(const sio_eio_session *s, sio_time now) {
    return sio_eio_after(now, (uint64_t)s->ping_interval + s->ping_timeout);
}

static bool sends_pings(const sio_eio_session *s) {
    return (s->role == SIO_EIO_SERVER) == (s->revision == 4);
}

void sio_eio_heartbeat_start(sio_eio_session *s, sio_time now) {
    if (sends_pings(s)) {
        s->ping_at = sio_eio_after(now, s->ping_interval);
    }
    if (s->role == SIO_EIO_CLIENT || s->revision == 3) {
        s->dead_at = silence_ends(s, now);
    }
}

void sio_eio_timers_stop(sio_eio_session *s) {
    s->ping_at = SIO_TIME_NEVER;
    s->dead_at = SIO_TIME_NEVER;
    s->upgrade_at = SIO_TIME_NEVER;
    s->noop_at = SIO_TIME_NEVER;
    s->linger_at = SIO_TIME_NEVER;
}

void sio_eio_heartbeat_heard(sio_eio_session *s, sio_eio_type type, sio_time now) {
    if (s->role == SIO_EIO_CLIENT && s->revision == 3) {
        s->dead_at = silence_ends(s, now);
    }
    /* A peer that is busy sending may get to its pong late: the first other packet moves the
     * deadline, once for each ping. */
    if ((s->flags & EIO_GRACE) != 0 && type != SIO_EIO_PONG) {
        s->flags &= ~(uint32_t)EIO_GRACE;
        s->dead_at = sio_eio_after(now, s->ping_timeout);
    }
}

void sio_eio_linger(sio_eio_session *s, sio_time now) {
    if (s->role == SIO_EIO_SERVER && s->transport == SIO_EIO_POLLING &&
        s->state == SIO_EIO_STATE_CLOSING) {
        uint32_t wait = s->config->close_timeout;
        s->linger_at = sio_eio_after(now, wait ? wait : DEFAULT_CLOSE_TIMEOUT);
    }
}

static void wrong_direction(sio_eio_session *s) {
    /* A client of the reference ignores it. */
    if (s->role == SIO_EIO_SERVER) {
        sio_eio_finish(s, SIO_EIO_REASON_TRANSPORT_ERROR, SIO_ERR_EIO_HEARTBEAT, false);
    }
}

/* One answer behind the last message says as much as many: a client that pings and does not poll
 * cannot fill the queue with them. */
static bool pong_waits(const sio_eio_session *s) {
    size_t count;
    const sio_eio_item *items = sio_eio_session_queue(s, &count);
    return count > 0 && !items[count - 1].message && items[count - 1].type == SIO_EIO_PONG;
}

void sio_eio_heartbeat_ping(sio_eio_session *s, sio_time now) {
    if (sends_pings(s)) {
        wrong_direction(s);
        return;
    }
    s->dead_at = silence_ends(s, now);
    sio_eio_event_add(s, SIO_EIO_EVENT_HEARTBEAT);
    if (s->state == SIO_EIO_STATE_OPEN && !pong_waits(s) && sio_eio_queue_bare(s, SIO_EIO_PONG)) {
        sio_eio_event_add(s, SIO_EIO_EVENT_PONG);
    }
}

void sio_eio_heartbeat_pong(sio_eio_session *s, sio_time now) {
    if (!sends_pings(s)) {
        wrong_direction(s);
        return;
    }
    s->ping_at = sio_eio_after(now, s->ping_interval);
    if (s->role == SIO_EIO_SERVER) {
        s->dead_at = SIO_TIME_NEVER;
        s->flags &= ~(uint32_t)EIO_GRACE;
    }
    sio_eio_event_add(s, SIO_EIO_EVENT_HEARTBEAT);
}

/* The answer is awaited from now on, whether or not a request is there to carry the ping. A closing
 * session queues none, but a vanished peer still ends it. */
static void ping_due(sio_eio_session *s, sio_time now) {
    uint32_t tenth = s->ping_timeout / 10;
    uint32_t allowed = tenth < LATE_AT_MOST ? tenth : LATE_AT_MOST;
    sio_time sent = now - s->ping_at <= allowed ? s->ping_at : now;
    s->ping_at = SIO_TIME_NEVER;
    s->dead_at = sio_eio_after(sent, s->ping_timeout);
    if (s->role == SIO_EIO_SERVER) {
        s->flags |= EIO_GRACE;
    }
    if (s->state == SIO_EIO_STATE_OPEN && sio_eio_queue_bare(s, SIO_EIO_PING)) {
        sio_eio_event_add(s, SIO_EIO_EVENT_PING);
    }
}

static sio_time earlier(sio_time a, sio_time b) {
    return a < b ? a : b;
}

sio_time sio_eio_session_deadline(const sio_eio_session *s) {
    sio_time heartbeat = earlier(s->ping_at, s->dead_at);
    sio_time upgrade = earlier(s->upgrade_at, s->noop_at);
    return earlier(earlier(heartbeat, upgrade), s->linger_at);
}

void sio_eio_session_elapsed(sio_eio_session *s, sio_time now) {
    if (now >= s->dead_at && s->dead_at != SIO_TIME_NEVER) {
        sio_eio_finish(s, SIO_EIO_REASON_PING_TIMEOUT, SIO_ERR_TIMEOUT, false);
    }
    if (now >= s->linger_at && s->linger_at != SIO_TIME_NEVER) {
        sio_eio_finish(s, SIO_EIO_REASON_FORCED_CLOSE, 0, false);
    }
    if (now >= s->ping_at && s->ping_at != SIO_TIME_NEVER) {
        ping_due(s, now);
    }
    sio_eio_upgrade_elapsed(s, now);
    sio_eio_refresh(s);
}

bool sio_eio_session_overdue(const sio_eio_session *s, sio_time now) {
    return s->role == SIO_EIO_CLIENT && s->dead_at != SIO_TIME_NEVER && now >= s->dead_at;
}
