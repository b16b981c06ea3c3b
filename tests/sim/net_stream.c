/* net/stream.h on simulated sockets, with the same promises: output leaves right after the stream's
 * own reading, else at the end of the turn; every call is legal in every callback. */
#include "net_internal.h"

#include "mem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ATTEMPT_DELAY_MS = 250, READ_BUFFER = 65536 };

typedef enum stream_state {
    STREAM_CONNECTING,
    STREAM_OPEN,
    STREAM_CLOSING, /* nobody owns it; flushes, then waits for the peer's end */
    STREAM_DEAD,
} stream_state;

typedef struct stream_wait {
    sio_list link; /* loop->closing while closing */
    sio_stream *stream;
    sio_timer timer;
} stream_wait;

typedef struct connector {
    sio_stream *stream;
    sio_timer next_timer;
    size_t count, next, pending;
    int last_errno;
    sio_address addresses[SIO_LOOKUP_MAX_ADDRESSES];
    sim_conn *attempts[SIO_LOOKUP_MAX_ADDRESSES];
} connector;

struct sio_stream {
    sio_loop *loop;
    const sio_stream_callbacks *callbacks; /* never NULL */
    void *ctx;
    sio_outq wire;
    size_t low;
    sio_list dirty;
    void (*on_gone)(void *ctx);
    void *gone_ctx;
    stream_wait *wait;
    connector *connector;
    sim_socket *socket;
    sim_event io;
    stream_state state;
    unsigned busy;
    bool freed, reading, paused, eof, shut, blocked, undrained;
};

static const sio_stream_callbacks no_callbacks;

static void flush(sio_stream *stream);

/* ---- life ---- */

static void hold(sio_stream *stream) {
    stream->busy++;
}

static void drop(sio_stream *stream) {
    if (--stream->busy == 0 && stream->freed) {
        sio_mem_release(stream->loop->mem, stream);
    }
}

static void wait_end(sio_stream *stream) {
    stream_wait *wait = stream->wait;
    if (wait) {
        stream->wait = NULL;
        sio_list_remove(&wait->link);
        sio_timer_done(&wait->timer);
        sio_mem_release(stream->loop->mem, wait);
    }
}

static void free_connector(connector *c) {
    if (!c) {
        return;
    }
    for (size_t i = 0; i < c->next; i++) {
        if (c->attempts[i]) {
            sim_connect_cancel(c->attempts[i]);
        }
    }
    sio_timer_done(&c->next_timer);
    sio_mem_release(c->stream->loop->mem, c);
}

static void teardown(sio_stream *stream, bool reset) {
    if (stream->state != STREAM_DEAD) {
        stream->state = STREAM_DEAD;
        sim_loop_stream_gone(stream->loop);
        if (stream->on_gone) {
            stream->on_gone(stream->gone_ctx);
        }
    }
    sio_list_remove(&stream->dirty);
    sim_event_cancel(&stream->io);
    free_connector(stream->connector);
    stream->connector = NULL;
    wait_end(stream);
    if (stream->socket) {
        sim_socket_close(stream->socket, reset);
        stream->socket = NULL;
    }
    sio_outq_clear(&stream->wire, &stream->loop->pool);
}

static void end(sio_stream *stream, bool reset) {
    teardown(stream, reset);
    stream->callbacks = &no_callbacks;
    stream->freed = true;
    hold(stream);
    drop(stream);
}

void sio_stream_free(sio_stream *stream) {
    if (stream) {
        end(stream, false);
    }
}

void sio_stream_abort(sio_stream *stream) {
    end(stream, true);
}

static void fail(sio_stream *stream, int err, int sys, const char *doing) {
    char detail[160];
    snprintf(detail, sizeof(detail), "%s: error %d", doing, sys);
    if (stream->state == STREAM_CLOSING) {
        sio_stream_free(stream);
        return;
    }
    teardown(stream, false);
    if (stream->callbacks->on_error) {
        stream->callbacks->on_error(stream->ctx,
                                    &(sio_stream_error){.err = err, .sys = sys, .detail = detail});
    }
}

static void on_wait(void *ctx) {
    const stream_wait *wait = ctx;
    sio_stream *stream = wait->stream;
    hold(stream);
    if (stream->state == STREAM_CONNECTING) {
        fail(stream, SIO_ERR_TIMEOUT, ETIMEDOUT, "connecting");
    } else {
        sio_stream_free(stream);
    }
    drop(stream);
}

