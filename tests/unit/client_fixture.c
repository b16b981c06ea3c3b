#include "client_fixture.h"

#include <stdio.h>
#include <string.h>

struct event_base *client_base;

static sio_client *clients[4];

void client_setup(void) {
    client_base = event_base_new();
    ck_assert_ptr_nonnull(client_base);
}

void client_teardown(void) {
    for (size_t i = 0; i < sizeof(clients) / sizeof(clients[0]); i++) {
        sio_client_free(clients[i]);
        clients[i] = NULL;
    }
    turn();
    fake_reset();
    event_base_free(client_base);
    client_base = NULL;
}

sio_client_options client_options(void) {
    sio_client_options o = SIO_CLIENT_OPTIONS_INIT;
    o.base = client_base;
    o.reconnection_delay_ms = 100;
    o.reconnection_delay_max_ms = 400;
    o.randomization_factor = -1;
    return o;
}

sio_client *client_make(const sio_client_options *options) {
    sio_client_options usual = client_options();
    sio_client *client = NULL;
    ck_assert_int_eq(sio_client_new(&client, "http://localhost:3000", options ? options : &usual),
                     0);
    watch_client(client);
    size_t i = 0;
    while (clients[i]) {
        i++;
        ck_assert_uint_lt(i, sizeof(clients) / sizeof(clients[0]));
    }
    clients[i] = client;
    return client;
}

void client_forget(sio_client *client) {
    for (size_t i = 0; i < sizeof(clients) / sizeof(clients[0]); i++) {
        if (clients[i] == client) {
            clients[i] = NULL;
        }
    }
}

sio_socket *client_socket(sio_client *client, const char *nsp) {
    sio_socket *socket = sio_client_socket(client, nsp);
    ck_assert_ptr_nonnull(socket);
    watch(socket, "connect");
    watch(socket, "connect_error");
    watch(socket, "disconnect");
    return socket;
}

void client_accept(const char *nsp, const char *sid) {
    char text[128];
    const char *comma = strcmp(nsp, "/") == 0 ? "" : ",";
    snprintf(text, sizeof text, "0%s%s{\"sid\":\"%s\"}", *comma ? nsp : "", comma, sid);
    fake_text(text);
}

sio_socket *client_connected(const sio_client_options *options) {
    sio_socket *socket = client_socket(client_make(options), "/");
    fake_open();
    client_accept("/", "id1");
    ck_assert(sio_socket_connected(socket));
    trace_clear();
    return socket;
}

/* ---- watching ---- */

static const char *or_empty(const char *text) {
    return text ? text : "";
}

static void on_client(sio_client *client, const sio_event *event, void *user) {
    ck_assert_uint_eq(event->size, sizeof(*event));
    if (sio_event_count(event) > 0) {
        trace("client %.*s %d", (int)event->name.len, event->name.ptr,
              (int)sio_event_int(event, 0));
    } else {
        trace("client %.*s%s%s", (int)event->name.len, event->name.ptr, event->reason ? " " : "",
              or_empty(event->reason));
    }
}

void watch_client(sio_client *client) {
    static const char *const names[] = {"open",
                                        "close",
                                        "error",
                                        "ping",
                                        "reconnect",
                                        "reconnect_attempt",
                                        "reconnect_error",
                                        "reconnect_failed"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        ck_assert_int_eq(sio_client_on(client, names[i], on_client, NULL), 0);
    }
}

static void write_args(char *out, size_t size, const sio_args *args) {
    size_t len = (size_t)snprintf(out, size, "[");
    for (size_t i = 0; i < sio_args_count(args); i++) {
        sio_str raw = sio_args_raw(args, i);
        len +=
            (size_t)snprintf(out + len, size - len, "%s%.*s", i ? "," : "", (int)raw.len, raw.ptr);
    }
    for (uint32_t n = 0; n < sio_args_attachment_count(args); n++) {
        sio_bytes data = sio_args_attachment(args, n);
        len += (size_t)snprintf(out + len, size - len, "<");
        for (size_t i = 0; i < data.len; i++) {
            len += (size_t)snprintf(out + len, size - len, "%02x", data.ptr[i]);
        }
        len += (size_t)snprintf(out + len, size - len, ">");
    }
    snprintf(out + len, size - len, "]");
}

void trace_event(sio_socket *socket, const sio_event *event, void *user) {
    char args[512];
    const char *nsp = sio_socket_namespace(socket);
    ck_assert_uint_eq(event->size, sizeof(*event));
    ck_assert_ptr_nonnull(event->args);
    if (event->reason) {
        trace("%s %.*s %s%s%.*s", nsp, (int)event->name.len, event->name.ptr, event->reason,
              event->data.len ? " " : "", (int)event->data.len, event->data.ptr);
    } else if (sio_event_is(event, "connect")) {
        trace("%s connect", nsp);
    } else {
        write_args(args, sizeof args, event->args);
        trace("%s %.*s %s%s", nsp, (int)event->name.len, event->name.ptr, args,
              event->ack ? " ack?" : "");
    }
}

void watch(sio_socket *socket, const char *event) {
    ck_assert_int_eq(sio_socket_on(socket, event, trace_event, NULL), 0);
}

void unwatch(sio_socket *socket, const char *event) {
    ck_assert_int_eq(sio_socket_off(socket, event, trace_event, NULL), 0);
}

void trace_reply(const sio_event *reply, void *user) {
    char args[512];
    const char *name = user ? user : "ack";
    ck_assert_uint_eq(reply->size, sizeof(*reply));
    ck_assert_ptr_nonnull(reply->args);
    if (reply->status == SIO_OK) {
        write_args(args, sizeof args, reply->args);
        trace("%s ok %s", name, args);
    } else {
        ck_assert_uint_eq(sio_event_count(reply), 0);
        trace("%s %s", name, sio_error_name(reply->status));
    }
}

/* ---- time ---- */

void turn(void) {
    for (int i = 0; i < 4; i++) {
        event_base_loop(client_base, EVLOOP_NONBLOCK);
    }
}

void pass(uint64_t ms) {
    turn();
    fake_clock_advance(ms);
    turn();
}
