#include "front_state.h"

#include "mem.h"

#include <net/log.h>

#include <string.h>
#include <unistd.h>

static const sio_bytes EMPTY = {NULL, 0};

/* ---- life ---- */

static bool is_head(const sio_http1_head *head) {
    return head->method.len == 4 && memcmp(head->method.ptr, "HEAD", 4) == 0;
}

sio_exchange *sio_exchange_new(sio_front_conn *conn, const sio_http1_head *head) {
    sio_front *front = conn->front;
    sio_exchange *exchange = sio_mem_zalloc(front->mem, sizeof(*exchange));
    if (!exchange) {
        return NULL;
    }
    exchange->conn = conn;
    exchange->length = head->length;
    exchange->chunked = head->chunked;
    exchange->has_body = head->chunked || head->length > 0;
    exchange->whole = !exchange->has_body;
    exchange->head_only = is_head(head);
    exchange->keep_alive = head->keep_alive;
    exchange->expects_continue = exchange->has_body && head->expect_continue;
    exchange->old = head->minor == 0;
    sio_buf_init(&exchange->headers, 0, front->mem);
    sio_buf_init(&exchange->late_headers, 0, front->mem);
    sio_buf_init(&exchange->body, 0, front->mem); /* the parser has the limit */
    return exchange;
}

void sio_exchange_free(sio_exchange *exchange, const sio_mem *mem) {
    if (!exchange) {
        return;
    }
    sio_http1_head_free(exchange->head, mem);
    sio_buf_free(&exchange->headers);
    sio_buf_free(&exchange->late_headers);
    sio_buf_free(&exchange->body);
    sio_mem_release(mem, exchange);
}

void sio_exchange_abort(sio_exchange *exchange, const sio_mem *mem, int err) {
    if (!exchange) {
        return;
    }
    exchange->conn = NULL;
    if (exchange->callbacks && exchange->callbacks->on_abort) {
        exchange->callbacks->on_abort(exchange->ctx, exchange, err);
    }
    sio_exchange_free(exchange, mem);
}

/* ---- asking ---- */

const sio_http1_head *sio_exchange_head(const sio_exchange *exchange) {
    if (exchange->head || !exchange->conn) {
        return exchange->head;
    }
    return sio_http1_current(exchange->conn->parser);
}

/* Whether what the request says of itself is the word of a proxy that is believed. */
static bool is_proxied(const sio_exchange *exchange, const sio_address *peer) {
    const sio_front *front = exchange->conn->front;
    return sio_exchange_head(exchange) && sio_proxies_trust(&front->proxies, peer);
}

const char *sio_exchange_remote(const sio_exchange *exchange) {
    sio_address address;
    if (!exchange->conn || sio_stream_peer(exchange->conn->stream, &address) != 0) {
        return "";
    }
    sio_front *front = exchange->conn->front;
    bool malformed = false;
    bool told =
        is_proxied(exchange, &address) &&
        sio_proxies_client(&front->proxies, sio_exchange_head(exchange), front->remote, &malformed);
    if (malformed) {
        SIO_LOG(sio_loop_log(front->loop), SIO_LOG_WARN, "engine",
                "a proxy tells an address that cannot be read");
    }
    return told ? front->remote : sio_address_host(&address, front->remote);
}

bool sio_exchange_is_tls(const sio_exchange *exchange) {
    sio_address address;
    if (!exchange->conn) {
        return false;
    }
    bool secure = sio_stream_is_tls(exchange->conn->stream);
    if (sio_stream_peer(exchange->conn->stream, &address) == 0 && is_proxied(exchange, &address)) {
        (void)sio_proxies_secure(sio_exchange_head(exchange), &secure);
    }
    return secure;
}

int sio_exchange_certificate(char **subject, bool *verified, const sio_exchange *exchange) {
    if (!exchange->conn) {
        return SIO_ERR_CLOSED;
    }
    return sio_stream_certificate(subject, verified, exchange->conn->stream);
}

bool sio_exchange_has_body(const sio_exchange *exchange) {
    return exchange->has_body;
}

