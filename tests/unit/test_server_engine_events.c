/* Raw engines as an application uses them: mounted on a server, through the public header only. */
#include "server_support.h"

#include <stdio.h>
#include <stdlib.h>

static server_test t;
static sio_engine *engine;

/* What happened, one letter each: o(pen) m(essage) c(lose) f(lush) d(rain) h(eartbeat) u(pgrading)
 * U(pgrade), digits for packets that came, 'p' and a digit for packets that were queued, s(ent). */
static char trace[4096];
static sio_engine_session *last; /* a reference */
static unsigned sent_ok, sent_lost, closes;
static sio_eio_reason reason;
static bool echo;
static size_t left_in_queue;
static sio_server_options server_options;

static void note(const char *what) {
    size_t len = strlen(trace);
    snprintf(trace + len, sizeof(trace) - len, "%s", what);
}

static void expect_trace(const char *wanted) {
    ck_assert_str_eq(trace, wanted);
    trace[0] = '\0';
}

static void on_open(sio_engine_session *session, void *user) {
    sio_engine_session_unref(last);
    last = sio_engine_session_ref(session);
    note("o");
}

static void on_message(sio_engine_session *session, bool binary, uint8_t *data, size_t len,
                       void *user) {
    note("m");
    if (echo && binary) {
        ck_assert_int_eq(sio_engine_session_send_binary(session, (sio_bytes){data, len}, NULL), 0);
    } else if (echo) {
        sio_str text = {(const char *)data, len};
        ck_assert_int_eq(sio_engine_session_send_text(session, text, NULL), 0);
    }
}

static void on_close(sio_engine_session *session, sio_eio_reason why, int err, void *user) {
    closes++;
    reason = why;
    (void)sio_engine_session_queue(session, &left_in_queue);
    note("c");
}

static void on_flush(sio_engine_session *session, const sio_eio_item *items, size_t count,
                     void *user) {
    ck_assert_uint_gt(count, 0);
    ck_assert_ptr_nonnull(items);
    note("f");
}

static void on_drain(sio_engine_session *session, void *user) {
    size_t count;
    ck_assert_ptr_null(sio_engine_session_queue(session, &count));
    ck_assert_uint_eq(count, 0);
    note("d");
}

static void on_packet(sio_engine_session *session, const sio_eio_packet *packet, void *user) {
    note((char[]){(char)('0' + packet->type), '\0'});
}

static void on_packet_create(sio_engine_session *session, const sio_eio_item *item, void *user) {
    note((char[]){'p', (char)('0' + item->type), '\0'});
}

static void on_heartbeat(sio_engine_session *session, void *user) {
    note("h");
}

static void on_upgrading(sio_engine_session *session, void *user) {
    ck_assert(sio_engine_session_upgrading(session));
    note("u");
}

static void on_upgrade(sio_engine_session *session, void *user) {
    ck_assert(sio_engine_session_upgraded(session));
    note("U");
}

static sio_engine_options usual(void) {
    sio_engine_options options = SIO_ENGINE_OPTIONS_INIT;
    options.callbacks.on_open = on_open;
    options.callbacks.on_message = on_message;
    options.callbacks.on_close = on_close;
    return options;
}

static void start_with(const sio_engine_options *options) {
    trace[0] = '\0';
    sent_ok = sent_lost = closes = 0;
    last = NULL;
    echo = true;
    server_options = (sio_server_options)SIO_SERVER_OPTIONS_INIT;
    server_options.engine_only = true;
    server_start(&t, &server_options);
    t.path = "/engine.io/";
    ck_assert_int_eq(sio_server_add_engine(&engine, t.server, options), 0);
}

static void start(void) {
    sio_engine_options options = usual();
    start_with(&options);
}

static void stop(void) {
    sio_engine_session_unref(last);
    last = NULL;
    server_stop(&t);
}

static void restart(const sio_engine_options *options) {
    stop();
    start_with(options);
}

static void watch_all(void) {
    sio_engine_callbacks watch = SIO_ENGINE_CALLBACKS_INIT;
    watch.on_flush = on_flush;
    watch.on_drain = on_drain;
    watch.on_packet = on_packet;
    watch.on_packet_create = on_packet_create;
    watch.on_heartbeat = on_heartbeat;
    watch.on_upgrading = on_upgrading;
    watch.on_upgrade = on_upgrade;
    ck_assert_int_eq(sio_engine_watch(engine, &watch, NULL), 0);
}

static void done(void *user, int status) {
    note(user ? user : "s");
    sent_ok += status == 0;
    sent_lost += status == SIO_ERR_CLOSED;
}

static int send_told(const char *text, const char *name) {
    sio_engine_send_options options = SIO_ENGINE_SEND_INIT;
    options.done = done;
    options.user = (void *)(uintptr_t)name;
    return sio_engine_session_send_text(last, (sio_str){text, strlen(text)}, &options);
}

/* ---- mounting ---- */

/* E132 E134 */
START_TEST(a_server_without_socket_io) {
    ck_assert_ptr_null(sio_server_engine(t.server));
    http_expect(&t, "GET", "/socket.io/?EIO=4&transport=polling", "", NULL, 404, NULL);
    http_expect(&t, "GET", "/engine.io/?EIO=4&transport=polling", "", NULL, 200, NULL);
    ck_assert_uint_eq(sio_server_session_count(t.server), 1);
    ck_assert_str_eq(sio_engine_path(engine), "/engine.io/");
}
END_TEST

