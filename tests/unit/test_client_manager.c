/* The connection and its attempts. Ids in comments: the reference client's test suites (SC: its
 * connection tests, SS: its socket tests). */
#include "client_fixture.h"

#include <stdlib.h>
#include <string.h>

static void close_it(sio_client *client, const sio_event *event, void *user) {
    sio_client_close(client);
}

/* ---- opening ---- */

START_TEST(connects_every_active_socket_in_order) { /* SC-01 SC-06 SC-11 SC-46 */
    sio_client *client = client_make(NULL);
    sio_socket *root = client_socket(client, "/");
    sio_socket *foo = client_socket(client, "foo");
    sio_socket *off = client_socket(client, "/off");
    ck_assert_ptr_eq(sio_client_socket(client, "/foo"), foo);
    sio_socket_disconnect(off);
    turn();
    EXPECT("attempt");
    ck_assert_str_eq(sio_client_engine_id(client), "");
    ck_assert_ptr_null(sio_client_transport(client));

    fake_open();
    EXPECT("client open", "> 0", "> 0/foo,");
    ck_assert_str_eq(sio_client_engine_id(client), "engine1");
    ck_assert_str_eq(sio_client_transport(client), "polling");
    client_accept("/foo", "f1");
    client_accept("/", "r1");
    EXPECT("/foo connect", "/ connect");
    ck_assert_str_eq(sio_socket_id(root), "r1");
    ck_assert_str_eq(sio_socket_id(foo), "f1");

    client_socket(client, "/late");
    EXPECT("> 0/late,");
    pass(60000);
    EXPECT_NOTHING(); /* SC-25 */
}
END_TEST

START_TEST(no_socket_no_engine) { /* SC-02 */
    client_make(NULL);
    pass(1000);
    EXPECT_NOTHING();
}
END_TEST

START_TEST(two_namespaces_come_and_go) { /* SC-28 SC-47 */
    sio_client *client = client_make(NULL);
    ck_assert_int_eq(sio_client_open(client), 0);
    ck_assert_int_eq(sio_client_open(client), SIO_ERR_STATE);
    fake_open();
    ck_assert_int_eq(sio_client_open(client), SIO_ERR_STATE);
    sio_socket *root = client_socket(client, "/");
    sio_socket *foo = client_socket(client, "/foo");
    client_accept("/", "a");
    client_accept("/foo", "b");
    trace_clear();
    sio_socket_disconnect(root);
    EXPECT("> 1", "/ disconnect io client disconnect");
    ck_assert(sio_socket_connected(foo));
    sio_socket_disconnect(foo);
    EXPECT("> 1/foo,", "(closing)", "client close forced close",
           "/foo disconnect io client disconnect");
    pass(60000);
    EXPECT_NOTHING();
    ck_assert_uint_eq(fake_live(), 0);
}
END_TEST

START_TEST(a_handler_of_open_may_close) {
    sio_client *client = client_make(NULL);
    client_socket(client, "/");
    ck_assert_int_eq(sio_client_on(client, "open", close_it, NULL), 0);
    fake_open();
    EXPECT("attempt", "client open", "(closing)", "client close forced close");
    pass(60000);
    EXPECT_NOTHING();
}
END_TEST

/* ---- losing it ---- */

START_TEST(order_of_a_drop_and_of_the_recovery) { /* SC-13 SS-03 SS-08 SS-09, ordering traces */
    sio_socket *socket = client_connected(NULL);
    sio_client *client = sio_socket_client(socket);
    ck_assert_int_eq(sio_socket_emit_ackf(socket, "q", 0, trace_reply, NULL, ""), 0);
    EXPECT("> 20[\"q\"]");
    fake_cut();
    EXPECT("client close transport close", "/ disconnect transport close", "ack DISCONNECTED");
    ck_assert_str_eq(sio_socket_id(socket), "");
    ck_assert(sio_socket_active(socket));
    ck_assert(!sio_socket_connected(socket));
    ck_assert_str_eq(sio_client_error_detail(client), "1006");
    pass(100);
    EXPECT_NOTHING();
    pass(1);
    EXPECT("client reconnect_attempt 1", "attempt");
    fake_open();
    EXPECT("client open", "> 0", "client reconnect 1");
    ck_assert_str_eq(sio_socket_id(socket), "");
    client_accept("/", "id2");
    EXPECT("/ connect");
    ck_assert_str_eq(sio_socket_id(socket), "id2");
    ck_assert_uint_eq(fake_live(), 1);
}
END_TEST

START_TEST(reasons) {
    static const struct {
        sio_eio_reason reason;
        bool error;
        const char *text;
    } cases[] = {
        {SIO_EIO_REASON_TRANSPORT_CLOSE, true, "transport close"},
        {SIO_EIO_REASON_TRANSPORT_ERROR, true, "transport error"},
        {SIO_EIO_REASON_PING_TIMEOUT, false, "ping timeout"},
        {SIO_EIO_REASON_PARSE_ERROR, true, "parse error"},
    };
    char close[64], disconnect[64];
    sio_cengine_error error = {.err = SIO_ERR_RESET, .message = "m", .detail = "d"};
    sio_socket *socket = client_connected(NULL);
    snprintf(close, sizeof close, "client close %s", cases[_i].text);
    snprintf(disconnect, sizeof disconnect, "/ disconnect %s", cases[_i].text);
    fake_close(fake_engine(), cases[_i].reason, cases[_i].error ? &error : NULL);
    EXPECT(close, disconnect);
    ck_assert_str_eq(sio_client_error_detail(sio_socket_client(socket)),
                     cases[_i].error ? "d" : "");
    pass(101);
    EXPECT("client reconnect_attempt 1", "attempt");
}
END_TEST

