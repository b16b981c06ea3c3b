#include "stream_internal.h"

#include <errno.h>
#include <string.h>

/* -- out -- */

static void fail_io(sio_stream *stream, int sys, const char *doing) {
    char text[128];
    int err = sio_socket_is_reset(sys) ? SIO_ERR_RESET : SIO_ERR_NET;
    sio_stream_fail(stream, err, sys, "%s: %s", doing, strerror_r(sys, text, sizeof text));
}

static void fail_tls(sio_stream *stream) {
    stream_tls_fault fault;
    sio_stream_tls_fault(stream->tls, &fault);
    /* The alert that tells the peer; whether it gets there changes nothing. */
    (void)sio_fd_send(stream->fd, &stream->wire, &stream->loop->pool);
    sio_stream_fail(stream, fault.err, 0, "%s", fault.text);
}

/* All output is with the kernel: say so, or go on closing. */
static void drained(sio_stream *stream) {
    if (stream->state == STREAM_CLOSING) {
        if (!stream->shut) {
            stream->shut = true;
            shutdown(stream->fd, SHUT_WR);
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

/* Some of the output is with the kernel. */
static void sank(sio_stream *stream) {
    if (stream->low > 0 && stream->state == STREAM_OPEN &&
        sio_stream_queued(stream) <= stream->low) {
        stream->low = 0;
        if (stream->callbacks->on_low) {
            stream->callbacks->on_low(stream->ctx);
        }
    }
}

static bool shake_hands(sio_stream *stream);

/* With TLS: go on with the handshake, then encrypt what the plain queue holds. A client's handshake
 * begins here, without input.
 * @return false when the stream is dead */
static bool prepare(sio_stream *stream) {
    if (!stream->tls) {
        return true;
    }
    if (stream->state == STREAM_HANDSHAKE && !shake_hands(stream)) {
        return stream->fd >= 0;
    }
    if (sio_stream_tls_encrypt(stream->tls) != 0) {
        fail_tls(stream);
        return false;
    }
    if (stream->state == STREAM_CLOSING && sio_stream_tls_plain(stream->tls)->bytes == 0) {
        sio_stream_tls_shutdown(stream->tls);
    }
    return true;
}

static bool plain_left(const sio_stream *stream) {
    return stream->tls && stream->state != STREAM_HANDSHAKE &&
           sio_stream_tls_plain(stream->tls)->bytes > 0;
}

static void flush(sio_stream *stream) {
    if (stream->fd < 0) {
        return;
    }
    if (stream->broken) {
        sio_stream_fail(stream, SIO_ERR_NET, 0, "the descriptor cannot be watched");
        return;
    }
    int rc;
    int rounds = 0;
    do {
        if (!prepare(stream)) {
            return;
        }
        rc = sio_fd_send(stream->fd, &stream->wire, &stream->loop->pool);
        /* A fair share for each stream: wait for writability, which is there at once. */
        if (rc == 0 && plain_left(stream) && ++rounds == 64) {
            rc = 1;
        }
    } while (rc == 0 && plain_left(stream));
    if (rc < 0) {
        fail_io(stream, errno, "send");
        return;
    }
    stream->blocked = rc == 1;
    sio_stream_watch(stream);
    if (rc == 0) {
        drained(stream);
    } else {
        sank(stream);
    }
}

/* -- in -- */

static void deliver(sio_stream *stream, uint8_t *data, size_t len) {
    if (stream->state == STREAM_OPEN && stream->callbacks->on_read) {
        stream->callbacks->on_read(stream->ctx, data, len);
    }
}

static void end_of_input(sio_stream *stream) {
    stream->eof = true;
    sio_stream_watch(stream);
    if (stream->state == STREAM_OPEN && stream->callbacks->on_eof) {
        stream->callbacks->on_eof(stream->ctx);
    }
}

/* The loop's read buffer, made when first needed. */
static uint8_t *shared_buffer(sio_loop *loop, uint8_t **slot, size_t size) {
    if (!*slot) {
        *slot = sio_mem_alloc(loop->mem, size);
    }
    return *slot;
}

static void input_ended(sio_stream *stream, ssize_t n, int sys) {
    if (n == 0 && stream->tls && stream->state != STREAM_CLOSING) {
        sio_stream_fail(stream, SIO_ERR_RESET, 0,
                        stream->state == STREAM_HANDSHAKE
                            ? "the peer closed the connection during the TLS handshake"
                            : "the peer closed the connection without ending TLS");
    } else if (n == 0) {
        end_of_input(stream);
    } else if (sys != EAGAIN && sys != EWOULDBLOCK) {
        fail_io(stream, sys, "receive");
    }
}

static void handshake_done(sio_stream *stream) {
    stream->state = STREAM_OPEN;
    sio_stream_wait_end(stream);
    sio_stream_watch(stream);
    if (stream->callbacks->on_connected) {
        stream->callbacks->on_connected(stream->ctx);
    }
}

/* Go on with the handshake. @return whether it is complete and the stream not dead */
static bool shake_hands(sio_stream *stream) {
    switch (sio_stream_tls_handshake(stream->tls)) {
    case TLS_MORE:
        return false;
    case TLS_DONE:
        handshake_done(stream);
        return stream->fd >= 0;
    default:
        fail_tls(stream);
        return false;
    }
}

/* All at once: the buffer has room for what one read brings and for the incomplete record that
 * OpenSSL may have kept from the one before. So nothing stays behind if the reader pauses, and the
 * reader is called once. */
static void read_records(sio_stream *stream, uint8_t *plain) {
    size_t got;
    stream_tls_result result = sio_stream_tls_decrypt(stream->tls, plain, LOOP_TLS_BUFFER, &got);
    if (got > 0) {
        deliver(stream, plain, got);
    }
    if (stream->fd < 0) {
        return;
    }
    if (result == TLS_CLOSED) {
        end_of_input(stream);
    } else if (result == TLS_FAILED) {
        fail_tls(stream);
    }
}

static void read_tls(sio_stream *stream) {
    sio_loop *loop = stream->loop;
    uint8_t *wire = shared_buffer(loop, &loop->read_buffer, SIO_STREAM_READ_MAX);
    uint8_t *plain = shared_buffer(loop, &loop->tls_buffer, LOOP_TLS_BUFFER);
    if (!wire || !plain) {
        sio_stream_fail(stream, SIO_ERR_NOMEM, 0, "no read buffer");
        return;
    }
    ssize_t n = sio_fd_read(stream->fd, wire, SIO_STREAM_READ_MAX);
    if (n <= 0) {
        input_ended(stream, n, errno);
        return;
    }
    sio_stream_tls_feed(stream->tls, wire, (size_t)n);
    if (stream->state == STREAM_HANDSHAKE && !shake_hands(stream)) {
        return;
    }
    read_records(stream, plain);
}

static void read_plain(sio_stream *stream) {
    sio_loop *loop = stream->loop;
    size_t room = 0;
    uint8_t *buffer = NULL;
    if (stream->state == STREAM_OPEN && stream->callbacks->want_room) {
        buffer = stream->callbacks->want_room(stream->ctx, &room);
        if (stream->fd < 0) {
            return;
        }
    }
    if (!buffer || room == 0) {
        buffer = shared_buffer(loop, &loop->read_buffer, SIO_STREAM_READ_MAX);
        room = SIO_STREAM_READ_MAX;
    }
    if (!buffer) {
        sio_stream_fail(stream, SIO_ERR_NOMEM, 0, "no read buffer");
        return;
    }
    ssize_t n = sio_fd_read(stream->fd, buffer, room);
    if (n > 0) {
        deliver(stream, buffer, (size_t)n);
    } else {
        input_ended(stream, n, errno);
    }
}

void sio_stream_read_again(sio_stream *stream, uint8_t *data, size_t len) {
    sio_loop *loop = stream->loop;
    sio_stream_hold(stream);
    if (len > 0) {
        deliver(stream, data, len);
    }
    if (stream->fd >= 0 && stream->tls) {
        uint8_t *plain = shared_buffer(loop, &loop->tls_buffer, LOOP_TLS_BUFFER);
        if (plain) {
            read_records(stream, plain);
        } else {
            sio_stream_fail(stream, SIO_ERR_NOMEM, 0, "no read buffer");
        }
    }
    sio_stream_drop(stream);
}

/* -- events -- */

static bool wants_read(const sio_stream *stream) {
    return stream->fd >= 0 && !stream->eof &&
           (!stream->paused || stream->state == STREAM_HANDSHAKE ||
            stream->state == STREAM_CLOSING);
}

void sio_stream_on_event(sio_stream *stream, short what) {
    sio_loop *loop = stream->loop;
    sio_loop_enter(loop);
    sio_stream_hold(stream);
    stream->reading = true;
    if ((what & EV_READ) != 0 && wants_read(stream)) {
        if (stream->tls) {
            read_tls(stream);
        } else {
            read_plain(stream);
        }
    }
    sio_loop_run_tasks(loop);
    stream->reading = false;
    if ((what & EV_WRITE) != 0 || !stream->blocked) {
        flush(stream);
    }
    sio_stream_drop(stream);
    sio_loop_leave(loop);
}

void sio_stream_established(sio_stream *stream) {
    stream->state = stream->tls ? STREAM_HANDSHAKE : STREAM_OPEN;
    sio_stream_watch(stream);
    if (stream->tls) {
        sio_stream_touch(stream);
        return;
    }
    sio_stream_wait_end(stream);
    if (stream->wire.bytes > 0) {
        sio_stream_touch(stream);
    }
    if (stream->callbacks->on_connected) {
        stream->callbacks->on_connected(stream->ctx);
    }
}

void sio_loop_flush_streams(sio_loop *loop) {
    sio_list now;
    sio_list_init(&now);
    sio_list_splice(&now, &loop->dirty);
    sio_list *link;
    while ((link = sio_list_shift(&now)) != NULL) {
        sio_stream *stream = SIO_CONTAINER(link, sio_stream, dirty);
        sio_stream_hold(stream);
        flush(stream);
        sio_stream_drop(stream);
    }
}
