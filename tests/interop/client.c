/* The client of the interop tests: plays one scenario against a JavaScript server of
 * js_server.test.mjs and exits with 0 if every expectation held. It uses only the public headers.
 */
#include "client.h"

#include <event2/event.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEADLINE_S = 20 };

void fail(const char *format, ...) {
    va_list values;
    va_start(values, format);
    vfprintf(stderr, format, values);
    va_end(values);
    fputc('\n', stderr);
    exit(EXIT_FAILURE);
}

void check(int rc, const char *what) {
    if (rc != 0) {
        fail("%s: %s", what, sio_error_text(rc));
    }
}

static void *alloc(size_t size) {
    void *memory = calloc(1, size);
    check(memory == NULL ? SIO_ERR_NOMEM : 0, "memory");
    return memory;
}

static char *copy(const char *text, size_t len) {
    char *out = alloc(len + 1);
    if (len > 0) {
        memcpy(out, text, len);
    }
    return out;
}

/* ---- the inbox ---------------------------------------------------------------------------- */

static void keep(struct run *run, sio_socket *socket, const char *name, const sio_event *ev) {
    struct record *record = alloc(sizeof(*record)), **end = &run->inbox;
    const char *reason = ev->reason != NULL ? ev->reason : "";
    record->socket = socket;
    record->name = name != NULL ? copy(name, strlen(name)) : copy(ev->name.ptr, ev->name.len);
    record->reason = copy(reason, strlen(reason));
    record->data = copy(ev->data.ptr, ev->data.len);
    record->status = ev->status;
    check(sio_args_ref(&record->args, ev->args), "arguments");
    if (ev->ack != NULL) {
        check(sio_ack_ref(&record->ack, ev->ack), "ack");
    }
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = record;
}

void record_free(struct record *record) {
    sio_args_unref(record->args);
    sio_ack_unref(record->ack);
    free(record->name);
    free(record->reason);
    free(record->data);
    free(record);
}

static void on_any(sio_socket *socket, const sio_event *ev, void *user) {
    struct run *run = user;
    if (sio_event_is(ev, "down")) {
        run->down_wrong += sio_event_int(ev, 0) != run->down_next;
        run->down_next++;
        return;
    }
    keep(run, socket, NULL, ev);
}

static void on_connect(sio_socket *socket, const sio_event *ev, void *user) {
    keep(user, socket, "connect", ev);
}

static void on_connect_error(sio_socket *socket, const sio_event *ev, void *user) {
    keep(user, socket, "connect_error", ev);
}

static void on_disconnect(sio_socket *socket, const sio_event *ev, void *user) {
    struct run *run = user;
    keep(run, socket, "disconnect", ev);
    if (run->on_disconnect != NULL) {
        run->on_disconnect(socket);
    }
}

void on_reply(const sio_event *reply, void *user) {
    keep(user, NULL, "ack", reply);
}

static void count(sio_client *client, const sio_event *ev, void *user) {
    int64_t *counter = user;
    (void)client, (void)ev;
    (*counter)++;
}

/* ---- sockets ------------------------------------------------------------------------------- */

sio_socket *open_socket(struct run *run, const char *nsp) {
    if (run->client == NULL) {
        check(sio_client_new(&run->client, run->url, &run->options), "client");
        check(sio_client_on(run->client, "open", count, &run->opens), "on");
        check(sio_client_on(run->client, "reconnect", count, &run->reconnections), "on");
        check(sio_client_on(run->client, "reconnect_attempt", count, &run->attempts), "on");
        check(sio_client_on(run->client, "reconnect_error", count, &run->failed_attempts), "on");
    }
    sio_socket *socket = sio_client_socket(run->client, nsp);
    check(socket == NULL ? SIO_ERR_NOMEM : 0, nsp);
    check(sio_socket_on(socket, "connect", on_connect, run), "on");
    check(sio_socket_on(socket, "connect_error", on_connect_error, run), "on");
    check(sio_socket_on(socket, "disconnect", on_disconnect, run), "on");
    check(sio_socket_on_any(socket, on_any, run), "on");
    return socket;
}

void leave(struct run *run, sio_socket *socket) {
    sio_socket_disconnect(socket);
    expect_reason(run, socket, "disconnect", "io client disconnect");
    run->awaiting = "the client to be done";
    check(sio_client_run(run->client), "run");
    expect_nothing(run);
}

/* ---- awaiting ------------------------------------------------------------------------------ */

static void on_deadline(evutil_socket_t fd, short what, void *user) {
    struct run *run = user;
    (void)fd, (void)what;
    for (const struct record *record = run->inbox; record != NULL; record = record->next) {
        fprintf(stderr, "not taken: %s, reason '%s'\n", record->name, record->reason);
    }
    fail("time is up; awaited: %s; detail: %s", run->awaiting,
         run->client != NULL ? sio_client_error_detail(run->client) : "");
}

void turn(struct run *run, const char *awaiting) {
    run->awaiting = awaiting;
    if (event_base_loop(run->base, EVLOOP_ONCE) != 0) {
        fail("the loop has nothing to do; awaited: %s", awaiting);
    }
}

static void on_idle_end(evutil_socket_t fd, short what, void *user) {
    bool *over = user;
    (void)fd, (void)what;
    *over = true;
}

void idle(struct run *run, unsigned ms) {
    const struct timeval wait = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};
    bool over = false;
    check(event_base_once(run->base, -1, EV_TIMEOUT, on_idle_end, &over, &wait), "timer");
    while (!over) {
        turn(run, "nothing");
    }
}

