/**
 * @file error.h
 * @brief Every error code of the three libraries, from one list.
 *
 * Functions return 0 (or a count) on success and one of these negative codes on failure. Codes are
 * grouped by hundreds: general, JSON, HTTP, WebSocket, Engine.IO, Socket.IO, network. Output
 * arguments are untouched on failure.
 */
#ifndef SIO_ERROR_H
#define SIO_ERROR_H

#include <sio/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * X(name, value, text). The texts of the Socket.IO group are those of the JavaScript reference,
 * because applications match on them.
 */
#define SIO_ERROR_MAP(X)                                                                           \
    X(NOMEM, -1, "out of memory")                                                                  \
    X(INVALID, -2, "invalid argument")                                                             \
    X(STATE, -3, "not possible in the present state")                                              \
    X(LIMIT, -4, "a limit was reached")                                                            \
    X(NOT_FOUND, -5, "not found")                                                                  \
    X(EXISTS, -6, "exists already")                                                                \
    X(CLOSED, -7, "closed")                                                                        \
    X(TIMEOUT, -8, "operation has timed out")                                                      \
    X(DISCONNECTED, -9, "socket has been disconnected")                                            \
    X(DISCARDED, -10, "discarded: the transport was not writable")                                 \
    X(UNSUPPORTED, -11, "not supported by this build")                                             \
    X(RANDOM, -12, "no secure random numbers")                                                     \
    X(RESERVED, -13, "the event name is reserved")                                                 \
    X(TYPE, -14, "the value has another type")                                                     \
    X(INTERNAL, -15, "internal error")                                                             \
    X(JSON_SYNTAX, -100, "JSON: syntax error")                                                     \
    X(JSON_UTF8, -101, "JSON: invalid UTF-8")                                                      \
    X(JSON_DEPTH, -102, "JSON: nested too deeply")                                                 \
    X(JSON_TRAILING, -103, "JSON: bytes after the value")                                          \
    X(JSON_NUL, -104, "JSON: U+0000 cannot be held in a C string")                                 \
    X(JSON_SURROGATE, -105, "JSON: lone surrogate cannot be held in UTF-8")                        \
    X(JSON_CYCLE, -106, "JSON: the tree is cyclic or too deep to print")                           \
    X(MSGPACK_SYNTAX, -110, "MessagePack: syntax error")                                           \
    X(MSGPACK_TYPE, -111, "MessagePack: type not allowed here")                                    \
    X(MSGPACK_UTF8, -112, "MessagePack: invalid UTF-8 in a string")                                \
    X(MSGPACK_DEPTH, -113, "MessagePack: nested too deeply")                                       \
    X(HTTP_SYNTAX, -200, "HTTP: malformed message")                                                \
    X(HTTP_METHOD, -201, "HTTP: malformed or unknown method")                                      \
    X(HTTP_TARGET, -202, "HTTP: malformed request target")                                         \
    X(HTTP_VERSION, -203, "HTTP: version not supported")                                           \
    X(HTTP_HEADER, -204, "HTTP: malformed header line")                                            \
    X(HTTP_LENGTH, -205, "HTTP: bad or conflicting body length")                                   \
    X(HTTP_ENCODING, -206, "HTTP: transfer coding not supported")                                  \
    X(HTTP_CHUNK, -207, "HTTP: malformed chunk")                                                   \
    X(HTTP_HEAD_TOO_LARGE, -208, "HTTP: message head too large")                                   \
    X(HTTP_TOO_MANY_HEADERS, -209, "HTTP: too many header lines")                                  \
    X(HTTP_BODY_TOO_LARGE, -210, "HTTP: message body too large")                                   \
    X(HTTP_HOST, -211, "HTTP: missing, repeated or malformed Host")                                \
    X(HTTP_STATUS, -212, "HTTP: unexpected status")                                                \
    X(HTTP_TRUNCATED, -213, "HTTP: the connection ended inside a message")                         \
    X(URL, -220, "malformed URL")                                                                  \
    X(WS_RSV, -300, "WebSocket: reserved bits set")                                                \
    X(WS_OPCODE, -301, "WebSocket: unknown opcode")                                                \
    X(WS_MASK, -302, "WebSocket: masking not as the role demands")                                 \
    X(WS_CONTROL, -303, "WebSocket: control frame fragmented or over 125 bytes")                   \
    X(WS_LENGTH, -304, "WebSocket: frame length not in its shortest form or out of range")         \
    X(WS_CONTINUATION, -305, "WebSocket: continuation frame out of place")                         \
    X(WS_UTF8, -306, "WebSocket: invalid UTF-8 in a text message")                                 \
    X(WS_CLOSE_CODE, -307, "WebSocket: invalid close code or close payload")                       \
    X(WS_TOO_LARGE, -308, "WebSocket: message too large")                                          \
    X(WS_INFLATE, -309, "WebSocket: compressed data is damaged")                                   \
    X(WS_HANDSHAKE, -310, "WebSocket: handshake refused or malformed")                             \
    X(WS_ACCEPT, -311, "WebSocket: wrong Sec-WebSocket-Accept")                                    \
    X(WS_EXTENSION, -312, "WebSocket: extension not offered or malformed")                         \
    X(WS_PROTOCOL, -313, "WebSocket: subprotocol not offered or malformed")                        \
    X(EIO_PACKET, -400, "parser error")                                                            \
    X(EIO_PAYLOAD, -401, "Engine.IO: malformed payload")                                           \
    X(EIO_HANDSHAKE, -402, "Engine.IO: malformed handshake")                                       \
    X(EIO_TRANSPORT_UNKNOWN, -410, "Transport unknown")                                            \
    X(EIO_SID_UNKNOWN, -411, "Session ID unknown")                                                 \
    X(EIO_BAD_METHOD, -412, "Bad handshake method")                                                \
    X(EIO_BAD_REQUEST, -413, "Bad request")                                                        \
    X(EIO_FORBIDDEN, -414, "Forbidden")                                                            \
    X(EIO_UNSUPPORTED_VERSION, -415, "Unsupported protocol version")                               \
    X(EIO_OVERLAP, -420, "overlap from client")                                                    \
    X(EIO_POST_OVERLAP, -421, "data request overlap from client")                                  \
    X(EIO_POLL_ABORTED, -422, "poll connection closed prematurely")                                \
    X(EIO_POST_ABORTED, -423, "data request connection closed prematurely")                        \
    X(EIO_CONTENT, -424, "invalid content")                                                        \
    X(EIO_HEARTBEAT, -425, "invalid heartbeat direction")                                          \
    X(EIO_PROBE, -426, "probe error")                                                              \
    X(EIO_QUEUE_FULL, -427, "Engine.IO: the send queue is full")                                   \
    X(SIO_PAYLOAD, -500, "invalid payload")                                                        \
    X(SIO_TYPE, -501, "unknown packet type")                                                       \
    X(SIO_ATTACHMENT_COUNT, -502, "Illegal attachments")                                           \
    X(SIO_TOO_MANY_ATTACHMENTS, -503, "too many attachments")                                      \
    X(SIO_PLAINTEXT, -504, "got plaintext data when reconstructing a packet")                      \
    X(SIO_BINARY, -505, "got binary data when not reconstructing a packet")                        \
    X(SIO_PLACEHOLDER, -506, "illegal attachments")                                                \
    X(SIO_NAMESPACE, -507, "Invalid namespace")                                                    \
    X(SIO_VIOLATION, -508, "Socket.IO: packet not allowed in this state")                          \
    X(SIO_OLD_SERVER, -509,                                                                        \
      "It seems you are trying to reach a Socket.IO server in v2.x with a v3.x client")            \
    X(SIO_REFUSED, -510, "the server refused the namespace")                                       \
    X(SIO_AUTH, -511, "the credentials could not be obtained")                                     \
    X(RESOLVE, -600, "the host name could not be resolved")                                        \
    X(CONNECT, -601, "the connection was refused or could not be made")                            \
    X(RESET, -602, "the connection was reset")                                                     \
    X(NET, -603, "network error")                                                                  \
    X(LISTEN, -604, "cannot listen on this address")                                               \
    X(TLS, -610, "TLS: handshake or record failure")                                               \
    X(TLS_VERIFY, -611, "TLS: the certificate was not accepted")                                   \
    X(TLS_HOST, -612, "TLS: the certificate is for another host")                                  \
    X(TLS_CONFIG, -613, "TLS: certificate, key or settings cannot be used")                        \
    X(TLS_SELF_SIGNED, -614, "TLS: the certificate is self-signed and not trusted")                \
    X(TLS_EXPIRED, -615, "TLS: the certificate is expired or not valid yet")                       \
    X(TLS_ISSUER, -616, "TLS: the issuer of the certificate is not known or not trusted")          \
    X(TLS_PIN, -617, "TLS: the server's key is none of the pinned ones")                           \
    X(TLS_PROTOCOL, -618, "TLS: no protocol version that both sides allow")                        \
    X(PROXY, -640, "the proxy refused, or could not reach the server")                             \
    X(PROXY_AUTH, -641, "the proxy wants credentials, or others")                                  \
    X(PROXY_ANSWER, -642, "the proxy's answer makes no sense")

