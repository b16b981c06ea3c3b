/* Sending events, and keeping them while not connected. */
#include "socket.h"

#include "mem.h"

#include <string.h>

/* ---- onto the connection ---- */

int sio_socket_packet_begin(sio_socket *socket, sio_buf **buf) {
    sio_client *client = socket->client;
    if (client->phase != SIO_CLIENT_OPEN) {
        return SIO_ERR_DISCONNECTED;
    }
    *buf = &client->home->encode;
    return sio_eio_message_begin(*buf);
}

static int send_encoded(sio_client *client, bool binary, unsigned flags) {
    const sio_buf *buf = &client->home->encode;
    if (client->rules->options.log_packets && buf->len >= SIO_EIO_HEADROOM) {
        sio_client_log_packet(
            client, ">", binary,
            (sio_bytes){buf->data + SIO_EIO_HEADROOM, buf->len - SIO_EIO_HEADROOM});
    }
    return sio_cengine_send_buf(client->current->engine, &client->home->encode, binary, flags);
}

int sio_socket_packet_send(sio_socket *socket, unsigned flags) {
    bool binary = sio_parser_is_binary(socket->client->rules->options.parser);
    int rc = send_encoded(socket->client, binary, flags);
    return rc == SIO_ERR_CLOSED ? SIO_ERR_DISCONNECTED : rc;
}

/* How many messages follow that of the packet itself. */
static uint32_t attachments_behind(const sio_socket *socket, const sio_args *args) {
    bool inside = sio_parser_is_binary(socket->client->rules->options.parser);
    return args && !inside ? sio_args_attachment_count(args) : 0;
}

/* The server waits for all attachments of a packet: without one the connection is of no use. */
int sio_socket_send_attachments(sio_socket *socket, const sio_args *args, unsigned flags) {
    sio_client *client = socket->client;
    uint32_t count = attachments_behind(socket, args);
    for (uint32_t i = 0; i < count; i++) {
        sio_bytes data = sio_args_attachment(args, i);
        sio_buf *buf = NULL;
        int rc = sio_socket_packet_begin(socket, &buf);
        if (rc == 0) {
            rc = sio_buf_add(buf, data.ptr, data.len);
        }
        if (rc == 0) {
            rc = send_encoded(client, true, flags & ~(unsigned)SIO_EIO_VOLATILE);
        }
        if (rc != 0) {
            sio_cengine_fail(client->current->engine, rc);
            return rc;
        }
    }
    return 0;
}

/* ---- what is lost ---- */

/* Nobody asked to be told: the client's "lost" tells. */
static void tell_lost(sio_socket *socket, const char *name, size_t len, int status) {
    sio_client *client = socket->client;
    sio_event event = {.size = sizeof(event), .status = status, .reason = sio_error_text(status)};
    sio_args *args = NULL;
    SIO_LOG(client->log, SIO_LOG_WARN, "socket.io-client:socket", "an event was not sent: %s",
            sio_error_text(status));
    if (sio_args_new(&args, client->mem) == 0 && sio_args_add_string(args, socket->nsp) == 0 &&
        sio_args_add_str(args, (sio_str){name, len}) == 0) {
        event.args = args;
    }
    if (!client->dead) {
        sio_client_hand_out(client, &event, "lost");
    }
    sio_args_unref(args);
}

static void tell_reply(const sio_socket *socket, const sio_emit_options *options, int status) {
    sio_event reply = {
        .size = sizeof(reply), .args = socket->client->home->no_args, .status = status};
    options->on_ack(&reply, options->user);
}

/* Lies on the stack while on_sent runs, which may lose other events. */
struct sio_losing {
    struct sio_losing *outer;
    const sio_emit_options *waiting; /* on_ack is still to be called; NULL: not, or no longer */
};

static void end_losing(const sio_socket *socket, struct sio_losing *losing, int status) {
    const sio_emit_options *waiting = losing->waiting;
    losing->waiting = NULL;
    if (waiting) {
        tell_reply(socket, waiting, status);
    }
}

/* The first of two callbacks freed the client: the second of each event that is being lost, up the
 * whole stack, comes before the free returns. */
void sio_socket_end_losing(sio_socket *socket, int status) {
    for (struct sio_losing *at = socket->losing; at; at = at->outer) {
        end_losing(socket, at, status);
    }
}

