/* What a server asks the others: descriptions of peers, acknowledgements, answers to its events. */
#include "adapter_cluster_state.h"

#include "adapter.h"

#include "mem.h"

#include <string.h>

/* Make a message that asks for answers, and send it. The reference is the caller's, if it wants
 * one. */
static int ask(sio_cluster_message **kept, sio_cluster_adapter *self, sio_cluster_request *request,
               sio_cluster_content *content, const sio_target *target, const sio_args *args) {
    sio_cluster_message *message;
    content->request_id = request->id;
    int rc = sio_cluster_message_of(&message, self, content, target, args);
    if (rc != 0) {
        return rc;
    }
    rc = self->carrier->ops->publish(self->carrier, message, &request->audience);
    if (rc == 0 && kept) {
        *kept = message;
    } else {
        sio_cluster_message_unref(message);
    }
    return rc;
}

static sio_cluster_message *keep(const sio_cluster_message *message) {
    return sio_cluster_message_ref((sio_cluster_message *)(uintptr_t)message);
}

/* ---- describing peers ----
 *
 * Those of this server are described last, when the others have answered: what is said of them is
 * fresh then. */

typedef struct fetching {
    sio_cluster_request request; /* first */
    sio_fetch_fn fn;
    void *user;
    sio_cluster_message *question; /* its target is asked here, too */
    sio_cluster_message **answers; /* a reference to each */
    size_t answer_count;
    int status;
} fetching;

static void fetching_free(fetching *f) {
    const sio_mem *mem = f->request.requests->ns->server->mem;
    for (size_t i = 0; i < f->answer_count; i++) {
        sio_cluster_message_unref(f->answers[i]);
    }
    sio_mem_release(mem, f->answers);
    sio_cluster_message_unref(f->question);
    sio_cluster_request_free(&f->request);
}

static size_t remote_count(const fetching *f) {
    size_t count = 0;
    for (size_t i = 0; i < f->answer_count; i++) {
        count += f->answers[i]->content.peer_count;
    }
    return count;
}

/* All of them in one array; NULL: no memory. */
static sio_remote_peer *combine(const fetching *f, const sio_fetch_reply *local, size_t count) {
    sio_namespace *ns = f->request.requests->ns;
    sio_remote_peer *all = sio_mem_alloc_array(ns->server->mem, count, sizeof(*all));
    if (!all) {
        return NULL;
    }
    if (local->count > 0) {
        memcpy(all, local->peers, local->count * sizeof(*all));
    }
    sio_remote_peer *at = all + local->count;
    for (size_t i = 0; i < f->answer_count; i++) {
        const sio_cluster_content *content = &f->answers[i]->content;
        for (size_t k = 0; k < content->peer_count; k++) {
            *at = content->peers[k];
            at->ns = ns;
            at++;
        }
    }
    return all;
}

static void fetched(fetching *f, const sio_fetch_reply *local) {
    const sio_mem *mem = f->request.requests->ns->server->mem;
    sio_fetch_reply reply = *local;
    size_t remote = remote_count(f);
    sio_remote_peer *all = NULL;
    reply.status = f->status != SIO_OK ? f->status : local->status;
    if (remote > 0) {
        all = combine(f, local, remote + local->count);
        reply.status = all ? reply.status : SIO_ERR_NOMEM;
        reply.peers = all ? all : reply.peers;
        reply.count = all ? remote + local->count : reply.count;
    }
    f->fn(&reply, f->user);
    sio_mem_release(mem, all);
    fetching_free(f);
}

static void on_local_fetched(const sio_fetch_reply *reply, void *user) {
    fetched(user, reply);
}

static void fetch_here(fetching *f, int status) {
    sio_namespace *ns = f->request.requests->ns;
    sio_target target = sio_cluster_message_target(f->question, ns);
    f->status = status;
    sio_cluster_request_end(&f->request);
    int rc = status == SIO_ERR_DISCONNECTED ? status
                                            : sio_adapter_local_fetch(&target, on_local_fetched, f);
    if (rc != 0) {
        fetched(f, &(sio_fetch_reply){.size = sizeof(sio_fetch_reply), .status = rc});
    }
}

static void fetch_complete(sio_cluster_request *request) {
    fetch_here((fetching *)request, SIO_OK);
}

static void fetch_failed(sio_cluster_request *request, int status) {
    fetch_here((fetching *)request, status);
}

static void fetch_answer(sio_cluster_request *request, sio_cluster_slot *slot,
                         const sio_cluster_message *message, bool first) {
    fetching *f = (fetching *)request;
    if (!first) {
        return;
    }
    f->answers[f->answer_count++] = keep(message);
    if (request->open == 0) {
        fetch_complete(request);
    }
}

