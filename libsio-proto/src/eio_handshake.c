#include <sio/eio.h>
#include <sio/json.h>

#include "utf8.h"

#include <string.h>

/* ---- writing ---- */

static int add_member(sio_buf *out, const char *key, uint64_t value) {
    int rc = sio_buf_add_text(out, key);
    return rc == 0 ? sio_buf_add_u64(out, value) : rc;
}

static int add_handshake(sio_buf *out, const sio_eio_handshake *handshake) {
    int rc = sio_buf_add_text(out, "{\"sid\":");
    if (rc == 0) {
        rc = sio_json_add_string(out, handshake->sid.ptr, handshake->sid.len);
    }
    if (rc == 0) {
        rc = sio_buf_add_text(out, handshake->websocket ? ",\"upgrades\":[\"websocket\"]"
                                                        : ",\"upgrades\":[]");
    }
    if (rc == 0) {
        rc = add_member(out, ",\"pingInterval\":", handshake->ping_interval);
    }
    if (rc == 0) {
        rc = add_member(out, ",\"pingTimeout\":", handshake->ping_timeout);
    }
    if (rc == 0) {
        rc = add_member(out, ",\"maxPayload\":", handshake->max_payload);
    }
    return rc == 0 ? sio_buf_add_byte(out, '}') : rc;
}

int sio_eio_handshake_write(sio_buf *out, const sio_eio_handshake *handshake) {
    if (handshake->sid.len == 0 || handshake->sid.len > SIO_EIO_SID_MAX) {
        return SIO_ERR_INVALID;
    }
    size_t before = out->len;
    int rc = add_handshake(out, handshake);
    if (rc != 0) {
        out->len = before;
    }
    return rc == SIO_ERR_JSON_UTF8 ? SIO_ERR_INVALID : rc;
}

/* ---- reading ----
 * The text was validated as JSON before it is walked, so that strings are closed, brackets match
 * and every value is followed by something. */

enum { HANDSHAKE_DEPTH = 32 };

static const uint64_t INTEGER_MAX = (UINT64_C(1) << 53) - 1;

static const char *skip_space(const char *at) {
    while (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r') {
        at++;
    }
    return at;
}

static const char *skip_string(const char *at) {
    for (at++; *at != '"'; at++) {
        at += *at == '\\';
    }
    return at + 1;
}

static bool ends_scalar(char character) {
    return character == ',' || character == ']' || character == '}' || character == ' ' ||
           character == '\t' || character == '\n' || character == '\r';
}

static const char *skip_value(const char *at) {
    int depth = 0;
    do {
        if (*at == '"') {
            at = skip_string(at);
            continue;
        }
        depth += (*at == '[' || *at == '{') - (*at == ']' || *at == '}');
        bool scalar = depth == 0 && *at != ']' && *at != '}';
        at++;
        while (scalar && !ends_scalar(*at)) {
            at++;
        }
    } while (depth > 0);
    return at;
}

static bool read_integer(uint64_t *out, sio_str text, uint64_t min) {
    uint64_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(text.ptr[i] - '0');
        if (value > INTEGER_MAX) {
            return false;
        }
    }
    if (value < min) {
        return false;
    }
    *out = value;
    return true;
}

static uint32_t read_hex4(const char *at) {
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        uint32_t digit = (uint8_t)at[i];
        value = value * 16 + (digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
    }
    return value;
}

/* The scalar that an escape stands for; `at` is behind the backslash. A sid has no business with
 * control characters, nor with surrogates. */
static bool read_escape(const char **at, uint32_t *scalar) {
    char letter = *(*at)++;
    if (letter == '"' || letter == '\\' || letter == '/') {
        *scalar = (uint8_t)letter;
        return true;
    }
    if (letter != 'u') {
        return false;
    }
    *scalar = read_hex4(*at);
    *at += 4;
    return *scalar >= 0x20 && *scalar != 0x7F && (*scalar & 0xF800) != 0xD800;
}

