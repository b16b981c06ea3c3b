/* The first line is an Accept-Encoding: whatever it says, the choice is one of what is offered. The
 * rest is a body in pieces, one for each line, which must come back from what was compressed. */
#include "require.h"

#include <sio/http_coding.h>

#include <stdlib.h>
#include <string.h>

#if SIO_HAVE_DEFLATE
#include <zlib.h>
#endif

#if SIO_HAVE_DEFLATE

static void unpack(const sio_buf *packed, const uint8_t *data, size_t len) {
    uint8_t *plain = malloc(len + 1);
    z_stream z = {.next_in = packed->data,
                  .avail_in = (uInt)packed->len,
                  .next_out = plain,
                  .avail_out = (uInt)len + 1};
    REQUIRE(plain && inflateInit2(&z, 15 + 32) == Z_OK);
    REQUIRE(inflate(&z, Z_FINISH) == Z_STREAM_END && z.total_out == len && z.avail_in == 0);
    REQUIRE(len == 0 || memcmp(plain, data, len) == 0);
    inflateEnd(&z);
    free(plain);
}

static void compress_lines(sio_http_encoding encoding, const uint8_t *data, size_t size) {
    sio_http_coder *coder;
    sio_buf packed = {0};
    const uint8_t *at = data;
    size_t left = size;
    REQUIRE(sio_http_coder_new(&coder, encoding, 0, NULL) == 0);
    while (left > 0) {
        const uint8_t *end = memchr(at, '\n', left);
        size_t len = end ? (size_t)(end - at) + 1 : left;
        REQUIRE(sio_http_coder_write(coder, &packed, at, len, false) == 0);
        at += len;
        left -= len;
    }
    REQUIRE(sio_http_coder_write(coder, &packed, NULL, 0, true) == 0);
    unpack(&packed, data, size);
    sio_buf_free(&packed);
    sio_http_coder_free(coder);
}

#else

static void compress_lines(sio_http_encoding encoding, const uint8_t *data, size_t size) {
    (void)encoding, (void)data, (void)size;
}

#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
    size_t len = end ? (size_t)(end - data) : size;
    sio_str header = {(const char *)data, len};
    for (unsigned offered = 0; offered < 16; offered++) {
        sio_http_encoding chosen = sio_http_choose_encoding(header, offered);
        REQUIRE(chosen == SIO_HTTP_IDENTITY || (offered & SIO_HTTP_OFFER(chosen)) != 0);
    }
    sio_http_encoding chosen = sio_http_accept_encoding(header);
    REQUIRE(chosen != SIO_HTTP_BROTLI);
    if (chosen != SIO_HTTP_IDENTITY && end) {
        compress_lines(chosen, end + 1, size - len - 1);
    }
    return 0;
}
