/* The simulated kernel: connections of two sockets, with bytes on their way between them. Bytes of
 * one direction keep their order; between directions and connections there is none. */
#include "net_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SEGMENT_DATA, SEGMENT_FIN, SEGMENT_RST };

enum {
    SYN_AGAIN_US = 1000000,
    CONNECT_GIVE_UP_US = 127000000,
    KERNEL_WINDOW = 4096,
    WIDE_WINDOW = 65536
};

struct segment {
    segment *next;
    uint64_t at;
    int kind;
    size_t len;
    uint8_t data[];
};

/* ---- bytes on their way ---- */

static void wake(sim_socket *socket) {
    if (socket->stream) {
        sim_stream_ready(socket->stream);
    }
}

static void send_segment(sim_socket *to, int kind, const void *data, size_t len) {
    if (to->silent) {
        to->lost += len;
        return;
    }
    segment *seg = malloc(sizeof(*seg) + len);
    SIM_CHECK(seg, "the simulation is out of memory");
    uint64_t at = sim_the.now_us + to->link.latency_us;
    at += sim_below(&sim_the.wire, (uint64_t)to->link.jitter_us + 1);
    if (at < sim_the.outage_until) {
        at = sim_the.outage_until + sim_below(&sim_the.wire, 1000000);
    }
    if (at < to->last_arrival) {
        at = to->last_arrival;
    }
    *seg = (segment){.at = at, .kind = kind, .len = len};
    if (len > 0) {
        memcpy(seg->data, data, len);
    }
    to->last_arrival = at;
    to->in_flight += len;
    *to->end = seg;
    to->end = &seg->next;
    if (to->first == seg) {
        sim_event_at(&to->arrival, at);
    }
    sim_the.stats.bytes += len;
}

static void drop_segments(sim_socket *socket, bool lost) {
    while (socket->first) {
        segment *seg = socket->first;
        socket->first = seg->next;
        socket->lost += lost ? seg->len : 0;
        free(seg);
    }
    socket->end = &socket->first;
    socket->in_flight = 0;
    sim_event_cancel(&socket->arrival);
}

static void keep(sim_socket *socket, const segment *seg) {
    if (socket->rx_head + socket->rx_len + seg->len > socket->rx_cap) {
        size_t cap = (socket->rx_len + seg->len) * 2;
        uint8_t *rx = malloc(cap);
        SIM_CHECK(rx, "the simulation is out of memory");
        if (socket->rx_len > 0) {
            memcpy(rx, socket->rx + socket->rx_head, socket->rx_len);
        }
        free(socket->rx);
        socket->rx = rx;
        socket->rx_cap = cap;
        socket->rx_head = 0;
    }
    memcpy(socket->rx + socket->rx_head + socket->rx_len, seg->data, seg->len);
    socket->rx_len += seg->len;
}

static void got_reset(sim_socket *socket) {
    socket->reset_in = true;
    drop_segments(socket, false);
    if (sim_chance(&sim_the.wire, 50)) {
        socket->rx_len = 0;
    }
}

static void arrived(sim_socket *socket, const segment *seg) {
    switch (seg->kind) {
    case SEGMENT_DATA:
        if (socket->closed) {
            send_segment(socket->peer, SEGMENT_RST, NULL, 0);
        } else if (!socket->reset_in) {
            keep(socket, seg);
        }
        break;
    case SEGMENT_FIN:
        socket->fin_in = true;
        break;
    default:
        got_reset(socket);
        break;
    }
}

static void on_arrival(void *ctx) {
    sim_socket *socket = ctx;
    while (socket->first && socket->first->at <= sim_the.now_us) {
        segment *seg = socket->first;
        socket->first = seg->next;
        if (!socket->first) {
            socket->end = &socket->first;
        }
        socket->in_flight -= seg->len;
        arrived(socket, seg);
        free(seg);
    }
    if (socket->first) {
        sim_event_at(&socket->arrival, socket->first->at);
    }
    wake(socket);
}

/* ---- life ---- */

static void on_ack(void *ctx) {
    sim_socket *socket = ctx;
    socket->blocked = false;
    wake(socket);
}

static uint32_t up_to(uint32_t most) {
    return (uint32_t)sim_between(&sim_the.wire, most / 4, most);
}

