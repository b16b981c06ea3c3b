#include <sio/ws.h>

#include "base64.h"
#include "sha1.h"
#include "ws_extension.h"
#include "ws_field.h"

#include <string.h>

enum { KEY_LEN = 24, ACCEPT_LEN = 28 };

static const char accept_guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/* RFC 6455 §4.2.2: what proves that the server understood the key. */
static void write_accept(char out[ACCEPT_LEN + 1], const char *key) {
    char joined[KEY_LEN + sizeof(accept_guid) - 1];
    memcpy(joined, key, KEY_LEN);
    memcpy(joined + KEY_LEN, accept_guid, sizeof(accept_guid) - 1);
    uint8_t digest[SIO_SHA1_LEN];
    sio_sha1(digest, joined, sizeof(joined));
    sio_base64_encode(out, digest, sizeof(digest));
    out[ACCEPT_LEN] = '\0';
}

/* ---- Options ---- */

static const sio_ws_handshake_options handshake_defaults = SIO_WS_HANDSHAKE_OPTIONS_INIT;

/* A list that can be sent: tokens, none of them twice (RFC 6455 §4.1). */
static bool protocols_valid(const sio_str *protocols, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (!sio_ws_is_token(protocols[i])) {
            return false;
        }
        for (size_t j = 0; j < i; j++) {
            if (sio_ws_equal(protocols[i], protocols[j])) {
                return false;
            }
        }
    }
    return true;
}

static bool options_valid(const sio_ws_handshake_options *o) {
    return o->size >= sizeof(*o) && o->protocol_count <= SIO_WS_PROTOCOLS_MAX &&
           (o->protocol_count == 0 || o->protocols) &&
           (!o->deflate || sio_ws_deflate_options_valid(o->deflate));
}

static const sio_ws_deflate_options *deflate_of(const sio_ws_handshake_options *o) {
#if SIO_HAVE_DEFLATE
    return o->deflate;
#else
    (void)o;
    return NULL;
#endif
}

/* ---- Server ---- */

static int refuse(sio_ws_refusal *refusal, int status, const char *body, int error) {
    if (refusal) {
        *refusal = (sio_ws_refusal){.status = status, .body = body, .send_version = false};
    }
    return error;
}

/* 22 characters and two of padding: 16 bytes in base64. */
static bool key_valid(sio_str key) {
    if (key.len != KEY_LEN || key.ptr[22] != '=' || key.ptr[23] != '=') {
        return false;
    }
    if (memchr(key.ptr, '-', 22) || memchr(key.ptr, '_', 22)) {
        return false;
    }
    uint8_t bytes[18];
    size_t len;
    return sio_base64_decode(bytes, &len, key.ptr, key.len) == 0;
}

static int check_request(sio_ws_refusal *refusal, const sio_ws_request *request) {
    if (!sio_ws_equal(request->method, SIO_STR("GET"))) {
        return refuse(refusal, 405, "Invalid HTTP method", SIO_ERR_WS_HANDSHAKE);
    }
    if (!sio_ws_equal_nocase(request->upgrade, SIO_STR("websocket")) ||
        !sio_ws_list_has(request->connection, SIO_STR("upgrade"))) {
        return refuse(refusal, 400, "Invalid Upgrade header", SIO_ERR_WS_HANDSHAKE);
    }
    if (!key_valid(request->key)) {
        return refuse(refusal, 400, "Missing or invalid Sec-WebSocket-Key header",
                      SIO_ERR_WS_HANDSHAKE);
    }
    if (!sio_ws_equal(request->version, SIO_STR("13"))) {
        refuse(refusal, request->version.ptr ? 426 : 400,
               "Missing or invalid Sec-WebSocket-Version header", 0);
        if (refusal) {
            refusal->send_version = true;
        }
        return SIO_ERR_WS_HANDSHAKE;
    }
    return 0;
}

/* The offered subprotocols: tokens, none of them twice. The cap bounds the comparisons. Returns
 * their number, or SIO_ERR_WS_PROTOCOL. */
