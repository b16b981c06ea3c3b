#include "ws_echo.h"

#include <event2/buffer.h>
#include <event2/event.h>

#include <arpa/inet.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

enum {
    /* Pongs wait behind so much, and only the newest is kept. */
    PONG_ROOM = 4096,
    /* Behind so much nothing is read, until the peer has taken it. */
    HIGH_MARK = 1024 * 1024,
    END_SECONDS = 2,
};

static const uint64_t max_message_default = 16 * 1024 * 1024;

/* ---- the command line ---------------------------------------------------------------------- */

static void usage(sio_ws_role role) {
    fprintf(stderr,
            role == SIO_WS_SERVER
                ? "usage: ws_echo_server [--host ADDRESS] [--port N] [--max BYTES] [--no-deflate]\n"
                : "usage: ws_echo_client [--host ADDRESS] --port N [--path TARGET] [--max BYTES]\n"
                  "                      [--no-deflate] [--cases] [--agent NAME]\n");
    exit(2);
}

static uint64_t number(const char *text, uint64_t max, sio_ws_role role) {
    char *end;
    unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || value > max) {
        usage(role);
    }
    return value;
}

ws_echo_settings ws_echo_arguments(int argc, char **argv, sio_ws_role role) {
    static const struct option options[] = {
        {"host", required_argument, NULL, 'h'},  {"port", required_argument, NULL, 'n'},
        {"max", required_argument, NULL, 'm'},   {"no-deflate", no_argument, NULL, 'd'},
        {"path", required_argument, NULL, 'p'},  {"cases", no_argument, NULL, 'c'},
        {"agent", required_argument, NULL, 'a'}, {NULL, 0, NULL, 0},
    };
    ws_echo_settings s = {.host = "127.0.0.1",
                          .max_message = max_message_default,
                          .deflate = true,
                          .path = "/",
                          .agent = "ws_echo_client"};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'h') {
            s.host = optarg;
        } else if (option == 'n') {
            s.port = (uint16_t)number(optarg, UINT16_MAX, role);
        } else if (option == 'm') {
            s.max_message = number(optarg, SIZE_MAX / 4, role);
        } else if (option == 'd') {
            s.deflate = false;
        } else if (option == 'p' && role == SIO_WS_CLIENT) {
            s.path = optarg;
        } else if (option == 'c' && role == SIO_WS_CLIENT) {
            s.cases = true;
        } else if (option == 'a' && role == SIO_WS_CLIENT) {
            s.agent = optarg;
        } else {
            usage(role);
        }
    }
    if (optind != argc || (role == SIO_WS_CLIENT && s.port == 0)) {
        usage(role);
    }
    return s;
}

bool ws_echo_address(struct sockaddr_in *out, const ws_echo_settings *settings) {
    *out = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(settings->port)};
    return inet_pton(AF_INET, settings->host, &out->sin_addr) == 1;
}

/* ---- the handshake ------------------------------------------------------------------------- */

void ws_echo_handshake_options(sio_ws_handshake_options *out, const ws_echo_settings *settings) {
    static const sio_ws_deflate_options willing = {
        .size = sizeof(willing), .server_context_takeover = true, .client_context_takeover = true};
    *out = (sio_ws_handshake_options)SIO_WS_HANDSHAKE_OPTIONS_INIT;
    out->deflate = settings->deflate ? &willing : NULL;
}

int ws_echo_fields_read(ws_echo_field *fields, size_t count, const sio_http1_head *head) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = sio_http1_join(fields[i].value, head, fields[i].name, &fields[i].joined);
    }
    return rc;
}

void ws_echo_fields_done(ws_echo_field *fields, size_t count) {
    for (size_t i = 0; i < count; i++) {
        sio_buf_free(&fields[i].joined);
    }
}

void ws_echo_random(void *out, size_t len) {
    if (getrandom(out, len, 0) != (ssize_t)len) {
        abort();
    }
}

