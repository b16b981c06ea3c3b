/* What is sent to a parent goes to each of its children, through their adapters. Children go only
 * from the loop's deferred queue, so the list may be walked while handlers run; one that they make
 * comes at its end. */
#include "adapter.h"
#include "adapter_cluster.h"
#include "hub.h"
#include "parent.h"
#include "pending.h"

#include "mem.h"

static const sio_list *children_of(const sio_target *target) {
    return &target->ns->as_parent->children;
}

static sio_target child_target(const sio_target *target, sio_list *at) {
    sio_target copy = *target;
    copy.ns = SIO_CONTAINER(at, sio_namespace, in_parent);
    return copy;
}

int64_t sio_parent_count(const sio_target *target) {
    const sio_list *children = children_of(target);
    int64_t total = 0;
    for (sio_list *at = children->next; total >= 0 && at != children; at = at->next) {
        sio_target child = child_target(target, at);
        int64_t count = sio_target_count(&child);
        total = count < 0 ? count : total + count;
    }
    return total;
}

/* ---- emitting and acting ---- */

/* One operation on one child. */
typedef struct operation {
    int (*run)(const sio_target *child, const struct operation *operation);
    const sio_adapter_event *event;
    const char *const *rooms;
    size_t count;
    bool close_connection;
} operation;

/* A failure with one of them does not keep it from the others. */
static int on_each(const sio_target *target, const operation *what) {
    sio_server *server = target->ns->server;
    const sio_list *children = children_of(target);
    int rc = 0;
    sio_server_enter(server);
    for (sio_list *at = children->next; !server->dead && at != children; at = at->next) {
        sio_target child = child_target(target, at);
        int failed = what->run(&child, what);
        rc = rc != 0 ? rc : failed;
    }
    sio_server_leave(server);
    return rc;
}

/* The same to those that only other servers have. */
static int on_others(const sio_target *target, const sio_cluster_content *content,
                     const sio_args *args) {
    sio_adapter *cluster = target->ns->as_parent->cluster;
    return cluster ? sio_cluster_tell_elsewhere(cluster, content, target, args) : 0;
}

static int on_all(const sio_target *target, const operation *what,
                  const sio_cluster_content *content, const sio_args *args) {
    sio_server *server = target->ns->server;
    sio_server_enter(server);
    int told = on_others(target, content, args);
    int rc = on_each(target, what);
    sio_server_leave(server);
    return rc != 0 ? rc : told;
}

static int run_broadcast(const sio_target *child, const operation *what) {
    return child->ns->ops.broadcast(child->ns->adapter, child, what->event);
}

static int broadcast(sio_adapter *adapter, const sio_target *target,
                     const sio_adapter_event *event) {
    if (sio_packet_is_reserved(event->name)) {
        return SIO_ERR_RESERVED;
    }
    return on_all(target, &(operation){.run = run_broadcast, .event = event},
                  &(sio_cluster_content){.type = SIO_CLUSTER_BROADCAST, .packet.name = event->name},
                  event->args);
}

static int run_add(const sio_target *child, const operation *what) {
    return child->ns->ops.add_peers(child->ns->adapter, child, what->rooms, what->count);
}

static int add_peers(sio_adapter *adapter, const sio_target *target, const char *const *rooms,
                     size_t count) {
    return on_all(
        target, &(operation){.run = run_add, .rooms = rooms, .count = count},
        &(sio_cluster_content){.type = SIO_CLUSTER_JOIN, .rooms = rooms, .room_count = count},
        NULL);
}

static int run_del(const sio_target *child, const operation *what) {
    return child->ns->ops.del_peers(child->ns->adapter, child, what->rooms, what->count);
}

static int del_peers(sio_adapter *adapter, const sio_target *target, const char *const *rooms,
                     size_t count) {
    return on_all(
        target, &(operation){.run = run_del, .rooms = rooms, .count = count},
        &(sio_cluster_content){.type = SIO_CLUSTER_LEAVE, .rooms = rooms, .room_count = count},
        NULL);
}

static int run_disconnect(const sio_target *child, const operation *what) {
    return child->ns->ops.disconnect_peers(child->ns->adapter, child, what->close_connection);
}

static int disconnect_peers(sio_adapter *adapter, const sio_target *target, bool close_connection) {
    return on_all(target, &(operation){.run = run_disconnect, .close_connection = close_connection},
                  &(sio_cluster_content){.type = SIO_CLUSTER_DISCONNECT, .close = close_connection},
                  NULL);
}

/* ---- acknowledgements ---- */

/* Those of all children together. */
typedef struct gathering {
    sio_pending pending; /* used when nobody is waited for at the end of the call */
    const sio_mem *mem;
    sio_adapter_acks acks;
    size_t open; /* children that have not ended, and one for the call itself */
    int status;  /* the first that is no success */
} gathering;

static void gathering_end(gathering *g, int status) {
    sio_adapter_acks acks = g->acks;
    int first = g->status != 0 ? g->status : status;
    sio_mem_release(g->mem, g);
    acks.on_end(first, acks.user);
}

