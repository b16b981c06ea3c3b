#include "net/log.h"

#include <stdarg.h>
#include <stdio.h>

enum { LOG_TEXT_MAX = 1024 };

/* A peer's bytes must not be able to forge lines or drive a terminal. */
static void escape(char *out, size_t room, const char *text) {
    static const char digits[] = "0123456789abcdef";
    size_t at = 0;
    for (; *text != '\0' && at + 5 <= room; text++) {
        unsigned char c = (unsigned char)*text;
        if (c >= 0x20 && c != 0x7f) {
            out[at++] = (char)c;
        } else {
            out[at++] = '\\';
            out[at++] = 'x';
            out[at++] = digits[c >> 4];
            out[at++] = digits[c & 15];
        }
    }
    out[at] = '\0';
}

void sio_log_write(const sio_log *log, int level, const char *scope, const char *format, ...) {
    char raw[LOG_TEXT_MAX];
    char text[LOG_TEXT_MAX];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(raw, sizeof raw, format, args);
    va_end(args);
    if (n < 0) {
        return;
    }
    escape(text, sizeof text, raw);
    log->fn(log->user, level, scope, text);
}
