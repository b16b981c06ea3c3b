/* Range requests: which part of a file is asked for (RFC 9110 §14). */
#ifndef SIO_SERVER_BYTE_RANGE_H
#define SIO_SERVER_BYTE_RANGE_H

#include <sio/types.h>

typedef struct sio_byte_range {
    uint64_t first;
    uint64_t len; /* at least 1 */
} sio_byte_range;

typedef enum sio_range_verdict {
    SIO_RANGE_WHOLE, /* none that we serve: the answer is the whole file */
    SIO_RANGE_PART,  /* `out` is that part */
    SIO_RANGE_NEVER, /* it lies behind the end: 416 */
} sio_range_verdict;

/* Read a Range header for a file of this size. Several ranges at once are answered with the whole,
 * as a server may: what they would save, their framing mostly costs, and overlapping ones are a way
 * to attack. */
sio_range_verdict sio_byte_range_read(sio_byte_range *out, sio_str header, uint64_t size);

#endif
