/* The bytes of a connection, fed in one piece. Fed byte by byte they have to give the same. */
#include "codecs.h"

#include <sio/http1.h>

#include <string.h>

static void add_head(sio_buf *out, const sio_http1_head *head) {
    codec_text(out, 'm', head->method);
    codec_text(out, 't', head->target);
    codec_text(out, 'o', head->host);
    codec_u64(out, '1', (uint64_t)head->minor);
    for (size_t i = 0; i < head->header_count; i++) {
        codec_text(out, 'h', head->headers[i].name);
        codec_text(out, 'v', head->headers[i].value);
    }
    codec_u64(out, 'k', head->keep_alive ? 1 : 0);
    codec_u64(out, 'u', head->upgrade ? 1 : 0);
    codec_u64(out, 'x', head->expect_continue ? 1 : 0);
    codec_u64(out, 'c', head->chunked ? 1 : 0);
    if (head->has_length) {
        codec_u64(out, 'l', head->length);
    }
}

/* Pull what there is. Returns 1 when no other request can follow: the connection has gone over to
 * another use, or is to be closed (z). */
static int pull(sio_http1_parser *parser, sio_buf *out, sio_buf *body, bool *keep_alive) {
    sio_http1_event event;
    int rc;
    while ((rc = sio_http1_next(parser, &event)) == 1) {
        if (event.type == SIO_HTTP1_HEAD) {
            add_head(out, event.head);
            body->len = 0;
            *keep_alive = event.head->keep_alive;
            if (event.head->upgrade) {
                return 1;
            }
        } else if (event.type == SIO_HTTP1_BODY) {
            CODEC_NEED(sio_buf_add(body, event.body.ptr, event.body.len) == 0);
        } else {
            codec_field(out, 'b', body->data, body->len);
            if (!*keep_alive) {
                codec_field(out, 'z', NULL, 0);
                return 1;
            }
        }
    }
    return rc;
}

static void parse(sio_bytes in, sio_buf *out, size_t piece) {
    sio_http1_limits limits = SIO_HTTP1_LIMITS_INIT;
    sio_http1_parser *parser;
    sio_buf body = {0};
    bool keep_alive = true;
    int rc = 0;
    CODEC_NEED(sio_http1_parser_new(&parser, SIO_HTTP1_REQUESTS, &limits, NULL) == 0);
    while (rc == 0 && in.len > 0) {
        sio_bytes front = codec_take(&in, in.len < piece ? in.len : piece);
        rc = sio_http1_feed(parser, front.ptr, front.len);
        if (rc == 0) {
            rc = pull(parser, out, &body, &keep_alive);
        }
    }
    if (rc == 0) {
        rc = sio_http1_eof(parser);
    }
    if (rc != 1) {
        codec_error(out, 'e', rc);
    }
    sio_http1_parser_free(parser);
    sio_buf_free(&body);
}

void codec_http1(sio_bytes in, sio_buf *out) {
    sio_buf bytewise = {0};
    parse(in, out, in.len > 0 ? in.len : 1);
    parse(in, &bytewise, 1);
    CODEC_NEED(bytewise.len == out->len &&
               (out->len == 0 || memcmp(bytewise.data, out->data, out->len) == 0));
    sio_buf_free(&bytewise);
}
