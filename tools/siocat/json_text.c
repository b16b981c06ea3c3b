/* Walking over JSON text that the library has found valid, without decoding it: numbers keep their
 * digits, strings their bytes. */
#include "siocat.h"

#include <stdlib.h>
#include <string.h>

enum { PLACEHOLDER_MAX = 128, SHOWN_BYTES = 16 };

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

size_t siocat_json_skip_space(sio_str json, size_t at) {
    while (at < json.len && is_space(json.ptr[at])) {
        at++;
    }
    return at;
}

size_t siocat_json_string_end(sio_str json, size_t at) {
    for (at++; at < json.len && json.ptr[at] != '"'; at++) {
        at += json.ptr[at] == '\\';
    }
    return at < json.len ? at + 1 : json.len;
}

bool siocat_json_is_key(sio_str json, size_t end) {
    size_t at = siocat_json_skip_space(json, end);
    return at < json.len && json.ptr[at] == ':';
}

/* ---- strings ---- */

/* Length of the UTF-8 character at `p` if it drives terminals or hides text: DEL, C1 controls, line
 * and paragraph separators, marks of writing direction. JSON text has no other raw controls. */
static size_t unsafe_char(const unsigned char *p, size_t len, unsigned *code) {
    if (p[0] == 0x7f) {
        *code = 0x7f;
        return 1;
    }
    if (len >= 2 && p[0] == 0xc2 && p[1] < 0xa0) {
        *code = p[1];
        return 2;
    }
    if (len >= 3 && p[0] == 0xe2 && (p[1] == 0x80 || p[1] == 0x81)) {
        *code = 0x2000u + ((p[1] & 0x3fu) << 6) + (p[2] & 0x3fu);
        bool hides = *code == 0x200e || *code == 0x200f || (*code >= 0x2028 && *code <= 0x202e) ||
                     (*code >= 0x2066 && *code <= 0x2069);
        return hides ? 3 : 0;
    }
    return 0;
}

static int add_code(sio_buf *out, unsigned code) {
    static const char digits[] = "0123456789abcdef";
    char text[6] = {'\\', 'u'};
    for (int i = 0; i < 4; i++) {
        text[5 - i] = digits[(code >> (4 * i)) & 15u];
    }
    return sio_buf_add(out, text, sizeof(text));
}

static int add_safely(sio_buf *out, sio_str text) {
    size_t from = 0, at = 0;
    int rc = 0;
    while (rc == 0 && at < text.len) {
        unsigned code = 0;
        size_t len = unsafe_char((const unsigned char *)text.ptr + at, text.len - at, &code);
        if (len == 0) {
            at++;
            continue;
        }
        rc = sio_buf_add(out, text.ptr + from, at - from);
        if (rc == 0) {
            rc = add_code(out, code);
        }
        at += len;
        from = at;
    }
    return rc == 0 ? sio_buf_add(out, text.ptr + from, text.len - from) : rc;
}

int siocat_json_string(sio_buf *out, sio_str text) {
    sio_buf raw;
    sio_buf_init(&raw, 0, NULL);
    int rc = sio_json_add_string(&raw, text.ptr, text.len);
    if (rc == 0) {
        rc = add_safely(out, (sio_str){(const char *)raw.data, raw.len});
    }
    sio_buf_free(&raw);
    return rc;
}

static bool starts(sio_str text, const char *with) {
    size_t len = strlen(with);
    return text.len >= len && memcmp(text.ptr, with, len) == 0;
}

/* Keys that begin with "@" get another one: what a server sends can never be taken for a file when
 * it is piped into siocat again. */
static int add_string(sio_buf *out, sio_str token, bool key) {
    bool at = key && (starts(token, "\"@") || starts(token, "\"\\u0040"));
    int rc = at ? sio_buf_add_text(out, "\"@") : 0;
    return rc == 0 ? add_safely(out, (sio_str){token.ptr + at, token.len - at}) : rc;
}

/* ---- binary ---- */

