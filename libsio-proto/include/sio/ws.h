/**
 * @file ws.h
 * @brief WebSocket (RFC 6455) with permessage-deflate (RFC 7692) for both roles: handshake values,
 * frame encoding, an incremental message decoder and compression.
 *
 * Nothing here does I/O or knows HTTP: the handshake takes and gives header values, the decoder is
 * fed bytes and pulled for events, encoders append to a `sio_buf`. Random numbers (the client's key
 * and its frame masks) are arguments. An object belongs to one thread at a time. There are no
 * callbacks.
 *
 * A server's frame is not masked, so one encoded frame can be sent to any number of clients.
 */
#ifndef SIO_WS_H
#define SIO_WS_H

#include <sio/buffer.h>
#include <sio/error.h>
#include <sio/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Our own role. A server demands masked frames, a client refuses them (RFC 6455 §5.1). */
typedef enum sio_ws_role {
    SIO_WS_SERVER = 0,
    SIO_WS_CLIENT = 1,
} sio_ws_role;

/** The opcodes of RFC 6455 §5.2; also the kinds of events, where CONTINUATION does not occur. */
typedef enum sio_ws_opcode {
    SIO_WS_CONTINUATION = 0,
    SIO_WS_TEXT = 1,
    SIO_WS_BINARY = 2,
    SIO_WS_CLOSE = 8,
    SIO_WS_PING = 9,
    SIO_WS_PONG = 10,
} sio_ws_opcode;

/** The largest frame header: two bytes, a 64-bit length and the mask. */
#define SIO_WS_HEADER_MAX 14
/** The largest payload of a control frame, and of a close frame's reason (RFC 6455 §5.5). */
#define SIO_WS_CONTROL_MAX 125
#define SIO_WS_REASON_MAX 123
/** The close event's code when the frame had no payload (RFC 6455 §7.1.5). */
#define SIO_WS_NO_CODE 1005
/** The message limit when the options say 0. */
#define SIO_WS_MAX_MESSAGE_DEFAULT 1000000

/* ---- Frames ---------------------------------------------------------------------------------- */

/** Write a frame header (RFC 6455 §5.2), the length in its shortest form.
 * @param out room for SIO_WS_HEADER_MAX bytes
 * @param fin last frame of the message
 * @param rsv1 compressed (first frame of a message only, RFC 7692 §6)
 * @param len payload length, below 2^63
 * @param mask_key 4 random bytes, borrowed for the call; NULL writes an unmasked header
 * @return bytes written, 2 to 14 */
SIO_API size_t sio_ws_write_header(uint8_t out[SIO_WS_HEADER_MAX], sio_ws_opcode opcode, bool fin,
                                   bool rsv1, uint64_t len, const uint8_t *mask_key);

/** Mask or unmask in place (RFC 6455 §5.3).
 * @param offset position of `data[0]` in the frame's payload; only its last two bits count */
SIO_API void sio_ws_mask(uint8_t *data, size_t len, const uint8_t key[4], size_t offset);

/** Append a whole unfragmented frame.
 * @param data borrowed for the call, copied (and masked when there is a key); NULL when `len` is 0
 * @param rsv1 the payload is compressed
 * @param mask_key 4 random bytes in the client's role, NULL in the server's
 * @return 0, SIO_ERR_INVALID (a control frame above 125 bytes or compressed), SIO_ERR_LIMIT,
 * SIO_ERR_NOMEM; on failure nothing was appended */
SIO_API int sio_ws_write_frame(sio_buf *out, sio_ws_opcode opcode, const void *data, size_t len,
                               bool rsv1, const uint8_t *mask_key);

/** Append a close frame (RFC 6455 §5.5.1).
 * @param code a code that sio_ws_close_code_valid accepts; 0 writes an empty payload
 * @param reason UTF-8, borrowed for the call, at most SIO_WS_REASON_MAX bytes; empty with code 0
 * @param mask_key as sio_ws_write_frame
 * @return 0, SIO_ERR_INVALID (code or reason not allowed), SIO_ERR_LIMIT, SIO_ERR_NOMEM; on failure
 * nothing was appended */
