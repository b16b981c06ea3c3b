/* Listening, and the TLS settings of those who come. */
#include "group.h"
#include "server_state.h"
#include "server_tls.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SCOPE "socket.io:server"
#define OTHER_MEMBER "only member 0 of a server listens"

enum { FDS_MAX = 1024 }; /* closed after a failure: nobody passes more */

static int failed(sio_server *server, int rc, const char *what) {
    if (what != server->detail) {
        snprintf(server->detail, sizeof(server->detail), "%s", what);
    }
    SIO_LOG(&server->log, SIO_LOG_ERROR, SCOPE, "%s: %s", sio_error_text(rc), server->detail);
    return rc;
}

const char *sio_server_detail(const sio_server *server) {
    return server->detail;
}

/* ---- TLS ---- */

int sio_server_make_tls(sio_server *server, sio_tls **out, const sio_server_tls *tls) {
    char detail[SIO_TLS_DETAIL_MAX] = "";
    int rc = sio_server_tls_make(out, tls, detail, server->mem);
    return rc == 0 ? 0 : failed(server, rc, detail);
}

static sio_server_listener *find(const sio_server *server, unsigned id) {
    for (size_t i = 0; i < SIO_SERVER_MAX_LISTENERS; i++) {
        const sio_server_listener *at = &server->listeners[i];
        if (at->listener && at->id == id) {
            return (sio_server_listener *)(uintptr_t)at;
        }
    }
    return NULL;
}

int sio_server_reload_tls(sio_server *server, const sio_server_tls *tls) {
    sio_tls *fresh;
    if (sio_group_is_other(server)) {
        return failed(server, SIO_ERR_STATE, OTHER_MEMBER);
    }
    if (!server->tls) {
        return failed(server, SIO_ERR_STATE, "the server was made without TLS");
    }
    int rc = sio_server_make_tls(server, &fresh, tls);
    if (rc != 0) {
        return rc;
    }
    for (size_t i = 0; i < SIO_SERVER_MAX_LISTENERS; i++) {
        sio_server_listener *at = &server->listeners[i];
        if (at->listener && at->shared_tls) {
            sio_listener_set_tls(at->listener, fresh);
        }
    }
    sio_tls_unref(server->tls);
    server->tls = fresh;
    return 0;
}

int sio_server_listener_reload_tls(sio_server *server, unsigned id, const sio_server_tls *tls) {
    sio_server_listener *at = find(server, id);
    sio_tls *fresh;
    if (sio_group_is_other(server)) {
        return failed(server, SIO_ERR_STATE, OTHER_MEMBER);
    }
    if (!at) {
        return failed(server, SIO_ERR_NOT_FOUND, "no such listener");
    }
    if (!at->has_tls) {
        return failed(server, SIO_ERR_STATE, "the listener was made without TLS");
    }
    int rc = sio_server_make_tls(server, &fresh, tls);
    if (rc == 0) {
        sio_listener_set_tls(at->listener, fresh);
        sio_tls_unref(fresh);
        at->shared_tls = false;
    }
    return rc;
}

/* ---- listening ---- */

static void on_accept(void *ctx, sio_stream *stream) {
    sio_server *server = ctx;
    sio_front_accept(server->front, stream);
}

static void on_descriptor(void *ctx, int fd, sio_tls *tls) {
    (void)sio_group_take(ctx, fd, tls, (sio_bytes){NULL, 0}, true);
}

static int read_options(sio_listen_options *out, const sio_listen_options *options) {
    *out = (sio_listen_options)SIO_LISTEN_OPTIONS_INIT;
    if (options) {
        if (options->size < sizeof(options->size) || options->size > sizeof(*out)) {
            return SIO_ERR_INVALID;
        }
        memcpy(out, options, options->size);
    }
    return out->plain && out->tls ? SIO_ERR_INVALID : 0;
}

