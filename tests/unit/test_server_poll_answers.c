#include "server_support.h"

#include "poll_answers.h"

#include <stdio.h>
#include <stdlib.h>

#if SIO_HAVE_DEFLATE
#include <zlib.h>
#endif

static server_test t;

static void start(sio_engine_settings options) {
    t = (server_test){.silent = true};
    options.polling = options.websocket = true;
    options.allow_eio3 = true;
    engine_start(&t, &options);
}

/* ---- the cookie ---- */

static void ask(raw_client *c, const char *target, const char *headers, http_answer *answer) {
    http_send(c, "GET", target, headers, NULL, 0);
    ck_assert(http_receive(c, answer));
    ck_assert_int_eq(answer->status, 200);
}

/* The attributes that the handshake's cookie gets, behind its value. */
static void expect_cookie(const sio_server_cookie *cookie, const char *name, const char *rest) {
    raw_client c;
    http_answer answer;
    char sid[64];
    char want[256];
    start((sio_engine_settings){.cookie = cookie});
    raw_open(&c, &t);
    ask(&c, "/engine.io/?EIO=4&transport=polling", "", &answer);
    ck_assert_int_eq(sscanf(answer.body, "0{\"sid\":\"%63[^\"]\"", sid), 1);
    snprintf(want, sizeof(want), "Set-Cookie: %s=%s%s", name, sid, rest);
    ck_assert_msg(http_has(&answer, want), "no %s in %s", want, answer.head);
    http_answer_free(&answer);
    raw_close(&c);
    engine_stop(&t);
}

/* E9 */
START_TEST(the_cookie_by_default) {
    sio_server_cookie cookie = SIO_SERVER_COOKIE_INIT;
    expect_cookie(&cookie, "io", "; Path=/; HttpOnly; SameSite=Lax");
    cookie.name = NULL;
    expect_cookie(&cookie, "io", "; Path=/; HttpOnly; SameSite=Lax");
}
END_TEST

/* E10 E11 E12 E13 E14 E15 E16 */
START_TEST(the_cookie_as_set) {
    sio_server_cookie cookie = SIO_SERVER_COOKIE_INIT;
    cookie.name = "woot";
    expect_cookie(&cookie, "woot", "; Path=/; HttpOnly; SameSite=Lax");
    cookie.path = "/custom";
    expect_cookie(&cookie, "woot", "; Path=/custom; HttpOnly; SameSite=Lax");
    cookie.path = NULL;
    expect_cookie(&cookie, "woot", "; HttpOnly; SameSite=Lax");
    cookie.same_site = SIO_COOKIE_SAME_SITE_STRICT;
    expect_cookie(&cookie, "woot", "; HttpOnly; SameSite=Strict");
    cookie.http_only = false;
    expect_cookie(&cookie, "woot", "; SameSite=Strict");
    cookie.same_site = SIO_COOKIE_SAME_SITE_UNSET;
    cookie.has_max_age = true;
    cookie.max_age = 3600;
    cookie.domain = "a.example";
    cookie.secure = cookie.partitioned = true;
    cookie.priority = SIO_COOKIE_PRIORITY_HIGH;
    cookie.has_expires = true;
    cookie.expires = 784111777;
    expect_cookie(&cookie, "woot",
                  "; Max-Age=3600; Domain=a.example; Expires=Sun, 06 Nov 1994 08:49:37 GMT; "
                  "Secure; Partitioned; Priority=High");
}
END_TEST

/* E17, and only the handshake's answer brings one */
START_TEST(one_cookie_or_none) {
    sio_server_cookie cookie = SIO_SERVER_COOKIE_INIT;
    for (int with = 0; with < 2; with++) {
        poller p;
        http_answer answer;
        raw_client c;
        start((sio_engine_settings){.cookie = with ? &cookie : NULL});
        raw_open(&c, &t);
        ask(&c, "/engine.io/?EIO=4&transport=polling", "", &answer);
        ck_assert((strstr(answer.head, "Set-Cookie") != NULL) == with);
        http_answer_free(&answer);
        raw_close(&c);
        poller_open(&p, &t, "EIO=4");
        sio_eio_message *message;
        ck_assert_int_eq(sio_eio_message_new(&message, false, "x", 1, NULL), 0);
        ck_assert_int_eq(sio_engine_session_send(t.session, message, 0), 0);
        sio_eio_message_unref(message);
        http_send(&p.get, "GET", poller_target(&p), "", NULL, 0);
        ck_assert(http_receive(&p.get, &answer));
        ck_assert_str_eq(answer.body, "4x");
        ck_assert(strstr(answer.head, "Set-Cookie") == NULL);
        http_answer_free(&answer);
        poller_close(&p);
        engine_stop(&t);
    }
}
END_TEST