START_TEST(never_connected_socket_has_no_disconnect) { /* quirk 11 */
    client_socket(client_make(NULL), "/");
    fake_open();
    trace_clear();
    fake_cut();
    EXPECT("client close transport close");
    pass(101);
    EXPECT("client reconnect_attempt 1", "attempt");
}
END_TEST

/* ---- attempts that fail ---- */

/* IO78 */
START_TEST(first_failure_then_loop_then_giving_up) { /* SC-16 SC-22 SC-23 SC-24 SC-30, ordering */
    sio_client_options o = client_options();
    o.reconnection_attempts = 2;
    sio_client *client = client_make(&o);
    sio_socket *socket = client_socket(client, "/");
    EXPECT("attempt");
    fake_break(SIO_ERR_CONNECT, "xhr poll error", "refused");
    EXPECT("client error xhr poll error", "/ connect_error xhr poll error"); /* SS-05 */
    ck_assert_str_eq(sio_client_error_detail(client), "refused");
    pass(101);
    EXPECT("client reconnect_attempt 1", "attempt");
    fake_break(SIO_ERR_TIMEOUT, "timeout", "");
    EXPECT("client error timeout", "/ connect_error timeout", /* SS-06 SS-07 */
           "client reconnect_error timeout");
    pass(200);
    EXPECT_NOTHING();
    pass(1);
    EXPECT("client reconnect_attempt 2", "attempt");
    fake_break(SIO_ERR_CONNECT, "xhr poll error", "");
    EXPECT("client error xhr poll error", "/ connect_error xhr poll error",
           "client reconnect_failed", "client reconnect_error xhr poll error");
    pass(60000);
    EXPECT_NOTHING();
    ck_assert(sio_socket_active(socket));

    ck_assert_int_eq(sio_socket_connect(socket), 0);
    EXPECT("attempt");
    for (int i = 1; i <= 2; i++) {
        fake_break(SIO_ERR_CONNECT, "x", "");
        trace_clear();
        pass(60000);
    }
    EXPECT("client reconnect_attempt 2", "attempt");
    fake_break(SIO_ERR_CONNECT, "x", "");
    EXPECT("client error x", "/ connect_error x", "client reconnect_failed",
           "client reconnect_error x");
}
END_TEST

START_TEST(engine_close_without_error_is_a_failed_attempt) { /* quirk 6 */
    client_socket(client_make(NULL), "/");
    trace_clear();
    fake_close(fake_engine(), SIO_EIO_REASON_TRANSPORT_CLOSE, NULL);
    EXPECT("client error transport close", "/ connect_error transport close");
    pass(101);
    EXPECT("client reconnect_attempt 1", "attempt");
}
END_TEST

START_TEST(engine_that_cannot_be_made) {
    fake.fail_new = SIO_ERR_RANDOM;
    client_socket(client_make(NULL), "/");
    EXPECT("attempt"); /* the failure is not told from inside the call */
    turn();
    EXPECT("client error no secure random numbers", "/ connect_error no secure random numbers");
    pass(101);
    EXPECT("client reconnect_attempt 1", "attempt", "client error no secure random numbers",
           "/ connect_error no secure random numbers",
           "client reconnect_error no secure random numbers");
    fake.fail_new = 0;
    pass(201);
    EXPECT("client reconnect_attempt 2", "attempt");
    fake_open();
    EXPECT("client open", "> 0", "client reconnect 2");
}
END_TEST

START_TEST(close_before_the_failure_is_told) {
    fake.fail_new = SIO_ERR_NOMEM;
    sio_client *client = client_make(NULL);
    client_socket(client, "/");
    sio_client_close(client);
    EXPECT("attempt", "client close forced close");
    pass(60000);
    EXPECT_NOTHING();
}
END_TEST

START_TEST(no_reconnection) { /* SC-31, quirk 1: a constant of its own, as 0 is the default */
    sio_client_options o = client_options();
    o.reconnection_attempts = SIO_CLIENT_NO_RECONNECTION;
    sio_client *client = client_make(&o);
    client_socket(client, "/");
    fake_break(SIO_ERR_CONNECT, "x", "");
    EXPECT("attempt", "client error x", "/ connect_error x");
    pass(60000);
    EXPECT_NOTHING();
    ck_assert_int_eq(sio_client_open(client), 0);
    fake_open();
    client_accept("/", "id");
    trace_clear();
    fake_cut();
    EXPECT("client close transport close", "/ disconnect transport close");
    pass(60000);
    EXPECT_NOTHING();
}
END_TEST

START_TEST(delays_double_up_to_the_limit_and_begin_anew) { /* SC-17 SC-33 */
    static const uint64_t delays[] = {100, 200, 400, 400};
    sio_socket *socket = client_connected(NULL);
    fake_cut();
    for (int i = 0; i < 4; i++) {
        trace_clear();
        pass(delays[i]);
        EXPECT_NOTHING();
        pass(1);
        char attempt[64];
        snprintf(attempt, sizeof attempt, "client reconnect_attempt %d", i + 1);
        EXPECT(attempt, "attempt");
        if (i < 3) {
            fake_break(SIO_ERR_CONNECT, "x", "");
        }
    }
    fake_open();
    EXPECT("client open", "> 0", "client reconnect 4");
    client_accept("/", "id");
    fake_cut();
    trace_clear();
    pass(101);
    EXPECT("client reconnect_attempt 1", "attempt");
    ck_assert(sio_socket_active(socket));
}
END_TEST

