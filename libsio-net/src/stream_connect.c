#include "stream_internal.h"

#include "net/resolver.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Happy Eyeballs (RFC 8305 §4, §5): attempts start 250 ms apart, or as soon as one fails, and the
 * first that stands wins. */
enum { ATTEMPT_DELAY_MS = 250 };

typedef struct attempt {
    struct event event;
    stream_connector *connector;
    int fd; /* -1: not begun or given up */
} attempt;

struct stream_connector {
    sio_stream *stream;
    sio_timer next_timer;
    sio_address local;
    size_t count;
    size_t next;    /* the address to try next */
    size_t pending; /* attempts under way */
    int last_errno;
    sio_address *addresses;
    attempt attempts[];
};

static void close_attempt(attempt *try) {
    if (try->fd >= 0) {
        event_del(&try->event);
        close(try->fd);
        try->fd = -1;
    }
}

void sio_connector_free(stream_connector *connector) {
    if (!connector) {
        return;
    }
    const sio_mem *mem = connector->stream->loop->mem;
    for (size_t i = 0; i < connector->next; i++) {
        close_attempt(&connector->attempts[i]);
    }
    sio_timer_done(&connector->next_timer);
    sio_mem_release(mem, connector->addresses);
    sio_mem_release(mem, connector);
}

/* A socket may connect to itself when the port it wants is free and in the ephemeral range. */
static bool is_self_connected(int fd) {
    sio_address here = {.len = sizeof here.u};
    sio_address there = {.len = sizeof there.u};
    return getsockname(fd, &here.u.any, &here.len) == 0 &&
           getpeername(fd, &there.u.any, &there.len) == 0 && here.u.any.sa_family != AF_UNIX &&
           here.len == there.len && memcmp(&here.u, &there.u, here.len) == 0;
}

static void succeed(stream_connector *connector, attempt *winner) {
    sio_stream *stream = connector->stream;
    event_del(&winner->event);
    stream->fd = winner->fd;
    winner->fd = -1;
    stream->origin.connector = NULL;
    sio_connector_free(connector);
    sio_fd_nodelay(stream->fd);
    sio_stream_established(stream);
}

static void fail_all(stream_connector *connector) {
    char host[SIO_ADDRESS_TEXT_MAX];
    char text[128];
    int sys = connector->last_errno;
    const sio_address *last = &connector->addresses[connector->count - 1];
    uint16_t port = sio_address_port(last);
    sio_address_host(last, host);
    sio_stream_fail(connector->stream, SIO_ERR_CONNECT, sys, "connect to %s port %u: %s", host,
                    (unsigned)port, strerror_r(sys, text, sizeof text));
}

static int check_attempt(int fd) {
    int sys = 0;
    socklen_t len = sizeof sys;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &sys, &len) != 0) {
        return errno;
    }
    return sys == 0 && is_self_connected(fd) ? ECONNREFUSED : sys;
}

static void next_attempt(stream_connector *connector);

static void on_attempt(evutil_socket_t fd, short what, void *arg) {
    attempt *try = arg;
    stream_connector *connector = try->connector;
    sio_stream *stream = connector->stream;
    sio_loop *loop = stream->loop;
    sio_loop_enter(loop);
    sio_stream_hold(stream);
    int sys = check_attempt(try->fd);
    if (sys == 0) {
        succeed(connector, try);
    } else {
        connector->last_errno = sys;
        connector->pending--;
        close_attempt(try);
        next_attempt(connector);
    }
    sio_stream_drop(stream);
    sio_loop_leave(loop);
}

/* @return 0 when under way or connected, else errno */
static int begin(stream_connector *connector, attempt *try, const sio_address *address) {
    sio_loop *loop = connector->stream->loop;
    const sio_address *local = &connector->local;
    if (local->len > 0 && local->u.any.sa_family != address->u.any.sa_family) {
        return EAFNOSUPPORT;
    }
    int fd = socket(address->u.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return errno;
    }
    int rc = local->len > 0 ? bind(fd, &local->u.any, local->len) : 0;
    if (rc == 0) {
        rc = connect(fd, &address->u.any, address->len);
    }
    int sys = rc == 0 ? 0 : errno;
    if (sys == 0 || sys == EINPROGRESS || sys == EINTR) {
        event_assign(&try->event, loop->base, fd, EV_WRITE, on_attempt, try);
        if (event_add(&try->event, NULL) == 0) {
            try->fd = fd;
            return 0;
        }
        sys = ENOMEM;
    }
    close(fd);
    return sys;
}

/* Begin with the next address that can be begun with. Ends the stream when none is left and none
 * under way. */
static void next_attempt(stream_connector *connector) {
    while (connector->next < connector->count) {
        size_t at = connector->next++;
        attempt *try = &connector->attempts[at];
        try->connector = connector;
        try->fd = -1;
        int sys = begin(connector, try, &connector->addresses[at]);
        if (sys == 0) {
            connector->pending++;
            if (connector->next < connector->count) {
                sio_timer_start(&connector->next_timer, ATTEMPT_DELAY_MS);
            }
            return;
        }
        connector->last_errno = sys;
    }
    sio_timer_stop(&connector->next_timer);
    if (connector->pending == 0) {
        fail_all(connector);
    }
}

static void on_next(void *ctx) {
    stream_connector *connector = ctx;
    sio_stream *stream = connector->stream;
    sio_stream_hold(stream);
    next_attempt(connector);
    sio_stream_drop(stream);
}

/* Alternate between the first address's family and the others, keeping the order within each
 * (RFC 8305 §4). */
static void interleave(sio_address *out, const sio_address *in, size_t count) {
    int first_family = in[0].u.any.sa_family;
    size_t at[2] = {0, 0};
    for (size_t i = 0, turn = 0; i < count; turn ^= 1) {
        while (at[turn] < count && (in[at[turn]].u.any.sa_family == first_family) != (turn == 0)) {
            at[turn]++;
        }
        if (at[turn] < count) {
            out[i++] = in[at[turn]++];
        }
    }
}

int sio_connector_start(sio_stream *stream, const sio_stream_connect_options *options) {
    const sio_mem *mem = stream->loop->mem;
    size_t count = options->address_count;
    if (count > SIO_LOOKUP_MAX_ADDRESSES) {
        count = SIO_LOOKUP_MAX_ADDRESSES;
    }
    stream_connector *connector = sio_mem_zalloc(mem, sizeof *connector + count * sizeof(attempt));
    if (!connector) {
        return SIO_ERR_NOMEM;
    }
    connector->stream = stream;
    connector->count = count;
    connector->addresses = sio_mem_alloc_array(mem, count, sizeof *connector->addresses);
    if (!connector->addresses ||
        sio_timer_init(&connector->next_timer, stream->loop, on_next, connector) != 0) {
        sio_connector_free(connector);
        return SIO_ERR_NOMEM;
    }
    interleave(connector->addresses, options->addresses, count);
    if (options->local) {
        connector->local = *options->local;
    }
    stream->origin.connector = connector;
    sio_timer_start(&connector->next_timer, 0); /* not from here: it may call back */
    return 0;
}
