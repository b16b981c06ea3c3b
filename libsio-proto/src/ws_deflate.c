#include "ws_deflate.h"

#include "mem.h"

#include <limits.h>
#include <string.h>

static bool bits_valid(int bits) {
    return bits >= 8 && bits <= 15;
}

#if SIO_HAVE_DEFLATE

#include "zlib_mem.h"

/* What a sender strips from the end of each message and a receiver puts back (RFC 7692 §7.2.1). */
static const uint8_t sync_tail[4] = {0x00, 0x00, 0xFF, 0xFF};

/* ---- Compression ---- */

struct sio_ws_deflater {
    sio_own_mem own;
    z_stream z;
    bool ready; /* `z` has its memory */
    bool context_takeover;
    int window_bits;
    int level;
    int mem_level;
};

/* zlib cannot make raw deflate for a window of 2^8. With 2^9 it refers back by 2^9 - 262 = 250
 * bytes at most (its MAX_DIST), which a receiver with 2^8 can follow. */
enum { ZLIB_LEAST_BITS = 9 };

int sio_ws_deflater_new(sio_ws_deflater **out, int window_bits, bool context_takeover, int level,
                        int mem_level, const sio_mem *mem) {
    if (!bits_valid(window_bits) || level < 0 || level > 9 || mem_level < 0 || mem_level > 9) {
        return SIO_ERR_INVALID;
    }
    sio_ws_deflater *d = sio_mem_zalloc(mem, sizeof(*d));
    if (!d) {
        return SIO_ERR_NOMEM;
    }
    d->own = sio_own_mem_of(mem);
    d->context_takeover = context_takeover;
    d->window_bits = window_bits < ZLIB_LEAST_BITS ? ZLIB_LEAST_BITS : window_bits;
    d->level = level == 0 ? Z_DEFAULT_COMPRESSION : level;
    d->mem_level = mem_level == 0 ? 8 : mem_level;
    *out = d;
    return 0;
}

void sio_ws_deflater_free(sio_ws_deflater *deflater) {
    if (!deflater) {
        return;
    }
    if (deflater->ready) {
        deflateEnd(&deflater->z);
    }
    sio_own_mem own = deflater->own;
    sio_mem_release(sio_own_mem_get(&own), deflater);
}

static int deflater_ready(sio_ws_deflater *d) {
    if (d->ready) {
        return 0;
    }
    d->z = sio_zlib_stream(&d->own);
    int rc = deflateInit2(&d->z, d->level, Z_DEFLATED, -d->window_bits, d->mem_level,
                          Z_DEFAULT_STRATEGY);
    if (rc != Z_OK) {
        return rc == Z_MEM_ERROR ? SIO_ERR_NOMEM : SIO_ERR_INTERNAL;
    }
    d->ready = true;
    return 0;
}

/* Room for the next piece of output. zlib asks for more than six bytes, so that a flush marker is
 * never cut in two. */
static int deflate_room(sio_ws_deflater *d, sio_buf *out, size_t left) {
    size_t want = left / 2 + 64;
    int rc = sio_buf_reserve(out, want < SIO_WS_INFLATE_STEP ? want : SIO_WS_INFLATE_STEP);
    if (rc == SIO_ERR_LIMIT) {
        rc = sio_buf_reserve(out, 8);
    }
    if (rc != 0) {
        return rc;
    }
    d->z.next_out = out->data + out->len;
    d->z.avail_out = sio_zlib_chunk(out->cap - out->len);
    return 0;
}

static int deflate_all(sio_ws_deflater *d, sio_buf *out, const uint8_t *data, size_t len) {
    d->z.avail_in = 0;
    for (;;) {
        if (d->z.avail_in == 0 && len > 0) {
            d->z.next_in = data;
            d->z.avail_in = sio_zlib_chunk(len);
            data += d->z.avail_in;
            len -= d->z.avail_in;
        }
        int rc = deflate_room(d, out, d->z.avail_in);
        if (rc != 0) {
            return rc;
        }
        uInt room = d->z.avail_out;
        int z = deflate(&d->z, len == 0 ? Z_SYNC_FLUSH : Z_NO_FLUSH);
        /* Z_BUF_ERROR: the flush had been completed exactly at the end of the last room. */
        if (z != Z_OK && z != Z_BUF_ERROR) {
            return SIO_ERR_INTERNAL;
        }
        out->len += room - d->z.avail_out;
        if (d->z.avail_out > 0 && d->z.avail_in == 0 && len == 0) {
            return 0;
        }
    }
}

/* Forget everything, which the next message may always do. */
static void deflater_forget(sio_ws_deflater *d) {
    if (d->ready) {
        deflateReset(&d->z);
    }
}

