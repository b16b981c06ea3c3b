#include "engine_session.h"

#include "mem.h"

#include <net/log.h>
#include <net/random.h>

#include <string.h>
#include <time.h>

_Static_assert((int)SIO_SID_TEXT > (int)SIO_SID_LEN, "room for the NUL");

/* ---- life ---- */

static void on_timer(void *ctx) {
    sio_engine_session *session = ctx;
    sio_eio_session_elapsed(&session->eio, sio_loop_now(session->engine->loop));
    sio_engine_session_pump(session);
}

static void on_pump_task(void *ctx) {
    sio_engine_session *session = ctx;
    if (session->fail_error != 0) {
        sio_time now = sio_loop_now(session->engine->loop);
        sio_eio_session_transport_closed(&session->eio, session->fail_error, now);
        session->fail_error = 0;
    }
    sio_engine_session_pump(session);
}

static uint64_t wall_clock_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int copy_request(sio_engine_session *session, const sio_exchange *exchange,
                        const sio_engine_params *params) {
    const sio_mem *mem = session->engine->mem;
    const char *remote = sio_exchange_remote(exchange);
    session->remote = sio_mem_strndup(mem, remote, strlen(remote));
    if (params->has_j && params->polling) {
        session->jsonp = sio_mem_strndup(mem, params->j.ptr, params->j.len);
    }
    if (!session->remote || (params->has_j && params->polling && !session->jsonp)) {
        return SIO_ERR_NOMEM;
    }
    session->secure = sio_exchange_is_tls(exchange);
    session->issued_ms = wall_clock_ms();
    return sio_http1_head_copy(&session->request, sio_exchange_head(exchange), mem);
}

static int begin(sio_engine_session *session, const sio_exchange *exchange,
                 const sio_engine_params *params) {
    sio_engine *engine = session->engine;
    int rc = copy_request(session, exchange, params);
    if (rc == 0) {
        rc = sio_random_sid(engine->loop, session->id);
    }
    if (rc == 0) {
        rc = sio_timer_init(&session->timer, engine->loop, on_timer, session);
    }
    if (rc == 0) {
        rc = sio_eio_session_open(&session->eio, (sio_str){session->id, SIO_SID_LEN},
                                  sio_loop_now(engine->loop));
    }
    if (rc == 0) {
        rc = sio_table_put(&engine->sessions, session->id, SIO_SID_LEN, session);
    }
    return rc;
}

int sio_engine_session_new(sio_engine_session **out, sio_engine *engine,
                           const sio_exchange *exchange, const sio_engine_params *params,
                           sio_eio_transport transport) {
    sio_engine_session *session = sio_mem_zalloc(engine->mem, sizeof(*session));
    if (!session) {
        return SIO_ERR_NOMEM;
    }
    session->engine = engine;
    session->refs = 1;
    /* JSONP carries text only. */
    session->base64 = params->base64 || (params->has_j && params->polling);
    sio_list_init(&session->link);
    sio_task_init(&session->pump_task, on_pump_task, session);
    sio_eio_session_init(&session->eio, SIO_EIO_SERVER, transport, params->revision,
                         engine->options.eio);
    int rc = begin(session, exchange, params);
    if (rc != 0) {
        sio_engine_session_unref(session);
        return rc;
    }
    sio_list_push(&engine->all, &session->link);
    engine->count++;
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
    const sio_mem *mem = session->engine->mem;
    sio_task_cancel(&session->pump_task);
    sio_timer_done(&session->timer);
    sio_eio_session_free(&session->eio);
    sio_http1_head_free(session->request, mem);
    sio_mem_release(mem, session->remote);
    sio_mem_release(mem, session->jsonp);
    sio_mem_release(mem, session);
}

/* ---- what the state machine says ---- */

void sio_engine_session_announce(sio_engine_session *session) {
    const sio_engine_options *options = &session->engine->options;
    if (session->opened || session->ended) {
        return;
    }
    session->opened = true;
    options->callbacks->on_open(options->ctx, session);
}

/* The last event: out of the table, connections cut loose, the user told. */
static void end(sio_engine_session *session, const sio_eio_event *event) {
    sio_engine *engine = session->engine;
    SIO_LOG(sio_loop_log(engine->loop), SIO_LOG_DEBUG, "engine:socket", "%s closed: %s",
            session->id, sio_eio_reason_text(event->reason));
    session->ended = true;
    sio_table_remove(&engine->sessions, session->id, SIO_SID_LEN);
    sio_list_remove(&session->link);
    engine->count--;
    if (session->opened) {
        engine->options.callbacks->on_close(session->user, session, event->reason, event->error);
    }
}

