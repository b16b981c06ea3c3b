#include "server_support.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static server_test t;
static unsigned after_free; /* callbacks that ran after sio_server_free had returned */
static unsigned calls;
static char notes[512];

static void *tag(const char *text) {
    return (void *)(uintptr_t)text;
}

static void note(const char *text) {
    snprintf(notes + strlen(notes), sizeof(notes) - strlen(notes), "%s ", text);
    after_free += t.server == NULL;
}

static void free_server(void) {
    sio_server *server = t.server;
    sio_server_free(server);
    t.server = NULL; /* from here on nothing may be called any more */
}

static void start(void) {
    after_free = calls = 0;
    notes[0] = '\0';
    server_start(&t, NULL);
}

static void stop(void) {
    server_stop(&t);
    ck_assert_uint_eq(after_free, 0);
}

/* ---- making ---- */

START_TEST(refuses_what_it_cannot_be) {
    sio_server *server = NULL;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.path = "no slash";
    ck_assert_int_eq(sio_server_new(&server, &options), SIO_ERR_INVALID);
    sio_server_tls tls = SIO_SERVER_TLS_INIT;
    tls.cert_file = "/nonexistent/cert";
    tls.key_file = "/nonexistent/key";
    options = (sio_server_options)SIO_SERVER_OPTIONS_INIT;
    options.tls = &tls;
    int rc = sio_server_new(&server, &options);
    ck_assert_msg(rc == SIO_ERR_TLS_CONFIG || rc == SIO_ERR_UNSUPPORTED, "%d", rc);
    tls.size = 3;
    ck_assert_int_eq(sio_server_new(&server, &options), SIO_ERR_INVALID);
    ck_assert_ptr_null(server);
    sio_server_free(NULL);
}
END_TEST

START_TEST(remembers_the_applications_pointer) {
    ck_assert_ptr_eq(sio_server_user(t.server), &t);
    sio_server_set_user(t.server, NULL);
    ck_assert_ptr_null(sio_server_user(t.server));
    ck_assert_uint_eq(sio_server_session_count(t.server), 0);
}
END_TEST

/* A page of an origin that is not listed gets no WebSocket, a program without one does. */
START_TEST(foreign_pages_get_no_websocket) {
    static const char *const origins[] = {"https://good.example"};
    sio_server_cors cors = SIO_SERVER_CORS_INIT;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    raw_client c;
    http_answer answer;
    cors.origins = origins;
    cors.origin_count = 1;
    options.cors = &cors;
    server_stop(&t);
    server_start(&t, &options);
    raw_open(&c, &t);
    ws_request(&c, "/socket.io/?EIO=4&transport=websocket", "Origin: https://evil.example\r\n");
    ck_assert(http_receive(&c, &answer));
    ck_assert_int_eq(answer.status, 400);
    http_answer_free(&answer);
    raw_expect_eof(&c);
    raw_close(&c);
    sio_counters now = SIO_COUNTERS_INIT;
    ck_assert_int_eq(sio_server_read_counters(t.server, &now), 0);
    ck_assert_uint_eq(now.refused_request, 1);
    ck_assert_uint_eq(now.handshakes_websocket, 0);
    ws_open(&c, &t, "EIO=4", "Origin: https://good.example\r\n");
    raw_close(&c);
    ws_open(&c, &t, "EIO=4", "");
    raw_close(&c);
}
END_TEST

/* ---- listening ---- */

START_TEST(listens_on_several_addresses) {
    uint16_t first = sio_server_port(t.server);
    ck_assert_int_eq(sio_server_listen(t.server, "127.0.0.1", 0), 0);
    ck_assert_uint_eq(sio_server_port(t.server), first);
    ck_assert_int_eq(sio_server_listen(t.server, "127.0.0.1", first), SIO_ERR_LISTEN);
    ck_assert_int_eq(sio_server_listen(t.server, "no address", 0), SIO_ERR_INVALID);
    int rc = 0;
    unsigned count = 2;
    while (rc == 0 && count < 100) {
        rc = sio_server_listen(t.server, "127.0.0.1", 0);
        count += rc == 0;
    }
    ck_assert_int_eq(rc, SIO_ERR_LIMIT);
    ck_assert_uint_eq(count, 16);
}
END_TEST

