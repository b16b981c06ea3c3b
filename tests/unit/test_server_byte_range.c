#include "support.h"

#include "byte_range.h"

#include <string.h>

static const struct {
    const char *header;
    uint64_t size;
    sio_range_verdict want;
    uint64_t first, len;
} cases[] = {
    {"bytes=0-0", 10, SIO_RANGE_PART, 0, 1},
    {"bytes=2-5", 10, SIO_RANGE_PART, 2, 4},
    {"bytes=2-", 10, SIO_RANGE_PART, 2, 8},
    {"bytes=-3", 10, SIO_RANGE_PART, 7, 3},
    {"bytes=-30", 10, SIO_RANGE_PART, 0, 10},
    {"bytes=0-9", 10, SIO_RANGE_PART, 0, 10},
    {"bytes=9-999", 10, SIO_RANGE_PART, 9, 1},
    {"Bytes= 2-5 ", 10, SIO_RANGE_PART, 2, 4},
    {"bytes=0-18446744073709551615", 10, SIO_RANGE_PART, 0, 10},
    {"bytes=0-99999999999999999999999", 10, SIO_RANGE_PART, 0, 10},
    {"bytes=-99999999999999999999999", 10, SIO_RANGE_PART, 0, 10},
    {"bytes=10-", 10, SIO_RANGE_NEVER, 0, 0},
    {"bytes=10-20", 10, SIO_RANGE_NEVER, 0, 0},
    {"bytes=-0", 10, SIO_RANGE_NEVER, 0, 0},
    {"bytes=18446744073709551615-", 10, SIO_RANGE_NEVER, 0, 0},
    {"bytes=99999999999999999999999-", 10, SIO_RANGE_NEVER, 0, 0},
    {"bytes=5-2", 10, SIO_RANGE_WHOLE, 0, 0},
    {"bytes=0-1,3-4", 10, SIO_RANGE_WHOLE, 0, 0},
    {"bytes=0-1,", 10, SIO_RANGE_WHOLE, 0, 0},
    {"bytes=", 10, SIO_RANGE_WHOLE, 0, 0},
    {"bytes=-", 10, SIO_RANGE_WHOLE, 0, 0},
    {"bytes=--1", 10, SIO_RANGE_WHOLE, 0, 0},
    {"bytes=1", 10, SIO_RANGE_WHOLE, 0, 0},
    {"bytes=a-b", 10, SIO_RANGE_WHOLE, 0, 0},
    {"bytes=1-2x", 10, SIO_RANGE_WHOLE, 0, 0},
    {"bytes=1 -2", 10, SIO_RANGE_WHOLE, 0, 0},
    {"bytes=+1-2", 10, SIO_RANGE_WHOLE, 0, 0},
    {"lines=1-2", 10, SIO_RANGE_WHOLE, 0, 0},
    {"bytes 1-2", 10, SIO_RANGE_WHOLE, 0, 0},
    {"byte", 10, SIO_RANGE_WHOLE, 0, 0},
    {"", 10, SIO_RANGE_WHOLE, 0, 0},
    {"bytes=0-", 0, SIO_RANGE_WHOLE, 0, 0},
    {"bytes=-1", 0, SIO_RANGE_WHOLE, 0, 0},
    {"bytes=0-", UINT64_MAX, SIO_RANGE_PART, 0, UINT64_MAX},
};

START_TEST(reads_one_range) {
    sio_byte_range range = {7, 7};
    sio_str header = {cases[_i].header, strlen(cases[_i].header)};
    ck_assert_msg(sio_byte_range_read(&range, header, cases[_i].size) == cases[_i].want, "%s",
                  cases[_i].header);
    if (cases[_i].want == SIO_RANGE_PART) {
        ck_assert_uint_eq(range.first, cases[_i].first);
        ck_assert_uint_eq(range.len, cases[_i].len);
    } else {
        ck_assert_uint_eq(range.first, 7);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server_byte_range");
    TCase *tc = tcase_create("all");
    tcase_add_loop_test(tc, reads_one_range, 0, sizeof(cases) / sizeof(cases[0]));
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
