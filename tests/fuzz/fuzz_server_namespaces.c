/* A whole server on socket pairs and the loop of an application; what its callbacks do is in
 * server_application.h. The input is drawn byte by byte: what to do next, and inside of each
 * callback, what that does; behind its end everything is zero, which means nothing.
 *
 * Nothing may be used after its end or leak, and no child may stay behind its last peer. */
#include "server_application.h"

#include <event2/event.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS = 3 };

typedef struct world {
    struct event_base *base;
    int fds[CLIENTS];
} world;

static world w;

/* ---- clients ---- */

static const char UPGRADE[] = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: h\r\n"
                              "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                              "Sec-WebSocket-Version: 13\r\n\r\n";

static void client_open(unsigned i) {
    int pair[2];
    if (w.fds[i] >= 0 || !app.server) {
        return;
    }
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
    w.fds[i] = pair[0];
    REQUIRE(sio_server_adopt(app.server, pair[1], UPGRADE, sizeof(UPGRADE) - 1, false) == 0);
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
    size_t len = drawn() % (MOST + 1);
    for (size_t at = 0; at < MOST; at++) {
        text[at] = at < len ? (char)drawn() : '\0';
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

static void step(void) {
    uint8_t what = drawn();
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
        act_on_server(drawn());
        break;
    case 6:
    case 7:
    case 8:
        turn();
        break;
    default:
        client_open(client);
        client_packet(client, drawn());
        break;
    }
}

static void start(void) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    w.base = event_base_new();
    REQUIRE(w.base);
    options.base = w.base;
    start_server(&options);
    for (unsigned i = 0; i < CLIENTS; i++) {
        w.fds[i] = -1;
    }
}

static void finish(void) {
    app.callbacks = MAX_CALLBACKS;
    answer_all();
    turn();
    answer_all();
    for (unsigned i = 0; i < CLIENTS; i++) {
        client_close(i);
    }
    give_back_peers();
    turn();
    check_nobody();
    end_server();
    event_base_loop(w.base, EVLOOP_NONBLOCK); /* one that was freed in a callback */
    event_base_free(w.base);
    check_records();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    memset(&app, 0, sizeof(app));
    app.in = (draw){data, size};
    start();
    while (app.in.left > 0) {
        step();
    }
    finish();
    return 0;
}