static int parse_protocols(sio_str offered[SIO_WS_PROTOCOLS_MAX], sio_str value) {
    sio_ws_cursor cursor = sio_ws_cursor_of(value);
    size_t count = 0;
    do {
        sio_ws_skip_space(&cursor);
        sio_str name = sio_ws_take_token(&cursor);
        sio_ws_skip_space(&cursor);
        if (name.len == 0 || count == SIO_WS_PROTOCOLS_MAX) {
            return SIO_ERR_WS_PROTOCOL;
        }
        offered[count++] = name;
    } while (sio_ws_take_char(&cursor, ','));
    if (cursor.at != cursor.end || !protocols_valid(offered, count)) {
        return SIO_ERR_WS_PROTOCOL;
    }
    return (int)count;
}

static int choose_protocol(sio_str *out, sio_str value, const sio_ws_handshake_options *o) {
    *out = (sio_str){NULL, 0};
    if (!value.ptr) {
        return 0;
    }
    sio_str offered[SIO_WS_PROTOCOLS_MAX];
    int count = parse_protocols(offered, value);
    if (count < 0) {
        return count;
    }
    if (!o->protocols) {
        *out = offered[0];
        return 0;
    }
    for (size_t i = 0; i < o->protocol_count; i++) {
        for (int j = 0; j < count; j++) {
            if (sio_ws_equal(o->protocols[i], offered[j])) {
                *out = offered[j];
                return 0;
            }
        }
    }
    return 0;
}

int sio_ws_handshake_accept(sio_ws_agreement *out, sio_ws_refusal *refusal,
                            const sio_ws_request *request,
                            const sio_ws_handshake_options *options) {
    const sio_ws_handshake_options *o = options ? options : &handshake_defaults;
    if (!options_valid(o)) {
        return refuse(refusal, 500, "Internal Server Error", SIO_ERR_INVALID);
    }
    int rc = check_request(refusal, request);
    if (rc != 0) {
        return rc;
    }
    sio_ws_agreement agreed = {.deflate = false};
    rc = choose_protocol(&agreed.protocol, request->protocol, o);
    if (rc != 0) {
        return refuse(refusal, 400, "Invalid Sec-WebSocket-Protocol header", rc);
    }
    const sio_ws_deflate_options *deflate = deflate_of(o);
    if (deflate && request->extensions.ptr) {
        rc = sio_ws_deflate_accept(&agreed.deflate_params, request->extensions, deflate);
        if (rc < 0) {
            return refuse(refusal, 400, "Invalid or unacceptable Sec-WebSocket-Extensions header",
                          rc);
        }
        agreed.deflate = rc > 0;
    }
    if (o->closing) {
        return refuse(refusal, 503, "Service Unavailable", SIO_ERR_CLOSED);
    }
    write_accept(agreed.accept, request->key.ptr);
    *out = agreed;
    return 0;
}

/* ---- Writing fields ---- */

/* Cut off what was appended since `start` when a later part failed. */
static int keep_or_cut(sio_buf *out, size_t start, int rc) {
    if (rc != 0) {
        out->len = start;
    }
    return rc;
}

