/* The server's application: what its handlers check, and what it does by itself. */
#include "world.h"

#include <stdlib.h>
#include <string.h>

static const char *const room_names[SIM_ROOMS] = {
    "r0", "r1", "r2",     "r3",   "r4", "r5", "a longer name of a room",
    "r7", "r8", "\"r9\"", "r,10", "/"};

static sim_rng *rng(void) {
    return &world.rng;
}

/* ---- who is it ---- */

static sim_seat *seat_of(const sio_peer *peer) {
    char text[16] = "";
    sio_buf buf;
    sio_buf_init(&buf, 0, NULL);
    SIM_CHECK(sio_peer_query(peer, "who", &buf) == 0 && buf.len < sizeof(text),
              "a peer comes without its query");
    memcpy(text, buf.data, buf.len);
    sio_buf_free(&buf);
    unsigned long number = strtoul(text, NULL, 10);
    SIM_CHECK(number < world.plan.actors, "a peer has another's query");
    sim_actor *actor = &world.actors[number];
    const char *nsp = sio_namespace_name(sio_peer_namespace(peer));
    for (unsigned s = 0; s < actor->seat_count; s++) {
        if (strcmp(actor->seats[s].nsp, nsp) == 0) {
            return &actor->seats[s];
        }
    }
    sim_fail("actor %lu joins %s, which it never asked for", number, nsp);
}

sim_lane *sim_lane_find(const sim_seat *seat, const char *id) {
    for (sim_lane *lane = seat->newest; lane; lane = lane->older) {
        if (strcmp(lane->id, id) == 0) {
            return lane;
        }
    }
    return NULL;
}

static sim_lane *lane_of(sio_peer *peer) {
    sim_lane *lane = sio_peer_user(peer);
    SIM_CHECK(lane && lane->peer == peer, "an event of a peer that is not connected");
    return lane;
}

static sim_lane *some_lane(void) {
    const sim_actor *actor = &world.actors[sim_below(rng(), world.plan.actors)];
    sim_lane *lane = actor->seats[sim_below(rng(), actor->seat_count)].newest;
    while (lane && !lane->peer) {
        lane = lane->older;
    }
    return lane;
}

/* ---- sending ---- */

static void on_reply(const sio_event *reply, void *user) {
    world.server_awaited--;
    sim_ack_ended(user, reply);
    if (world.server && sim_chance(rng(), 10)) {
        sim_server_do_something();
    }
}

/* Recovery may have kept what could not be sent for want of memory or room. */
static void refused(sim_lane *lane, uint64_t id, int rc) {
    if (world.plan.recovery && (rc == SIO_ERR_NOMEM || rc == SIO_ERR_EIO_QUEUE_FULL)) {
        sim_down_uncertain(lane, id);
    } else {
        sim_down_refused(lane, id);
    }
}

static void emit(sim_lane *lane, bool is_volatile) {
    uint64_t id = ++world.ids;
    sio_emit_options options = SIO_EMIT_OPTIONS_INIT;
    options.is_volatile = is_volatile;
    sio_args *args = sim_payload(id);
    sim_down_sent(lane, id, is_volatile);
    int rc = sio_peer_emit(lane->peer, "down", args, &options);
    sio_args_unref(args);
    sim_trace("server: %llu to %s: %d", (unsigned long long)id, lane->id, rc);
    world.events_down++;
    if (rc != 0) {
        refused(lane, id, rc);
    }
}

static void emit_ack(sim_lane *lane, uint32_t timeout_ms) {
    uint64_t id = ++world.ids;
    sim_ack_record *record = sim_ack_new(NULL, lane->seat, lane, id, timeout_ms);
    sio_emit_options options = SIO_EMIT_OPTIONS_INIT;
    options.on_ack = on_reply;
    options.user = record;
    options.timeout_ms = timeout_ms;
    sio_args *args = sim_payload(id);
    record->unanswered = sim_down_sent(lane, id, world.plan.recovery)->unasked;
    world.server_awaited++;
    int rc = sio_peer_emit(lane->peer, "down", args, &options);
    sio_args_unref(args);
    sim_trace("server: %llu to %s, acknowledged: %d", (unsigned long long)id, lane->id, rc);
    if (rc != 0) {
        SIM_CHECK(!record->ended, "event %llu: acknowledged and refused", (unsigned long long)id);
        record->ended = true;
        world.server_awaited--;
        refused(lane, id, rc);
        return;
    }
    world.events_down++;
}

