/* Which streams can be read or written. All of a loop's are in one epoll set of its own, which
 * libevent watches as a single descriptor: a stream needs no event, and is told without passing
 * through libevent's queues. */
#ifndef SIO_NET_POLLER_H
#define SIO_NET_POLLER_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <sys/epoll.h>

/* Streams that are told in one turn; those that are ready besides follow in the next. */
enum { POLLER_BATCH = 256 };

struct sio_stream;

typedef struct sio_poller {
    int fd;
    struct event event;
    struct epoll_event batch[POLLER_BATCH]; /* what is being told; NULL: is not to be told */
} sio_poller;

struct sio_loop;

/* Errors: SIO_ERR_NET, SIO_ERR_NOMEM; sio_poller_close may be called all the same. */
int sio_poller_open(sio_poller *poller, struct sio_loop *loop);
void sio_poller_close(sio_poller *poller);

/* Have the stream told of these, EV_READ and EV_WRITE, as long as they last; none of them ends it,
 * which is required before its descriptor is closed or given away. False when the kernel has no
 * room for it. */
bool sio_poller_watch(sio_poller *poller, struct sio_stream *stream, short what);

#endif
