/* Handlers of events that several of the tests' servers know, for sio_namespace_on(). Installed
 * public headers only. */
#ifndef TESTS_SUPPORT_SERVER_HANDLERS_H
#define TESTS_SUPPORT_SERVER_HANDLERS_H

#include <sio/server.h>

struct handler {
    const char *event;
    sio_peer_fn fn;
};

/* Adds them all with that user; ends the program without memory. */
void add_handlers(sio_namespace *ns, const struct handler *handlers, size_t count, void *user);

/* Sends the arguments back: as an acknowledgement when one is asked for, else as `echo-back`. */
void on_echo(sio_peer *peer, const sio_event *ev, void *user);

/* Acknowledged with the name of the transport. */
void on_transport(sio_peer *peer, const sio_event *ev, void *user);

/* ---- rooms and broadcasting ---- */

/* The names of the peer's rooms, but for the one named by its id, sorted; to be freed, though the
 * names are borrowed. NULL when memory is out. */
const char **other_rooms(const sio_peer *peer, size_t *count);

/* Names of rooms and events are strings here; what has others is ignored. */
bool is_name(const sio_event *ev, size_t index);

/* What a relayed event carries: arguments from that one on, the caller's, or NULL. */
struct relaying {
    sio_args *(*carried)(const sio_event *ev, size_t from);
};

/* Argument `first` is the name of the event that `target` gets. */
void relay(const sio_target *target, const sio_event *ev, size_t first,
           const struct relaying *relaying);

/* With a struct relaying: to-room(room, name, ...), in-room(room, name, ...),
 * except(room, name, ...), broadcast(name, ...), all(name, ...) */
void on_to_room(sio_peer *peer, const sio_event *ev, void *relaying);
void on_in_room(sio_peer *peer, const sio_event *ev, void *relaying);
void on_except(sio_peer *peer, const sio_event *ev, void *relaying);
void on_broadcast(sio_peer *peer, const sio_event *ev, void *relaying);
void on_all(sio_peer *peer, const sio_event *ev, void *relaying);

/* ---- questions ---- */

/* For an emit whose user is a reference to the peer: tells it what it has answered, by `answer` or
 * `answer-timeout`. */
void on_answer(const sio_event *reply, void *peer);

/* ---- counting ---- */

/* The numbers of a peer's `up` events should be 0, 1, 2... */
struct counters {
    int64_t count;
    int64_t last; /* -1 in the beginning */
    int64_t bad;
};

void counters_add(struct counters *counters, const sio_event *up);
/* Acknowledges with all three. */
void counters_report(const struct counters *counters, const sio_event *ev);

/* ---- ending ---- */

void on_kick(sio_peer *peer, const sio_event *ev, void *user);
void on_kick_hard(sio_peer *peer, const sio_event *ev, void *user);
void on_drop(sio_peer *peer, const sio_event *ev, void *user);

/* Tells the others of a `disconnect`: peer-left(id, reason) */
void tell_others(sio_peer *peer, const sio_event *ev);

#endif
