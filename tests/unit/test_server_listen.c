#include "server_support.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int connect_to(int family, const char *host, uint16_t port) {
    int fd = socket(family, SOCK_STREAM, 0);
    sio_address address;
    ck_assert_int_eq(sio_address_literal(&address, host, port), 0);
    if (connect(fd, &address.u.any, address.len) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void expect_served(server_test *t, int fd) {
    raw_client c;
    ck_assert_int_ge(fd, 0);
    raw_adopt(&c, t, fd);
    http_send(&c, "GET", "/socket.io/?EIO=4&transport=polling", "", NULL, 0);
    http_expect_answer(&c, 200, NULL);
    raw_close(&c);
}

static void start_without_listener(server_test *t) {
    *t = (server_test){.base = event_base_new()};
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.base = t->base;
    ck_assert_int_eq(sio_server_new(&t->server, &options), 0);
}

/* ---- addresses ---- */

/* IO21 IO22 */
START_TEST(port_0_is_a_free_one) {
    server_test t;
    start_without_listener(&t);
    ck_assert_uint_eq(sio_server_port(t.server), 0);
    sio_listen_options options = SIO_LISTEN_OPTIONS_INIT;
    options.host = "127.0.0.1";
    unsigned first = 0;
    unsigned second = 0;
    ck_assert_int_eq(sio_server_listen_with(t.server, &options, &first), 0);
    ck_assert_int_eq(sio_server_listen_with(t.server, &options, &second), 0);
    uint16_t port = sio_server_listener_port(t.server, first);
    ck_assert_uint_ne(port, 0);
    ck_assert_uint_eq(port, sio_server_port(t.server));
    ck_assert_uint_ne(port, sio_server_listener_port(t.server, second));
    ck_assert_uint_eq(sio_server_listener_port(t.server, 99), 0);
    expect_served(&t, connect_to(AF_INET, "127.0.0.1", port));
    server_stop(&t);
}
END_TEST

static bool has_ipv6(void) {
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    sio_address address;
    (void)sio_address_literal(&address, "::1", 0);
    bool has = fd >= 0 && bind(fd, &address.u.any, address.len) == 0;
    close(fd);
    return has;
}

START_TEST(both_families_or_one) {
    server_test t;
    if (!has_ipv6()) {
        return;
    }
    start_without_listener(&t);
    sio_listen_options options = SIO_LISTEN_OPTIONS_INIT;
    unsigned id;
    ck_assert_int_eq(sio_server_listen_with(t.server, &options, &id), 0);
    uint16_t port = sio_server_listener_port(t.server, id);
    expect_served(&t, connect_to(AF_INET, "127.0.0.1", port));
    expect_served(&t, connect_to(AF_INET6, "::1", port));
    options.host = "::";
    options.ipv6_only = true;
    ck_assert_int_eq(sio_server_listen_with(t.server, &options, &id), 0);
    port = sio_server_listener_port(t.server, id);
    ck_assert_int_eq(connect_to(AF_INET, "127.0.0.1", port), -1);
    expect_served(&t, connect_to(AF_INET6, "::1", port));
    server_stop(&t);
}
END_TEST

START_TEST(a_port_is_shared_only_when_asked) {
    server_test t;
    start_without_listener(&t);
    sio_listen_options options = SIO_LISTEN_OPTIONS_INIT;
    options.host = "127.0.0.1";
    options.reuse_port = true;
    ck_assert_int_eq(sio_server_listen_with(t.server, &options, NULL), 0);
    options.port = sio_server_port(t.server);
    ck_assert_int_eq(sio_server_listen_with(t.server, &options, NULL), 0);
    options.reuse_port = false;
    ck_assert_int_eq(sio_server_listen_with(t.server, &options, NULL), SIO_ERR_LISTEN);
    ck_assert_ptr_nonnull(strstr(sio_server_detail(t.server), "127.0.0.1 port"));
    ck_assert_ptr_nonnull(strstr(sio_server_detail(t.server), "in use"));
    server_stop(&t);
}
END_TEST

START_TEST(unix_sockets_come_and_go) {
    server_test t;
    char dir[] = "/tmp/sio-listen-XXXXXX";
    char path[64];
    struct stat st;
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/socket", dir);
    /* A crashed server left its file. */
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path) + 1);
    int stale = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(stale, (struct sockaddr *)&address, sizeof address), 0);
    close(stale);

    start_without_listener(&t);
    sio_listen_options options = SIO_LISTEN_OPTIONS_INIT;
    options.unix_path = path;
    options.unix_mode = 0620;
    unsigned id;
    ck_assert_int_eq(sio_server_listen_with(t.server, &options, &id), 0);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0620);
    ck_assert_int_eq(sio_server_listen_with(t.server, &options, NULL), SIO_ERR_LISTEN);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    expect_served(&t, fd);
    ck_assert_int_eq(sio_server_unlisten(t.server, id), 0);
    ck_assert_int_eq(sio_server_unlisten(t.server, id), SIO_ERR_NOT_FOUND);
    ck_assert_int_ne(stat(path, &st), 0);
    server_stop(&t);
    ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

