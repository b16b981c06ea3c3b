/* TLS settings of a client, one object for all clients of a loop that were given the same: reading
 * the system's authorities alone takes a megabyte, and a session that one of them has got shortens
 * the handshakes of the others. */
#include "client_tls.h"

#include "client_state.h"

#include "mem.h"

#include <net/random.h>
#include <net/table.h>

#include <string.h>
#include <sys/stat.h>

/* ---- telling settings apart ---- */

/* NULL and the empty text are not the same. */
static int add_text(sio_buf *out, const char *text) {
    uint64_t len = text ? strlen(text) : UINT64_MAX;
    int rc = sio_buf_add(out, &len, sizeof(len));
    return rc == 0 && text ? sio_buf_add(out, text, (size_t)len) : rc;
}

/* A file that was replaced is another one. */
static int add_file(sio_buf *out, const char *path) {
    struct stat st;
    int rc = add_text(out, path);
    if (rc != 0 || !path || stat(path, &st) != 0) {
        return rc;
    }
    const int64_t marks[] = {(int64_t)st.st_dev, (int64_t)st.st_ino, (int64_t)st.st_size,
                             (int64_t)st.st_mtim.tv_sec, (int64_t)st.st_mtim.tv_nsec};
    return sio_buf_add(out, marks, sizeof(marks));
}

static int add_all(sio_buf *out, const sio_tls_options *o) {
    const char *const files[] = {o->ca_file, o->ca_dir, o->cert_file, o->key_file, o->pkcs12_file};
    const char *const texts[] = {o->ca_pem,  o->cert_pem, o->key_pem, o->passphrase,
                                 o->ciphers, o->alpn,     o->pins};
    const uint64_t numbers[] = {(uint64_t)(uintptr_t)o->context, (uint64_t)o->min_version,
                                o->insecure};
    int rc = sio_buf_add(out, numbers, sizeof(numbers));
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && rc == 0; i++) {
        rc = add_file(out, files[i]);
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) && rc == 0; i++) {
        rc = add_text(out, texts[i]);
    }
    return rc;
}

/* 128 bits under random keys: keys and passphrases themselves are not kept. */
static int make_tag(sio_client_tls_cache *cache, uint64_t tag[2], const sio_tls_options *options,
                    const sio_mem *mem) {
    sio_buf all;
    sio_buf_init(&all, SIZE_MAX, mem);
    int rc = add_all(&all, options);
    if (rc == 0) {
        tag[0] = sio_siphash13(cache->keys[0], all.data, all.len);
        tag[1] = sio_siphash13(cache->keys[1], all.data, all.len);
    }
    if (all.data) {
        explicit_bzero(all.data, all.len);
    }
    sio_buf_free(&all);
    return rc;
}

/* ---- sharing ---- */

int sio_client_tls_get(sio_tls **out, sio_client *client, const sio_tls_options *options,
                       char detail[SIO_TLS_DETAIL_MAX]) {
    if (!client->shared) {
        return sio_tls_client_new(out, options, detail, client->mem);
    }
    sio_client_tls_cache *cache = &client->home->tls;
    uint64_t tag[2];
    int rc = cache->newest ? 0 : sio_random_fill(client->loop, cache->keys, sizeof(cache->keys));
    if (rc == 0) {
        rc = make_tag(cache, tag, options, client->mem);
    }
    if (rc == 0 && cache->newest && memcmp(tag, cache->tag, sizeof(tag)) == 0) {
        *out = sio_tls_ref(cache->newest);
        return 0;
    }
    sio_tls *made = NULL;
    if (rc == 0) {
        rc = sio_tls_client_new(&made, options, detail, client->mem);
    }
    if (rc != 0) {
        return rc;
    }
    sio_tls_unref(cache->newest);
    cache->newest = sio_tls_ref(made);
    memcpy(cache->tag, tag, sizeof(tag));
    *out = made;
    return 0;
}
