/* What is sent to a parent goes to each of its children, through their adapters. Children go only
 * from the loop's deferred queue, so the list may be walked while handlers run; one that they make
 * comes at its end. */
#include "adapter.h"
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

static int run_broadcast(const sio_target *child, const operation *what) {
    return child->ns->ops.broadcast(child->ns->adapter, child, what->event);
}

static int broadcast(sio_adapter *adapter, const sio_target *target,
                     const sio_adapter_event *event) {
    if (sio_packet_is_reserved(event->name)) {
        return SIO_ERR_RESERVED;
    }
    return on_each(target, &(operation){.run = run_broadcast, .event = event});
}

static int run_add(const sio_target *child, const operation *what) {
    return child->ns->ops.add_peers(child->ns->adapter, child, what->rooms, what->count);
}

static int add_peers(sio_adapter *adapter, const sio_target *target, const char *const *rooms,
                     size_t count) {
    return on_each(target, &(operation){.run = run_add, .rooms = rooms, .count = count});
}

static int run_del(const sio_target *child, const operation *what) {
    return child->ns->ops.del_peers(child->ns->adapter, child, what->rooms, what->count);
}

static int del_peers(sio_adapter *adapter, const sio_target *target, const char *const *rooms,
                     size_t count) {
    return on_each(target, &(operation){.run = run_del, .rooms = rooms, .count = count});
}

static int run_disconnect(const sio_target *child, const operation *what) {
    return child->ns->ops.disconnect_peers(child->ns->adapter, child, what->close_connection);
}

static int disconnect_peers(sio_adapter *adapter, const sio_target *target, bool close_connection) {
    return on_each(target,
                   &(operation){.run = run_disconnect, .close_connection = close_connection});
}

/* ---- acknowledgements ---- */

/* Those of all children together. */
typedef struct gathering {
    sio_pending pending; /* used when nobody is waited for at the end of the call */
    const sio_mem *mem;
    sio_adapter_acks acks;
    uint64_t asked;
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
    gathering *g = user;
    g->asked += peers;
    g->acks.on_count(g->asked, g->acks.user);
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

static void ask_child(gathering *g, const sio_target *child, const sio_adapter_event *event) {
    sio_adapter_acks acks = {.size = sizeof(acks),
                             .on_count = on_count,
                             .on_ack = on_ack,
                             .on_missing = on_missing,
                             .on_end = on_end,
                             .user = g};
    g->open++;
    int rc = child->ns->ops.broadcast_with_ack(child->ns->adapter, child, event, &acks);
    if (rc != 0) {
        g->open--;
        g->status = g->status != 0 ? g->status : rc;
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

const sio_adapter_ops sio_parent_ops = {
    .size = sizeof(sio_adapter_ops),
    .broadcast = broadcast,
    .broadcast_with_ack = broadcast_with_ack,
    .fetch = fetch,
    .add_peers = add_peers,
    .del_peers = del_peers,
    .disconnect_peers = disconnect_peers,
    .server_side_emit = server_side_emit,
};
