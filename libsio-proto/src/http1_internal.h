/* The parts of the HTTP/1.1 parser: lines of a head (http1_head.c), what its headers mean
 * (http1_rules.c), the body (http1_body.c); http1_parser.c drives them. */
#ifndef SIO_SRC_HTTP1_INTERNAL_H
#define SIO_SRC_HTTP1_INTERNAL_H

#include <sio/http1.h>

/* How far the lines of a head have been read. All-zero before the first byte. */
typedef struct sio_http1_progress {
    uint32_t at;    /* offset of the first line that is not read yet */
    uint32_t lines; /* header lines read */
    bool begun;     /* the first line was read */
} sio_http1_progress;

/* Read the complete lines of a head. A line is judged once its LF is there, so any split of the
 * bytes gives the same result. `slots` has room for max_headers; slots of lines that were read
 * before `progress` are not filled.
 * Returns 1 when the empty line was read, with progress->at behind it and head's method, target,
 * status, reason, minor and headers set; 0 when more bytes are needed; or an error. */
int sio_http1_head_read(sio_http1_head *head, sio_http1_header *slots, sio_http1_kind kind,
                        const sio_http1_limits *limits, sio_http1_progress *progress,
                        const char *data, size_t len);

/* Give the headers of a request their meaning: framing, Host, target form, keep-alive. */
int sio_http1_rules_request(sio_http1_head *head, const sio_http1_limits *limits);

typedef enum sio_http1_framing {
    SIO_HTTP1_BODY_NONE,
    SIO_HTTP1_BODY_LENGTH,
    SIO_HTTP1_BODY_CHUNKED,
    SIO_HTTP1_BODY_UNTIL_CLOSE,
} sio_http1_framing;

/* How the body of a checked request is framed. */
sio_http1_framing sio_http1_framing_request(const sio_http1_head *head);

/* The same for a response to `asked`; `framing` is set on success. */
int sio_http1_rules_response(sio_http1_head *head, sio_http1_framing *framing,
                             sio_http1_asked asked, const sio_http1_limits *limits);

/* A body being read. */
typedef struct sio_http1_body {
    uint64_t left;    /* of the Content-Length or of the chunk */
    uint64_t room;    /* bytes the body may still grow by */
    uint32_t discard; /* bytes of extensions and trailers still allowed */
    uint8_t state;
} sio_http1_body;

void sio_http1_body_start(sio_http1_body *body, sio_http1_framing framing, uint64_t length,
                          const sio_http1_limits *limits);

enum { SIO_HTTP1_BODY_MORE = 0, SIO_HTTP1_BODY_PIECE = 1, SIO_HTTP1_BODY_DONE = 2 };

/* Read on in `data`. `used` bytes of it were consumed, the last of them being `piece` in the case
 * of SIO_HTTP1_BODY_PIECE. Returns one of the above or an error. */
int sio_http1_body_read(sio_http1_body *body, const uint8_t *data, size_t len, size_t *used,
                        sio_bytes *piece);

/* The connection ended: whether that ends the body properly. */
bool sio_http1_body_ends_at_close(const sio_http1_body *body);

#endif
