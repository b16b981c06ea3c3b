/**
 * @file client_loop.h
 * @brief One loop for many clients.
 *
 * A client that is made alone brings its own loop: descriptors, a buffer for reading, random bytes,
 * a resolver. Programs with many clients make one of these and name it in
 * `sio_client_options.loop`: then each further client costs its own state only (docs/performance.md
 * lists it).
 *
 *     sio_client_loop *loop;
 *     sio_client_loop_new(&loop, NULL);
 *     options.loop = loop;
 *     for (...) sio_client_new(&clients[i], url, &options);
 *     sio_client_loop_run(loop);
 *
 * Clients that are given the same TLS settings one after the other share them, and the sessions
 * that shorten handshakes. Files that have not changed are not read again.
 *
 * Its clients belong to the thread that runs it, and what client.h says about threads and callbacks
 * holds for each of them. Before it runs they belong to the thread that made it: if another one is
 * to run it, have that say that it does, for example by a first sio_client_post(), before events
 * are emitted from elsewhere.
 */
#ifndef SIO_CLIENT_LOOP_H
#define SIO_CLIENT_LOOP_H

#include <sio/client.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Settings of a loop. Start from SIO_CLIENT_LOOP_OPTIONS_INIT. */
typedef struct sio_client_loop_options {
    size_t size;             /**< set by SIO_CLIENT_LOOP_OPTIONS_INIT */
    const sio_mem *mem;      /**< NULL: the C library's allocator; copied. Its clients use it too */
    struct event_base *base; /**< run on the application's event base, which outlives the loop;
                                  NULL: an own one */
    sio_client_log_fn log;   /**< of all its clients; NULL: silent */
    void *log_user;          /**< handed to `log` */
} sio_client_loop_options;

#define SIO_CLIENT_LOOP_OPTIONS_INIT                                                               \
    { sizeof(sio_client_loop_options), NULL, NULL, NULL, NULL }

/** Make a loop.
 * @param out receives the loop, owned by the caller, to be freed with sio_client_loop_free()
 * @param options borrowed for the call; NULL: all defaults
 * @return 0; SIO_ERR_INVALID for an unknown size; SIO_ERR_NOMEM; SIO_ERR_NET when the system
 * refuses a descriptor */
SIO_API int sio_client_loop_new(sio_client_loop **out, const sio_client_loop_options *options);

/** Free the clients that are left, as sio_client_free() does, and the loop. Not from inside a
 * callback of a client, and while nothing runs the loop. NULL is allowed. */
SIO_API void sio_client_loop_free(sio_client_loop *loop);

/** Run until sio_client_loop_stop(), or until no socket of any client is active any more and
 * everything queued was written. With an event base of the application this runs that base.
 * @return 0; SIO_ERR_STATE when it runs already */
SIO_API int sio_client_loop_run(sio_client_loop *loop);

/** Make sio_client_loop_run() return at the end of this turn, or the next one at once. Callable
 * from any thread. */
SIO_API void sio_client_loop_stop(sio_client_loop *loop);

/** How many clients it has: those that were freed do not count. */
SIO_API size_t sio_client_loop_count(const sio_client_loop *loop);

#ifdef __cplusplus
}
#endif

#endif
