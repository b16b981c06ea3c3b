#include "net_support.h"

#include "stream_internal.h"

#include <sys/wait.h>

/* More than one batch, so that some wait for the next turn. */
enum { MANY = POLLER_BATCH + 50 };

typedef struct many {
    sio_loop *loop;
    sio_stream *streams[MANY];
    int others[MANY];
    unsigned told[MANY];
    unsigned reads;
    unsigned stop_at; /* reads */
    void (*then)(struct many *m, unsigned index);
} many;

typedef struct one {
    many *all;
    unsigned index;
} one;

static one ones[MANY];

static void on_read(void *ctx, uint8_t *data, size_t len) {
    const one *o = ctx;
    ck_assert_ptr_nonnull(o->all->streams[o->index]);
    o->all->told[o->index]++;
    o->all->reads++;
    if (o->all->then) {
        o->all->then(o->all, o->index);
    }
    if (o->all->reads == o->all->stop_at) {
        sio_loop_stop(o->all->loop);
    }
}

static const sio_stream_callbacks callbacks = {.on_read = on_read};

static void many_open(many *m, void (*then)(many *m, unsigned index)) {
    *m = (many){.loop = net_loop(NULL), .then = then};
    for (unsigned i = 0; i < MANY; i++) {
        int fds[2];
        net_pair(fds, SOCK_STREAM);
        ones[i] = (one){m, i};
        m->others[i] = fds[1];
        ck_assert_int_eq(
            sio_stream_adopt(&m->streams[i], m->loop, fds[0], NULL, 0, &callbacks, &ones[i]), 0);
        ck_assert_int_eq(send(fds[1], "x", 1, 0), 1);
    }
}

/* Until there were so many reads; no more come. */
static void many_run(many *m, unsigned reads) {
    m->stop_at = reads;
    net_run(m->loop);
    net_run_for(m->loop, 1);
    ck_assert_uint_eq(m->reads, reads);
}

static void many_close(many *m) {
    for (unsigned i = 0; i < MANY; i++) {
        sio_stream_free(m->streams[i]);
        close(m->others[i]);
    }
    sio_loop_free(m->loop);
}

START_TEST(each_is_told_once_also_beyond_a_batch) {
    static many m;
    many_open(&m, NULL);
    many_run(&m, MANY);
    for (unsigned i = 0; i < MANY; i++) {
        ck_assert_uint_eq(m.told[i], 1);
    }
    many_close(&m);
}
END_TEST

static void free_the_others(many *m, unsigned index) {
    for (unsigned i = 0; i < MANY; i++) {
        if (i != index) {
            sio_stream_free(m->streams[i]);
            m->streams[i] = NULL;
        }
    }
}

/* They are ready in the same turn, and some in the same batch. */
START_TEST(who_is_freed_by_another_is_not_told) {
    static many m;
    many_open(&m, free_the_others);
    many_run(&m, 1);
    many_close(&m);
}
END_TEST

static void pause_the_others(many *m, unsigned index) {
    for (unsigned i = 0; i < MANY; i++) {
        if (i != index) {
            sio_stream_pause(m->streams[i]);
        }
    }
}

START_TEST(who_is_paused_by_another_is_not_told_until_it_resumes) {
    static many m;
    many_open(&m, pause_the_others);
    many_run(&m, 1);
    m.then = NULL;
    for (unsigned i = 0; i < MANY; i++) {
        sio_stream_pause(m.streams[i]); /* and at once again */
        sio_stream_resume(m.streams[i]);
    }
    many_run(&m, MANY);
    many_close(&m);
}
END_TEST

static void replace_the_others(many *m, unsigned index) {
    for (unsigned i = 0; i < MANY; i++) {
        if (i != index) {
            int fds[2];
            sio_stream_free(m->streams[i]);
            close(m->others[i]);
            net_pair(fds, SOCK_STREAM); /* the descriptors that were just closed */
            m->others[i] = fds[1];
            ck_assert_int_eq(
                sio_stream_adopt(&m->streams[i], m->loop, fds[0], NULL, 0, &callbacks, &ones[i]),
                0);
        }
    }
}

START_TEST(a_descriptor_that_is_used_again_is_another_stream) {
    static many m;
    many_open(&m, replace_the_others);
    many_run(&m, 1);
    m.then = NULL;
    for (unsigned i = 0; i < MANY; i++) {
        ck_assert_int_eq(send(m.others[i], "x", 1, 0), 1);
    }
    many_run(&m, 1 + MANY);
    many_close(&m);
}
END_TEST

/* A child process has the descriptor still, so that the kernel does not forget it. */
START_TEST(a_copy_in_another_process_brings_nothing_back) {
    sio_loop *loop = net_loop(NULL);
    int fds[2];
    net_pair(fds, SOCK_STREAM);
    net_peer a = {0};
    net_adopt(&a, loop, fds[0]);
    net_run_for(loop, 1);
    pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    net_peer_free(&a);
    ck_assert_int_eq(send(fds[1], "x", 1, 0), 1);
    net_run_for(loop, 1);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(fds[1]);
    sio_loop_free(loop);
}
END_TEST

START_TEST(what_cannot_be_watched_is_refused) {
    sio_loop *loop = net_loop(NULL);
    sio_stream *stream;
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(sio_stream_adopt(&stream, loop, file, NULL, 0, &callbacks, NULL), SIO_ERR_NET);
    sio_loop_free(loop);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("net_poller");
    TCase *tc = tcase_create("net_poller");
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, each_is_told_once_also_beyond_a_batch);
    tcase_add_test(tc, who_is_freed_by_another_is_not_told);
    tcase_add_test(tc, who_is_paused_by_another_is_not_told_until_it_resumes);
    tcase_add_test(tc, a_descriptor_that_is_used_again_is_another_stream);
    tcase_add_test(tc, a_copy_in_another_process_brings_nothing_back);
    tcase_add_test(tc, what_cannot_be_watched_is_refused);
    return test_run(suite);
}
