/* Socket.IO over one Engine.IO session: decodes what arrives, keeps the namespaces that the client
 * has joined, and closes the session when it breaks the protocol. */
#ifndef SIO_SERVER_CONN_H
#define SIO_SERVER_CONN_H

#include "server_state.h"

/* Something must come in time. */
typedef struct sio_conn_wait {
    sio_timer timer;
    sio_time partial_at; /* when the packet began whose attachments are awaited */
} sio_conn_wait;

typedef struct sio_conn {
    sio_server *server;
    sio_engine_session *engine; /* a reference, kept beyond the close for the handshake's data */
    sio_list *connects;         /* the first CONNECT packet on its way, see connect.h; or NULL */
    sio_decoder decoder;
    sio_session session; /* the slots' user pointers are peers */
    sio_conn_wait *wait; /* until the first namespace, and for attachments; else NULL */
    uint32_t refs;
    bool open;
} sio_conn;

/* What the engine calls. */
extern const sio_engine_callbacks sio_conn_callbacks;

sio_conn *sio_conn_ref(sio_conn *conn);
void sio_conn_unref(sio_conn *conn);

/* A namespace was joined: none is awaited any more. */
void sio_conn_joined(sio_conn *conn);

/* A client of Socket.IO 2.x, protocol 4. */
bool sio_conn_is_old(const sio_conn *conn);

/* Encode into the server's buffer between these two; the second sends it as one text message. */
int sio_conn_begin(sio_conn *conn, sio_buf **buf);
int sio_conn_send(sio_conn *conn, unsigned flags);

/* Send the attachments of a packet whose text was sent. A failure leaves the client waiting for
 * them, so the connection is closed. */
int sio_conn_send_attachments(sio_conn *conn, const sio_args *args, unsigned flags);

/* Why a client may not join. Texts may be NULL. */
typedef struct sio_refusal {
    const char *message;
    const char *data; /* valid JSON */
    bool by_middleware;
} sio_refusal;

/* Send CONNECT_ERROR for a pending slot and free it. */
void sio_conn_refuse(sio_conn *conn, uint16_t slot, const sio_refusal *refusal);

struct sio_peer;
/* Send the reply to CONNECT. */
void sio_conn_welcome(sio_conn *conn, const struct sio_peer *peer);

/* For every peer of the client, see peer_pressure.c. */
void sio_conn_slow(sio_engine_session *engine, void *user);
void sio_conn_caught_up(sio_engine_session *engine, void *user);

/* The slot's peer has ended. */
void sio_conn_forget(sio_conn *conn, uint16_t slot, const void *peer);

/* Send DISCONNECT for a peer's namespace and free its slot. */
void sio_conn_leave(sio_conn *conn, uint16_t slot);

/* End every namespace of the client with DISCONNECT, then the connection. */
void sio_conn_disconnect_all(sio_conn *conn);

#endif
