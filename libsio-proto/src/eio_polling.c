#include <sio/eio_session.h>

#include "eio_state.h"

/* Whether a polling request may touch the session at all. */
static int request_check(const sio_eio_session *s) {
    if (s->state == SIO_EIO_STATE_CLOSED) {
        return SIO_ERR_CLOSED;
    }
    bool polling = s->role == SIO_EIO_SERVER && s->transport == SIO_EIO_POLLING;
    return polling && s->state != SIO_EIO_STATE_OPENING ? 0 : SIO_ERR_STATE;
}

/* A request ended before its time. After a switch to the WebSocket its end means nothing. */
static void request_aborted(sio_eio_session *s, int error) {
    if (s->transport == SIO_EIO_POLLING) {
        sio_eio_finish(s, SIO_EIO_REASON_TRANSPORT_ERROR, error, false);
    }
}

int sio_eio_session_poll(sio_eio_session *s, sio_time now) {
    (void)now;
    int rc = request_check(s);
    if (rc != 0) {
        return rc;
    }
    if ((s->flags & EIO_POLL_HELD) != 0) {
        sio_eio_finish(s, SIO_EIO_REASON_TRANSPORT_ERROR, SIO_ERR_EIO_OVERLAP, false);
        return SIO_ERR_EIO_OVERLAP;
    }
    s->flags |= EIO_POLL_HELD;
    sio_eio_close_when_drained(s);
    if (s->answer == EIO_ANSWER_CLOSE) {
        /* The reference triggers the pending close with a noop. */
        s->answer = EIO_ANSWER_NOOP_CLOSE;
    }
    return 0;
}

void sio_eio_session_poll_aborted(sio_eio_session *s, sio_time now) {
    (void)now;
    if ((s->flags & EIO_POLL_HELD) == 0) {
        return;
    }
    s->flags &= ~(uint32_t)(EIO_POLL_HELD | EIO_NOOP_DUE);
    s->answer = EIO_ANSWER_NONE;
    request_aborted(s, SIO_ERR_EIO_POLL_ABORTED);
}

int sio_eio_session_post(sio_eio_session *s, sio_time now) {
    (void)now;
    int rc = request_check(s);
    if (rc != 0) {
        return rc;
    }
    if ((s->flags & EIO_POST_RUNS) != 0) {
        sio_eio_finish(s, SIO_EIO_REASON_TRANSPORT_ERROR, SIO_ERR_EIO_POST_OVERLAP, false);
        return SIO_ERR_EIO_POST_OVERLAP;
    }
    s->flags |= EIO_POST_RUNS;
    return 0;
}

void sio_eio_session_post_complete(sio_eio_session *s) {
    if (s->role == SIO_EIO_SERVER) {
        s->flags &= ~(uint32_t)EIO_POST_RUNS;
    }
}

void sio_eio_session_post_aborted(sio_eio_session *s, sio_time now) {
    (void)now;
    if (s->role != SIO_EIO_SERVER) {
        return;
    }
    bool running = (s->flags & EIO_POST_RUNS) != 0;
    s->flags &= ~(uint32_t)(EIO_POST_RUNS | EIO_DROP_POST);
    if (running) {
        request_aborted(s, SIO_ERR_EIO_POST_ABORTED);
    }
}

void sio_eio_session_polled(sio_eio_session *s, sio_time now) {
    (void)now;
    if (s->role == SIO_EIO_CLIENT) {
        s->flags &= ~(uint32_t)EIO_GET_RUNS;
    }
}
