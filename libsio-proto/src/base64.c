#include "base64.h"

#include <string.h>

/* Encoding takes twelve bits at a time: the pair of characters for each stands here, 8 KiB. */
#define PAIRS(a)                                                                                   \
    {a, 'A'}, {a, 'B'}, {a, 'C'}, {a, 'D'}, {a, 'E'}, {a, 'F'}, {a, 'G'}, {a, 'H'}, {a, 'I'},      \
        {a, 'J'}, {a, 'K'}, {a, 'L'}, {a, 'M'}, {a, 'N'}, {a, 'O'}, {a, 'P'}, {a, 'Q'}, {a, 'R'},  \
        {a, 'S'}, {a, 'T'}, {a, 'U'}, {a, 'V'}, {a, 'W'}, {a, 'X'}, {a, 'Y'}, {a, 'Z'}, {a, 'a'},  \
        {a, 'b'}, {a, 'c'}, {a, 'd'}, {a, 'e'}, {a, 'f'}, {a, 'g'}, {a, 'h'}, {a, 'i'}, {a, 'j'},  \
        {a, 'k'}, {a, 'l'}, {a, 'm'}, {a, 'n'}, {a, 'o'}, {a, 'p'}, {a, 'q'}, {a, 'r'}, {a, 's'},  \
        {a, 't'}, {a, 'u'}, {a, 'v'}, {a, 'w'}, {a, 'x'}, {a, 'y'}, {a, 'z'}, {a, '0'}, {a, '1'},  \
        {a, '2'}, {a, '3'}, {a, '4'}, {a, '5'}, {a, '6'}, {a, '7'}, {a, '8'}, {a, '9'}, {a, '+'},  \
    {                                                                                              \
        a, '/'                                                                                     \
    }
static const char base64_pairs[4096][2] = {
    PAIRS('A'), PAIRS('B'), PAIRS('C'), PAIRS('D'), PAIRS('E'), PAIRS('F'), PAIRS('G'), PAIRS('H'),
    PAIRS('I'), PAIRS('J'), PAIRS('K'), PAIRS('L'), PAIRS('M'), PAIRS('N'), PAIRS('O'), PAIRS('P'),
    PAIRS('Q'), PAIRS('R'), PAIRS('S'), PAIRS('T'), PAIRS('U'), PAIRS('V'), PAIRS('W'), PAIRS('X'),
    PAIRS('Y'), PAIRS('Z'), PAIRS('a'), PAIRS('b'), PAIRS('c'), PAIRS('d'), PAIRS('e'), PAIRS('f'),
    PAIRS('g'), PAIRS('h'), PAIRS('i'), PAIRS('j'), PAIRS('k'), PAIRS('l'), PAIRS('m'), PAIRS('n'),
    PAIRS('o'), PAIRS('p'), PAIRS('q'), PAIRS('r'), PAIRS('s'), PAIRS('t'), PAIRS('u'), PAIRS('v'),
    PAIRS('w'), PAIRS('x'), PAIRS('y'), PAIRS('z'), PAIRS('0'), PAIRS('1'), PAIRS('2'), PAIRS('3'),
    PAIRS('4'), PAIRS('5'), PAIRS('6'), PAIRS('7'), PAIRS('8'), PAIRS('9'), PAIRS('+'), PAIRS('/'),
};
#undef PAIRS

/* The six bits of each byte, once for each place in a group of four, so that a group is the four
 * joined by "or". BAD marks what is in neither alphabet: one test finds it among several. */
#define BAD UINT32_C(0x80000000)
#define VALUES                                                                                     \
    X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,   \
        X, X, X, X, X, X, X, X, X, X, X, X, V(62), X, V(62), X, V(63), V(52), V(53), V(54), V(55), \
        V(56), V(57), V(58), V(59), V(60), V(61), X, X, X, X, X, X, X, V(0), V(1), V(2), V(3),     \
        V(4), V(5), V(6), V(7), V(8), V(9), V(10), V(11), V(12), V(13), V(14), V(15), V(16),       \
        V(17), V(18), V(19), V(20), V(21), V(22), V(23), V(24), V(25), X, X, X, X, V(63), X,       \
        V(26), V(27), V(28), V(29), V(30), V(31), V(32), V(33), V(34), V(35), V(36), V(37), V(38), \
        V(39), V(40), V(41), V(42), V(43), V(44), V(45), V(46), V(47), V(48), V(49), V(50), V(51), \
        X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,  \
        X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,  \
        X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,  \
        X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,  \
        X, X, X, X, X, X, X, X, X, X, X, X, X
