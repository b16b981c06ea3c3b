/* One connection of the HTTP front. Requests are taken from the parser one at a time: the next when
 * the one before is answered. */
#include "front_state.h"

#include "mem.h"

#include <net/log.h>

#include <string.h>
#include <unistd.h>

enum {
    LINGER_MS = 1000,       /* for the peer to take the last answer */
    PENDING_MAX = 16384,    /* bytes of later requests, beyond which reading pauses */
    QUEUED_MAX = 65536,     /* bytes of answers, beyond which the next request waits */
    FILE_PIECE = 4 * 16384, /* of a file in the stream at a time */
};

static const sio_stream_callbacks stream_callbacks;

/* ---- life ---- */

static void on_timer(void *ctx);
static void on_go_on(void *ctx);
static void set_wait(sio_front_conn *conn);

static void conn_free(sio_front *front, sio_front_conn *conn) {
    sio_http1_parser_free(conn->parser);
    sio_mem_release(front->mem, conn->early);
    sio_mem_release(front->mem, conn);
}

static int keep_early(sio_front *front, sio_front_conn *conn, sio_bytes early) {
    if (early.len == 0) {
        return 0;
    }
    conn->early = sio_mem_alloc(front->mem, sizeof(*conn->early) + early.len);
    if (!conn->early) {
        return SIO_ERR_NOMEM;
    }
    conn->early->len = early.len;
    memcpy(conn->early->data, early.ptr, early.len);
    return 0;
}

int sio_front_conn_new(sio_front *front, sio_stream *stream, sio_bytes early, bool shaking) {
    sio_front_conn *conn = sio_mem_zalloc(front->mem, sizeof(*conn));
    if (!conn) {
        sio_stream_free(stream);
        return SIO_ERR_NOMEM;
    }
    int rc = sio_http1_parser_new_shared(&conn->parser, SIO_HTTP1_REQUESTS, front->scratch);
    if (rc == 0) {
        rc = keep_early(front, conn, early);
    }
    if (rc == 0) {
        rc = sio_timer_init(&conn->timer, front->loop, on_timer, conn);
    }
    if (rc != 0) {
        conn_free(front, conn);
        sio_stream_free(stream);
        return rc;
    }
    conn->front = front;
    conn->stream = stream;
    conn->file = -1;
    sio_task_init(&conn->go_on, on_go_on, conn);
    sio_list_push(&front->conns, &conn->link);
    front->count++;
    sio_stream_set_callbacks(stream, &stream_callbacks, conn);
    conn->shaking = shaking;
    if (!shaking) {
        set_wait(conn); /* a TLS handshake has a deadline of its own */
    }
    if (conn->early) {
        conn->paused = true; /* until it is read */
        sio_stream_pause(stream);
        sio_loop_defer(front->loop, &conn->go_on);
    }
    return 0;
}

void sio_front_reap(void *ctx) {
    sio_front *front = ctx;
    sio_list *link;
    while ((link = sio_list_shift(&front->gone)) != NULL) {
        conn_free(front, SIO_CONTAINER(link, sio_front_conn, link));
    }
}

static void close_file(sio_front_conn *conn) {
    if (conn->file >= 0) {
        close(conn->file);
        conn->file = -1;
    }
}

/* The memory stays until no callback is running that may use it. */
static void conn_gone(sio_front_conn *conn) {
    sio_front *front = conn->front;
    conn->stream = NULL;
    close_file(conn);
    sio_timer_done(&conn->timer);
    sio_task_cancel(&conn->go_on);
    sio_list_remove(&conn->link);
    sio_list_push(&front->gone, &conn->link);
    front->count--;
    sio_loop_defer(front->loop, &front->reap);
}

void sio_front_conn_finish(sio_front_conn *conn) {
    sio_stream_close(conn->stream, LINGER_MS);
    conn_gone(conn);
}

