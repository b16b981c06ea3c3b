#include "utf8.h"

#include <string.h>

#if defined(__SSE2__) && !defined(SIO_NO_SIMD)
#include <emmintrin.h>
#endif

/* The first position at or behind `at` where a byte is not ASCII, or one less than a block before
 * `end`: most text is ASCII, so whole blocks are passed over with one test. */
static const uint8_t *skip_ascii(const uint8_t *at, const uint8_t *end) {
#if defined(__SSE2__) && !defined(SIO_NO_SIMD)
    while (end - at >= 64) {
        const __m128i *block = (const __m128i *)(const void *)at;
        __m128i all =
            _mm_or_si128(_mm_or_si128(_mm_loadu_si128(block), _mm_loadu_si128(block + 1)),
                         _mm_or_si128(_mm_loadu_si128(block + 2), _mm_loadu_si128(block + 3)));
        if (_mm_movemask_epi8(all) != 0) {
            break;
        }
        at += 64;
    }
#endif
    while (end - at >= 8) {
        uint64_t block;
        memcpy(&block, at, sizeof(block));
        if ((block & UINT64_C(0x8080808080808080)) != 0) {
            break;
        }
        at += 8;
    }
    while (at < end && *at < 0x80) {
        at++;
    }
    return at;
}

static bool is_tail(uint8_t byte) {
    return (byte & 0xC0) == 0x80;
}

/* What may follow a first byte (RFC 3629 §4): the number of bytes still due, and the range of the
 * next one, which is narrower than 80..BF exactly where overlong forms, surrogates and values above
 * U+10FFFF would begin. A first byte that cannot be one has due 0. */
typedef struct sequence_rule {
    uint8_t due;
    uint8_t low;
    uint8_t high;
} sequence_rule;

static sequence_rule rule_for(uint8_t first) {
    if (first < 0xC2 || first > 0xF4) {
        return (sequence_rule){0, 0, 0};
    }
    if (first < 0xE0) {
        return (sequence_rule){1, 0x80, 0xBF};
    }
    if (first < 0xF0) {
        return (sequence_rule){2, first == 0xE0 ? 0xA0 : 0x80, first == 0xED ? 0x9F : 0xBF};
    }
    return (sequence_rule){3, first == 0xF0 ? 0x90 : 0x80, first == 0xF4 ? 0x8F : 0xBF};
}

size_t sio_utf8_sequence(const uint8_t *at, const uint8_t *end) {
    sequence_rule rule = rule_for(at[0]);
    if (rule.due == 0 || (size_t)(end - at) <= rule.due) {
        return 0;
    }
    if (at[1] < rule.low || at[1] > rule.high) {
        return 0;
    }
    for (size_t i = 2; i <= rule.due; i++) {
        if (!is_tail(at[i])) {
            return 0;
        }
    }
    return (size_t)rule.due + 1;
}

bool sio_utf8_valid(const void *data, size_t len) {
    if (len == 0) {
        return true;
    }
    const uint8_t *at = data;
    const uint8_t *end = at + len;
    for (;;) {
        at = skip_ascii(at, end);
        /* Text in other scripts seldom has ASCII between: stay here while it lasts. */
        while (at < end && *at >= 0x80) {
            size_t taken = sio_utf8_step(at, end);
            if (taken == 0) {
                return false;
            }
            at += taken;
        }
        if (at == end) {
            return true;
        }
    }
}

/* An open sequence between two pieces: bytes due in bits 0-7, range of the next byte in bits 8-15
 * and 16-23. 0 when none is open, since a rule that is due has a high bound. */
static uint32_t pack_rule(sequence_rule rule) {
    return (uint32_t)rule.due | (uint32_t)rule.low << 8 | (uint32_t)rule.high << 16;
}

static bool feed_byte(uint32_t *state, uint8_t byte) {
    if (*state == 0) {
        if (byte < 0x80) {
            return true;
        }
        sequence_rule rule = rule_for(byte);
        *state = pack_rule(rule);
        return rule.due != 0;
    }
    uint8_t due = (uint8_t)*state;
    if (byte < (uint8_t)(*state >> 8) || byte > (uint8_t)(*state >> 16)) {
        return false;
    }
    *state = due == 1 ? 0 : pack_rule((sequence_rule){(uint8_t)(due - 1), 0x80, 0xBF});
    return true;
}

bool sio_utf8_feed(uint32_t *state, const void *data, size_t len) {
    if (len == 0) {
        return true;
    }
    const uint8_t *at = data;
    const uint8_t *end = at + len;
    while (at < end) {
        if (*state == 0) {
            at = skip_ascii(at, end);
            size_t taken = 0;
            while (at < end && *at >= 0x80 && (taken = sio_utf8_step(at, end)) != 0) {
                at += taken;
            }
            /* Here stands ASCII, the end, or a sequence that is bad or cut: the last two are told
             * apart byte by byte. */
            if (at == end || *at < 0x80) {
                continue;
            }
        }
        if (!feed_byte(state, *at++)) {
            return false;
        }
    }
    return true;
}

size_t sio_utf8_put(char out[4], uint32_t scalar) {
    if (scalar < 0x80) {
        out[0] = (char)scalar;
        return 1;
    }
    if (scalar < 0x800) {
        out[0] = (char)(0xC0 | scalar >> 6);
        out[1] = (char)(0x80 | (scalar & 0x3F));
        return 2;
    }
    if (scalar < 0x10000) {
        out[0] = (char)(0xE0 | scalar >> 12);
        out[1] = (char)(0x80 | (scalar >> 6 & 0x3F));
        out[2] = (char)(0x80 | (scalar & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | scalar >> 18);
    out[1] = (char)(0x80 | (scalar >> 12 & 0x3F));
    out[2] = (char)(0x80 | (scalar >> 6 & 0x3F));
    out[3] = (char)(0x80 | (scalar & 0x3F));
    return 4;
}
