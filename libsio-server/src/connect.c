#include "connect.h"

#include "middleware.h"
#include "next.h"
#include "parent.h"
#include "peer.h"
#include "recovery.h"

#include "mem.h"

#include <sio/recovery.h>

#include <string.h>

typedef struct joining {
    sio_waiter waiter; /* first: see on_wake */
    sio_list link;     /* with the others of the connection that are on their way */
    sio_task task;
    sio_conn *conn;     /* a reference */
    sio_peer *peer;     /* a reference, once there is one */
    sio_namespace *ns;  /* while it is restored */
    sio_parent *parent; /* the one that is being asked, with the next three */
    char *name;
    char *auth;
    size_t auth_len;
    sio_chain *chain;
    uint32_t asked; /* of the chain */
    uint32_t refs;
    uint16_t slot;
    bool under_way;
    bool restoring; /* the adapter has not said what it kept */
} joining;

static void joining_unref(joining *self) {
    if (--self->refs != 0) {
        return;
    }
    sio_conn *conn = self->conn;
    sio_waiter_clear(&self->waiter);
    sio_chain_unref(self->chain);
    sio_mem_release(conn->server->mem, self->name);
    sio_mem_release(conn->server->mem, self->auth);
    sio_mem_release(conn->server->mem, self);
    sio_conn_unref(conn);
}

static bool is_on_its_way(const joining *self) {
    return self->under_way;
}

static void take_out(joining *self) {
    sio_list *next = sio_list_linked(&self->link) ? self->link.next : NULL;
    if (self->conn->connects == &self->link) {
        self->conn->connects = next;
    }
    sio_list_remove(&self->link);
    self->under_way = false;
}

/* It is over, whatever the outcome. */
static void finish(joining *self) {
    sio_peer *peer = self->peer;
    take_out(self);
    sio_task_cancel(&self->task);
    sio_waiter_abandon(&self->waiter);
    self->peer = NULL;
    if (peer) {
        sio_peer_give_up(peer);
        sio_peer_unref(peer);
    }
    joining_unref(self);
}

static void fail(joining *self, int err) {
    sio_conn *conn = sio_conn_ref(self->conn);
    SIO_LOG(&conn->server->log, SIO_LOG_WARN, "socket.io:client", "closing: %s",
            sio_error_text(err));
    sio_session_refuse(&conn->session, self->slot);
    finish(self);
    sio_engine_session_fail(conn->engine, err);
    sio_conn_unref(conn);
}

static void refuse(joining *self, const sio_refusal *refusal) {
    sio_conn *conn = sio_conn_ref(self->conn);
    sio_conn_refuse(conn, self->slot, refusal);
    finish(self);
    sio_conn_unref(conn);
}

/* ---- step 3: the peer ---- */

static int make_peer(joining *self, sio_namespace *ns, sio_str auth) {
    int rc = sio_peer_new(&self->peer, ns, self->conn, self->slot, auth);
    if (rc == 0) {
        sio_peer_wait(self->peer);
        self->chain = sio_chain_ref(ns->chain);
    }
    return rc;
}

/* ---- step 8: in ---- */

static void enter(joining *self) {
    sio_conn *conn = self->conn;
    sio_peer *peer = self->peer;
    int rc = sio_session_accept(&conn->session, self->slot, peer);
    if (rc == 0) {
        rc = sio_peer_enter(peer);
    }
    if (rc != 0) {
        sio_session_set_user(&conn->session, self->slot, NULL);
        fail(self, rc);
        return;
    }
    self->peer = NULL; /* the namespace has the reference now */
    sio_conn_ref(conn);
    sio_peer_ref(peer);
    finish(self);
    sio_conn_joined(conn);
    SIO_COUNT(conn->server->counters.namespaces_joined);
    sio_engine_session_settle(conn->engine);
    sio_conn_welcome(conn, peer);
    if (conn->open) {
        sio_peer_announce(peer);
    }
    sio_peer_unref(peer);
    sio_conn_unref(conn);
}

/* ---- step 7: the middlewares have been asked ---- */

static void decide(joining *self) {
    const sio_waiter *answer = &self->waiter;
    const sio_server *server = self->conn->server;
    if (server->dead || server->closing) {
        sio_session_refuse(&self->conn->session, self->slot);
        finish(self);
    } else if (answer->status != 0) {
        refuse(self, &(sio_refusal){
                         .message = answer->message, .data = answer->data, .by_middleware = true});
    } else {
        enter(self);
    }
}

/* ---- step 6: the middlewares ---- */

/* False when an answer is awaited, or all is over. */
static bool ask_one(joining *self) {
    const sio_middleware *item = &self->chain->items[self->asked++];
    sio_next *next = sio_waiter_ask(&self->waiter, self->conn->server, self->peer);
    if (!next) {
        fail(self, SIO_ERR_NOMEM);
        return false;
    }
    ((sio_middleware_fn)item->fn)(self->peer, next, item->user);
    return sio_next_returned(next);
}