#define X BAD
static const uint32_t base64_values[4][256] = {
#define V(value) UINT32_C(value) << 18
    {VALUES},
#undef V
#define V(value) UINT32_C(value) << 12
    {VALUES},
#undef V
#define V(value) UINT32_C(value) << 6
    {VALUES},
#undef V
#define V(value) UINT32_C(value)
    {VALUES},
#undef V
};
#undef X
#undef VALUES

size_t sio_base64_encoded_len(size_t len) {
    size_t groups = len / 3 + (len % 3 != 0);
    return groups > SIZE_MAX / 4 ? SIZE_MAX : groups * 4;
}

/* Big-endian on every machine. Compilers make one load of these. */
static inline uint64_t load64(const uint8_t *at) {
    return (uint64_t)at[0] << 56 | (uint64_t)at[1] << 48 | (uint64_t)at[2] << 40 |
           (uint64_t)at[3] << 32 | (uint64_t)at[4] << 24 | (uint64_t)at[5] << 16 |
           (uint64_t)at[6] << 8 | at[7];
}

/* Of single stores gcc 12 does not always make one. */
static inline void store64(uint8_t *at, uint64_t value) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    value = __builtin_bswap64(value);
    memcpy(at, &value, sizeof(value));
#else
    for (int i = 0; i < 8; i++) {
        at[i] = (uint8_t)(value >> (56 - 8 * i));
    }
#endif
}

static inline void put_pair(char *out, uint64_t bits) {
    memcpy(out, base64_pairs[bits & 4095], 2);
}

static inline void encode_group(char *out, uint32_t group) {
    put_pair(out, group >> 12);
    put_pair(out + 2, group);
}

void sio_base64_encode(char *out, const void *data, size_t len) {
    const uint8_t *in = data;
    /* Two groups from one load, which reads two bytes more than they have. */
    for (; len >= 8; len -= 6, in += 6, out += 8) {
        uint64_t bits = load64(in) >> 16;
        put_pair(out, bits >> 36);
        put_pair(out + 2, bits >> 24);
        put_pair(out + 4, bits >> 12);
        put_pair(out + 6, bits);
    }
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

/* 24 bits, or at least BAD. */
static inline uint32_t group_of(const uint8_t *in) {
    return base64_values[0][in[0]] | base64_values[1][in[1]] | base64_values[2][in[2]] |
           base64_values[3][in[3]];
}

/* The last two or three characters of an incomplete group. */
static int decode_rest(uint8_t *out, size_t *written, const uint8_t *in, size_t len) {
    if (len == 0) {
        return 0;
    }
    if (len == 1) {
        return SIO_ERR_INVALID;
    }
    uint32_t group = group_of((const uint8_t[]){in[0], in[1], len == 3 ? in[2] : 'A', 'A'});
    if (group >= BAD) {
        return SIO_ERR_INVALID;
    }
    out[0] = (uint8_t)(group >> 16);
    if (len == 3) {
        out[1] = (uint8_t)(group >> 8);
    }
    *written += len - 1;
    return 0;
}

int sio_base64_decode(uint8_t *out, size_t *out_len, const char *text, size_t len) {
    const uint8_t *in = (const uint8_t *)text;
    len = without_padding(in, len);
    uint8_t *at = out;
    /* Two groups into one store, which writes two bytes more than they have: there is room as long
     * as another group follows, and in place they are bytes that have been read. */
    for (; len >= 12; len -= 8, in += 8, at += 6) {
        uint32_t first = group_of(in);
        uint32_t second = group_of(in + 4);
        if ((first | second) >= BAD) {
            return SIO_ERR_INVALID;
        }
        store64(at, (uint64_t)first << 40 | (uint64_t)second << 16);
    }
    for (; len >= 4; len -= 4, in += 4, at += 3) {
        uint32_t group = group_of(in);
        if (group >= BAD) {
            return SIO_ERR_INVALID;
        }
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
