#include "adapter_cluster_state.h"

#include "adapter.h"
#include "peer.h"

#include "mem.h"

#include <net/random.h>

#include <string.h>

/* ---- telling the others ---- */

bool sio_cluster_has_others(const sio_cluster_adapter *self) {
    return self->open && self->carrier->ops->has_others(self->carrier);
}

int sio_cluster_message_of(sio_cluster_message **out, sio_cluster_adapter *self,
                           sio_cluster_content *content, const sio_target *target,
                           const sio_args *args) {
    const sio_namespace *ns = self->base.ns;
    sio_server *server = ns->server;
    const char **joined = NULL;
    int rc = target ? sio_cluster_opts_of(&content->opts, &joined, target) : 0;
    content->uid = self->uid;
    if (!content->nsp.ptr) {
        content->nsp = (sio_str){ns->name, ns->name_len};
    }
    if (rc == 0) {
        server->encode.len = 0;
        rc = sio_cluster_message_new(out, content, args, &server->encode, self->carrier->links,
                                     self->carrier->mem);
    }
    sio_mem_release(server->mem, joined);
    return rc;
}

static int publish(sio_cluster_adapter *self, sio_cluster_content *content,
                   const sio_target *target, const sio_args *args) {
    sio_cluster_message *message;
    int rc = sio_cluster_message_of(&message, self, content, target, args);
    if (rc == 0) {
        rc = self->carrier->ops->publish(self->carrier, message, NULL);
        sio_cluster_message_unref(message);
    }
    if (rc != 0) {
        SIO_LOG(&self->base.ns->server->log, SIO_LOG_ERROR, "socket.io:adapter",
                "other servers were not told: %s", sio_error_text(rc));
    }
    return rc;
}

static bool concerns_others(const sio_cluster_adapter *self, const sio_target *target) {
    return target->error == 0 && !target->is_local && sio_cluster_has_others(self);
}

/* What was done here is done, whether or not the others could be told; but the caller learns it. */
static int first_error(int told, int done) {
    return done != 0 ? done : told;
}

/* ---- events ---- */

/* What cannot be kept is not sent either: who comes back would miss it without knowing. */
static int broadcast_stored(sio_cluster_adapter *self, const sio_target *target,
                            const sio_adapter_event *event) {
    sio_carrier *carrier = self->carrier;
    sio_cluster_content content = {.type = SIO_CLUSTER_BROADCAST, .packet.name = event->name};
    bool here_only = target->is_local || event->peer;
    sio_cluster_message *message;
    int rc = sio_cluster_message_of(&message, self, &content, target, event->args);
    if (rc != 0) {
        return rc;
    }
    rc = carrier->ops->store(carrier, message, here_only);
    if (rc == 0) {
        sio_adapter_event numbered = *event;
        numbered.offset = (sio_str){message->offset, message->offset_len};
        sio_server *server = self->base.ns->server;
        sio_server_enter(server);
        rc = sio_adapter_local_emit(target, &numbered);
        if (rc != 0 && self->open) {
            carrier->ops->not_sent(carrier, message);
        }
        sio_server_leave(server);
    }
    sio_cluster_message_unref(message);
    return rc;
}

static int broadcast(sio_adapter *adapter, const sio_target *target,
                     const sio_adapter_event *event) {
    sio_cluster_adapter *self = sio_cluster_of(adapter);
    int told = 0;
    if (target->error != 0) {
        return target->error;
    }
    if (sio_packet_is_reserved(event->name)) {
        return SIO_ERR_RESERVED;
    }
    if (adapter->stores_events && !target->is_volatile && self->open) {
        return broadcast_stored(self, target, event);
    }
    if (concerns_others(self, target)) {
        sio_cluster_content content = {.type = SIO_CLUSTER_BROADCAST, .packet.name = event->name};
        told = publish(self, &content, target, event->args);
    }
    return first_error(told, sio_adapter_local_emit(target, event));
}

/* ---- acting on all of a target ---- */

static int add_peers(sio_adapter *adapter, const sio_target *target, const char *const *rooms,
                     size_t count) {
    sio_cluster_adapter *self = sio_cluster_of(adapter);
    int told = 0;
    if (concerns_others(self, target)) {
        sio_cluster_content content = {
            .type = SIO_CLUSTER_JOIN, .rooms = rooms, .room_count = count};
        told = publish(self, &content, target, NULL);
    }
    return first_error(told, sio_adapter_local_add(target, rooms, count));
}

static int del_peers(sio_adapter *adapter, const sio_target *target, const char *const *rooms,
                     size_t count) {
    sio_cluster_adapter *self = sio_cluster_of(adapter);
    int told = 0;
    if (concerns_others(self, target)) {
        sio_cluster_content content = {
            .type = SIO_CLUSTER_LEAVE, .rooms = rooms, .room_count = count};
        told = publish(self, &content, target, NULL);
    }
    return first_error(told, sio_adapter_local_del(target, rooms, count));
}