sio_buf *sio_exchange_headers(sio_exchange *exchange) {
    return &exchange->headers;
}

sio_buf *sio_exchange_late_headers(sio_exchange *exchange) {
    return &exchange->late_headers;
}

void sio_exchange_claim(sio_exchange *exchange, const sio_exchange_callbacks *callbacks,
                        void *ctx) {
    exchange->claimed = true;
    exchange->callbacks = callbacks;
    exchange->ctx = ctx;
}

/* ---- answering ---- */

typedef struct answer {
    int status;
    const char *content_type;
    const sio_buf *headers;
    const sio_buf *late_headers;
    const char *extra;
    uint64_t length; /* of the body, which need not follow */
    sio_bytes body;
    bool close;
    bool old;
    bool pieces; /* the length is not known */
} answer;

static int write_fields(sio_buf *out, const answer *a) {
    int rc = a->headers ? sio_buf_add(out, a->headers->data, a->headers->len) : 0;
    if (rc == 0 && a->content_type) {
        sio_str type = {a->content_type, strlen(a->content_type)};
        rc = sio_http1_write_header(out, SIO_STR("Content-Type"), type);
    }
    /* RFC 9110 §8.6: not in 204; and a 304 would have to repeat that of the 200. */
    if (rc == 0 && a->pieces) {
        rc = a->old ? 0 : sio_buf_add_text(out, "Transfer-Encoding: chunked\r\n");
    } else if (rc == 0 && a->status >= 200 && a->status != 204 && a->status != 304) {
        rc = sio_http1_write_header_u64(out, SIO_STR("Content-Length"), a->length);
    }
    if (rc == 0 && a->extra) {
        rc = sio_buf_add_text(out, a->extra);
    }
    if (rc == 0 && a->late_headers) {
        rc = sio_buf_add(out, a->late_headers->data, a->late_headers->len);
    }
    if (rc == 0 && a->close) {
        rc = sio_buf_add_text(out, "Connection: close\r\n");
    } else if (rc == 0 && a->old) {
        rc = sio_buf_add_text(out, "Connection: keep-alive\r\n");
    }
    return rc;
}

static int write_answer(sio_front_conn *conn, const answer *a) {
    sio_buf *out = &conn->front->head;
    sio_count_status(conn->front->counters, a->status);
    out->len = 0;
    int rc = sio_http1_write_status(out, a->status, NULL);
    if (rc == 0) {
        rc = write_fields(out, a);
    }
    if (rc == 0) {
        rc = sio_http1_write_end(out);
    }
    if (rc == 0) {
        rc = sio_stream_write(conn->stream, out->data, out->len);
    }
    if (rc == 0 && a->body.len > 0) {
        rc = sio_stream_write(conn->stream, a->body.ptr, a->body.len);
    }
    return rc;
}

/* A client that waits for "100 Continue" sends its body or, seeing the answer, does not: what would
 * follow on the connection cannot be known. */
static bool must_close(const sio_exchange *exchange) {
    return !exchange->keep_alive || exchange->expects_continue ||
           sio_front_ends(exchange->conn->front);
}

static sio_front_conn *detach(sio_exchange *exchange) {
    sio_front_conn *conn = exchange->conn;
    conn->exchange = NULL;
    sio_exchange_free(exchange, conn->front->mem);
    return conn;
}

/* @return the connection, free for the next request; NULL when it is gone */
static sio_front_conn *give_answer(sio_exchange *exchange, answer a) {
    sio_front_conn *conn = exchange->conn;
    if (!conn) {
        return NULL;
    }
    a.close = a.close || must_close(exchange);
    a.old = exchange->old;
    a.headers = &exchange->headers;
    a.late_headers = &exchange->late_headers;
    if (exchange->head_only || a.status == 204 || a.status == 304) {
        a.body = EMPTY;
    }
    int rc = write_answer(conn, &a);
    detach(exchange);
    if (rc != 0) {
        sio_front_conn_cut(conn); /* perhaps half of it is queued */
        return NULL;
    }
    conn->closing = conn->closing || a.close;
    return conn;
}

