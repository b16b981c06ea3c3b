#include "support.h"

#include <sio/packet.h>

#include <stdlib.h>
#include <string.h>

static const sio_decoder_options defaults = SIO_DECODER_OPTIONS_INIT;
static sio_args *scratch;
static sio_decoder decoder;
static sio_packet packet;

static void setup(void) {
    ck_assert_int_eq(sio_args_new(&scratch, NULL), 0);
    ck_assert_int_eq(sio_decoder_init(&decoder, &defaults), 0);
}

static void teardown(void) {
    sio_decoder_reset(&decoder);
    sio_args_unref(scratch);
}

/* The messages are gone when the call returns, as in a shared read buffer. */
static int text(const char *message) {
    size_t len = strlen(message);
    char *copy = malloc(len ? len : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, message, len);
    int rc = sio_decoder_text(&decoder, scratch, copy, len, &packet);
    memset(copy, '!', len);
    free(copy);
    return rc;
}

/* For attachments that are not the last. */
static int binary(const char *data) {
    size_t len = strlen(data);
    uint8_t *copy = malloc(len ? len : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, data, len);
    int rc = sio_decoder_binary(&decoder, scratch, copy, len, &packet);
    free(copy);
    return rc;
}

static int last(const char *data) {
    return sio_decoder_binary(&decoder, scratch, (const uint8_t *)data, strlen(data), &packet);
}

static void same_bytes(sio_bytes got, const char *expected) {
    ck_assert_uint_eq(got.len, strlen(expected));
    ck_assert(got.len == 0 || memcmp(got.ptr, expected, got.len) == 0);
}

/* SP21: a buffer at top level, with a namespace and an id. */
/* PA-01 PB-01 */
START_TEST(sp21_one_attachment_is_used_in_place) {
    ck_assert_int_eq(text("51-/cool,23[\"a\",{\"_placeholder\":true,\"num\":0}]"), 0);
    ck_assert(sio_decoder_is_partial(&decoder));
    static const char data[] = "\x01\x02";
    ck_assert_int_eq(last(data), 1);
    ck_assert(!sio_decoder_is_partial(&decoder));
    ck_assert_int_eq(packet.type, SIO_PACKET_EVENT);
    ck_assert(packet.has_id);
    ck_assert_uint_eq(packet.id, 23);
    ck_assert_mem_eq(packet.nsp.ptr, "/cool", 5);
    ck_assert_int_eq(sio_args_kind(packet.args, 0), SIO_KIND_BINARY);
    ck_assert_ptr_eq(sio_args_binary(packet.args, 0).ptr, data);
}
END_TEST

/* PA-05 PB-03 */
START_TEST(sp21_ack_with_binary) {
    ck_assert_int_eq(text("61-/back,127[{\"_placeholder\":true,\"num\":0},null]"), 0);
    ck_assert_int_eq(last("ab"), 1);
    ck_assert_int_eq(packet.type, SIO_PACKET_ACK);
    ck_assert_uint_eq(packet.id, 127);
    same_bytes(sio_args_binary(packet.args, 0), "ab");
    ck_assert_int_eq(sio_args_kind(packet.args, 1), SIO_KIND_NULL);
}
END_TEST

/* PA-05 PB-02 SP22 */
START_TEST(sp22_several_attachments_in_any_order_of_placeholders) {
    ck_assert_int_eq(text("53-[\"a\",{\"_placeholder\":true,\"num\":2},{\"b\":[null,{\"num\":0,"
                          "\"_placeholder\":true}]},{\"_placeholder\":true,\"num\":2}]"),
                     0);
    ck_assert_int_eq(binary("one"), 0);
    ck_assert_int_eq(binary(""), 0);
    ck_assert_int_eq(last("three"), 1);
    ck_assert_uint_eq(sio_args_attachment_count(packet.args), 3);
    same_bytes(sio_args_attachment(packet.args, 0), "one");
    same_bytes(sio_args_attachment(packet.args, 1), "");
    same_bytes(sio_args_attachment(packet.args, 2), "three");
    same_bytes(sio_args_binary(packet.args, 0), "three");
    same_bytes(sio_args_binary(packet.args, 2), "three");
    ck_assert_mem_eq(sio_args_name(packet.args).ptr, "a", 1);
}
END_TEST

START_TEST(each_of_many_attachments_is_whole) {
    ck_assert_int_eq(text("55-[\"a\"]"), 0);
    ck_assert_int_eq(binary("1"), 0);
    ck_assert_int_eq(binary("second"), 0);
    ck_assert_int_eq(binary(""), 0);
    ck_assert_int_eq(binary("fourth"), 0);
    ck_assert_int_eq(last("5"), 1);
    static const char *const want[] = {"1", "second", "", "fourth", "5"};
    for (uint32_t i = 0; i < 5; i++) {
        same_bytes(sio_args_attachment(packet.args, i), want[i]);
    }
}
END_TEST

START_TEST(a_placeholder_must_say_true) {
    ck_assert_int_eq(text("51-[\"a\",{\"_placeholder\":1,\"num\":7}]"), 0);
    ck_assert_int_eq(last("x"), 1);
    ck_assert_int_eq(sio_args_kind(packet.args, 0), SIO_KIND_OBJECT);
}
END_TEST

/* PB-06 SP24 */
START_TEST(sp24_binary_without_a_header) {
    ck_assert_int_eq(last("x"), SIO_ERR_SIO_BINARY);
    ck_assert_int_eq(text("51-[\"a\"]"), 0);
    ck_assert_int_eq(last("x"), 1);
    ck_assert_int_eq(last("y"), SIO_ERR_SIO_BINARY);
}
END_TEST

