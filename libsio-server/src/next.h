/* The answer of a middleware, which may come at any time. Two sides: the handle that the
 * application has, and the waiter inside the object that goes on when the answer is there. Either
 * may go first. */
#ifndef SIO_SERVER_NEXT_H
#define SIO_SERVER_NEXT_H

#include "server_state.h"

#include <sio/middleware.h>

typedef struct sio_waiter {
    sio_next *next;                          /* what is awaited; NULL: nothing */
    void (*wake)(struct sio_waiter *waiter); /* the answer came after the call */
    const sio_mem *mem;
    bool for_event; /* sio_next_replace is allowed */
    /* The answer. The texts are owned. */
    int status; /* 0 or SIO_ERR_SIO_REFUSED */
    char *message;
    char *data;
    char *name; /* of sio_next_replace */
    sio_args *args;
} sio_waiter;

/* A handle for the next call. NULL without memory. `peer` may be NULL; the handle keeps it until
 * the answer or the server's end. */
sio_next *sio_waiter_ask(sio_waiter *waiter, sio_server *server, sio_peer *peer);

/* The call has returned. True when it was answered inside; otherwise `wake` will be called. A
 * waiter that was abandoned inside the call is not touched: then it returns false as well. */
bool sio_next_returned(sio_next *next);

/* Nobody waits any more. The handle stays with the application. */
void sio_waiter_abandon(sio_waiter *waiter);

/* Release the texts. */
void sio_waiter_clear(sio_waiter *waiter);

/* The server goes: handles that were not answered let go of their peers. */
void sio_next_orphan_all(sio_server *server);

#endif
