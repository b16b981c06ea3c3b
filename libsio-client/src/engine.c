#include "engine.h"

#include "engine_request.h"
#include "network.h"
#include "transport_polling.h"
#include "transport_ws.h"

#include "mem.h"

#include <net/timer.h>

#include <string.h>

/* How long the server may take to answer the last POST before the connection is cut. */
enum { GOODBYE_MS = 2000 };

static const char LOG_SCOPE[] = "engine.io-client:socket";

/* Why it failed: the first cause counts, what follows from it does not. */
typedef struct failure {
    bool known;
    sio_client_error error; /* `message` is static text */
    char *detail;           /* owned; NULL: `error.detail` is static text */
} failure;

struct sio_cengine {
    sio_loop *loop;
    const sio_mem *mem;
    const sio_cengine_callbacks *callbacks;
    void *ctx;
    sio_engine_request *request; /* NULL when there will be no more requests */
    sio_eio_config config;
    sio_eio_session eio;
    sio_timer timer;
    sio_task task;
    sio_polling *polling;
    sio_ws_client *ws;
    sio_ws_client *probe;
    sio_time connect_at; /* the attempt's deadline */
    sio_time goodbye_at; /* that of the last POST */
    uint64_t max_message;
    uint64_t max_queued;
    size_t compress_threshold;
    sio_buf scratch; /* base64 of the packet that is being decoded */
    failure failure;
    int fail_error;
    unsigned holds;
    sio_eio_reason reason;   /* once `closed` */
    sio_network_order order; /* what may still be tried, what is in use included */
    bool *websocket_worked;  /* may be NULL */
    bool no_upgrade;
    bool try_all;
    bool late; /* the attempt's deadline has passed */
    bool deflate;
    bool base64; /* no binary frames */
    bool closed; /* the session is; on_close may still wait for the last POST */
    bool ended;  /* on_close was called */
    bool freed;
    char *id; /* owned; NULL until the handshake */
};

static void hold(sio_cengine *e) {
    e->holds++;
}

/* Also once the session has its WebSocket: there are no more requests. */
static void request_free(sio_cengine *e) {
    if (e->request) {
        sio_engine_request_done(e->request);
        sio_mem_release(e->mem, e->request);
        e->request = NULL;
    }
}

static void drop(sio_cengine *e) {
    if (--e->holds > 0 || !e->freed) {
        return;
    }
    request_free(e);
    sio_buf_free(&e->scratch);
    sio_mem_release(e->mem, e->failure.detail);
    sio_mem_release(e->mem, e->id);
    sio_mem_release(e->mem, e);
}

static sio_time now_of(const sio_cengine *e) {
    return sio_loop_now(e->loop);
}

static bool is_open(const sio_cengine *e) {
    return !e->freed && !e->closed;
}

static void pump_soon(sio_cengine *e) {
    if (!e->freed) {
        sio_loop_defer(e->loop, &e->task);
    }
}

/* ---- failures ---- */

/* What goes wrong before the session is open is a failed handshake, unless it is known better. */
static sio_client_stage stage_of(const sio_cengine *e, const sio_transport_end *end) {
    sio_client_stage carried = sio_cengine_transport(e) == SIO_EIO_WEBSOCKET
                                   ? SIO_CLIENT_STAGE_WEBSOCKET
                                   : SIO_CLIENT_STAGE_HTTP;
    sio_client_stage stage = end->stage ? end->stage : sio_client_stage_of(end->err, carried);
    bool handshake = stage == SIO_CLIENT_STAGE_PROTOCOL && !e->id;
    return handshake ? SIO_CLIENT_STAGE_HANDSHAKE : stage;
}

static void note(sio_cengine *e, const sio_transport_end *end) {
    failure *f = &e->failure;
    if (f->known) {
        return;
    }
    f->known = true;
    sio_mem_release(e->mem, f->detail);
    f->detail =
        sio_mem_strndup(e->mem, end->detail, strnlen(end->detail, SIO_TRANSPORT_DETAIL - 1));
    f->error = (sio_client_error){
        .size = sizeof(f->error),
        .err = end->err,
        .stage = stage_of(e, end),
        .http_status = end->http_status,
        .sys = end->sys,
        .close_code = end->close_code,
        .transport = sio_eio_transport_name(sio_cengine_transport(e)),
        .message = end->message,
        .detail = f->detail ? f->detail : sio_error_text(end->err),
    };
}

