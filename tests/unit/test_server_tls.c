#if SIO_HAVE_TLS

#include "server_support.h"

#include "net_tls_support.h"

#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- files ---- */

typedef struct files {
    char dir[32];
    net_cert root, leaf, other, client, stranger;
    char root_file[64], cert[64], key[64], other_cert[64], other_key[64], box[64];
} files;

static void put(char path[64], const files *f, const char *name, const char *text) {
    snprintf(path, 64, "%s/%s", f->dir, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static void files_open(files *f) {
    *f = (files){.dir = "/tmp/sio-tls-XXXXXX"};
    ck_assert_ptr_nonnull(mkdtemp(f->dir));
    f->root = net_cert_make(NULL, NULL, 10);
    f->leaf = net_cert_make(&f->root, "DNS:leaf", 10);
    f->other = net_cert_make(&f->root, "DNS:other", 10);
    f->client = net_cert_make(&f->root, "DNS:client", 10);
    f->stranger = net_cert_make(NULL, "DNS:stranger", 10);
    put(f->root_file, f, "root.pem", f->root.cert_pem);
    put(f->cert, f, "cert.pem", f->leaf.cert_pem);
    put(f->key, f, "key.pem", f->leaf.key_pem);
    put(f->other_cert, f, "other.pem", f->other.cert_pem);
    put(f->other_key, f, "other-key.pem", f->other.key_pem);
    snprintf(f->box, sizeof f->box, "%s/box.p12", f->dir);
    PKCS12 *box = PKCS12_create("pw", "name", f->leaf.key, f->leaf.cert, NULL, 0, 0, 0, 0, 0);
    FILE *file = fopen(f->box, "w");
    ck_assert_int_eq(i2d_PKCS12_fp(file, box), 1);
    fclose(file);
    PKCS12_free(box);
}

static void files_close(files *f) {
    const char *paths[] = {f->root_file, f->cert, f->key, f->other_cert, f->other_key, f->box};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        unlink(paths[i]);
    }
    ck_assert_int_eq(rmdir(f->dir), 0);
    net_cert *certs[] = {&f->root, &f->leaf, &f->other, &f->client, &f->stranger};
    for (size_t i = 0; i < sizeof(certs) / sizeof(certs[0]); i++) {
        net_cert_free(certs[i]);
    }
}

static sio_server_tls settings(const files *f) {
    sio_server_tls tls = SIO_SERVER_TLS_INIT;
    tls.cert_file = f->cert;
    tls.key_file = f->key;
    return tls;
}

/* ---- a client ---- */

typedef struct client {
    server_test *test;
    SSL_CTX *context;
    SSL *ssl;
    int fd;
} client;

static void client_open(client *c, server_test *t, uint16_t port) {
    sio_address address;
    (void)sio_address_literal(&address, "127.0.0.1", port);
    *c = (client){.test = t, .context = SSL_CTX_new(TLS_client_method())};
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(c->fd, &address.u.any, address.len), 0);
    ck_assert_int_eq(fcntl(c->fd, F_SETFL, O_NONBLOCK), 0);
    c->ssl = SSL_new(c->context);
    SSL_set_fd(c->ssl, c->fd);
    SSL_set_connect_state(c->ssl);
}

static void client_close(client *c) {
    SSL_free(c->ssl);
    SSL_CTX_free(c->context);
    close(c->fd);
    ERR_clear_error();
    event_base_loop(c->test->base, EVLOOP_NONBLOCK);
}

static void show(client *c, const net_cert *cert) {
    SSL_use_certificate(c->ssl, cert->cert);
    SSL_use_PrivateKey(c->ssl, cert->key);
}

