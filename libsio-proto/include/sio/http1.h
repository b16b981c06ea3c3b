/**
 * @file http1.h
 * @brief A strict HTTP/1.1 message codec (RFC 9110, RFC 9112): an incremental parser for requests
 * or responses, questions about a parsed head, and a writer for heads.
 *
 * The parser is fed bytes and pulled for events; it does no I/O. Any split of the input gives the
 * same events. It accepts one spelling of each message only: whatever two parties on a path could
 * read in two ways is refused, so no request can be smuggled past a proxy. After an error the
 * caller answers sio_error_http_status(error) and closes.
 *
 * An object belongs to one thread. The parser calls nothing back.
 */
#ifndef SIO_HTTP1_H
#define SIO_HTTP1_H

#include <sio/buffer.h>
#include <sio/error.h>
#include <sio/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a parser reads: a server reads requests, a client reads responses. */
typedef enum sio_http1_kind {
    SIO_HTTP1_REQUESTS,
    SIO_HTTP1_RESPONSES,
} sio_http1_kind;

/** Bounds of one parser. Zero in a field means its default. */
typedef struct sio_http1_limits {
    size_t size;          /**< sizeof(sio_http1_limits), set by SIO_HTTP1_LIMITS_INIT */
    size_t max_head;      /**< bytes of a head with its final empty line; 16384 */
    uint32_t max_headers; /**< header lines; 100, at most 10000 */
    uint64_t max_body;    /**< bytes of a body after removing chunk framing; 1000000 */
    size_t max_discard;   /**< bytes of chunk extensions and trailer lines in one message, which are
                             read and thrown away; 8192 */
    size_t max_held;      /**< bytes that sio_http1_hold keeps; 65536 */
} sio_http1_limits;

#define SIO_HTTP1_LIMITS_INIT                                                                      \
    { sizeof(sio_http1_limits), 0, 0, 0, 0, 0 }

/** One header line. The value has no white space around it. */
typedef struct sio_http1_header {
    sio_str name;  /**< a token, spelled as sent */
    sio_str value; /**< free of control characters except tab; may hold bytes above 0x7f */
} sio_http1_header;

/** A parsed and checked head. Everything in it is borrowed from the parser. */
typedef struct sio_http1_head {
    sio_str method; /**< requests: a token of 1 to 32 characters, case as sent */
    sio_str target; /**< requests: in origin form ("/path?query") or "*" */
    sio_str host;   /**< requests: host[:port] of an absolute-form target, else of Host; may be
                       empty in HTTP/1.0 only */
    int status;     /**< responses: 100 to 599 */
    sio_str reason; /**< responses: may be empty */
    int minor;      /**< 0 or 1: HTTP/1.0 or HTTP/1.1 */
    const sio_http1_header *headers; /**< in the order sent */
    size_t header_count;
    bool keep_alive;      /**< another message may follow on this connection */
    bool upgrade;         /**< HTTP/1.1, a Connection token "upgrade" and an Upgrade line */
    bool expect_continue; /**< HTTP/1.1 request with Expect: 100-continue */
    bool chunked;         /**< the body is chunked */
    bool has_length;      /**< Content-Length is present */
    uint64_t length;      /**< its value; 0 when absent */
} sio_http1_head;

typedef enum sio_http1_event_type {
    SIO_HTTP1_HEAD = 1, /**< a head was read and checked */
    SIO_HTTP1_BODY,     /**< a piece of the body */
    SIO_HTTP1_END,      /**< the message is complete */
} sio_http1_event_type;

/** One event. Everything in it is borrowed until the next call on the parser. */
typedef struct sio_http1_event {
    sio_http1_event_type type;
    const sio_http1_head *head; /**< the message's head; NULL after sio_http1_drop_head */
    sio_bytes body;             /**< BODY only: at least one byte, where possible a part of the
                                   bytes that were fed */
} sio_http1_event;

/** Room to parse a head in, shared by the parsers of one thread, so that an idle connection costs
 * its small parser object only. Also holds their limits and allocator. */
typedef struct sio_http1_scratch sio_http1_scratch;

/** A parser for the messages of one connection, one after the other. */
typedef struct sio_http1_parser sio_http1_parser;

/** A new scratch, owned by the caller, to be freed after all its parsers.
 * @param limits copied; NULL means the defaults
 * @param mem copied; NULL means the C library's allocator
 * @return 0, SIO_ERR_INVALID for limits out of range, SIO_ERR_NOMEM */
