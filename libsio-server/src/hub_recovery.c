/* Clients that come back, on whichever member of the hub.
 *
 * A session is given back in three steps. If it is not kept, the client may still be connected to
 * another member, which does not know yet that the connection is dead: the others are asked to
 * close it. Then a token goes through the own inbox, so that all that was sent before has been
 * handed out here. When it comes out, the session is taken, with what has been handed out here and
 * not been received by the client; what is behind the token, the client gets like everyone else. */
#include "hub_state.h"

#include "adapter.h"
#include "recovery.h"

#include "mem.h"

#include <string.h>

enum {
    TAKE_OVER = SIO_CLUSTER_OF_CARRIER, /* `from` is the pid of a client that has come back */
    TAKEN_OVER,                         /* if it was there, its session is kept now */
    SWEEP_MS = 60000
};

static void lock(const sio_hub_port *port) {
    pthread_mutex_lock(&port->channel->lock);
}

static void unlock(const sio_hub_port *port) {
    pthread_mutex_unlock(&port->channel->lock);
}

/* ---- keeping ---- */

static void on_sweep(void *ctx) {
    sio_hub_port *port = ctx;
    lock(port);
    bool more = sio_hub_log_sweep(port->channel->log, sio_loop_now(port->loop));
    unlock(port);
    if (more) {
        sio_timer_start(&port->sweep, SWEEP_MS);
    }
}

static void sweep_later(sio_hub_port *port) {
    if (!sio_timer_running(&port->sweep)) {
        sio_timer_start(&port->sweep, SWEEP_MS);
    }
}

/* All events of others that are on their way come behind this one. */
static uint64_t low_of(const sio_hub_port *port) {
    return port->stored > 0 || port->lost > 0 ? port->passed + 1 : 0;
}

int sio_hub_store(sio_carrier *carrier, sio_cluster_message *message, bool here_only) {
    sio_hub_port *port = sio_hub_port_of(carrier);
    unsigned lost = 0;
    sio_time now = sio_loop_now(port->loop);
    lock(port);
    uint64_t low = low_of(port);
    int rc = sio_hub_log_add(port->channel->log, message, port->member->index, low, here_only, now);
    if (rc == 0 && low == 0) {
        port->passed = message->number;
    }
    if (rc == 0 && !here_only) {
        lost = sio_hub_push_all(port, message, NULL);
    }
    unlock(port);
    sio_hub_report_lost(port, lost);
    sweep_later(port);
    return rc;
}

void sio_hub_not_sent(sio_carrier *carrier, const sio_cluster_message *message) {
    const sio_hub_port *port = sio_hub_port_of(carrier);
    lock(port);
    sio_hub_log_not_sent(port->channel->log, message->number);
    unlock(port);
}

static int keep(sio_hub_port *port, const sio_adapter_session *session) {
    sio_time now = sio_loop_now(port->loop);
    lock(port);
    int rc = sio_hub_log_persist(port->channel->log, session, port->member->index, now);
    unlock(port);
    sweep_later(port);
    return rc;
}

int sio_hub_persist_session(sio_carrier *carrier, const sio_adapter_session *session,
                            sio_adapter_done_fn done, void *user) {
    sio_hub_port *port = sio_hub_port_of(carrier);
    int rc = keep(port, session);
    if (rc != 0 || !done) {
        return rc;
    }
    return sio_adapter_memory_ops.persist_session(port->adapter, session, done, user);
}

void sio_hub_forget_session(sio_carrier *carrier, sio_str pid) {
    const sio_hub_port *port = sio_hub_port_of(carrier);
    lock(port);
    sio_hub_log_forget(port->channel->log, pid);
    unlock(port);
}

/* ---- giving back ---- */

typedef struct restoring {
    sio_cluster_request request; /* first; of asking the others */
    sio_pending pending;         /* of waiting for the token */
    sio_cluster_link token;
    sio_hub_port *port;
    uint64_t seen; /* events of others up to this number are before the token */
    bool asked;
    sio_adapter_restored_fn done;
    void *user;
    sio_str pid;
    sio_str offset;
    char text[];
} restoring;

static bool is_kept(const restoring *r) {
    lock(r->port);
    bool kept = sio_hub_log_has_session(r->port->channel->log, r->pid);
    unlock(r->port);
    return kept;
}

static void fail(restoring *r, int status) {
    sio_adapter_restored_fn done = r->done;
    void *user = r->user;
    sio_cluster_request_free(&r->request);
    done(status, NULL, NULL, 0, user);
}

