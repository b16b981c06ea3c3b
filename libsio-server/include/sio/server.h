/**
 * @file server.h
 * @brief The Socket.IO server.
 */
#ifndef SIO_SERVER_H
#define SIO_SERVER_H

#include <sio/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The version of the libsio-server that is linked in, which may differ from that of libsio-proto
 * (sio_version).
 * @return static text, never freed. Callable from any thread. */
SIO_API const char *sio_server_version(void);

#ifdef __cplusplus
}
#endif

#endif