static int fetch_new(fetching **out, sio_cluster_adapter *self) {
    sio_cluster_request *request;
    int rc = sio_cluster_request_new(&request, &self->requests, sizeof(fetching));
    if (rc != 0) {
        return rc;
    }
    fetching *f = (fetching *)request;
    f->answers = sio_mem_alloc_array(self->base.ns->server->mem, self->requests.max_others,
                                     sizeof(sio_cluster_message *));
    if (!f->answers) {
        sio_cluster_request_free(request);
        return SIO_ERR_NOMEM;
    }
    request->answers = SIO_CLUSTER_FETCH_RESPONSE;
    request->on_answer = fetch_answer;
    request->on_complete = fetch_complete;
    request->on_failed = fetch_failed;
    *out = f;
    return 0;
}

int sio_cluster_fetch(sio_adapter *adapter, const sio_target *target, sio_fetch_fn done,
                      void *user) {
    sio_cluster_adapter *self = sio_cluster_of(adapter);
    if (target->is_local || !sio_cluster_has_others(self)) {
        return sio_adapter_local_fetch(target, done, user);
    }
    fetching *f;
    int rc = fetch_new(&f, self);
    if (rc != 0) {
        return rc;
    }
    sio_cluster_content content = {.type = SIO_CLUSTER_FETCH};
    rc = ask(&f->question, self, &f->request, &content, target, NULL);
    if (rc != 0) {
        fetching_free(f);
        return rc;
    }
    f->fn = done;
    f->user = user;
    sio_cluster_request_begin(&f->request, target->timeout_ms);
    return 0;
}

/* ---- acknowledgements ----
 *
 * The peers of this server are asked by sio_adapter_local_emit_ack(), whose end is awaited in any
 * case: it is then that it says who is missing. */

typedef struct awaiting {
    sio_cluster_request request; /* first */
    sio_adapter_acks acks;
    uint64_t left; /* acknowledgements of peers of other servers */
    int status;    /* of the end that waits for the local one */
    bool local;    /* those of this server are awaited */
    bool ended;
    unsigned busy; /* callbacks and the call itself */
} awaiting;

static void awaiting_release(awaiting *a) {
    if (--a->busy == 0 && a->ended && !a->local) {
        sio_cluster_request_free(&a->request);
    }
}

static void acks_end(awaiting *a, int status) {
    if (a->ended) {
        return;
    }
    a->ended = true;
    sio_cluster_request_end(&a->request);
    a->acks.on_end(status, a->acks.user);
}

/* When those of this server have ended, too. */
static void acks_end_later(awaiting *a, int status) {
    a->status = a->status != SIO_OK ? a->status : status;
    if (!a->local) {
        acks_end(a, a->status);
    }
}

static void acks_end_if_complete(awaiting *a) {
    if (!a->local && a->request.open == 0 && a->left == 0) {
        acks_end(a, SIO_OK);
    }
}

static void acks_complete(sio_cluster_request *request) {
    awaiting *a = (awaiting *)request;
    a->busy++;
    acks_end_if_complete(a);
    awaiting_release(a);
}

static void acks_failed(sio_cluster_request *request, int status) {
    awaiting *a = (awaiting *)request;
    a->busy++;
    sio_cluster_request_end(request);
    acks_end_later(a, status);
    awaiting_release(a);
}

static void take_ack(awaiting *a, const sio_cluster_message *message) {
    sio_args *args = a->request.requests->ns->server->scratch;
    int rc = sio_cluster_message_args(message, args);
    if (rc == 0) {
        rc = a->acks.on_ack(message->content.from, args, a->acks.user);
    }
    sio_args_reset(args);
    if (rc != 0) {
        acks_end(a, rc);
    }
}

static void acks_answer(sio_cluster_request *request, sio_cluster_slot *slot,
                        const sio_cluster_message *message, bool first) {
    awaiting *a = (awaiting *)request;
    a->busy++;
    if (first) {
        slot->left = message->content.client_count;
        a->left += slot->left;
        a->acks.on_count(slot->left, a->acks.user);
    } else if (message->content.type == SIO_CLUSTER_BROADCAST_ACK && slot->left > 0) {
        slot->left--;
        a->left--;
        take_ack(a, message);
    }
    if (!a->ended) {
        acks_end_if_complete(a);
    }
    awaiting_release(a);
}

static void on_local_count(uint64_t peers, void *user) {
    const awaiting *a = user;
    a->acks.on_count(peers, a->acks.user);
}

