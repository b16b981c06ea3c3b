/**
 * @file eio.h
 * @brief Engine.IO packets, long-polling payloads, the handshake and outgoing messages, for both
 * revisions of the protocol (4 and 3).
 *
 * Everything here is a pure function of its arguments. `revision` is 4 or 3 everywhere; anything
 * but 4 is taken as 3, as the `EIO` query parameter is. The state of a session is in
 * eio_session.h.
 */
#ifndef SIO_EIO_H
#define SIO_EIO_H

#include <sio/buffer.h>
#include <sio/error.h>
#include <sio/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Packet types; 0 to 6 are the digits on the wire. ERROR stands for input that is no packet. */
typedef enum sio_eio_type {
    SIO_EIO_OPEN = 0,
    SIO_EIO_CLOSE = 1,
    SIO_EIO_PING = 2,
    SIO_EIO_PONG = 3,
    SIO_EIO_MESSAGE = 4,
    SIO_EIO_UPGRADE = 5,
    SIO_EIO_NOOP = 6,
    SIO_EIO_ERROR = 7
} sio_eio_type;

/** The name of a packet type: "open" ... "noop", "error". Static text, never NULL. */
SIO_API const char *sio_eio_type_name(sio_eio_type type);

/** A decoded packet. `data` points into the input or into the decoder's scratch memory. */
typedef struct sio_eio_packet {
    sio_eio_type type;
    bool binary;    /**< `data` is binary; only on messages, except in revision 3 */
    sio_bytes data; /**< without the type; len 0 also stands for "no data" */
} sio_eio_packet;

/** Decode a packet from text: a WebSocket text frame or one packet of a text payload. The text is
 * not checked to be UTF-8: a WebSocket has done so, and so do the payload readers.
 * @param out type ERROR when the text is no packet (Engine.IO protocol, packet encoding)
 * @param text borrowed; `out->data` points into it, or into `scratch` for base64
 * @param scratch its contents are replaced when the packet is base64, untouched otherwise; must
 *        outlive `out`
 * @return 0, SIO_ERR_NOMEM or SIO_ERR_LIMIT (from `scratch`) */
SIO_API int sio_eio_decode_text(sio_eio_packet *out, int revision, sio_bytes text,
                                sio_buf *scratch);

/** Decode a packet from a binary frame. Revision 4: always a message; revision 3: the first byte
 * is the numeric type.
 * @param out type ERROR when the bytes are no packet; data points into `data` */
SIO_API void sio_eio_decode_binary(sio_eio_packet *out, int revision, sio_bytes data);

/* ---- payloads: the bodies of long-polling requests and responses ---- */

/** How a body is laid out. */
typedef enum sio_eio_layout {
    SIO_EIO_LAYOUT_V4,       /**< packets separated by 0x1E */
    SIO_EIO_LAYOUT_V3_TEXT,  /**< `<UTF-16 units>:<packet>` */
    SIO_EIO_LAYOUT_V3_BINARY /**< application/octet-stream: flag, digits, 0xFF, packet */
} sio_eio_layout;

/** Reads the packets of one body, one at a time. The caller's struct; members are private. */
typedef struct sio_eio_reader {
    sio_bytes rest;
    sio_buf scratch;
    uint8_t layout;
    bool fresh;
    bool done;
} sio_eio_reader;

/** Start reading. Nothing is allocated.
 * @param body borrowed until the reader is freed; its length was limited by the caller
 * @param mem borrowed until the reader is freed; NULL means the C library's */
SIO_API void sio_eio_reader_init(sio_eio_reader *reader, sio_eio_layout layout, sio_bytes body,
                                 const sio_mem *mem);

/** The next packet. At the first fault a packet of type ERROR comes out, and after it the end:
 * packets in front of the fault are delivered. A fault in the framing of a V3_BINARY body delivers
 * only the ERROR. Text that is not UTF-8 is a fault.
 * @param out its data is valid until the next call
 * @return 1 with a packet, 0 at the end, SIO_ERR_NOMEM (the reader is then at its end) */
SIO_API int sio_eio_reader_next(sio_eio_reader *reader, sio_eio_packet *out);

/** Release what reading base64 allocated. NULL is allowed. */
SIO_API void sio_eio_reader_free(sio_eio_reader *reader);