static bool has_more_middlewares(const joining *self) {
    return self->waiter.status == 0 && self->asked < sio_chain_count(self->chain);
}

/* One tick later the decision is carried out, so that what arrived with the CONNECT, such as the
 * connection's end, is known by then. */
static void ask(joining *self) {
    self->refs++;
    const sio_server *server = self->conn->server;
    bool answered = true;
    while (answered && !server->dead && has_more_middlewares(self)) {
        answered = ask_one(self);
    }
    if (answered && is_on_its_way(self)) {
        sio_loop_defer(self->conn->server->loop, &self->task);
    }
    joining_unref(self);
}

/* ---- step 2: has it been here before? ---- */

static void begin_asking(joining *self) {
    const sio_server *server = self->conn->server;
    if (self->peer->recovered && !server->recovery.run_middlewares) {
        self->asked = sio_chain_count(self->chain);
    }
    if (!self->peer->extra->pid && server->recovery.size != 0 && !sio_conn_is_old(self->conn)) {
        int rc = sio_recovery_begin(self->peer);
        if (rc != 0) {
            fail(self, rc);
            return;
        }
    }
    ask(self);
}

/* What was missed goes out before the rooms are entered: who is told of that may send more. */
static int replay(joining *self, const sio_adapter_session *session,
                  const sio_adapter_event *missed, size_t count) {
    sio_peer *peer = sio_peer_ref(self->peer);
    int rc = sio_recovery_take_ids(peer, session);
    if (rc != 0) { /* for the next attempt */
        (void)self->ns->ops.persist_session(self->ns->adapter, session, NULL, NULL);
    }
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = sio_peer_emit_missed(peer, &missed[i]);
    }
    if (rc == 0) {
        sio_peer_return(peer);
        rc = sio_recovery_take_rooms(peer, session);
    }
    sio_peer_unref(peer);
    return rc;
}

static void on_restored(int status, const sio_adapter_session *session,
                        const sio_adapter_event *missed, size_t missed_count, void *user) {
    joining *self = user;
    sio_server *server = self->conn->server;
    sio_server_enter(server);
    self->restoring = false;
    bool wanted = is_on_its_way(self) && !server->dead && !server->closing;
    if (status == SIO_OK && !wanted) {
        sio_namespace *ns = self->ns;
        (void)ns->ops.persist_session(ns->adapter, session, NULL, NULL);
    }
    int rc = wanted && status == SIO_OK ? replay(self, session, missed, missed_count) : 0;
    wanted = wanted && is_on_its_way(self) && !server->dead; /* handlers may have ended it */
    if (wanted && rc != 0) {
        fail(self, rc);
    } else if (wanted) {
        begin_asking(self);
    }
    joining_unref(self);
    sio_server_leave(server);
}

/* True when the answer is awaited, or all is over. */
static bool restore(joining *self, sio_namespace *ns, sio_str auth) {
    sio_recovery_request request;
    if (self->conn->server->recovery.size == 0 || sio_conn_is_old(self->conn) ||
        !sio_recovery_request_parse(auth, &request)) {
        return false;
    }
    self->ns = ns;
    self->refs++;
    sio_recovery_take_over(ns, request.pid, self->conn);
    if (!is_on_its_way(self) || self->conn->server->dead) {
        joining_unref(self);
        return true;
    }
    self->restoring = true;
    if (ns->ops.restore_session(ns->adapter, request.pid, request.offset, on_restored, self) == 0) {
        return true;
    }
    self->restoring = false;
    self->refs--;
    return false;
}

/* ---- from the namespace on ---- */

static void join(joining *self, sio_namespace *ns, sio_str auth) {
    int rc = make_peer(self, ns, auth);
    if (rc != 0) {
        fail(self, rc);
        sio_child_left(ns);
    } else if (!restore(self, ns, auth)) {
        begin_asking(self);
    }
}

/* ---- step 1: a parent that takes the name ---- */

static sio_str auth_of(const joining *self) {
    return self->auth ? (sio_str){self->auth, self->auth_len} : (sio_str){NULL, 0};
}

static void refuse_name(joining *self) {
    refuse(self, &(sio_refusal){.message = "Invalid namespace"});
}

/* Those who are told of a new namespace may end all of this. */
static void take_child(joining *self) {
    sio_server *server = self->conn->server;
    sio_namespace *ns;
    int rc = sio_parent_provide(&ns, self->parent, self->name);
    if (server->dead || !is_on_its_way(self)) {
        return;
    }
    if (rc == 0) {
        join(self, ns, auth_of(self));
    } else if (rc == SIO_ERR_LIMIT) {
        refuse_name(self);
    } else {
        fail(self, rc);
    }
}

