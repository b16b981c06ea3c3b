/**
 * @file http_coding.h
 * @brief Content coding of HTTP bodies: gzip and deflate (RFC 9110 §8.4.1), as one piece or as a
 * stream. Which one a client takes is chosen with sio_http_accept_encoding().
 *
 * An object belongs to one thread. It calls nothing back.
 */
#ifndef SIO_HTTP_CODING_H
#define SIO_HTTP_CODING_H

#include <sio/buffer.h>
#include <sio/error.h>
#include <sio/http_fields.h>
#include <sio/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Compresses bodies, one after the other. It holds up to 270 KiB, taken with the first body; a
 * server needs one for each encoding, not one for each connection. */
typedef struct sio_http_coder sio_http_coder;

/** A new coder, owned by the caller.
 * @param encoding SIO_HTTP_GZIP or SIO_HTTP_DEFLATE (zlib format, RFC 1950)
 * @param level 1 (fast) to 9 (small); 0 means 6
 * @param mem copied; NULL means the C library's allocator
 * @return 0, SIO_ERR_INVALID for another encoding or level, SIO_ERR_NOMEM, SIO_ERR_UNSUPPORTED when
 * the library was built without zlib */
SIO_API int sio_http_coder_new(sio_http_coder **out, sio_http_encoding encoding, int level,
                               const sio_mem *mem);

/** Free a coder. NULL is allowed. */
SIO_API void sio_http_coder_free(sio_http_coder *coder);

/** Compress the next piece of the present body, which begins with the first call and with the first
 * after one with `last`.
 * @param out what can be put out so far is appended; its maximum bounds it
 * @param data borrowed for the call; may be NULL when `len` is 0
 * @param last it was the last piece: all that is left is put out, and the body ends
 * @return 0, or SIO_ERR_LIMIT or SIO_ERR_NOMEM: then the pieces of this call were not appended, the
 * whole body is void, and the next call begins another */
SIO_API int sio_http_coder_write(sio_http_coder *coder, sio_buf *out, const void *data, size_t len,
                                 bool last);

#ifdef __cplusplus
}
#endif

#endif
