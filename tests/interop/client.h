/* What the scenarios of interop-client stand on: one client on the program's own event base, and an
 * inbox of what happened, so that a scenario reads from top to bottom: send, then await. */
#ifndef INTEROP_CLIENT_H
#define INTEROP_CLIENT_H

#include <sio/client.h>

struct event_base;

/* Something that happened to a socket, or an acknowledgement. */
struct record {
    struct record *next;
    sio_socket *socket; /* NULL for acknowledgements */
    char *name;         /* that of the event, or "ack" */
    char *reason;
    char *data;
    int status;
    sio_args *args; /* owned */
    sio_ack *ack;   /* owned, may be NULL */
};

struct run {
    struct event_base *base;
    sio_client *client;
    sio_client_options options;
    const char *url;
    struct record *inbox; /* oldest first, what no scenario has taken yet */
    const char *awaiting; /* for the message when time is up */

    /* Called inside the handlers of `disconnect`, when set. */
    void (*on_disconnect)(sio_socket *socket);

    /* Numbered events: `down`(i) should come with i = 0, 1, 2... */
    int64_t down_next;
    int64_t down_wrong;

    int64_t attempts;        /* reconnect_attempt */
    int64_t failed_attempts; /* reconnect_error */
    int64_t reconnections;   /* reconnect */
    int64_t opens;           /* open */
};

struct scenario {
    const char *name;
    void (*play)(struct run *run);
};

extern const struct scenario event_scenarios[];
extern const struct scenario lifecycle_scenarios[];

/* ---- failing ---- */

/* Says what was expected and ends the program. */
_Noreturn void fail(const char *format, ...) SIO_PRINTF(1, 2);

/* Fails unless `rc` is 0. */
void check(int rc, const char *what);

/* ---- sockets ---- */

/* Creates the client with run->options if there is none, and the namespace's socket, all of whose
 * events go to the inbox. */
sio_socket *open_socket(struct run *run, const char *nsp);

/* Leaves the namespace, runs until everything is written and nothing is active any more. */
void leave(struct run *run, sio_socket *socket);

/* ---- awaiting ---- */

/* Runs the loop once. `awaiting` is named if time is up meanwhile. */
void turn(struct run *run, const char *awaiting);

/* Runs the loop for so long. */
void idle(struct run *run, unsigned ms);

/* The oldest record of that name, waited for if need be; NULL for the socket: any. To be freed with
 * record_free(). */
struct record *await(struct run *run, sio_socket *socket, const char *name);

/* Fails unless the record's arguments are these: JSON text as JavaScript writes it, without the
 * outer brackets, then for each attachment `|` and its bytes in hexadecimal. */
void expect_args(const struct record *record, const char *args);

/* await(), expect_args() and record_free() in one. */
void expect(struct run *run, sio_socket *socket, const char *name, const char *args);

/* Awaits a library event with that reason (and for connect_error that data as JSON, NULL: none). */
void expect_reason(struct run *run, sio_socket *socket, const char *name, const char *reason);
void expect_refusal(struct run *run, sio_socket *socket, const char *reason, const char *data);

/* Fails if anything is in the inbox. */
void expect_nothing(const struct run *run);

void record_free(struct record *record);

/* ---- acknowledgements ---- */

/* For emit_ackf(): puts the answer into the inbox, `user` is the run. */
void on_reply(const sio_event *reply, void *user);

/* Awaits the next acknowledgement: its status is 0 and its arguments are these. */
void expect_ack(struct run *run, const char *args);

#endif
