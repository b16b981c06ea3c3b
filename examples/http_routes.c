/* HTTP of the application beside Socket.IO: a page, a form, and an answer in pieces. */
#include "debug_log.h"

#include <sio/server.h>

#include <string.h>

static bool is(sio_str text, const char *expected) {
    return text.len == strlen(expected) && memcmp(text.ptr, expected, text.len) == 0;
}

static void echo(sio_request *request) {
    sio_bytes body = sio_request_body(request);
    sio_request_reply(request, 200, "application/octet-stream", body.ptr, body.len);
}

static void count(sio_request *request) {
    static const char *const numbers[] = {"one\n", "two\n", "three\n"};
    if (sio_request_start(request, 200, "text/plain") != 0) {
        return;
    }
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        sio_request_write(request, numbers[i], strlen(numbers[i]));
    }
    sio_request_end(request);
}

static void on_request(sio_request *request, void *user) {
    sio_str path = sio_request_path(request);
    if (is(path, "/") && is(sio_request_method(request), "GET")) {
        static const char page[] = "<!doctype html><title>libsio</title><p>Hello";
        sio_request_add_header(request, "Cache-Control", "no-store");
        sio_request_reply(request, 200, "text/html; charset=utf-8", page, sizeof(page) - 1);
    } else if (is(path, "/echo") && is(sio_request_method(request), "POST")) {
        echo(request);
    } else if (is(path, "/count")) {
        count(request);
    } else {
        sio_request_reply(request, 404, "text/plain", "Not Found", 9);
    }
}

int main(void) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.log = debug_log;
    sio_server *server;
    if (sio_server_new(&server, &options) != 0) {
        return 1;
    }
    sio_server_on_request(server, on_request, NULL);
    int rc = sio_server_listen(server, "::", 3000);
    if (rc == 0) {
        rc = sio_server_run(server);
    }
    sio_server_free(server);
    return rc != 0;
}
