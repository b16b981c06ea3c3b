/* Arguments that are built: every way of adding one, drawn at random, against a list of what was
 * added. What is added must be read back, written as JSON.stringify writes it, and parse to the
 * same; what is refused must leave the list as it was. */
#include <sio/args.h>

#include <cjson/cJSON.h>

#include "draw.h"

#include <math.h>

enum { ITEMS_MAX = 40 };

typedef struct item {
    sio_kind kind;
    char *bytes; /* of a string, binary, or raw JSON of an array or object */
    size_t len;
    double number;
    int64_t integer;
    bool is_integer;
    bool truth;
} item;

typedef struct build {
    draw in;
    sio_args *args;
    item items[ITEMS_MAX];
    size_t count;
} build;

static item *add_item(build *b, sio_kind kind) {
    item *one = &b->items[b->count++];
    *one = (item){.kind = kind};
    return one;
}

static void add_text_item(build *b, sio_kind kind, const void *data, size_t len) {
    item *one = add_item(b, kind);
    one->bytes = draw_copy(data, len);
    one->len = len;
}

static void add_integer_item(build *b, int64_t value) {
    item *one = add_item(b, SIO_KIND_NUMBER);
    one->integer = value;
    one->number = (double)value;
    one->is_integer = true;
}

static void add_double_item(build *b, double value) {
    item *one = add_item(b, isfinite(value) ? SIO_KIND_NUMBER : SIO_KIND_NULL);
    one->number = value == 0 ? 0 : value; /* JSON.stringify(-0) is 0 */
}

/* ---- ways to add ---- */

static void add_string(build *b, bool formatted) {
    sio_bytes data = draw_bytes(&b->in, draw_byte(&b->in));
    sio_str text = {(const char *)data.ptr, data.len};
    int rc = formatted ? sio_args_addf(b->args, "S", text.ptr, text.len)
                       : sio_args_add_str(b->args, text);
    REQUIRE(rc == 0 || rc == SIO_ERR_JSON_UTF8);
    if (rc == 0) {
        add_text_item(b, SIO_KIND_STRING, text.ptr, text.len);
    }
}

static void add_number(build *b, uint8_t how) {
    uint64_t bits = draw_number(&b->in, 8);
    double value;
    memcpy(&value, &bits, sizeof(value));
    switch (how % 4) {
    case 0:
        REQUIRE(sio_args_add_int(b->args, (int64_t)bits) == 0);
        add_integer_item(b, (int64_t)bits);
        break;
    case 1:
        REQUIRE(sio_args_add_uint(b->args, bits >> 1) == 0);
        add_integer_item(b, (int64_t)(bits >> 1));
        break;
    case 2:
        REQUIRE(sio_args_addf(b->args, "I,d", (int64_t)bits, value) == 0);
        add_integer_item(b, (int64_t)bits);
        add_double_item(b, value);
        break;
    default:
        REQUIRE(sio_args_add_double(b->args, value) == 0);
        add_double_item(b, value);
        break;
    }
}

static void add_binary(build *b, bool shared) {
    sio_bytes data = draw_bytes(&b->in, draw_byte(&b->in));
    sio_blob *blob = NULL;
    if (shared) {
        REQUIRE(sio_blob_new(&blob, data.ptr, data.len, NULL) == 0);
        REQUIRE(sio_args_add_blob(b->args, blob) == 0);
        sio_blob_unref(blob);
    } else {
        REQUIRE(sio_args_add_binary(b->args, data) == 0);
    }
    add_text_item(b, SIO_KIND_BINARY, data.ptr, data.len);
}

static sio_kind kind_of_json(sio_str text) {
    size_t at = 0;
    while (at < text.len && strchr(" \t\r\n", text.ptr[at])) {
        at++;
    }
    switch (text.ptr[at]) {
    case '{':
        return SIO_KIND_OBJECT;
    case '[':
        return SIO_KIND_ARRAY;
    default:
        return SIO_KIND_NONE; /* a scalar: what it is, is tested elsewhere */
    }
}

static void add_json(build *b, bool tree) {
    sio_bytes data = draw_bytes(&b->in, draw_byte(&b->in));
    sio_str text = {(const char *)data.ptr, data.len};
    cJSON *parsed = NULL;
    int rc;
    if (tree) {
        if (sio_json_parse(&parsed, text.ptr, text.len, SIO_JSON_MAX_DEPTH - 1) != 0) {
            return;
        }
        rc = sio_args_add_json(b->args, parsed);
        REQUIRE(rc == 0);
        cJSON_Delete(parsed);
    } else {
        rc = sio_args_add_raw(b->args, text);
        REQUIRE((rc == 0) == (sio_json_validate(text.ptr, text.len, SIO_JSON_MAX_DEPTH - 1) == 0));
    }
    if (rc == 0) {
        add_text_item(b, kind_of_json(text), NULL, 0);
    }
}

