/* Servers of one hub, each on a thread of its own: events at random while clients are cut off, come
 * back elsewhere, join and leave; in the end each client has exactly what a model says. */
#include "server_support.h"

#include "hub.h"

#include <sio/parent.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { SERVERS = 4, CLIENTS = 12, ROOMS = 3, EVENTS = 1200, BATCH = 8, KINDS = 3 };

/* ---- servers ---- */

typedef struct member {
    unsigned index;
    pthread_t thread;
    sio_server *server;
    sio_namespace *root;
    sio_namespace *parent;
    uint16_t port;
    /* Of its own thread while it runs. */
    uint32_t random;
    unsigned count; /* events that were emitted */
    int *rooms;     /* of each; -1: all */
    unsigned asked[KINDS];
    atomic_uint answered[KINDS];
    atomic_bool emitted; /* all */
} member;

static member servers[SERVERS];
static sio_hub *hub;
static unsigned total;  /* events of each server */
static unsigned others; /* servers besides one */
static bool guests;     /* some of them come and go */

static unsigned random_below(uint32_t *state, unsigned n) {
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) % n;
}

static const char *const room_names[ROOMS] = {"r0", "r1", "r2"};

static void on_join(sio_peer *peer, const sio_event *event, void *user) {
    ck_assert_int_eq(sio_peer_join(peer, sio_event_string(event, 0)), 0);
    if (event->ack) {
        (void)sio_ack_sendf(event->ack, NULL);
    }
}

static void on_leave(sio_peer *peer, const sio_event *event, void *user) {
    sio_peer_leave(peer, sio_event_string(event, 0));
}

static void on_fetched(const sio_fetch_reply *reply, void *user) {
    ck_assert(reply->status == SIO_OK || reply->status == SIO_ERR_DISCONNECTED);
    for (size_t i = 0; i < reply->count; i++) {
        ck_assert_uint_gt(strlen(reply->peers[i].id), 0);
        ck_assert_str_eq(reply->peers[i].handshake->address, "127.0.0.1");
    }
    atomic_fetch_add(&((member *)user)->answered[0], 1);
}

static void on_acks(const sio_target_reply *reply, void *user) {
    ck_assert(reply->status == SIO_OK || reply->status == SIO_ERR_DISCONNECTED);
    atomic_fetch_add(&((member *)user)->answered[1], 1);
}

static void on_answers(const sio_server_side_reply *reply, void *user) {
    ck_assert(reply->status == SIO_OK || reply->status == SIO_ERR_DISCONNECTED);
    ck_assert_uint_le(reply->count, others);
    ck_assert(guests || reply->status != SIO_OK || reply->count == others);
    atomic_fetch_add(&((member *)user)->answered[2], 1);
}

static void on_question(sio_namespace *ns, const sio_event *event, void *user) {
    ck_assert_int_eq(sio_ack_send(event->ack, event->args), 0);
}

static void emit_one(member *m) {
    int room = (int)random_below(&m->random, ROOMS + 1) - 1;
    sio_target target = sio_namespace_target(m->root);
    if (room >= 0) {
        sio_target_to(&target, room_names[room]);
    }
    m->rooms[m->count] = room;
    ck_assert_int_eq(
        sio_target_emitf(&target, "n", "u u B", m->index, m->count, "bytes", (size_t)(room == 0)),
        0);
    m->count++;
}

static void ask_something(member *m) {
    sio_target target = sio_namespace_target(m->root);
    sio_target nobody = target;
    sio_target children = sio_namespace_target(m->parent);
    char child[16];
    switch (random_below(&m->random, 8)) {
    case 5:
        snprintf(child, sizeof(child), "/child-%u", random_below(&m->random, 4));
        ck_assert_ptr_nonnull(sio_server_of(m->server, child));
        break;
    case 6:
        ck_assert_int_eq(sio_target_emitf(&children, "c", NULL), 0);
        break;
    case 7:
        m->asked[1] += sio_target_emit_ackf(&children, "q", 20000, on_acks, m, NULL) == 0;
        break;
    case 0:
        m->asked[0] += sio_target_fetch(&target, on_fetched, m) == 0;
        break;
    case 1:
        m->asked[1] += sio_target_emit_ackf(sio_target_to(&nobody, "nobody"), "q", 20000, on_acks,
                                            m, NULL) == 0;
        break;
    case 2:
        m->asked[2] +=
            sio_namespace_server_side_emit(m->root, "q", NULL, 20000, on_answers, m) == 0;
        break;
    case 3:
        ck_assert_int_eq(sio_target_join(&target, "churn"), 0);
        break;
    default:
        ck_assert_int_eq(sio_target_leave(&target, "churn"), 0);
        break;
    }
}

