#include "net/listener.h"

#include "stream_internal.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    DEFAULT_BACKLOG = 1024,
    ACCEPT_MAX_PER_TURN = 64,
    RETRY_MS = 100, /* out of descriptors or memory */
    DEFAULT_TLS_TIMEOUT_MS = 10000,
};

struct sio_listener {
    struct event event;
    sio_loop *loop;
    sio_tls *tls;
    uint64_t tls_timeout_ms;
    sio_accept_fn on_accept;
    sio_accept_fd_fn on_descriptor; /* instead of that */
    void *ctx;
    sio_timer retry;
    int fd;
    bool paused;
    bool busy;
    bool freed;
    bool owns_file;
    dev_t file_dev;
    ino_t file_ino;
    char path[sizeof((struct sockaddr_un *)0)->sun_path + 1];
};

/* -- accepting -- */

/* Errors that concern the one connection: the next is worth trying. accept(2) asks to treat network
 * errors that were pending on the new socket like this. */
static bool concerns_one(int sys) {
    switch (sys) {
    case EINTR:
    case ECONNABORTED:
    case EPERM:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
        return true;
    default:
        return false;
    }
}

static void hand_over(sio_listener *listener, int fd) {
    sio_stream *stream;
    if (listener->on_descriptor) {
        listener->on_descriptor(listener->ctx, fd, listener->tls);
        return;
    }
    int rc = sio_stream_adopt(&stream, listener->loop, fd, listener->tls, listener->tls_timeout_ms,
                              NULL, NULL);
    if (rc != 0) {
        SIO_LOG(&listener->loop->log, SIO_LOG_WARN, "net", "connection dropped: %s",
                sio_error_text(rc));
        return;
    }
    listener->on_accept(listener->ctx, stream);
}

/* The socket stays readable while connections wait, so watching it would spin. */
static void wait_for_better(sio_listener *listener, int sys) {
    char text[128];
    SIO_LOG(&listener->loop->log, SIO_LOG_WARN, "net", "accept: %s; trying again in %d ms",
            strerror_r(sys, text, sizeof text), RETRY_MS);
    event_del(&listener->event);
    sio_timer_start(&listener->retry, RETRY_MS);
}

static void accept_some(sio_listener *listener) {
    for (int i = 0; i < ACCEPT_MAX_PER_TURN && !listener->paused && !listener->freed; i++) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            hand_over(listener, fd);
            sio_loop_run_tasks(listener->loop);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        } else if (!concerns_one(errno)) {
            wait_for_better(listener, errno);
            return;
        }
    }
}

static void release(sio_listener *listener) {
    sio_mem_release(listener->loop->mem, listener);
}

static void on_readable(evutil_socket_t fd, short what, void *arg) {
    sio_listener *listener = arg;
    sio_loop *loop = listener->loop;
    sio_loop_enter(loop);
    listener->busy = true;
    accept_some(listener);
    listener->busy = false;
    if (listener->freed) {
        release(listener);
    }
    sio_loop_leave(loop);
}

static void watch(sio_listener *listener) {
    if (event_add(&listener->event, NULL) != 0) {
        sio_timer_start(&listener->retry, RETRY_MS);
    }
}

static void on_retry(void *ctx) {
    sio_listener *listener = ctx;
    if (!listener->paused) {
        watch(listener);
    }
}

/* -- opening -- */

static int set_flag(int fd, int level, int option, int value) {
    return setsockopt(fd, level, option, &value, sizeof value);
}

/* @return the descriptor, or -1 with errno */
static int open_tcp(const sio_address *address, const sio_listener_options *options) {
    int family = address->u.any.sa_family;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    bool ok = set_flag(fd, SOL_SOCKET, SO_REUSEADDR, 1) == 0;
    if (family == AF_INET6) {
        ok = ok && set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY, options->ipv6_only) == 0;
    }
    if (options->reuse_port) {
        ok = ok && set_flag(fd, SOL_SOCKET, SO_REUSEPORT, 1) == 0;
    }
    if (!ok || bind(fd, &address->u.any, address->len) != 0) {
        int sys = errno;
        close(fd);
        errno = sys;
        return -1;
    }
    return fd;
}

static int open_any(const sio_listener_options *options) {
    sio_address address;
    (void)sio_address_literal(&address, "::", options->port);
    int fd = open_tcp(&address, options);
    if (fd < 0 && !options->ipv6_only && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
        (void)sio_address_literal(&address, "0.0.0.0", options->port);
        fd = open_tcp(&address, options);
    }
    return fd;
}

/* A socket file that nobody listens on was left behind by a crash. */
static bool is_stale(const sio_address *address) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    bool stale = connect(fd, &address->u.any, address->len) != 0 && errno == ECONNREFUSED;
    close(fd);
    return stale;
}

static int bind_unix(int fd, const sio_address *address) {
    int rc = bind(fd, &address->u.any, address->len);
    const char *path = address->u.local.sun_path;
    if (rc != 0 && errno == EADDRINUSE && path[0] != '\0') {
        if (is_stale(address) && unlink(path) == 0) {
            rc = bind(fd, &address->u.any, address->len);
        } else {
            errno = EADDRINUSE;
        }
    }
    return rc;
}

