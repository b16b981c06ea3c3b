/* Building an argument list: the JSON text grows in one buffer, attachments beside it. */
#include "args_build.h"

#include "args_struct.h"
#include "json_number.h"
#include "json_tree.h"
#include "mem.h"

#include <string.h>

static bool is_shared(const sio_args *args) {
    return atomic_load_explicit(&args->refs, memory_order_acquire) > 1;
}

args_mark sio_args_mark(const sio_args *args) {
    return (args_mark){args->own.len, args->elems.count, args->attachments.count, args->foreign};
}

void sio_args_cut(sio_args *args, const args_mark *mark) {
    if (args->mode != ARGS_BUILT || is_shared(args)) {
        return; /* refused, so nothing was appended */
    }
    args->own.len = mark->text_len;
    args->elems.count = mark->count;
    args->foreign = mark->foreign;
    sio_args_cut_attachments(args, mark->attachments);
}

/* One argument while it is being written. */
typedef struct addition {
    args_mark mark;
    uint32_t at; /* where its text begins */
} addition;

static int begin(addition *add, sio_args *args) {
    if (args->mode != ARGS_BUILT || is_shared(args)) {
        return SIO_ERR_STATE;
    }
    if (args->elems.count == SIO_ARGS_MAX_ARGS) {
        return SIO_ERR_LIMIT;
    }
    add->mark = sio_args_mark(args);
    int rc = sio_json_table_grow(&args->elems, sizeof(sio_json_elem), args_mem(args));
    if (rc == 0 && args->elems.count > 0) {
        rc = sio_buf_add_byte(&args->own, ',');
    }
    if (rc != 0) {
        return rc;
    }
    if (args->cache) {
        sio_args_cache_reset(args);
    }
    add->at = (uint32_t)args->own.len;
    return 0;
}

/* What `text` is has to be known beside its first byte only for strings and numbers. */
static uint8_t text_flags(const char *text, size_t len, sio_kind kind) {
    if (kind == SIO_KIND_STRING) {
        return memchr(text, '\\', len) ? SIO_JSON_ESCAPED : 0;
    }
    if (kind == SIO_KIND_NUMBER) {
        bool plain = !memchr(text, '.', len) && !memchr(text, 'e', len) && !memchr(text, 'E', len);
        return plain ? SIO_JSON_PLAIN_INTEGER : 0;
    }
    return 0;
}

/* The text is written (`rc` 0), or is taken back. `elem` says what it is, but for its place. */
static int finish(const addition *add, sio_args *args, int rc, sio_json_elem elem) {
    if (rc != 0) {
        sio_args_cut(args, &add->mark);
        return rc;
    }
    const char *text = (const char *)args->own.data + add->at;
    elem.at = add->at;
    elem.len = (uint32_t)(args->own.len - add->at);
    elem.flags |= text_flags(text, elem.len, (sio_kind)elem.kind);
    args->foreign = args->foreign || (elem.flags & ARGS_FOREIGN) != 0;
    sio_json_elem *elems = args->elems.items;
    elems[args->elems.count++] = elem;
    return 0;
}

static int add_text(sio_args *args, const char *text, size_t len, sio_kind kind) {
    addition add;
    int rc = begin(&add, args);
    if (rc != 0) {
        return rc;
    }
    rc = sio_buf_add(&args->own, text, len);
    return finish(&add, args, rc, (sio_json_elem){.kind = (uint8_t)kind});
}

int sio_args_add_str(sio_args *args, sio_str text) {
    addition add;
    int rc = begin(&add, args);
    if (rc != 0) {
        return rc;
    }
    rc = sio_json_add_string(&args->own, text.ptr, text.len);
    return finish(&add, args, rc, (sio_json_elem){.kind = SIO_KIND_STRING});
}

int sio_args_add_string(sio_args *args, const char *text) {
    if (!text) {
        return sio_args_add_null(args);
    }
    return sio_args_add_str(args, (sio_str){text, strlen(text)});
}

int sio_args_add_int(sio_args *args, int64_t value) {
    char text[SIO_JSON_INT_SIZE];
    return add_text(args, text, sio_json_write_int(text, value), SIO_KIND_NUMBER);
}

int sio_args_add_uint(sio_args *args, uint64_t value) {
    char text[SIO_JSON_INT_SIZE];
    return add_text(args, text, sio_json_write_uint(text, value), SIO_KIND_NUMBER);
}

