/* Sending events, keeping them while not connected, and awaiting their acknowledgements. */
#include "socket.h"

#include "mem.h"

#include <string.h>

/* ---- onto the connection ---- */

int sio_socket_packet_begin(sio_socket *socket, sio_buf **buf) {
    sio_client *client = socket->client;
    if (client->phase != SIO_CLIENT_OPEN) {
        return SIO_ERR_DISCONNECTED;
    }
    *buf = &client->encode;
    return sio_eio_message_begin(*buf);
}

int sio_socket_packet_send(sio_socket *socket, unsigned flags) {
    sio_client *client = socket->client;
    int rc = sio_cengine_send_buf(client->current->engine, &client->encode, false, flags);
    return rc == SIO_ERR_CLOSED ? SIO_ERR_DISCONNECTED : rc;
}

/* The server waits for all attachments of a packet: without one the connection is of no use. */
int sio_socket_send_attachments(sio_socket *socket, const sio_args *args, unsigned flags) {
    sio_client *client = socket->client;
    uint32_t count = args ? sio_args_attachment_count(args) : 0;
    for (uint32_t i = 0; i < count; i++) {
        sio_bytes data = sio_args_attachment(args, i);
        sio_buf *buf = NULL;
        int rc = sio_socket_packet_begin(socket, &buf);
        if (rc == 0) {
            rc = sio_buf_add(buf, data.ptr, data.len);
        }
        if (rc == 0) {
            rc = sio_cengine_send_buf(client->current->engine, buf, true,
                                      flags & ~(unsigned)SIO_EIO_VOLATILE);
        }
        if (rc != 0) {
            sio_cengine_fail(client->current->engine, rc);
            return rc;
        }
    }
    return 0;
}

/* ---- acknowledgements ---- */

static void acks_rearm(sio_socket *socket) {
    sio_timer_start_at(&socket->ack_timer, sio_ack_table_deadline(&socket->acks));
}

static void finish(sio_socket *socket, const sio_ack_entry *entry, const sio_args *args,
                   int status) {
    sio_event event = {
        .size = sizeof(event), .args = args ? args : socket->client->no_args, .status = status};
    ((sio_reply_fn)entry->fn)(&event, entry->user);
}

static void outgoing_free(sio_socket *socket, sio_outgoing *out) {
    sio_list_remove(&out->link);
    for (uint32_t i = 0; i < out->count; i++) {
        sio_eio_message_unref(out->messages[i]);
    }
    socket->client->buffered_bytes -= out->bytes;
    sio_mem_release(socket->client->mem, out);
    socket->client->buffered--;
}

void sio_socket_drop_outgoing(sio_socket *socket) {
    while (!sio_list_empty(&socket->outgoing)) {
        outgoing_free(socket, SIO_CONTAINER(socket->outgoing.next, sio_outgoing, link));
    }
}

/* An event whose time is up before it could be sent is not sent any more. */
static void drop_kept(sio_socket *socket, uint64_t ack_id) {
    for (sio_list *at = socket->outgoing.next; at != &socket->outgoing; at = at->next) {
        sio_outgoing *out = SIO_CONTAINER(at, sio_outgoing, link);
        if (out->has_ack && out->ack_id == ack_id) {
            outgoing_free(socket, out);
            return;
        }
    }
}

