/* Requests to the engine: what they ask for, whether they may, and who answers (Engine.IO protocol,
 * request validation and error responses). */
#include "engine_session.h"

#include <net/log.h>
#include <sio/url.h>

#include <string.h>

static bool param_is(sio_str query, const char *name, const char *value) {
    sio_str raw;
    return sio_query_find(query, SIO_QUERY_FORM, (sio_str){name, strlen(name)}, &raw) &&
           sio_query_equals(raw, SIO_QUERY_FORM, (sio_str){value, strlen(value)});
}

static sio_engine_params read_params(const sio_http1_head *head) {
    sio_url_target target;
    sio_url_split_target(&target, head->target);
    sio_str query = target.query;
    sio_str raw;
    sio_engine_params params = {.revision = param_is(query, "EIO", "4") ? 4 : 3};
    params.polling = param_is(query, "transport", "polling");
    params.websocket = param_is(query, "transport", "websocket");
    params.has_sid =
        sio_query_find(query, SIO_QUERY_FORM, SIO_STR("sid"), &params.sid) && params.sid.len > 0;
    params.base64 = sio_query_find(query, SIO_QUERY_FORM, SIO_STR("b64"), &raw) && raw.len > 0;
    params.has_j = sio_query_find(query, SIO_QUERY_FORM, SIO_STR("j"), &params.j);
    return params;
}

/* ---- refusing ---- */

/* Code and text as in the reference: the codes count up from Transport unknown. */
static void refuse_plain(sio_exchange *exchange, int err) {
    char body[96];
    sio_buf text = {.data = (uint8_t *)body, .cap = sizeof(body), .max = sizeof(body)};
    (void)sio_buf_add_text(&text, "{\"code\":");
    (void)sio_buf_add_u64(&text, (uint64_t)(SIO_ERR_EIO_TRANSPORT_UNKNOWN - err));
    (void)sio_buf_add_text(&text, ",\"message\":\"");
    (void)sio_buf_add_text(&text, sio_error_text(err));
    (void)sio_buf_add_text(&text, "\"}");
    sio_exchange_answer(exchange, sio_error_http_status(err), "application/json",
                        (sio_bytes){text.data, text.len}, NULL);
}

/* `err` may also be a fault of our own, such as short memory, which is no request's: 500. */
static void refuse(sio_engine *engine, sio_exchange *exchange, int err) {
    SIO_LOG(sio_loop_log(engine->loop), SIO_LOG_DEBUG, "engine", "refused a request: %s",
            sio_error_text(err));
    if (sio_exchange_head(exchange)->upgrade) {
        const char *text = sio_error_text(err);
        int status = err > SIO_ERR_EIO_TRANSPORT_UNKNOWN ? 500 : 400;
        sio_exchange_answer_and_close(exchange, status, "text/html",
                                      (sio_bytes){(const uint8_t *)text, strlen(text)}, NULL);
    } else if (err > SIO_ERR_EIO_TRANSPORT_UNKNOWN) {
        sio_exchange_answer(exchange, 500, NULL, (sio_bytes){NULL, 0}, NULL);
    } else {
        refuse_plain(exchange, err);
    }
}

/* ---- judging ---- */

static bool is_method(const sio_http1_head *head, const char *method) {
    return head->method.len == strlen(method) &&
           memcmp(head->method.ptr, method, head->method.len) == 0;
}

static int check_transport(const sio_engine *engine, const sio_engine_params *params) {
    bool enabled = (params->polling && engine->options.polling) ||
                   (params->websocket && engine->options.websocket);
    return enabled ? 0 : SIO_ERR_EIO_TRANSPORT_UNKNOWN;
}

static int check_origin(const sio_http1_head *head) {
    sio_str origin = sio_http1_find(head, SIO_STR("Origin"));
    for (size_t i = 0; i < origin.len; i++) {
        unsigned char c = (unsigned char)origin.ptr[i];
        if ((c < ' ' && c != '\t') || c >= 0x7f) {
            return SIO_ERR_EIO_BAD_REQUEST;
        }
    }
    return 0;
}

static int check_session(const sio_engine_session *session, const sio_engine_params *params,
                         bool upgrade) {
    if (!session) {
        return SIO_ERR_EIO_SID_UNKNOWN;
    }
    bool on_polling = sio_eio_session_transport(&session->eio) == SIO_EIO_POLLING;
    if (!upgrade && on_polling != params->polling) {
        return SIO_ERR_EIO_BAD_REQUEST;
    }
    return sio_eio_session_revision(&session->eio) == params->revision ? 0
                                                                       : SIO_ERR_EIO_BAD_REQUEST;
}