START_TEST(joining_during_the_loop_does_not_disturb_it) { /* SC-32 */
    sio_client_options o = client_options();
    o.reconnection_attempts = 2;
    sio_client *client = client_make(&o);
    client_socket(client, "/");
    fake_break(SIO_ERR_CONNECT, "x", "");
    trace_clear();
    client_socket(client, "/room");
    pass(100);
    EXPECT_NOTHING();
    pass(1);
    EXPECT("client reconnect_attempt 1", "attempt");
    fake_break(SIO_ERR_CONNECT, "x", "");
    EXPECT("client error x", "/ connect_error x", "/room connect_error x",
           "client reconnect_error x");
    pass(201);
    EXPECT("client reconnect_attempt 2", "attempt");
}
END_TEST

/* ---- handlers that interfere ---- */

static sio_socket *subject;
static int times;

static void disconnect_once(sio_client *client, const sio_event *event, void *user) {
    if (times++ == 0) {
        sio_socket_disconnect(subject);
    }
}

static void disconnect_connect_once(sio_client *client, const sio_event *event, void *user) {
    if (times++ == 0) {
        sio_socket_disconnect(subject);
        ck_assert_int_eq(sio_socket_connect(subject), 0);
    }
}

static void failing_client(const char *event, sio_client_fn fn) {
    sio_client *client = client_make(NULL);
    times = 0;
    subject = client_socket(client, "/");
    ck_assert_int_eq(sio_client_on(client, event, fn, NULL), 0);
    trace_clear();
    fake_break(SIO_ERR_CONNECT, "x", "");
}

START_TEST(disconnect_in_error) { /* SC-18 */
    failing_client("error", disconnect_once);
    EXPECT("client error x");
    pass(60000);
    EXPECT_NOTHING();
}
END_TEST

START_TEST(disconnect_in_reconnect_attempt) { /* SC-19 */
    failing_client("reconnect_attempt", disconnect_once);
    trace_clear();
    pass(101);
    EXPECT("client reconnect_attempt 1");
    pass(60000);
    EXPECT_NOTHING();
}
END_TEST

START_TEST(disconnect_and_connect_in_reconnect_attempt) { /* SC-20 */
    failing_client("reconnect_attempt", disconnect_connect_once);
    trace_clear();
    pass(101);
    EXPECT("client reconnect_attempt 1", "attempt");
    fake_break(SIO_ERR_CONNECT, "x", "");
    EXPECT("client error x", "/ connect_error x");
    pass(101); /* the loop begins from its shortest delay */
    EXPECT("client reconnect_attempt 1", "attempt");
    fake_open();
    EXPECT("client open", "> 0", "client reconnect 1");
}
END_TEST

START_TEST(close_in_reconnect_error) { /* SC-29 */
    failing_client("reconnect_error", close_it);
    pass(101);
    trace_clear();
    fake_break(SIO_ERR_CONNECT, "x", "");
    EXPECT("client error x", "/ connect_error x", "client reconnect_error x");
    pass(60000);
    EXPECT_NOTHING();
}
END_TEST

START_TEST(one_socket_leaves_during_the_loop) { /* SC-21 */
    sio_client *client = client_make(NULL);
    times = 0;
    sio_socket *stays = client_socket(client, "/stays");
    subject = client_socket(client, "/leaves");
    fake_open();
    client_accept("/stays", "a");
    client_accept("/leaves", "b");
    ck_assert_int_eq(sio_client_on(client, "reconnect_attempt", disconnect_once, NULL), 0);
    fake_cut();
    trace_clear();
    pass(101);
    EXPECT("client reconnect_attempt 1", "attempt");
    fake_open();
    EXPECT("client open", "> 0/stays,", "client reconnect 1");
    client_accept("/stays", "c");
    ck_assert(sio_socket_connected(stays));
    ck_assert(!sio_socket_active(subject));
}
END_TEST

static void connect_again(sio_socket *socket, const sio_event *event, void *user) {
    ck_assert_int_eq(sio_socket_connect(user), 0);
}

/* IO77 */
START_TEST(connect_in_disconnect_after_a_drop) { /* quirk 7 */
    sio_socket *socket = client_connected(NULL);
    ck_assert_int_eq(sio_socket_on(socket, "disconnect", connect_again, socket), 0);
    fake_cut();
    EXPECT("client close transport close", "/ disconnect transport close", "attempt");
    fake_open();
    EXPECT("client open", "> 0");
    client_accept("/", "id2");
    EXPECT("/ connect");
    pass(60000);
    EXPECT_NOTHING();
    ck_assert_int_eq(sio_socket_off(socket, "disconnect", connect_again, socket), 0);
    fake_cut(); /* the next drop is still recovered */
    trace_clear();
    pass(101);
    EXPECT("client reconnect_attempt 1", "attempt");
}
END_TEST

START_TEST(connect_in_disconnect_after_a_manual_one) { /* SC-14 SC-15 SS-21 */
    sio_socket *socket = client_connected(NULL);
    ck_assert_int_eq(sio_socket_once(socket, "disconnect", connect_again, socket), 0);
    sio_socket_disconnect(socket);
    EXPECT("> 1", "(closing)", "client close forced close", "/ disconnect io client disconnect",
           "attempt");
    turn();
    ck_assert_uint_eq(fake_live(), 1); /* the old one is gone by now */
    fake_open();
    client_accept("/", "id2");
    EXPECT("client open", "> 0", "/ connect");
    fake_cut();
    pass(101);
    EXPECT("client close transport close", "/ disconnect transport close",
           "client reconnect_attempt 1", "attempt");
}
END_TEST

