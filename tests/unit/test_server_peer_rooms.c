#include "crowd_support.h"

#include <stdio.h>

static crowd w;

static void start(void) {
    crowd_start(&w, NULL);
}

static void stop(void) {
    crowd_stop(&w);
}

/* Who it was, as one digit. */
static const char *who(const char *id) {
    static const char *const digits[] = {"0", "1", "2", "3", "?"};
    int i = 0;
    while (i < CROWD && strcmp(w.ids[i], id) != 0) {
        i++;
    }
    return digits[i];
}

static const char *name(const char *room) {
    const char *peer = who(room);
    return peer[0] == '?' ? room : peer;
}

static void on_room(sio_namespace *ns, sio_room_change change, const char *room, const char *id,
                    void *user) {
    static const char marks[] = "*+-/"; /* create, join, leave, delete */
    ck_assert_ptr_eq(ns, w.root);
    crowd_note(&w, "%c%s%s%s ", marks[change], name(room), id ? ":" : "", id ? who(id) : "");
}

static void observe(void) {
    ck_assert_int_eq(sio_namespace_on_room(w.root, on_room, NULL), 0);
}

/* AD9 AD10 AD11 AD12 */
START_TEST(tells_of_joining) {
    observe();
    ck_assert_int_eq(sio_peer_join(crowd_peer(&w, 0), "new"), 0);
    crowd_expect(&w, "*new +new:0 ");
    ck_assert_int_eq(sio_peer_join(crowd_peer(&w, 1), "new"), 0);
    crowd_expect(&w, "+new:1 ");
    ck_assert_int_eq(sio_peer_join(crowd_peer(&w, 1), "new"), 0);
    ck_assert_int_eq(sio_peer_join(crowd_peer(&w, 1), w.ids[1]), 0);
    crowd_expect(&w, "");
    ck_assert_int_eq(sio_peer_join(crowd_peer(&w, 1), w.ids[2]), 0);
    crowd_expect(&w, "+2:1 ");
}
END_TEST

/* AD13 AD16 AD17 */
START_TEST(tells_of_leaving) {
    observe();
    sio_peer_leave(crowd_peer(&w, 0), "a");
    crowd_expect(&w, "-a:0 ");
    sio_peer_leave(crowd_peer(&w, 0), "a");
    sio_peer_leave(crowd_peer(&w, 0), "nowhere");
    crowd_expect(&w, "");
    sio_peer_leave(crowd_peer(&w, 1), "a");
    crowd_expect(&w, "-a:1 /a ");
    sio_peer_leave(crowd_peer(&w, 1), w.ids[1]);
    crowd_expect(&w, "-1:1 /1 ");
    ck_assert_int_eq(sio_peer_join(crowd_peer(&w, 1), w.ids[1]), 0);
    crowd_expect(&w, "*1 +1:1 ");
}
END_TEST

/* AD1 AD15 AD16: the room of its own is one like the others */
START_TEST(tells_of_the_end) {
    observe();
    ck_assert_int_eq(sio_peer_join(crowd_peer(&w, 3), w.ids[1]), 0);
    crowd_expect(&w, "+1:3 ");
    sio_peer_disconnect(crowd_peer(&w, 1), false);
    crowd_expect(&w, "-1:1 -a:1 -b:1 ");
    sio_peer_disconnect(crowd_peer(&w, 2), false);
    crowd_expect(&w, "-2:2 /2 -b:2 /b ");
    sio_peer_leave(crowd_peer(&w, 3), w.ids[1]);
    crowd_expect(&w, "-1:3 /1 ");
}
END_TEST

START_TEST(tells_of_who_comes) {
    char id[64];
    raw_client more;
    observe();
    ws_join(&more, &w.t, "40", id);
    char want[256];
    snprintf(want, sizeof(want), "*%s +%s:? ", id, id);
    crowd_expect(&w, want);
    raw_close(&more);
    snprintf(want, sizeof(want), "-%s:? /%s ", id, id);
    server_until(&w.t, strcmp(w.notes, want) == 0);
}
END_TEST

