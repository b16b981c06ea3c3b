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

/** An HTTP request outside the Socket.IO path that waits for its answer. Opaque. It lives until its
 * handler returns, or until the last sio_request_unref(). */
typedef struct sio_request sio_request;

/** A request has arrived whole. Answer it before returning, or keep it with sio_request_ref() and
 * answer later. One that is neither answered nor kept gets 500. */
typedef void (*sio_request_fn)(sio_request *request, void *user);

/** The client is gone, or the server was freed, before the answer was complete.
 * @param err SIO_ERR_CLOSED, SIO_ERR_RESET, SIO_ERR_TIMEOUT (the client does not read) or another
 * error of the connection */
typedef void (*sio_request_lost_fn)(sio_request *request, int err, void *user);

/** All that sio_request_write() queued was handed to the network. */
typedef void (*sio_request_drain_fn)(sio_request *request, void *user);

/** Handle every request outside the Socket.IO path and the served folders. Without a handler they
 * get 404. `fn` NULL removes the handler. */
SIO_API void sio_server_on_request(sio_server *server, sio_request_fn fn, void *user);

/** Decide about each request with an `Upgrade` header outside the Socket.IO path, such as one for a
 * WebSocket endpoint that is the application's own. It comes before served folders and the handler
 * of sio_server_on_request(), and when what was asked for before is answered.
 *
 * `fn` refuses it with sio_request_reply(), takes the connection over with
 * sio_request_take_connection(), or keeps it with sio_request_ref() to do so later. One that it
 * leaves alone is not answered, and ended after the option `destroy_upgrade_timeout_ms`. Without
 * `fn` such requests are requests like others, and those that no handler is there for are ended in
 * the same way. `fn` NULL removes it. */
SIO_API void sio_server_on_upgrade(sio_server *server, sio_request_fn fn, void *user);

/** Serve the regular files of a folder below a URL prefix, to GET and HEAD: with types,
 * `index.html` for folders, ETag, Last-Modified and 304, single ranges of bytes (several at once
 * get the whole file), If-Range. Text, scripts and the like are sent as `file.br` or `file.gz` to
 * who takes them, if those lie beside it and are not older; else those from 1 KiB to 1 MiB are
 * compressed with gzip or deflate and kept, 4 MiB in all. Names that lead outside the folder,
 * hidden files, links out of it and what is no regular file get 404.
 * @param prefix such as "/" or "/static/"; copied
 * @param dir copied
 * @return 0, SIO_ERR_INVALID, SIO_ERR_NOT_FOUND when there is no such folder, SIO_ERR_NOMEM */
SIO_API int sio_server_serve_dir(sio_server *server, const char *prefix, const char *dir);

/** The method, such as "GET". Valid until the handler returns; of a kept
 * request ask again, until it is answered or lost: empty then. */
SIO_API sio_str sio_request_method(const sio_request *request);
/** The path as sent, without the query. Valid until the handler returns; of a kept
 * request ask again, until it is answered or lost: empty then. */
SIO_API sio_str sio_request_path(const sio_request *request);
/** What stands behind the `?`; empty if nothing. Valid until the handler returns; of a kept
 * request ask again, until it is answered or lost: empty then. */
SIO_API sio_str sio_request_query(const sio_request *request);
/** The body. Valid until the handler returns; of a kept
 * request ask again, until it is answered or lost: empty then. */
SIO_API sio_bytes sio_request_body(const sio_request *request);
/** The first header of that name, whatever its case; `ptr` is NULL if there is none. Valid until
 * the request is answered or lost. */
SIO_API sio_str sio_request_header(const sio_request *request, const char *name);

/** The client's address as text; behind a trusted proxy the one that the proxy tells. Empty when it
 * is answered or lost.
 * @return borrowed until the next call of this function */
SIO_API const char *sio_request_address(const sio_request *request);
/** Whether it came over TLS; behind a trusted proxy: whether the client's request to it did. */
SIO_API bool sio_request_secure(const sio_request *request);

/** Keep the request beyond its handler, to answer it later.
 * @return `request` */
