#include "parent.h"

#include "adapter.h"
#include "peer.h"

#include "mem.h"

#include <stdio.h>
#include <string.h>

/* ---- asking ---- */

sio_parent *sio_parent_after(const sio_server *server, const sio_list *at) {
    return at->next == &server->parents ? NULL : SIO_CONTAINER(at->next, sio_parent, link);
}

/* Clients choose the name, and the C library's effort grows with it. */
bool sio_parent_matches(const sio_parent *parent, sio_str name) {
    char text[SIO_PATTERN_NAME_MAX + 1];
    if (parent->fn || name.len > SIO_PATTERN_NAME_MAX) {
        return false;
    }
    memcpy(text, name.ptr, name.len);
    text[name.len] = '\0';
    return regexec(&parent->pattern, text, 0, NULL, 0) == 0;
}

sio_parent *sio_parent_matching(const sio_server *server, sio_str name) {
    sio_parent *parent = sio_parent_after(server, &server->parents);
    while (parent && !sio_parent_matches(parent, name)) {
        parent = sio_parent_after(server, &parent->link);
    }
    return parent;
}

/* ---- children ---- */

int sio_parent_adopt(sio_parent *parent, sio_namespace *ns) {
    sio_server *server = ns->server;
    int rc = sio_namespace_copy(ns, parent->ns);
    ns->parent = parent;
    if (rc == 0) {
        rc = sio_namespace_publish(ns);
    }
    if (rc != 0) {
        ns->parent = NULL;
        return rc;
    }
    ns->next_ack_id = server->child_ack_ids;
    parent->child_count++;
    server->child_count++;
    sio_list_push(&parent->children, &ns->in_parent);
    return 0;
}

int sio_parent_provide(sio_namespace **out, sio_parent *parent, const char *name) {
    sio_server *server = parent->ns->server;
    sio_namespace *ns = sio_namespace_lookup(server, (sio_str){name, strlen(name)});
    if (ns) {
        *out = ns;
        return 0;
    }
    if (server->child_count >= server->max_child_namespaces) {
        SIO_LOG(&server->log, SIO_LOG_WARN, "socket.io:server", "no more than %u child namespaces",
                (unsigned)server->max_child_namespaces);
        return SIO_ERR_LIMIT;
    }
    ns = sio_namespace_new(server, name);
    if (!ns) {
        return SIO_ERR_NOMEM;
    }
    int rc = sio_parent_adopt(parent, ns);
    if (rc != 0) {
        sio_namespace_free(ns);
        return rc;
    }
    *out = ns;
    sio_namespace_tell_new(ns);
    return 0;
}

/* ---- their end ----
 *
 * A child that is left alone is looked at again in the deferred queue, when nothing is on the stack
 * any more that came by its pointer. If it still is alone it is taken out of the tables, and its
 * memory goes with the last peer's, which the application may have kept. */

static bool is_alone(const sio_namespace *ns) {
    return ns->peer_count == 0 && ns->joining_count == 0;
}

static void look_later(sio_namespace *ns) {
    sio_server *server = ns->server;
    if (!sio_list_linked(&ns->idle)) {
        sio_list_push(&server->idle_children, &ns->idle);
    }
    sio_loop_defer(server->loop, &server->idle_task);
}

void sio_child_left(sio_namespace *ns) {
    if (ns->parent && ns->server->cleanup_children && !ns->removed && is_alone(ns)) {
        look_later(ns);
    }
}

void sio_child_unref(sio_namespace *ns) {
    ns->peer_objects--;
    if (ns->removed && ns->peer_objects == 0) {
        look_later(ns);
    }
}

static void adapter_closed(int status, void *user) {
    sio_namespace *ns = user;
    ns->adapter_closing = false;
    if (ns->peer_objects == 0) {
        look_later(ns);
    }
}

static void remove_child(sio_namespace *ns) {
    sio_server *server = ns->server;
    SIO_LOG(&server->log, SIO_LOG_DEBUG, "socket.io:parent-namespace",
            "%s has no peers any more and goes", ns->name);
    ns->removed = true;
    ns->adapter_closing = true;
    ns->parent->child_count--;
    ns->parent = NULL;
    server->child_count--;
    if (ns->next_ack_id > server->child_ack_ids) {
        server->child_ack_ids = ns->next_ack_id;
    }
    sio_table_remove(&server->namespaces, ns->name, ns->name_len);
    sio_list_remove(&ns->in_parent);
    sio_list_push(&server->removed_children, &ns->in_parent);
    sio_adapter_end(ns, adapter_closed, ns);
}

/* Those of a server that is closing are left to it. */
static void look(sio_namespace *ns) {
    const sio_server *server = ns->server;
    if (!ns->removed && is_alone(ns) && !server->closing) {
        ns->peer_objects++; /* stays while callbacks of its adapter run */
        remove_child(ns);
        ns->peer_objects--;
    }
    if (ns->removed && ns->peer_objects == 0 && !ns->adapter_closing) {
        sio_namespace_free(ns);
    }
}