static void note_error(sio_cengine *e, int err, const char *message) {
    note(e, &(sio_transport_end){.err = err, .message = message, .detail = sio_error_text(err)});
}

static void fail_now(sio_cengine *e, int err, const char *message) {
    note_error(e, err, message);
    sio_eio_session_transport_closed(&e->eio, err, now_of(e));
    pump_soon(e);
}

/* ---- what the session says ---- */

static void start_probe(sio_cengine *e);

static void websocket_works(sio_cengine *e, bool works) {
    if (e->websocket_worked) {
        *e->websocket_worked = works;
    }
}

static void handshake_done(sio_cengine *e, const sio_eio_packet *packet) {
    sio_eio_handshake handshake;
    char sid[SIO_EIO_SID_MAX];
    if (sio_eio_handshake_read(&handshake, sid, packet->data) == 0) {
        e->id = sio_mem_strndup(e->mem, sid, handshake.sid.len);
    }
    if (!e->id) {
        fail_now(e, SIO_ERR_NOMEM, sio_error_text(SIO_ERR_NOMEM));
        return;
    }
    e->connect_at = SIO_TIME_NEVER;
    bool on_websocket = sio_cengine_transport(e) == SIO_EIO_WEBSOCKET;
    websocket_works(e, on_websocket);
    if (on_websocket) {
        request_free(e);
    } else if (e->config.no_upgrade) {
        sio_engine_request_drop(e->request, SIO_EIO_WEBSOCKET);
    }
    SIO_LOG(sio_loop_log(e->loop), SIO_LOG_DEBUG, LOG_SCOPE, "open on %s",
            sio_eio_transport_name(sio_cengine_transport(e)));
    if (e->callbacks->on_open) {
        e->callbacks->on_open(e->ctx);
    }
}

/* The upgrade packet was written: whatever comes next is for the WebSocket. */
static void upgraded(sio_cengine *e) {
    e->ws = e->probe;
    e->probe = NULL;
    sio_polling_free(e->polling, 0);
    e->polling = NULL;
    request_free(e);
    SIO_LOG(sio_loop_log(e->loop), SIO_LOG_DEBUG, LOG_SCOPE, "upgraded to websocket");
    if (e->callbacks->on_upgrade) {
        e->callbacks->on_upgrade(e->ctx);
    }
}

static void cut(sio_cengine *e, uint64_t linger_ms);
static void start_session(sio_cengine *e, sio_eio_transport transport, int revision);

/* A session that did not open on one transport is begun on the next.
 * @return whether there is one */
static bool try_next(sio_cengine *e, const sio_eio_event *event) {
    bool open = e->id != NULL;
    if (!e->try_all || open || e->late || e->order.count < 2 ||
        event->reason == SIO_EIO_REASON_FORCED_CLOSE || e->fail_error != 0) {
        return false;
    }
    bool second = e->order.first[1] == sio_cengine_transport(e);
    e->order = (sio_network_order){.first = {e->order.first[second ? 0 : 1]}, .count = 1};
    SIO_LOG(sio_loop_log(e->loop), SIO_LOG_DEBUG, LOG_SCOPE, "trying the next transport: %s",
            sio_eio_transport_name(e->order.first[0]));
    cut(e, 0);
    int revision = sio_eio_session_revision(&e->eio);
    sio_eio_session_free(&e->eio);
    e->failure.known = false;
    start_session(e, e->order.first[0], revision);
    pump_soon(e);
    return true;
}

static void session_closed(sio_cengine *e, const sio_eio_event *event) {
    if (event->reason == SIO_EIO_REASON_TRANSPORT_ERROR) {
        websocket_works(e, false);
    }
    if (try_next(e, event)) {
        return;
    }
    e->closed = true;
    e->reason = event->reason;
    e->connect_at = SIO_TIME_NEVER;
    if (event->reason == SIO_EIO_REASON_FORCED_CLOSE) {
        e->goodbye_at = now_of(e) + GOODBYE_MS;
    }
    if (event->error == SIO_ERR_EIO_PACKET) {
        note_error(e, event->error, "server error");
    } else if (event->error != 0) {
        note_error(e, event->error, sio_error_text(event->error));
    } else {
        note(e, &(sio_transport_end){.err = SIO_ERR_CLOSED,
                                     .stage = SIO_CLIENT_STAGE_PROTOCOL,
                                     .message = "transport closed by the server",
                                     .detail = "the server closed the session"});
    }
}

