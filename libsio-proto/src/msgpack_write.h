/* MessagePack from numbers, text and JSON. All functions append, and return 0, SIO_ERR_LIMIT or
 * SIO_ERR_NOMEM; after a failure the buffer may be longer than before. */
#ifndef SIO_SRC_MSGPACK_WRITE_H
#define SIO_SRC_MSGPACK_WRITE_H

#include <sio/args.h>
#include <sio/buffer.h>
#include <sio/types.h>

/* Each in its shortest form, as notepack.io writes them. */
int sio_mp_write_uint(sio_buf *out, uint64_t value);
int sio_mp_write_double(sio_buf *out, double value);
int sio_mp_write_str(sio_buf *out, sio_str text);
int sio_mp_write_bin(sio_buf *out, sio_bytes data);
int sio_mp_write_array(sio_buf *out, uint32_t count);
int sio_mp_write_map(sio_buf *out, uint32_t count);

/* Values of JSON text that is known to be valid: one, or several joined by commas. Placeholders
 * become the binary of `args`; NULL, or no attachments, leaves them ordinary objects. Also
 * SIO_ERR_JSON_DEPTH beyond SIO_JSON_DEPTH_CEILING. */
int sio_mp_write_json(sio_buf *out, sio_str json, const sio_args *args);

#endif
