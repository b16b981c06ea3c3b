#include "net_support.h"

#include "dial.h"

#include "net/listener.h"

#include <errno.h>
#include <unistd.h>

#if SIO_HAVE_TLS
#include "net_tls_support.h"
#endif

typedef struct world {
    sio_loop *loop;
    sio_listener *listener;
    sio_stream *server;
    char host[64];
    sio_dial_target target;
    sio_dial dial;
    unsigned connects, errors, failures;
    int err, status, sys;
    sio_client_stage stage;
    char detail[300];
    const char *const *script; /* what the proxy answers, one piece for each read */
    size_t said;
    char heard[600];
    size_t heard_len;
    char got[64];
} world;

static void accept_one(void *ctx, sio_stream *stream) {
    world *w = ctx;
    sio_stream_free(w->server);
    w->server = stream;
}

static void on_connected(void *ctx) {
    world *w = ctx;
    w->connects++;

    sio_loop_stop(w->loop);
}

static void on_error(void *ctx, const sio_stream_error *error) {
    world *w = ctx;
    w->errors++;
    w->err = error->err;
    sio_loop_stop(w->loop);
}

static void on_failed(void *ctx, const sio_transport_end *why) {
    world *w = ctx;
    w->failures++;
    w->err = why->err;
    w->stage = why->stage;
    w->status = why->http_status;
    w->sys = why->sys;
    snprintf(w->detail, sizeof w->detail, "%s", why->detail);
    sio_loop_stop(w->loop);
}

static const sio_stream_callbacks callbacks = {.on_connected = on_connected, .on_error = on_error};

static void begin(world *w, const char *host) {
    memset(w, 0, sizeof *w);
    w->loop = net_loop(NULL);
    sio_listener_options options = {.host = "127.0.0.1", .on_accept = accept_one, .ctx = w};
    ck_assert_int_eq(sio_listener_new(&w->listener, w->loop, &options, NULL), 0);
    snprintf(w->host, sizeof w->host, "%s", host);
    w->target = (sio_dial_target){.host = w->host, .port = sio_listener_port(w->listener)};
    w->dial = (sio_dial){.loop = w->loop,
                         .target = &w->target,
                         .callbacks = &callbacks,
                         .on_failed = on_failed,
                         .ctx = w};
}

static void end(world *w) {
    sio_dial_cut(&w->dial);
    sio_stream_free(w->server);
    sio_listener_free(w->listener);
    sio_loop_free(w->loop);
}

/* The second connection asks nobody where the first one went. */
START_TEST(stays_with_the_first_server) {
    world w;
    begin(&w, "127.0.0.1");
    ck_assert_int_eq(sio_dial_start(&w.dial), 0);
    net_run(w.loop);
    ck_assert_uint_eq(w.connects, 1);
    ck_assert(w.target.has_peer);
    sio_dial_cut(&w.dial);
    ck_assert_ptr_null(w.dial.stream);
    snprintf(w.host, sizeof w.host, "no_such_host.invalid");
    ck_assert_int_eq(sio_dial_start(&w.dial), 0);
    net_run(w.loop);
    ck_assert_uint_eq(w.connects, 2);
    end(&w);
}
END_TEST

START_TEST(name_without_address) {
    world w;
    begin(&w, "no_such_host.invalid");
    ck_assert_int_eq(sio_dial_start(&w.dial), 0);
    ck_assert_uint_eq(w.failures, 0);
    net_run(w.loop);
    ck_assert_uint_eq(w.failures, 1);
    ck_assert_int_eq(w.err, SIO_ERR_RESOLVE);
    ck_assert_int_eq(w.stage, SIO_CLIENT_STAGE_RESOLVE);
    ck_assert_ptr_nonnull(strstr(w.detail, "no_such_host.invalid: "));
    ck_assert(!w.target.has_peer);
    end(&w);
}
END_TEST

START_TEST(nobody_listens) {
    world w;
    begin(&w, "127.0.0.1");
    sio_listener_free(w.listener);
    w.listener = NULL;
    ck_assert_int_eq(sio_dial_start(&w.dial), 0);
    net_run(w.loop);
    ck_assert_uint_eq(w.failures, 1);
    ck_assert_uint_eq(w.errors, 0);
    ck_assert_int_eq(w.err, SIO_ERR_CONNECT);
    ck_assert_int_eq(w.stage, SIO_CLIENT_STAGE_CONNECT);
    ck_assert_int_eq(w.sys, ECONNREFUSED);
    end(&w);
}
END_TEST

