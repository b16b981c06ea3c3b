#include "http_client.h"

#include "mem.h"

#include <sio/http1.h>

#include <string.h>
#include <strings.h>

enum {
    COPIED_MAX = 8192, /* requests up to it are copied into the connection; larger ones are lent */
    KEPT_BUFFER = 65536,
    IDLE_MS = 4000,   /* servers close after 5 s and more, unless they say so */
    MARGIN_MS = 1000, /* this much before a server said that it closes */
};

struct sio_http_client {
    sio_dial dial;
    const sio_mem *mem;
    const sio_http_client_callbacks *callbacks;
    void *ctx;
    sio_http1_parser *parser; /* of the present connection */
    sio_http1_scratch *heads; /* may be NULL */
    uint64_t max_body;
    uint32_t timeout_ms; /* of a request; 0: none */
    sio_timer timer;
    sio_buf request;
    sio_buf body;    /* of a response that comes in pieces */
    sio_bytes piece; /* a body that lies in one piece of the bytes just read */
    int status;
    unsigned holds;
    bool freed;
    sio_time usable_until; /* a connection that waits for a request */
    uint64_t idle_ms;      /* how long it may */
    bool busy;             /* a request waits for its response */
    bool answered;         /* bytes came since the present request was sent */
    bool octets;
    bool complete; /* the response is complete */
    bool keep;     /* another request may follow */
};

static void hold(sio_http_client *c) {
    c->holds++;
}

static void drop(sio_http_client *c) {
    if (--c->holds == 0 && c->freed) {
        sio_mem_release(c->mem, c);
    }
}

static void disconnect(sio_http_client *c) {
    sio_dial_cut(&c->dial);
    sio_http1_parser_free(c->parser);
    c->parser = NULL;
}

static void shrink(sio_buf *buf) {
    buf->len = 0;
    if (buf->cap > KEPT_BUFFER) {
        sio_buf_free(buf);
    }
}

/* ---- ends of a request ---- */

static void fail(sio_http_client *c, const sio_transport_end *why) {
    sio_transport_end end = *why;
    end.http_status = why->http_status ? why->http_status : c->status;
    sio_timer_stop(&c->timer);
    const char *detail = why->detail;
    c->busy = false;
    /* The detail may be a part of what goes with the connection. */
    char text[SIO_TRANSPORT_DETAIL];
    size_t len = strnlen(detail, sizeof(text) - 1);
    memcpy(text, detail, len);
    text[len] = '\0';
    end.detail = text;
    disconnect(c);
    shrink(&c->request);
    c->callbacks->on_failed(c->ctx, &end);
}

static void finish(sio_http_client *c) {
    sio_http_response response = {.status = c->status, .octets = c->octets};
    sio_bytes body = c->piece.ptr ? c->piece : (sio_bytes){c->body.data, c->body.len};
    response.body = (uint8_t *)(uintptr_t)body.ptr;
    response.len = body.len;
    /* A lent request that is not sent completely would block its buffer. */
    bool unsent = c->dial.stream && sio_stream_queued(c->dial.stream) > 0;
    if (!c->keep || unsent) {
        disconnect(c);
    }
    c->usable_until = sio_loop_now(c->dial.loop) + c->idle_ms;
    sio_timer_stop(&c->timer);
    c->busy = false;
    c->complete = false;
    shrink(&c->request);
    sio_buf pieces = c->body;
    sio_buf_init(&c->body, 0, c->mem);
    c->callbacks->on_response(c->ctx, &response);
    if (c->freed || c->busy || pieces.cap > KEPT_BUFFER) {
        sio_buf_free(&pieces);
    } else {
        pieces.len = 0;
        c->body = pieces;
    }
}

static void fail_error(sio_http_client *c, int err) {
    fail(c, &(sio_transport_end){.err = err, .detail = sio_error_text(err)});
}

/* The connection ended, with a request running or not. */
static void lost(sio_http_client *c, const sio_transport_end *why) {
    if (c->busy) {
        fail(c, why);
    } else {
        disconnect(c);
    }
}

/* ---- reading ---- */

static bool is_octets(const sio_http1_head *head) {
    static const char type[] = "application/octet-stream";
    sio_str value = sio_http1_find(head, SIO_STR("Content-Type"));
    return value.len >= sizeof(type) - 1 && strncasecmp(value.ptr, type, sizeof(type) - 1) == 0;
}

