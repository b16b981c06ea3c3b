#include "front_state.h"

#include "mem.h"
#include "shared.h"

#include <net/log.h>
#include <sio/url.h>

#include <string.h>
#include <unistd.h>

/* More than the most that a stream hands over at once and what may be there before reading pauses
 * (see front_conn.c): a client that sends requests ahead never runs into it. */
enum { HELD_MAX = SIO_STREAM_READ_MAX + 32768 };

/* For the peer to see why it is refused. */
enum { REFUSED_LINGER_MS = 200 };

/* ---- life ---- */

static int make_scratch(sio_front *front) {
    sio_http1_limits limits = SIO_HTTP1_LIMITS_INIT;
    limits.max_body = front->max_body;
    limits.max_held = HELD_MAX;
    return sio_http1_scratch_new(&front->scratch, &limits, front->mem);
}

static int make_crowd(sio_front *front, const sio_front_options *options) {
    if (options->shared) {
        front->crowd = sio_crowd_ref(sio_shared_crowd(options->shared));
        return 0;
    }
    return options->max_per_address > 0
               ? sio_crowd_new(&front->crowd, front->loop, options->max_per_address)
               : 0;
}

static int make(sio_front *front, const sio_front_options *options) {
    int rc = sio_cors_init(&front->cors, options->cors, front->mem);
    if (rc == 0) {
        rc = sio_proxies_init(&front->proxies, options->trusted_proxies,
                              options->trusted_proxy_count, front->mem);
    }
    if (rc == 0) {
        rc = make_crowd(front, options);
    }
    if (rc == 0) {
        rc = make_scratch(front);
    }
    if (rc == 0 && options->client_dir) {
        rc = sio_static_dir_open(&front->client_dir, options->client_dir);
    }
    if (rc == 0 && options->client_dir) {
        rc = sio_client_files_init(front, options->client_version);
    }
    return rc;
}

int sio_front_new(sio_front **out, sio_loop *loop, const sio_front_options *options) {
    const sio_mem *mem = sio_loop_mem(loop);
    sio_front *front = sio_mem_zalloc(mem, sizeof(*front));
    if (!front) {
        return SIO_ERR_NOMEM;
    }
    front->mem = mem;
    front->loop = loop;
    front->engine = options->engine;
    front->client_dir = -1;
    front->counters = options->counters ? options->counters : &front->own_counters;
    front->max_body = options->max_body;
    front->header_timeout_ms = options->header_timeout_ms;
    front->body_timeout_ms = options->body_timeout_ms;
    front->idle_timeout_ms = options->idle_timeout_ms;
    front->body_bytes = sio_rate_bytes(options->min_receive_rate, options->body_timeout_ms);
    front->max_connections = options->max_connections;
    front->shared = options->shared;
    sio_buf_init(&front->head, 0, mem);
    sio_file_cache_init(&front->files, mem);
    sio_list_init(&front->conns);
    sio_list_init(&front->gone);
    sio_list_init(&front->requests);
    sio_task_init(&front->reap, sio_front_reap, front);
    front->stray_ms = options->stray_upgrade_ms;
    sio_list_init(&front->stray);
    int rc = make(front, options);
    if (rc == 0 && options->engine) {
        rc = sio_front_mount_engine(front, options->engine);
    }
    if (rc != 0) {
        sio_front_free(front);
        return rc;
    }
    *out = front;
    return 0;
}

void sio_front_free(sio_front *front) {
    if (!front) {
        return;
    }
    front->closing = true;
    front->handler = NULL;
    front->upgrade_handler = NULL;
    while (!sio_list_empty(&front->conns)) {
        sio_front_conn_lost(SIO_CONTAINER(front->conns.next, sio_front_conn, link), SIO_ERR_CLOSED);
    }
    sio_task_cancel(&front->reap);
    sio_front_reap(front);
    while (front->mounts) {
        sio_front_mount *mount = front->mounts;
        front->mounts = mount->next;
        sio_mem_release(front->mem, mount);
    }
    while (front->dirs) {
        sio_front_dir *dir = front->dirs;
        front->dirs = dir->next;
        close(dir->fd);
        sio_mem_release(front->mem, dir);
    }
    if (front->client_dir >= 0) {
        close(front->client_dir);
    }
    sio_file_cache_done(&front->files);
    (void)sio_front_set_page(front, NULL, NULL, NULL, NULL);
    sio_cors_done(&front->cors, front->mem);
    sio_proxies_done(&front->proxies, front->mem);
    sio_crowd_release(front->crowd);
    sio_buf_free(&front->head);
    sio_http1_scratch_free(front->scratch);
    sio_mem_release(front->mem, front);
}

