#if SIO_HAVE_TLS

#include "net_tls_support.h"

#include "net/listener.h"
#include "stream_internal.h"

#include <malloc.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

/* What OpenSSL holds, in bytes. */
static size_t tls_bytes;

static void *tls_alloc(size_t size, const char *file, int line) {
    (void)file;
    (void)line;
    void *block = malloc(size);
    tls_bytes += malloc_usable_size(block);
    return block;
}

static void tls_release(void *block, const char *file, int line) {
    (void)file;
    (void)line;
    tls_bytes -= malloc_usable_size(block);
    free(block);
}

static void *tls_resize(void *old, size_t size, const char *file, int line) {
    if (size == 0) {
        tls_release(old, file, line);
        return NULL;
    }
    size_t before = malloc_usable_size(old);
    void *block = realloc(old, size);
    if (block) {
        tls_bytes += malloc_usable_size(block) - before;
    }
    return block;
}

/* A client and a server over loopback. */
typedef struct tls_test {
    sio_loop *loop;
    net_cert root, leaf;
    sio_tls *server_tls, *client_tls;
    sio_listener *listener;
    net_peer client, server;
} tls_test;

static void on_accept(void *ctx, sio_stream *stream) {
    tls_test *t = ctx;
    if (t->server.stream) {
        sio_stream_free(t->server.stream);
    }
    t->server.stream = stream;
    sio_stream_set_callbacks(stream, &net_peer_callbacks, &t->server);
}

static void make_tls(tls_test *t, sio_tls_options *server, sio_tls_options *client) {
    char detail[SIO_TLS_DETAIL_MAX] = "";
    if (!server->cert_pem) {
        server->cert_pem = t->leaf.cert_pem;
        server->key_pem = t->leaf.key_pem;
    }
    if (!client->ca_pem) {
        client->ca_pem = t->root.cert_pem;
    }
    ck_assert_msg(sio_tls_server_new(&t->server_tls, server, detail, NULL) == 0, "%s", detail);
    ck_assert_msg(sio_tls_client_new(&t->client_tls, client, detail, NULL) == 0, "%s", detail);
}

static void setup(tls_test *t, sio_tls_options server, sio_tls_options client) {
    *t = (tls_test){.loop = net_loop(NULL)};
    t->root = net_cert_make(NULL, NULL, 100);
    t->leaf = net_cert_make(&t->root, "DNS:good.test,IP:127.0.0.1", 100);
    make_tls(t, &server, &client);
    sio_listener_options listen = {
        .host = "127.0.0.1", .tls = t->server_tls, .on_accept = on_accept, .ctx = t};
    ck_assert_int_eq(sio_listener_new(&t->listener, t->loop, &listen, NULL), 0);
}

static void connect_to(tls_test *t, const char *host) {
    sio_address address;
    ck_assert_int_eq(sio_address_literal(&address, "127.0.0.1", sio_listener_port(t->listener)), 0);
    sio_stream_connect_options options = {
        .addresses = &address,
        .address_count = 1,
        .tls = t->client_tls,
        .host = host,
        .timeout_ms = 15000,
        .callbacks = &net_peer_callbacks,
        .ctx = &t->client,
    };
    ck_assert_int_eq(sio_stream_connect(&t->client.stream, t->loop, &options), 0);
}

static void teardown(tls_test *t) {
    net_peer_free(&t->client);
    net_peer_free(&t->server);
    sio_listener_free(t->listener);
    sio_tls_unref(t->server_tls);
    sio_tls_unref(t->client_tls);
    ck_assert_uint_eq(sio_loop_stream_count(t->loop), 0);
    sio_loop_free(t->loop);
    net_cert_free(&t->leaf);
    net_cert_free(&t->root);
    ck_assert_uint_eq(ERR_peek_error(), 0);
}

