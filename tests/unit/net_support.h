/* What the tests of libsio-net share: a loop that cannot hang, and streams that record. */
#ifndef TESTS_UNIT_NET_SUPPORT_H
#define TESTS_UNIT_NET_SUPPORT_H

#include "support.h"

#include "net/loop.h"
#include "net/stream.h"
#include "net/timer.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static inline sio_loop *net_loop(const sio_mem *mem) {
    sio_loop *loop;
    ck_assert_int_eq(sio_loop_new(&loop, &(sio_loop_options){.mem = mem}), 0);
    return loop;
}

static inline void net_too_long(void *ctx) {
    ck_abort_msg("what was waited for did not happen");
}

static inline void net_stop(void *ctx) {
    sio_loop_stop(ctx);
}

/* Run until stopped; a test that waits in vain fails instead of hanging. */
static inline void net_run(sio_loop *loop) {
    sio_timer guard;
    ck_assert_int_eq(sio_timer_init(&guard, loop, net_too_long, NULL), 0);
    sio_timer_start(&guard, 20000);
    ck_assert_int_eq(sio_loop_run(loop), 0);
    sio_timer_done(&guard);
}

/* Run what is ready and due within `ms` more. */
static inline void net_run_for(sio_loop *loop, uint64_t ms) {
    sio_timer end;
    ck_assert_int_eq(sio_timer_init(&end, loop, net_stop, loop), 0);
    sio_timer_start(&end, ms);
    ck_assert_int_eq(sio_loop_run(loop), 0);
    sio_timer_done(&end);
}

/* A stream's events, recorded. Stops the loop at what `stop_*` asks for. */
typedef struct net_peer {
    sio_stream *stream;
    uint8_t *bytes;
    size_t len;
    size_t stop_len; /* stop once that many bytes are there; 0 = never */
    unsigned connects, reads, eofs, errors, drains;
    bool stop_connect, stop_eof, stop_error, stop_drain;
    bool echo;
    int err, sys;
    char detail[400];
} net_peer;

static inline void net_peer_connected(void *ctx) {
    net_peer *p = ctx;
    p->connects++;
    if (p->stop_connect) {
        sio_loop_stop(sio_stream_loop(p->stream));
    }
}

static inline void net_peer_read(void *ctx, uint8_t *data, size_t len) {
    net_peer *p = ctx;
    p->reads++;
    if (p->echo) {
        ck_assert_int_eq(sio_stream_write(p->stream, data, len), 0);
    }
    p->bytes = realloc(p->bytes, p->len + len);
    memcpy(p->bytes + p->len, data, len);
    p->len += len;
    if (p->stop_len > 0 && p->len >= p->stop_len) {
        sio_loop_stop(sio_stream_loop(p->stream));
    }
}

static inline void net_peer_eof(void *ctx) {
    net_peer *p = ctx;
    p->eofs++;
    if (p->stop_eof) {
        sio_loop_stop(sio_stream_loop(p->stream));
    }
}

static inline void net_peer_error(void *ctx, const sio_stream_error *error) {
    net_peer *p = ctx;
    p->errors++;
    p->err = error->err;
    p->sys = error->sys;
    ck_assert_ptr_nonnull(error->detail);
    snprintf(p->detail, sizeof p->detail, "%s", error->detail);
    if (p->stop_error) {
        sio_loop_stop(sio_stream_loop(p->stream));
    }
}

static inline void net_peer_drain(void *ctx) {
    net_peer *p = ctx;
    p->drains++;
    if (p->stop_drain) {
        sio_loop_stop(sio_stream_loop(p->stream));
    }
}

static const sio_stream_callbacks net_peer_callbacks = {
    .on_connected = net_peer_connected,
    .on_read = net_peer_read,
    .on_eof = net_peer_eof,
    .on_error = net_peer_error,
    .on_drain = net_peer_drain,
};

static inline void net_pair(int fds[2], int type) {
    ck_assert_int_eq(socketpair(AF_UNIX, type, 0, fds), 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(fcntl(fds[i], F_SETFL, O_NONBLOCK), 0);
    }
}

static inline void net_adopt(net_peer *p, sio_loop *loop, int fd) {
    ck_assert_int_eq(sio_stream_adopt(&p->stream, loop, fd, NULL, 0, &net_peer_callbacks, p), 0);
}

static inline void net_peer_free(net_peer *p) {
    sio_stream_free(p->stream);
    p->stream = NULL;
    free(p->bytes);
    p->bytes = NULL;
}

#endif