SIO_API int sio_http1_scratch_new(sio_http1_scratch **out, const sio_http1_limits *limits,
                                  const sio_mem *mem);

/** Free a scratch; none of its parsers may be left. NULL is allowed. */
SIO_API void sio_http1_scratch_free(sio_http1_scratch *scratch);

/** A new parser with a scratch of its own, owned by the caller. Arguments and errors as
 * sio_http1_scratch_new. */
SIO_API int sio_http1_parser_new(sio_http1_parser **out, sio_http1_kind kind,
                                 const sio_http1_limits *limits, const sio_mem *mem);

/** A new parser, owned by the caller, that shares `scratch`, which is borrowed for its life.
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_http1_parser_new_shared(sio_http1_parser **out, sio_http1_kind kind,
                                        sio_http1_scratch *scratch);

/** Free a parser. NULL is allowed. */
SIO_API void sio_http1_parser_free(sio_http1_parser *parser);

/** Hand bytes to the parser. They are borrowed until sio_http1_next returns 0 or an error, or until
 * sio_http1_hold; what is still needed then has been copied. Call it again only after that.
 * @return 0; SIO_ERR_STATE when bytes of an earlier call are still borrowed, or after
 * sio_http1_eof; SIO_ERR_LIMIT when they do not fit behind held bytes; SIO_ERR_NOMEM; the error of
 * an earlier failure */
SIO_API int sio_http1_feed(sio_http1_parser *parser, const uint8_t *data, size_t len);

/** The next event. A message gives HEAD, any number of BODY and END; then the next message, if its
 * bytes are there (pipelining). Interim responses (1xx except 101) are skipped.
 * @return 1 and an event; 0 when more bytes are needed; an error, which is final:
 * SIO_ERR_HTTP_SYNTAX (also for response bytes nobody asked for), SIO_ERR_HTTP_METHOD,
 * SIO_ERR_HTTP_TARGET, SIO_ERR_HTTP_VERSION, SIO_ERR_HTTP_HEADER, SIO_ERR_HTTP_LENGTH,
 * SIO_ERR_HTTP_ENCODING, SIO_ERR_HTTP_CHUNK, SIO_ERR_HTTP_HEAD_TOO_LARGE,
 * SIO_ERR_HTTP_TOO_MANY_HEADERS, SIO_ERR_HTTP_BODY_TOO_LARGE (for an announced length: instead of
 * HEAD), SIO_ERR_HTTP_HOST, SIO_ERR_HTTP_STATUS, SIO_ERR_NOMEM */
SIO_API int sio_http1_next(sio_http1_parser *parser, sio_http1_event *event);

/** Stop pulling for a while, for example until the present request is answered: keep a copy of the
 * bytes not yet consumed. sio_http1_next goes on with them later; bytes fed meanwhile join them.
 * @return 0, SIO_ERR_LIMIT beyond `max_held` (nothing more should be read from the peer),
 * SIO_ERR_NOMEM; both leave the parser failed, because bytes were lost */
SIO_API int sio_http1_hold(sio_http1_parser *parser);

/** How many bytes wait in the parser unconsumed: held ones or a partial head. */
SIO_API size_t sio_http1_pending(const sio_http1_parser *parser);

/** The head of the message in progress.
 * @return borrowed until the next call on the parser; NULL between messages and after
 * sio_http1_drop_head */
SIO_API const sio_http1_head *sio_http1_current(const sio_http1_parser *parser);

/** After the HEAD of a message, before the next call on the parser: the bytes it was read from, its
 * final empty line included. With those of sio_http1_rest behind them, another parser reads the
 * same message, and all that was fed behind it. This one is of no further use then.
 * @return borrowed as the head is; empty at any other time */
SIO_API sio_bytes sio_http1_head_bytes(const sio_http1_parser *parser);

/** Say that the head of the message in progress is not needed any more, which saves the copy that
 * is otherwise made when the body comes in pieces. */
SIO_API void sio_http1_drop_head(sio_http1_parser *parser);

/** After the HEAD of an upgrade (request or 101 response) or of a successful CONNECT: the bytes
 * behind the head, which belong to the next protocol; after any other HEAD: the body as far as it
 * has been fed, in its framing, and what comes behind it. The parser is of no further use then.
 * @return borrowed as the bytes fed were; empty when there are none */
SIO_API sio_bytes sio_http1_rest(const sio_http1_parser *parser);

