/**
 * @file packet.h
 * @brief Socket.IO packets: what travels inside Engine.IO messages, encoded and decoded for both
 * roles, protocol 5 (JavaScript 3.x and 4.x) and 4 (1.x and 2.x, over Engine.IO 3).
 *
 * A packet is one text message; when its arguments hold binary, one binary message follows for
 * each. The decoder is fed whole messages. It needs no memory of its own except while attachments
 * are awaited.
 */
#ifndef SIO_PACKET_H
#define SIO_PACKET_H

#include <sio/args.h>
#include <sio/buffer.h>
#include <sio/error.h>
#include <sio/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The largest ack id, 2^53-1: what every peer can hold exactly. */
#define SIO_PACKET_MAX_ID ((UINT64_C(1) << 53) - 1)

/** Packet types. BINARY_EVENT (5) and BINARY_ACK (6) exist only on the wire: they are decoded as
 * EVENT and ACK, and written when the arguments hold binary. */
typedef enum sio_packet_type {
    SIO_PACKET_CONNECT = 0,
    SIO_PACKET_DISCONNECT = 1,
    SIO_PACKET_EVENT = 2,
    SIO_PACKET_ACK = 3,
    SIO_PACKET_CONNECT_ERROR = 4 /**< ERROR in protocol 4 */
} sio_packet_type;

/** A decoded packet. Every view is borrowed: of a packet that came as one text message from that
 * message, of one with attachments from the decoder and from the last attachment. They hold until
 * the next call with the same decoder or the same `scratch`, or until the message is gone,
 * whichever is first; sio_args_ref keeps the arguments. */
typedef struct sio_packet {
    sio_packet_type type;
    bool has_id;
    bool name_is_number; /**< EVENT: the name was a number; see sio_args_name for its text */
    uint64_t id;         /**< 0..SIO_PACKET_MAX_ID; meaningful when `has_id` */
    sio_str nsp;         /**< begins with '/'; "/" when the packet named none */
    sio_str nsp_query;   /**< protocol 4: what follows the first '?' of the namespace; else empty */
    sio_args *args;  /**< the `scratch` of the decoding call for EVENT and ACK, NULL otherwise */
    sio_str payload; /**< CONNECT, CONNECT_ERROR: valid raw JSON, empty when there was none */
} sio_packet;

/** How packets are written: see parser.h. */
typedef enum sio_parser {
    SIO_PARSER_DEFAULT = 0, /**< as the reference does by default: text, then attachments */
    SIO_PARSER_MSGPACK = 1  /**< as the npm package socket.io-msgpack-parser does */
} sio_parser;

/** Which dialect is read, and limits. One struct serves any number of decoders. */
typedef struct sio_decoder_options {
    size_t size;              /**< sizeof(sio_decoder_options), set by the macro */
    unsigned protocol;        /**< 5 or 4; 0 means 5 */
    uint32_t max_attachments; /**< for each packet; 0 means 10, 65536 is the most */
    size_t max_partial_bytes; /**< text and attachments of an incomplete packet; 0 means 11 MB */
    sio_args_limits args;     /**< limits of the JSON */
    const sio_mem *mem;       /**< borrowed; NULL means the C library's */
    sio_parser parser;        /**< SIO_PARSER_DEFAULT */
    sio_buf *text;            /**< MessagePack: receives the JSON text of each packet, up to its
                                   maximum; borrowed, shared as `scratch` is. Required there */
} sio_decoder_options;

#define SIO_DECODER_OPTIONS_INIT                                                                   \
    { sizeof(sio_decoder_options), 0, 0, 0, SIO_ARGS_LIMITS_INIT, NULL, SIO_PARSER_DEFAULT, NULL }

struct sio_partial;

/** A decoder for one connection and one direction: the caller's struct, two words. */
typedef struct sio_decoder {
    const sio_decoder_options *options; /**< borrowed, shared */
    struct sio_partial *partial;        /**< a packet with attachments, else NULL */
} sio_decoder;

