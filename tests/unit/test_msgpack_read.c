#include "support.h"

#include "msgpack_read.h"

#include <sio/error.h>

#include <stdlib.h>
#include <string.h>

static sio_buf text;

static void setup(void) {
    sio_buf_init(&text, 0, NULL);
}

static void teardown(void) {
    sio_buf_free(&text);
}

static int to_json(const void *data, size_t len) {
    uint8_t *copy = malloc(len ? len : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, data, len);
    sio_mp_reader in = {copy, copy + len};
    sio_mp_json to = {.text = &text, .max_text = 100000, .max_depth = 64, .max_attachments = 8};
    text.len = 0;
    int rc = sio_mp_to_json(&in, &to);
    ck_assert(rc != 0 || in.at == in.end);
    free(copy);
    return rc;
}

#define GIVES(bytes, expected)                                                                     \
    do {                                                                                           \
        ck_assert_int_eq(to_json(bytes, sizeof(bytes) - 1), 0);                                    \
        ck_assert_msg(text.len == strlen(expected) && memcmp(text.data, expected, text.len) == 0,  \
                      "%.*s, not %s", (int)text.len, (const char *)text.data, expected);           \
    } while (0)

#define FAILS(bytes, err) ck_assert_int_eq(to_json(bytes, sizeof(bytes) - 1), err)

START_TEST(numbers_of_every_width) {
    GIVES("\x00", "0");
    GIVES("\x7f", "127");
    GIVES("\xe0", "-32");
    GIVES("\xff", "-1");
    GIVES("\xcc\x05", "5");
    GIVES("\xcd\x00\x05", "5");
    GIVES("\xce\x00\x00\x00\x05", "5");
    GIVES("\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615");
    GIVES("\xd0\x80", "-128");
    GIVES("\xd0\x7f", "127");
    GIVES("\xd1\x80\x00", "-32768");
    GIVES("\xd2\x80\x00\x00\x00", "-2147483648");
    GIVES("\xd3\x80\x00\x00\x00\x00\x00\x00\x00", "-9223372036854775808");
    GIVES("\xd3\x00\x00\x00\x00\x00\x00\x00\x01", "1");
    GIVES("\xca\x3f\xc0\x00\x00", "1.5");
    GIVES("\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a", "0.1");
    GIVES("\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00", "null");
    GIVES("\xcb\xff\xf0\x00\x00\x00\x00\x00\x00", "null");
}
END_TEST

START_TEST(text_of_every_width) {
    GIVES("\xa0", "\"\"");
    GIVES("\xa3"
          "a\"\x00",
          "\"a\\\"\\u0000\"");
    GIVES("\xd9\x01"
          "a",
          "\"a\"");
    GIVES("\xda\x00\x01"
          "a",
          "\"a\"");
    GIVES("\xdb\x00\x00\x00\x01"
          "a",
          "\"a\"");
    GIVES("\xa3\xe2\x82\xac", "\"\xe2\x82\xac\"");
    FAILS("\xa1\xff", SIO_ERR_MSGPACK_UTF8);
    FAILS("\xa3\xed\xa0\x80", SIO_ERR_MSGPACK_UTF8);
}
END_TEST

START_TEST(containers_of_every_width) {
    GIVES("\x90", "[]");
    GIVES("\xdc\x00\x02\x01\xc0", "[1,null]");
    GIVES("\xdd\x00\x00\x00\x01\x91\x01", "[[1]]");
    GIVES("\x80", "{}");
    GIVES("\x82\xa1"
          "a\x01\xa1"
          "b\x80",
          "{\"a\":1,\"b\":{}}");
    GIVES("\xde\x00\x01\xa1"
          "a\xc2",
          "{\"a\":false}");
    GIVES("\xdf\x00\x00\x00\x01\xa1"
          "a\xc3",
          "{\"a\":true}");
    FAILS("\xdd\xff\xff\xff\xff\x01", SIO_ERR_MSGPACK_SYNTAX);
    FAILS("\x92\x01", SIO_ERR_MSGPACK_SYNTAX);
    FAILS("\x81\xa1"
          "a",
          SIO_ERR_MSGPACK_SYNTAX);
}
END_TEST

START_TEST(keys_are_text_or_integers) {
    GIVES("\x82\x05\x01\xff\x02", "{\"5\":1,\"-1\":2}");
    FAILS("\x81\xc0\x01", SIO_ERR_MSGPACK_TYPE);
    FAILS("\x81\x90\x01", SIO_ERR_MSGPACK_TYPE);
    FAILS("\x81\xc4\x01"
          "a\x01",
          SIO_ERR_MSGPACK_TYPE);
}
END_TEST

START_TEST(undefined_members_do_not_exist) {
    GIVES("\x81\xa1"
          "a\xd4\x00\x00",
          "{}");
    GIVES("\x83\xa1"
          "a\xd4\x00\x00\xa1"
          "b\x01\xa1"
          "c\xd4\x00\x00",
          "{\"b\":1}");
    GIVES("\x92\xd4\x00\x00\x01", "[null,1]");
}
END_TEST

