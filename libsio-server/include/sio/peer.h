/**
 * @file peer.h
 * @brief One client in one namespace: events, acknowledgements, rooms, disconnecting.
 *
 * Threads and callbacks: as said in <sio/server.h>.
 */
#ifndef SIO_PEER_H
#define SIO_PEER_H

#include <sio/buffer.h>
#include <sio/server_types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What is known about the client since its first request. Borrowed from the peer. */
typedef struct sio_handshake {
    size_t size;         /**< sizeof(sio_handshake) of the library */
    const char *address; /**< the client's IP address as text */
    const char *url;     /**< request target of the handshake */
    const char *query;   /**< its query, undecoded, "" if none */
    sio_str auth;        /**< the auth payload of CONNECT as JSON text; `{}` if there was none */
    uint64_t issued_ms;  /**< wall clock of the handshake, ms since 1970 */
    bool secure;         /**< over TLS */
    bool certificate_verified; /**< the authorities of `client_ca_file` vouch for `certificate` */
    const char *certificate;   /**< subject of the certificate that the client showed in the TLS
                                    handshake, as RFC 4514 writes it, such as "CN=someone"; NULL if
                                    none. Behind a proxy that speaks TLS it is the proxy's */
    const char *time; /**< `issued_ms` as JavaScript writes it, in UTC: "Sat Nov 21 2026 05:31:51
                           GMT+0000 (Coordinated Universal Time)" */
    bool xdomain;     /**< the request had an Origin: it comes from a web page */
} sio_handshake;

/** The public id of the peer: 20 characters, or for a Socket.IO 2.x client its Engine.IO id,
 * behind the namespace's name and `#` where that is not "/". Borrowed. */
SIO_API const char *sio_peer_id(const sio_peer *peer);
/** Its namespace. Borrowed. */
SIO_API sio_namespace *sio_peer_namespace(const sio_peer *peer);
/** Its server. Borrowed. */
SIO_API sio_server *sio_peer_server(const sio_peer *peer);
/** Its handshake. Borrowed, never NULL; without memory its texts are empty. */
SIO_API const sio_handshake *sio_peer_handshake(sio_peer *peer);
/** The id of its Engine.IO session, the same in all namespaces of the client. Unlike
 * sio_peer_id() it is a secret: who knows it can take part in the session. Borrowed. */
SIO_API const char *sio_peer_client_id(const sio_peer *peer);

/** A header of the handshake request, whatever its case; `ptr` is NULL if there was none. Borrowed
 * from the peer. */
SIO_API sio_str sio_peer_header(const sio_peer *peer, const char *name);
/** Call `fn` with each header line of the handshake request, in the order they came. Both texts are
 * borrowed from the peer. */
SIO_API void sio_peer_headers(const sio_peer *peer,
                              void (*fn)(sio_str name, sio_str value, void *user), void *user);

/** A parameter of the handshake's query, such as "token" in `?EIO=4&token=abc`; the last one, if
 * there are several of that name.
 * @param out the value is appended, decoded; UTF-8
 * @return 0, SIO_ERR_NOT_FOUND, SIO_ERR_LIMIT, SIO_ERR_NOMEM; on failure nothing is appended */
SIO_API int sio_peer_query(const sio_peer *peer, const char *name, sio_buf *out);

/** "polling" or "websocket": what the connection uses now. */
SIO_API const char *sio_peer_transport(const sio_peer *peer);
/** True from just before the `connection` handlers until just before the `disconnect` handlers. */
SIO_API bool sio_peer_connected(const sio_peer *peer);

/** Whether it came back by connection state recovery, with id, rooms and data of before. */
SIO_API bool sio_peer_recovered(const sio_peer *peer);

/** Bytes that wait to be written on the peer's connection. */
SIO_API size_t sio_peer_queued_bytes(const sio_peer *peer);

/** Engine.IO packets that wait to be sent on the peer's connection; an event is one, and each of
 * its binary attachments another. See sio_engine_session_queued_messages(). */
SIO_API size_t sio_peer_queued_messages(const sio_peer *peer);

/** Attach the application's pointer.
 * @param release called with the old pointer when it is replaced or the peer goes; may be NULL */
SIO_API void sio_peer_set_user(sio_peer *peer, void *user, void (*release)(void *user));
/** The pointer given to sio_peer_set_user(), or NULL. */
SIO_API void *sio_peer_user(const sio_peer *peer);

/** Set what is known about the peer beyond this process: other servers of a cluster are shown it,
 * and it comes back with the connection state. The pointer of sio_peer_set_user() stays here.
 * @param json one JSON value, copied; NULL: none, which reads as `{}`
 * @return 0, the errors of sio_json_validate(), SIO_ERR_NOMEM; on failure nothing has changed */
SIO_API int sio_peer_set_data(sio_peer *peer, const char *json);
/** The JSON text of sio_peer_set_data(); "{}" when there is none. Borrowed until it is set again.
 */
SIO_API const char *sio_peer_data(const sio_peer *peer);

/** Keep the object beyond its disconnect, but not beyond the server: the reference must be given
 * back before sio_server_free(). @return its argument */
SIO_API sio_peer *sio_peer_ref(sio_peer *peer);
/** Give a reference of sio_peer_ref() back. NULL is allowed. */
SIO_API void sio_peer_unref(sio_peer *peer);

