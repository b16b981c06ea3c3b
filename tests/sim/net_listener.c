/* net/listener.h: connections wait until the listening process takes them. */
#include "net_internal.h"

#include "mem.h"

#include <errno.h>

enum { ACCEPT_MAX_PER_TURN = 64, RETRY_MS = 100 };

struct sio_listener {
    sio_list link; /* sim_the.listeners */
    sio_loop *loop;
    sio_accept_fn on_accept;
    void *ctx;
    sio_timer retry;
    sim_event accept;
    sio_list backlog; /* sim_conn.waiting */
    sio_address address;
    bool paused, busy, freed;
};

static void release(sio_listener *listener) {
    sio_mem_release(listener->loop->mem, listener);
}

static void accept_soon(sio_listener *listener) {
    if (!listener->paused && !sio_list_empty(&listener->backlog) &&
        !sim_event_queued(&listener->accept) && !sio_timer_running(&listener->retry)) {
        sim_event_after(&listener->accept, 0);
    }
}

static void accept_some(sio_listener *listener) {
    for (int i = 0; i < ACCEPT_MAX_PER_TURN && !listener->paused && !listener->freed; i++) {
        if (sio_list_empty(&listener->backlog)) {
            return;
        }
        if (sim_the.accepts_fail_until > sim_the.now_us) {
            sio_timer_start(&listener->retry, RETRY_MS);
            return;
        }
        sim_conn *conn = SIO_CONTAINER(sio_list_shift(&listener->backlog), sim_conn, waiting);
        sio_stream *stream;
        if (sim_stream_accepted(&stream, listener->loop, &conn->end[1]) == 0) {
            listener->on_accept(listener->ctx, stream);
        }
        sim_loop_run_tasks(listener->loop);
    }
}

static void on_acceptable(void *ctx) {
    sio_listener *listener = ctx;
    sio_loop *loop = listener->loop;
    if (sim_loop_puts_off(loop, &listener->accept)) {
        return;
    }
    sim_loop_enter(loop);
    listener->busy = true;
    accept_some(listener);
    listener->busy = false;
    if (listener->freed) {
        release(listener);
    } else {
        accept_soon(listener);
    }
    sim_loop_leave(loop);
}

static void on_retry(void *ctx) {
    accept_soon(ctx);
}

sio_listener *sim_listener_find(uint16_t port) {
    for (sio_list *link = sim_the.listeners.next; link != &sim_the.listeners; link = link->next) {
        sio_listener *listener = SIO_CONTAINER(link, sio_listener, link);
        if (sio_address_port(&listener->address) == port) {
            return listener;
        }
    }
    return NULL;
}

void sim_listener_offer(sio_listener *listener, sim_conn *conn) {
    sio_list_push(&listener->backlog, &conn->waiting);
    accept_soon(listener);
}

int sio_listener_new(sio_listener **out, sio_loop *loop, const sio_listener_options *options,
                     int *detail_errno) {
    sio_address address;
    if (!options->on_accept || options->inherited || options->unix_path ||
        sio_address_literal(&address, SIM_ADDRESS, options->port) != 0) {
        return SIO_ERR_INVALID;
    }
    if (sim_listener_find(options->port)) {
        if (detail_errno) {
            *detail_errno = EADDRINUSE;
        }
        return SIO_ERR_LISTEN;
    }
    sio_listener *listener = sio_mem_zalloc(loop->mem, sizeof(*listener));
    if (!listener) {
        return SIO_ERR_NOMEM;
    }
    listener->loop = loop;
    if (sio_timer_init(&listener->retry, loop, on_retry, listener) != 0) {
        release(listener);
        return SIO_ERR_NOMEM;
    }
    listener->on_accept = options->on_accept;
    listener->ctx = options->ctx;
    listener->address = address;
    sio_list_init(&listener->backlog);
    sio_list_push(&sim_the.listeners, &listener->link);
    sim_event_init(&listener->accept, on_acceptable, listener);
    *out = listener;
    return 0;
}

void sio_listener_free(sio_listener *listener) {
    if (!listener) {
        return;
    }
    sio_list *link;
    while ((link = sio_list_shift(&listener->backlog)) != NULL) {
        sim_socket_close(&SIO_CONTAINER(link, sim_conn, waiting)->end[1], true);
    }
    sio_list_remove(&listener->link);
    sim_event_cancel(&listener->accept);
    sio_timer_done(&listener->retry);
    listener->freed = true;
    if (!listener->busy) {
        release(listener);
    }
}

int sio_listener_address(const sio_listener *listener, sio_address *out) {
    *out = listener->address;
    return 0;
}

uint16_t sio_listener_port(const sio_listener *listener) {
    return sio_address_port(&listener->address);
}

void sio_listener_set_tls(sio_listener *listener, sio_tls *tls) {
}

void sio_listener_pause(sio_listener *listener) {
    listener->paused = true;
    sio_timer_stop(&listener->retry);
    sim_event_cancel(&listener->accept);
}

void sio_listener_resume(sio_listener *listener) {
    listener->paused = false;
    accept_soon(listener);
}