/* Ask the one that is in turn. False when the answer is awaited, or all is over. */
static bool ask_parent(joining *self) {
    sio_parent *parent = self->parent;
    if (!parent->fn) {
        bool matches = sio_parent_matches(parent, (sio_str){self->name, strlen(self->name)});
        self->waiter.status = matches ? 0 : SIO_ERR_SIO_REFUSED;
        return true;
    }
    sio_next *next = sio_waiter_ask(&self->waiter, self->conn->server, NULL);
    if (!next) {
        fail(self, SIO_ERR_NOMEM);
        return false;
    }
    sio_str auth = self->auth ? auth_of(self) : SIO_STR("{}");
    parent->fn(self->name, auth, next, parent->user);
    return sio_next_returned(next);
}

/* From the parent that is in turn on, as far as answers are there. */
static void ask_parents(joining *self) {
    const sio_server *server = self->conn->server;
    bool answered = true;
    self->refs++;
    while (self->parent && (answered = ask_parent(self)) && !server->dead &&
           self->waiter.status != 0) {
        sio_waiter_clear(&self->waiter);
        self->waiter.status = 0;
        self->parent = sio_parent_after(server, &self->parent->link);
    }
    if (answered && !server->dead && is_on_its_way(self)) {
        if (self->parent) {
            take_child(self);
        } else {
            refuse_name(self);
        }
    }
    joining_unref(self);
}

/* The answer of the one in turn is there. */
static void go_on_with_parents(joining *self) {
    bool agreed = self->waiter.status == 0;
    sio_waiter_clear(&self->waiter);
    self->waiter.status = 0;
    self->refs++;
    if (agreed) {
        take_child(self);
    } else {
        self->parent = sio_parent_after(self->conn->server, &self->parent->link);
        ask_parents(self);
    }
    joining_unref(self);
}

static void start_with_parents(joining *self, sio_str name, sio_str auth) {
    const sio_mem *mem = self->conn->server->mem;
    self->name = sio_mem_strndup(mem, name.ptr, name.len);
    self->auth = auth.len > 0 ? sio_mem_strndup(mem, auth.ptr, auth.len) : NULL;
    self->auth_len = auth.len;
    if (!self->name || (auth.len > 0 && !self->auth)) {
        fail(self, SIO_ERR_NOMEM);
        return;
    }
    ask_parents(self);
}

/* ---- going on ---- */

static void on_task(void *ctx) {
    joining *self = ctx;
    sio_server *server = self->conn->server;
    sio_server_enter(server);
    if (!self->peer && !server->dead && !server->closing) {
        go_on_with_parents(self);
    } else if (has_more_middlewares(self) && !server->dead) {
        ask(self);
    } else {
        decide(self);
    }
    sio_server_leave(server);
}

/* An answer from outside of the middleware. */
static void on_wake(sio_waiter *waiter) {
    joining *self = SIO_CONTAINER(waiter, joining, waiter);
    sio_loop_defer(self->conn->server->loop, &self->task);
}

/* ---- beginning and ending ---- */

static joining *joining_new(sio_conn *conn, uint16_t slot) {
    joining *self = sio_mem_zalloc(conn->server->mem, sizeof(*self));
    if (!self) {
        return NULL;
    }
    self->conn = sio_conn_ref(conn);
    self->slot = slot;
    self->refs = 1;
    self->waiter.mem = conn->server->mem;
    self->waiter.wake = on_wake;
    sio_task_init(&self->task, on_task, self);
    sio_list_init(&self->link);
    if (conn->connects) {
        sio_list_push(conn->connects, &self->link);
    } else {
        conn->connects = &self->link;
    }
    self->under_way = true;
    return self;
}

void sio_connect_start(sio_conn *conn, uint16_t slot, sio_str auth) {
    sio_server *server = conn->server;
    sio_str name = sio_session_nsp(&conn->session, slot);
    sio_namespace *ns = sio_namespace_lookup(server, name);
    sio_parent *first = ns ? NULL : sio_parent_after(server, &server->parents);
    if (!ns && !first) {
        sio_conn_refuse(conn, slot, &(sio_refusal){.message = "Invalid namespace"});
        return;
    }
    joining *self = joining_new(conn, slot);
    if (!self) {
        sio_session_refuse(&conn->session, slot);
        sio_engine_session_fail(conn->engine, SIO_ERR_NOMEM);
        return;
    }
    sio_server_enter(server);
    if (ns) {
        join(self, ns, auth);
    } else {
        self->parent = first;
        start_with_parents(self, name, auth);
    }
    sio_server_leave(server);
}

void sio_connect_abandon_all(sio_conn *conn) {
    while (conn->connects) {
        joining *self = SIO_CONTAINER(conn->connects, joining, link);
        if (self->peer && self->peer->recovered) {
            sio_recovery_keep_always(self->peer);
        }
        finish(self);
    }
}