START_TEST(listens_on_a_unix_socket) {
    char dir[] = "/tmp/sio-server-XXXXXX";
    char path[64];
    char name[80];
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    raw_client c;
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/socket", dir);
    snprintf(name, sizeof(name), "unix:%s", path);
    snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
    sio_server *server;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.base = t.base;
    ck_assert_int_eq(sio_server_new(&server, &options), 0);
    ck_assert_int_eq(sio_server_listen(server, name, 0), 0);
    ck_assert_uint_eq(sio_server_port(server), 0);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    raw_adopt(&c, &t, fd);
    http_send(&c, "GET", "/socket.io/?EIO=4&transport=polling", "", NULL, 0);
    http_expect_answer(&c, 200, NULL);
    raw_close(&c);
    sio_server_free(server);
    ck_assert_int_ne(access(path, F_OK), 0);
    ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

/* ---- running, posting ---- */

static void stop_it(void *user) {
    sio_server_stop(user);
}

static void count_call(void *user) {
    ++*(unsigned *)user;
    note("fn");
}

static void count_drop(void *user) {
    *(unsigned *)user += 100;
    note("drop");
}

static void *poster(void *arg) {
    ck_assert_int_eq(sio_server_post(t.server, count_call, NULL, &calls), 0);
    ck_assert_int_eq(sio_server_post(t.server, stop_it, NULL, t.server), 0);
    return NULL;
}

START_TEST(runs_what_another_thread_posts) {
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, poster, NULL), 0);
    ck_assert_int_eq(sio_server_run(t.server), 0);
    pthread_join(thread, NULL);
    ck_assert_uint_eq(calls, 1);
}
END_TEST

static void *stopper(void *arg) {
    sio_server_stop(t.server);
    return NULL;
}

START_TEST(stops_from_another_thread) {
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, stopper, NULL), 0);
    ck_assert_int_eq(sio_server_run(t.server), 0);
    pthread_join(thread, NULL);
}
END_TEST

static void run_again(void *user) {
    ck_assert_int_eq(sio_server_run(user), SIO_ERR_STATE);
    sio_server_stop(user);
    calls++;
}

START_TEST(runs_once_at_a_time) {
    sio_server_post(t.server, run_again, NULL, t.server);
    ck_assert_int_eq(sio_server_run(t.server), 0);
    ck_assert_uint_eq(calls, 1);
}
END_TEST

START_TEST(drops_posts_when_freed) {
    sio_server_post(t.server, count_call, count_drop, &calls);
    sio_server_post(t.server, count_call, NULL, &calls);
    sio_server_free(t.server);
    ck_assert_str_eq(notes, "drop ");
    t.server = NULL;
}
END_TEST

static void post_free(void *user) {
    note("free");
    free_server();
}

static void drop_silently(void *user) {
    calls += 100;
}

/* What was posted behind the call that frees the server is dropped, not run. */
START_TEST(free_in_a_post) {
    sio_server_post(t.server, post_free, NULL, NULL);
    sio_server_post(t.server, count_call, drop_silently, &calls);
    server_until(&t, t.server == NULL);
    server_settle(&t);
    ck_assert_str_eq(notes, "free ");
    ck_assert_uint_eq(calls, 100);
}
END_TEST

/* ---- freeing inside callbacks ---- */

static void peer_note(sio_peer *peer, const sio_event *event, void *user) {
    note(user);
}

static void peer_free(sio_peer *peer, const sio_event *event, void *user) {
    note(user);
    free_server();
}

static void reply_note(const sio_event *reply, void *user) {
    char text[32];
    snprintf(text, sizeof(text), "%s:%d", (const char *)user, reply->status);
    note(text);
}

static void reply_free(const sio_event *reply, void *user) {
    note(user);
    free_server();
}

static sio_namespace *root(void) {
    return sio_server_of(t.server, "/");
}

static void gone(raw_client *c) {
    server_until(&t, t.server == NULL);
    raw_expect_eof(c);
    server_settle(&t);
    raw_close(c);
}

START_TEST(free_in_connection) {
    raw_client c;
    sio_namespace_on_connection(root(), peer_note, tag("one"));
    sio_namespace_on_connection(root(), peer_free, tag("two"));
    sio_namespace_on_connection(root(), peer_note, tag("three"));
    sio_namespace_on(root(), "disconnect", peer_note, tag("disconnect"));
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_text(&c, "40");
    gone(&c);
    ck_assert_str_eq(notes, "one two disconnect ");
}
END_TEST