static bool is_for(const sim_lane *lane, const char *nsp, uint32_t rooms, uint32_t except) {
    return strcmp(lane->nsp, nsp) == 0 && (rooms == 0 || (lane->rooms & rooms) != 0) &&
           (lane->rooms & except) == 0;
}

static uint32_t some_rooms(unsigned most) {
    uint32_t rooms = 0;
    for (uint64_t n = sim_below(rng(), most + 1); n > 0; n--) {
        rooms |= (uint32_t)1 << sim_below(rng(), SIM_ROOMS);
    }
    return rooms;
}

static void *grown(void *list, size_t cap, size_t size) {
    list = realloc(list, cap * size);
    SIM_CHECK(list, "the simulation is out of memory");
    return list;
}

static void note_broadcast(const char *nsp, const sim_lane *but, sim_item item) {
    size_t at = world.broadcast_count++;
    if (at == world.broadcast_cap) {
        size_t cap = world.broadcast_cap = at * 2 + 64;
        world.broadcasts = grown(world.broadcasts, cap, sizeof(*world.broadcasts));
        world.broadcast_nsps = grown(world.broadcast_nsps, cap, sizeof(char *));
        world.broadcast_buts = grown(world.broadcast_buts, cap, sizeof(sim_lane *));
    }
    world.broadcasts[at] = item;
    world.broadcast_nsps[at] = nsp;
    world.broadcast_buts[at] = but;
}

/* Recovery goes by the rooms of the end: events of rooms that were joined later come too. */
static void expect_extras(sim_lane *lane) {
    lane->extras.count = 0; /* what has come is before the offset */
    for (size_t i = 0; i < world.broadcast_count; i++) {
        const sim_item *item = &world.broadcasts[i];
        if (item->id > lane->offset_id && world.broadcast_buts[i] != lane &&
            is_for(lane, world.broadcast_nsps[i], item->rooms, item->except)) {
            sim_down_extra(lane, item->id);
        }
    }
}

/* An event goes to all of these, `but` excepted. */
static void sent_to(const sim_lane *of, const sim_lane *but, uint32_t rooms, uint32_t except,
                    uint64_t id, bool stored, bool may_miss) {
    for (sio_list *link = world.live.next; link != &world.live; link = link->next) {
        sim_lane *lane = SIO_CONTAINER(link, sim_lane, live);
        bool there = lane->peer || (stored && lane->may_return);
        if (there && lane != but && is_for(lane, of->nsp, rooms, except)) {
            sim_item *item = sim_down_sent(lane, id, may_miss);
            item->rooms = rooms;
            item->except = except;
            world.events_down++;
        }
    }
    if (stored && !may_miss) {
        note_broadcast(of->nsp, but, (sim_item){.id = id, .rooms = rooms, .except = except});
    }
}

static void uncertain_for_all(uint64_t id) {
    for (sio_list *link = world.live.next; link != &world.live; link = link->next) {
        sim_down_uncertain(SIO_CONTAINER(link, sim_lane, live), id);
    }
}

static void fill_target(sio_target *target, uint32_t rooms, uint32_t except) {
    for (unsigned r = 0; r < SIM_ROOMS; r++) {
        if (rooms >> r & 1) {
            sio_target_to(target, room_names[r]);
        }
        if (except >> r & 1) {
            sio_target_except(target, room_names[r]);
        }
    }
}

static void broadcast(const sim_lane *of, bool from_peer) {
    uint64_t id = ++world.ids;
    uint32_t rooms = some_rooms(2), except = sim_chance(rng(), 30) ? some_rooms(2) : 0;
    sio_target target = from_peer ? sio_peer_broadcast(of->peer)
                                  : sio_namespace_target(sio_peer_namespace(of->peer));
    fill_target(&target, rooms, except);
    target.is_volatile = sim_chance(rng(), 10);
    sio_args *args = sim_payload(id);
    sent_to(of, from_peer ? of : NULL, rooms, except, id, world.plan.recovery, target.is_volatile);
    int rc = sio_target_emit(&target, "down", args);
    sio_args_unref(args);
    sim_trace("server: %llu to rooms %x but %x of %s%s: %d", (unsigned long long)id, rooms, except,
              of->nsp, target.is_volatile ? ", volatile" : "", rc);
    SIM_CHECK(rc == 0 || world.memory_failed, "a broadcast fails: %d", rc);
    if (rc != 0) {
        uncertain_for_all(id);
    }
}

