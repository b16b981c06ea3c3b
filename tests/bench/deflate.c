#include "deflate.h"

#if SIO_HAVE_DEFLATE

#define ZLIB_CONST
#include <string.h>
#include <zlib.h>

/* What a sender strips and a receiver puts back (RFC 7692 §7.2.1). */
static const char tail[4] = {0x00, 0x00, (char)0xFF, (char)0xFF};

/* Fast: this is not what is measured. */
enum { LEVEL = 1, STEP = 16384 };

static void room(z_stream *z, bytes *out) {
    bytes_reserve(out, STEP);
    z->next_out = (Bytef *)out->data + out->len;
    z->avail_out = STEP;
}

void deflate_message(bytes *out, const char *data, size_t len) {
    static z_stream z;
    size_t before = out->len;
    if (z.state ? deflateReset(&z) != Z_OK
                : deflateInit2(&z, LEVEL, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        die("zlib cannot begin");
    }
    z.next_in = (const Bytef *)data;
    z.avail_in = (uInt)len;
    do {
        room(&z, out);
        deflate(&z, Z_SYNC_FLUSH);
        out->len += STEP - z.avail_out;
    } while (z.avail_out == 0);
    if (out->len - before < sizeof(tail) ||
        memcmp(out->data + out->len - sizeof(tail), tail, sizeof(tail)) != 0) {
        die("zlib does not end a message as it should");
    }
    out->len -= sizeof(tail);
}

static void inflate_piece(z_stream *z, bytes *out, const char *data, size_t len) {
    z->next_in = (const Bytef *)data;
    z->avail_in = (uInt)len;
    do {
        room(z, out);
        int rc = inflate(z, Z_SYNC_FLUSH);
        if (rc != Z_OK && rc != Z_BUF_ERROR) {
            die("a compressed message is damaged: %s", z->msg ? z->msg : "no reason");
        }
        out->len += STEP - z->avail_out;
    } while (z->avail_out == 0);
}

void inflate_message(bytes *out, const char *data, size_t len) {
    static z_stream z;
    if (z.state ? inflateReset(&z) != Z_OK : inflateInit2(&z, -15) != Z_OK) {
        die("zlib cannot begin");
    }
    inflate_piece(&z, out, data, len);
    inflate_piece(&z, out, tail, sizeof(tail));
}

#else

void deflate_message(bytes *out, const char *data, size_t len) {
    (void)out, (void)data, (void)len;
    die("built without zlib");
}

void inflate_message(bytes *out, const char *data, size_t len) {
    (void)out, (void)data, (void)len;
    die("built without zlib");
}

#endif
