#include "chat_text.h"

#include <string.h>

/* The code point at `*at`, which moves behind it. The text is known to be valid UTF-8; the bounds
 * are checked all the same. */
static uint32_t next_char(const char **at, const char *end) {
    static const uint8_t lead_mask[] = {0x7f, 0x1f, 0x0f, 0x07};
    uint8_t lead = (uint8_t) * (*at)++;
    unsigned more = lead < 0xc0 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    uint32_t value = lead & lead_mask[more];

    for (; more > 0 && *at < end; more--) {
        value = value << 6 | ((uint8_t) * (*at)++ & 0x3f);
    }
    return value;
}

static bool is_control(uint32_t c) {
    return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

/* Direction marks, line separators and characters without any width. The two joiners stay: emoji
 * and several scripts need them. */
static bool is_deceptive(uint32_t c) {
    return c == 0x200b || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static sio_str trim(sio_str text) {
    while (text.len > 0 && is_space(text.ptr[0])) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && is_space(text.ptr[text.len - 1])) {
        text.len--;
    }
    return text;
}

bool chat_text_clean(char *out, sio_str text, size_t max_chars, chat_lines lines) {
    sio_str trimmed = trim(text);
    const char *at = trimmed.ptr;
    const char *end = trimmed.len > 0 ? at + trimmed.len : at; /* an empty view may be NULL */
    size_t chars = 0;

    for (; at < end; chars++) {
        uint32_t c = next_char(&at, end);
        bool layout = lines == CHAT_MANY_LINES && (c == '\n' || c == '\t');
        bool hides = lines == CHAT_ONE_LINE && is_deceptive(c);
        if ((is_control(c) && !layout) || hides || chars == max_chars) {
            return false;
        }
    }
    if (chars == 0) {
        return false;
    }
    memcpy(out, trimmed.ptr, trimmed.len);
    out[trimmed.len] = '\0';
    return true;
}

void chat_text_print(FILE *stream, sio_str text) {
    const char *at = text.ptr;
    const char *end = text.len > 0 ? at + text.len : at;

    while (at < end) {
        const char *start = at;
        uint32_t c = next_char(&at, end);
        if (c == '\n') {
            fputs("\n    ", stream);
        } else if (is_control(c)) {
            fputc(c == '\t' ? '\t' : '?', stream);
        } else {
            fwrite(start, 1, (size_t)(at - start), stream);
        }
    }
}

void chat_text_print_line(FILE *stream, const char *text) {
    chat_text_print(stream, (sio_str){text, strlen(text)});
    fputc('\n', stream);
}
