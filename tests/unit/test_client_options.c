/* Settings: checked, filled in, copied, and what attempts are made with. Ids in comments: the
 * reference client's socket tests. */
#include "client_fixture.h"

#include "options.h"

#if SIO_HAVE_TLS
#include "net_tls_support.h"

#include <openssl/pkcs12.h>
#include <openssl/ssl.h>
#endif
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int try_options(const sio_client_options *options, const char *url) {
    sio_client *client = NULL;
    int rc = sio_client_new(&client, url, options);
    sio_client_free(client);
    return rc;
}

START_TEST(defaults) {
    sio_client_options o;
    ck_assert_int_eq(sio_client_options_read(&o, NULL), 0);
    ck_assert_str_eq(o.path, "/socket.io");
    ck_assert_uint_eq(o.eio_version, 4);
    ck_assert_uint_eq(o.connect_timeout_ms, 20000);
    ck_assert_uint_eq(o.reconnection_attempts, 0);
    ck_assert_uint_eq(o.reconnection_delay_ms, 1000);
    ck_assert_uint_eq(o.reconnection_delay_max_ms, 5000);
    ck_assert(o.randomization_factor == 0.5);
    ck_assert_uint_eq(o.max_message, 100u << 20);
    ck_assert_uint_eq(o.max_attachments, 10);
    ck_assert_uint_eq(o.max_json_depth, SIO_JSON_MAX_DEPTH);
    ck_assert_uint_eq(o.max_buffered, 10000);
    ck_assert_uint_eq(o.max_pending_acks, 10000);
    ck_assert_uint_eq(o.max_queued_bytes, 64u << 20);
}
END_TEST

START_TEST(struct_of_an_older_program) {
    sio_client_options old = SIO_CLIENT_OPTIONS_INIT, o;
    old.path = "/p";
    old.auth = "not read";
    old.size = offsetof(sio_client_options, auth);
    ck_assert_int_eq(sio_client_options_read(&o, &old), 0);
    ck_assert_str_eq(o.path, "/p");
    ck_assert_ptr_null(o.auth);
    old.size = sizeof old + 1;
    ck_assert_int_eq(sio_client_options_read(&o, &old), SIO_ERR_INVALID);
    old.size = 0;
    ck_assert_int_eq(sio_client_options_read(&o, &old), SIO_ERR_INVALID);
}
END_TEST

START_TEST(impossible_settings) {
    sio_client_header header = {"X", "a\r\nb"};
    sio_client_options o = client_options();
    o.eio_version = 5;
    ck_assert_int_eq(try_options(&o, "http://h"), SIO_ERR_INVALID);
    o = client_options();
    o.transports = (sio_client_transports)3;
    ck_assert_int_eq(try_options(&o, "http://h"), SIO_ERR_INVALID);
    o = client_options();
    o.parser = (sio_parser)2;
    ck_assert_int_eq(try_options(&o, "http://h"), SIO_ERR_INVALID);
    o.parser = SIO_PARSER_MSGPACK;
    ck_assert_int_eq(try_options(&o, "http://h"), 0);
    o.eio_version = 3;
    ck_assert_int_eq(try_options(&o, "http://h"), SIO_ERR_INVALID);
    o = client_options();
    o.max_json_depth = SIO_JSON_DEPTH_CEILING + 1;
    ck_assert_int_eq(try_options(&o, "http://h"), SIO_ERR_INVALID);
    o = client_options();
    o.max_attachments = SIO_ARGS_MAX_ATTACHMENTS + 1;
    ck_assert_int_eq(try_options(&o, "http://h"), SIO_ERR_INVALID);
    o = client_options();
    o.auth = "[]";
    ck_assert_int_eq(try_options(&o, "http://h"), SIO_ERR_INVALID);
    o.auth = "{\"a\":1";
    ck_assert_int_eq(try_options(&o, "http://h"), SIO_ERR_JSON_SYNTAX);
    o = client_options();
    o.query = "a=b c";
    ck_assert_int_eq(try_options(&o, "http://h"), SIO_ERR_INVALID);
    o = client_options();
    o.headers = &header;
    o.header_count = 1;
    ck_assert_int_eq(try_options(&o, "http://h"), SIO_ERR_INVALID);
    header = (sio_client_header){"X Y", "a"};
    ck_assert_int_eq(try_options(&o, "http://h"), SIO_ERR_INVALID);
    header = (sio_client_header){"X", NULL};
    ck_assert_int_eq(try_options(&o, "http://h"), SIO_ERR_INVALID);
    o.headers = NULL;
    ck_assert_int_eq(try_options(&o, "http://h"), SIO_ERR_INVALID);
    o = client_options();
    ck_assert_int_eq(try_options(&o, NULL), SIO_ERR_URL);
    ck_assert_int_eq(try_options(&o, "http://h:99999"), SIO_ERR_URL);
    ck_assert_int_ne(try_options(&o, "http://h/?a=\x01"), 0);
    ck_assert_int_ne(try_options(&o, "http://h/?a b"), 0);
}
END_TEST

