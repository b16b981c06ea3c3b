#include "support.h"

#include "msgpack_write.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static sio_buf out;

static void setup(void) {
    sio_buf_init(&out, 0, NULL);
}

static void teardown(void) {
    sio_buf_free(&out);
}

#define WRITTEN(bytes)                                                                             \
    do {                                                                                           \
        ck_assert_uint_eq(out.len, sizeof(bytes) - 1);                                             \
        ck_assert_mem_eq(out.data, bytes, out.len);                                                \
        out.len = 0;                                                                               \
    } while (0)

static void json(const char *text, const sio_args *args) {
    size_t len = strlen(text);
    char *copy = malloc(len ? len : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, text, len);
    ck_assert_int_eq(sio_mp_write_json(&out, (sio_str){copy, len}, args), 0);
    free(copy);
}

#define JSON_GIVES(text, bytes)                                                                    \
    do {                                                                                           \
        json(text, NULL);                                                                          \
        WRITTEN(bytes);                                                                            \
    } while (0)

START_TEST(the_shortest_form_of_integers) {
    JSON_GIVES("127", "\x7f");
    JSON_GIVES("128", "\xcc\x80");
    JSON_GIVES("256", "\xcd\x01\x00");
    JSON_GIVES("65536", "\xce\x00\x01\x00\x00");
    JSON_GIVES("4294967296", "\xcf\x00\x00\x00\x01\x00\x00\x00\x00");
    JSON_GIVES("-32", "\xe0");
    JSON_GIVES("-33", "\xd0\xdf");
    JSON_GIVES("-128", "\xd0\x80");
    JSON_GIVES("-129", "\xd1\xff\x7f");
    JSON_GIVES("-32769", "\xd2\xff\xff\x7f\xff");
    JSON_GIVES("-9223372036854775808", "\xd3\x80\x00\x00\x00\x00\x00\x00\x00");
    JSON_GIVES("-0", "\x00");
    JSON_GIVES("1e2", "\x64");
    JSON_GIVES("1.0", "\x01");
    JSON_GIVES("1e19", "\xcf\x8a\xc7\x23\x04\x89\xe8\x00\x00");
}
END_TEST

START_TEST(other_numbers_are_doubles) {
    JSON_GIVES("1.5", "\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00");
    JSON_GIVES("-0.1", "\xcb\xbf\xb9\x99\x99\x99\x99\x99\x9a");
    JSON_GIVES("18446744073709551616", "\xcb\x43\xf0\x00\x00\x00\x00\x00\x00");
    JSON_GIVES("1e999", "\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00");
    ck_assert_int_eq(sio_mp_write_double(&out, -0x1p63), 0);
    WRITTEN("\xd3\x80\x00\x00\x00\x00\x00\x00\x00");
    ck_assert_int_eq(sio_mp_write_double(&out, (double)INFINITY), 0);
    WRITTEN("\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00");
}
END_TEST

START_TEST(text_is_decoded) {
    JSON_GIVES("\"\"", "\xa0");
    JSON_GIVES("\"abc\"", "\xa3"
                          "abc");
    JSON_GIVES("\"a\\n\\u0000\\u20ac\\\"\"", "\xa7"
                                             "a\n\x00\xe2\x82\xac\"");
    JSON_GIVES("\"\\ud83d\\ude00\"", "\xa4\xf0\x9f\x98\x80");
    JSON_GIVES("\"\\ud800\"", "\xa3\xef\xbf\xbd");
}
END_TEST

START_TEST(long_text_and_binary_have_longer_heads) {
    static const size_t sizes[] = {31, 32, 255, 256, 65535, 65536};
    static const uint8_t str_heads[] = {0xbf, 0xd9, 0xd9, 0xda, 0xda, 0xdb};
    static const uint8_t bin_heads[] = {0xc4, 0xc4, 0xc4, 0xc5, 0xc5, 0xc6};
    static const size_t str_extra[] = {1, 2, 2, 3, 3, 5};
    static const size_t bin_extra[] = {2, 2, 2, 3, 3, 5};
    static char data[65536];
    memset(data, 'x', sizeof(data));
    for (size_t i = 0; i < 6; i++) {
        ck_assert_int_eq(sio_mp_write_str(&out, (sio_str){data, sizes[i]}), 0);
        ck_assert_int_eq(out.data[0], str_heads[i]);
        ck_assert_uint_eq(out.len, sizes[i] + str_extra[i]);
        out.len = 0;
        sio_bytes bytes = {(const uint8_t *)data, sizes[i]};
        ck_assert_int_eq(sio_mp_write_bin(&out, bytes), 0);
        ck_assert_int_eq(out.data[0], bin_heads[i]);
        ck_assert_uint_eq(out.len, sizes[i] + bin_extra[i]);
        out.len = 0;
    }
}
END_TEST

