/* The adapter of a server that stands alone, and what namespaces do with adapters of any kind. */
#include "adapter.h"
#include "parent.h"
#include "pending.h"
#include "recovery.h"

#include "mem.h"

#include <string.h>

/* ---- results that are known at once and handed out a little later ---- */

typedef struct answer {
    sio_pending pending;
    const sio_mem *mem;
    union {
        sio_adapter_count_fn count;
        sio_adapter_done_fn done;
        sio_adapter_restored_fn restored;
        sio_server_side_fn server_side;
    } fn;
    void *user;
    uint32_t servers;
} answer;

static int answer_new(answer **out, sio_namespace *ns,
                      void (*finish)(sio_pending *pending, int status), void *user) {
    if (ns->adapter_ended) {
        return SIO_ERR_DISCONNECTED;
    }
    answer *a = sio_mem_zalloc(ns->server->mem, sizeof(*a));
    if (!a) {
        return SIO_ERR_NOMEM;
    }
    a->mem = ns->server->mem;
    a->user = user;
    sio_pending_init(&a->pending, ns, finish);
    sio_pending_defer(&a->pending);
    *out = a;
    return 0;
}

static answer answer_take(sio_pending *pending) {
    answer *a = SIO_CONTAINER(pending, answer, pending);
    sio_pending_done(pending);
    answer copy = *a;
    sio_mem_release(a->mem, a);
    return copy;
}

static void finish_count(sio_pending *pending, int status) {
    answer a = answer_take(pending);
    a.fn.count(status, status == SIO_OK ? a.servers : 0, a.user);
}

int sio_adapter_answer_count(sio_namespace *ns, uint32_t servers, sio_adapter_count_fn done,
                             void *user) {
    answer *a;
    int rc = answer_new(&a, ns, finish_count, user);
    if (rc == 0) {
        a->servers = servers;
        a->fn.count = done;
    }
    return rc;
}

static int server_count(sio_adapter *adapter, sio_adapter_count_fn done, void *user) {
    return sio_adapter_answer_count(adapter->ns, 1, done, user);
}

static void finish_done(sio_pending *pending, int status) {
    answer a = answer_take(pending);
    a.fn.done(status, a.user);
}

static int persist_session(sio_adapter *adapter, const sio_adapter_session *session,
                           sio_adapter_done_fn done, void *user) {
    answer *a;
    int rc = done ? answer_new(&a, adapter->ns, finish_done, user) : 0;
    if (rc == 0 && done) {
        a->fn.done = done;
    }
    return rc;
}

static void finish_restored(sio_pending *pending, int status) {
    answer a = answer_take(pending);
    a.fn.restored(status == SIO_OK ? SIO_ERR_NOT_FOUND : status, NULL, NULL, 0, a.user);
}

static int restore_session(sio_adapter *adapter, sio_str pid, sio_str offset,
                           sio_adapter_restored_fn done, void *user) {
    answer *a;
    int rc = answer_new(&a, adapter->ns, finish_restored, user);
    if (rc == 0) {
        a->fn.restored = done;
    }
    return rc;
}

static void finish_server_side(sio_pending *pending, int status) {
    answer a = answer_take(pending);
    sio_server_side_reply reply = {.size = sizeof(reply), .status = status};
    a.fn.server_side(&reply, a.user);
}

static int server_side_emit(sio_adapter *adapter, const sio_adapter_event *event,
                            uint32_t timeout_ms, sio_server_side_fn done, void *user) {
    if (!done) {
        SIO_LOG(&adapter->ns->server->log, SIO_LOG_WARN, "socket.io-adapter",
                "this adapter does not support the serverSideEmit() functionality");
        return SIO_ERR_UNSUPPORTED;
    }
    answer *a;
    int rc = answer_new(&a, adapter->ns, finish_server_side, user);
    if (rc == 0) {
        a->fn.server_side = done;
    }
    return rc;
}

/* ---- what is done at once ---- */

static int init(sio_adapter *adapter, sio_adapter_done_fn done, void *user) {
    done(SIO_OK, user);
    return 0;
}

static void close_now(sio_adapter *adapter, sio_adapter_done_fn done, void *user) {
    if (done) {
        done(SIO_OK, user);
    }
}

static void free_nothing(sio_adapter *adapter) {
}

static int join(sio_adapter *adapter, sio_peer *peer, const char *room) {
    return sio_adapter_local_join(peer, room);
}

static void leave(sio_adapter *adapter, sio_peer *peer, const char *room) {
    sio_adapter_local_leave(peer, room);
}

static void leave_all(sio_adapter *adapter, sio_peer *peer) {
    sio_adapter_local_leave_all(peer);
}

static int broadcast(sio_adapter *adapter, const sio_target *target,
                     const sio_adapter_event *event) {
    return sio_adapter_local_emit(target, event);
}

static int broadcast_with_ack(sio_adapter *adapter, const sio_target *target,
                              const sio_adapter_event *event, const sio_adapter_acks *acks) {
    return sio_adapter_local_emit_ack(target, event, acks);
}

static int fetch(sio_adapter *adapter, const sio_target *target, sio_fetch_fn done, void *user) {
    return sio_adapter_local_fetch(target, done, user);
}

