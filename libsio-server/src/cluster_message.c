#include "cluster_message.h"

#include "namespace.h"

#include "mem.h"

#include <string.h>

/* ---- one block for a struct, its arrays and its texts ----
 *
 * The same walk over the content is made twice: once to count, with nothing to write to, and once
 * to copy. Arrays come first, because they are aligned; texts and bytes behind them. */

typedef struct block {
    char *arrays; /* NULL: counting */
    char *texts;
    size_t array_bytes;
    size_t text_bytes;
    bool overflow;
} block;

static void *take_array(block *b, size_t count, size_t size) {
    size_t bytes;
    void *at = b->arrays ? b->arrays + b->array_bytes : NULL;
    b->overflow |= __builtin_mul_overflow(count, size, &bytes);
    b->overflow |= __builtin_add_overflow(b->array_bytes, bytes, &b->array_bytes);
    return at;
}

static char *take_text(block *b, const void *from, size_t len) {
    char *at = b->texts ? b->texts + b->text_bytes : NULL;
    if (at) {
        if (len > 0) {
            memcpy(at, from, len);
        }
        at[len] = '\0';
    }
    b->overflow |= __builtin_add_overflow(b->text_bytes, len, &b->text_bytes);
    b->overflow |= __builtin_add_overflow(b->text_bytes, 1, &b->text_bytes);
    return at;
}

static sio_str copy_str(block *b, sio_str from) {
    return (sio_str){take_text(b, from.ptr, from.len), from.len};
}

static const char *copy_string(block *b, const char *from) {
    return from ? take_text(b, from, strlen(from)) : NULL;
}

static const char *const *copy_names(block *b, const char *const *names, size_t count) {
    const char **copy = take_array(b, count, sizeof(*copy));
    for (size_t i = 0; i < count; i++) {
        const char *name = copy_string(b, names[i]);
        if (copy) {
            copy[i] = name;
        }
    }
    return copy;
}

static const sio_handshake *copy_handshake(block *b, const sio_handshake *from) {
    sio_handshake *copy = take_array(b, 1, sizeof(*copy));
    sio_handshake full = *from;
    full.address = copy_string(b, from->address);
    full.url = copy_string(b, from->url);
    full.query = copy_string(b, from->query);
    full.auth = copy_str(b, from->auth);
    full.certificate = copy_string(b, from->certificate);
    full.time = copy_string(b, from->time);
    if (copy) {
        *copy = full;
    }
    return copy;
}

static const sio_remote_peer *copy_peers(block *b, const sio_remote_peer *peers, size_t count) {
    sio_remote_peer *copy = take_array(b, count, sizeof(*copy));
    for (size_t i = 0; i < count; i++) {
        const sio_remote_peer *from = &peers[i];
        const sio_remote_peer peer = {
            .size = sizeof(peer),
            .id = copy_string(b, from->id),
            .handshake = copy_handshake(b, from->handshake),
            .rooms = copy_names(b, from->rooms, from->room_count),
            .room_count = from->room_count,
            .data = copy_string(b, from->data),
        };
        if (copy) {
            copy[i] = peer;
        }
    }
    return copy;
}

static sio_cluster_packet copy_packet(block *b, sio_str name, sio_str text, const sio_args *args) {
    uint32_t count = args ? sio_args_attachment_count(args) : 0;
    sio_bytes *attachments = take_array(b, count, sizeof(*attachments));
    sio_cluster_packet packet = {copy_str(b, name), copy_str(b, text), attachments, count};
    for (uint32_t i = 0; i < count; i++) {
        sio_bytes from = sio_args_attachment(args, i);
        const uint8_t *data = (const uint8_t *)take_text(b, from.ptr, from.len);
        if (attachments) {
            attachments[i] = (sio_bytes){data, from.len};
        }
    }
    return packet;
}

static sio_cluster_content copy_content(block *b, const sio_cluster_content *from, sio_str text,
                                        const sio_args *args) {
    sio_cluster_content copy = *from;
    copy.opts.rooms = copy_names(b, from->opts.rooms, from->opts.room_count);
    copy.opts.except = copy_names(b, from->opts.except, from->opts.except_count);
    copy.rooms = copy_names(b, from->rooms, from->room_count);
    copy.peers = copy_peers(b, from->peers, from->peer_count);
    copy.packet = copy_packet(b, from->packet.name, text, args);
    copy.nsp = copy_str(b, from->nsp);
    copy.from = copy_str(b, from->from);
    return copy;
}

/* ---- making ---- */

/* `scratch` is empty whatever the outcome, and keeps its memory for the next message. */
static int write_args(sio_buf *scratch, const sio_args *args) {
    int rc = sio_buf_add_byte(scratch, '[');
    if (rc == 0 && args) {
        rc = sio_args_write(args, scratch);
    }
    return rc == 0 ? sio_buf_add_byte(scratch, ']') : rc;
}

static bool has_packet(sio_cluster_type type) {
    return type == SIO_CLUSTER_BROADCAST || type == SIO_CLUSTER_SERVER_SIDE_EMIT ||
           type == SIO_CLUSTER_SERVER_SIDE_EMIT_RESPONSE || type == SIO_CLUSTER_BROADCAST_ACK;
}