void sio_front_close(sio_front *front, bool keep_idle) {
    front->closing = true;
    front->keeps_idle = keep_idle;
    sio_front_stray_close(front);
    sio_list *link = front->conns.next;
    while (link != &front->conns) {
        sio_front_conn *conn = SIO_CONTAINER(link, sio_front_conn, link);
        link = link->next;
        if (!keep_idle && sio_front_conn_idle(conn)) {
            sio_front_conn_finish(conn);
        }
    }
}

void sio_front_reopen(sio_front *front) {
    front->closing = false;
}

size_t sio_front_count(const sio_front *front) {
    return front->count;
}

/* Upgraded connections count, too. @return also when the new one's stream is counted already */
static bool is_full(const sio_front *front) {
    if (front->max_connections == 0) {
        return false;
    }
    size_t open =
        front->shared ? sio_shared_connections(front->shared) : sio_loop_stream_count(front->loop);
    return open > front->max_connections;
}

/* @return whether its address has as many as it may have */
static bool is_crowded(sio_front *front, sio_stream *stream) {
    sio_address address;
    if (!front->crowd || sio_stream_peer(stream, &address) != 0 ||
        sio_proxies_trust(&front->proxies, &address)) {
        return false;
    }
    return sio_crowd_enter(front->crowd, stream, &address) != 0;
}

typedef enum verdict { WELCOME, CLOSING, FULL, CROWDED } verdict;

static verdict judge(sio_front *front, sio_stream *stream) {
    if (is_full(front)) {
        return FULL;
    }
    if (front->closing) {
        return CLOSING;
    }
    return is_crowded(front, stream) ? CROWDED : WELCOME;
}

/* May this connection stay? A refusal is counted. */
static verdict receive(sio_front *front, sio_stream *stream) {
    static const char *const texts[] = {"", "the server is closing", "max_connections are open",
                                        "its address has max_connections_per_address"};
    sio_counters *counters = front->counters;
    verdict found = judge(front, stream);
    SIO_FIGURE_ADD(counters->connections_refused_closing, found == CLOSING);
    SIO_FIGURE_ADD(counters->connections_refused_limit, found == FULL);
    SIO_FIGURE_ADD(counters->connections_refused_address, found == CROWDED);
    if (found != WELCOME) {
        SIO_LOG(sio_loop_log(front->loop), SIO_LOG_INFO, "engine:http", "refused a connection: %s",
                texts[found]);
    }
    return found;
}

/* Nothing is read, and over TLS nothing could be said before the handshake. */
static void refuse_stream(sio_stream *stream) {
    static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\n"
                                 "Content-Length: 0\r\nRetry-After: 1\r\n"
                                 "Connection: close\r\n\r\n";
    if (!sio_stream_is_tls(stream) && sio_stream_write(stream, answer, sizeof(answer) - 1) == 0) {
        sio_stream_close(stream, REFUSED_LINGER_MS);
    } else {
        sio_stream_free(stream);
    }
}

void sio_front_accept(sio_front *front, sio_stream *stream) {
    SIO_COUNT(front->counters->connections_accepted);
    switch (receive(front, stream)) {
    case WELCOME:
        (void)sio_front_conn_new(front, stream, (sio_bytes){NULL, 0}, sio_stream_is_tls(stream));
        break;
    case CLOSING:
        sio_stream_free(stream);
        break;
    default:
        SIO_FIGURE_ADD(front->counters->http_5xx, !sio_stream_is_tls(stream));
        refuse_stream(stream);
        break;
    }
}

int sio_front_adopt(sio_front *front, sio_stream *stream, sio_bytes early) {
    if (receive(front, stream) != WELCOME) {
        sio_stream_free(stream);
        return SIO_ERR_LIMIT;
    }
    return sio_front_conn_new(front, stream, early, sio_stream_is_tls(stream));
}

/* ---- routes ---- */

void sio_front_on_request(sio_front *front, sio_request_fn fn, void *user) {
    front->handler = fn;
    front->handler_user = user;
}

void sio_front_on_upgrade(sio_front *front, sio_request_fn fn, void *user) {
    front->upgrade_handler = fn;
    front->upgrade_user = user;
}

