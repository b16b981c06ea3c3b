/* Floods: whatever one client sends without end, the server keeps serving another, and its memory
 * comes back. All allocations of the server are counted. */
#include "server_support.h"

#include <stdio.h>
#include <stdlib.h>

enum { FLOOD = 20000 };

static server_test t;
static test_mem mem;
static raw_client other;
static size_t before; /* bytes in use when only the other one is there */

static void start(void) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    test_mem_init(&mem);
    options.mem = &mem.mem;
    options.allow_eio3 = true;
    server_start(&t, &options);
    server_echo(&t, "/");
    ws_join(&other, &t, "40", NULL);
    ws_expect(&other, "42[\"auth\",{}]");
}

static void other_is_served(void) {
    ws_text(&other, "42[\"message\",1]");
    ws_expect(&other, "42[\"message-back\",1]");
}

/* Buffers that the loop shares are made by the first client that needs them. */
static void warm_up(void) {
    raw_client c;
    poller p;
    ws_join(&c, &t, "40", NULL);
    ws_expect(&c, "42[\"auth\",{}]");
    raw_close(&c);
    poller_open(&p, &t, "EIO=4");
    poller_post(&p, "40");
    poller_post(&p, "1");
    poller_close(&p);
    server_until(&t, sio_server_session_count(t.server) == 1);
    other_is_served();
    server_settle(&t);
    before = mem.live_size;
    mem.peak_size = mem.live_size;
}

static void begin(void) {
    start();
    warm_up();
}

static void end(void) {
    raw_close(&other);
    server_stop(&t);
    ck_assert_uint_eq(mem.live, 0);
}

/* The flooder is gone: what it cost is back. Free chunks and tables keep their size. */
static void expect_memory_back(void) {
    server_until(&t, sio_server_session_count(t.server) == 1);
    other_is_served();
    server_settle(&t);
    ck_assert_uint_le(mem.live_size, before + 65536);
}

static void expect_peak_below(size_t bytes) {
    ck_assert_msg(mem.peak_size <= before + bytes, "peak %zu over %zu", mem.peak_size - before,
                  bytes);
}

static void flood(raw_client *c, const void *piece, size_t len) {
    size_t per_send = 65536 / len;
    uint8_t *many = malloc(per_send * len);
    ck_assert_ptr_nonnull(many);
    for (size_t i = 0; i < per_send; i++) {
        memcpy(many + i * len, piece, len);
    }
    for (size_t sent = 0; sent < FLOOD && !c->eof; sent += per_send) {
        raw_send(c, many, per_send * len);
        event_base_loop(t.base, EVLOOP_NONBLOCK);
    }
    free(many);
}

/* The kernel's buffers fill up, then nothing more is kept than is needed to go on. */
START_TEST(pings_that_are_not_read) {
    static const uint8_t ping[] = {0x89, 0x84, 0, 0, 0, 0, 'p', 'i', 'n', 'g'};
    raw_client c;
    ws_connect(&c, &t, "EIO=4", NULL);
    event_del(c.event);
    flood(&c, ping, sizeof(ping));
    other_is_served();
    expect_peak_below(256 << 10);
    event_add(c.event, NULL);
    raw_close(&c);
    expect_memory_back();
}
END_TEST

START_TEST(empty_fragments) {
    static const uint8_t fragment[] = {0x00, 0x80, 0, 0, 0, 0};
    raw_client c;
    ws_connect(&c, &t, "EIO=4", NULL);
    ws_send(&c, 0x01, "4", 1);
    flood(&c, fragment, sizeof(fragment));
    other_is_served();
    expect_peak_below(64 << 10);
    ws_send(&c, 0x80, "", 0);
    raw_close(&c);
    expect_memory_back();
}
END_TEST

START_TEST(empty_messages) {
    static const uint8_t message[] = {0x81, 0x80, 0, 0, 0, 0};
    raw_client c;
    ws_connect(&c, &t, "EIO=4", NULL);
    flood(&c, message, sizeof(message));
    raw_expect_eof(&c); /* there is no empty packet */
    raw_close(&c);
    expect_peak_below(64 << 10);
    expect_memory_back();
}
END_TEST

