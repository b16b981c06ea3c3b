#include "transport_polling.h"

#include "http_client.h"

#include "mem.h"

#include <stdio.h>
#include <string.h>

struct sio_polling {
    const sio_mem *mem;
    sio_engine_request *request;
    char *const *sid;
    const sio_polling_callbacks *callbacks;
    void *ctx;
    sio_http_client *get;
    sio_http_client *post;
    unsigned holds;
    bool freed;
};

static void hold(sio_polling *p) {
    p->holds++;
}

static void drop(sio_polling *p) {
    if (--p->holds == 0 && p->freed) {
        sio_mem_release(p->mem, p);
    }
}

/* ---- failures ---- */

static void report(sio_polling *p, const sio_transport_end *end, const char *message) {
    sio_transport_end full = *end;
    full.message = message;
    p->callbacks->on_failed(p->ctx, &full);
}

/* The server says in a short text what it does not like. */
static void report_status(sio_polling *p, const sio_http_response *response, const char *message) {
    char detail[SIO_TRANSPORT_DETAIL];
    size_t len = response->len < sizeof(detail) - 1 ? response->len : sizeof(detail) - 1;
    if (len > 0) {
        memcpy(detail, response->body, len);
        detail[len] = '\0';
    } else {
        snprintf(detail, sizeof(detail), "status %d", response->status);
    }
    sio_transport_end end = {
        .err = SIO_ERR_HTTP_STATUS, .http_status = response->status, .detail = detail};
    report(p, &end, message);
}

static const char GET_FAILED[] = "xhr poll error";
static const char POST_FAILED[] = "xhr post error";

static void on_get_failed(void *ctx, const sio_transport_end *end) {
    report(ctx, end, GET_FAILED);
}

static void on_post_failed(void *ctx, const sio_transport_end *end) {
    report(ctx, end, POST_FAILED);
}

/* ---- responses ---- */

static sio_eio_layout layout_of(const sio_polling *p, const sio_http_response *response) {
    if (p->request->revision == 4) {
        return SIO_EIO_LAYOUT_V4;
    }
    return response->octets ? SIO_EIO_LAYOUT_V3_BINARY : SIO_EIO_LAYOUT_V3_TEXT;
}

/* @return 0, also when the transport was freed meanwhile; SIO_ERR_NOMEM */
static int hand_out(sio_polling *p, const sio_http_response *response) {
    sio_eio_reader reader;
    sio_eio_reader_init(&reader, layout_of(p, response), (sio_bytes){response->body, response->len},
                        p->mem);
    sio_eio_packet packet;
    int rc = 0;
    while (!p->freed && (rc = sio_eio_reader_next(&reader, &packet)) == 1) {
        p->callbacks->on_packet(p->ctx, &packet);
    }
    sio_eio_reader_free(&reader);
    return rc < 0 ? rc : 0;
}

/* The handshake of a server of Socket.IO 2.x begins with its length: `96:0{`. */
static bool is_old_handshake(const sio_polling *p, const sio_http_response *response) {
    static const char open[] = ":0{";
    size_t digits = 0;
    while (digits < response->len && response->body[digits] >= '0' &&
           response->body[digits] <= '9') {
        digits++;
    }
    return p->request->revision == 4 && !*p->sid && digits > 0 &&
           response->len - digits >= sizeof(open) - 1 &&
           memcmp(response->body + digits, open, sizeof(open) - 1) == 0;
}

static void on_get_response(void *ctx, const sio_http_response *response) {
    sio_polling *p = ctx;
    if (response->status != 200) {
        report_status(p, response, GET_FAILED);
        return;
    }
    if (is_old_handshake(p, response)) {
        const char *text = sio_error_text(SIO_ERR_SIO_OLD_SERVER);
        report(p, &(sio_transport_end){.err = SIO_ERR_SIO_OLD_SERVER, .detail = text}, text);
        return;
    }
    hold(p);
    int rc = hand_out(p, response);
    if (rc != 0) {
        sio_transport_end end = {.err = rc, .http_status = 200, .detail = sio_error_text(rc)};
        report(p, &end, GET_FAILED);
    } else if (!p->freed) {
        p->callbacks->on_polled(p->ctx);
    }
    drop(p);
}