/* Nothing in the options may end the header's line or begin another attribute. */
START_TEST(bad_cookies_are_refused) {
    sio_server_cookie bad[12];
    size_t n = 0;
    for (size_t i = 0; i < 12; i++) {
        bad[i] = (sio_server_cookie)SIO_SERVER_COOKIE_INIT;
    }
    bad[n++].name = "";
    bad[n++].name = "a b";
    bad[n++].name = "a\r\nX: y";
    bad[n++].name = "a=b";
    bad[n++].path = "/;Secure";
    bad[n++].path = "/\r\nX: y";
    bad[n++].domain = "a,b";
    bad[n++].domain = "a\nb";
    bad[n++].partitioned = true;
    bad[n++].size = 0;
    bad[n++].size = sizeof(sio_server_cookie) + 1;
    for (size_t i = 0; i < n; i++) {
        sio_poll_answers answers;
        ck_assert_msg(sio_server_cookie_check(&bad[i]) == SIO_ERR_INVALID, "row %zu", i);
        ck_assert_int_eq(sio_poll_answers_init(&answers, &bad[i], true, 0, NULL), SIO_ERR_INVALID);
        sio_poll_answers_done(&answers);
    }
    ck_assert_int_eq(sio_server_cookie_check(NULL), 0);
}
END_TEST

/* An id that the application made up cannot break the header either. */
START_TEST(the_value_is_encoded) {
    sio_server_cookie cookie = SIO_SERVER_COOKIE_INIT;
    sio_poll_answers answers;
    sio_buf out = {0};
    ck_assert_int_eq(sio_poll_answers_init(&answers, &cookie, true, 0, NULL), 0);
    ck_assert_int_eq(sio_poll_answers_cookie(&answers, &out, SIO_STR("a;b c")), 0);
    ck_assert_int_eq(sio_buf_add_byte(&out, 0), 0);
    ck_assert_str_eq((char *)out.data,
                     "Set-Cookie: io=a%3Bb%20c; Path=/; HttpOnly; SameSite=Lax\r\n");
    sio_buf_free(&out);
    sio_poll_answers_done(&answers);
}
END_TEST

static int memory_scenario(const sio_mem *mem, void *arg) {
    static const uint8_t zeros[3000];
    sio_poll_answers answers;
    sio_buf out;
    sio_bytes body = {zeros, sizeof(zeros)};
    sio_buf_init(&out, 0, mem);
    int rc = sio_poll_answers_init(&answers, arg, true, 1024, mem);
    if (rc == 0) {
        rc = sio_poll_answers_cookie(&answers, &out, SIO_STR("id"));
    }
    if (rc == 0) {
        size_t before = out.len;
        sio_poll_answers_compress(&answers, &out, &body, (sio_poll_traits){SIO_HTTP_GZIP, false});
        /* Either both or neither. */
        ck_assert((out.len > before) == (body.ptr != zeros));
        rc = body.ptr != zeros || !SIO_HAVE_DEFLATE ? 0 : SIO_ERR_NOMEM;
    }
    sio_buf_free(&out);
    sio_poll_answers_done(&answers);
    return rc;
}

START_TEST(without_memory_it_goes_out_as_it_is) {
    sio_server_cookie cookie = SIO_SERVER_COOKIE_INIT;
    test_mem_sweep(memory_scenario, &cookie);
}
END_TEST

/* ---- what browsers are told ---- */

