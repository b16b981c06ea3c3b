#include "support.h"

#include <sio/eio.h>

#include <stdlib.h>
#include <string.h>

static void check_form(sio_eio_message *message, sio_eio_form form, int revision, const char *want,
                       size_t len) {
    sio_bytes out;
    ck_assert_int_eq(sio_eio_message_bytes(&out, message, form, revision), 0);
    ck_assert_uint_eq(out.len, len);
    ck_assert_mem_eq(out.ptr, want, len);
}
#define FORM(message, form, revision, literal)                                                     \
    check_form(message, SIO_EIO_FORM_##form, revision, literal, sizeof(literal) - 1)

START_TEST(text_is_the_same_in_both_revisions) { /* P1 */
    sio_eio_message *m;
    ck_assert_int_eq(sio_eio_message_new(&m, false, "test", 4, NULL), 0);
    for (int revision = 3; revision <= 4; revision++) {
        FORM(m, PACKET, revision, "4test");
        FORM(m, TEXT, revision, "4test");
        FORM(m, FRAME, revision,
             "\x81\x05"
             "4test");
        FORM(m, TEXT_FRAME, revision,
             "\x81\x05"
             "4test");
    }
    ck_assert_uint_eq(sio_eio_message_text_size(m), 5);
    ck_assert_int_eq(sio_eio_message_type(m), SIO_EIO_MESSAGE);
    sio_eio_message_unref(m);
}
END_TEST

START_TEST(binary_has_a_form_for_each_wire) { /* P5, P6, T3-13 */
    sio_eio_message *m;
    ck_assert_int_eq(sio_eio_message_new(&m, true, "\1\2\3\4", 4, NULL), 0);
    FORM(m, PACKET, 4, "\1\2\3\4");
    FORM(m, FRAME, 4, "\x82\4\1\2\3\4");
    FORM(m, TEXT, 4, "bAQIDBA==");
    FORM(m, TEXT_FRAME, 4,
         "\x81\x09"
         "bAQIDBA==");
    FORM(m, PACKET, 3, "\4\1\2\3\4");
    FORM(m, FRAME, 3, "\x82\5\4\1\2\3\4");
    FORM(m, TEXT, 3, "b4AQIDBA==");
    FORM(m, TEXT_FRAME, 3,
         "\x81\x0A"
         "b4AQIDBA==");
    ck_assert_uint_eq(sio_eio_message_text_size(m), 9);
    ck_assert(sio_eio_message_is_binary(m));
    sio_eio_message_unref(m);
}
END_TEST

START_TEST(empty_messages) { /* P10 */
    sio_eio_message *m;
    ck_assert_int_eq(sio_eio_message_new(&m, true, NULL, 0, NULL), 0);
    FORM(m, FRAME, 4, "\x82\0");
    FORM(m, FRAME, 3, "\x82\1\4");
    FORM(m, TEXT, 4, "b");
    FORM(m, TEXT, 3, "b4");
    sio_eio_message_unref(m);
    ck_assert_int_eq(sio_eio_message_new(&m, false, NULL, 0, NULL), 0);
    FORM(m, TEXT, 4, "4");
    FORM(m, FRAME, 4,
         "\x81\1"
         "4");
    sio_eio_message_unref(m);
}
END_TEST

/* E100 */
START_TEST(variants_are_made_once) {
    sio_eio_message *m;
    ck_assert_int_eq(sio_eio_message_new(&m, true, "abc", 3, NULL), 0);
    sio_bytes first;
    sio_bytes second;
    ck_assert_int_eq(sio_eio_message_bytes(&first, m, SIO_EIO_FORM_TEXT_FRAME, 4), 0);
    ck_assert_int_eq(sio_eio_message_bytes(&second, m, SIO_EIO_FORM_TEXT, 4), 0);
    ck_assert_ptr_eq(first.ptr + 2, second.ptr);
    sio_eio_message_unref(m);
}
END_TEST

/* RFC 6455 §5.2: the shortest of the three lengths. */
static void check_frame_length(size_t len, bool binary) {
    uint8_t *data = malloc(len);
    ck_assert_ptr_nonnull(data);
    memset(data, 'x', len);
    sio_eio_message *m;
    ck_assert_int_eq(sio_eio_message_new(&m, binary, data, len, NULL), 0);
    sio_bytes frame;
    ck_assert_int_eq(sio_eio_message_bytes(&frame, m, SIO_EIO_FORM_FRAME, 4), 0);
    size_t payload = binary ? len : len + 1;
    size_t header = payload < 126 ? 2 : payload < 65536 ? 4 : 10;
    ck_assert_uint_eq(frame.len, header + payload);
    ck_assert_uint_eq(frame.ptr[0], binary ? 0x82 : 0x81);
    uint64_t read = frame.ptr[1];
    ck_assert_uint_eq(header, read < 126 ? 2 : read == 126 ? 4 : 10);
    if (header > 2) {
        read = 0;
        for (size_t i = 2; i < header; i++) {
            read = read * 256 + frame.ptr[i];
        }
    }
    ck_assert_uint_eq(read, payload);
    sio_eio_message_unref(m);
    free(data);
}

START_TEST(frame_lengths) {
    static const size_t lengths[] = {1, 124, 125, 126, 127, 65534, 65535, 65536, 70000};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        check_frame_length(lengths[i], false);
        check_frame_length(lengths[i], true);
    }
}
END_TEST

