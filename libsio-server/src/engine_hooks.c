/* What the application's hooks decide upon: a request is kept until they have, which may be after
 * its client or even the engine has gone. */
#include "engine_request.h"

#include "mem.h"

#include <string.h>

struct sio_engine_request {
    const sio_mem *mem; /* NULL, or the copy below: the engine's goes with the server */
    sio_mem mem_copy;
    sio_engine *engine;     /* NULL once it is gone */
    sio_exchange *exchange; /* NULL once it is answered or lost */
    sio_list link;          /* in sio_engine.requests */
    sio_engine_station station;
    const sio_engine_middleware *middleware;
    sio_buf body;
    bool has_body; /* and it has arrived */
    bool asking;   /* the hook is running */
    bool decided;
    bool counted; /* among the handshakes in progress */
    bool has_id;
    char id[SIO_EIO_SID_MAX + 2]; /* one more than allowed is seen to be too long */
};

/* It is no handshake in progress any more. */
static void uncount(sio_engine_request *request) {
    if (request->counted && request->engine) {
        SIO_FIGURE_SUB(request->engine->budget->pending, 1);
    }
    request->counted = false;
}

static void request_free(sio_engine_request *request) {
    sio_mem mem = request->mem_copy;
    bool has_mem = request->mem != NULL;
    uncount(request);
    sio_list_remove(&request->link);
    sio_buf_free(&request->body);
    sio_mem_release(has_mem ? &mem : NULL, request);
}

/* ---- while it waits ---- */

static void on_body(void *ctx, sio_exchange *exchange, sio_bytes body) {
    sio_engine_request *request = ctx;
    if (sio_buf_add(&request->body, body.ptr, body.len) != 0) {
        request->exchange = NULL;
        sio_exchange_claim(exchange, NULL, NULL);
        sio_exchange_destroy(exchange);
        return;
    }
    request->has_body = true;
}

static void on_abort(void *ctx, sio_exchange *exchange, int err) {
    sio_engine_request *request = ctx;
    request->exchange = NULL;
    uncount(request);
}

static const sio_exchange_callbacks callbacks = {.on_body = on_body, .on_abort = on_abort};

/* It is somebody else's from now on. */
static sio_exchange *take_exchange(sio_engine_request *request) {
    sio_exchange *exchange = request->exchange;
    request->exchange = NULL;
    uncount(request);
    if (exchange) {
        sio_exchange_claim(exchange, NULL, NULL);
    }
    return exchange;
}

void sio_engine_requests_orphan(sio_engine *engine) {
    sio_list *link;
    while ((link = sio_list_shift(&engine->requests)) != NULL) {
        sio_engine_request *request = SIO_CONTAINER(link, sio_engine_request, link);
        sio_exchange *exchange = take_exchange(request);
        request->engine = NULL;
        if (exchange) {
            sio_exchange_destroy(exchange);
        }
    }
}

/* ---- asking ---- */

static void ask(sio_engine_request *request) {
    sio_engine *engine = request->engine;
    request->decided = false;
    request->asking = true;
    switch (request->station) {
    case SIO_ENGINE_ASK_MIDDLEWARES:
        request->middleware->fn(request, request->middleware->user);
        break;
    case SIO_ENGINE_ASK_ALLOW:
        engine->allow_request(request, engine->allow_request_user);
        break;
    case SIO_ENGINE_ASK_ID:
        engine->generate_id(request, engine->generate_id_user);
        break;
    }
    request->asking = false;
}

/* The station is passed. */
static void go_on(sio_engine_request *request) {
    sio_engine *engine = request->engine;
    sio_exchange *exchange = take_exchange(request);
    sio_bytes body = {request->body.data, request->body.len};
    switch (request->station) {
    case SIO_ENGINE_ASK_MIDDLEWARES:
        sio_engine_judge(engine, exchange, request->has_body ? &body : NULL);
        break;
    case SIO_ENGINE_ASK_ALLOW:
        sio_engine_allowed(engine, exchange);
        break;
    case SIO_ENGINE_ASK_ID:
        sio_engine_open(engine, exchange, request->has_id ? request->id : NULL);
        break;
    }
}

