/* Character classes and small text helpers of HTTP and URLs. ASCII only, no locale. */
#ifndef SIO_SRC_CHARS_H
#define SIO_SRC_CHARS_H

#include <sio/types.h>

#include <string.h>

enum {
    SIO_CHAR_TOKEN = 1,      /* RFC 9110 §5.6.2 */
    SIO_CHAR_TARGET = 2,     /* printable, no space, no "#": what a request target is made of */
    SIO_CHAR_UNRESERVED = 4, /* RFC 3986 §2.3 */
    SIO_CHAR_HOST = 8,       /* unreserved and sub-delims: a registered name without escapes */
    SIO_CHAR_COMPONENT = 16, /* what encodeURIComponent leaves alone */
    SIO_CHAR_VALUE = 32,     /* field values: no control characters except tab */
};

extern const uint8_t sio_chars[256];

static inline bool sio_char_is(char c, unsigned classes) {
    return (sio_chars[(uint8_t)c] & classes) != 0;
}

static inline char sio_char_lower(char c) {
    return (uint8_t)(c - 'A') < 26 ? (char)(c | 0x20) : c;
}

static inline bool sio_char_is_digit(char c) {
    return (uint8_t)(c - '0') < 10;
}

static inline bool sio_char_is_blank(char c) {
    return c == ' ' || c == '\t';
}

/* The value of a hexadecimal digit, or -1. */
static inline int sio_char_hex(char c) {
    if (sio_char_is_digit(c)) {
        return c - '0';
    }
    char lower = sio_char_lower(c);
    return (uint8_t)(lower - 'a') < 6 ? lower - 'a' + 10 : -1;
}

/* How many bytes at the start of `text` may stand in a field value. Eight at a time: a byte below
 * 0x20 borrows into its top bit, a 0x7f becomes 0 under the exclusive or and borrows likewise; a
 * word that shows either is looked at byte by byte, which also lets tabs pass. */
static inline size_t sio_char_value_span(const char *text, size_t len) {
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t tops = ones * 0x80;
    size_t at = 0;
    for (;;) {
        while (len - at >= 8) {
            uint64_t word;
            memcpy(&word, text + at, 8);
            uint64_t del = word ^ (ones * 0x7f);
            uint64_t hit = ((word - ones * 0x20) & ~word) | ((del - ones) & ~del);
            if ((hit & tops) != 0) {
                break;
            }
            at += 8;
        }
        size_t stop = len - at >= 8 ? at + 8 : len;
        while (at < stop && sio_char_is(text[at], SIO_CHAR_VALUE)) {
            at++;
        }
        if (at < stop || at == len) {
            return at;
        }
    }
}

/* Whether every byte of a text is of one of the classes; true for an empty text. */
bool sio_text_all(sio_str text, unsigned classes);

bool sio_text_equal(sio_str a, sio_str b);

/* Without regard to case. */
bool sio_text_equal_nocase(sio_str a, sio_str b);

/* Without spaces and tabs around it. */
sio_str sio_text_trim(sio_str text);

/* Cut `rest` at the first `separator`: returns what is before it and leaves what is behind it. With
 * no separator everything is returned and `rest` has a NULL pointer. */
sio_str sio_text_cut(sio_str *rest, char separator);

/* Decimal digits only, at least one, no overflow. */
bool sio_text_to_u64(uint64_t *out, sio_str text);

#endif
