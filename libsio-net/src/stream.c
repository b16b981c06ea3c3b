#include "stream_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static const sio_stream_callbacks no_callbacks;

/* -- life -- */

int sio_stream_make(sio_stream **out, sio_loop *loop, const sio_stream_callbacks *callbacks,
                    void *ctx) {
    sio_stream *stream = sio_mem_zalloc(loop->mem, sizeof *stream);
    if (!stream) {
        return SIO_ERR_NOMEM;
    }
    stream->loop = loop;
    stream->callbacks = callbacks ? callbacks : &no_callbacks;
    stream->ctx = ctx;
    stream->fd = -1;
    sio_list_init(&stream->dirty);
    sio_loop_stream_made(loop);
    *out = stream;
    return 0;
}

void sio_stream_hold(sio_stream *stream) {
    stream->busy++;
}

void sio_stream_drop(sio_stream *stream) {
    if (--stream->busy == 0 && stream->freed) {
        sio_mem_release(stream->loop->mem, stream);
    }
}

void sio_stream_unwatch(sio_stream *stream) {
    if (stream->watched != 0) {
        (void)sio_poller_watch(&stream->loop->poller, stream, 0);
    }
}

static void close_fd(sio_stream *stream) {
    if (stream->fd >= 0) {
        sio_stream_unwatch(stream);
        close(stream->fd);
        stream->fd = -1;
    }
}

/* What the stream comes from, while that lasts. */
static void end_origin(sio_stream *stream) {
    if (stream->state == STREAM_CONNECTING) {
        sio_connector_free(stream->origin.connector);
        stream->origin.connector = NULL;
    } else {
        sio_parcel_free(stream->origin.arrived);
        stream->origin.arrived = NULL;
    }
}

static void end_tls(sio_stream *stream) {
    if (stream->tls) {
        sio_outq_clear(sio_stream_tls_plain(stream->tls), &stream->loop->pool);
        sio_stream_tls_free(stream->tls, stream->loop->mem);
        stream->tls = NULL;
    }
}

void sio_stream_teardown(sio_stream *stream) {
    end_origin(stream);
    if (stream->state != STREAM_DEAD) {
        stream->state = STREAM_DEAD;
        sio_loop_stream_gone(stream->loop);
        if (stream->on_gone) {
            stream->on_gone(stream->gone_ctx);
        }
    }
    sio_list_remove(&stream->dirty);
    sio_stream_wait_end(stream);
    close_fd(stream);
    sio_outq_clear(&stream->wire, &stream->loop->pool);
    end_tls(stream);
}

void sio_stream_free(sio_stream *stream) {
    if (!stream) {
        return;
    }
    sio_stream_teardown(stream);
    stream->callbacks = &no_callbacks;
    stream->freed = true;
    sio_stream_hold(stream);
    sio_stream_drop(stream);
}

void sio_stream_abort(sio_stream *stream) {
    if (stream->fd >= 0) {
        sio_socket_set_reset(stream->fd);
    }
    sio_stream_free(stream);
}

void sio_stream_fail(sio_stream *stream, int err, int sys, const char *format, ...) {
    char detail[SIO_TLS_DETAIL_MAX + 64];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    bool owned = stream->state != STREAM_CLOSING;
    SIO_LOG(&stream->loop->log, SIO_LOG_DEBUG, "net", "%s: %s", sio_error_text(err), detail);
    if (!owned) {
        sio_stream_free(stream);
        return;
    }
    sio_stream_teardown(stream);
    if (stream->callbacks->on_error) {
        stream->callbacks->on_error(stream->ctx,
                                    &(sio_stream_error){.err = err, .sys = sys, .detail = detail});
    }
}

/* -- deadlines -- */

static void on_wait(void *ctx) {
    stream_wait *wait = ctx;
    sio_stream *stream = wait->stream;
    sio_stream_hold(stream);
    switch (stream->state) {
    case STREAM_CONNECTING:
        sio_stream_fail(stream, SIO_ERR_TIMEOUT, ETIMEDOUT, "connecting took too long");
        break;
    case STREAM_HANDSHAKE:
        sio_stream_fail(stream, SIO_ERR_TIMEOUT, ETIMEDOUT, "the TLS handshake took too long");
        break;
    default:
        sio_stream_free(stream);
        break;
    }
    sio_stream_drop(stream);
}

