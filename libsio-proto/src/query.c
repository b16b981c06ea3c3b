#include <sio/url.h>

#include "chars.h"
#include "utf8.h"

static const char REPLACEMENT[] = "\xef\xbf\xbd"; /* U+FFFD */

bool sio_query_next(sio_str *rest, sio_str *name, sio_str *value) {
    while (rest->len > 0) {
        sio_str piece = sio_text_cut(rest, '&');
        if (piece.len > 0) {
            *name = sio_text_cut(&piece, '=');
            *value = piece;
            return true;
        }
    }
    return false;
}

/* The decoded byte at the start of a raw text. Returns how many raw bytes it took. */
static size_t decode_byte(char *out, sio_str raw, sio_query_rules rules) {
    char c = raw.ptr[0];
    if (c == '%' && raw.len >= 3) {
        int high = sio_char_hex(raw.ptr[1]);
        int low = sio_char_hex(raw.ptr[2]);
        if (high >= 0 && low >= 0) {
            *out = (char)(high * 16 + low);
            return 3;
        }
    }
    *out = c == '+' && rules == SIO_QUERY_FORM ? ' ' : c;
    return 1;
}

bool sio_query_equals(sio_str raw, sio_query_rules rules, sio_str text) {
    size_t at = 0;
    if (raw.len < text.len) {
        return false; /* decoding makes nothing longer */
    }
    while (raw.len > 0) {
        char c;
        size_t took = decode_byte(&c, raw, rules);
        if (at == text.len || text.ptr[at] != c) {
            return false;
        }
        raw = (sio_str){raw.ptr + took, raw.len - took};
        at++;
    }
    return at == text.len;
}

bool sio_query_find(sio_str query, sio_query_rules rules, sio_str name, sio_str *raw) {
    bool found = false;
    sio_str key;
    sio_str value;
    while (sio_query_next(&query, &key, &value)) {
        if (sio_query_equals(key, rules, name)) {
            *raw = value;
            found = true;
        }
    }
    return found;
}

/* How many bytes at `text` are one character, valid or not: of damaged text the longest start of a
 * sequence counts as one (WHATWG Encoding, "maximal subpart"). */
static size_t character(bool *valid, const uint8_t *text, const uint8_t *end) {
    size_t len = *text < 0x80 ? 1 : sio_utf8_sequence(text, end);
    *valid = len > 0;
    if (len > 0) {
        return len;
    }
    uint32_t state = 0;
    while (text + len < end && sio_utf8_feed(&state, text + len, 1)) {
        len++;
    }
    return len > 0 ? len : 1;
}

static size_t repaired_size(const uint8_t *text, size_t len) {
    size_t size = 0;
    for (size_t at = 0; at < len;) {
        bool valid;
        size_t used = character(&valid, text + at, text + len);
        size += valid ? used : sizeof(REPLACEMENT) - 1;
        at += used;
    }
    return size;
}

/* Put U+FFFD for what is not UTF-8 in the buffer's last `len` bytes. They move to the end of the
 * room that the result takes, so that writing from its start never passes reading. */
static int repair(sio_buf *buf, size_t start) {
    size_t len = buf->len - start;
    size_t size = repaired_size(buf->data + start, len);
    /* A damaged piece of three bytes is as long as its replacement: the size never shrinks. */
    int rc = sio_buf_reserve(buf, size - len);
    if (rc != 0) {
        return rc;
    }
    uint8_t *to = buf->data + start;
    uint8_t *end = to + size;
    uint8_t *from = end - len;
    memmove(from, to, len);
    while (from < end) {
        bool valid;
        size_t used = character(&valid, from, end);
        size_t put = valid ? used : sizeof(REPLACEMENT) - 1;
        memmove(to, valid ? (const char *)from : REPLACEMENT, put);
        to += put;
        from += used;
    }
    buf->len = start + size;
    return 0;
}

int sio_query_decode(sio_buf *buf, sio_str raw, sio_query_rules rules) {
    size_t start = buf->len;
    int rc = sio_buf_reserve(buf, raw.len);
    if (rc != 0) {
        return rc;
    }
    while (raw.len > 0) {
        char c;
        size_t took = decode_byte(&c, raw, rules);
        buf->data[buf->len++] = (uint8_t)c;
        raw = (sio_str){raw.ptr + took, raw.len - took};
    }
    if (buf->len == start || sio_utf8_valid(buf->data + start, buf->len - start)) {
        return 0;
    }
    rc = repair(buf, start);
    if (rc != 0) {
        buf->len = start;
    }
    return rc;
}

int sio_query_encode(sio_buf *buf, sio_str text) {
    static const char digits[] = "0123456789ABCDEF";
    size_t size = 0;
    for (size_t i = 0; i < text.len; i++) {
        size_t more = sio_char_is(text.ptr[i], SIO_CHAR_COMPONENT) ? 1 : 3;
        if (more > SIZE_MAX - size) {
            return SIO_ERR_LIMIT;
        }
        size += more;
    }
    int rc = sio_buf_reserve(buf, size);
    if (rc != 0) {
        return rc;
    }
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = (uint8_t)text.ptr[i];
        if (sio_char_is(text.ptr[i], SIO_CHAR_COMPONENT)) {
            buf->data[buf->len++] = byte;
            continue;
        }
        buf->data[buf->len++] = '%';
        buf->data[buf->len++] = (uint8_t)digits[byte >> 4];
        buf->data[buf->len++] = (uint8_t)digits[byte & 15];
    }
    return 0;
}

int sio_query_add(sio_buf *buf, bool *first, sio_str name, sio_str value) {
    size_t start = buf->len;
    int rc = *first ? 0 : sio_buf_add_byte(buf, '&');
    if (rc == 0) {
        rc = sio_query_encode(buf, name);
    }
    if (rc == 0) {
        rc = sio_buf_add_byte(buf, '=');
    }
    if (rc == 0) {
        rc = sio_query_encode(buf, value);
    }
    if (rc != 0) {
        buf->len = start;
        return rc;
    }
    *first = false;
    return 0;
}
