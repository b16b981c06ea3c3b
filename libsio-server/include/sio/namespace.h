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

/** Call `fn` when a peer's connection has become slow: more than `high_watermark_bytes` of
 * sio_server_options wait to be sent on it. It is called once, with event->name "slow", then not
 * again before the peer has caught up, and never from inside a sending function. What is shared by
 * several namespaces of one client is told in each.
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_namespace_on_slow(sio_namespace *ns, sio_peer_fn fn, void *user);

/** Call `fn` when a peer that was slow has caught up: no more than `low_watermark_bytes` wait. Its
 * event->name is "caught_up".
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_namespace_on_caught_up(sio_namespace *ns, sio_peer_fn fn, void *user);

/** Remove what the two functions above have added with these `fn` and `user`.
 * @return 0 or SIO_ERR_NOT_FOUND */
SIO_API int sio_namespace_off_slow(sio_namespace *ns, sio_peer_fn fn, void *user);

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

/** Peers whose middlewares have not all answered. */
SIO_API size_t sio_namespace_joining_count(const sio_namespace *ns);

/** The connected peer with that id; NULL if there is none. Borrowed. */
SIO_API sio_peer *sio_namespace_find(const sio_namespace *ns, const char *id);

/** Call `fn` for each peer connected now; joining, leaving and disconnecting inside are allowed.
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_namespace_each(sio_namespace *ns, void (*fn)(sio_peer *peer, void *user),
                               void *user);

/** What happens to rooms. */
typedef enum sio_room_change {
    SIO_ROOM_CREATE, /**< somebody joins a room that was empty; SIO_ROOM_JOIN follows */
    SIO_ROOM_JOIN,
    SIO_ROOM_LEAVE,
    SIO_ROOM_DELETE /**< the last one has left; SIO_ROOM_LEAVE came before */
} sio_room_change;

/** A change of a room of this server. Joining, leaving and disconnecting inside are allowed.
 * @param room borrowed for the call
 * @param id of the peer; NULL for SIO_ROOM_CREATE and SIO_ROOM_DELETE. Borrowed for the call */
typedef void (*sio_room_fn)(sio_namespace *ns, sio_room_change change, const char *room,
                            const char *id, void *user);

/** Call `fn` for every change of a room, the room that each peer has for itself included.
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_namespace_on_room(sio_namespace *ns, sio_room_fn fn, void *user);
/** Remove what sio_namespace_on_room() added with the same arguments. @return 0 or
 * SIO_ERR_NOT_FOUND */
SIO_API int sio_namespace_off_room(sio_namespace *ns, sio_room_fn fn, void *user);

/** Call `fn` before each event that is sent to a peer of the namespace, before the handlers of
 * sio_peer_on_any_outgoing(), which see.
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_namespace_on_any_outgoing(sio_namespace *ns, sio_peer_fn fn, void *user);
/** As sio_namespace_on_any_outgoing(), but before those that are there.
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_namespace_prepend_any_outgoing(sio_namespace *ns, sio_peer_fn fn, void *user);
/** Remove what the two functions above added with the same arguments.
 * @return 0 or SIO_ERR_NOT_FOUND */
SIO_API int sio_namespace_off_any_outgoing(sio_namespace *ns, sio_peer_fn fn, void *user);

/** An event of another server. `event->ack` answers it, if an answer was asked for. */
typedef void (*sio_server_side_event_fn)(sio_namespace *ns, const sio_event *event, void *user);

/** The answers of the other servers. Borrowed for the call. */
typedef struct sio_server_side_reply {
    size_t size;
    int status; /**< SIO_OK, SIO_ERR_TIMEOUT when some have not answered, SIO_ERR_DISCONNECTED when
                     this server was closed or freed, SIO_ERR_NOMEM */
    const sio_args *const *responses;
    size_t count;
} sio_server_side_reply;

/** Called exactly once with the answers of the other servers. */
typedef void (*sio_server_side_fn)(const sio_server_side_reply *reply, void *user);

/** Handle an event that another server emits with sio_namespace_server_side_emit().
 * @param event copied
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_namespace_on_server_side(sio_namespace *ns, const char *event,
                                         sio_server_side_event_fn fn, void *user);
/** Remove what sio_namespace_on_server_side() added with the same arguments. @return 0 or
 * SIO_ERR_NOT_FOUND */
SIO_API int sio_namespace_off_server_side(sio_namespace *ns, const char *event,
                                          sio_server_side_event_fn fn, void *user);

/** Send an event to the same namespace of all other servers that the adapter connects.
 * @param timeout_ms how long answers are awaited; 0: 5000
 * @param fn asks for answers; called exactly once, unless an error is returned, and never from
 * inside this call. NULL: no answer is asked for
 * @return 0; SIO_ERR_RESERVED for "connection", "connect" and "new_namespace"; SIO_ERR_UNSUPPORTED
 * when there is no adapter that connects servers and no answer was asked for (with `fn`, there are
 * none then); SIO_ERR_DISCONNECTED when the server is closing; SIO_ERR_NOMEM */
SIO_API int sio_namespace_server_side_emit(sio_namespace *ns, const char *event,
                                           const sio_args *args, uint32_t timeout_ms,
                                           sio_server_side_fn fn, void *user);

/** The adapter of the namespace, see <sio/sys/adapter.h>. Borrowed. */
SIO_API struct sio_adapter *sio_namespace_adapter(const sio_namespace *ns);

#ifdef __cplusplus
}
#endif

#endif
