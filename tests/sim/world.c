#include "world.h"

#include <stdlib.h>
#include <string.h>

sim_world world;

/* ---- the plan of a seed ---- */

static uint64_t spread(sim_rng *rng, uint64_t least, uint64_t most) {
    /* Small values are as likely as large ones. */
    uint64_t range = most / (least ? least : 1), value = least ? least : 1;
    while (range > 1 && sim_chance(rng, 70)) {
        value *= 2;
        range /= 2;
    }
    value += sim_below(rng, value);
    return value < most ? value : most;
}

static void draw_link(sim_link *link, sim_rng *rng, bool calm) {
    link->latency_us = (uint32_t)spread(rng, 50, 200000);
    link->jitter_us = sim_chance(rng, 50) ? 0 : (uint32_t)spread(rng, 50, 100000);
    link->window = (uint32_t)spread(rng, calm ? 16384 : 512, 262144);
    link->read_max = sim_chance(rng, 70) ? 0 : (uint32_t)spread(rng, 1, 4096);
    link->read_delay_us =
        sim_chance(rng, 60) ? 0 : (uint32_t)spread(rng, 100, calm ? 2000 : 500000);
    link->short_sends = sim_chance(rng, 60) ? 0 : (unsigned)sim_below(rng, 60);
}

void sim_plan_draw(sim_plan *plan, uint64_t seed) {
    sim_rng r = sim_rng_for(seed, 10), *rng = &r;
    bool calm = sim_chance(rng, 25);
    *plan = (sim_plan){0};
    plan->actors = (unsigned)spread(rng, 1, sim_chance(rng, 3) ? SIM_ACTORS : 24);
    plan->storm_us = spread(rng, 5, 120) * 1000000 / (1 + plan->actors / 40);
    plan->events = sim_chance(rng, 4) ? 1000000 : spread(rng, 2000, 100000);
    plan->idle_us = spread(rng, 60, 7200) * 1000000 / (1 + plan->actors / 8);
    plan->pace_us = spread(rng, 20000, 5000000) * (1 + plan->actors / 10);
    plan->fault_us = calm ? 0 : spread(rng, 100000, 10000000);
    plan->faults = calm ? 0 : (uint32_t)(sim_next(rng) & sim_next(rng));
    if (!calm && sim_chance(rng, 30)) {
        plan->faults = (uint32_t)1 << sim_below(rng, SIM_FAULTS); /* one kind alone */
    }
    plan->actions = (uint32_t)(sim_next(rng) | sim_next(rng));
    draw_link(&plan->link, rng, calm);
    plan->seats = 1 + (unsigned)sim_below(rng, SIM_SEATS);
    plan->transports = (unsigned)sim_below(rng, 4);
    plan->msgpack = sim_chance(rng, 15);
    plan->eio3 = !plan->msgpack && sim_chance(rng, 15);
    plan->deflate = sim_chance(rng, 10);
    plan->recovery = !plan->eio3 && sim_chance(rng, 40);
    plan->recovery_ms = sim_chance(rng, 50) ? 0 : (uint32_t)spread(rng, 1000, 120000);
    plan->retries = sim_chance(rng, 20);
    plan->lazy_middlewares = sim_chance(rng, 25);
    plan->event_middlewares = sim_chance(rng, 15);
    plan->frees = !calm && sim_chance(rng, 30);
    plan->dynamic = sim_chance(rng, 40);
    plan->cleanup = plan->dynamic && sim_chance(rng, 50);
    /* A client that did not run keeps what it sends while it does not know whether the server is
     * there still; only who is told of what leaves knows with which connection it left. */
    plan->watched = sim_chance(rng, 50) || (plan->faults >> SIM_FAULT_STALL_CLIENT & 1) != 0;
    if (sim_chance(rng, 60)) {
        plan->ping_interval_ms = (uint32_t)spread(rng, 2000, 25000);
        plan->ping_timeout_ms = (uint32_t)spread(rng, 5000, 20000);
    }
    plan->text_most = (uint32_t)spread(rng, 64, calm ? 4096 : 65536);
    plan->binary_most = sim_chance(rng, 50) ? 0 : (uint32_t)spread(rng, 64, calm ? 4096 : 65536);
}

