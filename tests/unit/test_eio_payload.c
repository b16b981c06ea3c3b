#include "support.h"

#include <sio/eio.h>

#include <stdlib.h>
#include <string.h>

/* The packets of a body as text: `<type>[b]:<data>` each, with `|` between; binary data in hex. */
static void describe(sio_buf *log, const sio_eio_packet *packet) {
    sio_buf_add_text(log, log->len ? "|" : "");
    if (packet->type == SIO_EIO_ERROR) {
        sio_buf_add_text(log, "error");
        return;
    }
    sio_buf_add_u64(log, (uint64_t)packet->type);
    sio_buf_add_text(log, packet->binary ? "b:" : ":");
    for (size_t i = 0; i < packet->data.len; i++) {
        uint8_t byte = packet->data.ptr[i];
        if (packet->binary) {
            sio_buf_add_byte(log, (uint8_t) "0123456789ABCDEF"[byte >> 4]);
            byte = (uint8_t) "0123456789ABCDEF"[byte & 15];
        }
        sio_buf_add_byte(log, byte);
    }
}

static void check_read(sio_eio_layout layout, const void *body, size_t len, const char *want) {
    uint8_t *copy = malloc(len ? len : 1);
    ck_assert_ptr_nonnull(copy);
    if (len > 0) {
        memcpy(copy, body, len);
    }
    sio_eio_reader reader;
    sio_eio_reader_init(&reader, layout, (sio_bytes){copy, len}, NULL);
    sio_buf log = {0};
    sio_eio_packet packet;
    while (sio_eio_reader_next(&reader, &packet) == 1) {
        describe(&log, &packet);
    }
    ck_assert_int_eq(sio_eio_reader_next(&reader, &packet), 0);
    sio_buf_add_byte(&log, 0);
    ck_assert_str_eq((const char *)log.data, want);
    sio_buf_free(&log);
    sio_eio_reader_free(&reader);
    free(copy);
}
#define V4(body, want) check_read(SIO_EIO_LAYOUT_V4, body, sizeof(body) - 1, want)
#define V3(body, want) check_read(SIO_EIO_LAYOUT_V3_TEXT, body, sizeof(body) - 1, want)
#define V3B(body, want) check_read(SIO_EIO_LAYOUT_V3_BINARY, body, sizeof(body) - 1, want)

START_TEST(reads_revision_4) { /* P3, P4, P10, T4-9, T4-10 */
    V4("0\x1E"
       "1\x1E"
       "2probe\x1E"
       "3probe\x1E"
       "4test",
       "0:|1:|2:probe|3:probe|4:test");
    V4("4test\x1E"
       "bAQIDBA==",
       "4:test|4b:01020304");
    V4("4test\x1E"
       "b",
       "4:test|4b:");
    V4("4hello\x1E"
       "2\x1E"
       "4world",
       "4:hello|2:|4:world");
    V4("{", "error");
    V4("{}", "error");
    V4("[\"a123\", \"a456\"]", "error");
}
END_TEST

START_TEST(stops_at_the_first_fault_of_revision_4) { /* P4, T4-11 */
    V4("", "error");
    V4("4a\x1E", "4:a|error");
    V4("\x1E"
       "4a",
       "error");
    V4("4a\x1E"
       "x\x1E"
       "4b",
       "4:a|error");
    V4("abc", "error");
    V4("4a\x1E"
       "4\xFF",
       "4:a|error");
    V4("4\xE2\x82", "error");
    V4("4\xED\xA0\x80", "error");
}
END_TEST

START_TEST(reads_revision_3_text) { /* T3-6, T3-7, T3-8 */
    V3("6:4hello2:4\xE2\x82\xAC", "4:hello|4:\xE2\x82\xAC");
    V3("4:4\xE2\x82\xAC\xF0\x9F\x98\x80", "4:\xE2\x82\xAC\xF0\x9F\x98\x80");
    V3("2:4\xE2\x82\xAC"
       "10:b4AQIDBA==",
       "4:\xE2\x82\xAC|4b:01020304");
    V3("1:6", "6:");
    V3("1:4", "4:");
    V3("0:", "");
    V3("0:2:4a", "4:a");
    V3("3:\x34\xF0\x9F\x98\x80", "4:\xF0\x9F\x98\x80");
    V3("6:4hello10:b4AQIDBA==", "4:hello|4b:01020304");
    V3("6:4test16:4test26:4test3", "4:test1|4:test2|4:test3");
    V3("06:4hello", "4:hello");
}
END_TEST

