/* Requests for the application: whole, and answered before its handler returns or, kept, later. */
#include "front_state.h"

#include "mem.h"

#include <sio/url.h>

#include <string.h>
#include <strings.h>
#include <unistd.h>

struct sio_request {
    sio_list link; /* of the front's, while it is kept and open */
    const sio_mem *mem;
    sio_mem own_mem;        /* it may outlive the server */
    sio_exchange *exchange; /* NULL once it is answered or lost */
    sio_bytes body;
    uint8_t *copy;   /* of the body, of a kept one; of what came behind one that was taken over */
    sio_buf headers; /* whole lines for the answer */
    sio_request_lost_fn on_lost;
    void *lost_user;
    sio_request_drain_fn on_drain;
    void *drain_user;
    unsigned refs;
    bool lost;
    bool started; /* piece by piece */
    bool upgrade; /* came to the handler of upgrades */
};

/* ---- life ---- */

static sio_request *request_new(sio_front *front, sio_exchange *exchange, sio_bytes body) {
    sio_request *request = sio_mem_zalloc(front->mem, sizeof(*request));
    if (!request) {
        return NULL;
    }
    if (front->mem) {
        request->own_mem = *front->mem;
        request->mem = &request->own_mem;
    }
    request->exchange = exchange;
    request->body = body;
    request->refs = 1;
    sio_list_init(&request->link);
    sio_buf_init(&request->headers, 0, request->mem);
    return request;
}

static void request_free(sio_request *request) {
    bool has_mem = request->mem != NULL;
    sio_mem mem = request->own_mem;
    sio_buf_free(&request->headers);
    sio_mem_release(has_mem ? &mem : NULL, request->copy);
    sio_mem_release(has_mem ? &mem : NULL, request);
}

static void forget_exchange(sio_request *request) {
    request->exchange = NULL;
    if (sio_list_linked(&request->link)) {
        sio_list_remove(&request->link);
    }
}

/* The exchange is about to be gone. */
static sio_exchange *let_go(sio_request *request) {
    sio_exchange *exchange = request->exchange;
    forget_exchange(request);
    sio_exchange_claim(exchange, NULL, NULL);
    return exchange;
}

sio_request *sio_request_ref(sio_request *request) {
    request->refs++;
    return request;
}

/* Nobody answers it any more. */
static void abandon(sio_request *request) {
    sio_exchange *exchange = let_go(request);
    if (request->started) {
        sio_exchange_destroy(exchange);
    } else if (request->upgrade) {
        sio_front_stray(exchange->conn->front, exchange);
    } else {
        sio_exchange_answer_status(exchange, 500, NULL);
    }
}

void sio_request_unref(sio_request *request) {
    if (!request || --request->refs > 0) {
        return;
    }
    if (request->exchange) {
        abandon(request);
    }
    request_free(request);
}

/* The exchange is gone already, for want of memory. */
static void forget(sio_request *request) {
    forget_exchange(request);
    request->lost = true;
}

/* ---- the exchange's side ---- */

static void lose(sio_request *request, int err) {
    forget(request);
    if (request->on_lost) {
        sio_request_ref(request);
        request->on_lost(request, err, request->lost_user);
        sio_request_unref(request);
    }
}

static void on_abort(void *ctx, sio_exchange *exchange, int err) {
    lose(ctx, err);
}

static void on_drained(void *ctx, sio_exchange *exchange) {
    sio_request *request = ctx;
    if (request->on_drain) {
        sio_request_ref(request);
        request->on_drain(request, request->drain_user);
        sio_request_unref(request);
    }
}

static const sio_exchange_callbacks kept_callbacks = {.on_abort = on_abort, .on_drain = on_drained};

void sio_front_lose_requests(sio_front *front) {
    while (!sio_list_empty(&front->requests)) {
        sio_request *request = SIO_CONTAINER(front->requests.next, sio_request, link);
        sio_exchange *exchange = let_go(request);
        sio_exchange_destroy(exchange);
        lose(request, SIO_ERR_CLOSED);
    }
}

/* The body lies in what the connection has read. */
static int keep_body(sio_request *request) {
    if (request->body.len == 0) {
        return 0;
    }
    request->copy = sio_mem_alloc(request->mem, request->body.len);
    if (!request->copy) {
        request->body = (sio_bytes){NULL, 0};
        return SIO_ERR_NOMEM;
    }
    memcpy(request->copy, request->body.ptr, request->body.len);
    request->body.ptr = request->copy;
    return 0;
}

/* Its handler has returned and holds a reference. */
static void keep(sio_front *front, sio_request *request) {
    if (!request->exchange) {
        request->body = (sio_bytes){NULL, 0};
    } else if (keep_body(request) != 0) {
        sio_exchange_destroy(let_go(request));
        lose(request, SIO_ERR_NOMEM);
    } else {
        sio_list_push(&front->requests, &request->link);
    }
}

typedef struct handler {
    sio_request_fn fn;
    void *user;
    bool upgrade;
} handler;

