/* Compression. The first byte chooses window and takeover; each line after it is a message, which
 * is compressed and must come back. All of it together is also taken for a compressed payload: the
 * output keeps to its limit, a buffer that starts elsewhere gives the same, and what came out can
 * be compressed again. */
#include "require.h"

#include <sio/ws.h>

#include <string.h>

enum { LIMIT = 100000 };

typedef struct pair {
    sio_ws_deflater *deflater;
    sio_ws_inflater *inflater;
} pair;

static bool pair_new(pair *p, uint8_t flags) {
    int bits = 8 + (flags & 7);
    bool takeover = flags & 8;
    int level = 1 + (flags >> 4) % 9;
    if (sio_ws_deflater_new(&p->deflater, bits, takeover, level, 1 + bits % 9, NULL) != 0) {
        return false;
    }
    REQUIRE(sio_ws_inflater_new(&p->inflater, bits, takeover, NULL) == 0);
    return true;
}

static void pair_free(pair *p) {
    sio_ws_deflater_free(p->deflater);
    sio_ws_inflater_free(p->inflater);
}

static void round_trip(pair *p, const uint8_t *data, size_t len) {
    sio_buf packed = {0};
    sio_buf plain = {0};
    REQUIRE(sio_ws_deflate(p->deflater, &packed, data, len) == 0);
    REQUIRE(packed.len > 0);
    REQUIRE(sio_ws_inflate(p->inflater, &plain, packed.data, packed.len, len) == 0);
    REQUIRE(plain.len == len && (len == 0 || memcmp(plain.data, data, len) == 0));
    sio_buf_free(&packed);
    sio_buf_free(&plain);
}

static void hostile(const uint8_t *data, size_t size, uint8_t flags) {
    pair p;
    if (!pair_new(&p, flags)) {
        return;
    }
    sio_buf out = {0};
    sio_buf again = {0};
    REQUIRE(sio_buf_add_text(&again, "before") == 0);
    int rc = sio_ws_inflate(p.inflater, &out, data, size, LIMIT);
    REQUIRE(rc == 0 || rc == SIO_ERR_WS_INFLATE || rc == SIO_ERR_WS_TOO_LARGE);
    REQUIRE(rc == 0 ? out.len <= LIMIT : out.len == 0);
    pair fresh;
    REQUIRE(pair_new(&fresh, flags));
    REQUIRE(sio_ws_inflate(fresh.inflater, &again, data, size, LIMIT) == rc);
    REQUIRE(again.len == out.len + 6);
    REQUIRE(out.len == 0 || memcmp(again.data + 6, out.data, out.len) == 0);
    if (rc == 0) {
        /* The limit is exact. */
        again.len = 0;
        sio_ws_inflater *exact;
        REQUIRE(sio_ws_inflater_new(&exact, 15, false, NULL) == 0);
        if (out.len > 0) {
            REQUIRE(sio_ws_inflate(exact, &again, data, size, out.len - 1) == SIO_ERR_WS_TOO_LARGE);
        }
        REQUIRE(sio_ws_inflate(exact, &again, data, size, out.len) == 0);
        sio_ws_inflater_free(exact);
        pair other;
        REQUIRE(pair_new(&other, flags));
        round_trip(&other, out.data, out.len);
        pair_free(&other);
    }
    sio_buf_free(&out);
    sio_buf_free(&again);
    pair_free(&fresh);
    pair_free(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    pair p;
    if (size < 1 || !pair_new(&p, data[0])) {
        return 0;
    }
    const uint8_t *at = data + 1;
    size_t left = size - 1;
    while (left > 0) {
        const uint8_t *end = memchr(at, '\n', left);
        size_t len = end ? (size_t)(end - at) + 1 : left;
        round_trip(&p, at, len);
        at += len;
        left -= len;
    }
    pair_free(&p);
    hostile(data + 1, size - 1, data[0]);
    return 0;
}
