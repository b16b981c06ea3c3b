/* How many connections each address has. The loops of a server share one crowd: its functions may
 * be called on any thread, and connections may end on any. */
#ifndef SIO_SERVER_CROWD_H
#define SIO_SERVER_CROWD_H

#include <net/stream.h>

typedef struct sio_crowd sio_crowd;

/* `max` connections of one address. The loop gives randomness and an allocator, which is copied.
 * One reference. Errors: SIO_ERR_NOMEM, SIO_ERR_RANDOM. */
int sio_crowd_new(sio_crowd **out, sio_loop *loop, uint32_t max);
/* NULL is allowed in both. */
sio_crowd *sio_crowd_ref(sio_crowd *crowd);
/* It goes with the last reference and the last connection, which may outlive the owners. */
void sio_crowd_release(sio_crowd *crowd);

/* Count a connection until its stream is gone, whoever owns it then, and on whichever loop. An
 * address of IPv6 stands for its network of 64 bits, which is what one client gets; Unix sockets
 * are not counted. Errors: SIO_ERR_LIMIT, SIO_ERR_NOMEM; then it is not counted. */
int sio_crowd_enter(sio_crowd *crowd, sio_stream *stream, const sio_address *address);

#endif
