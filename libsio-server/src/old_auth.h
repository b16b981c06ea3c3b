/* Credentials of clients of Socket.IO 2.x: they come as the query of the namespace in CONNECT. */
#ifndef SIO_SERVER_OLD_AUTH_H
#define SIO_SERVER_OLD_AUTH_H

#include <sio/buffer.h>

/* Append the query as a JSON object of strings, as newer clients send it; of parameters with the
 * same name the last counts (Socket.IO protocol 4, CONNECT). Errors: SIO_ERR_NOMEM. */
int sio_old_auth_write(sio_buf *out, sio_str query);

#endif
