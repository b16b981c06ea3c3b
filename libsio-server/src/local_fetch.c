/* Describing the peers of this server: everything is copied when it is asked for, into one block,
 * because what is handed out later must not depend on what happens until then. */
#include "adapter.h"
#include "peer.h"
#include "pending.h"

#include "mem.h"

#include <string.h>

typedef struct fetch {
    sio_pending pending;
    sio_namespace *ns;
    sio_fetch_fn fn;
    void *user;
    sio_peer_list list;     /* keeps handshakes */
    sio_remote_peer *views; /* then room names, then texts */
} fetch;

static void fetch_free(fetch *f) {
    const sio_mem *mem = f->ns->server->mem;
    sio_peer_list_done(&f->list, mem);
    sio_mem_release(mem, f->views);
    sio_mem_release(mem, f);
}

static void finish(sio_pending *pending, int status) {
    fetch *f = SIO_CONTAINER(pending, fetch, pending);
    sio_server *server = f->ns->server;
    sio_pending_done(pending);
    /* Who has gone meanwhile is not handed out as local. */
    for (size_t i = 0; i < f->list.count; i++) {
        if (!f->list.peers[i]->connected) {
            f->views[i].local = NULL;
        }
    }
    sio_fetch_reply reply = {.size = sizeof(reply), .status = status};
    if (status == SIO_OK) {
        reply.peers = f->views;
        reply.count = f->list.count;
    }
    sio_server_enter(server);
    f->fn(&reply, f->user);
    fetch_free(f);
    sio_server_leave(server);
}

typedef struct layout {
    const char **rooms;
    char *text;
} layout;

static const char *put(layout *at, const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = memcpy(at->text, text, size);
    at->text += size;
    return copy;
}

static void measure(sio_peer *peer, size_t *names, size_t *bytes) {
    *names += sio_peer_room_count(peer);
    *bytes += strlen(sio_peer_data(peer)) + 1;
    if (sio_peer_in_room(peer, peer->id)) {
        *bytes += peer->id_len + (size_t)1;
    }
    sio_list *rooms = &peer->rooms.rooms;
    for (sio_list *at = rooms->next; at != rooms; at = at->next) {
        *bytes += SIO_CONTAINER(at, sio_membership, in_set)->room->name_len + (size_t)1;
    }
}

static void describe(sio_remote_peer *view, sio_peer *peer, layout *at) {
    *view = (sio_remote_peer){
        .size = sizeof(*view),
        .ns = peer->ns,
        .id = peer->id,
        .local = peer,
        .handshake = sio_peer_handshake(peer),
        .rooms = at->rooms,
        .data = put(at, sio_peer_data(peer)),
    };
    if (sio_peer_in_room(peer, peer->id)) {
        *at->rooms++ = put(at, peer->id);
    }
    sio_list *rooms = &peer->rooms.rooms;
    for (sio_list *node = rooms->next; node != rooms; node = node->next) {
        *at->rooms++ = put(at, SIO_CONTAINER(node, sio_membership, in_set)->room->name);
    }
    view->room_count = (size_t)(at->rooms - view->rooms);
}

static int describe_all(fetch *f) {
    size_t names = 0;
    size_t bytes = 0;
    for (size_t i = 0; i < f->list.count; i++) {
        measure(f->list.peers[i], &names, &bytes);
    }
    size_t views = f->list.count * sizeof(sio_remote_peer);
    f->views = sio_mem_alloc(f->ns->server->mem, views + names * sizeof(char *) + bytes + 1);
    if (!f->views) {
        return SIO_ERR_NOMEM;
    }
    layout at = {.rooms = (const char **)(void *)((char *)f->views + views)};
    at.text = (char *)(at.rooms + names);
    for (size_t i = 0; i < f->list.count; i++) {
        describe(&f->views[i], f->list.peers[i], &at);
    }
    return 0;
}

int sio_adapter_local_fetch(const sio_target *target, sio_fetch_fn done, void *user) {
    sio_namespace *ns = target->ns;
    if (target->error != 0 || ns->adapter_ended) {
        return target->error != 0 ? target->error : SIO_ERR_DISCONNECTED;
    }
    fetch *f = sio_mem_zalloc(ns->server->mem, sizeof(*f));
    if (!f) {
        return SIO_ERR_NOMEM;
    }
    f->ns = ns;
    f->fn = done;
    f->user = user;
    int rc = sio_peer_list_init(&f->list, target);
    if (rc == 0) {
        rc = describe_all(f);
    }
    if (rc != 0) {
        fetch_free(f);
        return rc;
    }
    sio_pending_init(&f->pending, ns, finish);
    sio_pending_defer(&f->pending);
    return 0;
}
