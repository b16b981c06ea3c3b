/* One end of a WebSocket that sends back what it gets: whole messages, text as text and binary as
 * binary. What the echo server and the echo client share: all but who dials and what is said in the
 * handshake. */
#ifndef WS_ECHO_H
#define WS_ECHO_H

#include <sio/http1.h>
#include <sio/ws.h>

#include <event2/bufferevent.h>

#include <netinet/in.h>

typedef struct ws_echo_settings {
    const char *host;
    uint16_t port;
    uint64_t max_message;
    bool deflate;
    const char *path;  /* client: what to ask for */
    const char *agent; /* client: its name for a server that hands out cases */
    bool cases;        /* client: runs the cases of such a server */
} ws_echo_settings;

typedef struct ws_echo {
    struct bufferevent *bev;
    const ws_echo_settings *settings;
    sio_ws_role role;
    sio_http1_parser *parser; /* of the handshake; NULL behind it */
    /* Gets the handshake's head, or NULL and what is wrong with it. Starts or ends the echo. */
    void (*on_handshake)(const sio_http1_head *head, int error, void *user);
    /* Gets the text messages in place of the echo; NULL for none. */
    void (*on_text)(const uint8_t *data, size_t len, void *user);
    /* The connection has ended, however. */
    void (*on_end)(void *user);
    void *user;
    /* From here on zero until the start. */
    sio_ws *ws;
    sio_ws_inflater *inflater;
    sio_ws_deflater *deflater;
    sio_ws_pong pong; /* waits for room */
    bool ended;
} ws_echo;

/* A field of a head and where its value goes. Zero `joined`. */
typedef struct ws_echo_field {
    sio_str name;
    sio_str *value;
    sio_buf joined;
} ws_echo_field;

/* Read the command line; ends the program when it is wrong. */
ws_echo_settings ws_echo_arguments(int argc, char **argv, sio_ws_role role);

/* Where that says to listen or to dial. Returns whether the host is an IPv4 address. */
bool ws_echo_address(struct sockaddr_in *out, const ws_echo_settings *settings);

/* Set to work a connection whose members up to `user` are filled in. The echo owns its bufferevent
 * and its parser from here on. */
void ws_echo_open(ws_echo *echo);

/* Fill in the values of `fields`, which last until ws_echo_fields_done(). Returns 0 or an error of
 * libsio-proto. */
int ws_echo_fields_read(ws_echo_field *fields, size_t count, const sio_http1_head *head);
void ws_echo_fields_done(ws_echo_field *fields, size_t count);

/* What either role says of permessage-deflate in its handshake. */
void ws_echo_handshake_options(sio_ws_handshake_options *out, const ws_echo_settings *settings);

/* Echo from here on, over what was agreed on. Returns 0 or an error of libsio-proto. */
int ws_echo_start(ws_echo *echo, const sio_ws_agreement *agreement);

/* Nothing more is read. Our side is shut once what is queued is sent; what still comes is thrown
 * away, because unread bytes would turn the end into a reset that overtakes our last words. The
 * peer has two seconds for its own end. */
void ws_echo_end(ws_echo *echo);

/* Close the connection and release all that is the echo's. */
void ws_echo_done(ws_echo *echo);

/* Secure random bytes. */
void ws_echo_random(void *out, size_t len);

#endif