/* How long the server keeps the connection: `Keep-Alive: timeout=5, max=100`, in seconds. */
static uint64_t idle_allowed(const sio_http1_head *head) {
    char said[] = "timeout=0";
    sio_str value = sio_http1_find(head, SIO_STR("Keep-Alive"));
    for (uint64_t s = 0; value.len > 0 && s < (IDLE_MS + MARGIN_MS) / 1000; s++) {
        said[sizeof said - 2] = (char)('0' + s);
        if (sio_http1_has_token(value, (sio_str){said, sizeof said - 1})) {
            return s > 0 ? s * 1000 - MARGIN_MS : 0;
        }
    }
    return IDLE_MS;
}

static int take_head(sio_http_client *c, const sio_http1_head *head) {
    c->status = head->status;
    c->octets = is_octets(head);
    c->keep = head->keep_alive;
    c->idle_ms = idle_allowed(head);
    if (c->callbacks->on_head) {
        c->callbacks->on_head(c->ctx, head);
    }
    sio_str coding = sio_http1_find(head, SIO_STR("Content-Encoding"));
    bool plain = coding.len == 0 || sio_http1_has_token(coding, SIO_STR("identity"));
    sio_http1_drop_head(c->parser);
    return plain ? 0 : SIO_ERR_HTTP_ENCODING;
}

/* A body in one piece is used where it lies. */
static int take_body(sio_http_client *c, sio_bytes piece, sio_bytes read) {
    bool inside = (uintptr_t)piece.ptr >= (uintptr_t)read.ptr &&
                  (uintptr_t)piece.ptr < (uintptr_t)read.ptr + read.len;
    if (c->body.len == 0 && !c->piece.ptr && inside) {
        c->piece = piece;
        return 0;
    }
    int rc = 0;
    if (c->piece.ptr) {
        rc = sio_buf_add(&c->body, c->piece.ptr, c->piece.len);
        c->piece = (sio_bytes){NULL, 0};
    }
    return rc == 0 ? sio_buf_add(&c->body, piece.ptr, piece.len) : rc;
}

/* @return 0 when all input is used up, or an error. */
static int pull(sio_http_client *c, sio_bytes read) {
    sio_http1_event event;
    int rc = 0;
    while (rc == 0 && (rc = sio_http1_next(c->parser, &event)) == 1) {
        rc = 0;
        if (event.type == SIO_HTTP1_HEAD) {
            rc = take_head(c, event.head);
        } else if (event.type == SIO_HTTP1_BODY) {
            rc = take_body(c, event.body, read);
        } else {
            c->complete = true;
        }
    }
    /* What is read goes away with this call. */
    if (rc == 0 && !c->complete && c->piece.ptr) {
        rc = sio_buf_add(&c->body, c->piece.ptr, c->piece.len);
        c->piece = (sio_bytes){NULL, 0};
    }
    return rc;
}

static void on_read(void *ctx, uint8_t *data, size_t len) {
    sio_http_client *c = ctx;
    if (!c->busy) {
        disconnect(c); /* an answer to nothing, such as 408 before a server closes */
        return;
    }
    hold(c);
    c->answered = true;
    int rc = sio_http1_feed(c->parser, data, len);
    if (rc == 0) {
        rc = pull(c, (sio_bytes){data, len});
    }
    if (c->complete) {
        c->keep = c->keep && rc == 0;
        finish(c);
    } else if (rc != 0) {
        fail_error(c, rc);
    }
    drop(c);
}

static void on_eof(void *ctx) {
    sio_http_client *c = ctx;
    hold(c);
    int rc = c->busy && c->answered ? sio_http1_eof(c->parser) : SIO_ERR_HTTP_TRUNCATED;
    if (rc == 0) {
        rc = pull(c, (sio_bytes){NULL, 0});
    }
    if (rc == 0 && c->complete) {
        c->keep = false;
        finish(c);
    } else {
        lost(c, &(sio_transport_end){
                    .err = SIO_ERR_HTTP_TRUNCATED,
                    .detail = "the server closed the connection before its response was complete",
                });
    }
    drop(c);
}

static void on_error(void *ctx, const sio_stream_error *error) {
    sio_http_client *c = ctx;
    hold(c);
    lost(c, &(sio_transport_end){.err = error->err, .sys = error->sys, .detail = error->detail});
    drop(c);
}

static void on_dial_failed(void *ctx, const sio_transport_end *why) {
    sio_http_client *c = ctx;
    hold(c);
    fail(c, why);
    drop(c);
}