void sio_front_conn_cut(sio_front_conn *conn) {
    sio_stream_free(conn->stream);
    conn_gone(conn);
}

void sio_front_conn_lost(sio_front_conn *conn, int err) {
    const sio_mem *mem = conn->front->mem;
    sio_exchange *exchange = conn->exchange;
    conn->exchange = NULL;
    sio_front_conn_cut(conn);
    sio_exchange_abort(exchange, mem, err);
}

sio_stream *sio_front_conn_give(sio_front_conn *conn) {
    sio_stream *stream = conn->stream;
    sio_stream_set_callbacks(stream, NULL, NULL);
    if (conn->paused) {
        sio_stream_resume(stream);
    }
    conn_gone(conn);
    return stream;
}

int sio_front_conn_give_fd(sio_front_conn *conn, int *fd) {
    int rc = sio_stream_detach(fd, conn->stream);
    if (rc == 0) {
        conn_gone(conn);
    }
    return rc;
}

int sio_front_conn_pack(sio_front_conn *conn, sio_parcel **parcel) {
    const sio_bytes unread[] = {sio_http1_head_bytes(conn->parser), sio_http1_rest(conn->parser)};
    int rc = sio_stream_pack(parcel, conn->stream, unread, 2);
    if (rc == 0) {
        conn_gone(conn);
    }
    return rc;
}

bool sio_front_conn_idle(const sio_front_conn *conn) {
    return !conn->exchange && !conn->in_body && !conn->closing && conn->file < 0 &&
           !conn->stalled && sio_http1_pending(conn->parser) == 0;
}

/* ---- deadlines ---- */

static sio_front_wait wanted(const sio_front_conn *conn) {
    const sio_exchange *exchange = conn->exchange;
    bool sends = exchange && (exchange->streaming || exchange->awaits_drain);
    bool awaits_peer = sends && sio_stream_queued(conn->stream) > 0;
    if (conn->closing || conn->stalled || conn->file >= 0 || awaits_peer) {
        return SIO_WAIT_PEER;
    }
    if (exchange && exchange->whole) {
        return SIO_WAIT_NOTHING;
    }
    if (conn->in_body) {
        return SIO_WAIT_BODY;
    }
    if (!conn->served || sio_http1_pending(conn->parser) > 0) {
        return SIO_WAIT_HEAD;
    }
    return SIO_WAIT_PEER;
}

static uint64_t unsent(const sio_front_conn *conn) {
    return sio_stream_queued(conn->stream) + conn->file_left;
}

static void start_wait(sio_front_conn *conn, sio_front_wait wait) {
    const sio_front *front = conn->front;
    conn->wait = (uint8_t)wait;
    switch (wait) {
    case SIO_WAIT_HEAD:
        sio_timer_start(&conn->timer, front->header_timeout_ms);
        break;
    case SIO_WAIT_BODY:
        conn->received = 0;
        sio_timer_start(&conn->timer, front->body_timeout_ms);
        break;
    case SIO_WAIT_PEER:
        conn->unsent = unsent(conn); /* without any, nobody asks whether it has become less */
        if (conn->unsent > 0) {
            conn->unsent += sio_stream_in_kernel(conn->stream);
        }
        sio_timer_start(&conn->timer, front->idle_timeout_ms);
        break;
    default:
        sio_timer_stop(&conn->timer);
        break;
    }
}

/* A deadline counts from when its wait began, whatever arrives meanwhile. */
static void set_wait(sio_front_conn *conn) {
    sio_front_wait wait = wanted(conn);
    if (wait != (sio_front_wait)conn->wait) {
        start_wait(conn, wait);
    }
}

/* A peer that is still reading its answer may take longer, as long as it makes progress. The kernel
 * asks for more only when much of its buffer is free, and that may hold minutes of a slow line. */
