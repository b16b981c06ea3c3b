/* The inside of the cluster adapter, shared by the files that make it up: what it does for its own
 * server (adapter_cluster.c), what it asks the others (adapter_cluster_ask.c), and what it does for
 * them (adapter_cluster_answer.c). */
#ifndef SIO_SERVER_ADAPTER_CLUSTER_STATE_H
#define SIO_SERVER_ADAPTER_CLUSTER_STATE_H

#include "adapter_cluster.h"
#include "cluster_requests.h"

#include <net/weak.h>

typedef struct sio_cluster_adapter {
    sio_adapter base; /* first */
    sio_carrier *carrier;
    sio_cluster_uid uid;
    sio_cluster_requests requests;
    sio_weak *weak; /* to this, for answers that the application may give at any time */
    bool open;      /* the carrier is: messages come and go */
} sio_cluster_adapter;

static inline sio_cluster_adapter *sio_cluster_of(sio_adapter *adapter) {
    return (sio_cluster_adapter *)adapter;
}

/* Whether anyone is to be told of what is done to a target. */
bool sio_cluster_has_others(const sio_cluster_adapter *self);

/* A message of this adapter: uid and, unless it is there, namespace are filled in. `target` NULL:
 * it has none. Errors: as sio_cluster_message_new. */
int sio_cluster_message_of(sio_cluster_message **out, sio_cluster_adapter *self,
                           sio_cluster_content *content, const sio_target *target,
                           const sio_args *args);

/* ---- adapter_cluster_ask.c ---- */

int sio_cluster_fetch(sio_adapter *adapter, const sio_target *target, sio_fetch_fn done,
                      void *user);
int sio_cluster_broadcast_with_ack(sio_adapter *adapter, const sio_target *target,
                                   const sio_adapter_event *event, const sio_adapter_acks *acks);
int sio_cluster_server_side_emit(sio_adapter *adapter, const sio_adapter_event *event,
                                 uint32_t timeout_ms, sio_server_side_fn done, void *user);

/* ---- adapter_cluster_answer.c ---- */

void sio_cluster_answer_fetch(sio_cluster_adapter *self, const sio_cluster_message *message);
void sio_cluster_answer_broadcast(sio_cluster_adapter *self, const sio_cluster_message *message);
void sio_cluster_answer_server_side(sio_cluster_adapter *self, const sio_cluster_message *message);

#endif