static void add_refused(build *b) {
    REQUIRE(sio_args_addf(b->args, "ibS?", 1, 1, "x", (size_t)1) == SIO_ERR_INVALID);
    REQUIRE(sio_args_addf(b->args, "BiS", "bin", (size_t)3, 1, "\xff", (size_t)1) ==
            SIO_ERR_JSON_UTF8);
    REQUIRE(sio_args_add_raw(b->args, SIO_STR("[1")) == SIO_ERR_JSON_SYNTAX);
}

static void reset(build *b) {
    sio_args_reset(b->args);
    while (b->count > 0) {
        free(b->items[--b->count].bytes);
    }
}

/* Everything once more, by way of another list. */
static void take_over(build *b) {
    sio_args *copy;
    REQUIRE(sio_args_new(&copy, NULL) == 0);
    REQUIRE(sio_args_add_all(copy, b->args) == 0);
    sio_args_unref(b->args);
    b->args = copy;
}

static void hold(build *b) {
    sio_args *held;
    REQUIRE(sio_args_ref(&held, b->args) == 0);
    sio_args_unref(b->args);
    b->args = held;
}

static void step(build *b) {
    uint8_t what = draw_byte(&b->in);
    switch (what % 12) {
    case 0:
    case 1:
        add_string(b, what & 16);
        break;
    case 2:
    case 3:
        add_number(b, what >> 4);
        break;
    case 4:
        REQUIRE(sio_args_add_bool(b->args, what & 16) == 0);
        add_item(b, SIO_KIND_BOOL)->truth = (what & 16) != 0;
        break;
    case 5:
        REQUIRE(sio_args_add_null(b->args) == 0);
        add_item(b, SIO_KIND_NULL);
        break;
    case 6:
    case 7:
        add_binary(b, what & 16);
        break;
    case 8:
        add_json(b, what & 16);
        break;
    case 9:
        add_refused(b);
        break;
    case 10:
        take_over(b);
        break;
    default:
        if (what & 0x80) {
            reset(b);
        } else {
            hold(b);
        }
        break;
    }
}

/* ---- reading back ---- */

static void check_item(const build *b, size_t i) {
    const item *one = &b->items[i];
    if (one->kind == SIO_KIND_NONE) {
        REQUIRE(sio_args_kind(b->args, i) != SIO_KIND_NONE);
        return;
    }
    REQUIRE(sio_args_kind(b->args, i) == one->kind);
    sio_str text = sio_args_str(b->args, i);
    sio_bytes binary = sio_args_binary(b->args, i);
    if (one->kind == SIO_KIND_STRING) {
        REQUIRE(same_bytes(text.ptr, text.len, one->bytes, one->len));
    } else if (one->kind == SIO_KIND_BINARY) {
        REQUIRE(same_bytes(binary.ptr, binary.len, one->bytes, one->len));
    } else if (one->kind == SIO_KIND_BOOL) {
        REQUIRE(sio_args_bool(b->args, i) == one->truth);
    } else if (one->kind == SIO_KIND_NUMBER) {
        REQUIRE(sio_args_double(b->args, i) == one->number);
        REQUIRE(!one->is_integer || sio_args_int(b->args, i) == one->integer);
        REQUIRE(!one->is_integer || sio_args_is_int(b->args, i));
    }
}

static void write_list(const sio_args *args, sio_buf *out) {
    REQUIRE(sio_buf_add_byte(out, '[') == 0);
    REQUIRE(sio_args_write(args, out) == 0);
    REQUIRE(sio_buf_add_byte(out, ']') == 0);
}

/* On the other side it is the same. */
static void check_received(const build *b) {
    sio_buf text = {0};
    sio_args *received;
    uint32_t attachments = sio_args_attachment_count(b->args);
    write_list(b->args, &text);
    REQUIRE(sio_args_new(&received, NULL) == 0);
    unsigned flags = attachments > 0 ? SIO_ARGS_BINARY : 0;
    REQUIRE(sio_args_parse(received, (const char *)text.data, text.len, flags, attachments, NULL) ==
            0);
    for (uint32_t n = 0; n < attachments; n++) {
        REQUIRE(sio_args_set_attachment(received, n, sio_args_attachment(b->args, n)) == 0);
    }
    build other = {.args = received, .count = b->count};
    memcpy(other.items, b->items, sizeof(other.items));
    REQUIRE(sio_args_count(received) == b->count);
    for (size_t i = 0; i < b->count; i++) {
        check_item(&other, i);
    }
    sio_args_unref(received);
    sio_buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    build b = {.in = {data, size}};
    REQUIRE(sio_args_new(&b.args, NULL) == 0);
    while (b.in.left > 0 && b.count + 2 <= ITEMS_MAX) {
        step(&b);
        REQUIRE(sio_args_count(b.args) == b.count);
    }
    for (size_t i = 0; i < b.count; i++) {
        check_item(&b, i);
    }
    check_received(&b);
    reset(&b);
    sio_args_unref(b.args);
    return 0;
}