void sio_socket_ack_timeout(void *ctx) {
    sio_socket *socket = ctx;
    sio_client *client = socket->client;
    sio_ack_entry entry;
    sio_client_enter(client);
    sio_time now = sio_loop_now(client->loop);
    while (!client->dead && sio_ack_table_expire(&socket->acks, now, &entry)) {
        drop_kept(socket, entry.id);
        finish(socket, &entry, NULL, SIO_ERR_TIMEOUT);
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

void sio_socket_acknowledged(sio_socket *socket, const sio_packet *packet) {
    sio_ack_entry entry;
    if (sio_ack_table_take(&socket->acks, packet->id, &entry) == 0) {
        finish(socket, &entry, packet->args, SIO_OK);
    }
}

static int await_ack(sio_socket *socket, const sio_emit_options *options) {
    sio_ack_entry entry = {
        .id = socket->next_ack_id,
        .deadline = options->timeout_ms ? sio_loop_now(socket->client->loop) + options->timeout_ms
                                        : SIO_TIME_NEVER,
        .fn = (sio_ack_fn)options->on_ack,
        .user = options->user,
    };
    int rc = sio_ack_table_add(&socket->acks, &entry);
    if (rc == 0) {
        socket->next_ack_id++;
        if (options->timeout_ms) {
            acks_rearm(socket);
        }
    }
    return rc;
}

/* ---- emitting ---- */

static int encode(sio_socket *socket, const char *event, const sio_args *args,
                  const uint64_t *ack_id) {
    sio_buf *buf = &socket->client->encode;
    int rc = sio_eio_message_begin(buf);
    if (rc != 0) {
        return rc;
    }
    sio_packet_head head = {.type = SIO_PACKET_EVENT,
                            .has_id = ack_id != NULL,
                            .id = ack_id ? *ack_id : 0,
                            .nsp = {socket->nsp, socket->nsp_len}};
    return sio_packet_encode(buf, &head, (sio_str){event, strlen(event)}, args, (sio_str){NULL, 0});
}

static int send_now(sio_socket *socket, const sio_args *args, unsigned flags) {
    int rc = sio_socket_packet_send(socket, flags);
    return rc != 0 ? rc : sio_socket_send_attachments(socket, args, flags);
}

static int take_messages(sio_socket *socket, sio_outgoing *out, const sio_args *args,
                         uint32_t attachments) {
    sio_client *client = socket->client;
    int rc = sio_eio_message_take(&out->messages[0], false, &client->encode);
    while (rc == 0 && ++out->count <= attachments) {
        sio_bytes data = sio_args_attachment(args, out->count - 1);
        rc = sio_eio_message_new(&out->messages[out->count], true, data.ptr, data.len, client->mem);
    }
    return rc;
}

/* What is kept leaves in one go upon the connection, whose queue must hold it. */
static int count_bytes(sio_client *client, sio_outgoing *out) {
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < out->count; i++) {
        bytes += sio_eio_message_data(out->messages[i]).len;
    }
    if (bytes > client->options.max_queued_bytes / 2 - client->buffered_bytes) {
        return SIO_ERR_LIMIT;
    }
    out->bytes = bytes;
    client->buffered_bytes += bytes;
    return 0;
}

/* The encoded packet stays until the namespace is connected. */
static int keep(sio_socket *socket, const sio_args *args, bool compress, const uint64_t *ack_id) {
    sio_client *client = socket->client;
    uint32_t attachments = args ? sio_args_attachment_count(args) : 0;
    if (client->buffered >= client->options.max_buffered) {
        return SIO_ERR_LIMIT;
    }
    sio_outgoing *out = sio_mem_zalloc(client->mem, sizeof(*out) + (attachments + (size_t)1) *
                                                                       sizeof(out->messages[0]));
    if (!out) {
        return SIO_ERR_NOMEM;
    }
    sio_list_init(&out->link);
    out->compress = compress;
    out->has_ack = ack_id != NULL;
    out->ack_id = ack_id ? *ack_id : 0;
    client->buffered++;
    int rc = take_messages(socket, out, args, attachments);
    if (rc == 0) {
        rc = count_bytes(client, out);
    }
    if (rc != 0) {
        outgoing_free(socket, out);
        return rc;
    }
    sio_list_push(&socket->outgoing, &out->link);
    return 0;
}

/* The heartbeat tells of a connection that is gone although nobody has noticed yet. */
static bool can_send(const sio_socket *socket) {
    return socket->connected && socket->client->phase == SIO_CLIENT_OPEN &&
           sio_list_empty(&socket->outgoing) && /* nothing overtakes what is kept */
           !sio_cengine_overdue(socket->client->current->engine);
}

static int emit(sio_socket *socket, const char *event, const sio_args *args,
                const sio_emit_options *options, const uint64_t *ack_id) {
    bool sending = can_send(socket);
    if (options->is_volatile && !sending) {
        return SIO_ERR_DISCARDED;
    }
    int rc = encode(socket, event, args, ack_id);
    if (rc != 0) {
        return rc;
    }
    if (!sending) {
        return keep(socket, args, !options->no_compress, ack_id);
    }
    unsigned flags = (options->is_volatile ? SIO_EIO_VOLATILE : 0u) |
                     (options->no_compress ? 0u : SIO_EIO_COMPRESS);
    return send_now(socket, args, flags);
}

int sio_socket_emit(sio_socket *socket, const char *event, const sio_args *args,
                    const sio_emit_options *options) {
    static const sio_emit_options defaults = SIO_EMIT_OPTIONS_INIT;
    if (!options) {
        options = &defaults;
    }
    if (socket->client->dead) {
        return SIO_ERR_DISCONNECTED;
    }
    if (!options->on_ack) {
        return emit(socket, event, args, options, NULL);
    }
    uint64_t id = socket->next_ack_id;
    int rc = await_ack(socket, options);
    if (rc != 0) {
        return rc;
    }
    rc = emit(socket, event, args, options, &id);
    if (rc != 0) {
        sio_ack_entry entry;
        (void)sio_ack_table_take(&socket->acks, id, &entry);
    }
    return rc;
}

/* Whether it has left. One that does not fit is given up, with the connection: it would not fit the
 * next one either. */
static bool flush_one(sio_socket *socket, sio_outgoing *out) {
    sio_cengine *engine = socket->client->current->engine;
    unsigned flags = out->compress ? SIO_EIO_COMPRESS : 0u;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < out->count; i++) {
        rc = sio_cengine_send(engine, out->messages[i], flags);
    }
    if (rc == SIO_ERR_CLOSED) {
        return false;
    }
    if (rc != 0) {
        sio_cengine_fail(engine, rc);
    }
    outgoing_free(socket, out);
    return rc == 0;
}

