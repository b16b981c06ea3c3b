/* A WebSocket server on the codec alone (RFC 6455, RFC 7692) that sends back what it gets. */
#include "ws_echo.h"

#include <event2/event.h>
#include <event2/listener.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

typedef struct connection {
    LIST_ENTRY(connection) link;
    ws_echo echo;
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

static void read_request(connection *c, const sio_http1_head *head) {
    sio_ws_request request = {.method = head->method};
    ws_echo_field fields[] = {
        {SIO_STR("Upgrade"), &request.upgrade, {0}},
        {SIO_STR("Connection"), &request.connection, {0}},
        {SIO_STR("Sec-WebSocket-Key"), &request.key, {0}},
        {SIO_STR("Sec-WebSocket-Version"), &request.version, {0}},
        {SIO_STR("Sec-WebSocket-Protocol"), &request.protocol, {0}},
        {SIO_STR("Sec-WebSocket-Extensions"), &request.extensions, {0}},
    };
    const size_t count = sizeof(fields) / sizeof(fields[0]);
    if (ws_echo_fields_read(fields, count, head) == 0) {
        answer_handshake(c, &request);
    } else {
        ws_echo_end(&c->echo);
    }
    ws_echo_fields_done(fields, count);
}

static void on_request(const sio_http1_head *head, int error, void *user) {
    connection *c = user;
    if (!head) {
        answer(c, sio_error_http_status(error), "");
    } else if (head->upgrade) {
        read_request(c, head);
    } else {
        answer(c, 426, "Upgrade: websocket\r\n");
    }
}

/* ---- events -------------------------------------------------------------------------------- */

static void on_end(void *user) {
    connection_free(user);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from,
                      int len, void *user) {
    connection *c = calloc(1, sizeof(*c));
    struct bufferevent *bev = bufferevent_socket_new(server.base, fd, BEV_OPT_CLOSE_ON_FREE);
    (void)listener;
    (void)from;
    (void)len;
    (void)user;
    if (!c || !bev ||
        sio_http1_parser_new_shared(&c->echo.parser, SIO_HTTP1_REQUESTS, server.scratch) != 0) {
        abort();
    }
    c->echo.bev = bev;
    c->echo.settings = &server.settings;
    c->echo.role = SIO_WS_SERVER;
    c->echo.on_handshake = on_request;
    c->echo.on_end = on_end;
    c->echo.user = c;
    LIST_INSERT_HEAD(&server.connections, c, link);
    ws_echo_open(&c->echo);
}

/* ---- running ------------------------------------------------------------------------------- */

static void on_terminate(evutil_socket_t fd, short what, void *user) {
    (void)fd;
    (void)what;
    (void)user;
    event_base_loopbreak(server.base);
}

static struct evconnlistener *listen_on(const ws_echo_settings *settings) {
    struct sockaddr_in address;
    socklen_t len = sizeof(address);
    if (!ws_echo_address(&address, settings)) {
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
    struct evconnlistener *listener = listen_on(&server.settings);
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