static void draw_link(sim_link *out) {
    const sim_link *range = &sim_the.link;
    *out = *range;
    out->latency_us = up_to(range->latency_us);
    out->jitter_us = up_to(range->jitter_us);
    out->read_delay_us = sim_chance(&sim_the.wire, 50) ? 0 : up_to(range->read_delay_us);
    out->window = (uint32_t)sim_between(&sim_the.wire, range->window, (uint64_t)range->window * 4);
    /* Byte by byte all the time would be slow, and nothing else would be seen. */
    out->read_max = sim_chance(&sim_the.wire, 50) ? 0 : range->read_max;
}

static void init_socket(sim_socket *socket, sim_conn *conn, sim_socket *peer) {
    socket->conn = conn;
    socket->peer = peer;
    socket->end = &socket->first;
    sim_event_init(&socket->arrival, on_arrival, socket);
    sim_event_init(&socket->ack, on_ack, socket);
    draw_link(&socket->link);
}

static void free_conn(sim_conn *conn) {
    sim_event_cancel(&conn->step);
    sio_list_remove(&conn->waiting);
    sio_list_remove(&conn->link);
    sim_the.conn_count--;
    for (int i = 0; i < 2; i++) {
        drop_segments(&conn->end[i], false);
        sim_event_cancel(&conn->end[i].ack);
        free(conn->end[i].rx);
    }
    free(conn);
}

/* ---- connecting ---- */

/* The outcome reaches the one that connects. */
static void on_answer(void *ctx) {
    sim_conn *conn = ctx;
    sio_stream *stream = conn->end[0].stream;
    if (sim_loop_puts_off(sio_stream_loop(stream), &conn->step)) {
        return;
    }
    int sys = conn->refused;
    if (sys != 0) {
        conn->end[0].stream = NULL;
    }
    sim_trace("net: connection %llu: %s", (unsigned long long)conn->id,
              sys == 0 ? "stands" : "is refused");
    sim_stream_attempted(stream, conn, sys);
    if (sys != 0) {
        free_conn(conn);
    }
}

static bool is_address(const sim_conn *conn, const char *text) {
    char host[SIO_ADDRESS_TEXT_MAX];
    return strcmp(sio_address_host(&conn->end[1].address, host), text) == 0;
}

/* The first segment reaches the other side. */
static void on_syn(void *ctx) {
    sim_conn *conn = ctx;
    uint16_t port = sio_address_port(&conn->end[1].address);
    sio_listener *listener = is_address(conn, SIM_ADDRESS) ? sim_listener_find(port) : NULL;
    if (sim_the.drop_syns || sim_the.now_us < sim_the.outage_until) {
        sim_event_after(&conn->step, SYN_AGAIN_US + sim_below(&sim_the.wire, SYN_AGAIN_US));
        return;
    }
    sim_event_init(&conn->step, on_answer, conn);
    if (is_address(conn, "10.0.0.9")) {
        conn->refused = ETIMEDOUT;
        sim_event_after(&conn->step, CONNECT_GIVE_UP_US);
        return;
    }
    sim_event_after(&conn->step, conn->end[0].link.latency_us);
    if (!listener) {
        conn->refused = ECONNREFUSED;
        return;
    }
    conn->answered = true;
    conn->end[1].closed = false;
    sim_listener_offer(listener, conn);
}

sim_conn *sim_connect(sio_stream *stream, const sio_address *to, const sio_address *from) {
    sim_conn *conn = calloc(1, sizeof(*conn));
    if (!conn) {
        return NULL;
    }
    conn->id = ++sim_the.conn_ids;
    conn->silent_since = UINT64_MAX;
    sio_list_init(&conn->waiting);
    sio_list_push(&sim_the.conns, &conn->link);
    sim_the.conn_count++;
    sim_the.stats.connections++;
    init_socket(&conn->end[0], conn, &conn->end[1]);
    init_socket(&conn->end[1], conn, &conn->end[0]);
    conn->end[0].stream = stream;
    conn->end[0].address = *from;
    conn->end[1].address = *to;
    conn->end[1].closed = true;
    sim_event_init(&conn->step, on_syn, conn);
    sim_event_after(&conn->step, conn->end[1].link.latency_us);
    sim_trace("net: connection %llu: of loop %u", (unsigned long long)conn->id,
              sio_stream_loop(stream)->id);
    return conn;
}

void sim_connect_cancel(sim_conn *conn) {
    sim_socket_close(&conn->end[0], false);
}

/* ---- reading and writing ---- */