START_TEST(stops_at_the_first_fault_of_revision_3_text) { /* T3-10 */
    V3("", "error");
    V3("abc", "error");
    V3(":4", "error");
    V3("6:4hell", "error");
    V3("5:4hell6", "4:hell|error");
    V3("5:4hell6:", "4:hell|error");
    V3("-1:4", "error");
    V3("1e0:4", "error");
    V3("99999999999999999999999999:4", "error");
    V3("2:4a2:x1", "4:a|error");
    V3("2:\x34\xF0\x9F\x98\x80", "error"); /* half of a surrogate pair */
    V3("2:\x34\xF0\x9F\x98", "error");
    V3("2:4\xFF", "error");
    V3("3:4\xE2\x82", "error");
}
END_TEST

START_TEST(reads_revision_3_binary) { /* P3-1, T3-9 */
    V3B("\0\4\xFF"
        "4\xE2\x82\xAC\1\5\xFF\4\1\2\3\4",
        "4:\xE2\x82\xAC|4b:01020304");
    V3B("\0\x08\xFF"
        "4\xE2\x82\xAC\xF0\x9F\x98\x80\1\5\xFF\4\1\2\3\4",
        "4:\xE2\x82\xAC\xF0\x9F\x98\x80|4b:01020304");
    V3B("\0\6\xFF"
        "4hello\1\5\xFF\4\1\2\3\4",
        "4:hello|4b:01020304");
    V3B("\0\1\xFF"
        "2",
        "2:");
    V3B("\0\6\xFF"
        "b4AQID",
        "4b:010203");
    V3B("", "");
}
END_TEST

START_TEST(refuses_broken_framing_of_revision_3_binary_whole) {
    V3B("\0\2\xFF"
        "4a\2\1\xFF"
        "4",
        "error"); /* flag over 1 */
    V3B("\0\2\xFF"
        "4a\0\1",
        "error"); /* no 0xFF */
    V3B("\0\2\xFF"
        "4a\0\xFF"
        "4",
        "error"); /* no digit */
    V3B("\1\x09\xFF\4", "error");
    V3B("\0\x0A\xFF"
        "4aaaaaaaaa",
        "error"); /* digit over 9 */
    V3B("\0\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\xFF"
        "4",
        "error");
    V3B("\0", "error");
}
END_TEST

START_TEST(delivers_in_front_of_a_broken_packet_of_revision_3_binary) {
    V3B("\0\2\xFF"
        "4a\1\1\xFF\7\0\2\xFF"
        "4b",
        "4:a|error");
    V3B("\0\2\xFF"
        "4a\0\2\xFF"
        "4\xFF",
        "4:a|error");
    V3B("\1\0\xFF", "error");
}
END_TEST

/* ---- writing ---- */

static void check_write(const sio_eio_item *items, size_t count, int revision, bool base64,
                        sio_eio_layout want_layout, const char *want, size_t len) {
    sio_buf out = {0};
    sio_buf_add_text(&out, "#");
    sio_eio_layout layout = SIO_EIO_LAYOUT_V4;
    ck_assert_int_eq(sio_eio_payload_write(&out, &layout, items, count, revision, base64), 0);
    ck_assert_int_eq(layout, want_layout);
    ck_assert_uint_eq(out.len, len + 1);
    ck_assert_mem_eq(out.data + 1, want, len);
    sio_buf_free(&out);
}
#define WRITE(items, count, revision, base64, layout, literal)                                     \
    check_write(items, count, revision, base64, SIO_EIO_LAYOUT_##layout, literal,                  \
                sizeof(literal) - 1)

static sio_eio_item item_text(const char *text) {
    sio_eio_item item = {.type = SIO_EIO_MESSAGE};
    ck_assert_int_eq(sio_eio_message_new(&item.message, false, text, strlen(text), NULL), 0);
    return item;
}

static sio_eio_item item_binary(const char *data, size_t len) {
    sio_eio_item item = {.type = SIO_EIO_MESSAGE};
    ck_assert_int_eq(sio_eio_message_new(&item.message, true, data, len, NULL), 0);
    return item;
}