int sio_ws_deflate(sio_ws_deflater *deflater, sio_buf *out, const void *data, size_t len) {
    /* RFC 7692 §7.2.3.6. zlib would put out nothing for a second flush without input. */
    if (len == 0) {
        return sio_buf_add_byte(out, 0x00);
    }
    if (len > PTRDIFF_MAX) {
        return SIO_ERR_LIMIT;
    }
    int rc = deflater_ready(deflater);
    if (rc != 0) {
        return rc;
    }
    size_t start = out->len;
    rc = deflate_all(deflater, out, data, len);
    size_t made = out->len - start;
    if (rc == 0 && (made < 4 || memcmp(out->data + out->len - 4, sync_tail, 4) != 0)) {
        rc = SIO_ERR_INTERNAL;
    }
    if (rc != 0 || !deflater->context_takeover) {
        deflater_forget(deflater);
    }
    out->len = rc != 0 ? start : out->len - 4;
    return rc;
}

/* ---- Decompression ---- */

struct sio_ws_inflater {
    sio_own_mem own;
    z_stream z;
    bool ready; /* `z` has its memory */
    bool context_takeover;
    bool tail_given;
    bool empty; /* some peers send an empty message as an empty payload */
    int window_bits;
    const uint8_t *data; /* payload that zlib has not been given yet */
    size_t left;
    uint64_t max_left; /* bytes that may still come out */
};

int sio_ws_inflater_new(sio_ws_inflater **out, int window_bits, bool context_takeover,
                        const sio_mem *mem) {
    if (!bits_valid(window_bits)) {
        return SIO_ERR_INVALID;
    }
    sio_ws_inflater *inflater = sio_mem_zalloc(mem, sizeof(*inflater));
    if (!inflater) {
        return SIO_ERR_NOMEM;
    }
    inflater->own = sio_own_mem_of(mem);
    inflater->context_takeover = context_takeover;
    /* Peers that asked their zlib for 2^8 got 2^9. */
    inflater->window_bits = window_bits < ZLIB_LEAST_BITS ? ZLIB_LEAST_BITS : window_bits;
    *out = inflater;
    return 0;
}

void sio_ws_inflater_free(sio_ws_inflater *inflater) {
    if (!inflater) {
        return;
    }
    if (inflater->ready) {
        inflateEnd(&inflater->z);
    }
    sio_own_mem own = inflater->own;
    sio_mem_release(sio_own_mem_get(&own), inflater);
}

static int inflater_ready(sio_ws_inflater *inflater) {
    if (inflater->ready) {
        if (!inflater->context_takeover) {
            inflateReset(&inflater->z);
        }
        return 0;
    }
    inflater->z = sio_zlib_stream(&inflater->own);
    int rc = inflateInit2(&inflater->z, -inflater->window_bits);
    if (rc != Z_OK) {
        return rc == Z_MEM_ERROR ? SIO_ERR_NOMEM : SIO_ERR_INTERNAL;
    }
    inflater->ready = true;
    return 0;
}

int sio_ws_inflate_begin(sio_ws_inflater *inflater, const uint8_t *data, size_t len,
                         uint64_t max_len) {
    int rc = inflater_ready(inflater);
    if (rc != 0) {
        return rc;
    }
    inflater->z.avail_in = 0;
    inflater->data = data;
    inflater->left = len;
    inflater->max_left = max_len;
    inflater->tail_given = false;
    inflater->empty = len == 0;
    return 0;
}

/* Give zlib the next input: payload, then the tail. Returns false when there is none. */
static bool more_input(sio_ws_inflater *inflater) {
    if (inflater->left > 0) {
        inflater->z.next_in = inflater->data;
        inflater->z.avail_in = sio_zlib_chunk(inflater->left);
        inflater->data += inflater->z.avail_in;
        inflater->left -= inflater->z.avail_in;
        return true;
    }
    if (!inflater->tail_given) {
        inflater->z.next_in = sync_tail;
        inflater->z.avail_in = sizeof(sync_tail);
        inflater->tail_given = true;
        return true;
    }
    return false;
}

/* A message ends behind the empty block that the tail completes. `data_type` tells that zlib stands
 * between two blocks (128) with no bits left over (0-63) of one that was not marked last (64). */
static int end_of_message(const sio_ws_inflater *inflater) {
    return (inflater->z.data_type & 0xFF) == 128 ? 0 : SIO_ERR_WS_INFLATE;
}

/* A block marked last ends the deflate stream, not the message (RFC 7692 §7.2.3.4): another stream
 * may follow, over the same window. Returns 1 to go on, 0 when the payload ended there. */
