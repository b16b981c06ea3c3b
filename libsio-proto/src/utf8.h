/* UTF-8 validation (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF). */
#ifndef SIO_SRC_UTF8_H
#define SIO_SRC_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Is this whole text valid? `data` may be NULL when `len` is 0. */
bool sio_utf8_valid(const void *data, size_t len);

/* Check text that arrives in pieces. `*state` is 0 before the first piece. Returns false at the
 * first byte that cannot continue valid text, not only at the end of its sequence; after that the
 * state is of no use until it is set to 0. */
bool sio_utf8_feed(uint32_t *state, const void *data, size_t len);

/* May the text end here, or is a sequence still open? */
static inline bool sio_utf8_done(uint32_t state) {
    return state == 0;
}

/* The length of the valid sequence of 2 to 4 bytes at `at`, whose first byte is 0x80 or above; 0
 * when it is invalid or does not end before `end`. */
size_t sio_utf8_sequence(const uint8_t *at, const uint8_t *end);

/* The same, with the commonest sequences decided in place: for loops over much text. */
static inline size_t sio_utf8_step(const uint8_t *at, const uint8_t *end) {
    if (end - at >= 3) {
        uint8_t first = at[0];
        bool three = first > 0xE0 && first < 0xF0 && first != 0xED;
        if (three && ((at[1] ^ 0x80) | (at[2] ^ 0x80)) < 0x40) {
            return 3;
        }
        if (first >= 0xC2 && first < 0xE0 && (at[1] ^ 0x80) < 0x40) {
            return 2;
        }
    }
    return sio_utf8_sequence(at, end);
}

/* Write a scalar value (not a surrogate, at most 0x10FFFF) and return its length, 1 to 4. */
size_t sio_utf8_put(char out[4], uint32_t scalar);

#endif