START_TEST(echoes_what_was_written_before_the_handshake_too) {
    static uint8_t data[400000];
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)(i * 31 + i / 256);
    }
    tls_test t;
    sio_tls_options settings = {.alpn = "http/1.1,other", .min_version = _i};
    setup(&t, settings, settings);
    connect_to(&t, "good.test");
    ck_assert_int_eq(sio_stream_write(t.client.stream, data, sizeof data), 0);
    t.server.echo = true;
    t.client.stop_len = sizeof data;
    net_run(t.loop);
    ck_assert_mem_eq(t.client.bytes, data, sizeof data);
    ck_assert_uint_eq(t.client.connects, 1);
    ck_assert_uint_eq(t.server.connects, 1);
    ck_assert(sio_stream_is_tls(t.client.stream));
    ck_assert_uint_eq(sio_stream_alpn(t.client.stream).len, 8);
    ck_assert_str_eq(SSL_get_servername(sio_stream_ssl(t.server.stream), TLSEXT_NAMETYPE_host_name),
                     "good.test");
    teardown(&t);
}
END_TEST

START_TEST(addresses_are_verified_as_such) {
    tls_test t;
    setup(&t, (sio_tls_options){0}, (sio_tls_options){0});
    connect_to(&t, "127.0.0.1");
    t.client.stop_connect = true;
    net_run(t.loop);
    ck_assert_uint_eq(t.client.connects, 1);
    teardown(&t);
}
END_TEST

static void expect_refused(tls_test *t, const char *host, int err, const char *text) {
    connect_to(t, host);
    t->client.stop_error = t->client.stop_connect = true;
    net_run(t->loop);
    ck_assert_uint_eq(t->client.connects, 0);
    ck_assert_int_eq(t->client.err, err);
    ck_assert_msg(strstr(t->client.detail, text) != NULL, "%s", t->client.detail);
}

START_TEST(another_host_is_refused) {
    tls_test t;
    setup(&t, (sio_tls_options){0}, (sio_tls_options){0});
    expect_refused(&t, _i == 0 ? "evil.test" : "127.0.0.2", SIO_ERR_TLS_HOST, "mismatch");
    teardown(&t);
}
END_TEST

START_TEST(an_unknown_issuer_is_refused_by_default) {
    net_cert other = net_cert_make(NULL, NULL, 100);
    tls_test t;
    setup(&t, (sio_tls_options){0}, (sio_tls_options){.ca_pem = other.cert_pem});
    expect_refused(&t, "good.test", SIO_ERR_TLS_ISSUER, "certificate");
    teardown(&t);
    net_cert_free(&other);
}
END_TEST

static void one_server_cert(const net_cert *cert, int err, const char *text) {
    tls_test t;
    setup(&t, (sio_tls_options){.cert_pem = cert->cert_pem, .key_pem = cert->key_pem},
          (sio_tls_options){0});
    expect_refused(&t, "good.test", err, text);
    teardown(&t);
}

START_TEST(a_self_signed_certificate_is_refused) {
    net_cert alone = net_cert_make(NULL, "DNS:good.test", 100);
    one_server_cert(&alone, SIO_ERR_TLS_SELF_SIGNED, "self-signed");
    net_cert_free(&alone);
}
END_TEST

START_TEST(an_expired_certificate_is_refused) {
    tls_test t = {.loop = net_loop(NULL)};
    t.root = net_cert_make(NULL, NULL, 100);
    t.leaf = net_cert_make(&t.root, "DNS:good.test", -1);
    sio_tls_options server = {0};
    sio_tls_options client = {0};
    make_tls(&t, &server, &client);
    sio_listener_options listen = {
        .host = "127.0.0.1", .tls = t.server_tls, .on_accept = on_accept, .ctx = &t};
    ck_assert_int_eq(sio_listener_new(&t.listener, t.loop, &listen, NULL), 0);
    expect_refused(&t, "good.test", SIO_ERR_TLS_EXPIRED, "expired");
    teardown(&t);
}
END_TEST

START_TEST(a_ready_context_is_verified_all_the_same) {
    SSL_CTX *context = SSL_CTX_new(TLS_client_method()); /* OpenSSL's default verifies nothing */
    tls_test t;
    setup(&t, (sio_tls_options){0}, (sio_tls_options){.context = context});
    ck_assert_ptr_eq(sio_tls_context(t.client_tls), context);
    expect_refused(&t, "good.test", SIO_ERR_TLS_ISSUER, "certificate");
    teardown(&t);
    SSL_CTX_free(context);
}
END_TEST

