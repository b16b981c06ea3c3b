/* The tests of the JavaScript socket.io-client. */
#include "../support/server_handlers.h"
#include "conformance.h"

#include <sio/url.h>

#include <cjson/cJSON.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PING_INTERVAL_MS = 2000, HANDSHAKE_DELAY_MS = 10 };

static const char BYTES[] = "asdfasdf";

/* ---- the handshake, as the tests want to see it --------------------------------------------- */

static char *decoded(sio_str raw) {
    sio_buf text;
    sio_buf_init(&text, 0, NULL);
    if (sio_query_decode(&text, raw, SIO_QUERY_FORM) != 0 || sio_buf_add_byte(&text, 0) != 0) {
        sio_buf_free(&text);
        return NULL;
    }
    return (char *)text.data;
}

static void add_parameter(cJSON *query, sio_str name, sio_str value) {
    char *key = decoded(name);
    char *text = decoded(value);
    if (key && text) {
        cJSON_DeleteItemFromObjectCaseSensitive(query, key);
        cJSON_AddStringToObject(query, key, text);
    }
    free(key);
    free(text);
}

/* {query, auth}; the caller's. */
static cJSON *handshake_object(sio_peer *peer) {
    const sio_handshake *handshake = sio_peer_handshake(peer);
    cJSON *object = cJSON_CreateObject();
    cJSON *query = cJSON_AddObjectToObject(object, "query");
    sio_str rest = {handshake->query, strlen(handshake->query)};
    sio_str name;
    sio_str value;
    while (query && sio_query_next(&rest, &name, &value)) {
        add_parameter(query, name, value);
    }
    cJSON_AddItemToObject(object, "auth",
                          cJSON_ParseWithLength(handshake->auth.ptr, handshake->auth.len));
    return object;
}

static void on_get_handshake(sio_peer *peer, const sio_event *ev, void *user) {
    (void)user;
    cJSON *object = handshake_object(peer);
    if (ev->ack) {
        sio_ack_sendf(ev->ack, "j", object);
    }
    cJSON_Delete(object);
}

static void emit_handshake(sio_peer *peer, const sio_event *ev, void *user) {
    (void)ev;
    (void)user;
    cJSON *object = handshake_object(peer);
    sio_peer_emitf(peer, "handshake", "j", object);
    cJSON_Delete(object);
}

static void on_get_id(sio_peer *peer, const sio_event *ev, void *user) {
    (void)user;
    if (ev->ack) {
        sio_ack_sendf(ev->ack, "s", sio_peer_id(peer));
    }
}

/* ---- events --------------------------------------------------------------------------------- */

static void on_hi(sio_peer *peer, const sio_event *ev, void *user) {
    (void)ev;
    (void)user;
    sio_peer_emit(peer, "hi", NULL, NULL);
}

static void on_acked(const sio_event *reply, void *user) {
    sio_peer *peer = user;
    const cJSON *object = NULL;
    if (reply->status == SIO_OK && sio_event_int(reply, 0) == 5 &&
        sio_args_json(&object, reply->args, 1) == 0 &&
        cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, "test"))) {
        sio_peer_emit(peer, "got it", NULL, NULL);
    }
    sio_peer_unref(peer);
}

static void on_ack(sio_peer *peer, const sio_event *ev, void *user) {
    (void)ev;
    (void)user;
    if (sio_peer_emit_ackf(peer, "ack", 0, on_acked, sio_peer_ref(peer), "") != 0) {
        sio_peer_unref(peer);
    }
}

static const char *iso_date(char text[32]) {
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t len = strftime(text, 32, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text + len, 32 - len, ".%03uZ", (unsigned)(now.tv_nsec / 1000000) % 1000u);
    return text;
}

static void on_get_ack_date(sio_peer *peer, const sio_event *ev, void *user) {
    char date[32];
    (void)peer;
    (void)user;
    if (ev->ack) {
        sio_ack_sendf(ev->ack, "s", iso_date(date));
    }
}

static void on_get_date(sio_peer *peer, const sio_event *ev, void *user) {
    char date[32];
    (void)ev;
    (void)user;
    sio_peer_emitf(peer, "takeDate", "s", iso_date(date));
}

static void on_get_date_obj(sio_peer *peer, const sio_event *ev, void *user) {
    char date[32];
    char object[48];
    (void)ev;
    (void)user;
    snprintf(object, sizeof(object), "{\"date\":\"%s\"}", iso_date(date));
    sio_peer_emitf(peer, "takeDateObj", "r", object);
}

static void on_get_utf8(sio_peer *peer, const sio_event *ev, void *user) {
    static const char *const texts[] = {
        "てすと", "Я Б Г Д Ж Й", "Ä ä Ü ü ß", "utf8 — string", "utf8 — string",
    };
    (void)ev;
    (void)user;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        sio_peer_emitf(peer, "takeUtf8", "s", texts[i]);
    }
}

static void on_false(sio_peer *peer, const sio_event *ev, void *user) {
    (void)ev;
    (void)user;
    sio_peer_emitf(peer, "false", "b", 0);
}

