/* Requests to the engine: what they ask for, whether they may, and who answers (Engine.IO protocol,
 * request validation and error responses). */
#include "engine_request.h"

#include "shared.h"

#include <net/log.h>
#include <sio/json.h>
#include <sio/url.h>

#include <string.h>
#include <strings.h>

static bool is(sio_str raw, sio_str text) {
    return sio_query_equals(raw, SIO_QUERY_FORM, text);
}

/* Of what comes more than once the last counts, as everywhere. */
static void read_param(sio_engine_params *params, sio_str name, sio_str value) {
    if (is(name, SIO_STR("EIO"))) {
        params->revision = is(value, SIO_STR("4")) ? 4 : 3;
    } else if (is(name, SIO_STR("transport"))) {
        params->transport = value;
    } else if (is(name, SIO_STR("sid"))) {
        params->sid = value;
    } else if (is(name, SIO_STR("b64"))) {
        params->base64 = value.len > 0;
    } else if (is(name, SIO_STR("j"))) {
        params->j = value;
        params->has_j = true;
    }
}

static sio_engine_params read_params(const sio_http1_head *head) {
    sio_engine_params params = {.revision = 3};
    sio_url_target target;
    sio_str name;
    sio_str value;
    sio_url_split_target(&target, head->target);
    while (sio_query_next(&target.query, &name, &value)) {
        read_param(&params, name, value);
    }
    params.polling = is(params.transport, SIO_STR("polling"));
    params.websocket = is(params.transport, SIO_STR("websocket"));
    params.has_sid = params.sid.len > 0;
    return params;
}

/* ---- refusing ---- */

const char *sio_engine_cause_name(sio_engine_cause cause) {
    switch (cause) {
    case SIO_ENGINE_MIDDLEWARE_FAILURE:
        return "MIDDLEWARE_FAILURE";
    case SIO_ENGINE_INVALID_ORIGIN:
        return "INVALID_ORIGIN";
    case SIO_ENGINE_TRANSPORT_MISMATCH:
        return "TRANSPORT_MISMATCH";
    case SIO_ENGINE_PROTOCOL_MISMATCH:
        return "PROTOCOL_MISMATCH";
    case SIO_ENGINE_HANDSHAKE_ERROR:
        return "TRANSPORT_HANDSHAKE_ERROR";
    case SIO_ENGINE_ID_GENERATION_ERROR:
        return "ID_GENERATION_ERROR";
    default:
        return "";
    }
}

static int error_of(sio_engine_cause cause) {
    switch (cause) {
    case SIO_ENGINE_UNKNOWN_TRANSPORT:
        return SIO_ERR_EIO_TRANSPORT_UNKNOWN;
    case SIO_ENGINE_UNKNOWN_SID:
        return SIO_ERR_EIO_SID_UNKNOWN;
    case SIO_ENGINE_BAD_METHOD:
        return SIO_ERR_EIO_BAD_METHOD;
    case SIO_ENGINE_FORBIDDEN:
        return SIO_ERR_EIO_FORBIDDEN;
    case SIO_ENGINE_UNSUPPORTED_PROTOCOL:
        return SIO_ERR_EIO_UNSUPPORTED_VERSION;
    default:
        return SIO_ERR_EIO_BAD_REQUEST;
    }
}

static void answer_json(sio_engine *engine, sio_exchange *exchange, int err, sio_str message) {
    sio_buf text;
    sio_buf_init(&text, 0, engine->mem);
    int rc = sio_buf_add_text(&text, "{\"code\":");
    if (rc == 0) {
        rc = sio_buf_add_u64(&text, (uint64_t)(SIO_ERR_EIO_TRANSPORT_UNKNOWN - err));
    }
    if (rc == 0) {
        rc = sio_buf_add_text(&text, ",\"message\":");
    }
    if (rc == 0) {
        rc = sio_json_add_string(&text, message.ptr, message.len);
    }
    if (rc == 0) {
        rc = sio_buf_add_text(&text, "}");
    }
    if (rc == 0) {
        sio_exchange_answer(exchange, sio_error_http_status(err), "application/json",
                            (sio_bytes){text.data, text.len}, NULL);
    } else {
        sio_exchange_destroy(exchange);
    }
    sio_buf_free(&text);
}

