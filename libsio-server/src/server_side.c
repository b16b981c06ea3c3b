/* Events between servers. */
#include "adapter.h"

#include <string.h>

enum { DEFAULT_TIMEOUT_MS = 5000 };

/* Names of events that the library itself hands out on a server. */
static bool is_reserved(sio_str name) {
    static const char *const names[] = {"connect", "connection", "new_namespace"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (name.len == strlen(names[i]) && memcmp(name.ptr, names[i], name.len) == 0) {
            return true;
        }
    }
    return false;
}

int sio_namespace_server_side_emit(sio_namespace *ns, const char *event, const sio_args *args,
                                   uint32_t timeout_ms, sio_server_side_fn fn, void *user) {
    sio_adapter_event message = {
        .size = sizeof(message), .name = {event, strlen(event)}, .args = args};
    if (is_reserved(message.name)) {
        return SIO_ERR_RESERVED;
    }
    if (ns->adapter_ended) {
        return SIO_ERR_DISCONNECTED;
    }
    return ns->ops.server_side_emit(ns->adapter, &message,
                                    timeout_ms ? timeout_ms : DEFAULT_TIMEOUT_MS, fn, user);
}

int sio_namespace_on_server_side(sio_namespace *ns, const char *event, sio_server_side_event_fn fn,
                                 void *user) {
    return sio_handlers_add(&ns->on_server_side, event, (sio_handler_fn)fn, user, false);
}

int sio_namespace_off_server_side(sio_namespace *ns, const char *event, sio_server_side_event_fn fn,
                                  void *user) {
    return sio_handlers_remove(&ns->on_server_side, event, (sio_handler_fn)fn, user);
}

void sio_adapter_local_server_side(sio_namespace *ns, const sio_adapter_event *event,
                                   sio_ack *ack) {
    sio_server *server = ns->server;
    sio_event handed = {.size = sizeof(handed),
                        .name = event->name,
                        .args = event->args ? event->args : server->no_args,
                        .ack = ack};
    sio_handler_walk walk;
    sio_handler handler;
    sio_server_enter(server);
    sio_handlers_begin(&walk,
                       sio_handlers_named(&ns->on_server_side, event->name.ptr, event->name.len));
    while (!server->dead && sio_handlers_next(&walk, &handler)) {
        ((sio_server_side_event_fn)handler.fn)(ns, &handed, handler.user);
    }
    sio_handlers_end(&walk, &ns->on_server_side);
    sio_server_leave(server);
}
