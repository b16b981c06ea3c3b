/* The connection and its attempts: opening, losing, and the loop of reconnection. */
#include "client_state.h"

#include "options.h"
#include "socket.h"

#include "mem.h"

#include <net/random.h>

static void reconnect(sio_client *client);

/* ---- events to everyone ---- */

static void emit_plain(sio_client *client, const char *name, int status, const char *reason) {
    sio_event event = {.size = sizeof(event), .status = status, .reason = reason};
    sio_client_hand_out(client, &event, name);
}

/* Two numbers, or one when the second is zero. */
static void emit_numbers(sio_client *client, const char *name, uint32_t number, uint32_t second) {
    sio_event event = {.size = sizeof(event)};
    sio_args *args = NULL;
    if (sio_args_new(&args, client->mem) == 0 && sio_args_add_uint(args, number) == 0 &&
        (second == 0 || sio_args_add_uint(args, second) == 0)) {
        event.args = args;
    }
    sio_client_hand_out(client, &event, name);
    sio_args_unref(args);
}

/* Sockets live as long as the client, so a list may be walked while handlers run; those added
 * meanwhile come last. */
static void each_socket(sio_client *client, void (*fn)(sio_socket *socket, const void *arg),
                        const void *arg) {
    for (sio_list *at = client->sockets.next; at != &client->sockets && !client->dead;
         at = at->next) {
        fn(SIO_CONTAINER(at, sio_socket, link), arg);
    }
}

/* ---- attempts ---- */

static void attempt_free(sio_attempt *attempt) {
    sio_list_remove(&attempt->link);
    sio_cengine_free(attempt->engine);
    sio_mem_release(attempt->client->mem, attempt);
}

/* Let the engine say goodbye by itself; it is no longer ours. */
static void let_go(sio_client *client) {
    sio_attempt *attempt = client->current;
    client->current = NULL;
    if (attempt) {
        sio_cengine_close(attempt->engine);
    }
}

static void end_session(sio_client *client) {
    if (client->phase == SIO_CLIENT_OPEN) {
        if (!client->receiving) {
            sio_decoder_reset(&client->decoder);
        }
        sio_session_free(&client->session);
    }
    client->phase = SIO_CLIENT_CLOSED;
}

typedef struct failure {
    int err;
    const char *message;
} failure;

static void tell_failure(sio_socket *socket, const void *arg) {
    const failure *f = arg;
    if (socket->active && !socket->connected) {
        sio_socket_connect_failed(socket, f->err, f->message);
    }
}

static void attempt_failed(sio_client *client, int err, const char *message) {
    SIO_LOG(client->log, SIO_LOG_INFO, "socket.io-client:manager", "connect error: %s", message);
    end_session(client);
    bool in_loop = client->reconnecting;
    bool asked = client->attempt_is_asked;
    emit_plain(client, "error", err, message);
    each_socket(client, tell_failure, &(failure){err, message});
    sio_waits_end(&client->opens, err, client->mem);
    if (client->dead || client->phase != SIO_CLIENT_CLOSED) {
        return;
    }
    if (in_loop && client->reconnecting) {
        client->reconnecting = false;
        reconnect(client);
        emit_plain(client, "reconnect_error", err, message);
    } else if (!in_loop && !asked) {
        reconnect(client);
    }
}

static void ask_socket(sio_socket *socket, const void *arg) {
    if (socket->active && !socket->connected && socket->client->phase == SIO_CLIENT_OPEN) {
        sio_socket_ask(socket);
    }
}

static void on_open(void *ctx) {
    sio_attempt *attempt = ctx;
    sio_client *client = attempt->client;
    if (client->current != attempt || client->dead) {
        return;
    }
    sio_timer_stop(&client->reconnect_timer);
    (void)sio_session_init(&client->session, &client->rules->session, sio_loop_now(client->loop));
    client->phase = SIO_CLIENT_OPEN;
    sio_client_enter(client);
    emit_plain(client, "open", 0, NULL);
    each_socket(client, ask_socket, NULL);
    sio_waits_end(&client->opens, 0, client->mem);
    if (client->current == attempt && !client->dead) {
        bool again = client->reconnecting;
        uint32_t number = client->backoff.attempts;
        client->reconnecting = false;
        sio_backoff_reset(&client->backoff);
        if (again) {
            emit_numbers(client, "reconnect", number, 0);
        }
    }
    sio_client_leave(client);
}