START_TEST(refuses_impossible_engines) {
    sio_engine *other = NULL;
    sio_engine_options options = usual();
    ck_assert_int_eq(sio_server_add_engine(&other, t.server, &options), SIO_ERR_EXISTS);
    options.path = "/engine.io/";
    ck_assert_int_eq(sio_server_add_engine(&other, t.server, &options), SIO_ERR_EXISTS);
    options.path = "relative";
    ck_assert_int_eq(sio_server_add_engine(&other, t.server, &options), SIO_ERR_INVALID);
    options.path = "/other";
    options.max_payload = 1000001;
    ck_assert_int_eq(sio_server_add_engine(&other, t.server, &options), SIO_ERR_INVALID);
    options = usual();
    options.path = "/other";
    options.disable_polling = options.disable_websocket = true;
    ck_assert_int_eq(sio_server_add_engine(&other, t.server, &options), SIO_ERR_INVALID);
    options = usual();
    options.size = 1;
    ck_assert_int_eq(sio_server_add_engine(&other, t.server, &options), SIO_ERR_INVALID);
    options = usual();
    options.callbacks.size = 0;
    ck_assert_int_eq(sio_server_add_engine(&other, t.server, &options), SIO_ERR_INVALID);
    ck_assert_ptr_null(other);
    ck_assert_int_eq(sio_engine_watch(engine, NULL, NULL), SIO_ERR_INVALID);
}
END_TEST

/* The longest path wins, and upgrades find their engine, too. */
START_TEST(several_engines_coexist) {
    sio_engine *below, *aside;
    sio_engine_options options = usual();
    raw_client c;
    options.path = "/engine.io/below";
    ck_assert_int_eq(sio_server_add_engine(&below, t.server, &options), 0);
    options.path = "/aside";
    ck_assert_int_eq(sio_server_add_engine(&aside, t.server, &options), 0);
    http_expect(&t, "GET", "/engine.io/below/?EIO=4&transport=polling", "", NULL, 200, NULL);
    ck_assert_uint_eq(sio_engine_session_count(below), 1);
    ck_assert_uint_eq(sio_engine_session_count(engine), 0);
    http_expect(&t, "GET", "/engine.io/else?EIO=4&transport=polling", "", NULL, 200, NULL);
    ck_assert_uint_eq(sio_engine_session_count(engine), 1);
    t.path = "/aside/";
    ws_connect(&c, &t, "EIO=4", NULL);
    ck_assert_uint_eq(sio_engine_session_count(aside), 1);
    ck_assert_uint_eq(sio_server_session_count(t.server), 3);
    ck_assert_ptr_eq(sio_engine_session_find(aside, sio_engine_session_id(last)), last);
    ck_assert_ptr_null(sio_engine_session_find(engine, sio_engine_session_id(last)));
    ck_assert_ptr_eq(sio_engine_session_next(aside, NULL), last);
    ck_assert_ptr_null(sio_engine_session_next(aside, last));
    raw_close(&c);
}
END_TEST

/* E38 */
START_TEST(the_trailing_slash_may_be_missing) {
    sio_engine *bare;
    sio_engine_options options = usual();
    options.path = "/bare/";
    options.no_trailing_slash = true;
    ck_assert_int_eq(sio_server_add_engine(&bare, t.server, &options), 0);
    ck_assert_str_eq(sio_engine_path(bare), "/bare");
    http_expect(&t, "GET", "/bare?EIO=4&transport=polling", "", NULL, 200, NULL);
    http_expect(&t, "GET", "/bare/foo/bar?EIO=4&transport=polling", "", NULL, 200, NULL);
    http_expect(&t, "GET", "/barefoot?EIO=4&transport=polling", "", NULL, 404, NULL);
    http_expect(&t, "GET", "/engine.io?EIO=4&transport=polling", "", NULL, 404, NULL);
}
END_TEST

/* Its limit is its own, also where the front's is higher. */
START_TEST(an_engine_has_its_own_limit) {
    sio_engine_options options = usual();
    poller p;
    options.max_payload = 10;
    restart(&options);
    poller_open(&p, &t, "EIO=4");
    http_send(&p.post, "POST", poller_target(&p), "", "4234567890x", 11);
    http_expect_answer(&p.post, 413, "");
    http_send(&p.post, "POST", poller_target(&p), "Transfer-Encoding: chunked\r\n", NULL, 0);
    raw_text(&p.post, "b\r\n4234567890x\r\n0\r\n\r\n");
    http_expect_answer(&p.post, 413, "");
    poller_post(&p, "4234567890");
    poller_get(&p, "4234567890");
    poller_close(&p);
}
END_TEST

/* ---- events ---- */

/* E18 E24 E102 E104 E85 */
START_TEST(tells_of_a_session_on_polling) {
    poller p;
    watch_all();
    poller_open(&p, &t, "EIO=4");
    expect_trace("o");
    poller_post(&p, "4a");
    expect_trace("4mp4");
    poller_get(&p, "4a");
    expect_trace("fd");
    poller_post(&p, "1");
    expect_trace("1c");
    ck_assert_int_eq(reason, SIO_EIO_REASON_TRANSPORT_CLOSE);
    poller_close(&p);
}
END_TEST

/* E85 E102 E104 E26 */
START_TEST(tells_of_a_session_on_a_websocket) {
    raw_client c;
    watch_all();
    ws_connect(&c, &t, "EIO=4", NULL);
    trace[0] = '\0'; /* the open packet is flushed before and drained after on_open */
    ws_text(&c, "4a");
    ws_expect(&c, "4a");
    expect_trace("4mp4fd");
    raw_close(&c);
    server_until(&t, closes == 1);
    expect_trace("c");
}
END_TEST

