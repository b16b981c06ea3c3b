#include "engine_session.h"

#include "mem.h"

#include <net/log.h>
#include <net/clock.h>
#include <net/random.h>

#include <string.h>

/* ---- life ---- */

static void on_timer(void *ctx) {
    sio_engine_session *session = ctx;
    sio_time now = sio_loop_now(session->engine->loop);
    sio_pressure_elapsed(session, now);
    sio_eio_session_elapsed(&session->eio, now);
    sio_engine_session_pump(session);
}

static void on_pump_task(void *ctx) {
    sio_engine_session *session = ctx;
    if (session->fail_error != 0) {
        sio_time now = sio_loop_now(session->engine->loop);
        sio_eio_session_transport_closed(&session->eio, session->fail_error, now);
        session->fail_error = 0;
    }
    sio_engine_session_ref(session);
    sio_pressure_tell(session);
    sio_engine_session_pump(session);
    sio_engine_session_unref(session);
}

static bool is_jsonp(const sio_engine_params *params) {
    return params->has_j && params->polling;
}

static int keep_request(sio_engine_session *session, const sio_exchange *exchange) {
    const char *last = sio_engine_session_jsonp(session);
    if (!last) {
        last = sio_engine_session_remote(session);
    }
    uint8_t *own = (uint8_t *)(uintptr_t)(last + strlen(last) + 1);
    bool verified = false;
    int rc = sio_exchange_certificate(&session->certificate, &verified, exchange);
    session->certificate_verified = verified;
    session->secure = sio_exchange_is_tls(exchange);
    session->issued_ms = sio_clock_wall_ms();
    return rc != 0 ? rc
                   : sio_kept_request_init(&session->request, &session->engine->forms,
                                           sio_exchange_head(exchange), own);
}

static int begin(sio_engine_session *session, const sio_exchange *exchange) {
    sio_engine *engine = session->engine;
    int rc = keep_request(session, exchange);
    if (rc == 0) {
        rc = sio_timer_init(&session->timer, engine->loop, on_timer, session);
    }
    if (rc == 0) {
        rc = sio_eio_session_open(&session->eio, (sio_str){session->id, session->id_len},
                                  sio_loop_now(engine->loop));
    }
    if (rc == 0 && engine->initial) {
        rc = sio_eio_session_send(&session->eio, engine->initial, SIO_EIO_COMPRESS, 0);
    }
    if (rc == 0) {
        rc = sio_table_put(&engine->sessions, session->id, session->id_len, session);
    }
    return rc;
}

static char *put_text(char *at, const char *text, size_t len) {
    if (len > 0) {
        memcpy(at, text, len);
    }
    at[len] = '\0';
    return at + len + 1;
}

/* With the texts that lie behind the struct. */
static int alloc(sio_engine_session **out, sio_engine *engine, const char *id,
                 const sio_exchange *exchange, const sio_engine_params *params) {
    char random[SIO_SID_LEN];
    size_t len = id ? strlen(id) : SIO_SID_LEN;
    int rc = id ? 0 : sio_random_sid(engine->loop, random);
    if (rc != 0 || len > SIO_EIO_SID_MAX) {
        return rc != 0 ? rc : SIO_ERR_INVALID;
    }
    if (!id && engine->settings.tag != '\0') {
        random[0] = engine->settings.tag;
    }
    const char *remote = sio_exchange_remote(exchange);
    size_t remote_len = strlen(remote);
    size_t jsonp_size = is_jsonp(params) ? params->j.len + 1 : 0;
    size_t own_size = sio_kept_request_size(sio_exchange_head(exchange));
    sio_engine_session *session = sio_mem_zalloc(
        engine->mem, sizeof(*session) + len + 1 + remote_len + 1 + jsonp_size + own_size);
    if (!session) {
        return SIO_ERR_NOMEM;
    }
    session->id_len = (uint16_t)len;
    session->jsonp = jsonp_size > 0;
    char *at = put_text(session->id, id ? id : random, len);
    at = put_text(at, remote, remote_len);
    if (jsonp_size > 0) {
        put_text(at, params->j.ptr, params->j.len);
    }
    *out = session;
    return 0;
}

static uint64_t *sessions_like(const sio_engine_session *session) {
    sio_counters *counters = session->engine->counters;
    return session->on_websocket ? &counters->sessions_websocket : &counters->sessions_polling;
}