START_TEST(free_in_an_event) {
    raw_client c;
    sio_namespace_on_any(root(), peer_note, tag("any"));
    sio_namespace_on(root(), "x", peer_free, tag("x"));
    sio_namespace_on(root(), "x", peer_note, tag("later"));
    sio_namespace_on(root(), "y", peer_note, tag("y"));
    ws_join(&c, &t, "40", NULL);
    ws_text(&c, "421[\"x\"]");
    ws_text(&c, "42[\"y\"]");
    gone(&c);
    ck_assert_str_eq(notes, "any any x ");
}
END_TEST

START_TEST(free_in_an_event_over_polling) {
    poller p;
    sio_namespace_on(root(), "x", peer_free, tag("x"));
    sio_namespace_on(root(), "y", peer_note, tag("y"));
    poller_open(&p, &t, "EIO=4");
    poller_post(&p, "40");
    http_send(&p.post, "POST", poller_target(&p), "",
              "42[\"x\"]\x1e"
              "42[\"y\"]",
              15);
    server_until(&t, t.server == NULL);
    raw_expect_eof(&p.post);
    raw_expect_eof(&p.get);
    ck_assert_str_eq(notes, "x ");
    poller_close(&p);
}
END_TEST

START_TEST(free_in_disconnect) {
    raw_client c, other;
    sio_namespace_on(root(), "disconnect", peer_free, tag("disconnect"));
    sio_namespace_on(root(), "disconnect", peer_note, tag("later"));
    ws_join(&other, &t, "40", NULL);
    ws_join(&c, &t, "40", NULL);
    raw_close(&c);
    server_until(&t, t.server == NULL);
    raw_expect_eof(&other);
    raw_close(&other);
    ck_assert_ptr_nonnull(strstr(notes, "disconnect "));
}
END_TEST

START_TEST(free_in_disconnecting) {
    raw_client c;
    sio_namespace_on(root(), "disconnecting", peer_free, tag("disconnecting"));
    sio_namespace_on(root(), "disconnecting", peer_note, tag("later"));
    sio_namespace_on(root(), "disconnect", peer_note, tag("disconnect"));
    ws_join(&c, &t, "40", NULL);
    ws_text(&c, "41");
    gone(&c);
    ck_assert_str_eq(notes, "disconnecting disconnect ");
}
END_TEST

static void ask(sio_peer *peer, const sio_event *event, void *user) {
    ck_assert_int_eq(sio_peer_emit_ackf(peer, "a", 0, reply_free, tag("a"), NULL), 0);
    ck_assert_int_eq(sio_peer_emit_ackf(peer, "b", 0, reply_note, tag("b"), NULL), 0);
}

/* Those who still wait are told before sio_server_free returns. */
START_TEST(free_in_a_reply) {
    raw_client c;
    sio_namespace_on_connection(root(), ask, NULL);
    ws_join(&c, &t, "40", NULL);
    ws_expect(&c, "420[\"a\"]");
    ws_expect(&c, "421[\"b\"]");
    ws_text(&c, "430[]");
    gone(&c);
    ck_assert_str_eq(notes, "a b:-9 ");
}
END_TEST

START_TEST(free_in_the_reply_that_a_disconnect_brings) {
    raw_client c;
    sio_namespace_on_connection(root(), ask, NULL);
    ws_join(&c, &t, "40", NULL);
    ws_expect(&c, "420[\"a\"]");
    ws_text(&c, "41");
    server_until(&t, t.server == NULL);
    raw_expect_eof(&c);
    raw_close(&c);
    ck_assert_str_eq(notes, "a b:-9 ");
}
END_TEST

static void ask_quickly(sio_peer *peer, const sio_event *event, void *user) {
    ck_assert_int_eq(sio_peer_emit_ackf(peer, "a", 5, reply_free, tag("a"), NULL), 0);
    ck_assert_int_eq(sio_peer_emit_ackf(peer, "b", 5, reply_note, tag("b"), NULL), 0);
}

START_TEST(free_in_a_reply_that_timed_out) {
    raw_client c;
    sio_namespace_on_connection(root(), ask_quickly, NULL);
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_text(&c, "40");
    gone(&c);
    ck_assert_str_eq(notes, "a b:-9 ");
}
END_TEST