static int message_new(sio_cluster_message **out, const sio_cluster_content *content, sio_str text,
                       const sio_args *args, uint32_t link_count, const sio_mem *mem) {
    block b = {0};
    size_t bytes;
    take_array(&b, link_count, sizeof(sio_cluster_link));
    copy_content(&b, content, text, args);
    b.overflow |= __builtin_add_overflow(b.array_bytes, b.text_bytes, &bytes);
    b.overflow |= __builtin_add_overflow(bytes, sizeof(sio_cluster_message), &bytes);
    if (b.overflow) {
        return SIO_ERR_LIMIT;
    }
    sio_cluster_message *message = sio_mem_alloc(mem, bytes);
    if (!message) {
        return SIO_ERR_NOMEM;
    }
    *message = (sio_cluster_message){.bytes = bytes, .link_count = link_count, .mem = mem};
    atomic_init(&message->refs, 1);
    char *arrays = (char *)(message + 1);
    b = (block){.arrays = arrays, .texts = arrays + b.array_bytes};
    message->links = take_array(&b, link_count, sizeof(sio_cluster_link));
    for (uint32_t i = 0; i < link_count; i++) {
        sio_list_init(&message->links[i].link);
        message->links[i].message = message;
    }
    message->content = copy_content(&b, content, text, args);
    *out = message;
    return 0;
}

int sio_cluster_message_new(sio_cluster_message **out, const sio_cluster_content *content,
                            const sio_args *args, sio_buf *scratch, uint32_t links,
                            const sio_mem *mem) {
    int rc = has_packet(content->type) ? write_args(scratch, args) : 0;
    sio_str text = {(const char *)scratch->data, scratch->len};
    if (rc == 0) {
        rc = message_new(out, content, text, args, links, mem);
    }
    scratch->len = 0;
    return rc;
}

sio_cluster_message *sio_cluster_message_ref(sio_cluster_message *message) {
    atomic_fetch_add_explicit(&message->refs, 1, memory_order_relaxed);
    return message;
}

void sio_cluster_message_unref(sio_cluster_message *message) {
    if (message && atomic_fetch_sub_explicit(&message->refs, 1, memory_order_acq_rel) == 1) {
        sio_mem_release(message->mem, message);
    }
}

/* ---- reading ---- */

int sio_cluster_message_args(const sio_cluster_message *message, sio_args *args) {
    /* The sender's application may have allowed more than the default. */
    static const sio_args_limits limits = {
        .size = sizeof(limits), .max_depth = SIO_JSON_DEPTH_CEILING, .max_args = 0};
    const sio_cluster_packet *packet = &message->content.packet;
    unsigned flags = packet->attachment_count > 0 ? SIO_ARGS_BINARY : 0u;
    int rc = sio_args_parse(args, packet->args.ptr, packet->args.len, flags,
                            packet->attachment_count, &limits);
    for (uint32_t i = 0; rc == 0 && i < packet->attachment_count; i++) {
        rc = sio_args_set_attachment(args, i, packet->attachments[i]);
    }
    return rc;
}

/* ---- targets ---- */

sio_target sio_cluster_message_target(const sio_cluster_message *message, sio_namespace *ns) {
    const sio_cluster_opts *opts = &message->content.opts;
    return (sio_target){.ns = ns,
                        .more_rooms = opts->rooms,
                        .more_room_count = opts->room_count,
                        .more_except = opts->except,
                        .more_except_count = opts->except_count,
                        .is_volatile = opts->is_volatile,
                        .no_compress = opts->no_compress,
                        .timeout_ms = opts->timeout_ms};
}

/* The one array that holds all names, if there is one. */
static const char *const *in_one(const char *const *few, size_t few_count, const char *const *more,
                                 size_t more_count) {
    return more_count == 0 ? few : few_count == 0 ? more : NULL;
}

static void join_names(const char **to, const char *const *few, size_t few_count,
                       const char *const *more, size_t more_count) {
    memcpy(to, few, few_count * sizeof(*to));
    memcpy(to + few_count, more, more_count * sizeof(*to));
}

int sio_cluster_opts_of(sio_cluster_opts *opts, const char ***joined, const sio_target *target) {
    size_t rooms = sio_target_room_count(target);
    size_t except = sio_target_except_count(target);
    *joined = NULL;
    *opts = (sio_cluster_opts){
        .rooms =
            in_one(target->rooms, target->room_count, target->more_rooms, target->more_room_count),
        .room_count = rooms,
        .except = in_one(target->except, target->except_count, target->more_except,
                         target->more_except_count),
        .except_count = except,
        .timeout_ms = target->timeout_ms,
        .is_volatile = target->is_volatile,
        .no_compress = target->no_compress,
    };
    if (opts->rooms && opts->except) {
        return 0;
    }
    const char **names =
        sio_mem_alloc_array(target->ns->server->mem, rooms + except, sizeof(*names));
    if (!names) {
        return SIO_ERR_NOMEM;
    }
    if (!opts->rooms) {
        join_names(names, target->rooms, target->room_count, target->more_rooms,
                   target->more_room_count);
        opts->rooms = names;
    }
    if (!opts->except) {
        join_names(names + rooms, target->except, target->except_count, target->more_except,
                   target->more_except_count);
        opts->except = names + rooms;
    }
    *joined = names;
    return 0;
}
