/**
 * @file client.h
 * @brief The Socket.IO client.
 */
#ifndef SIO_CLIENT_H
#define SIO_CLIENT_H

#include <sio/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The version of the libsio-client that is linked in, which may differ from that of libsio-proto
 * (sio_version).
 * @return static text, never freed. Callable from any thread. */
SIO_API const char *sio_client_version(void);

#ifdef __cplusplus
}
#endif

#endif
