/* One client in one namespace. */
#ifndef SIO_SERVER_PEER_H
#define SIO_SERVER_PEER_H

#include "conn.h"
#include "namespace.h"

#include <net/weak.h>
#include <sio/ack_table.h>
#include <sio/sys/ack.h>

enum { SIO_PEER_ID_INLINE = 20 };

/* Acknowledgements awaited from a peer; made with the first. */
typedef struct sio_peer_acks {
    sio_ack_table table;
    sio_timer timer;
} sio_peer_acks;

/* What few peers have. */
typedef struct sio_peer_extra {
    sio_peer_acks *acks;
    sio_weak *ack_owner;      /* to this peer while it is connected: kept handles may outlive even
                                 the server; made with the first event to be acknowledged */
    sio_chain *event_chain;   /* middlewares of this peer only; NULL: none */
    sio_handlers *outgoing;   /* handlers of events that are sent; NULL while there are none */
    sio_handshake *handshake; /* made when asked for */
    char *pid;                /* for coming back; NULL: it cannot */
    char *data;               /* JSON of the application; NULL: none */
} sio_peer_extra;

struct sio_peer {
    sio_namespace *ns;
    sio_conn *conn; /* a reference */
    sio_list link;  /* in sio_namespace.joining, then .peers while connected, then in
                       sio_server.ending */
    sio_room_set rooms;
    const sio_peer_extra *extra; /* never NULL; to be changed through sio_peer_extras() */
    sio_handlers *handlers;      /* of this peer only; NULL while there are none */
    char *auth;
    void *user;
    void (*release_user)(void *user);
    uint64_t mark; /* the last broadcast that counted or left out this peer */
    char *id;      /* id_inline, or owned when it is longer */
    uint32_t id_len;
    uint32_t auth_len;
    uint32_t refs;
    uint32_t waiting_events; /* for their middlewares */
    uint16_t slot;
    bool joining : 1; /* its middlewares are being asked */
    bool connected : 1;
    bool leaving : 1; /* "disconnecting" was handed out */
    bool left_own_room : 1;
    bool recovered : 1;
    char id_inline[SIO_PEER_ID_INLINE + 1];
};

/* A new peer with one reference, not connected. `auth` is copied. Errors: SIO_ERR_NOMEM,
 * SIO_ERR_RANDOM. */
int sio_peer_new(sio_peer **out, sio_namespace *ns, sio_conn *conn, uint16_t slot, sio_str auth);

/* Its own extras, made if need be. NULL: no memory. */
sio_peer_extra *sio_peer_extras(sio_peer *peer);

/* Into the set of those that are not in yet, until sio_peer_enter or sio_peer_give_up. */
void sio_peer_wait(sio_peer *peer);
/* One that waits has come back: what is stored from now on is sent to it at once, behind what it
 * has missed. */
void sio_peer_return(sio_peer *peer);
/* It will not be in: out of that set and of its rooms. */
void sio_peer_give_up(sio_peer *peer);

/* Whether packets may be sent for it. */
static inline bool sio_peer_may_send(const sio_peer *peer) {
    return (peer->connected || peer->joining) && peer->conn->open;
}

/* Into the namespace; the CONNECT reply is the caller's. Errors: SIO_ERR_NOMEM. */
int sio_peer_enter(sio_peer *peer);

/* Hand out the `connection` handlers. */
void sio_peer_announce(sio_peer *peer);

/* An event cannot be delivered for a reason of ours: the connection ends, so that the client knows.
 */
void sio_peer_fail(sio_peer *peer, int err);

/* Hand out the "error" event. Texts may be NULL. */
void sio_peer_report_error(sio_peer *peer, int status, const char *message, const char *data);

/* Hand out an event that arrived. */
void sio_peer_receive(sio_peer *peer, const sio_packet *packet);

/* The answer to an event of ours; unknown ids are ignored. */
void sio_peer_acknowledged(sio_peer *peer, const sio_packet *packet);

/* The end, whatever the cause: "disconnecting", out of rooms and namespace, "disconnect", awaited
 * acknowledgements. Consumes the namespace's reference. Once; later calls do nothing, but one from
 * inside "disconnecting" goes on with what follows that. */
void sio_peer_end(sio_peer *peer, const char *reason, int err);

/* The last part of it: awaited acknowledgements get SIO_ERR_DISCONNECTED. */
void sio_peer_end_acks(sio_peer *peer);

/* Events of the library, and of the client. */
void sio_peer_hand_out(sio_peer *peer, const sio_event *event);

/* Encode an EVENT packet into the server's buffer. Errors as sio_packet_encode. */
int sio_peer_encode_event(const sio_namespace *ns, const sio_adapter_event *event,
                          const uint64_t *ack_id);

/* Whether anybody wants to know of events that are sent. */
static inline bool sio_namespace_observed(const sio_namespace *ns) {
    return ns->outgoing.any.live > 0 || ns->outgoing_peers > 0;
}
/* Tell them. `args` may be NULL. */
void sio_peer_announce_outgoing(sio_peer *peer, sio_str name, const sio_args *args);
/* Release the peer's handlers of events that are sent. */
void sio_peer_drop_outgoing(sio_peer *peer);

/* Its own room came with it into the namespace. */
void sio_peer_joined_own_room(sio_peer *peer);

/* The target's timeout, or the default. */
uint32_t sio_target_timeout(const sio_target *target);

/* Send an event the peer has missed, which has its offset already. Errors as sio_peer_emit(). */
int sio_peer_emit_missed(sio_peer *peer, const sio_adapter_event *event);

/* Flags of the engine for these options. */
unsigned sio_peer_send_flags(bool is_volatile, bool no_compress);

#endif
