/* What the profiles of the conformance server share. Each profile is a server that one family of
 * outside test suites expects to talk to; README.md says which. Installed public headers only. */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#include "../support/server_program.h"

#include <sio/engine.h>

/* One for each member of the server. */
typedef struct conformance {
    struct program *program;
    sio_server *server;
    void *state; /* the profile's own */
} conformance;

typedef struct profile {
    const char *name;
    /* Settings that differ from the defaults; what they point to is static. */
    void (*configure)(sio_server_options *options);
    /* Namespaces, handlers, hooks. */
    void (*set_up)(conformance *c);
    /* NULL: nothing to release. */
    void (*tear_down)(conformance *c);
} profile;

extern const profile profile_protocol;
extern const profile profile_jsclient;
extern const profile profile_eioclient;
extern const profile profile_general;
extern const profile profile_csr;
extern const profile profile_wire;

/* The conformance of a peer's server. */
conformance *conformance_of(sio_peer *peer);

/* Handlers that several profiles use. */
void emit_message_back(sio_peer *peer, const sio_event *ev, void *user);
void acknowledge_with_arguments(sio_peer *peer, const sio_event *ev, void *user);

/* Call `fn` once on this member's thread, `ms` from now, or `drop` when the program ends first;
 * `user` is their own. */
void after(conformance *c, uint32_t ms, void (*fn)(void *user), void (*drop)(void *user),
           void *user);

#endif
