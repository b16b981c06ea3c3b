#include "support.h"

#include "kept_request.h"

#include <sio/http1.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct kept {
    sio_kept_request request;
    uint8_t *own;
    size_t size;
} kept;

static sio_loop *loop;
static test_mem memory;
static sio_request_forms forms;

static void start(void) {
    test_mem_init(&memory);
    ck_assert_int_eq(sio_loop_new(&loop, &(sio_loop_options){.mem = &memory.mem}), 0);
    ck_assert_int_eq(sio_request_forms_init(&forms, loop), 0);
}

static void stop(void) {
    sio_request_forms_done(&forms);
    sio_loop_free(loop);
    ck_assert_uint_eq(memory.live, 0);
}

/* Parse a head, keep it, and forget what it was parsed from. */
static int keep(kept *k, const char *text) {
    sio_http1_parser *parser;
    sio_http1_event event;
    sio_http1_limits limits = SIO_HTTP1_LIMITS_INIT;
    limits.max_head = 1 << 20;
    limits.max_headers = 200;
    size_t len = strlen(text);
    uint8_t *copy = malloc(len);
    memcpy(copy, text, len);
    ck_assert_int_eq(sio_http1_parser_new(&parser, SIO_HTTP1_REQUESTS, &limits, NULL), 0);
    ck_assert_int_eq(sio_http1_feed(parser, copy, len), 0);
    ck_assert_int_eq(sio_http1_next(parser, &event), 1);
    k->size = sio_kept_request_size(event.head);
    k->own = malloc(k->size);
    int rc = sio_kept_request_init(&k->request, &forms, event.head, k->own);
    sio_http1_parser_free(parser);
    free(copy);
    return rc;
}

static void drop(kept *k) {
    sio_kept_request_done(&k->request, &forms);
    free(k->own);
}

static void expect(sio_str text, const char *want) {
    ck_assert_uint_eq(text.len, strlen(want));
    ck_assert_mem_eq(text.ptr, want, text.len);
}

static const char browser[] = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n"
                              "Host: example.org:3000\r\n"
                              "Connection: Upgrade\r\n"
                              "USER-AGENT: Mozilla/5.0\r\n"
                              "Upgrade: websocket\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                              "Cookie: a=1\r\n"
                              "X-Empty:\r\n"
                              "Cookie: b=2\r\n"
                              "Sec-WebSocket-Version: 13\r\n\r\n";

START_TEST(every_part_comes_back) {
    kept k;
    ck_assert_int_eq(keep(&k, browser), 0);
    expect(sio_kept_request_target(&k.request), "/socket.io/?EIO=4&transport=websocket");
    expect(sio_kept_request_find(&k.request, SIO_STR("user-agent")), "Mozilla/5.0");
    expect(sio_kept_request_find(&k.request, SIO_STR("cookie")), "a=1");
    expect(sio_kept_request_find(&k.request, SIO_STR("sec-websocket-version")), "13");
    sio_str empty = sio_kept_request_find(&k.request, SIO_STR("x-empty"));
    ck_assert(empty.ptr != NULL && empty.len == 0);
    ck_assert_ptr_null(sio_kept_request_find(&k.request, SIO_STR("origin")).ptr);
    sio_kept_lines lines = sio_kept_request_lines(&k.request);
    sio_http1_header line;
    char all[400] = "";
    while (sio_kept_lines_next(&lines, &line)) {
        snprintf(all + strlen(all), sizeof(all) - strlen(all), "%.*s: %.*s\n", (int)line.name.len,
                 line.name.ptr, (int)line.value.len, line.value.ptr);
    }
    ck_assert_str_eq(all, "Host: example.org:3000\nConnection: Upgrade\nUSER-AGENT: Mozilla/5.0\n"
                          "Upgrade: websocket\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n"
                          "Cookie: a=1\nX-Empty: \nCookie: b=2\nSec-WebSocket-Version: 13\n");
    drop(&k);
}
END_TEST

START_TEST(the_head_is_made_once_when_asked_for) {
    kept k;
    ck_assert_int_eq(keep(&k, browser), 0);
    const sio_http1_head *head = sio_kept_request_head(&k.request, &memory.mem);
    expect(head->method, "GET");
    expect(head->target, "/socket.io/?EIO=4&transport=websocket");
    expect(head->host, "example.org:3000");
    ck_assert_int_eq(head->minor, 1);
    ck_assert(head->keep_alive && head->upgrade && !head->chunked && !head->has_length);
    ck_assert(!head->expect_continue);
    ck_assert_uint_eq(head->header_count, 9);
    expect(head->headers[2].name, "USER-AGENT");
    expect(head->headers[7].value, "b=2");
    size_t calls = memory.calls;
    ck_assert_ptr_eq(sio_kept_request_head(&k.request, &memory.mem), head);
    ck_assert_uint_eq(memory.calls, calls);
    drop(&k);
}
END_TEST

