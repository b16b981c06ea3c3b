/* Several clients on one loop. */
#include "client_fixture.h"

#include <sio/client_cache.h>
#include <sio/client_loop.h>

#include <pthread.h>
#include <semaphore.h>

static sio_client_loop *loop;
static sio_client *first;
static sio_client *second;

static sio_client_loop *loop_make(const sio_mem *mem) {
    sio_client_loop_options o = SIO_CLIENT_LOOP_OPTIONS_INIT;
    o.base = client_base;
    o.mem = mem;
    sio_client_loop *made = NULL;
    return sio_client_loop_new(&made, &o) == 0 ? made : NULL;
}

static sio_client_options shared_options(void) {
    sio_client_options o = client_options();
    o.base = NULL;
    o.loop = loop;
    return o;
}

static sio_client *shared_make(void) {
    sio_client_options o = shared_options();
    sio_client *client = NULL;
    ck_assert_int_eq(sio_client_new(&client, "http://localhost:3000", &o), 0);
    return client;
}

static sio_socket *connect_one(sio_client *client) {
    sio_socket *socket = client_socket(client, "/");
    fake_open();
    client_accept("/", "id");
    ck_assert(sio_socket_connected(socket));
    return socket;
}

static void setup(void) {
    client_setup();
    loop = loop_make(NULL);
    ck_assert_ptr_nonnull(loop);
    first = shared_make();
    second = shared_make();
}

static void teardown(void) {
    sio_client_loop_free(loop);
    loop = NULL;
    client_teardown();
}

static void free_user(sio_socket *socket, const sio_event *event, void *user) {
    sio_client_free(user);
    trace("freed");
}

static void free_posted(void *user) {
    sio_client_free(user);
    trace("freed");
}

/* ---- sharing ---- */

START_TEST(each_is_a_client_of_its_own) {
    sio_socket *a = connect_one(first);
    sio_socket *b = connect_one(second);
    watch(b, "hello");
    trace_clear();
    ck_assert_uint_eq(sio_client_loop_count(loop), 2);
    fake_text("2[\"hello\",1]");
    EXPECT("/ hello [1]");
    ck_assert_int_eq(sio_socket_emitf(a, "a", "i", 1), 0);
    EXPECT("> 2[\"a\",1]");
    fake_cut();
    EXPECT("/ disconnect transport close");
    ck_assert(sio_socket_connected(a));
    ck_assert(!sio_socket_connected(b));
}
END_TEST

START_TEST(what_the_loop_has_the_client_has_not) {
    static const sio_mem mem;
    sio_client *client = NULL;
    sio_client_options o = shared_options();
    o.base = client_base;
    ck_assert_int_eq(sio_client_new(&client, "http://localhost", &o), SIO_ERR_INVALID);
    o = shared_options();
    o.mem = &mem;
    ck_assert_int_eq(sio_client_new(&client, "http://localhost", &o), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_client_run(first), SIO_ERR_UNSUPPORTED);
    ck_assert_int_eq(sio_client_start(first), SIO_ERR_UNSUPPORTED);
    sio_client_stop(first);
    sio_client_loop_options lo = SIO_CLIENT_LOOP_OPTIONS_INIT;
    sio_client_loop *another = NULL;
    lo.size = sizeof(lo) + 1;
    ck_assert_int_eq(sio_client_loop_new(&another, &lo), SIO_ERR_INVALID);
    lo.size = 1;
    ck_assert_int_eq(sio_client_loop_new(&another, &lo), SIO_ERR_INVALID);
    ck_assert_ptr_null(another);
    sio_client_loop_free(NULL);
}
END_TEST

START_TEST(a_cache_tells_loops_apart) {
    sio_client_cache *cache = NULL;
    sio_client_options o = shared_options();
    sio_socket *a = NULL;
    sio_socket *b = NULL;
    sio_socket *c = NULL;
    ck_assert_int_eq(sio_client_cache_new(&cache, NULL), 0);
    ck_assert_int_eq(sio_client_cache_socket(&a, cache, "http://localhost/a", &o, false), 0);
    ck_assert_int_eq(sio_client_cache_socket(&b, cache, "http://localhost/b", &o, false), 0);
    o = client_options();
    ck_assert_int_eq(sio_client_cache_socket(&c, cache, "http://localhost/c", &o, false), 0);
    ck_assert_ptr_eq(sio_socket_client(a), sio_socket_client(b));
    ck_assert_ptr_ne(sio_socket_client(a), sio_socket_client(c));
    sio_client_free(sio_socket_client(a));
    sio_client_free(sio_socket_client(c));
    sio_client_cache_free(cache);
}
END_TEST

