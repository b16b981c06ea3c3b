/* Frame headers (RFC 6455 §5.2). */
#ifndef SIO_SRC_WS_FRAME_H
#define SIO_SRC_WS_FRAME_H

#include <sio/ws.h>

enum {
    SIO_WS_FIN = 0x80,
    SIO_WS_RSV1 = 0x40,
    SIO_WS_RSV_OTHERS = 0x30,
    SIO_WS_OPCODE_BITS = 0x0F,
    SIO_WS_MASKED = 0x80,
    SIO_WS_LENGTH_BITS = 0x7F,
};

typedef struct sio_ws_header {
    uint64_t len;   /* of the payload */
    uint8_t key[4]; /* zero when not masked */
    uint8_t first;  /* FIN, RSV and opcode */
    bool masked;
} sio_ws_header;

/* Bit 3 tells control frames from data frames. */
static inline bool sio_ws_is_control(uint8_t first) {
    return (first & 0x08) != 0;
}

static inline uint8_t sio_ws_opcode_of(uint8_t first) {
    return first & SIO_WS_OPCODE_BITS;
}

/* Read a header from the bytes there are. Returns its size, 0 when it is not complete, or
 * SIO_ERR_WS_LENGTH as soon as the length is known not to be in its shortest form or to be 2^63 or
 * above. What the first two bytes mean is checked by the caller. */
int sio_ws_header_read(sio_ws_header *out, const uint8_t *data, size_t len);

#endif
