#include "byte_range.h"

#include <strings.h>

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

static sio_str trim(sio_str text) {
    while (text.len > 0 && is_blank(text.ptr[0])) {
        text = (sio_str){text.ptr + 1, text.len - 1};
    }
    while (text.len > 0 && is_blank(text.ptr[text.len - 1])) {
        text.len--;
    }
    return text;
}

/* Take digits off; more than 64 bits is as far as one can get. @return how many there were */
static size_t take_number(uint64_t *value, sio_str *text) {
    size_t digits = 0;
    *value = 0;
    while (digits < text->len && text->ptr[digits] >= '0' && text->ptr[digits] <= '9') {
        uint64_t digit = (uint64_t)(text->ptr[digits++] - '0');
        bool wraps = __builtin_mul_overflow(*value, 10u, value) ||
                     __builtin_add_overflow(*value, digit, value);
        if (wraps) {
            *value = UINT64_MAX;
            /* The rest must be digits, but counts no more. */
            while (digits < text->len && text->ptr[digits] >= '0' && text->ptr[digits] <= '9') {
                digits++;
            }
        }
    }
    *text = (sio_str){text->ptr + digits, text->len - digits};
    return digits;
}

static sio_range_verdict part(sio_byte_range *out, uint64_t first, uint64_t last, uint64_t size) {
    if (first >= size) {
        return SIO_RANGE_NEVER;
    }
    *out = (sio_byte_range){first, (last < size ? last + 1 : size) - first};
    return SIO_RANGE_PART;
}

/* "-n": the last n bytes. */
static sio_range_verdict suffix(sio_byte_range *out, uint64_t count, uint64_t size) {
    if (count == 0) {
        return SIO_RANGE_NEVER;
    }
    return part(out, count < size ? size - count : 0, size - 1, size);
}

sio_range_verdict sio_byte_range_read(sio_byte_range *out, sio_str header, uint64_t size) {
    static const char unit[] = "bytes=";
    enum { UNIT_LEN = sizeof(unit) - 1 };
    uint64_t first;
    uint64_t last;
    if (header.len < UNIT_LEN || strncasecmp(header.ptr, unit, UNIT_LEN) != 0 || size == 0) {
        return SIO_RANGE_WHOLE;
    }
    sio_str text = trim((sio_str){header.ptr + UNIT_LEN, header.len - UNIT_LEN});
    size_t before = take_number(&first, &text);
    if (text.len == 0 || text.ptr[0] != '-') {
        return SIO_RANGE_WHOLE;
    }
    text = (sio_str){text.ptr + 1, text.len - 1};
    size_t after = take_number(&last, &text);
    bool backwards = before > 0 && after > 0 && last < first;
    if (text.len > 0 || before + after == 0 || backwards) {
        return SIO_RANGE_WHOLE;
    }
    if (before == 0) {
        return suffix(out, last, size);
    }
    return part(out, first, after > 0 ? last : UINT64_MAX, size);
}