/** Handle an event of this peer only, after the namespace's handlers.
 * @param event copied
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_peer_on(sio_peer *peer, const char *event, sio_peer_fn fn, void *user);

/** As sio_peer_on(), for the next event of that name only. @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_peer_once(sio_peer *peer, const char *event, sio_peer_fn fn, void *user);

/** Handle every event this peer sends, after the namespace's handlers of every event.
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_peer_on_any(sio_peer *peer, sio_peer_fn fn, void *user);

/** As sio_peer_on_any(), but before those that are there. @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_peer_prepend_any(sio_peer *peer, sio_peer_fn fn, void *user);

/** Remove every handler of this peer added with these same `event`, `fn` and `user`.
 * @param event NULL: those of sio_peer_on_any()
 * @return 0 or SIO_ERR_NOT_FOUND */
SIO_API int sio_peer_off(sio_peer *peer, const char *event, sio_peer_fn fn, void *user);

/** Remove every handler this peer has for an event. @param event NULL: those of sio_peer_on_any()
 */
SIO_API void sio_peer_off_event(sio_peer *peer, const char *event);

/** Remove every handler of this peer. */
SIO_API void sio_peer_off_all(sio_peer *peer);

/** How many handlers of its own the peer has for an event.
 * @param event NULL: those of sio_peer_on_any() */
SIO_API size_t sio_peer_handler_count(const sio_peer *peer, const char *event);

/** Call `fn` with the name of each event the peer has handlers of its own for. `fn` may not add or
 * remove handlers. */
SIO_API void sio_peer_event_names(const sio_peer *peer, void (*fn)(sio_str name, void *user),
                                  void *user);

/** Send an event (Socket.IO protocol 5, EVENT and BINARY_EVENT packets).
 * @param args borrowed for the call; NULL: none. What was received may be passed on untouched.
 * @param options borrowed for the call; NULL: all defaults
 * @return 0; SIO_ERR_RESERVED for a reserved name; SIO_ERR_DISCONNECTED; SIO_ERR_DISCARDED for a
 * volatile event that was dropped; SIO_ERR_EIO_QUEUE_FULL when the connection's queue is full (it
 * is then closed); SIO_ERR_LIMIT when too many acknowledgements are awaited; SIO_ERR_NOMEM.
 * `on_ack` is not called when an error is returned. */
SIO_API int sio_peer_emit(sio_peer *peer, const char *event, const sio_args *args,
                          const sio_emit_options *options);

/** Send an event with arguments as in sio_args_addf(), such as
 * `sio_peer_emitf(peer, "reply", "s i", text, number)`. Errors as sio_peer_emit(), and those of
 * sio_args_addf(). */
SIO_API int sio_peer_emitf(sio_peer *peer, const char *event, const char *format, ...);

/** Send an event and ask for its acknowledgement, with arguments as in sio_args_addf().
 * @param timeout_ms 0: wait until the disconnect
 * @param on_ack called exactly once, unless an error is returned
 * @return as sio_peer_emitf() */
SIO_API int sio_peer_emit_ackf(sio_peer *peer, const char *event, uint32_t timeout_ms,
                               sio_reply_fn on_ack, void *user, const char *format, ...);

/** Send the event "message". As sio_peer_emit() with all defaults. */
SIO_API int sio_peer_send(sio_peer *peer, const sio_args *args);

/** Call `fn` before each event that is sent to this peer, by emitting or broadcasting, after the
 * namespace's handlers of this kind. Not for acknowledgements. The event may still be refused
 * afterwards, for instance because the queue is full.
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_peer_on_any_outgoing(sio_peer *peer, sio_peer_fn fn, void *user);
/** As sio_peer_on_any_outgoing(), but before those that are there. @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_peer_prepend_any_outgoing(sio_peer *peer, sio_peer_fn fn, void *user);
/** Remove what the two functions above added with the same arguments.
 * @return 0 or SIO_ERR_NOT_FOUND */
SIO_API int sio_peer_off_any_outgoing(sio_peer *peer, sio_peer_fn fn, void *user);

/** Join a room. Joining twice is one membership. Each peer is in the room named by its id.
 * @param room copied
 * @return 0, SIO_ERR_DISCONNECTED, SIO_ERR_NOMEM */
SIO_API int sio_peer_join(sio_peer *peer, const char *room);

/** Join several rooms. @return as sio_peer_join(); after an error some may have been joined */
SIO_API int sio_peer_join_all(sio_peer *peer, const char *const *rooms, size_t count);

/** Leave a room; nothing happens when the peer is not in it. */
SIO_API void sio_peer_leave(sio_peer *peer, const char *room);
/** Whether the peer is in the room. */
SIO_API bool sio_peer_in_room(const sio_peer *peer, const char *room);

/** How many rooms the peer is in, the one named by its id included. */
SIO_API size_t sio_peer_room_count(const sio_peer *peer);
/** The name of the peer's room `index`, in no particular order; NULL beyond the count. Borrowed
 * until the next join or leave. */
SIO_API const char *sio_peer_room(const sio_peer *peer, size_t index);

/** Disconnect the peer from its namespace; its handlers see "server namespace disconnect".
 * @param close_connection also end every other namespace of the client and its connection */
SIO_API void sio_peer_disconnect(sio_peer *peer, bool close_connection);

/** Close the connection underneath gracefully, without a DISCONNECT packet: every namespace of the
 * client ends with reason "forced close". */
SIO_API void sio_peer_close_connection(sio_peer *peer);

#ifdef __cplusplus
}
#endif

#endif
