/**
 * @file msgpack.h
 * @brief Socket.IO packets as MessagePack, as the npm package socket.io-msgpack-parser writes
 * them: each packet is one binary message, a map with the keys type, data, nsp and, optionally, id
 * and options; binary arguments are native.
 *
 * What is received becomes JSON text and attachments in a `sio_args`, so that handlers see no
 * difference. MessagePack values map to JSON as follows: nil, booleans, numbers of any width
 * (NaN and infinities as null), strings (UTF-8 only), arrays, maps with string or integer keys,
 * bin as attachment. Of the extensions, those that the library notepack.io writes: fixext 1 type 0
 * is undefined (null; a map member with it is left out), fixext 8 type 0 and type -1 are dates
 * (ISO 8601 text), ext 8/16/32 type 0 is binary. All others are refused.
 */
#ifndef SIO_MSGPACK_H
#define SIO_MSGPACK_H

#include <sio/args.h>
#include <sio/buffer.h>
#include <sio/error.h>
#include <sio/packet.h>
#include <sio/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Limits of received packets. */
typedef struct sio_msgpack_options {
    size_t size;              /**< sizeof(sio_msgpack_options), set by the macro */
    uint32_t max_attachments; /**< binary values in a packet; 0 means 256 */
    uint32_t max_depth;       /**< nested arrays and maps; 0 means 64, 256 at most */
    size_t max_text;          /**< JSON text made from a packet; 0 means 8000000 */
    sio_args_limits args;     /**< limits of the arguments */
} sio_msgpack_options;

#define SIO_MSGPACK_OPTIONS_INIT                                                                   \
    { sizeof(sio_msgpack_options), 0, 0, 0, SIO_ARGS_LIMITS_INIT }

/** Decode one binary message.
 * @param options borrowed for the call; NULL means the defaults
 * @param scratch arguments to parse into; what it held is replaced
 * @param text emptied, then receives the JSON text that `out` points into
 * @param data borrowed for as long as `out` is used: attachments and namespace point into it
 * @param out set on success; see sio_packet
 * @return 0, or
 *         SIO_ERR_MSGPACK_SYNTAX: cut off, trailing bytes, or not MessagePack;
 *         SIO_ERR_MSGPACK_TYPE: an extension or kind of key that is refused;
 *         SIO_ERR_MSGPACK_UTF8, SIO_ERR_MSGPACK_DEPTH;
 *         SIO_ERR_SIO_TYPE: no packet type or an unknown one;
 *         SIO_ERR_SIO_NAMESPACE: none, or it does not begin with '/';
 *         SIO_ERR_SIO_PAYLOAD: data of the wrong kind, bad id, reserved event name;
 *         SIO_ERR_SIO_TOO_MANY_ATTACHMENTS; SIO_ERR_SIO_PLACEHOLDER: beside binary, a map that
 *         looks like a placeholder with a number out of range; SIO_ERR_LIMIT; SIO_ERR_NOMEM */
SIO_API int sio_msgpack_decode(const sio_msgpack_options *options, sio_args *scratch, sio_buf *text,
                               const uint8_t *data, size_t len, sio_packet *out);

/** Append an EVENT or ACK, complete with its binary. Arguments and errors as sio_packet_encode. */
SIO_API int sio_msgpack_encode(sio_buf *out, const sio_packet_head *head, sio_str name,
                               const sio_args *args, sio_str offset);

/** Append a CONNECT, DISCONNECT or CONNECT_ERROR.
 * @param payload valid raw JSON, or empty for none
 * @return 0; SIO_ERR_INVALID: another type; SIO_ERR_SIO_NAMESPACE; SIO_ERR_SIO_PAYLOAD: not valid
 *         JSON, or not the kind this type demands; SIO_ERR_LIMIT; SIO_ERR_NOMEM */
SIO_API int sio_msgpack_encode_control(sio_buf *out, sio_packet_type type, sio_str nsp,
                                       sio_str payload);

#ifdef __cplusplus
}
#endif

#endif
