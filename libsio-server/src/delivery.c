#include "delivery.h"

#include "middleware.h"
#include "next.h"

#include "mem.h"

#include <string.h>

/* Kept for the next events, with the memory of their arguments. */
enum { SPARE_MAX = 64 };

typedef struct delivery {
    sio_waiter waiter; /* first: see on_wake */
    sio_list link;     /* in the server's list: ready, waiting or spare */
    sio_peer *peer;    /* a reference */
    sio_args *args;    /* its own; what is spare has some, too */
    sio_chain *chains[2];
    uint32_t asked; /* of both chains together */
    bool has_ack;
    bool running; /* its middlewares are being asked */
    bool forgotten;
    sio_ack ack;
} delivery;

/* ---- life ---- */

static void on_wake(sio_waiter *waiter);

static delivery *delivery_new(sio_server *server) {
    sio_list *spare = sio_list_shift(&server->spare_deliveries);
    if (spare) {
        server->spare_count--;
        return SIO_CONTAINER(spare, delivery, link);
    }
    delivery *self = sio_mem_zalloc(server->mem, sizeof(*self));
    if (!self || sio_args_new(&self->args, server->mem) != 0) {
        sio_mem_release(server->mem, self);
        return NULL;
    }
    self->waiter.mem = server->mem;
    self->waiter.wake = on_wake;
    self->waiter.for_event = true;
    sio_list_init(&self->link);
    return self;
}

static void delivery_release(delivery *self, sio_server *server) {
    sio_args_unref(self->args);
    sio_mem_release(server->mem, self);
}

/* Done with the event; the object stays for another one. */
static void put_back(delivery *self, sio_server *server) {
    sio_peer *peer = self->peer;
    if (self->has_ack) {
        sio_ack_end(&self->ack);
    }
    sio_waiter_abandon(&self->waiter);
    sio_waiter_clear(&self->waiter);
    sio_chain_unref(self->chains[0]);
    sio_chain_unref(self->chains[1]);
    sio_list_remove(&self->link);
    sio_args_reset(self->args);
    self->peer = NULL;
    if (server->spare_count < SPARE_MAX) {
        server->spare_count++;
        sio_list_push(&server->spare_deliveries, &self->link);
    } else {
        delivery_release(self, server);
    }
    sio_peer_unref(peer);
}

/* ---- the event ---- */

static sio_event event_of(delivery *self) {
    const sio_waiter *waiter = &self->waiter;
    sio_str name = sio_args_name(self->args);
    if (waiter->name) {
        name = (sio_str){waiter->name, strlen(waiter->name)};
    }
    return (sio_event){.size = sizeof(sio_event),
                       .name = name,
                       .args = waiter->args ? waiter->args : self->args,
                       .ack = self->has_ack ? &self->ack : NULL};
}

static void run(delivery *self) {
    sio_server *server = self->peer->ns->server;
    sio_peer *peer = self->peer;
    const sio_waiter *answer = &self->waiter;
    if (!server->dead && answer->status == SIO_ERR_NOMEM) {
        /* No middleware has refused it: dropped alone it would be lost without a word. */
        if (peer->connected) {
            sio_peer_fail(peer, SIO_ERR_NOMEM);
        }
    } else if (!server->dead && answer->status != 0) {
        sio_peer_report_error(peer, answer->status, answer->message, answer->data);
    } else if (!server->dead && peer->connected) {
        sio_event event = event_of(self);
        sio_peer_hand_out(peer, &event);
    }
    put_back(self, server);
}

static void on_ready(void *ctx) {
    sio_server *server = ctx;
    sio_list *first;
    sio_server_enter(server);
    while ((first = sio_list_shift(&server->ready_deliveries)) != NULL) {
        run(SIO_CONTAINER(first, delivery, link));
    }
    sio_server_leave(server);
}

static void make_ready(delivery *self) {
    sio_server *server = self->peer->ns->server;
    sio_list_remove(&self->link);
    sio_list_push(&server->ready_deliveries, &self->link);
    sio_loop_defer(server->loop, &server->ready_task);
}

void sio_delivery_flush(sio_server *server, const sio_conn *conn) {
    sio_list mine;
    sio_list_init(&mine);
    sio_list *next;
    for (sio_list *at = server->ready_deliveries.next; at != &server->ready_deliveries; at = next) {
        next = at->next;
        if (SIO_CONTAINER(at, delivery, link)->peer->conn == conn) {
            sio_list_remove(at);
            sio_list_push(&mine, at);
        }
    }
    while ((next = sio_list_shift(&mine)) != NULL) {
        run(SIO_CONTAINER(next, delivery, link));
    }
}

/* ---- the middlewares ---- */

