/* The tests of the JavaScript engine.io-client: raw Engine.IO. */
#include "conformance.h"

#include <sio/url.h>

#include <cjson/cJSON.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PING_INTERVAL_MS = 500, MAX_PAYLOAD = 100 };

/* The headers of the latest POST: the message that asks for them comes out of it before any other
 * request is looked at. */
typedef struct eio_state {
    char *headers;
} eio_state;

static char *headers_to_json(const sio_http1_head *head) {
    cJSON *object = cJSON_CreateObject();
    for (size_t i = 0; object && i < head->header_count; i++) {
        char name[128];
        char value[1024];
        const sio_http1_header *field = &head->headers[i];
        size_t len = field->name.len < sizeof(name) ? field->name.len : sizeof(name) - 1;
        for (size_t at = 0; at < len; at++) {
            name[at] = (char)tolower((unsigned char)field->name.ptr[at]);
        }
        name[len] = '\0';
        snprintf(value, sizeof(value), "%.*s", SIO_STR_ARG(field->value));
        cJSON_AddStringToObject(object, name, value);
    }
    char *text = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    return text;
}

static void keep_headers(sio_engine_request *request, void *user) {
    eio_state *state = user;
    const sio_http1_head *head = sio_engine_request_head(request);
    if (head && head->method.len == 4 && memcmp(head->method.ptr, "POST", 4) == 0) {
        free(state->headers);
        state->headers = headers_to_json(head);
    }
    sio_engine_request_accept(request);
}

static void refuse_denied(sio_engine_request *request, void *user) {
    const sio_http1_head *head = sio_engine_request_head(request);
    sio_url_target target;
    sio_str value;
    (void)user;
    if (head) {
        sio_url_split_target(&target, head->target);
        if (sio_query_find(target.query, SIO_QUERY_FORM, SIO_STR("deny"), &value)) {
            sio_engine_request_refuse(request, NULL);
            return;
        }
    }
    sio_engine_request_accept(request);
}

static void add_cookies(sio_engine_session *session, const sio_http1_head *request,
                        sio_engine_headers *headers, void *user) {
    char expires[64];
    char date[40];
    time_t now = time(NULL);
    struct tm utc;
    (void)session;
    (void)request;
    (void)user;
    gmtime_r(&now, &utc);
    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &utc);
    snprintf(expires, sizeof(expires), "4=4; Expires=%s", date);
    sio_engine_headers_add(headers, "Set-Cookie", "1=1; Max-Age=86400");
    sio_engine_headers_add(headers, "Set-Cookie", "2=2; Path=/; HttpOnly; Secure; SameSite=Strict");
    sio_engine_headers_add(headers, "Set-Cookie", "3=3; Max-Age=0");
    sio_engine_headers_add(headers, "Set-Cookie", expires);
}

static void send_string(sio_engine_session *session, const char *text) {
    sio_engine_session_send_text(session, (sio_str){text, strlen(text)}, NULL);
}

static void greet(sio_engine_session *session, void *user) {
    (void)user;
    send_string(session, "hi");
}

static bool is_text(const uint8_t *data, size_t len, const char *text) {
    return len == strlen(text) && memcmp(data, text, len) == 0;
}

static void answer_text(sio_engine_session *session, const uint8_t *data, size_t len,
                        const eio_state *state) {
    static const uint8_t bytes[] = {0, 1, 2, 3, 4};
    if (is_text(data, len, "give binary")) {
        sio_engine_session_send_binary(session, (sio_bytes){bytes, sizeof(bytes)}, NULL);
    } else if (is_text(data, len, "give utf8")) {
        send_string(session, "пойду спать всем спокойной ночи");
    } else if (is_text(data, len, "sendHeaders")) {
        send_string(session, state->headers ? state->headers : "{}");
    } else {
        sio_engine_session_send_text(session, (sio_str){(const char *)data, len}, NULL);
    }
}

static void answer(sio_engine_session *session, bool binary, uint8_t *data, size_t len,
                   void *user) {
    if (binary) {
        sio_engine_session_send_binary(session, (sio_bytes){data, len}, NULL);
    } else {
        answer_text(session, data, len, user);
    }
}

static void configure(sio_server_options *options) {
    options->engine_only = true;
    options->max_payload = MAX_PAYLOAD;
}

static void set_up(conformance *c) {
    eio_state *state = calloc(1, sizeof(*state));
    sio_engine *engine;
    sio_engine_options options = SIO_ENGINE_OPTIONS_INIT;
    if (!state) {
        check(SIO_ERR_NOMEM, "state");
        return;
    }
    c->state = state;
    options.path = "/engine.io";
    options.ping_interval_ms = PING_INTERVAL_MS;
    options.max_payload = MAX_PAYLOAD;
    options.callbacks.on_open = greet;
    options.callbacks.on_message = answer;
    options.callbacks.on_initial_headers = add_cookies;
    options.user = state;
    check(sio_server_add_engine(&engine, c->server, &options), "engine");
    check(sio_engine_use(engine, keep_headers, state), "middleware");
    sio_engine_set_allow_request(engine, refuse_denied, NULL);
}

static void tear_down(conformance *c) {
    eio_state *state = c->state;
    free(state->headers);
    free(state);
}

const profile profile_eioclient = {
    .name = "eioclient", .configure = configure, .set_up = set_up, .tear_down = tear_down};