/** Prepare a decoder. Nothing is allocated.
 * @param options borrowed for the decoder's life and shared among any number of them
 * @return 0, or SIO_ERR_INVALID for an unknown size or protocol, and for MessagePack in protocol 4
 * or without `text` */
SIO_API int sio_decoder_init(sio_decoder *decoder, const sio_decoder_options *options);

/** Forget a partial packet and release its memory: when the connection closes, and before the
 * decoder goes away. After a packet with attachments was handled, this gives its memory back at
 * once and not with the next message. The decoder can be used again. NULL is allowed. */
SIO_API void sio_decoder_reset(sio_decoder *decoder);

/** Whether attachments are awaited: the caller may set a time limit for them. */
SIO_API bool sio_decoder_is_partial(const sio_decoder *decoder);

/** Decode one text message (Socket.IO protocol 5, packet encoding).
 * @param scratch arguments to parse into; what it held is replaced. One object may serve all
 *        connections of a thread; warm, it makes the call free of allocations
 * @param text borrowed, valid UTF-8 (the transports have checked), not NUL-terminated
 * @param out set when 1 is returned
 * @return 1 when `out` is complete, 0 when attachments must follow, or
 *         SIO_ERR_SIO_TYPE: unknown packet type, see sio_packet_error_text;
 *         SIO_ERR_SIO_PAYLOAD: bad JSON, bad id, wrong kind of payload, reserved event name;
 *         SIO_ERR_SIO_ATTACHMENT_COUNT: missing or malformed number of attachments, or zero;
 *         SIO_ERR_SIO_TOO_MANY_ATTACHMENTS; SIO_ERR_SIO_PLACEHOLDER: its number is out of range;
 *         SIO_ERR_SIO_PLAINTEXT: attachments were awaited, or packets in MessagePack;
 *         SIO_ERR_LIMIT; SIO_ERR_NOMEM.
 *         After an error nothing is partial and the connection should be closed. */
SIO_API int sio_decoder_text(sio_decoder *decoder, sio_args *scratch, const char *text, size_t len,
                             sio_packet *out);

/** Decode one binary message: an attachment, or a packet in MessagePack. The last attachment is
 * used in place, earlier ones are copied.
 * @param data borrowed; of the last attachment, and of a packet in MessagePack, for as long as
 *        `out` is used
 * @return 1 when `out` is complete, 0 when more must follow, SIO_ERR_SIO_BINARY when no attachment
 *         was awaited, SIO_ERR_LIMIT, SIO_ERR_NOMEM, and for MessagePack the errors of
 *         sio_msgpack_decode(); after an error nothing is partial */
SIO_API int sio_decoder_binary(sio_decoder *decoder, sio_args *scratch, const uint8_t *data,
                               size_t len, sio_packet *out);

/** Room for the text of any decoding error. */
#define SIO_PACKET_ERROR_TEXT_MAX 64

/** The message the JavaScript reference gives for a decoding error, such as "unknown packet type
 * 7" or "invalid payload".
 * @param err the negative code returned by the decoder
 * @param text the offending message, borrowed; read for SIO_ERR_SIO_TYPE only
 * @param out receives the NUL-terminated text
 * @return its length */
SIO_API size_t sio_packet_error_text(int err, sio_str text, char out[SIO_PACKET_ERROR_TEXT_MAX]);

/** What precedes the arguments of an EVENT or ACK. */
typedef struct sio_packet_head {
    sio_packet_type type; /**< SIO_PACKET_EVENT or SIO_PACKET_ACK */
    bool has_id;          /**< an ACK always has one */
    bool name_is_number;  /**< write the name as a number, as it was received */
    uint64_t id;          /**< at most SIO_PACKET_MAX_ID */
    sio_str nsp;          /**< borrowed; empty means "/" */
} sio_packet_head;

