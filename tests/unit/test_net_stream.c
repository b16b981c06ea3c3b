#include "net_support.h"

#include "stream_internal.h"

#include <errno.h>
#include <malloc.h>
#include <sys/resource.h>

static void fill(uint8_t *data, size_t len) {
    for (size_t i = 0; i < len; i++) {
        data[i] = (uint8_t)(i * 7 + i / 251);
    }
}

START_TEST(echoes_over_a_socket_pair) {
    sio_loop *loop = net_loop(NULL);
    int fds[2];
    net_pair(fds, SOCK_STREAM);
    net_peer a = {.stop_len = 300000};
    net_peer b = {.echo = true};
    net_adopt(&a, loop, fds[0]);
    net_adopt(&b, loop, fds[1]);
    static uint8_t data[300000];
    fill(data, sizeof data);
    ck_assert_int_eq(sio_stream_write(a.stream, data, sizeof data), 0);
    net_run(loop);
    ck_assert_uint_eq(a.len, sizeof data);
    ck_assert_mem_eq(a.bytes, data, sizeof data);
    ck_assert_uint_eq(sio_stream_queued(a.stream), 0);
    ck_assert_uint_ge(a.drains, 1);
    net_peer_free(&a);
    net_peer_free(&b);
    ck_assert_uint_eq(sio_loop_stream_count(loop), 0);
    sio_loop_free(loop);
}
END_TEST

/* On a socket that keeps the bounds of messages, each send is one: they can be counted. */
static ssize_t next_packet(int fd, char *out, size_t room) {
    return recv(fd, out, room, MSG_DONTWAIT);
}

static void count_release(void *owner) {
    ++*(unsigned *)owner;
}

START_TEST(references_are_released_once_when_sent_refused_or_dropped) {
    static uint8_t big[100000];
    unsigned released = 0;
    sio_loop *loop = net_loop(NULL);
    int fds[2];
    net_pair(fds, SOCK_STREAM);
    net_peer a = {.stop_drain = true};
    net_peer b = {0};
    net_adopt(&a, loop, fds[0]);
    net_adopt(&b, loop, fds[1]);
    fill(big, sizeof big);
    ck_assert_int_eq(sio_stream_write(a.stream, "h", 1), 0);
    ck_assert_int_eq(sio_stream_write_ref(a.stream, big, 100, count_release, &released), 0);
    ck_assert_uint_eq(released, 1); /* short behind a copy: copied */
    ck_assert_int_eq(sio_stream_write_ref(a.stream, big, sizeof big, count_release, &released), 0);
    ck_assert_uint_eq(released, 1);
    net_run(loop);
    ck_assert_uint_eq(released, 2);
    ck_assert_int_eq(sio_stream_write_ref(a.stream, big, sizeof big, count_release, &released), 0);
    net_peer_free(&a);
    ck_assert_uint_eq(released, 3);
    net_peer_free(&b);
    sio_loop_free(loop);
}
END_TEST

START_TEST(room_is_written_in_place) {
    sio_loop *loop = net_loop(NULL);
    int fds[2];
    net_pair(fds, SOCK_SEQPACKET);
    net_peer a = {.stop_drain = true};
    net_adopt(&a, loop, fds[0]);
    uint8_t *room = sio_stream_room(a.stream, SIO_STREAM_ROOM_MAX);
    memcpy(room, "hello", 5);
    sio_stream_commit(a.stream, 5);
    room = sio_stream_room(a.stream, 100);
    sio_stream_commit(a.stream, 0);
    ck_assert_uint_eq(sio_stream_queued(a.stream), 5);
    ck_assert_ptr_null(sio_stream_room(a.stream, SIO_STREAM_ROOM_MAX + 1));
    net_run(loop);
    char got[64];
    ck_assert_int_eq(next_packet(fds[1], got, sizeof got), 5);
    room = sio_stream_room(a.stream, 100);
    ck_assert_ptr_nonnull(room);
    sio_stream_commit(a.stream, 0);
    ck_assert_ptr_null(a.stream->wire.head); /* nothing is held for nothing */
    net_peer_free(&a);
    close(fds[1]);
    sio_loop_free(loop);
}
END_TEST

/* -- errors and ends -- */

