/**
 * @file target.h
 * @brief Broadcasting to those who are in some rooms and not in others.
 *
 * Threads and callbacks: as said in <sio/server.h>.
 */
#ifndef SIO_TARGET_H
#define SIO_TARGET_H

#include <sio/peer.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { SIO_TARGET_ROOMS = 8 };

/**
 * Who gets a broadcast: the peers of a namespace that are in any of the rooms (all, if no room is
 * given) and in none of the excepted ones. A peer's id is a room. Make one with
 * sio_namespace_target() or sio_peer_broadcast(), narrow it with sio_target_to() and
 * sio_target_except(), and use it as often as wanted; a copy is independent. Room names are
 * borrowed until the last use.
 */
typedef struct sio_target {
    sio_namespace *ns;
    const char *rooms[SIO_TARGET_ROOMS];
    const char *except[SIO_TARGET_ROOMS];
    size_t room_count;
    size_t except_count;
    int error;           /**< what could not be added; every use then returns it */
    bool is_volatile;    /**< drop the event for peers that cannot be written to right now */
    bool no_compress;    /**< do not compress, even where compression was negotiated */
    bool is_local;       /**< only peers of this server, where an adapter connects several */
    uint32_t timeout_ms; /**< for acknowledgements and queries; 0: 5000 */
    const char *const *more_rooms;  /**< of sio_target_to_all(), borrowed */
    const char *const *more_except; /**< of sio_target_except_all(), borrowed */
    size_t more_room_count;
    size_t more_except_count;
} sio_target;

/** Everyone in the namespace. */
SIO_API sio_target sio_namespace_target(sio_namespace *ns);

/** Everyone in the peer's namespace but the peer itself. */
SIO_API sio_target sio_peer_broadcast(sio_peer *peer);

/** Only those in this room, or in one of those named before. More than SIO_TARGET_ROOMS rooms that
 * are added one by one make every use fail with SIO_ERR_LIMIT: sio_target_to_all() takes any
 * number.
 * @return its argument */
SIO_API sio_target *sio_target_to(sio_target *target, const char *room);

/** Not those in this room. Limit as in sio_target_to(). @return its argument */
SIO_API sio_target *sio_target_except(sio_target *target, const char *room);

/** As sio_target_to() for any number of rooms. Of arrays that do not fit into the struct, a target
 * takes one; with a second every use fails with SIO_ERR_LIMIT.
 * @param rooms borrowed, array and names, until the last use
 * @return its argument */
SIO_API sio_target *sio_target_to_all(sio_target *target, const char *const *rooms, size_t count);
/** As sio_target_except() for any number of rooms, see sio_target_to_all(). */
SIO_API sio_target *sio_target_except_all(sio_target *target, const char *const *rooms,
                                          size_t count);

/** How many rooms the target names; 0 means everyone. */
SIO_API size_t sio_target_room_count(const sio_target *target);
/** Room `index` of them; NULL beyond the count. Borrowed. */
SIO_API const char *sio_target_room(const sio_target *target, size_t index);
/** How many rooms it excepts. */
SIO_API size_t sio_target_except_count(const sio_target *target);
/** Room `index` of those; NULL beyond the count. Borrowed. */
SIO_API const char *sio_target_except_room(const sio_target *target, size_t index);

/** Send an event to all of them. It is encoded and framed once.
 * @return 0, SIO_ERR_RESERVED, SIO_ERR_LIMIT, SIO_ERR_NOMEM. A peer whose queue is full is closed
 * and does not make the call fail. */
SIO_API int sio_target_emit(const sio_target *target, const char *event, const sio_args *args);

/** Send an event to all of them, with arguments as in sio_args_addf().
 * @return as sio_target_emit(), or an error of sio_args_addf() */
SIO_API int sio_target_emitf(const sio_target *target, const char *event, const char *format, ...);

/** Send the event "message" to all of them. As sio_target_emit(). */
SIO_API int sio_target_send(const sio_target *target, const sio_args *args);

/** The answer of one peer to a broadcast. */
typedef struct sio_target_response {
    const char *from;     /**< the peer's id; "" when another server did not say */
    const sio_args *args; /**< what it acknowledged with */
} sio_target_response;

/** What came of a broadcast with acknowledgements. Everything is borrowed for the call;
 * sio_args_ref() keeps arguments. Fields are only ever appended. */
typedef struct sio_target_reply {
    size_t size;
    /** SIO_OK: everyone has answered (perhaps nobody was there); SIO_ERR_TIMEOUT: not in time;
     * SIO_ERR_LIMIT: the answers are larger than sio_server_options.max_reply_bytes;
     * SIO_ERR_DISCONNECTED: the server was closed or freed; SIO_ERR_NOMEM */
    int status;
    const sio_target_response *responses; /**< in the order they arrived, whatever the status */
    size_t response_count;
    const char *const *missing; /**< ids of those that have not answered, as far as known */
    size_t missing_count;
    uint64_t asked; /**< how many were asked */
} sio_target_reply;

