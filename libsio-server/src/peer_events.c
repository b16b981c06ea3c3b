/* Handing out what a client sends: events to their handlers, acknowledgements to those who wait. */
#include "adapter.h"
#include "delivery.h"

#include "mem.h"

#include <string.h>

static void run_handlers(sio_peer *peer, const sio_event *event, sio_handlers *handlers,
                         sio_handler_list *list) {
    sio_handler_walk walk;
    sio_handler handler;
    sio_handlers_begin(&walk, list);
    while (!peer->ns->server->dead && sio_handlers_next(&walk, &handler)) {
        ((sio_peer_fn)handler.fn)(peer, event, handler.user);
    }
    sio_handlers_end(&walk, handlers);
}

void sio_peer_hand_out(sio_peer *peer, const sio_event *event) {
    sio_handlers *handlers = &peer->ns->handlers;
    run_handlers(peer, event, handlers,
                 sio_handlers_named(handlers, event->name.ptr, event->name.len));
    if (peer->handlers) {
        run_handlers(peer, event, peer->handlers,
                     sio_handlers_named(peer->handlers, event->name.ptr, event->name.len));
    }
}

static void announce(sio_peer *peer, sio_str name) {
    sio_handlers *handlers = &peer->ns->on_connection;
    sio_event event = {.size = sizeof(event), .name = name, .args = peer->ns->server->no_args};
    run_handlers(peer, &event, handlers, sio_handlers_named(handlers, name.ptr, name.len));
}

void sio_peer_announce(sio_peer *peer) {
    sio_peer_ref(peer);
    announce(peer, SIO_STR("connect"));
    announce(peer, SIO_STR("connection"));
    sio_peer_unref(peer);
}

static void hand_out_any(sio_peer *peer, const sio_event *event) {
    sio_handlers *handlers = &peer->ns->handlers;
    run_handlers(peer, event, handlers, &handlers->any);
    if (peer->handlers) {
        run_handlers(peer, event, peer->handlers, &peer->handlers->any);
    }
}

/* ---- acknowledging ---- */

static int ack_send(void *owner, uint64_t id, const sio_args *args) {
    sio_peer *peer = ((sio_weak *)owner)->object;
    sio_buf *buf = NULL;
    if (!peer || !peer->connected) {
        return SIO_ERR_DISCONNECTED;
    }
    int rc = sio_conn_begin(peer->conn, &buf);
    if (rc != 0) {
        return rc;
    }
    sio_packet_head head = {.type = SIO_PACKET_ACK,
                            .has_id = true,
                            .id = id,
                            .nsp = {peer->ns->name, peer->ns->name_len}};
    rc = sio_parser_encode(peer->ns->server->parser, buf, &head, (sio_str){NULL, 0}, args,
                           (sio_str){NULL, 0});
    if (rc == 0) {
        rc = sio_conn_send(peer->conn, SIO_EIO_COMPRESS);
    }
    if (rc == 0) {
        rc = sio_conn_send_attachments(peer->conn, args, SIO_EIO_COMPRESS);
    }
    return rc;
}

static const sio_ack_source ack_source = {ack_send, sio_weak_ref, sio_weak_unref};

static int begin_ack(sio_ack *ack, sio_peer *peer, uint64_t id) {
    sio_peer_extra *extra = sio_peer_extras(peer);
    sio_weak *of = extra ? sio_weak_get(&extra->ack_owner, peer, peer->ns->server->mem) : NULL;
    if (!of) {
        return SIO_ERR_NOMEM;
    }
    sio_ack_begin(ack, &ack_source, of, id, sio_weak_mem(of));
    return 0;
}

/* Nothing asks about it, and nothing that arrived with it can take it back. */
static bool is_final(const sio_peer *peer) {
    return !peer->extra->event_chain && !peer->ns->event_chain &&
           !sio_engine_session_more(peer->conn->engine) &&
           sio_list_empty(&peer->ns->server->ready_deliveries);
}

void sio_peer_fail(sio_peer *peer, int err) {
    SIO_LOG(&peer->ns->server->log, SIO_LOG_WARN, "socket.io:socket", "closing: %s",
            sio_error_text(err));
    sio_engine_session_fail(peer->conn->engine, err);
}

static void deliver(sio_peer *peer, const sio_event *event) {
    if (is_final(peer)) {
        sio_peer_hand_out(peer, event);
        return;
    }
    int rc = sio_delivery_start(peer, event->ack);
    if (rc != 0) {
        sio_peer_fail(peer, rc);
    }
}

void sio_peer_receive(sio_peer *peer, const sio_packet *packet) {
    if (!peer) {
        return;
    }
    sio_ack ack;
    sio_event event = {
        .size = sizeof(event), .name = sio_args_name(packet->args), .args = packet->args};
    if (packet->has_id) {
        int rc = begin_ack(&ack, peer, packet->id);
        if (rc != 0) {
            sio_peer_fail(peer, rc);
            return;
        }
        event.ack = &ack;
    }
    sio_peer_ref(peer);
    hand_out_any(peer, &event);
    if (peer->connected && !peer->ns->server->dead) {
        deliver(peer, &event);
    }
    if (packet->has_id) {
        sio_ack_end(&ack);
    }
    sio_peer_unref(peer);
}

void sio_peer_report_error(sio_peer *peer, int status, const char *message, const char *data) {
    sio_event event = {.size = sizeof(event),
                       .name = SIO_STR("error"),
                       .args = peer->ns->server->no_args,
                       .status = status,
                       .reason = message ? message : "",
                       .data = {data, data ? strlen(data) : 0}};
    sio_peer_hand_out(peer, &event);
}

void sio_peer_acknowledged(sio_peer *peer, const sio_packet *packet) {
    sio_ack_entry entry;
    if (!peer || (peer->ns->awaited.count > 0 && sio_local_acks_receive(peer, packet)) ||
        !peer->extra->acks ||
        sio_ack_table_take(&peer->extra->acks->table, packet->id, &entry) != 0) {
        return;
    }
    sio_event event = {.size = sizeof(event), .args = packet->args, .status = SIO_OK};
    ((sio_reply_fn)entry.fn)(&event, entry.user);
}
