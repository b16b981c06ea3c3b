#include "support.h"

#include <sio/http1.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a parser said, written down: "H GET /path", the body, "E", or "! name of the error". */
typedef struct record {
    char text[65536];
    size_t len;
    bool in_body;
} record;

static void log_add(record *l, const char *data, size_t len) {
    ck_assert(l->len + len < sizeof(l->text));
    memcpy(l->text + l->len, data, len);
    l->len += len;
    l->text[l->len] = '\0';
}

static void log_text(record *l, const char *text) {
    log_add(l, text, strlen(text));
}

static void log_event(record *l, const sio_http1_event *ev) {
    char line[256];
    if (ev->type == SIO_HTTP1_BODY) {
        ck_assert_uint_gt(ev->body.len, 0);
        log_text(l, l->in_body ? "" : "B ");
        log_add(l, (const char *)ev->body.ptr, ev->body.len);
        l->in_body = true;
        return;
    }
    log_text(l, l->in_body ? "\n" : "");
    l->in_body = false;
    const sio_http1_head *h = ev->head;
    if (ev->type == SIO_HTTP1_END) {
        log_text(l, "E\n");
        return;
    }
    if (h->status) {
        snprintf(line, sizeof(line), "H %d %.*s", h->status, SIO_STR_ARG(h->reason));
    } else {
        snprintf(line, sizeof(line), "H %.*s %.*s", SIO_STR_ARG(h->method), SIO_STR_ARG(h->target));
    }
    log_text(l, line);
    snprintf(line, sizeof(line), " 1.%d%s%s%s%s n=%zu\n", h->minor, h->keep_alive ? " keep" : "",
             h->upgrade ? " upgrade" : "", h->expect_continue ? " expect" : "",
             h->chunked ? " chunked" : "", h->header_count);
    log_text(l, line);
}

typedef struct run {
    sio_http1_parser *parser;
    record log;
    int rc;
    sio_http1_asked asked; /* ask again after each END */
} run;

static int run_pull(run *r) {
    sio_http1_event ev;
    while ((r->rc = sio_http1_next(r->parser, &ev)) > 0) {
        log_event(&r->log, &ev);
        if (ev.type == SIO_HTTP1_END && r->asked) {
            sio_http1_asked asked = r->asked;
            ck_assert_int_eq(sio_http1_response_to(r->parser, asked), 0);
        }
    }
    if (r->rc < 0) {
        log_text(&r->log, r->log.in_body ? "\n! " : "! ");
        r->log.in_body = false;
        log_text(&r->log, sio_error_name(r->rc));
    }
    return r->rc;
}

static bool run_feed(void *arg, uint8_t *piece, size_t len) {
    run *r = arg;
    ck_assert_int_eq(sio_http1_feed(r->parser, piece, len), 0);
    return run_pull(r) == 0;
}

typedef struct expectation {
    sio_http1_kind kind;
    const sio_http1_limits *limits;
    const char *data;
    size_t len;
    const char *log;
    bool eof;
    sio_http1_asked asked;
} expectation;

static void check_cut(const test_cut *cut, void *arg) {
    const expectation *e = arg;
    test_mem mem;
    test_mem_init(&mem);
    run *r = calloc(1, sizeof(*r));
    ck_assert_int_eq(sio_http1_parser_new(&r->parser, e->kind, e->limits, &mem.mem), 0);
    r->asked = e->asked;
    if (e->asked) {
        ck_assert_int_eq(sio_http1_response_to(r->parser, e->asked), 0);
    }
    test_feed(cut, e->data, e->len, run_feed, r);
    if (e->eof && r->rc == 0) {
        r->rc = sio_http1_eof(r->parser);
        if (r->rc == 0) {
            r->asked = (sio_http1_asked)0;
            run_pull(r);
        } else {
            log_text(&r->log, r->log.in_body ? "\n! " : "! ");
            log_text(&r->log, sio_error_name(r->rc));
        }
    }
    if (strcmp(r->log.text, e->log) != 0) {
        ck_abort_msg("cut %d at %zu of\n%.*s\ngave\n%s\ninstead of\n%s", cut->mode, cut->at,
                     (int)e->len, e->data, r->log.text, e->log);
    }
    if (r->rc < 0) {
        ck_assert_int_eq(sio_http1_feed(r->parser, (const uint8_t *)"x", 1), r->rc);
    }
    sio_http1_parser_free(r->parser);
    ck_assert_uint_eq(mem.live, 0);
    free(r);
}

static void expect(sio_http1_kind kind, const char *data, const char *want) {
    expectation e = {.kind = kind, .data = data, .len = strlen(data), .log = want};
    e.asked = kind == SIO_HTTP1_RESPONSES ? SIO_HTTP1_ASKED_PLAIN : (sio_http1_asked)0;
    test_each_cut(e.len, check_cut, &e);
}

static void requests(const char *data, const char *want) {
    expect(SIO_HTTP1_REQUESTS, data, want);
}

