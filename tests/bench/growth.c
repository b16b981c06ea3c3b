/* What one operation of a server costs when there is much of something else: connections, rooms,
 * memberships, timers, namespaces, acknowledgements. Server and clients are one process, on socket
 * pairs, so that callgrind counts the same instructions each time. Without arguments the cases are
 * listed: name, how often to do it, the sizes, and what is done; with NAME SIZE TIMES one is done.
 * What is counted begins when all is set up. */
#include "server_state.h"

#include <sio/parent.h>
#include <sio/server.h>

#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <valgrind/callgrind.h>

enum { ANSWER_MAX = 4096, HOUR_MS = 3600000, CROWD = 100, ROOM_MEMBERS = 10, PER_CONNECTION = 64 };

typedef struct growth {
    unsigned size;
    struct event_base *base;
    sio_server *server;
    sio_namespace *root;
    int *clients;
    unsigned count;
    sio_peer **peers; /* of the root namespace, in the order of joining */
    unsigned joined;
    unsigned ended;
    unsigned answered;
    unsigned turn;
    char answer[ANSWER_MAX];
    size_t answer_len;
    sio_timer *timers;
} growth;

typedef struct growth_case {
    const char *name;
    unsigned times;
    const char *sizes;
    const char *what;
    void (*set_up)(growth *g);
    void (*once)(growth *g);
} growth_case;

static void must(bool holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "growth: %s\n", what);
        exit(1);
    }
}

/* ---- clients ---- */

static void turn(growth *g) {
    must(event_base_loop(g->base, EVLOOP_NONBLOCK) >= 0, "the loop fails");
}

/* Until something has come; it is behind what came before. */
static void receive(growth *g, int fd) {
    ssize_t n = -1;
    for (unsigned turns = 0; n < 0 && turns < 100; turns++) {
        turn(g);
        n = recv(fd, g->answer + g->answer_len, ANSWER_MAX - 1 - g->answer_len, MSG_DONTWAIT);
    }
    must(n > 0, "no answer comes");
    g->answer_len += (size_t)n;
    g->answer[g->answer_len] = '\0';
}

static bool has(const growth *g, const char *text) {
    return memmem(g->answer, g->answer_len, text, strlen(text)) != NULL;
}

static void await(growth *g, int fd, const char *text) {
    for (g->answer_len = 0; !has(g, text);) {
        receive(g, fd);
    }
}

/* The key is zero, so that the text stays as it is. */
static void put(int fd, const char *text) {
    uint8_t frame[6 + 125] = {0x81};
    size_t len = strlen(text);
    must(len <= 125, "a long frame");
    frame[1] = (uint8_t)(0x80 | len);
    memcpy(frame + 6, text, len);
    must(send(fd, frame, 6 + len, MSG_NOSIGNAL) == (ssize_t)(6 + len), "sending fails");
}

static int open_socket(growth *g) {
    static const char request[] = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n"
                                  "Host: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                  "Sec-WebSocket-Version: 13\r\n\r\n";
    int fds[2];
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0,
         "too many descriptors");
    must(sio_server_adopt(g->server, fds[0], NULL, 0, false) == 0, "a connection is refused");
    must(send(fds[1], request, sizeof(request) - 1, 0) > 0, "sending fails");
    await(g, fds[1], "maxPayload");
    return fds[1];
}

static void join(growth *g, int fd, const char *connect) {
    put(fd, connect);
    await(g, fd, "\"sid\"");
}

static void crowd(growth *g, unsigned count) {
    g->clients = calloc(count, sizeof(*g->clients));
    g->peers = calloc(count + 1, sizeof(*g->peers));
    must(g->clients && g->peers, "no memory");
    for (; g->count < count; g->count++) {
        g->clients[g->count] = open_socket(g);
        join(g, g->clients[g->count], "40");
    }
}

/* ---- the server ---- */

static void on_connection(sio_peer *peer, const sio_event *event, void *user) {
    growth *g = user;
    (void)event;
    g->peers[g->joined++] = peer;
}

static void on_disconnect(sio_peer *peer, const sio_event *event, void *user) {
    growth *g = user;
    (void)peer;
    (void)event;
    g->ended++;
}

static void on_echo(sio_peer *peer, const sio_event *event, void *user) {
    (void)user;
    must(sio_peer_emit(peer, "echo", event->args, NULL) == 0, "an emit fails");
}

static void serve_echo(sio_namespace *ns) {
    must(ns && sio_namespace_on(ns, "echo", on_echo, NULL) == 0, "no namespace");
}

