/* Other clients, ordering and faults; and the same with connection state recovery. */
#include "../support/server_handlers.h"
#include "conformance.h"

#include <cjson/cJSON.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ASK_TIMEOUT_MS = 1500, KEEP_SESSIONS_MS = 20000, MAX_STREAM = 10000000 };

/* A list of that one argument, null when it is missing; the caller's. NULL when memory is out. */
static sio_args *only_argument(const sio_event *ev, size_t index) {
    sio_args *args = NULL;
    if (sio_args_new(&args, NULL) != 0) {
        return NULL;
    }
    int rc = index < sio_args_count(ev->args) ? sio_args_add_arg(args, ev->args, index)
                                              : sio_args_add_null(args);
    if (rc != 0) {
        sio_args_unref(args);
        return NULL;
    }
    return args;
}

/* ---- every namespace ------------------------------------------------------------------------ */

static void greet(sio_peer *peer) {
    sio_args *args = NULL;
    if (sio_args_new(&args, NULL) == 0 && sio_args_add_string(args, sio_peer_id(peer)) == 0 &&
        sio_args_add_raw(args, sio_peer_handshake(peer)->auth) == 0) {
        sio_peer_emit(peer, "welcome", args, NULL);
    }
    sio_args_unref(args);
}

static void on_connection(sio_peer *peer, const sio_event *ev, void *user) {
    (void)ev;
    (void)user;
    if (sio_peer_recovered(peer)) {
        sio_peer_emitf(peer, "recovered", "s", sio_peer_id(peer));
    } else {
        greet(peer);
    }
}

static void set_up_namespace(sio_namespace *ns) {
    check(ns ? 0 : SIO_ERR_NOMEM, "namespace");
    check(sio_namespace_on_connection(ns, on_connection, NULL), "handler");
    check(sio_namespace_on(ns, "echo", on_echo, NULL), "handler");
}

/* ---- ending --------------------------------------------------------------------------------- */

static void on_disconnect(sio_peer *peer, const sio_event *ev, void *user) {
    (void)user;
    tell_others(peer, ev);
}

/* ---- /chat and /auth ------------------------------------------------------------------------ */

static void on_say(sio_peer *peer, const sio_event *ev, void *user) {
    sio_target everyone = sio_namespace_target(sio_peer_namespace(peer));
    sio_args *args = only_argument(ev, 0);
    sio_args *said = NULL;
    (void)user;
    if (args && sio_args_new(&said, NULL) == 0 &&
        sio_args_add_string(said, sio_peer_id(peer)) == 0 && sio_args_add_all(said, args) == 0) {
        sio_target_emit(&everyone, "said", said);
    }
    sio_args_unref(said);
    sio_args_unref(args);
}

static void check_token(sio_peer *peer, sio_next *next, void *user) {
    const sio_handshake *handshake = sio_peer_handshake(peer);
    cJSON *auth = cJSON_ParseWithLength(handshake->auth.ptr, handshake->auth.len);
    const char *token = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(auth, "token"));
    (void)user;
    if (token && strcmp(token, "letmein") == 0) {
        sio_next_ok(next);
    } else {
        sio_next_refuse(next, "not authorized", "{\"code\":401,\"hint\":\"token\"}");
    }
    cJSON_Delete(auth);
}

/* ---- acknowledgements ----------------------------------------------------------------------- */

static void on_ask_me(sio_peer *peer, const sio_event *ev, void *user) {
    sio_emit_options options = SIO_EMIT_OPTIONS_INIT;
    sio_args *args = only_argument(ev, 0);
    (void)user;
    options.on_ack = on_answer;
    options.user = sio_peer_ref(peer);
    options.timeout_ms = ASK_TIMEOUT_MS;
    if (!args || sio_peer_emit(peer, "question", args, &options) != 0) {
        sio_peer_unref(peer);
    }
    sio_args_unref(args);
}

/* ---- rooms and broadcasting ----------------------------------------------------------------- */

static void say_ok(const sio_event *ev) {
    if (ev->ack) {
        sio_ack_sendf(ev->ack, "s", "ok");
    }
}

static void on_join(sio_peer *peer, const sio_event *ev, void *user) {
    (void)user;
    if (is_name(ev, 0) && sio_peer_join(peer, sio_event_string(ev, 0)) == 0) {
        say_ok(ev);
    }
}

static void on_leave(sio_peer *peer, const sio_event *ev, void *user) {
    (void)user;
    if (is_name(ev, 0)) {
        sio_peer_leave(peer, sio_event_string(ev, 0));
        say_ok(ev);
    }
}

static void on_rooms(sio_peer *peer, const sio_event *ev, void *user) {
    size_t count = 0;
    const char **names = other_rooms(peer, &count);
    (void)user;
    if (names && ev->ack) {
        cJSON *list = cJSON_CreateStringArray(names, (int)count);
        sio_ack_sendf(ev->ack, "j", list);
        cJSON_Delete(list);
    }
    free(names);
}

/* ---- counting ------------------------------------------------------------------------------- */

static int64_t number(const cJSON *object, const char *key, int64_t otherwise) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(item) ? (int64_t)item->valuedouble : otherwise;
}

/* Those of a recovered peer come out of its data. */
static struct counters *counters_of(sio_peer *peer) {
    struct counters *c = sio_peer_user(peer);
    if (c) {
        return c;
    }
    c = malloc(sizeof(*c));
    if (!c) {
        check(SIO_ERR_NOMEM, "counters");
        return NULL;
    }
    cJSON *data = cJSON_Parse(sio_peer_data(peer));
    *c = (struct counters){number(data, "count", 0), number(data, "last", -1),
                           number(data, "bad", 0)};
    cJSON_Delete(data);
    sio_peer_set_user(peer, c, free);
    return c;
}

