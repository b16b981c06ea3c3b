/* The small decoders that others build upon, each against the plainest form of itself: base64,
 * UTF-8 whole and in pieces, percent escapes, integers, and what a header may hold. */
#include <sio/buffer.h>
#include <sio/url.h>

#include "base64.h"
#include "chars.h"
#include "draw.h"
#include "utf8.h"

#include <errno.h>

/* ---- base64 ---- */

static int sextet(char c) {
    static const char standard[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (c == '-' || c == '_') {
        return c == '-' ? 62 : 63;
    }
    const char *at = memchr(standard, c, 64);
    return at ? (int)(at - standard) : -1;
}

/* Bit by bit. @return how many bytes, or -1 */
static long plain_base64(uint8_t *out, const char *text, size_t len) {
    size_t digits = len;
    while (digits > 0 && len - digits < 2 && text[digits - 1] == '=') {
        digits--;
    }
    size_t padding = len - digits;
    size_t open = digits % 4;
    bool fits = padding == 0 || (open == 3 && padding == 1) || (open == 2 && padding <= 2);
    if (!fits || open == 1) {
        return -1;
    }
    uint32_t bits = 0;
    unsigned held = 0;
    long count = 0;
    for (size_t i = 0; i < digits; i++) {
        int value = sextet(text[i]);
        if (value < 0) {
            return -1;
        }
        bits = (bits << 6 | (uint32_t)value) & 0xffff;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[count++] = (uint8_t)(bits >> held);
        }
    }
    return count;
}

static void try_base64(const char *text, size_t len) {
    uint8_t *expected = malloc(len + 1);
    size_t room = sio_base64_decoded_max(len);
    uint8_t *found = malloc(room + 1);
    char *place = draw_copy(text, len);
    size_t found_len = 0;
    size_t place_len = 0;
    REQUIRE(expected && found);
    long count = plain_base64(expected, text, len);
    int rc = sio_base64_decode(found, &found_len, text, len);
    REQUIRE(rc == (count < 0 ? SIO_ERR_INVALID : 0));
    REQUIRE(sio_base64_decode((uint8_t *)place, &place_len, place, len) == rc);
    if (rc == 0) {
        REQUIRE(found_len <= room && same_bytes(found, found_len, expected, (size_t)count));
        REQUIRE(same_bytes(place, place_len, expected, (size_t)count));
    }
    free(expected);
    free(found);
    free(place);
}

static void try_encoding(const char *data, size_t len) {
    size_t room = sio_base64_encoded_len(len);
    char *text = malloc(room + 1);
    sio_buf again = {0};
    REQUIRE(text && room == (len + 2) / 3 * 4);
    sio_base64_encode(text, data, len);
    REQUIRE(sio_base64_add_decoded(&again, text, room) == 0);
    REQUIRE(same_bytes(again.data, again.len, data, len));
    sio_buf_free(&again);
    free(text);
}

/* ---- UTF-8 ---- */