/* @return whether the server is still there */
static bool step(client *c, int rc) {
    int error = SSL_get_error(c->ssl, rc);
    struct pollfd p = {c->fd, POLLIN, 0};
    event_base_loop(c->test->base, EVLOOP_NONBLOCK);
    poll(&p, 1, 1);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

/* Ask, and read the answer's first line. @return its status; 0: the connection ended before */
static int ask_with(client *c, const char *request) {
    char text[1024];
    sio_time deadline = server_deadline();
    int rc;
    while ((rc = SSL_write(c->ssl, request, (int)strlen(request))) <= 0) {
        if (server_late(deadline) || !step(c, rc)) {
            return 0;
        }
    }
    while ((rc = SSL_read(c->ssl, text, sizeof text - 1)) <= 0) {
        if (server_late(deadline) || !step(c, rc)) {
            return 0;
        }
    }
    text[rc] = '\0';
    int status = 0;
    return sscanf(text, "HTTP/1.1 %d", &status) == 1 ? status : 0;
}

static int ask(client *c) {
    return ask_with(c, "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: h\r\n\r\n");
}

#define WS_HANDSHAKE                                                                               \
    "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n"     \
    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"                                          \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

static bool shown_is(const client *c, const net_cert *cert) {
    X509 *shown = SSL_get1_peer_certificate(c->ssl);
    bool same = shown && X509_cmp(shown, cert->cert) == 0;
    X509_free(shown);
    return same;
}

static void start(server_test *t, const sio_server_tls *tls) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.tls = tls;
    server_start(t, &options);
}

static void expect(server_test *t, uint16_t port, const net_cert *with, int status) {
    for (int ws = 0; ws <= 1; ws++) {
        client c;
        client_open(&c, t, port);
        if (with) {
            show(&c, with);
        }
        int got = ws ? ask_with(&c, WS_HANDSHAKE) : ask(&c);
        ck_assert_int_eq(got, ws && status == 200 ? 101 : status);
        client_close(&c);
    }
}

/* What the application has learnt of who came last. */
static struct {
    unsigned count;
    char subject[64];
    bool verified;
} last;

static void on_session(sio_peer *peer, const sio_event *ev, void *user) {
    const sio_handshake *handshake = sio_peer_handshake(peer);
    last.count++;
    last.verified = handshake->certificate_verified;
    snprintf(last.subject, sizeof(last.subject), "%s",
             handshake->certificate ? handshake->certificate : "none");
}

static void join_with(server_test *t, const net_cert *with) {
    static const uint8_t join[] = {0x81, 0x80 | 2, 0, 0, 0, 0, '4', '0'};
    client c;
    last.count = 0;
    client_open(&c, t, t->port);
    if (with) {
        show(&c, with);
    }
    ck_assert_int_eq(ask_with(&c, WS_HANDSHAKE), 101);
    ck_assert_int_eq(SSL_write(c.ssl, join, sizeof join), sizeof join);
    server_until(t, last.count == 1);
    client_close(&c);
}

static void start_asking(server_test *t, const sio_server_tls *tls) {
    start(t, tls);
    sio_namespace *ns = sio_server_of(t->server, "/");
    ck_assert_int_eq(sio_namespace_on_connection(ns, on_session, NULL), 0);
}

/* ---- tests ---- */

static files f;
static server_test t;

static void make_files(void) {
    files_open(&f);
}

static void remove_files(void) {
    files_close(&f);
}

/* E88: over polling and WebSocket */
START_TEST(clients_must_show_a_certificate) {
    sio_server_tls tls = settings(&f);
    tls.client_ca_file = f.root_file;
    start(&t, &tls);
    expect(&t, t.port, &f.client, 200);
    expect(&t, t.port, NULL, 0);
    expect(&t, t.port, &f.stranger, 0);
    expect(&t, t.port, &f.client, 200);
    server_stop(&t);
}
END_TEST

START_TEST(clients_may_show_a_certificate) {
    sio_server_tls tls = settings(&f);
    tls.client_ca_file = f.root_file;
    tls.client_cert_optional = true;
    start(&t, &tls);
    expect(&t, t.port, &f.client, 200);
    expect(&t, t.port, NULL, 200);
    expect(&t, t.port, &f.stranger, 0);
    server_stop(&t);
}
END_TEST