START_TEST(containers_say_their_size_first) {
    JSON_GIVES("[]", "\x90");
    JSON_GIVES(" { } ", "\x80");
    JSON_GIVES("[1,[2,[3]],{\"a\":[],\"b\":{\"c\":null}},true,false]",
               "\x95\x01\x92\x02\x91\x03\x82\xa1"
               "a\x90\xa1"
               "b\x81\xa1"
               "c\xc0\xc3\xc2");
    JSON_GIVES("1 , [ 2 ] , \"]\"", "\x01\x91\x02\xa1]");
    ck_assert_int_eq(sio_mp_write_array(&out, 15), 0);
    WRITTEN("\x9f");
    ck_assert_int_eq(sio_mp_write_array(&out, 16), 0);
    WRITTEN("\xdc\x00\x10");
    ck_assert_int_eq(sio_mp_write_array(&out, 65536), 0);
    WRITTEN("\xdd\x00\x01\x00\x00");
    ck_assert_int_eq(sio_mp_write_map(&out, 16), 0);
    WRITTEN("\xde\x00\x10");
    ck_assert_int_eq(sio_mp_write_map(&out, 65536), 0);
    WRITTEN("\xdf\x00\x01\x00\x00");
}
END_TEST

START_TEST(placeholders_become_binary) {
    static const char text[] = "[{\"num\":1,\"_placeholder\":true,\"more\":[{},[1]]},{\"x\":"
                               "{\"_placeholder\":true,\"num\":0}},[2],{\"_placeholder\":1}]";
    sio_args *args;
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    ck_assert_int_eq(sio_args_parse(args, text, sizeof(text) - 1, SIO_ARGS_BINARY, 2, NULL), 0);
    ck_assert_int_eq(sio_args_set_attachment(args, 0, (sio_bytes){(const uint8_t *)"A", 1}), 0);
    ck_assert_int_eq(sio_args_set_attachment(args, 1, (sio_bytes){(const uint8_t *)"BB", 2}), 0);
    json(text, args);
    WRITTEN("\x94\xc4\x02"
            "BB\x81\xa1x\xc4\x01"
            "A\x91\x02\x81\xac_placeholder\x01");
    sio_args_unref(args);
}
END_TEST

START_TEST(of_equal_keys_the_last_makes_a_placeholder) {
    static const char text[] = "[{\"_placeholder\":true,\"num\":0,\"_placeholder\":[]},"
                               "{\"_placeholder\":0,\"num\":9,\"num\":0,\"_placeholder\":true}]";
    sio_args *args;
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    ck_assert_int_eq(sio_args_parse(args, text, sizeof(text) - 1, SIO_ARGS_BINARY, 1, NULL), 0);
    json(text, args);
    WRITTEN("\x92\x83\xac_placeholder\xc3\xa3num\x00\xac_placeholder\x90\xc4\x00");
    sio_args_unref(args);
}
END_TEST

START_TEST(nesting_beyond_all_json_is_refused) {
    enum { DEPTH = SIO_JSON_DEPTH_CEILING + 1 };
    static char text[2 * DEPTH];
    memset(text, '[', DEPTH);
    memset(text + DEPTH, ']', DEPTH);
    ck_assert_int_eq(sio_mp_write_json(&out, (sio_str){text, sizeof(text)}, NULL),
                     SIO_ERR_JSON_DEPTH);
    out.len = 0;
    ck_assert_int_eq(sio_mp_write_json(&out, (sio_str){text + 1, sizeof(text) - 2}, NULL), 0);
    ck_assert_uint_eq(out.len, DEPTH - 1);
}
END_TEST

static int scenario(const sio_mem *mem, void *arg) {
    sio_buf buf;
    sio_buf_init(&buf, 0, mem);
    static const char text[] = "[[[[[[]]]]],{\"a\":\"0123456789\\n0123456789\"},1.5,-70000]";
    int rc = sio_mp_write_json(&buf, (sio_str){text, sizeof(text) - 1}, NULL);
    sio_buf_free(&buf);
    return rc;
}

START_TEST(survives_failing_allocations) {
    test_mem_sweep(scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("msgpack_write");
    TCase *tc = tcase_create("write");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, the_shortest_form_of_integers);
    tcase_add_test(tc, other_numbers_are_doubles);
    tcase_add_test(tc, text_is_decoded);
    tcase_add_test(tc, long_text_and_binary_have_longer_heads);
    tcase_add_test(tc, containers_say_their_size_first);
    tcase_add_test(tc, placeholders_become_binary);
    tcase_add_test(tc, of_equal_keys_the_last_makes_a_placeholder);
    tcase_add_test(tc, nesting_beyond_all_json_is_refused);
    tcase_add_test(tc, survives_failing_allocations);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
