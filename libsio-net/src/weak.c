#include "net/weak.h"

#include "mem.h"

sio_weak *sio_weak_get(sio_weak **place, void *object, const sio_mem *mem) {
    if (!*place) {
        sio_weak *weak = sio_mem_zalloc(mem, sizeof(*weak));
        if (!weak) {
            return NULL;
        }
        *weak = (sio_weak){.object = object, .refs = 1, .has_mem = mem != NULL};
        if (mem) {
            weak->mem = *mem;
        }
        *place = weak;
    }
    return *place;
}

void sio_weak_ref(void *weak) {
    ((sio_weak *)weak)->refs++;
}

void sio_weak_unref(void *weak) {
    sio_weak *self = weak;
    if (--self->refs == 0) {
        sio_mem mem = self->mem; /* what releases it must not lie in it */
        sio_mem_release(self->has_mem ? &mem : NULL, self);
    }
}

const sio_mem *sio_weak_mem(const sio_weak *weak) {
    return weak->has_mem ? &weak->mem : NULL;
}

void sio_weak_end(sio_weak **place) {
    if (*place) {
        (*place)->object = NULL;
        sio_weak_unref(*place);
        *place = NULL;
    }
}