static void tell(sio_cengine *e, void (*callback)(void *ctx)) {
    if (callback) {
        callback(e->ctx);
    }
}

static void take_event(sio_cengine *e, const sio_eio_event *event) {
    switch (event->kind) {
    case SIO_EIO_EVENT_PONG: /* a ping of the server */
    case SIO_EIO_EVENT_PING: /* revision 3: ours */
        tell(e, e->callbacks->on_ping);
        break;
    case SIO_EIO_EVENT_PROBE_START:
        start_probe(e);
        break;
    case SIO_EIO_EVENT_UPGRADING:
        websocket_works(e, true);
        break;
    case SIO_EIO_EVENT_UPGRADE:
        upgraded(e);
        break;
    case SIO_EIO_EVENT_PROBE_END:
        SIO_LOG(sio_loop_log(e->loop), SIO_LOG_DEBUG, LOG_SCOPE, "upgrade failed: %s",
                sio_error_text(event->error));
        break;
    case SIO_EIO_EVENT_DRAIN:
        tell(e, e->callbacks->on_drain);
        break;
    case SIO_EIO_EVENT_CLOSE:
        session_closed(e, event);
        break;
    default:
        break;
    }
}

static void take_events(sio_cengine *e) {
    sio_eio_event event;
    while (!e->freed && sio_eio_session_next(&e->eio, &event)) {
        take_event(e, &event);
    }
}

/* A packet came on the session's transport. */
static void take_packet(sio_cengine *e, const sio_eio_packet *packet) {
    sio_eio_event_kind kind = sio_eio_session_packet(&e->eio, packet, now_of(e));
    if (kind == SIO_EIO_EVENT_MESSAGE) {
        if (e->callbacks->on_message) {
            uint8_t *data = (uint8_t *)(uintptr_t)packet->data.ptr;
            e->callbacks->on_message(e->ctx, packet->binary, data, packet->data.len);
        }
        return;
    }
    if (kind == SIO_EIO_EVENT_OPEN) {
        handshake_done(e, packet);
    }
    take_events(e);
    pump_soon(e);
}

/* ---- polling ---- */

static void on_poll_packet(void *ctx, const sio_eio_packet *packet) {
    sio_cengine *e = ctx;
    if (is_open(e)) {
        hold(e);
        take_packet(e, packet);
        drop(e);
    }
}

static void on_polled(void *ctx) {
    sio_cengine *e = ctx;
    sio_eio_session_polled(&e->eio, now_of(e));
    pump_soon(e);
}

static void on_posted(void *ctx) {
    sio_cengine *e = ctx;
    sio_eio_session_written(&e->eio, now_of(e));
    pump_soon(e);
}

static void on_poll_failed(void *ctx, const sio_transport_end *end) {
    sio_cengine *e = ctx;
    e->goodbye_at = 0; /* whatever was to be said cannot be */
    if (!e->closed) {
        note(e, end);
    }
    sio_eio_session_transport_closed(&e->eio, end->err, now_of(e));
    pump_soon(e);
}

static const sio_polling_callbacks polling_callbacks = {
    .on_packet = on_poll_packet,
    .on_polled = on_polled,
    .on_posted = on_posted,
    .on_failed = on_poll_failed,
};

static int need_polling(sio_cengine *e) {
    return e->polling ? 0
                      : sio_polling_new(&e->polling, e->loop, e->request, &e->id, e->max_message,
                                        &polling_callbacks, e);
}

/* ---- WebSocket ---- */

static void on_ws_open(void *ctx, sio_ws_client *ws) {
    sio_cengine *e = ctx;
    if (ws != e->probe) {
        return;
    }
    if (sio_eio_session_probe_open(&e->eio, now_of(e)) != 0) {
        e->probe = NULL;
        sio_ws_client_close(ws);
    }
    pump_soon(e);
}

static int decode(sio_cengine *e, sio_eio_packet *packet, bool binary, sio_bytes data) {
    if (binary) {
        sio_eio_decode_binary(packet, sio_eio_session_revision(&e->eio), data);
        return 0;
    }
    return sio_eio_decode_text(packet, sio_eio_session_revision(&e->eio), data, &e->scratch);
}