/* E114 E115 E116 */
START_TEST(old_browsers_are_told_not_to_filter) {
    static const struct {
        const char *agent;
        bool told;
    } rows[] = {
        {"", false},
        {"User-Agent: Mozilla/4.0 (compatible;MSIE 8.0; Windows NT 6.1)\r\n", true},
        {"User-Agent: Mozilla/5.0 (Windows NT 6.3; Trident/7.0; rv 11.0) like Gecko\r\n", true},
        {"User-Agent: Mozilla/5.0 (X11; Linux) Firefox/120\r\n", false},
    };
    start((sio_engine_settings){0});
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        poller p;
        http_answer answer;
        poller_open(&p, &t, "EIO=4");
        http_send(&p.get, "GET", poller_target(&p), rows[i].agent, NULL, 0);
        server_settle(&t);
        sio_eio_message *message;
        ck_assert_int_eq(sio_eio_message_new(&message, false, "x", 1, NULL), 0);
        ck_assert_int_eq(sio_engine_session_send(t.session, message, 0), 0);
        sio_eio_message_unref(message);
        ck_assert(http_receive(&p.get, &answer));
        ck_assert(http_has(&answer, "cache-control: no-store"));
        ck_assert(http_has(&answer, "X-XSS-Protection: 0") == rows[i].told);
        http_answer_free(&answer);
        poller_close(&p);
    }
    engine_stop(&t);
}
END_TEST

/* ---- compression ---- */

#if SIO_HAVE_DEFLATE

/* The body unpacked, which must be `4` and as many "x". */
static void expect_body(const http_answer *answer, bool packed, size_t len) {
    uint8_t *plain = malloc(len + 2);
    if (packed) {
        z_stream z = {.next_in = (Bytef *)answer->body,
                      .avail_in = (uInt)answer->len,
                      .next_out = plain,
                      .avail_out = (uInt)len + 2};
        ck_assert_int_eq(inflateInit2(&z, 15 + 32), Z_OK);
        ck_assert_int_eq(inflate(&z, Z_FINISH), Z_STREAM_END);
        ck_assert_uint_eq(z.total_out, len + 1);
        inflateEnd(&z);
    } else {
        ck_assert_uint_eq(answer->len, len + 1);
        memcpy(plain, answer->body, len + 1);
    }
    ck_assert_int_eq(plain[0], '4');
    for (size_t i = 1; i <= len; i++) {
        ck_assert_int_eq(plain[i], 'x');
    }
    free(plain);
}

/* As http_send, with headers of any length. */
static void send_get(poller *p, const char *headers) {
    raw_text(&p->get, "GET ");
    raw_text(&p->get, poller_target(p));
    raw_text(&p->get, " HTTP/1.1\r\nHost: x\r\n");
    raw_text(&p->get, headers);
    raw_text(&p->get, "\r\n");
}

/* Send a message of this length to a held poll with this Accept-Encoding. */
static void expect_coding(size_t len, unsigned flags, const char *accepted, const char *coding) {
    poller p;
    http_answer answer;
    char line[128];
    char *text = malloc(len);
    memset(text, 'x', len);
    poller_open(&p, &t, "EIO=4");
    send_get(&p, accepted);
    server_settle(&t);
    sio_eio_message *message;
    ck_assert_int_eq(sio_eio_message_new(&message, false, text, len, NULL), 0);
    ck_assert_int_eq(sio_engine_session_send(t.session, message, flags), 0);
    sio_eio_message_unref(message);
    ck_assert(http_receive(&p.get, &answer));
    snprintf(line, sizeof(line), "Content-Encoding: %s", coding ? coding : "");
    ck_assert_msg((strstr(answer.head, "Content-Encoding") != NULL) == (coding != NULL), "%s: %s",
                  accepted, answer.head);
    ck_assert(!coding || http_has(&answer, line));
    ck_assert(http_has(&answer, "Content-Type: text/plain; charset=UTF-8"));
    expect_body(&answer, coding != NULL, len);
    http_answer_free(&answer);
    poller_close(&p);
    free(text);
}

#define BROWSER "Accept-Encoding: gzip, deflate, br\r\n"

