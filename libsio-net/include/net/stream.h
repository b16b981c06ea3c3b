/* A byte stream over TCP, a Unix socket or TLS on either.
 *
 * Output is queued and leaves in one send: right after the stream's own on_read (and the work that
 * it deferred), else at the end of the loop's turn. So no write ever fails because of the network,
 * and no callback is called from inside a write. The descriptor is watched for writing only while
 * the kernel's buffer is full. An idle stream holds no buffer.
 *
 * Every function is legal inside every callback, freeing included. No callback comes after
 * sio_stream_close, _abort, _free or _detach; those four consume the handle. */
#ifndef SIO_NET_STREAM_H
#define SIO_NET_STREAM_H

#include "net/address.h"
#include "net/loop.h"
#include "net/tls.h"

typedef struct sio_stream sio_stream;

/* The most that on_read is given at once, but for a reader's own buffer and for what a parcel
 * brings. */
enum { SIO_STREAM_READ_MAX = 256 * 1024 };

typedef struct sio_stream_error {
    int err;            /* SIO_ERR_CONNECT, _RESET, _NET, _TIMEOUT (connect or TLS handshake
                         * deadline), _TLS, _TLS_VERIFY, _TLS_HOST, _NOMEM */
    int sys;            /* errno, 0 when none applies */
    const char *detail; /* what exactly failed, valid for the call; never NULL */
} sio_stream_error;

/* Static tables; any member may be NULL. */
typedef struct sio_stream_callbacks {
    /* The connection stands and, with TLS, its peer is verified. Once for each connect, and for
     * each TLS handshake; not for an adopted plain descriptor. */
    void (*on_connected)(void *ctx);
    /* Bytes arrived. `data` may be changed in place and is valid for the call only. */
    void (*on_read)(void *ctx, uint8_t *data, size_t len);
    /* The peer will send no more (with TLS: said so). Writing is still possible. */
    void (*on_eof)(void *ctx);
    /* The stream is dead: nothing follows, writes are refused, what was queued is gone. */
    void (*on_error)(void *ctx, const sio_stream_error *error);
    /* All that was queued is with the kernel. */
    void (*on_drain)(void *ctx);
    /* What sio_stream_tell_low() asked for, while output is still queued. */
    void (*on_low)(void *ctx);
    /* Asked before a read: a buffer of the reader's own to receive into, with its size in `*len`,
     * or NULL for the loop's. Then on_read gets exactly that pointer. It must stay valid until
     * then or until this call comes again. Plain streams only; TLS streams do not ask. */
    uint8_t *(*want_room)(void *ctx, size_t *len);
} sio_stream_callbacks;

/* -- making -- */

typedef struct sio_stream_connect_options {
    const sio_address *addresses; /* copied; tried as RFC 8305 says: families interleaved, a new
                                   * attempt each 250 ms or at once when one fails */
    size_t address_count;         /* at least 1; those over SIO_LOOKUP_MAX_ADDRESSES are dropped */
    const sio_address *local;     /* bind to it; addresses of another family are skipped */
    sio_tls *tls;                 /* referenced; NULL for plain */
    const char *host;             /* copied; name to verify and send as SNI; needed with `tls` */
    uint64_t timeout_ms;          /* for connecting and the TLS handshake together; 0 = none */
    const sio_stream_callbacks *callbacks; /* borrowed */
    void *ctx;
} sio_stream_connect_options;

/* Never calls back from inside. Errors: SIO_ERR_INVALID, SIO_ERR_NOMEM. All else, such as a refused
 * connection, comes through on_error. */
int sio_stream_connect(sio_stream **out, sio_loop *loop, const sio_stream_connect_options *options);

/* Take over a connected, non-blocking-capable descriptor, also on failure (it is closed then).
 * With `tls` (a server's settings) the handshake is awaited at most `timeout_ms` (0 = for ever),
 * then on_connected is called. Reading starts in the next turn at the earliest.
 * Errors: SIO_ERR_INVALID, SIO_ERR_NOMEM, SIO_ERR_NET, SIO_ERR_TLS. */
int sio_stream_adopt(sio_stream **out, sio_loop *loop, int fd, sio_tls *tls, uint64_t timeout_ms,
                     const sio_stream_callbacks *callbacks, void *ctx);

/* What was read from the descriptor before it was adopted with TLS: the beginning of the client's
 * handshake. Copied; once, before the loop turns. Errors: SIO_ERR_STATE, SIO_ERR_NOMEM. */
int sio_stream_early(sio_stream *stream, const uint8_t *data, size_t len);

/* Begin a client's TLS handshake on a connected plain stream (after a proxy's CONNECT). Bytes of
 * TLS that on_read has been given already are lost: the server speaks second, so there are none.
 * `timeout_ms` as above. Then on_connected is called once more. What was queued before leaves
 * first, in plain. Errors: SIO_ERR_STATE when not connected, closed or TLS already;
 * SIO_ERR_NOMEM, SIO_ERR_TLS, SIO_ERR_UNSUPPORTED. */
int sio_stream_start_tls(sio_stream *stream, sio_tls *tls, const char *host, uint64_t timeout_ms);

/* Hand the stream to another owner. Neither table nor stream memory is touched later than the next
 * call of one of these. */
void sio_stream_set_callbacks(sio_stream *stream, const sio_stream_callbacks *callbacks, void *ctx);

/* -- writing; before the connection stands as well -- */

/* Queue a copy. Errors: SIO_ERR_CLOSED, SIO_ERR_NOMEM; then nothing was queued. */
int sio_stream_write(sio_stream *stream, const void *data, size_t len);

