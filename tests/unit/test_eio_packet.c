#include "support.h"

#include <sio/eio.h>

#include "eio_packet.h"

#include <string.h>

static sio_bytes bytes(const char *text) {
    return (sio_bytes){(const uint8_t *)text, strlen(text)};
}

typedef struct packet_case {
    const char *text;
    sio_eio_type type;
    bool binary;
    const char *data;
    size_t len;
} packet_case;

static void check_text(int revision, const packet_case *c) {
    sio_buf scratch = {0};
    sio_eio_packet packet;
    ck_assert_int_eq(sio_eio_decode_text(&packet, revision, bytes(c->text), &scratch), 0);
    ck_assert_msg(packet.type == c->type, "'%s' decodes as %s", c->text,
                  sio_eio_type_name(packet.type));
    ck_assert_int_eq(packet.binary, c->binary);
    ck_assert_uint_eq(packet.data.len, c->len);
    if (c->len > 0) {
        ck_assert_mem_eq(packet.data.ptr, c->data, c->len);
    }
    sio_buf_free(&scratch);
}

START_TEST(decodes_text_of_revision_4) { /* P1, P2, P6 */
    static const packet_case cases[] = {
        {"4test", SIO_EIO_MESSAGE, false, "test", 4},
        {"4\xE2\x82\xAC", SIO_EIO_MESSAGE, false, "\xE2\x82\xAC", 3},
        {"bAQIDBA==", SIO_EIO_MESSAGE, true, "\1\2\3\4", 4},
        {"bAQIDBA", SIO_EIO_MESSAGE, true, "\1\2\3\4", 4},
        {"b-_8=", SIO_EIO_MESSAGE, true, "\xFB\xFF", 2},
        {"b4AQID", SIO_EIO_ERROR, false, "", 0},
        {"bAQ ID", SIO_EIO_ERROR, false, "", 0},
        {"b", SIO_EIO_MESSAGE, true, "", 0},
        {"2probe", SIO_EIO_PING, false, "probe", 5},
        {"24", SIO_EIO_PING, false, "4", 1},
        {"4", SIO_EIO_MESSAGE, false, "", 0},
        {"0", SIO_EIO_OPEN, false, "", 0},
        {"6", SIO_EIO_NOOP, false, "", 0},
        {"", SIO_EIO_ERROR, false, "", 0},
        {"7", SIO_EIO_ERROR, false, "", 0},
        {"a123", SIO_EIO_ERROR, false, "", 0},
        {"{", SIO_EIO_ERROR, false, "", 0},
        {"B", SIO_EIO_ERROR, false, "", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check_text(4, &cases[i]);
    }
}
END_TEST

START_TEST(decodes_text_of_revision_3) {
    static const packet_case cases[] = {
        {"4test", SIO_EIO_MESSAGE, false, "test", 4},
        {"b4AQID", SIO_EIO_MESSAGE, true, "\1\2\3", 3},
        {"b4", SIO_EIO_MESSAGE, true, "", 0},
        {"b", SIO_EIO_ERROR, false, "", 0},
        {"b7AQID", SIO_EIO_ERROR, false, "", 0},
        {"bAQID", SIO_EIO_ERROR, false, "", 0},
        {"b4A", SIO_EIO_ERROR, false, "", 0},
        {"", SIO_EIO_ERROR, false, "", 0},
        {"7", SIO_EIO_ERROR, false, "", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check_text(3, &cases[i]);
    }
}
END_TEST

START_TEST(decodes_binary) { /* P5, P8 */
    sio_eio_packet packet;
    sio_eio_decode_binary(&packet, 4, (sio_bytes){(const uint8_t *)"4\1", 2});
    ck_assert_int_eq(packet.type, SIO_EIO_MESSAGE);
    ck_assert(packet.binary && packet.data.len == 2);
    sio_eio_decode_binary(&packet, 4, (sio_bytes){NULL, 0});
    ck_assert_int_eq(packet.type, SIO_EIO_MESSAGE);
    ck_assert_uint_eq(packet.data.len, 0);

    sio_eio_decode_binary(&packet, 3, (sio_bytes){(const uint8_t *)"\4\1\2\3\4", 5});
    ck_assert_int_eq(packet.type, SIO_EIO_MESSAGE);
    ck_assert(packet.binary && packet.data.len == 4 && packet.data.ptr[0] == 1);
    sio_eio_decode_binary(&packet, 3, (sio_bytes){(const uint8_t *)"4", 1});
    ck_assert_int_eq(packet.type, SIO_EIO_ERROR);
    sio_eio_decode_binary(&packet, 3, (sio_bytes){NULL, 0});
    ck_assert_int_eq(packet.type, SIO_EIO_ERROR);
}
END_TEST

static void check_item(const sio_eio_item *item, const char *packet, const char *frame) {
    for (int revision = 3; revision <= 4; revision++) {
        sio_bytes out;
        ck_assert_int_eq(sio_eio_item_bytes(&out, item, SIO_EIO_FORM_TEXT, revision), 0);
        ck_assert_uint_eq(out.len, strlen(packet));
        ck_assert_mem_eq(out.ptr, packet, out.len);
        ck_assert_int_eq(sio_eio_item_bytes(&out, item, SIO_EIO_FORM_FRAME, revision), 0);
        ck_assert_uint_eq(out.len, strlen(frame));
        ck_assert_mem_eq(out.ptr, frame, out.len);
    }
    ck_assert_uint_eq(sio_eio_item_text_size(item), strlen(packet));
    ck_assert(!sio_eio_item_is_binary(item));
}

START_TEST(writes_packets_without_a_message) {
    check_item(&(sio_eio_item){.type = SIO_EIO_CLOSE}, "1",
               "\x81\x01"
               "1");
    check_item(&(sio_eio_item){.type = SIO_EIO_NOOP}, "6",
               "\x81\x01"
               "6");
    check_item(&(sio_eio_item){.type = SIO_EIO_PING, .flags = SIO_EIO_PROBE}, "2probe",
               "\x81\x06"
               "2probe");
    check_item(&(sio_eio_item){.type = SIO_EIO_PONG, .flags = SIO_EIO_PROBE}, "3probe",
               "\x81\x06"
               "3probe");
}
END_TEST

START_TEST(names_types) {
    ck_assert_str_eq(sio_eio_type_name(SIO_EIO_OPEN), "open");
    ck_assert_str_eq(sio_eio_type_name(SIO_EIO_NOOP), "noop");
    ck_assert_str_eq(sio_eio_type_name((sio_eio_type)99), "error");
}
END_TEST

static int scratch_scenario(const sio_mem *mem, void *arg) {
    sio_buf scratch;
    sio_buf_init(&scratch, 0, mem);
    sio_eio_packet packet = {.type = SIO_EIO_NOOP};
    int rc = sio_eio_decode_text(&packet, 4, bytes("bAQIDBA=="), &scratch);
    ck_assert(rc == 0 || packet.type == SIO_EIO_NOOP);
    sio_buf_free(&scratch);
    return rc;
}

START_TEST(survives_without_memory) {
    test_mem_sweep(scratch_scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("eio_packet");
    TCase *tc = tcase_create("eio_packet");
    tcase_add_test(tc, decodes_text_of_revision_4);
    tcase_add_test(tc, decodes_text_of_revision_3);
    tcase_add_test(tc, decodes_binary);
    tcase_add_test(tc, writes_packets_without_a_message);
    tcase_add_test(tc, names_types);
    tcase_add_test(tc, survives_without_memory);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