static void on_ws_message(void *ctx, sio_ws_client *ws, bool binary, uint8_t *data, size_t len) {
    sio_cengine *e = ctx;
    if (!is_open(e)) {
        return;
    }
    sio_eio_packet packet;
    int rc = decode(e, &packet, binary, (sio_bytes){data, len});
    if (rc != 0) {
        fail_now(e, rc, "websocket error");
        return;
    }
    hold(e);
    if (ws == e->probe) {
        sio_eio_session_probe_packet(&e->eio, &packet, now_of(e));
        pump_soon(e);
    } else {
        take_packet(e, &packet);
    }
    drop(e);
}

static void on_ws_written(void *ctx, sio_ws_client *ws) {
    sio_cengine *e = ctx;
    if (ws == e->ws) {
        sio_eio_session_written(&e->eio, now_of(e));
        pump_soon(e);
    }
}

static void on_ws_end(void *ctx, sio_ws_client *ws, const sio_transport_end *end, bool broken) {
    sio_cengine *e = ctx;
    if (ws == e->probe) {
        e->probe = NULL;
        sio_eio_session_probe_closed(&e->eio, end->err, now_of(e));
    } else {
        e->ws = NULL;
        if (!e->closed) {
            note(e, end);
        }
        sio_eio_session_transport_closed(&e->eio, broken ? end->err : 0, now_of(e));
    }
    sio_ws_client_free(ws);
    pump_soon(e);
}

static const sio_ws_client_callbacks ws_callbacks = {
    .on_open = on_ws_open,
    .on_message = on_ws_message,
    .on_written = on_ws_written,
    .on_end = on_ws_end,
};

static int open_ws(sio_cengine *e, sio_ws_client **out) {
    sio_ws_client_options options = {
        .request = e->request,
        .sid = sio_cengine_id(e),
        .max_message = e->max_message,
        .deflate = e->deflate,
        .compress_threshold = e->compress_threshold,
        .callbacks = &ws_callbacks,
        .ctx = e,
    };
    return sio_ws_client_new(out, e->loop, &options);
}

static void start_probe(sio_cengine *e) {
    websocket_works(e, false);
    int rc = open_ws(e, &e->probe);
    if (rc != 0) {
        sio_eio_session_probe_closed(&e->eio, rc, now_of(e));
    }
}

/* ---- what the session wants written ---- */

static int carry_out(sio_cengine *e, sio_eio_output *out) {
    int rc = 0;
    switch (out->kind) {
    case SIO_EIO_OUTPUT_GET:
        rc = need_polling(e);
        return rc == 0 ? sio_polling_get(e->polling) : rc;
    case SIO_EIO_OUTPUT_POST:
        rc = need_polling(e);
        return rc == 0 ? sio_polling_post(e->polling, out->items, out->count) : rc;
    case SIO_EIO_OUTPUT_FRAMES:
        rc = e->ws ? sio_ws_client_write(e->ws, out->items, out->count) : SIO_ERR_CLOSED;
        break;
    case SIO_EIO_OUTPUT_PROBE:
        rc = e->probe ? sio_ws_client_write(e->probe, out->items, out->count) : SIO_ERR_CLOSED;
        break;
    case SIO_EIO_OUTPUT_CLOSE:
        sio_ws_client_close(e->ws);
        e->ws = NULL;
        break;
    case SIO_EIO_OUTPUT_CLOSE_PROBE:
        sio_ws_client_close(e->probe);
        e->probe = NULL;
        break;
    default:
        break;
    }
    if (rc > 0) {
        out->count = (size_t)rc; /* what is left waits until that is written */
        rc = 0;
    }
    return rc;
}

static const char *failing_message(sio_eio_output_kind kind) {
    switch (kind) {
    case SIO_EIO_OUTPUT_GET:
        return "xhr poll error";
    case SIO_EIO_OUTPUT_POST:
        return "xhr post error";
    default:
        return "websocket error";
    }
}

/* A probe that cannot be written to leaves the session as it was. */
static void output_failed(sio_cengine *e, sio_eio_output_kind kind, int err) {
    if (kind == SIO_EIO_OUTPUT_PROBE) {
        sio_ws_client_free(e->probe);
        e->probe = NULL;
        sio_eio_session_probe_closed(&e->eio, err, now_of(e));
        return;
    }
    e->goodbye_at = 0;
    note_error(e, err, failing_message(kind));
    sio_eio_session_transport_closed(&e->eio, err, now_of(e));
}

/* One piece at a time: what is confirmed may bring about an event, such as the switch to another
 * WebSocket, that the next piece relies on. */