static sio_front_dir *dir_new(const sio_front *front, const char *prefix) {
    size_t len = strlen(prefix);
    bool slash = prefix[len - 1] == '/';
    sio_front_dir *dir = sio_mem_zalloc(front->mem, sizeof(*dir) + len + !slash);
    if (dir) {
        memcpy(dir->prefix, prefix, len);
        dir->prefix[len - slash] = '/';
        dir->prefix_len = len + !slash;
    }
    return dir;
}

int sio_front_serve_dir(sio_front *front, const char *prefix, const char *dir) {
    if (!prefix || prefix[0] != '/' || !dir) {
        return SIO_ERR_INVALID;
    }
    sio_front_dir *fresh = dir_new(front, prefix);
    if (!fresh) {
        return SIO_ERR_NOMEM;
    }
    int rc = sio_static_dir_open(&fresh->fd, dir);
    if (rc != 0) {
        sio_mem_release(front->mem, fresh);
        return rc;
    }
    sio_front_dir **at = &front->dirs;
    while (*at && (*at)->prefix_len > fresh->prefix_len) {
        at = &(*at)->next;
    }
    fresh->next = *at;
    *at = fresh;
    return 0;
}

/* The prefix without its last slash names the folder too: there the rest has a NULL pointer. */
static const sio_front_dir *find_dir(const sio_front *front, sio_str path, sio_str *rest) {
    for (const sio_front_dir *dir = front->dirs; dir; dir = dir->next) {
        size_t len = dir->prefix_len;
        if (path.len >= len && memcmp(path.ptr, dir->prefix, len) == 0) {
            *rest = (sio_str){path.ptr + len, path.len - len};
            return dir;
        }
        if (path.len == len - 1 && path.len > 0 && memcmp(path.ptr, dir->prefix, path.len) == 0) {
            *rest = (sio_str){NULL, 0};
            return dir;
        }
    }
    return NULL;
}

sio_engine *sio_front_engine(const sio_front *front, sio_str path) {
    for (const sio_front_mount *mount = front->mounts; mount; mount = mount->next) {
        if (sio_engine_has_path(mount->engine, path)) {
            return mount->engine;
        }
    }
    return NULL;
}

int sio_front_mount_engine(sio_front *front, sio_engine *engine) {
    size_t len = strlen(sio_engine_path(engine));
    sio_front_mount **at = &front->mounts;
    while (*at && strlen(sio_engine_path((*at)->engine)) >= len) {
        if (strcmp(sio_engine_path((*at)->engine), sio_engine_path(engine)) == 0) {
            return SIO_ERR_EXISTS;
        }
        at = &(*at)->next;
    }
    sio_front_mount *mount = sio_mem_alloc(front->mem, sizeof(*mount));
    if (!mount) {
        return SIO_ERR_NOMEM;
    }
    *mount = (sio_front_mount){*at, engine};
    *at = mount;
    return 0;
}

static void route_engine(sio_front *front, sio_engine *engine, sio_exchange *exchange,
                         sio_str path) {
    int status;
    int rc = sio_cors_write(&exchange->headers, &status, &front->cors, sio_exchange_head(exchange));
    if (rc != 0) {
        sio_exchange_destroy(exchange);
    } else if (status == SIO_CORS_FOREIGN) {
        sio_engine_refuse_origin(engine, exchange);
    } else if (status != 0) {
        /* Some browsers wait for a body of 204 unless told that there is none. */
        sio_exchange_answer(exchange, status, NULL, (sio_bytes){NULL, 0},
                            status == 204 ? "Content-Length: 0\r\n" : NULL);
    } else if (engine != front->engine || !sio_client_files_route(front, exchange, path)) {
        sio_engine_handle(engine, exchange);
    }
}

void sio_front_route(sio_front *front, sio_exchange *exchange) {
    sio_url_target target;
    sio_url_split_target(&target, sio_exchange_head(exchange)->target);
    sio_str rest;
    const sio_front_dir *dir;
    sio_engine *engine = sio_front_engine(front, target.path);
    if (engine) {
        route_engine(front, engine, exchange, target.path);
    } else if (front->upgrade_handler && sio_exchange_head(exchange)->upgrade) {
        sio_request_route_upgrade(front, exchange);
    } else if (sio_page_route(front, exchange, target.path)) {
        return;
    } else if ((dir = find_dir(front, target.path, &rest)) != NULL) {
        sio_static_route(exchange, dir->fd, rest);
    } else if (front->handler) {
        sio_request_route(front, exchange);
    } else if (sio_exchange_head(exchange)->upgrade) {
        sio_front_stray(front, exchange);
    } else {
        sio_exchange_answer_status(exchange, 404, NULL);
    }
}
