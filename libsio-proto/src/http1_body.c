#include "http1_internal.h"

#include "chars.h"

/* Chunked bodies (RFC 9112 §7.1) are read byte by byte outside their data, so that nothing of a
 * chunk line is ever buffered. */
enum {
    BODY_DONE,
    BODY_LENGTH,
    BODY_UNTIL_CLOSE,
    CHUNK_SIZE_FIRST, /* needs a digit */
    CHUNK_SIZE,
    EXTENSION_NAME_FIRST, /* needs a token */
    EXTENSION_NAME,
    EXTENSION_VALUE_FIRST, /* needs a token or a quoted string */
    EXTENSION_VALUE,
    EXTENSION_QUOTED,
    EXTENSION_ESCAPED,
    EXTENSION_QUOTED_END,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    TRAILER_START,
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    TRAILER_END_LF,
};

void sio_http1_body_start(sio_http1_body *body, sio_http1_framing framing, uint64_t length,
                          const sio_http1_limits *limits) {
    static const uint8_t states[] = {
        [SIO_HTTP1_BODY_NONE] = BODY_DONE,
        [SIO_HTTP1_BODY_LENGTH] = BODY_LENGTH,
        [SIO_HTTP1_BODY_CHUNKED] = CHUNK_SIZE_FIRST,
        [SIO_HTTP1_BODY_UNTIL_CLOSE] = BODY_UNTIL_CLOSE,
    };
    *body = (sio_http1_body){
        .left = framing == SIO_HTTP1_BODY_LENGTH ? length : 0,
        .room = limits->max_body,
        .discard = (uint32_t)limits->max_discard,
        .state = states[framing],
    };
}

bool sio_http1_body_ends_at_close(const sio_http1_body *body) {
    return body->state == BODY_UNTIL_CLOSE;
}

static int spend(sio_http1_body *body, int error) {
    if (body->discard == 0) {
        return error;
    }
    body->discard--;
    return 0;
}

static int size_digit(sio_http1_body *body, int digit) {
    if (body->state == CHUNK_SIZE && body->left == 0) {
        int rc = spend(body, SIO_ERR_HTTP_CHUNK); /* leading zeros */
        if (rc != 0) {
            return rc;
        }
    }
    if (body->left > UINT64_MAX >> 4) {
        return SIO_ERR_HTTP_CHUNK;
    }
    body->left = body->left << 4 | (uint64_t)digit;
    body->state = CHUNK_SIZE;
    return 0;
}

static int size_byte(sio_http1_body *body, char c) {
    int digit = sio_char_hex(c);
    if (digit >= 0) {
        return size_digit(body, digit);
    }
    if (body->state == CHUNK_SIZE_FIRST || (c != ';' && c != '\r')) {
        return SIO_ERR_HTTP_CHUNK;
    }
    body->state = c == ';' ? EXTENSION_NAME_FIRST : CHUNK_SIZE_LF;
    return 0;
}

static int quoted_state(int state, char c) {
    if (!sio_char_is(c, SIO_CHAR_VALUE)) {
        return BODY_DONE;
    }
    if (state == EXTENSION_QUOTED && c == '"') {
        return EXTENSION_QUOTED_END;
    }
    return state == EXTENSION_QUOTED && c == '\\' ? EXTENSION_ESCAPED : EXTENSION_QUOTED;
}

/* Where a byte of ";name", ";name=value" or ";name="value"" leads; BODY_DONE when it has no place
 * there. RFC 9112 §7.1.1 knows white space too, which only hostile senders write. */
static int extension_state(int state, char c) {
    bool token = sio_char_is(c, SIO_CHAR_TOKEN);
    switch (state) {
    case EXTENSION_QUOTED:
    case EXTENSION_ESCAPED:
        return quoted_state(state, c);
    case EXTENSION_NAME_FIRST:
        return token ? EXTENSION_NAME : BODY_DONE;
    case EXTENSION_VALUE_FIRST:
        return token ? EXTENSION_VALUE : c == '"' ? EXTENSION_QUOTED : BODY_DONE;
    default: /* what stands so far may be all */
        if (token && state != EXTENSION_QUOTED_END) {
            return state;
        }
        if (c == '=' && state == EXTENSION_NAME) {
            return EXTENSION_VALUE_FIRST;
        }
        return c == ';' ? EXTENSION_NAME_FIRST : c == '\r' ? CHUNK_SIZE_LF : BODY_DONE;
    }
}