int sio_engine_session_new(sio_engine_session **out, sio_engine *engine,
                           const sio_exchange *exchange, const sio_engine_params *params,
                           const char *id, sio_eio_transport transport) {
    sio_engine_session *session;
    int rc = alloc(&session, engine, id, exchange, params);
    if (rc != 0) {
        return rc;
    }
    session->engine = engine;
    session->refs = 1;
    /* JSONP carries text only. */
    session->base64 = params->base64 || session->jsonp;
    sio_list_init(&session->link);
    sio_task_init(&session->pump_task, on_pump_task, session);
    sio_eio_session_init(&session->eio, SIO_EIO_SERVER, transport, params->revision, &engine->eio);
    rc = begin(session, exchange);
    if (rc != 0) {
        sio_engine_session_unref(session);
        return rc;
    }
    sio_list_push(&engine->all, &session->link);
    engine->count++;
    session->on_websocket = transport == SIO_EIO_WEBSOCKET;
    SIO_COUNT(*sessions_like(session));
    SIO_COUNT(engine->budget->sessions);
    SIO_COUNT(engine->budget->pending);
    sio_pressure_share(engine);
    *out = session;
    return 0;
}

sio_engine_session *sio_engine_session_ref(sio_engine_session *session) {
    session->refs++;
    return session;
}

void sio_engine_session_unref(sio_engine_session *session) {
    if (!session || --session->refs != 0) {
        return;
    }
    sio_engine *engine = session->engine;
    const sio_mem *mem = engine->mem;
    SIO_FIGURE_SUB(engine->budget->waiting, session->charged);
    sio_task_cancel(&session->pump_task);
    sio_timer_done(&session->timer);
    sio_eio_session_free(&session->eio);
    sio_kept_request_done(&session->request, &engine->forms);
    sio_mem_release(mem, session->sents);
    sio_mem_release(mem, session->certificate);
    sio_mem_release(mem, session);
}

void sio_engine_session_settle(sio_engine_session *session) {
    if (!session->settled) {
        session->settled = true;
        SIO_FIGURE_SUB(session->engine->budget->pending, 1);
    }
}

/* ---- what the state machine says ---- */

void sio_engine_session_announce(sio_engine_session *session) {
    if (session->opened || session->ended) {
        return;
    }
    session->opened = true;
    if (!session->engine->settings.settles_later) {
        sio_engine_session_settle(session);
    }
    SIO_ENGINE_TELL(session->engine, on_open, session);
}

void sio_engine_session_headers(sio_engine_session *session, sio_exchange *exchange) {
    sio_buf *out = sio_exchange_late_headers(exchange);
    sio_engine_headers headers = {out};
    const sio_http1_head *request = sio_exchange_head(exchange);
    if (!session->greeted) {
        session->greeted = true;
        SIO_ENGINE_TELL(session->engine, on_initial_headers, session, request, &headers);
    }
    SIO_ENGINE_TELL(session->engine, on_headers, session, request, &headers);
}

/* ---- who waits for a message to be written ---- */

static void sent_push(sio_engine_sent_queue *queue, sio_engine_sent *sent) {
    sent->next = NULL;
    if (queue->last) {
        queue->last->next = sent;
    } else {
        queue->first = sent;
    }
    queue->last = sent;
}

static sio_engine_sent *sent_shift(sio_engine_sent_queue *queue) {
    sio_engine_sent *sent = queue->first;
    if (sent) {
        queue->first = sent->next;
        queue->last = queue->first ? queue->last : NULL;
    }
    return sent;
}

/* What `done` sends anew joins the other queue, so this ends. */
static void sent_tell(sio_engine_session *session, sio_engine_sent_queue *queue, int status) {
    sio_engine_sent *sent;
    while ((sent = sent_shift(queue)) != NULL) {
        void (*done)(void *, int) = sent->done;
        void *user = sent->user;
        sio_mem_release(session->engine->mem, sent);
        done(user, status);
    }
}

/* The batch takes its waiters along. */
static void sent_depart(sio_engine_session *session, const sio_eio_output *out) {
    sio_engine_sents *sents = session->sents;
    for (size_t i = 0; sents && out->queued && i < out->count; i++) {
        if (out->items[i].tag != 0) {
            sent_push(&sents->flying, sent_shift(&sents->waiting));
        }
    }
}

void sio_engine_session_sent(sio_engine_session *session) {
    if (session->sents) {
        sent_tell(session, &session->sents->flying, 0);
    }
}

