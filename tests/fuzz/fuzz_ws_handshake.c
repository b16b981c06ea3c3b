/* The WebSocket handshake. The first byte chooses the role and the options; the rest are the header
 * values, one on each line. What a server agrees to is a response that the client takes. */
#include "require.h"

#include <sio/ws.h>

#include <string.h>

enum { CLIENT = 1, DEFLATE = 2, SERVER_TAKEOVER = 4, CLIENT_TAKEOVER = 8, SMALL = 16, OURS = 32 };

typedef struct input {
    const uint8_t *at;
    size_t left;
} input;

/* The next line; an empty one is an absent field. */
static sio_str line(input *in) {
    const uint8_t *end = in->left > 0 ? memchr(in->at, '\n', in->left) : NULL;
    size_t len = end ? (size_t)(end - in->at) : in->left;
    sio_str found = {len > 0 ? (const char *)in->at : NULL, len};
    in->at += len;
    in->left -= len;
    if (end) {
        in->at++;
        in->left--;
    }
    return found;
}

static const sio_str ours[] = {{"chat", 4}, {"mqtt", 4}};

static void check_lines(const sio_buf *out, size_t expected) {
    size_t count = 0;
    for (size_t i = 0; i < out->len; i++) {
        REQUIRE(out->data[i] >= 0x20 || out->data[i] == '\t' || out->data[i] == '\r' ||
                out->data[i] == '\n');
        count += out->data[i] == '\n';
    }
    REQUIRE(count == expected);
    REQUIRE(out->len >= 2 && memcmp(out->data + out->len - 2, "\r\n", 2) == 0);
}

static void check_params(const sio_ws_deflate_params *p) {
    REQUIRE(p->server_max_window_bits >= 8 && p->server_max_window_bits <= 15);
    REQUIRE(p->client_max_window_bits >= 8 && p->client_max_window_bits <= 15);
}

static void server(input *in, const sio_ws_handshake_options *options) {
    sio_ws_request request;
    request.method = line(in);
    request.upgrade = line(in);
    request.connection = line(in);
    request.key = line(in);
    request.version = line(in);
    request.protocol = line(in);
    request.extensions = line(in);
    sio_ws_agreement agreed;
    sio_ws_refusal refusal = {0};
    int rc = sio_ws_handshake_accept(&agreed, &refusal, &request, options);
    if (rc < 0) {
        REQUIRE(refusal.status >= 400 && refusal.body);
        return;
    }
    REQUIRE(rc == 0 && refusal.status == 0);
    sio_buf out = {0};
    REQUIRE(sio_ws_handshake_respond(&out, &agreed) == 0);
    check_lines(&out, 3 + (agreed.protocol.ptr != NULL) + agreed.deflate);
    if (agreed.deflate) {
        REQUIRE(options->deflate);
        check_params(&agreed.deflate_params);
    }
    sio_buf_free(&out);
}

static void client(input *in, const sio_ws_handshake_options *options) {
    static const uint8_t nonce[16] = "the sample nonce";
    sio_buf out = {0};
    REQUIRE(sio_ws_handshake_request(&out, nonce, options) == 0);
    check_lines(&out, 4 + (options->protocol_count > 0) + (SIO_HAVE_DEFLATE && options->deflate));
    sio_buf_free(&out);
    sio_ws_response response = {.status = 101};
    response.upgrade = line(in);
    response.connection = line(in);
    response.accept = line(in);
    response.protocol = line(in);
    response.extensions = line(in);
    sio_ws_agreement agreed;
    if (sio_ws_handshake_check(&agreed, &response, nonce, options) == 0) {
        REQUIRE(strcmp(agreed.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") == 0);
        REQUIRE(!agreed.protocol.ptr || options->protocol_count > 0);
        if (agreed.deflate) {
            check_params(&agreed.deflate_params);
            REQUIRE(agreed.deflate_params.server_no_context_takeover ||
                    options->deflate->server_context_takeover);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) {
        return 0;
    }
    uint8_t flags = data[0];
    sio_ws_deflate_options deflate = SIO_WS_DEFLATE_OPTIONS_INIT;
    deflate.server_context_takeover = flags & SERVER_TAKEOVER;
    deflate.client_context_takeover = flags & CLIENT_TAKEOVER;
    deflate.server_max_window_bits = flags & SMALL ? 10 : 0;
    deflate.client_max_window_bits = flags & SMALL ? 9 : 0;
    sio_ws_handshake_options options = SIO_WS_HANDSHAKE_OPTIONS_INIT;
    options.deflate = flags & DEFLATE ? &deflate : NULL;
    options.protocols = flags & OURS ? ours : NULL;
    options.protocol_count = flags & OURS ? 2 : 0;
    input in = {data + 1, size - 1};
    if (flags & CLIENT) {
        client(&in, &options);
    } else {
        server(&in, &options);
    }
    return 0;
}
