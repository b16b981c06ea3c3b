/* cJSON trees from text. The text has been validated, so nothing is checked twice here but what
 * only matters to trees: U+0000, and keys that are named twice. */
#include "json_tree.h"

#include "json_binary.h"
#include "json_number.h"
#include "json_plain.h"
#include "json_text.h"
#include "mem.h"

#include <limits.h>
#include <stdlib.h>

typedef struct builder {
    const uint8_t *at;
    const uint8_t *end;
    sio_json_attachment_fn attachment;
    void *arg;
    const sio_mem *mem;
    cJSON *root;
    uint32_t depth;
    cJSON *open[SIO_JSON_DEPTH_CEILING];
} builder;

static void skip_space(builder *b) {
    while (b->at < b->end && *b->at <= ' ') {
        b->at++;
    }
}

/* The string at `at`, quotes and escapes removed, in cJSON's memory. */
static int read_string(builder *b, char **out) {
    const uint8_t *begin = ++b->at;
    bool escaped = false;
    for (;;) {
        b->at = sio_json_skip_plain(b->at, b->end);
        if (*b->at == '"') {
            break;
        }
        bool escape = *b->at == '\\';
        escaped = escaped || escape;
        b->at += 1 + escape;
    }
    size_t len = (size_t)(b->at - begin);
    b->at++;
    char *text = cJSON_malloc(len + 1);
    if (!text) {
        return SIO_ERR_NOMEM;
    }
    if (escaped) {
        len = sio_json_unescape(text, (const char *)begin, len);
        if (memchr(text, '\0', len)) {
            cJSON_free(text);
            return SIO_ERR_JSON_NUL;
        }
    } else {
        memcpy(text, begin, len);
    }
    text[len] = '\0';
    *out = text;
    return 0;
}

static void read_number(builder *b, cJSON *node) {
    const uint8_t *begin = b->at;
    while (b->at < b->end && *b->at != ',' && *b->at != ']' && *b->at != '}' && *b->at > ' ') {
        b->at++;
    }
    const char *text = (const char *)begin;
    size_t len = (size_t)(b->at - begin);
    int64_t integer;
    double value = sio_json_read_int(&integer, text, len) && integer != 0
                       ? (double)integer
                       : sio_json_read_double(text, len);
    node->type = cJSON_Number;
    node->valuedouble = value;
    /* Saturated, as cJSON does. */
    node->valueint = value >= INT_MAX ? INT_MAX : value <= INT_MIN ? INT_MIN : (int)value;
}

static void read_word(builder *b, cJSON *node) {
    uint8_t first = *b->at;
    node->type = first == 't' ? cJSON_True : first == 'f' ? cJSON_False : cJSON_NULL;
    node->valueint = first == 't';
    b->at += first == 'f' ? 5 : 4;
}

/* Behind the last child of the innermost open node; the head's `prev` is the tail. */
static void append_child(builder *b, cJSON *node) {
    if (b->depth == 0) {
        b->root = node;
        return;
    }
    cJSON *parent = b->open[b->depth - 1];
    cJSON *head = parent->child;
    if (!head) {
        parent->child = node;
        node->prev = node;
        return;
    }
    node->prev = head->prev;
    head->prev->next = node;
    head->prev = node;
}

/* The value at `at`, with its key in front inside an object. Arrays and objects are left open. */
static int read_value(builder *b) {
    skip_space(b);
    cJSON *node = cJSON_malloc(sizeof(*node));
    if (!node) {
        return SIO_ERR_NOMEM;
    }
    *node = (cJSON){0};
    append_child(b, node);
    if (b->depth > 0 && b->open[b->depth - 1]->type == cJSON_Object) {
        int rc = read_string(b, &node->string);
        if (rc != 0) {
            return rc;
        }
        skip_space(b);
        b->at++; /* the colon */
        skip_space(b);
    }
    switch (*b->at) {
    case '"':
        node->type = cJSON_String;
        return read_string(b, &node->valuestring);
    case '{':
    case '[':
        node->type = *b->at == '{' ? cJSON_Object : cJSON_Array;
        b->open[b->depth++] = node;
        b->at++;
        return 0;
    case 't':
    case 'f':
    case 'n':
        read_word(b, node);
        return 0;
    default:
        read_number(b, node);
        return 0;
    }
}

