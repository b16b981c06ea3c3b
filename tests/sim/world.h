/* A world: one server and a crowd of clients that use it, on one clock, from one seed. */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include "model.h"

enum { SIM_ACTORS = 300, SIM_PORT = 80, SIM_NAMESPACES = 5 };

/* What a seed has drawn. Whole features are on or off, so that rare combinations come up. */
typedef struct sim_plan {
    unsigned actors;
    uint64_t events;   /* ... or how many events that takes, at most */
    uint64_t storm_us; /* how long things happen */
    uint64_t idle_us;  /* and then nothing but heartbeats */
    uint64_t pace_us;  /* between two actions of one actor, on average */
    uint64_t fault_us; /* between two faults; 0: none ever */
    uint32_t faults;   /* bits: which kinds */
    uint32_t actions;  /* bits: which kinds */
    sim_link link;
    unsigned seats; /* of an actor, at most */
    unsigned transports;
    bool eio3, msgpack, deflate, recovery, retries, lazy_middlewares, event_middlewares, frees;
    bool dynamic, cleanup, watched;
    uint32_t recovery_ms;
    uint32_t ping_interval_ms, ping_timeout_ms;
    uint32_t text_most, binary_most;
} sim_plan;

enum {
    SIM_FAULT_RESET,
    SIM_FAULT_FINISH,
    SIM_FAULT_SILENCE,
    SIM_FAULT_DELAY,
    SIM_FAULT_OUTAGE,
    SIM_FAULT_STALL_CLIENT,
    SIM_FAULT_STALL_SERVER,
    SIM_FAULT_SYNS,
    SIM_FAULT_ACCEPTS,
    SIM_FAULT_DNS,
    SIM_FAULT_RESTART,
    SIM_FAULT_MEMORY_CLIENT,
    SIM_FAULT_MEMORY_SERVER,
    SIM_FAULT_RANDOM,
    SIM_FAULTS
};

struct sim_actor {
    unsigned number;
    sio_client *client;
    sim_memory *memory;
    sim_event act;
    sim_seat seats[SIM_SEATS];
    unsigned seat_count;
    sio_client_transports transports;
    uint32_t eio;
    uint32_t lives;
    uint32_t attempts;  /* to reconnect, since it was connected */
    bool memory_failed; /* in this life */
    uint32_t awaited;   /* acknowledgements that this client still owes us */
    bool busy;          /* inside a call that may call back */
    bool fresh;         /* its connection was made when nothing was disturbed any more */
    uint64_t pinged_us; /* when the last ping came */
    bool closed;        /* by sio_client_close */
};

/* A memory that a freed client or server leaves behind, to be looked at when all has settled. */
typedef struct sim_grave {
    struct sim_grave *next;
    sim_memory memory;
    char whose[32];
} sim_grave;

/* Something that an application does later. */
typedef struct sim_later {
    sio_list link;
    sim_event event;
    void (*fn)(struct sim_later *later);
    sio_next *next;
    sio_ack *ack;
    sio_auth_request *auth;
    uint64_t id;
    bool refuse;
} sim_later;

typedef struct sim_world {
    uint64_t seed;
    sim_plan plan;
    sim_rng rng;       /* of what the programs do */
    sim_rng fault_rng; /* and of what happens to them */
    sim_actor actors[SIM_ACTORS];

    sio_server *server;
    sim_memory *server_memory;
    uint32_t generation;
    bool closing;
    sim_event restart, server_act, fault, heal, audit;

    sim_lane *lanes;
    sim_item *broadcasts; /* that recovery keeps, by id */
    const char **broadcast_nsps;
    const sim_lane **broadcast_buts;
    size_t broadcast_count, broadcast_cap;
    sio_list live; /* sim_lane.live */
    sim_ack_record *acks;
    uint64_t ids; /* of events */
    uint64_t server_awaited;
    sio_list laters;
    sim_grave *graves;

    bool storm;         /* things happen */
    bool ending;        /* everything is being freed */
    bool quiet;         /* nothing may end by itself any more */
    bool memory_failed; /* on the server, once */
    uint64_t events_up, events_down, connects, recovered, acked;
} sim_world;

extern sim_world world;

typedef struct sim_result {
    sim_net_stats net;
    uint64_t simulated_us;
    uint64_t up, down, connects, recovered, acked;
    unsigned actors;
} sim_result;

/* Run one seed; does not return when an invariant breaks. */
sim_result sim_run(uint64_t seed);

void sim_plan_draw(sim_plan *plan, uint64_t seed);
void sim_plan_print(const sim_plan *plan);

/* The heartbeat of this seed, and how long one way through the network takes at most. */
uint64_t sim_ping_interval_ms(void);
uint64_t sim_ping_timeout_ms(void);
uint64_t sim_one_way_us(void);

/* ---- server_side.c ---- */

void sim_server_start(void);
void sim_server_restart_after(uint64_t us);
/* Free it now, as a process that is killed; it comes back after a while. */
void sim_server_kill(uint64_t down_us);
void sim_server_close_gracefully(uint64_t down_us);
void sim_server_act(void);
/* Compare what the server says of itself with the model. */
void sim_server_audit(void);
void sim_server_free(void);
sim_lane *sim_lane_find(const sim_seat *seat, const char *id);
/* One action of the server's application, also from inside a handler. */
void sim_server_do_something(void);

/* ---- client_side.c ---- */

void sim_actor_start(sim_actor *actor);
/* It runs, or ran, out of memory or randomness. */
void sim_actor_short(sim_actor *actor, bool on);
void sim_actor_free(sim_actor *actor);
void sim_actor_act(sim_actor *actor);
/* Close its connection and make a new one. */
void sim_actor_renew(sim_actor *actor);
/* See that it is connected, or will be. */
void sim_actor_want(sim_actor *actor);
void sim_actor_audit(const sim_actor *actor);
/* Nothing was disturbed, and there was time enough: it is where it wants to be. */
void sim_actor_check_calm(const sim_actor *actor);
void sim_client_do_something(sim_actor *actor, sim_seat *seat);

/* ---- faults.c ---- */

void sim_fault_strike(void);
/* Everything works again. */
void sim_fault_heal(void);

/* ---- world.c ---- */

sim_ack_record *sim_ack_new(sim_actor *actor, sim_seat *seat, sim_lane *lane, uint64_t id,
                            uint32_t timeout_ms);
/* Checks that it is the first answer, and the right one. */
void sim_ack_ended(sim_ack_record *record, const sio_event *reply);
/* Whoever was to answer could not. */
void sim_ack_unanswered(uint64_t id);
sim_later *sim_later_new(void (*fn)(sim_later *later), uint64_t us);
sim_memory *sim_grave_new(const char *whose, unsigned number, uint64_t seed);

#endif