static int disconnect_peers(sio_adapter *adapter, const sio_target *target, bool close_connection) {
    sio_cluster_adapter *self = sio_cluster_of(adapter);
    int told = 0;
    if (concerns_others(self, target)) {
        sio_cluster_content content = {.type = SIO_CLUSTER_DISCONNECT, .close = close_connection};
        told = publish(self, &content, target, NULL);
    }
    return first_error(told, sio_adapter_local_disconnect(target, close_connection));
}

/* ---- what arrives ---- */

static void receive_broadcast(sio_cluster_adapter *self, const sio_cluster_message *message) {
    sio_namespace *ns = self->base.ns;
    sio_args *args = ns->server->scratch;
    sio_target target = sio_cluster_message_target(message, ns);
    if (ns->peer_count == 0 && sio_list_empty(&ns->returning)) {
        return;
    }
    int rc = sio_cluster_message_args(message, args);
    if (rc == 0) {
        sio_adapter_event event = {.size = sizeof(event),
                                   .name = message->content.packet.name,
                                   .args = args,
                                   .offset = {message->offset, message->offset_len}};
        rc = sio_adapter_local_emit(&target, &event);
    }
    sio_args_reset(args);
    if (rc != 0) {
        SIO_LOG(&ns->server->log, SIO_LOG_WARN, "socket.io:adapter",
                "an event of another server: %s", sio_error_text(rc));
    }
}

static void receive_request(sio_cluster_adapter *self, const sio_cluster_message *message) {
    const sio_cluster_content *content = &message->content;
    sio_target target = sio_cluster_message_target(message, self->base.ns);
    switch (content->type) {
    case SIO_CLUSTER_BROADCAST:
        if (content->request_id != 0) {
            sio_cluster_answer_broadcast(self, message);
        } else {
            receive_broadcast(self, message);
        }
        break;
    case SIO_CLUSTER_JOIN:
        (void)sio_adapter_local_add(&target, content->rooms, content->room_count);
        break;
    case SIO_CLUSTER_LEAVE:
        (void)sio_adapter_local_del(&target, content->rooms, content->room_count);
        break;
    case SIO_CLUSTER_DISCONNECT:
        (void)sio_adapter_local_disconnect(&target, content->close);
        break;
    case SIO_CLUSTER_FETCH:
        sio_cluster_answer_fetch(self, message);
        break;
    case SIO_CLUSTER_SERVER_SIDE_EMIT:
        sio_cluster_answer_server_side(self, message);
        break;
    default:
        break;
    }
}

static bool is_answer(sio_cluster_type type) {
    return type == SIO_CLUSTER_FETCH_RESPONSE || type == SIO_CLUSTER_SERVER_SIDE_EMIT_RESPONSE ||
           type == SIO_CLUSTER_BROADCAST_CLIENT_COUNT || type == SIO_CLUSTER_BROADCAST_ACK;
}

/* Who asks for a parent is answered by its children: there the id must do. */
static bool is_for(const sio_cluster_adapter *self, const sio_cluster_content *content) {
    const sio_namespace *ns = self->base.ns;
    bool same =
        content->nsp.len == ns->name_len && memcmp(content->nsp.ptr, ns->name, ns->name_len) == 0;
    return self->open && content->uid != self->uid &&
           (same || (ns->as_parent && is_answer(content->type)));
}

void sio_cluster_receive(sio_adapter *adapter, const sio_cluster_message *message) {
    sio_cluster_adapter *self = sio_cluster_of(adapter);
    if (!is_for(self, &message->content)) {
        return;
    }
    if (is_answer(message->content.type)) {
        sio_cluster_requests_answer(&self->requests, message);
        return;
    }
    switch (message->content.type) {
    case SIO_CLUSTER_ADAPTER_CLOSE:
        sio_cluster_requests_gone(&self->requests, message->content.uid);
        break;
    default:
        receive_request(self, message);
        break;
    }
}

/* ---- children that only others have ---- */

typedef struct telling {
    sio_cluster_adapter *self;
    const sio_cluster_content *content;
    const sio_target *target;
    const sio_args *args;
} telling;

static int tell_place(sio_cluster_place *place, sio_str nsp, void *user) {
    const telling *t = user;
    sio_carrier *carrier = t->self->carrier;
    sio_cluster_content content = *t->content;
    sio_cluster_message *message;
    content.nsp = nsp;
    int rc = sio_cluster_message_of(&message, t->self, &content, t->target, t->args);
    if (rc == 0) {
        bool store = content.type == SIO_CLUSTER_BROADCAST && !t->target->is_volatile;
        rc = carrier->ops->publish_at(carrier, place, message, store, NULL);
        sio_cluster_message_unref(message);
    }
    return rc;
}

