#include "support.h"

#include "network.h"

#include <sio/error.h>

#include <string.h>

static sio_client_network with(void) {
    return (sio_client_network)SIO_CLIENT_NETWORK_INIT;
}

static int try_copy(const sio_client_network *network) {
    sio_client_network copy = SIO_CLIENT_NETWORK_INIT;
    int rc = sio_network_copy(&copy, network, NULL);
    if (rc == 0) {
        sio_network_free(&copy, NULL);
    }
    return rc;
}

START_TEST(defaults) {
    sio_client_network copy = SIO_CLIENT_NETWORK_INIT;
    ck_assert_int_eq(sio_network_copy(&copy, NULL, NULL), 0);
    ck_assert_uint_eq(copy.size, sizeof copy);
    ck_assert_str_eq(copy.timestamp_param, "t");
    ck_assert_uint_eq(copy.compress_threshold, 1024);
    ck_assert_ptr_null(copy.proxy);
    sio_network_free(&copy, NULL);
    sio_client_network older = SIO_CLIENT_NETWORK_INIT;
    older.size = offsetof(sio_client_network, polling);
    ck_assert_int_eq(try_copy(&older), 0);
    older.size = sizeof older + 1;
    ck_assert_int_eq(try_copy(&older), SIO_ERR_INVALID);
    older.size = 0;
    ck_assert_int_eq(try_copy(&older), SIO_ERR_INVALID);
}
END_TEST

/* ES-02: the list of the caller is not changed, and may be gone. */
START_TEST(everything_is_copied) {
    char proxy[] = "socks5://u:p@proxy:1080";
    char order[] = "websocket,polling";
    char name[] = "X-A";
    sio_client_header headers[] = {{name, "1"}, {"X-B", "2"}};
    sio_client_transport_options polling = SIO_CLIENT_TRANSPORT_OPTIONS_INIT;
    polling.path = "/p";
    polling.query = "q=1";
    polling.headers = headers;
    polling.header_count = 2;
    sio_client_network network = with();
    network.proxy = proxy;
    network.no_proxy = "a,b";
    network.unix_path = "@x";
    network.local_address = "127.0.0.1";
    network.transports = order;
    network.timestamp_param = "stamp";
    network.protocols = "one, two";
    network.polling = &polling;
    sio_client_network copy = SIO_CLIENT_NETWORK_INIT;
    ck_assert_int_eq(sio_network_copy(&copy, &network, NULL), 0);
    ck_assert_str_eq(order, "websocket,polling");
    memset(proxy, 'x', sizeof proxy - 1);
    memset(order, 'x', sizeof order - 1);
    memset(name, 'x', sizeof name - 1);
    ck_assert_str_eq(copy.proxy, "socks5://u:p@proxy:1080");
    ck_assert_str_eq(copy.transports, "websocket,polling");
    ck_assert_str_eq(copy.protocols, "one, two");
    ck_assert_str_eq(copy.polling->headers[0].name, "X-A");
    ck_assert_str_eq(copy.polling->headers[1].value, "2");
    ck_assert_uint_eq(copy.polling->header_count, 2);
    ck_assert_str_eq(copy.polling->path, "/p");
    ck_assert_ptr_null(copy.websocket);
    sio_network_free(&copy, NULL);
}
END_TEST

