/* The allocator behind every object: a NULL `mem` is the C library. */
#ifndef SIO_SRC_MEM_H
#define SIO_SRC_MEM_H

#include <sio/types.h>

/* Also usable with size 0, which gives NULL. Multiplications are checked by the _array forms. */
void *sio_mem_alloc(const sio_mem *mem, size_t size);
void *sio_mem_zalloc(const sio_mem *mem, size_t size);
void *sio_mem_alloc_array(const sio_mem *mem, size_t count, size_t size);
void *sio_mem_resize(const sio_mem *mem, void *old, size_t size);
void *sio_mem_resize_array(const sio_mem *mem, void *old, size_t count, size_t size);
void sio_mem_release(const sio_mem *mem, void *old);

/* NUL-terminated copy of `len` bytes. */
char *sio_mem_strndup(const sio_mem *mem, const char *text, size_t len);

#endif
