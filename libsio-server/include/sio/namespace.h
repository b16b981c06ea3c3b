/**
 * @file namespace.h
 * @brief Namespaces: their peers and the handlers for all of them.
 *
 * Threads and callbacks: as said in <sio/server.h>.
 */
#ifndef SIO_NAMESPACE_H
#define SIO_NAMESPACE_H

#include <sio/server_types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Its name, with the leading slash. Borrowed. */
SIO_API const char *sio_namespace_name(const sio_namespace *ns);

/** Its server. Borrowed. */
SIO_API sio_server *sio_namespace_server(const sio_namespace *ns);

/** Call `fn` for each peer that has joined. What it emits follows the CONNECT packet. Several
 * handlers run in the order they were added.
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_namespace_on_connection(sio_namespace *ns, sio_peer_fn fn, void *user);

/** The same for the event "connect", which comes right before "connection".
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_namespace_on_connect(sio_namespace *ns, sio_peer_fn fn, void *user);

/** As sio_namespace_on_connection(), for the next peer only. @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_namespace_once_connection(sio_namespace *ns, sio_peer_fn fn, void *user);

/** Remove what the three functions above have added with these `fn` and `user`.
 * @return 0 or SIO_ERR_NOT_FOUND */
SIO_API int sio_namespace_off_connection(sio_namespace *ns, sio_peer_fn fn, void *user);

/** Handle an event of every peer of the namespace. These are events of the library, too:
 * - "disconnecting" and "disconnect": `event->reason` is the reason spelled as in JavaScript;
 * - "error": a middleware for events refused one (`event->reason` is its message, `event->data` its
 *   data), or the client sent what cannot be decoded (`event->status`, and its text as reason), in
 *   which case the connection is closed next. Without a handler nothing happens.
 *
 * A client may send events with these last names as well. Several handlers of one event run in the
 * order they were added.
 * @param event copied
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_namespace_on(sio_namespace *ns, const char *event, sio_peer_fn fn, void *user);

/** As sio_namespace_on(), for the next event of that name only, whichever peer it comes from.
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_namespace_once(sio_namespace *ns, const char *event, sio_peer_fn fn, void *user);

/** Handle every event the peers send, before middlewares for events and before the handlers of that
 * event. @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_namespace_on_any(sio_namespace *ns, sio_peer_fn fn, void *user);

/** As sio_namespace_on_any(), but before those that are there. @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_namespace_prepend_any(sio_namespace *ns, sio_peer_fn fn, void *user);

/** Remove every handler added with these same `event`, `fn` and `user`. One that is removed while
 * an event is being handed out does not run any more.
 * @param event NULL: those of sio_namespace_on_any()
 * @return 0 or SIO_ERR_NOT_FOUND */
SIO_API int sio_namespace_off(sio_namespace *ns, const char *event, sio_peer_fn fn, void *user);

/** Remove every handler of an event. @param event NULL: those of sio_namespace_on_any() */
SIO_API void sio_namespace_off_event(sio_namespace *ns, const char *event);

/** Remove every handler of every event, those of sio_namespace_on_any() included; not those of
 * "connect" and "connection". */
SIO_API void sio_namespace_off_all(sio_namespace *ns);

/** How many handlers an event has. @param event NULL: those of sio_namespace_on_any() */
SIO_API size_t sio_namespace_handler_count(const sio_namespace *ns, const char *event);

/** Call `fn` with the name of each event that has handlers, in no particular order. `fn` may not
 * add or remove handlers. */
SIO_API void sio_namespace_event_names(const sio_namespace *ns,
                                       void (*fn)(sio_str name, void *user), void *user);

/** Peers that are connected now. */
SIO_API size_t sio_namespace_peer_count(const sio_namespace *ns);

/** The connected peer with that id; NULL if there is none. Borrowed. */
SIO_API sio_peer *sio_namespace_find(const sio_namespace *ns, const char *id);

/** Call `fn` for each peer connected now; joining, leaving and disconnecting inside are allowed.
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_namespace_each(sio_namespace *ns, void (*fn)(sio_peer *peer, void *user),
                               void *user);

#ifdef __cplusplus
}
#endif

#endif
