/**
 * @file buffer.h
 * @brief The two ways libsio holds bytes: `sio_buf`, a growable buffer with a hard maximum, and
 * `sio_blob`, immutable shared bytes with a reference count.
 *
 * Encoders append to a `sio_buf`. A finished message becomes a `sio_blob`, which is queued by
 * pointer on every receiver.
 */
#ifndef SIO_BUFFER_H
#define SIO_BUFFER_H

#include <sio/error.h>
#include <sio/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A growable byte buffer. Members may be read; they are changed through the functions only,
 * except that `len` may be lowered to cut the end off. All-zero is an empty buffer with the C
 * library's allocator and no maximum. */
typedef struct sio_buf {
    uint8_t *data;      /**< the bytes; NULL while nothing was ever reserved */
    size_t len;         /**< bytes in use */
    size_t cap;         /**< bytes allocated */
    size_t max;         /**< `len` never exceeds this; 0 means no maximum */
    const sio_mem *mem; /**< borrowed, outlives the buffer; NULL means the C library's */
} sio_buf;

/** Prepare an empty buffer. Nothing is allocated.
 * @param buf the caller's struct
 * @param max hard maximum of its length in bytes, 0 for none
 * @param mem borrowed for the buffer's life; NULL means the C library's allocator */
SIO_API void sio_buf_init(sio_buf *buf, size_t max, const sio_mem *mem);

/** Release the memory; the buffer is empty and usable afterwards. NULL is allowed. */
SIO_API void sio_buf_free(sio_buf *buf);

/** Make room for `more` bytes behind the present end without changing `len`.
 * @return 0, SIO_ERR_LIMIT when the maximum would be passed, SIO_ERR_NOMEM */
SIO_API int sio_buf_reserve(sio_buf *buf, size_t more);

/** Append bytes. `data` is borrowed for the call and may be NULL when `len` is 0; it must not lie
 * inside the buffer.
 * @return 0, SIO_ERR_LIMIT, SIO_ERR_NOMEM; on failure nothing was appended */
SIO_API int sio_buf_add(sio_buf *buf, const void *data, size_t len);

/** Append one byte. Errors as sio_buf_add. */
SIO_API int sio_buf_add_byte(sio_buf *buf, uint8_t byte);

/** Append a NUL-terminated text without its NUL. Errors as sio_buf_add. */
SIO_API int sio_buf_add_text(sio_buf *buf, const char *text);

/** Append an unsigned number in decimal. Errors as sio_buf_add. */
SIO_API int sio_buf_add_u64(sio_buf *buf, uint64_t value);

/** Drop `count` bytes at the front, moving the rest. `count` is at most `len`. */
SIO_API void sio_buf_drop(sio_buf *buf, size_t count);

/** Immutable bytes with a reference count. The count is atomic: the same blob may be held by
 * several threads. */
typedef struct sio_blob {
    const uint8_t *data; /**< valid while a reference is held */
    size_t len;          /**< in bytes */
} sio_blob;

/** A new blob with a copy of `len` bytes and one reference, owned by the caller.
 * @param mem copied; NULL means the C library's allocator
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_blob_new(sio_blob **out, const void *data, size_t len, const sio_mem *mem);

/** A new blob that takes over the buffer's memory without copying. The buffer is empty afterwards,
 * also on failure.
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_blob_take(sio_blob **out, sio_buf *buf);

/** Take one more reference. @return its argument. Callable from any thread. */
SIO_API sio_blob *sio_blob_ref(sio_blob *blob);

/** Give one reference back; the last frees the blob. NULL is allowed. Callable from any thread that
 * may call the blob's allocator. */
SIO_API void sio_blob_unref(sio_blob *blob);

#ifdef __cplusplus
}
#endif

#endif
