/* Base64, RFC 4648 §4. */
#include "siocat.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int siocat_base64_write(sio_buf *out, sio_bytes data) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < data.len; i += 3) {
        size_t left = data.len - i;
        uint32_t bits = (uint32_t)data.ptr[i] << 16;
        bits |= left > 1 ? (uint32_t)data.ptr[i + 1] << 8 : 0;
        bits |= left > 2 ? data.ptr[i + 2] : 0;
        char text[4] = {alphabet[bits >> 18], alphabet[(bits >> 12) & 63],
                        left > 1 ? alphabet[(bits >> 6) & 63] : '=',
                        left > 2 ? alphabet[bits & 63] : '='};
        rc = sio_buf_add(out, text, sizeof(text));
    }
    return rc;
}

static int digit(char c) {
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int siocat_base64_read(sio_buf *out, sio_str text) {
    if (text.len % 4 != 0) {
        return SIO_ERR_INVALID;
    }
    for (size_t i = 0; i < text.len; i += 4) {
        size_t used = 4;
        if (i + 4 == text.len && text.ptr[i + 3] == '=') {
            used = text.ptr[i + 2] == '=' ? 2 : 3;
        }
        uint32_t bits = 0;
        for (size_t j = 0; j < 4; j++) {
            int value = j < used ? digit(text.ptr[i + j]) : 0;
            if (value < 0) {
                return SIO_ERR_INVALID;
            }
            bits = bits << 6 | (uint32_t)value;
        }
        uint8_t bytes[3] = {(uint8_t)(bits >> 16), (uint8_t)(bits >> 8), (uint8_t)bits};
        int rc = sio_buf_add(out, bytes, used - 1);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}