/* A body of 100,000 tiny packets is one fault or 100,000 packets, but no heap of objects. */
START_TEST(posts_of_many_packets) {
    enum { COUNT = 100000 };
    poller p;
    char *body = malloc(COUNT * 2);
    ck_assert_ptr_nonnull(body);
    for (size_t i = 0; i < COUNT; i++) {
        body[2 * i] = '3';
        body[2 * i + 1] = 0x1e;
    }
    poller_open(&p, &t, "EIO=4");
    mem.peak_size = mem.live_size;
    http_send(&p.post, "POST", poller_target(&p), "", body, 2 * COUNT - 1);
    http_expect_answer(&p.post, 200, "ok");
    expect_peak_below(4 << 20);
    poller_post(&p, "1");
    poller_close(&p);
    free(body);
    expect_memory_back();
}
END_TEST

START_TEST(pings_of_revision_3_without_polls) {
    enum { COUNT = 50000 };
    poller p;
    char *body = malloc(COUNT * 3);
    ck_assert_ptr_nonnull(body);
    for (size_t i = 0; i < COUNT; i++) {
        memcpy(body + 3 * i, "1:2", 3);
    }
    poller_open(&p, &t, "EIO=3");
    for (int i = 0; i < 5; i++) {
        http_send(&p.post, "POST", poller_target(&p), "", body, 3 * COUNT);
        http_expect_answer(&p.post, 200, "ok");
    }
    expect_peak_below(1 << 20);
    sio_counters now = SIO_COUNTERS_INIT;
    ck_assert_int_eq(sio_server_read_counters(t.server, &now), 0);
    ck_assert_uint_le(now.queued_messages, 8);
    poller_post(&p, "1:1");
    poller_close(&p);
    free(body);
    expect_memory_back();
}
END_TEST

/* Sessions that say nothing cost little, and go at once when they are told to. */
START_TEST(sessions_that_say_nothing) {
    enum { COUNT = 500 };
    for (int i = 0; i < COUNT; i++) {
        http_expect(&t, "GET", "/socket.io/?EIO=4&transport=polling", "", NULL, 200, NULL);
    }
    ck_assert_uint_eq(sio_server_session_count(t.server), COUNT + 1);
    ck_assert_uint_le((mem.live_size - before) / COUNT, 2048);
    other_is_served();
    sio_engine *engine = sio_server_engine(t.server);
    sio_engine_close(engine, true);
    server_until(&t, sio_server_session_count(t.server) == 0);
    server_settle(&t);
    ck_assert_uint_le(mem.live_size, before + 65536);
}
END_TEST

/* ---- the log ---- */

typedef struct lines {
    unsigned written;
    unsigned reported; /* left out, as the log says */
} lines;

static void count_line(const char *scope, const char *text, void *user) {
    lines *l = user;
    unsigned more;
    if (sscanf(text, "%u more lines were left out", &more) == 1) {
        ck_assert_str_eq(scope, "engine");
        l->reported += more;
    } else {
        l->written += strcmp(scope, "engine") == 0;
    }
}

static void start_logging(lines *l, uint32_t limit) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.log = count_line;
    options.log_user = l;
    options.max_log_lines = limit;
    server_start(&t, &options);
}

static void refused_requests(unsigned count) {
    raw_client c;
    raw_open(&c, &t);
    for (unsigned i = 0; i < count; i++) {
        http_send(&c, "GET", "/socket.io/?EIO=4&transport=no", "", NULL, 0);
        http_expect_answer(&c, 400, NULL);
    }
    raw_close(&c);
}

/* Each refusal is a line, but not more than a hundred a second and one that tells how many more. */
START_TEST(refusals_do_not_flood_the_log) {
    enum { COUNT = 1000 };
    lines l = {0};
    sio_time began = server_clock();
    start_logging(&l, 0);
    refused_requests(COUNT);
    server_until(&t, l.written + l.reported == COUNT);
    ck_assert_uint_ge(l.written, 100);
    ck_assert_uint_le(l.written, 100 * ((server_clock() - began) / 1000 + 1));
    server_stop(&t);
}
END_TEST

START_TEST(the_log_can_be_without_limit) {
    lines l = {0};
    start_logging(&l, UINT32_MAX);
    refused_requests(200);
    ck_assert_uint_eq(l.written, 200);
    server_stop(&t);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("floods");
    TCase *tc = tcase_create("floods");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, pings_that_are_not_read);
    tcase_add_test(tc, empty_fragments);
    tcase_add_test(tc, empty_messages);
    tcase_add_test(tc, posts_of_many_packets);
    tcase_add_test(tc, pings_of_revision_3_without_polls);
    tcase_add_test(tc, sessions_that_say_nothing);
    TCase *log = tcase_create("log");
    suite_add_tcase(suite, log);
    tcase_add_test(log, refusals_do_not_flood_the_log);
    tcase_add_test(log, the_log_can_be_without_limit);
    return test_run(suite);
}
