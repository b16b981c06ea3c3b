/* wss:// and https:// on port 3443. A certificate for trying it:
 *   openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost \
 *     -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem */
#include <sio/server.h>

#include <stdio.h>

static void on_log(const char *scope, const char *text, void *user) {
    fprintf(stderr, "%s %s\n", scope, text);
}

int main(int argc, char **argv) {
    sio_server_tls tls = SIO_SERVER_TLS_INIT;
    tls.cert_file = argc > 1 ? argv[1] : "cert.pem";
    tls.key_file = argc > 2 ? argv[2] : "key.pem";
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.tls = &tls;
    options.log = on_log; /* says which file cannot be used, and why */
    sio_server *server;
    if (sio_server_new(&server, &options) != 0) {
        return 1;
    }
    int rc = sio_server_listen(server, "::", 3443);
    if (rc == 0) {
        rc = sio_server_run(server);
    }
    sio_server_free(server);
    return rc != 0;
}
