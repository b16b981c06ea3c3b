/* What the chat does when its peers say something. README.md lists the events. */
#ifndef CHAT_EVENTS_H
#define CHAT_EVENTS_H

#include "chat_room.h"

/** Files are sent around in one piece, so they are small. */
enum { CHAT_FILE_BYTES = 1 << 20 };

/** The state of one chat; all zero to begin with. */
struct chat {
    sio_namespace *ns;
    struct chat_rooms rooms;
    uint64_t last_stamp;
};

/** Serve the chat in a namespace.
 * @param chat borrowed until the server is freed
 * @return 0 or SIO_ERR_NOMEM */
int chat_events_attach(struct chat *chat, sio_namespace *ns);

#endif
