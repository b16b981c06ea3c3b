/* The clients' application: what its handlers check, and what it does by itself. */
#include "world.h"

#include <stdlib.h>
#include <string.h>

enum { RETRY_QUEUE = 12, KEPT = 30 };

static sim_rng *rng(void) {
    return &world.rng;
}

/* ---- sending ---- */

/* Events that came before the answer to CONNECT are handed out before `connect`, and what was kept
 * is sent, or fails to be. A handler of either may end the connection again. */
static void note_connected(sim_seat *seat) {
    sio_socket *socket = seat->socket;
    if (socket && !seat->connected && sio_socket_connected(socket)) {
        sim_trace("seat %u: is connected as %s%s", seat->number, sio_socket_id(socket),
                  sio_socket_recovered(socket) ? ", recovered" : "");
        sim_seat_connected(seat, sim_lane_find(seat, sio_socket_id(socket)),
                           sio_socket_recovered(socket));
        world.connects++;
        seat->leaves = false;
    }
}

static void on_reply(const sio_event *reply, void *user) {
    sim_ack_record *record = user;
    sim_actor *actor = record->actor;
    actor->awaited--;
    sim_ack_ended(record, reply);
    if (actor->client) {
        note_connected(record->seat);
    }
    if (actor->client && world.storm && sim_chance(rng(), 20)) {
        sim_client_do_something(actor, record->seat);
    }
}

static void on_sent(int status, void *user) {
    sim_ack_record *record = user;
    SIM_CHECK(!record->sent_ended, "event %llu: on_sent came twice",
              (unsigned long long)record->id);
    record->sent_ended = true;
}

static void emit(sim_seat *seat, bool wants_ack, uint32_t timeout_ms, bool is_volatile,
                 bool wants_sent) {
    sim_actor *actor = seat->actor;
    uint64_t id = ++world.ids;
    sio_emit_options options = SIO_EMIT_OPTIONS_INIT;
    if (seat->retries && timeout_ms > 0) {
        timeout_ms += 8000; /* an answer takes up to 3 s, and must be in time once */
    }
    sim_ack_record *record = sim_ack_new(actor, seat, NULL, id, timeout_ms);
    options.user = record;
    options.is_volatile = is_volatile && !seat->retries;
    options.on_ack = wants_ack ? on_reply : NULL;
    options.on_sent = wants_sent && !seat->retries ? on_sent : NULL;
    options.timeout_ms = timeout_ms;
    record->wants_sent = options.on_sent != NULL;
    record->ended = !wants_ack;
    actor->awaited += wants_ack;
    sio_args *args = sim_payload(id);
    bool connected = sio_socket_connected(seat->socket);
    uint32_t kept = sio_socket_kept(seat->socket);
    sim_up_sent(seat, id, options.is_volatile);
    int rc = sio_socket_emit(seat->socket, "up", args, &options);
    sio_args_unref(args);
    record->kept = rc == 0 && seat->socket && sio_socket_kept(seat->socket) > kept;
    SIM_CHECK(rc != 0 || connected || !options.is_volatile, "event %llu: is volatile, and was kept",
              (unsigned long long)id);
    sim_trace("seat %u: sends %llu: %d", seat->number, (unsigned long long)id, rc);
    if (rc != 0) {
        SIM_CHECK(!wants_ack || !record->ended, "event %llu: acknowledged and refused",
                  (unsigned long long)id);
        SIM_CHECK(!record->sent_ended, "event %llu: sent and refused", (unsigned long long)id);
        actor->awaited -= wants_ack;
        record->ended = record->sent_ended = true;
        sim_up_refused(seat, id);
    }
}

/* ---- handlers ---- */

static void answer(sio_ack *ack, uint64_t id) {
    sio_args *args = sim_payload(id);
    int rc = sio_ack_send(ack, args);
    sio_args_unref(args);
    bool short_of = rc == SIO_ERR_NOMEM || rc == SIO_ERR_RANDOM;
    SIM_CHECK(rc == 0 || rc == SIO_ERR_DISCONNECTED || short_of || rc == SIO_ERR_EIO_QUEUE_FULL,
              "event %llu: cannot be acknowledged: %d", (unsigned long long)id, rc);
    if (short_of) {
        sim_ack_unanswered(id);
    }
}

static void answer_later(sim_later *later) {
    answer(later->ack, later->id);
    sio_ack_unref(later->ack);
}

