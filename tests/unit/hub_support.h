/* Several servers that are members of one hub, on one event base, so that one thread turns all
 * sides and every order of events can be made. */
#ifndef TESTS_UNIT_HUB_SUPPORT_H
#define TESTS_UNIT_HUB_SUPPORT_H

#include "server_support.h"

#include "hub.h"

enum { TOWN = 3 };

typedef struct town {
    sio_hub *hub;
    server_test t[TOWN]; /* on the base of the first */
    sio_namespace *root[TOWN];
    raw_client c[TOWN]; /* one client of each, in the root namespace */
    char ids[TOWN][64];
    char notes[2048]; /* what callbacks have written */
    long allowed;     /* allocations until memory runs out; negative: plenty */
    bool ran_out;     /* it has */
} town;

/* `options` NULL: all defaults; `inbox` 0: the default. Clients 0 and 1 are in "a", 1 and 2 in "b".
 */
void town_start(town *w, const sio_server_options *options, uint64_t inbox);
/* Without clients and rooms. */
void town_start_empty(town *w, const sio_server_options *options, uint64_t inbox);
void town_stop(town *w);
/* Free one server before the end. */
void town_end_server(town *w, int i);

sio_peer *town_peer(const town *w, int i);
/* A target of a server's root namespace; `room` NULL: everyone. */
sio_target town_target(const town *w, int i, const char *room);

void town_note(town *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Compare what was noted, and begin anew. */
void town_expect(town *w, const char *notes);
/* Turn until something was noted that contains `part`. */
void town_until(town *w, const char *part);
/* Turn until all inboxes are empty. */
void town_settle(town *w);
/* Answer the event that client `i` gets next with these arguments. */
void town_answer(town *w, int i, const char *args);

/* As crowd_sweep. */
void town_sweep(town *w, int (*fn)(town *w), void (*after)(town *w));

#endif