static void answer_and_go_on(sio_exchange *exchange, const answer *a) {
    sio_front_conn *conn = give_answer(exchange, *a);
    if (conn) {
        sio_front_conn_answered(conn);
    }
}

void sio_exchange_answer(sio_exchange *exchange, int status, const char *content_type,
                         sio_bytes body, const char *extra) {
    answer_and_go_on(exchange, &(answer){.status = status,
                                         .content_type = content_type,
                                         .extra = extra,
                                         .length = body.len,
                                         .body = body});
}

void sio_exchange_answer_and_close(sio_exchange *exchange, int status, const char *content_type,
                                   sio_bytes body, const char *extra) {
    answer_and_go_on(exchange, &(answer){.status = status,
                                         .content_type = content_type,
                                         .extra = extra,
                                         .length = body.len,
                                         .body = body,
                                         .close = true});
}

#define TEXT_TYPE "text/plain; charset=utf-8"

void sio_exchange_answer_status(sio_exchange *exchange, int status, const char *extra) {
    const char *text = sio_http1_reason(status);
    sio_bytes body = {(const uint8_t *)text, strlen(text)};
    sio_exchange_answer(exchange, status, TEXT_TYPE, body, extra);
}

void sio_exchange_answer_file(sio_exchange *exchange, int status, const char *content_type, int fd,
                              uint64_t size, const char *extra) {
    bool send = exchange->conn && !exchange->head_only && size > 0;
    answer a = {.status = status, .content_type = content_type, .extra = extra, .length = size};
    sio_front_conn *conn = give_answer(exchange, a);
    if (conn && send) {
        sio_front_conn_send_file(conn, fd, size);
    } else {
        close(fd);
    }
    if (conn && conn->stream) {
        sio_front_conn_answered(conn);
    }
}

void sio_front_conn_answer_error(sio_front_conn *conn, int err) {
    int status = err == SIO_ERR_TIMEOUT ? 408 : sio_error_http_status(err);
    const char *text = sio_error_text(err);
    answer a = {.status = status, .close = true};
    /* Engine.IO clients expect a 413 without a body. */
    if (status != 413) {
        a.content_type = TEXT_TYPE;
        a.body = (sio_bytes){(const uint8_t *)text, strlen(text)};
        a.length = a.body.len;
    }
    if (conn->exchange) {
        a.headers = &conn->exchange->headers;
        a.body.len = conn->exchange->head_only ? 0 : a.body.len;
    }
    conn->closing = true;
    if (write_answer(conn, &a) != 0) {
        sio_front_conn_lost(conn, err);
        return;
    }
    sio_exchange *exchange = conn->exchange;
    conn->exchange = NULL;
    sio_exchange_abort(exchange, conn->front->mem, err);
}

/* ---- answering piece by piece ---- */

int sio_exchange_start(sio_exchange *exchange, int status, const char *content_type,
                       const char *extra) {
    sio_front_conn *conn = exchange->conn;
    if (!conn) {
        return SIO_ERR_CLOSED;
    }
    answer a = {.status = status,
                .content_type = content_type,
                .extra = extra,
                .headers = &exchange->headers,
                .close = must_close(exchange) || exchange->old,
                .old = exchange->old,
                .pieces = true};
    int rc = write_answer(conn, &a);
    if (rc != 0) {
        sio_exchange_destroy(exchange);
        return rc;
    }
    exchange->streaming = true;
    exchange->keep_alive = !a.close;
    sio_front_conn_wrote(conn);
    return 0;
}

/* RFC 9112 §7.1: the length in hexadecimal digits. */
static int write_chunk(sio_stream *stream, sio_bytes piece) {
    static const char digits[] = "0123456789abcdef";
    char head[2 * sizeof(size_t) + 2];
    char *at = head + sizeof(head);
    *--at = '\n';
    *--at = '\r';
    for (size_t left = piece.len; left > 0; left >>= 4) {
        *--at = digits[left & 15];
    }
    int rc = sio_stream_write(stream, at, (size_t)(head + sizeof(head) - at));
    if (rc == 0) {
        rc = sio_stream_write(stream, piece.ptr, piece.len);
    }
    return rc != 0 ? rc : sio_stream_write(stream, "\r\n", 2);
}

