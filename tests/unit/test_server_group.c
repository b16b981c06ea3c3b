#include "server_support.h"

#include "group.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MEMBERS = 3 };

static server_test t;

/* What the members' threads tell. */
static atomic_uint connects, disconnects, freed, posts;
static atomic_uintptr_t threads[MEMBERS];

/* What `setup` was called with. */
static sio_server *members[SIO_GROUP_MAX];
static unsigned set_up;
static unsigned fail_at = UINT_MAX;

static void on_message(sio_peer *peer, const sio_event *event, void *user) {
    (void)sio_peer_emit(peer, "back", event->args, NULL);
}

static void on_which(sio_peer *peer, const sio_event *event, void *user) {
    (void)sio_peer_emitf(peer, "which", "u", sio_server_index(sio_peer_server(peer)));
}

static void on_connection(sio_peer *peer, const sio_event *event, void *user) {
    atomic_fetch_add(&connects, 1);
    (void)sio_peer_emitf(peer, "hello", "u", sio_server_index(sio_peer_server(peer)));
}

static void on_disconnect(sio_peer *peer, const sio_event *event, void *user) {
    atomic_fetch_add(&disconnects, 1);
}

static int setup(sio_server *server, unsigned index, void *user) {
    ck_assert_uint_eq(index, set_up);
    ck_assert_uint_eq(sio_server_index(server), index);
    ck_assert_ptr_eq(sio_server_member(server, index), server);
    members[set_up++] = server;
    if (index == fail_at) {
        return SIO_ERR_EXISTS;
    }
    sio_namespace *root = sio_server_of(server, "/");
    int rc = sio_namespace_on_connection(root, on_connection, NULL);
    if (rc == 0) {
        rc = sio_namespace_on(root, "message", on_message, NULL);
    }
    if (rc == 0) {
        rc = sio_namespace_on(root, "which", on_which, NULL);
    }
    if (rc == 0) {
        rc = sio_namespace_on(root, "disconnect", on_disconnect, NULL);
    }
    return rc;
}

static sio_server_options options_for(unsigned count) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.threads = count;
    options.setup = setup;
    return options;
}

static void reset(void) {
    set_up = 0;
    fail_at = UINT_MAX;
    connects = disconnects = freed = posts = 0;
    for (unsigned i = 0; i < MEMBERS; i++) {
        threads[i] = 0;
    }
}

static void start(void) {
    sio_server_options options = options_for(MEMBERS);
    reset();
    server_start(&t, &options);
}

static void stop(void) {
    server_stop(&t);
}

/* ---- making ---- */

START_TEST(settings_are_checked) {
    sio_server *server = NULL;
    sio_server_options options = options_for(2);
    options.setup = NULL;
    ck_assert_int_eq(sio_server_new(&server, &options), SIO_ERR_INVALID);
    options = options_for(SIO_GROUP_MAX + 1);
    ck_assert_int_eq(sio_server_new(&server, &options), SIO_ERR_INVALID);
    ck_assert_ptr_null(server);
    ck_assert_uint_eq(set_up, 0);
}
END_TEST

static unsigned calls_of_one;

static int setup_one(sio_server *server, unsigned index, void *user) {
    ck_assert_ptr_eq(user, &calls_of_one);
    ck_assert_uint_eq(index, 0);
    calls_of_one++;
    return 0;
}

START_TEST(one_loop_is_set_up_too) {
    for (unsigned count = 0; count < 2; count++) {
        sio_server *server;
        sio_server_options options = options_for(count);
        options.setup = setup_one;
        options.setup_user = &calls_of_one;
        calls_of_one = 0;
        ck_assert_int_eq(sio_server_new(&server, &options), 0);
        ck_assert_uint_eq(calls_of_one, 1);
        ck_assert_uint_eq(sio_server_index(server), 0);
        ck_assert_ptr_eq(sio_server_member(server, 0), server);
        ck_assert_ptr_null(sio_server_member(server, 1));
        sio_server_free(server);
    }
}
END_TEST