START_TEST(writes_all_layouts) { /* P3-1, P10, T4-10, T3-8, T3-9 */
    sio_eio_item items[2] = {item_text("\xE2\x82\xAC\xF0\x9F\x98\x80"), item_binary("\1\2\3\4", 4)};
    WRITE(items, 2, 4, false, V4,
          "4\xE2\x82\xAC\xF0\x9F\x98\x80\x1E"
          "bAQIDBA==");
    WRITE(items, 2, 3, true, V3_TEXT,
          "4:4\xE2\x82\xAC\xF0\x9F\x98\x80"
          "10:b4AQIDBA==");
    WRITE(items, 2, 3, false, V3_BINARY,
          "\0\x08\xFF"
          "4\xE2\x82\xAC\xF0\x9F\x98\x80\1\5\xFF\4\1\2\3\4");
    WRITE(items, 1, 3, false, V3_TEXT, "4:4\xE2\x82\xAC\xF0\x9F\x98\x80");
    sio_eio_message_unref(items[0].message);
    sio_eio_message_unref(items[1].message);
}
END_TEST

START_TEST(writes_decimal_digits_as_bytes) {
    char zeros[123] = {0};
    sio_eio_item item = item_binary(zeros, sizeof(zeros));
    char want[5 + sizeof(zeros) + 1] = {1, 1, 2, 4, (char)0xFF, 4};
    check_write(&item, 1, 3, false, SIO_EIO_LAYOUT_V3_BINARY, want, sizeof(want));
    sio_eio_message_unref(item.message);
}
END_TEST

START_TEST(writes_packets_of_the_session) {
    static const sio_eio_item items[] = {{.type = SIO_EIO_NOOP}, {.type = SIO_EIO_CLOSE}};
    WRITE(items, 2, 4, false, V4,
          "6\x1E"
          "1");
    WRITE(items, 2, 3, false, V3_TEXT, "1:61:1");
    WRITE(items, 2, 3, true, V3_TEXT, "1:61:1");
}
END_TEST

static int write_scenario(const sio_mem *mem, void *arg) {
    sio_eio_item items[2] = {{.type = SIO_EIO_PING}, {.type = SIO_EIO_MESSAGE}};
    int rc = sio_eio_message_new(&items[1].message, true, "binary", 6, mem);
    sio_buf out;
    sio_buf_init(&out, 0, mem);
    for (int i = 0; i < 3 && rc == 0; i++) {
        sio_eio_layout layout;
        size_t before = out.len;
        rc = sio_eio_payload_write(&out, &layout, items, 2, i == 0 ? 4 : 3, i == 1);
        ck_assert(rc == 0 || out.len == before);
    }
    sio_buf_free(&out);
    sio_eio_message_unref(items[1].message);
    return rc;
}

static int read_scenario(const sio_mem *mem, void *arg) {
    static const char body[] = "4a\x1E"
                               "bAQID\x1E"
                               "bAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8"
                               "wMTIzNDU2Nzg5Ojs8PT4/QEFCQ0RF";
    sio_eio_reader reader;
    sio_eio_reader_init(&reader, SIO_EIO_LAYOUT_V4,
                        (sio_bytes){(const uint8_t *)body, sizeof(body) - 1}, mem);
    sio_eio_packet packet;
    int rc;
    do {
        rc = sio_eio_reader_next(&reader, &packet);
    } while (rc == 1);
    if (rc < 0) {
        ck_assert_int_eq(sio_eio_reader_next(&reader, &packet), 0);
    }
    sio_eio_reader_free(&reader);
    return rc;
}

START_TEST(survives_without_memory) {
    test_mem_sweep(write_scenario, NULL);
    test_mem_sweep(read_scenario, NULL);
    sio_eio_reader_free(NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("eio_payload");
    TCase *tc = tcase_create("eio_payload");
    tcase_add_test(tc, reads_revision_4);
    tcase_add_test(tc, stops_at_the_first_fault_of_revision_4);
    tcase_add_test(tc, reads_revision_3_text);
    tcase_add_test(tc, stops_at_the_first_fault_of_revision_3_text);
    tcase_add_test(tc, reads_revision_3_binary);
    tcase_add_test(tc, refuses_broken_framing_of_revision_3_binary_whole);
    tcase_add_test(tc, delivers_in_front_of_a_broken_packet_of_revision_3_binary);
    tcase_add_test(tc, writes_all_layouts);
    tcase_add_test(tc, writes_decimal_digits_as_bytes);
    tcase_add_test(tc, writes_packets_of_the_session);
    tcase_add_test(tc, survives_without_memory);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
