/* The server of the interop tests: what the official JavaScript client talks to. It uses only the
 * public headers and runs on its own event base, as an application with other business would.
 * reference_server.mjs is the same program over the JavaScript server. */
#include "../support/server_handlers.h"
#include "../support/server_program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ASK_TIMEOUT_MS = 1500, CLOSE_DEADLINE_MS = 300 };

/* Numbered events, some each tick, so that they can fall into an upgrade. */
struct stream {
    bool begun;
    uint32_t every_ms;
    int64_t next;
    int64_t count;
    int64_t per_tick;
};

/* What is kept for each peer. */
struct session {
    struct counters up;
    struct stream down;
};

/* ---- acknowledgements ---------------------------------------------------------------------- */

/* ask-me(value, timeout in ms) */
static void on_ask_me(sio_peer *peer, const sio_event *ev, void *user) {
    uint32_t timeout = sio_event_int(ev, 1) > 0 ? (uint32_t)sio_event_int(ev, 1) : ASK_TIMEOUT_MS;
    (void)user;
    int rc = sio_peer_emit_ackf(peer, "question", timeout, on_answer, sio_peer_ref(peer), "s",
                                sio_event_string(ev, 0));
    if (rc != 0) {
        sio_peer_unref(peer);
    }
}

/* handshake(ack): the first request's target, and whether it came over TLS */
static void on_handshake(sio_peer *peer, const sio_event *ev, void *user) {
    const sio_handshake *handshake = sio_peer_handshake(peer);
    (void)user;
    if (ev->ack != NULL) {
        sio_ack_sendf(ev->ack, "s b", handshake->url, handshake->secure);
    }
}

/* ---- rooms and broadcasting ---------------------------------------------------------------- */

static void on_join(sio_peer *peer, const sio_event *ev, void *user) {
    (void)user;
    int rc = sio_peer_join(peer, sio_event_string(ev, 0));
    if (ev->ack != NULL) {
        sio_ack_sendf(ev->ack, "s", rc == 0 ? "ok" : sio_error_text(rc));
    }
}

static void on_leave(sio_peer *peer, const sio_event *ev, void *user) {
    (void)user;
    sio_peer_leave(peer, sio_event_string(ev, 0));
    if (ev->ack != NULL) {
        sio_ack_sendf(ev->ack, "s", "ok");
    }
}

/* Acknowledged with the sorted names, one argument each, without the room named by the id. */
static void on_rooms(sio_peer *peer, const sio_event *ev, void *user) {
    size_t count = 0;
    const char **names = other_rooms(peer, &count);
    sio_args *reply = NULL;
    (void)user;
    if (names == NULL || ev->ack == NULL || sio_args_new(&reply, NULL) != 0) {
        free(names);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        check(sio_args_add_string(reply, names[i]), "rooms");
    }
    sio_ack_send(ev->ack, reply);
    sio_args_unref(reply);
    free(names);
}

static sio_args *arguments_from(const sio_event *ev, size_t from) {
    sio_args *args = NULL;
    if (sio_args_new(&args, NULL) != 0) {
        return NULL;
    }
    for (size_t i = from; i < sio_event_count(ev); i++) {
        check(sio_args_add_arg(args, ev->args, i), "relay");
    }
    return args;
}

/* to-rooms(room, room, name, ...) */
static void on_to_rooms(sio_peer *peer, const sio_event *ev, void *relaying) {
    sio_target target = sio_peer_broadcast(peer);
    sio_target_to(&target, sio_event_string(ev, 0));
    relay(sio_target_to(&target, sio_event_string(ev, 1)), ev, 2, relaying);
}

/* ---- ending -------------------------------------------------------------------------------- */

static void on_disconnect(sio_peer *peer, const sio_event *ev, void *user) {
    (void)user;
    tell_others(peer, ev);
}

/* ---- numbered events ----------------------------------------------------------------------- */

/* Acknowledged with who asks: address, whether over TLS, and the port of the server asked. */
static void on_whoami(sio_peer *peer, const sio_event *ev, void *user) {
    const sio_handshake *handshake = sio_peer_handshake(peer);
    (void)user;
    if (ev->ack != NULL) {
        const struct program *program = sio_server_user(sio_peer_server(peer));
        sio_ack_sendf(ev->ack, "s b i", handshake->address, handshake->secure, (int)program->port);
    }
}

