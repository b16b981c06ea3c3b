/* The clocks besides the loop's own (sio_loop_now). */
#ifndef SIO_NET_CLOCK_H
#define SIO_NET_CLOCK_H

#include <stdint.h>

/* Milliseconds since 1970 of the wall clock, which an administrator may set back. Thread: any. */
uint64_t sio_clock_wall_ms(void);

/* Microseconds of the clock of sio_loop_now, read anew by each call. Thread: any. */
uint64_t sio_clock_us(void);

#endif
