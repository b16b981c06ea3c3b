/* What must be true: who is connected, who is in which room, and which events each may still see.
 * The model is told of every step that the two programs of a world take, and fails the run when a
 * step contradicts it.
 *
 * An ACTOR is a client program. A SEAT is its socket in one namespace. A LANE is what the server
 * knows as one peer: a session of a seat, which connection state recovery may continue. */
#ifndef TESTS_SIM_MODEL_H
#define TESTS_SIM_MODEL_H

#include "memory.h"
#include "net.h"

#include <sio/client.h>
#include <sio/server.h>

enum { SIM_SEATS = 3, SIM_ROOMS = 12, SIM_ID_MAX = 64 };

/* ---- events on their way ---- */

typedef enum sim_state {
    SIM_WAITING, /* sent or kept, must arrive while its connection lives */
    SIM_ARRIVED,
    SIM_REFUSED, /* the sender was told that it was not sent */
} sim_state;

typedef struct sim_item {
    uint64_t id;
    uint32_t rooms, except; /* of a broadcast */
    uint32_t epoch;         /* of the seat's connections, for what goes up */
    uint64_t sent_us;
    uint8_t state;  /* sim_state */
    bool unasked;   /* came before the client could want it */
    bool uncertain; /* whether it was sent, and when it comes */
    bool handled;   /* it has passed the middlewares for events */
    bool left;      /* the client has said that it leaves */
    bool may_miss;  /* volatile, or not kept by recovery */
} sim_item;

typedef struct sim_items {
    sim_item *list;
    size_t count, cap;
    size_t next; /* the first that has not arrived */
} sim_items;

sim_item *sim_items_add(sim_items *items, uint64_t id);
void sim_items_free(sim_items *items);

/* ---- who there is ---- */

typedef struct sim_lane sim_lane;
typedef struct sim_seat sim_seat;
typedef struct sim_actor sim_actor;

struct sim_lane {
    sim_lane *next;  /* of all */
    sim_lane *older; /* of the same seat */
    sio_list live;   /* world.live: those that may still be sent something */
    sim_seat *seat;
    uint32_t generation; /* of the server */
    char id[SIM_ID_MAX];
    char nsp[16];
    sio_peer *peer;   /* while it is connected on the server's side */
    uint32_t rooms;   /* bits */
    sim_items down;   /* what was sent to it, in order */
    uint32_t comings; /* connection events, recoveries included */
    uint32_t goings;
    uint64_t left_us; /* when it went */
    bool dismissed;   /* the server has disconnected it */
    bool left_by_client;
    bool may_return; /* recovery may continue it */
    bool seen;       /* the client knows that it is in */
    bool has_offset; /* the client has seen an event that recovery can go on from, */
    uint64_t offset_id;
    sim_items extras;   /* that recovery brings though they were not for it when they were sent */
    uint64_t offset_us; /* which was sent then */
};

struct sim_seat {
    sim_actor *actor;
    unsigned number; /* among all seats, for the handshake */
    char nsp[16];
    sio_socket *socket;
    bool connected;
    bool told;      /* by the event `connect` */
    bool leaves;    /* we have asked for the next disconnect */
    uint32_t epoch; /* connections so far */
    uint32_t connects, disconnects;
    sim_items up;
    uint32_t *last_of_epoch; /* index + 1 of the last item that arrived, by epoch */
    size_t epochs;
    sim_lane *lane;   /* of its present connection */
    sim_lane *newest; /* of all that the server has seen */
    bool retries;
    bool old;       /* speaks Socket.IO 2.x */
    bool forgetful; /* its program was short of memory: it was told of what it lost */
    bool watched;   /* we are told of what leaves */
};

/* ---- acknowledgements ---- */

typedef struct sim_ack_record {
    struct sim_ack_record *next;
    sim_actor *actor; /* who asked, or NULL: the server */
    sim_lane *lane;   /* whom the server asked */
    sim_seat *seat;
    uint64_t id;
    uint64_t asked_us;
    uint32_t timeout_ms;
    uint32_t epoch;
    bool ended;
    bool unanswered; /* for want of memory or randomness: it may wait for ever */
    bool sent_ended; /* for on_sent */
    bool wants_sent;
    bool kept; /* the event did not leave at once */
} sim_ack_record;

/* ---- what events carry ---- */

/* Arguments that follow from the number. @return owned by the caller */
sio_args *sim_payload(uint64_t id);
/* `more`: how many arguments may stand behind them, such as recovery's offset. `short_of`: there
 * was a lack of memory, in which arguments read as empty. */
void sim_payload_check(const sio_event *ev, uint64_t id, size_t more, bool short_of,
                       const char *where);
/* How big events are from now on. */
void sim_payload_set(uint64_t seed, uint32_t most_text, uint32_t most_binary);

/* ---- steps; each checks ---- */

/* An event goes up, or is kept; noted before the call, since that may call back. */
sim_item *sim_up_sent(sim_seat *seat, uint64_t id, bool is_volatile);
void sim_up_refused(sim_seat *seat, uint64_t id);
/* It leaves now, with the present connection. */
void sim_up_left(sim_seat *seat, uint64_t id);
/* The end of a connection ends its acknowledgement: so it has left, if it was kept at first. */
void sim_up_lost(const sim_seat *seat, uint64_t id);
void sim_up_arrived(sim_seat *seat, uint64_t id);
/* Behind the middlewares, which may answer in another order. */
void sim_up_handled(sim_seat *seat, uint64_t id);
/* Nobody waits for its acknowledgement any more: if it was kept, it is not sent at all. */
void sim_up_given_up(sim_seat *seat, uint64_t id);
/* The server has acknowledged it: so it has arrived. */
void sim_up_acknowledged(const sim_seat *seat, uint64_t id);
/* An event goes down to one peer. */
sim_item *sim_down_sent(sim_lane *lane, uint64_t id, bool may_miss);
/* A peer goes, and may come back: what was sent to rooms that it has left since is not kept. */
void sim_down_left(sim_lane *lane);
/* It comes back to a room that it was not in when an event was sent there, and is given that. */
void sim_down_extra(sim_lane *lane, uint64_t id);
/* What became of it: not sent, or perhaps not. */
void sim_down_refused(sim_lane *lane, uint64_t id);
void sim_down_uncertain(sim_lane *lane, uint64_t id);
void sim_down_arrived(sim_seat *seat, uint64_t id);

void sim_seat_connected(sim_seat *seat, sim_lane *lane, bool recovered);
void sim_seat_disconnected(sim_seat *seat);
/* The program of the seat ends: what it kept is gone. */
void sim_seat_freed(sim_seat *seat);

#endif
