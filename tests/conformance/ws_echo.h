/* One end of a WebSocket that sends back what it gets: whole messages, text as text and binary as
 * binary. What the echo server and the echo client share. */
#ifndef WS_ECHO_H
#define WS_ECHO_H

#include <sio/http1.h>
#include <sio/ws.h>

#include <event2/bufferevent.h>

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
    struct bufferevent *bev; /* borrowed */
    const ws_echo_settings *settings;
    sio_ws_role role;
    /* Gets the text messages in place of the echo; NULL for none. */
    void (*on_text)(const uint8_t *data, size_t len, void *user);
    void *user;
    /* From here on zero until the start. */
    sio_ws *ws;
    sio_ws_inflater *inflater;
    sio_ws_deflater *deflater;
    sio_ws_pong pong; /* waits for room */
    bool ended;
} ws_echo;

/* Read the command line; ends the program when it is wrong. */
ws_echo_settings ws_echo_arguments(int argc, char **argv, sio_ws_role role);

/* What either role says of permessage-deflate in its handshake. */
void ws_echo_handshake_options(sio_ws_handshake_options *out, const ws_echo_settings *settings);

/* Echo from here on, over what was agreed on. Returns 0 or an error of libsio-proto. */
int ws_echo_start(ws_echo *echo, const sio_ws_agreement *agreement);

/* Take bytes of the peer, changing them. */
void ws_echo_take(ws_echo *echo, uint8_t *data, size_t len);

/* To be called by the write callback: everything queued is sent. */
void ws_echo_drained(ws_echo *echo);

/* Nothing more is read. Our side is shut once what is queued is sent; what still comes is thrown
 * away, because unread bytes would turn the end into a reset that overtakes our last words. The
 * peer has two seconds for its own end. */
void ws_echo_end(ws_echo *echo);

/* Release what the start made. */
void ws_echo_done(ws_echo *echo);

/* Secure random bytes. */
void ws_echo_random(void *out, size_t len);

#endif