START_TEST(every_member_is_set_up) {
    sio_server *server;
    sio_server_options options = options_for(SIO_GROUP_MAX);
    reset();
    ck_assert_int_eq(sio_server_new(&server, &options), 0);
    ck_assert_uint_eq(set_up, SIO_GROUP_MAX);
    ck_assert_ptr_eq(members[0], server);
    for (unsigned i = 0; i < SIO_GROUP_MAX; i++) {
        ck_assert_ptr_eq(sio_server_member(server, i), members[i]);
        ck_assert_ptr_eq(sio_server_member(members[i], 0), server);
    }
    ck_assert_ptr_null(sio_server_member(server, SIO_GROUP_MAX));
    sio_server_free(server);
}
END_TEST

START_TEST(a_failing_setup_is_the_servers) {
    for (unsigned i = 0; i < MEMBERS; i++) {
        sio_server *server = NULL;
        sio_server_options options = options_for(MEMBERS);
        reset();
        fail_at = i;
        ck_assert_int_eq(sio_server_new(&server, &options), SIO_ERR_EXISTS);
        ck_assert_ptr_null(server);
        ck_assert_uint_eq(set_up, i + 1);
    }
    reset();
}
END_TEST

static int setup_that_frees(sio_server *server, unsigned index, void *user) {
    sio_server_free(sio_server_member(server, 0));
    return 0;
}

static int setup_that_listens(sio_server *server, unsigned index, void *user) {
    int rc = sio_server_listen(server, "127.0.0.1", 0);
    ck_assert_int_eq(rc, SIO_ERR_STATE);
    ck_assert_str_ne(sio_server_detail(server), "");
    return 0;
}

START_TEST(setup_may_do_what_it_should_not) {
    sio_server *server = NULL;
    sio_server_options options = options_for(2);
    options.setup = setup_that_frees;
    ck_assert_int_eq(sio_server_new(&server, &options), SIO_ERR_STATE);
    ck_assert_ptr_null(server);
    options.setup = setup_that_listens;
    ck_assert_int_eq(sio_server_new(&server, &options), 0);
    sio_server_free(server);
}
END_TEST

static int make_and_free(const sio_mem *mem, void *arg) {
    sio_server *server;
    sio_server_options options = options_for(2);
    options.mem = mem;
    reset();
    int rc = sio_server_new(&server, &options);
    if (rc == 0) {
        sio_server_free(server);
    }
    return rc;
}

START_TEST(survives_failing_allocations) {
    test_mem_sweep(make_and_free, NULL);
}
END_TEST

/* ---- what belongs to member 0 ---- */

START_TEST(only_member_0_is_asked) {
    sio_server *other = sio_server_member(t.server, 1);
    int pair[2];
    sio_server_tls tls = SIO_SERVER_TLS_INIT;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    ck_assert_int_eq(sio_server_listen(other, "127.0.0.1", 0), SIO_ERR_STATE);
    ck_assert_int_eq(sio_server_listen_fd(other, pair[0], NULL, NULL), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_server_adopt(other, pair[1], NULL, 0, false), SIO_ERR_STATE);
    ck_assert_int_eq(sio_server_reload_tls(other, &tls), SIO_ERR_STATE);
    ck_assert_int_eq(sio_server_listener_reload_tls(other, 1, &tls), SIO_ERR_STATE);
    ck_assert_int_eq(sio_server_unlisten(other, 1), SIO_ERR_STATE);
    ck_assert_int_eq(sio_server_run(other), SIO_ERR_STATE);
    ck_assert_int_eq(sio_server_close(other, 0, NULL, NULL), SIO_ERR_STATE);
    sio_server_stop(other);
    sio_server_free(other);
    ck_assert_uint_eq(sio_server_port(other), 0);
    ck_assert_ptr_eq(sio_server_member(t.server, 1), other);
}
END_TEST

static void note_thread(void *user) {
    const sio_server *server = user;
    atomic_store(&threads[sio_server_index(server)], (uintptr_t)pthread_self());
    atomic_fetch_add(&posts, 1);
}