START_TEST(close_sends_all_and_waits_for_the_peers_end) {
    sio_loop *loop = net_loop(NULL);
    int fds[2];
    net_pair(fds, SOCK_STREAM);
    static uint8_t data[500000];
    fill(data, sizeof data);
    net_peer a = {0};
    net_peer b = {.stop_eof = true};
    net_adopt(&a, loop, fds[0]);
    net_adopt(&b, loop, fds[1]);
    ck_assert_int_eq(sio_stream_write(a.stream, data, sizeof data), 0);
    ck_assert_int_eq(sio_stream_write(b.stream, "unheard", 7), 0);
    sio_stream_close(a.stream, 10000);
    a.stream = NULL;
    net_run(loop);
    ck_assert_uint_eq(b.len, sizeof data);
    ck_assert_mem_eq(b.bytes, data, sizeof data);
    ck_assert_uint_eq(sio_loop_stream_count(loop), 2);
    net_peer_free(&b);
    net_run_for(loop, 1);
    ck_assert_uint_eq(sio_loop_stream_count(loop), 0);
    ck_assert_uint_eq(a.eofs + a.errors + a.reads, 0);
    net_peer_free(&a);
    sio_loop_free(loop);
}
END_TEST

START_TEST(lingering_is_bounded_and_the_loop_may_go_first) {
    sio_loop *loop = net_loop(NULL);
    int fds[2];
    int more[2];
    net_pair(fds, SOCK_STREAM);
    net_pair(more, SOCK_STREAM);
    net_peer a = {0};
    net_peer b = {0};
    net_adopt(&a, loop, fds[0]);
    net_adopt(&b, loop, more[0]);
    sio_stream_close(a.stream, 2);
    sio_stream_close(b.stream, 1000000);
    net_run_for(loop, 20);
    ck_assert_uint_eq(sio_loop_stream_count(loop), 1);
    sio_loop_free(loop);
    close(fds[1]);
    close(more[1]);
}
END_TEST

START_TEST(detach_hands_over_the_descriptor) {
    sio_loop *loop = net_loop(NULL);
    int fds[2];
    net_pair(fds, SOCK_STREAM);
    net_peer a = {0};
    int fd = -1;
    net_adopt(&a, loop, fds[0]);
    ck_assert_int_eq(sio_stream_write(a.stream, "x", 1), 0);
    ck_assert_int_eq(sio_stream_detach(&fd, a.stream), SIO_ERR_STATE);
    net_run_for(loop, 1);
    ck_assert_int_eq(sio_stream_detach(&fd, a.stream), 0);
    ck_assert_int_eq(fd, fds[0]);
    ck_assert_int_eq(send(fd, "y", 1, 0), 1);
    close(fd);
    close(fds[1]);
    sio_loop_free(loop);
}
END_TEST

/* -- ending inside every callback -- */

enum { END_FREE, END_ABORT, END_CLOSE, ENDINGS };
enum { IN_READ, IN_EOF, IN_ERROR, IN_DRAIN, IN_ROOM, IN_TASK, PLACES };

typedef struct ender {
    sio_loop *loop;
    sio_stream *stream;
    sio_task task;
    int how;
    int where;
    unsigned after;
    bool ended;
} ender;

static void end_at(ender *e, int where) {
    if (e->ended) {
        e->after++;
        return;
    }
    if (e->where != where) {
        return;
    }
    e->ended = true;
    switch (e->how) {
    case END_FREE:
        sio_stream_free(e->stream);
        break;
    case END_ABORT:
        sio_stream_abort(e->stream);
        break;
    default:
        sio_stream_close(e->stream, 5);
        break;
    }
}

static void end_task(void *ctx) {
    end_at(ctx, IN_TASK);
}

static void end_read(void *ctx, uint8_t *data, size_t len) {
    ender *e = ctx;
    sio_loop_defer(e->loop, &e->task);
    (void)sio_stream_write(e->stream, "answer", 6);
    end_at(e, IN_READ);
}

static void end_eof(void *ctx) {
    end_at(ctx, IN_EOF);
}

static void end_error(void *ctx, const sio_stream_error *error) {
    end_at(ctx, IN_ERROR);
}

static void end_drain(void *ctx) {
    end_at(ctx, IN_DRAIN);
}

static uint8_t *end_room(void *ctx, size_t *len) {
    end_at(ctx, IN_ROOM);
    return NULL;
}

