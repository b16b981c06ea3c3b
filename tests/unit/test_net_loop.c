#include "loop_internal.h"
#include "net_support.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>

/* -- posts -- */

enum { THREADS = 8, POSTS = 2000 };

typedef struct post_test {
    sio_loop *loop;
    unsigned next[THREADS]; /* the number expected from each thread */
    unsigned total;
} post_test;

typedef struct numbered {
    post_test *test;
    unsigned thread;
    unsigned number;
} numbered;

static void on_numbered(void *arg, bool cancelled) {
    numbered *n = arg;
    post_test *test = n->test;
    ck_assert(!cancelled);
    ck_assert(sio_loop_in_thread(test->loop));
    ck_assert_uint_eq(n->number, test->next[n->thread]++);
    free(n);
    if (++test->total == THREADS * POSTS) {
        sio_loop_stop(test->loop);
    }
}

typedef struct poster {
    pthread_t thread;
    post_test *test;
    unsigned index;
    atomic_uint foreign;
} poster;

static void *post_many(void *arg) {
    poster *p = arg;
    p->foreign += !sio_loop_in_thread(p->test->loop);
    for (unsigned i = 0; i < POSTS; i++) {
        numbered *n = malloc(sizeof *n);
        *n = (numbered){p->test, p->index, i};
        if (sio_loop_post(p->test->loop, on_numbered, n) != 0) {
            abort();
        }
    }
    return NULL;
}

START_TEST(posts_of_many_threads_arrive_once_and_in_order) {
    post_test test = {.loop = net_loop(NULL)};
    poster posters[THREADS] = {0};
    for (unsigned i = 0; i < THREADS; i++) {
        posters[i].test = &test;
        posters[i].index = i;
        ck_assert_int_eq(pthread_create(&posters[i].thread, NULL, post_many, &posters[i]), 0);
    }
    net_run(test.loop);
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(posters[i].thread, NULL);
        ck_assert_uint_eq(posters[i].foreign, 1);
    }
    ck_assert_uint_eq(test.total, THREADS * POSTS);
    sio_loop_free(test.loop);
}
END_TEST

static void count_cancelled(void *arg, bool cancelled) {
    *(unsigned *)arg += cancelled ? 1 : 100;
}

START_TEST(posts_that_did_not_run_are_cancelled_when_the_loop_goes) {
    test_mem t;
    test_mem_init(&t);
    sio_loop *loop = net_loop(&t.mem);
    unsigned count = 0;
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(sio_loop_post(loop, count_cancelled, &count), 0);
    }
    sio_loop_free(loop);
    ck_assert_uint_eq(count, 3);
    ck_assert_uint_eq(t.live, 0);
}
END_TEST

static void *stop_from_thread(void *arg) {
    sio_loop_stop(arg);
    return NULL;
}

START_TEST(another_thread_can_stop_it_before_or_while_it_runs) {
    sio_loop *loop = net_loop(NULL);
    sio_loop_stop(loop);
    net_run(loop);
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, stop_from_thread, loop), 0);
    net_run(loop);
    pthread_join(thread, NULL);
    sio_loop_free(loop);
}
END_TEST

/* -- deferred work -- */

typedef struct note {
    char *log;
    char mark;
    sio_loop *loop;
    sio_task task;
    struct note *then;
} note;

static void on_note(void *ctx) {
    note *n = ctx;
    size_t len = strlen(n->log);
    n->log[len] = n->mark;
    n->log[len + 1] = '\0';
    if (n->then) {
        sio_loop_defer(n->loop, &n->then->task);
    }
}

static note make_note(char *log, char mark, sio_loop *loop) {
    return (note){.log = log, .mark = mark, .loop = loop};
}

typedef struct defer_test {
    note a, b, c, d;
    sio_loop *loop;
} defer_test;

static void defer_some(void *arg, bool cancelled) {
    defer_test *t = arg;
    sio_loop_defer(t->loop, &t->a.task);
    sio_loop_defer(t->loop, &t->b.task);
    sio_loop_defer(t->loop, &t->a.task);
    sio_loop_defer(t->loop, &t->d.task);
    sio_task_cancel(&t->d.task);
}

static void mark_io(void *arg, bool cancelled) {
    defer_test *t = arg;
    size_t len = strlen(t->a.log);
    memcpy(t->a.log + len, "!", 2);
    sio_loop_stop(t->loop);
}

START_TEST(deferred_work_runs_in_order_and_before_anything_else) {
    char log[32] = "";
    sio_loop *loop = net_loop(NULL);
    defer_test t = {.a = make_note(log, 'a', loop),
                    .b = make_note(log, 'b', loop),
                    .c = make_note(log, 'c', loop),
                    .d = make_note(log, 'd', loop),
                    .loop = loop};
    note *all[] = {&t.a, &t.b, &t.c, &t.d};
    for (size_t i = 0; i < 4; i++) {
        sio_task_init(&all[i]->task, on_note, all[i]);
    }
    t.a.then = &t.c;
    ck_assert_int_eq(sio_loop_post(loop, defer_some, &t), 0);
    ck_assert_int_eq(sio_loop_post(loop, mark_io, &t), 0);
    net_run(loop);
    ck_assert_str_eq(log, "abc!");
    /* From outside of callbacks: in the next turn. */
    log[0] = '\0';
    sio_loop_defer(loop, &t.b.task);
    ck_assert_str_eq(log, "");
    net_run_for(loop, 0);
    ck_assert_str_eq(log, "b");
    sio_loop_free(loop);
}
END_TEST

/* -- borrowed bases -- */

static void break_base(void *arg, bool cancelled) {
    event_base_loopbreak(arg);
}