void sio_socket_event_lost(sio_socket *socket, const char *event, const sio_emit_options *options,
                           int status) {
    if (!options->on_sent && !options->on_ack) {
        tell_lost(socket, event, strlen(event), status);
        return;
    }
    struct sio_losing losing = {socket->losing, options->on_ack ? options : NULL};
    socket->losing = &losing;
    if (options->on_sent) {
        options->on_sent(status, options->user);
    }
    end_losing(socket, &losing, status);
    socket->losing = losing.outer;
}

/* ---- handlers of what leaves ---- */

static void tell_outgoing(sio_socket *socket, sio_str name, const sio_args *args) {
    sio_event event = {
        .size = sizeof(event), .name = name, .args = args ? args : socket->client->home->no_args};
    sio_socket_hand_out_outgoing(socket, &event);
}

static int decode_kept(sio_decoder *decoder, sio_args *args, const sio_outgoing *out,
                       sio_packet *packet) {
    sio_bytes data = sio_eio_message_data(out->messages[0]);
    int rc = sio_parser_is_binary(decoder->options->parser)
                 ? sio_decoder_binary(decoder, args, data.ptr, data.len, packet)
                 : sio_decoder_text(decoder, args, (const char *)data.ptr, data.len, packet);
    for (uint32_t i = 1; rc == 0 && i < out->count; i++) {
        data = sio_eio_message_data(out->messages[i]);
        rc = sio_decoder_binary(decoder, args, data.ptr, data.len, packet);
    }
    return rc;
}

/* What is kept is encoded already; it is read again for those who want to see it. */
static void tell_kept(sio_socket *socket, sio_outgoing *out) {
    sio_decoder_options options = socket->client->rules->decoder;
    sio_eio_message *text = sio_eio_message_ref(out->messages[0]);
    sio_eio_message *last = sio_eio_message_ref(out->messages[out->count - 1]);
    sio_args *args = NULL;
    sio_decoder decoder;
    sio_packet packet;
    sio_buf decoded;
    sio_buf_init(&decoded, SIZE_MAX, socket->client->mem); /* 0 would be the core's default */
    options.text = &decoded;
    options.max_attachments = SIO_ARGS_MAX_ATTACHMENTS;
    options.max_partial_bytes = SIZE_MAX;
    options.args.max_depth = SIO_JSON_DEPTH_CEILING;
    int rc = sio_args_new(&args, socket->client->mem);
    if (rc == 0) {
        rc = sio_decoder_init(&decoder, &options);
    }
    if (rc == 0) {
        if (decode_kept(&decoder, args, out, &packet) == 1) {
            tell_outgoing(socket, sio_args_name(args), args);
        }
        sio_decoder_reset(&decoder);
    }
    sio_args_unref(args);
    sio_buf_free(&decoded);
    sio_eio_message_unref(text);
    sio_eio_message_unref(last);
}

/* ---- encoding ---- */

/* What the reference and this library accept by default; more end the connection. */
enum { USUAL_ATTACHMENTS = 10 };

static void warn_of_many(const sio_socket *socket, const char *event, const sio_args *args) {
    uint32_t count = attachments_behind(socket, args);
    if (count > USUAL_ATTACHMENTS) {
        SIO_LOG(socket->client->log, SIO_LOG_WARN, "socket.io-client:socket",
                "'%s' has %u attachments, servers take 10 unless told otherwise", event,
                (unsigned)count);
    }
}

static int encode(sio_socket *socket, const char *event, const sio_args *args,
                  const uint64_t *ack_id) {
    warn_of_many(socket, event, args);
    sio_buf *buf = &socket->client->home->encode;
    int rc = sio_eio_message_begin(buf);
    if (rc != 0) {
        return rc;
    }
    sio_packet_head head = {.type = SIO_PACKET_EVENT,
                            .has_id = ack_id != NULL,
                            .id = ack_id ? *ack_id : 0,
                            .nsp = {socket->nsp, socket->nsp_len}};
    return sio_parser_encode(socket->client->rules->options.parser, buf, &head,
                             (sio_str){event, strlen(event)}, args, (sio_str){NULL, 0});
}

static int send_now(sio_socket *socket, const sio_args *args, unsigned flags) {
    int rc = sio_socket_packet_send(socket, flags);
    return rc != 0 ? rc : sio_socket_send_attachments(socket, args, flags);
}

/* ---- keeping ---- */

