/* Scenarios about what is sent and received. The server's half of each is in js_server.test.mjs
 * under the same name. */
#include "client.h"

#include <cjson/cJSON.h>

#include <stdlib.h>
#include <string.h>

static void answer(struct run *run, sio_socket *socket, const char *question, const char *args,
                   const char *json, const char *text) {
    struct record *record = await(run, socket, question);
    expect_args(record, args);
    if (record->ack == NULL) {
        fail("%s asks for no acknowledgement", question);
    }
    check(sio_ack_sendf(record->ack, "r s", json, text), "ack");
    if (sio_ack_sendf(record->ack, "i", 1) != SIO_ERR_STATE) {
        fail("%s could be acknowledged twice", question);
    }
    record_free(record);
}

static void play_basic(struct run *run) {
    sio_socket *socket = connected(run);
    struct record *welcome = await(run, socket, "welcome");
    expect_args(welcome,
                "\"hello\",{\"n\":1,\"list\":[1,2,3],\"none\":null,\"u\":\"☃𝄞\"},-1.5,true,null");
    if (strcmp(sio_args_string(welcome->args, 0), "hello") != 0 ||
        sio_args_kind(welcome->args, 1) != SIO_KIND_OBJECT ||
        sio_args_double(welcome->args, 2) != -1.5 || !sio_args_bool(welcome->args, 3) ||
        sio_args_kind(welcome->args, 4) != SIO_KIND_NULL || sio_args_count(welcome->args) != 5) {
        fail("welcome: the getters");
    }
    record_free(welcome);
    check(sio_socket_emitf(socket, "greet", "s i d b b n r r", "café", 42, -1.5, 1, 0,
                           "{\"a\":{\"b\":[]}}", "[]"),
          "greet");
    check(sio_socket_emit_ackf(socket, "sum", 0, on_reply, run, "i i", 2, 3), "sum");
    expect_ack(run, "5");
    call(run, socket, "multi", "", "\"a\",2,{\"k\":[true]}");
    call(run, socket, "none", "", "");
    answer(run, socket, "question", "\"how many?\"", "7", "seven");
    finish(run, socket, "");
}

/* {"a":<0001ff>,"l":["x",<>,{"d":<e29883>}]} as a tree */
static cJSON *nested_binary(void) {
    cJSON *tree = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(tree, "l");
    cJSON *deep = cJSON_CreateObject();
    cJSON_AddItemToObject(deep, "d", sio_json_binary("\xe2\x98\x83", 3));
    cJSON_AddItemToArray(list, cJSON_CreateString("x"));
    cJSON_AddItemToArray(list, sio_json_binary(NULL, 0));
    cJSON_AddItemToArray(list, deep);
    cJSON_AddItemToObject(tree, "a", sio_json_binary("\x00\x01\xff", 3));
    return tree;
}

/* EB-01 EB-02 EB-05 EB-06 */
static void play_binary(struct run *run) {
    sio_socket *socket = connected(run);
    struct record *blob = await(run, socket, "blob");
    cJSON *tree = nested_binary();
    expect_args(blob,
                "{\"a\":\"<0001ff>\",\"l\":[\"x\",\"<>\",{\"d\":\"<e29883>\"}]},\"<00090aff>\"");
    check(sio_socket_emit(socket, "blob-back", blob->args, NULL), "blob-back");
    check(sio_socket_emitf(socket, "blob-built", "j B", tree, "\x00\x09\x0a\xff", (size_t)4),
          "blob-built");
    cJSON_Delete(tree);
    record_free(blob);

    check(sio_socket_emit_ackf(socket, "bin-ack", 0, on_reply, run, "B i", "\xde\xad\xbe\xef",
                               (size_t)4, 1),
          "bin-ack");
    expect_ack(run, "{\"r\":\"<fe>\"},\"<deadbeef>\"");

    struct record *question = await(run, socket, "bin-question");
    expect_args(question, "\"<09>\"");
    check(sio_ack_sendf(question->ack, "B s", "\x09\x09", (size_t)2, "t"), "bin-question");
    record_free(question);
    finish(run, socket, "");
}

