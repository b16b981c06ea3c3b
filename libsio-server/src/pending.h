/* Results that are handed out a little later, from the loop's deferred queue, and all the same
 * exactly once: when the namespace ends before, with SIO_ERR_DISCONNECTED. */
#ifndef SIO_SERVER_PENDING_H
#define SIO_SERVER_PENDING_H

#include "namespace.h"

typedef struct sio_pending {
    sio_list link; /* in sio_namespace.pending */
    sio_task task;
    sio_loop *loop;
    /* Hands out the result and releases the memory. */
    void (*finish)(struct sio_pending *pending, int status);
} sio_pending;

/* Into the namespace's list; nothing is handed out yet. */
void sio_pending_init(sio_pending *pending, sio_namespace *ns,
                      void (*finish)(sio_pending *pending, int status));
/* Have it finished with SIO_OK after the present callback. */
void sio_pending_defer(sio_pending *pending);
/* Out of the list and the queue: `finish` begins with it. */
void sio_pending_done(sio_pending *pending);

/* Finish everything with SIO_ERR_DISCONNECTED. */
void sio_pending_cancel_all(sio_namespace *ns);

#endif