static void post_to_all(sio_server *server) {
    sio_server *member;
    for (unsigned i = 0; (member = sio_server_member(server, i)) != NULL; i++) {
        ck_assert_int_eq(sio_server_post(member, note_thread, NULL, member), 0);
    }
}

/* Nothing of the members wakes the test's loop. */
static void wait_for(atomic_uint *what, unsigned count) {
    sio_time end = server_deadline();
    while (atomic_load(what) < count) {
        ck_assert_msg(!server_late(end), "in vain");
        server_run_for(&t, 1);
    }
}

START_TEST(each_has_a_thread) {
    post_to_all(t.server);
    wait_for(&posts, MEMBERS);
    ck_assert_uint_eq(threads[0], (uintptr_t)pthread_self());
    for (unsigned i = 1; i < MEMBERS; i++) {
        ck_assert_uint_ne(threads[i], threads[i - 1]);
    }
}
END_TEST

/* ---- connections ---- */

/* "42["which",2]" */
static unsigned ask_which(raw_client *c) {
    ws_frame frame;
    ws_text(c, "42[\"which\"]");
    ck_assert(ws_receive(c, &frame));
    unsigned index = UINT_MAX;
    ck_assert_int_eq(sscanf((char *)frame.data, "42[\"which\",%u]", &index), 1);
    ws_frame_free(&frame);
    return index;
}

static void join(raw_client *c) {
    char id[64];
    ws_join(c, &t, "40", id);
    ws_expect_start(c, "42[\"hello\",");
}

START_TEST(connections_are_shared_out) {
    raw_client clients[2 * MEMBERS];
    unsigned of_each[MEMBERS] = {0};
    for (unsigned i = 0; i < 2 * MEMBERS; i++) {
        join(&clients[i]);
        of_each[ask_which(&clients[i])]++;
    }
    for (unsigned i = 0; i < MEMBERS; i++) {
        ck_assert_uint_eq(of_each[i], 2);
    }
    for (unsigned i = 0; i < 2 * MEMBERS; i++) {
        ws_text(&clients[i], "42[\"message\",1]");
        ws_expect(&clients[i], "42[\"back\",1]");
        raw_close(&clients[i]);
    }
    wait_for(&disconnects, 2 * MEMBERS);
}
END_TEST

/* The one that lost its client gets the next. */
START_TEST(the_member_with_the_fewest_gets_it) {
    raw_client clients[MEMBERS];
    raw_client next;
    for (unsigned i = 0; i < MEMBERS; i++) {
        join(&clients[i]);
    }
    unsigned of_last = ask_which(&clients[MEMBERS - 1]);
    raw_close(&clients[MEMBERS - 1]);
    wait_for(&disconnects, 1);
    join(&next);
    ck_assert_uint_eq(ask_which(&next), of_last);
    raw_close(&next);
    for (unsigned i = 0; i + 1 < MEMBERS; i++) {
        raw_close(&clients[i]);
    }
}
END_TEST

START_TEST(ids_begin_with_the_members_tag) {
    for (unsigned i = 0; i < MEMBERS; i++) {
        char sid[64];
        raw_client c;
        ws_connect(&c, &t, "EIO=4", sid);
        ck_assert_uint_eq(strlen(sid), 20);
        ws_text(&c, "40");
        ws_expect_start(&c, "40{");
        ws_expect_start(&c, "42[\"hello\",");
        ck_assert_int_eq(sid[0], "ABC"[ask_which(&c)]);
        raw_close(&c);
    }
}
END_TEST

static void name_it(sio_engine_request *request, void *user) {
    sio_engine_request_accept_id(request, user);
}

static int setup_names(sio_server *server, unsigned index, void *user) {
    sio_engine_set_generate_id(sio_server_engine(server), name_it, user);
    return 0;
}

