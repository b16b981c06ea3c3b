/* Raw bytes: WebSocket framing, compression, request smuggling, hostile packets. */
#include "conformance.h"

static void configure(sio_server_options *options) {
    static const char *const any[] = {"*"};
    static sio_server_cors cors = SIO_SERVER_CORS_INIT;
    cors.origins = any;
    cors.origin_count = 1;
    options->cors = &cors;
}

static void set_up(conformance *c) {
    sio_namespace *root = sio_server_of(c->server, "/");
    check(sio_namespace_on(root, "message", emit_message_back, NULL), "handler");
    check(sio_namespace_on(root, "message-with-ack", acknowledge_with_arguments, NULL), "handler");
}

const profile profile_wire = {
    .name = "wire", .configure = configure, .set_up = set_up, .tear_down = NULL};
