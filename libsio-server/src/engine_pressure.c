/* What waits for slow clients: the marks that tell of them, and the limits that end them.
 *
 * Every message that is queued is looked at, so the look must cost nothing while all is well: one
 * comparison with the size below which nothing can be wrong. For the limits of one session that is
 * the least of the high mark and the maximum. For the limit of the whole server it is a session's
 * fair share, the limit divided by the sessions: who has less is never blamed. And the largest
 * queue so far is part of it, because a larger one is to be remembered. */
#include "engine_session.h"
#include "shared.h"

#include <net/log.h>

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* 0 means no limit. */
static size_t limit_of(size_t value) {
    return value > 0 ? value : SIZE_MAX;
}

static size_t share_of(const sio_engine_budget *budget, size_t sessions) {
    return limit_of(budget->max) / (sessions > 0 ? sessions : 1);
}

/* Without a limit there is nothing to ask the other members for. */
static bool asks_others(const sio_engine_budget *budget) {
    return budget->max > 0 && budget->shared;
}

static size_t fair_share(const sio_engine_budget *budget) {
    return share_of(budget,
                    asks_others(budget) ? sio_shared_sessions(budget->shared) : budget->sessions);
}

void sio_engine_budget_quiet(sio_engine_budget *budget, size_t sessions, size_t largest) {
    SIO_FIGURE_SET(budget->quiet, least(share_of(budget, sessions), largest));
}

void sio_pressure_share(sio_engine *engine) {
    sio_engine_budget *budget = engine->budget;
    if (asks_others(budget)) {
        sio_shared_share(budget->shared);
    } else {
        sio_engine_budget_quiet(budget, budget->sessions,
                                (size_t)engine->counters->queue_bytes_max);
    }
}

void sio_pressure_init(sio_engine *engine) {
    const sio_queue_limits *limits = &engine->settings.queue;
    engine->quiet = least(limit_of(limits->high), limit_of(engine->eio.max_queue_bytes));
    if (limits->max_messages > 0) {
        engine->quiet = 0;
    }
    sio_pressure_share(engine);
}

/* ---- limits ---- */

static int end_slow(sio_engine_session *session, const char *why, uint64_t *counter) {
    SIO_LOG(sio_loop_log(session->engine->loop), SIO_LOG_WARN, "engine:socket",
            "%s does not keep up: %s", session->id, why);
    SIO_COUNT(session->engine->counters->slow_closed);
    SIO_COUNT(*counter);
    sio_engine_session_fail(session, SIO_ERR_EIO_QUEUE_FULL);
    return SIO_ERR_EIO_QUEUE_FULL;
}

static bool server_is_full(const sio_engine *engine, size_t len) {
    const sio_engine_budget *budget = engine->budget;
    if (budget->max == 0 || len > budget->max) {
        return budget->max > 0;
    }
    size_t queued = budget->shared ? sio_shared_queued(budget->shared)
                                   : sio_loop_queued(engine->loop) + budget->waiting;
    return queued > budget->max - len;
}

static bool has_too_many(const sio_engine_session *session) {
    uint32_t max = session->engine->settings.queue.max_messages;
    return max > 0 && sio_engine_session_queued_messages(session) >= max;
}

static void become_slow(sio_engine_session *session) {
    session->slow = true;
    SIO_COUNT(session->engine->counters->sessions_slow);
    session->slow_at = sio_loop_now(session->engine->loop);
    SIO_COUNT(session->engine->counters->slow_begun);
    SIO_LOG(sio_loop_log(session->engine->loop), SIO_LOG_INFO, "engine:socket",
            "%s is slow: its queue has passed the high mark", session->id);
    sio_engine_session_pump_soon(session); /* it tells, and starts the timer */
}

int sio_pressure_check(sio_engine_session *session, size_t total, size_t len) {
    sio_engine *engine = session->engine;
    sio_counters *counters = engine->counters;
    if (total > limit_of(engine->eio.max_queue_bytes)) {
        return end_slow(session, "max_queued_bytes are waiting", &counters->slow_over_bytes);
    }
    if (has_too_many(session)) {
        return end_slow(session, "max_queued_messages are waiting", &counters->slow_over_messages);
    }
    if (total > fair_share(engine->budget) && server_is_full(engine, len)) {
        return end_slow(session, "max_total_queued_bytes are waiting, and more than its share",
                        &counters->slow_over_total);
    }
    if (total > counters->queue_bytes_max) {
        SIO_FIGURE_SET(counters->queue_bytes_max, total);
        sio_pressure_share(engine);
    }
    if (!session->slow && total > limit_of(engine->settings.queue.high)) {
        become_slow(session);
    }
    return 0;
}

void sio_pressure_charge(sio_engine_session *session) {
    size_t bytes = sio_eio_session_queued_bytes(&session->eio);
    SIO_FIGURE_ADD(session->engine->budget->waiting, bytes - session->charged);
    session->charged = bytes;
}

/* ---- slow and not slow ---- */

void sio_pressure_forget(sio_engine_session *session) {
    if (session->slow) {
        session->slow = false;
        SIO_FIGURE_SUB(session->engine->counters->sessions_slow, 1);
    }
}

void sio_pressure_ease(sio_engine_session *session) {
    size_t low = session->engine->settings.queue.low;
    if (!session->slow) {
        return;
    }
    if (sio_engine_session_queued(session) <= low) {
        sio_pressure_forget(session);
        sio_engine_session_pump_soon(session);
    } else if (session->ws) {
        sio_ws_link_tell_low(session->ws, low);
    }
}

void sio_pressure_tell(sio_engine_session *session) {
    sio_engine *engine = session->engine;
    if (session->slow == session->slow_told || !session->opened || session->ended) {
        return;
    }
    session->slow_told = session->slow;
    if (session->slow) {
        SIO_ENGINE_TELL(engine, on_slow, session);
    } else {
        SIO_LOG(sio_loop_log(engine->loop), SIO_LOG_INFO, "engine:socket", "%s has caught up",
                session->id);
        SIO_ENGINE_TELL(engine, on_caught_up, session);
    }
}

sio_time sio_pressure_deadline(const sio_engine_session *session) {
    uint32_t timeout = session->engine->settings.queue.slow_timeout_ms;
    bool counts = session->slow && timeout > 0 && session->fail_error == 0;
    return counts ? session->slow_at + timeout : SIO_TIME_NEVER;
}

void sio_pressure_elapsed(sio_engine_session *session, sio_time now) {
    if (now >= sio_pressure_deadline(session)) {
        (void)end_slow(session, "it has been slow for slow_timeout_ms",
                       &session->engine->counters->slow_timed_out);
    }
}