/* ES-03 */
START_TEST(bad_settings) {
    sio_client_transport_options transport = SIO_CLIENT_TRANSPORT_OPTIONS_INIT;
    sio_client_header header = {"Content-Length", "1"};
    sio_client_network n = with();
#define REFUSED(field, value, err)                                                                 \
    do {                                                                                           \
        n = with();                                                                                \
        n.field = (value);                                                                         \
        ck_assert_int_eq(try_copy(&n), err);                                                       \
    } while (0)
    REFUSED(proxy, "proxy:8080", SIO_ERR_URL);
    REFUSED(proxy, "https://proxy", SIO_ERR_URL);
    REFUSED(unix_path, "", SIO_ERR_INVALID);
    REFUSED(unix_path, "unix:", SIO_ERR_INVALID);
    REFUSED(local_address, "localhost", SIO_ERR_INVALID);
    REFUSED(transports, "", SIO_ERR_INVALID);
    REFUSED(transports, "polling,polling", SIO_ERR_INVALID);
    REFUSED(transports, "polling,websocket,polling", SIO_ERR_INVALID);
    REFUSED(transports, "webtransport", SIO_ERR_INVALID);
    REFUSED(protocols, "a,,b", SIO_ERR_INVALID);
    REFUSED(protocols, "a b", SIO_ERR_INVALID);
    REFUSED(protocols, "a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a", SIO_ERR_INVALID);
    REFUSED(timestamp_param, "", SIO_ERR_INVALID);
    REFUSED(timestamp_param, "a b", SIO_ERR_INVALID);
    REFUSED(timestamps, (sio_client_timestamps)3, SIO_ERR_INVALID);
    transport.path = "relative";
    REFUSED(polling, &transport, SIO_ERR_INVALID);
    transport.path = NULL;
    transport.header_count = 1;
    REFUSED(websocket, &transport, SIO_ERR_INVALID);
    transport.headers = &header;
    REFUSED(websocket, &transport, SIO_ERR_INVALID);
    header = (sio_client_header){"X", "a\r\nb"};
    REFUSED(websocket, &transport, SIO_ERR_INVALID);
    header.value = NULL;
    REFUSED(websocket, &transport, SIO_ERR_INVALID);
    transport.size = 1;
    REFUSED(websocket, &transport, SIO_ERR_INVALID);
}
END_TEST

START_TEST(reserved_headers) {
    static const char *const reserved[] = {"Host",
                                           "connection",
                                           "CONTENT-LENGTH",
                                           "Transfer-Encoding",
                                           "Upgrade",
                                           "TE",
                                           "Trailer",
                                           "Sec-WebSocket-Key",
                                           "sec-websocket-extensions",
                                           "Expect",
                                           "Accept-Encoding"};
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        ck_assert(!sio_network_header_is_free((sio_str){reserved[i], strlen(reserved[i])}));
    }
    ck_assert(sio_network_header_is_free(SIO_STR("Authorization")));
    ck_assert(sio_network_header_is_free(SIO_STR("Hosts")));
    ck_assert(sio_network_header_is_free(SIO_STR("Sec-WebSocket")));
}
END_TEST

START_TEST(orders) {
    sio_network_order order;
    ck_assert_int_eq(sio_network_read_order(&order, " websocket , polling"), 0);
    ck_assert_uint_eq(order.count, 2);
    ck_assert_int_eq(order.first[0], SIO_EIO_WEBSOCKET);
    ck_assert_int_eq(order.first[1], SIO_EIO_POLLING);
    ck_assert_int_eq(sio_network_read_order(&order, "polling"), 0);
    ck_assert_uint_eq(order.count, 1);
    sio_str protocols[SIO_NETWORK_PROTOCOLS_MAX];
    ck_assert_int_eq(sio_network_read_protocols(protocols, "a, b.c"), 2);
    ck_assert_uint_eq(protocols[1].len, 3);
}
END_TEST

static int scenario(const sio_mem *mem, void *arg) {
    sio_client_header headers[] = {{"X-A", "1"}, {"X-B", "2"}};
    sio_client_transport_options own = SIO_CLIENT_TRANSPORT_OPTIONS_INIT;
    own.path = "/p";
    own.headers = headers;
    own.header_count = 2;
    sio_client_network network = with();
    network.proxy = "http://proxy";
    network.transports = "polling";
    network.polling = &own;
    network.websocket = &own;
    sio_client_network copy = SIO_CLIENT_NETWORK_INIT;
    int rc = sio_network_copy(&copy, &network, mem);
    sio_network_free(&copy, mem);
    return rc;
}

START_TEST(no_memory) {
    test_mem_sweep(scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("client_network");
    TCase *tc = tcase_create("network");
    tcase_add_test(tc, defaults);
    tcase_add_test(tc, everything_is_copied);
    tcase_add_test(tc, bad_settings);
    tcase_add_test(tc, reserved_headers);
    tcase_add_test(tc, orders);
    tcase_add_test(tc, no_memory);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
