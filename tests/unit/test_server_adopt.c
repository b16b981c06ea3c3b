#include "server_support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define POLL "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: h\r\n\r\n"

static void pair_open(int ends[2]) {
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
}

static bool is_open(int fd) {
    return fcntl(fd, F_GETFD) >= 0;
}

/* Wherever the application stopped reading. */
START_TEST(a_connection_is_handed_in) {
    server_test t;
    server_start(&t, NULL);
    server_echo(&t, "/");
    for (size_t cut = 0; cut <= sizeof POLL - 1; cut++) {
        int ends[2];
        raw_client c;
        pair_open(ends);
        ck_assert_int_eq(sio_server_adopt(t.server, ends[1], POLL, cut, false), 0);
        raw_adopt(&c, &t, ends[0]);
        raw_text(&c, &POLL[cut]);
        http_expect_answer(&c, 200, NULL);
        raw_text(&c, POLL);
        http_expect_answer(&c, 200, NULL);
        raw_close(&c);
    }
    server_stop(&t);
}
END_TEST

START_TEST(a_large_post_is_handed_in) {
    server_test t;
    server_start(&t, NULL);
    static char text[400000];
    int head = snprintf(text, sizeof text,
                        "POST /other HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n",
                        sizeof text - 100);
    int ends[2];
    raw_client c;
    pair_open(ends);
    ck_assert_int_eq(
        sio_server_adopt(t.server, ends[1], text, (size_t)head + sizeof text - 100, false), 0);
    raw_adopt(&c, &t, ends[0]);
    http_expect_answer(&c, 404, NULL);
    raw_text(&c, POLL);
    http_expect_answer(&c, 200, NULL);
    raw_close(&c);
    server_stop(&t);
}
END_TEST

START_TEST(a_websocket_is_handed_in) {
    server_test t;
    server_start(&t, NULL);
    server_echo(&t, "/");
    int ends[2];
    raw_client c;
    pair_open(ends);
    static const char upgrade[] =
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        "\x81\x82\0\0\0\0"
        "40";
    ck_assert_int_eq(sio_server_adopt(t.server, ends[1], upgrade, sizeof upgrade - 1, false), 0);
    raw_adopt(&c, &t, ends[0]);
    server_until(&t, c.len > 0 && strstr((char *)c.in, "\r\n\r\n"));
    raw_drop(&c, (size_t)(strstr((char *)c.in, "\r\n\r\n") + 4 - (char *)c.in));
    ws_expect_start(&c, "0{\"sid\"");
    ws_expect_start(&c, "40{\"sid\"");
    ws_expect(&c, "42[\"auth\",{}]");
    raw_close(&c);
    server_stop(&t);
}
END_TEST

/* Their heads share memory, and the bytes of the first have gone when the second is read. */
START_TEST(two_websockets_are_handed_in_at_once) {
    static const char upgrade[] =
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: h\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    server_test t;
    int ends[2][2];
    server_start(&t, NULL);
    for (int i = 0; i < 2; i++) {
        pair_open(ends[i]);
        ck_assert_int_eq(sio_server_adopt(t.server, ends[i][1], upgrade, sizeof upgrade - 1, false),
                         0);
    }
    server_until(&t, sio_server_session_count(t.server) == 2);
    close(ends[0][0]);
    close(ends[1][0]);
    server_stop(&t);
}
END_TEST

/* The same when the first is answered and waits only for its end. */
START_TEST(requests_that_close_are_handed_in_at_once) {
    static const char request[] = "GET /none HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    server_test t;
    int ends[3][2];
    server_start(&t, NULL);
    for (int i = 0; i < 3; i++) {
        pair_open(ends[i]);
        ck_assert_int_eq(sio_server_adopt(t.server, ends[i][1], request, sizeof request - 1, false),
                         0);
    }
    for (int i = 0; i < 3; i++) {
        raw_client c;
        raw_adopt(&c, &t, ends[i][0]);
        http_expect_answer(&c, 404, "Not Found");
        raw_close(&c);
    }
    server_stop(&t);
}
END_TEST