static int check_handshake(const sio_engine *engine, const sio_engine_params *params,
                           const sio_http1_head *head) {
    if (!is_method(head, "GET")) {
        return SIO_ERR_EIO_BAD_METHOD;
    }
    if (params->websocket && !head->upgrade) {
        return SIO_ERR_EIO_BAD_REQUEST;
    }
    if (params->revision == 3 && !engine->options.allow_eio3) {
        return SIO_ERR_EIO_UNSUPPORTED_VERSION;
    }
    return 0;
}

/* Ids are compared as they were sent: those the engine makes need no escapes. */
static sio_engine_session *find_session(const sio_engine *engine, sio_str sid) {
    return sio_table_get(&engine->sessions, sid.ptr, sid.len);
}

/* ---- answering ---- */

static void accept_polling(sio_engine *engine, sio_exchange *exchange,
                           const sio_engine_params *params) {
    sio_engine_session *session;
    int rc = sio_engine_session_new(&session, engine, exchange, params, SIO_EIO_POLLING);
    if (rc != 0) {
        refuse(engine, exchange, rc);
        return;
    }
    sio_engine_session_ref(session);
    sio_polling_request(session, exchange);
    sio_engine_session_announce(session);
    sio_engine_session_unref(session);
}

static void accept_websocket(sio_engine *engine, sio_exchange *exchange,
                             const sio_engine_params *params) {
    sio_engine_session *session;
    sio_ws_link *link;
    int rc = sio_engine_session_new(&session, engine, exchange, params, SIO_EIO_WEBSOCKET);
    if (rc != 0) {
        refuse(engine, exchange, rc);
        return;
    }
    sio_engine_session_ref(session);
    rc = sio_ws_link_accept(&link, engine, exchange, params->base64);
    if (rc != 0) {
        sio_engine_session_close(session, true);
    } else {
        sio_ws_link_attach(link, session, false);
        sio_engine_session_pump(session);
        sio_engine_session_announce(session);
        sio_ws_link_start(link);
    }
    sio_engine_session_unref(session);
}

/* One WebSocket a session: it is refused when the session has or had one already, or when upgrades
 * are off. */
static void accept_upgrade(sio_engine *engine, sio_engine_session *session, sio_exchange *exchange,
                           const sio_engine_params *params) {
    sio_ws_link *link;
    if (sio_ws_link_accept(&link, engine, exchange, params->base64) != 0) {
        return;
    }
    if (sio_eio_session_probe_open(&session->eio, sio_loop_now(engine->loop)) != 0) {
        sio_ws_link_start(link);
        return;
    }
    sio_engine_session_ref(session);
    sio_ws_link_attach(link, session, true);
    sio_engine_session_pump(session);
    sio_ws_link_start(link);
    sio_engine_session_unref(session);
}

static void with_session(sio_engine *engine, sio_exchange *exchange,
                         const sio_engine_params *params) {
    bool upgrade = sio_exchange_head(exchange)->upgrade && params->websocket;
    sio_engine_session *session = find_session(engine, params->sid);
    int rc = check_session(session, params, upgrade);
    if (rc != 0) {
        refuse(engine, exchange, rc);
    } else if (upgrade) {
        accept_upgrade(engine, session, exchange, params);
    } else {
        sio_polling_request(session, exchange);
    }
}

static void without_session(sio_engine *engine, sio_exchange *exchange,
                            const sio_engine_params *params) {
    int rc = check_handshake(engine, params, sio_exchange_head(exchange));
    if (rc != 0) {
        refuse(engine, exchange, rc);
    } else if (engine->closing) {
        sio_exchange_answer_and_close(exchange, 503, "text/plain",
                                      (sio_bytes){(const uint8_t *)"Service Unavailable", 19},
                                      NULL);
    } else if (params->websocket) {
        accept_websocket(engine, exchange, params);
    } else {
        accept_polling(engine, exchange, params);
    }
}

void sio_engine_request(sio_engine *engine, sio_exchange *exchange) {
    const sio_http1_head *head = sio_exchange_head(exchange);
    sio_engine_params params = read_params(head);
    int rc = check_transport(engine, &params);
    if (rc == 0) {
        rc = check_origin(head);
    }
    if (rc != 0) {
        refuse(engine, exchange, rc);
    } else if (params.has_sid) {
        with_session(engine, exchange, &params);
    } else {
        without_session(engine, exchange, &params);
    }
}