static void finish(sio_pending *pending, int status) {
    sio_pending_done(pending);
    gathering_end(SIO_CONTAINER(pending, gathering, pending), status);
}

/* Not inside the call, unless what ran in it has ended everything. */
static void end_later(gathering *g, sio_namespace *parent) {
    if (parent->adapter_ended) {
        gathering_end(g, SIO_ERR_DISCONNECTED);
    } else {
        sio_pending_init(&g->pending, parent, finish);
        sio_pending_defer(&g->pending);
    }
}

static void on_count(uint64_t peers, void *user) {
    const gathering *g = user;
    g->acks.on_count(peers, g->acks.user);
}

static int on_ack(sio_str from, const sio_args *args, void *user) {
    const gathering *g = user;
    return g->acks.on_ack(from, args, g->acks.user);
}

static void on_missing(sio_str id, void *user) {
    const gathering *g = user;
    g->acks.on_missing(id, g->acks.user);
}

static void on_end(int status, void *user) {
    gathering *g = user;
    g->status = g->status != 0 ? g->status : status;
    if (--g->open == 0) {
        gathering_end(g, SIO_OK);
    }
}

static sio_adapter_acks begin_one(void *user) {
    gathering *g = user;
    g->open++;
    return (sio_adapter_acks){.size = sizeof(sio_adapter_acks),
                              .on_count = on_count,
                              .on_ack = on_ack,
                              .on_missing = on_missing,
                              .on_end = on_end,
                              .user = g};
}

static void one_failed(int status, void *user) {
    gathering *g = user;
    g->status = g->status != 0 ? g->status : status;
}

static void ask_child(gathering *g, const sio_target *child, const sio_adapter_event *event) {
    sio_adapter_acks acks = begin_one(g);
    int rc = child->ns->ops.broadcast_with_ack(child->ns->adapter, child, event, &acks);
    if (rc != 0) {
        g->open--;
        one_failed(rc, g);
    }
}

static void ask_others(gathering *g, const sio_target *target, const sio_adapter_event *event) {
    sio_adapter *cluster = target->ns->as_parent->cluster;
    if (cluster) {
        const sio_cluster_asking asking = {begin_one, one_failed, g};
        sio_cluster_ask_elsewhere(cluster, target, event, &asking);
    }
}

static int broadcast_with_ack(sio_adapter *adapter, const sio_target *target,
                              const sio_adapter_event *event, const sio_adapter_acks *acks) {
    sio_server *server = target->ns->server;
    if (sio_packet_is_reserved(event->name)) {
        return SIO_ERR_RESERVED;
    }
    gathering *g = sio_mem_zalloc(server->mem, sizeof(*g));
    if (!g) {
        return SIO_ERR_NOMEM;
    }
    g->mem = server->mem;
    g->acks = *acks;
    g->open = 1;
    const sio_list *children = children_of(target);
    sio_server_enter(server);
    ask_others(g, target, event);
    for (sio_list *at = children->next; !server->dead && at != children; at = at->next) {
        sio_target child = child_target(target, at);
        ask_child(g, &child, event);
    }
    if (--g->open == 0) {
        end_later(g, target->ns);
    }
    sio_server_leave(server);
    return 0;
}

/* ---- what parents cannot do ---- */

static int fetch(sio_adapter *adapter, const sio_target *target, sio_fetch_fn done, void *user) {
    return SIO_ERR_UNSUPPORTED;
}

static int server_side_emit(sio_adapter *adapter, const sio_adapter_event *event,
                            uint32_t timeout_ms, sio_server_side_fn done, void *user) {
    return SIO_ERR_UNSUPPORTED;
}

/* ---- other servers ---- */

int sio_parent_join_cluster(sio_namespace *ns, sio_adapter_done_fn begun) {
    const sio_server_adapter *factory = &ns->server->adapter;
    sio_adapter *cluster;
    if (!sio_hub_serves(ns->server)) {
        return 0;
    }
    int rc = factory->create(&cluster, ns, factory->user);
    if (rc != 0) {
        return rc;
    }
    ns->as_parent->cluster = cluster;
    rc = cluster->ops->init(cluster, begun, ns);
    if (rc != 0) {
        begun(rc, ns);
    }
    return 0;
}

static void close_adapter(sio_adapter *adapter, sio_adapter_done_fn done, void *user) {
    sio_adapter *cluster = adapter->ns->as_parent->cluster;
    if (cluster) {
        cluster->ops->close(cluster, done, user);
    } else if (done) {
        done(SIO_OK, user);
    }
}

static void free_adapter(sio_adapter *adapter) {
    sio_parent *parent = adapter->ns->as_parent;
    if (parent->cluster) {
        parent->cluster->ops->free(parent->cluster);
        parent->cluster = NULL;
    }
}

const sio_adapter_ops sio_parent_ops = {
    .size = sizeof(sio_adapter_ops),
    .close = close_adapter,
    .free = free_adapter,
    .broadcast = broadcast,
    .broadcast_with_ack = broadcast_with_ack,
    .fetch = fetch,
    .add_peers = add_peers,
    .del_peers = del_peers,
    .disconnect_peers = disconnect_peers,
    .server_side_emit = server_side_emit,
};
