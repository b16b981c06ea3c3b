/* The parts of siocat: options.c and environment.c read what is wanted, connection.c connects,
 * input.c and message.c make events of lines, output.c prints them, ping.c measures, wire_log.c
 * shows what goes over the wire, signals.c ends it early. */
#ifndef SIOCAT_H
#define SIOCAT_H

#include <sio/client.h>

#include <stdbool.h>
#include <stdint.h>

struct event;
struct event_base;
struct evbuffer;

/** What siocat tells by its exit status; 128 + N: ended by signal N. */
enum siocat_exit {
    SIOCAT_OK = 0,
    SIOCAT_USAGE = 1,
    SIOCAT_CONNECT = 2,      /**< no connection could be made */
    SIOCAT_REFUSED = 3,      /**< the server was reached and said no */
    SIOCAT_NO_ACK = 4,       /**< an acknowledgement did not come in time */
    SIOCAT_DISCONNECTED = 5, /**< the connection ended before the work was done */
    SIOCAT_INPUT = 6,        /**< an event to be sent is malformed, or a file cannot be read */
    SIOCAT_OUTPUT = 7,       /**< standard output was closed or cannot be written */
    SIOCAT_TIME = 8,         /**< --max-time passed before the work was done */
    SIOCAT_INTERNAL = 9,     /**< out of memory and the like */
};

enum { SIOCAT_MAX_HEADERS = 64, SIOCAT_MAX_FILTERS = 64, SIOCAT_FILE_MAX = 64 << 20 };

enum siocat_command { SIOCAT_LISTEN, SIOCAT_EMIT };

struct siocat_settings {
    enum siocat_command command;
    const char *url;
    const char *nsp; /**< NULL: that of the URL */
    char **args;     /**< of emit: the event's name and its arguments; none: from the input */
    int arg_count;

    sio_client_options client;
    sio_client_network network;
    sio_client_tls tls;
    sio_client_header headers[SIOCAT_MAX_HEADERS];
    char *query;      /**< owned */
    char *auth;       /**< owned */
    char *passphrase; /**< owned */
    char *proxy;      /**< owned, if its scheme was left out */
    char *header_text[SIOCAT_MAX_HEADERS];

    const char *filters[SIOCAT_MAX_FILTERS]; /**< --on: other events are not shown */
    size_t filter_count;
    uint64_t count; /**< end after so many events; 0: endless */
    uint64_t max_time_ms;
    uint32_t connect_timeout_ms;
    uint32_t timeout_ms; /**< of an acknowledgement */
    uint64_t max_line;
    uint32_t window;   /**< events of the input that are under way at a time; 0: the default */
    const char *input; /**< NULL: standard input */
    const char *echo;  /**< the event that answers a ping; NULL: the acknowledgement */
    uint32_t pings;    /**< 0: no measuring */
    uint64_t interval_ms;
    bool ack;
    bool json;
    bool listen; /**< go on when everything was sent */
    bool reconnect;
    bool quiet;
    int verbose;
};

/** An event to be sent. */
struct siocat_message {
    sio_args *args; /**< with its name */
    sio_buf text;   /**< what `args` are a view of */
    char error[256];
};

struct siocat_input {
    int fd;
    struct event *readable; /**< or, where the file cannot be waited for, a timer of 0 ms */
    struct evbuffer *bytes;
    struct siocat_message message;
    size_t searched; /**< bytes that hold no line end */
    uint64_t line;
    uint32_t under_way;
    bool waits_by_timer;
    bool is_terminal;
    bool started;
    bool ended;
    bool continuing;
};

struct siocat_ping {
    struct siocat_message message;
    struct event *next; /**< the next one, or the end of waiting for the echo */
    uint64_t *nanoseconds;
    uint64_t sent_at;
    uint32_t sent;
    uint32_t answered;
    bool waiting;
};

struct siocat {
    struct siocat_settings set;
    struct event_base *base;
    sio_client *client;
    sio_socket *socket;
    struct event *deadline; /**< --max-time */
    struct event *patience; /**< for the namespace, then for the good-bye */
    struct event *signals;
    struct siocat_message message; /**< of `emit EVENT ARG...` */
    struct siocat_input input;
    struct siocat_ping ping;
    sio_buf line; /**< what is being printed */
    uint64_t seen;
    uint64_t emitted;
    int exit_code;
    bool was_connected;
    bool finishing;
    bool output_is_gone;
};

/* ---- options.c, environment.c ---- */

