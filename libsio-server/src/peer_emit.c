/* Sending events to one peer, and awaiting their acknowledgements. */
#include "peer.h"

#include "mem.h"

#include <string.h>

unsigned sio_peer_send_flags(bool is_volatile, bool no_compress) {
    return (is_volatile ? SIO_EIO_VOLATILE : 0u) | (no_compress ? 0u : SIO_EIO_COMPRESS);
}

int sio_peer_encode_event(const sio_namespace *ns, const sio_adapter_event *event,
                          const uint64_t *ack_id) {
    sio_server *server = ns->server;
    int rc = sio_eio_message_begin(&server->encode);
    if (rc != 0) {
        return rc;
    }
    sio_packet_head head = {.type = SIO_PACKET_EVENT,
                            .has_id = ack_id != NULL,
                            .id = ack_id ? *ack_id : 0,
                            .nsp = {ns->name, ns->name_len}};
    return sio_parser_encode(server->parser, &server->encode, &head, event->name, event->args,
                             event->offset);
}

/* ---- awaiting acknowledgements ---- */

static void finish(const sio_peer *peer, const sio_ack_entry *entry, int status) {
    sio_event event = {.size = sizeof(event), .args = peer->ns->server->no_args, .status = status};
    ((sio_reply_fn)entry->fn)(&event, entry->user);
}

static void acks_rearm(sio_peer *peer) {
    if (peer->extra->acks) {
        sio_timer_start_at(&peer->extra->acks->timer,
                           sio_ack_table_deadline(&peer->extra->acks->table));
    }
}

static void acks_expire(void *ctx) {
    sio_peer *peer = ctx;
    sio_ack_entry entry;
    sio_peer_ref(peer);
    sio_time now = sio_loop_now(peer->ns->server->loop);
    while (peer->extra->acks && !peer->ns->server->dead &&
           sio_ack_table_expire(&peer->extra->acks->table, now, &entry)) {
        SIO_COUNT(peer->ns->server->counters.acks_timed_out);
        finish(peer, &entry, SIO_ERR_TIMEOUT);
    }
    acks_rearm(peer);
    sio_peer_unref(peer);
}

static int acks_new(sio_peer *peer) {
    sio_server *server = peer->ns->server;
    sio_peer_extra *extra = sio_peer_extras(peer);
    sio_peer_acks *acks = extra ? sio_mem_zalloc(server->mem, sizeof(*acks)) : NULL;
    if (!acks) {
        return SIO_ERR_NOMEM;
    }
    int rc = sio_timer_init(&acks->timer, server->loop, acks_expire, peer);
    if (rc != 0) {
        sio_mem_release(server->mem, acks);
        return rc;
    }
    sio_ack_table_init(&acks->table, server->max_pending_acks, server->mem);
    extra->acks = acks;
    return 0;
}

static int await_ack(sio_peer *peer, uint64_t id, const sio_emit_options *options) {
    int rc = peer->extra->acks ? 0 : acks_new(peer);
    if (rc != 0) {
        return rc;
    }
    sio_ack_entry entry = {
        .id = id,
        .deadline = options->timeout_ms ? sio_loop_now(peer->ns->server->loop) + options->timeout_ms
                                        : SIO_TIME_NEVER,
        .fn = (sio_ack_fn)options->on_ack,
        .user = options->user,
    };
    rc = sio_ack_table_add(&peer->extra->acks->table, &entry);
    if (rc == 0 && options->timeout_ms) {
        acks_rearm(peer);
    }
    return rc;
}

static void forget_ack(sio_peer *peer, uint64_t id) {
    sio_ack_entry entry;
    if (peer->extra->acks) {
        sio_ack_table_take(&peer->extra->acks->table, id, &entry);
    }
}

/* ---- emitting ---- */

static int emit(sio_peer *peer, const sio_adapter_event *event, const sio_emit_options *options,
                const uint64_t *ack_id) {
    unsigned flags = sio_peer_send_flags(options->is_volatile, options->no_compress);
    int rc = sio_peer_encode_event(peer->ns, event, ack_id);
    if (rc == 0) {
        rc = sio_conn_send(peer->conn, flags);
    }
    if (rc == 0) {
        rc = sio_conn_send_attachments(peer->conn, event->args, flags);
    }
    return rc;
}

