/* One namespace of a client. */
#ifndef SIO_CLIENT_SOCKET_H
#define SIO_CLIENT_SOCKET_H

#include "client_state.h"

/* An encoded event that waits for the namespace to be connected. */
typedef struct sio_outgoing {
    sio_list link;
    uint64_t ack_id;
    uint64_t bytes; /* counted in sio_client.buffered_bytes */
    bool has_ack;
    bool compress;
    uint32_t count;
    sio_eio_message *messages[]; /* the text, then the attachments */
} sio_outgoing;

/* An event that came before the answer to CONNECT. */
typedef struct sio_early {
    sio_list link;
    sio_args *args;
    uint64_t id;
    bool has_id;
} sio_early;

struct sio_socket {
    sio_client *client;
    sio_list link; /* in sio_client.sockets */
    sio_handlers handlers;
    sio_list outgoing; /* of sio_outgoing */
    sio_list early;    /* of sio_early */
    sio_ack_table acks;
    sio_timer ack_timer;
    uint64_t next_ack_id;
    struct sio_ack_owner *ack_owner; /* of this connection's events; made when one asks */
    sio_recovery recovery;
    char *auth;
    char *id; /* NULL while not connected */
    void *user;
    uint16_t slot;
    bool connected;
    bool active;
    bool recovered;
    uint32_t nsp_len;
    char nsp[];
};

sio_socket *sio_socket_lookup(const sio_client *client, sio_str nsp);
void sio_socket_free(sio_socket *socket);

/* The connection is open: ask for the namespace. */
void sio_socket_ask(sio_socket *socket);

/* The answer to CONNECT. */
void sio_socket_accepted(sio_socket *socket, sio_str payload);
void sio_socket_refused(sio_socket *socket, sio_str payload);
/* An attempt failed, or the server cannot be talked to; the socket stays active. */
void sio_socket_connect_failed(sio_socket *socket, int err, const char *message);

/* The namespace is no longer connected; nothing happens when it was not. */
void sio_socket_lost(sio_socket *socket, const char *reason, int err);

/* No longer active: by our own wish, or the server's. */
void sio_socket_end(sio_socket *socket, const char *reason);

void sio_socket_receive(sio_socket *socket, const sio_packet *packet);
void sio_socket_keep_early(sio_socket *socket, const sio_packet *packet);
void sio_socket_acknowledged(sio_socket *socket, const sio_packet *packet);

/* Events of the library, and of the server. */
void sio_socket_hand_out(sio_socket *socket, const sio_event *event);

/* ---- socket_emit.c ---- */

/* Send what was kept. */
void sio_socket_flush(sio_socket *socket);
void sio_socket_drop_outgoing(sio_socket *socket);
/* End the acknowledgements of events that have left, or of all. */
void sio_socket_end_acks(sio_socket *socket, bool also_kept);
void sio_socket_ack_timeout(void *ctx);
/* Encode into the client's buffer between these two; the second sends it. */
int sio_socket_packet_begin(sio_socket *socket, sio_buf **buf);
int sio_socket_packet_send(sio_socket *socket, unsigned flags);
int sio_socket_send_attachments(sio_socket *socket, const sio_args *args, unsigned flags);

#endif