/* Queue by reference: `release(owner)` is called exactly once when the bytes are no longer needed,
 * also on failure, and possibly from inside this call (short data are copied). `data` must not
 * change until then. `release` may be NULL for static data. It must not call back into streams.
 * Errors as sio_stream_write. */
int sio_stream_write_ref(sio_stream *stream, const void *data, size_t len,
                         void (*release)(void *owner), void *owner);

/* Encode in place: room for `len` bytes at the queue's end, then how many were used (at most
 * `len`; 0 is allowed). Nothing else is done to the stream in between. NULL when it is closed or
 * memory is short. `len` is at most SIO_STREAM_ROOM_MAX. */
enum { SIO_STREAM_ROOM_MAX = 16384 };
uint8_t *sio_stream_room(sio_stream *stream, size_t len);
void sio_stream_commit(sio_stream *stream, size_t used);

/* Bytes queued and not yet taken by the kernel. With TLS, of both sides of the encryption. */
size_t sio_stream_queued(const sio_stream *stream);

/* Bytes that the kernel has taken and the peer has not acknowledged; 0 where the kernel does not
 * say. A slow peer shows here that it reads on while nothing more fits. */
size_t sio_stream_in_kernel(const sio_stream *stream);

/* Call on_low once, when the kernel has taken so much that no more than `bytes` are queued;
 * on_drain takes its place when that was all. 0 asks for nothing. */
void sio_stream_tell_low(sio_stream *stream, size_t bytes);

/* -- reading -- */

/* No on_read, on_eof until resumed; a reset is then seen only when writing. Paused in on_connected,
 * a TLS stream may still deliver what came with the handshake's last message. */
void sio_stream_pause(sio_stream *stream);
void sio_stream_resume(sio_stream *stream);

/* -- ending; each consumes the handle -- */

/* Send what is queued, then end of stream, wait for the peer's, close. After `linger_ms` the rest
 * is cut off. Input is discarded. Before the connection stands it is sio_stream_free. */
void sio_stream_close(sio_stream *stream, uint64_t linger_ms);

/* Close at once, by a reset where the transport can, so that the peer knows and no state stays. */
void sio_stream_abort(sio_stream *stream);

/* Close at once; what the kernel holds is still delivered. NULL is allowed. */
void sio_stream_free(sio_stream *stream);

/* Hand the descriptor over to the caller: connected, non-blocking, out of the loop.
 * Errors: SIO_ERR_STATE with TLS, unsent output or no connection; the handle then stays. */
int sio_stream_detach(int *out_fd, sio_stream *stream);

/* Call `fn` once, when the stream is over, whoever owns it then: failed, freed or closed, and on
 * whichever loop it is then. Nothing may be done to the stream in it. */
void sio_stream_on_gone(sio_stream *stream, void (*fn)(void *ctx), void *ctx);

/* -- moving to another loop -- */

/* An open stream that is in no loop: its descriptor, what it has not sent, and with TLS the state
 * of the encryption. It belongs to one thread at a time, which may be any. Both loops must have the
 * same allocator, which is thread-safe where they run in two threads. */
typedef struct sio_parcel sio_parcel;

/* Take an open stream out of its loop. On success the handle is consumed as by sio_stream_free, but
 * the peer notices nothing. `unread` are `count` pieces of bytes that on_read was given and that
 * come again where it is unpacked, before all others; they are copied. Output that was queued by
 * reference is copied and released.
 * Errors: SIO_ERR_STATE when it is not open or has failed, SIO_ERR_NOMEM; the handle then stays. */
int sio_stream_pack(sio_parcel **out, sio_stream *stream, const sio_bytes *unread, size_t count);

/* Make a stream of a parcel, which is consumed, also on failure: the connection is closed then.
 * What was unread comes to on_read as deferred work of `loop`. There is no on_connected. Errors:
 * SIO_ERR_NOMEM, SIO_ERR_NET. */
int sio_stream_unpack(sio_stream **out, sio_loop *loop, sio_parcel *parcel,
                      const sio_stream_callbacks *callbacks, void *ctx);

/* Have `fn` called with the parcel, which it then owns, on the thread of `loop`: a sio_loop_post
 * that cannot fail. When the loop is freed before, the parcel is, and `fn` is not called.
 * Thread: any, as long as the loop is not being freed. */
void sio_parcel_post(sio_parcel *parcel, sio_loop *loop, void (*fn)(void *ctx, sio_parcel *parcel),
                     void *ctx);

/* Close its connection at once. NULL is allowed. */
void sio_parcel_free(sio_parcel *parcel);

/* -- asking -- */

sio_loop *sio_stream_loop(const sio_stream *stream);
bool sio_stream_is_tls(const sio_stream *stream);
/* Errors: SIO_ERR_STATE before the connection stands or after it is gone. */
int sio_stream_peer(const sio_stream *stream, sio_address *out);
int sio_stream_local(const sio_stream *stream, sio_address *out);
/* The OpenSSL session, borrowed; NULL for plain streams. */
struct ssl_st *sio_stream_ssl(const sio_stream *stream);
/* The subject of the peer's certificate as RFC 4514 writes it, from the loop's allocator; NULL when
 * it has shown none. `verified`: it has, and an authority that we believe has signed it.
 * Errors: SIO_ERR_NOMEM. */
int sio_stream_certificate(char **subject, bool *verified, const sio_stream *stream);
/* The protocol both agreed on by ALPN; empty when none. Borrowed from the stream. */
sio_str sio_stream_alpn(const sio_stream *stream);

#endif