START_TEST(tls_settings) {
    sio_client_tls tls = SIO_CLIENT_TLS_INIT;
    sio_client_options o = client_options();
    o.tls = &tls;
    ck_assert_int_eq(try_options(&o, "https://h"), SIO_HAVE_TLS ? 0 : SIO_ERR_UNSUPPORTED);
    ck_assert_int_eq(try_options(&o, "wss://h"), SIO_HAVE_TLS ? 0 : SIO_ERR_UNSUPPORTED);
    tls.ca_file = "/nonexistent/ca.pem";
    ck_assert_int_eq(try_options(&o, "https://h"),
                     SIO_HAVE_TLS ? SIO_ERR_TLS_CONFIG : SIO_ERR_UNSUPPORTED);
    ck_assert_int_eq(try_options(&o, "http://h"), 0); /* not looked at */
    tls = (sio_client_tls)SIO_CLIENT_TLS_INIT;
    tls.size = sizeof tls + 1;
    ck_assert_int_eq(try_options(&o, "https://h"), SIO_ERR_INVALID);
}
END_TEST

START_TEST(what_an_attempt_is_made_with) { /* SS-12 SS-14 */
    char path[] = "/custom", query[] = "room=42&x=a%26b", name[] = "X-Token", value[] = "abc";
    sio_client_header header = {name, value};
    sio_client_options o = client_options();
    o.path = path;
    o.query = query;
    o.headers = &header;
    o.header_count = 1;
    o.transports = SIO_CLIENT_WEBSOCKET;
    o.connect_timeout_ms = 7;
    o.max_message = 8;
    o.max_queued_bytes = 9;
    sio_client *client = NULL;
    ck_assert_int_eq(sio_client_new(&client, "http://localhost:3000/nsp", &o), 0);
    path[1] = query[0] = name[0] = value[0] = '#'; /* all was copied */
    sio_client_socket(client, NULL);
    const fake_attempt *a = fake_last_attempt();
    ck_assert_str_eq(a->host, "localhost:3000");
    ck_assert_str_eq(a->path, "/custom");
    ck_assert_str_eq(a->query, "room=42&x=a%26b");
    ck_assert_str_eq(a->headers, "X-Token: abc;");
    ck_assert_int_eq(a->transport, SIO_EIO_WEBSOCKET);
    ck_assert(!a->upgrade);
    ck_assert_int_eq(a->revision, 4);
    ck_assert_uint_eq(a->connect_timeout, 7);
    ck_assert_uint_eq(a->max_message, 8);
    ck_assert_uint_eq(a->max_queued, 9);
    sio_client_free(client);
}
END_TEST

START_TEST(transports) {
    static const sio_client_transports given[] = {SIO_CLIENT_UPGRADE, SIO_CLIENT_POLLING,
                                                  SIO_CLIENT_WEBSOCKET};
    sio_client_options o = client_options();
    o.transports = given[_i];
    client_socket(client_make(&o), "/");
    ck_assert_int_eq(fake_last_attempt()->transport, _i == 2 ? SIO_EIO_WEBSOCKET : SIO_EIO_POLLING);
    ck_assert_int_eq(fake_last_attempt()->upgrade, _i == 0);
}
END_TEST

START_TEST(query_of_the_url_replaces_the_option) { /* SS-13 SS-15 SS-16 */
    sio_client_options o = client_options();
    sio_client *client = NULL;
    o.query = "a=b";
    ck_assert_int_eq(sio_client_new(&client, "http://h/nsp?c=d&e=%26%3D%3F#x", &o), 0);
    sio_client_socket(client, NULL);
    ck_assert_str_eq(fake_last_attempt()->query, "c=d&e=%26%3D%3F");
    ck_assert_str_eq(fake_last_attempt()->host, "h:80");
    sio_client_free(client);
    ck_assert_int_eq(sio_client_new(&client, "http://h/?", &o), 0);
    sio_client_socket(client, NULL);
    ck_assert_str_eq(fake_last_attempt()->query, "a=b");
    sio_client_free(client);
}
END_TEST

START_TEST(changes_count_from_the_next_attempt) {
    sio_socket *socket = client_connected(NULL);
    sio_client *client = sio_socket_client(socket);
    ck_assert_str_eq(fake_last_attempt()->query, "(none)");
    ck_assert_int_eq(sio_client_set_query(client, "token=2"), 0);
    ck_assert_int_eq(sio_client_set_query(client, "?a"), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_client_set_query(client, "a#b"), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_client_set_header(client, "A", "1"), 0);
    ck_assert_int_eq(sio_client_set_header(client, "B", "2"), 0);
    ck_assert_int_eq(sio_client_set_header(client, "C", ""), 0);
    ck_assert_int_eq(sio_client_set_header(client, "a", "one"), 0); /* replaces, in its place */
    ck_assert_int_eq(sio_client_set_header(client, "A:", "1"), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_client_set_header(client, "D", "x\ny"), SIO_ERR_INVALID);
    ck_assert_str_eq(fake_last_attempt()->headers, "");
    fake_cut();
    pass(101);
    ck_assert_str_eq(fake_last_attempt()->query, "token=2");
    ck_assert_str_eq(fake_last_attempt()->headers, "A: one;B: 2;C: ;");
    ck_assert_int_eq(sio_client_set_query(client, NULL), 0);
    ck_assert_int_eq(sio_client_set_header(client, "A", NULL), 0);
    ck_assert_int_eq(sio_client_set_header(client, "none", NULL), 0);
    fake_break(SIO_ERR_CONNECT, "x", "");
    pass(201);
    ck_assert_str_eq(fake_last_attempt()->query, "(none)");
    ck_assert_str_eq(fake_last_attempt()->headers, "B: 2;C: ;");
}
END_TEST