SIO_API int sio_ws_write_close(sio_buf *out, uint16_t code, sio_str reason,
                               const uint8_t *mask_key);

/** Whether a code may stand in a close frame: 1000-1003, 1007-1014 and 3000-4999 (RFC 6455 §7.4 and
 * the IANA registry). */
SIO_API bool sio_ws_close_code_valid(uint16_t code);

/* ---- Compression ----------------------------------------------------------------------------- */

/** What permessage-deflate parameters we want (RFC 7692 §7.1). All-zero behind `size` is lean: no
 * context is kept between messages, so that one compressor and one decompressor serve a loop. */
typedef struct sio_ws_deflate_options {
    size_t size;
    bool server_context_takeover;   /**< the server's messages may refer to earlier ones */
    bool client_context_takeover;   /**< the client's messages may */
    uint8_t server_max_window_bits; /**< 8 to 15, 0 means 15 */
    uint8_t client_max_window_bits; /**< 8 to 15, 0 means 15 */
} sio_ws_deflate_options;

#define SIO_WS_DEFLATE_OPTIONS_INIT                                                                \
    { sizeof(sio_ws_deflate_options), false, false, 0, 0 }

/** What was agreed on. */
typedef struct sio_ws_deflate_params {
    bool server_no_context_takeover;
    bool client_no_context_takeover;
    uint8_t server_max_window_bits; /**< 8 to 15 */
    uint8_t client_max_window_bits; /**< 8 to 15 */
} sio_ws_deflate_params;

/** Compresses messages. Without context takeover one object serves every connection of a loop; with
 * it each connection needs its own. zlib's state is allocated at the first message. */
typedef struct sio_ws_deflater sio_ws_deflater;

/** Decompresses messages; shared or not as the compressor. */
typedef struct sio_ws_inflater sio_ws_inflater;

/** @param out owned by the caller, freed with sio_ws_deflater_free
 * @param window_bits the agreed bits of our direction, 8 to 15
 * @param context_takeover false forgets everything after each message
 * @param level 1 to 9, 0 means zlib's default (6)
 * @param mem_level 1 to 9, 0 means 8; memory is 2^(window_bits+2) + 2^(mem_level+9) bytes
 * @param mem copied; NULL means the C library's allocator
 * @return 0, SIO_ERR_INVALID, SIO_ERR_NOMEM, SIO_ERR_UNSUPPORTED (built without zlib) */
SIO_API int sio_ws_deflater_new(sio_ws_deflater **out, int window_bits, bool context_takeover,
                                int level, int mem_level, const sio_mem *mem);

/** NULL is allowed. */
SIO_API void sio_ws_deflater_free(sio_ws_deflater *deflater);

/** Compress one message (RFC 7692 §7.2.1) and append the payload of its frame, which is to be sent
 * with RSV1. With context takeover every result must be sent, in order.
 * @param data borrowed for the call, not inside `out`; NULL when `len` is 0
 * @return 0, SIO_ERR_LIMIT (the buffer's maximum, or an impossible `len`), SIO_ERR_NOMEM,
 * SIO_ERR_INTERNAL. On failure nothing was appended and the object goes on with a fresh context,
 * which every receiver understands */
SIO_API int sio_ws_deflate(sio_ws_deflater *deflater, sio_buf *out, const void *data, size_t len);

/** @param out owned by the caller, freed with sio_ws_inflater_free
 * @param window_bits the agreed bits of the peer's direction, 8 to 15
 * @param context_takeover false forgets everything after each message
 * @param mem copied; NULL means the C library's allocator
 * @return 0, SIO_ERR_INVALID, SIO_ERR_NOMEM, SIO_ERR_UNSUPPORTED (built without zlib) */