START_TEST(another_namespace_in_disconnect) { /* SC-12 SC-26 */
    sio_socket *socket = client_connected(NULL);
    sio_client *client = sio_socket_client(socket);
    sio_socket *other = client_socket(client, "/other");
    sio_socket_disconnect(other);
    EXPECT("> 0/other,");
    ck_assert_int_eq(sio_socket_on(socket, "disconnect", connect_again, other), 0);
    sio_socket_disconnect(socket);
    EXPECT("> 1", "(closing)", "client close forced close", "/ disconnect io client disconnect",
           "attempt");
    fake_open();
    EXPECT("client open", "> 0/other,");
}
END_TEST

/* ---- close and open ---- */

START_TEST(close_and_open) {
    sio_socket *socket = client_connected(NULL);
    sio_client *client = sio_socket_client(socket);
    sio_client_close(client);
    EXPECT("(closing)", "client close forced close", "/ disconnect forced close");
    ck_assert(sio_socket_active(socket));
    sio_client_close(client);
    pass(60000);
    EXPECT_NOTHING();
    ck_assert_int_eq(sio_client_open(client), 0);
    fake_open();
    client_accept("/", "id2");
    EXPECT("attempt", "client open", "> 0", "/ connect");
}
END_TEST

START_TEST(close_while_opening_is_silent_afterwards) { /* SS-04 */
    sio_socket *socket = client_socket(client_make(NULL), "/");
    fake.close_never = true;
    sio_socket_disconnect(socket);
    EXPECT("attempt", "(closing)", "client close forced close");
    fake_break(SIO_ERR_CONNECT, "x", "");
    pass(60000);
    EXPECT_NOTHING();
}
END_TEST

START_TEST(close_during_the_wait_and_the_limit_begins_anew) {
    sio_client_options o = client_options();
    o.reconnection_attempts = 1;
    sio_client *client = client_make(&o);
    client_socket(client, "/");
    fake_break(SIO_ERR_CONNECT, "x", "");
    sio_client_close(client);
    trace_clear();
    pass(60000);
    EXPECT_NOTHING();
    ck_assert_int_eq(sio_client_open(client), 0);
    fake_break(SIO_ERR_CONNECT, "x", "");
    EXPECT("attempt", "client error x", "/ connect_error x");
    pass(101);
    EXPECT("client reconnect_attempt 1", "attempt");
}
END_TEST

START_TEST(open_cuts_the_wait_short) {
    sio_socket *socket = client_connected(NULL);
    sio_client *client = sio_socket_client(socket);
    fake_cut();
    trace_clear();
    ck_assert_int_eq(sio_client_open(client), 0);
    EXPECT("attempt");
    pass(1000);
    EXPECT_NOTHING();
    fake_open();
    client_accept("/", "id2");
    trace_clear();
    fake_cut();
    pass(101);
    EXPECT("client close transport close", "/ disconnect transport close",
           "client reconnect_attempt 1", "attempt");
}
END_TEST

START_TEST(engine_that_closes_inside_the_call) {
    fake.close_inside = true;
    sio_socket *socket = client_connected(NULL);
    sio_socket_disconnect(socket);
    EXPECT("> 1", "(closing)", "client close forced close", "/ disconnect io client disconnect");
    ck_assert_uint_eq(fake_live(), 0);
    ck_assert_int_eq(sio_socket_connect(socket), 0);
    fake_open();
    client_accept("/", "id2");
    trace_clear();
    fake_text("garbage");
    EXPECT("(closing)", "client close parse error", "/ disconnect parse error");
    ck_assert_uint_eq(fake_live(), 0);
}
END_TEST

START_TEST(an_old_engine_cannot_disturb_the_new_one) {
    fake.close_never = true;
    sio_socket *socket = client_connected(NULL);
    sio_cengine *old = fake_engine();
    sio_socket_disconnect(socket);
    ck_assert_int_eq(sio_socket_connect(socket), 0);
    ck_assert_uint_eq(fake_live(), 2);
    fake_open();
    client_accept("/", "id2");
    trace_clear();
    fake_close(old, SIO_EIO_REASON_TRANSPORT_CLOSE, NULL);
    EXPECT_NOTHING();
    ck_assert(sio_socket_connected(socket));
    ck_assert_uint_eq(fake_live(), 1);
}
END_TEST

START_TEST(ping_is_told) {
    client_connected(NULL);
    fake_ping();
    EXPECT("client ping");
}
END_TEST

/* ---- freeing inside each event of the client ---- */

static void free_client(sio_client *client, const sio_event *event, void *user) {
    trace("free in %.*s", (int)event->name.len, event->name.ptr);
    client_forget(client);
    sio_client_free(client);
}

static void later(sio_client *client, const sio_event *event, void *user) {
    ck_abort_msg("a handler ran after the client was freed");
}

static sio_client *victim(const char *event, uint32_t attempts) {
    sio_client_options o = client_options();
    o.reconnection_attempts = attempts;
    sio_client *client = client_make(&o);
    client_socket(client, "/");
    ck_assert_int_eq(sio_client_on(client, event, free_client, NULL), 0);
    ck_assert_int_eq(sio_client_on(client, event, later, NULL), 0);
    return client;
}

