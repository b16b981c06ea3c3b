/* What the programs have in common that tests start as servers: words on the command line, an event
 * base of their own, LISTENING and the port on stdout, a graceful end at SIGTERM or SIGINT.
 * Installed public headers only. */
#ifndef TESTS_SUPPORT_SERVER_PROGRAM_H
#define TESTS_SUPPORT_SERVER_PROGRAM_H

#include <sio/server.h>

struct event;
struct event_base;

/* Ends the program when `rc` is an error. */
void check(int rc, const char *what);

/* ---- the command line ---- */

/* What `--name` is followed by. */
enum setting_kind {
    SETTING_END,  /* of a list */
    SETTING_FLAG, /* nothing; the value is a bool */
    SETTING_TEXT, /* a const char *, borrowed */
    SETTING_U16,
    SETTING_U32,
    SETTING_U64,
};

struct setting {
    const char *name;
    enum setting_kind kind;
    void *value;
};

/* What each of them can be told: --host --port --tls-cert --tls-key --ping-interval --ping-timeout
 * --threads, of which the last is for programs that have a `setup`. The options do not refer to
 * `tls` by themselves. */
struct common_settings {
    const char *host;
    uint16_t port;
    sio_server_tls tls;
    sio_server_options options;
};

#define COMMON_SETTINGS_INIT                                                                       \
    { "127.0.0.1", 0, SIO_SERVER_TLS_INIT, SIO_SERVER_OPTIONS_INIT }

/* Read the command line; `own` are the program's own words, `usage` is said when it is wrong, which
 * ends the program. */
void read_settings(struct common_settings *common, const struct setting *own, int argc, char **argv,
                   const char *usage);

/* ---- running ---- */

struct program {
    struct event_base *base;
    sio_server *server;
    struct event *on_term, *on_int;
    uint32_t close_ms; /* what a graceful end may take */
    uint16_t port;     /* where it listens; set before it serves anybody */
    struct delayed *delayed;
};

/* Make the base and a server of those options on it, which logs to stderr when DEBUG is set. When
 * the options have a `setup`, SIO_TEST_THREADS in the environment says how many loops it has,
 * unless they do: so a whole suite runs with several. */
void program_init(struct program *program, const sio_server_options *options, uint32_t close_ms);

/* Say where the server listens, then serve until the end. Returns 0, or -1 when the loop failed. */
int program_run(struct program *program);

/* Call `fn` once on the thread of `server`, which is the program's or another member, `ms` from
 * now; or `drop` there when that ends first. `user` is their own. Thread: that of any member. */
void program_after(struct program *program, sio_server *server, uint32_t ms, void (*fn)(void *user),
                   void (*drop)(void *user), void *user);

/* Release all; `program` can be freed then. */
void program_done(struct program *program);

#endif
