/* JSON numbers against the C library: eight bytes as a double and as integers, and all of the input
 * as the text of a number. Reading is correctly rounded, and what is printed is the shortest text
 * that reads back the same, in JavaScript's form (ECMA-262, Number::toString). */
#include <sio/json.h>

#include "draw.h"
#include "json_number.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

enum { TEXT_MAX = 400 };

/* The fewest digits with which "%e" reads back the same. */
static int shortest(double value, char digits[32], int *exponent) {
    for (int precision = 0; precision <= 16; precision++) {
        char text[40];
        snprintf(text, sizeof(text), "%.*e", precision, fabs(value));
        if (strtod(text, NULL) == fabs(value)) {
            char *e = strchr(text, 'e');
            *exponent = atoi(e + 1);
            digits[0] = text[0];
            memcpy(digits + 1, text + 2, (size_t)precision);
            digits[precision + 1] = '\0';
            return precision + 1;
        }
    }
    abort();
}

/* How many significant digits a printed number has, and the power of ten of the first one. */
static int significant(const char *text, size_t len, int *exponent) {
    int count = 0;
    int zeros = 0;
    int point = 0;
    bool behind = false;
    bool begun = false;
    *exponent = 0;
    for (size_t i = text[0] == '-'; i < len; i++) {
        if (text[i] == 'e') {
            *exponent += atoi(text + i + 1);
            break;
        }
        if (text[i] == '.') {
            behind = true;
            continue;
        }
        begun = begun || text[i] != '0';
        point += !behind && begun;
        point -= behind && !begun;
        zeros = !begun ? 0 : text[i] == '0' ? zeros + 1 : 0;
        count += begun;
    }
    *exponent += point - 1;
    return count - zeros;
}

static void check_form(const char *text, size_t len, double value) {
    double size = fabs(value);
    bool exponent = memchr(text, 'e', len) != NULL;
    REQUIRE(exponent == (size >= 1e21 || (size < 1e-6 && size > 0)));
    REQUIRE(sio_json_validate(text, len, 0) == 0);
    REQUIRE((text[0] == '-') == (value < 0));
}

static void try_double(double value) {
    char text[SIO_JSON_DOUBLE_SIZE + 1];
    size_t len = sio_json_write_double(text, value);
    REQUIRE(len < sizeof(text));
    text[len] = '\0';
    if (!isfinite(value)) {
        REQUIRE(strcmp(text, isnan(value) ? "NaN" : value < 0 ? "-Infinity" : "Infinity") == 0);
        return;
    }
    check_form(text, len, value);
    REQUIRE(strtod(text, NULL) == value);
    REQUIRE(sio_json_read_double(text, len) == value);
    if (value != 0) {
        char digits[32];
        int expected_exponent;
        int exponent;
        int expected = shortest(value, digits, &expected_exponent);
        REQUIRE(significant(text, len, &exponent) == expected || expected == 17);
        REQUIRE(exponent == expected_exponent);
    }
}

static void try_integers(uint64_t bits) {
    char text[SIO_JSON_INT_SIZE];
    char expected[32];
    int64_t value = (int64_t)bits;
    int64_t again = 0;
    size_t len = sio_json_write_int(text, value);
    snprintf(expected, sizeof(expected), "%lld", (long long)value);
    REQUIRE(same_bytes(text, len, expected, strlen(expected)));
    REQUIRE(sio_json_read_int(&again, text, len) && again == value);
    len = sio_json_write_uint(text, bits);
    snprintf(expected, sizeof(expected), "%llu", (unsigned long long)bits);
    REQUIRE(same_bytes(text, len, expected, strlen(expected)));
    REQUIRE(sio_json_read_int(&again, text, len) == (bits <= INT64_MAX));
}

/* A number of JSON's grammar, which the C library reads too. */
static void try_text(const uint8_t *data, size_t size) {
    char text[TEXT_MAX + 1];
    size_t len = size < TEXT_MAX ? size : TEXT_MAX;
    if (len == 0 || (data[0] != '-' && (data[0] < '0' || data[0] > '9'))) {
        return;
    }
    memcpy(text, data, len);
    text[len] = '\0';
    len = strspn(text, "-+.0123456789eE");
    text[len] = '\0';
    if (sio_json_validate(text, len, 0) != 0) {
        return;
    }
    char *exact = draw_copy(text, len);
    double expected = strtod(text, NULL);
    double found = sio_json_read_double(exact, len);
    REQUIRE(memcmp(&found, &expected, sizeof(found)) == 0);
    int64_t whole = 7;
    bool plain = strcspn(text, ".eE") == len;
    if (sio_json_read_int(&whole, exact, len)) {
        char again[32];
        snprintf(again, sizeof(again), "%lld", (long long)whole);
        REQUIRE(plain && (strcmp(again, text) == 0 || strcmp(text, "-0") == 0));
    } else {
        REQUIRE(whole == 7 && (!plain || fabs(expected) >= 9223372036854775807.0));
    }
    free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    draw in = {data, size};
    while (in.left > 0 && in.left <= 64) {
        uint64_t bits = draw_number(&in, 8);
        double value;
        memcpy(&value, &bits, sizeof(value));
        try_double(value);
        try_double((double)(int64_t)bits);
        try_integers(bits);
        try_integers(bits >> (bits & 63));
    }
    try_text(data, size);
    return 0;
}