void sim_plan_print(const sim_plan *p) {
    printf(
        "# plan: %u actors, up to %u seats, transports %u, storm %.0f s, idle %.0f s, pace %.3f s, "
        "a fault each %.3f s of kinds %x, actions %x\n",
        p->actors, p->seats, p->transports, (double)p->storm_us / 1e6, (double)p->idle_us / 1e6,
        (double)p->pace_us / 1e6, (double)p->fault_us / 1e6, p->faults, p->actions);
    printf("#       latency %u us, jitter %u us, window %u, reads of %u after %u us, short sends "
           "%u %%, "
           "ping %u + %u ms, texts %u, binaries %u, recovery for %u ms\n",
           p->link.latency_us, p->link.jitter_us, p->link.window, p->link.read_max,
           p->link.read_delay_us, p->link.short_sends, p->ping_interval_ms, p->ping_timeout_ms,
           p->text_most, p->binary_most, p->recovery_ms);
    printf("#       %s%s%s%s%s%s%s%s%s\n", p->eio3 ? "eio3 " : "", p->msgpack ? "msgpack " : "",
           p->deflate ? "deflate " : "", p->recovery ? "recovery " : "",
           p->retries ? "retries " : "", p->lazy_middlewares ? "lazy-middlewares " : "",
           p->event_middlewares ? "event-middlewares " : "", p->frees ? "frees " : "",
           p->dynamic ? p->cleanup ? "dynamic-cleanup " : "dynamic " : "");
}

/* ---- acknowledgements ---- */

sim_ack_record *sim_ack_new(sim_actor *actor, sim_seat *seat, sim_lane *lane, uint64_t id,
                            uint32_t timeout_ms) {
    sim_ack_record *record = calloc(1, sizeof(*record));
    SIM_CHECK(record, "the simulation is out of memory");
    *record = (sim_ack_record){.next = world.acks,
                               .actor = actor,
                               .seat = seat,
                               .lane = lane,
                               .id = id,
                               .asked_us = sim_now_us(),
                               .timeout_ms = timeout_ms};
    world.acks = record;
    return record;
}

void sim_ack_unanswered(uint64_t id) {
    for (sim_ack_record *record = world.acks; record; record = record->next) {
        if (record->id == id) {
            record->unanswered = true;
        }
    }
}

static void check_timeout(const sim_ack_record *record) {
    uint64_t waited_ms = (sim_now_us() - record->asked_us) / 1000 + 1; /* clocks of whole ms */
    SIM_CHECK(record->timeout_ms > 0, "event %llu: timed out without a time limit",
              (unsigned long long)record->id);
    SIM_CHECK(waited_ms >= record->timeout_ms || record->seat->retries,
              "event %llu: timed out after %llu ms of %u", (unsigned long long)record->id,
              (unsigned long long)waited_ms, record->timeout_ms);
    SIM_CHECK(waited_ms <= record->timeout_ms + 10 || world.plan.fault_us > 0 ||
                  record->seat->retries,
              "event %llu: timed out after %llu ms, not %u", (unsigned long long)record->id,
              (unsigned long long)waited_ms, record->timeout_ms);
}

void sim_ack_ended(sim_ack_record *record, const sio_event *reply) {
    SIM_CHECK(!record->ended, "event %llu: its acknowledgement came twice",
              (unsigned long long)record->id);
    record->ended = true;
    sim_trace("ack of %llu: %d", (unsigned long long)record->id, reply->status);
    if (reply->status == 0) {
        world.acked++;
        sim_payload_check(reply, record->id, 0,
                          world.memory_failed || record->seat->actor->memory_failed,
                          "acknowledgement");
        if (record->actor) {
            sim_up_acknowledged(record->seat, record->id);
        }
    } else if (reply->status == SIO_ERR_DISCONNECTED && record->kept && record->actor->client &&
               !record->actor->memory_failed) {
        sim_up_lost(record->seat, record->id);
    } else if (reply->status == SIO_ERR_TIMEOUT) {
        check_timeout(record);
        if (record->actor) {
            sim_up_given_up(record->seat, record->id);
        }
    }
}