SIO_API int sio_ws_inflater_new(sio_ws_inflater **out, int window_bits, bool context_takeover,
                                const sio_mem *mem);

/** NULL is allowed. */
SIO_API void sio_ws_inflater_free(sio_ws_inflater *inflater);

/** Decompress the whole payload of one message (RFC 7692 §7.2.2) and append it. The output grows in
 * steps of at most 16 KiB, each checked against the limit before it is allocated. The decoder below
 * does this by itself.
 * @param max_len at most this many bytes may come out
 * @return 0, SIO_ERR_WS_INFLATE, SIO_ERR_WS_TOO_LARGE, SIO_ERR_LIMIT (the buffer's own maximum),
 * SIO_ERR_NOMEM. On failure `out` has its old length, and with context takeover the connection must
 * be given up */
SIO_API int sio_ws_inflate(sio_ws_inflater *inflater, sio_buf *out, const void *data, size_t len,
                           uint64_t max_len);

/* ---- Decoder --------------------------------------------------------------------------------- */

/** The incremental message decoder of one connection. An idle one is a single block of at most 64
 * bytes; more is allocated only while a message or frame is incomplete. */
typedef struct sio_ws sio_ws;

typedef struct sio_ws_options {
    size_t size;
    sio_ws_role role;          /**< ours */
    uint64_t max_message;      /**< bytes; 0 means SIO_WS_MAX_MESSAGE_DEFAULT. Counts the sum of the
                                    fragments as sent, and the decompressed size */
    sio_ws_inflater *inflater; /**< borrowed, outlives the decoder; NULL when permessage-deflate was
                                    not agreed on */
    const sio_mem *buffers;    /**< where messages that come in pieces are joined; borrowed for the
                                    decoder's life. NULL means the allocator of the decoder */
} sio_ws_options;

#define SIO_WS_OPTIONS_INIT                                                                        \
    { sizeof(sio_ws_options), SIO_WS_SERVER, 0, NULL, NULL }

/** What the peer sent: a whole message, or a control frame. */
typedef struct sio_ws_event {
    sio_ws_opcode kind; /**< TEXT (valid UTF-8), BINARY, PING, PONG or CLOSE */
    uint8_t *data;      /**< message, ping or pong payload, close reason (valid UTF-8). Borrowed and
                             writable until the next call for this decoder; `data[len]` is not ours.
                             Never NULL when `len` is not 0 */
    size_t len;
    uint16_t code; /**< of CLOSE: the peer's code, SIO_WS_NO_CODE when it gave none; otherwise 0 */
} sio_ws_event;

/** A decoder at the start of the frames, behind the handshake.
 * @param out owned by the caller, freed with sio_ws_free
 * @param options borrowed for the call; NULL means a server with the defaults
 * @param mem **borrowed** for the decoder's life, to keep it small; NULL means the C library's
 * @return 0, SIO_ERR_INVALID, SIO_ERR_NOMEM */
SIO_API int sio_ws_new(sio_ws **out, const sio_ws_options *options, const sio_mem *mem);

/** NULL is allowed. Events already given become invalid, except that their data may lie in the
 * bytes that were fed. */
SIO_API void sio_ws_free(sio_ws *ws);

/** Give the decoder bytes from the peer, when sio_ws_next has returned 0 (or at the start).
 * @param data borrowed until sio_ws_next returns 0 or fails, and changed by unmasking; messages
 * that lie completely in it are not copied
 * @return 0, or SIO_ERR_STATE when bytes of an earlier call are still to be taken, or after an
 * error. After a CLOSE event everything is ignored with 0 */
SIO_API int sio_ws_feed(sio_ws *ws, uint8_t *data, size_t len);

/** Take the next event. `event` is written only when 1 is returned.
 * @return 1 with an event; 0 when more bytes are needed (what was fed has been used up); negative
 * when the connection must be failed with sio_error_close_code(result): SIO_ERR_WS_RSV, _OPCODE,
 * _MASK, _CONTROL, _LENGTH, _CONTINUATION, _UTF8, _CLOSE_CODE, _TOO_LARGE, _INFLATE, SIO_ERR_NOMEM.
 * The error is found at the first byte that makes it certain, and given again by every later call.
 * RFC 6455 §5.4 to §5.6, §7.1.7, §8.1 */