static void answer_upgrade(sio_exchange *exchange, int status, sio_str message) {
    sio_exchange_answer_and_close(exchange, status, "text/html",
                                  (sio_bytes){(const uint8_t *)message.ptr, message.len}, NULL);
}

/* A fault of our own, such as short memory, which is no request's. */
static void answer_500(sio_engine *engine, sio_exchange *exchange, int err) {
    SIO_COUNT(engine->counters->refused_internal);
    const char *text = sio_error_text(err);
    SIO_LOG(sio_loop_log(engine->loop), SIO_LOG_WARN, "engine", "a handshake failed: %s", text);
    if (sio_exchange_head(exchange)->upgrade) {
        answer_upgrade(exchange, 500, (sio_str){text, strlen(text)});
    } else {
        sio_exchange_answer(exchange, 500, NULL, (sio_bytes){NULL, 0}, NULL);
    }
}

/* Codes and texts as in the reference: the codes count up from Transport unknown. */
static void refuse(sio_engine *engine, sio_exchange *exchange, sio_engine_refusal *refusal) {
    int err = error_of(refusal->cause);
    sio_count_refusal(engine->counters, err);
    const sio_http1_head *head = sio_exchange_head(exchange);
    refusal->size = sizeof(*refusal);
    refusal->code = SIO_ERR_EIO_TRANSPORT_UNKNOWN - err;
    refusal->message = sio_error_text(err);
    refusal->request = head;
    refusal->remote = sio_exchange_remote(exchange);
    SIO_LOG(sio_loop_log(engine->loop), SIO_LOG_DEBUG, "engine", "refused a request: %s %s",
            refusal->message, sio_engine_cause_name(refusal->cause));
    bool own_text = refusal->cause == SIO_ENGINE_FORBIDDEN && refusal->context.len > 0;
    sio_str text =
        own_text ? refusal->context : (sio_str){refusal->message, strlen(refusal->message)};
    SIO_ENGINE_TELL(engine, on_connection_error, refusal);
    if (head->upgrade) {
        answer_upgrade(exchange, 400, text);
    } else {
        answer_json(engine, exchange, err, text);
    }
}

void sio_engine_refuse(sio_engine *engine, sio_exchange *exchange, sio_engine_cause cause,
                       const char *text) {
    sio_engine_refusal refusal = {.cause = cause};
    if (text) {
        refusal.context = (sio_str){text, strlen(text)};
    }
    refuse(engine, exchange, &refusal);
}

/* ---- judging ---- */

static bool is_method(const sio_http1_head *head, const char *method) {
    return head->method.len == strlen(method) &&
           memcmp(head->method.ptr, method, head->method.len) == 0;
}

static bool wants_websocket(const sio_http1_head *head) {
    sio_str upgrade = sio_http1_find(head, SIO_STR("Upgrade"));
    return head->upgrade && upgrade.len == 9 && strncasecmp(upgrade.ptr, "websocket", 9) == 0;
}

/* Each check is given a refusal to fill in, and says whether it did. */

static bool check_transport(const sio_engine *engine, const sio_engine_params *params,
                            sio_engine_refusal *refusal) {
    bool enabled = (params->polling && engine->settings.polling) ||
                   (params->websocket && engine->settings.websocket);
    refusal->cause = SIO_ENGINE_UNKNOWN_TRANSPORT;
    refusal->context = params->transport;
    return !enabled;
}

static bool check_origin(const sio_http1_head *head, sio_engine_refusal *refusal) {
    sio_str origin = sio_http1_find(head, SIO_STR("Origin"));
    refusal->cause = SIO_ENGINE_INVALID_ORIGIN;
    refusal->context = origin;
    for (size_t i = 0; i < origin.len; i++) {
        unsigned char c = (unsigned char)origin.ptr[i];
        if ((c < ' ' && c != '\t') || c >= 0x7f) {
            return true;
        }
    }
    return false;
}

