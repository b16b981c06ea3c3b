/**
 * @file sys/ack.h
 * @brief For those who hand out `sio_ack` handles: the client and the server library, and any other
 * user of the core. Weaker stability than the rest of the headers.
 *
 * A handle is made on the stack for each received event that asks for an acknowledgement, and
 * moves to the heap only when the application keeps it.
 */
#ifndef SIO_SYS_ACK_H
#define SIO_SYS_ACK_H

#include <sio/event.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What stands behind a handle. */
typedef struct sio_ack_source {
    /** Send the ACK packet with this id. `args` is borrowed and may be NULL.
     * @return as sio_ack_send() */
    int (*send)(void *owner, uint64_t id, const sio_args *args);
    /** Keep the owner's object while a handle is kept; and let go of it. */
    void (*retain)(void *owner);
    void (*release)(void *owner);
} sio_ack_source;

/** The handle. Members are private to event.c and sio_ack_begin(). */
struct sio_ack {
    const sio_ack_source *source;
    void *owner;
    const sio_mem *mem;
    uint64_t id;
    sio_ack
        *kept; /**< the copy on the heap, once there is one; this handle counts as a reference */
    uint32_t refs; /**< 0 for the handle on the stack */
    bool sent;
};

/** Make a handle for one event on the caller's stack.
 * @param mem borrowed for as long as the owner is retained; NULL means the C library's */
SIO_API void sio_ack_begin(sio_ack *ack, const sio_ack_source *source, void *owner, uint64_t id,
                           const sio_mem *mem);

/** The event was handed out: the handle on the stack ends. Kept ones live on. */
SIO_API void sio_ack_end(sio_ack *ack);

#ifdef __cplusplus
}
#endif

#endif