START_TEST(other_packet_types) {
    sio_eio_message *m;
    ck_assert_int_eq(sio_eio_message_new_packet(&m, SIO_EIO_OPEN, "{}", 2, NULL), 0);
    FORM(m, TEXT, 4, "0{}");
    ck_assert_int_eq(sio_eio_message_type(m), SIO_EIO_OPEN);
    sio_eio_message_unref(m);
    ck_assert_int_eq(sio_eio_message_new_packet(&m, SIO_EIO_ERROR, "", 0, NULL), SIO_ERR_INVALID);
}
END_TEST

/* Encoded in place, however much the buffer grew. */
static int take_scenario(const sio_mem *mem, void *arg) {
    size_t pieces = *(size_t *)arg;
    sio_buf buf;
    sio_buf_init(&buf, 0, mem);
    int rc = sio_eio_message_begin(&buf);
    for (size_t i = 0; i < pieces && rc == 0; i++) {
        rc = sio_buf_add_text(&buf, "0123456789");
    }
    if (rc != 0) {
        sio_buf_free(&buf);
        return rc;
    }
    sio_eio_message *m;
    ck_assert_int_eq(sio_eio_message_take(&m, true, &buf), 0);
    ck_assert_ptr_null(buf.data);
    ck_assert_uint_eq(sio_eio_message_data(m).len, pieces * 10);
    sio_bytes out;
    static const sio_eio_form forms[] = {SIO_EIO_FORM_PACKET, SIO_EIO_FORM_TEXT};
    for (int i = 0; i < 4 && rc == 0; i++) {
        rc = sio_eio_message_bytes(&out, m, forms[i % 2], 3 + i / 2);
    }
    sio_blob *blob = NULL;
    if (rc == 0) {
        rc = sio_blob_new(&blob, "zip", 3, mem);
    }
    if (rc == 0) {
        rc = sio_eio_message_set_deflated(m, 7, blob);
    }
    sio_blob_unref(blob);
    sio_eio_message_unref(m);
    return rc;
}

START_TEST(takes_a_buffer_over) {
    for (size_t pieces = 0; pieces < 300; pieces += 33) {
        test_mem_sweep(take_scenario, &pieces);
    }
}
END_TEST

START_TEST(refuses_a_buffer_without_headroom) {
    sio_buf buf = {0};
    ck_assert_int_eq(sio_buf_add_text(&buf, "hello"), 0);
    sio_eio_message *m = NULL;
    ck_assert_int_eq(sio_eio_message_take(&m, false, &buf), SIO_ERR_INVALID);
    ck_assert_ptr_null(buf.data);
    ck_assert_ptr_null(m);
    sio_buf_init(&buf, SIO_EIO_HEADROOM - 1, NULL);
    ck_assert_int_eq(sio_eio_message_begin(&buf), SIO_ERR_LIMIT);
    sio_buf_free(&buf);
}
END_TEST

START_TEST(keeps_one_compressed_frame) {
    sio_eio_message *m;
    sio_blob *blob;
    ck_assert_int_eq(sio_eio_message_new(&m, false, "x", 1, NULL), 0);
    ck_assert_int_eq(sio_blob_new(&blob, "zip", 3, NULL), 0);
    ck_assert_ptr_null(sio_eio_message_deflated(m, 15));
    ck_assert_int_eq(sio_eio_message_set_deflated(m, 15, blob), 0);
    ck_assert_int_eq(sio_eio_message_set_deflated(m, 15, blob), SIO_ERR_EXISTS);
    sio_blob_unref(blob);
    ck_assert_ptr_eq(sio_eio_message_deflated(m, 15), blob);
    ck_assert_ptr_null(sio_eio_message_deflated(m, 14));
    ck_assert_ptr_eq(sio_eio_message_ref(m), m);
    sio_eio_message_unref(m);
    ck_assert_mem_eq(sio_eio_message_deflated(m, 15)->data, "zip", 3);
    sio_eio_message_unref(m);
    sio_eio_message_unref(NULL);
}
END_TEST

static int new_scenario(const sio_mem *mem, void *arg) {
    sio_eio_message *m = NULL;
    int rc = sio_eio_message_new(&m, true, "abcdef", 6, mem);
    sio_bytes out;
    for (int revision = 3; revision <= 4 && rc == 0; revision++) {
        rc = sio_eio_message_bytes(&out, m, SIO_EIO_FORM_TEXT_FRAME, revision);
    }
    sio_eio_message_unref(m);
    return rc;
}

START_TEST(survives_without_memory) {
    test_mem_sweep(new_scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("eio_message");
    TCase *tc = tcase_create("eio_message");
    tcase_add_test(tc, text_is_the_same_in_both_revisions);
    tcase_add_test(tc, binary_has_a_form_for_each_wire);
    tcase_add_test(tc, empty_messages);
    tcase_add_test(tc, variants_are_made_once);
    tcase_add_test(tc, frame_lengths);
    tcase_add_test(tc, other_packet_types);
    tcase_add_test(tc, takes_a_buffer_over);
    tcase_add_test(tc, refuses_a_buffer_without_headroom);
    tcase_add_test(tc, keeps_one_compressed_frame);
    tcase_add_test(tc, survives_without_memory);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
