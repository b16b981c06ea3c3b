#include "support.h"

#include <sio/ws.h>

#include <string.h>

static sio_ws_event ping_of(const char *text) {
    static uint8_t data[256];
    size_t len = strlen(text);
    memcpy(data, text, len);
    return (sio_ws_event){.kind = SIO_WS_PING, .data = data, .len = len, .code = 0};
}

START_TEST(the_newest_ping_is_answered_once) {
    sio_ws_pong pong = {.pending = false};
    sio_buf out = {0};
    ck_assert_int_eq(sio_ws_pong_write(&pong, &out, NULL), 0);
    sio_ws_event ping = ping_of("a longer one");
    sio_ws_pong_set(&pong, &ping);
    ping = ping_of("new");
    sio_ws_pong_set(&pong, &ping);
    ck_assert_int_eq(sio_ws_pong_write(&pong, &out, NULL), 1);
    ck_assert_int_eq(sio_ws_pong_write(&pong, &out, NULL), 0);
    ck_assert_uint_eq(out.len, 5);
    ck_assert_mem_eq(out.data, "\x8a\x03new", 5);
    sio_buf_free(&out);
}
END_TEST

START_TEST(an_empty_ping_is_answered_too) {
    sio_ws_pong pong = {.pending = false};
    sio_ws_event ping = {.kind = SIO_WS_PING};
    sio_buf out = {0};
    sio_ws_pong_set(&pong, &ping);
    ck_assert_int_eq(sio_ws_pong_write(&pong, &out, (const uint8_t *)"kkkk"), 1);
    ck_assert_uint_eq(out.len, 6);
    ck_assert_mem_eq(out.data, "\x8a\x80kkkk", 6);
    sio_buf_free(&out);
}
END_TEST

START_TEST(it_stays_pending_when_it_cannot_be_written) {
    sio_ws_pong pong = {.pending = false};
    sio_ws_event ping = ping_of("payload");
    sio_buf out;
    sio_buf_init(&out, 8, NULL);
    sio_ws_pong_set(&pong, &ping);
    ck_assert_int_eq(sio_ws_pong_write(&pong, &out, NULL), SIO_ERR_LIMIT);
    ck_assert(pong.pending);
    ck_assert_uint_eq(out.len, 0);
    out.max = 9;
    ck_assert_int_eq(sio_ws_pong_write(&pong, &out, NULL), 1);
    sio_buf_free(&out);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("ws_pong");
    TCase *tc = tcase_create("ws_pong");
    tcase_add_test(tc, the_newest_ping_is_answered_once);
    tcase_add_test(tc, an_empty_ping_is_answered_too);
    tcase_add_test(tc, it_stays_pending_when_it_cannot_be_written);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
