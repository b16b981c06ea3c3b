#include "net_support.h"

#include "net/clock.h"

#include <time.h>

START_TEST(wall_clock_is_the_time_of_day) {
    uint64_t before = (uint64_t)time(NULL);
    uint64_t ms = sio_clock_wall_ms();
    uint64_t after = (uint64_t)time(NULL);
    /* time() may be read from a coarser clock. */
    ck_assert_uint_ge(ms / 1000 + 1, before);
    ck_assert_uint_le(ms / 1000, after + 1);
}
END_TEST

START_TEST(microseconds_are_of_the_loops_clock) {
    sio_loop *loop = net_loop(NULL);
    uint64_t before = sio_clock_us();
    sio_time now = sio_loop_now(loop);
    uint64_t after = sio_clock_us();
    ck_assert_uint_le(before / 1000, now);
    ck_assert_uint_le(now, after / 1000);
    sio_loop_free(loop);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("net_clock");
    TCase *tc = tcase_create("net_clock");
    tcase_set_timeout(tc, 30);
    tcase_add_test(tc, wall_clock_is_the_time_of_day);
    tcase_add_test(tc, microseconds_are_of_the_loops_clock);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
