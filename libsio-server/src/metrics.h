/* Counters as text for Prometheus (text format 0.0.4). */
#ifndef SIO_SERVER_METRICS_H
#define SIO_SERVER_METRICS_H

#include <sio/metrics.h>

/* Errors: those of the buffer. */
int sio_metrics_write(const sio_counters *counters, sio_buf *out);
/* Some of them again, for each of `count` members. */
int sio_metrics_write_members(const sio_counters *members, unsigned count, sio_buf *out);

#endif
