#include <sio/eio.h>

#include "base64.h"
#include "eio_packet.h"

static const sio_eio_packet PACKET_ERROR = {.type = SIO_EIO_ERROR};

const char *sio_eio_type_name(sio_eio_type type) {
    static const char *const names[] = {"open",    "close",   "ping", "pong",
                                        "message", "upgrade", "noop", "error"};
    return names[(unsigned)type < SIO_EIO_ERROR ? type : SIO_EIO_ERROR];
}

static bool packet_digit(uint8_t character) {
    return character >= '0' && character <= '0' + SIO_EIO_NOOP;
}

static sio_bytes packet_rest(sio_bytes bytes, size_t used) {
    return (sio_bytes){bytes.ptr + used, bytes.len - used};
}

static int packet_base64(sio_eio_packet *out, sio_eio_type type, sio_bytes text, sio_buf *scratch) {
    scratch->len = 0;
    int rc = sio_base64_add_decoded(scratch, (const char *)text.ptr, text.len);
    if (rc == SIO_ERR_INVALID) {
        *out = PACKET_ERROR;
        return 0;
    }
    if (rc != 0) {
        return rc;
    }
    *out = (sio_eio_packet){type, true, {scratch->data, scratch->len}};
    return 0;
}

int sio_eio_decode_text(sio_eio_packet *out, int revision, sio_bytes text, sio_buf *scratch) {
    if (text.len == 0) {
        *out = PACKET_ERROR;
        return 0;
    }
    uint8_t first = text.ptr[0];
    if (packet_digit(first)) {
        *out = (sio_eio_packet){(sio_eio_type)(first - '0'), false, packet_rest(text, 1)};
        return 0;
    }
    if (first == 'b' && revision == 4) {
        return packet_base64(out, SIO_EIO_MESSAGE, packet_rest(text, 1), scratch);
    }
    if (first == 'b' && text.len >= 2 && packet_digit(text.ptr[1])) {
        return packet_base64(out, (sio_eio_type)(text.ptr[1] - '0'), packet_rest(text, 2), scratch);
    }
    *out = PACKET_ERROR;
    return 0;
}

void sio_eio_decode_binary(sio_eio_packet *out, int revision, sio_bytes data) {
    if (revision == 4) {
        *out = (sio_eio_packet){SIO_EIO_MESSAGE, true, data};
    } else if (data.len > 0 && data.ptr[0] <= SIO_EIO_NOOP) {
        *out = (sio_eio_packet){(sio_eio_type)data.ptr[0], true, packet_rest(data, 1)};
    } else {
        *out = PACKET_ERROR;
    }
}

/* A packet of the session itself, with room for its frame header. */
#define BARE(digit)                                                                                \
    { 0x81, 1, digit }
static const uint8_t BARE_FRAMES[][3] = {BARE('0'), BARE('1'), BARE('2'), BARE('3'),
                                         BARE('4'), BARE('5'), BARE('6')};
#define PROBE(digit)                                                                               \
    { 0x81, 6, digit, 'p', 'r', 'o', 'b', 'e' }
static const uint8_t PROBE_FRAMES[][8] = {PROBE('2'), PROBE('3')};

static sio_bytes item_frame(const sio_eio_item *item) {
    if ((item->flags & SIO_EIO_PROBE) == 0) {
        return (sio_bytes){BARE_FRAMES[item->type], sizeof(BARE_FRAMES[0])};
    }
    return (sio_bytes){PROBE_FRAMES[item->type == SIO_EIO_PONG], sizeof(PROBE_FRAMES[0])};
}

int sio_eio_item_bytes(sio_bytes *out, const sio_eio_item *item, sio_eio_form form, int revision) {
    if (item->message) {
        return sio_eio_message_bytes(out, item->message, form, revision);
    }
    sio_bytes frame = item_frame(item);
    bool framed = form == SIO_EIO_FORM_FRAME || form == SIO_EIO_FORM_TEXT_FRAME;
    *out = framed ? frame : packet_rest(frame, 2);
    return 0;
}

size_t sio_eio_item_text_size(const sio_eio_item *item) {
    if (item->message) {
        return sio_eio_message_text_size(item->message);
    }
    return item_frame(item).len - 2;
}
