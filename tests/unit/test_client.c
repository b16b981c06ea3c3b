/* Making, running and freeing a client, from one thread and from several. */
#include "client_fixture.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>

/* ---- making it ---- */

START_TEST(what_it_needs) {
    sio_client *client = NULL;
    sio_client_options o = client_options();
    ck_assert_int_eq(sio_client_new(&client, "localhost:3000", &o), SIO_ERR_URL);
    ck_assert_int_eq(sio_client_new(&client, "ftp://localhost", &o), SIO_ERR_URL);
    ck_assert_int_eq(sio_client_new(&client, "", &o), SIO_ERR_URL);
    o.path = "no-slash";
    ck_assert_int_eq(sio_client_new(&client, "http://localhost", &o), SIO_ERR_INVALID);
    ck_assert_ptr_null(client);
    sio_client_free(NULL);
    ck_assert_str_eq(sio_client_version(), sio_version());
}
END_TEST

START_TEST(defaults_alone_are_enough) {
    sio_client *client = NULL;
    ck_assert_int_eq(sio_client_new(&client, "http://localhost", NULL), 0);
    ck_assert_int_eq(sio_client_run(client), 0); /* nothing to do */
    sio_client_free(client);
}
END_TEST

START_TEST(what_is_known_before_a_connection) {
    int x;
    sio_client *client = client_make(NULL);
    ck_assert_str_eq(sio_client_error_detail(client), "");
    ck_assert_str_eq(sio_client_engine_id(client), "");
    ck_assert_ptr_null(sio_client_transport(client));
    ck_assert_ptr_null(sio_client_user(client));
    sio_client_set_user(client, &x);
    ck_assert_ptr_eq(sio_client_user(client), &x);
}
END_TEST

static void count(sio_client *client, const sio_event *event, void *user) {
    ++*(int *)user;
}

START_TEST(handlers_are_added_and_removed) {
    int calls = 0;
    sio_client *client = client_make(NULL);
    ck_assert_int_eq(sio_client_on(client, "ping", count, &calls), 0);
    ck_assert_int_eq(sio_client_off(client, "open", count, &calls), SIO_ERR_NOT_FOUND);
    ck_assert_int_eq(sio_client_open(client), 0);
    fake_open();
    fake_ping();
    ck_assert_int_eq(sio_client_off(client, "ping", count, &calls), 0);
    fake_ping();
    ck_assert_int_eq(calls, 1);
}
END_TEST

static void log_line(const char *scope, const char *text, void *user) {
    ck_assert_int_eq(strncmp(scope, "socket.io-client", 16), 0);
    ck_assert_ptr_null(strstr(text, "secret"));
    ++*(int *)user;
}

START_TEST(log_without_payloads) {
    int lines = 0;
    sio_client_options o = client_options();
    o.log = log_line;
    o.log_user = &lines;
    o.auth = "{\"token\":\"secret\"}";
    o.query = "token=secret";
    sio_socket *socket = client_connected(&o);
    ck_assert_int_eq(sio_socket_emitf(socket, "secret", "s", "secret"), 0);
    fake_cut();
    pass(101);
    ck_assert_int_gt(lines, 0);
}
END_TEST

/* ---- running it ---- */

static sio_client *own_base(const sio_mem *mem) {
    sio_client *client = NULL;
    sio_client_options o = client_options();
    o.base = NULL;
    o.mem = mem;
    o.reconnection_attempts = SIO_CLIENT_NO_RECONNECTION;
    ck_assert_int_eq(sio_client_new(&client, "http://localhost:3000", &o), 0);
    return client;
}

static void disconnect_it(sio_socket *socket, const sio_event *event, void *user) {
    ck_assert_int_eq(sio_client_run(sio_socket_client(socket)), SIO_ERR_STATE);
    ck_assert_int_eq(sio_client_start(sio_socket_client(socket)), SIO_ERR_STATE);
    sio_socket_disconnect(socket);
}

START_TEST(run_ends_when_every_socket_is_done) {
    fake.accept = true;
    sio_client *client = own_base(NULL);
    sio_socket *a = client_socket(client, "/a");
    sio_socket *b = client_socket(client, "/b");
    ck_assert_int_eq(sio_socket_on(a, "connect", disconnect_it, NULL), 0);
    ck_assert_int_eq(sio_socket_on(b, "connect", disconnect_it, NULL), 0);
    sio_socket_disconnect(b);
    ck_assert_int_eq(sio_client_run(client), 0);
    EXPECT("attempt", "> 0/a,", "/a connect", "> 1/a,", "(closing)",
           "/a disconnect io client disconnect");
    ck_assert_int_eq(sio_socket_connect(b), 0);
    ck_assert_int_eq(sio_client_run(client), 0);
    EXPECT("attempt", "> 0/b,", "/b connect", "> 1/b,", "(closing)",
           "/b disconnect io client disconnect");
    sio_client_free(client);
}
END_TEST

