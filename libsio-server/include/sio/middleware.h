/**
 * @file middleware.h
 * @brief Middlewares: functions that decide whether a client may join a namespace, and what becomes
 * of its events, now or later.
 *
 * Each call of a middleware gets a `sio_next`, which must be answered exactly once, inside the call
 * or at any time after it: with sio_next_ok() or sio_next_refuse(). The next middleware runs when
 * this one has returned and has answered.
 *
 * The handle stays valid until it is answered, whatever happens meanwhile: when the client has
 * gone, the answer has no effect, and it may be given even after sio_server_free() (the allocator
 * of the server's options must still work then). The peer stays valid until the answer, too, but
 * not beyond sio_server_free(); sio_next_peer() tells. A second answer inside the middleware is
 * SIO_ERR_STATE; later, the handle has gone with the first.
 *
 * Threads and callbacks: as said in <sio/server.h>. From other threads, answer through
 * sio_server_post().
 */
#ifndef SIO_MIDDLEWARE_H
#define SIO_MIDDLEWARE_H

#include <sio/server_types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The right and the duty to answer for one call of a middleware. Opaque. */
typedef struct sio_next sio_next;

/** Decides whether a client may join. `peer` has its id and handshake and is not connected yet. It
 * may join rooms, which it leaves again when it is refused, and may be emitted to: this goes out
 * before the CONNECT packet, and the client keeps it until then. */
typedef void (*sio_middleware_fn)(sio_peer *peer, sio_next *next, void *user);

/** Sees an event before its handlers. `event` is borrowed for the call. */
typedef void (*sio_event_middleware_fn)(sio_peer *peer, const sio_event *event, sio_next *next,
                                        void *user);

/** Ask `fn` about each client that wants to join the namespace. Middlewares run in the order they
 * were added, and those that are there when the client asks. Once all have agreed, the client joins
 * and the `connection` handlers run; if one refuses, the client gets its message and data as
 * `connect_error`.
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_namespace_use(sio_namespace *ns, sio_middleware_fn fn, void *user);

/** Show `fn` each event of each peer of the namespace, after the handlers of every event and before
 * those of the event. If one refuses it, those behind it and the handlers are skipped, and the
 * peer's "error" handlers get message and data; the client is not told. After the last one the
 * handlers run once what arrived together with the event was looked at, and only if the peer is
 * still connected.
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_namespace_use_events(sio_namespace *ns, sio_event_middleware_fn fn, void *user);

/** As sio_namespace_use_events() for one peer; these run behind those of its namespace.
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_peer_use(sio_peer *peer, sio_event_middleware_fn fn, void *user);

/** Agree.
 * @return 0, also when there is nobody left to hear it; SIO_ERR_STATE for a second answer */
SIO_API int sio_next_ok(sio_next *next);

/** Refuse. It is refused in any case but that of SIO_ERR_STATE, even when the message or the data
 * cannot be had.
 * @param message copied; NULL: ""
 * @param data_json JSON of `err.data`, copied; NULL: none
 * @return 0; SIO_ERR_STATE for a second answer; an error of sio_json_validate(): refused without
 * data; SIO_ERR_NOMEM: refused without message and data */
SIO_API int sio_next_refuse(sio_next *next, const char *message, const char *data_json);

/** Middlewares for events: let those behind this one, and the handlers, see another event. To be
 * called before the answer.
 * @param name the new name, copied; NULL: as it is
 * @param args the new arguments, kept by reference; NULL: as they are
 * @return 0; SIO_ERR_STATE when it was answered, or is not about an event; SIO_ERR_DISCONNECTED
 * when there is nobody left to see it; SIO_ERR_NOMEM (nothing has changed) */
SIO_API int sio_next_replace(sio_next *next, const char *name, const sio_args *args);

/** Whom it is about. Borrowed until the answer; NULL once the server was freed. */
SIO_API sio_peer *sio_next_peer(const sio_next *next);

#ifdef __cplusplus
}
#endif

#endif
