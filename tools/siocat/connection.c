/* The connection, from its beginning to the exit status. */
#include "siocat.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

enum { GOODBYE_MS = 3000 };

static void start_timer(struct event *timer, uint64_t ms) {
    const struct timeval after = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};
    event_add(timer, &after);
}

/* ---- the end ---- */

void siocat_finish(struct siocat *cat, int exit_code) {
    if (cat->finishing) {
        return;
    }
    cat->finishing = true;
    cat->exit_code = exit_code;
    siocat_input_stop(cat);
    siocat_ping_stop(cat);
    event_del(cat->deadline);
    /* From here on only the good-bye is waited for, and not for long. */
    start_timer(cat->patience, GOODBYE_MS);
    sio_client_set_reconnection(cat->client, false);
    sio_socket_disconnect(cat->socket);
}

void siocat_all_sent(struct siocat *cat) {
    bool has_no_more_to_do = !cat->set.listen && cat->set.count == 0;
    if (has_no_more_to_do || cat->exit_code != 0) {
        siocat_finish(cat, cat->exit_code);
    }
}

static void on_patience(evutil_socket_t fd, short what, void *user) {
    struct siocat *cat = user;
    if (cat->finishing) {
        sio_client_stop(cat->client);
        return;
    }
    siocat_complain(cat, "the server does not answer for %s", sio_socket_namespace(cat->socket));
    siocat_finish(cat, cat->was_connected ? SIOCAT_DISCONNECTED : SIOCAT_CONNECT);
}

static void on_deadline(evutil_socket_t fd, short what, void *user) {
    struct siocat *cat = user;
    bool only_listens = cat->set.command == SIOCAT_LISTEN && cat->set.pings == 0;
    bool done = only_listens && cat->set.count == 0 && cat->was_connected;
    siocat_finish(cat, done ? SIOCAT_OK : SIOCAT_TIME);
}

/* ---- emitting ---- */

struct emission {
    struct siocat *cat;
    uint64_t number;
    size_t len;
    char name[]; /**< of the event */
};

static void emission_ended(struct siocat *cat, uint64_t number, int status) {
    if (cat->finishing) {
        return;
    }
    if (status == SIO_ERR_TIMEOUT) {
        siocat_complain(cat, "event %llu: no acknowledgement within %.3g s",
                        (unsigned long long)number, cat->set.timeout_ms / 1000.0);
    } else if (status != 0) {
        siocat_complain(cat, "event %llu: %s", (unsigned long long)number, sio_error_text(status));
    }
    if (status != 0 && cat->exit_code == 0) {
        cat->exit_code = status == SIO_ERR_TIMEOUT ? SIOCAT_NO_ACK : SIOCAT_DISCONNECTED;
    }
    if (cat->input.started) {
        cat->input.under_way--;
        siocat_input_continue(cat);
    } else {
        siocat_all_sent(cat);
    }
}

static void on_ack(const sio_event *reply, void *user) {
    struct emission *emission = user;
    struct siocat *cat = emission->cat;
    uint64_t number = emission->number;
    if (reply->status == 0 && !cat->finishing) {
        siocat_print(cat, "ack", (sio_str){emission->name, emission->len}, number, reply->args);
    }
    free(emission);
    emission_ended(cat, number, reply->status);
}

static void on_sent(int status, void *user) {
    struct emission *emission = user;
    struct siocat *cat = emission->cat;
    uint64_t number = emission->number;
    free(emission);
    emission_ended(cat, number, status);
}

int siocat_emit(struct siocat *cat, struct siocat_message *message) {
    sio_emit_options options = SIO_EMIT_OPTIONS_INIT;
    sio_str name = sio_args_name(message->args);
    struct emission *emission = calloc(1, sizeof(*emission) + name.len + 1);
    if (!emission) {
        return SIO_ERR_NOMEM;
    }
    emission->cat = cat;
    emission->number = ++cat->emitted;
    emission->len = name.len;
    memcpy(emission->name, name.ptr, name.len);
    options.on_ack = cat->set.ack ? on_ack : NULL;
    options.on_sent = cat->set.ack ? NULL : on_sent;
    options.user = emission;
    options.timeout_ms = cat->set.timeout_ms;
    int rc = sio_socket_emit(cat->socket, emission->name, message->args, &options);
    if (rc != 0) {
        free(emission);
    }
    return rc;
}

