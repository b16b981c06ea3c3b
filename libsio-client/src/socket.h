/* One namespace of a client. */
#ifndef SIO_CLIENT_SOCKET_H
#define SIO_CLIENT_SOCKET_H

#include "client_state.h"
#include "waits.h"

#include "net/weak.h"

/* An encoded event that waits for the namespace to be connected. */
typedef struct sio_outgoing {
    sio_list link;
    uint64_t ack_id;
    uint64_t bytes; /* counted in sio_client.buffered_bytes */
    sio_wait *sent; /* to be ended when it is written; NULL: nobody asked */
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
    sio_handlers *outgoing_handlers; /* only those of every event; NULL: there never was one */
    sio_list outgoing;               /* of sio_outgoing */
    sio_list early;                  /* of sio_early */
    sio_ack_table acks;
    sio_timer ack_timer;
    uint64_t next_ack_id;
    /* To this socket for as long as the connection lasts that asked for acknowledgements; kept
     * handles may outlive even the client. Made when one asks. */
    sio_weak *ack_owner;
    uint32_t ack_timeout_ms;   /* where an event does not say; 0: none */
    sio_list retry_queue;      /* of sio_retry, see socket_retry.c */
    uint32_t retry_count;      /* its length */
    uint32_t retries;          /* 0: no queue */
    struct sio_losing *losing; /* the innermost event whose owner is being told */
    bool flushing;
    bool retrying; /* the head of the queue is being sent */
    sio_recovery recovery;
    char *auth;          /* NULL: the client's */
    sio_auth_fn auth_fn; /* NULL: the client's */
    void *auth_user;
    struct sio_auth_request *asking; /* the credentials of this connection's CONNECT */
    char *id;                        /* NULL while not connected */
    void *user;
    uint16_t slot;
    bool connected;
    bool active;
    bool asked; /* CONNECT was sent, and its answer is awaited */
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

/* The application has the credentials; `auth` may be empty. */
void sio_socket_send_connect(sio_socket *socket, sio_str auth);
/* Tell the server that this side leaves. */
void sio_socket_send_disconnect(sio_socket *socket);
/* Nobody waits for the answer to CONNECT any more: the socket is no longer active. */
void sio_socket_give_up(sio_socket *socket, int err, const char *message);

/* ---- socket_auth.c ---- */

/* Find the credentials and send CONNECT with them, now or later. */
void sio_socket_authenticate(sio_socket *socket);
/* The connection they were for is gone. */
void sio_socket_forget_auth(sio_socket *socket);

/* ---- socket_listeners.c ---- */

/* Events of the library, and of the server. */
void sio_socket_hand_out(sio_socket *socket, const sio_event *event);
/* To the handlers of every event that comes, or that leaves. */
void sio_socket_hand_out_any(sio_socket *socket, const sio_event *event);
void sio_socket_hand_out_outgoing(sio_socket *socket, const sio_event *event);
/* Whether somebody wants to see what leaves. */
bool sio_socket_is_watched(const sio_socket *socket);

/* ---- socket_acks.c ---- */

/* End the acknowledgements of events that have left, or of all. */
void sio_socket_end_acks(sio_socket *socket, bool also_kept);
void sio_socket_ack_timeout(void *ctx);
void sio_socket_end_ack(sio_socket *socket, uint64_t id, int status);
/* `timeout_ms` 0: none. Errors: SIO_ERR_LIMIT, SIO_ERR_NOMEM. */
int sio_socket_await_ack(sio_socket *socket, uint64_t id, sio_reply_fn fn, void *user,
                         uint32_t timeout_ms);
void sio_socket_acknowledged(sio_socket *socket, const sio_packet *packet);

/* ---- socket_emit.c ---- */

/* Emit on the loop's thread, past the queue of retries. `ack_id` receives the id when an
 * acknowledgement was asked for; it may be NULL. */
int sio_socket_emit_now(sio_socket *socket, const char *event, const sio_args *args,
                        const sio_emit_options *options, uint64_t *ack_id);
/* On the loop's thread, through the queue if the socket has one. */
int sio_socket_emit_here(sio_socket *socket, const char *event, const sio_args *args,
                         const sio_emit_options *options);
/* Whether an event emitted now would leave now. */
bool sio_socket_can_send(const sio_socket *socket);
/* Whether it can be the name of an event. Callable from any thread. */
int sio_event_name_check(const char *event, const sio_mem *mem);
/* Send what was kept, then what is queued. */
void sio_socket_flush(sio_socket *socket);
/* End all that is kept with this status. */
void sio_socket_end_kept(sio_socket *socket, int status);
/* Forget the event with this id if it is still kept. */
void sio_socket_drop_kept(sio_socket *socket, uint64_t ack_id, int status);
/* Tell the owner of an event that it will not arrive: exactly one of its callbacks' calls, or the
 * client's "lost". */
void sio_socket_event_lost(sio_socket *socket, const char *event, const sio_emit_options *options,
                           int status);
void sio_socket_end_losing(sio_socket *socket, int status);
/* Encode into the client's buffer between these two; the second sends it. */
int sio_socket_packet_begin(sio_socket *socket, sio_buf **buf);
int sio_socket_packet_send(sio_socket *socket, unsigned flags);
int sio_socket_send_attachments(sio_socket *socket, const sio_args *args, unsigned flags);

/* ---- socket_retry.c ---- */

/* Errors: as sio_socket_emit. */
int sio_socket_enqueue(sio_socket *socket, const char *event, const sio_args *args,
                       const sio_emit_options *options);
/* Send the head of the queue if it can be. */
void sio_socket_retry(sio_socket *socket);
/* The client is being freed: every owner is told, nothing is sent any more. */
void sio_socket_end_queue(sio_socket *socket, int status);

/* ---- socket_post.c ---- */

/* From another thread. `args` is consumed, also on failure; NULL for none. */
int sio_socket_post(sio_socket *socket, const char *event, sio_args *args,
                    const sio_emit_options *options);
/* The client is being freed. */
void sio_client_end_posted(sio_client *client, int status);

#endif