/* Remember which file is ours, so as not to remove a successor's. */
static void note_file(sio_listener *listener, const char *path) {
    struct stat st;
    if (path[0] != '@' && lstat(path, &st) == 0) {
        listener->owns_file = true;
        listener->file_dev = st.st_dev;
        listener->file_ino = st.st_ino;
        memcpy(listener->path, path, strlen(path) + 1);
    }
}

static int open_unix(sio_listener *listener, const sio_address *address,
                     const sio_listener_options *options) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    if (bind_unix(fd, address) != 0) {
        int sys = errno;
        close(fd);
        errno = sys;
        return -1;
    }
    note_file(listener, options->unix_path);
    if (options->unix_mode != 0 && listener->owns_file &&
        chmod(options->unix_path, (mode_t)options->unix_mode) != 0) {
        int sys = errno;
        close(fd);
        errno = sys;
        return -1;
    }
    return fd;
}

/* @return 0, SIO_ERR_INVALID, or SIO_ERR_LISTEN with errno */
static int open_socket(sio_listener *listener, const sio_listener_options *options) {
    sio_address address;
    if (options->inherited) {
        listener->fd = options->fd;
        return evutil_make_socket_nonblocking(listener->fd) == 0 ? 0 : SIO_ERR_LISTEN;
    }
    if (options->unix_path) {
        if (sio_address_unix(&address, options->unix_path) != 0) {
            return SIO_ERR_INVALID;
        }
        listener->fd = open_unix(listener, &address, options);
    } else if (!options->host || options->host[0] == '\0') {
        listener->fd = open_any(options);
    } else {
        if (sio_address_literal(&address, options->host, options->port) != 0) {
            return SIO_ERR_INVALID;
        }
        listener->fd = open_tcp(&address, options);
    }
    if (listener->fd < 0) {
        return SIO_ERR_LISTEN;
    }
    int backlog = options->backlog > 0 ? options->backlog : DEFAULT_BACKLOG;
    return listen(listener->fd, backlog) == 0 ? 0 : SIO_ERR_LISTEN;
}

static int open_listener(sio_listener *listener, const sio_listener_options *options, int *sys) {
    int rc = open_socket(listener, options);
    if (rc != 0) {
        *sys = errno;
        return rc;
    }
    rc = sio_timer_init(&listener->retry, listener->loop, on_retry, listener);
    if (rc != 0) {
        return rc;
    }
    event_assign(&listener->event, listener->loop->base, listener->fd, EV_READ | EV_PERSIST,
                 on_readable, listener);
    if (event_add(&listener->event, NULL) != 0) {
        return SIO_ERR_NOMEM;
    }
    return 0;
}

int sio_listener_new(sio_listener **out, sio_loop *loop, const sio_listener_options *options,
                     int *detail_errno) {
    int sys = 0;
    bool valid = options->on_accept || options->on_descriptor;
    sio_listener *listener = valid ? sio_mem_zalloc(loop->mem, sizeof *listener) : NULL;
    if (!listener) {
        if (options->inherited && options->fd >= 0) {
            close(options->fd);
        }
        return valid ? SIO_ERR_NOMEM : SIO_ERR_INVALID;
    }
    listener->loop = loop;
    listener->fd = -1;
    listener->tls = sio_tls_ref(options->tls);
    listener->tls_timeout_ms =
        options->tls_timeout_ms ? options->tls_timeout_ms : DEFAULT_TLS_TIMEOUT_MS;
    listener->on_accept = options->on_accept;
    listener->on_descriptor = options->on_descriptor;
    listener->ctx = options->ctx;
    event_assign(&listener->event, loop->base, -1, 0, on_readable, listener);
    int rc = open_listener(listener, options, &sys);
    if (rc != 0) {
        sio_listener_free(listener);
        if (detail_errno) {
            *detail_errno = sys;
        }
        return rc;
    }
    *out = listener;
    return 0;
}

static void remove_file(const sio_listener *listener) {
    struct stat st;
    if (listener->owns_file && lstat(listener->path, &st) == 0 && st.st_dev == listener->file_dev &&
        st.st_ino == listener->file_ino) {
        unlink(listener->path);
    }
}

void sio_listener_free(sio_listener *listener) {
    if (!listener) {
        return;
    }
    sio_timer_done(&listener->retry);
    event_del(&listener->event);
    remove_file(listener);
    if (listener->fd >= 0) {
        close(listener->fd);
        listener->fd = -1;
    }
    sio_tls_unref(listener->tls);
    listener->tls = NULL;
    listener->freed = true;
    if (!listener->busy) {
        release(listener);
    }
}

/* -- asking and changing -- */

int sio_listener_address(const sio_listener *listener, sio_address *out) {
    sio_address address = {.len = sizeof address.u};
    if (getsockname(listener->fd, &address.u.any, &address.len) != 0) {
        return SIO_ERR_STATE;
    }
    *out = address;
    return 0;
}

uint16_t sio_listener_port(const sio_listener *listener) {
    sio_address address;
    return sio_listener_address(listener, &address) == 0 ? sio_address_port(&address) : 0;
}

void sio_listener_set_tls(sio_listener *listener, sio_tls *tls) {
    sio_tls *old = listener->tls;
    listener->tls = sio_tls_ref(tls);
    sio_tls_unref(old);
}

void sio_listener_pause(sio_listener *listener) {
    listener->paused = true;
    sio_timer_stop(&listener->retry);
    event_del(&listener->event);
}

void sio_listener_resume(sio_listener *listener) {
    if (listener->paused) {
        listener->paused = false;
        watch(listener);
    }
}
