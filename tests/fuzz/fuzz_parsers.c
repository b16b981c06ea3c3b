/* The two parsers against each other. Messages as in fuzz_sio_decode.c (a byte for the kind, two
 * for the length): what the default parser has decoded is written as MessagePack, decoded, and
 * written as text again, which must be the text that the default parser itself writes. */
#include <sio/msgpack.h>
#include <sio/parser.h>

#include "draw.h"

typedef struct side {
    sio_decoder_options options;
    sio_decoder decoder;
    sio_args *scratch;
    sio_buf text;
} side;

static void side_open(side *s, sio_parser parser) {
    *s = (side){.options = SIO_DECODER_OPTIONS_INIT};
    s->options.parser = parser;
    s->options.text = &s->text;
    REQUIRE(sio_decoder_init(&s->decoder, &s->options) == 0);
    REQUIRE(sio_args_new(&s->scratch, NULL) == 0);
}

static void side_close(side *s) {
    sio_decoder_reset(&s->decoder);
    sio_args_unref(s->scratch);
    sio_buf_free(&s->text);
}

static int write_packet(sio_parser parser, sio_buf *out, const sio_packet *packet) {
    sio_packet_head head = {
        .type = packet->type,
        .has_id = packet->has_id,
        .name_is_number = packet->name_is_number,
        .id = packet->id,
        .nsp = packet->nsp,
    };
    sio_str none = {NULL, 0};
    return sio_parser_encode(parser, out, &head, none, packet->args, none);
}

static void same_attachments(const sio_args *a, const sio_args *b) {
    uint32_t count = sio_args_attachment_count(a);
    REQUIRE(count == sio_args_attachment_count(b));
    for (uint32_t i = 0; i < count; i++) {
        sio_bytes x = sio_args_attachment(a, i);
        sio_bytes y = sio_args_attachment(b, i);
        REQUIRE(same_bytes(x.ptr, x.len, y.ptr, y.len));
    }
}

/* MessagePack knows no attachment that is not in the arguments, and numbers those that are anew;
 * its numbers are doubles. Written twice by way of it, the text stays. */
static void there_and_back(side *msgpack, const sio_packet *packet) {
    sio_buf wire = {0};
    sio_buf text = {0};
    sio_buf second = {0};
    sio_buf second_text = {0};
    int rc = write_packet(SIO_PARSER_MSGPACK, &wire, packet);
    int text_rc = write_packet(SIO_PARSER_DEFAULT, &text, packet);
    REQUIRE(text_rc == 0 || rc != 0);
    REQUIRE(rc == 0 || wire.len == 0);
    sio_packet first;
    sio_packet again;
    int read = rc == 0 ? sio_decoder_binary(&msgpack->decoder, msgpack->scratch, wire.data,
                                            wire.len, &first)
                       : -1;
    if (read == 1) {
        REQUIRE(first.type == packet->type && first.has_id == packet->has_id);
        REQUIRE(first.id == packet->id && same_text(first.nsp, packet->nsp));
        REQUIRE(sio_args_count(first.args) == sio_args_count(packet->args));
        REQUIRE(same_text(sio_args_name(first.args), sio_args_name(packet->args)));
        text.len = 0;
        REQUIRE(write_packet(SIO_PARSER_DEFAULT, &text, &first) == 0);
        REQUIRE(write_packet(SIO_PARSER_MSGPACK, &second, &first) == 0);
        side other;
        side_open(&other, SIO_PARSER_MSGPACK);
        REQUIRE(sio_decoder_binary(&other.decoder, other.scratch, second.data, second.len,
                                   &again) == 1);
        REQUIRE(write_packet(SIO_PARSER_DEFAULT, &second_text, &again) == 0);
        REQUIRE(same_bytes(text.data, text.len, second_text.data, second_text.len));
        same_attachments(first.args, again.args);
        side_close(&other);
    }
    sio_buf_free(&wire);
    sio_buf_free(&text);
    sio_buf_free(&second);
    sio_buf_free(&second_text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    draw in = {data, size};
    side plain;
    side msgpack;
    side_open(&plain, SIO_PARSER_DEFAULT);
    side_open(&msgpack, SIO_PARSER_MSGPACK);
    while (in.left >= 3) {
        uint8_t kind = draw_byte(&in);
        size_t len = (size_t)draw_number(&in, 2);
        sio_bytes message = draw_bytes(&in, len);
        char *copy = draw_copy(message.ptr, message.len);
        bool binary = (kind & 1) != 0;
        sio_packet packet;
        int rc = binary
                     ? sio_decoder_binary(&plain.decoder, plain.scratch, (uint8_t *)copy,
                                          message.len, &packet)
                     : sio_decoder_text(&plain.decoder, plain.scratch, copy, message.len, &packet);
        if (rc == 1 && packet.args) {
            there_and_back(&msgpack, &packet);
        }
        free(copy);
    }
    side_close(&plain);
    side_close(&msgpack);
    return 0;
}
