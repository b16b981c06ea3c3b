/* What an event may cost a client beyond the call that receives it and the one that sends it, which
 * it shares with others: nothing. And what a client that has nothing to do may keep. */
#include "support.h"

#include <sio/client_loop.h>
#include <sio/ws.h>

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* ---- counting: these stand in for the C library's, for libevent too ---- */

typedef struct costs {
    size_t allocations;
    unsigned epoll_changes;
    unsigned timer_settings;
    unsigned receives;
    unsigned sends;
} costs;

static costs used;

int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event) {
    used.epoll_changes++;
    return (int)syscall(SYS_epoll_ctl, epfd, op, fd, event);
}

int timerfd_settime(int fd, int flags, const struct itimerspec *value, struct itimerspec *old) {
    used.timer_settings++;
    return (int)syscall(SYS_timerfd_settime, fd, flags, value, old);
}

ssize_t recv(int fd, void *buffer, size_t len, int flags) {
    used.receives++;
    return syscall(SYS_recvfrom, fd, buffer, len, flags, NULL, NULL);
}

ssize_t send(int fd, const void *data, size_t len, int flags) {
    used.sends++;
    return syscall(SYS_sendto, fd, data, len, flags, NULL, 0);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    used.sends++;
    return syscall(SYS_sendmsg, fd, message, flags);
}

/* ---- a server that answers each read with one write; it uses none of the above ---- */

enum { CONNS = 4 };

static int listener;
static uint16_t port;
static pthread_t acceptor;
static pthread_t servers[CONNS];
static size_t accepted;

static void reply(sio_buf *out, const char *text, size_t len) {
    ck_assert_int_eq(sio_ws_write_frame(out, SIO_WS_TEXT, text, len, false, NULL), 0);
}

static void reply_text(sio_buf *out, const char *text) {
    reply(out, text, strlen(text));
}

static void answer(sio_buf *out, const sio_ws_event *event) {
    const char *text = (const char *)event->data;
    if (event->len == 2 && memcmp(text, "40", 2) == 0) {
        reply_text(out, "40{\"sid\":\"abcdefghijklmnopqrst\"}");
    } else if (event->len > 2 && memcmp(text, "42", 2) == 0) {
        char first[64] = "43";
        size_t digits = strspn(text + 2, "0123456789");
        memcpy(first + 2, text + 2, digits);
        memcpy(first + 2 + digits, "[1]", 4);
        reply(out, digits > 0 ? first : text, digits > 0 ? strlen(first) : event->len);
    }
}

static sio_str key_of(const char *head) {
    static const char name[] = "Sec-WebSocket-Key: ";
    const char *at = strstr(head, name);
    ck_assert_ptr_nonnull(at);
    return (sio_str){at + strlen(name), 24};
}

static void upgrade(int fd, sio_buf *out) {
    char head[2048];
    size_t len = 0;
    do {
        ssize_t n = read(fd, head + len, sizeof(head) - 1 - len);
        ck_assert_int_gt(n, 0);
        len += (size_t)n;
        head[len] = '\0';
    } while (!strstr(head, "\r\n\r\n"));
    sio_ws_request request = {.method = SIO_STR("GET"),
                              .upgrade = SIO_STR("websocket"),
                              .connection = SIO_STR("Upgrade"),
                              .version = SIO_STR("13"),
                              .key = key_of(head)};
    sio_ws_handshake_options options = SIO_WS_HANDSHAKE_OPTIONS_INIT;
    sio_ws_agreement agreed;
    ck_assert_int_eq(sio_ws_handshake_accept(&agreed, NULL, &request, &options), 0);
    sio_buf_add_text(out, "HTTP/1.1 101 Switching Protocols\r\n");
    ck_assert_int_eq(sio_ws_handshake_respond(out, &agreed), 0);
    sio_buf_add_text(out, "\r\n");
    reply_text(out, "0{\"sid\":\"ABCDEFGHIJKLMNOPQRST\",\"upgrades\":[],\"pingInterval\":25000,"
                    "\"pingTimeout\":20000,\"maxPayload\":1000000}");
}

static void write_all(int fd, sio_buf *out) {
    if (out->len > 0) {
        ck_assert_int_eq(write(fd, out->data, out->len), (ssize_t)out->len);
    }
    out->len = 0;
}

static void *serve(void *arg) {
    int fd = (int)(intptr_t)arg;
    uint8_t data[65536];
    sio_buf out;
    sio_ws *ws;
    sio_ws_event event;
    ssize_t n;
    sio_buf_init(&out, 0, NULL);
    ck_assert_int_eq(sio_ws_new(&ws, NULL, NULL), 0);
    upgrade(fd, &out);
    write_all(fd, &out);
    while ((n = read(fd, data, sizeof(data))) > 0) {
        ck_assert_int_eq(sio_ws_feed(ws, data, (size_t)n), 0);
        while (sio_ws_next(ws, &event) == 1) {
            answer(&out, &event);
        }
        write_all(fd, &out);
    }
    sio_ws_free(ws);
    sio_buf_free(&out);
    close(fd);
    return NULL;
}

static void *accept_all(void *arg) {
    int fd;
    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        ck_assert_uint_lt(accepted, CONNS);
        ck_assert_int_eq(pthread_create(&servers[accepted++], NULL, serve, (void *)(intptr_t)fd),
                         0);
    }
    return NULL;
}

static void start_server(void) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, len), 0);
    ck_assert_int_eq(listen(listener, CONNS), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    port = ntohs(address.sin_port);
    accepted = 0;
    ck_assert_int_eq(pthread_create(&acceptor, NULL, accept_all, NULL), 0);
}