/** Undo the form encoding of a JSONP POST: the value of the field `d`, with its `\n` escapes.
 * @param out appended to; the payload, to be read with a text layout
 * @return 0; SIO_ERR_NOT_FOUND when `d` is absent or repeated, and the body is to be ignored;
 *         SIO_ERR_NOMEM, SIO_ERR_LIMIT (from `out`); on failure nothing is appended */
SIO_API int sio_eio_jsonp_read(sio_buf *out, sio_bytes body);

/** Wrap a text payload into a JSONP response: `___eio[<digits of j>]("...");`.
 * @param j the `j` parameter of the handshake; what is no digit is left out
 * @param payload borrowed for the call; valid UTF-8; not inside `out`
 * @return 0, SIO_ERR_NOMEM, SIO_ERR_LIMIT; on failure nothing is appended */
SIO_API int sio_eio_jsonp_write(sio_buf *out, sio_str j, sio_bytes payload);

/* ---- the handshake ---- */

/** Longest session id taken from a server, in bytes. */
#define SIO_EIO_SID_MAX 255

/** The contents of the open packet. */
typedef struct sio_eio_handshake {
    sio_str sid;
    bool websocket;         /**< "websocket" is among the upgrades */
    uint64_t ping_interval; /**< ms */
    uint64_t ping_timeout;  /**< ms */
    uint64_t max_payload;   /**< bytes; 0 when the server did not say */
} sio_eio_handshake;

/** Append the JSON of the open packet, keys in the reference's order, without the packet type.
 * @return 0, SIO_ERR_INVALID when the sid is empty or longer than SIO_EIO_SID_MAX, SIO_ERR_NOMEM,
 *         SIO_ERR_LIMIT; on failure nothing is appended */
SIO_API int sio_eio_handshake_write(sio_buf *out, const sio_eio_handshake *handshake);

/** Read the data of an open packet. Needs a JSON object with `sid` (a string of 1 to
 * SIO_EIO_SID_MAX bytes without control characters), `pingInterval` and `pingTimeout` (integers,
 * 1 to 2^53-1 and 0 to 2^53-1 ms); takes `upgrades` (an array) and `maxPayload` (an integer) when
 * present; ignores other keys. Of repeated keys the last counts.
 * @param out out->sid points into `sid`
 * @param sid storage for the session id
 * @return 0 or SIO_ERR_EIO_HANDSHAKE; outputs untouched on failure */
SIO_API int sio_eio_handshake_read(sio_eio_handshake *out, char sid[SIO_EIO_SID_MAX],
                                   sio_bytes json);

/* ---- outgoing messages ---- */

/** An outgoing packet, encoded once and queued by pointer on every receiver. Immutable; the
 * reference count is atomic, and the forms that are made on demand are published atomically, so
 * one message may be held by the sessions of several threads. */
typedef struct sio_eio_message sio_eio_message;

/** Room that an encoder leaves in front of the data it writes, see sio_eio_message_begin. It holds
 * the message's own bookkeeping, the WebSocket frame header and the packet type. */
#define SIO_EIO_HEADROOM 112

/** A new message with a copy of the data and one reference, owned by the caller.
 * @param binary the data is binary; otherwise it is text and must be valid UTF-8
 * @param mem copied; NULL means the C library's allocator
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_eio_message_new(sio_eio_message **out, bool binary, const void *data, size_t len,
                                const sio_mem *mem);

/** As sio_eio_message_new for text of any packet type (an open packet, for example).
 * @return 0, SIO_ERR_INVALID for a type over 6, SIO_ERR_NOMEM */
SIO_API int sio_eio_message_new_packet(sio_eio_message **out, sio_eio_type type, const void *data,
                                       size_t len, const sio_mem *mem);

/** Prepare a buffer for a message that is encoded in place: empties `buf` and leaves the headroom.
 * The caller appends the data and calls sio_eio_message_take. The buffer's maximum counts the
 * headroom.
 * @return 0, SIO_ERR_NOMEM, SIO_ERR_LIMIT */
SIO_API int sio_eio_message_begin(sio_buf *buf);

/** Make a message of a buffer that was begun with sio_eio_message_begin, without copying. The
 * buffer is empty afterwards, also on failure.
 * @return 0, SIO_ERR_INVALID when the headroom is missing */
SIO_API int sio_eio_message_take(sio_eio_message **out, bool binary, sio_buf *buf);

/** Take one more reference. @return its argument. Callable from any thread. */
SIO_API sio_eio_message *sio_eio_message_ref(sio_eio_message *message);

