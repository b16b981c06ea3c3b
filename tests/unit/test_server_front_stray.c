#include "server_support.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static server_test t;

static void start(uint32_t timeout_ms, bool keep) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.destroy_upgrade_timeout_ms = timeout_ms;
    options.keep_unhandled_upgrades = keep;
    options.idle_timeout_ms = 20;
    server_start(&t, &options);
}

/* E136 */
START_TEST(an_upgrade_of_nobody_is_ended) {
    raw_client c;
    start(30, false);
    raw_open(&c, &t);
    sio_time begin = server_clock();
    ws_request(&c, "/elsewhere", "");
    raw_expect_eof(&c);
    ck_assert_uint_eq(c.len, 0);
    ck_assert_uint_ge(server_clock() - begin, 28);
    raw_close(&c);
    server_stop(&t);
}
END_TEST

/* E138 */
START_TEST(also_when_the_client_goes_on_sending) {
    raw_client c;
    start(60, false);
    raw_open(&c, &t);
    ws_request(&c, "/elsewhere", "");
    for (int i = 0; i < 10; i++) {
        raw_text(&c, "more");
        server_run_for(&t, 2);
    }
    raw_expect_eof(&c);
    raw_close(&c);
    server_stop(&t);
}
END_TEST

/* E137 */
START_TEST(it_may_be_kept) {
    raw_client c;
    start(10, true);
    raw_open(&c, &t);
    ws_request(&c, "/elsewhere", "");
    server_run_for(&t, 80);
    ck_assert(!c.eof);
    raw_close(&c);
    server_settle(&t);
    raw_open(&c, &t);
    ws_request(&c, "/elsewhere", "");
    server_settle(&t);
    sio_server_free(t.server); /* with one that is kept */
    t.server = NULL;
    raw_expect_eof(&c);
    raw_close(&c);
    server_stop(&t);
}
END_TEST

static void on_closed(void *user) {
    *(bool *)user = true;
}

START_TEST(closing_the_server_ends_it) {
    raw_client c;
    bool closed = false;
    start(10, true);
    raw_open(&c, &t);
    ws_request(&c, "/elsewhere", "");
    server_settle(&t);
    ck_assert_int_eq(sio_server_close(t.server, 3600000, on_closed, &closed), 0);
    raw_expect_eof(&c);
    server_until(&t, closed);
    raw_close(&c);
    server_stop(&t);
}
END_TEST

static void handle(sio_request *request, void *user) {
    ck_assert_int_eq(sio_request_reply(request, 426, NULL, "no", 2), 0);
}

/* E139 E140 */
START_TEST(a_handler_gets_it_first) {
    raw_client c;
    start(10, false);
    sio_server_on_request(t.server, handle, NULL);
    raw_open(&c, &t);
    ws_request(&c, "/elsewhere", "");
    http_expect_answer(&c, 426, "no");
    raw_close(&c);
    server_stop(&t);
}
END_TEST

/* ---- the application's hook ---- */

typedef struct hook {
    unsigned calls, lost;
    bool keep;
    sio_request *kept;
    int rc;
    int fd;
    char early[32];
} hook;

static void take(hook *h, sio_request *request) {
    sio_bytes early;
    ck_assert_int_eq(sio_request_take_connection(request, NULL, &early), SIO_ERR_INVALID);
    h->rc = sio_request_take_connection(request, &h->fd, &early);
    if (h->rc != 0) {
        return;
    }
    ck_assert_uint_lt(early.len, sizeof(h->early));
    if (early.len > 0) {
        memcpy(h->early, early.ptr, early.len);
    }
    h->early[early.len] = '\0';
    ck_assert_int_eq(sio_request_reply(request, 200, NULL, NULL, 0), SIO_ERR_STATE);
    ck_assert_int_eq(sio_request_take_connection(request, &h->fd, &early), SIO_ERR_STATE);
}

static void on_lost(sio_request *request, int err, void *user) {
    ((hook *)user)->lost++;
}

static void on_take(sio_request *request, void *user) {
    hook *h = user;
    h->calls++;
    if (h->keep) {
        h->kept = sio_request_ref(request);
        sio_request_on_lost(request, on_lost, h);
    } else {
        take(h, request);
    }
}