static void outgoing_free(sio_socket *socket, sio_outgoing *out) {
    sio_list_remove(&out->link);
    for (uint32_t i = 0; i < out->count; i++) {
        sio_eio_message_unref(out->messages[i]);
    }
    socket->client->buffered_bytes -= out->bytes;
    sio_mem_release(socket->client->mem, out);
    socket->client->buffered--;
}

static void outgoing_end(sio_socket *socket, sio_outgoing *out, int status) {
    sio_wait *sent = out->sent;
    const sio_mem *mem = socket->client->mem;
    outgoing_free(socket, out);
    sio_wait_end(sent, status, mem);
}

void sio_socket_end_kept(sio_socket *socket, int status) {
    while (!sio_list_empty(&socket->outgoing)) {
        outgoing_end(socket, SIO_CONTAINER(socket->outgoing.next, sio_outgoing, link), status);
    }
}

void sio_socket_drop_kept(sio_socket *socket, uint64_t ack_id, int status) {
    for (sio_list *at = socket->outgoing.next; at != &socket->outgoing; at = at->next) {
        sio_outgoing *out = SIO_CONTAINER(at, sio_outgoing, link);
        if (out->has_ack && out->ack_id == ack_id) {
            outgoing_end(socket, out, status);
            return;
        }
    }
}

static int take_messages(sio_socket *socket, sio_outgoing *out, const sio_args *args,
                         uint32_t attachments) {
    sio_client *client = socket->client;
    int rc =
        sio_eio_message_take(&out->messages[0], sio_parser_is_binary(client->rules->options.parser),
                             &client->home->encode);
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
    if (bytes > client->rules->options.max_buffered_bytes - client->buffered_bytes) {
        return SIO_ERR_LIMIT;
    }
    out->bytes = bytes;
    client->buffered_bytes += bytes;
    return 0;
}