static void on_event(sio_engine_session *session, const sio_eio_event *event) {
    const sio_engine_callbacks *callbacks = session->engine->options.callbacks;
    switch (event->kind) {
    case SIO_EIO_EVENT_DRAIN:
        if (callbacks->on_drain && session->opened) {
            callbacks->on_drain(session->user, session);
        }
        break;
    case SIO_EIO_EVENT_UPGRADE:
        session->ws = session->probe;
        session->probe = NULL;
        sio_ws_link_promote(session->ws);
        if (callbacks->on_upgrade && session->opened) {
            callbacks->on_upgrade(session->user, session);
        }
        break;
    case SIO_EIO_EVENT_CLOSE:
        end(session, event);
        break;
    default:
        break;
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

/* Events first: output of kind FRAMES goes to the WebSocket that UPGRADE has put in place. */
static bool step(sio_engine_session *session) {
    sio_eio_event event;
    sio_eio_output out;
    bool moved = false;
    while (sio_eio_session_next(&session->eio, &event)) {
        on_event(session, &event);
        moved = true;
    }
    if (sio_eio_session_output(&session->eio, &out)) {
        carry_out(session, &out);
        moved = true;
    }
    return moved;
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
        sio_timer_start_at(&session->timer, sio_eio_session_deadline(&session->eio));
    }
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

void sio_engine_session_deliver(sio_engine_session *session, const sio_eio_packet *packet) {
    uint8_t *data = (uint8_t *)(uintptr_t)packet->data.ptr;
    if (session->opened && !session->ended) {
        session->engine->options.callbacks->on_message(session->user, session, packet->binary, data,
                                                       packet->data.len);
    }
}

/* ---- sending ---- */

static int overflow(sio_engine_session *session) {
    SIO_LOG(sio_loop_log(session->engine->loop), SIO_LOG_WARN, "engine:socket",
            "%s does not keep up: its queue is full", session->id);
    sio_engine_session_fail(session, SIO_ERR_EIO_QUEUE_FULL);
    return SIO_ERR_EIO_QUEUE_FULL;
}

/* What may be written past the queue: nothing waits in it, and the stream has room. */
static bool is_direct(const sio_engine_session *session) {
    return sio_eio_session_direct(&session->eio) && session->ws != NULL && session->fail_error == 0;
}

static bool has_room(const sio_engine_session *session, size_t len) {
    size_t limit = session->engine->options.eio->max_queue_bytes;
    return limit == 0 || sio_ws_link_queued(session->ws) + len <= limit;
}

bool sio_engine_session_writable(const sio_engine_session *session) {
    return session->fail_error == 0 && sio_eio_session_writable(&session->eio) &&
           (!session->ws || sio_ws_link_queued(session->ws) == 0);
}

static int enqueue(sio_engine_session *session, sio_eio_message *message, unsigned flags) {
    int rc = sio_eio_session_send(&session->eio, message, flags, 0);
    if (rc == 0) {
        sio_engine_session_pump_soon(session);
    }
    return rc == SIO_ERR_EIO_QUEUE_FULL ? overflow(session) : rc;
}

static int check_sendable(sio_engine_session *session, unsigned flags) {
    if (session->ended || session->fail_error != 0) {
        return SIO_ERR_CLOSED;
    }
    bool dropped = (flags & SIO_EIO_VOLATILE) != 0 && !sio_engine_session_writable(session);
    return dropped ? SIO_ERR_DISCARDED : 0;
}

int sio_engine_session_send(sio_engine_session *session, sio_eio_message *message, unsigned flags) {
    int rc = check_sendable(session, flags);
    if (rc != 0) {
        return rc;
    }
    if (!is_direct(session)) {
        return enqueue(session, message, flags);
    }
    if (!has_room(session, sio_eio_message_data(message).len)) {
        return overflow(session);
    }
    return sio_ws_link_write_message(session->ws, message, flags);
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
    if (!has_room(session, buf->len)) {
        buf->len = 0;
        return overflow(session);
    }
    return sio_ws_link_write_buf(session->ws, buf, binary, flags);
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
        session->fail_error = err;
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

size_t sio_engine_session_queued(const sio_engine_session *session) {
    size_t stream = session->ws ? sio_ws_link_queued(session->ws) : 0;
    return sio_eio_session_queued_bytes(&session->eio) + stream;
}

const sio_http1_head *sio_engine_session_request(const sio_engine_session *session) {
    return session->request;
}

const char *sio_engine_session_remote(const sio_engine_session *session) {
    return session->remote;
}

uint64_t sio_engine_session_issued(const sio_engine_session *session) {
    return session->issued_ms;
}

bool sio_engine_session_secure(const sio_engine_session *session) {
    return session->secure;
}