/* ---- counting ---- */

static void count_them(const sim_lane *of) {
    uint32_t rooms = some_rooms(2), except = sim_chance(rng(), 30) ? some_rooms(2) : 0;
    int64_t wanted = 0;
    sio_target target = sio_namespace_target(sio_peer_namespace(of->peer));
    fill_target(&target, rooms, except);
    int64_t count = sio_target_count(&target);
    for (sio_list *link = world.live.next; link != &world.live; link = link->next) {
        const sim_lane *lane = SIO_CONTAINER(link, sim_lane, live);
        wanted += lane->peer && is_for(lane, of->nsp, rooms, except);
    }
    SIM_CHECK(count == wanted || (count == SIO_ERR_NOMEM && world.memory_failed),
              "%lld are in rooms %x but %x of %s, not %lld", (long long)count, rooms, except,
              of->nsp, (long long)wanted);
}

/* ---- rooms ---- */

static void join(sim_lane *lane, unsigned room) {
    int rc = sio_peer_join(lane->peer, room_names[room]);
    sim_trace("server: %s joins %u: %d", lane->id, room, rc);
    SIM_CHECK(rc == 0 || world.memory_failed, "joining fails: %d", rc);
    if (rc == 0) {
        lane->rooms |= (uint32_t)1 << room;
    }
}

static void leave(sim_lane *lane, unsigned room) {
    sio_peer_leave(lane->peer, room_names[room]);
    sim_trace("server: %s leaves %u", lane->id, room);
    lane->rooms &= ~((uint32_t)1 << room);
}

static void move_many(const sim_lane *of, bool in) {
    uint32_t rooms = some_rooms(2);
    unsigned room = (unsigned)sim_below(rng(), SIM_ROOMS);
    sio_target target = sio_namespace_target(sio_peer_namespace(of->peer));
    if (world.memory_failed) {
        return; /* it may be done in part, and nobody could say which */
    }
    fill_target(&target, rooms, 0);
    int rc = in ? sio_target_join(&target, room_names[room])
                : sio_target_leave(&target, room_names[room]);
    sim_trace("server: rooms %x of %s %s %u: %d", rooms, of->nsp, in ? "join" : "leave", room, rc);
    SIM_CHECK(rc == 0, "moving between rooms fails: %d", rc);
    for (sio_list *link = world.live.next; link != &world.live; link = link->next) {
        sim_lane *lane = SIO_CONTAINER(link, sim_lane, live);
        if (lane->peer && is_for(lane, of->nsp, rooms, 0)) {
            lane->rooms =
                in ? lane->rooms | (uint32_t)1 << room : lane->rooms & ~((uint32_t)1 << room);
        }
    }
}

/* ---- asking everyone ---- */

typedef struct question {
    uint64_t id;
    bool ended;
    uint64_t asked;
} question;

static void on_answers(const sio_target_reply *reply, void *user) {
    question *q = user;
    world.server_awaited--;
    sim_trace("answers to %llu: %d, %zu of %llu", (unsigned long long)q->id, reply->status,
              reply->response_count, (unsigned long long)reply->asked);
    SIM_CHECK(reply->status != 0 || reply->response_count == reply->asked || world.memory_failed,
              "broadcast %llu: everyone has answered, but %zu are not %llu",
              (unsigned long long)q->id, reply->response_count, (unsigned long long)reply->asked);
    for (size_t i = 0; i < reply->response_count; i++) {
        sio_event ev = {.size = sizeof(ev), .args = reply->responses[i].args};
        sim_payload_check(&ev, q->id, 0, world.memory_failed, "answer to a broadcast");
        for (size_t k = 0; k < i; k++) {
            SIM_CHECK(strcmp(reply->responses[i].from, reply->responses[k].from) != 0,
                      "broadcast %llu: one has answered twice", (unsigned long long)q->id);
        }
    }
    free(q);
}

