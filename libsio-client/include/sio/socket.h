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

/** Have the credentials of this socket's CONNECT asked for, anew for each connection, instead of
 * the client's and of sio_socket_set_auth(). @param fn NULL: no longer */
SIO_API void sio_socket_set_auth_fn(sio_socket *socket, sio_auth_fn fn, void *user);

/** Give the credentials that were asked for: CONNECT is sent with them.
 * @param request consumed, unless an error of the JSON is returned
 * @param auth a JSON object, borrowed for the call; NULL: none
 * @return 0; SIO_ERR_DISCONNECTED when the connection it was for is gone, or the socket: nothing
 * happens then; SIO_ERR_INVALID or a JSON error. Loop thread only. */
SIO_API int sio_auth_answer(sio_auth_request *request, const char *auth);

/** There are no credentials: `connect_error` follows with SIO_ERR_SIO_AUTH and this message, and
 * the socket is no longer active; sio_socket_connect() tries again.
 * @param request consumed
 * @param message borrowed for the call; NULL: a general one
 * @return 0, or SIO_ERR_DISCONNECTED as sio_auth_answer(). Loop thread only. */
SIO_API int sio_auth_fail(sio_auth_request *request, const char *message);

/** Handle an event. "connect", "connect_error" (`event->status`, `event->reason` is the message,
 * `event->data` the server's data) and "disconnect" (`event->reason`) are events of the library.
 * Several handlers of one event run in the order they were added.
 * @param event copied
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_socket_on(sio_socket *socket, const char *event, sio_socket_fn fn, void *user);

/** As sio_socket_on(), removed before its first run. */
SIO_API int sio_socket_once(sio_socket *socket, const char *event, sio_socket_fn fn, void *user);

/** Handle every event the server sends, before the handlers of that event.
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_socket_on_any(sio_socket *socket, sio_socket_fn fn, void *user);

/** As sio_socket_on_any(), but before those that are there. @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_socket_prepend_any(sio_socket *socket, sio_socket_fn fn, void *user);

/** Remove every handler added with these same `event`, `fn` and `user`. One that is removed while
 * an event is being handed out does not run any more.
 * @param event NULL: those of sio_socket_on_any()
 * @return 0 or SIO_ERR_NOT_FOUND */
SIO_API int sio_socket_off(sio_socket *socket, const char *event, sio_socket_fn fn, void *user);

/** Remove every handler of an event. @param event NULL: those of sio_socket_on_any() */
SIO_API void sio_socket_off_event(sio_socket *socket, const char *event);

/** Remove every handler of what comes, those of sio_socket_on_any() as well. */
SIO_API void sio_socket_off_all(sio_socket *socket);

/** How many handlers an event has. @param event NULL: those of sio_socket_on_any() */
SIO_API size_t sio_socket_handler_count(const sio_socket *socket, const char *event);

/** Handle every event that is sent, right before it leaves: kept events when they are sent, events
 * that are sent again each time. Acknowledgements are no events.
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_socket_on_any_outgoing(sio_socket *socket, sio_socket_fn fn, void *user);

/** As sio_socket_on_any_outgoing(), but before those that are there. @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_socket_prepend_any_outgoing(sio_socket *socket, sio_socket_fn fn, void *user);

/** Remove what sio_socket_on_any_outgoing() added with the same arguments.
 * @return 0 or SIO_ERR_NOT_FOUND */
SIO_API int sio_socket_off_any_outgoing(sio_socket *socket, sio_socket_fn fn, void *user);

/** Remove every handler of what leaves. */
SIO_API void sio_socket_off_all_outgoing(sio_socket *socket);

/** How many handlers of what leaves there are. */
SIO_API size_t sio_socket_outgoing_handler_count(const sio_socket *socket);

