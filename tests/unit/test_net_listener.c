#include "net_support.h"

#include "net/listener.h"

#include <errno.h>
#include <event2/event.h>
#include <sys/resource.h>
#include <sys/stat.h>

typedef struct accept_test {
    sio_loop *loop;
    sio_listener *listener;
    sio_stream *streams[256];
    size_t count;
    size_t stop_count;
    bool free_inside;
} accept_test;

static void on_accept(void *ctx, sio_stream *stream) {
    accept_test *t = ctx;
    t->streams[t->count++] = stream;
    if (t->free_inside) {
        sio_listener_free(t->listener);
        t->listener = NULL;
    }
    if (t->count == t->stop_count) {
        sio_loop_stop(t->loop);
    }
}

static void setup(accept_test *t, sio_listener_options options) {
    *t = (accept_test){.loop = net_loop(NULL)};
    options.on_accept = on_accept;
    options.ctx = t;
    int sys = 0;
    ck_assert_msg(sio_listener_new(&t->listener, t->loop, &options, &sys) == 0, "errno %d", sys);
}

static void teardown(accept_test *t) {
    for (size_t i = 0; i < t->count; i++) {
        sio_stream_free(t->streams[i]);
    }
    sio_listener_free(t->listener);
    sio_loop_free(t->loop);
}

static int dial(const sio_address *address) {
    int fd = socket(address->u.any.sa_family, SOCK_STREAM, 0);
    if (fd >= 0 && connect(fd, &address->u.any, address->len) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static void expect_one(accept_test *t, const sio_address *address) {
    int fd = dial(address);
    ck_assert_int_ge(fd, 0);
    t->stop_count = t->count + 1;
    net_run(t->loop);
    close(fd);
}

START_TEST(all_addresses_means_both_families) {
    accept_test t;
    setup(&t, (sio_listener_options){0});
    ck_assert_uint_ne(sio_listener_port(t.listener), 0);
    sio_address address;
    ck_assert_int_eq(sio_address_literal(&address, "127.0.0.1", sio_listener_port(t.listener)), 0);
    expect_one(&t, &address);
    ck_assert_int_eq(sio_listener_address(t.listener, &address), 0);
    if (address.u.any.sa_family == AF_INET6) {
        ck_assert_int_eq(sio_address_literal(&address, "::1", sio_listener_port(t.listener)), 0);
        int probe = dial(&address);
        if (probe >= 0) {
            close(probe);
            t.stop_count = t.count + 1;
            net_run(t.loop);
        }
    }
    teardown(&t);
}
END_TEST

START_TEST(a_taken_port_is_an_error_unless_shared) {
    accept_test a;
    setup(&a, (sio_listener_options){.host = "127.0.0.1", .reuse_port = true});
    sio_listener_options options = {
        .host = "127.0.0.1", .port = sio_listener_port(a.listener), .on_accept = on_accept};
    sio_listener *other;
    int sys = 0;
    ck_assert_int_eq(sio_listener_new(&other, a.loop, &options, &sys), SIO_ERR_LISTEN);
    ck_assert_int_eq(sys, EADDRINUSE);
    options.reuse_port = true;
    ck_assert_int_eq(sio_listener_new(&other, a.loop, &options, &sys), 0);
    sio_listener_free(other);
    options.host = "not.a.number";
    ck_assert_int_eq(sio_listener_new(&other, a.loop, &options, &sys), SIO_ERR_INVALID);
    options.on_accept = NULL;
    ck_assert_int_eq(sio_listener_new(&other, a.loop, &options, &sys), SIO_ERR_INVALID);
    teardown(&a);
}
END_TEST

START_TEST(a_unix_socket_is_made_replaced_and_removed) {
    char dir[] = "/tmp/sio-net-XXXXXX";
    char path[64];
    struct stat st;
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/sock", dir);
    sio_address address;
    ck_assert_int_eq(sio_address_unix(&address, path), 0);
    /* Left behind by somebody who crashed. */
    int stale = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(stale, &address.u.any, address.len), 0);
    close(stale);
    accept_test t;
    setup(&t, (sio_listener_options){.unix_path = path, .unix_mode = 0600});
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    ck_assert_uint_eq(sio_listener_port(t.listener), 0);
    expect_one(&t, &address);
    sio_listener *second;
    sio_listener_options options = {.unix_path = path, .on_accept = on_accept};
    ck_assert_int_eq(sio_listener_new(&second, t.loop, &options, NULL), SIO_ERR_LISTEN);
    teardown(&t);
    ck_assert_int_ne(stat(path, &st), 0);
    rmdir(dir);
}
END_TEST

START_TEST(an_inherited_socket_is_used) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    sio_address address;
    ck_assert_int_eq(sio_address_literal(&address, "127.0.0.1", 0), 0);
    ck_assert_int_eq(bind(fd, &address.u.any, address.len), 0);
    ck_assert_int_eq(listen(fd, 5), 0);
    accept_test t;
    setup(&t, (sio_listener_options){.inherited = true, .fd = fd});
    ck_assert_int_eq(sio_listener_address(t.listener, &address), 0);
    expect_one(&t, &address);
    teardown(&t);
}
END_TEST

