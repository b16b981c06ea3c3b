/* The life of an argument list, parsing and encoding. */
#include "args_struct.h"

#include "mem.h"

#include <string.h>

enum {
    /* Larger memory is given back when a list is reset. */
    KEEP_TEXT = 64 * 1024,
    KEEP_ELEMS = 1024,
    KEEP_ATTACHMENTS = 64
};

static void use_inline_elems(sio_args *args) {
    args->elems = (sio_json_table){.items = args->inline_elems, .cap = ARGS_INLINE, .fixed = true};
}

int sio_args_new(sio_args **out, const sio_mem *mem) {
    sio_args *args = sio_mem_zalloc(mem, sizeof(*args));
    if (!args) {
        return SIO_ERR_NOMEM;
    }
    atomic_init(&args->refs, 1);
    args->binary = true;
    args->has_mem = mem != NULL;
    if (mem) {
        args->mem = *mem;
    }
    sio_buf_init(&args->own, UINT32_MAX - 1, args_mem(args));
    use_inline_elems(args);
    *out = args;
    return 0;
}

static bool is_shared(const sio_args *args) {
    return atomic_load_explicit(&args->refs, memory_order_acquire) > 1;
}

void sio_args_cut_attachments(sio_args *args, uint32_t from) {
    args_attachment *items = args_attachments(args);
    while (args->attachments.count > from) {
        sio_blob_unref(items[--args->attachments.count].owner);
    }
}

static void free_elems(sio_args *args) {
    if (!args->elems.fixed) {
        sio_mem_release(args_mem(args), args->elems.items);
    }
    use_inline_elems(args);
}

static void free_attachments(sio_args *args) {
    sio_mem_release(args_mem(args), args->attachments.items);
    args->attachments = (sio_json_table){0};
}

