/* The application of a whole server whose callbacks do anything at any time: middlewares that
 * answer now or later, event middlewares, parents of dynamic namespaces, rooms, broadcasts with
 * answers, disconnects, and the server's end inside of them. What each does is drawn from the
 * input.
 *
 * Whatever asks for an answer gets exactly one, the server's end included. */
#ifndef TESTS_FUZZ_SERVER_APPLICATION_H
#define TESTS_FUZZ_SERVER_APPLICATION_H

#include "parent.h"

#include <sio/server.h>

#include "draw.h"

enum { KEPT = 16, MAX_CALLBACKS = 2000, MAX_RECORDS = 3000, MAX_CHILDREN = 4 };

/* Something that is answered exactly once, unless it was refused. */
typedef struct record {
    unsigned answers;
    bool refused;
} record;

typedef struct application {
    draw in;
    sio_server *server; /* NULL once it was freed */
    sio_namespace *parents[2];
    sio_next *nexts[KEPT];
    sio_peer *peers[KEPT];
    record records[MAX_RECORDS];
    size_t record_count;
    unsigned callbacks;
    unsigned depth;
} application;

static application app;

static uint8_t drawn(void) {
    return draw_byte(&app.in);
}

/* ---- what is awaited ---- */

static record *record_new(void) {
    return app.record_count < MAX_RECORDS ? &app.records[app.record_count++] : NULL;
}

static void record_asked(record *r, int rc) {
    r->refused = rc != 0;
    REQUIRE(!r->refused || r->answers == 0);
}

static void record_answered(void *user) {
    record *r = user;
    REQUIRE(!r->refused && r->answers++ == 0);
}

static void check_records(void) {
    for (size_t i = 0; i < app.record_count; i++) {
        REQUIRE(app.records[i].answers == (app.records[i].refused ? 0 : 1));
    }
}

/* ---- what callbacks do ---- */

static const char *name_of(uint8_t choice) {
    static const char *const names[] = {"/",       "/static", "/room-1", "/room-2",
                                        "/room-3", "/late-1", "/late-2", "/none"};
    return names[choice % 8];
}

static void give_back_peers(void) {
    for (unsigned i = 0; i < KEPT; i++) {
        sio_peer *peer = app.peers[i];
        app.peers[i] = NULL;
        sio_peer_unref(peer);
    }
}

static void end_server(void) {
    sio_server *server = app.server;
    if (server) {
        give_back_peers();
        app.server = NULL;
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
        if (!app.nexts[i]) {
            app.nexts[i] = next;
            return;
        }
    }
    sio_next_ok(next);
}

static void decide(sio_next *next) {
    uint8_t how = drawn();
    if (how & 0x40) {
        answer_later(next);
    } else {
        answer(next, how);
    }
}

static void keep_peer(sio_peer *peer) {
    for (unsigned i = 0; i < KEPT; i++) {
        if (!app.peers[i]) {
            app.peers[i] = sio_peer_ref(peer);
            return;
        }
    }
}

static void on_reply(const sio_target_reply *reply, void *user);
static void on_fetch(const sio_fetch_reply *reply, void *user);
static void on_ack(const sio_event *event, void *user);
static void act_on_server(uint8_t what);

static void act_on_target(const sio_target *target, uint8_t what) {
    record *r = what % 8 == 1 || what % 8 == 5 ? record_new() : NULL;
    switch (what % 8) {
    case 0:
        sio_target_emit(target, "n", NULL);
        break;
    case 1:
        if (r) {
            record_asked(r, sio_target_emit_ack(target, "q", NULL, what & 8 ? 50 : 0, on_reply, r));
        }
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
        if (r) {
            record_asked(r, sio_target_fetch(target, on_fetch, r));
        }
        break;
    default:
        REQUIRE(sio_target_count(target) >= 0);
        break;
    }
}

static void act_on_peer(sio_peer *peer) {
    uint8_t what = drawn();
    sio_target others;
    record *r;
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
        act_on_target(&others, drawn());
        break;
    case 8:
        others = sio_namespace_target(sio_peer_namespace(peer));
        act_on_target(&others, drawn());
        break;
    case 9:
        if ((r = record_new()) != NULL) {
            record_asked(r, sio_peer_emit_ackf(peer, "q", what & 16 ? 50 : 0, on_ack, r, "i", 1));
        }
        break;
    case 10:
        give_back_peers();
        break;
    case 11:
        act_on_server(drawn());
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
    return app.server && app.depth < 4 && app.callbacks++ < MAX_CALLBACKS;
}

static void on_event(sio_peer *peer, const sio_event *event, void *user) {
    if (may_act()) {
        app.depth++;
        if (event->ack && drawn() & 1) {
            sio_ack_send(event->ack, event->args);
        }
        act_on_peer(peer);
        app.depth--;
    }
}

static void on_reply(const sio_target_reply *reply, void *user) {
    record_answered(user);
    if (may_act()) {
        act_on_server(drawn());
    }
}

static void on_fetch(const sio_fetch_reply *reply, void *user) {
    record_answered(user);
    if (may_act()) {
        act_on_server(drawn());
    }
}

static void on_ack(const sio_event *event, void *user) {
    record_answered(user);
    if (may_act()) {
        act_on_server(drawn());
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
        act_on_server(drawn());
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
        app.depth++;
        act_on_server(drawn());
        app.depth--;
    }
}

static void act_on_server(uint8_t what) {
    sio_namespace *ns;
    sio_target target;
    if (!app.server) {
        return;
    }
    switch (what % 8) {
    case 1:
        target = sio_namespace_target(app.parents[what >> 7]);
        act_on_target(&target, drawn());
        break;
    case 2:
        ns = sio_namespace_lookup(app.server, SIO_STR("/room-1"));
        if (ns) {
            target = sio_namespace_target(ns);
            act_on_target(&target, drawn());
        }
        break;
    case 3:
        sio_server_of(app.server, name_of(drawn()));
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

/* ---- a run ---- */

static void answer_one(uint8_t which) {
    sio_next **place = &app.nexts[which % KEPT];
    sio_next *next = *place;
    if (next) {
        *place = NULL;
        answer(next, drawn());
    }
}

static void answer_all(void) {
    for (unsigned i = 0; i < KEPT; i++) {
        answer_one((uint8_t)i);
    }
}

/* The application's part of the options is set here. */
static void start_server(sio_server_options *options) {
    options->cleanup_empty_child_namespaces = true;
    options->max_child_namespaces = MAX_CHILDREN;
    options->max_waiting_events = 8;
    REQUIRE(sio_server_new(&app.server, options) == 0);
    app.parents[0] = sio_server_of_pattern(app.server, "^/room-[0-9]+$");
    app.parents[1] = sio_server_of_match(app.server, on_match, NULL);
    REQUIRE(app.parents[0] && app.parents[1]);
    set_up(app.parents[0]);
    set_up(app.parents[1]);
    set_up(sio_server_of(app.server, "/"));
    set_up(sio_server_of(app.server, "/static"));
    sio_server_on_new_namespace(app.server, on_new_namespace, NULL);
}

/* Everyone has gone: no child that had a peer is left. */
static void check_nobody(void) {
    if (app.server) {
        REQUIRE(sio_server_session_count(app.server) == 0);
        REQUIRE(sio_list_empty(&app.server->removed_children));
        REQUIRE(sio_list_empty(&app.server->idle_children));
    }
}

#endif