START_TEST(free_in_each_event) {
    static const char *const events[] = {"open",
                                         "close",
                                         "error",
                                         "ping",
                                         "reconnect",
                                         "reconnect_attempt",
                                         "reconnect_error",
                                         "reconnect_failed"};
    const char *event = events[_i / 2];
    fake.close_inside = _i % 2 == 1;
    victim(event, 1);
    if (_i / 2 < 2 || _i / 2 == 3 || _i / 2 == 4) {
        fake_open();
    }
    switch (_i / 2) {
    case 1:
        fake_text("garbage");
        break;
    case 3:
        fake_ping();
        break;
    case 4:
        fake_cut();
        pass(101);
        fake_open();
        break;
    case 0:
        break;
    case 2:
        fake_break(SIO_ERR_CONNECT, "x", "");
        break;
    default:
        fake_break(SIO_ERR_CONNECT, "x", "");
        pass(101);
        if (_i / 2 > 5) {
            fake_break(SIO_ERR_CONNECT, "x", "");
        }
    }
    trace_clear();
    turn();
    EXPECT_NOTHING();
    ck_assert_uint_eq(fake_live(), 0);
}
END_TEST

/* ---- opening with an answer, and settings that change ---- */

static void trace_done(int status, void *user) {
    trace("%s %s", user ? (const char *)user : "done", sio_error_name(status));
}

START_TEST(open_then_joins_or_answers) { /* quirk 4: open(cb) while opening never calls back */
    sio_client *client = client_make(NULL);
    ck_assert_int_eq(sio_client_open_then(client, trace_done, tag("first")), 0);
    ck_assert_int_eq(sio_client_open_then(client, trace_done, tag("joined")), 0);
    ck_assert_uint_eq(sio_client_get_state(client), SIO_CLIENT_STATE_OPENING);
    fake_open();
    EXPECT("attempt", "client open", "first OK", "joined OK");
    ck_assert_uint_eq(sio_client_get_state(client), SIO_CLIENT_STATE_OPEN);
    ck_assert_int_eq(sio_client_open_then(client, trace_done, tag("open")), 0);
    EXPECT_NOTHING();
    turn();
    EXPECT("open OK");
}
END_TEST

START_TEST(open_then_that_fails_starts_no_loop) {
    sio_client *client = client_make(NULL);
    ck_assert_int_eq(sio_client_open_then(client, trace_done, NULL), 0);
    fake_break(SIO_ERR_CONNECT, "xhr poll error", "");
    EXPECT("attempt", "client error xhr poll error", "done CONNECT");
    pass(60000);
    EXPECT_NOTHING();
    ck_assert_int_eq(sio_client_open_then(client, trace_done, tag("closed")), 0);
    sio_client_close(client);
    EXPECT("attempt", "(closing)", "client close forced close", "closed CLOSED");
    ck_assert_int_eq(sio_client_open_then(client, trace_done, tag("freed")), 0);
    client_forget(client);
    trace_clear();
    sio_client_free(client);
    EXPECT("freed DISCONNECTED");
    turn();
    EXPECT_NOTHING();
}
END_TEST

START_TEST(no_auto_connect) { /* SC-02 */
    sio_client_options o = client_options();
    o.no_auto_connect = true;
    sio_socket *socket = client_socket(client_make(&o), "/");
    turn();
    ck_assert(!sio_socket_active(socket));
    EXPECT_NOTHING();
    ck_assert_int_eq(sio_socket_connect(socket), 0);
    EXPECT("attempt");
}
END_TEST

static void trace_scheduled(sio_client *client, const sio_event *event, void *user) {
    trace("attempt %d in %d ms", (int)sio_event_int(event, 0), (int)sio_event_int(event, 1));
}

START_TEST(reconnection_that_is_turned_off) { /* SC-29, quirk 5: connect() afterwards opens */
    sio_socket *socket = client_connected(NULL);
    sio_client *client = sio_socket_client(socket);
    ck_assert_int_eq(sio_client_on(client, "reconnect_scheduled", trace_scheduled, NULL), 0);
    fake_cut();
    ck_assert(sio_client_reconnecting(client));
    sio_client_set_reconnection(client, false);
    ck_assert(!sio_client_reconnecting(client) && !sio_client_reconnection(client));
    EXPECT("client close transport close", "/ disconnect transport close", "attempt 1 in 100 ms");
    pass(60000);
    EXPECT_NOTHING();
    ck_assert_int_eq(sio_socket_connect(socket), 0);
    EXPECT("attempt");
    fake_break(SIO_ERR_CONNECT, "websocket error", "");
    trace_clear();
    pass(60000);
    EXPECT_NOTHING();
    sio_client_set_reconnection(client, true);
    ck_assert_int_eq(sio_socket_connect(socket), 0);
    fake_break(SIO_ERR_CONNECT, "websocket error", "");
    EXPECT("attempt", "client error websocket error", "/ connect_error websocket error",
           "attempt 1 in 100 ms");
}
END_TEST

