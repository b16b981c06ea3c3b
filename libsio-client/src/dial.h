/* A name to a connection that is ready for the client's own bytes: resolve, connect, pass a proxy,
 * shake hands; and stay with the server that answered first. */
#ifndef SIO_CLIENT_DIAL_H
#define SIO_CLIENT_DIAL_H

#include "transport.h"

#include <net/resolver.h>
#include <net/stream.h>
#include <sio/proxy.h>

/* The way through a proxy; texts are owned by whoever owns the target. */
typedef struct sio_dial_proxy {
    char *host; /* NULL: no proxy */
    uint16_t port;
    sio_proxy_kind kind;
    bool has_user;
    sio_buf user; /* decoded */
    sio_buf password;
} sio_dial_proxy;

/* Where an attempt's connections go. */
typedef struct sio_dial_target {
    char *host; /* owned by whoever owns this; a name or an address without brackets */
    uint16_t port;
    sio_tls *tls;            /* NULL for plain */
    const char *server_name; /* needed with `tls` */
    sio_dial_proxy proxy;
    sio_address local; /* `len` 0: any */
    /* Set by the first connection, or from the start for a Unix socket. An Engine.IO session lives
     * in one server's memory, and a name may stand for several. */
    sio_address peer;
    bool has_peer;
} sio_dial_target;

/* Lives inside its owner. All-zero is idle. */
typedef struct sio_dial {
    sio_loop *loop;
    sio_dial_target *target;
    sio_lookup *lookup;
    sio_stream *stream; /* there once the name is resolved; the owner's to take once connected */
    sio_proxy *proxy;   /* while it is being talked to */
    bool passed;        /* the proxy */
    const sio_stream_callbacks *callbacks;
    void (*on_failed)(void *ctx, const sio_transport_end *why);
    void *ctx;
} sio_dial;

/* `callbacks` become the stream's when it is ready, on_connected first; until then whatever fails
 * is told by on_failed, without `message`. Nothing is called from inside. Errors: SIO_ERR_INVALID,
 * SIO_ERR_NOMEM. */
int sio_dial_start(sio_dial *dial);

/* Cut whatever there is. */
void sio_dial_cut(sio_dial *dial);

#endif