static void check_acks_ended(void) {
    while (world.acks) {
        sim_ack_record *record = world.acks;
        SIM_CHECK(record->ended, "event %llu: its acknowledgement never ended",
                  (unsigned long long)record->id);
        SIM_CHECK(!record->wants_sent || record->sent_ended, "event %llu: on_sent never came",
                  (unsigned long long)record->id);
        world.acks = record->next;
        free(record);
    }
}

/* ---- later ---- */

static void on_later(void *ctx) {
    sim_later *later = ctx;
    sio_list_remove(&later->link);
    later->fn(later);
    free(later);
}

sim_later *sim_later_new(void (*fn)(sim_later *later), uint64_t us) {
    sim_later *later = calloc(1, sizeof(*later));
    SIM_CHECK(later, "the simulation is out of memory");
    later->fn = fn;
    sio_list_push(&world.laters, &later->link);
    sim_event_init(&later->event, on_later, later);
    sim_event_after(&later->event, us);
    return later;
}

sim_memory *sim_grave_new(const char *whose, unsigned number, uint64_t seed) {
    sim_grave *grave = calloc(1, sizeof(*grave));
    SIM_CHECK(grave, "the simulation is out of memory");
    sim_memory_init(&grave->memory, seed);
    snprintf(grave->whose, sizeof(grave->whose), "%s %u", whose, number);
    grave->next = world.graves;
    world.graves = grave;
    return &grave->memory;
}

static void check_graves(void) {
    while (world.graves) {
        sim_grave *grave = world.graves;
        sim_memory_check_empty(&grave->memory, grave->whose);
        world.graves = grave->next;
        free(grave);
    }
}

/* ---- what goes on ---- */

static uint64_t some_time(sim_rng *rng, uint64_t mean_us) {
    return 1 + sim_below(rng, mean_us * 2);
}

static void on_act(void *ctx) {
    sim_actor *actor = ctx;
    if (world.storm) {
        sim_actor_act(actor);
        sim_event_after(&actor->act, some_time(&world.rng, world.plan.pace_us));
    }
}

static void on_server_act(void *ctx) {
    if (world.storm) {
        sim_server_act();
        sim_event_after(&world.server_act,
                        some_time(&world.rng, 1 + world.plan.pace_us / (1 + world.plan.actors)));
    }
}

static void on_fault(void *ctx) {
    if (world.storm && world.plan.fault_us > 0) {
        sim_fault_strike();
        sim_event_after(&world.fault, some_time(&world.fault_rng, world.plan.fault_us));
    }
}

uint64_t sim_ping_interval_ms(void) {
    return world.plan.ping_interval_ms ? world.plan.ping_interval_ms : 25000;
}

uint64_t sim_ping_timeout_ms(void) {
    return world.plan.ping_timeout_ms ? world.plan.ping_timeout_ms : 20000;
}

uint64_t sim_one_way_us(void) {
    const sim_link *link = &world.plan.link;
    return link->latency_us + link->jitter_us + link->read_delay_us;
}

static void check_silences(void) {
    uint64_t since = sim_conn_oldest_silence();
    /* The heartbeat notices; a process that does not run does so later; closing takes a while. */
    uint64_t limit = (sim_ping_interval_ms() + sim_ping_timeout_ms() + 60000 + 15000) * 1000;
    SIM_CHECK(since == UINT64_MAX || sim_now_us() - since < limit,
              "a connection that is silent for %llu s is still held by both ends",
              (unsigned long long)(sim_now_us() - since) / 1000000);
}

