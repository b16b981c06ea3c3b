/* Numbers in JSON text: exact in both directions and free of the locale. */
#ifndef SIO_SRC_JSON_NUMBER_H
#define SIO_SRC_JSON_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SIO_JSON_DOUBLE_SIZE = 32, /* holds every double: 17 digits, sign, point, exponent or zeros */
    SIO_JSON_INT_SIZE = 20     /* holds every int64_t and uint64_t */
};

/* The double nearest to a valid JSON number, ties to even; infinite when it is too large. */
double sio_json_read_double(const char *text, size_t len);

/* The integer a valid JSON number without fraction and exponent stands for. False, and nothing
 * written, when it has one of these or does not fit. */
bool sio_json_read_int(int64_t *out, const char *text, size_t len);

/* As JavaScript's Number::toString, which is JSON except for "NaN", "Infinity" and "-Infinity".
 * Returns the length. */
size_t sio_json_write_double(char out[SIO_JSON_DOUBLE_SIZE], double value);

/* In decimal. Both return the length. */
size_t sio_json_write_int(char out[SIO_JSON_INT_SIZE], int64_t value);
size_t sio_json_write_uint(char out[SIO_JSON_INT_SIZE], uint64_t value);

#endif