static int next_stream(sio_ws_inflater *inflater) {
    if (inflater->tail_given) {
        return SIO_ERR_WS_INFLATE;
    }
    if (inflateResetKeep(&inflater->z) != Z_OK) {
        return SIO_ERR_INTERNAL;
    }
    if (inflater->z.avail_in == 0 && inflater->left == 0) {
        inflater->tail_given = true;
        return 0;
    }
    return 1;
}

/* Run zlib until the room is full (1) or the message ends (0). */
static int inflate_some(sio_ws_inflater *inflater) {
    z_stream *z = &inflater->z;
    for (;;) {
        int rc = inflate(z, Z_SYNC_FLUSH);
        if (rc == Z_MEM_ERROR) {
            return SIO_ERR_NOMEM;
        }
        if (rc == Z_STREAM_END) {
            rc = next_stream(inflater);
            if (rc <= 0) {
                return rc;
            }
            continue;
        }
        if (rc != Z_OK && rc != Z_BUF_ERROR) {
            return SIO_ERR_WS_INFLATE;
        }
        if (z->avail_out == 0) {
            return 1;
        }
        if (z->avail_in == 0 && !more_input(inflater)) {
            return end_of_message(inflater);
        }
    }
}

/* The output is as long as it may be: is that all? */
static int inflate_probe(sio_ws_inflater *inflater) {
    uint8_t scratch;
    inflater->z.next_out = &scratch;
    inflater->z.avail_out = 1;
    int rc = inflate_some(inflater);
    if (rc < 0) {
        return rc;
    }
    return inflater->z.avail_out == 0 ? SIO_ERR_WS_TOO_LARGE : 0;
}

int sio_ws_inflate_step(sio_ws_inflater *inflater, sio_buf *out) {
    z_stream *z = &inflater->z;
    if (inflater->empty) {
        return 0;
    }
    if (inflater->max_left == 0) {
        return inflate_probe(inflater);
    }
    /* Short messages are the common case: a first guess from the input saves most of a step. */
    size_t want = SIO_WS_INFLATE_STEP;
    size_t input = inflater->left + z->avail_in;
    if (out->len == 0 && input < SIO_WS_INFLATE_STEP / 4) {
        want = input * 4 < 64 ? 64 : input * 4;
    }
    want = want < inflater->max_left ? want : (size_t)inflater->max_left;
    int rc = sio_buf_reserve(out, want);
    if (rc != 0) {
        return rc;
    }
    z->next_out = out->data + out->len;
    z->avail_out = (uInt)want;
    rc = inflate_some(inflater);
    size_t made = want - z->avail_out;
    out->len += made;
    inflater->max_left -= made;
    return rc;
}

int sio_ws_inflate(sio_ws_inflater *inflater, sio_buf *out, const void *data, size_t len,
                   uint64_t max_len) {
    size_t start = out->len;
    int rc = sio_ws_inflate_begin(inflater, data, len, max_len);
    if (rc == 0) {
        do {
            rc = sio_ws_inflate_step(inflater, out);
        } while (rc > 0);
    }
    if (rc < 0) {
        out->len = start;
    }
    return rc;
}

#else

int sio_ws_deflater_new(sio_ws_deflater **out, int window_bits, bool context_takeover, int level,
                        int mem_level, const sio_mem *mem) {
    return bits_valid(window_bits) ? SIO_ERR_UNSUPPORTED : SIO_ERR_INVALID;
}

void sio_ws_deflater_free(sio_ws_deflater *deflater) {
}

int sio_ws_deflate(sio_ws_deflater *deflater, sio_buf *out, const void *data, size_t len) {
    return SIO_ERR_UNSUPPORTED;
}

int sio_ws_inflater_new(sio_ws_inflater **out, int window_bits, bool context_takeover,
                        const sio_mem *mem) {
    return bits_valid(window_bits) ? SIO_ERR_UNSUPPORTED : SIO_ERR_INVALID;
}

void sio_ws_inflater_free(sio_ws_inflater *inflater) {
}

int sio_ws_inflate_begin(sio_ws_inflater *inflater, const uint8_t *data, size_t len,
                         uint64_t max_len) {
    return SIO_ERR_UNSUPPORTED;
}

int sio_ws_inflate_step(sio_ws_inflater *inflater, sio_buf *out) {
    return SIO_ERR_UNSUPPORTED;
}

int sio_ws_inflate(sio_ws_inflater *inflater, sio_buf *out, const void *data, size_t len,
                   uint64_t max_len) {
    return SIO_ERR_UNSUPPORTED;
}

#endif