static void on_audit(void *ctx) {
    sim_server_audit();
    for (unsigned i = 0; i < world.plan.actors; i++) {
        sim_actor_audit(&world.actors[i]);
    }
    check_silences();
    sim_event_after(&world.audit, world.storm ? 500000 : 10000000);
}

/* The queue is never empty: the audit comes again and again. */
static void run_for(uint64_t us) {
    uint64_t until = sim_now_us() + us;
    while (sim_now_us() < until && sim_step()) {
    }
}

/* ---- phases ---- */

static void begin(uint64_t seed) {
    world =
        (sim_world){.seed = seed, .rng = sim_rng_for(seed, 20), .fault_rng = sim_rng_for(seed, 21)};
    sim_plan_draw(&world.plan, seed);
    sim_net_begin(seed);
    sim_net_set_link(&world.plan.link);
    sim_payload_set(seed, world.plan.text_most, world.plan.binary_most);
    sio_list_init(&world.laters);
    sio_list_init(&world.live);
    sim_event_init(&world.server_act, on_server_act, NULL);
    sim_event_init(&world.fault, on_fault, NULL);
    sim_event_init(&world.audit, on_audit, NULL);
    if (sim_is_verbose()) {
        sim_plan_print(&world.plan);
    }
}

static void make_actors(void) {
    static const char *const names[SIM_NAMESPACES] = {"/", "/a", "/b", "/d-1", "/d-2"};
    sim_plan *plan = &world.plan;
    for (unsigned i = 0; i < plan->actors; i++) {
        sim_actor *actor = &world.actors[i];
        actor->number = i;
        actor->transports = plan->transports < 3 ? (sio_client_transports)plan->transports
                                                 : (sio_client_transports)sim_below(&world.rng, 3);
        actor->eio = plan->eio3 && sim_chance(&world.rng, 50) ? 3 : 4;
        actor->seat_count = 1 + (unsigned)sim_below(&world.rng, plan->seats);
        /* Clients of Socket.IO 2.x are in "/" whatever they ask for. */
        unsigned first = actor->eio == 3 ? 0 : (unsigned)sim_below(&world.rng, SIM_NAMESPACES);
        for (unsigned s = 0; s < actor->seat_count; s++) {
            sim_seat *seat = &actor->seats[s];
            unsigned at = (first + s) % (plan->dynamic ? SIM_NAMESPACES : 3);
            seat->actor = actor;
            seat->number = i * SIM_SEATS + s;
            seat->retries = plan->retries && sim_chance(&world.rng, 50);
            seat->watched = plan->watched;
            seat->old = actor->eio == 3;
            memcpy(seat->nsp, names[at], strlen(names[at]) + 1);
        }
        sim_event_init(&actor->act, on_act, actor);
        sim_event_after(&actor->act, some_time(&world.rng, plan->pace_us));
    }
}

static void storm(void) {
    world.storm = true;
    sim_server_start();
    make_actors();
    for (unsigned i = 0; i < world.plan.actors; i++) {
        sim_actor_start(&world.actors[i]);
    }
    sim_event_after(&world.server_act, world.plan.pace_us);
    sim_event_after(&world.audit, 100000);
    if (world.plan.fault_us > 0) {
        sim_event_after(&world.fault, world.plan.fault_us);
    }
    uint64_t until = sim_now_us() + world.plan.storm_us;
    while (sim_now_us() < until && sim_net_read_stats().events < world.plan.events && sim_step()) {
    }
    world.storm = false;
}

/* Faults have stopped: by then each client is connected, and what was under way has arrived. */
static uint64_t settling_us(void) {
    /* A silent connection is noticed, an attempt on the way out ends, the next one succeeds. */
    uint64_t ms = sim_ping_interval_ms() + sim_ping_timeout_ms() + 20000 + 7500 + 20000;
    return (ms + 60000) * 1000;
}