static bool read_sid(char sid[SIO_EIO_SID_MAX], size_t *len, sio_str text) {
    if (text.len < 3 || text.ptr[0] != '"') {
        return false;
    }
    const char *at = text.ptr + 1;
    const char *end = text.ptr + text.len - 1;
    size_t used = 0;
    while (at < end) {
        char bytes[4] = {*at++};
        size_t count = 1;
        uint32_t scalar = 0;
        if (bytes[0] == '\\') {
            if (!read_escape(&at, &scalar)) {
                return false;
            }
            count = sio_utf8_put(bytes, scalar);
        }
        if (bytes[0] == 0x7F || count > SIO_EIO_SID_MAX - used) {
            return false;
        }
        memcpy(sid + used, bytes, count);
        used += count;
    }
    *len = used;
    return true;
}

static bool text_is(sio_str text, const char *wanted) {
    return text.len == strlen(wanted) && memcmp(text.ptr, wanted, text.len) == 0;
}

static bool read_upgrades(bool *websocket, sio_str text) {
    if (text.ptr[0] != '[') {
        return false;
    }
    *websocket = false;
    const char *at = skip_space(text.ptr + 1);
    while (*at != ']') {
        const char *end = skip_value(at);
        if (text_is((sio_str){at, (size_t)(end - at)}, "\"websocket\"")) {
            *websocket = true;
        }
        at = skip_space(end);
        at = *at == ',' ? skip_space(at + 1) : at;
    }
    return true;
}

enum { HAS_SID = 1, HAS_INTERVAL = 2, HAS_TIMEOUT = 4, HAS_ALL = 7 };

typedef struct reading {
    sio_eio_handshake found;
    char sid[SIO_EIO_SID_MAX];
    unsigned has;
} reading;

static bool read_member(reading *r, sio_str key, sio_str value) {
    if (text_is(key, "\"sid\"")) {
        r->has |= HAS_SID;
        return read_sid(r->sid, &r->found.sid.len, value);
    }
    if (text_is(key, "\"upgrades\"")) {
        return read_upgrades(&r->found.websocket, value);
    }
    if (text_is(key, "\"pingInterval\"")) {
        r->has |= HAS_INTERVAL;
        return read_integer(&r->found.ping_interval, value, 1);
    }
    if (text_is(key, "\"pingTimeout\"")) {
        r->has |= HAS_TIMEOUT;
        return read_integer(&r->found.ping_timeout, value, 0);
    }
    if (text_is(key, "\"maxPayload\"")) {
        return read_integer(&r->found.max_payload, value, 0);
    }
    return true;
}

static bool read_members(reading *r, const char *at) {
    at = skip_space(at + 1);
    while (*at != '}') {
        const char *key_end = skip_string(at);
        sio_str key = {at, (size_t)(key_end - at)};
        const char *value = skip_space(skip_space(key_end) + 1);
        const char *value_end = skip_value(value);
        if (!read_member(r, key, (sio_str){value, (size_t)(value_end - value)})) {
            return false;
        }
        at = skip_space(value_end);
        at = *at == ',' ? skip_space(at + 1) : at;
    }
    return r->has == HAS_ALL;
}

int sio_eio_handshake_read(sio_eio_handshake *out, char sid[SIO_EIO_SID_MAX], sio_bytes json) {
    const char *text = (const char *)json.ptr;
    if (json.len == 0 || sio_json_validate(text, json.len, HANDSHAKE_DEPTH) != 0) {
        return SIO_ERR_EIO_HANDSHAKE;
    }
    const char *start = skip_space(text);
    reading r = {.has = 0};
    if (*start != '{' || !read_members(&r, start)) {
        return SIO_ERR_EIO_HANDSHAKE;
    }
    memcpy(sid, r.sid, r.found.sid.len);
    *out = r.found;
    out->sid.ptr = sid;
    return 0;
}