/* ---- descriptors ---- */

static int listening_fd(uint16_t *port) {
    sio_address address;
    (void)sio_address_literal(&address, "127.0.0.1", 0);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fd, &address.u.any, address.len), 0);
    ck_assert_int_eq(listen(fd, 5), 0);
    address.len = sizeof address.u;
    ck_assert_int_eq(getsockname(fd, &address.u.any, &address.len), 0);
    *port = sio_address_port(&address);
    return fd;
}

START_TEST(descriptors_are_taken) {
    server_test t;
    uint16_t ports[3];
    start_without_listener(&t);
    ck_assert_int_eq(sio_server_listen_fd(t.server, listening_fd(&ports[0]), NULL, NULL), 0);
    expect_served(&t, connect_to(AF_INET, "127.0.0.1", ports[0]));
    int first = fcntl(listening_fd(&ports[1]), F_DUPFD, 100);
    ck_assert_int_eq(dup2(listening_fd(&ports[2]), first + 1), first + 1);
    ck_assert_int_eq(sio_server_listen_fds(t.server, first, 2), 0);
    expect_served(&t, connect_to(AF_INET, "127.0.0.1", ports[1]));
    expect_served(&t, connect_to(AF_INET, "127.0.0.1", ports[2]));
    server_stop(&t);
}
END_TEST

static bool is_open(int fd) {
    return fcntl(fd, F_GETFD) >= 0;
}

START_TEST(other_descriptors_are_refused) {
    server_test t;
    uint16_t port;
    start_without_listener(&t);
    int pair[2];
    ck_assert_int_eq(pipe(pair), 0);
    ck_assert_int_eq(sio_server_listen_fd(t.server, pair[0], NULL, NULL), SIO_ERR_INVALID);
    ck_assert(!is_open(pair[0]));
    ck_assert_ptr_nonnull(strstr(sio_server_detail(t.server), "descriptor"));
    ck_assert_int_eq(sio_server_listen_fd(t.server, pair[0], NULL, NULL), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_server_listen_fd(t.server, -1, NULL, NULL), SIO_ERR_INVALID);
    close(pair[1]);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(sio_server_listen_fd(t.server, fd, NULL, NULL), SIO_ERR_INVALID);
    ck_assert(!is_open(fd));
    fd = socket(AF_INET, SOCK_DGRAM, 0);
    ck_assert_int_eq(sio_server_listen_fd(t.server, fd, NULL, NULL), SIO_ERR_INVALID);
    /* All or nothing. */
    int good = fcntl(listening_fd(&port), F_DUPFD, 100);
    int bad = dup2(STDERR_FILENO, good + 1);
    int last = dup2(good, good + 2);
    ck_assert_int_eq(sio_server_listen_fds(t.server, good, 3), SIO_ERR_INVALID);
    ck_assert(!is_open(good) && !is_open(bad) && !is_open(last));
    ck_assert_int_eq(sio_server_listen_fds(t.server, -1, 1), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_server_listen_fds(t.server, 3, 4000000000u), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_server_listen_fds(t.server, 3, 0), 0);
    ck_assert_uint_eq(sio_server_port(t.server), 0);
    server_stop(&t);
}
END_TEST

