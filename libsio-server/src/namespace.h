/* A namespace: its peers, its rooms and the handlers for all of them. */
#ifndef SIO_SERVER_NAMESPACE_H
#define SIO_SERVER_NAMESPACE_H

#include "room.h"
#include "server_state.h"

#include <net/handlers.h>

struct sio_namespace {
    sio_server *server;
    sio_handlers handlers;
    /* "connect" and "connection", apart: a client may send events with these names. */
    sio_handlers on_connection;
    sio_room_index rooms;
    sio_table by_id;
    sio_list peers;
    size_t peer_count;
    uint64_t next_ack_id; /* one counter for all peers, as in the reference */
    uint64_t last_mark;   /* see sio_target */
    uint32_t name_len;
    char name[]; /* NUL-terminated */
};

/* NULL when there is none: clients cannot create namespaces. */
sio_namespace *sio_namespace_lookup(const sio_server *server, sio_str name);

/* No peer is left. */
void sio_namespace_free(sio_namespace *ns);

#endif
