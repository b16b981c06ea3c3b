/* The settings of a server, checked and with the defaults filled in. */
#ifndef SIO_SERVER_OPTIONS_H
#define SIO_SERVER_OPTIONS_H

#include "server_state.h"

/* A complete struct of this library's size from one of any earlier size; `options` may be NULL.
 * Errors: SIO_ERR_INVALID. */
int sio_server_options_read(sio_server_options *out, const sio_server_options *options);

/* What all connections share. */
void sio_server_options_apply(sio_server *server, const sio_server_options *options);

#endif
