/* Gathering the answers to a broadcast. */
#include "adapter.h"
#include "peer.h"

#include "mem.h"

#include <string.h>

/* What a response costs besides its text and its attachments, roughly. */
enum { RESPONSE_OVERHEAD = 512 };

typedef struct gather {
    sio_namespace *ns;
    sio_target_reply_fn fn;
    void *user;
    sio_target_response *responses; /* each owns both members */
    size_t response_count;
    size_t response_cap;
    char **missing; /* owned */
    size_t missing_count;
    size_t missing_cap;
    uint64_t bytes;
    uint64_t asked;
    int status; /* an error on the way */
} gather;

static void gather_free(gather *g) {
    const sio_mem *mem = g->ns->server->mem;
    for (size_t i = 0; i < g->response_count; i++) {
        char *from = (char *)(uintptr_t)g->responses[i].from;
        sio_args *args = (sio_args *)(uintptr_t)g->responses[i].args;
        sio_mem_release(mem, from);
        sio_args_unref(args);
    }
    for (size_t i = 0; i < g->missing_count; i++) {
        sio_mem_release(mem, g->missing[i]);
    }
    sio_mem_release(mem, g->responses);
    sio_mem_release(mem, g->missing);
    sio_mem_release(mem, g);
}

static void on_count(uint64_t peers, void *user) {
    gather *g = user;
    g->asked += peers;
}

static uint64_t cost(const sio_args *args) {
    uint64_t bytes = RESPONSE_OVERHEAD;
    for (size_t i = 0; i < sio_args_count(args); i++) {
        bytes += sio_args_raw(args, i).len;
    }
    for (uint32_t i = 0; i < sio_args_attachment_count(args); i++) {
        bytes += sio_args_attachment(args, i).len;
    }
    return bytes;
}

static void *grow(const sio_mem *mem, void *items, size_t count, size_t *cap, size_t item) {
    if (count < *cap) {
        return items;
    }
    size_t more = *cap ? *cap * 2 : 4;
    void *grown = sio_mem_resize_array(mem, items, more, item);
    if (grown) {
        *cap = more;
    }
    return grown;
}

static int on_ack(sio_str from, const sio_args *args, void *user) {
    gather *g = user;
    const sio_mem *mem = g->ns->server->mem;
    g->bytes += cost(args);
    if (g->bytes > g->ns->server->max_reply_bytes) {
        return SIO_ERR_LIMIT;
    }
    sio_target_response *grown =
        grow(mem, g->responses, g->response_count, &g->response_cap, sizeof(*grown));
    if (!grown) {
        return SIO_ERR_NOMEM;
    }
    g->responses = grown;
    sio_args *kept;
    int rc = sio_args_ref(&kept, args);
    if (rc != 0) {
        return rc;
    }
    char *id = sio_mem_strndup(mem, from.ptr, from.len);
    if (!id) {
        sio_args_unref(kept);
        return SIO_ERR_NOMEM;
    }
    g->responses[g->response_count++] = (sio_target_response){id, kept};
    return 0;
}

static void on_missing(sio_str id, void *user) {
    gather *g = user;
    const sio_mem *mem = g->ns->server->mem;
    char **grown = grow(mem, g->missing, g->missing_count, &g->missing_cap, sizeof(*grown));
    if (grown) {
        g->missing = grown;
        g->missing[g->missing_count] = sio_mem_strndup(mem, id.ptr, id.len);
    }
    if (grown && g->missing[g->missing_count]) {
        g->missing_count++;
    } else {
        g->status = SIO_ERR_NOMEM;
    }
}

static void on_end(int status, void *user) {
    gather *g = user;
    sio_server *server = g->ns->server;
    sio_target_reply reply = {
        .size = sizeof(reply),
        .status = g->status != 0 ? g->status : status,
        .responses = g->responses,
        .response_count = g->response_count,
        .missing = (const char *const *)g->missing,
        .missing_count = g->missing_count,
        .asked = g->asked,
    };
    sio_server_enter(server);
    g->fn(&reply, g->user);
    gather_free(g);
    sio_server_leave(server);
}

int sio_target_emit_ack(const sio_target *target, const char *event, const sio_args *args,
                        uint32_t timeout_ms, sio_target_reply_fn fn, void *user) {
    sio_namespace *ns = target->ns;
    if (target->error != 0) {
        return target->error;
    }
    if (ns->adapter_ended) {
        return SIO_ERR_DISCONNECTED;
    }
    gather *g = sio_mem_zalloc(ns->server->mem, sizeof(*g));
    if (!g) {
        return SIO_ERR_NOMEM;
    }
    *g = (gather){.ns = ns, .fn = fn, .user = user};
    sio_target timed = *target;
    timed.timeout_ms = timeout_ms ? timeout_ms : sio_target_timeout(target);
    sio_adapter_event message = {
        .size = sizeof(message), .name = {event, strlen(event)}, .args = args};
    sio_adapter_acks acks = {.size = sizeof(acks),
                             .on_count = on_count,
                             .on_ack = on_ack,
                             .on_missing = on_missing,
                             .on_end = on_end,
                             .user = g};
    int rc = ns->ops.broadcast_with_ack(ns->adapter, &timed, &message, &acks);
    if (rc != 0) {
        gather_free(g);
    }
    return rc;
}

int sio_target_emit_ackf(const sio_target *target, const char *event, uint32_t timeout_ms,
                         sio_target_reply_fn fn, void *user, const char *format, ...) {
    sio_args *args = NULL;
    va_list values;
    va_start(values, format);
    int rc = sio_args_new_vf(&args, target->ns->server->mem, format, values);
    va_end(values);
    if (rc == 0) {
        rc = sio_target_emit_ack(target, event, args, timeout_ms, fn, user);
        sio_args_unref(args);
    }
    return rc;
}