START_TEST(insecure_accepts_anything) {
    net_cert other = net_cert_make(NULL, NULL, 100);
    tls_test t;
    setup(&t, (sio_tls_options){0}, (sio_tls_options){.ca_pem = other.cert_pem, .insecure = true});
    connect_to(&t, "evil.test");
    t.client.stop_connect = t.client.stop_error = true;
    net_run(t.loop);
    ck_assert_uint_eq(t.client.connects, 1);
    teardown(&t);
    net_cert_free(&other);
}
END_TEST

START_TEST(a_server_may_demand_a_certificate) {
    tls_test t;
    net_cert root = net_cert_make(NULL, NULL, 100);
    net_cert id = net_cert_make(&root, "DNS:client", 100);
    sio_tls_options client = {0};
    if (_i == 1) {
        client.cert_pem = id.cert_pem;
        client.key_pem = id.key_pem;
    }
    setup(&t, (sio_tls_options){.ca_pem = root.cert_pem, .require_cert = true}, client);
    connect_to(&t, "good.test");
    t.server.stop_connect = t.server.stop_error = true;
    net_run(t.loop);
    ck_assert_uint_eq(t.server.connects, _i == 1 ? 1 : 0);
    ck_assert_int_eq(t.server.err, _i == 1 ? 0 : SIO_ERR_TLS_VERIFY);
    teardown(&t);
    net_cert_free(&id);
    net_cert_free(&root);
}
END_TEST

START_TEST(a_second_connection_resumes_the_session) {
    tls_test t;
    setup(&t, (sio_tls_options){0}, (sio_tls_options){0});
    if (_i == 12) {
        SSL_CTX_set_max_proto_version(sio_tls_context(t.client_tls), TLS1_2_VERSION);
    }
    t.server.echo = true;
    t.client.stop_len = 5;
    for (int round = 0; round < 3; round++) {
        connect_to(&t, "good.test");
        ck_assert_int_eq(sio_stream_write(t.client.stream, "hello", 5), 0);
        net_run(t.loop);
        ck_assert_int_eq(SSL_session_reused(sio_stream_ssl(t.client.stream)), round > 0);
        sio_stream_free(t.client.stream);
        t.client.stream = NULL;
        t.client.len = 0;
    }
    teardown(&t);
}
END_TEST

START_TEST(close_ends_both_directions_cleanly) {
    tls_test t;
    setup(&t, (sio_tls_options){0}, (sio_tls_options){0});
    connect_to(&t, "good.test");
    t.client.stop_connect = true;
    net_run(t.loop);
    static uint8_t data[300000];
    ck_assert_int_eq(sio_stream_write(t.client.stream, data, sizeof data), 0);
    sio_stream_close(t.client.stream, 10000);
    t.client.stream = NULL;
    t.server.stop_eof = true;
    net_run(t.loop);
    ck_assert_uint_eq(t.server.len, sizeof data);
    ck_assert_uint_eq(t.server.eofs, 1);
    sio_stream_close(t.server.stream, 10000);
    t.server.stream = NULL;
    net_run_for(t.loop, 5);
    ck_assert_uint_eq(sio_loop_stream_count(t.loop), 0);
    ck_assert_uint_eq(t.client.errors + t.server.errors, 0);
    teardown(&t);
}
END_TEST

/* Heads of records with data that were read (RFC 8446 §5.2). */
static void count_records(int writes, int version, int type, const void *head, size_t len, SSL *ssl,
                          void *count) {
    (void)version;
    (void)ssl;
    if (!writes && type == SSL3_RT_HEADER && len > 0 &&
        *(const uint8_t *)head == SSL3_RT_APPLICATION_DATA) {
        ++*(unsigned *)count;
    }
}

