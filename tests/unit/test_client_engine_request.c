#include "net_support.h"

#include "engine_request.h"

typedef struct fixture {
    sio_loop *loop;
    sio_url url;
    sio_cengine_options options;
    sio_engine_request request;
    sio_buf out;
} fixture;

static void begin(fixture *f, const char *url) {
    memset(f, 0, sizeof *f);
    f->loop = net_loop(NULL);
    ck_assert_int_eq(sio_url_parse(&f->url, (sio_str){url, strlen(url)}), 0);
    f->options = (sio_cengine_options){.url = &f->url, .path = "/socket.io", .revision = 4};
}

static const char *write_head(fixture *f, const char *method, sio_eio_transport transport,
                              const char *sid) {
    f->out.len = 0;
    ck_assert_int_eq(sio_engine_request_write(&f->request, &f->out, method, transport, sid), 0);
    ck_assert_int_eq(sio_buf_add_byte(&f->out, 0), 0);
    return (const char *)f->out.data;
}

static void end(fixture *f) {
    sio_engine_request_done(&f->request);
    sio_buf_free(&f->out);
    sio_loop_free(f->loop);
}

static void init(fixture *f) {
    ck_assert_int_eq(sio_engine_request_init(&f->request, f->loop, &f->options), 0);
}

START_TEST(websocket_head) {
    fixture f;
    begin(&f, "http://example.org:3000/admin?x=1");
    init(&f);
    ck_assert_str_eq(write_head(&f, "GET", SIO_EIO_WEBSOCKET, ""),
                     "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n"
                     "Host: example.org:3000\r\n"
                     "User-Agent: libsio/" SIO_VERSION_STRING "\r\n");
    ck_assert_ptr_nonnull(
        strstr(write_head(&f, "GET", SIO_EIO_WEBSOCKET, "a b&c"), "websocket&sid=a%20b%26c HTTP"));
    ck_assert_str_eq(f.request.to.host, "example.org");
    ck_assert_uint_eq(f.request.to.port, 3000);
    end(&f);
}
END_TEST

/* ET-11 ET-12 */
/* EU-15 */
START_TEST(polling_targets_differ) {
    fixture f;
    begin(&f, "http://[::1]/");
    f.options.revision = 3;
    init(&f);
    char first[512];
    snprintf(first, sizeof first, "%s", write_head(&f, "POST", SIO_EIO_POLLING, "S"));
    const char *second = write_head(&f, "POST", SIO_EIO_POLLING, "S");
    ck_assert_str_ne(first, second);
    const char *start = "POST /socket.io/?EIO=3&transport=polling&t=";
    ck_assert_int_eq(strncmp(first, start, strlen(start)), 0);
    ck_assert_int_eq(strspn(first + strlen(start), "0123456789abcdefghijklmnopqrstuvwxyz"), 8);
    ck_assert_int_eq(strncmp(first + strlen(start) + 8, "&b64=1&sid=S HTTP/1.1\r\nHost: [::1]\r\n",
                             strlen("&b64=1&sid=S HTTP/1.1\r\nHost: [::1]\r\n")),
                     0);
    ck_assert_str_eq(f.request.to.host, "::1");
    end(&f);
}
END_TEST

/* ET-05 ET-06 ET-07 ET-08 ET-09 ET-10 ET-12 ET-13 ET-14 ET-17 ET-18 */
START_TEST(default_ports_are_left_out) {
    static const struct {
        const char *url;
        sio_eio_transport transport;
        const char *host;
    } cases[] = {
        {"http://localhost", SIO_EIO_POLLING, "localhost"},
        {"http://localhost:80", SIO_EIO_POLLING, "localhost"},
        {"http://localhost:3000", SIO_EIO_POLLING, "localhost:3000"},
        {"https://localhost", SIO_EIO_POLLING, "localhost"},
        {"https://localhost:443", SIO_EIO_POLLING, "localhost"},
        {"https://localhost:8443", SIO_EIO_POLLING, "localhost:8443"},
        {"http://localhost:443", SIO_EIO_POLLING, "localhost:443"},
        {"http://[::1]:80", SIO_EIO_POLLING, "[::1]"},
        {"http://[::1]:8080", SIO_EIO_POLLING, "[::1]:8080"},
        {"ws://test", SIO_EIO_WEBSOCKET, "test"},
        {"wss://test:443", SIO_EIO_WEBSOCKET, "test"},
        {"wss://test:80", SIO_EIO_WEBSOCKET, "test:80"},
        {"ws://[::1]:80", SIO_EIO_WEBSOCKET, "[::1]"},
        {"ws://[::1]:8080", SIO_EIO_WEBSOCKET, "[::1]:8080"},
    };
    fixture f;
    char detail[SIO_TLS_DETAIL_MAX], start[64], host[64];
    begin(&f, cases[_i].url);
    f.options.query = "k=v";
    if (f.url.tls && !SIO_HAVE_TLS) {
        sio_loop_free(f.loop);
        return;
    }
    if (f.url.tls) {
        ck_assert_int_eq(
            sio_tls_client_new(&f.options.tls, &(sio_tls_options){.insecure = true}, detail, NULL),
            0);
    }
    init(&f);
    const char *head = write_head(&f, "GET", cases[_i].transport, "test");
    snprintf(start, sizeof start, "GET /socket.io/?k=v&EIO=4&transport=%s&",
             sio_eio_transport_name(cases[_i].transport));
    ck_assert_int_eq(strncmp(head, start, strlen(start)), 0);
    ck_assert_ptr_nonnull(strstr(head, "&sid=test HTTP/1.1\r\n"));
    ck_assert_int_eq(strstr(head, "&t=") != NULL, cases[_i].transport == SIO_EIO_POLLING);
    snprintf(host, sizeof host, "\r\nHost: %s\r\n", cases[_i].host);
    ck_assert_ptr_nonnull(strstr(head, host));
    sio_tls_unref(f.options.tls);
    end(&f);
}
END_TEST