static void on_message(void *ctx, bool binary, uint8_t *data, size_t len) {
    sio_attempt *attempt = ctx;
    sio_client *client = attempt->client;
    if (client->current == attempt && !client->dead) {
        sio_client_enter(client);
        sio_client_receive(client, binary, data, len);
        sio_client_leave(client);
    }
}

static void flush_socket(sio_socket *socket, const void *arg) {
    if (socket->connected) {
        sio_socket_flush(socket);
    }
}

/* What was kept because the ping was overdue goes out now that it has come after all. */
static void on_ping(void *ctx) {
    sio_attempt *attempt = ctx;
    sio_client *client = attempt->client;
    if (client->current == attempt && !client->dead) {
        each_socket(client, flush_socket, NULL);
        emit_plain(client, "ping", 0, NULL);
    }
}

/* The engine gives no error with "ping timeout"; whoever asks for the last one gets one. */
static void keep_error(sio_client *client, sio_eio_reason reason, const sio_cengine_error *error) {
    static const sio_cengine_error overdue = {
        .err = SIO_ERR_TIMEOUT,
        .stage = SIO_CLIENT_STAGE_TIMEOUT,
        .message = "ping timeout",
    };
    sio_client_keep_error(client, reason == SIO_EIO_REASON_PING_TIMEOUT ? &overdue : error);
}

static void retry_socket(sio_socket *socket, const void *arg) {
    sio_socket_retry(socket);
}

static void on_drain(void *ctx) {
    sio_attempt *attempt = ctx;
    sio_client *client = attempt->client;
    if (client->current == attempt && !client->dead) {
        sio_client_enter(client);
        sio_waits_end(&client->sent, 0, client->mem);
        each_socket(client, retry_socket, NULL);
        sio_client_leave(client);
    }
}

static void on_upgrade(void *ctx) {
    sio_attempt *attempt = ctx;
    sio_client *client = attempt->client;
    if (client->current == attempt && !client->dead) {
        emit_plain(client, "upgrade", 0, "websocket");
    }
}

static void on_close(void *ctx, sio_eio_reason reason, const sio_cengine_error *error) {
    sio_attempt *attempt = ctx;
    sio_client *client = attempt->client;
    bool ours = client->current == attempt;
    attempt_free(attempt);
    if (client->dead) {
        return;
    }
    sio_client_enter(client);
    if (ours) {
        int err = error ? error->err : 0;
        client->current = NULL;
        keep_error(client, reason, error);
        if (client->phase == SIO_CLIENT_OPENING) {
            attempt_failed(client, err ? err : SIO_ERR_CLOSED,
                           error ? error->message : sio_eio_reason_text(reason));
        } else {
            sio_manager_lose(client, sio_eio_reason_text(reason), err);
        }
    }
    sio_client_check_idle(client);
    sio_client_leave(client);
}

static const sio_cengine_callbacks callbacks = {
    .on_open = on_open,
    .on_message = on_message,
    .on_ping = on_ping,
    .on_upgrade = on_upgrade,
    .on_drain = on_drain,
    .on_close = on_close,
};

static int start_engine(sio_client *client, sio_attempt *attempt) {
    sio_url url = sio_client_url(client);
    sio_cengine_options options = sio_client_engine_options(client, &url, &callbacks, attempt);
    return sio_cengine_new(&attempt->engine, client->loop, &options);
}

static int start_attempt(sio_client *client) {
    sio_attempt *attempt = sio_mem_zalloc(client->mem, sizeof(*attempt));
    if (!attempt) {
        return SIO_ERR_NOMEM;
    }
    attempt->client = client;
    sio_list_init(&attempt->link);
    int rc = start_engine(client, attempt);
    if (rc != 0) {
        sio_mem_release(client->mem, attempt);
        return rc;
    }
    sio_list_push(&client->attempts, &attempt->link);
    client->current = attempt;
    return 0;
}

/* The application hears of a failure from the loop, never from inside its own call. */
static void try_to_open(sio_client *client, bool asked) {
    client->attempt_is_asked = asked;
    client->skip_reconnect = false;
    client->phase = SIO_CLIENT_OPENING;
    client->failed_error = start_attempt(client);
    if (client->failed_error != 0) {
        sio_loop_defer(client->loop, &client->failed_task);
    }
}

static void start_failed(void *ctx) {
    sio_client *client = ctx;
    if (client->phase != SIO_CLIENT_OPENING || client->current) {
        return;
    }
    sio_client_enter(client);
    sio_client_keep_error(client, &(sio_client_error){
                                      .err = client->failed_error,
                                      .stage = SIO_CLIENT_STAGE_LOCAL,
                                      .message = sio_error_text(client->failed_error),
                                  });
    attempt_failed(client, client->failed_error, sio_error_text(client->failed_error));
    sio_client_check_idle(client);
    sio_client_leave(client);
}

