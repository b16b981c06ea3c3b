/* Limits to how many come at once: of one address, and of those who have not said what they want.
 */
#include "server_support.h"

#include "crowd.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static char logged[8192];

static void keep_log(const char *scope, const char *text, void *user) {
    size_t len = strlen(logged);
    snprintf(logged + len, sizeof(logged) - len, "%s %s\n", scope, text);
}

static void begin(server_test *t, sio_server_options options) {
    logged[0] = '\0';
    options.log = keep_log;
    server_start(t, &options);
    server_echo(t, "/");
}

static sio_counters counted(const server_test *t) {
    sio_counters c = SIO_COUNTERS_INIT;
    ck_assert_int_eq(sio_server_read_counters(t->server, &c), 0);
    return c;
}

/* ---- addresses ---- */

static sio_address address_of(const char *text) {
    sio_address address;
    ck_assert_int_eq(sio_address_literal(&address, text, 1), 0);
    return address;
}

static sio_stream *stream_new(sio_loop *loop) {
    sio_stream *stream;
    int fds[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    close(fds[1]);
    ck_assert_int_eq(sio_stream_adopt(&stream, loop, fds[0], NULL, 0, NULL, NULL), 0);
    return stream;
}

static int enter(sio_crowd *crowd, sio_stream *stream, const char *text) {
    sio_address address = address_of(text);
    return sio_crowd_enter(crowd, stream, &address);
}

START_TEST(addresses_are_told_apart) {
    sio_loop *loop;
    sio_crowd *crowd;
    sio_stream *streams[8];
    ck_assert_int_eq(sio_loop_new(&loop, &(sio_loop_options){0}), 0);
    ck_assert_int_eq(sio_crowd_new(&crowd, loop, 1), 0);
    for (int i = 0; i < 8; i++) {
        streams[i] = stream_new(loop);
    }
    ck_assert_int_eq(enter(crowd, streams[0], "10.0.0.1"), 0);
    ck_assert_int_eq(enter(crowd, streams[1], "10.0.0.1"), SIO_ERR_LIMIT);
    ck_assert_int_eq(enter(crowd, streams[1], "::ffff:10.0.0.1"), SIO_ERR_LIMIT);
    ck_assert_int_eq(enter(crowd, streams[1], "10.0.0.2"), 0);
    ck_assert_int_eq(enter(crowd, streams[2], "2001:db8:0:1::1"), 0);
    ck_assert_int_eq(enter(crowd, streams[3], "2001:db8:0:1:ffff::9"), SIO_ERR_LIMIT);
    ck_assert_int_eq(enter(crowd, streams[3], "2001:db8:0:2::1"), 0);
    sio_address local;
    ck_assert_int_eq(sio_address_unix(&local, "/x"), 0);
    ck_assert_int_eq(sio_crowd_enter(crowd, streams[4], &local), 0);
    ck_assert_int_eq(sio_crowd_enter(crowd, streams[5], &local), 0);
    sio_stream_free(streams[0]);
    ck_assert_int_eq(enter(crowd, streams[6], "10.0.0.1"), 0);
    sio_crowd_release(crowd); /* the streams outlive it */
    for (int i = 1; i < 8; i++) {
        sio_stream_free(streams[i]);
    }
    sio_loop_free(loop);
}
END_TEST

static int crowd_scenario(const sio_mem *mem, void *arg) {
    sio_loop *loop;
    int rc = sio_loop_new(&loop, &(sio_loop_options){.mem = mem});
    if (rc != 0) {
        return rc;
    }
    sio_crowd *crowd;
    rc = sio_crowd_new(&crowd, loop, 1);
    if (rc == 0) {
        int fds[2];
        sio_stream *stream;
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        rc = sio_stream_adopt(&stream, loop, fds[0], NULL, 0, NULL, NULL);
        if (rc == 0) {
            rc = enter(crowd, stream, "10.0.0.1");
            sio_stream_free(stream);
        }
        close(fds[1]);
        sio_crowd_release(crowd);
    }
    sio_loop_free(loop);
    return rc;
}

START_TEST(short_memory) {
    test_mem_sweep(crowd_scenario, NULL);
}
END_TEST

/* A WebSocket counts like any connection; the place of one that has gone is free again. */
START_TEST(an_address_has_so_many_connections) {
    server_test t;
    raw_client ws, c;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.max_connections_per_address = 2;
    begin(&t, options);
    ws_join(&ws, &t, "40", NULL);
    ws_expect(&ws, "42[\"auth\",{}]");
    http_expect(&t, "GET", "/", "", NULL, 404, NULL);
    server_settle(&t);
    raw_open(&c, &t);
    raw_client third;
    server_settle(&t);
    raw_open(&third, &t);
    http_expect_answer(&third, 503, "");
    raw_expect_eof(&third);
    raw_close(&third);
    ck_assert_uint_eq(counted(&t).connections_refused_address, 1);
    ck_assert_ptr_nonnull(strstr(logged, "engine:http refused a connection: its address has "));
    ws_text(&ws, "42[\"message\",1]");
    ws_expect(&ws, "42[\"message-back\",1]");
    raw_close(&ws);
    server_until(&t, counted(&t).connections_open == 1);
    http_expect(&t, "GET", "/", "", NULL, 404, NULL);
    raw_close(&c);
    server_stop(&t);
}
END_TEST

START_TEST(proxies_are_not_counted) {
    static const char *const proxies[] = {"127.0.0.0/8"};
    server_test t;
    raw_client clients[4];
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.max_connections_per_address = 1;
    options.trusted_proxies = proxies;
    options.trusted_proxy_count = 1;
    begin(&t, options);
    for (int i = 0; i < 4; i++) {
        raw_open(&clients[i], &t);
        http_send(&clients[i], "GET", "/", "", NULL, 0);
        http_expect_answer(&clients[i], 404, NULL);
    }
    for (int i = 0; i < 4; i++) {
        raw_close(&clients[i]);
    }
    server_stop(&t);
}
END_TEST

/* ---- handshakes in progress ---- */

START_TEST(so_many_handshakes_are_in_progress) {
    server_test t;
    poller p;
    raw_client ws;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.max_pending_handshakes = 2;
    begin(&t, options);
    poller_open(&p, &t, "EIO=4");
    ws_connect(&ws, &t, "EIO=4", NULL);
    ck_assert_uint_eq(counted(&t).handshakes_pending, 2);
    http_expect(&t, "GET", "/socket.io/?EIO=4&transport=polling", "", NULL, 503,
                "Service Unavailable");
    ck_assert_uint_eq(counted(&t).refused_busy, 1);
    ck_assert_ptr_nonnull(strstr(logged, "refused a handshake: max_pending_handshakes are"));
    ws_join_more(&ws, "40", NULL);
    ws_expect(&ws, "42[\"auth\",{}]");
    ck_assert_uint_eq(counted(&t).handshakes_pending, 1);
    raw_client more;
    ws_join(&more, &t, "40", NULL);
    ws_expect(&more, "42[\"auth\",{}]");
    ck_assert_uint_eq(counted(&t).handshakes_pending, 1);
    poller_post(&p, "1"); /* it leaves without having joined */
    server_until(&t, counted(&t).handshakes_pending == 0);
    raw_close(&more);
    raw_close(&ws);
    poller_close(&p);
    server_stop(&t);
}
END_TEST

static sio_engine_request *kept;

static void keep(sio_engine_request *request, void *user) {
    kept = request;
}

START_TEST(what_hooks_decide_upon_is_in_progress) {
    server_test t;
    raw_client c;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.max_pending_handshakes = 1;
    begin(&t, options);
    sio_engine_set_allow_request(sio_server_engine(t.server), keep, NULL);
    raw_open(&c, &t);
    http_send(&c, "GET", "/socket.io/?EIO=4&transport=polling", "", NULL, 0);
    server_until(&t, kept != NULL);
    ck_assert_uint_eq(counted(&t).handshakes_pending, 1);
    http_expect(&t, "GET", "/socket.io/?EIO=4&transport=polling", "", NULL, 503, NULL);
    sio_engine_request_accept(kept);
    http_expect_answer(&c, 200, NULL);
    ck_assert_uint_eq(counted(&t).handshakes_pending, 1); /* the session now */
    raw_close(&c);
    sio_engine_set_allow_request(sio_server_engine(t.server), NULL, NULL);
    sio_engine_close(sio_server_engine(t.server), true);
    server_until(&t, counted(&t).handshakes_pending == 0);
    server_stop(&t);
}
END_TEST

/* ---- rooms ---- */

static int joined[4];

static void join_some(sio_peer *peer, const sio_event *event, void *user) {
    joined[0] = sio_peer_join(peer, "a");
    joined[1] = sio_peer_join(peer, "b");
    joined[2] = sio_peer_join(peer, "c");
    joined[3] = sio_peer_join(peer, "long-name");
    ck_assert_int_eq(sio_peer_join(peer, "a"), 0);
    ck_assert_int_eq(sio_peer_join(peer, sio_peer_id(peer)), 0);
    ck_assert_uint_eq(sio_peer_room_count(peer), 3);
    sio_peer_leave(peer, "a");
    ck_assert_int_eq(sio_peer_join(peer, "long-name"), SIO_ERR_LIMIT);
    ck_assert_int_eq(sio_peer_join(peer, "c"), 0);
    ck_assert_int_eq(sio_peer_emitf(peer, "done", NULL), 0);
}

START_TEST(a_peer_has_so_many_rooms) {
    server_test t;
    raw_client c;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.max_rooms_per_peer = 2;
    options.max_room_name = 8;
    logged[0] = '\0';
    options.log = keep_log;
    server_start(&t, &options);
    ck_assert_int_eq(sio_namespace_on_connection(sio_server_of(t.server, "/"), join_some, NULL), 0);
    ws_join(&c, &t, "40", NULL);
    ws_expect(&c, "42[\"done\"]");
    ck_assert_int_eq(joined[0], 0);
    ck_assert_int_eq(joined[1], 0);
    ck_assert_int_eq(joined[2], SIO_ERR_LIMIT);
    ck_assert_int_eq(joined[3], SIO_ERR_LIMIT);
    ck_assert_uint_eq(counted(&t).rooms_refused, 3);
    ck_assert_ptr_nonnull(strstr(logged, "socket.io:socket "));
    ck_assert_ptr_nonnull(strstr(logged, "max_rooms_per_peer"));
    ck_assert_ptr_nonnull(strstr(logged, "max_room_name"));
    raw_close(&c);
    server_until(&t, counted(&t).rooms == 0);
    server_stop(&t);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("crowd");
    TCase *tc = tcase_create("crowd");
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, addresses_are_told_apart);
    tcase_add_test(tc, short_memory);
    tcase_add_test(tc, an_address_has_so_many_connections);
    tcase_add_test(tc, proxies_are_not_counted);
    tcase_add_test(tc, so_many_handshakes_are_in_progress);
    tcase_add_test(tc, what_hooks_decide_upon_is_in_progress);
    tcase_add_test(tc, a_peer_has_so_many_rooms);
    return test_run(suite);
}
