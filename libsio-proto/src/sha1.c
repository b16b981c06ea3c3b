#include "sha1.h"

#include <string.h>

enum { BLOCK = 64 };

static uint32_t rotate(uint32_t x, unsigned by) {
    return x << by | x >> (32 - by);
}

static uint32_t load_be32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void store_be32(uint8_t *p, uint32_t x) {
    p[0] = (uint8_t)(x >> 24);
    p[1] = (uint8_t)(x >> 16);
    p[2] = (uint8_t)(x >> 8);
    p[3] = (uint8_t)x;
}

/* The function f and the constant K of RFC 3174 §5. */
static uint32_t round_term(int t, uint32_t b, uint32_t c, uint32_t d) {
    if (t < 20) {
        return ((b & c) | (~b & d)) + 0x5A827999u;
    }
    if (t < 40) {
        return (b ^ c ^ d) + 0x6ED9EBA1u;
    }
    if (t < 60) {
        return ((b & c) | (b & d) | (c & d)) + 0x8F1BBCDCu;
    }
    return (b ^ c ^ d) + 0xCA62C1D6u;
}

static void add_block(uint32_t h[5], const uint8_t *block) {
    uint32_t w[80];
    for (size_t t = 0; t < 16; t++) {
        w[t] = load_be32(block + 4 * t);
    }
    for (int t = 16; t < 80; t++) {
        w[t] = rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
    }
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int t = 0; t < 80; t++) {
        uint32_t next = rotate(a, 5) + round_term(t, b, c, d) + e + w[t];
        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
    h[4] += e;
}

void sio_sha1(uint8_t out[SIO_SHA1_LEN], const void *data, size_t len) {
    uint32_t h[5] = {0x67452301u, 0xEFCDAB89u, 0x98BADCFEu, 0x10325476u, 0xC3D2E1F0u};
    const uint8_t *in = data;
    size_t left = len;
    for (; left >= BLOCK; left -= BLOCK, in += BLOCK) {
        add_block(h, in);
    }
    uint8_t last[2 * BLOCK] = {0};
    if (left > 0) {
        memcpy(last, in, left);
    }
    last[left] = 0x80;
    size_t padded = left < BLOCK - 8 ? BLOCK : 2 * BLOCK;
    uint64_t bits = (uint64_t)len * 8;
    store_be32(last + padded - 8, (uint32_t)(bits >> 32));
    store_be32(last + padded - 4, (uint32_t)bits);
    for (size_t at = 0; at < padded; at += BLOCK) {
        add_block(h, last + at);
    }
    for (size_t i = 0; i < 5; i++) {
        store_be32(out + 4 * i, h[i]);
    }
}
