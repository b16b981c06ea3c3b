#include <sio/eio_session.h>

#include "eio_state.h"

#include <string.h>

enum { DEFAULT_UPGRADE_TIMEOUT = 10000, NOOP_INTERVAL = 100 };

bool sio_eio_session_upgrading(const sio_eio_session *s) {
    if (s->role == SIO_EIO_SERVER) {
        return s->probe != EIO_PROBE_NONE;
    }
    return s->probe == EIO_PROBE_PAUSING;
}

bool sio_eio_session_upgraded(const sio_eio_session *s) {
    return (s->flags & EIO_UPGRADED) != 0;
}

static void upgrade_arm(sio_eio_session *s, sio_time now) {
    uint32_t limit = s->config->upgrade_timeout;
    s->upgrade_at = sio_eio_after(now, limit ? limit : DEFAULT_UPGRADE_TIMEOUT);
}

void sio_eio_upgrade_start(sio_eio_session *s, sio_time now) {
    if (s->transport != SIO_EIO_POLLING || s->config->no_upgrade) {
        return;
    }
    s->probe = EIO_PROBE_WANTED;
    upgrade_arm(s, now);
    sio_eio_event_add(s, SIO_EIO_EVENT_PROBE_START);
}

static void upgrade_end(sio_eio_session *s) {
    s->probe = EIO_PROBE_NONE;
    s->upgrade_at = SIO_TIME_NEVER;
    s->noop_at = SIO_TIME_NEVER;
    s->flags &= ~(uint32_t)EIO_NOOP_DUE;
}

void sio_eio_upgrade_cancel(sio_eio_session *s, int error, bool gone) {
    if (s->probe == EIO_PROBE_NONE) {
        return;
    }
    upgrade_end(s);
    s->probe_pongs = 0;
    const uint16_t start = 1u << SIO_EIO_EVENT_PROBE_START;
    if ((s->events & start) != 0) {
        /* Nobody was told to begin, so nobody is told to end. */
        s->events &= (uint16_t)~start;
        return;
    }
    if (!gone) {
        s->flags |= EIO_CLOSE_PROBE;
    }
    s->probe_error = (int16_t)error;
    sio_eio_event_add(s, SIO_EIO_EVENT_PROBE_END);
}

void sio_eio_upgrade_switch(sio_eio_session *s) {
    upgrade_end(s);
    if ((s->flags & EIO_POLL_HELD) != 0) {
        s->answer = EIO_ANSWER_CLOSE;
    }
    if ((s->flags & EIO_POST_RUNS) != 0) {
        s->flags = (s->flags & ~(uint32_t)EIO_POST_RUNS) | EIO_DROP_POST;
    }
    s->flags |= EIO_UPGRADED;
    s->transport = SIO_EIO_WEBSOCKET;
    s->linger_at = SIO_TIME_NEVER;
    sio_eio_event_add(s, SIO_EIO_EVENT_UPGRADE);
    sio_eio_close_when_drained(s);
    sio_eio_refresh(s);
}

int sio_eio_session_probe_open(sio_eio_session *s, sio_time now) {
    if (s->state == SIO_EIO_STATE_CLOSED) {
        return SIO_ERR_CLOSED;
    }
    if (s->role == SIO_EIO_CLIENT) {
        if (s->probe != EIO_PROBE_WANTED) {
            return SIO_ERR_STATE;
        }
        s->probe = EIO_PROBE_OPEN;
        return 0;
    }
    bool refused = s->config->no_upgrade || s->transport != SIO_EIO_POLLING ||
                   s->state == SIO_EIO_STATE_OPENING || s->probe != EIO_PROBE_NONE ||
                   (s->flags & EIO_CLOSE_PROBE) != 0;
    if (refused) {
        return SIO_ERR_STATE;
    }
    s->probe = EIO_PROBE_OPEN;
    upgrade_arm(s, now);
    return 0;
}

static bool says_probe(const sio_eio_packet *packet, sio_eio_type type) {
    return packet->type == type && !packet->binary && packet->data.len == 5 &&
           memcmp(packet->data.ptr, "probe", 5) == 0;
}

static void server_probe_packet(sio_eio_session *s, const sio_eio_packet *packet, sio_time now) {
    if (packet->type == SIO_EIO_UPGRADE) {
        sio_eio_upgrade_switch(s);
    } else if (says_probe(packet, SIO_EIO_PING) && s->probe_pongs < UINT8_MAX) {
        s->probe_pongs++;
        sio_eio_event_add(s, SIO_EIO_EVENT_UPGRADING);
        if (s->noop_at == SIO_TIME_NEVER) {
            s->noop_at = sio_eio_after(now, NOOP_INTERVAL);
        }
    } else {
        sio_eio_upgrade_cancel(s, SIO_ERR_EIO_PROBE, false);
    }
}

static void client_probe_packet(sio_eio_session *s, const sio_eio_packet *packet) {
    if (s->probe == EIO_PROBE_SENT && says_probe(packet, SIO_EIO_PONG)) {
        s->probe = EIO_PROBE_PAUSING;
        sio_eio_event_add(s, SIO_EIO_EVENT_UPGRADING);
        return;
    }
    sio_eio_upgrade_cancel(s, SIO_ERR_EIO_PROBE, false);
    sio_eio_close_when_drained(s);
}

void sio_eio_session_probe_packet(sio_eio_session *s, const sio_eio_packet *packet, sio_time now) {
    if (s->probe < EIO_PROBE_OPEN) {
        return;
    }
    if (s->role == SIO_EIO_SERVER) {
        server_probe_packet(s, packet, now);
    } else {
        client_probe_packet(s, packet);
    }
}

void sio_eio_session_probe_closed(sio_eio_session *s, int error, sio_time now) {
    (void)now;
    s->flags &= ~(uint32_t)EIO_CLOSE_PROBE;
    sio_eio_upgrade_cancel(s, error ? error : SIO_ERR_CLOSED, true);
    sio_eio_close_when_drained(s);
}

void sio_eio_upgrade_elapsed(sio_eio_session *s, sio_time now) {
    if (now >= s->upgrade_at && s->upgrade_at != SIO_TIME_NEVER) {
        sio_eio_upgrade_cancel(s, SIO_ERR_TIMEOUT, false);
        sio_eio_close_when_drained(s);
    }
    if (now >= s->noop_at && s->noop_at != SIO_TIME_NEVER) {
        s->noop_at = sio_eio_after(now, NOOP_INTERVAL);
        if ((s->flags & EIO_POLL_HELD) != 0) {
            s->flags |= EIO_NOOP_DUE;
        }
    }
}
