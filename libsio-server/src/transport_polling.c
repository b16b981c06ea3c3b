/* HTTP long-polling: a GET that is held until there is something to say, a POST that carries what
 * the client says (Engine.IO protocol, HTTP long-polling transport). */
#include "engine_session.h"

#include <net/log.h>

#include <string.h>

static const sio_bytes EMPTY = {NULL, 0};

static bool is_method(const sio_http1_head *head, const char *method) {
    return head->method.len == strlen(method) &&
           memcmp(head->method.ptr, method, head->method.len) == 0;
}

static sio_time now(const sio_engine_session *session) {
    return sio_loop_now(session->engine->loop);
}

static void refuse(const sio_engine_session *session, sio_exchange *exchange, int status,
                   const char *why) {
    SIO_LOG(sio_loop_log(session->engine->loop), SIO_LOG_INFO, "engine:polling",
            "%s: answered %d: %s", session->id, status, why);
    sio_exchange_answer(exchange, status, NULL, EMPTY, NULL);
}

/* ---- GET ---- */

static void poll_aborted(void *ctx, sio_exchange *exchange, int err) {
    sio_engine_session *session = ctx;
    session->poll = NULL;
    sio_eio_session_poll_aborted(&session->eio, now(session));
    sio_engine_session_pump(session);
}

static const sio_exchange_callbacks poll_callbacks = {.on_abort = poll_aborted};

static void on_get(sio_engine_session *session, sio_exchange *exchange) {
    int rc = sio_eio_session_poll(&session->eio, now(session));
    if (rc == 0) {
        session->poll = exchange;
        session->poll_traits =
            sio_poll_traits_read(&session->engine->answers, sio_exchange_head(exchange));
        sio_exchange_claim(exchange, &poll_callbacks, session);
    }
    sio_engine_session_pump(session);
    if (rc != 0) {
        refuse(session, exchange, 400, sio_error_text(rc));
    }
}

static int write_body(sio_engine_session *session, const sio_eio_output *out,
                      const char **content_type) {
    sio_engine *engine = session->engine;
    sio_eio_layout layout = SIO_EIO_LAYOUT_V4;
    int revision = sio_eio_session_revision(&session->eio);
    engine->body.len = 0;
    int rc = sio_eio_payload_write(&engine->body, &layout, out->items, out->count, revision,
                                   session->base64);
    *content_type = layout == SIO_EIO_LAYOUT_V3_BINARY ? "application/octet-stream"
                                                       : "text/plain; charset=UTF-8";
    if (rc == 0 && session->jsonp) {
        size_t plain = engine->body.len;
        const char *j = sio_engine_session_jsonp(session);
        sio_str index = {j, strlen(j)};
        sio_buf wrapped;
        sio_buf_init(&wrapped, 0, engine->mem);
        rc = sio_eio_jsonp_write(&wrapped, index, (sio_bytes){engine->body.data, plain});
        sio_buf_free(&engine->body);
        engine->body = wrapped;
    }
    return rc;
}

/* The handshake's answer, and no other, brings the cookie. */
static int write_cookie(sio_engine_session *session, sio_exchange *exchange) {
    if (session->cookie_written) {
        return 0;
    }
    session->cookie_written = true;
    sio_str id = {session->id, session->id_len};
    return sio_poll_answers_cookie(&session->engine->answers, sio_exchange_headers(exchange), id);
}

void sio_polling_answer(sio_engine_session *session, const sio_eio_output *out) {
    const char *content_type;
    bool compress = out->compress;
    size_t count = out->count;
    int rc = write_body(session, out, &content_type);
    sio_eio_session_consume(&session->eio, out, now(session));
    sio_exchange *exchange = session->poll;
    session->poll = NULL;
    if (!exchange) {
        return;
    }
    sio_exchange_claim(exchange, NULL, NULL);
    if (rc == 0) {
        rc = write_cookie(session, exchange);
    }
    if (rc != 0) {
        sio_exchange_destroy(exchange);
        sio_engine_session_fail(session, rc);
        return;
    }
    /* The hooks may have another session answer, which uses the engine's buffer. */
    sio_engine *engine = session->engine;
    sio_buf buf = engine->body;
    sio_buf_init(&engine->body, 0, engine->mem);
    sio_engine_session_headers(session, exchange);
    sio_bytes body = {buf.data, buf.len};
    SIO_FIGURE_ADD(engine->counters->packets_out_polling, count);
    SIO_FIGURE_ADD(engine->counters->bytes_out_polling, buf.len);
    if (compress) {
        sio_poll_answers_compress(&engine->answers, sio_exchange_headers(exchange), &body,
                                  session->poll_traits);
    }
    sio_exchange_answer(exchange, 200, content_type, body,
                        sio_poll_answers_lines(session->poll_traits));
    sio_buf_free(&engine->body);
    engine->body = buf;
    sio_engine_session_sent(session);
}

/* ---- POST ---- */

/* Pull after each packet: what one does decides about the next. */
static void feed(sio_engine_session *session, sio_bytes body, sio_eio_layout layout) {
    sio_eio_reader reader;
    sio_eio_packet packet;
    sio_eio_reader_init(&reader, layout, body, session->engine->mem);
    int rc;
    while (!session->ended && (rc = sio_eio_reader_next(&reader, &packet)) != 0) {
        if (rc < 0) {
            SIO_COUNT(session->engine->counters->decode_errors);
            sio_engine_session_fail(session, rc);
            break;
        }
        SIO_COUNT(session->engine->counters->packets_in_polling);
        sio_engine_session_receive(session, &packet, !reader.done && reader.rest.len > 0);
    }
    sio_eio_reader_free(&reader);
}

