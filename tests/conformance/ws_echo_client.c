/* A WebSocket client on the codec alone (RFC 6455, RFC 7692) that sends back what it gets until the
 * server ends the connection. With --cases the server is asked how many cases it has
 * (/getCaseCount), each is run (/runCase?case=1&agent=NAME and so on), and at the end its reports
 * are asked for (/updateReports?agent=NAME), which is how the Autobahn suite tests clients. */
#include "ws_echo.h"

#include <event2/event.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct connection {
    ws_echo echo;
    struct event_base *base;
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

static int read_response(connection *c, const sio_http1_head *head) {
    sio_ws_handshake_options options;
    sio_ws_agreement agreement;
    sio_ws_response response = {.status = head->status};
    ws_echo_field fields[] = {
        {SIO_STR("Upgrade"), &response.upgrade, {0}},
        {SIO_STR("Connection"), &response.connection, {0}},
        {SIO_STR("Sec-WebSocket-Accept"), &response.accept, {0}},
        {SIO_STR("Sec-WebSocket-Protocol"), &response.protocol, {0}},
        {SIO_STR("Sec-WebSocket-Extensions"), &response.extensions, {0}},
    };
    const size_t count = sizeof(fields) / sizeof(fields[0]);
    int rc = ws_echo_fields_read(fields, count, head);
    if (rc == 0) {
        ws_echo_handshake_options(&options, c->echo.settings);
        rc = sio_ws_handshake_check(&agreement, &response, c->random, &options);
    }
    ws_echo_fields_done(fields, count);
    return rc == 0 ? ws_echo_start(&c->echo, &agreement) : rc;
}

static void on_response(const sio_http1_head *head, int error, void *user) {
    connection *c = user;
    int rc = head ? read_response(c, head) : error;
    if (rc != 0) {
        fprintf(stderr, "ws_echo_client: %s\n", sio_error_text(rc));
        c->refused = true;
        ws_echo_end(&c->echo);
    }
}

/* ---- events -------------------------------------------------------------------------------- */

static void on_end(void *user) {
    connection *c = user;
    c->refused = c->refused || c->echo.parser != NULL;
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
    struct sockaddr_in address;
    sio_buf out = {0};
    bool done =
        ws_echo_address(&address, c->echo.settings) && write_request(c, &out, target) == 0 &&
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
    ws_echo *echo = &c.echo;
    echo->on_handshake = on_response;
    echo->on_text = count ? on_count : NULL;
    echo->on_end = on_end;
    echo->user = &c;
    echo->bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    if (!echo->bev || sio_http1_parser_new(&echo->parser, SIO_HTTP1_RESPONSES, NULL, NULL) != 0 ||
        sio_http1_response_to(echo->parser, SIO_HTTP1_ASKED_UPGRADE) != 0) {
        abort();
    }
    ws_echo_open(echo);
    c.refused = !open_connection(&c, target);
    if (!c.refused) {
        event_base_dispatch(base);
    }
    ws_echo_done(echo);
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