/* `user` is the name of the event to send. */
static void emit_bytes(sio_peer *peer, const sio_event *ev, void *user) {
    (void)ev;
    sio_peer_emitf(peer, user, "B", BYTES, sizeof(BYTES) - 1);
}

static void on_buffa(sio_peer *peer, const sio_event *ev, void *user) {
    (void)user;
    if (sio_event_kind(ev, 0) == SIO_KIND_BINARY) {
        sio_peer_emit(peer, "buffack", NULL, NULL);
    }
}

static bool is_string(const cJSON *object, const char *key, const char *text) {
    const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
    return value && strcmp(value, text) == 0;
}

static void on_jsonbuff(sio_peer *peer, const sio_event *ev, void *user) {
    const cJSON *object = NULL;
    (void)user;
    if (sio_args_json(&object, ev->args, 0) == 0 && cJSON_GetArraySize(object) == 3 &&
        is_string(object, "hello", "lol") && is_string(object, "goodbye", "gotcha") &&
        sio_json_is_binary(cJSON_GetObjectItemCaseSensitive(object, "message"))) {
        sio_peer_emit(peer, "jsonbuff-ack", NULL, NULL);
    }
}

/* That `abuff1` came first is remembered in the peer's user pointer. */
static void on_abuff1(sio_peer *peer, const sio_event *ev, void *user) {
    (void)user;
    if (sio_event_kind(ev, 0) == SIO_KIND_BINARY) {
        sio_peer_set_user(peer, peer, NULL);
    }
}

static void on_abuff2(sio_peer *peer, const sio_event *ev, void *user) {
    (void)ev;
    (void)user;
    if (sio_peer_user(peer)) {
        sio_peer_emit(peer, "abuff2-ack", NULL, NULL);
    }
}

/* ---- who may come in ------------------------------------------------------------------------ */

static void accept_late(void *user) {
    sio_engine_request_accept(user);
}

static void delay_handshake(sio_engine_request *request, void *user) {
    after(user, HANDSHAKE_DELAY_MS, accept_late, accept_late, request);
}

static void refuse_always(sio_peer *peer, sio_next *next, void *user) {
    (void)peer;
    (void)user;
    sio_next_refuse(next, "Auth failed (custom namespace)", NULL);
}

static void refuse_fail(sio_peer *peer, sio_next *next, void *user) {
    const char *query = sio_peer_handshake(peer)->query;
    sio_str value;
    (void)user;
    if (sio_query_find((sio_str){query, strlen(query)}, SIO_QUERY_FORM, SIO_STR("fail"), &value) &&
        value.len > 0) {
        sio_next_refuse(next, "Auth failed (main namespace)", NULL);
    } else {
        sio_next_ok(next);
    }
}

static void configure(sio_server_options *options) {
    static sio_server_recovery recovery = SIO_SERVER_RECOVERY_INIT;
    options->ping_interval_ms = PING_INTERVAL_MS;
    options->recovery = &recovery;
}

static void set_up_root(sio_namespace *root) {
    static const struct handler handlers[] = {
        {"hi", on_hi},
        {"echo", acknowledge_with_arguments},
        {"ack", on_ack},
        {"getAckDate", on_get_ack_date},
        {"getDate", on_get_date},
        {"getDateObj", on_get_date_obj},
        {"getUtf8", on_get_utf8},
        {"false", on_false},
        {"buffa", on_buffa},
        {"jsonbuff", on_jsonbuff},
        {"abuff1", on_abuff1},
        {"abuff2", on_abuff2},
        {"getHandshake", on_get_handshake},
        {"getId", on_get_id},
    };
    static char doge[] = "doge";
    static char takebin[] = "takebin";
    add_handlers(root, handlers, sizeof(handlers) / sizeof(handlers[0]), NULL);
    check(sio_namespace_on(root, "doge", emit_bytes, doge), "handler");
    check(sio_namespace_on(root, "getbin", emit_bytes, takebin), "handler");
    check(sio_namespace_use(root, refuse_fail, NULL), "middleware");
}

static void set_up(conformance *c) {
    static const char *const open[] = {"/timeout_socket", "/valid", "/asd"};
    set_up_root(sio_server_of(c->server, "/"));
    check(sio_namespace_on(sio_server_of(c->server, "/foo"), "getId", on_get_id, NULL), "handler");
    check(sio_namespace_on_connection(sio_server_of(c->server, "/abc"), emit_handshake, NULL),
          "handler");
    check(sio_namespace_use(sio_server_of(c->server, "/no"), refuse_always, NULL), "middleware");
    for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
        check(sio_server_of(c->server, open[i]) ? 0 : SIO_ERR_NOMEM, open[i]);
    }
    sio_engine_set_allow_request(sio_server_engine(c->server), delay_handshake, c);
}

const profile profile_jsclient = {
    .name = "jsclient", .configure = configure, .set_up = set_up, .tear_down = NULL};