/* A polling request cannot become a WebSocket; the reference accepts it and closes at once. */
static bool check_upgrade(const sio_engine *engine, const sio_engine_params *params,
                          const sio_http1_head *head, sio_engine_refusal *refusal) {
    refusal->cause = SIO_ENGINE_HANDSHAKE_ERROR;
    refusal->context = (sio_str){NULL, 0};
    bool body = head->chunked || head->length > 0;
    if (!engine->settings.websocket || !wants_websocket(head)) {
        return false;
    }
    return params->polling || body;
}

static bool check_session(const sio_engine_session *session, const sio_engine_params *params,
                          bool upgrade, sio_engine_refusal *refusal) {
    if (!session) {
        refusal->cause = SIO_ENGINE_UNKNOWN_SID;
        refusal->context = params->sid;
        return true;
    }
    sio_eio_transport transport = sio_eio_session_transport(&session->eio);
    if (!upgrade && (transport == SIO_EIO_POLLING) != params->polling) {
        const char *name = sio_eio_transport_name(transport);
        refusal->cause = SIO_ENGINE_TRANSPORT_MISMATCH;
        refusal->context = params->transport;
        refusal->previous = (sio_str){name, strlen(name)};
        return true;
    }
    refusal->cause = SIO_ENGINE_PROTOCOL_MISMATCH;
    refusal->context = (sio_str){NULL, 0};
    refusal->protocol = params->revision;
    refusal->previous_protocol = sio_eio_session_revision(&session->eio);
    return refusal->protocol != refusal->previous_protocol;
}

static bool check_handshake(const sio_engine_params *params, const sio_http1_head *head,
                            sio_engine_refusal *refusal) {
    if (!is_method(head, "GET")) {
        refusal->cause = SIO_ENGINE_BAD_METHOD;
        refusal->context = head->method;
        return true;
    }
    refusal->cause = SIO_ENGINE_HANDSHAKE_ERROR;
    refusal->context = (sio_str){NULL, 0};
    return params->websocket && !head->upgrade;
}

/* Ids are compared as they were sent: those the engine makes or takes need no escapes. */
static sio_engine_session *find_session(const sio_engine *engine, sio_str sid) {
    return sio_table_get(&engine->sessions, sid.ptr, sid.len);
}

/* ---- answering ---- */

static void accept_polling(sio_engine *engine, sio_exchange *exchange,
                           const sio_engine_params *params, const char *id) {
    sio_engine_session *session;
    int rc = sio_engine_session_new(&session, engine, exchange, params, id, SIO_EIO_POLLING);
    if (rc != 0) {
        answer_500(engine, exchange, rc);
        return;
    }
    SIO_COUNT(engine->counters->handshakes_polling);
    session->counted = true;
    sio_engine_session_ref(session);
    sio_polling_request(session, exchange, NULL);
    sio_engine_session_announce(session);
    sio_engine_session_unref(session);
}

static void accept_websocket(sio_engine *engine, sio_exchange *exchange,
                             const sio_engine_params *params, const char *id) {
    sio_engine_session *session;
    sio_ws_link *link;
    sio_ws_rest rest;
    int rc = sio_engine_session_new(&session, engine, exchange, params, id, SIO_EIO_WEBSOCKET);
    if (rc != 0) {
        answer_500(engine, exchange, rc);
        return;
    }
    sio_engine_session_ref(session);
    rc = sio_ws_link_accept(&link, &rest, session, exchange, params->base64);
    if (rc != 0) {
        sio_engine_session_close(session, true);
    } else {
        SIO_COUNT(engine->counters->handshakes_websocket);
        session->counted = true;
        sio_ws_link_attach(link, session, false);
        sio_engine_session_pump(session);
        sio_engine_session_announce(session);
        sio_ws_link_start(link, rest);
    }
    sio_engine_session_unref(session);
}

