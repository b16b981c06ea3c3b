/* A namespace and its adapter: made with the namespace, ended when the server closes or goes. */
#ifndef SIO_SERVER_ADAPTER_H
#define SIO_SERVER_ADAPTER_H

#include "namespace.h"

/* The operations of the adapter in memory, which stand in for those another one lacks. */
extern const sio_adapter_ops sio_adapter_memory_ops;

/* Make the namespace's adapter. Errors: those of the application's function, SIO_ERR_INVALID when
 * what it made is none. */
int sio_adapter_attach(sio_namespace *ns);

/* No operation goes to the adapter any more, and everything that is awaited ends with
 * SIO_ERR_DISCONNECTED. `done` is called once, perhaps at once; NULL: nobody waits. Later calls
 * only call `done`. */
void sio_adapter_end(sio_namespace *ns, sio_adapter_done_fn done, void *user);

/* Another one in place of an adapter that has ended: the server listens again. Without memory for
 * it the namespace is on its own from now on. */
void sio_adapter_renew(sio_namespace *ns);

/* Release the object. */
void sio_adapter_detach(sio_namespace *ns);

/* Tell `done` a little later how many servers there are. Errors: SIO_ERR_NOMEM,
 * SIO_ERR_DISCONNECTED. */
int sio_adapter_answer_count(sio_namespace *ns, uint32_t servers, sio_adapter_count_fn done,
                             void *user);

/* ---- on this server's peers ---- */

/* An event encoded for many. */
typedef struct sio_broadcast {
    sio_eio_message *text;
    sio_eio_message **attachments;
    uint32_t attachment_count;
    unsigned flags;
} sio_broadcast;

/* `ack_id` NULL: no acknowledgement. On failure nothing is held. Errors: those of
 * sio_target_emit(). */
int sio_broadcast_init(sio_broadcast *b, const sio_target *target, const sio_adapter_event *event,
                       const uint64_t *ack_id);
void sio_broadcast_done(sio_broadcast *b, const sio_mem *mem);
/* One that cannot get it all is closed, from the deferred queue. */
void sio_broadcast_send(const sio_broadcast *b, sio_peer *peer);

typedef struct sio_peer_list {
    sio_peer **peers; /* references */
    size_t count;
} sio_peer_list;

/* The connected peers of a target. Errors: SIO_ERR_NOMEM, SIO_ERR_LIMIT. */
int sio_peer_list_init(sio_peer_list *list, const sio_target *target);
void sio_peer_list_done(sio_peer_list *list, const sio_mem *mem);

/* ---- acknowledgements of broadcasts ---- */

/* Whether an acknowledgement answers a broadcast; it was handed on then. */
bool sio_local_acks_receive(sio_peer *peer, const sio_packet *packet);

#endif
