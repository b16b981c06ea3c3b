/* A whole server whose callbacks do anything at any time: middlewares that answer now or later,
 * event middlewares, parents of dynamic namespaces, rooms, disconnects, and the server's end inside
 * of them. Clients are socket pairs. The input is drawn byte by byte: what to do next, and inside
 * of each callback, what that does; behind its end everything is zero, which means nothing.
 *
 * Nothing may be used after its end or leak, and no child may stay behind its last peer. */
#include "parent.h"

#include <sio/server.h>

#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

enum { CLIENTS = 3, KEPT = 16, MAX_CHILDREN = 4, MAX_CALLBACKS = 2000 };

typedef struct world {
    const uint8_t *data;
    size_t left;
    struct event_base *base;
    sio_server *server; /* NULL once it was freed */
    sio_namespace *parents[2];
    int fds[CLIENTS];
    sio_next *nexts[KEPT];
    sio_peer *peers[KEPT];
    unsigned callbacks;
    unsigned depth;
} world;

static world w;

static uint8_t draw(void) {
    if (w.left == 0) {
        return 0;
    }
    w.left--;
    return *w.data++;
}

/* ---- what callbacks do ---- */

static const char *name_of(uint8_t choice) {
    static const char *const names[] = {"/",       "/static", "/room-1", "/room-2",
                                        "/room-3", "/late-1", "/late-2", "/none"};
    return names[choice % 8];
}

static void give_back_peers(void) {
    for (unsigned i = 0; i < KEPT; i++) {
        sio_peer *peer = w.peers[i];
        w.peers[i] = NULL;
        sio_peer_unref(peer);
    }
}

static void end_server(void) {
    sio_server *server = w.server;
    if (server) {
        give_back_peers();
        w.server = NULL;
        sio_server_free(server);
    }
}

static void answer(sio_next *next, uint8_t how) {
    if (how & 4) {
        sio_next_replace(next, how & 8 ? "b" : NULL, NULL);
    }
    if (how & 1) {
        sio_next_refuse(next, "no", how & 2 ? "{\"code\":1}" : NULL);
    } else {
        sio_next_ok(next);
    }
}

static void answer_later(sio_next *next) {
    for (unsigned i = 0; i < KEPT; i++) {
        if (!w.nexts[i]) {
            w.nexts[i] = next;
            return;
        }
    }
    sio_next_ok(next);
}

static void decide(sio_next *next) {
    uint8_t how = draw();
    if (how & 0x40) {
        answer_later(next);
    } else {
        answer(next, how);
    }
}

static void keep_peer(sio_peer *peer) {
    for (unsigned i = 0; i < KEPT; i++) {
        if (!w.peers[i]) {
            w.peers[i] = sio_peer_ref(peer);
            return;
        }
    }
}

static void on_reply(const sio_target_reply *reply, void *user);
static void on_fetch(const sio_fetch_reply *reply, void *user);
static void on_ack(const sio_event *event, void *user);
static void act_on_server(uint8_t what);

static void act_on_target(const sio_target *target, uint8_t what) {
    switch (what % 8) {
    case 0:
        sio_target_emit(target, "n", NULL);
        break;
    case 1:
        sio_target_emit_ack(target, "q", NULL, 0, on_reply, NULL);
        break;
    case 2:
        sio_target_join(target, "red");
        break;
    case 3:
        sio_target_leave(target, "red");
        break;
    case 4:
        sio_target_disconnect(target, what & 8);
        break;
    case 5:
        sio_target_fetch(target, on_fetch, NULL);
        break;
    default:
        REQUIRE(sio_target_count(target) >= 0);
        break;
    }
}

static void act_on_peer(sio_peer *peer) {
    uint8_t what = draw();
    sio_target others;
    switch (what % 16) {
    case 1:
        sio_peer_emitf(peer, "e", "i", 1);
        break;
    case 2:
        sio_peer_join(peer, "red");
        break;
    case 3:
        sio_peer_leave(peer, "red");
        break;
    case 4:
        sio_peer_disconnect(peer, what & 16);
        break;
    case 5:
        sio_peer_close_connection(peer);
        break;
    case 6:
        keep_peer(peer);
        break;
    case 7:
        others = sio_peer_broadcast(peer);
        act_on_target(&others, draw());
        break;
    case 8:
        others = sio_namespace_target(sio_peer_namespace(peer));
        act_on_target(&others, draw());
        break;
    case 9:
        sio_peer_emit_ackf(peer, "q", 0, on_ack, NULL, "i", 1);
        break;
    case 10:
        give_back_peers();
        break;
    case 11:
        act_on_server(draw());
        break;
    case 12:
        if (what == 252) {
            end_server();
        }
        break;
    default:
        break;
    }
}