START_TEST(cut_at_once) {
    world w;
    begin(&w, "127.0.0.1");
    ck_assert_int_eq(sio_dial_start(&w.dial), 0);
    sio_dial_cut(&w.dial);
    net_run_for(w.loop, 1);
    ck_assert_uint_eq(w.connects + w.errors + w.failures, 0);
    end(&w);
}
END_TEST

/* ---- through a proxy: each read of its is answered with the next line of the script ---- */

static void proxy_read(void *ctx, uint8_t *data, size_t len) {
    world *w = ctx;
    ck_assert_uint_lt(w->heard_len + len, sizeof w->heard);
    memcpy(w->heard + w->heard_len, data, len);
    w->heard_len += len;
    const char *say = w->script[w->said];
    if (!say) {
        sio_stream_free(w->server);
        w->server = NULL;
        return;
    }
    w->said++;
    size_t n = strlen(say);
    if (say[0] == 5 || say[0] == 1) {
        n = w->target.proxy.kind == SIO_PROXY_SOCKS5 && w->said == 3 ? 10 : 2;
    }
    ck_assert_int_eq(sio_stream_write(w->server, say, n), 0);
}

static const sio_stream_callbacks proxy_callbacks = {.on_read = proxy_read};

static void accept_proxy(void *ctx, sio_stream *stream) {
    world *w = ctx;
    sio_stream_free(w->server);
    w->server = stream;
    sio_stream_set_callbacks(stream, &proxy_callbacks, w);
}

static void begin_proxy(world *w, sio_proxy_kind kind, const char *const *script) {
    static char host[] = "127.0.0.1";
    begin(w, "no_such_host.invalid"); /* which only the proxy would have to know */
    sio_listener_free(w->listener);
    sio_listener_options options = {.host = "127.0.0.1", .on_accept = accept_proxy, .ctx = w};
    ck_assert_int_eq(sio_listener_new(&w->listener, w->loop, &options, NULL), 0);
    w->script = script;
    w->target.port = 80;
    w->target.proxy = (sio_dial_proxy){
        .host = host, .port = sio_listener_port(w->listener), .kind = kind, .has_user = true};
    ck_assert_int_eq(sio_buf_add_text(&w->target.proxy.user, "me"), 0);
    ck_assert_int_eq(sio_buf_add_text(&w->target.proxy.password, "pw"), 0);
    ck_assert_int_eq(sio_dial_start(&w->dial), 0);
    net_run(w->loop);
}

static void end_proxy(world *w) {
    sio_buf_free(&w->target.proxy.user);
    sio_buf_free(&w->target.proxy.password);
    end(w);
}

START_TEST(through_an_http_proxy) {
    static const char *const script[] = {"HTTP/1.1 200 OK\r\n\r\n", NULL};
    world w;
    begin_proxy(&w, SIO_PROXY_HTTP, script);
    ck_assert_uint_eq(w.connects, 1);
    ck_assert_ptr_nonnull(strstr(w.heard, "CONNECT no_such_host.invalid:80 HTTP/1.1\r\n"));
    ck_assert_ptr_nonnull(strstr(w.heard, "Proxy-Authorization: Basic bWU6cHc=\r\n"));
    ck_assert(w.target.has_peer);
    end_proxy(&w);
}
END_TEST

START_TEST(through_a_socks_proxy) {
    static const char *const script[] = {"\x05\x02", "\x01\x00",
                                         "\x05\x00\x00\x01\x01\x02\x03\x04\x00\x50", NULL};
    world w;
    begin_proxy(&w, SIO_PROXY_SOCKS5, script);
    w.script = script;
    ck_assert_msg(w.failures == 1 || w.connects == 1, "%s", w.detail);
    ck_assert_mem_eq(
        w.heard, "\x05\x02\x00\x02\x01\x02me\x02pw\x05\x01\x00\x03\x14no_such_host.invalid\x00\x50",
        4 + 7 + 7 + 20);
    end_proxy(&w);
}
END_TEST

