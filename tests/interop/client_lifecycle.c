/* Scenarios about connecting, leaving, losing the connection and coming back. The server's half of
 * each is in js_server.test.mjs under the same name. */
#include "client.h"

#include <stdlib.h>
#include <string.h>

/* A namespace whose server says hello(n) at the n-th connection. */
static void expect_hello(struct run *run, sio_socket *socket, const char *args) {
    record_free(await(run, socket, "connect"));
    expect(run, socket, "hello", args);
}

static void play_namespaces(struct run *run) {
    struct namespaces all;
    open_namespaces(run, &all);
    for (int i = 0; i < 3; i++) {
        expect_hello(run, all.known[i], namespace_args[i]);
        call(run, all.known[i], "tag", namespace_args[i], namespace_args[i]);
    }
    expect_refusal(run, all.nope, "Invalid namespace", "");
    expect_refusal(run, all.denied, "denied", "{\"code\":403,\"why\":[\"x\"]}");
    expect_one_connection(run, &all);

    sio_socket_disconnect(all.known[1]);
    expect_reason(run, all.known[1], "disconnect", "io client disconnect");
    for (int i = 2; i >= 0; i -= 2) {
        call(run, all.known[i], "ping-me", "", namespace_args[i]);
    }
    check(sio_socket_connect(all.known[1]), "connect");
    expect_hello(run, all.known[1], namespace_args[1]);
    check(sio_socket_emitf(all.known[0], "done", ""), "done");
    expect(run, all.known[0], "bye", "\"ok\"");
    for (int i = 0; i < 2; i++) {
        sio_socket_disconnect(all.known[i]);
        expect_reason(run, all.known[i], "disconnect", "io client disconnect");
    }
    leave(run, all.known[2]);
}

/* Refused by a middleware, then let in with another payload on the same socket. */
static void play_auth(struct run *run) {
    sio_socket *socket = open_unauthorized(run);
    check(sio_socket_set_auth(socket, "{\"token\":\"good\",\"n\":[1,\"☃\"]}"), "auth");
    check(sio_socket_connect(socket), "connect");
    record_free(await(run, socket, "connect"));
    expect(run, socket, "welcome", "\"authorized\"");
    leave(run, socket);
}

/* After the server's own disconnect nothing reconnects by itself. */
static void play_server_disconnect(struct run *run) {
    sio_socket *socket = open_socket(run, "/");
    expect_hello(run, socket, "1");
    check(sio_socket_emitf(socket, "kick-me", ""), "kick-me");
    expect_reason(run, socket, "disconnect", "io server disconnect");
    idle(run, 600);
    expect_no_attempt(run, socket);
    expect_nothing(run);

    check(sio_socket_connect(socket), "connect");
    expect_hello(run, socket, "2");
    check(sio_socket_emitf(socket, "kick-hard", ""), "kick-hard");
    expect_reason(run, socket, "disconnect", "io server disconnect");
    idle(run, 600);
    if (sio_socket_active(socket)) {
        fail("the library tries to reconnect");
    }
}

static void emit_while_away(sio_socket *socket) {
    for (int i = 1; i <= 3; i++) {
        check(sio_socket_emitf(socket, "kept", "i", i), "kept");
    }
}

static void play_reconnect(struct run *run) {
    sio_socket *socket = open_socket(run, "/");
    expect_hello(run, socket, "1");
    char *before = id_of(socket);
    run->on_disconnect = emit_while_away;
    check(sio_socket_emitf(socket, "cut-me", ""), "cut-me");
    expect_reason(run, socket, "disconnect", "transport close");
    run->on_disconnect = NULL;
    expect_hello(run, socket, "2");
    expect_other_id(socket, before);
    if (run->reconnections != 1 || run->attempts != 1) {
        fail("%d attempts, %d reconnections", (int)run->attempts, (int)run->reconnections);
    }
    finish(run, socket, "");
}

/* The server's host drops everything and lets nobody in for a while. */
static void play_reconnect_hard(struct run *run) {
    sio_socket *socket = open_socket(run, "/");
    expect_hello(run, socket, "1");
    char *before = id_of(socket);
    check(sio_socket_emitf(socket, "go-away", ""), "go-away");
    expect_loss(run, socket);
    while (!sio_socket_connected(socket)) {
        turn(run, "the reconnection");
        struct record *error = run->inbox;
        if (error != NULL && strcmp(error->name, "connect_error") == 0) {
            run->inbox = error->next;
            record_free(error);
        }
    }
    expect_hello(run, socket, "2");
    expect_other_id(socket, before);
    if (run->failed_attempts < 1 || run->reconnections != 1) {
        fail("%d failed attempts, %d reconnections", (int)run->failed_attempts,
             (int)run->reconnections);
    }
    finish(run, socket, "");
}

