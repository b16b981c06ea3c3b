/**
 * @file sys/adapter.h
 * @brief For those who connect several servers: what the server asks of an adapter, and what it
 * gives to one. Weaker stability than the rest of the headers.
 *
 * Each namespace has one adapter. Everything that concerns more than one peer goes through it:
 * rooms, broadcasts, their acknowledgements, queries, server-side events, stored sessions. The
 * adapter in memory, which a server uses when it is given none, calls the sio_adapter_local_*
 * functions and nothing else. An adapter for a cluster calls them too, and besides tells the other
 * servers, whose requests it carries out with the same functions.
 *
 * ### Asynchronous results
 * An operation with a completion returns 0 and calls it exactly once, never from inside the
 * operation; or it returns an error and never calls it. `close` completes what is still awaited
 * with SIO_ERR_DISCONNECTED before it returns, and the local functions do likewise for what they
 * were asked for.
 *
 * ### Threads and callbacks
 * Everything happens on the thread of the server's loop: an adapter that hears from elsewhere comes
 * in through sio_server_post(). The functions of this header may be called from every callback.
 */
#ifndef SIO_SYS_ADAPTER_H
#define SIO_SYS_ADAPTER_H

#include <sio/namespace.h>
#include <sio/peer.h>
#include <sio/target.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An event on its way to peers, or to other servers. Borrowed for the call. */
typedef struct sio_adapter_event {
    size_t size;          /**< sizeof(sio_adapter_event) */
    sio_str name;         /**< UTF-8 */
    const sio_args *args; /**< NULL: none. sio_args_write() gives their JSON text, and
                               sio_args_attachment() what is binary */
    sio_str offset;       /**< of a stored event: goes to peers as its last argument; empty: none */
    sio_peer *peer; /**< the one it is for, when it was sent with sio_peer_emit(): its own room
                         is the target then, and nobody else need be told; else NULL */
} sio_adapter_event;

/** A result without further content. */
typedef void (*sio_adapter_done_fn)(int status, void *user);

/** How many servers there are, this one included. */
typedef void (*sio_adapter_count_fn)(int status, uint32_t servers, void *user);

/** Who receives the answers to a broadcast that asked for acknowledgements. */
typedef struct sio_adapter_acks {
    size_t size; /**< sizeof(sio_adapter_acks) */
    /** How many peers were asked. Called before any answer; in a cluster again for each server,
     * with the number of its peers. */
    void (*on_count)(uint64_t peers, void *user);
    /** One answer. `from` is the peer's id, or empty when another server does not say. What it is
     * given is borrowed.
     * @return 0 to go on; an error ends the operation with it */
    int (*on_ack)(sio_str from, const sio_args *args, void *user);
    /** Before the end, one that has not answered, as far as they are known by name. */
    void (*on_missing)(sio_str id, void *user);
    /** Exactly once, the last call: SIO_OK when everyone has answered, SIO_ERR_TIMEOUT,
     * SIO_ERR_DISCONNECTED when the namespace ends, or what on_ack returned. */
    void (*on_end)(int status, void *user);
    void *user;
} sio_adapter_acks;

/** A session that is kept for a client that may come back. */
typedef struct sio_adapter_session {
    size_t size;              /**< sizeof(sio_adapter_session) */
    sio_str pid;              /**< the secret that names it */
    sio_str sid;              /**< the peer's id */
    const char *const *rooms; /**< the own one included */
    size_t room_count;
    const char *data; /**< JSON text of the peer's data, "{}" if none */
} sio_adapter_session;

/** What became of sio_adapter_ops.restore_session. Borrowed for the call.
 * @param status SIO_OK; SIO_ERR_NOT_FOUND for an unknown or expired session or offset
 * @param missed the events missed meanwhile, in order, each with its offset as last argument */
typedef void (*sio_adapter_restored_fn)(int status, const sio_adapter_session *session,
                                        const sio_adapter_event *missed, size_t missed_count,
                                        void *user);

typedef struct sio_adapter sio_adapter;

/**
 * What an adapter does. New members are only ever appended; one that is NULL, or beyond `size`, is
 * carried out as by the adapter in memory. A `target` is borrowed for the call.
 */
