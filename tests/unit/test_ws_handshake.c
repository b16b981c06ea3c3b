#include "support.h"

#include <sio/ws.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

/* RFC 6455 §1.3. */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
static const uint8_t nonce[16] = "the sample nonce";

static sio_str str(const char *text) {
    return (sio_str){text, text ? strlen(text) : 0};
}

static sio_ws_request good_request(void) {
    return (sio_ws_request){.method = SIO_STR("GET"),
                            .upgrade = SIO_STR("websocket"),
                            .connection = SIO_STR("Upgrade"),
                            .key = SIO_STR(KEY),
                            .version = SIO_STR("13")};
}

static void check_text(const sio_buf *buf, const char *expected) {
    ck_assert_msg(buf->len == strlen(expected) && memcmp(buf->data, expected, buf->len) == 0,
                  "got:\n%.*s\nnot:\n%s", (int)buf->len, (char *)buf->data, expected);
}

START_TEST(the_rfc_example) {
    sio_ws_request request = good_request();
    sio_ws_agreement agreed;
    ck_assert_int_eq(sio_ws_handshake_accept(&agreed, NULL, &request, NULL), 0);
    ck_assert_str_eq(agreed.accept, ACCEPT);
    ck_assert_ptr_null(agreed.protocol.ptr);
    ck_assert(!agreed.deflate);
    sio_buf out = {0};
    ck_assert_int_eq(sio_ws_handshake_respond(&out, &agreed), 0);
    check_text(&out, "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Accept: " ACCEPT "\r\n");
    sio_buf_free(&out);
}
END_TEST

/* ---- long fields ---- */

static uint64_t cpu_ns(void) {
    struct timespec now;
    ck_assert_int_eq(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now), 0);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* The least of some rounds, in which nothing else came between. */
static uint64_t cost(sio_ws_request *request, sio_str *field, const char *text, size_t len) {
    uint64_t least = UINT64_MAX;
    *field = (sio_str){text, len};
    for (int round = 0; round < 20; round++) {
        sio_ws_agreement agreed;
        uint64_t began = cpu_ns();
        for (int i = 0; i < 20; i++) {
            (void)sio_ws_handshake_accept(&agreed, NULL, request, NULL);
        }
        uint64_t took = cpu_ns() - began;
        least = took < least ? took : least;
    }
    return least;
}

static const char *const units[] = {"a, ", "a;b=c, ", ",",      " ",    "\t ,",
                                    "a",   ";",       "\"a\",", "x;\"", "=,"};

/* CVE-2021-32640: a field of 16 times the length costs 16 times as much, or so, and not 256. */
START_TEST(long_fields_cost_their_length) {
    enum { SHORT = 1024, LONG = 16384 };
    static char text[LONG];
    size_t unit = strlen(units[_i]);
    for (size_t i = 0; i < LONG; i++) {
        text[i] = units[_i][i % unit];
    }
    sio_ws_request request = good_request();
    sio_str *fields[] = {&request.protocol, &request.extensions, &request.connection,
                         &request.upgrade,  &request.key,        &request.version};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        sio_str before = *fields[i];
        uint64_t few = cost(&request, fields[i], text, SHORT);
        uint64_t many = cost(&request, fields[i], text, LONG);
        ck_assert_msg(many < 80 * few + 100000, "field %zu: %llu and %llu ns", i,
                      (unsigned long long)few, (unsigned long long)many);
        *fields[i] = before;
    }
}
END_TEST

static void check_refusal(const sio_ws_request *request, const sio_ws_handshake_options *options,
                          int error, int status, const char *body) {
    sio_ws_agreement agreed;
    memset(&agreed, 0x55, sizeof(agreed));
    sio_ws_agreement before = agreed;
    sio_ws_refusal refusal = {0};
    int rc = sio_ws_handshake_accept(&agreed, &refusal, request, options);
    ck_assert_msg(rc == error, "%s: got %d", body, rc);
    ck_assert_int_eq(refusal.status, status);
    ck_assert_str_eq(refusal.body, body);
    ck_assert_int_eq(refusal.send_version, strstr(body, "-Version") != NULL);
    ck_assert_mem_eq(&agreed, &before, sizeof(agreed));
    ck_assert_int_eq(sio_ws_handshake_accept(&agreed, NULL, request, options), error);
}