static void on_refuse(sio_request *request, void *user) {
    ((hook *)user)->calls++;
    ck_assert_int_eq(sio_request_reply(request, 403, NULL, "go", 2), 0);
}

static void on_leave(sio_request *request, void *user) {
    ((hook *)user)->calls++;
}

#define UPGRADE(path) "GET " path " HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: own\r\n"

static void expect_text(raw_client *c, const char *text) {
    server_until(&t, c->len >= strlen(text) || c->eof);
    ck_assert_uint_ge(c->len, strlen(text));
    ck_assert_mem_eq(c->in, text, strlen(text));
    raw_drop(c, strlen(text));
}

/* The application speaks a protocol of its own to who asked for it. */
static void talk(raw_client *c, const hook *h) {
    static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\n\r\n";
    char back[4];
    ck_assert_int_eq(h->rc, 0);
    ck_assert_int_ne(fcntl(h->fd, F_GETFL) & O_NONBLOCK, 0);
    ck_assert_int_eq(write(h->fd, answer, sizeof(answer) - 1), (ssize_t)sizeof(answer) - 1);
    expect_text(c, answer);
    raw_text(c, "more");
    server_settle(&t);
    ck_assert_int_eq(fcntl(h->fd, F_SETFL, 0), 0);
    ck_assert_int_eq(recv(h->fd, back, sizeof(back), MSG_WAITALL), sizeof(back));
    ck_assert_mem_eq(back, "more", sizeof(back));
    ck_assert(!c->eof);
    close(h->fd);
    raw_expect_eof(c);
    raw_close(c);
}

/* The timeout of what nobody handles does not concern it. */
START_TEST(the_hook_takes_the_connection) {
    raw_client c;
    hook h = {.fd = -1};
    start(10, false);
    sio_server_on_upgrade(t.server, on_take, &h);
    sio_server_on_request(t.server, handle, NULL);
    raw_open(&c, &t);
    raw_text(&c, UPGRADE("/own") "\r\nearly");
    server_until(&t, h.calls == 1);
    ck_assert_str_eq(h.early, "early");
    server_run_for(&t, 40);
    talk(&c, &h);
    server_stop(&t);
}
END_TEST

START_TEST(the_hook_takes_it_later) {
    raw_client c;
    hook h = {.fd = -1, .keep = true};
    start(10, false);
    sio_server_on_upgrade(t.server, on_take, &h);
    raw_open(&c, &t);
    raw_text(&c, UPGRADE("/own") "\r\n");
    server_until(&t, h.kept);
    raw_text(&c, "early");
    server_run_for(&t, 40);
    take(&h, h.kept);
    sio_request_unref(h.kept);
    ck_assert_str_eq(h.early, "early");
    talk(&c, &h);
    ck_assert_uint_eq(h.lost, 0);
    server_stop(&t);
}
END_TEST

/* It is its turn when the answers before it are sent. */
START_TEST(the_hook_waits_for_earlier_answers) {
    raw_client c;
    hook h = {.fd = -1};
    start(10, false);
    sio_server_on_upgrade(t.server, on_take, &h);
    raw_open(&c, &t);
    raw_text(&c, "GET /none HTTP/1.1\r\nHost: h\r\n\r\n" UPGRADE("/own") "\r\nearly");
    http_expect_answer(&c, 404, "Not Found");
    server_until(&t, h.calls == 1);
    ck_assert_str_eq(h.early, "early");
    talk(&c, &h);
    server_stop(&t);
}
END_TEST

START_TEST(the_hook_refuses) {
    raw_client c;
    hook h = {.fd = -1};
    start(10, false);
    ck_assert_int_eq(sio_server_serve_dir(t.server, "/", "."), 0);
    sio_server_on_upgrade(t.server, on_refuse, &h);
    raw_open(&c, &t);
    for (unsigned i = 1; i <= 2; i++) {
        raw_text(&c, UPGRADE("/own") "\r\n");
        http_expect_answer(&c, 403, "go");
        ck_assert_uint_eq(h.calls, i);
    }
    raw_close(&c);
    /* The engine's own requests, and those that are no upgrade, are not asked about. */
    ws_open(&c, &t, "EIO=4&transport=websocket", "");
    raw_close(&c);
    http_expect(&t, "GET", "/none", "", NULL, 404, NULL);
    ck_assert_uint_eq(h.calls, 2);
    server_stop(&t);
}
END_TEST

