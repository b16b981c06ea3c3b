#include "namespace.h"

#include "adapter.h"
#include "peer.h"

#include "mem.h"

#include <string.h>

sio_namespace *sio_namespace_lookup(const sio_server *server, sio_str name) {
    return sio_table_get(&server->namespaces, name.ptr, name.len);
}

static sio_namespace *namespace_alloc(sio_server *server, const char *name) {
    size_t slash = name[0] == '/' ? 0 : 1;
    size_t len = strlen(name) + slash;
    if (len >= UINT32_MAX) {
        return NULL;
    }
    sio_namespace *ns = sio_mem_zalloc(server->mem, sizeof(*ns) + len + 1);
    if (!ns) {
        return NULL;
    }
    ns->server = server;
    ns->name_len = (uint32_t)len;
    ns->name[0] = '/';
    memcpy(ns->name + slash, name, len + 1 - slash);
    sio_list_init(&ns->peers);
    sio_list_init(&ns->pending);
    sio_list_init(&ns->joining);
    return ns;
}

static int namespace_init(sio_namespace *ns, sio_loop *loop) {
    int rc = sio_handlers_init(&ns->handlers, loop);
    if (rc == 0) {
        rc = sio_handlers_init(&ns->on_connection, loop);
    }
    if (rc == 0) {
        rc = sio_handlers_init(&ns->on_room, loop);
    }
    if (rc == 0) {
        rc = sio_handlers_init(&ns->outgoing, loop);
    }
    if (rc == 0) {
        rc = sio_handlers_init(&ns->on_server_side, loop);
    }
    if (rc == 0) {
        rc = sio_handlers_init(&ns->on_pressure, loop);
    }
    if (rc == 0) {
        rc = sio_table_init(&ns->awaited, loop);
    }
    if (rc == 0) {
        rc = sio_room_index_init(&ns->rooms, loop);
    }
    if (rc == 0) {
        rc = sio_table_init(&ns->by_id, loop);
    }
    return rc;
}

sio_namespace *sio_server_of(sio_server *server, const char *name) {
    sio_str given = {name, strlen(name)};
    sio_namespace *known = sio_namespace_lookup(server, given);
    if (known || (name[0] == '/' && !sio_nsp_is_valid(given))) {
        return known;
    }
    sio_namespace *ns = namespace_alloc(server, name);
    if (!ns) {
        return NULL;
    }
    sio_str full = {ns->name, ns->name_len};
    sio_namespace *present = sio_namespace_lookup(server, full);
    if (present || !sio_nsp_is_valid(full)) {
        sio_mem_release(server->mem, ns);
        return present;
    }
    if (namespace_init(ns, server->loop) != 0 || sio_adapter_attach(ns) != 0 ||
        sio_table_put(&server->namespaces, ns->name, ns->name_len, ns) != 0) {
        sio_namespace_free(ns);
        return NULL;
    }
    return ns;
}

void sio_namespace_free(sio_namespace *ns) {
    sio_adapter_detach(ns);
    sio_handlers_done(&ns->handlers);
    sio_handlers_done(&ns->on_connection);
    sio_handlers_done(&ns->on_room);
    sio_handlers_done(&ns->outgoing);
    sio_handlers_done(&ns->on_server_side);
    sio_handlers_done(&ns->on_pressure);
    sio_table_done(&ns->awaited);
    sio_chain_unref(ns->chain);
    sio_chain_unref(ns->event_chain);
    sio_room_index_done(&ns->rooms);
    sio_table_done(&ns->by_id);
    sio_mem_release(ns->server->mem, ns);
}

const char *sio_namespace_name(const sio_namespace *ns) {
    return ns->name;
}

sio_server *sio_namespace_server(const sio_namespace *ns) {
    return ns->server;
}

size_t sio_namespace_peer_count(const sio_namespace *ns) {
    return ns->peer_count;
}

size_t sio_namespace_joining_count(const sio_namespace *ns) {
    return ns->joining_count;
}

sio_peer *sio_namespace_find(const sio_namespace *ns, const char *id) {
    return sio_table_get(&ns->by_id, id, strlen(id));
}

int sio_namespace_each(sio_namespace *ns, void (*fn)(sio_peer *peer, void *user), void *user) {
    if (ns->peer_count == 0) {
        return 0;
    }
    sio_server *server = ns->server;
    const sio_mem *mem = server->mem;
    sio_peer **snapshot = sio_mem_alloc_array(mem, ns->peer_count, sizeof(sio_peer *));
    if (!snapshot) {
        return SIO_ERR_NOMEM;
    }
    sio_server_enter(server);
    size_t count = 0;
    for (sio_list *at = ns->peers.next; at != &ns->peers; at = at->next) {
        snapshot[count++] = sio_peer_ref(SIO_CONTAINER(at, sio_peer, link));
    }
    for (size_t i = 0; i < count; i++) {
        if (snapshot[i]->connected && !server->dead) {
            fn(snapshot[i], user);
        }
        sio_peer_unref(snapshot[i]);
    }
    sio_mem_release(mem, snapshot);
    sio_server_leave(server);
    return 0;
}