static void begin(growth *g) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    g->base = event_base_new();
    options.base = g->base;
    options.ping_interval_ms = HOUR_MS; /* callgrind takes its time */
    options.max_pending_acks = 100000;
    options.max_child_namespaces = 100000;
    must(g->base && sio_server_new(&g->server, &options) == 0, "no server");
    g->root = sio_server_of(g->server, "/");
    serve_echo(g->root);
    must(sio_namespace_on_connection(g->root, on_connection, g) == 0, "no handler");
    must(sio_namespace_on(g->root, "disconnect", on_disconnect, g) == 0, "no handler");
}

/* ---- an echo among other things ---- */

static void echo(growth *g) {
    int fd = g->clients[g->turn++ % g->count];
    put(fd, "42[\"echo\",1]");
    await(g, fd, "42[\"echo\",1]");
}

static void many_connections(growth *g) {
    crowd(g, g->size);
}

static void never(void *ctx) {
    must(ctx == NULL, "a timer fires early");
}

static void many_timers(growth *g) {
    crowd(g, 1);
    g->timers = calloc(g->size, sizeof(*g->timers));
    must(g->timers != NULL, "no memory");
    for (unsigned i = 0; i < g->size; i++) {
        must(sio_timer_init(&g->timers[i], g->server->loop, never, g) == 0, "no memory");
        sio_timer_start(&g->timers[i], HOUR_MS + i * 7919 % g->size);
    }
}

/* One is moved on, as heartbeats and deadlines do. */
static void move_a_timer(growth *g) {
    sio_timer_start(&g->timers[g->turn % g->size], HOUR_MS * 2);
    echo(g);
}

static void name_of(char out[32], const char *prefix, unsigned number) {
    snprintf(out, 32, "%s%u", prefix, number);
}

static void many_namespaces(growth *g) {
    char name[32];
    for (unsigned i = 0; i < g->size; i++) {
        name_of(name, "/n", i);
        serve_echo(sio_server_of(g->server, name));
    }
    crowd(g, 1);
    join(g, g->clients[0], "40/n7,");
}

static void echo_in_a_namespace(growth *g) {
    put(g->clients[0], "42/n7,[\"echo\",1]");
    await(g, g->clients[0], "42/n7,[\"echo\",1]");
}

static void many_children(growth *g) {
    char connect[32];
    serve_echo(sio_server_of_pattern(g->server, "^/c[0-9]+$"));
    unsigned connections = (g->size + PER_CONNECTION - 3) / (PER_CONNECTION - 2);
    crowd(g, connections);
    for (unsigned i = 0; i < g->size; i++) {
        snprintf(connect, sizeof(connect), "40/c%u,", i);
        join(g, g->clients[i / (PER_CONNECTION - 2)], connect);
    }
}

static void echo_in_a_child(growth *g) {
    put(g->clients[0], "42/c7,[\"echo\",1]");
    await(g, g->clients[0], "42/c7,[\"echo\",1]");
}

/* The child is made for it, and goes with it. */
static void visit_a_child(growth *g) {
    join(g, g->clients[0], "40/c999999,");
    put(g->clients[0], "41/c999999,");
    turn(g);
}

/* ---- acknowledgements ---- */

static void on_answer(const sio_event *event, void *user) {
    growth *g = user;
    (void)event;
    g->answered++;
}

static void ask(growth *g) {
    must(sio_peer_emit_ackf(g->peers[0], "ask", HOUR_MS, on_answer, g, "i", 1) == 0,
         "an emit fails");
    g->answer_len = 0;
    while (!has(g, "[\"ask\",1]")) {
        receive(g, g->clients[0]);
    }
}

static void many_questions(growth *g) {
    crowd(g, 1);
    for (unsigned i = 0; i < g->size; i++) {
        ask(g);
    }
}

static void ask_and_answer(growth *g) {
    char text[32];
    unsigned before = g->answered;
    ask(g);
    const char *id = memmem(g->answer, g->answer_len, "42", 2);
    snprintf(text, sizeof(text), "43%d[1]", atoi(id + 2));
    put(g->clients[0], text);
    for (unsigned turns = 0; g->answered == before && turns < 100; turns++) {
        turn(g);
    }
    must(g->answered == before + 1, "no answer comes");
}

/* ---- rooms ---- */

/* Each client is in a tenth of them. */
static void many_rooms(growth *g) {
    char room[32];
    crowd(g, CROWD);
    for (unsigned i = 0; i < g->size; i++) {
        name_of(room, "room-", i);
        for (unsigned k = 0; k < ROOM_MEMBERS; k++) {
            must(sio_peer_join(g->peers[(i + k * 7) % CROWD], room) == 0, "joining fails");
        }
    }
}

