/* For targets that play a program: what happens next is drawn from the input, byte by byte; behind
 * its end everything is zero. */
#ifndef TESTS_FUZZ_DRAW_H
#define TESTS_FUZZ_DRAW_H

#include "require.h"

#include <sio/types.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct draw {
    const uint8_t *at;
    size_t left;
} draw;

static inline uint8_t draw_byte(draw *in) {
    if (in->left == 0) {
        return 0;
    }
    in->left--;
    return *in->at++;
}

static inline uint64_t draw_number(draw *in, unsigned bytes) {
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++) {
        value = value << 8 | draw_byte(in);
    }
    return value;
}

/* Up to `most` bytes, as many as there are. */
static inline sio_bytes draw_bytes(draw *in, size_t most) {
    size_t len = most < in->left ? most : in->left;
    sio_bytes found = {in->at, len};
    in->at += len;
    in->left -= len;
    return found;
}

/* Up to the next newline, which is taken off too. */
static inline sio_str draw_line(draw *in) {
    const uint8_t *end = in->left > 0 ? memchr(in->at, '\n', in->left) : NULL;
    sio_bytes found = draw_bytes(in, end ? (size_t)(end - in->at) : in->left);
    if (end) {
        draw_byte(in);
    }
    return (sio_str){(const char *)found.ptr, found.len};
}

/* A block of exactly this size, so that a sanitizer sees the first byte past it. */
static inline char *draw_copy(const void *data, size_t len) {
    char *copy = malloc(len > 0 ? len : 1);
    REQUIRE(copy);
    if (len > 0) {
        memcpy(copy, data, len);
    }
    return copy;
}

static inline bool same_bytes(const void *a, size_t a_len, const void *b, size_t b_len) {
    return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

static inline bool same_text(sio_str a, sio_str b) {
    return same_bytes(a.ptr, a.len, b.ptr, b.len);
}

#endif
