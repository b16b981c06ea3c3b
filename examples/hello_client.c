/* Says hello to hello-server, again after each reconnection, and prints the replies. */
#include <sio/client.h>

#include <stdio.h>

static void on_connect(sio_socket *s, const sio_event *ev, void *user) {
    sio_socket_emitf(s, "hello", "s", "world");
}

static void on_reply(sio_socket *s, const sio_event *ev, void *user) {
    puts(sio_event_string(ev, 0));
}

int main(void) {
    sio_client *c;
    int rc = sio_client_new(&c, "http://localhost:3000", NULL);
    if (rc == 0) {
        sio_socket *s = sio_client_socket(c, "/");
        sio_socket_on(s, "connect", on_connect, NULL);
        sio_socket_on(s, "reply", on_reply, NULL);
        rc = sio_client_run(c);
        sio_client_free(c);
    }
    return rc != 0;
}