/* E107 E108 E111 E112 */
START_TEST(long_answers_are_compressed) {
    start((sio_engine_settings){.http_compression = true, .http_threshold = 1024});
    expect_coding(100000, SIO_EIO_COMPRESS, BROWSER, "gzip");
    expect_coding(1023, SIO_EIO_COMPRESS, BROWSER, "gzip");
    expect_coding(1022, SIO_EIO_COMPRESS, BROWSER, NULL);
    expect_coding(100000, SIO_EIO_COMPRESS, "Accept-Encoding: deflate\r\n", "deflate");
    expect_coding(2000, SIO_EIO_COMPRESS, "Accept-Encoding: deflate, gzip\r\n", "deflate");
    expect_coding(2000, SIO_EIO_COMPRESS, "Accept-Encoding: br\r\n", NULL);
    expect_coding(2000, SIO_EIO_COMPRESS, "Accept-Encoding: gzip;q=0\r\n", NULL);
    expect_coding(2000, SIO_EIO_COMPRESS, "Accept-Encoding:\r\n", NULL);
    expect_coding(2000, SIO_EIO_COMPRESS, "", NULL);
    expect_coding(2000, 0, BROWSER, NULL);
    engine_stop(&t);
}
END_TEST

/* E109 */
START_TEST(a_threshold_of_nothing) {
    start((sio_engine_settings){.http_compression = true});
    expect_coding(10, SIO_EIO_COMPRESS, BROWSER, "gzip");
    expect_coding(10, 0, BROWSER, NULL);
    engine_stop(&t);
}
END_TEST

/* E110 */
START_TEST(compression_can_be_off) {
    start((sio_engine_settings){0});
    expect_coding(10000, SIO_EIO_COMPRESS, BROWSER, NULL);
    engine_stop(&t);
}
END_TEST

/* Its answer goes nowhere, and the next client's is fine. */
START_TEST(a_client_may_go_while_it_is_answered) {
    start((sio_engine_settings){.http_compression = true});
    for (int i = 0; i < 3; i++) {
        poller p;
        char text[5000];
        memset(text, 'y', sizeof(text));
        poller_open(&p, &t, "EIO=4");
        http_send(&p.get, "GET", poller_target(&p), BROWSER, NULL, 0);
        server_settle(&t);
        raw_close(&p.get);
        sio_eio_message *message;
        ck_assert_int_eq(sio_eio_message_new(&message, false, text, sizeof(text), NULL), 0);
        (void)sio_engine_session_send(t.session, message, SIO_EIO_COMPRESS);
        sio_eio_message_unref(message);
        raw_close(&p.post);
        expect_coding(3000, SIO_EIO_COMPRESS, BROWSER, "gzip");
    }
    engine_stop(&t);
}
END_TEST

/* What only wants to waste time: a header of all the room there is. */
START_TEST(a_huge_accept_encoding) {
    static const char name[] = "Accept-Encoding: ", coding[] = "gzip;q=0.1,*;q=0,";
    char *header = malloc(15000);
    memcpy(header, name, sizeof(name) - 1);
    size_t len = sizeof(name) - 1;
    while (len < 14000) {
        memcpy(header + len, coding, sizeof(coding) - 1);
        len += sizeof(coding) - 1;
    }
    memcpy(header + len, "deflate\r\n", sizeof("deflate\r\n"));
    start((sio_engine_settings){.http_compression = true});
    expect_coding(2000, SIO_EIO_COMPRESS, header, "deflate");
    engine_stop(&t);
    free(header);
}
END_TEST

#endif

/* ---- the whole server ---- */

#define POLLING "/socket.io/?EIO=4&transport=polling"
#define ORIGIN "Origin: http://a.b\r\n"

