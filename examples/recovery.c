/* Connection state recovery: a client that was cut off for less than two minutes comes back as the
 * same peer, with its rooms and data, and gets what it has missed.
 *   client: emit("subscribe", "news")
 *   client: emit("publish", "news", "text")         all subscribers get "item" */
#include "debug_log.h"

#include <sio/server.h>

static void on_connection(sio_peer *peer, const sio_event *event, void *user) {
    sio_peer_emitf(peer, "session", "b s", sio_peer_recovered(peer), sio_peer_data(peer));
}

static void on_subscribe(sio_peer *peer, const sio_event *event, void *user) {
    sio_peer_join(peer, sio_event_string(event, 0));
    sio_peer_set_data(peer, "{\"subscribed\":true}");
}

static void on_publish(sio_peer *peer, const sio_event *event, void *user) {
    sio_target subscribers = sio_namespace_target(sio_peer_namespace(peer));
    sio_target_to(&subscribers, sio_event_string(event, 0));
    sio_target_emitf(&subscribers, "item", "s", sio_event_string(event, 1));
}

int main(void) {
    sio_server_recovery recovery = SIO_SERVER_RECOVERY_INIT;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.log = debug_log;
    options.recovery = &recovery;
    sio_server *server;
    if (sio_server_new(&server, &options) != 0) {
        return 1;
    }
    sio_namespace *ns = sio_server_of(server, "/");
    sio_namespace_on_connection(ns, on_connection, NULL);
    sio_namespace_on(ns, "subscribe", on_subscribe, NULL);
    sio_namespace_on(ns, "publish", on_publish, NULL);
    int rc = sio_server_listen(server, "::", 3000);
    if (rc == 0) {
        rc = sio_server_run(server);
    }
    sio_server_free(server);
    return rc != 0;
}
