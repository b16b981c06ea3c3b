#include "net_support.h"

static void fill(uint8_t *data, size_t len) {
    for (size_t i = 0; i < len; i++) {
        data[i] = (uint8_t)(i * 7 + i / 251);
    }
}

/* On a socket that keeps the bounds of messages, each send is one: they can be counted. */
static ssize_t next_packet(int fd, char *out, size_t room) {
    return recv(fd, out, room, MSG_DONTWAIT);
}

START_TEST(many_writes_leave_in_one_send_at_the_end_of_the_turn) {
    sio_loop *loop = net_loop(NULL);
    int fds[2];
    net_pair(fds, SOCK_SEQPACKET);
    net_peer a = {.stop_drain = true};
    net_adopt(&a, loop, fds[0]);
    for (int i = 0; i < 1000; i++) {
        ck_assert_int_eq(sio_stream_write(a.stream, "0123456789", 10), 0);
    }
    ck_assert_uint_eq(sio_stream_queued(a.stream), 10000);
    net_run(loop);
    char got[20000];
    ck_assert_int_eq(next_packet(fds[1], got, sizeof got), 10000);
    ck_assert_int_lt(next_packet(fds[1], got, sizeof got), 0);
    ck_assert_uint_eq(a.drains, 1);
    net_peer_free(&a);
    close(fds[1]);
    sio_loop_free(loop);
}
END_TEST

/* A reader that writes in pieces, and defers more: all is one send. */
typedef struct chatty {
    net_peer peer;
    sio_task task;
} chatty;

static void chatty_task(void *ctx) {
    chatty *c = ctx;
    ck_assert_int_eq(sio_stream_write(c->peer.stream, "deferred", 8), 0);
}

static void chatty_read(void *ctx, uint8_t *data, size_t len) {
    chatty *c = ctx;
    ck_assert_int_eq(sio_stream_write(c->peer.stream, "one ", 4), 0);
    sio_loop_defer(sio_stream_loop(c->peer.stream), &c->task);
    ck_assert_int_eq(sio_stream_write(c->peer.stream, "two ", 4), 0);
}

static void chatty_drain(void *ctx) {
    chatty *c = ctx;
    sio_loop_stop(sio_stream_loop(c->peer.stream));
}

START_TEST(a_reader_and_what_it_defers_answer_in_one_send) {
    static const sio_stream_callbacks callbacks = {.on_read = chatty_read,
                                                   .on_drain = chatty_drain};
    sio_loop *loop = net_loop(NULL);
    int fds[2];
    net_pair(fds, SOCK_SEQPACKET);
    chatty c = {0};
    sio_task_init(&c.task, chatty_task, &c);
    ck_assert_int_eq(sio_stream_adopt(&c.peer.stream, loop, fds[0], NULL, 0, &callbacks, &c), 0);
    ck_assert_int_eq(send(fds[1], "x", 1, 0), 1);
    net_run(loop);
    char got[64];
    ck_assert_int_eq(next_packet(fds[1], got, sizeof got), 16);
    ck_assert_mem_eq(got, "one two deferred", 16);
    sio_stream_free(c.peer.stream);
    close(fds[1]);
    sio_loop_free(loop);
}
END_TEST

START_TEST(nothing_is_read_while_paused) {
    sio_loop *loop = net_loop(NULL);
    int fds[2];
    net_pair(fds, SOCK_STREAM);
    net_peer a = {.stop_eof = true};
    net_adopt(&a, loop, fds[0]);
    sio_stream_pause(a.stream);
    ck_assert_int_eq(send(fds[1], "later", 5, 0), 5);
    close(fds[1]);
    net_run_for(loop, 5);
    ck_assert_uint_eq(a.len, 0);
    ck_assert_uint_eq(a.eofs, 0);
    sio_stream_resume(a.stream);
    net_run(loop);
    ck_assert_uint_eq(a.len, 5);
    ck_assert_uint_eq(a.eofs, 1);
    net_peer_free(&a);
    sio_loop_free(loop);
}
END_TEST

typedef struct roomy {
    sio_loop *loop;
    uint8_t own[64];
    unsigned asked;
    size_t got;
} roomy;

static uint8_t *roomy_room(void *ctx, size_t *len) {
    roomy *r = ctx;
    r->asked++;
    *len = sizeof r->own - r->got;
    return *len > 0 ? r->own + r->got : NULL;
}

static void roomy_read(void *ctx, uint8_t *data, size_t len) {
    roomy *r = ctx;
    if (r->got < sizeof r->own) {
        ck_assert_ptr_eq(data, r->own + r->got);
    }
    r->got += len;
    if (r->got == 100) {
        sio_loop_stop(r->loop);
    }
}

START_TEST(a_reader_may_bring_its_own_buffer) {
    static const sio_stream_callbacks callbacks = {.on_read = roomy_read, .want_room = roomy_room};
    sio_loop *loop = net_loop(NULL);
    int fds[2];
    net_pair(fds, SOCK_STREAM);
    uint8_t data[100];
    fill(data, sizeof data);
    roomy r = {.loop = loop};
    sio_stream *stream;
    ck_assert_int_eq(sio_stream_adopt(&stream, loop, fds[0], NULL, 0, &callbacks, &r), 0);
    ck_assert_int_eq(send(fds[1], data, sizeof data, 0), sizeof data);
    net_run(loop);
    ck_assert_mem_eq(r.own, data, sizeof r.own);
    ck_assert_uint_eq(r.asked, 2);
    sio_stream_free(stream);
    close(fds[1]);
    sio_loop_free(loop);
}
END_TEST

