/* Clients that come back to another server of the hub. */
#include "hub_support.h"

#include "namespace.h"

#include <sio/middleware.h>

#include <stdio.h>

static town w;
static raw_client c;
static sio_next *asked; /* a middleware's that has not answered */

typedef struct identity {
    char sid[64];
    char pid[64];
    char offset[64];
} identity;

static void start_with(uint64_t inbox) {
    static const sio_server_recovery recovery = SIO_SERVER_RECOVERY_INIT;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.recovery = &recovery;
    town_start_empty(&w, &options, inbox);
    asked = NULL;
}

static void start(void) {
    start_with(0);
}

static void stop(void) {
    raw_close(&c);
    town_stop(&w);
}

static void receive_text(char *out, size_t size) {
    ws_frame frame;
    ck_assert(ws_receive(&c, &frame));
    snprintf(out, size, "%.*s", (int)frame.len, (const char *)frame.data);
    ws_frame_free(&frame);
}

static void read_ids(const char *reply, identity *id) {
    ck_assert_msg(
        sscanf(reply, "40{\"sid\":\"%63[^\"]\",\"pid\":\"%63[^\"]\"}", id->sid, id->pid) == 2, "%s",
        reply);
}

static sio_peer *peer_of(int server, const identity *id) {
    return sio_namespace_find(w.root[server], id->sid);
}

/* The next event is this one; its offset is the client's now. */
static void expect_event(identity *id, const char *name) {
    char text[512];
    char start_of[64];
    receive_text(text, sizeof(text));
    snprintf(start_of, sizeof(start_of), "42[\"%s\",", name);
    ck_assert_msg(strncmp(text, start_of, strlen(start_of)) == 0, "%s, not %s", text, name);
    const char *last = strrchr(text, ',');
    ck_assert_int_eq(sscanf(last, ",\"%63[^\"]\"]", id->offset), 1);
}

static void join(int server, identity *id) {
    char text[512];
    ws_connect(&c, &w.t[server], "EIO=4", NULL);
    ws_text(&c, "40");
    receive_text(text, sizeof(text));
    read_ids(text, id);
    server_until(&w.t[0], peer_of(server, id));
    ck_assert_int_eq(sio_peer_emitf(peer_of(server, id), "first", NULL), 0);
    expect_event(id, "first");
}

static void cut_off(int server) {
    raw_reset(&c);
    server_until(&w.t[0], sio_namespace_peer_count(w.root[server]) == 0);
}

static void come_back(int server, const identity *id) {
    char connect[256];
    snprintf(connect, sizeof(connect), "40{\"pid\":\"%s\",\"offset\":\"%s\"}", id->pid, id->offset);
    ws_connect(&c, &w.t[server], "EIO=4", NULL);
    ws_text(&c, connect);
}

static void expect_reply(int server, const identity *id, bool same) {
    char text[512];
    identity now;
    receive_text(text, sizeof(text));
    read_ids(text, &now);
    ck_assert_int_eq(strcmp(now.sid, id->sid) == 0, same);
    ck_assert_int_eq(strcmp(now.pid, id->pid) == 0, same);
    if (same) {
        server_until(&w.t[0], peer_of(server, id));
        ck_assert(sio_peer_recovered(peer_of(server, id)));
    }
}

static void emit(int server, const char *room, const char *name) {
    sio_target target = town_target(&w, server, room);
    ck_assert_int_eq(sio_target_emitf(&target, name, NULL), 0);
}

static void expect_silence(void) {
    town_settle(&w);
    ck_assert_msg(c.len == 0, "%s", (const char *)c.in);
}

/* IO184 IO185 IO186, on another server: what was missed, in order, then CONNECT; id, rooms and data
 * are back, and events go on. */
START_TEST(a_client_comes_back_elsewhere) {
    identity id;
    join(0, &id);
    ck_assert_int_eq(sio_peer_join(peer_of(0, &id), "room"), 0);
    ck_assert_int_eq(sio_peer_set_data(peer_of(0, &id), "{\"n\":7}"), 0);
    cut_off(0);
    emit(0, NULL, "one");
    town_settle(&w); /* between servers there is no order but that of time */
    emit(1, "room", "two");
    emit(2, "elsewhere", "no");
    town_settle(&w);
    sio_target own = town_target(&w, 2, id.sid);
    ck_assert_int_eq(sio_target_emitf(&own, "three", "B", "xyz", (size_t)3), 0);
    come_back(1, &id);
    expect_event(&id, "one");
    expect_event(&id, "two");
    ws_expect_start(&c, "451-[\"three\",{\"_placeholder\":true,\"num\":0},\"");
    ws_expect_binary(&c, "xyz", 3);
    expect_reply(1, &id, true);
    ck_assert(sio_peer_in_room(peer_of(1, &id), "room"));
    ck_assert(sio_peer_in_room(peer_of(1, &id), id.sid));
    ck_assert_str_eq(sio_peer_data(peer_of(1, &id)), "{\"n\":7}");
    emit(0, "room", "four");
    expect_event(&id, "four");
    expect_silence();
}
END_TEST