START_TEST(binary_in_all_its_forms) {
    GIVES("\xc4\x01"
          "a",
          "{\"_placeholder\":true,\"num\":0}");
    GIVES("\x93\xc5\x00\x01"
          "a\xc6\x00\x00\x00\x00\xc7\x01\x00"
          "b",
          "[{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1},{\"_placeholder\":"
          "true,\"num\":2}]");
    GIVES("\xc8\x00\x01\x00"
          "b",
          "{\"_placeholder\":true,\"num\":0}");
    GIVES("\xc9\x00\x00\x00\x01\x00"
          "b",
          "{\"_placeholder\":true,\"num\":0}");
    FAILS("\x99\xc4\x00\xc4\x00\xc4\x00\xc4\x00\xc4\x00\xc4\x00\xc4\x00\xc4\x00\xc4\x00",
          SIO_ERR_SIO_TOO_MANY_ATTACHMENTS);
}
END_TEST

START_TEST(dates_of_both_generations) {
    GIVES("\xd7\x00\x00\x00\x01\x6f\x5e\x66\xe8\x7b", "\"2020-01-01T00:00:00.123Z\"");
    GIVES("\xd7\x00\xff\xff\xc7\x6e\x39\x4a\x74\x00", "\"-000001-01-01T00:00:00.000Z\"");
    GIVES("\xd7\x00\x00\x00\xe6\x77\xd2\x1f\xdc\x00", "\"+010000-01-01T00:00:00.000Z\"");
    GIVES("\xd7\x00\x7f\xff\xff\xff\xff\xff\xff\xff", "null");
    GIVES("\xd6\xff\x5e\x0b\xe1\x00", "\"2020-01-01T00:00:00.000Z\"");
    GIVES("\xd6\xff\x5e\x5a\xff\x7f", "\"2020-03-01T00:19:11.000Z\"");
    GIVES("\xd7\xff\x1d\x53\x5b\x00\x5e\x0b\xe1\x00", "\"2020-01-01T00:00:00.123Z\"");
    GIVES("\xc7\x0c\xff\x3b\x9a\xc9\xff\xff\xff\xff\xff\xff\xff\xff\xff",
          "\"1969-12-31T23:59:59.999Z\"");
    GIVES("\xc7\x0c\xff\x00\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff", "null");
    FAILS("\xc7\x0c\xff\x3b\x9a\xca\x00\x00\x00\x00\x00\x00\x00\x00\x00", SIO_ERR_MSGPACK_SYNTAX);
    FAILS("\xd4\xff\x00", SIO_ERR_MSGPACK_TYPE);
}
END_TEST

START_TEST(other_extensions_are_refused) {
    FAILS("\xd4\x01\x00", SIO_ERR_MSGPACK_TYPE);
    FAILS("\xd5\x00\x00\x00", SIO_ERR_MSGPACK_TYPE);
    FAILS("\xd8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
          SIO_ERR_MSGPACK_TYPE);
    FAILS("\xc7\x00\x7f", SIO_ERR_MSGPACK_TYPE);
    FAILS("\xc1", SIO_ERR_MSGPACK_SYNTAX);
    FAILS("", SIO_ERR_MSGPACK_SYNTAX);
}
END_TEST

START_TEST(nesting_is_bounded) {
    static uint8_t deep[300];
    memset(deep, 0x91, sizeof(deep));
    deep[64] = 0x01;
    ck_assert_int_eq(to_json(deep, 65), 0);
    deep[64] = 0x90;
    ck_assert_int_eq(to_json(deep, 65), SIO_ERR_MSGPACK_DEPTH);
    sio_mp_reader in = {deep, deep + sizeof(deep)};
    ck_assert_int_eq(sio_mp_skip(&in), 0);
    ck_assert_ptr_eq(in.at, deep + 65);
}
END_TEST

START_TEST(finds_binary_wherever_it_stands) {
    static const uint8_t data[] = {0x92, 0x81, 0xa1, 'k',  0xc4, 0x01,
                                   'x',  0x91, 0xc7, 0x01, 0,    'y'};
    sio_mp_reader in = {data, data + sizeof(data)};
    sio_bytes got;
    ck_assert(sio_mp_next_binary(&in, &got));
    ck_assert_int_eq(got.ptr[0], 'x');
    ck_assert(sio_mp_next_binary(&in, &got));
    ck_assert_int_eq(got.ptr[0], 'y');
    ck_assert(!sio_mp_next_binary(&in, &got));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("msgpack_read");
    TCase *tc = tcase_create("read");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, numbers_of_every_width);
    tcase_add_test(tc, text_of_every_width);
    tcase_add_test(tc, containers_of_every_width);
    tcase_add_test(tc, keys_are_text_or_integers);
    tcase_add_test(tc, undefined_members_do_not_exist);
    tcase_add_test(tc, binary_in_all_its_forms);
    tcase_add_test(tc, dates_of_both_generations);
    tcase_add_test(tc, other_extensions_are_refused);
    tcase_add_test(tc, nesting_is_bounded);
    tcase_add_test(tc, finds_binary_wherever_it_stands);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