/** Called exactly once with the outcome of a broadcast with acknowledgements. */
typedef void (*sio_target_reply_fn)(const sio_target_reply *reply, void *user);

/** Send an event to all of them and gather their acknowledgements. Later and repeated answers are
 * ignored; a peer that disconnects does not answer any more.
 * @param timeout_ms 0: that of the target
 * @param fn called exactly once, unless an error is returned, and never from inside this call
 * @return as sio_target_emit(); also SIO_ERR_LIMIT when sio_server_options.max_pending_acks
 * broadcasts are awaited, SIO_ERR_DISCONNECTED when the server is closing */
SIO_API int sio_target_emit_ack(const sio_target *target, const char *event, const sio_args *args,
                                uint32_t timeout_ms, sio_target_reply_fn fn, void *user);

/** As sio_target_emit_ack(), with arguments as in sio_args_addf(). */
SIO_API int sio_target_emit_ackf(const sio_target *target, const char *event, uint32_t timeout_ms,
                                 sio_target_reply_fn fn, void *user, const char *format, ...);

/** A peer as sio_target_fetch() describes it, of this server or another. Borrowed for the call it
 * was given to, unless said otherwise. Fields are only ever appended. */
typedef struct sio_remote_peer {
    size_t size;
    sio_namespace *ns;
    const char *id;
    sio_peer *local; /**< the peer itself if it is connected to this server, else NULL */
    const sio_handshake *handshake; /**< never NULL */
    const char *const *rooms;       /**< its id among them */
    size_t room_count;
    const char *data; /**< JSON text of the peer's data, "{}" if none */
} sio_remote_peer;

/** The answer of sio_target_fetch(). Fields are only ever appended. */
typedef struct sio_fetch_reply {
    size_t size;
    int status; /**< SIO_OK; SIO_ERR_TIMEOUT when a server did not answer; SIO_ERR_DISCONNECTED when
                     the server was closed or freed; SIO_ERR_NOMEM */
    const sio_remote_peer *peers; /**< also those known when the status is an error */
    size_t count;
} sio_fetch_reply;

/** Called exactly once with the answer. */
typedef void (*sio_fetch_fn)(const sio_fetch_reply *reply, void *user);

/** Describe all of them: ids, rooms, data, on every server that the adapter connects.
 * @param fn called exactly once, unless an error is returned, and never from inside this call
 * @return 0, SIO_ERR_LIMIT, SIO_ERR_NOMEM, SIO_ERR_DISCONNECTED when the server is closing */
SIO_API int sio_target_fetch(const sio_target *target, sio_fetch_fn fn, void *user);

/** The target that is just this peer. Borrows its id. */
SIO_API sio_target sio_remote_peer_target(const sio_remote_peer *peer);
/** Send an event to it. As sio_target_emit(). */
SIO_API int sio_remote_peer_emit(const sio_remote_peer *peer, const char *event,
                                 const sio_args *args);
/** Send an event to it and await its acknowledgement.
 * @param fn called exactly once, unless an error is returned; its status is SIO_ERR_DISCONNECTED
 * when the peer is not there any more, else as in sio_target_reply
 * @return as sio_target_emit_ack() */
SIO_API int sio_remote_peer_emit_ack(const sio_remote_peer *peer, const char *event,
                                     const sio_args *args, uint32_t timeout_ms, sio_reply_fn fn,
                                     void *user);
/** Make it join a room. As sio_target_join(). */
SIO_API int sio_remote_peer_join(const sio_remote_peer *peer, const char *room);
/** Make it leave a room. As sio_target_leave(). */
SIO_API int sio_remote_peer_leave(const sio_remote_peer *peer, const char *room);
/** Disconnect it. As sio_target_disconnect(). */
SIO_API int sio_remote_peer_disconnect(const sio_remote_peer *peer, bool close_connection);

/** Make all of them join a room. @return 0, SIO_ERR_LIMIT or SIO_ERR_NOMEM */
SIO_API int sio_target_join(const sio_target *target, const char *room);
/** Make all of them leave a room. @return 0, SIO_ERR_LIMIT or SIO_ERR_NOMEM */
SIO_API int sio_target_leave(const sio_target *target, const char *room);
/** Disconnect all of them, as sio_peer_disconnect(). @return 0, SIO_ERR_LIMIT or SIO_ERR_NOMEM */
SIO_API int sio_target_disconnect(const sio_target *target, bool close_connection);

/** Make all of them join several rooms. As sio_target_join(). */
SIO_API int sio_target_join_all(const sio_target *target, const char *const *rooms, size_t count);
/** Make all of them leave several rooms. As sio_target_leave(). */
SIO_API int sio_target_leave_all(const sio_target *target, const char *const *rooms, size_t count);

/** How many peers of this server the target names now. @return the count, SIO_ERR_NOMEM or
 * SIO_ERR_LIMIT */
SIO_API int64_t sio_target_count(const sio_target *target);

#ifdef __cplusplus
}
#endif

#endif