static void ask_everyone(const sim_lane *of) {
    uint64_t id = ++world.ids;
    uint32_t rooms = some_rooms(1);
    question *q = calloc(1, sizeof(*q));
    SIM_CHECK(q, "the simulation is out of memory");
    q->id = id;
    sio_target target = sio_namespace_target(sio_peer_namespace(of->peer));
    fill_target(&target, rooms, 0);
    sio_args *args = sim_payload(id);
    world.server_awaited++;
    sent_to(of, NULL, rooms, 0, id, false, world.plan.recovery);
    int rc = sio_target_emit_ack(&target, "down", args, (uint32_t)sim_between(rng(), 10, 8000),
                                 on_answers, q);
    sio_args_unref(args);
    sim_trace("server: %llu asks rooms %x of %s: %d", (unsigned long long)id, rooms, of->nsp, rc);
    if (rc != 0) {
        world.server_awaited--;
        free(q);
        uncertain_for_all(id);
        SIM_CHECK(world.memory_failed || rc == SIO_ERR_LIMIT || rc == SIO_ERR_DISCONNECTED,
                  "a broadcast with acknowledgements fails: %d", rc);
    }
}

/* ---- what it does ---- */

static void dismiss(sim_lane *lane) {
    uint64_t how = sim_below(rng(), 3);
    const sim_actor *actor = lane->seat->actor;
    sim_trace("server: dismisses %s (%d)", lane->id, (int)how);
    for (unsigned s = 0; s < actor->seat_count; s++) {
        for (sim_lane *each = actor->seats[s].newest; each; each = each->older) {
            each->dismissed |= each->peer != NULL;
        }
    }
    if (how < 2) {
        sio_peer_disconnect(lane->peer, how == 1);
    } else {
        sio_peer_close_connection(lane->peer);
    }
}

void sim_server_do_something(void) {
    sim_lane *lane = world.server && !world.closing ? some_lane() : NULL;
    unsigned what = (unsigned)sim_below(rng(), 16);
    if (!lane || !(world.plan.actions >> (16 + what) & 1)) {
        return;
    }
    switch (what) {
    case 0:
    case 1:
    case 2:
        emit(lane, false);
        break;
    case 3:
        emit(lane, true);
        break;
    case 4:
        emit_ack(lane, 0);
        break;
    case 5:
        emit_ack(lane, (uint32_t)sim_between(rng(), 1, 10000));
        break;
    case 6:
    case 7:
        broadcast(lane, false);
        break;
    case 8:
        broadcast(lane, true);
        break;
    case 9:
    case 10:
        join(lane, (unsigned)sim_below(rng(), SIM_ROOMS));
        break;
    case 11:
        leave(lane, (unsigned)sim_below(rng(), SIM_ROOMS));
        break;
    case 12:
        move_many(lane, true);
        break;
    case 13:
        move_many(lane, false);
        break;
    case 14:
        count_them(lane);
        ask_everyone(lane);
        break;
    default:
        if (world.storm && sim_chance(rng(), 20)) {
            dismiss(lane);
        }
        break;
    }
}

void sim_server_act(void) {
    sim_server_do_something();
}

/* ---- handlers ---- */

static void answer(sio_ack *ack, uint64_t id) {
    sio_args *args = sim_payload(id);
    int rc = sio_ack_send(ack, args);
    sio_args_unref(args);
    SIM_CHECK(rc == 0 || rc == SIO_ERR_DISCONNECTED || rc == SIO_ERR_NOMEM ||
                  rc == SIO_ERR_EIO_QUEUE_FULL,
              "event %llu: cannot be acknowledged: %d", (unsigned long long)id, rc);
    if (rc == SIO_ERR_NOMEM) {
        sim_ack_unanswered(id);
    }
}

static void answer_later(sim_later *later) {
    answer(later->ack, later->id);
    sio_ack_unref(later->ack);
}

static void on_any(sio_peer *peer, const sio_event *ev, void *user) {
    sim_lane *lane = lane_of(peer);
    uint64_t id = (uint64_t)sio_event_int(ev, 0);
    sim_trace("server: gets %llu of seat %u", (unsigned long long)id, lane->seat->number);
    sim_payload_check(ev, id, 0, world.memory_failed, "up");
    sim_up_arrived(lane->seat, id);
    world.events_up++;
}