static int wait_start(sio_stream *stream, uint64_t ms) {
    if (!stream->wait) {
        stream_wait *wait = sio_mem_zalloc(stream->loop->mem, sizeof(*wait));
        if (!wait) {
            return SIO_ERR_NOMEM;
        }
        if (sio_timer_init(&wait->timer, stream->loop, on_wait, wait) != 0) {
            sio_mem_release(stream->loop->mem, wait);
            return SIO_ERR_NOMEM;
        }
        wait->stream = stream;
        sio_list_init(&wait->link);
        stream->wait = wait;
    }
    sio_timer_start(&stream->wait->timer, ms);
    return 0;
}

/* ---- readiness ---- */

static bool wants_read(const sio_stream *stream) {
    return stream->socket && !stream->eof && (!stream->paused || stream->state == STREAM_CLOSING);
}

void sim_stream_ready(sio_stream *stream) {
    if (!stream->socket || sim_event_queued(&stream->io)) {
        return;
    }
    bool read = wants_read(stream) && sim_socket_readable(stream->socket);
    bool write = stream->blocked && sim_socket_writable(stream->socket);
    if (read || write) {
        uint64_t delay = write ? 0 : stream->socket->link.read_delay_us;
        sim_event_after(&stream->io, sim_below(&sim_the.wire, delay + 2));
    }
}

static void touch(sio_stream *stream) {
    if (!stream->reading && !sio_list_linked(&stream->dirty)) {
        sio_list_push(&stream->loop->dirty, &stream->dirty);
        sim_loop_schedule_turn(stream->loop);
    }
}

/* ---- out ---- */

static void drained(sio_stream *stream) {
    if (stream->state == STREAM_CLOSING) {
        if (!stream->shut) {
            stream->shut = true;
            sim_socket_shutdown(stream->socket);
        }
        if (stream->eof) {
            sio_stream_free(stream);
        }
        return;
    }
    if (stream->undrained && stream->state == STREAM_OPEN) {
        stream->undrained = false;
        stream->low = 0;
        if (stream->callbacks->on_drain) {
            stream->callbacks->on_drain(stream->ctx);
        }
    }
}

static void sank(sio_stream *stream) {
    if (stream->low > 0 && stream->state == STREAM_OPEN && stream->wire.bytes <= stream->low) {
        stream->low = 0;
        if (stream->callbacks->on_low) {
            stream->callbacks->on_low(stream->ctx);
        }
    }
}

static void flush(sio_stream *stream) {
    int sys = 0;
    if (!stream->socket) {
        return;
    }
    int rc = sim_socket_send(stream->socket, &stream->wire, &stream->loop->pool, &sys);
    if (rc < 0) {
        fail(stream, SIO_ERR_RESET, sys, "send");
        return;
    }
    stream->blocked = rc == 1;
    if (rc == 0) {
        drained(stream);
    } else {
        sank(stream);
    }
}

void sim_loop_flush_streams(sio_loop *loop) {
    sio_list now;
    sio_list_init(&now);
    sio_list_splice(&now, &loop->dirty);
    sio_list *link;
    while ((link = sio_list_shift(&now)) != NULL) {
        sio_stream *stream = SIO_CONTAINER(link, sio_stream, dirty);
        hold(stream);
        flush(stream);
        if (stream->socket) {
            sim_stream_ready(stream);
        }
        drop(stream);
    }
}

/* ---- in ---- */

/* What a person who looks for a fault wants to see; no part of the run's hash. */
static void show(const sio_stream *stream, const uint8_t *data, size_t len) {
    char text[161];
    size_t shown = len < sizeof(text) - 1 ? len : sizeof(text) - 1;
    for (size_t i = 0; i < shown; i++) {
        text[i] = data[i] >= ' ' && data[i] < 0x7f ? (char)data[i] : '.';
    }
    text[shown] = '\0';
    const sim_conn *conn = stream->socket->conn;
    printf("%12.6f net: connection %llu: the %s reads %zu: %s\n", (double)sim_now_us() / 1e6,
           (unsigned long long)conn->id, stream->socket == &conn->end[0] ? "client" : "server", len,
           text);
}