/* Acknowledged with the subject of the client's certificate, "" for none, and whether it holds. */
static void on_certificate(sio_peer *peer, const sio_event *ev, void *user) {
    const sio_handshake *handshake = sio_peer_handshake(peer);
    (void)user;
    if (ev->ack != NULL) {
        const char *subject = handshake->certificate != NULL ? handshake->certificate : "";
        sio_ack_sendf(ev->ack, "s b", subject, handshake->certificate_verified);
    }
}

static void on_up(sio_peer *peer, const sio_event *ev, void *user) {
    struct session *session = sio_peer_user(peer);
    (void)user;
    counters_add(&session->up, ev);
}

static void on_up_report(sio_peer *peer, const sio_event *ev, void *user) {
    const struct session *session = sio_peer_user(peer);
    (void)user;
    counters_report(&session->up, ev);
}

static void go_on(sio_peer *peer);

static void send_some(sio_peer *peer) {
    struct session *session = sio_peer_user(peer);
    struct stream *down = &session->down;
    for (int64_t i = 0; i < down->per_tick && down->next < down->count; i++) {
        check(sio_peer_emitf(peer, "down", "I", down->next++), "down");
    }
    if (down->next == down->count) {
        check(sio_peer_emitf(peer, "down-end", "I", down->count), "down-end");
    } else {
        go_on(peer);
    }
}

static void on_tick(void *user) {
    sio_peer *peer = user;
    if (sio_peer_connected(peer)) {
        send_some(peer);
    }
    sio_peer_unref(peer);
}

static void forget_peer(void *user) {
    sio_peer_unref(user);
}

static void go_on(sio_peer *peer) {
    const struct session *session = sio_peer_user(peer);
    sio_server *server = sio_peer_server(peer);
    program_after(sio_server_user(server), server, session->down.every_ms, on_tick, forget_peer,
                  sio_peer_ref(peer));
}

/* stream(count, ms between ticks, events per tick), once for a peer */
static void on_stream(sio_peer *peer, const sio_event *ev, void *user) {
    int64_t every_ms = sio_event_int(ev, 1), per_tick = sio_event_int(ev, 2);
    struct session *session = sio_peer_user(peer);
    (void)user;
    if (session->down.begun) {
        return;
    }
    session->down.begun = true;
    session->down.every_ms = (uint32_t)every_ms;
    session->down.count = sio_event_int(ev, 0);
    session->down.per_tick = per_tick > 0 ? per_tick : 1;
    go_on(peer);
}

/* ---- set-up -------------------------------------------------------------------------------- */

static void on_connection(sio_peer *peer, const sio_event *ev, void *user) {
    struct session *session = calloc(1, sizeof(*session));
    sio_args *args = NULL;
    (void)ev, (void)user;
    check(session == NULL ? SIO_ERR_NOMEM : sio_args_new(&args, NULL), "welcome");
    session->up.last = -1;
    sio_peer_set_user(peer, session, free);
    check(sio_args_add_string(args, sio_peer_id(peer)), "welcome");
    check(sio_args_add_raw(args, sio_peer_handshake(peer)->auth), "welcome");
    sio_peer_emit(peer, "welcome", args, NULL);
    sio_args_unref(args);
}

static void add_namespace(sio_server *server, const char *name) {
    static struct relaying relaying = {arguments_from};
    static const struct handler handlers[] = {
        {"echo", on_echo},
        {"echo-ack", on_echo},
        {"ask-me", on_ask_me},
        {"handshake", on_handshake},
        {"join", on_join},
        {"leave", on_leave},
        {"rooms", on_rooms},
        {"to-room", on_to_room},
        {"to-rooms", on_to_rooms},
        {"in-room", on_in_room},
        {"except", on_except},
        {"broadcast", on_broadcast},
        {"all", on_all},
        {"kick", on_kick},
        {"kick-hard", on_kick_hard},
        {"drop", on_drop},
        {"transport", on_transport},
        {"whoami", on_whoami},
        {"certificate", on_certificate},
        {"up", on_up},
        {"up-report", on_up_report},
        {"stream", on_stream},
        {"disconnect", on_disconnect},
    };
    sio_namespace *ns = sio_server_of(server, name);
    check(ns == NULL ? SIO_ERR_NOMEM : 0, name);
    check(sio_namespace_on_connection(ns, on_connection, NULL), name);
    add_handlers(ns, handlers, sizeof(handlers) / sizeof(handlers[0]), &relaying);
}