START_TEST(and_elsewhere_again) {
    identity id;
    join(0, &id);
    for (int round = 0; round < 12; round++) {
        int server = round % TOWN;
        char names[4][16];
        for (int i = 0; i < 4; i++) {
            snprintf(names[i], sizeof(names[i]), "e%d.%d", round, i);
        }
        emit(1, NULL, names[0]);
        expect_event(&id, names[0]);
        cut_off(server);
        for (int i = 1; i < 4; i++) {
            emit(i - 1, NULL, names[i]);
            town_settle(&w);
        }
        come_back((server + 1) % TOWN, &id);
        for (int i = 1; i < 4; i++) {
            expect_event(&id, names[i]);
        }
        expect_reply((server + 1) % TOWN, &id, true);
    }
    expect_silence();
}
END_TEST

/* What is on its way when the client asks comes once, whether as missed or as new. */
START_TEST(nothing_is_doubled_on_the_way) {
    identity id;
    join(0, &id);
    emit(0, NULL, "a");
    emit(1, NULL, "b"); /* on its way to 0 when the next one is sent there */
    emit(0, NULL, "c");
    ws_expect_start(&c, "42[\"a\",");
    ws_expect_start(&c, "42[\"c\",");
    expect_event(&id, "b");
    emit(1, NULL, "d");
    emit(0, NULL, "e");
    expect_event(&id, "e"); /* d is behind it, and does not arrive */
    cut_off(0);
    emit(2, NULL, "f");
    come_back(2, &id);
    ws_expect_start(&c, "42[\"d\",");
    ws_expect_start(&c, "42[\"f\",");
    expect_reply(2, &id, true);
    expect_silence();
}
END_TEST

/* The server where it was does not know yet that the connection is dead. */
START_TEST(a_client_takes_over_from_itself) {
    identity id;
    join(0, &id);
    raw_client old = c;
    come_back(1, &id);
    expect_reply(1, &id, true);
    ck_assert_uint_eq(sio_namespace_peer_count(w.root[0]), 0);
    emit(2, NULL, "e");
    expect_event(&id, "e");
    expect_silence();
    raw_close(&old);
}
END_TEST

START_TEST(unknown_sessions_begin_anew) {
    identity id;
    join(0, &id);
    identity wrong = id;
    wrong.pid[0] = wrong.pid[0] == 'a' ? 'b' : 'a';
    raw_close(&c);
    come_back(1, &wrong);
    expect_reply(1, &wrong, false);
    raw_close(&c);
    wrong = id;
    snprintf(wrong.offset, sizeof(wrong.offset), "nonsense");
    come_back(1, &wrong);
    expect_reply(1, &wrong, false);
    raw_close(&c);
    come_back(2, &id); /* it is still there */
    expect_reply(2, &id, true);
}
END_TEST

/* Only who was cut off comes back. */
START_TEST(whoever_leaves_is_forgotten) {
    identity id;
    join(0, &id);
    cut_off(0);
    come_back(1, &id);
    expect_reply(1, &id, true);
    ws_text(&c, "41");
    server_until(&w.t[0], sio_namespace_peer_count(w.root[1]) == 0);
    raw_close(&c);
    come_back(2, &id);
    expect_reply(2, &id, false);
}
END_TEST

/* What goes to one peer or one server is nobody else's, but is not lost either. */
START_TEST(events_of_one_server_are_kept_for_its_clients) {
    identity id;
    raw_client other;
    join(0, &id);
    ws_join(&other, &w.t[1], "40", NULL);
    sio_peer *peer = peer_of(0, &id);
    ck_assert_int_eq(sio_peer_emitf(peer, "to one", NULL), 0);
    cut_off(0);
    for (int i = 0; i < TOWN; i++) {
        char name[16];
        sio_target local = town_target(&w, i, NULL);
        local.is_local = true;
        snprintf(name, sizeof(name), "local %d", i);
        ck_assert_int_eq(sio_target_emitf(&local, name, NULL), 0);
    }
    come_back(2, &id);
    expect_event(&id, "to one");
    expect_event(&id, "local 0");
    expect_reply(2, &id, true);
    expect_silence();
    ws_expect_start(&other, "42[\"local 1\",");
    ck_assert_uint_eq(other.len, 0);
    raw_close(&other);
}
END_TEST