static void feed_jsonp(sio_engine_session *session, sio_bytes body, sio_eio_layout layout) {
    sio_buf payload;
    sio_buf_init(&payload, 0, session->engine->mem);
    int rc = sio_eio_jsonp_read(&payload, body);
    if (rc == 0) {
        feed(session, (sio_bytes){payload.data, payload.len}, layout);
    } else if (rc != SIO_ERR_NOT_FOUND) {
        sio_engine_session_fail(session, rc);
    }
    sio_buf_free(&payload);
}

static bool is_octet_stream(const sio_exchange *exchange) {
    sio_str type = sio_http1_find(sio_exchange_head(exchange), SIO_STR("Content-Type"));
    sio_str wanted = SIO_STR("application/octet-stream");
    return type.len == wanted.len && memcmp(type.ptr, wanted.ptr, type.len) == 0;
}

static void post_body(void *ctx, sio_exchange *exchange, sio_bytes body) {
    sio_engine_session *session = ctx;
    bool octets = is_octet_stream(exchange);
    SIO_FIGURE_ADD(session->engine->counters->bytes_in_polling, body.len);
    bool old = sio_eio_session_revision(&session->eio) == 3;
    sio_engine_session_ref(session);
    session->post = NULL;
    sio_exchange_claim(exchange, NULL, NULL);
    sio_eio_session_post_complete(&session->eio);
    if (body.len > session->engine->settings.max_payload) {
        refuse(session, exchange, 413, "the body is too large");
        sio_engine_session_unref(session);
        return;
    }
    if (octets && !old) {
        sio_eio_session_transport_closed(&session->eio, SIO_ERR_EIO_CONTENT, now(session));
    } else if (session->jsonp) {
        feed_jsonp(session, body, old ? SIO_EIO_LAYOUT_V3_TEXT : SIO_EIO_LAYOUT_V4);
    } else {
        feed(session, body,
             octets ? SIO_EIO_LAYOUT_V3_BINARY
                    : (old ? SIO_EIO_LAYOUT_V3_TEXT : SIO_EIO_LAYOUT_V4));
    }
    sio_engine_session_pump(session);
    if (octets && !old) {
        refuse(session, exchange, 400, sio_error_text(SIO_ERR_EIO_CONTENT));
    } else {
        sio_poll_traits traits =
            sio_poll_traits_read(&session->engine->answers, sio_exchange_head(exchange));
        sio_engine_session_headers(session, exchange);
        sio_exchange_answer(exchange, 200, "text/html", (sio_bytes){(const uint8_t *)"ok", 2},
                            sio_poll_answers_lines(traits));
    }
    sio_engine_session_unref(session);
}

/* A body that is too large was answered with 413 by the front; the session goes on. */
static void post_aborted(void *ctx, sio_exchange *exchange, int err) {
    sio_engine_session *session = ctx;
    session->post = NULL;
    if (err == SIO_ERR_HTTP_BODY_TOO_LARGE) {
        sio_eio_session_post_complete(&session->eio);
    } else {
        sio_eio_session_post_aborted(&session->eio, now(session));
    }
    sio_engine_session_pump(session);
}

static const sio_exchange_callbacks post_callbacks = {.on_body = post_body,
                                                      .on_abort = post_aborted};

static void on_post(sio_engine_session *session, sio_exchange *exchange, const sio_bytes *body) {
    /* The front's own limit may be higher, when several engines share it. */
    if (sio_exchange_head(exchange)->length > session->engine->settings.max_payload) {
        refuse(session, exchange, 413, "the body is too large");
        return;
    }
    int rc = sio_eio_session_post(&session->eio, now(session));
    if (rc != 0) {
        sio_engine_session_pump(session);
        refuse(session, exchange, 400, sio_error_text(rc));
        return;
    }
    session->post = exchange;
    sio_exchange_claim(exchange, &post_callbacks, session);
    if (body || !sio_exchange_has_body(exchange)) {
        post_body(session, exchange, body ? *body : EMPTY);
    }
}

/* ---- both ---- */

void sio_polling_request(sio_engine_session *session, sio_exchange *exchange,
                         const sio_bytes *body) {
    const sio_http1_head *head = sio_exchange_head(exchange);
    sio_engine_session_ref(session);
    if (is_method(head, "GET")) {
        on_get(session, exchange);
    } else if (is_method(head, "POST")) {
        on_post(session, exchange, body);
    } else {
        refuse(session, exchange, 500, "the method is neither GET nor POST");
    }
    sio_engine_session_unref(session);
}

void sio_polling_drop_post(sio_engine_session *session) {
    sio_exchange *exchange = session->post;
    session->post = NULL;
    if (exchange) {
        sio_exchange_claim(exchange, NULL, NULL);
        sio_exchange_destroy(exchange);
    }
}

void sio_polling_end(sio_engine_session *session) {
    sio_polling_drop_post(session);
    sio_exchange *exchange = session->poll;
    session->poll = NULL;
    if (exchange) {
        sio_exchange_claim(exchange, NULL, NULL);
        sio_exchange_answer(exchange, 400, NULL, EMPTY, NULL);
    }
}