/* ---- the socket's events ---- */

static void begin(struct siocat *cat) {
    if (cat->set.pings > 0) {
        siocat_ping_start(cat);
    } else if (cat->set.command == SIOCAT_EMIT && cat->set.arg_count == 0) {
        cat->input.started = true;
        siocat_input_continue(cat);
    } else if (cat->set.command == SIOCAT_EMIT) {
        int rc = siocat_emit(cat, &cat->message);
        if (rc != 0) {
            siocat_complain(cat, "cannot emit: %s", sio_error_text(rc));
            siocat_finish(cat, rc == SIO_ERR_RESERVED ? SIOCAT_INPUT : SIOCAT_INTERNAL);
        }
    }
}

static void on_connect(sio_socket *socket, const sio_event *event, void *user) {
    struct siocat *cat = user;
    bool again = cat->was_connected;
    if (cat->finishing) {
        return;
    }
    cat->was_connected = true;
    event_del(cat->patience);
    if (cat->set.verbose > 0) {
        siocat_complain(cat, "connected to %s over %s", sio_socket_namespace(socket),
                        sio_client_transport(cat->client));
    }
    if (!again) {
        begin(cat);
    } else if (cat->input.started) {
        siocat_input_continue(cat);
    }
}

/* The server was reached, and does not want this client. */
static bool is_refusal(const sio_event *event, const sio_client_error *error) {
    return event->status == SIO_ERR_SIO_REFUSED ||
           (error && error->stage == SIO_CLIENT_STAGE_HTTP &&
            (error->http_status == 401 || error->http_status == 403));
}

static void complain_of_connection(const struct siocat *cat, const sio_client_error *error,
                                   const char *message) {
    bool more = error && error->detail[0] != '\0' && strcmp(error->detail, message) != 0;
    siocat_complain(cat, "could not connect: %s%s%s%s%s",
                    error ? sio_client_stage_name(error->stage) : "", error ? ": " : "", message,
                    more ? ": " : "", more ? error->detail : "");
    if (error && error->err == SIO_ERR_SIO_OLD_SERVER) {
        siocat_complain(cat, "try --eio 3");
    }
}

static void on_connect_error(sio_socket *socket, const sio_event *event, void *user) {
    struct siocat *cat = user;
    const sio_client_error *error = sio_client_last_error(cat->client);
    bool refused = is_refusal(event, error);
    if (cat->finishing) {
        return;
    }
    if (refused && event->status == SIO_ERR_SIO_REFUSED) {
        siocat_complain(cat, "refused: %s%s%.*s", event->reason, event->data.len > 0 ? " " : "",
                        SIO_STR_ARG(event->data));
    } else {
        complain_of_connection(cat, error, event->reason);
    }
    if (refused || !cat->set.reconnect || !sio_socket_active(socket)) {
        siocat_finish(cat, refused ? SIOCAT_REFUSED : SIOCAT_CONNECT);
    }
}

static void on_disconnect(sio_socket *socket, const sio_event *event, void *user) {
    struct siocat *cat = user;
    if (cat->finishing) {
        return;
    }
    siocat_complain(cat, "disconnected: %s", event->reason);
    if (!cat->set.reconnect || !sio_socket_active(socket)) {
        siocat_finish(cat, SIOCAT_DISCONNECTED);
    }
}

/* The connection ended before the namespace was joined: the socket has no event for that. One that
 * was refused is not active any more, and is told of it next. */
static void on_close(sio_client *client, const sio_event *event, void *user) {
    struct siocat *cat = user;
    bool waits = sio_socket_active(cat->socket) && !sio_socket_connected(cat->socket);
    if (!cat->finishing && !cat->set.reconnect && waits) {
        siocat_complain(cat, "could not connect: %s", event->reason);
        siocat_finish(cat, SIOCAT_CONNECT);
    }
}

