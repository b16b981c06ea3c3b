#include <sio/http_coding.h>

#include "mem.h"

static bool is_valid(sio_http_encoding encoding, int level) {
    return (encoding == SIO_HTTP_GZIP || encoding == SIO_HTTP_DEFLATE) && level >= 0 && level <= 9;
}

#if SIO_HAVE_DEFLATE

#include "zlib_mem.h"

/* zlib's largest window; 16 more asks for gzip's head and trailer instead of its own. */
enum { WINDOW_BITS = 15, GZIP_BITS = WINDOW_BITS + 16, MEM_LEVEL = 8 };

/* No piece of output is larger, so that the buffer grows with what comes out. */
enum { STEP = 16 * 1024 };

struct sio_http_coder {
    sio_own_mem own;
    z_stream z;
    bool ready; /* `z` has its memory */
    int bits;
    int level;
};

int sio_http_coder_new(sio_http_coder **out, sio_http_encoding encoding, int level,
                       const sio_mem *mem) {
    if (!is_valid(encoding, level)) {
        return SIO_ERR_INVALID;
    }
    sio_http_coder *coder = sio_mem_zalloc(mem, sizeof(*coder));
    if (!coder) {
        return SIO_ERR_NOMEM;
    }
    coder->own = sio_own_mem_of(mem);
    coder->bits = encoding == SIO_HTTP_GZIP ? GZIP_BITS : WINDOW_BITS;
    coder->level = level == 0 ? Z_DEFAULT_COMPRESSION : level;
    *out = coder;
    return 0;
}

void sio_http_coder_free(sio_http_coder *coder) {
    if (!coder) {
        return;
    }
    if (coder->ready) {
        deflateEnd(&coder->z);
    }
    sio_own_mem own = coder->own;
    sio_mem_release(sio_own_mem_get(&own), coder);
}

static int make_ready(sio_http_coder *coder) {
    if (coder->ready) {
        return 0;
    }
    coder->z = sio_zlib_stream(&coder->own);
    int rc = deflateInit2(&coder->z, coder->level, Z_DEFLATED, coder->bits, MEM_LEVEL,
                          Z_DEFAULT_STRATEGY);
    if (rc != Z_OK) {
        return rc == Z_MEM_ERROR ? SIO_ERR_NOMEM : SIO_ERR_INTERNAL;
    }
    coder->ready = true;
    return 0;
}

/* Near the buffer's maximum its last byte may still be enough. */
static int make_room(sio_http_coder *coder, sio_buf *out, size_t left) {
    size_t want = left / 4 + 64;
    int rc = sio_buf_reserve(out, want < STEP ? want : STEP);
    if (rc == SIO_ERR_LIMIT) {
        rc = sio_buf_reserve(out, 1);
    }
    if (rc == 0) {
        size_t room = out->cap - out->len;
        if (out->max != 0 && room > out->max - out->len) {
            room = out->max - out->len;
        }
        coder->z.next_out = out->data + out->len;
        coder->z.avail_out = sio_zlib_chunk(room);
    }
    return rc;
}

static int run(sio_http_coder *coder, sio_buf *out, const uint8_t *data, size_t len, bool last) {
    z_stream *z = &coder->z;
    z->avail_in = 0;
    for (;;) {
        if (z->avail_in == 0 && len > 0) {
            z->next_in = data;
            z->avail_in = sio_zlib_chunk(len);
            data += z->avail_in;
            len -= z->avail_in;
        }
        int rc = make_room(coder, out, z->avail_in);
        if (rc != 0) {
            return rc;
        }
        uInt room = z->avail_out;
        int state = deflate(z, last && len == 0 ? Z_FINISH : Z_NO_FLUSH);
        out->len += room - z->avail_out;
        if (state == Z_STREAM_END) {
            return 0;
        }
        /* Z_BUF_ERROR: there was nothing to do. */
        if (state != Z_OK && state != Z_BUF_ERROR) {
            return SIO_ERR_INTERNAL;
        }
        if (!last && z->avail_in == 0 && len == 0 && z->avail_out > 0) {
            return 0;
        }
    }
}

int sio_http_coder_write(sio_http_coder *coder, sio_buf *out, const void *data, size_t len,
                         bool last) {
    int rc = make_ready(coder);
    if (rc != 0) {
        return rc;
    }
    size_t start = out->len;
    rc = run(coder, out, data, len, last);
    if (rc != 0) {
        out->len = start;
    }
    if (rc != 0 || last) {
        deflateReset(&coder->z);
    }
    return rc;
}

#else

int sio_http_coder_new(sio_http_coder **out, sio_http_encoding encoding, int level,
                       const sio_mem *mem) {
    return is_valid(encoding, level) ? SIO_ERR_UNSUPPORTED : SIO_ERR_INVALID;
}

void sio_http_coder_free(sio_http_coder *coder) {
}

int sio_http_coder_write(sio_http_coder *coder, sio_buf *out, const void *data, size_t len,
                         bool last) {
    return SIO_ERR_UNSUPPORTED;
}

#endif
