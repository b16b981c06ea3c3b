/* Who gets a broadcast, and what is done to all of them, which is the adapter's business. */
#include "adapter.h"
#include "peer.h"

#include <string.h>

enum { DEFAULT_TIMEOUT_MS = 5000 };

/* ---- naming ---- */

sio_target sio_namespace_target(sio_namespace *ns) {
    return (sio_target){.ns = ns};
}

sio_target sio_peer_broadcast(sio_peer *peer) {
    return (sio_target){.ns = peer->ns, .except = {peer->id}, .except_count = 1};
}

static void add_name(sio_target *target, const char **names, size_t *count, const char *name) {
    if (*count == SIO_TARGET_ROOMS) {
        target->error = SIO_ERR_LIMIT;
    } else {
        names[(*count)++] = name;
    }
}

sio_target *sio_target_to(sio_target *target, const char *room) {
    add_name(target, target->rooms, &target->room_count, room);
    return target;
}

sio_target *sio_target_except(sio_target *target, const char *room) {
    add_name(target, target->except, &target->except_count, room);
    return target;
}

/* What fits is copied, so that a small array need not outlive the call, nor be the only one. */
static bool copy_names(const char **names, size_t *count, const char *const *from, size_t more) {
    if (more > SIO_TARGET_ROOMS - *count) {
        return false;
    }
    for (size_t i = 0; i < more; i++) {
        names[(*count)++] = from[i];
    }
    return true;
}

sio_target *sio_target_to_all(sio_target *target, const char *const *rooms, size_t count) {
    if (copy_names(target->rooms, &target->room_count, rooms, count)) {
        return target;
    }
    if (target->more_rooms) {
        target->error = SIO_ERR_LIMIT;
        return target;
    }
    target->more_rooms = rooms;
    target->more_room_count = count;
    return target;
}

sio_target *sio_target_except_all(sio_target *target, const char *const *rooms, size_t count) {
    if (copy_names(target->except, &target->except_count, rooms, count)) {
        return target;
    }
    if (target->more_except) {
        target->error = SIO_ERR_LIMIT;
        return target;
    }
    target->more_except = rooms;
    target->more_except_count = count;
    return target;
}

size_t sio_target_room_count(const sio_target *target) {
    return target->room_count + target->more_room_count;
}

const char *sio_target_room(const sio_target *target, size_t index) {
    if (index < target->room_count) {
        return target->rooms[index];
    }
    index -= target->room_count;
    return index < target->more_room_count ? target->more_rooms[index] : NULL;
}

size_t sio_target_except_count(const sio_target *target) {
    return target->except_count + target->more_except_count;
}

const char *sio_target_except_room(const sio_target *target, size_t index) {
    if (index < target->except_count) {
        return target->except[index];
    }
    index -= target->except_count;
    return index < target->more_except_count ? target->more_except[index] : NULL;
}

uint32_t sio_target_timeout(const sio_target *target) {
    return target->timeout_ms ? target->timeout_ms : DEFAULT_TIMEOUT_MS;
}

/* ---- emitting ---- */

int sio_target_emit(const sio_target *target, const char *event, const sio_args *args) {
    if (target->error != 0) {
        return target->error;
    }
    sio_adapter_event message = {
        .size = sizeof(message), .name = {event, strlen(event)}, .args = args};
    return target->ns->ops.broadcast(target->ns->adapter, target, &message);
}

int sio_target_send(const sio_target *target, const sio_args *args) {
    return sio_target_emit(target, "message", args);
}

int sio_target_emitf(const sio_target *target, const char *event, const char *format, ...) {
    sio_args *args = NULL;
    va_list values;
    va_start(values, format);
    int rc = sio_args_new_vf(&args, target->ns->server->mem, format, values);
    va_end(values);
    if (rc == 0) {
        rc = sio_target_emit(target, event, args);
        sio_args_unref(args);
    }
    return rc;
}

/* ---- acting on all of them ---- */

int sio_target_fetch(const sio_target *target, sio_fetch_fn fn, void *user) {
    if (target->error != 0) {
        return target->error;
    }
    return target->ns->ops.fetch(target->ns->adapter, target, fn, user);
}

int sio_target_join_all(const sio_target *target, const char *const *rooms, size_t count) {
    if (target->error != 0) {
        return target->error;
    }
    return target->ns->ops.add_peers(target->ns->adapter, target, rooms, count);
}

int sio_target_join(const sio_target *target, const char *room) {
    return sio_target_join_all(target, &room, 1);
}

int sio_target_leave_all(const sio_target *target, const char *const *rooms, size_t count) {
    if (target->error != 0) {
        return target->error;
    }
    return target->ns->ops.del_peers(target->ns->adapter, target, rooms, count);
}

int sio_target_leave(const sio_target *target, const char *room) {
    return sio_target_leave_all(target, &room, 1);
}

int sio_target_disconnect(const sio_target *target, bool close_connection) {
    if (target->error != 0) {
        return target->error;
    }
    return target->ns->ops.disconnect_peers(target->ns->adapter, target, close_connection);
}
