/* Acknowledgements: one that answers a client, one that a client gives, and those of everybody.
 *   client: emit("add", 1, 2, ack)      gets 3
 *   client: emit("vote", "tea?")        all are asked "question", then all get "result" */
#include "debug_log.h"

#include <sio/server.h>

#include <stdio.h>

static void on_add(sio_peer *peer, const sio_event *event, void *user) {
    if (event->ack) { /* NULL when the client does not ask for an answer */
        sio_ack_sendf(event->ack, "I", sio_event_int(event, 0) + sio_event_int(event, 1));
    }
}

static void on_result(const sio_target_reply *reply, void *user) {
    unsigned yes = 0;
    for (size_t i = 0; i < reply->response_count; i++) {
        yes += sio_args_bool(reply->responses[i].args, 0);
    }
    sio_target everyone = sio_namespace_target(user);
    sio_target_emitf(&everyone, "result", "u u", yes, (unsigned)reply->missing_count);
}

static void on_vote(sio_peer *peer, const sio_event *event, void *user) {
    sio_namespace *ns = sio_peer_namespace(peer);
    sio_target everyone = sio_namespace_target(ns);
    sio_target_emit_ack(&everyone, "question", event->args, 2000, on_result, ns);
}

/* The status is an error when the client goes, or does not answer in time. */
static void on_name(const sio_event *reply, void *user) {
    if (reply->status == SIO_OK) {
        printf("hello, %s\n", sio_event_string(reply, 0));
    } else {
        printf("no name: %s\n", sio_error_text(reply->status));
    }
    fflush(stdout);
}

static void on_connection(sio_peer *peer, const sio_event *event, void *user) {
    sio_peer_emit_ackf(peer, "who are you", 5000, on_name, NULL, NULL);
}

int main(void) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.log = debug_log;
    sio_server *server;
    if (sio_server_new(&server, &options) != 0) {
        return 1;
    }
    sio_namespace *ns = sio_server_of(server, "/");
    sio_namespace_on_connection(ns, on_connection, NULL);
    sio_namespace_on(ns, "add", on_add, NULL);
    sio_namespace_on(ns, "vote", on_vote, NULL);
    int rc = sio_server_listen(server, "::", 3000);
    if (rc == 0) {
        rc = sio_server_run(server);
    }
    sio_server_free(server);
    return rc != 0;
}
