/* Reading follows Lemire, "Number parsing at a gigabyte per second" (2021): the decimal mantissa
 * times a 128-bit power of ten decides all numbers of up to 19 digits; longer ones that fall close
 * to the middle of two doubles are compared exactly. Writing follows Giulietti, "The Schubfach way
 * to render doubles" (2020): the shortest digits that read back the same, of these the nearest. */
#include "json_number.h"

#include "json_pow10.h"

#include <string.h>

enum {
    FRACTION_BITS = 52,
    EXPONENT_BIAS = 1023,
    EXPONENT_MAX = 2047, /* the biased exponent of infinity */
    WORD_DIGITS = 19     /* decimal digits that always fit in 64 bits */
};

#define HIDDEN_BIT (UINT64_C(1) << FRACTION_BITS)

typedef struct wide {
    uint64_t high;
    uint64_t low;
} wide;

static wide multiply(uint64_t a, uint64_t b) {
#ifdef __SIZEOF_INT128__
    unsigned __int128 product = (unsigned __int128)a * b;
    return (wide){(uint64_t)(product >> 64), (uint64_t)product};
#else
    uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    uint64_t low = a0 * b0;
    uint64_t mid = a1 * b0 + (low >> 32);
    uint64_t mid2 = a0 * b1 + (uint32_t)mid;
    return (wide){a1 * b1 + (mid >> 32) + (mid2 >> 32), mid2 << 32 | (uint32_t)low};
#endif
}

static int leading_zeros(uint64_t value) {
#ifdef __GNUC__
    return __builtin_clzll(value);
#else
    int count = 0;
    for (; (value >> 63) == 0; value <<= 1) {
        count++;
    }
    return count;
#endif
}