/* ---- middlewares ---- */

static void ask_later(sio_peer *peer, sio_next *next, void *user) {
    asked = next;
}

/* Between what it has missed and its CONNECT nothing is lost. */
START_TEST(nothing_is_lost_while_middlewares_are_asked) {
    sio_server_recovery recovery = SIO_SERVER_RECOVERY_INIT;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    identity id;
    recovery.run_middlewares = true;
    options.recovery = &recovery;
    stop();
    town_start_empty(&w, &options, 0);
    join(0, &id);
    ck_assert_int_eq(sio_peer_join(peer_of(0, &id), "room"), 0);
    cut_off(0);
    emit(0, NULL, "missed");
    ck_assert_int_eq(sio_namespace_use(w.root[1], ask_later, NULL), 0);
    come_back(1, &id);
    expect_event(&id, "missed");
    server_until(&w.t[0], asked);
    emit(0, "room", "meanwhile");
    emit(1, id.sid, "own");
    emit(1, "elsewhere", "no");
    sio_target except = town_target(&w, 2, NULL);
    ck_assert_int_eq(sio_target_emitf(sio_target_except(&except, "room"), "no", NULL), 0);
    expect_event(&id, "own");
    expect_event(&id, "meanwhile");
    sio_next_ok(asked);
    expect_reply(1, &id, true);
    emit(2, NULL, "after");
    expect_event(&id, "after");
    expect_silence();
}
END_TEST

/* It is cut off once more before it is in: what it was sent is not sent again. */
START_TEST(a_client_is_cut_off_while_middlewares_are_asked) {
    sio_server_recovery recovery = SIO_SERVER_RECOVERY_INIT;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    identity id;
    recovery.run_middlewares = true;
    options.recovery = &recovery;
    stop();
    town_start_empty(&w, &options, 0);
    join(0, &id);
    cut_off(0);
    emit(0, NULL, "one");
    emit(2, NULL, "two");
    ck_assert_int_eq(sio_namespace_use(w.root[1], ask_later, NULL), 0);
    come_back(1, &id);
    expect_event(&id, "one");
    server_until(&w.t[0], asked);
    raw_client old = c;
    emit(1, NULL, "three");
    come_back(2, &id); /* "two" was sent to it, but it does not say so */
    ws_expect_start(&c, "42[\"two\",");
    expect_event(&id, "three");
    expect_reply(2, &id, true);
    sio_next_ok(asked); /* nobody listens any more */
    expect_silence();
    raw_close(&old);
}
END_TEST

/* ---- gaps ---- */

/* A server that has lost messages closes its clients; they come back and miss nothing. */
START_TEST(a_gap_is_bridged) {
    enum { COUNT = 200 };
    identity id;
    char last[64];
    unsigned next = 0;
    stop();
    start_with(20000);
    join(1, &id);
    for (int i = 0; i < COUNT; i++) {
        sio_target all = town_target(&w, 0, NULL);
        ck_assert_int_eq(sio_target_emitf(&all, "n", "i", i), 0);
    }
    ck_assert_uint_gt(sio_hub_lost(w.hub), 0);
    for (int part = 0; part < 2; part++) {
        ws_frame frame;
        while (next < COUNT && ws_receive(&c, &frame)) {
            unsigned number;
            if (sscanf((const char *)frame.data, "42[\"n\",%u,\"%63[^\"]\"", &number, last) == 2) {
                ck_assert_uint_eq(number, next++);
            }
            ws_frame_free(&frame);
        }
        if (part == 0) {
            ck_assert_uint_lt(next, COUNT);
            if (next > 0) {
                memcpy(id.offset, last, sizeof(id.offset));
            }
            raw_close(&c);
            come_back(1, &id);
        }
    }
    ck_assert_uint_eq(next, COUNT);
    expect_reply(1, &id, true);
    expect_silence();
}
END_TEST

/* ---- ends ---- */

START_TEST(a_server_ends_while_a_client_comes_back) {
    identity id;
    join(0, &id);
    cut_off(0);
    come_back(1, &id);
    server_until(&w.t[0],
                 !sio_list_empty(&w.root[1]->joining) || sio_namespace_peer_count(w.root[1]) > 0);
    town_end_server(&w, 1);
    raw_close(&c);
    emit(0, NULL, "e");
    come_back(2, &id);
    ws_expect_start(&c, "42[\"e\",");
    expect_reply(2, &id, true);
}
END_TEST