int sio_peer_emit_missed(sio_peer *peer, const sio_adapter_event *event) {
    static const sio_emit_options options = SIO_EMIT_OPTIONS_INIT;
    return sio_peer_may_send(peer) ? emit(peer, event, &options, NULL) : SIO_ERR_DISCONNECTED;
}

/* To the peer's own room: the adapter stores the event and gives it an offset. */
static int emit_stored(sio_peer *peer, const sio_adapter_event *event,
                       const sio_emit_options *options) {
    sio_target target = {.ns = peer->ns,
                         .rooms = {peer->id},
                         .room_count = 1,
                         .is_volatile = options->is_volatile,
                         .no_compress = options->no_compress};
    sio_adapter_event for_peer = *event;
    for_peer.peer = peer;
    return peer->ns->ops.broadcast(peer->ns->adapter, &target, &for_peer);
}

static int emit_and_await(sio_peer *peer, const sio_adapter_event *event,
                          const sio_emit_options *options) {
    uint64_t id = peer->ns->next_ack_id;
    int rc = await_ack(peer, id, options);
    if (rc != 0) {
        return rc;
    }
    peer->ns->next_ack_id++;
    rc = emit(peer, event, options, &id);
    if (rc != 0) {
        forget_ack(peer, id);
    }
    return rc;
}

/* What handlers of outgoing events do may end the peer. */
static bool announce(sio_peer *peer, const sio_adapter_event *event) {
    if (sio_namespace_observed(peer->ns)) {
        sio_peer_announce_outgoing(peer, event->name, event->args);
    }
    return sio_peer_may_send(peer);
}

int sio_peer_emit(sio_peer *peer, const char *event, const sio_args *args,
                  const sio_emit_options *options) {
    static const sio_emit_options defaults = SIO_EMIT_OPTIONS_INIT;
    if (!options) {
        options = &defaults;
    }
    if (!sio_peer_may_send(peer)) {
        return SIO_ERR_DISCONNECTED;
    }
    sio_adapter_event message = {
        .size = sizeof(message), .name = {event, strlen(event)}, .args = args};
    if (sio_packet_is_reserved(message.name)) {
        return SIO_ERR_RESERVED;
    }
    if (peer->ns->adapter->stores_events && !options->on_ack) {
        return emit_stored(peer, &message, options);
    }
    sio_server *server = peer->ns->server;
    sio_server_enter(server);
    sio_peer_ref(peer);
    int rc = SIO_ERR_DISCONNECTED;
    if (announce(peer, &message)) {
        rc = options->on_ack ? emit_and_await(peer, &message, options)
                             : emit(peer, &message, options, NULL);
    }
    sio_peer_unref(peer);
    sio_server_leave(server);
    return rc;
}

int sio_peer_send(sio_peer *peer, const sio_args *args) {
    return sio_peer_emit(peer, "message", args, NULL);
}

static int vemit(sio_peer *peer, const char *event, const sio_emit_options *options,
                 const char *format, va_list values) {
    sio_args *args = NULL;
    int rc = sio_args_new_vf(&args, peer->ns->server->mem, format, values);
    if (rc == 0) {
        rc = sio_peer_emit(peer, event, args, options);
        sio_args_unref(args);
    }
    return rc;
}

int sio_peer_emitf(sio_peer *peer, const char *event, const char *format, ...) {
    va_list values;
    va_start(values, format);
    int rc = vemit(peer, event, NULL, format, values);
    va_end(values);
    return rc;
}

int sio_peer_emit_ackf(sio_peer *peer, const char *event, uint32_t timeout_ms, sio_reply_fn on_ack,
                       void *user, const char *format, ...) {
    sio_emit_options options = SIO_EMIT_OPTIONS_INIT;
    options.on_ack = on_ack;
    options.user = user;
    options.timeout_ms = timeout_ms;
    va_list values;
    va_start(values, format);
    int rc = vemit(peer, event, &options, format, values);
    va_end(values);
    return rc;
}
