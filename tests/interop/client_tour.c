/* The scenario that every server must pass: it speaks the events of interop-server, which
 * reference_server.mjs knows for three generations of the JavaScript server.
 * SIO_EIO=3 means a Socket.IO 2.x server, which knows no auth payload. */
#include "client.h"

#include <stdlib.h>
#include <string.h>

enum { COUNT = 1000, STEP = 10, BIG = 1000000 };

/* welcome(id, auth) */
static void expect_welcome(struct run *run, sio_socket *socket, const char *auth) {
    record_free(await(run, socket, "connect"));
    struct record *welcome = await(run, socket, "welcome");
    sio_str got = sio_args_raw(welcome->args, 1);
    if (strcmp(sio_args_string(welcome->args, 0), sio_socket_id(socket)) != 0) {
        fail("the server calls %s %s", sio_socket_id(socket), sio_args_string(welcome->args, 0));
    }
    if (run->options.eio_version == 4 &&
        (got.len != strlen(auth) || memcmp(got.ptr, auth, got.len) != 0)) {
        fail("auth: expected %s, got %.*s", auth, (int)got.len, got.ptr);
    }
    record_free(welcome);
}

/* Some in each turn, both ways, from the first moment on: where there is an upgrade, it falls into
 * them. */
static void send_numbers(struct run *run, sio_socket *socket) {
    check(sio_socket_emitf(socket, "stream", "i i i", COUNT, 1, STEP), "stream");
    for (int i = 0; i < COUNT; i++) {
        check(sio_socket_emitf(socket, "up", "i", i), "up");
        if (i % STEP == STEP - 1) {
            idle(run, 1);
        }
    }
    expect(run, socket, "down-end", "1000");
    expect_down(run, COUNT);
    call(run, socket, "up-report", "", "1000,999,0");
}

static void await_transport(struct run *run, sio_socket *socket) {
    bool polling = run->options.transports == SIO_CLIENT_POLLING;
    const char *wanted = polling ? "polling" : "websocket";
    while (strcmp(sio_client_transport(run->client), wanted) != 0) {
        turn(run, "the upgrade");
    }
    call(run, socket, "transport", "", polling ? "\"polling\"" : "\"websocket\"");
}

static void expect_handshake(struct run *run, sio_socket *socket) {
    bool secure = strncmp(run->url, "https:", 6) == 0;
    check(sio_socket_emit_ackf(socket, "handshake", 0, on_reply, run, ""), "handshake");
    struct record *reply = await(run, NULL, "ack");
    const char *url = sio_args_string(reply->args, 0);
    if (strstr(url, "who=tour") == NULL || sio_args_bool(reply->args, 1) != secure) {
        fail("handshake: %s", url);
    }
    record_free(reply);
}

static void answer_question(struct run *run, sio_socket *socket) {
    check(sio_socket_emitf(socket, "ask-me", "s", "how many?"), "ask-me");
    struct record *question = await(run, socket, "question");
    expect_args(question, "\"how many?\"");
    check(sio_ack_sendf(question->ack, "i B", 7, "\xfe", (size_t)1), "answer");
    record_free(question);
    expect(run, socket, "answer", "7,\"<fe>\"");
}

/* Emitted, then acknowledged: the same comes back. */
static void echo(struct run *run, sio_socket *socket, const sio_args *args, const char *back) {
    check(sio_socket_emit(socket, "echo", args, NULL), "echo");
    expect(run, socket, "echo-back", back);
    sio_emit_options options = SIO_EMIT_OPTIONS_INIT;
    options.on_ack = on_reply;
    options.user = run;
    check(sio_socket_emit(socket, "echo-ack", args, &options), "echo-ack");
    expect_ack(run, back);
}

static void echo_values(struct run *run, sio_socket *socket) {
    static const char *const values[] = {
        "\"café ☃𝄞\",42,-1.5,true,null,{\"a\":{\"b\":[]}},[]",
        "{\"b\":\"<0001ff>\",\"l\":[\"x\",{\"d\":\"<>\"}]},\"<fe>\"",
    };
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        sio_args *args = args_of(values[i]);
        echo(run, socket, args, values[i]);
        sio_args_unref(args);
    }
}