int sio_stream_wait_start(sio_stream *stream, uint64_t ms) {
    if (!stream->wait) {
        stream_wait *wait = sio_mem_zalloc(stream->loop->mem, sizeof *wait);
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

void sio_stream_wait_end(sio_stream *stream) {
    stream_wait *wait = stream->wait;
    if (wait) {
        stream->wait = NULL;
        sio_list_remove(&wait->link);
        sio_timer_done(&wait->timer);
        sio_mem_release(stream->loop->mem, wait);
    }
}

/* -- interest -- */

static short wanted_events(const sio_stream *stream) {
    short what = 0;
    if (stream->blocked) {
        what |= EV_WRITE;
    }
    bool ignore_pause = stream->state == STREAM_HANDSHAKE || stream->state == STREAM_CLOSING;
    if (!stream->eof && (!stream->paused || ignore_pause)) {
        what |= EV_READ;
    }
    return what;
}

void sio_stream_watch(sio_stream *stream) {
    short what = stream->fd < 0 ? 0 : wanted_events(stream);
    if (what == stream->watched || stream->broken) {
        return;
    }
    if (!sio_poller_watch(&stream->loop->poller, stream, what)) {
        stream->broken = true; /* no callback from here: the flush reports it */
        sio_stream_touch(stream);
    }
}

void sio_stream_touch(sio_stream *stream) {
    if (stream->reading || sio_list_linked(&stream->dirty)) {
        return;
    }
    sio_list_push(&stream->loop->dirty, &stream->dirty);
    sio_loop_schedule_turn(stream->loop);
}

/* -- making -- */

int sio_stream_connect(sio_stream **out, sio_loop *loop,
                       const sio_stream_connect_options *options) {
    if (!options->addresses || options->address_count == 0 || (options->tls && !options->host)) {
        return SIO_ERR_INVALID;
    }
    sio_stream *stream;
    int rc = sio_stream_make(&stream, loop, options->callbacks, options->ctx);
    if (rc != 0) {
        return rc;
    }
    stream->state = STREAM_CONNECTING;
    if (options->tls) {
        rc = sio_stream_tls_open(stream, options->tls, options->host);
    }
    if (rc == 0) {
        rc = sio_connector_start(stream, options);
    }
    if (rc == 0 && options->timeout_ms > 0) {
        rc = sio_stream_wait_start(stream, options->timeout_ms);
    }
    if (rc != 0) {
        sio_stream_free(stream);
        return rc;
    }
    *out = stream;
    return 0;
}

static int make_nonblocking(int fd) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0) {
        return SIO_ERR_INVALID;
    }
    if ((flags & O_NONBLOCK) == 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
        return SIO_ERR_NET;
    }
    return 0;
}

int sio_stream_adopt(sio_stream **out, sio_loop *loop, int fd, sio_tls *tls, uint64_t timeout_ms,
                     const sio_stream_callbacks *callbacks, void *ctx) {
    if (fd < 0) {
        return SIO_ERR_INVALID;
    }
    sio_stream *stream;
    int rc = sio_stream_make(&stream, loop, callbacks, ctx);
    if (rc != 0) {
        close(fd);
        return rc;
    }
    stream->fd = fd;
    stream->state = tls ? STREAM_HANDSHAKE : STREAM_OPEN;
    rc = make_nonblocking(fd);
    if (rc == 0) {
        sio_fd_nodelay(fd);
    }
    if (rc == 0 && tls) {
        rc = sio_stream_tls_open(stream, tls, NULL);
    }
    if (rc == 0 && tls && timeout_ms > 0) {
        rc = sio_stream_wait_start(stream, timeout_ms);
    }
    if (rc != 0) {
        sio_stream_free(stream);
        return rc;
    }
    sio_stream_watch(stream);
    if (stream->broken) {
        sio_stream_free(stream);
        return SIO_ERR_NET;
    }
    *out = stream;
    return 0;
}

int sio_stream_early(sio_stream *stream, const uint8_t *data, size_t len) {
    if (stream->state != STREAM_HANDSHAKE) {
        return SIO_ERR_STATE;
    }
    int rc = len > 0 ? sio_stream_tls_early(stream->tls, data, len) : 0;
    if (rc == 0 && len > 0) {
        sio_stream_touch(stream); /* the flush goes on with the handshake */
    }
    return rc;
}

int sio_stream_start_tls(sio_stream *stream, sio_tls *tls, const char *host, uint64_t timeout_ms) {
    if (stream->state != STREAM_OPEN || stream->tls || stream->eof) {
        return SIO_ERR_STATE;
    }
    if (!tls || !host) {
        return SIO_ERR_INVALID;
    }
    int rc = timeout_ms > 0 ? sio_stream_wait_start(stream, timeout_ms) : 0;
    if (rc == 0) {
        rc = sio_stream_tls_open(stream, tls, host);
    }
    if (rc != 0) {
        sio_stream_wait_end(stream);
        return rc;
    }
    stream->state = STREAM_HANDSHAKE;
    sio_stream_watch(stream);
    sio_stream_touch(stream); /* the flush sends the first message */
    return 0;
}

void sio_stream_set_callbacks(sio_stream *stream, const sio_stream_callbacks *callbacks,
                              void *ctx) {
    stream->callbacks = callbacks ? callbacks : &no_callbacks;
    stream->ctx = ctx;
}

/* -- writing -- */