static void emit_some(void *user) {
    member *m = user;
    if (m->count == total) {
        return;
    }
    for (unsigned i = random_below(&m->random, BATCH); i < BATCH && m->count < total; i++) {
        emit_one(m);
    }
    if (random_below(&m->random, 4) == 0) {
        ask_something(m);
    }
    if (m->count == total) {
        sio_target all = sio_namespace_target(m->root);
        ck_assert_int_eq(sio_target_emitf(&all, "end", "u", m->index), 0);
        atomic_store(&m->emitted, true);
    }
}

static void emit_all(void *user) {
    member *m = user;
    while (m->count < total) {
        emit_some(m);
    }
}

static void *run_server(void *arg) {
    member *m = arg;
    ck_assert_int_eq(sio_server_run(m->server), 0);
    sio_server_free(m->server);
    return NULL;
}

static void stop_server(void *user) {
    sio_server_stop(user);
}

static void start_server(unsigned index, const sio_server_options *options) {
    member *m = &servers[index];
    sio_server_options mine = *options;
    m->index = index;
    m->random = index + 1;
    m->rooms = calloc(EVENTS, sizeof(*m->rooms));
    mine.adapter = sio_hub_adapter(hub, index);
    ck_assert_int_eq(sio_server_new(&m->server, &mine), 0);
    ck_assert_int_eq(sio_server_listen(m->server, "127.0.0.1", 0), 0);
    m->port = sio_server_port(m->server);
    m->root = sio_server_of(m->server, "/");
    m->parent = sio_server_of_pattern(m->server, "^/child-");
    ck_assert_ptr_nonnull(m->parent);
    sio_namespace_on(m->root, "join", on_join, NULL);
    sio_namespace_on(m->root, "leave", on_leave, NULL);
    sio_namespace_on_server_side(m->root, "q", on_question, NULL);
    ck_assert_int_eq(pthread_create(&m->thread, NULL, run_server, m), 0);
}

static void start(void) {
    static const sio_server_recovery recovery = SIO_SERVER_RECOVERY_INIT;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.recovery = &recovery;
    others = SERVERS - 1;
    guests = false;
    memset(servers, 0, sizeof(servers));
    ck_assert_int_eq(sio_hub_new(&hub, &(sio_hub_options){.members = SERVERS}), 0);
    for (unsigned i = 0; i < SERVERS; i++) {
        start_server(i, &options);
    }
}

static void stop(void) {
    for (unsigned i = 0; i < SERVERS; i++) {
        ck_assert_int_eq(sio_server_post(servers[i].server, stop_server, NULL, servers[i].server),
                         0);
    }
    for (unsigned i = 0; i < SERVERS; i++) {
        pthread_join(servers[i].thread, NULL);
        free(servers[i].rooms);
    }
    sio_hub_unref(hub);
}

/* ---- clients ---- */

typedef struct client {
    raw_client raw;
    char sid[64];
    char pid[64];
    char offset[64];
    int room;
    unsigned got[SERVERS]; /* the next event that is expected of each, by its number */
    unsigned ends;
    bool binary; /* the last frame announced an attachment */
} client;

static server_test sides[SERVERS]; /* the clients' view of each server */
static client clients[CLIENTS];

static void read_ids(client *c, const char *reply, bool recovered) {
    char sid[64];
    char pid[64];
    ck_assert_msg(sscanf(reply, "40{\"sid\":\"%63[^\"]\",\"pid\":\"%63[^\"]\"}", sid, pid) == 2,
                  "%s", reply);
    ck_assert_msg(!recovered || (strcmp(sid, c->sid) == 0 && strcmp(pid, c->pid) == 0),
                  "not recovered: %s", reply);
    memcpy(c->sid, sid, sizeof(sid));
    memcpy(c->pid, pid, sizeof(pid));
}

static bool concerns(const client *c, int room) {
    return room < 0 || room == c->room;
}

/* It is the next one of its server that concerns the client. */
static void take_event(client *c, unsigned from, unsigned number) {
    const member *m = &servers[from];
    ck_assert_uint_lt(number, total);
    while (c->got[from] < number) {
        ck_assert_msg(!concerns(c, m->rooms[c->got[from]]), "%u of %u is missing before %u",
                      c->got[from], from, number);
        c->got[from]++;
    }
    ck_assert_msg(c->got[from] == number, "%u of %u comes after %u", number, from, c->got[from]);
    ck_assert(concerns(c, m->rooms[number]));
    c->got[from]++;
}

