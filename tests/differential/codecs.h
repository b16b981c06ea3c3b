/* Our side of the differential tests: a program that reads inputs from stdin and writes what our
 * codecs make of them to stdout, thousands at a time. Each input is four bytes of length (little
 * endian) and as many bytes; each answer as well. An answer is a list of fields: a letter, four
 * bytes of length, the bytes. */
#ifndef TESTS_DIFFERENTIAL_CODECS_H
#define TESTS_DIFFERENTIAL_CODECS_H

#include <sio/buffer.h>
#include <sio/types.h>

/* One answer: append its fields. */
typedef void (*codec_run)(sio_bytes in, sio_buf *out);

/* codec_packet.c: messages of Socket.IO packets, decoded and encoded again. */
void codec_packet(sio_bytes in, sio_buf *out);
void codec_msgpack(sio_bytes in, sio_buf *out);
/* codec_http1.c */
void codec_http1(sio_bytes in, sio_buf *out);
/* codec_json.c: a text; eight bytes of a double; a string. */
void codec_json(sio_bytes in, sio_buf *out);
void codec_number(sio_bytes in, sio_buf *out);
void codec_string(sio_bytes in, sio_buf *out);
/* codec_text.c */
void codec_utf8(sio_bytes in, sio_buf *out);
void codec_base64(sio_bytes in, sio_buf *out);
void codec_query(sio_bytes in, sio_buf *out);

void codec_field(sio_buf *out, char letter, const void *data, size_t len);
void codec_text(sio_buf *out, char letter, sio_str text);
void codec_u64(sio_buf *out, char letter, uint64_t value);
/* The name of an error code. */
void codec_error(sio_buf *out, char letter, int err);

/* Take `len` bytes, or a number of four, off the front of the input. */
sio_bytes codec_take(sio_bytes *in, size_t len);
uint32_t codec_take_u32(sio_bytes *in);

/* The test cannot go on. */
#define CODEC_NEED(condition)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            codec_stop(__FILE__, __LINE__, #condition);                                            \
        }                                                                                          \
    } while (0)
void codec_stop(const char *file, int line, const char *what) __attribute__((noreturn));

#endif