SIO_API int sio_ws_next(sio_ws *ws, sio_ws_event *event);

/** Where the rest of a large frame may be received directly, which saves a copy. Optional: feeding
 * the same bytes has the same effect. Call when sio_ws_next has returned 0.
 * @param ptr,len room inside the message's buffer, never past the present frame, and at most seven
 * times what has been received of the message so far; valid until the next call for this decoder
 * @return 1 with room; 0 when the bytes should be fed as usual; SIO_ERR_NOMEM */
SIO_API int sio_ws_pending_room(sio_ws *ws, uint8_t **ptr, size_t *len);

/** Say that `count` bytes were written to the room; then call sio_ws_next.
 * @return 0, or SIO_ERR_STATE when no room of that size was given out last */
SIO_API int sio_ws_pending_filled(sio_ws *ws, size_t count);

/** Whether a message, a frame or a frame header is incomplete: the end of the connection now would
 * cut something off. */
SIO_API bool sio_ws_is_partial(const sio_ws *ws);

/** Whether bytes that were fed wait behind the event that sio_ws_next gave last. */
SIO_API bool sio_ws_has_more(const sio_ws *ws);

/** The pong that is still to be sent. Keeping one for each connection, the newest, bounds what a
 * flood of pings can cost; RFC 6455 §5.5.3 allows to answer only the latest. All-zero is empty. */
typedef struct sio_ws_pong {
    uint8_t data[SIO_WS_CONTROL_MAX];
    uint8_t len;
    bool pending;
} sio_ws_pong;

/** Keep the answer to a PING event in place of an older one that was not sent yet. */
SIO_API void sio_ws_pong_set(sio_ws_pong *pong, const sio_ws_event *ping);

/** Append the pending pong, if any, once the connection can be written to.
 * @param mask_key as sio_ws_write_frame
 * @return 1 when a frame was appended, 0 when none was pending, SIO_ERR_LIMIT or SIO_ERR_NOMEM (it
 * stays pending) */
SIO_API int sio_ws_pong_write(sio_ws_pong *pong, sio_buf *out, const uint8_t *mask_key);

/* ---- Handshake ------------------------------------------------------------------------------- */

/** The values of a handshake request (RFC 6455 §4.1), borrowed. `ptr` NULL: the field is absent.
 * Several lines of one field are given joined with a comma. */
typedef struct sio_ws_request {
    sio_str method;
    sio_str upgrade;
    sio_str connection;
    sio_str key;        /**< Sec-WebSocket-Key */
    sio_str version;    /**< Sec-WebSocket-Version */
    sio_str protocol;   /**< Sec-WebSocket-Protocol */
    sio_str extensions; /**< Sec-WebSocket-Extensions */
} sio_ws_request;

/** What either side supports. */
typedef struct sio_ws_handshake_options {
    size_t size;
    const sio_str *protocols;              /**< subprotocols, borrowed. Server: in order of
                                                preference; NULL takes the first offered */
    size_t protocol_count;                 /**< at most SIO_WS_PROTOCOLS_MAX */
    const sio_ws_deflate_options *deflate; /**< borrowed; NULL means no permessage-deflate, as
                                                does a build without zlib */
    bool closing;                          /**< server: refuse everything with 503 */
} sio_ws_handshake_options;

#define SIO_WS_HANDSHAKE_OPTIONS_INIT                                                              \
    { sizeof(sio_ws_handshake_options), NULL, 0, NULL, false }

/** More offered subprotocols than this are refused. */
#define SIO_WS_PROTOCOLS_MAX 64

