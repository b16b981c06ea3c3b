#include "base64.h"
#include "codecs.h"
#include "utf8.h"

#include <sio/url.h>

#include <string.h>

/* w: valid as a whole, or the same in pieces that end after each byte, or after each third. */
static bool fed(sio_bytes in, size_t piece) {
    uint32_t state = 0;
    while (in.len > 0) {
        sio_bytes front = codec_take(&in, in.len < piece ? in.len : piece);
        if (!sio_utf8_feed(&state, front.ptr, front.len)) {
            return false;
        }
    }
    return sio_utf8_done(state);
}

void codec_utf8(sio_bytes in, sio_buf *out) {
    codec_u64(out, 'w', sio_utf8_valid(in.ptr, in.len) ? 1 : 0);
    codec_u64(out, 'w', fed(in, 1) ? 1 : 0);
    codec_u64(out, 'w', fed(in, 3) ? 1 : 0);
}

/* d: the input decoded, or u; e: the input encoded. */
void codec_base64(sio_bytes in, sio_buf *out) {
    sio_buf text = {0};
    int rc = sio_base64_add_decoded(&text, (const char *)in.ptr, in.len);
    if (rc == 0) {
        codec_field(out, 'd', text.data, text.len);
    } else {
        codec_error(out, 'u', rc);
    }
    text.len = 0;
    CODEC_NEED(sio_base64_add(&text, in.ptr, in.len) == 0);
    codec_field(out, 'e', text.data, text.len);
    sio_buf_free(&text);
}

static void add_decoded(sio_buf *out, char letter, sio_str raw, sio_query_rules rules) {
    sio_buf text = {0};
    CODEC_NEED(sio_query_decode(&text, raw, rules) == 0);
    codec_field(out, letter, text.data, text.len);
    sio_str decoded = {(const char *)text.data, text.len};
    bool repaired = text.len > 0 && memmem(text.data, text.len, "\xef\xbf\xbd", 3) != NULL;
    CODEC_NEED(repaired || sio_query_equals(raw, rules, decoded));
    sio_buf_free(&text);
}

/* n, v: names and values of a form; p, q: the same where "+" is itself; f: the value that counts
 * for the first name; e: the input encoded. */
void codec_query(sio_bytes in, sio_buf *out) {
    sio_str whole = {(const char *)in.ptr, in.len};
    sio_str rest = whole;
    sio_str name;
    sio_str value;
    sio_buf first = {0};
    bool any = false;
    while (sio_query_next(&rest, &name, &value)) {
        add_decoded(out, 'n', name, SIO_QUERY_FORM);
        add_decoded(out, 'v', value, SIO_QUERY_FORM);
        add_decoded(out, 'p', name, SIO_QUERY_PERCENT);
        add_decoded(out, 'q', value, SIO_QUERY_PERCENT);
        if (!any) {
            CODEC_NEED(sio_query_decode(&first, name, SIO_QUERY_FORM) == 0);
            any = true;
        }
    }
    sio_str key = {(const char *)first.data, first.len};
    if (any && sio_query_find(whole, SIO_QUERY_FORM, key, &value)) {
        add_decoded(out, 'f', value, SIO_QUERY_FORM);
    }
    first.len = 0;
    CODEC_NEED(sio_query_encode(&first, whole) == 0);
    codec_field(out, 'e', first.data, first.len);
    sio_buf_free(&first);
}