/* The handlers of "disconnect" free the server while a reply is awaited. */
START_TEST(free_in_disconnect_ends_replies_first) {
    raw_client c;
    sio_namespace_on_connection(root(), ask, NULL);
    sio_namespace_on(root(), "disconnect", peer_free, tag("disconnect"));
    ws_join(&c, &t, "40", NULL);
    ws_expect(&c, "420[\"a\"]");
    ws_expect(&c, "421[\"b\"]");
    ws_text(&c, "41");
    server_until(&t, t.server == NULL);
    raw_expect_eof(&c);
    raw_close(&c);
    ck_assert_str_eq(notes, "disconnect a b:-9 ");
}
END_TEST

static void request_free(sio_request *request, void *user) {
    note("request");
    if (user) {
        ck_assert_int_eq(sio_request_reply(request, 200, NULL, "x", 1), 0);
    }
    free_server();
}

/* Also with a second request in the same piece. */
START_TEST(free_in_a_request) {
    for (int reply = 0; reply < 2; reply++) {
        raw_client c;
        notes[0] = '\0';
        sio_server_on_request(t.server, request_free, reply ? &t : NULL);
        raw_open(&c, &t);
        raw_text(&c, "GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n");
        gone(&c);
        ck_assert_str_eq(notes, "request ");
        server_stop(&t);
        server_start(&t, NULL);
    }
}
END_TEST

static void done_free(void *user) {
    note("done");
    free_server();
}

START_TEST(free_in_done) {
    raw_client c;
    ws_join(&c, &t, "40", NULL);
    ck_assert_int_eq(sio_server_close(t.server, 60000, done_free, NULL), 0);
    ws_expect_close(&c, 0);
    raw_close(&c);
    server_until(&t, t.server == NULL);
    ck_assert_str_eq(notes, "done ");
}
END_TEST

START_TEST(free_in_done_at_once) {
    ck_assert_int_eq(sio_server_close(t.server, 60000, done_free, NULL), 0);
    server_until(&t, t.server == NULL);
    server_settle(&t);
    ck_assert_str_eq(notes, "done ");
}
END_TEST

static void each_free(sio_peer *peer, void *user) {
    note("each");
    free_server();
}

START_TEST(free_while_walking_peers) {
    raw_client a, b;
    ws_join(&a, &t, "40", NULL);
    ws_join(&b, &t, "40", NULL);
    ck_assert_int_eq(sio_namespace_each(root(), each_free, NULL), 0);
    ck_assert_str_eq(notes, "each ");
    raw_expect_eof(&a);
    raw_expect_eof(&b);
    raw_close(&a);
    raw_close(&b);
}
END_TEST

START_TEST(free_while_disconnecting_many) {
    raw_client a, b;
    sio_namespace_on(root(), "disconnect", peer_free, tag("disconnect"));
    ws_join(&a, &t, "40", NULL);
    ws_join(&b, &t, "40", NULL);
    sio_target everyone = sio_namespace_target(root());
    ck_assert_int_eq(sio_target_disconnect(&everyone, true), 0);
    ck_assert_ptr_null(t.server);
    raw_expect_eof(&a);
    raw_expect_eof(&b);
    raw_close(&a);
    raw_close(&b);
}
END_TEST

static void release_free(void *user) {
    note("release");
    if (t.server) {
        free_server();
    }
}

static void attach(sio_peer *peer, const sio_event *event, void *user) {
    sio_peer_set_user(peer, &t, release_free);
}

START_TEST(free_in_release) {
    raw_client c;
    sio_namespace_on_connection(root(), attach, NULL);
    ws_join(&c, &t, "40", NULL);
    ws_text(&c, "41");
    server_until(&t, t.server == NULL);
    raw_expect_eof(&c);
    raw_close(&c);
    ck_assert_str_eq(notes, "release ");
}
END_TEST

static void release_note(void *user) {
    note("release");
}

static void attach_note(sio_peer *peer, const sio_event *event, void *user) {
    sio_peer_set_user(peer, &t, release_note);
}

