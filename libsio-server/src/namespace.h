/* A namespace: its peers, its rooms and the handlers for all of them. */
#ifndef SIO_SERVER_NAMESPACE_H
#define SIO_SERVER_NAMESPACE_H

#include "middleware.h"
#include "room.h"
#include "server_state.h"

#include <net/handlers.h>
#include <sio/sys/adapter.h>

struct sio_parent;

struct sio_namespace {
    sio_server *server;
    struct sio_parent *as_parent; /* clients cannot join it, but its children; NULL: they can */
    struct sio_parent *parent;    /* whose child it is; NULL: nobody's */
    sio_list in_parent;           /* in sio_parent.children */
    sio_list idle;                /* in sio_server.idle_children */
    size_t peer_objects;          /* peers that lead here, connected or not */
    bool removed;                 /* a child that nobody finds any more */
    bool adapter_closing;         /* its adapter has not said that it is through */
    sio_handlers handlers;
    /* "connect" and "connection", apart: a client may send events with these names. */
    sio_handlers on_connection;
    sio_handlers on_room;        /* in its list of every event, as in the next */
    sio_handlers outgoing;       /* before each event that is sent */
    sio_handlers on_server_side; /* events of other servers */
    sio_handlers on_pressure;    /* "slow" and "caught_up", apart for the same reason */
    size_t outgoing_peers;       /* those that have such handlers of their own */
    sio_adapter *adapter;
    sio_adapter_ops ops; /* the adapter's, complete */
    sio_adapter memory;  /* the adapter, when there is no other */
    bool adapter_ended;
    sio_list pending;  /* results that are awaited, see pending.h */
    sio_table awaited; /* local_acks by ack id */
    sio_room_index rooms;
    sio_table by_id;
    sio_table by_pid;       /* the same, of those that may come back */
    sio_chain *chain;       /* middlewares; NULL: none */
    sio_chain *event_chain; /* the same for events */
    sio_list peers;
    sio_list joining;   /* peers that are not in yet */
    sio_list returning; /* those of them that have come back and were sent what they missed */
    size_t peer_count;
    size_t joining_count;
    uint64_t next_ack_id; /* one counter for all peers, as in the reference */
    uint64_t last_mark;   /* see sio_target */
    uint32_t name_len;
    char name[]; /* NUL-terminated */
};

/* NULL when there is none: clients cannot create namespaces. */
sio_namespace *sio_namespace_lookup(const sio_server *server, sio_str name);

/* A namespace that is in no table yet. `name` may lack its slash. NULL: no memory, or the name is
 * impossible. */
sio_namespace *sio_namespace_new(sio_server *server, const char *name);
/* Its adapter is made and clients find it. Errors: SIO_ERR_NOMEM, those of the adapter's maker. */
int sio_namespace_publish(sio_namespace *ns);
/* All that is set on the other one, too. Errors: SIO_ERR_NOMEM. */
int sio_namespace_copy(sio_namespace *ns, const sio_namespace *from);

/* No peer is left. */
void sio_namespace_free(sio_namespace *ns);

#endif
