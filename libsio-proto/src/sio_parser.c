#include <sio/msgpack.h>
#include <sio/parser.h>

bool sio_parser_is_binary(sio_parser parser) {
    return parser == SIO_PARSER_MSGPACK;
}

int sio_parser_encode(sio_parser parser, sio_buf *out, const sio_packet_head *head, sio_str name,
                      const sio_args *args, sio_str offset) {
    return parser == SIO_PARSER_MSGPACK ? sio_msgpack_encode(out, head, name, args, offset)
                                        : sio_packet_encode(out, head, name, args, offset);
}

/* `json` holds the text form of a packet for the root namespace: its type, then its payload. */
static int as_msgpack(sio_buf *out, sio_packet_type type, sio_str nsp, const sio_buf *json) {
    sio_str payload = {(const char *)json->data + 1, json->len - 1};
    return sio_msgpack_encode_control(out, type, nsp, payload);
}

int sio_parser_encode_connect(sio_parser parser, sio_buf *out, sio_str nsp, sio_str query,
                              sio_str auth) {
    if (parser != SIO_PARSER_MSGPACK) {
        return sio_packet_encode_connect(out, nsp, query, auth);
    }
    return query.len > 0 ? SIO_ERR_INVALID
                         : sio_msgpack_encode_control(out, SIO_PACKET_CONNECT, nsp, auth);
}

int sio_parser_encode_connected(sio_parser parser, sio_buf *out, sio_str nsp, sio_str sid,
                                sio_str pid) {
    if (parser != SIO_PARSER_MSGPACK) {
        return sio_packet_encode_connected(out, nsp, sid, pid);
    }
    sio_buf json;
    sio_buf_init(&json, 0, out->mem);
    int rc = sio_packet_encode_connected(&json, SIO_STR("/"), sid, pid);
    if (rc == 0) {
        rc = as_msgpack(out, SIO_PACKET_CONNECT, nsp, &json);
    }
    sio_buf_free(&json);
    return rc;
}

int sio_parser_encode_connect_error(sio_parser parser, sio_buf *out, sio_str nsp, sio_str message,
                                    sio_str data) {
    if (parser != SIO_PARSER_MSGPACK) {
        return sio_packet_encode_connect_error(out, nsp, message, data);
    }
    sio_buf json;
    sio_buf_init(&json, 0, out->mem);
    int rc = sio_packet_encode_connect_error(&json, SIO_STR("/"), message, data);
    if (rc == 0) {
        rc = as_msgpack(out, SIO_PACKET_CONNECT_ERROR, nsp, &json);
    }
    sio_buf_free(&json);
    return rc;
}

int sio_parser_encode_disconnect(sio_parser parser, sio_buf *out, sio_str nsp) {
    return parser == SIO_PARSER_MSGPACK
               ? sio_msgpack_encode_control(out, SIO_PACKET_DISCONNECT, nsp, (sio_str){NULL, 0})
               : sio_packet_encode_disconnect(out, nsp);
}
