#include "counters.h"

#include "engine_session.h"
#include "namespace.h"

#include <net/clock.h>

#include <string.h>

enum { LAG_INTERVAL_MS = 1000 };

/* ---- the loop's lateness ---- */

void sio_lag_note(sio_counters *counters, uint64_t late_us) {
    counters->loop_lag_us = late_us;
    counters->loop_lag_sum_us += late_us;
    counters->loop_lag_count++;
    if (late_us > counters->loop_lag_max_us) {
        counters->loop_lag_max_us = late_us;
    }
}

/* The loop's own clock is read once a turn, which is what is to be measured. */
static void start(sio_lag *lag) {
    lag->due_us = sio_clock_us() + (sio_time)LAG_INTERVAL_MS * 1000;
    sio_timer_start(&lag->timer, LAG_INTERVAL_MS);
}

static void on_lag_timer(void *ctx) {
    sio_lag *lag = ctx;
    uint64_t now = sio_clock_us();
    sio_lag_note(lag->counters, now > lag->due_us ? now - lag->due_us : 0);
    if (lag->busy(lag->ctx)) {
        start(lag);
    }
}

int sio_lag_init(sio_lag *lag, sio_loop *loop, sio_counters *counters,
                 bool (*busy)(const void *ctx), const void *ctx) {
    *lag = (sio_lag){.counters = counters, .busy = busy, .ctx = ctx};
    return sio_timer_init(&lag->timer, loop, on_lag_timer, lag);
}

void sio_lag_done(sio_lag *lag) {
    sio_timer_done(&lag->timer);
}

void sio_lag_start(sio_lag *lag) {
    if (!sio_timer_running(&lag->timer)) {
        start(lag);
    }
}

/* ---- choosing the counter ---- */

void sio_count_status(sio_counters *counters, int status) {
    uint64_t *const classes[] = {&counters->http_1xx, &counters->http_2xx, &counters->http_3xx,
                                 &counters->http_4xx, &counters->http_5xx};
    if (status >= 100 && status < 600) {
        ++*classes[status / 100 - 1];
    }
}

void sio_count_refusal(sio_counters *counters, int err) {
    switch (err) {
    case SIO_ERR_EIO_TRANSPORT_UNKNOWN:
        counters->refused_transport++;
        break;
    case SIO_ERR_EIO_SID_UNKNOWN:
        counters->refused_sid++;
        break;
    case SIO_ERR_EIO_BAD_METHOD:
        counters->refused_method++;
        break;
    case SIO_ERR_EIO_BAD_REQUEST:
        counters->refused_request++;
        break;
    case SIO_ERR_EIO_FORBIDDEN:
        counters->refused_forbidden++;
        break;
    case SIO_ERR_EIO_UNSUPPORTED_VERSION:
        counters->refused_version++;
        break;
    default:
        counters->refused_internal++;
        break;
    }
}

void sio_count_close(sio_counters *counters, sio_eio_reason reason) {
    switch (reason) {
    case SIO_EIO_REASON_TRANSPORT_CLOSE:
        counters->closed_transport_close++;
        break;
    case SIO_EIO_REASON_TRANSPORT_ERROR:
        counters->closed_transport_error++;
        break;
    case SIO_EIO_REASON_PING_TIMEOUT:
        counters->closed_ping_timeout++;
        break;
    case SIO_EIO_REASON_PARSE_ERROR:
        counters->closed_parse_error++;
        break;
    default:
        counters->closed_forced++;
        break;
    }
}

void sio_count_disconnect(sio_counters *counters, const char *reason) {
    const struct {
        const char *reason;
        uint64_t *counter;
    } rows[] = {
        {"transport close", &counters->disconnects_transport_close},
        {"transport error", &counters->disconnects_transport_error},
        {"ping timeout", &counters->disconnects_ping_timeout},
        {"parse error", &counters->disconnects_parse_error},
        {"forced close", &counters->disconnects_forced_close},
        {"forced server close", &counters->disconnects_forced_server_close},
        {"client namespace disconnect", &counters->disconnects_client},
        {"server namespace disconnect", &counters->disconnects_server},
        {"server shutting down", &counters->disconnects_shutdown},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].reason, reason) == 0) {
            ++*rows[i].counter;
            return;
        }
    }
}

/* ---- reading ---- */

static void add_session(const sio_engine_session *session, sio_counters *out) {
    out->queued_bytes += sio_engine_session_queued(session);
    out->queued_messages += sio_engine_session_queued_messages(session);
    out->sessions_slow += session->slow;
    if (sio_engine_session_transport(session) == SIO_EIO_WEBSOCKET) {
        out->sessions_websocket++;
    } else {
        out->sessions_polling++;
    }
}

static void add_sessions(const sio_engine *engine, sio_counters *out) {
    for (sio_list *at = engine->all.next; at != &engine->all; at = at->next) {
        add_session(SIO_CONTAINER(at, sio_engine_session, link), out);
    }
}

static void add_namespaces(const sio_server *server, sio_counters *out) {
    sio_table_iter it = sio_table_iter_start(&server->namespaces);
    const sio_namespace *ns;
    while ((ns = sio_table_next(&server->namespaces, &it)) != NULL) {
        out->peers += ns->peer_count;
        out->rooms += ns->rooms.by_name.count;
    }
}

int sio_server_read_counters(const sio_server *server, sio_counters *out) {
    sio_counters full = server->counters;
    if (out->size < sizeof(out->size) || out->size > sizeof(full)) {
        return SIO_ERR_INVALID;
    }
    full.handshakes_pending = server->budget.pending;
    full.connections_open = sio_loop_stream_count(server->loop);
    for (size_t i = 0; i < server->engine_count; i++) {
        add_sessions(server->engines[i], &full);
    }
    add_namespaces(server, &full);
    full.size = out->size;
    memcpy(out, &full, out->size);
    return 0;
}