/* PB-07 SP25 */
START_TEST(sp25_text_while_waiting) {
    ck_assert_int_eq(text("52-[\"a\"]"), 0);
    ck_assert_int_eq(binary("x"), 0);
    ck_assert_int_eq(text("2[\"a\"]"), SIO_ERR_SIO_PLAINTEXT);
    ck_assert(!sio_decoder_is_partial(&decoder));
    ck_assert_int_eq(text("2[\"a\"]"), 1);
}
END_TEST

/* PP-16 SP19 */
START_TEST(sp19_decodes_again_after_a_reset) {
    ck_assert_int_eq(text("52-[\"a\"]"), 0);
    ck_assert_int_eq(binary("x"), 0);
    sio_decoder_reset(&decoder);
    ck_assert_int_eq(text("2[\"a\"]"), 1);
    ck_assert_int_eq(last("x"), SIO_ERR_SIO_BINARY);
}
END_TEST

START_TEST(packets_follow_each_other) {
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(text("51-[\"a\",{\"_placeholder\":true,\"num\":0}]"), 0);
        ck_assert_int_eq(last("x"), 1);
        same_bytes(sio_args_binary(packet.args, 0), "x");
        ck_assert_int_eq(text("2[\"b\"]"), 1);
    }
}
END_TEST

START_TEST(an_invalid_header_leaves_nothing_behind) {
    ck_assert_int_eq(text("51-[\"a\",{\"_placeholder\":true,\"num\":1}]"), SIO_ERR_SIO_PLACEHOLDER);
    ck_assert_int_eq(last("x"), SIO_ERR_SIO_BINARY);
}
END_TEST

START_TEST(the_bytes_of_a_partial_packet_are_bounded) {
    sio_decoder_options options = SIO_DECODER_OPTIONS_INIT;
    options.max_partial_bytes = 20;
    ck_assert_int_eq(sio_decoder_init(&decoder, &options), 0);
    ck_assert_int_eq(text("51-[\"aaaaaaaaaaaaaaa\"]"), SIO_ERR_LIMIT);
    ck_assert_int_eq(text("52-[\"aaa\"]"), 0); /* 10 bytes */
    ck_assert_int_eq(binary("0123456789"), 0);
    ck_assert_int_eq(last("x"), SIO_ERR_LIMIT);
    ck_assert_int_eq(text("52-[\"aaa\"]"), 0);
    ck_assert_int_eq(binary("0123456789a"), SIO_ERR_LIMIT);
    ck_assert_int_eq(text("52-[\"aaa\"]"), 0);
    ck_assert_int_eq(binary("01234"), 0);
    ck_assert_int_eq(last("01234"), 1);
    sio_decoder_reset(&decoder); /* the options are gone after this */
}
END_TEST

START_TEST(an_idle_decoder_owns_nothing) {
    test_mem m;
    test_mem_init(&m);
    sio_decoder_options options = SIO_DECODER_OPTIONS_INIT;
    options.mem = &m.mem;
    ck_assert_int_eq(sio_decoder_init(&decoder, &options), 0);
    ck_assert_uint_eq(sizeof(sio_decoder), 2 * sizeof(void *));
    ck_assert_int_eq(text("2[\"a\"]"), 1);
    ck_assert_uint_eq(m.calls, 0);
    ck_assert_int_eq(text("51-[\"a\"]"), 0);
    ck_assert_int_eq(last("x"), 1);
    ck_assert_uint_gt(m.live, 0);
    ck_assert_int_eq(text("2[\"a\"]"), 1);
    ck_assert_uint_eq(m.live, 0);
    sio_decoder_reset(&decoder);
}
END_TEST

static int binary_scenario(const sio_mem *mem, void *arg) {
    sio_decoder_options options = SIO_DECODER_OPTIONS_INIT;
    options.mem = mem;
    sio_decoder d;
    ck_assert_int_eq(sio_decoder_init(&d, &options), 0);
    sio_args *args;
    int rc = sio_args_new(&args, mem);
    if (rc != 0) {
        return rc;
    }
    static const char head[] =
        "53-[\"a\",{\"_placeholder\":true,\"num\":0},[{\"_placeholder\":true,\"num\":2}]]";
    static const uint8_t data[100] = {1};
    sio_packet out;
    rc = sio_decoder_text(&d, args, head, sizeof(head) - 1, &out);
    for (int i = 0; i < 3 && rc == 0; i++) {
        rc = sio_decoder_binary(&d, args, data, sizeof(data), &out);
    }
    ck_assert(rc != 0);
    if (rc < 0) {
        ck_assert_int_eq(rc, SIO_ERR_NOMEM);
        ck_assert(!sio_decoder_is_partial(&d));
    }
    sio_decoder_reset(&d);
    sio_args_unref(args);
    return rc == 1 ? 0 : rc;
}

START_TEST(survives_failing_allocations) {
    test_mem_sweep(binary_scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sio_binary");
    TCase *tc = tcase_create("binary");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, sp21_one_attachment_is_used_in_place);
    tcase_add_test(tc, sp21_ack_with_binary);
    tcase_add_test(tc, each_of_many_attachments_is_whole);
    tcase_add_test(tc, sp22_several_attachments_in_any_order_of_placeholders);
    tcase_add_test(tc, a_placeholder_must_say_true);
    tcase_add_test(tc, sp24_binary_without_a_header);
    tcase_add_test(tc, sp25_text_while_waiting);
    tcase_add_test(tc, sp19_decodes_again_after_a_reset);
    tcase_add_test(tc, packets_follow_each_other);
    tcase_add_test(tc, an_invalid_header_leaves_nothing_behind);
    tcase_add_test(tc, the_bytes_of_a_partial_packet_are_bounded);
    tcase_add_test(tc, an_idle_decoder_owns_nothing);
    tcase_add_test(tc, survives_failing_allocations);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
