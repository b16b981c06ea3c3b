/* cJSON trees to text. The tree is the user's: it may be cyclic, deeper than we want, hold what is
 * no JSON, and its strings may not be UTF-8. */
#include "json_tree.h"

#include "json_binary.h"
#include "mem.h"

#include <string.h>

int sio_json_add_placeholder(sio_buf *out, uint32_t num) {
    int rc = sio_buf_add_text(out, "{\"_placeholder\":true,\"num\":");
    rc = rc != 0 ? rc : sio_buf_add_u64(out, num);
    return rc != 0 ? rc : sio_buf_add_byte(out, '}');
}

static int print_binary(sio_json_printer *p, const cJSON *item) {
    sio_bytes data = sio_json_binary_get(item);
    sio_bytes *seen = p->seen.items;
    uint32_t index = 0;
    while (index < p->seen.count && seen[index].ptr != data.ptr) {
        index++;
    }
    if (index == p->seen.count) {
        if (index >= p->max_seen) {
            return SIO_ERR_SIO_TOO_MANY_ATTACHMENTS;
        }
        int rc = sio_json_table_grow(&p->seen, sizeof(data), p->out->mem);
        if (rc != 0) {
            return rc;
        }
        seen = p->seen.items;
        seen[p->seen.count++] = data;
    }
    return sio_json_add_placeholder(p->out, p->first_num + index);
}

static int print_raw(sio_json_printer *p, const char *text, uint32_t depth) {
    size_t len = strlen(text);
    sio_json_elem elem;
    sio_json_scan scan = {.max_depth = p->max_depth - depth};
    int rc = sio_json_scan_value(&scan, text, len, &elem);
    if (rc != 0) {
        return rc;
    }
    p->looks_alike = p->looks_alike || (elem.flags & SIO_JSON_PLACEHOLDER) != 0;
    return sio_buf_add(p->out, text + elem.at, elem.len);
}

static int print_scalar(sio_json_printer *p, const cJSON *item, uint32_t depth) {
    if (sio_json_is_binary(item)) {
        return print_binary(p, item);
    }
    switch (item->type & 0xFF) {
    case cJSON_NULL:
        return sio_buf_add(p->out, "null", 4);
    case cJSON_True:
        return sio_buf_add(p->out, "true", 4);
    case cJSON_False:
        return sio_buf_add(p->out, "false", 5);
    case cJSON_Number:
        return sio_json_add_double(p->out, item->valuedouble);
    case cJSON_String:
        return item->valuestring
                   ? sio_json_add_string(p->out, item->valuestring, strlen(item->valuestring))
                   : SIO_ERR_TYPE;
    case cJSON_Raw:
        return item->valuestring ? print_raw(p, item->valuestring, depth) : SIO_ERR_TYPE;
    default:
        return SIO_ERR_TYPE;
    }
}

static bool is_object(const cJSON *item) {
    return (item->type & 0xFF) == cJSON_Object;
}

static bool is_container(const cJSON *item) {
    return is_object(item) || (item->type & 0xFF) == cJSON_Array;
}

/* The key of a member, with its colon. A member without a key has the empty one, as in cJSON. */
static int print_key(sio_json_printer *p, const cJSON *parent, const cJSON *item) {
    if (!is_object(parent)) {
        return 0;
    }
    const char *key = item->string ? item->string : "";
    if ((item->type & 0xFF) == cJSON_True && strcmp(key, "_placeholder") == 0) {
        p->looks_alike = true;
    }
    int rc = sio_json_add_string(p->out, key, strlen(key));
    return rc != 0 ? rc : sio_buf_add_byte(p->out, ':');
}

/* Step to the next sibling. A list in order names its neighbours both ways, so one that runs into
 * itself must come back to its head. */
static int print_step(sio_json_printer *p, const cJSON *parent, const cJSON **item) {
    const cJSON *next = (*item)->next;
    if (next->prev != *item || next == parent->child) {
        return SIO_ERR_JSON_CYCLE;
    }
    *item = next;
    int rc = sio_buf_add_byte(p->out, ',');
    return rc != 0 ? rc : print_key(p, parent, next);
}

int sio_json_print_tree(sio_json_printer *p, const cJSON *item) {
    const cJSON *open[SIO_JSON_MAX_DEPTH];
    uint32_t depth = 0;
    int rc = 0;
    for (;;) {
        if (is_container(item)) {
            if (depth == p->max_depth) {
                return SIO_ERR_JSON_CYCLE;
            }
            open[depth++] = item;
            rc = sio_buf_add_byte(p->out, is_object(item) ? '{' : '[');
            if (rc == 0 && item->child) {
                item = item->child;
                rc = print_key(p, open[depth - 1], item);
                if (rc != 0) {
                    return rc;
                }
                continue;
            }
            rc = rc != 0 ? rc : sio_buf_add_byte(p->out, is_object(item) ? '}' : ']');
            depth--;
        } else {
            rc = print_scalar(p, item, depth);
        }
        while (rc == 0 && depth > 0 && !item->next) {
            item = open[--depth];
            rc = sio_buf_add_byte(p->out, is_object(item) ? '}' : ']');
        }
        if (rc != 0 || depth == 0) {
            return rc;
        }
        rc = print_step(p, open[depth - 1], &item);
        if (rc != 0) {
            return rc;
        }
    }
}

int sio_json_print(sio_buf *out, const cJSON *item) {
    if (!item) {
        return SIO_ERR_TYPE;
    }
    sio_json_printer printer = {
        .out = out, .max_depth = SIO_JSON_MAX_DEPTH, .max_seen = SIO_JSON_MAX_BINARIES};
    size_t before = out->len;
    int rc = sio_json_print_tree(&printer, item);
    sio_mem_release(out->mem, printer.seen.items);
    if (rc != 0) {
        out->len = before;
    }
    return rc;
}
