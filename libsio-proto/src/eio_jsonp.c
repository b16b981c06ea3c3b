#include <sio/eio.h>

#include <string.h>

/* ---- the POST: form decoding ---- */

/* Fields looked at in one form; the reference ignores further ones. */
enum { FORM_FIELDS_MAX = 1000 };

static int hex_value(uint8_t character) {
    if (character >= '0' && character <= '9') {
        return character - '0';
    }
    character |= 0x20;
    return character >= 'a' && character <= 'f' ? character - 'a' + 10 : -1;
}

/* One character of a form field. A percent sign that starts no escape stands for itself. */
static uint8_t form_take(sio_bytes *text) {
    uint8_t first = text->ptr[0];
    size_t used = 1;
    if (first == '+') {
        first = ' ';
    } else if (first == '%' && text->len >= 3) {
        int high = hex_value(text->ptr[1]);
        int low = hex_value(text->ptr[2]);
        if (high >= 0 && low >= 0) {
            first = (uint8_t)(high * 16 + low);
            used = 3;
        }
    }
    text->ptr += used;
    text->len -= used;
    return first;
}

/* Is the name of the field `d`? On success the value is left in `field`. */
static bool field_is_d(sio_bytes *field) {
    const uint8_t *equals = field->len ? memchr(field->ptr, '=', field->len) : NULL;
    size_t name_len = equals ? (size_t)(equals - field->ptr) : field->len;
    sio_bytes name = {field->ptr, name_len};
    if (name.len == 0 || form_take(&name) != 'd' || name.len != 0) {
        return false;
    }
    size_t used = equals ? name_len + 1 : name_len;
    field->ptr += used;
    field->len -= used;
    return true;
}

static sio_bytes form_field(sio_bytes *rest) {
    const uint8_t *end = memchr(rest->ptr, '&', rest->len);
    sio_bytes field = {rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len};
    size_t used = end ? field.len + 1 : field.len;
    rest->ptr += used;
    rest->len -= used;
    return field;
}

/* The only field `d` of the form. */
static bool form_find(sio_bytes body, sio_bytes *value) {
    bool found = false;
    for (int fields = 0; body.len > 0 && fields < FORM_FIELDS_MAX;) {
        sio_bytes field = form_field(&body);
        if (field.len == 0) {
            continue;
        }
        fields++;
        if (field_is_d(&field)) {
            if (found) {
                return false;
            }
            found = true;
            *value = field;
        }
    }
    return found;
}

/* The sender doubled nothing but wrote a newline as `\n` and a backslash before an n as `\\`. A run
 * of k backslashes before an n therefore is a newline for k = 1, and else one backslash less. */
static void newlines_restore(uint8_t *text, size_t *len) {
    size_t to = 0;
    size_t slashes = 0;
    for (size_t from = 0; from < *len; from++) {
        if (text[from] == 'n' && slashes > 0) {
            to--;
            text[to++] = slashes == 1 ? '\n' : 'n';
        } else {
            text[to++] = text[from];
        }
        slashes = text[from] == '\\' ? slashes + 1 : 0;
    }
    *len = to;
}

int sio_eio_jsonp_read(sio_buf *out, sio_bytes body) {
    sio_bytes value;
    if (!form_find(body, &value)) {
        return SIO_ERR_NOT_FOUND;
    }
    int rc = sio_buf_reserve(out, value.len);
    if (rc != 0) {
        return rc;
    }
    size_t start = out->len;
    while (value.len > 0) {
        out->data[out->len++] = form_take(&value);
    }
    size_t len = out->len - start;
    if (len > 0) {
        newlines_restore(out->data + start, &len);
    }
    out->len = start + len;
    return 0;
}

/* ---- the response: a call with a JSON string ---- */

/* What follows the backslash for a control character; 0 means the \u form. */
static char control_escape(uint8_t byte) {
    switch (byte) {
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 0;
    }
}

static int add_control(sio_buf *out, uint8_t byte) {
    static const char digits[] = "0123456789abcdef";
    char letter = control_escape(byte);
    char text[6] = {'\\', letter ? letter : 'u', '0', '0', digits[byte >> 4], digits[byte & 15]};
    return sio_buf_add(out, text, letter ? 2 : 6);
}

/* U+2028 and U+2029 end a line in JavaScript, where a string must not span lines. */
static bool line_separator(const uint8_t *at, const uint8_t *end) {
    return end - at >= 3 && at[0] == 0xE2 && at[1] == 0x80 && (at[2] | 1) == 0xA9;
}

static bool stands_for_itself(uint8_t byte) {
    return byte >= 0x20 && byte != '"' && byte != '\\' && byte != 0xE2;
}

static int add_special(sio_buf *out, const uint8_t **at, const uint8_t *end) {
    uint8_t byte = **at;
    if (line_separator(*at, end)) {
        const char *escape = (*at)[2] == 0xA8 ? "\\u2028" : "\\u2029";
        *at += 3;
        return sio_buf_add(out, escape, 6);
    }
    *at += 1;
    if (byte < 0x20) {
        return add_control(out, byte);
    }
    char text[2] = {'\\', (char)byte};
    return byte == 0xE2 ? sio_buf_add_byte(out, byte) : sio_buf_add(out, text, 2);
}

static int add_string(sio_buf *out, sio_bytes text) {
    const uint8_t *at = text.ptr;
    const uint8_t *end = text.len ? at + text.len : at;
    int rc = 0;
    while (rc == 0 && at != end) {
        const uint8_t *run = at;
        while (at != end && stands_for_itself(*at)) {
            at++;
        }
        rc = sio_buf_add(out, run, (size_t)(at - run));
        if (rc == 0 && at != end) {
            rc = add_special(out, &at, end);
        }
    }
    return rc;
}

static int add_digits(sio_buf *out, sio_str text) {
    int rc = 0;
    for (size_t i = 0; i < text.len && rc == 0; i++) {
        if (text.ptr[i] >= '0' && text.ptr[i] <= '9') {
            rc = sio_buf_add_byte(out, (uint8_t)text.ptr[i]);
        }
    }
    return rc;
}

int sio_eio_jsonp_write(sio_buf *out, sio_str j, sio_bytes payload) {
    size_t before = out->len;
    int rc = sio_buf_add_text(out, "___eio[");
    if (rc == 0) {
        rc = add_digits(out, j);
    }
    if (rc == 0) {
        rc = sio_buf_add_text(out, "](\"");
    }
    if (rc == 0) {
        rc = add_string(out, payload);
    }
    if (rc == 0) {
        rc = sio_buf_add_text(out, "\");");
    }
    if (rc != 0) {
        out->len = before;
    }
    return rc;
}