START_TEST(a_header_survives_a_failed_change) {
    test_mem mem;
    test_mem_init(&mem);
    sio_client_options o = client_options();
    o.mem = &mem.mem;
    sio_client *client = client_make(&o);
    ck_assert_int_eq(sio_client_set_header(client, "A", "1"), 0);
    mem.fail_at = mem.calls + 1;
    ck_assert_int_eq(sio_client_set_header(client, "A", "2"), SIO_ERR_NOMEM);
    mem.fail_at = 0;
    client_socket(client, "/");
    ck_assert_str_eq(fake_last_attempt()->headers, "A: 1;");
    client_forget(client);
    sio_client_free(client);
    ck_assert_uint_eq(mem.live, 0);
}
END_TEST

START_TEST(huge_limits_do_not_wrap) {
    sio_client_options o = client_options();
    o.max_message = UINT64_MAX / 4 + 2;
    o.max_attachments = 3; /* times four is four */
    sio_socket *socket = client_connected(&o);
    watch(socket, "b");
    fake_text("51-[\"b\",{\"_placeholder\":true,\"num\":0}]");
    fake_binary("x", 1);
    EXPECT("/ b [{\"_placeholder\":true,\"num\":0}<78>]");
}
END_TEST

START_TEST(no_variation_and_variation) {
    sio_client_options o = client_options();
    o.randomization_factor = 0; /* the default: half */
    sio_client *client = client_make(&o);
    client_socket(client, "/");
    fake_break(SIO_ERR_CONNECT, "x", "");
    trace_clear();
    pass(50);
    EXPECT_NOTHING();
    pass(101);
    EXPECT("client reconnect_attempt 1", "attempt");
}
END_TEST

#if SIO_HAVE_TLS
/* One file with certificate and key; the passphrase opens it. */
START_TEST(a_pkcs12_file) {
    char path[] = "/tmp/sio-client-XXXXXX";
    net_cert own = net_cert_make(NULL, "DNS:client.test", 100);
    PKCS12 *box = PKCS12_create("pw", "name", own.key, own.cert, NULL, 0, 0, 0, 0, 0);
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    FILE *file = fdopen(fd, "w");
    ck_assert_int_eq(i2d_PKCS12_fp(file, box), 1);
    fclose(file);
    PKCS12_free(box);
    sio_client_tls tls = SIO_CLIENT_TLS_INIT;
    sio_client_options o = client_options();
    o.tls = &tls;
    tls.pkcs12_file = path;
    tls.key_passphrase = "pw";
    ck_assert_int_eq(try_options(&o, "https://h"), 0);
    sio_client *client = NULL;
    ck_assert_int_eq(sio_client_new(&client, "https://h", &o), 0);
    X509 *loaded = SSL_CTX_get0_certificate(sio_tls_context(client->tls));
    ck_assert_int_eq(X509_cmp(loaded, own.cert), 0);
    sio_client_free(client);
    tls.key_passphrase = "wrong";
    ck_assert_int_eq(try_options(&o, "https://h"), SIO_ERR_TLS_CONFIG);
    unlink(path);
    ck_assert_int_eq(try_options(&o, "https://h"), SIO_ERR_TLS_CONFIG);
    net_cert_free(&own);
}
END_TEST
#endif

int main(void) {
    Suite *suite = suite_create("client_options");
    TCase *tc = tcase_create("options");
    tcase_add_checked_fixture(tc, client_setup, client_teardown);
    tcase_add_test(tc, defaults);
    tcase_add_test(tc, struct_of_an_older_program);
    tcase_add_test(tc, impossible_settings);
#if SIO_HAVE_TLS
    tcase_add_test(tc, a_pkcs12_file);
#endif
    tcase_add_test(tc, tls_settings);
    tcase_add_test(tc, what_an_attempt_is_made_with);
    tcase_add_loop_test(tc, transports, 0, 3);
    tcase_add_test(tc, query_of_the_url_replaces_the_option);
    tcase_add_test(tc, changes_count_from_the_next_attempt);
    tcase_add_test(tc, a_header_survives_a_failed_change);
    tcase_add_test(tc, huge_limits_do_not_wrap);
    tcase_add_test(tc, no_variation_and_variation);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