/* Emitted before there is a connection: kept, then sent in order. */
static void play_early(struct run *run) {
    sio_socket *socket = open_socket(run, "/");
    for (int i = 1; i <= 3; i++) {
        check(sio_socket_emitf(socket, "e", "i", i), "e");
    }
    check(sio_socket_emitf(socket, "e", "B", "\x04", (size_t)1), "e");
    check(sio_socket_emit_ackf(socket, "last", 0, on_reply, run, "i", 5), "last");
    record_free(await(run, socket, "connect"));
    expect_ack(run, "\"ok\"");
    leave(run, socket);
}

enum { BIG_LETTERS = 500000, BIG_BYTES = 1000000 };

/* "é" 500,000 times is 1 MB of text; byte i of the binary is 7 i. */
static void play_big(struct run *run) {
    sio_socket *socket = connected(run);
    for (int round = 0; round < 2; round++) {
        exchange_big(run, socket, BIG_LETTERS, BIG_BYTES);
    }
    finish(run, socket, "");
}

enum { ORDER_COUNT = 10000, ORDER_STEP = 20 };

/* Some in each turn, in both directions, so that the upgrade falls into them. */
static void play_order(struct run *run) {
    sio_socket *socket = connected(run);
    check(sio_socket_emitf(socket, "start", ""), "start");
    for (int i = 0; i < ORDER_COUNT; i++) {
        check(sio_socket_emitf(socket, "up", "i", i), "up");
        if (i % ORDER_STEP == ORDER_STEP - 1) {
            idle(run, 1);
        }
    }
    expect(run, socket, "down-end", "10000");
    expect_down(run, ORDER_COUNT);
    finish(run, socket, "");
}

/* 10,000 in one turn: the queue takes them, requests keep to maxPayload. */
static void play_volley(struct run *run) {
    sio_socket *socket = connected(run);
    check(sio_socket_emitf(socket, "start", ""), "start");
    for (int i = 0; i < ORDER_COUNT; i++) {
        check(sio_socket_emitf(socket, "up", "i", i), "up");
    }
    expect(run, socket, "down-end", "10000");
    expect_down(run, ORDER_COUNT);
    finish(run, socket, "");
}

static void play_ack_timeout(struct run *run) {
    sio_socket *socket = connected(run);
    check(sio_socket_emit_ackf(socket, "slow", 100, on_reply, run, "i", 1), "slow");
    struct record *late = await(run, NULL, "ack");
    if (late->status != SIO_ERR_TIMEOUT) {
        fail("expected a timeout, got: %s", sio_error_text(late->status));
    }
    record_free(late);
    /* The server answers `slow` now, then `fast`. */
    call(run, socket, "fast", "", "\"ok\"");
    expect_nothing(run);
    finish(run, socket, "");
}

/* More than one answer under way, given in another order. */
static void play_acks(struct run *run) {
    sio_socket *socket = connected(run);
    for (int i = 0; i < 100; i++) {
        check(sio_socket_emit_ackf(socket, "later", 0, on_reply, run, "i", i), "later");
    }
    check(sio_socket_emitf(socket, "answer-all", ""), "answer-all");
    for (int i = 99; i >= 0; i--) {
        struct record *record = await(run, NULL, "ack");
        if (record->status != 0 || sio_args_int(record->args, 0) != i) {
            fail("acknowledgement %d: status %d, value %d", i, record->status,
                 (int)sio_args_int(record->args, 0));
        }
        record_free(record);
    }
    finish(run, socket, "");
}

const struct scenario event_scenarios[] = {
    {"ack-timeout", play_ack_timeout},
    {"acks", play_acks},
    {"basic", play_basic},
    {"big", play_big},
    {"binary", play_binary},
    {"early", play_early},
    {"maxpayload", play_maxpayload},
    {"order", play_order},
    {"upgrade", play_upgrade},
    {"volley", play_volley},
    {NULL, NULL},
};