static int respond(sio_buf *out, const sio_ws_agreement *agreement) {
    int rc = sio_buf_add_text(out, "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                   "Sec-WebSocket-Accept: ");
    if (rc == 0) {
        rc = sio_buf_add(out, agreement->accept, ACCEPT_LEN);
    }
    if (rc == 0 && agreement->protocol.ptr) {
        rc = sio_buf_add_text(out, "\r\nSec-WebSocket-Protocol: ");
        if (rc == 0) {
            rc = sio_buf_add(out, agreement->protocol.ptr, agreement->protocol.len);
        }
    }
    if (rc == 0 && agreement->deflate) {
        rc = sio_buf_add_text(out, "\r\nSec-WebSocket-Extensions: ");
        if (rc == 0) {
            rc = sio_ws_deflate_response(out, &agreement->deflate_params);
        }
    }
    return rc == 0 ? sio_buf_add_text(out, "\r\n") : rc;
}

int sio_ws_handshake_respond(sio_buf *out, const sio_ws_agreement *agreement) {
    size_t start = out->len;
    return keep_or_cut(out, start, respond(out, agreement));
}

static int write_protocols(sio_buf *out, const sio_ws_handshake_options *o) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < o->protocol_count; i++) {
        rc = sio_buf_add_text(out, i == 0 ? "\r\nSec-WebSocket-Protocol: " : ", ");
        if (rc == 0) {
            rc = sio_buf_add(out, o->protocols[i].ptr, o->protocols[i].len);
        }
    }
    return rc;
}

static int request_fields(sio_buf *out, const uint8_t random[16],
                          const sio_ws_handshake_options *o) {
    int rc = sio_buf_add_text(out, "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                   "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ");
    if (rc == 0) {
        rc = sio_base64_add(out, random, 16);
    }
    if (rc == 0) {
        rc = write_protocols(out, o);
    }
    const sio_ws_deflate_options *deflate = deflate_of(o);
    if (rc == 0 && deflate) {
        rc = sio_buf_add_text(out, "\r\nSec-WebSocket-Extensions: ");
        if (rc == 0) {
            rc = sio_ws_deflate_offer(out, deflate);
        }
    }
    return rc == 0 ? sio_buf_add_text(out, "\r\n") : rc;
}

/* ---- Client ---- */

int sio_ws_handshake_request(sio_buf *out, const uint8_t random[16],
                             const sio_ws_handshake_options *options) {
    const sio_ws_handshake_options *o = options ? options : &handshake_defaults;
    if (!options_valid(o)) {
        return SIO_ERR_INVALID;
    }
    if (!protocols_valid(o->protocols, o->protocol_count)) {
        return SIO_ERR_WS_PROTOCOL;
    }
    size_t start = out->len;
    return keep_or_cut(out, start, request_fields(out, random, o));
}

/* One subprotocol that was offered. None at all is the server's right (RFC 6455 §4.2.2). */
static int check_protocol(sio_str *out, sio_str value, const sio_ws_handshake_options *o) {
    if (!value.ptr) {
        return 0;
    }
    for (size_t i = 0; i < o->protocol_count; i++) {
        if (sio_ws_equal(o->protocols[i], value)) {
            *out = o->protocols[i];
            return 0;
        }
    }
    return SIO_ERR_WS_PROTOCOL;
}

int sio_ws_handshake_check(sio_ws_agreement *out, const sio_ws_response *response,
                           const uint8_t random[16], const sio_ws_handshake_options *options) {
    const sio_ws_handshake_options *o = options ? options : &handshake_defaults;
    if (!options_valid(o)) {
        return SIO_ERR_INVALID;
    }
    if (response->status != 101) {
        return SIO_ERR_HTTP_STATUS;
    }
    if (!sio_ws_equal_nocase(response->upgrade, SIO_STR("websocket")) ||
        !sio_ws_list_has(response->connection, SIO_STR("upgrade"))) {
        return SIO_ERR_WS_HANDSHAKE;
    }
    sio_ws_agreement agreed = {.deflate = false};
    char key[KEY_LEN];
    sio_base64_encode(key, random, 16);
    write_accept(agreed.accept, key);
    if (!sio_ws_equal(response->accept, (sio_str){agreed.accept, ACCEPT_LEN})) {
        return SIO_ERR_WS_ACCEPT;
    }
    int rc = check_protocol(&agreed.protocol, response->protocol, o);
    if (rc != 0) {
        return rc;
    }
    rc = sio_ws_deflate_check(&agreed.deflate_params, response->extensions, deflate_of(o));
    if (rc < 0) {
        return rc;
    }
    agreed.deflate = rc > 0;
    *out = agreed;
    return 0;
}
