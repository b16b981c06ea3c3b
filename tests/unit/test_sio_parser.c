#include "support.h"

#include <sio/parser.h>

#include <string.h>

static const sio_str none = {NULL, 0};
static const sio_parser parsers[] = {SIO_PARSER_DEFAULT, SIO_PARSER_MSGPACK};

/* Both ends of a connection. */
static sio_args *scratch;
static sio_buf text;
static sio_buf wire;
static sio_decoder_options options;
static sio_decoder decoder;

static void begin(sio_parser parser, const sio_mem *mem) {
    ck_assert_int_eq(sio_args_new(&scratch, NULL), 0);
    sio_buf_init(&text, 0, mem);
    sio_buf_init(&wire, 0, mem);
    options = (sio_decoder_options)SIO_DECODER_OPTIONS_INIT;
    options.mem = mem;
    options.parser = parser;
    options.text = &text;
    ck_assert_int_eq(sio_decoder_init(&decoder, &options), 0);
}

static void end(void) {
    sio_decoder_reset(&decoder);
    sio_args_unref(scratch);
    sio_buf_free(&text);
    sio_buf_free(&wire);
}

/* What `wire` and the attachments of `sent` say to the decoder. */
static int decode(const sio_args *sent, sio_packet *out) {
    if (sio_parser_is_binary(options.parser)) {
        return sio_decoder_binary(&decoder, scratch, wire.data, wire.len, out);
    }
    int rc = sio_decoder_text(&decoder, scratch, (const char *)wire.data, wire.len, out);
    uint32_t count = sent ? sio_args_attachment_count(sent) : 0;
    for (uint32_t i = 0; i < count; i++) {
        ck_assert_int_eq(rc, 0);
        sio_bytes data = sio_args_attachment(sent, i);
        rc = sio_decoder_binary(&decoder, scratch, data.ptr, data.len, out);
    }
    return rc;
}

static void same(sio_str got, const char *expected) {
    ck_assert_msg(got.len == strlen(expected) &&
                      (got.len == 0 || memcmp(got.ptr, expected, got.len) == 0),
                  "%.*s, not %s", SIO_STR_ARG(got), expected);
}

START_TEST(an_event_with_binary_comes_out_as_it_went_in) {
    begin(parsers[_i], NULL);
    sio_args *sent;
    ck_assert_int_eq(sio_args_new(&sent, NULL), 0);
    ck_assert_int_eq(sio_args_addf(sent, "s B i", "one", "\0\1\2", (size_t)3, 7), 0);
    sio_packet_head head = {
        .type = SIO_PACKET_EVENT, .has_id = true, .id = 12, .nsp = SIO_STR("/chat")};
    ck_assert_int_eq(
        sio_parser_encode(parsers[_i], &wire, &head, SIO_STR("said"), sent, SIO_STR("off")), 0);
    sio_packet packet;
    ck_assert_int_eq(decode(sent, &packet), 1);
    ck_assert_int_eq(packet.type, SIO_PACKET_EVENT);
    ck_assert(packet.has_id);
    ck_assert_uint_eq(packet.id, 12);
    same(packet.nsp, "/chat");
    same(sio_args_name(packet.args), "said");
    ck_assert_uint_eq(sio_args_count(packet.args), 4);
    ck_assert_str_eq(sio_args_string(packet.args, 0), "one");
    ck_assert_uint_eq(sio_args_binary(packet.args, 1).len, 3);
    ck_assert_mem_eq(sio_args_binary(packet.args, 1).ptr, "\0\1\2", 3);
    ck_assert_int_eq(sio_args_int(packet.args, 2), 7);
    ck_assert_str_eq(sio_args_string(packet.args, 3), "off");
    ck_assert(!sio_decoder_is_partial(&decoder));
    sio_args_unref(sent);
    end();
}
END_TEST

START_TEST(connecting_and_leaving) {
    sio_parser parser = parsers[_i];
    sio_packet packet;
    begin(parser, NULL);
    ck_assert_int_eq(
        sio_parser_encode_connect(parser, &wire, SIO_STR("/x"), none, SIO_STR("{\"a\":[1]}")), 0);
    ck_assert_int_eq(decode(NULL, &packet), 1);
    ck_assert_int_eq(packet.type, SIO_PACKET_CONNECT);
    same(packet.nsp, "/x");
    same(packet.payload, "{\"a\":[1]}");

    wire.len = 0;
    ck_assert_int_eq(sio_parser_encode_connected(parser, &wire, SIO_STR("/x"), SIO_STR("id"),
                                                 SIO_STR("private")),
                     0);
    ck_assert_int_eq(decode(NULL, &packet), 1);
    ck_assert_int_eq(packet.type, SIO_PACKET_CONNECT);
    same(packet.payload, "{\"sid\":\"id\",\"pid\":\"private\"}");

    wire.len = 0;
    ck_assert_int_eq(sio_parser_encode_connect_error(parser, &wire, SIO_STR("/x"), SIO_STR("no\""),
                                                     SIO_STR("{\"b\":2}")),
                     0);
    ck_assert_int_eq(decode(NULL, &packet), 1);
    ck_assert_int_eq(packet.type, SIO_PACKET_CONNECT_ERROR);
    same(packet.payload, "{\"message\":\"no\\\"\",\"data\":{\"b\":2}}");

    wire.len = 0;
    ck_assert_int_eq(sio_parser_encode_disconnect(parser, &wire, SIO_STR("/x")), 0);
    ck_assert_int_eq(decode(NULL, &packet), 1);
    ck_assert_int_eq(packet.type, SIO_PACKET_DISCONNECT);
    same(packet.nsp, "/x");
    end();
}
END_TEST