static void on_idle(void *ctx) {
    sio_server *server = ctx;
    sio_list *first;
    sio_server_enter(server);
    while (!server->dead && (first = sio_list_shift(&server->idle_children)) != NULL) {
        look(SIO_CONTAINER(first, sio_namespace, idle));
    }
    sio_server_leave(server);
}

/* ---- those who want to know ---- */

void sio_namespace_tell_new(sio_namespace *ns) {
    sio_server *server = ns->server;
    sio_handler_walk walk;
    sio_handler handler;
    sio_server_enter(server);
    sio_handlers_begin(&walk, &server->on_new_namespace.any);
    while (!server->dead && sio_handlers_next(&walk, &handler)) {
        ((sio_new_namespace_fn)handler.fn)(ns, handler.user);
    }
    sio_handlers_end(&walk, &server->on_new_namespace);
    sio_server_leave(server);
}

int sio_server_on_new_namespace(sio_server *server, sio_new_namespace_fn fn, void *user) {
    return sio_handlers_add(&server->on_new_namespace, NULL, (sio_handler_fn)fn, user, false);
}

int sio_server_off_new_namespace(sio_server *server, sio_new_namespace_fn fn, void *user) {
    return sio_handlers_remove(&server->on_new_namespace, NULL, (sio_handler_fn)fn, user);
}

/* ---- parents ---- */

static void parent_free(sio_parent *parent) {
    const sio_mem *mem = parent->ns->server->mem;
    if (!parent->fn) {
        regfree(&parent->pattern);
    }
    sio_namespace_free(parent->ns);
    sio_mem_release(mem, parent);
}

static sio_namespace *parent_namespace(sio_server *server, sio_parent *parent) {
    char name[16];
    snprintf(name, sizeof(name), "/_%u", server->parents_made);
    sio_namespace *ns = sio_namespace_new(server, name);
    if (ns) {
        ns->as_parent = parent;
        if (sio_adapter_attach(ns) != 0) {
            sio_namespace_free(ns);
            return NULL;
        }
        server->parents_made++;
    }
    return ns;
}

static sio_parent *parent_new(sio_server *server) {
    sio_parent *parent = sio_mem_zalloc(server->mem, sizeof(*parent));
    if (!parent) {
        return NULL;
    }
    parent->ns = parent_namespace(server, parent);
    if (!parent->ns) {
        sio_mem_release(server->mem, parent);
        return NULL;
    }
    sio_list_init(&parent->link);
    sio_list_init(&parent->children);
    return parent;
}

sio_namespace *sio_server_of_pattern(sio_server *server, const char *ere) {
    regex_t pattern;
    int failed = regcomp(&pattern, ere, REG_EXTENDED | REG_NOSUB);
    if (failed != 0) {
        char text[128];
        regerror(failed, &pattern, text, sizeof(text));
        SIO_LOG(&server->log, SIO_LOG_ERROR, "socket.io:server", "pattern %s: %s", ere, text);
        return NULL;
    }
    sio_parent *parent = parent_new(server);
    if (!parent) {
        regfree(&pattern);
        return NULL;
    }
    parent->pattern = pattern;
    sio_list_push(&server->parents, &parent->link);
    return parent->ns;
}

sio_namespace *sio_server_of_match(sio_server *server, sio_match_fn fn, void *user) {
    sio_parent *parent = parent_new(server);
    if (!parent) {
        return NULL;
    }
    parent->fn = fn;
    parent->user = user;
    sio_list_push(&server->parents, &parent->link);
    return parent->ns;
}

size_t sio_namespace_child_count(const sio_namespace *ns) {
    return ns->as_parent ? ns->as_parent->child_count : 0;
}

sio_namespace *sio_namespace_parent(const sio_namespace *ns) {
    return ns->parent ? ns->parent->ns : NULL;
}

/* ---- the server's share ---- */

sio_namespace *sio_parent_with_adapter(const sio_server *server) {
    sio_parent *parent = sio_parent_after(server, &server->parents);
    while (parent && parent->ns->adapter_ended) {
        parent = sio_parent_after(server, &parent->link);
    }
    return parent ? parent->ns : NULL;
}

void sio_parents_renew_adapters(const sio_server *server) {
    sio_list *at = server->parents.next;
    for (; at != &server->parents; at = at->next) {
        sio_adapter_renew(SIO_CONTAINER(at, sio_parent, link)->ns);
    }
}

void sio_parents_init(sio_server *server) {
    sio_list_init(&server->parents);
    sio_list_init(&server->idle_children);
    sio_list_init(&server->removed_children);
    sio_task_init(&server->idle_task, on_idle, server);
}

void sio_parents_done(sio_server *server) {
    sio_list *first;
    while ((first = sio_list_shift(&server->removed_children)) != NULL) {
        sio_namespace_free(SIO_CONTAINER(first, sio_namespace, in_parent));
    }
    while ((first = sio_list_shift(&server->parents)) != NULL) {
        parent_free(SIO_CONTAINER(first, sio_parent, link));
    }
    sio_handlers_done(&server->on_new_namespace);
}
