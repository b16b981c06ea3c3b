/* The official test suites of the Engine.IO and Socket.IO protocols. */
#include "conformance.h"

#include <string.h>

enum { PING_INTERVAL_MS = 300, PING_TIMEOUT_MS = 200, MAX_PAYLOAD = 1000000 };

/* The Socket.IO suite listens for one message at a time and misses a second one that comes in the
 * same segment. So the event leaves a little behind the reply to CONNECT, but before anything else.
 */
enum { AUTH_DELAY_MS = 10 };

static void emit_auth(sio_peer *peer) {
    const sio_handshake *handshake = sio_peer_handshake(peer);
    sio_args *args = NULL;
    sio_peer_set_user(peer, NULL, NULL);
    if (sio_args_new(&args, NULL) == 0 && sio_args_add_raw(args, handshake->auth) == 0) {
        sio_peer_emit(peer, "auth", args, NULL);
    }
    sio_args_unref(args);
}

static bool owes_auth(const sio_peer *peer) {
    return sio_peer_user(peer) != NULL;
}

static void pay_auth(void *user) {
    sio_peer *peer = user;
    if (owes_auth(peer)) {
        emit_auth(peer);
    }
    sio_peer_unref(peer);
}

static void forgive_auth(void *user) {
    sio_peer_unref(user);
}

static void pay_auth_first(sio_peer *peer, const sio_event *ev, void *user) {
    (void)ev;
    (void)user;
    if (owes_auth(peer)) {
        emit_auth(peer);
    }
}

static void on_connection(sio_peer *peer, const sio_event *ev, void *user) {
    (void)ev;
    if (strcmp(sio_peer_transport(peer), "polling") == 0) {
        emit_auth(peer);
    } else {
        sio_peer_set_user(peer, peer, NULL);
        after(user, AUTH_DELAY_MS, pay_auth, forgive_auth, sio_peer_ref(peer));
    }
}

static void set_up_namespace(conformance *c, sio_namespace *ns) {
    check(ns ? 0 : SIO_ERR_NOMEM, "namespace");
    check(sio_namespace_on_connection(ns, on_connection, c), "handler");
    check(sio_namespace_on_any(ns, pay_auth_first, NULL), "handler");
}

static void echo(sio_engine_session *session, bool binary, uint8_t *data, size_t len, void *user) {
    (void)user;
    if (binary) {
        sio_engine_session_send_binary(session, (sio_bytes){data, len}, NULL);
    } else {
        sio_engine_session_send_text(session, (sio_str){(const char *)data, len}, NULL);
    }
}

static void add_raw_engine(conformance *c) {
    sio_engine *engine;
    sio_engine_options options = SIO_ENGINE_OPTIONS_INIT;
    options.path = "/engine.io";
    options.ping_interval_ms = PING_INTERVAL_MS;
    options.ping_timeout_ms = PING_TIMEOUT_MS;
    options.max_payload = MAX_PAYLOAD;
    options.callbacks.on_message = echo;
    check(sio_server_add_engine(&engine, c->server, &options), "engine");
}

static void configure(sio_server_options *options) {
    options->ping_interval_ms = PING_INTERVAL_MS;
    options->ping_timeout_ms = PING_TIMEOUT_MS;
    options->max_payload = MAX_PAYLOAD;
    options->connect_timeout_ms = 1000;
}

static void set_up(conformance *c) {
    sio_namespace *root = sio_server_of(c->server, "/");
    set_up_namespace(c, root);
    set_up_namespace(c, sio_server_of(c->server, "/custom"));
    check(sio_namespace_on(root, "message", emit_message_back, NULL), "handler");
    check(sio_namespace_on(root, "message-with-ack", acknowledge_with_arguments, NULL), "handler");
    add_raw_engine(c);
}

const profile profile_protocol = {
    .name = "protocol", .configure = configure, .set_up = set_up, .tear_down = NULL};