/** Read the command line. @return -1 to go on, or the exit status */
int siocat_options_read(struct siocat_settings *set, int argc, char **argv);
void siocat_options_free(struct siocat_settings *set);

/** The proxy that the environment names for a URL, and its exceptions, unless options did. */
void siocat_environment_proxy(struct siocat_settings *set);

/* ---- connection.c ---- */

/** Connect, do what was asked for, and end. */
void siocat_run(struct siocat *cat);

/** End: leave the namespace, and the loop when everything was written. Only the first call counts.
 * @param exit_code 0 when nothing failed */
void siocat_finish(struct siocat *cat, int exit_code);

/** An error for people, unless --quiet. */
void siocat_complain(const struct siocat *cat, const char *format, ...) SIO_PRINTF(2, 3);

/** Everything was sent, and acknowledged where that was wanted: end unless more is wanted. */
void siocat_all_sent(struct siocat *cat);

/* ---- file.c ---- */

/** Read a whole file of at most `max` bytes into `out`, with a message on failure.
 * @param any whether it may be a pipe, which is read to its end
 * @return 0, SIO_ERR_LIMIT, SIO_ERR_NOMEM, SIO_ERR_INVALID; errno is set for the last */
int siocat_file_read(sio_buf *out, const char *path, size_t max, bool any);

/* ---- message.c ---- */

int siocat_message_init(struct siocat_message *message);
void siocat_message_free(struct siocat_message *message);

/** Make an event of a JSON array: name, arguments; `{"@file": path}` and `{"@base64": text}` stand
 * for binary. @param any_file see siocat_file_read()
 * @return 0, or an error, told in `message->error` */
int siocat_message_parse(struct siocat_message *message, sio_str json, bool any_file);

/** The same from the command line. */
int siocat_message_from_args(struct siocat_message *message, char **args, int count);

/* ---- base64.c ---- */

int siocat_base64_write(sio_buf *out, sio_bytes data);
/** @return 0, SIO_ERR_INVALID, SIO_ERR_NOMEM */
int siocat_base64_read(sio_buf *out, sio_str text);

/* ---- json_text.c ---- */

/** Behind the string that begins at `at` with its quote. */
size_t siocat_json_string_end(sio_str json, size_t at);
/** Whether the string that ends before `end` is the key of an object. */
bool siocat_json_is_key(sio_str json, size_t end);
/** The first character at or behind `at` that is no white space. */
size_t siocat_json_skip_space(sio_str json, size_t at);
/** Append an argument on one line, safe for terminals, with its binary.
 * @param readable binary in hexadecimal instead of base64 */
int siocat_json_print(sio_buf *out, const sio_args *args, size_t index, bool readable);
/** Append a string, safe for terminals. */
int siocat_json_string(sio_buf *out, sio_str text);

/* ---- output.c ---- */

/** Print a received event, or an acknowledgement with `number` above 0. */
void siocat_print(struct siocat *cat, const char *type, sio_str name, uint64_t number,
                  const sio_args *args);
/** Write and empty `cat->line`; ends the program when that is not possible. */
void siocat_print_line(struct siocat *cat);

/* ---- input.c ---- */

/** @return 0 or an exit status, told on stderr */
int siocat_input_open(struct siocat *cat);
/** Go on reading: connected now, or an event has arrived. */
void siocat_input_continue(struct siocat *cat);
/** Read no more. */
void siocat_input_stop(struct siocat *cat);
void siocat_input_close(struct siocat *cat);

/** Emit. Its end, printed if it is an acknowledgement, goes on with the input or ends siocat. */
int siocat_emit(struct siocat *cat, struct siocat_message *message);

/* ---- ping.c ---- */

int siocat_ping_open(struct siocat *cat);
void siocat_ping_start(struct siocat *cat);
/** An event came. @return whether it is the answer that is waited for */
bool siocat_ping_take(struct siocat *cat, const sio_event *event);
void siocat_ping_stop(struct siocat *cat);
void siocat_ping_close(struct siocat *cat);

/* ---- signals.c ---- */

int siocat_signals_open(struct siocat *cat);
/** The signal that has come, or 0. */
int siocat_signals_seen(void);
void siocat_signals_close(struct siocat *cat);

/* ---- wire_log.c ---- */

/** For sio_client_options.log; `user` is the struct siocat. */
void siocat_wire_log(const char *scope, const char *text, void *user);

/** Write text for people to stderr, without what could drive a terminal. */
void siocat_say(const char *text);

#endif
