/* A client on the fake engine and the fake clock, and handlers that write into the trace:
 *
 *     client open               an event of the client; with its reason, number or error
 *     / connect                 an event of a socket, with its reason and data
 *     / hello [1,"x"]           one of the server, with its arguments
 *     ack ok [1]                a reply: ok, timeout, disconnected
 */
#ifndef TESTS_UNIT_CLIENT_FIXTURE_H
#define TESTS_UNIT_CLIENT_FIXTURE_H

#include "fake_clock.h"
#include "fake_engine.h"
#include "support.h"

#include <sio/client.h>

#include <event2/event.h>

static inline void *tag(const char *name) {
    return (void *)(uintptr_t)name;
}

/* For checked fixtures: a base before each test; at the end everything must be gone. */
void client_setup(void);
void client_teardown(void);

extern struct event_base *client_base;

/* Options with the base, reconnection after 100 ms without variation. */
sio_client_options client_options(void);

/* A watched client of these options (NULL: the above), freed by the teardown. */
sio_client *client_make(const sio_client_options *options);
/* The test frees it by itself, or has done so. */
void client_forget(sio_client *client);

/* A watched socket; connecting, the trace begins after that. */
sio_socket *client_socket(sio_client *client, const char *nsp);
/* A client with a connected socket on "/" with id "id1"; nothing is in the trace. */
sio_socket *client_connected(const sio_client_options *options);

/* Open the newest engine and accept one namespace. */
void client_accept(const char *nsp, const char *sid);

void watch_client(sio_client *client);
void watch(sio_socket *socket, const char *event);
void unwatch(sio_socket *socket, const char *event);
/* `user` is the name to write, made with tag(), or NULL: "ack". */
void trace_reply(const sio_event *reply, void *user);
void trace_event(sio_socket *socket, const sio_event *event, void *user);

/* Run what is ready, and what becomes due when so much time has passed. Never waits. */
void turn(void);
void pass(uint64_t ms);

#endif
