/**
 * @file server_types.h
 * @brief What the headers of the server share.
 *
 * Threads and callbacks: as said in <sio/server.h>.
 */
#ifndef SIO_SERVER_TYPES_H
#define SIO_SERVER_TYPES_H

#include <sio/event.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sio_server sio_server;
typedef struct sio_namespace sio_namespace;
typedef struct sio_peer sio_peer;
struct sio_adapter;

/** An event for a peer. `event` is borrowed for the call. */
typedef void (*sio_peer_fn)(sio_peer *peer, const sio_event *event, void *user);

#ifdef __cplusplus
}
#endif

#endif