START_TEST(a_pkcs12_file_holds_all) {
    sio_server_tls tls = SIO_SERVER_TLS_INIT;
    tls.pkcs12_file = f.box;
    tls.key_passphrase = "pw";
    tls.client_ca_file = f.root_file;
    start(&t, &tls);
    client c;
    client_open(&c, &t, t.port);
    show(&c, &f.client);
    ck_assert_int_eq(ask(&c), 200);
    ck_assert(shown_is(&c, &f.leaf));
    client_close(&c);
    expect(&t, t.port, NULL, 0);
    tls.key_passphrase = "wrong";
    ck_assert_int_eq(sio_server_reload_tls(t.server, &tls), SIO_ERR_TLS_CONFIG);
    ck_assert_ptr_nonnull(strstr(sio_server_detail(t.server), f.box));
    server_stop(&t);
}
END_TEST

static void takes(sio_request *request, void *user) {
    int fd = -1;
    sio_bytes early;
    ck_assert_int_eq(sio_request_take_connection(request, &fd, &early), SIO_ERR_UNSUPPORTED);
    ck_assert_int_eq(fd, -1);
    ck_assert_int_eq(sio_request_reply(request, 501, NULL, NULL, 0), 0);
}

START_TEST(upgrades_over_tls_cannot_be_taken_over) {
    sio_server_tls tls = settings(&f);
    start(&t, &tls);
    sio_server_on_upgrade(t.server, takes, NULL);
    client c;
    client_open(&c, &t, t.port);
    ck_assert_int_eq(ask_with(&c, "GET /own HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n"
                                  "Upgrade: own\r\n\r\n"),
                     501);
    client_close(&c);
    server_stop(&t);
}
END_TEST

START_TEST(the_application_sees_the_certificate) {
    sio_server_tls tls = settings(&f);
    tls.client_ca_file = f.root_file;
    tls.client_cert_optional = true;
    start_asking(&t, &tls);
    join_with(&t, &f.client);
    char subject[64];
    X509_NAME_oneline(X509_get_subject_name(f.client.cert), subject, sizeof subject);
    ck_assert_str_eq(last.subject, subject + 1); /* "/CN=..." */
    ck_assert(last.verified);
    join_with(&t, NULL);
    ck_assert_str_eq(last.subject, "none");
    ck_assert(!last.verified);
    server_stop(&t);
    /* Without authorities nobody is asked for one. */
    tls = settings(&f);
    start_asking(&t, &tls);
    join_with(&t, &f.client);
    ck_assert_str_eq(last.subject, "none");
    ck_assert(!last.verified);
    server_stop(&t);
}
END_TEST

static int accept_any(int fine, X509_STORE_CTX *chain) {
    return 1;
}

/* A context of the application's own may let pass what nobody vouches for. */
START_TEST(an_unknown_certificate_is_not_verified) {
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    ck_assert_int_eq(SSL_CTX_use_certificate(context, f.leaf.cert), 1);
    ck_assert_int_eq(SSL_CTX_use_PrivateKey(context, f.leaf.key), 1);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, accept_any);
    sio_server_tls tls = SIO_SERVER_TLS_INIT;
    tls.ctx = context;
    start_asking(&t, &tls);
    SSL_CTX_free(context);
    join_with(&t, &f.stranger);
    ck_assert_str_ne(last.subject, "none");
    ck_assert(!last.verified);
    server_stop(&t);
}
END_TEST