SIO_API sio_request *sio_request_ref(sio_request *request);
/** Give a reference back; also legal after the server was freed. With the last one a request that
 * was not answered gets 500, and an answer that was not ended is cut off. NULL is allowed. */
SIO_API void sio_request_unref(sio_request *request);

/** Be told, at most once, when a kept request cannot be answered any more. `fn` NULL: nobody is. */
SIO_API void sio_request_on_lost(sio_request *request, sio_request_lost_fn fn, void *user);

/** Add a header to the answer; one name may come several times. Both texts are copied.
 * Content-Type, and what frames the message, is not for this function.
 * @return 0; SIO_ERR_INVALID when name or value hold CR, LF, NUL or are otherwise malformed;
 * SIO_ERR_STATE when the answer has begun; SIO_ERR_CLOSED when the request is lost;
 * SIO_ERR_NOMEM */
SIO_API int sio_request_add_header(sio_request *request, const char *name, const char *value);

/** Answer, once, also on failure.
 * @param status such as 200
 * @param content_type NULL: none
 * @param body copied; may be NULL when `len` is 0
 * @return 0; SIO_ERR_INVALID (the client gets 500); SIO_ERR_STATE when it is answered already;
 * SIO_ERR_CLOSED when it is lost; SIO_ERR_NOMEM (the connection is then closed) */
SIO_API int sio_request_reply(sio_request *request, int status, const char *content_type,
                              const void *body, size_t len);

/** Answer with a regular file, with ETag, and 304 for who has it already.
 * @param path the application's own; a link that leads out of the file's folder is not followed
 * @param content_type NULL: by the name's ending
 * @return 0; SIO_ERR_NOT_FOUND and SIO_ERR_LIMIT (out of descriptors): nothing was answered;
 * SIO_ERR_INVALID, SIO_ERR_STATE, SIO_ERR_CLOSED, SIO_ERR_NOMEM as above */
SIO_API int sio_request_send_file(sio_request *request, const char *path, const char *content_type);

/** Begin an answer whose length is not known: then come any number of sio_request_write(), then
 * sio_request_end(). Chunked for HTTP/1.1, up to the end of the connection for HTTP/1.0.
 * @return as sio_request_reply(); SIO_ERR_INVALID also for 204 and 304, which have no body */
SIO_API int sio_request_start(sio_request *request, int status, const char *content_type);

/** Send a piece, which is copied. A client that takes nothing for `idle_timeout_ms` is lost.
 * @return 0; SIO_ERR_LIMIT beyond SIO_REQUEST_MAX_QUEUED bytes, and nothing was queued: go on when
 * drained; SIO_ERR_STATE before sio_request_start() or after the end; SIO_ERR_CLOSED when it is
 * lost; SIO_ERR_NOMEM (the connection is then closed) */
SIO_API int sio_request_write(sio_request *request, const void *data, size_t len);
#define SIO_REQUEST_MAX_QUEUED 4194304

/** Take the connection of an upgrade request over, in plain TCP or of a Unix socket. The server has
 * written nothing and forgets it: the 101, too, is the application's to write.
 * @param fd receives the descriptor, non-blocking, owned by the caller
 * @param early receives what the client had sent behind the request already; borrowed, valid until
 * the handler returns or, of a kept request, until the last sio_request_unref()
 * @return 0; SIO_ERR_UNSUPPORTED over TLS; SIO_ERR_STATE for one that is no upgrade, has a body or
 * is answered; SIO_ERR_CLOSED when it is lost; SIO_ERR_INVALID; SIO_ERR_NOMEM. On failure the
 * request is as it was: answer it */
SIO_API int sio_request_take_connection(sio_request *request, int *fd, sio_bytes *early);

/** Bytes of the answer that the network has not taken yet. */
SIO_API size_t sio_request_queued(const sio_request *request);
/** Be told each time that nothing is queued any more. `fn` NULL: nobody is. */
SIO_API void sio_request_on_drain(sio_request *request, sio_request_drain_fn fn, void *user);

/** The answer is complete.
 * @return 0; SIO_ERR_STATE before sio_request_start() or after the end; SIO_ERR_CLOSED when it is
 * lost */
SIO_API int sio_request_end(sio_request *request);

#ifdef __cplusplus
}
#endif

#endif