static void calm_down(void) {
    sim_fault_heal();
    if (!world.server) {
        sim_event_cancel(&world.restart);
        sim_server_start();
    }
    for (unsigned i = 0; i < world.plan.actors; i++) {
        sim_actor_want(&world.actors[i]);
    }
    run_for(settling_us());
    /* Who was refused or disconnected by the last of what was under way; and some connect once more
     * now that nothing disturbs them. */
    for (unsigned i = 0; i < world.plan.actors; i++) {
        sim_actor_want(&world.actors[i]);
        if (sim_chance(&world.rng, 30)) {
            sim_actor_renew(&world.actors[i]);
        }
    }
    run_for(settling_us());
}

static void check_items(const sim_items *items, const sim_seat *seat, bool up) {
    for (size_t i = 0; i < items->count; i++) {
        const sim_item *item = &items->list[i];
        bool arrived = item->handled || (item->state == SIM_ARRIVED && !up);
        bool must = !arrived && !(up && seat->forgetful) && item->state != SIM_REFUSED &&
                    !item->may_miss && (!up || item->epoch == seat->epoch);
        SIM_CHECK(!must, "seat %u: event %llu, which went %s, never arrived", seat->number,
                  (unsigned long long)item->id, up ? "up" : "down");
    }
}

static void check_settled(void) {
    SIM_CHECK(sio_list_empty(&world.laters), "the simulation has not answered all");
    for (const sim_ack_record *record = world.acks; record; record = record->next) {
        SIM_CHECK(record->ended || record->unanswered,
                  "event %llu: its acknowledgement is still awaited",
                  (unsigned long long)record->id);
    }
    for (unsigned i = 0; i < world.plan.actors; i++) {
        sim_actor *actor = &world.actors[i];
        if (actor->fresh) {
            sim_actor_check_calm(actor);
        }
        for (unsigned s = 0; s < actor->seat_count; s++) {
            sim_seat *seat = &actor->seats[s];
            SIM_CHECK(seat->connected, "seat %u: is not connected again", seat->number);
            SIM_CHECK(seat->lane && seat->lane->peer, "seat %u: the server does not know it",
                      seat->number);
            check_items(&seat->up, seat, true);
            check_items(&seat->lane->down, seat, false);
        }
    }
}

static void free_lists(void) {
    for (unsigned i = 0; i < world.plan.actors; i++) {
        sim_actor *actor = &world.actors[i];
        for (unsigned s = 0; s < actor->seat_count; s++) {
            sim_items_free(&actor->seats[s].up);
            free(actor->seats[s].last_of_epoch);
        }
    }
    free(world.broadcasts);
    free(world.broadcast_nsps);
    free(world.broadcast_buts);
    while (world.lanes) {
        sim_lane *lane = world.lanes;
        world.lanes = lane->next;
        sim_items_free(&lane->down);
        sim_items_free(&lane->extras);
        free(lane);
    }
}

static void end(void) {
    bool server_first = sim_chance(&world.rng, 50);
    world.quiet = false;
    world.ending = true;
    if (server_first) {
        sim_server_free();
    }
    for (unsigned i = 0; i < world.plan.actors; i++) {
        sim_event_cancel(&world.actors[i].act);
        sim_actor_free(&world.actors[i]);
    }
    if (!server_first) {
        run_for(sim_below(&world.rng, 2) * 10000000);
        sim_server_free();
    }
    sim_event_cancel(&world.audit);
    sim_event_cancel(&world.fault);
    sim_event_cancel(&world.server_act);
    while (sim_step()) {
    }
    check_acks_ended();
    check_graves();
    free_lists();
    sim_net_end();
}

sim_result sim_run(uint64_t seed) {
    begin(seed);
    storm();
    calm_down();
    check_settled();
    world.quiet = true;
    run_for(world.plan.idle_us);
    check_settled();
    sim_result result = {.simulated_us = sim_now_us(),
                         .up = world.events_up,
                         .down = world.events_down,
                         .connects = world.connects,
                         .recovered = world.recovered,
                         .acked = world.acked,
                         .actors = world.plan.actors};
    end();
    result.net = sim_net_read_stats();
    return result;
}
