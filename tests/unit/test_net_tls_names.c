#if SIO_HAVE_TLS

#include "net_tls_support.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

/* Two ends in memory, each with its own settings: what a stream does, without the stream. */
typedef struct ends {
    SSL *server;
    SSL *client;
} ends;

static ends ends_open(const sio_tls *server, SSL_CTX *client, const char *name) {
    ends e = {SSL_new(sio_tls_context(server)), SSL_new(client)};
    BIO *to_server;
    BIO *to_client;
    ck_assert_int_eq(BIO_new_bio_pair(&to_server, 0, &to_client, 0), 1);
    SSL_set_bio(e.server, to_server, to_server);
    SSL_set_bio(e.client, to_client, to_client);
    SSL_set_accept_state(e.server);
    SSL_set_connect_state(e.client);
    if (name) {
        SSL_ctrl(e.client, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                 (void *)(uintptr_t)name);
    }
    return e;
}

/* @return whether both are done */
static bool shake(ends *e) {
    int a = 0;
    int b = 0;
    for (int i = 0; i < 10 && (a != 1 || b != 1); i++) {
        a = SSL_do_handshake(e->client);
        b = SSL_do_handshake(e->server);
    }
    char byte;
    (void)SSL_read(e->server, &byte, 1);
    (void)SSL_read(e->client, &byte, 1); /* the tickets */
    ERR_clear_error();
    return a == 1 && b == 1 && SSL_is_init_finished(e->server);
}