/* The encoded packet stays until the namespace is connected. */
static int keep(sio_socket *socket, const sio_args *args, bool compress, const uint64_t *ack_id,
                sio_wait *sent) {
    sio_client *client = socket->client;
    uint32_t attachments = attachments_behind(socket, args);
    if (client->buffered >= client->rules->options.max_buffered) {
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
    out->sent = sent;
    sio_list_push(&socket->outgoing, &out->link);
    return 0;
}

/* ---- emitting ---- */

int sio_event_name_check(const char *event, const sio_mem *mem) {
    sio_packet_head head = {.type = SIO_PACKET_EVENT, .nsp = SIO_STR("/")};
    sio_buf buf;
    sio_buf_init(&buf, 0, mem);
    int rc =
        sio_packet_encode(&buf, &head, (sio_str){event, strlen(event)}, NULL, (sio_str){NULL, 0});
    sio_buf_free(&buf);
    return rc;
}

/* The heartbeat tells of a connection that is gone although nobody has noticed yet. */
bool sio_socket_can_send(const sio_socket *socket) {
    return socket->connected && socket->client->phase == SIO_CLIENT_OPEN &&
           sio_list_empty(&socket->outgoing) && /* nothing overtakes what is kept */
           !sio_cengine_overdue(socket->client->current->engine);
}

/* Whether an event may leave now: 1, or 0: it is kept, or an error. */
static int may_send(sio_socket *socket, const sio_emit_options *options) {
    if (socket->client->dead) {
        return SIO_ERR_DISCONNECTED;
    }
    bool can = sio_socket_can_send(socket);
    if (options->is_volatile && (!can || !sio_cengine_writable(socket->client->current->engine))) {
        return SIO_ERR_DISCARDED;
    }
    return can ? 1 : 0;
}

/* As may_send, when those who watch what leaves were told. */
static int announce(sio_socket *socket, const char *event, const sio_args *args,
                    const sio_emit_options *options) {
    int sending = may_send(socket, options);
    if (sending <= 0 || !sio_socket_is_watched(socket)) {
        return sending;
    }
    int rc = sio_event_name_check(event, socket->client->mem);
    if (rc != 0) {
        return rc;
    }
    tell_outgoing(socket, (sio_str){event, strlen(event)}, args);
    return may_send(socket, options);
}

static int write_or_keep(sio_socket *socket, const char *event, const sio_args *args,
                         const sio_emit_options *options, const uint64_t *ack_id, bool sending) {
    sio_client *client = socket->client;
    sio_wait *sent = NULL;
    if (options->on_sent) {
        bool full = client->sent.count >= client->rules->options.max_pending_acks;
        sent = full ? NULL : sio_wait_new(options->on_sent, options->user, client->mem);
        if (!sent) {
            return full ? SIO_ERR_LIMIT : SIO_ERR_NOMEM;
        }
    }
    int rc = encode(socket, event, args, ack_id);
    if (rc == 0 && !sending) {
        rc = keep(socket, args, !options->no_compress, ack_id, sent);
    } else if (rc == 0) {
        unsigned flags = (options->is_volatile ? SIO_EIO_VOLATILE : 0u) |
                         (options->no_compress ? 0u : SIO_EIO_COMPRESS);
        rc = send_now(socket, args, flags);
        if (rc == 0 && sent) {
            sio_waits_push(&client->sent, sent);
        }
    }
    if (rc != 0) {
        sio_mem_release(client->mem, sent);
    }
    return rc;
}

static uint32_t ack_timeout(const sio_socket *socket, const sio_emit_options *options) {
    uint32_t ms = options->timeout_ms ? options->timeout_ms : socket->ack_timeout_ms;
    return ms == SIO_EMIT_NO_TIMEOUT ? 0 : ms;
}

int sio_socket_emit_now(sio_socket *socket, const char *event, const sio_args *args,
                        const sio_emit_options *options, uint64_t *ack_id) {
    int sending = announce(socket, event, args, options);
    if (sending < 0) {
        return sending;
    }
    if (!options->on_ack) {
        return write_or_keep(socket, event, args, options, NULL, sending == 1);
    }
    uint64_t id = socket->next_ack_id;
    int rc = sio_socket_await_ack(socket, id, options->on_ack, options->user,
                                  ack_timeout(socket, options));
    if (rc != 0) {
        return rc;
    }
    socket->next_ack_id++;
    rc = write_or_keep(socket, event, args, options, &id, sending == 1);
    if (rc != 0) {
        sio_ack_entry entry;
        (void)sio_ack_table_take(&socket->acks, id, &entry);
    } else if (ack_id) {
        *ack_id = id;
    }
    return rc;
}

int sio_socket_emit_here(sio_socket *socket, const char *event, const sio_args *args,
                         const sio_emit_options *options) {
    sio_client *client = socket->client;
    if (client->dead) {
        return SIO_ERR_DISCONNECTED;
    }
    sio_client_enter(client);
    int rc = socket->retries > 0 && !options->is_volatile
                 ? sio_socket_enqueue(socket, event, args, options)
                 : sio_socket_emit_now(socket, event, args, options, NULL);
    sio_client_leave(client);
    return rc;
}

/* A complete struct from one of any earlier size. */
static int read_options(sio_emit_options *out, const sio_emit_options *options) {
    *out = (sio_emit_options)SIO_EMIT_OPTIONS_INIT;
    if (options) {
        if (options->size < sizeof(options->size) || options->size > sizeof(*out)) {
            return SIO_ERR_INVALID;
        }
        memcpy(out, options, options->size);
    }
    return 0;
}

static int copy_args(sio_args **out, const sio_args *args, const sio_mem *mem) {
    sio_args *copy = NULL;
    int rc = sio_args_new(&copy, mem);
    if (rc == 0) {
        rc = sio_args_add_all(copy, args);
    }
    if (rc != 0) {
        sio_args_unref(copy);
        return rc;
    }
    *out = copy;
    return 0;
}

int sio_socket_emit(sio_socket *socket, const char *event, const sio_args *args,
                    const sio_emit_options *options) {
    sio_emit_options full;
    int rc = read_options(&full, options);
    if (rc != 0) {
        return rc;
    }
    if (sio_client_in_thread(socket->client)) {
        return sio_socket_emit_here(socket, event, args, &full);
    }
    sio_args *copy = NULL;
    rc = args ? copy_args(&copy, args, socket->client->mem) : 0;
    return rc != 0 ? rc : sio_socket_post(socket, event, copy, &full);
}

/* ---- sending what was kept ---- */

/* Whether it has left. One that does not fit is given up, with the connection: it would not fit the
 * next one either. */
static bool flush_one(sio_socket *socket, sio_outgoing *out) {
    sio_client *client = socket->client;
    sio_cengine *engine = client->current->engine;
    unsigned flags = out->compress ? SIO_EIO_COMPRESS : 0u;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < out->count; i++) {
        if (client->rules->options.log_packets) {
            bool binary = i > 0 || sio_parser_is_binary(client->rules->options.parser);
            sio_client_log_packet(client, ">", binary, sio_eio_message_data(out->messages[i]));
        }
        rc = sio_cengine_send(engine, out->messages[i], flags);
    }
    if (rc == SIO_ERR_CLOSED) {
        return false;
    }
    if (rc == 0) {
        if (out->sent) {
            sio_waits_push(&client->sent, out->sent);
        }
        outgoing_free(socket, out);
        return true;
    }
    sio_cengine_fail(engine, rc);
    /* An awaited acknowledgement ends with the connection. */
    bool nobody = !out->sent && !out->has_ack;
    outgoing_end(socket, out, rc);
    if (nobody && !client->dead) {
        tell_lost(socket, "", 0, rc);
    }
    return false;
}