/* With the tag in front it may be as long as an id may be. */
START_TEST(the_applications_ids_get_the_tag_too) {
    char name[256];
    memset(name, 'x', 255);
    server_stop(&t);
    for (size_t len = 254; len < 256; len++) {
        sio_server_options options = options_for(2);
        options.setup = setup_names;
        options.setup_user = name;
        name[len - 1] = 'x';
        name[len] = '\0';
        server_start(&t, &options);
        raw_client c;
        raw_open(&c, &t);
        http_answer answer;
        http_send(&c, "GET", "/socket.io/?EIO=4&transport=polling", "", NULL, 0);
        ck_assert(http_receive(&c, &answer));
        ck_assert_int_eq(answer.status, len == 254 ? 200 : 400);
        const char *sid = strstr(answer.body, "\"sid\":\"");
        ck_assert(len == 255 || (sid && strspn(sid + 8, "x") == 254));
        ck_assert(len == 255 || sid[7] == 'A' || sid[7] == 'B');
        http_answer_free(&answer);
        raw_close(&c);
        server_stop(&t);
    }
    start();
}
END_TEST

START_TEST(adopted_connections_are_shared_out_too) {
    raw_client clients[2];
    unsigned of_each[MEMBERS] = {0};
    for (unsigned i = 0; i < 2; i++) {
        static const char request[] = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\n"
                                      "Host: test\r\n\r\n";
        int pair[2];
        http_answer answer;
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        ck_assert_int_eq(sio_server_adopt(t.server, pair[1], request, strlen(request), false), 0);
        raw_adopt(&clients[i], &t, pair[0]);
        ck_assert(http_receive(&clients[i], &answer));
        ck_assert_int_eq(answer.status, 200);
        of_each[strstr(answer.body, "\"sid\":\"")[7] - 'A']++;
        http_answer_free(&answer);
    }
    for (unsigned i = 0; i < MEMBERS; i++) {
        ck_assert_uint_le(of_each[i], 1);
    }
    raw_close(&clients[0]);
    raw_close(&clients[1]);
}
END_TEST

/* ---- running ---- */

static void stop_all(void *user) {
    sio_server *server = user;
    sio_server_stop(sio_server_member(server, 0));
}

/* When it has returned, no member's thread runs. */
START_TEST(runs_and_halts) {
    sio_server *server;
    sio_server_options options = options_for(2);
    reset();
    ck_assert_int_eq(sio_server_new(&server, &options), 0);
    for (unsigned i = 1; i <= 3; i++) {
        sio_server *other = sio_server_member(server, 1);
        ck_assert_int_eq(sio_server_post(other, note_thread, NULL, other), 0);
        ck_assert_int_eq(sio_server_post(other, stop_all, NULL, other), 0);
        ck_assert_int_eq(sio_server_run(server), 0);
        ck_assert_uint_eq(posts, i);
    }
    sio_server *other = sio_server_member(server, 1);
    ck_assert_int_eq(sio_server_post(other, note_thread, NULL, other), 0);
    ck_assert_uint_eq(posts, 3);
    sio_server_free(server);
}
END_TEST

/* ---- closing ---- */

static unsigned dones;

static void on_done(void *user) {
    dones++;
    ck_assert_ptr_eq(user, &dones);
    ck_assert_uint_eq((uintptr_t)pthread_self(), threads[0]);
}

static void expect_rest_and_eof(raw_client *c) {
    raw_expect_eof(c);
    raw_close(c);
}

START_TEST(closing_closes_all) {
    raw_client clients[MEMBERS];
    dones = 0;
    threads[0] = (uintptr_t)pthread_self();
    for (unsigned round = 1; round <= 2; round++) {
        for (unsigned i = 0; i < MEMBERS; i++) {
            join(&clients[i]);
        }
        ck_assert_int_eq(sio_server_close(t.server, 5000, on_done, &dones), 0);
        ck_assert_int_eq(sio_server_close(t.server, 5000, on_done, &dones), SIO_ERR_STATE);
        ck_assert_int_eq(sio_server_listen(t.server, "127.0.0.1", 0), SIO_ERR_STATE);
        for (unsigned i = 0; i < MEMBERS; i++) {
            expect_rest_and_eof(&clients[i]);
        }
        server_until(&t, dones == round);
        ck_assert_uint_eq(disconnects, round * MEMBERS);
        ck_assert_int_eq(sio_server_close(t.server, 5000, on_done, &dones), SIO_ERR_STATE);
        ck_assert_int_eq(sio_server_listen(t.server, "127.0.0.1", 0), 0);
        t.port = sio_server_port(t.server);
    }
    join(&clients[0]);
    raw_close(&clients[0]);
}
END_TEST

