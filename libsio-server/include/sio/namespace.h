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

/** Handle an event of every peer of the namespace. "disconnecting" and "disconnect" are events of
 * the library; `event->reason` is then the reason spelled as in JavaScript. Several handlers of
 * one event run in the order they were added.
 * @param event copied
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_namespace_on(sio_namespace *ns, const char *event, sio_peer_fn fn, void *user);

/** Handle every event the peers send, before the handlers of that event.
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_namespace_on_any(sio_namespace *ns, sio_peer_fn fn, void *user);

/** Remove every handler added with these same `event`, `fn` and `user`. One that is removed while
 * an event is being handed out does not run any more.
 * @param event NULL: those of sio_namespace_on_any()
 * @return 0 or SIO_ERR_NOT_FOUND */
SIO_API int sio_namespace_off(sio_namespace *ns, const char *event, sio_peer_fn fn, void *user);

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
