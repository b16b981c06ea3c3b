/**
 * @file recovery.h
 * @brief Connection state recovery: offsets on the server, what a client remembers, and the fields
 * both exchange in CONNECT (Socket.IO protocol 5).
 */
#ifndef SIO_RECOVERY_H
#define SIO_RECOVERY_H

#include <sio/args.h>
#include <sio/buffer.h>
#include <sio/error.h>
#include <sio/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The longest offset this library makes. */
#define SIO_OFFSET_MAX 23

/** The longest text a client takes for an offset or pid. Longer trailing strings of events are
 * certainly something else. */
#define SIO_RECOVERY_TEXT_MAX 128

/** The source of offsets of one namespace: the caller's struct, all zero to begin with. */
typedef struct sio_offset_clock {
    uint64_t last_ms;
    uint64_t repeat; /**< offsets already made with `last_ms` */
} sio_offset_clock;

/** Make the next offset: the clock in base 64, most significant digit first, then `.` and a
 * counter when the clock did not move on. Never the same twice, also when the clock is set back.
 * @param wall_ms milliseconds since 1970
 * @param out receives the text without NUL
 * @return its length */
SIO_API size_t sio_offset_next(sio_offset_clock *clock, uint64_t wall_ms, char out[SIO_OFFSET_MAX]);

/** Server: what a client asks to recover. */
typedef struct sio_recovery_request {
    sio_str pid;
    sio_str offset;
} sio_recovery_request;

/** Server: read `pid` and `offset` from the auth payload of a CONNECT.
 * @param auth valid raw JSON object, or empty; borrowed, `out` points into it
 * @return true when both are there as strings that an offset or pid can be */
SIO_API bool sio_recovery_request_parse(sio_str auth, sio_recovery_request *out);

/** Client: what one namespace remembers in order to recover. The caller's struct. */
typedef struct sio_recovery {
    const sio_mem *mem;
    char *text; /**< pid, then offset; NULL while no pid is known */
    uint8_t pid_len;
    uint8_t offset_len;
} sio_recovery;

/** Prepare it. Nothing is allocated.
 * @param mem borrowed for its life; NULL means the C library's */
SIO_API void sio_recovery_init(sio_recovery *recovery, const sio_mem *mem);

/** Forget everything and release the memory. NULL is allowed. */
SIO_API void sio_recovery_free(sio_recovery *recovery);

/** A CONNECT reply came.
 * @param pid of the reply; empty when it had none, which ends the tracking of offsets
 * @return 1 when the session was recovered: the pid is the one known before; 0 when not;
 *         SIO_ERR_NOMEM: nothing is remembered */
SIO_API int sio_recovery_connected(sio_recovery *recovery, sio_str pid);

/** An event was handled: when a pid is known, the event asked for no acknowledgement and its last
 * argument is a string, that is the new offset. Call it after the handlers.
 * @param args the event's, borrowed
 * @param has_id of the packet */
SIO_API void sio_recovery_event(sio_recovery *recovery, const sio_args *args, bool has_id);

/** The pid known; empty when none. Borrowed until the next change. */
SIO_API sio_str sio_recovery_pid(const sio_recovery *recovery);

/** The offset remembered; empty when none. Borrowed until the next change. */
SIO_API sio_str sio_recovery_offset(const sio_recovery *recovery);

/** Append the auth payload for the next CONNECT: `{"pid":…,"offset":…}` overlaid with the members
 * of `auth`; `auth` alone when no pid is known, nothing when there is neither.
 * @param auth raw JSON object, or empty; borrowed
 * @param out appended to; as it was on failure
 * @return 0, SIO_ERR_SIO_PAYLOAD when `auth` is no valid JSON object, SIO_ERR_LIMIT,
 *         SIO_ERR_NOMEM */
SIO_API int sio_recovery_auth(const sio_recovery *recovery, sio_str auth, sio_buf *out);

#ifdef __cplusplus
}
#endif

#endif
