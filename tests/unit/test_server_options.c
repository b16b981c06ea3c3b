#include "support.h"

#include "options.h"

#include <stddef.h>
#include <string.h>

/* E130 */
START_TEST(fills_in_the_defaults) {
    sio_server_options full;
    sio_server_options init = SIO_SERVER_OPTIONS_INIT;
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(sio_server_options_read(&full, i ? &init : NULL), 0);
        ck_assert_str_eq(full.path, "/socket.io");
        ck_assert_uint_eq(full.ping_interval_ms, 25000);
        ck_assert_uint_eq(full.ping_timeout_ms, 20000);
        ck_assert_uint_eq(full.upgrade_timeout_ms, 10000);
        ck_assert_uint_eq(full.connect_timeout_ms, 45000);
        ck_assert_uint_eq(full.max_payload, 1000000);
        ck_assert_uint_eq(full.max_attachments, 10);
        ck_assert_uint_eq(full.max_json_depth, 256);
        ck_assert_uint_eq(full.max_namespaces, 64);
        ck_assert_uint_eq(full.max_pending_acks, 1000);
        ck_assert_uint_eq(full.max_queued_bytes, 4u << 20);
        ck_assert_uint_eq(full.max_connections, 0);
        ck_assert_uint_eq(full.header_timeout_ms, 10000);
        ck_assert_uint_eq(full.body_timeout_ms, 30000);
        ck_assert_uint_eq(full.idle_timeout_ms, 5000);
        ck_assert_uint_eq(full.compress_threshold, 1024);
        ck_assert(!full.allow_eio3 && !full.per_message_deflate && !full.disable_polling);
        ck_assert(!full.disable_websocket && !full.disable_upgrades);
    }
}
END_TEST

/* E131 */
START_TEST(keeps_what_is_set) {
    sio_server_options full;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.path = "/x";
    options.ping_interval_ms = 1;
    options.max_namespaces = 2;
    options.disable_polling = true;
    ck_assert_int_eq(sio_server_options_read(&full, &options), 0);
    ck_assert_str_eq(full.path, "/x");
    ck_assert_uint_eq(full.ping_interval_ms, 1);
    ck_assert_uint_eq(full.max_namespaces, 2);
    ck_assert(full.disable_polling);
}
END_TEST

/* A program that was built when the struct was shorter: what lies behind is not read. */
START_TEST(takes_an_older_struct) {
    sio_server_options full;
    sio_server_options options;
    memset(&options, 0xff, sizeof(options));
    options.mem = NULL;
    options.base = NULL;
    options.log = NULL;
    options.log_user = NULL;
    options.path = "/old";
    options.size = offsetof(sio_server_options, ping_interval_ms);
    ck_assert_int_eq(sio_server_options_read(&full, &options), 0);
    ck_assert_str_eq(full.path, "/old");
    ck_assert_uint_eq(full.ping_interval_ms, 25000);
    ck_assert_ptr_null(full.cors);
    ck_assert(!full.allow_eio3);
    options.size = sizeof(size_t);
    ck_assert_int_eq(sio_server_options_read(&full, &options), 0);
    ck_assert_str_eq(full.path, "/socket.io");
}
END_TEST

START_TEST(refuses_impossible_settings) {
    static const char *const any[] = {"*"};
    static const char *const none[] = {NULL};
    const sio_server_options init = SIO_SERVER_OPTIONS_INIT;
    sio_server_options rows[12];
    size_t n = 0;
    sio_server_cors cors = SIO_SERVER_CORS_INIT;
    cors.origins = any;
    cors.origin_count = 1;
    cors.credentials = true;
    sio_server_cors hole = SIO_SERVER_CORS_INIT;
    hole.origins = none;
    hole.origin_count = 1;
    for (size_t i = 0; i < 12; i++) {
        rows[i] = init;
    }
    rows[n++].size = 0;
    rows[n++].size = 3;
    rows[n++].size = sizeof(init) + 1;
    rows[n++].path = "";
    rows[n++].path = "socket.io";
    rows[n].disable_polling = true;
    rows[n++].disable_websocket = true;
    rows[n++].max_namespaces = 65535;
    rows[n++].max_json_depth = SIO_JSON_DEPTH_CEILING + 1;
    rows[n++].max_attachments = SIO_ARGS_MAX_ATTACHMENTS + 1;
    rows[n++].cors = &cors;
    rows[n++].cors = &hole;
    for (size_t i = 0; i < n; i++) {
        sio_server_options full;
        ck_assert_msg(sio_server_options_read(&full, &rows[i]) == SIO_ERR_INVALID, "row %zu", i);
    }
}
END_TEST

START_TEST(reaches_what_connections_share) {
    sio_server server = {0};
    sio_server_options full;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.ping_interval_ms = 7;
    options.max_payload = 100;
    options.max_attachments = 3;
    options.max_namespaces = 5;
    options.disable_upgrades = true;
    ck_assert_int_eq(sio_server_options_read(&full, &options), 0);
    sio_server_options_apply(&server, &full);
    ck_assert_uint_eq(server.eio.ping_interval, 7);
    ck_assert_uint_eq(server.eio.max_payload, 100);
    ck_assert(server.eio.no_upgrade);
    ck_assert_uint_eq(server.decoder5.protocol, 5);
    ck_assert_uint_eq(server.decoder4.protocol, 4);
    ck_assert_uint_eq(server.decoder5.max_attachments, 3);
    ck_assert_uint_eq(server.decoder5.max_partial_bytes, 400);
    ck_assert_uint_eq(server.session5.max_connected, 5);
    ck_assert_uint_eq(server.session4.protocol, 4);
    ck_assert_uint_eq(server.max_pending_acks, 1000);
}
END_TEST

/* No product of two settings wraps round to a small limit. */
START_TEST(large_limits_stay_large) {
    sio_server server = {0};
    sio_server_options full;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.max_payload = (uint64_t)1 << 63;
    options.max_attachments = 1;
    ck_assert_int_eq(sio_server_options_read(&full, &options), 0);
    sio_server_options_apply(&server, &full);
    ck_assert_uint_ge(server.decoder5.max_partial_bytes, SIZE_MAX / 2);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server options");
    TCase *tc = tcase_create("options");
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, fills_in_the_defaults);
    tcase_add_test(tc, keeps_what_is_set);
    tcase_add_test(tc, takes_an_older_struct);
    tcase_add_test(tc, refuses_impossible_settings);
    tcase_add_test(tc, reaches_what_connections_share);
    tcase_add_test(tc, large_limits_stay_large);
    return test_run(suite);
}
