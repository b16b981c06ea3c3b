/* Broadcasts that await acknowledgements from peers of this server. They are kept by the namespace,
 * not in the table of each peer: one entry for each of thousands of peers is all they cost, and
 * nothing is left in any peer when the time is up. */
#include "adapter.h"
#include "peer.h"
#include "pending.h"

#include "mem.h"

enum { DEFAULT_TIMEOUT_MS = 5000 };

typedef struct local_acks {
    sio_pending pending;
    sio_namespace *ns;
    uint64_t id;
    sio_table waiting; /* peers by id, a reference to each */
    sio_timer timer;
    sio_adapter_acks acks;
    unsigned busy; /* callbacks that run */
    bool ended;
} local_acks;

static void unref_waiting(local_acks *la) {
    sio_table_iter it = sio_table_iter_start(&la->waiting);
    sio_peer *peer;
    while ((peer = sio_table_next(&la->waiting, &it)) != NULL) {
        sio_table_remove(&la->waiting, peer->id, peer->id_len);
        sio_peer_unref(peer);
    }
}

static void free_acks(local_acks *la) {
    unref_waiting(la);
    sio_table_done(&la->waiting);
    sio_timer_done(&la->timer);
    sio_mem_release(la->ns->server->mem, la);
}

static void release(local_acks *la) {
    if (--la->busy == 0 && la->ended) {
        free_acks(la);
    }
}

static void report_missing(local_acks *la) {
    sio_table_iter it = sio_table_iter_start(&la->waiting);
    const sio_peer *peer;
    while ((peer = sio_table_next(&la->waiting, &it)) != NULL) {
        la->acks.on_missing((sio_str){peer->id, peer->id_len}, la->acks.user);
    }
}

/* Nothing of the namespace leads here any more when the callbacks run. */
static void end(local_acks *la, int status) {
    if (la->ended) {
        return;
    }
    sio_server *server = la->ns->server;
    la->ended = true;
    la->busy++;
    sio_pending_done(&la->pending);
    sio_timer_stop(&la->timer);
    sio_table_remove(&la->ns->awaited, &la->id, sizeof(la->id));
    sio_server_enter(server);
    report_missing(la);
    la->acks.on_end(status, la->acks.user);
    release(la);
    sio_server_leave(server);
}

static void finish(sio_pending *pending, int status) {
    end(SIO_CONTAINER(pending, local_acks, pending), status);
}

static void on_timeout(void *ctx) {
    end(ctx, SIO_ERR_TIMEOUT);
}

bool sio_local_acks_receive(sio_peer *peer, const sio_packet *packet) {
    sio_namespace *ns = peer->ns;
    local_acks *la = sio_table_get(&ns->awaited, &packet->id, sizeof(packet->id));
    if (!la || sio_table_get(&la->waiting, peer->id, peer->id_len) != peer) {
        return false;
    }
    sio_table_remove(&la->waiting, peer->id, peer->id_len);
    la->busy++;
    int rc = la->acks.on_ack((sio_str){peer->id, peer->id_len}, packet->args, la->acks.user);
    if (rc != 0) {
        end(la, rc);
    } else if (la->waiting.count == 0) {
        end(la, SIO_OK);
    }
    release(la);
    sio_peer_unref(peer);
    return true;
}

/* ---- asking ---- */

static local_acks *acks_new(sio_namespace *ns, const sio_adapter_acks *acks) {
    sio_server *server = ns->server;
    local_acks *la = sio_mem_zalloc(server->mem, sizeof(*la));
    if (!la) {
        return NULL;
    }
    la->ns = ns;
    la->acks = *acks;
    la->id = ns->next_ack_id;
    if (sio_table_init(&la->waiting, server->loop) != 0 ||
        sio_timer_init(&la->timer, server->loop, on_timeout, la) != 0 ||
        sio_table_put(&ns->awaited, &la->id, sizeof(la->id), la) != 0) {
        free_acks(la);
        return NULL;
    }
    ns->next_ack_id++;
    return la;
}

static int await_all(local_acks *la, const sio_peer_list *list) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < list->count; i++) {
        sio_peer *peer = list->peers[i];
        rc = sio_table_put(&la->waiting, peer->id, peer->id_len, peer);
        if (rc == 0) {
            sio_peer_ref(peer);
        }
    }
    return rc;
}

static void send_all(const sio_broadcast *b, const sio_peer_list *list,
                     const sio_adapter_event *event) {
    for (size_t i = 0; i < list->count; i++) {
        sio_peer *peer = list->peers[i];
        if (sio_namespace_observed(peer->ns)) {
            sio_peer_announce_outgoing(peer, event->name, event->args);
        }
        if (peer->connected) {
            sio_broadcast_send(b, peer);
        }
    }
}

/* What handlers of outgoing events do may end it all before it has begun. */
static void begin(local_acks *la, const sio_peer_list *list, const sio_broadcast *b,
                  const sio_target *target, const sio_adapter_event *event) {
    la->busy++;
    sio_pending_init(&la->pending, la->ns, finish);
    la->acks.on_count(list->count, la->acks.user);
    sio_timer_start(&la->timer, target->timeout_ms ? target->timeout_ms : DEFAULT_TIMEOUT_MS);
    if (list->count == 0) {
        sio_pending_defer(&la->pending);
    }
    send_all(b, list, event);
    release(la);
}

static int prepare(local_acks **out, sio_peer_list *list, sio_broadcast *b,
                   const sio_target *target, const sio_adapter_event *event,
                   const sio_adapter_acks *acks) {
    int rc = sio_peer_list_init(list, target);
    if (rc != 0) {
        return rc;
    }
    local_acks *la = acks_new(target->ns, acks);
    if (!la) {
        return SIO_ERR_NOMEM;
    }
    rc = await_all(la, list);
    if (rc == 0) {
        rc = sio_broadcast_init(b, target, event, &la->id);
    }
    if (rc != 0) {
        sio_table_remove(&la->ns->awaited, &la->id, sizeof(la->id));
        free_acks(la);
        return rc;
    }
    *out = la;
    return 0;
}

int sio_adapter_local_emit_ack(const sio_target *target, const sio_adapter_event *event,
                               const sio_adapter_acks *acks) {
    sio_namespace *ns = target->ns;
    sio_server *server = ns->server;
    if (ns->adapter_ended) {
        return SIO_ERR_DISCONNECTED;
    }
    if (ns->awaited.count >= server->max_pending_acks) {
        return SIO_ERR_LIMIT;
    }
    const sio_mem *mem = server->mem;
    sio_peer_list list;
    sio_broadcast b;
    local_acks *la;
    sio_server_enter(server);
    int rc = prepare(&la, &list, &b, target, event, acks);
    if (rc == 0) {
        begin(la, &list, &b, target, event);
        sio_broadcast_done(&b, mem);
    }
    sio_peer_list_done(&list, mem);
    sio_server_leave(server);
    return rc;
}
