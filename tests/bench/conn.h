/* A connection of the load driver: a non-blocking socket, with TLS if that is on, HTTP/1.1 answers
 * and WebSocket frames. Written without libsio, so that the two cannot share a mistake. */
#ifndef TESTS_BENCH_CONN_H
#define TESTS_BENCH_CONN_H

#include "bytes.h"
#include "tls.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum conn_kind { CONN_WEBSOCKET, CONN_HTTP } conn_kind;

typedef struct conn {
    int fd;
    conn_kind kind;
    bool open;   /* the answer to the upgrade has come */
    bool writes; /* waits until the kernel takes more */
    bool secure; /* the TLS handshake is complete */
    tls *tls;    /* NULL: none */
    void *user;
    bytes rest;  /* the beginning of what has not come whole */
    bytes early; /* what waits for the handshake */
    bytes out;   /* what the kernel has not taken */
} conn;

/* `text` is the payload of a text frame or an HTTP body, else that of a binary frame. */
typedef void conn_on_message(conn *c, bool text, const char *data, size_t len);
typedef void conn_on_open(conn *c);

typedef struct conn_callbacks {
    conn_on_open *on_open;
    conn_on_message *on_message;
} conn_callbacks;

enum { EXTENSIONS_MAX = 128 };

/* Where all conns live. */
typedef struct conns {
    int epoll;
    uint16_t port;
    conn_callbacks callbacks;
    bool deflate;                    /* offer permessage-deflate, and insist on it */
    char extensions[EXTENSIONS_MAX]; /* what the server has agreed to */
    bytes batch;                     /* what is being written to the conn at hand */
    bytes wire;                      /* the same, encrypted */
} conns;

void conns_init(conns *all, uint16_t port, const conn_callbacks *callbacks);

/* Wait for at most `timeout_ns` (-1: for ever) and handle what there is. */
void conns_turn(conns *all, int64_t timeout_ns);

/* Connects; a WebSocket asks for its upgrade at once. */
void conn_start(conns *all, conn *c, conn_kind kind, void *user);

/* Closes it in order; not from its own callback. */
void conn_end(conns *all, conn *c);

/* What is put leaves with conn_flush. */
void conn_put_text(conns *all, const char *data, size_t len);
void conn_put_frame(conns *all, bool text, const bytes *payload);
void conn_flush(conns *all, conn *c);

#endif