static void on_up(sio_peer *peer, const sio_event *ev, void *user) {
    sim_lane *lane = lane_of(peer);
    uint64_t id = (uint64_t)sio_event_int(ev, 0);
    sim_payload_check(ev, id, 0, world.memory_failed, "up");
    sim_up_handled(lane->seat, id);
    sio_ack *kept;
    if (ev->ack && sim_chance(rng(), 30) && sio_ack_ref(&kept, ev->ack) == 0) {
        sim_later *later = sim_later_new(answer_later, sim_below(rng(), 3000000));
        later->ack = kept;
        later->id = id;
    } else if (ev->ack) {
        answer(ev->ack, id);
    }
    if (sim_chance(rng(), 30)) {
        sim_server_do_something();
    }
}

static void check_rooms(const sim_lane *lane) {
    unsigned count = 1;
    for (unsigned r = 0; r < SIM_ROOMS; r++) {
        bool in = (lane->rooms >> r & 1) != 0;
        SIM_CHECK(sio_peer_in_room(lane->peer, room_names[r]) == in, "%s: is %s room %u", lane->id,
                  in ? "not in" : "in", r);
        count += in;
    }
    SIM_CHECK(sio_peer_room_count(lane->peer) == count, "%s: is in %zu rooms, not %u", lane->id,
              sio_peer_room_count(lane->peer), count);
}

static uint64_t recovery_window_us(void) {
    return (world.plan.recovery_ms ? world.plan.recovery_ms : 120000) * (uint64_t)1000;
}

/* Whether a client that comes back now must be given its old session. */
static bool must_recover(const sim_seat *seat, const sio_peer *peer) {
    const sim_lane *lane = seat->lane;
    uint64_t window = recovery_window_us() - 100000, now = sim_now_us();
    /* A dynamic namespace that goes with its last peer takes the sessions along. */
    bool may_go = world.plan.cleanup && seat->nsp[1] == 'd';
    /* A request of an earlier connection may come late. */
    const sio_client *client = seat->actor->client;
    bool is_present = client && strcmp(sio_client_engine_id(client), sio_peer_client_id(peer)) == 0;
    return !may_go && is_present && world.plan.recovery && lane && lane->may_return &&
           lane->has_offset && !world.memory_failed && !seat->actor->memory_failed &&
           lane->generation == world.generation && !lane->peer && now - lane->left_us < window &&
           now - lane->offset_us < window;
}

/* In Socket.IO 2.x a namespace's id is made from that of the connection, and comes again. */
static bool is_old(const sim_seat *seat) {
    return seat->actor->eio == 3;
}

static sim_lane *lane_new(sim_seat *seat, const char *id) {
    sim_lane *lane = calloc(1, sizeof(*lane));
    SIM_CHECK(lane, "the simulation is out of memory");
    SIM_CHECK(strlen(id) < SIM_ID_MAX, "an id is too long");
    SIM_CHECK(!sim_lane_find(seat, id) || is_old(seat), "%s: an id comes twice", id);
    lane->seat = seat;
    lane->generation = world.generation;
    memcpy(lane->id, id, strlen(id) + 1);
    memcpy(lane->nsp, seat->nsp, sizeof(lane->nsp));
    lane->next = world.lanes;
    world.lanes = lane;
    lane->older = seat->newest;
    seat->newest = lane;
    sio_list_push(&world.live, &lane->live);
    return lane;
}

static void come_back(sim_lane *lane, const sio_peer *peer) {
    SIM_CHECK(lane && !lane->peer && lane->may_return, "%s: is recovered, but cannot be",
              sio_peer_id(peer));
    SIM_CHECK(lane->generation == world.generation, "%s: is recovered from another life", lane->id);
    SIM_CHECK(sim_now_us() - lane->left_us <= recovery_window_us() + 1000000,
              "%s: is recovered too late", lane->id);
    SIM_CHECK(world.memory_failed || strcmp(sio_peer_data(peer), "{\"mine\":1}") == 0,
              "%s: has lost its data", lane->id);
    lane->may_return = false;
    expect_extras(lane);
    world.recovered++;
}

