#include "support.h"

#include <sio/backoff.h>

/* The 64 random bits that make the reference's random number `share`. */
static uint64_t bits_of(double share) {
    return (uint64_t)(share * 0x1p53) << 11;
}

START_TEST(doubles_from_the_minimum_to_the_ceiling) {
    sio_backoff b;
    sio_backoff_init(&b, 1000, 5000, 0);
    static const uint32_t expected[] = {1000, 2000, 4000, 5000, 5000};
    for (size_t i = 0; i < 5; i++) {
        ck_assert_uint_eq(b.attempts, i);
        ck_assert_uint_eq(sio_backoff_next(&b, UINT64_MAX), expected[i]);
    }
    sio_backoff_reset(&b);
    ck_assert_uint_eq(b.attempts, 0);
    ck_assert_uint_eq(sio_backoff_next(&b, 0), 1000);
}
END_TEST

/* Expected values computed with the reference's formula; the shares are sums of few powers of two,
 * so that they are exact. */
START_TEST(deviates_as_the_reference_does) {
    static const struct {
        double share;
        uint32_t first, second, third;
    } rows[] = {
        {0, 1000, 2000, 4000},    {0.0625, 969, 1938, 3875},    {0.15625, 1078, 2156, 4312},
        {0.25, 875, 1750, 3500},  {0.375, 1187, 2375, 4750},    {0.5625, 1281, 2562, 5000},
        {0.875, 563, 1125, 2250}, {0.953125, 1476, 2953, 5000},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        sio_backoff b;
        sio_backoff_init(&b, 1000, 5000, 0.5);
        uint64_t random = bits_of(rows[i].share);
        ck_assert_uint_eq(sio_backoff_next(&b, random), rows[i].first);
        ck_assert_uint_eq(sio_backoff_next(&b, random), rows[i].second);
        ck_assert_uint_eq(sio_backoff_next(&b, random), rows[i].third);
    }
}
END_TEST

START_TEST(stays_within_the_measured_ranges) {
    static const struct {
        uint32_t low, high;
    } ranges[] = {{551, 1499}, {1101, 2999}, {2201, 5000}, {4401, 5000}, {5000, 5000}};
    uint64_t random = 1;
    for (int round = 0; round < 20000; round++) {
        sio_backoff b;
        sio_backoff_init(&b, 1000, 5000, 0.5);
        for (size_t i = 0; i < 5; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            uint32_t delay = sio_backoff_next(&b, random);
            ck_assert_uint_ge(delay, ranges[i].low - 1);
            ck_assert_uint_le(delay, ranges[i].high);
        }
    }
}
END_TEST

START_TEST(many_attempts_stay_at_the_ceiling) {
    sio_backoff b;
    sio_backoff_init(&b, 1, UINT32_MAX, 1);
    for (int i = 0; i < 5000; i++) {
        uint32_t delay = sio_backoff_next(&b, bits_of(0.8999999));
        if (i > 36) {
            ck_assert_uint_eq(delay, UINT32_MAX);
        }
    }
    b.attempts = UINT32_MAX;
    ck_assert_uint_eq(sio_backoff_next(&b, 0), UINT32_MAX);
    ck_assert_uint_eq(b.attempts, UINT32_MAX);
}
END_TEST

START_TEST(defaults_and_bad_jitter) {
    sio_backoff b;
    sio_backoff_init(&b, 0, 0, 1.5);
    ck_assert_uint_eq(sio_backoff_next(&b, UINT64_MAX), 100);
    for (int i = 0; i < 20; i++) {
        sio_backoff_next(&b, UINT64_MAX);
    }
    ck_assert_uint_eq(sio_backoff_next(&b, UINT64_MAX), 10000);
    sio_backoff_init(&b, 7000, 5000, -1);
    ck_assert_uint_eq(sio_backoff_next(&b, UINT64_MAX), 5000);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("backoff");
    TCase *tc = tcase_create("backoff");
    tcase_add_test(tc, doubles_from_the_minimum_to_the_ceiling);
    tcase_add_test(tc, deviates_as_the_reference_does);
    tcase_add_test(tc, stays_within_the_measured_ranges);
    tcase_add_test(tc, many_attempts_stay_at_the_ceiling);
    tcase_add_test(tc, defaults_and_bad_jitter);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