START_TEST(it_may_be_paused_and_freed_inside) {
    accept_test t;
    setup(&t, (sio_listener_options){.host = "127.0.0.1"});
    sio_address address;
    ck_assert_int_eq(sio_listener_address(t.listener, &address), 0);
    sio_listener_pause(t.listener);
    int one = dial(&address);
    int two = dial(&address);
    net_run_for(t.loop, 3);
    ck_assert_uint_eq(t.count, 0);
    t.free_inside = true;
    t.stop_count = 1;
    sio_listener_resume(t.listener);
    net_run(t.loop);
    ck_assert_uint_eq(t.count, 1);
    close(one);
    close(two);
    teardown(&t);
}
END_TEST

START_TEST(a_storm_is_taken_in_portions) {
    accept_test t;
    setup(&t, (sio_listener_options){.host = "127.0.0.1"});
    sio_address address;
    int fds[150];
    ck_assert_int_eq(sio_listener_address(t.listener, &address), 0);
    for (size_t i = 0; i < 150; i++) {
        fds[i] = dial(&address);
        ck_assert_int_ge(fds[i], 0);
    }
    t.stop_count = 1; /* the loop stops at the end of the turn */
    net_run(t.loop);
    ck_assert_uint_eq(t.count, 64);
    t.stop_count = 150;
    net_run(t.loop);
    for (size_t i = 0; i < 150; i++) {
        close(fds[i]);
    }
    teardown(&t);
}
END_TEST

static void note_end(void *ended) {
    *(bool *)ended = true;
}

/* How often the loop woke up in that time. */
static unsigned turns_in(sio_loop *loop, uint64_t ms) {
    sio_timer timer;
    bool ended = false;
    unsigned turns = 0;
    ck_assert_int_eq(sio_timer_init(&timer, loop, note_end, &ended), 0);
    sio_timer_start(&timer, ms);
    while (!ended) {
        event_base_loop(sio_loop_base(loop), EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY);
        turns++;
    }
    sio_timer_done(&timer);
    return turns;
}

START_TEST(out_of_descriptors_it_rests_and_recovers) {
    accept_test t;
    setup(&t, (sio_listener_options){.host = "127.0.0.1"});
    sio_address address;
    ck_assert_int_eq(sio_listener_address(t.listener, &address), 0);
    int waiting = dial(&address);
    ck_assert_int_ge(waiting, 0);
    int filler[64];
    size_t fillers = 0;
    int highest = dup(0);
    struct rlimit limit = {.rlim_cur = (rlim_t)highest + 3, .rlim_max = (rlim_t)highest + 3};
    struct rlimit before;
    getrlimit(RLIMIT_NOFILE, &before);
    limit.rlim_max = before.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    int fd;
    while ((fd = dup(0)) >= 0) {
        filler[fillers++] = fd;
    }
    unsigned turns = turns_in(t.loop, 400);
    ck_assert_uint_eq(t.count, 0);
    ck_assert_uint_lt(turns, 50); /* a busy loop comes to thousands, under valgrind as well */
    for (size_t i = 0; i < fillers; i++) {
        close(filler[i]);
    }
    setrlimit(RLIMIT_NOFILE, &before);
    /* Valgrind emulates the limit by closing what was accepted beyond it: then only this one is
     * left to be accepted. */
    int late = dial(&address);
    t.stop_count = 1;
    net_run(t.loop);
    ck_assert_uint_ge(t.count, 1);
    close(late);
    close(waiting);
    close(highest);
    teardown(&t);
}
END_TEST

static int listen_scenario(const sio_mem *mem, void *arg) {
    sio_loop *loop;
    sio_listener *listener = NULL;
    int rc = sio_loop_new(&loop, &(sio_loop_options){.mem = mem});
    if (rc != 0) {
        return rc;
    }
    sio_listener_options options = {.host = "127.0.0.1", .on_accept = on_accept};
    rc = sio_listener_new(&listener, loop, &options, NULL);
    sio_listener_free(listener);
    sio_loop_free(loop);
    return rc;
}

START_TEST(no_allocation_is_taken_for_granted) {
    test_mem_sweep(listen_scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("net_listener");
    TCase *tc = tcase_create("net_listener");
    tcase_set_timeout(tc, 30);
    tcase_add_test(tc, all_addresses_means_both_families);
    tcase_add_test(tc, a_taken_port_is_an_error_unless_shared);
    tcase_add_test(tc, a_unix_socket_is_made_replaced_and_removed);
    tcase_add_test(tc, an_inherited_socket_is_used);
    tcase_add_test(tc, it_may_be_paused_and_freed_inside);
    tcase_add_test(tc, a_storm_is_taken_in_portions);
    tcase_add_test(tc, out_of_descriptors_it_rests_and_recovers);
    tcase_add_test(tc, no_allocation_is_taken_for_granted);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
