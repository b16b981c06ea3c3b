#include "server_support.h"

#include "engine_session.h"
#include "peer.h"

#include <stdio.h>

static server_test t;
static raw_client c;
static sio_peer *peer;

static void open_peer(const char *query, const char *headers) {
    char id[64];
    ws_frame open;
    ws_open(&c, &t, query, headers);
    ck_assert(ws_receive(&c, &open));
    ws_frame_free(&open);
    ws_join_more(&c, "40{\"user\":\"me\"}", id);
    peer = sio_namespace_find(sio_server_of(t.server, "/"), id);
    ck_assert_ptr_nonnull(peer);
}

static void start(void) {
    server_start(&t, NULL);
}

static void stop(void) {
    raw_close(&c);
    server_stop(&t);
}

static void expect_query(const char *name, const char *value) {
    sio_buf out;
    sio_buf_init(&out, 0, NULL);
    ck_assert_int_eq(sio_peer_query(peer, name, &out), 0);
    ck_assert_uint_eq(out.len, strlen(value));
    ck_assert(out.len == 0 || memcmp(out.data, value, out.len) == 0);
    sio_buf_free(&out);
}

START_TEST(shows_the_request) {
    open_peer("EIO=4&token=a%20b", "Origin: http://web.page\r\n");
    const sio_handshake *handshake = sio_peer_handshake(peer);
    ck_assert_str_eq(handshake->address, "127.0.0.1");
    ck_assert_str_eq(handshake->url, "/socket.io/?EIO=4&token=a%20b&transport=websocket");
    ck_assert_str_eq(handshake->query, "EIO=4&token=a%20b&transport=websocket");
    ck_assert_uint_eq(handshake->auth.len, 13);
    ck_assert_mem_eq(handshake->auth.ptr, "{\"user\":\"me\"}", 13);
    ck_assert(handshake->xdomain);
    ck_assert(!handshake->secure);
    ck_assert_ptr_null(handshake->certificate);
}
END_TEST

START_TEST(writes_the_time_as_javascript) {
    open_peer("EIO=4", "");
    peer->conn->engine->issued_ms = 1795239111000u;
    const sio_handshake *handshake = sio_peer_handshake(peer);
    ck_assert_str_eq(handshake->time,
                     "Sat Nov 21 2026 05:31:51 GMT+0000 (Coordinated Universal Time)");
    ck_assert(!handshake->xdomain);
}
END_TEST

START_TEST(finds_parameters) {
    open_peer("EIO=4&a=1&b=x%26y+z&a=2&c&d=%ff", "");
    expect_query("EIO", "4");
    expect_query("a", "2");
    expect_query("b", "x&y z");
    expect_query("c", "");
    expect_query("d", "\xef\xbf\xbd");
    expect_query("transport", "websocket");
    sio_buf out;
    sio_buf_init(&out, 0, NULL);
    ck_assert_int_eq(sio_peer_query(peer, "e", &out), SIO_ERR_NOT_FOUND);
    ck_assert_uint_eq(out.len, 0);
    sio_buf_free(&out);
}
END_TEST

static void count_header(sio_str name, sio_str value, void *user) {
    unsigned *seen = user;
    if (name.len == 3 && memcmp(name.ptr, "X-A", 3) == 0) {
        ck_assert_uint_eq(value.len, 1);
        *seen = *seen * 10 + (unsigned)(value.ptr[0] - '0');
    }
}

START_TEST(walks_the_headers) {
    unsigned seen = 0;
    open_peer("EIO=4", "X-A: 1\r\nX-A: 2\r\n");
    sio_peer_headers(peer, count_header, &seen);
    ck_assert_uint_eq(seen, 12);
    ck_assert_ptr_nonnull(sio_peer_header(peer, "x-a").ptr);
    ck_assert_ptr_null(sio_peer_header(peer, "x-b").ptr);
}
END_TEST

/* IO110 */
START_TEST(each_namespace_has_its_own_auth) {
    char id[64];
    sio_namespace *chat = sio_server_of(t.server, "/chat");
    open_peer("EIO=4&key=1", "");
    ws_join_more(&c, "40/chat,{\"other\":1}", id);
    const sio_handshake *handshake = sio_peer_handshake(sio_namespace_find(chat, id));
    ck_assert_uint_eq(handshake->auth.len, 11);
    ck_assert_mem_eq(handshake->auth.ptr, "{\"other\":1}", 11);
    ck_assert_str_eq(handshake->query, sio_peer_handshake(peer)->query);
    ck_assert_uint_eq(sio_peer_handshake(peer)->auth.len, 13);
}
END_TEST

START_TEST(the_client_has_one_id_in_all_namespaces) {
    char id[64];
    sio_namespace *chat = sio_server_of(t.server, "/chat");
    open_peer("EIO=4", "");
    ws_join_more(&c, "40/chat,", id);
    sio_peer *other = sio_namespace_find(chat, id);
    ck_assert_str_eq(sio_peer_client_id(peer), sio_peer_client_id(other));
    ck_assert_uint_eq(strlen(sio_peer_client_id(peer)), 20);
    ck_assert_str_ne(sio_peer_client_id(peer), sio_peer_id(peer));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server_handshake");
    TCase *tc = tcase_create("server_handshake");
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, shows_the_request);
    tcase_add_test(tc, writes_the_time_as_javascript);
    tcase_add_test(tc, finds_parameters);
    tcase_add_test(tc, walks_the_headers);
    tcase_add_test(tc, each_namespace_has_its_own_auth);
    tcase_add_test(tc, the_client_has_one_id_in_all_namespaces);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