/* E103 E105 */
START_TEST(tells_of_the_heartbeat) {
    sio_engine_options options = usual();
    raw_client c;
    poller p;
    options.ping_interval_ms = 20;
    options.ping_timeout_ms = 5000;
    options.allow_eio3 = true;
    restart(&options);
    watch_all();
    ws_connect(&c, &t, "EIO=4", NULL);
    trace[0] = '\0';
    ws_expect(&c, "2");
    expect_trace("p2fd");
    ws_text(&c, "3");
    server_until(&t, strlen(trace) >= 2);
    ck_assert_mem_eq(trace, "3h", 2);
    raw_close(&c);
    server_until(&t, closes == 1);
    poller_open(&p, &t, "EIO=3");
    trace[0] = '\0';
    poller_post(&p, "1:2");
    expect_trace("2p3h");
    poller_close(&p);
}
END_TEST

START_TEST(tells_of_an_upgrade) {
    poller p;
    raw_client c;
    char query[128];
    watch_all();
    poller_open(&p, &t, "EIO=4");
    snprintf(query, sizeof(query), "EIO=4&sid=%s", p.sid);
    ws_open(&c, &t, query, "");
    ws_text(&c, "2probe");
    ws_expect(&c, "3probe");
    expect_trace("ou");
    ws_text(&c, "5");
    server_until(&t, strlen(trace) > 0);
    expect_trace("U");
    ck_assert(!sio_engine_session_upgrading(last));
    ck_assert_int_eq(sio_engine_session_transport(last), SIO_EIO_WEBSOCKET);
    raw_close(&c);
    poller_close(&p);
}
END_TEST

/* E65: the ping comes on the WebSocket, and its pong keeps the session. */
START_TEST(the_heartbeat_goes_on_after_an_upgrade) {
    sio_engine_options options = usual();
    poller p;
    raw_client c;
    char query[128];
    options.ping_interval_ms = 30;
    options.ping_timeout_ms = 5000;
    restart(&options);
    poller_open(&p, &t, "EIO=4");
    snprintf(query, sizeof(query), "EIO=4&sid=%s", p.sid);
    ws_open(&c, &t, query, "");
    ws_text(&c, "5");
    for (int i = 0; i < 3; i++) {
        ws_expect(&c, "2");
        ws_text(&c, "3");
    }
    ck_assert_uint_eq(closes, 0);
    raw_close(&c);
    poller_close(&p);
}
END_TEST

/* One message each way, whatever the transport is at the moment. */
static void exchange_by_poll(poller *p, unsigned i) {
    char text[16];
    snprintf(text, sizeof(text), "4%u", i);
    poller_post(p, text);
    poller_get(p, text);
}

/* E106: none is lost or overtaken, from either side, and a second engine on the same front does no
 * harm. What is sent while the switch is on its way waits for it. */
START_TEST(nothing_is_lost_in_an_upgrade_under_load) {
    sio_engine *other;
    sio_engine_options options = usual();
    poller p;
    raw_client c;
    char query[128], text[16];
    options.path = "/other";
    ck_assert_int_eq(sio_server_add_engine(&other, t.server, &options), 0);
    watch_all();
    poller_open(&p, &t, "EIO=4");
    unsigned i = 0;
    for (; i < 10; i++) {
        exchange_by_poll(&p, i);
    }
    snprintf(query, sizeof(query), "EIO=4&sid=%s", p.sid);
    ws_open(&c, &t, query, "");
    ws_text(&c, "2probe");
    ws_expect(&c, "3probe");
    for (; i < 20; i++) {
        exchange_by_poll(&p, i);
    }
    for (; i < 30; i++) { /* posted, and not asked for any more */
        snprintf(text, sizeof(text), "4%u", i);
        poller_post(&p, text);
    }
    ws_text(&c, "5");
    for (; i < 50; i++) { /* at once behind the switch */
        snprintf(text, sizeof(text), "4%u", i);
        ws_text(&c, text);
    }
    for (unsigned k = 20; k < 50; k++) {
        snprintf(text, sizeof(text), "4%u", k);
        ws_expect(&c, text);
    }
    ck_assert_ptr_nonnull(strchr(trace, 'U'));
    ws_send(&c, 0x88, "", 0);
    server_until(&t, closes == 1);
    ck_assert_int_eq(reason, SIO_EIO_REASON_TRANSPORT_CLOSE);
    ck_assert_uint_eq(sio_engine_session_count(other), 0);
    raw_close(&c);
    poller_close(&p);
}
END_TEST

/* ---- sending ---- */

/* E94 E97 */
START_TEST(tells_when_a_message_was_written) {
    raw_client c;
    poller p;
    ws_connect(&c, &t, "EIO=4", NULL);
    trace[0] = '\0';
    ck_assert_int_eq(send_told("a", "1"), 0);
    ck_assert_int_eq(send_told("b", "2"), 0);
    ck_assert_int_eq(send_told("c", "3"), 0);
    ck_assert_int_eq(send_told("d", "4"), 0);
    expect_trace(""); /* never from inside */
    server_until(&t, sent_ok == 4);
    expect_trace("1234");
    ws_expect(&c, "4a");
    ws_expect(&c, "4b");
    ws_expect(&c, "4c");
    ws_expect(&c, "4d");
    raw_close(&c);
    server_until(&t, closes == 1);
    poller_open(&p, &t, "EIO=4");
    trace[0] = '\0';
    ck_assert_int_eq(send_told("a", "1"), 0);
    ck_assert_int_eq(send_told("b", "2"), 0);
    server_settle(&t);
    expect_trace(""); /* E99: no poll has taken it */
    poller_get(&p, "4a\x1e"
                   "4b");
    expect_trace("12");
    poller_close(&p);
}
END_TEST