START_TEST(every_ending_is_legal_in_every_callback) {
    static const sio_stream_callbacks callbacks = {
        .on_read = end_read,
        .on_eof = end_eof,
        .on_error = end_error,
        .on_drain = end_drain,
        .want_room = end_room,
    };
    sio_loop *loop = net_loop(NULL);
    int fds[2];
    net_pair(fds, SOCK_STREAM);
    ender e = {.loop = loop, .how = _i % ENDINGS, .where = _i / ENDINGS};
    sio_task_init(&e.task, end_task, &e);
    ck_assert_int_eq(sio_stream_adopt(&e.stream, loop, fds[0], NULL, 0, &callbacks, &e), 0);
    ck_assert_int_eq(send(fds[1], "question", 8, 0), 8);
    net_run_for(loop, 2);
    close(fds[1]); /* with the answer unread: a reset for the stream */
    net_run_for(loop, 10);
    if (!e.ended) {
        sio_stream_free(e.stream);
    } else {
        /* The task was queued before the stream ended and is none of its callbacks. */
        ck_assert_uint_le(e.after, e.where == IN_READ ? 1 : 0);
    }
    sio_task_cancel(&e.task);
    ck_assert_uint_eq(sio_loop_stream_count(loop), 0);
    sio_loop_free(loop);
}
END_TEST

/* -- memory -- */

/* Half the pairs' ends are streams: 5000 of them, then the mean cost of one. */
START_TEST(an_idle_stream_is_small) {
    enum { COUNT = 5000 };
    static int others[COUNT];
    static sio_stream *streams[COUNT];
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    size_t count = COUNT;
    if (limit.rlim_cur < 2 * COUNT + 100) {
        count = (limit.rlim_cur - 100) / 2;
    }
    test_mem t;
    test_mem_init(&t);
    sio_loop *loop = net_loop(&t.mem);
    size_t before = t.live_size;
    for (size_t i = 0; i < count; i++) {
        int fds[2];
        net_pair(fds, SOCK_STREAM);
        others[i] = fds[1];
        ck_assert_int_eq(
            sio_stream_adopt(&streams[i], loop, fds[0], NULL, 0, &net_peer_callbacks, NULL), 0);
    }
    size_t each = (t.live_size - before) / count;
    ck_assert_uint_le(each, 120);
    sio_stream_set_callbacks(streams[0], NULL, NULL);
    ck_assert_int_eq(send(others[0], "x", 1, 0), 1);
    ck_assert_int_eq(sio_stream_write(streams[0], "y", 1), 0);
    net_run_for(loop, 1);
    ck_assert_ptr_null(streams[0]->wire.head);
    for (size_t i = 0; i < count; i++) {
        sio_stream_free(streams[i]);
        close(others[i]);
    }
    sio_loop_free(loop);
    ck_assert_uint_eq(t.live, 0);
}
END_TEST

static int stream_scenario(const sio_mem *mem, void *arg) {
    sio_loop *loop;
    int fds[2];
    static uint8_t big[50000];
    unsigned released = 0;
    int rc = sio_loop_new(&loop, &(sio_loop_options){.mem = mem});
    if (rc != 0) {
        return rc;
    }
    net_pair(fds, SOCK_STREAM);
    sio_stream *stream;
    rc = sio_stream_adopt(&stream, loop, fds[0], NULL, 0, NULL, NULL);
    if (rc == 0) {
        rc = sio_stream_write(stream, big, 100);
        if (rc == 0) {
            rc = sio_stream_write(stream, big, sizeof big);
        }
        int ref = sio_stream_write_ref(stream, big, sizeof big, count_release, &released);
        rc = rc != 0 ? rc : ref;
        sio_stream_close(stream, 1000);
    }
    sio_loop_stop(loop);
    (void)sio_loop_run(loop);
    sio_loop_free(loop);
    if (rc == 0) {
        ck_assert_uint_eq(released, 1);
    }
    close(fds[1]);
    return rc;
}

START_TEST(no_allocation_is_taken_for_granted) {
    test_mem_sweep(stream_scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("net_stream");
    TCase *tc = tcase_create("net_stream");
    tcase_set_timeout(tc, 30);
    tcase_add_test(tc, echoes_over_a_socket_pair);
    tcase_add_test(tc, references_are_released_once_when_sent_refused_or_dropped);
    tcase_add_test(tc, room_is_written_in_place);
    tcase_add_test(tc, close_sends_all_and_waits_for_the_peers_end);
    tcase_add_test(tc, lingering_is_bounded_and_the_loop_may_go_first);
    tcase_add_test(tc, detach_hands_over_the_descriptor);
    tcase_add_loop_test(tc, every_ending_is_legal_in_every_callback, 0, ENDINGS * PLACES);
    tcase_add_test(tc, an_idle_stream_is_small);
    tcase_add_test(tc, no_allocation_is_taken_for_granted);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