/* E33 E126 */
START_TEST(sessions_of_another_origin_work) {
    static const char *const origins[] = {"http://a.b"};
    sio_server_cors cors = SIO_SERVER_CORS_INIT;
    cors.origins = origins;
    cors.origin_count = 1;
    cors.credentials = true;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.cors = &cors;
    t = (server_test){0};
    server_start(&t, &options);
    server_echo(&t, "/");
    raw_client c;
    http_answer answer;
    char target[128], sid[64];
    raw_open(&c, &t);
    ask(&c, POLLING, ORIGIN, &answer);
    ck_assert(http_has(&answer, "Access-Control-Allow-Origin: http://a.b"));
    ck_assert(http_has(&answer, "Access-Control-Allow-Credentials: true"));
    ck_assert_int_eq(sscanf(answer.body, "0{\"sid\":\"%63[^\"]\"", sid), 1);
    http_answer_free(&answer);
    snprintf(target, sizeof(target), POLLING "&sid=%s", sid);
    http_send(&c, "POST", target, ORIGIN, "40", 2);
    ck_assert(http_receive(&c, &answer));
    ck_assert_str_eq(answer.body, "ok");
    ck_assert(http_has(&answer, "Access-Control-Allow-Origin: http://a.b"));
    http_answer_free(&answer);
    ask(&c, target, ORIGIN, &answer);
    ck_assert(strncmp(answer.body, "40{\"sid\":", 9) == 0);
    ck_assert(http_has(&answer, "Access-Control-Allow-Origin: http://a.b"));
    http_answer_free(&answer);
    http_send(&c, "GET", "/socket.io/?EIO=4&transport=websocket", ORIGIN, NULL, 0);
    ck_assert(http_receive(&c, &answer));
    ck_assert_int_eq(answer.status, 400);
    ck_assert_str_eq(answer.body, "{\"code\":3,\"message\":\"Bad request\"}");
    ck_assert(http_has(&answer, "Access-Control-Allow-Origin: http://a.b"));
    http_answer_free(&answer);
    raw_close(&c);
    server_stop(&t);
}
END_TEST

/* IO15 IO19 */
START_TEST(without_bundles_their_names_are_the_engines) {
    t = (server_test){0};
    server_start(&t, NULL);
    http_expect(&t, "GET", "/socket.io/socket.io.js", "", NULL, 400,
                "{\"code\":0,\"message\":\"Transport unknown\"}");
    http_expect(&t, "GET", "/socket.io/unknown.js", "", NULL, 400,
                "{\"code\":0,\"message\":\"Transport unknown\"}");
    server_stop(&t);
}
END_TEST

/* The settings arrive where they belong. */
START_TEST(the_servers_settings_are_used) {
    sio_server_cookie cookie = SIO_SERVER_COOKIE_INIT;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.cookie = &cookie;
    options.http_compress_threshold = 1;
    for (int off = 0; off < 2; off++) {
        raw_client c;
        http_answer answer;
        options.disable_http_compression = off;
        t = (server_test){0};
        server_start(&t, &options);
        raw_open(&c, &t);
        ask(&c, POLLING, "Accept-Encoding: gzip\r\n", &answer);
        ck_assert(strstr(answer.head, "Set-Cookie: io=") != NULL);
        ck_assert(http_has(&answer, "Content-Encoding: gzip") == (SIO_HAVE_DEFLATE && !off));
        http_answer_free(&answer);
        raw_close(&c);
        server_stop(&t);
    }
    cookie.path = "/\r\nX: y";
    sio_server *server;
    ck_assert_int_eq(sio_server_new(&server, &options), SIO_ERR_INVALID);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server_poll_answers");
    TCase *tc = tcase_create("all");
    tcase_add_test(tc, the_cookie_by_default);
    tcase_add_test(tc, the_cookie_as_set);
    tcase_add_test(tc, one_cookie_or_none);
    tcase_add_test(tc, bad_cookies_are_refused);
    tcase_add_test(tc, the_value_is_encoded);
    tcase_add_test(tc, without_memory_it_goes_out_as_it_is);
    tcase_add_test(tc, old_browsers_are_told_not_to_filter);
#if SIO_HAVE_DEFLATE
    tcase_add_test(tc, long_answers_are_compressed);
    tcase_add_test(tc, a_threshold_of_nothing);
    tcase_add_test(tc, compression_can_be_off);
    tcase_add_test(tc, a_client_may_go_while_it_is_answered);
    tcase_add_test(tc, a_huge_accept_encoding);
#endif
    tcase_add_test(tc, sessions_of_another_origin_work);
    tcase_add_test(tc, without_bundles_their_names_are_the_engines);
    tcase_add_test(tc, the_servers_settings_are_used);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