static int on_local_ack(sio_str from, const sio_args *args, void *user) {
    awaiting *a = user;
    return a->ended ? SIO_ERR_STATE : a->acks.on_ack(from, args, a->acks.user);
}

static void on_local_missing(sio_str id, void *user) {
    const awaiting *a = user;
    if (!a->ended) {
        a->acks.on_missing(id, a->acks.user);
    }
}

static void on_local_end(int status, void *user) {
    awaiting *a = user;
    a->busy++;
    a->local = false;
    if (status != SIO_OK || a->status != SIO_OK) {
        acks_end_later(a, status);
    } else {
        acks_end_if_complete(a);
    }
    awaiting_release(a);
}

static int acks_begin(awaiting *a, const sio_target *target, const sio_adapter_event *event) {
    const sio_adapter_acks local = {.size = sizeof(local),
                                    .on_count = on_local_count,
                                    .on_ack = on_local_ack,
                                    .on_missing = on_local_missing,
                                    .on_end = on_local_end,
                                    .user = a};
    sio_server *server = target->ns->server;
    a->busy++;
    a->local = true;
    sio_server_enter(server);
    sio_cluster_request_begin(&a->request, target->timeout_ms);
    int rc = sio_adapter_local_emit_ack(target, event, &local);
    if (rc != 0) {
        a->local = false;
        a->ended = true;
    }
    awaiting_release(a);
    sio_server_leave(server);
    return rc;
}

static int acks_new(awaiting **out, sio_cluster_adapter *self) {
    sio_cluster_request *request;
    int rc = sio_cluster_request_new(&request, &self->requests, sizeof(awaiting));
    if (rc != 0) {
        return rc;
    }
    request->answers = SIO_CLUSTER_BROADCAST_CLIENT_COUNT;
    request->on_answer = acks_answer;
    request->on_complete = acks_complete;
    request->on_failed = acks_failed;
    *out = (awaiting *)request;
    return 0;
}

int sio_cluster_broadcast_with_ack(sio_adapter *adapter, const sio_target *target,
                                   const sio_adapter_event *event, const sio_adapter_acks *acks) {
    sio_cluster_adapter *self = sio_cluster_of(adapter);
    if (target->error != 0) {
        return target->error;
    }
    if (sio_packet_is_reserved(event->name)) {
        return SIO_ERR_RESERVED;
    }
    if (target->is_local || !sio_cluster_has_others(self)) {
        return sio_adapter_local_emit_ack(target, event, acks);
    }
    awaiting *a;
    int rc = acks_new(&a, self);
    if (rc != 0) {
        return rc;
    }
    sio_cluster_content content = {.type = SIO_CLUSTER_BROADCAST, .packet.name = event->name};
    rc = ask(NULL, self, &a->request, &content, target, event->args);
    if (rc != 0) {
        sio_cluster_request_free(&a->request);
        return rc;
    }
    a->acks = *acks;
    return acks_begin(a, target, event);
}

typedef struct place_asking {
    sio_cluster_adapter *self;
    const sio_target *target;
    const sio_adapter_event *event;
    const sio_cluster_asking *asking;
} place_asking;

/* Nobody of this server has the namespace: only others are awaited. */
static int ask_place(sio_cluster_place *place, sio_str nsp, void *user) {
    const place_asking *p = user;
    sio_carrier *carrier = p->self->carrier;
    sio_cluster_message *message;
    awaiting *a;
    int rc = acks_new(&a, p->self);
    if (rc != 0) {
        return rc;
    }
    sio_cluster_content content = {.type = SIO_CLUSTER_BROADCAST,
                                   .nsp = nsp,
                                   .packet.name = p->event->name,
                                   .request_id = a->request.id};
    rc = sio_cluster_message_of(&message, p->self, &content, p->target, p->event->args);
    if (rc == 0) {
        rc = carrier->ops->publish_at(carrier, place, message, false, &a->request.audience);
        sio_cluster_message_unref(message);
    }
    if (rc != 0) {
        sio_cluster_request_free(&a->request);
        return rc;
    }
    a->acks = p->asking->begin(p->asking->user);
    sio_cluster_request_begin(&a->request, p->target->timeout_ms);
    return 0;
}

void sio_cluster_ask_elsewhere(sio_adapter *adapter, const sio_target *target,
                               const sio_adapter_event *event, const sio_cluster_asking *asking) {
    sio_cluster_adapter *self = sio_cluster_of(adapter);
    place_asking p = {self, target, event, asking};
    if (!self->open || target->is_local || !self->carrier->ops->elsewhere) {
        return;
    }
    int rc = self->carrier->ops->elsewhere(self->carrier, ask_place, &p);
    if (rc != 0) {
        asking->failed(rc, asking->user);
    }
}