/* E95 */
START_TEST(tells_also_during_an_upgrade) {
    poller p;
    raw_client c;
    char query[128];
    poller_open(&p, &t, "EIO=4");
    snprintf(query, sizeof(query), "EIO=4&sid=%s", p.sid);
    ws_open(&c, &t, query, "");
    ws_text(&c, "2probe");
    ws_expect(&c, "3probe");
    ck_assert_int_eq(send_told("a", NULL), 0);
    ws_text(&c, "5");
    ws_expect(&c, "4a");
    server_until(&t, sent_ok == 1);
    raw_close(&c);
    poller_close(&p);
}
END_TEST

/* E98 E99: what is not written is told before the close. */
START_TEST(tells_when_a_message_was_lost) {
    poller p;
    poller_open(&p, &t, "EIO=4");
    trace[0] = '\0';
    ck_assert_int_eq(send_told("a", "1"), 0);
    ck_assert_int_eq(send_told("b", "2"), 0);
    sio_engine_session_close(last, true);
    expect_trace("12c");
    ck_assert_uint_eq(sent_lost, 2);
    ck_assert_int_eq(send_told("late", NULL), SIO_ERR_CLOSED);
    ck_assert_uint_eq(sent_ok + sent_lost, 2);
    poller_close(&p);
}
END_TEST

START_TEST(drops_volatile_messages) {
    poller p;
    sio_engine_send_options options = SIO_ENGINE_SEND_INIT;
    options.is_volatile = true;
    options.no_compress = true;
    options.done = done;
    poller_open(&p, &t, "EIO=4");
    ck_assert_int_eq(sio_engine_session_send_text(last, SIO_STR("a"), &options), SIO_ERR_DISCARDED);
    poller_poll(&p);
    server_until(&t, sio_engine_session_writable(last));
    ck_assert_int_eq(sio_engine_session_send_text(last, SIO_STR("b"), &options), 0);
    ck_assert_int_eq(sio_engine_session_send_text(last, SIO_STR("c"), &options), SIO_ERR_DISCARDED);
    poller_expect(&p, "4b");
    ck_assert_uint_eq(sent_ok, 1);
    options.size = 1;
    ck_assert_int_eq(sio_engine_session_send_text(last, SIO_STR("a"), &options), SIO_ERR_INVALID);
    poller_close(&p);
}
END_TEST

/* E81 E87 */
START_TEST(carries_binary_and_any_text) {
    raw_client c;
    poller p;
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_binary(&c, "\x00\x01\xff", 3);
    ws_expect_binary(&c, "\x00\x01\xff", 3);
    ws_text(&c, "4\xe4\xbd\xa0\xe5\xa5\xbd");
    ws_expect(&c, "4\xe4\xbd\xa0\xe5\xa5\xbd");
    raw_close(&c);
    poller_open(&p, &t, "EIO=4");
    poller_post(&p, "bAAH/");
    poller_get(&p, "bAAH/");
    poller_post(&p, "4\xe4\xbd\xa0\xe5\xa5\xbd");
    poller_get(&p, "4\xe4\xbd\xa0\xe5\xa5\xbd");
    poller_close(&p);
}
END_TEST

static int send_shared(sio_eio_message *message) {
    return sio_engine_session_send_shared(last, message, NULL);
}

START_TEST(shares_messages) {
    raw_client c;
    sio_eio_message *message;
    ck_assert_int_eq(sio_eio_message_new(&message, false, "same", 4, NULL), 0);
    ws_connect(&c, &t, "EIO=4", NULL);
    ck_assert_int_eq(send_shared(message), 0);
    ck_assert_int_eq(send_shared(message), 0);
    sio_eio_message_unref(message);
    ws_expect(&c, "4same");
    ws_expect(&c, "4same");
    raw_close(&c);
}
END_TEST

/* E37 */
START_TEST(sends_an_initial_message) {
    poller p;
    raw_client c;
    ck_assert_int_eq(sio_engine_set_initial_message(engine, false, "old", 3), 0);
    ck_assert_int_eq(sio_engine_set_initial_message(engine, false, "hi", 2), 0);
    poller_open(&p, &t, "EIO=4");
    ck_assert_ptr_nonnull(strstr(p.open, "}\x1e"
                                         "4hi"));
    poller_close(&p);
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_expect(&c, "4hi");
    raw_close(&c);
    ck_assert_int_eq(sio_engine_set_initial_message(engine, true, "\x01\x02", 2), 0);
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_expect_binary(&c, "\x01\x02", 2);
    raw_close(&c);
    ck_assert_int_eq(sio_engine_set_initial_message(engine, false, NULL, 0), 0);
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_text(&c, "4a");
    ws_expect(&c, "4a");
    raw_close(&c);
}
END_TEST

/* ---- headers ---- */

static unsigned initials, others;

static void on_initial_headers(sio_engine_session *session, const sio_http1_head *request,
                               sio_engine_headers *headers, void *user) {
    ck_assert_uint_gt(request->header_count, 0);
    ck_assert_int_eq(sio_engine_headers_add(headers, "X-Initial", "1"), 0);
    ck_assert_int_eq(sio_engine_headers_add(headers, "Set-Cookie", "mine=1"), 0);
    ck_assert_int_eq(sio_engine_headers_add(headers, "X-Bad", "a\r\nb"), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_engine_headers_add(headers, NULL, "b"), SIO_ERR_INVALID);
    initials++;
}

static void on_headers(sio_engine_session *session, const sio_http1_head *request,
                       sio_engine_headers *headers, void *user) {
    ck_assert_int_eq(sio_engine_headers_add(headers, "X-Each", "2"), 0);
    others++;
}

