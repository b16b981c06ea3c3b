/* The input is one message. What was decoded is written again; that must decode, and be written
 * the same a second time. */
#include "require.h"

#include <sio/msgpack.h>

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool encode(const sio_packet *packet, sio_buf *out) {
    sio_str none = {NULL, 0};
    sio_packet_head head = {
        .type = packet->type,
        .has_id = packet->has_id,
        .name_is_number = packet->name_is_number,
        .id = packet->id,
        .nsp = packet->nsp,
    };
    int rc = packet->args
                 ? sio_msgpack_encode(out, &head, none, packet->args, none)
                 : sio_msgpack_encode_control(out, packet->type, packet->nsp, packet->payload);
    bool allowed = rc == 0 || (rc == SIO_ERR_SIO_NAMESPACE && !sio_nsp_is_valid(packet->nsp)) ||
                   (rc == SIO_ERR_INVALID && packet->type == SIO_PACKET_ACK && !packet->has_id) ||
                   (rc == SIO_ERR_INVALID && packet->name_is_number);
    REQUIRE(allowed);
    return rc == 0;
}

static void check_again(const sio_msgpack_options *options, const sio_packet *packet) {
    sio_buf first = {0};
    sio_buf second = {0};
    sio_buf text = {0};
    sio_args *scratch;
    if (sio_args_new(&scratch, NULL) != 0) {
        return;
    }
    if (encode(packet, &first)) {
        sio_packet again;
        REQUIRE(sio_msgpack_decode(options, scratch, &text, first.data, first.len, &again) == 0);
        REQUIRE(again.type == packet->type);
        REQUIRE(!packet->args || again.id == packet->id);
        REQUIRE(encode(&again, &second));
        REQUIRE(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
    }
    sio_args_unref(scratch);
    sio_buf_free(&first);
    sio_buf_free(&second);
    sio_buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    sio_msgpack_options options = SIO_MSGPACK_OPTIONS_INIT;
    sio_args *scratch;
    sio_buf text = {0};
    if (sio_args_new(&scratch, NULL) != 0) {
        return 0;
    }
    sio_packet packet;
    /* No bytes come without memory, as from an empty buffer. */
    const uint8_t *message = size > 0 ? data : NULL;
    if (sio_msgpack_decode(&options, scratch, &text, message, size, &packet) == 0) {
        check_again(&options, &packet);
    }
    sio_args_unref(scratch);
    sio_buf_free(&text);
    return 0;
}