static struct record *take(struct run *run, const sio_socket *socket, const char *name) {
    for (struct record **at = &run->inbox; *at != NULL; at = &(*at)->next) {
        struct record *record = *at;
        if (strcmp(record->name, name) == 0 && (socket == NULL || record->socket == socket)) {
            *at = record->next;
            return record;
        }
    }
    return NULL;
}

struct record *await(struct run *run, sio_socket *socket, const char *name) {
    struct record *record;
    while ((record = take(run, socket, name)) == NULL) {
        turn(run, name);
    }
    return record;
}

static void add_hex(sio_buf *text, sio_bytes bytes) {
    static const char digits[] = "0123456789abcdef";
    check(sio_buf_add_byte(text, '|'), "text");
    for (size_t i = 0; i < bytes.len; i++) {
        check(sio_buf_add_byte(text, (uint8_t)digits[bytes.ptr[i] >> 4]), "text");
        check(sio_buf_add_byte(text, (uint8_t)digits[bytes.ptr[i] & 15]), "text");
    }
}

void expect_args(const struct record *record, const char *args) {
    sio_buf text;
    sio_buf_init(&text, SIZE_MAX, NULL);
    check(sio_args_write(record->args, &text), "text");
    for (uint32_t i = 0; i < sio_args_attachment_count(record->args); i++) {
        add_hex(&text, sio_args_attachment(record->args, i));
    }
    check(sio_buf_add_byte(&text, '\0'), "text");
    if (strcmp((const char *)text.data, args) != 0) {
        fail("%s: expected (%s), got (%s)", record->name, args, (const char *)text.data);
    }
    sio_buf_free(&text);
}

void expect(struct run *run, sio_socket *socket, const char *name, const char *args) {
    struct record *record = await(run, socket, name);
    expect_args(record, args);
    record_free(record);
}

void expect_reason(struct run *run, sio_socket *socket, const char *name, const char *reason) {
    struct record *record = await(run, socket, name);
    if (strcmp(record->reason, reason) != 0) {
        fail("%s: expected '%s', got '%s'", name, reason, record->reason);
    }
    record_free(record);
}

void expect_refusal(struct run *run, sio_socket *socket, const char *reason, const char *data) {
    struct record *record = await(run, socket, "connect_error");
    if (strcmp(record->reason, reason) != 0 || strcmp(record->data, data) != 0) {
        fail("connect_error: expected '%s' %s, got '%s' %s", reason, data, record->reason,
             record->data);
    }
    if (record->status != SIO_ERR_SIO_REFUSED || sio_socket_connected(socket)) {
        fail("connect_error: status %d", record->status);
    }
    record_free(record);
}

void expect_nothing(const struct run *run) {
    if (run->inbox != NULL) {
        fail("unexpected: %s, reason '%s'", run->inbox->name, run->inbox->reason);
    }
}

void expect_ack(struct run *run, const char *args) {
    struct record *record = await(run, NULL, "ack");
    check(record->status, "acknowledgement");
    expect_args(record, args);
    record_free(record);
}

/* ---- set-up -------------------------------------------------------------------------------- */

static const struct scenario *find(const struct scenario *list, const char *name) {
    while (list->name != NULL && strcmp(list->name, name) != 0) {
        list++;
    }
    return list->name != NULL ? list : NULL;
}

static const struct scenario *scenario_named(const char *name) {
    const struct scenario *found = find(event_scenarios, name);
    return found != NULL ? found : find(lifecycle_scenarios, name);
}

static sio_client_transports transports_named(const char *name) {
    static const char *const names[] = {"upgrade", "polling", "websocket"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0) {
            return (sio_client_transports)i;
        }
    }
    fail("unknown transports: %s", name);
}

static void write_log(const char *scope, const char *text, void *user) {
    (void)user;
    fprintf(stderr, "%s %s\n", scope, text);
}

int main(int argc, char **argv) {
    const struct timeval deadline = {DEADLINE_S, 0};
    struct run run = {0};
    sio_client_tls tls = SIO_CLIENT_TLS_INIT;
    const struct scenario *scenario = argc == 4 ? scenario_named(argv[1]) : NULL;
    struct event *timer;

    if (scenario == NULL) {
        fail(
            "usage: interop-client SCENARIO URL polling|websocket|upgrade\n"
            "SIO_CA names a file of trusted certificates, SIO_EIO=3 means a Socket.IO 2.x server,\n"
            "SIO_PARSER=msgpack one with that parser");
    }
    run.base = event_base_new();
    run.url = argv[2];
    run.options = (sio_client_options)SIO_CLIENT_OPTIONS_INIT;
    run.options.base = run.base;
    run.options.transports = transports_named(argv[3]);
    run.options.reconnection_delay_ms = 100;
    run.options.reconnection_delay_max_ms = 300;
    run.options.randomization_factor = -1;
    run.options.log = getenv("DEBUG") != NULL ? write_log : NULL;
    tls.ca_file = getenv("SIO_CA");
    run.options.tls = &tls;
    run.options.eio_version = getenv("SIO_EIO") != NULL ? 3 : 4;
    run.options.parser = getenv("SIO_PARSER") != NULL ? SIO_PARSER_MSGPACK : SIO_PARSER_DEFAULT;
    timer = run.base != NULL ? event_new(run.base, -1, 0, on_deadline, &run) : NULL;
    check(timer == NULL ? SIO_ERR_NOMEM : event_add(timer, &deadline), "deadline");

    scenario->play(&run);

    expect_nothing(&run);
    sio_client_free(run.client);
    event_free(timer);
    event_base_free(run.base);
    return 0;
}