static void ends_close(ends *e) {
    SSL_set_shutdown(e->client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_set_shutdown(e->server, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(e->client);
    SSL_free(e->server);
}

static sio_tls *server_of(const net_cert *cert, const sio_tls_options *extra) {
    sio_tls_options options = *extra;
    options.cert_pem = cert->cert_pem;
    options.key_pem = cert->key_pem;
    sio_tls *tls;
    ck_assert_int_eq(sio_tls_server_new(&tls, &options, NULL, NULL), 0);
    return tls;
}

static bool shows(const ends *e, const net_cert *cert) {
    X509 *shown = SSL_get1_peer_certificate(e->client);
    bool same = shown && X509_cmp(shown, cert->cert) == 0;
    X509_free(shown);
    return same;
}

typedef struct fixture {
    net_cert main, one, wild;
    sio_tls *tls_one, *tls_wild, *tls;
    SSL_CTX *client;
} fixture;

static void fixture_open(fixture *f, bool refuse) {
    f->main = net_cert_make(NULL, "DNS:main", 10);
    f->one = net_cert_make(NULL, "DNS:one.example", 10);
    f->wild = net_cert_make(NULL, "DNS:*.wild.example", 10);
    f->tls_one = server_of(&f->one, &(sio_tls_options){0});
    f->tls_wild = server_of(&f->wild, &(sio_tls_options){.require_cert = true});
    sio_tls_name names[] = {{"one.example", f->tls_one}, {"*.Wild.example", f->tls_wild}};
    f->tls = server_of(
        &f->main,
        &(sio_tls_options){.names = names, .name_count = 2, .refuse_unknown_names = refuse});
    f->client = SSL_CTX_new(TLS_client_method());
}

static void fixture_close(fixture *f) {
    sio_tls_unref(f->tls);
    sio_tls_unref(f->tls_one);
    sio_tls_unref(f->tls_wild);
    SSL_CTX_free(f->client);
    net_cert_free(&f->main);
    net_cert_free(&f->one);
    net_cert_free(&f->wild);
}

START_TEST(the_name_chooses) {
    fixture f;
    fixture_open(&f, false);
    const struct {
        const char *name;
        const net_cert *cert; /* NULL: refused, for want of a client certificate */
    } cases[] = {
        {NULL, &f.main},
        {"main", &f.main},
        {"one.example", &f.one},
        {"ONE.example", &f.one},
        {"a.one.example", &f.main},
        {"a.wild.example", NULL},
        {"wild.example", &f.main},
        {"a.b.wild.example", &f.main},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ends e = ends_open(f.tls, f.client, cases[i].name);
        ck_assert_msg(shake(&e) == (cases[i].cert != NULL), "%s", cases[i].name);
        ck_assert(!cases[i].cert || shows(&e, cases[i].cert));
        ends_close(&e);
    }
    fixture_close(&f);
}
END_TEST

START_TEST(unknown_names_can_be_refused) {
    fixture f;
    fixture_open(&f, true);
    ends e = ends_open(f.tls, f.client, "other");
    ck_assert(!shake(&e));
    ends_close(&e);
    e = ends_open(f.tls, f.client, NULL);
    ck_assert(!shake(&e));
    ends_close(&e);
    e = ends_open(f.tls, f.client, "one.example");
    ck_assert(shake(&e));
    ends_close(&e);
    fixture_close(&f);
}
END_TEST

/* The name that demands a certificate must not let in who has a session of the one that does not.
 */
START_TEST(a_session_is_void_under_other_settings) {
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        fixture f;
        fixture_open(&f, false);
        SSL_CTX_set_max_proto_version(f.client, version);
        ends first = ends_open(f.tls, f.client, "one.example");
        ck_assert(shake(&first));
        SSL_SESSION *session = SSL_get1_session(first.client);
        ends_close(&first);

        ends same = ends_open(f.tls, f.client, "one.example");
        SSL_set_session(same.client, session);
        ck_assert(shake(&same));
        ck_assert_int_eq(SSL_session_reused(same.server), 1);
        ends_close(&same);

        ends other = ends_open(f.tls, f.client, "a.wild.example");
        SSL_set_session(other.client, session);
        ck_assert(!shake(&other));
        ends_close(&other);
        SSL_SESSION_free(session);
        fixture_close(&f);
    }
}
END_TEST

typedef struct chooser {
    SSL_CTX *context;
    char name[64];
    unsigned calls;
} chooser;

static SSL_CTX *choose(const char *name, void *user) {
    chooser *c = user;
    c->calls++;
    snprintf(c->name, sizeof c->name, "%s", name ? name : "(none)");
    return name && strcmp(name, "mine") == 0 ? c->context : NULL;
}

START_TEST(the_application_chooses_first) {
    net_cert own = net_cert_make(NULL, "DNS:own", 10);
    net_cert given = net_cert_make(NULL, "DNS:given", 10);
    chooser c = {.context = SSL_CTX_new(TLS_server_method())};
    SSL_CTX_use_certificate(c.context, given.cert);
    SSL_CTX_use_PrivateKey(c.context, given.key);
    sio_tls *tls = server_of(&own, &(sio_tls_options){.choose = choose, .choose_user = &c});
    SSL_CTX *client = SSL_CTX_new(TLS_client_method());
    ends e = ends_open(tls, client, "MINE");
    ck_assert(shake(&e));
    ck_assert(shows(&e, &given));
    ck_assert_str_eq(c.name, "mine");
    ends_close(&e);
    e = ends_open(tls, client, NULL);
    ck_assert(shake(&e));
    ck_assert(shows(&e, &own));
    ck_assert_str_eq(c.name, "(none)");
    ck_assert_uint_eq(c.calls, 2);
    ends_close(&e);
    SSL_CTX_free(client);
    SSL_CTX_free(c.context);
    sio_tls_unref(tls);
    net_cert_free(&own);
    net_cert_free(&given);
}
END_TEST

START_TEST(impossible_tables_are_refused) {
    net_cert cert = net_cert_make(NULL, "DNS:x", 10);
    sio_tls *inner = server_of(&cert, &(sio_tls_options){0});
    sio_tls *nested =
        server_of(&cert, &(sio_tls_options){.names = &(sio_tls_name){"a", inner}, .name_count = 1});
    const sio_tls_name bad[] = {{NULL, inner}, {"", inner}, {"a", NULL}, {"a", nested}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        sio_tls *tls;
        sio_tls_options options = {
            .cert_pem = cert.cert_pem, .key_pem = cert.key_pem, .names = &bad[i], .name_count = 1};
        ck_assert_int_eq(sio_tls_server_new(&tls, &options, NULL, NULL), SIO_ERR_INVALID);
    }
    sio_tls_unref(nested);
    sio_tls_unref(inner);
    net_cert_free(&cert);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("net_tls_names");
    TCase *tc = tcase_create("all");
    tcase_add_test(tc, the_name_chooses);
    tcase_add_test(tc, unknown_names_can_be_refused);
    tcase_add_test(tc, a_session_is_void_under_other_settings);
    tcase_add_test(tc, the_application_chooses_first);
    tcase_add_test(tc, impossible_tables_are_refused);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}

#else

#include "support.h"

#include "net/tls.h"

START_TEST(a_build_without_tls_says_so) {
    sio_tls *tls;
    ck_assert_int_eq(sio_tls_server_new(&tls, NULL, NULL, NULL), SIO_ERR_UNSUPPORTED);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("net_tls_names");
    TCase *tc = tcase_create("net_tls_names");
    tcase_add_test(tc, a_build_without_tls_says_so);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}

#endif
