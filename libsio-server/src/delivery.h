/* Handing out an event that cannot be handed out at once: middlewares are to be asked, or more has
 * arrived with it, which may be the client's DISCONNECT, and then the handlers do not get it. */
#ifndef SIO_SERVER_DELIVERY_H
#define SIO_SERVER_DELIVERY_H

#include "peer.h"

/* Take over the event in the server's scratch arguments, after the handlers of every event have
 * run, and with it `ack`, which may be NULL. On failure both are as they were. Errors:
 * SIO_ERR_NOMEM, SIO_ERR_LIMIT when too many wait for their middlewares. */
int sio_delivery_start(sio_peer *peer, sio_ack *ack);

/* Hand out now what waits only for the rest of what came: the connection ends, and not because of
 * anything in there. */
void sio_delivery_flush(sio_server *server, const sio_conn *conn);

/* Forget those of a peer that wait for middlewares. */
void sio_delivery_forget(sio_peer *peer);

void sio_delivery_init(sio_server *server);
/* Release all, at the server's end. */
void sio_delivery_done(sio_server *server);

#endif
