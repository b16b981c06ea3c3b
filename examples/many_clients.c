/* Two hundred clients in one process, on one loop: each says hello to hello-server and leaves when
 * it was answered. */
#include <sio/client_loop.h>

#include <stdio.h>

enum { CLIENTS = 200 };

static unsigned answers;

static void on_connect(sio_socket *s, const sio_event *ev, void *user) {
    sio_socket_emitf(s, "hello", "s", "world");
}

static void on_reply(sio_socket *s, const sio_event *ev, void *user) {
    answers++;
    sio_socket_disconnect(s);
}

static int add_client(sio_client_loop *loop) {
    sio_client *c;
    sio_client_options options = SIO_CLIENT_OPTIONS_INIT;
    options.loop = loop;
    options.transports = SIO_CLIENT_WEBSOCKET;
    int rc = sio_client_new(&c, "http://localhost:3000", &options);
    if (rc == 0) {
        sio_socket *s = sio_client_socket(c, "/");
        sio_socket_on(s, "connect", on_connect, NULL);
        sio_socket_on(s, "reply", on_reply, NULL);
    }
    return rc;
}

int main(void) {
    sio_client_loop *loop;
    int rc = sio_client_loop_new(&loop, NULL);
    if (rc != 0) {
        return 1;
    }
    for (int i = 0; i < CLIENTS && rc == 0; i++) {
        rc = add_client(loop);
    }
    if (rc == 0) {
        rc = sio_client_loop_run(loop); /* until the last of them has left */
    }
    printf("%d clients, %u answers\n", CLIENTS, answers);
    sio_client_loop_free(loop); /* and its clients */
    return rc != 0;
}
