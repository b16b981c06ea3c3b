#include "json_text.h"

#include "json_number.h"
#include "json_plain.h"
#include "utf8.h"

enum { REPLACEMENT = 0xFFFD };

static uint32_t hex_value(char c) {
    if (c <= '9') {
        return (uint32_t)(c - '0');
    }
    return (uint32_t)((c | 0x20) - 'a' + 10);
}

static uint32_t read_hex4(const char *at) {
    return hex_value(at[0]) << 12 | hex_value(at[1]) << 8 | hex_value(at[2]) << 4 |
           hex_value(at[3]);
}

/* `*at` stands behind "\u"; moves it behind the escape, or behind both of a surrogate pair. */
static uint32_t read_unicode_escape(const char **at, const char *end) {
    uint32_t unit = read_hex4(*at);
    *at += 4;
    if (unit < 0xD800 || unit > 0xDFFF) {
        return unit;
    }
    if (unit < 0xDC00 && end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u') {
        uint32_t low = read_hex4(*at + 2);
        if (low >= 0xDC00 && low <= 0xDFFF) {
            *at += 6;
            return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
        }
    }
    return REPLACEMENT;
}

static char short_escape(char letter) {
    switch (letter) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default: /* quote, backslash and slash stand for themselves */
        return letter;
    }
}

size_t sio_json_unescape(char *out, const char *raw, size_t len) {
    const char *at = raw;
    const char *end = raw + len;
    char *to = out;
    while (at < end) {
        const char *escape = memchr(at, '\\', (size_t)(end - at));
        size_t run = (size_t)((escape ? escape : end) - at);
        memmove(to, at, run);
        to += run;
        if (!escape) {
            break;
        }
        at = escape + 2;
        if (escape[1] == 'u') {
            to += sio_utf8_put(to, read_unicode_escape(&at, end));
        } else {
            *to++ = short_escape(escape[1]);
        }
    }
    return (size_t)(to - out);
}

bool sio_json_raw_equals(const char *raw, size_t len, const char *text) {
    const char *end = raw + len;
    for (; *text != '\0'; text++) {
        if (raw == end) {
            return false;
        }
        uint32_t unit = (uint8_t)*raw++;
        if (unit == '\\') {
            char letter = *raw++;
            unit = letter == 'u' ? read_unicode_escape(&raw, end) : (uint8_t)short_escape(letter);
        }
        if (unit != (uint8_t)*text) {
            return false;
        }
    }
    return raw == end;
}

static int add_escape(sio_buf *out, uint8_t byte) {
    static const char hex[] = "0123456789abcdef";
    static const char letters[] = "btn\0fr"; /* 0x08 to 0x0D; 0x0B has none */
    if (byte == '"' || byte == '\\') {
        return sio_buf_add(out, (const char[]){'\\', (char)byte}, 2);
    }
    if (byte >= 0x08 && byte <= 0x0D && letters[byte - 0x08] != '\0') {
        return sio_buf_add(out, (const char[]){'\\', letters[byte - 0x08]}, 2);
    }
    return sio_buf_add(out, (const char[]){'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]}, 6);
}

/* The string without its quotes. Runs without escapes are appended whole. */
static int add_contents(sio_buf *out, const uint8_t *at, const uint8_t *end) {
    const uint8_t *run = at;
    while ((at = sio_json_skip_plain(at, end)) < end) {
        if (*at >= 0x80) {
            size_t taken = sio_utf8_step(at, end);
            if (taken == 0) {
                return SIO_ERR_JSON_UTF8;
            }
            at += taken;
            continue;
        }
        int rc = sio_buf_add(out, run, (size_t)(at - run));
        rc = rc != 0 ? rc : add_escape(out, *at);
        if (rc != 0) {
            return rc;
        }
        run = ++at;
    }
    return run == end ? 0 : sio_buf_add(out, run, (size_t)(end - run));
}

int sio_json_add_string(sio_buf *out, const char *text, size_t len) {
    if (len > SIZE_MAX - 2) {
        return SIO_ERR_LIMIT;
    }
    size_t before = out->len;
    int rc = sio_buf_reserve(out, len + 2);
    if (rc != 0) {
        return rc;
    }
    out->data[out->len++] = '"';
    if (len > 0) {
        const uint8_t *bytes = (const uint8_t *)text;
        rc = add_contents(out, bytes, bytes + len);
    }
    rc = rc != 0 ? rc : sio_buf_add_byte(out, '"');
    if (rc != 0) {
        out->len = before;
    }
    return rc;
}

int sio_json_add_double(sio_buf *out, double value) {
    char text[SIO_JSON_DOUBLE_SIZE];
    size_t len = sio_json_write_double(text, value);
    char first = text[text[0] == '-'];
    if (first == 'N' || first == 'I') { /* NaN or Infinity */
        return sio_buf_add_text(out, "null");
    }
    return sio_buf_add(out, text, len);
}