START_TEST(what_cannot_be_written_leaves_the_buffer_alone) {
    sio_parser parser = parsers[_i];
    begin(parser, NULL);
    ck_assert_int_eq(sio_buf_add_text(&wire, "kept"), 0);
    ck_assert_int_eq(sio_parser_encode_connect(parser, &wire, SIO_STR("x"), none, none),
                     SIO_ERR_SIO_NAMESPACE);
    ck_assert_int_eq(sio_parser_encode_connect(parser, &wire, SIO_STR("/x"), none, SIO_STR("[1]")),
                     SIO_ERR_SIO_PAYLOAD);
    ck_assert_int_eq(
        sio_parser_encode_connect_error(parser, &wire, SIO_STR("/"), SIO_STR("m"), SIO_STR("{")),
        SIO_ERR_SIO_PAYLOAD);
    ck_assert_int_eq(sio_parser_encode_disconnect(parser, &wire, SIO_STR("/a,b")),
                     SIO_ERR_SIO_NAMESPACE);
    sio_packet_head head = {.type = SIO_PACKET_EVENT};
    ck_assert_int_eq(sio_parser_encode(parser, &wire, &head, SIO_STR("connect"), NULL, none),
                     SIO_ERR_RESERVED);
    same((sio_str){(const char *)wire.data, wire.len}, "kept");
    end();
}
END_TEST

START_TEST(each_parser_refuses_the_messages_of_the_other) {
    sio_packet packet;
    begin(SIO_PARSER_MSGPACK, NULL);
    ck_assert_int_eq(sio_decoder_text(&decoder, scratch, "0", 1, &packet), SIO_ERR_SIO_PLAINTEXT);
    ck_assert_int_eq(sio_decoder_binary(&decoder, scratch, (const uint8_t *)"0", 1, &packet),
                     SIO_ERR_SIO_TYPE);
    end();
    begin(SIO_PARSER_DEFAULT, NULL);
    ck_assert_int_eq(sio_parser_encode_disconnect(SIO_PARSER_MSGPACK, &wire, SIO_STR("/")), 0);
    ck_assert_int_eq(sio_decoder_binary(&decoder, scratch, wire.data, wire.len, &packet),
                     SIO_ERR_SIO_BINARY);
    end();
}
END_TEST

START_TEST(msgpack_needs_protocol_5_and_room_for_text) {
    sio_decoder_options wrong = SIO_DECODER_OPTIONS_INIT;
    wrong.parser = SIO_PARSER_MSGPACK;
    ck_assert_int_eq(sio_decoder_init(&decoder, &wrong), SIO_ERR_INVALID);
    wrong.text = &text;
    wrong.protocol = 4;
    ck_assert_int_eq(sio_decoder_init(&decoder, &wrong), SIO_ERR_INVALID);
    ck_assert_int_eq(
        sio_parser_encode_connect(SIO_PARSER_MSGPACK, &wire, SIO_STR("/x"), SIO_STR("a=b"), none),
        SIO_ERR_INVALID);
}
END_TEST

/* The limits of the decoder hold for MessagePack too. */
START_TEST(limits_hold) {
    begin(SIO_PARSER_MSGPACK, NULL);
    sio_args *sent;
    sio_packet packet;
    sio_packet_head head = {.type = SIO_PACKET_EVENT};
    ck_assert_int_eq(sio_args_new(&sent, NULL), 0);
    ck_assert_int_eq(sio_args_addf(sent, "B B", "1", (size_t)1, "2", (size_t)1), 0);
    ck_assert_int_eq(sio_parser_encode(SIO_PARSER_MSGPACK, &wire, &head, SIO_STR("e"), sent, none),
                     0);
    options.max_attachments = 1;
    ck_assert_int_eq(decode(sent, &packet), SIO_ERR_SIO_TOO_MANY_ATTACHMENTS);
    options.max_attachments = 0;
    text.max = 20;
    ck_assert_int_eq(decode(sent, &packet), SIO_ERR_LIMIT);
    sio_args_unref(sent);
    end();
}
END_TEST

static int scenario(const sio_mem *mem, void *arg) {
    sio_parser parser = *(const sio_parser *)arg;
    begin(parser, mem);
    sio_packet packet;
    int rc = sio_parser_encode_connect_error(parser, &wire, SIO_STR("/x"), SIO_STR("m"),
                                             SIO_STR("{\"b\":2}"));
    if (rc == 0) {
        rc = decode(NULL, &packet);
    }
    if (rc == 1) {
        wire.len = 0;
        rc = sio_parser_encode_connected(parser, &wire, SIO_STR("/x"), SIO_STR("i"), SIO_STR("p"));
    }
    end();
    return rc;
}

START_TEST(memory_runs_out) {
    sio_parser parser = parsers[_i];
    test_mem_sweep(scenario, &parser);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sio_parser");
    TCase *tc = tcase_create("sio_parser");
    tcase_add_loop_test(tc, an_event_with_binary_comes_out_as_it_went_in, 0, 2);
    tcase_add_loop_test(tc, connecting_and_leaving, 0, 2);
    tcase_add_loop_test(tc, what_cannot_be_written_leaves_the_buffer_alone, 0, 2);
    tcase_add_test(tc, each_parser_refuses_the_messages_of_the_other);
    tcase_add_test(tc, msgpack_needs_protocol_5_and_room_for_text);
    tcase_add_test(tc, limits_hold);
    tcase_add_loop_test(tc, memory_runs_out, 0, 2);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