static const struct {
    sio_proxy_kind kind;
    const char *script[3];
    int err;
    int status;
    const char *detail;
} refusals[] = {
    {SIO_PROXY_HTTP, {"HTTP/1.1 407 No\r\n\r\n"}, SIO_ERR_PROXY_AUTH, 407, "credentials"},
    {SIO_PROXY_HTTP, {"HTTP/1.1 502 Bad\r\n\r\n"}, SIO_ERR_PROXY, 502, "Bad Gateway"},
    {SIO_PROXY_HTTP, {"HTTP/1.1 302 X\r\nLocation: /\r\n\r\n"}, SIO_ERR_PROXY, 302, "127.0.0.1"},
    {SIO_PROXY_HTTP, {"<html>\r\n\r\n"}, SIO_ERR_PROXY_ANSWER, 0, ""},
    {SIO_PROXY_HTTP, {"HTTP/1.1 200 OK\r\n\r\nextra"}, SIO_ERR_PROXY_ANSWER, 200, "behind"},
    {SIO_PROXY_HTTP, {NULL}, SIO_ERR_PROXY_ANSWER, 0, "closed the connection"},
    {SIO_PROXY_SOCKS5, {"\x05\xff"}, SIO_ERR_PROXY_AUTH, 0, "authenticate"},
    {SIO_PROXY_SOCKS5, {"\x05\x02", "\x01\x01"}, SIO_ERR_PROXY_AUTH, 0, "credentials"},
    {SIO_PROXY_SOCKS5, {"HTTP/1.1 400 Bad Request"}, SIO_ERR_PROXY_ANSWER, 0, "SOCKS"},
    {SIO_PROXY_SOCKS5, {NULL}, SIO_ERR_PROXY_ANSWER, 0, "closed the connection"},
};

START_TEST(a_proxy_that_refuses) {
    world w;
    begin_proxy(&w, refusals[_i].kind, refusals[_i].script);
    ck_assert_uint_eq(w.connects, 0);
    ck_assert_uint_eq(w.failures, 1);
    ck_assert_str_eq(sio_error_name(w.err), sio_error_name(refusals[_i].err));
    ck_assert_int_eq(w.stage, SIO_CLIENT_STAGE_PROXY);
    ck_assert_int_eq(w.status, refusals[_i].status);
    ck_assert_msg(strstr(w.detail, refusals[_i].detail) != NULL, "%s", w.detail);
    end_proxy(&w);
}
END_TEST

#if SIO_HAVE_TLS

/* ---- TLS behind a proxy, which is the server as well: after the 200 it shakes hands itself ----
 */

static sio_tls *behind;

static void tunnel_read(void *ctx, uint8_t *data, size_t len) {
    world *w = ctx;
    static const char ok[] = "HTTP/1.1 200 OK\r\n\r\n";
    int fd;
    ck_assert_int_eq(sio_stream_detach(&fd, w->server), 0);
    w->server = NULL;
    ck_assert_int_eq(write(fd, ok, sizeof ok - 1), sizeof ok - 1);
    static const sio_stream_callbacks none = {.on_read = NULL};
    ck_assert_int_eq(sio_stream_adopt(&w->server, w->loop, fd, behind, 10000, &none, w), 0);
}

static const sio_stream_callbacks tunnel_callbacks = {.on_read = tunnel_read};

static void accept_tunnel(void *ctx, sio_stream *stream) {
    world *w = ctx;
    w->server = stream;
    sio_stream_set_callbacks(stream, &tunnel_callbacks, w);
}

START_TEST(tls_through_a_proxy) {
    static char proxy[] = "127.0.0.1";
    net_cert cert = net_cert_make(NULL, "DNS:secret.test", 100);
    sio_tls_options server = {.cert_pem = cert.cert_pem, .key_pem = cert.key_pem};
    sio_tls_options client = {.ca_pem = cert.cert_pem};
    ck_assert_int_eq(sio_tls_server_new(&behind, &server, NULL, NULL), 0);
    world w;
    begin(&w, "secret.test");
    sio_listener_free(w.listener);
    sio_listener_options options = {.host = proxy, .on_accept = accept_tunnel, .ctx = &w};
    ck_assert_int_eq(sio_listener_new(&w.listener, w.loop, &options, NULL), 0);
    w.target.proxy = (sio_dial_proxy){.host = proxy, .port = sio_listener_port(w.listener)};
    ck_assert_int_eq(sio_tls_client_new(&w.target.tls, &client, NULL, NULL), 0);
    w.target.server_name = _i == 0 ? "secret.test" : "other.test";
    ck_assert_int_eq(sio_dial_start(&w.dial), 0);
    net_run(w.loop);
    ck_assert_uint_eq(w.connects, _i == 0 ? 1 : 0);
    ck_assert_int_eq(w.err, _i == 0 ? 0 : SIO_ERR_TLS_HOST);
    ck_assert_int_eq(w.stage, _i == 0 ? SIO_CLIENT_STAGE_NONE : SIO_CLIENT_STAGE_TLS);
    sio_tls *tls = w.target.tls;
    end(&w);
    sio_tls_unref(tls);
    sio_tls_unref(behind);
    net_cert_free(&cert);
}
END_TEST

#endif

