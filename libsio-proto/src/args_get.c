/* Reading arguments. What had to be decoded is kept for the next call, in memory that the next
 * message uses again. */
#include "args_struct.h"

#include "json_binary.h"
#include "json_number.h"
#include "json_text.h"
#include "json_tree.h"
#include "mem.h"

#include <string.h>

enum {
    CHUNK_FIRST = 512,
    CHUNK_KEEP = 64 * 1024 /* larger ones are not kept for the next message */
};

/* Memory for decoded strings: handed out from front to back, taken back all at once. */
typedef struct chunk {
    struct chunk *older;
    size_t used;
    size_t size;
    char bytes[];
} chunk;

/* What is known of one element. */
typedef struct value {
    sio_str text;
    const char *string;
    cJSON *tree;
} value;

struct args_cache {
    chunk *chunks;
    value *values; /* one for each element, the name included */
    uint32_t count;
    uint32_t cap;
    cJSON **binaries; /* nodes that hold the attachments for all trees; one for each, or NULL */
    uint32_t binary_count;
    bool has_trees;
};

static void drop_trees(sio_args *args) {
    args_cache *cache = args->cache;
    for (uint32_t i = 0; cache->has_trees && i < cache->count; i++) {
        cJSON_Delete(cache->values[i].tree);
    }
    for (uint32_t i = 0; i < cache->binary_count; i++) {
        cJSON_Delete(cache->binaries[i]);
    }
    sio_mem_release(args_mem(args), cache->binaries);
    cache->binaries = NULL;
    cache->binary_count = 0;
    cache->has_trees = false;
}

/* Keep the largest chunk that is not above `keep`: newer ones are larger. */
static void drop_chunks(sio_args *args, size_t keep) {
    chunk *kept = NULL;
    for (chunk *c = args->cache->chunks; c;) {
        chunk *older = c->older;
        if (!kept && c->size <= keep) {
            kept = c;
            c->used = 0;
            c->older = NULL;
        } else {
            sio_mem_release(args_mem(args), c);
        }
        c = older;
    }
    args->cache->chunks = kept;
}

void sio_args_cache_reset(sio_args *args) {
    drop_trees(args);
    drop_chunks(args, CHUNK_KEEP);
    args->cache->count = 0;
}

void sio_args_cache_free(sio_args *args) {
    if (!args->cache) {
        return;
    }
    drop_trees(args);
    drop_chunks(args, 0);
    sio_mem_release(args_mem(args), args->cache->values);
    sio_mem_release(args_mem(args), args->cache);
    args->cache = NULL;
}

static args_cache *get_cache(const sio_args *args) {
    if (args->cache) {
        return args->cache;
    }
    /* What getters remember is no change that a reader could see. */
    sio_args *mutable_args = (sio_args *)(uintptr_t)args;
    mutable_args->cache = sio_mem_zalloc(args_mem(args), sizeof(args_cache));
    return args->cache;
}

static void *cache_alloc(const sio_args *args, size_t size) {
    args_cache *cache = args->cache;
    chunk *c = cache->chunks;
    if (!c || c->size - c->used < size) {
        size_t room = c ? c->size * 2 : CHUNK_FIRST;
        room = room < size ? size : room;
        if (room > SIZE_MAX - sizeof(*c)) {
            return NULL;
        }
        c = sio_mem_alloc(args_mem(args), sizeof(*c) + room);
        if (!c) {
            return NULL;
        }
        *c = (chunk){.older = cache->chunks, .size = room};
        cache->chunks = c;
    }
    void *memory = c->bytes + c->used;
    c->used += size;
    return memory;
}

/* Where the decoded forms of an element are kept; NULL when there is no memory. */
static value *get_value(const sio_args *args, const sio_json_elem *elem) {
    args_cache *cache = get_cache(args);
    if (!cache) {
        return NULL;
    }
    uint32_t count = args->elems.count;
    if (cache->cap < count) {
        value *values = sio_mem_resize_array(args_mem(args), cache->values, count, sizeof(*values));
        if (!values) {
            return NULL;
        }
        cache->values = values;
        cache->cap = count;
    }
    if (cache->count < count) {
        memset(cache->values + cache->count, 0, (count - cache->count) * sizeof(value));
        cache->count = count;
    }
    return cache->values + (elem - args_elems(args));
}