static void call_handler(sio_front *front, sio_exchange *exchange, sio_bytes body, handler to) {
    sio_request *request = request_new(front, exchange, body);
    if (!request) {
        sio_exchange_destroy(exchange);
        return;
    }
    request->upgrade = to.upgrade;
    sio_exchange_claim(exchange, &kept_callbacks, request);
    to.fn(request, to.user);
    if (request->refs > 1) {
        keep(front, request);
    }
    sio_request_unref(request);
}

static void on_body(void *ctx, sio_exchange *exchange, sio_bytes body) {
    sio_front *front = ctx;
    if (front->handler) {
        call_handler(front, exchange, body,
                     (handler){.fn = front->handler, .user = front->handler_user});
    } else {
        sio_exchange_answer_status(exchange, 404, NULL);
    }
}

static const sio_exchange_callbacks callbacks = {.on_body = on_body};

void sio_request_route(sio_front *front, sio_exchange *exchange) {
    if (sio_exchange_has_body(exchange)) {
        sio_exchange_claim(exchange, &callbacks, front);
    } else {
        on_body(front, exchange, (sio_bytes){NULL, 0});
    }
}

/* ---- upgrades ---- */

static void on_upgrade_body(void *ctx, sio_exchange *exchange, sio_bytes body) {
    sio_front *front = ctx;
    if (front->upgrade_handler) {
        handler to = {front->upgrade_handler, front->upgrade_user, true};
        call_handler(front, exchange, body, to);
    } else {
        sio_front_stray(front, exchange);
    }
}

static void on_upgrade_turn(void *ctx, sio_exchange *exchange) {
    exchange->awaits_drain = false;
    on_upgrade_body(ctx, exchange, (sio_bytes){NULL, 0});
}

static const sio_exchange_callbacks upgrade_callbacks = {.on_body = on_upgrade_body,
                                                         .on_drain = on_upgrade_turn};

/* A connection can only be given away when nothing is left to be sent by the server. */
void sio_request_route_upgrade(sio_front *front, sio_exchange *exchange) {
    if (sio_exchange_has_body(exchange)) {
        sio_exchange_claim(exchange, &upgrade_callbacks, front);
    } else if (sio_exchange_queued(exchange) > 0) {
        exchange->awaits_drain = true;
        sio_exchange_claim(exchange, &upgrade_callbacks, front);
    } else {
        on_upgrade_body(front, exchange, (sio_bytes){NULL, 0});
    }
}

/* ---- asking ---- */

static const sio_str NO_TEXT = {NULL, 0};

static sio_url_target target_of(const sio_request *request) {
    sio_url_target target = {0};
    if (request->exchange) {
        sio_url_split_target(&target, sio_exchange_head(request->exchange)->target);
    }
    return target;
}

sio_str sio_request_method(const sio_request *request) {
    return request->exchange ? sio_exchange_head(request->exchange)->method : NO_TEXT;
}

sio_str sio_request_path(const sio_request *request) {
    return target_of(request).path;
}

sio_str sio_request_query(const sio_request *request) {
    return target_of(request).query;
}

sio_bytes sio_request_body(const sio_request *request) {
    return request->body;
}

sio_str sio_request_header(const sio_request *request, const char *name) {
    if (!request->exchange) {
        return NO_TEXT;
    }
    return sio_http1_find(sio_exchange_head(request->exchange), (sio_str){name, strlen(name)});
}

const char *sio_request_address(const sio_request *request) {
    return request->exchange ? sio_exchange_remote(request->exchange) : "";
}

bool sio_request_secure(const sio_request *request) {
    return request->exchange && sio_exchange_is_tls(request->exchange);
}

size_t sio_request_queued(const sio_request *request) {
    return request->exchange ? sio_exchange_queued(request->exchange) : 0;
}

void sio_request_on_lost(sio_request *request, sio_request_lost_fn fn, void *user) {
    request->on_lost = fn;
    request->lost_user = user;
}

void sio_request_on_drain(sio_request *request, sio_request_drain_fn fn, void *user) {
    request->on_drain = fn;
    request->drain_user = user;
}

/* ---- answering ---- */

/* They say where the answer ends and what becomes of the connection, which is not for the
 * application to say. */