/* ---- events ---- */

/* The last event: out of the table, connections cut loose, the user told. */
static void end(sio_engine_session *session, const sio_eio_event *event) {
    sio_engine *engine = session->engine;
    SIO_LOG(sio_loop_log(engine->loop), SIO_LOG_DEBUG, "engine:socket", "%s closed: %s",
            session->id, sio_eio_reason_text(event->reason));
    session->ended = true;
    if (session->counted) {
        sio_count_close(engine->counters, event->reason);
    }
    sio_table_remove(&engine->sessions, session->id, session->id_len);
    sio_table_settle(&engine->sessions);
    sio_list_remove(&session->link);
    engine->count--;
    SIO_FIGURE_SUB(*sessions_like(session), 1);
    SIO_FIGURE_SUB(engine->budget->sessions, 1);
    sio_pressure_forget(session);
    if (engine->closing && engine->budget->sessions == 0 && engine->budget->empty) {
        sio_loop_defer(engine->loop, engine->budget->empty);
    }
    sio_engine_session_settle(session);
    sio_pressure_share(engine);
    if (session->sents) {
        sent_tell(session, &session->sents->flying, SIO_ERR_CLOSED);
        sent_tell(session, &session->sents->waiting, SIO_ERR_CLOSED);
    }
    if (session->opened) {
        SIO_ENGINE_TELL(engine, on_close, session, event->reason, event->error);
    }
}

static void tell_created(sio_engine_session *session, const sio_eio_item *item) {
    SIO_ENGINE_TELL(session->engine, on_packet_create, session, item);
}

static void tell_control(sio_engine_session *session, sio_eio_type type) {
    tell_created(session, &(sio_eio_item){.type = (uint8_t)type, .flags = SIO_EIO_COMPRESS});
}

static void take_over(sio_engine_session *session) {
    session->ws = session->probe;
    session->probe = NULL;
    SIO_COUNT(session->engine->counters->upgrades_completed);
    SIO_FIGURE_SUB(*sessions_like(session), 1);
    session->on_websocket = true;
    SIO_COUNT(*sessions_like(session));
    sio_ws_link_promote(session->ws);
}

/* For sessions that were announced. */
static void tell_event(sio_engine_session *session, sio_eio_event_kind kind) {
    switch (kind) {
    case SIO_EIO_EVENT_PING:
        tell_control(session, SIO_EIO_PING);
        break;
    case SIO_EIO_EVENT_PONG:
        tell_control(session, SIO_EIO_PONG);
        break;
    case SIO_EIO_EVENT_HEARTBEAT:
        SIO_ENGINE_TELL(session->engine, on_heartbeat, session);
        break;
    case SIO_EIO_EVENT_DRAIN:
        SIO_ENGINE_TELL(session->engine, on_drain, session);
        break;
    case SIO_EIO_EVENT_UPGRADING:
        SIO_ENGINE_TELL(session->engine, on_upgrading, session);
        break;
    case SIO_EIO_EVENT_UPGRADE:
        SIO_ENGINE_TELL(session->engine, on_upgrade, session);
        break;
    default:
        break;
    }
}

static void on_event(sio_engine_session *session, const sio_eio_event *event) {
    if (event->kind == SIO_EIO_EVENT_CLOSE) {
        end(session, event);
        return;
    }
    SIO_FIGURE_ADD(session->engine->counters->upgrades_failed,
                   event->kind == SIO_EIO_EVENT_PROBE_END);
    if (event->kind == SIO_EIO_EVENT_UPGRADE) {
        take_over(session);
    }
    if (session->opened) {
        tell_event(session, event->kind);
    }
}

static void write_frames(sio_engine_session *session, sio_ws_link *link,
                         const sio_eio_output *out) {
    if (link && sio_ws_link_write(link, out->items, out->count) != 0) {
        sio_engine_session_fail(session, SIO_ERR_NOMEM);
    }
}

/* Each piece is confirmed before anything that may come back to this session: an answered request
 * lets the next one of its connection through. */
