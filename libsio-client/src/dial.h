/* A name to a connection: resolve, connect, and stay with the server that answered first. */
#ifndef SIO_CLIENT_DIAL_H
#define SIO_CLIENT_DIAL_H

#include <net/resolver.h>
#include <net/stream.h>

/* Where an attempt's connections go. */
typedef struct sio_dial_target {
    char *host; /* owned by whoever owns this; a name or an address without brackets */
    uint16_t port;
    sio_tls *tls;            /* NULL for plain */
    const char *server_name; /* needed with `tls` */
    /* Set by the first connection. An Engine.IO session lives in one server's memory, and a name
     * may stand for several. */
    sio_address peer;
    bool has_peer;
} sio_dial_target;

/* Lives inside its owner. All-zero is idle. */
typedef struct sio_dial {
    sio_loop *loop;
    sio_dial_target *target;
    sio_lookup *lookup;
    sio_stream *stream; /* there once the name is resolved; the owner's to take */
    const sio_stream_callbacks *callbacks;
    void (*on_failed)(void *ctx, int err, const char *detail);
    void *ctx;
} sio_dial;

/* `callbacks` are the stream's, also for a connection that cannot be made; on_failed tells of a
 * name that cannot be resolved, or of no memory. Nothing is called from inside. The owner calls
 * sio_dial_connected in its on_connected.
 * Errors: SIO_ERR_INVALID, SIO_ERR_NOMEM. */
int sio_dial_start(sio_dial *dial);
void sio_dial_connected(sio_dial *dial);

/* Cut whatever there is. */
void sio_dial_cut(sio_dial *dial);

#endif
