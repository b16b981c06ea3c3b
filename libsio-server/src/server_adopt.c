/* Connections that the application has accepted. */
#include "server_state.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* @return 0 or an errno */
static int check_connected(int fd) {
    int type;
    socklen_t len = sizeof(type);
    sio_address peer;
    socklen_t peer_len = sizeof(peer.u);
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0 ||
        getpeername(fd, &peer.u.any, &peer_len) != 0) {
        return errno;
    }
    return type == SOCK_STREAM ? 0 : EINVAL;
}

static int check(const sio_server *server, int fd, bool tls) {
    if (check_connected(fd) != 0) {
        return SIO_ERR_INVALID;
    }
    return server->closing || server->dead || (tls && !server->tls) ? SIO_ERR_STATE : 0;
}

int sio_server_adopt(sio_server *server, int fd, const void *data, size_t len, bool tls) {
    int rc = !data && len > 0 ? SIO_ERR_INVALID : check(server, fd, tls);
    if (rc != 0) {
        if (fd >= 0) {
            close(fd);
        }
        return rc;
    }
    sio_stream *stream;
    rc = sio_stream_adopt(&stream, server->loop, fd, tls ? server->tls : NULL,
                          server->tls_timeout_ms, NULL, NULL);
    if (rc != 0) {
        return rc;
    }
    if (!tls) {
        return sio_front_adopt(server->front, stream, (sio_bytes){data, len});
    }
    rc = sio_stream_early(stream, data, len);
    if (rc != 0) {
        sio_stream_free(stream);
        return rc;
    }
    return sio_front_adopt(server->front, stream, (sio_bytes){NULL, 0});
}