static void deliver(sio_stream *stream, uint8_t *data, size_t len) {
    for (size_t i = 0; i + 8 <= len; i += 64) {
        uint64_t word;
        memcpy(&word, data + i, 8);
        sim_note(word);
    }
    sim_note(len);
    if (sim_is_verbose()) {
        show(stream, data, len);
    }
    if (stream->state == STREAM_OPEN && stream->callbacks->on_read) {
        stream->callbacks->on_read(stream->ctx, data, len);
    }
}

static void input_ended(sio_stream *stream, long n, int sys) {
    if (n == 0) {
        stream->eof = true;
        if (stream->state == STREAM_OPEN && stream->callbacks->on_eof) {
            stream->callbacks->on_eof(stream->ctx);
        }
    } else if (sys != EAGAIN) {
        fail(stream, SIO_ERR_RESET, sys, "receive");
    }
}

static void read_some(sio_stream *stream) {
    size_t room = 0;
    uint8_t *given = NULL;
    if (stream->state == STREAM_OPEN && stream->callbacks->want_room) {
        given = stream->callbacks->want_room(stream->ctx, &room);
        if (!stream->socket) {
            return;
        }
    }
    if (!given || room == 0) {
        given = NULL;
        room = READ_BUFFER;
    }
    size_t offer = sim_socket_offer(stream->socket);
    offer = offer < room ? offer : room;
    /* A block of exactly its size, gone after the call: who looks beyond either is seen. */
    uint8_t *own = given ? NULL : malloc(offer + 1);
    int sys = 0;
    long n = sim_socket_read(stream->socket, given ? given : own, offer, &sys);
    if (n > 0) {
        uint8_t *exact = own ? realloc(own, (size_t)n) : NULL;
        own = exact ? exact : own;
        deliver(stream, given ? given : own, (size_t)n);
    } else {
        input_ended(stream, n, sys);
    }
    free(own);
}

static void on_io(void *ctx) {
    sio_stream *stream = ctx;
    sio_loop *loop = stream->loop;
    if (sim_loop_puts_off(loop, &stream->io)) {
        return;
    }
    sim_note(loop->id);
    sim_loop_enter(loop);
    hold(stream);
    stream->reading = true;
    if (wants_read(stream) && sim_socket_readable(stream->socket)) {
        read_some(stream);
    }
    sim_loop_run_tasks(loop);
    stream->reading = false;
    if (stream->socket && (sim_socket_writable(stream->socket) || !stream->blocked)) {
        flush(stream);
    }
    if (stream->socket) {
        sim_stream_ready(stream);
    }
    drop(stream);
    sim_loop_leave(loop);
}

/* ---- making ---- */

static sio_stream *make(sio_loop *loop, const sio_stream_callbacks *callbacks, void *ctx) {
    sio_stream *stream = sio_mem_zalloc(loop->mem, sizeof(*stream));
    if (stream) {
        stream->loop = loop;
        stream->callbacks = callbacks ? callbacks : &no_callbacks;
        stream->ctx = ctx;
        sio_list_init(&stream->dirty);
        sim_event_init(&stream->io, on_io, stream);
        loop->streams++;
    }
    return stream;
}

int sim_stream_accepted(sio_stream **out, sio_loop *loop, sim_socket *socket) {
    sio_stream *stream = make(loop, NULL, NULL);
    if (!stream) {
        sim_socket_close(socket, false);
        return SIO_ERR_NOMEM;
    }
    stream->state = STREAM_OPEN;
    stream->socket = socket;
    socket->stream = stream;
    *out = stream;
    sim_stream_ready(stream);
    return 0;
}

/* Begin with the next address; the stream ends when none is left and none under way. */
static void next_attempt(connector *c) {
    sio_address from;
    char host[32];
    uint32_t id = c->stream->loop->id;
    snprintf(host, sizeof(host), "10.1.%u.%u", id / 250 % 250, id % 250 + 1);
    sio_address_literal(&from, host, (uint16_t)(sim_the.conn_ids % 30000 + 20000));
    if (c->next < c->count) {
        size_t at = c->next++;
        c->attempts[at] = sim_connect(c->stream, &c->addresses[at], &from);
        c->pending++;
        if (c->next < c->count) {
            sio_timer_start(&c->next_timer, ATTEMPT_DELAY_MS);
        }
        return;
    }
    sio_timer_stop(&c->next_timer);
    if (c->pending == 0) {
        fail(c->stream, SIO_ERR_CONNECT, c->last_errno, "connect");
    }
}

