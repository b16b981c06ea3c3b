/**
 * @file client_types.h
 * @brief The objects of libsio-client and the functions it calls.
 */
#ifndef SIO_CLIENT_TYPES_H
#define SIO_CLIENT_TYPES_H

#include <sio/event.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sio_client sio_client;
typedef struct sio_socket sio_socket;

/** An event of a socket. `event` is borrowed for the call. */
typedef void (*sio_socket_fn)(sio_socket *socket, const sio_event *event, void *user);

/** An event of the client itself. `event` is borrowed for the call. */
typedef void (*sio_client_fn)(sio_client *client, const sio_event *event, void *user);

#ifdef __cplusplus
}
#endif

#endif