/* E136 */
START_TEST(what_the_hook_leaves_is_ended) {
    raw_client c;
    hook h = {.fd = -1};
    start(30, false);
    sio_server_on_upgrade(t.server, on_leave, &h);
    for (unsigned i = 1; i <= 3; i++) {
        sio_time begin = server_clock();
        h.keep = i == 2;
        if (h.keep) {
            sio_server_on_upgrade(t.server, on_take, &h);
        }
        raw_open(&c, &t);
        raw_text(&c,
                 i < 3 ? UPGRADE("/own") "\r\n" : UPGRADE("/own") "Content-Length: 2\r\n\r\nab");
        server_until(&t, h.calls == i);
        if (h.keep) {
            sio_request_unref(h.kept);
            sio_server_on_upgrade(t.server, on_leave, &h);
        }
        raw_expect_eof(&c);
        ck_assert_uint_eq(c.len, 0);
        ck_assert_uint_ge(server_clock() - begin, 28);
        raw_close(&c);
    }
    server_stop(&t);
}
END_TEST

START_TEST(one_with_a_body_cannot_be_taken) {
    raw_client c;
    hook h = {.fd = -1};
    start(10, false);
    sio_server_on_upgrade(t.server, on_take, &h);
    raw_open(&c, &t);
    raw_text(&c, UPGRADE("/own") "Content-Length: 2\r\n\r\nab");
    server_until(&t, h.calls == 1);
    ck_assert_int_eq(h.rc, SIO_ERR_STATE);
    raw_expect_eof(&c);
    raw_close(&c);
    /* Nor one that is no upgrade. */
    sio_server_on_request(t.server, on_take, &h);
    http_expect(&t, "GET", "/own", "", NULL, 500, NULL);
    ck_assert_int_eq(h.rc, SIO_ERR_STATE);
    server_stop(&t);
}
END_TEST

START_TEST(who_leaves_or_closes_loses_it) {
    raw_client c;
    hook h = {.fd = -1, .keep = true};
    sio_bytes early;
    start(10, false);
    sio_server_on_upgrade(t.server, on_take, &h);
    for (unsigned i = 1; i <= 2; i++) {
        raw_open(&c, &t);
        raw_text(&c, UPGRADE("/own") "\r\n");
        server_until(&t, h.calls == i);
        if (i == 1) {
            raw_reset(&c);
            server_until(&t, h.lost == 1);
        } else {
            sio_server_free(t.server);
            t.server = NULL;
            ck_assert_uint_eq(h.lost, 2);
            raw_expect_eof(&c);
        }
        ck_assert_int_eq(sio_request_take_connection(h.kept, &h.fd, &early), SIO_ERR_CLOSED);
        sio_request_unref(h.kept);
        raw_close(&c);
    }
    server_stop(&t);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("stray upgrades");
    TCase *tc = tcase_create("stray");
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, an_upgrade_of_nobody_is_ended);
    tcase_add_test(tc, also_when_the_client_goes_on_sending);
    tcase_add_test(tc, it_may_be_kept);
    tcase_add_test(tc, closing_the_server_ends_it);
    tcase_add_test(tc, a_handler_gets_it_first);
    tc = tcase_create("hook");
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, the_hook_takes_the_connection);
    tcase_add_test(tc, the_hook_takes_it_later);
    tcase_add_test(tc, the_hook_waits_for_earlier_answers);
    tcase_add_test(tc, the_hook_refuses);
    tcase_add_test(tc, what_the_hook_leaves_is_ended);
    tcase_add_test(tc, one_with_a_body_cannot_be_taken);
    tcase_add_test(tc, who_leaves_or_closes_loses_it);
    return test_run(suite);
}