START_TEST(handlers_can_be_removed) {
    observe();
    ck_assert_int_eq(sio_namespace_off_room(w.root, on_room, &w), SIO_ERR_NOT_FOUND);
    ck_assert_int_eq(sio_namespace_off_room(w.root, on_room, NULL), 0);
    sio_peer_leave(crowd_peer(&w, 0), "a");
    crowd_expect(&w, "");
}
END_TEST

/* ---- acting in the callbacks ---- */

static void leave_again(sio_namespace *ns, sio_room_change change, const char *room, const char *id,
                        void *user) {
    if (change == SIO_ROOM_LEAVE && crowd_peer(&w, 0) && crowd_peer(&w, 1)) {
        sio_peer_leave(crowd_peer(&w, 0), room);
        sio_peer_leave(crowd_peer(&w, 1), room);
    }
}

/* AD14 */
START_TEST(may_leave_while_told_of_leaving) {
    ck_assert_int_eq(sio_namespace_on_room(w.root, leave_again, NULL), 0);
    observe();
    sio_peer_leave(crowd_peer(&w, 0), "a");
    ck_assert_ptr_nonnull(strstr(w.notes, "-a:0"));
    ck_assert_ptr_nonnull(strstr(w.notes, "-a:1"));
    const char *deleted = strstr(w.notes, "/a");
    ck_assert_ptr_nonnull(deleted);
    ck_assert_ptr_null(strstr(deleted + 1, "/a")); /* once */
}
END_TEST

static void join_again(sio_namespace *ns, sio_room_change change, const char *room, const char *id,
                       void *user) {
    if (change == SIO_ROOM_LEAVE && id && crowd_peer(&w, 3)) {
        ck_assert_int_eq(sio_peer_join(crowd_peer(&w, 3), room), 0);
    }
}

/* The room was never empty for those who watch. */
START_TEST(may_join_while_told_of_leaving) {
    sio_peer_leave(crowd_peer(&w, 0), "a");
    observe();
    ck_assert_int_eq(sio_namespace_on_room(w.root, join_again, NULL), 0);
    sio_peer_leave(crowd_peer(&w, 1), "a");
    crowd_expect(&w, "-a:1 +a:3 ");
    ck_assert(sio_peer_in_room(crowd_peer(&w, 3), "a"));
}
END_TEST

static void join_on_delete(sio_namespace *ns, sio_room_change change, const char *room,
                           const char *id, void *user) {
    if (change == SIO_ROOM_DELETE && crowd_peer(&w, 3)) {
        ck_assert_int_eq(sio_peer_join(crowd_peer(&w, 3), room), 0);
    }
}

START_TEST(may_join_while_told_of_the_rooms_end) {
    sio_peer_leave(crowd_peer(&w, 0), "a");
    observe();
    ck_assert_int_eq(sio_namespace_on_room(w.root, join_on_delete, NULL), 0);
    sio_peer_leave(crowd_peer(&w, 1), "a");
    crowd_expect(&w, "-a:1 /a *a +a:3 ");
}
END_TEST

static void disconnect_on_join(sio_namespace *ns, sio_room_change change, const char *room,
                               const char *id, void *user) {
    if (change == SIO_ROOM_CREATE && crowd_peer(&w, 0)) {
        sio_peer_disconnect(crowd_peer(&w, 0), false);
    }
}

START_TEST(may_disconnect_who_joins) {
    ck_assert_int_eq(sio_namespace_on_room(w.root, disconnect_on_join, NULL), 0);
    observe();
    sio_peer *peer = sio_peer_ref(crowd_peer(&w, 0));
    ck_assert_int_eq(sio_peer_join(peer, "x"), 0);
    ck_assert(!sio_peer_connected(peer));
    ck_assert_uint_eq(sio_peer_room_count(peer), 0);
    ck_assert_ptr_nonnull(strstr(w.notes, "-x:0 /x"));
    ck_assert_int_eq(sio_peer_join(peer, "y"), SIO_ERR_DISCONNECTED); /* IO125 */
    sio_peer_unref(peer);
}
END_TEST