static int make_deflate(ws_echo *echo, const sio_ws_deflate_params *params) {
    bool server = echo->role == SIO_WS_SERVER;
    int server_bits = params->server_max_window_bits;
    int client_bits = params->client_max_window_bits;
    bool server_keeps = !params->server_no_context_takeover;
    bool client_keeps = !params->client_no_context_takeover;
    int rc = sio_ws_deflater_new(&echo->deflater, server ? server_bits : client_bits,
                                 server ? server_keeps : client_keeps, 0, 0, NULL);
    if (rc == 0) {
        rc = sio_ws_inflater_new(&echo->inflater, server ? client_bits : server_bits,
                                 server ? client_keeps : server_keeps, NULL);
    }
    return rc;
}

int ws_echo_start(ws_echo *echo, const sio_ws_agreement *agreement) {
    sio_ws_options options = SIO_WS_OPTIONS_INIT;
    int rc = agreement->deflate ? make_deflate(echo, &agreement->deflate_params) : 0;
    options.role = echo->role;
    options.max_message = echo->settings->max_message;
    options.inflater = echo->inflater;
    return rc != 0 ? rc : sio_ws_new(&echo->ws, &options, NULL);
}

/* ---- echoing ------------------------------------------------------------------------------- */

static size_t queued(const ws_echo *echo) {
    return evbuffer_get_length(bufferevent_get_output(echo->bev));
}

/* A client masks each frame with a key that nobody can foresee (RFC 6455 §10.3). */
static const uint8_t *mask_key(const ws_echo *echo, uint8_t key[4]) {
    if (echo->role == SIO_WS_SERVER) {
        return NULL;
    }
    ws_echo_random(key, 4);
    return key;
}

/* Send what the encoder made; without memory the connection is given up. */
static void send_made(ws_echo *echo, sio_buf *out, int rc) {
    if (rc < 0 || bufferevent_write(echo->bev, out->data, out->len) != 0) {
        ws_echo_end(echo);
    }
    sio_buf_free(out);
}

static void send_message(ws_echo *echo, const sio_ws_event *event) {
    sio_buf packed = {0};
    sio_buf out = {0};
    sio_bytes data = {event->data, event->len};
    uint8_t key[4];
    int rc = 0;
    if (echo->deflater) {
        rc = sio_ws_deflate(echo->deflater, &packed, data.ptr, data.len);
        data = (sio_bytes){packed.data, packed.len};
    }
    if (rc == 0) {
        rc = sio_ws_write_frame(&out, event->kind, data.ptr, data.len, echo->deflater != NULL,
                                mask_key(echo, key));
    }
    sio_buf_free(&packed);
    send_made(echo, &out, rc);
}

static void send_close(ws_echo *echo, uint16_t code) {
    sio_buf out = {0};
    uint8_t key[4];
    send_made(echo, &out, sio_ws_write_close(&out, code, (sio_str){NULL, 0}, mask_key(echo, key)));
    ws_echo_end(echo);
}

static void send_pong(ws_echo *echo) {
    sio_buf out = {0};
    uint8_t key[4];
    if (queued(echo) <= PONG_ROOM) {
        send_made(echo, &out, sio_ws_pong_write(&echo->pong, &out, mask_key(echo, key)));
    }
}

static void on_event(ws_echo *echo, const sio_ws_event *event) {
    switch (event->kind) {
    case SIO_WS_TEXT:
        if (echo->on_text) {
            echo->on_text(event->data, event->len, echo->user);
            break;
        }
        send_message(echo, event);
        break;
    case SIO_WS_BINARY:
        send_message(echo, event);
        break;
    case SIO_WS_PING:
        sio_ws_pong_set(&echo->pong, event);
        send_pong(echo);
        break;
    case SIO_WS_CLOSE:
        send_close(echo, event->code == SIO_WS_NO_CODE ? 0 : event->code);
        break;
    default:
        break;
    }
}

