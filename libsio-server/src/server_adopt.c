/* Connections that the application has accepted. */
#include "group.h"
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

static int check(sio_server *server, int fd, bool tls) {
    if (check_connected(fd) != 0) {
        return SIO_ERR_INVALID;
    }
    if (server->closing || server->dead || sio_group_is_other(server) || (tls && !server->tls)) {
        return SIO_ERR_STATE;
    }
    return sio_group_start(server);
}

int sio_server_adopt(sio_server *server, int fd, const void *data, size_t len, bool tls) {
    int rc = !data && len > 0 ? SIO_ERR_INVALID : check(server, fd, tls);
    if (rc != 0) {
        if (fd >= 0) {
            close(fd);
        }
        return rc;
    }
    return sio_group_take(server, fd, tls ? server->tls : NULL, (sio_bytes){data, len}, false);
}