bool sim_socket_readable(const sim_socket *socket) {
    return socket->rx_len > 0 || socket->fin_in || socket->reset_in;
}

/* Room on the way to the other end. */
static size_t room(const sim_socket *socket) {
    const sim_socket *to = socket->peer;
    size_t used = to->in_flight + to->rx_len + to->lost;
    return used < to->link.window ? to->link.window - used : 0;
}

bool sim_socket_writable(const sim_socket *socket) {
    return socket->reset_in || (!socket->blocked && (socket->orphan || room(socket) > 0));
}

size_t sim_socket_offer(sim_socket *socket) {
    size_t len = socket->rx_len;
    if (socket->link.read_max > 0 && len > socket->link.read_max) {
        len = socket->link.read_max;
    }
    if (len > 1 && sim_chance(&sim_the.wire, 25)) {
        len = 1 + sim_below(&sim_the.wire, len);
    }
    return len;
}

long sim_socket_read(sim_socket *socket, uint8_t *out, size_t len, int *sys) {
    if (socket->rx_len == 0) {
        *sys = socket->reset_in ? ECONNRESET : EAGAIN;
        return socket->reset_in || !socket->fin_in ? -1 : 0;
    }
    len = len < socket->rx_len ? len : socket->rx_len;
    memcpy(out, socket->rx + socket->rx_head, len);
    socket->rx_head += len;
    socket->rx_len -= len;
    sim_the.stats.reads++;
    if (socket->rx_len == 0) {
        free(socket->rx);
        socket->rx = NULL;
        socket->rx_cap = socket->rx_head = 0;
    }
    if (socket->peer->blocked && !sim_event_queued(&socket->peer->ack)) {
        sim_event_after(&socket->peer->ack, socket->peer->link.latency_us);
    }
    return (long)len;
}

/* Take some of it. @return how much */
static size_t take(sim_socket *socket, const struct iovec *iov, int count, size_t max) {
    size_t sum = 0;
    for (int i = 0; i < count && sum < max; i++) {
        size_t n = iov[i].iov_len < max - sum ? iov[i].iov_len : max - sum;
        if (!socket->orphan && !socket->peer->closed) {
            send_segment(socket->peer, SEGMENT_DATA, iov[i].iov_base, n);
        }
        sum += n;
    }
    if (socket->orphan || socket->peer->closed) {
        /* It finds nobody there, and comes back as a reset. */
        send_segment(socket, SEGMENT_RST, NULL, 0);
    }
    return sum;
}

int sim_socket_send(sim_socket *socket, sio_outq *queue, sio_chunk_pool *pool, int *sys) {
    struct iovec iov[64];
    while (queue->bytes > 0) {
        if (socket->reset_in || socket->fin_out) {
            *sys = socket->reset_in ? ECONNRESET : EPIPE;
            return -1;
        }
        size_t offered, max = socket->orphan ? SIZE_MAX : room(socket);
        int count = sio_outq_iovec(queue, iov, 64, &offered);
        bool part = offered > 1 && sim_chance(&sim_the.wire, socket->link.short_sends);
        if (part && max > 0) {
            max = 1 + sim_below(&sim_the.wire, max < offered ? max : offered);
        }
        size_t taken = take(socket, iov, count, max);
        sio_outq_consume(queue, pool, taken);
        if (taken < offered) {
            socket->blocked = true;
            if (part && max > 0) {
                sim_event_after(&socket->ack, socket->link.latency_us);
            }
            return 1;
        }
    }
    return 0;
}

size_t sim_socket_unacknowledged(const sim_socket *socket) {
    const sim_socket *to = socket->peer;
    size_t unread = to->rx_len > KERNEL_WINDOW ? to->rx_len - KERNEL_WINDOW : 0;
    return to->in_flight + to->lost + unread;
}

/* ---- ending ---- */

void sim_socket_shutdown(sim_socket *socket) {
    if (!socket->fin_out) {
        socket->fin_out = true;
        if (!socket->peer->closed && !socket->orphan) {
            send_segment(socket->peer, SEGMENT_FIN, NULL, 0);
        }
    }
}