START_TEST(a_unix_socket_needs_no_name) {
    world w;
    begin(&w, "no_such_host.invalid");
    sio_listener_free(w.listener);
    char path[64];
    snprintf(path, sizeof path, "@libsio-dial-%d", (int)getpid());
    sio_listener_options options = {.unix_path = path, .on_accept = accept_one, .ctx = &w};
    ck_assert_int_eq(sio_listener_new(&w.listener, w.loop, &options, NULL), 0);
    ck_assert_int_eq(sio_address_unix(&w.target.peer, path), 0);
    w.target.has_peer = true;
    ck_assert_int_eq(sio_dial_start(&w.dial), 0);
    net_run(w.loop);
    ck_assert_uint_eq(w.connects, 1);
    end(&w);
}
END_TEST

START_TEST(from_a_local_address) {
    world w;
    begin(&w, "127.0.0.1");
    ck_assert_int_eq(sio_address_literal(&w.target.local, "127.0.0.2", 0), 0);
    ck_assert_int_eq(sio_dial_start(&w.dial), 0);
    net_run(w.loop);
    ck_assert_uint_eq(w.connects, 1);
    sio_address here;
    char text[SIO_ADDRESS_TEXT_MAX];
    ck_assert_int_eq(sio_stream_local(w.dial.stream, &here), 0);
    ck_assert_str_eq(sio_address_host(&here, text), "127.0.0.2");
    end(&w);
}
END_TEST

/* ---- without memory: the proxy lives in a loop of its own on the same event base ---- */

static int memory_scenario(const sio_mem *mem, void *arg) {
    static const char *const http[] = {"HTTP/1.1 200 OK\r\n\r\n", NULL};
    static const char *const socks[] = {"\x05\x02", "\x01\x00",
                                        "\x05\x00\x00\x01\x01\x02\x03\x04\x00\x50", NULL};
    static char host[] = "127.0.0.1";
    sio_proxy_kind kind = *(const sio_proxy_kind *)arg;
    sio_listener_options options = {.host = "127.0.0.1", .on_accept = accept_proxy};
    sio_loop *mine;
    world w;
    begin(&w, "no_such_host.invalid");
    int rc = sio_loop_new(&mine, &(sio_loop_options){.mem = mem, .base = sio_loop_base(w.loop)});
    if (rc != 0) {
        end(&w);
        return rc;
    }
    sio_listener_free(w.listener);
    options.ctx = &w;
    ck_assert_int_eq(sio_listener_new(&w.listener, w.loop, &options, NULL), 0);
    w.script = kind == SIO_PROXY_HTTP ? http : socks;
    w.target.port = 80;
    w.target.proxy = (sio_dial_proxy){
        .host = host, .port = sio_listener_port(w.listener), .kind = kind, .has_user = true};
    ck_assert_int_eq(sio_buf_add_text(&w.target.proxy.user, "me"), 0);
    ck_assert_int_eq(sio_buf_add_text(&w.target.proxy.password, "pw"), 0);
    w.dial.loop = mine;
    rc = sio_dial_start(&w.dial);
    if (rc == 0) {
        for (int i = 0; w.connects + w.failures + w.errors == 0; i++) {
            ck_assert_int_lt(i, 5000);
            net_run_for(w.loop, 0);
        }
        ck_assert_uint_eq(w.connects + w.failures + w.errors, 1);
        ck_assert(w.connects || w.err == SIO_ERR_NOMEM);
        rc = w.connects ? 0 : w.err;
    }
    sio_dial_cut(&w.dial);
    sio_loop_free(mine);
    end_proxy(&w);
    return rc;
}

START_TEST(without_memory) {
    sio_proxy_kind kind = _i ? SIO_PROXY_SOCKS5 : SIO_PROXY_HTTP;
    test_mem_sweep(memory_scenario, &kind);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("client_dial");
    TCase *tc = tcase_create("dial");
    tcase_add_test(tc, stays_with_the_first_server);
    tcase_add_test(tc, name_without_address);
    tcase_add_test(tc, nobody_listens);
    tcase_add_test(tc, cut_at_once);
    tcase_add_test(tc, through_an_http_proxy);
    tcase_add_test(tc, through_a_socks_proxy);
    tcase_add_loop_test(tc, a_proxy_that_refuses, 0, sizeof refusals / sizeof refusals[0]);
#if SIO_HAVE_TLS
    tcase_add_loop_test(tc, tls_through_a_proxy, 0, 2);
#endif
    tcase_add_test(tc, a_unix_socket_needs_no_name);
    tcase_add_test(tc, from_a_local_address);
    tcase_add_loop_test(tc, without_memory, 0, 2);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
