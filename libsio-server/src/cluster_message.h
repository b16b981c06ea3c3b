/* What the servers of a cluster say to each other: the thirteen messages of Socket.IO's cluster
 * adapters, as structs. A carrier within the process hands them over as they are; one over a
 * network writes them as JSON or MessagePack.
 *
 * A message never changes once it is made, so that threads share it. It is one block of memory,
 * which holds copies of all that was given for it, and its count of references is atomic. */
#ifndef SIO_SERVER_CLUSTER_MESSAGE_H
#define SIO_SERVER_CLUSTER_MESSAGE_H

#include <net/list.h>
#include <sio/recovery.h>
#include <sio/target.h>

#include <stdatomic.h>

/* The numbers are those on the wire. */
typedef enum sio_cluster_type {
    SIO_CLUSTER_INITIAL_HEARTBEAT = 1,
    SIO_CLUSTER_HEARTBEAT,
    SIO_CLUSTER_BROADCAST,
    SIO_CLUSTER_JOIN,
    SIO_CLUSTER_LEAVE,
    SIO_CLUSTER_DISCONNECT,
    SIO_CLUSTER_FETCH,
    SIO_CLUSTER_FETCH_RESPONSE,
    SIO_CLUSTER_SERVER_SIDE_EMIT,
    SIO_CLUSTER_SERVER_SIDE_EMIT_RESPONSE,
    SIO_CLUSTER_BROADCAST_CLIENT_COUNT,
    SIO_CLUSTER_BROADCAST_ACK,
    SIO_CLUSTER_ADAPTER_CLOSE,
    /* From here on: of a carrier's own, never on a wire. */
    SIO_CLUSTER_OF_CARRIER = 64
} sio_cluster_type;

/* Of an adapter, which is that of one namespace of one server; a random number, 16 hexadecimal
 * digits on the wire. 0 is nobody. */
typedef uint64_t sio_cluster_uid;

/* Whom it concerns, and how it is sent: types 3 to 7. */
typedef struct sio_cluster_opts {
    const char *const *rooms;
    size_t room_count;
    const char *const *except;
    size_t except_count;
    uint32_t timeout_ms; /* 0: none was given */
    bool is_volatile;
    bool no_compress;
} sio_cluster_opts;

/* An event or an answer. */
typedef struct sio_cluster_packet {
    sio_str name; /* of an event */
    sio_str args; /* a JSON array with placeholders for what is binary */
    const sio_bytes *attachments;
    uint32_t attachment_count;
} sio_cluster_packet;

/* What a message says. Fields that its type does not have are zero. */
typedef struct sio_cluster_content {
    sio_cluster_type type;
    sio_cluster_uid uid;       /* who sends it */
    sio_str nsp;               /* the namespace's name */
    uint64_t request_id;       /* asks for answers, and stands in them; 0: no answer is asked for */
    sio_cluster_opts opts;     /* 3 to 7 */
    sio_cluster_packet packet; /* 3, 9, 10, 12 */
    const char *const *rooms;  /* 4, 5: to be joined or left */
    size_t room_count;
    bool close;                   /* 6: the connection, too */
    uint64_t client_count;        /* 11 */
    const sio_remote_peer *peers; /* 8; without `ns` and `local` */
    size_t peer_count;
    sio_str from; /* 12: the peer that has answered; 64 and above: as the carrier likes */
} sio_cluster_content;

/* For one queue of the carrier's. */
typedef struct sio_cluster_link {
    sio_list link;
    struct sio_cluster_message *message;
} sio_cluster_link;

typedef struct sio_cluster_message {
    sio_cluster_content content;
    size_t bytes;            /* the whole block: what it costs to keep it */
    sio_cluster_link *links; /* the carrier's */
    uint32_t link_count;
    /* Of a stored event, set by the carrier before anyone else sees the message. */
    uint64_t number;
    uint8_t offset_len; /* 0: it is not stored */
    char offset[SIO_OFFSET_MAX];
    /* Private. */
    atomic_uint refs;
    const sio_mem *mem;
} sio_cluster_message;

/* A message with one reference. `content` is copied, all that it points to included.
 * @param args of types 3, 9, 10 and 12, in place of content->packet but its name; NULL: none
 * @param scratch empty before and after; grows to the text of the arguments
 * @param links how many queues it may stand in at a time
 * @param mem thread-safe, and outlives the message
 * Errors: SIO_ERR_NOMEM; SIO_ERR_LIMIT, SIO_ERR_SIO_PLACEHOLDER as sio_args_write. */
int sio_cluster_message_new(sio_cluster_message **out, const sio_cluster_content *content,
                            const sio_args *args, sio_buf *scratch, uint32_t links,
                            const sio_mem *mem);

/* Thread: any. @return its argument */
sio_cluster_message *sio_cluster_message_ref(sio_cluster_message *message);
/* Thread: any. NULL is allowed. */
void sio_cluster_message_unref(sio_cluster_message *message);

/* Read the arguments that a message has brought into a list of the reader's. They are borrowed from
 * the message. Errors: those of sio_args_parse, as a network may bring anything. */
int sio_cluster_message_args(const sio_cluster_message *message, sio_args *args);

/* Its rooms and flags as a target in a namespace. Borrowed from the message. */
sio_target sio_cluster_message_target(const sio_cluster_message *message, sio_namespace *ns);

/* The reverse: borrowed from the target.
 * @param joined NULL, or an array to be released with sio_mem_release when `opts` was used
 * Errors: SIO_ERR_NOMEM. */
int sio_cluster_opts_of(sio_cluster_opts *opts, const char ***joined, const sio_target *target);

#endif