void sio_args_unref(sio_args *args) {
    if (!args || atomic_fetch_sub_explicit(&args->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    sio_args_cut_attachments(args, 0);
    free_attachments(args);
    free_elems(args);
    sio_args_cache_free(args);
    sio_buf_free(&args->own);
    sio_mem mem = args->mem;
    sio_mem_release(args->has_mem ? &mem : NULL, args);
}

/* Empty, in the state of a list to be built. */
static void empty(sio_args *args) {
    args->mode = ARGS_BUILT;
    args->event = false;
    args->binary = true;
    args->foreign = false;
    args->borrowed = (sio_str){NULL, 0};
    args->own.len = 0;
    args->elems.count = 0;
    if (args->attachments.count > 0) {
        sio_args_cut_attachments(args, 0);
    }
    if (args->cache) {
        sio_args_cache_reset(args);
    }
}

void sio_args_reset(sio_args *args) {
    if (is_shared(args)) {
        return;
    }
    empty(args);
    if (args->own.cap > KEEP_TEXT) {
        sio_buf_free(&args->own);
    }
    if (args->elems.cap > KEEP_ELEMS) {
        free_elems(args);
    }
    if (args->attachments.cap > KEEP_ATTACHMENTS) {
        free_attachments(args);
    }
}

int sio_args_reserve_attachments(sio_args *args, uint32_t count) {
    sio_json_table *table = &args->attachments;
    if (count <= table->cap) {
        return 0;
    }
    uint32_t cap = table->cap > count / 2 ? count + count / 2 : count;
    void *items = sio_mem_resize_array(args_mem(args), table->items, cap, sizeof(args_attachment));
    if (!items) {
        return SIO_ERR_NOMEM;
    }
    table->items = items;
    table->cap = cap;
    return 0;
}

static int expect_attachments(sio_args *args, uint32_t count) {
    if (count == 0) {
        return 0;
    }
    int rc = sio_args_reserve_attachments(args, count);
    if (rc != 0) {
        return rc;
    }
    memset(args->attachments.items, 0, count * sizeof(args_attachment));
    args->attachments.count = count;
    return 0;
}

static int check_name(const sio_args *args) {
    if (args->elems.count == 0) {
        return SIO_ERR_SIO_PAYLOAD;
    }
    uint8_t kind = args_elems(args)[0].kind;
    return kind == SIO_KIND_STRING || kind == SIO_KIND_NUMBER ? 0 : SIO_ERR_SIO_PAYLOAD;
}

static uint32_t limit_or(uint32_t limit, uint32_t otherwise) {
    return limit != 0 ? limit : otherwise;
}

int sio_args_parse(sio_args *args, const char *json, size_t len, unsigned flags,
                   uint32_t attachments, const sio_args_limits *limits) {
    if (is_shared(args)) {
        return SIO_ERR_STATE;
    }
    empty(args);
    sio_json_scan scan = {
        .max_depth = sio_json_depth_limit(limits ? limits->max_depth : 0),
        .max_elems = limit_or(limits ? limits->max_args : 0, SIO_ARGS_MAX_ARGS),
        .placeholders = (flags & SIO_ARGS_BINARY) != 0,
        .attachments = attachments,
        .elems = &args->elems,
        .mem = args_mem(args),
    };
    int rc = sio_json_scan_array(&scan, json, len);
    if (rc == 0 && (flags & SIO_ARGS_EVENT) != 0) {
        rc = check_name(args);
    }
    if (rc == 0 && scan.placeholders) {
        rc = expect_attachments(args, attachments);
    }
    if (rc != 0) {
        args->elems.count = 0;
        return rc;
    }
    args->mode = ARGS_VIEW;
    args->event = (flags & SIO_ARGS_EVENT) != 0;
    args->binary = scan.placeholders;
    args->borrowed = (sio_str){json, len};
    return 0;
}

static args_attachment *view_attachment(sio_args *args, uint32_t index, int *rc) {
    *rc = SIO_ERR_STATE;
    if (args->mode != ARGS_VIEW) {
        return NULL;
    }
    *rc = SIO_ERR_NOT_FOUND;
    if (index >= args->attachments.count) {
        return NULL;
    }
    *rc = 0;
    args_attachment *attachment = args_attachments(args) + index;
    sio_blob_unref(attachment->owner);
    attachment->owner = NULL;
    if (args->cache) {
        sio_args_cache_reset(args); /* trees have the bytes that stood there before */
    }
    return attachment;
}

int sio_args_set_attachment(sio_args *args, uint32_t index, sio_bytes data) {
    int rc;
    args_attachment *attachment = view_attachment(args, index, &rc);
    if (attachment) {
        attachment->data = data;
    }
    return rc;
}

int sio_args_set_blob(sio_args *args, uint32_t index, sio_blob *blob) {
    sio_blob_ref(blob);
    int rc;
    args_attachment *attachment = view_attachment(args, index, &rc);
    if (!attachment) {
        sio_blob_unref(blob);
        return rc;
    }
    attachment->owner = blob;
    attachment->data = (sio_bytes){blob->data, blob->len};
    return 0;
}

/* An attachment's bytes as a blob, with a reference for the caller. NULL stays NULL. */
static int own_attachment(sio_blob **out, const args_attachment *from, const sio_mem *mem) {
    if (from->owner) {
        *out = sio_blob_ref(from->owner);
        return 0;
    }
    *out = NULL;
    return from->data.ptr ? sio_blob_new(out, from->data.ptr, from->data.len, mem) : 0;
}

int sio_args_keep(sio_args *args) {
    if (args->mode != ARGS_VIEW) {
        return 0;
    }
    if (args->borrowed.ptr) {
        args->own.len = 0;
        int rc = sio_buf_add(&args->own, args->borrowed.ptr, args->borrowed.len);
        if (rc != 0) {
            return rc;
        }
        args->borrowed = (sio_str){NULL, 0};
        if (args->cache) {
            sio_args_cache_reset(args); /* strings without escapes point into the old text */
        }
    }
    args_attachment *items = args_attachments(args);
    for (uint32_t i = 0; i < args->attachments.count; i++) {
        sio_blob *owner = NULL;
        if (!items[i].owner && own_attachment(&owner, &items[i], args_mem(args)) != 0) {
            return SIO_ERR_NOMEM;
        }
        if (owner) {
            items[i] = (args_attachment){{owner->data, owner->len}, owner};
        }
    }
    return 0;
}

static int copy_attachments(sio_args *copy, const sio_args *args) {
    uint32_t count = args->attachments.count;
    int rc = expect_attachments(copy, count);
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        args_attachment *to = args_attachments(copy) + i;
        rc = own_attachment(&to->owner, args_attachments(args) + i, args_mem(copy));
        if (rc == 0 && to->owner) {
            to->data = (sio_bytes){to->owner->data, to->owner->len};
        }
    }
    return rc;
}

static int copy_elems(sio_args *copy, const sio_args *args) {
    uint32_t count = args->elems.count;
    if (count > ARGS_INLINE) {
        void *items = sio_mem_alloc_array(args_mem(copy), count, sizeof(sio_json_elem));
        if (!items) {
            return SIO_ERR_NOMEM;
        }
        copy->elems = (sio_json_table){.items = items, .cap = count};
    }
    memcpy(copy->elems.items, args->elems.items, count * sizeof(sio_json_elem));
    copy->elems.count = count;
    return 0;
}

static int copy_view(sio_args **out, const sio_args *args) {
    sio_args *copy;
    int rc = sio_args_new(&copy, args_mem(args));
    if (rc != 0) {
        return rc;
    }
    size_t len = args->borrowed.ptr ? args->borrowed.len : args->own.len;
    rc = sio_buf_add(&copy->own, args_text(args), len);
    rc = rc != 0 ? rc : copy_elems(copy, args);
    rc = rc != 0 ? rc : copy_attachments(copy, args);
    if (rc != 0) {
        sio_args_unref(copy);
        return rc;
    }
    copy->mode = ARGS_COPY;
    copy->event = args->event;
    copy->binary = args->binary;
    copy->foreign = args->foreign;
    *out = copy;
    return 0;
}

int sio_args_ref(sio_args **out, const sio_args *args) {
    if (args->mode == ARGS_VIEW) {
        return copy_view(out, args);
    }
    /* Counting is the one change a const list allows. */
    sio_args *shared = (sio_args *)(uintptr_t)args;
    atomic_fetch_add_explicit(&shared->refs, 1, memory_order_relaxed);
    *out = shared;
    return 0;
}

/* Without white space around its elements the text can be taken over in one piece. */
static bool is_compact(const sio_json_elem *first, size_t count) {
    uint32_t at = first->at;
    for (size_t i = 0; i < count; i++) {
        if (first[i].at != at) {
            return false;
        }
        at += first[i].len + 1;
    }
    return true;
}

static int write_each(const sio_args *args, const sio_json_elem *first, size_t count,
                      sio_buf *out) {
    const char *text = args_text(args);
    size_t before = out->len;
    for (size_t i = 0; i < count; i++) {
        int rc = i > 0 ? sio_buf_add_byte(out, ',') : 0;
        rc = rc != 0 ? rc : sio_buf_add(out, text + first[i].at, first[i].len);
        if (rc != 0) {
            out->len = before;
            return rc;
        }
    }
    return 0;
}

int sio_args_write(const sio_args *args, sio_buf *out) {
    size_t count = sio_args_count(args);
    if (count == 0) {
        return 0;
    }
    if (args->foreign && args->attachments.count > 0) {
        return SIO_ERR_SIO_PLACEHOLDER;
    }
    const sio_json_elem *first = args_elem(args, 0);
    const sio_json_elem *last = first + count - 1;
    if (!is_compact(first, count)) {
        return write_each(args, first, count, out);
    }
    return sio_buf_add(out, args_text(args) + first->at, last->at + last->len - first->at);
}