/* Everything is told before sio_server_free returns, when it is not called from a callback. */
START_TEST(free_tells_everybody) {
    raw_client c;
    sio_namespace_on_connection(root(), attach_note, NULL);
    sio_namespace_on_connection(root(), ask, NULL);
    sio_namespace_on(root(), "disconnecting", peer_note, tag("disconnecting"));
    sio_namespace_on(root(), "disconnect", peer_note, tag("disconnect"));
    ws_join(&c, &t, "40", NULL);
    ws_expect(&c, "420[\"a\"]");
    ws_text(&c, "430[]");
    sio_namespace_off(root(), "nothing", peer_note, NULL);
    server_until(&t, t.server == NULL);
    raw_close(&c);
    ck_assert_str_eq(notes, "a disconnecting disconnect b:-9 release ");
}
END_TEST

static struct event *outside;

static void free_from_outside(evutil_socket_t fd, short what, void *arg) {
    note("event");
    free_server();
}

/* From an event of the application, while sio_server_run turns its base. */
START_TEST(free_from_an_event_of_the_base) {
    outside = event_new(t.base, -1, 0, free_from_outside, NULL);
    event_active(outside, EV_TIMEOUT, 0);
    ck_assert_int_eq(sio_server_run(t.server), 0);
    ck_assert_str_eq(notes, "event ");
    event_free(outside);
}
END_TEST

static void post_free_running(void *user) {
    free_server();
}

START_TEST(free_inside_run) {
    raw_client c;
    ws_join(&c, &t, "40", NULL);
    sio_server_post(t.server, post_free_running, NULL, NULL);
    ck_assert_int_eq(sio_server_run(t.server), 0);
    ck_assert_ptr_null(t.server);
    raw_expect_eof(&c);
    raw_close(&c);
}
END_TEST

/* ---- closing ---- */

static void done_note(void *user) {
    note("done");
}

START_TEST(closes_gracefully) {
    raw_client c;
    poller p;
    sio_namespace_on(root(), "disconnect", peer_note, tag("disconnect"));
    server_echo(&t, "/");
    ws_join(&c, &t, "40", NULL);
    ws_expect(&c, "42[\"auth\",{}]");
    poller_open(&p, &t, "EIO=4");
    poller_poll(&p);
    sio_target everyone = sio_namespace_target(root());
    server_settle(&t);
    ck_assert_int_eq(sio_target_emitf(&everyone, "bye", NULL), 0);
    ck_assert_int_eq(sio_server_close(t.server, 60000, done_note, NULL), 0);
    ck_assert_int_eq(sio_server_close(t.server, 60000, done_note, NULL), SIO_ERR_STATE);
    ck_assert_int_eq(sio_server_listen(t.server, "127.0.0.1", 0), SIO_ERR_STATE);
    ck_assert_str_eq(notes, "disconnect ");
    ws_expect(&c, "42[\"bye\"]");
    ws_expect_close(&c, 0); /* no DISCONNECT packet */
    poller_expect(&p, "1");
    raw_close(&c);
    poller_close(&p);
    server_until(&t, strstr(notes, "done"));
    ck_assert_str_eq(notes, "disconnect done ");
    ck_assert_uint_eq(sio_server_session_count(t.server), 0);
}
END_TEST

/* Messages that wait for a polling client reach it over the connection that it has, and nothing is
 * waited for behind them. */
START_TEST(who_polls_while_it_closes_gets_what_is_queued) {
    poller p;
    http_answer answer;
    poller_open(&p, &t, "EIO=4");
    poller_post(&p, "40");
    poller_poll(&p);
    ck_assert(http_receive(&p.get, &answer));
    http_answer_free(&answer);
    sio_target everyone = sio_namespace_target(root());
    ck_assert_int_eq(sio_target_emitf(&everyone, "bye", NULL), 0);
    ck_assert_int_eq(sio_server_close(t.server, 60000, done_note, NULL), 0);
    server_settle(&t);
    ck_assert_str_eq(notes, "");
    poller_poll(&p);
    poller_expect(&p, "42[\"bye\"]");
    poller_poll(&p);
    poller_expect(&p, "6\x1e"
                      "1");
    raw_expect_eof(&p.get);
    raw_expect_eof(&p.post);
    server_until(&t, notes[0] != '\0');
    ck_assert_str_eq(notes, "done ");
    poller_close(&p);
}
END_TEST

