#include "chat_history.h"

static void drop_oldest(struct chat_history *history) {
    struct chat_message *oldest = &history->ring[history->first];

    sio_args_unref(oldest->args);
    history->bytes -= oldest->bytes;
    history->first = (history->first + 1) % CHAT_HISTORY_MESSAGES;
    history->count--;
}

void chat_history_add(struct chat_history *history, const char *event, const sio_args *args,
                      size_t bytes) {
    struct chat_message message = {event, NULL, bytes};

    if (sio_args_ref(&message.args, args) != 0) {
        return;
    }
    while (history->count == CHAT_HISTORY_MESSAGES ||
           (history->count > 0 && history->bytes + bytes > CHAT_HISTORY_BYTES)) {
        drop_oldest(history);
    }
    history->ring[(history->first + history->count) % CHAT_HISTORY_MESSAGES] = message;
    history->count++;
    history->bytes += bytes;
}

void chat_history_replay(const struct chat_history *history, sio_peer *peer) {
    for (size_t i = 0; i < history->count; i++) {
        const struct chat_message *message =
            &history->ring[(history->first + i) % CHAT_HISTORY_MESSAGES];
        if (sio_peer_emit(peer, message->event, message->args, NULL) != 0) {
            return; /* gone, or too slow and therefore gone soon */
        }
    }
}

void chat_history_clear(struct chat_history *history) {
    while (history->count > 0) {
        drop_oldest(history);
    }
}