static bool write_output(sio_cengine *e) {
    sio_eio_output out;
    if (!sio_eio_session_output(&e->eio, &out)) {
        return false;
    }
    int rc = carry_out(e, &out);
    if (rc != 0) {
        output_failed(e, out.kind, rc);
    } else {
        sio_eio_session_consume(&e->eio, &out, now_of(e));
    }
    return true;
}

/* ---- the end ---- */

/* After "forced close" on polling the server is told by a POST, which is waited for. */
static bool says_goodbye(const sio_cengine *e) {
    return e->polling && e->reason == SIO_EIO_REASON_FORCED_CLOSE && now_of(e) < e->goodbye_at &&
           sio_polling_posting(e->polling);
}

static void cut(sio_cengine *e, uint64_t linger_ms) {
    sio_polling_free(e->polling, linger_ms);
    sio_ws_client_free(e->ws);
    sio_ws_client_free(e->probe);
    e->polling = NULL;
    e->ws = NULL;
    e->probe = NULL;
}

static void finish(sio_cengine *e) {
    e->ended = true;
    sio_timer_stop(&e->timer);
    sio_task_cancel(&e->task);
    cut(e, GOODBYE_MS);
    sio_eio_session_clear(&e->eio);
    bool plain =
        e->reason == SIO_EIO_REASON_FORCED_CLOSE || e->reason == SIO_EIO_REASON_PING_TIMEOUT;
    SIO_LOG(sio_loop_log(e->loop), SIO_LOG_DEBUG, LOG_SCOPE, "closed: %s%s%s",
            sio_eio_reason_text(e->reason), plain ? "" : ": ",
            plain ? "" : e->failure.error.message);
    if (e->callbacks->on_close) {
        e->callbacks->on_close(e->ctx, e->reason, plain ? NULL : &e->failure.error);
    }
}

/* ---- the pump ---- */

static void rearm(sio_cengine *e) {
    sio_time at = sio_eio_session_deadline(&e->eio);
    if (e->connect_at < at) {
        at = e->connect_at;
    }
    if (e->closed && e->goodbye_at < at) {
        at = e->goodbye_at;
    }
    sio_timer_start_at(&e->timer, at);
}

static void begin(sio_cengine *e) {
    bool wanted = sio_eio_session_transport(&e->eio) == SIO_EIO_WEBSOCKET && !e->ws && !e->closed &&
                  sio_eio_session_state(&e->eio) == SIO_EIO_STATE_OPENING && !e->failure.known;
    int rc = wanted ? open_ws(e, &e->ws) : 0;
    if (rc != 0) {
        note_error(e, rc, "websocket error");
        sio_eio_session_transport_closed(&e->eio, rc, now_of(e));
    }
}

static void fail_if_asked(sio_cengine *e) {
    if (e->fail_error != 0 && !e->closed) {
        note_error(e, e->fail_error, "transport error");
        if (e->fail_error != SIO_ERR_EIO_QUEUE_FULL) {
            sio_ws_client_close(e->ws);
            e->ws = NULL;
        }
        sio_eio_session_transport_closed(&e->eio, e->fail_error, now_of(e));
    }
}

/* Callbacks use the session, and so there is more to do after each round. */
static void pump(void *ctx) {
    sio_cengine *e = ctx;
    if (e->ended) {
        return;
    }
    hold(e);
    fail_if_asked(e);
    begin(e);
    do {
        take_events(e);
    } while (!e->freed && write_output(e));
    if (!e->freed && e->closed && !says_goodbye(e)) {
        finish(e);
    } else if (!e->freed) {
        rearm(e);
    }
    drop(e);
}

static void on_timer(void *ctx) {
    sio_cengine *e = ctx;
    sio_time now = now_of(e);
    if (now >= e->connect_at && e->connect_at != SIO_TIME_NEVER) {
        e->connect_at = SIO_TIME_NEVER;
        e->late = true;
        fail_now(e, SIO_ERR_TIMEOUT, "timeout");
    }
    sio_eio_session_elapsed(&e->eio, now);
    pump_soon(e);
}

/* ---- sending ---- */

static bool queue_is_full(const sio_cengine *e, size_t len) {
    if (e->max_queued == 0) {
        return false;
    }
    uint64_t queued = sio_eio_session_queued_bytes(&e->eio);
    queued += e->ws ? sio_ws_client_queued(e->ws) : 0;
    return queued > e->max_queued || len > e->max_queued - queued;
}

