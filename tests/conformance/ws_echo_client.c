/* A WebSocket client on the codec alone (RFC 6455, RFC 7692) that sends back what it gets until the
 * server ends the connection. With --cases the server is asked how many cases it has
 * (/getCaseCount), each is run (/runCase?case=1&agent=NAME and so on), and at the end its reports
 * are asked for (/updateReports?agent=NAME), which is how the Autobahn suite tests clients. */
#include "ws_echo.h"

#include <event2/buffer.h>
#include <event2/event.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct connection {
    ws_echo echo;
    struct event_base *base;
    sio_http1_parser *parser; /* NULL behind the handshake */
    uint8_t random[16];
    unsigned count; /* what getCaseCount said */
    bool refused;
} connection;

static const unsigned cases_max = 1000000;

/* ---- the handshake ------------------------------------------------------------------------- */

static int write_request(connection *c, sio_buf *out, const char *target) {
    const ws_echo_settings *settings = c->echo.settings;
    sio_ws_handshake_options options;
    ws_echo_handshake_options(&options, settings);
    ws_echo_random(c->random, sizeof(c->random));
    sio_str host = {settings->host, strlen(settings->host)};
    int rc = sio_http1_write_request(out, SIO_STR("GET"), (sio_str){target, strlen(target)});
    rc = rc == 0 ? sio_http1_write_header(out, SIO_STR("Host"), host) : rc;
    rc = rc == 0 ? sio_ws_handshake_request(out, c->random, &options) : rc;
    return rc == 0 ? sio_http1_write_end(out) : rc;
}

static int on_response(connection *c, const sio_http1_head *head) {
    sio_ws_handshake_options options;
    sio_ws_agreement agreement;
    sio_ws_response response = {.status = head->status};
    struct {
        sio_str name;
        sio_str *value;
        sio_buf joined;
    } fields[] = {
        {SIO_STR("Upgrade"), &response.upgrade, {0}},
        {SIO_STR("Connection"), &response.connection, {0}},
        {SIO_STR("Sec-WebSocket-Accept"), &response.accept, {0}},
        {SIO_STR("Sec-WebSocket-Protocol"), &response.protocol, {0}},
        {SIO_STR("Sec-WebSocket-Extensions"), &response.extensions, {0}},
    };
    const size_t count = sizeof(fields) / sizeof(fields[0]);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = sio_http1_join(fields[i].value, head, fields[i].name, &fields[i].joined);
    }
    if (rc == 0) {
        ws_echo_handshake_options(&options, c->echo.settings);
        rc = sio_ws_handshake_check(&agreement, &response, c->random, &options);
    }
    for (size_t i = 0; i < count; i++) {
        sio_buf_free(&fields[i].joined);
    }
    return rc == 0 ? ws_echo_start(&c->echo, &agreement) : rc;
}

/* Returns what lies behind the response. */
static sio_bytes take_response(connection *c, const uint8_t *data, size_t len) {
    sio_http1_event event;
    int rc = sio_http1_feed(c->parser, data, len);
    rc = rc == 0 ? sio_http1_next(c->parser, &event) : rc;
    if (rc == 0) {
        return (sio_bytes){NULL, 0};
    }
    rc = rc == 1 ? on_response(c, event.head) : rc;
    if (rc != 0) {
        fprintf(stderr, "ws_echo_client: %s\n", sio_error_text(rc));
        c->refused = true;
        ws_echo_end(&c->echo);
        return (sio_bytes){NULL, 0};
    }
    return sio_http1_rest(c->parser);
}

/* ---- events -------------------------------------------------------------------------------- */

static void take(connection *c, uint8_t *data, size_t len) {
    if (c->parser && !c->echo.ended) {
        sio_bytes rest = take_response(c, data, len);
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
    static const int on = 1;
    connection *c = user;
    if (what & BEV_EVENT_CONNECTED) {
        setsockopt(bufferevent_getfd(bev), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        return;
    }
    c->refused = c->refused || c->parser != NULL;
    event_base_loopbreak(c->base);
}

static void on_count(const uint8_t *data, size_t len, void *user) {
    connection *c = user;
    c->count = 0;
    for (size_t i = 0; i < len && data[i] >= '0' && data[i] <= '9' && c->count < cases_max; i++) {
        c->count = c->count * 10 + (unsigned)(data[i] - '0');
    }
}

/* ---- running ------------------------------------------------------------------------------- */

static bool open_connection(connection *c, const char *target) {
    const ws_echo_settings *settings = c->echo.settings;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(settings->port)};
    sio_buf out = {0};
    bool done =
        inet_pton(AF_INET, settings->host, &address.sin_addr) == 1 &&
        write_request(c, &out, target) == 0 &&
        bufferevent_write(c->echo.bev, out.data, out.len) == 0 &&
        bufferevent_socket_connect(c->echo.bev, (struct sockaddr *)&address, sizeof(address)) == 0;
    sio_buf_free(&out);
    return done;
}

/* One connection from its beginning to its end. Returns whether the handshake was done; `count`
 * NULL echoes, else it gets the number that the server sends. */
static bool run(struct event_base *base, const ws_echo_settings *settings, const char *target,
                unsigned *count) {
    connection c = {.base = base, .echo = {.settings = settings, .role = SIO_WS_CLIENT}};
    c.echo.on_text = count ? on_count : NULL;
    c.echo.user = &c;
    c.echo.bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    if (!c.echo.bev || sio_http1_parser_new(&c.parser, SIO_HTTP1_RESPONSES, NULL, NULL) != 0 ||
        sio_http1_response_to(c.parser, SIO_HTTP1_ASKED_UPGRADE) != 0) {
        abort();
    }
    bufferevent_setcb(c.echo.bev, on_read, on_drained, on_end, &c);
    bufferevent_enable(c.echo.bev, EV_READ | EV_WRITE);
    c.refused = !open_connection(&c, target);
    if (!c.refused) {
        event_base_dispatch(base);
    }
    ws_echo_done(&c.echo);
    sio_http1_parser_free(c.parser);
    bufferevent_free(c.echo.bev);
    if (count) {
        *count = c.count;
    }
    return !c.refused;
}

/* A case may well refuse the handshake: that is no failure of the whole. */
static bool run_cases(struct event_base *base, const ws_echo_settings *settings) {
    char target[256];
    unsigned count = 0;
    if (!run(base, settings, "/getCaseCount", &count)) {
        return false;
    }
    for (unsigned i = 1; i <= count; i++) {
        snprintf(target, sizeof(target), "/runCase?case=%u&agent=%s", i, settings->agent);
        (void)run(base, settings, target, NULL);
    }
    snprintf(target, sizeof(target), "/updateReports?agent=%s", settings->agent);
    return run(base, settings, target, NULL);
}

int main(int argc, char **argv) {
    ws_echo_settings settings = ws_echo_arguments(argc, argv, SIO_WS_CLIENT);
    struct event_base *base = event_base_new();
    signal(SIGPIPE, SIG_IGN);
    if (!base) {
        return EXIT_FAILURE;
    }
    bool done =
        settings.cases ? run_cases(base, &settings) : run(base, &settings, settings.path, NULL);
    event_base_free(base);
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
