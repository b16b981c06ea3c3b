#include "mem.h"

#include <stdlib.h>
#include <string.h>

void *sio_mem_alloc(const sio_mem *mem, size_t size) {
    if (size == 0) {
        return NULL;
    }
    return mem ? mem->alloc(mem->user, size) : malloc(size);
}

void *sio_mem_zalloc(const sio_mem *mem, size_t size) {
    void *fresh = sio_mem_alloc(mem, size);
    if (fresh) {
        memset(fresh, 0, size);
    }
    return fresh;
}

void *sio_mem_alloc_array(const sio_mem *mem, size_t count, size_t size) {
    if (size != 0 && count > SIZE_MAX / size) {
        return NULL;
    }
    return sio_mem_alloc(mem, count * size);
}

void *sio_mem_resize(const sio_mem *mem, void *old, size_t size) {
    if (size == 0) {
        return NULL;
    }
    return mem ? mem->resize(mem->user, old, size) : realloc(old, size);
}

void *sio_mem_resize_array(const sio_mem *mem, void *old, size_t count, size_t size) {
    if (size != 0 && count > SIZE_MAX / size) {
        return NULL;
    }
    return sio_mem_resize(mem, old, count * size);
}

void sio_mem_release(const sio_mem *mem, void *old) {
    if (!old) {
        return;
    }
    if (mem) {
        mem->release(mem->user, old);
    } else {
        free(old);
    }
}

char *sio_mem_strndup(const sio_mem *mem, const char *text, size_t len) {
    if (len == SIZE_MAX) {
        return NULL;
    }
    char *copy = sio_mem_alloc(mem, len + 1);
    if (copy) {
        if (len > 0) {
            memcpy(copy, text, len);
        }
        copy[len] = '\0';
    }
    return copy;
}
