#include "waits.h"

#include "mem.h"

void sio_waits_init(sio_waits *waits) {
    *waits = (sio_waits){.last = 0};
    sio_list_init(&waits->list);
}

sio_wait *sio_wait_new(sio_done_fn fn, void *user, const sio_mem *mem) {
    sio_wait *wait = sio_mem_alloc(mem, sizeof(*wait));
    if (wait) {
        *wait = (sio_wait){.fn = fn, .user = user};
        sio_list_init(&wait->link);
    }
    return wait;
}

void sio_waits_push(sio_waits *waits, sio_wait *wait) {
    wait->number = ++waits->last;
    sio_list_push(&waits->list, &wait->link);
    waits->count++;
}

void sio_wait_end(sio_wait *wait, int status, const sio_mem *mem) {
    if (wait) {
        sio_done_fn fn = wait->fn;
        void *user = wait->user;
        sio_mem_release(mem, wait);
        fn(status, user);
    }
}

void sio_waits_end(sio_waits *waits, int status, const sio_mem *mem) {
    uint64_t last = waits->last; /* those that a callback adds wait for something later */
    while (!sio_list_empty(&waits->list)) {
        sio_wait *wait = SIO_CONTAINER(waits->list.next, sio_wait, link);
        if (wait->number > last) {
            break;
        }
        sio_list_remove(&wait->link);
        waits->count--;
        sio_wait_end(wait, status, mem);
    }
}
