/**
 * @file engine_client.h
 * @brief Engine.IO alone: one session with a server, text and binary messages, without Socket.IO.
 *
 * An object is one session, from connecting to its close, and is not used again. It belongs to the
 * thread that runs its loop; only sio_engine_client_stop() may be called from another. Every
 * function but sio_engine_client_run() may be called from every callback, free included.
 */
#ifndef SIO_ENGINE_CLIENT_H
#define SIO_ENGINE_CLIENT_H

#include <sio/client.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sio_engine_client sio_engine_client;

/** What happens to a session; any member may be NULL. Arguments are borrowed for the call. */
typedef struct sio_engine_client_callbacks {
    size_t size; /**< sizeof(sio_engine_client_callbacks) */
    void (*on_open)(sio_engine_client *client, void *user);
    /** `data` is not NUL-terminated; text is UTF-8. */
    void (*on_message)(sio_engine_client *client, bool binary, const void *data, size_t len,
                       void *user);
    void (*on_ping)(sio_engine_client *client, void *user);
    void (*on_upgrade)(sio_engine_client *client, void *user);
    /** Everything that was sent is with the kernel (WebSocket) or answered (polling). */
    void (*on_drain)(sio_engine_client *client, void *user);
    /** Once, the last call, also for a session that never opened.
     * @param reason as in JavaScript: "transport close", "transport error", "ping timeout",
     * "forced close"
     * @param error NULL for the last two */
    void (*on_close)(sio_engine_client *client, const char *reason, const sio_client_error *error,
                     void *user);
} sio_engine_client_callbacks;

/** Begin a session; it connects once the loop runs.
 * @param out owned by the caller, freed with sio_engine_client_free()
 * @param url as for sio_client_new(); its path means nothing
 * @param options borrowed for the call; NULL: all defaults. `path` is "/engine.io" by default. What
 * belongs to Socket.IO or to reconnecting means nothing
 * @param callbacks copied
 * @return as sio_client_new() */
SIO_API int sio_engine_client_new(sio_engine_client **out, const char *url,
                                  const sio_client_options *options,
                                  const sio_engine_client_callbacks *callbacks, void *user);

/** Cut the connection; no callback any more. NULL is allowed. */
SIO_API void sio_engine_client_free(sio_engine_client *client);

/** Run the loop until the session has closed, or until sio_engine_client_stop().
 * @return 0, or SIO_ERR_STATE when it runs already, or the session has closed */
SIO_API int sio_engine_client_run(sio_engine_client *client);

/** Make sio_engine_client_run() return. Callable from any thread. */
SIO_API void sio_engine_client_stop(sio_engine_client *client);

/** Send a message; before `on_open` it is kept.
 * @param data copied
 * @return 0; SIO_ERR_CLOSED; SIO_ERR_EIO_QUEUE_FULL: more than `max_queued_bytes` wait, and the
 * session ends; SIO_ERR_NOMEM */
SIO_API int sio_engine_client_send(sio_engine_client *client, bool binary, const void *data,
                                   size_t len);

/** Close with reason "forced close"; what was sent goes out first. */
SIO_API void sio_engine_client_close(sio_engine_client *client);

/** The session id; "" before `on_open`. Borrowed. */
SIO_API const char *sio_engine_client_id(const sio_engine_client *client);

/** "polling" or "websocket"; NULL once closed. Static text. */
SIO_API const char *sio_engine_client_transport(const sio_engine_client *client);

#ifdef __cplusplus
}
#endif

#endif
