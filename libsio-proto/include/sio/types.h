/**
 * @file types.h
 * @brief Types that every other header of libsio builds on: views of memory, the allocator, the
 * version and the export marker.
 *
 * Nothing here does I/O, reads a clock or keeps global state.
 */
#ifndef SIO_TYPES_H
#define SIO_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SIO_API __attribute__((visibility("default")))
#define SIO_PRINTF(text, first) __attribute__((__format__(__printf__, text, first)))
#else
#define SIO_API
#define SIO_PRINTF(text, first)
#endif

/** One version number for all three libraries. The ABI is not stable before 1.0. */
#define SIO_VERSION_MAJOR 0
#define SIO_VERSION_MINOR 1
#define SIO_VERSION_PATCH 0
#define SIO_VERSION_STRING "0.1.0"

/** The version of the library that is linked in, which may be newer than SIO_VERSION_STRING.
 * @return static text, never freed. Callable from any thread. */
SIO_API const char *sio_version(void);

/** A view of text: UTF-8, not NUL-terminated, may hold U+0000. Never owns its memory. */
typedef struct sio_str {
    const char *ptr;
    size_t len;
} sio_str;

/** A view of bytes. Never owns its memory. */
typedef struct sio_bytes {
    const uint8_t *ptr;
    size_t len;
} sio_bytes;

/** A string literal as a view: the length is taken at compile time. */
#ifdef __cplusplus
#define SIO_STR(literal) (sio_str{(literal), sizeof(literal) - 1})
#else
#define SIO_STR(literal) ((sio_str){(literal), sizeof(literal) - 1})
#endif

/** For printf: `printf("%.*s", SIO_STR_ARG(view))`. */
#define SIO_STR_ARG(view) (int)(view).len, (view).ptr

/**
 * Where an object gets its memory. Each object keeps a copy of the one it was created with; NULL
 * in a `_new` call means the C library's allocator. All three functions must be set. They are
 * called on whatever thread uses the object.
 *
 * - `alloc(user, size)`: as malloc; `size` is never 0.
 * - `resize(user, old, size)`: as realloc; `old` may be NULL, `size` is never 0.
 * - `release(user, old)`: as free; `old` may be NULL.
 */
typedef struct sio_mem {
    void *(*alloc)(void *user, size_t size);
    void *(*resize)(void *user, void *old, size_t size);
    void (*release)(void *user, void *old);
    void *user;
} sio_mem;

/** Milliseconds on a clock that never goes back. Every `now` argument is one of these; only
 * differences count, so the origin is free. */
typedef uint64_t sio_time;

/** A deadline that never comes. */
#define SIO_TIME_NEVER UINT64_MAX

#ifdef __cplusplus
}
#endif

#endif