/* ---- running ---- */

START_TEST(run_ends_when_every_socket_of_every_client_is_done) {
    ck_assert_int_eq(sio_client_loop_run(loop), 0); /* nobody wants anything */
    fake.accept = true;
    sio_socket *a = client_socket(first, "/");
    sio_socket *b = client_socket(second, "/");
    sio_client_loop_stop(loop);
    ck_assert_int_eq(sio_client_loop_run(loop), 0);
    turn();
    ck_assert(sio_socket_connected(a) && sio_socket_connected(b));
    sio_socket_disconnect(a);
    sio_client_loop_stop(loop);
    ck_assert_int_eq(sio_client_loop_run(loop), 0);
    ck_assert(sio_socket_connected(b));
    sio_socket_disconnect(b);
    ck_assert_int_eq(sio_client_loop_run(loop), 0);
    ck_assert_uint_eq(fake_live(), 0);
}
END_TEST

static void run_inside(void *user) {
    trace("run %s", sio_error_name(sio_client_loop_run(loop)));
    sio_client_loop_stop(loop);
}

START_TEST(run_inside_a_callback_is_refused) {
    client_socket(first, "/");
    trace_clear();
    ck_assert_int_eq(sio_client_post(second, run_inside, NULL, NULL), 0);
    ck_assert_int_eq(sio_client_loop_run(loop), 0);
    EXPECT("run STATE");
}
END_TEST

/* ---- from other threads ---- */

enum { POSTS = 200 };

static unsigned counts[2]; /* of the loop's thread */

static void *run_loop(void *user) {
    ck_assert_int_eq(sio_client_loop_run(user), 0);
    return NULL;
}

static void count_one(void *user) {
    ++*(unsigned *)user;
}

static void count_sent(int status, void *user) {
    count_one(user);
}

static void signal_one(void *user) {
    sem_post(user);
}

static void stop_loop(void *user) {
    sio_client_loop_stop(user);
}

/* What is posted to both of them runs or is dropped exactly once, while one is freed on the way. */
START_TEST(posts_while_another_thread_runs_the_loop) {
    sio_client_loop_options lo = SIO_CLIENT_LOOP_OPTIONS_INIT;
    sio_client_options o = shared_options();
    sio_client *clients[2];
    sio_socket *sockets[2];
    sio_emit_options emit = SIO_EMIT_OPTIONS_INIT;
    pthread_t thread;
    fake.accept = true;
    ck_assert_int_eq(sio_client_loop_new(&o.loop, &lo), 0);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(sio_client_new(&clients[i], "http://localhost", &o), 0);
        sockets[i] = sio_client_socket(clients[i], "/");
        counts[i] = 0;
    }
    ck_assert_int_eq(pthread_create(&thread, NULL, run_loop, o.loop), 0);
    sem_t runs; /* until then the clients are this thread's */
    sem_init(&runs, 0, 0);
    ck_assert_int_eq(sio_client_post(clients[0], signal_one, NULL, &runs), 0);
    sem_wait(&runs);
    emit.on_sent = count_sent;
    for (unsigned n = 0; n < POSTS; n++) {
        for (size_t i = 0; i < 2; i++) {
            emit.user = &counts[i];
            ck_assert_int_eq(sio_client_post(clients[i], count_one, count_one, &counts[i]), 0);
            ck_assert_int_eq(sio_socket_emit(sockets[i], "a", NULL, &emit), 0);
        }
    }
    ck_assert_int_eq(sio_client_post(clients[0], free_posted, NULL, clients[0]), 0);
    ck_assert_int_eq(sio_client_post(clients[1], stop_loop, NULL, o.loop), 0);
    pthread_join(thread, NULL);
    ck_assert_uint_eq(sio_client_loop_count(o.loop), 1);
    sio_client_loop_free(o.loop);
    ck_assert_uint_eq(counts[0], 2 * POSTS);
    ck_assert_uint_eq(counts[1], 2 * POSTS);
}
END_TEST

/* ---- freeing ---- */

START_TEST(one_is_freed_by_the_other_or_by_itself) {
    connect_one(first);
    sio_socket *b = connect_one(second);
    ck_assert_int_eq(sio_socket_on(b, "free", free_user, _i == 0 ? first : second), 0);
    trace_clear();
    fake_text("2[\"free\"]");
    EXPECT("freed");
    ck_assert_uint_eq(sio_client_loop_count(loop), 1);
    turn();
    ck_assert_uint_eq(fake_live(), 1);
}
END_TEST

static void trace_text(void *user) {
    trace("%s", (const char *)user);
}