static void watch_headers(void) {
    sio_engine_callbacks watch = SIO_ENGINE_CALLBACKS_INIT;
    watch.on_initial_headers = on_initial_headers;
    watch.on_headers = on_headers;
    initials = others = 0;
    ck_assert_int_eq(sio_engine_watch(engine, &watch, NULL), 0);
}

static void expect_headers(raw_client *c, int status, bool initial, bool each) {
    http_answer answer;
    ck_assert(http_receive(c, &answer));
    ck_assert_int_eq(answer.status, status);
    ck_assert_int_eq(http_has(&answer, "X-Initial: 1"), initial);
    ck_assert_int_eq(http_has(&answer, "Set-Cookie: mine=1"), initial);
    ck_assert_int_eq(http_has(&answer, "X-Each: 2"), each);
    ck_assert(!http_has(&answer, "X-Bad: a"));
    http_answer_free(&answer);
}

/* E117 E118 E120 E121 */
START_TEST(headers_of_polling_and_upgrade) {
    raw_client c, ws;
    char target[256], post[256];
    watch_headers();
    raw_open(&c, &t);
    http_send(&c, "GET", "/engine.io/?EIO=4&transport=polling", "", NULL, 0);
    expect_headers(&c, 200, true, true);
    snprintf(post, sizeof(post), "/engine.io/?EIO=4&transport=polling&sid=%s",
             sio_engine_session_id(last));
    http_send(&c, "POST", post, "", "4a", 2);
    expect_headers(&c, 200, false, true);
    http_send(&c, "GET", post, "", NULL, 0);
    expect_headers(&c, 200, false, true);
    ck_assert_uint_eq(others, 3);
    snprintf(target, sizeof(target), "/engine.io/?EIO=4&transport=websocket&sid=%s",
             sio_engine_session_id(last));
    raw_open(&ws, &t);
    ws_request(&ws, target, "");
    expect_headers(&ws, 101, false, true);
    ck_assert_uint_eq(initials, 1);
    ck_assert_uint_eq(others, 4);
    http_send(&c, "GET", "/engine.io/?EIO=4&transport=tobi", "", NULL, 0); /* not for errors */
    expect_headers(&c, 400, false, false);
    raw_close(&c);
    raw_close(&ws);
}
END_TEST

/* E119 */
START_TEST(headers_of_a_websocket) {
    raw_client c;
    watch_headers();
    raw_open(&c, &t);
    ws_request(&c, "/engine.io/?EIO=4&transport=websocket", "");
    expect_headers(&c, 101, true, true);
    ck_assert_uint_eq(initials, 1);
    ck_assert_uint_eq(others, 1);
    raw_close(&c);
}
END_TEST

/* E113 E127 E31 E32 */
START_TEST(knows_its_request) {
    raw_client c;
    ws_open(&c, &t, "EIO=4&a=b", "X-Custom: 7\r\n");
    server_until(&t, last != NULL);
    const sio_http1_head *head = sio_engine_session_request(last);
    sio_str value = sio_http1_find(head, SIO_STR("x-custom"));
    ck_assert_uint_eq(value.len, 1);
    ck_assert_int_eq(value.ptr[0], '7');
    ck_assert_ptr_nonnull(memmem(head->target.ptr, head->target.len, "&a=b&", 5));
    ck_assert_str_eq(sio_engine_session_remote(last), "127.0.0.1");
    raw_close(&c);
}
END_TEST

/* ---- closing ---- */

/* E39 */
START_TEST(the_queue_can_be_read_at_the_end) {
    sio_engine_options options = usual();
    poller p;
    size_t count;
    options.ping_interval_ms = 20;
    options.ping_timeout_ms = 20;
    restart(&options);
    poller_open(&p, &t, "EIO=4");
    ck_assert_int_eq(sio_engine_session_send_text(last, SIO_STR("hi"), NULL), 0);
    server_until(&t, closes == 1);
    ck_assert_int_eq(reason, SIO_EIO_REASON_PING_TIMEOUT);
    ck_assert_uint_eq(left_in_queue, 2); /* and the ping */
    (void)sio_engine_session_queue(last, &count);
    ck_assert_uint_eq(count, 0);
    poller_close(&p);
}
END_TEST

/* E42: a vanished client of a graceful close. */
START_TEST(a_graceful_close_still_times_out) {
    sio_engine_options options = usual();
    poller p;
    options.ping_interval_ms = 20;
    options.ping_timeout_ms = 20;
    restart(&options);
    poller_open(&p, &t, "EIO=4");
    sio_engine_session_close(last, false);
    server_until(&t, closes == 1);
    ck_assert_int_eq(reason, SIO_EIO_REASON_PING_TIMEOUT);
    poller_close(&p);
}
END_TEST

/* E67 E68: discarding, also where a graceful close waits for the client. */
START_TEST(discarding_ends_a_close_under_way) {
    poller p;
    poller_open(&p, &t, "EIO=4");
    ck_assert_int_eq(send_told("never", NULL), 0);
    sio_engine_session_close(last, false);
    ck_assert_int_eq(sio_engine_session_state(last), SIO_EIO_STATE_CLOSING);
    sio_engine_close(engine, true);
    ck_assert_uint_eq(closes, 1);
    ck_assert_int_eq(reason, SIO_EIO_REASON_FORCED_CLOSE);
    ck_assert_uint_eq(sent_lost, 1);
    poller_expect_gone(&p);
    poller_close(&p);
}
END_TEST

/* E69 */
START_TEST(a_graceful_close_delivers) {
    poller p;
    poller_open(&p, &t, "EIO=4");
    ck_assert_int_eq(send_told("a", NULL), 0);
    sio_engine_session_close(last, false);
    poller_get(&p, "4a");
    ck_assert_uint_eq(sent_ok, 1);
    poller_get(&p, "6\x1e"
                   "1");
    ck_assert_uint_eq(closes, 1);
    poller_close(&p);
}
END_TEST

