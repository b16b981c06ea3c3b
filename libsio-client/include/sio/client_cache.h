/**
 * @file client_cache.h
 * @brief Several namespaces over one connection without passing the client around: what the
 * JavaScript function `io(url, options)` does with its cache of Managers.
 *
 * A cache and all clients in it belong to one thread. There is no hidden one for the process: keep
 * one where your program keeps such things.
 */
#ifndef SIO_CLIENT_CACHE_H
#define SIO_CLIENT_CACHE_H

#include <sio/client.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sio_client_cache sio_client_cache;

/** Make an empty cache.
 * @param out receives the cache, owned by the caller
 * @param mem borrowed for its life; NULL: the C library's
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_client_cache_new(sio_client_cache **out, const sio_mem *mem);

/** Free the cache. The clients live on with their references. NULL is allowed. */
SIO_API void sio_client_cache_free(sio_client_cache *cache);

/** The socket of a URL's namespace. The client of the same scheme (as far as TLS is concerned),
 * host, port, `path` and event base is used, unless it has a socket of this namespace already,
 * connected or not: then there is a new client, which is not kept in the cache. A new client is
 * kept for as long as it lives. Options count only for a client that is made.
 * @param out receives the socket. With it the caller gets a reference of its client, to be given
 * back with `sio_client_unref(sio_socket_client(socket))`
 * @param url as for sio_client_new()
 * @param options borrowed for the call; NULL: all defaults
 * @param force_new a client of its own, not kept in the cache (`forceNew`, `multiplex: false`)
 * @return 0; SIO_ERR_SIO_NAMESPACE when the URL's path is no name of a namespace; an error of
 * sio_client_new() */
SIO_API int sio_client_cache_socket(sio_socket **out, sio_client_cache *cache, const char *url,
                                    const sio_client_options *options, bool force_new);

/** Take a reference of a client. Those of sio_client_new() have one. @return its argument. Loop
 * thread only. */
SIO_API sio_client *sio_client_ref(sio_client *client);

/** Give a reference back: with the last one the client is freed as by sio_client_free(), which
 * frees it whatever references there are. NULL is allowed. Loop thread only. */
SIO_API void sio_client_unref(sio_client *client);

#ifdef __cplusplus
}
#endif

#endif