START_TEST(what_was_posted_outlives_its_client) {
    sio_socket *a = connect_one(first);
    trace_clear();
    ck_assert_int_eq(sio_client_post(first, trace_text, trace_text, tag("of the first")), 0);
    ck_assert_int_eq(sio_client_post(second, trace_text, trace_text, tag("of the second")), 0);
    ck_assert_int_eq(sio_socket_post_emitf(a, "lost", ""), 0);
    sio_client_free(first);
    trace_clear();
    ck_assert_uint_eq(sio_client_loop_count(loop), 1);
    turn();
    EXPECT("of the first", "of the second");
    turn();
}
END_TEST

START_TEST(freed_in_a_post_with_more_of_them_behind) {
    connect_one(first);
    trace_clear();
    ck_assert_int_eq(sio_client_post(first, free_posted, NULL, first), 0);
    ck_assert_int_eq(sio_client_post(first, NULL, trace_text, tag("dropped")), 0);
    turn();
    EXPECT("freed", "dropped");
    ck_assert_uint_eq(fake_live(), 0);
}
END_TEST

START_TEST(the_loop_goes_with_clients_and_posts) {
    sio_socket *a = connect_one(first);
    sio_socket *b = connect_one(second);
    trace_clear();
    ck_assert_int_eq(sio_socket_emit_ackf(b, "a", 0, trace_reply, NULL, ""), 0);
    trace_clear();
    ck_assert_int_eq(sio_socket_post_emitf(a, "a", ""), 0);
    ck_assert_int_eq(sio_client_post(first, NULL, trace_text, tag("dropped")), 0);
    ck_assert_int_eq(sio_client_post(second, NULL, trace_text, tag("dropped too")), 0);
    sio_client_free(first);
    trace_clear();
    sio_client_loop_free(loop);
    EXPECT("ack DISCONNECTED", "dropped", "dropped too");
    loop = NULL;
    ck_assert_uint_eq(fake_live(), 0);
}
END_TEST

static void log_line(const char *scope, const char *text, void *user) {
    ++*(unsigned *)user;
}

START_TEST(the_log_is_the_loops) {
    unsigned lines = 0;
    sio_client_loop_options lo = SIO_CLIENT_LOOP_OPTIONS_INIT;
    lo.base = client_base;
    lo.log = log_line;
    lo.log_user = &lines;
    sio_client_options o = shared_options();
    ck_assert_int_eq(sio_client_loop_new(&o.loop, &lo), 0);
    sio_client *client = NULL;
    ck_assert_int_eq(sio_client_new(&client, "http://localhost", &o), 0);
    client_socket(client, "/");
    fake_cut();
    ck_assert_uint_gt(lines, 0);
    sio_client_loop_free(o.loop);
}
END_TEST

/* ---- without memory ---- */

static int two_lives(const sio_mem *mem, void *arg) {
    sio_client_options o = client_options();
    sio_client *clients[2] = {NULL, NULL};
    o.base = NULL;
    o.loop = loop_make(mem);
    int rc = o.loop ? 0 : -1;
    fake.accept = true;
    for (size_t i = 0; rc == 0 && i < 2; i++) {
        rc = sio_client_new(&clients[i], "http://localhost", &o);
        sio_socket *socket = rc == 0 ? sio_client_socket(clients[i], "/") : NULL;
        turn();
        rc = socket && sio_socket_connected(socket) ? 0 : -1;
    }
    if (rc == 0) {
        rc = sio_client_post(clients[0], trace_text, trace_text, tag("posted"));
        sio_client_free(clients[0]);
        turn();
    }
    sio_client_loop_free(o.loop);
    fake_reset();
    trace_clear();
    return rc;
}

START_TEST(out_of_memory) {
    test_mem_sweep(two_lives, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("client_loop");
    TCase *tc = tcase_create("client_loop");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, each_is_a_client_of_its_own);
    tcase_add_test(tc, what_the_loop_has_the_client_has_not);
    tcase_add_test(tc, a_cache_tells_loops_apart);
    tcase_add_test(tc, run_ends_when_every_socket_of_every_client_is_done);
    tcase_add_test(tc, run_inside_a_callback_is_refused);
    tcase_add_test(tc, posts_while_another_thread_runs_the_loop);
    tcase_add_loop_test(tc, one_is_freed_by_the_other_or_by_itself, 0, 2);
    tcase_add_test(tc, what_was_posted_outlives_its_client);
    tcase_add_test(tc, freed_in_a_post_with_more_of_them_behind);
    tcase_add_test(tc, the_loop_goes_with_clients_and_posts);
    tcase_add_test(tc, the_log_is_the_loops);
    tcase_add_test(tc, out_of_memory);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