int sio_args_add_double(sio_args *args, double value) {
    addition add;
    int rc = begin(&add, args);
    if (rc != 0) {
        return rc;
    }
    rc = sio_json_add_double(&args->own, value);
    bool null = rc == 0 && args->own.data[add.at] == 'n';
    uint8_t kind = null ? SIO_KIND_NULL : SIO_KIND_NUMBER;
    return finish(&add, args, rc, (sio_json_elem){.kind = kind});
}

int sio_args_add_bool(sio_args *args, bool value) {
    return add_text(args, value ? "true" : "false", value ? 4 : 5, SIO_KIND_BOOL);
}

int sio_args_add_null(sio_args *args) {
    return add_text(args, "null", 4, SIO_KIND_NULL);
}

/* Takes the reference over, also on failure. */
static int take_attachment(sio_args *args, sio_blob *owner, sio_bytes data) {
    uint32_t count = args->attachments.count;
    int rc = SIO_ERR_SIO_TOO_MANY_ATTACHMENTS;
    if (count < SIO_ARGS_MAX_ATTACHMENTS) {
        rc = sio_args_reserve_attachments(args, count + 1);
    }
    if (rc != 0) {
        sio_blob_unref(owner);
        return rc;
    }
    args_attachments(args)[count] = (args_attachment){data, owner};
    args->attachments.count++;
    return 0;
}

static int copy_attachment(sio_args *args, sio_bytes data) {
    sio_blob *copy;
    int rc = sio_blob_new(&copy, data.ptr, data.len, args_mem(args));
    if (rc != 0) {
        return rc;
    }
    return take_attachment(args, copy, (sio_bytes){copy->data, copy->len});
}

/* A binary argument, whose attachment `rc` says to be in place as the last. */
static int finish_binary(const addition *add, sio_args *args, int rc) {
    uint32_t num = add->mark.attachments;
    rc = rc != 0 ? rc : sio_json_add_placeholder(&args->own, num);
    return finish(
        add, args, rc,
        (sio_json_elem){.kind = SIO_KIND_BINARY, .num = num, .flags = SIO_JSON_PLACEHOLDER});
}

int sio_args_add_binary(sio_args *args, sio_bytes data) {
    addition add;
    int rc = begin(&add, args);
    if (rc != 0) {
        return rc;
    }
    return finish_binary(&add, args, copy_attachment(args, data));
}

int sio_args_add_blob(sio_args *args, sio_blob *blob) {
    addition add;
    int rc = begin(&add, args);
    if (rc != 0) {
        return rc;
    }
    rc = take_attachment(args, sio_blob_ref(blob), (sio_bytes){blob->data, blob->len});
    return finish_binary(&add, args, rc);
}

static uint8_t foreign_flags(uint8_t flags) {
    return (flags & SIO_JSON_PLACEHOLDER) != 0 ? SIO_JSON_PLACEHOLDER | ARGS_FOREIGN : 0;
}

int sio_args_add_raw(sio_args *args, sio_str json) {
    /* The list of arguments is one level itself. */
    sio_json_scan scan = {.max_depth = SIO_JSON_MAX_DEPTH - 1};
    sio_json_elem elem;
    int rc = sio_json_scan_value(&scan, json.ptr, json.len, &elem);
    if (rc != 0) {
        return rc;
    }
    addition add;
    rc = begin(&add, args);
    if (rc != 0) {
        return rc;
    }
    rc = sio_buf_add(&args->own, json.ptr + elem.at, elem.len);
    elem.flags = foreign_flags(elem.flags);
    return finish(&add, args, rc, elem);
}

static int copy_attachments(sio_args *args, const sio_json_table *seen) {
    const sio_bytes *data = seen->items;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < seen->count; i++) {
        rc = copy_attachment(args, data[i]);
    }
    return rc;
}

int sio_args_add_json(sio_args *args, const cJSON *item) {
    if (!item) {
        return sio_args_add_null(args);
    }
    addition add;
    int rc = begin(&add, args);
    if (rc != 0) {
        return rc;
    }
    uint32_t first = args->attachments.count;
    sio_json_printer printer = {.out = &args->own,
                                .max_depth = SIO_JSON_MAX_DEPTH - 1,
                                .first_num = first,
                                .max_seen = SIO_ARGS_MAX_ATTACHMENTS - first};
    rc = sio_json_print_tree(&printer, item);
    rc = rc != 0 ? rc : copy_attachments(args, &printer.seen);
    sio_mem_release(args_mem(args), printer.seen.items);

    sio_json_elem elem = {.num = first};
    if (rc == 0) {
        sio_kind kind = sio_json_kind_of(args->own.data[add.at]);
        elem.kind = (uint8_t)(sio_json_is_binary(item) ? SIO_KIND_BINARY : kind);
        elem.flags = foreign_flags(printer.looks_alike ? SIO_JSON_PLACEHOLDER : 0);
        elem.flags |= printer.seen.count > 0 ? SIO_JSON_PLACEHOLDER : 0;
    }
    return finish(&add, args, rc, elem);
}

