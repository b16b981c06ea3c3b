/* What goes wrong, as the seed has it. */
#include "world.h"

#include <net/loop.h>

static sim_rng *rng(void) {
    return &world.fault_rng;
}

static uint64_t a_while(uint64_t most_s) {
    uint64_t us = 1000000;
    uint64_t most = sim_below(rng(), most_s * 1000000) + 1;
    return sim_chance(rng(), 50) ? sim_below(rng(), us) + 1 : most;
}

/* ---- what ends by itself ---- */

static void end_syns(sim_later *later) {
    sim_net_drop_syns(false);
}

static void end_dns(sim_later *later) {
    sim_net_set_dns(SIM_DNS_MIXED, 100000);
}

static void end_random(sim_later *later) {
    sim_net_no_random(false);
}

static void end_memory(sim_later *later) {
    if (later->id == 0) {
        for (sim_grave *grave = world.graves; grave; grave = grave->next) {
            sim_memory_fail(&grave->memory, 0);
        }
    }
}

/* ---- processes that do not run ---- */

static bool is_of_client(const struct sio_loop *loop, void *user) {
    return sio_loop_mem(loop)->user != world.server_memory && sim_chance(rng(), 20);
}

static bool is_of_server(const struct sio_loop *loop, void *user) {
    return sio_loop_mem(loop)->user == world.server_memory;
}

/* ---- one of them ---- */

static void strike_connection(unsigned kind) {
    sim_conn *conn = sim_conn_pick(rng());
    if (!conn) {
        return;
    }
    switch (kind) {
    case SIM_FAULT_RESET:
        sim_conn_reset(conn);
        break;
    case SIM_FAULT_FINISH:
        sim_conn_finish(conn);
        break;
    case SIM_FAULT_SILENCE:
        sim_conn_silence(conn, (sim_silence)sim_below(rng(), 3));
        break;
    default:
        sim_conn_delay(conn, a_while(20));
        break;
    }
}

static void strike_server(void) {
    uint64_t down = a_while(30);
    if (sim_chance(rng(), 50)) {
        sim_server_kill(down);
    } else {
        sim_server_close_gracefully(down);
    }
}

static void fail_memory(sim_memory *memory) {
    if (memory) {
        sim_memory_fail(memory, (unsigned)sim_between(rng(), 1, 100));
        sim_later_new(end_memory, a_while(5));
    }
}

static void strike_memory(sim_actor *actor) {
    sim_actor_short(actor, true);
    fail_memory(actor->memory);
}

static void strike(unsigned kind) {
    switch (kind) {
    case SIM_FAULT_OUTAGE:
        sim_net_outage(sim_now_us() + a_while(60));
        break;
    case SIM_FAULT_STALL_CLIENT:
        sim_stall_all(is_of_client, NULL, sim_now_us() + a_while(60));
        break;
    case SIM_FAULT_STALL_SERVER:
        sim_stall_all(is_of_server, NULL, sim_now_us() + a_while(30));
        break;
    case SIM_FAULT_SYNS:
        sim_net_drop_syns(true);
        sim_later_new(end_syns, a_while(60));
        break;
    case SIM_FAULT_ACCEPTS:
        sim_net_refuse_accepts(sim_now_us() + a_while(20));
        break;
    case SIM_FAULT_DNS:
        sim_net_set_dns(SIM_DNS_FAILS, 3000000);
        sim_later_new(end_dns, a_while(20));
        break;
    case SIM_FAULT_RESTART:
        strike_server();
        break;
    case SIM_FAULT_MEMORY_CLIENT:
        strike_memory(&world.actors[sim_below(rng(), world.plan.actors)]);
        break;
    case SIM_FAULT_MEMORY_SERVER:
        world.memory_failed = true;
        fail_memory(world.server_memory);
        break;
    case SIM_FAULT_RANDOM:
        /* No randomness is for the libraries what no memory is. */
        world.memory_failed = true;
        for (unsigned i = 0; i < world.plan.actors; i++) {
            sim_actor_short(&world.actors[i], true);
        }
        sim_net_no_random(true);
        sim_later_new(end_random, a_while(3));
        break;
    default:
        strike_connection(kind);
        break;
    }
}

void sim_fault_strike(void) {
    unsigned kind = (unsigned)sim_below(rng(), SIM_FAULTS);
    if (world.plan.faults >> kind & 1) {
        sim_trace("fault %u", kind);
        strike(kind);
    }
}

void sim_fault_heal(void) {
    sim_net_drop_syns(false);
    sim_net_no_random(false);
    sim_net_outage(0);
    if (world.plan.fault_us > 0) {
        sim_net_read_fast();
    }
    sim_net_refuse_accepts(0);
    sim_net_set_dns(SIM_DNS_GOOD, 1000);
    for (sim_grave *grave = world.graves; grave; grave = grave->next) {
        sim_memory_fail(&grave->memory, 0);
    }
}