/* Quirk 2: what is ours cannot be overridden. */
START_TEST(user_query_comes_first) {
    static const char *const cases[][2] = {
        {"a=b&c=%20", "/?a=b&c=%20&EIO=4&"},
        {"EIO=3&a=1&transport=x&s%69d=9&b", "/?a=1&b=&EIO=4&"},
        {"&&", "/?EIO=4&"},
        {"", "/?EIO=4&"},
    };
    fixture f;
    begin(&f, "http://h/");
    f.options.query = cases[_i][0];
    init(&f);
    ck_assert_ptr_nonnull(strstr(write_head(&f, "GET", SIO_EIO_WEBSOCKET, ""), cases[_i][1]));
    end(&f);
}
END_TEST

START_TEST(path_is_escaped) {
    static const char *const cases[][2] = {
        {"/", "GET /?EIO"},
        {"/a/b/", "GET /a/b/?EIO"},
        {"/a b?c#d", "GET /a%20b%3Fc%23d/?EIO"},
        {"/%41\xc3\xa9", "GET /%41%C3%A9/?EIO"},
        {"/\r\nX: y", "GET /%0D%0AX:%20y/?EIO"},
    };
    fixture f;
    begin(&f, "http://h/");
    f.options.path = cases[_i][0];
    init(&f);
    const char *head = write_head(&f, "GET", SIO_EIO_WEBSOCKET, "");
    ck_assert_int_eq(strncmp(head, cases[_i][1], strlen(cases[_i][1])), 0);
    end(&f);
}
END_TEST

START_TEST(user_headers) {
    static const sio_http1_header headers[] = {
        {{"host", 4}, {"other", 5}},         {{"X-Key", 5}, {"1", 1}},
        {{"USER-AGENT", 10}, {"mine", 4}},   {{"Connection", 10}, {"close", 5}},
        {{"content-length", 14}, {"5", 1}},  {{"Sec-WebSocket-Key", 17}, {"x", 1}},
        {{"Accept-Encoding", 15}, {"*", 1}}, {{"Accept", 6}, {"a/b", 3}},
    };
    fixture f;
    begin(&f, "http://h/");
    f.options.headers = headers;
    f.options.header_count = sizeof headers / sizeof headers[0];
    init(&f);
    ck_assert_str_eq(write_head(&f, "GET", SIO_EIO_WEBSOCKET, ""),
                     "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n"
                     "host: other\r\nX-Key: 1\r\nUSER-AGENT: mine\r\nAccept: a/b\r\n");
    ck_assert(f.request.of[SIO_EIO_POLLING].has_accept);
    end(&f);
}
END_TEST

START_TEST(bad_input_is_refused) {
    static const sio_http1_header split = {{"X", 1}, {"a\r\nY: b", 7}};
    fixture f;
    begin(&f, "http://h/");
    for (int i = 0; i < 5; i++) {
        sio_cengine_options options = f.options;
        if (i == 0) {
            options.query = "a=b c";
        } else if (i == 1) {
            options.query = "a#";
        } else if (i == 2) {
            options.path = "relative";
        } else if (i == 3) {
            options.headers = &split;
            options.header_count = 1;
        } else {
            f.url.tls = true; /* without settings for it */
        }
        ck_assert_int_eq(sio_engine_request_init(&f.request, f.loop, &options), SIO_ERR_INVALID);
    }
    end(&f);
}
END_TEST

static int scenario(const sio_mem *mem, void *arg) {
    sio_loop *loop;
    int rc = sio_loop_new(&loop, &(sio_loop_options){.mem = mem});
    if (rc != 0) {
        return rc;
    }
    static const char text[] = "http://h:1/";
    sio_url url;
    ck_assert_int_eq(sio_url_parse(&url, (sio_str){text, sizeof text - 1}), 0);
    sio_cengine_options options = {.url = &url, .path = "/p", .query = "a=b", .revision = 4};
    sio_engine_request request;
    rc = sio_engine_request_init(&request, loop, &options);
    if (rc == 0) {
        sio_buf out;
        sio_buf_init(&out, 0, mem);
        rc = sio_engine_request_write(&request, &out, "GET", SIO_EIO_POLLING, "s");
        ck_assert(rc == 0 || out.len == 0);
        sio_buf_free(&out);
        sio_engine_request_done(&request);
    }
    sio_loop_free(loop);
    return rc;
}

START_TEST(out_of_memory) {
    test_mem_sweep(scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("client_engine_request");
    TCase *tc = tcase_create("head");
    tcase_add_test(tc, websocket_head);
    tcase_add_test(tc, polling_targets_differ);
    tcase_add_loop_test(tc, default_ports_are_left_out, 0, 14);
    tcase_add_loop_test(tc, user_query_comes_first, 0, 4);
    tcase_add_loop_test(tc, path_is_escaped, 0, 5);
    tcase_add_test(tc, user_headers);
    tcase_add_test(tc, bad_input_is_refused);
    tcase_add_test(tc, out_of_memory);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
