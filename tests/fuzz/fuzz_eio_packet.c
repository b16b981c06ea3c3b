/* One Engine.IO packet, or the data of an open packet. The first byte chooses: bit 0 revision 3,
 * bits 1-2 text, binary frame or handshake. */
#include "require.h"

#include <sio/eio.h>

#include <string.h>

static void check_within(const sio_eio_packet *packet, sio_bytes input) {
    REQUIRE(packet->data.len == 0 || packet->data.ptr + packet->data.len == input.ptr + input.len);
    REQUIRE(packet->type <= SIO_EIO_ERROR);
    REQUIRE(packet->type != SIO_EIO_ERROR || packet->data.len == 0);
}

/* What base64 decoded to is encoded and decoded to the same. */
static void check_base64(const sio_eio_packet *packet, int revision) {
    if (packet->type != SIO_EIO_MESSAGE) {
        return;
    }
    sio_eio_message *message;
    REQUIRE(sio_eio_message_new(&message, true, packet->data.ptr, packet->data.len, NULL) == 0);
    sio_bytes text;
    REQUIRE(sio_eio_message_bytes(&text, message, SIO_EIO_FORM_TEXT, revision) == 0);
    sio_buf scratch = {0};
    sio_eio_packet again;
    REQUIRE(sio_eio_decode_text(&again, revision, text, &scratch) == 0);
    REQUIRE(again.type == SIO_EIO_MESSAGE && again.binary);
    REQUIRE(again.data.len == packet->data.len);
    REQUIRE(again.data.len == 0 || memcmp(again.data.ptr, packet->data.ptr, again.data.len) == 0);
    sio_buf_free(&scratch);
    sio_eio_message_unref(message);
}

static void run_text(int revision, sio_bytes input) {
    sio_buf scratch = {0};
    sio_eio_packet packet;
    REQUIRE(sio_eio_decode_text(&packet, revision, input, &scratch) == 0);
    if (packet.binary) {
        check_base64(&packet, revision);
    } else {
        check_within(&packet, input);
    }
    sio_buf_free(&scratch);
}

static void run_binary(int revision, sio_bytes input) {
    sio_eio_packet packet;
    sio_eio_decode_binary(&packet, revision, input);
    check_within(&packet, input);
    REQUIRE(revision != 4 || (packet.type == SIO_EIO_MESSAGE && packet.data.len == input.len));
}

static void run_handshake(sio_bytes input) {
    sio_eio_handshake first;
    sio_eio_handshake second;
    char sid[SIO_EIO_SID_MAX];
    char sid_again[SIO_EIO_SID_MAX];
    if (sio_eio_handshake_read(&first, sid, input) != 0) {
        return;
    }
    sio_buf json = {0};
    REQUIRE(sio_eio_handshake_write(&json, &first) == 0);
    REQUIRE(sio_eio_handshake_read(&second, sid_again, (sio_bytes){json.data, json.len}) == 0);
    REQUIRE(first.sid.len == second.sid.len && memcmp(sid, sid_again, first.sid.len) == 0);
    REQUIRE(first.websocket == second.websocket);
    REQUIRE(first.ping_interval == second.ping_interval);
    REQUIRE(first.ping_timeout == second.ping_timeout);
    REQUIRE(first.max_payload == second.max_payload);
    sio_buf_free(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    int revision = (data[0] & 1) != 0 ? 3 : 4;
    sio_bytes input = {data + 1, size - 1};
    switch (data[0] >> 1 & 3) {
    case 0:
        run_text(revision, input);
        break;
    case 1:
        run_binary(revision, input);
        break;
    default:
        run_handshake(input);
        break;
    }
    return 0;
}