/* Attachments of another list that are already in this one: each is taken over once, wherever it is
 * referred to. */
typedef struct transfer {
    sio_args *to;
    const sio_args *from;
    uint32_t *nums; /* for each of `from` its number in `to`, or NOT_YET */
} transfer;

static const uint32_t NOT_YET = UINT32_MAX;

static int transfer_num(transfer *t, uint32_t num, uint32_t *out) {
    if (t->nums[num] == NOT_YET) {
        const args_attachment *from = args_attachments(t->from) + num;
        uint32_t fresh = t->to->attachments.count;
        int rc = from->owner ? take_attachment(t->to, sio_blob_ref(from->owner), from->data)
                             : copy_attachment(t->to, from->data);
        if (rc != 0) {
            return rc;
        }
        t->nums[num] = fresh;
    }
    *out = t->nums[num];
    return 0;
}

/* The text of an element, its placeholders written anew with the numbers they have here. */
static int splice(transfer *t, const char *text, size_t len, const sio_json_table *found) {
    const sio_json_mark *marks = found->items;
    sio_buf *out = &t->to->own;
    size_t at = 0;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < found->count; i++) {
        uint32_t num = 0;
        rc = transfer_num(t, marks[i].num, &num);
        rc = rc != 0 ? rc : sio_buf_add(out, text + at, marks[i].at - at);
        rc = rc != 0 ? rc : sio_json_add_placeholder(out, num);
        at = (size_t)marks[i].at + marks[i].len;
    }
    return rc != 0 ? rc : sio_buf_add(out, text + at, len - at);
}

static int add_with_attachments(transfer *t, const sio_json_elem *elem) {
    sio_json_table marks = {0};
    sio_json_scan scan = {.max_depth = SIO_JSON_DEPTH_CEILING,
                          .placeholders = true,
                          .attachments = t->from->attachments.count,
                          .marks = &marks,
                          .mem = args_mem(t->to)};
    const char *text = args_text(t->from) + elem->at;
    int rc = sio_json_scan_value(&scan, text, elem->len, NULL);
    rc = rc != 0 ? rc : splice(t, text, elem->len, &marks);
    sio_mem_release(args_mem(t->to), marks.items);
    return rc;
}

static int add_elem(transfer *t, const sio_json_elem *elem) {
    addition add;
    int rc = begin(&add, t->to);
    if (rc != 0) {
        return rc;
    }
    sio_json_elem fresh = {.kind = elem->kind, .flags = elem->flags};
    bool looks_like_one = (elem->flags & SIO_JSON_PLACEHOLDER) != 0;
    if (looks_like_one && t->from->binary && (elem->flags & ARGS_FOREIGN) == 0) {
        rc = add_with_attachments(t, elem);
        if (rc == 0 && elem->kind == SIO_KIND_BINARY) {
            fresh.num = t->nums[elem->num];
        }
    } else {
        fresh.flags |= foreign_flags(elem->flags);
        rc = sio_buf_add(&t->to->own, args_text(t->from) + elem->at, elem->len);
    }
    return finish(&add, t->to, rc, fresh);
}

static int add_elems(sio_args *args, const sio_args *from, const sio_json_elem *elems,
                     size_t count) {
    transfer t = {.to = args, .from = from};
    uint32_t attachments = from->attachments.count;
    if (attachments > 0) {
        t.nums = sio_mem_alloc_array(args_mem(args), attachments, sizeof(*t.nums));
        if (!t.nums) {
            return SIO_ERR_NOMEM;
        }
        memset(t.nums, 0xFF, attachments * sizeof(*t.nums));
    }
    args_mark mark = sio_args_mark(args);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = add_elem(&t, elems + i);
    }
    if (rc != 0) {
        sio_args_cut(args, &mark);
    }
    sio_mem_release(args_mem(args), t.nums);
    return rc;
}

int sio_args_add_arg(sio_args *args, const sio_args *from, size_t index) {
    if (args == from) {
        return SIO_ERR_INVALID;
    }
    const sio_json_elem *elem = args_elem(from, index);
    return elem ? add_elems(args, from, elem, 1) : SIO_ERR_NOT_FOUND;
}

int sio_args_add_all(sio_args *args, const sio_args *from) {
    if (args == from) {
        return SIO_ERR_INVALID;
    }
    size_t count = sio_args_count(from);
    return count > 0 ? add_elems(args, from, args_elem(from, 0), count) : 0;
}
