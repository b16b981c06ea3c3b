/**
 * @file socket.h
 * @brief One namespace of a client: its events, and sending. `<sio/client.h>` includes it.
 *
 * A socket is made by sio_client_socket(), belongs to its client and lives as long as it does.
 * Threads and callbacks as in `<sio/client.h>`.
 */
#ifndef SIO_SOCKET_H
#define SIO_SOCKET_H

#include <sio/client_types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The socket's namespace, with the leading slash. Borrowed. */
SIO_API const char *sio_socket_namespace(const sio_socket *socket);
/** Its client. Borrowed. */
SIO_API sio_client *sio_socket_client(const sio_socket *socket);
/** The id the server gave; "" when not connected. Borrowed until the next callback. */
SIO_API const char *sio_socket_id(const sio_socket *socket);
/** Whether the server has accepted the namespace and the connection stands. */
SIO_API bool sio_socket_connected(const sio_socket *socket);
/** Whether the socket will (re)connect when the client does. */
SIO_API bool sio_socket_active(const sio_socket *socket);
/** Whether the last CONNECT continued the session before it (connection state recovery). */
SIO_API bool sio_socket_recovered(const sio_socket *socket);

/** Connect again after a disconnect or a refusal. Nothing happens when it is active already.
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_socket_connect(sio_socket *socket);

/** Leave the namespace; if connected, `disconnect` follows with reason "io client disconnect". The
 * last active socket closes the connection. Events kept for sending stay kept. */
SIO_API void sio_socket_disconnect(sio_socket *socket);

/** The payload of this socket's CONNECT from the next attempt on, instead of the client's.
 * @param auth a JSON object, copied; NULL: the client's
 * @return 0, SIO_ERR_JSON_SYNTAX or another JSON error, SIO_ERR_INVALID when it is no object,
 * SIO_ERR_NOMEM */
SIO_API int sio_socket_set_auth(sio_socket *socket, const char *auth);

/** Handle an event. "connect", "connect_error" (`event->status`, `event->reason` is the message,
 * `event->data` the server's data) and "disconnect" (`event->reason`) are events of the library.
 * Several handlers of one event run in the order they were added.
 * @param event copied
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_socket_on(sio_socket *socket, const char *event, sio_socket_fn fn, void *user);

/** As sio_socket_on(), removed before its first run. */
SIO_API int sio_socket_once(sio_socket *socket, const char *event, sio_socket_fn fn, void *user);

/** Handle every event the server sends, before the handlers of that event. */
SIO_API int sio_socket_on_any(sio_socket *socket, sio_socket_fn fn, void *user);

/** Remove every handler added with these same `event`, `fn` and `user`. One that is removed while
 * an event is being handed out does not run any more.
 * @param event NULL: those of sio_socket_on_any()
 * @return 0 or SIO_ERR_NOT_FOUND */
SIO_API int sio_socket_off(sio_socket *socket, const char *event, sio_socket_fn fn, void *user);

/** Send an event (Socket.IO protocol 5, EVENT and BINARY_EVENT packets). While not connected it is
 * kept and sent, in order, before the `connect` handlers run.
 * @param args borrowed for the call; NULL: none. What was received may be passed on untouched.
 * @param options borrowed for the call; NULL: all defaults
 * @return 0; SIO_ERR_RESERVED for a reserved name; SIO_ERR_DISCARDED for a volatile event that was
 * dropped; SIO_ERR_LIMIT when too many events, or bytes, are kept or too many acknowledgements
 * awaited; SIO_ERR_EIO_QUEUE_FULL; SIO_ERR_NOMEM; SIO_ERR_DISCONNECTED while the client is being
 * freed. `on_ack` is not called when an error is returned. */
SIO_API int sio_socket_emit(sio_socket *socket, const char *event, const sio_args *args,
                            const sio_emit_options *options);

/** Send an event with arguments as in sio_args_addf(), such as
 * `sio_socket_emitf(socket, "hello", "s i", text, number)`. Errors as sio_socket_emit(), and those
 * of sio_args_addf(). */
SIO_API int sio_socket_emitf(sio_socket *socket, const char *event, const char *format, ...);

/** Send an event and ask for its acknowledgement, with arguments as in sio_args_addf().
 * @param timeout_ms 0: wait until the disconnect
 * @param on_ack called exactly once, unless an error is returned
 * @return as sio_socket_emitf() */
SIO_API int sio_socket_emit_ackf(sio_socket *socket, const char *event, uint32_t timeout_ms,
                                 sio_reply_fn on_ack, void *user, const char *format, ...);

/** sio_socket_emitf() from any thread: the arguments are encoded at once, the event is sent by the
 * loop's thread, in the order of the calls of one thread.
 * @return 0, SIO_ERR_RESERVED, SIO_ERR_NOMEM, or an error of sio_args_addf() */
SIO_API int sio_socket_post_emitf(sio_socket *socket, const char *event, const char *format, ...);

/** The application's pointer, borrowed. */
SIO_API void sio_socket_set_user(sio_socket *socket, void *user);
/** The pointer given to sio_socket_set_user(), or NULL. */
SIO_API void *sio_socket_user(const sio_socket *socket);

#ifdef __cplusplus
}
#endif

#endif
