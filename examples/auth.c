/* Middlewares: one lets clients in by their token, one lets events pass.
 *   client: io(url, { auth: { token: "secret" } })  may join, and everybody else is told why not
 *   client: emit("admin-restart")                   does not reach a handler */
#include "debug_log.h"

#include <sio/server.h>

#include <cjson/cJSON.h>
#include <string.h>

/* A server of the real world asks elsewhere, keeps `next`, and answers when it knows. */
static void check_token(sio_peer *peer, sio_next *next, void *user) {
    sio_str text = sio_peer_handshake(peer)->auth;
    cJSON *auth = NULL;
    sio_json_parse(&auth, text.ptr, text.len, 8);
    const char *token = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(auth, "token"));
    if (token && strcmp(token, "secret") == 0) {
        sio_peer_set_data(peer, "{\"role\":\"user\"}");
        sio_next_ok(next);
    } else {
        sio_next_refuse(next, "not authorized", "{\"retry\":false}");
    }
    cJSON_Delete(auth);
}

static void check_event(sio_peer *peer, const sio_event *event, sio_next *next, void *user) {
    if (event->name.len >= 6 && memcmp(event->name.ptr, "admin-", 6) == 0) {
        sio_next_refuse(next, "for administrators only", NULL);
    } else {
        sio_next_ok(next);
    }
}

/* What check_event() refuses comes here; the client is told by the application or not at all. */
static void on_error(sio_peer *peer, const sio_event *event, void *user) {
    sio_peer_emitf(peer, "refused", "s", event->reason);
}

static void on_connection(sio_peer *peer, const sio_event *event, void *user) {
    sio_peer_emitf(peer, "welcome", "r", sio_peer_data(peer));
}

static void on_restart(sio_peer *peer, const sio_event *event, void *user) {
    sio_server_stop(sio_peer_server(peer));
}

int main(void) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.log = debug_log;
    sio_server *server;
    if (sio_server_new(&server, &options) != 0) {
        return 1;
    }
    sio_namespace *ns = sio_server_of(server, "/");
    int rc = sio_namespace_use(ns, check_token, NULL); /* an error here must not open the door */
    if (rc == 0) {
        rc = sio_namespace_use_events(ns, check_event, NULL);
    }
    sio_namespace_on_connection(ns, on_connection, NULL);
    sio_namespace_on(ns, "error", on_error, NULL);
    sio_namespace_on(ns, "admin-restart", on_restart, NULL);
    if (rc == 0) {
        rc = sio_server_listen(server, "::", 3000);
    }
    if (rc == 0) {
        rc = sio_server_run(server);
    }
    sio_server_free(server);
    return rc != 0;
}
