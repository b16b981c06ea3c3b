#include <sio/buffer.h>

#include "mem.h"

#include <stdatomic.h>
#include <string.h>

enum { BUF_FIRST_CAP = 64 };

void sio_buf_init(sio_buf *buf, size_t max, const sio_mem *mem) {
    *buf = (sio_buf){.max = max, .mem = mem};
}

void sio_buf_free(sio_buf *buf) {
    if (!buf) {
        return;
    }
    sio_mem_release(buf->mem, buf->data);
    buf->data = NULL;
    buf->len = 0;
    buf->cap = 0;
}

static int buf_grow(sio_buf *buf, size_t need) {
    /* Doubling makes many small additions cheap. A large one has its room and some more: it is
     * mostly the last but for a bracket. */
    size_t cap = buf->cap < BUF_FIRST_CAP / 2 ? BUF_FIRST_CAP / 2 : buf->cap;
    cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    if (cap < need) {
        cap = need > SIZE_MAX - need / 8 ? need : need + need / 8;
    }
    if (buf->max != 0 && cap > buf->max) {
        cap = buf->max;
    }
    uint8_t *data = sio_mem_resize(buf->mem, buf->data, cap);
    if (!data) {
        return SIO_ERR_NOMEM;
    }
    buf->data = data;
    buf->cap = cap;
    return 0;
}

int sio_buf_reserve(sio_buf *buf, size_t more) {
    if (more <= buf->cap - buf->len) {
        return 0;
    }
    if (more > SIZE_MAX - buf->len) {
        return SIO_ERR_LIMIT;
    }
    size_t need = buf->len + more;
    if (buf->max != 0 && need > buf->max) {
        return SIO_ERR_LIMIT;
    }
    return buf_grow(buf, need);
}

int sio_buf_add(sio_buf *buf, const void *data, size_t len) {
    if (len == 0) {
        return 0;
    }
    int rc = sio_buf_reserve(buf, len);
    if (rc != 0) {
        return rc;
    }
    memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    return 0;
}

int sio_buf_add_byte(sio_buf *buf, uint8_t byte) {
    int rc = sio_buf_reserve(buf, 1);
    if (rc != 0) {
        return rc;
    }
    buf->data[buf->len++] = byte;
    return 0;
}

int sio_buf_add_text(sio_buf *buf, const char *text) {
    return sio_buf_add(buf, text, strlen(text));
}

int sio_buf_add_u64(sio_buf *buf, uint64_t value) {
    char digits[20];
    size_t first = sizeof(digits);
    do {
        digits[--first] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    return sio_buf_add(buf, digits + first, sizeof(digits) - first);
}

void sio_buf_drop(sio_buf *buf, size_t count) {
    if (count == 0) {
        return;
    }
    memmove(buf->data, buf->data + count, buf->len - count);
    buf->len -= count;
}

/* What stands behind the public view. The bytes follow the struct, or are a buffer taken over. */
typedef struct blob {
    sio_blob view;
    atomic_size_t refs;
    void *taken;
    bool has_mem;
    sio_mem mem;
} blob;

static const sio_mem *blob_mem(const blob *b) {
    return b->has_mem ? &b->mem : NULL;
}

static blob *blob_alloc(size_t extra, const sio_mem *mem) {
    if (extra > SIZE_MAX - sizeof(blob)) {
        return NULL;
    }
    blob *b = sio_mem_alloc(mem, sizeof(*b) + extra);
    if (!b) {
        return NULL;
    }
    atomic_init(&b->refs, 1);
    b->taken = NULL;
    b->has_mem = mem != NULL;
    if (mem) {
        b->mem = *mem;
    }
    return b;
}

int sio_blob_new(sio_blob **out, const void *data, size_t len, const sio_mem *mem) {
    blob *b = blob_alloc(len, mem);
    if (!b) {
        return SIO_ERR_NOMEM;
    }
    uint8_t *bytes = (uint8_t *)(b + 1);
    if (len > 0) {
        memcpy(bytes, data, len);
    }
    b->view = (sio_blob){.data = bytes, .len = len};
    *out = &b->view;
    return 0;
}

int sio_blob_take(sio_blob **out, sio_buf *buf) {
    blob *b = blob_alloc(0, buf->mem);
    if (!b) {
        sio_buf_free(buf);
        return SIO_ERR_NOMEM;
    }
    b->taken = buf->data;
    b->view = (sio_blob){.data = buf->data, .len = buf->len};
    buf->data = NULL;
    buf->len = 0;
    buf->cap = 0;
    *out = &b->view;
    return 0;
}

sio_blob *sio_blob_ref(sio_blob *shared) {
    blob *b = (blob *)shared;
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return shared;
}

void sio_blob_unref(sio_blob *shared) {
    if (!shared) {
        return;
    }
    blob *b = (blob *)shared;
    if (atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    sio_mem mem = b->has_mem ? b->mem : (sio_mem){0};
    const sio_mem *owner = blob_mem(b) ? &mem : NULL;
    sio_mem_release(owner, b->taken);
    sio_mem_release(owner, b);
}