static int add_peers(sio_adapter *adapter, const sio_target *target, const char *const *rooms,
                     size_t count) {
    return sio_adapter_local_add(target, rooms, count);
}

static int del_peers(sio_adapter *adapter, const sio_target *target, const char *const *rooms,
                     size_t count) {
    return sio_adapter_local_del(target, rooms, count);
}

static int disconnect_peers(sio_adapter *adapter, const sio_target *target, bool close_connection) {
    return sio_adapter_local_disconnect(target, close_connection);
}

const sio_adapter_ops sio_adapter_memory_ops = {
    .size = sizeof(sio_adapter_ops),
    .init = init,
    .close = close_now,
    .free = free_nothing,
    .server_count = server_count,
    .join = join,
    .leave = leave,
    .leave_all = leave_all,
    .broadcast = broadcast,
    .broadcast_with_ack = broadcast_with_ack,
    .fetch = fetch,
    .add_peers = add_peers,
    .del_peers = del_peers,
    .disconnect_peers = disconnect_peers,
    .server_side_emit = server_side_emit,
    .persist_session = persist_session,
    .restore_session = restore_session,
};

/* ---- attaching ---- */

/* What the adapter lacks is done in memory. */
#define COMPLETE(member)                                                                           \
    do {                                                                                           \
        if (!ops->member) {                                                                        \
            ops->member = sio_adapter_memory_ops.member;                                           \
        }                                                                                          \
    } while (0)

static void complete(sio_adapter_ops *ops) {
    COMPLETE(init);
    COMPLETE(close);
    COMPLETE(free);
    COMPLETE(server_count);
    COMPLETE(join);
    COMPLETE(leave);
    COMPLETE(leave_all);
    COMPLETE(broadcast);
    COMPLETE(broadcast_with_ack);
    COMPLETE(fetch);
    COMPLETE(add_peers);
    COMPLETE(del_peers);
    COMPLETE(disconnect_peers);
    COMPLETE(server_side_emit);
    COMPLETE(persist_session);
    COMPLETE(restore_session);
}

/* As for options: an older adapter knows fewer operations. */
static int read_ops(sio_namespace *ns) {
    const sio_adapter_ops *given = ns->adapter->ops;
    if (!given || given->size < sizeof(given->size) || given->size > sizeof(*given)) {
        return SIO_ERR_INVALID;
    }
    ns->ops = (sio_adapter_ops){0};
    memcpy(&ns->ops, given, given->size);
    complete(&ns->ops);
    return 0;
}

static void begun(int status, void *user) {
    sio_namespace *ns = user;
    if (status != SIO_OK) {
        SIO_LOG(&ns->server->log, SIO_LOG_ERROR, "socket.io:namespace", "adapter of %s: %s",
                ns->name, sio_error_text(status));
    }
}

int sio_adapter_attach(sio_namespace *ns) {
    const sio_server_adapter *factory = &ns->server->adapter;
    ns->ops = sio_adapter_memory_ops; /* until there is another */
    ns->memory = (sio_adapter){.ops = &sio_adapter_memory_ops, .ns = ns};
    sio_adapter *adapter = &ns->memory;
    int rc = 0;
    if (ns->as_parent) {
        adapter->ops = &sio_parent_ops;
        rc = sio_parent_join_cluster(ns, begun);
    } else if (factory->create) {
        rc = factory->create(&adapter, ns, factory->user);
    } else if (ns->server->recovery.size != 0) {
        rc = sio_recovery_adapter_new(&adapter, ns);
    }
    if (rc != 0) {
        return rc;
    }
    ns->adapter = adapter;
    adapter->ns = ns;
    rc = read_ops(ns);
    if (rc != 0) {
        ns->adapter = NULL;
        return rc;
    }
    rc = ns->ops.init(adapter, begun, ns);
    if (rc != 0) {
        begun(rc, ns);
    }
    return 0;
}

void sio_adapter_end(sio_namespace *ns, sio_adapter_done_fn done, void *user) {
    if (ns->adapter_ended || !ns->adapter) {
        if (done) {
            done(SIO_OK, user);
        }
        return;
    }
    ns->adapter_ended = true;
    void (*close_adapter)(sio_adapter *, sio_adapter_done_fn, void *) = ns->ops.close;
    void (*free_adapter)(sio_adapter *) = ns->ops.free;
    ns->ops = sio_adapter_memory_ops;
    ns->ops.free = free_adapter;
    sio_pending_cancel_all(ns);
    close_adapter(ns->adapter, done, user);
    sio_pending_cancel_all(ns);
}

void sio_adapter_detach(sio_namespace *ns) {
    sio_adapter_end(ns, NULL, NULL);
    if (ns->adapter) {
        ns->ops.free(ns->adapter);
        ns->adapter = NULL;
    }
}

void sio_adapter_renew(sio_namespace *ns) {
    if (!ns->adapter_ended) {
        return;
    }
    sio_adapter_detach(ns);
    ns->adapter_ended = false;
    int rc = sio_adapter_attach(ns);
    if (rc != 0) {
        ns->adapter = &ns->memory;
        begun(rc, ns);
    }
}

sio_adapter *sio_namespace_adapter(const sio_namespace *ns) {
    return ns->adapter;
}
