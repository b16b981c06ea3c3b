#include <sio/eio_session.h>

#include "eio_packet.h"
#include "eio_state.h"

static const sio_eio_item ITEM_CLOSE[] = {{.type = SIO_EIO_CLOSE}};
static const sio_eio_item ITEM_NOOP_CLOSE[] = {{.type = SIO_EIO_NOOP}, {.type = SIO_EIO_CLOSE}};
static const sio_eio_item ITEM_UPGRADE[] = {{.type = SIO_EIO_UPGRADE}};
static const sio_eio_item ITEM_PROBE_PING[] = {{.type = SIO_EIO_PING, .flags = SIO_EIO_PROBE}};
static const sio_eio_item ITEM_PROBE_PONG[] = {{.type = SIO_EIO_PONG, .flags = SIO_EIO_PROBE}};

static bool output_bare(sio_eio_output *out, sio_eio_output_kind kind) {
    *out = (sio_eio_output){.kind = kind};
    return true;
}

/* Packets that the session sends on its own and never queued; they are not compressed. */
static bool output_own(sio_eio_output *out, sio_eio_output_kind kind, const sio_eio_item *items,
                       size_t count) {
    *out = (sio_eio_output){.kind = kind, .items = items, .count = count};
    return true;
}

static bool output_queue(const sio_eio_session *s, sio_eio_output *out, sio_eio_output_kind kind,
                         size_t count) {
    const sio_eio_item *items = sio_eio_queue_items(s);
    bool compress = false;
    for (size_t i = 0; i < count && !compress; i++) {
        compress = (items[i].flags & SIO_EIO_COMPRESS) != 0;
    }
    *out = (sio_eio_output){kind, items, count, compress, true};
    return true;
}

static bool output_answer(const sio_eio_session *s, sio_eio_output *out) {
    bool noop = s->answer != EIO_ANSWER_CLOSE;
    bool close = s->answer != EIO_ANSWER_NOOP;
    const sio_eio_item *items = noop ? ITEM_NOOP_CLOSE : ITEM_CLOSE;
    return output_own(out, SIO_EIO_OUTPUT_POLL, items, (size_t)noop + (size_t)close);
}

static bool output_frames(const sio_eio_session *s, sio_eio_output *out) {
    if (s->queue_count == 0 || s->in_flight > 0 || (s->flags & EIO_BUSY) != 0) {
        return false;
    }
    return output_queue(s, out, SIO_EIO_OUTPUT_FRAMES, s->queue_count);
}

/* ---- server ---- */

static bool server_poll(const sio_eio_session *s, sio_eio_output *out) {
    if ((s->flags & EIO_POLL_HELD) == 0) {
        return false;
    }
    if (s->queue_count > 0) {
        return output_queue(s, out, SIO_EIO_OUTPUT_POLL, s->queue_count);
    }
    if ((s->flags & EIO_NOOP_DUE) != 0) {
        return output_own(out, SIO_EIO_OUTPUT_POLL, ITEM_NOOP_CLOSE, 1);
    }
    return false;
}

/* A pong that its client did not wait for comes after the switch: the WebSocket is no probe now. */
static sio_eio_output_kind pong_kind(const sio_eio_session *s) {
    return s->probe == EIO_PROBE_NONE ? SIO_EIO_OUTPUT_FRAMES : SIO_EIO_OUTPUT_PROBE;
}

static bool server_output(const sio_eio_session *s, sio_eio_output *out) {
    if (s->answer != EIO_ANSWER_NONE) {
        return output_answer(s, out);
    }
    if ((s->flags & EIO_DROP_POST) != 0) {
        return output_bare(out, SIO_EIO_OUTPUT_DROP_POST);
    }
    if (s->probe_pongs > 0) {
        return output_own(out, pong_kind(s), ITEM_PROBE_PONG, 1);
    }
    if (s->state == SIO_EIO_STATE_CLOSED) {
        bool close = (s->flags & EIO_CLOSE_WS) != 0;
        return close && output_bare(out, SIO_EIO_OUTPUT_CLOSE);
    }
    return s->transport == SIO_EIO_POLLING ? server_poll(s, out) : output_frames(s, out);
}

/* ---- client ---- */

static size_t add_saturated(size_t a, size_t b) {
    return b > SIZE_MAX - a ? SIZE_MAX : a + b;
}

/* As many packets as fit the server's maxPayload, at least one. */
static size_t post_count(const sio_eio_session *s) {
    if (s->max_payload == 0) {
        return s->queue_count;
    }
    const sio_eio_item *items = sio_eio_queue_items(s);
    size_t size = sio_eio_item_text_size(&items[0]);
    size_t count = 1;
    for (; count < s->queue_count; count++) {
        size = add_saturated(size, add_saturated(1, sio_eio_item_text_size(&items[count])));
        if (size > s->max_payload) {
            break;
        }
    }
    return count;
}

static bool client_polling(const sio_eio_session *s, sio_eio_output *out) {
    if (s->probe == EIO_PROBE_PAUSING) {
        bool ready = (s->flags & (EIO_GET_RUNS | EIO_POST_RUNS)) == 0;
        return ready && output_own(out, SIO_EIO_OUTPUT_PROBE, ITEM_UPGRADE, 1);
    }
    bool open = s->state != SIO_EIO_STATE_OPENING;
    if (open && s->queue_count > 0 && (s->flags & EIO_POST_RUNS) == 0) {
        return output_queue(s, out, SIO_EIO_OUTPUT_POST, post_count(s));
    }
    return (s->flags & EIO_GET_RUNS) == 0 && output_bare(out, SIO_EIO_OUTPUT_GET);
}

