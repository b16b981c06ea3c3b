/**
 * @file parent.h
 * @brief Dynamic namespaces: made when a client wants to join a name that is not there, if a parent
 * agrees.
 *
 * A parent is a `sio_namespace` that clients cannot join. What is set on it, middlewares and
 * handlers of every kind, is copied into each child when the child is made; what is set later
 * concerns later children only. What is sent to a parent, with any rooms and exceptions, goes to
 * each of its children; so do joining, leaving and disconnecting through a target. It has no peers
 * of its own.
 * sio_target_fetch() and sio_namespace_server_side_emit() on a parent are SIO_ERR_UNSUPPORTED.
 *
 * Parents are asked in the order they were made, the first that agrees gets the child.
 *
 * Threads and callbacks: as said in <sio/server.h>.
 */
#ifndef SIO_PARENT_H
#define SIO_PARENT_H

#include <sio/middleware.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The longest name that is tried on a pattern, in bytes; a longer one does not match. */
enum { SIO_PATTERN_NAME_MAX = 255 };

/** Names that match a pattern become namespaces, also through sio_server_of().
 *
 * The pattern is a POSIX extended regular expression (regcomp(3)), which looks for a match anywhere
 * in the name, slash included: write `^/room-[0-9]+$` for the whole of it. Clients choose the
 * names. The C library may need much time and memory for back-references (`\1`) and for large or
 * nested repetitions; avoid those.
 * @param ere copied
 * @return the parent, borrowed, lives as long as the server; NULL when the pattern is none (the log
 * says why) or when out of memory */
SIO_API sio_namespace *sio_server_of_pattern(sio_server *server, const char *ere);

/** Decides whether a name becomes a namespace: answer `next` now or later, as said in
 * <sio/middleware.h>; sio_next_ok() agrees, with sio_next_refuse() the next parent is asked. Its
 * sio_next_peer() is NULL: there is no peer yet.
 * @param name with its slash, borrowed for the call
 * @param auth the auth payload of CONNECT as JSON text, `{}` if there was none; borrowed for the
 * call */
typedef void (*sio_match_fn)(const char *name, sio_str auth, sio_next *next, void *user);

/** Names that `fn` agrees to become namespaces when a client wants to join them. If the namespace
 * is there by the time of the answer, the client joins that one.
 * @return as sio_server_of_pattern() */
SIO_API sio_namespace *sio_server_of_match(sio_server *server, sio_match_fn fn, void *user);

/** How many namespaces a parent has; 0 for one that is no parent. */
SIO_API size_t sio_namespace_child_count(const sio_namespace *ns);

/** The parent of a child; NULL for every other namespace. Borrowed. */
SIO_API sio_namespace *sio_namespace_parent(const sio_namespace *ns);

/** A namespace was made. */
typedef void (*sio_new_namespace_fn)(sio_namespace *ns, void *user);

/** Call `fn` for each namespace that is made from now on, by sio_server_of() or for a client,
 * before anybody joins it; not for parents.
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_server_on_new_namespace(sio_server *server, sio_new_namespace_fn fn, void *user);
/** Remove what sio_server_on_new_namespace() added with the same arguments. @return 0 or
 * SIO_ERR_NOT_FOUND */
SIO_API int sio_server_off_new_namespace(sio_server *server, sio_new_namespace_fn fn, void *user);

#ifdef __cplusplus
}
#endif

#endif