/* Each field in turn is made wrong, the first one of the list last: the order of checks shows. */
START_TEST(refusals_in_order) {
    enum { HANDSHAKE = SIO_ERR_WS_HANDSHAKE };
    sio_ws_deflate_options deflate = SIO_WS_DEFLATE_OPTIONS_INIT;
    sio_ws_handshake_options options = SIO_WS_HANDSHAKE_OPTIONS_INIT;
    options.deflate = &deflate;
    options.closing = true;
    sio_ws_request r = good_request();
    check_refusal(&r, &options, SIO_ERR_CLOSED, 503, "Service Unavailable");
#if SIO_HAVE_DEFLATE
    r.extensions = SIO_STR("permessage-deflate;");
    check_refusal(&r, &options, SIO_ERR_WS_EXTENSION, 400,
                  "Invalid or unacceptable Sec-WebSocket-Extensions header");
#endif
    r.protocol = SIO_STR("a b");
    check_refusal(&r, &options, SIO_ERR_WS_PROTOCOL, 400, "Invalid Sec-WebSocket-Protocol header");
    r.version = SIO_STR("12");
    check_refusal(&r, &options, HANDSHAKE, 426, "Missing or invalid Sec-WebSocket-Version header");
    r.key = SIO_STR("x");
    check_refusal(&r, &options, HANDSHAKE, 400, "Missing or invalid Sec-WebSocket-Key header");
    r.connection = SIO_STR("close");
    check_refusal(&r, &options, HANDSHAKE, 400, "Invalid Upgrade header");
    r.upgrade = SIO_STR("h2c");
    check_refusal(&r, &options, HANDSHAKE, 400, "Invalid Upgrade header");
    r.method = SIO_STR("POST");
    check_refusal(&r, &options, HANDSHAKE, 405, "Invalid HTTP method");
    options.size = 1;
    check_refusal(&r, &options, SIO_ERR_INVALID, 500, "Internal Server Error");
}
END_TEST

START_TEST(field_values) {
    static const char *const keys[] = {
        NULL,
        "",
        "dGhlIHNhbXBsZSBub25jZQ=",
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25jZ===",
        "dGhlIHNhbXBsZSBub25jZQ=A",
        "dGhlIHNhbXBsZSBub25jZQ== ",
        "dGhlIHNhbXBsZSB-b25jZQ==",
        "dGhlIHNhbXBsZSB_b25jZQ==",
        "dGhlIHNhbXBsZ b25jZQAA==",
        "dGhlIHNhbXBsZSBub25jZQ==AAAA",
        "========================",
    };
    sio_ws_request r = good_request();
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        r.key = str(keys[i]);
        check_refusal(&r, NULL, SIO_ERR_WS_HANDSHAKE, 400,
                      "Missing or invalid Sec-WebSocket-Key header");
    }
    r = good_request();
    static const char *const versions[] = {NULL, "", "8", "013", "13 ", "13, 8", "14", "1"};
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        r.version = str(versions[i]);
        check_refusal(&r, NULL, SIO_ERR_WS_HANDSHAKE, versions[i] ? 426 : 400,
                      "Missing or invalid Sec-WebSocket-Version header");
    }
    r = good_request();
    r.method = SIO_STR("get");
    check_refusal(&r, NULL, SIO_ERR_WS_HANDSHAKE, 405, "Invalid HTTP method");
    r = good_request();
    static const char *const upgrades[] = {NULL, "", "websockets", "websocket, h2c"};
    for (size_t i = 0; i < sizeof(upgrades) / sizeof(upgrades[0]); i++) {
        r.upgrade = str(upgrades[i]);
        check_refusal(&r, NULL, SIO_ERR_WS_HANDSHAKE, 400, "Invalid Upgrade header");
    }
    r = good_request();
    r.upgrade = SIO_STR("WebSocket");
    r.connection = SIO_STR("keep-alive, UPGRADE");
    sio_ws_agreement agreed;
    ck_assert_int_eq(sio_ws_handshake_accept(&agreed, NULL, &r, NULL), 0);
}
END_TEST

