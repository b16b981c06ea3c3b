/* A sequence of messages: each begins with one byte for its kind and two for its length (big
 * endian), of which as much is taken as there is. Bit 0 of the kind means binary; bit 7 of the very
 * first byte of the input chooses protocol 4. What was decoded is written again, and that decoded
 * once more: it must be the same packet. */
#include "require.h"

#include <sio/packet.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const sio_str none = {NULL, 0};

static void encode(const sio_packet *packet, sio_buf *out) {
    sio_packet_head head = {
        .type = packet->type,
        .has_id = packet->has_id,
        .name_is_number = packet->name_is_number,
        .id = packet->id,
        .nsp = packet->nsp,
    };
    out->len = 0;
    int rc = sio_packet_encode(out, &head, none, packet->args, none);
    bool allowed = rc == 0 || (rc == SIO_ERR_SIO_NAMESPACE && !sio_nsp_is_valid(packet->nsp)) ||
                   (rc == SIO_ERR_INVALID && !packet->has_id && packet->type == SIO_PACKET_ACK) ||
                   (rc == SIO_ERR_INVALID && packet->name_is_number);
    REQUIRE(allowed);
    REQUIRE(rc == 0 || out->len == 0);
}

/* Feed a written packet with the attachments it was written with. */
static int decode_again(sio_decoder *decoder, sio_args *scratch, const sio_buf *text,
                        const sio_args *args, sio_packet *out) {
    int rc = sio_decoder_text(decoder, scratch, (const char *)text->data, text->len, out);
    for (uint32_t i = 0; rc == 0; i++) {
        REQUIRE(i < sio_args_attachment_count(args));
        sio_bytes bytes = sio_args_attachment(args, i);
        rc = sio_decoder_binary(decoder, scratch, bytes.ptr, bytes.len, out);
    }
    return rc;
}

static bool same_str(sio_str a, sio_str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static void check_round_trip(const sio_decoder_options *options, const sio_packet *packet) {
    sio_args *scratch;
    sio_decoder decoder;
    sio_buf first = {0};
    sio_buf second = {0};
    if (sio_args_new(&scratch, NULL) != 0) {
        return;
    }
    REQUIRE(sio_decoder_init(&decoder, options) == 0);
    encode(packet, &first);
    if (first.len > 0) {
        sio_packet again;
        REQUIRE(decode_again(&decoder, scratch, &first, packet->args, &again) == 1);
        REQUIRE(again.type == packet->type && again.has_id == packet->has_id);
        REQUIRE(again.id == packet->id && again.name_is_number == packet->name_is_number);
        REQUIRE(same_str(again.nsp, packet->nsp));
        REQUIRE(same_str(sio_args_name(again.args), sio_args_name(packet->args)));
        REQUIRE(sio_args_count(again.args) == sio_args_count(packet->args));
        encode(&again, &second);
        REQUIRE(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
    }
    sio_decoder_reset(&decoder);
    sio_args_unref(scratch);
    sio_buf_free(&first);
    sio_buf_free(&second);
}

static int feed(sio_decoder *decoder, sio_args *scratch, bool binary, const uint8_t *message,
                size_t len, sio_packet *packet) {
    bool awaited = sio_decoder_is_partial(decoder);
    int rc = binary ? sio_decoder_binary(decoder, scratch, message, len, packet)
                    : sio_decoder_text(decoder, scratch, (const char *)message, len, packet);
    REQUIRE(rc <= 1);
    REQUIRE(sio_decoder_is_partial(decoder) == (rc == 0));
    REQUIRE(!(awaited && !binary) || rc == SIO_ERR_SIO_PLAINTEXT);
    REQUIRE(awaited || !binary || rc == SIO_ERR_SIO_BINARY);
    if (rc < 0) {
        char text[SIO_PACKET_ERROR_TEXT_MAX];
        REQUIRE(sio_packet_error_text(rc, (sio_str){(const char *)message, len}, text) ==
                strlen(text));
    }
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    sio_decoder_options options = SIO_DECODER_OPTIONS_INIT;
    options.protocol = size > 0 && (data[0] & 0x80) != 0 ? 4 : 5;
    options.max_partial_bytes = 4096;
    sio_decoder decoder;
    sio_args *scratch;
    REQUIRE(sio_decoder_init(&decoder, &options) == 0);
    if (sio_args_new(&scratch, NULL) != 0) {
        return 0;
    }
    while (size >= 3) {
        bool binary = (data[0] & 1) != 0;
        size_t len = (size_t)data[1] << 8 | data[2];
        data += 3;
        size -= 3;
        len = len < size ? len : size;
        /* A copy of its own, so that reading past the end is seen. */
        uint8_t *message = malloc(len ? len : 1);
        if (!message) {
            break;
        }
        memcpy(message, data, len);
        sio_packet packet;
        if (feed(&decoder, scratch, binary, message, len, &packet) == 1 && packet.args) {
            check_round_trip(&options, &packet);
        }
        free(message);
        data += len;
        size -= len;
    }
    sio_decoder_reset(&decoder);
    sio_args_unref(scratch);
    return 0;
}
