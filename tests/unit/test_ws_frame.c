#include "support.h"

#include "ws_frame.h"

#include <string.h>

static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d};

/* RFC 6455 §5.7, and lengths on both sides of each form. */
START_TEST(headers_are_in_their_shortest_form) {
    static const struct {
        uint64_t len;
        const char *bytes;
        size_t size;
    } cases[] = {
        {0, "\x82\x00", 2},
        {5, "\x82\x05", 2},
        {125, "\x82\x7d", 2},
        {126, "\x82\x7e\x00\x7e", 4},
        {256, "\x82\x7e\x01\x00", 4},
        {65535, "\x82\x7e\xff\xff", 4},
        {65536, "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10},
        {INT64_MAX, "\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", 10},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t out[SIO_WS_HEADER_MAX];
        size_t size = sio_ws_write_header(out, SIO_WS_BINARY, true, false, cases[i].len, NULL);
        ck_assert_uint_eq(size, cases[i].size);
        ck_assert_mem_eq(out, cases[i].bytes, size);
        sio_ws_header header = {.first = 0};
        for (size_t len = 0; len < size; len++) {
            ck_assert_int_eq(sio_ws_header_read(&header, out, len), 0);
        }
        ck_assert_int_eq(sio_ws_header_read(&header, out, size), (int)size);
        ck_assert(header.len == cases[i].len && !header.masked && header.first == 0x82);
        size = sio_ws_write_header(out, SIO_WS_BINARY, true, false, cases[i].len, key);
        ck_assert_uint_eq(size, cases[i].size + 4);
        for (size_t len = 0; len < size; len++) {
            ck_assert_int_eq(sio_ws_header_read(&header, out, len), 0);
        }
        ck_assert_int_eq(sio_ws_header_read(&header, out, size), (int)size);
        ck_assert(header.len == cases[i].len && header.masked);
        ck_assert_mem_eq(header.key, key, 4);
    }
}
END_TEST

START_TEST(the_first_byte_holds_the_flags) {
    uint8_t out[SIO_WS_HEADER_MAX];
    sio_ws_write_header(out, SIO_WS_TEXT, false, true, 0, NULL);
    ck_assert_int_eq(out[0], 0x41);
    sio_ws_write_header(out, SIO_WS_CONTINUATION, true, false, 0, NULL);
    ck_assert_int_eq(out[0], 0x80);
    sio_ws_write_header(out, SIO_WS_PONG, true, false, 0, NULL);
    ck_assert_int_eq(out[0], 0x8a);
}
END_TEST

START_TEST(longer_forms_than_needed_are_refused) {
    sio_ws_header header;
    ck_assert_int_eq(sio_ws_header_read(&header, (const uint8_t *)"\x82\x7e\x00\x7d", 4),
                     SIO_ERR_WS_LENGTH);
    ck_assert_int_eq(
        sio_ws_header_read(&header, (const uint8_t *)"\x82\x7f\0\0\0\0\0\0\xff\xff", 10),
        SIO_ERR_WS_LENGTH);
    ck_assert_int_eq(sio_ws_header_read(&header, (const uint8_t *)"\x82\xff\x80\0\0\0\0\0\0\0", 10),
                     SIO_ERR_WS_LENGTH);
}
END_TEST

/* RFC 6455 §5.7: a masked and an unmasked "Hello". */
START_TEST(whole_frames) {
    sio_buf out = {0};
    ck_assert_int_eq(sio_ws_write_frame(&out, SIO_WS_TEXT, "Hello", 5, false, NULL), 0);
    ck_assert_uint_eq(out.len, 7);
    ck_assert_mem_eq(out.data, "\x81\x05Hello", 7);
    out.len = 0;
    ck_assert_int_eq(sio_ws_write_frame(&out, SIO_WS_TEXT, "Hello", 5, false, key), 0);
    ck_assert_uint_eq(out.len, 11);
    ck_assert_mem_eq(out.data, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11);
    out.len = 0;
    ck_assert_int_eq(sio_ws_write_frame(&out, SIO_WS_PING, NULL, 0, false, NULL), 0);
    ck_assert_mem_eq(out.data, "\x89\x00", 2);
    sio_buf_free(&out);
}
END_TEST

START_TEST(frames_that_may_not_be_are_refused) {
    sio_buf out = {0};
    uint8_t data[126] = {0};
    ck_assert_int_eq(sio_ws_write_frame(&out, SIO_WS_PING, data, 126, false, NULL),
                     SIO_ERR_INVALID);
    ck_assert_int_eq(sio_ws_write_frame(&out, SIO_WS_PONG, data, 1, true, NULL), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_ws_write_frame(&out, SIO_WS_BINARY, data, SIZE_MAX, false, NULL),
                     SIO_ERR_LIMIT);
    ck_assert_int_eq(sio_ws_write_frame(&out, SIO_WS_BINARY, data, SIZE_MAX - 13, false, NULL),
                     SIO_ERR_LIMIT);
    out.max = 100;
    ck_assert_int_eq(sio_ws_write_frame(&out, SIO_WS_PING, data, 125, false, NULL), SIO_ERR_LIMIT);
    ck_assert_uint_eq(out.len, 0);
    sio_buf_free(&out);
}
END_TEST

START_TEST(close_frames) {
    sio_buf out = {0};
    ck_assert_int_eq(sio_ws_write_close(&out, 0, SIO_STR(""), NULL), 0);
    ck_assert_int_eq(sio_ws_write_close(&out, 1000, SIO_STR("bye"), NULL), 0);
    ck_assert_int_eq(sio_ws_write_close(&out, 4999, (sio_str){NULL, 0}, NULL), 0);
    ck_assert_uint_eq(out.len, 2 + 7 + 4);
    ck_assert_mem_eq(out.data,
                     "\x88\x00\x88\x05\x03\xe8"
                     "bye\x88\x02\x13\x87",
                     out.len);
    char reason[124];
    memset(reason, 'r', sizeof(reason));
    ck_assert_int_eq(sio_ws_write_close(&out, 1001, (sio_str){reason, 123}, key), 0);
    out.len = 0;
    ck_assert_int_eq(sio_ws_write_close(&out, 1001, (sio_str){reason, 124}, NULL), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_ws_write_close(&out, 1001, SIO_STR("\xff"), NULL), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_ws_write_close(&out, 0, SIO_STR("x"), NULL), SIO_ERR_INVALID);
    static const uint16_t bad[] = {1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_int_eq(sio_ws_write_close(&out, bad[i], SIO_STR(""), NULL), SIO_ERR_INVALID);
    }
    ck_assert_uint_eq(out.len, 0);
    sio_buf_free(&out);
}
END_TEST

static int write_both(const sio_mem *mem, void *arg) {
    sio_buf out;
    sio_buf_init(&out, 0, mem);
    int rc = sio_ws_write_frame(&out, SIO_WS_TEXT, "Hello", 5, false, key);
    if (rc == 0) {
        char reason[100] = {0};
        rc = sio_ws_write_close(&out, 1000, (sio_str){reason, sizeof(reason)}, NULL);
    }
    sio_buf_free(&out);
    return rc;
}

START_TEST(survives_failing_allocations) {
    test_mem_sweep(write_both, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("ws_frame");
    TCase *tc = tcase_create("ws_frame");
    tcase_add_test(tc, headers_are_in_their_shortest_form);
    tcase_add_test(tc, the_first_byte_holds_the_flags);
    tcase_add_test(tc, longer_forms_than_needed_are_refused);
    tcase_add_test(tc, whole_frames);
    tcase_add_test(tc, frames_that_may_not_be_are_refused);
    tcase_add_test(tc, close_frames);
    tcase_add_test(tc, survives_failing_allocations);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