static void carry_out(sio_engine_session *session, const sio_eio_output *out) {
    sio_eio_session *eio = &session->eio;
    sio_time now = sio_loop_now(session->engine->loop);
    switch (out->kind) {
    case SIO_EIO_OUTPUT_POLL:
        sio_polling_answer(session, out);
        return;
    case SIO_EIO_OUTPUT_DROP_POST:
        sio_eio_session_consume(eio, out, now);
        sio_polling_drop_post(session);
        return;
    case SIO_EIO_OUTPUT_FRAMES:
        write_frames(session, session->ws, out);
        break;
    case SIO_EIO_OUTPUT_PROBE:
        write_frames(session, session->probe, out);
        break;
    case SIO_EIO_OUTPUT_CLOSE:
        sio_ws_link_close(session->ws);
        break;
    case SIO_EIO_OUTPUT_CLOSE_PROBE:
        sio_ws_link_close(session->probe);
        break;
    default:
        break;
    }
    sio_eio_session_consume(eio, out, now);
}

/* What on_flush sends joins the batch, and it may close the session: output is asked for anew. */
static bool next_output(sio_engine_session *session, sio_eio_output *out) {
    bool any = sio_eio_session_output(&session->eio, out);
    if (any && out->queued && session->opened && session->engine->watches_queue) {
        SIO_ENGINE_TELL(session->engine, on_flush, session, out->items, out->count);
        any = sio_eio_session_output(&session->eio, out);
    }
    return any;
}

/* Events first: output of kind FRAMES goes to the WebSocket that UPGRADE has put in place. */
static bool step(sio_engine_session *session) {
    sio_eio_event event;
    sio_eio_output out;
    bool moved = false;
    while (sio_eio_session_next(&session->eio, &event)) {
        on_event(session, &event);
        moved = true;
    }
    if (next_output(session, &out)) {
        sent_depart(session, &out);
        carry_out(session, &out);
        moved = true;
    }
    return moved;
}

static void set_timer(sio_engine_session *session) {
    sio_time session_due = sio_eio_session_deadline(&session->eio);
    sio_time slow_due = sio_pressure_deadline(session);
    sio_timer_start_at(&session->timer, session_due < slow_due ? session_due : slow_due);
}

void sio_engine_session_pump(sio_engine_session *session) {
    if (session->pumping) {
        return; /* the one that runs sees everything */
    }
    session->pumping = true;
    sio_engine_session_ref(session);
    while (step(session)) {
    }
    session->pumping = false;
    bool done = session->ended;
    if (done) {
        sio_timer_stop(&session->timer);
        sio_eio_session_clear(&session->eio);
        sio_polling_end(session);
        sio_ws_link_abort(session->ws);
        sio_ws_link_abort(session->probe);
    } else {
        sio_pressure_ease(session);
        set_timer(session);
    }
    sio_pressure_charge(session);
    sio_engine_session_unref(session);
    if (done && !session->released) {
        session->released = true;
        sio_engine_session_unref(session);
    }
}

void sio_engine_session_pump_soon(sio_engine_session *session) {
    if (!session->ended) {
        sio_loop_defer(session->engine->loop, &session->pump_task);
    }
}

void sio_engine_session_end_now(sio_engine_session *session) {
    sio_eio_event event;
    sio_engine_session_ref(session);
    sio_engine_session_close(session, true);
    while (!session->ended && sio_eio_session_next(&session->eio, &event)) {
        on_event(session, &event);
    }
    sio_engine_session_unref(session);
}

/* A message came in: to the engine's users, unless one that came before it was lost. */
static void deliver(sio_engine_session *session, const sio_eio_packet *packet) {
    uint8_t *data = (uint8_t *)(uintptr_t)packet->data.ptr;
    sio_engine *engine = session->engine;
    sio_engine_listener *listener = session->opened ? engine->listeners : NULL;
    for (; listener && !session->ended && session->fail_error == 0; listener = listener->next) {
        if (listener->callbacks.on_message) {
            listener->callbacks.on_message(session, packet->binary, data, packet->data.len,
                                           listener->user);
        }
    }
}

void sio_engine_session_receive(sio_engine_session *session, const sio_eio_packet *packet,
                                bool more) {
    sio_engine *engine = session->engine;
    if (engine->watches_packets && session->opened &&
        sio_eio_session_state(&session->eio) == SIO_EIO_STATE_OPEN) {
        SIO_ENGINE_TELL(engine, on_packet, session, packet);
    }
    sio_time now = sio_loop_now(engine->loop);
    if (sio_eio_session_packet(&session->eio, packet, now) == SIO_EIO_EVENT_MESSAGE) {
        session->more = more;
        deliver(session, packet);
    } else {
        sio_engine_session_pump(session);
    }
}

/* ---- sending ---- */