START_TEST(closing_is_bounded) {
    raw_client c;
    poller p;
    poller_open(&p, &t, "EIO=4"); /* never polls */
    ws_join(&c, &t, "40", NULL);  /* never answers the Close frame */
    ck_assert_int_eq(sio_server_close(t.server, 30, done_note, NULL), 0);
    server_until(&t, notes[0] != '\0');
    ck_assert_str_eq(notes, "done ");
    ck_assert_uint_eq(sio_server_session_count(t.server), 0);
    raw_close(&c);
    poller_close(&p);
}
END_TEST

/* IO30 */
START_TEST(closes_without_listening) {
    sio_server *server;
    ck_assert_int_eq(sio_server_new(&server, NULL), 0);
    ck_assert_int_eq(sio_server_close(server, 60000, done_note, NULL), 0);
    ck_assert_int_eq(sio_server_run(server), 0);
    ck_assert_str_eq(notes, "done ");
    sio_server_free(server);
}
END_TEST

/* IO31 */
START_TEST(closing_ends_run) {
    ck_assert_int_eq(sio_server_close(t.server, 60000, done_note, NULL), 0);
    ck_assert_int_eq(sio_server_run(t.server), 0);
    ck_assert_str_eq(notes, "done ");
}
END_TEST

START_TEST(freeing_while_closing_calls_done) {
    poller p;
    poller_open(&p, &t, "EIO=4");
    ck_assert_int_eq(sio_server_close(t.server, 60000, done_note, NULL), 0);
    ck_assert_str_eq(notes, "");
    sio_server_free(t.server);
    ck_assert_str_eq(notes, "done ");
    t.server = NULL;
    poller_close(&p);
}
END_TEST

static void close_here(sio_peer *peer, const sio_event *event, void *user) {
    note(user);
    ck_assert_int_eq(sio_server_close(t.server, 60000, done_note, NULL), 0);
}

START_TEST(close_in_disconnecting) {
    raw_client c;
    sio_namespace_on(root(), "disconnecting", close_here, tag("disconnecting"));
    sio_namespace_on(root(), "disconnect", peer_note, tag("disconnect"));
    ws_join(&c, &t, "40", NULL);
    ws_text(&c, "41");
    ws_expect_close(&c, 0);
    raw_close(&c);
    server_until(&t, strstr(notes, "done"));
    ck_assert_str_eq(notes, "disconnecting disconnect done ");
}
END_TEST

START_TEST(close_in_an_event) {
    raw_client c;
    sio_namespace_on(root(), "x", close_here, tag("x"));
    sio_namespace_on(root(), "disconnect", peer_note, tag("disconnect"));
    ws_join(&c, &t, "40", NULL);
    ws_text(&c, "42[\"x\"]");
    ws_text(&c, "42[\"x\"]");
    ws_expect_close(&c, 0);
    raw_close(&c);
    server_until(&t, strstr(notes, "done"));
    ck_assert_str_eq(notes, "x disconnect done ");
}
END_TEST

/* ---- requests beside Socket.IO ---- */

static void request_reply(sio_request *request, void *user) {
    sio_request_reply(request, 200, "text/plain", "hello", 5);
}

START_TEST(hands_other_requests_on) {
    http_expect(&t, "GET", "/other", "", NULL, 404, NULL);
    sio_server_on_request(t.server, request_reply, NULL);
    http_expect(&t, "GET", "/other", "", NULL, 200, "hello");
    http_expect(&t, "GET", "/socket.io/", "", NULL, 400, NULL);
    sio_server_on_request(t.server, NULL, NULL);
    http_expect(&t, "GET", "/other", "", NULL, 404, NULL);
    ck_assert_int_eq(sio_server_serve_dir(t.server, "/x/", "/nonexistent"), SIO_ERR_NOT_FOUND);
}
END_TEST

/* ---- short memory ---- */

static int listen_scenario(const sio_mem *mem, void *arg) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    sio_server *server = NULL;
    options.mem = mem;
    int rc = sio_server_new(&server, &options);
    if (rc == 0) {
        rc = sio_server_of(server, "/chat") ? 0 : SIO_ERR_NOMEM;
    }
    if (rc == 0) {
        rc = sio_server_listen(server, "127.0.0.1", 0);
    }
    sio_server_free(server);
    return rc;
}

START_TEST(opens_in_short_memory) {
    test_mem_sweep(listen_scenario, NULL);
}
END_TEST

