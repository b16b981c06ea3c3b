/* Sends back what hello-client, or any other Socket.IO client, says. */
#include <sio/server.h>

static void on_hello(sio_peer *p, const sio_event *ev, void *user) {
    sio_peer_emitf(p, "reply", "s", sio_event_string(ev, 0));
}

static void on_connection(sio_peer *p, const sio_event *ev, void *user) {
    sio_peer_join(p, "lobby");
}

int main(void) {
    sio_server *srv;
    if (sio_server_new(&srv, NULL) != 0) {
        return 1;
    }
    sio_namespace *ns = sio_server_of(srv, "/");
    sio_namespace_on_connection(ns, on_connection, NULL);
    sio_namespace_on(ns, "hello", on_hello, NULL);
    int rc = sio_server_listen(srv, "::", 3000);
    if (rc == 0) {
        rc = sio_server_run(srv);
    }
    sio_server_free(srv);
    return rc != 0;
}