static void on_post_response(void *ctx, const sio_http_response *response) {
    sio_polling *p = ctx;
    if (response->status != 200) {
        report_status(p, response, POST_FAILED);
    } else {
        p->callbacks->on_posted(p->ctx);
    }
}

static void on_head(void *ctx, const sio_http1_head *head) {
    sio_polling *p = ctx;
    sio_engine_request_take_cookies(p->request, SIO_EIO_POLLING, head);
}

static const sio_http_client_callbacks get_callbacks = {
    .on_response = on_get_response, .on_failed = on_get_failed, .on_head = on_head};
static const sio_http_client_callbacks post_callbacks = {
    .on_response = on_post_response, .on_failed = on_post_failed, .on_head = on_head};

/* ---- requests ---- */

static int begin(sio_polling *p, sio_buf *out, const char *method) {
    int rc =
        sio_engine_request_write(p->request, out, method, SIO_EIO_POLLING, *p->sid ? *p->sid : "");
    if (rc == 0 && !p->request->of[SIO_EIO_POLLING].has_accept) {
        rc = sio_http1_write_header(out, SIO_STR("Accept"), SIO_STR("*/*"));
    }
    return rc;
}

int sio_polling_get(sio_polling *polling) {
    sio_buf *out = sio_http_client_begin(polling->get);
    int rc = begin(polling, out, "GET");
    if (rc == 0) {
        rc = sio_http1_write_end(out);
    }
    return rc == 0 ? sio_http_client_send(polling->get) : rc;
}

static int add_body(sio_buf *out, const sio_buf *body, sio_eio_layout layout) {
    sio_str type = layout == SIO_EIO_LAYOUT_V3_BINARY ? SIO_STR("application/octet-stream")
                                                      : SIO_STR("text/plain;charset=UTF-8");
    int rc = sio_http1_write_header(out, SIO_STR("Content-Type"), type);
    if (rc == 0) {
        rc = sio_http1_write_header_u64(out, SIO_STR("Content-Length"), body->len);
    }
    if (rc == 0) {
        rc = sio_http1_write_end(out);
    }
    return rc == 0 ? sio_buf_add(out, body->data, body->len) : rc;
}

int sio_polling_post(sio_polling *polling, const sio_eio_item *items, size_t count) {
    sio_polling *p = polling;
    sio_buf body;
    sio_buf_init(&body, 0, p->mem);
    sio_eio_layout layout;
    int rc = sio_eio_payload_write(&body, &layout, items, count, p->request->revision, true);
    sio_buf *out = sio_http_client_begin(p->post);
    if (rc == 0) {
        rc = begin(p, out, "POST");
    }
    if (rc == 0) {
        rc = add_body(out, &body, layout);
    }
    sio_buf_free(&body);
    return rc == 0 ? sio_http_client_send(p->post) : rc;
}

bool sio_polling_posting(const sio_polling *polling) {
    return sio_http_client_busy(polling->post);
}

/* ---- life ---- */

int sio_polling_new(sio_polling **out, sio_loop *loop, sio_engine_request *request,
                    char *const *sid, uint64_t max_response, const sio_polling_callbacks *callbacks,
                    void *ctx) {
    const sio_mem *mem = sio_loop_mem(loop);
    sio_polling *p = sio_mem_zalloc(mem, sizeof(*p));
    if (!p) {
        return SIO_ERR_NOMEM;
    }
    p->mem = mem;
    p->request = request;
    p->sid = sid;
    p->callbacks = callbacks;
    p->ctx = ctx;
    sio_http_client_limits limits = {max_response, request->timeout_ms, request->heads};
    int rc = sio_http_client_new(&p->get, loop, &request->to, &limits, &get_callbacks, p);
    if (rc == 0) {
        rc = sio_http_client_new(&p->post, loop, &request->to, &limits, &post_callbacks, p);
    }
    if (rc != 0) {
        sio_polling_free(p, 0);
        return rc;
    }
    *out = p;
    return 0;
}

void sio_polling_free(sio_polling *polling, uint64_t linger_ms) {
    sio_polling *p = polling;
    if (!p) {
        return;
    }
    sio_http_client_free(p->get, 0);
    sio_http_client_free(p->post, linger_ms);
    p->get = NULL;
    p->post = NULL;
    p->freed = true;
    hold(p);
    drop(p);
}