START_TEST(other_heads_come_back_too) {
    kept k;
    ck_assert_int_eq(keep(&k, "POST http://other.org/a?b HTTP/1.1\r\nHost: other.org\r\n"
                              "Content-Length: 300\r\nExpect: 100-continue\r\n\r\n"),
                     0);
    const sio_http1_head *head = sio_kept_request_head(&k.request, &memory.mem);
    expect(head->method, "POST");
    expect(head->target, "/a?b");
    expect(head->host, "other.org");
    ck_assert(head->has_length && head->expect_continue);
    ck_assert_uint_eq(head->length, 300);
    drop(&k);
    ck_assert_int_eq(keep(&k, "GET / HTTP/1.0\r\n\r\n"), 0);
    head = sio_kept_request_head(&k.request, &memory.mem);
    ck_assert_uint_eq(head->host.len, 0);
    ck_assert_uint_eq(head->header_count, 0);
    ck_assert_int_eq(head->minor, 0);
    ck_assert(!head->keep_alive);
    drop(&k);
    ck_assert_int_eq(keep(&k, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"),
                     0);
    ck_assert(sio_kept_request_head(&k.request, &memory.mem)->chunked);
    drop(&k);
}
END_TEST

static void request_of(char *out, size_t size, unsigned client, const char *agent) {
    snprintf(out, size,
             "GET /socket.io/?t=%u HTTP/1.1\r\nHost: h\r\nUser-Agent: %s\r\n"
             "X-Request-Id: %u\r\n\r\n",
             client, agent, client);
}

/* What a client of the same kind adds is its own texts. */
START_TEST(clients_of_one_kind_share) {
    enum { CLIENTS = 100 };
    kept k[CLIENTS];
    char text[400];
    size_t before = 0;
    for (unsigned i = 0; i < CLIENTS; i++) {
        request_of(text, sizeof(text), i, "a browser");
        ck_assert_int_eq(keep(&k[i], text), 0);
        ck_assert_uint_le(k[i].size, sizeof("/socket.io/?t=99") + sizeof("99"));
        before = i == 0 ? memory.live_size : before;
    }
    ck_assert_uint_eq(memory.live_size, before);
    for (unsigned i = 0; i < CLIENTS; i++) {
        snprintf(text, sizeof(text), "%u", i);
        expect(sio_kept_request_find(&k[i].request, SIO_STR("x-request-id")), text);
        expect(sio_kept_request_find(&k[i].request, SIO_STR("user-agent")), "a browser");
        drop(&k[i]);
    }
    ck_assert_uint_eq(forms.shared.count, 0);
}
END_TEST

/* Who invents a new kind for each connection does not fill the table for ever. */
START_TEST(what_is_shared_is_limited) {
    enum { CLIENTS = SIO_REQUEST_FORMS_MAX + 50 };
    static kept k[CLIENTS];
    char text[400], agent[32];
    for (unsigned i = 0; i < CLIENTS; i++) {
        snprintf(agent, sizeof(agent), "kind %u", i);
        request_of(text, sizeof(text), i, agent);
        ck_assert_int_eq(keep(&k[i], text), 0);
    }
    ck_assert_uint_eq(forms.shared.count, SIO_REQUEST_FORMS_MAX);
    for (unsigned i = 0; i < CLIENTS; i++) {
        snprintf(agent, sizeof(agent), "kind %u", i);
        expect(sio_kept_request_find(&k[i].request, SIO_STR("user-agent")), agent);
        drop(&k[i]);
    }
    ck_assert_uint_eq(forms.shared.count, 0);
}
END_TEST

START_TEST(large_ones_are_kept_but_not_shared) {
    kept k;
    char *text = malloc(40000), *agent = malloc(20001);
    memset(agent, 'x', 20000);
    agent[20000] = '\0';
    request_of(text, 40000, 1, agent);
    ck_assert_int_eq(keep(&k, text), 0);
    ck_assert_uint_eq(forms.shared.count, 0);
    expect(sio_kept_request_find(&k.request, SIO_STR("User-Agent")), agent);
    drop(&k);
    free(text);
    free(agent);
}
END_TEST

START_TEST(no_memory_is_taken_for_granted) {
    kept k;
    memory.fail_at = memory.calls + 1; /* for the form */
    ck_assert_int_eq(keep(&k, browser), SIO_ERR_NOMEM);
    drop(&k);
    memory.fail_at = memory.calls + 2; /* for its place in the table */
    ck_assert_int_eq(keep(&k, browser), 0);
    ck_assert_uint_eq(forms.shared.count, 0);
    memory.fail_at = memory.calls + 1;
    const sio_http1_head *head = sio_kept_request_head(&k.request, &memory.mem);
    ck_assert_uint_eq(head->header_count, 0);
    ck_assert_uint_eq(head->target.len, 0);
    head = sio_kept_request_head(&k.request, &memory.mem); /* later there is some */
    ck_assert_uint_eq(head->header_count, 9);
    drop(&k);
}
END_TEST

int main(void) {
    Suite *s = suite_create("kept_request");
    TCase *tc = tcase_create("all");
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, every_part_comes_back);
    tcase_add_test(tc, the_head_is_made_once_when_asked_for);
    tcase_add_test(tc, other_heads_come_back_too);
    tcase_add_test(tc, clients_of_one_kind_share);
    tcase_add_test(tc, what_is_shared_is_limited);
    tcase_add_test(tc, large_ones_are_kept_but_not_shared);
    tcase_add_test(tc, no_memory_is_taken_for_granted);
    suite_add_tcase(s, tc);
    return test_run(s);
}