static void peer_is_slow(sio_front_conn *conn) {
    if (unsent(conn) == 0) {
        sio_front_conn_finish(conn);
    } else if (unsent(conn) + sio_stream_in_kernel(conn->stream) != conn->unsent) {
        start_wait(conn, SIO_WAIT_PEER);
    } else {
        sio_front_conn_lost(conn, SIO_ERR_TIMEOUT);
    }
}

static void fail(sio_front_conn *conn, int err);

static void on_timer(void *ctx) {
    sio_front_conn *conn = ctx;
    if (conn->wait == SIO_WAIT_PEER) {
        peer_is_slow(conn);
    } else if (conn->wait == SIO_WAIT_HEAD && sio_http1_pending(conn->parser) == 0) {
        sio_front_conn_finish(conn); /* it never began to ask */
    } else if (conn->wait == SIO_WAIT_BODY && conn->received >= conn->front->body_bytes) {
        start_wait(conn, SIO_WAIT_BODY); /* large, not slow */
    } else {
        fail(conn, SIO_ERR_TIMEOUT);
    }
}

/* ---- the next step ---- */

/* All that can be done now is done. */
static void settle(sio_front_conn *conn) {
    bool waits = conn->exchange || conn->stalled || conn->file >= 0;
    if (conn->eof && conn->exchange) {
        sio_front_conn_lost(conn, SIO_ERR_CLOSED);
        return;
    }
    bool over = conn->eof || (sio_front_ends(conn->front) && sio_front_conn_idle(conn));
    if (over && !waits) {
        conn->closing = true;
    }
    if (conn->closing && conn->file < 0 && sio_stream_queued(conn->stream) == 0) {
        sio_front_conn_finish(conn);
        return;
    }
    bool pause = waits && !conn->closing && sio_http1_pending(conn->parser) > PENDING_MAX;
    if (pause != conn->paused) {
        conn->paused = pause;
        (pause ? sio_stream_pause : sio_stream_resume)(conn->stream);
    }
    set_wait(conn);
}

static void count_fault(const sio_front_conn *conn, int err) {
    sio_counters *counters = conn->front->counters;
    SIO_COUNT(*(err == SIO_ERR_TIMEOUT ? &counters->http_timeouts : &counters->http_faults));
    SIO_LOG(sio_loop_log(conn->front->loop), SIO_LOG_DEBUG, "engine:http", "refused: %s",
            sio_error_text(err));
}

/* The peer broke the rules, or was too slow. */
static void fail(sio_front_conn *conn, int err) {
    bool answered = !conn->exchange && conn->in_body;
    count_fault(conn, err);
    if (conn->exchange && conn->exchange->whole) {
        sio_front_conn_lost(conn, err); /* its answer is not ours to give */
    } else if (answered) {
        conn->closing = true;
    } else {
        sio_front_conn_answer_error(conn, err);
    }
    if (conn->stream) {
        settle(conn);
    }
}

/* ---- messages ---- */

static void say_continue(sio_front_conn *conn) {
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    sio_exchange *exchange = conn->exchange;
    if (!exchange->expects_continue) {
        return;
    }
    exchange->expects_continue = false;
    /* Not needed when the body comes unasked. */
    if (sio_http1_rest(conn->parser).len == 0 &&
        sio_stream_write(conn->stream, text, sizeof(text) - 1) != 0) {
        sio_front_conn_lost(conn, SIO_ERR_NOMEM);
    }
}

/* Whoever got the request has had its call. */
static void check_claim(sio_front_conn *conn) {
    if (!conn->exchange) {
        if (conn->in_body && conn->stream) {
            sio_http1_drop_head(conn->parser);
        }
    } else if (!conn->exchange->claimed) {
        sio_exchange_answer_status(conn->exchange, 500, NULL);
    }
}