void sim_socket_close(sim_socket *socket, bool reset) {
    sim_conn *conn = socket->conn;
    sim_socket *peer = socket->peer;
    if (socket->rx_len > 0) {
        reset = true; /* what arrived unread is answered so */
    }
    socket->closed = true;
    socket->stream = NULL;
    socket->rx_len = 0;
    sim_trace("net: connection %llu: the %s closes%s", (unsigned long long)conn->id,
              socket == &conn->end[0] ? "client" : "server", reset ? ", by a reset" : "");
    if (peer->closed) {
        free_conn(conn);
        return;
    }
    sim_event_cancel(&socket->ack);
    sim_event_cancel(&conn->step);
    if (socket->orphan || socket->reset_in) {
        return;
    }
    if (reset) {
        send_segment(peer, SEGMENT_RST, NULL, 0);
    } else if (!socket->fin_out) {
        send_segment(peer, SEGMENT_FIN, NULL, 0);
    }
}

/* ---- faults ---- */

static bool is_open(const sim_conn *conn) {
    return conn->answered && !conn->end[0].closed && !conn->end[1].closed &&
           conn->silent_since == UINT64_MAX;
}

sim_conn *sim_conn_pick(sim_rng *rng) {
    uint64_t skip = sim_below(rng, sim_the.conn_count);
    sio_list *link = sim_the.conns.next;
    for (; skip > 0; skip--) {
        link = link->next;
    }
    for (size_t i = 0; i < sim_the.conn_count; i++, link = link->next) {
        if (link == &sim_the.conns) {
            link = link->next;
        }
        sim_conn *conn = SIO_CONTAINER(link, sim_conn, link);
        if (is_open(conn)) {
            return conn;
        }
    }
    return NULL;
}

void sim_conn_reset(sim_conn *conn) {
    sim_trace("net: connection %llu: is reset", (unsigned long long)conn->id);
    for (int i = 0; i < 2; i++) {
        drop_segments(&conn->end[i], true);
        conn->end[i].last_arrival = 0;
        send_segment(&conn->end[i], SEGMENT_RST, NULL, 0);
    }
}

void sim_conn_finish(sim_conn *conn) {
    sim_trace("net: connection %llu: is ended", (unsigned long long)conn->id);
    for (int i = 0; i < 2; i++) {
        send_segment(&conn->end[i], SEGMENT_FIN, NULL, 0);
        conn->end[i].orphan = true;
    }
}

void sim_conn_silence(sim_conn *conn, sim_silence what) {
    conn->silent_since = sim_the.now_us;
    sim_trace("net: connection %llu: falls silent", (unsigned long long)conn->id);
    for (int i = 0; i < 2; i++) {
        if (what == SIM_SILENT_BOTH || (what == SIM_SILENT_UP) == (i == 1)) {
            conn->end[i].silent = true;
            drop_segments(&conn->end[i], true);
        }
    }
}

void sim_conn_delay(sim_conn *conn, uint64_t us) {
    for (int i = 0; i < 2; i++) {
        uint64_t until = sim_the.now_us + us;
        if (conn->end[i].last_arrival < until) {
            conn->end[i].last_arrival = until;
        }
    }
}

uint64_t sim_conn_oldest_silence(void) {
    uint64_t oldest = UINT64_MAX;
    for (sio_list *link = sim_the.conns.next; link != &sim_the.conns; link = link->next) {
        const sim_conn *conn = SIO_CONTAINER(link, sim_conn, link);
        bool both = !conn->end[0].closed && !conn->end[1].closed;
        if (both && conn->silent_since < oldest) {
            oldest = conn->silent_since;
        }
    }
    return oldest;
}

void sim_net_set_link(const sim_link *link) {
    sim_the.link = *link;
}

static void widen(sim_link *link) {
    link->read_max = link->read_delay_us = 0;
    link->window = link->window < WIDE_WINDOW ? WIDE_WINDOW : link->window;
}

void sim_net_read_fast(void) {
    widen(&sim_the.link);
    for (sio_list *link = sim_the.conns.next; link != &sim_the.conns; link = link->next) {
        sim_conn *conn = SIO_CONTAINER(link, sim_conn, link);
        for (int i = 0; i < 2; i++) {
            widen(&conn->end[i].link);
            sim_event_after(&conn->end[i].ack, conn->end[i].link.latency_us);
        }
    }
}

void sim_net_outage(uint64_t until_us) {
    sim_the.outage_until = until_us;
}

void sim_net_drop_syns(bool on) {
    sim_the.drop_syns = on;
}

void sim_net_refuse_accepts(uint64_t until_us) {
    sim_the.accepts_fail_until = until_us;
}
