#include "ws_mask.h"

#if defined(__SSE2__) && !defined(SIO_NO_SIMD)
#include <emmintrin.h>

static __m128i load(const uint8_t *at) {
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}

static void store(uint8_t *at, __m128i block) {
    _mm_storeu_si128((__m128i *)(void *)at, block);
}

/* Returns how many bytes it did: a multiple of 64. */
static size_t mask_blocks(uint8_t *data, size_t len, const uint8_t key[4]) {
    int32_t word;
    memcpy(&word, key, 4);
    __m128i wide = _mm_set1_epi32(word);
    size_t done = 0;
    for (; len - done >= 64; done += 64) {
        uint8_t *at = data + done;
        __m128i a = _mm_xor_si128(load(at), wide);
        __m128i b = _mm_xor_si128(load(at + 16), wide);
        __m128i c = _mm_xor_si128(load(at + 32), wide);
        __m128i d = _mm_xor_si128(load(at + 48), wide);
        store(at, a);
        store(at + 16, b);
        store(at + 32, c);
        store(at + 48, d);
    }
    return done;
}
#else
/* sio_ws_mask_short goes on with eight bytes at a time. */
static size_t mask_blocks(uint8_t *data, size_t len, const uint8_t key[4]) {
    (void)data;
    (void)len;
    (void)key;
    return 0;
}
#endif

void sio_ws_mask(uint8_t *data, size_t len, const uint8_t key[4], size_t offset) {
    uint8_t turned[4];
    for (size_t i = 0; i < 4; i++) {
        turned[i] = key[(offset + i) & 3];
    }
    size_t done = mask_blocks(data, len, turned);
    if (done < len) {
        sio_ws_mask_short(data + done, len - done, turned);
    }
}
