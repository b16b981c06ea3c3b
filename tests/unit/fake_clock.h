/* A clock that stands still until the test moves it. The executable is linked so that the loop's
 * clock_gettime, timerfd_create and timerfd_settime come here (see meson.build): the real timers
 * run, at once and in the same order on every machine. */
#ifndef TESTS_UNIT_FAKE_CLOCK_H
#define TESTS_UNIT_FAKE_CLOCK_H

#include <stdint.h>

uint64_t fake_clock_now(void);

/* Timers that are due then fire in the next turn of their loop. */
void fake_clock_advance(uint64_t ms);

#endif