START_TEST(malformed_subprotocols) {
    static const char *const bad[] = {"",    " ",    ",",     "a,",    ",a",     "a,,b", "a b",
                                      "a;b", "a, a", "a,b,a", "\"a\"", "a,\x01", "a\xff"};
    sio_ws_request r = good_request();
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        r.protocol = str(bad[i]);
        check_refusal(&r, NULL, SIO_ERR_WS_PROTOCOL, 400, "Invalid Sec-WebSocket-Protocol header");
    }
    sio_buf many = {0};
    for (int i = 0; i <= SIO_WS_PROTOCOLS_MAX; i++) {
        r.protocol = (sio_str){(char *)many.data, many.len};
        if (i > 0) {
            sio_ws_agreement agreed;
            ck_assert_int_eq(sio_ws_handshake_accept(&agreed, NULL, &r, NULL), 0);
            sio_buf_add_text(&many, ",");
        }
        sio_buf_add_text(&many, "p");
        sio_buf_add_u64(&many, (uint64_t)i);
    }
    r.protocol = (sio_str){(char *)many.data, many.len};
    check_refusal(&r, NULL, SIO_ERR_WS_PROTOCOL, 400, "Invalid Sec-WebSocket-Protocol header");
    sio_buf_free(&many);
}
END_TEST

START_TEST(choosing_a_subprotocol) {
    static const sio_str ours[] = {{"mqtt", 4}, {"chat", 4}};
    sio_ws_request r = good_request();
    r.protocol = SIO_STR("super\t, chat ,mqtt");
    sio_ws_handshake_options options = SIO_WS_HANDSHAKE_OPTIONS_INIT;
    sio_ws_agreement agreed;
    ck_assert_int_eq(sio_ws_handshake_accept(&agreed, NULL, &r, &options), 0);
    ck_assert(agreed.protocol.ptr == r.protocol.ptr && agreed.protocol.len == 5);
    options.protocols = ours;
    options.protocol_count = 2;
    ck_assert_int_eq(sio_ws_handshake_accept(&agreed, NULL, &r, &options), 0);
    ck_assert(agreed.protocol.len == 4 && memcmp(agreed.protocol.ptr, "mqtt", 4) == 0);
    sio_buf out = {0};
    ck_assert_int_eq(sio_ws_handshake_respond(&out, &agreed), 0);
    check_text(&out, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " ACCEPT
                     "\r\nSec-WebSocket-Protocol: mqtt\r\n");
    sio_buf_free(&out);
    r.protocol = SIO_STR("MQTT");
    ck_assert_int_eq(sio_ws_handshake_accept(&agreed, NULL, &r, &options), 0);
    ck_assert_ptr_null(agreed.protocol.ptr);
}
END_TEST

#if SIO_HAVE_DEFLATE
START_TEST(agreeing_on_compression) {
    sio_ws_deflate_options deflate = {sizeof(deflate), true, true, 0, 0};
    sio_ws_handshake_options options = SIO_WS_HANDSHAKE_OPTIONS_INIT;
    options.deflate = &deflate;
    sio_ws_request r = good_request();
    r.extensions = SIO_STR("permessage-deflate; client_max_window_bits");
    sio_ws_agreement agreed;
    ck_assert_int_eq(sio_ws_handshake_accept(&agreed, NULL, &r, &options), 0);
    ck_assert(agreed.deflate && agreed.deflate_params.server_max_window_bits == 15);
    sio_buf out = {0};
    ck_assert_int_eq(sio_ws_handshake_respond(&out, &agreed), 0);
    check_text(&out, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " ACCEPT
                     "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n");
    sio_buf_free(&out);
    /* Not enabled: the field is not even looked at. */
    r.extensions = SIO_STR(";;;");
    ck_assert_int_eq(sio_ws_handshake_accept(&agreed, NULL, &r, NULL), 0);
    ck_assert(!agreed.deflate);
}
END_TEST