/* The handlers of a small application, which closes the connection when it cannot do its part. */
static void shy(sio_peer *peer, int rc) {
    if (rc != 0) {
        sio_peer_close_connection(peer);
    }
}

static void shy_connection(sio_peer *peer, const sio_event *event, void *user) {
    shy(peer, sio_peer_join(peer, "room"));
}

static void shy_echo(sio_peer *peer, const sio_event *event, void *user) {
    shy(peer, event->ack ? sio_ack_send(event->ack, event->args) : SIO_ERR_INVALID);
}

static void shy_all(sio_peer *peer, const sio_event *event, void *user) {
    sio_target target = sio_namespace_target(sio_peer_namespace(peer));
    sio_target_to(&target, "room");
    shy(peer, sio_target_emit(&target, "said", event->args));
}

static int shy_server(sio_server **out, const sio_mem *mem) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.mem = mem;
    options.base = t.base;
    int rc = sio_server_new(out, &options);
    if (rc != 0) {
        return rc;
    }
    sio_namespace *ns = sio_server_of(*out, "/");
    rc = ns ? sio_namespace_on_connection(ns, shy_connection, NULL) : SIO_ERR_NOMEM;
    if (rc == 0) {
        rc = sio_namespace_on(ns, "echo", shy_echo, NULL);
    }
    if (rc == 0) {
        rc = sio_namespace_on(ns, "all", shy_all, NULL);
    }
    return rc != 0 ? rc : sio_server_listen(*out, "127.0.0.1", 0);
}

/* Each step either succeeds or finds that the server has closed the connection; nothing hangs. */
static bool shy_frame(raw_client *c, const char *start) {
    ws_frame frame;
    if (!ws_receive(c, &frame)) {
        return false;
    }
    bool same = strncmp((char *)frame.data, start, strlen(start)) == 0;
    ck_assert_msg(same || frame.first == 0x88, "%s, not %s", frame.data, start);
    ws_frame_free(&frame);
    return same;
}

static int shy_session(raw_client *c) {
    http_answer answer;
    ws_request(c, "/socket.io/?EIO=4&transport=websocket", "");
    if (!http_receive(c, &answer)) {
        return -1;
    }
    http_answer_free(&answer);
    if (answer.status != 101 || !shy_frame(c, "0{")) {
        return -1;
    }
    ws_text(c, "40");
    if (!shy_frame(c, "40{")) {
        return -1;
    }
    ws_text(c, "451-1[\"echo\",{\"_placeholder\":true,\"num\":0}]");
    ws_binary(c, "\1\2", 2);
    if (!shy_frame(c, "461-1[{") || !shy_frame(c, "\1\2")) {
        return -1;
    }
    ws_text(c, "42[\"all\",\"hello\"]");
    if (!shy_frame(c, "42[\"said\",\"hello\"]")) {
        return -1;
    }
    ws_text(c, "41");
    ws_send(c, 0x88, "", 0);
    raw_expect_eof(c);
    return 0;
}

static int session_scenario(const sio_mem *mem, void *arg) {
    raw_client c;
    sio_server *server = NULL;
    int rc = shy_server(&server, mem);
    if (rc == 0) {
        t.port = sio_server_port(server);
        raw_open(&c, &t);
        rc = shy_session(&c);
        raw_close(&c);
    }
    sio_server_free(server);
    return rc;
}

START_TEST(serves_in_short_memory) {
    test_mem_sweep(session_scenario, NULL);
}
END_TEST

/* Any one allocation failed: the next client is served as if nothing had been. */
START_TEST(goes_on_after_short_memory) {
    test_mem mem;
    test_mem_init(&mem);
    sio_server *server = NULL;
    ck_assert_int_eq(shy_server(&server, &mem.mem), 0);
    t.port = sio_server_port(server);
    bool whole = false;
    for (size_t at = 1; !whole; at++) {
        raw_client c;
        mem.calls = 0;
        mem.fail_at = at;
        raw_open(&c, &t);
        whole = shy_session(&c) == 0 && mem.calls < at;
        raw_close(&c);
        mem.fail_at = 0;
        raw_open(&c, &t);
        ck_assert_int_eq(shy_session(&c), 0);
        raw_close(&c);
    }
    sio_server_free(server);
    ck_assert_uint_eq(mem.live, 0);
}
END_TEST