/* `true` for _placeholder, a short number for num. @return behind the value, 0 if it is another */
static size_t placeholder_member(sio_str json, sio_str key, size_t at, int *found, uint32_t *num) {
    sio_str rest = {json.ptr + at, json.len - at};
    if (key.len == 14 && starts(key, "\"_placeholder\"") && starts(rest, "true")) {
        *found |= 1;
        return at + 4;
    }
    size_t end = at;
    uint32_t value = 0;
    while (end < json.len && end - at < 5 && json.ptr[end] >= '0' && json.ptr[end] <= '9') {
        value = value * 10 + (uint32_t)(json.ptr[end++] - '0');
    }
    if (key.len == 5 && starts(key, "\"num\"") && end > at) {
        *found |= 2;
        *num = value;
        return end;
    }
    return 0;
}

/* @return behind the object at `at` if it stands for binary, otherwise 0 */
static size_t placeholder_end(sio_str json, size_t at, uint32_t *num) {
    int found = 0;
    sio_str text = {json.ptr, json.len - at > PLACEHOLDER_MAX ? at + PLACEHOLDER_MAX : json.len};
    do {
        at = siocat_json_skip_space(text, at + 1);
        if (at >= text.len || text.ptr[at] != '"') {
            return 0;
        }
        size_t end = siocat_json_string_end(text, at);
        sio_str key = {text.ptr + at, end - at};
        at = siocat_json_skip_space(text, end);
        if (at >= text.len || text.ptr[at] != ':') {
            return 0;
        }
        at = placeholder_member(text, key, siocat_json_skip_space(text, at + 1), &found, num);
        if (at == 0) {
            return 0;
        }
        at = siocat_json_skip_space(text, at);
    } while (at < text.len && text.ptr[at] == ',');
    return at < text.len && text.ptr[at] == '}' && found == 3 ? at + 1 : 0;
}

static int add_hexadecimal(sio_buf *out, sio_bytes data) {
    static const char digits[] = "0123456789abcdef";
    int rc = sio_buf_add_byte(out, '<');
    if (rc == 0) {
        rc = sio_buf_add_u64(out, data.len);
    }
    if (rc == 0) {
        rc = sio_buf_add_text(out, data.len == 1 ? " byte" : " bytes");
    }
    for (size_t i = 0; rc == 0 && i < data.len && i < SHOWN_BYTES; i++) {
        char text[3] = {' ', digits[data.ptr[i] >> 4], digits[data.ptr[i] & 15]};
        rc = sio_buf_add(out, text, sizeof(text));
    }
    return rc == 0 ? sio_buf_add_text(out, data.len > SHOWN_BYTES ? " ...>" : ">") : rc;
}

static int add_binary(sio_buf *out, sio_bytes data, bool readable) {
    if (readable) {
        return add_hexadecimal(out, data);
    }
    int rc = sio_buf_add_text(out, "{\"@base64\":\"");
    if (rc == 0) {
        rc = siocat_base64_write(out, data);
    }
    return rc == 0 ? sio_buf_add_text(out, "\"}") : rc;
}

/* ---- values ---- */

int siocat_json_print(sio_buf *out, const sio_args *args, size_t index, bool readable) {
    sio_str json = sio_args_raw(args, index);
    uint32_t attachments = sio_args_attachment_count(args);
    size_t at = 0;
    int rc = 0;
    while (rc == 0 && at < json.len) {
        char c = json.ptr[at];
        uint32_t num = 0;
        size_t end;
        if (c == '"') {
            end = siocat_json_string_end(json, at);
            rc = add_string(out, (sio_str){json.ptr + at, end - at}, siocat_json_is_key(json, end));
        } else if (c == '{' && attachments > 0 && (end = placeholder_end(json, at, &num)) > 0 &&
                   num < attachments) {
            rc = add_binary(out, sio_args_attachment(args, num), readable);
        } else {
            end = at + 1;
            rc = is_space(c) ? 0 : sio_buf_add_byte(out, (uint8_t)c);
        }
        at = end;
    }
    return rc;
}