static void on_up(sio_peer *peer, const sio_event *ev, void *user) {
    (void)user;
    counters_add(counters_of(peer), ev);
}

static void on_up_report(sio_peer *peer, const sio_event *ev, void *user) {
    (void)user;
    counters_report(counters_of(peer), ev);
}

/* What is kept of a connection that is cut off is read after this. */
static void keep_counters(sio_peer *peer, const sio_event *ev, void *user) {
    char json[128];
    const struct counters *c = counters_of(peer);
    (void)ev;
    (void)user;
    snprintf(json, sizeof(json), "{\"count\":%lld,\"last\":%lld,\"bad\":%lld}", (long long)c->count,
             (long long)c->last, (long long)c->bad);
    sio_peer_set_data(peer, json);
}

/* ---- numbered events, which go on while the client is away ----------------------------------- */

typedef struct stream {
    conformance *conformance;
    sio_namespace *ns;
    char *id; /* the room */
    char *pad;
    int64_t next;
    int64_t count;
    uint32_t every_ms; /* 0: all at once */
} stream;

static void stream_free(void *user) {
    stream *s = user;
    free(s->id);
    free(s->pad);
    free(s);
}

static void send_down(const stream *s, int64_t i) {
    sio_target target = sio_namespace_target(s->ns);
    sio_target_to(&target, s->id);
    if (i < s->count) {
        sio_target_emitf(&target, "down", "I s", i, s->pad);
    } else {
        sio_target_emitf(&target, "down-end", "I", s->count);
    }
}

static void on_stream_tick(void *user) {
    stream *s = user;
    do {
        send_down(s, s->next++);
    } while (s->every_ms == 0 && s->next <= s->count);
    if (s->next <= s->count) {
        after(s->conformance, s->every_ms, on_stream_tick, stream_free, s);
    } else {
        stream_free(s);
    }
}

static uint32_t bounded(int64_t value, uint32_t most) {
    return value < 0 ? 0 : value > most ? most : (uint32_t)value;
}

/* stream(count, ms between two, length of the text in each) */
static void on_stream(sio_peer *peer, const sio_event *ev, void *user) {
    stream *s = calloc(1, sizeof(*s));
    uint32_t pad = bounded(sio_event_int(ev, 2), MAX_STREAM);
    (void)user;
    if (s) {
        s->conformance = conformance_of(peer);
        s->ns = sio_peer_namespace(peer);
        s->id = strdup(sio_peer_id(peer));
        s->pad = malloc((size_t)pad + 1);
        s->count = bounded(sio_event_int(ev, 0), MAX_STREAM);
        s->every_ms = bounded(sio_event_int(ev, 1), MAX_STREAM);
    }
    if (!s || !s->id || !s->pad) {
        check(SIO_ERR_NOMEM, "stream");
        return;
    }
    memset(s->pad, 'x', pad);
    s->pad[pad] = '\0';
    on_stream_tick(s);
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void configure(sio_server_options *options) {
    options->ping_interval_ms = 1000;
    options->ping_timeout_ms = 4000;
    options->connect_timeout_ms = 5000;
    options->max_payload = 10000000;
    options->max_queued_bytes = 64u << 20;
}

static void configure_csr(sio_server_options *options) {
    static sio_server_recovery recovery = SIO_SERVER_RECOVERY_INIT;
    recovery.max_disconnection_ms = KEEP_SESSIONS_MS;
    configure(options);
    options->recovery = &recovery;
}

static void set_up_root(sio_namespace *root) {
    static struct relaying relaying = {only_argument};
    static const struct handler handlers[] = {
        {"ask-me", on_ask_me},
        {"join", on_join},
        {"leave", on_leave},
        {"rooms", on_rooms},
        {"to-room", on_to_room},
        {"in-room", on_in_room},
        {"broadcast", on_broadcast},
        {"all", on_all},
        {"except", on_except},
        {"kick", on_kick},
        {"kick-hard", on_kick_hard},
        {"drop", on_drop},
        {"transport", on_transport},
        {"up", on_up},
        {"up-report", on_up_report},
        {"stream", on_stream},
        {"disconnecting", keep_counters},
        {"disconnect", on_disconnect},
    };
    add_handlers(root, handlers, sizeof(handlers) / sizeof(handlers[0]), &relaying);
}

static void set_up(conformance *c) {
    sio_namespace *root = sio_server_of(c->server, "/");
    sio_namespace *chat = sio_server_of(c->server, "/chat");
    sio_namespace *auth = sio_server_of(c->server, "/auth");
    set_up_namespace(root);
    set_up_root(root);
    set_up_namespace(chat);
    check(sio_namespace_on(chat, "say", on_say, NULL), "handler");
    check(sio_namespace_on(chat, "kick", on_kick, NULL), "handler");
    set_up_namespace(auth);
    check(sio_namespace_use(auth, check_token, NULL), "middleware");
    set_up_namespace(sio_server_of_pattern(c->server, "^/room-[0-9]+$"));
}

const profile profile_general = {
    .name = "general", .configure = configure, .set_up = set_up, .tear_down = NULL};

const profile profile_csr = {
    .name = "csr", .configure = configure_csr, .set_up = set_up, .tear_down = NULL};