static void open_polling(raw_client *c, char sid[64]) {
    http_answer answer;
    http_send(c, "GET", "/socket.io/?EIO=4&transport=polling", "", NULL, 0);
    ck_assert(http_receive(c, &answer));
    ck_assert_int_eq(sscanf(answer.body, "0{\"sid\":\"%63[^\"]\"", sid), 1);
    http_answer_free(&answer);
}

static void poll_with(raw_client *c, const char *method, const char *sid, const char *body) {
    char target[128];
    snprintf(target, sizeof(target), "/socket.io/?EIO=4&transport=polling&sid=%.20s", sid);
    http_send(c, method, target, "", body, body ? strlen(body) : 0);
}

/* A proxy's connection that was used for one member last is idle there, and kept until no member
 * has a session that may be polled for over it. */
START_TEST(closing_keeps_connections_for_last_polls) {
    raw_client first, second;
    char sids[2][64];
    http_answer answer;
    dones = 0;
    threads[0] = (uintptr_t)pthread_self();
    raw_open(&first, &t);
    open_polling(&first, sids[0]);
    raw_open(&second, &t);
    open_polling(&second, sids[1]);
    ck_assert_int_ne(sids[0][0], sids[1][0]);
    poll_with(&second, "POST", sids[1], "1"); /* so that only the first is left */
    http_expect_answer(&second, 200, "ok");
    poll_with(&first, "POST", sids[0], "40");
    http_expect_answer(&first, 200, "ok");
    wait_for(&connects, 1);
    ck_assert_int_eq(sio_server_close(t.server, 20000, on_done, &dones), 0);
    wait_for(&disconnects, 1);
    server_settle(&t);
    ck_assert(!second.eof);
    poll_with(&second, "GET", sids[0], NULL);
    ck_assert(http_receive(&second, &answer));
    ck_assert_int_eq(answer.status, 200);
    ck_assert_ptr_nonnull(strstr(answer.body, "42[\"hello\","));
    http_answer_free(&answer);
    poll_with(&second, "GET", sids[0], NULL);
    http_expect_answer(&second, 200,
                       "6\x1e"
                       "1");
    server_until(&t, dones == 1);
    raw_close(&first);
    raw_close(&second);
}
END_TEST

/* Also the members that are still at it. */
START_TEST(freeing_ends_a_close) {
    raw_client clients[MEMBERS];
    dones = 0;
    threads[0] = (uintptr_t)pthread_self();
    for (unsigned i = 0; i < MEMBERS; i++) {
        join(&clients[i]);
    }
    ck_assert_int_eq(sio_server_close(t.server, 5000, on_done, &dones), 0);
    sio_server_free(t.server);
    t.server = NULL;
    ck_assert_uint_eq(dones, 1);
    ck_assert_uint_eq(disconnects, MEMBERS);
    for (unsigned i = 0; i < MEMBERS; i++) {
        raw_close(&clients[i]);
    }
}
END_TEST

START_TEST(closes_without_having_listened) {
    sio_server *server;
    sio_server_options options = options_for(2);
    reset();
    dones = 0;
    threads[0] = (uintptr_t)pthread_self();
    ck_assert_int_eq(sio_server_new(&server, &options), 0);
    ck_assert_int_eq(sio_server_close(server, 1000, on_done, &dones), 0);
    ck_assert_int_eq(sio_server_run(server), 0);
    ck_assert_uint_eq(dones, 1);
    sio_server_free(server);
}
END_TEST

/* ---- freeing ---- */

static void free_it(void *user) {
    sio_server_free(t.server);
    t.server = NULL;
    atomic_store(&freed, atomic_load(&disconnects) + 1);
}