/* What is written in one turn, in these pieces, again and again. */
static const struct {
    size_t piece;
    size_t count;
    bool by_reference;
    unsigned records; /* as few as there can be, or one more for each full one */
} outputs[] = {
    {1, 1, false, 1},       {30, 16, false, 1},    {30, 16, true, 1},  {100, 163, false, 1},
    {1050, 8, false, 1},    {1050, 8, true, 1},    {600, 27, true, 1}, {16384, 1, true, 1},
    {8191, 2, true, 1},     {8192, 2, true, 2},    {5000, 4, true, 2}, {65550, 1, true, 5},
    {70000, 10, false, 55}, {300000, 2, true, 38},
};

START_TEST(output_leaves_in_few_records) {
    static uint8_t data[700000];
    size_t len = outputs[_i].piece * outputs[_i].count;
    unsigned records = 0;
    tls_test t;
    for (size_t i = 0; i < len; i++) {
        data[i] = (uint8_t)(i * 31 + i / 256);
    }
    setup(&t, (sio_tls_options){0}, (sio_tls_options){0});
    connect_to(&t, "good.test");
    t.server.echo = true;
    t.client.stop_len = 1;
    ck_assert_int_eq(sio_stream_write(t.client.stream, "x", 1), 0);
    net_run(t.loop);
    SSL_set_msg_callback(sio_stream_ssl(t.client.stream), count_records);
    SSL_set_msg_callback_arg(sio_stream_ssl(t.client.stream), &records);
    for (size_t at = 0; at < len; at += outputs[_i].piece) {
        int rc =
            outputs[_i].by_reference
                ? sio_stream_write_ref(t.server.stream, data + at, outputs[_i].piece, NULL, NULL)
                : sio_stream_write(t.server.stream, data + at, outputs[_i].piece);
        ck_assert_int_eq(rc, 0);
    }
    t.client.stop_len = 1 + len;
    net_run(t.loop);
    ck_assert_uint_eq(t.client.len, 1 + len);
    ck_assert(memcmp(t.client.bytes + 1, data, len) == 0);
    ck_assert_uint_le(records, outputs[_i].records);
    teardown(&t);
}
END_TEST

/* A peer that does not answer the end may keep us waiting for as long as we linger. */
START_TEST(a_closing_stream_holds_no_buffer) {
    tls_test t;
    setup(&t, (sio_tls_options){0}, (sio_tls_options){0});
    connect_to(&t, "good.test");
    t.server.echo = true;
    t.client.stop_len = 5;
    ck_assert_int_eq(sio_stream_write(t.client.stream, "hello", 5), 0);
    net_run(t.loop);
    size_t idle = tls_bytes;
    sio_stream_close(t.client.stream, 10000);
    t.client.stream = NULL;
    t.server.stop_eof = true;
    net_run(t.loop);
    ck_assert_uint_eq(sio_loop_stream_count(t.loop), 2);
    ck_assert_uint_le(tls_bytes, idle + 1024);
    sio_stream_close(t.server.stream, 10000);
    t.server.stream = NULL;
    sio_loop_on_quiet(t.loop, net_stop, t.loop);
    net_run(t.loop);
    teardown(&t);
}
END_TEST

START_TEST(a_cut_connection_is_not_a_clean_end) {
    tls_test t;
    setup(&t, (sio_tls_options){0}, (sio_tls_options){0});
    connect_to(&t, "good.test");
    t.client.stop_connect = true;
    net_run(t.loop);
    t.client.stop_error = t.client.stop_eof = true;
    while (!t.server.stream || t.server.connects == 0) {
        net_run_for(t.loop, 1);
    }
    sio_stream_free(t.server.stream);
    t.server.stream = NULL;
    net_run(t.loop);
    ck_assert_uint_eq(t.client.eofs, 0);
    ck_assert_int_eq(t.client.err, SIO_ERR_RESET);
    teardown(&t);
}
END_TEST