/** Error codes: `SIO_ERR_<NAME>`. */
typedef enum sio_err {
    SIO_OK = 0,
#define SIO_ERROR_ENUM(name, value, text) SIO_ERR_##name = (value),
    SIO_ERROR_MAP(SIO_ERROR_ENUM)
#undef SIO_ERROR_ENUM
} sio_err;

/** The text of an error code, for people and logs.
 * @param err 0 or a negative code; anything else gives "unknown error"
 * @return static text, never NULL, never freed. Callable from any thread. */
SIO_API const char *sio_error_text(int err);

/** The symbolic name of an error code, such as "WS_UTF8".
 * @return static text, never NULL; "OK" for 0, "UNKNOWN" for a code that is not on the list.
 * Callable from any thread. */
SIO_API const char *sio_error_name(int err);

/** The WebSocket close code that answers an error (RFC 6455 §7.4.1).
 * @return 1002, 1007, 1008, 1009 or 1011 as the error demands; 0 where the connection is closed
 * without a code. Callable from any thread. */
SIO_API uint16_t sio_error_close_code(int err);

/** The HTTP status that answers an error.
 * @return 400, 403, 413, 431, 500, 501 or 505. Callable from any thread. */
SIO_API int sio_error_http_status(int err);

#ifdef __cplusplus
}
#endif

#endif
