/* A stream moves to another loop, and so to another thread: as a parcel, which is made in the one
 * and opened in the other. Nothing in a parcel is part of a loop. */
#include "stream_internal.h"

#include <string.h>
#include <unistd.h>

struct sio_parcel {
    sio_post post;
    void (*fn)(void *ctx, sio_parcel *parcel);
    void *ctx;
    sio_mem mem_copy;
    const sio_mem *mem; /* &mem_copy, or NULL for libc */
    sio_task task;      /* reads again, once it has arrived */
    sio_stream *stream; /* then, else NULL */
    stream_tls *tls;
    void (*on_gone)(void *ctx);
    void *gone_ctx;
    int fd;
    /* How much of `data` is what, in this order: input, bytes for the kernel, bytes to encrypt. */
    size_t unread;
    size_t wire;
    size_t plain;
    uint8_t data[];
};

/* -- life -- */

static void read_again(void *ctx) {
    sio_parcel *parcel = ctx;
    sio_stream *stream = parcel->stream;
    stream->origin.arrived = NULL; /* the reader may end the stream, or pack it once more */
    sio_stream_read_again(stream, parcel->data, parcel->unread);
    sio_parcel_free(parcel);
}

static sio_parcel *parcel_new(const sio_loop *loop, size_t len) {
    sio_parcel *parcel = sio_mem_alloc(loop->mem, sizeof *parcel + len);
    if (!parcel) {
        return NULL;
    }
    *parcel = (sio_parcel){.fd = -1};
    if (loop->mem) {
        parcel->mem_copy = *loop->mem;
        parcel->mem = &parcel->mem_copy;
    }
    sio_task_init(&parcel->task, read_again, parcel);
    return parcel;
}

void sio_parcel_free(sio_parcel *parcel) {
    if (!parcel) {
        return;
    }
    sio_mem mem = parcel->mem_copy; /* what releases it must not lie in it */
    const sio_mem *with = parcel->mem ? &mem : NULL;
    sio_task_cancel(&parcel->task);
    sio_stream_tls_free(parcel->tls, with);
    if (parcel->fd >= 0) {
        close(parcel->fd);
    }
    if (parcel->on_gone) {
        parcel->on_gone(parcel->gone_ctx);
    }
    sio_mem_release(with, parcel);
}

/* -- leaving -- */

static size_t sum(const sio_bytes *pieces, size_t count) {
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += pieces[i].len;
    }
    return bytes;
}

static void fill(sio_parcel *parcel, const sio_stream *stream, const sio_bytes *unread,
                 size_t count) {
    uint8_t *at = parcel->data;
    for (size_t i = 0; i < count; i++) {
        if (unread[i].len > 0) {
            memcpy(at, unread[i].ptr, unread[i].len);
            at += unread[i].len;
        }
    }
    sio_outq_read(&stream->wire, at);
    if (stream->tls) {
        sio_outq_read(sio_stream_tls_plain(stream->tls), at + parcel->wire);
    }
}

static void hand_over(sio_parcel *parcel, sio_stream *stream) {
    sio_stream_unwatch(stream);
    parcel->fd = stream->fd;
    stream->fd = -1;
    parcel->on_gone = stream->on_gone;
    parcel->gone_ctx = stream->gone_ctx;
    stream->on_gone = NULL;
    if (stream->tls) {
        sio_outq_clear(sio_stream_tls_plain(stream->tls), &stream->loop->pool);
        parcel->tls = stream->tls;
        stream->tls = NULL;
    }
    sio_stream_free(stream);
}

int sio_stream_pack(sio_parcel **out, sio_stream *stream, const sio_bytes *unread, size_t count) {
    if (stream->state != STREAM_OPEN || stream->broken || stream->origin.arrived) {
        return SIO_ERR_STATE;
    }
    size_t read = sum(unread, count);
    size_t wire = stream->wire.bytes;
    size_t plain = sio_stream_queued(stream) - wire;
    sio_parcel *parcel = parcel_new(stream->loop, read + wire + plain);
    if (!parcel) {
        return SIO_ERR_NOMEM;
    }
    int rc = stream->tls ? sio_stream_tls_leave(stream->tls) : 0;
    if (rc != 0) {
        sio_parcel_free(parcel);
        return rc;
    }
    parcel->unread = read;
    parcel->wire = wire;
    parcel->plain = plain;
    fill(parcel, stream, unread, count);
    hand_over(parcel, stream);
    *out = parcel;
    return 0;
}

/* -- under way -- */

static void on_post(sio_post *post, bool cancelled) {
    sio_parcel *parcel = SIO_CONTAINER(post, sio_parcel, post);
    if (cancelled) {
        sio_parcel_free(parcel);
    } else {
        parcel->fn(parcel->ctx, parcel);
    }
}

void sio_parcel_post(sio_parcel *parcel, sio_loop *loop, void (*fn)(void *ctx, sio_parcel *parcel),
                     void *ctx) {
    parcel->post.fn = on_post;
    parcel->fn = fn;
    parcel->ctx = ctx;
    sio_loop_post_node(loop, &parcel->post);
}

/* -- arriving -- */

static int queue_again(sio_stream *stream, const sio_parcel *parcel) {
    sio_chunk_pool *pool = &stream->loop->pool;
    const uint8_t *wire = parcel->data + parcel->unread;
    int rc = 0;
    if (parcel->wire > 0) {
        rc = sio_outq_copy(&stream->wire, pool, wire, parcel->wire);
    }
    if (rc == 0 && parcel->plain > 0) {
        sio_outq *plain = sio_stream_tls_plain(stream->tls);
        rc = sio_outq_copy(plain, pool, wire + parcel->wire, parcel->plain);
    }
    if (rc == 0 && parcel->wire + parcel->plain > 0) {
        stream->undrained = true;
        sio_stream_touch(stream);
    }
    return rc;
}

static int take_over(sio_stream *stream, sio_parcel *parcel) {
    stream->state = STREAM_OPEN;
    stream->fd = parcel->fd;
    parcel->fd = -1;
    stream->on_gone = parcel->on_gone;
    stream->gone_ctx = parcel->gone_ctx;
    parcel->on_gone = NULL;
    if (parcel->tls) {
        sio_stream_tls_enter(parcel->tls, stream);
        parcel->tls = NULL;
    }
    int rc = queue_again(stream, parcel);
    if (rc == 0) {
        sio_stream_watch(stream);
    }
    return rc == 0 && stream->broken ? SIO_ERR_NET : rc;
}

int sio_stream_unpack(sio_stream **out, sio_loop *loop, sio_parcel *parcel,
                      const sio_stream_callbacks *callbacks, void *ctx) {
    sio_stream *stream;
    int rc = sio_stream_make(&stream, loop, callbacks, ctx);
    if (rc == 0) {
        rc = take_over(stream, parcel);
        if (rc != 0) {
            sio_stream_free(stream);
        }
    }
    if (rc != 0) {
        sio_parcel_free(parcel);
        return rc;
    }
    /* With TLS there may be more than what was unread: a record, or the end, that came with it. */
    parcel->stream = stream;
    stream->origin.arrived = parcel;
    sio_loop_defer(loop, &parcel->task);
    *out = stream;
    return 0;
}
