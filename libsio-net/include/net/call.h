/* Calls into the application, from any thread onto the loop's. */
#ifndef SIO_NET_CALL_H
#define SIO_NET_CALL_H

#include "net/loop.h"

/* Have `fn(user)` called once on the loop's thread, or `drop(user)` (may be NULL) when by then the
 * loop is freed or `*dead` is set. `dead` belongs to the loop's thread and outlives the loop.
 * Thread: any, as sio_loop_post. Errors: SIO_ERR_NOMEM; then neither is called. */
int sio_loop_call(sio_loop *loop, const bool *dead, void (*fn)(void *user),
                  void (*drop)(void *user), void *user);

#endif
