/* Parents of dynamic namespaces, and the life of their children. */
#ifndef SIO_SERVER_PARENT_H
#define SIO_SERVER_PARENT_H

#include "namespace.h"

#include <sio/parent.h>

#include <regex.h>

typedef struct sio_parent {
    sio_list link;     /* in sio_server.parents, in the order they were made */
    sio_list children; /* of sio_namespace.in_parent */
    size_t child_count;
    sio_namespace *ns;
    sio_match_fn fn; /* NULL: the pattern */
    void *user;
    regex_t pattern;
    sio_adapter *cluster; /* leads to children that only other servers have; NULL: there are none */
} sio_parent;

/* The adapter of parents: hands on to those of the children. */
extern const sio_adapter_ops sio_parent_ops;

/* Where the server has a hub: find the way to other servers' children. What goes wrong is told to
 * `begun`. Errors: those of the adapter's maker. */
int sio_parent_join_cluster(sio_namespace *ns, sio_adapter_done_fn begun);

/* The parent behind `at`, which is one's link or the list's head; NULL behind the last. */
sio_parent *sio_parent_after(const sio_server *server, const sio_list *at);
/* Whether the pattern matches. */
bool sio_parent_matches(const sio_parent *parent, sio_str name);

/* The first whose pattern matches, or NULL. */
sio_parent *sio_parent_matching(const sio_server *server, sio_str name);

/* A new namespace becomes a child, which clients find. Errors: as sio_namespace_publish. */
int sio_parent_adopt(sio_parent *parent, sio_namespace *ns);
/* The namespace of that name: the one that is there, or a new child, and everyone has been told.
 * May end anything. Errors: SIO_ERR_LIMIT; as sio_namespace_publish. */
int sio_parent_provide(sio_namespace **out, sio_parent *parent, const char *name);
/* Peers of this server that the target names in all children. Errors: SIO_ERR_NOMEM, SIO_ERR_LIMIT.
 */
int64_t sio_parent_count(const sio_target *target);

/* Hand out the namespace to those who want to know. May end anything. */
void sio_namespace_tell_new(sio_namespace *ns);

/* A peer, or one that was to be, has gone. A child that is left alone goes a little later, from the
 * loop's deferred queue, if the server was told so. */
void sio_child_left(sio_namespace *ns);
/* A peer's memory goes: the last one takes the memory of a child that went with it, a little later.
 */
void sio_child_unref(sio_namespace *ns);

/* One whose adapter has not ended, or NULL. */
sio_namespace *sio_parent_with_adapter(const sio_server *server);
/* See sio_adapter_renew. */
void sio_parents_renew_adapters(const sio_server *server);

void sio_parents_init(sio_server *server);
/* At the server's end. */
void sio_parents_done(sio_server *server);

#endif
