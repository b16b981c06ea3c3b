/* A connection of the load driver: a non-blocking socket, HTTP/1.1 answers and WebSocket frames.
 * Written without libsio, so that the two cannot share a mistake. Faults end the program with
 * `die`: a load driver has nobody to hide them from. */
#ifndef TESTS_BENCH_CONN_H
#define TESTS_BENCH_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* A growing buffer. */
typedef struct bytes {
    char *data;
    size_t len;
    size_t cap;
} bytes;

void bytes_add(bytes *b, const void *data, size_t len);
void bytes_text(bytes *b, const char *text);
void bytes_number(bytes *b, uint64_t value);

typedef enum conn_kind { CONN_WEBSOCKET, CONN_HTTP } conn_kind;

typedef struct conn {
    int fd;
    conn_kind kind;
    bool open;   /* the answer to the upgrade has come */
    bool writes; /* waits until the kernel takes more */
    void *user;
    bytes rest; /* the beginning of what has not come whole */
    bytes out;  /* what the kernel has not taken */
} conn;

/* `text` is the payload of a text frame or an HTTP body, else that of a binary frame. */
typedef void conn_on_message(conn *c, bool text, const char *data, size_t len);
typedef void conn_on_open(conn *c);

typedef struct conn_callbacks {
    conn_on_open *on_open;
    conn_on_message *on_message;
} conn_callbacks;

/* Where all conns live. */
typedef struct conns {
    int epoll;
    uint16_t port;
    conn_callbacks callbacks;
    bytes batch; /* what is being written to the conn at hand */
} conns;

void conns_init(conns *all, uint16_t port, const conn_callbacks *callbacks);

/* Wait for at most `timeout_ns` (-1: for ever) and handle what there is. */
void conns_turn(conns *all, int64_t timeout_ns);

/* Connects; a WebSocket asks for its upgrade at once. */
void conn_start(conns *all, conn *c, conn_kind kind, void *user);

/* What is put leaves with conn_flush. */
void conn_put_text(conns *all, const char *data, size_t len);
void conn_put_frame(conns *all, bool text, const bytes *payload);
void conn_flush(conns *all, conn *c);

#endif