static sio_server_listener *free_slot(sio_server *server) {
    for (size_t i = 0; i < SIO_SERVER_MAX_LISTENERS; i++) {
        if (!server->listeners[i].listener) {
            return &server->listeners[i];
        }
    }
    return NULL;
}

/* A server whose closing is over begins anew. */
static int make_ready(sio_server *server) {
    if (sio_group_is_other(server)) {
        return failed(server, SIO_ERR_STATE, OTHER_MEMBER);
    }
    if (server->dead || (server->closing && !server->all_closed)) {
        return failed(server, SIO_ERR_STATE, "the server is closing");
    }
    int rc = sio_group_start(server);
    if (rc != 0) {
        return failed(server, rc,
                      rc == SIO_ERR_STATE ? "setup is not through" : "there is no other thread");
    }
    if (server->all_closed) {
        sio_group_reopen(server);
        sio_server_reopen_member(server);
    }
    return 0;
}

static void describe(sio_server *server, const sio_listener_options *options, int rc, int sys) {
    char text[128];
    bool system = sys != 0 && (rc == SIO_ERR_LISTEN || options->inherited);
    const char *reason = system ? strerror_r(sys, text, sizeof(text)) : sio_error_text(rc);
    if (options->inherited) {
        snprintf(server->detail, sizeof(server->detail), "descriptor %d: %s", options->fd, reason);
    } else if (options->unix_path) {
        snprintf(server->detail, sizeof(server->detail), "unix:%.108s: %s", options->unix_path,
                 reason);
    } else {
        snprintf(server->detail, sizeof(server->detail), "%.64s port %u: %s",
                 options->host ? options->host : "any address", (unsigned)options->port, reason);
    }
}

static void drop_descriptor(const sio_listener_options *raw) {
    if (raw->inherited && raw->fd >= 0) {
        close(raw->fd);
    }
}

/* With `raw` filled in but for TLS and the callback; an inherited
 * descriptor is consumed. */
static int add_listener(sio_server *server, sio_listener_options raw,
                        const sio_listen_options *options, unsigned *id) {
    sio_server_listener *slot = free_slot(server);
    sio_tls *own = NULL;
    int early = slot ? 0 : failed(server, SIO_ERR_LIMIT, "too many listeners");
    if (early == 0 && options->tls) {
        early = sio_server_make_tls(server, &own, options->tls);
    }
    if (early != 0) {
        drop_descriptor(&raw);
        return early;
    }
    raw.tls = own ? own : options->plain ? NULL : server->tls;
    raw.tls_timeout_ms = server->tls_timeout_ms;
    if (server->group) {
        raw.on_descriptor = on_descriptor;
    } else {
        raw.on_accept = on_accept;
    }
    raw.ctx = server;
    int sys = 0;
    int rc = sio_listener_new(&slot->listener, server->loop, &raw, &sys);
    if (rc == 0) {
        slot->id = ++server->last_listener_id;
        slot->has_tls = raw.tls != NULL;
        slot->shared_tls = raw.tls != NULL && !own;
        if (id) {
            *id = slot->id;
        }
    } else {
        slot->listener = NULL;
        describe(server, &raw, rc, sys);
        failed(server, rc, server->detail);
    }
    sio_tls_unref(own);
    return rc;
}

int sio_server_listen_with(sio_server *server, const sio_listen_options *options, unsigned *id) {
    sio_listen_options full;
    server->detail[0] = '\0';
    int rc = read_options(&full, options);
    if (rc != 0) {
        return failed(server, rc, "settings contradict each other");
    }
    rc = make_ready(server);
    if (rc != 0) {
        return rc;
    }
    sio_listener_options raw = {
        .host = full.host,
        .port = full.port,
        .ipv6_only = full.ipv6_only,
        .reuse_port = full.reuse_port,
        .unix_path = full.unix_path,
        .unix_mode = full.unix_mode,
        .backlog = full.backlog,
    };
    return add_listener(server, raw, &full, id);
}

