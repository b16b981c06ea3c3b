#include "ws_frame.h"

#include "utf8.h"

#include <string.h>

/* The 7-bit lengths that announce a longer form. */
enum { LENGTH_16 = 126, LENGTH_64 = 127 };

static uint64_t load_be(const uint8_t *data, size_t count) {
    uint64_t value = 0;
    for (size_t i = 0; i < count; i++) {
        value = value << 8 | data[i];
    }
    return value;
}

static void store_be(uint8_t *out, uint64_t value, size_t count) {
    for (size_t i = 0; i < count; i++) {
        out[i] = (uint8_t)(value >> 8 * (count - 1 - i));
    }
}

int sio_ws_header_read(sio_ws_header *out, const uint8_t *data, size_t len) {
    if (len < 2) {
        return 0;
    }
    uint64_t payload = data[1] & SIO_WS_LENGTH_BITS;
    size_t extra = payload == LENGTH_16 ? 2 : payload == LENGTH_64 ? 8 : 0;
    if (payload == LENGTH_64 && len > 2 && data[2] > INT64_MAX >> 56) {
        return SIO_ERR_WS_LENGTH;
    }
    if (len < 2 + extra) {
        return 0;
    }
    if (extra > 0) {
        payload = load_be(data + 2, extra);
        uint64_t least = extra == 2 ? LENGTH_16 : UINT64_C(0x10000);
        if (payload < least || payload > INT64_MAX) {
            return SIO_ERR_WS_LENGTH;
        }
    }
    bool masked = (data[1] & SIO_WS_MASKED) != 0;
    size_t size = 2 + extra + (masked ? 4 : 0);
    if (len < size) {
        return 0;
    }
    *out = (sio_ws_header){.len = payload, .first = data[0], .masked = masked};
    if (masked) {
        memcpy(out->key, data + size - 4, 4);
    }
    return (int)size;
}

size_t sio_ws_write_header(uint8_t out[SIO_WS_HEADER_MAX], sio_ws_opcode opcode, bool fin,
                           bool rsv1, uint64_t len, const uint8_t *mask_key) {
    size_t size = 2;
    out[0] = (uint8_t)((fin ? SIO_WS_FIN : 0) | (rsv1 ? SIO_WS_RSV1 : 0) | (int)opcode);
    if (len < LENGTH_16) {
        out[1] = (uint8_t)len;
    } else if (len <= UINT16_MAX) {
        out[1] = LENGTH_16;
        store_be(out + 2, len, 2);
        size += 2;
    } else {
        out[1] = LENGTH_64;
        store_be(out + 2, len, 8);
        size += 8;
    }
    if (mask_key) {
        out[1] |= SIO_WS_MASKED;
        memcpy(out + size, mask_key, 4);
        size += 4;
    }
    return size;
}

int sio_ws_write_frame(sio_buf *out, sio_ws_opcode opcode, const void *data, size_t len, bool rsv1,
                       const uint8_t *mask_key) {
    if (sio_ws_is_control((uint8_t)opcode) && (len > SIO_WS_CONTROL_MAX || rsv1)) {
        return SIO_ERR_INVALID;
    }
    if (len > PTRDIFF_MAX - SIO_WS_HEADER_MAX) {
        return SIO_ERR_LIMIT;
    }
    uint8_t header[SIO_WS_HEADER_MAX];
    size_t size = sio_ws_write_header(header, opcode, true, rsv1, len, mask_key);
    int rc = sio_buf_reserve(out, size + len);
    if (rc != 0) {
        return rc;
    }
    uint8_t *at = out->data + out->len;
    memcpy(at, header, size);
    if (len > 0) {
        memcpy(at + size, data, len);
        if (mask_key) {
            sio_ws_mask(at + size, len, mask_key, 0);
        }
    }
    out->len += size + len;
    return 0;
}

bool sio_ws_close_code_valid(uint16_t code) {
    if (code >= 3000) {
        return code <= 4999;
    }
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
}

int sio_ws_write_close(sio_buf *out, uint16_t code, sio_str reason, const uint8_t *mask_key) {
    if (code == 0) {
        return reason.len > 0 ? SIO_ERR_INVALID
                              : sio_ws_write_frame(out, SIO_WS_CLOSE, NULL, 0, false, mask_key);
    }
    if (!sio_ws_close_code_valid(code) || reason.len > SIO_WS_REASON_MAX ||
        !sio_utf8_valid(reason.ptr, reason.len)) {
        return SIO_ERR_INVALID;
    }
    uint8_t payload[SIO_WS_CONTROL_MAX];
    store_be(payload, code, 2);
    if (reason.len > 0) {
        memcpy(payload + 2, reason.ptr, reason.len);
    }
    return sio_ws_write_frame(out, SIO_WS_CLOSE, payload, 2 + reason.len, false, mask_key);
}
