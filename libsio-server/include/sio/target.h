/**
 * @file target.h
 * @brief Broadcasting to those who are in some rooms and not in others.
 *
 * Threads and callbacks: as said in <sio/server.h>.
 */
#ifndef SIO_TARGET_H
#define SIO_TARGET_H

#include <sio/server_types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { SIO_TARGET_ROOMS = 8 };

/**
 * Who gets a broadcast: the peers of a namespace that are in any of the rooms (all, if no room is
 * given) and in none of the excepted ones. A peer's id is a room. Make one with
 * sio_namespace_target() or sio_peer_broadcast(), narrow it with sio_target_to() and
 * sio_target_except(), and use it as often as wanted. Room names are borrowed until the last use.
 */
typedef struct sio_target {
    sio_namespace *ns;
    const char *rooms[SIO_TARGET_ROOMS];
    const char *except[SIO_TARGET_ROOMS];
    size_t room_count;
    size_t except_count;
    int error;        /**< what could not be added; every use then returns it */
    bool is_volatile; /**< drop the event for peers that cannot be written to right now */
    bool no_compress; /**< do not compress, even where compression was negotiated */
} sio_target;

/** Everyone in the namespace. */
SIO_API sio_target sio_namespace_target(sio_namespace *ns);

/** Everyone in the peer's namespace but the peer itself. */
SIO_API sio_target sio_peer_broadcast(sio_peer *peer);

/** Only those in this room, or in one of those named before. More than SIO_TARGET_ROOMS rooms make
 * every use fail with SIO_ERR_LIMIT.
 * @return its argument */
SIO_API sio_target *sio_target_to(sio_target *target, const char *room);

/** Not those in this room. Limit as in sio_target_to(). @return its argument */
SIO_API sio_target *sio_target_except(sio_target *target, const char *room);

/** Send an event to all of them. It is encoded and framed once.
 * @return 0, SIO_ERR_RESERVED, SIO_ERR_LIMIT, SIO_ERR_NOMEM. A peer whose queue is full is closed
 * and does not make the call fail. */
SIO_API int sio_target_emit(const sio_target *target, const char *event, const sio_args *args);

/** Send an event to all of them, with arguments as in sio_args_addf().
 * @return as sio_target_emit(), or an error of sio_args_addf() */
SIO_API int sio_target_emitf(const sio_target *target, const char *event, const char *format, ...);

/** Make all of them join a room. @return 0, SIO_ERR_LIMIT or SIO_ERR_NOMEM */
SIO_API int sio_target_join(const sio_target *target, const char *room);
/** Make all of them leave a room. @return 0, SIO_ERR_LIMIT or SIO_ERR_NOMEM */
SIO_API int sio_target_leave(const sio_target *target, const char *room);
/** Disconnect all of them, as sio_peer_disconnect(). @return 0, SIO_ERR_LIMIT or SIO_ERR_NOMEM */
SIO_API int sio_target_disconnect(const sio_target *target, bool close_connection);

/** How many peers the target names now. @return the count, SIO_ERR_NOMEM or SIO_ERR_LIMIT */
SIO_API int64_t sio_target_count(const sio_target *target);

#ifdef __cplusplus
}
#endif

#endif
