/* A CONNECT on its way: the namespace is found, the peer is made, the namespace's middlewares are
 * asked, and at the end the client is in or is refused. */
#ifndef SIO_SERVER_CONNECT_H
#define SIO_SERVER_CONNECT_H

#include "conn.h"

/* The session's slot is pending. What cannot be started for want of memory ends the connection.
 * `auth` is copied. */
void sio_connect_start(sio_conn *conn, uint16_t slot, sio_str auth);

/* The connection has ended: all of its, without a word to the client. */
void sio_connect_abandon_all(sio_conn *conn);

#endif