START_TEST(one_plain_and_one_with_tls) {
    sio_server_tls tls = settings(&f);
    server_start(&t, NULL);
    sio_listen_options options = SIO_LISTEN_OPTIONS_INIT;
    options.host = "127.0.0.1";
    options.tls = &tls;
    unsigned id;
    ck_assert_int_eq(sio_server_listen_with(t.server, &options, &id), 0);
    uint16_t port = sio_server_listener_port(t.server, id);
    http_expect(&t, "GET", "/socket.io/?EIO=4&transport=polling", "", NULL, 200, NULL);
    expect(&t, port, NULL, 200);
    expect(&t, t.port, NULL, 0);
    t.port = port;
    raw_client c;
    raw_open(&c, &t);
    raw_text(&c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    raw_expect_eof(&c);
    raw_close(&c);
    raw_open(&c, &t);
    raw_send(&c, "\x16\x03\x01\xff\xff\x01\x00garbage that is no ClientHello", 37);
    raw_reset(&c);
    expect(&t, port, NULL, 200);
    server_stop(&t);
}
END_TEST

START_TEST(a_renewed_certificate_is_for_new_connections) {
    sio_server_tls tls = settings(&f);
    start(&t, &tls);
    client old;
    client fresh;
    client_open(&old, &t, t.port);
    ck_assert_int_eq(ask(&old), 200);

    sio_server_tls bad = settings(&f);
    bad.cert_file = "/nonexistent";
    ck_assert_int_eq(sio_server_reload_tls(t.server, &bad), SIO_ERR_TLS_CONFIG);
    ck_assert_ptr_nonnull(strstr(sio_server_detail(t.server), "/nonexistent"));
    bad = settings(&f);
    bad.key_file = f.other_key;
    ck_assert_int_eq(sio_server_reload_tls(t.server, &bad), SIO_ERR_TLS_CONFIG);
    client_open(&fresh, &t, t.port);
    ck_assert_int_eq(ask(&fresh), 200);
    ck_assert(shown_is(&fresh, &f.leaf));
    client_close(&fresh);

    tls.cert_file = f.other_cert;
    tls.key_file = f.other_key;
    ck_assert_int_eq(sio_server_reload_tls(t.server, &tls), 0);
    client_open(&fresh, &t, t.port);
    ck_assert_int_eq(ask(&fresh), 200);
    ck_assert(shown_is(&fresh, &f.other));
    client_close(&fresh);
    ck_assert_int_eq(ask(&old), 200);
    client_close(&old);
    server_stop(&t);
}
END_TEST

START_TEST(a_listener_is_renewed_alone) {
    sio_server_tls tls = settings(&f);
    start(&t, &tls);
    sio_listen_options options = SIO_LISTEN_OPTIONS_INIT;
    options.host = "127.0.0.1";
    unsigned shared;
    unsigned plain;
    ck_assert_int_eq(sio_server_listen_with(t.server, &options, &shared), 0);
    options.plain = true;
    ck_assert_int_eq(sio_server_listen_with(t.server, &options, &plain), 0);
    ck_assert_int_eq(sio_server_listener_reload_tls(t.server, plain, &tls), SIO_ERR_STATE);
    tls.cert_file = f.other_cert;
    tls.key_file = f.other_key;
    ck_assert_int_eq(sio_server_listener_reload_tls(t.server, shared, &tls), 0);
    client c;
    client_open(&c, &t, sio_server_listener_port(t.server, shared));
    ck_assert_int_eq(ask(&c), 200);
    ck_assert(shown_is(&c, &f.other));
    client_close(&c);
    client_open(&c, &t, t.port);
    ck_assert_int_eq(ask(&c), 200);
    ck_assert(shown_is(&c, &f.leaf));
    client_close(&c);
    server_stop(&t);
}
END_TEST

/* As much of the handshake as the application happened to read. */
START_TEST(tls_is_handed_in) {
    sio_server_tls tls = settings(&f);
    start(&t, &tls);
    for (size_t cut = 0; cut <= 200; cut += 40) {
        client c;
        int ends[2];
        uint8_t hello[4096];
        client_open(&c, &t, t.port);
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
        ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
        close(c.fd);
        c.fd = ends[0];
        SSL_set_fd(c.ssl, c.fd);
        ck_assert_int_lt(SSL_do_handshake(c.ssl), 1);
        ssize_t n = read(ends[1], hello, cut == 200 ? sizeof hello : cut);
        ck_assert_int_ge(n, 0);
        ck_assert_int_eq(sio_server_adopt(t.server, ends[1], hello, (size_t)n, true), 0);
        ck_assert_int_eq(ask(&c), 200);
        client_close(&c);
    }
    int ends[2];
    char byte;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    ck_assert_int_eq(sio_server_adopt(t.server, ends[1], "GET / HTTP/1.1\r\n\r\n", 18, true), 0);
    ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    server_settle(&t);
    while (read(ends[0], &byte, 1) > 0) {
    }
    ck_assert_int_eq(read(ends[0], &byte, 1), 0);
    close(ends[0]);
    server_stop(&t);
}
END_TEST

static int ask_name(const char *name, const net_cert *cert) {
    client c;
    client_open(&c, &t, t.port);
    SSL_ctrl(c.ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             (void *)(uintptr_t)name);
    int status = ask(&c);
    ck_assert(status == 0 || shown_is(&c, cert));
    client_close(&c);
    return status;
}

START_TEST(certificates_by_name) {
    sio_server_tls other = settings(&f);
    other.cert_file = f.other_cert;
    other.key_file = f.other_key;
    sio_server_tls_name names[] = {{"other", &other}};
    sio_server_tls tls = settings(&f);
    tls.names = names;
    tls.name_count = 1;
    start(&t, &tls);
    ck_assert_int_eq(ask_name("other", &f.other), 200);
    ck_assert_int_eq(ask_name("unknown", &f.leaf), 200);
    tls.refuse_unknown_names = true;
    ck_assert_int_eq(sio_server_reload_tls(t.server, &tls), 0);
    ck_assert_int_eq(ask_name("unknown", &f.leaf), 0);
    ck_assert_int_eq(ask_name("other", &f.other), 200);
    other.key_file = "/nonexistent";
    ck_assert_int_eq(sio_server_reload_tls(t.server, &tls), SIO_ERR_TLS_CONFIG);
    ck_assert_ptr_nonnull(strstr(sio_server_detail(t.server), "other: key file /nonexistent"));
    ck_assert_int_eq(ask_name("other", &f.other), 200);
    other.key_file = f.other_key;
    other.names = names;
    other.name_count = 1;
    ck_assert_int_eq(sio_server_reload_tls(t.server, &tls), SIO_ERR_INVALID);
    server_stop(&t);
}
END_TEST

START_TEST(versions_and_contradictions) {
    sio_server_tls tls = settings(&f);
    tls.min_version = 13;
    start(&t, &tls);
    client c;
    client_open(&c, &t, t.port);
    SSL_set_max_proto_version(c.ssl, TLS1_2_VERSION);
    ck_assert_int_eq(ask(&c), 0);
    client_close(&c);
    expect(&t, t.port, NULL, 200);
    tls.ciphers = "NONE-OF-THEM";
    ck_assert_int_eq(sio_server_reload_tls(t.server, &tls), SIO_ERR_TLS_CONFIG);
    tls.ciphers = NULL;
    tls.ctx = SSL_CTX_new(TLS_server_method());
    ck_assert_int_eq(sio_server_reload_tls(t.server, &tls), SIO_ERR_INVALID);
    sio_server_tls ready = SIO_SERVER_TLS_INIT;
    ready.ctx = tls.ctx;
    SSL_CTX_use_certificate(tls.ctx, f.other.cert);
    SSL_CTX_use_PrivateKey(tls.ctx, f.other.key);
    ck_assert_int_eq(sio_server_reload_tls(t.server, &ready), 0);
    SSL_CTX_free(tls.ctx);
    ck_assert_int_eq(ask_name("x", &f.other), 200);
    ready.size++;
    ck_assert_int_eq(sio_server_reload_tls(t.server, &ready), SIO_ERR_INVALID);
    server_stop(&t);
}
END_TEST

static uint64_t failed(void) {
    sio_counters c = SIO_COUNTERS_INIT;
    ck_assert_int_eq(sio_server_read_counters(t.server, &c), 0);
    return c.tls_handshakes_failed;
}

/* Who says nothing, and who speaks plain HTTP, is cut off and counted; others are served. */
START_TEST(handshakes_fail_and_are_counted) {
    raw_client silent, plain;
    sio_server_tls tls = settings(&f);
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.tls = &tls;
    options.tls_handshake_timeout_ms = 50;
    server_start(&t, &options);
    raw_open(&silent, &t);
    raw_expect_eof(&silent);
    ck_assert_uint_eq(failed(), 1);
    raw_open(&plain, &t);
    raw_text(&plain, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    raw_expect_eof(&plain);
    ck_assert_uint_eq(failed(), 2);
    raw_close(&silent);
    raw_close(&plain);
    server_stop(&t);
}
END_TEST

/* Each allocation of the server's fails in turn: it does not start, or the client is served, or its
 * connection ends. */
static int memory_scenario(const sio_mem *mem, void *arg) {
    server_test own = {.base = event_base_new()};
    sio_server_tls tls = settings(&f), other = settings(&f);
    other.cert_file = f.other_cert;
    other.key_file = f.other_key;
    const sio_server_tls_name names[] = {{.name = "other", .tls = &other}};
    tls.names = names;
    tls.name_count = 1;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.mem = mem;
    options.base = own.base;
    options.tls = &tls;
    int rc = sio_server_new(&own.server, &options);
    rc = rc != 0 ? rc : sio_server_listen(own.server, "127.0.0.1", 0);
    if (rc == 0) {
        client c;
        client_open(&c, &own, sio_server_port(own.server));
        int status = ask_with(&c, WS_HANDSHAKE);
        ck_assert_msg(status == 101 || status == 500 || status == 0, "%d", status);
        rc = status == 101 ? 0 : SIO_ERR_NOMEM;
        client_close(&c);
    }
    sio_server_free(own.server);
    event_base_free(own.base);
    return rc;
}

START_TEST(memory_runs_out) {
    (void)signal(SIGPIPE, SIG_IGN); /* of the client, when the server is gone */
    test_mem_sweep(memory_scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server_tls");
    TCase *tc = tcase_create("all");
    tcase_add_checked_fixture(tc, make_files, remove_files);
    tcase_add_test(tc, handshakes_fail_and_are_counted);
    tcase_add_test(tc, clients_must_show_a_certificate);
    tcase_add_test(tc, clients_may_show_a_certificate);
    tcase_add_test(tc, a_pkcs12_file_holds_all);
    tcase_add_test(tc, upgrades_over_tls_cannot_be_taken_over);
    tcase_add_test(tc, the_application_sees_the_certificate);
    tcase_add_test(tc, an_unknown_certificate_is_not_verified);
    tcase_add_test(tc, one_plain_and_one_with_tls);
    tcase_add_test(tc, a_renewed_certificate_is_for_new_connections);
    tcase_add_test(tc, a_listener_is_renewed_alone);
    tcase_add_test(tc, tls_is_handed_in);
    tcase_add_test(tc, certificates_by_name);
    tcase_add_test(tc, versions_and_contradictions);
    tcase_add_test(tc, memory_runs_out);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}

#else

#include "support.h"

#include <sio/server.h>

START_TEST(a_build_without_tls_says_so) {
    sio_server *server;
    const sio_server_tls tls = SIO_SERVER_TLS_INIT;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.tls = &tls;
    ck_assert_int_eq(sio_server_new(&server, &options), SIO_ERR_UNSUPPORTED);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server_tls");
    TCase *tc = tcase_create("server_tls");
    tcase_add_test(tc, a_build_without_tls_says_so);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}

#endif
