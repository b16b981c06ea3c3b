/* Credentials of clients of Socket.IO 2.x: they come as the query of the namespace in CONNECT. */
#ifndef SIO_SERVER_OLD_AUTH_H
#define SIO_SERVER_OLD_AUTH_H

#include <sio/buffer.h>

/* Parameters behind these are ignored: the comparison of their names must stay cheap. */
enum { SIO_OLD_AUTH_MAX = 64 };

/* Append the query as a JSON object of strings, as newer clients send it. As in JavaScript a name
 * that comes again keeps its place and takes the last value (Socket.IO protocol 4, CONNECT).
 * Errors: SIO_ERR_NOMEM, SIO_ERR_LIMIT. */
int sio_old_auth_write(sio_buf *out, sio_str query);

#endif
