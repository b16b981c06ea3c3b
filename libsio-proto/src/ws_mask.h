/* Masking (RFC 6455 §5.3). The exported sio_ws_mask is for payloads of any size; the inline one is
 * for short ones, where a call and the set-up of wide registers would cost more than the work. */
#ifndef SIO_SRC_WS_MASK_H
#define SIO_SRC_WS_MASK_H

#include <sio/ws.h>

#include <string.h>

/* Up to here the inline one is used. */
enum { SIO_WS_MASK_SHORT = 64 };

/* From the start of a payload. The key is laid out in memory order, so byte order does not matter;
 * after whole groups of four the key begins anew. */
static inline void sio_ws_mask_short(uint8_t *data, size_t len, const uint8_t key[4]) {
    uint8_t twice[8];
    memcpy(twice, key, 4);
    memcpy(twice + 4, key, 4);
    uint64_t wide;
    memcpy(&wide, twice, 8);
    for (; len >= 8; len -= 8, data += 8) {
        uint64_t block;
        memcpy(&block, data, 8);
        block ^= wide;
        memcpy(data, &block, 8);
    }
    for (size_t i = 0; i < len; i++) {
        data[i] ^= twice[i];
    }
}

/* A whole payload from its start. */
static inline void sio_ws_mask_payload(uint8_t *data, size_t len, const uint8_t key[4]) {
    if (len <= SIO_WS_MASK_SHORT) {
        sio_ws_mask_short(data, len, key);
    } else {
        sio_ws_mask(data, len, key, 0);
    }
}

#endif
