/* Awaiting the acknowledgements of events that were sent or kept. */
#include "socket.h"

static void acks_rearm(sio_socket *socket) {
    sio_timer_start_at(&socket->ack_timer, sio_ack_table_deadline(&socket->acks));
}

static void finish(sio_socket *socket, const sio_ack_entry *entry, const sio_args *args,
                   int status) {
    sio_event event = {.size = sizeof(event),
                       .args = args ? args : socket->client->home->no_args,
                       .status = status};
    ((sio_reply_fn)entry->fn)(&event, entry->user);
}

void sio_socket_ack_timeout(void *ctx) {
    sio_socket *socket = ctx;
    sio_client *client = socket->client;
    sio_ack_entry entry;
    sio_client_enter(client);
    sio_time now = sio_loop_now(client->loop);
    while (!client->dead && sio_ack_table_expire(&socket->acks, now, &entry)) {
        /* In this order: what is still kept is ended by a free in the first callback. */
        finish(socket, &entry, NULL, SIO_ERR_TIMEOUT);
        if (!client->dead) {
            sio_socket_drop_kept(socket, entry.id, SIO_ERR_TIMEOUT);
        }
    }
    if (!client->dead) {
        acks_rearm(socket);
    }
    sio_client_leave(client);
}

/* Ids only grow, and what is kept was emitted after all that has left. */
static uint64_t first_kept_id(const sio_socket *socket) {
    for (sio_list *at = socket->outgoing.next; at != &socket->outgoing; at = at->next) {
        const sio_outgoing *out = SIO_CONTAINER(at, sio_outgoing, link);
        if (out->has_ack) {
            return out->ack_id;
        }
    }
    return UINT64_MAX;
}

void sio_socket_end_acks(sio_socket *socket, bool also_kept) {
    uint64_t limit = also_kept ? UINT64_MAX : first_kept_id(socket);
    /* What the callbacks emit comes later and stays. */
    uint64_t end = socket->next_ack_id < limit ? socket->next_ack_id : limit;
    for (;;) {
        sio_ack_entry entry;
        uint32_t cursor = 0;
        if (!sio_ack_table_walk(&socket->acks, &cursor, &entry) || entry.id >= end ||
            sio_ack_table_take(&socket->acks, entry.id, &entry) != 0) {
            break;
        }
        finish(socket, &entry, NULL, SIO_ERR_DISCONNECTED);
    }
    acks_rearm(socket);
}

uint32_t sio_socket_pending_acks(const sio_socket *socket) {
    return sio_ack_table_count(&socket->acks);
}

void sio_socket_acknowledged(sio_socket *socket, const sio_packet *packet) {
    sio_ack_entry entry;
    if (sio_ack_table_take(&socket->acks, packet->id, &entry) == 0) {
        finish(socket, &entry, packet->args, SIO_OK);
    }
}

void sio_socket_end_ack(sio_socket *socket, uint64_t id, int status) {
    sio_ack_entry entry;
    if (sio_ack_table_take(&socket->acks, id, &entry) == 0) {
        finish(socket, &entry, NULL, status);
    }
}

int sio_socket_await_ack(sio_socket *socket, uint64_t id, sio_reply_fn fn, void *user,
                         uint32_t timeout_ms) {
    sio_ack_entry entry = {
        .id = id,
        .deadline = timeout_ms ? sio_loop_now(socket->client->loop) + timeout_ms : SIO_TIME_NEVER,
        .fn = (sio_ack_fn)fn,
        .user = user,
    };
    int rc = sio_ack_table_add(&socket->acks, &entry);
    if (rc == 0 && timeout_ms) {
        acks_rearm(socket);
    }
    return rc;
}
