#include <sio/eio.h>

#include "eio_packet.h"
#include "utf8.h"

#include <string.h>

/* The length of a packet in a revision 3 binary payload ends with this. */
enum { V3_LENGTH_END = 0xFF };

static bool byte_is_digit(uint8_t byte) {
    return byte >= '0' && byte <= '9';
}

static void bytes_skip(sio_bytes *bytes, size_t count) {
    bytes->ptr += count;
    bytes->len -= count;
}

static sio_bytes bytes_take(sio_bytes *bytes, size_t count) {
    sio_bytes taken = {bytes->ptr, count};
    bytes_skip(bytes, count);
    return taken;
}

/* One more decimal digit. Lengths above `max` are all faults, so false comes before any overflow.
 */
static bool length_add(size_t *length, uint8_t digit, size_t max) {
    if (*length > max / 10) {
        return false;
    }
    *length = *length * 10 + digit;
    return *length <= max;
}

/* ---- reading ---- */

void sio_eio_reader_init(sio_eio_reader *reader, sio_eio_layout layout, sio_bytes body,
                         const sio_mem *mem) {
    *reader = (sio_eio_reader){.rest = body, .layout = (uint8_t)layout, .fresh = true};
    sio_buf_init(&reader->scratch, 0, mem);
}

void sio_eio_reader_free(sio_eio_reader *reader) {
    if (reader) {
        sio_buf_free(&reader->scratch);
    }
}

static int reader_fault(sio_eio_reader *reader, sio_eio_packet *out) {
    reader->done = true;
    *out = (sio_eio_packet){.type = SIO_EIO_ERROR};
    return 1;
}

static int reader_text(sio_eio_reader *reader, sio_eio_packet *out, sio_bytes text) {
    if (!sio_utf8_valid(text.ptr, text.len)) {
        return reader_fault(reader, out);
    }
    int revision = reader->layout == SIO_EIO_LAYOUT_V4 ? 4 : 3;
    int rc = sio_eio_decode_text(out, revision, text, &reader->scratch);
    if (rc != 0) {
        reader->done = true;
        return rc;
    }
    if (out->type == SIO_EIO_ERROR) {
        reader->done = true;
    }
    return 1;
}

static int next_v4(sio_eio_reader *reader, sio_eio_packet *out) {
    sio_bytes text = reader->rest;
    const uint8_t *end = text.len ? memchr(text.ptr, EIO_SEPARATOR, text.len) : NULL;
    if (end) {
        text.len = (size_t)(end - text.ptr);
        bytes_skip(&reader->rest, text.len + 1);
    } else {
        reader->done = true;
    }
    return reader_text(reader, out, text);
}

/* The bytes that hold `units` UTF-16 units: a sequence of 4 bytes is two of them, a shorter one is
 * one. False when there are fewer, or the last unit is half of a character. */
static bool units_to_bytes(size_t *out, sio_bytes text, size_t units) {
    size_t at = 0;
    while (units > 0 && at < text.len) {
        uint8_t lead = text.ptr[at];
        size_t len = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
        size_t weight = len == 4 ? 2 : 1;
        if (weight > units || len > text.len - at) {
            return false;
        }
        units -= weight;
        at += len;
    }
    *out = at;
    return units == 0;
}

/* `<digits>:` at the front of the rest. */
static bool v3_text_length(sio_bytes *rest, size_t *units) {
    size_t at = 0;
    size_t length = 0;
    while (at < rest->len && byte_is_digit(rest->ptr[at])) {
        if (!length_add(&length, rest->ptr[at] - '0', rest->len)) {
            return false;
        }
        at++;
    }
    if (at == 0 || at == rest->len || rest->ptr[at] != ':') {
        return false;
    }
    bytes_skip(rest, at + 1);
    *units = length;
    return true;
}

static int next_v3_text(sio_eio_reader *reader, sio_eio_packet *out) {
    if (reader->fresh && reader->rest.len == 0) {
        return reader_fault(reader, out);
    }
    reader->fresh = false;
    while (reader->rest.len > 0) {
        size_t units = 0;
        size_t len = 0;
        if (!v3_text_length(&reader->rest, &units) || !units_to_bytes(&len, reader->rest, units)) {
            return reader_fault(reader, out);
        }
        if (len > 0) {
            return reader_text(reader, out, bytes_take(&reader->rest, len));
        }
    }
    reader->done = true;
    return 0;
}

/* Flag and length of the packet at the front of a binary payload, whose bytes are all there. */
static bool v3_binary_head(sio_bytes *rest, bool *binary, size_t *length) {
    if (rest->ptr[0] > 1) {
        return false;
    }
    size_t at = 1;
    size_t value = 0;
    while (at < rest->len && rest->ptr[at] <= 9) {
        if (!length_add(&value, rest->ptr[at], rest->len)) {
            return false;
        }
        at++;
    }
    if (at == 1 || at == rest->len || rest->ptr[at] != V3_LENGTH_END ||
        value > rest->len - at - 1) {
        return false;
    }
    *binary = rest->ptr[0] == 1;
    *length = value;
    bytes_skip(rest, at + 1);
    return true;
}

