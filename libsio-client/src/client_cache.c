/* Clients that are found again by where they connect to. */
#include "client_state.h"
#include "options.h"
#include "socket.h"

#include <sio/client_cache.h>

#include "mem.h"

#include <string.h>

struct sio_client_cache {
    const sio_mem *mem;
    sio_list clients;
};

int sio_client_cache_new(sio_client_cache **out, const sio_mem *mem) {
    sio_client_cache *cache = sio_mem_alloc(mem, sizeof(*cache));
    if (!cache) {
        return SIO_ERR_NOMEM;
    }
    cache->mem = mem;
    sio_list_init(&cache->clients);
    *out = cache;
    return 0;
}

void sio_client_cache_free(sio_client_cache *cache) {
    if (!cache) {
        return;
    }
    while (sio_list_shift(&cache->clients)) {
    }
    sio_mem_release(cache->mem, cache);
}

sio_client *sio_client_ref(sio_client *client) {
    client->refs++;
    return client;
}

void sio_client_unref(sio_client *client) {
    if (client && --client->refs == 0) {
        sio_client_free(client);
    }
}

/* ---- finding ---- */

static bool same_text(sio_str a, sio_str b) {
    return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

static sio_client *find(const sio_client_cache *cache, const sio_url *url,
                        const sio_client_options *options) {
    for (sio_list *at = cache->clients.next; at != &cache->clients; at = at->next) {
        sio_client *client = SIO_CONTAINER(at, sio_client, cache_link);
        sio_url there = sio_client_url(client);
        if (there.tls == url->tls && there.port == url->port && same_text(there.host, url->host) &&
            strcmp(client->path, options->path) == 0 &&
            client->rules->options.base == options->base &&
            client->rules->options.loop == options->loop) {
            return client;
        }
    }
    return NULL;
}

int sio_client_cache_socket(sio_socket **out, sio_client_cache *cache, const char *url,
                            const sio_client_options *options, bool force_new) {
    sio_client_options full;
    sio_url parts;
    int rc = url ? sio_client_options_read(&full, options) : SIO_ERR_URL;
    if (rc == 0) {
        rc = sio_url_parse(&parts, (sio_str){url, strlen(url)});
    }
    if (rc == 0 && !sio_nsp_is_valid(parts.path)) {
        rc = SIO_ERR_SIO_NAMESPACE;
    }
    if (rc != 0) {
        return rc;
    }
    sio_client *cached = force_new ? NULL : find(cache, &parts, &full);
    bool usable = cached && !sio_socket_lookup(cached, parts.path);
    sio_client *client = usable ? sio_client_ref(cached) : NULL;
    if (!client) {
        rc = sio_client_new(&client, url, &full);
    }
    char *nsp = rc == 0 ? sio_mem_strndup(cache->mem, parts.path.ptr, parts.path.len) : NULL;
    sio_socket *socket = nsp ? sio_client_socket(client, nsp) : NULL;
    sio_mem_release(cache->mem, nsp);
    if (!socket) {
        sio_client_unref(client);
        return rc != 0 ? rc : SIO_ERR_NOMEM;
    }
    if (!cached && !force_new) {
        sio_list_push(&cache->clients, &client->cache_link);
    }
    *out = socket;
    return 0;
}