static void emit_to_a_room(growth *g) {
    sio_target target = sio_namespace_target(g->root);
    must(sio_target_emitf(sio_target_to(&target, "room-3"), "news", "i", 1) == 0, "an emit fails");
    for (unsigned k = 0; k < ROOM_MEMBERS; k++) {
        await(g, g->clients[(3 + k * 7) % CROWD], "42[\"news\",1]");
    }
}

static void emit_by_id(growth *g) {
    unsigned at = g->turn++ * 31 % g->count;
    sio_target target = sio_namespace_target(g->root);
    sio_target_to(&target, sio_peer_id(g->peers[at]));
    must(sio_target_emitf(&target, "news", "i", 1) == 0, "an emit fails");
    await(g, g->clients[at], "42[\"news\",1]");
}

/* `size` memberships of a hundred clients. */
static void many_memberships(growth *g) {
    char room[32];
    crowd(g, CROWD + 1);
    for (unsigned i = 0; i < g->size; i++) {
        name_of(room, "room-", i / CROWD);
        must(sio_peer_join(g->peers[i % CROWD], room) == 0, "joining fails");
    }
}

static void join_and_leave(growth *g) {
    sio_peer *peer = g->peers[CROWD];
    must(sio_peer_join(peer, "room-5") == 0 && sio_peer_join(peer, "a room") == 0, "joining fails");
    sio_peer_leave(peer, "a room");
    sio_peer_leave(peer, "room-5");
}

/* In three rooms, two of which are there already. */
static void come_and_go(growth *g) {
    unsigned before = g->ended;
    int fd = open_socket(g);
    g->joined = CROWD + 1;
    join(g, fd, "40");
    sio_peer *peer = g->peers[CROWD + 1];
    must(sio_peer_join(peer, "room-5") == 0 && sio_peer_join(peer, "room-6") == 0 &&
             sio_peer_join(peer, "a room") == 0,
         "joining fails");
    close(fd);
    for (unsigned turns = 0; g->ended == before && turns < 100; turns++) {
        turn(g);
    }
    must(g->ended == before + 1, "nobody hears of the end");
}

/* ---- the cases ---- */

static const growth_case cases[] = {
    {"connections", 1000, "100 1000 9000", "echo on one of so many connections", many_connections,
     echo},
    {"timers", 1000, "10 10000", "echo, and move one of so many timers on", many_timers,
     move_a_timer},
    {"namespaces", 1000, "10 10000", "echo in one of so many namespaces", many_namespaces,
     echo_in_a_namespace},
    {"children", 1000, "10 10000", "echo in one of so many dynamic namespaces", many_children,
     echo_in_a_child},
    {"visit", 500, "10 9000", "join and leave a dynamic namespace, besides so many", many_children,
     visit_a_child},
    {"acks", 1000, "10 10000", "emit and be acknowledged, so many outstanding", many_questions,
     ask_and_answer},
    {"by-id", 1000, "100 9000", "emit to the id of one of so many peers", many_connections,
     emit_by_id},
    {"rooms", 200, "10 10000", "broadcast to 10 members of one of so many rooms", many_rooms,
     emit_to_a_room},
    {"memberships", 1000, "0 1000000", "join and leave two rooms, so many memberships elsewhere",
     many_memberships, join_and_leave},
    {"visitors", 200, "0 1000000",
     "connect, join three rooms, disconnect; so many memberships elsewhere", many_memberships,
     come_and_go},
};

static void run_case(const growth_case *c, unsigned size, unsigned times) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    growth *g = calloc(1, sizeof(*g));
    must(g != NULL, "no memory");
    g->size = size;
    begin(g);
    c->set_up(g);
    c->once(g);
    CALLGRIND_START_INSTRUMENTATION;
    for (unsigned i = 0; i < times; i++) {
        c->once(g);
    }
    CALLGRIND_STOP_INSTRUMENTATION;
    /* The process ends here: what the set-up has made is not given back. */
    fflush(stdout);
    _Exit(0);
}

int main(int argc, char **argv) {
    enum { CASES = sizeof(cases) / sizeof(cases[0]) };
    for (int i = 0; i < CASES && argc < 4; i++) {
        printf("%s\t%u\t%s\t%s\n", cases[i].name, cases[i].times, cases[i].sizes, cases[i].what);
    }
    for (int i = 0; i < CASES && argc == 4; i++) {
        if (strcmp(argv[1], cases[i].name) == 0) {
            run_case(&cases[i], (unsigned)strtoul(argv[2], NULL, 10),
                     (unsigned)strtoul(argv[3], NULL, 10));
        }
    }
    return argc == 4;
}