static void take_frame(client *c, const char *text) {
    unsigned from;
    unsigned number;
    const char *comma = strrchr(text, ',');
    if (strncmp(text, "451-[\"n\",", 9) == 0) {
        ck_assert_int_eq(sscanf(text + 9, "%u,%u", &from, &number), 2);
        take_event(c, from, number);
    } else if (strncmp(text, "42[\"end\",", 9) == 0) {
        c->ends++;
    } else {
        ck_assert_msg(strncmp(text, "42[\"first\",", 11) == 0 || strncmp(text, "43", 2) == 0 ||
                          strcmp(text, "2") == 0,
                      "%s", text);
    }
    if (text[0] == '4' && text[1] != '3' && comma) {
        ck_assert_int_eq(sscanf(comma, ",\"%63[^\"]\"]", c->offset), 1);
    }
}

static bool has_frame(const client *c) {
    const uint8_t *in = c->raw.in;
    size_t len = c->raw.len;
    size_t head = 2;
    if (len < 2) {
        return false;
    }
    size_t body = in[1];
    if (body == 126) {
        head = 4;
        if (len < 4) {
            return false;
        }
        body = (size_t)in[2] << 8 | in[3];
    }
    return len >= head + body;
}

/* Up to `count` frames of what has arrived. The offset counts when the attachment is there. */
static void read_frames(client *c, unsigned count) {
    char before[64];
    ws_frame frame;
    for (unsigned i = 0; i < count && has_frame(c); i++) {
        ck_assert(ws_receive(&c->raw, &frame));
        if (frame.first == 0x82) {
            ck_assert(c->binary);
            c->binary = false;
        } else {
            memcpy(before, c->offset, sizeof(before));
            take_frame(c, (const char *)frame.data);
            c->binary = strncmp((const char *)frame.data, "451-", 4) == 0;
            if (c->binary) {
                count++; /* both or none */
                server_until(c->raw.test, has_frame(c));
            }
        }
        ws_frame_free(&frame);
    }
}

static void join_first(client *c, unsigned index) {
    char text[128];
    ws_frame frame;
    server_test *side = &sides[index % SERVERS];
    c->room = (int)(index % ROOMS);
    ws_connect(&c->raw, side, "EIO=4", NULL);
    ws_text(&c->raw, "40");
    ck_assert(ws_receive(&c->raw, &frame));
    read_ids(c, (const char *)frame.data, false);
    ws_frame_free(&frame);
    snprintf(text, sizeof(text), "420[\"join\",\"r%d\"]", c->room);
    ws_text(&c->raw, text);
    ws_expect(&c->raw, "430[]");
}

static void say_hello(void *user) {
    sio_target all = sio_namespace_target(((member *)user)->root);
    ck_assert_int_eq(sio_target_emitf(&all, "first", NULL), 0);
}

static void come_back(client *c, uint32_t *state) {
    char connect[256];
    ws_frame frame;
    bool in = false;
    snprintf(connect, sizeof(connect), "40{\"pid\":\"%s\",\"offset\":\"%s\"}", c->pid, c->offset);
    ws_connect(&c->raw, &sides[random_below(state, SERVERS)], "EIO=4", NULL);
    ws_text(&c->raw, connect);
    while (!in) {
        server_until(c->raw.test, has_frame(c));
        in = c->raw.len > 4 && memcmp(c->raw.in + (c->raw.in[1] == 126 ? 4 : 2), "40{", 3) == 0;
        if (!in) {
            read_frames(c, 1);
        }
    }
    ck_assert(ws_receive(&c->raw, &frame));
    read_ids(c, (const char *)frame.data, true);
    ws_frame_free(&frame);
}

/* An orderly end, a reset, or nothing that the server would notice. */
static void cut(client *c, uint32_t *state) {
    raw_client unnoticed = {.fd = -1};
    read_frames(c, random_below(state, 5));
    switch (random_below(state, 3)) {
    case 0:
        raw_reset(&c->raw);
        break;
    case 1:
        raw_close(&c->raw);
        break;
    default:
        unnoticed = c->raw;
        break;
    }
    c->binary = false;
    come_back(c, state);
    raw_close(&unnoticed);
}

static bool all_have_ended(void) {
    bool all = true;
    for (int i = 0; i < CLIENTS; i++) {
        read_frames(&clients[i], UINT32_MAX / 2);
        all &= clients[i].ends >= SERVERS;
    }
    return all;
}

static bool all_was_answered(void) {
    bool all = true;
    for (int i = 0; i < SERVERS; i++) {
        for (int k = 0; k < KINDS; k++) {
            all &= !atomic_load(&servers[i].emitted) ||
                   atomic_load(&servers[i].answered[k]) == servers[i].asked[k];
        }
    }
    return all;
}

