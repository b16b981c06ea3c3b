#include "client_fixture.h"
#include "client_state.h"
#include "transport.h"

#include <string.h>

START_TEST(every_stage_has_a_name) {
    for (int at = SIO_CLIENT_STAGE_NONE; at <= SIO_CLIENT_STAGE_TIMEOUT; at++) {
        const char *name = sio_client_stage_name((sio_client_stage)at);
        ck_assert_str_ne(name, "unknown");
        for (int other = 0; other < at; other++) {
            ck_assert_str_ne(name, sio_client_stage_name((sio_client_stage)other));
        }
    }
    ck_assert_str_eq(sio_client_stage_name(SIO_CLIENT_STAGE_TLS), "tls");
    ck_assert_str_eq(sio_client_stage_name((sio_client_stage)1000), "unknown");
}
END_TEST

START_TEST(errors_have_their_stages) {
    static const struct {
        int err;
        sio_client_stage stage;
    } rows[] = {
        {0, SIO_CLIENT_STAGE_NONE},
        {SIO_ERR_NOMEM, SIO_CLIENT_STAGE_LOCAL},
        {SIO_ERR_TIMEOUT, SIO_CLIENT_STAGE_TIMEOUT},
        {SIO_ERR_RESET, SIO_CLIENT_STAGE_HTTP},
        {SIO_ERR_CLOSED, SIO_CLIENT_STAGE_HTTP},
        {SIO_ERR_JSON_UTF8, SIO_CLIENT_STAGE_PROTOCOL},
        {SIO_ERR_MSGPACK_UTF8, SIO_CLIENT_STAGE_PROTOCOL},
        {SIO_ERR_HTTP_STATUS, SIO_CLIENT_STAGE_HTTP},
        {SIO_ERR_WS_UTF8, SIO_CLIENT_STAGE_WEBSOCKET},
        {SIO_ERR_EIO_PACKET, SIO_CLIENT_STAGE_PROTOCOL},
        {SIO_ERR_EIO_QUEUE_FULL, SIO_CLIENT_STAGE_LOCAL},
        {SIO_ERR_SIO_PAYLOAD, SIO_CLIENT_STAGE_PROTOCOL},
        {SIO_ERR_SIO_REFUSED, SIO_CLIENT_STAGE_NAMESPACE},
        {SIO_ERR_RESOLVE, SIO_CLIENT_STAGE_RESOLVE},
        {SIO_ERR_CONNECT, SIO_CLIENT_STAGE_CONNECT},
        {SIO_ERR_TLS_PROTOCOL, SIO_CLIENT_STAGE_TLS},
        {SIO_ERR_PROXY_AUTH, SIO_CLIENT_STAGE_PROXY},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_int_eq(sio_client_stage_of(rows[i].err, SIO_CLIENT_STAGE_HTTP), rows[i].stage);
    }
}
END_TEST

START_TEST(the_last_error_is_kept_with_its_texts) {
    sio_client *client = client_make(NULL);
    ck_assert_ptr_null(sio_client_last_error(client));
    ck_assert_str_eq(sio_client_error_detail(client), "");
    client_socket(client, "/");
    turn();
    sio_cengine_error error = {.err = SIO_ERR_HTTP_STATUS,
                               .stage = SIO_CLIENT_STAGE_HTTP,
                               .http_status = 502,
                               .transport = "polling",
                               .message = "xhr poll error",
                               .detail = "<html>"};
    fake_close(fake_engine(), SIO_EIO_REASON_TRANSPORT_ERROR, &error);
    error.message = error.detail = NULL;
    const sio_client_error *last = sio_client_last_error(client);
    ck_assert_ptr_nonnull(last);
    ck_assert_uint_eq(last->size, sizeof(*last));
    ck_assert_int_eq(last->err, SIO_ERR_HTTP_STATUS);
    ck_assert_int_eq(last->stage, SIO_CLIENT_STAGE_HTTP);
    ck_assert_int_eq(last->http_status, 502);
    ck_assert_str_eq(last->transport, "polling");
    ck_assert_str_eq(last->message, "xhr poll error");
    ck_assert_str_eq(last->detail, "<html>");
    ck_assert_str_eq(sio_client_error_detail(client), "<html>");
    sio_client_keep_error(client, NULL);
    ck_assert_ptr_null(sio_client_last_error(client));
    trace_clear();
}
END_TEST

START_TEST(a_missing_ping_is_an_error_too) {
    sio_client *client = client_make(NULL);
    client_socket(client, "/");
    turn();
    fake_open();
    fake_close(fake_engine(), SIO_EIO_REASON_PING_TIMEOUT, NULL);
    const sio_client_error *last = sio_client_last_error(client);
    ck_assert_ptr_nonnull(last);
    ck_assert_int_eq(last->err, SIO_ERR_TIMEOUT);
    ck_assert_int_eq(last->stage, SIO_CLIENT_STAGE_TIMEOUT);
    trace_clear();
}
END_TEST

START_TEST(an_attempt_that_cannot_be_made) {
    sio_client *client = client_make(NULL);
    fake.fail_new = SIO_ERR_NOMEM;
    client_socket(client, "/");
    turn();
    const sio_client_error *last = sio_client_last_error(client);
    ck_assert_ptr_nonnull(last);
    ck_assert_int_eq(last->err, SIO_ERR_NOMEM);
    ck_assert_int_eq(last->stage, SIO_CLIENT_STAGE_LOCAL);
    ck_assert_str_eq(last->detail, "");
    fake.fail_new = 0;
    trace_clear();
}
END_TEST

int main(void) {
    Suite *suite = suite_create("client_error");
    TCase *tc = tcase_create("error");
    tcase_add_checked_fixture(tc, client_setup, client_teardown);
    tcase_add_test(tc, every_stage_has_a_name);
    tcase_add_test(tc, errors_have_their_stages);
    tcase_add_test(tc, the_last_error_is_kept_with_its_texts);
    tcase_add_test(tc, a_missing_ping_is_an_error_too);
    tcase_add_test(tc, an_attempt_that_cannot_be_made);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