/** Give one reference back; the last frees the message. NULL is allowed. Callable from any thread
 * that may call the message's allocator. */
SIO_API void sio_eio_message_unref(sio_eio_message *message);

/** The packet's type: MESSAGE unless made by sio_eio_message_new_packet. */
SIO_API sio_eio_type sio_eio_message_type(const sio_eio_message *message);

/** Whether the data is binary. */
SIO_API bool sio_eio_message_is_binary(const sio_eio_message *message);

/** The data. Borrowed while a reference is held. */
SIO_API sio_bytes sio_eio_message_data(const sio_eio_message *message);

/** How a message stands on a wire. */
typedef enum sio_eio_form {
    SIO_EIO_FORM_PACKET, /**< the packet without framing: `4text`; binary as bytes (revision 3 with
                              0x04 in front). What a client masks into a frame */
    SIO_EIO_FORM_TEXT,   /**< the same as text: binary as `b<base64>`, `b4<base64>` in revision 3 */
    SIO_EIO_FORM_FRAME,  /**< one whole unmasked WebSocket frame around FORM_PACKET */
    SIO_EIO_FORM_TEXT_FRAME /**< one whole unmasked text frame around FORM_TEXT (`b64` sessions) */
} sio_eio_form;

/** The bytes of a form, contiguous. Text and revision 4 binary frames are slices of the message;
 * base64, and the 0x04 form of revision 3, are made on the first demand and kept.
 * @param out borrowed while a reference to the message is held
 * @return 0 or SIO_ERR_NOMEM. Callable from any thread that may call the message's allocator */
SIO_API int sio_eio_message_bytes(sio_bytes *out, sio_eio_message *message, sio_eio_form form,
                                  int revision);

/** Bytes that the message takes in a text payload of revision 4, without a separator. */
SIO_API size_t sio_eio_message_text_size(const sio_eio_message *message);

/** The compressed frame that was attached with sio_eio_message_set_deflated under the same key.
 * @return borrowed while a reference to the message is held; NULL when there is none */
SIO_API const sio_blob *sio_eio_message_deflated(const sio_eio_message *message, uint32_t key);

/** Attach a compressed frame (permessage-deflate without context takeover, which every receiver
 * with the same parameters can share). Only the first one attached is kept.
 * @param key names the parameters; any number
 * @param blob the message takes a reference of its own
 * @return 0, SIO_ERR_EXISTS, SIO_ERR_NOMEM. Callable from any thread as sio_eio_message_bytes */
SIO_API int sio_eio_message_set_deflated(sio_eio_message *message, uint32_t key, sio_blob *blob);

/* ---- items: what a session queues ---- */

/** Flags of an item. */
enum {
    SIO_EIO_COMPRESS = 1, /**< may be compressed */
    SIO_EIO_VOLATILE = 2, /**< sio_eio_session_send refuses it when not writable; never queued */
    SIO_EIO_PROBE = 4     /**< `message` is NULL and the data is the text `probe` */
};

/** One packet of a batch to be sent. */
typedef struct sio_eio_item {
    sio_eio_message *message; /**< NULL: a packet of `type` without data, or with `probe` */
    uint8_t type;             /**< a sio_eio_type */
    uint8_t flags;
    uint16_t reserved;
    uint32_t tag; /**< the sender's, 0 on packets of the session itself */
} sio_eio_item;

/** The bytes of an item in a form, as sio_eio_message_bytes.
 * @param out static memory for an item without a message
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_eio_item_bytes(sio_bytes *out, const sio_eio_item *item, sio_eio_form form,
                               int revision);

/** Whether FORM_PACKET of the item is binary, that is goes into a binary frame. */
static inline bool sio_eio_item_is_binary(const sio_eio_item *item) {
    return item->message && sio_eio_message_is_binary(item->message);
}

/** Append the body of a poll response or POST.
 * @param base64 revision 3: binary as base64 text instead of the octet-stream layout
 * @param layout set to what was written: V3_BINARY goes out as application/octet-stream, the
 *        others as `text/plain; charset=UTF-8`
 * @return 0, SIO_ERR_NOMEM, SIO_ERR_LIMIT; on failure nothing is appended */
SIO_API int sio_eio_payload_write(sio_buf *out, sio_eio_layout *layout, const sio_eio_item *items,
                                  size_t count, int revision, bool base64);

#ifdef __cplusplus
}
#endif

#endif