static bool client_closed(const sio_eio_session *s, sio_eio_output *out) {
    if ((s->flags & EIO_LAST_POST) != 0 && (s->flags & EIO_POST_RUNS) == 0) {
        return output_own(out, SIO_EIO_OUTPUT_POST, ITEM_CLOSE, 1);
    }
    return (s->flags & EIO_CLOSE_WS) != 0 && output_bare(out, SIO_EIO_OUTPUT_CLOSE);
}

static bool client_output(const sio_eio_session *s, sio_eio_output *out) {
    if (s->state == SIO_EIO_STATE_CLOSED) {
        return client_closed(s, out);
    }
    if (s->probe == EIO_PROBE_OPEN) {
        return output_own(out, SIO_EIO_OUTPUT_PROBE, ITEM_PROBE_PING, 1);
    }
    if (s->transport == SIO_EIO_POLLING) {
        return client_polling(s, out);
    }
    return s->state != SIO_EIO_STATE_OPENING && output_frames(s, out);
}

/* ---- both ---- */

bool sio_eio_session_output(const sio_eio_session *s, sio_eio_output *out) {
    if ((s->flags & EIO_CLOSE_PROBE) != 0) {
        return output_bare(out, SIO_EIO_OUTPUT_CLOSE_PROBE);
    }
    return s->role == SIO_EIO_SERVER ? server_output(s, out) : client_output(s, out);
}

bool sio_eio_session_writable(const sio_eio_session *s) {
    if (s->state != SIO_EIO_STATE_OPEN || s->queue_count > 0) {
        return false;
    }
    if (s->transport == SIO_EIO_WEBSOCKET) {
        return (s->flags & EIO_BUSY) == 0;
    }
    if (s->role == SIO_EIO_SERVER) {
        return (s->flags & EIO_POLL_HELD) != 0;
    }
    return (s->flags & EIO_POST_RUNS) == 0 && s->probe != EIO_PROBE_PAUSING;
}

static void drained(sio_eio_session *s, sio_time now) {
    if (s->queue_count > 0) {
        return;
    }
    sio_eio_event_add(s, SIO_EIO_EVENT_DRAIN);
    /* What was queued is out: from now on the close waits for a GET of its own. */
    sio_eio_linger(s, now);
    sio_eio_close_when_drained(s);
}

static void consume_batch(sio_eio_session *s, size_t count, sio_time now) {
    if (count > s->queue_count) {
        count = s->queue_count;
    }
    if (s->role == SIO_EIO_CLIENT) {
        s->in_flight = (uint32_t)count;
        return;
    }
    sio_eio_queue_drop(s, count);
    drained(s, now);
}

static void consume_frames(sio_eio_session *s, const sio_eio_output *out, sio_time now) {
    if (!out->queued) {
        s->probe_pongs--;
        return;
    }
    s->flags |= EIO_BUSY;
    consume_batch(s, out->count, now);
}

static void consume_poll(sio_eio_session *s, const sio_eio_output *out, sio_time now) {
    s->flags &= ~(uint32_t)(EIO_POLL_HELD | EIO_NOOP_DUE);
    s->answer = EIO_ANSWER_NONE;
    if (out->queued) {
        consume_batch(s, out->count, now);
    }
}

static void consume_post(sio_eio_session *s, const sio_eio_output *out, sio_time now) {
    s->flags |= EIO_POST_RUNS;
    if (out->queued) {
        consume_batch(s, out->count, now);
    } else {
        s->flags &= ~(uint32_t)EIO_LAST_POST;
    }
}

static void consume_probe(sio_eio_session *s) {
    if (s->role == SIO_EIO_SERVER) {
        s->probe_pongs--;
    } else if (s->probe == EIO_PROBE_OPEN) {
        s->probe = EIO_PROBE_SENT;
    } else {
        sio_eio_upgrade_switch(s);
    }
}

void sio_eio_session_consume(sio_eio_session *s, const sio_eio_output *out, sio_time now) {
    switch (out->kind) {
    case SIO_EIO_OUTPUT_POLL:
        consume_poll(s, out, now);
        break;
    case SIO_EIO_OUTPUT_DROP_POST:
        s->flags &= ~(uint32_t)EIO_DROP_POST;
        break;
    case SIO_EIO_OUTPUT_GET:
        s->flags |= EIO_GET_RUNS;
        break;
    case SIO_EIO_OUTPUT_POST:
        consume_post(s, out, now);
        break;
    case SIO_EIO_OUTPUT_FRAMES:
        consume_frames(s, out, now);
        break;
    case SIO_EIO_OUTPUT_CLOSE:
        s->flags &= ~(uint32_t)EIO_CLOSE_WS;
        break;
    case SIO_EIO_OUTPUT_PROBE:
        consume_probe(s);
        break;
    case SIO_EIO_OUTPUT_CLOSE_PROBE:
        s->flags &= ~(uint32_t)EIO_CLOSE_PROBE;
        break;
    default:
        break;
    }
    sio_eio_refresh(s);
}

void sio_eio_session_written(sio_eio_session *s, sio_time now) {
    /* Of a client that is busy with what went past the queue, see sio_eio_session_busy(). */
    bool flying = s->in_flight > 0 || (s->flags & EIO_BUSY) != 0;
    s->flags &= ~(uint32_t)EIO_BUSY;
    if (s->role == SIO_EIO_SERVER) {
        return;
    }
    s->flags &= ~(uint32_t)EIO_POST_RUNS;
    sio_eio_queue_drop(s, s->in_flight);
    if (flying && s->state != SIO_EIO_STATE_CLOSED) {
        drained(s, now);
    }
}

void sio_eio_session_busy(sio_eio_session *s) {
    if (s->transport == SIO_EIO_WEBSOCKET) {
        s->flags |= EIO_BUSY;
    }
}
