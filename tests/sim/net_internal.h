/* The inside of the simulated world, shared by the files net_*.c. */
#ifndef TESTS_SIM_NET_INTERNAL_H
#define TESTS_SIM_NET_INTERNAL_H

#include "net.h"

#include "buffer_pool.h"
#include "outq.h"

#include <net/listener.h>
#include <net/resolver.h>
#include <net/stream.h>
#include <net/timer.h>

/* ---- the queue ---- */

typedef struct sim_net {
    uint64_t now_us;
    sim_rng order;  /* of events at one instant, and lateness */
    sim_rng wire;   /* what the network does */
    sim_rng random; /* what the libraries are given */
    struct slot *slots;
    size_t count, cap;
    uint32_t sequence;
    uint64_t instant; /* events so far at `now_us` */
    sim_net_stats stats;

    sim_link link;
    sim_dns dns;
    uint64_t dns_delay_us;
    uint64_t outage_until;
    uint64_t accepts_fail_until;
    bool drop_syns;
    bool no_random;

    sio_list conns;
    size_t conn_count;
    uint64_t conn_ids;
    sio_list listeners;
    sio_list loops;
    uint32_t loop_ids;
} sim_net;

extern sim_net sim_the;

/* The queue's own form of an event: `index` is the owner's field. */
void sim_queue_at(uint32_t *index, uint64_t at_us, void (*fn)(void *ctx), void *ctx);
void sim_queue_cancel(uint32_t *index);
uint64_t sim_queue_when(uint32_t index);

/* ---- loops ---- */

struct sio_loop {
    sio_mem mem_copy;
    const sio_mem *mem;
    sio_log log;
    sio_list link; /* sim_the.loops */
    uint32_t id;
    unsigned depth;
    bool running, stopping;
    uint64_t stalled_until;
    sim_event turn, posted, after;
    void (*after_fn)(void *ctx);
    void *after_ctx;
    sio_post *posts;
    sio_post **posts_end;
    sio_list tasks;
    sio_list dirty;
    sio_list closing;
    sio_list lookups;
    sio_task quiet_task;
    size_t streams;
    size_t timers;
    sio_time timer_pass;
    uint64_t second, fired; /* timers that fired within one second */
    sio_chunk_pool pool;
    sio_buffer_pool *buffers;
    sio_timer buffers_timer; /* when they age next */
};

void sim_loop_enter(sio_loop *loop);
void sim_loop_leave(sio_loop *loop);
void sim_loop_run_tasks(sio_loop *loop);
void sim_loop_schedule_turn(sio_loop *loop);
void sim_loop_stream_gone(sio_loop *loop);
/* Put off what the process cannot do now. @return whether it was */
bool sim_loop_puts_off(const sio_loop *loop, sim_event *event);

/* ---- sockets ---- */

typedef struct segment segment;
typedef struct sim_socket sim_socket;

struct sim_socket {
    sim_conn *conn;
    sim_socket *peer;
    sio_stream *stream; /* is told; NULL when nobody is */
    /* What comes in. */
    segment *first;
    segment **end;
    sim_event arrival;
    uint64_t last_arrival;
    size_t in_flight;
    size_t lost; /* of a silent direction: never acknowledged */
    uint8_t *rx;
    size_t rx_head, rx_len, rx_cap;
    sim_link link;
    bool silent;
    bool fin_in, reset_in;
    /* What goes out. */
    sim_event ack; /* there is room again */
    bool blocked;
    bool fin_out;
    bool closed;
    bool orphan; /* the other end has gone without a word */
    sio_address address;
};

struct sim_conn {
    sio_list link;    /* sim_the.conns */
    sio_list waiting; /* to be accepted */
    uint64_t id;
    sim_socket end[2];     /* the one that connects, the one that accepts */
    sim_event step;        /* of the handshake */
    bool answered;         /* the listener's side has seen it */
    int refused;           /* errno */
    uint64_t silent_since; /* UINT64_MAX: it is not */
};

/* Begin to connect; sim_stream_attempted() tells the outcome. NULL when out of memory. */
sim_conn *sim_connect(sio_stream *stream, const sio_address *to, const sio_address *from);
/* Give up an attempt. */
void sim_connect_cancel(sim_conn *conn);

bool sim_socket_readable(const sim_socket *socket);
bool sim_socket_writable(const sim_socket *socket);
/* How much the next read brings; at least 1 when something is there. */
size_t sim_socket_offer(sim_socket *socket);
/* @return bytes, 0 at the end, -1 with `*sys` */
long sim_socket_read(sim_socket *socket, uint8_t *out, size_t len, int *sys);
/* @return 0 when all was taken, 1 when it is full, -1 with `*sys` */
int sim_socket_send(sim_socket *socket, sio_outq *queue, sio_chunk_pool *pool, int *sys);
void sim_socket_shutdown(sim_socket *socket);
void sim_socket_close(sim_socket *socket, bool reset);
size_t sim_socket_unacknowledged(const sim_socket *socket);

/* ---- streams, called by sockets and listeners ---- */

void sim_stream_ready(sio_stream *stream);
/* `sys` 0: connected. */
void sim_stream_attempted(sio_stream *stream, sim_conn *conn, int sys);
int sim_stream_accepted(sio_stream **out, sio_loop *loop, sim_socket *socket);
void sim_loop_flush_streams(sio_loop *loop);
void sim_loop_cut_closing(sio_loop *loop);

/* ---- listeners ---- */

/* NULL when nobody listens there. */
sio_listener *sim_listener_find(uint16_t port);
void sim_listener_offer(sio_listener *listener, sim_conn *conn);

/* ---- lookups ---- */

void sim_lookups_cancel(sio_loop *loop);

#endif
