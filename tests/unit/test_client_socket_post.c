/* Events that other threads emit, told of exactly once; and on_sent. */
#include "client_fixture.h"

#include <pthread.h>

static sio_socket *subject;
static sio_emit_options options;
static int result;

static void *emit_there(void *arg) {
    sio_args *args = NULL;
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    ck_assert_int_eq(sio_args_addf(args, "s B", "x", "\x07", (size_t)1), 0);
    result = sio_socket_emit(subject, arg, args, &options);
    sio_args_unref(args);
    return NULL;
}

static int from_thread(const char *event) {
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, emit_there, tag(event)), 0);
    pthread_join(thread, NULL);
    return result;
}

static void trace_sent(int status, void *user) {
    trace("%s sent %s", user ? (const char *)user : "-", sio_error_name(status));
}

static void on_lost(sio_client *client, const sio_event *event, void *user) {
    trace("lost %s %s %s", sio_event_string(event, 0), sio_event_string(event, 1),
          sio_error_name(event->status));
}

static void setup(void) {
    client_setup();
    options = (sio_emit_options)SIO_EMIT_OPTIONS_INIT;
}

START_TEST(copied_and_sent_by_the_loop) {
    subject = client_connected(NULL);
    options.on_ack = trace_reply;
    options.on_sent = trace_sent;
    ck_assert_int_eq(from_thread("a"), 0);
    EXPECT_NOTHING();
    turn();
    EXPECT("> 51-0[\"a\",\"x\",{\"_placeholder\":true,\"num\":0}]", "> <07>");
    fake_drain();
    fake_text("30[1]");
    EXPECT("- sent OK", "ack ok [1]");
    ck_assert_int_eq(from_thread("connect"), SIO_ERR_RESERVED);
    options.size = 0;
    ck_assert_int_eq(from_thread("a"), SIO_ERR_INVALID);
}
END_TEST

START_TEST(what_cannot_be_sent_is_told_once) {
    sio_client_options o = client_options();
    o.max_buffered = 1;
    subject = client_socket(client_make(&o), "/");
    ck_assert_int_eq(sio_client_on(sio_socket_client(subject), "lost", on_lost, NULL), 0);
    ck_assert_int_eq(sio_socket_emitf(subject, "kept", ""), 0);
    trace_clear();
    ck_assert_int_eq(from_thread("a"), 0);
    ck_assert_int_eq(from_thread("b"), SIO_ERR_LIMIT); /* posts are limited as well */
    turn();
    EXPECT("lost / a LIMIT");
    options.on_sent = trace_sent;
    options.on_ack = trace_reply;
    ck_assert_int_eq(from_thread("a"), 0);
    turn();
    EXPECT("- sent LIMIT", "ack LIMIT");
}
END_TEST

START_TEST(freed_before_it_was_sent) {
    subject = client_connected(NULL);
    options.on_ack = trace_reply;
    ck_assert_int_eq(from_thread("a"), 0);
    client_forget(sio_socket_client(subject));
    sio_client_free(sio_socket_client(subject));
    EXPECT("ack DISCONNECTED");
    turn();
    EXPECT_NOTHING();
}
END_TEST

static void free_it(sio_socket *socket, const sio_event *event, void *user) {
    client_forget(sio_socket_client(socket));
    sio_client_free(sio_socket_client(socket));
}

START_TEST(freed_while_it_is_sent) {
    subject = client_connected(NULL);
    if (_i == 1) {
        sio_socket_set_retries(subject, 2);
    }
    ck_assert_int_eq(sio_socket_on_any_outgoing(subject, free_it, NULL), 0);
    options.on_ack = trace_reply;
    ck_assert_int_eq(from_thread("a"), 0);
    turn();
    EXPECT("ack DISCONNECTED");
}
END_TEST

static void clear_queue(int status, void *user) {
    trace_sent(status, user);
    sio_socket_clear_queue(subject);
}

static void free_in_reply(const sio_event *reply, void *user) {
    trace_reply(reply, user);
    client_forget(sio_socket_client(subject));
    sio_client_free(sio_socket_client(subject));
    trace("freed");
}

/* One event's on_sent loses another, whose on_ack frees the client: the first one's on_ack comes
 * before the free returns. */
START_TEST(freed_while_one_event_is_lost_in_the_callback_of_another) {
    subject = client_socket(client_make(NULL), "/");
    sio_socket_set_retries(subject, 1);
    options.on_ack = free_in_reply;
    options.user = tag("inner");
    ck_assert_int_eq(sio_socket_emit(subject, "queued", NULL, &options), 0);
    options.is_volatile = true; /* so that it is lost, there being no connection */
    options.on_sent = clear_queue;
    options.on_ack = trace_reply;
    options.user = tag("outer");
    ck_assert_int_eq(from_thread("volatile"), 0);
    trace_clear();
    turn();
    EXPECT("outer sent DISCARDED", "inner DISCARDED", "outer DISCONNECTED", "freed");
}
END_TEST