/* RFC 3629 §4, its table. */
static size_t plain_sequence(const uint8_t *at, size_t left) {
    static const uint8_t rows[][5] = {
        /* first from, to, second from, to, length */
        {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const uint8_t *row = rows[i];
        if (at[0] < row[0] || at[0] > row[1]) {
            continue;
        }
        if (left < row[4] || (row[4] > 1 && (at[1] < row[2] || at[1] > row[3]))) {
            return 0;
        }
        for (size_t k = 2; k < row[4]; k++) {
            if ((at[k] & 0xc0) != 0x80) {
                return 0;
            }
        }
        return row[4];
    }
    return 0;
}

static bool plain_utf8(const uint8_t *text, size_t len) {
    for (size_t at = 0; at < len;) {
        size_t step = plain_sequence(text + at, len - at);
        if (step == 0) {
            return false;
        }
        REQUIRE(text[at] < 0x80 || sio_utf8_step(text + at, text + len) == step);
        REQUIRE(text[at] < 0x80 || sio_utf8_sequence(text + at, text + len) == step);
        at += step;
    }
    return true;
}

static void try_utf8(const uint8_t *text, size_t len, size_t piece) {
    bool valid = plain_utf8(text, len);
    uint32_t state = 0;
    bool fed = true;
    REQUIRE(sio_utf8_valid(text, len) == valid);
    for (size_t at = 0; fed && at < len; at += piece) {
        fed = sio_utf8_feed(&state, text + at, len - at < piece ? len - at : piece);
    }
    REQUIRE((fed && sio_utf8_done(state)) == valid);
}

/* ---- percent escapes and integers ---- */

static int plain_hex(char c) {
    static const char digits[] = "0123456789abcdef";
    char lower = c >= 'A' && c <= 'F' ? (char)(c + 32) : c;
    const char *at = lower != '\0' ? strchr(digits, lower) : NULL;
    return at ? (int)(at - digits) : -1;
}

static void try_escapes(sio_str raw, sio_query_rules rules) {
    char *plain = malloc(raw.len + 1);
    size_t len = 0;
    sio_buf out = {0};
    REQUIRE(plain);
    for (size_t at = 0; at < raw.len; at++) {
        char c = raw.ptr[at];
        bool escape = c == '%' && at + 2 < raw.len && plain_hex(raw.ptr[at + 1]) >= 0 &&
                      plain_hex(raw.ptr[at + 2]) >= 0;
        if (escape) {
            c = (char)(plain_hex(raw.ptr[at + 1]) * 16 + plain_hex(raw.ptr[at + 2]));
            at += 2;
        } else if (c == '+' && rules == SIO_QUERY_FORM) {
            c = ' ';
        }
        plain[len++] = c;
    }
    REQUIRE(sio_query_equals(raw, rules, (sio_str){plain, len}));
    REQUIRE(!sio_query_equals(raw, rules, (sio_str){plain, len > 0 ? len - 1 : 1}) || len == 0);
    REQUIRE(sio_buf_add_text(&out, "before") == 0);
    REQUIRE(sio_query_decode(&out, raw, rules) == 0);
    REQUIRE(sio_utf8_valid(out.data, out.len));
    if (plain_utf8((const uint8_t *)plain, len)) {
        REQUIRE(same_bytes(out.data + 6, out.len - 6, plain, len));
    }
    sio_buf_free(&out);
    free(plain);
}

static void try_integer(sio_str text) {
    uint64_t found = 7;
    char *terminated = malloc(text.len + 1);
    REQUIRE(terminated);
    if (text.len > 0) {
        memcpy(terminated, text.ptr, text.len);
    }
    terminated[text.len] = '\0';
    bool digits = text.len > 0 && strspn(terminated, "0123456789") == text.len;
    errno = 0;
    uint64_t expected = digits ? strtoull(terminated, NULL, 10) : 7;
    bool fits = digits && errno == 0;
    REQUIRE(sio_text_to_u64(&found, text) == fits);
    REQUIRE(found == (fits ? expected : 7));
    free(terminated);
}

/* What may stand in a header's value, looked at eight bytes at a time. */
static void try_span(sio_str text) {
    size_t plain = 0;
    while (plain < text.len && (text.ptr[plain] == '\t' || ((uint8_t)text.ptr[plain] >= 0x20 &&
                                                            (uint8_t)text.ptr[plain] != 0x7f))) {
        plain++;
    }
    REQUIRE(sio_char_value_span(text.ptr, text.len) == plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    size_t len = size - 1;
    char *text = draw_copy(data + 1, len);
    try_base64(text, len);
    try_encoding(text, len);
    try_utf8((const uint8_t *)text, len, 1 + data[0] % 7u);
    try_escapes((sio_str){text, len}, SIO_QUERY_FORM);
    try_escapes((sio_str){text, len}, SIO_QUERY_PERCENT);
    try_integer((sio_str){text, len});
    try_span((sio_str){text, len});
    free(text);
    return 0;
}
