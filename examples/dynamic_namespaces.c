/* Namespaces that come with their first client and go with their last: /game-1, /game-2 and so on.
 * What is set on the parent holds in each of them. */
#include "debug_log.h"

#include <sio/server.h>

#include <stdio.h>

static void on_move(sio_peer *peer, const sio_event *event, void *user) {
    sio_target others = sio_peer_broadcast(peer); /* those in the same game */
    sio_target_emit(&others, "move", event->args);
}

static void on_connection(sio_peer *peer, const sio_event *event, void *user) {
    sio_namespace *game = sio_peer_namespace(peer);
    sio_peer_emitf(peer, "playing", "s U", sio_namespace_name(game),
                   (uint64_t)sio_namespace_peer_count(game));
}

static void on_new_game(sio_namespace *game, void *user) {
    printf("new: %s\n", sio_namespace_name(game));
    fflush(stdout);
}

int main(void) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.log = debug_log;
    options.cleanup_empty_child_namespaces = true;
    sio_server *server;
    if (sio_server_new(&server, &options) != 0) {
        return 1;
    }
    sio_server_on_new_namespace(server, on_new_game, NULL);
    sio_namespace *games = sio_server_of_pattern(server, "^/game-[0-9]+$");
    if (!games) {
        sio_server_free(server);
        return 1;
    }
    sio_namespace_on_connection(games, on_connection, NULL);
    sio_namespace_on(games, "move", on_move, NULL);
    int rc = sio_server_listen(server, "::", 3000);
    if (rc == 0) {
        rc = sio_server_run(server);
    }
    sio_server_free(server);
    return rc != 0;
}