/* Bounded, because what callbacks do calls callbacks. */
static bool may_act(void) {
    return w.server && w.depth < 4 && w.callbacks++ < MAX_CALLBACKS;
}

static void on_event(sio_peer *peer, const sio_event *event, void *user) {
    if (may_act()) {
        w.depth++;
        if (event->ack && draw() & 1) {
            sio_ack_send(event->ack, event->args);
        }
        act_on_peer(peer);
        w.depth--;
    }
}

static void on_reply(const sio_target_reply *reply, void *user) {
    if (may_act()) {
        act_on_server(draw());
    }
}

static void on_fetch(const sio_fetch_reply *reply, void *user) {
    if (may_act()) {
        act_on_server(draw());
    }
}

static void on_ack(const sio_event *event, void *user) {
    if (may_act()) {
        act_on_server(draw());
    }
}

static void on_join(sio_peer *peer, sio_next *next, void *user) {
    on_event(peer, &(sio_event){0}, NULL);
    decide(next);
}

static void on_middleware(sio_peer *peer, const sio_event *event, sio_next *next, void *user) {
    on_event(peer, &(sio_event){0}, NULL);
    decide(next);
}

static void on_match(const char *name, sio_str auth, sio_next *next, void *user) {
    if (memcmp(name, "/late", 5) != 0) {
        sio_next_refuse(next, NULL, NULL);
        return;
    }
    if (may_act()) {
        act_on_server(draw());
    }
    decide(next);
}

static void set_up(sio_namespace *ns) {
    sio_namespace_use(ns, on_join, NULL);
    sio_namespace_use_events(ns, on_middleware, NULL);
    sio_namespace_on_connection(ns, on_event, NULL);
    sio_namespace_on_any(ns, on_event, NULL);
    sio_namespace_on(ns, "a", on_event, NULL);
    sio_namespace_once(ns, "b", on_event, NULL);
    sio_namespace_on(ns, "error", on_event, NULL);
    sio_namespace_on(ns, "disconnecting", on_event, NULL);
    sio_namespace_on(ns, "disconnect", on_event, NULL);
}

static void on_new_namespace(sio_namespace *ns, void *user) {
    if (may_act()) {
        w.depth++;
        act_on_server(draw());
        w.depth--;
    }
}

static void act_on_server(uint8_t what) {
    sio_namespace *ns;
    sio_target target;
    if (!w.server) {
        return;
    }
    switch (what % 8) {
    case 1:
        target = sio_namespace_target(w.parents[what >> 7]);
        act_on_target(&target, draw());
        break;
    case 2:
        ns = sio_namespace_lookup(w.server, SIO_STR("/room-1"));
        if (ns) {
            target = sio_namespace_target(ns);
            act_on_target(&target, draw());
        }
        break;
    case 3:
        sio_server_of(w.server, name_of(draw()));
        break;
    case 4:
        give_back_peers();
        break;
    case 5:
        if (what == 253) {
            end_server();
        }
        break;
    default:
        break;
    }
}

/* ---- clients ---- */

static const char UPGRADE[] = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: h\r\n"
                              "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                              "Sec-WebSocket-Version: 13\r\n\r\n";

static void client_open(unsigned i) {
    int pair[2];
    if (w.fds[i] >= 0 || !w.server) {
        return;
    }
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
    w.fds[i] = pair[0];
    REQUIRE(sio_server_adopt(w.server, pair[1], UPGRADE, sizeof(UPGRADE) - 1, false) == 0);
}

static void client_close(unsigned i) {
    if (w.fds[i] >= 0) {
        close(w.fds[i]);
        w.fds[i] = -1;
    }
}

static void client_text(unsigned i, const char *text, size_t len) {
    uint8_t frame[6 + 125] = {0x81, (uint8_t)(0x80 | len), 0, 0, 0, 0};
    if (w.fds[i] >= 0 && len <= 125) {
        memcpy(frame + 6, text, len);
        ssize_t sent = send(w.fds[i], frame, 6 + len, MSG_NOSIGNAL);
        (void)sent; /* the other side may have gone */
    }
}