START_TEST(no_tls_is_an_error_on_either_side) {
    tls_test t;
    setup(&t, (sio_tls_options){0}, (sio_tls_options){0});
    sio_address address;
    ck_assert_int_eq(sio_address_literal(&address, "127.0.0.1", sio_listener_port(t.listener)), 0);
    sio_stream_connect_options options = {.addresses = &address,
                                          .address_count = 1,
                                          .callbacks = &net_peer_callbacks,
                                          .ctx = &t.client};
    ck_assert_int_eq(sio_stream_connect(&t.client.stream, t.loop, &options), 0);
    ck_assert_int_eq(sio_stream_write(t.client.stream, "GET / HTTP/1.1\r\n\r\n", 18), 0);
    t.server.stop_error = true;
    net_run(t.loop);
    ck_assert_int_eq(t.server.err, SIO_ERR_TLS);
    teardown(&t);
}
END_TEST

START_TEST(a_silent_peer_is_given_up) {
    tls_test t;
    setup(&t, (sio_tls_options){0}, (sio_tls_options){0});
    int fds[2];
    net_pair(fds, SOCK_STREAM);
    ck_assert_int_eq(sio_stream_adopt(&t.server.stream, t.loop, fds[0], t.server_tls, 5,
                                      &net_peer_callbacks, &t.server),
                     0);
    t.server.stop_error = true;
    net_run(t.loop);
    ck_assert_int_eq(t.server.err, SIO_ERR_TIMEOUT);
    close(fds[1]);
    teardown(&t);
}
END_TEST

/* -- TLS behind a proxy: begun on a stream that is open already, from its own reader -- */

typedef struct proxied {
    net_peer peer;
    sio_tls *tls;
} proxied;

static void proxied_read(void *ctx, uint8_t *data, size_t len) {
    proxied *p = ctx;
    if (!sio_stream_is_tls(p->peer.stream)) {
        ck_assert_mem_eq(data, "go", 2);
        ck_assert_int_eq(sio_stream_start_tls(p->peer.stream, p->tls, "good.test", 10000), 0);
        ck_assert_int_eq(sio_stream_start_tls(p->peer.stream, p->tls, "good.test", 1),
                         SIO_ERR_STATE);
        ck_assert_int_eq(sio_stream_write(p->peer.stream, "hello", 5), 0);
        return;
    }
    net_peer_read(ctx, data, len);
}

START_TEST(tls_begins_on_an_open_stream) {
    static const sio_stream_callbacks callbacks = {
        .on_read = proxied_read, .on_connected = net_peer_connected, .on_error = net_peer_error};
    tls_test t;
    setup(&t, (sio_tls_options){0}, (sio_tls_options){0});
    int fds[2];
    net_pair(fds, SOCK_STREAM);
    proxied p = {.tls = t.client_tls};
    ck_assert_int_eq(sio_stream_adopt(&p.peer.stream, t.loop, fds[0], NULL, 0, &callbacks, &p), 0);
    ck_assert_int_eq(send(fds[1], "go", 2, 0), 2);
    ck_assert_int_eq(sio_stream_adopt(&t.server.stream, t.loop, fds[1], t.server_tls, 0,
                                      &net_peer_callbacks, &t.server),
                     0);
    t.server.echo = true;
    p.peer.stop_len = 5;
    net_run(t.loop);
    ck_assert_mem_eq(p.peer.bytes, "hello", 5);
    ck_assert_uint_eq(p.peer.connects, 1);
    net_peer_free(&p.peer);
    teardown(&t);
}
END_TEST

static void stop_post(void *arg, bool cancelled) {
    sio_loop_stop(arg);
}

/* Every byte of the exchange alone, so that records and handshake messages are cut everywhere. */
static void relay(int from, int to) {
    uint8_t byte;
    if (recv(from, &byte, 1, MSG_DONTWAIT) == 1) {
        ck_assert_int_eq(send(to, &byte, 1, 0), 1);
    }
}

