/* Scenarios about connecting, leaving, losing the connection and coming back. */
#include "client.h"

#include <stdlib.h>
#include <string.h>

/* The server says hello(n, ...) at the n-th connection. */
static void await_hello(struct run *run, sio_socket *socket, int64_t n) {
    struct record *hello = await(run, socket, "hello");
    if (!sio_args_is_int(hello->args, 0) || sio_args_int(hello->args, 0) != n) {
        fail("hello: expected %d", (int)n);
    }
    record_free(hello);
}

static void emit(sio_socket *socket, const char *event) {
    check(sio_socket_emitf(socket, event, ""), event);
}

/* ---- namespaces, credentials --------------------------------------------------------------- */

static void play_namespaces(struct run *run) {
    const char *message = getenv("SIO_NOPE");
    struct namespaces all;
    open_namespaces(run, &all);
    for (int i = 0; i < 3; i++) {
        expect(run, all.known[i], "hello", namespace_args[i]);
        call(run, all.known[i], "tag", namespace_args[i], "\"tagged\"");
    }
    expect_refusal(run, all.nope, message != NULL && message[0] != '\0' ? message : NULL, NULL);
    expect_refusal(run, all.denied, "denied", "{\"code\":403,\"why\":[\"x\"]}");

    sio_socket_disconnect(all.known[1]);
    expect_reason(run, all.known[1], "disconnect", "io client disconnect");
    call(run, all.known[2], "ping-me", "", "\"pong-/b\"");
    call(run, all.known[0], "ping-me", "", "\"pong-/\"");
    emit(all.known[0], "done");
    record_free(await(run, all.known[0], "bye"));

    expect_none(run, all.nope, "connect");
    expect_none(run, all.denied, "connect");
    expect_one_connection(run, &all);
    sio_client_close(run->client);
    settle(run);
}

/* Refused by a middleware, then let in with another payload on the same socket. */
static void play_auth(struct run *run) {
    sio_socket *socket = open_unauthorized(run);
    expect_none(run, socket, "connect");
    check(sio_socket_set_auth(socket, "{\"token\":\"good\"}"), "auth");
    check(sio_socket_connect(socket), "connect");
    expect(run, socket, "welcome", "\"authorized\"");
    leave(run, socket);
}

/* No trust, no certificate, an older protocol: an error, never a connection. */
static void play_refused(struct run *run) {
    run->options.reconnection_attempts = SIO_CLIENT_NO_RECONNECTION;
    sio_socket *socket = open_socket(run, "/");
    emit(socket, "hi");
    expect_failure(run, socket);
    idle(run, 300);
    expect_none(run, socket, "connect");
}

/* ---- the end of a connection --------------------------------------------------------------- */

/* After the server's own disconnect nothing reconnects by itself. */
static void play_server_disconnect(struct run *run) {
    sio_socket *socket = open_socket(run, "/");
    await_hello(run, socket, 1);
    emit(socket, "kick-me");
    expect_reason(run, socket, "disconnect", "io server disconnect");
    record_free(await(run, socket, "connect"));
    idle(run, 1500);
    expect_none(run, socket, "connect");
    expect_none(run, socket, "hello");
    expect_no_attempt(run, socket);

    check(sio_socket_connect(socket), "connect");
    await_hello(run, socket, 2);
    emit(socket, "kick-hard");
    expect_reason(run, socket, "disconnect", "io server disconnect");
    idle(run, 500);
    expect_no_attempt(run, socket);
}

static void emit_while_away(sio_socket *socket) {
    for (int i = 1; i <= 3; i++) {
        check(sio_socket_emitf(socket, "buffered", "i", i), "buffered");
    }
}

static void play_reconnect(struct run *run) {
    sio_socket *socket = open_socket(run, "/");
    await_hello(run, socket, 1);
    char *before = id_of(socket);
    run->on_disconnect = emit_while_away;
    emit(socket, "cut-me");
    expect_reason(run, socket, "disconnect", "transport close");
    run->on_disconnect = NULL;
    await_hello(run, socket, 2);
    expect_other_id(socket, before);
    if (run->reconnections != 1) {
        fail("%d reconnections", (int)run->reconnections);
    }
    finish(run, socket, "");
}

/* The server is away for a while: attempts fail, and the application hears of it. */
static void play_reconnect_hard(struct run *run) {
    sio_socket *socket = open_socket(run, "/");
    await_hello(run, socket, 1);
    char *before = id_of(socket);
    emit(socket, "cut-me");
    expect_loss(run, socket);
    await_hello(run, socket, 2);
    struct record *error = take(run, socket, "connect_error");
    expect_other_id(socket, before);
    if (error == NULL || run->failed_attempts < 1 || run->reconnections != 1) {
        fail("%d failed attempts, %d reconnections", (int)run->failed_attempts,
             (int)run->reconnections);
    }
    record_free(error);
    finish(run, socket, "");
}

