/* A server with several loops, each in a thread of its own: one for each processor, or as many as
 * the argument says. A client is served by one of them and does not know by which.
 *   client: emit("say", "hi")    everyone gets "said": the loop that heard it, and "hi"
 *   client: emit("total", ack)   gets how many have been said, on all loops
 * SIGTERM and SIGINT close it gracefully. */
#include "debug_log.h"

#include <sio/server.h>

#include <event2/event.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { CLOSE_MS = 5000 };

/* What handlers of several loops share needs care: an atomic, a lock, or one owner to post to. */
static atomic_uint said;

static void on_say(sio_peer *peer, const sio_event *event, void *user) {
    unsigned loop = sio_server_index(sio_peer_server(peer));
    sio_target everyone = sio_namespace_target(sio_peer_namespace(peer));
    atomic_fetch_add(&said, 1);
    sio_target_emitf(&everyone, "said", "u s", loop, sio_event_string(event, 0));
}

static void on_total(sio_peer *peer, const sio_event *event, void *user) {
    if (event->ack) {
        sio_ack_sendf(event->ack, "u", atomic_load(&said));
    }
}

/* For each loop's own server; the namespace is found anew, because each has its own. */
static int setup(sio_server *server, unsigned index, void *user) {
    sio_namespace *ns = sio_server_of(server, "/");
    int rc = ns ? sio_namespace_on(ns, "say", on_say, NULL) : SIO_ERR_NOMEM;
    return rc != 0 ? rc : sio_namespace_on(ns, "total", on_total, NULL);
}

static void on_signal(evutil_socket_t number, short what, void *arg) {
    sio_server_close(arg, CLOSE_MS, NULL, NULL);
}

static int run(sio_server *server, struct event_base *base) {
    struct event *term = evsignal_new(base, SIGTERM, on_signal, server);
    struct event *interrupt = evsignal_new(base, SIGINT, on_signal, server);
    evsignal_add(term, NULL);
    evsignal_add(interrupt, NULL);
    int rc = sio_server_listen(server, "::", 3000);
    if (rc == 0) {
        rc = sio_server_run(server);
    }
    event_free(term);
    event_free(interrupt);
    return rc;
}

int main(int argc, char **argv) {
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct event_base *base = event_base_new();
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.base = base;
    options.log = debug_log;
    options.threads = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : (uint32_t)processors;
    options.setup = setup;
    sio_server *server;
    if (!base || sio_server_new(&server, &options) != 0) {
        return 1;
    }
    int rc = run(server, base);
    sio_server_free(server);
    event_base_free(base);
    return rc != 0;
}
