/* The scenarios of conformance-client, see client.md. */
#ifndef CONFORMANCE_CLIENT_H
#define CONFORMANCE_CLIENT_H

#include "client_run.h"

extern const struct scenario event_scenarios[];
extern const struct scenario connection_scenarios[];

/* "/", connected. */
sio_socket *connected(struct run *run);

/* Asks for an acknowledgement, which must come with these arguments. */
void call(struct run *run, sio_socket *socket, const char *event, const char *args,
          const char *answer);

/* The last words: `done` with these arguments (NULL: none are needed), which the server answers
 * with `bye` once it has checked its half; then leaves. */
void finish(struct run *run, sio_socket *socket, const char *done_args);

#endif