/* The last value counts, in the place of the first. `first` stands before `last`. */
static void merge_members(cJSON *object, cJSON *first, cJSON *last) {
    cJSON_DetachItemViaPointer(object, last);
    cJSON_ReplaceItemViaPointer(object, first, last);
}

typedef struct member {
    cJSON *node;
    size_t order;
} member;

static int compare_members(const void *left, const void *right) {
    const member *a = left;
    const member *b = right;
    int order = strcmp(a->node->string, b->node->string);
    if (order != 0) {
        return order;
    }
    return a->order < b->order ? -1 : 1;
}

/* For large objects: equal keys stand side by side once sorted. */
static int merge_by_sorting(builder *b, cJSON *object, size_t count) {
    member *members = sio_mem_alloc_array(b->mem, count, sizeof(*members));
    if (!members) {
        return SIO_ERR_NOMEM;
    }
    size_t at = 0;
    for (cJSON *node = object->child; node; node = node->next) {
        members[at] = (member){node, at};
        at++;
    }
    qsort(members, count, sizeof(*members), compare_members);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(members[i - 1].node->string, members[i].node->string) == 0) {
            merge_members(object, members[i - 1].node, members[i].node);
        }
    }
    sio_mem_release(b->mem, members);
    return 0;
}

/* For small objects: each against those before it. */
static void merge_by_looking(cJSON *object) {
    cJSON *next;
    for (cJSON *node = object->child->next; node; node = next) {
        next = node->next;
        for (cJSON *before = object->child; before != node; before = before->next) {
            if (strcmp(before->string, node->string) == 0) {
                merge_members(object, before, node);
                break;
            }
        }
    }
}

static int merge_duplicates(builder *b, cJSON *object) {
    enum { FEW = 16 };
    size_t count = 0;
    for (const cJSON *node = object->child; node; node = node->next) {
        count++;
    }
    if (count < 2) {
        return 0;
    }
    if (count > FEW) {
        return merge_by_sorting(b, object, count);
    }
    merge_by_looking(object);
    return 0;
}

/* The scan has checked the number of every placeholder. */
static int resolve_placeholder(builder *b, cJSON *object) {
    const cJSON *mark = cJSON_GetObjectItemCaseSensitive(object, "_placeholder");
    if (!cJSON_IsTrue(mark)) {
        return 0;
    }
    const cJSON *num = cJSON_GetObjectItemCaseSensitive(object, "num");
    if (!cJSON_IsNumber(num)) {
        return SIO_ERR_SIO_PLACEHOLDER;
    }
    const cJSON *binary = b->attachment(b->arg, (uint32_t)num->valuedouble);
    if (!binary) {
        return SIO_ERR_NOMEM;
    }
    sio_json_binary_refer(object, binary);
    return 0;
}

static int close_node(builder *b) {
    b->at++;
    cJSON *node = b->open[--b->depth];
    if (node->type != cJSON_Object) {
        return 0;
    }
    int rc = merge_duplicates(b, node);
    return rc == 0 && b->attachment ? resolve_placeholder(b, node) : rc;
}

/* Behind a value, or in an array or object that has just begun: close what ends here, and step over
 * a comma. */
static int close_nodes(builder *b) {
    while (b->depth > 0) {
        skip_space(b);
        if (*b->at == ',') {
            b->at++;
            return 0;
        }
        if (*b->at != ']' && *b->at != '}') {
            return 0;
        }
        int rc = close_node(b);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

int sio_json_build(cJSON **out, const char *text, size_t len, sio_json_attachment_fn attachment,
                   void *arg, const sio_mem *mem) {
    builder b;
    b.at = (const uint8_t *)text;
    b.end = b.at + len;
    b.attachment = attachment;
    b.arg = arg;
    b.mem = mem;
    b.root = NULL;
    b.depth = 0;
    int rc;
    do {
        rc = read_value(&b);
        rc = rc != 0 ? rc : close_nodes(&b);
    } while (rc == 0 && b.depth > 0);
    if (rc != 0) {
        cJSON_Delete(b.root);
        return rc;
    }
    *out = b.root;
    return 0;
}

int sio_json_parse(cJSON **out, const char *text, size_t len, uint32_t max_depth) {
    sio_json_scan scan = {.max_depth = sio_json_depth_limit(max_depth)};
    sio_json_elem elem;
    int rc = sio_json_scan_value(&scan, text, len, &elem);
    if (rc != 0) {
        return rc;
    }
    return sio_json_build(out, text + elem.at, elem.len, NULL, NULL, NULL);
}
