/* A WebSocket server on the codec alone (RFC 6455, RFC 7692) that sends back what it gets. */
#include "ws_echo.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/listener.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

typedef struct connection {
    LIST_ENTRY(connection) link;
    ws_echo echo;
    sio_http1_parser *parser; /* NULL behind the handshake */
} connection;

typedef struct echo_server {
    ws_echo_settings settings;
    struct event_base *base;
    sio_http1_scratch *scratch;
    LIST_HEAD(connections, connection) connections;
} echo_server;

static echo_server server;

static void connection_free(connection *c) {
    LIST_REMOVE(c, link);
    ws_echo_done(&c->echo);
    sio_http1_parser_free(c->parser);
    bufferevent_free(c->echo.bev);
    free(c);
}

/* ---- the handshake ------------------------------------------------------------------------- */

/* `fields` are whole lines, or nothing. */
static void answer(connection *c, int status, const char *fields) {
    sio_buf out = {0};
    if (sio_http1_write_status(&out, status, NULL) == 0 && sio_buf_add_text(&out, fields) == 0 &&
        sio_http1_write_header(&out, SIO_STR("Connection"), SIO_STR("close")) == 0 &&
        sio_http1_write_header_u64(&out, SIO_STR("Content-Length"), 0) == 0 &&
        sio_http1_write_end(&out) == 0) {
        bufferevent_write(c->echo.bev, out.data, out.len);
    }
    sio_buf_free(&out);
    ws_echo_end(&c->echo);
}

static void refuse(connection *c, const sio_ws_refusal *refusal) {
    answer(c, refusal->status,
           refusal->send_version ? "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" : "");
}

static void switch_protocols(connection *c, const sio_ws_agreement *agreement) {
    sio_buf out = {0};
    if (ws_echo_start(&c->echo, agreement) != 0 || sio_http1_write_status(&out, 101, NULL) != 0 ||
        sio_ws_handshake_respond(&out, agreement) != 0 || sio_http1_write_end(&out) != 0) {
        ws_echo_end(&c->echo);
    }
    bufferevent_write(c->echo.bev, out.data, out.len);
    sio_buf_free(&out);
}

static void answer_handshake(connection *c, const sio_ws_request *request) {
    sio_ws_handshake_options options;
    sio_ws_agreement agreement;
    sio_ws_refusal refusal;
    ws_echo_handshake_options(&options, &server.settings);
    if (sio_ws_handshake_accept(&agreement, &refusal, request, &options) == 0) {
        switch_protocols(c, &agreement);
    } else {
        refuse(c, &refusal);
    }
}

static void on_request(connection *c, const sio_http1_head *head) {
    sio_ws_request request = {.method = head->method};
    struct {
        sio_str name;
        sio_str *value;
        sio_buf joined;
    } fields[] = {
        {SIO_STR("Upgrade"), &request.upgrade, {0}},
        {SIO_STR("Connection"), &request.connection, {0}},
        {SIO_STR("Sec-WebSocket-Key"), &request.key, {0}},
        {SIO_STR("Sec-WebSocket-Version"), &request.version, {0}},
        {SIO_STR("Sec-WebSocket-Protocol"), &request.protocol, {0}},
        {SIO_STR("Sec-WebSocket-Extensions"), &request.extensions, {0}},
    };
    const size_t count = sizeof(fields) / sizeof(fields[0]);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = sio_http1_join(fields[i].value, head, fields[i].name, &fields[i].joined);
    }
    if (rc == 0) {
        answer_handshake(c, &request);
    } else {
        ws_echo_end(&c->echo);
    }
    for (size_t i = 0; i < count; i++) {
        sio_buf_free(&fields[i].joined);
    }
}

/* Returns what lies behind the handshake. */
static sio_bytes take_request(connection *c, const uint8_t *data, size_t len) {
    sio_http1_event event;
    int rc = sio_http1_feed(c->parser, data, len);
    rc = rc == 0 ? sio_http1_next(c->parser, &event) : rc;
    if (rc < 0) {
        answer(c, sio_error_http_status(rc), "");
    } else if (rc == 1 && event.head->upgrade) {
        on_request(c, event.head);
        return sio_http1_rest(c->parser);
    } else if (rc == 1) {
        answer(c, 426, "Upgrade: websocket\r\n");
    }
    return (sio_bytes){NULL, 0};
}

/* ---- events -------------------------------------------------------------------------------- */

static void take(connection *c, uint8_t *data, size_t len) {
    if (c->parser && !c->echo.ended) {
        sio_bytes rest = take_request(c, data, len);
        if (!c->echo.ws) {
            return;
        }
        data += len - rest.len;
        len = rest.len;
        sio_http1_parser_free(c->parser);
        c->parser = NULL;
    }
    ws_echo_take(&c->echo, data, len);
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
    connection *c = user;
    (void)bev;
    ws_echo_drained(&c->echo);
}

static void on_end(struct bufferevent *bev, short what, void *user) {
    (void)bev;
    (void)what;
    connection_free(user);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from,
                      int len, void *user) {
    static const int on = 1;
    connection *c = calloc(1, sizeof(*c));
    struct bufferevent *bev = bufferevent_socket_new(server.base, fd, BEV_OPT_CLOSE_ON_FREE);
    (void)listener;
    (void)from;
    (void)len;
    (void)user;
    if (!c || !bev ||
        sio_http1_parser_new_shared(&c->parser, SIO_HTTP1_REQUESTS, server.scratch) != 0) {
        abort();
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    c->echo.bev = bev;
    c->echo.settings = &server.settings;
    c->echo.role = SIO_WS_SERVER;
    LIST_INSERT_HEAD(&server.connections, c, link);
    bufferevent_setcb(bev, on_read, on_drained, on_end, c);
    bufferevent_enable(bev, EV_READ | EV_WRITE);
}

/* ---- running ------------------------------------------------------------------------------- */

static void on_terminate(evutil_socket_t fd, short what, void *user) {
    (void)fd;
    (void)what;
    (void)user;
    event_base_loopbreak(server.base);
}

static struct evconnlistener *listen_on(const char *host, uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t len = sizeof(address);
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) {
        return NULL;
    }
    struct evconnlistener *listener =
        evconnlistener_new_bind(server.base, on_accept, NULL,
                                LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_EXEC,
                                -1, (struct sockaddr *)&address, sizeof(address));
    if (listener &&
        getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&address, &len) == 0) {
        printf("LISTENING %u\n", (unsigned)ntohs(address.sin_port));
        fflush(stdout);
    }
    return listener;
}

int main(int argc, char **argv) {
    server.settings = ws_echo_arguments(argc, argv, SIO_WS_SERVER);
    server.base = event_base_new();
    signal(SIGPIPE, SIG_IGN);
    if (!server.base || sio_http1_scratch_new(&server.scratch, NULL, NULL) != 0) {
        return EXIT_FAILURE;
    }
    struct event *on_term = evsignal_new(server.base, SIGTERM, on_terminate, NULL);
    struct evconnlistener *listener = listen_on(server.settings.host, server.settings.port);
    if (!on_term || event_add(on_term, NULL) != 0 || !listener) {
        fprintf(stderr, "ws_echo_server: cannot listen on %s\n", server.settings.host);
        return EXIT_FAILURE;
    }
    event_base_dispatch(server.base);
    while (!LIST_EMPTY(&server.connections)) {
        connection_free(LIST_FIRST(&server.connections));
    }
    evconnlistener_free(listener);
    event_free(on_term);
    sio_http1_scratch_free(server.scratch);
    event_base_free(server.base);
    return EXIT_SUCCESS;
}
