/* Engine.IO without Socket.IO: sends a text and a binary message to a server that echoes them, such
 * as engine.io with `socket.on("message", (data) => socket.send(data))`, then closes. */
#include <sio/engine_client.h>

#include <stdio.h>

static void on_open(sio_engine_client *client, void *user) {
    printf("open %s\n", sio_engine_client_transport(client));
    sio_engine_client_send(client, false, "hello", 5);
    sio_engine_client_send(client, true, "\x00\xff", 2);
}

static void on_message(sio_engine_client *client, bool binary, const void *data, size_t len,
                       void *user) {
    printf("message %s %zu\n", binary ? "binary" : "text", len);
    if (binary) {
        sio_engine_client_close(client);
    }
}

static void on_upgrade(sio_engine_client *client, void *user) {
    puts("upgrade");
}

static void on_close(sio_engine_client *client, const char *reason, const sio_client_error *error,
                     void *user) {
    printf("close %s%s%s\n", reason, error ? ": " : "", error ? error->message : "");
}

int main(int argc, char **argv) {
    const sio_engine_client_callbacks callbacks = {
        .size = sizeof callbacks,
        .on_open = on_open,
        .on_message = on_message,
        .on_upgrade = on_upgrade,
        .on_close = on_close,
    };
    const char *url = argc > 1 ? argv[1] : "http://localhost:3000";
    sio_engine_client *client;
    int rc = sio_engine_client_new(&client, url, NULL, &callbacks, NULL);
    if (rc == 0) {
        rc = sio_engine_client_run(client);
        sio_engine_client_free(client);
    }
    return rc != 0;
}