/** Send an event (Socket.IO protocol 5, EVENT and BINARY_EVENT packets). While not connected it is
 * kept and sent, in order, before the `connect` handlers run. With sio_socket_set_retries() it is
 * queued.
 *
 * An event is never lost silently. What is refused is refused here; of what was accepted and is
 * lost later, `on_ack` and `on_sent` tell, whichever were asked for, once each; when neither was,
 * the client's event "lost" tells of what another thread emitted, of what does not fit the
 * connection, and of what was sent again in vain.
 * @param args borrowed for the call; NULL: none. What was received may be passed on untouched.
 * @param options borrowed for the call; NULL: all defaults
 * @return 0; SIO_ERR_RESERVED for a reserved name; SIO_ERR_DISCARDED for a volatile event that was
 * dropped; SIO_ERR_LIMIT when too many events, or bytes, are kept or too many acknowledgements
 * awaited; SIO_ERR_EIO_QUEUE_FULL; SIO_ERR_NOMEM; SIO_ERR_DISCONNECTED while the client is being
 * freed; SIO_ERR_INVALID for `on_sent` together with retries. Neither callback is called when an
 * error is returned.
 * Thread: any. On another than the loop's, the event is copied and handed over, in the order of the
 * calls of one thread; the callbacks come on the loop's thread. */
SIO_API int sio_socket_emit(sio_socket *socket, const char *event, const sio_args *args,
                            const sio_emit_options *options);

/** Send an event with arguments as in sio_args_addf(), such as
 * `sio_socket_emitf(socket, "hello", "s i", text, number)`. Errors as sio_socket_emit(), and those
 * of sio_args_addf(). Thread: any. */
SIO_API int sio_socket_emitf(sio_socket *socket, const char *event, const char *format, ...);

/** Send an event and ask for its acknowledgement, with arguments as in sio_args_addf().
 * @param timeout_ms 0: the socket's, see sio_socket_set_ack_timeout()
 * @param on_ack called exactly once, unless an error is returned
 * @return as sio_socket_emitf(). Thread: any. */
SIO_API int sio_socket_emit_ackf(sio_socket *socket, const char *event, uint32_t timeout_ms,
                                 sio_reply_fn on_ack, void *user, const char *format, ...);

/** sio_socket_emit() of the event "message". Thread: any. */
SIO_API int sio_socket_send(sio_socket *socket, const sio_args *args,
                            const sio_emit_options *options);

/** sio_socket_emitf() of the event "message". Thread: any. */
SIO_API int sio_socket_sendf(sio_socket *socket, const char *format, ...);

/** sio_socket_emitf() that never sends inside the call, also on the loop's thread.
 * @return 0, SIO_ERR_RESERVED, SIO_ERR_LIMIT, SIO_ERR_NOMEM, or an error of sio_args_addf().
 * Thread: any. */
SIO_API int sio_socket_post_emitf(sio_socket *socket, const char *event, const char *format, ...);

/** How many events are kept because the namespace is not connected. */
SIO_API uint32_t sio_socket_kept(const sio_socket *socket);

/** Drop what is kept: `on_ack` and `on_sent` get SIO_ERR_DISCARDED. */
SIO_API void sio_socket_clear_kept(sio_socket *socket);

/** How often an event that is not acknowledged is sent again: at least once, in order, one at a
 * time, until the server has acknowledged it or `on_ack` gets the last error. While not connected
 * nothing is sent and nothing fails. A disconnect counts as a try. Volatile events are sent past
 * the queue. Each try has its own acknowledgement id: an event that must not count twice needs an
 * id of its own among its arguments.
 * @param retries 0: no queue (the default is that of the client's options); UINT32_MAX: endlessly
 */
SIO_API void sio_socket_set_retries(sio_socket *socket, uint32_t retries);

/** How long acknowledgements are waited for where an event does not say, in ms.
 * @param timeout_ms 0 or SIO_EMIT_NO_TIMEOUT: until the disconnect; each try of a queued event
 * then takes 10 s at most */
SIO_API void sio_socket_set_ack_timeout(sio_socket *socket, uint32_t timeout_ms);

/** How many events are queued for being acknowledged, the one in flight included. */
SIO_API uint32_t sio_socket_queue_length(const sio_socket *socket);

/** Drop what is queued: `on_ack` gets SIO_ERR_DISCARDED. Nothing happens inside a handler of
 * sio_socket_on_any_outgoing() that is told of a queued event. */
SIO_API void sio_socket_clear_queue(sio_socket *socket);

/** How many acknowledgements are awaited. */
SIO_API uint32_t sio_socket_pending_acks(const sio_socket *socket);

/** The application's pointer, borrowed. */
SIO_API void sio_socket_set_user(sio_socket *socket, void *user);
/** The pointer given to sio_socket_set_user(), or NULL. */
SIO_API void *sio_socket_user(const sio_socket *socket);

#ifdef __cplusplus
}
#endif

#endif
