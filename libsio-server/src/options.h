/* The settings of a server, checked and with the defaults filled in. */
#ifndef SIO_SERVER_OPTIONS_H
#define SIO_SERVER_OPTIONS_H

#include "server_state.h"

/* A complete struct of this library's size from one of any earlier size; `options` may be NULL.
 * Errors: SIO_ERR_INVALID. */
int sio_server_options_read(sio_server_options *out, const sio_server_options *options);

/* What all connections share. */
void sio_server_options_apply(sio_server *server, const sio_server_options *options);

/* The settings of a further engine from its options, which may be NULL. `full` and `eio` are what
 * they point into. Errors: SIO_ERR_INVALID. */
int sio_engine_options_read(sio_engine_settings *out, sio_engine_options *full, sio_eio_config *eio,
                            const sio_server *server, const sio_engine_options *options);

#endif