/** The peer closed its side. Call it after sio_http1_next returned 0.
 * @return 0 between messages, and when this ends a body that lasts until the connection closes
 * (sio_http1_next then gives END); SIO_ERR_HTTP_TRUNCATED inside a message and before a response
 * that was asked for; the error of an earlier failure */
SIO_API int sio_http1_eof(sio_http1_parser *parser);

/** The request that the next response answers, as far as it matters to the response's framing. */
typedef enum sio_http1_asked {
    SIO_HTTP1_ASKED_PLAIN = 1, /**< GET, POST and so on */
    SIO_HTTP1_ASKED_HEAD,      /**< no body follows, whatever the head says */
    SIO_HTTP1_ASKED_CONNECT,   /**< 2xx opens a tunnel: no body, sio_http1_rest */
    SIO_HTTP1_ASKED_UPGRADE,   /**< 101 is allowed: no body, sio_http1_rest */
} sio_http1_asked;

/** Parsers of responses: a request was sent. Must be called once for each request, before its
 * response is pulled; bytes that answer no request are an error.
 * @return 0; SIO_ERR_STATE when the answer to the previous request is not complete;
 * SIO_ERR_INVALID for a parser of requests or an unknown `asked` */
SIO_API int sio_http1_response_to(sio_http1_parser *parser, sio_http1_asked asked);

/* ---- Questions about a head ---- */

/** The value of the first header line with this name, compared without case (ASCII).
 * @return a view into the head; `ptr` is NULL when there is none */
SIO_API sio_str sio_http1_find(const sio_http1_head *head, sio_str name);

/** How many header lines have this name, compared without case. */
SIO_API size_t sio_http1_count(const sio_http1_head *head, sio_str name);

/** The values of all header lines with this name, which together are one list (RFC 9110 §5.3).
 * @param out a view into the head where there is one line, into `joined` where there are more: they
 * stand there with commas between them, in place of what it held. `ptr` is NULL when there is none
 * @return 0, SIO_ERR_LIMIT or SIO_ERR_NOMEM from the buffer; `out` is untouched then */
SIO_API int sio_http1_join(sio_str *out, const sio_http1_head *head, sio_str name, sio_buf *joined);

/** Whether a comma-separated list holds a token, compared without case (RFC 9110 §5.6.1). Elements
 * with parameters do not match. */
SIO_API bool sio_http1_has_token(sio_str list, sio_str token);

/** As sio_http1_has_token over every header line with this name. */
SIO_API bool sio_http1_header_has_token(const sio_http1_head *head, sio_str name, sio_str token);

/** Whether a text may stand as a header name or method: a non-empty token (RFC 9110 §5.6.2). */
SIO_API bool sio_http1_is_token(sio_str text);

/** Whether a text may stand as a header value: no control characters except tab. */
SIO_API bool sio_http1_is_value(sio_str text);

/** A copy of a head in one block of memory, to keep it longer than the parser does.
 * @param out owned by the caller, freed with sio_http1_head_free
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_http1_head_copy(sio_http1_head **out, const sio_http1_head *head,
                                const sio_mem *mem);

/** Free a copy with the allocator it was made with. NULL is allowed. */
SIO_API void sio_http1_head_free(sio_http1_head *head, const sio_mem *mem);

/* ---- Writing heads. Each call appends whole lines or, on failure, nothing. All return 0,
 * SIO_ERR_INVALID for text that would break the message, or SIO_ERR_LIMIT or SIO_ERR_NOMEM from the
 * buffer. ---- */

/** "METHOD target HTTP/1.1". The target must be printable ASCII without spaces. */
SIO_API int sio_http1_write_request(sio_buf *buf, sio_str method, sio_str target);

/** "HTTP/1.1 status reason".
 * @param status 100 to 599
 * @param reason NUL-terminated; NULL means sio_http1_reason(status) */
SIO_API int sio_http1_write_status(sio_buf *buf, int status, const char *reason);

/** "name: value". Refuses CR, LF, NUL and every other control character (header injection). */
SIO_API int sio_http1_write_header(sio_buf *buf, sio_str name, sio_str value);

/** "name: value" for a number, such as Content-Length. */
SIO_API int sio_http1_write_header_u64(sio_buf *buf, sio_str name, uint64_t value);

/** The empty line that ends a head. */
SIO_API int sio_http1_write_end(sio_buf *buf);

/** The standard reason phrase of a status (RFC 9110 §15).
 * @return static text, never NULL; "Unknown" for a status without one. Callable from any thread. */
SIO_API const char *sio_http1_reason(int status);

#ifdef __cplusplus
}
#endif

#endif