typedef struct sio_adapter_ops {
    size_t size; /**< sizeof(sio_adapter_ops) */

    /** Begin. A failure is logged; the namespace works on, without other servers. */
    int (*init)(sio_adapter *adapter, sio_adapter_done_fn done, void *user);
    /** The namespace ends. What is awaited is completed with SIO_ERR_DISCONNECTED before this
     * returns; afterwards no operation but `free` is called.
     * @param done called when other servers have been told, perhaps from inside the call; NULL when
     * the server is being freed, and nobody waits */
    void (*close)(sio_adapter *adapter, sio_adapter_done_fn done, void *user);
    /** Release the object; the last call. No callback may run any more. */
    void (*free)(sio_adapter *adapter);

    /** How many servers there are. */
    int (*server_count)(sio_adapter *adapter, sio_adapter_count_fn done, void *user);

    /** A peer of this server joins a room. Errors: those of sio_adapter_local_join(). */
    int (*join)(sio_adapter *adapter, sio_peer *peer, const char *room);
    /** It leaves one. */
    void (*leave)(sio_adapter *adapter, sio_peer *peer, const char *room);
    /** It leaves all of them, for good. */
    void (*leave_all)(sio_adapter *adapter, sio_peer *peer);

    /** Send an event to all of the target. With `target->is_local` only on this server. Errors:
     * those of sio_target_emit(). */
    int (*broadcast)(sio_adapter *adapter, const sio_target *target,
                     const sio_adapter_event *event);
    /** The same, and ask for acknowledgements, for at most `target->timeout_ms`, which is not 0. */
    int (*broadcast_with_ack)(sio_adapter *adapter, const sio_target *target,
                              const sio_adapter_event *event, const sio_adapter_acks *acks);

    /** Describe the peers of the target: sio_target_fetch() and sio_target_ids(). */
    int (*fetch)(sio_adapter *adapter, const sio_target *target, sio_fetch_fn done, void *user);

    /** All of the target join rooms, leave rooms, are disconnected. */
    int (*add_peers)(sio_adapter *adapter, const sio_target *target, const char *const *rooms,
                     size_t count);
    int (*del_peers)(sio_adapter *adapter, const sio_target *target, const char *const *rooms,
                     size_t count);
    int (*disconnect_peers)(sio_adapter *adapter, const sio_target *target, bool close_connection);

    /** Send an event to the other servers.
     * @param done NULL: no answer is asked for; else as said in sio_namespace_server_side_emit() */
    int (*server_side_emit)(sio_adapter *adapter, const sio_adapter_event *event,
                            uint32_t timeout_ms, sio_server_side_fn done, void *user);

    /** Keep the session of a client that was cut off. `session` is borrowed for the call.
     * @param done called when it is stored; NULL: nobody waits */
    int (*persist_session)(sio_adapter *adapter, const sio_adapter_session *session,
                           sio_adapter_done_fn done, void *user);
    /** Give it back, once, with what was missed since `offset`. */
    int (*restore_session)(sio_adapter *adapter, sio_str pid, sio_str offset,
                           sio_adapter_restored_fn done, void *user);
} sio_adapter_ops;

/** What every adapter begins with: the first member of its own struct. */
struct sio_adapter {
    const sio_adapter_ops *ops;
    sio_namespace *ns; /**< set by the server before `init` */
    /** Events to one peer, without acknowledgement, go through `broadcast` too, with the peer's own
     * room as target, so that they can be stored for a client that comes back. */
    bool stores_events;
};

/** @name What an adapter may use
 * Everything here concerns the peers of this server only.
 * @{ */

/** Send an event to those of the target. It is encoded and framed once and queued by reference.
 * Errors: those of sio_target_emit(). */
SIO_API int sio_adapter_local_emit(const sio_target *target, const sio_adapter_event *event);

/** The same, asking for acknowledgements, for at most `target->timeout_ms`, 0 meaning 5000. An ack
 * id of the namespace's counter is used. `acks` is copied.
 * @return 0, or those of sio_target_emit(); SIO_ERR_LIMIT when too many are awaited */
SIO_API int sio_adapter_local_emit_ack(const sio_target *target, const sio_adapter_event *event,
                                       const sio_adapter_acks *acks);

/** Put a peer into a room, with the events of sio_namespace_on_room().
 * @return 0, SIO_ERR_DISCONNECTED, SIO_ERR_NOMEM */
SIO_API int sio_adapter_local_join(sio_peer *peer, const char *room);
/** Take it out again, likewise. */
SIO_API void sio_adapter_local_leave(sio_peer *peer, const char *room);
/** Take it out of all of them, likewise. */
SIO_API void sio_adapter_local_leave_all(sio_peer *peer);

/** Describe those of the target. @return 0 or SIO_ERR_NOMEM, SIO_ERR_LIMIT, SIO_ERR_DISCONNECTED */
SIO_API int sio_adapter_local_fetch(const sio_target *target, sio_fetch_fn done, void *user);

/** Those of the target join rooms. @return 0, SIO_ERR_LIMIT or SIO_ERR_NOMEM */
SIO_API int sio_adapter_local_add(const sio_target *target, const char *const *rooms, size_t count);
/** They leave rooms. @return 0, SIO_ERR_LIMIT or SIO_ERR_NOMEM */
SIO_API int sio_adapter_local_del(const sio_target *target, const char *const *rooms, size_t count);
/** They are disconnected. @return 0, SIO_ERR_LIMIT or SIO_ERR_NOMEM */
SIO_API int sio_adapter_local_disconnect(const sio_target *target, bool close_connection);

/** Hand an event of another server to the handlers of sio_namespace_on_server_side().
 * @param ack the right to answer, or NULL; see <sio/sys/ack.h> */
SIO_API void sio_adapter_local_server_side(sio_namespace *ns, const sio_adapter_event *event,
                                           sio_ack *ack);

/** @} */

#ifdef __cplusplus
}
#endif

#endif
