/* Long polling: one connection that asks for packets, one that brings them (Engine.IO protocol,
 * HTTP long-polling). */
#ifndef SIO_CLIENT_TRANSPORT_POLLING_H
#define SIO_CLIENT_TRANSPORT_POLLING_H

#include "engine_request.h"
#include "transport.h"

typedef struct sio_polling sio_polling;

/* Everything is legal inside, freeing included. */
typedef struct sio_polling_callbacks {
    /* A packet of a GET's answer; `packet->data` may be changed in place. */
    void (*on_packet)(void *ctx, const sio_eio_packet *packet);
    void (*on_polled)(void *ctx); /* all its packets were handed out */
    void (*on_posted)(void *ctx);
    void (*on_failed)(void *ctx, const sio_transport_end *end);
} sio_polling_callbacks;

/* `request`, `sid` (where that will be; NULL at first) and `callbacks` are borrowed. Errors:
 * SIO_ERR_NOMEM.
 */
int sio_polling_new(sio_polling **out, sio_loop *loop, sio_engine_request *request,
                    char *const *sid, uint64_t max_response, const sio_polling_callbacks *callbacks,
                    void *ctx);

/* No callback any more. NULL is allowed. The GET is cut; a small POST that is being sent goes out
 * with `linger_ms`. */
void sio_polling_free(sio_polling *polling, uint64_t linger_ms);

/* One of each at a time. Nothing is called from inside. Errors: SIO_ERR_NOMEM, SIO_ERR_INVALID. */
int sio_polling_get(sio_polling *polling);
int sio_polling_post(sio_polling *polling, const sio_eio_item *items, size_t count);
bool sio_polling_posting(const sio_polling *polling);

#endif
