#include "crowd_support.h"

static crowd w;
static unsigned replies;

static void start(void) {
    crowd_start(&w, NULL);
    replies = 0;
}

static void stop(void) {
    crowd_stop(&w);
}

static int index_of(const char *id) {
    int i = 0;
    while (i < CROWD && strcmp(w.ids[i], id) != 0) {
        i++;
    }
    return i;
}

static bool has_room(const sio_remote_peer *view, const char *room) {
    bool found = false;
    for (size_t i = 0; i < view->room_count; i++) {
        found = found || strcmp(view->rooms[i], room) == 0;
    }
    return found;
}

static void on_fetched(const sio_fetch_reply *reply, void *user) {
    replies++;
    crowd_note(&w, "%d:", reply->status);
    bool seen[CROWD + 1] = {false};
    for (size_t i = 0; i < reply->count; i++) {
        const sio_remote_peer *view = &reply->peers[i];
        ck_assert_ptr_eq(view->ns, w.root);
        ck_assert(has_room(view, view->id));
        ck_assert_str_eq(view->handshake->address, "127.0.0.1");
        seen[index_of(view->id)] = true;
    }
    for (int i = 0; i <= CROWD; i++) {
        crowd_note(&w, "%c", seen[i] ? '0' + i : '-');
    }
}

static void fetches(const sio_target *target, const char *notes) {
    unsigned before = replies;
    ck_assert_int_eq(sio_target_fetch(target, on_fetched, NULL), 0);
    ck_assert_uint_eq(replies, before);
    server_until(&w.t, replies == before + 1);
    crowd_expect(&w, notes);
}

/* IO50 IO51 IO52 IO175 IO176 AD2 AD7 AD8 */
START_TEST(finds_those_of_the_target) {
    ck_assert_ptr_nonnull(sio_server_of(w.t.server, "/other"));
    ws_join_more(&w.c[0], "40/other,", NULL);
    sio_target target = crowd_target(&w, NULL);
    fetches(&target, "0:0123-");
    target = crowd_target(&w, "a");
    fetches(&target, "0:01---");
    fetches(sio_target_except(&target, "b"), "0:0----");
    target = crowd_target(&w, "a");
    fetches(sio_target_to(&target, "b"), "0:012--");
    target = crowd_target(&w, "nobody");
    fetches(&target, "0:-----");
    sio_peer_leave(crowd_peer(&w, 3), w.ids[3]);
    target = crowd_target(&w, w.ids[3]);
    fetches(&target, "0:-----");
}
END_TEST

static void on_described(const sio_fetch_reply *reply, void *user) {
    replies++;
    ck_assert_uint_eq(reply->count, 1);
    const sio_remote_peer *view = reply->peers;
    ck_assert_str_eq(view->id, w.ids[1]);
    ck_assert_uint_eq(view->room_count, 3);
    ck_assert(has_room(view, "a") && has_room(view, "b") && has_room(view, w.ids[1]));
    ck_assert_str_eq(view->data, user);
    ck_assert_ptr_eq(view->local, crowd_peer(&w, 1));
    if (view->local) { /* what it borrows stays until the call is over */
        sio_peer_disconnect(crowd_peer(&w, 1), true);
        ck_assert(has_room(view, "a"));
        ck_assert_str_eq(view->data, user);
        ck_assert_str_eq(view->handshake->address, "127.0.0.1");
    }
}

START_TEST(describes_them) {
    static char data[] = "{\"k\":1}";
    sio_target one = crowd_target(&w, w.ids[1]);
    ck_assert_int_eq(sio_peer_set_data(crowd_peer(&w, 1), data), 0);
    ck_assert_int_eq(sio_target_fetch(&one, on_described, data), 0);
    server_until(&w.t, replies == 1);
}
END_TEST

/* Asked for before, handed out after: as it was then, but nobody is said to be here who is not. */
START_TEST(shows_what_was) {
    static char none[] = "{}";
    sio_target one = crowd_target(&w, w.ids[1]);
    ck_assert_int_eq(sio_target_fetch(&one, on_described, none), 0);
    sio_peer_disconnect(crowd_peer(&w, 1), false);
    server_until(&w.t, replies == 1);
}
END_TEST

START_TEST(ends_with_the_server) {
    sio_target everyone = crowd_target(&w, NULL);
    ck_assert_int_eq(sio_target_fetch(&everyone, on_fetched, NULL), 0);
    sio_server_free(w.t.server);
    w.t.server = NULL;
    crowd_expect(&w, "-9:-----");
}
END_TEST

static void free_server(const sio_fetch_reply *reply, void *user) {
    sio_server *server = w.t.server;
    w.t.server = NULL;
    sio_server_free(server);
    ck_assert_str_eq(reply->peers[0].id, w.ids[0]);
}

START_TEST(may_free_the_server) {
    sio_target everyone = crowd_target(&w, NULL);
    sio_target one = crowd_target(&w, w.ids[0]);
    ck_assert_int_eq(sio_target_fetch(&one, free_server, NULL), 0);
    ck_assert_int_eq(sio_target_fetch(&everyone, on_fetched, NULL), 0);
    server_until(&w.t, !w.t.server);
    crowd_expect(&w, "-9:-----");
}
END_TEST

START_TEST(refuses_a_broken_target) {
    sio_target everyone = crowd_target(&w, NULL);
    everyone.error = SIO_ERR_LIMIT;
    ck_assert_int_eq(sio_target_fetch(&everyone, on_fetched, NULL), SIO_ERR_LIMIT);
    ck_assert_int_eq(sio_adapter_local_fetch(&everyone, on_fetched, NULL), SIO_ERR_LIMIT);
}
END_TEST

static void ignore(const sio_fetch_reply *reply, void *user) {
}

static int fetch(crowd *c, void *arg) {
    sio_target everyone = crowd_target(c, NULL);
    return sio_target_fetch(&everyone, ignore, NULL);
}

START_TEST(survives_short_memory) {
    crowd_sweep(&w, fetch, NULL);
    server_settle(&w.t);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("local_fetch");
    TCase *tc = tcase_create("local_fetch");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, finds_those_of_the_target);
    tcase_add_test(tc, describes_them);
    tcase_add_test(tc, shows_what_was);
    tcase_add_test(tc, ends_with_the_server);
    tcase_add_test(tc, may_free_the_server);
    tcase_add_test(tc, refuses_a_broken_target);
    tcase_add_test(tc, survives_short_memory);
    return test_run(suite);
}