START_TEST(settings_of_the_loop) { /* reconnectionAttempts, Delay, DelayMax, randomizationFactor */
    sio_client *client = client_make(NULL);
    uint32_t delay = 0, delay_max = 0;
    sio_client_set_reconnection_attempts(client, 7);
    ck_assert_uint_eq(sio_client_reconnection_attempts(client), 7);
    sio_client_set_reconnection_attempts(client, SIO_CLIENT_NO_RECONNECTION);
    ck_assert(!sio_client_reconnection(client));
    sio_client_set_reconnection_delay(client, 10, 0);
    sio_client_set_reconnection_delay(client, 0, 20);
    sio_client_reconnection_delay(client, &delay, &delay_max);
    ck_assert(delay == 10 && delay_max == 20);
    sio_client_set_randomization_factor(client, 0.25);
    ck_assert(sio_client_randomization_factor(client) == 0.25);
    sio_client_set_randomization_factor(client, -1);
    ck_assert(sio_client_randomization_factor(client) == 0);
    ck_assert_uint_eq(sio_client_connect_timeout(client), 20000);
    sio_client_set_connect_timeout(client, 0);
    ck_assert_int_eq(sio_client_open(client), 0);
    ck_assert_uint_eq(fake_last_attempt()->connect_timeout, 1);
    sio_client_close(client);
    sio_client_set_connect_timeout(client, SIO_CLIENT_NO_TIMEOUT);
    ck_assert_int_eq(sio_client_open(client), 0);
    ck_assert_uint_eq(fake_last_attempt()->connect_timeout, 0);
    trace_clear();
}
END_TEST

START_TEST(another_server_from_the_next_attempt) {
    sio_socket *socket = client_connected(NULL);
    sio_client *client = sio_socket_client(socket);
    ck_assert_int_eq(sio_client_set_url(client, "nonsense"), SIO_ERR_URL);
    ck_assert_int_eq(sio_client_set_url(client, NULL), SIO_ERR_URL);
    ck_assert_int_eq(sio_client_set_url(client, "http://other:81/ignored?k=v"), 0);
    ck_assert_int_eq(sio_client_set_transports(client, (sio_client_transports)9), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_client_set_transports(client, SIO_CLIENT_WEBSOCKET), 0);
    ck_assert_str_eq(fake_last_attempt()->host, "localhost:3000");
    fake_cut();
    pass(101);
    ck_assert_str_eq(fake_last_attempt()->host, "other:81");
    ck_assert_str_eq(fake_last_attempt()->query, "k=v");
    ck_assert_uint_eq(fake_last_attempt()->transport, SIO_EIO_WEBSOCKET);
    trace_clear();
}
END_TEST

START_TEST(network_lost) { /* the offline event of browsers */
    sio_socket *socket = client_connected(NULL);
    sio_client *client = sio_socket_client(socket);
    sio_client_network_lost(client);
    EXPECT("(closing)", "client close transport close", "/ disconnect transport close");
    sio_client_network_lost(client);
    EXPECT_NOTHING();
    pass(101);
    EXPECT("client reconnect_attempt 1", "attempt");
}
END_TEST

/* The attempt that is under way ends, and the loop of attempts goes on. */
START_TEST(network_lost_during_an_attempt) {
    sio_client *client = sio_socket_client(client_connected(NULL));
    sio_client_network_lost(client);
    pass(101);
    EXPECT("(closing)", "client close transport close", "/ disconnect transport close",
           "client reconnect_attempt 1", "attempt");
    sio_client_network_lost(client);
    EXPECT("(closing)", "client close transport close");
    ck_assert(sio_client_reconnecting(client));
    pass(101);
    EXPECT("client reconnect_attempt 1", "attempt");
    fake_open();
    ck_assert_int_eq(sio_client_get_state(client), SIO_CLIENT_STATE_OPEN);
    ck_assert(!sio_client_reconnecting(client));
}
END_TEST

static void lose_network(sio_client *client, const sio_event *event, void *user) {
    sio_client_network_lost(client);
}

/* And so it does when the network goes in a handler of "open". */
START_TEST(network_lost_when_it_opens) {
    sio_client *client = sio_socket_client(client_connected(NULL));
    sio_client_network_lost(client);
    pass(101);
    ck_assert_int_eq(sio_client_once(client, "open", lose_network, NULL), 0);
    fake_open();
    ck_assert(sio_client_reconnecting(client));
    pass(101);
    ck_assert_uint_eq(fake_made(), 3);
}
END_TEST

/* ---- everything may end in every callback ---- */

static const char *const client_events[] = {
    "open", "close",           "error",     "reconnect_scheduled", "reconnect_attempt",
    "ping", "reconnect_error", "reconnect", "reconnect_failed",    "upgrade",
};
static const char *const socket_events[] = {"connect", "connect_error", "disconnect", "e"};

enum {
    CLIENT_EVENTS = sizeof(client_events) / sizeof(client_events[0]),
    SOCKET_EVENTS = sizeof(socket_events) / sizeof(socket_events[0]),
    IN_ANY = CLIENT_EVENTS + SOCKET_EVENTS,
    IN_OUTGOING,
    IN_ACK,
    IN_SENT,
    IN_OPENED,
    IN_AUTH,
    IN_POST,
    PLACES,
    OPERATIONS = 4, /* close, disconnect, free, disconnect and connect again */
};

static struct {
    sio_client *client;
    sio_socket *socket;
    int place;
    int operation;
    bool done;
    bool freed;
    int accepted; /* one-shot callbacks that are owed, and that came */
    int called;
} life;

static void here(int place) {
    ck_assert(!life.freed); /* no callback after the free has returned */
    if (place != life.place || life.done) {
        return;
    }
    life.done = true;
    if (life.operation == 0) {
        sio_client_close(life.client);
    } else if (life.operation == 1) {
        sio_socket_disconnect(life.socket);
    } else if (life.operation == 2) {
        client_forget(life.client);
        sio_client_free(life.client);
        life.freed = true;
    } else {
        sio_socket_disconnect(life.socket);
        ck_assert_int_eq(sio_socket_connect(life.socket), 0);
    }
}

static void at_client(sio_client *client, const sio_event *event, void *user) {
    here((int)((const char *const *)user - client_events));
}

