#include <sio/eio_session.h>

#include "eio_state.h"

enum { DEFAULT_PING_INTERVAL = 25000, DEFAULT_PING_TIMEOUT = 20000, DEFAULT_MAX_PAYLOAD = 1000000 };

static const sio_eio_config DEFAULT_CONFIG = SIO_EIO_CONFIG_INIT;

const char *sio_eio_transport_name(sio_eio_transport transport) {
    return transport == SIO_EIO_WEBSOCKET ? "websocket" : "polling";
}

const char *sio_eio_state_name(sio_eio_state state) {
    static const char *const names[] = {"opening", "open", "closing", "closed"};
    return names[(unsigned)state <= SIO_EIO_STATE_CLOSED ? state : SIO_EIO_STATE_CLOSED];
}

const char *sio_eio_reason_text(sio_eio_reason reason) {
    static const char *const texts[] = {
        "", "transport close", "transport error", "ping timeout", "parse error", "forced close"};
    return texts[(unsigned)reason <= SIO_EIO_REASON_FORCED_CLOSE ? reason : SIO_EIO_REASON_NONE];
}

void sio_eio_session_init(sio_eio_session *s, sio_eio_role role, sio_eio_transport transport,
                          int revision, const sio_eio_config *config) {
    if (!config) {
        config = &DEFAULT_CONFIG;
    }
    *s = (sio_eio_session){
        .config = config,
        .queue_cap = 1,
        .max_payload = config->max_payload ? config->max_payload : DEFAULT_MAX_PAYLOAD,
        .ping_interval = config->ping_interval ? config->ping_interval : DEFAULT_PING_INTERVAL,
        .ping_timeout = config->ping_timeout ? config->ping_timeout : DEFAULT_PING_TIMEOUT,
        .role = (uint8_t)role,
        .revision = revision == 4 ? 4 : 3,
        .transport = (uint8_t)transport,
    };
    sio_eio_timers_stop(s);
}

void sio_eio_session_free(sio_eio_session *s) {
    if (s) {
        sio_eio_queue_drop(s, s->queue_count);
    }
}

void sio_eio_refresh(sio_eio_session *s) {
    bool open = s->state == SIO_EIO_STATE_OPEN;
    /* A client of revision 3 takes every packet for a sign of life. */
    bool timed = (s->flags & EIO_GRACE) != 0 || (s->role == SIO_EIO_CLIENT && s->revision == 3);
    s->plain = open && !timed;
    s->direct = open && s->transport == SIO_EIO_WEBSOCKET && s->queue_count == 0;
}

bool sio_eio_session_next(sio_eio_session *s, sio_eio_event *out) {
    if (s->events == 0) {
        return false;
    }
    unsigned kind = (unsigned)__builtin_ctz(s->events);
    s->events &= (uint16_t)(s->events - 1);
    *out = (sio_eio_event){.kind = (sio_eio_event_kind)kind};
    if (kind == SIO_EIO_EVENT_CLOSE) {
        out->reason = (sio_eio_reason)s->reason;
        out->error = s->close_error;
    } else if (kind == SIO_EIO_EVENT_PROBE_END) {
        out->error = s->probe_error;
    }
    return true;
}

/* ---- opening ---- */

static int open_packet(sio_eio_session *s, sio_str sid, sio_eio_item *out) {
    sio_eio_handshake handshake = {
        .sid = sid,
        .websocket = s->transport == SIO_EIO_POLLING && !s->config->no_upgrade,
        .ping_interval = s->ping_interval,
        .ping_timeout = s->ping_timeout,
        .max_payload = s->max_payload,
    };
    sio_buf json;
    sio_buf_init(&json, 0, s->config->mem);
    int rc = sio_eio_handshake_write(&json, &handshake);
    if (rc == 0) {
        rc = sio_eio_message_new_packet(&out->message, SIO_EIO_OPEN, json.data, json.len,
                                        s->config->mem);
    }
    sio_buf_free(&json);
    return rc;
}

int sio_eio_session_open(sio_eio_session *s, sio_str sid, sio_time now) {
    if (s->role != SIO_EIO_SERVER || s->state != SIO_EIO_STATE_OPENING) {
        return SIO_ERR_STATE;
    }
    sio_eio_item item = {.type = SIO_EIO_OPEN, .flags = SIO_EIO_COMPRESS};
    int rc = open_packet(s, sid, &item);
    if (rc != 0) {
        return rc;
    }
    rc = sio_eio_queue_push(s, &item);
    sio_eio_message_unref(item.message);
    if (rc != 0) {
        return rc;
    }
    s->state = SIO_EIO_STATE_OPEN;
    sio_eio_heartbeat_start(s, now);
    sio_eio_refresh(s);
    return 0;
}

