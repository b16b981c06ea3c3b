/* Steps of which the scenarios of conformance-client and interop-client are made, and the scenarios
 * that both know. Installed public headers only. */
#ifndef CONFORMANCE_CLIENT_STEPS_H
#define CONFORMANCE_CLIENT_STEPS_H

#include "client_run.h"

/* ---- from the first word to the last ---- */

/* "/", connected. */
sio_socket *connected(struct run *run);

/* Asks for an acknowledgement, which must come with these arguments. */
void call(struct run *run, sio_socket *socket, const char *event, const char *args,
          const char *answer);

/* The last words: `done` with these arguments (NULL: none are needed), which the server answers
 * with `bye` and run->bye once it has checked its half; then leaves. */
void finish(struct run *run, sio_socket *socket, const char *done_args);

/* ---- what connections are called, and their ends ---- */

/* To be freed; fails when there is none. */
char *id_of(const sio_socket *socket);

/* Fails when that is still the id, and frees it. */
void expect_other_id(const sio_socket *socket, char *before);

/* Awaits a disconnect through the connection's end or failure. */
void expect_loss(struct run *run, sio_socket *socket);

/* Awaits a connect_error with a status and a reason. */
void expect_failure(struct run *run, sio_socket *socket);

/* Fails when the client tries to come back. */
void expect_no_attempt(const struct run *run, const sio_socket *socket);

/* ---- namespaces, credentials ---- */

/* Three that the server knows, one that it does not and one that it denies, on one connection. */
struct namespaces {
    sio_socket *known[3];
    sio_socket *nope;
    sio_socket *denied;
};

extern const char *const namespace_names[3];
/* The same as arguments. */
extern const char *const namespace_args[3];

void open_namespaces(struct run *run, struct namespaces *all);

/* Fails unless there was one connection, and the refused sockets have given up. */
void expect_one_connection(const struct run *run, const struct namespaces *all);

/* A socket that a middleware has refused: it has the path, query and header that the server looks
 * for, and the wrong credentials. */
sio_socket *open_unauthorized(struct run *run);

/* ---- much ---- */

/* Awaits big(text, binary), "é" and the bytes 7 i in these numbers, and sends both as `big-back`.
 */
void exchange_big(struct run *run, sio_socket *socket, size_t letters, size_t bytes);

/* Fails unless `down` came so often and in order. */
void expect_down(const struct run *run, int count);

/* ---- scenarios ---- */

void play_maxpayload(struct run *run);
void play_upgrade(struct run *run);

#endif