static void on_down(sio_socket *socket, const sio_event *ev, void *user) {
    sim_seat *seat = user;
    sim_actor *actor = seat->actor;
    uint64_t id = (uint64_t)sio_event_int(ev, 0);
    note_connected(seat);
    sim_trace("seat %u: gets %llu", seat->number, (unsigned long long)id);
    sim_payload_check(ev, id, world.plan.recovery, actor->memory_failed, "down");
    sim_down_arrived(seat, id);
    sio_ack *kept;
    if (ev->ack && sim_chance(rng(), 30) && sio_ack_ref(&kept, ev->ack) == 0) {
        sim_later *later = sim_later_new(answer_later, sim_below(rng(), 3000000));
        later->ack = kept;
        later->id = id;
    } else if (ev->ack) {
        answer(ev->ack, id);
    }
    if (world.storm && sim_chance(rng(), 20)) {
        sim_client_do_something(actor, seat);
    }
}

static void on_connect(sio_socket *socket, const sio_event *ev, void *user) {
    sim_seat *seat = user;
    SIM_CHECK(sio_socket_connected(socket), "seat %u: is not connected", seat->number);
    SIM_CHECK(!seat->told, "seat %u: connect came twice", seat->number);
    note_connected(seat);
    seat->told = true;
    SIM_CHECK(sio_socket_kept(socket) == 0 || seat->actor->memory_failed || world.plan.fault_us > 0,
              "seat %u: is connected, and still keeps events", seat->number);
    if (world.storm && sim_chance(rng(), 50)) {
        emit(seat, false, 0, false, false);
    }
    if (seat->socket && world.storm && sim_chance(rng(), 20)) {
        sim_client_do_something(seat->actor, seat);
    }
}