static void at_socket(sio_socket *socket, const sio_event *event, void *user) {
    here(CLIENT_EVENTS + (int)((const char *const *)user - socket_events));
}

static void at_any(sio_socket *socket, const sio_event *event, void *user) {
    here(*(const int *)user);
}

static void at_ack(const sio_event *reply, void *user) {
    life.called++;
    here(IN_ACK);
}

static void at_sent(int status, void *user) {
    life.called++;
    here(IN_SENT);
}

static void at_opened(int status, void *user) {
    life.called++;
    here(IN_OPENED);
}

static void at_auth(sio_socket *socket, sio_auth_request *request, void *user) {
    here(IN_AUTH);
    (void)sio_auth_answer(request, NULL);
}

static void at_post(void *user) {
    life.called++;
    here(IN_POST);
}

static void dropped_post(void *user) {
    life.called++;
}

static void live_watch(void) {
    static int any = IN_ANY, outgoing = IN_OUTGOING;
    for (size_t i = 0; i < CLIENT_EVENTS; i++) {
        void *user = (void *)(uintptr_t)&client_events[i];
        ck_assert_int_eq(sio_client_on(life.client, client_events[i], at_client, user), 0);
    }
    for (size_t i = 0; i < SOCKET_EVENTS; i++) {
        void *user = (void *)(uintptr_t)&socket_events[i];
        ck_assert_int_eq(sio_socket_on(life.socket, socket_events[i], at_socket, user), 0);
    }
    ck_assert_int_eq(sio_socket_on_any(life.socket, at_any, &any), 0);
    ck_assert_int_eq(sio_socket_on_any_outgoing(life.socket, at_any, &outgoing), 0);
    sio_socket_set_auth_fn(life.socket, at_auth, NULL);
}

static void live_emit(uint32_t timeout_ms) {
    sio_emit_options o = SIO_EMIT_OPTIONS_INIT;
    o.on_ack = at_ack;
    o.timeout_ms = timeout_ms;
    o.on_sent = at_sent;
    if (!life.freed) {
        int before = life.called;
        if (sio_socket_emit(life.socket, "x", NULL, &o) == 0) {
            life.accepted += 2;
        } else {
            ck_assert_int_eq(life.called, before); /* an error is the only word */
        }
    }
}

static bool engine_is(sio_eio_state state) {
    return fake_engine_or_null() && sio_cengine_state(fake_engine()) == state;
}

static void live_open(void) {
    if (engine_is(SIO_EIO_STATE_OPENING)) {
        fake_open();
    }
    if (engine_is(SIO_EIO_STATE_OPEN)) {
        client_accept("/", "id");
    }
}

static void live_receive(void (*step)(void)) {
    if (engine_is(SIO_EIO_STATE_OPEN)) {
        step();
    }
}

static void event_and_ack(void) {
    fake_text("2[\"e\",1]");
    if (engine_is(SIO_EIO_STATE_OPEN)) {
        fake_text("30[]");
    }
}

static void live_fail(void) {
    if (engine_is(SIO_EIO_STATE_OPENING)) {
        fake_break(SIO_ERR_CONNECT, "xhr poll error", "");
    }
}

/* A failed attempt, a connection, a loss, another one, and giving up. */
static void live(void) {
    live_emit(0);
    live_fail();
    if (!life.freed) {
        (void)sio_socket_connect(life.socket);
    }
    live_fail();
    pass(101);
    live_open();
    live_emit(5);
    live_receive(fake_upgrade);
    live_receive(fake_ping);
    live_receive(fake_drain);
    live_receive(event_and_ack);
    pass(6);
    live_emit(0);
    if (engine_is(SIO_EIO_STATE_OPEN)) {
        fake_cut();
    }
    pass(101);
    live_fail();
    pass(500);
    live_open();
    if (engine_is(SIO_EIO_STATE_OPEN)) {
        fake_text("1");
    }
    turn();
    for (int i = 0; i < 4 && !life.freed; i++) {
        (void)sio_socket_connect(life.socket);
        live_fail();
        pass(1000);
        live_fail();
    }
}

START_TEST(everything_ends_in_every_callback) {
    sio_client_options o = client_options();
    o.reconnection_attempts = 2;
    memset(&life, 0, sizeof life);
    life.place = _i % PLACES;
    life.operation = _i / PLACES;
    ck_assert_int_eq(sio_client_new(&life.client, "http://h", &o), 0);
    life.accepted = 2;
    ck_assert_int_eq(sio_client_open_then(life.client, at_opened, NULL), 0);
    ck_assert_int_eq(sio_client_post(life.client, at_post, dropped_post, NULL), 0);
    life.socket = sio_client_socket(life.client, "/");
    live_watch();
    live();
    ck_assert_msg(life.done, "place %d never came", life.place);
    turn();
    if (!life.freed) {
        sio_client_free(life.client);
        life.freed = true;
    }
    turn();
    ck_assert_uint_eq(fake_live(), 0);
    ck_assert_int_eq(life.called, life.accepted); /* each exactly once */
    trace_clear();
}
END_TEST

/* ---- short memory ---- */

typedef struct promises {
    unsigned made, told; /* acknowledgements that were asked for, and those that had an end */
    unsigned lost;       /* events that the client said it had lost */
} promises;

static void told(const sio_event *reply, void *user) {
    ((promises *)user)->told++;
}

static void is_lost(sio_client *client, const sio_event *event, void *user) {
    ((promises *)user)->lost++;
}

