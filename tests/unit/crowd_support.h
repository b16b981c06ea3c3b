/* A server with four clients in its root namespace, for the tests of what is done to many. Its
 * memory can be made to run out. */
#ifndef TESTS_UNIT_CROWD_SUPPORT_H
#define TESTS_UNIT_CROWD_SUPPORT_H

#include "server_support.h"

#include <sio/sys/adapter.h>

enum { CROWD = 4 };

typedef struct crowd {
    server_test t;
    sio_namespace *root;
    raw_client c[CROWD];
    char ids[CROWD][64];
    char notes[2048]; /* what callbacks have written */
    long allowed;     /* allocations until memory runs out; negative: plenty */
    bool ran_out;     /* it has */
} crowd;

/* Rooms: 0 and 1 in "a"; 1 and 2 in "b"; 3 in none. `options` NULL: all defaults. */
void crowd_start(crowd *w, const sio_server_options *options);
/* Close the clients and free the server, unless a test has freed it. */
void crowd_stop(crowd *w);

sio_peer *crowd_peer(const crowd *w, int i);
void crowd_note(crowd *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Compare what was noted, and begin anew. */
void crowd_expect(crowd *w, const char *notes);
/* A target of the root namespace; `room` NULL: everyone. */
sio_target crowd_target(const crowd *w, const char *room);

/* Call `fn` with the memory running out after 0, 1, 2... allocations, until it has enough. It must
 * return SIO_ERR_NOMEM, or 0 when only single peers suffer, which are closed then. */
void crowd_sweep(crowd *w, int (*fn)(crowd *w, void *arg), void *arg);

/* Answer the event that client `i` gets next with these arguments; the event's text must begin with
 * "42<id>[". */
void crowd_answer(crowd *w, int i, const char *args);

#endif
