/* The settings of a client, checked, with the defaults filled in, and copied. */
#ifndef SIO_CLIENT_OPTIONS_H
#define SIO_CLIENT_OPTIONS_H

#include "client_state.h"
#include "engine.h"

/* A complete struct of this library's size from one of any earlier size; `options` may be NULL.
 * Errors: SIO_ERR_INVALID, JSON errors (auth). */
int sio_client_options_read(sio_client_options *out, const sio_client_options *options);

/* Copy what attempts are made with. Errors: SIO_ERR_URL, SIO_ERR_INVALID, SIO_ERR_NOMEM,
 * SIO_ERR_TLS_CONFIG, SIO_ERR_UNSUPPORTED. */
int sio_client_options_apply(sio_client *client, const char *url,
                             const sio_client_options *options);
void sio_client_options_free(sio_client *client);

/* Where attempts go: views of the client's text. */
sio_url sio_client_url(const sio_client *client);

/* What an attempt's engine is made with, all of it borrowed from the client; `url` is that of it.
 */
sio_cengine_options sio_client_engine_options(sio_client *client, const sio_url *url,
                                              const sio_cengine_callbacks *callbacks, void *ctx);

#endif