static void on_upgrade(sio_client *client, const sio_event *event, void *user) {
    const struct siocat *cat = user;
    if (cat->set.verbose > 0 && !cat->finishing) {
        siocat_complain(cat, "upgraded to websocket");
    }
}

static bool is_wanted(const struct siocat *cat, const sio_event *event) {
    for (size_t i = 0; i < cat->set.filter_count; i++) {
        if (sio_event_is(event, cat->set.filters[i])) {
            return true;
        }
    }
    return cat->set.filter_count == 0;
}

static void on_any(sio_socket *socket, const sio_event *event, void *user) {
    struct siocat *cat = user;
    if (cat->finishing || siocat_ping_take(cat, event)) {
        return;
    }
    bool listens = cat->set.command == SIOCAT_LISTEN && cat->set.pings == 0;
    if ((!listens && !cat->set.listen && cat->set.count == 0) || !is_wanted(cat, event)) {
        return;
    }
    siocat_print(cat, "event", event->name, 0, event->args);
    if (!cat->finishing && ++cat->seen == cat->set.count) {
        siocat_finish(cat, cat->exit_code);
    }
}

/* ---- set-up ---- */

static int new_client(struct siocat *cat) {
    cat->set.client.base = cat->base;
    cat->set.client.log = siocat_wire_log;
    cat->set.client.log_user = cat;
    cat->set.client.log_packets = true;
    int rc = sio_client_new(&cat->client, cat->set.url, &cat->set.client);
    if (rc == 0 && cat->set.query) {
        rc = sio_client_set_query(cat->client, cat->set.query);
    }
    cat->socket = rc == 0 ? sio_client_socket(cat->client, cat->set.nsp) : NULL;
    return rc == 0 && !cat->socket ? SIO_ERR_SIO_NAMESPACE : rc;
}

static int listen_to(struct siocat *cat) {
    int rc = sio_socket_on(cat->socket, "connect", on_connect, cat);
    rc = rc == 0 ? sio_socket_on(cat->socket, "connect_error", on_connect_error, cat) : rc;
    rc = rc == 0 ? sio_socket_on(cat->socket, "disconnect", on_disconnect, cat) : rc;
    rc = rc == 0 ? sio_socket_on_any(cat->socket, on_any, cat) : rc;
    rc = rc == 0 ? sio_client_on(cat->client, "close", on_close, cat) : rc;
    rc = rc == 0 ? sio_client_on(cat->client, "upgrade", on_upgrade, cat) : rc;
    return rc;
}

static int make_timers(struct siocat *cat) {
    cat->deadline = evtimer_new(cat->base, on_deadline, cat);
    cat->patience = evtimer_new(cat->base, on_patience, cat);
    return cat->deadline && cat->patience ? 0 : SIO_ERR_NOMEM;
}

static int exit_code_of(int rc) {
    switch (rc) {
    case SIO_ERR_URL:
    case SIO_ERR_INVALID:
    case SIO_ERR_SIO_NAMESPACE:
    case SIO_ERR_TLS_CONFIG:
    case SIO_ERR_UNSUPPORTED:
        return SIOCAT_USAGE;
    default:
        return SIOCAT_INTERNAL;
    }
}

void siocat_run(struct siocat *cat) {
    int rc = make_timers(cat);
    rc = rc == 0 ? new_client(cat) : rc;
    rc = rc == 0 ? listen_to(cat) : rc;
    rc = rc == 0 ? siocat_signals_open(cat) : rc;
    if (rc != 0) {
        siocat_complain(cat, "%s: %s", cat->set.url, sio_error_text(rc));
        cat->exit_code = exit_code_of(rc);
        return;
    }
    if (!cat->set.reconnect) {
        start_timer(cat->patience, cat->set.connect_timeout_ms + UINT64_C(1000));
    }
    if (cat->set.max_time_ms > 0) {
        start_timer(cat->deadline, cat->set.max_time_ms);
    }
    (void)sio_client_run(cat->client);
}
