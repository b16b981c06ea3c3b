#include "chars.h"

/* One row for each sixteen codes; a number is the sum of the classes in chars.h. The test
 * builds it again from the grammar. */
/* clang-format off */
const uint8_t sio_chars[256] = {
     0,  0,  0,  0,  0,  0,  0,  0,  0, 32,  0,  0,  0,  0,  0,  0,
     0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
    32, 59, 34, 33, 43, 35, 43, 59, 58, 58, 59, 43, 42, 63, 63, 34,
    63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 34, 42, 34, 42, 34, 34,
    34, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63,
    63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 34, 34, 34, 35, 63,
    35, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63,
    63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 34, 35, 34, 63,  0,
    32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32,
    32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32,
    32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32,
    32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32,
    32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32,
    32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32,
    32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32,
    32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32,
};
/* clang-format on */

bool sio_text_all(sio_str text, unsigned classes) {
    for (size_t i = 0; i < text.len; i++) {
        if (!sio_char_is(text.ptr[i], classes)) {
            return false;
        }
    }
    return true;
}

bool sio_text_equal(sio_str a, sio_str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool sio_text_equal_nocase(sio_str a, sio_str b) {
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (a.ptr[i] != b.ptr[i] && sio_char_lower(a.ptr[i]) != sio_char_lower(b.ptr[i])) {
            return false;
        }
    }
    return true;
}

sio_str sio_text_trim(sio_str text) {
    while (text.len > 0 && sio_char_is_blank(text.ptr[0])) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && sio_char_is_blank(text.ptr[text.len - 1])) {
        text.len--;
    }
    return text;
}

sio_str sio_text_cut(sio_str *rest, char separator) {
    sio_str piece = *rest;
    const char *found = rest->len > 0 ? memchr(rest->ptr, separator, rest->len) : NULL;
    if (!found) {
        *rest = (sio_str){NULL, 0};
        return piece;
    }
    piece.len = (size_t)(found - rest->ptr);
    *rest = (sio_str){found + 1, rest->len - piece.len - 1};
    return piece;
}

bool sio_text_to_u64(uint64_t *out, sio_str text) {
    uint64_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)(uint8_t)text.ptr[i] - '0';
        if (digit > 9 || value > (UINT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    if (text.len == 0) {
        return false;
    }
    *out = value;
    return true;
}
