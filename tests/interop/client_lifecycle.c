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

static void finish(struct run *run, sio_socket *socket) {
    check(sio_socket_emitf(socket, "done", ""), "done");
    expect(run, socket, "bye", "\"ok\"");
    leave(run, socket);
}

static char *id_of(const sio_socket *socket) {
    char *id = strdup(sio_socket_id(socket));
    check(id == NULL || id[0] == '\0' ? SIO_ERR_INVALID : 0, "id");
    return id;
}

static void expect_other_id(const sio_socket *socket, char *before) {
    if (strcmp(sio_socket_id(socket), before) == 0) {
        fail("the id is the same as before");
    }
    free(before);
}

static void play_namespaces(struct run *run) {
    static const char *const names[] = {"/", "/a", "/b"};
    static const char *const quoted[] = {"\"/\"", "\"/a\"", "\"/b\""};
    sio_socket *sockets[3], *nope, *denied;
    for (int i = 0; i < 3; i++) {
        sockets[i] = open_socket(run, names[i]);
    }
    nope = open_socket(run, "/nope");
    denied = open_socket(run, "/denied");
    for (int i = 0; i < 3; i++) {
        expect_hello(run, sockets[i], quoted[i]);
        check(sio_socket_emit_ackf(sockets[i], "tag", 0, on_reply, run, "s", names[i]), "tag");
        expect_ack(run, quoted[i]);
    }
    expect_refusal(run, nope, "Invalid namespace", "");
    expect_refusal(run, denied, "denied", "{\"code\":403,\"why\":[\"x\"]}");
    if (run->opens != 1 || sio_socket_active(nope) || sio_socket_active(denied)) {
        fail("%d connections, or a refused socket is active", (int)run->opens);
    }

    sio_socket_disconnect(sockets[1]);
    expect_reason(run, sockets[1], "disconnect", "io client disconnect");
    for (int i = 2; i >= 0; i -= 2) {
        check(sio_socket_emit_ackf(sockets[i], "ping-me", 0, on_reply, run, ""), "ping-me");
        expect_ack(run, quoted[i]);
    }
    check(sio_socket_connect(sockets[1]), "connect");
    expect_hello(run, sockets[1], quoted[1]);
    check(sio_socket_emitf(sockets[0], "done", ""), "done");
    expect(run, sockets[0], "bye", "\"ok\"");
    for (int i = 0; i < 2; i++) {
        sio_socket_disconnect(sockets[i]);
        expect_reason(run, sockets[i], "disconnect", "io client disconnect");
    }
    leave(run, sockets[2]);
}

/* Refused by a middleware, then let in with another payload on the same socket. */
static void play_auth(struct run *run) {
    const sio_client_header header = {"X-Token", "abc"};
    run->options.path = "/custom/path/";
    run->options.query = "room=42&x=a%26b";
    run->options.headers = &header;
    run->options.header_count = 1;
    run->options.auth = "{\"token\":\"bad\"}";
    sio_socket *socket = open_socket(run, "/");
    expect_refusal(run, socket, "unauthorized", "{\"code\":401}");
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
    if (sio_socket_active(socket) || run->attempts != 0) {
        fail("the library tries to reconnect");
    }
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
    finish(run, socket);
}

/* The server's host drops everything and lets nobody in for a while. */
static void play_reconnect_hard(struct run *run) {
    sio_socket *socket = open_socket(run, "/");
    expect_hello(run, socket, "1");
    char *before = id_of(socket);
    check(sio_socket_emitf(socket, "go-away", ""), "go-away");
    struct record *gone = await(run, socket, "disconnect");
    if (strcmp(gone->reason, "transport close") != 0 &&
        strcmp(gone->reason, "transport error") != 0) {
        fail("disconnect: %s", gone->reason);
    }
    record_free(gone);
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
    finish(run, socket);
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
    finish(run, socket);
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
    finish(run, socket);
}

static void play_ping_timeout(struct run *run) {
    run->options.reconnection_attempts = SIO_CLIENT_NO_RECONNECTION;
    sio_socket *socket = open_socket(run, "/");
    expect_hello(run, socket, "1");
    expect_reason(run, socket, "disconnect", "ping timeout");
    idle(run, 300);
    expect_nothing(run);
}

/* No server, no TLS trust, an older protocol: an error, never a connection. */
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

static void play_refused(struct run *run) {
    run->options.reconnection_attempts = SIO_CLIENT_NO_RECONNECTION;
    sio_socket *socket = open_socket(run, "/");
    check(sio_socket_emitf(socket, "hi", ""), "hi");
    struct record *error = await(run, socket, "connect_error");
    if (error->status == 0 || error->reason[0] == '\0') {
        fail("connect_error: status %d, reason '%s'", error->status, error->reason);
    }
    record_free(error);
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