static const sio_middleware *next_middleware(const delivery *self) {
    uint32_t first = sio_chain_count(self->chains[0]);
    if (self->asked < first) {
        return &self->chains[0]->items[self->asked];
    }
    uint32_t at = self->asked - first;
    return at < sio_chain_count(self->chains[1]) ? &self->chains[1]->items[at] : NULL;
}

/* False when the answer is awaited. */
static bool ask_one(delivery *self, const sio_middleware *item) {
    sio_next *next = sio_waiter_ask(&self->waiter, self->peer->ns->server, self->peer);
    if (!next) {
        self->waiter.status = SIO_ERR_NOMEM;
        return true;
    }
    sio_event event = event_of(self);
    self->asked++;
    ((sio_event_middleware_fn)item->fn)(self->peer, &event, next, item->user);
    return sio_next_returned(next);
}

static void ask(delivery *self) {
    sio_server *server = self->peer->ns->server;
    const sio_middleware *item;
    bool answered = true;
    self->running = true;
    while (answered && !server->dead && self->waiter.status == 0 &&
           (item = next_middleware(self)) != NULL) {
        answered = ask_one(self, item);
    }
    self->running = false;
    if (self->forgotten) {
        put_back(self, server);
    } else if (answered) {
        self->peer->waiting_events--;
        make_ready(self);
    }
}

/* An answer from outside of the middleware. The others are asked right away: whoever answers is in
 * no hand-out of this event. */
static void on_wake(sio_waiter *waiter) {
    delivery *self = SIO_CONTAINER(waiter, delivery, waiter);
    sio_server *server = self->peer->ns->server;
    sio_server_enter(server);
    ask(self);
    sio_server_leave(server);
}

void sio_delivery_forget(sio_peer *peer) {
    sio_server *server = peer->ns->server;
    if (peer->waiting_events == 0) {
        return;
    }
    sio_list *next;
    for (sio_list *at = server->waiting_deliveries.next; at != &server->waiting_deliveries;
         at = next) {
        delivery *self = SIO_CONTAINER(at, delivery, link);
        next = at->next;
        if (self->peer == peer) {
            peer->waiting_events--;
            self->forgotten = true;
            sio_waiter_abandon(&self->waiter);
            if (!self->running) {
                put_back(self, server);
            }
        }
    }
}

/* ---- taking over ---- */

/* The arguments are swapped for the spare ones, and own what they show. */
static int take_args(delivery *self, sio_server *server) {
    sio_args *args = server->scratch;
    int rc = sio_args_keep(args);
    if (rc == 0) {
        server->scratch = self->args;
        self->args = args;
    }
    return rc;
}

int sio_delivery_start(sio_peer *peer, sio_ack *ack) {
    sio_server *server = peer->ns->server;
    bool middlewares = peer->extra->event_chain || peer->ns->event_chain;
    if (middlewares && peer->waiting_events >= server->max_waiting_events) {
        return SIO_ERR_LIMIT;
    }
    delivery *self = delivery_new(server);
    if (!self) {
        return SIO_ERR_NOMEM;
    }
    self->peer = sio_peer_ref(peer);
    self->chains[0] = sio_chain_ref(peer->ns->event_chain);
    self->chains[1] = sio_chain_ref(peer->extra->event_chain);
    self->asked = 0;
    self->waiter.status = 0;
    self->forgotten = false;
    self->has_ack = false;
    int rc = take_args(self, server);
    if (rc != 0) {
        put_back(self, server);
        return rc;
    }
    if (ack) {
        self->has_ack = true;
        self->ack = *ack;
        ack->kept = NULL;
    }
    if (middlewares) {
        peer->waiting_events++;
        sio_list_push(&server->waiting_deliveries, &self->link);
        ask(self);
    } else {
        make_ready(self);
    }
    return 0;
}

/* ---- the server's share ---- */

void sio_delivery_init(sio_server *server) {
    sio_list_init(&server->ready_deliveries);
    sio_list_init(&server->waiting_deliveries);
    sio_list_init(&server->spare_deliveries);
    sio_task_init(&server->ready_task, on_ready, server);
}

static void put_back_all(sio_server *server, sio_list *list) {
    sio_list *first;
    while ((first = sio_list_shift(list)) != NULL) {
        put_back(SIO_CONTAINER(first, delivery, link), server);
    }
}

void sio_delivery_done(sio_server *server) {
    sio_task_cancel(&server->ready_task);
    put_back_all(server, &server->ready_deliveries);
    put_back_all(server, &server->waiting_deliveries);
    sio_list *first;
    while ((first = sio_list_shift(&server->spare_deliveries)) != NULL) {
        delivery_release(SIO_CONTAINER(first, delivery, link), server);
    }
}
