/* So many lines of log a second for each scope, and how many were left out: whoever makes a server
 * complain must not fill its disk. */
#ifndef SIO_NET_LOG_LIMIT_H
#define SIO_NET_LOG_LIMIT_H

#include <sio/types.h>

/* Scopes beyond these share the last place. */
enum { SIO_LOG_LIMIT_SCOPES = 24, SIO_LOG_LIMIT_MS = 1000 };

typedef struct sio_log_scope {
    const char *name;
    sio_time since;    /* its second began then */
    uint32_t lines;    /* written in it */
    uint32_t left_out; /* not written since the last report */
} sio_log_scope;

typedef struct sio_log_limit {
    uint32_t per_second; /* 0: no limit */
    sio_log_scope scopes[SIO_LOG_LIMIT_SCOPES];
} sio_log_limit;

/* Whether this line is to be written. If not it is counted.
 * `scope` must live as long as the limit, as literals do. */
bool sio_log_limit_take(sio_log_limit *limit, const char *scope, sio_time now);

/* A scope of which lines were left out since this was last asked; NULL when there is none. */
const char *sio_log_limit_report(sio_log_limit *limit, uint32_t *left_out);

#endif