/* One WebSocket a session: it is refused when the session has or had one already, or when upgrades
 * are off. */
static void accept_upgrade(sio_engine_session *session, sio_exchange *exchange,
                           const sio_engine_params *params) {
    sio_ws_link *link;
    sio_ws_rest rest;
    sio_engine_session_ref(session);
    if (sio_ws_link_accept(&link, &rest, session, exchange, params->base64) == 0) {
        sio_time now = sio_loop_now(session->engine->loop);
        if (sio_eio_session_probe_open(&session->eio, now) == 0) {
            SIO_COUNT(session->engine->counters->upgrades_started);
            sio_ws_link_attach(link, session, true);
            sio_engine_session_pump(session);
        }
        sio_ws_link_start(link, rest);
    }
    sio_engine_session_unref(session);
}

/* The session of that id, unless its time is over though its timer has not run yet. */
static sio_engine_session *live_session(const sio_engine *engine, sio_str sid) {
    sio_engine_session *session = find_session(engine, sid);
    sio_time now = sio_loop_now(engine->loop);
    if (session && sio_eio_session_deadline(&session->eio) <= now) {
        sio_eio_session_elapsed(&session->eio, now);
        sio_engine_session_pump(session);
        session = find_session(engine, sid);
    }
    return session;
}

static void with_session(sio_engine *engine, sio_exchange *exchange,
                         const sio_engine_params *params, const sio_bytes *body) {
    bool upgrade = sio_exchange_head(exchange)->upgrade && params->websocket;
    sio_engine_session *session = live_session(engine, params->sid);
    sio_engine_refusal refusal = {0};
    if (check_session(session, params, upgrade, &refusal)) {
        refuse(engine, exchange, &refusal);
    } else if (upgrade) {
        accept_upgrade(session, exchange, params);
    } else {
        sio_polling_request(session, exchange, body);
    }
}

static void refuse_closing(sio_engine *engine, sio_exchange *exchange) {
    SIO_COUNT(engine->counters->refused_closing);
    SIO_LOG(sio_loop_log(engine->loop), SIO_LOG_DEBUG, "engine",
            "refused a handshake: the server is closing");
    answer_upgrade(exchange, 503, SIO_STR("Service Unavailable"));
}

/* Whoever opens sessions and says nothing uses memory of ours. While this handshake is looked at it
 * counts as one in progress, so that members which look at the same time do not pass the limit.
 * @return whether there are too many */
static bool begin_handshake(sio_engine *engine) {
    sio_engine_budget *budget = engine->budget;
    if (budget->max_pending > 0 && budget->shared) {
        return sio_shared_begin_handshake(budget->shared, budget);
    }
    bool free = budget->max_pending == 0 || budget->pending < budget->max_pending;
    SIO_FIGURE_ADD(budget->pending, free);
    return free;
}

static void end_handshake(sio_engine *engine) {
    SIO_FIGURE_SUB(engine->budget->pending, 1);
}

static void refuse_busy(sio_engine *engine, sio_exchange *exchange) {
    static const char text[] = "Service Unavailable";
    SIO_COUNT(engine->counters->refused_busy);
    SIO_LOG(sio_loop_log(engine->loop), SIO_LOG_INFO, "engine",
            "refused a handshake: max_pending_handshakes are in progress");
    sio_exchange_answer_and_close(exchange, 503, "text/html",
                                  (sio_bytes){(const uint8_t *)text, sizeof(text) - 1},
                                  "Retry-After: 1\r\n");
}

static void without_session(sio_engine *engine, sio_exchange *exchange,
                            const sio_engine_params *params) {
    sio_engine_refusal refusal = {0};
    if (check_handshake(params, sio_exchange_head(exchange), &refusal)) {
        refuse(engine, exchange, &refusal);
    } else if (engine->closing) {
        refuse_closing(engine, exchange);
    } else if (!begin_handshake(engine)) {
        refuse_busy(engine, exchange);
    } else {
        if (engine->allow_request) {
            sio_engine_ask(engine, exchange, SIO_ENGINE_ASK_ALLOW);
        } else {
            sio_engine_allowed(engine, exchange);
        }
        end_handshake(engine);
    }
}