static void have_it_freed(sio_peer *peer, const sio_event *event, void *user) {
    sio_server *server = sio_peer_server(peer);
    if (sio_server_index(server) > 0) {
        sio_server_free(server); /* no effect */
    }
    (void)sio_server_post(sio_server_member(server, 0), free_it, NULL, NULL);
}

/* No handler runs when it has returned, and all peers were told. */
START_TEST(freed_in_a_callback) {
    raw_client clients[MEMBERS];
    for (unsigned i = 0; i < MEMBERS; i++) {
        join(&clients[i]);
    }
    ck_assert_int_eq(sio_server_post(t.server, free_it, NULL, NULL), 0);
    server_until(&t, t.server == NULL);
    ck_assert_uint_eq(freed, MEMBERS + 1);
    server_settle(&t);
    ck_assert_uint_eq(disconnects, MEMBERS);
    for (unsigned i = 0; i < MEMBERS; i++) {
        raw_close(&clients[i]);
    }
}
END_TEST

static int setup_freeing(sio_server *server, unsigned index, void *user) {
    sio_namespace *root = sio_server_of(server, "/");
    int rc = sio_namespace_on(root, "free", have_it_freed, NULL);
    return rc != 0 ? rc : sio_namespace_on(root, "disconnect", on_disconnect, NULL);
}

/* A member asks member 0 to. */
START_TEST(freed_by_a_member) {
    sio_server_options options = options_for(2);
    server_stop(&t);
    options.setup = setup_freeing;
    server_start(&t, &options);
    raw_client clients[2];
    for (unsigned i = 0; i < 2; i++) {
        ws_join(&clients[i], &t, "40", NULL);
    }
    for (unsigned i = 0; i < 2 && t.server; i++) {
        ws_text(&clients[i], "42[\"free\"]");
    }
    server_until(&t, t.server == NULL);
    ck_assert_uint_eq(disconnects, 2);
    raw_close(&clients[0]);
    raw_close(&clients[1]);
}
END_TEST

static void drop_post(void *user) {
    atomic_fetch_add(&posts, 100);
}

START_TEST(posts_to_members_are_dropped) {
    sio_server *server;
    sio_server_options options = options_for(2);
    reset();
    ck_assert_int_eq(sio_server_new(&server, &options), 0);
    sio_server *other = sio_server_member(server, 1);
    ck_assert_int_eq(sio_server_post(other, note_thread, drop_post, other), 0);
    sio_server_free(server);
    ck_assert_uint_eq(posts, 100);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server_group");
    TCase *making = tcase_create("making");
    tcase_add_test(making, settings_are_checked);
    tcase_add_test(making, one_loop_is_set_up_too);
    tcase_add_test(making, every_member_is_set_up);
    tcase_add_test(making, a_failing_setup_is_the_servers);
    tcase_add_test(making, setup_may_do_what_it_should_not);
    tcase_add_test(making, survives_failing_allocations);
    tcase_add_test(making, runs_and_halts);
    tcase_add_test(making, closes_without_having_listened);
    tcase_add_test(making, posts_to_members_are_dropped);
    suite_add_tcase(suite, making);

    TCase *running = tcase_create("running");
    tcase_add_checked_fixture(running, start, stop);
    tcase_set_timeout(running, 60);
    tcase_add_test(running, only_member_0_is_asked);
    tcase_add_test(running, each_has_a_thread);
    tcase_add_test(running, connections_are_shared_out);
    tcase_add_test(running, the_member_with_the_fewest_gets_it);
    tcase_add_test(running, ids_begin_with_the_members_tag);
    tcase_add_test(running, the_applications_ids_get_the_tag_too);
    tcase_add_test(running, adopted_connections_are_shared_out_too);
    tcase_add_test(running, closing_closes_all);
    tcase_add_test(running, closing_keeps_connections_for_last_polls);
    tcase_add_test(running, freeing_ends_a_close);
    tcase_add_test(running, freed_in_a_callback);
    tcase_add_test(running, freed_by_a_member);
    suite_add_tcase(suite, running);
    return test_run(suite);
}