static uint32_t clamp_ms(uint64_t ms) {
    return ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

static sio_eio_event_kind client_handshake(sio_eio_session *s, sio_bytes json, sio_time now) {
    sio_eio_handshake handshake;
    char sid[SIO_EIO_SID_MAX];
    int rc = sio_eio_handshake_read(&handshake, sid, json);
    if (rc != 0) {
        sio_eio_finish(s, SIO_EIO_REASON_TRANSPORT_ERROR, rc, false);
        return SIO_EIO_EVENT_NONE;
    }
    s->ping_interval = clamp_ms(handshake.ping_interval);
    s->ping_timeout = clamp_ms(handshake.ping_timeout);
    s->max_payload = handshake.max_payload;
    s->state = SIO_EIO_STATE_OPEN;
    sio_eio_heartbeat_start(s, now);
    if (handshake.websocket) {
        sio_eio_upgrade_start(s, now);
    }
    return SIO_EIO_EVENT_OPEN;
}

/* ---- packets of the transport ---- */

/* The peer said that it ends the session. A GET it still holds is let go with a noop. */
static void server_told_to_close(sio_eio_session *s) {
    sio_eio_finish(s, SIO_EIO_REASON_TRANSPORT_CLOSE, 0, false);
    if (s->answer != EIO_ANSWER_NONE) {
        s->answer = EIO_ANSWER_NOOP;
    }
}

static sio_eio_event_kind server_packet(sio_eio_session *s, const sio_eio_packet *packet,
                                        sio_time now) {
    if (packet->type == SIO_EIO_CLOSE) {
        server_told_to_close(s);
    }
    if (s->state != SIO_EIO_STATE_OPEN) {
        return SIO_EIO_EVENT_NONE;
    }
    sio_eio_heartbeat_heard(s, packet->type, now);
    switch (packet->type) {
    case SIO_EIO_MESSAGE:
        return SIO_EIO_EVENT_MESSAGE;
    case SIO_EIO_PING:
        sio_eio_heartbeat_ping(s, now);
        break;
    case SIO_EIO_PONG:
        sio_eio_heartbeat_pong(s, now);
        break;
    case SIO_EIO_ERROR:
        sio_eio_finish(s, SIO_EIO_REASON_PARSE_ERROR, SIO_ERR_EIO_PACKET, false);
        break;
    default:
        break;
    }
    return SIO_EIO_EVENT_NONE;
}

static sio_eio_event_kind client_opening_packet(sio_eio_session *s, const sio_eio_packet *packet,
                                                sio_time now) {
    switch (packet->type) {
    case SIO_EIO_OPEN:
        return client_handshake(s, packet->data, now);
    case SIO_EIO_CLOSE:
        sio_eio_finish(s, SIO_EIO_REASON_TRANSPORT_CLOSE, 0, s->transport == SIO_EIO_POLLING);
        break;
    case SIO_EIO_ERROR:
        sio_eio_finish(s, SIO_EIO_REASON_TRANSPORT_ERROR, SIO_ERR_EIO_PACKET, false);
        break;
    default:
        /* A server whose first packet is another one will not send its handshake later. */
        sio_eio_finish(s, SIO_EIO_REASON_TRANSPORT_ERROR, SIO_ERR_EIO_HANDSHAKE, false);
        break;
    }
    return SIO_EIO_EVENT_NONE;
}

static sio_eio_event_kind client_packet(sio_eio_session *s, const sio_eio_packet *packet,
                                        sio_time now) {
    if (s->state == SIO_EIO_STATE_OPENING) {
        return client_opening_packet(s, packet, now);
    }
    sio_eio_heartbeat_heard(s, packet->type, now);
    switch (packet->type) {
    case SIO_EIO_MESSAGE:
        return SIO_EIO_EVENT_MESSAGE;
    case SIO_EIO_PING:
        sio_eio_heartbeat_ping(s, now);
        break;
    case SIO_EIO_PONG:
        sio_eio_heartbeat_pong(s, now);
        break;
    case SIO_EIO_CLOSE:
        /* On a WebSocket only its own close counts. */
        if (s->transport == SIO_EIO_POLLING) {
            sio_eio_finish(s, SIO_EIO_REASON_TRANSPORT_CLOSE, 0, true);
        }
        break;
    case SIO_EIO_ERROR:
        sio_eio_finish(s, SIO_EIO_REASON_TRANSPORT_ERROR, SIO_ERR_EIO_PACKET, false);
        break;
    default:
        break;
    }
    return SIO_EIO_EVENT_NONE;
}

sio_eio_event_kind sio_eio_session_packet_slow(sio_eio_session *s, const sio_eio_packet *packet,
                                               sio_time now) {
    if (s->state == SIO_EIO_STATE_CLOSED) {
        return SIO_EIO_EVENT_NONE;
    }
    sio_eio_event_kind kind =
        s->role == SIO_EIO_SERVER ? server_packet(s, packet, now) : client_packet(s, packet, now);
    sio_eio_refresh(s);
    return kind;
}

/* ---- closing ---- */

static void finish_server(sio_eio_session *s, bool gone) {
    if ((s->flags & EIO_POLL_HELD) != 0) {
        s->answer = EIO_ANSWER_CLOSE;
    }
    if ((s->flags & EIO_POST_RUNS) != 0) {
        s->flags = (s->flags & ~(uint32_t)EIO_POST_RUNS) | EIO_DROP_POST;
    }
    if (s->transport == SIO_EIO_WEBSOCKET && !gone) {
        s->flags |= EIO_CLOSE_WS;
    }
}

static void finish_client(sio_eio_session *s, bool was_open, bool gone) {
    if (gone) {
        return;
    }
    if (s->transport == SIO_EIO_WEBSOCKET) {
        s->flags |= EIO_CLOSE_WS;
    } else if (was_open) {
        s->flags |= EIO_LAST_POST;
    }
}

void sio_eio_finish(sio_eio_session *s, sio_eio_reason reason, int error, bool gone) {
    if (s->state == SIO_EIO_STATE_CLOSED) {
        return;
    }
    bool was_open = s->state != SIO_EIO_STATE_OPENING;
    s->state = SIO_EIO_STATE_CLOSED;
    s->reason = (uint8_t)reason;
    s->close_error = (int16_t)error;
    sio_eio_upgrade_cancel(s, SIO_ERR_CLOSED, false);
    sio_eio_timers_stop(s);
    s->flags &= ~(uint32_t)(EIO_GRACE | EIO_NOOP_DUE);
    if (s->role == SIO_EIO_SERVER) {
        finish_server(s, gone);
    } else {
        finish_client(s, was_open, gone);
    }
    sio_eio_event_add(s, SIO_EIO_EVENT_CLOSE);
    sio_eio_refresh(s);
}

void sio_eio_close_when_drained(sio_eio_session *s) {
    if (s->state != SIO_EIO_STATE_CLOSING || s->queue_count > 0) {
        return;
    }
    bool ready = true;
    if (s->role == SIO_EIO_CLIENT) {
        ready = s->probe != EIO_PROBE_PAUSING;
    } else if (s->transport == SIO_EIO_POLLING) {
        ready = (s->flags & EIO_POLL_HELD) != 0;
    }
    if (ready) {
        sio_eio_finish(s, SIO_EIO_REASON_FORCED_CLOSE, 0, false);
    }
}

static void close_gracefully(sio_eio_session *s, sio_time now) {
    s->state = SIO_EIO_STATE_CLOSING;
    sio_eio_linger(s, now);
    sio_eio_close_when_drained(s);
}

void sio_eio_session_close(sio_eio_session *s, bool discard, sio_time now) {
    if (s->state == SIO_EIO_STATE_CLOSED) {
        return;
    }
    if (discard || s->state == SIO_EIO_STATE_OPENING) {
        sio_eio_queue_drop(s, s->queue_count);
        sio_eio_finish(s, SIO_EIO_REASON_FORCED_CLOSE, 0, false);
    } else if (s->state == SIO_EIO_STATE_OPEN) {
        close_gracefully(s, now);
    }
    sio_eio_refresh(s);
}

void sio_eio_session_transport_closed(sio_eio_session *s, int error, sio_time now) {
    (void)now;
    s->flags &= ~(uint32_t)(EIO_CLOSE_WS | EIO_LAST_POST);
    sio_eio_reason reason =
        error == 0 ? SIO_EIO_REASON_TRANSPORT_CLOSE : SIO_EIO_REASON_TRANSPORT_ERROR;
    sio_eio_finish(s, reason, error, true);
}