static void on_connection(sio_peer *peer, const sio_event *ev, void *user) {
    sim_seat *seat = seat_of(peer);
    sim_lane *lane = sim_lane_find(seat, sio_peer_id(peer));
    sim_trace("server: seat %u is %s%s", seat->number, sio_peer_id(peer),
              sio_peer_recovered(peer) ? ", recovered" : "");
    if (sio_peer_recovered(peer)) {
        come_back(lane, peer);
    } else {
        SIM_CHECK(!must_recover(seat, peer), "seat %u: its session %s was lost within the window",
                  seat->number, seat->lane->id);
        lane = lane_new(seat, sio_peer_id(peer));
        int rc = sio_peer_set_data(peer, "{\"mine\":1}");
        SIM_CHECK(rc == 0 || world.memory_failed, "data cannot be set: %d", rc);
    }
    lane->peer = peer;
    lane->comings++;
    sio_peer_set_user(peer, lane, NULL);
    SIM_CHECK(sio_peer_connected(peer), "%s: is not connected", lane->id);
    check_rooms(lane);
    if (sim_chance(rng(), 50)) {
        emit(lane, false);
    }
    if (lane->peer && sim_chance(rng(), 50)) {
        join(lane, (unsigned)sim_below(rng(), SIM_ROOMS));
    }
}

static bool never_returns(const char *reason) {
    return strcmp(reason, "client namespace disconnect") == 0 ||
           strcmp(reason, "server namespace disconnect") == 0;
}

static void check_reason(const sim_lane *lane, const char *reason) {
    if (world.ending || !lane->seen || lane != lane->seat->lane || !lane->seat->socket ||
        lane->seat->leaves || lane->dismissed) {
        return; /* it has reasons */
    }
    static const char *const by_themselves[] = {"ping timeout", "transport error", "parse error"};
    for (size_t i = 0; i < sizeof(by_themselves) / sizeof(by_themselves[0]); i++) {
        bool is = strcmp(reason, by_themselves[i]) == 0;
        SIM_CHECK(!is || world.plan.fault_us > 0, "%s: %s, though nothing was disturbed", lane->id,
                  reason);
    }
    SIM_CHECK(strcmp(reason, "parse error") != 0 || world.memory_failed, "%s: parse error",
              lane->id);
    SIM_CHECK(!world.quiet, "%s: %s, though all is quiet", lane->id, reason);
}

static void on_disconnect(sio_peer *peer, const sio_event *ev, void *user) {
    sim_lane *lane = lane_of(peer);
    sim_trace("server: %s is gone: %s, from rooms %x", lane->id, ev->reason, lane->rooms);
    check_reason(lane, ev->reason);
    SIM_CHECK(++lane->goings == lane->comings, "%s: disconnect came twice", lane->id);
    SIM_CHECK(!sio_peer_connected(peer), "%s: is connected still", lane->id);
    SIM_CHECK(sio_peer_room_count(peer) == 0, "%s: is in rooms still", lane->id);
    lane->peer = NULL;
    lane->left_us = sim_now_us();
    lane->may_return = world.plan.recovery && !never_returns(ev->reason);
    lane->left_by_client = strcmp(ev->reason, "client namespace disconnect") == 0;
    if (lane->may_return) {
        sim_down_left(lane);
    } else {
        sio_list_remove(&lane->live);
    }
    if (world.server && sim_chance(rng(), 20)) {
        sim_server_do_something();
    }
}