static void on_next(void *ctx) {
    connector *c = ctx;
    sio_stream *stream = c->stream;
    hold(stream);
    next_attempt(c);
    drop(stream);
}

static void established(sio_stream *stream, sim_conn *conn) {
    connector *c = stream->connector;
    stream->connector = NULL;
    free_connector(c);
    stream->socket = &conn->end[0];
    stream->state = STREAM_OPEN;
    wait_end(stream);
    if (stream->wire.bytes > 0) {
        touch(stream);
    }
    sim_stream_ready(stream);
    if (stream->callbacks->on_connected) {
        stream->callbacks->on_connected(stream->ctx);
    }
}

void sim_stream_attempted(sio_stream *stream, sim_conn *conn, int sys) {
    sio_loop *loop = stream->loop;
    connector *c = stream->connector;
    sim_loop_enter(loop);
    hold(stream);
    for (size_t i = 0; i < c->next; i++) {
        c->attempts[i] = c->attempts[i] == conn ? NULL : c->attempts[i];
    }
    if (sys == 0) {
        established(stream, conn);
    } else {
        c->last_errno = sys;
        c->pending--;
        next_attempt(c);
    }
    drop(stream);
    sim_loop_leave(loop);
}

static int start_connector(sio_stream *stream, const sio_stream_connect_options *options) {
    connector *c = sio_mem_zalloc(stream->loop->mem, sizeof(*c));
    if (!c) {
        return SIO_ERR_NOMEM;
    }
    c->stream = stream;
    if (sio_timer_init(&c->next_timer, stream->loop, on_next, c) != 0) {
        sio_mem_release(stream->loop->mem, c);
        return SIO_ERR_NOMEM;
    }
    c->count = options->address_count;
    if (c->count > SIO_LOOKUP_MAX_ADDRESSES) {
        c->count = SIO_LOOKUP_MAX_ADDRESSES;
    }
    memcpy(c->addresses, options->addresses, c->count * sizeof(c->addresses[0]));
    stream->connector = c;
    sio_timer_start(&c->next_timer, 0);
    return 0;
}

int sio_stream_connect(sio_stream **out, sio_loop *loop,
                       const sio_stream_connect_options *options) {
    if (!options->addresses || options->address_count == 0) {
        return SIO_ERR_INVALID;
    }
    if (options->tls) {
        return SIO_ERR_UNSUPPORTED;
    }
    sio_stream *stream = make(loop, options->callbacks, options->ctx);
    if (!stream) {
        return SIO_ERR_NOMEM;
    }
    int rc = start_connector(stream, options);
    if (rc == 0 && options->timeout_ms > 0) {
        rc = wait_start(stream, options->timeout_ms);
    }
    if (rc != 0) {
        sio_stream_free(stream);
        return rc;
    }
    *out = stream;
    return 0;
}

void sio_stream_set_callbacks(sio_stream *stream, const sio_stream_callbacks *callbacks,
                              void *ctx) {
    stream->callbacks = callbacks ? callbacks : &no_callbacks;
    stream->ctx = ctx;
}

/* ---- writing ---- */

static bool takes(const sio_stream *stream) {
    return stream->state == STREAM_CONNECTING || stream->state == STREAM_OPEN;
}

static void wrote(sio_stream *stream) {
    stream->undrained = true;
    if (!stream->blocked && stream->socket) {
        touch(stream);
    }
}

int sio_stream_write(sio_stream *stream, const void *data, size_t len) {
    if (!takes(stream)) {
        return SIO_ERR_CLOSED;
    }
    int rc = sio_outq_copy(&stream->wire, &stream->loop->pool, data, len);
    if (rc == 0 && len > 0) {
        wrote(stream);
    }
    return rc;
}

int sio_stream_write_ref(sio_stream *stream, const void *data, size_t len,
                         void (*release)(void *owner), void *owner) {
    if (!takes(stream)) {
        if (release) {
            release(owner);
        }
        return SIO_ERR_CLOSED;
    }
    int rc = sio_outq_ref(&stream->wire, &stream->loop->pool, data, len, release, owner);
    if (rc == 0 && len > 0) {
        wrote(stream);
    }
    return rc;
}

