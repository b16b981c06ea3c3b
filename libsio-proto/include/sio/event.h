/**
 * @file event.h
 * @brief What a callback gets: one `const sio_event *` for received events, acknowledgements,
 * connection errors and disconnects, on the client and on the server alike; and `sio_ack`, the
 * handle with which a received event is acknowledged.
 */
#ifndef SIO_EVENT_H
#define SIO_EVENT_H

#include <sio/args.h>
#include <sio/error.h>
#include <sio/types.h>

#include <stdarg.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The right to acknowledge one received event, once. Opaque. */
typedef struct sio_ack sio_ack;

/**
 * Something that happened. Borrowed: it and everything it points to live until the callback
 * returns; sio_args_ref() and sio_ack_ref() keep what must live longer. Fields are only ever
 * appended, and a field that does not apply is zero.
 */
typedef struct sio_event {
    size_t size;          /**< sizeof(sio_event) of the library that made it */
    sio_str name;         /**< the event's name, see also sio_event_is() */
    const sio_args *args; /**< the arguments; never NULL, may be empty */
    sio_ack *ack;         /**< set when the sender asked for an acknowledgement */
    int status;           /**< acknowledgements: SIO_OK, SIO_ERR_TIMEOUT, SIO_ERR_DISCONNECTED,
                               SIO_ERR_DISCARDED; `connect_error`, `disconnect`: the error, or 0 */
    const char *reason;   /**< `disconnect`, `disconnecting`: the reason, spelled as in JavaScript;
                               `connect_error`: the message */
    sio_str data;         /**< `connect_error`: the error's data as JSON text, empty if none;
                               middleware: the auth payload */
} sio_event;

/** Called once with the answer to an event that asked for an acknowledgement, or with the error
 * (`reply->status`) that ended the wait: timeout, disconnect or the freeing of the object. */
typedef void (*sio_reply_fn)(const sio_event *reply, void *user);

/** Called once when something asynchronous has ended: `status` is 0 or SIO_ERR_*. */
typedef void (*sio_done_fn)(int status, void *user);

/** For `timeout_ms` of sio_emit_options: wait until the disconnect, whatever the default is. */
#define SIO_EMIT_NO_TIMEOUT UINT32_MAX

/** How an event is sent. NULL means all defaults. */
typedef struct sio_emit_options {
    size_t size;         /**< set by SIO_EMIT_OPTIONS_INIT */
    sio_reply_fn on_ack; /**< ask for an acknowledgement; called exactly once */
    void *user;          /**< handed to on_ack and on_sent */
    uint32_t timeout_ms; /**< give up waiting after so many ms; 0: the default of the object, which
                              is SIO_EMIT_NO_TIMEOUT unless it was set */
    bool is_volatile;    /**< drop the event if it cannot be written right now */
    bool no_compress;    /**< do not compress it, even if compression was negotiated */
    sio_done_fn on_sent; /**< client: called once when the event was handed to the network, or with
                              the error that kept it from that; a server does not call it */
} sio_emit_options;

#define SIO_EMIT_OPTIONS_INIT                                                                      \
    { sizeof(sio_emit_options), NULL, NULL, 0, false, false, NULL }

/* Shorthands for the arguments of an event. They never fail: a missing argument, or one of another
 * type, gives the empty value, and sio_args_kind() tells them apart. Lifetimes as in args.h. */

/** Whether the event has this name. Callable from any thread. */
SIO_API bool sio_event_is(const sio_event *ev, const char *name);

/** How many arguments there are. */
static inline size_t sio_event_count(const sio_event *ev) {
    return sio_args_count(ev->args);
}

/** The kind of argument `i`; SIO_KIND_NONE when there is none. */
static inline sio_kind sio_event_kind(const sio_event *ev, size_t i) {
    return sio_args_kind(ev->args, i);
}

/** Argument `i` as NUL-terminated text; "" when it is not a string or holds U+0000. */
static inline const char *sio_event_string(const sio_event *ev, size_t i) {
    return sio_args_string(ev->args, i);
}

/** Argument `i` as text with a length; U+0000 is kept. */
static inline sio_str sio_event_str(const sio_event *ev, size_t i) {
    return sio_args_str(ev->args, i);
}

/** Argument `i` as an integer, see sio_args_int(). */
static inline int64_t sio_event_int(const sio_event *ev, size_t i) {
    return sio_args_int(ev->args, i);
}

/** Argument `i` as a double. */
static inline double sio_event_double(const sio_event *ev, size_t i) {
    return sio_args_double(ev->args, i);
}

/** Argument `i` as a boolean. */
static inline bool sio_event_bool(const sio_event *ev, size_t i) {
    return sio_args_bool(ev->args, i);
}

/** Argument `i` as bytes. */
static inline sio_bytes sio_event_binary(const sio_event *ev, size_t i) {
    return sio_args_binary(ev->args, i);
}

/** Keep the right to acknowledge beyond the callback. A kept handle may outlive the connection and
 * the client or server; then sio_ack_send() says SIO_ERR_DISCONNECTED.
 * @param out receives a reference owned by the caller, to be given back with sio_ack_unref()
 * @param ack an event's `ack`, or a reference taken before; borrowed
 * @return 0, SIO_ERR_NOMEM. Loop thread only. */
SIO_API int sio_ack_ref(sio_ack **out, sio_ack *ack);

/** Give a reference back. NULL is allowed. An acknowledgement that was never sent is simply never
 * sent. Loop thread only. */
SIO_API void sio_ack_unref(sio_ack *ack);

/** Acknowledge the event (Socket.IO protocol 5, ACK packet). Only the first call sends.
 * @param args borrowed for the call; NULL for none
 * @return 0, SIO_ERR_STATE when it was acknowledged before, SIO_ERR_DISCONNECTED when the
 * connection it came over is gone, or an error of encoding. Loop thread only; legal in every
 * callback. */
SIO_API int sio_ack_send(sio_ack *ack, const sio_args *args);

/** Acknowledge the event with arguments as in sio_args_addf(). Errors as sio_ack_send(), and those
 * of sio_args_addf(). */
SIO_API int sio_ack_sendf(sio_ack *ack, const char *format, ...);

/** sio_ack_sendf() with a va_list. */
SIO_API int sio_ack_vsendf(sio_ack *ack, const char *format, va_list values);

#ifdef __cplusplus
}
#endif

#endif
