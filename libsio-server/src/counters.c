#include "counters.h"

#include "engine_session.h"
#include "server_state.h"

#include <net/clock.h>

#include <string.h>

enum { LAG_INTERVAL_MS = 1000 };

/* ---- the loop's lateness ---- */

void sio_lag_note(sio_counters *counters, uint64_t late_us) {
    SIO_FIGURE_SET(counters->loop_lag_us, late_us);
    SIO_FIGURE_ADD(counters->loop_lag_sum_us, late_us);
    SIO_COUNT(counters->loop_lag_count);
    if (late_us > counters->loop_lag_max_us) {
        SIO_FIGURE_SET(counters->loop_lag_max_us, late_us);
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
    if (lag->measured(lag->ctx)) {
        start(lag);
    }
}

int sio_lag_init(sio_lag *lag, sio_loop *loop, sio_counters *counters, bool (*measured)(void *ctx),
                 void *ctx) {
    *lag = (sio_lag){.counters = counters, .measured = measured, .ctx = ctx};
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
        SIO_COUNT(*classes[status / 100 - 1]);
    }
}

void sio_count_refusal(sio_counters *counters, int err) {
    switch (err) {
    case SIO_ERR_EIO_TRANSPORT_UNKNOWN:
        SIO_COUNT(counters->refused_transport);
        break;
    case SIO_ERR_EIO_SID_UNKNOWN:
        SIO_COUNT(counters->refused_sid);
        break;
    case SIO_ERR_EIO_BAD_METHOD:
        SIO_COUNT(counters->refused_method);
        break;
    case SIO_ERR_EIO_BAD_REQUEST:
        SIO_COUNT(counters->refused_request);
        break;
    case SIO_ERR_EIO_FORBIDDEN:
        SIO_COUNT(counters->refused_forbidden);
        break;
    case SIO_ERR_EIO_UNSUPPORTED_VERSION:
        SIO_COUNT(counters->refused_version);
        break;
    default:
        SIO_COUNT(counters->refused_internal);
        break;
    }
}

void sio_count_close(sio_counters *counters, sio_eio_reason reason) {
    switch (reason) {
    case SIO_EIO_REASON_TRANSPORT_CLOSE:
        SIO_COUNT(counters->closed_transport_close);
        break;
    case SIO_EIO_REASON_TRANSPORT_ERROR:
        SIO_COUNT(counters->closed_transport_error);
        break;
    case SIO_EIO_REASON_PING_TIMEOUT:
        SIO_COUNT(counters->closed_ping_timeout);
        break;
    case SIO_EIO_REASON_PARSE_ERROR:
        SIO_COUNT(counters->closed_parse_error);
        break;
    default:
        SIO_COUNT(counters->closed_forced);
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
            SIO_COUNT(*rows[i].counter);
            return;
        }
    }
}

/* ---- reading ---- */

static uint64_t waiting_messages(const sio_server *server) {
    uint64_t sum = 0;
    for (size_t i = 0; i < server->engine_count; i++) {
        const sio_engine *engine = server->engines[i];
        for (sio_list *at = engine->all.next; at != &engine->all; at = at->next) {
            sum += sio_engine_session_queued_messages(SIO_CONTAINER(at, sio_engine_session, link));
        }
    }
    return sum;
}

static sio_tally tally_of(const sio_server *server) {
    return (sio_tally){server->loop, &server->counters,
                       (sio_engine_budget *)(uintptr_t)&server->budget};
}

void sio_server_share(sio_server *server, sio_shared *shared) {
    sio_tally tally = tally_of(server);
    server->shared = sio_shared_ref(shared);
    server->budget.shared = shared;
    sio_shared_join(shared, server->index, &tally);
}

void sio_server_unshare(sio_server *server) {
    if (server->shared) {
        sio_shared_leave(server->shared, server->index);
        sio_shared_unref(server->shared);
    }
}

void sio_server_note_queues(sio_server *server) {
    bool empty = sio_loop_queued(server->loop) == 0 && server->budget.waiting == 0;
    SIO_FIGURE_SET(server->counters.queued_messages, empty ? 0 : waiting_messages(server));
}

static bool fits(const sio_counters *out) {
    return out->size >= sizeof(out->size) && out->size <= sizeof(*out);
}

/* As much as the caller's struct has. */
static void hand_out(sio_counters *out, sio_counters *full) {
    full->size = out->size;
    memcpy(out, full, out->size);
}

int sio_server_read_counters(const sio_server *server, sio_counters *out) {
    sio_counters full;
    if (!fits(out)) {
        return SIO_ERR_INVALID;
    }
    if (server->shared) {
        sio_shared_read(server->shared, &full);
    } else {
        sio_tally tally = tally_of(server);
        sio_tally_read(&tally, &full);
    }
    full.queued_messages -= server->counters.queued_messages; /* what the others see */
    full.queued_messages += waiting_messages(server);
    hand_out(out, &full);
    return 0;
}

int sio_server_read_member_counters(const sio_server *server, unsigned index, sio_counters *out) {
    sio_counters full;
    sio_tally tally = tally_of(server);
    if (!fits(out)) {
        return SIO_ERR_INVALID;
    }
    if (index == server->index) {
        sio_tally_read(&tally, &full);
        full.queued_messages = waiting_messages(server);
    } else if (!server->shared || sio_shared_read_one(server->shared, index, &full) != 0) {
        return SIO_ERR_NOT_FOUND;
    }
    hand_out(out, &full);
    return 0;
}

size_t sio_server_session_count(const sio_server *server) {
    return server->shared ? sio_shared_sessions(server->shared) : server->budget.sessions;
}