int sio_cluster_tell_elsewhere(sio_adapter *adapter, const sio_cluster_content *content,
                               const sio_target *target, const sio_args *args) {
    sio_cluster_adapter *self = sio_cluster_of(adapter);
    telling t = {self, content, target, args};
    if (!self->open || target->is_local || target->error != 0 || !self->carrier->ops->elsewhere) {
        return target->error;
    }
    return self->carrier->ops->elsewhere(self->carrier, tell_place, &t);
}

/* ---- sessions ---- */

static int persist_session(sio_adapter *adapter, const sio_adapter_session *session,
                           sio_adapter_done_fn done, void *user) {
    sio_carrier *carrier = sio_cluster_of(adapter)->carrier;
    if (!carrier->ops->persist_session) {
        return sio_adapter_memory_ops.persist_session(adapter, session, done, user);
    }
    return carrier->ops->persist_session(carrier, session, done, user);
}

static int restore_session(sio_adapter *adapter, sio_str pid, sio_str offset,
                           sio_adapter_restored_fn done, void *user) {
    sio_carrier *carrier = sio_cluster_of(adapter)->carrier;
    if (!carrier->ops->restore_session) {
        return sio_adapter_memory_ops.restore_session(adapter, pid, offset, done, user);
    }
    return carrier->ops->restore_session(carrier, pid, offset, done, user);
}

static void leave_all(sio_adapter *adapter, sio_peer *peer) {
    sio_carrier *carrier = sio_cluster_of(adapter)->carrier;
    if (peer->recovered && carrier->ops->forget_session) {
        carrier->ops->forget_session(carrier,
                                     (sio_str){peer->extra->pid, strlen(peer->extra->pid)});
    }
    sio_adapter_local_leave_all(peer);
}

/* ---- life ---- */

static int init(sio_adapter *adapter, sio_adapter_done_fn done, void *user) {
    sio_cluster_adapter *self = sio_cluster_of(adapter);
    int rc = self->carrier->ops->open(self->carrier, adapter);
    if (rc == 0) {
        self->open = true;
        done(SIO_OK, user);
    }
    return rc;
}

/* What was awaited has been completed by the namespace. */
static void close_adapter(sio_adapter *adapter, sio_adapter_done_fn done, void *user) {
    sio_cluster_adapter *self = sio_cluster_of(adapter);
    if (!self->open) {
        if (done) {
            done(SIO_OK, user);
        }
        return;
    }
    self->open = false;
    sio_cluster_content content = {.type = SIO_CLUSTER_ADAPTER_CLOSE};
    (void)publish(self, &content, NULL, NULL);
    self->carrier->ops->close(self->carrier, done, user);
}

static void free_adapter(sio_adapter *adapter) {
    sio_cluster_adapter *self = sio_cluster_of(adapter);
    const sio_mem *mem = adapter->ns->server->mem;
    self->carrier->ops->free(self->carrier);
    sio_cluster_requests_done(&self->requests);
    sio_weak_end(&self->weak);
    sio_mem_release(mem, self);
}

static int server_count(sio_adapter *adapter, sio_adapter_count_fn done, void *user) {
    sio_carrier *carrier = sio_cluster_of(adapter)->carrier;
    return carrier->ops->server_count(carrier, done, user);
}

int sio_cluster_adapter_new(sio_adapter **out, sio_namespace *ns, sio_carrier *carrier) {
    static const sio_adapter_ops ops = {
        .size = sizeof(sio_adapter_ops),
        .init = init,
        .close = close_adapter,
        .free = free_adapter,
        .server_count = server_count,
        .leave_all = leave_all,
        .broadcast = broadcast,
        .broadcast_with_ack = sio_cluster_broadcast_with_ack,
        .fetch = sio_cluster_fetch,
        .add_peers = add_peers,
        .del_peers = del_peers,
        .disconnect_peers = disconnect_peers,
        .server_side_emit = sio_cluster_server_side_emit,
        .persist_session = persist_session,
        .restore_session = restore_session,
    };
    const sio_mem *mem = ns->server->mem;
    sio_cluster_adapter *self = sio_mem_zalloc(mem, sizeof(*self));
    if (!self) {
        return SIO_ERR_NOMEM;
    }
    self->base = (sio_adapter){.ops = &ops, .ns = ns, .stores_events = carrier->ops->store != NULL};
    self->carrier = carrier;
    int rc = sio_random_fill(ns->server->loop, &self->uid, sizeof(self->uid));
    if (rc == 0) {
        rc = sio_cluster_requests_init(&self->requests, ns, carrier->max_others,
                                       ns->server->max_pending_acks);
    }
    if (rc != 0) {
        sio_mem_release(mem, self);
        return rc;
    }
    self->uid |= 1; /* never nobody */
    *out = &self->base;
    return 0;
}

sio_cluster_uid sio_cluster_adapter_uid(const sio_adapter *adapter) {
    return ((const sio_cluster_adapter *)adapter)->uid;
}