static bool flushes(const sio_socket *socket) {
    const sio_client *client = socket->client;
    return !client->dead && socket->connected && client->phase == SIO_CLIENT_OPEN &&
           !sio_list_empty(&socket->outgoing);
}

static void flush_kept(sio_socket *socket) {
    bool going = true;
    while (going && flushes(socket)) {
        sio_list *first = socket->outgoing.next;
        if (sio_socket_is_watched(socket)) {
            tell_kept(socket, SIO_CONTAINER(first, sio_outgoing, link));
            if (!flushes(socket)) {
                return;
            }
            first = socket->outgoing.next; /* a handler may have dropped it */
        }
        going = flush_one(socket, SIO_CONTAINER(first, sio_outgoing, link));
    }
}

void sio_socket_flush(sio_socket *socket) {
    sio_client *client = socket->client;
    if (socket->flushing) {
        return;
    }
    sio_client_enter(client);
    socket->flushing = true;
    flush_kept(socket);
    socket->flushing = false;
    sio_socket_retry(socket);
    sio_client_leave(client);
}

uint32_t sio_socket_kept(const sio_socket *socket) {
    uint32_t count = 0;
    for (const sio_list *at = socket->outgoing.next; at != &socket->outgoing; at = at->next) {
        count++;
    }
    return count;
}

void sio_socket_clear_kept(sio_socket *socket) {
    sio_client *client = socket->client;
    sio_client_enter(client);
    /* What the callbacks emit comes later and stays. */
    for (uint32_t left = sio_socket_kept(socket); left > 0 && !client->dead; left--) {
        if (sio_list_empty(&socket->outgoing)) {
            break;
        }
        sio_outgoing *out = SIO_CONTAINER(socket->outgoing.next, sio_outgoing, link);
        uint64_t id = out->ack_id;
        bool has_ack = out->has_ack;
        outgoing_end(socket, out, SIO_ERR_DISCARDED);
        if (has_ack && !client->dead) {
            sio_socket_end_ack(socket, id, SIO_ERR_DISCARDED);
        }
    }
    sio_client_leave(client);
}

/* ---- with arguments in the call ---- */

static int vemit(sio_socket *socket, const char *event, const sio_emit_options *options,
                 const char *format, va_list values) {
    sio_args *args = NULL;
    int rc = sio_args_new_vf(&args, socket->client->mem, format, values);
    if (rc != 0) {
        return rc;
    }
    if (!sio_client_in_thread(socket->client)) {
        return sio_socket_post(socket, event, args, options);
    }
    rc = sio_socket_emit_here(socket, event, args, options);
    sio_args_unref(args);
    return rc;
}

int sio_socket_emitf(sio_socket *socket, const char *event, const char *format, ...) {
    static const sio_emit_options defaults = SIO_EMIT_OPTIONS_INIT;
    va_list values;
    va_start(values, format);
    int rc = vemit(socket, event, &defaults, format, values);
    va_end(values);
    return rc;
}

int sio_socket_send(sio_socket *socket, const sio_args *args, const sio_emit_options *options) {
    return sio_socket_emit(socket, "message", args, options);
}

int sio_socket_sendf(sio_socket *socket, const char *format, ...) {
    static const sio_emit_options defaults = SIO_EMIT_OPTIONS_INIT;
    va_list values;
    va_start(values, format);
    int rc = vemit(socket, "message", &defaults, format, values);
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
