/* What a server does for another one that asks. What fails is not answered: the other one knows by
 * the time that passes. */
#include "adapter_cluster_state.h"

#include "mem.h"

#include <sio/sys/ack.h>

/* Who has asked, while the answer is being made. Everything here ends before the adapter does. */
typedef struct question {
    sio_cluster_adapter *adapter;
    sio_cluster_uid uid;
    uint64_t request_id;
} question;

static void warn(const sio_cluster_adapter *self, int err) {
    SIO_LOG(&self->base.ns->server->log, SIO_LOG_WARN, "socket.io:adapter",
            "another server is not answered: %s", sio_error_text(err));
}

static question *question_new(sio_cluster_adapter *self, const sio_cluster_message *message) {
    question *q = sio_mem_alloc(self->base.ns->server->mem, sizeof(*q));
    if (!q) {
        warn(self, SIO_ERR_NOMEM);
        return NULL;
    }
    *q = (question){self, message->content.uid, message->content.request_id};
    return q;
}

static void question_free(question *q) {
    sio_mem_release(q->adapter->base.ns->server->mem, q);
}

static int answer(const question *q, sio_cluster_content *content, const sio_args *args) {
    sio_cluster_adapter *self = q->adapter;
    sio_cluster_message *message;
    if (!self->open) {
        return SIO_ERR_DISCONNECTED;
    }
    content->request_id = q->request_id;
    int rc = sio_cluster_message_of(&message, self, content, NULL, args);
    if (rc == 0) {
        rc = self->carrier->ops->publish_response(self->carrier, q->uid, message);
        sio_cluster_message_unref(message);
    }
    if (rc != 0) {
        warn(self, rc);
    }
    return rc;
}

/* ---- describing peers ---- */

static void on_fetched(const sio_fetch_reply *reply, void *user) {
    question *q = user;
    if (reply->status == SIO_OK) {
        sio_cluster_content content = {
            .type = SIO_CLUSTER_FETCH_RESPONSE, .peers = reply->peers, .peer_count = reply->count};
        (void)answer(q, &content, NULL);
    }
    question_free(q);
}

void sio_cluster_answer_fetch(sio_cluster_adapter *self, const sio_cluster_message *message) {
    sio_target target = sio_cluster_message_target(message, self->base.ns);
    question *q = question_new(self, message);
    int rc = q ? sio_adapter_local_fetch(&target, on_fetched, q) : 0;
    if (rc != 0) {
        warn(self, rc);
        question_free(q);
    }
}

/* ---- acknowledgements ---- */

static void on_count(uint64_t peers, void *user) {
    sio_cluster_content content = {.type = SIO_CLUSTER_BROADCAST_CLIENT_COUNT,
                                   .client_count = peers};
    (void)answer(user, &content, NULL);
}

static int on_ack(sio_str from, const sio_args *args, void *user) {
    sio_cluster_content content = {.type = SIO_CLUSTER_BROADCAST_ACK, .from = from};
    (void)answer(user, &content, args);
    return 0;
}

/* Who has asked keeps the time itself. */
static void on_missing(sio_str id, void *user) {
}

static void on_end(int status, void *user) {
    question_free(user);
}

void sio_cluster_answer_broadcast(sio_cluster_adapter *self, const sio_cluster_message *message) {
    sio_namespace *ns = self->base.ns;
    sio_args *args = ns->server->scratch;
    sio_target target = sio_cluster_message_target(message, ns);
    question *q = question_new(self, message);
    if (!q) {
        return;
    }
    const sio_adapter_acks acks = {.size = sizeof(acks),
                                   .on_count = on_count,
                                   .on_ack = on_ack,
                                   .on_missing = on_missing,
                                   .on_end = on_end,
                                   .user = q};
    int rc = sio_cluster_message_args(message, args);
    if (rc == 0) {
        sio_adapter_event event = {
            .size = sizeof(event), .name = message->content.packet.name, .args = args};
        rc = sio_adapter_local_emit_ack(&target, &event, &acks);
    }
    sio_args_reset(args);
    if (rc != 0) {
        warn(self, rc);
        question_free(q);
    }
}

/* ---- events between servers ----
 *
 * The application may keep the right to answer beyond the life of the adapter, and of the server.
 */

typedef struct right {
    sio_weak *adapter; /* a reference */
    sio_cluster_uid uid;
    unsigned refs;
} right;

static int right_send(void *owner, uint64_t id, const sio_args *args) {
    const right *r = owner;
    sio_cluster_adapter *self = r->adapter->object;
    if (!self) {
        return SIO_ERR_DISCONNECTED;
    }
    const question q = {self, r->uid, id};
    sio_cluster_content content = {.type = SIO_CLUSTER_SERVER_SIDE_EMIT_RESPONSE};
    return answer(&q, &content, args);
}

static void right_retain(void *owner) {
    ((right *)owner)->refs++;
}

static void right_release(void *owner) {
    right *r = owner;
    if (--r->refs == 0) {
        sio_weak *adapter = r->adapter;
        sio_mem_release(sio_weak_mem(adapter), r);
        sio_weak_unref(adapter);
    }
}

static const sio_ack_source right_source = {right_send, right_retain, right_release};

static right *right_new(sio_cluster_adapter *self, sio_cluster_uid uid) {
    sio_weak *weak = sio_weak_get(&self->weak, self, self->base.ns->server->mem);
    right *r = weak ? sio_mem_alloc(sio_weak_mem(weak), sizeof(*r)) : NULL;
    if (r) {
        sio_weak_ref(weak);
        *r = (right){.adapter = weak, .uid = uid, .refs = 1};
    }
    return r;
}

static void hand_out(sio_cluster_adapter *self, const sio_cluster_message *message, right *r) {
    sio_namespace *ns = self->base.ns;
    sio_args *args = NULL;
    int rc = sio_args_new(&args, ns->server->mem); /* its handlers may run for long */
    if (rc == 0) {
        rc = sio_cluster_message_args(message, args);
    }
    if (rc == 0) {
        sio_adapter_event event = {
            .size = sizeof(event), .name = message->content.packet.name, .args = args};
        sio_ack ack;
        if (r) {
            sio_ack_begin(&ack, &right_source, r, message->content.request_id,
                          sio_weak_mem(r->adapter));
        }
        sio_adapter_local_server_side(ns, &event, r ? &ack : NULL);
        if (r) {
            sio_ack_end(&ack);
        }
    } else {
        warn(self, rc);
    }
    sio_args_unref(args);
}

void sio_cluster_answer_server_side(sio_cluster_adapter *self, const sio_cluster_message *message) {
    right *r = NULL;
    if (message->content.request_id != 0) {
        r = right_new(self, message->content.uid);
        if (!r) {
            warn(self, SIO_ERR_NOMEM);
            return;
        }
    }
    hand_out(self, message, r);
    if (r) {
        right_release(r);
    }
}