/* The reference collects all packets before it delivers the first, so a fault in the framing takes
 * all of them down. */
static bool v3_binary_framed(sio_bytes rest) {
    while (rest.len > 0) {
        bool binary = false;
        size_t length = 0;
        if (!v3_binary_head(&rest, &binary, &length)) {
            return false;
        }
        bytes_skip(&rest, length);
    }
    return true;
}

static int next_v3_binary(sio_eio_reader *reader, sio_eio_packet *out) {
    if (reader->fresh && !v3_binary_framed(reader->rest)) {
        return reader_fault(reader, out);
    }
    reader->fresh = false;
    if (reader->rest.len == 0) {
        reader->done = true;
        return 0;
    }
    bool binary = false;
    size_t length = 0;
    if (!v3_binary_head(&reader->rest, &binary, &length)) {
        return reader_fault(reader, out);
    }
    sio_bytes packet = bytes_take(&reader->rest, length);
    if (!binary) {
        return reader_text(reader, out, packet);
    }
    sio_eio_decode_binary(out, 3, packet);
    reader->done = out->type == SIO_EIO_ERROR;
    return 1;
}

int sio_eio_reader_next(sio_eio_reader *reader, sio_eio_packet *out) {
    if (reader->done) {
        return 0;
    }
    switch (reader->layout) {
    case SIO_EIO_LAYOUT_V4:
        return next_v4(reader, out);
    case SIO_EIO_LAYOUT_V3_TEXT:
        return next_v3_text(reader, out);
    default:
        return next_v3_binary(reader, out);
    }
}

/* ---- writing ---- */

/* UTF-16 units of valid UTF-8: one for each first byte, one more where four bytes start. */
static size_t utf16_units(sio_bytes text) {
    size_t units = 0;
    for (size_t i = 0; i < text.len; i++) {
        units += (size_t)((text.ptr[i] & 0xC0) != 0x80) + (size_t)(text.ptr[i] >= 0xF0);
    }
    return units;
}

static int write_v4(sio_buf *out, sio_bytes packet, bool first) {
    size_t before = out->len;
    int rc = first ? 0 : sio_buf_add_byte(out, EIO_SEPARATOR);
    if (rc == 0) {
        rc = sio_buf_add(out, packet.ptr, packet.len);
    }
    if (rc != 0) {
        out->len = before;
    }
    return rc;
}

static int write_v3_text(sio_buf *out, sio_bytes packet) {
    int rc = sio_buf_add_u64(out, utf16_units(packet));
    if (rc == 0) {
        rc = sio_buf_add_byte(out, ':');
    }
    return rc == 0 ? sio_buf_add(out, packet.ptr, packet.len) : rc;
}

static int write_v3_binary(sio_buf *out, sio_bytes packet, bool binary) {
    int rc = sio_buf_add_byte(out, binary ? 1 : 0);
    size_t digits = out->len;
    if (rc == 0) {
        rc = sio_buf_add_u64(out, packet.len);
    }
    for (; digits < out->len; digits++) {
        out->data[digits] -= '0';
    }
    if (rc == 0) {
        rc = sio_buf_add_byte(out, V3_LENGTH_END);
    }
    return rc == 0 ? sio_buf_add(out, packet.ptr, packet.len) : rc;
}

static int write_item(sio_buf *out, sio_eio_layout layout, const sio_eio_item *item, bool first) {
    sio_eio_form form =
        layout == SIO_EIO_LAYOUT_V3_BINARY ? SIO_EIO_FORM_PACKET : SIO_EIO_FORM_TEXT;
    sio_bytes packet;
    int rc = sio_eio_item_bytes(&packet, item, form, layout == SIO_EIO_LAYOUT_V4 ? 4 : 3);
    if (rc != 0) {
        return rc;
    }
    switch (layout) {
    case SIO_EIO_LAYOUT_V4:
        return write_v4(out, packet, first);
    case SIO_EIO_LAYOUT_V3_TEXT:
        return write_v3_text(out, packet);
    default:
        return write_v3_binary(out, packet, sio_eio_item_is_binary(item));
    }
}

static sio_eio_layout layout_for(const sio_eio_item *items, size_t count, int revision,
                                 bool base64) {
    if (revision == 4) {
        return SIO_EIO_LAYOUT_V4;
    }
    for (size_t i = 0; i < count && !base64; i++) {
        if (sio_eio_item_is_binary(&items[i])) {
            return SIO_EIO_LAYOUT_V3_BINARY;
        }
    }
    return SIO_EIO_LAYOUT_V3_TEXT;
}

int sio_eio_payload_write(sio_buf *out, sio_eio_layout *layout, const sio_eio_item *items,
                          size_t count, int revision, bool base64) {
    sio_eio_layout chosen = layout_for(items, count, revision, base64);
    size_t before = out->len;
    for (size_t i = 0; i < count; i++) {
        int rc = write_item(out, chosen, &items[i], i == 0);
        if (rc != 0) {
            out->len = before;
            return rc;
        }
    }
    *layout = chosen;
    return 0;
}
