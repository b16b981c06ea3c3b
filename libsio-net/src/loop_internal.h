/* The inside of a loop, shared by the files that make up libsio-net. */
#ifndef SIO_NET_LOOP_INTERNAL_H
#define SIO_NET_LOOP_INTERNAL_H

#include "buffer_pool.h"
#include "mem.h"
#include "net/loop.h"
#include "net/timer.h"
#include "outq.h"
#include "poller.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

enum { LOOP_RANDOM_BATCH = 4096 };

typedef struct sio_timer_slot {
    sio_time key; /* at most the timer's deadline: later restarts do not touch the heap */
    sio_timer *timer;
} sio_timer_slot;

struct sio_resolver;

struct sio_loop {
    sio_mem mem_copy;
    const sio_mem *mem; /* &mem_copy, or NULL for libc */
    sio_log log;
    struct event_base *base;
    bool own_base;
    bool running; /* inside sio_loop_run: turns are known, the clock is read once in each */
    bool now_valid;
    bool flushing;
    bool turn_pending; /* turn_event is active or added */
    unsigned depth;    /* callbacks entered */
    sio_time now;
    atomic_bool stopping;
    atomic_uintptr_t thread;

    int wake_fd;
    struct event wake_event;
    pthread_mutex_t post_lock;
    sio_post *posts;
    sio_post **posts_end;

    sio_poller poller; /* of the streams */

    struct event turn_event; /* deferred work and dirty streams, at the end of a turn */
    sio_list tasks;
    sio_list dirty;      /* sio_stream.dirty */
    sio_list closing;    /* stream_wait.link of streams that nobody owns any more */
    size_t streams;      /* a figure */
    sio_task quiet_task; /* the last stream has gone */

    struct event after_event;
    void (*after_fn)(void *ctx);
    void *after_ctx;

    int timer_fd;
    struct event timer_event;
    sio_timer_slot *timers; /* a heap of four children, root at 0 */
    size_t timer_count;
    size_t timer_cap;
    size_t timer_reserved;
    sio_time timer_armed;
    sio_time timer_pass; /* while timers fire: nothing started now is due in this pass */

    sio_buffer_pool *buffers;
    sio_timer buffers_timer; /* when they age next */

    sio_chunk_pool pool;
    uint8_t *read_buffer; /* made at the first read, shared by all streams */
    uint8_t *tls_buffer;  /* what they decrypt into */

    ssize_t (*random_source)(void *out, size_t len, unsigned flags);
    size_t random_left;
    uint8_t random[LOOP_RANDOM_BATCH];

    struct sio_resolver *resolver; /* made at the first lookup */
};

/* Around every callback that libevent makes into us: deferred work runs at the outermost leave. */
void sio_loop_enter(sio_loop *loop);
void sio_loop_leave(sio_loop *loop);

/* A stream is there; one has gone. */
void sio_loop_stream_made(sio_loop *loop);
void sio_loop_stream_gone(sio_loop *loop);

/* Run the deferred work now: before a stream's output is flushed. */
void sio_loop_run_tasks(sio_loop *loop);

/* See that turn_event runs: at the end of this turn, or in the next one when asked for by a flush
 * itself, so that a writer who never stops cannot keep the loop from its other descriptors. */
void sio_loop_schedule_turn(sio_loop *loop);

int sio_loop_timers_open(sio_loop *loop);
void sio_loop_timers_close(sio_loop *loop);

/* stream_io.c, called by the turn event. */
void sio_loop_flush_streams(sio_loop *loop);
/* stream.c, called when the loop goes. */
void sio_loop_cut_closing(sio_loop *loop);
/* resolver.c, called when the loop goes. */
void sio_resolver_detach(sio_loop *loop);

#endif