static void take_frames(ws_echo *echo, uint8_t *data, size_t len) {
    sio_ws_event event;
    int rc = echo->ended ? 0 : sio_ws_feed(echo->ws, data, len);
    while (rc >= 0 && !echo->ended && (rc = sio_ws_next(echo->ws, &event)) == 1) {
        on_event(echo, &event);
    }
    if (rc < 0 && !echo->ended) {
        send_close(echo, sio_error_close_code(rc));
    }
    if (!echo->ended && queued(echo) > HIGH_MARK) {
        bufferevent_disable(echo->bev, EV_READ);
    }
}

/* What was queued is sent. */
static void drained(ws_echo *echo) {
    if (echo->ended) {
        shutdown(bufferevent_getfd(echo->bev), SHUT_WR);
        return;
    }
    if (echo->pong.pending) {
        send_pong(echo);
    }
    bufferevent_enable(echo->bev, EV_READ);
}

void ws_echo_end(ws_echo *echo) {
    static const struct timeval patience = {.tv_sec = END_SECONDS, .tv_usec = 0};
    if (echo->ended) {
        return;
    }
    echo->ended = true;
    bufferevent_set_timeouts(echo->bev, &patience, &patience);
    bufferevent_enable(echo->bev, EV_READ);
    if (queued(echo) == 0) {
        drained(echo);
    }
}

/* ---- events -------------------------------------------------------------------------------- */

/* Returns what lies behind the handshake. */
static sio_bytes take_handshake(ws_echo *echo, const uint8_t *data, size_t len) {
    sio_http1_event event;
    int rc = sio_http1_feed(echo->parser, data, len);
    rc = rc == 0 ? sio_http1_next(echo->parser, &event) : rc;
    if (rc != 0) {
        echo->on_handshake(rc == 1 ? event.head : NULL, rc == 1 ? 0 : rc, echo->user);
    }
    return echo->ws ? sio_http1_rest(echo->parser) : (sio_bytes){NULL, 0};
}

static void take(ws_echo *echo, uint8_t *data, size_t len) {
    if (echo->parser && !echo->ended) {
        sio_bytes rest = take_handshake(echo, data, len);
        if (!echo->ws) {
            return;
        }
        data += len - rest.len;
        len = rest.len;
        sio_http1_parser_free(echo->parser);
        echo->parser = NULL;
    }
    take_frames(echo, data, len);
}

static void on_read(struct bufferevent *bev, void *user) {
    struct evbuffer *input = bufferevent_get_input(bev);
    size_t len;
    while ((len = evbuffer_get_contiguous_space(input)) > 0) {
        take(user, evbuffer_pullup(input, (ev_ssize_t)len), len);
        evbuffer_drain(input, len);
    }
}

static void on_drained(struct bufferevent *bev, void *user) {
    (void)bev;
    drained(user);
}

static void no_delay(struct bufferevent *bev) {
    static const int on = 1;
    setsockopt(bufferevent_getfd(bev), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void on_status(struct bufferevent *bev, short what, void *user) {
    ws_echo *echo = user;
    if (what & BEV_EVENT_CONNECTED) {
        no_delay(bev);
    } else {
        echo->on_end(echo->user);
    }
}

void ws_echo_open(ws_echo *echo) {
    if (echo->role == SIO_WS_SERVER) {
        no_delay(echo->bev);
    }
    bufferevent_setcb(echo->bev, on_read, on_drained, on_status, echo);
    bufferevent_enable(echo->bev, EV_READ | EV_WRITE);
}

void ws_echo_done(ws_echo *echo) {
    sio_ws_free(echo->ws);
    sio_ws_deflater_free(echo->deflater);
    sio_ws_inflater_free(echo->inflater);
    echo->ws = NULL;
    echo->deflater = NULL;
    echo->inflater = NULL;
    sio_http1_parser_free(echo->parser);
    echo->parser = NULL;
    bufferevent_free(echo->bev);
    echo->bev = NULL;
}
