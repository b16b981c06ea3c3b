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
typedef struct sio_client_loop sio_client_loop;
typedef struct sio_socket sio_socket;

/** The credentials of one CONNECT, asked for with a sio_auth_fn. */
typedef struct sio_auth_request sio_auth_request;

/** Asked for the credentials of a namespace before each CONNECT. It answers with sio_auth_answer()
 * or sio_auth_fail(), at once or later, exactly once: until then `request` belongs to it, also when
 * the connection or the client goes meanwhile. */
typedef void (*sio_auth_fn)(sio_socket *socket, sio_auth_request *request, void *user);

/** An event of a socket. `event` is borrowed for the call. */
typedef void (*sio_socket_fn)(sio_socket *socket, const sio_event *event, void *user);

/** An event of the client itself. `event` is borrowed for the call. */
typedef void (*sio_client_fn)(sio_client *client, const sio_event *event, void *user);

#ifdef __cplusplus
}
#endif

#endif