/** The outcome of a successful handshake. */
typedef struct sio_ws_agreement {
    char accept[29];                      /**< Sec-WebSocket-Accept, NUL-terminated */
    sio_str protocol;                     /**< chosen subprotocol, `ptr` NULL when there is none;
                                               points into the request, or the client's options */
    bool deflate;                         /**< permessage-deflate was agreed on */
    sio_ws_deflate_params deflate_params; /**< its parameters, if so */
} sio_ws_agreement;

/** The answer to a refused request, with `Connection: close` and `Content-Type: text/html`. */
typedef struct sio_ws_refusal {
    int status;
    const char *body;  /**< static text */
    bool send_version; /**< add `Sec-WebSocket-Version: 13` and `Upgrade: websocket` (RFC 6455 §4.4,
                            RFC 9110 §15.5.22) */
} sio_ws_refusal;

/** Server: check a request (RFC 6455 §4.2.1) and decide on subprotocol and compression. The first
 * acceptable permessage-deflate offer is taken, others are declined (RFC 7692 §5).
 * @param out written on success
 * @param refusal written when the result is negative; may be NULL
 * @param options borrowed for the call; NULL means the defaults
 * @return 0, SIO_ERR_WS_HANDSHAKE, SIO_ERR_WS_PROTOCOL, SIO_ERR_WS_EXTENSION, SIO_ERR_CLOSED,
 * SIO_ERR_INVALID (options; answered with 500) */
SIO_API int sio_ws_handshake_accept(sio_ws_agreement *out, sio_ws_refusal *refusal,
                                    const sio_ws_request *request,
                                    const sio_ws_handshake_options *options);

/** Server: append the fields of the 101 response (RFC 6455 §4.2.2) as lines ending in CRLF:
 * Upgrade, Connection, Sec-WebSocket-Accept, and as agreed -Protocol and -Extensions. The status
 * line before and the empty line behind are the caller's.
 * @return 0, SIO_ERR_LIMIT, SIO_ERR_NOMEM; on failure nothing was appended */
SIO_API int sio_ws_handshake_respond(sio_buf *out, const sio_ws_agreement *agreement);

/** Client: append the fields of the request as lines ending in CRLF: Upgrade, Connection,
 * Sec-WebSocket-Version, -Key, and as wanted -Protocol and -Extensions.
 * @param random 16 secure random bytes, to be kept for sio_ws_handshake_check
 * @param options borrowed for the call; NULL means the defaults
 * @return 0, SIO_ERR_INVALID (options), SIO_ERR_WS_PROTOCOL (a subprotocol is no token or
 * repeated), SIO_ERR_LIMIT, SIO_ERR_NOMEM; on failure nothing was appended */
SIO_API int sio_ws_handshake_request(sio_buf *out, const uint8_t random[16],
                                     const sio_ws_handshake_options *options);

/** The values of a handshake response, as sio_ws_request. */
typedef struct sio_ws_response {
    int status;
    sio_str upgrade;
    sio_str connection;
    sio_str accept;     /**< Sec-WebSocket-Accept */
    sio_str protocol;   /**< Sec-WebSocket-Protocol */
    sio_str extensions; /**< Sec-WebSocket-Extensions */
} sio_ws_response;

/** Client: check the response (RFC 6455 §4.1, RFC 7692 §5.1): status, Upgrade, Connection, the
 * accept key, and that subprotocol and extension were offered.
 * @param random the bytes given to sio_ws_handshake_request
 * @param options the same options
 * @return 0, SIO_ERR_HTTP_STATUS, SIO_ERR_WS_HANDSHAKE, SIO_ERR_WS_ACCEPT, SIO_ERR_WS_PROTOCOL,
 * SIO_ERR_WS_EXTENSION, SIO_ERR_INVALID (options) */
SIO_API int sio_ws_handshake_check(sio_ws_agreement *out, const sio_ws_response *response,
                                   const uint8_t random[16],
                                   const sio_ws_handshake_options *options);

#ifdef __cplusplus
}
#endif

#endif
