/* Peers that may be on another server: everything goes through a target that is their own room. */
#include "adapter.h"
#include "peer.h"

#include "mem.h"

sio_target sio_remote_peer_target(const sio_remote_peer *peer) {
    return (sio_target){.ns = peer->ns, .rooms = {peer->id}, .room_count = 1};
}

int sio_remote_peer_emit(const sio_remote_peer *peer, const char *event, const sio_args *args) {
    sio_target target = sio_remote_peer_target(peer);
    return sio_target_emit(&target, event, args);
}

typedef struct single {
    const sio_mem *mem;
    const sio_args *no_args;
    sio_reply_fn fn;
    void *user;
} single;

/* Nobody asked: it has gone meanwhile. */
static void on_reply(const sio_target_reply *reply, void *user) {
    single s = *(single *)user;
    sio_mem_release(s.mem, user);
    sio_event event = {.size = sizeof(event), .args = s.no_args, .status = reply->status};
    if (reply->response_count > 0) {
        event.args = reply->responses[0].args;
        event.status = SIO_OK;
    } else if (reply->status == SIO_OK) {
        event.status = SIO_ERR_DISCONNECTED;
    }
    s.fn(&event, s.user);
}

int sio_remote_peer_emit_ack(const sio_remote_peer *peer, const char *event, const sio_args *args,
                             uint32_t timeout_ms, sio_reply_fn fn, void *user) {
    const sio_server *server = peer->ns->server;
    single *s = sio_mem_alloc(server->mem, sizeof(*s));
    if (!s) {
        return SIO_ERR_NOMEM;
    }
    *s = (single){server->mem, server->no_args, fn, user};
    sio_target target = sio_remote_peer_target(peer);
    int rc = sio_target_emit_ack(&target, event, args, timeout_ms, on_reply, s);
    if (rc != 0) {
        sio_mem_release(server->mem, s);
    }
    return rc;
}

int sio_remote_peer_join(const sio_remote_peer *peer, const char *room) {
    sio_target target = sio_remote_peer_target(peer);
    return sio_target_join(&target, room);
}

int sio_remote_peer_leave(const sio_remote_peer *peer, const char *room) {
    sio_target target = sio_remote_peer_target(peer);
    return sio_target_leave(&target, room);
}

int sio_remote_peer_disconnect(const sio_remote_peer *peer, bool close_connection) {
    sio_target target = sio_remote_peer_target(peer);
    return sio_target_disconnect(&target, close_connection);
}