/* ---- losing and closing ---- */

static void tell_loss(sio_socket *socket, const void *arg) {
    const failure *f = arg;
    if (socket->active) {
        sio_socket_lost(socket, f->message, f->err);
    }
}

void sio_manager_lose(sio_client *client, const char *reason, int err) {
    SIO_LOG(client->log, SIO_LOG_INFO, "socket.io-client:manager", "closed due to %s", reason);
    end_session(client);
    let_go(client);
    /* When it was an attempt of the loop of attempts, that begins anew. */
    client->reconnecting = false;
    sio_timer_stop(&client->reconnect_timer);
    sio_backoff_reset(&client->backoff);
    emit_plain(client, "close", err, reason);
    each_socket(client, tell_loss, &(failure){err, reason});
    sio_waits_end(&client->sent, SIO_ERR_DISCONNECTED, client->mem);
    sio_waits_end(&client->opens, err ? err : SIO_ERR_CLOSED, client->mem);
    /* A handler may have connected again by itself. */
    if (!client->dead && client->phase == SIO_CLIENT_CLOSED) {
        reconnect(client);
    }
}

static void close_down(sio_client *client) {
    client->skip_reconnect = true;
    client->reconnecting = false;
    sio_backoff_reset(&client->backoff);
    sio_timer_stop(&client->reconnect_timer);
    sio_task_cancel(&client->failed_task);
    if (client->phase != SIO_CLIENT_CLOSED) {
        sio_manager_lose(client, "forced close", 0);
    }
    sio_client_check_idle(client);
}

void sio_manager_release(sio_client *client) {
    for (sio_list *at = client->sockets.next; at != &client->sockets; at = at->next) {
        if (SIO_CONTAINER(at, sio_socket, link)->active) {
            return;
        }
    }
    close_down(client);
}

/* Without a word to anybody. */
static void cut(sio_client *client) {
    end_session(client);
    client->current = NULL;
    while (!sio_list_empty(&client->attempts)) {
        attempt_free(SIO_CONTAINER(client->attempts.next, sio_attempt, link));
    }
}

/* ---- reconnecting ---- */

static bool gives_up(const sio_client *client) {
    uint32_t limit = client->reconnection_attempts;
    return limit != 0 && client->backoff.attempts >= limit;
}

static void reconnect(sio_client *client) {
    if (client->reconnecting || client->skip_reconnect || client->no_reconnection) {
        return;
    }
    if (gives_up(client)) {
        sio_backoff_reset(&client->backoff);
        emit_plain(client, "reconnect_failed", 0, NULL);
        return;
    }
    uint64_t random = 0;
    (void)sio_random_fill(client->loop, &random, sizeof(random)); /* zero: merely no jitter */
    uint32_t delay = sio_backoff_next(&client->backoff, random);
    client->reconnecting = true;
    sio_timer_start(&client->reconnect_timer, delay);
    SIO_LOG(client->log, SIO_LOG_DEBUG, "socket.io-client:manager",
            "will wait %u ms before reconnect attempt", delay);
    emit_numbers(client, "reconnect_scheduled", client->backoff.attempts, delay);
}

static void reconnect_now(void *ctx) {
    sio_client *client = ctx;
    sio_client_enter(client);
    emit_numbers(client, "reconnect_attempt", client->backoff.attempts, 0);
    if (!client->dead && !client->skip_reconnect && client->phase == SIO_CLIENT_CLOSED) {
        try_to_open(client, false);
    }
    sio_client_check_idle(client);
    sio_client_leave(client);
}

/* ---- wanting ---- */

void sio_manager_want(sio_client *client) {
    if (client->phase == SIO_CLIENT_CLOSED && !client->reconnecting) {
        try_to_open(client, false);
    }
}

int sio_client_open(sio_client *client) {
    if (client->phase != SIO_CLIENT_CLOSED) {
        return SIO_ERR_STATE;
    }
    sio_timer_stop(&client->reconnect_timer);
    try_to_open(client, false);
    return 0;
}

/* It was open already: its callbacks come from the loop too. */
static void opened(void *ctx) {
    sio_client *client = ctx;
    if (client->dead || client->phase == SIO_CLIENT_OPENING) {
        return;
    }
    sio_client_enter(client);
    sio_waits_end(&client->opens, client->phase == SIO_CLIENT_OPEN ? 0 : SIO_ERR_CLOSED,
                  client->mem);
    sio_client_leave(client);
}