START_TEST(run_ends_when_there_is_nothing_left_to_try) {
    fake.fail_new = SIO_ERR_NOMEM;
    sio_client *client = own_base(NULL);
    client_socket(client, "/");
    ck_assert_int_eq(sio_client_run(client), 0);
    EXPECT("attempt", "/ connect_error out of memory");
    sio_client_free(client);
}
END_TEST

static void stop_it(sio_socket *socket, const sio_event *event, void *user) {
    sio_client_stop(sio_socket_client(socket));
}

START_TEST(stop_ends_run) {
    for (int on_borrowed_base = 0; on_borrowed_base < 2; on_borrowed_base++) {
        fake.accept = true;
        sio_client_options o = client_options();
        sio_client *client = NULL;
        if (on_borrowed_base) {
            ck_assert_int_eq(sio_client_new(&client, "http://localhost", &o), 0);
            ck_assert_int_eq(sio_client_start(client), SIO_ERR_UNSUPPORTED);
        } else {
            client = own_base(NULL);
        }
        sio_socket *socket = client_socket(client, "/");
        ck_assert_int_eq(sio_socket_on(socket, "connect", stop_it, NULL), 0);
        ck_assert_int_eq(sio_client_run(client), 0);
        ck_assert(sio_socket_connected(socket));
        sio_client_stop(client);
        ck_assert_int_eq(sio_client_run(client), 0);
        sio_client_free(client);
        turn();
    }
}
END_TEST

/* ---- freeing it ---- */

static void free_it(sio_socket *socket, const sio_event *event, void *user) {
    sio_client_free(sio_socket_client(socket));
    sio_client_free(sio_socket_client(socket)); /* no effect before the memory goes */
}

START_TEST(free_inside_run) {
    test_mem mem;
    test_mem_init(&mem);
    fake.accept = true;
    sio_client *client = own_base(&mem.mem);
    sio_socket *socket = sio_client_socket(client, "/");
    ck_assert_int_eq(sio_socket_on(socket, "connect", free_it, NULL), 0);
    ck_assert_int_eq(sio_socket_emit_ackf(socket, "x", 0, trace_reply, NULL, ""), 0);
    ck_assert_int_eq(sio_client_run(client), 0);
    EXPECT("attempt", "> 0", "> 20[\"x\"]", "ack DISCONNECTED");
    ck_assert_uint_eq(mem.live, 0);
    ck_assert_uint_eq(fake_live(), 0);
}
END_TEST

static void free_from_the_base(evutil_socket_t fd, short what, void *client) {
    trace("free");
    sio_client_free(client);
}

START_TEST(free_from_the_applications_own_event) {
    sio_client_options o = client_options();
    sio_client *client = NULL;
    ck_assert_int_eq(sio_client_new(&client, "http://localhost", &o), 0);
    sio_client_socket(client, "/");
    ck_assert_int_eq(event_base_once(client_base, -1, EV_TIMEOUT, free_from_the_base, client,
                                     &(struct timeval){0, 0}),
                     0);
    ck_assert_int_eq(sio_client_run(client), 0);
    EXPECT("attempt", "free");
    ck_assert_uint_eq(fake_live(), 0);
}
END_TEST

/* ---- posting ---- */

static void posted(void *user) {
    trace("posted %s", (const char *)user);
}

static void dropped(void *user) {
    trace("dropped %s", (const char *)user);
}

static void post_and_free(sio_client *client, const sio_event *event, void *user) {
    ck_assert_int_eq(sio_client_post(client, posted, dropped, tag("c")), 0);
    client_forget(client);
    sio_client_free(client);
}

START_TEST(posts_run_in_order_or_are_dropped) {
    sio_client *client = client_make(NULL);
    ck_assert_int_eq(sio_client_post(client, posted, dropped, tag("a")), 0);
    ck_assert_int_eq(sio_client_post(client, posted, NULL, tag("b")), 0);
    EXPECT_NOTHING();
    turn();
    EXPECT("posted a", "posted b");
    ck_assert_int_eq(sio_client_post(client, posted, dropped, tag("a")), 0);
    ck_assert_int_eq(sio_client_post(client, posted, NULL, tag("b")), 0);
    client_forget(client);
    sio_client_free(client);
    EXPECT("dropped a");
}
END_TEST