static void on_head(sio_front_conn *conn, const sio_http1_head *head) {
    if (sio_front_send_away(conn, head)) {
        return;
    }
    sio_exchange *exchange = sio_exchange_new(conn, head);
    conn->wait = SIO_WAIT_NOTHING; /* each message has its own deadlines */
    sio_timer_stop(&conn->timer);
    if (!exchange) {
        sio_front_conn_cut(conn);
        return;
    }
    conn->exchange = exchange;
    conn->in_body = exchange->has_body;
    conn->served = true;
    sio_front_route(conn->front, exchange);
    check_claim(conn);
    if (conn->exchange && conn->in_body) {
        say_continue(conn);
    }
}

/* The buffer is not the exchange's any more: the answer may be given while it is being read. */
static void deliver(sio_front_conn *conn, sio_bytes body) {
    sio_exchange *exchange = conn->exchange;
    sio_buf buf = exchange->body;
    sio_buf_init(&exchange->body, 0, conn->front->mem);
    exchange->whole = true;
    conn->in_body = false;
    if (exchange->callbacks && exchange->callbacks->on_body) {
        exchange->callbacks->on_body(exchange->ctx, exchange, body);
    }
    sio_buf_free(&buf);
}

static void on_piece(sio_front_conn *conn, sio_bytes piece) {
    sio_exchange *exchange = conn->exchange;
    if (!exchange) {
        return;
    }
    /* Mostly it comes in one piece, and needs no copy. */
    if (!exchange->chunked && piece.len == exchange->length) {
        deliver(conn, piece);
    } else if (sio_buf_add(&exchange->body, piece.ptr, piece.len) != 0) {
        sio_front_conn_lost(conn, SIO_ERR_NOMEM);
    }
}

static void on_end(sio_front_conn *conn) {
    sio_exchange *exchange = conn->exchange;
    conn->in_body = false;
    if (exchange && !exchange->whole) {
        deliver(conn, (sio_bytes){exchange->body.data, exchange->body.len});
    }
    exchange = conn->exchange;
    if (exchange) {
        /* It is held, but the parser is at the message's end and forgets. */
        const sio_http1_head *head = sio_http1_current(conn->parser);
        if (!head || sio_http1_head_copy(&exchange->head, head, conn->front->mem) != 0) {
            sio_front_conn_lost(conn, SIO_ERR_NOMEM);
        }
    } else if (conn->stream && sio_stream_queued(conn->stream) > QUEUED_MAX) {
        conn->stalled = true;
    }
}

static void handle(sio_front_conn *conn, const sio_http1_event *event) {
    switch (event->type) {
    case SIO_HTTP1_HEAD:
        on_head(conn, event->head);
        break;
    case SIO_HTTP1_BODY:
        on_piece(conn, event->body);
        break;
    case SIO_HTTP1_END:
        on_end(conn);
        break;
    }
}

static bool may_go_on(const sio_front_conn *conn) {
    bool waits = conn->stalled || conn->file >= 0 || (conn->exchange && conn->exchange->whole);
    return conn->stream && !conn->closing && !waits;
}

static void read_on(sio_front_conn *conn) {
    if (conn->reading) {
        return;
    }
    conn->reading = true;
    sio_http1_event event;
    int rc = 1;
    while (rc > 0 && may_go_on(conn)) {
        rc = sio_http1_next(conn->parser, &event);
        if (rc > 0) {
            handle(conn, &event);
        }
    }
    bool needed = conn->stream && (!conn->closing || conn->exchange);
    if (rc > 0 && needed) {
        rc = sio_http1_hold(conn->parser);
    }
    conn->reading = false;
    if (!needed) {
        sio_http1_drop_head(conn->parser); /* it shows bytes that go before the parser does */
    }
    if (!conn->stream) {
        return;
    }
    if (rc < 0) {
        fail(conn, rc);
    } else {
        settle(conn);
    }
}

static void read_early(sio_front_conn *conn) {
    const sio_mem *mem = conn->front->mem;
    sio_front_early *early = conn->early;
    conn->early = NULL;
    int rc = sio_http1_feed(conn->parser, early->data, early->len);
    if (rc != 0) {
        fail(conn, rc);
    } else {
        read_on(conn);
    }
    sio_mem_release(mem, early);
}

