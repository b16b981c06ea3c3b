#include "server_support.h"

#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* What a message may cost beyond the one that is received and the one that is sent: nothing. These
 * stand in for the C library's, for libevent too, and count. */

static unsigned epoll_changes, timer_settings;

int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event) {
    epoll_changes++;
    return (int)syscall(SYS_epoll_ctl, epfd, op, fd, event);
}

int timerfd_settime(int fd, int flags, const struct itimerspec *value, struct itimerspec *old) {
    timer_settings++;
    return (int)syscall(SYS_timerfd_settime, fd, flags, value, old);
}

enum { MESSAGES = 100 };

static server_test t;
static test_mem memory;

static void on_echo(sio_peer *peer, const sio_event *event, void *user) {
    ck_assert_int_eq(sio_peer_emit(peer, "echo", event->args, NULL), 0);
}

static void on_ack(sio_peer *peer, const sio_event *event, void *user) {
    ck_assert_int_eq(sio_ack_send(event->ack, event->args), 0);
}

static void on_tell(sio_peer *peer, const sio_event *event, void *user) {
    sio_target everyone = sio_namespace_target(sio_peer_namespace(peer));
    ck_assert_int_eq(sio_target_emit(&everyone, "told", event->args), 0);
}

static void start(void) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    test_mem_init(&memory);
    options.mem = &memory.mem;
    server_start(&t, &options);
    sio_namespace *root = sio_server_of(t.server, "/");
    ck_assert_int_eq(sio_namespace_on(root, "echo", on_echo, NULL), 0);
    ck_assert_int_eq(sio_namespace_on(root, "ack", on_ack, NULL), 0);
    ck_assert_int_eq(sio_namespace_on(root, "tell", on_tell, NULL), 0);
}

static void stop(void) {
    server_stop(&t);
    ck_assert_uint_eq(memory.live, 0);
}

static void ask(raw_client *c, const char *question, const char *answer) {
    ws_text(c, question);
    ws_expect(c, answer);
}

/* The first ones make what is kept. */
static void ask_often(raw_client *c, const char *question, const char *answer) {
    for (int i = 0; i < 3; i++) {
        ask(c, question, answer);
    }
    size_t allocations = memory.calls;
    epoll_changes = 0;
    timer_settings = 0;
    for (int i = 0; i < MESSAGES; i++) {
        ask(c, question, answer);
    }
    ck_assert_uint_eq(memory.calls, allocations);
    ck_assert_uint_eq(epoll_changes, 0);
    ck_assert_uint_eq(timer_settings, 0);
}

START_TEST(an_echo_costs_no_allocation_and_no_other_call) {
    raw_client c;
    ws_join(&c, &t, "40", NULL);
    ask_often(&c, "42[\"echo\",1,\"two\"]", "42[\"echo\",1,\"two\"]");
    raw_close(&c);
}
END_TEST

START_TEST(nor_does_one_of_some_length) {
    raw_client c;
    char text[2048] = "42[\"echo\",\"";
    size_t len = strlen(text);
    memset(text + len, 'x', 1500);
    memcpy(text + len + 1500, "\"]", 3);
    ws_join(&c, &t, "40", NULL);
    ask_often(&c, text, text);
    raw_close(&c);
}
END_TEST

START_TEST(nor_does_an_acknowledgement) {
    raw_client c;
    ws_join(&c, &t, "40", NULL);
    ask_often(&c, "427[\"ack\",1,\"two\"]", "437[1,\"two\"]");
    raw_close(&c);
}
END_TEST

/* The text is kept until the attachment has come. */
START_TEST(an_attachment_costs_one_allocation) {
    raw_client c;
    size_t allocations = 0;
    const char *text = "451-[\"echo\",{\"_placeholder\":true,\"num\":0}]";
    ws_join(&c, &t, "40", NULL);
    for (int i = 0; i < MESSAGES; i++) {
        if (i == 3) {
            allocations = memory.calls;
            epoll_changes = 0;
            timer_settings = 0;
        }
        ws_text(&c, text);
        ws_binary(&c, "\0\1", 2);
        ws_expect(&c, text);
        ws_expect_binary(&c, "\0\1", 2);
    }
    ck_assert_uint_le(memory.calls - allocations, MESSAGES - 3);
    ck_assert_uint_eq(epoll_changes, 0);
    ck_assert_uint_eq(timer_settings, 0);
    raw_close(&c);
}
END_TEST

/* One allocation holds it for all receivers. */
START_TEST(a_broadcast_costs_one_allocation_for_all) {
    enum { CLIENTS = 20 };
    static raw_client c[CLIENTS];
    size_t allocations = 0;
    for (int i = 0; i < CLIENTS; i++) {
        ws_join(&c[i], &t, "40", NULL);
    }
    for (int round = 0; round < 20; round++) {
        if (round == 3) {
            allocations = memory.calls;
            epoll_changes = 0;
            timer_settings = 0;
        }
        ws_text(&c[0], "42[\"tell\",1,\"two\"]");
        for (int i = 0; i < CLIENTS; i++) {
            ws_expect(&c[i], "42[\"told\",1,\"two\"]");
        }
    }
    ck_assert_uint_le(memory.calls - allocations, 2 * 17);
    ck_assert_uint_eq(epoll_changes, 0);
    ck_assert_uint_eq(timer_settings, 0);
    for (int i = 0; i < CLIENTS; i++) {
        raw_close(&c[i]);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("costs");
    TCase *tc = tcase_create("costs");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, an_echo_costs_no_allocation_and_no_other_call);
    tcase_add_test(tc, nor_does_one_of_some_length);
    tcase_add_test(tc, nor_does_an_acknowledgement);
    tcase_add_test(tc, an_attachment_costs_one_allocation);
    tcase_add_test(tc, a_broadcast_costs_one_allocation_for_all);
    return test_run(suite);
}
