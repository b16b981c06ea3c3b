#include "net/random.h"

#include "loop_internal.h"

#include <errno.h>
#include <string.h>

static int refill(sio_loop *loop) {
    size_t got = 0;
    while (got < LOOP_RANDOM_BATCH) {
        ssize_t n = loop->random_source(loop->random + got, LOOP_RANDOM_BATCH - got, 0);
        if (n > 0) {
            got += (size_t)n;
        } else if (n == 0 || errno != EINTR) {
            return SIO_ERR_RANDOM;
        }
    }
    loop->random_left = LOOP_RANDOM_BATCH;
    return 0;
}

int sio_random_fill(sio_loop *loop, void *out, size_t len) {
    uint8_t *to = out;
    size_t done = 0;
    while (done < len) {
        if (loop->random_left == 0 && refill(loop) != 0) {
            memset(out, 0, len);
            return SIO_ERR_RANDOM;
        }
        size_t n = len - done < loop->random_left ? len - done : loop->random_left;
        uint8_t *from = loop->random + LOOP_RANDOM_BATCH - loop->random_left;
        memcpy(to + done, from, n);
        memset(from, 0, n); /* what was handed out is kept nowhere else */
        loop->random_left -= n;
        done += n;
    }
    return 0;
}

int sio_random_sid(sio_loop *loop, char out[SIO_SID_LEN]) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint8_t raw[15];
    int rc = sio_random_fill(loop, raw, sizeof raw);
    if (rc != 0) {
        return rc;
    }
    for (size_t i = 0; i < sizeof raw / 3; i++) {
        uint32_t bits = (uint32_t)raw[3 * i] << 16 | (uint32_t)raw[3 * i + 1] << 8 | raw[3 * i + 2];
        out[4 * i] = digits[bits >> 18];
        out[4 * i + 1] = digits[bits >> 12 & 63];
        out[4 * i + 2] = digits[bits >> 6 & 63];
        out[4 * i + 3] = digits[bits & 63];
    }
    return 0;
}
