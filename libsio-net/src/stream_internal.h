/* The inside of a stream, shared by stream.c (life and API), stream_io.c (reading and flushing),
 * stream_plain.c (sockets), stream_connect.c (making connections), stream_move.c (from loop to
 * loop) and stream_tls.c. */
#ifndef SIO_NET_STREAM_INTERNAL_H
#define SIO_NET_STREAM_INTERNAL_H

#include "loop_internal.h"
#include "net/stream.h"
#include "net/timer.h"

/* A stream reads up to SIO_STREAM_READ_MAX, so that a message up to this size, or several of 64
 * KiB, come whole and need no buffer of their own; pages that no read has reached take no memory.
 * What TLS makes of it fits the second buffer at once, with an incomplete record of the read
 * before. */
enum { LOOP_TLS_BUFFER = SIO_STREAM_READ_MAX + 32 * 1024 };

typedef enum stream_state {
    STREAM_CONNECTING, /* no descriptor yet: the connector has the attempts */
    STREAM_HANDSHAKE,  /* TLS */
    STREAM_OPEN,
    STREAM_CLOSING, /* nobody owns it; flushes, then waits for the peer's end */
    STREAM_DEAD,    /* failed, or freed inside a callback */
} stream_state;

/* What only connecting, shaking hands and closing streams need. */
typedef struct stream_wait {
    sio_list link; /* loop->closing while closing */
    sio_stream *stream;
    sio_timer timer;
} stream_wait;

typedef struct stream_connector stream_connector;
typedef struct stream_tls stream_tls;

struct sio_stream {
    sio_loop *loop;
    const sio_stream_callbacks *callbacks; /* never NULL */
    void *ctx;
    sio_outq wire; /* bytes for the kernel; with TLS what was encrypted */
    sio_list dirty;
    void (*on_gone)(void *ctx);
    void *gone_ctx;
    stream_tls *tls;
    stream_wait *wait;
    union {
        stream_connector *connector; /* while STREAM_CONNECTING */
        sio_parcel *arrived;         /* it came in, until what was unread is read; else NULL */
    } origin;
    int fd;
    uint32_t low;   /* see sio_stream_tell_low */
    uint16_t ready; /* place in the poller's batch, from 1; 0: none */
    uint8_t state;
    uint8_t busy;       /* callbacks of ours on the stack: memory stays */
    uint8_t watched;    /* EV_READ, EV_WRITE: what the poller tells it of; 0: nothing */
    bool freed : 1;     /* release the memory when no longer busy */
    bool reading : 1;   /* its reader will flush: no need to be on the dirty list */
    bool paused : 1;    /* by the user */
    bool eof : 1;       /* the peer's end was seen */
    bool shut : 1;      /* our end was sent */
    bool blocked : 1;   /* the kernel's buffer is full: waiting for EV_WRITE */
    bool broken : 1;    /* cannot be watched: to be reported by the next flush */
    bool undrained : 1; /* something was written since the last on_drain */
};

/* -- stream.c -- */

int sio_stream_make(sio_stream **out, sio_loop *loop, const sio_stream_callbacks *callbacks,
                    void *ctx);

/* Bracket whatever may call the user: in between the struct stays, even when freed. */
void sio_stream_hold(sio_stream *stream);
void sio_stream_drop(sio_stream *stream);

/* Watch for what the state asks for. */
void sio_stream_watch(sio_stream *stream);

/* For nothing any more: before its descriptor goes elsewhere. */
void sio_stream_unwatch(sio_stream *stream);

/* Flush it soon: by its own reader, or at the end of the turn. */
void sio_stream_touch(sio_stream *stream);

/* Kill the stream and say why; only from the loop, never from inside an API call. */
void sio_stream_fail(sio_stream *stream, int err, int sys, const char *format, ...)
    SIO_PRINTF(4, 5);

/* Give everything back but the struct. */
void sio_stream_teardown(sio_stream *stream);

