/* Rooms: clients join and leave them, and what one says in a room is heard there only.
 *   client: emit("join", "red", ack)         gets how many are in it now
 *   client: emit("say", "red", "hi")         the others in it get "said"
 *   client: emit("shout", "hi")              all who are not in the room "quiet" get "said" */
#include "debug_log.h"

#include <sio/server.h>

static void on_join(sio_peer *peer, const sio_event *event, void *user) {
    const char *room = sio_event_string(event, 0);
    int rc = sio_peer_join(peer, room);
    sio_target members = sio_namespace_target(sio_peer_namespace(peer));
    sio_target_to(&members, room);
    if (event->ack) {
        sio_ack_sendf(event->ack, "I", rc == 0 ? sio_target_count(&members) : 0);
    }
}

static void on_leave(sio_peer *peer, const sio_event *event, void *user) {
    sio_peer_leave(peer, sio_event_string(event, 0));
}

static void on_say(sio_peer *peer, const sio_event *event, void *user) {
    const char *room = sio_event_string(event, 0);
    if (sio_peer_in_room(peer, room)) {
        sio_target others = sio_peer_broadcast(peer);
        sio_target_to(&others, room);
        sio_target_emitf(&others, "said", "s s", room, sio_event_string(event, 1));
    }
}

static void on_shout(sio_peer *peer, const sio_event *event, void *user) {
    sio_target everyone = sio_namespace_target(sio_peer_namespace(peer));
    sio_target_except(&everyone, "quiet");
    sio_target_emitf(&everyone, "said", "n s", sio_event_string(event, 0));
}

int main(void) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.log = debug_log;
    sio_server *server;
    if (sio_server_new(&server, &options) != 0) {
        return 1;
    }
    sio_namespace *ns = sio_server_of(server, "/");
    sio_namespace_on(ns, "join", on_join, NULL);
    sio_namespace_on(ns, "leave", on_leave, NULL);
    sio_namespace_on(ns, "say", on_say, NULL);
    sio_namespace_on(ns, "shout", on_shout, NULL);
    int rc = sio_server_listen(server, "::", 3000);
    if (rc == 0) {
        rc = sio_server_run(server);
    }
    sio_server_free(server);
    return rc != 0;
}