struct settings {
    struct common_settings common;
    const char *transports;
    const char *proxy; /* the one that is believed */
    bool both;         /* TLS on a second port, the first stays plain */
    bool msgpack;
};

static const char usage[] =
    "usage: interop-server [--host ADDRESS] [--port N] [--transports polling|websocket|both]\n"
    "  [--tls-cert FILE --tls-key FILE [--both]] [--eio3] [--msgpack] [--deflate] [--no-upgrade]\n"
    "  [--ping-interval MS] [--ping-timeout MS] [--connect-timeout MS] [--max-payload BYTES]\n"
    "  [--threads N]\n"
    "  [--trusted-proxy ADDRESS] [--tls-client-ca FILE [--tls-client-optional]]\n";

static void read_arguments(struct settings *s, int argc, char **argv) {
    sio_server_options *options = &s->common.options;
    sio_server_tls *tls = &s->common.tls;
    const struct setting own[] = {
        {"transports", SETTING_TEXT, &s->transports},
        {"both", SETTING_FLAG, &s->both},
        {"eio3", SETTING_FLAG, &options->allow_eio3},
        {"msgpack", SETTING_FLAG, &s->msgpack},
        {"deflate", SETTING_FLAG, &options->per_message_deflate},
        {"no-upgrade", SETTING_FLAG, &options->disable_upgrades},
        {"connect-timeout", SETTING_U32, &options->connect_timeout_ms},
        {"max-payload", SETTING_U64, &options->max_payload},
        {"trusted-proxy", SETTING_TEXT, &s->proxy},
        {"tls-client-ca", SETTING_TEXT, &tls->client_ca_file},
        {"tls-client-optional", SETTING_FLAG, &tls->client_cert_optional},
        {NULL, SETTING_END, NULL},
    };
    read_settings(&s->common, own, argc, argv, usage);
    options->disable_polling = strcmp(s->transports, "websocket") == 0;
    options->disable_websocket = strcmp(s->transports, "polling") == 0;
    if (!options->disable_polling && !options->disable_websocket &&
        strcmp(s->transports, "both") != 0) {
        fputs(usage, stderr);
        exit(2);
    }
    options->parser = s->msgpack ? SIO_PARSER_MSGPACK : SIO_PARSER_DEFAULT;
}

static int set_up(sio_server *server, unsigned index, void *user) {
    (void)index;
    sio_server_set_user(server, user); /* the program */
    add_namespace(server, "/");
    add_namespace(server, "/chat");
    add_namespace(server, "/admin");
    return 0;
}

static void listen_tls(sio_server *server, const struct settings *s) {
    sio_listen_options options = SIO_LISTEN_OPTIONS_INIT;
    unsigned id = 0;
    options.host = s->common.host;
    options.tls = &s->common.tls;
    check(sio_server_listen_with(server, &options, &id), "listen with TLS");
    printf("TLS %u\n", (unsigned)sio_server_listener_port(server, id));
}

int main(int argc, char **argv) {
    struct settings s = {.common = COMMON_SETTINGS_INIT, .transports = "both"};
    sio_server_options *options = &s.common.options;
    struct program program;

    read_arguments(&s, argc, argv);
    /* The tests send 1 MB of binary to peers that poll. */
    options->max_queued_bytes = UINT64_C(64) << 20;
    if (s.common.tls.cert_file != NULL && !s.both) {
        options->tls = &s.common.tls;
    }
    if (s.proxy != NULL) {
        options->trusted_proxies = &s.proxy;
        options->trusted_proxy_count = 1;
    }
    options->setup = set_up;
    options->setup_user = &program;
    program_init(&program, options, CLOSE_DEADLINE_MS);
    check(sio_server_listen(program.server, s.common.host, s.common.port), "listen");
    if (s.both) {
        listen_tls(program.server, &s);
    }
    check(program_run(&program), "loop");
    program_done(&program);
    return 0;
}