START_TEST(the_server_where_it_was_may_have_gone) {
    identity id;
    join(0, &id);
    town_end_server(&w, 0); /* it keeps the session: "server shutting down" */
    raw_close(&c);
    emit(1, NULL, "e");
    come_back(2, &id);
    ws_expect_start(&c, "42[\"e\",");
    expect_reply(2, &id, true);
}
END_TEST

static void on_done(int status, void *user) {
    town_note(&w, "done%d ", status);
}

static void on_restored(int status, const sio_adapter_session *session,
                        const sio_adapter_event *missed, size_t count, void *user) {
    town_note(&w, "restored%d:%zu ", status, count);
}

static int keep_and_restore(town *p) {
    sio_adapter *one = sio_namespace_adapter(p->root[0]);
    sio_adapter *two = sio_namespace_adapter(p->root[1]);
    const sio_adapter_session session = {
        .size = sizeof(session), .pid = SIO_STR("p"), .sid = SIO_STR("s"), .data = "{}"};
    sio_target all = town_target(p, 0, NULL);
    int rc = sio_target_emitf(&all, "e", "i", 1);
    if (rc == 0) {
        rc = one->ops->persist_session(one, &session, on_done, NULL);
    }
    if (rc == 0) {
        rc = sio_target_emitf(&all, "f", "i", 1);
    }
    if (rc == 0) {
        rc = two->ops->restore_session(two, SIO_STR("p"), SIO_STR("nonsense"), on_restored, NULL);
        ck_assert_int_eq(rc, SIO_ERR_NOT_FOUND);
        rc = 0;
    }
    return rc;
}

START_TEST(survives_short_memory) {
    town_sweep(&w, keep_and_restore, NULL);
    town_until(&w, "done0");
}
END_TEST

static void on_alarm(evutil_socket_t fd, short what, void *arg) {
    *(bool *)arg = true;
}

/* A client comes back while memory runs out after `n` allocations. */
static void come_back_short_of_memory(identity *id, long n) {
    bool done = false;
    struct event *alarm = event_new(w.t[0].base, -1, 0, on_alarm, &done);
    const struct timeval wait = {0, 30000};
    join(0, id);
    cut_off(0);
    emit(0, NULL, "one");
    emit(1, NULL, "two");
    town_settle(&w);
    ws_connect(&c, &w.t[1], "EIO=4", NULL);
    w.ran_out = false;
    w.allowed = n;
    char connect[256];
    snprintf(connect, sizeof(connect), "40{\"pid\":\"%s\",\"offset\":\"%s\"}", id->pid, id->offset);
    ws_text(&c, connect);
    event_add(alarm, &wait);
    server_until(&w.t[0], done);
    event_free(alarm);
    w.allowed = -1;
}

START_TEST(comes_back_with_little_memory) {
    identity id;
    for (long n = 0; n == 0 || w.ran_out; n++) {
        ck_assert_int_lt(n, 200);
        come_back_short_of_memory(&id, n);
        if (c.eof || !w.ran_out) {
            unsigned frames = 0;
            ws_frame frame;
            while (c.len > 0 && ws_receive(&c, &frame)) {
                frames += strncmp((const char *)frame.data, "42[\"", 4) == 0;
                ws_frame_free(&frame);
            }
            ck_assert(w.ran_out || frames == 2);
        }
        raw_close(&c);
        for (int i = 0; i < TOWN; i++) {
            server_until(&w.t[0], sio_namespace_peer_count(w.root[i]) == 0);
        }
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server hub recovery");
    TCase *clients = tcase_create("clients");
    tcase_add_checked_fixture(clients, start, stop);
    tcase_add_test(clients, a_client_comes_back_elsewhere);
    tcase_add_test(clients, and_elsewhere_again);
    tcase_add_test(clients, nothing_is_doubled_on_the_way);
    tcase_add_test(clients, a_client_takes_over_from_itself);
    tcase_add_test(clients, unknown_sessions_begin_anew);
    tcase_add_test(clients, whoever_leaves_is_forgotten);
    tcase_add_test(clients, events_of_one_server_are_kept_for_its_clients);
    tcase_add_test(clients, nothing_is_lost_while_middlewares_are_asked);
    tcase_add_test(clients, a_client_is_cut_off_while_middlewares_are_asked);
    tcase_add_test(clients, a_gap_is_bridged);
    suite_add_tcase(suite, clients);
    TCase *ends = tcase_create("ends");
    tcase_add_checked_fixture(ends, start, stop);
    tcase_add_test(ends, a_server_ends_while_a_client_comes_back);
    tcase_add_test(ends, the_server_where_it_was_may_have_gone);
    tcase_add_test(ends, survives_short_memory);
    tcase_add_test(ends, comes_back_with_little_memory);
    suite_add_tcase(suite, ends);
    return test_run(suite);
}
