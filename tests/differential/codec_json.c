#include "codecs.h"

#include <sio/args.h>
#include <sio/json.h>

#include <cjson/cJSON.h>
#include <string.h>

/* t: what the tree prints as, or u: why there is none. */
static void add_tree(sio_buf *out, sio_str text) {
    cJSON *tree = NULL;
    sio_buf printed = {0};
    int rc = sio_json_parse(&tree, text.ptr, text.len, 0);
    if (rc != 0) {
        codec_error(out, 'u', rc);
        return;
    }
    CODEC_NEED(sio_json_print(&printed, tree) == 0);
    codec_field(out, 't', printed.data, printed.len);
    sio_buf_free(&printed);
    cJSON_Delete(tree);
}

/* A number as an integer (i), whether that is exact (x), as a double (d) and printed anew (n). */
static void add_number(sio_buf *out, const sio_args *args) {
    int64_t integer = sio_args_int(args, 0);
    uint64_t size = integer < 0 ? 0 - (uint64_t)integer : (uint64_t)integer;
    double value = sio_args_double(args, 0);
    sio_buf text = {0};
    if (integer < 0) {
        CODEC_NEED(sio_buf_add_byte(&text, '-') == 0);
    }
    CODEC_NEED(sio_buf_add_u64(&text, size) == 0);
    codec_field(out, 'i', text.data, text.len);
    codec_u64(out, 'x', sio_args_is_int(args, 0) ? 1 : 0);
    codec_field(out, 'd', &value, sizeof(value));
    text.len = 0;
    CODEC_NEED(sio_json_add_double(&text, value) == 0);
    codec_field(out, 'n', text.data, text.len);
    sio_buf_free(&text);
}

/* What the getters say of the same text as an argument. */
static void add_argument(sio_buf *out, sio_args *args, sio_str text) {
    sio_buf array = {0};
    sio_args_limits limits = SIO_ARGS_LIMITS_INIT;
    limits.max_depth = SIO_JSON_MAX_DEPTH + 1;
    CODEC_NEED(sio_buf_add_byte(&array, '[') == 0);
    CODEC_NEED(sio_buf_add(&array, text.ptr, text.len) == 0);
    CODEC_NEED(sio_buf_add_byte(&array, ']') == 0);
    CODEC_NEED(sio_args_parse(args, (const char *)array.data, array.len, 0, 0, &limits) == 0);
    CODEC_NEED(sio_args_count(args) == 1);
    codec_u64(out, 'k', (uint64_t)sio_args_kind(args, 0));
    codec_text(out, 'r', sio_args_raw(args, 0));
    codec_text(out, 's', sio_args_str(args, 0));
    const char *string = sio_args_string(args, 0);
    codec_field(out, 'z', string, strlen(string));
    codec_u64(out, 'b', sio_args_bool(args, 0) ? 1 : 0);
    if (sio_args_kind(args, 0) == SIO_KIND_NUMBER) {
        add_number(out, args);
    }
    sio_buf_free(&array);
}

void codec_json(sio_bytes in, sio_buf *out) {
    sio_str text = {(const char *)in.ptr, in.len};
    int rc = sio_json_validate(text.ptr, text.len, 0);
    codec_error(out, 'v', rc);
    add_tree(out, text);
    if (rc == 0) {
        sio_args *args;
        CODEC_NEED(sio_args_new(&args, NULL) == 0);
        add_argument(out, args, text);
        sio_args_unref(args);
    }
}

void codec_number(sio_bytes in, sio_buf *out) {
    double value;
    sio_buf text = {0};
    if (in.len != sizeof(value)) {
        return;
    }
    memcpy(&value, in.ptr, sizeof(value));
    CODEC_NEED(sio_json_add_double(&text, value) == 0);
    codec_field(out, 'n', text.data, text.len);
    sio_buf_free(&text);
}

void codec_string(sio_bytes in, sio_buf *out) {
    sio_buf text = {0};
    int rc = sio_json_add_string(&text, (const char *)in.ptr, in.len);
    codec_error(out, 'v', rc);
    codec_field(out, 't', text.data, text.len);
    sio_buf_free(&text);
}