START_TEST(the_other_direction_works_after_the_peers_end) {
    sio_loop *loop = net_loop(NULL);
    int fds[2];
    net_pair(fds, SOCK_STREAM);
    net_peer a = {.stop_eof = true, .stop_drain = true};
    net_adopt(&a, loop, fds[0]);
    shutdown(fds[1], SHUT_WR);
    net_run(loop);
    ck_assert_uint_eq(a.eofs, 1);
    ck_assert_int_eq(sio_stream_write(a.stream, "still", 5), 0);
    net_run(loop);
    char got[16];
    ck_assert_int_eq(next_packet(fds[1], got, sizeof got), 5);
    net_peer_free(&a);
    close(fds[1]);
    sio_loop_free(loop);
}
END_TEST

typedef struct endless {
    sio_stream *stream;
    unsigned drains;
} endless;

static void endless_drain(void *ctx) {
    endless *e = ctx;
    e->drains++;
    (void)sio_stream_write(e->stream, "again", 5);
}

static void swallow(void *ctx, uint8_t *data, size_t len) {
}

static void stop_post(void *arg, bool cancelled) {
    sio_loop_stop(arg);
}

START_TEST(a_writer_that_never_stops_leaves_others_their_turn) {
    static const sio_stream_callbacks writer = {.on_drain = endless_drain};
    static const sio_stream_callbacks reader = {.on_read = swallow};
    sio_loop *loop = net_loop(NULL);
    int fds[2];
    net_pair(fds, SOCK_STREAM);
    endless e = {0};
    sio_stream *other;
    ck_assert_int_eq(sio_stream_adopt(&e.stream, loop, fds[0], NULL, 0, &writer, &e), 0);
    ck_assert_int_eq(sio_stream_adopt(&other, loop, fds[1], NULL, 0, &reader, NULL), 0);
    (void)sio_stream_write(e.stream, "go", 2);
    for (unsigned turn = 1; turn <= 3; turn++) {
        ck_assert_int_eq(sio_loop_post(loop, stop_post, loop), 0);
        net_run(loop); /* one turn */
        ck_assert_uint_le(e.drains, turn);
    }
    net_run_for(loop, 5);
    ck_assert_uint_gt(e.drains, 3);
    sio_stream_free(e.stream);
    sio_stream_free(other);
    sio_loop_free(loop);
}
END_TEST

/* ---- the low mark ---- */

static unsigned lows, low_drains;

static void low_on_low(void *ctx) {
    sio_stream *const *stream = ctx;
    lows++;
    ck_assert_uint_gt(sio_stream_queued(*stream), 0);
    ck_assert_uint_le(sio_stream_queued(*stream), 1 << 20);
}

static void low_on_drain(void *ctx) {
    low_drains++;
}

START_TEST(the_low_mark_is_told_once_for_each_asking) {
    static const sio_stream_callbacks callbacks = {.on_low = low_on_low, .on_drain = low_on_drain};
    static uint8_t bytes[4 << 20], taken[65536];
    sio_loop *loop = net_loop(NULL);
    sio_stream *stream;
    int fds[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    ck_assert_int_eq(sio_stream_adopt(&stream, loop, fds[0], NULL, 0, &callbacks, &stream), 0);
    ck_assert_int_eq(sio_stream_write(stream, bytes, sizeof(bytes)), 0);
    ck_assert_uint_eq(sio_loop_queued(loop), sizeof(bytes));
    sio_stream_tell_low(stream, 1 << 20);
    lows = 0;
    low_drains = 0;
    for (int i = 0; i < 1000 && low_drains == 0; i++) {
        while (read(fds[1], taken, sizeof(taken)) > 0) {
        }
        net_run_for(loop, 1);
        ck_assert_uint_eq(sio_loop_queued(loop), sio_stream_queued(stream));
    }
    ck_assert_uint_eq(lows, 1);
    ck_assert_uint_eq(low_drains, 1);
    ck_assert_int_eq(sio_stream_write(stream, bytes, sizeof(bytes)), 0);
    sio_stream_free(stream);
    ck_assert_uint_eq(sio_loop_queued(loop), 0);
    close(fds[1]);
    sio_loop_free(loop);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("net_stream_io");
    TCase *tc = tcase_create("net_stream_io");
    tcase_set_timeout(tc, 30);
    tcase_add_test(tc, many_writes_leave_in_one_send_at_the_end_of_the_turn);
    tcase_add_test(tc, a_reader_and_what_it_defers_answer_in_one_send);
    tcase_add_test(tc, nothing_is_read_while_paused);
    tcase_add_test(tc, a_reader_may_bring_its_own_buffer);
    tcase_add_test(tc, the_other_direction_works_after_the_peers_end);
    tcase_add_test(tc, a_writer_that_never_stops_leaves_others_their_turn);
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, the_low_mark_is_told_once_for_each_asking);
    return test_run(suite);
}