uint8_t *sio_stream_room(sio_stream *stream, size_t len) {
    if (!takes(stream) || len > SIO_STREAM_ROOM_MAX) {
        return NULL;
    }
    return sio_outq_room(&stream->wire, &stream->loop->pool, len);
}

void sio_stream_commit(sio_stream *stream, size_t used) {
    sio_outq_commit(&stream->wire, &stream->loop->pool, used);
    if (used > 0) {
        wrote(stream);
    }
}

size_t sio_stream_queued(const sio_stream *stream) {
    return stream->wire.bytes;
}

size_t sio_stream_in_kernel(const sio_stream *stream) {
    return stream->socket ? sim_socket_unacknowledged(stream->socket) : 0;
}

void sio_stream_tell_low(sio_stream *stream, size_t bytes) {
    stream->low = bytes;
}

/* ---- reading ---- */

void sio_stream_pause(sio_stream *stream) {
    stream->paused = true;
}

void sio_stream_resume(sio_stream *stream) {
    stream->paused = false;
    sim_stream_ready(stream);
}

/* ---- ending ---- */

void sio_stream_close(sio_stream *stream, uint64_t linger_ms) {
    if (stream->state != STREAM_OPEN || wait_start(stream, linger_ms) != 0) {
        sio_stream_free(stream);
        return;
    }
    stream->state = STREAM_CLOSING;
    stream->callbacks = &no_callbacks;
    sio_list_push(&stream->loop->closing, &stream->wait->link);
    sim_stream_ready(stream);
    touch(stream);
}

void sim_loop_cut_closing(sio_loop *loop) {
    while (!sio_list_empty(&loop->closing)) {
        sio_stream_free(SIO_CONTAINER(loop->closing.next, stream_wait, link)->stream);
    }
}

void sio_stream_on_gone(sio_stream *stream, void (*fn)(void *ctx), void *ctx) {
    stream->on_gone = fn;
    stream->gone_ctx = ctx;
}

/* ---- asking ---- */

sio_loop *sio_stream_loop(const sio_stream *stream) {
    return stream->loop;
}

bool sio_stream_is_tls(const sio_stream *stream) {
    return false;
}

int sio_stream_peer(const sio_stream *stream, sio_address *out) {
    if (!stream->socket) {
        return SIO_ERR_STATE;
    }
    *out = stream->socket->peer->address;
    return 0;
}

int sio_stream_local(const sio_stream *stream, sio_address *out) {
    if (!stream->socket) {
        return SIO_ERR_STATE;
    }
    *out = stream->socket->address;
    return 0;
}

/* ---- what only descriptors and TLS have ---- */

int sio_stream_adopt(sio_stream **out, sio_loop *loop, int fd, sio_tls *tls, uint64_t timeout_ms,
                     const sio_stream_callbacks *callbacks, void *ctx) {
    return SIO_ERR_INVALID;
}

int sio_stream_detach(int *out_fd, sio_stream *stream) {
    return SIO_ERR_STATE;
}

int sio_stream_early(sio_stream *stream, const uint8_t *data, size_t len) {
    return SIO_ERR_STATE;
}

int sio_stream_pack(sio_parcel **out, sio_stream *stream, const sio_bytes *unread, size_t count) {
    return SIO_ERR_STATE;
}

int sio_stream_unpack(sio_stream **out, sio_loop *loop, sio_parcel *parcel,
                      const sio_stream_callbacks *callbacks, void *ctx) {
    return SIO_ERR_NET;
}

void sio_parcel_post(sio_parcel *parcel, sio_loop *loop, void (*fn)(void *ctx, sio_parcel *parcel),
                     void *ctx) {
}

void sio_parcel_free(sio_parcel *parcel) {
}

int sio_stream_start_tls(sio_stream *stream, sio_tls *tls, const char *host, uint64_t timeout_ms) {
    return SIO_ERR_UNSUPPORTED;
}

struct ssl_st *sio_stream_ssl(const sio_stream *stream) {
    return NULL;
}

int sio_stream_certificate(char **subject, bool *verified, const sio_stream *stream) {
    *subject = NULL;
    *verified = false;
    return 0;
}

sio_str sio_stream_alpn(const sio_stream *stream) {
    return (sio_str){NULL, 0};
}