START_TEST(records_may_arrive_in_any_pieces) {
    tls_test t;
    setup(&t, (sio_tls_options){0}, (sio_tls_options){0});
    int a[2];
    int b[2];
    net_pair(a, SOCK_STREAM);
    net_pair(b, SOCK_STREAM);
    proxied p = {.tls = t.client_tls};
    net_adopt(&p.peer, t.loop, a[0]);
    ck_assert_int_eq(sio_stream_start_tls(p.peer.stream, p.tls, "good.test", 0), 0);
    ck_assert_int_eq(sio_stream_adopt(&t.server.stream, t.loop, b[0], t.server_tls, 0,
                                      &net_peer_callbacks, &t.server),
                     0);
    t.server.echo = true;
    ck_assert_int_eq(sio_stream_write(p.peer.stream, "hello", 5), 0);
    while (p.peer.len < 5) {
        relay(a[1], b[1]);
        relay(b[1], a[1]);
        ck_assert_int_eq(sio_loop_post(t.loop, stop_post, t.loop), 0);
        net_run(t.loop);
        ck_assert_uint_eq(p.peer.errors + t.server.errors, 0);
    }
    ck_assert_mem_eq(p.peer.bytes, "hello", 5);
    net_peer_free(&p.peer);
    close(a[1]);
    close(b[1]);
    teardown(&t);
}
END_TEST

START_TEST(it_can_be_freed_in_every_state) {
    tls_test t;
    setup(&t, (sio_tls_options){0}, (sio_tls_options){0});
    connect_to(&t, "good.test");
    for (int turn = 0; turn < _i; turn++) {
        ck_assert_int_eq(sio_loop_post(t.loop, stop_post, t.loop), 0);
        net_run(t.loop);
    }
    sio_stream_free(t.client.stream);
    t.client.stream = NULL;
    net_run_for(t.loop, 1);
    teardown(&t);
}
END_TEST

START_TEST(settings_are_for_one_side) {
    tls_test t;
    setup(&t, (sio_tls_options){0}, (sio_tls_options){0});
    int fds[2];
    net_pair(fds, SOCK_STREAM);
    sio_stream *stream;
    ck_assert_int_eq(sio_stream_adopt(&stream, t.loop, fds[0], t.client_tls, 0, NULL, NULL),
                     SIO_ERR_INVALID);
    close(fds[1]);
    teardown(&t);
}
END_TEST

int main(void) {
    if (CRYPTO_set_mem_functions(tls_alloc, tls_resize, tls_release) != 1) {
        return 1;
    }
    Suite *suite = suite_create("net_stream_tls");
    TCase *tc = tcase_create("net_stream_tls");
    tcase_set_timeout(tc, 40);
    tcase_add_loop_test(tc, echoes_what_was_written_before_the_handshake_too, 12, 14);
    tcase_add_test(tc, addresses_are_verified_as_such);
    tcase_add_loop_test(tc, another_host_is_refused, 0, 2);
    tcase_add_test(tc, an_unknown_issuer_is_refused_by_default);
    tcase_add_test(tc, a_self_signed_certificate_is_refused);
    tcase_add_test(tc, an_expired_certificate_is_refused);
    tcase_add_test(tc, a_ready_context_is_verified_all_the_same);
    tcase_add_test(tc, insecure_accepts_anything);
    tcase_add_loop_test(tc, a_server_may_demand_a_certificate, 0, 2);
    tcase_add_loop_test(tc, a_second_connection_resumes_the_session, 12, 14);
    tcase_add_test(tc, close_ends_both_directions_cleanly);
    tcase_add_loop_test(tc, output_leaves_in_few_records, 0, sizeof(outputs) / sizeof(outputs[0]));
    tcase_add_test(tc, a_closing_stream_holds_no_buffer);
    tcase_add_test(tc, a_cut_connection_is_not_a_clean_end);
    tcase_add_test(tc, no_tls_is_an_error_on_either_side);
    tcase_add_test(tc, a_silent_peer_is_given_up);
    tcase_add_test(tc, tls_begins_on_an_open_stream);
    tcase_add_test(tc, records_may_arrive_in_any_pieces);
    tcase_add_loop_test(tc, it_can_be_freed_in_every_state, 0, 12);
    tcase_add_test(tc, settings_are_for_one_side);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}

#else

#include "support.h"

#include "stream_internal.h"

START_TEST(a_build_without_tls_says_so) {
    ck_assert_int_eq(sio_stream_tls_open(NULL, NULL, NULL), SIO_ERR_UNSUPPORTED);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("net_stream_tls");
    TCase *tc = tcase_create("net_stream_tls");
    tcase_add_test(tc, a_build_without_tls_says_so);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}

#endif
