/* Why a connection or request came to its end, as both transports report it. */
#ifndef SIO_CLIENT_TRANSPORT_H
#define SIO_CLIENT_TRANSPORT_H

#include <sio/client_error.h>

typedef struct sio_transport_end {
    int err;         /* SIO_ERR_* */
    int http_status; /* 0 when none was received */
    sio_client_stage stage;
    int sys;             /* errno, 0 when none applies */
    uint16_t close_code; /* WebSocket: 0 when it never opened */
    const char *message; /* static */
    const char *detail;  /* valid for the call, never NULL */
} sio_transport_end;

/* How far a connection comes before it fails like this. `carried` is what it carries when it is
 * merely cut. */
sio_client_stage sio_client_stage_of(int err, sio_client_stage carried);

enum { SIO_TRANSPORT_DETAIL = 256 };

#endif