START_TEST(the_clients_request_with_everything) {
    static const sio_str protocols[] = {{"a", 1}, {"b", 1}};
    sio_ws_deflate_options deflate = {sizeof(deflate), true, true, 0, 0};
    sio_ws_handshake_options options = {sizeof(options), protocols, 2, &deflate, false};
    sio_buf out = {0};
    ck_assert_int_eq(sio_ws_handshake_request(&out, nonce, &options), 0);
    check_text(&out, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Protocol: a, b\r\n"
                     "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n");
    sio_buf_free(&out);
}
END_TEST
#endif

START_TEST(the_clients_request) {
    sio_buf out = {0};
    ck_assert_int_eq(sio_ws_handshake_request(&out, nonce, NULL), 0);
    check_text(&out, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: " KEY "\r\n");
    out.len = 0;
    const sio_str twice[] = {SIO_STR("a"), SIO_STR("a")};
    const sio_str injected[] = {SIO_STR("a\r\nX: y")};
    sio_ws_handshake_options options = SIO_WS_HANDSHAKE_OPTIONS_INIT;
    options.protocols = twice;
    options.protocol_count = 2;
    ck_assert_int_eq(sio_ws_handshake_request(&out, nonce, &options), SIO_ERR_WS_PROTOCOL);
    options.protocols = injected;
    options.protocol_count = 1;
    ck_assert_int_eq(sio_ws_handshake_request(&out, nonce, &options), SIO_ERR_WS_PROTOCOL);
    options.protocols = NULL;
    ck_assert_int_eq(sio_ws_handshake_request(&out, nonce, &options), SIO_ERR_INVALID);
    ck_assert_uint_eq(out.len, 0);
    sio_ws_deflate_options deflate = SIO_WS_DEFLATE_OPTIONS_INIT;
    deflate.client_max_window_bits = 7;
    options.protocol_count = 0;
    options.deflate = &deflate;
    ck_assert_int_eq(sio_ws_handshake_request(&out, nonce, &options), SIO_ERR_INVALID);
    sio_buf_free(&out);
}
END_TEST

static sio_ws_response good_response(void) {
    return (sio_ws_response){.status = 101,
                             .upgrade = SIO_STR("websocket"),
                             .connection = SIO_STR("upgrade"),
                             .accept = SIO_STR(ACCEPT)};
}

static int check(const sio_ws_response *response, const sio_ws_handshake_options *options) {
    sio_ws_agreement agreed;
    return sio_ws_handshake_check(&agreed, response, nonce, options);
}

START_TEST(the_servers_response) {
    sio_ws_response r = good_response();
    ck_assert_int_eq(check(&r, NULL), 0);
    r.status = 200;
    ck_assert_int_eq(check(&r, NULL), SIO_ERR_HTTP_STATUS);
    r = good_response();
    r.upgrade = SIO_STR("h2c");
    ck_assert_int_eq(check(&r, NULL), SIO_ERR_WS_HANDSHAKE);
    r.upgrade = (sio_str){NULL, 0};
    ck_assert_int_eq(check(&r, NULL), SIO_ERR_WS_HANDSHAKE);
    r = good_response();
    r.connection = SIO_STR("keep-alive");
    ck_assert_int_eq(check(&r, NULL), SIO_ERR_WS_HANDSHAKE);
    r = good_response();
    r.accept = SIO_STR("S3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    ck_assert_int_eq(check(&r, NULL), SIO_ERR_WS_ACCEPT);
    r.accept = (sio_str){NULL, 0};
    ck_assert_int_eq(check(&r, NULL), SIO_ERR_WS_ACCEPT);
    r = good_response();
    r.extensions = SIO_STR("permessage-deflate");
    ck_assert_int_eq(check(&r, NULL), SIO_ERR_WS_EXTENSION);
    r.extensions = SIO_STR("x");
    ck_assert_int_eq(check(&r, NULL), SIO_ERR_WS_EXTENSION);
}
END_TEST

START_TEST(the_servers_subprotocol_was_offered) {
    static const sio_str protocols[] = {{"a", 1}, {"b", 1}};
    sio_ws_handshake_options options = SIO_WS_HANDSHAKE_OPTIONS_INIT;
    options.protocols = protocols;
    options.protocol_count = 2;
    sio_ws_response r = good_response();
    ck_assert_int_eq(check(&r, &options), 0);
    r.protocol = SIO_STR("b");
    sio_ws_agreement agreed;
    ck_assert_int_eq(sio_ws_handshake_check(&agreed, &r, nonce, &options), 0);
    ck_assert_ptr_eq(agreed.protocol.ptr, protocols[1].ptr);
    ck_assert_int_eq(check(&r, NULL), SIO_ERR_WS_PROTOCOL);
    r.protocol = SIO_STR("a, b");
    ck_assert_int_eq(check(&r, &options), SIO_ERR_WS_PROTOCOL);
    r.protocol = SIO_STR("B");
    ck_assert_int_eq(check(&r, &options), SIO_ERR_WS_PROTOCOL);
    r.protocol = SIO_STR("");
    ck_assert_int_eq(check(&r, &options), SIO_ERR_WS_PROTOCOL);
}
END_TEST

static int write_both(const sio_mem *mem, void *arg) {
    const sio_str protocols[] = {SIO_STR("a-subprotocol-with-a-long-name-to-make-the-buffer-grow")};
    sio_ws_deflate_options deflate = SIO_WS_DEFLATE_OPTIONS_INIT;
    sio_ws_handshake_options options = {sizeof(options), protocols, 1, &deflate, false};
    sio_ws_request request = good_request();
    request.protocol = protocols[0];
    request.extensions = SIO_STR("permessage-deflate");
    sio_ws_agreement agreed;
    ck_assert_int_eq(sio_ws_handshake_accept(&agreed, NULL, &request, &options), 0);
    sio_buf out;
    sio_buf_init(&out, 0, mem);
    int rc = sio_ws_handshake_request(&out, nonce, &options);
    if (rc != 0) {
        ck_assert_uint_eq(out.len, 0);
    }
    size_t before = out.len;
    if (rc == 0) {
        rc = sio_ws_handshake_respond(&out, &agreed);
        ck_assert(rc == 0 || out.len == before);
    }
    sio_buf_free(&out);
    return rc;
}

START_TEST(survives_failing_allocations) {
    test_mem_sweep(write_both, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("ws_handshake");
    TCase *tc = tcase_create("ws_handshake");
    tcase_add_test(tc, the_rfc_example);
    tcase_add_loop_test(tc, long_fields_cost_their_length, 0, sizeof(units) / sizeof(units[0]));
    tcase_add_test(tc, refusals_in_order);
    tcase_add_test(tc, field_values);
    tcase_add_test(tc, malformed_subprotocols);
    tcase_add_test(tc, choosing_a_subprotocol);
#if SIO_HAVE_DEFLATE
    tcase_add_test(tc, agreeing_on_compression);
    tcase_add_test(tc, the_clients_request_with_everything);
#endif
    tcase_add_test(tc, the_clients_request);
    tcase_add_test(tc, the_servers_response);
    tcase_add_test(tc, the_servers_subprotocol_was_offered);
    tcase_add_test(tc, survives_failing_allocations);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