static int extension_byte(sio_http1_body *body, char c) {
    int state = extension_state(body->state, c);
    if (state == BODY_DONE) {
        return SIO_ERR_HTTP_CHUNK;
    }
    body->state = (uint8_t)state;
    return state == CHUNK_SIZE_LF ? 0 : spend(body, SIO_ERR_HTTP_CHUNK);
}

static int size_end(sio_http1_body *body, char c) {
    if (c != '\n') {
        return SIO_ERR_HTTP_CHUNK;
    }
    if (body->left > body->room) {
        return SIO_ERR_HTTP_BODY_TOO_LARGE;
    }
    body->room -= body->left;
    body->state = body->left > 0 ? CHUNK_DATA : TRAILER_START;
    return 0;
}

static int expect_byte(sio_http1_body *body, char c, char wanted, uint8_t state) {
    if (c != wanted) {
        return SIO_ERR_HTTP_CHUNK;
    }
    body->state = state;
    return 0;
}

/* Trailer lines have the grammar of header lines; they are checked and forgotten. */
static int trailer_byte(sio_http1_body *body, char c) {
    if (body->state == TRAILER_START && c == '\r') {
        body->state = TRAILER_END_LF;
        return 0;
    }
    if (body->state == TRAILER_VALUE && c == '\r') {
        body->state = TRAILER_LF;
    } else if (body->state == TRAILER_VALUE) {
        if (!sio_char_is(c, SIO_CHAR_VALUE)) {
            return SIO_ERR_HTTP_HEADER;
        }
    } else if (body->state == TRAILER_NAME && c == ':') {
        body->state = TRAILER_VALUE;
    } else if (sio_char_is(c, SIO_CHAR_TOKEN)) {
        body->state = TRAILER_NAME;
    } else {
        return SIO_ERR_HTTP_HEADER;
    }
    return spend(body, SIO_ERR_HTTP_HEAD_TOO_LARGE);
}

static int chunk_byte(sio_http1_body *body, char c) {
    switch (body->state) {
    case CHUNK_SIZE_FIRST:
    case CHUNK_SIZE:
        return size_byte(body, c);
    case EXTENSION_NAME_FIRST:
    case EXTENSION_NAME:
    case EXTENSION_VALUE_FIRST:
    case EXTENSION_VALUE:
    case EXTENSION_QUOTED:
    case EXTENSION_ESCAPED:
    case EXTENSION_QUOTED_END:
        return extension_byte(body, c);
    case CHUNK_SIZE_LF:
        return size_end(body, c);
    case CHUNK_DATA_CR:
        return expect_byte(body, c, '\r', CHUNK_DATA_LF);
    case CHUNK_DATA_LF:
        return expect_byte(body, c, '\n', CHUNK_SIZE_FIRST);
    case TRAILER_LF:
        return expect_byte(body, c, '\n', TRAILER_START);
    case TRAILER_END_LF:
        return expect_byte(body, c, '\n', BODY_DONE);
    default:
        return trailer_byte(body, c);
    }
}

static bool is_data(const sio_http1_body *body) {
    return body->state == BODY_LENGTH || body->state == BODY_UNTIL_CLOSE ||
           body->state == CHUNK_DATA;
}

/* Cut a piece of body data off the front of what is there. */
static int read_data(sio_http1_body *body, const uint8_t *data, size_t len, size_t *used,
                     sio_bytes *piece) {
    if (body->state == BODY_UNTIL_CLOSE) {
        if (body->room == 0) {
            return SIO_ERR_HTTP_BODY_TOO_LARGE;
        }
        len = len < body->room ? len : (size_t)body->room;
        body->room -= len;
    } else {
        len = len < body->left ? len : (size_t)body->left;
        body->left -= len;
        if (body->left == 0) {
            body->state = body->state == CHUNK_DATA ? CHUNK_DATA_CR : BODY_DONE;
        }
    }
    *piece = (sio_bytes){data, len};
    *used += len;
    return SIO_HTTP1_BODY_PIECE;
}

int sio_http1_body_read(sio_http1_body *body, const uint8_t *data, size_t len, size_t *used,
                        sio_bytes *piece) {
    *used = 0;
    while (*used < len && body->state != BODY_DONE) {
        if (is_data(body)) {
            return read_data(body, data + *used, len - *used, used, piece);
        }
        int rc = chunk_byte(body, (char)data[*used]);
        if (rc != 0) {
            return rc;
        }
        (*used)++;
    }
    return body->state == BODY_DONE ? SIO_HTTP1_BODY_DONE : SIO_HTTP1_BODY_MORE;
}
