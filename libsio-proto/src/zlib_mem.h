/* zlib with the allocator of its owner. */
#ifndef SIO_SRC_ZLIB_MEM_H
#define SIO_SRC_ZLIB_MEM_H

#include "mem.h"

#define ZLIB_CONST
#include <zlib.h>

/* The allocator, kept by value because these objects outlive whoever made them. */
typedef struct sio_own_mem {
    sio_mem mem;
    bool set;
} sio_own_mem;

static inline sio_own_mem sio_own_mem_of(const sio_mem *mem) {
    return mem ? (sio_own_mem){*mem, true} : (sio_own_mem){.set = false};
}

static inline const sio_mem *sio_own_mem_get(const sio_own_mem *own) {
    return own->set ? &own->mem : NULL;
}

static inline voidpf sio_zlib_alloc(voidpf opaque, uInt count, uInt size) {
    return sio_mem_alloc_array(sio_own_mem_get(opaque), count, size);
}

static inline void sio_zlib_free(voidpf opaque, voidpf old) {
    sio_mem_release(sio_own_mem_get(opaque), old);
}

/* A stream that is to be initialised next; `own` stays where it is as long as that lives. */
static inline z_stream sio_zlib_stream(sio_own_mem *own) {
    return (z_stream){.zalloc = sio_zlib_alloc, .zfree = sio_zlib_free, .opaque = own};
}

/* zlib counts in unsigned int. */
static inline uInt sio_zlib_chunk(size_t left) {
    return left < 1u << 30 ? (uInt)left : 1u << 30;
}

#endif