/* Where the user's bytes go; NULL when they go nowhere. */
static sio_outq *app_queue(sio_stream *stream) {
    if (stream->state == STREAM_DEAD || stream->state == STREAM_CLOSING) {
        return NULL;
    }
    return stream->tls ? sio_stream_tls_plain(stream->tls) : &stream->wire;
}

static void wrote(sio_stream *stream) {
    stream->undrained = true;
    if (!stream->blocked && stream->fd >= 0) {
        sio_stream_touch(stream);
    }
}

int sio_stream_write(sio_stream *stream, const void *data, size_t len) {
    sio_outq *q = app_queue(stream);
    if (!q) {
        return SIO_ERR_CLOSED;
    }
    int rc = sio_outq_copy(q, &stream->loop->pool, data, len);
    if (rc == 0 && len > 0) {
        wrote(stream);
    }
    return rc;
}

int sio_stream_write_ref(sio_stream *stream, const void *data, size_t len,
                         void (*release)(void *owner), void *owner) {
    sio_outq *q = app_queue(stream);
    if (!q) {
        if (release) {
            release(owner);
        }
        return SIO_ERR_CLOSED;
    }
    int rc = sio_outq_ref(q, &stream->loop->pool, data, len, release, owner);
    if (rc == 0 && len > 0) {
        wrote(stream);
    }
    return rc;
}

uint8_t *sio_stream_room(sio_stream *stream, size_t len) {
    sio_outq *q = app_queue(stream);
    return q && len <= SIO_STREAM_ROOM_MAX ? sio_outq_room(q, &stream->loop->pool, len) : NULL;
}

void sio_stream_commit(sio_stream *stream, size_t used) {
    sio_outq_commit(app_queue(stream), &stream->loop->pool, used);
    if (used > 0) {
        wrote(stream);
    }
}

size_t sio_stream_queued(const sio_stream *stream) {
    size_t plain = stream->tls ? sio_stream_tls_plain(stream->tls)->bytes : 0;
    return stream->wire.bytes + plain;
}

size_t sio_stream_in_kernel(const sio_stream *stream) {
    return stream->fd < 0 ? 0 : sio_fd_unacknowledged(stream->fd);
}

void sio_stream_tell_low(sio_stream *stream, size_t bytes) {
    stream->low = bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX;
}

/* -- reading -- */

void sio_stream_pause(sio_stream *stream) {
    stream->paused = true;
    sio_stream_watch(stream);
}

void sio_stream_resume(sio_stream *stream) {
    stream->paused = false;
    sio_stream_watch(stream);
}

/* -- ending -- */

void sio_stream_close(sio_stream *stream, uint64_t linger_ms) {
    if (stream->state != STREAM_OPEN || sio_stream_wait_start(stream, linger_ms) != 0) {
        sio_stream_free(stream);
        return;
    }
    stream->state = STREAM_CLOSING;
    stream->callbacks = &no_callbacks;
    sio_list_push(&stream->loop->closing, &stream->wait->link);
    sio_stream_watch(stream);
    sio_stream_touch(stream);
}

void sio_loop_cut_closing(sio_loop *loop) {
    while (!sio_list_empty(&loop->closing)) {
        sio_stream_free(SIO_CONTAINER(loop->closing.next, stream_wait, link)->stream);
    }
}

int sio_stream_detach(int *out_fd, sio_stream *stream) {
    if (stream->state != STREAM_OPEN || stream->tls || stream->wire.bytes > 0) {
        return SIO_ERR_STATE;
    }
    sio_stream_unwatch(stream);
    *out_fd = stream->fd;
    stream->fd = -1;
    sio_stream_free(stream);
    return 0;
}

void sio_stream_on_gone(sio_stream *stream, void (*fn)(void *ctx), void *ctx) {
    stream->on_gone = fn;
    stream->gone_ctx = ctx;
}

/* -- asking -- */

sio_loop *sio_stream_loop(const sio_stream *stream) {
    return stream->loop;
}

bool sio_stream_is_tls(const sio_stream *stream) {
    return stream->tls != NULL;
}

int sio_stream_peer(const sio_stream *stream, sio_address *out) {
    sio_address address = {.len = sizeof address.u};
    if (stream->fd < 0 || getpeername(stream->fd, &address.u.any, &address.len) != 0) {
        return SIO_ERR_STATE;
    }
    *out = address;
    return 0;
}

int sio_stream_local(const sio_stream *stream, sio_address *out) {
    sio_address address = {.len = sizeof address.u};
    if (stream->fd < 0 || getsockname(stream->fd, &address.u.any, &address.len) != 0) {
        return SIO_ERR_STATE;
    }
    *out = address;
    return 0;
}

struct ssl_st *sio_stream_ssl(const sio_stream *stream) {
    return stream->tls ? sio_stream_tls_ssl(stream->tls) : NULL;
}
