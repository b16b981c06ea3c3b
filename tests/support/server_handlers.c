#include "server_handlers.h"

#include "server_program.h"

#include <stdlib.h>
#include <string.h>

void add_handlers(sio_namespace *ns, const struct handler *handlers, size_t count, void *user) {
    for (size_t i = 0; i < count; i++) {
        check(sio_namespace_on(ns, handlers[i].event, handlers[i].fn, user), handlers[i].event);
    }
}

void on_echo(sio_peer *peer, const sio_event *ev, void *user) {
    (void)user;
    if (ev->ack != NULL) {
        (void)sio_ack_send(ev->ack, ev->args);
    } else {
        (void)sio_peer_emit(peer, "echo-back", ev->args, NULL);
    }
}

void on_transport(sio_peer *peer, const sio_event *ev, void *user) {
    (void)user;
    if (ev->ack != NULL) {
        (void)sio_ack_sendf(ev->ack, "s", sio_peer_transport(peer));
    }
}

/* ---- rooms and broadcasting ---------------------------------------------------------------- */

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **other_rooms(const sio_peer *peer, size_t *count) {
    size_t all = sio_peer_room_count(peer), used = 0;
    const char **names = calloc(all + 1, sizeof(*names));
    if (names == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < all; i++) {
        const char *name = sio_peer_room(peer, i);
        if (strcmp(name, sio_peer_id(peer)) != 0) {
            names[used++] = name;
        }
    }
    qsort(names, used, sizeof(*names), by_name);
    *count = used;
    return names;
}

bool is_name(const sio_event *ev, size_t index) {
    return sio_event_kind(ev, index) == SIO_KIND_STRING &&
           strlen(sio_event_string(ev, index)) == sio_event_str(ev, index).len;
}

void relay(const sio_target *target, const sio_event *ev, size_t first,
           const struct relaying *relaying) {
    sio_args *args = is_name(ev, first) ? relaying->carried(ev, first + 1) : NULL;
    if (args != NULL) {
        (void)sio_target_emit(target, sio_event_string(ev, first), args);
    }
    sio_args_unref(args);
}

void on_to_room(sio_peer *peer, const sio_event *ev, void *relaying) {
    sio_target target = sio_peer_broadcast(peer);
    if (is_name(ev, 0)) {
        relay(sio_target_to(&target, sio_event_string(ev, 0)), ev, 1, relaying);
    }
}

void on_in_room(sio_peer *peer, const sio_event *ev, void *relaying) {
    sio_target target = sio_namespace_target(sio_peer_namespace(peer));
    if (is_name(ev, 0)) {
        relay(sio_target_to(&target, sio_event_string(ev, 0)), ev, 1, relaying);
    }
}

void on_except(sio_peer *peer, const sio_event *ev, void *relaying) {
    sio_target target = sio_namespace_target(sio_peer_namespace(peer));
    relay(sio_target_except(&target, sio_event_string(ev, 0)), ev, 1, relaying);
}

void on_broadcast(sio_peer *peer, const sio_event *ev, void *relaying) {
    sio_target target = sio_peer_broadcast(peer);
    relay(&target, ev, 0, relaying);
}

void on_all(sio_peer *peer, const sio_event *ev, void *relaying) {
    sio_target target = sio_namespace_target(sio_peer_namespace(peer));
    relay(&target, ev, 0, relaying);
}

/* ---- questions ----------------------------------------------------------------------------- */

void on_answer(const sio_event *reply, void *peer) {
    if (reply->status == SIO_OK) {
        (void)sio_peer_emit(peer, "answer", reply->args, NULL);
    } else if (reply->status == SIO_ERR_TIMEOUT) {
        (void)sio_peer_emit(peer, "answer-timeout", NULL, NULL);
    }
    sio_peer_unref(peer);
}

/* ---- counting ------------------------------------------------------------------------------ */

void counters_add(struct counters *counters, const sio_event *up) {
    int64_t n = sio_event_int(up, 0);
    counters->count++;
    counters->bad += !sio_args_is_int(up->args, 0) || n != counters->last + 1;
    counters->last = n;
}

void counters_report(const struct counters *counters, const sio_event *ev) {
    if (ev->ack != NULL) {
        (void)sio_ack_sendf(ev->ack, "I I I", counters->count, counters->last, counters->bad);
    }
}

/* ---- ending -------------------------------------------------------------------------------- */

void on_kick(sio_peer *peer, const sio_event *ev, void *user) {
    (void)ev, (void)user;
    sio_peer_disconnect(peer, false);
}

void on_kick_hard(sio_peer *peer, const sio_event *ev, void *user) {
    (void)ev, (void)user;
    sio_peer_disconnect(peer, true);
}

void on_drop(sio_peer *peer, const sio_event *ev, void *user) {
    (void)ev, (void)user;
    sio_peer_close_connection(peer);
}

void tell_others(sio_peer *peer, const sio_event *ev) {
    sio_target others = sio_peer_broadcast(peer);
    (void)sio_target_emitf(&others, "peer-left", "s s", sio_peer_id(peer), ev->reason);
}