/* The server takes whoever comes; the client may have closed the engine at each step. */
static void serve(void) {
    for (int i = 0; i < 3 && !fake_engine_or_null(); i++) {
        pass(1000);
    }
    if (fake_engine_or_null()) {
        fake_open();
    }
    if (fake_engine_or_null()) {
        client_accept("/", "id");
    }
    if (fake_engine_or_null()) {
        client_accept("/chat", "id");
    }
    turn();
}

static unsigned asked(sio_socket *socket, promises *p) {
    return sio_socket_emit_ackf(socket, "ask", 0, told, p, "B", "xy", (size_t)2) == 0;
}

static bool is_sent(const char *text) {
    char *seen = trace_take();
    bool there = seen && strstr(seen, text);
    free(seen);
    return there;
}

/* Cut off, it comes back by itself and sends what was kept meanwhile. */
static int reconnection(const sio_mem *mem, void *arg) {
    sio_client_options o = client_options();
    sio_client *client = NULL;
    promises p = {0};
    o.mem = mem;
    int rc = sio_client_new(&client, "http://localhost", &o);
    if (rc != 0) {
        return rc;
    }
    bool watched = sio_client_on(client, "lost", is_lost, &p) == 0;
    sio_socket *socket = sio_client_socket(client, "/");
    sio_socket *chat = socket ? sio_client_socket(client, "/chat") : NULL;
    rc = SIO_ERR_NOMEM;
    if (watched && chat) {
        serve();
        p.made += asked(socket, &p) + asked(chat, &p);
        if (fake_engine_or_null()) {
            fake_cut();
        }
        turn();
        trace_clear();
        bool kept = sio_socket_emitf(socket, "kept", "i", 1) == 0;
        p.made += asked(chat, &p);
        serve();
        bool back = sio_socket_connected(socket);
        bool sent = is_sent("[\"kept\",1]");
        ck_assert(!back || !kept || sent || p.lost > 0);
        rc = back && kept && sent && sio_socket_connected(chat) && p.made == 3 ? 0 : rc;
    }
    sio_client_free(client);
    turn();
    ck_assert_uint_eq(p.told, p.made);
    trace_clear();
    return rc;
}

START_TEST(reconnection_in_short_memory) {
    test_mem_sweep(reconnection, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("client_manager");
    TCase *tc = tcase_create("manager");
    tcase_add_checked_fixture(tc, client_setup, client_teardown);
    tcase_add_test(tc, connects_every_active_socket_in_order);
    tcase_add_test(tc, no_socket_no_engine);
    tcase_add_test(tc, two_namespaces_come_and_go);
    tcase_add_test(tc, a_handler_of_open_may_close);
    tcase_add_test(tc, order_of_a_drop_and_of_the_recovery);
    tcase_add_loop_test(tc, reasons, 0, 4);
    tcase_add_test(tc, never_connected_socket_has_no_disconnect);
    tcase_add_test(tc, first_failure_then_loop_then_giving_up);
    tcase_add_test(tc, engine_close_without_error_is_a_failed_attempt);
    tcase_add_test(tc, engine_that_cannot_be_made);
    tcase_add_test(tc, close_before_the_failure_is_told);
    tcase_add_test(tc, no_reconnection);
    tcase_add_test(tc, delays_double_up_to_the_limit_and_begin_anew);
    tcase_add_test(tc, joining_during_the_loop_does_not_disturb_it);
    tcase_add_test(tc, disconnect_in_error);
    tcase_add_test(tc, disconnect_in_reconnect_attempt);
    tcase_add_test(tc, disconnect_and_connect_in_reconnect_attempt);
    tcase_add_test(tc, close_in_reconnect_error);
    tcase_add_test(tc, one_socket_leaves_during_the_loop);
    tcase_add_test(tc, connect_in_disconnect_after_a_drop);
    tcase_add_test(tc, connect_in_disconnect_after_a_manual_one);
    tcase_add_test(tc, another_namespace_in_disconnect);
    tcase_add_test(tc, close_and_open);
    tcase_add_test(tc, close_while_opening_is_silent_afterwards);
    tcase_add_test(tc, close_during_the_wait_and_the_limit_begins_anew);
    tcase_add_test(tc, open_cuts_the_wait_short);
    tcase_add_test(tc, engine_that_closes_inside_the_call);
    tcase_add_test(tc, an_old_engine_cannot_disturb_the_new_one);
    tcase_add_test(tc, ping_is_told);
    tcase_add_loop_test(tc, free_in_each_event, 0, 16);
    suite_add_tcase(suite, tc);
    TCase *settings = tcase_create("settings");
    tcase_add_checked_fixture(settings, client_setup, client_teardown);
    tcase_add_test(settings, reconnection_in_short_memory);
    tcase_add_test(settings, open_then_joins_or_answers);
    tcase_add_test(settings, open_then_that_fails_starts_no_loop);
    tcase_add_test(settings, no_auto_connect);
    tcase_add_test(settings, reconnection_that_is_turned_off);
    tcase_add_test(settings, settings_of_the_loop);
    tcase_add_test(settings, another_server_from_the_next_attempt);
    tcase_add_test(settings, network_lost);
    tcase_add_test(settings, network_lost_during_an_attempt);
    tcase_add_test(settings, network_lost_when_it_opens);
    suite_add_tcase(suite, settings);
    TCase *matrix = tcase_create("matrix");
    tcase_add_checked_fixture(matrix, client_setup, client_teardown);
    tcase_add_loop_test(matrix, everything_ends_in_every_callback, 0, PLACES * OPERATIONS);
    suite_add_tcase(suite, matrix);
    return test_run(suite);
}