static bool server_closed;

static void on_server_closed(void *user) {
    server_closed = true;
}

/* E70 E71 E72: a client that does not ask is not waited for; the deadline is far. */
START_TEST(closing_the_server_does_not_wait_for_idle_pollers) {
    poller idle, upgraded, upgrading;
    raw_client a, b;
    char query[128];
    poller_open(&idle, &t, "EIO=4");
    poller_open(&upgraded, &t, "EIO=4");
    snprintf(query, sizeof(query), "EIO=4&sid=%s", upgraded.sid);
    ws_open(&a, &t, query, "");
    ws_text(&a, "5");
    server_until(&t, sio_engine_session_upgraded(last));
    poller_open(&upgrading, &t, "EIO=4");
    snprintf(query, sizeof(query), "EIO=4&sid=%s", upgrading.sid);
    ws_open(&b, &t, query, "");
    server_closed = false;
    ck_assert_int_eq(sio_server_close(t.server, 3600000, on_server_closed, NULL), 0);
    ck_assert_uint_eq(closes, 3);
    sio_engine *other;
    sio_engine_options options = usual();
    options.path = "/late";
    ck_assert_int_eq(sio_server_add_engine(&other, t.server, &options), SIO_ERR_STATE);
    poller_close(&idle);
    poller_close(&upgraded);
    raw_close(&a);
    ws_expect_close(&b, 0);
    raw_close(&b);
    poller_close(&upgrading);
    server_until(&t, server_closed);
}
END_TEST

/* Every session is told of, whoever frees the server. */
START_TEST(freeing_the_server_closes_its_sessions) {
    poller p;
    raw_client c;
    poller_open(&p, &t, "EIO=4");
    ws_connect(&c, &t, "EIO=4", NULL);
    sio_engine_session_unref(last);
    last = NULL;
    sio_server_free(t.server);
    t.server = NULL;
    ck_assert_uint_eq(closes, 2);
    ck_assert_int_eq(reason, SIO_EIO_REASON_FORCED_CLOSE);
    poller_close(&p);
    raw_close(&c);
}
END_TEST

static void free_server(sio_engine_session *session, void *user) {
    sio_engine_session_unref(last);
    last = NULL;
    sio_server_free(t.server);
    t.server = NULL;
}

static void freed_by_message(sio_engine_session *session, bool binary, uint8_t *data, size_t len,
                             void *user) {
    free_server(session, user);
}

START_TEST(a_callback_may_free_the_server) {
    for (int i = 0; i < 4; i++) {
        sio_engine_options options = usual();
        raw_client c;
        options.callbacks.on_upgrading = free_server;
        options.callbacks.on_drain = i == 1 ? free_server : NULL;
        if (i == 0) {
            options.callbacks.on_message = freed_by_message;
        }
        restart(&options);
        if (i == 3) {
            poller p;
            char query[128];
            poller_open(&p, &t, "EIO=4");
            snprintf(query, sizeof(query), "EIO=4&sid=%s", p.sid);
            ws_open(&c, &t, query, "");
            ws_text(&c, "2probe");
            server_until(&t, !t.server);
            poller_close(&p);
        } else {
            raw_open(&c, &t);
            ws_request(&c, "/engine.io/?EIO=4&transport=websocket", "");
            server_until(&t, last != NULL || !t.server);
            ws_text(&c, "4a");
            if (i == 2) {
                free_server(last, NULL);
            }
            server_until(&t, !t.server);
        }
        ck_assert_uint_eq(closes, 1);
        server_settle(&t);
        raw_close(&c);
    }
}
END_TEST

/* ---- refusals ---- */

static int code;
static sio_engine_cause cause;
static char context[64], previous[64];
static int protocol, previous_protocol;

static void on_connection_error(const sio_engine_refusal *refusal, void *user) {
    code = refusal->code;
    cause = refusal->cause;
    protocol = refusal->protocol;
    previous_protocol = refusal->previous_protocol;
    snprintf(context, sizeof(context), "%.*s", (int)refusal->context.len,
             refusal->context.len ? refusal->context.ptr : "");
    snprintf(previous, sizeof(previous), "%.*s", (int)refusal->previous.len,
             refusal->previous.len ? refusal->previous.ptr : "");
    ck_assert_ptr_nonnull(refusal->request);
}

static void expect_refusal(const char *method, const char *query, const char *headers,
                           int wanted_code, const char *name, const char *wanted_context) {
    char target[256];
    snprintf(target, sizeof(target), "/engine.io/%s", query);
    code = -1;
    http_expect(&t, method, target, headers, NULL, 400, NULL);
    ck_assert_int_eq(code, wanted_code);
    ck_assert_str_eq(sio_engine_cause_name(cause), name);
    ck_assert_str_eq(context, wanted_context);
}