static void client_packet(unsigned i, uint8_t choice) {
    static const char *const packets[] = {
        "40",
        "40/static,",
        "40/room-1,",
        "40/room-2,{\"a\":1}",
        "40/room-3,",
        "40/late-1,",
        "40/late-2,{}",
        "40/none,",
        "41",
        "41/room-1,",
        "41/room-2,",
        "41/late-1,",
        "42[\"a\"]",
        "42/room-1,[\"a\",1]",
        "42/room-1,7[\"b\",1]",
        "42/room-2,8[\"a\"]",
        "42/late-1,[\"b\"]",
        "43/room-1,0[1]",
        "43/room-2,0[1]",
        "43/late-1,0[]",
        "451-/room-1,[\"a\",{\"_placeholder\":true,\"num\":0}]",
        "4x",
        "1",
    };
    const char *packet = packets[choice % (sizeof(packets) / sizeof(packets[0]))];
    client_text(i, packet, strlen(packet));
}

static void client_raw(unsigned i) {
    enum { MOST = 63 };
    char text[MOST + 1];
    size_t len = draw() % (MOST + 1);
    for (size_t at = 0; at < MOST; at++) {
        text[at] = at < len ? (char)draw() : '\0';
    }
    client_text(i, text, len);
}

/* ---- a run ---- */

static void turn(void) {
    uint8_t waste[4096];
    for (unsigned round = 0; round < 4; round++) {
        event_base_loop(w.base, EVLOOP_NONBLOCK);
        for (unsigned i = 0; i < CLIENTS; i++) {
            while (w.fds[i] >= 0 && recv(w.fds[i], waste, sizeof(waste), 0) > 0) {
            }
        }
    }
}

static void answer_one(uint8_t which) {
    sio_next **place = &w.nexts[which % KEPT];
    sio_next *next = *place;
    if (next) {
        *place = NULL;
        answer(next, draw());
    }
}

static void step(void) {
    uint8_t what = draw();
    unsigned client = (what >> 4) % CLIENTS;
    switch (what & 15) {
    case 0:
        client_open(client);
        break;
    case 1:
        client_close(client);
        break;
    case 2:
        client_raw(client);
        break;
    case 3:
    case 4:
        answer_one(what >> 4);
        break;
    case 5:
        act_on_server(draw());
        break;
    case 6:
    case 7:
    case 8:
        turn();
        break;
    default:
        client_open(client);
        client_packet(client, draw());
        break;
    }
}

static void start(void) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    w.base = event_base_new();
    REQUIRE(w.base);
    options.base = w.base;
    options.cleanup_empty_child_namespaces = true;
    options.max_child_namespaces = MAX_CHILDREN;
    options.max_waiting_events = 8;
    REQUIRE(sio_server_new(&w.server, &options) == 0);
    w.parents[0] = sio_server_of_pattern(w.server, "^/room-[0-9]+$");
    w.parents[1] = sio_server_of_match(w.server, on_match, NULL);
    REQUIRE(w.parents[0] && w.parents[1]);
    set_up(w.parents[0]);
    set_up(w.parents[1]);
    set_up(sio_server_of(w.server, "/"));
    set_up(sio_server_of(w.server, "/static"));
    sio_server_on_new_namespace(w.server, on_new_namespace, NULL);
    for (unsigned i = 0; i < CLIENTS; i++) {
        w.fds[i] = -1;
    }
}

/* Everyone goes: no child that had a peer is left. */
static void check_end(void) {
    w.callbacks = MAX_CALLBACKS;
    for (unsigned i = 0; i < KEPT; i++) {
        answer_one((uint8_t)i);
    }
    turn();
    for (unsigned i = 0; i < KEPT; i++) {
        answer_one((uint8_t)i);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        client_close(i);
    }
    give_back_peers();
    turn();
    if (w.server) {
        REQUIRE(sio_server_session_count(w.server) == 0);
        REQUIRE(sio_list_empty(&w.server->removed_children));
        REQUIRE(sio_list_empty(&w.server->idle_children));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    w = (world){.data = data, .left = size};
    start();
    while (w.left > 0) {
        step();
    }
    check_end();
    end_server();
    event_base_loop(w.base, EVLOOP_NONBLOCK); /* one that was freed in a callback */
    event_base_free(w.base);
    return 0;
}