START_TEST(garbage_is_answered_with_400) {
    server_test t;
    server_start(&t, NULL);
    int ends[2];
    raw_client c;
    pair_open(ends);
    ck_assert_int_eq(sio_server_adopt(t.server, ends[1], "\x16\x03\x01\0\0\r\n\r\n", 9, false), 0);
    raw_adopt(&c, &t, ends[0]);
    http_expect_answer(&c, 400, NULL);
    raw_expect_eof(&c);
    raw_close(&c);
    /* Nobody waits for the rest. */
    pair_open(ends);
    ck_assert_int_eq(sio_server_adopt(t.server, ends[1], POLL, 10, false), 0);
    close(ends[0]);
    server_settle(&t);
    /* Nor does the server that is freed before it has looked. */
    pair_open(ends);
    ck_assert_int_eq(sio_server_adopt(t.server, ends[1], POLL, sizeof POLL - 1, false), 0);
    server_stop(&t);
    close(ends[0]);
}
END_TEST

START_TEST(what_is_no_connection_is_refused) {
    server_test t;
    server_start(&t, NULL);
    int fds[2];
    ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_eq(sio_server_adopt(t.server, fds[0], NULL, 0, false), SIO_ERR_INVALID);
    ck_assert(!is_open(fds[0]));
    ck_assert_int_eq(sio_server_adopt(t.server, fds[0], NULL, 0, false), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_server_adopt(t.server, -1, NULL, 0, false), SIO_ERR_INVALID);
    close(fds[1]);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(sio_server_adopt(t.server, fd, NULL, 0, false), SIO_ERR_INVALID);
    ck_assert(!is_open(fd));
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
    ck_assert_int_eq(sio_server_adopt(t.server, fds[0], NULL, 0, false), SIO_ERR_INVALID);
    close(fds[1]);
    pair_open(fds);
    ck_assert_int_eq(sio_server_adopt(t.server, fds[0], NULL, 1, false), SIO_ERR_INVALID);
    ck_assert(!is_open(fds[0]));
    close(fds[1]);
    pair_open(fds);
    ck_assert_int_eq(sio_server_adopt(t.server, fds[0], NULL, 0, true), SIO_ERR_STATE);
    ck_assert(!is_open(fds[0]));
    close(fds[1]);
    ck_assert_int_eq(sio_server_close(t.server, 10, NULL, NULL), 0);
    pair_open(fds);
    ck_assert_int_eq(sio_server_adopt(t.server, fds[0], NULL, 0, false), SIO_ERR_STATE);
    ck_assert(!is_open(fds[0]));
    close(fds[1]);
    server_stop(&t);
}
END_TEST

START_TEST(there_is_a_limit) {
    server_test t;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.max_connections = 1;
    server_start(&t, &options);
    int first[2];
    int second[2];
    pair_open(first);
    pair_open(second);
    ck_assert_int_eq(sio_server_adopt(t.server, first[1], NULL, 0, false), 0);
    ck_assert_int_eq(sio_server_adopt(t.server, second[1], NULL, 0, false), SIO_ERR_LIMIT);
    ck_assert(!is_open(second[1]));
    close(first[0]);
    close(second[0]);
    server_stop(&t);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server_adopt");
    TCase *tc = tcase_create("all");
    tcase_add_test(tc, a_connection_is_handed_in);
    tcase_add_test(tc, a_large_post_is_handed_in);
    tcase_add_test(tc, a_websocket_is_handed_in);
    tcase_add_test(tc, two_websockets_are_handed_in_at_once);
    tcase_add_test(tc, requests_that_close_are_handed_in_at_once);
    tcase_add_test(tc, garbage_is_answered_with_400);
    tcase_add_test(tc, what_is_no_connection_is_refused);
    tcase_add_test(tc, there_is_a_limit);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
