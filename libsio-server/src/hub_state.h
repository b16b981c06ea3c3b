/* The inside of a hub, shared by the files that make it up.
 *
 * A channel is what the members have in common of one namespace, under one lock. A port is where
 * one member takes part in it: the carrier of that namespace's adapter. Locks are taken in this
 * order: the hub's, a channel's, that of a loop's posts. Nothing of the application runs under any
 * of them but its allocator. */
#ifndef SIO_SERVER_HUB_STATE_H
#define SIO_SERVER_HUB_STATE_H

#include "adapter_cluster.h"
#include "cluster_requests.h"
#include "hub.h"
#include "hub_log.h"

#include <net/loop.h>
#include <net/table.h>
#include <net/timer.h>

#include <pthread.h>

enum { SIO_HUB_PARENT_NAME = 16 };

typedef struct sio_hub_member {
    sio_hub *hub;
    unsigned index;
    sio_server_adapter adapter;   /* its `user` is this */
    atomic_uint_least64_t queued; /* bytes in all its inboxes */
} sio_hub_member;

struct sio_hub {
    atomic_uint refs;
    sio_mem mem_copy;
    const sio_mem *mem; /* &mem_copy, or NULL for libc */
    uint64_t max_inbox_bytes;
    uint64_t seed[2];
    atomic_uint_least64_t lost;
    pthread_mutex_t lock;
    sio_table channels; /* by name */
    sio_list parents;   /* of sio_hub_port.in_hub: open ports of parents */
    unsigned member_count;
    sio_hub_member members[];
};

typedef struct sio_hub_channel {
    sio_hub *hub;
    size_t users; /* ports that were made for it; under the hub's lock */
    pthread_mutex_t lock;
    sio_list ports; /* of sio_hub_port.link: those that are open */
    atomic_uint open_count;
    sio_hub_log *log;                 /* NULL: no recovery */
    char parent[SIO_HUB_PARENT_NAME]; /* name of the parent of those namespaces; "": none */
    uint32_t name_len;
    char name[]; /* that of a parent is without its slash, so that no client can have it, too */
} sio_hub_channel;

typedef struct sio_hub_port {
    sio_carrier carrier; /* first */
    sio_hub_member *member;
    sio_hub_channel *channel;
    sio_namespace *ns;
    sio_loop *loop;
    sio_adapter *adapter; /* once it is open */
    sio_cluster_uid uid;
    sio_cluster_requests requests; /* of hub_recovery.c */
    sio_timer sweep;               /* runs while something is kept */
    bool open;                     /* changed by its own thread */
    bool freed;
    sio_list in_hub; /* of a parent, under the hub's lock */
    /* Under the channel's lock. */
    sio_list link;
    sio_list inbox; /* of sio_cluster_link */
    sio_post post;
    bool posted;
    uint64_t lost;   /* messages for clients since the inbox was full; none is taken before it is
                        empty */
    uint64_t passed; /* all stored events up to this number were handed out here */
    size_t stored;   /* those that wait in the inbox */
} sio_hub_port;

static inline sio_hub_port *sio_hub_port_of(const sio_carrier *carrier) {
    return (sio_hub_port *)(uintptr_t)carrier;
}

/* Under the channel's lock: have the port's thread look into its inbox. */
void sio_hub_wake(sio_hub_port *port);
/* Under the channel's lock: put a message into the inbox of all the others; `audience` may be NULL.
 * How many were behind too far to get it. */
unsigned sio_hub_push_all(sio_hub_port *port, sio_cluster_message *message,
                          sio_cluster_audience *audience);
/* Under the channel's lock: whether a member has the namespace. */
bool sio_hub_has_member(const sio_hub_channel *channel, const sio_hub_member *member);
/* Under the channel's lock: put a message into one inbox, at one of its links. False when it is
 * full. */
bool sio_hub_push(sio_hub_port *port, sio_cluster_message *message, uint32_t link);
/* Not under a lock: the channel may be freed. */
void sio_hub_channel_give_back(sio_hub_channel *channel);
/* Say that some did not get a message. Not under a lock. */
void sio_hub_report_lost(const sio_hub_port *port, unsigned count);
int sio_hub_publish(sio_carrier *carrier, sio_cluster_message *message,
                    sio_cluster_audience *audience);
int sio_hub_publish_response(sio_carrier *carrier, sio_cluster_uid to,
                             sio_cluster_message *message);

/* ---- hub_parent.c ---- */

void sio_hub_parent_open(sio_hub_port *port);
void sio_hub_parent_close(sio_hub_port *port);
int sio_hub_elsewhere(sio_carrier *carrier, sio_cluster_place_fn fn, void *user);
int sio_hub_publish_at(sio_carrier *carrier, sio_cluster_place *place, sio_cluster_message *message,
                       bool store, sio_cluster_audience *audience);
/* An answer for who has asked for a parent. Not under a lock. False when it could not be taken. */
bool sio_hub_answer_parent(sio_hub *hub, sio_cluster_uid to, sio_cluster_message *message);

/* ---- hub_recovery.c ---- */

/* Errors: SIO_ERR_NOMEM, SIO_ERR_RANDOM. */
int sio_hub_recovery_init(sio_hub_port *port);
void sio_hub_recovery_done(sio_hub_port *port);
int sio_hub_store(sio_carrier *carrier, sio_cluster_message *message, bool here_only);
void sio_hub_not_sent(sio_carrier *carrier, const sio_cluster_message *message);
int sio_hub_persist_session(sio_carrier *carrier, const sio_adapter_session *session,
                            sio_adapter_done_fn done, void *user);
int sio_hub_restore_session(sio_carrier *carrier, sio_str pid, sio_str offset,
                            sio_adapter_restored_fn done, void *user);
void sio_hub_forget_session(sio_carrier *carrier, sio_str pid);
/* Something that is the hub's own has come out of the inbox: a message, or a link without one. */
void sio_hub_receive(sio_hub_port *port, const sio_cluster_message *message);
void sio_hub_turn(sio_cluster_link *token);

#endif