int sio_client_open_then(sio_client *client, sio_done_fn fn, void *user) {
    sio_wait *wait = client->dead ? NULL : sio_wait_new(fn, user, client->mem);
    if (!wait) {
        return client->dead ? SIO_ERR_STATE : SIO_ERR_NOMEM;
    }
    sio_waits_push(&client->opens, wait);
    if (client->phase == SIO_CLIENT_OPEN) {
        sio_loop_defer(client->loop, &client->opened_task);
    } else if (client->phase == SIO_CLIENT_CLOSED) {
        sio_timer_stop(&client->reconnect_timer);
        try_to_open(client, true);
    }
    return 0;
}

void sio_client_network_lost(sio_client *client) {
    if (client->phase == SIO_CLIENT_CLOSED) {
        return;
    }
    sio_client_enter(client);
    sio_manager_lose(client, "transport close", SIO_ERR_CLOSED);
    sio_client_check_idle(client);
    sio_client_leave(client);
}

/* ---- settings of the loop of attempts ---- */

void sio_client_set_reconnection(sio_client *client, bool on) {
    client->no_reconnection = !on;
    if (!on && client->reconnecting && client->phase == SIO_CLIENT_CLOSED) {
        sio_timer_stop(&client->reconnect_timer);
        client->reconnecting = false;
        sio_backoff_reset(&client->backoff);
        sio_client_check_idle(client);
    }
}

bool sio_client_reconnection(const sio_client *client) {
    return !client->no_reconnection;
}

void sio_client_set_reconnection_attempts(sio_client *client, uint32_t attempts) {
    if (attempts == SIO_CLIENT_NO_RECONNECTION) {
        sio_client_set_reconnection(client, false);
    } else {
        client->reconnection_attempts = attempts;
    }
}

uint32_t sio_client_reconnection_attempts(const sio_client *client) {
    return client->reconnection_attempts;
}

void sio_client_set_reconnection_delay(sio_client *client, uint32_t delay_ms,
                                       uint32_t delay_max_ms) {
    client->backoff.min_ms = delay_ms ? delay_ms : client->backoff.min_ms;
    client->backoff.max_ms = delay_max_ms ? delay_max_ms : client->backoff.max_ms;
}

void sio_client_reconnection_delay(const sio_client *client, uint32_t *delay_ms,
                                   uint32_t *delay_max_ms) {
    *delay_ms = client->backoff.min_ms;
    *delay_max_ms = client->backoff.max_ms;
}

void sio_client_set_randomization_factor(sio_client *client, double factor) {
    client->backoff.jitter = factor > 0 && factor <= 1 ? factor : 0;
}

double sio_client_randomization_factor(const sio_client *client) {
    return client->backoff.jitter;
}

void sio_client_set_connect_timeout(sio_client *client, uint32_t ms) {
    client->connect_timeout_ms = ms;
}

uint32_t sio_client_connect_timeout(const sio_client *client) {
    return client->connect_timeout_ms;
}

bool sio_client_reconnecting(const sio_client *client) {
    return client->reconnecting;
}

sio_client_state sio_client_get_state(const sio_client *client) {
    return (sio_client_state)client->phase;
}

void sio_client_close(sio_client *client) {
    sio_client_enter(client);
    close_down(client);
    sio_client_leave(client);
}

int sio_manager_init(sio_client *client) {
    const sio_client_options *o = &client->rules->options;
    sio_list_init(&client->attempts);
    sio_task_init(&client->failed_task, start_failed, client);
    sio_task_init(&client->opened_task, opened, client);
    client->no_reconnection = o->reconnection_attempts == SIO_CLIENT_NO_RECONNECTION;
    sio_backoff_init(&client->backoff, o->reconnection_delay_ms, o->reconnection_delay_max_ms,
                     o->randomization_factor);
    int rc = sio_decoder_init(&client->decoder, &client->rules->decoder);
    if (rc == 0) {
        /* Now, so that it cannot fail when a connection opens. */
        rc = sio_session_init(&client->session, &client->rules->session, 0);
    }
    if (rc == 0) {
        rc = sio_timer_init(&client->reconnect_timer, client->loop, reconnect_now, client);
    }
    return rc;
}

void sio_manager_done(sio_client *client) {
    cut(client);
    sio_task_cancel(&client->failed_task);
    sio_task_cancel(&client->opened_task);
    sio_timer_done(&client->reconnect_timer);
}