START_TEST(a_descriptor_is_consumed_when_there_are_too_many) {
    server_test t;
    uint16_t port;
    start_without_listener(&t);
    for (int i = 0; i < 16; i++) {
        ck_assert_int_eq(sio_server_listen(t.server, "127.0.0.1", 0), 0);
    }
    int fd = listening_fd(&port);
    ck_assert_int_eq(sio_server_listen_fd(t.server, fd, NULL, NULL), SIO_ERR_LIMIT);
    ck_assert(!is_open(fd));
    ck_assert_int_eq(sio_server_listen(t.server, "127.0.0.1", 0), SIO_ERR_LIMIT);
    server_stop(&t);
}
END_TEST

/* ---- again ---- */

static void note(void *user) {
    *(bool *)user = true;
}

/* The client's end is in TIME_WAIT or, if we closed first, ours: the port is to be had at once. */
/* E46 IO28 IO114 */
START_TEST(listens_again_on_the_same_port) {
    server_test t;
    server_start(&t, NULL);
    server_echo(&t, "/");
    for (int round = 0; round < 3; round++) {
        raw_client c;
        char id[64];
        ws_join(&c, &t, "40", id);
        ws_expect_start(&c, "42[\"auth\"");
        ws_text(&c, "42[\"message\",1]");
        ws_expect(&c, "42[\"message-back\",1]");
        bool done = false;
        ck_assert_int_eq(sio_server_close(t.server, 1000, note, &done), 0);
        ck_assert_int_eq(sio_server_listen(t.server, "127.0.0.1", t.port),
                         done ? 0 : SIO_ERR_STATE);
        ws_expect_close(&c, 0);
        raw_close(&c);
        server_until(&t, done);
        ck_assert_uint_eq(sio_server_port(t.server), 0);
        ck_assert_uint_eq(sio_server_session_count(t.server), 0);
        ck_assert_int_eq(connect_to(AF_INET, "127.0.0.1", t.port), -1);
        ck_assert_int_eq(sio_server_listen(t.server, "127.0.0.1", t.port), 0);
        ck_assert_uint_eq(sio_server_port(t.server), t.port);
    }
    expect_served(&t, connect_to(AF_INET, "127.0.0.1", t.port));
    server_stop(&t);
}
END_TEST

START_TEST(options_of_another_size_are_refused) {
    server_test t;
    start_without_listener(&t);
    sio_listen_options options = SIO_LISTEN_OPTIONS_INIT;
    options.size++;
    ck_assert_int_eq(sio_server_listen_with(t.server, &options, NULL), SIO_ERR_INVALID);
    options.size = 1;
    ck_assert_int_eq(sio_server_listen_with(t.server, &options, NULL), SIO_ERR_INVALID);
    options = (sio_listen_options)SIO_LISTEN_OPTIONS_INIT;
    options.host = "localhost";
    ck_assert_int_eq(sio_server_listen_with(t.server, &options, NULL), SIO_ERR_INVALID);
    ck_assert_str_eq(sio_server_detail(t.server), "localhost port 0: invalid argument");
    ck_assert_int_eq(sio_server_reload_tls(t.server, NULL), SIO_ERR_STATE);
    ck_assert_int_eq(sio_server_listener_reload_tls(t.server, 1, NULL), SIO_ERR_NOT_FOUND);
    server_stop(&t);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server_listen");
    TCase *tc = tcase_create("all");
    tcase_add_test(tc, port_0_is_a_free_one);
    tcase_add_test(tc, both_families_or_one);
    tcase_add_test(tc, a_port_is_shared_only_when_asked);
    tcase_add_test(tc, unix_sockets_come_and_go);
    tcase_add_test(tc, descriptors_are_taken);
    tcase_add_test(tc, other_descriptors_are_refused);
    tcase_add_test(tc, a_descriptor_is_consumed_when_there_are_too_many);
    tcase_add_test(tc, listens_again_on_the_same_port);
    tcase_add_test(tc, options_of_another_size_are_refused);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