static int polling_session(void) {
    raw_client c;
    http_answer answer;
    char sid[64];
    char target[160] = "/socket.io/?EIO=4&transport=polling";
    static const struct {
        const char *method, *body;
    } steps[] = {{"POST", "40"},
                 {"GET", NULL},
                 {"POST", "451-1[\"echo\",{\"_placeholder\":true,\"num\":0}]\x1e"
                          "bAQI="},
                 {"GET", NULL},
                 {"POST", "1"}};
    int rc = -1;
    raw_open(&c, &t);
    http_send(&c, "GET", target, "", NULL, 0);
    if (!http_receive(&c, &answer)) {
        goto out;
    }
    bool opened = sscanf(answer.body, "0{\"sid\":\"%63[^\"]", sid) == 1;
    http_answer_free(&answer);
    if (!opened) {
        goto out;
    }
    snprintf(target + strlen(target), sizeof(target) - strlen(target), "&sid=%s", sid);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        const char *body = steps[i].body;
        http_send(&c, steps[i].method, target, "", body, body ? strlen(body) : 0);
        if (!http_receive(&c, &answer)) {
            goto out;
        }
        http_answer_free(&answer);
        if (answer.status != 200) {
            goto out;
        }
    }
    rc = 0;
out:
    raw_close(&c);
    return rc;
}

static int polling_scenario(const sio_mem *mem, void *arg) {
    sio_server *server = NULL;
    int rc = shy_server(&server, mem);
    if (rc == 0) {
        t.port = sio_server_port(server);
        rc = polling_session();
    }
    sio_server_free(server);
    return rc;
}

START_TEST(polls_in_short_memory) {
    test_mem_sweep(polling_scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server");
    TCase *tc = tcase_create("server");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, refuses_what_it_cannot_be);
    tcase_add_test(tc, remembers_the_applications_pointer);
    tcase_add_test(tc, foreign_pages_get_no_websocket);
    tcase_add_test(tc, listens_on_several_addresses);
    tcase_add_test(tc, listens_on_a_unix_socket);
    tcase_add_test(tc, runs_what_another_thread_posts);
    tcase_add_test(tc, stops_from_another_thread);
    tcase_add_test(tc, runs_once_at_a_time);
    tcase_add_test(tc, drops_posts_when_freed);
    tcase_add_test(tc, closes_gracefully);
    tcase_add_test(tc, who_polls_while_it_closes_gets_what_is_queued);
    tcase_add_test(tc, closing_is_bounded);
    tcase_add_test(tc, closes_without_listening);
    tcase_add_test(tc, closing_ends_run);
    tcase_add_test(tc, freeing_while_closing_calls_done);
    tcase_add_test(tc, close_in_disconnecting);
    tcase_add_test(tc, close_in_an_event);
    tcase_add_test(tc, hands_other_requests_on);
    tc = tcase_create("free");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, free_in_a_post);
    tcase_add_test(tc, free_in_connection);
    tcase_add_test(tc, free_in_an_event);
    tcase_add_test(tc, free_in_an_event_over_polling);
    tcase_add_test(tc, free_in_disconnect);
    tcase_add_test(tc, free_in_disconnecting);
    tcase_add_test(tc, free_in_a_reply);
    tcase_add_test(tc, free_in_the_reply_that_a_disconnect_brings);
    tcase_add_test(tc, free_in_a_reply_that_timed_out);
    tcase_add_test(tc, free_in_disconnect_ends_replies_first);
    tcase_add_test(tc, free_in_a_request);
    tcase_add_test(tc, free_in_done);
    tcase_add_test(tc, free_in_done_at_once);
    tcase_add_test(tc, free_while_walking_peers);
    tcase_add_test(tc, free_while_disconnecting_many);
    tcase_add_test(tc, free_in_release);
    tcase_add_test(tc, free_tells_everybody);
    tcase_add_test(tc, free_from_an_event_of_the_base);
    tcase_add_test(tc, free_inside_run);
    tc = tcase_create("memory");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, opens_in_short_memory);
    tcase_add_test(tc, serves_in_short_memory);
    tcase_add_test(tc, polls_in_short_memory);
    tcase_add_test(tc, goes_on_after_short_memory);
    return test_run(suite);
}