int sio_exchange_write(sio_exchange *exchange, sio_bytes piece) {
    sio_front_conn *conn = exchange->conn;
    if (!conn) {
        return SIO_ERR_CLOSED;
    }
    if (piece.len == 0 || exchange->head_only) {
        return 0; /* an empty chunk would be the end */
    }
    int rc = exchange->old ? sio_stream_write(conn->stream, piece.ptr, piece.len)
                           : write_chunk(conn->stream, piece);
    if (rc != 0) {
        sio_exchange_destroy(exchange); /* perhaps half of it is queued */
        return rc;
    }
    sio_front_conn_wrote(conn);
    return 0;
}

void sio_exchange_end(sio_exchange *exchange) {
    sio_front_conn *conn = exchange->conn;
    if (!conn) {
        return;
    }
    bool last = !exchange->old && !exchange->head_only;
    bool close = !exchange->keep_alive || sio_front_ends(conn->front);
    if (last && sio_stream_write(conn->stream, "0\r\n\r\n", 5) != 0) {
        sio_exchange_destroy(exchange);
        return;
    }
    detach(exchange);
    conn->closing = conn->closing || close;
    sio_front_conn_answered(conn);
}

size_t sio_exchange_queued(const sio_exchange *exchange) {
    return exchange->conn ? sio_stream_queued(exchange->conn->stream) : 0;
}

/* ---- other ends ---- */

void sio_exchange_destroy(sio_exchange *exchange) {
    if (exchange->conn) {
        sio_front_conn_cut(detach(exchange));
    }
}

int sio_exchange_give_fd(sio_exchange *exchange, int *fd) {
    if (exchange->has_body || !sio_exchange_head(exchange)->upgrade) {
        return SIO_ERR_STATE;
    }
    int rc = sio_front_conn_give_fd(exchange->conn, fd);
    if (rc == 0) {
        detach(exchange);
    }
    return rc;
}

sio_bytes sio_exchange_rest(const sio_exchange *exchange) {
    return sio_http1_rest(exchange->conn->parser);
}

static int write_upgrade(sio_exchange *exchange, sio_bytes head) {
    sio_buf *out = &exchange->conn->front->head;
    SIO_COUNT(exchange->conn->front->counters->http_1xx);
    out->len = 0;
    int rc = sio_http1_write_status(out, 101, NULL);
    if (rc == 0) {
        rc = sio_buf_add(out, exchange->headers.data, exchange->headers.len);
    }
    if (rc == 0) {
        rc = sio_buf_add(out, head.ptr, head.len);
    }
    if (rc == 0) {
        const sio_buf *late = &exchange->late_headers;
        rc = sio_buf_add(out, late->data, late->len);
    }
    if (rc == 0) {
        rc = sio_http1_write_end(out);
    }
    return rc != 0 ? rc : sio_stream_write(exchange->conn->stream, out->data, out->len);
}

int sio_exchange_upgrade(sio_exchange *exchange, sio_bytes head, sio_stream **stream,
                         uint8_t **rest, size_t *rest_len) {
    sio_front_conn *conn = exchange->conn;
    if (!conn) {
        return SIO_ERR_STATE;
    }
    int rc = exchange->has_body ? SIO_ERR_STATE : write_upgrade(exchange, head);
    detach(exchange);
    if (rc != 0) {
        sio_front_conn_cut(conn);
        return rc;
    }
    sio_bytes bytes = sio_http1_rest(conn->parser);
    *stream = sio_front_conn_give(conn);
    /* They lie in what the stream has read, or in memory of the parser: both may be changed. */
    *rest = (uint8_t *)(uintptr_t)bytes.ptr;
    *rest_len = bytes.len;
    return 0;
}
