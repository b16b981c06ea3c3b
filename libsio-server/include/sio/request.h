/**
 * @file request.h
 * @brief HTTP requests beside Socket.IO: an application handler and served folders.
 *
 * Threads and callbacks: as said in <sio/server.h>.
 */
#ifndef SIO_REQUEST_H
#define SIO_REQUEST_H

#include <sio/server_types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An HTTP request outside the Socket.IO path that waits for its answer. Opaque. It lives until it
 * was answered or its connection was lost. */
typedef struct sio_request sio_request;

/** A request has arrived whole. Answer it with sio_request_reply(), before returning. */
typedef void (*sio_request_fn)(sio_request *request, void *user);

/** Handle every request outside the Socket.IO path and the served folders. Without a handler they
 * get 404. `fn` NULL removes the handler. */
SIO_API void sio_server_on_request(sio_server *server, sio_request_fn fn, void *user);

/** Serve the regular files of a folder below a URL prefix, with types, ETag and 304. Names that
 * lead outside the folder, hidden files and links out of it get 404.
 * @param prefix such as "/" or "/static/"; copied
 * @param dir copied
 * @return 0, SIO_ERR_INVALID, SIO_ERR_NOT_FOUND when there is no such folder, SIO_ERR_NOMEM */
SIO_API int sio_server_serve_dir(sio_server *server, const char *prefix, const char *dir);

/** The method, such as "GET". Valid until the request is answered or lost. */
SIO_API sio_str sio_request_method(const sio_request *request);
/** The path as sent, without the query. Valid until the request is answered or lost. */
SIO_API sio_str sio_request_path(const sio_request *request);
/** What stands behind the `?`; empty if nothing. Valid until the request is answered or lost. */
SIO_API sio_str sio_request_query(const sio_request *request);
/** The body. Valid until the request is answered or lost. */
SIO_API sio_bytes sio_request_body(const sio_request *request);
/** The first header of that name, whatever its case; `ptr` is NULL if there is none. Valid until
 * the request is answered or lost. */
SIO_API sio_str sio_request_header(const sio_request *request, const char *name);

/** Add a header to the answer. Both texts are copied.
 * @return 0, SIO_ERR_INVALID when name or value hold CR, LF, NUL or are otherwise malformed,
 * SIO_ERR_NOMEM */
SIO_API int sio_request_add_header(sio_request *request, const char *name, const char *value);

/** Answer, once. The request is gone afterwards, also on failure.
 * @param status such as 200
 * @param content_type NULL: none
 * @param body copied; may be NULL when `len` is 0
 * @return 0, SIO_ERR_INVALID, SIO_ERR_NOMEM (the connection is then closed) */
SIO_API int sio_request_reply(sio_request *request, int status, const char *content_type,
                              const void *body, size_t len);

#ifdef __cplusplus
}
#endif

#endif
