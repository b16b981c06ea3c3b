/* The adapter in memory that keeps what clients miss while they are away. */
#include "adapter.h"
#include "pending.h"
#include "recovery.h"
#include "recovery_store.h"

#include "mem.h"

#include <string.h>

typedef struct recovery_adapter {
    sio_adapter base; /* first */
    sio_recovery_store *store;
} recovery_adapter;

static sio_recovery_store *store_of(sio_adapter *adapter) {
    return SIO_CONTAINER(adapter, recovery_adapter, base)->store;
}

/* ---- events ---- */

/* Those who come back get what the sender was told of as sent, and nothing else: only what went out
 * stays in the store. */
static int send_kept(sio_recovery_store *store, const sio_target *target,
                     const sio_adapter_event *event) {
    sio_server *server = target->ns->server;
    char offset[SIO_OFFSET_MAX]; /* whoever observes the event may emit others, which push it out */
    memcpy(offset, event->offset.ptr, event->offset.len);
    sio_server_enter(server);
    int rc = sio_adapter_local_emit(target, event);
    if (rc != 0) {
        sio_recovery_store_forget(store, (sio_str){offset, event->offset.len});
    }
    sio_server_leave(server);
    return rc;
}

/* What cannot be kept is not sent either: who comes back would miss it without knowing. */
static int broadcast(sio_adapter *adapter, const sio_target *target,
                     const sio_adapter_event *event) {
    if (target->is_volatile) {
        return sio_adapter_local_emit(target, event);
    }
    sio_adapter_event numbered = *event;
    int rc = target->error;
    if (rc == 0 && sio_packet_is_reserved(event->name)) {
        rc = SIO_ERR_RESERVED;
    }
    if (rc == 0) {
        rc = sio_recovery_store_add(store_of(adapter), event->name, event->args, target,
                                    &numbered.offset);
    }
    return rc == 0 ? send_kept(store_of(adapter), target, &numbered) : rc;
}

/* ---- sessions ---- */

static int persist_session(sio_adapter *adapter, const sio_adapter_session *session,
                           sio_adapter_done_fn done, void *user) {
    sio_stored_session stored = {.pid = session->pid,
                                 .sid = session->sid,
                                 .data = {session->data, strlen(session->data)},
                                 .rooms = (const char **)(uintptr_t)session->rooms,
                                 .room_count = session->room_count};
    int rc = sio_recovery_store_persist(store_of(adapter), &stored);
    if (rc != 0 || !done) {
        return rc;
    }
    return sio_adapter_memory_ops.persist_session(adapter, session, done, user);
}

typedef struct restoring {
    sio_pending pending;
    sio_namespace *ns;
    sio_stored_session *session;
    sio_adapter_restored_fn done;
    void *user;
    size_t offset_len;
    char offset[]; /* the client's last one */
} restoring;

/* The events it has missed, borrowed from the store. */
static int gather(const restoring *self, sio_recovery_store *store, sio_adapter_event **events,
                  size_t *count) {
    const sio_mem *mem = self->ns->server->mem;
    sio_str offset = {self->offset, self->offset_len};
    const sio_stored_event *event;
    size_t cap = 0;
    while ((event = sio_recovery_store_missed(store, self->session, offset)) != NULL) {
        if (*count == cap) {
            size_t wider = cap ? cap * 2 : 16;
            sio_adapter_event *more = sio_mem_resize_array(mem, *events, wider, sizeof(*more));
            if (!more) {
                return SIO_ERR_NOMEM;
            }
            *events = more;
            cap = wider;
        }
        offset = (sio_str){event->offset, event->offset_len};
        (*events)[(*count)++] = (sio_adapter_event){.size = sizeof(sio_adapter_event),
                                                    .name = event->name,
                                                    .args = event->args,
                                                    .offset = offset};
    }
    return 0;
}

static void finish_restoring(sio_pending *pending, int status) {
    restoring *self = SIO_CONTAINER(pending, restoring, pending);
    const sio_mem *mem = self->ns->server->mem;
    sio_recovery_store *store = store_of(self->ns->adapter);
    const sio_stored_session *stored = self->session;
    sio_adapter_event *missed = NULL;
    size_t count = 0;
    sio_pending_done(pending);
    int rc = status == SIO_OK ? gather(self, store, &missed, &count) : status;
    sio_adapter_session session = {.size = sizeof(session),
                                   .pid = stored->pid,
                                   .sid = stored->sid,
                                   .rooms = stored->rooms,
                                   .room_count = stored->room_count,
                                   .data = stored->data.ptr};
    if (rc == SIO_OK) {
        self->done(SIO_OK, &session, missed, count, self->user);
    } else {
        self->done(rc, NULL, NULL, 0, self->user);
    }
    sio_stored_session_free(store, self->session);
    sio_mem_release(mem, missed);
    sio_mem_release(mem, self);
}

static int restore_session(sio_adapter *adapter, sio_str pid, sio_str offset,
                           sio_adapter_restored_fn done, void *user) {
    sio_namespace *ns = adapter->ns;
    const sio_mem *mem = ns->server->mem;
    restoring *self = sio_mem_alloc(mem, sizeof(*self) + offset.len);
    if (!self) {
        return SIO_ERR_NOMEM;
    }
    *self = (restoring){.ns = ns, .done = done, .user = user, .offset_len = offset.len};
    memcpy(self->offset, offset.ptr, offset.len);
    int rc = sio_recovery_store_restore(store_of(adapter), pid, offset, &self->session);
    if (rc != 0) {
        sio_mem_release(mem, self);
        return rc;
    }
    sio_pending_init(&self->pending, ns, finish_restoring);
    sio_pending_defer(&self->pending);
    return 0;
}

/* ---- life ---- */

static void free_adapter(sio_adapter *adapter) {
    const sio_mem *mem = adapter->ns->server->mem;
    sio_recovery_store_free(store_of(adapter));
    sio_mem_release(mem, SIO_CONTAINER(adapter, recovery_adapter, base));
}

int sio_recovery_adapter_new(sio_adapter **out, sio_namespace *ns) {
    static const sio_adapter_ops ops = {
        .size = sizeof(sio_adapter_ops),
        .free = free_adapter,
        .broadcast = broadcast,
        .persist_session = persist_session,
        .restore_session = restore_session,
    };
    const sio_server_recovery *settings = &ns->server->recovery;
    const sio_recovery_limits limits = {.keep_ms = settings->max_disconnection_ms,
                                        .max_sessions = settings->max_sessions,
                                        .max_events = settings->max_events,
                                        .max_bytes = settings->max_bytes};
    const sio_mem *mem = ns->server->mem;
    recovery_adapter *adapter = sio_mem_zalloc(mem, sizeof(*adapter));
    if (!adapter) {
        return SIO_ERR_NOMEM;
    }
    adapter->base = (sio_adapter){.ops = &ops, .ns = ns, .stores_events = true};
    int rc = sio_recovery_store_new(&adapter->store, ns->server->loop, &limits);
    if (rc != 0) {
        sio_mem_release(mem, adapter);
        return rc;
    }
    *out = &adapter->base;
    return 0;
}