static bool is_alive(const sio_engine_request *request) {
    return request->engine && request->exchange;
}

/* As far as the hooks have decided. */
static void run(sio_engine_request *request) {
    bool middlewares = request->station == SIO_ENGINE_ASK_MIDDLEWARES;
    while (middlewares && request->decided && is_alive(request) && request->middleware->next) {
        request->middleware = request->middleware->next;
        ask(request);
    }
    if (!request->decided) {
        return;
    }
    sio_list_remove(&request->link);
    if (is_alive(request)) {
        go_on(request);
    }
    request_free(request);
}

void sio_engine_ask(sio_engine *engine, sio_exchange *exchange, sio_engine_station station) {
    sio_engine_request *request = sio_mem_zalloc(engine->mem, sizeof(*request));
    if (!request) {
        sio_exchange_answer(exchange, 500, NULL, (sio_bytes){NULL, 0}, NULL);
        return;
    }
    if (engine->mem) {
        request->mem_copy = *engine->mem;
        request->mem = &request->mem_copy;
    }
    request->engine = engine;
    request->exchange = exchange;
    request->station = station;
    request->counted = true;
    SIO_COUNT(engine->budget->pending);
    request->middleware = engine->middlewares;
    sio_buf_init(&request->body, 0, request->mem);
    sio_list_init(&request->link);
    sio_list_push(&engine->requests, &request->link);
    sio_exchange_claim(exchange, &callbacks, request);
    ask(request);
    run(request);
}

/* ---- deciding ---- */

static void decide(sio_engine_request *request) {
    request->decided = true;
    if (!request->asking) {
        run(request);
    }
}

void sio_engine_request_accept(sio_engine_request *request) {
    decide(request);
}

void sio_engine_request_accept_id(sio_engine_request *request, const char *id) {
    size_t len = id ? strnlen(id, sizeof(request->id) - 1) : 0;
    request->has_id = true;
    if (len > 0) {
        memcpy(request->id, id, len);
    }
    request->id[len] = '\0';
    decide(request);
}

void sio_engine_request_refuse(sio_engine_request *request, const char *text) {
    static const sio_engine_cause causes[] = {
        [SIO_ENGINE_ASK_MIDDLEWARES] = SIO_ENGINE_MIDDLEWARE_FAILURE,
        [SIO_ENGINE_ASK_ALLOW] = SIO_ENGINE_FORBIDDEN,
        [SIO_ENGINE_ASK_ID] = SIO_ENGINE_ID_GENERATION_ERROR,
    };
    sio_exchange *exchange = take_exchange(request);
    if (exchange) {
        sio_engine_refuse(request->engine, exchange, causes[request->station], text);
    }
    decide(request);
}

void sio_engine_request_end(sio_engine_request *request, int status, const char *content_type,
                            const void *body, size_t len) {
    sio_exchange *exchange = take_exchange(request);
    bool typed = content_type && sio_http1_is_value((sio_str){content_type, strlen(content_type)});
    bool known = status >= 200 && status <= 599;
    if (exchange && sio_exchange_head(exchange)->upgrade) {
        sio_exchange_destroy(exchange);
    } else if (exchange) {
        sio_exchange_answer(exchange, known ? status : 500, typed ? content_type : NULL,
                            (sio_bytes){body, len}, NULL);
    }
    decide(request);
}

/* ---- asking ---- */

const sio_http1_head *sio_engine_request_head(const sio_engine_request *request) {
    return request->exchange ? sio_exchange_head(request->exchange) : NULL;
}

const char *sio_engine_request_remote(const sio_engine_request *request) {
    return request->exchange ? sio_exchange_remote(request->exchange) : "";
}

bool sio_engine_request_lost(const sio_engine_request *request) {
    return !request->exchange;
}

int sio_engine_request_add_header(sio_engine_request *request, const char *name,
                                  const char *value) {
    if (!request->exchange) {
        return SIO_ERR_CLOSED;
    }
    if (!name || !value) {
        return SIO_ERR_INVALID;
    }
    return sio_http1_write_header(sio_exchange_headers(request->exchange),
                                  (sio_str){name, strlen(name)}, (sio_str){value, strlen(value)});
}