static bool is_reason(const char *reason) {
    static const char *const reasons[] = {
        "io server disconnect", "io client disconnect", "ping timeout", "transport close",
        "transport error",      "parse error",          "forced close",
    };
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (strcmp(reason, reasons[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void on_disconnect(sio_socket *socket, const sio_event *ev, void *user) {
    sim_seat *seat = user;
    sim_trace("seat %u: is disconnected: %s", seat->number, ev->reason);
    SIM_CHECK(is_reason(ev->reason), "seat %u: a reason is \"%s\"", seat->number, ev->reason);
    SIM_CHECK(!sio_socket_connected(socket), "seat %u: is connected still", seat->number);
    SIM_CHECK(!world.quiet, "seat %u: %s, though all is quiet", seat->number, ev->reason);
    bool by_itself =
        !seat->leaves && !seat->lane->dismissed &&
        (strcmp(ev->reason, "ping timeout") == 0 || strcmp(ev->reason, "transport error") == 0 ||
         strcmp(ev->reason, "parse error") == 0);
    seat->leaves = false;
    SIM_CHECK(!by_itself || world.plan.fault_us > 0, "seat %u: %s, though nothing was disturbed",
              seat->number, ev->reason);
    sim_seat_disconnected(seat);
    if (world.storm && sim_chance(rng(), 30)) {
        sim_client_do_something(seat->actor, seat);
    }
}

static void on_connect_error(sio_socket *socket, const sio_event *ev, void *user) {
    sim_seat *seat = user;
    sim_trace("seat %u: cannot connect: %d %s", seat->number, ev->status, ev->reason);
    SIM_CHECK(!seat->connected, "seat %u: connect_error while it is connected", seat->number);
    SIM_CHECK(!world.quiet, "seat %u: connect_error though all is quiet", seat->number);
    if (world.storm && sim_chance(rng(), 20)) {
        sim_client_do_something(seat->actor, seat);
    }
}

static void on_leaving(sio_socket *socket, const sio_event *ev, void *user) {
    sim_up_left(user, (uint64_t)sio_event_int(ev, 0));
}

/* The delays of reconnection begin anew with each connection, and after its end. */
static void on_begin_anew(sio_client *client, const sio_event *ev, void *user) {
    sim_actor *actor = user;
    actor->attempts = 0;
}

/* ---- life ---- */

static void log_line(const char *scope, const char *text, void *user) {
    const sim_actor *actor = user;
    sim_trace("actor %u: %s: %s", actor->number, scope, text);
}

/* @return whether all handlers are set: memory may be short */
static bool set_up(sim_seat *seat) {
    sio_socket *socket = seat->socket;
    return sio_socket_on(socket, "connect", on_connect, seat) == 0 &&
           sio_socket_on(socket, "disconnect", on_disconnect, seat) == 0 &&
           sio_socket_on(socket, "connect_error", on_connect_error, seat) == 0 &&
           sio_socket_on(socket, "down", on_down, seat) == 0 &&
           (!seat->watched || sio_socket_on_any_outgoing(socket, on_leaving, seat) == 0);
}

/* Engine.IO 4: the server pings, waits for the pong, and pings again after the interval. */
static void on_ping(sio_client *client, const sio_event *ev, void *user) {
    sim_actor *actor = user;
    uint64_t now = sim_now_us(), interval = sim_ping_interval_ms() * 1000;
    /* With polling a pong may need a connection of its own first. */
    uint64_t slack = 10 * sim_one_way_us() + 200000;
    const sim_link *link = &world.plan.link;
    if (link->read_max > 0) {
        slack += (uint64_t)link->read_delay_us * 1000 / link->read_max; /* heads in small pieces */
    }
    if (world.quiet && actor->pinged_us > 0 && actor->eio == 4) {
        uint64_t gap = now - actor->pinged_us;
        SIM_CHECK(gap + slack >= interval && gap <= interval + slack,
                  "actor %u: a ping after %.3f s, not %.3f s", actor->number, (double)gap / 1e6,
                  (double)interval / 1e6);
    }
    actor->pinged_us = world.quiet ? now : 0;
}

/* 1 s, doubled up to 5 s, each varied by half of itself. */
static void on_scheduled(sio_client *client, const sio_event *ev, void *user) {
    sim_actor *actor = user;
    int64_t attempt = sio_event_int(ev, 0), ms = sio_event_int(ev, 1);
    int64_t base = attempt > 3 ? 5000 : attempt < 1 ? 0 : (int64_t)1000 << (attempt - 1);
    SIM_CHECK(actor->memory_failed ||
                  (attempt >= 1 && ms >= base / 2 - 1 && ms <= base * 3 / 2 + 1 && ms <= 5000),
              "actor %u: waits %lld ms before attempt %lld", actor->number, (long long)ms,
              (long long)attempt);
    SIM_CHECK(attempt <= ++actor->attempts, "actor %u: counts %lld attempts, not %u", actor->number,
              (long long)attempt, actor->attempts);
}

static int make_client(sim_actor *actor) {
    char query[32];
    sio_client_options options = SIO_CLIENT_OPTIONS_INIT;
    snprintf(query, sizeof(query), "who=%u", actor->number);
    options.mem = &actor->memory->mem;
    options.transports = actor->transports;
    options.eio_version = actor->eio;
    options.query = query;
    options.parser = world.plan.msgpack ? SIO_PARSER_MSGPACK : SIO_PARSER_DEFAULT;
    options.log = sim_is_verbose() ? log_line : NULL;
    options.log_user = actor;
    return sio_client_new(&actor->client, "http://" SIM_NAME ":80", &options);
}

void sim_actor_short(sim_actor *actor, bool on) {
    actor->memory_failed = on;
    for (unsigned s = 0; s < actor->seat_count; s++) {
        actor->seats[s].forgetful = on;
    }
}

void sim_actor_start(sim_actor *actor) {
    actor->lives++;
    actor->closed = false;
    sim_actor_short(actor, false);
    actor->memory =
        sim_grave_new("actor", actor->number, world.seed + actor->number * 1000 + actor->lives);
    int rc = make_client(actor);
    sim_trace("actor %u: starts: %d", actor->number, rc);
    if (rc != 0) {
        SIM_CHECK(rc == SIO_ERR_RANDOM || rc == SIO_ERR_NOMEM, "actor %u: cannot be made: %d",
                  actor->number, rc);
        actor->client = NULL;
        return;
    }
    actor->pinged_us = 0;
    actor->attempts = 0;
    actor->fresh = world.plan.fault_us == 0;
    if (sio_client_on(actor->client, "ping", on_ping, actor) != 0 ||
        sio_client_on(actor->client, "open", on_begin_anew, actor) != 0 ||
        sio_client_on(actor->client, "close", on_begin_anew, actor) != 0 ||
        sio_client_on(actor->client, "reconnect_scheduled", on_scheduled, actor) != 0) {
        sim_actor_free(actor);
        return;
    }
    for (unsigned s = 0; s < actor->seat_count; s++) {
        sim_seat *seat = &actor->seats[s];
        seat->socket = sio_client_socket(actor->client, seat->nsp);
        if (!seat->socket || !set_up(seat)) {
            sim_actor_free(actor);
            return;
        }
        sio_socket_set_retries(seat->socket, seat->retries ? UINT32_MAX : 0);
    }
}

void sim_actor_free(sim_actor *actor) {
    sio_client *client = actor->client;
    if (!client) {
        return;
    }
    sim_trace("actor %u: is freed", actor->number);
    actor->client = NULL;
    sio_client_free(client);
    SIM_CHECK(actor->awaited == 0, "actor %u: is freed, and %u acknowledgements never ended",
              actor->number, actor->awaited);
    for (unsigned s = 0; s < actor->seat_count; s++) {
        sim_seat_freed(&actor->seats[s]);
    }
}

/* What happens to its connection is its own doing now. */
static void leave(sim_actor *actor) {
    for (unsigned s = 0; s < actor->seat_count; s++) {
        actor->seats[s].leaves = true;
    }
}

void sim_actor_want(sim_actor *actor) {
    if (!actor->client) {
        sim_actor_start(actor);
    }
    SIM_CHECK(actor->client, "actor %u: cannot be made", actor->number);
    sio_client_set_reconnection(actor->client, true);
    if (actor->closed || (!sio_client_reconnecting(actor->client) &&
                          sio_client_get_state(actor->client) == SIO_CLIENT_STATE_CLOSED)) {
        actor->closed = false;
        sio_client_open(actor->client);
    }
    for (unsigned s = 0; s < actor->seat_count; s++) {
        if (!sio_socket_active(actor->seats[s].socket)) {
            sio_socket_connect(actor->seats[s].socket);
        }
    }
}

void sim_actor_renew(sim_actor *actor) {
    sim_trace("actor %u: connects anew", actor->number);
    leave(actor);
    actor->fresh = true;
    sio_client_close(actor->client);
    sio_client_open(actor->client);
}

void sim_actor_check_calm(const sim_actor *actor) {
    const char *transport = sio_client_transport(actor->client);
    bool polls = actor->transports == SIO_CLIENT_POLLING;
    SIM_CHECK(transport && strcmp(transport, polls ? "polling" : "websocket") == 0,
              "actor %u: uses %s", actor->number, transport ? transport : "nothing");
    SIM_CHECK(!world.quiet || actor->eio == 3 ||
                  sim_now_us() - actor->pinged_us < sim_ping_interval_ms() * 1000 + 5000000 ||
                  world.plan.idle_us < sim_ping_interval_ms() * 1000 + 5000000,
              "actor %u: has not been pinged", actor->number);
}

void sim_actor_audit(const sim_actor *actor) {
    for (unsigned s = 0; actor->client && s < actor->seat_count; s++) {
        const sim_seat *seat = &actor->seats[s];
        SIM_CHECK(sio_socket_connected(seat->socket) == seat->connected,
                  "seat %u: is %sconnected, and never said so", seat->number,
                  seat->connected ? "not " : "");
        SIM_CHECK(!seat->connected ||
                      (seat->lane && strcmp(sio_socket_id(seat->socket), seat->lane->id) == 0),
                  "seat %u: has changed its id", seat->number);
        SIM_CHECK(!world.quiet || sio_socket_kept(seat->socket) == 0,
                  "seat %u: keeps events though all is quiet", seat->number);
    }
}

/* ---- what it does ---- */

void sim_client_do_something(sim_actor *actor, sim_seat *seat) {
    unsigned what = (unsigned)sim_below(rng(), 14);
    if (!actor->client || !(world.plan.actions >> what & 1)) {
        return;
    }
    /* One at a time, a long queue would take for ever; and the server closes on those of whom too
     * many events wait for its middlewares. */
    bool enough = sio_socket_queue_length(seat->socket) > RETRY_QUEUE ||
                  (world.plan.event_middlewares && sio_socket_kept(seat->socket) > KEPT);
    if (enough && what <= 7) {
        return;
    }
    switch (what) {
    case 0:
    case 1:
        emit(seat, false, 0, false, false);
        break;
    case 2:
        emit(seat, true, 0, false, false);
        break;
    case 3:
        emit(seat, true, (uint32_t)sim_between(rng(), 1, 8000), false, true);
        break;
    case 4:
        emit(seat, sim_chance(rng(), 30), 0, true, false);
        break;
    case 5:
    case 6:
        for (int i = 0; i < 6 && seat->socket; i++) {
            emit(seat, i == 3, 0, false, i == 2);
        }
        break;
    case 7:
        emit(seat, false, 0, false, true);
        break;
    case 8:
        if (sim_chance(rng(), 20)) {
            sim_trace("seat %u: disconnects", seat->number);
            leave(actor);
            sio_socket_disconnect(seat->socket);
        }
        break;
    case 9:
        sio_socket_connect(seat->socket);
        break;
    case 10:
        if (sim_chance(rng(), 10)) {
            sim_trace("actor %u: closes", actor->number);
            actor->closed = true;
            leave(actor);
            sio_client_close(actor->client);
        }
        break;
    case 11:
        if (actor->closed) {
            actor->closed = false;
            sio_client_open(actor->client);
        }
        break;
    case 12:
        if (world.plan.fault_us > 0 && sim_chance(rng(), 20)) {
            sim_trace("actor %u: has no network", actor->number);
            leave(actor);
            sio_client_network_lost(actor->client);
        }
        break;
    default:
        if (world.plan.frees && sim_chance(rng(), 10)) {
            sim_actor_free(actor);
        }
        break;
    }
}

void sim_actor_act(sim_actor *actor) {
    if (!actor->client) {
        sim_actor_start(actor);
        return;
    }
    sim_client_do_something(actor, &actor->seats[sim_below(rng(), actor->seat_count)]);
}
