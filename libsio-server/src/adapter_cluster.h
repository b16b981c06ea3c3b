/* The adapter of a namespace that several servers share: what concerns the peers of all of them is
 * done here and told to the others, over a carrier.
 *
 * What may be relied on: whatever one server sends in a namespace arrives at each other one in the
 * order in which it was sent. Between events of two servers there is no order. */
#ifndef SIO_SERVER_ADAPTER_CLUSTER_H
#define SIO_SERVER_ADAPTER_CLUSTER_H

#include "cluster_message.h"

#include <sio/sys/adapter.h>

typedef struct sio_carrier sio_carrier;

/* Who will answer a request. */
typedef struct sio_cluster_audience {
    sio_cluster_uid *uids; /* room for carrier->max_others; 0: somebody of unknown name */
    uint32_t count;
} sio_cluster_audience;

/* A namespace that other servers have and this one has not. */
typedef struct sio_cluster_place sio_cluster_place;
typedef int (*sio_cluster_place_fn)(sio_cluster_place *place, sio_str nsp, void *user);

/* What carries the messages of one namespace. Everything happens on the thread of the server's
 * loop. What arrives is handed to sio_cluster_receive(), from the loop, never from inside one of
 * these functions. */
typedef struct sio_carrier_ops {
    /* From now on messages may arrive. Errors are the adapter's init's. */
    int (*open)(sio_carrier *carrier, sio_adapter *adapter);
    /* Whether other servers have the namespace; if in doubt, true. */
    bool (*has_others)(const sio_carrier *carrier);
    /* To all others, in order. The reference stays with the caller.
     * @param audience of a message that asks for answers; NULL for the others */
    int (*publish)(sio_carrier *carrier, sio_cluster_message *message,
                   sio_cluster_audience *audience);
    /* An answer, to who has asked; one that has gone does not need it. */
    int (*publish_response)(sio_carrier *carrier, sio_cluster_uid to, sio_cluster_message *message);
    /* How many servers there are, this one included. As sio_adapter_ops.server_count. */
    int (*server_count)(sio_carrier *carrier, sio_adapter_count_fn done, void *user);
    /* Nothing is received any more. As sio_adapter_ops.close. */
    void (*close)(sio_carrier *carrier, sio_adapter_done_fn done, void *user);
    void (*free)(sio_carrier *carrier);

    /* Events and sessions for clients that come back; all NULL when the carrier keeps none. */

    /* Give a message its number and offset, keep it, and publish it. Errors: nothing has happened.
     * @param here_only keep it for peers of this server, but tell nobody */
    int (*store)(sio_carrier *carrier, sio_cluster_message *message, bool here_only);
    /* A message that was stored could not be sent to the peers of this server. */
    void (*not_sent)(sio_carrier *carrier, const sio_cluster_message *message);
    /* As those of sio_adapter_ops. */
    int (*persist_session)(sio_carrier *carrier, const sio_adapter_session *session,
                           sio_adapter_done_fn done, void *user);
    int (*restore_session)(sio_carrier *carrier, sio_str pid, sio_str offset,
                           sio_adapter_restored_fn done, void *user);
    /* A peer that was restored has gone for good, unless its session was kept before. */
    void (*forget_session)(sio_carrier *carrier, sio_str pid);

    /* For parents: what is sent to one goes to the children that only others have, too. NULL when
     * the carrier does not know of them. */

    /* Call `fn` for each of them. @return the first error of `fn`, or SIO_ERR_NOMEM */
    int (*elsewhere)(sio_carrier *carrier, sio_cluster_place_fn fn, void *user);
    /* As publish, or store, to one of those, inside of `fn`. */
    int (*publish_at)(sio_carrier *carrier, sio_cluster_place *place, sio_cluster_message *message,
                      bool store, sio_cluster_audience *audience);
} sio_carrier_ops;

/* What every carrier begins with. */
struct sio_carrier {
    const sio_carrier_ops *ops;
    const sio_mem *mem;  /* for messages: thread-safe where threads share them */
    uint32_t links;      /* for sio_cluster_message_new */
    uint32_t max_others; /* servers besides this one */
};

/* Longest time that is waited for other servers' answers when nobody says otherwise. */
enum { SIO_CLUSTER_TIMEOUT_MS = 5000 };

/* The adapter of a namespace. It owns the carrier from now on.
 * Errors: SIO_ERR_NOMEM, SIO_ERR_RANDOM; then the carrier stays the caller's. */
int sio_cluster_adapter_new(sio_adapter **out, sio_namespace *ns, sio_carrier *carrier);

/* A message has arrived. Runs handlers, which may end anything: the namespace must be held by
 * sio_server_enter(). Its own messages, those of other namespaces and answers to what was not asked
 * are ignored. */
void sio_cluster_receive(sio_adapter *adapter, const sio_cluster_message *message);

/* For the adapter of a parent: do to the children that only other servers have what the message
 * says, which gets the namespace and the rest filled in. */
int sio_cluster_tell_elsewhere(sio_adapter *adapter, const sio_cluster_content *content,
                               const sio_target *target, const sio_args *args);
/* Ask them, too: `begin` gives the callbacks for each of those namespaces, and `failed` takes them
 * back when it cannot be asked. */
typedef struct sio_cluster_asking {
    sio_adapter_acks (*begin)(void *user);
    void (*failed)(int status, void *user);
    void *user;
} sio_cluster_asking;
void sio_cluster_ask_elsewhere(sio_adapter *adapter, const sio_target *target,
                               const sio_adapter_event *event, const sio_cluster_asking *asking);

/* By which others know it. */
sio_cluster_uid sio_cluster_adapter_uid(const sio_adapter *adapter);

#endif