void sio_engine_allowed(sio_engine *engine, sio_exchange *exchange) {
    sio_engine_params params = read_params(sio_exchange_head(exchange));
    if (params.revision == 3 && !engine->settings.allow_eio3) {
        refuse(engine, exchange,
               &(sio_engine_refusal){.cause = SIO_ENGINE_UNSUPPORTED_PROTOCOL, .protocol = 3});
    } else if (engine->generate_id) {
        sio_engine_ask(engine, exchange, SIO_ENGINE_ASK_ID);
    } else {
        sio_engine_open(engine, exchange, NULL);
    }
}

/* 1 to SIO_EIO_SID_MAX characters that stand for themselves in a query (RFC 3986 §2.3), and not in
 * use. */
static bool is_usable_id(const sio_engine *engine, const char *id) {
    static const char others[] = "-_.~";
    size_t len = strlen(id);
    for (size_t i = 0; i < len; i++) {
        bool letter = (id[i] >= 'a' && id[i] <= 'z') || (id[i] >= 'A' && id[i] <= 'Z');
        bool digit = id[i] >= '0' && id[i] <= '9';
        if (!letter && !digit && !strchr(others, id[i])) {
            return false;
        }
    }
    return len > 0 && len <= SIO_EIO_SID_MAX && !find_session(engine, (sio_str){id, len});
}

/* With the tag in front of it. Empty when it has no room. */
static void tag_id(const sio_engine *engine, char out[SIO_EIO_SID_MAX + 1], const char *id) {
    size_t tag = engine->settings.tag != '\0';
    size_t len = strlen(id);
    if (len == 0 || len + tag > SIO_EIO_SID_MAX) {
        len = tag = 0;
    }
    out[0] = engine->settings.tag;
    memcpy(out + tag, id, len);
    out[tag + len] = '\0';
}

void sio_engine_open(sio_engine *engine, sio_exchange *exchange, const char *id) {
    sio_engine_params params = read_params(sio_exchange_head(exchange));
    char tagged[SIO_EIO_SID_MAX + 1];
    const char *full = id ? tagged : NULL;
    if (id) {
        tag_id(engine, tagged, id);
    }
    if (engine->closing) {
        refuse_closing(engine, exchange);
    } else if (full && !is_usable_id(engine, full)) {
        sio_engine_refuse(engine, exchange, SIO_ENGINE_ID_GENERATION_ERROR, id);
    } else if (params.websocket) {
        accept_websocket(engine, exchange, &params, full);
    } else {
        accept_polling(engine, exchange, &params, full);
    }
}

void sio_engine_judge(sio_engine *engine, sio_exchange *exchange, const sio_bytes *body) {
    const sio_http1_head *head = sio_exchange_head(exchange);
    sio_engine_params params = read_params(head);
    sio_engine_refusal refusal = {0};
    if (check_transport(engine, &params, &refusal) || check_origin(head, &refusal) ||
        check_upgrade(engine, &params, head, &refusal)) {
        refuse(engine, exchange, &refusal);
    } else if (params.has_sid) {
        with_session(engine, exchange, &params, body);
    } else {
        without_session(engine, exchange, &params);
    }
}

void sio_engine_refuse_origin(sio_engine *engine, sio_exchange *exchange) {
    sio_engine_refusal refusal = {
        .cause = SIO_ENGINE_INVALID_ORIGIN,
        .context = sio_http1_find(sio_exchange_head(exchange), SIO_STR("Origin")),
    };
    refuse(engine, exchange, &refusal);
}

void sio_engine_handle(sio_engine *engine, sio_exchange *exchange) {
    if (engine->middlewares) {
        sio_engine_ask(engine, exchange, SIO_ENGINE_ASK_MIDDLEWARES);
    } else {
        sio_engine_judge(engine, exchange, NULL);
    }
}