static int check_send(sio_cengine *e, size_t len) {
    if (e->fail_error != 0) {
        return SIO_ERR_CLOSED;
    }
    if (sio_eio_session_state(&e->eio) < SIO_EIO_STATE_CLOSING && queue_is_full(e, len)) {
        sio_cengine_fail(e, SIO_ERR_EIO_QUEUE_FULL);
        return SIO_ERR_EIO_QUEUE_FULL;
    }
    return 0;
}

static int queue_message(sio_cengine *e, sio_eio_message *message, unsigned flags) {
    int rc = sio_eio_session_send(&e->eio, message, flags, 0);
    if (rc == 0) {
        pump_soon(e);
    }
    return rc;
}

int sio_cengine_send(sio_cengine *engine, sio_eio_message *message, unsigned flags) {
    int rc = check_send(engine, sio_eio_message_data(message).len);
    return rc == 0 ? queue_message(engine, message, flags) : rc;
}

static int send_direct(sio_cengine *e, sio_bytes data, bool binary, unsigned flags) {
    if ((flags & SIO_EIO_VOLATILE) != 0 && !sio_eio_session_writable(&e->eio)) {
        return SIO_ERR_DISCARDED;
    }
    int rc = sio_ws_client_write_message(e->ws, data.ptr, data.len, binary);
    if (rc == 0) {
        sio_eio_session_busy(&e->eio);
    }
    return rc;
}

static int send_taken(sio_cengine *e, sio_buf *buf, bool binary, unsigned flags) {
    sio_eio_message *message;
    int rc = sio_eio_message_take(&message, binary, buf);
    if (rc == 0) {
        rc = queue_message(e, message, flags);
        sio_eio_message_unref(message);
    }
    return rc;
}

int sio_cengine_send_buf(sio_cengine *engine, sio_buf *buf, bool binary, unsigned flags) {
    if (buf->len < SIO_EIO_HEADROOM) {
        buf->len = 0;
        return SIO_ERR_INVALID;
    }
    sio_bytes data = {buf->data + SIO_EIO_HEADROOM, buf->len - SIO_EIO_HEADROOM};
    int rc = check_send(engine, data.len);
    bool framed = !binary || !engine->base64;
    if (rc == 0 && framed && sio_eio_session_direct(&engine->eio) && engine->ws &&
        sio_ws_client_takes(engine->ws, data.len, flags)) {
        rc = send_direct(engine, data, binary, flags);
    } else if (rc == 0) {
        return send_taken(engine, buf, binary, flags);
    }
    buf->len = 0;
    return rc;
}

/* ---- ending it ---- */

void sio_cengine_close(sio_cengine *engine) {
    sio_eio_session_close(&engine->eio, false, now_of(engine));
    pump_soon(engine);
}

void sio_cengine_fail(sio_cengine *engine, int err) {
    if (engine->fail_error == 0 && !engine->closed) {
        engine->fail_error = err;
        pump_soon(engine);
    }
}

void sio_cengine_free(sio_cengine *engine) {
    sio_cengine *e = engine;
    if (!e || e->freed) {
        return;
    }
    e->freed = true;
    sio_task_cancel(&e->task);
    sio_timer_done(&e->timer);
    cut(e, 0);
    sio_eio_session_free(&e->eio);
    hold(e);
    drop(e);
}

/* ---- making it ---- */

static bool options_are_valid(const sio_cengine_options *o) {
    return o->url && o->path && o->callbacks && (o->revision == 4 || o->revision == 3) &&
           (o->header_count == 0 || o->headers) && (!o->url->tls || o->tls);
}

static void start_session(sio_cengine *e, sio_eio_transport transport, int revision) {
    e->config.no_upgrade = e->no_upgrade || transport == SIO_EIO_WEBSOCKET || e->order.count < 2;
    sio_eio_session_init(&e->eio, SIO_EIO_CLIENT, transport, revision, &e->config);
}

static bool offers(const sio_network_order *order, sio_eio_transport transport) {
    return order->first[0] == transport || (order->count > 1 && order->first[1] == transport);
}

static int choose_order(sio_cengine *e, const sio_cengine_options *o) {
    const char *wanted = o->network ? o->network->transports : NULL;
    if (wanted) {
        return sio_network_read_order(&e->order, wanted);
    }
    bool both = o->transport == SIO_EIO_POLLING && o->upgrade;
    e->order = (sio_network_order){{o->transport, SIO_EIO_WEBSOCKET}, both ? 2 : 1};
    return 0;
}