/* An acknowledgement that is awaited when the connection goes ends with an error, once. */
static void play_ack_lost(struct run *run) {
    sio_socket *socket = open_socket(run, "/");
    expect_hello(run, socket, "1");
    check(sio_socket_emit_ackf(socket, "cut-me", 0, on_reply, run, ""), "cut-me");
    struct record *lost = await(run, NULL, "ack");
    if (lost->status != SIO_ERR_DISCONNECTED) {
        fail("expected the disconnect, got: %s", sio_error_text(lost->status));
    }
    record_free(lost);
    expect_reason(run, socket, "disconnect", "transport close");
    expect_hello(run, socket, "2");
    finish(run, socket, "");
}

/* With recovery each event carries its offset as one argument more. */
static void finish_recovery(struct run *run, sio_socket *socket) {
    check(sio_socket_emitf(socket, "done", ""), "done");
    struct record *bye = await(run, socket, "bye");
    if (strcmp(sio_args_string(bye->args, 0), "ok") != 0 || sio_args_count(bye->args) != 2) {
        fail("bye: %zu arguments", sio_args_count(bye->args));
    }
    record_free(bye);
    leave(run, socket);
}

/* Connection state recovery: n(0), n(1)... with two cuts in between, none lost or doubled. */
static void play_recovery(struct run *run) {
    sio_socket *socket = open_socket(run, "/");
    bool recovered = true;
    record_free(await(run, socket, "connect"));
    char *id = id_of(socket);
    for (int64_t i = 0; i < 200; i++) {
        struct record *n = await(run, socket, "n");
        if (sio_args_int(n->args, 0) != i) {
            fail("n: expected %d, got %d", (int)i, (int)sio_args_int(n->args, 0));
        }
        record_free(n);
    }
    for (int i = 0; i < 2; i++) {
        expect_reason(run, socket, "disconnect", "transport close");
        record_free(await(run, socket, "connect"));
        recovered = recovered && sio_socket_recovered(socket);
    }
    if (!recovered || strcmp(id, sio_socket_id(socket)) != 0) {
        fail("not recovered, or with another id");
    }
    free(id);
    check(sio_socket_emitf(socket, "got", "I", run->reconnections), "got");
    finish_recovery(run, socket);
}

static void play_recovery_lost(struct run *run) {
    sio_socket *socket = open_socket(run, "/");
    record_free(await(run, socket, "connect"));
    record_free(await(run, socket, "hello"));
    char *before = id_of(socket);
    check(sio_socket_emitf(socket, "cut-me", ""), "cut-me");
    expect_reason(run, socket, "disconnect", "transport close");
    record_free(await(run, socket, "connect"));
    record_free(await(run, socket, "hello"));
    expect_other_id(socket, before);
    if (sio_socket_recovered(socket)) {
        fail("recovered what the server had forgotten");
    }
    finish_recovery(run, socket);
}

static void play_heartbeat(struct run *run) {
    sio_socket *socket = open_socket(run, "/");
    expect_hello(run, socket, "1");
    /* Sent by the server after ten pongs. */
    expect(run, socket, "alive", "true");
    finish(run, socket, "");
}

static void play_ping_timeout(struct run *run) {
    run->options.reconnection_attempts = SIO_CLIENT_NO_RECONNECTION;
    sio_socket *socket = open_socket(run, "/");
    expect_hello(run, socket, "1");
    expect_reason(run, socket, "disconnect", "ping timeout");
    idle(run, 300);
    expect_nothing(run);
}

/* Whatever the transport, the error says what is wrong. */
static void play_old_server(struct run *run) {
    run->options.reconnection_attempts = SIO_CLIENT_NO_RECONNECTION;
    sio_socket *socket = open_socket(run, "/");
    struct record *error = await(run, socket, "connect_error");
    if (error->status != SIO_ERR_SIO_OLD_SERVER || strstr(error->reason, "v2.x") == NULL) {
        fail("connect_error: status %d, reason '%s'", error->status, error->reason);
    }
    record_free(error);
}

/* No server, no TLS trust, an older protocol: an error, never a connection. */
static void play_refused(struct run *run) {
    run->options.reconnection_attempts = SIO_CLIENT_NO_RECONNECTION;
    sio_socket *socket = open_socket(run, "/");
    check(sio_socket_emitf(socket, "hi", ""), "hi");
    expect_failure(run, socket);
    idle(run, 300);
    expect_nothing(run);
}

const struct scenario lifecycle_scenarios[] = {
    {"ack-lost", play_ack_lost},
    {"auth", play_auth},
    {"heartbeat", play_heartbeat},
    {"namespaces", play_namespaces},
    {"old-server", play_old_server},
    {"ping-timeout", play_ping_timeout},
    {"reconnect", play_reconnect},
    {"reconnect-hard", play_reconnect_hard},
    {"recovery", play_recovery},
    {"recovery-lost", play_recovery_lost},
    {"refused", play_refused},
    {"server-disconnect", play_server_disconnect},
    {NULL, NULL},
};
