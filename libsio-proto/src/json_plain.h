/* The inner loop of reading and writing strings. */
#ifndef SIO_SRC_JSON_PLAIN_H
#define SIO_SRC_JSON_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* SIO_NO_SIMD lets the tests run the portable path on any machine. */
#if defined(__SSE2__) && !defined(SIO_NO_SIMD)
#define SIO_JSON_SSE2 1
#include <emmintrin.h>
#else
#define SIO_JSON_SSE2 0
#endif

/* A byte that stands for itself in a JSON string and needs no further look: ASCII, no control
 * character, no quote, no backslash. */
static inline bool sio_json_is_plain(uint8_t byte) {
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

#if SIO_JSON_SSE2
/* One bit for each byte of 16 that is not plain. Compared as signed, bytes from 0x80 are below
 * 0x20 too. */
static inline __m128i sio_json_special16(const uint8_t *at) {
    __m128i block = _mm_loadu_si128((const __m128i *)(const void *)at);
    return _mm_or_si128(_mm_cmplt_epi8(block, _mm_set1_epi8(0x20)),
                        _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')),
                                     _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'))));
}

/* The first byte from `at` on that is not plain, or one of the last 15 before `end` if there is
 * none up to there. */
static inline const uint8_t *sio_json_plain_blocks(const uint8_t *at, const uint8_t *end,
                                                   bool *found) {
    while (end - at >= 16) {
        unsigned hits = (unsigned)_mm_movemask_epi8(sio_json_special16(at));
        if (hits != 0) {
            *found = true;
            return at + __builtin_ctz(hits);
        }
        at += 16;
        while (end - at >= 64) {
            __m128i first = _mm_or_si128(sio_json_special16(at), sio_json_special16(at + 16));
            __m128i second = _mm_or_si128(sio_json_special16(at + 32), sio_json_special16(at + 48));
            if (_mm_movemask_epi8(_mm_or_si128(first, second)) != 0) {
                break;
            }
            at += 64;
        }
    }
    return at;
}
#else
static inline const uint8_t *sio_json_plain_blocks(const uint8_t *at, const uint8_t *end,
                                                   bool *found) {
    return at;
}
#endif

/* For each of 8 bytes that is not plain its highest bit is set. (False hits above a true one do no
 * harm: the block is then looked at byte by byte.) */
static inline uint64_t sio_json_special8(uint64_t block) {
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t quote = block ^ ones * '"';
    uint64_t backslash = block ^ ones * '\\';
    return (block | (block - ones * 0x20) | (quote - ones) | (backslash - ones)) & ones * 0x80;
}

/* The first byte from `at` on that is not plain, or `end`. */
static inline const uint8_t *sio_json_skip_plain(const uint8_t *at, const uint8_t *end) {
    bool found = false;
    at = sio_json_plain_blocks(at, end, &found);
    if (found) {
        return at;
    }
    while (end - at >= 8) {
        uint64_t block;
        memcpy(&block, at, sizeof(block));
        if (sio_json_special8(block) != 0) {
            break;
        }
        at += 8;
    }
    while (at < end && sio_json_is_plain(*at)) {
        at++;
    }
    return at;
}

#endif
