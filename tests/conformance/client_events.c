/* Scenarios about what is sent and received. */
#include "client.h"

#include <event2/event.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void answer(struct run *run, sio_socket *socket, const char *question, const char *args,
                   const char *with) {
    struct record *record = await(run, socket, question);
    sio_args *list = args_of(with);
    expect_args(record, args);
    if (record->ack == NULL) {
        fail("%s asks for no acknowledgement", question);
    }
    check(sio_ack_send(record->ack, list), question);
    sio_args_unref(list);
    record_free(record);
}

static void emit(sio_socket *socket, const char *event, const char *args) {
    sio_args *list = args_of(args);
    check(sio_socket_emit(socket, event, list, NULL), event);
    sio_args_unref(list);
}

static void play_basic(struct run *run) {
    sio_socket *socket = connected(run);
    expect(run, socket, "welcome",
           "\"hello\",{\"n\":1,\"list\":[1,2,3],\"none\":null,\"u\":\"☃𝄞\"}");
    emit(socket, "greet", "\"café\",42,-1.5,true,false,null,{\"a\":{\"b\":[]}},[]");
    call(run, socket, "sum", "2,3", "5");
    call(run, socket, "multi", "", "\"a\",2,{\"k\":[true]}");
    answer(run, socket, "question", "\"how many?\"", "7,\"seven\"");
    emit(socket, "done", "");
    expect(run, socket, "bye", "\"ok\"");
    leave(run, socket);
}

/* `{"a":<0001ff>,"l":["x",<>,{"d":<e29883>}]}`, then the 256 different bytes. */
static void write_blob(char *out, size_t size) {
    size_t len = (size_t)snprintf(
        out, size, "{\"a\":\"<0001ff>\",\"l\":[\"x\",\"<>\",{\"d\":\"<e29883>\"}]},\"<");
    for (unsigned i = 0; i < 256; i++) {
        len += (size_t)snprintf(out + len, size - len, "%02x", i);
    }
    snprintf(out + len, size - len, ">\"");
}

static void play_binary(struct run *run) {
    char blob[1024];
    sio_socket *socket = connected(run);
    write_blob(blob, sizeof(blob));
    expect(run, socket, "blob", blob);
    emit(socket, "blob-back", blob);
    call(run, socket, "bin-ack", "\"<deadbeef>\",{\"x\":\"<01>\"}",
         "{\"r\":\"<fe>\"},\"<deadbeef>\"");
    answer(run, socket, "bin-question", "\"<09>\"", "\"<0909>\",[\"<01>\",\"t\"]");
    expect(run, socket, "bye", "\"ok\"");
    leave(run, socket);
}

/* Emitted before there is a connection: kept, then sent in order. */
static void play_early(struct run *run) {
    run->options.no_auto_connect = true;
    sio_socket *socket = open_socket(run, "/");
    emit(socket, "e", "1");
    emit(socket, "e", "2");
    emit(socket, "e", "3");
    check(sio_socket_emit_ackf(socket, "last", 0, on_reply, run, ""), "last");
    check(sio_socket_connect(socket), "connect");
    expect_ack(run, "\"ok\"");
    leave(run, socket);
}

enum { BIG_LETTERS = 400000, BIG_BYTES = 900000 };

static void play_big(struct run *run) {
    sio_socket *socket = connected(run);
    exchange_big(run, socket, BIG_LETTERS, BIG_BYTES);
    finish(run, socket, NULL);
}

enum { ORDER_COUNT = 2000, ORDER_STEP = 5 };

struct upward {
    sio_socket *socket;
    struct event *timer;
    int next;
};

static void on_millisecond(evutil_socket_t fd, short what, void *user) {
    struct upward *up = user;
    (void)fd, (void)what;
    for (int i = 0; i < ORDER_STEP; i++) {
        check(sio_socket_emitf(up->socket, "up", "i", up->next++), "up");
    }
    if (up->next == ORDER_COUNT) {
        event_del(up->timer);
    }
}

/* Some each millisecond, in both directions, so that the upgrade falls into them. */
static void play_order(struct run *run) {
    const struct timeval millisecond = {0, 1000};
    struct upward up = {.socket = connected(run)};
    up.timer = event_new(run->base, -1, EV_PERSIST, on_millisecond, &up);
    check(up.timer == NULL ? SIO_ERR_NOMEM : event_add(up.timer, &millisecond), "timer");
    while (up.next < ORDER_COUNT || run->down_next < ORDER_COUNT) {
        turn(run, "down");
    }
    event_free(up.timer);
    expect_down(run, ORDER_COUNT);
    finish(run, up.socket, "2000");
    if (run->down_next != ORDER_COUNT) {
        fail("%d came, more than were awaited", (int)run->down_next);
    }
}

static void play_ack_timeout(struct run *run) {
    sio_socket *socket = connected(run);
    uint64_t begin = now_ms();
    check(sio_socket_emit_ackf(socket, "slow", 300, on_reply, run, "i", 1), "slow");
    struct record *late = await(run, NULL, "ack");
    uint64_t took = late->came_ms - begin;
    if (late->status != SIO_ERR_TIMEOUT || took < 250 || took > 1500) {
        fail("expected a timeout after 300 ms, got after %d: %s", (int)took,
             sio_error_text(late->status));
    }
    record_free(late);
    idle(run, 900); /* the answer comes meanwhile */
    expect_none(run, NULL, "ack");
    call(run, socket, "fast", "", "\"ok\"");
    finish(run, socket, "");
}

/* At least once, in order: the server leaves the first unanswered twice. */
static void play_retries(struct run *run) {
    run->options.retries = 3;
    run->options.ack_timeout_ms = 200;
    sio_socket *socket = connected(run);
    for (int i = 1; i <= 2; i++) {
        check(sio_socket_emit_ackf(socket, "r", 0, on_reply, run, "i", i), "r");
    }
    expect_ack(run, "\"ok1\"");
    expect_ack(run, "\"ok2\"");
    check(sio_socket_emit_ackf(socket, "done", 0, on_reply, run, ""), "done");
    struct record *done = await(run, NULL, "ack");
    check(done->status, "done");
    record_free(done);
    finish(run, socket, NULL);
}

const struct scenario event_scenarios[] = {
    {"ack-timeout", play_ack_timeout},
    {"basic", play_basic},
    {"big", play_big},
    {"binary", play_binary},
    {"early", play_early},
    {"maxpayload", play_maxpayload},
    {"order", play_order},
    {"retries", play_retries},
    {"upgrade", play_upgrade},
    {NULL, NULL},
};
