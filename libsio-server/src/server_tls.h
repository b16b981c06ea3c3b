/* From the settings of the public API to those that streams use. */
#ifndef SIO_SERVER_TLS_H
#define SIO_SERVER_TLS_H

#include <net/tls.h>
#include <sio/listen.h>

/* `detail` names what failed. One reference, owned by the caller.
 * Errors: SIO_ERR_INVALID, SIO_ERR_TLS_CONFIG, SIO_ERR_NOMEM, SIO_ERR_UNSUPPORTED. */
int sio_server_tls_make(sio_tls **out, const sio_server_tls *tls, char detail[SIO_TLS_DETAIL_MAX],
                        const sio_mem *mem);

#endif
