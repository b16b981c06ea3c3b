/* Requests for the application: whole, and answered before its handler returns. */
#include "front_state.h"

#include <sio/url.h>

#include <string.h>
#include <strings.h>

struct sio_request {
    sio_exchange *exchange; /* NULL once it is answered */
    const sio_http1_head *head;
    sio_url_target target;
    sio_bytes body;
    sio_buf headers; /* whole lines for the answer */
};

static void call_handler(sio_front *front, sio_exchange *exchange, sio_bytes body) {
    sio_request request = {.exchange = exchange, .head = sio_exchange_head(exchange), .body = body};
    if (!front->handler) {
        sio_exchange_answer_status(exchange, 404, NULL);
        return;
    }
    sio_url_split_target(&request.target, request.head->target);
    sio_buf_init(&request.headers, 0, front->mem);
    front->handler(&request, front->handler_user);
    if (request.exchange) {
        sio_exchange_answer_status(request.exchange, 500, NULL);
    }
    sio_buf_free(&request.headers);
}

static void on_body(void *ctx, sio_exchange *exchange, sio_bytes body) {
    call_handler(ctx, exchange, body);
}

static const sio_exchange_callbacks callbacks = {.on_body = on_body};

void sio_request_route(sio_front *front, sio_exchange *exchange) {
    if (sio_exchange_has_body(exchange)) {
        sio_exchange_claim(exchange, &callbacks, front);
    } else {
        call_handler(front, exchange, (sio_bytes){NULL, 0});
    }
}

/* ---- asking ---- */

sio_str sio_request_method(const sio_request *request) {
    return request->head->method;
}

sio_str sio_request_path(const sio_request *request) {
    return request->target.path;
}

sio_str sio_request_query(const sio_request *request) {
    return request->target.query;
}

sio_bytes sio_request_body(const sio_request *request) {
    return request->body;
}

sio_str sio_request_header(const sio_request *request, const char *name) {
    return sio_http1_find(request->head, (sio_str){name, strlen(name)});
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

int sio_request_add_header(sio_request *request, const char *name, const char *value) {
    if (!request->exchange) {
        return SIO_ERR_STATE;
    }
    if (!name || !value || is_ours(name)) {
        return SIO_ERR_INVALID;
    }
    sio_buf *headers = &request->headers;
    return sio_http1_write_header(headers, (sio_str){name, strlen(name)},
                                  (sio_str){value, strlen(value)});
}

static int check_reply(sio_request *request, int status, const char *content_type, const void *body,
                       size_t len) {
    bool typed = !content_type || sio_http1_is_value((sio_str){content_type, strlen(content_type)});
    if (status < 200 || status > 599 || !typed || (!body && len > 0)) {
        return SIO_ERR_INVALID;
    }
    return sio_buf_add_byte(&request->headers, 0);
}

int sio_request_reply(sio_request *request, int status, const char *content_type, const void *body,
                      size_t len) {
    sio_exchange *exchange = request->exchange;
    if (!exchange) {
        return SIO_ERR_STATE;
    }
    request->exchange = NULL;
    int rc = check_reply(request, status, content_type, body, len);
    if (rc == 0) {
        sio_exchange_answer(exchange, status, content_type, (sio_bytes){body, len},
                            (const char *)request->headers.data);
    } else if (rc == SIO_ERR_NOMEM) {
        sio_exchange_destroy(exchange);
    } else {
        sio_exchange_answer_status(exchange, 500, NULL);
    }
    return rc;
}