void sio_socket_flush(sio_socket *socket) {
    bool going = true;
    while (going && !sio_list_empty(&socket->outgoing)) {
        going = flush_one(socket, SIO_CONTAINER(socket->outgoing.next, sio_outgoing, link));
    }
}

static int vemit(sio_socket *socket, const char *event, const sio_emit_options *options,
                 const char *format, va_list values) {
    sio_args *args = NULL;
    int rc = sio_args_new(&args, socket->client->mem);
    if (rc != 0) {
        return rc;
    }
    rc = sio_args_vaddf(args, format, values);
    if (rc == 0) {
        rc = sio_socket_emit(socket, event, args, options);
    }
    sio_args_unref(args);
    return rc;
}

int sio_socket_emitf(sio_socket *socket, const char *event, const char *format, ...) {
    va_list values;
    va_start(values, format);
    int rc = vemit(socket, event, NULL, format, values);
    va_end(values);
    return rc;
}

int sio_socket_emit_ackf(sio_socket *socket, const char *event, uint32_t timeout_ms,
                         sio_reply_fn on_ack, void *user, const char *format, ...) {
    sio_emit_options options = SIO_EMIT_OPTIONS_INIT;
    options.on_ack = on_ack;
    options.user = user;
    options.timeout_ms = timeout_ms;
    va_list values;
    va_start(values, format);
    int rc = vemit(socket, event, &options, format, values);
    va_end(values);
    return rc;
}

/* ---- from other threads ---- */

typedef struct posted {
    sio_socket *socket;
    sio_args *args;
    const sio_mem *mem;
    char event[];
} posted;

static void run_posted(void *arg, bool cancelled) {
    posted *post = arg;
    if (!cancelled && !post->socket->client->dead) {
        int rc = sio_socket_emit(post->socket, post->event, post->args, NULL);
        if (rc != 0) {
            SIO_LOG(&post->socket->client->log, SIO_LOG_WARN, "socket.io-client:socket",
                    "a posted event was not sent: %s", sio_error_text(rc));
        }
    }
    sio_args_unref(post->args);
    sio_mem_release(post->mem, post);
}

/* The caller is told of a name that cannot be sent, not the loop. */
static int check_name(const sio_client *client, const char *event) {
    sio_packet_head head = {.type = SIO_PACKET_EVENT, .nsp = SIO_STR("/")};
    sio_buf buf;
    sio_buf_init(&buf, 0, client->mem);
    int rc =
        sio_packet_encode(&buf, &head, (sio_str){event, strlen(event)}, NULL, (sio_str){NULL, 0});
    sio_buf_free(&buf);
    return rc;
}

int sio_socket_post_emitf(sio_socket *socket, const char *event, const char *format, ...) {
    sio_client *client = socket->client;
    size_t len = strlen(event) + 1;
    int rc = check_name(client, event);
    if (rc != 0) {
        return rc;
    }
    posted *post = sio_mem_zalloc(client->mem, sizeof(*post) + len);
    if (!post) {
        return SIO_ERR_NOMEM;
    }
    post->socket = socket;
    post->mem = client->mem;
    memcpy(post->event, event, len);
    rc = sio_args_new(&post->args, client->mem);
    if (rc == 0) {
        va_list values;
        va_start(values, format);
        rc = sio_args_vaddf(post->args, format, values);
        va_end(values);
    }
    if (rc == 0) {
        rc = sio_loop_post(client->loop, run_posted, post);
    }
    if (rc != 0) {
        sio_args_unref(post->args);
        sio_mem_release(client->mem, post);
    }
    return rc;
}