static void stop_server(void) {
    shutdown(listener, SHUT_RDWR);
    pthread_join(acceptor, NULL);
    for (size_t i = 0; i < accepted; i++) {
        pthread_join(servers[i], NULL);
    }
    close(listener);
}

/* ---- the client ---- */

enum { WARM = 64, EVENTS = 640 };

static test_mem memory;
static sio_client_loop *loop;
static sio_socket *sockets[2];
static sio_args *args;
static unsigned got;
static costs before, spent;

static void setup(void) {
    sio_client_loop_options options = SIO_CLIENT_LOOP_OPTIONS_INIT;
    test_mem_init(&memory);
    options.mem = &memory.mem;
    start_server();
    ck_assert_int_eq(sio_client_loop_new(&loop, &options), 0);
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    ck_assert_int_eq(sio_args_addf(args, "is", 1, "two"), 0);
    got = 0;
}

static void teardown(void) {
    sio_client_loop_free(loop);
    sio_args_unref(args);
    stop_server();
    ck_assert_uint_eq(memory.live, 0);
}

static void stop_loop(sio_socket *socket, const sio_event *event, void *user) {
    sio_client_loop_stop(loop);
}

static sio_socket *join(void) {
    char url[64];
    sio_client *client = NULL;
    sio_client_options options = SIO_CLIENT_OPTIONS_INIT;
    options.loop = loop;
    options.transports = SIO_CLIENT_WEBSOCKET;
    snprintf(url, sizeof url, "http://127.0.0.1:%u", (unsigned)port);
    ck_assert_int_eq(sio_client_new(&client, url, &options), 0);
    sio_socket *socket = sio_client_socket(client, "/");
    ck_assert_int_eq(sio_socket_on(socket, "connect", stop_loop, NULL), 0);
    ck_assert_int_eq(sio_client_loop_run(loop), 0);
    ck_assert(sio_socket_connected(socket));
    return socket;
}

/* The first ones make what is kept. */
static bool count_one(void) {
    used.allocations = memory.calls;
    got++;
    if (got == WARM) {
        before = used;
    } else if (got == WARM + EVENTS) {
        spent = (costs){used.allocations - before.allocations,
                        used.epoll_changes - before.epoll_changes,
                        used.timer_settings - before.timer_settings,
                        used.receives - before.receives, used.sends - before.sends};
        sio_client_loop_stop(loop);
    }
    return got < WARM + EVENTS;
}

static void on_echo(sio_socket *socket, const sio_event *event, void *user) {
    ck_assert_int_eq(sio_event_int(event, 0), 1);
    if (count_one()) {
        ck_assert_int_eq(sio_socket_emit(socket, "echo", args, NULL), 0);
    }
}

static void ask(sio_socket *socket);

static void on_ack(const sio_event *event, void *user) {
    if (got == WARM + EVENTS) {
        return; /* the last one, when all was counted */
    }
    ck_assert_int_eq(event->status, 0);
    if (count_one()) {
        ask(user);
    }
}

static void ask(sio_socket *socket) {
    sio_emit_options options = SIO_EMIT_OPTIONS_INIT;
    options.on_ack = on_ack;
    options.user = socket;
    ck_assert_int_eq(sio_socket_emit(socket, "ask", args, &options), 0);
}

static void expect_nothing_else(void) {
    ck_assert_uint_eq(got, WARM + EVENTS);
    ck_assert_uint_eq(spent.allocations, 0);
    ck_assert_uint_eq(spent.epoll_changes, 0);
    ck_assert_uint_eq(spent.timer_settings, 0);
}

START_TEST(an_event_costs_one_receive_and_one_send) {
    sockets[0] = join();
    ck_assert_int_eq(sio_socket_on(sockets[0], "echo", on_echo, NULL), 0);
    ck_assert_int_eq(sio_socket_emit(sockets[0], "echo", args, NULL), 0);
    ck_assert_int_eq(sio_client_loop_run(loop), 0);
    expect_nothing_else();
    ck_assert_uint_eq(spent.receives, EVENTS);
    ck_assert_uint_eq(spent.sends, EVENTS);
}
END_TEST

START_TEST(several_share_them) {
    enum { WINDOW = 16 };
    sockets[0] = join();
    ck_assert_int_eq(sio_socket_on(sockets[0], "echo", on_echo, NULL), 0);
    for (int i = 0; i < WINDOW; i++) {
        ck_assert_int_eq(sio_socket_emit(sockets[0], "echo", args, NULL), 0);
    }
    ck_assert_int_eq(sio_client_loop_run(loop), 0);
    expect_nothing_else();
    ck_assert_uint_le(spent.receives, EVENTS / 4); /* EVENTS / 16 unless the network cuts them */
    ck_assert_uint_le(spent.sends, EVENTS / 4);
}
END_TEST

START_TEST(an_acknowledgement_costs_no_more) {
    sockets[0] = join();
    ask(sockets[0]);
    ask(sockets[0]); /* one is always awaited */
    ck_assert_int_eq(sio_client_loop_run(loop), 0);
    expect_nothing_else();
}
END_TEST

/* See docs/performance.md, what an idle client consists of. */
START_TEST(an_idle_client_is_small) {
    sockets[0] = join();
    size_t size = memory.live_size;
    size_t blocks = memory.live;
    sockets[1] = join();
    ck_assert_uint_le(memory.live_size - size, 2560);
    ck_assert_uint_le(memory.live - blocks, 18);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("client_costs");
    TCase *tc = tcase_create("client_costs");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, an_event_costs_one_receive_and_one_send);
    tcase_add_test(tc, several_share_them);
    tcase_add_test(tc, an_acknowledgement_costs_no_more);
    tcase_add_test(tc, an_idle_client_is_small);
    return test_run(suite);
}