static double from_bits(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static uint64_t to_bits(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

/* The table holds the power rounded down plus 1. Reading wants it rounded down, but rounded up
 * where the division by a small power of five may come out even. */
static wide power_for_reading(int exponent) {
    const uint64_t *entry = pow10_table[exponent - POW10_FIRST];
    wide power = {entry[0], entry[1]};
    if (exponent >= 0 || exponent < -27) {
        power.high -= power.low == 0;
        power.low--;
    }
    return power;
}

/* The bits of the double nearest to mantissa * 10^exponent. */
static uint64_t nearest_double(uint64_t mantissa, int64_t exponent) {
    const uint64_t infinity = (uint64_t)EXPONENT_MAX << FRACTION_BITS;
    if (mantissa == 0 || exponent < POW10_FIRST) {
        return 0;
    }
    if (exponent > 308) {
        return infinity;
    }
    int power10 = (int)exponent;
    int zeros = leading_zeros(mantissa);
    wide power = power_for_reading(power10);
    wide product = multiply(mantissa << zeros, power.high);
    uint64_t carry = multiply(mantissa << zeros, power.low).high;
    product.low += carry;
    product.high += product.low < carry;

    int top = (int)(product.high >> 63);
    int shift = top + 64 - FRACTION_BITS - 3;
    uint64_t bits = product.high >> shift; /* 54 of them: one more than a double has */
    /* 217706 / 2^16 is log2(10). */
    int biased = (int)(((int64_t)217706 * power10) >> 16) + 63 + top - zeros + EXPONENT_BIAS;
    if (biased <= 0) {
        if (biased <= -63) {
            return 0;
        }
        bits >>= 1 - biased;
        return (bits + (bits & 1)) >> 1; /* a carry into the exponent is the smallest normal */
    }
    /* Exactly in the middle, which only small powers of five can hit: down to even. */
    if (product.low <= 1 && power10 >= -4 && power10 <= 23 && (bits & 3) == 1 &&
        bits << shift == product.high) {
        bits &= ~UINT64_C(1);
    }
    bits = (bits + (bits & 1)) >> 1;
    if (bits == HIDDEN_BIT << 1) {
        bits >>= 1;
        biased++;
    }
    return biased >= EXPONENT_MAX ? infinity
                                  : (uint64_t)biased << FRACTION_BITS | (bits & (HIDDEN_BIT - 1));
}

/* A number taken apart: value = 0.d1d2d3... * 10^point, d1 not 0. */
typedef struct decimal {
    bool negative;
    const char *digits; /* at the first digit that is not 0; a '.' may stand between */
    const char *end;    /* behind the last digit */
    uint64_t word;      /* the first WORD_DIGITS digits */
    size_t count;       /* of digits, trailing zeros included */
    bool more;          /* there are digits other than 0 behind `word` */
    int64_t point;
} decimal;

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Zeros in front of or behind the point can outweigh an exponent of ten digits, because a text may
 * have almost 4 GiB, but none larger. */
static int64_t read_exponent(const char *at, const char *end) {
    const int64_t saturated = INT64_C(1000000000000);
    int64_t value = 0;
    bool negative = false;
    if (at < end && (*at == '+' || *at == '-')) {
        negative = *at++ == '-';
    }
    for (; at < end && value < saturated; at++) {
        value = value * 10 + (*at - '0');
    }
    return negative ? -value : value;
}

static void take_apart(decimal *out, const char *text, size_t len) {
    const char *at = text;
    const char *end = text + len;
    *out = (decimal){.negative = *at == '-'};
    at += out->negative;
    bool fraction = false;
    for (; at < end && (is_digit(*at) || *at == '.'); at++) {
        if (*at == '.') {
            fraction = true;
            continue;
        }
        if (out->count == 0 && *at == '0') {
            out->point -= fraction;
            continue;
        }
        if (out->count == 0) {
            out->digits = at;
        }
        out->point += !fraction;
        if (out->count < WORD_DIGITS) {
            out->word = out->word * 10 + (uint64_t)(*at - '0');
        } else {
            out->more = out->more || *at != '0';
        }
        out->count++;
    }
    out->end = at;
    if (at < end) {
        out->point += read_exponent(at + 1, end);
    }
}

/* A large natural number, least significant limb first. The exact comparison needs 769 decimal
 * digits or 5^1093 times 54 bits, both below 2600 bits. */
enum { LIMBS = 96 };

typedef struct big {
    uint32_t limb[LIMBS];
    size_t count;
} big;

static void big_push(big *b, uint32_t limb) {
    if (b->count < LIMBS) {
        b->limb[b->count++] = limb;
    }
}

static void big_multiply_add(big *b, uint32_t factor, uint32_t addend) {
    uint64_t carry = addend;
    for (size_t i = 0; i < b->count; i++) {
        carry += (uint64_t)b->limb[i] * factor;
        b->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry != 0) {
        big_push(b, (uint32_t)carry);
    }
}

static void big_multiply_pow5(big *b, int64_t exponent) {
    enum { POW5_13 = 1220703125 };
    for (; exponent >= 13; exponent -= 13) {
        big_multiply_add(b, POW5_13, 0);
    }
    for (; exponent > 0; exponent--) {
        big_multiply_add(b, 5, 0);
    }
}

static void big_shift(big *b, int64_t bits) {
    for (; bits >= 32; bits -= 31) {
        big_multiply_add(b, UINT32_C(1) << 31, 0);
    }
    big_multiply_add(b, UINT32_C(1) << bits, 0);
}

static int big_compare(const big *a, const big *b) {
    if (a->count != b->count) {
        return a->count < b->count ? -1 : 1;
    }
    for (size_t i = a->count; i-- > 0;) {
        if (a->limb[i] != b->limb[i]) {
            return a->limb[i] < b->limb[i] ? -1 : 1;
        }
    }
    return 0;
}

/* The digits as a natural number; returns how many were taken. No middle of two doubles has more
 * than 768 digits, so behind these it only matters whether anything is left. */
static size_t big_from_digits(big *out, const decimal *number, bool *left) {
    enum { DIGITS_MAX = 769 };
    out->count = 0;
    size_t taken = 0;
    *left = false;
    for (const char *at = number->digits; at < number->end; at++) {
        if (*at == '.') {
            continue;
        }
        if (taken < DIGITS_MAX) {
            big_multiply_add(out, 10, (uint32_t)(*at - '0'));
            taken++;
        } else if (*at != '0') {
            *left = true;
            break;
        }
    }
    return taken;
}

/* Is the number below (-1), at (0) or above (1) the middle between this double and the next? */
static int compare_with_middle(const decimal *number, uint64_t bits) {
    uint64_t biased = bits >> FRACTION_BITS;
    uint64_t mantissa = bits & (HIDDEN_BIT - 1);
    if (biased != 0) {
        mantissa |= HIDDEN_BIT;
    }
    int64_t power2 = (int64_t)(biased != 0 ? biased : 1) - EXPONENT_BIAS - FRACTION_BITS - 1;
    uint64_t twice = mantissa * 2 + 1; /* middle = twice * 2^power2 */
    big middle = {.limb = {(uint32_t)twice, (uint32_t)(twice >> 32)}, .count = 2};
    if (middle.limb[1] == 0) {
        middle.count = 1;
    }

    big value;
    bool left;
    size_t taken = big_from_digits(&value, number, &left);
    int64_t power10 = number->point - (int64_t)taken; /* number = value * 10^power10 */
    big_multiply_pow5(power10 >= 0 ? &value : &middle, power10 >= 0 ? power10 : -power10);
    if (power10 > power2) {
        big_shift(&value, power10 - power2);
    } else {
        big_shift(&middle, power2 - power10);
    }
    int order = big_compare(&value, &middle);
    return order == 0 && left ? 1 : order;
}

double sio_json_read_double(const char *text, size_t len) {
    decimal number;
    take_apart(&number, text, len);
    size_t used = number.count < WORD_DIGITS ? number.count : WORD_DIGITS;
    int64_t exponent = number.point - (int64_t)used;
    uint64_t bits = nearest_double(number.word, exponent);
    if (number.more) {
        /* The number lies between word and word + 1. */
        uint64_t above = nearest_double(number.word + 1, exponent);
        if (above != bits) {
            int order = compare_with_middle(&number, bits);
            bits = order > 0 || (order == 0 && (bits & 1) != 0) ? above : bits;
        }
    }
    return from_bits(bits | (uint64_t)number.negative << 63);
}

bool sio_json_read_int(int64_t *out, const char *text, size_t len) {
    bool negative = text[0] == '-';
    uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    uint64_t value = 0;
    for (size_t i = negative; i < len; i++) {
        if (!is_digit(text[i])) {
            return false;
        }
        uint64_t digit = (uint64_t)(text[i] - '0');
        if (value > limit / 10 || value * 10 > limit - digit) {
            return false;
        }
        value = value * 10 + digit;
    }
    /* The two steps keep -2^63 from overflowing on the way. */
    *out = negative && value != 0 ? -(int64_t)(value - 1) - 1 : (int64_t)value;
    return true;
}

/* The bits of factor * power / 2^128 in front of the point; the last bit is set when anything was
 * cut off, so that comparisons still see it. */
static uint64_t scale_to_odd(const uint64_t power[2], uint64_t factor) {
    wide low = multiply(power[1], factor);
    wide high = multiply(power[0], factor);
    high.low += low.high;
    high.high += high.low < low.high;
    return high.high | (high.low > 1);
}

/* Shortest decimal digits * 10^exponent of a positive finite double. */
static uint64_t shortest_digits(int *exponent, uint64_t bits) {
    uint64_t fraction = bits & (HIDDEN_BIT - 1);
    int biased = (int)(bits >> FRACTION_BITS);
    uint64_t c = biased != 0 ? fraction | HIDDEN_BIT : fraction;
    int q = (biased != 0 ? biased : 1) - EXPONENT_BIAS - FRACTION_BITS;
    bool uneven =
        fraction == 0 && biased > 1; /* the next double below is nearer than the one above */
    /* 1262611 / 2^22 is log10(2), 524031 / 2^22 is log10(4/3), 1741647 / 2^19 is log2(10). */
    int k = (q * 1262611 - (uneven ? 524031 : 0)) >> 22;
    int shift = q + ((-k * 1741647) >> 19) + 1;
    const uint64_t *power = pow10_table[-k - POW10_FIRST];

    /* What reads back as this double lies between lower and upper, all times 4 * 10^-k. */
    uint64_t open = c & 1; /* even ones own their borders */
    uint64_t lower = scale_to_odd(power, (4 * c - 2 + uneven) << shift) + open;
    uint64_t value = scale_to_odd(power, (4 * c) << shift);
    uint64_t upper = scale_to_odd(power, (4 * c + 2) << shift) - open;

    uint64_t digits = value / 4;
    if (digits >= 10) {
        uint64_t tens = digits / 10;
        bool down = lower <= 40 * tens;
        bool up = 40 * tens + 40 <= upper;
        if (down != up) {
            *exponent = k + 1;
            return tens + up;
        }
    }
    *exponent = k;
    bool down = lower <= 4 * digits;
    bool up = 4 * digits + 4 <= upper;
    if (down != up) {
        return digits + up;
    }
    uint64_t middle = 4 * digits + 2;
    return digits + (value > middle || (value == middle && (digits & 1) != 0));
}

static size_t put_uint(char *out, uint64_t value) {
    char digits[SIO_JSON_INT_SIZE];
    size_t first = sizeof(digits);
    do {
        digits[--first] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    memcpy(out, digits + first, sizeof(digits) - first);
    return sizeof(digits) - first;
}

size_t sio_json_write_uint(char out[SIO_JSON_INT_SIZE], uint64_t value) {
    return put_uint(out, value);
}

size_t sio_json_write_int(char out[SIO_JSON_INT_SIZE], int64_t value) {
    if (value >= 0) {
        return put_uint(out, (uint64_t)value);
    }
    out[0] = '-';
    return 1 + put_uint(out + 1, ~(uint64_t)value + 1);
}

static size_t put(char *out, const char *text, size_t len) {
    memcpy(out, text, len);
    return len;
}

static size_t put_zeros(char *out, int count) {
    memset(out, '0', (size_t)count);
    return (size_t)count;
}

static size_t put_exponent_form(char *out, const char *digits, int count, int exponent) {
    size_t len = put(out, digits, 1);
    if (count > 1) {
        out[len++] = '.';
        len += put(out + len, digits + 1, (size_t)count - 1);
    }
    out[len++] = 'e';
    out[len++] = exponent < 0 ? '-' : '+';
    return len + put_uint(out + len, (uint64_t)(exponent < 0 ? -exponent : exponent));
}

/* ECMA-262, Number::toString: `point` is where the decimal point stands in the digits. */
static size_t put_layout(char *out, const char *digits, int count, int point) {
    size_t len = 0;
    if (point > 21 || point < -5) {
        return put_exponent_form(out, digits, count, point - 1);
    }
    if (count <= point) {
        len += put(out, digits, (size_t)count);
        return len + put_zeros(out + len, point - count);
    }
    if (point > 0) {
        len += put(out, digits, (size_t)point);
        out[len++] = '.';
        return len + put(out + len, digits + point, (size_t)(count - point));
    }
    len += put(out, "0.", 2);
    len += put_zeros(out + len, -point);
    return len + put(out + len, digits, (size_t)count);
}

size_t sio_json_write_double(char out[SIO_JSON_DOUBLE_SIZE], double value) {
    const double integers = 9007199254740992.0; /* 2^53: all digits count below */
    if (value > -integers && value < integers && value == (double)(int64_t)value) {
        return sio_json_write_int(out, (int64_t)value);
    }
    uint64_t bits = to_bits(value);
    size_t len = 0;
    uint64_t magnitude = bits & ~(UINT64_C(1) << 63);
    if (magnitude > (uint64_t)EXPONENT_MAX << FRACTION_BITS) {
        return put(out, "NaN", 3);
    }
    if (bits != magnitude) {
        out[len++] = '-';
    }
    if (magnitude == (uint64_t)EXPONENT_MAX << FRACTION_BITS) {
        return len + put(out + len, "Infinity", 8);
    }
    int exponent;
    char digits[SIO_JSON_INT_SIZE];
    int count = (int)sio_json_write_uint(digits, shortest_digits(&exponent, magnitude));
    int point = count + exponent;
    while (count > 1 && digits[count - 1] == '0') {
        count--;
    }
    return len + put_layout(out + len, digits, count, point);
}