START_TEST(posts_do_not_run_after_a_free_in_a_callback) {
    sio_client *client = client_make(NULL);
    ck_assert_int_eq(sio_client_on(client, "open", post_and_free, NULL), 0);
    ck_assert_int_eq(sio_client_open(client), 0);
    trace_clear();
    fake_open();
    turn();
    EXPECT("client open", "dropped c");
}
END_TEST

static void post_free(void *user) {
    sio_client_free(user);
}

START_TEST(free_in_a_post) {
    sio_client *client = client_make(NULL);
    client_forget(client);
    ck_assert_int_eq(sio_client_post(client, post_free, NULL, client), 0);
    ck_assert_int_eq(sio_client_post(client, posted, dropped, tag("after")), 0);
    turn();
    EXPECT("dropped after");
}
END_TEST

/* ---- threads ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int reached;

static void reach(void) {
    pthread_mutex_lock(&lock);
    reached++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void await(int wanted) {
    pthread_mutex_lock(&lock);
    while (reached < wanted) {
        pthread_cond_wait(&changed, &lock);
    }
    pthread_mutex_unlock(&lock);
}

static void reach_event(sio_socket *socket, const sio_event *event, void *user) {
    reach();
}

static void reach_posted(void *user) {
    reach();
}

enum { THREADS = 8, EACH = 40 };

static sio_socket *subject;

static void *post_from_thread(void *arg) {
    for (int i = 0; i < EACH; i++) {
        ck_assert_int_eq(sio_socket_post_emitf(subject, "p", "i", i), 0);
        ck_assert_int_eq(sio_socket_emitf(subject, "p", "i", i), 0);
        ck_assert_int_eq(
            sio_client_post(sio_socket_client(subject), reach_posted, reach_posted, NULL), 0);
    }
    return NULL;
}

START_TEST(thread_of_the_library) {
    pthread_t threads[THREADS];
    fake.accept = true;
    reached = 0;
    sio_client *client = own_base(NULL);
    subject = sio_client_socket(client, "/");
    ck_assert_int_eq(sio_socket_on(subject, "connect", reach_event, NULL), 0);
    ck_assert_int_eq(sio_client_start(client), 0);
    ck_assert_int_eq(sio_client_start(client), SIO_ERR_STATE);
    ck_assert_int_eq(sio_client_run(client), SIO_ERR_STATE);
    await(1);
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, post_from_thread, NULL), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    await(1 + THREADS * EACH);
    sio_client_stop(client);
    ck_assert(sio_socket_connected(subject)); /* the client is this thread's again */
    ck_assert_int_eq(sio_client_start(client), 0);
    sio_client_free(client);
    ck_assert_uint_eq(fake_live(), 0);
}
END_TEST

START_TEST(free_right_after_start) {
    for (int i = 0; i < 30; i++) {
        fake.accept = i % 2 == 0;
        sio_client *client = own_base(NULL);
        sio_client_socket(client, "/");
        ck_assert_int_eq(sio_client_start(client), 0);
        sio_client_free(client);
        ck_assert_uint_eq(fake_live(), 0);
    }
}
END_TEST

static void post_stop(void *client) {
    sio_client_stop(client);
    reach();
}

START_TEST(stop_from_the_thread_itself) {
    reached = 0;
    sio_client *client = own_base(NULL);
    for (int i = 1; i <= 20; i++) {
        int before = reached;
        ck_assert_int_eq(sio_client_post(client, post_stop, NULL, client), 0);
        ck_assert_int_eq(sio_client_start(client), 0); /* works again every time */
        await(before + 1);
        sched_yield();
        sio_client_stop(client);
    }
    sio_client_free(client);
}
END_TEST

static void free_on_thread(sio_socket *socket, const sio_event *event, void *user) {
    /* Dropped at the very end, when the engines are gone. */
    ck_assert_int_eq(sio_client_post(sio_socket_client(socket), reach_posted, reach_posted, NULL),
                     0);
    sio_client_free(sio_socket_client(socket));
}

START_TEST(free_on_the_thread_itself) {
    fake.accept = true;
    reached = 0;
    sio_client *client = own_base(NULL);
    sio_socket *socket = sio_client_socket(client, "/");
    ck_assert_int_eq(sio_socket_on(socket, "connect", free_on_thread, NULL), 0);
    ck_assert_int_eq(sio_client_start(client), 0);
    await(1);
    ck_assert_uint_eq(fake_live(), 0);
}
END_TEST