START_TEST(told_when_it_was_written) {
    subject = client_socket(client_make(NULL), "/");
    options.on_sent = trace_sent;
    options.user = tag("kept");
    ck_assert_int_eq(sio_socket_emit(subject, "a", NULL, &options), 0);
    fake_open();
    fake_drain();
    client_accept("/", "id");
    trace_clear();
    fake_drain();
    EXPECT("kept sent OK");
    options.user = tag("cut");
    ck_assert_int_eq(sio_socket_emit(subject, "b", NULL, &options), 0);
    trace_clear();
    fake_cut();
    EXPECT("client close transport close", "/ disconnect transport close", "cut sent DISCONNECTED");
    options.user = tag("cleared");
    ck_assert_int_eq(sio_socket_emit(subject, "c", NULL, &options), 0);
    sio_socket_clear_kept(subject);
    EXPECT("cleared sent DISCARDED");
    options.user = tag("late");
    options.on_ack = trace_reply;
    options.timeout_ms = 5;
    ck_assert_int_eq(sio_socket_emit(subject, "d", NULL, &options), 0);
    pass(6);
    EXPECT("late TIMEOUT", "late sent TIMEOUT");
    options.user = tag("freed");
    ck_assert_int_eq(sio_socket_emit(subject, "e", NULL, &options), 0);
    client_forget(sio_socket_client(subject));
    sio_client_free(sio_socket_client(subject));
    EXPECT("freed DISCONNECTED", "freed sent DISCONNECTED");
}
END_TEST

/* E92 E93: one by one, and several that are written together. */
START_TEST(told_in_the_order_of_the_events) {
    subject = client_socket(client_make(NULL), "/");
    fake_open();
    client_accept("/", "id");
    fake_drain();
    trace_clear();
    options.on_sent = trace_sent;
    options.user = tag("alone");
    ck_assert_int_eq(sio_socket_emit(subject, "a", NULL, &options), 0);
    trace_clear();
    fake_drain();
    EXPECT("alone sent OK");
    options.user = tag("first");
    ck_assert_int_eq(sio_socket_emit(subject, "b", NULL, &options), 0);
    options.user = tag("second");
    ck_assert_int_eq(sio_socket_emit(subject, "c", NULL, &options), 0);
    options.user = tag("third");
    ck_assert_int_eq(sio_socket_emit(subject, "d", NULL, &options), 0);
    trace_clear();
    fake_drain();
    EXPECT("first sent OK", "second sent OK", "third sent OK");
}
END_TEST

/* ---- without memory ---- */

static unsigned owed;

static void count_sent(int status, void *user) {
    owed--;
}

static void count_reply(const sio_event *reply, void *user) {
    owed--;
}

static void count_posted(void *user) {
    owed--;
}

/* Each post that was taken has its end told once. */
static int memory_scenario(const sio_mem *mem, void *arg) {
    sio_client_options o = client_options();
    sio_client *client = NULL;
    o.mem = mem;
    int rc = sio_client_new(&client, "http://localhost", &o);
    subject = rc == 0 ? sio_client_socket(client, "/") : NULL;
    if (rc == 0) {
        rc = subject ? 0 : SIO_ERR_NOMEM;
    }
    options.on_sent = count_sent;
    options.on_ack = count_reply;
    for (int i = 0; i < 2 && rc == 0; i++) {
        rc = from_thread("e");
        owed += rc == 0 ? 2 : 0;
        if (rc == 0) {
            rc = sio_client_post(client, count_posted, count_posted, NULL);
            owed += rc == 0;
        }
        if (i == 0) {
            turn(); /* kept: there is no connection yet */
        }
        if (i == 0 && fake_engine_or_null()) {
            fake_open();
        }
        if (i == 0 && fake_engine_or_null()) {
            client_accept("/", "id");
        }
    }
    turn();
    sio_client_free(client);
    turn();
    ck_assert_uint_eq(owed, 0);
    return rc;
}

START_TEST(without_memory) {
    test_mem_sweep(memory_scenario, NULL);
    trace_clear();
}
END_TEST

int main(void) {
    Suite *suite = suite_create("client_socket_post");
    TCase *tc = tcase_create("post");
    tcase_add_checked_fixture(tc, setup, client_teardown);
    tcase_add_test(tc, copied_and_sent_by_the_loop);
    tcase_add_test(tc, what_cannot_be_sent_is_told_once);
    tcase_add_test(tc, freed_before_it_was_sent);
    tcase_add_loop_test(tc, freed_while_it_is_sent, 0, 2);
    tcase_add_test(tc, freed_while_one_event_is_lost_in_the_callback_of_another);
    tcase_add_test(tc, told_when_it_was_written);
    tcase_add_test(tc, told_in_the_order_of_the_events);
    tcase_add_test(tc, without_memory);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