/* What may be written past the queue: nothing waits in it, and the stream has room. */
static bool is_direct(const sio_engine_session *session) {
    return sio_eio_session_direct(&session->eio) && session->ws != NULL &&
           session->fail_error == 0 && !session->engine->watches_queue;
}

bool sio_engine_session_writable(const sio_engine_session *session) {
    return session->fail_error == 0 && sio_eio_session_writable(&session->eio) &&
           (!session->ws || sio_ws_link_queued(session->ws) == 0);
}

/* `sent` NULL: nobody waits. */
static int enqueue(sio_engine_session *session, sio_eio_message *message, unsigned flags,
                   sio_engine_sent *sent) {
    uint32_t tag = sent ? 1 : 0;
    size_t len = sio_eio_message_data(message).len;
    int rc = sio_pressure_admit(session, sio_engine_session_queued(session) + len, len);
    if (rc == 0) {
        rc = sio_eio_session_send(&session->eio, message, flags, tag);
    }
    if (rc == 0) {
        sio_pressure_charge(session);
        if (sent) {
            sent_push(&session->sents->waiting, sent);
        }
        sio_engine_session_pump_soon(session);
        tell_created(session, &(sio_eio_item){message, SIO_EIO_MESSAGE, (uint8_t)flags, 0, tag});
    }
    return rc;
}

static int check_sendable(sio_engine_session *session, unsigned flags) {
    if (session->ended || session->fail_error != 0) {
        return SIO_ERR_CLOSED;
    }
    if ((flags & SIO_EIO_VOLATILE) == 0 || sio_engine_session_writable(session)) {
        return 0;
    }
    SIO_COUNT(session->engine->counters->volatile_dropped);
    return SIO_ERR_DISCARDED;
}

int sio_engine_session_send(sio_engine_session *session, sio_eio_message *message, unsigned flags) {
    int rc = check_sendable(session, flags);
    if (rc != 0) {
        return rc;
    }
    if (!is_direct(session)) {
        return enqueue(session, message, flags, NULL);
    }
    size_t len = sio_eio_message_data(message).len;
    rc = sio_pressure_admit(session, sio_ws_link_queued(session->ws) + len, len);
    return rc != 0 ? rc : sio_ws_link_write_message(session->ws, message, flags);
}

static int enqueue_buf(sio_engine_session *session, sio_buf *buf, bool binary, unsigned flags) {
    sio_eio_message *message;
    int rc = sio_eio_message_take(&message, binary, buf);
    if (rc == 0) {
        rc = sio_engine_session_send(session, message, flags & ~(unsigned)SIO_EIO_VOLATILE);
        sio_eio_message_unref(message);
    }
    return rc;
}

int sio_engine_session_send_buf(sio_engine_session *session, sio_buf *buf, bool binary,
                                unsigned flags) {
    int rc = check_sendable(session, flags);
    if (rc != 0) {
        buf->len = 0;
        return rc;
    }
    if (!is_direct(session)) {
        return enqueue_buf(session, buf, binary, flags);
    }
    rc = sio_pressure_admit(session, sio_ws_link_queued(session->ws) + buf->len, buf->len);
    if (rc != 0) {
        buf->len = 0;
        return rc;
    }
    return sio_ws_link_write_buf(session->ws, buf, binary, flags);
}

/* ---- sending, as the public header has it ---- */

static bool has_sents(sio_engine_session *session) {
    if (!session->sents) {
        session->sents = sio_mem_zalloc(session->engine->mem, sizeof(*session->sents));
    }
    return session->sents != NULL;
}

/* Past the queue there is no batch whose end could be told. */
static int send_tracked(sio_engine_session *session, sio_eio_message *message, unsigned flags,
                        const sio_engine_send_options *options) {
    int rc = check_sendable(session, flags);
    if (rc != 0) {
        return rc;
    }
    const sio_mem *mem = session->engine->mem;
    sio_engine_sent *sent = has_sents(session) ? sio_mem_alloc(mem, sizeof(*sent)) : NULL;
    if (!sent) {
        return SIO_ERR_NOMEM;
    }
    *sent = (sio_engine_sent){NULL, options->done, options->user};
    rc = enqueue(session, message, flags & ~(unsigned)SIO_EIO_VOLATILE, sent);
    if (rc != 0) {
        sio_mem_release(mem, sent);
    }
    return rc;
}

