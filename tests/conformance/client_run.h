/* What the scenarios of conformance-client and interop-client stand on: one client on the program's
 * own event base, and an inbox of what happened, so that a scenario reads from top to bottom: send,
 * then await. A failed expectation ends the program. Installed public headers only. */
#ifndef CONFORMANCE_CLIENT_RUN_H
#define CONFORMANCE_CLIENT_RUN_H

#include <sio/client.h>

struct event_base;

/* Something that happened to a socket, or an acknowledgement. */
struct record {
    struct record *next;
    sio_socket *socket; /* NULL for acknowledgements */
    char *name;         /* that of the event, or "ack" */
    size_t name_len;    /* it may hold NUL */
    char *reason;
    char *data;
    int status;
    sio_args *args; /* owned */
    sio_ack *ack;   /* owned, may be NULL */
    char *id;       /* of the socket at that time; NULL for acknowledgements */
    bool recovered; /* likewise */
    uint64_t came_ms;
};

struct run {
    struct event_base *base;
    sio_client *client;
    sio_client_options options;
    sio_client_tls tls; /* what the environment says: SIO_CA, SIO_CERT, SIO_KEY */
    const char *url;
    struct record *inbox; /* oldest first, what no scenario has taken yet */
    const char *awaiting; /* for the message when time is up */
    const char *bye;      /* the arguments of the server's last words; NULL: any */

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

/* ---- the program ---- */

/* The settings that all scenarios begin with. */
void run_init(struct run *run, const char *url);
void run_play(struct run *run, const struct scenario *scenario, unsigned deadline_s);
void run_done(struct run *run);

/* In a list that ends with a name of NULL; NULL: none. */
const struct scenario *scenario_named(const struct scenario *list, const char *name);

/* ---- failing ---- */

/* Says what was expected and ends the program. */
_Noreturn void fail(const char *format, ...) SIO_PRINTF(1, 2);

/* Fails unless `rc` is 0. */
void check(int rc, const char *what);

/* ---- sockets ---- */

/* Creates the client with run->options if there is none, and the namespace's socket, all of whose
 * events go to the inbox. */
sio_socket *open_socket(struct run *run, const char *nsp);

/* Runs until everything is written and nothing is active any more. */
void settle(struct run *run);

/* Leaves the namespace, then settles. */
void leave(struct run *run, sio_socket *socket);

/* ---- awaiting ---- */

/* Runs the loop once. `awaiting` is named if time is up meanwhile. */
void turn(struct run *run, const char *awaiting);

/* Runs the loop for so long. */
void idle(struct run *run, unsigned ms);

/* The oldest record of that name, waited for if need be; NULL for the socket: any. To be freed with
 * record_free(). */
struct record *await(struct run *run, sio_socket *socket, const char *name);

/* As await(), but NULL instead of waiting. */
struct record *take(struct run *run, const sio_socket *socket, const char *name);

/* Fails if there is such a record. */
void expect_none(struct run *run, const sio_socket *socket, const char *name);

/* Fails unless the record's arguments are these: as many, of the same JSON types, equal. They are
 * written as JSON without the outer brackets; a text such as "<00ff>" stands for binary. */
void expect_args(const struct record *record, const char *args);

/* Arguments to be sent, written likewise; owned by the caller. */
sio_args *args_of(const char *text);

/* await(), expect_args() and record_free() in one. */
void expect(struct run *run, sio_socket *socket, const char *name, const char *args);

/* Awaits a library event with that reason. */
void expect_reason(struct run *run, sio_socket *socket, const char *name, const char *reason);
/* Awaits the server's refusal with that message, and its data as JSON, "": none. NULL: any. */
void expect_refusal(struct run *run, sio_socket *socket, const char *reason, const char *data);

/* Fails if anything is in the inbox. */
void expect_nothing(const struct run *run);

void record_free(struct record *record);

/* A monotonic clock. */
uint64_t now_ms(void);

/* ---- acknowledgements ---- */

/* For emit_ackf(): puts the answer into the inbox, `user` is the run. */
void on_reply(const sio_event *reply, void *user);

/* Awaits the next acknowledgement: its status is 0 and its arguments are these. */
void expect_ack(struct run *run, const char *args);

#endif