int sio_server_listen(sio_server *server, const char *host, uint16_t port) {
    static const char unix_prefix[] = "unix:";
    bool local = host && strncmp(host, unix_prefix, sizeof(unix_prefix) - 1) == 0;
    sio_listen_options options = SIO_LISTEN_OPTIONS_INIT;
    options.host = local ? NULL : host;
    options.unix_path = local ? host + sizeof(unix_prefix) - 1 : NULL;
    options.port = port;
    return sio_server_listen_with(server, &options, NULL);
}

static bool socket_flag(int fd, int option, int *value) {
    socklen_t len = sizeof(*value);
    return getsockopt(fd, SOL_SOCKET, option, value, &len) == 0;
}

/* @return 0 or an errno */
static int check_listening(int fd) {
    int type;
    int listening;
    if (!socket_flag(fd, SO_TYPE, &type) || !socket_flag(fd, SO_ACCEPTCONN, &listening)) {
        return errno;
    }
    return type == SOCK_STREAM && listening ? 0 : EINVAL;
}

int sio_server_listen_fd(sio_server *server, int fd, const sio_listen_options *options,
                         unsigned *id) {
    sio_listen_options full;
    server->detail[0] = '\0';
    sio_listener_options raw = {.inherited = true, .fd = fd};
    int sys = check_listening(fd);
    int rc = sys == 0 ? read_options(&full, options) : SIO_ERR_INVALID;
    if (rc != 0) {
        describe(server, &raw, rc, sys);
        if (sys != EBADF) {
            close(fd);
        }
        return failed(server, rc, server->detail);
    }
    rc = make_ready(server);
    if (rc != 0) {
        close(fd);
        return rc;
    }
    return add_listener(server, raw, &full, id);
}

int sio_server_listen_fds(sio_server *server, int first, unsigned count) {
    unsigned ids[SIO_SERVER_MAX_LISTENERS];
    int rc = first < 0 || count > (unsigned)(INT_MAX - first) ? SIO_ERR_INVALID : 0;
    if (rc != 0) {
        return failed(server, rc, "impossible descriptors");
    }
    unsigned made = 0;
    while (made < count && rc == 0) {
        unsigned spare;
        unsigned *id = made < SIO_SERVER_MAX_LISTENERS ? &ids[made] : &spare;
        rc = sio_server_listen_fd(server, first + (int)made, NULL, id);
        made += rc == 0;
    }
    if (rc == 0) {
        return 0;
    }
    for (unsigned i = made + 1; i < count && i <= FDS_MAX; i++) {
        close(first + (int)i);
    }
    while (made > 0) {
        (void)sio_server_unlisten(server, ids[--made]);
    }
    return rc;
}

/* ---- asking and ending ---- */

uint16_t sio_server_port(const sio_server *server) {
    for (size_t i = 0; i < SIO_SERVER_MAX_LISTENERS; i++) {
        const sio_listener *listener = server->listeners[i].listener;
        uint16_t port = listener ? sio_listener_port(listener) : 0;
        if (port != 0) {
            return port;
        }
    }
    return 0;
}

uint16_t sio_server_listener_port(const sio_server *server, unsigned id) {
    const sio_server_listener *at = find(server, id);
    return at ? sio_listener_port(at->listener) : 0;
}

static void end_listener(sio_server_listener *at) {
    sio_listener *listener = at->listener;
    *at = (sio_server_listener){0};
    sio_listener_free(listener);
}

int sio_server_unlisten(sio_server *server, unsigned id) {
    if (sio_group_is_other(server)) {
        return failed(server, SIO_ERR_STATE, OTHER_MEMBER);
    }
    sio_server_listener *at = find(server, id);
    if (!at) {
        return SIO_ERR_NOT_FOUND;
    }
    end_listener(at);
    return 0;
}

void sio_server_stop_listening(sio_server *server) {
    for (size_t i = 0; i < SIO_SERVER_MAX_LISTENERS; i++) {
        end_listener(&server->listeners[i]);
    }
}
