#include "file_cache.h"

#include "static_files.h"

#include "mem.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

typedef struct entry {
    sio_list link;
    sio_file_id id;
    sio_http_encoding encoding;
    sio_blob *blob;
} entry;

void sio_file_cache_init(sio_file_cache *cache, const sio_mem *mem) {
    *cache = (sio_file_cache){.mem = mem};
    sio_list_init(&cache->entries);
}

static void drop(sio_file_cache *cache, entry *e) {
    sio_list_remove(&e->link);
    cache->bytes -= e->blob->len;
    sio_blob_unref(e->blob);
    sio_mem_release(cache->mem, e);
}

void sio_file_cache_done(sio_file_cache *cache) {
    while (!sio_list_empty(&cache->entries)) {
        drop(cache, SIO_CONTAINER(cache->entries.next, entry, link));
    }
    sio_http_coder_free(cache->coder[0]);
    sio_http_coder_free(cache->coder[1]);
}

static bool same(const sio_file_id *a, const sio_file_id *b) {
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified_ns == b->modified_ns;
}

static entry *find(sio_file_cache *cache, const sio_file_id *id, sio_http_encoding encoding) {
    for (sio_list *at = cache->entries.next; at != &cache->entries; at = at->next) {
        entry *e = SIO_CONTAINER(at, entry, link);
        if (e->encoding == encoding && same(&e->id, id)) {
            return e;
        }
    }
    return NULL;
}

/* The whole of it and nothing else, or nothing. */
static int read_file(sio_buf *out, const sio_file *file) {
    int rc = sio_buf_reserve(out, (size_t)file->size);
    while (rc == 0 && out->len < file->size) {
        ssize_t n =
            pread(file->fd, out->data + out->len, (size_t)file->size - out->len, (off_t)out->len);
        if (n > 0) {
            out->len += (size_t)n;
        } else if (n == 0 || errno != EINTR) {
            rc = SIO_ERR_NOT_FOUND;
        }
    }
    return rc;
}

static int compress_file(sio_file_cache *cache, sio_blob **out, const sio_file *file,
                         sio_http_encoding encoding) {
    sio_http_coder **coder = &cache->coder[encoding == SIO_HTTP_GZIP ? 0 : 1];
    sio_buf plain;
    sio_buf packed;
    sio_buf_init(&plain, 0, cache->mem);
    sio_buf_init(&packed, 0, cache->mem);
    int rc = *coder ? 0 : sio_http_coder_new(coder, encoding, 0, cache->mem);
    if (rc == 0) {
        rc = read_file(&plain, file);
    }
    if (rc == 0) {
        rc = sio_http_coder_write(*coder, &packed, plain.data, plain.len, true);
    }
    if (rc == 0) {
        rc = sio_blob_new(out, packed.data, packed.len, cache->mem); /* without spare room */
    }
    sio_buf_free(&plain);
    sio_buf_free(&packed);
    return rc;
}

static entry *add(sio_file_cache *cache, const sio_file *file, sio_http_encoding encoding) {
    entry *e = sio_mem_zalloc(cache->mem, sizeof(*e));
    if (!e || compress_file(cache, &e->blob, file, encoding) != 0) {
        sio_mem_release(cache->mem, e);
        return NULL;
    }
    e->id = file->id;
    e->encoding = encoding;
    sio_list_init(&e->link);
    cache->bytes += e->blob->len;
    while (cache->bytes > SIO_FILE_CACHE_BYTES_MAX && !sio_list_empty(&cache->entries)) {
        drop(cache, SIO_CONTAINER(cache->entries.next, entry, link));
    }
    return e;
}

const sio_blob *sio_file_cache_get(sio_file_cache *cache, const sio_file *file,
                                   sio_http_encoding encoding) {
    if (file->size > SIO_FILE_CACHE_SOURCE_MAX) {
        return NULL;
    }
    entry *e = find(cache, &file->id, encoding);
    if (e) {
        sio_list_remove(&e->link);
    } else {
        e = add(cache, file, encoding);
    }
    if (!e) {
        return NULL;
    }
    sio_list_push(&cache->entries, &e->link);
    return e->blob;
}