/* ---- events between servers ---- */

typedef struct emitting {
    sio_cluster_request request; /* first */
    sio_server_side_fn fn;
    void *user;
    sio_cluster_message **answers; /* a reference to each */
    sio_args **responses;          /* read from them at the end */
    size_t answer_count;
} emitting;

static void emitting_release(emitting *e) {
    const sio_mem *mem = e->request.requests->ns->server->mem;
    sio_mem_release(mem, e->answers);
    sio_mem_release(mem, e->responses);
    sio_cluster_request_free(&e->request);
}

static void emitting_free(emitting *e) {
    for (size_t i = 0; i < e->answer_count; i++) {
        sio_args_unref(e->responses[i]);
        sio_cluster_message_unref(e->answers[i]);
    }
    emitting_release(e);
}

static int keep_response(emitting *e, const sio_cluster_message *message) {
    sio_args *args;
    int rc = sio_args_new(&args, e->request.requests->ns->server->mem);
    if (rc != 0) {
        return rc;
    }
    rc = sio_cluster_message_args(message, args);
    if (rc != 0) {
        sio_args_unref(args);
        return rc;
    }
    e->responses[e->answer_count] = args;
    e->answers[e->answer_count++] = keep(message);
    return 0;
}

static void emit_end(emitting *e, int status) {
    sio_server_side_reply reply = {.size = sizeof(reply),
                                   .status = status,
                                   .responses = (const sio_args *const *)e->responses,
                                   .count = e->answer_count};
    sio_cluster_request_end(&e->request);
    e->fn(&reply, e->user);
    emitting_free(e);
}

static void emit_complete(sio_cluster_request *request) {
    emit_end((emitting *)request, SIO_OK);
}

static void emit_failed(sio_cluster_request *request, int status) {
    emit_end((emitting *)request, status);
}

static void emit_answer(sio_cluster_request *request, sio_cluster_slot *slot,
                        const sio_cluster_message *message, bool first) {
    emitting *e = (emitting *)request;
    int rc = first ? keep_response(e, message) : 0;
    if (rc != 0) {
        emit_end(e, rc);
    } else if (first && request->open == 0) {
        emit_complete(request);
    }
}

static int emit_new(emitting **out, sio_cluster_adapter *self) {
    const sio_mem *mem = self->base.ns->server->mem;
    sio_cluster_request *request;
    int rc = sio_cluster_request_new(&request, &self->requests, sizeof(emitting));
    if (rc != 0) {
        return rc;
    }
    emitting *e = (emitting *)request;
    uint32_t most = self->requests.max_others;
    e->answers = sio_mem_alloc_array(mem, most, sizeof(sio_cluster_message *));
    e->responses = sio_mem_alloc_array(mem, most, sizeof(sio_args *));
    if (!e->answers || !e->responses) {
        emitting_release(e);
        return SIO_ERR_NOMEM;
    }
    request->answers = SIO_CLUSTER_SERVER_SIDE_EMIT_RESPONSE;
    request->on_answer = emit_answer;
    request->on_complete = emit_complete;
    request->on_failed = emit_failed;
    *out = e;
    return 0;
}

static int emit_without_answers(sio_cluster_adapter *self, sio_cluster_content *content,
                                const sio_args *args) {
    sio_cluster_message *message;
    if (!sio_cluster_has_others(self)) {
        return 0;
    }
    int rc = sio_cluster_message_of(&message, self, content, NULL, args);
    if (rc == 0) {
        rc = self->carrier->ops->publish(self->carrier, message, NULL);
        sio_cluster_message_unref(message);
    }
    return rc;
}

int sio_cluster_server_side_emit(sio_adapter *adapter, const sio_adapter_event *event,
                                 uint32_t timeout_ms, sio_server_side_fn done, void *user) {
    sio_cluster_adapter *self = sio_cluster_of(adapter);
    sio_cluster_content content = {.type = SIO_CLUSTER_SERVER_SIDE_EMIT,
                                   .packet.name = event->name};
    if (!self->open) { /* it could not begin: nobody is there, as in memory */
        return sio_adapter_memory_ops.server_side_emit(adapter, event, timeout_ms, done, user);
    }
    if (!done) {
        return emit_without_answers(self, &content, event->args);
    }
    emitting *e;
    int rc = emit_new(&e, self);
    if (rc != 0) {
        return rc;
    }
    rc = ask(NULL, self, &e->request, &content, NULL, event->args);
    if (rc != 0) {
        emitting_free(e);
        return rc;
    }
    e->fn = done;
    e->user = user;
    sio_cluster_request_begin(&e->request, timeout_ms);
    return 0;
}