START_TEST(test_requests) {
    requests("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "H GET / 1.1 keep n=1\nE\n");
    requests("\r\nGET /a?b=%00 HTTP/1.0\r\n\r\n", "H GET /a?b=%00 1.0 n=0\nE\n");
    requests("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /2 HTTP/1.0\r\n\r\nGET",
             "H GET / 1.0 keep n=1\nE\nH GET /2 1.0 n=0\nE\n");
    requests("POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
             "GET /q HTTP/1.1\r\nhost: y:80\r\n\r\n",
             "H POST /p 1.1 keep n=2\nB hello\nE\nH GET /q 1.1 keep n=1\nE\n");
    requests("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nExpect: 100-Continue\r\n\r\n",
             "H POST / 1.1 keep expect n=3\nE\n");
    requests("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n"
             "5\r\nhello\r\n0a;x=\"y\"\r\n, world 12\r\n0\r\nA: b\r\nC:\r\n\r\n"
             "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: a, Close\r\n\r\nrubbish\r\n\r\n",
             "H POST / 1.1 keep chunked n=2\nB hello, world 12\nE\nH OPTIONS * 1.1 n=2\nE\n");
    requests("GET http://ex.am:81/p?q HTTP/1.1\r\nHost: other\r\n\r\n",
             "H GET /p?q 1.1 keep n=1\nE\n");
    requests("GET HTTPS://[::1] HTTP/1.1\r\nHost: other\r\n\r\n", "H GET / 1.1 keep n=1\nE\n");
    requests("GET /ws HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: "
             "websocket\r\n\r\n",
             "H GET /ws 1.1 keep upgrade n=3\nE\n");
}
END_TEST

typedef struct refusal {
    const char *data;
    const char *log;
} refusal;

#define POST "POST / HTTP/1.1\r\nHost: x\r\n"
#define GET "GET / HTTP/1.1\r\nHost: x\r\n"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
#define CHUNKED_LOG "H POST / 1.1 keep chunked n=2\n"

static const refusal refused[] = {
    /* length said twice or badly */
    {POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc", "! HTTP_LENGTH"},
    {POST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc", "! HTTP_LENGTH"},
    {POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "! HTTP_LENGTH"},
    {POST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", "! HTTP_LENGTH"},
    {POST "Content-Length: 3, 3\r\n\r\nabc", "! HTTP_LENGTH"},
    {POST "Content-Length: +4\r\n\r\nabcd", "! HTTP_LENGTH"},
    {POST "Content-Length: -1\r\n\r\n", "! HTTP_LENGTH"},
    {POST "Content-Length: 0x4\r\n\r\nabcd", "! HTTP_LENGTH"},
    {POST "Content-Length: 4 4\r\n\r\nabcd", "! HTTP_LENGTH"},
    {POST "Content-Length:\r\n\r\n", "! HTTP_LENGTH"},
    {POST "Content-Length: 18446744073709551616\r\n\r\n", "! HTTP_LENGTH"},
    {POST "Content-Length: 18446744073709551615\r\n\r\n", "! HTTP_BODY_TOO_LARGE"},
    {POST "Content-Length: 1000001\r\n\r\n", "! HTTP_BODY_TOO_LARGE"},
    {POST "Transfer-Encoding: chunked, chunked\r\n\r\n", "! HTTP_LENGTH"},
    {POST "Transfer-Encoding: gzip, chunked\r\n\r\n", "! HTTP_LENGTH"},
    {POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "! HTTP_LENGTH"},
    {POST "Transfer-Encoding: identity\r\n\r\n", "! HTTP_ENCODING"},
    {POST "Transfer-Encoding: xchunked\r\n\r\n", "! HTTP_ENCODING"},
    {POST "Transfer-Encoding:\r\n\r\n", "! HTTP_ENCODING"},
    {POST "Transfer-Encoding: \"chunked\"\r\n\r\n", "! HTTP_ENCODING"},
    {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "! HTTP_LENGTH"},
    /* line ends and header grammar */
    {GET "Content-Length : 3\r\n\r\nabc", "! HTTP_HEADER"},
    {GET "A: b\r\n folded\r\n\r\n", "! HTTP_HEADER"},
    {GET "A: b\r\n\tfolded\r\n\r\n", "! HTTP_HEADER"},
    {"GET / HTTP/1.1\r\n Host: x\r\n\r\n", "! HTTP_HEADER"},
    {GET "A: b\n\r\n", "! HTTP_HEADER"},
    {GET "A: b\rC: d\r\n\r\n", "! HTTP_HEADER"},
    {GET "A: b\r\r\n\r\n", "! HTTP_HEADER"},
    {GET "A: b\r\n\n", "! HTTP_HEADER"},
    {GET ": b\r\n\r\n", "! HTTP_HEADER"},
    {GET "A\r\n\r\n", "! HTTP_HEADER"},
    {GET "A b: c\r\n\r\n", "! HTTP_HEADER"},
    {GET "A\t: c\r\n\r\n", "! HTTP_HEADER"},
    {GET "A(: c\r\n\r\n", "! HTTP_HEADER"},
    {GET "\xc3\xa4: c\r\n\r\n", "! HTTP_HEADER"},
    {GET "A: \x01\r\n\r\n", "! HTTP_HEADER"},
    {GET "A: long enough to be scanned by words \x7f and more\r\n\r\n", "! HTTP_HEADER"},
    {"GET / HTTP/1.1\n", "! HTTP_SYNTAX"},
    {"GET / HTTP/1.1\rHost: x\r\n\r\n", "! HTTP_SYNTAX"},
    {"GET / HTTP/1.1 \r\nHost: x\r\n\r\n", "! HTTP_SYNTAX"},
    {"\r\n\r\nGET / HTTP/1.1\r\n", "! HTTP_METHOD"},
    {"\nGET / HTTP/1.1\r\n", "! HTTP_METHOD"},
    /* the request line */
    {"GET  / HTTP/1.1\r\n", "! HTTP_TARGET"},
    {"GET / a HTTP/1.1\r\n", "! HTTP_SYNTAX"},
    {"GET /\tHTTP/1.1\r\n", "! HTTP_TARGET"},
    {"GET\t/ HTTP/1.1\r\n", "! HTTP_METHOD"},
    {" GET / HTTP/1.1\r\n", "! HTTP_METHOD"},
    {"G(T / HTTP/1.1\r\n", "! HTTP_METHOD"},
    {"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1\r\n", "! HTTP_METHOD"},
    {"GET /a#b HTTP/1.1\r\n", "! HTTP_TARGET"},
    {"GET /\xc3\xa4 HTTP/1.1\r\n", "! HTTP_TARGET"},
    {"GET /\x7f HTTP/1.1\r\n", "! HTTP_TARGET"},
    {"GET /\r\n", "! HTTP_TARGET"},
    {"GET / HTTP/1.2\r\n", "! HTTP_VERSION"},
    {"GET / HTTP/0.9\r\n", "! HTTP_VERSION"},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "! HTTP_VERSION"},
    {"GET / http/1.1\r\n", "! HTTP_SYNTAX"},
    {"GET / HTTP/1.10\r\n", "! HTTP_SYNTAX"},
    {"GET / HTTP/11\r\n", "! HTTP_SYNTAX"},
    {"GET * HTTP/1.1\r\nHost: x\r\n\r\n", "! HTTP_TARGET"},
    {"GET x/y HTTP/1.1\r\nHost: x\r\n\r\n", "! HTTP_TARGET"},
    {"GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n", "! HTTP_TARGET"},
    {"GET http:/x HTTP/1.1\r\nHost: x\r\n\r\n", "! HTTP_TARGET"},
    {"GET http:// HTTP/1.1\r\nHost: x\r\n\r\n", "! HTTP_TARGET"},
    {"GET http://u@x/ HTTP/1.1\r\nHost: x\r\n\r\n", "! HTTP_TARGET"},
    {"GET http://x?q HTTP/1.1\r\nHost: x\r\n\r\n", "! HTTP_TARGET"},
    {"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", "! HTTP_TARGET"},
    {"CONNECT /x HTTP/1.1\r\nHost: x\r\n\r\n", "! HTTP_TARGET"},
    /* Host */
    {"GET / HTTP/1.1\r\n\r\n", "! HTTP_HOST"},
    {"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", "! HTTP_HOST"},
    {"GET / HTTP/1.0\r\nHost: x\r\nHost: x\r\n\r\n", "! HTTP_HOST"},
    {"GET / HTTP/1.1\r\nHost:\r\n\r\n", "! HTTP_HOST"},
    {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "! HTTP_HOST"},
    {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "! HTTP_HOST"},
    {"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "! HTTP_HOST"},
    {"GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", "! HTTP_HOST"},
    {"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "! HTTP_HOST"},
    /* chunks */
    {CHUNKED "\r\n", CHUNKED_LOG "! HTTP_CHUNK"},
    {CHUNKED "g\r\n", CHUNKED_LOG "! HTTP_CHUNK"},
    {CHUNKED "+1\r\n", CHUNKED_LOG "! HTTP_CHUNK"},
    {CHUNKED "0x1\r\n", CHUNKED_LOG "! HTTP_CHUNK"},
    {CHUNKED "1 \r\n", CHUNKED_LOG "! HTTP_CHUNK"},
    {CHUNKED " 1\r\n", CHUNKED_LOG "! HTTP_CHUNK"},
    {CHUNKED "1\na\r\n", CHUNKED_LOG "! HTTP_CHUNK"},
    {CHUNKED "1\ra", CHUNKED_LOG "! HTTP_CHUNK"},
    {CHUNKED "1\r\nab\r\n", CHUNKED_LOG "B a\n! HTTP_CHUNK"},
    {CHUNKED "1\r\na\n", CHUNKED_LOG "B a\n! HTTP_CHUNK"},
    {CHUNKED "1\r\na\r1", CHUNKED_LOG "B a\n! HTTP_CHUNK"},
    {CHUNKED "1;a\x01\r\n", CHUNKED_LOG "! HTTP_CHUNK"},
    {CHUNKED "1;a\n", CHUNKED_LOG "! HTTP_CHUNK"},
    {CHUNKED "10000000000000000\r\n", CHUNKED_LOG "! HTTP_CHUNK"},
    {CHUNKED "ffffffffffffffff\r\n", CHUNKED_LOG "! HTTP_BODY_TOO_LARGE"},
    {CHUNKED "f4241\r\n", CHUNKED_LOG "! HTTP_BODY_TOO_LARGE"},
    {CHUNKED "1\r\na\r\nf4240\r\n", CHUNKED_LOG "B a\n! HTTP_BODY_TOO_LARGE"},
    {CHUNKED "0\r\n: a\r\n\r\n", CHUNKED_LOG "! HTTP_HEADER"},
    {CHUNKED "0\r\n a: b\r\n\r\n", CHUNKED_LOG "! HTTP_HEADER"},
    {CHUNKED "0\r\na : b\r\n\r\n", CHUNKED_LOG "! HTTP_HEADER"},
    {CHUNKED "0\r\na: b\n\r\n", CHUNKED_LOG "! HTTP_HEADER"},
    {CHUNKED "0\r\na: b\rc", CHUNKED_LOG "! HTTP_CHUNK"},
    {CHUNKED "0\r\n\n", CHUNKED_LOG "! HTTP_HEADER"},
    {CHUNKED "0\r\n\rx", CHUNKED_LOG "! HTTP_CHUNK"},
};

START_TEST(test_refused_requests) {
    requests(refused[_i].data, refused[_i].log);
}
END_TEST

START_TEST(test_nul_bytes) {
    static const char value[] = GET "A: b\0c\r\n\r\n";
    static const char name[] = GET "A\0: b\r\n\r\n";
    static const char target[] = "GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n";
    expectation e[] = {{.data = value, .len = sizeof(value) - 1, .log = "! HTTP_HEADER"},
                       {.data = name, .len = sizeof(name) - 1, .log = "! HTTP_HEADER"},
                       {.data = target, .len = sizeof(target) - 1, .log = "! HTTP_TARGET"}};
    for (size_t i = 0; i < 3; i++) {
        test_each_cut(e[i].len, check_cut, &e[i]);
    }
}
END_TEST

static void limited(const sio_http1_limits *limits, const char *data, const char *want) {
    expectation e = {.limits = limits, .data = data, .len = strlen(data), .log = want};
    test_each_cut(e.len, check_cut, &e);
}

START_TEST(test_limits) {
    sio_http1_limits limits = SIO_HTTP1_LIMITS_INIT;
    limits.max_head = 40;
    limits.max_headers = 2;
    limits.max_body = 3;
    limits.max_discard = 4;
    limited(&limits, "GET /2345678901234 HTTP/1.1\r\nHost: x\r\n\r\n", /* exactly 40 bytes */
            "H GET /2345678901234 1.1 keep n=1\nE\n");
    limited(&limits, "GET /23456789012345 HTTP/1.1\r\nHost: x\r\n\r\n", "! HTTP_HEAD_TOO_LARGE");
    limited(&limits, "GET / HTTP/1.0\r\nA:\r\nB:\r\n\r\n", "H GET / 1.0 n=2\nE\n");
    limited(&limits, "GET / HTTP/1.0\r\nA:\r\nB:\r\nC:\r\n\r\n", "! HTTP_TOO_MANY_HEADERS");
    limited(&limits, "GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "! HTTP_HEAD_TOO_LARGE");
    limits.max_head = 1000;
    limited(&limits, POST "Content-Length: 3\r\n\r\nabc", "H POST / 1.1 keep n=2\nB abc\nE\n");
    limited(&limits, POST "Content-Length: 4\r\n\r\n", "! HTTP_BODY_TOO_LARGE");
    limited(&limits, CHUNKED "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", CHUNKED_LOG "B abc\nE\n");
    limited(&limits, CHUNKED "1\r\na\r\n3\r\nbcd\r\n", CHUNKED_LOG "B a\n! HTTP_BODY_TOO_LARGE");
    limited(&limits, CHUNKED "1;ab\r\na\r\n1;cd\r\nb\r\n0\r\n\r\n", CHUNKED_LOG "B ab\nE\n");
    limited(&limits, CHUNKED "1;ab\r\na\r\n1;cde\r\n", CHUNKED_LOG "B a\n! HTTP_CHUNK");
    limited(&limits, CHUNKED "000001\r\n", CHUNKED_LOG "! HTTP_CHUNK");
    limited(&limits, CHUNKED "0\r\na:b\r\n\r\n", CHUNKED_LOG "E\n");
    limited(&limits, CHUNKED "0\r\na:bc\r\n", CHUNKED_LOG "! HTTP_HEAD_TOO_LARGE");
}
END_TEST

static void responses_to(sio_http1_asked asked, bool eof, const char *data, const char *want) {
    expectation e = {.kind = SIO_HTTP1_RESPONSES,
                     .data = data,
                     .len = strlen(data),
                     .log = want,
                     .eof = eof,
                     .asked = asked};
    test_each_cut(e.len, check_cut, &e);
}

static void responses(bool eof, const char *data, const char *want) {
    responses_to(SIO_HTTP1_ASKED_PLAIN, eof, data, want);
}

START_TEST(test_responses) {
    responses(false, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
              "H 200 OK 1.1 keep n=1\nB ok\nE\n");
    responses(false,
              "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\nHTTP/1.1 404 \r\n"
              "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
              "H 200  1.1 keep n=1\nE\nH 404  1.1 keep chunked n=1\nB x\nE\n");
    responses(true, "HTTP/1.1 200 OK\r\n\r\nall of it", "H 200 OK 1.1 n=0\nB all of it\nE\n");
    responses(true, "HTTP/1.0 200 OK\r\n\r\n", "H 200 OK 1.0 n=0\nE\n");
    responses(true, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no",
              "H 200 OK 1.1 keep n=1\nB o\n! HTTP_TRUNCATED");
    responses(true, "HTTP/1.1 200 OK\r\nContent-", "! HTTP_TRUNCATED");
    responses(false,
              "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n\r\n"
              "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 NM\r\nContent-Length: 9\r\n\r\n",
              "H 204 No Content 1.1 keep n=0\nE\nH 304 NM 1.1 keep n=1\nE\n");
    responses_to(SIO_HTTP1_ASKED_HEAD, false, "HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n",
                 "H 200 OK 1.1 keep n=1\nE\n");
}
END_TEST

static const refusal refused_responses[] = {
    {"HTTP/1.1 200 OK\n\n", "! HTTP_SYNTAX"},
    {"\r\nHTTP/1.1 200 OK\r\n\r\n", "! HTTP_SYNTAX"},
    {"HTTP/1.1 20 OK\r\n", "! HTTP_SYNTAX"},
    {"HTTP/1.1 2000 OK\r\n", "! HTTP_SYNTAX"},
    {"HTTP/1.1  200 OK\r\n", "! HTTP_SYNTAX"},
    {"HTTP/1.1 200 \x01\r\n", "! HTTP_SYNTAX"},
    {"HTTP/1.1 099 OK\r\n", "! HTTP_STATUS"},
    {"HTTP/1.1 600 OK\r\n", "! HTTP_STATUS"},
    {"HTTP/2.0 200 OK\r\n", "! HTTP_VERSION"},
    {"ICY 200 OK\r\n", "! HTTP_SYNTAX"},
    {"HTTP/1.1 101 Switching Protocols\r\n\r\n", "! HTTP_STATUS"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "! HTTP_LENGTH"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", "! HTTP_LENGTH"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "! HTTP_ENCODING"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 1000001\r\n\r\n", "! HTTP_BODY_TOO_LARGE"},
};

START_TEST(test_refused_responses) {
    responses(false, refused_responses[_i].data, refused_responses[_i].log);
}
END_TEST

#define INTERIM "HTTP/1.1 100 \r\n\r\n"
#define INTERIM_4 INTERIM INTERIM INTERIM INTERIM

START_TEST(test_endless_interim_responses) {
    responses(false, INTERIM_4 INTERIM_4 "HTTP/1.1 204 \r\n\r\n", "H 204  1.1 keep n=0\nE\n");
    responses(false, INTERIM_4 INTERIM_4 INTERIM, "! HTTP_STATUS");
}
END_TEST

START_TEST(test_until_close_limit) {
    sio_http1_limits limits = SIO_HTTP1_LIMITS_INIT;
    limits.max_body = 3;
    const char *data = "HTTP/1.1 200 OK\r\n\r\nabcd";
    expectation e = {.kind = SIO_HTTP1_RESPONSES,
                     .limits = &limits,
                     .data = data,
                     .len = strlen(data),
                     .log = "H 200 OK 1.1 n=0\nB abc\n! HTTP_BODY_TOO_LARGE",
                     .asked = SIO_HTTP1_ASKED_PLAIN};
    test_each_cut(e.len, check_cut, &e);
}
END_TEST

/* ---- without the log ---- */

static sio_http1_parser *parser;
static sio_http1_event ev;

static void setup(void) {
    ck_assert_int_eq(sio_http1_parser_new(&parser, SIO_HTTP1_REQUESTS, NULL, NULL), 0);
}

static void teardown(void) {
    sio_http1_parser_free(parser);
}

static void feed(const char *text) {
    ck_assert_int_eq(sio_http1_feed(parser, (const uint8_t *)text, strlen(text)), 0);
}

static void next_is(sio_http1_event_type type) {
    ck_assert_int_eq(sio_http1_next(parser, &ev), 1);
    ck_assert_int_eq(ev.type, type);
}

static void next_is_none(void) {
    ck_assert_int_eq(sio_http1_next(parser, &ev), 0);
}

static void next_is_target(const char *target) {
    next_is(SIO_HTTP1_HEAD);
    ck_assert_uint_eq(ev.head->target.len, strlen(target));
    ck_assert_mem_eq(ev.head->target.ptr, target, strlen(target));
}

START_TEST(test_body_is_not_copied) {
    const char *data = POST "Content-Length: 5\r\n\r\nhello";
    feed(data);
    next_is(SIO_HTTP1_HEAD);
    next_is(SIO_HTTP1_BODY);
    ck_assert_ptr_eq(ev.body.ptr, data + strlen(data) - 5);
    ck_assert_uint_eq(ev.body.len, 5);
    next_is(SIO_HTTP1_END);
}
END_TEST

START_TEST(test_head_survives_pieces) {
    char *first = strdup(POST "X-Y: z\r\nContent-Length: 5\r\n\r\nhe");
    feed(first);
    next_is(SIO_HTTP1_HEAD);
    next_is(SIO_HTTP1_BODY);
    next_is_none();
    free(first);
    const sio_http1_head *head = sio_http1_current(parser);
    ck_assert_ptr_nonnull(head);
    sio_str value = sio_http1_find(head, SIO_STR("x-y"));
    ck_assert_uint_eq(value.len, 1);
    ck_assert_int_eq(value.ptr[0], 'z');
    feed("llo");
    next_is(SIO_HTTP1_BODY);
    next_is(SIO_HTTP1_END);
    ck_assert_uint_eq(sio_http1_count(ev.head, SIO_STR("X-Y")), 1);
    next_is_none();
    ck_assert_ptr_null(sio_http1_current(parser));
}
END_TEST

START_TEST(test_dropped_head_costs_nothing) {
    test_mem mem;
    test_mem_init(&mem);
    sio_http1_parser_free(parser);
    ck_assert_int_eq(sio_http1_parser_new(&parser, SIO_HTTP1_REQUESTS, NULL, &mem.mem), 0);
    size_t before = mem.calls;
    feed(POST "Content-Length: 5\r\n\r\nhe");
    next_is(SIO_HTTP1_HEAD);
    sio_http1_drop_head(parser);
    next_is(SIO_HTTP1_BODY);
    ck_assert_ptr_null(ev.head);
    next_is_none();
    feed("llo");
    next_is(SIO_HTTP1_BODY);
    next_is(SIO_HTTP1_END);
    next_is_none();
    ck_assert_uint_eq(mem.calls, before);
    sio_http1_parser_free(parser);
    parser = NULL;
}
END_TEST

START_TEST(test_hold_keeps_pipelined_requests) {
    char *data =
        strdup("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\nGET /3");
    feed(data);
    next_is_target("/1");
    next_is(SIO_HTTP1_END);
    ck_assert_int_eq(sio_http1_hold(parser), 0);
    free(data);
    size_t held = sio_http1_pending(parser);
    char *more = strdup(" HTTP/1.1\r\nHost: ");
    feed(more);
    ck_assert_int_eq(sio_http1_hold(parser), 0);
    free(more);
    ck_assert_uint_eq(sio_http1_pending(parser), held + 17);
    next_is_target("/2");
    feed("x\r\n\r"); /* the head of /2 moves out of the way */
    ck_assert_uint_eq(sio_http1_current(parser)->target.len, 2);
    next_is(SIO_HTTP1_END);
    next_is_none();
    feed("\nGET /4 HTTP/1.1\r\nHost: x\r\n\r\n");
    next_is_target("/3");
    next_is(SIO_HTTP1_END);
    next_is_target("/4");
    next_is(SIO_HTTP1_END);
    next_is_none();
    ck_assert_uint_eq(sio_http1_pending(parser), 0);
}
END_TEST

START_TEST(test_held_bytes_are_limited) {
    sio_http1_limits limits = SIO_HTTP1_LIMITS_INIT;
    limits.max_held = 64;
    sio_http1_parser_free(parser);
    ck_assert_int_eq(sio_http1_parser_new(&parser, SIO_HTTP1_REQUESTS, &limits, NULL), 0);
    const char *one = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"; /* 27 bytes */
    feed(one);
    next_is_target("/");
    next_is(SIO_HTTP1_END);
    for (int i = 0; i < 2; i++) {
        feed(one);
        ck_assert_int_eq(sio_http1_hold(parser), 0);
    }
    ck_assert_int_eq(sio_http1_feed(parser, (const uint8_t *)one, 27), SIO_ERR_LIMIT);
    ck_assert_uint_eq(sio_http1_pending(parser), 54);
    /* Taking one out makes room for one, for ever, without growing. */
    for (int i = 0; i < 100; i++) {
        next_is_target("/");
        next_is(SIO_HTTP1_END);
        feed(one);
    }
    ck_assert_uint_eq(sio_http1_pending(parser), 54);
}
END_TEST

START_TEST(test_hold_beyond_the_limit_fails) {
    static uint8_t many[70000];
    memset(many, 'a', sizeof(many));
    feed(GET "\r\n");
    next_is_target("/");
    next_is(SIO_HTTP1_END);
    next_is_none();
    ck_assert_int_eq(sio_http1_feed(parser, many, sizeof(many)), 0);
    ck_assert_int_eq(sio_http1_hold(parser), SIO_ERR_LIMIT);
    ck_assert_int_eq(sio_http1_next(parser, &ev), SIO_ERR_LIMIT);
}
END_TEST

START_TEST(test_feed_without_draining) {
    feed(GET "\r\n");
    ck_assert_int_eq(sio_http1_feed(parser, (const uint8_t *)"x", 1), SIO_ERR_STATE);
}
END_TEST

START_TEST(test_rest_after_upgrade) {
    const char *head = GET "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    char data[256];
    snprintf(data, sizeof(data), "%s%s", head, "\x81\x85more");
    size_t len = strlen(data);
    for (size_t cut = 1; cut < len; cut++) {
        teardown();
        setup();
        ck_assert_int_eq(sio_http1_feed(parser, (const uint8_t *)data, cut), 0);
        if (cut < strlen(head)) {
            next_is_none();
            ck_assert_int_eq(sio_http1_feed(parser, (const uint8_t *)data + cut, len - cut), 0);
        }
        next_is(SIO_HTTP1_HEAD);
        ck_assert(ev.head->upgrade);
        sio_bytes rest = sio_http1_rest(parser);
        size_t want = cut < strlen(head) ? 6 : cut - strlen(head);
        ck_assert_uint_eq(rest.len, want);
        if (want > 0) {
            ck_assert_mem_eq(rest.ptr, "\x81\x85more", want);
        }
    }
}
END_TEST

START_TEST(test_client_tunnels) {
    static const struct {
        sio_http1_asked asked;
        const char *head;
    } cases[] = {
        {SIO_HTTP1_ASKED_UPGRADE, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                  "Connection: Upgrade\r\n\r\nnext"},
        {SIO_HTTP1_ASKED_CONNECT, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnext"},
    };
    for (size_t i = 0; i < 2; i++) {
        teardown();
        ck_assert_int_eq(sio_http1_parser_new(&parser, SIO_HTTP1_RESPONSES, NULL, NULL), 0);
        ck_assert_int_eq(sio_http1_response_to(parser, cases[i].asked), 0);
        feed(cases[i].head);
        next_is(SIO_HTTP1_HEAD);
        next_is(SIO_HTTP1_END);
        sio_bytes rest = sio_http1_rest(parser);
        ck_assert_uint_eq(rest.len, 4);
        ck_assert_mem_eq(rest.ptr, "next", 4);
        ck_assert_int_eq(sio_http1_next(parser, &ev), SIO_ERR_STATE);
    }
}
END_TEST

START_TEST(test_response_to) {
    ck_assert_int_eq(sio_http1_response_to(parser, SIO_HTTP1_ASKED_PLAIN), SIO_ERR_INVALID);
    teardown();
    ck_assert_int_eq(sio_http1_parser_new(&parser, SIO_HTTP1_RESPONSES, NULL, NULL), 0);
    ck_assert_int_eq(sio_http1_response_to(parser, (sio_http1_asked)9), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_http1_response_to(parser, SIO_HTTP1_ASKED_PLAIN), 0);
    ck_assert_int_eq(sio_http1_response_to(parser, SIO_HTTP1_ASKED_PLAIN), SIO_ERR_STATE);
    feed("HTTP/1.1 204 \r\n\r\nHTTP/1.1 200 OK\r\n");
    next_is(SIO_HTTP1_HEAD);
    next_is(SIO_HTTP1_END);
    /* Nobody asked for a second one. */
    ck_assert_int_eq(sio_http1_next(parser, &ev), SIO_ERR_HTTP_SYNTAX);
}
END_TEST

static int eof_after(const char *text) {
    teardown();
    setup();
    feed(text);
    while (sio_http1_next(parser, &ev) > 0) {
    }
    return sio_http1_eof(parser);
}

START_TEST(test_eof) {
    ck_assert_int_eq(eof_after(""), 0);
    ck_assert_int_eq(sio_http1_feed(parser, (const uint8_t *)"x", 1), SIO_ERR_STATE);
    ck_assert_int_eq(eof_after("\r\n"), 0);
    ck_assert_int_eq(eof_after("\rG"), SIO_ERR_HTTP_TRUNCATED);
    ck_assert_int_eq(eof_after("G"), SIO_ERR_HTTP_TRUNCATED);
    ck_assert_int_eq(eof_after(GET "\r\n"), 0);
    ck_assert_int_eq(eof_after(GET "\r\nGET"), SIO_ERR_HTTP_TRUNCATED);
    ck_assert_int_eq(eof_after(POST "Content-Length: 1\r\n\r\n"), SIO_ERR_HTTP_TRUNCATED);
    ck_assert_int_eq(eof_after(CHUNKED "0\r\n"), SIO_ERR_HTTP_TRUNCATED);
    ck_assert_int_eq(sio_http1_next(parser, &ev), SIO_ERR_HTTP_TRUNCATED);
}
END_TEST

/* Two parsers in the middle of messages share one scratch. */
START_TEST(test_shared_scratch) {
    test_mem mem;
    test_mem_init(&mem);
    sio_http1_scratch *scratch;
    ck_assert_int_eq(sio_http1_scratch_new(&scratch, NULL, &mem.mem), 0);
    sio_http1_parser *two;
    size_t before = mem.live_size;
    sio_http1_parser_free(parser);
    ck_assert_int_eq(sio_http1_parser_new_shared(&parser, SIO_HTTP1_REQUESTS, scratch), 0);
    ck_assert_uint_le(mem.live_size - before, 72);
    ck_assert_int_eq(sio_http1_parser_new_shared(&two, SIO_HTTP1_REQUESTS, scratch), 0);
    const char *other = "GET /two HTTP/1.1\r\nHost: two\r\n\r\n";
    feed("GET /one HTTP/1.1\r\nHost: one\r\nContent-Length: 1\r\n\r\nx");
    next_is_target("/one");
    ck_assert_int_eq(sio_http1_feed(two, (const uint8_t *)other, strlen(other)), 0);
    sio_http1_event theirs;
    ck_assert_int_eq(sio_http1_next(two, &theirs), 1);
    ck_assert_mem_eq(theirs.head->host.ptr, "two", 3);
    next_is(SIO_HTTP1_BODY);
    ck_assert_mem_eq(ev.head->host.ptr, "one", 3);
    next_is(SIO_HTTP1_END);
    ck_assert_int_eq(sio_http1_next(two, &theirs), 1);
    ck_assert_int_eq(sio_http1_next(two, &theirs), 0);
    next_is_none();
    /* The first line is read, the rest comes when the scratch has served others. */
    feed("GET /one HTTP/1.1\r\nHost: one\r\n");
    next_is_none();
    ck_assert_int_eq(sio_http1_feed(two, (const uint8_t *)other, strlen(other)), 0);
    ck_assert_int_eq(sio_http1_next(two, &theirs), 1);
    feed("\r\n");
    next_is_target("/one");
    ck_assert_mem_eq(ev.head->headers[0].value.ptr, "one", 3);
    ck_assert_mem_eq(sio_http1_current(two)->host.ptr, "two", 3);
    next_is(SIO_HTTP1_END);
    next_is_none();
    sio_http1_parser_free(parser);
    sio_http1_parser_free(two);
    parser = NULL;
    sio_http1_scratch_free(scratch);
    ck_assert_uint_eq(mem.live, 0);
}
END_TEST

START_TEST(test_idle_parser_keeps_no_buffer) {
    test_mem mem;
    test_mem_init(&mem);
    sio_http1_parser_free(parser);
    ck_assert_int_eq(sio_http1_parser_new(&parser, SIO_HTTP1_REQUESTS, NULL, &mem.mem), 0);
    size_t idle = mem.live;
    feed(POST "Content-Length: 5\r\n");
    next_is_none();
    ck_assert_uint_gt(mem.live, idle);
    feed("\r\nhe");
    next_is(SIO_HTTP1_HEAD);
    next_is(SIO_HTTP1_BODY);
    next_is_none();
    feed("llo");
    next_is(SIO_HTTP1_BODY);
    next_is(SIO_HTTP1_END);
    next_is_none();
    ck_assert_uint_eq(mem.live, idle);
    sio_http1_parser_free(parser);
    parser = NULL;
}
END_TEST

START_TEST(test_bad_limits) {
    sio_http1_limits limits = SIO_HTTP1_LIMITS_INIT;
    sio_http1_scratch *scratch = NULL;
    limits.max_headers = 10001;
    ck_assert_int_eq(sio_http1_scratch_new(&scratch, &limits, NULL), SIO_ERR_INVALID);
    limits.max_headers = 0;
    limits.max_head = (size_t)1 << 29;
    ck_assert_int_eq(sio_http1_scratch_new(&scratch, &limits, NULL), SIO_ERR_INVALID);
    limits.max_head = 0;
    limits.size = 8;
    ck_assert_int_eq(sio_http1_scratch_new(&scratch, &limits, NULL), SIO_ERR_INVALID);
    ck_assert_ptr_null(scratch);
    sio_http1_scratch_free(NULL);
    sio_http1_parser_free(NULL);
}
END_TEST

static int scenario_step(sio_http1_parser *p, const char *text) {
    int rc = sio_http1_feed(p, (const uint8_t *)text, strlen(text));
    sio_http1_event e;
    while (rc >= 0 && (rc = sio_http1_next(p, &e)) > 0) {
    }
    return rc;
}

static int scenario_messages(sio_http1_parser *p) {
    int rc = scenario_step(p, "POST / HTTP/1.1\r\nHost:");
    if (rc == 0) {
        rc = scenario_step(p, " x\r\nContent-Length: 5\r\n\r\nhe");
    }
    if (rc == 0) {
        rc = scenario_step(p, "llo" GET "\r\nGET /");
    }
    if (rc == 0) {
        rc = scenario_step(p, " HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    if (rc == 0) {
        rc = sio_http1_feed(p, (const uint8_t *)"GET", 3);
    }
    return rc == 0 ? sio_http1_hold(p) : rc;
}

/* Another parser takes over at the HEAD of message `at`: with the bytes of the head, those behind
 * it, and those that are fed later. All three messages come out as if there had been one parser. */
typedef struct handed {
    run r;
    int at;
    int heads;
    bool holds; /* between messages, as while an answer is awaited */
    size_t fed;
    const char *data;
} handed;

static void hand_over(handed *h) {
    sio_bytes head = sio_http1_head_bytes(h->r.parser);
    sio_bytes rest = sio_http1_rest(h->r.parser);
    size_t len = head.len + rest.len;
    uint8_t *all = malloc(len);
    memcpy(all, head.ptr, head.len);
    memcpy(all + head.len, rest.ptr, rest.len);
    ck_assert_mem_eq(all, h->data + h->fed - len, len);
    sio_http1_parser_free(h->r.parser);
    ck_assert_int_eq(sio_http1_parser_new(&h->r.parser, SIO_HTTP1_REQUESTS, NULL, NULL), 0);
    ck_assert_uint_eq(sio_http1_head_bytes(h->r.parser).len, 0);
    ck_assert_int_eq(sio_http1_feed(h->r.parser, all, len), 0);
    run_pull(&h->r);
    free(all);
}

static bool handed_feed(void *arg, uint8_t *piece, size_t len) {
    handed *h = arg;
    ck_assert_int_eq(sio_http1_feed(h->r.parser, piece, len), 0);
    h->fed += len;
    while ((h->r.rc = sio_http1_next(h->r.parser, &ev)) > 0) {
        if (ev.type == SIO_HTTP1_HEAD && h->heads++ == h->at) {
            hand_over(h);
            return h->r.rc == 0;
        }
        log_event(&h->r.log, &ev);
        if (ev.type != SIO_HTTP1_HEAD) {
            ck_assert_uint_eq(sio_http1_head_bytes(h->r.parser).len, 0);
        }
        if (ev.type == SIO_HTTP1_END && h->holds) {
            ck_assert_int_eq(sio_http1_hold(h->r.parser), 0);
        }
    }
    return h->r.rc == 0;
}

static void handed_cut(const test_cut *cut, void *arg) {
    static const char want[] = "H GET /1 1.1 keep n=1\nE\n"
                               "H POST /2 1.1 keep n=2\nB hello\nE\n"
                               "H POST /3 1.1 keep chunked n=2\nB hello\nE\n";
    const handed *like = arg;
    handed *h = calloc(1, sizeof(*h));
    h->at = like->at;
    h->holds = like->holds;
    h->data = like->data;
    ck_assert_int_eq(sio_http1_parser_new(&h->r.parser, SIO_HTTP1_REQUESTS, NULL, NULL), 0);
    test_feed(cut, h->data, strlen(h->data), handed_feed, h);
    ck_assert_str_eq(h->r.log.text, want);
    sio_http1_parser_free(h->r.parser);
    free(h);
}

START_TEST(test_handed_to_another_parser) {
    static const char data[] = "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n"
                               "\r\nPOST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
                               "POST /3 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";
    for (int at = 0; at < 3; at++) {
        for (int holds = 0; holds < 2; holds++) {
            handed like = {.at = at, .holds = holds, .data = data};
            test_each_cut(strlen(data), handed_cut, &like);
        }
    }
}
END_TEST

/* What is lent to another parser meanwhile is not shown as this one's. */
START_TEST(test_head_bytes_are_lent) {
    sio_http1_scratch *scratch;
    sio_http1_parser *p[2];
    char text[2][64] = {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: x\r\n\r\n"};
    ck_assert_int_eq(sio_http1_scratch_new(&scratch, NULL, NULL), 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(sio_http1_parser_new_shared(&p[i], SIO_HTTP1_REQUESTS, scratch), 0);
        ck_assert_int_eq(sio_http1_feed(p[i], (uint8_t *)text[i], strlen(text[i])), 0);
        ck_assert_int_eq(sio_http1_next(p[i], &ev), 1);
        ck_assert_uint_eq(sio_http1_head_bytes(p[i]).len, strlen(text[i]));
        ck_assert_ptr_eq(sio_http1_head_bytes(p[i]).ptr, text[i]);
    }
    ck_assert_uint_eq(sio_http1_head_bytes(p[0]).len, 0);
    sio_http1_drop_head(p[1]);
    ck_assert_uint_eq(sio_http1_head_bytes(p[1]).len, 0);
    sio_http1_parser_free(p[0]);
    sio_http1_parser_free(p[1]);
    sio_http1_scratch_free(scratch);
}
END_TEST

static int scenario(const sio_mem *mem, void *arg) {
    sio_http1_parser *p;
    int rc = sio_http1_parser_new(&p, SIO_HTTP1_REQUESTS, NULL, mem);
    if (rc != 0) {
        return rc;
    }
    rc = scenario_messages(p);
    sio_http1_parser_free(p);
    return rc;
}

START_TEST(test_out_of_memory) {
    test_mem_sweep(scenario, NULL);
}
END_TEST

static Suite *suite(void) {
    Suite *s = suite_create("http1_parser");
    TCase *logs = tcase_create("logs");
    tcase_add_test(logs, test_requests);
    tcase_add_loop_test(logs, test_refused_requests, 0, sizeof(refused) / sizeof(refused[0]));
    tcase_add_test(logs, test_nul_bytes);
    tcase_add_test(logs, test_limits);
    tcase_add_test(logs, test_responses);
    tcase_add_loop_test(logs, test_refused_responses, 0,
                        sizeof(refused_responses) / sizeof(refused_responses[0]));
    tcase_add_test(logs, test_endless_interim_responses);
    tcase_add_test(logs, test_until_close_limit);
    suite_add_tcase(s, logs);
    TCase *calls = tcase_create("calls");
    tcase_add_checked_fixture(calls, setup, teardown);
    tcase_add_test(calls, test_body_is_not_copied);
    tcase_add_test(calls, test_head_survives_pieces);
    tcase_add_test(calls, test_dropped_head_costs_nothing);
    tcase_add_test(calls, test_hold_keeps_pipelined_requests);
    tcase_add_test(calls, test_held_bytes_are_limited);
    tcase_add_test(calls, test_hold_beyond_the_limit_fails);
    tcase_add_test(calls, test_feed_without_draining);
    tcase_add_test(calls, test_rest_after_upgrade);
    tcase_add_test(calls, test_client_tunnels);
    tcase_add_test(calls, test_response_to);
    tcase_add_test(calls, test_eof);
    tcase_add_test(calls, test_shared_scratch);
    tcase_add_test(calls, test_idle_parser_keeps_no_buffer);
    tcase_add_test(calls, test_handed_to_another_parser);
    tcase_add_test(calls, test_head_bytes_are_lent);
    tcase_add_test(calls, test_bad_limits);
    tcase_add_test(calls, test_out_of_memory);
    suite_add_tcase(s, calls);
    return s;
}

int main(void) {
    return test_run(suite());
}