static void on_go_on(void *ctx) {
    sio_front_conn *conn = ctx;
    if (conn->early) {
        read_early(conn);
    } else {
        read_on(conn);
    }
}

void sio_front_conn_answered(sio_front_conn *conn) {
    if (!conn->reading) {
        sio_loop_defer(conn->front->loop, &conn->go_on);
    }
}

void sio_front_conn_wrote(sio_front_conn *conn) {
    set_wait(conn);
}

/* ---- files ---- */

static bool send_some(sio_front_conn *conn, size_t max) {
    uint8_t *room = sio_stream_room(conn->stream, max);
    if (!room) {
        return false;
    }
    ssize_t n = read(conn->file, room, max);
    sio_stream_commit(conn->stream, n > 0 ? (size_t)n : 0);
    conn->file_left -= n > 0 ? (uint64_t)n : 0;
    return n > 0;
}

/* Disks are as fast as memory here or slow for everyone: reading blocks. A file that has become
 * shorter than announced cannot be told to the peer otherwise than by closing. */
static void send_piece(sio_front_conn *conn) {
    size_t budget = FILE_PIECE;
    while (budget > 0 && conn->file_left > 0) {
        size_t max = conn->file_left < SIO_STREAM_ROOM_MAX ? conn->file_left : SIO_STREAM_ROOM_MAX;
        if (!send_some(conn, max)) {
            sio_front_conn_cut(conn);
            return;
        }
        budget -= max;
    }
    if (conn->file_left == 0) {
        close_file(conn);
    }
}

void sio_front_conn_send_file(sio_front_conn *conn, int fd, uint64_t size) {
    conn->file = fd;
    conn->file_left = size;
    send_piece(conn);
}

/* ---- the stream ---- */

static void on_connected(void *ctx) {
    sio_front_conn *conn = ctx;
    conn->shaking = false;
    set_wait(conn);
}

static void on_read(void *ctx, uint8_t *data, size_t len) {
    sio_front_conn *conn = ctx;
    if (conn->closing) {
        return;
    }
    conn->received += len;
    int rc = sio_http1_feed(conn->parser, data, len);
    if (rc != 0) {
        fail(conn, rc);
        return;
    }
    read_on(conn);
}

static void on_eof(void *ctx) {
    sio_front_conn *conn = ctx;
    conn->eof = true;
    settle(conn);
}

static void on_error(void *ctx, const sio_stream_error *error) {
    sio_front_conn *conn = ctx;
    if (conn->shaking) {
        SIO_COUNT(conn->front->counters->tls_handshakes_failed);
        SIO_LOG(sio_loop_log(conn->front->loop), SIO_LOG_INFO, "engine:http",
                "a TLS handshake failed: %s", error->detail);
    }
    sio_front_conn_lost(conn, error->err);
}

static void on_drain(void *ctx) {
    sio_front_conn *conn = ctx;
    conn->stalled = false;
    if (conn->file >= 0) {
        send_piece(conn);
    }
    if (!conn->stream) {
        return;
    }
    if (conn->wait == SIO_WAIT_PEER) {
        conn->wait = SIO_WAIT_NOTHING; /* it counts from now */
    }
    sio_exchange *exchange = conn->exchange;
    bool told = exchange && (exchange->streaming || exchange->awaits_drain);
    if (told && exchange->callbacks && exchange->callbacks->on_drain) {
        exchange->callbacks->on_drain(exchange->ctx, exchange);
    }
    if (conn->stream) {
        read_on(conn);
    }
}

static const sio_stream_callbacks stream_callbacks = {
    .on_connected = on_connected,
    .on_read = on_read,
    .on_eof = on_eof,
    .on_error = on_error,
    .on_drain = on_drain,
};