static bool is_ours(const char *name) {
    static const char *const ours[] = {"Connection",        "Content-Length", "Content-Type",
                                       "Transfer-Encoding", "Trailer",        "Upgrade"};
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        if (strcasecmp(name, ours[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether an answer may begin. */
static int check_state(const sio_request *request) {
    if (request->exchange && !request->started) {
        return 0;
    }
    return request->lost ? SIO_ERR_CLOSED : SIO_ERR_STATE;
}

/* Whether one that has begun may go on. */
static int check_started(const sio_request *request) {
    if (request->exchange && request->started) {
        return 0;
    }
    return request->lost ? SIO_ERR_CLOSED : SIO_ERR_STATE;
}

int sio_request_take_connection(sio_request *request, int *fd, sio_bytes *early) {
    int rc = check_state(request);
    if (rc != 0) {
        return rc;
    }
    if (!fd || !early) {
        return SIO_ERR_INVALID;
    }
    if (sio_stream_is_tls(request->exchange->conn->stream)) {
        return SIO_ERR_UNSUPPORTED;
    }
    sio_bytes rest = sio_exchange_rest(request->exchange);
    uint8_t *copy = rest.len > 0 ? sio_mem_alloc(request->mem, rest.len) : NULL;
    if (rest.len > 0 && !copy) {
        return SIO_ERR_NOMEM;
    }
    if (copy) {
        memcpy(copy, rest.ptr, rest.len);
    }
    rc = sio_exchange_give_fd(request->exchange, fd);
    if (rc != 0) {
        sio_mem_release(request->mem, copy);
        return rc;
    }
    forget_exchange(request);
    request->copy = copy;
    *early = (sio_bytes){copy, rest.len};
    return 0;
}

int sio_request_add_header(sio_request *request, const char *name, const char *value) {
    int rc = check_state(request);
    if (rc != 0) {
        return rc;
    }
    if (!name || !value || is_ours(name)) {
        return SIO_ERR_INVALID;
    }
    sio_buf *headers = &request->headers;
    return sio_http1_write_header(headers, (sio_str){name, strlen(name)},
                                  (sio_str){value, strlen(value)});
}

/* The headers become one text. */
static int check_answer(sio_request *request, int status, const char *content_type) {
    bool typed = !content_type || sio_http1_is_value((sio_str){content_type, strlen(content_type)});
    if (status < 200 || status > 599 || !typed) {
        return SIO_ERR_INVALID;
    }
    return sio_buf_add_byte(&request->headers, 0);
}

/* It cannot be answered as the application wants. */
static int spoil(sio_request *request, int rc) {
    sio_exchange *exchange = let_go(request);
    if (rc == SIO_ERR_NOMEM) {
        request->lost = true;
        sio_exchange_destroy(exchange);
    } else {
        sio_exchange_answer_status(exchange, 500, NULL);
    }
    return rc;
}

int sio_request_reply(sio_request *request, int status, const char *content_type, const void *body,
                      size_t len) {
    int rc = check_state(request);
    if (rc != 0) {
        return rc;
    }
    rc = !body && len > 0 ? SIO_ERR_INVALID : check_answer(request, status, content_type);
    if (rc != 0) {
        return spoil(request, rc);
    }
    sio_exchange_answer(let_go(request), status, content_type, (sio_bytes){body, len},
                        (const char *)request->headers.data);
    return 0;
}

/* ---- files ---- */

static int open_file(sio_file *file, const sio_mem *mem, const char *path) {
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    size_t len = slash ? (size_t)(slash - path) + 1 : 0;
    char *folder = slash ? sio_mem_strndup(mem, path, len) : NULL;
    if (slash && !folder) {
        return SIO_ERR_NOMEM;
    }
    int dir;
    int rc = sio_static_dir_open(&dir, folder ? folder : ".");
    sio_mem_release(mem, folder);
    if (rc == 0) {
        rc = sio_file_open(file, dir, name);
        close(dir);
    }
    return rc == SIO_ERR_TYPE ? SIO_ERR_NOT_FOUND : rc;
}

int sio_request_send_file(sio_request *request, const char *path, const char *content_type) {
    sio_file file;
    int rc = check_state(request);
    if (rc == 0) {
        rc = path ? open_file(&file, request->mem, path) : SIO_ERR_INVALID;
    }
    if (rc != 0) {
        return rc;
    }
    rc = check_answer(request, 200, content_type);
    if (rc != 0) {
        sio_file_close(&file);
        return spoil(request, rc);
    }
    const char *type = content_type ? content_type : sio_file_type(path);
    sio_file_answer(let_go(request), &file, type, (const char *)request->headers.data);
    return 0;
}

/* ---- piece by piece ---- */

int sio_request_start(sio_request *request, int status, const char *content_type) {
    int rc = check_state(request);
    if (rc != 0) {
        return rc;
    }
    bool bodyless = status == 204 || status == 304;
    rc = bodyless ? SIO_ERR_INVALID : check_answer(request, status, content_type);
    if (rc != 0) {
        return spoil(request, rc);
    }
    rc = sio_exchange_start(request->exchange, status, content_type,
                            (const char *)request->headers.data);
    if (rc != 0) {
        forget(request);
        return rc;
    }
    request->started = true;
    return 0;
}

int sio_request_write(sio_request *request, const void *data, size_t len) {
    int rc = check_started(request);
    if (rc != 0) {
        return rc;
    }
    if (!data && len > 0) {
        return SIO_ERR_INVALID;
    }
    size_t queued = sio_exchange_queued(request->exchange);
    if (queued > SIO_REQUEST_MAX_QUEUED || len > SIO_REQUEST_MAX_QUEUED - queued) {
        return SIO_ERR_LIMIT;
    }
    rc = sio_exchange_write(request->exchange, (sio_bytes){data, len});
    if (rc != 0) {
        forget(request);
    }
    return rc;
}

int sio_request_end(sio_request *request) {
    int rc = check_started(request);
    if (rc == 0) {
        sio_exchange_end(let_go(request));
    }
    return rc;
}