/* ---- sending ---- */

/* What was copied is not kept while the answer is awaited, which for a poll takes its time. */
static int write_request(sio_http_client *c) {
    int rc = sio_http1_response_to(c->parser, SIO_HTTP1_ASKED_PLAIN);
    if (rc != 0) {
        return rc;
    }
    sio_buf *request = &c->request;
    if (request->len <= COPIED_MAX) {
        rc = sio_stream_write(c->dial.stream, request->data, request->len);
        sio_buf_free(request);
        return rc;
    }
    return sio_stream_write_ref(c->dial.stream, request->data, request->len, NULL, NULL);
}

static void on_connected(void *ctx) {
    sio_http_client *c = ctx;
    hold(c);
    int rc = c->busy ? write_request(c) : 0;
    if (rc != 0) {
        fail_error(c, rc);
    }
    drop(c);
}

static const sio_stream_callbacks stream_callbacks = {
    .on_connected = on_connected,
    .on_read = on_read,
    .on_eof = on_eof,
    .on_error = on_error,
};

static int transmit(sio_http_client *c) {
    if (c->dial.stream) {
        return write_request(c);
    }
    sio_http1_limits limits = SIO_HTTP1_LIMITS_INIT;
    limits.max_body = c->max_body;
    int rc = c->heads ? sio_http1_parser_new_shared(&c->parser, SIO_HTTP1_RESPONSES, c->heads)
                      : sio_http1_parser_new(&c->parser, SIO_HTTP1_RESPONSES, &limits, c->mem);
    return rc == 0 ? sio_dial_start(&c->dial) : rc;
}

sio_buf *sio_http_client_begin(sio_http_client *client) {
    client->request.len = 0;
    return &client->request;
}

int sio_http_client_send(sio_http_client *client) {
    sio_http_client *c = client;
    c->status = 0;
    c->octets = false;
    c->answered = false;
    c->piece = (sio_bytes){NULL, 0};
    c->body.len = 0;
    if (c->dial.stream && sio_loop_now(c->dial.loop) >= c->usable_until) {
        disconnect(c);
    }
    int rc = transmit(c);
    if (rc != 0) {
        disconnect(c);
        return rc;
    }
    c->busy = true;
    if (c->timeout_ms > 0) {
        sio_timer_start(&c->timer, c->timeout_ms);
    }
    return 0;
}

static void on_timeout(void *ctx) {
    sio_http_client *c = ctx;
    hold(c);
    fail(c, &(sio_transport_end){
                .err = SIO_ERR_TIMEOUT,
                .detail = "the server did not answer the request in time",
            });
    drop(c);
}

bool sio_http_client_busy(const sio_http_client *client) {
    return client->busy;
}

/* ---- life ---- */

int sio_http_client_new(sio_http_client **out, sio_loop *loop, sio_dial_target *target,
                        const sio_http_client_limits *limits,
                        const sio_http_client_callbacks *callbacks, void *ctx) {
    const sio_mem *mem = sio_loop_mem(loop);
    sio_http_client *c = sio_mem_zalloc(mem, sizeof(*c));
    if (!c) {
        return SIO_ERR_NOMEM;
    }
    if (sio_timer_init(&c->timer, loop, on_timeout, c) != 0) {
        sio_mem_release(mem, c);
        return SIO_ERR_NOMEM;
    }
    c->mem = mem;
    c->heads = limits->heads;
    c->max_body = limits->max_body;
    c->timeout_ms = limits->timeout_ms;
    c->callbacks = callbacks;
    c->ctx = ctx;
    c->dial = (sio_dial){
        .loop = loop,
        .target = target,
        .callbacks = &stream_callbacks,
        .on_failed = on_dial_failed,
        .ctx = c,
    };
    sio_buf_init(&c->request, 0, mem);
    sio_buf_init(&c->body, 0, mem);
    *out = c;
    return 0;
}

void sio_http_client_free(sio_http_client *client, uint64_t linger_ms) {
    sio_http_client *c = client;
    if (!c) {
        return;
    }
    if (linger_ms > 0 && c->busy && c->dial.stream && c->request.len <= COPIED_MAX) {
        sio_stream_close(c->dial.stream, linger_ms);
        c->dial.stream = NULL;
    }
    disconnect(c);
    sio_timer_done(&c->timer);
    sio_buf_free(&c->request);
    sio_buf_free(&c->body);
    c->busy = false;
    c->freed = true;
    hold(c);
    drop(c);
}