static void check_client(client *c) {
    for (unsigned m = 0; m < SERVERS; m++) {
        ck_assert_uint_eq(servers[m].count, total);
        while (c->got[m] < total) {
            ck_assert_msg(!concerns(c, servers[m].rooms[c->got[m]]), "%u of %u is missing",
                          c->got[m], m);
            c->got[m]++;
        }
    }
    ck_assert_uint_eq(c->ends, SERVERS);
}

static void open_sides(struct event_base *base) {
    for (int i = 0; i < SERVERS; i++) {
        sides[i] = (server_test){.base = base, .port = servers[i].port};
    }
}

static bool all_have_offsets(void) {
    for (int i = 0; i < CLIENTS; i++) {
        read_frames(&clients[i], 1);
        if (!clients[i].offset[0]) {
            return false;
        }
    }
    return true;
}

START_TEST(each_client_gets_what_concerns_it_once) {
    struct event_base *base = event_base_new();
    uint32_t state = 12345;
    bool emitted = false;
    total = test_steps(EVENTS);
    open_sides(base);
    memset(clients, 0, sizeof(clients));
    for (unsigned i = 0; i < CLIENTS; i++) {
        join_first(&clients[i], i);
    }
    ck_assert_int_eq(sio_server_post(servers[0].server, say_hello, NULL, &servers[0]), 0);
    server_until(&sides[0], all_have_offsets());
    while (!emitted) {
        client *c = &clients[random_below(&state, CLIENTS)];
        unsigned what = random_below(&state, 10);
        for (unsigned i = random_below(&state, SERVERS); i < SERVERS; i++) {
            ck_assert_int_eq(sio_server_post(servers[i].server, emit_some, NULL, &servers[i]), 0);
        }
        if (what < 3) {
            cut(c, &state);
        } else if (what == 3) {
            ws_text(&c->raw,
                    random_below(&state, 2) ? "42[\"join\",\"churn\"]" : "42[\"leave\",\"churn\"]");
        } else {
            read_frames(c, random_below(&state, 30));
        }
        event_base_loop(base, EVLOOP_NONBLOCK);
        emitted = true;
        for (int i = 0; i < SERVERS; i++) {
            emitted &= atomic_load(&servers[i].emitted);
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        cut(&clients[i], &state);
    }
    server_until(&sides[0], all_have_ended());
    server_until(&sides[0], all_was_answered());
    for (int i = 0; i < CLIENTS; i++) {
        check_client(&clients[i]);
        raw_close(&clients[i].raw);
    }
    ck_assert_uint_eq(sio_hub_lost(hub), 0);
    event_base_free(base);
}
END_TEST

/* ---- servers that come and go while others send ---- */

enum { ROUNDS = 20 };

static void *come_and_go(void *arg) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    static const sio_server_recovery recovery = SIO_SERVER_RECOVERY_INIT;
    options.recovery = &recovery;
    options.adapter = sio_hub_adapter(hub, SERVERS);
    unsigned rounds = test_steps(ROUNDS * 20) / 20;
    for (unsigned i = 0; i <= rounds; i++) {
        sio_server *server;
        ck_assert_int_eq(sio_server_new(&server, &options), 0);
        sio_target all = sio_namespace_target(sio_server_of(server, "/"));
        for (int k = 0; k < 10; k++) {
            ck_assert_int_eq(sio_target_emitf(&all, "x", "i", k), 0);
            ck_assert_int_eq(sio_target_join(&all, "churn"), 0);
        }
        ck_assert_int_eq(sio_server_post(server, stop_server, NULL, server), 0);
        ck_assert_int_eq(sio_server_run(server), 0);
        sio_server_free(server);
    }
    return NULL;
}

START_TEST(servers_come_and_go) {
    static const sio_server_recovery recovery = SIO_SERVER_RECOVERY_INIT;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    pthread_t guest;
    options.recovery = &recovery;
    total = test_steps(EVENTS);
    others = SERVERS;
    guests = true;
    memset(servers, 0, sizeof(servers));
    ck_assert_int_eq(sio_hub_new(&hub, &(sio_hub_options){.members = SERVERS + 1}), 0);
    ck_assert_int_eq(pthread_create(&guest, NULL, come_and_go, NULL), 0);
    for (unsigned i = 0; i < SERVERS; i++) {
        start_server(i, &options);
        ck_assert_int_eq(sio_server_post(servers[i].server, emit_all, NULL, &servers[i]), 0);
    }
    pthread_join(guest, NULL);
    stop();
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server hub threads");
    TCase *stress = tcase_create("stress");
    tcase_add_checked_fixture(stress, start, stop);
    tcase_add_test(stress, each_client_gets_what_concerns_it_once);
    suite_add_tcase(suite, stress);
    TCase *life = tcase_create("life");
    tcase_add_test(life, servers_come_and_go);
    suite_add_tcase(suite, life);
    return test_run(suite);
}