static void echo_big(struct run *run, sio_socket *socket) {
    uint8_t *bytes = malloc(BIG);
    char *text = malloc(BIG);
    check(bytes == NULL || text == NULL ? SIO_ERR_NOMEM : 0, "memory");
    for (size_t i = 0; i < BIG; i++) {
        bytes[i] = (uint8_t)(i * 7);
        text[i] = (char)('a' + i % 26);
    }
    check(sio_socket_emitf(socket, "echo", "S B", text, (size_t)BIG, bytes, (size_t)BIG), "echo");
    struct record *back = await(run, socket, "echo-back");
    sio_str got = sio_args_str(back->args, 0);
    sio_bytes blob = sio_args_binary(back->args, 1);
    if (got.len != BIG || memcmp(got.ptr, text, BIG) != 0 || blob.len != BIG ||
        memcmp(blob.ptr, bytes, BIG) != 0) {
        fail("%zu and %zu bytes came back, or others than were sent", got.len, blob.len);
    }
    record_free(back);
    free(text);
    free(bytes);
}

/* Two namespaces of one connection are two members. */
static void broadcast(struct run *run, sio_socket *socket, struct run *witness, sio_socket *other) {
    check(sio_socket_emit_ackf(other, "join", 0, on_reply, witness, "s", "red"), "join");
    expect_ack(witness, "\"ok\"");
    check(sio_socket_emitf(socket, "to-room", "s s i", "red", "news", 1), "to-room");
    check(sio_socket_emitf(socket, "to-room", "s s i", "blue", "news", 2), "to-room");
    check(sio_socket_emitf(socket, "broadcast", "s B", "others", "\x01", (size_t)1), "broadcast");
    check(sio_socket_emitf(socket, "all", "s s", "all", "hi"), "all");
    expect(witness, other, "news", "1");
    expect(witness, other, "others", "\"<01>\"");
    expect(witness, other, "all", "\"hi\"");
    expect(run, socket, "all", "\"hi\"");
    expect_nothing(witness);
    expect_nothing(run);
}

static void second_namespace(struct run *run) {
    sio_socket *chat = open_socket(run, "/chat");
    expect_welcome(run, chat, "{\"token\":\"abc\"}");
    check(sio_socket_emitf(chat, "echo", "s", "there"), "echo");
    expect(run, chat, "echo-back", "\"there\"");
    sio_socket_disconnect(chat);
    expect_reason(run, chat, "disconnect", "io client disconnect");
}

static void play_tour(struct run *run) {
    struct run witness = *run;
    run->options.auth = run->options.eio_version == 4 ? "{\"token\":\"abc\"}" : NULL;
    run->options.query = "who=tour";
    sio_socket *socket = open_socket(run, "/");
    expect_welcome(run, socket, "{\"token\":\"abc\"}");
    send_numbers(run, socket);
    await_transport(run, socket);
    expect_handshake(run, socket);
    answer_question(run, socket);
    echo_values(run, socket);
    echo_big(run, socket);
    second_namespace(run);

    sio_socket *other = open_socket(&witness, "/");
    expect_welcome(&witness, other, "{}");
    broadcast(run, socket, &witness, other);

    check(sio_socket_emitf(socket, "drop", ""), "drop");
    expect_reason(run, socket, "disconnect", "transport close");
    expect_welcome(run, socket, "{\"token\":\"abc\"}");
    check(sio_socket_emitf(socket, "kick", ""), "kick");
    expect_reason(run, socket, "disconnect", "io server disconnect");
    while (witness.inbox != NULL || sio_socket_connected(socket)) {
        struct record *left = await(&witness, other, "peer-left");
        record_free(left);
    }
    sio_client_free(witness.client);
}

const struct scenario tour_scenarios[] = {
    {"tour", play_tour},
    {NULL, NULL},
};
