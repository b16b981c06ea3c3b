#include "bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void die(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    printf("{\"ok\":false}\n");
    fflush(stdout);
    _exit(1);
}

void bytes_reserve(bytes *b, size_t more) {
    if (b->cap - b->len >= more) {
        return;
    }
    size_t cap = b->cap ? b->cap : 256;
    while (cap < b->len + more) {
        cap *= 2;
    }
    b->data = realloc(b->data, cap);
    b->cap = cap;
    if (!b->data) {
        die("no memory");
    }
}

void bytes_add(bytes *b, const void *data, size_t len) {
    bytes_reserve(b, len);
    if (len > 0) {
        memcpy(b->data + b->len, data, len);
    }
    b->len += len;
}

void bytes_text(bytes *b, const char *text) {
    bytes_add(b, text, strlen(text));
}

void bytes_number(bytes *b, uint64_t value) {
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)value);
    bytes_add(b, digits, (size_t)len);
}

void bytes_free(bytes *b) {
    free(b->data);
    *b = (bytes){0};
}