static void count_up(void *arg, bool cancelled) {
    ++*(unsigned *)arg;
}

START_TEST(several_loops_share_a_borrowed_base) {
    struct event_base *base = event_base_new();
    sio_loop *loops[3];
    unsigned count = 0;
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(sio_loop_new(&loops[i], &(sio_loop_options){.base = base}), 0);
        ck_assert_ptr_eq(sio_loop_base(loops[i]), base);
        ck_assert_int_eq(sio_loop_post(loops[i], count_up, &count), 0);
    }
    /* The owner runs it. */
    while (count < 3) {
        event_base_loop(base, EVLOOP_ONCE);
    }
    /* One of the loops does, until it is stopped, or the base is. */
    ck_assert_int_eq(sio_loop_post(loops[1], count_up, &count), 0);
    net_run_for(loops[0], 1);
    ck_assert_uint_eq(count, 4);
    ck_assert_int_eq(sio_loop_post(loops[2], break_base, base), 0);
    net_run(loops[0]);
    for (int i = 0; i < 3; i++) {
        sio_loop_free(loops[i]);
    }
    event_base_free(base);
}
END_TEST

static void run_inside(void *arg, bool cancelled) {
    ck_assert_int_eq(sio_loop_run(arg), SIO_ERR_STATE);
    sio_loop_stop(arg);
}

START_TEST(it_does_not_run_inside_itself) {
    sio_loop *loop = net_loop(NULL);
    ck_assert_int_eq(sio_loop_post(loop, run_inside, loop), 0);
    net_run(loop);
    sio_loop_free(loop);
}
END_TEST

static int loop_scenario(const sio_mem *mem, void *arg) {
    sio_loop *loop;
    unsigned count = 0;
    int rc = sio_loop_new(&loop, &(sio_loop_options){.mem = mem});
    if (rc != 0) {
        return rc;
    }
    rc = sio_loop_post(loop, count_up, &count);
    sio_loop_stop(loop);
    (void)sio_loop_run(loop);
    sio_loop_free(loop);
    return rc;
}

START_TEST(no_allocation_is_taken_for_granted) {
    test_mem_sweep(loop_scenario, NULL);
}
END_TEST

/* A block that is given back stays for the next message, and goes when none comes. The time is not
 * waited for: the timer's function is called. */
START_TEST(memory_of_messages_goes_when_idle) {
    test_mem counter;
    test_mem_init(&counter);
    sio_loop *loop = net_loop(&counter.mem);
    const sio_mem *mem = sio_loop_message_mem(loop);
    size_t idle = counter.live_size;
    ck_assert(!sio_timer_running(&loop->buffers_timer));
    sio_mem_release(mem, sio_mem_alloc(mem, 70000));
    ck_assert_uint_ge(counter.live_size, idle + 70000);
    for (int i = 0; i < 2; i++) {
        ck_assert(sio_timer_running(&loop->buffers_timer));
        sio_timer_stop(&loop->buffers_timer);
        loop->buffers_timer.fn(loop->buffers_timer.ctx);
    }
    ck_assert(!sio_timer_running(&loop->buffers_timer));
    ck_assert_uint_eq(counter.live_size, idle);
    sio_mem_release(mem, sio_mem_alloc(mem, 70000));
    sio_loop_free(loop);
    ck_assert_uint_eq(counter.live, 0);
}
END_TEST

/* Its thread may have ended, and another one have got the id. */
START_TEST(a_loop_that_does_not_run_keeps_no_memory) {
    sio_loop *loop = net_loop(NULL);
    const sio_mem *mem = sio_loop_message_mem(loop);
    sio_mem_release(mem, sio_mem_alloc(mem, 100000));
    size_t kept = sio_buffer_pool_kept(loop->buffers);
    ck_assert_uint_ge(kept, 100000);
    void *block = sio_mem_alloc(mem, 100000);
    ck_assert_uint_eq(sio_buffer_pool_kept(loop->buffers), 0);
    sio_loop_stop(loop);
    ck_assert_int_eq(sio_loop_run(loop), 0);
    sio_mem_release(mem, block);
    ck_assert_uint_eq(sio_buffer_pool_kept(loop->buffers), 0);
    sio_loop_enter(loop);
    sio_mem_release(mem, sio_mem_alloc(mem, 100000));
    sio_loop_leave(loop);
    ck_assert_uint_eq(sio_buffer_pool_kept(loop->buffers), kept);
    sio_loop_free(loop);
}
END_TEST

START_TEST(no_descriptor_is_left_open) {
    int before = dup(0);
    close(before);
    for (int i = 0; i < 10; i++) {
        sio_loop_free(net_loop(NULL));
    }
    int after = dup(0);
    close(after);
    ck_assert_int_eq(before, after);
    sio_loop_free(NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("net_loop");
    TCase *tc = tcase_create("net_loop");
    tcase_set_timeout(tc, 30);
    tcase_add_test(tc, posts_of_many_threads_arrive_once_and_in_order);
    tcase_add_test(tc, posts_that_did_not_run_are_cancelled_when_the_loop_goes);
    tcase_add_test(tc, another_thread_can_stop_it_before_or_while_it_runs);
    tcase_add_test(tc, deferred_work_runs_in_order_and_before_anything_else);
    tcase_add_test(tc, several_loops_share_a_borrowed_base);
    tcase_add_test(tc, it_does_not_run_inside_itself);
    tcase_add_test(tc, no_allocation_is_taken_for_granted);
    tcase_add_test(tc, memory_of_messages_goes_when_idle);
    tcase_add_test(tc, a_loop_that_does_not_run_keeps_no_memory);
    tcase_add_test(tc, no_descriptor_is_left_open);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