/* ---- out of memory ---- */

static void count_reply(const sio_event *reply, void *user) {
    ++*(int *)user;
    reached += reply->status == SIO_OK;
}

static void answer(sio_socket *socket, const sio_event *event, void *user) {
    if (event->ack) {
        (void)sio_ack_sendf(event->ack, "B", "x", (size_t)1);
    }
}

static void play(sio_socket *socket, const char *reply) {
    if (!fake_engine_or_null()) {
        pass(1000);
    }
    const char *const texts[] = {
        "2[\"early\",1]",
        "0{\"sid\":\"s\",\"pid\":\"p\"}",
        "51-7[\"b\",{\"_placeholder\":true,\"num\":0}]",
        NULL, /* its attachment */
        "2[\"n\",\"offset\"]",
        reply,
        "1",
    };
    if (fake_engine_or_null()) {
        fake_open();
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) && fake_engine_or_null(); i++) {
        if (texts[i]) {
            fake_text(texts[i]);
        } else {
            fake_binary("x", 1);
        }
        turn();
    }
}

static int whole_life(const sio_mem *mem, void *arg) {
    const sio_client_header headers[] = {{"X-A", "1"}, {"X-B", "2"}};
    sio_client_options o = client_options();
    sio_client *client = NULL;
    int replies = 0, awaited = 0;
    o.mem = mem;
    o.auth = "{\"t\":1}";
    o.query = "a=b";
    o.headers = headers;
    o.header_count = 2;
    reached = 0;
    int rc = sio_client_new(&client, "http://localhost/nsp", &o);
    if (rc != 0) {
        return rc;
    }
    (void)sio_client_set_query(client, "c=d");
    (void)sio_client_set_header(client, "X-A", "3");
    (void)sio_client_on(client, "close", count, &rc);
    sio_socket *socket = sio_client_socket(client, "/");
    if (socket) {
        (void)sio_socket_set_auth(socket, "{\"u\":2}");
        (void)sio_socket_on(socket, "b", answer, NULL);
        (void)sio_socket_once(socket, "n", answer, NULL);
        awaited += sio_socket_emit_ackf(socket, "a", 5, count_reply, &replies, "s", "x") == 0;
        awaited +=
            sio_socket_emit_ackf(socket, "b", 0, count_reply, &replies, "B", "xy", (size_t)2) == 0;
        play(socket, awaited == 2 ? "31[1]" : "30[1]");
        (void)sio_socket_connect(socket);
        awaited += sio_socket_emit_ackf(socket, "c", 0, count_reply, &replies, "") == 0;
        (void)sio_socket_post_emitf(socket, "p", "i", 1);
        play(socket, "32[1]");
        sio_socket_disconnect(socket);
        turn();
    }
    sio_client_free(client);
    turn();
    ck_assert_int_eq(replies, awaited); /* each exactly once, whatever failed */
    trace_clear();
    return reached >= 2 ? 0 : -1;
}

START_TEST(out_of_memory) {
    test_mem_sweep(whole_life, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("client");
    TCase *tc = tcase_create("client");
    tcase_add_checked_fixture(tc, client_setup, client_teardown);
    tcase_add_test(tc, what_it_needs);
    tcase_add_test(tc, defaults_alone_are_enough);
    tcase_add_test(tc, what_is_known_before_a_connection);
    tcase_add_test(tc, handlers_are_added_and_removed);
    tcase_add_test(tc, log_without_payloads);
    tcase_add_test(tc, run_ends_when_every_socket_is_done);
    tcase_add_test(tc, run_ends_when_there_is_nothing_left_to_try);
    tcase_add_test(tc, stop_ends_run);
    tcase_add_test(tc, free_inside_run);
    tcase_add_test(tc, free_from_the_applications_own_event);
    tcase_add_test(tc, posts_run_in_order_or_are_dropped);
    tcase_add_test(tc, posts_do_not_run_after_a_free_in_a_callback);
    tcase_add_test(tc, free_in_a_post);
    tcase_add_test(tc, thread_of_the_library);
    tcase_add_test(tc, free_right_after_start);
    tcase_add_test(tc, stop_from_the_thread_itself);
    tcase_add_test(tc, free_on_the_thread_itself);
    tcase_add_test(tc, out_of_memory);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