static void free_server(sio_namespace *ns, sio_room_change change, const char *room, const char *id,
                        void *user) {
    if (w.t.server) {
        sio_server *server = w.t.server;
        w.t.server = NULL;
        sio_server_free(server);
    }
}

START_TEST(may_free_the_server) {
    ck_assert_int_eq(sio_namespace_on_room(w.root, free_server, NULL), 0);
    ck_assert_int_eq(sio_peer_join(crowd_peer(&w, 0), "x"), 0);
    ck_assert_ptr_null(w.t.server);
}
END_TEST

START_TEST(may_free_the_server_when_a_client_goes) {
    ck_assert_int_eq(sio_namespace_on_room(w.root, free_server, NULL), 0);
    raw_close(&w.c[1]);
    server_until(&w.t, !w.t.server);
}
END_TEST

/* ---- queries ---- */

/* IO142 IO143 IO144 IO145 AD1 AD3 */
START_TEST(rooms_follow_joins) {
    static const char *const many[] = {"r1", "r2", "r3"};
    sio_peer *peer = crowd_peer(&w, 3);
    ck_assert_uint_eq(sio_peer_room_count(peer), 1);
    ck_assert_str_eq(sio_peer_room(peer, 0), w.ids[3]);
    ck_assert_int_eq(sio_peer_join_all(peer, many, 3), 0);
    ck_assert_uint_eq(sio_peer_room_count(peer), 4);
    sio_peer_leave(peer, "r2");
    sio_peer_leave(peer, "nowhere");
    ck_assert_uint_eq(sio_peer_room_count(peer), 3);
    ck_assert(!sio_peer_in_room(peer, "r2"));
    ck_assert_ptr_null(sio_peer_room(peer, 3));
    sio_target r2 = crowd_target(&w, "r2");
    ck_assert_int_eq(sio_target_count(&r2), 0);
    sio_peer_ref(peer);
    sio_peer_disconnect(peer, false);
    ck_assert_uint_eq(sio_peer_room_count(peer), 0);
    ck_assert_ptr_null(sio_peer_room(peer, 0));
    sio_target r1 = crowd_target(&w, "r1");
    ck_assert_int_eq(sio_target_count(&r1), 0);
    sio_peer_unref(peer);
}
END_TEST

static int join_fresh(crowd *c, void *arg) {
    static unsigned counter;
    char room[32];
    snprintf(room, sizeof(room), "fresh%u", counter++);
    int rc = sio_peer_join(crowd_peer(c, 0), room);
    ck_assert(sio_peer_in_room(crowd_peer(c, 0), room) == (rc == 0));
    return rc;
}

START_TEST(survives_short_memory) {
    crowd_sweep(&w, join_fresh, NULL);
    observe();
    crowd_sweep(&w, join_fresh, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("peer_rooms");
    TCase *tc = tcase_create("peer_rooms");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, tells_of_joining);
    tcase_add_test(tc, tells_of_leaving);
    tcase_add_test(tc, tells_of_the_end);
    tcase_add_test(tc, tells_of_who_comes);
    tcase_add_test(tc, handlers_can_be_removed);
    tcase_add_test(tc, may_leave_while_told_of_leaving);
    tcase_add_test(tc, may_join_while_told_of_leaving);
    tcase_add_test(tc, may_join_while_told_of_the_rooms_end);
    tcase_add_test(tc, may_disconnect_who_joins);
    tcase_add_test(tc, may_free_the_server);
    tcase_add_test(tc, may_free_the_server_when_a_client_goes);
    tcase_add_test(tc, rooms_follow_joins);
    tcase_add_test(tc, survives_short_memory);
    return test_run(suite);
}
