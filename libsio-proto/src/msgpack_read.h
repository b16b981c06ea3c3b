/* MessagePack tokens, and values as JSON text. */
#ifndef SIO_SRC_MSGPACK_READ_H
#define SIO_SRC_MSGPACK_READ_H

#include <sio/buffer.h>
#include <sio/types.h>

typedef enum sio_mp_kind {
    SIO_MP_NIL,
    SIO_MP_UNDEFINED,
    SIO_MP_BOOL,
    SIO_MP_UINT,
    SIO_MP_INT, /* below 0 */
    SIO_MP_DOUBLE,
    SIO_MP_STR,
    SIO_MP_BIN,
    SIO_MP_DATE,
    SIO_MP_ARRAY,
    SIO_MP_MAP
} sio_mp_kind;

/* One token: a scalar, or the head of an array or map. */
typedef struct sio_mp_token {
    sio_mp_kind kind;
    uint32_t count; /* ARRAY: elements; MAP: pairs. Never more than the input can hold */
    union {
        bool truth;
        uint64_t uint;
        int64_t sint; /* INT; DATE: milliseconds since 1970 */
        double real;
        sio_bytes bytes; /* STR, not checked to be UTF-8; BIN */
    } as;
} sio_mp_token;

typedef struct sio_mp_reader {
    const uint8_t *at;
    const uint8_t *end;
} sio_mp_reader;

/* Returns 0, SIO_ERR_MSGPACK_SYNTAX or SIO_ERR_MSGPACK_TYPE. */
int sio_mp_read(sio_mp_reader *in, sio_mp_token *out);

/* Step over one whole value, of any depth. Errors as sio_mp_read. */
int sio_mp_skip(sio_mp_reader *in);

/* How a value becomes JSON text. */
typedef struct sio_mp_json {
    sio_buf *text;
    size_t max_text;
    uint32_t max_depth; /* at most SIO_MP_MAX_DEPTH */
    uint32_t max_attachments;
    uint32_t attachments; /* out: binary values, each written as placeholder of its number */
} sio_mp_json;

enum { SIO_MP_MAX_DEPTH = 256 };

/* Append one value as JSON text. Returns 0, SIO_ERR_MSGPACK_*, SIO_ERR_SIO_TOO_MANY_ATTACHMENTS,
 * SIO_ERR_LIMIT or SIO_ERR_NOMEM. */
int sio_mp_to_json(sio_mp_reader *in, sio_mp_json *to);

/* Find the next binary value, wherever it stands; false when there is none before the end. What is
 * read has been through sio_mp_to_json. */
bool sio_mp_next_binary(sio_mp_reader *in, sio_bytes *out);

#endif
