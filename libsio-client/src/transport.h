/* Why a connection or request came to its end, as both transports report it. */
#ifndef SIO_CLIENT_TRANSPORT_H
#define SIO_CLIENT_TRANSPORT_H

#include <stdint.h>

typedef struct sio_transport_end {
    int err;             /* SIO_ERR_* */
    int http_status;     /* 0 when none was received */
    uint16_t close_code; /* WebSocket: 0 when it never opened */
    const char *message; /* static */
    const char *detail;  /* valid for the call, never NULL */
} sio_transport_end;

enum { SIO_TRANSPORT_DETAIL = 256 };

#endif
