/* The last messages of a room, kept exactly as they were sent: an event's name and its argument
 * list, which is shared with the broadcast and not copied. */
#ifndef CHAT_HISTORY_H
#define CHAT_HISTORY_H

#include <sio/server.h>

/** What one room may keep. Whatever is reached first drops the oldest messages. */
enum { CHAT_HISTORY_MESSAGES = 50, CHAT_HISTORY_BYTES = 2 << 20 };

struct chat_message {
    const char *event;
    sio_args *args;
    size_t bytes;
};

/** A ring; all zero is an empty one. */
struct chat_history {
    struct chat_message ring[CHAT_HISTORY_MESSAGES];
    size_t first;
    size_t count;
    size_t bytes;
};

/** Keep a message.
 * @param event a string literal
 * @param args a list that was built; a reference is taken
 * @param bytes what it weighs, at most CHAT_HISTORY_BYTES */
void chat_history_add(struct chat_history *history, const char *event, const sio_args *args,
                      size_t bytes);

/** Send everything that is kept to one peer, oldest first. */
void chat_history_replay(const struct chat_history *history, sio_peer *peer);

/** Forget everything. */
void chat_history_clear(struct chat_history *history);

#endif