/* ---- recovery ------------------------------------------------------------------------------ */

enum { RECOVERY_COUNT = 200 };

static void play_recovery(struct run *run) {
    sio_socket *socket = connected(run);
    char *id = id_of(socket);
    for (int64_t i = 0; i < RECOVERY_COUNT; i++) {
        struct record *n = await(run, socket, "n");
        if (!sio_args_is_int(n->args, 0) || sio_args_int(n->args, 0) != i) {
            fail("n: expected %d, got %d", (int)i, (int)sio_args_int(n->args, 0));
        }
        record_free(n);
    }
    int reconnections = 0;
    bool all_recovered = true;
    for (struct record *gone; (gone = take(run, socket, "disconnect")) != NULL;) {
        struct record *back = await(run, socket, "connect");
        reconnections++;
        all_recovered = all_recovered && back->recovered && strcmp(back->id, id) == 0;
        record_free(gone);
        record_free(back);
    }
    free(id);
    check(
        sio_socket_emitf(socket, "got", "i i b", RECOVERY_COUNT, reconnections, (int)all_recovered),
        "got");
    finish(run, socket, NULL);
    expect_none(run, socket, "n");
    if (reconnections != 2 || !all_recovered) {
        fail("%d reconnections, all recovered: %d", reconnections, all_recovered);
    }
}

static void play_recovery_lost(struct run *run) {
    sio_socket *socket = connected(run);
    await_hello(run, socket, 1);
    char *before = id_of(socket);
    emit(socket, "cut-me");
    record_free(await(run, socket, "disconnect"));
    struct record *back = await(run, socket, "connect");
    await_hello(run, socket, 2);
    check(sio_socket_emitf(socket, "report", "b b", (int)back->recovered,
                           (int)(strcmp(back->id, before) != 0)),
          "report");
    record_free(back);
    free(before);
    finish(run, socket, NULL);
}

/* ---- heartbeat ----------------------------------------------------------------------------- */

static void play_heartbeat(struct run *run) {
    sio_socket *socket = connected(run);
    idle(run, 1500);
    expect_none(run, socket, "disconnect");
    call(run, socket, "alive", "", "true");
    leave(run, socket);
}

static void play_ping_timeout(struct run *run) {
    run->options.reconnection_attempts = SIO_CLIENT_NO_RECONNECTION;
    sio_socket *socket = open_socket(run, "/");
    struct record *hello = await(run, socket, "hello");
    struct record *gone = await(run, socket, "disconnect");
    uint64_t took = gone->came_ms - hello->came_ms;
    expect_args(hello, "1");
    if (strcmp(gone->reason, "ping timeout") != 0 || took < 300 || took > 3000) {
        fail("disconnect after %d ms: %s", (int)took, gone->reason);
    }
    record_free(hello);
    record_free(gone);
    idle(run, 200);
}

/* ---- a broken server ----------------------------------------------------------------------- */

/* Connect again where the library does not by itself. */
static void keep_trying(const struct run *run, sio_socket *socket) {
    if (!sio_socket_active(socket)) {
        check(sio_socket_connect(socket), "connect");
    } else if (sio_client_get_state(run->client) == SIO_CLIENT_STATE_CLOSED &&
               !sio_client_reconnecting(run->client)) {
        check(sio_client_open(run->client), "open");
    }
}

/* One broken packet for each connection: ignored, or the end of the connection. */
static void play_malformed(struct run *run) {
    struct record *bye;
    run->options.reconnection_delay_ms = 20;
    sio_socket *socket = open_socket(run, "/");
    while ((bye = take(run, socket, "bye")) == NULL) {
        turn(run, "bye");
        expect_none(run, socket, "bad");
        keep_trying(run, socket);
    }
    expect_args(bye, "\"ok\"");
    record_free(bye);
    emit(socket, "done");
    idle(run, 200);
    expect_none(run, socket, "bad");
}

const struct scenario connection_scenarios[] = {
    {"auth", play_auth},
    {"heartbeat", play_heartbeat},
    {"malformed", play_malformed},
    {"namespaces", play_namespaces},
    {"ping-timeout", play_ping_timeout},
    {"reconnect", play_reconnect},
    {"reconnect-hard", play_reconnect_hard},
    {"recovery", play_recovery},
    {"recovery-lost", play_recovery_lost},
    {"refused", play_refused},
    {"server-disconnect", play_server_disconnect},
    {NULL, NULL},
};
