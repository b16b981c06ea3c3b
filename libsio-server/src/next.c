#include "next.h"

#include "mem.h"

#include <sio/json.h>
#include <sio/server.h>

#include <string.h>

struct sio_next {
    sio_list link;      /* in sio_server.nexts, until the answer or the server's end */
    sio_waiter *waiter; /* NULL once nobody waits */
    sio_peer *peer;     /* a reference */
    sio_mem mem;        /* a copy: the handle may outlive the server */
    bool has_mem;       /* or the C library's */
    bool running;       /* the middleware has not returned */
    bool answered;
};

static void let_go(sio_next *next) {
    sio_peer *peer = next->peer;
    next->peer = NULL;
    sio_list_remove(&next->link);
    sio_peer_unref(peer);
}

static void next_free(sio_next *next) {
    sio_mem mem = next->mem;
    bool has_mem = next->has_mem;
    let_go(next);
    sio_mem_release(has_mem ? &mem : NULL, next);
}

sio_next *sio_waiter_ask(sio_waiter *waiter, sio_server *server, sio_peer *peer) {
    sio_next *next = sio_mem_zalloc(server->mem, sizeof(*next));
    if (!next) {
        return NULL;
    }
    next->waiter = waiter;
    next->peer = peer ? sio_peer_ref(peer) : NULL;
    next->has_mem = server->mem != NULL;
    next->mem = server->mem ? *server->mem : (sio_mem){0};
    next->running = true;
    sio_list_init(&next->link);
    sio_list_push(&server->nexts, &next->link);
    waiter->next = next;
    waiter->status = 0;
    return next;
}

void sio_next_orphan_all(sio_server *server) {
    while (!sio_list_empty(&server->nexts)) {
        let_go(SIO_CONTAINER(server->nexts.next, sio_next, link));
    }
}

bool sio_next_returned(sio_next *next) {
    next->running = false;
    if (!next->answered) {
        return false;
    }
    bool heard = next->waiter != NULL;
    if (heard) {
        next->waiter->next = NULL;
    }
    next_free(next);
    return heard;
}

void sio_waiter_abandon(sio_waiter *waiter) {
    sio_next *next = waiter->next;
    waiter->next = NULL;
    if (next) {
        next->waiter = NULL;
    }
}

void sio_waiter_clear(sio_waiter *waiter) {
    sio_mem_release(waiter->mem, waiter->message);
    sio_mem_release(waiter->mem, waiter->data);
    sio_mem_release(waiter->mem, waiter->name);
    sio_args_unref(waiter->args);
    waiter->message = NULL;
    waiter->data = NULL;
    waiter->name = NULL;
    waiter->args = NULL;
}

/* ---- answering ---- */

/* The waiter may go away, and with it the peer, inside. */
static void answered(sio_next *next) {
    sio_waiter *waiter = next->waiter;
    next->answered = true;
    if (next->running) {
        return; /* sio_next_returned() sees to it */
    }
    if (waiter) {
        waiter->next = NULL;
        waiter->wake(waiter);
    }
    next_free(next);
}

int sio_next_ok(sio_next *next) {
    if (next->answered) {
        return SIO_ERR_STATE;
    }
    answered(next);
    return 0;
}

static int copy_refusal(sio_waiter *waiter, const char *message, const char *data) {
    int rc = data ? sio_json_validate(data, strlen(data), 0) : 0;
    if (rc != 0) {
        data = NULL;
    }
    waiter->message = message ? sio_mem_strndup(waiter->mem, message, strlen(message)) : NULL;
    waiter->data = data ? sio_mem_strndup(waiter->mem, data, strlen(data)) : NULL;
    if ((message && !waiter->message) || (data && !waiter->data)) {
        sio_waiter_clear(waiter);
        return SIO_ERR_NOMEM;
    }
    return rc;
}

int sio_next_refuse(sio_next *next, const char *message, const char *data_json) {
    if (next->answered) {
        return SIO_ERR_STATE;
    }
    int rc = 0;
    if (next->waiter) {
        rc = copy_refusal(next->waiter, message, data_json);
        next->waiter->status = SIO_ERR_SIO_REFUSED;
    }
    answered(next);
    return rc;
}

int sio_next_replace(sio_next *next, const char *name, const sio_args *args) {
    sio_waiter *waiter = next->waiter;
    if (next->answered || (waiter && !waiter->for_event)) {
        return SIO_ERR_STATE;
    }
    if (!waiter) {
        return SIO_ERR_DISCONNECTED;
    }
    char *new_name = name ? sio_mem_strndup(waiter->mem, name, strlen(name)) : NULL;
    sio_args *new_args = NULL;
    if ((name && !new_name) || (args && sio_args_ref(&new_args, args) != 0)) {
        sio_mem_release(waiter->mem, new_name);
        return SIO_ERR_NOMEM;
    }
    if (new_name) {
        sio_mem_release(waiter->mem, waiter->name);
        waiter->name = new_name;
    }
    if (new_args) {
        sio_args_unref(waiter->args);
        waiter->args = new_args;
    }
    return 0;
}

sio_peer *sio_next_peer(const sio_next *next) {
    return next->peer;
}
