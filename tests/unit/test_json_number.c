#include "support.h"

#include "json_number.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RANDOM_DOUBLES = 1000000 };

static uint64_t random_state = 42;

static uint64_t random_bits(void) {
    random_state += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t z = random_state;
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static double double_of(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static bool same_bits(double a, double b) {
    return memcmp(&a, &b, sizeof(a)) == 0;
}

static void expect_text(double value, const char *expected) {
    char text[SIO_JSON_DOUBLE_SIZE + 1] = {0};
    size_t len = sio_json_write_double(text, value);
    ck_assert_uint_eq(len, strlen(expected));
    ck_assert_str_eq(text, expected);
}

START_TEST(writes_as_javascript_does) {
    expect_text(0.0, "0");
    expect_text(-0.0, "0");
    expect_text(1.0, "1");
    expect_text(-17.0, "-17");
    expect_text(0.1, "0.1");
    expect_text(0.1 + 0.2, "0.30000000000000004");
    expect_text(1.5, "1.5");
    expect_text(-123.456, "-123.456");
    expect_text(1e20, "100000000000000000000");
    expect_text(1e21, "1e+21");
    expect_text(1.5e300, "1.5e+300");
    expect_text(123456789012345680000.0, "123456789012345680000");
    expect_text(1e-6, "0.000001");
    expect_text(1.25e-6, "0.00000125");
    expect_text(1e-7, "1e-7");
    expect_text(-1.25e-7, "-1.25e-7");
    expect_text(5e-324, "5e-324");
    expect_text(DBL_MIN, "2.2250738585072014e-308");
    expect_text(DBL_MAX, "1.7976931348623157e+308");
    expect_text(9007199254740991.0, "9007199254740991");
    expect_text(9007199254740992.0, "9007199254740992");
    expect_text(9007199254740994.0, "9007199254740994");
    expect_text(-9007199254740993e3, "-9007199254740993000");
    expect_text(2e-44, "2e-44");
    expect_text(9.5367431640625e-7, "9.5367431640625e-7");
    expect_text(NAN, "NaN");
    expect_text(INFINITY, "Infinity");
    expect_text(-INFINITY, "-Infinity");
}
END_TEST

/* The fewest digits with which printf comes back to the same double. */
static int shortest_by_libc(double value) {
    char text[64];
    for (int digits = 1; digits < 17; digits++) {
        snprintf(text, sizeof(text), "%.*e", digits - 1, value);
        if (same_bits(strtod(text, NULL), value)) {
            return digits;
        }
    }
    return 17;
}

static int count_digits(const char *text) {
    int count = 0;
    int zeros = 0;
    for (; *text != '\0' && *text != 'e'; text++) {
        if (*text == '0') {
            zeros += count > 0;
        } else if (*text >= '1' && *text <= '9') {
            count += zeros + 1;
            zeros = 0;
        }
    }
    return count;
}

static void check_round_trip(double value) {
    char text[SIO_JSON_DOUBLE_SIZE + 1] = {0};
    size_t len = sio_json_write_double(text, value);
    bool good = len <= SIO_JSON_DOUBLE_SIZE && same_bits(strtod(text, NULL), value) &&
                same_bits(sio_json_read_double(text, len), value);
    if (!good) {
        ck_abort_msg("%.17g is written %s", value, text);
    }
}

START_TEST(random_doubles_survive) {
    for (unsigned i = 0, count = test_steps(RANDOM_DOUBLES); i < count; i++) {
        double value = double_of(random_bits());
        if (isfinite(value) && value != 0) {
            check_round_trip(value);
        }
    }
}
END_TEST

START_TEST(doubles_of_every_exponent_are_shortest) {
    for (uint64_t exponent = 0; exponent < 2047; exponent++) {
        for (int i = 0; i < 12; i++) {
            uint64_t fraction = i == 0 ? 0 : i == 1 ? UINT64_MAX : random_bits();
            double value = double_of(exponent << 52 | (fraction & ((UINT64_C(1) << 52) - 1)));
            if (value == 0) {
                continue;
            }
            char text[SIO_JSON_DOUBLE_SIZE + 1] = {0};
            sio_json_write_double(text, value);
            check_round_trip(value);
            if (count_digits(text) > shortest_by_libc(value)) {
                ck_abort_msg("%.17g is written %s, which is not the shortest", value, text);
            }
        }
    }
}
END_TEST

START_TEST(short_decimals_survive) {
    char expected[64];
    for (unsigned i = 0, count = test_steps(200000); i < count; i++) {
        int64_t scaled = (int64_t)(random_bits() % 2000000000) - 1000000000;
        double value = (double)scaled / 1000;
        char text[SIO_JSON_DOUBLE_SIZE + 1] = {0};
        sio_json_write_double(text, value);
        snprintf(expected, sizeof(expected), "%.12g", value);
        if (fabs(value) >= 0.001 && strcmp(text, expected) != 0) {
            ck_abort_msg("%s is written %s", expected, text);
        }
    }
}
END_TEST

/* Against the C library, in an exact copy without NUL. */
static void check_read(const char *text) {
    size_t len = strlen(text);
    char *copy = malloc(len);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, text, len);
    double value = sio_json_read_double(copy, len);
    free(copy);
    double expected = strtod(text, NULL);
    if (!same_bits(value, expected)) {
        ck_abort_msg("%s is read as %.17g, not %.17g", text, value, expected);
    }
}

START_TEST(reads_as_the_c_library_does) {
    static const char *const texts[] = {
        "0",
        "-0",
        "0.0",
        "0e5",
        "0.000e-999999999999999999999",
        "1",
        "1e400",
        "-1e400",
        "1e-400",
        "1e99999999999999999999",
        "1e-99999999999999999999",
        "123456789012345678901234567890",
        "9007199254740993",
        "9007199254740993.0000000000000000000000000000001",
        "9007199254740992.9999999999999999999999999999999",
        "1.7976931348623157e308",
        "1.7976931348623158e308",
        "1.7976931348623159e308",
        "179769313486231580793728971405303415079934132710037826936173778980444968292764750946649017"
        "977"
        "587207096330286416692887910946555547851940402630657488671505820681908902000708383676273854"
        "8"
        "4584574643882461525166600379461098396410566174240219443100474055478",
        "2.2250738585072011e-308",
        "2.2250738585072012e-308",
        "2.2250738585072014e-308",
        "4.9406564584124654e-324",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "2."
        "47032822920623272088284396434110686182529901307162382212792841250337753635104375932649918"
        "180817996189898282347722858865463328355177969898199387398005390939063150356595155702263922"
        "90"
        "858392449105184435931802849936536152500319370457678249219365623669863658480757001585769269"
        "90"
        "370631192827955855133292783433840935197801553124659726357957462276646527282722005637400648"
        "54"
        "999770965994704540208281662262378573934507363390079677619305775067401763246736009689513405"
        "35"
        "537458516661134223766678604162159680461914467291840300530057530849048765391711386591646239"
        "52"
        "491262365388187963623937328042389101867234849766823508986338858792562830275599565752445550"
        "72"
        "551893136908362547791869486679949683240497058210285131854513962138377228261454376934125320"
        "98"
        "59132766723632812500e-324",
        "1e22",
        "1e23",
        "8.5e22",
        "0.1",
        "0.30000000000000004",
        "100000000000000016777215",
        "100000000000000016777216",
        "9223372036854775807",
        "18446744073709551615",
        "3.14159265358979323846264338327950288419716939937510",
        "7.0420557077594588669468784357561207962098443483187940792729600000e+59",
        "0.000000000000000000000000000000000000000000000000000000000000001e63",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        check_read(texts[i]);
    }
}
END_TEST

START_TEST(random_decimals_are_read_as_the_c_library_does) {
    char text[128];
    for (unsigned i = 0, count = test_steps(RANDOM_DOUBLES / 2); i < count; i++) {
        uint64_t mantissa = random_bits() >> (random_bits() % 64);
        int exponent = (int)(random_bits() % 700) - 360;
        snprintf(text, sizeof(text), "%" PRIu64 "e%d", mantissa, exponent);
        check_read(text);
        snprintf(text, sizeof(text), "%" PRIu64 "%019" PRIu64 "e%d", mantissa,
                 random_bits() % UINT64_C(10000000000000000000), exponent);
        check_read(text);
    }
}
END_TEST

/* The middle of two doubles, written out in full, and just beside it. */
START_TEST(middles_go_to_even) {
    char text[1200];
    for (int i = 0; i < 3000; i++) {
        uint64_t bits = random_bits() & INT64_MAX;
        if (i % 4 == 0) {
            bits >>= 11; /* subnormal and small */
        }
        double value = double_of(bits);
        if (!isfinite(value)) {
            continue;
        }
        double above = nextafter(value, INFINITY);
        long double middle =
            isfinite(above) ? ((long double)value + (long double)above) / 2 : value;
        int len = snprintf(text, sizeof(text) - 8, "%.780Le", middle);
        check_read(text);
        /* A digit far behind the point, where it must still tip the balance. */
        char exponent[16];
        char *e = strchr(text, 'e');
        ck_assert_ptr_nonnull(e);
        snprintf(exponent, sizeof(exponent), "%s", e);
        snprintf(e, (size_t)(text + sizeof(text) - e), "1%s", exponent);
        check_read(text);
        ck_assert_int_gt(len, 0);
    }
}
END_TEST

START_TEST(very_long_texts_are_read) {
    size_t len = 300000;
    char *text = malloc(len + 16);
    ck_assert_ptr_nonnull(text);
    memset(text, '9', len);
    text[1] = '.';
    memcpy(text + len, "e5", 3);
    check_read(text);
    memset(text, '0', len);
    text[1] = '.';
    memcpy(text + len, "1e300001", 9);
    check_read(text);
    memset(text, '0', len);
    text[0] = '1';
    memcpy(text + len, "e-299999", 9);
    check_read(text);
    free(text);
}
END_TEST

START_TEST(integers_are_exact_or_refused) {
    static const struct {
        const char *text;
        bool fits;
        int64_t value;
    } cases[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"7", true, 7},
        {"-7", true, -7},
        {"9007199254740993", true, INT64_C(9007199254740993)},
        {"9223372036854775807", true, INT64_MAX},
        {"9223372036854775808", false, 0},
        {"-9223372036854775808", true, INT64_MIN},
        {"-9223372036854775809", false, 0},
        {"99999999999999999999", false, 0},
        {"1.0", false, 0},
        {"1e3", false, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t value = 77;
        bool fits = sio_json_read_int(&value, cases[i].text, strlen(cases[i].text));
        ck_assert_int_eq(fits, cases[i].fits);
        ck_assert_int_eq(value, fits ? cases[i].value : 77);
    }
}
END_TEST

START_TEST(integers_are_written_with_all_digits) {
    char text[SIO_JSON_INT_SIZE];
    ck_assert_uint_eq(sio_json_write_int(text, INT64_MIN), 20);
    ck_assert_mem_eq(text, "-9223372036854775808", 20);
    ck_assert_uint_eq(sio_json_write_int(text, INT64_MAX), 19);
    ck_assert_mem_eq(text, "9223372036854775807", 19);
    ck_assert_uint_eq(sio_json_write_uint(text, UINT64_MAX), 20);
    ck_assert_mem_eq(text, "18446744073709551615", 20);
    ck_assert_uint_eq(sio_json_write_int(text, 0), 1);
    ck_assert_mem_eq(text, "0", 1);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("json_number");
    TCase *tc = tcase_create("json_number");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, writes_as_javascript_does);
    tcase_add_test(tc, random_doubles_survive);
    tcase_add_test(tc, doubles_of_every_exponent_are_shortest);
    tcase_add_test(tc, short_decimals_survive);
    tcase_add_test(tc, reads_as_the_c_library_does);
    tcase_add_test(tc, random_decimals_are_read_as_the_c_library_does);
    tcase_add_test(tc, middles_go_to_even);
    tcase_add_test(tc, very_long_texts_are_read);
    tcase_add_test(tc, integers_are_exact_or_refused);
    tcase_add_test(tc, integers_are_written_with_all_digits);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
