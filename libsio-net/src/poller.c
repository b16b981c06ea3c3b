#include "poller.h"

#include "stream_internal.h"

#include <unistd.h>

/* As in libevent: an error, or the end of both directions, lets everybody try and see. */
static short told(const sio_stream *stream, uint32_t events) {
    short what = 0;
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
        what = EV_READ | EV_WRITE;
    }
    if ((events & EPOLLIN) != 0) {
        what |= EV_READ;
    }
    if ((events & EPOLLOUT) != 0) {
        what |= EV_WRITE;
    }
    return (short)(what & stream->watched);
}

static void on_ready(evutil_socket_t fd, short what, void *arg) {
    sio_poller *poller = arg;
    int count = epoll_wait(poller->fd, poller->batch, POLLER_BATCH, 0);
    for (int i = 0; i < count; i++) {
        sio_stream *stream = poller->batch[i].data.ptr;
        stream->ready = (uint16_t)(i + 1);
    }
    /* Any of them may be freed by another one's callbacks, or pause, before its turn has come. */
    for (int i = 0; i < count; i++) {
        sio_stream *stream = poller->batch[i].data.ptr;
        if (stream) {
            stream->ready = 0;
            sio_stream_on_event(stream, told(stream, poller->batch[i].events));
        }
    }
}

int sio_poller_open(sio_poller *poller, sio_loop *loop) {
    event_assign(&poller->event, loop->base, -1, 0, on_ready, poller);
    poller->fd = epoll_create1(EPOLL_CLOEXEC);
    if (poller->fd < 0) {
        return SIO_ERR_NET;
    }
    event_assign(&poller->event, loop->base, poller->fd, EV_READ | EV_PERSIST, on_ready, poller);
    return event_add(&poller->event, NULL) == 0 ? 0 : SIO_ERR_NOMEM;
}

void sio_poller_close(sio_poller *poller) {
    if (poller->fd >= 0) {
        event_del(&poller->event);
        close(poller->fd);
        poller->fd = -1;
    }
}

static void forget(sio_poller *poller, sio_stream *stream) {
    if (stream->ready > 0) {
        poller->batch[stream->ready - 1].data.ptr = NULL;
        stream->ready = 0;
    }
}

/* A descriptor is taken out, not left to its close: where it was inherited by a child process, it
 * would stay in the set, and bring up a stream that is gone. */
bool sio_poller_watch(sio_poller *poller, sio_stream *stream, short what) {
    struct epoll_event event = {.data.ptr = stream};
    int op = stream->watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (what == 0) {
        op = EPOLL_CTL_DEL;
        forget(poller, stream);
    }
    event.events =
        ((what & EV_READ) != 0 ? EPOLLIN : 0u) | ((what & EV_WRITE) != 0 ? EPOLLOUT : 0u);
    stream->watched = (uint8_t)what;
    return epoll_ctl(poller->fd, op, stream->fd, &event) == 0 || what == 0;
}
