/* The array of an EVENT or ACK, shared by both ways of writing packets. */
#ifndef SIO_SRC_SIO_ENCODE_H
#define SIO_SRC_SIO_ENCODE_H

#include <sio/packet.h>

/* What stands in the array, in this order. */
typedef struct sio_encode_array {
    bool has_name;
    bool name_is_number;
    sio_str name;
    const sio_args *args; /* may be NULL */
    sio_str offset;       /* empty for none */
} sio_encode_array;

/* Check what sio_packet_encode was given and fill `array`. Errors as there. */
int sio_encode_check(const sio_packet_head *head, sio_str name, const sio_args *args,
                     sio_str offset, sio_encode_array *array);

/* Append the array as JSON text. On failure `out` may be longer than before. */
int sio_encode_array_add(sio_buf *out, const sio_encode_array *array);

#endif
