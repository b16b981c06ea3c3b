#include "base64.h"

static const char base64_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The six bits of each character; X marks what is in neither alphabet, so that one test of the
 * joined values finds a bad character among several. */
#define X 0x80
static const uint8_t base64_value[256] = {
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  62, X,  62, X,  63,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, X,  X,  X,  X,  X,  X,  X,  0,  1,  2,  3,  4,  5,  6,
    7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, X,  X,  X,  X,  63,
    X,  26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48,
    49, 50, 51, X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
};
#undef X

size_t sio_base64_encoded_len(size_t len) {
    size_t groups = len / 3 + (len % 3 != 0);
    return groups > SIZE_MAX / 4 ? SIZE_MAX : groups * 4;
}

static inline void encode_group(char *out, uint32_t group) {
    out[0] = base64_alphabet[group >> 18];
    out[1] = base64_alphabet[group >> 12 & 63];
    out[2] = base64_alphabet[group >> 6 & 63];
    out[3] = base64_alphabet[group & 63];
}

void sio_base64_encode(char *out, const void *data, size_t len) {
    const uint8_t *in = data;
    for (; len >= 3; len -= 3, in += 3, out += 4) {
        encode_group(out, (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2]);
    }
    if (len == 2) {
        encode_group(out, (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8);
        out[3] = '=';
    } else if (len == 1) {
        encode_group(out, (uint32_t)in[0] << 16);
        out[2] = '=';
        out[3] = '=';
    }
}

int sio_base64_add(sio_buf *out, const void *data, size_t len) {
    size_t encoded = sio_base64_encoded_len(len);
    if (encoded == 0) {
        return 0;
    }
    if (encoded == SIZE_MAX) {
        return SIO_ERR_LIMIT;
    }
    int rc = sio_buf_reserve(out, encoded);
    if (rc != 0) {
        return rc;
    }
    sio_base64_encode((char *)out->data + out->len, data, len);
    out->len += encoded;
    return 0;
}

size_t sio_base64_decoded_max(size_t len) {
    return len / 4 * 3 + len % 4;
}

/* Padding may stand only at the end of a group of four. Where two characters of it belong, one will
 * do, as JavaScript's decoders have it. */
static size_t without_padding(const uint8_t *in, size_t len) {
    bool whole = len % 4 == 0;
    bool short_of_one = len % 4 == 3;
    if (len == 0 || !(whole || short_of_one) || in[len - 1] != '=') {
        return len;
    }
    return whole && in[len - 2] == '=' ? len - 2 : len - 1;
}

/* The last two or three characters of an incomplete group. */
static int decode_rest(uint8_t *out, size_t *written, const uint8_t *in, size_t len) {
    if (len == 0) {
        return 0;
    }
    if (len == 1) {
        return SIO_ERR_INVALID;
    }
    uint32_t a = base64_value[in[0]];
    uint32_t b = base64_value[in[1]];
    uint32_t c = len == 3 ? base64_value[in[2]] : 0;
    if ((a | b | c) & 0x80) {
        return SIO_ERR_INVALID;
    }
    out[0] = (uint8_t)(a << 2 | b >> 4);
    if (len == 3) {
        out[1] = (uint8_t)(b << 4 | c >> 2);
    }
    *written += len - 1;
    return 0;
}

int sio_base64_decode(uint8_t *out, size_t *out_len, const char *text, size_t len) {
    const uint8_t *in = (const uint8_t *)text;
    len = without_padding(in, len);
    uint8_t *at = out;
    for (; len >= 4; len -= 4, in += 4, at += 3) {
        uint32_t a = base64_value[in[0]];
        uint32_t b = base64_value[in[1]];
        uint32_t c = base64_value[in[2]];
        uint32_t d = base64_value[in[3]];
        if ((a | b | c | d) & 0x80) {
            return SIO_ERR_INVALID;
        }
        uint32_t group = a << 18 | b << 12 | c << 6 | d;
        at[0] = (uint8_t)(group >> 16);
        at[1] = (uint8_t)(group >> 8);
        at[2] = (uint8_t)group;
    }
    size_t written = (size_t)(at - out);
    int rc = decode_rest(at, &written, in, len);
    if (rc == 0) {
        *out_len = written;
    }
    return rc;
}

int sio_base64_add_decoded(sio_buf *out, const char *text, size_t len) {
    size_t bare = without_padding((const uint8_t *)text, len);
    size_t room = bare / 4 * 3 + (bare % 4 > 1 ? bare % 4 - 1 : 0);
    if (room == 0) {
        return bare == 0 && len == 0 ? 0 : SIO_ERR_INVALID;
    }
    int rc = sio_buf_reserve(out, room);
    if (rc != 0) {
        return rc;
    }
    size_t written;
    rc = sio_base64_decode(out->data + out->len, &written, text, len);
    if (rc == 0) {
        out->len += written;
    }
    return rc;
}