/* E1 E4 E30 E33 E34 E35 E36 */
START_TEST(refusals_have_a_context) {
    sio_engine_callbacks watch = SIO_ENGINE_CALLBACKS_INIT;
    poller p;
    char query[128];
    watch.on_connection_error = on_connection_error;
    ck_assert_int_eq(sio_engine_watch(engine, &watch, NULL), 0);
    expect_refusal("GET", "?EIO=4&transport=tobi", "", 0, "", "tobi");
    expect_refusal("GET", "?EIO=4&transport=polling&sid=test", "", 1, "", "test");
    expect_refusal("OPTIONS", "?EIO=4&transport=polling", "", 2, "", "OPTIONS");
    expect_refusal("GET", "?EIO=4&transport=polling", "Origin: a\x80\r\n", 3, "INVALID_ORIGIN",
                   "a\x80");
    expect_refusal("GET", "?EIO=4&transport=websocket", "", 3, "TRANSPORT_HANDSHAKE_ERROR", "");
    expect_refusal("GET", "?EIO=3&transport=polling", "", 5, "", "");
    ck_assert_int_eq(protocol, 3);
    poller_open(&p, &t, "EIO=4");
    snprintf(query, sizeof(query), "?EIO=4&transport=websocket&sid=%s", p.sid);
    expect_refusal("GET", query, "", 3, "TRANSPORT_MISMATCH", "websocket");
    ck_assert_str_eq(previous, "polling");
    snprintf(query, sizeof(query), "?EIO=3&transport=polling&sid=%s", p.sid);
    expect_refusal("GET", query, "", 3, "PROTOCOL_MISMATCH", "");
    ck_assert_int_eq(protocol, 3);
    ck_assert_int_eq(previous_protocol, 4);
    poller_post(&p, "4a");
    poller_get(&p, "4a");
    poller_close(&p);
}
END_TEST

/* E33: a refusal is readable for the page that asked. */
START_TEST(refusals_carry_cors_headers) {
    server_test s;
    raw_client c;
    http_answer answer;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    sio_server_cors cors = SIO_SERVER_CORS_INIT;
    const char *const origins[] = {"http://example.com"};
    cors.origins = origins;
    cors.origin_count = 1;
    options.cors = &cors;
    server_start(&s, &options);
    raw_open(&c, &s);
    http_send(&c, "GET", "/socket.io/?EIO=4&transport=websocket", "Origin: http://example.com\r\n",
              NULL, 0);
    ck_assert(http_receive(&c, &answer));
    ck_assert_int_eq(answer.status, 400);
    ck_assert_str_eq(answer.body, "{\"code\":3,\"message\":\"Bad request\"}");
    ck_assert(http_has(&answer, "Access-Control-Allow-Origin: http://example.com"));
    http_answer_free(&answer);
    raw_close(&c);
    server_stop(&s);
}
END_TEST

static void upgrade_gets_400(const char *target, const char *headers, const char *body) {
    raw_client c;
    raw_open(&c, &t);
    ws_request(&c, target, headers);
    if (body) {
        raw_text(&c, body);
    }
    http_expect_answer(&c, 400, "Bad request");
    raw_expect_eof(&c);
    raw_close(&c);
}

/* E52 */
START_TEST(serves_connections_that_close) {
    char target[128];
    poller p;
    poller_open(&p, &t, "EIO=4");
    for (int i = 0; i < 2; i++) {
        raw_client c;
        snprintf(target, sizeof(target), "%s", poller_target(&p));
        raw_open(&c, &t);
        http_send(&c, "POST", target, "Connection: close\r\n", "4a", 2);
        http_expect_answer(&c, 200, "ok");
        raw_expect_eof(&c);
        raw_close(&c);
        raw_open(&c, &t);
        http_send(&c, "GET", target, "Connection: close\r\n", NULL, 0);
        http_expect_answer(&c, 200, "4a");
        raw_expect_eof(&c);
        raw_close(&c);
    }
    poller_close(&p);
}
END_TEST

/* E48: what stands behind a close is not delivered. */
START_TEST(nothing_behind_a_close_is_delivered) {
    poller p;
    poller_open(&p, &t, "EIO=4");
    trace[0] = '\0';
    poller_post(&p, "4a\x1e"
                    "1\x1e"
                    "4b");
    expect_trace("mc");
    ck_assert_int_eq(reason, SIO_EIO_REASON_TRANSPORT_CLOSE);
    poller_close(&p);
}
END_TEST

/* E23 */
START_TEST(announces_its_settings) {
    sio_engine_options options = usual();
    poller p;
    options.ping_interval_ms = 1234;
    options.ping_timeout_ms = 123;
    options.max_payload = 4321;
    options.disable_upgrades = true;
    restart(&options);
    poller_open(&p, &t, "EIO=4");
    ck_assert_ptr_nonnull(strstr(p.open, "\"upgrades\":[],\"pingInterval\":1234,"
                                         "\"pingTimeout\":123,\"maxPayload\":4321}"));
    poller_close(&p);
}
END_TEST

/* E75 */
START_TEST(a_close_lets_what_was_sent_arrive) {
    raw_client c;
    ws_connect(&c, &t, "EIO=4", NULL);
    ck_assert_int_eq(send_told("a", NULL), 0);
    ck_assert_int_eq(send_told("b", NULL), 0);
    ck_assert_int_eq(send_told("c", NULL), 0);
    sio_engine_session_close(last, false);
    ws_expect(&c, "4a");
    ws_expect(&c, "4b");
    ws_expect(&c, "4c");
    ws_expect_close(&c, 0);
    server_until(&t, sent_ok + sent_lost == 3);
    raw_close(&c);
}
END_TEST

/* A WebSocket has no body before it, and a polling request does not become one. */
START_TEST(refuses_upgrades_that_cannot_be) {
    upgrade_gets_400("/engine.io/?EIO=4&transport=websocket", "Content-Length: 3\r\n", "abc");
    upgrade_gets_400("/engine.io/?EIO=4&transport=websocket", "Transfer-Encoding: chunked\r\n",
                     "0\r\n\r\n");
    upgrade_gets_400("/engine.io/?EIO=4&transport=polling", "", NULL);
    ck_assert_ptr_null(last);
    /* Another protocol's upgrade is not ours: a client may offer HTTP/2 with each request. */
    http_expect(&t, "GET", "/engine.io/?EIO=4&transport=polling",
                "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n", NULL, 200, NULL);
}
END_TEST