static bool is_reason(const char *reason) {
    static const char *const reasons[] = {
        "client namespace disconnect",
        "server namespace disconnect",
        "server shutting down",
        "ping timeout",
        "transport close",
        "transport error",
        "parse error",
        "forced close",
        "forced server close",
    };
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (strcmp(reason, reasons[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void on_disconnecting(sio_peer *peer, const sio_event *ev, void *user) {
    SIM_CHECK(is_reason(ev->reason), "a reason is \"%s\"", ev->reason);
    check_rooms(lane_of(peer));
}

/* ---- middlewares ---- */

static void agree_later(sim_later *later) {
    if (later->refuse) {
        sio_next_refuse(later->next, "not now", "{\"later\":true}");
    } else {
        sio_next_ok(later->next);
    }
}

static void decide(sio_next *next, uint64_t most_us, bool may_refuse) {
    bool refuse = may_refuse && world.storm && sim_chance(rng(), 10);
    if (sim_chance(rng(), 50)) {
        sim_later *later = sim_later_new(agree_later, sim_below(rng(), most_us));
        later->next = next;
        later->refuse = refuse;
    } else if (refuse) {
        sio_next_refuse(next, "no", NULL);
    } else {
        sio_next_ok(next);
    }
}

static void on_join(sio_peer *peer, sio_next *next, void *user) {
    decide(next, 3000000, true);
}

static void on_event(sio_peer *peer, const sio_event *ev, sio_next *next, void *user) {
    decide(next, 50000, false);
}

/* ---- life ---- */

static void must(int rc) {
    SIM_CHECK(rc == 0, "the server cannot be set up: %d", rc);
}

static void set_up(sio_namespace *ns) {
    SIM_CHECK(ns, "the server cannot be set up");
    must(sio_namespace_on_connection(ns, on_connection, NULL));
    must(sio_namespace_on_any(ns, on_any, NULL));
    must(sio_namespace_on(ns, "up", on_up, NULL));
    must(sio_namespace_on(ns, "disconnect", on_disconnect, NULL));
    must(sio_namespace_on(ns, "disconnecting", on_disconnecting, NULL));
    if (world.plan.lazy_middlewares) {
        must(sio_namespace_use(ns, on_join, NULL));
    }
    if (world.plan.event_middlewares) {
        must(sio_namespace_use_events(ns, on_event, NULL));
    }
}

static void log_line(const char *scope, const char *text, void *user) {
    sim_trace("server: %s: %s", scope, text);
}

void sim_server_start(void) {
    const sim_plan *plan = &world.plan;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    sio_server_recovery recovery = SIO_SERVER_RECOVERY_INIT;
    world.generation++;
    world.server_memory = sim_grave_new("server", world.generation, world.seed + world.generation);
    options.mem = &world.server_memory->mem;
    options.ping_interval_ms = plan->ping_interval_ms;
    options.ping_timeout_ms = plan->ping_timeout_ms;
    options.allow_eio3 = plan->eio3;
    options.per_message_deflate = plan->deflate;
    options.parser = plan->msgpack ? SIO_PARSER_MSGPACK : SIO_PARSER_DEFAULT;
    options.cleanup_empty_child_namespaces = plan->cleanup;
    recovery.max_disconnection_ms = plan->recovery_ms;
    options.recovery = plan->recovery ? &recovery : NULL;
    options.log = sim_is_verbose() ? log_line : NULL;
    int rc = sio_server_new(&world.server, &options);
    if (rc == SIO_ERR_RANDOM) {
        world.server = NULL;
        sim_server_restart_after(1000000);
        return;
    }
    must(rc);
    set_up(sio_server_of(world.server, "/"));
    set_up(sio_server_of(world.server, "/a"));
    set_up(sio_server_of(world.server, "/b"));
    if (plan->dynamic) {
        set_up(sio_server_of_pattern(world.server, "^/d-[0-9]$"));
    }
    must(sio_server_listen(world.server, NULL, SIM_PORT));
}

static void forget_lanes(void) {
    sio_list *link;
    while ((link = sio_list_shift(&world.live)) != NULL) {
        sim_lane *lane = SIO_CONTAINER(link, sim_lane, live);
        SIM_CHECK(!lane->peer, "%s: the server has gone, and its disconnect never came", lane->id);
    }
}

void sim_server_free(void) {
    sio_server *server = world.server;
    if (server) {
        world.server = NULL;
        world.closing = false;
        sim_trace("server: is freed");
        sio_server_free(server);
        forget_lanes();
        SIM_CHECK(world.server_awaited == 0,
                  "the server has gone, and %llu acknowledgements never ended",
                  (unsigned long long)world.server_awaited);
    }
}

static void on_restart(void *ctx) {
    if (!world.server) {
        sim_server_start();
    }
}

void sim_server_restart_after(uint64_t us) {
    if (!sim_event_queued(&world.restart)) {
        sim_event_init(&world.restart, on_restart, NULL);
    }
    sim_event_after(&world.restart, us);
}

void sim_server_kill(uint64_t down_us) {
    if (world.server) {
        sim_server_free();
        sim_server_restart_after(down_us);
    }
}

static void on_closed_free(sim_later *later) {
    sim_server_free();
    if (!sim_event_queued(&world.restart)) {
        sim_server_restart_after(1000000);
    }
}

static void on_closed(void *user) {
    sim_trace("server: has closed");
    SIM_CHECK(world.closing || !world.server, "the server closed twice");
    if (world.server) {
        sim_later_new(on_closed_free, 0);
    }
}

void sim_server_close_gracefully(uint64_t down_us) {
    if (world.server && !world.closing) {
        world.closing = true;
        sim_trace("server: closes");
        int rc =
            sio_server_close(world.server, (uint32_t)sim_between(rng(), 1, 5000), on_closed, NULL);
        SIM_CHECK(rc == 0 || world.memory_failed, "the server cannot be closed: %d", rc);
        sim_server_restart_after(down_us);
    }
}

/* ---- comparing ---- */

static void expire_lanes(void) {
    for (sio_list *link = world.live.next; link != &world.live;) {
        sim_lane *lane = SIO_CONTAINER(link, sim_lane, live);
        link = link->next;
        if (!lane->peer && sim_now_us() - lane->left_us > recovery_window_us() + 2000000) {
            lane->may_return = false;
            sio_list_remove(&lane->live);
        }
    }
}

static size_t count_rooms(const char *nsp) {
    uint32_t rooms = 0;
    for (sio_list *link = world.live.next; link != &world.live; link = link->next) {
        const sim_lane *lane = SIO_CONTAINER(link, sim_lane, live);
        if (lane->peer && strcmp(lane->nsp, nsp) == 0) {
            rooms |= lane->rooms;
        }
    }
    return (size_t)__builtin_popcount(rooms);
}

static void audit_counters(size_t peers) {
    static const char *const names[SIM_NAMESPACES] = {"/", "/a", "/b", "/d-1", "/d-2"};
    sio_counters c = SIO_COUNTERS_INIT;
    size_t rooms = 0;
    must(sio_server_read_counters(world.server, &c));
    for (int i = 0; i < SIM_NAMESPACES; i++) {
        rooms += count_rooms(names[i]);
    }
    SIM_CHECK(c.peers == peers, "the server counts %llu peers, not %zu",
              (unsigned long long)c.peers, peers);
    SIM_CHECK(c.rooms == rooms || world.memory_failed, "the server counts %llu rooms, not %zu",
              (unsigned long long)c.rooms, rooms);
    SIM_CHECK(c.sessions_polling + c.sessions_websocket == sio_server_session_count(world.server),
              "%llu sessions poll and %llu have a WebSocket, of %zu",
              (unsigned long long)c.sessions_polling, (unsigned long long)c.sessions_websocket,
              sio_server_session_count(world.server));
    uint64_t closed = c.closed_transport_close + c.closed_transport_error + c.closed_ping_timeout +
                      c.closed_parse_error + c.closed_forced;
    SIM_CHECK(c.handshakes_polling + c.handshakes_websocket ==
                  closed + c.sessions_polling + c.sessions_websocket,
              "%llu sessions began, %llu ended, %llu are open",
              (unsigned long long)(c.handshakes_polling + c.handshakes_websocket),
              (unsigned long long)closed,
              (unsigned long long)(c.sessions_polling + c.sessions_websocket));
    SIM_CHECK(!world.quiet || c.upgrades_started == c.upgrades_completed + c.upgrades_failed,
              "of %llu upgrades %llu are still under way though all is quiet",
              (unsigned long long)c.upgrades_started,
              (unsigned long long)(c.upgrades_started - c.upgrades_completed - c.upgrades_failed));
    SIM_CHECK(c.upgrades_started >= c.upgrades_completed + c.upgrades_failed,
              "of %llu upgrades %llu were completed and %llu failed",
              (unsigned long long)c.upgrades_started, (unsigned long long)c.upgrades_completed,
              (unsigned long long)c.upgrades_failed);
    /* A heartbeat may wait for the next poll; and the answer to the POST of another one, about a
     * hundred bytes, for the rest of a short send. */
    uint64_t sessions = sio_server_session_count(world.server);
    SIM_CHECK(!world.quiet || (c.queued_bytes <= 128 * sessions && c.queued_messages <= sessions),
              "%llu bytes wait though all is quiet", (unsigned long long)c.queued_bytes);
}

void sim_server_audit(void) {
    size_t peers = 0;
    expire_lanes();
    if (!world.server) {
        return;
    }
    for (sio_list *link = world.live.next; link != &world.live; link = link->next) {
        const sim_lane *lane = SIO_CONTAINER(link, sim_lane, live);
        if (lane->peer) {
            peers++;
            SIM_CHECK(sio_peer_connected(lane->peer), "%s: is not connected", lane->id);
            SIM_CHECK(sio_namespace_find(sio_peer_namespace(lane->peer), lane->id) == lane->peer,
                      "%s: cannot be found", lane->id);
            check_rooms(lane);
        }
    }
    audit_counters(peers);
}