/** Whether an event name is reserved for local events and so never travels: connect,
 * connect_error, disconnect, disconnecting, newListener, removeListener. */
SIO_API bool sio_packet_is_reserved(sio_str name);

/** Whether a namespace can be created or joined by this name: it begins with '/' or is empty, which
 * means "/", and holds no comma and no control character. */
SIO_API bool sio_nsp_is_valid(sio_str nsp);

/** Append the text message of an EVENT or ACK. When `args` hold binary, its attachments are
 * sio_args_attachment(args, n) for n in 0..sio_args_attachment_count(args)-1, which the caller
 * sends as binary messages right behind, in this order.
 * @param out appended to; as it was on failure
 * @param head borrowed for the call
 * @param name the event's name, decoded; borrowed. Null `ptr`: that of `args`, which were received
 *        with one. Ignored for an ACK
 * @param args borrowed, unchanged; NULL means no arguments
 * @param offset recovery offset, appended as last argument; empty for none
 * @return 0; SIO_ERR_RESERVED: reserved event name; SIO_ERR_SIO_NAMESPACE: see sio_nsp_is_valid;
 *         SIO_ERR_INVALID: another type, an ACK without id, an id too large, a name that is said
 *         to be a number and is none; SIO_ERR_SIO_PLACEHOLDER: see sio_args_write;
 *         SIO_ERR_JSON_UTF8: the name is not UTF-8; SIO_ERR_LIMIT, SIO_ERR_NOMEM */
SIO_API int sio_packet_encode(sio_buf *out, const sio_packet_head *head, sio_str name,
                              const sio_args *args, sio_str offset);

/** Append a CONNECT as a client writes it.
 * @param query protocol 4: appended to the namespace behind '?'; else empty. No commas
 * @param auth JSON object, or empty for none
 * @return 0; SIO_ERR_SIO_NAMESPACE; SIO_ERR_SIO_PAYLOAD: `auth` is no valid JSON object;
 *         SIO_ERR_LIMIT, SIO_ERR_NOMEM */
SIO_API int sio_packet_encode_connect(sio_buf *out, sio_str nsp, sio_str query, sio_str auth);

/** Append a server's answer to CONNECT: `{"sid":…}`, with `"pid"` when `pid` is not empty; an
 * empty `sid` writes no object, as protocol 4 demands.
 * @return 0, SIO_ERR_SIO_NAMESPACE, SIO_ERR_JSON_UTF8, SIO_ERR_LIMIT, SIO_ERR_NOMEM */
SIO_API int sio_packet_encode_connected(sio_buf *out, sio_str nsp, sio_str sid, sio_str pid);

/** Append a CONNECT_ERROR: `{"message":…}`, with `"data"` when `data` is not empty. The namespace
 * is echoed as the client sent it, control characters included.
 * @param message plain text
 * @param data raw JSON or empty
 * @return 0; SIO_ERR_SIO_NAMESPACE: a comma or no '/' first; SIO_ERR_SIO_PAYLOAD: `data` is not
 *         valid JSON; SIO_ERR_JSON_UTF8; SIO_ERR_LIMIT; SIO_ERR_NOMEM */
SIO_API int sio_packet_encode_connect_error(sio_buf *out, sio_str nsp, sio_str message,
                                            sio_str data);

/** Append a protocol 4 ERROR for a refusal by a middleware: `data` when it is not empty, else
 * `message` as a JSON string. (An unknown namespace is reported in the form of protocol 5.)
 * Arguments and errors as sio_packet_encode_connect_error. */
SIO_API int sio_packet_encode_error_v4(sio_buf *out, sio_str nsp, sio_str message, sio_str data);

/** Append a DISCONNECT.
 * @return 0, SIO_ERR_SIO_NAMESPACE, SIO_ERR_LIMIT, SIO_ERR_NOMEM */
SIO_API int sio_packet_encode_disconnect(sio_buf *out, sio_str nsp);

#ifdef __cplusplus
}
#endif

#endif
