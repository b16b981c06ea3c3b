/* Argument lists. The first byte of the input gives the flags and the number of attachments, the
 * rest is the JSON text. What was received must read back the same after it was written, copied,
 * and passed through a list that is built. */
#include <sio/args.h>

#include <cjson/cJSON.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds) {
        abort();
    }
}

static void use_getters(const sio_args *args) {
    sio_str name = sio_args_name(args);
    must(name.ptr != NULL);
    size_t count = sio_args_count(args);
    for (size_t i = 0; i <= count; i++) {
        sio_kind kind = sio_args_kind(args, i);
        must((kind == SIO_KIND_NONE) == (i == count));
        sio_str text = sio_args_str(args, i);
        const char *string = sio_args_string(args, i);
        must(strlen(string) == 0 || strlen(string) == text.len);
        must(kind == SIO_KIND_NUMBER || sio_args_int(args, i) == 0);
        double number = sio_args_double(args, i);
        must(!sio_args_is_int(args, i) || (double)sio_args_int(args, i) == number);
        (void)sio_args_bool(args, i);
        must(kind == SIO_KIND_BINARY || sio_args_binary(args, i).len == 0);
        sio_str raw = sio_args_raw(args, i);
        must(i == count || sio_json_validate(raw.ptr, raw.len, SIO_JSON_DEPTH_CEILING) == 0);
        const cJSON *tree = NULL;
        int rc = sio_args_json(&tree, args, i);
        must(i == count ? rc == SIO_ERR_NOT_FOUND : rc == 0 || rc == SIO_ERR_JSON_NUL);
        must(rc != 0 || sio_json_is_binary(tree) == (kind == SIO_KIND_BINARY));
    }
}

static void write_list(const sio_args *args, sio_buf *out) {
    must(sio_buf_add_byte(out, '[') == 0);
    must(sio_args_write(args, out) == 0);
    must(sio_buf_add_byte(out, ']') == 0);
}

/* Written and parsed again it is written the same. */
static void check_written(const sio_args *args) {
    sio_buf first = {0};
    sio_buf second = {0};
    write_list(args, &first);
    sio_args *again;
    must(sio_args_new(&again, NULL) == 0);
    uint32_t attachments = sio_args_attachment_count(args);
    must(sio_args_parse(again, (const char *)first.data, first.len,
                        attachments > 0 ? SIO_ARGS_BINARY : 0, attachments, NULL) == 0);
    must(sio_args_count(again) == sio_args_count(args));
    write_list(again, &second);
    must(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
    sio_args_unref(again);
    sio_buf_free(&first);
    sio_buf_free(&second);
}

static void check_built(const sio_args *args) {
    sio_args *built;
    must(sio_args_new(&built, NULL) == 0);
    must(sio_args_add_all(built, args) == 0);
    must(sio_args_attachment_count(built) <= sio_args_attachment_count(args));
    for (size_t i = 0; i < sio_args_count(args); i++) {
        must(sio_args_kind(built, i) == sio_args_kind(args, i));
        sio_bytes a = sio_args_binary(built, i);
        sio_bytes b = sio_args_binary(args, i);
        must(a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0));
    }
    check_written(built);
    use_getters(built);
    sio_args_reset(built);
    for (size_t i = 0; i < sio_args_count(args); i++) {
        const cJSON *tree;
        if (sio_args_json(&tree, args, i) == 0) {
            must(sio_args_add_json(built, tree) == 0);
        }
    }
    check_written(built);
    sio_args_unref(built);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t bytes[] = "attachment";
    if (size == 0) {
        return 0;
    }
    unsigned flags = data[0] & (SIO_ARGS_EVENT | SIO_ARGS_BINARY);
    uint32_t attachments = (flags & SIO_ARGS_BINARY) != 0 ? data[0] >> 4 & 3 : 0;
    sio_args *args;
    must(sio_args_new(&args, NULL) == 0);
    int rc = sio_args_parse(args, (const char *)data + 1, size - 1, flags, attachments, NULL);
    if (rc == 0) {
        for (uint32_t i = 0; i < attachments; i++) {
            must(sio_args_set_attachment(args, i, (sio_bytes){bytes, 3 + i}) == 0);
        }
        use_getters(args);
        check_written(args);
        check_built(args);
        sio_args *copy;
        must(sio_args_ref(&copy, args) == 0);
        use_getters(copy);
        check_written(copy);
        sio_args_unref(copy);
        must(sio_args_keep(args) == 0);
        use_getters(args);
        check_written(args);
    } else {
        must(sio_args_count(args) == 0);
    }
    sio_args_unref(args);
    return 0;
}
