#include "old_auth.h"

#include <sio/json.h>
#include <sio/url.h>

#include <string.h>

typedef struct param {
    size_t name; /* where its decoded name starts in `names` */
    size_t name_len;
    sio_str value; /* raw */
} param;

typedef struct params {
    sio_buf names;
    param list[SIO_OLD_AUTH_MAX];
    size_t count;
} params;

static const char *name_of(const params *all, const param *one) {
    return one->name_len > 0 ? (const char *)all->names.data + one->name : "";
}

static param *find(params *all, const param *one) {
    for (size_t i = 0; i < all->count; i++) {
        param *other = &all->list[i];
        if (other->name_len == one->name_len &&
            memcmp(name_of(all, other), name_of(all, one), one->name_len) == 0) {
            return other;
        }
    }
    return NULL;
}

static int collect(params *all, sio_str query) {
    sio_str name;
    param one;
    for (unsigned i = 0; i < SIO_OLD_AUTH_MAX && sio_query_next(&query, &name, &one.value); i++) {
        one.name = all->names.len;
        int rc = sio_query_decode(&all->names, name, SIO_QUERY_FORM);
        if (rc != 0) {
            return rc;
        }
        one.name_len = all->names.len - one.name;
        param *same = find(all, &one);
        if (same) {
            same->value = one.value;
        } else {
            all->list[all->count++] = one;
        }
    }
    return 0;
}

static int write_value(sio_buf *out, sio_buf *scratch, sio_str raw) {
    scratch->len = 0;
    int rc = sio_query_decode(scratch, raw, SIO_QUERY_FORM);
    const char *text = scratch->len > 0 ? (const char *)scratch->data : "";
    return rc != 0 ? rc : sio_json_add_string(out, text, scratch->len);
}

static int write_all(sio_buf *out, sio_buf *scratch, const params *all) {
    int rc = sio_buf_add_byte(out, '{');
    for (size_t i = 0; rc == 0 && i < all->count; i++) {
        const param *one = &all->list[i];
        rc = i > 0 ? sio_buf_add_byte(out, ',') : 0;
        if (rc == 0) {
            rc = sio_json_add_string(out, name_of(all, one), one->name_len);
        }
        if (rc == 0) {
            rc = sio_buf_add_byte(out, ':');
        }
        if (rc == 0) {
            rc = write_value(out, scratch, one->value);
        }
    }
    return rc != 0 ? rc : sio_buf_add_byte(out, '}');
}

int sio_old_auth_write(sio_buf *out, sio_str query) {
    params all = {.count = 0};
    sio_buf scratch;
    sio_buf_init(&all.names, 0, out->mem);
    sio_buf_init(&scratch, 0, out->mem);
    int rc = collect(&all, query);
    if (rc == 0) {
        rc = write_all(out, &scratch, &all);
    }
    sio_buf_free(&scratch);
    sio_buf_free(&all.names);
    return rc;
}
