#include "stream_internal.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#ifdef __linux__
#include <linux/sockios.h>
#include <sys/ioctl.h>
#endif

enum {
    IOV_MAX_PER_SEND = 64,
    /* One stream may take this much of a turn before the others have theirs. */
    SEND_MAX_PER_TURN = 4 << 20,
};

ssize_t sio_fd_read(int fd, void *buffer, size_t len) {
    ssize_t n;
    do {
        n = recv(fd, buffer, len, 0);
    } while (n < 0 && errno == EINTR);
    return n;
}

static ssize_t send_once(int fd, const sio_outq *q, size_t *offered) {
    struct iovec iov[IOV_MAX_PER_SEND];
    int count = sio_outq_iovec(q, iov, IOV_MAX_PER_SEND, offered);
    ssize_t n;
    do {
        if (count == 1) {
            n = send(fd, iov[0].iov_base, iov[0].iov_len, MSG_NOSIGNAL);
        } else {
            struct msghdr message = {.msg_iov = iov, .msg_iovlen = (size_t)count};
            n = sendmsg(fd, &message, MSG_NOSIGNAL);
        }
    } while (n < 0 && errno == EINTR);
    return n;
}

int sio_fd_send(int fd, sio_outq *q, sio_chunk_pool *pool) {
    size_t sent = 0;
    while (q->bytes > 0) {
        size_t offered;
        ssize_t n = send_once(fd, q, &offered);
        if (n < 0) {
            return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ? 1 : -1;
        }
        sio_outq_consume(q, pool, (size_t)n);
        sent += (size_t)n;
        if (q->bytes > 0 && ((size_t)n < offered || sent >= SEND_MAX_PER_TURN)) {
            return 1;
        }
    }
    return 0;
}

size_t sio_fd_unacknowledged(int fd) {
#ifdef SIOCOUTQ
    int bytes = 0;
    return ioctl(fd, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? (size_t)bytes : 0;
#else
    (void)fd;
    return 0;
#endif
}

void sio_fd_nodelay(int fd) {
    const int one = 1;
    /* Fails for Unix sockets, which have no such delay. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

void sio_socket_set_reset(int fd) {
    const struct linger now = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

bool sio_socket_is_reset(int sys) {
    return sys == ECONNRESET || sys == EPIPE || sys == ECONNABORTED || sys == ETIMEDOUT ||
           sys == ENETRESET || sys == EHOSTUNREACH || sys == ENETUNREACH || sys == ENOTCONN;
}