static sio_str elem_raw(const sio_args *args, const sio_json_elem *elem) {
    return (sio_str){args_text(args) + elem->at, elem->len};
}

static const sio_str no_text = {"", 0};

/* Decoded text of a string with escapes, with a NUL behind it. */
static sio_str decode(const sio_args *args, const sio_json_elem *elem) {
    value *v = get_value(args, elem);
    if (!v) {
        return no_text;
    }
    if (!v->text.ptr) {
        size_t len = elem->len - 2;
        char *text = cache_alloc(args, len + 1);
        if (!text) {
            return no_text;
        }
        len = sio_json_unescape(text, elem_raw(args, elem).ptr + 1, len);
        text[len] = '\0';
        v->text = (sio_str){text, len};
    }
    return v->text;
}

static sio_str elem_str(const sio_args *args, const sio_json_elem *elem) {
    if ((elem->flags & SIO_JSON_ESCAPED) != 0) {
        return decode(args, elem);
    }
    return (sio_str){elem_raw(args, elem).ptr + 1, elem->len - 2};
}

static const sio_json_elem *elem_of(const sio_args *args, size_t index, sio_kind kind) {
    const sio_json_elem *elem = args_elem(args, index);
    return elem && elem->kind == kind ? elem : NULL;
}

static double elem_double(const sio_args *args, const sio_json_elem *elem) {
    sio_str raw = elem_raw(args, elem);
    return sio_json_read_double(raw.ptr, raw.len);
}

static bool elem_int(int64_t *out, const sio_args *args, const sio_json_elem *elem) {
    sio_str raw = elem_raw(args, elem);
    return (elem->flags & SIO_JSON_PLAIN_INTEGER) != 0 && sio_json_read_int(out, raw.ptr, raw.len);
}

/* A numeric name is delivered as the text that JavaScript makes of the number. */
static sio_str number_name(const sio_args *args, const sio_json_elem *elem) {
    value *v = get_value(args, elem);
    if (!v) {
        return no_text;
    }
    if (!v->text.ptr) {
        char *text = cache_alloc(args, SIO_JSON_DOUBLE_SIZE);
        if (!text) {
            return no_text;
        }
        v->text = (sio_str){text, sio_json_write_double(text, elem_double(args, elem))};
    }
    return v->text;
}

sio_str sio_args_name(const sio_args *args) {
    if (!args->event) {
        return no_text;
    }
    const sio_json_elem *name = args_elems(args);
    return name->kind == SIO_KIND_STRING ? elem_str(args, name) : number_name(args, name);
}

size_t sio_args_count(const sio_args *args) {
    return args->elems.count - (size_t)args->event;
}

sio_kind sio_args_kind(const sio_args *args, size_t index) {
    const sio_json_elem *elem = args_elem(args, index);
    return elem ? (sio_kind)elem->kind : SIO_KIND_NONE;
}

sio_str sio_args_str(const sio_args *args, size_t index) {
    const sio_json_elem *elem = elem_of(args, index, SIO_KIND_STRING);
    return elem ? elem_str(args, elem) : no_text;
}

const char *sio_args_string(const sio_args *args, size_t index) {
    const sio_json_elem *elem = elem_of(args, index, SIO_KIND_STRING);
    value *v = elem ? get_value(args, elem) : NULL;
    if (!v) {
        return "";
    }
    if (v->string) {
        return v->string;
    }
    sio_str text = elem_str(args, elem);
    if ((elem->flags & SIO_JSON_ESCAPED) != 0) {
        /* Decoded text has a NUL behind it; one inside would cut the string. */
        v->string = memchr(text.ptr, '\0', text.len) ? "" : text.ptr;
        return v->string;
    }
    char *copy = cache_alloc(args, text.len + 1);
    if (!copy) {
        return "";
    }
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    v->string = copy;
    return copy;
}

static const double two_to_63 = 9223372036854775808.0;

