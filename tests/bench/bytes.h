/* A growing buffer, and the end of a load driver that has found a fault: it has nobody to hide it
 * from. */
#ifndef TESTS_BENCH_BYTES_H
#define TESTS_BENCH_BYTES_H

#include <stddef.h>
#include <stdint.h>

void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

typedef struct bytes {
    char *data;
    size_t len;
    size_t cap;
} bytes;

/* Room for `more` behind `len`. */
void bytes_reserve(bytes *b, size_t more);
void bytes_add(bytes *b, const void *data, size_t len);
void bytes_text(bytes *b, const char *text);
void bytes_number(bytes *b, uint64_t value);
void bytes_free(bytes *b);

#endif