int sio_engine_session_send_shared(sio_engine_session *session, sio_eio_message *message,
                                   const sio_engine_send_options *options) {
    unsigned flags = SIO_EIO_COMPRESS;
    if (options) {
        if (options->size != sizeof(*options)) {
            return SIO_ERR_INVALID;
        }
        flags = (options->no_compress ? 0u : (unsigned)SIO_EIO_COMPRESS) |
                (options->is_volatile ? (unsigned)SIO_EIO_VOLATILE : 0u);
    }
    return options && options->done ? send_tracked(session, message, flags, options)
                                    : sio_engine_session_send(session, message, flags);
}

static int send_copy(sio_engine_session *session, bool binary, const void *data, size_t len,
                     const sio_engine_send_options *options) {
    sio_eio_message *message;
    int rc = sio_eio_message_new(&message, binary, data, len, session->engine->mem);
    if (rc == 0) {
        rc = sio_engine_session_send_shared(session, message, options);
        sio_eio_message_unref(message);
    }
    return rc;
}

int sio_engine_session_send_text(sio_engine_session *session, sio_str text,
                                 const sio_engine_send_options *options) {
    return send_copy(session, false, text.ptr, text.len, options);
}

int sio_engine_session_send_binary(sio_engine_session *session, sio_bytes data,
                                   const sio_engine_send_options *options) {
    return send_copy(session, true, data.ptr, data.len, options);
}

/* ---- closing ---- */

void sio_engine_session_close(sio_engine_session *session, bool discard) {
    if (!session->ended) {
        sio_eio_session_close(&session->eio, discard, sio_loop_now(session->engine->loop));
        sio_engine_session_pump(session);
    }
}

void sio_engine_session_fail(sio_engine_session *session, int err) {
    if (!session->ended && session->fail_error == 0) {
        session->fail_error = (int16_t)err;
        sio_loop_defer(session->engine->loop, &session->pump_task);
    }
}

/* ---- asking ---- */

void sio_engine_session_set_user(sio_engine_session *session, void *user) {
    session->user = user;
}

void *sio_engine_session_user(const sio_engine_session *session) {
    return session->user;
}

const char *sio_engine_session_id(const sio_engine_session *session) {
    return session->id;
}

int sio_engine_session_revision(const sio_engine_session *session) {
    return sio_eio_session_revision(&session->eio);
}

sio_eio_transport sio_engine_session_transport(const sio_engine_session *session) {
    return sio_eio_session_transport(&session->eio);
}

sio_eio_state sio_engine_session_state(const sio_engine_session *session) {
    return sio_eio_session_state(&session->eio);
}

bool sio_engine_session_more(const sio_engine_session *session) {
    return session->more;
}

size_t sio_engine_session_queued(const sio_engine_session *session) {
    size_t stream = session->ws ? sio_ws_link_queued(session->ws) : 0;
    return sio_eio_session_queued_bytes(&session->eio) + stream;
}

size_t sio_engine_session_queued_messages(const sio_engine_session *session) {
    size_t written = session->ws ? sio_ws_link_messages(session->ws) : 0;
    return sio_eio_session_queued(&session->eio) + written;
}

const sio_eio_item *sio_engine_session_queue(const sio_engine_session *session, size_t *count) {
    return sio_eio_session_queue(&session->eio, count);
}

bool sio_engine_session_upgrading(const sio_engine_session *session) {
    return sio_eio_session_upgrading(&session->eio);
}

bool sio_engine_session_upgraded(const sio_engine_session *session) {
    return sio_eio_session_upgraded(&session->eio);
}

const sio_http1_head *sio_engine_session_request(const sio_engine_session *session) {
    /* Making it whole changes nothing that could be seen. */
    sio_engine_session *owner = (sio_engine_session *)(uintptr_t)session;
    return sio_kept_request_head(&owner->request, session->engine->mem);
}

const char *sio_engine_session_remote(const sio_engine_session *session) {
    return session->id + session->id_len + 1;
}

const char *sio_engine_session_jsonp(const sio_engine_session *session) {
    const char *remote = sio_engine_session_remote(session);
    return session->jsonp ? remote + strlen(remote) + 1 : NULL;
}

uint64_t sio_engine_session_issued(const sio_engine_session *session) {
    return session->issued_ms;
}

const char *sio_engine_session_certificate(const sio_engine_session *session, bool *verified) {
    if (verified) {
        *verified = session->certificate_verified;
    }
    return session->certificate;
}

bool sio_engine_session_secure(const sio_engine_session *session) {
    return session->secure;
}