/* ---- the third step ---- */

typedef struct replay {
    sio_adapter_event *events;
    sio_args **args; /* one for each */
    size_t count;
} replay;

static void replay_free(replay *p, const sio_mem *mem) {
    for (size_t i = 0; i < p->count; i++) {
        sio_args_unref(p->args[i]);
    }
    sio_mem_release(mem, p->args);
    sio_mem_release(mem, p->events);
}

static int replay_add(replay *p, const sio_cluster_message *message, const sio_mem *mem) {
    int rc = sio_args_new(&p->args[p->count], mem);
    if (rc != 0) {
        return rc;
    }
    sio_args *args = p->args[p->count];
    p->events[p->count++] = (sio_adapter_event){.size = sizeof(sio_adapter_event),
                                                .name = message->content.packet.name,
                                                .args = args,
                                                .offset = {message->offset, message->offset_len}};
    return sio_cluster_message_args(message, args);
}

static int replay_new(replay *p, const sio_hub_restored *restored, const sio_mem *mem) {
    *p = (replay){0};
    if (restored->count == 0) {
        return 0;
    }
    p->events = sio_mem_alloc_array(mem, restored->count, sizeof(*p->events));
    p->args = sio_mem_alloc_array(mem, restored->count, sizeof(sio_args *));
    int rc = p->events && p->args ? 0 : SIO_ERR_NOMEM;
    for (size_t i = 0; rc == 0 && i < restored->count; i++) {
        rc = replay_add(p, restored->missed[i], mem);
    }
    return rc;
}

static void give_back(restoring *r, sio_hub_restored *restored) {
    sio_hub_port *port = r->port;
    const sio_mem *mem = port->ns->server->mem;
    const sio_mem *shared = port->member->hub->mem;
    sio_adapter_restored_fn done = r->done;
    void *user = r->user;
    replay missed;
    int rc = replay_new(&missed, restored, mem);
    sio_cluster_request_free(&r->request);
    if (rc == 0) {
        done(SIO_OK, &restored->session->session, missed.events, missed.count, user);
    } else { /* for the next attempt */
        (void)keep(port, &restored->session->session);
        done(rc, NULL, NULL, 0, user);
    }
    replay_free(&missed, mem);
    sio_hub_restored_free(restored, shared);
}

static int ask(restoring *r);

void sio_hub_turn(sio_cluster_link *token) {
    restoring *r = SIO_CONTAINER(token, restoring, token);
    sio_hub_port *port = r->port;
    sio_hub_restored restored;
    sio_time now = sio_loop_now(port->loop);
    sio_pending_done(&r->pending);
    lock(port);
    int rc = sio_hub_log_restore(port->channel->log, &restored, r->pid, r->offset,
                                 port->member->index, r->seen, now);
    unlock(port);
    if (rc == 0) {
        give_back(r, &restored);
        return;
    }
    /* Another connection of the client may have been given it meanwhile. */
    if (rc != SIO_ERR_NOT_FOUND || r->asked || is_kept(r) || ask(r) != 0) {
        fail(r, rc);
    }
}

/* ---- the second step ---- */

/* The namespace ends. */
static void on_cancelled(sio_pending *pending, int status) {
    restoring *r = SIO_CONTAINER(pending, restoring, pending);
    sio_pending_done(&r->pending);
    lock(r->port);
    sio_list_remove(&r->token.link);
    unlock(r->port);
    fail(r, status);
}

static void wait_for_turn(restoring *r) {
    sio_hub_port *port = r->port;
    sio_cluster_request_end(&r->request);
    sio_pending_init(&r->pending, port->ns, on_cancelled);
    lock(port);
    r->seen = sio_hub_log_last(port->channel->log);
    sio_list_push(&port->inbox, &r->token.link);
    sio_hub_wake(port);
    unlock(port);
}

/* ---- the first step ---- */

static void go_on(restoring *r) {
    if (is_kept(r)) {
        wait_for_turn(r);
    } else {
        fail(r, SIO_ERR_NOT_FOUND);
    }
}

static void on_complete(sio_cluster_request *request) {
    go_on((restoring *)request);
}

static void on_failed(sio_cluster_request *request, int status) {
    if (status == SIO_ERR_TIMEOUT) {
        go_on((restoring *)request);
    } else {
        fail((restoring *)request, status);
    }
}