static void apply_network(sio_cengine *e, const sio_client_network *network) {
    if (network) {
        e->no_upgrade = network->no_upgrade;
        e->try_all = network->try_all_transports;
        e->deflate = e->deflate && !network->no_deflate;
        e->compress_threshold = network->compress_threshold;
    }
}

static sio_eio_transport first_transport(const sio_cengine *e, const sio_cengine_options *o) {
    bool remembered =
        o->network && o->network->remember_upgrade && o->websocket_worked && *o->websocket_worked;
    return remembered && offers(&e->order, SIO_EIO_WEBSOCKET) ? SIO_EIO_WEBSOCKET
                                                              : e->order.first[0];
}

static void init_session(sio_cengine *e, const sio_cengine_options *o) {
    e->config = (sio_eio_config)SIO_EIO_CONFIG_INIT;
    e->config.mem = e->mem;
    if (o->connect_timeout > 0) {
        e->config.upgrade_timeout =
            o->connect_timeout < UINT32_MAX ? (uint32_t)o->connect_timeout : UINT32_MAX;
    }
    start_session(e, first_transport(e, o), o->revision);
    e->connect_at = SIO_TIME_NEVER;
    e->goodbye_at = SIO_TIME_NEVER;
    sio_time now = now_of(e);
    if (o->connect_timeout > 0 && o->connect_timeout < SIO_TIME_NEVER - now) {
        e->connect_at = now + o->connect_timeout;
    }
}

static void warn_if_insecure(const sio_cengine *e, const sio_cengine_options *o) {
    if (o->url->tls && sio_tls_is_insecure(o->tls)) {
        SIO_LOG(sio_loop_log(e->loop), SIO_LOG_WARN, LOG_SCOPE,
                "TLS VERIFICATION IS OFF: anybody may be the server");
    }
}

static int request_new(sio_cengine *e, const sio_cengine_options *options) {
    e->request = sio_mem_alloc(e->mem, sizeof(*e->request));
    int rc = e->request ? sio_engine_request_init(e->request, e->loop, options) : SIO_ERR_NOMEM;
    if (rc != 0) {
        sio_mem_release(e->mem, e->request);
        e->request = NULL;
        return rc;
    }
    e->base64 = e->request->base64;
    return 0;
}

int sio_cengine_new(sio_cengine **out, sio_loop *loop, const sio_cengine_options *options) {
    if (!options_are_valid(options)) {
        return SIO_ERR_INVALID;
    }
    const sio_mem *mem = sio_loop_mem(loop);
    sio_cengine *e = sio_mem_zalloc(mem, sizeof(*e));
    if (!e) {
        return SIO_ERR_NOMEM;
    }
    e->loop = loop;
    e->mem = mem;
    e->callbacks = options->callbacks;
    e->ctx = options->ctx;
    e->max_message = options->max_message;
    e->max_queued = options->max_queued;
    e->deflate = options->deflate;
    e->compress_threshold = options->compress_threshold;
    e->websocket_worked = options->websocket_worked;
    sio_buf_init(&e->scratch, 0, mem);
    sio_task_init(&e->task, pump, e);
    apply_network(e, options->network);
    int rc = choose_order(e, options);
    init_session(e, options);
    if (rc == 0) {
        rc = request_new(e, options);
    }
    if (rc == 0) {
        rc = sio_timer_init(&e->timer, loop, on_timer, e);
    }
    if (rc != 0) {
        sio_cengine_free(e);
        return rc;
    }
    warn_if_insecure(e, options);
    pump_soon(e);
    *out = e;
    return 0;
}

/* ---- asking ---- */

const char *sio_cengine_id(const sio_cengine *engine) {
    return engine->id ? engine->id : "";
}

sio_eio_transport sio_cengine_transport(const sio_cengine *engine) {
    return sio_eio_session_transport(&engine->eio);
}

sio_eio_state sio_cengine_state(const sio_cengine *engine) {
    return sio_eio_session_state(&engine->eio);
}

bool sio_cengine_writable(const sio_cengine *engine) {
    return engine->fail_error == 0 && sio_eio_session_writable(&engine->eio);
}

bool sio_cengine_overdue(const sio_cengine *engine) {
    return sio_eio_session_overdue(&engine->eio, now_of(engine));
}
