#include "namespace.h"

#include "adapter.h"
#include "parent.h"
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
    sio_list_init(&ns->returning);
    sio_list_init(&ns->in_parent);
    sio_list_init(&ns->idle);
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
    if (rc == 0) {
        rc = sio_table_init(&ns->by_pid, loop);
    }
    return rc;
}

sio_namespace *sio_namespace_new(sio_server *server, const char *name) {
    sio_namespace *ns = namespace_alloc(server, name);
    if (!ns) {
        return NULL;
    }
    if (!sio_nsp_is_valid((sio_str){ns->name, ns->name_len}) ||
        namespace_init(ns, server->loop) != 0) {
        sio_namespace_free(ns);
        return NULL;
    }
    ns->rooms.total = &server->counters.rooms;
    return ns;
}

int sio_namespace_publish(sio_namespace *ns) {
    int rc = sio_adapter_attach(ns);
    return rc != 0 ? rc : sio_table_put(&ns->server->namespaces, ns->name, ns->name_len, ns);
}

int sio_namespace_copy(sio_namespace *ns, const sio_namespace *from) {
    ns->chain = sio_chain_ref(from->chain);
    ns->event_chain = sio_chain_ref(from->event_chain);
    int rc = sio_handlers_copy(&ns->handlers, &from->handlers);
    if (rc == 0) {
        rc = sio_handlers_copy(&ns->on_connection, &from->on_connection);
    }
    if (rc == 0) {
        rc = sio_handlers_copy(&ns->on_room, &from->on_room);
    }
    if (rc == 0) {
        rc = sio_handlers_copy(&ns->outgoing, &from->outgoing);
    }
    if (rc == 0) {
        rc = sio_handlers_copy(&ns->on_server_side, &from->on_server_side);
    }
    return rc;
}

/* One that nobody has been told of. */
static sio_namespace *make(sio_server *server, const char *name) {
    sio_namespace *ns = sio_namespace_new(server, name);
    if (!ns) {
        return NULL;
    }
    sio_parent *parent = sio_parent_matching(server, (sio_str){ns->name, ns->name_len});
    if ((parent ? sio_parent_adopt(parent, ns) : sio_namespace_publish(ns)) != 0) {
        sio_namespace_free(ns);
        return NULL;
    }
    return ns;
}

static sio_namespace *find(sio_server *server, const char *name) {
    if (name[0] == '/') {
        return sio_namespace_lookup(server, (sio_str){name, strlen(name)});
    }
    sio_namespace *ns = namespace_alloc(server, name);
    sio_namespace *found =
        ns ? sio_namespace_lookup(server, (sio_str){ns->name, ns->name_len}) : NULL;
    sio_mem_release(server->mem, ns);
    return found;
}

sio_namespace *sio_server_of(sio_server *server, const char *name) {
    sio_namespace *known = find(server, name);
    if (known) {
        return known;
    }
    sio_namespace *ns = make(server, name);
    if (!ns) {
        return NULL;
    }
    sio_server_enter(server);
    sio_namespace_tell_new(ns);
    bool dead = server->dead;
    sio_server_leave(server);
    return dead ? NULL : ns;
}

void sio_namespace_free(sio_namespace *ns) {
    sio_adapter_detach(ns);
    sio_list_remove(&ns->in_parent);
    sio_list_remove(&ns->idle);
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
    sio_table_done(&ns->by_pid);
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