int64_t sio_args_int(const sio_args *args, size_t index) {
    const sio_json_elem *elem = elem_of(args, index, SIO_KIND_NUMBER);
    int64_t integer = 0;
    if (!elem || elem_int(&integer, args, elem)) {
        return integer;
    }
    double number = elem_double(args, elem);
    if (number >= two_to_63) {
        return INT64_MAX;
    }
    return number < -two_to_63 ? INT64_MIN : (int64_t)number;
}

bool sio_args_is_int(const sio_args *args, size_t index) {
    const sio_json_elem *elem = elem_of(args, index, SIO_KIND_NUMBER);
    if (!elem) {
        return false;
    }
    int64_t integer;
    if ((elem->flags & SIO_JSON_PLAIN_INTEGER) != 0) {
        return elem_int(&integer, args, elem);
    }
    double number = elem_double(args, elem);
    return number >= -two_to_63 && number < two_to_63 && number == (double)(int64_t)number;
}

double sio_args_double(const sio_args *args, size_t index) {
    const sio_json_elem *elem = elem_of(args, index, SIO_KIND_NUMBER);
    return elem ? elem_double(args, elem) : 0;
}

bool sio_args_bool(const sio_args *args, size_t index) {
    const sio_json_elem *elem = elem_of(args, index, SIO_KIND_BOOL);
    return elem && args_text(args)[elem->at] == 't';
}

sio_bytes sio_args_binary(const sio_args *args, size_t index) {
    const sio_json_elem *elem = elem_of(args, index, SIO_KIND_BINARY);
    return elem ? sio_args_attachment(args, elem->num) : (sio_bytes){NULL, 0};
}

sio_str sio_args_raw(const sio_args *args, size_t index) {
    const sio_json_elem *elem = args_elem(args, index);
    return elem ? elem_raw(args, elem) : no_text;
}

uint32_t sio_args_attachment_count(const sio_args *args) {
    return args->attachments.count;
}

sio_bytes sio_args_attachment(const sio_args *args, uint32_t n) {
    return n < args->attachments.count ? args_attachments(args)[n].data : (sio_bytes){NULL, 0};
}

/* One node holds the bytes of an attachment for all trees: a peer may refer to it any number of
 * times, and each costs no more than its text. */
static const cJSON *attachment_node(void *arg, uint32_t num) {
    const sio_args *args = arg;
    args_cache *cache = args->cache;
    uint32_t count = args->attachments.count;
    if (num >= count) {
        return NULL;
    }
    if (!cache->binaries) {
        cache->binaries = sio_mem_alloc_array(args_mem(args), count, sizeof(cJSON *));
        if (!cache->binaries) {
            return NULL;
        }
        memset(cache->binaries, 0, count * sizeof(cJSON *));
        cache->binary_count = count;
    }
    if (!cache->binaries[num]) {
        sio_bytes data = sio_args_attachment(args, num);
        cache->binaries[num] = sio_json_binary(data.ptr, data.len);
    }
    return cache->binaries[num];
}

static int build_tree(cJSON **out, const sio_args *args, const sio_json_elem *elem) {
    sio_str raw = elem_raw(args, elem);
    bool resolve = args->binary &&
                   (elem->flags & (SIO_JSON_PLACEHOLDER | ARGS_FOREIGN)) == SIO_JSON_PLACEHOLDER;
    void *arg = (void *)(uintptr_t)args;
    return sio_json_build(out, raw.ptr, raw.len, resolve ? attachment_node : NULL, arg,
                          args_mem(args));
}

int sio_args_json(const cJSON **out, const sio_args *args, size_t index) {
    const sio_json_elem *elem = args_elem(args, index);
    if (!elem) {
        return SIO_ERR_NOT_FOUND;
    }
    value *v = get_value(args, elem);
    if (!v) {
        return SIO_ERR_NOMEM;
    }
    if (!v->tree) {
        int rc = build_tree(&v->tree, args, elem);
        if (rc != 0) {
            return rc;
        }
        args->cache->has_trees = true;
    }
    *out = v->tree;
    return 0;
}