static void on_answer(sio_cluster_request *request, sio_cluster_slot *slot,
                      const sio_cluster_message *message, bool first) {
    restoring *r = (restoring *)request;
    if (first && (request->open == 0 || is_kept(r))) {
        go_on(r);
    }
}

static int message_of(sio_cluster_message **out, const sio_hub_port *port, int type, sio_str pid,
                      uint64_t request_id) {
    const sio_cluster_content content = {.type = (sio_cluster_type)type,
                                         .uid = port->uid,
                                         .nsp = {port->ns->name, port->ns->name_len},
                                         .request_id = request_id,
                                         .from = pid};
    sio_buf none;
    sio_buf_init(&none, 0, NULL);
    return sio_cluster_message_new(out, &content, NULL, &none, port->carrier.links,
                                   port->carrier.mem);
}

/* Errors: SIO_ERR_NOT_FOUND when there is nobody to ask, SIO_ERR_NOMEM. */
static int ask(restoring *r) {
    sio_hub_port *port = r->port;
    sio_cluster_request *request = &r->request;
    sio_cluster_message *message;
    int rc = message_of(&message, port, TAKE_OVER, r->pid, request->id);
    if (rc != 0) {
        return rc;
    }
    rc = sio_cluster_request_list(request);
    if (rc == 0) {
        request->audience.count = 0;
        rc = sio_hub_publish(&port->carrier, message, &request->audience);
    }
    sio_cluster_message_unref(message);
    if (rc == 0 && request->audience.count == 0) {
        rc = SIO_ERR_NOT_FOUND;
    }
    if (rc == 0) {
        r->asked = true;
        sio_cluster_request_begin(request, SIO_CLUSTER_TIMEOUT_MS);
    }
    return rc;
}

void sio_hub_receive(sio_hub_port *port, const sio_cluster_message *message) {
    const sio_cluster_content *content = &message->content;
    if ((int)content->type != TAKE_OVER) {
        sio_cluster_requests_answer(&port->requests, message);
        return;
    }
    sio_cluster_message *answer;
    sio_recovery_take_over(port->ns, content->from, NULL);
    if (!port->open ||
        message_of(&answer, port, TAKEN_OVER, (sio_str){NULL, 0}, content->request_id) != 0) {
        return;
    }
    (void)sio_hub_publish_response(&port->carrier, content->uid, answer);
    sio_cluster_message_unref(answer);
}

/* ---- asking for one ---- */

static int restoring_new(restoring **out, sio_hub_port *port, sio_str pid, sio_str offset) {
    sio_cluster_request *request;
    int rc = sio_cluster_request_new(&request, &port->requests,
                                     sizeof(restoring) + pid.len + offset.len);
    if (rc != 0) {
        return rc;
    }
    restoring *r = (restoring *)request;
    request->answers = (sio_cluster_type)TAKEN_OVER;
    request->on_answer = on_answer;
    request->on_complete = on_complete;
    request->on_failed = on_failed;
    sio_list_init(&r->token.link);
    r->port = port;
    memcpy(r->text, pid.ptr, pid.len);
    memcpy(r->text + pid.len, offset.ptr, offset.len);
    r->pid = (sio_str){r->text, pid.len};
    r->offset = (sio_str){r->text + pid.len, offset.len};
    *out = r;
    return 0;
}

int sio_hub_restore_session(sio_carrier *carrier, sio_str pid, sio_str offset,
                            sio_adapter_restored_fn done, void *user) {
    sio_hub_port *port = sio_hub_port_of(carrier);
    const sio_hub_log *log = port->channel->log;
    restoring *r;
    lock(port);
    bool known = sio_hub_log_has_offset(log, offset);
    unlock(port);
    int rc = known ? restoring_new(&r, port, pid, offset) : SIO_ERR_NOT_FOUND;
    if (rc != 0) {
        return rc;
    }
    r->done = done;
    r->user = user;
    if (is_kept(r)) {
        wait_for_turn(r);
        return 0;
    }
    rc = ask(r);
    if (rc != 0) {
        sio_cluster_request_free(&r->request);
    }
    return rc;
}

/* ---- life ---- */

int sio_hub_recovery_init(sio_hub_port *port) {
    int rc =
        sio_cluster_requests_init(&port->requests, port->ns, port->carrier.max_others, UINT32_MAX);
    return rc == 0 ? sio_timer_init(&port->sweep, port->loop, on_sweep, port) : rc;
}

void sio_hub_recovery_done(sio_hub_port *port) {
    sio_timer_done(&port->sweep);
    sio_cluster_requests_done(&port->requests);
}
