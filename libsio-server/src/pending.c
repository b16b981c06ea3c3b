#include "pending.h"

static void run(void *ctx) {
    sio_pending *pending = ctx;
    pending->finish(pending, SIO_OK);
}

void sio_pending_init(sio_pending *pending, sio_namespace *ns,
                      void (*finish)(sio_pending *pending, int status)) {
    pending->loop = ns->server->loop;
    pending->finish = finish;
    sio_task_init(&pending->task, run, pending);
    sio_list_init(&pending->link);
    sio_list_push(&ns->pending, &pending->link);
}

void sio_pending_defer(sio_pending *pending) {
    sio_loop_defer(pending->loop, &pending->task);
}

void sio_pending_done(sio_pending *pending) {
    sio_task_cancel(&pending->task);
    sio_list_remove(&pending->link);
}

void sio_pending_cancel_all(sio_namespace *ns) {
    while (!sio_list_empty(&ns->pending)) {
        sio_pending *pending = SIO_CONTAINER(ns->pending.next, sio_pending, link);
        pending->finish(pending, SIO_ERR_DISCONNECTED);
    }
}