/* Whatever allocation fails: an engine is mounted or not, a message is sent or not, and whoever
 * waits for it is told once. */
START_TEST(short_of_memory) {
    test_mem mem;
    test_mem_init(&mem);
    sio_engine_options options = usual();
    for (size_t at = 1; at < 60; at++) {
        raw_client c;
        test_mem_init(&mem);
        stop();
        sent_ok = sent_lost = 0;
        server_options = (sio_server_options)SIO_SERVER_OPTIONS_INIT;
        server_options.engine_only = true;
        server_options.mem = &mem.mem;
        server_start(&t, &server_options);
        t.path = "/engine.io/";
        mem.calls = 0;
        mem.fail_at = at;
        int rc = sio_server_add_engine(&engine, t.server, &options);
        mem.fail_at = 0;
        if (rc != 0) {
            ck_assert_int_eq(rc, SIO_ERR_NOMEM);
            ck_assert_int_eq(sio_server_add_engine(&engine, t.server, &options), 0);
        }
        ws_connect(&c, &t, "EIO=4", NULL);
        mem.calls = 0;
        mem.fail_at = at;
        rc = send_told("a", NULL);
        server_settle(&t);
        mem.fail_at = 0;
        raw_close(&c);
        server_until(&t, sio_engine_session_count(engine) == 0);
        ck_assert_uint_eq(sent_ok + sent_lost, rc == 0);
        sio_engine_session_unref(last);
        last = NULL;
        sio_server_free(t.server);
        t.server = NULL;
        ck_assert_uint_eq(mem.live, 0);
    }
}
END_TEST

/* The engine below Socket.IO can be watched. */
static unsigned watched;

static void on_watched(sio_engine_session *session, const sio_eio_packet *packet, void *user) {
    watched++;
}

static void on_peer(sio_peer *peer, const sio_event *event, void *user) {
    sio_engine_session *session = sio_peer_session(peer);
    ck_assert_ptr_nonnull(session);
    ck_assert_ptr_eq(sio_engine_session_find(user, sio_engine_session_id(session)), session);
}

/* IO106 IO107 */
START_TEST(socket_io_has_an_engine_below) {
    server_test s;
    raw_client c;
    server_start(&s, NULL);
    server_echo(&s, "/");
    sio_engine *below = sio_server_engine(s.server);
    sio_engine_callbacks watch = SIO_ENGINE_CALLBACKS_INIT;
    ck_assert_ptr_nonnull(below);
    ck_assert_str_eq(sio_engine_path(below), "/socket.io/");
    watch.on_packet = on_watched;
    watch.on_packet_create = on_packet_create;
    ck_assert_int_eq(sio_engine_watch(below, &watch, NULL), 0);
    ck_assert_int_eq(sio_namespace_on_connection(sio_server_of(s.server, "/"), on_peer, below), 0);
    ws_join(&c, &s, "40", NULL);
    ck_assert_uint_eq(watched, 1);
    ck_assert_ptr_nonnull(strstr(trace, "p4"));
    raw_close(&c);
    server_stop(&s);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("engine events");
    TCase *tc = tcase_create("events");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, a_server_without_socket_io);
    tcase_add_test(tc, refuses_impossible_engines);
    tcase_add_test(tc, several_engines_coexist);
    tcase_add_test(tc, the_trailing_slash_may_be_missing);
    tcase_add_test(tc, an_engine_has_its_own_limit);
    tcase_add_test(tc, tells_of_a_session_on_polling);
    tcase_add_test(tc, tells_of_a_session_on_a_websocket);
    tcase_add_test(tc, tells_of_the_heartbeat);
    tcase_add_test(tc, tells_of_an_upgrade);
    tcase_add_test(tc, the_heartbeat_goes_on_after_an_upgrade);
    tcase_add_test(tc, nothing_is_lost_in_an_upgrade_under_load);
    tcase_add_test(tc, tells_when_a_message_was_written);
    tcase_add_test(tc, tells_also_during_an_upgrade);
    tcase_add_test(tc, tells_when_a_message_was_lost);
    tcase_add_test(tc, drops_volatile_messages);
    tcase_add_test(tc, carries_binary_and_any_text);
    tcase_add_test(tc, shares_messages);
    tcase_add_test(tc, sends_an_initial_message);
    tcase_add_test(tc, headers_of_polling_and_upgrade);
    tcase_add_test(tc, headers_of_a_websocket);
    tcase_add_test(tc, knows_its_request);
    tcase_add_test(tc, the_queue_can_be_read_at_the_end);
    tcase_add_test(tc, a_graceful_close_still_times_out);
    tcase_add_test(tc, discarding_ends_a_close_under_way);
    tcase_add_test(tc, a_graceful_close_delivers);
    tcase_add_test(tc, closing_the_server_does_not_wait_for_idle_pollers);
    tcase_add_test(tc, freeing_the_server_closes_its_sessions);
    tcase_add_test(tc, a_callback_may_free_the_server);
    tcase_add_test(tc, refusals_have_a_context);
    tcase_add_test(tc, refusals_carry_cors_headers);
    tcase_add_test(tc, serves_connections_that_close);
    tcase_add_test(tc, nothing_behind_a_close_is_delivered);
    tcase_add_test(tc, announces_its_settings);
    tcase_add_test(tc, a_close_lets_what_was_sent_arrive);
    tcase_add_test(tc, refuses_upgrades_that_cannot_be);
    tcase_add_test(tc, short_of_memory);
    tcase_add_test(tc, socket_io_has_an_engine_below);
    return test_run(suite);
}