/* A deadline for the present state. Errors: SIO_ERR_NOMEM. */
int sio_stream_wait_start(sio_stream *stream, uint64_t ms);
void sio_stream_wait_end(sio_stream *stream);

/* -- stream_io.c -- */

/* EV_READ and EV_WRITE, as far as the stream waits for them. */
void sio_stream_on_event(sio_stream *stream, short what);

/* A descriptor is there: open, or begin the handshake. */
void sio_stream_established(sio_stream *stream);

/* Continue where the stream was packed: with these bytes, and what TLS has ready behind them. */
void sio_stream_read_again(sio_stream *stream, uint8_t *data, size_t len);

/* -- stream_plain.c -- */

/* @return bytes read, 0 at the end, -1 with errno. */
ssize_t sio_fd_read(int fd, void *buffer, size_t len);

/* Send from the queue until it is empty or the kernel is full.
 * @return 0 when empty, 1 when full, -1 with errno. */
int sio_fd_send(int fd, sio_outq *q, sio_chunk_pool *pool);

/* Bytes sent that the peer has not acknowledged; 0 where the system does not say. */
size_t sio_fd_unacknowledged(int fd);

void sio_fd_nodelay(int fd);

/* So that close sends a reset and forgets. */
void sio_socket_set_reset(int fd);

/* Does this errno say that the peer, or the way to it, is gone? */
bool sio_socket_is_reset(int sys);

/* -- stream_connect.c -- */

int sio_connector_start(sio_stream *stream, const sio_stream_connect_options *options);
void sio_connector_free(stream_connector *connector);

/* -- stream_tls.c; without TLS in the build the first fails and the rest is never reached -- */

/* Errors: SIO_ERR_NOMEM, SIO_ERR_TLS, SIO_ERR_INVALID, SIO_ERR_UNSUPPORTED. */
int sio_stream_tls_open(sio_stream *stream, sio_tls *settings, const char *host);
/* Its queue of plain bytes must be empty. */
void sio_stream_tls_free(stream_tls *tls, const sio_mem *mem);
/* Bytes that come before all that is fed. Errors: SIO_ERR_NOMEM. */
int sio_stream_tls_early(stream_tls *tls, const uint8_t *data, size_t len);
/* It is about to leave its stream and the loop: nothing of theirs is needed any more.
 * Errors: SIO_ERR_STATE when it has failed, SIO_ERR_NOMEM. */
int sio_stream_tls_leave(stream_tls *tls);
void sio_stream_tls_enter(stream_tls *tls, sio_stream *stream);
sio_outq *sio_stream_tls_plain(stream_tls *tls);
struct ssl_st *sio_stream_tls_ssl(const stream_tls *tls);

typedef enum stream_tls_result {
    TLS_MORE,   /* all that arrived is used up */
    TLS_DONE,   /* the handshake is complete */
    TLS_CLOSED, /* the peer said that it will send no more */
    TLS_FAILED, /* see sio_stream_tls_fault */
} stream_tls_result;

typedef struct stream_tls_fault {
    int err;
    char text[SIO_TLS_DETAIL_MAX];
} stream_tls_fault;

/* Give it what the socket brought; valid until it answered TLS_MORE. */
void sio_stream_tls_feed(stream_tls *tls, const uint8_t *data, size_t len);
stream_tls_result sio_stream_tls_handshake(stream_tls *tls);
/* Decrypt as much as fits; `*got` is set in every case. */
stream_tls_result sio_stream_tls_decrypt(stream_tls *tls, uint8_t *out, size_t room, size_t *got);
/* Encrypt from the plain queue to the wire queue until either is empty or full enough. */
int sio_stream_tls_encrypt(stream_tls *tls);
/* Put the end-of-stream alert on the wire queue. */
void sio_stream_tls_shutdown(stream_tls *tls);
void sio_stream_tls_fault(const stream_tls *tls, stream_tls_fault *out);

#endif
